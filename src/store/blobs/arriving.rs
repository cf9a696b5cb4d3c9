//! A blob that is still on its way, for whoever wants to read it meanwhile.
//!
//! A film is watched from its beginning, or from wherever somebody puts the finger, long before its last byte is here.
//! Here a transfer says which groups it has verified and written, and readers say which they wait for.
//!
//! ```text
//!   transfer ── mark(groups) ─▶ Arriving ──▶ readers that wait for them
//!            ◀── places ──────           ◀── want(group)
//! ```
//!
//! One who reads far from where the transfer is turns it there at once, if nobody else waits. Where several do, far from each
//! other, they are served *in turns*: each request asks for a stretch at every place, [`BLOB_TURN_GROUPS`] in all, and runs
//! to its end, so that neither starves and nothing that is on its way is thrown away.
//!
//! A group counts as *proven* only if this process verified it: the map of an earlier run is a claim, and whoever reads
//! what it claims waits until the whole has been hashed. No turn brings it sooner, so that the transfer hears of nobody who
//! waits for it. What was proven stays so from one transfer of the blob to the next.
//!
//! What it does not do: it reads and writes no file, and gives nobody leave; peers are served whole blobs only.
//!
//! Invariants: no group is reported proven before its bytes stand in the file; readers that wait are at most
//! [`BLOB_READER_LIMIT`], none holds a thread, and one that has gone is not counted.
//!
//! Source: docs/protocol.md 3.9; docs/adr/0015.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::blob::{Partial, Shape};
use crate::limits::{BLOB_AHEAD_GROUPS, BLOB_READER_LIMIT, BLOB_TURN_GROUPS};

/// What is known of a blob on its way.
#[derive(Debug)]
pub struct Arriving {
    shape: Shape,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    proven: Partial,
    /// What the transfer had when it began, and does not ask for again. `None` without a transfer.
    kept: Option<Partial>,
    /// A transfer has it.
    claimed: bool,
    /// It was removed: nothing comes any more, and what came is not to be read.
    gone: bool,
    /// The group that the transfer is at.
    at: u32,
    /// How many it has brought since it was asked for.
    brought: u32,
    /// It was asked for a stretch at each of several places, and is not to be turned meanwhile.
    in_turns: bool,
    /// It is to turn: somebody waits for what it will not come to soon.
    turn: bool,
    /// Where those go on who read along with it.
    followed: BTreeSet<u32>,
    /// By ticket: the group that each waits for.
    readers: BTreeMap<u64, (u32, Waker)>,
    /// All who have waited and have not gone, also those who were woken and have not asked again yet.
    tickets: BTreeSet<u64>,
    next_ticket: u64,
    transfer: Option<Waker>,
}

/// What a reader finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum There {
    /// So many groups in a row, at least one.
    Groups(u32),
    /// Nothing, ever.
    Gone,
    /// Too many wait already.
    Crowded,
}

impl Arriving {
    pub(super) fn new(proven: Partial) -> Self {
        let state = State {
            proven,
            kept: None,
            claimed: false,
            gone: false,
            at: 0,
            brought: 0,
            in_turns: false,
            turn: false,
            followed: BTreeSet::new(),
            readers: BTreeMap::new(),
            tickets: BTreeSet::new(),
            next_ticket: 0,
            transfer: None,
        };
        Self { shape: state.proven.shape(), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The size of the blob.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Takes it for one transfer; false if another has it.
    pub(super) fn claim(&self) -> bool {
        let mut state = self.lock();
        !std::mem::replace(&mut state.claimed, true)
    }

    pub(super) fn release(&self) {
        let mut state = self.lock();
        state.claimed = false;
        state.kept = None;
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.lock().claimed
    }

    pub(super) fn is_gone(&self) -> bool {
        self.lock().gone
    }

    /// A transfer begins with these groups in its file: what it has lost is not proven any more. Returns whether it
    /// claims groups that nobody here has verified.
    pub(super) fn begin(&self, kept: &Partial) -> bool {
        let mut state = self.lock();
        let mut proven = Partial::new(kept.blob(), self.shape);
        for group in (0..self.shape.groups()).filter(|group| kept.has(*group) && state.proven.has(*group)) {
            proven.mark(group);
        }
        state.proven = proven;
        state.kept = Some(kept.clone());
        kept.verified_groups() > 0
    }

    /// Groups were verified, and stand in the file.
    pub(super) fn mark(&self, groups: &[u32]) {
        let Some(last) = groups.last() else { return };
        let mut state = self.lock();
        groups.iter().for_each(|group| state.proven.mark(*group));
        state.at = *last;
        state.brought = state.brought.saturating_add(u32::try_from(groups.len()).unwrap_or(u32::MAX));
        state.wake_readers(self.shape);
        let others_wait = state.readers.values().any(|(group, _)| state.is_worth_a_turn(*group));
        if others_wait && !state.in_turns && state.brought >= BLOB_TURN_GROUPS {
            state.turn_transfer();
        }
    }

    /// All of it is there and fits the id.
    pub(super) fn complete(&self) {
        let mut state = self.lock();
        (0..self.shape.groups()).for_each(|group| state.proven.mark(group));
        wake_all(&mut state);
    }

    /// It was removed.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.gone = true;
        wake_all(&mut state);
    }

    /// How many groups there are in a row from one on, without waiting for any.
    pub fn groups_from(&self, group: u32) -> u32 {
        let state = self.lock();
        if state.gone { 0 } else { state.in_a_row(group, self.shape) }
    }

    /// Somebody who reads; gone when dropped.
    pub fn reader(&self) -> Reader<'_> {
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket = ticket.wrapping_add(1);
        Reader { arriving: self, ticket }
    }

