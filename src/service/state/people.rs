//! Records about people: myself, friends, tags, and those who are not friends yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::audience::{List, Op, TagId, Verb};
use crate::crypto::PairKey;
use crate::id::{DeviceId, NodeId, UserId};
use crate::identity::{DeviceRecord, KnownIdentity, Verified};
use crate::limits::{ABOUT_LIMIT, ADDRESS_LEN_LIMIT, ADDRESS_LIMIT, DEVICE_LIMIT, FRIEND_LIMIT, NAME_LIMIT};
use crate::link::Address;
use crate::pair::{OpenInvite, Pending};
use crate::time::{Day, Timestamp};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Longest note about a friend, bytes of UTF-8.
pub const NOTE_LIMIT: usize = 2_000;

/// Myself, beyond the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    /// The name I go by.
    pub name: String,
    /// A line about me.
    pub about: String,
    /// How far back friends may read, days; 0 = all.
    pub window_days: u32,
    /// My newest IdentityRecord.
    pub identity: Vec<u8>,
    /// My newest DeviceRecord.
    pub device: Vec<u8>,
    /// The addresses the DeviceRecord tells.
    pub addresses: Vec<Address>,
    /// The day it was written.
    pub device_day: Day,
    /// The last day seen, against leaping clocks.
    pub last_day: Day,
    /// The next local numbers of tags and audiences.
    pub next_number: u32,
    /// How many of my newest moments for everyone a stranger sees while pairing is pending: 0 or 10.
    pub strangers: u8,
}

impl Encode for Me {
    fn encode_to(&self, out: &mut Writer) {
        out.bytes_u16(self.name.as_bytes()).bytes_u16(self.about.as_bytes()).u32(self.window_days);
        out.bytes_u16(&self.identity).bytes_u16(&self.device);
        addresses_to(out, &self.addresses);
        out.u32(self.device_day.0).u32(self.last_day.0).u32(self.next_number);
        out.u8(self.strangers);
    }
}

impl Decode for Me {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            name: input.text_u16("name", NAME_LIMIT)?.to_owned(),
            about: input.text_u16("about", ABOUT_LIMIT)?.to_owned(),
            window_days: input.u32()?,
            identity: input.bytes_u16("identity record", usize::from(u16::MAX))?.to_vec(),
            device: input.bytes_u16("device record", usize::from(u16::MAX))?.to_vec(),
            addresses: addresses_from(input)?,
            device_day: Day(input.u32()?),
            last_day: Day(input.u32()?),
            next_number: input.u32()?,
            // Homes of before have no more; each field that was added later is missing with all that follow it.
            strangers: if input.remaining() > 0 { input.u8()? } else { 0 },
        })
    }
}

/// A friend: what pairing gave, what their records say, and how I keep them.
#[derive(Debug, Clone)]
pub struct Friend {
    /// User id.
    pub user: UserId,
    /// The name I gave; empty = their own.
    pub name: String,
    /// The name they go by.
    pub own_name: String,
    /// Their line about themselves.
    pub about: String,
    /// My note.
    pub note: String,
    /// When they wrote the profile that these come from, by their clock.
    pub profile_at: Timestamp,
    /// How far back they let me read, days; 0 = all.
    pub window_days: u32,
    /// Friends since.
    pub since: Timestamp,
    /// Whether I said that the safety words match.
    pub verified: bool,
    /// What the safety words are made of.
    pub safety: [u8; 32],
    /// What we share.
    pub pair_key: PairKey,
    /// Which pairing it came from.
    pub psk_gen: u32,
    /// The newest valid IdentityRecord, and who was revoked.
    pub identity: KnownIdentity,
    /// The newest DeviceRecord of each device.
    pub devices: BTreeMap<DeviceId, Verified<DeviceRecord>>,
    /// Where a session last was.
    pub last_address: Option<Address>,
    /// When.
    pub last_seen: Option<Timestamp>,
    /// Under which of my node keys they last saw me.
    pub seen_as: Option<NodeId>,
    /// I do not see theirs.
    pub hide_theirs: bool,
}

