//! What is said beneath a post: likes, comments, replies, the state of mini programs.
//!
//! WeChat shows a like or comment to those who are friends of both, the one who wrote it and the one it is for.
//! Here that rule is an AND of two keys, by nesting. Bob's interaction with Alice's post is an entry in *Bob's*
//! `~contact` epoch, so only Bob's friends open the outer seal; the inner one opens for holders of the *post's* key:
//!
//! ```text
//! entry in Bob's ~contact ──seal(content key: Bob's friends)── itag ‖ inonce ‖ ct
//!                                  ct = seal(ikey: holders of the post's key) ── like | comment | reply
//!                                         reply = seal(reply_key: holders of the target's gate too) ── text
//! ```
//!
//! `itag` lets holders of the post's key find the post and means nothing to anybody else. Both inner seals cover the
//! writer, epoch and number of the entry that carries them ([`Slot`]), so an interaction cannot be moved to another
//! writer, entry or post. A reply is sealed once more under the *gate* of the entry it answers: who cannot see the
//! comment sees that there is a reply to it, and not what it says.
//!
//! What it does not do: it does not undo. A like or comment is withdrawn by a Tombstone of its entry, moderated by a
//! Hide of the post's author.
//!
//! Source: docs/protocol.md 3.1, 3.5.

use std::fmt;

use super::{WriteError, within};
use crate::crypto::{Entropy, Gate, Itag, Nonce, ThreadKey, keys, open, seal};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::{APP_UPDATE_CT_LIMIT, COMMENT_TEXT_LIMIT};
use crate::wire::{DecodeError, Encode, Reader, Writer, utf8};

/// Length of the tag that a seal adds, bytes. *spec 3.0*
const SEAL_TAG_LEN: usize = 16;

/// Codes of what stands inside. Code 2 was once "unlike" and stays free.
mod code {
    pub(super) const LIKE: u8 = 1;
    pub(super) const COMMENT: u8 = 3;
    pub(super) const REPLY: u8 = 4;
}

/// The entry in which an interaction stands: what its seals are bound to.
///
/// # Layout
/// As associated data: `writer root 32 ‖ epoch_id 16 ‖ seq 8`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Who writes.
    pub writer: UserId,
    /// The writer's `~contact` epoch.
    pub epoch: EpochId,
    /// The entry's number in it.
    pub seq: u64,
}

impl Slot {
    fn aad(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(56);
        out.value(&self.writer).value(&self.epoch).u64(self.seq);
        out.into_vec()
    }
}

/// An interaction as it travels inside its entry: opaque to whoever does not hold the post's key.
///
/// # Layout
/// `itag 16 ‖ inonce 24 ‖ ct`, ct to the end, at least 17 bytes
#[derive(Clone, PartialEq, Eq)]
pub struct SealedInteraction {
    /// Finds the post.
    pub itag: Itag,
    /// Random; makes itag and key those of this interaction alone.
    pub inonce: Nonce,
    /// The sealed inner bytes.
    pub ct: Vec<u8>,
}

impl SealedInteraction {
    /// Reads an interaction that fills `bytes`, with at most `ct_limit` bytes of ciphertext.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8], ct_limit: usize) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let (itag, inonce) = (input.array()?, Nonce::from_bytes(input.array()?));
        let ct = input.take_rest();
        if ct.len() <= SEAL_TAG_LEN {
            let missing_bytes = SEAL_TAG_LEN.saturating_add(1).saturating_sub(ct.len());
            return Err(DecodeError::Truncated { missing_bytes });
        }
        if ct.len() > ct_limit {
            let actual = u64::try_from(ct.len()).unwrap_or(u64::MAX);
            return Err(DecodeError::TooMany { what: "interaction", limit: ct_limit, actual });
        }
        Ok(Self { itag, inonce, ct: ct.to_vec() })
    }

    /// Whether this is `writer`'s and belongs to the post of this thread key. In constant time.
    ///
    /// # Cost
    /// One MAC, about 0.2 µs.
    pub fn matches(&self, thread: &ThreadKey, writer: &UserId) -> bool {
        keys::mac_eq(&keys::itag(thread, writer, &self.inonce), &self.itag)
    }
}

impl Encode for SealedInteraction {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(&self.itag).raw(self.inonce.as_bytes()).raw(&self.ct);
    }
}

