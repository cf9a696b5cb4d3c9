//! What people do, as bytes: a post, a like, a profile, and what else stands inside an entry's seal.
//!
//! The content of every entry begins alike, `kind 1 ‖ created_ms 8`, and goes on as its kind says. This module turns
//! those bytes into values and back, in exactly one way, and knows which kinds belong in which class of epoch. What
//! a newer program wrote is kept: an unknown kind as its bytes, an unknown field beside the known ones.
//!
//! ```text
//!  kind  body                                                          contact  posts  self
//!   1    Post         public fields 1–31, private fields 32–             no      yes    yes
//!   2    Hide         hide_tag 16                                        no      yes    yes
//!   3    Tombstone    epoch 16 ‖ seq 8 ‖ entry 32                        yes     yes    yes
//!   4    Identity     an IdentityRecord                                  yes     no     yes
//!   5    Device       a DeviceRecord                                     yes     no     yes
//!   6    Profile      fields                                             yes     no     yes
//!   7    Interaction  itag 16 ‖ inonce 24 ‖ sealed inner                 yes     no     yes
//!   9    SelfOp       an operation among one's own devices               no      no     yes
//!  10    Status       until_ms 8 ‖ fields                                no      yes    yes
//!  11    AppUpdate    as kind 7                                          yes     no     yes
//! ```
//!
//! Kind 8 is free. Records (4, 5) and operations (9) stay bytes here: who signs them reads them. A Hide or Tombstone
//! also travels as a parcel item, so both have the same bytes there ([`Tombstone`]).
//!
//! What it does not do: it does not seal entries ([`crate::entry`]'s work), fold them into a timeline, or decide who
//! may withdraw what. Inside it there is one seal more: what is said beneath a post ([`interaction`]).
//!
//! Invariants: `decode` accepts only what `encode` writes (I13); the public part of a post keeps the bytes it came
//! with, because a signature covers them; nothing here prints a key (I25).
//!
//! Source: docs/protocol.md 3.4, 3.5, 3.9.

pub mod card;
pub mod interaction;
pub mod media;
mod post;
mod profile;
mod share;
mod text;

#[cfg(test)]
mod tests;

use std::fmt;

pub use interaction::{Inner, InteractionFault, Reply, SealedInteraction, Slot};
pub use post::{Post, PrivatePart, PublicPart, PublicValues, pad_mentions};
pub use profile::{Picture, Profile, Status};
pub use share::{PreviewMark, Share, SharedFrom, certify_device, sign_share, verify_share};

use crate::id::{EntryId, EpochId};
use crate::limits::{APP_UPDATE_CT_LIMIT, CONTENT_LIMIT, INTERACTION_CT_LIMIT, SEQ_LIMIT};
use crate::time::ClaimedTime;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Codes of the kinds of content.
pub mod kind {
    /// A moment.
    pub const POST: u8 = 1;
    /// The moderation of an interaction.
    pub const HIDE: u8 = 2;
    /// A withdrawal.
    pub const TOMBSTONE: u8 = 3;
    /// An IdentityRecord.
    pub const IDENTITY: u8 = 4;
    /// A DeviceRecord.
    pub const DEVICE: u8 = 5;
    /// A profile.
    pub const PROFILE: u8 = 6;
    /// A like, comment or reply.
    pub const INTERACTION: u8 = 7;
    /// An operation among one's own devices.
    pub const SELF_OP: u8 = 9;
    /// A mood or activity.
    pub const STATUS: u8 = 10;
    /// The state of a mini program.
    pub const APP_UPDATE: u8 = 11;
    /// What a newcomer may be granted entry by entry (docs/protocol.md 3.3, 3.11).
    pub const GRANTABLE: [u8; 3] = [POST, INTERACTION, APP_UPDATE];

    /// Whether this program knows the kind.
    pub const fn is_known(code: u8) -> bool {
        matches!(code, POST..=INTERACTION | SELF_OP..=APP_UPDATE)
    }
}

/// Something one wants to write is above a limit or against a rule. Our own fault; the limit can be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// More than is allowed.
    #[error("{what}: {actual} is more than {limit}")]
    TooMuch {
        /// The field.
        what: &'static str,
        /// Its limit.
        limit: usize,
        /// What was given.
        actual: usize,
    },
    /// A rule of the content is broken.
    #[error("{what}")]
    Invalid {
        /// The rule.
        what: &'static str,
    },
}

