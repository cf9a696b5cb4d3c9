//! What happened that concerns me: likes, comments, replies, mentions, and what was taken away.
//!
//! A notice says who did what beneath which moment; what they said is read from the thread when it is shown.

use std::fmt;

use serde::Serialize;

use super::Person;
use crate::id::{EntryId, UserId};
use crate::time::Timestamp;

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeKind {
    /// Likes my moment.
    Like,
    /// Said something beneath my moment.
    Comment,
    /// Answered what I said, beneath whosever moment.
    Reply,
    /// Mentions me in a moment.
    Mention,
    /// Took away what I said beneath their moment.
    Hidden,
}

/// One thing that concerns me.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Its id: that of the like, the comment or the moment it is about.
    pub id: EntryId,
    /// What was done.
    pub kind: NoticeKind,
    /// Who did it.
    pub from: Person,
    /// The moment.
    pub moment: EntryId,
    /// The comment, if it is about one.
    pub comment: Option<EntryId>,
    /// What the comment, or the moment that mentions me, says; empty for a like.
    pub text: String,
    /// When it came here.
    pub at: Timestamp,
    /// Whether it is marked as read.
    pub read: bool,
}

/// One page of notices, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notices {
    /// The notices.
    pub notices: Vec<Notice>,
    /// How many are unread in all.
    pub unread: usize,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

/// What gives no notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Muted {
    /// A moment.
    Moment(EntryId),
    /// A friend.
    Person(UserId),
}

impl fmt::Display for Muted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moment(id) => id.fmt(f),
            Self::Person(id) => id.fmt(f),
        }
    }
}
