//! Sealing and opening parcels.
//!
//! The pair key inside HPKE says *which person* made a parcel, to the recipient and to nobody else; the device MAC says
//! *which device*. Both can be made by either side, so a parcel proves nothing to a third person.
//!
//! Reading goes in two steps, and the types allow no other order:
//!
//! 1. [`open`] gives the sender's two records, as bytes, and [`Unproven`] items. Take the records in first: they may
//!    name a device that was not known, or revoke one.
//! 2. [`Unproven::check_device`], with the seal key and device id of the carried and now verified DeviceRecord of a
//!    *live* device, gives [`Received`].
//!
//! # Layout of the plaintext
//!
//! | part | size |
//! | --- | ---: |
//! | length of inner | 4 |
//! | length of the IdentityRecord, the record | 2, … |
//! | length of the DeviceRecord, the record | 2, … |
//! | items | … |
//! | dev_mac | 32 |
//! | zeros, to 512 · 2^k | … |
//!
//! `dev_mac = MAC(KDF("tidings v1 parcel device", X25519(seal_from, seal_to) ‖ device_from ‖ device_to),
//! BLAKE3(envelope[0..72]) ‖ BLAKE3(inner before dev_mac))`.
//!
//! What it does not do: it does not read records, look up whether a device lives, or remember parcels. Opening one
//! twice gives the same items twice; that they change nothing the second time is the items' own property.
//!
//! Source: docs/protocol.md 3.6.

use zeroize::Zeroizing;

use super::envelope::{Envelope, HEAD_LEN};
use super::item::{Item, decode_items};
use crate::crypto::{
    Entropy, PairKey, PskContext, SealPublic, SealSecret, hpke_open, hpke_seal, keys, padded_pow2_len,
};
use crate::id::{DeviceId, ParcelId, SealId, UserId};
use crate::limits::{
    PARCEL_ITEM_LIMIT, PARCEL_ITEMS_LIMIT, PARCEL_PADDED_LIMIT, PARCEL_PADDED_MIN, PARCEL_RECORD_AGE_DAYS,
    PARCEL_RECORD_LIMIT,
};
use crate::time::{DAY_MS, Day};
use crate::wire::{DecodeError, Encode, Reader, Writer};

const MAC_LEN: usize = 32;

/// What is put into a parcel, and between whom.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// What it carries; see [`super::pack()`].
    pub items: &'a [Item],
    /// The sender's newest IdentityRecord.
    pub identity: &'a [u8],
    /// The sending device's newest DeviceRecord.
    pub device: &'a [u8],
    /// The sender.
    pub from_root: &'a UserId,
    /// The recipient.
    pub to_root: &'a UserId,
    /// The sending device.
    pub from_device: &'a DeviceId,
    /// The receiving device.
    pub to_device: &'a DeviceId,
    /// What the two share; between own devices the self key.
    pub pair_key: &'a PairKey,
    /// Its generation.
    pub psk_gen: u32,
    /// The sending device's seal secret: the one whose public half stands in `device`.
    pub seal_from: &'a SealSecret,
    /// The receiving device's seal key.
    pub seal_to: &'a SealPublic,
    /// The last day on which it counts.
    pub expires_day: Day,
}

/// Why a parcel cannot be made. Never the fault of what came from outside, but for a seal key that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A record or the items are longer than a parcel holds.
    #[error("{what} of {actual}, a parcel holds {limit}")]
    TooLong {
        /// What is too long or too many.
        what: &'static str,
        /// How much a parcel holds.
        limit: usize,
        /// How much there is.
        actual: usize,
    },
    /// The recipient's seal key is of small order.
    #[error("the recipient's seal key cannot be sealed to")]
    BadSealKey,
}

/// Why a parcel does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is for somebody else, or for a seal key that is not this one.
    #[error("the parcel is for another recipient or seal key")]
    NotForThisKey,
    /// It is under another generation of the pair key.
    #[error("the parcel is under generation {found} of the pair key, this is {expected}")]
    OtherGeneration {
        /// The generation of the key at hand.
        expected: u32,
        /// The one it names.
        found: u32,
    },
    /// Its last day is over.
    #[error("the parcel counted up to day {}", last.0)]
    Expired {
        /// The day.
        last: Day,
    },
    /// Another sender, another direction, or bytes that were changed.
    #[error("the parcel does not open")]
    DoesNotOpen,
    /// Sealed by a friend, and not what it should be.
    #[error("the parcel's content is malformed")]
    Malformed(#[from] DecodeError),
}

/// Why items are not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// Another device made the parcel than the one whose record it carries.
    #[error("the parcel was not made by the device it names")]
    OtherDevice,
    /// Made by that device, and not what it should be.
    #[error("the parcel's items are malformed")]
    Malformed(#[from] DecodeError),
}

