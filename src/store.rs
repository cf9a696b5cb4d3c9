//! The store: what a node keeps, behind a small ordered key-value trait.
//!
//! Everything above asks for records by tree and key, reads ranges in either direction, and writes [`Batch`]es that
//! hold whole or not at all. Which trees there are and what their keys mean stands in one place, [`layout`].
//!
//! ```text
//!             Store (trait)
//!   service ──────────────▶ Sealed ──▶ Disk     sled, body files, lock, format
//!                        (AEAD on the  Memory   the reference: tests, simulations
//!                         index trees)
//! ```
//!
//! **Applied is not durable.** [`Store::apply`] survives nothing by itself. [`Store::barrier`] is the promise: what
//! was applied before it is safe from a killed process and from a power cut. "Posted", the first use of a reserved
//! number, a minted epoch and a burnt invite all wait for it (docs/protocol.md 3.13). Between two barriers a crash
//! leaves a prefix of the batches, never a part of one.
//!
//! **Sealed at rest.** Entries are kept as they came, sealed already. The other trees are sealed by [`Sealed`], one
//! layer above either implementation. Keys of records hold numbers and ids alone, because they must keep their order.
//!
//! **Damage is named.** A record that cannot be read is reported with its tree and key; the rest stays readable.
//!
//! It does not: cache, index, expire or decide anything; blobs are files of their own.
//!
//! Invariants: a batch is atomic over all trees; of two writes to one key in a batch the later wins; a scan is in key
//! order and its pages neither skip nor repeat a record that nobody touches.
//!
//! Source: docs/protocol.md 3.13, 3.19; docs/adr/0004-store.md.

#[cfg(feature = "sled")]
mod disk;

pub mod blobs;
pub mod files;
pub mod home;
pub mod keyfile;
pub mod layout;
mod memory;
mod reserve;
mod sealed;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

#[cfg(feature = "sled")]
pub use disk::{Disk, DiskConfig};
pub use home::{FormatError, Home, LockError};
pub use keyfile::KeyFolder;
pub use layout::Tree;
pub use memory::Memory;
pub use reserve::{Reservations, SeqFile, StartVerdict};
pub use sealed::{Sealed, StorageKeys};

use crate::limits::{STORE_DAMAGE_LIMIT, STORE_KEY_LIMIT, STORE_PAGE_LIMIT, STORE_RECORD_LIMIT};

/// An ordered key-value store with atomic batches over several trees.
///
/// One thread writes; any number read at the same time and never wait for a barrier.
pub trait Store: Send + Sync + 'static {
    /// The record under a key.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if it is there and cannot be read.
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The records of a range in key order, or against it, at most `limit` (never more than `STORE_PAGE_LIMIT`) and
    /// not much more than `STORE_PAGE_BYTES_LIMIT`. [`Page::next`] is the rest of the range, if there is a rest.
    ///
    /// A record that cannot be read is listed in [`Page::damaged`] and does not end the page.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the store itself cannot go on.
    ///
    /// # Cost
    /// One search, then one step a record.
    fn scan(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// Applies a batch: whole or not at all, also after a crash. Not durable until [`Store::barrier`]. A scan that
    /// runs meanwhile may see the later part of the batch and not the earlier.
    ///
    /// # Errors
    /// [`StoreError::Full`] if the disk has no room: nothing was changed and reading goes on. [`StoreError::TooLong`]
    /// if a key or a record is longer than its limit: nothing was changed.
    fn apply(&self, batch: Batch) -> Result<(), StoreError>;

    /// Everything applied before the call is safe from a power cut when it returns.
    ///
    /// # Errors
    /// [`StoreError::Full`] or [`StoreError::Io`]: nothing is promised about what was applied since the last barrier.
    ///
    /// # Cost
    /// One sync of the disk: 0.2 to 4 ms. Several threads may wait at once.
    fn barrier(&self) -> Result<(), StoreError>;

    /// Counts and sizes.
    ///
    /// # Cost
    /// Walks every tree.
    fn stats(&self) -> Result<Stats, StoreError>;

    /// Reads every record and lists those that cannot be read.
    ///
    /// # Errors
    /// Those of [`Store::scan`].
    ///
    /// # Cost
    /// Reads everything.
    fn check(&self) -> Result<Report, StoreError> {
        let mut report = Report::default();
        for tree in Tree::ALL {
            let mut range = Some(KeyRange::all());
            let mut records = 0u64;
            while let Some(part) = range {
                let page = match self.scan(tree, part, Direction::Forward, STORE_PAGE_LIMIT) {
                    Ok(page) => page,
                    // The tree cannot be walked further; the others can.
                    Err(StoreError::Damaged(damage)) => {
                        report.add(damage);
                        break;
                    }
                    Err(other) => return Err(other),
                };
                records = records.saturating_add(u64::try_from(page.records.len()).unwrap_or(u64::MAX));
                page.damaged.into_iter().for_each(|damage| report.add(damage));
                range = page.next;
            }
            report.records.insert(tree, records);
        }
        Ok(report)
    }
}

