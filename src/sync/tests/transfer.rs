//! Moving entries: equal sets after any difference, nothing twice, bytes bounded; floors, forks, deletions, pushes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::id::EntryId;
use crate::limits::{
    DIGEST_DELAY_MS, EARLY_ENTRY_BYTES_LIMIT, EARLY_ENTRY_HOLD_MS, HAVE_INTERVAL_LIMIT, PUSH_BODY_LIMIT,
    WANT_IDS_LIMIT, WANT_OUTSTANDING_LIMIT, WANT_TIMEOUT_MS,
};
use crate::sync::testing::*;
use crate::sync::*;

const DIGEST: u8 = 5;
const HAVE: u8 = 6;
const WANT: u8 = 7;
const WANT_IDS: u8 = 8;
const ENTRY: u8 = 9;
const IDS: u8 = 11;
const HEAD: u8 = 12;

fn entry(seq: u64) -> Bytes {
    Bytes::new(epoch_id(0), seq, 0, 300)
}

fn count(link: &Link, side: usize, variant: u8) -> usize {
    link.traces[side].iter().filter(|(sent, _)| *sent == variant).count()
}

fn assert_nothing_twice(net: &Net) {
    for link in &net.links {
        for sent in &link.entries {
            let again: Vec<_> = sent.iter().filter(|(_, times)| **times > 1).collect();
            assert!(again.is_empty(), "sent more than once: {again:?}");
        }
    }
}

fn is_in_sync(net: &Net) -> bool {
    let last = |outputs: &Vec<Output>| outputs.contains(&Output::InSync { epoch: epoch_id(0) });
    net.links[0].outputs.iter().all(last)
}

