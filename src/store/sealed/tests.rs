//! What sealing at rest must hold.

use std::sync::Arc;

use super::*;
use crate::store::Memory;
use crate::wire::decode;

fn sealed(inner: &Arc<Memory>, keys: StorageKeys) -> Sealed<Arc<Memory>> {
    Sealed::new(inner.clone(), keys, Entropy::from_number(9))
}

fn ring() -> StorageKeys {
    StorageKeys::new(682, AtRestKey::from_bytes([1; 32]))
}

fn put(store: &impl Store, tree: Tree, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.insert(tree, key, value);
    store.apply(batch).expect("applied");
}

fn raw(store: &Arc<Memory>, tree: Tree, key: &[u8]) -> Vec<u8> {
    store.get(tree, key).expect("get").expect("there")
}

#[test]
fn only_sealed_trees_are_sealed() {
    let inner = Arc::new(Memory::new());
    let store = sealed(&inner, ring());
    for tree in Tree::ALL {
        put(&store, tree, b"k", b"plain text here");
        let is_readable = raw(&inner, tree, b"k").windows(10).any(|window| window == b"plain text");
        assert_eq!(is_readable, !tree.is_sealed(), "{tree:?}");
        let overhead = if tree.is_sealed() { SEALED_OVERHEAD } else { 0 };
        assert_eq!(raw(&inner, tree, b"k").len(), 15 + overhead);
    }
}

#[test]
fn where_a_post_is_stands_in_the_clear_and_where_an_interaction_belongs_does_not() {
    let inner = Arc::new(Memory::new());
    let store = sealed(&inner, ring());
    for (len, is_clear) in [(23, false), (24, true), (25, false), (64, false)] {
        let value = vec![7; len];
        put(&store, Tree::ById, b"k", &value);
        assert_eq!(store.get(Tree::ById, b"k").expect("get"), Some(value.clone()));
        let on_disk = raw(&inner, Tree::ById, b"k");
        assert_eq!(on_disk.len(), len + if is_clear { 4 } else { SEALED_OVERHEAD });
        assert_eq!(on_disk.ends_with(&value), is_clear, "{len}");
    }
    // As the releases before wrote it.
    let nonce = Nonce::from_bytes([3; 24]);
    let old = seal(&[1; 32], &nonce, &aad(Tree::ById, b"k"), &[9; 24]);
    put(&inner, Tree::ById, b"k", &[&682u32.to_be_bytes(), nonce.as_bytes().as_slice(), &old].concat());
    assert_eq!(store.get(Tree::ById, b"k").expect("get"), Some(vec![9; 24]));
    // Nobody can put anything else there without the key.
    for (tree, len) in [(Tree::ById, 23), (Tree::ById, 64), (Tree::State, 24), (Tree::Keys, 32)] {
        put(&inner, tree, b"k", &[vec![0xff; 4], vec![7; len]].concat());
        assert!(store.get(tree, b"k").is_err(), "{tree:?} {len}");
    }
}

#[test]
fn a_value_moved_to_another_key_or_tree_does_not_open() {
    let inner = Arc::new(Memory::new());
    let store = sealed(&inner, ring());
    put(&store, Tree::State, b"k", b"value");
    let value = raw(&inner, Tree::State, b"k");
    put(&inner, Tree::State, b"l", &value);
    put(&inner, Tree::Meta, b"k", &value);
    for (tree, key) in [(Tree::State, b"l"), (Tree::Meta, b"k")] {
        let error = store.get(tree, key).expect_err("moved");
        assert_eq!(
            error.to_string(),
            format!("{} is damaged at key {}: its seal does not open", tree.name(), crate::id::hex(key))
        );
    }
    assert_eq!(store.get(Tree::State, b"k").expect("untouched"), Some(b"value".to_vec()));
}

#[test]
fn every_altered_or_missing_byte_is_noticed_and_the_rest_stays_readable() {
    let inner = Arc::new(Memory::new());
    let store = sealed(&inner, ring());
    put(&store, Tree::State, b"a", b"before");
    put(&store, Tree::State, b"b", b"value");
    put(&store, Tree::State, b"c", b"after");
    let good = raw(&inner, Tree::State, b"b");
    let mut bad: Vec<Vec<u8>> = (0..good.len()).map(|cut| good[..cut].to_vec()).collect();
    bad.extend((0..good.len()).map(|at| {
        let mut altered = good.clone();
        altered[at] ^= 1;
        altered
    }));
    for value in bad {
        put(&inner, Tree::State, b"b", &value);
        assert!(store.get(Tree::State, b"b").is_err());
        let page = store.scan(Tree::State, KeyRange::all(), Direction::Backward, 10).expect("scan");
        assert_eq!(page.records, [(b"c".to_vec(), b"after".to_vec()), (b"a".to_vec(), b"before".to_vec())]);
        assert_eq!(page.damaged.iter().map(|damage| damage.key.as_slice()).collect::<Vec<_>>(), [b"b"]);
        let report = store.check().expect("check");
        assert_eq!((report.damaged_count, report.records[&Tree::State]), (1, 2));
    }
}

