//! Writing an entry: pad, seal, commit, sign.

use std::marker::PhantomData;

use super::header::{HEADER_LEN, Header, SEALED_HEAD_LEN, SIGNED_LEN, SUITE, VERSION};
use super::{Entry, SEAL_TAG_LEN, Verified, pad};
use crate::crypto::{Domain, Entropy, Nonce, ReadKey, SigningKey, hash, keys, seal};
use crate::id::EpochId;
use crate::limits::{ENTRY_PADDED_LIMIT, SEQ_LIMIT};
use crate::time::Day;
use crate::wire::{DecodeError, Writer};

/// What an entry is written from. The number must have been reserved for good before (docs/protocol.md 3.13).
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// The epoch's signing key: only the device that minted the epoch has it.
    pub epoch_key: &'a SigningKey,
    /// The epoch; must be the one of `epoch_key`.
    pub epoch: EpochId,
    /// The epoch's read key.
    pub read_key: &'a ReadKey,
    /// The entry's number; below 2^48, never used before.
    pub seq: u64,
    /// The last day on which the entry is wanted. Day 0 is the same as none.
    pub expire_day: Option<Day>,
    /// Kind, time and the rest.
    pub content: &'a [u8],
    /// The smallest padded length, bytes: [`crate::limits::ENTRY_PADDED_MIN`], or
    /// [`crate::limits::INTERACTION_PADDED_MIN`] for interactions and what must look like them. Anything above the
    /// first counts as the second: there are no other smallest buckets.
    pub min_padded: usize,
}

/// Why an entry cannot be written. Our own fault: nothing was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The content does not fit an entry.
    #[error("content of {actual_bytes} bytes; an entry holds {limit_bytes}")]
    TooLong {
        /// The most that fits.
        limit_bytes: usize,
        /// What was given.
        actual_bytes: usize,
    },
    /// The epoch has no numbers left.
    #[error("the epoch's numbers are used up")]
    SeqUsedUp,
}

/// Writes an entry under a fresh nonce.
///
/// # Errors
/// [`WriteError`]; nothing was signed then.
pub fn write(draft: Draft<'_>, entropy: &mut Entropy) -> Result<Entry<Verified>, WriteError> {
    write_with_nonce(draft, Nonce::random(entropy))
}

/// Writes an entry under a nonce drawn beforehand: mentions inside the content are bound to it, so whoever mentions
/// somebody must know the nonce before there is a content to seal (docs/protocol.md 3.1).
///
/// # Errors
/// As [`write()`].
///
/// # Security
/// The nonce must come from [`Nonce::random`], for this entry alone. With the same epoch, number and nonce twice, two
/// bodies would be sealed under one key.
pub fn write_with_nonce(draft: Draft<'_>, nonce: Nonce) -> Result<Entry<Verified>, WriteError> {
    let limit_bytes = ENTRY_PADDED_LIMIT.saturating_sub(4);
    let too_long = WriteError::TooLong { limit_bytes, actual_bytes: draft.content.len() };
    if draft.content.len() > limit_bytes {
        return Err(too_long);
    }
    if draft.seq >= SEQ_LIMIT {
        return Err(WriteError::SeqUsedUp);
    }
    let plain = pad(draft.content, draft.min_padded).ok_or(too_long)?;
    let body_len = u32::try_from(plain.len().saturating_add(SEAL_TAG_LEN)).map_err(|_| too_long)?;
    let key = keys::content_key(draft.read_key, draft.seq, &nonce);
    let head = sealed_head(&draft, body_len, &nonce, &keys::commit(&key));
    let body = seal(key.expose_bytes(), &nonce, &head, &plain);
    // Invariant: the head was built from checked numbers, so it decodes.
    let header = sign(draft.epoch_key, &head, &body).map_err(|_| too_long)?;
    debug_assert_eq!(keys::epoch_id(draft.epoch_key.public().as_bytes()), draft.epoch, "the draft's epoch");
    Ok(Entry { header, body, trust: PhantomData })
}

/// Bytes 0..90 of the header.
pub(super) fn sealed_head(
    draft: &Draft<'_>,
    body_len: u32,
    nonce: &Nonce,
    commit: &[u8; 32],
) -> [u8; SEALED_HEAD_LEN] {
    let mut out = Writer::with_capacity(SEALED_HEAD_LEN);
    out.u8(VERSION).u8(SUITE).value(&draft.epoch).u64(draft.seq);
    out.u32(draft.expire_day.map_or(0, |day| day.0)).u32(body_len).raw(nonce.as_bytes()).raw(commit);
    joined(&[out.as_slice()])
}

/// The whole header for a sealed body.
pub(super) fn sign(
    key: &SigningKey,
    head: &[u8; SEALED_HEAD_LEN],
    body: &[u8],
) -> Result<Header, DecodeError> {
    let signed: [u8; SIGNED_LEN] = joined(&[head, &hash(body)]);
    let signature = key.sign(Domain::Entry, &signed);
    let bytes: [u8; HEADER_LEN] = joined(&[&signed, signature.as_bytes()]);
    Header::decode(&bytes)
}

/// The parts side by side. Invariant: their lengths add up to `N`.
fn joined<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    debug_assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), N, "parts of a header");
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
    out
}
