//! Becoming friends and parting.

use tidings::service::Redeeming;

use super::people::{circle, everyone, strangers};
use super::world::World;

fn safety(world: &mut World, who: usize, of: usize) -> Vec<String> {
    let word = world.nodes[of].name.clone();
    let safety = world.ask(who, |service| service.verify_friend(&word, None)).expect("a friend");
    safety.words.iter().map(|word| (*word).to_string()).collect()
}

#[test]
fn two_become_friends_when_both_have_said_yes() {
    let mut world = strangers(1, &["Alice", "Bob"]);
    let link = world.invite(0, false);
    world.accept(1, &link).expect("the link is good");
    world.run(1_000);
    assert!(!world.are_friends(0, 1), "Alice was not asked");
    let requests = world.service(0).requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].name, "Bob");
    let word = requests[0].id.to_string();
    world.ask(0, |service| service.confirm(&word)).expect("a request");
    world.run(1_500);
    assert!(world.are_friends(0, 1));
    assert_eq!(safety(&mut world, 0, 1), safety(&mut world, 1, 0));
    assert_eq!(safety(&mut world, 0, 1).len(), 6);
}

#[test]
fn an_invite_with_a_yes_beforehand_needs_no_second_step() {
    let mut world = strangers(2, &["Alice", "Bob"]);
    world.befriend(0, 1);
    let alice = world.nodes[0].user();
    assert_eq!(world.service(1).redeeming(&alice), Redeeming::Friends);
    assert!(world.service(0).requests().is_empty() && world.service(1).requests().is_empty());
}

#[test]
fn a_declined_request_makes_nobody_a_friend_and_leaves_nothing_open() {
    let mut world = strangers(3, &["Alice", "Bob"]);
    let link = world.invite(0, false);
    world.accept(1, &link).expect("the link is good");
    world.run(1_000);
    world.ask(0, |service| service.decline("Bob")).expect("a request");
    world.run(5_000);
    assert!(!world.are_friends(0, 1));
    assert!(world.service(0).requests().is_empty() && world.service(1).requests().is_empty());
    let alice = world.nodes[0].user();
    assert_eq!(world.service(1).redeeming(&alice), Redeeming::Refused);
}

#[test]
fn an_invite_is_good_for_one() {
    let mut world = strangers(4, &["Alice", "Bob", "Carol"]);
    let link = world.invite(0, true);
    world.accept(1, &link).expect("the link is good");
    world.run(1_500);
    world.accept(2, &link).expect("nobody knows yet that it is burnt");
    world.run(5_000);
    assert!(world.are_friends(0, 1));
    assert!(!world.are_friends(0, 2));
    let alice = world.nodes[0].user();
    assert_eq!(world.service(2).redeeming(&alice), Redeeming::Refused);
}

#[test]
fn an_expired_invite_and_a_foreign_link_are_refused() {
    let mut world = strangers(5, &["Alice", "Bob"]);
    let link = world.invite(0, true);
    world.run(25 * 3_600_000);
    assert_eq!(world.accept(1, &link).expect_err("too late").code, "invite_expired");
    assert!(world.accept(1, "tidings:invite/nonsense").is_err());
    let own = world.invite(0, true);
    assert_eq!(world.accept(0, &own).expect_err("one's own").code, "own_invite");
}

#[test]
fn a_request_is_confirmed_after_both_nodes_were_restarted() {
    let mut world = strangers(6, &["Alice", "Bob"]);
    let link = world.invite(0, false);
    world.accept(1, &link).expect("the link is good");
    world.run(1_000);
    world.crash(0, 0);
    world.crash(1, 0);
    world.run(1_000);
    world.start(0);
    world.run(100);
    world.ask(0, |service| service.confirm("Bob")).expect("the request is still there");
    world.start(1);
    world.run(20_000);
    assert!(world.are_friends(0, 1));
}

#[test]
fn an_inviter_who_is_away_is_reached_later() {
    let mut world = strangers(7, &["Alice", "Bob"]);
    let link = world.invite(0, true);
    world.stop(0);
    world.accept(1, &link).expect("the link is good");
    world.run(10_000);
    world.start(0);
    world.run(40_000);
    assert!(world.are_friends(0, 1));
}

#[test]
fn a_removed_friend_gets_nothing_new_and_is_not_told() {
    let mut world = circle(8, &["Alice", "Bob", "Carol"]);
    world.post(0, "before", everyone());
    world.run(1_000);
    assert!(world.sees(1, "before"));
    world.ask(0, |service| service.remove_friend("Bob")).expect("a friend");
    world.run(1_000);
    let before = world.nodes[1].received.len();
    let heard: Vec<_> = world.nodes[1].received.iter().filter(|frame| frame.from == 0).cloned().collect();
    world.post(0, "after", everyone());
    world.run(700_000);
    assert!(world.sees(2, "after") && !world.sees(1, "after"));
    assert!(!world.is_linked(0, 1));
    let from_alice: Vec<_> = world.nodes[1].received.iter().filter(|frame| frame.from == 0).collect();
    assert_eq!(from_alice.len(), heard.len(), "Alice's node said something to Bob");
    let new: Vec<_> = world.nodes[1].received[before..].iter().filter(|f| f.kind == "Entry").collect();
    assert!(new.is_empty(), "Bob got {} entries", new.len());
    assert!(!world.service(0).friends().iter().any(|friend| friend.name == "Bob"));
}

#[test]
fn a_friend_removed_and_invited_again_is_a_friend_on_both_sides() {
    let mut world = circle(9, &["Alice", "Bob"]);
    world.ask(1, |service| service.remove_friend("Alice")).expect("a friend");
    world.run(2_000);
    let link = world.invite(0, true);
    world.accept(1, &link).expect("Bob may come back");
    world.run(10_000);
    assert!(world.are_friends(0, 1));
    assert_eq!(safety(&mut world, 0, 1), safety(&mut world, 1, 0));
    world.post(0, "to Bob again", everyone());
    world.post(1, "to Alice again", everyone());
    world.run(5_000);
    assert!(world.sees(1, "to Bob again"));
    assert!(world.sees(0, "to Alice again"));
}

#[test]
fn the_status_says_what_is_kept_of_whom() {
    let mut world = circle(61, &["Alice", "Bob", "Carol"]);
    let kept = |world: &mut World| {
        let status = world.ask(0, |service| service.status()).expect("a status");
        let friends = status.disk.friends.into_iter();
        friends.map(|one| (one.friend.name, one.bytes)).collect::<Vec<_>>()
    };
    let before = kept(&mut world);
    assert_eq!(before.len(), 2);
    for n in 0..20 {
        world.post(2, &format!("Carol's {n}"), everyone());
    }
    world.run(5_000);
    let after = kept(&mut world);
    assert_eq!(after[0].0, "Carol", "who takes most stands first: {after:?}");
    let bob = |all: &[(String, u64)]| all.iter().find(|(name, _)| name == "Bob").map(|(_, bytes)| *bytes);
    assert_eq!(bob(&after), bob(&before), "Bob has said nothing");
    assert!(after[0].1 >= before.iter().map(|(_, bytes)| *bytes).min().unwrap_or(0) + 20 * 256);
}
