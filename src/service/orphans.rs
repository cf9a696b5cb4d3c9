//! Which post an interaction belongs to, and the interactions that belong to none yet.
//!
//! An interaction says nothing about its post but a tag that only the post's thread key makes. So it is compared with
//! the keys of all posts: those of the newest are in memory, those of older ones are read. One that fits none waits as
//! an orphan, and each post that comes is compared with the orphans.
//!
//! ```text
//!  interaction ── newest posts ── older posts ── orphan
//!                 0.2 µs each     read; budget   newest 5,000 of a writer
//! ```
//!
//! Both searches are work that a stranger's bytes ask for, so each writer has a share of it: a budget of old posts a
//! minute, past which the search is put off and not given up, and an even part of the orphans that a new post is
//! compared with, whatever their id and however many others wait.
//!
//! The keys of the newest posts are read when something is compared with them, and not for a post alone: as long as nobody's
//! words wait, a post that comes finds nothing to take in. Whether two posts claim one thread is then looked at when the
//! keys are read: with the next interaction, the next look at slow things, or before one of the posts goes.
//!
//! What it does not do: open what is inside (`react`), or decide who may say something.
//!
//! Invariants: the counts of orphans are those of the store; a writer's flood delays only that writer.
//!
//! Source: docs/protocol.md 3.5, 3.18.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::react::Placed;
use super::receive::Lying;
use super::{Service, tx};
use crate::crypto::{ContentKey, ThreadKey, hash, keys};
use crate::entry::Header;
use crate::id::{EntryId, UserId};
use crate::limits::{
    CLAIMS_LIMIT, ORPHAN_LIMIT, ORPHAN_TRY_LIMIT, THREAD_CACHE_LIMIT, THREAD_SCAN_LIMIT, THREADS_CAME_LIMIT,
};
use crate::moment::{SealedInteraction, Slot};
use crate::store::layout::{orphan_key, split_timeline_key, timeline_key};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::Timestamp;

/// How many posts one read brings while old ones are searched.
const RUN: usize = 1_000;
/// The span over which a writer's budget is counted, ms.
const BUDGET_MS: u64 = 60_000;
/// The value of an orphan that was not compared with old posts.
const LATE: u8 = 1;

/// The keys of the newest posts' threads, and what is counted of each writer.
#[derive(Debug, Default)]
pub(super) struct Threads {
    posts: BTreeMap<(Reverse<Timestamp>, EntryId), ThreadKey>,
    /// The same by a mark of the key: two posts with one thread are found without looking at all others.
    marks: BTreeSet<(Mark, EntryId)>,
    loaded: bool,
    /// Posts that came while the keys were not loaded: nobody has compared their claims. At most [`THREADS_CAME_LIMIT`].
    came: Vec<(EntryId, Timestamp, ThreadKey)>,
    /// Whether posts lie in the store that are older than these.
    has_older: bool,
    orphans: Option<Orphans>,
    budgets: BTreeMap<UserId, Budget>,
}

/// The hash of a thread's key: whoever has one mark has one key, and looking for one compares no secrets.
type Mark = [u8; 32];

fn mark_of(thread: &ThreadKey) -> Mark {
    hash(thread.expose_bytes())
}

impl Threads {
    fn remember(&mut self, post: EntryId, shown: Timestamp, thread: ThreadKey) {
        self.marks.insert((mark_of(&thread), post));
        self.posts.insert((Reverse(shown), post), thread);
        while self.posts.len() > THREAD_CACHE_LIMIT {
            if let Some(((_, oldest), thread)) = self.posts.pop_last() {
                self.marks.remove(&(mark_of(&thread), oldest));
            }
            self.has_older = true;
        }
    }

    pub(super) fn forget(&mut self, post: &EntryId, shown: Timestamp) {
        self.came.retain(|(came, ..)| came != post);
        if let Some(thread) = self.posts.remove(&(Reverse(shown), *post)) {
            self.marks.remove(&(mark_of(&thread), *post));
        }
    }

    /// Of each thread that several posts claim, one of them, with its key; of threads with so many posts between them.
    fn claimed_twice(&self, most: usize) -> Vec<(EntryId, ThreadKey)> {
        let pairs = self.marks.iter().zip(self.marks.iter().skip(1));
        let twice = pairs.filter(|((one, _), (other, _))| one == other).map(|(first, _)| *first);
        let of_each: BTreeMap<Mark, EntryId> = twice.collect();
        let which: BTreeSet<EntryId> = of_each.into_values().collect();
        let posts = self.posts.iter().filter(|((_, post), _)| which.contains(post));
        let mut left = most;
        posts
            .take_while(|((_, post), thread)| {
                let claims = self.rivals(post, thread).len().saturating_add(1);
                left.checked_sub(claims).map(|rest| left = rest).is_some()
            })
            .map(|((_, post), thread)| (*post, thread.clone()))
            .collect()
    }

