//! Moments that are half-written: what is kept of them.

use serde::{Deserialize, Serialize};

use crate::id::{BlobId, DraftId};
use crate::time::Timestamp;

/// What a file is to the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// One of its photos, as it came.
    Photo,
    /// Its video.
    Video,
    /// The still picture of the video.
    Poster,
}

/// A file that waits with a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DraftFile {
    /// Its id: of these sealed bytes, and of no other.
    pub id: BlobId,
    /// What it is to the moment.
    pub part: Part,
    /// The media type it came with.
    pub mime: String,
    /// Its length, bytes.
    pub bytes: u64,
}

/// A draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptDraft {
    /// Its id.
    pub id: DraftId,
    /// When it was kept last.
    pub saved_at: Timestamp,
    /// What the application says of it, in its own form.
    pub words: String,
    /// Its files, in the order in which they are shown.
    pub files: Vec<DraftFile>,
}
