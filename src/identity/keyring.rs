//! What one installation holds: its keys, and the root's word for its device key.
//!
//! The root key is not among them. It exists while [`Keyring::create`] runs and afterwards in the 24 words.

use zeroize::Zeroizing;

use super::{
    DeviceDraft, DeviceFlags, DeviceKind, DeviceRecord, IdentityRecord, ListedDevice, Verified, Words,
    next_seq,
};
use crate::crypto::{Domain, Entropy, RootSeed, SealSecret, Signature, SigningKey, VerifyingKey, keys};
use crate::id::{DeviceId, NodeId, SealId, UserId};
use crate::limits::{
    DEVICE_RECORD_DAYS, FORMER_SEAL_LIMIT, NODE_KEY_DAYS, SEAL_KEY_DAYS, SEAL_KEY_KEEP_DAYS,
};
use crate::link::Address;
use crate::time::{Day, Timestamp};
use crate::wire::{DecodeError, Reader, Writer};

/// The version of the stored form.
const STORED_VERSION: u8 = 1;
/// Bytes of the stored form without former seal secrets.
const STORED_LEN: usize = 1 + 32 + 32 + 64 + 32 + 4 + 32 + 4 + 1;
/// Bytes of one former seal secret.
const FORMER_LEN: usize = 32 + 1 + 4;

/// The keys of this installation. Prints nothing of them.
///
/// # Layout (of [`Keyring::encode_secret`])
/// version 1 ‖ user 32 ‖ device seed 32 ‖ certificate 64 ‖ node seed 32 ‖ node day 4 ‖ seal secret 32 ‖ seal day 4 ‖
/// n 1 ‖ n × {seal secret 32 ‖ published 1 ‖ day 4}, newest first, n ≤ [`FORMER_SEAL_LIMIT`]; day is zero unless
/// published is 1.
#[derive(Clone)]
pub struct Keyring {
    user: UserId,
    device: SigningKey,
    cert: Signature,
    node: SigningKey,
    node_since: Day,
    seal: SealSecret,
    seal_since: Day,
    /// Newest first.
    former: Vec<FormerSeal>,
}

/// A seal secret that has a successor.
#[derive(Clone)]
struct FormerSeal {
    secret: SealSecret,
    /// When friends could first learn of the successor; none while they cannot.
    successor_published: Option<Day>,
}

/// What comes of beginning a new identity.
#[derive(Debug)]
pub struct Created {
    /// The keys to keep.
    pub keyring: Keyring,
    /// The record that lists this device alone.
    pub identity: Verified<IdentityRecord>,
    /// The 24 words: to be shown once and forgotten.
    pub words: Words,
}

impl Keyring {
    /// A new person with one device.
    pub fn create(entropy: &mut Entropy, now: Timestamp) -> Created {
        let seed = RootSeed::random(entropy);
        let keyring = Self::install(&seed, entropy, now.day());
        let root = keys::root_key(&seed);
        let listed = ListedDevice { device: keyring.device_id(), kind: DeviceKind::Person, added: now.day() };
        let identity = IdentityRecord::sign_one(&root, next_seq(None, now), listed);
        Created { keyring, identity, words: Words::new(seed) }
    }

    /// The keys of a further installation of the person whose seed this is. Its device counts once an
    /// [`IdentityRecord`] lists it.
    pub fn install(seed: &RootSeed, entropy: &mut Entropy, today: Day) -> Self {
        let root = keys::root_key(seed);
        let device = SigningKey::random(entropy);
        let cert = root.sign(Domain::Cert, device.public().as_bytes());
        Self {
            user: UserId::from_bytes(*root.public().as_bytes()),
            device,
            cert,
            node: SigningKey::random(entropy),
            node_since: today,
            seal: SealSecret::random(entropy),
            seal_since: today,
            former: Vec::new(),
        }
    }

    /// Whose installation this is.
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// This device.
    pub fn device_id(&self) -> DeviceId {
        DeviceId::from_bytes(*self.device.public().as_bytes())
    }

    /// The device key, which signs this device's record and what is shared on.
    pub const fn device_key(&self) -> &SigningKey {
        &self.device
    }

    /// The root's signature over this device, domain `tidings/v1/cert` (docs/protocol.md 3.9).
    pub const fn certificate(&self) -> &Signature {
        &self.cert
    }

    /// The node key, for the transport.
    pub const fn node_key(&self) -> &SigningKey {
        &self.node
    }

    /// The node on the network.
    pub fn node_id(&self) -> NodeId {
        NodeId::from_bytes(*self.node.public().as_bytes())
    }

    /// The present seal secret.
    pub const fn seal(&self) -> &SealSecret {
        &self.seal
    }

    /// The id of the present seal key.
    pub fn seal_id(&self) -> SealId {
        self.seal.public().id()
    }

    /// The secret that a parcel was sealed to, present or former.
    pub fn seal_for(&self, id: &SealId) -> Option<&SealSecret> {
        let former = self.former.iter().map(|former| &former.secret);
        std::iter::once(&self.seal).chain(former).find(|secret| secret.public().id() == *id)
    }

