//! The header of an entry: the part that everybody who carries it can read and check.

use std::fmt;

use super::{RejectError, SEAL_TAG_LEN};
use crate::crypto::{
    ContentKey, Domain, Nonce, ReadKey, ReadyKey, Signature, VerifyingKey, hash, keys, padded_len,
};
use crate::id::{EntryId, EpochId};
use crate::limits::{ENTRY_BODY_LIMIT, ENTRY_PADDED_MIN, SEQ_LIMIT};
use crate::time::{DAY_MS, Day, Timestamp};
use crate::wire::{DecodeError, Reader};

/// Length of a header, bytes. *spec 3.4*
pub const HEADER_LEN: usize = 186;
/// Length of the part of a header that is signed, bytes. *spec 3.4*
pub const SIGNED_LEN: usize = 122;
/// Length of the part of a header that the seal covers, bytes. *spec 3.4*
pub(super) const SEALED_HEAD_LEN: usize = 90;
/// The version of the format. *spec 3.4*
pub(super) const VERSION: u8 = 1;
/// Ed25519, XChaCha20-Poly1305, BLAKE3. *spec 3.4*
pub(super) const SUITE: u8 = 1;

/// A decoded header beside its bytes as received, which are what is signed, hashed and stored.
///
/// # Layout
/// ```text
///  0  1  version = 1
///  1  1  suite = 1
///  2 16  epoch_id
/// 18  8  seq            below 2^48; gaps are legal
/// 26  4  expire_day     0 = none
/// 30  4  body_len       a padded size + 16: 272 … 65,552
/// 34 24  nonce
/// 58 32  commit         to the content key
/// 90 32  body_hash      BLAKE3 of the body
/// 122 64 signature      by the epoch key, over 0..122
/// ```
///
/// Source: docs/protocol.md 3.4.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    id: EntryId,
    epoch: EpochId,
    seq: u64,
    expire_day: Option<Day>,
    body_len: u32,
    nonce: Nonce,
    commit: [u8; 32],
    body_hash: [u8; 32],
    signature: Signature,
    bytes: [u8; HEADER_LEN],
}

impl Header {
    /// Reads a header. Nothing that needs a key is checked.
    ///
    /// # Errors
    /// [`DecodeError`] for an unknown version or suite, a number of 2^48 or more, a length that no padding gives.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, DecodeError> {
        let id = keys::entry_id(&Reader::new(bytes).array::<SIGNED_LEN>()?);
        Self::of(id, bytes)
    }

    /// As [`Header::decode`], of an entry whose id is known: it lies under it on our own disk.
    pub(super) fn of(id: EntryId, bytes: &[u8; HEADER_LEN]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        known("entry version", input.u8()?, VERSION)?;
        known("entry suite", input.u8()?, SUITE)?;
        let epoch = input.value()?;
        let seq = input.u64()?;
        if seq >= SEQ_LIMIT {
            return Err(DecodeError::Invalid { what: "the sequence number is not below 2^48" });
        }
        let expire_day = Some(input.u32()?).filter(|day| *day != 0).map(Day);
        let body_len = input.u32()?;
        if !is_body_len(body_len) {
            return Err(DecodeError::Invalid { what: "the body's length is not that of a padded plaintext" });
        }
        let nonce = Nonce::from_bytes(input.array()?);
        let (commit, body_hash) = (input.array()?, input.array()?);
        let signature = Signature::from_bytes(input.array()?);
        input.finish()?;
        Ok(Self { id, epoch, seq, expire_day, body_len, nonce, commit, body_hash, signature, bytes: *bytes })
    }

    /// The epoch that a header of ours names, read without the rest of it.
    pub fn epoch_in(bytes: &[u8]) -> Option<EpochId> {
        bytes.get(2..18)?.first_chunk().map(|id| EpochId::from_bytes(*id))
    }

    /// Checks that the header belongs to the epoch of `key` and is signed by it, strictly.
    ///
    /// # Errors
    /// [`RejectError::OtherEpoch`], [`RejectError::Signature`].
    ///
    /// # Cost
    /// 40–75 µs.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), RejectError> {
        self.is_of(key)?;
        key.verify(Domain::Entry, self.signed(), &self.signature).map_err(|_| RejectError::Signature)
    }

    /// As [`Header::verify`], under a key that was made ready before.
    ///
    /// # Errors
    /// As there.
    pub fn verify_ready(&self, key: &ReadyKey) -> Result<(), RejectError> {
        self.is_of(key.key())?;
        key.verify(Domain::Entry, self.signed(), &self.signature).map_err(|_| RejectError::Signature)
    }

    fn is_of(&self, key: &VerifyingKey) -> Result<(), RejectError> {
        if keys::epoch_id(key.as_bytes()) == self.epoch { Ok(()) } else { Err(RejectError::OtherEpoch) }
    }

    /// The entry's id: derived from what is signed, so that a second form of the signature makes no second id.
    pub const fn id(&self) -> EntryId {
        self.id
    }

    /// The epoch it was written under.
    pub const fn epoch(&self) -> EpochId {
        self.epoch
    }

    /// Its number in the epoch.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The last day on which it is wanted, if it has one.
    pub const fn expire_day(&self) -> Option<Day> {
        self.expire_day
    }

    /// Length of the body, bytes.
    pub const fn body_len(&self) -> u32 {
        self.body_len
    }

    /// The nonce: part of the content key, and of the mentions inside.
    pub const fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// The commitment to the content key.
    pub const fn commit(&self) -> &[u8; 32] {
        &self.commit
    }

    /// The BLAKE3 hash of the body.
    pub const fn body_hash(&self) -> &[u8; 32] {
        &self.body_hash
    }

    /// The signature of the epoch's key.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The header as it came.
    pub const fn bytes(&self) -> &[u8; HEADER_LEN] {
        &self.bytes
    }

    /// The key that opens this entry and no other.
    pub fn content_key(&self, key: &ReadKey) -> ContentKey {
        keys::content_key(key, self.seq, &self.nonce)
    }

    /// Whether the entry may be thrown away: 24 hours after the end, in UTC, of its last day. This decides what is
    /// kept and shown, never what is valid.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expire_day.is_some_and(|day| now >= day.start().plus_ms(DAY_MS.saturating_mul(2)))
    }

    /// Whether `body` is the one that the header names.
    pub fn names_body(&self, body: &[u8]) -> bool {
        u32::try_from(body.len()) == Ok(self.body_len) && hash(body) == self.body_hash
    }

    /// What the seal of the body covers besides the plaintext.
    pub(super) fn sealed_head(&self) -> &[u8] {
        self.bytes.get(..SEALED_HEAD_LEN).unwrap_or_default()
    }

    fn signed(&self) -> &[u8] {
        self.bytes.get(..SIGNED_LEN).unwrap_or_default()
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({} seq {} of {})", self.id.short(), self.seq, self.epoch.short())
    }
}

fn known(what: &'static str, code: u8, ours: u8) -> Result<(), DecodeError> {
    if code == ours { Ok(()) } else { Err(DecodeError::Unknown { what, code: u64::from(code) }) }
}

/// Whether a body can have this length: a padded size between the limits, and the tag.
fn is_body_len(len: u32) -> bool {
    let Ok(len) = usize::try_from(len) else { return false };
    let Some(padded) = len.checked_sub(SEAL_TAG_LEN) else { return false };
    let Ok(wide) = u64::try_from(padded) else { return false };
    padded >= ENTRY_PADDED_MIN && len <= ENTRY_BODY_LIMIT && padded_len(wide) == wide
}
