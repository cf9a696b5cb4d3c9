//! Friends who go and come back: removed, blocked, paired again; and one whose node does not let go.

use std::collections::BTreeSet;

use tidings::entry::{Entry, HEADER_LEN, Header};
use tidings::id::EntryId;
use tidings::link::Protocol;
use tidings::mail;
use tidings::service::Redeeming;
use tidings::service::state::{EpochRecord, Friend};
use tidings::store::{Direction, KeyRange, Tree};
use tidings::wire::Encode;
use tidings::{crypto, pair, sync, wire};

use super::people::{circle, everyone, strangers};
use super::world::{Who, World};

/// All records of a tree.
fn all(world: &mut World, who: Who, tree: Tree, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let store = world.service(who).store();
    let (mut found, mut rest) = (Vec::new(), Some(KeyRange::prefix(prefix)));
    while let Some(range) = rest {
        let page = store.scan(tree, range, Direction::Forward, 1_000).expect("memory");
        found.extend(page.records);
        rest = page.next;
    }
    found
}

fn generation(world: &mut World, who: Who, of: Who) -> u32 {
    let user = world.nodes[of].user();
    let store = world.service(who).store();
    let bytes =
        store.get(Tree::State, &[b"f", &user.as_bytes()[..]].concat()).expect("memory").expect("a friend");
    wire::decode::<Friend>(&bytes).expect("a friend").psk_gen
}

/// Alice and Bob with moments, likes, comments and replies of both, Carol as a friend of both.
fn history(seed: u64) -> World {
    let mut world = circle(seed, &["Alice", "Bob", "Carol"]);
    for (who, text) in [(0, "Alice's"), (1, "Bob's"), (2, "Carol's")] {
        world.post(who, text, everyone());
        world.run(1_000);
    }
    world.like(1, "Alice's");
    world.comment(1, "Alice's", "Bob says");
    world.comment(1, "Carol's", "Bob says to Carol");
    world.run(2_000);
    world.reply(0, "Alice's", "Bob says", "Alice replies");
    world.like(0, "Bob's");
    world.run(2_000);
    world
}

#[test]
fn whom_i_unfriend_leaves_my_view_notices_nothing_and_is_back_after_pairing_again() {
    let mut world = history(700);
    let bobs_view = world.moments(1);
    let carols_view = world.moments(2);
    world.unfriend(0, "Bob");
    world.run(3_000);
    assert_eq!(world.texts(0), ["Carol's", "Alice's"]);
    assert!(world.likes(0, "Alice's").is_empty(), "their like leaves my view");
    assert_eq!(world.comments(0, "Alice's"), ["Alice replies"], "my reply stays");
    assert!(world.comments(0, "Carol's").is_empty(), "what they say elsewhere leaves my view too");
    assert_eq!(world.moments(1), bobs_view, "nothing changes for them");
    assert!(world.service(1).friends().iter().any(|friend| friend.name == "Alice"));
    assert_eq!(world.moments(2), carols_view, "nor for a friend of both");
    // Apart.
    world.post(0, "Alice apart", everyone());
    world.post(1, "Bob apart", everyone());
    world.comment(0, "Carol's", "Alice says apart");
    world.like(1, "Carol's");
    world.run(700_000);
    assert!(!world.sees(0, "Bob apart") && !world.sees(1, "Alice apart"));
    // Bob has not heard that he was removed; Alice's invite is the way back all the same.
    world.befriend_again(0, 1);
    assert_eq!(world.service(0).friends().len(), 2);
    world.run(60_000);
    let mine: BTreeSet<String> = world.texts(0).into_iter().collect();
    assert_eq!(mine, ["Carol's", "Alice's", "Bob's", "Alice apart", "Bob apart"].map(str::to_owned).into());
    assert_eq!(world.likes(0, "Alice's"), ["Bob"]);
    assert_eq!(world.comments(0, "Alice's"), ["Bob says", "Alice replies"]);
    assert_eq!(world.likes(0, "Bob's"), ["Alice"]);
    assert_eq!(world.comments(0, "Carol's"), ["Bob says to Carol", "Alice says apart"]);
    assert_eq!(world.likes(0, "Carol's"), ["Bob"]);
    assert!(
        world.sees(1, "Alice's") && !world.sees(1, "Alice apart"),
        "what was written apart is not granted"
    );
    assert_eq!(world.comments(1, "Alice's"), ["Bob says", "Alice replies"]);
    assert_eq!(world.comments(1, "Carol's"), ["Bob says to Carol"]);
    for (who, of) in [(0, 1), (1, 0)] {
        assert_eq!(generation(&mut world, who, of), 2, "the second pairing");
    }
    world.post(0, "Alice again", everyone());
    world.post(1, "Bob again", everyone());
    world.comment(1, "Alice's", "Bob says again");
    world.run(5_000);
    assert!(world.sees(1, "Alice again") && world.sees(0, "Bob again"));
    assert_eq!(world.comments(0, "Alice's"), ["Bob says", "Alice replies", "Bob says again"]);
}

