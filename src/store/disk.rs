//! The store on disk: sled 0.34.7, body files for what is too long for it, a lock, a format.
//!
//! ```text
//!  home/store/        sled's folder: db, conf, snap.*, blobs/ (stays empty)
//!  home/store/bodies/ records over 4 KiB, named by hash
//! ```
//!
//! **Why the bodies are outside.** sled spills pages over 128 KiB into files in `blobs/` that it never syncs. With no
//! value above 4 KiB there are none.
//!
//! **Why `flush` is not enough.** On Linux sled's `flush()` ends in `sync_file_range`, no barrier against a power cut.
//! [`Disk::barrier`] follows it by `sync_data()` on a handle of its own on sled's `db`. Threads that wait at once share
//! the work.
//!
//! **Order.** A body file is whole and durable before the transaction that names it. It is removed only after a
//! barrier that follows the transaction that drops it: until then a crash may bring back the record that names it.
//! Files that nothing names are collected at open.
//!
//! **A full disk.** [`Disk::apply`] refuses what adds something while the file system has less free space than the
//! reserve: nothing was changed, reading goes on. So sled itself hardly ever meets a full disk. When it does (another
//! program took the reserve), it remembers the error: every later write fails, and so may reads of pages that are not
//! in its cache. What no barrier covered may be lost, as in a crash, never torn. Opening the home again heals it once
//! there is room.
//!
//! # Layout of a value in sled
//!
//! | first byte | rest |
//! | --- | --- |
//! | 0 | the record, at most 4,095 bytes |
//! | 1 | name of the body file 32 |
//!
//! A tree of its own, `~bodies`, holds for every body file name 32 → tree name ‖ 0x00 ‖ key.
//!
//! Invariants: a batch is one sled transaction; each name in a tree stands in `~bodies`; one writer at a time.
//!
//! Source: docs/protocol.md 3.13, 3.19; sled 0.34.7's source.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sled::Transactional;
use sled::transaction::{ConflictableTransactionError, TransactionError, TransactionalTree};

use super::files::{BodyFiles, BodyName, sync_folder};
use super::{Batch, Damage, Direction, Home, KeyRange, Page, Stats, Store, StoreError, Tree};
use crate::limits::{
    STORE_CACHE_DEFAULT, STORE_DOOMED_LIMIT, STORE_FLUSH_EVERY_MS, STORE_FREE_RESERVE,
    STORE_PAGE_BYTES_LIMIT, STORE_PAGE_LIMIT, STORE_VALUE_LIMIT,
};

mod closing;
mod scattered;

use closing::Closing;
use scattered::{Plan, RowWrite, Scattered, Writing};

/// sled's tree of body files.
const BODIES_TREE: &str = "~bodies";
/// sled's tree of what this module keeps for itself.
const OWN_TREE: &str = "~own";
/// sled's tree of the places of entries; the plain one of [`Tree::ById`] is what format 2 has.
const SCATTERED_TREE: &str = "~by-id";
/// In [`OWN_TREE`]: this store was made once. Its absence in a home that is not new is damage.
const MADE_KEY: &[u8] = b"made";

/// How long, and how often, sled's own lock is waited for.
const SLED_LOCK_WAIT: Duration = Duration::from_millis(20);
const SLED_LOCK_WAITS: u32 = 50;

const INLINE: u8 = 0;
const IN_FILE: u8 = 1;
/// How often a body that vanished between two reads is looked for again: each time the record was replaced meanwhile.
const READ_ATTEMPTS: usize = 8;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct DiskConfig {
    /// Memory for sled's page cache, bytes.
    pub cache_bytes: u64,
    /// Free space that is never used, bytes.
    pub reserve_bytes: u64,
    /// How long to wait for another node to let go of the home.
    pub lock_wait: Duration,
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self {
            cache_bytes: STORE_CACHE_DEFAULT,
            reserve_bytes: STORE_FREE_RESERVE,
            lock_wait: Duration::ZERO,
        }
    }
}

/// A store in a home folder.
pub struct Disk {
    // Fields drop in this order: sled writes its last bytes before the lock on the home goes.
    trees: BTreeMap<Tree, sled::Tree>,
    by_id: Scattered,
    names: sled::Tree,
    db: sled::Db,
    db_file: File,
    bodies: BodyFiles,
    writer: Mutex<Writer>,
    failed: AtomicBool,
    reserve_bytes: u64,
    closing: Closing,
    home: Home,
}

