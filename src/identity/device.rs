//! The DeviceRecord: how one device is reached and what is sealed to, signed by the device itself.

use super::{RecordError, VERSION, Verified};
use crate::crypto::{Domain, SealPublic, Signature, SigningKey, VerifyError, VerifyingKey};
use crate::id::{DeviceId, NodeId, UserId};
use crate::limits::{ADDRESS_LEN_LIMIT, ADDRESS_LIMIT, RELAY_LIMIT};
use crate::link::Address;
use crate::time::Day;
use crate::wire::{self, Decode, DecodeError, Encode, Reader, Writer};

/// The version this program writes and reads.
const VERSION_1: u8 = 1;

/// What a device does for friends, one bit each. Unknown bits are kept and mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceFlags(u8);

impl DeviceFlags {
    const RELAYS: u8 = 1;
    const COURIERS: u8 = 1 << 1;

    /// Whether it relays connections (bit 0) and carries parcels (bit 1).
    pub const fn new(relays: bool, couriers: bool) -> Self {
        let relays = if relays { Self::RELAYS } else { 0 };
        let couriers = if couriers { Self::COURIERS } else { 0 };
        Self(relays | couriers)
    }

    /// Whether it relays connections between friends.
    pub const fn relays(self) -> bool {
        self.0 & Self::RELAYS != 0
    }

    /// Whether it carries parcels between friends.
    pub const fn couriers(self) -> bool {
        self.0 & Self::COURIERS != 0
    }
}

/// What goes into a [`DeviceRecord`] besides the device's own key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceDraft {
    /// Whose device it is.
    pub user: UserId,
    /// See [`next_seq`](super::next_seq).
    pub seq: u64,
    /// The node key it is found under.
    pub node: NodeId,
    /// What is sealed to.
    pub seal: SealPublic,
    /// What it does for friends.
    pub flags: DeviceFlags,
    /// Until when the addresses are worth dialling.
    pub not_after: Day,
    /// Where it listens, best first; those beyond [`ADDRESS_LIMIT`] are left off.
    pub addresses: Vec<Address>,
    /// Friends' nodes that relay for it, best first; those beyond [`RELAY_LIMIT`] are left off.
    pub relays: Vec<NodeId>,
}

/// How one device is reached and what is sealed to.
///
/// # Layout
/// | offset | length | field | limit |
/// | --- | --- | --- | --- |
/// | 0 | 1 | version | 1 |
/// | 1 | 32 | root_pub: whose device it is | |
/// | 33 | 32 | device_pub | |
/// | 65 | 8 | seq | |
/// | 73 | 32 | node_pub | |
/// | 105 | 32 | seal_pub | |
/// | 137 | 1 | flags: bit 0 relays for friends, bit 1 couriers for friends | unknown bits mean nothing |
/// | 138 | 4 | not_after_day | advice about addresses, never a reason to refuse |
/// | 142 | 1 | a | ≤ [`ADDRESS_LIMIT`] |
/// | 143 | … | a × {len 1 ‖ multiaddr} | 1 ≤ len ≤ [`ADDRESS_LEN_LIMIT`] |
/// | … | 1 | r | ≤ [`RELAY_LIMIT`] |
/// | … | 32 r | relay node keys | |
/// | … | 64 | signature by the device key, domain `tidings/v1/device`, over all before it | |
///
/// Source: docs/protocol.md 3.2.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    device: DeviceId,
    content: DeviceDraft,
    signature: Signature,
    /// As received: what the signature covers and what is passed on.
    bytes: Vec<u8>,
}

impl DeviceRecord {
    /// Whose device it says it is.
    pub const fn user(&self) -> UserId {
        self.content.user
    }

    /// The device.
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// The record's number; the highest wins.
    pub const fn seq(&self) -> u64 {
        self.content.seq
    }

    /// The node key it is found under.
    pub const fn node(&self) -> NodeId {
        self.content.node
    }

    /// What is sealed to.
    pub const fn seal(&self) -> SealPublic {
        self.content.seal
    }

    /// What it does for friends.
    pub const fn flags(&self) -> DeviceFlags {
        self.content.flags
    }

    /// Until when the addresses are worth dialling; never a reason to refuse anything.
    pub const fn not_after(&self) -> Day {
        self.content.not_after
    }

