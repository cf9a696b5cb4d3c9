//! Signatures: Ed25519 over `domain ‖ 0x00 ‖ bytes`, verified strictly, one by one.
//!
//! A domain is an enum, so that no signature can be made without naming one, and none is a prefix of another.
//! Strict verification refuses small-order and non-canonical keys and signatures: two libraries that are lenient in
//! different ways would disagree about what is valid, and validity is a function of bytes here.
//!
//! Source: docs/protocol.md 3.0.

use ed25519_dalek::Signer;

use super::Entropy;

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// An IdentityRecord, by the root key.
    Identity,
    /// A DeviceRecord, by the device key.
    Device,
    /// An entry's header, by the epoch key.
    Entry,
    /// The possession proof of an epoch key.
    Epoch,
    /// A device's certificate, by the root key.
    Cert,
    /// The shareable part of a moment, by the device key.
    Share,
}

impl Domain {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Identity, Self::Device, Self::Entry, Self::Epoch, Self::Cert, Self::Share];

    /// The string that is signed in front, without the zero byte.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "tidings/v1/identity",
            Self::Device => "tidings/v1/device",
            Self::Entry => "tidings/v1/entry",
            Self::Epoch => "tidings/v1/epoch",
            Self::Cert => "tidings/v1/cert",
            Self::Share => "tidings/v1/share",
        }
    }

    fn message(self, bytes: &[u8]) -> Vec<u8> {
        [self.as_str().as_bytes(), &[0], bytes].concat()
    }
}

/// A signature, 64 bytes as they came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Length in bytes.
    pub const LEN: usize = 64;

    /// From its bytes. Nothing is checked until it is verified.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signature({}…)", crate::id::hex(&self.0[..4]))
    }
}

/// A signature does not fit: another key, other bytes, another domain, or a form that strict verification refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit")]
pub struct VerifyError;

/// The secret half of a signing key (root, device, node or epoch). Zeroed on drop.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A fresh one.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self::from_seed(&entropy.bytes())
    }

    /// From its 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The seed, for storage under the at-rest key.
    pub fn expose_seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half.
    pub fn public(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `bytes` for a domain.
    pub fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(&domain.message(bytes)).to_bytes())
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The public half of a signing key: 32 bytes as they came. That they are a point is checked when a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks a signature over `bytes` for a domain, strictly.
    ///
    /// # Errors
    /// [`VerifyError`] if it does not fit; also for a key that is no point or of small order.
    ///
    /// # Cost
    /// 38–75 µs, of which a quarter is decompressing the key.
    pub fn verify(&self, domain: Domain, bytes: &[u8], signature: &Signature) -> Result<(), VerifyError> {
        self.verify_message(&domain.message(bytes), signature)
    }

    fn verify_message(&self, message: &[u8], signature: &Signature) -> Result<(), VerifyError> {
        self.verdict(message, signature, || self.ready())
    }

    /// The key, decompressed: for who checks many signatures under it. One that is no point checks none.
    ///
    /// # Cost
    /// 5–10 µs.
    pub fn ready(&self) -> ReadyKey {
        ReadyKey { key: *self, point: ed25519_dalek::VerifyingKey::from_bytes(&self.0).ok() }
    }

    fn verdict(
        &self,
        message: &[u8],
        signature: &Signature,
        ready: impl FnOnce() -> ReadyKey,
    ) -> Result<(), VerifyError> {
        #[cfg(feature = "sim")]
        return super::verified::verdict(&self.0, message, signature.as_bytes(), || {
            ready().verify_dalek(message, signature)
        });
        #[cfg(not(feature = "sim"))]
        ready().verify_dalek(message, signature)
    }
}

/// A [`VerifyingKey`] that was decompressed once, for many signatures.
#[derive(Debug, Clone, Copy)]
pub struct ReadyKey {
    key: VerifyingKey,
    /// None if the bytes are no point.
    point: Option<ed25519_dalek::VerifyingKey>,
}

impl ReadyKey {
    /// The key as it came.
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// As [`VerifyingKey::verify`], with the same outcome for every input.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cost
    /// 30–65 µs.
    pub fn verify(&self, domain: Domain, bytes: &[u8], signature: &Signature) -> Result<(), VerifyError> {
        self.key.verdict(&domain.message(bytes), signature, || *self)
    }

    fn verify_dalek(&self, message: &[u8], signature: &Signature) -> Result<(), VerifyError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.point.ok_or(VerifyError)?.verify_strict(message, &signature).map_err(|_| VerifyError)
    }
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
