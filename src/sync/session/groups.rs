//! Many digests said as one: `Digests`.
//!
//! Two who meet share an epoch or two of every mutual friend, a hundred of them, of which a handful differ. One digest
//! each is most of what such a meeting says. So where the peer can read it (a bit of `Hello`), the *first* digests of a
//! session are said in groups: contacts by the 64, for they hardly ever differ, moments by the eight. A group names its
//! scopes, so the two sides need not agree on how to divide them. One that is equal stands for the `Digest` of each scope in
//! it; to one that is not, the answer is the `Digest` of each. Later changes are said one by one, as they always were.
//!
//! Whoever is sent the `Digest` of a scope that it has said in a group only, and finds it equal, says its own: the peer could
//! not read it out of the group.
//!
//! **One speaks, the other answers.** Who gave a scope its handle says its first digest, right behind the `Matched`; the other has that word before
//! its own could arrive, and waits for it, a second at most. What it finds equal it says in groups as large as may be, for the peer has said the same.
//! Should the peer's log have changed meanwhile, it finds the group unequal, says each by itself, and is answered by itself.
//!
//! The cost to us of a group is that of as many digests, so a scope counts only the first few times that a peer names it, and
//! comparing pauses with all other comparing ([`super::reconcile::Work`]).
//!
//! Source: docs/protocol.md 3.7, `Digests`.

use std::collections::{BTreeMap, VecDeque};

use super::scope::{Class, How, Said, ScopeState};
use super::{Session, reconcile};
use crate::id::EpochId;
use crate::limits::{DIGESTS_CONTACT, DIGESTS_LIMIT, DIGESTS_NAMED_LIMIT, DIGESTS_POSTS, DIGESTS_WAIT_MS};
use crate::sync::frame::{FEATURE_DIGESTS, Frame, PageDigest, group_digest, handle_at, place_of};
use crate::sync::interval::IntervalSet;
use crate::sync::log::Log;
use crate::time::Timestamp;

/// A group of the peer's.
#[derive(Debug)]
struct Theirs {
    /// In the order in which they are hashed.
    epochs: Vec<EpochId>,
    /// Whether these are all that it named, or there are some that we do not share (any more).
    is_whole: bool,
    digest: PageDigest,
    /// Ours of these scopes, as far as they were made.
    pages: Vec<Option<reconcile::FirstPage>>,
}

/// Digests that are said, or were heard, as one.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Scopes of which no digest was said in this session, by class and place.
    unsaid: BTreeMap<(Class, u64), EpochId>,
    /// As those, but the peer gave the handle, and its word should be on its way.
    waiting: BTreeMap<(Class, u64), EpochId>,
    /// Until when it is waited for.
    waits_until: Option<Timestamp>,
    /// Scopes of which the peer has said its digest, and has not heard ours, or only in a group that it could not read.
    agreed: BTreeMap<(Class, u64), EpochId>,
    /// What came and is to be compared: bounded, for a scope counts a few times only.
    theirs: VecDeque<Theirs>,
}

impl Groups {
    pub(super) fn is_empty(&self) -> bool {
        // What waits has a time of its own.
        self.unsaid.is_empty() && self.agreed.is_empty() && self.theirs.is_empty()
    }

    pub(super) const fn waits_until(&self) -> Option<Timestamp> {
        self.waits_until
    }

    /// What was waited for long enough is said now.
    pub(super) fn run_waiting(&mut self, now: Timestamp) {
        if self.waits_until.is_some_and(|until| until <= now) {
            self.waits_until = None;
            self.unsaid.append(&mut self.waiting);
        }
    }

    const fn words(&mut self, word: Word) -> &mut BTreeMap<(Class, u64), EpochId> {
        match word {
            Word::News => &mut self.unsaid,
            Word::Answer => &mut self.agreed,
        }
    }
}

/// What a group of ours is to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It may find some of it unequal, and then hears of each.
    News,
    /// It has said the same.
    Answer,
}

/// How many scopes of a class are said as one.
const fn group_of(class: Class, word: Word) -> usize {
    match (word, class) {
        (Word::Answer, _) => DIGESTS_LIMIT,
        (Word::News, Class::Contact) => DIGESTS_CONTACT,
        (Word::News, Class::Posts) => DIGESTS_POSTS,
    }
}

