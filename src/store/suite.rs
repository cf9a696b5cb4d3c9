//! One suite for every store: what the trait promises, run on memory and on disk, bare and sealed.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;

use super::*;
use crate::crypto::{AtRestKey, Entropy};
use crate::limits::STORE_VALUE_LIMIT;

/// A store that a test can open again.
pub(super) trait Rig: Sized {
    type Kept: Store;
    fn new() -> Self;
    fn store(&self) -> &Self::Kept;
    /// A barrier, then the store as a new process would find it.
    fn reopen(self) -> Self;
}

pub(super) fn keys() -> StorageKeys {
    StorageKeys::new(682, AtRestKey::from_bytes([7; 32]))
}

impl Rig for Memory {
    type Kept = Self;

    fn new() -> Self {
        Self::with_power_cuts()
    }

    fn store(&self) -> &Self {
        self
    }

    fn reopen(self) -> Self {
        self.barrier().expect("barrier");
        self.cut_power(0);
        self
    }
}

struct SealedMemory(Sealed<Arc<Memory>>);

impl Rig for SealedMemory {
    type Kept = Sealed<Arc<Memory>>;

    fn new() -> Self {
        Self(Sealed::new(Arc::new(Memory::with_power_cuts()), keys(), Entropy::from_number(1)))
    }

    fn store(&self) -> &Self::Kept {
        &self.0
    }

    fn reopen(self) -> Self {
        let inner = self.0.inner().clone();
        inner.barrier().expect("barrier");
        inner.cut_power(0);
        Self(Sealed::new(inner, keys(), Entropy::from_number(2)))
    }
}

#[cfg(feature = "sled")]
pub(super) mod on_disk {
    use super::*;

    pub(in crate::store) struct OnDisk {
        pub(in crate::store) home: tempfile::TempDir,
        pub(in crate::store) disk: Disk,
    }

    pub(in crate::store) fn open(home: &std::path::Path) -> Disk {
        // A test beside this one may be starting a program, which holds every lock for a moment.
        let config = DiskConfig { lock_wait: std::time::Duration::from_secs(20), ..DiskConfig::default() };
        Disk::open(home, &config).expect("opens")
    }

    impl Rig for OnDisk {
        type Kept = Disk;

        fn new() -> Self {
            let home = tempfile::tempdir().expect("folder");
            Self { disk: open(home.path()), home }
        }

        fn store(&self) -> &Disk {
            &self.disk
        }

        fn reopen(self) -> Self {
            let Self { home, disk } = self;
            drop(disk);
            Self { disk: open(home.path()), home }
        }
    }

    pub(super) struct SealedOnDisk {
        home: tempfile::TempDir,
        store: Sealed<Disk>,
    }

    impl Rig for SealedOnDisk {
        type Kept = Sealed<Disk>;

        fn new() -> Self {
            let home = tempfile::tempdir().expect("folder");
            Self { store: Sealed::new(open(home.path()), keys(), Entropy::from_number(1)), home }
        }

        fn store(&self) -> &Sealed<Disk> {
            &self.store
        }

        fn reopen(self) -> Self {
            let Self { home, store } = self;
            drop(store);
            Self { store: Sealed::new(open(home.path()), keys(), Entropy::from_number(2)), home }
        }
    }
}

macro_rules! suite {
    ($($name:ident: $rig:ty),*; $tests:tt) => {
        $(suite!(@one $name, $rig, $tests);)*
    };
    (@one $name:ident, $rig:ty, [$($test:ident),* $(,)?]) => {
        mod $name {
            use super::*;
            $(#[test]
            fn $test() {
                super::$test::<$rig>();
            })*
        }
    };
}

macro_rules! suites {
    ($($name:ident: $rig:ty),*) => {
        suite!($($name: $rig),*; [
            records_come_in_key_order_both_ways,
            a_range_ends_where_it_says,
            pages_neither_skip_nor_repeat_a_record,
            trees_are_apart,
            a_batch_reaches_several_trees_and_its_later_write_wins,
            records_of_every_length_come_back,
            too_long_a_key_or_record_refuses_the_whole_batch,
            a_long_record_is_replaced_and_removed,
            what_was_applied_is_there_after_reopening,
            every_record_is_counted,
            random_operations_give_what_a_map_gives,
        ]);
    };
}

suites!(memory: Memory, sealed_memory: SealedMemory);
#[cfg(feature = "sled")]
suites!(disk: on_disk::OnDisk, sealed_disk: on_disk::SealedOnDisk);

fn put(store: &impl Store, tree: Tree, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.insert(tree, key, value);
    store.apply(batch).expect("applied");
}