#[test]
fn two_who_have_removed_each_other_find_everything_again() {
    let mut world = history(701);
    world.unfriend(0, "Bob");
    world.unfriend(1, "Alice");
    world.run(5_000);
    assert_eq!(world.texts(1), ["Carol's", "Bob's"]);
    assert!(world.likes(1, "Bob's").is_empty());
    world.stop(0);
    world.start(0);
    world.befriend_again(1, 0);
    world.run(30_000);
    assert_eq!(world.texts(1), ["Carol's", "Bob's", "Alice's"]);
    assert_eq!(world.likes(1, "Bob's"), ["Alice"]);
    assert_eq!(world.comments(0, "Alice's"), ["Bob says", "Alice replies"]);
    assert_eq!((generation(&mut world, 0, 1), generation(&mut world, 1, 0)), (2, 2));
    world.unfriend(0, "Bob");
    world.run(2_000);
    world.befriend_again(0, 1);
    assert_eq!((generation(&mut world, 0, 1), generation(&mut world, 1, 0)), (3, 3));
}

#[test]
fn what_was_withdrawn_while_apart_is_gone_once_they_are_back() {
    let mut world = strangers(702, &["Alice", "Bob", "Carol"]);
    world.post(0, "granted", everyone());
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        world.befriend(a, b);
    }
    world.post(0, "shared", everyone());
    world.post(0, "kept", everyone());
    world.run(1_000);
    world.post(2, "Carol's", everyone());
    world.run(25_000);
    world.like(0, "Carol's");
    world.run(2_000);
    assert!(world.sees(1, "granted") && world.sees(1, "shared"));
    assert_eq!(world.likes(1, "Carol's"), ["Alice"]);
    world.unfriend(0, "Bob");
    world.run(2_000);
    world.delete(0, "granted");
    world.delete(0, "shared");
    world.unlike(0, "Carol's");
    world.run(60_000);
    assert!(world.sees(1, "granted") && world.sees(1, "shared"), "nothing is said to whom I have removed");
    world.stop(0);
    world.start(0);
    world.befriend_again(0, 1);
    assert_eq!(world.texts(1), ["Carol's", "kept"]);
    assert!(world.likes(1, "Carol's").is_empty());
}

#[test]
fn the_key_before_this_one_opens_until_a_parcel_under_the_new_one_has() {
    let mut world = circle(703, &["Alice", "Bob", "Carol"]);
    let strangers = [71u8, 72, 73].map(|byte| tidings::id::UserId::from_bytes([byte; 32]));
    let offer = |user| {
        mail::Item::Introduction(mail::Introduction {
            user,
            secret: crypto::InviteSecret::from_bytes(*user.as_bytes()),
            name: "Somebody".to_owned(),
        })
    };
    let [first, second, third] = strangers;
    let (early, late) = (world.parcel(1, 0, &[offer(first)]), world.parcel(1, 0, &[offer(third)]));
    world.partition(0, 1);
    world.run(100);
    let link = world.invite(0, true);
    world.join(0, 1);
    world.accept(1, &link).expect("whoever cannot be met may be paired with again");
    world.run(20_000);
    assert!(world.are_friends(0, 1));
    assert_eq!((generation(&mut world, 0, 1), generation(&mut world, 1, 0)), (2, 2));
    let heard = |world: &mut World| -> BTreeSet<_> {
        world.service(0).requests().iter().map(|request| request.id).collect()
    };
    let deliver = |world: &mut World, parcel: mail::Envelope| {
        assert!(world.inject(1, 0, Protocol::Mail, mail::Frame::Deliver(parcel).encode()));
        world.run(100);
    };
    deliver(&mut world, early);
    assert_eq!(heard(&mut world), [first].into(), "what was under way opens");
    let new = world.parcel(1, 0, &[offer(second)]);
    deliver(&mut world, new);
    assert_eq!(heard(&mut world), [first, second].into());
    deliver(&mut world, late);
    assert_eq!(heard(&mut world), [first, second].into(), "the old key is of no use any more");
}

#[test]
fn a_friend_who_is_here_is_not_paired_with_again() {
    let mut world = circle(704, &["Alice", "Bob"]);
    let link = world.invite(0, true);
    assert_eq!(world.accept(1, &link).expect_err("they have met").code, "friend_already");
}