impl Session {
    /// Puts off the first digest of a scope, to be said with others; false if it is to be said by itself.
    pub(super) fn group(&mut self, epoch: &EpochId) -> bool {
        let is_understood = self.is_understood(FEATURE_DIGESTS);
        let Some(state) = self.scopes.get(epoch).filter(|_| is_understood) else { return false };
        // One that the peer has named and we could not compare, it has to hear of by itself: it will not say it again.
        let is_unheard = state.times_named > 0 && state.their_digest.is_none();
        let is_first = state.digest_sent.is_none() && !state.digest_due && !is_unheard;
        // A peer that has not our keys yet could not say what lies in a group.
        let Some(handle) = state.handle.filter(|_| is_first && state.scope.how != How::Mine) else {
            return false;
        };
        let has_spoken = state.their_digest.is_some();
        let key = (state.scope.epoch.class, place_of(handle));
        let words = if has_spoken {
            self.groups.waiting.remove(&key);
            self.groups.unsaid.remove(&key);
            &mut self.groups.agreed
        } else if self.is_their_handle(handle) && !self.groups.unsaid.contains_key(&key) {
            &mut self.groups.waiting
        } else {
            &mut self.groups.unsaid
        };
        words.insert(key, *epoch);
        true
    }

    /// The peer says a digest that is ours: it hears so, unless it has. With others, where it has heard none or one in a group only.
    pub(super) fn agree(&mut self, state: &mut ScopeState, digest: PageDigest) {
        // One that answers a group of ours in which it was with its own could not read that.
        let is_first = state.digest_sent.is_none() || state.said == Said::InNews;
        let handle = state.handle.filter(|_| is_first && state.scope.how != How::Mine);
        match handle.filter(|_| self.is_understood(FEATURE_DIGESTS)) {
            Some(handle) => {
                let key = (state.scope.epoch.class, place_of(handle));
                self.groups.waiting.remove(&key);
                self.groups.unsaid.remove(&key);
                self.groups.agreed.insert(key, state.id());
            }
            None => state.owe_digest(digest),
        }
    }

    pub(super) fn ungroup(&mut self, state: &ScopeState) {
        if let Some(handle) = state.handle {
            let key = (state.scope.epoch.class, place_of(handle));
            self.groups.waiting.remove(&key);
            self.groups.unsaid.remove(&key);
            self.groups.agreed.remove(&key);
        }
    }

    /// A group came. A peer that names a scope again and again is not heard: each time may cost us a digest.
    pub(super) fn on_digests(&mut self, places: &IntervalSet, digest: PageDigest) {
        let mut theirs = Theirs { epochs: Vec::new(), is_whole: true, digest, pages: Vec::new() };
        for place in places.intervals().flat_map(|(lo, hi)| lo..=hi) {
            let Some(handle) = handle_at(place) else { continue };
            let epoch = self.epoch_of(handle);
            if self.is_closed() {
                return;
            }
            match epoch.and_then(|epoch| self.scopes.get_mut(&epoch)) {
                Some(state) if state.times_named < DIGESTS_NAMED_LIMIT => {
                    state.times_named = state.times_named.saturating_add(1);
                    theirs.epochs.push(state.id());
                }
                // Of one that is named again and again it is not said whether it is equal.
                _ => theirs.is_whole = false,
            }
        }
        if !theirs.epochs.is_empty() {
            self.groups.theirs.push_back(theirs);
        }
    }

    /// Compares what groups came, and says the next of those that are news; false if there is none, or more was read than may be.
    pub(super) fn step_groups(&mut self, now: Timestamp, log: &dyn Log) -> bool {
        while !self.work.is_spent()
            && let Some(mut theirs) = self.groups.theirs.pop_front()
        {
            match theirs.epochs.get(theirs.pages.len()) {
                // One after another: each may mean reading a log.
                Some(epoch) => {
                    let page = self.first_digest(epoch, log);
                    theirs.pages.push(page);
                    self.groups.theirs.push_front(theirs);
                }
                None => self.compare_group(theirs),
            }
        }
        if self.groups.waiting.is_empty() {
            self.groups.waits_until = None;
        } else {
            self.groups.waits_until.get_or_insert(now.plus_ms(DIGESTS_WAIT_MS));
        }
        self.say_groups(Word::News, log)
    }

