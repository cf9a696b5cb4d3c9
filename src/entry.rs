//! The entry: the one signed and sealed unit that travels, whatever it says.
//!
//! Couriers must be able to check what they cannot read. So an entry has two halves: a header of 186 bytes, signed by
//! the epoch's key, that commits to the ciphertext, and a body that opens only for whoever holds the entry's own
//! content key. Whose key the epoch's is, the header does not say; recipients know it by a pairwise secret.
//!
//! ```text
//!            header, 186 bytes                                                              body
//!  ┌──────────────────────────────────────────────┬───────────┬───────────┐ ┌──────────────────────────────────────┐
//!  │ version suite epoch seq expire len nonce commit │ body_hash │ signature │ │ seal(len ‖ content ‖ zeros) ‖ tag 16 │
//!  └──────────────────────────────────────────────┴───────────┴───────────┘ └──────────────────────────────────────┘
//!  0 ───────────── what the seal covers ─────────── 90 ─ signed ─ 122 ────── 186
//! ```
//!
//! A received entry changes its type as it becomes trusted: [`Entry::from_parts`] gives an `Entry<Unverified>`,
//! [`Entry::verify`] an `Entry<Verified>`, and only that one opens. The two error types are the two halves of
//! "known, kept, shown": a [`RejectError`] means that the entry is not *known* at all and its sender is at fault; an
//! [`OpenFault`] means that it is known, its header is kept, and it is never shown or asked for again.
//!
//! What it does not do: it does not look inside the content (that is [`crate::moment`]'s), does not know who an epoch
//! belongs to, and never lets time, quota or taste decide what is valid (I6). [`Header::is_expired`] only answers.
//!
//! Invariants: an `Entry<Verified>` has a strict signature by the epoch's key and the body that its header names, or
//! comes from our own disk; any flipped bit of header or body is refused (I12); the length of a body depends on the
//! bucket of its content alone (I14); one entry's key opens no other entry (I10).
//!
//! Source: docs/protocol.md 3.4, 4.3.

mod header;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;

pub use header::{HEADER_LEN, Header, SIGNED_LEN};
pub use write::{Draft, WriteError, write, write_with_nonce};

use crate::crypto::{ContentKey, ReadKey, ReadyKey, VerifyingKey, keys, open as open_seal, padded_len};
use crate::id::EntryId;
use crate::limits::{ENTRY_PADDED_MIN, INTERACTION_PADDED_MIN};
use crate::wire::{DecodeError, Reader};

/// Length of the tag that the seal adds to the padded plaintext, bytes. *spec 3.0*
const SEAL_TAG_LEN: usize = 16;

/// Witness: the bytes have the form of an entry; nothing else was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unverified(());

/// Witness: signature, epoch and body hash were checked, by us, now or when it was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified(());

/// Why an entry is not *known*: it does not exist for us, and whoever sent it as an entry of this epoch is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RejectError {
    /// The key it was checked against is not that of the epoch it names.
    #[error("the entry names another epoch than the key's")]
    OtherEpoch,
    /// The signature does not fit, or has a form that strict verification refuses.
    #[error("the entry's signature does not fit")]
    Signature,
    /// The body is not the one that the header names.
    #[error("the body is not the one that the header names")]
    BodyHash,
}

/// Why a known entry cannot be shown. The author made it so, not whoever carried it: carriers cannot see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenFault {
    /// The header commits to another content key.
    #[error("the header commits to another content key")]
    Commit,
    /// The seal does not open.
    #[error("the body does not open under its key")]
    Seal,
    /// The length prefix does not fit the padded plaintext, or another bucket would have held the content.
    #[error("the length inside the seal does not fit its padding")]
    Length,
    /// The padding is not all zeros.
    #[error("the padding is not all zeros")]
    Padding,
}

/// A header with its body, trusted as far as `S` says.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry<S> {
    header: Header,
    body: Vec<u8>,
    trust: PhantomData<S>,
}

impl Entry<Unverified> {
    /// Takes an entry's two parts as they came.
    ///
    /// # Errors
    /// [`DecodeError`] if the header is no header, or the body's length is not the one it names. The sender's fault.
    pub fn from_parts(header: &[u8], body: Vec<u8>) -> Result<Self, DecodeError> {
        let (header, body) = parts(header, body)?;
        Ok(Self { header, body, trust: PhantomData })
    }

    /// Makes the entry *known*: it is signed by the epoch's key and has the body it names.
    ///
    /// # Errors
    /// [`RejectError`]; the cheap checks come first.
    ///
    /// # Cost
    /// One strict signature check, 40–75 µs.
    pub fn verify(self, key: &VerifyingKey) -> Result<Entry<Verified>, RejectError> {
        self.trusted_if(|header| header.verify(key))
    }

    /// As [`Entry::verify`], under a key that was made ready before.
    ///
    /// # Errors
    /// As there.
    pub fn verify_ready(self, key: &ReadyKey) -> Result<Entry<Verified>, RejectError> {
        self.trusted_if(|header| header.verify_ready(key))
    }

    fn trusted_if(
        self,
        is_signed: impl FnOnce(&Header) -> Result<(), RejectError>,
    ) -> Result<Entry<Verified>, RejectError> {
        if !self.header.names_body(&self.body) {
            return Err(RejectError::BodyHash);
        }
        is_signed(&self.header)?;
        Ok(Entry { header: self.header, body: self.body, trust: PhantomData })
    }
}

