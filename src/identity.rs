//! Who somebody is: the 24 words behind a person, the records that speak for one, the keys of this installation.
//!
//! A person is a root key that exists as 24 words on paper and in no running node. It signs two kinds of thing: the
//! [`IdentityRecord`], which lists the person's devices, and a certificate for each of them. A device signs its own
//! [`DeviceRecord`]: where it is reached and which key parcels are sealed to.
//!
//! ```text
//!  24 words ── root key ──signs──▶ IdentityRecord { devices }          newest seq wins, a dropped device is gone for good
//!                  └──────signs──▶ certificate of a device ◀──┐
//!               device key ─signs──▶ DeviceRecord { root, node key, seal key, addresses }
//! ```
//!
//! A device counts only when both halves agree: the root lists the device and the device names the root. One half
//! alone would let Mallory list Alice's device under his name ([`live_device`]).
//!
//! Bytes become a record by `decode`, a record becomes [`Verified`] by `verify`; only verified ones can be kept
//! ([`KnownIdentity`]), compared or paired with. Signatures are checked over the bytes as they came, and those bytes
//! are what is kept and passed on.
//!
//! What it does not do: it stores nothing, reads no clock, and never holds the root key longer than a signature takes.
//! An [`Invite`] only says whom to reach; what happens then is [`crate::pair`].
//!
//! Invariants: a seq never decreases, and equal seq with other bytes raises *root used twice* (I19); a device once
//! dropped never counts again; nothing here prints a secret (I25).
//!
//! Source: docs/protocol.md 3.1, 3.2; invite: 3.7.

mod base64;
mod device;
mod invite;
mod keyring;
mod known;
mod record;
mod words;

pub use device::{DeviceDraft, DeviceFlags, DeviceRecord};
pub use invite::{Invite, InviteError};
pub use keyring::{Created, Keyring};
pub use known::{KnownIdentity, Outcome, live_device};
pub use record::{DeviceKind, IdentityRecord, ListedDevice, Supersede, TooManyDevices, supersedes};
pub use words::{ExposedWords, Words, WordsError, safety_words};

use crate::crypto::VerifyError;
use crate::time::Timestamp;
use crate::wire::{self, DecodeError, Encode, Reader, Writer};

/// A record whose signature was checked over its bytes. Made only by `verify` and `sign`, and read back from where only
/// verified ones are put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// A record out of a sealed record of our own, where only verified ones are put.
    ///
    /// # Security
    /// Only for what the storage key's seal has opened: whoever can make such a seal holds everything a signature could
    /// protect here. A start reads hundreds of these before its first page, and a check takes 38–75 µs.
    pub(crate) const fn trust_sealed(record: T) -> Self {
        Self(record)
    }
}

impl<T> std::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Encode> Encode for Verified<T> {
    fn encode_to(&self, out: &mut Writer) {
        self.0.encode_to(out);
    }
}

/// Bytes that are no record, or one that nobody signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The bytes are not a record.
    #[error("not a record")]
    Decode(#[from] DecodeError),
    /// The signature does not fit.
    #[error("a record that its key did not sign")]
    Verify(#[from] VerifyError),
}

impl RecordError {
    /// Whether a newer program wrote the record: the old one is kept and the person told (docs/protocol.md 3.2).
    pub fn is_newer_version(&self) -> bool {
        matches!(self, Self::Decode(DecodeError::Unknown { what: VERSION, code }) if *code > 1)
    }
}

/// How [`DecodeError::Unknown`] names a record's version.
const VERSION: &str = "record version";

/// The seq of the next record: above the last one known, and above everything older even for somebody who has nothing
/// but the words: `max(last + 1, Unix ms)`.
pub fn next_seq(last: Option<u64>, now: Timestamp) -> u64 {
    last.map_or(0, |last| last.saturating_add(1)).max(now.as_millis())
}

/// An IdentityRecord behind its length of two bytes, as frames, parcels and the store hold it.
///
/// # Errors
/// Those of the record; a length that is not its own.
pub fn read_identity(input: &mut Reader<'_>) -> Result<IdentityRecord, DecodeError> {
    let len = input.remaining();
    wire::decode(input.bytes_u16("IdentityRecord", len)?)
}

/// A DeviceRecord behind its length of two bytes, as frames, parcels and the store hold it.
///
/// # Errors
/// As [`read_identity`].
pub fn read_device(input: &mut Reader<'_>) -> Result<DeviceRecord, DecodeError> {
    let len = input.remaining();
    wire::decode(input.bytes_u16("DeviceRecord", len)?)
}

#[cfg(test)]
mod tests;
