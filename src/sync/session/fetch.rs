//! Asking for what the peer has and we lack, and taking it in.
//!
//! What is missing is asked for in small chunks, newest first, `~contact` before posts and each scope in turn, so that
//! the newest of every author is here before the oldest of any. At most 1 MiB is outstanding. Nobody knows the size of
//! an entry before it came, so one that was asked for counts as what entries of this session have weighed on average
//! so far (4 KiB before the first, never less than 0.5 KiB); one that came counts no more. The bound on what is really
//! under way is the answering side's: it holds at most 1 MiB unsent.
//!
//! An entry that was not asked for is a pushed one: taken if its scope is known, held for a minute if its keys must
//! still be on the way (the peer said `Mine` for an epoch that we do not have), else a fault. Whatever the owner
//! refuses is not asked for again in this session.
//!
//! A page says all that a peer has in its range, so what it claimed before and does not list is asked for no more. One that
//! claims and denies in turn is believed a few times: else each of its pages would bring it a question, for as many
//! numbers as it made up.
//!
//! What was asked of another peer who answers is not asked of this one for three seconds. Of thirty friends who are met at
//! once each has what all the others have, and a fresh moment is announced by everybody who got it: without that every entry
//! came once from nearly each of them. When those three seconds are over a scope asks everybody, and waits no more until
//! something has come from others after all: one who claims everything and brings nothing costs three seconds, and
//! again only after others have brought something. The author is asked at once.
//!
//! What was granted is asked for by id, one `WantIds` at a time: the next leaves when everything in the last is here or
//! the peer has been silent for a minute, because there is no answer for an id that is not to be had. So however much
//! is awaited, no more than one frame's worth waits at the author.
//!
//! Source: docs/protocol.md 3.8(5), 3.8(7), 3.18.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::scope::{Class, Held, ScopeState};
use super::{FaultKind, Output, Phase, Session, Severity};
use crate::crypto::keys::entry_id;
use crate::id::{EntryId, EpochId};
use crate::limits::{
    ASSUMED_ENTRY_MIN, ASSUMED_ENTRY_START, EARLY_ENTRY_BYTES_LIMIT, EARLY_ENTRY_HOLD_MS,
    HAVE_INTERVAL_LIMIT, MISSING_LIMIT, PENDING_LIMIT, SCOPE_INTERVAL_LIMIT, WANT_CHUNK, WANT_ELSEWHERE_MS,
    WANT_IDS_LIMIT, WANT_OUTSTANDING_LIMIT, WANT_STRIKE_LIMIT, WANT_TIMEOUT_MS,
};
use crate::sync::frame::{EntryFrame, Frame, Gone, Left, PageDigest};
use crate::sync::interval::{IntervalSet, SEQ_MAX};
use crate::sync::log::{HEADER_LEN, Log};
use crate::time::Timestamp;

/// What is asked for, over all scopes.
#[derive(Debug)]
pub(super) struct Fetch {
    /// Scopes with something to ask for, in order of class and then of turns had.
    ready: BTreeSet<(Class, u64, EpochId)>,
    turns: BTreeMap<EpochId, u64>,
    turn: u64,
    /// Entries asked for and not answered.
    asked: u64,
    /// Intervals missing, over all scopes.
    missing: usize,
    /// What an entry is taken to weigh, bytes.
    assumed: usize,
    /// When something was last asked for or answered.
    active_at: Option<Timestamp>,
    /// When something asked for was last answered, or the first of what is under way was asked for.
    answered_at: Option<Timestamp>,
    /// Scopes that wait for what was asked of others, and until when.
    held: BTreeSet<(Timestamp, EpochId)>,
    ids: ById,
}

