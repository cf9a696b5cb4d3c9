//! Withdrawing: it reaches everybody who has the moment, in whatever order things come.

use super::people::{circle, everyone, except};

#[test]
fn a_withdrawn_moment_goes_from_every_node() {
    let mut world = circle(60, &["Alice", "Bob", "Carol"]);
    world.post(0, "oops", everyone());
    world.run(500);
    world.like(1, "oops");
    world.run(500);
    world.delete(0, "oops");
    world.run(1_000);
    for who in 0..3 {
        assert!(!world.sees(who, "oops"));
    }
}

#[test]
fn a_withdrawal_reaches_whoever_was_granted_the_moment_singly() {
    let mut world = circle(61, &["Alice", "Bob", "Carol"]);
    world.post(0, "oops", everyone());
    world.ask(0, |service| service.remove_friend("Carol")).expect("a friend");
    world.post(0, "later", everyone());
    world.run(1_000);
    let erin = world.add("Erin");
    world.run(100);
    world.befriend(0, erin);
    world.run(5_000);
    assert!(world.sees(erin, "oops"));
    world.delete(0, "oops");
    world.run(2_000);
    assert!(!world.sees(erin, "oops") && !world.sees(1, "oops"));
}

#[test]
fn a_withdrawal_that_comes_first_keeps_the_moment_from_ever_showing() {
    let mut world = circle(62, &["Alice", "Bob", "Carol"]);
    world.partition(0, 2);
    world.partition(1, 2);
    world.post(0, "oops", except(&["nobody"]).to.is_empty().then(everyone).expect("everyone"));
    world.run(500);
    world.delete(0, "oops");
    world.run(500);
    world.stop(0);
    world.join_all();
    world.run(400_000);
    assert!(!world.sees(2, "oops"));
    world.start(0);
    world.run(10_000);
    assert!(!world.sees(2, "oops"));
}

#[test]
fn nobody_can_withdraw_what_is_not_theirs() {
    let mut world = circle(63, &["Alice", "Bob"]);
    world.post(0, "mine", everyone());
    world.run(500);
    let id = world.moment(1, "mine").id.to_string();
    assert_eq!(world.ask(1, |service| service.delete(&id)).expect_err("not Bob's").code, "not_yours");
}
