//! Comparing two logs: `Digest`, `Have`, `Ids`.
//!
//! A log is compared in pages of at most 256 intervals, newest first. The digest is that of the first page (many are said as
//! one at first: `groups`); only where
//! it differs, or where there is more below, do the two sides list. A `Have` stands for itself: whoever reads it
//! compares its own log over exactly that range, takes note of what it lacks, and either sends its own page (unequal)
//! or the page below (equal). Where numbers agree and sums do not there is a fork, and both list ids.
//!
//! Why this ends (I27): a page is sent only if its content, or the peer's digest, changed since it was last sent; logs
//! only grow, forks only move towards the two lowest ids, floors only rise. While something is being fetched from the
//! peer, pages wait until it is here.
//!
//! A sum over a part of a log means reading that part. So what a frame calls for is marked, and compared in a step:
//! however many digests and pages came, each is summed once, the last sum is remembered, and what is read to be summed
//! has a limit over time ([`Work`]). Beyond it comparing pauses; announcing and serving do not.
//!
//! Both sides speak from the higher of the two floors once they know it (docs/protocol.md 3.7): what lies below is
//! neither compared nor asked for.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::groups::Word;
use super::scope::{How, Said, ScopeState};
use super::{Output, Session};
use crate::id::{EntryId, EpochId};
use crate::limits::{
    DIGEST_DELAY_MS, FORK_KEEP_LIMIT, HAVE_INTERVAL_LIMIT, HEAD_QUEUE_LIMIT, IDS_ANSWER_LIMIT, IDS_LIMIT,
    PAGE_LIMIT, SCOPE_INTERVAL_LIMIT, SUM_BURST_LIMIT, SUM_RATE, WANT_DENIAL_LIMIT,
};
use crate::sync::frame::{Frame, Have, Ids, PageDigest};
use crate::sync::interval::{IntervalSet, SEQ_MAX};
use crate::sync::log::{Log, LogState, Sum};
use crate::time::Timestamp;

fn state_of<'a>(log: &'a dyn Log, epoch: &EpochId) -> Cow<'a, LogState> {
    log.state(epoch).unwrap_or_else(|| Cow::Owned(LogState::default()))
}

/// A page of the peer's that is to be compared with ours: all of it but the intervals, for which its digest stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TheirPage {
    floor: u64,
    lo: u64,
    sum: Sum,
    digest: PageDigest,
}

/// The sum over a part of a log that was made last, and of which state of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartSum {
    lo: u64,
    hi: u64,
    whole: Sum,
    sum: Sum,
}

/// The first page of a log: what of it must be known to compare it.
#[derive(Debug)]
pub(super) struct FirstPage {
    pub(super) digest: PageDigest,
    pub(super) lo: u64,
    pub(super) floor: u64,
}

#[cfg(test)]
impl PartSum {
    pub(super) fn of_nothing() -> Self {
        Self { lo: 0, hi: 0, whole: Sum::default(), sum: Sum::default() }
    }
}

/// Entries read to be summed or listed: a debt that time pays off.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Entries, in thousandths.
    debt: u64,
    settled: Option<Timestamp>,
}

impl Work {
    /// Pays off what time allows.
    pub(super) const fn settle(&mut self, now: Timestamp) {
        if let Some(settled) = self.settled {
            self.debt = self.debt.saturating_sub(now.since(settled).saturating_mul(SUM_RATE));
        }
        self.settled = Some(now);
    }

    const fn add(&mut self, entries: u64) {
        self.debt = self.debt.saturating_add(entries.saturating_mul(1_000));
    }

    pub(super) const fn is_spent(&self) -> bool {
        self.debt > SUM_BURST_LIMIT.saturating_mul(1_000)
    }

    /// When more may be read, if not now.
    fn free_at(&self) -> Option<Timestamp> {
        let over = self.debt.saturating_sub(SUM_BURST_LIMIT.saturating_mul(1_000));
        self.settled.filter(|_| over > 0).map(|at| at.plus_ms(over.div_ceil(SUM_RATE)))
    }
}

