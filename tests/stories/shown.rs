//! What strangers are shown while their request waits: ten moments for everyone, or nothing, the default.

use tidings::crypto::ContentKey;
use tidings::link::Protocol;
use tidings::pair::{Frame, ShownMoment};
use tidings::service::state::Me;
use tidings::store::{Batch, Tree};
use tidings::wire;
use tidings::wire::Encode;

use super::people::{everyone, only, private, strangers};
use super::world::{Who, World};

/// Switches on, or off, that strangers see the ten newest.
fn show_strangers(world: &mut World, who: Who, number: u8) {
    let store = world.service(who).store();
    let me = store.get(Tree::State, b"m").expect("memory").expect("a person");
    let me = Me { strangers: number, ..wire::decode(&me).expect("a person") };
    world.stop(who);
    let mut batch = Batch::new();
    batch.insert(Tree::State, *b"m", me.encode());
    store.apply(batch).expect("memory");
    store.barrier().expect("memory");
    world.start(who);
    world.run(100);
}

/// Bob has redeemed an invite of Alice's, who has not answered.
fn asked(world: &mut World) {
    let link = world.invite(0, false);
    world.accept(1, &link).expect("a link");
    world.run(1_000);
}

fn shown(world: &mut World, who: Who) -> Vec<String> {
    let id = world.nodes[1 - who].user().to_string();
    let shown = world.service(who).request(&id).expect("a request");
    assert_eq!(shown.moments.len(), shown.request.moments);
    shown.moments.into_iter().map(|moment| moment.text).collect()
}

/// The `Moments` frames that a node has received.
fn moments_frames(world: &World, who: Who) -> Vec<Vec<u8>> {
    let frames = world.nodes[who].received.iter().filter(|frame| frame.protocol == Protocol::Pair);
    frames.map(|frame| frame.frame.clone()).filter(|frame| frame.get(1) == Some(&10)).collect()
}

fn posts(world: &mut World, who: Who, count: usize) {
    for n in 0..count {
        world.post(who, &format!("{n}"), everyone());
        world.run(10);
    }
}

