//! How friends see a person: the profile, and a mood that passes.
//!
//! Source: docs/protocol.md 3.3, 3.4.

use std::collections::BTreeMap;

use super::text::{FieldMap, bytes_field, fields_to_vec, put_text_field, text_field, unknown_fields};
use super::{WriteError, within};
use crate::crypto::BlobKey;
use crate::id::BlobId;
use crate::limits::{
    ABOUT_LIMIT, CONTENT_LIMIT, EMOJI_LIMIT, MOOD_TEXT_LIMIT, NAME_LIMIT, PHOTO_BLOB_LIMIT,
    STATUS_LIFE_LIMIT_MS, THUMBHASH_LIMIT,
};
use crate::moment::media::Mime;
use crate::time::{ClaimedTime, Timestamp};
use crate::wire::{Decode, DecodeError, Fields, Reader, Writer};

/// Tags of the profile's fields.
mod tag {
    pub(super) const NAME: u8 = 1;
    pub(super) const ABOUT: u8 = 2;
    pub(super) const AVATAR: u8 = 3;
    pub(super) const COVER: u8 = 4;
    pub(super) const WINDOW_DAYS: u8 = 5;
    /// Of a status.
    pub(super) const STATUS_TEXT: u8 = 1;
    /// Of a status.
    pub(super) const STATUS_EMOJI: u8 = 2;
}

/// A picture of a profile: one blob, no preview.
///
/// # Layout
/// `blob_id 32 ‖ blob_key 32 ‖ plain_len 4 ‖ mime 1 ‖ width 2 ‖ height 2 ‖ thumbhash u8+ (≤ 32)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The blob.
    pub blob: BlobId,
    /// Opens it.
    pub blob_key: BlobKey,
    /// Length of the plaintext, bytes.
    pub plain_len: u32,
    /// Its type.
    pub mime: Mime,
    /// Width, pixels.
    pub width: u16,
    /// Height, pixels.
    pub height: u16,
    /// ThumbHash, to be drawn while nothing else is there.
    pub thumbhash: Vec<u8>,
}

impl Picture {
    /// Its bytes, as they stand in a profile.
    ///
    /// # Errors
    /// [`WriteError`] if the ThumbHash is above its limit.
    pub fn encode(&self) -> Result<Vec<u8>, WriteError> {
        within("thumbhash", THUMBHASH_LIMIT, self.thumbhash.len())?;
        within(
            "bytes of a picture",
            usize::try_from(PHOTO_BLOB_LIMIT).unwrap_or(usize::MAX),
            self.plain_len(),
        )?;
        let mut out = Writer::new();
        out.value(&self.blob).raw(self.blob_key.expose_bytes()).u32(self.plain_len).u8(self.mime.code());
        out.u16(self.width).u16(self.height).bytes_u8(&self.thumbhash);
        Ok(out.into_vec())
    }

    fn plain_len(&self) -> usize {
        usize::try_from(self.plain_len).unwrap_or(usize::MAX)
    }
}

impl Decode for Picture {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (blob, blob_key, plain_len) = (input.value()?, BlobKey::from_bytes(input.array()?), input.u32()?);
        if u64::from(plain_len) > PHOTO_BLOB_LIMIT {
            let limit = usize::try_from(PHOTO_BLOB_LIMIT).unwrap_or(usize::MAX);
            return Err(DecodeError::TooMany {
                what: "bytes of a picture",
                limit,
                actual: u64::from(plain_len),
            });
        }
        let mime = Mime::from_code(input.u8()?);
        let (width, height) = (input.u16()?, input.u16()?);
        let thumbhash = input.bytes_u8("thumbhash", THUMBHASH_LIMIT)?.to_vec();
        Ok(Self { blob, blob_key, plain_len, mime, width, height, thumbhash })
    }
}

/// How friends see a person.
///
/// # Layout
/// Fields: 1 name (UTF-8 ≤ 64), 2 about (UTF-8 ≤ 500), 3 avatar, 4 cover ([`Picture`]), 5 window_days u32 (left out
/// if 0); unknown ones are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The name the person gives.
    pub name: String,
    /// A line about the person.
    pub about: String,
    /// A small picture.
    pub avatar: Option<Picture>,
    /// A large one, above the album.
    pub cover: Option<Picture>,
    /// How far back friends may read, days; 0 = all.
    pub window_days: u32,
    /// Fields of a newer program, kept.
    pub unknown: BTreeMap<u8, Vec<u8>>,
}