impl TheirPage {
    /// What of a page must be remembered.
    pub(super) fn of(have: &Have) -> Self {
        Self { floor: have.floor, lo: have.lo, sum: have.sum, digest: have.digest() }
    }
}

impl Session {
    /// The sum over a range: what is remembered where the range is everything known, or what was summed last.
    fn sum_over(
        &mut self,
        scope: &mut ScopeState,
        known: &LogState,
        (lo, hi): (u64, u64),
        log: &dyn Log,
    ) -> Sum {
        let is_whole = known.intervals.lowest().is_none_or(|lowest| lo <= lowest)
            && known.intervals.highest().is_none_or(|highest| hi >= highest);
        if is_whole {
            return known.sum;
        }
        if let Some(last) = scope.summed.filter(|s| (s.lo, s.hi, s.whole) == (lo, hi, known.sum)) {
            return last.sum;
        }
        self.work.add(known.intervals.within(lo, hi).count());
        let sum = log.sum_over(&scope.id(), lo, hi);
        scope.summed = Some(PartSum { lo, hi, whole: known.sum, sum });
        sum
    }

    /// Our page that ends at `hi`, from the higher floor up.
    fn page(&mut self, scope: &mut ScopeState, hi: u64, log: &dyn Log) -> Option<Have> {
        let known = state_of(log, &scope.id());
        let floor = known.floor.max(scope.their_floor);
        if hi < floor {
            return None;
        }
        let handle = scope.handle?;
        let mut intervals = known.intervals.within(floor, hi);
        let is_cut = intervals.keep_newest(HAVE_INTERVAL_LIMIT);
        let lo = if is_cut { intervals.lowest().unwrap_or(floor) } else { floor };
        let sum = self.sum_over(scope, &known, (lo, hi), log);
        Some(Have { handle, floor, lo, hi, intervals, sum })
    }

    pub(super) fn first_page(&mut self, scope: &mut ScopeState, log: &dyn Log) -> Option<FirstPage> {
        let page = self.page(scope, SEQ_MAX, log)?;
        Some(FirstPage { digest: page.digest(), lo: page.lo, floor: page.floor })
    }

    /// When comparing goes on that pauses.
    pub(super) fn resumes_at(&self) -> Option<Timestamp> {
        self.work.free_at().filter(|_| !self.paused.is_empty() || !self.groups.is_empty())
    }

    /// A known log changed by other means than an entry: its floor rose, or an entry was forgotten.
    pub fn changed(&mut self, epoch: &EpochId, now: Timestamp) {
        self.plan_digest(epoch, now);
    }

    /// The digest is to be said: with others, where it is the first.
    pub(super) fn mark_digest_due(&mut self, epoch: &EpochId) {
        if !self.group(epoch) {
            self.mark_alone(epoch);
        }
    }

    pub(super) fn mark_alone(&mut self, epoch: &EpochId) {
        if let Some(state) = self.scopes.get_mut(epoch) {
            state.digest_due = true;
            self.due.insert(state.turn());
        }
    }

    /// A page that ends at `hi` is to be sent: the peer differs there, or asked for what we no longer know.
    pub(super) fn mark_page_due(&mut self, epoch: &EpochId, hi: u64) {
        if let Some(state) = self.scopes.get_mut(epoch) {
            state.mark_page(hi);
            self.due.insert(state.turn());
        }
    }

    /// Says the Digest soon: at the latest a second after the first change of a burst.
    pub(super) fn plan_digest(&mut self, epoch: &EpochId, now: Timestamp) {
        let Some(state) = self.scopes.get_mut(epoch) else { return };
        state.is_in_sync = false;
        if state.digest_timer.is_none() {
            let at = now.plus_ms(DIGEST_DELAY_MS);
            state.digest_timer = Some(at);
            self.digest_timers.insert((at, *epoch));
        }
    }

    pub(super) fn run_digest_timers(&mut self, now: Timestamp) {
        while let Some(&(at, epoch)) = self.digest_timers.first().filter(|(at, _)| *at <= now) {
            self.digest_timers.remove(&(at, epoch));
            if let Some(state) = self.scopes.get_mut(&epoch) {
                state.digest_timer = None;
            }
            self.mark_digest_due(&epoch);
        }
    }

