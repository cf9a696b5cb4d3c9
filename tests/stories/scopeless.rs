//! Hostile friends.

use tidings::link::Protocol;
use tidings::sync::{EntryFrame, Frame};

use super::people::{circle, everyone};
use super::world::World;

/// A moment of Alice's as it reached Mallory, and the network: Alice, Bob, Mallory, all friends.
fn entry_of_alices() -> (World, EntryFrame) {
    let mut world = circle(710, &["Alice", "Bob", "Mallory"]);
    world.nodes[2].received.clear();
    world.post(0, "hello", everyone());
    world.run(5_000);
    let entry = world.nodes[2].received.iter().find_map(|received| match Frame::decode(&received.frame) {
        Ok(Some(Frame::Entry(entry))) if received.from == 0 && received.protocol == Protocol::Sync => {
            Some(entry)
        }
        _ => None,
    });
    (world, entry.expect("Alice sent it"))
}

/// What Mallory hears from Bob on sync within a second of sending him an entry without a scope.
fn heard_after(mut entry: EntryFrame, change: impl Fn(&mut [u8])) -> Vec<&'static str> {
    let (mut world, _) = entry_of_alices();
    entry.handle = None;
    change(&mut entry.header[..]);
    world.run(120_000);
    world.nodes[2].received.clear();
    assert!(world.inject(2, 1, Protocol::Sync, Frame::Entry(entry).encode()));
    world.run(1_000);
    let heard = world.nodes[2].received.iter().filter(|r| r.from == 1 && r.protocol == Protocol::Sync);
    heard.map(|received| received.kind).collect()
}

#[test]
fn a_granted_entry_that_is_not_the_authors_tells_its_sender_nothing_of_the_epochs_we_hold() {
    let (_, entry) = entry_of_alices();
    // Another number of an epoch that Bob holds: its signature does not fit.
    let held = heard_after(entry.clone(), |header| header[20] ^= 1);
    // An epoch that he does not hold.
    let not_held = heard_after(entry, |header| header[5] ^= 1);
    assert_eq!(held, not_held);
    assert_eq!(held, Vec::<&str>::new(), "the session goes on in silence");
}
