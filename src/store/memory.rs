//! The store in memory: the reference that the disk is tested against, and the store of simulations.
//!
//! It keeps what was applied since the last barrier apart, so that a simulation can cut the power: a prefix of those
//! batches survives, as on a disk. It can also be told to be full.
//!
//! Source: docs/protocol.md 3.19; method of 3.20 (crash at any flush).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use super::{Batch, Direction, KeyRange, Page, Stats, Store, StoreError, Tree};
use crate::limits::{STORE_PAGE_BYTES_LIMIT, STORE_PAGE_LIMIT};

type Place = (Tree, Vec<u8>);
type Records = BTreeMap<Place, Vec<u8>>;

/// A store that keeps everything in memory.
#[derive(Debug, Default)]
pub struct Memory {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    now: Records,
    /// What a power cut cannot take, and the batches since; `None` if nobody will cut the power.
    crash: Option<Crash>,
    full: bool,
}

#[derive(Debug, Default)]
struct Crash {
    durable: Records,
    since: Vec<Batch>,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store whose power can be cut. It keeps everything twice.
    pub fn with_power_cuts() -> Self {
        Self { state: RwLock::new(State { crash: Some(Crash::default()), ..State::default() }) }
    }

    /// Goes back to the last barrier and the first `kept` batches after it. Does nothing to a store made by
    /// [`Memory::new`].
    pub fn cut_power(&self, kept: usize) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let Some(crash) = &mut state.crash else { return };
        for batch in crash.since.drain(..).take(kept) {
            write_into(&mut crash.durable, batch);
        }
        let durable = crash.durable.clone();
        state.now = durable;
    }

    /// Batches that no barrier covers yet. Zero for a store made by [`Memory::new`].
    pub fn batches_at_risk(&self) -> usize {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.crash.as_ref().map_or(0, |crash| crash.since.len())
    }

    /// Makes every further batch that adds something fail with [`StoreError::Full`], or lets them through again.
    pub fn set_full(&self, full: bool) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).full = full;
    }
}

fn write_into(records: &mut Records, batch: Batch) {
    for (tree, key, value) in batch.into_ops() {
        match value {
            Some(value) => records.insert((tree, key), value),
            None => records.remove(&(tree, key)),
        };
    }
}

/// A range of one tree inside the map of all trees.
fn bounds(tree: Tree, range: &KeyRange) -> Option<(Bound<Place>, Bound<Place>)> {
    if range.is_empty() {
        return None;
    }
    let start = match &range.start {
        Bound::Included(key) => Bound::Included((tree, key.clone())),
        Bound::Excluded(key) => Bound::Excluded((tree, key.clone())),
        Bound::Unbounded => Bound::Included((tree, Vec::new())),
    };
    let after = Tree::ALL.into_iter().find(|other| *other > tree);
    let end = match (&range.end, after) {
        (Bound::Included(key), _) => Bound::Included((tree, key.clone())),
        (Bound::Excluded(key), _) => Bound::Excluded((tree, key.clone())),
        (Bound::Unbounded, Some(after)) => Bound::Excluded((after, Vec::new())),
        (Bound::Unbounded, None) => Bound::Unbounded,
    };
    Some((start, end))
}

impl Store for Memory {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(state.now.get(&(tree, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let Some(bounds) = bounds(tree, &range) else { return Ok(Page::default()) };
        let mut found = state.now.range(bounds);
        let mut page = Page::default();
        let mut bytes = 0usize;
        let limit = limit.min(STORE_PAGE_LIMIT);
        loop {
            let step = match direction {
                Direction::Forward => found.next(),
                Direction::Backward => found.next_back(),
            };
            let Some(((_, key), value)) = step else { return Ok(page) };
            if page.records.len() >= limit || bytes >= STORE_PAGE_BYTES_LIMIT {
                page.next = Some(match page.records.last() {
                    Some((last, _)) => range.rest(last, direction),
                    None => range,
                });
                return Ok(page);
            }
            bytes = bytes.saturating_add(value.len());
            page.records.push((key.clone(), value.clone()));
        }
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        batch.check_lengths()?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.full && batch.iter().any(|(_, _, value)| value.is_some()) {
            return Err(StoreError::Full { free_bytes: 0, reserve_bytes: 0 });
        }
        if let Some(crash) = &mut state.crash {
            crash.since.push(batch.clone());
        }
        write_into(&mut state.now, batch);
        Ok(())
    }

    fn barrier(&self) -> Result<(), StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(crash) = &mut state.crash {
            for batch in crash.since.drain(..) {
                write_into(&mut crash.durable, batch);
            }
        }
        Ok(())
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut stats =
            Stats { records: Tree::ALL.iter().map(|tree| (*tree, 0)).collect(), ..Stats::default() };
        for ((tree, key), value) in &state.now {
            let count = stats.records.entry(*tree).or_default();
            *count = count.saturating_add(1);
            let bytes = u64::try_from(key.len().saturating_add(value.len())).unwrap_or(u64::MAX);
            stats.disk_bytes = stats.disk_bytes.saturating_add(bytes);
        }
        Ok(stats)
    }
}
