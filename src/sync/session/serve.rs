//! Answering the peer, and telling it what is fresh.
//!
//! What the peer asks for is queued as intervals, a bounded number of them, and read from the owner's log only when
//! there is credit: at most 1 MiB of frames is handed out and not taken by the transport, however much was asked for.
//! A number is served once in a session, with all its variants, and is not read again for being asked for again; one
//! that is asked for and not known any more is answered by a page of `Have`, which says so.
//!
//! Source: docs/protocol.md 3.7 (Want, Gone, Head), 3.8(7), 3.9.

use std::collections::VecDeque;

use super::scope::Class;
use super::{FaultKind, Phase, Session, Severity};
use crate::id::{EntryId, EpochId};
use crate::limits::{
    ENTRY_BODY_LIMIT, FRAME_LIMIT, PUSH_BODY_LIMIT, SERVE_QUEUE_LIMIT, UNSENT_LIMIT, WANT_IDS_LIMIT,
};
use crate::sync::frame::{EntryFrame, Frame, Gone, Left};
use crate::sync::interval::IntervalSet;
use crate::sync::log::{HEADER_LEN, Held, Known, Log};
use crate::time::Timestamp;

/// The longest Entry frame: version, variant, handle, header, body.
const ENTRY_FRAME_LIMIT: usize = 6 + HEADER_LEN + ENTRY_BODY_LIMIT;
/// Read from the log at a time, bytes.
const SERVE_BATCH: usize = 64 * 1024;

/// An interval that the peer asked for.
#[derive(Debug)]
struct Wanted {
    epoch: EpochId,
    lo: u64,
    hi: u64,
    /// Whether nothing of it was looked at yet.
    is_fresh: bool,
}

/// What the peer asked for and has not got.
#[derive(Debug, Default)]
pub(super) struct Serve {
    contact: VecDeque<Wanted>,
    posts: VecDeque<Wanted>,
    /// Asked for by id: one frame's worth.
    ids: VecDeque<EntryId>,
    /// Granted and to be sent unasked. Apart from `ids`: what we add is not what the peer asked for.
    granted: VecDeque<EntryId>,
}

impl Serve {
    pub(super) fn forget(&mut self, epoch: &EpochId) {
        self.contact.retain(|wanted| wanted.epoch != *epoch);
        self.posts.retain(|wanted| wanted.epoch != *epoch);
    }

    fn len(&self) -> usize {
        self.contact.len().saturating_add(self.posts.len())
    }

    const fn queue(&mut self, class: Class) -> &mut VecDeque<Wanted> {
        match class {
            Class::Contact => &mut self.contact,
            Class::Posts => &mut self.posts,
        }
    }
}

impl Session {
    /// A fresh entry of one's own: sent at once to a peer that holds the epoch or was told `Mine`, if the body is at
    /// most 8 KiB and there is credit; else announced. True if it was sent.
    pub fn push_entry(
        &mut self,
        epoch: &EpochId,
        seq: u64,
        header: &[u8; HEADER_LEN],
        body: &[u8],
        now: Timestamp,
    ) -> bool {
        let Some(state) = self.scopes.get(epoch) else { return false };
        let handle = state.handle.filter(|_| self.is_served(state));
        let queued = self.unsent.saturating_add(self.urgent_bytes).saturating_add(ENTRY_FRAME_LIMIT);
        let is_pushed =
            body.len() <= PUSH_BODY_LIMIT && queued <= UNSENT_LIMIT && !state.theirs.contains(seq);
        match handle {
            Some(handle) if is_pushed => {
                let entry =
                    EntryFrame { handle: Some(handle), header: Box::new(*header), body: body.to_vec() };
                self.send_urgent(&Frame::Entry(entry));
                if let Some(state) = self.scopes.get_mut(epoch) {
                    state.sent.insert(seq);
                }
                self.plan_digest(epoch, now);
                true
            }
            _ => {
                self.announce(epoch, seq, now);
                false
            }
        }
    }

    /// An entry is known now that did not come from this session: the peer hears of its number and asks for it. If it
    /// has that number already it may have another variant, or the same entry: the next Digest tells.
    pub fn announce(&mut self, epoch: &EpochId, seq: u64, now: Timestamp) {
        // Before the first Digest there is nothing to add to.
        if !self.scopes.get(epoch).is_some_and(|state| self.is_served(state)) {
            return;
        }
        let Some(state) = self.scopes.get_mut(epoch) else { return };
        if !state.theirs.contains(seq) && !state.sent.contains(seq) {
            state.heads.insert(seq);
            self.due.insert(state.turn());
        }
        // A second variant is served although the first was.
        state.sent.remove(seq);
        self.plan_digest(epoch, now);
    }

