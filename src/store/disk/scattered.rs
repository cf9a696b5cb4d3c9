//! A tree whose keys come in no order, kept so that they are written in the order in which they come.
//!
//! sled keeps at most sixteen records side by side in a leaf. Keys that are hashes fall into all leaves alike: each
//! record touches a leaf of its own, which is written again whole a few times before it is full, and stays half full.
//! For the places of moments that was more than all the rest of a moment together (docs/adr/0018).
//!
//! ```text
//!   a batch ──▶ fresh entries: a row or a few at the end of the others, and in memory
//!                  │ SCATTERED_RUN_LIMIT of them
//!                  ▼
//!               a run: its entries in key order, some thirty to a block, with a filter; never added to
//!                  │ two neighbours that are half empty
//!                  ▼
//!               one run
//! ```
//!
//! **Looking up.** First where format 2 kept the records (the plain tree of this name; also what is too long for a row),
//! if anything is left there; then the fresh entries; then the runs, newest first, that may hold the key by their filter.
//!
//! **Removing.** Removals wait among the fresh entries, and are carried out when a run is made, or when
//! `SCATTERED_REMOVAL_LIMIT` wait: those of one time lie in the same blocks.
//!
//! **Crashes.** All of it lies in sled: a batch's entries stand in its own transaction, a run is made and what it is
//! made of removed in another, and so are two runs that become one. What is in memory is read from there.
//!
//! **Start.** Nothing of it is read before it is first asked for: then the fresh rows and the filters (3 KB for 2,048
//! entries).
//!
//! It does not: know what the keys mean, or write anything itself; the disk carries out what is planned here.
//!
//! Invariants: of several versions of a record the plain one is the newest, then the fresh, then that of the higher
//! run; a removal among the fresh hides every older one.

mod filter;
mod read;
mod rows;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use filter::{Filter, Looks};
pub(super) use rows::RowWrite;
use rows::{Entry, block_key, blocks_of, filter_key, fresh_key, left_key};

use super::{INLINE, sled_error};
use crate::limits::{SCATTERED_MOVE_LIMIT, SCATTERED_REMOVAL_LIMIT, SCATTERED_RUN_LIMIT};
use crate::store::{Damage, StoreError, Tree};

/// Records by their keys.
type Records = BTreeMap<Vec<u8>, Vec<u8>>;

/// One such tree.
pub(super) struct Scattered {
    tree: Tree,
    rows: sled::Tree,
    plain: sled::Tree,
    limits: Limits,
    state: RwLock<State>,
}

/// When what is fresh becomes a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    run: usize,
    removals: usize,
    moved: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { run: SCATTERED_RUN_LIMIT, removals: SCATTERED_REMOVAL_LIMIT, moved: SCATTERED_MOVE_LIMIT }
    }
}

/// What is known of it in memory.
#[derive(Debug, Default)]
struct State {
    is_loaded: bool,
    fresh: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// How many of the fresh are removals.
    removals: usize,
    /// The numbers of the fresh rows: the first, and the next to be written.
    fresh_rows: (u64, u64),
    /// Fresh rows that do not decode: they stay, for whoever reads them to be told.
    bad_rows: BTreeSet<u64>,
    runs: BTreeMap<u32, Run>,
    /// Whether anything lies in the plain tree.
    is_plain_used: bool,
    damaged: Vec<Damage>,
}

#[derive(Debug)]
struct Run {
    filter: Filter,
    /// Entries that are left.
    left: u32,
}

impl State {
    fn take_fresh(&mut self, entries: impl IntoIterator<Item = Entry>) {
        for (key, value) in entries {
            let is_removal = value.is_none();
            if let Some(None) = self.fresh.insert(key, value) {
                self.removals = self.removals.saturating_sub(1);
            }
            self.removals = self.removals.saturating_add(usize::from(is_removal));
        }
    }

    fn may_hold(&self, key: &[u8]) -> bool {
        let looks = Looks::of(key);
        self.fresh.contains_key(key) || self.runs.values().any(|run| run.filter.may_hold(looks))
    }

    /// Two runs beside each other that fit into one.
    fn to_join(&self, limit: usize) -> Option<(u32, u32)> {
        let fits = |older: &Run, newer: &Run| {
            usize::try_from(older.left.saturating_add(newer.left)).is_ok_and(|left| left <= limit)
        };
        let mut pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        pairs.find(|((_, older), (_, newer))| fits(older, newer)).map(|((a, _), (b, _))| (*a, *b))
    }
}