fn keys_of(store: &impl Store, tree: Tree, range: KeyRange, direction: Direction) -> Vec<Vec<u8>> {
    let page = store.scan(tree, range, direction, 1000).expect("scan");
    assert_eq!(page.damaged, []);
    page.records.into_iter().map(|(key, _)| key).collect()
}

fn records_come_in_key_order_both_ways<R: Rig>() {
    let rig = R::new();
    for key in [&[2u8, 0][..], &[1], &[], &[2], &[0xff, 0xff], &[1, 0xff]] {
        put(rig.store(), Tree::State, key, b"v");
    }
    let up: Vec<Vec<u8>> = vec![vec![], vec![1], vec![1, 0xff], vec![2], vec![2, 0], vec![0xff, 0xff]];
    assert_eq!(keys_of(rig.store(), Tree::State, KeyRange::all(), Direction::Forward), up);
    let down: Vec<Vec<u8>> = up.into_iter().rev().collect();
    assert_eq!(keys_of(rig.store(), Tree::State, KeyRange::all(), Direction::Backward), down);
}

fn a_range_ends_where_it_says<R: Rig>() {
    let rig = R::new();
    for key in 0..10u8 {
        put(rig.store(), Tree::Log, &[key], b"v");
    }
    put(rig.store(), Tree::Log, &[0xff, 0xff, 1], b"v");
    let keys = |start, end| keys_of(rig.store(), Tree::Log, KeyRange { start, end }, Direction::Forward);
    let bytes = |range: std::ops::Range<u8>| range.map(|key| vec![key]).collect::<Vec<_>>();
    assert_eq!(keys(Bound::Included(vec![3]), Bound::Excluded(vec![6])), bytes(3..6));
    assert_eq!(keys(Bound::Excluded(vec![3]), Bound::Included(vec![6])), bytes(4..7));
    assert_eq!(keys(Bound::Unbounded, Bound::Excluded(vec![2])), bytes(0..2));
    // Ranges that hold nothing, backwards ones too, are empty and no panic.
    assert_eq!(keys(Bound::Included(vec![6]), Bound::Excluded(vec![6])), bytes(0..0));
    assert_eq!(keys(Bound::Excluded(vec![6]), Bound::Excluded(vec![6])), bytes(0..0));
    assert_eq!(keys(Bound::Included(vec![6]), Bound::Included(vec![5])), bytes(0..0));
    let prefixed =
        |prefix: &[u8]| keys_of(rig.store(), Tree::Log, KeyRange::prefix(prefix), Direction::Backward);
    assert_eq!(prefixed(&[4]), bytes(4..5));
    assert_eq!(prefixed(&[0xff, 0xff]), [[0xff, 0xff, 1]]);
    assert_eq!(prefixed(&[]).len(), 11);
}

fn pages_neither_skip_nor_repeat_a_record<R: Rig>() {
    let rig = R::new();
    let mut batch = Batch::new();
    for key in 0..100u16 {
        // Some of them in files of their own, where there are files.
        let len = if key % 7 == 0 { 5_000 } else { 10 };
        batch.insert(Tree::Interactions, key.to_be_bytes(), vec![1; len]);
    }
    rig.store().apply(batch).expect("applied");
    for direction in [Direction::Forward, Direction::Backward] {
        for limit in [1, 7, 50, 99, 100, 101] {
            let (mut seen, mut range, mut pages) = (Vec::new(), Some(KeyRange::all()), 0);
            while let Some(part) = range {
                let page = rig.store().scan(Tree::Interactions, part, direction, limit).expect("scan");
                assert!(page.records.len() <= limit);
                seen.extend(page.records.into_iter().map(|(key, _)| key));
                range = page.next;
                pages += 1;
            }
            let mut all: Vec<Vec<u8>> = (0..100u16).map(|key| key.to_be_bytes().to_vec()).collect();
            if direction == Direction::Backward {
                all.reverse();
            }
            assert_eq!(seen, all);
            assert_eq!(pages, 100usize.div_ceil(limit));
        }
    }
}

fn trees_are_apart<R: Rig>() {
    let rig = R::new();
    for (tree, byte) in Tree::ALL.into_iter().zip(0u8..) {
        put(rig.store(), tree, b"key", &[byte]);
    }
    for (tree, byte) in Tree::ALL.into_iter().zip(0u8..) {
        assert_eq!(rig.store().get(tree, b"key").expect("get"), Some(vec![byte]));
        let page = rig.store().scan(tree, KeyRange::all(), Direction::Forward, 10).expect("scan");
        assert_eq!((page.records.len(), page.next), (1, None));
    }
}

