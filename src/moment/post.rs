//! A post: a public part that may be shared on and a private part that stays with this audience.
//!
//! Both stand inside the seal. *Public* means: what a share signature covers and a re-share repeats, word for word;
//! so its bytes are kept exactly as they came, unknown fields included. *Private* is what holds for this sealing alone:
//! the keys of the pictures, who is mentioned, the signature itself, where a re-share comes from.
//!
//! ```text
//! fields {tag 1 ‖ len u32 ‖ bytes}, tags ascending, none twice, none empty
//!  public   1 text            UTF-8 ≤ 8192          private  32 media keys   one for each medium
//!           2 media           media.rs, ≤ 9                  33 mentions     8·n, n ≤ 32, n a multiple of 4
//!           3 link card       card.rs                        34 share        share.rs, 176 bytes
//!           4 place           card.rs                        35 shared from  share.rs
//!           5 mood            card.rs                        36– kept for a newer program
//!           6 app card        bytes ≤ 4096
//!           7 label           UTF-8 ≤ 64
//!           8 author's name   UTF-8 ≤ 64
//!           9 preview marks   share.rs, one for each medium, or none
//!          10–31 kept for a newer program
//! ```
//!
//! Invariants: the public part's values are those of its bytes; there are as many media keys as media; a re-share has
//! no media of its own, its keys are those of the moment it shares; it carries no share signature of its own, for
//! chains repeat the first author's.
//!
//! Source: docs/protocol.md 3.4, 3.9.

use std::collections::BTreeMap;
use std::fmt;

use super::card::{LinkCard, Mood, Place, check_app_card};
use super::media::{Media, MediaKeys, decode_media, decode_media_keys, encode_media, encode_media_keys};
use super::share::{PreviewMark, Share, SharedFrom, decode_marks, encode_marks, verify_share};
use super::text::{FieldMap, bytes_field, fields_to_vec, put_text_field, text_field, unknown_fields};
use super::{WriteError, within};
use crate::crypto::{Entropy, VerifyError};
use crate::id::UserId;
use crate::limits::{
    APP_CARD_LIMIT, CONTENT_LIMIT, LABEL_LIMIT, MENTION_LIMIT, MENTION_STEP, NAME_LIMIT, POST_PUBLIC_LIMIT,
    POST_TEXT_LIMIT,
};
use crate::time::ClaimedTime;
use crate::wire::{DecodeError, Encode, Fields, Reader};

/// Tags of the fields.
mod tag {
    pub(super) const TEXT: u8 = 1;
    pub(super) const MEDIA: u8 = 2;
    pub(super) const LINK: u8 = 3;
    pub(super) const PLACE: u8 = 4;
    pub(super) const MOOD: u8 = 5;
    pub(super) const APP_CARD: u8 = 6;
    pub(super) const LABEL: u8 = 7;
    pub(super) const AUTHOR_NAME: u8 = 8;
    pub(super) const PREVIEW_MARKS: u8 = 9;
    pub(super) const LAST_PUBLIC: u8 = 31;
    pub(super) const MEDIA_KEYS: u8 = 32;
    pub(super) const MENTIONS: u8 = 33;
    pub(super) const SHARE: u8 = 34;
    pub(super) const SHARED_FROM: u8 = 35;
}

/// What a public part says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublicValues {
    /// The text; may be empty.
    pub text: String,
    /// Up to nine photos, or one video.
    pub media: Vec<Media>,
    /// A link as a card.
    pub link: Option<LinkCard>,
    /// Where it was.
    pub place: Option<Place>,
    /// A mood or activity.
    pub mood: Option<Mood>,
    /// The card of a mini program, as its bytes. Empty if there is none.
    pub app_card: Vec<u8>,
    /// A label such as "sponsored". Empty if there is none.
    pub label: String,
    /// The author's name at that time, so that a re-share can say it. Empty if not given.
    pub author_name: String,
    /// What the small versions are, in the order of the media, so that a re-share cannot carry others. Empty, or one for
    /// each medium; only a moment that may be shared on needs them.
    pub preview_marks: Vec<PreviewMark>,
}

/// The public part of a post: its exact bytes and what they say.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicPart {
    bytes: Vec<u8>,
    values: PublicValues,
}