    fn poll_groups(&self, ticket: u64, group: u32, context: &Context<'_>) -> Poll<There> {
        let mut state = self.lock();
        if state.gone {
            return Poll::Ready(There::Gone);
        }
        let there = state.in_a_row(group, self.shape);
        if there > 0 {
            return Poll::Ready(There::Groups(there));
        }
        if state.readers.len() >= BLOB_READER_LIMIT && !state.readers.contains_key(&ticket) {
            return Poll::Ready(There::Crowded);
        }
        state.readers.insert(ticket, (group, context.waker().clone()));
        state.tickets.insert(ticket);
        if state.in_turns || !state.is_worth_a_turn(group) {
            return Poll::Pending;
        }
        if state.is_alone() {
            // Whoever read along with the transfer has gone, or went on from there to here.
            state.followed.clear();
            state.turn_transfer();
        } else if state.brought >= BLOB_TURN_GROUPS {
            state.turn_transfer();
        }
        Poll::Pending
    }

    /// For a transfer: ready when it should turn to another place.
    pub fn poll_turn(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.turn {
            return Poll::Ready(());
        }
        state.transfer = Some(context.waker().clone());
        Poll::Pending
    }

    /// Where a transfer should begin, asked at each request: the groups that somebody waits for. Several are served in
    /// turns.
    pub fn take_places(&self) -> BTreeSet<u32> {
        let mut state = self.lock();
        let followed = std::mem::take(&mut state.followed);
        let mut places = BTreeSet::new();
        if std::mem::take(&mut state.turn) || state.in_turns {
            let waited_for = state.readers.values().map(|(group, _)| *group);
            // Nothing else is there to be asked for: a place without a stretch would take its share for nothing.
            let is_missing = |group: &u32| {
                *group < self.shape.groups()
                    && !state.proven.has(*group)
                    && !state.waits_for_the_whole(*group)
            };
            places = waited_for.chain(followed).filter(is_missing).collect();
        }
        state.brought = 0;
        state.in_turns = places.len() > 1;
        if let Some(first) = places.first() {
            state.at = *first;
        }
        places
    }
}

/// One who reads a blob on its way, and may wait for it.
#[derive(Debug)]
pub struct Reader<'a> {
    arriving: &'a Arriving,
    ticket: u64,
}

impl Reader<'_> {
    /// What there is from a group on. If nothing, the reader is woken when it comes, and the transfer hears of it where it
    /// would not come to it soon.
    pub fn poll_groups(&self, group: u32, context: &Context<'_>) -> Poll<There> {
        self.arriving.poll_groups(self.ticket, group, context)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut state = self.arriving.lock();
        state.readers.remove(&self.ticket);
        state.tickets.remove(&self.ticket);
    }
}

