//! XChaCha20-Poly1305 without a line that is not Rust: the cipher of the pure core.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

use super::Nonce;

/// Seals; none only for a plaintext that the cipher refuses.
pub(super) fn seal(key: &[u8; 32], nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.encrypt(&nonce.0.into(), Payload { msg: plaintext, aad }).ok()
}

/// Opens; none if anything differs.
pub(super) fn open(key: &[u8; 32], nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.decrypt(&nonce.0.into(), Payload { msg: sealed, aad }).ok()
}
