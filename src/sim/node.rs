//! One simulated person: keys, a home with friends in it, and the service while it runs.
//!
//! Befriending by protocol is not what is measured, so a home begins with the records that pairing leaves behind:
//! friends with their records and the key they share, and two tags. Everything after that is the real machine's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::Who;
use super::rhythm::Rhythm;
use super::store::Shared;
use crate::audience::{List, Op, TagId, Verb};
use crate::crypto::{Entropy, PairKey};
use crate::id::NodeId;
use crate::identity::{
    DeviceFlags, DeviceRecord, IdentityRecord, Keyring, KnownIdentity, Verified, next_seq,
};
use crate::link::{Address, StreamId};
use crate::service::state::{Friend, Me, OpRecord, TagRecord};
use crate::service::{SecondBook, Service};
use crate::store::{Batch, Reservations, Store, StoreError, Tree};
use crate::time::Timestamp;
use crate::wire::Encode;

/// The tag of those whom some moments are for.
pub(super) const CLOSE: &str = "close";
/// The tag of those whom some moments are not for.
pub(super) const WORK: &str = "work";

/// The second book, in memory; it survives crashes as a file does.
#[derive(Debug, Clone, Default)]
pub(super) struct Book(Arc<Mutex<Option<Reservations>>>);

impl Book {
    pub(super) fn read(&self) -> Option<Reservations> {
        self.0.lock().expect("one thread").clone()
    }
}

impl SecondBook for Book {
    fn write(&mut self, reservations: &Reservations) -> Result<(), StoreError> {
        *self.0.lock().expect("one thread") = Some(reservations.clone());
        Ok(())
    }
}

/// One person.
pub(super) struct Node {
    pub(super) keyring: Keyring,
    pub(super) id: NodeId,
    pub(super) store: Arc<Shared>,
    pub(super) book: Book,
    pub(super) service: Option<Box<Service>>,
    /// How often it was started: what was meant for an earlier run does not reach a later one.
    pub(super) starts: u32,
    /// By rhythm; faults and the quiet phases come on top.
    pub(super) should_be_online: bool,
    pub(super) rhythm: Rhythm,
    pub(super) is_liar: bool,
    /// Moments that it had when its power was cut last, and that were not on the disk.
    pub(super) lost: BTreeSet<u32>,
    /// What its clock showed last.
    pub(super) clock: Timestamp,
    /// Milliseconds it is ahead.
    pub(super) ahead_ms: u64,
    pub(super) friends: Vec<Who>,
    pub(super) close: BTreeSet<Who>,
    pub(super) work: BTreeSet<Who>,
    // What the network shell of this run knows.
    pub(super) admitted: BTreeSet<NodeId>,
    pub(super) links: BTreeMap<Who, u64>,
    pub(super) streams: BTreeMap<StreamId, (u64, usize)>,
    pub(super) next_stream: u64,
    /// The time for which a wake-up stands in the queue.
    pub(super) wake_at: u64,
    /// Whether it will be asked for the next one anyhow.
    pub(super) alarm_asked: bool,
    /// Bytes of frames received and sent since counting began.
    pub(super) received: u64,
    pub(super) sent: u64,
    /// Entries that ever arrived here, by the beginnings of their ids.
    pub(super) had: BTreeSet<u64>,
}

impl Node {
    pub(super) fn entitled(&self, audience: Audience) -> BTreeSet<Who> {
        match audience {
            Audience::Everyone => self.friends.iter().copied().collect(),
            Audience::Only => self.close.clone(),
            Audience::Except => self.friends.iter().copied().filter(|who| !self.work.contains(who)).collect(),
        }
    }
}

/// Whom a moment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Everyone,
    Only,
    Except,
}

/// What others keep of a person.
pub(super) struct Card {
    pub(super) keyring: Keyring,
    pub(super) identity: Verified<IdentityRecord>,
    pub(super) device: Verified<DeviceRecord>,
}