fn seqs() -> impl Strategy<Value = BTreeSet<u64>> {
    proptest::collection::btree_set(0u64..400, 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn both_ends_are_equal_after_any_difference(a in seqs(), b in seqs(), seed: u64, a_opens: bool) {
        let mut net = Net::pair(seed);
        for (node, held) in [&a, &b].into_iter().enumerate() {
            for seq in held {
                net.hold(node, &entry(*seq));
            }
        }
        if a_opens { net.connect(0, 1) } else { net.connect(1, 0) };
        net.settle();
        let union: BTreeSet<u64> = a.union(&b).copied().collect();
        prop_assert_eq!(net.nodes[0].ledger.seqs(epoch_id(0)), union.clone());
        prop_assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)), union);
        prop_assert!(is_in_sync(&net));
        prop_assert_eq!(net.faults().len(), 0);
        assert_nothing_twice(&net);
        // What had to move, one Entry frame each, and per entry at most a Want's share; the fixed part is Hello, four
        // rounds of tags and a few pages of at most 4.2 KiB.
        let moved = a.symmetric_difference(&b).count();
        let bound = 6_000 + 6 * 4_200 + moved * (6 + 186 + 300 + 40);
        prop_assert!(net.bytes_sent() <= bound, "{} bytes for {moved} entries", net.bytes_sent());
        for link in &net.links {
            prop_assert!(link.traces.iter().all(|trace| trace.iter().filter(|(v, _)| *v == HAVE).count() <= 3));
        }
    }

    #[test]
    fn logs_of_many_pages_become_equal(gaps in proptest::collection::vec(1u64..4, 300..700), missing in seqs(), fork in 0u64..400) {
        let mut net = Net::pair(1);
        let mut seq = 0;
        let mut all = BTreeSet::new();
        for (index, gap) in gaps.iter().enumerate() {
            seq += gap + 1;
            all.insert(seq);
            net.hold(0, &entry(seq));
            if !missing.contains(&(index as u64)) {
                net.hold(1, &entry(seq));
            }
        }
        let forked = *all.iter().nth(fork as usize % all.len()).unwrap();
        net.hold(1, &Bytes::new(epoch_id(0), forked, 1, 300));
        net.connect(1, 0);
        net.settle();
        prop_assert_eq!(net.nodes[0].ledger.known(epoch_id(0)), net.nodes[1].ledger.known(epoch_id(0)));
        prop_assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)), all);
        prop_assert!(is_in_sync(&net));
        prop_assert_eq!(net.faults().len(), 0);
    }

    #[test]
    fn nothing_below_the_higher_floor_is_asked_for(a in seqs(), b in seqs(), floors in (0u64..300, 0u64..300)) {
        let mut net = Net::pair(1);
        for (node, (held, floor)) in [(&a, floors.0), (&b, floors.1)].into_iter().enumerate() {
            for seq in held {
                net.hold(node, &entry(*seq));
            }
            net.nodes[node].ledger.raise_floor(epoch_id(0), floor);
        }
        let before = [net.nodes[0].ledger.seqs(epoch_id(0)), net.nodes[1].ledger.seqs(epoch_id(0))];
        net.connect(0, 1);
        net.settle();
        let floor = floors.0.max(floors.1);
        for side in 0..2 {
            for frame in &net.links[0].frames[side] {
                if let Ok(Some(Frame::Want { intervals, .. })) = Frame::decode(frame) {
                    prop_assert!(intervals.lowest() >= Some(floor), "asked below the floor");
                }
            }
            let after = net.nodes[side].ledger.seqs(epoch_id(0));
            let expected: BTreeSet<u64> = before[side].iter().copied()
                .chain(before[1 - side].iter().copied().filter(|seq| *seq >= floor)).collect();
            prop_assert_eq!(after, expected);
        }
        prop_assert!(is_in_sync(&net), "equal above the higher floor");
        prop_assert_eq!(net.faults().len(), 0);
    }

    #[test]
    fn a_fork_of_any_variants_ends_with_the_same_two(a in proptest::collection::btree_set(0u8..8, 1..6), b in proptest::collection::btree_set(0u8..8, 1..6)) {
        let mut net = Net::pair(1);
        let mut all: BTreeSet<EntryId> = BTreeSet::new();
        for (node, variants) in [&a, &b].into_iter().enumerate() {
            for variant in variants {
                let bytes = Bytes::new(epoch_id(0), 5, *variant, 300);
                all.insert(bytes.id());
                net.hold(node, &bytes);
            }
        }
        net.connect(0, 1);
        net.settle();
        let lowest: BTreeSet<(u64, EntryId)> = all.into_iter().take(2).map(|id| (5, id)).collect();
        prop_assert_eq!(net.nodes[0].ledger.known(epoch_id(0)), lowest.clone());
        prop_assert_eq!(net.nodes[1].ledger.known(epoch_id(0)), lowest);
        prop_assert!(is_in_sync(&net));
    }
}

#[test]
fn a_fork_in_pages_that_are_cut_at_different_numbers_is_known_on_both_sides() {
    // One interval more than two pages hold, on one side only: its second page begins above the lowest number.
    let pages = 2 * HAVE_INTERVAL_LIMIT as u64;
    let mut net = Net::pair(1);
    for seq in (0..=pages).map(|n| 2 * n) {
        net.hold(0, &entry(seq));
        if seq > 0 && seq != 100 {
            net.hold(1, &entry(seq));
        }
    }
    net.hold(1, &Bytes::new(epoch_id(0), 100, 1, 300));
    net.connect(1, 0);
    net.settle();
    assert_eq!(net.nodes[0].ledger.known(epoch_id(0)), net.nodes[1].ledger.known(epoch_id(0)));
    assert_eq!(net.nodes[0].ledger.known(epoch_id(0)).len() as u64, pages + 2);
    assert!(is_in_sync(&net));
}

#[test]
fn equal_logs_cost_a_digest_each() {
    let mut net = Net::pair(1);
    for node in 0..2 {
        for seq in 0..5_000 {
            net.hold(node, &entry(seq));
        }
    }
    net.connect(0, 1);
    net.elapse(60_000);
    for side in 0..2 {
        assert_eq!(count(&net.links[0], side, DIGEST), 1);
        assert_eq!(count(&net.links[0], side, HAVE), 0);
    }
    assert!(is_in_sync(&net));
}

