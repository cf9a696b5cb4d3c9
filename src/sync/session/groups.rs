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
//! The cost to us of a group is that of as many digests, so a scope counts only the first few times that a peer names it, and
//! comparing pauses with all other comparing ([`super::reconcile::Work`]).
//!
//! Source: docs/protocol.md 3.7, `Digests`.

use std::collections::{BTreeMap, VecDeque};

use super::scope::{Class, How, ScopeState};
use super::{Session, reconcile};
use crate::id::EpochId;
use crate::limits::{DIGESTS_CONTACT, DIGESTS_NAMED_LIMIT, DIGESTS_POSTS};
use crate::sync::frame::{Frame, PageDigest, group_digest, handle_at, place_of};
use crate::sync::interval::IntervalSet;
use crate::sync::log::Log;

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
    /// Whether the peer can read them.
    pub(super) are_understood: bool,
    /// Scopes of which no digest was said in this session, by class and place.
    unsaid: BTreeMap<(Class, u64), EpochId>,
    /// What came and is to be compared: bounded, for a scope counts a few times only.
    theirs: VecDeque<Theirs>,
}

impl Groups {
    pub(super) fn is_empty(&self) -> bool {
        self.unsaid.is_empty() && self.theirs.is_empty()
    }
}

/// How many scopes of a class are said as one.
const fn group_of(class: Class) -> usize {
    match class {
        Class::Contact => DIGESTS_CONTACT,
        Class::Posts => DIGESTS_POSTS,
    }
}

impl Session {
    /// Puts off the first digest of a scope, to be said with others; false if it is to be said by itself.
    pub(super) fn group(&mut self, epoch: &EpochId) -> bool {
        let Some(state) = self.scopes.get(epoch).filter(|_| self.groups.are_understood) else { return false };
        // One that the peer has named and we could not compare, it has to hear of by itself: it will not say it again.
        let is_unheard = state.times_named > 0 && state.their_digest.is_none();
        let is_first = state.digest_sent.is_none() && !state.digest_due && !is_unheard;
        // A peer that has not our keys yet could not say what lies in a group.
        let Some(handle) = state.handle.filter(|_| is_first && state.scope.how != How::Mine) else {
            return false;
        };
        self.groups.unsaid.insert((state.scope.epoch.class, place_of(handle)), *epoch);
        true
    }

    pub(super) fn ungroup(&mut self, state: &ScopeState) {
        if let Some(handle) = state.handle {
            self.groups.unsaid.remove(&(state.scope.epoch.class, place_of(handle)));
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

    /// Compares what groups came, and says the next of ours; false if there is none, or more was read than may be.
    pub(super) fn step_groups(&mut self, log: &dyn Log) -> bool {
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
        while !self.work.is_spent()
            && let Some((&(class, _), _)) = self.groups.unsaid.first_key_value()
        {
            if self.say_group(class, log) {
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
    fn say_group(&mut self, class: Class, log: &dyn Log) -> bool {
        let mut said = Vec::new();
        while said.len() < group_of(class)
            && !self.work.is_spent()
            && let Some(first) = self.groups.unsaid.first_entry().filter(|first| first.key().0 == class)
        {
            let ((_, place), epoch) = first.remove_entry();
            let is_at_rest = |state: &ScopeState| {
                let is_to_be_said = state.digest_sent.is_none() && !state.digest_due;
                is_to_be_said && state.heads.is_empty() && !state.is_fetching()
            };
            if !self.scopes.get(&epoch).is_some_and(is_at_rest) {
                self.mark_alone(&epoch);
            } else if let Some(page) = self.first_digest(&epoch, log) {
                said.push((place, epoch, page));
            }
        }
        if let [(_, epoch, _)] = said.as_slice() {
            let epoch = *epoch;
            self.mark_alone(&epoch);
            return false;
        }
        for (_, epoch, page) in &said {
            let Some(mut state) = self.scopes.remove(epoch) else { continue };
            state.digest_sent = Some(page.digest);
            state.is_said_in_group = true;
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
