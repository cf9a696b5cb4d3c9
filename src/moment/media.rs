//! Photos and videos of a post: what everybody may know of them, and the keys that stay private.
//!
//! A picture is named twice. Its public entry holds the hash of the plaintext, which a share signature covers and
//! which stays the same wherever the post is shared on; its private entry holds the blob of one particular sealing.
//! The private list runs beside the public one: entry *n* of either speaks of the same picture.
//!
//! Source: docs/protocol.md 3.4, 3.9.

use super::WriteError;
use super::text::put_u16;
use crate::crypto::BlobKey;
use crate::id::BlobId;
use crate::limits::{
    ALT_TEXT_LIMIT, PHOTO_BLOB_LIMIT, POST_PHOTO_LIMIT, POST_VIDEO_LIMIT, PREVIEW_LIMIT, THUMBHASH_LIMIT,
    VIDEO_BLOB_LIMIT,
};
use crate::wire::{DecodeError, Reader, Writer};

/// Shortest public entry of a medium, bytes.
const MEDIA_MIN_LEN: usize = 32 + 8 + 1 + 2 + 2 + 4 + 2;
/// Shortest private entry of a medium, bytes.
const KEYS_MIN_LEN: usize = 32 + 32 + 32 + 32 + 4 + 1;

/// The type of a file, one byte. A code that this program does not know is kept and shown as plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mime(u8);

impl Mime {
    /// `image/jpeg`
    pub const JPEG: Self = Self(1);
    /// `image/png`
    pub const PNG: Self = Self(2);
    /// `image/webp`
    pub const WEBP: Self = Self(3);
    /// `image/gif`
    pub const GIF: Self = Self(4);
    /// `video/mp4`
    pub const MP4: Self = Self(5);
    /// `video/webm`
    pub const WEBM: Self = Self(6);

    /// The type of a code.
    pub const fn from_code(code: u8) -> Self {
        Self(code)
    }

    /// The code of a type.
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The name of the type for a browser. Nothing here can be run by one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JPEG => "image/jpeg",
            Self::PNG => "image/png",
            Self::WEBP => "image/webp",
            Self::GIF => "image/gif",
            Self::MP4 => "video/mp4",
            Self::WEBM => "video/webm",
            _ => "application/octet-stream",
        }
    }

    /// Whether it is a video.
    pub const fn is_video(self) -> bool {
        matches!(self, Self::MP4 | Self::WEBM)
    }
}

/// The public entry of a photo or video.
///
/// # Layout
/// `plain_hash 32 ‖ plain_len 8 ‖ mime 1 ‖ width 2 ‖ height 2 ‖ duration_ms 4 ‖ alt u16+ (≤ 1000)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// BLAKE3 of the plaintext.
    pub plain_hash: [u8; 32],
    /// Length of the plaintext, bytes.
    pub plain_len: u64,
    /// Its type.
    pub mime: Mime,
    /// Width, pixels.
    pub width: u16,
    /// Height, pixels.
    pub height: u16,
    /// Duration of a video, ms; 0 for a photo.
    pub duration_ms: u32,
    /// What is to be seen, for who cannot see it. Empty if nobody said.
    pub alt: String,
}

impl Media {
    pub(super) fn encode_to(&self, out: &mut Writer) -> Result<(), WriteError> {
        out.raw(&self.plain_hash).u64(self.plain_len).u8(self.mime.code());
        out.u16(self.width).u16(self.height).u32(self.duration_ms);
        put_u16(out, "alt text", ALT_TEXT_LIMIT, &self.alt)
    }

    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (plain_hash, plain_len, mime) = (input.array()?, input.u64()?, Mime::from_code(input.u8()?));
        let limit = if mime.is_video() { VIDEO_BLOB_LIMIT } else { PHOTO_BLOB_LIMIT };
        if plain_len > limit {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(DecodeError::TooMany { what: "bytes of a photo or video", limit, actual: plain_len });
        }
        let (width, height, duration_ms) = (input.u16()?, input.u16()?, input.u32()?);
        let alt = input.text_u16("alt text", ALT_TEXT_LIMIT)?.to_owned();
        Ok(Self { plain_hash, plain_len, mime, width, height, duration_ms, alt })
    }
}