impl<S: Store> Store for Arc<S> {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(tree, key)
    }

    fn scan(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        (**self).scan(tree, range, direction, limit)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        (**self).apply(batch)
    }

    fn barrier(&self) -> Result<(), StoreError> {
        (**self).barrier()
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        (**self).stats()
    }

    fn check(&self) -> Result<Report, StoreError> {
        (**self).check()
    }
}

/// Which way a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the lowest key up.
    Forward,
    /// From the highest key down.
    Backward,
}

/// A range of keys in one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it begins.
    pub start: Bound<Vec<u8>>,
    /// Where it ends.
    pub end: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    pub const fn all() -> Self {
        Self { start: Bound::Unbounded, end: Bound::Unbounded }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let start: Vec<u8> = prefix.into();
        let mut end = start.clone();
        // The first key behind the prefix: its last byte that can grow, grown, and nothing after it.
        while let Some(last) = end.pop() {
            if let Some(next) = last.checked_add(1) {
                end.push(next);
                return Self { start: Bound::Included(start), end: Bound::Excluded(end) };
            }
        }
        Self { start: Bound::Included(start), end: Bound::Unbounded }
    }

    /// The part of the range above `key`, without it.
    #[must_use]
    pub fn after(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.start = Bound::Excluded(key.into());
        self
    }

    /// The part of the range below `key`, without it.
    #[must_use]
    pub fn before(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.end = Bound::Excluded(key.into());
        self
    }

    /// Whether no key can lie in it. Checked before a map is asked, which panics on a range that runs backwards.
    pub fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
        }
    }

    /// What is left of the range behind `last` when it is read in `direction`.
    fn rest(self, last: &[u8], direction: Direction) -> Self {
        match direction {
            Direction::Forward => self.after(last),
            Direction::Backward => self.before(last),
        }
    }
}

/// One page of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Key and record, in the order asked for.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
    /// Records that could not be read.
    pub damaged: Vec<Damage>,
    /// The rest of the range; `None` at its end.
    pub next: Option<KeyRange>,
}

/// The writes of one tree: what a key is to hold, or nothing.
pub(crate) type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Writes that take effect together. Of several to one key the last wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// A map for each tree that is touched, none of them empty: so a key is looked up by its own bytes.
    trees: BTreeMap<Tree, Writes>,
}

impl Batch {
    /// No writes.
    pub const fn new() -> Self {
        Self { trees: BTreeMap::new() }
    }

    /// Puts a record under a key, whatever was there.
    pub fn insert(&mut self, tree: Tree, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.trees.entry(tree).or_default().insert(key.into(), Some(value.into()));
        self
    }

    /// Removes the record under a key, if there is one.
    pub fn remove(&mut self, tree: Tree, key: impl Into<Vec<u8>>) -> &mut Self {
        self.trees.entry(tree).or_default().insert(key.into(), None);
        self
    }

    /// Adds the writes of another batch behind these.
    pub fn extend(&mut self, later: Self) -> &mut Self {
        for (tree, writes) in later.trees {
            self.trees.entry(tree).or_default().extend(writes);
        }
        self
    }

    /// What this batch does to a key: `None` if nothing, `Some(None)` if it removes it.
    pub fn pending(&self, tree: Tree, key: &[u8]) -> Option<Option<&[u8]>> {
        self.trees.get(&tree)?.get(key).map(Option::as_deref)
    }