/// What one transaction has to write, and what is so in memory once it has.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Into the plain tree.
    pub(super) plain: Vec<Entry>,
    pub(super) rows: Vec<RowWrite>,
    change: Change,
}

impl Plan {
    /// Bytes that its rows add to sled's log, about.
    pub(super) fn weight(&self) -> u64 {
        let len = |(key, row): &RowWrite| key.len().saturating_add(row.as_ref().map_or(0, Vec::len));
        u64::try_from(self.rows.iter().map(len).sum::<usize>()).unwrap_or(u64::MAX)
    }
}

#[derive(Debug, Default)]
enum Change {
    #[default]
    Nothing,
    Fresh {
        entries: Vec<Entry>,
        rows: u64,
        uses_plain: bool,
    },
    /// Of what was fresh there are runs now.
    Settled {
        runs: BTreeMap<u32, Run>,
        left: BTreeMap<u32, u32>,
        is_plain_used: bool,
    },
    Joined {
        older: u32,
        newer: u32,
        run: Run,
    },
    /// A run has a block that cannot be read: it is not joined.
    Apart {
        run: u32,
    },
}

impl Scattered {
    pub(super) fn new(tree: Tree, rows: sled::Tree, plain: sled::Tree) -> Self {
        Self { tree, rows, plain, limits: Limits::default(), state: RwLock::default() }
    }

    pub(super) const fn rows(&self) -> &sled::Tree {
        &self.rows
    }

    fn damage(&self, key: &[u8], what: &'static str) -> Damage {
        Damage { place: self.tree.name(), key: key.to_vec(), what }
    }

    fn failed(&self, error: sled::Error) -> StoreError {
        sled_error(self.tree.name(), &[], error)
    }

    fn read(&self) -> Result<RwLockReadGuard<'_, State>, StoreError> {
        loop {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            if state.is_loaded {
                return Ok(state);
            }
            drop(state);
            drop(self.write()?);
        }
    }

    /// Nobody reads while it is held.
    pub(super) fn write(&self) -> Result<Writing<'_>, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if !state.is_loaded {
            *state = self.load()?;
        }
        Ok(Writing { tree: self, state })
    }

    fn load(&self) -> Result<State, StoreError> {
        let mut state = State { is_loaded: true, is_plain_used: !self.plain.is_empty(), ..State::default() };
        for row in self.rows.scan_prefix(rows::ALL_FRESH) {
            let (key, row) = row.map_err(|e| self.failed(e))?;
            if let Some(number) = rows::split_fresh_key(&key) {
                if state.fresh_rows.1 == 0 {
                    state.fresh_rows.0 = number;
                }
                state.fresh_rows.1 = number.saturating_add(1);
            }
            match rows::unpack_all(&row) {
                Some(entries) => state.take_fresh(entries),
                None => {
                    state.bad_rows.extend(rows::split_fresh_key(&key));
                    state.damaged.push(self.damage(&key, "a row of it does not decode"));
                }
            }
        }
        for row in self.rows.scan_prefix(rows::ALL_LEFT) {
            let (key, left) = row.map_err(|e| self.failed(e))?;
            let left = <[u8; 4]>::try_from(left.as_ref()).map_or(u32::MAX, u32::from_be_bytes);
            if let Some(number) = rows::split_run_key(&key) {
                state.runs.insert(number, Run { filter: Filter::from_bytes(Vec::new()), left });
            }
        }
        for row in self.rows.scan_prefix(rows::ALL_FILTERS) {
            let (key, bits) = row.map_err(|e| self.failed(e))?;
            if let Some(run) = rows::split_run_key(&key).and_then(|number| state.runs.get_mut(&number)) {
                run.filter = Filter::from_bytes(bits.to_vec());
            }
        }
        Ok(state)
    }

    /// The block of a run in which a key must lie: its key and its entries.
    fn block(&self, run: u32, key: &[u8]) -> Result<Option<(sled::IVec, sled::IVec)>, StoreError> {
        let range = (Bound::Included(blocks_of(run)), Bound::Included(block_key(run, key)));
        self.rows.range::<Vec<u8>, _>(range).next_back().transpose().map_err(|e| self.failed(e))
    }
}

impl std::fmt::Debug for Scattered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scattered").field("tree", &self.tree).finish_non_exhaustive()
    }
}