#[test]
fn ten_scattered_gaps_cost_ten_entries_and_a_few_short_frames() {
    let mut net = Net::pair(1);
    for seq in 0..5_000 {
        net.hold(0, &entry(seq));
        if seq % 500 != 250 {
            net.hold(1, &entry(seq));
        }
    }
    net.connect(0, 1);
    net.settle();
    assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)).len(), 5_000);
    assert_eq!(count(&net.links[0], 0, ENTRY), 10);
    let rest: usize = net.links[0]
        .traces
        .iter()
        .flatten()
        .filter(|(v, _)| (DIGEST..ENTRY).contains(v))
        .map(|(_, len)| len)
        .sum();
    assert!(rest < 1_000, "{rest} bytes beside entries and tags");
}

#[test]
fn the_newest_of_every_scope_come_first_and_records_before_moments() {
    let mut net = Net::new(2, 1);
    for (number, class) in [(0, Class::Posts), (1, Class::Posts), (2, Class::Contact)] {
        for node in &mut net.nodes {
            node.keys.push(Keys::new(number, 0, class, &[1]));
        }
        for seq in 0..200 {
            net.hold(0, &Bytes::new(epoch_id(number), seq, 0, 300));
        }
    }
    net.connect(0, 1);
    net.settle();
    let came: Vec<(usize, u64)> = net.links[0].outputs[1]
        .iter()
        .filter_map(|output| match output {
            Output::Entry { epoch, seq, .. } => Some(((0..3).find(|n| epoch_id(*n) == *epoch)?, *seq)),
            _ => None,
        })
        .collect();
    assert_eq!(came.len(), 600);
    assert_eq!(came[0], (2, 199));
    let last_record = came.iter().rposition(|(number, _)| *number == 2).unwrap();
    assert_eq!(last_record, 199, "all of ~contact before the first moment");
    let first_of = |number| came.iter().position(|at| *at == (number, 199)).unwrap();
    assert!(first_of(0).max(first_of(1)) < 200 + 65, "the newest of both authors in the first chunks");
    let old = came.iter().position(|at| *at == (0, 100) || *at == (1, 100)).unwrap();
    assert!(old > first_of(0).max(first_of(1)));
}

#[test]
fn a_fresh_entry_is_pushed_at_once_and_acknowledged_by_its_head() {
    let mut net = Net::pair(1);
    net.connect(0, 1);
    net.elapse(5_000);
    let before = net.links[0].traces[0].len();
    net.write(0, &entry(0));
    net.drain(0, 0);
    assert_eq!(net.links[0].traces[0][before..].iter().map(|(v, _)| *v).collect::<Vec<_>>(), [ENTRY]);
    net.settle();
    assert_eq!(count(&net.links[0], 1, HEAD), 1);
    let has = Output::PeerHas { epoch: epoch_id(0), seqs: IntervalSet::from_range(0, 0) };
    assert!(net.links[0].outputs[0].contains(&has));
    net.elapse(DIGEST_DELAY_MS);
    assert_eq!(count(&net.links[0], 0, WANT) + count(&net.links[0], 1, WANT), 0);
    assert_nothing_twice(&net);
}

#[test]
fn a_body_above_8_kib_is_announced_and_fetched() {
    for (len, is_pushed) in [(PUSH_BODY_LIMIT, true), (PUSH_BODY_LIMIT + 1, false)] {
        let mut net = Net::pair(1);
        net.connect(0, 1);
        net.elapse(5_000);
        net.write(0, &Bytes::new(epoch_id(0), 0, 0, len));
        net.settle();
        assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)), BTreeSet::from([0]));
        assert_eq!(count(&net.links[0], 0, HEAD), usize::from(!is_pushed));
        assert_eq!(count(&net.links[0], 1, WANT), usize::from(!is_pushed));
        assert_nothing_twice(&net);
    }
}

#[test]
fn what_comes_by_one_friend_goes_on_to_another_by_head_and_never_back() {
    let mut net = Net::new(3, 1);
    for node in &mut net.nodes {
        node.keys.push(Keys::new(0, 0, Class::Contact, &[1]));
    }
    net.connect(0, 1);
    net.connect(1, 2);
    net.elapse(5_000);
    net.write(0, &entry(0));
    net.elapse(5_000);
    assert_eq!(net.nodes[2].ledger.seqs(epoch_id(0)), BTreeSet::from([0]));
    assert_eq!(count(&net.links[1], 0, HEAD), 1);
    assert_eq!(count(&net.links[1], 0, ENTRY), 1);
    assert_eq!(count(&net.links[0], 1, ENTRY) + count(&net.links[1], 1, ENTRY), 0);
    assert_nothing_twice(&net);
}