/// The private entry of a photo or video: where its sealed bytes are and what opens them.
///
/// # Layout
/// `blob_id 32 ‖ blob_key 32 ‖ preview_id 32 ‖ preview_key 32 ‖ preview_len 4 ‖ thumbhash u8+ (≤ 32)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaKeys {
    /// The blob.
    pub blob: BlobId,
    /// Opens the blob.
    pub blob_key: BlobKey,
    /// The blob of the preview; for a video, of its poster.
    pub preview: BlobId,
    /// Opens the preview.
    pub preview_key: BlobKey,
    /// Length of the preview's plaintext, bytes; at most 24 KiB.
    pub preview_len: u32,
    /// ThumbHash, to be drawn while nothing else is there.
    pub thumbhash: Vec<u8>,
}

impl MediaKeys {
    fn encode_to(&self, out: &mut Writer) -> Result<(), WriteError> {
        super::within("thumbhash", THUMBHASH_LIMIT, self.thumbhash.len())?;
        out.value(&self.blob).raw(self.blob_key.expose_bytes());
        out.value(&self.preview).raw(self.preview_key.expose_bytes());
        out.u32(self.preview_len).bytes_u8(&self.thumbhash);
        Ok(())
    }

    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (blob, blob_key) = (input.value()?, BlobKey::from_bytes(input.array()?));
        let (preview, preview_key) = (input.value()?, BlobKey::from_bytes(input.array()?));
        let preview_len = input.u32()?;
        if usize::try_from(preview_len).map_or(true, |len| len > PREVIEW_LIMIT) {
            let actual = u64::from(preview_len);
            return Err(DecodeError::TooMany { what: "bytes of a preview", limit: PREVIEW_LIMIT, actual });
        }
        let thumbhash = input.bytes_u8("thumbhash", THUMBHASH_LIMIT)?.to_vec();
        Ok(Self { blob, blob_key, preview, preview_key, preview_len, thumbhash })
    }
}

/// Field 2: one public entry after the other to the end of the field.
pub(super) fn encode_media(media: &[Media]) -> Result<Vec<u8>, WriteError> {
    let mut out = Writer::new();
    for medium in media {
        medium.encode_to(&mut out)?;
    }
    Ok(out.into_vec())
}

/// Reads field 2, and holds the rule of nine photos or one video.
pub(super) fn decode_media(bytes: &[u8]) -> Result<Vec<Media>, DecodeError> {
    let media = list(bytes, MEDIA_MIN_LEN, Media::decode_from)?;
    let videos = media.iter().filter(|medium| medium.mime.is_video()).count();
    if videos > 0 && media.len() > POST_VIDEO_LIMIT {
        return Err(DecodeError::Invalid { what: "a moment has photos or one video, not both" });
    }
    Ok(media)
}

/// Field 32: one private entry after the other to the end of the field.
pub(super) fn encode_media_keys(keys: &[MediaKeys]) -> Result<Vec<u8>, WriteError> {
    let mut out = Writer::new();
    for key in keys {
        key.encode_to(&mut out)?;
    }
    Ok(out.into_vec())
}

/// Reads field 32.
pub(super) fn decode_media_keys(bytes: &[u8]) -> Result<Vec<MediaKeys>, DecodeError> {
    list(bytes, KEYS_MIN_LEN, MediaKeys::decode_from)
}

/// Entries to the end of a field, at most as many as a post has photos.
fn list<'a, T>(
    bytes: &'a [u8],
    each_len: usize,
    decode: impl Fn(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut input = Reader::new(bytes);
    let mut items = Vec::with_capacity(POST_PHOTO_LIMIT.min(bytes.len().checked_div(each_len).unwrap_or(0)));
    while input.remaining() > 0 {
        if items.len() == POST_PHOTO_LIMIT {
            let actual = u64::try_from(POST_PHOTO_LIMIT).unwrap_or(0).saturating_add(1);
            return Err(DecodeError::TooMany { what: "photos", limit: POST_PHOTO_LIMIT, actual });
        }
        items.push(decode(&mut input)?);
    }
    Ok(items)
}
