//! The store of a simulated node: a map in memory that shares the bytes of entries with all other nodes' stores.
//!
//! A body that a hundred friends keep is one allocation here. What is shared is the tail of records in `Log` and
//! `Timeline` behind the nine bytes that may differ; everything else is the node's own. Values are not sealed at rest,
//! because sealed ones could not be shared: the layer for that is [`crate::store::Sealed`], above either store, and
//! what it adds is counted.
//!
//! The power can be cut: what was applied since the last barrier is kept as its inverse, and a suffix of it is undone.
//! As the disk does in the background, it puts a barrier of its own behind every [`FLUSH_EVERY`] batches.
//!
//! Source: docs/protocol.md 3.19; a test holds it equal to [`crate::store::Memory`].

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::{STORE_KEY_LIMIT, STORE_PAGE_BYTES_LIMIT, STORE_PAGE_LIMIT, STORE_RECORD_LIMIT};
use crate::store::{Batch, Direction, KeyRange, Page, Stats, Store, StoreError, Tree};

/// What sealing at rest adds to a value: month, nonce, tag (store/sealed.rs). *spec 3.19*
const SEALED_OVERHEAD: usize = 44;
/// Bytes at the beginning of a record that are the node's own: how it lies, or when it was seen.
const HEAD: usize = 9;
/// Shorter tails are not worth sharing.
const SHARE_MIN: usize = 128;
/// Batches after which the background flush has come by. *chosen: about half a second of a busy node*
const FLUSH_EVERY: usize = 64;

/// Bytes that several stores have, each once.
#[derive(Debug, Default)]
pub(super) struct Pool {
    tails: BTreeMap<[u8; 32], Arc<[u8]>>,
    /// Bytes in them.
    pub(super) bytes: usize,
    /// Bytes that stores were given instead of their own.
    pub(super) saved: usize,
}

impl Pool {
    fn intern(&mut self, tail: &[u8]) -> Arc<[u8]> {
        let place = crate::crypto::hash(tail);
        if let Some(known) = self.tails.get(&place) {
            self.saved += tail.len();
            return Arc::clone(known);
        }
        let tail: Arc<[u8]> = tail.into();
        self.bytes += tail.len();
        self.tails.insert(place, Arc::clone(&tail));
        tail
    }
}

#[derive(Debug, Clone)]
enum Value {
    Own(Box<[u8]>),
    Shared { head: [u8; HEAD], head_len: u8, tail: Arc<[u8]> },
}

impl Value {
    fn to_vec(&self) -> Vec<u8> {
        match self {
            Self::Own(bytes) => bytes.to_vec(),
            Self::Shared { head, head_len, tail } => [&head[..usize::from(*head_len)], tail].concat(),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Own(bytes) => bytes.len(),
            Self::Shared { head_len, tail, .. } => usize::from(*head_len) + tail.len(),
        }
    }
}

type Place = (Tree, Box<[u8]>);

#[derive(Debug, Default)]
struct Records {
    /// By tree, in the order of [`Tree::ALL`], so that a key is looked up by its bytes alone.
    now: Vec<BTreeMap<Box<[u8]>, Value>>,
    /// How to go back, batch by batch, to the last barrier.
    inverse: Vec<Vec<(Place, Option<Value>)>>,
    /// Bytes of keys and values as they would stand sealed on a disk.
    bytes: usize,
}

impl Records {
    fn tree(&self, tree: Tree) -> Option<&BTreeMap<Box<[u8]>, Value>> {
        self.now.get(tree as usize)
    }

    fn set(&mut self, tree: Tree, key: &[u8], value: Option<Value>) -> Option<Value> {
        let size =
            |value: &Value| key.len() + value.len() + if tree.is_sealed() { SEALED_OVERHEAD } else { 0 };
        self.bytes += value.as_ref().map_or(0, size);
        if self.now.len() <= tree as usize {
            self.now.resize_with(tree as usize + 1, BTreeMap::new);
        }
        let records = &mut self.now[tree as usize];
        let before = match (records.get_mut(key), value) {
            (Some(there), Some(value)) => Some(std::mem::replace(there, value)),
            (Some(_), None) => records.remove(key),
            (None, Some(value)) => records.insert(key.into(), value),
            (None, None) => None,
        };
        self.bytes -= before.as_ref().map_or(0, size);
        before
    }
}