impl State {
    fn in_a_row(&self, from: u32, shape: Shape) -> u32 {
        let count = (from..shape.groups()).take_while(|group| self.proven.has(*group)).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn comes_soon(&self, group: u32) -> bool {
        group >= self.at && group <= self.at.saturating_add(BLOB_AHEAD_GROUPS)
    }

    /// Whether a group was kept by an earlier run: nothing proves it but the hash of the whole.
    fn waits_for_the_whole(&self, group: u32) -> bool {
        !self.proven.has(group) && self.kept.as_ref().is_some_and(|kept| kept.has(group))
    }

    fn is_worth_a_turn(&self, group: u32) -> bool {
        !self.comes_soon(group) && !self.waits_for_the_whole(group)
    }

    /// Whether at most one reads whom a turn could help or harm.
    fn is_alone(&self) -> bool {
        let beyond_help = self.readers.values().filter(|(group, _)| self.waits_for_the_whole(*group)).count();
        self.tickets.len().saturating_sub(beyond_help) <= 1
    }

    /// Wakes those whose group has come, and notes where they go on.
    fn wake_readers(&mut self, shape: Shape) {
        let come: Vec<u64> = self
            .readers
            .iter()
            .filter(|(_, (group, _))| self.proven.has(*group))
            .map(|(ticket, _)| *ticket)
            .collect();
        if come.is_empty() {
            return;
        }
        let proven = &self.proven;
        self.followed.retain(|group| !proven.has(*group));
        for (group, waker) in come.iter().filter_map(|ticket| self.readers.remove(ticket)).collect::<Vec<_>>()
        {
            waker.wake();
            let next = group.saturating_add(self.in_a_row(group, shape));
            if self.followed.len() < BLOB_READER_LIMIT {
                self.followed.insert(next);
            }
        }
    }

    fn turn_transfer(&mut self) {
        self.turn = true;
        if let Some(transfer) = self.transfer.take() {
            transfer.wake();
        }
    }
}

fn wake_all(state: &mut State) {
    for (_, waker) in std::mem::take(&mut state.readers).into_values() {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::id::BlobId;
    use crate::limits::BLOB_GROUP_LEN;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn arriving(groups: u64) -> Arriving {
        let shape = Shape::new(groups * BLOB_GROUP_LEN as u64).expect("a size");
        Arriving::new(Partial::new(BlobId::from_bytes([1; 32]), shape))
    }

    /// A new reader asks, and stays.
    fn poll(arriving: &Arriving, group: u32) -> (Poll<There>, Arc<Count>) {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let reader = arriving.reader();
        let found = reader.poll_groups(group, &Context::from_waker(&waker));
        std::mem::forget(reader);
        (found, count)
    }

    fn turns(arriving: &Arriving) -> bool {
        arriving.poll_turn(&Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_reader_is_woken_by_its_group_and_by_no_other() {
        let arriving = arriving(10);
        let (found, woken) = poll(&arriving, 2);
        assert!(found.is_pending());
        arriving.mark(&[1]);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        arriving.mark(&[2, 3]);
        arriving.mark(&[4]);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(poll(&arriving, 2).0, Poll::Ready(There::Groups(3)));
        assert!(!turns(&arriving), "it came by itself");
    }

    #[test]
    fn what_is_far_ahead_or_behind_turns_the_transfer_and_what_comes_soon_does_not() {
        for (group, turned) in
            [(501, false), (500 + BLOB_AHEAD_GROUPS, false), (501 + BLOB_AHEAD_GROUPS, true), (3, true)]
        {
            let arriving = arriving(2_000);
            arriving.mark(&[500]);
            assert!(poll(&arriving, group).0.is_pending());
            assert_eq!(turns(&arriving), turned, "{group}");
            assert_eq!(arriving.take_places().first(), Some(&group).filter(|_| turned), "{group}");
        }
    }

    /// A transfer as it works: what it is asked for, group by group, until it is turned or has brought so many.
    fn transfer(arriving: &Arriving, most: u32) -> Vec<u32> {
        transfer_while(arriving, most, || {})
    }

    /// The same, with readers that go on after each group.
    fn transfer_while(arriving: &Arriving, most: u32, mut go_on: impl FnMut()) -> Vec<u32> {
        let mut map = Partial::new(BlobId::from_bytes([1; 32]), arriving.shape());
        (0..arriving.shape().groups())
            .filter(|at| {
                let state = arriving.lock();
                state.proven.has(*at) || state.waits_for_the_whole(*at)
            })
            .for_each(|at| map.mark(at));
        let places = arriving.take_places();
        let asked = map.missing_at(&places, BLOB_TURN_GROUPS).expect("something is missing");
        let asked = asked.ranges().iter().flat_map(|(start, end)| *start..*end);
        let mut brought = Vec::new();
        for group in asked.take(most as usize) {
            arriving.mark(&[group]);
            go_on();
            brought.push(group);
            if turns(arriving) {
                break;
            }
        }
        brought
    }

    /// Reads on as far as it goes, as a player does. Each wait is a reader of its own.
    fn read_on<'a>(arriving: &'a Arriving, reader: &mut Option<Reader<'a>>, at: &mut u32) {
        let context = Context::from_waker(Waker::noop());
        loop {
            match reader.get_or_insert_with(|| arriving.reader()).poll_groups(*at, &context) {
                Poll::Ready(There::Groups(there)) => *at += there,
                Poll::Ready(other) => panic!("{other:?}"),
                Poll::Pending => return,
            }
            *reader = None;
        }
    }

    /// Two read at two places, as a player does: each asks for the next group when it has the one before.
    #[test]
    fn two_who_read_far_from_each_other_are_served_in_turns_and_neither_starves() {
        let arriving = arriving(4_000);
        let (mut near, mut far) = (None, None);
        let (mut near_at, mut far_at) = (0, 3_000);
        read_on(&arriving, &mut near, &mut near_at);
        read_on(&arriving, &mut far, &mut far_at);
        let first = transfer_while(&arriving, 4_000, || {
            read_on(&arriving, &mut near, &mut near_at);
            read_on(&arriving, &mut far, &mut far_at);
        });
        assert_eq!(
            first,
            (0..BLOB_TURN_GROUPS).collect::<Vec<_>>(),
            "the first has a stretch before both are served"
        );
        while near_at < 500 || far_at < 3_500 {
            let (near_from, far_from) = (near_at, far_at);
            let request = transfer_while(&arriving, 4_000, || {
                read_on(&arriving, &mut near, &mut near_at);
                read_on(&arriving, &mut far, &mut far_at);
            });
            let share = BLOB_TURN_GROUPS / 2;
            let shared: Vec<u32> = (near_from..near_from + share).chain(far_from..far_from + share).collect();
            assert_eq!(request, shared, "each its share, to the end");
        }
    }

    #[test]
    fn what_is_shared_is_not_cut_by_one_who_asks_while_the_other_was_only_just_woken() {
        let arriving = arriving(4_000);
        let context = Context::from_waker(Waker::noop());
        let (near, far) = (arriving.reader(), arriving.reader());
        assert!(near.poll_groups(0, &context).is_pending() && far.poll_groups(3_000, &context).is_pending());
        transfer(&arriving, BLOB_TURN_GROUPS);
        // Near has read what came, and far still waits: both are asked for from here on.
        assert!(near.poll_groups(BLOB_TURN_GROUPS, &context).is_pending());
        assert_eq!(arriving.take_places(), [BLOB_TURN_GROUPS, 3_000].into());
        arriving.mark(&[3_000, 3_001]);
        // Far is woken and has not asked again, then reads what came and waits for nothing.
        assert!(near.poll_groups(BLOB_TURN_GROUPS, &context).is_pending());
        assert!(!turns(&arriving));
        drop(far);
        assert!(near.poll_groups(BLOB_TURN_GROUPS, &context).is_pending());
        assert!(!turns(&arriving));
        assert_eq!(arriving.take_places(), [BLOB_TURN_GROUPS, 3_002].into(), "and it is not forgotten");
    }

    #[test]
    fn one_who_was_only_just_woken_has_not_gone() {
        let arriving = arriving(4_000);
        let context = Context::from_waker(Waker::noop());
        let (near, far) = (arriving.reader(), arriving.reader());
        assert!(near.poll_groups(0, &context).is_pending());
        arriving.mark(&[0]);
        assert!(far.poll_groups(3_000, &context).is_pending());
        assert!(!turns(&arriving), "near reads here, and has its stretch first");
        drop(near);
        assert!(far.poll_groups(3_000, &context).is_pending());
        assert!(turns(&arriving), "now it has gone");
    }

    /// A film continued after a restart: its beginning lies here, and is proven only with the whole.
    fn continued(kept: u32) -> Arriving {
        let arriving = arriving(4_000);
        let mut map = Partial::new(BlobId::from_bytes([1; 32]), arriving.shape());
        (0..kept).for_each(|group| map.mark(group));
        assert!(arriving.begin(&map));
        arriving
    }

    #[test]
    fn one_who_waits_for_what_only_the_whole_proves_does_not_turn_the_transfer() {
        let arriving = continued(800);
        let (found, woken) = poll(&arriving, 0);
        assert!(found.is_pending());
        assert!(!turns(&arriving));
        let brought = transfer_while(&arriving, 200, || assert!(!turns(&arriving)));
        assert_eq!(brought, (800..1_000).collect::<Vec<_>>(), "in one request");
        assert!(arriving.take_places().is_empty(), "and no other place is asked for");
        arriving.complete();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(poll(&arriving, 0).0, Poll::Ready(There::Groups(4_000)));
    }

    #[test]
    fn two_who_wait_for_what_only_the_whole_proves_keep_no_third_waiting() {
        let arriving = continued(800);
        assert!([0, 400].iter().all(|group| poll(&arriving, *group).0.is_pending()));
        assert_eq!(transfer(&arriving, 10).len(), 10);
        let (found, woken) = poll(&arriving, 3_000);
        assert!(found.is_pending());
        assert!(turns(&arriving), "at once: nobody else has anything of what comes meanwhile");
        assert_eq!(transfer(&arriving, 100), (3_000..3_100).collect::<Vec<_>>(), "and has no share to give");
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn who_alone_goes_elsewhere_is_not_made_to_share_with_where_he_was() {
        let arriving = arriving(4_000);
        let context = Context::from_waker(Waker::noop());
        let reader = arriving.reader();
        for (from, turned) in [(0, false), (2_000, true), (1_000, true)] {
            assert!(reader.poll_groups(from, &context).is_pending());
            assert_eq!(turns(&arriving), turned);
            let brought = transfer(&arriving, 10);
            assert_eq!(brought, (from..from + 10).collect::<Vec<_>>(), "all of it from there on");
        }
    }

    #[test]
    fn what_is_shared_is_asked_for_at_each_place_and_runs_to_its_end() {
        let arriving = arriving(4_000);
        let context = Context::from_waker(Waker::noop());
        let readers: Vec<_> = (0..4u32).map(|_| arriving.reader()).collect();
        for (reader, at) in readers.iter().zip([3_900, 0, 1_000, 2_000]) {
            assert!(reader.poll_groups(at, &context).is_pending());
        }
        let share = BLOB_TURN_GROUPS / 4;
        let expected: Vec<u32> = [0, 1_000, 2_000, 3_900].into_iter().flat_map(|at| at..at + share).collect();
        assert_eq!(transfer(&arriving, 4_000), expected);
    }

    #[test]
    fn what_is_removed_is_read_no_more_and_whoever_waits_hears_of_it() {
        let arriving = arriving(10);
        arriving.mark(&[0]);
        let (_, woken) = poll(&arriving, 5);
        arriving.end();
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(poll(&arriving, 0).0, Poll::Ready(There::Gone));
    }

    #[test]
    fn as_many_readers_wait_as_the_limit_says_and_one_more_does_not() {
        let arriving = arriving(10);
        let waiting: Vec<_> = (0..BLOB_READER_LIMIT).map(|_| poll(&arriving, 1)).collect();
        assert!(waiting.iter().all(|(found, _)| found.is_pending()));
        assert_eq!(poll(&arriving, 1).0, Poll::Ready(There::Crowded));
        arriving.mark(&[1]);
        assert_eq!(poll(&arriving, 1).0, Poll::Ready(There::Groups(1)));
    }

    #[test]
    fn readers_that_have_gone_leave_their_places_to_others() {
        let arriving = arriving(2_000);
        let context = Context::from_waker(Waker::noop());
        for _ in 0..=BLOB_READER_LIMIT {
            assert!(arriving.reader().poll_groups(1, &context).is_pending());
        }
        let [one, other] = [arriving.reader(), arriving.reader()];
        assert!(one.poll_groups(1_500, &context).is_pending());
        assert!(turns(&arriving), "what it wants is heard");
        // Two of one task wait beside each other, and one that asks again takes no second place.
        assert!(other.poll_groups(2, &context).is_pending());
        (0..=BLOB_READER_LIMIT).for_each(|_| assert!(one.poll_groups(1_500, &context).is_pending()));
        drop(one);
        assert_eq!(arriving.lock().readers.len(), 1);
    }

    #[test]
    fn what_a_map_claims_is_not_proven_and_what_a_map_lost_is_not_any_more() {
        let one = arriving(10);
        one.mark(&[0, 1, 2, 3]);
        let mut map = Partial::new(BlobId::from_bytes([1; 32]), one.shape());
        [0, 2, 3, 7].iter().for_each(|group| map.mark(*group));
        assert!(one.begin(&map));
        assert_eq!(poll(&one, 0).0, Poll::Ready(There::Groups(1)));
        assert!(poll(&one, 7).0.is_pending());
        one.complete();
        assert_eq!(poll(&one, 0).0, Poll::Ready(There::Groups(10)));
    }
}