/// What the one writer keeps.
#[derive(Debug, Default)]
struct Writer {
    /// Counts drops, so that a barrier can tell those it covers.
    tick: u64,
    /// Body files that nothing names any more, with the tick at which they were dropped.
    doomed: BTreeMap<BodyName, u64>,
}

impl Disk {
    /// Opens the store of a home, making both if there is nothing.
    ///
    /// # Errors
    /// [`StoreError::Lock`] if another node uses the home, [`StoreError::Format`] if it has another format,
    /// [`StoreError::Damaged`] if sled cannot read it or it is empty though it was made once, [`StoreError::Full`],
    /// [`StoreError::Io`].
    ///
    /// # Cost
    /// Reads the names of all body files.
    pub fn open(folder: &Path, config: &DiskConfig) -> Result<Self, StoreError> {
        let home = Home::open(folder, config.lock_wait)?;
        let store = home.store_folder();
        if !home.is_new() {
            refuse_empty(&store)?;
        }
        let db = open_sled(&store, config)?;
        let own = open_tree(&db, OWN_TREE)?;
        let is_made = own.get(MADE_KEY).map_err(|e| sled_error(OWN_TREE, MADE_KEY, e))?.is_some();
        if !home.is_new() && !is_made {
            return Err(empty_store().into());
        }
        let mut trees = BTreeMap::new();
        for tree in Tree::ALL {
            trees.insert(tree, open_tree(&db, tree.name())?);
        }
        let db_file = OpenOptions::new().read(true).write(true).open(store.join("db"));
        let bodies = BodyFiles::open(store.join("bodies"));
        let mut disk = Self {
            by_id: Scattered::new(
                Tree::ById,
                open_tree(&db, SCATTERED_TREE)?,
                open_tree(&db, Tree::ById.name())?,
            ),
            trees,
            names: open_tree(&db, BODIES_TREE)?,
            db,
            db_file: db_file.map_err(|e| StoreError::io("sled's file cannot be opened", e))?,
            bodies: bodies.map_err(|e| StoreError::io("the folder of bodies cannot be made", e))?,
            writer: Mutex::default(),
            failed: AtomicBool::new(false),
            reserve_bytes: config.reserve_bytes,
            closing: Closing::new(store.clone(), config.clone()),
            home,
        };
        if disk.home.is_new() {
            own.insert(MADE_KEY, b"1").map_err(|e| sled_error(OWN_TREE, MADE_KEY, e))?;
            disk.barrier()?;
            // sled syncs its file and not the name of it.
            sync_folder(&store)
                .and_then(|()| sync_folder(disk.home.folder()))
                .map_err(|e| StoreError::io("the store's folder cannot be synced", e))?;
            disk.home.mark_established()?;
        }
        disk.collect_bodies(|_, _| {})?;
        Ok(disk)
    }

    /// The home it stands in.
    pub const fn home(&self) -> &Home {
        &self.home
    }

    fn tree(&self, tree: Tree) -> Result<&sled::Tree, StoreError> {
        let missing = || Damage { place: tree.name(), key: Vec::new(), what: "the tree is missing" };
        Ok(self.trees.get(&tree).ok_or_else(missing)?)
    }

    /// Removes body files that nothing names and shows the others to `seen`.
    fn collect_bodies(&self, mut seen: impl FnMut(&BodyName, u64)) -> Result<(), StoreError> {
        let writer = self.lock_writer();
        let collected = self.bodies.collect::<CollectError>(|name, bytes| {
            let is_named = self.names.contains_key(name.as_bytes()).map_err(CollectError::Sled)?;
            if is_named {
                seen(name, bytes);
            }
            Ok(is_named || writer.doomed.contains_key(name))
        });
        collected.map_err(|error| match error {
            CollectError::Sled(error) => sled_error(BODIES_TREE, &[], error),
            CollectError::Io(error) => StoreError::io("the folder of bodies cannot be read", error),
        })
    }

    fn lock_writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse_if_full(&self) -> Result<(), StoreError> {
        let free_bytes = fs2::available_space(self.home.folder())
            .map_err(|e| StoreError::io("the free space cannot be told", e))?;
        let reserve_bytes = self.reserve_bytes;
        if free_bytes < reserve_bytes { Err(StoreError::Full { free_bytes, reserve_bytes }) } else { Ok(()) }
    }

