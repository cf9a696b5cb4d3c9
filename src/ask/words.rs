//! What a moment or a person may say beside text and pictures: a link, a place, a mood; a status, profile pictures.

use crate::ask::{PhotoDraft, SealedBlob};
pub use crate::moment::card::Precision;

/// A place to be named. The service rounds the position before anything is sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceDraft {
    /// Its name; may be empty if there is a position.
    pub name: String,
    /// Degrees north and east, as exactly as they are known here.
    pub at: Option<(f64, f64)>,
    /// How exactly they are told.
    pub precision: Precision,
}

/// The card of a link, made by whoever posts it: readers fetch nothing from the address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkDraft {
    /// The address, `http` or `https`.
    pub url: String,
    /// The page's title.
    pub title: String,
    /// What the page says of itself.
    pub description: String,
    /// The name of the site.
    pub site: String,
    /// Its picture. It counts among the nine of a moment and is left out where there is no room.
    pub image: Option<PhotoDraft>,
}

/// A mood or activity beside a moment; not both empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MoodDraft {
    /// One emoji.
    pub emoji: String,
    /// In words.
    pub text: String,
}

/// What friends are told that I am at, for a while; not both empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusDraft {
    /// In words.
    pub text: String,
    /// One emoji.
    pub emoji: String,
    /// How long, ms; a day if none, at most seven.
    pub life_ms: Option<u64>,
}

/// A profile picture: already cut, stripped and sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureDraft {
    /// The picture.
    pub picture: SealedBlob,
    /// Its media type: `image/jpeg`, `image/png` or `image/webp`.
    pub mime: String,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// ThumbHash.
    pub thumbhash: Vec<u8>,
}

/// What becomes of a profile picture.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PictureChange {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Remove,
    /// Another takes its place.
    Set(Box<PictureDraft>),
}