fn a_batch_reaches_several_trees_and_its_later_write_wins<R: Rig>() {
    let rig = R::new();
    put(rig.store(), Tree::Meta, b"old", b"1");
    let mut batch = Batch::new();
    batch.insert(Tree::Log, b"a", b"first").insert(Tree::Meta, b"b", b"2").remove(Tree::Meta, b"old");
    let mut later = Batch::new();
    later.insert(Tree::Log, b"a", b"second").remove(Tree::Meta, b"b").remove(Tree::Meta, b"never there");
    batch.extend(later);
    assert_eq!(batch.pending(Tree::Log, b"a"), Some(Some(b"second".as_slice())));
    assert_eq!(batch.pending(Tree::Meta, b"b"), Some(None));
    assert_eq!(batch.pending(Tree::Log, b"b"), None);
    rig.store().apply(batch).expect("applied");
    assert_eq!(rig.store().get(Tree::Log, b"a").expect("get"), Some(b"second".to_vec()));
    assert_eq!(rig.store().get(Tree::Meta, b"b").expect("get"), None);
    assert_eq!(rig.store().get(Tree::Meta, b"old").expect("get"), None);
}

fn records_of_every_length_come_back<R: Rig>() {
    let rig = R::new();
    let lengths =
        [0, 1, 300, STORE_VALUE_LIMIT - 1, STORE_VALUE_LIMIT, STORE_VALUE_LIMIT + 1, 65_738, 1_000_000];
    for tree in [Tree::Timeline, Tree::State] {
        for (n, len) in lengths.into_iter().enumerate() {
            put(rig.store(), tree, format!("key {n}").as_bytes(), &vec![0xa5; len]);
        }
    }
    let rig = rig.reopen();
    for tree in [Tree::Timeline, Tree::State] {
        for (n, len) in lengths.into_iter().enumerate() {
            let value = rig.store().get(tree, format!("key {n}").as_bytes()).expect("get");
            assert!(value.is_some_and(|value| value == vec![0xa5; len]), "{len} bytes");
        }
    }
}

fn too_long_a_key_or_record_refuses_the_whole_batch<R: Rig>() {
    let rig = R::new();
    let (long_key, long_record) = (vec![1; STORE_KEY_LIMIT], vec![1; STORE_RECORD_LIMIT]);
    put(rig.store(), Tree::Log, &long_key, &long_record);
    assert_eq!(rig.store().get(Tree::Log, &long_key).expect("get"), Some(long_record.clone()));
    for (key, record) in [(vec![2; STORE_KEY_LIMIT + 1], vec![1]), (vec![2], vec![1; STORE_RECORD_LIMIT + 1])]
    {
        let mut batch = Batch::new();
        batch.insert(Tree::Log, b"beside", b"1").insert(Tree::Log, key, record);
        let error = rig.store().apply(batch).expect_err("too long");
        assert!(matches!(error, StoreError::TooLong { .. }), "{error}");
        assert_eq!(rig.store().get(Tree::Log, b"beside").expect("get"), None);
    }
}

fn a_long_record_is_replaced_and_removed<R: Rig>() {
    let rig = R::new();
    let long = |byte| vec![byte; 10_000];
    put(rig.store(), Tree::Log, b"k", &long(1));
    put(rig.store(), Tree::Log, b"k", &long(2));
    put(rig.store(), Tree::Log, b"l", b"short");
    put(rig.store(), Tree::Log, b"l", &long(3));
    put(rig.store(), Tree::Log, b"m", &long(4));
    put(rig.store(), Tree::Log, b"m", b"short");
    put(rig.store(), Tree::Log, b"n", &long(5));
    let mut batch = Batch::new();
    batch.remove(Tree::Log, b"n");
    rig.store().apply(batch).expect("applied");
    // The same again, before and after the barrier that removes files.
    put(rig.store(), Tree::Log, b"k", &long(1));
    rig.store().barrier().expect("barrier");
    put(rig.store(), Tree::Log, b"k", &long(2));
    put(rig.store(), Tree::Log, b"k", &long(2));
    rig.store().barrier().expect("barrier");
    let rig = rig.reopen();
    let get = |key: &[u8]| rig.store().get(Tree::Log, key).expect("get");
    assert_eq!((get(b"k"), get(b"l")), (Some(long(2)), Some(long(3))));
    assert_eq!((get(b"m"), get(b"n")), (Some(b"short".to_vec()), None));
    assert_eq!(rig.store().check().expect("check").damaged, []);
}

fn what_was_applied_is_there_after_reopening<R: Rig>() {
    let mut rig = R::new();
    for round in 0..5u8 {
        put(rig.store(), Tree::State, &[round], &[round]);
        rig = rig.reopen();
        let keys = keys_of(rig.store(), Tree::State, KeyRange::all(), Direction::Forward);
        assert_eq!(keys, (0..=round).map(|key| vec![key]).collect::<Vec<_>>());
    }
}