    /// Turns what stands in sled into the record.
    fn read_value(&self, tree: Tree, key: &[u8], value: sled::IVec) -> Result<Option<Vec<u8>>, StoreError> {
        let damage = |what| Damage { place: tree.name(), key: key.to_vec(), what };
        let mut value = value;
        for _ in 0..READ_ATTEMPTS {
            let name = match Value::parse(&value) {
                Some(Value::Inline(bytes)) => return Ok(Some(bytes.to_vec())),
                Some(Value::InFile(name)) => name,
                None => return Err(damage("it is neither a record nor the name of one").into()),
            };
            let body = self.bodies.read(&name).map_err(|error| match error.kind() {
                io::ErrorKind::FileTooLarge => damage("its body file is too long").into(),
                _ => StoreError::io("a body file cannot be read", error),
            })?;
            match body {
                Some(body) if BodyName::of(tree.name(), key, &body) == name => return Ok(Some(body)),
                Some(_) => return Err(damage("its body file was altered").into()),
                None => {}
            }
            // Gone: perhaps the record was replaced since it was read.
            match self.tree(tree)?.get(key).map_err(|e| sled_error(tree.name(), key, e))? {
                Some(now) if now == value => return Err(damage("its body file is missing").into()),
                Some(now) => value = now,
                None => return Ok(None),
            }
        }
        Err(damage("its body file is missing").into())
    }

    /// One transaction over all trees that the writes touch, and rows of the scattered one. Returns the body files that it
    /// dropped.
    fn commit(&self, writes: &[Write], rows: &[RowWrite]) -> Result<Vec<BodyName>, StoreError> {
        let mut trees: Vec<sled::Tree> = Vec::new();
        let mut slots: BTreeMap<Tree, usize> = BTreeMap::new();
        for write in writes {
            if let std::collections::btree_map::Entry::Vacant(slot) = slots.entry(write.tree) {
                slot.insert(trees.len());
                trees.push(self.tree(write.tree)?.clone());
            }
        }
        let rows_slot = trees.len();
        trees.extend((!rows.is_empty()).then(|| self.by_id.rows().clone()));
        trees.push(self.names.clone());
        let result = trees.as_slice().transaction(|views| {
            let mut dropped = Vec::new();
            let names = views.last().ok_or(ConflictableTransactionError::Abort(()))?;
            for write in writes {
                let view = slots.get(&write.tree).and_then(|slot| views.get(*slot));
                let view = view.ok_or(ConflictableTransactionError::Abort(()))?;
                dropped.extend(write.run(view, names)?);
            }
            if !rows.is_empty() {
                let view = views.get(rows_slot).ok_or(ConflictableTransactionError::Abort(()))?;
                for (key, row) in rows {
                    match row {
                        Some(row) => view.insert(key.as_slice(), row.as_slice())?,
                        None => view.remove(key.as_slice())?,
                    };
                }
            }
            Ok(dropped)
        });
        result.map_err(|error| match error {
            TransactionError::Storage(error) => {
                self.failed.store(true, Ordering::SeqCst);
                sled_error("store", &[], error)
            }
            // Nothing aborts: every tree has its slot.
            TransactionError::Abort(()) => {
                Damage { place: "store", key: Vec::new(), what: "a tree is missing" }.into()
            }
        })
    }

    fn count(&self, tree: Tree) -> Result<u64, StoreError> {
        let (mut count, mut rest) = (0usize, Some(KeyRange::all()));
        while let Some(range) = rest {
            let page = self.scan(tree, range, Direction::Forward, STORE_PAGE_LIMIT)?;
            count = count.saturating_add(page.records.len());
            rest = page.next;
        }
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }

    fn write_batch(&self, writes: &[Write], plan: &Plan, writer: &mut Writer) -> Result<(), StoreError> {
        let new: Vec<BodyName> = writes.iter().filter_map(Write::body).map(|(name, _)| name).collect();
        let written = self.bodies.write(writes.iter().filter_map(Write::body));
        let dropped = written
            .map_err(|e| StoreError::io("a body file cannot be written", e))
            .and_then(|()| self.commit(writes, &plan.rows))
            .inspect_err(|_| self.discard(&new, writer))?;
        writer.tick = writer.tick.saturating_add(1);
        let tick = writer.tick;
        writer.doomed.extend(dropped.into_iter().map(|name| (name, tick)));
        for name in &new {
            writer.doomed.remove(name);
        }
        Ok(())
    }