/// Seals a letter to one device.
///
/// # Errors
/// [`SealError`].
///
/// # Cost
/// Two agreements: about 0.25 ms.
pub fn seal(letter: &Letter<'_>, entropy: &mut Entropy) -> Result<Envelope, SealError> {
    let seal_id = letter.seal_to.id();
    let parcel_id = ParcelId::from_bytes(entropy.bytes());
    let mut envelope = Envelope {
        parcel_id,
        from_tag: keys::from_tag(letter.pair_key, &parcel_id),
        to_root: *letter.to_root,
        expires_day: letter.expires_day,
        seal_id,
        psk_gen: letter.psk_gen,
        enc: [0; 32],
        ciphertext: Vec::new(),
    };
    let head = envelope.head();
    let plaintext = plaintext(letter, &head)?;
    let (psk_id, info) = (psk_id(letter.psk_gen), info(letter.from_root, letter.to_root, &seal_id));
    let context = PskContext { psk: letter.pair_key, psk_id: &psk_id, info: &info, aad: &head };
    let sealed =
        hpke_seal(letter.seal_to, context, &plaintext, entropy).map_err(|_| SealError::BadSealKey)?;
    envelope.enc = sealed.enc;
    envelope.ciphertext = sealed.ciphertext;
    Ok(envelope)
}

/// Length, inner, zeros.
fn plaintext(letter: &Letter<'_>, head: &[u8; HEAD_LEN]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut items = Writer::new();
    letter.items.iter().for_each(|item| item.encode_to(&mut items));
    let items = Zeroizing::new(items.into_vec());
    for (what, limit, actual) in [
        ("an IdentityRecord", PARCEL_RECORD_LIMIT, letter.identity.len()),
        ("a DeviceRecord", PARCEL_RECORD_LIMIT, letter.device.len()),
        ("a number of items", PARCEL_ITEM_LIMIT, letter.items.len()),
        ("items", PARCEL_ITEMS_LIMIT, items.len()),
    ] {
        if actual > limit {
            return Err(SealError::TooLong { what, limit, actual });
        }
    }
    // Room for everything at once: a buffer that grows leaves copies of secrets behind.
    let mut inner = Writer::with_capacity(PARCEL_PADDED_LIMIT);
    inner.bytes_u16(letter.identity).bytes_u16(letter.device).raw(&items);
    let shared = letter.seal_from.agree(letter.seal_to).map_err(|_| SealError::BadSealKey)?;
    let dev_key = keys::dev_key(&shared, letter.from_device, letter.to_device);
    let mac = keys::dev_mac(&dev_key, head, inner.as_slice());
    inner.raw(&mac);
    let inner = Zeroizing::new(inner.into_vec());

    let mut out = Writer::with_capacity(PARCEL_PADDED_LIMIT);
    out.bytes_u32(&inner);
    let len = u64::try_from(out.len()).unwrap_or(u64::MAX);
    let min = u64::try_from(PARCEL_PADDED_MIN).unwrap_or(u64::MAX);
    let padded = usize::try_from(padded_pow2_len(len, min)).unwrap_or(usize::MAX);
    let mut out = out.into_vec();
    // Invariant: the limits above keep this at or below PARCEL_PADDED_LIMIT.
    out.resize(padded, 0);
    Ok(Zeroizing::new(out))
}

/// What a recipient tries on a parcel whose from_tag it knows.
#[derive(Debug, Clone, Copy)]
pub struct OpenKeys<'a> {
    /// The friend whose pair key fits the from_tag; oneself for own devices.
    pub from_root: &'a UserId,
    /// Oneself.
    pub to_root: &'a UserId,
    /// The pair key that fits the from_tag.
    pub pair_key: &'a PairKey,
    /// Its generation.
    pub psk_gen: u32,
    /// The seal secret that the parcel names.
    pub seal_to: &'a SealSecret,
}

/// The first step: the sender's records, and items that are not proven yet.
#[derive(Debug)]
pub struct Opened {
    /// The sender's IdentityRecord, unverified. Take it in first.
    pub identity: Vec<u8>,
    /// The sending device's DeviceRecord, unverified. Take it in second.
    pub device: Vec<u8>,
    /// The items, once it is proven which device made them.
    pub unproven: Unproven,
}

/// Items of which it is known which person made them and not yet which device.
pub struct Unproven {
    head: [u8; HEAD_LEN],
    parcel_id: ParcelId,
    from_root: UserId,
    seal_to: SealSecret,
    /// Inner without the MAC.
    inner: Zeroizing<Vec<u8>>,
    items_at: usize,
    mac: [u8; MAC_LEN],
}

/// A parcel whose sender and device are proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// For the Ack, which leaves only after the effects of the items are flushed.
    pub parcel_id: ParcelId,
    /// Who sent it.
    pub from_root: UserId,
    /// Which device of theirs.
    pub from_device: DeviceId,
    /// What it carries; types that this program does not know are left out.
    pub items: Vec<Item>,
}