impl fmt::Debug for SealedInteraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedInteraction(<{}b>)", self.ct.len())
    }
}

/// The sealed text of a reply.
///
/// # Layout
/// `target 32 ‖ rnonce 24 ‖ ct`, ct = text and 16 bytes, to the end
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The comment or reply that it answers.
    pub target: EntryId,
    /// Random.
    pub rnonce: Nonce,
    /// The sealed text.
    pub ct: Vec<u8>,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply(to {}, <{}b>)", self.target.short(), self.ct.len())
    }
}

/// What an interaction says.
///
/// # Layout
/// `1` like · `3 ‖ text` comment · `4 ‖ target 32 ‖ rnonce 24 ‖ sealed text` reply; text is UTF-8 to the end, 1 to 2048
/// bytes
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inner {
    /// A like. It counts once for each writer, however often it is written.
    Like,
    /// A comment on the post.
    Comment {
        /// What it says.
        text: String,
    },
    /// An answer to a comment or reply; its text opens with [`open_reply`].
    Reply(Reply),
}

impl Inner {
    /// The bytes to seal.
    ///
    /// # Errors
    /// [`WriteError`] if there is no text, or too much.
    pub fn encode(&self) -> Result<Vec<u8>, WriteError> {
        let mut out = Writer::new();
        match self {
            Self::Like => {
                out.u8(code::LIKE);
            }
            Self::Comment { text } => {
                check_text(text)?;
                out.u8(code::COMMENT).raw(text.as_bytes());
            }
            Self::Reply(reply) => {
                within("sealed reply", COMMENT_TEXT_LIMIT.saturating_add(SEAL_TAG_LEN), reply.ct.len())?;
                out.u8(code::REPLY).value(&reply.target).raw(reply.rnonce.as_bytes()).raw(&reply.ct);
            }
        }
        Ok(out.into_vec())
    }

    /// Reads an opened interaction.
    ///
    /// # Errors
    /// [`DecodeError`]; [`DecodeError::Unknown`] for what a newer program may say.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        match input.u8()? {
            code::LIKE => {
                input.finish()?;
                Ok(Self::Like)
            }
            code::COMMENT => Ok(Self::Comment { text: decode_text(input.take_rest())? }),
            code::REPLY => {
                let (target, rnonce) = (input.value()?, Nonce::from_bytes(input.array()?));
                let ct = input.take_rest();
                let limit = COMMENT_TEXT_LIMIT.saturating_add(SEAL_TAG_LEN);
                if ct.len() <= SEAL_TAG_LEN || ct.len() > limit {
                    return Err(DecodeError::Invalid { what: "a sealed reply of an impossible length" });
                }
                Ok(Self::Reply(Reply { target, rnonce, ct: ct.to_vec() }))
            }
            code => Err(DecodeError::Unknown { what: "interaction", code: u64::from(code) }),
        }
    }
}

/// Why an interaction cannot be shown. Its writer made it so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InteractionFault {
    /// It does not belong to this post, or is another's.
    #[error("the interaction does not belong to this post and writer")]
    NoMatch,
    /// A seal does not open: another key, or moved from another entry.
    #[error("the interaction does not open")]
    Seal,
    /// What is inside is not an interaction.
    #[error("what is inside is not an interaction")]
    Decode(#[source] DecodeError),
}