fn every_record_is_counted<R: Rig>() {
    let rig = R::new();
    put(rig.store(), Tree::State, b"a", b"1");
    put(rig.store(), Tree::Log, b"a", &[1; 5_000]);
    put(rig.store(), Tree::Log, b"b", b"1");
    rig.store().barrier().expect("barrier");
    let (stats, report) = (rig.store().stats().expect("stats"), rig.store().check().expect("check"));
    assert_eq!(stats.records, report.records);
    assert_eq!(
        (stats.records[&Tree::State], stats.records[&Tree::Log], stats.records[&Tree::Mail]),
        (1, 2, 0)
    );
    assert!(stats.disk_bytes >= 5_000);
    assert_eq!(report.damaged_count, 0);
}

/// Which tree, which key, and the byte and length of the value, if it is not a removal.
type Write = (usize, u8, Option<(u8, usize)>);

#[derive(Debug, Clone)]
enum Op {
    Apply(Vec<Write>),
    Barrier,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop_oneof![Just(0usize), 1..40usize, Just(STORE_VALUE_LIMIT), 4_000..9_000usize];
    let write = (0..5usize, 0..6u8, prop::option::weighted(0.7, (any::<u8>(), len)));
    prop_oneof![
        8 => prop::collection::vec(write, 1..6).prop_map(Op::Apply),
        2 => Just(Op::Barrier),
        1 => Just(Op::Reopen),
    ]
}

fn random_operations_give_what_a_map_gives<R: Rig>() {
    const TREES: [Tree; 5] = [Tree::Meta, Tree::Log, Tree::Timeline, Tree::Blobs, Tree::ById];
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(ops in prop::collection::vec(op(), 1..25))| {
        let mut rig = R::new();
        let mut model: BTreeMap<(Tree, Vec<u8>), Vec<u8>> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Apply(writes) => {
                    let mut batch = Batch::new();
                    for (tree, key, value) in writes {
                        let (tree, key) = (TREES[tree], vec![key; usize::from(key)]);
                        match value {
                            Some((byte, len)) => {
                                batch.insert(tree, key.clone(), vec![byte; len]);
                                model.insert((tree, key), vec![byte; len]);
                            }
                            None => {
                                batch.remove(tree, key.clone());
                                model.remove(&(tree, key));
                            }
                        }
                    }
                    rig.store().apply(batch).expect("applied");
                }
                Op::Barrier => rig.store().barrier().expect("barrier"),
                Op::Reopen => rig = rig.reopen(),
            }
            for tree in TREES {
                let wanted: Vec<(Vec<u8>, Vec<u8>)> = model
                    .iter()
                    .filter(|((at, _), _)| *at == tree)
                    .map(|((_, key), value)| (key.clone(), value.clone()))
                    .collect();
                let page = rig.store().scan(tree, KeyRange::all(), Direction::Forward, 100).expect("scan");
                prop_assert!(page.records == wanted, "{tree:?} differs");
                for (key, value) in &wanted {
                    prop_assert!(rig.store().get(tree, key).expect("get").as_ref() == Some(value));
                }
            }
        }
    });
}

#[test]
fn a_power_cut_keeps_a_prefix_of_what_no_barrier_covers() {
    for kept in 0..4 {
        let store = Memory::with_power_cuts();
        put(&store, Tree::Meta, b"a", b"1");
        store.barrier().expect("barrier");
        for byte in 2..5u8 {
            put(&store, Tree::Meta, b"a", &[byte]);
        }
        assert_eq!(store.batches_at_risk(), 3);
        store.cut_power(kept);
        let wanted = if kept == 0 { b'1' } else { u8::try_from(kept).expect("small") + 1 };
        assert_eq!(store.get(Tree::Meta, b"a").expect("get"), Some(vec![wanted]));
        assert_eq!(store.batches_at_risk(), 0);
    }
}

#[test]
fn a_full_memory_refuses_to_add_and_goes_on_reading_and_removing() {
    let store = Memory::new();
    put(&store, Tree::Meta, b"a", b"1");
    store.set_full(true);
    let mut batch = Batch::new();
    batch.insert(Tree::Meta, b"b", b"1").remove(Tree::Meta, b"a");
    assert!(store.apply(batch).expect_err("full").is_full());
    assert_eq!(store.get(Tree::Meta, b"a").expect("get"), Some(b"1".to_vec()));
    let mut batch = Batch::new();
    batch.remove(Tree::Meta, b"a");
    store.apply(batch).expect("removing is allowed");
    store.set_full(false);
    put(&store, Tree::Meta, b"b", b"1");
}

#[test]
fn a_full_error_of_the_system_is_told_apart() {
    let error = StoreError::io("x", std::io::ErrorKind::StorageFull.into());
    assert!(error.is_full());
    assert!(!StoreError::io("x", std::io::ErrorKind::PermissionDenied.into()).is_full());
}