impl Friend {
    /// The name to show.
    pub fn shown_name(&self) -> String {
        let name = if self.name.is_empty() { &self.own_name } else { &self.name };
        if name.is_empty() { self.user.short() } else { name.clone() }
    }

    /// The records of live devices.
    pub fn live_devices(&self) -> impl Iterator<Item = &Verified<DeviceRecord>> {
        self.devices.values().filter(|record| crate::identity::live_device(&self.identity, record))
    }
}

impl Encode for Friend {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.user);
        for text in [&self.name, &self.own_name, &self.about, &self.note] {
            out.bytes_u16(text.as_bytes());
        }
        out.u64(self.profile_at.as_millis())
            .u32(self.window_days)
            .u64(self.since.as_millis())
            .bool(self.verified)
            .raw(&self.safety);
        out.raw(self.pair_key.expose_bytes()).u32(self.psk_gen);
        out.value(&self.identity);
        out.u16(u16::try_from(self.devices.len()).unwrap_or(u16::MAX));
        for record in self.devices.values() {
            out.bytes_u16(record.as_bytes());
        }
        out.bytes_u16(self.last_address.as_ref().map_or(&[], |a| a.as_bytes()));
        out.u64(self.last_seen.map_or(0, Timestamp::as_millis));
        out.raw(self.seen_as.map_or([0; 32], |node| *node.as_bytes()).as_slice());
        out.bool(self.hide_theirs);
    }
}

impl Decode for Friend {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let user = input.value()?;
        let name = input.text_u16("name", NAME_LIMIT)?.to_owned();
        let own_name = input.text_u16("own name", NAME_LIMIT)?.to_owned();
        let about = input.text_u16("about", ABOUT_LIMIT)?.to_owned();
        let note = input.text_u16("note", NOTE_LIMIT)?.to_owned();
        let profile_at = Timestamp::from_millis(input.u64()?);
        let window_days = input.u32()?;
        let since = Timestamp::from_millis(input.u64()?);
        let verified = input.bool()?;
        let safety = input.array()?;
        let pair_key = PairKey::from_bytes(input.array()?);
        let psk_gen = input.u32()?;
        // Friends lie sealed, and were verified before they were put there: a start with many does not do it again.
        let identity = KnownIdentity::decode_sealed(input)?;
        let count = u64::from(input.u16()?);
        let count = input.count("devices", count, DEVICE_LIMIT.saturating_mul(4), 2)?;
        let mut devices = BTreeMap::new();
        for _ in 0..count {
            let record = Verified::trust_sealed(crate::identity::read_device(input)?);
            devices.insert(record.device(), record);
        }
        let last = input.bytes_u16("address", ADDRESS_LEN_LIMIT)?;
        let last_address = if last.is_empty() { None } else { Some(Address::from_bytes(last)?) };
        let last_seen = Some(input.u64()?).filter(|ms| *ms > 0).map(Timestamp::from_millis);
        let seen_as = Some(input.array::<32>()?).filter(|node| *node != [0; 32]).map(NodeId::from_bytes);
        Ok(Self {
            user,
            name,
            own_name,
            about,
            note,
            profile_at,
            window_days,
            since,
            verified,
            safety,
            pair_key,
            psk_gen,
            identity,
            devices,
            last_address,
            last_seen,
            seen_as,
            hide_theirs: input.bool()?,
        })
    }
}

/// One of my labels on friends; who bears it stands in [`crate::audience::People`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRecord {
    /// Its name.
    pub name: String,
}

impl Encode for TagRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.bytes_u16(self.name.as_bytes());
    }
}

impl Decode for TagRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { name: input.text_u16("tag", crate::limits::TAG_NAME_LIMIT)?.to_owned() })
    }
}

/// A change to friends, tags or settings: replayed at every start, so that who was ever removed is never forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpRecord(pub Op);

impl Encode for OpRecord {
    fn encode_to(&self, out: &mut Writer) {
        let (list, tag) = match self.0.list {
            List::Friends => (1, 0),
            List::Moments => (2, 0),
            List::Mine => (3, 0),
            List::Tag(tag) => (4, tag.0),
        };
        out.u8(list).u32(tag).value(&self.0.user).bool(self.0.verb == Verb::Add);
    }
}

