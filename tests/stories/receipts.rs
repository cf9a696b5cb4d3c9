//! Receipts: the author learns from whom a withdrawn moment is gone, and nobody else does.

use tidings::ask::{PhotoDraft, PostDraft, SealedBlob};
use tidings::crypto::BlobKey;
use tidings::id::{BlobId, EntryId, EpochId};
use tidings::limits::RECEIPT_LIMIT;
use tidings::link::Protocol;
use tidings::mail::{EntryRef, Frame, Item};
use tidings::moment::Class;
use tidings::store::Tree;
use tidings::view::{Happening, Who as Stand};

use super::people::{circle, everyone, except};
use super::world::{Who, World};

impl World {
    fn stand(&mut self, who: Who, id: &EntryId) -> Stand {
        let word = id.to_string();
        self.ask(who, |service| service.who(&word)).expect("it is mine")
    }

    /// The state of a moment with somebody.
    fn state(&mut self, who: Who, id: &EntryId, with: &str) -> &'static str {
        let stand = self.stand(who, id);
        stand.people.iter().find(|one| one.name == with).expect("may read it").state
    }
}

/// A moment's place, as its author's node has it.
fn place(world: &mut World, who: Who, id: &EntryId) -> EntryRef {
    let log = world.all(who, Tree::Log, &[]);
    let key = &log.iter().find(|(key, _)| key.ends_with(id.as_bytes())).expect("known").0;
    EntryRef {
        epoch: EpochId::try_from(&key[..16]).expect("an epoch"),
        seq: u64::from_be_bytes(key[16..24].try_into().expect("a number")),
        entry: *id,
    }
}

#[test]
fn the_author_learns_where_a_withdrawn_moment_is_gone_as_it_happens() {
    let mut world = circle(820, &["Alice", "Bob", "Carol"]);
    let id = world.post(0, "oops", everyone()).id;
    world.run(1_000);
    assert_eq!((world.state(0, &id, "Bob"), world.stand(0, &id).withdrawn), ("have", false));
    world.delete(0, "oops");
    assert_eq!(world.state(0, &id, "Bob"), "have", "nobody has said yet that it is gone");
    world.run(2_000);
    for name in ["Bob", "Carol"] {
        assert_eq!(world.state(0, &id, name), "withdrawn");
    }
    let told: Vec<usize> = world
        .happenings(0)
        .filter_map(|what| match what {
            Happening::Delivery { id: of, delivery } if *of == id => delivery.withdrawn,
            _ => None,
        })
        .collect();
    assert_eq!(told, [1, 2]);
    // What was said is settled: nothing of it is owed or kept by those who said it.
    for who in [1, 2] {
        assert_eq!(world.records(who, Tree::State, b"y"), 0);
    }
    assert_eq!(world.records(1, Tree::State, b"z"), 0, "Bob hears nothing of Carol");
    world.stop(0);
    world.start(0);
    assert_eq!(world.state(0, &id, "Bob"), "withdrawn", "also after a restart, by a prefix of its id");
}

#[test]
fn a_friend_who_was_away_confirms_when_they_come_back_and_says_nothing_before() {
    let mut world = circle(821, &["Alice", "Bob", "Carol"]);
    let id = world.post(0, "oops", everyone()).id;
    world.run(1_000);
    world.stop(1);
    world.run(1_000);
    world.delete(0, "oops");
    world.run(5_000);
    assert_eq!((world.state(0, &id, "Bob"), world.state(0, &id, "Carol")), ("have", "withdrawn"));
    let bob = world.stand(0, &id).people.into_iter().find(|one| one.name == "Bob").expect("Bob");
    assert!(bob.last_seen.is_some(), "the author can say since when Bob has not been met");
    world.start(1);
    world.run(5_000);
    assert!(!world.sees(1, "oops"));
    assert_eq!(world.state(0, &id, "Bob"), "withdrawn");
}

#[test]
fn who_never_had_the_moment_and_holds_its_withdrawal_confirms_too() {
    let mut world = circle(822, &["Alice", "Bob", "Carol"]);
    world.stop(1);
    world.run(1_000);
    let id = world.post(0, "oops", everyone()).id;
    world.delete(0, "oops");
    world.run(2_000);
    assert_ne!(world.state(0, &id, "Bob"), "withdrawn");
    world.start(1);
    world.run(5_000);
    assert_eq!(world.state(0, &id, "Bob"), "withdrawn");
}

#[test]
fn a_receipt_reaches_an_author_who_was_away_through_a_friend_who_reads_the_same() {
    let mut world = circle(823, &["Alice", "Bob", "Carol"]);
    let id = world.post(0, "oops", everyone()).id;
    world.run(1_000);
    world.stop(1);
    world.run(1_000);
    world.delete(0, "oops");
    world.run(5_000);
    world.stop(0);
    world.start(1);
    world.run(30_000);
    assert!(!world.sees(1, "oops"), "Carol brought the withdrawal");
    assert_eq!(world.records(1, Tree::State, b"y"), 1, "Bob owes Alice a receipt");
    world.stop(1);
    world.start(0);
    world.run(30_000);
    assert_eq!(world.state(0, &id, "Bob"), "withdrawn", "Carol brought the receipt");
}

