//! Sharing a moment on, as it is asked.

use super::{AudienceWords, SealedBlob};
use crate::id::BlobId;

/// A moment to be shared on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShareDraft {
    /// Which, by a prefix of its id.
    pub moment: String,
    /// One's own words; may be empty.
    pub text: String,
    /// Whom it mentions, by words.
    pub mentions: Vec<String>,
    /// Whom it is for.
    pub audience: AudienceWords,
}

/// A photo or video of a moment that is to be shared on, as its first author signed it and as it lies here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedMedium {
    /// The picture.
    pub picture: SealedBlob,
    /// Its small version, as far as its first author signed one.
    pub preview: Option<SealedBlob>,
}

impl SharedMedium {
    /// Its blobs.
    pub fn blobs(&self) -> impl Iterator<Item = BlobId> {
        [Some(self.picture.id), self.preview.as_ref().map(|preview| preview.id)].into_iter().flatten()
    }
}