#[test]
fn in_a_full_mesh_an_entry_crosses_each_link_once_at_most() {
    let nodes = 5;
    let mut net = Net::new(nodes, 1);
    for node in &mut net.nodes {
        node.keys.push(Keys::new(0, 0, Class::Contact, &[1, 2, 3, 4]));
    }
    for a in 0..nodes {
        for b in 0..a {
            net.connect(a, b);
        }
    }
    net.elapse(5_000);
    for seq in 0..20 {
        net.write(0, &entry(seq));
        net.elapse(700);
    }
    net.elapse(5_000);
    assert!(net.nodes.iter().all(|node| node.ledger.seqs(epoch_id(0)).len() == 20));
    assert_nothing_twice(&net);
    let sent: usize = (0..net.links.len())
        .map(|link| count(&net.links[link], 0, ENTRY) + count(&net.links[link], 1, ENTRY))
        .sum();
    assert_eq!(sent, 20 * (nodes - 1), "every entry came to everybody exactly once");
}

#[test]
fn an_entry_whose_keys_are_on_the_way_waits_for_them() {
    for late in [EARLY_ENTRY_HOLD_MS - 1_000, EARLY_ENTRY_HOLD_MS + 1_000] {
        let mut net = Net::new(2, 1);
        net.nodes[0].keys.push(Keys::new(0, 0, Class::Posts, &[1]));
        net.connect(0, 1);
        net.elapse(5_000);
        net.write(0, &entry(0));
        net.elapse(late);
        assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)), BTreeSet::new());
        net.learn(1, Keys::new(0, 0, Class::Posts, &[1]));
        net.drain(0, 1);
        let is_here = net.nodes[1].ledger.seqs(epoch_id(0)).contains(&0);
        assert_eq!(is_here, late < EARLY_ENTRY_HOLD_MS, "held for a minute");
        net.elapse(200_000);
        assert!(net.faults().is_empty());
        assert!(net.links[0].outputs[0].contains(&Output::Matched { epoch: epoch_id(0) }));
    }
}

#[test]
fn early_entries_are_held_up_to_a_mebibyte() {
    let mut net = Net::new(2, 1);
    net.nodes[0].keys.push(Keys::new(0, 0, Class::Posts, &[1]));
    net.connect(0, 1);
    net.elapse(5_000);
    let each = HEADER_LEN + PUSH_BODY_LIMIT;
    let fit = EARLY_ENTRY_BYTES_LIMIT / each;
    for seq in 0..fit as u64 + 20 {
        net.write(0, &Bytes::new(epoch_id(0), seq, 0, PUSH_BODY_LIMIT));
        net.settle();
    }
    net.learn(1, Keys::new(0, 0, Class::Posts, &[1]));
    net.drain(0, 1);
    assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)).len(), fit);
    assert!(net.faults().is_empty());
}

/// I15: the order of a tombstone and its entry does not matter.
#[test]
fn a_deleted_entry_is_known_and_never_comes_back() {
    let (bytes, other) = (entry(1), entry(2));
    for tombstone_first in [true, false] {
        let mut net = Net::pair(1);
        // The writer deleted it; the reader has the tombstone (by another way) before or after the entry.
        net.hold(0, &bytes);
        net.hold(0, &other);
        net.nodes[0].ledger.delete(epoch_id(0), 1, bytes.id());
        if !tombstone_first {
            net.hold(1, &bytes);
        }
        net.nodes[1].ledger.delete(epoch_id(0), 1, bytes.id());
        net.connect(0, 1);
        net.settle();
        assert_eq!(net.nodes[1].ledger.kept(epoch_id(0), 1, bytes.id()), Some(&Kept::Id));
        assert_eq!(net.nodes[0].ledger.known(epoch_id(0)), net.nodes[1].ledger.known(epoch_id(0)));
        assert_eq!(count(&net.links[0], 0, ENTRY), 1, "only the other entry was sent");
        assert!(is_in_sync(&net));
    }
}

