//! What parcels carry.
//!
//! # Layout
//!
//! An item is `type u8 ‖ len u32 ‖ fields`. Lists fill the rest of the item, in ascending order, none twice, so that one
//! content has one form. A type that this program does not know is skipped by its length.
//!
//! | type | item | fields |
//! | ---: | --- | --- |
//! | 1 | `EpochKeys` | epoch_pub 32 ‖ ES 32 ‖ claim 64 ‖ opened_day u32 ‖ class u8 ‖ relay u8 |
//! | 2 | `EpochCloses` | cause u8 ‖ minting device 32 ‖ {epoch_id 16 ‖ last_seq u64 ‖ sum 32}* |
//! | 3 | `Grants` | epoch_pub 32 ‖ es_commit 32 ‖ claim 64 ‖ {seq u64 ‖ entry_id 32 ‖ content_key 32}+ |
//! | 4 | `Tombstones` | {epoch_id 16 ‖ seq u64 ‖ entry_id 32}+ |
//! | 5 | `Hides` | epoch_id 16 ‖ seq u64 ‖ entry_id 32 of the post ‖ {hide_tag 16}+ |
//! | 6 | `Recall` | epoch_id 16 ‖ seq u64 ‖ entry_id 32 ‖ version u32 ‖ state u8 (0 hidden, 1 shown) |
//! | 7 | `Ack` | {parcel_id 16}+ |
//! | 8 | `Introduction` | the other's user id 32 ‖ s 32 ‖ the other's name, len u8 ‖ UTF-8 |
//! | 9 | `RecoveryShare` | the share: the rest |
//! | 10 | `DeletionReceipt` | {epoch_id 16 ‖ seq u64 ‖ entry_id 32}+ |
//! | 11 | `VaultKeep` | version u64 ‖ part u16 ‖ parts u16 ‖ bytes: the rest |
//! | 12 | `IntroductionAnswer` | invite_id of s 16 ‖ the other's user id 32 ‖ yes u8 |
//! | 13 | `IntroductionRecords` | invite_id of s 16 ‖ IdentityRecord, len u16 ‖ DeviceRecord, len u16 |
//!
//! class: 1 contact, 2 posts, 3 self. relay: 0 Members, 1 AuthorOnly. cause: 0 done, 1 revoked.
//!
//! A post is named in `Hides` in full, and not by its epoch alone, because a newcomer who was granted the post holds
//! nothing else of the epoch; the interactions are named by tags, which only readers of the thread understand.
//!
//! What it does not do: a decoded item is well-formed and no more. Whose it is, and whether it counts, is decided by
//! `claim` and by the views.
//!
//! Source: docs/protocol.md 3.6, 3.15; golden vectors in `tests/vectors/mail.txt`.

mod introduce;
mod list;

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

pub use self::introduce::{Introduction, IntroductionAnswer, IntroductionRecords};
use self::list::{list, write_list};
use crate::crypto::{ContentKey, EpochSecret, Signature, VerifyingKey};
use crate::id::{DeviceId, EntryId, EpochId, ParcelId};
use crate::limits::{
    PARCEL_ITEM_LIMIT, PARCEL_ITEMS_LIMIT, RECOVERY_SHARE_LIMIT, SEQ_LIMIT, VAULT_PART_LIMIT,
    VAULT_PARTS_LIMIT,
};
use crate::time::Day;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Type and length before the fields of an item, bytes.
pub(super) const ITEM_HEAD_LEN: usize = 5;

/// One thing that a parcel carries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "a parcel holds few items, and records are rare among them")]
pub enum Item {
    /// The keys of an epoch of the sender.
    EpochKeys(EpochKeys),
    /// The ends of epochs of the sender.
    EpochCloses(EpochCloses),
    /// Keys of single entries of an epoch of the sender.
    Grants(Grants),
    /// Entries of the sender that are withdrawn.
    Tombstones(BTreeSet<EntryRef>),
    /// Interactions hidden beneath a post of the sender.
    Hides(Hides),
    /// A moment of the sender that the recipient may no longer, or may again, see.
    Recall(Recall),
    /// Parcels of the recipient whose effects the sending device has flushed.
    Ack(BTreeSet<ParcelId>),
    /// Somebody whom the sender would like the recipient to know.
    Introduction(Introduction),
    /// A share of the sender's root seed, to be kept.
    RecoveryShare(RecoveryShare),
    /// Withdrawn entries of the recipient that the sending device no longer holds.
    DeletionReceipt(BTreeSet<EntryRef>),
    /// A part of the sender's sealed vault, to be kept.
    VaultKeep(VaultKeep),
    /// What the sender says to somebody whom the recipient introduced.
    IntroductionAnswer(IntroductionAnswer),
    /// How somebody is reached whom the sender introduced, once both have said yes.
    IntroductionRecords(IntroductionRecords),
}

