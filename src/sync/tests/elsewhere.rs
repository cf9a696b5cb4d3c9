//! What was asked of one peer is asked of others only if it does not come.

use crate::limits::{WANT_CHUNK, WANT_ELSEWHERE_MS};
use crate::sync::testing::*;
use crate::sync::*;

fn entry(seq: u64) -> Bytes {
    Bytes::new(epoch_id(0), seq, 0, 300)
}

fn is_in_sync(net: &Net) -> bool {
    net.links[0].outputs.iter().all(|outputs| outputs.contains(&Output::InSync { epoch: epoch_id(0) }))
}

/// Two who share an epoch by tag, of which the second has entries that the first lacks and has asked others for.
fn asked_of_others(entries: u64) -> Net {
    let mut net = Net::new(2, 3);
    for node in &mut net.nodes {
        node.keys.push(Keys::new(0, 5, Class::Posts, &[]));
    }
    for seq in 0..entries {
        net.hold(1, &entry(seq));
    }
    net.nodes[0].ledger.on_their_way.insert(epoch_id(0), IntervalSet::from_range(0, entries - 1));
    net.connect(0, 1);
    net.settle();
    net
}

fn wanted(net: &Net) -> Vec<IntervalSet> {
    let frames = net.links[0].frames[0].iter().filter_map(|frame| Frame::decode(frame).ok().flatten());
    frames
        .filter_map(|frame| if let Frame::Want { intervals, .. } = frame { Some(intervals) } else { None })
        .collect()
}

#[test]
fn what_was_asked_of_others_is_asked_here_once_they_had_their_time() {
    let mut net = asked_of_others(4);
    net.elapse(WANT_ELSEWHERE_MS - 1);
    assert_eq!(wanted(&net), []);
    net.elapse(1);
    assert_eq!(wanted(&net), [IntervalSet::from_range(0, 3)]);
    net.elapse(5_000);
    assert_eq!(net.nodes[0].ledger.seqs(epoch_id(0)).len(), 4);
    assert!(is_in_sync(&net));
}

#[test]
fn what_waits_for_others_is_not_looked_at_again_for_being_announced_again() {
    let mut net = asked_of_others(4);
    let looks = net.nodes[0].ledger.looks.get();
    assert!(looks > 0);
    let handle = net.links[0].frames[1].iter().find_map(|frame| match Frame::decode(frame) {
        Ok(Some(Frame::Have(have))) => Some(have.handle),
        _ => None,
    });
    let head = Frame::Head { handle: handle.expect("it listed what it has"), seq: 2 }.encode();
    for _ in 0..100 {
        let now = net.now;
        net.links[0].sessions[0].handle_frame(&head, now, &net.nodes[0].ledger);
        net.drain(0, 0);
    }
    assert_eq!(net.faults(), Vec::<&Fault>::new());
    assert_eq!(net.nodes[0].ledger.looks.get(), looks);
}

#[test]
fn what_others_brought_is_not_asked_here() {
    let mut net = asked_of_others(4);
    for seq in 0..4 {
        net.hold(0, &entry(seq));
        let now = net.now;
        net.links[0].sessions[0].came_from_elsewhere(&epoch_id(0), seq);
        net.links[0].sessions[0].announce(&epoch_id(0), seq, now);
    }
    net.elapse(2 * WANT_ELSEWHERE_MS);
    assert_eq!(wanted(&net), []);
    assert!(is_in_sync(&net));
}

#[test]
fn the_newest_wait_for_others_no_longer_for_all_that_is_older() {
    let mut net = asked_of_others(4 * WANT_CHUNK);
    net.nodes[0]
        .ledger
        .on_their_way
        .insert(epoch_id(0), IntervalSet::from_range(3 * WANT_CHUNK, 4 * WANT_CHUNK - 1));
    let mut net2 = Net::new(2, 3);
    std::mem::swap(&mut net2.nodes, &mut net.nodes);
    net2.connect(0, 1);
    net2.settle();
    let asked = |net: &Net| wanted(net).iter().fold(IntervalSet::new(), |all, some| all.union(some));
    assert_eq!(asked(&net2).highest(), Some(3 * WANT_CHUNK - 1), "the rest at once");
    net2.elapse(WANT_ELSEWHERE_MS);
    assert_eq!(asked(&net2).highest(), Some(4 * WANT_CHUNK - 1));
}

