//! What a person is at, for a while.

use super::Client;
use crate::ask::StatusDraft;
use crate::error::Result;
use crate::id::EntryId;
use crate::service::Service;
use crate::view;

impl Client {
    /// Tells friends what I am at, until it ends: its entry, and how it is shown. Stored and flushed when this returns.
    ///
    /// # Errors
    /// Usage if it says nothing or lasts no time; refused above a limit.
    pub async fn set_status(&self, draft: StatusDraft) -> Result<(EntryId, view::StatusLine)> {
        self.call(move |service| service.set_status(draft)).await
    }

    /// Takes my status back: the entry it was, if there was one.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn clear_status(&self) -> Result<Option<EntryId>> {
        self.call(Service::clear_status).await
    }
}