#[test]
fn gone_without_a_tombstone_changes_nothing_and_is_not_asked_for_again() {
    let bytes = entry(1);
    let mut net = Net::pair(1);
    net.hold(0, &bytes);
    net.nodes[0].ledger.delete(epoch_id(0), 1, bytes.id());
    net.connect(0, 1);
    net.elapse(100_000);
    assert_eq!(net.nodes[1].ledger.known(epoch_id(0)), BTreeSet::new());
    assert_eq!(count(&net.links[0], 1, WANT), 1);
    assert!(!is_in_sync(&net), "they differ, and say so");
    assert!(net.faults().is_empty());
}

#[test]
fn a_header_alone_makes_an_entry_known_and_its_body_can_be_asked_of_others() {
    let bytes = entry(1);
    let mut net = Net::new(3, 1);
    for node in &mut net.nodes {
        node.keys.push(Keys::new(0, 0, Class::Contact, &[1, 2]));
    }
    net.hold(0, &bytes);
    net.nodes[0].ledger.keep_header(epoch_id(0), 1, bytes.id());
    net.hold(2, &bytes);
    net.connect(0, 1);
    net.settle();
    assert_eq!(
        net.nodes[1].ledger.kept(epoch_id(0), 1, bytes.id()),
        Some(&Kept::Header(bytes.header.clone()))
    );
    assert!(is_in_sync(&net));
    net.connect(2, 1);
    net.settle();
    assert_eq!(count(&net.links[1], 0, ENTRY), 0, "what is known is not fetched by itself");
    net.links[1].sessions[1].ask(&epoch_id(0), &IntervalSet::from_range(1, 1));
    net.settle();
    assert_eq!(net.nodes[1].ledger.kept(epoch_id(0), 1, bytes.id()), Some(&Kept::Full(bytes)));
}

#[test]
fn a_refused_entry_is_not_asked_for_again() {
    let mut net = Net::pair(1);
    let mut bad = entry(3);
    bad.header[90] ^= 1;
    net.connect(0, 1);
    net.elapse(5_000);
    // The writer's own ledger does not judge: it pushes what the reader will refuse.
    net.links[0].sessions[0].push_entry(&epoch_id(0), 3, &bad.header, &bad.body, net.now);
    net.settle();
    for _ in 0..3 {
        net.links[0].sessions[0].announce(&epoch_id(0), 3, net.now);
        net.elapse(5_000);
    }
    assert_eq!(count(&net.links[0], 1, WANT), 0);
    assert_eq!(net.nodes[1].ledger.known(epoch_id(0)), BTreeSet::new());
}

#[test]
fn what_the_peer_forgot_meanwhile_does_not_hold_the_session_up() {
    let mut net = Net::pair(1);
    for seq in 0..500 {
        net.hold(0, &Bytes::new(epoch_id(0), seq, 0, 3_000));
    }
    net.connect(0, 1);
    while count(&net.links[0], 1, WANT) == 0 {
        for side in 0..2 {
            net.drain(0, side);
            net.deliver(0, side);
        }
    }
    net.nodes[0].ledger.raise_floor(epoch_id(0), 450);
    net.links[0].sessions[0].changed(&epoch_id(0), net.now);
    net.elapse(10_000);
    let known = net.nodes[1].ledger.seqs(epoch_id(0));
    assert!((450..500).all(|seq| known.contains(&seq)));
    assert!(is_in_sync(&net), "without waiting for a timeout");
    assert!(net.faults().is_empty());
}