    /// Sends entries unasked and without a scope, in this order: those the peer was granted (docs/protocol.md 3.11).
    /// They are read through [`Log::by_id`] as credit allows. Beyond 4,096 waiting the rest is left out: false then.
    pub fn grant(&mut self, ids: impl IntoIterator<Item = EntryId>) -> bool {
        for id in ids {
            if self.phase == Phase::Closed || self.serve.granted.len() >= WANT_IDS_LIMIT {
                return false;
            }
            self.serve.granted.push_back(id);
        }
        true
    }

    pub(super) fn on_want(&mut self, handle: u32, intervals: &IntervalSet) {
        if self.early.is_announced(handle) {
            return;
        }
        let Some(epoch) = self.epoch_of(handle) else { return };
        let Some(state) = self.scopes.get(&epoch) else { return };
        if !self.is_served(state) {
            return;
        }
        if self.serve.len().saturating_add(intervals.interval_count()) > SERVE_QUEUE_LIMIT {
            return self.fault(FaultKind::TooMuchWanted, Severity::High);
        }
        let queue = self.serve.queue(state.scope.epoch.class);
        queue.extend(intervals.intervals().rev().map(|(lo, hi)| Wanted { epoch, lo, hi, is_fresh: true }));
    }

    pub(super) fn on_want_ids(&mut self, ids: &[EntryId]) {
        if self.serve.ids.len().saturating_add(ids.len()) > WANT_IDS_LIMIT {
            return self.fault(FaultKind::TooMuchWanted, Severity::High);
        }
        self.serve.ids.extend(ids);
    }

    /// Answers one id; false if none is asked for. One that the owner does not hand out is passed over in silence.
    pub(super) fn step_serve_ids(&mut self, log: &dyn Log) -> bool {
        let next = self.serve.granted.pop_front().or_else(|| self.serve.ids.pop_front());
        let Some(id) = next else { return false };
        if let Some(Known { held: Held::Full { header, body }, .. }) = log.by_id(&id) {
            self.send(&Frame::Entry(EntryFrame { handle: None, header, body }));
        }
        true
    }

    /// Answers part of what is asked for, newest first; false if nothing is.
    pub(super) fn step_serve(&mut self, log: &dyn Log) -> bool {
        let class = match (self.serve.contact.front(), self.serve.posts.front()) {
            (Some(_), _) => Class::Contact,
            (None, Some(_)) => Class::Posts,
            (None, None) => return false,
        };
        let Some(wanted) = self.serve.queue(class).pop_front() else { return false };
        let Wanted { epoch, lo, hi, is_fresh } = wanted;
        let Some((handle, sent)) =
            self.scopes.get(&epoch).and_then(|state| Some((state.handle?, state.sent.within(lo, hi))))
        else {
            return true;
        };
        let known = log.state(&epoch).map_or_else(IntervalSet::new, |state| state.intervals.within(lo, hi));
        let asked = IntervalSet::from_range(lo, hi);
        if is_fresh && known != asked {
            self.mark_page_due(&epoch, hi);
        }
        // What was sent is cut out before the log is read: asking again costs the asker more than us.
        let unsent = asked.difference(&sent);
        let Some(top) = known.intersection(&unsent).highest() else { return true };
        let run = unsent.intervals().find(|(_, end)| *end >= top);
        let from = run.map_or(top, |(from, _)| from);
        let entries = log.entries(&epoch, from, top, SERVE_BATCH);
        // Room was seen for one frame of the greatest size; a batch and the variants of one number are below that.
        debug_assert!(
            SERVE_BATCH.max(2 * ENTRY_FRAME_LIMIT) <= FRAME_LIMIT,
            "a batch fits the credit looked for"
        );
        // A log that does not show what it says it knows is passed over.
        let lowest = entries.last().map_or(from, |entry| entry.seq);
        for entry in entries {
            self.serve_known(&epoch, handle, entry);
        }
        if let Some(hi) = lowest.checked_sub(1).filter(|_| lowest > lo) {
            self.serve.queue(class).push_front(Wanted { epoch, lo, hi, is_fresh: false });
        }
        true
    }

    fn serve_known(&mut self, epoch: &EpochId, handle: u32, known: Known) {
        let Known { seq, id, held } = known;
        let frame = match held {
            Held::Full { header, body } => {
                if let Some(state) = self.scopes.get_mut(epoch) {
                    state.sent.insert(seq);
                }
                Frame::Entry(EntryFrame { handle: Some(handle), header, body })
            }
            Held::Header(header) => Frame::Gone(Gone { handle, seq, left: Left::Header(header) }),
            Held::Id => Frame::Gone(Gone { handle, seq, left: Left::Id(id) }),
        };
        self.send(&frame);
    }
}
