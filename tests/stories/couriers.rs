//! Delivery by friends while the author is away.

use tidings::id::ParcelId;
use tidings::limits::MAIL_SENDER_LIMIT;
use tidings::link::Protocol;
use tidings::mail;
use tidings::store::Tree;

use super::people::{circle, everyone, except, only, strangers};
use super::world::World;

#[test]
fn a_friend_who_was_away_gets_the_moment_from_a_mutual_friend() {
    let mut world = circle(80, &["Alice", "Carol", "Dave"]);
    world.stop(2);
    world.run(1_000);
    world.post(0, "while you were out", everyone());
    world.run(1_000);
    world.stop(0);
    world.run(1_000);
    world.start(2);
    world.run(5_000);
    assert!(world.sees(2, "while you were out"));
}

#[test]
fn a_rule_first_used_while_a_friend_is_away_reaches_them_by_courier() {
    let mut world = circle(81, &["Alice", "Bob", "Carol", "Dave"]);
    world.stop(3);
    world.run(2_000);
    world.post(0, "not Bob", except(&["Bob"]));
    world.run(2_000);
    world.stop(0);
    world.run(1_000);
    world.start(3);
    world.run(5_000);
    assert!(world.sees(3, "not Bob"));
    assert!(!world.sees(1, "not Bob"));
}

#[test]
fn what_a_courier_brought_is_not_brought_again_once_it_was_acknowledged() {
    let mut world = circle(82, &["Alice", "Carol", "Dave"]);
    world.stop(2);
    world.run(2_000);
    world.tag(0, "two", &["Carol", "Dave"]);
    world.post(0, "new rule", only(&["two"]));
    world.run(2_000);
    world.stop(0);
    world.start(2);
    world.run(5_000);
    assert!(world.sees(2, "new rule"));
    world.start(0);
    world.run(20_000);
    let status = world.ask(0, |service| service.status()).expect("a status");
    assert!(status.waiting.is_empty(), "{:?}", status.waiting);
    let before = world.nodes[2].received.len();
    world.cut(0, 2);
    world.run(20_000);
    let parcels = world.nodes[2].received[before..].iter().filter(|f| f.kind == "Deliver").count();
    assert_eq!(parcels, 0, "everything was acknowledged");
}

#[test]
fn a_changed_address_is_learnt_through_a_mutual_friend() {
    let mut world = circle(83, &["Alice", "Bob", "Carol"]);
    // Alice and Bob both move while apart; Carol stays where she is.
    world.stop(0);
    world.moves(1, 101);
    world.run(2_000);
    world.moves(0, 102);
    world.start(0);
    world.run(30_000);
    assert!(world.is_linked(0, 1), "Carol brought them together");
    world.post(0, "moved", everyone());
    world.run(1_000);
    assert!(world.sees(1, "moved"));
}

#[test]
fn friends_of_friends_carry_nothing_for_strangers() {
    let mut world = strangers(84, &["Alice", "Bob", "Carol"]);
    world.befriend(0, 1);
    world.befriend(1, 2);
    world.post(0, "for Bob", everyone());
    world.run(700_000);
    assert!(world.sees(1, "for Bob") && !world.sees(2, "for Bob"));
}

#[test]
fn who_comes_later_is_given_it_to_carry_too() {
    let mut world = circle(85, &["Alice", "Bob", "Carol", "Dave"]);
    world.stop(2);
    world.stop(3);
    world.run(2_000);
    world.tag(0, "all", &["Bob", "Carol", "Dave"]);
    world.post(0, "new rule", only(&["all"]));
    world.run(2_000);
    // Bob carries it by now, and will not be there when Dave comes.
    world.start(2);
    world.run(5_000);
    world.stop(0);
    world.stop(1);
    world.run(1_000);
    world.start(3);
    world.run(5_000);
    assert!(world.sees(3, "new rule"));
}

#[test]
fn a_courier_without_room_is_asked_once_more_and_another_at_once() {
    let mut world = circle(86, &["Alice", "Bob", "Carol", "Dave"]);
    world.stop(3);
    world.run(2_000);
    // Bob keeps as much for Alice as he keeps for anybody.
    let of_dave = world.nodes[3].received.iter();
    let parcel = of_dave.filter(|received| received.protocol == Protocol::Mail).find_map(|received| {
        match mail::Frame::decode(&received.frame) {
            Ok(Some(mail::Frame::Deliver(envelope))) => Some(envelope),
            _ => None,
        }
    });
    let parcel = parcel.expect("Dave got a parcel");
    let size = mail::Frame::Put(parcel.clone()).encode().len() - 2;
    for number in 0..MAIL_SENDER_LIMIT / size + 1 {
        let mut envelope = parcel.clone();
        envelope.parcel_id = ParcelId::from_bytes(u128::try_from(number).expect("few").to_be_bytes());
        assert!(world.inject(0, 1, Protocol::Mail, mail::Frame::Put(envelope).encode()));
    }
    world.run(2_000);
    let puts = |world: &World, who: usize, from: usize| {
        world.nodes[who].received[from..].iter().filter(|received| received.kind == "Put").count()
    };
    let (bob, carol) = (world.nodes[1].received.len(), world.nodes[2].received.len());
    world.tag(0, "all", &["Bob", "Carol", "Dave"]);
    world.post(0, "new rule", only(&["all"]));
    world.run(10_000);
    let (first, carried) = (puts(&world, 1, bob), puts(&world, 2, carol));
    assert!((1..=2).contains(&first) && carried >= 1, "{first} and {carried}");
    world.run(290_000);
    let again = puts(&world, 1, bob);
    assert!(again > first && again <= 2 * first, "{again} after {first}");
    assert_eq!(puts(&world, 2, carol), carried, "she has it");
    // On each connection anew; of what nobody took nothing is remembered, so that Carol's Ack counts.
    // What is minted ahead has its parcels first.
    world.run(1_200_000);
    let before = world.records(0, Tree::Owed, &[]);
    for _ in 0..20 {
        world.cut(0, 1);
        world.run(100_000);
    }
    assert!(puts(&world, 1, bob) > again);
    assert_eq!(world.records(0, Tree::Owed, &[]), before);
    world.stop(1);
    world.start(3);
    world.run(20_000);
    assert!(world.sees(3, "new rule"));
    let status = world.ask(0, |service| service.status()).expect("a status");
    assert!(status.waiting.is_empty(), "{:?}", status.waiting);
}
