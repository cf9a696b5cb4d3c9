//! Sharing on: the one thing a moment can prove to strangers, and only if its author says so.
//!
//! A post is deniable: its entry is signed by a key of its epoch that anybody could have made. An author who allows
//! sharing adds a signature that names him: the root certifies a device, once, and the device signs the public part.
//! Whoever holds the post can then pass it on, and anyone can check who wrote it:
//!
//! ```text
//! cert = Ed25519(root key,   "tidings/v1/cert"  ‖ 0 ‖ device_pub)
//! sig  = Ed25519(device key, "tidings/v1/share" ‖ 0 ‖ root_pub ‖ share_id ‖ created_ms ‖ BLAKE3(public part))
//! ```
//!
//! Neither names an epoch, a number or an audience, so sharing one moment proves nothing about any other. It can be
//! passed on for ever and cannot be taken back. The root stands in the signature: a device listed under a stranger's
//! root does not make its moments that stranger's.
//!
//! What it does not do: it does not know whether the device was revoked since; whoever knows says so.
//!
//! Source: docs/protocol.md 3.9, 3.21.

use super::post::PublicPart;
use crate::crypto::{Domain, Signature, SigningKey, VerifyError, VerifyingKey, hash};
use crate::id::{DeviceId, UserId};
use crate::time::ClaimedTime;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// The author's consent that a moment be shared on.
///
/// # Layout
/// `share_id 16 (random) ‖ device_pub 32 ‖ cert 64 ‖ sig 64`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Random; nothing else links two shares of one author but what they say.
    pub share_id: [u8; 16],
    /// The device that signed.
    pub device: DeviceId,
    /// The root's certificate of the device.
    pub cert: Signature,
    /// The device's signature.
    pub sig: Signature,
}

impl Encode for Share {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(&self.share_id).value(&self.device).raw(self.cert.as_bytes()).raw(self.sig.as_bytes());
    }
}

impl Decode for Share {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (share_id, device) = (input.array()?, input.value()?);
        let (cert, sig) = (Signature::from_bytes(input.array()?), Signature::from_bytes(input.array()?));
        Ok(Self { share_id, device, cert, sig })
    }
}

/// What the small version of a medium is. It stands in the public part, so that the share signature holds it: whoever
/// shares a moment on sends pictures and previews along, and could else send another preview under its author's name.
///
/// # Layout
/// `BLAKE3 of the preview 32 ‖ BLAKE3 of the ThumbHash 32`; of what is not there, of nothing
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviewMark {
    /// BLAKE3 of the preview's plaintext.
    pub preview: [u8; 32],
    /// BLAKE3 of the ThumbHash.
    pub thumbhash: [u8; 32],
}

/// Length of a mark, bytes.
const MARK_LEN: usize = 64;

/// Field 9: one mark after the other.
pub(super) fn encode_marks(marks: &[PreviewMark]) -> Vec<u8> {
    let mut out = Writer::with_capacity(marks.len().saturating_mul(MARK_LEN));
    for mark in marks {
        out.raw(&mark.preview).raw(&mark.thumbhash);
    }
    out.into_vec()
}

/// Reads field 9 of a post with so many media.
pub(super) fn decode_marks(bytes: &[u8], media: usize) -> Result<Vec<PreviewMark>, DecodeError> {
    if bytes.len() != media.saturating_mul(MARK_LEN) {
        return Err(DecodeError::Invalid { what: "not as many preview marks as media" });
    }
    let mut input = Reader::new(bytes);
    (0..media).map(|_| Ok(PreviewMark { preview: input.array()?, thumbhash: input.array()? })).collect()
}

/// The moment that a re-share repeats: its first author's, however long the chain.
///
/// # Layout
/// `root_pub 32 ‖ created_ms 8 ‖ share 176 ‖ the original public part to the end`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFrom {
    /// The first author.
    pub root: UserId,
    /// When it was written, by the first author's clock.
    pub created: ClaimedTime,
    /// The first author's consent.
    pub share: Share,
    /// What was written, byte for byte.
    pub public: PublicPart,
}

impl SharedFrom {
    /// Checks that the first author wrote this and let it be shared.
    ///
    /// # Errors
    /// [`VerifyError`]: it must not be shown as that author's.
    pub fn verify(&self) -> Result<(), VerifyError> {
        verify_share(&self.root, self.created, &self.share, self.public.bytes())
    }
}

impl Encode for SharedFrom {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.root).u64(self.created.as_millis()).value(&self.share).raw(self.public.bytes());
    }
}

impl Decode for SharedFrom {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (root, created) = (input.value()?, ClaimedTime::from_millis(input.u64()?));
        let share = input.value()?;
        let public = PublicPart::decode(input.take_rest())?;
        Ok(Self { root, created, share, public })
    }
}

/// The root's certificate of a device, made when the device is added.
pub fn certify_device(root_key: &SigningKey, device: &DeviceId) -> Signature {
    root_key.sign(Domain::Cert, device.as_bytes())
}

/// The device's signature that lets a public part be shared on.
pub fn sign_share(
    device_key: &SigningKey,
    root: &UserId,
    share_id: &[u8; 16],
    created: ClaimedTime,
    public_bytes: &[u8],
) -> Signature {
    device_key.sign(Domain::Share, &signed_bytes(root, share_id, created, public_bytes))
}

/// Checks that `root` certified the device and the device signed this public part.
///
/// # Errors
/// [`VerifyError`].
///
/// # Cost
/// Two strict signature checks.
pub fn verify_share(
    root: &UserId,
    created: ClaimedTime,
    share: &Share,
    public_bytes: &[u8],
) -> Result<(), VerifyError> {
    let root_key = VerifyingKey::from_bytes(*root.as_bytes());
    let device_key = VerifyingKey::from_bytes(*share.device.as_bytes());
    root_key.verify(Domain::Cert, share.device.as_bytes(), &share.cert)?;
    device_key.verify(Domain::Share, &signed_bytes(root, &share.share_id, created, public_bytes), &share.sig)
}

fn signed_bytes(root: &UserId, share_id: &[u8; 16], created: ClaimedTime, public_bytes: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(88);
    out.value(root).raw(share_id).u64(created.as_millis()).raw(&hash(public_bytes));
    out.into_vec()
}