/// Entries asked for by id (docs/protocol.md 3.7, `WantIds`).
#[derive(Debug, Default)]
struct ById {
    /// Not asked for yet, in the order to ask. The owner's own words, so bounded by what it awaits.
    waiting: VecDeque<EntryId>,
    /// In the one frame that is under way, and not come.
    asked: BTreeSet<EntryId>,
    /// When that frame left, or the last entry of it came.
    active_at: Option<Timestamp>,
}

impl ById {
    /// When those that have not come are given up, if others wait for their place.
    fn timeout_at(&self) -> Option<Timestamp> {
        let is_stuck = !self.asked.is_empty() && !self.waiting.is_empty();
        self.active_at.filter(|_| is_stuck).map(|at| at.plus_ms(WANT_TIMEOUT_MS))
    }

    fn came(&mut self, id: &EntryId, now: Timestamp) {
        if self.asked.remove(id) {
            self.active_at = Some(now);
        }
    }
}

impl Default for Fetch {
    fn default() -> Self {
        Self {
            ready: BTreeSet::new(),
            turns: BTreeMap::new(),
            turn: 0,
            asked: 0,
            missing: 0,
            assumed: ASSUMED_ENTRY_START,
            active_at: None,
            answered_at: None,
            held: BTreeSet::new(),
            ids: ById::default(),
        }
    }
}

impl Fetch {
    /// When a silent peer is asked again, or this one for what others did not bring.
    pub(super) fn timeout_at(&self) -> Option<Timestamp> {
        let held = self.held.first().map(|&(until, _)| until);
        [self.timeout_by_seq(), self.ids.timeout_at(), held].into_iter().flatten().min()
    }

    fn timeout_by_seq(&self) -> Option<Timestamp> {
        self.active_at.filter(|_| self.asked > 0).map(|at| at.plus_ms(WANT_TIMEOUT_MS))
    }

    /// Bytes asked for and not come, as far as can be known.
    fn outstanding(&self) -> usize {
        usize::try_from(self.asked).unwrap_or(usize::MAX).saturating_mul(self.assumed)
    }

    /// How many more entries may be asked for.
    fn room(&self) -> u64 {
        let left = WANT_OUTSTANDING_LIMIT.saturating_sub(self.outstanding());
        u64::try_from(left.checked_div(self.assumed).unwrap_or(0)).unwrap_or(0)
    }

    /// An entry came: the assumption moves an eighth of the way to its weight, rounded up.
    fn weigh(&mut self, bytes: usize) {
        let blended = self.assumed.saturating_mul(7).saturating_add(bytes).div_ceil(8);
        self.assumed = blended.max(ASSUMED_ENTRY_MIN);
    }

    fn enter(&mut self, class: Class, epoch: EpochId) {
        if !self.turns.contains_key(&epoch) {
            self.turn = self.turn.saturating_add(1);
            self.turns.insert(epoch, self.turn);
            self.ready.insert((class, self.turn, epoch));
        }
    }

    fn leave(&mut self, class: Class, epoch: &EpochId) {
        if let Some(turn) = self.turns.remove(epoch) {
            self.ready.remove(&(class, turn, *epoch));
        }
    }
}

/// What a peer said about an epoch that we do not have.
#[derive(Debug)]
struct Announced {
    epoch: EpochId,
    digest: Option<PageDigest>,
}

/// An entry that waits for its keys.
#[derive(Debug)]
struct Waiting {
    until: Timestamp,
    entry: EntryFrame,
}

/// Epochs announced by `Mine` whose keys are not here yet, and their entries.
#[derive(Debug, Default)]
pub(super) struct Early {
    announced: BTreeMap<u32, Announced>,
    by_epoch: BTreeMap<EpochId, u32>,
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

impl Early {
    pub(super) fn announce(&mut self, handle: u32, epoch: EpochId) {
        self.announced.insert(handle, Announced { epoch, digest: None });
        self.by_epoch.insert(epoch, handle);
    }

    pub(super) fn is_announced(&self, handle: u32) -> bool {
        self.announced.contains_key(&handle)
    }