    /// Other posts that claim the thread of this one.
    ///
    /// # Cost
    /// The logarithm of the number of posts, whoever makes them: it is asked for each post that arrives.
    fn rivals(&self, post: &EntryId, thread: &ThreadKey) -> Vec<EntryId> {
        let mark = mark_of(thread);
        let alike = self.marks.range((mark, EntryId::from_bytes([0; 32]))..);
        alike.take_while(|(other, _)| *other == mark).map(|(_, id)| *id).filter(|id| id != post).collect()
    }

    /// Whether old posts may be read for a writer now: a search that has begun is ended, however long it is.
    fn may_scan(&mut self, writer: &UserId, now: Timestamp) -> bool {
        self.budgets.retain(|_, budget| now.since(budget.from) < BUDGET_MS);
        self.budgets.get(writer).is_none_or(|budget| budget.posts < THREAD_SCAN_LIMIT)
    }

    fn note_scan(&mut self, writer: &UserId, now: Timestamp, posts: usize) {
        let budget = self.budgets.entry(*writer).or_insert(Budget { from: now, posts: 0 });
        budget.posts = budget.posts.saturating_add(posts);
    }
}

/// How many orphans of whom there are, counted once.
#[derive(Debug, Default)]
struct Orphans {
    counts: BTreeMap<UserId, usize>,
    /// Whose are still to be compared with old posts.
    late: BTreeSet<UserId>,
}

/// Old posts read for a writer.
#[derive(Debug, Clone, Copy)]
struct Budget {
    from: Timestamp,
    posts: usize,
}

/// How good a post's claim to its thread is; the smallest counts. The key of a thread comes from the key of its post. One
/// that the secret of the post's epoch makes cannot be chosen. One that was granted may be that of another's moment, which
/// the granter can read: then whichever was here first has the thread, and the other has none.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    is_granted: bool,
    seen: u64,
    post: EntryId,
}

/// What the search for a post came to.
#[derive(Debug)]
pub(super) enum Match {
    Post(EntryId, ThreadKey),
    None,
    /// The writer's budget is used up: the older posts are searched later.
    Later,
}

impl Service {
    /// The post whose thread an interaction belongs to, newest first.
    pub(super) fn match_thread(
        &mut self,
        slot: &Slot,
        sealed: &SealedInteraction,
    ) -> Result<Match, StoreError> {
        self.load_threads()?;
        let mut best: Option<(Claim, ThreadKey)> = None;
        for ((_, post), thread) in &self.threads.posts {
            if !sealed.matches(thread, &slot.writer) {
                continue;
            }
            let claim = self.claim(post)?;
            if !claim.is_granted {
                return Ok(Match::Post(*post, thread.clone()));
            }
            if best.as_ref().is_none_or(|(other, _)| claim < *other) {
                best = Some((claim, thread.clone()));
            }
        }
        let old = self.match_old(&slot.writer, sealed)?;
        match (best, old) {
            (None, old) => Ok(old),
            (Some(_), Match::Later) => Ok(Match::Later),
            (Some((claim, thread)), Match::None) => Ok(Match::Post(claim.post, thread)),
            (Some((claim, thread)), Match::Post(post, old)) => {
                let is_older = self.claim(&post)? < claim;
                Ok(if is_older { Match::Post(post, old) } else { Match::Post(claim.post, thread) })
            }
        }
    }

    /// How good a post's claim to its thread is.
    fn claim(&self, post: &EntryId) -> Result<Claim, StoreError> {
        let place = self.place(post)?;
        let record = place.as_ref().and_then(|place| self.state.epochs.get(&place.epoch));
        let is_granted = record.is_none_or(|record| record.secret.is_none());
        let mut seen = u64::MAX;
        if let Some(place) = place
            && let Some(Lying::Timeline(shown)) = self.lying(&place.epoch, place.seq, post)?
            && let Some(value) = self.tx.get(Tree::Timeline, &timeline_key(shown, post))?
        {
            seen = value.first_chunk().map_or(u64::MAX, |seen| u64::from_be_bytes(*seen));
        }
        Ok(Claim { is_granted, seen, post: *post })
    }

