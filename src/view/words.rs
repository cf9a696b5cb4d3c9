//! What stands beside text and pictures: a link's card, a place, a mood, a person's status.

use serde::Serialize;

use super::base64;
use crate::id::BlobId;
use crate::time::Timestamp;

/// A place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Place {
    /// Its name; may be empty if there is a position.
    pub name: String,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
    /// How exactly that is told: `exact`, `area` or `city`.
    pub precision: &'static str,
}

/// A link card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Where it leads: `http` or `https`.
    pub url: String,
    /// Title of the page.
    pub title: String,
    /// What the page says of itself.
    pub description: String,
    /// Name of the site.
    pub site: String,
    /// Id of its picture for `blob`.
    pub image: Option<BlobId>,
    /// Id of the small version for `blob`.
    pub preview: Option<BlobId>,
    /// ThumbHash of the picture; empty without one.
    #[serde(serialize_with = "base64")]
    pub thumbhash: Vec<u8>,
}

/// A mood or activity beside a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mood {
    /// One emoji, or nothing.
    pub emoji: String,
    /// In words, or nothing.
    pub text: String,
}

/// What a person says that they are at, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusLine {
    /// In words, or nothing.
    pub text: String,
    /// One emoji, or nothing.
    pub emoji: String,
    /// Until when it is shown.
    pub until: Timestamp,
}