#[test]
fn a_receipt_counts_only_for_what_was_withdrawn_and_by_whom_could_read_it() {
    let mut world = circle(824, &["Alice", "Bob", "Eve"]);
    let kept = world.post(0, "kept", everyone()).id;
    let hidden = world.post(0, "not Eve", except(&["Eve"])).id;
    world.run(1_000);
    world.stop(1);
    world.run(1_000);
    world.delete(0, "not Eve");
    world.run(1_000);
    let (kept_at, hidden_at) = (place(&mut world, 0, &kept), place(&mut world, 0, &hidden));
    let unknown = EntryRef { entry: EntryId::from_bytes([7; 32]), ..kept_at };
    let elsewhere = EntryRef { epoch: EpochId::from_bytes([7; 16]), ..kept_at };
    let lies = Item::DeletionReceipt([kept_at, hidden_at, unknown, elsewhere].into());
    assert!(world.hand_over(2, 0, &[lies]));
    assert_eq!(world.records(0, Tree::State, b"z"), 0, "none of them counts");
    assert_eq!(world.state(0, &hidden, "Bob"), "have");
    assert_eq!(world.state(0, &kept, "Eve"), "have");
}

#[test]
fn what_one_author_makes_a_node_owe_is_bounded() {
    let mut world = circle(825, &["Mallory", "Bob"]);
    world.post(0, "bait", everyone());
    world.run(1_000);
    let epoch = world.own_epoch(0, Class::Posts).id;
    let places = |from: usize| {
        let places = (from..from + 400).map(|n| {
            let mut id = [9; 32];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            EntryRef { epoch, seq: 10_000 + n as u64, entry: EntryId::from_bytes(id) }
        });
        Item::Tombstones(places.collect())
    };
    for part in 0..3 {
        let envelope = world.parcel(0, 1, &[places(part * 400)]);
        assert!(world.inject(0, 1, Protocol::Mail, Frame::Deliver(envelope).encode()));
    }
    // They arrive together, before any answer of Mallory's.
    world.run(6);
    assert_eq!(world.records(1, Tree::State, b"y"), RECEIPT_LIMIT);
    world.run(10_000);
    assert_eq!(world.records(1, Tree::State, b"y"), 0, "all of them were taken");
}

#[test]
fn a_receipt_survives_a_crash_at_any_step() {
    for fuse in 0..8 {
        for kept in [0, 1] {
            let mut world = circle(826 + fuse, &["Alice", "Bob"]);
            let id = world.post(0, "oops", everyone()).id;
            world.run(1_000);
            world.fuse.insert(1, (fuse, kept));
            world.delete(0, "oops");
            world.run(3_000);
            world.fuse.clear();
            if world.nodes[1].service.is_none() {
                world.start(1);
            }
            world.run(30_000);
            assert!(!world.sees(1, "oops"), "fuse {fuse}, kept {kept}");
            assert_eq!(world.state(0, &id, "Bob"), "withdrawn", "fuse {fuse}, kept {kept}");
        }
    }
}

#[test]
fn a_picture_whose_removal_a_power_cut_forestalled_goes_at_the_next_start() {
    let mut world = circle(841, &["Alice", "Bob"]);
    let (picture, preview) = (BlobId::from_bytes([7; 32]), BlobId::from_bytes([8; 32]));
    let sealed = |id, plain_bytes| SealedBlob {
        id,
        key: BlobKey::from_bytes([7; 32]),
        plain_hash: [7; 32],
        plain_bytes,
    };
    world.nodes[0].blobs.extend([picture, preview]);
    let photo = PhotoDraft {
        picture: sealed(picture, 30_000),
        preview: sealed(preview, 1_000),
        mime: "image/jpeg".into(),
        width: 4,
        height: 3,
        thumbhash: vec![1],
        alt: None,
    };
    let draft = PostDraft { text: "oops".into(), photos: vec![photo], ..PostDraft::default() };
    world.ask(0, |service| service.post(draft)).expect("shared");
    world.run(2_000);
    assert_eq!(world.nodes[1].blobs.len(), 2);
    world.delete(0, "oops");
    world.run(2_000);
    for who in [0, 1] {
        assert!(world.nodes[who].blobs.is_empty());
        // The step stood, and the power went before the files did.
        world.stop(who);
        world.nodes[who].blobs.extend([picture, preview]);
        world.start(who);
        assert!(world.nodes[who].blobs.is_empty(), "{who}");
        assert_eq!(world.records(who, Tree::Blobs, &[]), 0, "nothing is left of it");
    }
}

#[test]
fn who_carries_a_moment_to_whom_is_known_after_a_restart() {
    let mut world = circle(840, &["Alice", "Carol", "Dave"]);
    world.stop(2);
    world.run(2_000);
    world.tag(0, "two", &["Carol", "Dave"]);
    let id = world.post(0, "new rule", super::people::only(&["two"])).id;
    world.run(2_000);
    world.stop(0);
    world.stop(1);
    world.start(0);
    world.run(2_000);
    let dave = world.stand(0, &id).people.into_iter().find(|one| one.name == "Dave").expect("Dave");
    let by: Vec<&str> = dave.by.iter().map(|person| person.name.as_str()).collect();
    assert_eq!((dave.state, by), ("carried", vec!["Carol"]));
    world.start(1);
    world.start(2);
    world.run(20_000);
    assert_eq!(world.state(0, &id, "Dave"), "have");
    // The key has arrived: nobody carries it any more, on the disk either.
    let carried = world.all(0, Tree::Owed, &[]).into_iter().filter(|(key, _)| key[32] == b'c').count();
    assert_eq!(carried, 0);
}