    /// A record of this device as it is now.
    pub fn device_record(
        &self,
        seq: u64,
        today: Day,
        flags: DeviceFlags,
        addresses: Vec<Address>,
        relays: Vec<NodeId>,
    ) -> Verified<DeviceRecord> {
        let draft = DeviceDraft {
            user: self.user,
            seq,
            node: self.node_id(),
            seal: self.seal.public(),
            flags,
            not_after: today.plus(DEVICE_RECORD_DAYS),
            addresses,
            relays,
        };
        DeviceRecord::sign(&self.device, draft)
    }

    /// Whether the node key has served its time.
    pub const fn is_node_key_due(&self, today: Day) -> bool {
        today.since(self.node_since) >= NODE_KEY_DAYS
    }

    /// Whether the seal key has served its time.
    pub const fn is_seal_key_due(&self, today: Day) -> bool {
        today.since(self.seal_since) >= SEAL_KEY_DAYS
    }

    /// Draws a new node key. The caller makes it durable and publishes a record before it is used.
    pub fn rotate_node_key(&mut self, entropy: &mut Entropy, today: Day) {
        self.node = SigningKey::random(entropy);
        self.node_since = today;
    }

    /// Draws a new seal key and keeps the old secret. The caller makes it durable, publishes a record that names it,
    /// and then says so ([`Keyring::mark_seal_published`]): until then friends seal to the old one.
    pub fn rotate_seal_key(&mut self, entropy: &mut Entropy, today: Day) {
        let secret = std::mem::replace(&mut self.seal, SealSecret::random(entropy));
        self.seal_since = today;
        self.former.insert(0, FormerSeal { secret, successor_published: None });
        self.former.truncate(FORMER_SEAL_LIMIT);
    }

    /// A record that names the present seal key was published: from now on the days of the former ones count.
    pub fn mark_seal_published(&mut self, today: Day) {
        for former in &mut self.former {
            former.successor_published.get_or_insert(today);
        }
    }

    /// Drops former seal secrets whose successor was published more than [`SEAL_KEY_KEEP_DAYS`] ago; true if any was.
    /// Not to be called while the clock is doubted (docs/protocol.md 3.10).
    pub fn drop_old_seals(&mut self, today: Day) -> bool {
        let before = self.former.len();
        self.former.retain(|former| {
            former.successor_published.is_none_or(|published| today.since(published) <= SEAL_KEY_KEEP_DAYS)
        });
        self.former.len() < before
    }

    /// The bytes to keep, for the caller to seal under the at-rest key. Zeroed on drop.
    pub fn encode_secret(&self) -> Zeroizing<Vec<u8>> {
        // All the room at once: growing would leave copies behind.
        let room = STORED_LEN.saturating_add(self.former.len().saturating_mul(FORMER_LEN));
        let mut out = Writer::with_capacity(room);
        out.u8(STORED_VERSION).value(&self.user).raw(self.device.expose_seed()).raw(self.cert.as_bytes());
        out.raw(self.node.expose_seed()).u32(self.node_since.0);
        out.raw(self.seal.expose_bytes()).u32(self.seal_since.0);
        out.u8(u8::try_from(self.former.len()).unwrap_or(u8::MAX));
        for former in &self.former {
            out.raw(former.secret.expose_bytes()).bool(former.successor_published.is_some());
            out.u32(former.successor_published.map_or(0, |day| day.0));
        }
        Zeroizing::new(out.into_vec())
    }

    /// Reads what [`Keyring::encode_secret`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`]; also if the certificate does not fit the device, so that a mixed-up file is found at once.
    pub fn decode_secret(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let version = input.u8()?;
        if version != STORED_VERSION {
            return Err(DecodeError::Unknown { what: "keyring version", code: u64::from(version) });
        }
        let keyring = Self {
            user: input.value()?,
            device: read_key(&mut input)?,
            cert: Signature::from_bytes(input.array()?),
            node: read_key(&mut input)?,
            node_since: Day(input.u32()?),
            seal: SealSecret::from_bytes(input.array()?),
            seal_since: Day(input.u32()?),
            former: read_former(&mut input)?,
        };
        input.finish()?;
        VerifyingKey::from_bytes(*keyring.user.as_bytes())
            .verify(Domain::Cert, keyring.device.public().as_bytes(), &keyring.cert)
            .map_err(|_| DecodeError::Invalid { what: "the certificate is not of this device" })?;
        Ok(keyring)
    }
}

fn read_key(input: &mut Reader<'_>) -> Result<SigningKey, DecodeError> {
    Ok(SigningKey::from_seed(&Zeroizing::new(input.array()?)))
}

fn read_former(input: &mut Reader<'_>) -> Result<Vec<FormerSeal>, DecodeError> {
    let count = u64::from(input.u8()?);
    let count = input.count("former seal secrets", count, FORMER_SEAL_LIMIT, FORMER_LEN)?;
    let mut former = Vec::with_capacity(count);
    for _ in 0..count {
        let secret = SealSecret::from_bytes(input.array()?);
        let successor_published = match (input.bool()?, input.u32()?) {
            (true, day) => Some(Day(day)),
            (false, 0) => None,
            (false, _) => return Err(DecodeError::Invalid { what: "a day that is none" }),
        };
        former.push(FormerSeal { secret, successor_published });
    }
    Ok(former)
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("user", &self.user)
            .field("device", &self.device_id())
            .field("node", &self.node_id())
            .field("former_seals", &self.former.len())
            .finish_non_exhaustive()
    }
}
