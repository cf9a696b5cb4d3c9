//! The IdentityRecord: which devices speak for a person, signed by the root key.

use std::collections::BTreeMap;

use super::{RecordError, VERSION, Verified};
use crate::crypto::{Domain, Signature, SigningKey, VerifyError, VerifyingKey};
use crate::id::{DeviceId, UserId};
use crate::limits::DEVICE_LIMIT;
use crate::time::Day;
use crate::wire::{self, Decode, DecodeError, Encode, Reader, Writer};

/// The version this program writes and reads.
const VERSION_1: u8 = 1;
/// Bytes of one listed device.
const DEVICE_LEN: usize = 37;

/// What a listed device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceKind {
    /// A device of the person: holds keys, reads, writes.
    Person,
    /// A home node that carries and serves without being able to open anything (docs/protocol.md 3.12).
    BlindHome,
}

impl DeviceKind {
    const fn code(self) -> u8 {
        match self {
            Self::Person => 1,
            Self::BlindHome => 2,
        }
    }

    fn from_code(code: u8) -> Result<Self, DecodeError> {
        match code {
            1 => Ok(Self::Person),
            2 => Ok(Self::BlindHome),
            _ => Err(DecodeError::Unknown { what: "device kind", code: u64::from(code) }),
        }
    }
}

/// One line of an [`IdentityRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedDevice {
    /// The public half of the device key.
    pub device: DeviceId,
    /// What it is for.
    pub kind: DeviceKind,
    /// When it was added.
    pub added: Day,
}

/// Which devices speak for a person: the live ones and no others.
///
/// # Layout
/// | offset | length | field | limit |
/// | --- | --- | --- | --- |
/// | 0 | 1 | version | 1 |
/// | 1 | 32 | root_pub, the user id | |
/// | 33 | 8 | seq | |
/// | 41 | 1 | n | ≤ [`DEVICE_LIMIT`] |
/// | 42 | 37 n | device_pub 32 ‖ kind 1 ‖ added_day 4 | device_pub ascending, none twice |
/// | 42 + 37 n | 64 | signature by the root key, domain `tidings/v1/identity`, over all before it | |
///
/// Source: docs/protocol.md 3.2.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityRecord {
    user: UserId,
    seq: u64,
    devices: Vec<ListedDevice>,
    signature: Signature,
    /// As received: what the signature covers and what is passed on.
    bytes: Vec<u8>,
}

impl IdentityRecord {
    /// The person.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// The record's number.
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The devices, ascending.
    pub fn devices(&self) -> &[ListedDevice] {
        &self.devices
    }

    /// The line of a device, if it is listed.
    pub fn device(&self, device: &DeviceId) -> Option<&ListedDevice> {
        self.devices.iter().find(|listed| listed.device == *device)
    }

    /// Whether the person deleted the account: no device is left.
    pub fn is_deleted(&self) -> bool {
        self.devices.is_empty()
    }

    /// The bytes as received.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks that the root it names signed it.
    ///
    /// # Errors
    /// [`VerifyError`] if not.
    ///
    /// # Cost
    /// One strict verification, 38–75 µs.
    pub fn verify(self) -> Result<Verified<Self>, VerifyError> {
        let signed = self.bytes.len().checked_sub(Signature::LEN).and_then(|len| self.bytes.get(..len));
        let key = VerifyingKey::from_bytes(*self.user.as_bytes());
        key.verify(Domain::Identity, signed.ok_or(VerifyError)?, &self.signature)?;
        Ok(Verified(self))
    }

    /// Decodes and verifies.
    ///
    /// # Errors
    /// [`RecordError`]: whose fault it is does not differ.
    pub fn open(bytes: &[u8]) -> Result<Verified<Self>, RecordError> {
        Ok(wire::decode::<Self>(bytes)?.verify()?)
    }