    /// What the scattered tree has to do besides: a few milliseconds now and then.
    fn tidy(&self, by_id: &mut Writing<'_>) -> Result<(), StoreError> {
        // A run that is made, and two that become one.
        for _ in 0..2 {
            let Some(plan) = by_id.due()? else { return Ok(()) };
            let plain: Vec<Write> =
                plan.plain.iter().map(|(key, _)| Write::removal(Tree::ById, key)).collect();
            self.closing.note(plan.weight());
            self.commit(&plain, &plan.rows)?;
            by_id.done(plan);
        }
        Ok(())
    }

    fn scan_scattered(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let plain = |share| self.scan_sled(tree, range.clone(), direction, share);
        self.by_id.scan(range.clone(), direction, limit, plain)
    }

    fn scan_sled(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut page = Page::default();
        let bounds = (range.start.as_ref().map(Vec::as_slice), range.end.as_ref().map(Vec::as_slice));
        let mut found = self.tree(tree)?.range::<&[u8], _>(bounds);
        let (mut bytes, mut seen, mut last) = (0usize, 0usize, None::<sled::IVec>);
        loop {
            let step = match direction {
                Direction::Forward => found.next(),
                Direction::Backward => found.next_back(),
            };
            let Some(step) = step else { return Ok(page) };
            let (key, value) =
                step.map_err(|e| sled_error(tree.name(), last.as_deref().unwrap_or_default(), e))?;
            if seen >= limit || bytes >= STORE_PAGE_BYTES_LIMIT {
                page.next = Some(match last {
                    Some(last) => range.rest(&last, direction),
                    None => range,
                });
                return Ok(page);
            }
            seen = seen.saturating_add(1);
            match self.read_value(tree, &key, value) {
                Ok(Some(value)) => {
                    bytes = bytes.saturating_add(value.len());
                    page.records.push((key.to_vec(), value));
                }
                // Removed while the scan ran.
                Ok(None) => {}
                Err(StoreError::Damaged(damage)) => page.damaged.push(damage),
                Err(other) => return Err(other),
            }
            last = Some(key);
        }
    }

    /// Removes files that were written for a batch which did not happen.
    fn discard(&self, names: &[BodyName], writer: &Writer) {
        for name in names {
            let is_named = self.names.contains_key(name.as_bytes()).unwrap_or(true);
            if !is_named && !writer.doomed.contains_key(name) {
                // A file that stays is collected at the next open.
                let _ = self.bodies.remove(name);
            }
        }
    }
}

