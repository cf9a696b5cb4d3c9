//! What an application sees of a moment that is shared on, and of where one's own moment stands.

use serde::Serialize;

use super::{Link, Mood, Person, Place};
use crate::id::UserId;
use crate::time::Timestamp;

/// The moment that another one shares on. Who wrote it, and every word of it, was verified before it came here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedFrom {
    /// The first author.
    pub id: UserId,
    /// The name I know them under; of somebody I do not know, the one they signed.
    pub name: String,
    /// Whether I know them: else the name is only what they said of themselves.
    pub known: bool,
    /// When it was written, by the first author's clock.
    pub created_at: Timestamp,
    /// The text.
    pub text: String,
    /// A link card.
    pub link: Option<Link>,
    /// Where.
    pub place: Option<Place>,
    /// A mood or activity.
    pub mood: Option<Mood>,
    /// The device that signed it was revoked since, as far as I know: it may have been in other hands.
    pub device_revoked: bool,
}

/// Where one's own moment stands with a friend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WhoState {
    /// User id.
    pub id: UserId,
    /// Name.
    pub name: String,
    /// `waiting`, `carried`, `have` or `withdrawn`.
    pub state: &'static str,
    /// Who carries it.
    pub by: Vec<Person>,
    /// When a session with them was last up.
    pub last_seen: Option<Timestamp>,
}

/// Where one's own moment stands with everybody who may read it, or could before it was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Who {
    /// Each of them, by name.
    pub people: Vec<WhoState>,
    /// Whether it was withdrawn: then `withdrawn` is the state of those whose node has confirmed that it is gone.
    pub withdrawn: bool,
}