    /// Another post here has the thread of a new one: the better claim has it, and what was said. False if that is not
    /// the new one's.
    fn settle_rivals(&mut self, post: &EntryId, thread: &ThreadKey) -> Result<bool, StoreError> {
        let rivals = self.threads.rivals(post, thread);
        if rivals.is_empty() {
            return Ok(true);
        }
        let claim = self.claim(post)?;
        for rival in &rivals {
            if self.claim(rival)? < claim {
                return Ok(false);
            }
        }
        for rival in &rivals {
            let mut rows = self.rows(post)?;
            for Placed { id, shown, row } in self.rows(rival)? {
                let Some(found) = self.interaction_of(row.writer, &id)? else { continue };
                self.remove_row(rival, shown, &id, row.tag.as_ref())?;
                self.attach(post, thread, &mut rows, id, &found)?;
            }
            self.thread_changed(rival, &self.rows(rival)?)?;
        }
        Ok(true)
    }

    /// Searches the posts that are older than the cache holds; threads that old rarely speak.
    fn match_old(&mut self, writer: &UserId, sealed: &SealedInteraction) -> Result<Match, StoreError> {
        let oldest = self.threads.posts.last_key_value().filter(|_| self.threads.has_older);
        let Some(((Reverse(oldest), last), _)) = oldest else {
            return Ok(Match::None);
        };
        let mut range = KeyRange::all().before(timeline_key(*oldest, last));
        if !self.threads.may_scan(writer, self.now) {
            return Ok(Match::Later);
        }
        loop {
            let page = self.tx.range(Tree::Timeline, range.clone(), Direction::Backward, RUN)?;
            let Some((end, _)) = page.last().cloned() else {
                return Ok(Match::None);
            };
            self.threads.note_scan(writer, self.now, page.len());
            for (key, value) in &page {
                if let Some((_, post, thread)) = self.thread_of(key, value)?
                    && sealed.matches(&thread, writer)
                {
                    return Ok(Match::Post(post, thread));
                }
            }
            range = range.before(end);
        }
    }

    fn load_threads(&mut self) -> Result<(), StoreError> {
        if self.threads.loaded {
            return Ok(());
        }
        let newest =
            self.tx.range(Tree::Timeline, KeyRange::all(), Direction::Backward, THREAD_CACHE_LIMIT)?;
        self.threads.has_older = newest.len() >= THREAD_CACHE_LIMIT;
        for (key, value) in &newest {
            if let Some((shown, post, thread)) = self.thread_of(key, value)? {
                self.threads.remember(post, shown, thread);
            }
        }
        self.threads.loaded = true;
        let settled = self.settle_claims();
        // What was not settled is tried again.
        self.threads.loaded = settled.is_ok();
        settled
    }

    /// Settles what came while the keys were not loaded: of posts with one thread the one with the best claim has it, and
    /// what was said. Those that are older than the cache holds are named, for they are not found in it; and what a crash
    /// left unsettled is looked for among the others, as far as [`CLAIMS_LIMIT`].
    fn settle_claims(&mut self) -> Result<(), StoreError> {
        for (post, shown, thread) in self.threads.came.clone() {
            self.threads.remember(post, shown, thread.clone());
            if self.settle_rivals(&post, &thread)? {
                let rows = self.rows(&post)?;
                if !rows.is_empty() {
                    self.thread_changed(&post, &rows)?;
                }
            }
        }
        self.threads.came.clear();
        for (post, thread) in self.threads.claimed_twice(CLAIMS_LIMIT) {
            let mut best = self.claim(&post)?;
            let mut said = vec![(post, !self.rows(&post)?.is_empty())];
            for rival in self.threads.rivals(&post, &thread) {
                best = best.min(self.claim(&rival)?);
                said.push((rival, !self.rows(&rival)?.is_empty()));
            }
            let is_elsewhere = said.iter().any(|(post, is_said)| *is_said && *post != best.post);
            if is_elsewhere && self.settle_rivals(&best.post, &thread)? {
                self.thread_changed(&best.post, &self.rows(&best.post)?)?;
            }
        }
        Ok(())
    }

    /// Compares the claims of posts that came since the start, if nothing else has asked for it.
    pub(super) fn settle_threads(&mut self) -> Result<(), StoreError> {
        if self.threads.came.is_empty() { Ok(()) } else { self.load_threads() }
    }

    fn thread_of(
        &self,
        key: &[u8],
        value: &[u8],
    ) -> Result<Option<(Timestamp, EntryId, ThreadKey)>, StoreError> {
        let bad = || tx::damaged(Tree::Timeline, key, "the record does not decode");
        let (shown, post) = split_timeline_key(key).ok_or_else(bad)?;
        let header = value.get(8..).and_then(|rest| rest.first_chunk()).ok_or_else(bad)?;
        let header = Header::decode(header).map_err(|_| bad())?;
        Ok(self.content_key(&header)?.map(|key| (shown, post, keys::thread_key(&key))))
    }