    /// Makes the next frame of comparing or announcing; false if none is due.
    pub(super) fn step_reconcile(&mut self, now: Timestamp, log: &dyn Log) -> bool {
        self.work.settle(now);
        if !self.work.is_spent() {
            self.due.append(&mut self.paused);
        }
        loop {
            if self.step_groups(now, log) || self.step_due(log) || self.say_groups(Word::Answer, log) {
                return true;
            }
            // One that was left over of the answers is said alone.
            if self.due.is_empty() {
                return false;
            }
        }
    }

    /// Makes the next frame of a scope for which something is due; false if there is none, or what is left waits or pauses.
    fn step_due(&mut self, log: &dyn Log) -> bool {
        while let Some(&(class, epoch)) = self.due.first() {
            match self.step_scope(&epoch, log) {
                Step::Sent => return true,
                // What waits is looked at again when the fetching ends.
                Step::Waits | Step::Idle => {
                    self.due.remove(&(class, epoch));
                }
                Step::Pauses => {
                    self.due.remove(&(class, epoch));
                    self.paused.insert((class, epoch));
                }
            }
        }
        false
    }

    fn step_scope(&mut self, epoch: &EpochId, log: &dyn Log) -> Step {
        let Some(mut state) = self.scopes.remove(epoch) else { return Step::Idle };
        let step = if self.is_served(&state) { self.step_served(&mut state, log) } else { Step::Idle };
        self.scopes.insert(state);
        step
    }

    fn step_served(&mut self, state: &mut ScopeState, log: &dyn Log) -> Step {
        let Some(handle) = state.handle else { return Step::Idle };
        if let Some(seq) = state.heads.highest() {
            if state.heads.count() > u64::try_from(HEAD_QUEUE_LIMIT).unwrap_or(u64::MAX) {
                state.heads = IntervalSet::new();
                state.digest_due = true;
            } else {
                state.heads.remove(seq);
                self.send(&Frame::Head { handle, seq });
                return Step::Sent;
            }
        }
        if !self.step_compare(state, handle, log) {
            return Step::Pauses;
        }
        // The first page goes out at once even while we fetch: the peer cannot begin without it.
        let is_first_page = state.pages_sent.is_empty() && state.pages_due.contains(&SEQ_MAX);
        if state.is_fetching() && !is_first_page {
            return Step::Waits;
        }
        if state.digest_due && !is_first_page {
            if self.work.is_spent() {
                return Step::Pauses;
            }
            state.digest_due = false;
            if self.step_digest(state, handle, log) {
                return Step::Sent;
            }
        }
        while let Some(&hi) = state.pages_due.last() {
            if self.work.is_spent() {
                return Step::Pauses;
            }
            state.pages_due.remove(&hi);
            if self.step_page(state, hi, log) {
                return Step::Sent;
            }
        }
        if let Some((lo, hi)) = state.ids_due {
            if self.work.is_spent() {
                return Step::Pauses;
            }
            state.ids_due = None;
            self.step_ids(state, handle, (lo, hi), log);
            return Step::Sent;
        }
        state.rest();
        Step::Idle
    }

    /// Says the Digest unless it was said; looks whether it is the peer's.
    fn step_digest(&mut self, state: &mut ScopeState, handle: u32, log: &dyn Log) -> bool {
        let Some(ours) = self.page(state, SEQ_MAX, log) else { return false };
        let digest = ours.digest();
        let is_news = state.digest_sent != Some(digest);
        if is_news {
            state.digest_sent = Some(digest);
            state.said = Said::Alone;
            self.send(&Frame::Digest { handle, digest });
        }
        if state.their_digest == Some(digest) {
            self.on_page_equal(state, ours.lo, ours.floor);
        }
        is_news
    }

