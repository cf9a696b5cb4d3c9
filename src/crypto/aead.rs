//! Seal and open: XChaCha20-Poly1305 with a random nonce of 24 bytes.
//!
//! Two ciphers that make the same bytes: one in Rust for the pure core, and where the network is, that of its TLS library.

#[cfg(any(test, not(feature = "net")))]
mod portable;
#[cfg(feature = "net")]
mod quick;

#[cfg(not(feature = "net"))]
use portable as cipher;
#[cfg(feature = "net")]
use quick as cipher;

use super::Entropy;

/// A nonce of 192 random bits: drawn for one sealing and never reused on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce([u8; 24]);

impl Nonce {
    /// Length in bytes.
    pub const LEN: usize = 24;

    /// A fresh one.
    pub fn random(entropy: &mut Entropy) -> Self {
        Self(entropy.bytes())
    }

    /// One that came with a ciphertext.
    pub const fn from_bytes(bytes: [u8; 24]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 24] {
        &self.0
    }
}

/// A ciphertext does not open: wrong key, nonce or associated data, or it was altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("does not open under this key")]
pub struct OpenError;

/// Encrypts and authenticates `plaintext`, authenticates `aad`. The result is 16 bytes longer.
///
/// # Panics
/// For a plaintext of 256 GiB or more, the only thing this cipher refuses.
#[expect(clippy::expect_used, reason = "memory does not hold the one plaintext that is refused")]
pub fn seal(key: &[u8; 32], nonce: &Nonce, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    // Invariant: a plaintext is less than 256 GiB. Anything but stopping would pass an empty body on as sealed.
    cipher::seal(key, nonce, aad, plaintext).expect("less than 256 GiB")
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`OpenError`] if anything differs.
pub fn open(key: &[u8; 32], nonce: &Nonce, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
    cipher::open(key, nonce, aad, sealed).ok_or(OpenError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::unhex;

    #[test]
    fn the_draft_vector_opens_and_seals_the_same() {
        // draft-irtf-cfrg-xchacha-03, A.3.1
        let key: [u8; 32] = std::array::from_fn(|i| 0x80 + u8::try_from(i).expect("small"));
        let nonce = Nonce::from_bytes(std::array::from_fn(|i| 0x40 + u8::try_from(i).expect("small")));
        let aad: [u8; 12] = unhex("50515253c0c1c2c3c4c5c6c7").expect("hex");
        let text =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                     sunscreen would be it.";
        let sealed = seal(&key, &nonce, &aad, text);
        assert_eq!(
            crate::id::hex(&sealed),
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c670\
             8c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9\
             768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"
        );
        assert_eq!(open(&key, &nonce, &aad, &sealed).as_deref(), Ok(text.as_slice()));
    }

    #[test]
    fn any_change_keeps_it_shut() {
        let (key, nonce) = ([1; 32], Nonce::from_bytes([2; 24]));
        let sealed = seal(&key, &nonce, b"aad", b"text");
        assert_eq!(open(&[3; 32], &nonce, b"aad", &sealed), Err(OpenError));
        assert_eq!(open(&key, &Nonce::from_bytes([3; 24]), b"aad", &sealed), Err(OpenError));
        assert_eq!(open(&key, &nonce, b"Aad", &sealed), Err(OpenError));
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(open(&key, &nonce, b"aad", &altered), Err(OpenError));
            assert_eq!(open(&key, &nonce, b"aad", &sealed[..at]), Err(OpenError));
        }
    }

    #[test]
    fn both_ciphers_make_the_same_bytes_and_open_each_others() {
        let mut entropy = Entropy::from_number(7);
        // Around the ends of blocks, and what is sealed in truth.
        let lengths = (0..=130).chain([255, 256, 257, 300, 512, 528, 1_024, 4_095, 65_536]);
        for len in lengths {
            let (key, nonce) = (entropy.bytes::<32>(), Nonce::random(&mut entropy));
            let text: Vec<u8> = (0..len).map(|_| entropy.bytes::<1>()[0]).collect();
            let aad = &text[..len.min(90)];
            let sealed = portable::seal(&key, &nonce, aad, &text).expect("short");
            assert_eq!(seal(&key, &nonce, aad, &text), sealed, "{len} bytes");
            assert_eq!(open(&key, &nonce, aad, &sealed).as_ref(), Ok(&text), "{len} bytes");
            assert_eq!(portable::open(&key, &nonce, aad, &sealed).as_ref(), Some(&text), "{len} bytes");
            if len > 0 {
                assert_eq!(open(&key, &nonce, b"", &sealed), Err(OpenError), "{len} bytes, sealed to others");
            }
            for at in [len / 2, sealed.len() - 1] {
                let mut altered = sealed.clone();
                altered[at] ^= 1;
                assert_eq!(open(&key, &nonce, aad, &altered), Err(OpenError), "{len} bytes");
            }
        }
    }
}
