//! How the pages are for their person.

use super::Client;
use crate::ask::SettingsDraft;
use crate::error::Result;
use crate::view;

impl Client {
    /// How the pages are.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn settings(&self) -> Result<view::Settings> {
        self.call(|service| service.settings()).await
    }

    /// Changes how the pages are. Stored and flushed when this returns.
    ///
    /// # Errors
    /// Usage for what cannot be the code of a language.
    pub async fn set_settings(&self, draft: SettingsDraft) -> Result<view::Settings> {
        self.call(move |service| service.set_settings(draft)).await
    }
}