#[test]
fn a_blocked_friend_reaches_nobody_and_is_back_as_they_were_once_unblocked() {
    let mut world = history(705);
    world.tag(0, "kin", &["Bob"]);
    let bobs_view = world.moments(1);
    world.ask(0, |service| service.block_friend("Bob")).expect("a friend");
    world.run(3_000);
    assert_eq!(world.texts(0), ["Carol's", "Alice's"]);
    assert_eq!(world.comments(0, "Alice's"), ["Alice replies"]);
    assert!(!world.service(0).friends().iter().any(|friend| friend.name == "Bob"));
    let blocked = world.service(0).blocked_people();
    assert_eq!(blocked.iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Bob"]);
    let shown = world.service(0).friend("Bob").expect("shown while blocked");
    assert!(shown.blocked && shown.tags == ["kin"]);
    assert_eq!(world.moments(1), bobs_view, "they are not told");
    // A restart changes nothing, and nothing of what they do arrives.
    world.crash(0, 0);
    world.start(0);
    world.post(0, "without Bob", everyone());
    world.post(1, "from Bob", everyone());
    world.comment(1, "Alice's", "hello?");
    world.run(700_000);
    assert!(!world.is_linked(0, 1));
    assert!(!world.sees(0, "from Bob") && !world.sees(1, "without Bob"));
    assert_eq!(world.comments(0, "Alice's"), ["Alice replies"]);
    // A link of mine in their hands is used up, as it seems to them; it is good for others still.
    let link = world.invite(0, true);
    world.accept(1, &link).expect("they do not know");
    world.run(5_000);
    let alice = world.nodes[0].user();
    assert_eq!(world.service(1).redeeming(&alice), Redeeming::Refused);
    assert!(world.service(0).requests().is_empty());
    let bob = world.nodes[1].user();
    // Nor does an introduction bring them back, or a link of theirs by mistake.
    world.ask(2, |service| service.introduce("Alice", "Bob")).expect("Carol knows both");
    world.run(3_000);
    assert!(world.service(0).requests().is_empty());
    let theirs = world.invite(1, true);
    assert_eq!(world.accept(0, &theirs).expect_err("blocked").code, "blocked");
    let dave = world.add("Dave");
    world.accept(dave, &link).expect("it is not used up");
    world.run(5_000);
    assert!(world.are_friends(0, dave));
    // Back.
    assert_eq!(
        world.ask(0, |service| service.unblock_friend("Carol")).expect_err("a friend").code,
        "not_blocked"
    );
    let back = world.ask(0, |service| service.unblock_friend(&bob.to_string())).expect("blocked");
    assert!(!back.blocked && back.tags == ["kin"]);
    world.run(700_000);
    assert!(world.service(0).blocked_people().is_empty());
    assert!(world.are_friends(0, 1) && world.is_linked(0, 1));
    assert!(world.sees(0, "Bob's") && world.sees(0, "from Bob"));
    assert_eq!(world.comments(0, "Alice's"), ["Bob says", "Alice replies", "hello?"]);
    assert!(!world.sees(1, "without Bob"), "what was written meanwhile was written without them");
    assert_eq!(generation(&mut world, 0, 1), 1, "no new pairing was needed");
    world.post(0, "with Bob", everyone());
    world.run(3_000);
    assert!(world.sees(1, "with Bob"));
}

#[test]
fn a_blocked_friend_who_is_removed_is_forgotten_and_needs_an_invite() {
    let mut world = circle(706, &["Alice", "Bob"]);
    world.ask(0, |service| service.block_friend("Bob")).expect("a friend");
    world.unfriend(0, "Bob");
    assert!(world.service(0).blocked_people().is_empty());
    assert_eq!(
        world.ask(0, |service| service.unblock_friend("Bob")).expect_err("forgotten").code,
        "no_such_person"
    );
    world.run(5_000);
    world.befriend_again(0, 1);
    assert_eq!(generation(&mut world, 0, 1), 2);
}

/// Entries that a node keeps whole, by id.
fn entries(world: &mut World, who: Who) -> Vec<(EntryId, Vec<u8>)> {
    let posts = all(world, who, Tree::Timeline, &[]).into_iter().map(|(_, value)| value[8..].to_vec());
    let mut whole: Vec<Vec<u8>> = posts.collect();
    let log = all(world, who, Tree::Log, &[]).into_iter();
    whole.extend(log.filter(|(_, value)| value[0] == 1).map(|(_, value)| value[1..].to_vec()));
    let id = |bytes: &[u8]| {
        Header::decode(bytes.first_chunk::<HEADER_LEN>().expect("a header")).expect("a header").id()
    };
    whole.into_iter().map(|bytes| (id(&bytes), bytes)).collect()
}

#[test]
fn an_ex_friend_whose_node_does_not_let_go_opens_nothing_new_and_hears_nothing() {
    const MALLORY: Who = 1;
    let mut world = strangers(707, &["Alice", "Mallory", "Carol"]);
    world.post(0, "granted", everyone());
    for (a, b) in [(0, MALLORY), (0, 2), (MALLORY, 2)] {
        world.befriend(a, b);
    }
    world.run(25_000);
    world.post(0, "before", everyone());
    world.post(2, "Carol's", everyone());
    world.run(1_000);
    world.comment(0, "Carol's", "Alice before");
    world.run(5_000);
    assert!(world.sees(MALLORY, "before"));
    let before: BTreeSet<EntryId> = entries(&mut world, 0).into_iter().map(|(id, _)| id).collect();
    let parcels: Vec<Vec<u8>> = world.nodes[MALLORY]
        .received
        .iter()
        .filter(|frame| frame.kind == "Deliver")
        .map(|frame| frame.frame.clone())
        .collect();
    assert!(!parcels.is_empty());
    world.unfriend(0, "Mallory");
    world.run(1_000);
    let heard = |world: &World| world.nodes[MALLORY].received.iter().filter(|frame| frame.from == 0).count();
    let so_far = heard(&world);
    world.post(0, "after", everyone());
    world.comment(0, "Carol's", "Alice after");
    world.run(1_000);
    world.like(2, "after");
    world.run(5_000);
    // Mallory dials, while the door is shut and while it is open for somebody else.
    let wanted: Vec<EntryId> = entries(&mut world, 0).into_iter().map(|(id, _)| id).collect();
    for is_open in [false, true] {
        if is_open {
            let _ = world.invite(0, false);
        }
        for protocol in [Protocol::Sync, Protocol::Mail, Protocol::Pair] {
            world.connect(MALLORY, 0, None);
            world.run(200);
            world.inject_stream(MALLORY, 0, protocol);
            world.run(200);
            for parcel in &parcels {
                world.inject(MALLORY, 0, Protocol::Mail, parcel.clone());
            }
            world.inject(MALLORY, 0, Protocol::Sync, sync::Frame::WantIds(wanted.clone()).encode());
            let resume = pair::Frame::Resume { nonce: [7; 32], mac: [8; 16] };
            world.inject(MALLORY, 0, Protocol::Pair, resume.encode());
            world.inject(MALLORY, 0, Protocol::Pair, pair::Frame::Decision { yes: true }.encode());
            world.run(5_000);
        }
    }
    world.run(700_000);
    assert_eq!(heard(&world), so_far, "Alice's node said something to Mallory");
    assert!(!world.sees(MALLORY, "after"));
    // Every key that Mallory's node ever had, on everything that Alice has written since and that anybody keeps.
    let epochs: Vec<EpochRecord> = all(&mut world, MALLORY, Tree::State, b"e")
        .into_iter()
        .map(|(_, value)| wire::decode(&value).expect("an epoch"))
        .collect();
    let granted: Vec<crypto::ContentKey> = all(&mut world, MALLORY, Tree::Keys, &[])
        .into_iter()
        .map(|(_, value)| crypto::ContentKey::from_bytes(value.try_into().expect("a key")))
        .collect();
    assert!(epochs.len() > 2);
    let alice = world.nodes[0].user();
    let hers: BTreeSet<_> = all(&mut world, 0, Tree::State, b"e")
        .into_iter()
        .map(|(_, value)| wire::decode::<EpochRecord>(&value).expect("an epoch"))
        .filter(|epoch| epoch.author == alice)
        .map(|epoch| epoch.id)
        .collect();
    let (mut old, mut new) = (0, 0);
    for who in [0, 2, MALLORY] {
        for (id, bytes) in entries(&mut world, who) {
            let entry =
                Entry::trust_stored(&bytes[..HEADER_LEN], bytes[HEADER_LEN..].to_vec()).expect("an entry");
            if !hers.contains(&entry.header().epoch()) {
                continue;
            }
            let read =
                epochs.iter().filter_map(EpochRecord::read_key).any(|key| entry.open_with(&key).is_ok());
            let opens = read || granted.iter().any(|key| entry.open(key).is_ok());
            if before.contains(&id) {
                old += usize::from(opens);
            } else {
                new += 1;
                assert!(!opens, "Mallory opens what Alice wrote after");
            }
        }
    }
    assert!(old > 3, "the keys are true ones: they open what was written before");
    assert!(new > 3, "and there is something to be tried on");
}
