//! What concerns me: notices, what gives none, and what I take away beneath my moments.

use super::Client;
use crate::ask::NoticesQuery;
use crate::error::Result;
use crate::id::EntryId;
use crate::view;

impl Client {
    /// Takes away what somebody said beneath a moment of mine.
    ///
    /// # Errors
    /// Not found; refused beneath somebody else's moment.
    pub async fn hide(&self, id: &str) -> Result<EntryId> {
        let id = id.to_owned();
        self.call(move |service| service.hide(&id)).await
    }

    /// One page of notices, newest first.
    ///
    /// # Errors
    /// Usage for a cursor that is none; refused above the limit.
    pub async fn notices(&self, query: NoticesQuery) -> Result<view::Notices> {
        self.call(move |service| service.notices(&query)).await
    }

    /// Marks all notices as read, or those up to one; how many are left unread.
    ///
    /// # Errors
    /// Not found.
    pub async fn read_notices(&self, until: Option<String>) -> Result<usize> {
        self.call(move |service| service.read_notices(until.as_deref())).await
    }

    /// Gives no notices about a moment, or from a friend, any more.
    ///
    /// # Errors
    /// Not found, also for a word that names both.
    pub async fn mute(&self, word: &str) -> Result<view::Muted> {
        let word = word.to_owned();
        self.call(move |service| service.mute(&word)).await
    }

    /// Ends a mute.
    ///
    /// # Errors
    /// Not found, also for a word that names both.
    pub async fn unmute(&self, word: &str) -> Result<view::Muted> {
        let word = word.to_owned();
        self.call(move |service| service.unmute(&word)).await
    }
}