#[test]
fn what_came_without_its_body_is_asked_of_who_may_have_it() {
    let mut net = asked_of_others(2);
    for seq in 0..2 {
        let bytes = entry(seq);
        net.nodes[0].ledger.take_header(&bytes.header);
        let now = net.now;
        net.links[0].sessions[0].announce(&epoch_id(0), seq, now);
    }
    net.elapse(WANT_ELSEWHERE_MS);
    assert_eq!(wanted(&net), [IntervalSet::from_range(0, 1)]);
}

#[test]
fn an_author_is_asked_whatever_others_were_asked() {
    let mut net = Net::new(2, 3);
    for node in &mut net.nodes {
        node.keys.push(Keys::new(0, 1, Class::Posts, &[0]));
    }
    net.hold(1, &entry(0));
    net.nodes[0].ledger.on_their_way.insert(epoch_id(0), IntervalSet::from_range(0, 0));
    net.connect(0, 1);
    net.settle();
    assert_eq!(wanted(&net), [IntervalSet::from_range(0, 0)]);
}

#[test]
fn who_brings_nothing_is_waited_for_once() {
    let mut net = asked_of_others(1);
    net.elapse(WANT_ELSEWHERE_MS);
    assert_eq!(wanted(&net).len(), 1);
    for seq in 1..5 {
        net.nodes[0].ledger.on_their_way.insert(epoch_id(0), IntervalSet::from_range(0, 100));
        net.hold(1, &entry(seq));
        let now = net.now;
        net.links[0].sessions[1].announce(&epoch_id(0), seq, now);
        net.settle();
        assert_eq!(wanted(&net).len(), 1 + seq as usize, "at once");
    }
    // Once others did bring something they are waited for again.
    net.links[0].sessions[0].came_from_elsewhere(&epoch_id(0), 7);
    net.hold(1, &entry(9));
    let now = net.now;
    net.links[0].sessions[1].announce(&epoch_id(0), 9, now);
    net.settle();
    assert_eq!(wanted(&net).len(), 6, "nothing was missing that they brought");
}

#[test]
fn a_peer_that_does_not_answer_counts_as_asked_for_a_while_only() {
    let mut net = asked_of_others(1);
    net.nodes[0].ledger.on_their_way.clear();
    net.elapse(WANT_ELSEWHERE_MS);
    let link = &net.links[0];
    assert_eq!(link.sessions[0].asking(&epoch_id(0), net.now), None, "it has answered");
    net.hold(1, &entry(9));
    let now = net.now;
    net.links[0].sessions[1].announce(&epoch_id(0), 9, now);
    while net.links[0].sessions[0].asking(&epoch_id(0), net.now).is_none() {
        assert!(net.deliver(0, 0) || net.drain(0, 1) || net.deliver(0, 1), "it is asked");
    }
    let asking = |net: &Net, ms| net.links[0].sessions[0].asking(&epoch_id(0), net.now.plus_ms(ms)).cloned();
    assert_eq!(asking(&net, WANT_ELSEWHERE_MS - 1), Some(IntervalSet::from_range(9, 9)));
    assert_eq!(asking(&net, WANT_ELSEWHERE_MS), None);
}

#[test]
fn what_nobody_else_was_asked_for_is_asked_at_once() {
    let mut net = asked_of_others(4);
    net.write(1, &entry(4));
    net.hold(1, &entry(9));
    let now = net.now;
    net.links[0].sessions[1].announce(&epoch_id(0), 9, now);
    net.settle();
    assert_eq!(wanted(&net), [IntervalSet::from_range(9, 9)]);
    // And whoever claims more and more makes nothing wait for longer.
    net.elapse(WANT_ELSEWHERE_MS - 10);
    net.hold(1, &entry(11));
    net.nodes[0].ledger.on_their_way.insert(epoch_id(0), IntervalSet::from_range(0, 100));
    let now = net.now;
    net.links[0].sessions[1].announce(&epoch_id(0), 11, now);
    net.elapse(10);
    let all: IntervalSet = wanted(&net).iter().fold(IntervalSet::new(), |all, some| all.union(some));
    assert!((0..4).all(|seq| all.contains(seq)) && all.contains(11), "{all:?}");
}