    /// Makes a record. Devices may come in any order; of two lines for one device the last counts.
    ///
    /// # Errors
    /// [`TooManyDevices`] above [`DEVICE_LIMIT`].
    pub fn sign(
        root: &SigningKey,
        seq: u64,
        devices: impl IntoIterator<Item = ListedDevice>,
    ) -> Result<Verified<Self>, TooManyDevices> {
        let devices: BTreeMap<DeviceId, ListedDevice> =
            devices.into_iter().map(|listed| (listed.device, listed)).collect();
        match u8::try_from(devices.len()) {
            Ok(count) if devices.len() <= DEVICE_LIMIT => {
                Ok(Self::write(root, seq, count, devices.into_values().collect()))
            }
            _ => Err(TooManyDevices { actual: devices.len() }),
        }
    }

    /// Makes the record of somebody with a single device.
    pub fn sign_one(root: &SigningKey, seq: u64, device: ListedDevice) -> Verified<Self> {
        Self::write(root, seq, 1, vec![device])
    }

    /// `devices` ascend and are `count`, at most [`DEVICE_LIMIT`].
    fn write(root: &SigningKey, seq: u64, count: u8, devices: Vec<ListedDevice>) -> Verified<Self> {
        let user = UserId::from_bytes(*root.public().as_bytes());
        let mut out = Writer::new();
        out.u8(VERSION_1).value(&user).u64(seq).u8(count);
        for listed in &devices {
            out.value(&listed.device).u8(listed.kind.code()).u32(listed.added.0);
        }
        let signature = root.sign(Domain::Identity, out.as_slice());
        out.raw(signature.as_bytes());
        Verified(Self { user, seq, devices, signature, bytes: out.into_vec() })
    }

    fn read_devices(input: &mut Reader<'_>) -> Result<Vec<ListedDevice>, DecodeError> {
        let count = u64::from(input.u8()?);
        let count = input.count("devices", count, DEVICE_LIMIT, DEVICE_LEN)?;
        let mut devices: Vec<ListedDevice> = Vec::with_capacity(count);
        for _ in 0..count {
            let device: DeviceId = input.value()?;
            if devices.last().is_some_and(|last| last.device >= device) {
                return Err(DecodeError::Invalid { what: "devices do not ascend" });
            }
            let kind = DeviceKind::from_code(input.u8()?)?;
            devices.push(ListedDevice { device, kind, added: Day(input.u32()?) });
        }
        Ok(devices)
    }
}

impl Decode for IdentityRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut start = input.clone();
        let version = input.u8()?;
        if version != VERSION_1 {
            return Err(DecodeError::Unknown { what: VERSION, code: u64::from(version) });
        }
        let user = input.value()?;
        let seq = input.u64()?;
        let devices = Self::read_devices(input)?;
        let signature = Signature::from_bytes(input.array()?);
        let len = start.remaining().saturating_sub(input.remaining());
        Ok(Self { user, seq, devices, signature, bytes: start.take(len)?.to_vec() })
    }
}

impl Encode for IdentityRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(&self.bytes);
    }
}

impl std::fmt::Debug for IdentityRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityRecord")
            .field("user", &self.user)
            .field("seq", &self.seq)
            .field("devices", &self.devices)
            .finish_non_exhaustive()
    }
}

/// More devices than a record may list: the person has to revoke one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{actual} devices are more than {DEVICE_LIMIT}")]
pub struct TooManyDevices {
    /// How many there were.
    pub actual: usize,
}

/// What a second record of one person is beside the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supersede {
    /// Its seq is higher: it replaces the old one.
    Newer,
    /// The same bytes.
    Same,
    /// Its seq is lower: the old one stays.
    Older,
    /// The same seq and other bytes: *root used twice*. The old one stays, the person is told.
    Conflict,
}

/// Compares two records of one person (docs/protocol.md 3.2).
pub fn supersedes(old: &Verified<IdentityRecord>, new: &Verified<IdentityRecord>) -> Supersede {
    match new.seq().cmp(&old.seq()) {
        std::cmp::Ordering::Greater => Supersede::Newer,
        std::cmp::Ordering::Less => Supersede::Older,
        std::cmp::Ordering::Equal if old.as_bytes() == new.as_bytes() => Supersede::Same,
        std::cmp::Ordering::Equal => Supersede::Conflict,
    }
}