/// What an epoch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `~contact`: every friend.
    Contact,
    /// An audience of moments.
    Posts,
    /// `~self`: one's own devices.
    SelfDevices,
}

/// Who carries an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relay {
    /// Every member passes it on.
    Members,
    /// Only the author's devices hand it out.
    AuthorOnly,
}

/// The keys of an epoch. They count only once [`super::VerifiedEpochKeys`] was made of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochKeys {
    /// The epoch's public key; its id is derived from it.
    pub epoch_pub: VerifyingKey,
    /// The epoch secret.
    pub secret: EpochSecret,
    /// The epoch key's claim to belong to the author.
    pub claim: Signature,
    /// The day it was opened.
    pub opened_day: Day,
    /// What it is for.
    pub class: Class,
    /// Who carries it.
    pub relay: Relay,
}

/// Why epochs end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The minting device writes there no more. Hides nothing.
    Done,
    /// The minting device was revoked; another live device says what it is known to have written.
    Revoked,
}

/// The end of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedEpoch {
    /// The highest number written.
    pub last_seq: u64,
    /// Σ entry ids mod 2^256; zeros where a reserved number may have been lost.
    pub sum: [u8; 32],
}

/// The ends of epochs of one minting device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochCloses {
    /// Why.
    pub cause: Cause,
    /// Whose epochs they are.
    pub device: DeviceId,
    /// The epochs. Empty says that a revoked device wrote nothing for the recipient.
    pub epochs: BTreeMap<EpochId, ClosedEpoch>,
}

/// Keys of entries of one epoch. They count only once [`super::VerifiedGrants`] was made of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// The epoch's public key.
    pub epoch_pub: VerifyingKey,
    /// What the claim commits to.
    pub es_commit: [u8; 32],
    /// The epoch key's claim to belong to the author.
    pub claim: Signature,
    /// The keys by number and entry.
    pub keys: BTreeMap<(u64, EntryId), ContentKey>,
}

/// An entry by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryRef {
    /// Its epoch.
    pub epoch: EpochId,
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub entry: EntryId,
}

/// Interactions hidden beneath one post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hides {
    /// The post.
    pub post: EntryRef,
    /// [`crate::crypto::keys::hide_tag`] of each.
    pub tags: BTreeSet<[u8; 16]>,
}

/// Whether the recipient may see an old moment. The highest version counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall {
    /// The moment.
    pub post: EntryRef,
    /// Counts changes.
    pub version: u32,
    /// Whether it may be seen again.
    pub is_shown: bool,
}

/// A share of a root seed, opaque here, at most `RECOVERY_SHARE_LIMIT` bytes. Zeroed on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct RecoveryShare(pub Zeroizing<Vec<u8>>);

impl std::fmt::Debug for RecoveryShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryShare(…)")
    }
}

/// A part of a sealed vault.
#[derive(Clone, PartialEq, Eq)]
pub struct VaultKeep {
    /// Which vault; the latest two are kept.
    pub version: u64,
    /// Which part, from 0.
    pub part: u16,
    /// How many parts there are, at most `VAULT_PARTS_LIMIT`.
    pub parts: u16,
    /// The part, at most `VAULT_PART_LIMIT` bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for VaultKeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { version, part, parts, bytes } = self;
        write!(f, "VaultKeep(version {version}, part {part} of {parts}, {} bytes)", bytes.len())
    }
}

mod code {
    pub(super) const EPOCH_KEYS: u8 = 1;
    pub(super) const EPOCH_CLOSES: u8 = 2;
    pub(super) const GRANTS: u8 = 3;
    pub(super) const TOMBSTONES: u8 = 4;
    pub(super) const HIDES: u8 = 5;
    pub(super) const RECALL: u8 = 6;
    pub(super) const ACK: u8 = 7;
    pub(super) const INTRODUCTION: u8 = 8;
    pub(super) const RECOVERY_SHARE: u8 = 9;
    pub(super) const DELETION_RECEIPT: u8 = 10;
    pub(super) const VAULT_KEEP: u8 = 11;
    pub(super) const INTRODUCTION_ANSWER: u8 = 12;
    pub(super) const INTRODUCTION_RECORDS: u8 = 13;
}

