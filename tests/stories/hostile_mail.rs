//! Parcels of friends whose program is not ours: what they may leave behind, and what they may learn.

use std::collections::{BTreeMap, BTreeSet};

use tidings::crypto::{ContentKey, EpochSecret, SigningKey, keys};
use tidings::id::{EntryId, EpochId, UserId};
use tidings::limits::{AWAITED_LIMIT, OPEN_EPOCH_LIMIT};
use tidings::link::Protocol;
use tidings::mail::{
    Cause, Class, ClosedEpoch, EntryRef, EpochCloses, EpochKeys, Frame, Grants, Item, Relay, sign_claim,
};
use tidings::service::state::EpochRecord;
use tidings::store::Tree;
use tidings::time::Day;
use tidings::wire;

use super::people::{circle, everyone, strangers};
use super::world::{Who, World};

/// An epoch that somebody made up.
struct MadeUp {
    key: SigningKey,
    number: u8,
    author: UserId,
}

impl MadeUp {
    fn new(world: &World, author: Who, number: u8) -> Self {
        Self { key: SigningKey::from_seed(&[number; 32]), number, author: world.nodes[author].user() }
    }

    fn id(&self) -> EpochId {
        keys::epoch_id(self.key.public().as_bytes())
    }

    fn secret(&self) -> EpochSecret {
        EpochSecret::from_bytes([self.number; 32])
    }

    fn keys(&self) -> Item {
        let commit = keys::es_commit(&self.secret());
        Item::EpochKeys(EpochKeys {
            epoch_pub: self.key.public(),
            secret: self.secret(),
            claim: sign_claim(&self.key, &self.author, &commit),
            opened_day: Day(20_000),
            class: Class::Posts,
            relay: Relay::Members,
        })
    }

    fn grants(&self, entries: impl Iterator<Item = (u64, EntryId)>) -> Item {
        let commit = keys::es_commit(&self.secret());
        Item::Grants(Grants {
            epoch_pub: self.key.public(),
            es_commit: commit,
            claim: sign_claim(&self.key, &self.author, &commit),
            keys: entries.map(|place| (place, ContentKey::from_bytes([0xbb; 32]))).collect(),
        })
    }

    fn ends(&self, world: &World, who: Who) -> Item {
        let device = world.nodes[who].keyring.device_id();
        let epochs = BTreeMap::from([(self.id(), ClosedEpoch { last_seq: 0, sum: [0; 32] })]);
        Item::EpochCloses(EpochCloses { cause: Cause::Done, device, epochs })
    }

    /// As somebody has it.
    fn record(&self, world: &mut World, who: Who) -> EpochRecord {
        let key = [b"e", &self.id().as_bytes()[..]].concat();
        let bytes = world.service(who).store().get(Tree::State, &key).expect("memory").expect("known");
        wire::decode(&bytes).expect("an epoch")
    }
}

fn entry(number: u64) -> EntryId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    EntryId::from_bytes(bytes)
}

#[test]
fn a_friend_cannot_overwrite_a_key_that_another_granted() {
    let mut world = strangers(150, &["Alice", "Bob", "Mallory", "Dave"]);
    for (a, b) in [(0, 2), (1, 2), (0, 3)] {
        world.befriend(a, b);
    }
    let moment = world.post(0, "before Bob came", everyone());
    world.run(1_000);
    // Whoever leaves closes the epoch: what is in it reaches a newcomer by grants.
    world.ask(0, |service| service.remove_friend("Dave")).expect("removed");
    world.befriend(0, 1);
    world.run(5_000);
    assert!(world.sees(1, "before Bob came"));
    assert!(world.records(1, Tree::Keys, &[]) > 0, "it was granted to Bob singly");
    let made_up = MadeUp::new(&world, 2, 1);
    let id = moment.id.to_string().parse().expect("an id");
    for seq in 0..4 {
        world.hand_over(2, 1, &[made_up.grants([(seq, id)].into_iter())]);
    }
    assert!(world.sees(1, "before Bob came"));
}

#[test]
fn grants_without_end_are_not_waited_for() {
    let mut world = circle(151, &["Alice", "Mallory"]);
    let before = world.records(0, Tree::Keys, &[]);
    let made_up = MadeUp::new(&world, 1, 1);
    for page in 0..AWAITED_LIMIT as u64 / 400 {
        let item = made_up.grants((page * 400..(page + 1) * 400).map(|n| (n, entry(n))));
        assert!(world.hand_over(1, 0, &[item]), "page {page}");
    }
    let n = AWAITED_LIMIT as u64;
    assert!(!world.hand_over(1, 0, &[made_up.grants([(n, entry(n))].into_iter())]), "one too many");
    // The same id in another epoch is no way around.
    let other = MadeUp::new(&world, 1, 2);
    world.hand_over(1, 0, &[other.grants([(0, entry(0))].into_iter())]);
    assert_eq!(world.records(0, Tree::Keys, &[]), before + AWAITED_LIMIT);
}

