//! X25519 keys of a device: what parcels are sealed to, and half of every pair key.

use x25519_dalek::{PublicKey, StaticSecret};

use super::{Entropy, keys};
use crate::id::SealId;

/// The other side's key is of small order: the shared secret would be all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side's key is of small order")]
pub struct DhError;

/// The secret half of a seal key. Zeroed on drop by its library.
#[derive(Clone)]
pub struct SealSecret(StaticSecret);

impl SealSecret {
    /// A fresh one.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self::from_bytes(entropy.bytes())
    }

    /// From its bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }

    /// The bytes, for storage under the at-rest key.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public half.
    pub fn public(&self) -> SealPublic {
        let public = || *PublicKey::from(&self.0).as_bytes();
        #[cfg(feature = "sim")]
        return SealPublic(super::verified::public(self.0.as_bytes(), public));
        #[cfg(not(feature = "sim"))]
        SealPublic(public())
    }

    /// The shared secret with another's public half.
    ///
    /// # Errors
    /// [`DhError`] if the result is all zeros (RFC 7748 §6.1).
    pub fn agree(&self, their: &SealPublic) -> Result<[u8; 32], DhError> {
        let agree = || *self.0.diffie_hellman(&PublicKey::from(their.0)).as_bytes();
        #[cfg(feature = "sim")]
        let shared = super::verified::agreement(self.public().as_bytes(), &their.0, agree);
        #[cfg(not(feature = "sim"))]
        let shared = agree();
        if keys::mac_eq(&shared, &[0; 32]) { Err(DhError) } else { Ok(shared) }
    }
}

impl std::fmt::Debug for SealSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealSecret(…)")
    }
}

/// The public half of a seal key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealPublic([u8; 32]);

impl SealPublic {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its id (docs/protocol.md 3.2).
    pub fn id(&self) -> SealId {
        keys::seal_id(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{hex, unhex};

    #[test]
    fn two_sides_agree_as_in_rfc_7748() {
        let (a, b) = (SealSecret::from_bytes([0x77; 32]), SealSecret::from_bytes([0x5d; 32]));
        assert_eq!(a.agree(&b.public()), b.agree(&a.public()));
        let scalar = unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
            .expect("RFC 7748 §5.2 scalar");
        let point = unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
            .expect("RFC 7748 §5.2 point");
        let out = SealSecret::from_bytes(scalar).agree(&SealPublic::from_bytes(point)).expect("contributory");
        assert_eq!(hex(&out), "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        let secret = SealSecret::from_bytes([7; 32]);
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(secret.agree(&SealPublic::from_bytes([0; 32])), Err(DhError));
        assert_eq!(secret.agree(&SealPublic::from_bytes(one)), Err(DhError));
    }

    #[test]
    fn a_seal_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", SealSecret::from_bytes([9; 32])), "SealSecret(…)");
    }
}