/// The tree while its one writer writes.
pub(super) struct Writing<'a> {
    tree: &'a Scattered,
    state: RwLockWriteGuard<'a, State>,
}

impl std::fmt::Debug for Writing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writing").finish_non_exhaustive()
    }
}

impl Writing<'_> {
    /// What a batch has to write for these entries, one to a key and in key order.
    pub(super) fn plan(&self, writes: Vec<Entry>) -> Plan {
        let state = &*self.state;
        let (mut plain, mut entries, mut uses_plain) = (Vec::new(), Vec::new(), false);
        for (key, value) in writes {
            if value.as_ref().is_some_and(|value| !rows::fits(&key, value)) {
                uses_plain = true;
                plain.push((key, value));
                continue;
            }
            if state.is_plain_used {
                plain.push((key.clone(), None));
            }
            if value.is_some() || state.may_hold(&key) {
                entries.push((key, value));
            }
        }
        let packed = rows::pack(entries.iter().map(|(key, value)| (key.as_slice(), value.as_deref())));
        let numbers = state.fresh_rows.1..;
        let rows: Vec<RowWrite> =
            numbers.zip(packed).map(|(number, (_, row))| (fresh_key(number), Some(row))).collect();
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        Plan { plain, rows, change: Change::Fresh { entries, rows: count, uses_plain } }
    }

    /// What is due besides: a run of what is fresh, or one run of two.
    pub(super) fn due(&self) -> Result<Option<Plan>, StoreError> {
        let (state, limits) = (&*self.state, self.tree.limits);
        if state.fresh.len() >= limits.run || state.removals >= limits.removals {
            return self.settle().map(Some);
        }
        match state.to_join(limits.run) {
            Some((older, newer)) => self.join(older, newer).map(Some),
            None => Ok(None),
        }
    }

    /// The transaction happened.
    pub(super) fn done(&mut self, plan: Plan) {
        let state = &mut *self.state;
        match plan.change {
            Change::Nothing => {}
            Change::Fresh { entries, rows, uses_plain } => {
                state.take_fresh(entries);
                state.fresh_rows.1 = state.fresh_rows.1.saturating_add(rows);
                state.is_plain_used |= uses_plain;
            }
            Change::Settled { runs, left, is_plain_used } => {
                state.fresh.clear();
                state.removals = 0;
                state.fresh_rows.0 = state.fresh_rows.1;
                state.is_plain_used = is_plain_used;
                for (number, left) in left {
                    match state.runs.get_mut(&number) {
                        Some(run) if left > 0 => run.left = left,
                        _ => drop(state.runs.remove(&number)),
                    }
                }
                state.runs.extend(runs);
            }
            Change::Apart { run } => {
                if let Some(run) = state.runs.get_mut(&run) {
                    run.left = u32::MAX;
                }
            }
            Change::Joined { older, newer, run } => {
                state.runs.remove(&older);
                state.runs.insert(newer, run);
            }
        }
    }

    fn settle(&self) -> Result<Plan, StoreError> {
        let state = &*self.state;
        let mut plan = Plan::default();
        let mut left = BTreeMap::new();
        self.carry_out_removals(&mut plan.rows, &mut left)?;
        let settled = (state.fresh_rows.0..state.fresh_rows.1).filter(|row| !state.bad_rows.contains(row));
        plan.rows.extend(settled.map(|number| (fresh_key(number), None)));
        let (moved, is_plain_used) = self.moved()?;
        plan.plain = moved.keys().map(|key| (key.clone(), None)).collect();
        let mut entries: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
        entries
            .extend(state.fresh.iter().filter_map(|(key, value)| Some((key.as_slice(), value.as_deref()?))));
        entries.extend(moved.iter().map(|(key, value)| (key.as_slice(), value.as_slice())));
        let entries: Vec<(&[u8], &[u8])> = entries.into_iter().collect();
        let first = state.runs.last_key_value().map_or(0, |(number, _)| number.saturating_add(1));
        let mut runs = BTreeMap::new();
        for (number, entries) in (first..).zip(entries.chunks(self.tree.limits.run.max(1))) {
            runs.insert(number, write_run(number, entries, &mut plan.rows));
        }
        plan.change = Change::Settled { runs, left, is_plain_used };
        Ok(plan)
    }

    /// Takes what was removed out of the runs that hold it.
    fn carry_out_removals(
        &self,
        rows: &mut Vec<RowWrite>,
        left: &mut BTreeMap<u32, u32>,
    ) -> Result<(), StoreError> {
        let state = &*self.state;
        let mut blocks: BTreeMap<sled::IVec, Vec<Entry>> = BTreeMap::new();
        for key in state.fresh.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key) {
            let looks = Looks::of(key);
            for (number, run) in state.runs.iter().filter(|(_, run)| run.filter.may_hold(looks)) {
                let Some((block, row)) = self.tree.block(*number, key)? else { continue };
                let entries = match blocks.get_mut(&block) {
                    Some(entries) => entries,
                    // One that cannot be read stays as it is, and is named to whoever reads it.
                    None => match rows::unpack_all(&row) {
                        Some(entries) => blocks.entry(block).or_insert(entries),
                        None => continue,
                    },
                };
                if let Some(at) = entries.iter().position(|(found, _)| found == key) {
                    entries.remove(at);
                    let left = left.entry(*number).or_insert(run.left);
                    *left = left.saturating_sub(1);
                }
            }
        }
        for (block, entries) in blocks {
            let packed = rows::pack(entries.iter().map(|(key, value)| (key.as_slice(), value.as_deref())));
            // Fewer entries than before: one row, or none.
            rows.push((block.to_vec(), packed.into_iter().next().map(|(_, row)| row)));
        }
        for (number, left) in left {
            if *left > 0 {
                rows.push((left_key(*number), Some(left.to_be_bytes().to_vec())));
            } else {
                rows.extend([(left_key(*number), None), (filter_key(*number), None)]);
            }
        }
        Ok(())
    }

    /// The next records of the plain tree that can stand among others, and whether any stay behind.
    fn moved(&self) -> Result<(Records, bool), StoreError> {
        let mut moved = BTreeMap::new();
        if !self.state.is_plain_used {
            return Ok((moved, false));
        }
        let (mut seen, mut stay) = (0usize, false);
        for record in &self.tree.plain {
            if seen >= self.tree.limits.moved {
                return Ok((moved, true));
            }
            seen = seen.saturating_add(1);
            // What cannot be read stays, and keeps nothing else from being put in order.
            let Ok((key, value)) = record else { return Ok((moved, true)) };
            match value.split_first() {
                Some((&INLINE, value)) if rows::fits(&key, value) => {
                    moved.insert(key.to_vec(), value.to_vec());
                }
                _ => stay = true,
            }
        }
        Ok((moved, stay))
    }

    /// One run of two neighbours, under the number of the newer.
    fn join(&self, older: u32, newer: u32) -> Result<Plan, StoreError> {
        let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut gone: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        for run in [older, newer] {
            for block in self.tree.rows.scan_prefix(blocks_of(run)) {
                let (key, row) = block.map_err(|e| self.tree.failed(e))?;
                let Some(found) = rows::unpack_all(&row) else {
                    // It stays where it is, for whoever reads it to be told.
                    return Ok(Plan { change: Change::Apart { run }, ..Plan::default() });
                };
                entries.extend(found.into_iter().filter_map(|(key, value)| Some((key, value?))));
                gone.insert(key.to_vec(), None);
            }
        }
        gone.extend([(left_key(older), None), (filter_key(older), None)]);
        let mut rows = Vec::new();
        let entries: Vec<(&[u8], &[u8])> =
            entries.iter().map(|(k, v)| (k.as_slice(), v.as_slice())).collect();
        let run = write_run(newer, &entries, &mut rows);
        for (key, row) in &rows {
            gone.insert(key.clone(), row.clone());
        }
        Ok(Plan {
            plain: Vec::new(),
            rows: gone.into_iter().collect(),
            change: Change::Joined { older, newer, run },
        })
    }
}

/// Entries in key order as a run of this number.
fn write_run(number: u32, entries: &[(&[u8], &[u8])], rows: &mut Vec<RowWrite>) -> Run {
    let packed = rows::pack(entries.iter().map(|(key, value)| (*key, Some(*value))));
    rows.extend(packed.into_iter().map(|(least, row)| (block_key(number, least), Some(row))));
    let filter = Filter::new(entries.iter().map(|(key, _)| *key));
    let left = u32::try_from(entries.len()).unwrap_or(u32::MAX);
    rows.push((filter_key(number), Some(filter.as_bytes().to_vec())));
    rows.push((left_key(number), Some(left.to_be_bytes().to_vec())));
    Run { filter, left }
}
