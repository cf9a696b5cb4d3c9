//! The items of an introduction: the offer, each side's answer, and the records once both have said yes.
//!
//! Source: docs/protocol.md 3.6 (items 8, 12, 13), 3.7 (introduction).

use crate::crypto::{InviteSecret, keys};
use crate::id::{InviteId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, read_device, read_identity};
use crate::limits::NAME_LIMIT;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Somebody whom a common friend introduces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// The other one.
    pub user: UserId,
    /// A fresh secret that both get, in place of an invite's.
    pub secret: InviteSecret,
    /// The name they go by, at most `NAME_LIMIT` bytes.
    pub name: String,
}

impl Introduction {
    /// What names this introduction.
    pub fn id(&self) -> InviteId {
        keys::invite_id(&self.secret)
    }
}

/// A yes or no to an introduction, for the introducer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntroductionAnswer {
    /// Which introduction.
    pub id: InviteId,
    /// To whom.
    pub user: UserId,
    /// Friends or not.
    pub yes: bool,
}

/// The other's records, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntroductionRecords {
    /// Which introduction.
    pub id: InviteId,
    /// Which devices speak for the other.
    pub identity: IdentityRecord,
    /// The device to pair with.
    pub device: DeviceRecord,
}

impl Encode for Introduction {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.user).raw(self.secret.expose_bytes()).bytes_u8(self.name.as_bytes());
    }
}

impl Decode for Introduction {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            user: input.value()?,
            secret: InviteSecret::from_bytes(input.array()?),
            name: input.text_u8("name", NAME_LIMIT)?.to_owned(),
        })
    }
}

impl Encode for IntroductionAnswer {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.id).value(&self.user).bool(self.yes);
    }
}

impl Decode for IntroductionAnswer {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { id: input.value()?, user: input.value()?, yes: input.bool()? })
    }
}

impl Encode for IntroductionRecords {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.id).bytes_u16(self.identity.as_bytes()).bytes_u16(self.device.as_bytes());
    }
}

impl Decode for IntroductionRecords {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { id: input.value()?, identity: read_identity(input)?, device: read_device(input)? })
    }
}