    /// An interaction fits no post here: it waits. Of each writer the newest wait.
    pub(super) fn keep_orphan(
        &mut self,
        writer: UserId,
        id: EntryId,
        is_late: bool,
    ) -> Result<(), StoreError> {
        let orphans = self.orphans()?;
        let count = orphans.counts.entry(writer).or_default();
        *count = count.saturating_add(1);
        let is_full = *count > ORPHAN_LIMIT;
        if is_late {
            orphans.late.insert(writer);
        }
        let value = if is_late { vec![LATE] } else { Vec::new() };
        self.tx.put(Tree::Orphans, &orphan_key(&writer, self.now, &id), value);
        if is_full && let Some((oldest, _)) = self.tx.prefix(Tree::Orphans, writer.as_bytes(), 1)?.first() {
            self.drop_orphan(&writer, oldest)?;
        }
        Ok(())
    }

    fn drop_orphan(&mut self, writer: &UserId, key: &[u8]) -> Result<(), StoreError> {
        let counts = &mut self.orphans()?.counts;
        if let Some(count) = counts.get_mut(writer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(writer);
            }
        }
        self.tx.remove(Tree::Orphans, key);
        Ok(())
    }

    /// The counts, taken from the store the first time.
    fn orphans(&mut self) -> Result<&mut Orphans, StoreError> {
        let orphans = match self.threads.orphans.take() {
            Some(orphans) => orphans,
            None => {
                let mut orphans = Orphans::default();
                self.tx.each_pending(Tree::Orphans, &[], &mut |key, value| {
                    if let Some(writer) = key.first_chunk::<32>().map(|bytes| UserId::from_bytes(*bytes)) {
                        let count = orphans.counts.entry(writer).or_default();
                        *count = count.saturating_add(1);
                        if value == [LATE] {
                            orphans.late.insert(writer);
                        }
                    }
                    Ok(())
                })?;
                orphans
            }
        };
        Ok(self.threads.orphans.insert(orphans))
    }

    /// A post is here: its thread is known from now on, and orphans that belong to it are taken in. Its event is told
    /// by whoever took the post.
    pub(super) fn add_thread(
        &mut self,
        post: EntryId,
        shown: Timestamp,
        key: &ContentKey,
    ) -> Result<(), StoreError> {
        let thread = keys::thread_key(key);
        if !self.threads.loaded
            && self.threads.came.len() < THREADS_CAME_LIMIT
            && self.orphans()?.counts.is_empty()
        {
            self.threads.came.push((post, shown, thread));
            return Ok(());
        }
        self.load_threads()?;
        self.threads.remember(post, shown, thread.clone());
        if !self.settle_rivals(&post, &thread)? {
            return Ok(());
        }
        let mut rows = None;
        for (writer, orphan, id) in self.orphans_to_try()? {
            let Some(found) = self.interaction_of(writer, &id)? else {
                if self.kept(&id)?.is_none() {
                    self.drop_orphan(&writer, &orphan)?;
                }
                continue;
            };
            if found.sealed.matches(&thread, &writer) {
                self.drop_orphan(&writer, &orphan)?;
                let rows = match &mut rows {
                    Some(rows) => rows,
                    none => none.insert(self.rows(&post)?),
                };
                self.attach(&post, &thread, rows, id, &found)?;
            }
        }
        Ok(())
    }

    /// A post was written here: no interaction can know its key yet, so none is compared with it.
    pub(super) fn begin_thread(&mut self, post: EntryId, shown: Timestamp, key: &ContentKey) {
        // It is read with the others, where they are not here yet.
        if self.threads.loaded {
            self.threads.remember(post, shown, keys::thread_key(key));
        }
    }

    /// Orphans to compare with a new post, the newest of every writer: whoever has few of them gets them all tried, and
    /// the rest is shared evenly, so that nobody's flood keeps another's words out.
    fn orphans_to_try(&mut self) -> Result<Vec<(UserId, Vec<u8>, EntryId)>, StoreError> {
        let mut writers: Vec<(usize, UserId)> =
            self.orphans()?.counts.iter().map(|(writer, count)| (*count, *writer)).collect();
        writers.sort();
        let (mut left, mut others) = (ORPHAN_TRY_LIMIT, writers.len());
        let mut found = Vec::new();
        for (_, writer) in writers {
            let share = left.checked_div(others).unwrap_or(left).max(1);
            others = others.saturating_sub(1);
            let range = KeyRange::prefix(writer.as_bytes().as_slice());
            let newest = self.tx.range(Tree::Orphans, range, Direction::Backward, share)?;
            left = left.saturating_sub(newest.len());
            let ids = newest.into_iter().filter_map(|(key, _)| {
                let id = EntryId::from_bytes(*key.last_chunk::<32>()?);
                Some((writer, key, id))
            });
            found.extend(ids);
        }
        Ok(found)
    }

    /// Compares with old posts what was put off when its writer's budget was used up.
    pub(super) fn match_late(&mut self) -> Result<(), StoreError> {
        // Asked first: with nobody waiting, the newest posts are not read for this, least of all at a start.
        let writers: Vec<UserId> = self.orphans()?.late.iter().copied().collect();
        if writers.is_empty() {
            return Ok(());
        }
        self.load_threads()?;
        if !self.threads.has_older {
            return Ok(());
        }
        for writer in writers {
            if self.match_late_of(&writer)? {
                self.orphans()?.late.remove(&writer);
            }
        }
        Ok(())
    }

    /// True once nothing of this writer is put off any more.
    fn match_late_of(&mut self, writer: &UserId) -> Result<bool, StoreError> {
        for (orphan, value) in self.tx.prefix(Tree::Orphans, writer.as_bytes(), ORPHAN_LIMIT)? {
            let id = orphan.last_chunk::<32>().map(|bytes| EntryId::from_bytes(*bytes));
            let Some(id) = id.filter(|_| value == [LATE]) else { continue };
            let Some(found) = self.interaction_of(*writer, &id)? else {
                self.tx.put(Tree::Orphans, &orphan, Vec::new());
                continue;
            };
            match self.match_thread(&found.slot, &found.sealed)? {
                Match::Post(post, thread) => {
                    self.drop_orphan(writer, &orphan)?;
                    let mut rows = self.rows(&post)?;
                    if self.attach(&post, &thread, &mut rows, id, &found)? {
                        self.thread_changed(&post, &rows)?;
                    }
                }
                Match::None => self.tx.put(Tree::Orphans, &orphan, Vec::new()),
                Match::Later => return Ok(false),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::testing::{BEGIN, Rig};

    #[test]
    fn no_more_claims_are_compared_than_may_be() {
        let mut threads = Threads::default();
        let key = |number: u8| ThreadKey::from_bytes([number; 32]);
        for number in 0..=6u8 {
            let thread = key(if number < 6 { 1 } else { 2 });
            threads.remember(EntryId::from_bytes([number; 32]), BEGIN, thread);
        }
        assert_eq!(threads.claimed_twice(5).len(), 0);
        assert_eq!(threads.claimed_twice(6).len(), 1, "six claim one thread, and one claims another");
    }

    #[test]
    fn when_very_many_came_the_keys_are_read() {
        let mut rig = Rig::new();
        let mut bob = rig.befriend("Bob");
        for number in 0..THREADS_CAME_LIMIT {
            rig.take(&mut bob, BEGIN, &number.to_string());
        }
        assert!(!rig.service.threads.loaded);
        assert_eq!(rig.service.threads.came.len(), THREADS_CAME_LIMIT);
        rig.take(&mut bob, BEGIN, "one more");
        assert!(rig.service.threads.loaded && rig.service.threads.came.is_empty());
        assert_eq!(rig.service.threads.posts.len(), THREADS_CAME_LIMIT + 1);
    }

    #[test]
    fn a_post_alone_reads_no_other_and_the_next_look_at_slow_things_does() {
        let mut rig = Rig::new();
        let mut bob = rig.befriend("Bob");
        rig.take(&mut bob, BEGIN, "one");
        rig.again(|_| {});
        rig.service.wake(BEGIN).unwrap();
        rig.commit();
        rig.take(&mut bob, BEGIN, "two");
        rig.service.post(crate::ask::PostDraft { text: "mine".into(), ..Default::default() }).unwrap();
        rig.commit();
        let threads = &rig.service.threads;
        assert!(!threads.loaded && threads.came.len() == 1 && threads.posts.is_empty());
        rig.service.wake(BEGIN.plus_ms(crate::limits::MAINTAIN_INTERVAL_MS)).unwrap();
        rig.commit();
        let threads = &rig.service.threads;
        assert!(threads.loaded && threads.came.is_empty());
        assert_eq!(threads.posts.len(), 3, "those of before, and those that came since");
        rig.take(&mut bob, BEGIN, "three");
        assert_eq!(rig.service.threads.posts.len(), 4);
    }
}