impl Profile {
    /// The bytes after kind and time.
    ///
    /// # Errors
    /// [`WriteError`] if something is above its limit.
    pub fn encode(&self) -> Result<Vec<u8>, WriteError> {
        let mut fields = self.unknown.clone();
        fields.retain(|tag, _| !is_known(*tag));
        put_text_field(&mut fields, tag::NAME, "name", NAME_LIMIT, &self.name)?;
        put_text_field(&mut fields, tag::ABOUT, "about", ABOUT_LIMIT, &self.about)?;
        if let Some(avatar) = &self.avatar {
            fields.insert(tag::AVATAR, avatar.encode()?);
        }
        if let Some(cover) = &self.cover {
            fields.insert(tag::COVER, cover.encode()?);
        }
        if self.window_days != 0 {
            fields.insert(tag::WINDOW_DAYS, self.window_days.to_be_bytes().to_vec());
        }
        let bytes = fields_to_vec(&fields);
        Self::decode(&bytes)?;
        Ok(bytes)
    }

    /// Reads what [`Profile::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let fields = Fields::decode(bytes)?;
        let picture = |tag| match bytes_field(&fields, tag, "picture", CONTENT_LIMIT)? {
            Some(bytes) => crate::wire::decode(bytes).map(Some),
            None => Ok(None),
        };
        Ok(Self {
            name: text_field(&fields, tag::NAME, "name", NAME_LIMIT)?,
            about: text_field(&fields, tag::ABOUT, "about", ABOUT_LIMIT)?,
            avatar: picture(tag::AVATAR)?,
            cover: picture(tag::COVER)?,
            window_days: decode_window(&fields)?,
            unknown: unknown_fields(&fields, is_known),
        })
    }
}

fn is_known(tag: u8) -> bool {
    (tag::NAME..=tag::WINDOW_DAYS).contains(&tag)
}

fn decode_window(fields: &Fields<'_>) -> Result<u32, DecodeError> {
    let Some(bytes) = fields.get(tag::WINDOW_DAYS) else { return Ok(0) };
    let mut input = Reader::new(bytes);
    let days = input.u32()?;
    input.finish()?;
    if days == 0 {
        return Err(DecodeError::Invalid { what: "a window without end is written by leaving it out" });
    }
    Ok(days)
}

/// A mood or activity for a while. Shown is the newest of an author that one can read, until it ends.
///
/// # Layout
/// `until_ms 8 ‖ fields: 1 text (UTF-8 ≤ 200), 2 emoji (UTF-8 ≤ 40)`; until_ms ≤ created_ms + 7 days
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// When it ends.
    pub until: ClaimedTime,
    /// In words.
    pub text: String,
    /// One emoji.
    pub emoji: String,
    /// Fields of a newer program, kept.
    pub unknown: BTreeMap<u8, Vec<u8>>,
}

impl Status {
    /// The bytes after kind and time.
    ///
    /// # Errors
    /// [`WriteError`] if something is above its limit, or it would last too long.
    pub fn encode(&self, created: ClaimedTime) -> Result<Vec<u8>, WriteError> {
        let mut fields: FieldMap = self.unknown.clone();
        fields.retain(|tag, _| !is_known_of_status(*tag));
        put_text_field(&mut fields, tag::STATUS_TEXT, "words of a status", MOOD_TEXT_LIMIT, &self.text)?;
        put_text_field(&mut fields, tag::STATUS_EMOJI, "emoji", EMOJI_LIMIT, &self.emoji)?;
        let mut out = Writer::new();
        out.u64(self.until.as_millis()).raw(&fields_to_vec(&fields));
        let bytes = out.into_vec();
        Self::decode(&bytes, created)?;
        Ok(bytes)
    }

    /// Reads the status of a content written at `created`.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8], created: ClaimedTime) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let until = ClaimedTime::from_millis(input.u64()?);
        if until.as_millis() > created.as_millis().saturating_add(STATUS_LIFE_LIMIT_MS) {
            return Err(DecodeError::Invalid { what: "a status that lasts longer than seven days" });
        }
        let fields = Fields::decode(input.take_rest())?;
        Ok(Self {
            until,
            text: text_field(&fields, tag::STATUS_TEXT, "words of a status", MOOD_TEXT_LIMIT)?,
            emoji: text_field(&fields, tag::STATUS_EMOJI, "emoji", EMOJI_LIMIT)?,
            unknown: unknown_fields(&fields, is_known_of_status),
        })
    }

    /// Whether it is still to be shown.
    pub fn is_current(&self, now: Timestamp) -> bool {
        now.as_millis() < self.until.as_millis()
    }
}

fn is_known_of_status(tag: u8) -> bool {
    tag == tag::STATUS_TEXT || tag == tag::STATUS_EMOJI
}
