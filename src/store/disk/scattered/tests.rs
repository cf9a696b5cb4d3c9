use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::crypto::hash;
use crate::limits::{SCATTERED_ROW_LIMIT, STORE_VALUE_LIMIT};
use crate::store::suite::on_disk::open;
use crate::store::{Batch, Direction, Disk, KeyRange, Store as _};

const SMALL: Limits = Limits { run: 8, removals: 3, moved: 4 };

fn key(n: u32) -> Vec<u8> {
    hash(&n.to_be_bytes()).to_vec()
}

fn value(n: u32) -> Vec<u8> {
    vec![n.to_be_bytes()[3]; 24]
}

fn open_with(home: &Path, limits: Limits) -> Disk {
    let mut disk = open(home);
    disk.by_id.limits = limits;
    disk
}

fn put(disk: &Disk, which: impl IntoIterator<Item = u32>) {
    let mut batch = Batch::new();
    for n in which {
        batch.insert(Tree::ById, key(n), value(n));
    }
    disk.apply(batch).expect("applied");
}

fn remove(disk: &Disk, which: impl IntoIterator<Item = u32>) {
    let mut batch = Batch::new();
    for n in which {
        batch.remove(Tree::ById, key(n));
    }
    disk.apply(batch).expect("applied");
}

/// Every record, by pages of so many.
fn all(disk: &Disk, direction: Direction, limit: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut found, mut rest) = (Vec::new(), Some(KeyRange::all()));
    while let Some(range) = rest {
        let page = disk.scan(Tree::ById, range, direction, limit).expect("scan");
        assert_eq!(page.damaged, []);
        assert!(page.records.len() <= limit);
        found.extend(page.records);
        rest = page.next;
    }
    found
}

/// Rows of each kind in sled: fresh, blocks, filters, counts.
fn rows(disk: &Disk) -> [usize; 4] {
    [0u8, 1, 2, 3].map(|kind| disk.by_id.rows.scan_prefix([kind]).count())
}

fn left(disk: &Disk) -> Vec<u32> {
    disk.by_id.read().expect("read").runs.values().map(|run| run.left).collect()
}

#[test]
fn what_is_fresh_becomes_a_run_at_the_limit_and_not_before() {
    let home = tempfile::tempdir().expect("folder");
    let limit = u32::try_from(SCATTERED_RUN_LIMIT).expect("small");
    let disk = open(home.path());
    put(&disk, 0..limit - 1);
    assert_eq!((rows(&disk)[1..].to_vec(), left(&disk)), (vec![0, 0, 0], vec![]));
    put(&disk, [limit - 1]);
    let [fresh, blocks, filters, counts] = rows(&disk);
    assert_eq!((fresh, filters, counts, left(&disk)), (0, 1, 1, vec![limit]));
    // As many to a row as fit: 60 bytes each.
    assert_eq!(blocks, SCATTERED_RUN_LIMIT.div_ceil(SCATTERED_ROW_LIMIT / 60));
    drop(disk);
    let disk = open(home.path());
    for n in 0..limit {
        assert_eq!(disk.get(Tree::ById, &key(n)).expect("get"), Some(value(n)));
    }
    assert_eq!(disk.get(Tree::ById, &key(limit)).expect("get"), None);
    assert_eq!(disk.stats().expect("stats").records[&Tree::ById], u64::from(limit));
    // A batch of more than a run is several.
    put(&disk, limit..4 * limit);
    assert_eq!(left(&disk), [limit; 4]);
}

