//! Verbs about people beyond the first: blocking, introducing, what a stranger shows.

use super::{Client, Result};
use crate::view;

impl Client {
    /// Blocks a friend, silently.
    ///
    /// # Errors
    /// Not found.
    pub async fn block_friend(&self, who: &str) -> Result<view::Friend> {
        let who = who.to_owned();
        self.call(move |service| service.block_friend(&who)).await
    }

    /// Puts somebody who is blocked back as they were.
    ///
    /// # Errors
    /// Not found; refused above the limit of friends.
    pub async fn unblock_friend(&self, who: &str) -> Result<view::Friend> {
        let who = who.to_owned();
        self.call(move |service| service.unblock_friend(&who)).await
    }

    /// Whoever is blocked, by name.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn blocked_people(&self) -> Result<Vec<view::Person>> {
        self.call(|service| Ok(service.blocked_people())).await
    }

    /// Offers two friends to each other.
    ///
    /// # Errors
    /// Not found; refused if they are one, were introduced already, or too many introductions are open.
    pub async fn introduce(&self, a: &str, b: &str) -> Result<view::Introduced> {
        let (a, b) = (a.to_owned(), b.to_owned());
        self.call(move |service| service.introduce(&a, &b)).await
    }

    /// One request, with the moments that its sender shows to strangers.
    ///
    /// # Errors
    /// Not found.
    pub async fn request(&self, who: &str) -> Result<view::RequestShown> {
        let who = who.to_owned();
        self.call(move |service| service.request(&who)).await
    }
}