    /// Sends a page unless exactly it was sent in answer to exactly what the peer last said.
    fn step_page(&mut self, state: &mut ScopeState, hi: u64, log: &dyn Log) -> bool {
        let Some(ours) = self.page(state, hi, log) else { return false };
        let digest = ours.digest();
        if hi == SEQ_MAX && state.their_digest == Some(digest) {
            // It became equal while the page waited: the digest says all.
            return self.step_digest(state, ours.handle, log);
        }
        let theirs = state.their_pages.get(&hi).copied();
        let said = (digest, theirs.or(state.their_digest));
        let is_news = state.pages_sent.get(&hi) != Some(&said);
        let (lo, floor) = (ours.lo, ours.floor);
        if is_news {
            if state.pages_sent.len() >= PAGE_LIMIT {
                state.pages_sent.pop_first();
            }
            state.pages_sent.insert(hi, said);
            if hi == SEQ_MAX {
                state.digest_sent = Some(digest);
                state.said = Said::Alone;
            }
            self.send(&Frame::Have(ours));
        }
        if theirs == Some(digest) {
            // Both have said the same here: what changed lies below.
            self.on_page_equal(state, lo, floor);
        }
        is_news
    }

    /// Lists ids, at most 4,096 in a frame, newest first; what does not fit is due again.
    fn step_ids(&mut self, state: &mut ScopeState, handle: u32, (lo, hi): (u64, u64), log: &dyn Log) {
        let mut pairs = log.ids(&state.id(), lo, hi, IDS_LIMIT);
        self.work.add(u64::try_from(pairs.len()).unwrap_or(u64::MAX));
        let mut from = lo;
        if pairs.len() >= IDS_LIMIT
            && let Some(&(cut, _)) = pairs.last()
            && cut > lo
        {
            // The lowest number may have lost a variant to the cut: it opens the next frame.
            pairs.retain(|&(seq, _)| seq > cut);
            from = cut.saturating_add(1).min(hi);
            state.ids_due = Some((lo, cut));
            self.due.insert(state.turn());
        }
        pairs.retain(|(seq, _)| (from..=hi).contains(seq));
        pairs.sort_unstable();
        pairs.dedup();
        pairs.truncate(IDS_LIMIT);
        self.send(&Frame::Ids(Ids { handle, lo: from, hi, pairs }));
    }

    /// A page of ours is the peer's: go on below it, or be done.
    pub(super) fn on_page_equal(&mut self, state: &mut ScopeState, lo: u64, floor: u64) {
        match lo.checked_sub(1).filter(|_| lo > floor) {
            Some(below) => {
                state.mark_page(below);
                self.due.insert(state.turn());
            }
            None if !std::mem::replace(&mut state.is_in_sync, true) => {
                self.outputs.push_back(Output::InSync { epoch: state.id() });
            }
            None => {}
        }
    }

    pub(super) fn on_digest(&mut self, handle: u32, digest: PageDigest) {
        if self.early.on_digest(handle, digest) {
            return;
        }
        let Some(epoch) = self.epoch_of(handle) else { return };
        let Some(mut state) = self.scopes.remove(&epoch) else { return };
        state.their_digest = Some(digest);
        if self.is_served(&state) {
            state.check_due = true;
            self.due.insert(state.turn());
        }
        self.scopes.insert(state);
    }

