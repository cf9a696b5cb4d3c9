//! The primitives, each behind a type that says what it is for.
//!
//! Everything above this module speaks of read keys, content keys and domains; only here stand names like XChaCha20.
//! The whole of the protocol's key schedule is one table of formulas ([`keys`]), each checked against a vector that an
//! independent program made.
//!
//! ```text
//!  KDF(ctx, m)  BLAKE3 derive_key     MAC(k, m)  BLAKE3 keyed hash      sign  Ed25519, strict, domain ‖ 0x00 ‖ bytes
//!  seal/open    XChaCha20-Poly1305    parcels    HPKE mode_psk          blobs XChaCha20, id = hash of the ciphertext
//! ```
//!
//! What it does not do: it keeps no state, reads no clock and draws no randomness but what [`Entropy`] hands it.
//!
//! Invariants: no secret type prints itself (I25); every signature names its domain; verification is strict, never
//! batched (docs/protocol.md 3.0).
//!
//! Source: docs/protocol.md 3.0, 3.1; docs/adr/0003-signature-and-derivation-contexts.md.

mod aead;
mod dh;
mod entropy;
mod hpke;
pub mod keys;
mod pad;
mod secret;
mod sign;
mod stream;
#[cfg(feature = "sim")]
mod verified;

pub use aead::{Nonce, OpenError, open, seal};
pub use dh::{DhError, SealPublic, SealSecret};
pub use entropy::Entropy;
pub use hpke::{ENC_LEN, HpkeError, PskContext, Sealed, hpke_open, hpke_seal};
pub use pad::{padded_len, padded_pow2_len, padme};
pub use secret::{
    AtRestKey, BlobKey, ContentKey, DevKey, EpochSecret, Gate, Ikey, InviteKey, InviteSecret, Itag, PairKey,
    ReadKey, RendezvousKey, ReplyKey, ResumeKey, RootSeed, TagKey, ThreadKey,
};
pub use sign::{Domain, ReadyKey, Signature, SigningKey, VerifyError, VerifyingKey};
pub use stream::{apply_blob_stream, blob_id};
#[cfg(feature = "sim")]
pub use verified::{Shared, Sharing, share_verdicts};

/// BLAKE3 of `bytes`.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    *blake3::hash(bytes).as_bytes()
}