    /// Where it listens, best first.
    pub fn addresses(&self) -> &[Address] {
        &self.content.addresses
    }

    /// The nodes that relay for it.
    pub fn relays(&self) -> &[NodeId] {
        &self.content.relays
    }

    /// The bytes as received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether this record of a device replaces `other` of the same device: the highest seq wins, and of two with one
    /// seq the first stays.
    pub const fn is_newer_than(&self, other: &Self) -> bool {
        self.content.seq > other.content.seq
    }

    /// Checks that the device it names signed it. Whether that device counts is [`live_device`](super::live_device).
    ///
    /// # Errors
    /// [`VerifyError`] if not.
    ///
    /// # Cost
    /// One strict verification, 38–75 µs.
    pub fn verify(self) -> Result<Verified<Self>, VerifyError> {
        let signed = self.bytes.len().checked_sub(Signature::LEN).and_then(|len| self.bytes.get(..len));
        let key = VerifyingKey::from_bytes(*self.device.as_bytes());
        key.verify(Domain::Device, signed.ok_or(VerifyError)?, &self.signature)?;
        Ok(Verified(self))
    }

    /// Decodes and verifies.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn open(bytes: &[u8]) -> Result<Verified<Self>, RecordError> {
        Ok(wire::decode::<Self>(bytes)?.verify()?)
    }

    /// Makes a record of the device that holds `key`.
    pub fn sign(key: &SigningKey, mut draft: DeviceDraft) -> Verified<Self> {
        draft.addresses.truncate(ADDRESS_LIMIT);
        draft.relays.truncate(RELAY_LIMIT);
        let device = DeviceId::from_bytes(*key.public().as_bytes());
        let mut out = Writer::new();
        out.u8(VERSION_1).value(&draft.user).value(&device).u64(draft.seq).value(&draft.node);
        out.raw(draft.seal.as_bytes()).u8(draft.flags.0).u32(draft.not_after.0);
        out.u8(count(draft.addresses.len()));
        for address in &draft.addresses {
            out.bytes_u8(address.as_bytes());
        }
        out.u8(count(draft.relays.len()));
        for relay in &draft.relays {
            out.value(relay);
        }
        let signature = key.sign(Domain::Device, out.as_slice());
        out.raw(signature.as_bytes());
        Verified(Self { device, content: draft, signature, bytes: out.into_vec() })
    }

    fn read_addresses(input: &mut Reader<'_>) -> Result<Vec<Address>, DecodeError> {
        let count = u64::from(input.u8()?);
        let count = input.count("addresses", count, ADDRESS_LIMIT, 1)?;
        (0..count).map(|_| Address::from_bytes(input.bytes_u8("address", ADDRESS_LEN_LIMIT)?)).collect()
    }

    fn read_relays(input: &mut Reader<'_>) -> Result<Vec<NodeId>, DecodeError> {
        let count = u64::from(input.u8()?);
        let count = input.count("relays", count, RELAY_LIMIT, NodeId::LEN)?;
        (0..count).map(|_| input.value()).collect()
    }
}

/// A count that [`DeviceRecord::sign`] has cut to its limit, which is far below 255.
fn count(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

impl Decode for DeviceRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut start = input.clone();
        let version = input.u8()?;
        if version != VERSION_1 {
            return Err(DecodeError::Unknown { what: VERSION, code: u64::from(version) });
        }
        let user = input.value()?;
        let device = input.value()?;
        let content = DeviceDraft {
            user,
            seq: input.u64()?,
            node: input.value()?,
            seal: SealPublic::from_bytes(input.array()?),
            flags: DeviceFlags(input.u8()?),
            not_after: Day(input.u32()?),
            addresses: Self::read_addresses(input)?,
            relays: Self::read_relays(input)?,
        };
        let signature = Signature::from_bytes(input.array()?);
        let len = start.remaining().saturating_sub(input.remaining());
        Ok(Self { device, content, signature, bytes: start.take(len)?.to_vec() })
    }
}

impl Encode for DeviceRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(&self.bytes);
    }
}

impl std::fmt::Debug for DeviceRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceRecord")
            .field("user", &self.content.user)
            .field("device", &self.device)
            .field("seq", &self.content.seq)
            .field("node", &self.content.node)
            .finish_non_exhaustive()
    }
}