#[test]
fn removals_wait_until_there_are_so_many_and_are_then_carried_out_in_the_runs() {
    let home = tempfile::tempdir().expect("folder");
    let (run, limit) = (SCATTERED_RUN_LIMIT, SCATTERED_REMOVAL_LIMIT);
    let (run, limit) = (u32::try_from(run).expect("small"), u32::try_from(limit).expect("small"));
    let disk = open(home.path());
    put(&disk, 0..run);
    remove(&disk, 0..limit - 1);
    assert_eq!(left(&disk), [run]);
    assert_eq!(disk.get(Tree::ById, &key(0)).expect("get"), None);
    remove(&disk, [limit - 1]);
    assert_eq!((left(&disk), rows(&disk)[0]), (vec![run - limit], 0));
    assert_eq!(all(&disk, Direction::Forward, 1_000).len(), usize::try_from(run - limit).expect("small"));
    // What was never there leaves no trace, the few excepted that the filter takes for others.
    remove(&disk, 10_000..10_200);
    assert!(disk.by_id.read().expect("read").removals < 20);
}

#[test]
fn a_page_is_full_although_what_was_removed_before_it_still_waits() {
    let home = tempfile::tempdir().expect("folder");
    let disk = open(home.path());
    put(&disk, 0..200);
    let all = all(&disk, Direction::Forward, 1_000);
    let mut batch = Batch::new();
    for (key, _) in &all[..190] {
        batch.remove(Tree::ById, key.as_slice());
    }
    disk.apply(batch).expect("applied");
    for direction in [Direction::Forward, Direction::Backward] {
        let page = disk.scan(Tree::ById, KeyRange::all(), direction, 100).expect("scan");
        assert_eq!((page.records.len(), page.next), (10, None));
        let first = disk.scan(Tree::ById, KeyRange::all(), direction, 1).expect("scan");
        assert_eq!((first.records.len(), first.next.is_some()), (1, true));
    }
}

#[test]
fn a_run_that_empties_goes_and_neighbours_that_thin_out_become_one() {
    let home = tempfile::tempdir().expect("folder");
    let disk = open_with(home.path(), SMALL);
    for first in [0, 8, 16, 24] {
        put(&disk, first..first + 8);
    }
    assert_eq!(left(&disk), [8, 8, 8, 8]);
    remove(&disk, 8..16);
    assert_eq!(left(&disk), [8, 8, 8]);
    remove(&disk, [0, 1, 2, 3, 16, 17, 18, 19]);
    // The first and the third became one of eight.
    assert_eq!(left(&disk), [8, 8]);
    let [fresh, _, filters, counts] = rows(&disk);
    assert_eq!((fresh, filters, counts), (0, 2, 2));
    let mut wanted: Vec<_> = (4..8).chain(20..32).map(|n| (key(n), value(n))).collect();
    wanted.sort();
    assert_eq!(all(&disk, Direction::Forward, 5), wanted);
    drop(disk);
    assert_eq!(all(&open(home.path()), Direction::Forward, 100), wanted);
}