    /// Keeps the digest of an epoch that is not here yet; false if the handle is not one.
    pub(super) fn on_digest(&mut self, handle: u32, digest: PageDigest) -> bool {
        self.announced.get_mut(&handle).map(|announced| announced.digest = Some(digest)).is_some()
    }

    /// The epoch is here: what was announced under it.
    pub(super) fn take(&mut self, epoch: &EpochId) -> Option<(u32, Option<PageDigest>)> {
        let handle = self.by_epoch.remove(epoch)?;
        let announced = self.announced.remove(&handle)?;
        debug_assert_eq!(announced.epoch, *epoch, "both maps are written together");
        Some((handle, announced.digest))
    }

    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.waiting.front().map(|waiting| waiting.until)
    }

    /// Holds an entry if there is room; without, it is fetched later like any other.
    fn hold(&mut self, entry: EntryFrame, now: Timestamp) {
        let bytes = self.bytes.saturating_add(weight(&entry));
        if bytes <= EARLY_ENTRY_BYTES_LIMIT {
            self.bytes = bytes;
            self.waiting.push_back(Waiting { until: now.plus_ms(EARLY_ENTRY_HOLD_MS), entry });
        }
    }

    fn release(&mut self, handle: u32) -> Vec<EntryFrame> {
        let (out, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.entry.handle == Some(handle));
        self.waiting = kept;
        let out: Vec<EntryFrame> = out.into_iter().map(|waiting| waiting.entry).collect();
        self.bytes = out.iter().fold(self.bytes, |bytes, entry| bytes.saturating_sub(weight(entry)));
        out
    }

    fn expire(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|waiting| waiting.until <= now) {
            if let Some(waiting) = self.waiting.pop_front() {
                self.bytes = self.bytes.saturating_sub(weight(&waiting.entry));
            }
        }
    }
}

fn weight(entry: &EntryFrame) -> usize {
    HEADER_LEN.saturating_add(entry.body.len())
}

/// The epoch and number that a header names, and its id. Nothing is verified.
fn read_header(header: &[u8; HEADER_LEN]) -> Option<(EpochId, u64, EntryId)> {
    let epoch = EpochId::try_from(header.get(2..18)?).ok()?;
    let seq = u64::from_be_bytes(*header.get(18..)?.first_chunk()?);
    Some((epoch, seq, entry_id(header.first_chunk()?))).filter(|_| seq <= SEQ_MAX)
}

impl Session {
    /// The owner stored an entry that came from this session, or found that it stood there already in another way:
    /// (epoch, seq) is known now.
    pub fn stored(&mut self, epoch: &EpochId, seq: u64, now: Timestamp) {
        let Some(state) = self.scopes.get_mut(epoch) else { return };
        state.pending.remove(seq);
        state.fetched = true;
        if state.pushed.remove(seq) {
            state.heads.insert(seq);
            self.due.insert(state.turn());
        }
        self.plan_digest(epoch, now);
        self.end_fetch(epoch);
    }

    /// The owner did not take an entry that came from this session. If it is `known` already nothing is wrong; if not,
    /// it is not asked for again in this session.
    pub fn refused(&mut self, epoch: &EpochId, seq: u64, known: bool) {
        let Some(state) = self.scopes.get_mut(epoch) else { return };
        state.pending.remove(seq);
        state.pushed.remove(seq);
        if !known {
            state.refused.insert(seq);
            state.refused.keep_newest(SCOPE_INTERVAL_LIMIT);
        }
        self.end_fetch(epoch);
    }

    /// Asks for entries by number although they are known: for bodies that only headers are left of (docs/protocol.md
    /// 3.7, `Gone`). The owner keeps to once a day per peer.
    pub fn ask(&mut self, epoch: &EpochId, seqs: &IntervalSet) {
        self.want(epoch, seqs);
    }

