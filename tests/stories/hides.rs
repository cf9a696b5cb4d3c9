//! The author of a moment takes away what was said beneath it: gone for everybody but its writer, who can tell.

use std::collections::BTreeSet;

use tidings::crypto::keys;
use tidings::id::EntryId;
use tidings::limits::HIDE_LIMIT;
use tidings::mail::{EntryRef, Hides, Item};
use tidings::moment::{Body, Class};
use tidings::store::{Batch, Tree};
use tidings::view::NoticeKind;

use super::people::{circle, everyone, strangers};
use super::world::{Who, World};

/// Alice knows all; Bob and Carol know each other; Dave knows only Alice.
fn neighbours(seed: u64) -> World {
    let mut world = strangers(seed, &["Alice", "Bob", "Carol", "Dave"]);
    for (a, b) in [(0, 1), (0, 2), (0, 3), (1, 2)] {
        world.befriend(a, b);
    }
    world.run(2_000);
    world
}

fn comment_id(world: &mut World, who: Who, text: &str, comment: &str) -> EntryId {
    let moment = world.moment(who, text);
    moment.comments.iter().find(|c| c.text == comment).expect("the comment").id
}

fn hide(world: &mut World, who: Who, text: &str, comment: &str) -> EntryId {
    let id = comment_id(world, who, text, comment);
    world.ask(who, |service| service.hide(&id.to_string())).expect("hidden")
}

/// What stands beneath a moment for somebody, and whether it is marked as taken away.
fn shown(world: &mut World, who: Who, text: &str) -> Vec<(String, bool)> {
    world.moment(who, text).comments.into_iter().map(|c| (c.text, c.hidden)).collect()
}

/// Where a moment stands, as a parcel names it.
fn place_of(world: &mut World, who: Who, text: &str) -> EntryRef {
    let id = world.moment(who, text).id;
    let entry = world.entries(who).into_iter().find(|entry| entry.id() == id).expect("kept");
    EntryRef { epoch: entry.header().epoch(), seq: entry.header().seq(), entry: id }
}

#[test]
fn what_is_taken_away_is_gone_for_all_but_its_writer_who_can_tell() {
    let mut world = neighbours(500);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "rude");
    world.run(500);
    world.reply(2, "a hill", "rude", "indeed");
    world.like(1, "a hill");
    world.run(500);
    let before =
        world.nodes.iter().flat_map(|node| &node.received).filter(|frame| frame.kind == "Deliver").count();
    let id = hide(&mut world, 0, "a hill", "rude");
    world.run(1_000);
    let parcels =
        world.nodes.iter().flat_map(|node| &node.received).filter(|frame| frame.kind == "Deliver").count();
    assert_eq!(parcels, before, "the epoch is still for exactly its readers: it carries the hide");
    for round in 0..2 {
        assert_eq!(shown(&mut world, 0, "a hill"), [("indeed".to_owned(), false)], "round {round}");
        assert_eq!(shown(&mut world, 2, "a hill"), [("indeed".to_owned(), false)]);
        let bobs = [("rude".to_owned(), true), ("indeed".to_owned(), false)];
        assert_eq!(shown(&mut world, 1, "a hill"), bobs, "its writer sees that it was taken away");
        assert_eq!(world.likes(2, "a hill"), ["Bob"], "his like stays");
        let notices = world.service(1).notices(&Default::default()).expect("a page").notices;
        let hidden: Vec<_> = notices.iter().filter(|n| n.kind == NoticeKind::Hidden).collect();
        assert_eq!(hidden.len(), 1);
        assert_eq!((hidden[0].comment, hidden[0].from.name.as_str()), (Some(id), "Alice"));
        // And the same after a restart.
        for who in 0..3 {
            world.stop(who);
            world.start(who);
        }
        world.run(3_000);
    }
    let replied = world.ask(2, |service| service.comment(&id.to_string()[..8], "x", None));
    assert_eq!(replied.expect_err("a comment is no moment").code, "no_such_moment");
    let moment = world.moment(1, "a hill").id.to_string();
    let reply = world.ask(1, |service| service.comment(&moment, "but", Some(&id.to_string())));
    assert_eq!(reply.expect_err("it is gone").code, "no_such_comment");
}

#[test]
fn a_second_hide_says_nothing_more_and_words_that_name_nothing_are_refused() {
    let mut world = neighbours(501);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "rude");
    world.comment(0, "a hill", "mine");
    world.run(500);
    let id = hide(&mut world, 0, "a hill", "rude").to_string();
    let entries = world.records(0, Tree::Log, &[]);
    world.ask(0, |service| service.hide(&id)).expect("hidden already");
    assert_eq!(world.records(0, Tree::Log, &[]), entries, "nothing was written");
    let moment = world.moment(0, "a hill").id.to_string();
    for (who, word, code) in [
        (0, moment.as_str(), "no_such_comment"),
        (0, "abcdef12", "no_such_moment"),
        (2, &id, "not_your_moment"),
    ] {
        assert_eq!(world.ask(who, |service| service.hide(word)).expect_err("refused").code, code, "{word}");
    }
    // What I said myself is withdrawn, beneath my own moment and beneath another's.
    hide(&mut world, 0, "a hill", "mine");
    world.comment(1, "a hill", "sorry");
    world.run(500);
    hide(&mut world, 1, "a hill", "sorry");
    world.run(500);
    assert_eq!(shown(&mut world, 1, "a hill"), [("rude".to_owned(), true)]);
    assert!(shown(&mut world, 2, "a hill").is_empty());
}