impl From<DecodeError> for WriteError {
    /// What our own decoder refuses in what we wrote, said as our fault.
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooMany { what, limit, actual } => {
                Self::TooMuch { what, limit, actual: usize::try_from(actual).unwrap_or(usize::MAX) }
            }
            DecodeError::Invalid { what } | DecodeError::Unknown { what, .. } => Self::Invalid { what },
            _ => Self::Invalid { what: "the content does not read back" },
        }
    }
}

/// The class of an epoch: what it is for, and so which kinds it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// `~contact`: every friend.
    Contact,
    /// An audience of moments.
    Posts,
    /// `~self`: one's own devices.
    SelfDevices,
}

impl Class {
    /// Whether an epoch of this class carries a kind. An entry of any other kind is known, and never shown.
    pub const fn carries(self, code: u8) -> bool {
        match self {
            Self::Contact => matches!(
                code,
                kind::TOMBSTONE
                    | kind::IDENTITY
                    | kind::DEVICE
                    | kind::PROFILE
                    | kind::INTERACTION
                    | kind::APP_UPDATE
            ),
            Self::Posts => matches!(code, kind::POST | kind::HIDE | kind::TOMBSTONE | kind::STATUS),
            Self::SelfDevices => true,
        }
    }
}

/// A withdrawal of an entry by its author; the same bytes as content and as a parcel item.
///
/// # Layout
/// `epoch_id 16 ‖ seq 8 ‖ entry id 32`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tombstone {
    /// The epoch of the entry.
    pub epoch: EpochId,
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub entry: EntryId,
}

impl Encode for Tombstone {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.epoch).u64(self.seq).value(&self.entry);
    }
}

impl Decode for Tombstone {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (epoch, seq, entry) = (input.value()?, input.u64()?, input.value()?);
        if seq >= SEQ_LIMIT {
            return Err(DecodeError::Invalid { what: "the sequence number is not below 2^48" });
        }
        Ok(Self { epoch, seq, entry })
    }
}

/// What an entry says, by kind.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// A moment.
    Post(Box<Post>),
    /// Hides the interaction with this tag ([`crate::crypto::keys::hide_tag`]) beneath one's own post.
    Hide([u8; 16]),
    /// Withdraws an entry.
    Tombstone(Tombstone),
    /// An IdentityRecord, as signed.
    Identity(Vec<u8>),
    /// A DeviceRecord, as signed.
    Device(Vec<u8>),
    /// How friends see the writer.
    Profile(Box<Profile>),
    /// A like, comment or reply.
    Interaction(SealedInteraction),
    /// An operation among one's own devices. May hold secrets.
    SelfOp(Vec<u8>),
    /// A mood or activity.
    Status(Status),
    /// The state of a mini program, sealed as an interaction.
    AppUpdate(SealedInteraction),
    /// A kind that a newer program wrote.
    Unknown {
        /// Its code.
        kind: u8,
        /// What follows the time.
        bytes: Vec<u8>,
    },
}