    /// What it does to one tree.
    pub(crate) fn of_tree(&self, tree: Tree) -> Option<&Writes> {
        self.trees.get(&tree)
    }

    /// How many keys it touches.
    pub fn len(&self) -> usize {
        self.trees.values().map(BTreeMap::len).sum()
    }

    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    /// The writes by tree and key.
    pub fn iter(&self) -> impl Iterator<Item = (Tree, &[u8], Option<&[u8]>)> {
        self.trees.iter().flat_map(|(tree, writes)| {
            writes.iter().map(|(key, value)| (*tree, key.as_slice(), value.as_deref()))
        })
    }

    fn into_ops(self) -> impl Iterator<Item = (Tree, Vec<u8>, Option<Vec<u8>>)> {
        self.trees
            .into_iter()
            .flat_map(|(tree, writes)| writes.into_iter().map(move |(key, value)| (tree, key, value)))
    }

    /// Refuses keys and records over their limits, before anything is written.
    fn check_lengths(&self) -> Result<(), StoreError> {
        for (_, key, value) in self.iter() {
            let value_len = value.map_or(0, <[u8]>::len);
            for (what, max_bytes, actual_bytes) in
                [("key", STORE_KEY_LIMIT, key.len()), ("record", STORE_RECORD_LIMIT, value_len)]
            {
                if actual_bytes > max_bytes {
                    return Err(StoreError::TooLong { what, max_bytes, actual_bytes });
                }
            }
        }
        Ok(())
    }
}

/// Counts and sizes of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Records in each tree.
    pub records: BTreeMap<Tree, u64>,
    /// Bytes on the disk, body files included.
    pub disk_bytes: u64,
    /// Body files.
    pub body_files: u64,
    /// Bytes in them.
    pub body_bytes: u64,
    /// Free bytes on the file system, where the store is on one.
    pub free_bytes: Option<u64>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Readable records in each tree.
    pub records: BTreeMap<Tree, u64>,
    /// Unreadable ones, the first `STORE_DAMAGE_LIMIT` of them.
    pub damaged: Vec<Damage>,
    /// How many are unreadable in all.
    pub damaged_count: u64,
}

impl Report {
    fn add(&mut self, damage: Damage) {
        self.damaged_count = self.damaged_count.saturating_add(1);
        if self.damaged.len() < STORE_DAMAGE_LIMIT {
            self.damaged.push(damage);
        }
    }
}

/// Something that is there and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place} is damaged at key {}: {what}", shown_key(key))]
pub struct Damage {
    /// The tree or file.
    pub place: &'static str,
    /// The key of the record; empty if it is not one record.
    pub key: Vec<u8>,
    /// What is wrong with it.
    pub what: &'static str,
}

fn shown_key(key: &[u8]) -> String {
    if key.is_empty() { "(none)".to_owned() } else { crate::id::hex(key) }
}

/// What went wrong with our own disk. Nobody else can cause it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Something cannot be read; the rest can.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// No room: nothing was changed, reading goes on.
    #[error("the disk is full: {free_bytes} bytes are free and {reserve_bytes} are kept in reserve")]
    Full {
        /// Free bytes seen; zero if the system said so itself.
        free_bytes: u64,
        /// Bytes that are never used.
        reserve_bytes: u64,
    },
    /// A key or a record is longer than its limit: an error of the caller.
    #[error("{what} of {actual_bytes} bytes, at most {max_bytes} are allowed")]
    TooLong {
        /// Key or record.
        what: &'static str,
        /// The limit.
        max_bytes: usize,
        /// What was given.
        actual_bytes: usize,
    },
    /// Another node uses the home.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The home has another format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// No storage key is held for this month: the keyring and the store do not belong together.
    #[error("no storage key for month {month}")]
    NoKey {
        /// Months since 1970.
        month: u32,
    },
    /// The operating system refused.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl StoreError {
    /// An error of the operating system; a full disk becomes [`StoreError::Full`].
    pub(crate) fn io(what: &'static str, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Self::Full { free_bytes: 0, reserve_bytes: 0 }
            }
            _ => Self::Io { what, source },
        }
    }

    /// Whether room on the disk would help.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}

#[cfg(test)]
mod suite;
