//! What an application asks of the service, as plain values. Answers stand in [`crate::view`].
//!
//! People and moments are named by *words* here: a unique prefix of an id, the name one gave, or their own name where
//! it is unambiguous. The service resolves them, so that every face of the program names things the same way.

mod care;

pub use care::{AlbumQuery, FavesQuery};
mod privacy;
mod settings;

pub use privacy::PrivacyDraft;
pub use settings::SettingsDraft;
mod notice;
mod sharing;

pub use notice::NoticesQuery;
pub use sharing::{ShareDraft, SharedMedium};
mod words;

pub use words::{LinkDraft, MoodDraft, PictureChange, PictureDraft, PlaceDraft, Precision, StatusDraft};

use crate::crypto::BlobKey;
use crate::id::BlobId;
use crate::time::Timestamp;

/// Whom a moment is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AudienceWords {
    /// Tags or people who may see it; empty = everyone.
    pub to: Vec<String>,
    /// Tags or people who may not.
    pub except: Vec<String>,
    /// Only me; with this, the others must be empty.
    pub private: bool,
}

/// A blob that was sealed and stands durably in the home, before a moment names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedBlob {
    /// Its id.
    pub id: BlobId,
    /// Its key.
    pub key: BlobKey,
    /// BLAKE3 of the plaintext.
    pub plain_hash: [u8; 32],
    /// Bytes of the plaintext.
    pub plain_bytes: u64,
}

/// A photo to be posted: already re-encoded, stripped and sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoDraft {
    /// The picture.
    pub picture: SealedBlob,
    /// Its small version.
    pub preview: SealedBlob,
    /// Media type of the picture: `image/jpeg`, `image/png` or `image/webp`.
    pub mime: String,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// ThumbHash.
    pub thumbhash: Vec<u8>,
    /// What it shows.
    pub alt: Option<String>,
}

/// A video to be posted: looked at, freed of what it says besides pictures and sound, and sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoDraft {
    /// The video.
    pub film: SealedBlob,
    /// A still picture of it as JPEG; none where nobody could make one.
    pub poster: Option<SealedBlob>,
    /// Media type of the video: `video/mp4` or `video/webm`.
    pub mime: String,
    /// Pixels, as it is shown.
    pub width: u16,
    /// Pixels, as it is shown.
    pub height: u16,
    /// How long it plays, ms.
    pub duration_ms: u32,
    /// ThumbHash of the poster; empty without one.
    pub thumbhash: Vec<u8>,
    /// What it shows.
    pub alt: Option<String>,
}

/// A moment to be posted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PostDraft {
    /// The text; may be empty if there is a photo or a video.
    pub text: String,
    /// At most nine.
    pub photos: Vec<PhotoDraft>,
    /// Instead of photos.
    pub video: Option<VideoDraft>,
    /// A link.
    pub link: Option<LinkDraft>,
    /// Where.
    pub place: Option<PlaceDraft>,
    /// How it felt.
    pub mood: Option<MoodDraft>,
    /// Whom it mentions, by words.
    pub mentions: Vec<String>,
    /// Whether it may be shared on.
    pub shareable: bool,
    /// Whom it is for.
    pub audience: AudienceWords,
    /// Which attempt at sharing it this is: the same attempt shares it once. None for one that is never made again.
    pub attempt: Option<Attempt>,
}

/// An attempt at sharing a moment, which may be made again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The hash of the word that names it.
    pub id: [u8; 32],
    /// The hash of all that it asks for.
    pub says: [u8; 32],
}

impl Attempt {
    /// The attempt that goes by this word, and asks for this.
    pub fn new(word: &[u8], says: &[u8]) -> Self {
        Self { id: crate::crypto::hash(word), says: crate::crypto::hash(says) }
    }
}

/// Which part of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimelineQuery {
    /// How many moments, 1 to 10,000; 20 if 0.
    pub limit: usize,
    /// The `next` of an earlier page.
    pub before: Option<String>,
    /// Only this person's, by words (`me` for one's own).
    pub from: Option<String>,
    /// Not older.
    pub since: Option<Timestamp>,
    /// Not younger.
    pub until: Option<Timestamp>,
    /// Only those in which each of these words occurs, in whatever case and with or without accents.
    pub search: Option<String>,
    /// Look at no more moments than so many and say how far that went; 0 for no such bound.
    pub look: usize,
}

/// An invite to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InviteDraft {
    /// Whom I expect; becomes the friend's name in my list.
    pub name: Option<String>,
    /// How long it holds, ms; a day if none; at most seven days.
    pub life_ms: Option<u64>,
    /// Say yes beforehand to whoever redeems it.
    pub auto_confirm: bool,
}

/// Changes to what friends see of me; `None` leaves a thing as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileDraft {
    /// The name I go by.
    pub name: Option<String>,
    /// A line about me.
    pub about: Option<String>,
    /// A small square picture.
    pub avatar: PictureChange,
    /// A large one, above the album.
    pub cover: PictureChange,
}
