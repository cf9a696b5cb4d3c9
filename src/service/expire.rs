//! What has expired goes: bodies of entries whose `expire_day` is over, some hundred looked at in a step, and some dozens gone.
//!
//! A DeviceRecord of three weeks ago and a status of last week are of use to nobody. Which entries have an end stands in
//! their headers, readable without keys, so what is carried for others goes as well. An expired entry stays *known*: it
//! is in the epoch's numbers and is not asked for again.
//!
//! Once a day the log is walked, for what lies in it, and then the timeline, for the posts: each a range read, never a look
//! from one into the other. A step a minute, none in the first look at slow things after a start, which has better to do.
//! The place is kept: a walk through very many entries goes on where it was after a start, and takes more than a day if it
//! must. There is no index by day, because a peer decides how many entries have one.
//!
//! Nothing goes while the clock is in doubt (docs/protocol.md 3.10).
//!
//! Source: docs/protocol.md 3.4 (expired), 3.10, 3.15.

use super::receive::Lying;
use super::{Service, tx};
use crate::entry::{HEADER_LEN, Header};
use crate::limits::{EXPIRED_DROP_LIMIT, EXPIRED_STEP_LIMIT};
use crate::moment::Tombstone;
use crate::store::layout::{split_log_key, split_timeline_key};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::Day;

/// In [`Tree::Meta`]: how far the walk has come.
const WALK_KEY: &[u8] = b"expired";

/// How far the walk has come: the last key looked at, empty at the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Walk {
    Log(Vec<u8>),
    Timeline(Vec<u8>),
    /// The day on which it came to its end.
    Done(Day),
}

/// `0 ‖ key`, `2 ‖ key`, or `1 ‖ day u32`.
impl Walk {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Log(key) => [&[0], key.as_slice()].concat(),
            Self::Timeline(key) => [&[2], key.as_slice()].concat(),
            Self::Done(day) => [&[1], day.0.to_be_bytes().as_slice()].concat(),
        }
    }

    /// What cannot be read is a walk that begins.
    fn decode(bytes: Option<&[u8]>) -> Self {
        match bytes.and_then(<[u8]>::split_first) {
            Some((0, key)) => Self::Log(key.to_vec()),
            Some((2, key)) => Self::Timeline(key.to_vec()),
            Some((1, day)) => match <[u8; 4]>::try_from(day) {
                Ok(day) => Self::Done(Day(u32::from_be_bytes(day))),
                Err(_) => Self::Log(Vec::new()),
            },
            _ => Self::Log(Vec::new()),
        }
    }
}

impl Service {
    /// Goes on with the walk. Called while things grow old, never while the clock is in doubt.
    pub(super) fn drop_expired(&mut self) -> Result<(), StoreError> {
        let today = self.now.day();
        let walk = match Walk::decode(self.tx.get(Tree::Meta, WALK_KEY)?.as_deref()) {
            Walk::Done(day) if day == today => return Ok(()),
            Walk::Done(_) => self.walk_log(Vec::new())?,
            Walk::Log(key) => self.walk_log(key)?,
            Walk::Timeline(key) => self.walk_timeline(key, today)?,
        };
        self.tx.put(Tree::Meta, WALK_KEY, walk.encode());
        Ok(())
    }

    fn walk_log(&mut self, from: Vec<u8>) -> Result<Walk, StoreError> {
        let run = self.run_after(Tree::Log, from)?;
        let mut gone = 0usize;
        for (key, value) in &run {
            let (epoch, seq, entry) = split_log_key(key)
                .ok_or_else(|| tx::damaged(Tree::Log, key, "the key is not one of ours"))?;
            let lying = Lying::decode(key, value)?;
            if let Lying::Whole(bytes) | Lying::Header(bytes) = &lying
                && self.is_over(bytes)
            {
                self.drop_over(Tombstone { epoch, seq, entry }, lying)?;
                gone = gone.saturating_add(1);
                if gone >= EXPIRED_DROP_LIMIT {
                    return Ok(Walk::Log(key.clone()));
                }
            }
        }
        Ok(next(run).map_or(Walk::Timeline(Vec::new()), Walk::Log))
    }

    fn walk_timeline(&mut self, from: Vec<u8>, today: Day) -> Result<Walk, StoreError> {
        let run = self.run_after(Tree::Timeline, from)?;
        let mut gone = 0usize;
        for (key, value) in &run {
            let header = value.get(8..).filter(|bytes| self.is_over(bytes)).and_then(header_in);
            if let (Some(header), Some((shown, entry))) = (header, split_timeline_key(key)) {
                let over = Tombstone { epoch: header.epoch(), seq: header.seq(), entry };
                self.drop_over(over, Lying::Timeline(shown))?;
                gone = gone.saturating_add(1);
                if gone >= EXPIRED_DROP_LIMIT {
                    return Ok(Walk::Timeline(key.clone()));
                }
            }
        }
        Ok(next(run).map_or(Walk::Done(today), Walk::Timeline))
    }

    fn run_after(&self, tree: Tree, key: Vec<u8>) -> Result<Vec<tx::Pair>, StoreError> {
        self.tx.range(tree, KeyRange::all().after(key), Direction::Forward, EXPIRED_STEP_LIMIT)
    }

    /// Whether what begins with this header has expired.
    fn is_over(&self, bytes: &[u8]) -> bool {
        header_in(bytes).is_some_and(|header| header.is_expired(self.now))
    }

    /// From here on it is as if its author had withdrawn it: known, and nothing of it kept.
    fn drop_over(&mut self, entry: Tombstone, lying: Lying) -> Result<(), StoreError> {
        self.let_go(&entry, Some(lying))
    }
}

/// Where the walk goes on, if this run was not its end.
fn next(run: Vec<tx::Pair>) -> Option<Vec<u8>> {
    let is_full = run.len() >= EXPIRED_STEP_LIMIT;
    run.into_iter().next_back().filter(|_| is_full).map(|(key, _)| key)
}

fn header_in(bytes: &[u8]) -> Option<Header> {
    Header::decode(bytes.first_chunk::<HEADER_LEN>()?).ok()
}

#[cfg(test)]
mod tests;