impl Body {
    /// The code of the kind.
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Post(_) => kind::POST,
            Self::Hide(_) => kind::HIDE,
            Self::Tombstone(_) => kind::TOMBSTONE,
            Self::Identity(_) => kind::IDENTITY,
            Self::Device(_) => kind::DEVICE,
            Self::Profile(_) => kind::PROFILE,
            Self::Interaction(_) => kind::INTERACTION,
            Self::SelfOp(_) => kind::SELF_OP,
            Self::Status(_) => kind::STATUS,
            Self::AppUpdate(_) => kind::APP_UPDATE,
            Self::Unknown { kind, .. } => *kind,
        }
    }

    fn encode_to(&self, created: ClaimedTime, out: &mut Writer) -> Result<(), WriteError> {
        match self {
            Self::Post(post) => {
                out.raw(&post.encode()?);
            }
            Self::Hide(tag) => {
                out.raw(tag);
            }
            Self::Tombstone(tombstone) => {
                out.value(tombstone);
            }
            Self::Identity(bytes) | Self::Device(bytes) | Self::SelfOp(bytes) => {
                out.raw(bytes);
            }
            Self::Unknown { kind, bytes } => {
                if kind::is_known(*kind) {
                    return Err(WriteError::Invalid { what: "bytes of an unknown kind under a known one" });
                }
                out.raw(bytes);
            }
            Self::Profile(profile) => {
                out.raw(&profile.encode()?);
            }
            Self::Interaction(sealed) | Self::AppUpdate(sealed) => {
                out.value(sealed);
            }
            Self::Status(status) => {
                out.raw(&status.encode(created)?);
            }
        }
        Ok(())
    }

    fn decode(kind: u8, created: ClaimedTime, bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(match kind {
            kind::POST => Self::Post(Box::new(Post::decode(bytes)?)),
            kind::HIDE => {
                let mut input = Reader::new(bytes);
                let tag = input.array()?;
                input.finish()?;
                Self::Hide(tag)
            }
            kind::TOMBSTONE => Self::Tombstone(crate::wire::decode(bytes)?),
            kind::IDENTITY => Self::Identity(bytes.to_vec()),
            kind::DEVICE => Self::Device(bytes.to_vec()),
            kind::PROFILE => Self::Profile(Box::new(Profile::decode(bytes)?)),
            kind::INTERACTION => Self::Interaction(SealedInteraction::decode(bytes, INTERACTION_CT_LIMIT)?),
            kind::SELF_OP => Self::SelfOp(bytes.to_vec()),
            kind::STATUS => Self::Status(Status::decode(bytes, created)?),
            kind::APP_UPDATE => Self::AppUpdate(SealedInteraction::decode(bytes, APP_UPDATE_CT_LIMIT)?),
            kind => Self::Unknown { kind, bytes: bytes.to_vec() },
        })
    }
}

/// Prints sizes where there may be secrets or other people's bytes.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Post(post) => f.debug_tuple("Post").field(post).finish(),
            Self::Hide(_) => f.write_str("Hide"),
            Self::Tombstone(tombstone) => tombstone.fmt(f),
            Self::Identity(bytes) => write!(f, "Identity(<{}b>)", bytes.len()),
            Self::Device(bytes) => write!(f, "Device(<{}b>)", bytes.len()),
            Self::Profile(profile) => profile.fmt(f),
            Self::Interaction(sealed) => write!(f, "Interaction({sealed:?})"),
            Self::SelfOp(bytes) => write!(f, "SelfOp(<{}b>)", bytes.len()),
            Self::Status(status) => status.fmt(f),
            Self::AppUpdate(sealed) => write!(f, "AppUpdate({sealed:?})"),
            Self::Unknown { kind, bytes } => write!(f, "Unknown(kind {kind}, <{}b>)", bytes.len()),
        }
    }
}

/// What stands inside an entry's seal.
///
/// # Layout
/// `kind 1 ‖ created_ms 8 ‖ the body of the kind`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// When it was written, by the writer's clock.
    pub created: ClaimedTime,
    /// What it says.
    pub body: Body,
}

impl Content {
    /// The bytes to seal.
    ///
    /// # Errors
    /// [`WriteError`] if something is above its limit or would not read back.
    pub fn encode(&self) -> Result<Vec<u8>, WriteError> {
        let mut out = Writer::new();
        out.u8(self.body.kind()).u64(self.created.as_millis());
        self.body.encode_to(self.created, &mut out)?;
        within("content", CONTENT_LIMIT, out.len())?;
        Ok(out.into_vec())
    }

    /// Reads an opened content.
    ///
    /// # Errors
    /// [`DecodeError`]: the entry stays known and is never shown.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let kind = input.u8()?;
        let created = ClaimedTime::from_millis(input.u64()?);
        let body = Body::decode(kind, created, input.take_rest())?;
        Ok(Self { created, body })
    }

    /// The kind of an opened content, without reading the rest of it.
    pub fn peek_kind(bytes: &[u8]) -> Option<u8> {
        bytes.first().copied()
    }
}

/// Compares what one wants to write with its limit.
fn within(what: &'static str, limit: usize, actual: usize) -> Result<(), WriteError> {
    if actual > limit { Err(WriteError::TooMuch { what, limit, actual }) } else { Ok(()) }
}