    /// Asks for entries by id: of devices of the author and own devices only. One frame is under way at a time.
    pub fn ask_ids(&mut self, ids: &[EntryId]) {
        if self.phase == Phase::Open {
            self.fetch.ids.waiting.extend(ids);
        }
    }

    /// Makes the next WantIds; false if none is called for or one is under way.
    pub(super) fn step_want_ids(&mut self, now: Timestamp) -> bool {
        let by_id = &mut self.fetch.ids;
        if by_id.waiting.is_empty() || !by_id.asked.is_empty() {
            return false;
        }
        let ids: Vec<EntryId> = by_id.waiting.drain(..by_id.waiting.len().min(WANT_IDS_LIMIT)).collect();
        by_id.asked.extend(&ids);
        by_id.active_at = Some(now);
        self.send(&Frame::WantIds(ids));
        true
    }

    /// Adds what the peer has and we lack, unless it is on its way, with the owner, or was refused.
    pub(super) fn want(&mut self, epoch: &EpochId, seqs: &IntervalSet) {
        let Some(state) = self.scopes.get_mut(epoch) else { return };
        let new = seqs.difference(&state.asked).difference(&state.pending).difference(&state.refused);
        let before = state.missing.interval_count();
        let mut missing = state.missing.union(&new);
        let room = MISSING_LIMIT.saturating_sub(self.fetch.missing.saturating_sub(before));
        missing.keep_newest(SCOPE_INTERVAL_LIMIT.min(room));
        self.fetch.missing =
            self.fetch.missing.saturating_sub(before).saturating_add(missing.interval_count());
        // What waits for others is looked at again when something is new, or its time is over.
        let is_any = !missing.is_empty();
        let is_waiting = matches!(state.held, Held::Until(_)) && missing == state.missing;
        state.set_missing(missing);
        if is_any && !is_waiting {
            self.fetch.enter(state.scope.epoch.class, *epoch);
        }
    }

    pub(super) fn set_missing(&mut self, epoch: &EpochId, missing: IntervalSet) {
        let Some(state) = self.scopes.get_mut(epoch) else { return };
        let before = state.missing.interval_count();
        self.fetch.missing =
            self.fetch.missing.saturating_sub(before).saturating_add(missing.interval_count());
        if missing.is_empty() {
            self.fetch.leave(state.scope.epoch.class, epoch);
            if let Held::Until(until) = state.held {
                state.held = Held::No;
                self.fetch.held.remove(&(until, *epoch));
            }
        }
        state.set_missing(missing);
    }

    /// Makes the next Want; false if nothing is missing or enough is outstanding.
    pub(super) fn step_want(&mut self, now: Timestamp, log: &dyn Log) -> bool {
        let Some(&(class, _, epoch)) = self.fetch.ready.first() else { return false };
        let room = self.fetch.room();
        // Asking for every entry singly as room appears would cost a frame an entry.
        if room < WANT_CHUNK && self.fetch.asked > 0 || room == 0 {
            return false;
        }
        self.fetch.leave(class, &epoch);
        let Some(state) = self.scopes.get_mut(&epoch) else { return true };
        let Some(handle) = state.handle else { return true };
        let mut missing = state.missing.clone();
        // The author is asked whatever others were asked: nobody is surer to have it.
        let elsewhere = match state.held {
            Held::No | Held::Until(_) if !state.scope.peer_is_author => {
                log.on_their_way(&epoch, now).intersection(&missing)
            }
            _ => IntervalSet::new(),
        };
        if !elsewhere.is_empty() && state.held == Held::No {
            let until = now.plus_ms(WANT_ELSEWHERE_MS);
            state.held = Held::Until(until);
            self.fetch.held.insert((until, epoch));
        }
        let mut free = missing.difference(&elsewhere);
        let chunk = free.take_newest(WANT_CHUNK.min(room), HAVE_INTERVAL_LIMIT);
        if chunk.is_empty() {
            return true;
        }
        missing = missing.difference(&chunk);
        state.asked = state.asked.union(&chunk);
        if self.fetch.asked == 0 {
            self.fetch.answered_at = Some(now);
        }
        self.fetch.asked = self.fetch.asked.saturating_add(chunk.count());
        self.fetch.active_at = Some(now);
        let is_more = !missing.is_empty();
        self.set_missing(&epoch, missing);
        if is_more {
            self.fetch.enter(class, epoch);
        }
        self.send(&Frame::Want { handle, intervals: chunk });
        true
    }