impl Decode for OpRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (code, tag) = (input.u8()?, input.u32()?);
        let list = match code {
            1 => List::Friends,
            2 => List::Moments,
            3 => List::Mine,
            4 => List::Tag(TagId(tag)),
            code => return Err(DecodeError::Unknown { what: "list", code: u64::from(code) }),
        };
        let user = input.value()?;
        let verb = if input.bool()? { Verb::Add } else { Verb::Remove };
        Ok(Self(Op { list, user, verb }))
    }
}

/// Somebody with whom pairing has come to the question, and how they came.
#[derive(Debug, Clone)]
pub struct PendingPair {
    /// What pairing gave.
    pub pending: Pending,
    /// Where they were reached.
    pub address: Option<Address>,
    /// Whether I redeemed their invite (else they mine).
    pub redeemed: bool,
}

impl Encode for PendingPair {
    fn encode_to(&self, out: &mut Writer) {
        out.bytes_u32(&self.pending.encode_secret());
        out.bytes_u16(self.address.as_ref().map_or(&[], |a| a.as_bytes())).bool(self.redeemed);
    }
}

impl Decode for PendingPair {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let left = input.remaining();
        let pending = Pending::decode_secret(input.bytes_u32("pending pair", left)?)?;
        let address = input.bytes_u16("address", ADDRESS_LEN_LIMIT)?;
        let address = if address.is_empty() { None } else { Some(Address::from_bytes(address)?) };
        Ok(Self { pending, address, redeemed: input.bool()? })
    }
}

/// An open invite, as it is kept.
#[derive(Debug, Clone)]
pub struct InviteRecord(pub OpenInvite);

impl Encode for InviteRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(&self.0.encode_secret());
    }
}

impl Decode for InviteRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        OpenInvite::decode_secret(input.take_rest()).map(Self)
    }
}

/// Writes a set of people.
pub(super) fn users_to(out: &mut Writer, users: &BTreeSet<UserId>) {
    out.u32(u32::try_from(users.len()).unwrap_or(u32::MAX));
    for user in users {
        out.value(user);
    }
}

/// Reads a set of people.
pub(super) fn users_from(input: &mut Reader<'_>) -> Result<BTreeSet<UserId>, DecodeError> {
    let count = u64::from(input.u32()?);
    // Former friends stay in lists of who was removed, so the bound is a multiple of the limit on friends.
    let count = input.count("people", count, FRIEND_LIMIT.saturating_mul(16), 32)?;
    (0..count).map(|_| input.value()).collect()
}

fn addresses_to(out: &mut Writer, addresses: &[Address]) {
    out.u16(u16::try_from(addresses.len()).unwrap_or(u16::MAX));
    for address in addresses {
        out.bytes_u16(address.as_bytes());
    }
}

fn addresses_from(input: &mut Reader<'_>) -> Result<Vec<Address>, DecodeError> {
    let count = u64::from(input.u16()?);
    let count = input.count("addresses", count, ADDRESS_LIMIT, 2)?;
    (0..count).map(|_| Address::from_bytes(input.bytes_u16("address", ADDRESS_LEN_LIMIT)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn myself_of_an_earlier_home_opens_with_what_was_added_later_at_its_default() {
        let me = Me {
            name: "Alice".to_owned(),
            about: String::new(),
            window_days: 3,
            identity: vec![1],
            device: vec![2],
            addresses: Vec::new(),
            device_day: Day(4),
            last_day: Day(5),
            next_number: 6,
            strangers: 10,
        };
        let bytes = me.encode();
        assert_eq!(wire::decode::<Me>(&bytes), Ok(me.clone()));
        // name ‖ about ‖ window ‖ identity ‖ device ‖ no address ‖ two days ‖ next number, as first written.
        let first = [&[0, 5][..], b"Alice", &[0, 0, 0, 0, 0, 3, 0, 1, 1, 0, 1, 2, 0, 0]].concat();
        let first = [&first[..], &[0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6]].concat();
        assert_eq!(wire::decode::<Me>(&first), Ok(Me { strangers: 0, ..me }));
    }
}
