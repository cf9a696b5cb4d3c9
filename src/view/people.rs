//! What is shown of people who are not friends yet: requests, what strangers show, introductions.

use serde::Serialize;

use super::{Moment, Person};
use crate::id::{InviteId, UserId};
use crate::time::Timestamp;

/// Somebody who wants to be a friend, or whose answer is awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Id for `confirm` and `decline`: the other's user id.
    pub id: UserId,
    /// The name they claim, or under which they were introduced.
    pub name: String,
    /// The name I expected when I made the invite.
    pub expected: Option<String>,
    /// How it came about: `invite` (they redeemed mine), `accepted` (I redeemed theirs), `introduction`.
    pub via: &'static str,
    /// Who introduced us.
    pub by: Option<Person>,
    /// Whether I have said yes and the other's answer is awaited.
    pub confirmed: bool,
    /// How many moments they show me as a stranger.
    pub moments: usize,
    /// When.
    pub at: Timestamp,
}

/// A request with what the other shows to strangers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestShown {
    /// The request.
    pub request: Request,
    /// Their moments, newest first.
    pub moments: Vec<Moment>,
}

/// Two friends who were offered to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Introduced {
    /// Names this introduction.
    pub id: InviteId,
    /// The two.
    pub people: Vec<Person>,
}