    pub(super) fn on_entry(&mut self, entry: EntryFrame, now: Timestamp) {
        let Some((epoch, seq, id)) = read_header(&entry.header) else {
            return self.fault(FaultKind::WrongPlace, Severity::High);
        };
        let Some(handle) = entry.handle else {
            self.fetch.ids.came(&id, now);
            let EntryFrame { header, body, .. } = entry;
            self.outputs.push_back(Output::Entry { epoch, seq, header, body, granted: true });
            return;
        };
        if self.early.is_announced(handle) {
            return self.early.hold(entry, now);
        }
        let Some(of_handle) = self.epoch_of(handle) else { return };
        if of_handle != epoch {
            return self.fault(FaultKind::WrongPlace, Severity::High);
        }
        if !self.take_answer(&epoch, seq, weight(&entry), now) {
            return;
        }
        let EntryFrame { header, body, .. } = entry;
        self.outputs.push_back(Output::Entry { epoch, seq, header, body, granted: false });
    }

    pub(super) fn on_gone(&mut self, gone: Gone, now: Timestamp) {
        if self.early.is_announced(gone.handle) {
            return;
        }
        let Some(epoch) = self.epoch_of(gone.handle) else { return };
        let (id, header) = match gone.left {
            Left::Id(id) => (id, None),
            Left::Header(header) => match read_header(&header) {
                Some((named, seq, id)) if named == epoch && seq == gone.seq => (id, Some(header)),
                _ => return self.fault(FaultKind::WrongPlace, Severity::High),
            },
        };
        if self.take_answer(&epoch, gone.seq, HEADER_LEN, now) {
            self.outputs.push_back(Output::Gone { epoch, seq: gone.seq, id, header });
        }
    }

    /// Books what came; false if it is not to be looked at.
    fn take_answer(&mut self, epoch: &EpochId, seq: u64, bytes: usize, now: Timestamp) -> bool {
        let Some(state) = self.scopes.get_mut(epoch) else { return false };
        let was_asked = state.asked.remove(seq);
        if was_asked {
            self.fetch.asked = self.fetch.asked.saturating_sub(1);
            self.fetch.weigh(bytes);
            self.fetch.active_at = Some(now);
            self.fetch.answered_at = Some(now);
            state.answering = Some(seq);
            state.denials = 0;
        } else if state.answering == Some(seq) {
            // The other variant of a number: both come together.
        } else if state.refused.contains(seq) {
            return false;
        } else if state.pending.interval_count() >= PENDING_LIMIT {
            self.fault(FaultKind::TooManyPushed, Severity::Low);
            return false;
        } else {
            state.pushed.insert(seq);
        }
        state.theirs.insert(seq);
        state.theirs.keep_newest(SCOPE_INTERVAL_LIMIT);
        state.pending.insert(seq);
        if state.missing.contains(seq) {
            let mut missing = state.missing.clone();
            missing.remove(seq);
            missing.keep_newest(SCOPE_INTERVAL_LIMIT);
            self.set_missing(epoch, missing);
        }
        true
    }

    /// Forgets that some numbers were asked for.
    pub(super) fn drop_asked(&mut self, state: &mut ScopeState, gone: &IntervalSet) {
        if !gone.is_empty() {
            self.fetch.asked = self.fetch.asked.saturating_sub(gone.count());
            state.asked = state.asked.difference(gone);
        }
    }