impl Store for Disk {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if tree.is_scattered() && !self.by_id.is_plain_used()? {
            return self.by_id.get(key);
        }
        match self.tree(tree)?.get(key).map_err(|e| sled_error(tree.name(), key, e))? {
            Some(value) => self.read_value(tree, key, value),
            None if tree.is_scattered() => self.by_id.get(key),
            None => Ok(None),
        }
    }

    fn scan(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        if range.is_empty() {
            return Ok(Page::default());
        }
        let limit = limit.min(STORE_PAGE_LIMIT);
        if !tree.is_scattered() {
            return self.scan_sled(tree, range, direction, limit);
        }
        let mut page = self.scan_scattered(tree, range, direction, limit)?;
        // What was removed and is not yet carried out makes a part of the range short, or empty.
        let mut bytes: usize = page.records.iter().map(|(_, value)| value.len()).sum();
        while page.records.len() < limit && bytes < STORE_PAGE_BYTES_LIMIT {
            let Some(rest) = page.next.take() else { break };
            let wanted = limit.saturating_sub(page.records.len());
            let more = self.scan_scattered(tree, rest, direction, wanted)?;
            bytes = more.records.iter().map(|(_, value)| value.len()).fold(bytes, usize::saturating_add);
            page.records.extend(more.records);
            page.damaged.extend(more.damaged);
            page.next = more.next;
        }
        Ok(page)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        batch.check_lengths()?;
        if self.failed.load(Ordering::SeqCst) {
            let source = io::Error::other("an earlier write failed; open the home again");
            return Err(StoreError::Io { what: "the store cannot be written", source });
        }
        if batch.iter().any(|(_, _, value)| value.is_some()) {
            self.refuse_if_full()?;
        }
        let (mut writes, mut scattered) = (Vec::with_capacity(batch.len()), Vec::new());
        for (tree, key, value) in batch.into_ops() {
            if tree.is_scattered() {
                scattered.push((key, value));
            } else {
                writes.push(Write::new(tree, key, value));
            }
        }
        let too_many_doomed = {
            let mut writer = self.lock_writer();
            let mut by_id = if scattered.is_empty() { None } else { Some(self.by_id.write()?) };
            let mut plan = by_id.as_ref().map(|by_id| by_id.plan(scattered)).unwrap_or_default();
            let plain = std::mem::take(&mut plan.plain);
            writes.extend(plain.into_iter().map(|(key, value)| Write::new(Tree::ById, key, value)));
            self.closing.note(writes.iter().map(Write::weight).sum::<u64>().saturating_add(plan.weight()));
            self.write_batch(&writes, &plan, &mut writer)?;
            if let Some(by_id) = &mut by_id {
                by_id.done(plan);
                // The batch stands. What could not be tidied is tried again with the next.
                if let Err(error) = self.tidy(by_id) {
                    tracing::warn!(%error, "the places of entries could not be put in order");
                }
            }
            writer.doomed.len() > STORE_DOOMED_LIMIT
        };
        if too_many_doomed { self.barrier() } else { Ok(()) }
    }

    fn barrier(&self) -> Result<(), StoreError> {
        let covered = self.lock_writer().tick;
        self.db.flush().map_err(|error| {
            self.failed.store(true, Ordering::SeqCst);
            sled_error("store", &[], error)
        })?;
        self.db_file.sync_data().map_err(|e| {
            // After a failed sync the system may have thrown the bytes away: no later sync can be believed.
            self.failed.store(true, Ordering::SeqCst);
            StoreError::io("the store cannot be synced", e)
        })?;
        let mut writer = self.lock_writer();
        let gone: Vec<BodyName> =
            writer.doomed.iter().filter(|(_, tick)| **tick <= covered).map(|(name, _)| *name).collect();
        for name in gone {
            writer.doomed.remove(&name);
            self.bodies.remove(&name).map_err(|e| StoreError::io("a body file cannot be removed", e))?;
        }
        Ok(())
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let mut stats = Stats::default();
        for (tree, records) in &self.trees {
            let count = match tree.is_scattered() {
                true => self.count(*tree)?,
                false => u64::try_from(records.len()).unwrap_or(u64::MAX),
            };
            stats.records.insert(*tree, count);
        }
        self.collect_bodies(|_, bytes| {
            stats.body_files = stats.body_files.saturating_add(1);
            stats.body_bytes = stats.body_bytes.saturating_add(bytes);
        })?;
        let sled_bytes = self.db.size_on_disk().map_err(|e| sled_error("store", &[], e))?;
        stats.disk_bytes = sled_bytes.saturating_add(stats.body_bytes);
        stats.free_bytes = fs2::available_space(self.home.folder()).ok();
        Ok(stats)
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk").field("home", &self.home.folder()).finish_non_exhaustive()
    }
}

/// One write, ready for sled.
#[derive(Debug)]
struct Write {
    tree: Tree,
    key: sled::IVec,
    kind: WriteKind,
}

#[derive(Debug)]
enum WriteKind {
    Remove,
    /// Made once, for sled to share: the transaction may run more than once.
    Inline(sled::IVec),
    Body {
        name: BodyName,
        bytes: Vec<u8>,
    },
}

impl Write {
    fn removal(tree: Tree, key: &[u8]) -> Self {
        Self::new(tree, key.to_vec(), None)
    }

    fn new(tree: Tree, key: Vec<u8>, value: Option<Vec<u8>>) -> Self {
        let kind = match value {
            None => WriteKind::Remove,
            // One byte of the value in sled says which kind it is.
            Some(bytes) if bytes.len() < STORE_VALUE_LIMIT => {
                WriteKind::Inline([&[INLINE], bytes.as_slice()].concat().into())
            }
            Some(bytes) => WriteKind::Body { name: BodyName::of(tree.name(), &key, &bytes), bytes },
        };
        Self { tree, key: key.into(), kind }
    }

    fn body(&self) -> Option<(BodyName, &[u8])> {
        match &self.kind {
            WriteKind::Body { name, bytes } => Some((*name, bytes)),
            WriteKind::Remove | WriteKind::Inline(_) => None,
        }
    }

    /// Bytes that it adds to sled's log, about.
    fn weight(&self) -> u64 {
        let value_len = match &self.kind {
            WriteKind::Inline(bytes) => bytes.len(),
            WriteKind::Remove | WriteKind::Body { .. } => BodyName::LEN,
        };
        u64::try_from(self.key.len().saturating_add(value_len)).unwrap_or(u64::MAX)
    }