#[test]
fn nobody_learns_by_a_parcel_who_is_whose_friend() {
    let mut world = strangers(152, &["Alice", "Bob", "Mallory"]);
    world.befriend(0, 1);
    world.befriend(0, 2);
    world.run(25_000);
    let mut envelope = world.parcel(2, 0, &[]);
    envelope.to_root = world.nodes[1].user();
    let before = world.nodes[2].received.len();
    assert!(world.inject(2, 0, Protocol::Mail, Frame::Put(envelope).encode()));
    world.run(1_000);
    let answers: Vec<_> = world.nodes[2].received[before..].iter().map(|received| received.kind).collect();
    assert!(answers.contains(&"Full") && !answers.contains(&"Kept"), "{answers:?}");
}

#[test]
fn keys_that_were_refused_stay_owed_and_an_end_makes_room_whatever_the_order() {
    let mut world = circle(153, &["Alice", "Mallory"]);
    let made_up: Vec<MadeUp> = (0..=OPEN_EPOCH_LIMIT as u8).map(|n| MadeUp::new(&world, 1, n)).collect();
    let taken: Vec<bool> = made_up.iter().map(|epoch| world.hand_over(1, 0, &[epoch.keys()])).collect();
    let room = taken.iter().filter(|taken| **taken).count();
    assert!(room < OPEN_EPOCH_LIMIT && taken[..room].iter().all(|taken| *taken), "{taken:?}");
    let (first, last) = (&made_up[0], &made_up[OPEN_EPOCH_LIMIT]);
    let ends = first.ends(&world, 1);
    assert!(world.hand_over(1, 0, &[last.keys(), ends]));
    assert!(first.record(&mut world, 0).closed.is_some());
    assert!(last.record(&mut world, 0).closed.is_none());
    // What ends in the same parcel takes no room.
    let over = &made_up[room];
    let ends = over.ends(&world, 1);
    assert!(world.hand_over(1, 0, &[over.keys(), ends]));
    assert!(over.record(&mut world, 0).closed.is_some());
}

#[test]
fn an_epoch_known_by_a_grant_opens_when_its_keys_come() {
    let mut world = circle(154, &["Alice", "Mallory"]);
    let (open, over) = (MadeUp::new(&world, 1, 1), MadeUp::new(&world, 1, 2));
    for epoch in [&open, &over] {
        assert!(world.hand_over(1, 0, &[epoch.grants([(0, entry(epoch.number.into()))].into_iter())]));
    }
    let ends = over.ends(&world, 1);
    assert!(world.hand_over(1, 0, &[ends]));
    for epoch in [&open, &over] {
        assert!(world.hand_over(1, 0, &[epoch.keys()]));
        let record = epoch.record(&mut world, 0);
        assert!(record.secret.is_some() && !record.author_only);
        assert_eq!(record.closed.is_some(), epoch.number == 2);
    }
}

#[test]
fn a_withdrawal_takes_the_granted_key_along() {
    let mut world = circle(155, &["Alice", "Mallory"]);
    let keys = world.records(0, Tree::Keys, &[]);
    let waits = world.records(0, Tree::State, b"q");
    let made_up = MadeUp::new(&world, 1, 1);
    let grants = made_up.grants([(0, entry(7))].into_iter());
    assert!(world.hand_over(1, 0, std::slice::from_ref(&grants)));
    assert_eq!(world.records(0, Tree::Keys, &[]), keys + 1);
    assert_eq!(world.records(0, Tree::State, b"q"), waits + 1);
    let place = EntryRef { epoch: made_up.id(), seq: 0, entry: entry(7) };
    assert!(world.hand_over(1, 0, &[Item::Tombstones(BTreeSet::from([place]))]));
    // Granted again it is not waited for again.
    assert!(world.hand_over(1, 0, &[grants]));
    assert_eq!(world.records(0, Tree::Keys, &[]), keys);
    assert_eq!(world.records(0, Tree::State, b"q"), waits);
}

#[test]
fn a_parcel_that_may_open_later_stays_with_its_courier() {
    let mut world = circle(156, &["Alice", "Carol", "Dave"]);
    world.stop(2);
    world.run(2_000);
    world.tag(0, "two", &["Carol", "Dave"]);
    world.post(0, "for two", super::people::only(&["two"]));
    world.run(2_000);
    let held = world.records(1, Tree::Mail, &[]);
    assert!(held > 0, "Carol holds parcels for Dave");
    world.stop(0);
    // Dave's clock says that the parcels are over.
    world.nodes[2].ahead_ms = 40 * tidings::time::DAY_MS;
    world.start(2);
    world.run(5_000);
    assert!(!world.sees(2, "for two"));
    assert!(world.records(1, Tree::Mail, &[]) >= held);
    world.stop(2);
    world.nodes[2].ahead_ms = 0;
    world.start(2);
    world.run(5_000);
    assert!(world.sees(2, "for two"));
}

#[test]
fn two_who_meet_only_through_a_courier_do_not_acknowledge_for_ever() {
    let mut world = circle(157, &["Alice", "Carol", "Dave"]);
    world.partition(0, 2);
    world.run(2_000);
    world.tag(0, "two", &["Carol", "Dave"]);
    world.post(0, "for two", super::people::only(&["two"]));
    world.run(30_000);
    assert!(world.sees(2, "for two"));
    let before = world.nodes[1].received.len();
    world.run(60_000);
    let puts = world.nodes[1].received[before..].iter().filter(|received| received.kind == "Put").count();
    assert_eq!(puts, 0, "the last word was said");
}