impl Card {
    pub(super) fn draw(who: Who, now: Timestamp, entropy: &mut Entropy) -> Self {
        let created = Keyring::create(entropy, now);
        let (flags, addresses) = (DeviceFlags::new(false, true), vec![address(who)]);
        let device =
            created.keyring.device_record(next_seq(None, now), now.day(), flags, addresses, Vec::new());
        Self { keyring: created.keyring, identity: created.identity, device }
    }

    /// What the person keeps of themselves at first. No address is told yet: the first start does that, and opens the
    /// person's `~contact` with it.
    pub(super) fn me(&self, who: Who, now: Timestamp) -> Me {
        Me {
            name: format!("p{who}"),
            about: String::new(),
            window_days: 0,
            identity: self.identity.as_bytes().to_vec(),
            device: self.device.as_bytes().to_vec(),
            addresses: Vec::new(),
            device_day: now.day(),
            last_day: now.day(),
            next_number: 3,
            strangers: 0,
        }
    }

    fn friend(&self, pair_key: PairKey, now: Timestamp) -> Friend {
        Friend {
            user: self.keyring.user(),
            name: String::new(),
            own_name: "friend".to_owned(),
            about: String::new(),
            note: String::new(),
            profile_at: Timestamp::ZERO,
            window_days: 0,
            since: now,
            verified: false,
            safety: [0; 32],
            pair_key,
            psk_gen: 1,
            identity: KnownIdentity::new(self.identity.clone()),
            devices: BTreeMap::from([(self.device.device(), self.device.clone())]),
            last_address: None,
            last_seen: None,
            seen_as: None,
            hide_theirs: false,
        }
    }
}

/// Two friends' key, the same from either side.
fn pair_key(seed: u64, a: Who, b: Who) -> PairKey {
    let (low, high) = (a.min(b) as u64, a.max(b) as u64);
    let bytes = [&seed.to_be_bytes()[..], &low.to_be_bytes(), &high.to_be_bytes()].concat();
    PairKey::from_bytes(crate::crypto::hash(&bytes))
}

/// Writes friends and tags into a new home.
pub(super) fn furnish(store: &dyn Store, seed: u64, who: Who, node: &Node, cards: &[Card], now: Timestamp) {
    let mut batch = Batch::new();
    let mut ops = Vec::new();
    for other in &node.friends {
        let friend = cards[*other].friend(pair_key(seed, who, *other), now);
        let user = friend.user;
        batch.insert(Tree::State, [b"f", &user.as_bytes()[..]].concat(), friend.encode());
        ops.push(Op { list: List::Friends, user, verb: Verb::Add });
        for (tag, members) in [(1, &node.close), (2, &node.work)] {
            if members.contains(other) {
                ops.push(Op { list: List::Tag(TagId(tag)), user, verb: Verb::Add });
            }
        }
    }
    for (tag, name) in [(1u32, CLOSE), (2, WORK)] {
        let record = TagRecord { name: name.to_owned() };
        batch.insert(Tree::State, [&b"t"[..], &tag.to_be_bytes()].concat(), record.encode());
    }
    for (number, op) in (0u64..).zip(ops) {
        batch.insert(Tree::State, [&b"o"[..], &number.to_be_bytes()].concat(), OpRecord(op).encode());
    }
    store.apply(batch).and_then(|()| store.barrier()).expect("memory takes a home");
}

/// Where a person is reached: `/ip4/A.B.C.D/tcp/1` with their number in it.
pub(super) fn address(who: Who) -> Address {
    let number = (who as u32).to_be_bytes();
    // Never 127: that would be the machine itself.
    let bytes = [4, 200, number[1], number[2], number[3], 6, 0, 1];
    Address::from_bytes(&bytes).expect("short")
}

/// Who is reached at an address.
pub(super) fn who_at(address: &Address) -> Option<Who> {
    let bytes: [u8; 8] = address.as_bytes().try_into().ok()?;
    (bytes[..2] == [4, 200]).then(|| u32::from_be_bytes([0, bytes[2], bytes[3], bytes[4]]) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_person() {
        for who in [0, 1, 255, 256, 70_000] {
            assert_eq!(who_at(&address(who)), Some(who));
        }
    }
}