/// Reads the items of a parcel.
///
/// # Errors
/// [`DecodeError`] if a known item is malformed, or there are too many.
pub(super) fn decode_items(bytes: &[u8]) -> Result<Vec<Item>, DecodeError> {
    let mut input = Reader::new(bytes);
    let (mut items, mut count) = (Vec::new(), 0usize);
    while input.remaining() > 0 {
        if count >= PARCEL_ITEM_LIMIT {
            let actual = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
            return Err(DecodeError::TooMany { what: "items", limit: PARCEL_ITEM_LIMIT, actual });
        }
        count = count.saturating_add(1);
        let code = input.u8()?;
        let fields = input.bytes_u32("item", PARCEL_ITEMS_LIMIT)?;
        items.extend(Item::decode_fields(code, fields)?);
    }
    Ok(items)
}

impl Item {
    /// How many bytes it takes in a parcel.
    pub(super) fn encoded_len(&self) -> usize {
        let mut fields = Writer::new();
        self.encode_fields(&mut fields);
        fields.len().saturating_add(ITEM_HEAD_LEN)
    }

    const fn code(&self) -> u8 {
        match self {
            Self::EpochKeys(_) => code::EPOCH_KEYS,
            Self::EpochCloses(_) => code::EPOCH_CLOSES,
            Self::Grants(_) => code::GRANTS,
            Self::Tombstones(_) => code::TOMBSTONES,
            Self::Hides(_) => code::HIDES,
            Self::Recall(_) => code::RECALL,
            Self::Ack(_) => code::ACK,
            Self::Introduction(_) => code::INTRODUCTION,
            Self::RecoveryShare(_) => code::RECOVERY_SHARE,
            Self::DeletionReceipt(_) => code::DELETION_RECEIPT,
            Self::VaultKeep(_) => code::VAULT_KEEP,
            Self::IntroductionAnswer(_) => code::INTRODUCTION_ANSWER,
            Self::IntroductionRecords(_) => code::INTRODUCTION_RECORDS,
        }
    }

    fn encode_fields(&self, out: &mut Writer) {
        match self {
            Self::EpochKeys(keys) => out.value(keys),
            Self::EpochCloses(closes) => out.value(closes),
            Self::Grants(grants) => out.value(grants),
            Self::Tombstones(entries) | Self::DeletionReceipt(entries) => write_list(out, entries),
            Self::Hides(hides) => {
                out.value(&hides.post);
                write_list(out, &hides.tags)
            }
            Self::Recall(recall) => out.value(&recall.post).u32(recall.version).bool(recall.is_shown),
            Self::Ack(parcels) => write_list(out, parcels),
            Self::Introduction(intro) => out.value(intro),
            Self::IntroductionAnswer(answer) => out.value(answer),
            Self::IntroductionRecords(records) => out.value(records),
            Self::RecoveryShare(share) => out.raw(&share.0),
            Self::VaultKeep(keep) => out.u64(keep.version).u16(keep.part).u16(keep.parts).raw(&keep.bytes),
        };
    }

    /// Reads the fields of one item; `None` if its type is not known.
    fn decode_fields(code: u8, fields: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut input = Reader::new(fields);
        let item = match code {
            code::EPOCH_KEYS => Self::EpochKeys(input.value()?),
            code::EPOCH_CLOSES => Self::EpochCloses(input.value()?),
            code::GRANTS => Self::Grants(input.value()?),
            code::TOMBSTONES => Self::Tombstones(list(&mut input)?),
            code::HIDES => Self::Hides(Hides { post: input.value()?, tags: list(&mut input)? }),
            code::RECALL => {
                Self::Recall(Recall { post: input.value()?, version: input.u32()?, is_shown: input.bool()? })
            }
            code::ACK => Self::Ack(list(&mut input)?),
            code::INTRODUCTION => Self::Introduction(input.value()?),
            code::INTRODUCTION_ANSWER => Self::IntroductionAnswer(input.value()?),
            code::INTRODUCTION_RECORDS => Self::IntroductionRecords(input.value()?),
            code::RECOVERY_SHARE => {
                let share = rest(&mut input, "recovery share", RECOVERY_SHARE_LIMIT)?;
                Self::RecoveryShare(RecoveryShare(Zeroizing::new(share)))
            }
            code::DELETION_RECEIPT => Self::DeletionReceipt(list(&mut input)?),
            code::VAULT_KEEP => Self::VaultKeep(input.value()?),
            _ => return Ok(None),
        };
        input.finish()?;
        Ok(Some(item))
    }
}

/// An item with its type and length, as it stands in a parcel.
impl Encode for Item {
    fn encode_to(&self, out: &mut Writer) {
        let mut fields = Writer::new();
        self.encode_fields(&mut fields);
        let fields = Zeroizing::new(fields.into_vec());
        out.u8(self.code()).bytes_u32(&fields);
    }
}

fn rest(input: &mut Reader<'_>, what: &'static str, limit: usize) -> Result<Vec<u8>, DecodeError> {
    let len = input.remaining();
    if len > limit {
        return Err(DecodeError::TooMany { what, limit, actual: u64::try_from(len).unwrap_or(u64::MAX) });
    }
    Ok(input.take_rest().to_vec())
}