#[test]
fn nothing_is_shown_unless_it_was_switched_on_not_a_byte() {
    let run = |with_posts: bool| {
        let mut world = strangers(740, &["Alice", "Bob"]);
        if with_posts {
            posts(&mut world, 0, 3);
            posts(&mut world, 1, 3);
        }
        world.run(10_000 - world.now.as_millis() % 10_000);
        asked(&mut world);
        for who in [0, 1] {
            assert!(shown(&mut world, who).is_empty());
            assert!(moments_frames(&world, who).is_empty());
        }
        let shape = |who: Who| -> Vec<_> {
            let frames = world.nodes[who].received.iter();
            frames.map(|frame| (frame.protocol, frame.frame.get(1).copied(), frame.frame.len())).collect()
        };
        (shape(0), shape(1))
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn a_stranger_sees_the_ten_newest_for_everyone_inside_the_window_and_no_other() {
    let mut world = strangers(741, &["Alice", "Bob", "Carol"]);
    world.befriend(0, 2);
    world.tag(0, "kin", &["Carol"]);
    show_strangers(&mut world, 0, 10);
    posts(&mut world, 0, 12);
    world.post(0, "for kin", only(&["kin"]));
    world.post(0, "mine alone", private());
    world.post(0, "withdrawn", everyone());
    world.run(100);
    world.delete(0, "withdrawn");
    world.post(2, "Carol's", everyone());
    world.run(2_000);
    asked(&mut world);
    let newest: Vec<String> = (2..12).rev().map(|n| n.to_string()).collect();
    assert_eq!(shown(&mut world, 1), newest);
    assert!(shown(&mut world, 0).is_empty(), "Bob has not switched it on");
    let bob = world.nodes[1].user();
    let moment = &world.service(1).request("Alice").expect("a request").moments[0];
    assert_eq!((moment.author.name.as_str(), moment.author.me), ("Alice", false));
    assert!(moment.audience.is_none() && moment.delivery.is_none());
    assert!(world.texts(1).is_empty(), "they stand in no timeline");
    // They last over a restart and go when the two are friends; then the friend reads by right.
    world.crash(1, 0);
    world.start(1);
    world.run(2_000);
    assert_eq!(shown(&mut world, 1), newest);
    world.ask(0, |service| service.confirm(&bob.to_string())).expect("a request");
    world.run(20_000);
    assert!(world.are_friends(0, 1));
    assert_eq!(world.records(1, Tree::State, b"s"), 0);
    assert_eq!(world.texts(1).len(), 12);
}

#[test]
fn what_was_shown_goes_with_a_no() {
    let mut world = strangers(742, &["Alice", "Bob"]);
    for who in [0, 1] {
        show_strangers(&mut world, who, 10);
        posts(&mut world, who, 2);
    }
    asked(&mut world);
    assert_eq!(shown(&mut world, 0), ["1", "0"], "the inviter sees the other's");
    assert_eq!(shown(&mut world, 1), ["1", "0"]);
    assert_eq!(world.service(0).dry_run(&everyone()).expect("a rule").strangers, 1);
    assert_eq!(world.service(0).dry_run(&private()).expect("a rule").strangers, 0);
    world.ask(0, |service| service.decline("Bob")).expect("a request");
    world.run(5_000);
    for who in [0, 1] {
        assert_eq!(world.records(who, Tree::State, b"s"), 0);
    }
    assert_eq!(world.service(0).dry_run(&everyone()).expect("a rule").strangers, 0);
}

#[test]
fn whoever_said_yes_beforehand_shows_nothing() {
    let mut world = strangers(743, &["Alice", "Bob"]);
    show_strangers(&mut world, 0, 10);
    posts(&mut world, 0, 2);
    world.befriend(0, 1);
    assert!(moments_frames(&world, 1).is_empty());
}

#[test]
fn what_is_not_theirs_does_not_open_or_comes_unasked_is_not_shown() {
    let mut world = strangers(744, &["Alice", "Bob"]);
    show_strangers(&mut world, 0, 10);
    show_strangers(&mut world, 1, 10);
    posts(&mut world, 0, 3);
    posts(&mut world, 1, 2);
    asked(&mut world);
    let alices = moments_frames(&world, 1).pop().expect("Alice's moments");
    let bobs = moments_frames(&world, 0).pop().expect("Bob's moments");
    let Ok(Some(Frame::Moments(bobs))) = Frame::decode(&bobs) else { panic!("a frame") };
    assert_eq!(shown(&mut world, 0), ["1", "0"]);
    // On the same stream a second time: a fault, which ends the stream and changes nothing.
    assert!(world.inject(1, 0, Protocol::Pair, alices.clone()));
    world.run(100);
    assert_eq!(shown(&mut world, 0), ["1", "0"]);

    // Others pair, too, and show what is Bob's, altered or not.
    let altered = |change: &dyn Fn(&mut ShownMoment)| -> Vec<ShownMoment> {
        let mut moments = bobs.clone();
        moments.iter_mut().for_each(change);
        moments
    };
    let lies: Vec<Vec<ShownMoment>> = vec![
        bobs.clone(),
        altered(&|moment| moment.content_key = ContentKey::from_bytes([1; 32])),
        altered(&|moment| moment.body[0] ^= 1),
        altered(&|moment| moment.header[20] ^= 1),
        altered(&|moment| moment.es_commit[0] ^= 1),
    ];
    let most = lies.len();
    for (at, lie) in lies.into_iter().enumerate() {
        let mallory = world.add(&format!("Mallory {at}"));
        world.run(100);
        let link = world.invite(0, false);
        world.accept(mallory, &link).expect("a link");
        world.run(1_000);
        let id = world.nodes[mallory].user().to_string();
        assert!(world.inject(mallory, 0, Protocol::Pair, Frame::Moments(lie).encode()), "lie {at}");
        world.run(200);
        let seen = world.service(0).request(&id).expect("a request");
        assert!(seen.moments.is_empty(), "lie {at}");
        if at + 1 == most {
            // Eleven, and a frame that is none.
            let eleven = Frame::Moments(vec![bobs[0].clone(); 11]).encode();
            world.inject(mallory, 0, Protocol::Pair, eleven);
            world.inject(mallory, 0, Protocol::Pair, vec![1, 10, 3, 0]);
            world.run(1_000);
        }
    }
    assert_eq!(world.service(0).requests().len(), 1 + most, "all requests stand");
    assert_eq!(shown(&mut world, 0), ["1", "0"], "and Bob's moments with his");
}