#[test]
fn a_like_can_be_taken_away_and_is_told_by_its_notice() {
    let mut world = neighbours(502);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.like(1, "a hill");
    world.run(500);
    let like = world.service(0).notices(&Default::default()).expect("a page").notices[0].id;
    world.ask(0, |service| service.hide(&like.to_string())).expect("hidden");
    world.run(1_000);
    assert!(world.likes(0, "a hill").is_empty() && world.likes(2, "a hill").is_empty());
    assert!(
        world.service(0).notices(&Default::default()).expect("a page").notices.is_empty(),
        "no news any more"
    );
    let bobs = world.service(1).notices(&Default::default()).expect("a page").notices;
    assert_eq!(bobs.iter().map(|n| (n.kind, n.comment)).collect::<Vec<_>>(), [(NoticeKind::Hidden, None)]);
}

#[test]
fn a_hide_that_comes_before_its_comment_waits_for_it() {
    let mut world = neighbours(503);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "rude");
    world.run(500);
    hide(&mut world, 0, "a hill", "rude");
    world.run(1_000);
    assert_eq!(world.records(3, Tree::Hides, &[]), 1, "Dave keeps what means nothing to him yet");
    world.crash(3, usize::MAX);
    world.start(3);
    world.run(2_000);
    // Dave becomes Bob's friend: the old comment comes, and is gone already.
    world.befriend(3, 1);
    world.run(4_000);
    world.comment(1, "a hill", "better");
    world.run(1_000);
    assert_eq!(shown(&mut world, 3, "a hill"), [("better".to_owned(), false)]);
    assert!(world.records(3, Tree::Interactions, &[]) >= 2, "the old comment is here");
}

#[test]
fn those_who_hold_the_key_without_the_epoch_hear_of_it_by_parcel_newcomers_too() {
    let mut world = circle(504, &["Alice", "Bob", "Carol", "Dave"]);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "rude");
    world.comment(1, "a hill", "kind");
    world.run(500);
    // Somebody leaves: the epoch is no longer for exactly its readers.
    world.ask(0, |service| service.remove_friend("Dave")).expect("removed");
    world.run(500);
    let entries = world.records(0, Tree::Log, &[]);
    hide(&mut world, 0, "a hill", "rude");
    world.run(1_000);
    assert_eq!(
        world.records(0, Tree::Log, &[]),
        entries,
        "nothing is written into an epoch that Dave can open"
    );
    let kind = [("kind".to_owned(), false)];
    assert_eq!(shown(&mut world, 2, "a hill"), kind);
    assert_eq!(shown(&mut world, 1, "a hill"), [("rude".to_owned(), true), kind[0].clone()]);
    let dave = world.nodes[3].received.len();
    // A newcomer is granted the moment, and what was taken away beneath it with it.
    world.stop(0);
    world.start(0);
    world.run(1_000);
    let erin = world.add("Erin");
    world.run(100);
    world.befriend(1, erin);
    world.befriend(0, erin);
    world.run(8_000);
    assert_eq!(shown(&mut world, erin, "a hill"), kind);
    assert_eq!(world.records(erin, Tree::Hides, &[]), 1);
    // Once acknowledged nothing is owed.
    world.run(5_000);
    world.nodes[erin].received.clear();
    world.stop(erin);
    world.start(erin);
    world.run(10_000);
    assert!(!world.nodes[erin].received.iter().any(|received| received.kind == "Deliver"));
    let from_alice = world.nodes[3].received[dave..].iter().any(|received| received.from == 0);
    assert!(!from_alice, "Dave, who is no friend any more, hears nothing");
}

#[test]
fn a_hide_reaches_whom_it_is_owed_through_a_mutual_friend() {
    let mut world = circle(509, &["Alice", "Bob", "Carol", "Dave"]);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "rude");
    world.run(500);
    world.ask(0, |service| service.remove_friend("Dave")).expect("removed");
    world.run(500);
    // Carol is away; Alice is gone when she comes back, and Bob hands her what Alice left with him.
    world.stop(2);
    hide(&mut world, 0, "a hill", "rude");
    world.run(30_000);
    world.stop(0);
    world.start(2);
    world.run(60_000);
    assert!(shown(&mut world, 2, "a hill").is_empty());
}

