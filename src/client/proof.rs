//! Comparing a picture with the hash that somebody else than the moment's author signed, once.
//!
//! A friend who shares on a moment sends its pictures sealed anew. The signature holds their hashes: what has another
//! hash is not shown. A film is opened piece by piece, so that what was compared is remembered.
//!
//! Source: docs/protocol.md 3.9.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::{Mutex, PoisonError};

use super::blobs::read_at;
use crate::crypto::{BlobKey, hash};
use crate::id::BlobId;

/// How many comparisons are remembered; beyond it all are forgotten. *guess: 32 bytes each*
const PROVEN_LIMIT: usize = 4_096;
/// Bytes that are hashed at a time. *guess*
const PIECE: u64 = 256 * 1024;

/// Pictures that had the hash that was signed.
#[derive(Debug, Default)]
pub(super) struct Proofs(Mutex<BTreeSet<[u8; 32]>>);

impl Proofs {
    /// Whether the plaintext of a blob has the hash that somebody signed.
    ///
    /// # Cost
    /// The first time all of it is read.
    pub(super) fn holds(
        &self,
        id: &BlobId,
        file: &mut File,
        (key, bytes): (&BlobKey, u64),
        proof: &[u8; 32],
    ) -> bool {
        let same = hash(&[&id.as_bytes()[..], key.expose_bytes(), proof].concat());
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&same) {
            return true;
        }
        let (mut hasher, mut at) = (blake3::Hasher::new(), 0u64);
        while at < bytes {
            let len = bytes.saturating_sub(at).min(PIECE);
            let Ok(piece) = read_at(file, key, at, len) else { return false };
            hasher.update(&piece);
            at = at.saturating_add(len);
        }
        if hasher.finalize().as_bytes() != proof {
            return false;
        }
        let mut proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.len() >= PROVEN_LIMIT {
            proven.clear();
        }
        proven.insert(same);
        true
    }
}
