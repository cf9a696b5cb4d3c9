//! How much is kept of one author, so that a friend cannot fill the disk: the oldest goes, and the floor rises.
//!
//! A quota never decides what is valid or known above the floor, only what is kept (docs/protocol.md 3.4, 3.18), so two
//! nodes with different quotas still agree. Interactions go before moments; a person's newest records and profile stand
//! in the friend's own record and are never evicted. Once an epoch was in sync, only so much is taken of it a day.
//!
//! Source: docs/protocol.md 3.18; invariants I17, I23.

use std::collections::{BTreeMap, BTreeSet};

use super::Service;
use super::receive::Lying;
use crate::id::{EpochId, UserId};
use crate::limits::{
    ALL_AUTHORS_BYTES_LIMIT, AUTHOR_BYTES_LIMIT, AUTHOR_ENTRY_LIMIT, EPOCH_DAY_BYTES_LIMIT,
    EPOCH_DAY_ENTRY_LIMIT, LOG_INTERVAL_LIMIT,
};
use crate::moment::Class;
use crate::store::layout::split_log_key;
use crate::store::{StoreError, Tree};
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
            Some(floor) => self.raise_floor(epoch, floor),
            None => Ok(()),
        }
    }

    /// Makes room until an author is within the quota again.
    pub(super) fn hold_quota(&mut self, author: &UserId) -> Result<(), StoreError> {
        loop {
            let usage = self.quota.authors.get(author).copied().unwrap_or_default();
            let over = usage.entries > AUTHOR_ENTRY_LIMIT || usage.bytes > AUTHOR_BYTES_LIMIT;
            let victim = if over {
                *author
            } else if self.quota.total_bytes > ALL_AUTHORS_BYTES_LIMIT {
                let me = self.me();
                let others = self.quota.authors.iter().filter(|(user, _)| **user != me);
                match others.max_by_key(|(user, usage)| (usage.bytes, **user)) {
                    Some((user, _)) => *user,
                    None => return Ok(()),
                }
            } else {
                return Ok(());
            };
            if !self.evict_oldest(&victim)? {
                return Ok(());
            }
        }
    }

    /// Forgets the oldest entry of an author, interactions before moments. False if nothing is left to forget.
    fn evict_oldest(&mut self, author: &UserId) -> Result<bool, StoreError> {
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
            if let Some((key, _)) = self.tx.prefix(Tree::Log, epoch.as_bytes(), 1)?.first().cloned() {
                let Some((_, seq, _)) = split_log_key(&key) else { return Ok(false) };
                self.raise_floor(&epoch, seq.saturating_add(1).max(floor))?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Forgets everything of an epoch below a number, for good: it is never asked for again.
    fn raise_floor(&mut self, epoch: &EpochId, floor: u64) -> Result<(), StoreError> {
        while let Some((key, value)) = self.tx.prefix(Tree::Log, epoch.as_bytes(), 1)?.first().cloned() {
            let Some((_, seq, id)) = split_log_key(&key).filter(|(_, seq, _)| *seq < floor) else { break };
            let lying = Lying::decode(&key, &value)?;
            self.drop_lying(epoch, seq, &id, &lying)?;
            if let Some(log) = self.state.logs.get_mut(epoch) {
                if lying != Lying::Awaited {
                    log.sum.subtract(&id);
                }
                log.intervals.remove(seq);
            }
        }
        if let Some(log) = self.state.logs.get_mut(epoch) {
            log.intervals.remove_below(floor);
            log.floor = log.floor.max(floor);
        }
        self.save_log(epoch);
        Ok(())
    }
}