#[test]
fn a_silent_peer_is_asked_twice_and_then_no_more() {
    let mut net = Net::pair(1);
    for seq in 0..5 {
        net.hold(0, &entry(seq));
    }
    net.connect(0, 1);
    while count(&net.links[0], 1, WANT) == 0 {
        for side in 0..2 {
            net.drain(0, side);
            net.deliver(0, side);
        }
    }
    // From here on the first side is deaf.
    let end = net.now.plus_ms(600_000);
    while let Some(at) = net.links[0].sessions[1].next_wakeup().filter(|at| *at < end) {
        net.now = at;
        net.links[0].sessions[1].handle_wakeup(at);
        net.drain(0, 1);
    }
    assert_eq!(count(&net.links[0], 1, WANT), 2);
}

#[test]
fn a_large_backlog_moves_within_the_credit() {
    let mut net = Net::pair(1);
    for seq in 0..600 {
        net.hold(0, &Bytes::new(epoch_id(0), seq, 0, if seq % 7 == 0 { 60_000 } else { 300 }));
    }
    net.connect(0, 1);
    // The reader takes nothing for a while: the writer stops at its credit (checked by the network at every frame).
    for _ in 0..2_000 {
        net.drain(0, 0);
        net.drain(0, 1);
        net.deliver(0, 0);
        if net.links[0].unsent[0] < 300_000 {
            net.deliver(0, 1);
        }
    }
    net.settle();
    assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)).len(), 600);
    assert_nothing_twice(&net);
    assert!(is_in_sync(&net));
}

#[test]
fn what_is_asked_for_stays_below_a_mebibyte() {
    // Entries of 2 KiB: after the first few the estimate is right, and what is under way is counted exactly here.
    let len = 2_048;
    let mut net = Net::pair(1);
    for seq in 0..3_000 {
        net.hold(0, &Bytes::new(epoch_id(0), seq, 0, len));
    }
    net.connect(0, 1);
    let mut most = 0;
    let (mut asked, mut came) = (0, 0);
    loop {
        let moved = [net.drain(0, 0), net.drain(0, 1), net.deliver(0, 0), net.deliver(0, 1)].contains(&true);
        for frame in net.links[0].frames[1].drain(..) {
            if let Ok(Some(Frame::Want { intervals, .. })) = Frame::decode(&frame) {
                asked += intervals.count();
            }
        }
        for output in net.links[0].outputs[1].drain(..) {
            came += u64::from(matches!(output, Output::Entry { .. }));
        }
        most = most.max(asked - came);
        if !moved {
            break;
        }
    }
    assert_eq!(came, 3_000);
    let outstanding = usize::try_from(most).unwrap() * (len + HEADER_LEN);
    assert!(outstanding <= WANT_OUTSTANDING_LIMIT, "{outstanding} bytes asked for");
    assert!(outstanding > WANT_OUTSTANDING_LIMIT / 4, "the pipe is kept full: {outstanding} bytes");
}

#[test]
fn granted_entries_come_without_a_scope() {
    let mut net = Net::new(2, 1);
    let bytes = entry(1);
    net.hold(0, &bytes);
    net.connect(0, 1);
    net.settle();
    // Not granted, not an own device: an id is answered with silence.
    net.links[0].sessions[1].ask_ids(&[bytes.id()]);
    net.settle();
    assert_eq!(count(&net.links[0], 0, ENTRY), 0);
    net.nodes[0].ledger.by_id.insert(bytes.id());
    net.links[0].sessions[1].ask_ids(&[bytes.id()]);
    assert!(net.links[0].sessions[0].grant([bytes.id()]));
    net.settle();
    assert_eq!(count(&net.links[0], 0, ENTRY), 2);
    let is_granted = |output: &Output| matches!(output, Output::Entry { granted: true, seq: 1, .. });
    assert_eq!(net.links[0].outputs[1].iter().filter(|output| is_granted(output)).count(), 2);
}