impl From<DecodeError> for InteractionFault {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// Seals a like or comment for the thread of a post, to stand in `slot`.
///
/// # Errors
/// [`WriteError`] if there is no text, or too much.
pub fn seal_interaction(
    thread: &ThreadKey,
    slot: &Slot,
    inner: &Inner,
    entropy: &mut Entropy,
) -> Result<SealedInteraction, WriteError> {
    let inonce = Nonce::random(entropy);
    Ok(seal_inner(thread, slot, &inner.encode()?, inonce))
}

/// Opens an interaction that stands in `slot`.
///
/// # Errors
/// [`InteractionFault`].
pub fn open_interaction(
    thread: &ThreadKey,
    slot: &Slot,
    sealed: &SealedInteraction,
) -> Result<Inner, InteractionFault> {
    Ok(Inner::decode(&open_inner(thread, slot, sealed)?)?)
}

/// Seals a reply to the interaction `target`, to stand in `slot`. `target_gate` is the gate of the target's entry.
///
/// # Errors
/// [`WriteError`] if there is no text, or too much.
pub fn seal_reply(
    thread: &ThreadKey,
    slot: &Slot,
    target: &EntryId,
    target_gate: &Gate,
    text: &str,
    entropy: &mut Entropy,
) -> Result<SealedInteraction, WriteError> {
    check_text(text)?;
    let (inonce, rnonce) = (Nonce::random(entropy), Nonce::random(entropy));
    let key = keys::reply_key(&keys::ikey(thread, &slot.writer, &inonce), target_gate);
    let ct = seal(key.expose_bytes(), &rnonce, &reply_aad(target, slot), text.as_bytes());
    let inner = Inner::Reply(Reply { target: *target, rnonce, ct });
    Ok(seal_inner(thread, slot, &inner.encode()?, inonce))
}

/// Opens the text of a reply that [`open_interaction`] took out of `sealed`.
///
/// # Errors
/// [`InteractionFault`].
pub fn open_reply(
    thread: &ThreadKey,
    slot: &Slot,
    sealed: &SealedInteraction,
    reply: &Reply,
    target_gate: &Gate,
) -> Result<String, InteractionFault> {
    let key = keys::reply_key(&keys::ikey(thread, &slot.writer, &sealed.inonce), target_gate);
    let text = open(key.expose_bytes(), &reply.rnonce, &reply_aad(&reply.target, slot), &reply.ct)
        .map_err(|_| InteractionFault::Seal)?;
    Ok(decode_text(&text)?)
}

/// Seals the update of a mini program, its inner bytes as they are.
///
/// # Errors
/// [`WriteError`] if it is empty or too long.
pub fn seal_app_update(
    thread: &ThreadKey,
    slot: &Slot,
    inner: &[u8],
    entropy: &mut Entropy,
) -> Result<SealedInteraction, WriteError> {
    within("update of a mini program", APP_UPDATE_CT_LIMIT.saturating_sub(SEAL_TAG_LEN), inner.len())?;
    if inner.is_empty() {
        return Err(WriteError::Invalid { what: "an empty update of a mini program" });
    }
    Ok(seal_inner(thread, slot, inner, Nonce::random(entropy)))
}

/// Opens the update of a mini program: its inner bytes.
///
/// # Errors
/// [`InteractionFault`].
pub fn open_app_update(
    thread: &ThreadKey,
    slot: &Slot,
    sealed: &SealedInteraction,
) -> Result<Vec<u8>, InteractionFault> {
    open_inner(thread, slot, sealed)
}

fn seal_inner(thread: &ThreadKey, slot: &Slot, inner: &[u8], inonce: Nonce) -> SealedInteraction {
    let key = keys::ikey(thread, &slot.writer, &inonce);
    let ct = seal(key.expose_bytes(), &inonce, &slot.aad(), inner);
    SealedInteraction { itag: keys::itag(thread, &slot.writer, &inonce), inonce, ct }
}

/// The tag is checked as well as the seal: it is what ties the interaction to one post.
fn open_inner(
    thread: &ThreadKey,
    slot: &Slot,
    sealed: &SealedInteraction,
) -> Result<Vec<u8>, InteractionFault> {
    if !sealed.matches(thread, &slot.writer) {
        return Err(InteractionFault::NoMatch);
    }
    let key = keys::ikey(thread, &slot.writer, &sealed.inonce);
    open(key.expose_bytes(), &sealed.inonce, &slot.aad(), &sealed.ct).map_err(|_| InteractionFault::Seal)
}

fn reply_aad(target: &EntryId, slot: &Slot) -> Vec<u8> {
    [target.as_bytes().as_slice(), &slot.aad()].concat()
}

fn check_text(text: &str) -> Result<(), WriteError> {
    if text.is_empty() {
        return Err(WriteError::Invalid { what: "a comment without text" });
    }
    within("comment", COMMENT_TEXT_LIMIT, text.len())
}

fn decode_text(bytes: &[u8]) -> Result<String, DecodeError> {
    if bytes.len() > COMMENT_TEXT_LIMIT {
        let actual = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        return Err(DecodeError::TooMany { what: "comment", limit: COMMENT_TEXT_LIMIT, actual });
    }
    if bytes.is_empty() {
        return Err(DecodeError::Invalid { what: "a comment without text" });
    }
    utf8(bytes).map(str::to_owned)
}