#[test]
fn pages_go_on_behind_a_damaged_record() {
    let inner = Arc::new(Memory::new());
    let store = sealed(&inner, ring());
    put(&store, Tree::State, b"a", b"1");
    put(&inner, Tree::State, b"b", b"damaged");
    put(&store, Tree::State, b"c", b"3");
    let (mut range, mut keys, mut damaged) = (Some(KeyRange::all()), Vec::new(), 0);
    while let Some(part) = range {
        let page = store.scan(Tree::State, part, Direction::Forward, 1).expect("scan");
        keys.extend(page.records.into_iter().map(|(key, _)| key));
        damaged += page.damaged.len();
        range = page.next;
    }
    assert_eq!((keys, damaged), (vec![b"a".to_vec(), b"c".to_vec()], 1));
}

#[test]
fn a_new_months_key_seals_what_is_new_and_the_old_one_opens_what_is_old() {
    let inner = Arc::new(Memory::new());
    let store = sealed(&inner, ring());
    put(&store, Tree::State, b"old", b"1");
    let keys = store.rotate(683, AtRestKey::from_bytes([2; 32]));
    assert_eq!((keys.current(), keys.months().collect::<Vec<_>>()), (683, vec![682, 683]));
    put(&store, Tree::State, b"new", b"2");
    assert_eq!(store.get(Tree::State, b"old").expect("old"), Some(b"1".to_vec()));
    assert_eq!(raw(&inner, Tree::State, b"new")[..4], 683u32.to_be_bytes());

    // Nothing sealed under the old key is left once the record is written again.
    assert_eq!(store.drop_unused_keys().expect("both in use").months().count(), 2);
    put(&store, Tree::State, b"old", b"1");
    let keys = store.drop_unused_keys().expect("one in use");
    assert_eq!(keys.months().collect::<Vec<_>>(), [683]);
    assert_eq!(store.get(Tree::State, b"old").expect("resealed"), Some(b"1".to_vec()));
}

#[test]
fn a_key_that_is_missing_is_named_and_nothing_is_lost() {
    let inner = Arc::new(Memory::new());
    put(&sealed(&inner, ring()), Tree::State, b"k", b"1");
    let wrong = sealed(&inner, StorageKeys::new(700, AtRestKey::from_bytes([3; 32])));
    let error = wrong.get(Tree::State, b"k").expect_err("no key");
    assert!(error.to_string().contains("the storage key of its month is missing"), "{error}");
    assert_eq!(sealed(&inner, ring()).get(Tree::State, b"k").expect("right ring"), Some(b"1".to_vec()));
}

#[test]
fn a_ring_survives_being_written_and_read() {
    let mut keys = ring();
    assert!(keys.rotate(690, AtRestKey::from_bytes([5; 32])));
    assert!(!keys.rotate(682, AtRestKey::from_bytes([6; 32])), "a month keeps its key");
    let bytes = keys.expose_bytes();
    assert_eq!(decode::<StorageKeys>(&bytes).as_ref(), Ok(&keys));
    for cut in 0..bytes.len() {
        assert!(decode::<StorageKeys>(&bytes[..cut]).is_err());
    }
    assert_eq!(format!("{keys:?}").matches("AtRestKey(…)").count(), 2);
}

#[test]
fn a_ring_without_its_key_in_use_or_out_of_order_is_refused() {
    let month = |month: u32| [&month.to_be_bytes()[..], &[9; 32]].concat();
    let ring = |current: u32, n: u32, months: &[Vec<u8>]| {
        [&current.to_be_bytes()[..], &n.to_be_bytes(), &months.concat()].concat()
    };
    assert!(decode::<StorageKeys>(&ring(1, 2, &[month(1), month(2)])).is_ok());
    assert!(decode::<StorageKeys>(&ring(3, 2, &[month(1), month(2)])).is_err());
    assert!(decode::<StorageKeys>(&ring(1, 2, &[month(2), month(1)])).is_err());
    assert!(decode::<StorageKeys>(&ring(1, 2, &[month(1), month(1)])).is_err());
    assert!(decode::<StorageKeys>(&ring(1, u32::MAX, &[month(1)])).is_err());
}

#[test]
fn a_ring_holds_keys_up_to_its_limit() {
    let mut keys = StorageKeys::new(0, AtRestKey::from_bytes([0; 32]));
    let limit = u32::try_from(STORAGE_KEY_LIMIT).expect("small");
    for month in 1..limit {
        assert!(keys.rotate(month, AtRestKey::from_bytes([1; 32])));
    }
    assert!(!keys.rotate(limit, AtRestKey::from_bytes([1; 32])));
    assert_eq!(decode::<StorageKeys>(&keys.expose_bytes()), Ok(keys));
}
