//! How much is kept of one author, so that a friend cannot fill the disk: the oldest goes, and the floor rises.
//!
//! A quota never decides what is valid or known above the floor, only what is kept (docs/protocol.md 3.4, 3.18), so two
//! nodes with different quotas still agree. Interactions go before moments; a person's newest records and profile stand
//! in the friend's own record and are never evicted, nor is a moment among my favourites (`marks`). Once an epoch was in sync, only so much is taken of it a day.
//!
//! Source: docs/protocol.md 3.18; invariants I17, I23.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::receive::Lying;
use super::{Service, tx};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::{
    ALL_AUTHORS_BYTES_LIMIT, AUTHOR_BYTES_LIMIT, AUTHOR_ENTRY_LIMIT, EPOCH_DAY_BYTES_LIMIT,
    EPOCH_DAY_ENTRY_LIMIT, FLOOR_STEP_LIMIT, LOG_INTERVAL_LIMIT,
};
use crate::moment::Class;
use crate::store::layout::{log_prefix, split_log_key};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::Day;

/// What is kept of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Usage {
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl Usage {
    fn add(&mut self, entries: u64, bytes: u64) {
        self.entries = self.entries.saturating_add(entries);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn take(&mut self, entries: u64, bytes: u64) {
        self.entries = self.entries.saturating_sub(entries);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// What was taken of an epoch today.
#[derive(Debug, Clone, Copy)]
struct Taken {
    day: Day,
    entries: u32,
    bytes: u64,
}

/// The counters of one run.
#[derive(Debug, Default)]
pub(super) struct Quota {
    authors: BTreeMap<UserId, Usage>,
    total_bytes: u64,
    in_sync: BTreeSet<EpochId>,
    taken: BTreeMap<EpochId, Taken>,
}

impl Quota {
    /// Nothing is known of an epoch any more.
    pub(super) fn forget(&mut self, epoch: &EpochId) {
        self.in_sync.remove(epoch);
        self.taken.remove(epoch);
    }

    /// Bytes that are kept of an author.
    pub(super) fn kept_of(&self, author: &UserId) -> u64 {
        self.authors.get(author).map_or(0, |usage| usage.bytes)
    }
}

impl Service {
    /// Adds up at start what is kept of whom.
    pub(super) fn load_quota(&mut self) {
        self.quota = Quota::default();
        for (epoch, usage) in &self.state.usage {
            let Some(author) = self.state.epochs.get(epoch).map(|record| record.author) else { continue };
            self.quota.authors.entry(author).or_default().add(usage.entries, usage.bytes);
            self.quota.total_bytes = self.quota.total_bytes.saturating_add(usage.bytes);
        }
    }

    /// An epoch is in sync with somebody: from now on it is taken at a walking pace.
    pub(super) fn note_in_sync(&mut self, epoch: &EpochId) {
        self.quota.in_sync.insert(*epoch);
    }

    /// Whether an entry of so many bytes may still be taken today.
    pub(super) fn may_take(&mut self, epoch: &EpochId, bytes: u64) -> bool {
        let today = self.now.day();
        let fresh = Taken { day: today, entries: 0, bytes: 0 };
        let taken = self.quota.taken.entry(*epoch).or_insert(fresh);
        if taken.day != today {
            *taken = fresh;
        }
        let over = taken.entries >= EPOCH_DAY_ENTRY_LIMIT
            || taken.bytes.saturating_add(bytes) > EPOCH_DAY_BYTES_LIMIT;
        if over && self.quota.in_sync.contains(epoch) {
            return false;
        }
        taken.entries = taken.entries.saturating_add(1);
        taken.bytes = taken.bytes.saturating_add(bytes);
        true
    }

    /// A record of an epoch came (`old` none), went (`new` none) or takes another number of bytes.
    pub(super) fn note_resized(&mut self, epoch: &EpochId, old: Option<u64>, new: Option<u64>) {
        let author = self.state.epochs.get(epoch).map(|record| record.author);
        let own = self.state.usage.entry(*epoch).or_default();
        let of_author = author.map(|author| self.quota.authors.entry(author).or_default());
        for usage in [Some(own), of_author].into_iter().flatten() {
            usage.take(u64::from(old.is_some()), old.unwrap_or(0));
            usage.add(u64::from(new.is_some()), new.unwrap_or(0));
        }
        let total = self.quota.total_bytes.saturating_sub(old.unwrap_or(0));
        self.quota.total_bytes = total.saturating_add(new.unwrap_or(0));
    }

    /// Numbers with too many holes: the lowest go, so that what is known of an epoch stays a small record.
    pub(super) fn hold_intervals(&mut self, epoch: &EpochId) -> Result<(), StoreError> {
        let is_own = self.state.epochs.get(epoch).is_some_and(|record| record.own.is_some());
        let floor = self.state.logs.get(epoch).filter(|_| !is_own).and_then(|log| {
            let excess =
                log.intervals.intervals().len().checked_sub(LOG_INTERVAL_LIMIT).filter(|n| *n > 0)?;
            // A quarter goes at once, so that this does not happen with every entry.
            log.intervals.intervals().nth(excess.saturating_add(LOG_INTERVAL_LIMIT / 4)).map(|(lo, _)| lo)
        });
        match floor {
            Some(floor) => {
                let floor = self.floor_of_a_step(epoch, floor)?;
                self.raise_floor(epoch, floor)
            }
            None => Ok(()),
        }
    }

    /// As much of the way to a floor as is gone in one step: past [`FLOOR_STEP_LIMIT`] records. While there are too many
    /// holes, every entry that comes brings another step, so that the holes grow more slowly than records go.
    fn floor_of_a_step(&self, epoch: &EpochId, floor: u64) -> Result<u64, StoreError> {
        let before = self.state.logs.get(epoch).map_or(0, |log| log.floor);
        let (start, end) = (log_prefix(epoch, before), log_prefix(epoch, floor));
        let range = KeyRange { start: Bound::Included(start), end: Bound::Excluded(end) };
        let run = self.tx.range(Tree::Log, range, Direction::Forward, FLOOR_STEP_LIMIT.saturating_add(1))?;
        let Some((next, _)) = run.get(FLOOR_STEP_LIMIT) else { return Ok(floor) };
        let (_, seq, _) =
            split_log_key(next).ok_or_else(|| tx::damaged(Tree::Log, next, "the key is not one of ours"))?;
        // Of one number alone there may be more variants than that.
        Ok(seq.max(before.saturating_add(1)))
    }

    /// Makes room until an author is within the quota again.
    pub(super) fn hold_quota(&mut self, author: &UserId) -> Result<(), StoreError> {
        loop {
            let usage = self.quota.authors.get(author).copied().unwrap_or_default();
            let over = usage.entries > AUTHOR_ENTRY_LIMIT || usage.bytes > AUTHOR_BYTES_LIMIT;
            let is_done = if over {
                !self.evict_oldest(author)?
            } else if self.quota.total_bytes > ALL_AUTHORS_BYTES_LIMIT {
                !self.evict_of_largest()?
            } else {
                true
            };
            if is_done {
                return Ok(());
            }
        }
    }

    /// Forgets the oldest entry of the largest author that has one which may go.
    fn evict_of_largest(&mut self) -> Result<bool, StoreError> {
        let me = self.me();
        let mut others: Vec<(u64, UserId)> = self
            .quota
            .authors
            .iter()
            .filter(|(user, _)| **user != me)
            .map(|(u, usage)| (usage.bytes, *u))
            .collect();
        others.sort_unstable_by(|a, b| b.cmp(a));
        for (_, author) in others {
            if self.evict_oldest(&author)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Forgets the oldest entry of an author, interactions before moments, favourites never. False if nothing is left to
    /// forget.
    pub(super) fn evict_oldest(&mut self, author: &UserId) -> Result<bool, StoreError> {
        let mut epochs: Vec<(bool, Day, EpochId)> = self
            .state
            .epochs
            .values()
            .filter(|epoch| epoch.author == *author && epoch.own.is_none())
            .filter(|epoch| self.state.usage.get(&epoch.id).is_some_and(|usage| usage.entries > 0))
            .map(|epoch| (epoch.class != Class::Contact, epoch.opened, epoch.id))
            .collect();
        epochs.sort();
        for (_, _, epoch) in epochs {
            let floor = self.state.logs.get(&epoch).map_or(0, |log| log.floor);
            let mut all = KeyRange::prefix(epoch.as_bytes().as_slice());
            if let Some(oldest) = self.next_evictable(&mut all, &mut Vec::new())? {
                self.raise_floor(&epoch, oldest.seq.saturating_add(1).max(floor))?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first record in a range of a log that is no favourite; the range goes on behind it. Favourites that were
    /// passed over are told.
    fn next_evictable(
        &self,
        range: &mut KeyRange,
        passed: &mut Vec<(u64, EntryId)>,
    ) -> Result<Option<Evictable>, StoreError> {
        loop {
            let run = self.tx.range(Tree::Log, range.clone(), Direction::Forward, EVICT_RUN)?;
            let Some((last, _)) = run.last().cloned() else { return Ok(None) };
            for (key, value) in run {
                let Some((_, seq, id)) = split_log_key(&key) else {
                    return Err(tx::damaged(Tree::Log, &key, "the key is not one of ours"));
                };
                let lying = Lying::decode(&key, &value)?;
                // An id whose entry never came may be that of another's moment, any number of times.
                if lying != Lying::Awaited && self.marks.is_favourite(&id) {
                    passed.push((seq, id));
                    continue;
                }
                *range = range.clone().after(key);
                return Ok(Some(Evictable { seq, id, lying }));
            }
            *range = range.clone().after(last);
        }
    }

    /// Forgets everything of an epoch below a number, for good: it is never asked for again. A favourite stays where it
    /// is, but is known no more: nobody is told of it, and it is in no sum.
    fn raise_floor(&mut self, epoch: &EpochId, floor: u64) -> Result<(), StoreError> {
        // What lies below an earlier floor, or waits for its entry, is in no sum.
        let known = self.state.logs.get(epoch).map(|log| log.intervals.clone()).unwrap_or_default();
        let mut gone: Vec<(u64, EntryId)> = Vec::new();
        let mut range = KeyRange::prefix(epoch.as_bytes().as_slice());
        range = range.before(log_prefix(epoch, floor));
        while let Some(Evictable { seq, id, lying }) = self.next_evictable(&mut range, &mut gone)? {
            self.drop_lying(epoch, seq, &id, &lying)?;
            if lying != Lying::Awaited {
                gone.push((seq, id));
            }
        }
        if let Some(log) = self.state.logs.get_mut(epoch) {
            for (seq, id) in gone.iter().filter(|(seq, _)| known.contains(*seq)) {
                log.sum.subtract(id);
                log.intervals.remove(*seq);
            }
            log.intervals.remove_below(floor);
            log.floor = log.floor.max(floor);
        }
        self.save_log(epoch);
        Ok(())
    }
}

/// How many records of a log one read brings while the oldest that may go is looked for.
const EVICT_RUN: usize = 16;

/// A record that may be forgotten.
struct Evictable {
    seq: u64,
    id: EntryId,
    lying: Lying,
}

#[cfg(test)]
mod tests;
