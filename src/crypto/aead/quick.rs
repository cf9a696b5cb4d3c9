//! XChaCha20-Poly1305 as draft-irtf-cfrg-xchacha 2.3 builds it: a key of its own for each nonce by HChaCha20, and under it
//! ChaCha20-Poly1305, which the TLS library beneath QUIC has in assembly for every processor that matters.
//!
//! A page opens fifty bodies, and sealing at rest opens and seals every record of the index: with the portable cipher
//! opening was a third of a page (docs/adr/0019). Where there is no network there is no TLS library, and `portable`
//! does it; a test holds the two to the same bytes.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce as ShortNonce, UnboundKey};
use chacha20::{R20, hchacha};
use zeroize::Zeroizing;

use super::Nonce;

/// Bytes that sealing adds.
const TAG_LEN: usize = 16;

/// The key of this nonce, and what of the nonce is left for ChaCha20-Poly1305: its last 8 bytes behind four zeros.
fn bound(key: &[u8; 32], nonce: &Nonce) -> Option<(LessSafeKey, ShortNonce)> {
    let (head, tail) = nonce.0.split_first_chunk::<16>()?;
    let own = Zeroizing::new(<[u8; 32]>::from(hchacha::<R20>(key.into(), head.into())));
    let mut short = [0; 12];
    short.last_chunk_mut::<8>()?.copy_from_slice(tail);
    let own = UnboundKey::new(&CHACHA20_POLY1305, own.as_slice()).ok()?;
    Some((LessSafeKey::new(own), ShortNonce::assume_unique_for_key(short)))
}

/// Seals; none only for a plaintext that the cipher refuses.
pub(super) fn seal(key: &[u8; 32], nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
    let (key, nonce) = bound(key, nonce)?;
    let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(TAG_LEN));
    sealed.extend_from_slice(plaintext);
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut sealed).ok()?;
    Some(sealed)
}

/// Opens; none if anything differs.
pub(super) fn open(key: &[u8; 32], nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (key, nonce) = bound(key, nonce)?;
    let mut plain = sealed.to_vec();
    let len = key.open_in_place(nonce, Aad::from(aad), &mut plain).ok()?.len();
    plain.truncate(len);
    Some(plain)
}
