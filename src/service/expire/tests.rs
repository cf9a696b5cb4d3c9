//! The walk through what may have expired: how much a step looks at, and that a start goes on where it was.

use super::*;
use crate::service::testing::{BEGIN, Rig};
use crate::time::DAY_MS;

fn walk(rig: &Rig) -> Walk {
    Walk::decode(rig.service.tx.get(Tree::Meta, WALK_KEY).expect("memory").as_deref())
}

#[test]
fn a_step_looks_at_so_many_entries_and_a_start_goes_on_behind_them() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    for n in 0..EXPIRED_STEP_LIMIT + 1 {
        rig.take(&mut bob, BEGIN.minus_ms(u64::try_from(n).expect("small")), "a moment");
    }
    let key_of = |rig: &Rig, n: usize| {
        rig.service
            .tx
            .range(Tree::Log, KeyRange::all(), Direction::Forward, n)
            .expect("memory")
            .pop()
            .expect("one")
            .0
    };
    let posts_of = |rig: &Rig, n: usize| {
        let run = rig.service.tx.range(Tree::Timeline, KeyRange::all(), Direction::Forward, n);
        run.expect("memory").pop().expect("one").0
    };
    for expected in [
        Walk::Log(key_of(&rig, EXPIRED_STEP_LIMIT)),
        Walk::Timeline(Vec::new()),
        Walk::Timeline(posts_of(&rig, EXPIRED_STEP_LIMIT)),
        Walk::Done(rig.service.now.day()),
    ] {
        rig.service.drop_expired().expect("memory");
        rig.commit();
        rig.again(|_| {});
        assert_eq!(walk(&rig), expected, "kept over a start");
    }
    rig.service.drop_expired().expect("memory");
    assert!(rig.service.tx.is_empty(), "a day has one walk");
    // The next day has the next one, from the beginning.
    let tomorrow = rig.service.now.plus_ms(DAY_MS);
    rig.service.set_now(tomorrow);
    rig.service.drop_expired().expect("memory");
    assert_eq!(walk(&rig), Walk::Log(key_of(&rig, EXPIRED_STEP_LIMIT)));
}

#[test]
fn so_many_go_in_a_step_and_the_rest_in_the_next() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    bob.expire_day = Some(BEGIN.day());
    for n in 0..EXPIRED_DROP_LIMIT + 1 {
        rig.take(&mut bob, BEGIN.minus_ms(u64::try_from(n).expect("small")), "a moment");
    }
    rig.service.set_now(BEGIN.plus_ms(3 * DAY_MS));
    let left = |rig: &Rig| {
        let all = rig.service.tx.range(Tree::Timeline, KeyRange::all(), Direction::Forward, 1_000);
        all.expect("memory").len()
    };
    // The log, in which they have a place and no more.
    rig.service.drop_expired().expect("memory");
    assert_eq!((walk(&rig), left(&rig)), (Walk::Timeline(Vec::new()), EXPIRED_DROP_LIMIT + 1));
    rig.service.drop_expired().expect("memory");
    assert!(matches!(walk(&rig), Walk::Timeline(key) if !key.is_empty()));
    assert_eq!(left(&rig), 1);
    rig.service.drop_expired().expect("memory");
    assert_eq!((walk(&rig), left(&rig)), (Walk::Done(rig.service.now.day()), 0));
}

#[test]
fn a_place_that_cannot_be_read_is_a_walk_that_begins() {
    for walk in
        [Walk::Log(Vec::new()), Walk::Log(vec![7; 56]), Walk::Timeline(vec![7; 40]), Walk::Done(Day(20_000))]
    {
        assert_eq!(Walk::decode(Some(&walk.encode())), walk);
    }
    for bytes in [None, Some(&[][..]), Some(&[3, 1]), Some(&[1, 0, 0, 0])] {
        assert_eq!(Walk::decode(bytes), Walk::Log(Vec::new()));
    }
}
