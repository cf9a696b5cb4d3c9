//! Likes, comments and replies: friends of both, and nobody else.

use super::people::{circle, everyone, except, strangers};
use super::world::World;

/// Alice knows all; Bob and Carol know each other; Dave knows only Alice.
fn neighbours(seed: u64) -> World {
    let mut world = strangers(seed, &["Alice", "Bob", "Carol", "Dave"]);
    for (a, b) in [(0, 1), (0, 2), (0, 3), (1, 2)] {
        world.befriend(a, b);
    }
    world.run(2_000);
    world
}

#[test]
fn a_like_is_seen_by_friends_of_both_and_can_be_taken_back() {
    let mut world = neighbours(40);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.like(1, "a hill");
    world.run(1_000);
    assert_eq!(world.likes(0, "a hill"), ["Bob"]);
    assert_eq!(world.likes(1, "a hill"), ["Bob"]);
    assert_eq!(world.likes(2, "a hill"), ["Bob"]);
    assert!(world.likes(3, "a hill").is_empty(), "Dave does not know Bob");
    world.like(1, "a hill");
    world.run(500);
    assert_eq!(world.likes(0, "a hill"), ["Bob"], "a second like changes nothing");
    world.unlike(1, "a hill");
    world.run(1_000);
    for who in 0..4 {
        assert!(world.likes(who, "a hill").is_empty());
    }
    world.like(1, "a hill");
    world.run(1_000);
    assert_eq!(world.likes(0, "a hill"), ["Bob"]);
}

#[test]
fn comments_and_replies_are_seen_by_friends_of_everybody_concerned() {
    let mut world = neighbours(41);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "steep");
    world.run(500);
    world.comment(3, "a hill", "green");
    world.run(500);
    world.reply(2, "a hill", "steep", "not for me");
    world.run(500);
    world.reply(0, "a hill", "green", "yes");
    world.run(1_000);
    assert_eq!(world.comments(0, "a hill"), ["steep", "green", "not for me", "yes"]);
    assert_eq!(world.comments(1, "a hill"), ["steep", "not for me"]);
    assert_eq!(world.comments(2, "a hill"), ["steep", "not for me"]);
    assert_eq!(world.comments(3, "a hill"), ["green", "yes"]);
}

#[test]
fn an_excluded_friend_sees_no_comment_on_what_is_hidden_from_them() {
    let mut world = circle(42, &["Alice", "Bob", "Carol"]);
    world.post(0, "a party", except(&["Bob"]));
    world.run(500);
    world.comment(2, "a party", "see you there");
    world.run(1_000);
    assert_eq!(world.comments(0, "a party"), ["see you there"]);
    assert!(!world.sees(1, "a party"));
}

#[test]
fn a_comment_that_comes_before_its_moment_waits_for_it() {
    let mut world = circle(43, &["Alice", "Bob", "Carol"]);
    world.partition(0, 2);
    world.partition(1, 2);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "steep");
    world.run(500);
    world.reply(0, "a hill", "steep", "very");
    world.run(500);
    // Carol hears Bob's words first, and Alice's moment only later.
    world.partition(0, 1);
    world.join(1, 2);
    world.run(400_000);
    world.join_all();
    world.run(400_000);
    assert_eq!(world.comments(2, "a hill"), ["steep", "very"]);
}

#[test]
fn a_withdrawn_comment_disappears_everywhere_and_replies_to_it_stay() {
    let mut world = neighbours(44);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "steep");
    world.run(500);
    world.reply(2, "a hill", "steep", "indeed");
    world.run(500);
    let id = world.moment(1, "a hill").comments[0].id.to_string();
    world.ask(1, |service| service.delete(&id)).expect("withdrawn");
    world.run(1_000);
    for who in 0..3 {
        assert_eq!(world.comments(who, "a hill"), ["indeed"], "{}", world.nodes[who].name);
    }
}

#[test]
fn a_new_friend_sees_old_threads_as_a_friend_of_everybody_would() {
    let mut world = neighbours(45);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "steep");
    world.run(500);
    world.reply(2, "a hill", "steep", "indeed");
    world.run(500);
    // Now Dave meets Bob, and later Carol.
    world.befriend(3, 1);
    world.run(3_000);
    assert_eq!(world.comments(3, "a hill"), ["steep"]);
    world.befriend(3, 2);
    world.run(3_000);
    assert_eq!(world.comments(3, "a hill"), ["steep", "indeed"]);
}