#[test]
fn what_format_2_wrote_is_read_where_it_lies_and_moves_in_small_steps() {
    let home = tempfile::tempdir().expect("folder");
    let disk = open_with(home.path(), SMALL);
    let plain = disk.tree(Tree::ById).expect("tree").clone();
    for n in 0..10 {
        plain.insert(key(n), [&[INLINE], value(n).as_slice()].concat()).expect("raw");
    }
    // Found as the store is first read.
    let mut wanted: Vec<_> = (0..10).map(|n| (key(n), value(n))).collect();
    wanted.sort();
    assert_eq!(all(&disk, Direction::Backward, 3).into_iter().rev().collect::<Vec<_>>(), wanted);
    remove(&disk, [3]);
    assert_eq!((disk.get(Tree::ById, &key(3)).expect("get"), plain.len()), (None, 9));
    let mut lengths = Vec::new();
    for round in 1..5 {
        put(&disk, round * 100..round * 100 + 8);
        lengths.push(plain.len());
    }
    assert_eq!(lengths, [5, 1, 0, 0]);
    for n in (0..10).filter(|n| *n != 3) {
        assert_eq!(disk.get(Tree::ById, &key(n)).expect("get"), Some(value(n)));
    }
    assert!(!disk.by_id.is_plain_used().expect("read"));
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_the_others_are_read() {
    let home = tempfile::tempdir().expect("folder");
    let disk = open_with(home.path(), SMALL);
    put(&disk, 0..8);
    put(&disk, 8..12);
    let spoil = |key: &[u8]| drop(disk.by_id.rows.insert(key, [0xffu8; 9].as_slice()).expect("raw"));
    let (block, _) = disk.by_id.block(0, &[0xff; 32]).expect("read").expect("there");
    spoil(&block);
    let fresh = fresh_key(disk.by_id.read().expect("read").fresh_rows.0);
    spoil(&fresh);
    drop(disk);
    let disk = open_with(home.path(), SMALL);
    let report = disk.check().expect("check");
    assert_eq!(report.damaged_count, 2);
    assert!(report.damaged.iter().all(|damage| damage.place == "by-id"), "{report:?}");
    assert!(disk.get(Tree::ById, &key(0)).is_err());
    // It goes on, and what is damaged is not joined away.
    put(&disk, 20..40);
    remove(&disk, 20..36);
    assert_eq!(disk.get(Tree::ById, &key(37)).expect("get"), Some(value(37)));
    assert!(disk.check().expect("check").damaged_count >= 1);
    // Nor is a damaged row cleared away with those that became runs, and nobody told of it.
    assert!(disk.by_id.rows.contains_key(&fresh).expect("read"));
}

#[derive(Debug, Clone)]
enum Op {
    Apply(Vec<(u32, Option<usize>)>),
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    // Among others, in a row of its own, in a file.
    let len = prop_oneof![6 => Just(24usize), 1 => Just(600usize), 1 => Just(STORE_VALUE_LIMIT)];
    let write = (0..40u32, prop::option::weighted(0.6, len));
    prop_oneof![8 => prop::collection::vec(write, 1..9).prop_map(Op::Apply), 1 => Just(Op::Reopen)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_holds_what_a_map_holds(ops in prop::collection::vec(op(), 1..40), old in 0..12u32) {
        let home = tempfile::tempdir().expect("folder");
        let mut disk = open_with(home.path(), SMALL);
        let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for n in 0..old {
            let raw = [&[INLINE], value(n).as_slice()].concat();
            disk.tree(Tree::ById).expect("tree").insert(key(n), raw).expect("raw");
            model.insert(key(n), value(n));
        }
        for (at, op) in ops.into_iter().enumerate() {
            match op {
                Op::Apply(writes) => {
                    let mut batch = Batch::new();
                    for (n, len) in writes {
                        let byte = u8::try_from(at).expect("small");
                        match len {
                            Some(len) => {
                                batch.insert(Tree::ById, key(n), vec![byte; len]);
                                model.insert(key(n), vec![byte; len]);
                            }
                            None => {
                                batch.remove(Tree::ById, key(n));
                                model.remove(&key(n));
                            }
                        }
                    }
                    disk.apply(batch).expect("applied");
                }
                Op::Reopen => {
                    drop(disk);
                    disk = open_with(home.path(), SMALL);
                }
            }
            let wanted: Vec<_> = model.clone().into_iter().collect();
            prop_assert_eq!(&all(&disk, Direction::Forward, 7), &wanted);
            let mut back = all(&disk, Direction::Backward, 100);
            back.reverse();
            prop_assert_eq!(&back, &wanted);
            for n in 0..40 {
                prop_assert_eq!(disk.get(Tree::ById, &key(n)).expect("get"), model.get(&key(n)).cloned());
            }
            let (low, high) = (key(1).min(key(2)), key(1).max(key(2)));
            let range = KeyRange { start: Bound::Excluded(low.clone()), end: Bound::Included(high.clone()) };
            for direction in [Direction::Forward, Direction::Backward] {
                let page = disk.scan(Tree::ById, range.clone(), direction, 1_000).expect("scan");
                let between = model.range((Bound::Excluded(low.clone()), Bound::Included(high.clone())));
                prop_assert_eq!((page.records.len(), page.next), (between.count(), None));
            }
        }
    }
}