    /// Writes it within a transaction. Returns the body file that is no longer named.
    fn run(
        &self,
        view: &TransactionalTree,
        names: &TransactionalTree,
    ) -> Result<Option<BodyName>, ConflictableTransactionError<()>> {
        let key = &self.key;
        let (old, new) = match &self.kind {
            WriteKind::Remove => (view.remove(key)?, None),
            WriteKind::Inline(bytes) => (view.insert(key, bytes)?, None),
            WriteKind::Body { name, .. } => {
                (view.insert(key, [&[IN_FILE], name.as_bytes().as_slice()].concat())?, Some(*name))
            }
        };
        let old = old.and_then(|old| match Value::parse(&old) {
            Some(Value::InFile(name)) if Some(name) != new => Some(name),
            _ => None,
        });
        if let Some(old) = old {
            names.remove(old.as_bytes().as_slice())?;
        }
        if let Some(new) = new {
            names.insert(new.as_bytes().as_slice(), [self.tree.name().as_bytes(), &[0], key].concat())?;
        }
        Ok(old)
    }
}

/// What a value in sled says.
enum Value<'a> {
    Inline(&'a [u8]),
    InFile(BodyName),
}

impl<'a> Value<'a> {
    fn parse(value: &'a [u8]) -> Option<Self> {
        match value.split_first()? {
            (&INLINE, bytes) => Some(Self::Inline(bytes)),
            (&IN_FILE, name) => Some(Self::InFile(BodyName::from_bytes(name.try_into().ok()?))),
            _ => None,
        }
    }
}

enum CollectError {
    Sled(sled::Error),
    Io(io::Error),
}

impl From<io::Error> for CollectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn open_sled(folder: &Path, config: &DiskConfig) -> Result<sled::Db, StoreError> {
    let settings = sled::Config::new()
        .path(folder)
        .cache_capacity(config.cache_bytes)
        .flush_every_ms(Some(STORE_FLUSH_EVERY_MS));
    let mut waits_left = SLED_LOCK_WAITS;
    loop {
        // sled asserts some of what it reads while it recovers; a damaged file must be an error, not the end of us.
        match catch_unwind(AssertUnwindSafe(|| settings.open())) {
            Ok(Ok(db)) => return Ok(db),
            // The home is ours, so nobody else holds sled's own lock for long: it is a program that this process or
            // the former holder is just starting, between fork and exec.
            Ok(Err(sled::Error::Io(error))) if waits_left > 0 && is_sled_lock(&error) => {
                waits_left = waits_left.saturating_sub(1);
                std::thread::park_timeout(SLED_LOCK_WAIT);
            }
            Ok(Err(error)) => return Err(sled_error("store", &[], error)),
            Err(_) => {
                return Err(
                    Damage { place: "store", key: Vec::new(), what: "sled cannot recover its log" }.into()
                );
            }
        }
    }
}

/// sled says that its file is locked in words alone.
fn is_sled_lock(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().starts_with("could not acquire lock")
}

fn open_tree(db: &sled::Db, name: &'static str) -> Result<sled::Tree, StoreError> {
    db.open_tree(name).map_err(|e| sled_error(name, &[], e))
}

/// A home that is not new has a log with something in it. Checked before sled makes a new one.
fn refuse_empty(store: &Path) -> Result<(), StoreError> {
    match std::fs::metadata(store.join("db")) {
        Ok(found) if found.len() > 0 => Ok(()),
        Ok(_) => Err(empty_store().into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(empty_store().into()),
        Err(error) => Err(StoreError::io("sled's file cannot be looked at", error)),
    }
}

fn empty_store() -> Damage {
    Damage { place: "store", key: Vec::new(), what: "it is empty although this home is not new" }
}

fn sled_error(place: &'static str, key: &[u8], error: sled::Error) -> StoreError {
    let damage = |what| Damage { place, key: key.to_vec(), what }.into();
    match error {
        sled::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            damage("its file ends too early")
        }
        sled::Error::Io(error) => StoreError::io("the store cannot be read or written", error),
        sled::Error::Corruption { .. } => damage("its bytes do not fit their checksum"),
        sled::Error::CollectionNotFound(_) => damage("the tree is missing"),
        sled::Error::Unsupported(_) | sled::Error::ReportableBug(_) => damage("sled cannot make sense of it"),
    }
}

#[cfg(test)]
mod tests;
