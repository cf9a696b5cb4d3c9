//! The store, as one peer may see it: what a session compares and serves.
//!
//! A post outside its author's window is shown as a header to everybody but its author, and one of mine to whoever may not
//! read it any more; what was withdrawn, as an id.
//!
//! Source: docs/protocol.md 3.7 (Gone), 3.10 (window), 3.15 (changed audiences).

use std::borrow::Cow;

use super::Service;
use super::receive::Lying;
use super::sessions::Spoken;
use crate::entry::HEADER_LEN;
use crate::id::{EntryId, EpochId, UserId};
use crate::link::ConnId;
use crate::store::layout::{log_key, log_prefix, split_log_key, timeline_key};
use crate::store::{Direction, KeyRange, Tree};
use crate::sync::{Held, IntervalSet, Known, Log, LogState, Sum};
use crate::time::Timestamp;

/// The store, as one peer may see it.
pub(super) struct PeerLog<'a> {
    service: &'a Service,
    peer: Option<UserId>,
}

impl<'a> PeerLog<'a> {
    pub(super) fn new(service: &'a Service, conn: ConnId) -> Self {
        let peer = service.net.conns.get(&conn).and_then(|state| state.friend).map(|(user, _)| user);
        Self { service, peer }
    }

    /// Known entries of a range, highest number first. A store that cannot be read shows nothing: the peer asks again
    /// in another session, and the next write of ours finds out.
    fn records(&self, epoch: &EpochId, lo: u64, hi: u64, limit: usize) -> Vec<(u64, EntryId, Lying)> {
        let range = KeyRange {
            start: std::ops::Bound::Included(log_prefix(epoch, lo)),
            end: std::ops::Bound::Included(log_key(epoch, hi, &EntryId::from_bytes([0xff; 32]))),
        };
        let found = self.service.tx.range(Tree::Log, range, Direction::Backward, limit);
        let found =
            found.inspect_err(|error| tracing::error!(%error, "the log cannot be read")).unwrap_or_default();
        found
            .iter()
            .filter_map(|(key, value)| {
                let (_, seq, id) = split_log_key(key)?;
                let lying = Lying::decode(key, value).ok()?;
                (lying != Lying::Awaited).then_some((seq, id, lying))
            })
            .collect()
    }

    fn known(&self, epoch: &EpochId, seq: u64, id: EntryId, lying: Lying) -> Known {
        let header_only = |bytes: &[u8]| {
            bytes.first_chunk::<HEADER_LEN>().map_or(Held::Id, |header| Held::Header(Box::new(*header)))
        };
        let held = match lying {
            Lying::Whole(bytes) => whole(&bytes).unwrap_or(Held::Id),
            Lying::Header(bytes) => header_only(&bytes),
            Lying::Gone | Lying::Awaited => Held::Id,
            Lying::Timeline(shown) => {
                let stored = self.service.tx.get(Tree::Timeline, &timeline_key(shown, &id)).ok().flatten();
                let bytes = stored.as_deref().and_then(|value| value.get(8..)).unwrap_or_default();
                let author = self.service.state.epochs.get(epoch).map(|record| record.author);
                let served = author.is_some_and(|author| {
                    if author == self.service.me() {
                        // What was taken back from them is not handed out again.
                        self.peer.is_some_and(|peer| self.service.may_read(&peer, &id, epoch))
                    } else {
                        self.peer == Some(author) || self.service.in_window(&author, shown)
                    }
                });
                if served { whole(bytes).unwrap_or(Held::Id) } else { header_only(bytes) }
            }
        };
        Known { seq, id, held }
    }
}

fn whole(bytes: &[u8]) -> Option<Held> {
    let (header, body) = bytes.split_first_chunk::<HEADER_LEN>()?;
    Some(Held::Full { header: Box::new(*header), body: body.to_vec() })
}

impl Log for PeerLog<'_> {
    fn state(&self, epoch: &EpochId) -> Option<Cow<'_, LogState>> {
        self.service.state.logs.get(epoch).map(Cow::Borrowed)
    }

    fn sum_over(&self, epoch: &EpochId, lo: u64, hi: u64) -> Sum {
        let mut sum = Sum::ZERO;
        for (_, id) in self.ids(epoch, lo, hi, usize::MAX) {
            sum.add(&id);
        }
        sum
    }

    fn ids(&self, epoch: &EpochId, lo: u64, hi: u64, limit: usize) -> Vec<(u64, EntryId)> {
        self.records(epoch, lo, hi, limit).into_iter().map(|(seq, id, _)| (seq, id)).collect()
    }

    fn entries(&self, epoch: &EpochId, lo: u64, hi: u64, bytes: usize) -> Vec<Known> {
        let mut all: Vec<Known> = Vec::new();
        let mut used = 0usize;
        for (seq, id, lying) in self.records(epoch, lo, hi, SERVE_RUN) {
            let known = self.known(epoch, seq, id, lying);
            let size = match &known.held {
                Held::Full { body, .. } => HEADER_LEN.saturating_add(body.len()),
                Held::Header(_) => HEADER_LEN,
                Held::Id => 32,
            };
            used = used.saturating_add(size);
            // All variants of a number go together.
            if used > bytes && all.last().is_some_and(|last| last.seq != seq) {
                break;
            }
            all.push(known);
        }
        all
    }

    fn by_id(&self, id: &EntryId) -> Option<Known> {
        let place = self.service.place(id).ok().flatten()?;
        let author = self.service.state.epochs.get(&place.epoch)?.author;
        let may = author == self.service.me()
            && self.peer.is_some_and(|peer| self.service.may_read(&peer, id, &place.epoch));
        let lying = self.service.lying(&place.epoch, place.seq, id).ok().flatten()?;
        may.then(|| self.known(&place.epoch, place.seq, *id, lying))
    }

    fn on_their_way(&self, epoch: &EpochId, now: Timestamp) -> IntervalSet {
        // The session that asks is not among them: it is being worked on.
        let asking = self.service.net.streams.values().filter_map(|stream| match &stream.spoken {
            Spoken::Sync(session) => session.asking(epoch, now),
            _ => None,
        });
        asking.fold(IntervalSet::new(), |all, asked| all.union(asked))
    }
}

/// How many entries are read at once to be served.
const SERVE_RUN: usize = 256;