impl Entry<Verified> {
    /// An entry from our own disk, where only verified ones are put. The signature is not checked again; the hash of
    /// the body is, so that a damaged file is told apart from a bad author.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are damaged.
    pub fn trust_stored(header: &[u8], body: Vec<u8>) -> Result<Self, DecodeError> {
        let (header, body) = parts(header, body)?;
        if !header.names_body(&body) {
            return Err(DecodeError::Invalid {
                what: "the stored body is not the one that its header names",
            });
        }
        Ok(Self { header, body, trust: PhantomData })
    }

    /// An entry from our own disk that is opened next, under the id by which it lies there. The seal covers the body and
    /// all of the header that is read, so the hash of the body is looked at only where it does not open
    /// ([`Entry::is_whole`]).
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes have not the form of an entry.
    pub fn trust_sealed(id: EntryId, header: &[u8], body: Vec<u8>) -> Result<Self, DecodeError> {
        let header = Header::of(id, &header_bytes(header)?)?;
        fits(&header, &body)?;
        Ok(Self { header, body, trust: PhantomData })
    }

    /// Whether the body is the one that its header names: tells a damaged file apart from a bad author.
    pub fn is_whole(&self) -> bool {
        self.header.names_body(&self.body)
    }

    /// Opens the body: the content, kind byte first.
    ///
    /// # Errors
    /// [`OpenFault`]: the entry stays known, its header is kept, it is never shown.
    ///
    /// # Security
    /// The commitment is checked before the seal, in constant time: without it an author could make one body that
    /// opens to different things under two keys, and collect a like under the wrong one.
    pub fn open(&self, key: &ContentKey) -> Result<Vec<u8>, OpenFault> {
        if !keys::mac_eq(&keys::commit(key), self.header.commit()) {
            return Err(OpenFault::Commit);
        }
        let plain = open_seal(key.expose_bytes(), self.header.nonce(), self.header.sealed_head(), &self.body)
            .map_err(|_| OpenFault::Seal)?;
        unpad(plain)
    }

    /// Opens the body with the epoch's read key.
    ///
    /// # Errors
    /// As [`Entry::open`].
    pub fn open_with(&self, key: &ReadKey) -> Result<Vec<u8>, OpenFault> {
        self.open(&self.header.content_key(key))
    }
}

impl<S> Entry<S> {
    /// The entry's id.
    pub const fn id(&self) -> EntryId {
        self.header.id()
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The body: ciphertext.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Header and body.
    pub fn into_parts(self) -> (Header, Vec<u8>) {
        (self.header, self.body)
    }
}

impl<S> fmt::Debug for Entry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({:?}, body <{}b>)", self.header, self.body.len())
    }
}

/// Header and body of matching lengths.
fn parts(header: &[u8], body: Vec<u8>) -> Result<(Header, Vec<u8>), DecodeError> {
    let header = Header::decode(&header_bytes(header)?)?;
    fits(&header, &body)?;
    Ok((header, body))
}

fn header_bytes(header: &[u8]) -> Result<[u8; HEADER_LEN], DecodeError> {
    let mut input = Reader::new(header);
    let bytes = input.array::<HEADER_LEN>()?;
    input.finish()?;
    Ok(bytes)
}

/// Whether a body has the length that its header names.
fn fits(header: &Header, body: &[u8]) -> Result<(), DecodeError> {
    let wanted = usize::try_from(header.body_len()).unwrap_or(usize::MAX);
    match body.len() {
        actual if actual < wanted => {
            Err(DecodeError::Truncated { missing_bytes: wanted.saturating_sub(actual) })
        }
        actual if actual > wanted => {
            Err(DecodeError::Trailing { extra_bytes: actual.saturating_sub(wanted) })
        }
        _ => Ok(()),
    }
}

/// `len u32 ‖ content ‖ zeros`, in the one size that the content's bucket gives.
fn pad(content: &[u8], min_padded: usize) -> Option<Vec<u8>> {
    let len = u32::try_from(content.len()).ok()?;
    let mut plain = Vec::with_capacity(padded_size(content.len(), min_padded));
    plain.extend_from_slice(&len.to_be_bytes());
    plain.extend_from_slice(content);
    plain.resize(padded_size(content.len(), min_padded), 0);
    Some(plain)
}

/// The padded length of a content of `len` bytes. There are two smallest buckets: 512 for interactions and what must
/// look like them, 256 for everything else.
fn padded_size(len: usize, min_padded: usize) -> usize {
    let min = if min_padded > ENTRY_PADDED_MIN { INTERACTION_PADDED_MIN } else { ENTRY_PADDED_MIN };
    let unpadded = u64::try_from(len.saturating_add(4).max(min)).unwrap_or(u64::MAX);
    usize::try_from(padded_len(unpadded)).unwrap_or(usize::MAX)
}

/// Takes the content out of an opened plaintext, and accepts only what [`pad`] would have made.
fn unpad(mut plain: Vec<u8>) -> Result<Vec<u8>, OpenFault> {
    let mut input = Reader::new(&plain);
    let len = input.u32().map_err(|_| OpenFault::Length)?;
    let len = usize::try_from(len).map_err(|_| OpenFault::Length)?;
    input.take(len).map_err(|_| OpenFault::Length)?;
    let fits =
        [ENTRY_PADDED_MIN, INTERACTION_PADDED_MIN].iter().any(|min| padded_size(len, *min) == plain.len());
    if !fits {
        return Err(OpenFault::Length);
    }
    // All of it at once, and not up to the first: that is what a processor does in large pieces.
    if input.take_rest().iter().fold(0, |seen, byte| seen | byte) != 0 {
        return Err(OpenFault::Padding);
    }
    plain.drain(..4);
    plain.truncate(len);
    Ok(plain)
}