    /// Says the next of the groups that are this to the peer; false if there is none. Answers come after all comparing: until then
    /// there may be more of them.
    pub(super) fn say_groups(&mut self, word: Word, log: &dyn Log) -> bool {
        while !self.work.is_spent()
            && let Some(&(class, _)) = self.groups.words(word).keys().next()
        {
            if self.say_group(class, word, log) {
                return true;
            }
        }
        false
    }

    fn first_digest(&mut self, epoch: &EpochId, log: &dyn Log) -> Option<reconcile::FirstPage> {
        let mut state = self.scopes.remove(epoch)?;
        let page = if self.is_served(&state) { self.first_page(&mut state, log) } else { None };
        self.scopes.insert(state);
        page
    }

    /// The digest of a scope is said alone, also if it was said in a group.
    fn owe(&mut self, epoch: &EpochId) {
        if let Some(state) = self.scopes.get_mut(epoch)
            && std::mem::take(&mut state.said) != Said::Alone
        {
            state.digest_sent = None;
        }
        self.mark_alone(epoch);
    }

    fn compare_group(&mut self, theirs: Theirs) {
        let pages = theirs.pages;
        let all: Option<Vec<PageDigest>> = pages.iter().map(|page| Some(page.as_ref()?.digest)).collect();
        let is_equal = theirs.is_whole && all.is_some_and(|all| group_digest(&all) == theirs.digest);
        for (epoch, page) in theirs.epochs.iter().zip(pages) {
            let Some(page) = page else { continue };
            let Some(mut state) = self.scopes.remove(epoch) else { continue };
            if is_equal {
                state.their_digest = Some(page.digest);
                // What of ours is still to be said in a group will be.
                self.on_page_equal(&mut state, page.lo, page.floor);
            } else {
                self.ungroup(&state);
                state.digest_sent = None;
                state.digest_due = true;
                self.due.insert(state.turn());
            }
            self.scopes.insert(state);
            if is_equal && self.scopes.get(epoch).is_some_and(|state| state.digest_sent != Some(page.digest))
            {
                self.mark_digest_due(epoch);
            }
        }
    }

    /// Says the next scopes of a class as one; false if none of them is left to be said so.
    fn say_group(&mut self, class: Class, word: Word, log: &dyn Log) -> bool {
        let mut said = Vec::new();
        while said.len() < group_of(class, word)
            && !self.work.is_spent()
            && let Some(first) = self.groups.words(word).first_entry().filter(|first| first.key().0 == class)
        {
            let ((_, place), epoch) = first.remove_entry();
            let is_at_rest = |state: &ScopeState| {
                let is_said = match word {
                    Word::News => state.digest_sent.is_some(),
                    Word::Answer => state.digest_sent.is_some() && state.said != Said::InNews,
                };
                !is_said && !state.digest_due && state.heads.is_empty() && !state.is_fetching()
            };
            if !self.scopes.get(&epoch).is_some_and(is_at_rest) {
                self.owe(&epoch);
            } else if let Some(page) = self.first_digest(&epoch, log) {
                // Not what the peer said: it hears of it alone, as of any change.
                let is_news =
                    self.scopes.get(&epoch).is_none_or(|state| state.their_digest != Some(page.digest));
                if word == Word::Answer && is_news {
                    self.owe(&epoch);
                } else {
                    said.push((place, epoch, page));
                }
            }
        }
        if let [(_, epoch, _)] = said.as_slice() {
            let epoch = *epoch;
            self.owe(&epoch);
            return false;
        }
        for (_, epoch, page) in &said {
            let Some(mut state) = self.scopes.remove(epoch) else { continue };
            state.digest_sent = Some(page.digest);
            state.said = match word {
                Word::News => Said::InNews,
                Word::Answer => Said::InAnswer,
            };
            if state.their_digest == Some(page.digest) {
                self.on_page_equal(&mut state, page.lo, page.floor);
            }
            self.scopes.insert(state);
        }
        let places: IntervalSet = said.iter().map(|(place, ..)| *place).collect();
        let digests: Vec<PageDigest> = said.iter().map(|(.., page)| page.digest).collect();
        if !digests.is_empty() {
            self.send(&Frame::Digests { places, digest: group_digest(&digests) });
        }
        !digests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_of_as_many_as_a_frame_may_name() {
        for class in Class::ALL {
            assert_eq!(group_of(class, Word::Answer), DIGESTS_LIMIT, "{class:?}");
            assert!(group_of(class, Word::News) <= DIGESTS_LIMIT, "{class:?}");
        }
    }
}