    pub(super) fn on_have(&mut self, have: Have, log: &dyn Log) {
        if have.hi == SEQ_MAX && self.early.on_digest(have.handle, have.digest()) {
            return;
        }
        let Some(epoch) = self.epoch_of(have.handle) else { return };
        let Some(mut state) = self.scopes.remove(&epoch) else { return };
        self.note_theirs(&mut state, &have.intervals);
        state.their_floor = state.their_floor.max(have.floor);
        state.strikes = 0;
        if have.hi == SEQ_MAX {
            state.their_digest = Some(have.digest());
        } else {
            state.their_pages.insert(have.hi, have.digest());
            if state.their_pages.len() > PAGE_LIMIT {
                state.their_pages.pop_first();
            }
        }
        let known = state_of(log, &epoch);
        let floor = known.floor.max(state.their_floor);
        state.mark_compare(&have, &known.intervals, floor);
        self.due.insert(state.turn());
        let wanted = have.intervals.within(have.lo.max(floor), have.hi).difference(&known.intervals);
        // What it no longer has, it will not send; nor is it asked for what it only claimed to have before this page.
        let mut gone = state.asked.within(have.lo, have.hi).difference(&have.intervals);
        let void = state.missing.within(have.lo, have.hi).difference(&have.intervals);
        state.denials = state.denials.saturating_add(u8::from(!gone.is_empty()));
        let is_believed = state.denials < WANT_DENIAL_LIMIT;
        gone = gone.union(&state.asked.difference(&state.asked.within(floor, SEQ_MAX)));
        self.drop_asked(&mut state, &gone);
        let missing = state.missing.within(floor, SEQ_MAX).difference(&void);
        self.scopes.insert(state);
        self.set_missing(&epoch, if is_believed { missing } else { IntervalSet::new() });
        if is_believed {
            self.want(&epoch, &wanted);
        }
        self.end_fetch(&epoch);
    }

    /// Compares what came since the last step; false if that has to pause.
    fn step_compare(&mut self, state: &mut ScopeState, handle: u32, log: &dyn Log) -> bool {
        if state.check_due {
            if self.work.is_spent() {
                return false;
            }
            state.check_due = false;
            if let Some(ours) = self.page(state, SEQ_MAX, log) {
                let digest = ours.digest();
                if state.their_digest == Some(digest) {
                    self.agree(state, digest);
                    self.on_page_equal(state, ours.lo, ours.floor);
                } else {
                    state.mark_page(SEQ_MAX);
                }
            }
        }
        while !state.compares_due.is_empty() {
            if self.work.is_spent() {
                return false;
            }
            if let Some((hi, theirs)) = state.compares_due.pop_last() {
                self.compare(state, handle, hi, theirs, log);
            }
        }
        true
    }

    /// Compares our log with a page of theirs, over exactly its range.
    fn compare(&mut self, state: &mut ScopeState, handle: u32, hi: u64, theirs: TheirPage, log: &dyn Log) {
        let TheirPage { floor: their_floor, lo, sum, digest: theirs } = theirs;
        let known = state_of(log, &state.id());
        let floor = known.floor.max(state.their_floor);
        let intervals = known.intervals.within(lo, hi);
        let mut page = Have { handle, floor: their_floor, lo, hi, intervals, sum };
        if lo < floor || page.digest() != theirs {
            // The numbers were the same when it came, and are no more.
            state.mark_page(hi);
            return;
        }
        page.sum = self.sum_over(state, &known, (lo, hi), log);
        let digest = page.digest();
        if page.sum == sum {
            // The peer has said what it has; it still needs to hear it from us.
            if hi == SEQ_MAX {
                state.owe_digest(digest);
            } else {
                state.mark_page(hi);
            }
            self.on_page_equal(state, lo, floor);
            return;
        }
        state.mark_page(hi);
        let said = (digest, theirs);
        if state.ids_sent != Some(said) {
            state.ids_sent = Some(said);
            state.ids_listed = Some((lo, hi, known.sum));
            state.mark_ids(lo, hi);
        }
    }

    /// Takes note of what the peer has, and tells the owner where the epoch is our own.
    fn note_theirs(&mut self, state: &mut ScopeState, seqs: &IntervalSet) {
        let is_ours = state.scope.how == How::Mine;
        if is_ours && !seqs.difference(&state.theirs).is_empty() {
            self.outputs.push_back(Output::PeerHas { epoch: state.id(), seqs: seqs.clone() });
        }
        state.theirs = state.theirs.union(seqs);
        state.theirs.keep_newest(SCOPE_INTERVAL_LIMIT);
    }