    /// Once everything asked for is here: say where we stand.
    pub(super) fn end_fetch(&mut self, epoch: &EpochId) {
        let Some(state) = self.scopes.get_mut(epoch) else { return };
        if !state.is_fetching() {
            if std::mem::take(&mut state.fetched) && state.pushed.is_empty() {
                state.digest_due = true;
            }
            // Pages and digests waited for this.
            self.due.insert(state.turn());
        }
    }

    /// A peer that owes answers and is silent: ask again, and in the end no more until it claims something new.
    pub(super) fn run_fetch_timeout(&mut self, now: Timestamp) {
        while let Some(&(until, epoch)) = self.fetch.held.first().filter(|(until, _)| *until <= now) {
            self.fetch.held.remove(&(until, epoch));
            if let Some(state) = self.scopes.get_mut(&epoch) {
                state.held = Held::Over;
                self.fetch.enter(state.scope.epoch.class, epoch);
            }
        }
        if self.fetch.ids.timeout_at().is_some_and(|at| at <= now) {
            // Not to be had here: others get their turn.
            self.fetch.ids.asked.clear();
        }
        if self.fetch.timeout_by_seq().is_none_or(|at| at > now) {
            return;
        }
        self.fetch.active_at = Some(now);
        let silent: Vec<EpochId> =
            self.scopes.iter().filter(|state| !state.asked.is_empty()).map(ScopeState::id).collect();
        for epoch in silent {
            let Some(mut state) = self.scopes.remove(&epoch) else { continue };
            let asked = state.asked.clone();
            self.drop_asked(&mut state, &asked);
            state.strikes = state.strikes.saturating_add(1);
            let is_over = state.strikes >= WANT_STRIKE_LIMIT;
            self.scopes.insert(state);
            if is_over {
                self.set_missing(&epoch, IntervalSet::new());
            } else {
                self.want(&epoch, &asked);
            }
            self.end_fetch(&epoch);
        }
    }

    /// The scope is gone, and with it what was asked for in it.
    pub(super) fn forget_fetch(&mut self, state: &ScopeState) {
        self.fetch.asked = self.fetch.asked.saturating_sub(state.asked.count());
        self.fetch.missing = self.fetch.missing.saturating_sub(state.missing.interval_count());
        self.fetch.leave(state.scope.epoch.class, &state.scope.epoch.id);
        if let Held::Until(until) = state.held {
            self.fetch.held.remove(&(until, state.id()));
        }
    }

    /// What was asked of this peer in an epoch and is not here, while it answers.
    pub fn asking(&self, epoch: &EpochId, now: Timestamp) -> Option<&IntervalSet> {
        let is_answering = self.fetch.answered_at.is_some_and(|at| now.since(at) < WANT_ELSEWHERE_MS);
        let asked = self.scopes.get(epoch).filter(|_| is_answering).map(|state| &state.asked);
        asked.filter(|asked| !asked.is_empty())
    }

    /// A whole entry came from somebody else: it is not missing here any more. Where it is another variant of its number, the
    /// next digest tells. Not for what came without its body, which this peer may have.
    pub fn came_from_elsewhere(&mut self, epoch: &EpochId, seq: u64) {
        let Some(state) = self.scopes.get_mut(epoch).filter(|state| state.missing.contains(seq)) else {
            return;
        };
        // Others do bring what they are asked for.
        if state.held == Held::Over {
            state.held = Held::No;
        }
        let mut missing = state.missing.clone();
        missing.remove(seq);
        self.set_missing(epoch, missing);
        self.end_fetch(epoch);
    }

    /// The keys of an epoch arrived: its entries come out now.
    pub(super) fn release_early(&mut self, handle: u32, now: Timestamp) {
        for entry in self.early.release(handle) {
            self.on_entry(entry, now);
        }
    }

    pub(super) fn expire_early(&mut self, now: Timestamp) {
        self.early.expire(now);
    }
}