/// Opens a parcel.
///
/// # Errors
/// [`OpenError`]. Only [`OpenError::Malformed`] is certainly the fault of a friend: anybody can write a from_tag they
/// saw once on other bytes.
///
/// # Cost
/// One agreement: 0.13 ms.
pub fn open(envelope: &Envelope, keys: &OpenKeys<'_>, today: Day) -> Result<Opened, OpenError> {
    let seal_id = keys.seal_to.public().id();
    if envelope.to_root != *keys.to_root || envelope.seal_id != seal_id {
        return Err(OpenError::NotForThisKey);
    }
    if envelope.psk_gen != keys.psk_gen {
        return Err(OpenError::OtherGeneration { expected: keys.psk_gen, found: envelope.psk_gen });
    }
    if envelope.is_expired(today) {
        return Err(OpenError::Expired { last: envelope.expires_day });
    }
    let head = envelope.head();
    let (psk_id, info) = (psk_id(keys.psk_gen), info(keys.from_root, keys.to_root, &seal_id));
    let context = PskContext { psk: keys.pair_key, psk_id: &psk_id, info: &info, aad: &head };
    let plaintext = hpke_open(keys.seal_to, context, &envelope.enc, &envelope.ciphertext)
        .map_err(|_| OpenError::DoesNotOpen)?;
    let plaintext = Zeroizing::new(plaintext);
    let inner = unpad(&plaintext)?;

    let (before_mac, mac) = inner
        .split_last_chunk::<MAC_LEN>()
        .ok_or(DecodeError::Invalid { what: "a parcel without a device MAC" })?;
    let mut input = Reader::new(before_mac);
    let identity = input.bytes_u16("IdentityRecord", PARCEL_RECORD_LIMIT)?.to_vec();
    let device = input.bytes_u16("DeviceRecord", PARCEL_RECORD_LIMIT)?.to_vec();
    let items_at = before_mac.len().saturating_sub(input.remaining());
    let unproven = Unproven {
        head,
        parcel_id: envelope.parcel_id,
        from_root: *keys.from_root,
        seal_to: keys.seal_to.clone(),
        inner: Zeroizing::new(before_mac.to_vec()),
        items_at,
        mac: *mac,
    };
    Ok(Opened { identity, device, unproven })
}

/// What stands before the zeros. One content has one padding: the smallest.
fn unpad(plaintext: &[u8]) -> Result<&[u8], DecodeError> {
    let mut input = Reader::new(plaintext);
    let inner = input.bytes_u32("inner", PARCEL_PADDED_LIMIT)?;
    let used = u64::try_from(plaintext.len().saturating_sub(input.remaining())).unwrap_or(u64::MAX);
    let min = u64::try_from(PARCEL_PADDED_MIN).unwrap_or(u64::MAX);
    if usize::try_from(padded_pow2_len(used, min)) != Ok(plaintext.len()) {
        return Err(DecodeError::Invalid { what: "a parcel padded to another bucket than its own" });
    }
    if input.take_rest().iter().any(|byte| *byte != 0) {
        return Err(DecodeError::Invalid { what: "a parcel's padding is not zeros" });
    }
    Ok(inner)
}

impl Unproven {
    /// Proves that the device of the carried DeviceRecord made the parcel, and gives its items.
    ///
    /// `from_device` and `seal_from` come from that record once it was verified, names the sender's root, belongs to a
    /// live device and is recent enough ([`is_record_recent`]); `to_device` is this device.
    ///
    /// # Errors
    /// [`DeviceError::OtherDevice`] if another device made it; [`DeviceError::Malformed`] if the items are not items.
    ///
    /// # Security
    /// A device that is not live must not get here: its key still makes this MAC.
    pub fn check_device(
        self,
        from_device: &DeviceId,
        seal_from: &SealPublic,
        to_device: &DeviceId,
    ) -> Result<Received, DeviceError> {
        let shared = self.seal_to.agree(seal_from).map_err(|_| DeviceError::OtherDevice)?;
        let dev_key = keys::dev_key(&shared, from_device, to_device);
        if !keys::mac_eq(&keys::dev_mac(&dev_key, &self.head, &self.inner), &self.mac) {
            return Err(DeviceError::OtherDevice);
        }
        let items = decode_items(self.inner.get(self.items_at..).unwrap_or_default())?;
        Ok(Received {
            parcel_id: self.parcel_id,
            from_root: self.from_root,
            from_device: *from_device,
            items,
        })
    }
}

impl std::fmt::Debug for Unproven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unproven({} bytes)", self.inner.len())
    }
}

/// Whether a carried DeviceRecord is recent enough: at most 45 days older than the newest known one of that device.
/// Both by `seq`, which is Unix milliseconds or a little more.
pub fn is_record_recent(carried_seq: u64, newest_seq: u64) -> bool {
    newest_seq.saturating_sub(carried_seq) <= DAY_MS.saturating_mul(u64::from(PARCEL_RECORD_AGE_DAYS))
}

fn psk_id(psk_gen: u32) -> Vec<u8> {
    [b"tidings v1 pair".as_slice(), &psk_gen.to_be_bytes()].concat()
}

fn info(from: &UserId, to: &UserId, seal: &SealId) -> Vec<u8> {
    [b"tidings v1 parcel".as_slice(), from.as_bytes(), to.as_bytes(), seal.as_bytes()].concat()
}

#[cfg(test)]
mod tests;
