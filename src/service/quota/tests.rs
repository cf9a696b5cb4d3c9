//! Room is made in steps: how many records of a log go at once.

use super::*;
use crate::moment::{Body, Post, PrivatePart, PublicPart, PublicValues};
use crate::service::exchange::Verdict;
use crate::service::testing::{Author, BEGIN, Rig};

fn records(rig: &Rig, author: &Author) -> usize {
    let all = KeyRange::prefix(author.epoch.as_bytes().as_slice());
    rig.service.tx.range(Tree::Log, all, Direction::Forward, 10_000).expect("memory").len()
}

/// A run of so many numbers without a hole, and behind it one more hole than is kept.
fn with_holes(run: usize) -> (Rig, Author) {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    for _ in 0..run {
        rig.take(&mut bob, BEGIN, "of a run");
    }
    for _ in 0..LOG_INTERVAL_LIMIT - 1 {
        bob.next += 1;
        rig.take(&mut bob, BEGIN, "alone");
    }
    assert_eq!(records(&rig, &bob), run + LOG_INTERVAL_LIMIT - 1);
    (rig, bob)
}

#[test]
fn a_floor_rises_past_so_many_records_at_once_and_the_rest_with_the_next_entry() {
    let (mut rig, mut bob) = with_holes(2 * FLOOR_STEP_LIMIT);
    let intervals = |rig: &Rig, bob: &Author| rig.service.state.logs[&bob.epoch].intervals.intervals().len();
    let mut before = records(&rig, &bob);
    for (step, holes) in [(1, LOG_INTERVAL_LIMIT + 1), (2, LOG_INTERVAL_LIMIT + 1)] {
        bob.next += 1;
        rig.take(&mut bob, BEGIN, "alone");
        assert_eq!(records(&rig, &bob), before + 1 - FLOOR_STEP_LIMIT, "step {step}");
        before = records(&rig, &bob);
        // The run is one interval, which is gone with its last record; each entry is one more.
        assert_eq!(intervals(&rig, &bob), holes, "step {step}");
    }
    // The run is gone: now a quarter of the holes goes, and no step is needed for a while.
    let floor = rig.service.state.logs[&bob.epoch].floor;
    assert_eq!(usize::try_from(floor), Ok(2 * FLOOR_STEP_LIMIT + 1));
    bob.next += 1;
    rig.take(&mut bob, BEGIN, "alone");
    assert!(intervals(&rig, &bob) < LOG_INTERVAL_LIMIT);
}

#[test]
fn what_comes_below_a_floor_that_rises_by_it_is_shown_to_nobody() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    bob.next = 10;
    for _ in 0..LOG_INTERVAL_LIMIT {
        bob.next += 1;
        rig.take(&mut bob, BEGIN, "alone");
    }
    bob.next = 5;
    let text = PublicValues { text: "too low".to_owned(), ..PublicValues::default() };
    let public = PublicPart::new(&text).expect("within the limits");
    let body = Body::Post(Box::new(Post { public, private: PrivatePart::default() }));
    let (id, header, body) = bob.write(BEGIN, body, &mut rig.entropy);
    let verdict = rig.service.take_entry(&header, body).expect("memory");
    assert!(rig.service.state.logs[&bob.epoch].floor > 5);
    assert!(matches!(verdict, Verdict::Known { seq: 5, .. }), "{verdict:?}");
    rig.commit();
    assert!(rig.service.moment(&id.to_string()).is_err());
}
