//! Photos and videos: what a person chooses goes in, what friends receive comes out.
//!
//! Why: a file from a camera tells where and when it was taken, with which device, sometimes by whom;
//! it is ten times larger than a timeline needs; and a picture from elsewhere may be made to
//! exhaust the machine that opens it. All three are dealt with here, before anything is
//! sealed or stored.
//!
//! The idea is one straight line with no way round any of its steps:
//!
//! ```text
//! file ─ probe ──── decode ───────────── encode ─────────────────────────── Photo
//!        by magic   limits, then pixels  crop, reduce, turn, filter,        photo ≤ 2048 px
//!        bytes      on white, 8 bits     write anew, however small it was   preview ≤ 24 KiB
//!                                                                           ThumbHash ≤ 25 B
//! ```
//!
//! What a person does to a photo ([`edit`], [`filter`]) is part of that line, and who is still choosing sees it as a
//! [`sketch()`]. Videos ([`video`]) have a line of their own.
//!
//! What comes out is always JPEG made of pixels alone: no EXIF, no GPS, no XMP, no colour profile, no
//! comment, nothing after the end. "Small, so leave it" and "larger than before, so keep the
//! original" are the two ways by which others' strippers leaked; neither exists.
//!
//! What it does not do: alt text (the post carries it), colour management (`decode`
//! says what that means for wide-gamut pictures). Pictures of friends are never decoded: the node
//! passes their bytes on, and the reader's browser shows them (docs/protocol.md 3.18).
//!
//! Invariants: never a panic, whatever the bytes; memory bounded by `limits`; one picture at a
//! time ([`prepare_photo`]); same file, same result.
//!
//! Source: docs/protocol.md 3.9 and 3.18.

pub mod code;
mod decode;
pub mod edit;
mod encode;
mod error;
mod exif;
pub mod filter;
pub mod limits;
mod portrait;
pub mod probe;
pub mod sample;
mod sketch;
pub mod video;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use std::fmt;

use tokio::sync::Semaphore;

use edit::Edit;
pub use error::Error;
pub use portrait::{Shape, prepare_portrait};
pub use sketch::sketch;

/// A photo as it is published.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    /// Media type of `bytes`: always `image/jpeg`.
    pub mime: &'static str,
    /// Width of the published picture, in pixels, 1 to [`limits::SIDE_TARGET`].
    pub width: u16,
    /// Height of the published picture, in pixels, 1 to [`limits::SIDE_TARGET`].
    pub height: u16,
    /// The published picture.
    pub bytes: Vec<u8>,
    /// A small JPEG of it, at most [`limits::PREVIEW_LEN_LIMIT`] bytes.
    pub preview: Vec<u8>,
    /// Its ThumbHash, at most 25 bytes.
    pub thumbhash: Vec<u8>,
}

impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, bytes, preview, .. } = self;
        write!(f, "Photo({width}×{height}, {}b, preview {}b)", bytes.len(), preview.len())
    }
}

/// Makes a photo fit to be published from any file.
///
/// # Errors
/// [`Error`]; every variant but [`Error::Interrupted`]. The message is for the person.
///
/// # Cost
/// CPU-bound: call it from a thread that may block, or use [`prepare_photo`]. A 12-megapixel JPEG
/// takes a few hundred milliseconds of one core; memory as `decode` says.
pub fn photo(input: &[u8]) -> Result<Photo, Error> {
    edited(input, &Edit::default())
}

/// [`photo`], with what a person did to it.
///
/// # Errors
/// As [`photo`]; [`Error::CropOutside`], [`Error::CropTooSmall`].
pub fn edited(input: &[u8], edit: &Edit) -> Result<Photo, Error> {
    let picture = encode::upright(decode::photo_pixels(input)?, edit)?;
    let preview = encode::preview(&picture)?;
    let thumbhash = encode::thumbhash(&picture)?;
    let bytes = encode::jpeg(&picture, limits::JPEG_QUALITY)?;
    // That nothing but the picture goes out is a promise, so it is looked at and not only believed.
    if probe::has_metadata(&bytes) || probe::has_metadata(&preview) {
        return Err(Error::NotBare);
    }
    let side = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
    let (width, height) = (side(picture.width()), side(picture.height()));
    Ok(Photo { mime: "image/jpeg", width, height, bytes, preview, thumbhash })
}

/// [`photo`] off the runtime's threads, [`limits::CONCURRENT_LIMIT`] at a time; callers wait their turn.
///
/// # Errors
/// As [`photo`]; [`Error::Interrupted`] while the runtime shuts down.
///
/// # Cancel
/// May be dropped at any point. Work that has begun goes on to its end and keeps its turn until
/// then, so that giving up and trying again cannot pile up work.
pub async fn prepare_photo(input: Vec<u8>) -> Result<Photo, Error> {
    in_turn(move || photo(&input)).await
}

/// [`edited`], likewise.
///
/// # Errors
/// As [`prepare_photo`].
///
/// # Cancel
/// As [`prepare_photo`].
pub async fn prepare_edited(input: Vec<u8>, edit: Edit) -> Result<Photo, Error> {
    in_turn(move || edited(&input, &edit)).await
}

/// [`sketch`], likewise, but in a turn of its own: nobody who chooses waits for photos that are being sent.
///
/// # Errors
/// As [`prepare_photo`].
///
/// # Cancel
/// As [`prepare_photo`].
pub async fn prepare_sketch(input: Vec<u8>, edit: Edit, side: u32) -> Result<Vec<u8>, Error> {
    static TURN: Semaphore = Semaphore::const_new(limits::SKETCH_CONCURRENT_LIMIT);
    when_free(&TURN, move || sketch(&input, &edit, side)).await.unwrap_or(Err(Error::Interrupted))
}

/// The turn of whatever makes pictures or videos ready to be sent.
static TURN: Semaphore = Semaphore::const_new(limits::CONCURRENT_LIMIT);

/// Work on a picture, off the runtime's threads, when its turn has come.
async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    when_free(&TURN, work).await.unwrap_or(Err(Error::Interrupted))
}

/// Work on a picture or video in its turn, off the runtime's threads; `None` while the runtime shuts down.
async fn when_free<T: Send + 'static>(
    turn: &'static Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    // Closed it never is; if it were, the program would be stopping.
    let turn = turn.acquire().await.ok()?;
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    work.await.ok()
}
