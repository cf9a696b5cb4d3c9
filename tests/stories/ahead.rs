//! Keys that are there before the first moment.

use tidings::limits::EPOCH_AHEAD_OPEN_LIMIT;
use tidings::store::Tree;
use tidings::time::DAY_MS;

use super::people::{circle, everyone, except, only};
use super::world::{Who, World};

const MINUTE_MS: u64 = 60_000;
/// Longer than people have to be left alone before anything is minted ahead, and a look at slow things.
const REST_MS: u64 = 12 * MINUTE_MS;

/// Epochs that somebody knows, their own among them.
fn epochs(world: &mut World, who: Who) -> usize {
    world.records(who, Tree::State, b"e")
}

/// Parcels that reached anybody by now.
fn parcels(world: &World) -> usize {
    let received = world.nodes.iter().flat_map(|node| &node.received);
    received.filter(|frame| frame.kind == "Deliver" || frame.kind == "Put").count()
}

#[test]
fn once_people_are_left_alone_the_first_moment_needs_no_parcel() {
    let mut world = circle(90, &["Alice", "Carol", "Dave"]);
    world.run(REST_MS);
    world.stop(2);
    world.run(5_000);
    let before = parcels(&world);
    world.post(0, "the very first", everyone());
    world.run(5_000);
    world.stop(0);
    world.start(2);
    world.run(20_000);
    assert!(world.sees(1, "the very first") && world.sees(2, "the very first"));
    assert_eq!(parcels(&world), before, "Dave had the keys before there was a moment");
}

#[test]
fn nothing_is_minted_while_somebody_is_still_sorting_friends() {
    let mut world = circle(91, &["Alice", "Carol", "Dave"]);
    world.run(REST_MS);
    let before = epochs(&mut world, 0);
    for name in ["Carol", "Dave"] {
        world.tag(0, "family", &[name]);
        world.run(8 * MINUTE_MS);
        assert_eq!(epochs(&mut world, 0), before, "{name} has just been tagged");
    }
    world.run(REST_MS);
    // Only the family; all but the family is nobody, and for nobody nothing is minted.
    assert_eq!(epochs(&mut world, 0), before + 1);
    let parcels_before = parcels(&world);
    world.post(0, "dinner", only(&["family"]));
    world.run(5_000);
    assert!(world.sees(1, "dinner") && world.sees(2, "dinner"));
    assert_eq!(parcels(&world), parcels_before);
}

#[test]
fn whoever_is_left_out_gets_neither_keys_nor_moments() {
    let mut world = circle(92, &["Alice", "Bob", "Carol"]);
    world.run(REST_MS);
    let before = [epochs(&mut world, 1), epochs(&mut world, 2)];
    world.tag(0, "work", &["Bob"]);
    world.run(REST_MS);
    // Bob is in "only work", Carol in "all but work".
    assert_eq!([epochs(&mut world, 1), epochs(&mut world, 2)], before.map(|known| known + 1));
    world.post(0, "not at work", except(&["work"]));
    world.run(20_000);
    assert!(world.sees(2, "not at work") && !world.sees(1, "not at work"));
    // Carol joins them: what was minted for "all but work" is hers alone and is written under no more.
    world.tag(0, "work", &["Carol"]);
    world.run(REST_MS);
    assert!(world.ask(0, |service| service.dry_run(&except(&["work"]))).is_ok_and(|run| run.may_read == 0));
    world.post(0, "for nobody now", except(&["work"]));
    world.run(20_000);
    assert!(!world.sees(1, "for nobody now") && !world.sees(2, "for nobody now"));
}

/// All are there for some minutes, and then away for a number of days: a week at most, lest clocks be doubted.
fn meet_after(world: &mut World, days: u64) {
    for who in 0..world.nodes.len() {
        world.stop(who);
    }
    world.run(days * DAY_MS);
    for who in 0..world.nodes.len() {
        world.start(who);
    }
    world.run(3 * MINUTE_MS);
}

#[test]
fn the_next_epoch_is_with_friends_before_the_last_one_ends_and_follows_it() {
    let mut world = circle(93, &["Alice", "Bob"]);
    world.run(REST_MS);
    world.post(0, "day one", everyone());
    let first = epochs(&mut world, 0);
    for _ in 0..3 {
        meet_after(&mut world, 6);
    }
    assert_eq!(epochs(&mut world, 0), first, "nothing is minted on day 18");
    world.post(0, "day eighteen", everyone());
    meet_after(&mut world, 6);
    let next = epochs(&mut world, 0);
    // Two of Alice's and two of Bob's: for everyone, and for records and comments.
    assert_eq!(next, first + 4, "day 24");
    world.post(0, "day twenty-four", everyone());
    world.run(5_000);
    for _ in 0..2 {
        meet_after(&mut world, 6);
    }
    let before = epochs(&mut world, 0);
    world.post(0, "day thirty-six", everyone());
    world.run(5_000);
    assert_eq!(epochs(&mut world, 0), before, "the write minted nothing");
    for text in ["day one", "day eighteen", "day twenty-four", "day thirty-six"] {
        assert!(world.sees(1, text), "{text}");
    }
    let open = world.ask(0, |service| service.status()).expect("a status");
    assert!(open.waiting.is_empty(), "{:?}", open.waiting);
}

#[test]
fn so_many_epochs_that_may_be_written_under_leave_no_room_for_others_ahead_and_old_ones_do() {
    let names = ["Bob", "Carol", "Dave", "Eve", "Ada"];
    let mut world = circle(94, &["Alice", "Bob", "Carol", "Dave", "Eve", "Ada"]);
    world.run(REST_MS);
    let some = |bits: usize| (0..names.len()).filter(move |at| bits >> at & 1 == 1).map(|at| names[at]);
    // One for everyone is there: with these there is room for one.
    for bits in 1..=EPOCH_AHEAD_OPEN_LIMIT - 2 {
        world.post(0, &format!("for {bits}"), only(&some(bits).collect::<Vec<_>>()));
    }
    world.run(5_000);
    let before = epochs(&mut world, 0);
    world.tag(0, "family", &["Bob"]);
    world.run(REST_MS);
    assert_eq!(epochs(&mut world, 0), before + 1, "only the family; none for all but the family");
    for _ in 0..6 {
        meet_after(&mut world, 6);
    }
    let parcels_before = parcels(&world);
    world.post(0, "for all", everyone());
    world.run(5_000);
    assert!(world.sees(1, "for all"));
    assert_eq!(
        parcels(&world),
        parcels_before,
        "on day 36 the old ones are too old, and it was minted ahead"
    );
}