fn seq(input: &mut Reader<'_>) -> Result<u64, DecodeError> {
    let seq = input.u64()?;
    if seq < SEQ_LIMIT {
        Ok(seq)
    } else {
        Err(DecodeError::Invalid { what: "a number of an entry is out of range" })
    }
}

impl Encode for EpochKeys {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(self.epoch_pub.as_bytes()).raw(self.secret.expose_bytes()).raw(self.claim.as_bytes());
        out.u32(self.opened_day.0).u8(self.class.code()).u8(self.relay.code());
    }
}

impl Decode for EpochKeys {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            epoch_pub: VerifyingKey::from_bytes(input.array()?),
            secret: EpochSecret::from_bytes(input.array()?),
            claim: Signature::from_bytes(input.array()?),
            opened_day: Day(input.u32()?),
            class: Class::from_code(input.u8()?)?,
            relay: Relay::from_code(input.u8()?)?,
        })
    }
}

impl Class {
    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Contact => 1,
            Self::Posts => 2,
            Self::SelfDevices => 3,
        }
    }

    fn from_code(code: u8) -> Result<Self, DecodeError> {
        match code {
            1 => Ok(Self::Contact),
            2 => Ok(Self::Posts),
            3 => Ok(Self::SelfDevices),
            _ => Err(DecodeError::Unknown { what: "class of an epoch", code: u64::from(code) }),
        }
    }
}

impl Relay {
    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Members => 0,
            Self::AuthorOnly => 1,
        }
    }

    fn from_code(code: u8) -> Result<Self, DecodeError> {
        match code {
            0 => Ok(Self::Members),
            1 => Ok(Self::AuthorOnly),
            _ => Err(DecodeError::Unknown { what: "relay of an epoch", code: u64::from(code) }),
        }
    }
}

impl Encode for EpochCloses {
    fn encode_to(&self, out: &mut Writer) {
        out.bool(self.cause == Cause::Revoked).value(&self.device);
        for (epoch, closed) in &self.epochs {
            out.value(epoch).u64(closed.last_seq).raw(&closed.sum);
        }
    }
}

impl Decode for EpochCloses {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let cause = match input.u8()? {
            0 => Cause::Done,
            1 => Cause::Revoked,
            code => return Err(DecodeError::Unknown { what: "cause of a close", code: u64::from(code) }),
        };
        let device = input.value()?;
        let mut epochs = BTreeMap::new();
        while input.remaining() > 0 {
            let epoch: EpochId = input.value()?;
            list::ascends(epochs.last_key_value().map(|(last, _)| last), &epoch)?;
            epochs.insert(epoch, ClosedEpoch { last_seq: seq(input)?, sum: input.array()? });
        }
        if epochs.is_empty() && cause == Cause::Done {
            return Err(DecodeError::Invalid { what: "a close of no epoch" });
        }
        Ok(Self { cause, device, epochs })
    }
}

impl Encode for Grants {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(self.epoch_pub.as_bytes()).raw(&self.es_commit).raw(self.claim.as_bytes());
        for ((seq, entry), key) in &self.keys {
            out.u64(*seq).value(entry).raw(key.expose_bytes());
        }
    }
}

impl Decode for Grants {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let epoch_pub = VerifyingKey::from_bytes(input.array()?);
        let (es_commit, claim) = (input.array()?, Signature::from_bytes(input.array()?));
        let mut keys = BTreeMap::new();
        loop {
            let place = (seq(input)?, input.value::<EntryId>()?);
            list::ascends(keys.last_key_value().map(|(last, _)| last), &place)?;
            keys.insert(place, ContentKey::from_bytes(input.array()?));
            if input.remaining() == 0 {
                return Ok(Self { epoch_pub, es_commit, claim, keys });
            }
        }
    }
}

impl Encode for EntryRef {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.epoch).u64(self.seq).value(&self.entry);
    }
}

impl Decode for EntryRef {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { epoch: input.value()?, seq: seq(input)?, entry: input.value()? })
    }
}

impl Encode for VaultKeep {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.version).u16(self.part).u16(self.parts).raw(&self.bytes);
    }
}

impl Decode for VaultKeep {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (version, part, parts) = (input.u64()?, input.u16()?, input.u16()?);
        if part >= parts || parts > VAULT_PARTS_LIMIT {
            return Err(DecodeError::Invalid { what: "a part of a vault that has no such part" });
        }
        Ok(Self { version, part, parts, bytes: rest(input, "vault part", VAULT_PART_LIMIT)? })
    }
}

#[cfg(test)]
pub(super) mod tests;
