//! Reads that see what this step has written, and one atomic write at its end.
//!
//! A step (an event of the network, a verb of the application) collects its writes here; reads look at them first and
//! at the store second. [`Tx::take`] hands the whole over as one batch, so that a step is kept whole or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::store::{Batch, Damage, Direction, KeyRange, Store, StoreError, Tree};
use crate::wire::{self, Decode, Encode};

/// How many records a walk reads at once.
const PAGE: usize = 1_000;

/// A key and its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// Looks at a pair; an error ends the walk.
type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), StoreError>;

/// The step's own view of the store.
pub(super) struct Tx {
    store: Arc<dyn Store>,
    pending: Batch,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("pending", &self.pending.len()).finish_non_exhaustive()
    }
}

impl Tx {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, pending: Batch::new() }
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    pub(super) fn put(&mut self, tree: Tree, key: &[u8], value: Vec<u8>) {
        self.pending.insert(tree, key, value);
    }

    pub(super) fn put_record(&mut self, tree: Tree, key: &[u8], record: &impl Encode) {
        self.put(tree, key, record.encode());
    }

    pub(super) fn remove(&mut self, tree: Tree, key: &[u8]) {
        self.pending.remove(tree, key);
    }

    pub(super) fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.pending.pending(tree, key) {
            Some(value) => Ok(value.map(<[u8]>::to_vec)),
            None => self.store.get(tree, key),
        }
    }

    pub(super) fn has(&self, tree: Tree, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.get(tree, key)?.is_some())
    }

    pub(super) fn record<T: Decode>(&self, tree: Tree, key: &[u8]) -> Result<Option<T>, StoreError> {
        match self.get(tree, key)? {
            Some(bytes) => decode(tree, key, &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Up to `limit` pairs whose keys begin with `prefix`, in ascending order.
    pub(super) fn prefix(&self, tree: Tree, prefix: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.range(tree, KeyRange::prefix(prefix), Direction::Forward, limit)
    }

    /// Every pair whose key begins with `prefix`, as the store has it (not this step's writes), a page at a time.
    pub(super) fn each(&self, tree: Tree, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let mut rest = Some(KeyRange::prefix(prefix));
        while let Some(range) = rest {
            let page = self.store.scan(tree, range, Direction::Forward, PAGE)?;
            for damage in page.damaged {
                tracing::warn!(%damage, "skipped a record");
            }
            for (key, value) in &page.records {
                visit(key, value)?;
            }
            rest = page.next;
        }
        Ok(())
    }

    /// Every pair whose key begins with `prefix`, this step's writes included.
    pub(super) fn each_pending(&self, tree: Tree, prefix: &[u8], visit: Visit<'_>) -> Result<(), StoreError> {
        let mut range = KeyRange::prefix(prefix);
        loop {
            let mut page = self.range(tree, range, Direction::Forward, PAGE)?;
            for (key, value) in &page {
                visit(key, value)?;
            }
            match page.pop() {
                Some((last, _)) if page.len().saturating_add(1) >= PAGE => {
                    range = KeyRange::prefix(prefix).after(last);
                }
                _ => return Ok(()),
            }
        }
    }

    /// Up to `limit` pairs of a range of keys.
    pub(super) fn range(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let Some(pending) = self.pending.of_tree(tree).filter(|_| !range.is_empty()) else {
            return self.stored(tree, range, direction, limit);
        };
        // Only what lies in the range is looked at: a step may have written very much.
        let bounds = (range.start.as_ref().map(Vec::as_slice), range.end.as_ref().map(Vec::as_slice));
        let ours: Vec<(&Vec<u8>, &Option<Vec<u8>>)> = pending.range::<[u8], _>(bounds).collect();
        // Each pending removal can take one stored pair away, so that many more are read.
        let wanted = limit.saturating_add(ours.len());
        let stored = self.stored(tree, range, direction, wanted)?;
        if ours.is_empty() {
            return Ok(stored);
        }
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = stored.into_iter().collect();
        for (key, value) in ours {
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        Ok(match direction {
            Direction::Forward => merged.into_iter().take(limit).collect(),
            Direction::Backward => merged.into_iter().rev().take(limit).collect(),
        })
    }

    fn stored(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let mut found = Vec::new();
        let mut rest = Some(range);
        while let Some(range) = rest.filter(|_| found.len() < limit) {
            let page = self.store.scan(tree, range, direction, limit.saturating_sub(found.len()))?;
            for damage in page.damaged {
                tracing::warn!(%damage, "skipped a record");
            }
            if found.is_empty() {
                found = page.records;
            } else {
                found.extend(page.records);
            }
            rest = page.next;
        }
        Ok(found)
    }

    /// Whether the step has written anything.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// The step's writes as one batch; the transaction is empty afterwards.
    pub(super) fn take(&mut self) -> Batch {
        std::mem::take(&mut self.pending)
    }

    /// Forgets the step's writes.
    pub(super) fn undo(&mut self) {
        self.pending = Batch::new();
    }
}

/// Decodes a record of our own; bytes that are none are damage, named by tree and key.
pub(super) fn decode<T: Decode>(tree: Tree, key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    wire::decode(bytes).map_err(|_| damaged(tree, key, "the record does not decode"))
}

/// A record of our own that is not what it should be.
pub(super) fn damaged(tree: Tree, key: &[u8], what: &'static str) -> StoreError {
    StoreError::Damaged(Damage { place: tree.name(), key: key.to_vec(), what })
}

/// Fields side by side, as a key.
pub(super) fn key(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}