/// The store of one node.
#[derive(Debug)]
pub(super) struct Shared {
    records: Mutex<Records>,
    pool: Arc<Mutex<Pool>>,
    /// Whether the power may be cut: else nothing is kept to go back by.
    may_fail: bool,
}

impl Shared {
    pub(super) fn new(pool: Arc<Mutex<Pool>>, may_fail: bool) -> Self {
        Self { records: Mutex::new(Records::default()), pool, may_fail }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes back to the last barrier and the first `kept` batches after it.
    pub(super) fn cut_power(&self, kept: usize) {
        let mut records = self.records();
        while records.inverse.len() > kept {
            for ((tree, key), value) in records.inverse.pop().unwrap_or_default() {
                records.set(tree, &key, value);
            }
        }
        records.inverse.clear();
    }

    /// Bytes of keys and values as they would stand sealed on a disk.
    pub(super) fn bytes(&self) -> usize {
        self.records().bytes
    }

    fn value(&self, tree: Tree, bytes: &[u8]) -> Value {
        let head_len = match tree {
            Tree::Log => 1,
            Tree::Timeline => 8,
            _ => usize::MAX,
        };
        match bytes.split_at_checked(head_len) {
            Some((own, tail)) if tail.len() >= SHARE_MIN => {
                let mut head = [0; HEAD];
                head[..head_len].copy_from_slice(own);
                let tail = self.pool.lock().unwrap_or_else(PoisonError::into_inner).intern(tail);
                Value::Shared { head, head_len: if tree == Tree::Log { 1 } else { 8 }, tail }
            }
            _ => Value::Own(bytes.into()),
        }
    }
}

fn bounds(range: &KeyRange) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (range.start.as_ref().map(Vec::as_slice), range.end.as_ref().map(Vec::as_slice))
}

