//! What has expired goes: bodies of entries whose `expire_day` is over, some hundred looked at in a step.
//!
//! A DeviceRecord of three weeks ago and a status of last week are of use to nobody. Which entries have an end stands in
//! their headers, readable without keys, so what is carried for others goes as well. An expired entry stays *known*: it
//! is in the epoch's numbers and is not asked for again.
//!
//! The log is walked once a day, a step a minute, with the place in memory alone: a start begins anew. There is no index
//! by day, because a peer decides how many entries have one.
//!
//! Nothing goes while the clock is in doubt (docs/protocol.md 3.10).
//!
//! Source: docs/protocol.md 3.4 (expired), 3.10, 3.15.

use super::receive::Lying;
use super::{Service, tx};
use crate::entry::{HEADER_LEN, Header};
use crate::limits::EXPIRED_STEP_LIMIT;
use crate::moment::Tombstone;
use crate::store::layout::{split_log_key, timeline_key};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::Day;

/// How far today's walk has come.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The last key looked at; none at the beginning.
    at: Option<Vec<u8>>,
    /// The day of the last walk that came to its end.
    done: Option<Day>,
}

impl Service {
    /// Goes on with today's walk. Called while things grow old, never while the clock is in doubt.
    pub(super) fn drop_expired(&mut self) -> Result<(), StoreError> {
        let today = self.now.day();
        if self.timers.expired.done == Some(today) {
            return Ok(());
        }
        let range = match self.timers.expired.at.take() {
            Some(key) => KeyRange::all().after(key),
            None => KeyRange::all(),
        };
        let run = self.tx.range(Tree::Log, range, Direction::Forward, EXPIRED_STEP_LIMIT)?;
        for (key, value) in &run {
            let (epoch, seq, entry) = split_log_key(key)
                .ok_or_else(|| tx::damaged(Tree::Log, key, "the key is not one of ours"))?;
            let lying = Lying::decode(key, value)?;
            let header = match &lying {
                Lying::Whole(bytes) | Lying::Header(bytes) => header_in(bytes),
                Lying::Timeline(shown) => {
                    let stored = self.tx.get(Tree::Timeline, &timeline_key(*shown, &entry))?;
                    stored.and_then(|bytes| header_in(bytes.get(8..)?))
                }
                Lying::Gone | Lying::Awaited => None,
            };
            if header.is_some_and(|header| header.is_expired(self.now)) {
                // From here on it is as if its author had withdrawn it: known, and nothing of it kept.
                self.let_go(&Tombstone { epoch, seq, entry }, Some(lying))?;
            }
        }
        if run.len() < EXPIRED_STEP_LIMIT {
            self.timers.expired.done = Some(today);
        } else {
            self.timers.expired.at = run.into_iter().next_back().map(|(key, _)| key);
        }
        Ok(())
    }
}

fn header_in(bytes: &[u8]) -> Option<Header> {
    Header::decode(bytes.first_chunk::<HEADER_LEN>()?).ok()
}