    pub(super) fn on_head(&mut self, handle: u32, seq: u64, log: &dyn Log) {
        if self.early.is_announced(handle) {
            return;
        }
        let Some(epoch) = self.epoch_of(handle) else { return };
        let Some(mut state) = self.scopes.remove(&epoch) else { return };
        self.note_theirs(&mut state, &IntervalSet::from_range(seq, seq));
        if state.heads.contains(seq) {
            state.heads.remove(seq);
        }
        state.strikes = 0;
        let known = state_of(log, &epoch);
        let is_wanted = seq >= known.floor.max(state.their_floor) && !known.intervals.contains(seq);
        self.scopes.insert(state);
        if is_wanted {
            self.want(&epoch, &IntervalSet::from_range(seq, seq));
        }
    }

    /// Numbers agree, sums do not: ask for the numbers at which the peer has a variant that we lack and would keep.
    pub(super) fn on_ids(&mut self, ids: &Ids, log: &dyn Log) {
        if self.early.is_announced(ids.handle) {
            return;
        }
        let Some(epoch) = self.epoch_of(ids.handle) else { return };
        let known = state_of(log, &epoch);
        let their_floor = self.scopes.get(&epoch).map_or(0, |state| state.their_floor);
        let floor = known.floor.max(their_floor);
        // Only the numbers it names are read: a short list costs little, however far apart they are.
        let named: IntervalSet = ids.pairs.iter().map(|(seq, _)| *seq).collect();
        let mut ours: BTreeMap<u64, BTreeSet<EntryId>> = BTreeMap::new();
        for (lo, hi) in named.intersection(&known.intervals).intervals() {
            for (seq, id) in log.ids(&epoch, lo, hi, IDS_LIMIT.saturating_mul(FORK_KEEP_LIMIT)) {
                ours.entry(seq).or_default().insert(id);
            }
        }
        self.answer_ids(&epoch, ids, &ours, &known);
        let is_lacking = |seq: &u64, id: &EntryId| match ours.get(seq) {
            None => true,
            Some(held) if held.contains(id) => false,
            Some(held) => held.len() < FORK_KEEP_LIMIT || held.last().is_some_and(|highest| id < highest),
        };
        let wanted: IntervalSet = ids
            .pairs
            .iter()
            .filter(|(seq, id)| *seq >= floor && is_lacking(seq, id))
            .map(|(seq, _)| *seq)
            .collect();
        self.want(&epoch, &wanted);
    }
}

impl Session {
    /// Lists ours where the peer's list lacks a variant. It would not hear of it otherwise where our pages are cut at another
    /// number than its own: it compares ours, finds the fork and lists, and we never compare its.
    fn answer_ids(
        &mut self,
        epoch: &EpochId,
        ids: &Ids,
        ours: &BTreeMap<u64, BTreeSet<EntryId>>,
        known: &LogState,
    ) {
        let is_unlisted =
            |seq: u64, id: &EntryId| ids.pairs.binary_search_by(|pair| pair.cmp(&(seq, *id))).is_err();
        let unlisted: IntervalSet = ours
            .iter()
            .filter(|(seq, held)| held.iter().any(|id| is_unlisted(**seq, id)))
            .map(|(seq, _)| *seq)
            .collect();
        let (Some(lo), Some(hi)) = (unlisted.lowest(), unlisted.highest()) else { return };
        let Some(state) = self.scopes.get(epoch).filter(|state| self.is_served(state)) else { return };
        let is_listed = |&(from, to, sum): &(u64, u64, Sum)| from <= lo && hi <= to && sum == known.sum;
        if state.ids_listed.as_ref().is_some_and(is_listed) {
            return;
        }
        // For one state of our log a few times: whoever lists the same again and again is not answered again and again.
        let times = state.ids_answered.filter(|(sum, _)| *sum == known.sum).map_or(0, |(_, times)| times);
        let turn = state.turn();
        if times < IDS_ANSWER_LIMIT
            && let Some(state) = self.scopes.get_mut(epoch)
        {
            state.ids_answered = Some((known.sum, times.saturating_add(1)));
            state.mark_ids(lo, hi);
            self.due.insert(turn);
        }
    }
}

/// What came of looking at a scope.
enum Step {
    /// A frame left.
    Sent,
    /// Something is due and waits for what is being fetched.
    Waits,
    /// Something is due and more was read than may be; it goes on with time.
    Pauses,
    /// Nothing is due.
    Idle,
}