impl Store for Shared {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.records().tree(tree).and_then(|records| records.get(key)).map(Value::to_vec))
    }

    fn scan(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut page = Page::default();
        if range.is_empty() {
            return Ok(page);
        }
        let records = self.records();
        let Some(of_tree) = records.tree(tree) else { return Ok(page) };
        let mut found = of_tree.range::<[u8], _>(bounds(&range));
        let (mut bytes, limit) = (0usize, limit.min(STORE_PAGE_LIMIT));
        loop {
            let step = match direction {
                Direction::Forward => found.next(),
                Direction::Backward => found.next_back(),
            };
            let Some((key, value)) = step else { return Ok(page) };
            if page.records.len() >= limit || bytes >= STORE_PAGE_BYTES_LIMIT {
                page.next = Some(match (page.records.last(), direction) {
                    (Some((last, _)), Direction::Forward) => range.after(last.clone()),
                    (Some((last, _)), Direction::Backward) => range.before(last.clone()),
                    (None, _) => range,
                });
                return Ok(page);
            }
            bytes += value.len();
            page.records.push((key.to_vec(), value.to_vec()));
        }
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        for (_, key, value) in batch.iter() {
            let value_len = value.map_or(0, <[u8]>::len);
            for (what, max_bytes, actual_bytes) in
                [("key", STORE_KEY_LIMIT, key.len()), ("record", STORE_RECORD_LIMIT, value_len)]
            {
                if actual_bytes > max_bytes {
                    return Err(StoreError::TooLong { what, max_bytes, actual_bytes });
                }
            }
        }
        let mut records = self.records();
        let mut inverse = Vec::new();
        for (tree, key, value) in batch.iter() {
            let value = value.map(|value| self.value(tree, value));
            let before = records.set(tree, key, value);
            if self.may_fail {
                inverse.push(((tree, key.into()), before));
            }
        }
        if self.may_fail {
            records.inverse.push(inverse);
        }
        if records.inverse.len() >= FLUSH_EVERY {
            records.inverse.clear();
        }
        Ok(())
    }

    fn barrier(&self) -> Result<(), StoreError> {
        self.records().inverse.clear();
        Ok(())
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let records = self.records();
        let mut stats =
            Stats { records: Tree::ALL.iter().map(|tree| (*tree, 0)).collect(), ..Stats::default() };
        for tree in Tree::ALL {
            let count = records.tree(tree).map_or(0, BTreeMap::len);
            stats.records.insert(tree, count as u64);
        }
        stats.disk_bytes = records.bytes as u64;
        Ok(stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(tree: Tree, key: &[u8], value: Option<Vec<u8>>) -> Batch {
        let mut batch = Batch::new();
        match value {
            Some(value) => batch.insert(tree, key, value),
            None => batch.remove(tree, key),
        };
        batch
    }

    #[test]
    fn two_stores_have_one_copy_of_an_entry_and_read_back_what_each_wrote() {
        let pool = Arc::new(Mutex::new(Pool::default()));
        let (a, b) = (Shared::new(Arc::clone(&pool), false), Shared::new(Arc::clone(&pool), false));
        let seen = |at: u8| [&[at; 8][..], &[7; 500]].concat();
        a.apply(batch(Tree::Timeline, b"k", Some(seen(1)))).expect("memory");
        b.apply(batch(Tree::Timeline, b"k", Some(seen(2)))).expect("memory");
        b.apply(batch(Tree::Log, b"k", Some([&[1][..], &[7; 500]].concat()))).expect("memory");
        assert_eq!(a.get(Tree::Timeline, b"k").expect("memory"), Some(seen(1)));
        assert_eq!(b.get(Tree::Timeline, b"k").expect("memory"), Some(seen(2)));
        assert_eq!(b.get(Tree::Log, b"k").expect("memory").map(|v| v.len()), Some(501));
        let pool = pool.lock().expect("one thread");
        assert_eq!((pool.bytes, pool.saved), (500, 1_000));
        assert_eq!(a.bytes(), 1 + 508);
    }

    #[test]
    fn random_operations_give_what_the_reference_gives() {
        let (ours, reference) = (Shared::new(Arc::default(), true), crate::store::Memory::new());
        let mut entropy = crate::crypto::Entropy::from_number(1);
        for _ in 0..2_000 {
            let mut batch = Batch::new();
            for _ in 0..1 + entropy.below(3) {
                let tree = [Tree::Log, Tree::Timeline, Tree::State][entropy.below(3) as usize];
                let key = vec![entropy.below(6) as u8; 1 + entropy.below(3) as usize];
                match entropy.below(4) {
                    0 => batch.remove(tree, key),
                    _ => batch.insert(tree, key, vec![entropy.below(3) as u8; entropy.below(300) as usize]),
                };
            }
            ours.apply(batch.clone()).expect("memory");
            reference.apply(batch).expect("memory");
            let tree = [Tree::Log, Tree::Timeline, Tree::State][entropy.below(3) as usize];
            let direction = [Direction::Forward, Direction::Backward][entropy.below(2) as usize];
            let range = KeyRange {
                start: Bound::Included(vec![entropy.below(6) as u8]),
                end: Bound::Excluded(vec![entropy.below(7) as u8]),
            };
            let limit = 1 + entropy.below(5) as usize;
            let page = |store: &dyn Store| store.scan(tree, range.clone(), direction, limit).expect("memory");
            assert_eq!(page(&ours), page(&reference));
        }
        let counts = |store: &dyn Store| store.stats().expect("memory").records;
        assert_eq!(counts(&ours), counts(&reference));
    }

    #[test]
    fn a_power_cut_takes_back_what_no_barrier_covers_but_the_first_batches() {
        let store = Shared::new(Arc::default(), true);
        store.apply(batch(Tree::State, b"a", Some(vec![1]))).expect("memory");
        store.barrier().expect("memory");
        store.apply(batch(Tree::State, b"a", Some(vec![2; 9]))).expect("memory");
        store.apply(batch(Tree::State, b"b", Some(vec![3]))).expect("memory");
        store.apply(batch(Tree::State, b"a", None)).expect("memory");
        store.cut_power(1);
        assert_eq!(store.get(Tree::State, b"a").expect("memory"), Some(vec![2; 9]));
        assert_eq!(store.get(Tree::State, b"b").expect("memory"), None);
        assert_eq!(store.bytes(), 1 + 9 + SEALED_OVERHEAD);
    }
}