impl PublicPart {
    /// Writes a public part.
    ///
    /// # Errors
    /// [`WriteError`] if a value is above its limit or against a rule.
    pub fn new(values: &PublicValues) -> Result<Self, WriteError> {
        let mut fields = FieldMap::new();
        put_text_field(&mut fields, tag::TEXT, "text", POST_TEXT_LIMIT, &values.text)?;
        if !values.media.is_empty() {
            fields.insert(tag::MEDIA, encode_media(&values.media)?);
        }
        if let Some(link) = &values.link {
            fields.insert(tag::LINK, link.encode()?);
        }
        if let Some(place) = &values.place {
            fields.insert(tag::PLACE, place.encode()?);
        }
        if let Some(mood) = &values.mood {
            fields.insert(tag::MOOD, mood.encode()?);
        }
        if !values.app_card.is_empty() {
            check_app_card(&values.app_card)?;
            fields.insert(tag::APP_CARD, values.app_card.clone());
        }
        put_text_field(&mut fields, tag::LABEL, "label", LABEL_LIMIT, &values.label)?;
        put_text_field(&mut fields, tag::AUTHOR_NAME, "name", NAME_LIMIT, &values.author_name)?;
        if !values.preview_marks.is_empty() {
            fields.insert(tag::PREVIEW_MARKS, encode_marks(&values.preview_marks));
        }
        Ok(Self::decode(&fields_to_vec(&fields))?)
    }

    /// Reads a public part that fills `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > POST_PUBLIC_LIMIT {
            let actual = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(DecodeError::TooMany { what: "public part", limit: POST_PUBLIC_LIMIT, actual });
        }
        let fields = Fields::decode(bytes)?;
        if fields.iter().any(|(tag, _)| tag == 0 || tag > tag::LAST_PUBLIC) {
            return Err(DecodeError::Invalid { what: "a field that is not of the public part" });
        }
        let media = match bytes_field(&fields, tag::MEDIA, "photos", POST_PUBLIC_LIMIT)? {
            Some(bytes) => decode_media(bytes)?,
            None => Vec::new(),
        };
        let marks = bytes_field(&fields, tag::PREVIEW_MARKS, "preview marks", POST_PUBLIC_LIMIT)?;
        let link = bytes_field(&fields, tag::LINK, "link", POST_PUBLIC_LIMIT)?;
        let place = bytes_field(&fields, tag::PLACE, "place", POST_PUBLIC_LIMIT)?;
        let mood = bytes_field(&fields, tag::MOOD, "mood", POST_PUBLIC_LIMIT)?;
        let app_card = bytes_field(&fields, tag::APP_CARD, "card of a mini program", APP_CARD_LIMIT)?;
        let values = PublicValues {
            text: text_field(&fields, tag::TEXT, "text", POST_TEXT_LIMIT)?,
            link: link.map(|bytes| LinkCard::decode(bytes, media.len())).transpose()?,
            preview_marks: marks
                .map(|bytes| decode_marks(bytes, media.len()))
                .transpose()?
                .unwrap_or_default(),
            media,
            place: place.map(Place::decode).transpose()?,
            mood: mood.map(Mood::decode).transpose()?,
            app_card: app_card.unwrap_or_default().to_vec(),
            label: text_field(&fields, tag::LABEL, "label", LABEL_LIMIT)?,
            author_name: text_field(&fields, tag::AUTHOR_NAME, "name", NAME_LIMIT)?,
        };
        Ok(Self { bytes: bytes.to_vec(), values })
    }

    /// The bytes, exactly as sent: what a share signature covers.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they say.
    pub const fn values(&self) -> &PublicValues {
        &self.values
    }
}

impl fmt::Debug for PublicPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.fmt(f)
    }
}

/// What of a post stays with this audience.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrivatePart {
    /// The keys of the pictures, in the order of the media; of a re-share, of the media of what it shares.
    pub media_keys: Vec<MediaKeys>,
    /// Who is mentioned, as only they can tell ([`crate::crypto::keys::mention`]); filled up by [`pad_mentions`].
    pub mentions: Vec<[u8; 8]>,
    /// The author's consent that this be shared on.
    pub share: Option<Share>,
    /// The moment that this one shares.
    pub shared_from: Option<Box<SharedFrom>>,
    /// Fields of a newer program, kept.
    pub unknown: BTreeMap<u8, Vec<u8>>,
}

impl PrivatePart {
    fn encode(&self) -> Result<Vec<u8>, WriteError> {
        let mut fields = self.unknown.clone();
        fields.retain(|tag, _| *tag > tag::SHARED_FROM);
        if !self.media_keys.is_empty() {
            fields.insert(tag::MEDIA_KEYS, encode_media_keys(&self.media_keys)?);
        }
        within("mentions", MENTION_LIMIT, self.mentions.len())?;
        if !self.mentions.is_empty() {
            fields.insert(tag::MENTIONS, self.mentions.concat());
        }
        if let Some(share) = &self.share {
            fields.insert(tag::SHARE, share.encode());
        }
        if let Some(from) = &self.shared_from {
            fields.insert(tag::SHARED_FROM, from.encode());
        }
        Ok(fields_to_vec(&fields))
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let fields = Fields::decode(bytes)?;
        let media_keys = match bytes_field(&fields, tag::MEDIA_KEYS, "media keys", CONTENT_LIMIT)? {
            Some(bytes) => decode_media_keys(bytes)?,
            None => Vec::new(),
        };
        let mentions = match bytes_field(&fields, tag::MENTIONS, "mentions", MENTION_LIMIT.saturating_mul(8))?
        {
            Some(bytes) => decode_mentions(bytes)?,
            None => Vec::new(),
        };
        let share = bytes_field(&fields, tag::SHARE, "share", CONTENT_LIMIT)?;
        let from = bytes_field(&fields, tag::SHARED_FROM, "shared moment", CONTENT_LIMIT)?;
        Ok(Self {
            media_keys,
            mentions,
            share: share.map(crate::wire::decode).transpose()?,
            shared_from: from.map(crate::wire::decode).transpose()?.map(Box::new),
            unknown: unknown_fields(&fields, |tag| tag <= tag::SHARED_FROM),
        })
    }
}

