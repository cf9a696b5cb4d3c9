//! Blobs: XChaCha20 as a plain stream, because the id is the hash of the ciphertext and stands inside a signed seal.
//!
//! The nonce is zero: a blob's key is random and used for that blob alone. Integrity comes from the id, checked for
//! every 16 KiB as it streams, so any range of a blob can be opened by itself.
//!
//! Source: docs/protocol.md 3.9.

use chacha20::XChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};

use super::BlobKey;
use crate::id::BlobId;

/// Encrypts or decrypts `bytes`, which stand at `offset` of the blob, in place.
///
/// # Security
/// With a key that is used for two blobs, both can be read. Draw [`BlobKey::random`] for each.
pub fn apply_blob_stream(key: &BlobKey, offset: u64, bytes: &mut [u8]) {
    let mut cipher = XChaCha20::new(key.expose_bytes().into(), &[0; 24].into());
    cipher.seek(offset);
    cipher.apply_keystream(bytes);
}

/// The id of a blob: BLAKE3 of its ciphertext.
pub fn blob_id(ciphertext: &[u8]) -> BlobId {
    BlobId::from_bytes(super::hash(ciphertext))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_opens_by_itself() {
        let key = BlobKey::from_bytes([5; 32]);
        let plain: Vec<u8> = (0..100_000u32).map(|i| u8::try_from(i % 251).expect("small")).collect();
        let mut sealed = plain.clone();
        apply_blob_stream(&key, 0, &mut sealed);
        assert_ne!(sealed, plain);
        let mut part = sealed[70_001..70_500].to_vec();
        apply_blob_stream(&key, 70_001, &mut part);
        assert_eq!(part, plain[70_001..70_500]);
    }
}
