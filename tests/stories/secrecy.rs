//! What somebody who is left out receives: exactly what they would have received without the moment.

use tidings::link::Protocol;

use super::people::{circle, everyone, except};
use super::world::{Received, World};

/// Sender, protocol, type and length of all frames: what does not hang on random bytes.
pub fn shape(received: &[Received]) -> Vec<(usize, Protocol, &'static str, usize)> {
    let mut shape: Vec<_> = received.iter().map(|r| (r.from, r.protocol, r.kind, r.frame.len())).collect();
    shape.sort_by_key(|(from, protocol, kind, len)| (*from, *protocol, *kind, *len));
    shape
}

fn run(with_post: bool, first_use: bool) -> World {
    let mut world = circle(100, &["Alice", "Bob", "Carol", "Dave"]);
    if !first_use {
        world.post(0, "earlier", except(&["Bob"]));
    }
    world.run(10_000);
    world.nodes[1].received.clear();
    if with_post {
        world.post(0, "secret", except(&["Bob"]));
        world.run(300);
        world.like(2, "secret");
        world.comment(3, "secret", "hush");
    } else {
        world.run(300);
    }
    world.run(3_000_000);
    world
}

#[test]
fn a_left_out_friend_receives_what_they_would_have_received_without_the_moment() {
    for first_use in [true, false] {
        let mut with = circle(101, &["Alice", "Bob", "Carol", "Dave"]);
        let mut without = circle(101, &["Alice", "Bob", "Carol", "Dave"]);
        for world in [&mut with, &mut without] {
            if !first_use {
                world.post(0, "earlier", except(&["Bob"]));
            }
            world.run(10_000);
            world.nodes[1].received.clear();
        }
        with.post(0, "secret", except(&["Bob"]));
        with.run(1_500_000);
        without.run(1_500_000);
        assert!(with.sees(2, "secret") && with.sees(3, "secret") && !with.sees(1, "secret"));
        assert!(!with.nodes[1].received.is_empty(), "rounds of tags are due");
        assert_eq!(
            shape(&with.nodes[1].received),
            shape(&without.nodes[1].received),
            "first use of the rule: {first_use}"
        );
    }
}

#[test]
fn interactions_on_a_hidden_moment_show_as_sealed_entries_of_their_writers_alone() {
    let with = run(true, true);
    let without = run(false, true);
    let from_alice = |world: &World| -> Vec<Received> {
        let all = world.nodes[1].received.iter();
        all.filter(|r| r.from == 0 && r.kind == "Entry").cloned().collect()
    };
    // Carol's and Dave's likes and comments are opaque entries of their own contact logs: nothing comes from Alice.
    assert_eq!(from_alice(&with).len(), from_alice(&without).len());
}

#[test]
fn a_left_out_friend_who_is_away_receives_nothing_of_it_afterwards() {
    let mut with = circle(102, &["Alice", "Bob", "Carol", "Dave"]);
    let mut without = circle(102, &["Alice", "Bob", "Carol", "Dave"]);
    for (world, is_posting) in [(&mut with, true), (&mut without, false)] {
        world.stop(1);
        world.run(2_000);
        if is_posting {
            world.post(0, "secret", except(&["Bob"]));
        }
        world.run(10_000);
        world.nodes[1].received.clear();
        world.start(1);
        world.run(1_500_000);
    }
    assert!(with.sees(2, "secret") && !with.sees(1, "secret"));
    assert_eq!(shape(&with.nodes[1].received), shape(&without.nodes[1].received));
}

#[test]
fn somebody_left_out_by_one_moment_still_gets_the_next() {
    let mut world = circle(103, &["Alice", "Bob", "Carol"]);
    world.post(0, "secret", except(&["Bob"]));
    world.post(0, "open", everyone());
    world.run(1_000);
    assert_eq!(world.texts(1), ["open"]);
}
