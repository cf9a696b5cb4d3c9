//! Ids and keys that are not one's own: a friend knows the ids of what they may read, and the keys. Whatever they say
//! about them in epochs of their own changes nothing of others' moments.

use std::collections::{BTreeMap, BTreeSet};

use tidings::crypto::{ContentKey, Entropy, EpochSecret, Nonce, SigningKey, VerifyingKey, hash, keys, seal};
use tidings::entry::{Entry, Unverified, Verified};
use tidings::id::{EntryId, EpochId};
use tidings::limits::{AUTHOR_ENTRY_LIMIT, CLOSED_EPOCH_LIMIT, SCOPE_LIMIT};
use tidings::mail::{
    self, Cause, ClosedEpoch, EntryRef, EpochCloses, EpochKeys, Grants, Item, Relay, sign_claim,
};
use tidings::moment::{Body, Content, Post, PrivatePart, PublicPart, PublicValues};
use tidings::store::Tree;
use tidings::time::{ClaimedTime, Day};

use super::people::{circle, everyone, strangers};
use super::world::{Who, World};

/// An epoch that somebody makes up, and everything about it.
struct Epoch {
    key: SigningKey,
    secret: EpochSecret,
}

impl Epoch {
    fn new(number: u32) -> Self {
        let mut seed = [7; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        Self { key: SigningKey::from_seed(&seed), secret: EpochSecret::from_bytes(seed) }
    }

    fn public(&self) -> VerifyingKey {
        self.key.public()
    }

    fn id(&self) -> EpochId {
        keys::epoch_id(self.public().as_bytes())
    }

    fn keys(&self, world: &World, author: Who, class: mail::Class) -> Item {
        let commit = keys::es_commit(&self.secret);
        Item::EpochKeys(EpochKeys {
            epoch_pub: self.public(),
            secret: self.secret.clone(),
            claim: sign_claim(&self.key, &world.nodes[author].user(), &commit),
            opened_day: Day(20_000),
            class,
            relay: Relay::Members,
        })
    }

    /// One entry and a key for it that nobody derived.
    fn grant(&self, world: &World, author: Who, entry: EntryId, key: &ContentKey) -> Item {
        let commit = keys::es_commit(&self.secret);
        Item::Grants(Grants {
            epoch_pub: self.public(),
            es_commit: commit,
            claim: sign_claim(&self.key, &world.nodes[author].user(), &commit),
            keys: BTreeMap::from([((0, entry), ContentKey::from_bytes(*key.expose_bytes()))]),
        })
    }

    /// A moment sealed under whatever key, by hand.
    fn moment(&self, world: &World, key: &ContentKey, text: &str) -> Entry<Verified> {
        let public = PublicPart::new(&PublicValues { text: text.to_owned(), ..PublicValues::default() });
        let post = Post { public: public.expect("fits"), private: PrivatePart::default() };
        let created = ClaimedTime::from_millis(world.now.as_millis());
        let content = Content { created, body: Body::Post(Box::new(post)) }.encode().expect("fits");
        let mut plain = u32::try_from(content.len()).expect("short").to_be_bytes().to_vec();
        plain.extend_from_slice(&content);
        assert!(plain.len() <= 256);
        plain.resize(256, 0);
        let nonce = Nonce::random(&mut Entropy::from_number(5));
        let head = [
            &[1, 1][..],
            self.id().as_bytes(),
            &0u64.to_be_bytes(),
            &0u32.to_be_bytes(),
            &272u32.to_be_bytes(),
            nonce.as_bytes(),
            &keys::commit(key),
        ]
        .concat();
        let body = seal(key.expose_bytes(), &nonce, &head, &plain);
        let signed = [&head[..], &hash(&body)].concat();
        let signature = self.key.sign(tidings::crypto::Domain::Entry, &signed);
        let header = [&signed[..], signature.as_bytes()].concat();
        let entry = Entry::<Unverified>::from_parts(&header, body).expect("an entry");
        entry.verify(&self.public()).expect("signed")
    }
}

/// `from` shows `to` a moment sealed under the key of another's.
fn show_copy(world: &mut World, from: Who, to: Who, key: &ContentKey, text: &str) {
    let epoch = Epoch::new(1);
    let copy = epoch.moment(world, key, text);
    let grant = epoch.grant(world, from, copy.id(), key);
    assert!(world.hand_over(from, to, &[grant]));
    world.send_entry(from, to, copy);
    assert!(world.sees(to, text), "it is a moment like any other");
}

#[test]
fn nobody_draws_anothers_thread_beneath_a_moment_of_theirs() {
    let mut world = circle(400, &["Alice", "Bob", "Mallory", "Carol"]);
    let moment = world.post(0, "a hill", everyone());
    world.run(2_000);
    world.comment(3, "a hill", "green");
    world.run(2_000);
    let key = world.key_of(2, &moment.id);
    show_copy(&mut world, 2, 1, &key, "mine");
    world.comment(3, "a hill", "steep");
    world.like(3, "a hill");
    world.run(2_000);
    world.comment(1, "a hill", "far");
    world.run(2_000);
    assert_eq!(world.comments(1, "a hill"), ["green", "steep", "far"]);
    assert_eq!(world.likes(1, "a hill"), ["Carol"]);
    assert!(world.comments(1, "mine").is_empty() && world.likes(1, "mine").is_empty());
    assert_eq!(world.comments(0, "a hill"), ["green", "steep", "far"]);
    // Nor does a restart change that.
    world.stop(1);
    world.start(1);
    world.run(2_000);
    world.comment(3, "a hill", "windy");
    world.run(2_000);
    assert_eq!(world.comments(1, "a hill"), ["green", "steep", "far", "windy"]);
    // Whoever has no moment but the copy cannot tell: what is said there stays there.
    world.delete(0, "a hill");
    world.run(2_000);
    assert!(!world.sees(1, "a hill") && world.comments(1, "mine").is_empty());
}

/// Bob is cut off from Alice, who shares a hill, and from Carol, who says that it is steep. The key of the moment is told to
/// Eve, a friend of Bob's and not of Alice's.
fn a_copy_comes_first(seed: u64) -> (World, ContentKey) {
    let mut world = strangers(seed, &["Alice", "Bob", "Carol", "Eve"]);
    for (a, b) in [(0, 1), (0, 2), (1, 2), (1, 3)] {
        world.befriend(a, b);
    }
    world.post(0, "before", everyone());
    world.run(30_000);
    world.partition(1, 0);
    world.partition(1, 2);
    let moment = world.post(0, "a hill", everyone());
    world.run(2_000);
    world.comment(2, "a hill", "steep");
    world.run(2_000);
    assert!(!world.sees(1, "a hill"));
    let key = world.key_of(0, &moment.id);
    (world, key)
}

#[test]
fn a_thread_that_a_copy_drew_first_comes_to_the_moment_whose_it_is() {
    let (mut world, key) = a_copy_comes_first(401);
    show_copy(&mut world, 3, 1, &key, "Eve's");
    world.join(1, 2);
    world.run(30_000);
    assert_eq!(world.comments(1, "a hill"), ["steep"]);
    assert!(world.comments(1, "Eve's").is_empty());
    world.join_all();
}

#[test]
fn a_thread_that_a_copy_drew_before_a_start_comes_to_the_moment_whose_it_is() {
    let (mut world, key) = a_copy_comes_first(405);
    show_copy(&mut world, 3, 1, &key, "Eve's");
    world.join(1, 2);
    // What is said comes before moments.
    for _ in 0..30_000 {
        world.run(1);
        if !world.comments(1, "Eve's").is_empty() {
            break;
        }
    }
    assert_eq!(world.comments(1, "Eve's"), ["steep"]);
    assert!(!world.sees(1, "a hill"));
    // Whoever begins anew has compared nothing, and nobody says anything more that would have to be.
    world.stop(1);
    world.start(1);
    world.run(90_000);
    assert_eq!(world.comments(1, "a hill"), ["steep"]);
    assert!(world.comments(1, "Eve's").is_empty());
    world.join_all();
}

#[test]
fn a_withdrawal_of_what_never_was_takes_no_mark_of_anothers_moment() {
    let mut world = circle(402, &["Alice", "Bob", "Mallory"]);
    let moment = world.post(0, "a hill", everyone());
    world.run(2_000);
    let word = moment.id.to_string();
    world.ask(1, |service| service.fave(&word)).expect("a favourite");
    let epoch = Epoch::new(1);
    let place = EntryRef { epoch: epoch.id(), seq: 3, entry: moment.id };
    let keys = epoch.keys(&world, 2, mail::Class::Posts);
    assert!(world.hand_over(2, 1, &[keys, Item::Tombstones(BTreeSet::from([place]))]));
    let faves = |world: &mut World| world.service(1).faves(&tidings::ask::FavesQuery::default());
    assert_eq!(faves(&mut world).expect("a page").moments.len(), 1);
    // Nor when what was said about it is forgotten.
    let closes = EpochCloses {
        cause: Cause::Done,
        device: world.nodes[2].keyring.device_id(),
        epochs: BTreeMap::from([(epoch.id(), ClosedEpoch { last_seq: 0, sum: [0; 32] })]),
    };
    assert!(world.hand_over(2, 1, &[Item::EpochCloses(closes)]));
    world.stop(1);
    world.start(1);
    assert_eq!(faves(&mut world).expect("a page").moments.len(), 1);
    world.run(1_000);
    world.delete(0, "a hill");
    world.run(2_000);
    assert!(faves(&mut world).expect("a page").moments.is_empty(), "its author took it away");
    assert_eq!(world.records(1, Tree::Marks, &[]), 0);
}

#[test]
fn withdrawals_that_name_a_favourite_without_end_are_not_kept_without_end() {
    let mut world = circle(403, &["Bob", "Mallory"]);
    let moment = world.post(1, "a hill", everyone());
    world.run(2_000);
    let word = moment.id.to_string();
    world.ask(0, |service| service.fave(&word)).expect("a favourite");
    let epoch = Epoch::new(1);
    let keys = epoch.keys(&world, 1, mail::Class::Posts);
    assert!(world.hand_over(1, 0, &[keys]));
    let page = 500;
    for from in (0..AUTHOR_ENTRY_LIMIT + 2 * page).step_by(500) {
        let places =
            (from..from + page).map(|seq| EntryRef { epoch: epoch.id(), seq, entry: moment.id }).collect();
        assert!(world.hand_over(1, 0, &[Item::Tombstones(places)]));
    }
    let kept = world.records(0, Tree::Log, epoch.id().as_bytes()) as u64;
    assert!(kept <= AUTHOR_ENTRY_LIMIT, "{kept} withdrawals of one id are kept");
    assert!(world.sees(0, "a hill"));
}

#[test]
fn epochs_without_end_leave_no_less_room_for_others() {
    let mut world = circle(404, &["Alice", "Bob", "Mallory"]);
    let (device, before) = (world.nodes[2].keyring.device_id(), world.epochs(1).len());
    // Each is over as it comes, so there may always be one more.
    let (page, more) = (140, SCOPE_LIMIT + 500);
    for from in (0..more).step_by(page) {
        let made: Vec<Epoch> = (from..from + page).map(|number| Epoch::new(number as u32)).collect();
        let ends = made.iter().map(|epoch| (epoch.id(), ClosedEpoch { last_seq: 0, sum: [0; 32] }));
        let ends = EpochCloses { cause: Cause::Done, device, epochs: ends.collect() };
        let keys = made.iter().map(|epoch| epoch.keys(&world, 2, mail::Class::Contact));
        let items: Vec<Item> = keys.chain([Item::EpochCloses(ends)]).collect();
        assert!(world.hand_over(2, 1, &items), "from {from}");
    }
    assert!(world.epochs(1).len() <= before + CLOSED_EPOCH_LIMIT + 64);
    // What Alice shares with some goes to Bob at once, as if nothing were.
    world.post(0, "for Bob", super::people::only(&["Bob"]));
    world.run(2_000);
    assert!(world.sees(1, "for Bob"));
}
