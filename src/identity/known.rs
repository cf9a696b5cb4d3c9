//! What is known of somebody's devices: the newest record, and which devices are gone for good.

use super::{DeviceRecord, IdentityRecord, ListedDevice, Supersede, Verified, supersedes};
use crate::id::{DeviceId, UserId};
use crate::limits::REVOKED_DEVICE_LIMIT;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// The newest [`IdentityRecord`] known of a person, and the devices that were seen once and dropped later.
///
/// # Layout (of what is stored)
/// u16 len ‖ IdentityRecord ‖ n 2 ‖ n × device_pub 32, in the order of their revocation, n ≤ [`REVOKED_DEVICE_LIMIT`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIdentity {
    newest: Verified<IdentityRecord>,
    /// Oldest first. Only the root can list a device again, so forgetting the first beyond the limit gives nothing to
    /// anybody else, while refusing further records would lock out somebody who replaces devices often.
    revoked: Vec<DeviceId>,
}

/// What became of a record that was shown to a [`KnownIdentity`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is the newest now.
    Taken {
        /// Devices that were listed before and are no more, ascending.
        dropped: Vec<DeviceId>,
        /// Devices that count from now on, ascending.
        added: Vec<DeviceId>,
    },
    /// It was known already.
    Same,
    /// A newer one is known.
    Older,
    /// *Root used twice*: the same seq with other bytes. The first one stays.
    RootUsedTwice,
    /// It is another person's: the caller looked up the wrong one.
    OtherPerson,
}

impl KnownIdentity {
    /// Somebody seen for the first time.
    pub const fn new(first: Verified<IdentityRecord>) -> Self {
        Self { newest: first, revoked: Vec::new() }
    }

    /// The person.
    pub fn user(&self) -> UserId {
        self.newest.user()
    }

    /// The newest record.
    pub const fn newest(&self) -> &Verified<IdentityRecord> {
        &self.newest
    }

    /// The devices that never count again, in the order of their revocation.
    pub fn revoked(&self) -> &[DeviceId] {
        &self.revoked
    }

    /// Takes in a record from anywhere: order and repetition do not matter for which one is newest.
    pub fn take(&mut self, record: Verified<IdentityRecord>) -> Outcome {
        if record.user() != self.user() {
            return Outcome::OtherPerson;
        }
        match supersedes(&self.newest, &record) {
            Supersede::Same => Outcome::Same,
            Supersede::Conflict => Outcome::RootUsedTwice,
            Supersede::Older => {
                // A device of an older record that the newest lacks was dropped in between.
                self.mark_revoked(&missing(&record, &self.newest));
                Outcome::Older
            }
            Supersede::Newer => {
                let dropped = missing(&self.newest, &record);
                let mut added = missing(&record, &self.newest);
                added.retain(|device| !self.revoked.contains(device));
                self.mark_revoked(&dropped);
                self.newest = record;
                Outcome::Taken { dropped, added }
            }
        }
    }

    /// Whether a device speaks for the person: listed now, and never dropped.
    pub fn is_live(&self, device: &DeviceId) -> bool {
        self.newest.device(device).is_some() && !self.revoked.contains(device)
    }

    /// Whether a device was listed once and dropped since, as far as is remembered.
    pub fn is_revoked(&self, device: &DeviceId) -> bool {
        self.revoked.contains(device)
    }

    /// The devices that speak for the person, ascending.
    pub fn live(&self) -> impl Iterator<Item = &ListedDevice> {
        self.newest.devices().iter().filter(|listed| !self.revoked.contains(&listed.device))
    }

    fn mark_revoked(&mut self, devices: &[DeviceId]) {
        for device in devices {
            if !self.revoked.contains(device) {
                self.revoked.push(*device);
            }
        }
        let beyond = self.revoked.len().saturating_sub(REVOKED_DEVICE_LIMIT);
        self.revoked.drain(..beyond);
    }
}

/// The devices of `in_this` that `from_that` does not list.
fn missing(in_this: &IdentityRecord, from_that: &IdentityRecord) -> Vec<DeviceId> {
    let devices = in_this.devices().iter().map(|listed| listed.device);
    devices.filter(|device| from_that.device(device).is_none()).collect()
}

/// Whether a record is that of a live device of a person: the root lists the device, and the device, by its own
/// signature, names the root (docs/protocol.md 3.2). How old the record is plays no part.
pub fn live_device(known: &KnownIdentity, record: &Verified<DeviceRecord>) -> bool {
    record.user() == known.user() && known.is_live(&record.device())
}

impl Encode for KnownIdentity {
    fn encode_to(&self, out: &mut Writer) {
        out.bytes_u16(self.newest.as_bytes());
        out.u16(u16::try_from(self.revoked.len()).unwrap_or(u16::MAX));
        for device in &self.revoked {
            out.value(device);
        }
    }
}

impl KnownIdentity {
    /// As stored, out of a sealed record of our own: the signature was checked before it was kept, and is not again.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not what was stored.
    pub(crate) fn decode_sealed(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let newest = Verified::trust_sealed(super::read_identity(input)?);
        Self::decode_revoked(newest, input)
    }

    fn decode_revoked(newest: Verified<IdentityRecord>, input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u64::from(input.u16()?);
        let count = input.count("revoked devices", count, REVOKED_DEVICE_LIMIT, DeviceId::LEN)?;
        let mut known = Self::new(newest);
        for _ in 0..count {
            let device = input.value()?;
            if known.revoked.contains(&device) {
                return Err(DecodeError::Invalid { what: "a device is revoked twice" });
            }
            known.revoked.push(device);
        }
        Ok(known)
    }
}

impl Decode for KnownIdentity {
    /// Verifies the record again: for bytes whose way is not known.
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let newest = super::read_identity(input)?.verify();
        let newest = newest.map_err(|_| DecodeError::Invalid { what: "a stored record is not signed" })?;
        Self::decode_revoked(newest, input)
    }
}