#[test]
fn more_granted_entries_than_a_frame_holds_are_asked_for_frame_by_frame() {
    // One more than a frame in the first part, and as many granted unasked as may wait: neither counts for the other.
    let count_ids = 2 * WANT_IDS_LIMIT + 1;
    let mut net = Net::new(2, 1);
    let ids: Vec<EntryId> = (0..count_ids as u64)
        .map(|seq| {
            let bytes = Bytes::new(epoch_id(0), seq, 0, 1);
            net.hold(0, &bytes);
            bytes.id()
        })
        .collect();
    // The second is not to be had: it holds its frame up for a minute, not for ever.
    net.nodes[0].ledger.by_id.extend(ids.iter().enumerate().filter(|(at, _)| *at != 1).map(|(_, id)| *id));
    net.connect(0, 1);
    net.settle();
    assert!(net.links[0].sessions[0].grant(ids.iter().copied().take(WANT_IDS_LIMIT)));
    net.links[0].sessions[1].ask_ids(&ids);
    net.settle();
    assert_eq!(count(&net.links[0], 1, WANT_IDS), 1, "one frame is under way");
    net.elapse(WANT_TIMEOUT_MS);
    assert_eq!(count(&net.links[0], 1, WANT_IDS), 3, "the third follows the second at once");
    assert_eq!(net.faults(), Vec::<&Fault>::new());
    assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)).len(), count_ids - 1);
}

#[test]
fn a_closed_scope_is_silent() {
    let mut net = Net::pair(1);
    net.connect(0, 1);
    net.elapse(5_000);
    net.links[0].sessions[0].close_scope(&epoch_id(0));
    let before = net.links[0].traces[0].len();
    net.write(0, &entry(0));
    net.write(1, &entry(1));
    net.elapse(10_000);
    assert_eq!(net.links[0].traces[0].len(), before);
    assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)), BTreeSet::from([1]));
    assert_eq!(net.nodes[0].ledger.seqs(epoch_id(0)), BTreeSet::from([0]));
    assert!(net.faults().is_empty(), "frames for a scope just closed are nobody's fault");
}

#[test]
fn ids_of_a_long_log_are_split_into_frames() {
    let mut net = Net::pair(1);
    for seq in 0..9_000 {
        net.hold(0, &Bytes::new(epoch_id(0), seq, 0, 1));
        net.hold(1, &Bytes::new(epoch_id(0), seq, u8::from(seq == 4_500), 1));
    }
    net.connect(0, 1);
    net.settle();
    assert_eq!(count(&net.links[0], 0, IDS), 3);
    assert_eq!(net.nodes[0].ledger.known(epoch_id(0)), net.nodes[1].ledger.known(epoch_id(0)));
    assert_eq!(net.nodes[0].ledger.known(epoch_id(0)).len(), 9_001);
    assert!(is_in_sync(&net));
}

#[test]
fn own_devices_share_everything_by_mine_from_both_sides() {
    let mut net = Net::new(2, 1);
    for number in 0..3 {
        net.hold(0, &Bytes::new(epoch_id(number), 1, 0, 300));
        net.hold(1, &Bytes::new(epoch_id(number), 2, 0, 300));
    }
    let link = net.connect(0, 1);
    for side in 0..2 {
        let scopes = (0..3).map(|number| Scope {
            epoch: epoch(number, number, Class::Posts),
            how: How::Mine,
            open: false,
            peer_is_author: true,
        });
        let now = net.now;
        net.links[link].sessions[side].add_scopes(scopes, now);
    }
    net.elapse(5_000);
    for number in 0..3 {
        for node in 0..2 {
            assert_eq!(net.nodes[node].ledger.seqs(epoch_id(number)), BTreeSet::from([1, 2]));
        }
    }
    assert!(net.faults().is_empty());
    assert_nothing_twice(&net);
}

#[test]
fn a_log_of_the_most_intervals_of_a_page_fits_and_one_more_takes_a_second() {
    for (intervals, pages) in [(HAVE_INTERVAL_LIMIT, 1), (HAVE_INTERVAL_LIMIT + 1, 2)] {
        let mut net = Net::pair(1);
        for index in 0..intervals as u64 {
            net.hold(0, &entry(index * 2));
        }
        net.connect(0, 1);
        net.settle();
        let sent: BTreeSet<u64> = net.links[0].frames[0]
            .iter()
            .filter_map(|frame| match Frame::decode(frame) {
                Ok(Some(Frame::Have(have))) => Some(have.hi),
                _ => None,
            })
            .collect();
        assert_eq!(sent.len(), pages, "{intervals} intervals");
        assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)).len(), intervals);
    }
}