/// A moment.
///
/// # Layout
/// The public part's bytes, then the private part's; the first field above 31 begins the latter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// What may be shared on.
    pub public: PublicPart,
    /// What stays with this audience.
    pub private: PrivatePart,
}

impl Post {
    /// The bytes after kind and time.
    ///
    /// # Errors
    /// [`WriteError`] if something is above its limit or against a rule.
    pub fn encode(&self) -> Result<Vec<u8>, WriteError> {
        self.check()?;
        let mut bytes = self.public.bytes.clone();
        bytes.extend_from_slice(&self.private.encode()?);
        Self::decode(&bytes)?;
        Ok(bytes)
    }

    /// Reads what [`Post::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (public, private) = bytes.split_at_checked(public_len(bytes)?).unwrap_or((bytes, &[]));
        let post = Self { public: PublicPart::decode(public)?, private: PrivatePart::decode(private)? };
        post.check()?;
        Ok(post)
    }

    /// Checks the author's consent to share, if the post carries one: `Ok(false)` if it does not.
    ///
    /// # Errors
    /// [`VerifyError`] if it does not fit this author, this time and this public part.
    pub fn verify_share(&self, author: &UserId, created: ClaimedTime) -> Result<bool, VerifyError> {
        let Some(share) = &self.private.share else { return Ok(false) };
        verify_share(author, created, share, self.public.bytes()).map(|()| true)
    }

    /// Whether a friend with this mention is mentioned.
    pub fn mentions(&self, mention: &[u8; 8]) -> bool {
        self.private.mentions.contains(mention)
    }

    /// The media to show: one's own, or those of the moment that is shared; entry *n* belongs to key *n*.
    pub fn media(&self) -> &[Media] {
        match &self.private.shared_from {
            Some(from) => &from.public.values.media,
            None => &self.public.values.media,
        }
    }

    fn check(&self) -> Result<(), DecodeError> {
        if self.private.shared_from.is_some() {
            if !self.public.values.media.is_empty() {
                return Err(DecodeError::Invalid { what: "a shared moment with pictures of its own" });
            }
            if self.private.share.is_some() {
                return Err(DecodeError::Invalid { what: "a shared moment that signs a share of its own" });
            }
        }
        if self.media().len() == self.private.media_keys.len() {
            Ok(())
        } else {
            Err(DecodeError::Invalid { what: "not as many media keys as media" })
        }
    }
}

/// Fills mentions with random values up to a multiple of four, in random order, so that the list tells no reader how
/// many are mentioned, nor whether two moments mention the same.
///
/// # Errors
/// [`WriteError`] above [`MENTION_LIMIT`].
pub fn pad_mentions(mut mentions: Vec<[u8; 8]>, entropy: &mut Entropy) -> Result<Vec<[u8; 8]>, WriteError> {
    within("mentions", MENTION_LIMIT, mentions.len())?;
    while !mentions.len().is_multiple_of(MENTION_STEP) {
        mentions.push(entropy.bytes());
    }
    entropy.shuffle(&mut mentions);
    Ok(mentions)
}

fn decode_mentions(bytes: &[u8]) -> Result<Vec<[u8; 8]>, DecodeError> {
    let mut input = Reader::new(bytes);
    let mut mentions = Vec::with_capacity(MENTION_LIMIT);
    while input.remaining() > 0 {
        mentions.push(input.array()?);
    }
    if !mentions.len().is_multiple_of(MENTION_STEP) {
        return Err(DecodeError::Invalid { what: "mentions that are not filled up" });
    }
    Ok(mentions)
}

/// Where the public part ends: before the first field whose tag is above 31.
fn public_len(bytes: &[u8]) -> Result<usize, DecodeError> {
    let mut input = Reader::new(bytes);
    loop {
        let len = bytes.len().saturating_sub(input.remaining());
        if input.remaining() == 0 || input.u8()? > tag::LAST_PUBLIC {
            return Ok(len);
        }
        let left = input.remaining();
        input.bytes_u32("field", left)?;
    }
}