#[test]
fn a_hide_survives_power_cuts_on_either_side() {
    let mut world = neighbours(505);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "rude");
    world.run(500);
    for other in 1..4 {
        world.partition(0, other);
    }
    hide(&mut world, 0, "a hill", "rude");
    world.crash(0, 0);
    world.start(0);
    assert!(shown(&mut world, 0, "a hill").is_empty(), "it was said to be done");
    world.join_all();
    // Carol loses what she heard before it was on her disk.
    world.fuse.insert(2, (6, 0));
    world.run(60_000);
    if world.nodes[2].service.is_none() {
        world.start(2);
    }
    world.run(400_000);
    assert!(shown(&mut world, 2, "a hill").is_empty());
    assert_eq!(shown(&mut world, 1, "a hill"), [("rude".to_owned(), true)]);
}

#[test]
fn nobody_but_the_author_takes_anything_away() {
    let mut world = circle(506, &["Alice", "Bob", "Mallory"]);
    world.post(0, "a hill", everyone());
    world.post(2, "Mallory's", everyone());
    world.run(500);
    world.comment(1, "a hill", "fine");
    world.run(500);
    let id = comment_id(&mut world, 2, "a hill", "fine");
    let tag = keys::hide_tag(&world.thread_of(2, "a hill"), &id);
    let post = place_of(&mut world, 2, "a hill");
    // By a parcel that names Alice's post, by one that names a post of Mallory's own, by an entry of his own.
    let own = place_of(&mut world, 2, "Mallory's");
    for post in [post, own] {
        let hides = Hides { post, tags: BTreeSet::from([tag]) };
        for to in [0, 1] {
            assert!(world.hand_over(2, to, &[Item::Hides(hides.clone())]));
        }
    }
    let mallorys = world.own_epoch(2, Class::Posts);
    for (to, seq) in [(0, 1_000_000), (1, 1_000_001)] {
        let entry = world.forge(&mallorys, seq, |_| Body::Hide(tag));
        world.send_entry(2, to, entry);
    }
    world.run(1_000);
    assert!(world.records(1, Tree::Hides, world.nodes[2].user().as_bytes()) > 0, "it was heard");
    for who in 0..3 {
        assert_eq!(shown(&mut world, who, "a hill"), [("fine".to_owned(), false)]);
    }
    // The author's own word in an entry does count, and twice is once.
    let alices = world.own_epoch(0, Class::Posts);
    for seq in [2_000_000, 2_000_001] {
        let entry = world.forge(&alices, seq, |_| Body::Hide(tag));
        world.send_entry(0, 2, entry);
    }
    assert!(shown(&mut world, 2, "a hill").is_empty());
}

#[test]
fn hides_of_nothing_take_bounded_room_and_the_newest_still_count() {
    let mut world = circle(507, &["Alice", "Mallory", "Bob"]);
    world.post(1, "a trap", everyone());
    world.run(500);
    let post = place_of(&mut world, 1, "a trap");
    let author = *world.nodes[1].user().as_bytes();
    let tag = |n: u32| {
        let mut tag = [0; 16];
        tag[..4].copy_from_slice(&n.to_be_bytes());
        tag
    };
    let limit = u32::try_from(HIDE_LIMIT).expect("small");
    let mut heard = 0;
    let mut say = |world: &mut World, upto: u32| {
        while heard < upto {
            let end = upto.min(heard + 1_500);
            let hides = Hides { post, tags: (heard..end).map(tag).collect() };
            assert!(world.hand_over(1, 0, &[Item::Hides(hides)]));
            heard = end;
        }
        world.records(0, Tree::Hides, &author)
    };
    assert_eq!(say(&mut world, limit), HIDE_LIMIT, "so many are remembered");
    assert_eq!(
        say(&mut world, limit + 1),
        HIDE_LIMIT + 1 - HIDE_LIMIT / 4,
        "one more, and the oldest quarter goes"
    );
    assert!(say(&mut world, 3 * limit) <= HIDE_LIMIT);
    // What Mallory really takes away is gone all the same.
    world.comment(2, "a trap", "help");
    world.run(500);
    hide(&mut world, 1, "a trap", "help");
    world.run(1_000);
    assert!(shown(&mut world, 0, "a trap").is_empty());
}

#[test]
fn a_home_of_an_earlier_version_takes_a_hide_as_any_other() {
    let mut world = neighbours(508);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "rude");
    world.run(500);
    // As the first release wrote it: rows end with their text, and nothing is written down of their tags.
    let mut old = Batch::new();
    for (key, value) in world.all(2, Tree::Interactions, &[]) {
        old.insert(Tree::Interactions, key, value[..value.len() - 17].to_vec());
    }
    for (key, _) in world.all(2, Tree::HideTags, &[]) {
        old.remove(Tree::HideTags, key);
    }
    old.remove(Tree::Meta, b"hide-tags".to_vec());
    world.service(2).store().apply(old).expect("memory");
    world.stop(2);
    world.start(2);
    world.run(1_000);
    assert_eq!(world.comments(2, "a hill"), ["rude"]);
    hide(&mut world, 0, "a hill", "rude");
    world.run(2_000);
    assert!(shown(&mut world, 2, "a hill").is_empty());
}
