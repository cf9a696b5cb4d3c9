//! Records about audiences and epochs: mine, which I write, and others', which I read or carry.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use super::people::{users_from, users_to};
use crate::audience::Audience;
use crate::crypto::{EpochSecret, ReadKey, Signature, SigningKey, VerifyingKey, keys};
use crate::id::{DeviceId, EpochId, UserId};
use crate::moment::Class;
use crate::sync;
use crate::time::{Day, Timestamp};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// An audience I have used; the same rule is the same audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceRecord {
    /// The audience.
    pub audience: Audience,
}

impl Encode for AudienceRecord {
    fn encode_to(&self, out: &mut Writer) {
        match &self.audience {
            Audience::SelfDevices => drop(out.u8(0)),
            Audience::Contact => drop(out.u8(1)),
            Audience::Posts(rule) => drop(out.u8(2).value(rule)),
        }
    }
}

impl Decode for AudienceRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let audience = match input.u8()? {
            0 => Audience::SelfDevices,
            1 => Audience::Contact,
            2 => Audience::Posts(input.value()?),
            code => return Err(DecodeError::Unknown { what: "audience", code: u64::from(code) }),
        };
        Ok(Self { audience })
    }
}

/// What only the minting device has.
#[derive(Debug, Clone)]
pub struct OwnPart {
    /// Signs entries; gone once the epoch is closed.
    pub key: Option<SigningKey>,
    /// When it was minted.
    pub minted: Timestamp,
    /// Which of my audiences it is for.
    pub audience: u32,
    /// Who was sent its keys.
    pub recipients: BTreeSet<UserId>,
    /// How numbers are given out in this run. Not kept: every start begins a new block.
    pub numbers: Numbers,
}

/// The numbers of one own epoch in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// Numbers below this are reserved on the disk.
    pub reserved: u64,
    /// The next number to be used.
    pub next: u64,
    /// How many were used in this run.
    pub used: u64,
    /// The time of the entry before, ms.
    pub last_created: u64,
}

/// An epoch: key set, log and scope of sync in one.
#[derive(Debug, Clone)]
pub struct EpochRecord {
    /// Its id.
    pub id: EpochId,
    /// Verifies its entries.
    pub public: VerifyingKey,
    /// Opens them; none for an epoch of which only single entries were granted.
    pub secret: Option<EpochSecret>,
    /// The commitment its claim signs.
    pub es_commit: [u8; 32],
    /// The epoch key's claim to belong to the author.
    pub claim: Signature,
    /// Whose it is.
    pub author: UserId,
    /// The device that minted it.
    pub device: DeviceId,
    /// What it carries.
    pub class: Class,
    /// Whether only the author's own devices hand it on.
    pub author_only: bool,
    /// When it was opened.
    pub opened: Day,
    /// When it was closed.
    pub closed: Option<Day>,
    /// Mine alone.
    pub own: Option<OwnPart>,
    /// What follows from the secret and opens each of its entries, worked out once. Not kept.
    pub read: OnceLock<ReadKey>,
    /// As all sessions share it, once one asked.
    pub shared: OnceLock<Arc<sync::Epoch>>,
}

impl EpochRecord {
    /// What sessions know of it; `None` if they can say nothing of it, for want of its secret. One for all of them.
    pub fn for_sync(&self) -> Option<Arc<sync::Epoch>> {
        let secret = self.secret.as_ref()?;
        let class = match self.class {
            Class::Contact | Class::SelfDevices => sync::Class::Contact,
            Class::Posts => sync::Class::Posts,
        };
        let make = || sync::Epoch { id: self.id, author: self.author, class, key: keys::tag_key(secret) };
        Some(Arc::clone(self.shared.get_or_init(|| Arc::new(make()))))
    }

    /// Opens its entries.
    pub fn read_key(&self) -> Option<ReadKey> {
        self.secret.as_ref().map(|secret| self.read.get_or_init(|| keys::read_key(secret)).clone())
    }

    /// Whether entries may still come.
    pub const fn is_open(&self) -> bool {
        self.closed.is_none()
    }
}

impl Encode for EpochRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.id).raw(self.public.as_bytes());
        out.bool(self.secret.is_some());
        if let Some(secret) = &self.secret {
            out.raw(secret.expose_bytes());
        }
        out.raw(&self.es_commit)
            .raw(self.claim.as_bytes())
            .value(&self.author)
            .value(&self.device)
            .u8(class_code(self.class));
        out.bool(self.author_only).u32(self.opened.0);
        out.bool(self.closed.is_some()).u32(self.closed.unwrap_or(Day(0)).0);
        out.bool(self.own.is_some());
        if let Some(own) = &self.own {
            out.bool(own.key.is_some());
            if let Some(key) = &own.key {
                out.raw(key.expose_seed());
            }
            out.u64(own.minted.as_millis()).u32(own.audience);
            users_to(out, &own.recipients);
        }
    }
}

impl Decode for EpochRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = input.value()?;
        let public = VerifyingKey::from_bytes(input.array()?);
        let secret = if input.bool()? { Some(EpochSecret::from_bytes(input.array()?)) } else { None };
        let es_commit = input.array()?;
        let claim = Signature::from_bytes(input.array()?);
        let author = input.value()?;
        let device = input.value()?;
        let class = class_from(input.u8()?)?;
        let author_only = input.bool()?;
        let opened = Day(input.u32()?);
        let is_closed = input.bool()?;
        let closed = Some(Day(input.u32()?)).filter(|_| is_closed);
        let own = if input.bool()? {
            let key = if input.bool()? { Some(SigningKey::from_seed(&input.array()?)) } else { None };
            Some(OwnPart {
                key,
                minted: Timestamp::from_millis(input.u64()?),
                audience: input.u32()?,
                recipients: users_from(input)?,
                numbers: Numbers::default(),
            })
        } else {
            None
        };
        Ok(Self {
            id,
            public,
            secret,
            es_commit,
            claim,
            author,
            device,
            class,
            author_only,
            opened,
            closed,
            own,
            read: OnceLock::new(),
            shared: OnceLock::new(),
        })
    }
}

/// The class as it is stored and stands in EpochKeys.
pub const fn class_code(class: Class) -> u8 {
    match class {
        Class::Contact => 1,
        Class::Posts => 2,
        Class::SelfDevices => 3,
    }
}

/// The class of a code.
///
/// # Errors
/// [`DecodeError::Unknown`].
pub fn class_from(code: u8) -> Result<Class, DecodeError> {
    match code {
        1 => Ok(Class::Contact),
        2 => Ok(Class::Posts),
        3 => Ok(Class::SelfDevices),
        code => Err(DecodeError::Unknown { what: "class", code: u64::from(code) }),
    }
}
