//! Who sees what: Moments privacy, chats-only friends, changed audiences, my moments as a friend sees them.

use super::Client;
use crate::ask::{AudienceWords, PrivacyDraft, TimelineQuery};
use crate::error::Result;
use crate::view;

impl Client {
    /// Moments privacy.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn privacy(&self) -> Result<view::Privacy> {
        self.call(|service| Ok(service.privacy())).await
    }

    /// Changes Moments privacy: all of it or nothing.
    ///
    /// # Errors
    /// Not found for a friend; usage for a window or number that is none, or a contradiction.
    pub async fn set_privacy(&self, draft: PrivacyDraft) -> Result<view::Privacy> {
        self.call(move |service| service.set_privacy(&draft)).await
    }

    /// Makes a friend chats-only, or not.
    ///
    /// # Errors
    /// Not found.
    pub async fn chats_only(&self, who: &str, is_so: bool) -> Result<view::Friend> {
        let who = who.to_owned();
        self.call(move |service| service.chats_only(&who, is_so)).await
    }

    /// Changes who may see a moment of mine. Stored and flushed when this returns.
    ///
    /// # Errors
    /// Not found for the moment or an audience word; refused for somebody else's.
    pub async fn change_audience(&self, id: &str, audience: AudienceWords) -> Result<view::AudienceChange> {
        let id = id.to_owned();
        self.call(move |service| service.change_audience(&id, &audience)).await
    }

    /// What that would do.
    ///
    /// # Errors
    /// As [`Client::change_audience`].
    pub async fn audience_dry_run(&self, id: &str, audience: AudienceWords) -> Result<view::AudienceDryRun> {
        let id = id.to_owned();
        self.call(move |service| service.audience_dry_run(&id, &audience)).await
    }

    /// One page of my moments as a friend sees them.
    ///
    /// # Errors
    /// As [`Client::timeline`]; not found for an unknown friend.
    pub async fn timeline_as(&self, who: &str, query: TimelineQuery) -> Result<view::Page> {
        let who = who.to_owned();
        self.call(move |service| service.timeline_as(&who, &query)).await
    }
}
