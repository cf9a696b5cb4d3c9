//! One epoch in one session: what the owner said about it, and what passed between the two sides so far.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::reconcile::{PartSum, TheirPage};
use crate::crypto::TagKey;
use crate::id::{EpochId, UserId};
use crate::limits::PAGE_LIMIT;
use crate::sync::frame::{Have, PageDigest};
use crate::sync::interval::IntervalSet;
use crate::sync::log::Sum;

/// The class of an epoch, in order of precedence: records come before moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// `~contact`, and `~self` between own devices.
    Contact,
    /// Moments.
    Posts,
}

impl Class {
    /// Both, in order.
    pub(super) const ALL: [Self; 2] = [Self::Contact, Self::Posts];

    /// The class as it stands in `Tags`.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Contact => 1,
            Self::Posts => 2,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }
}

/// An epoch as all sessions of a node know it: one of it for all of them. A node has a session for each friend, and in each
/// nearly every epoch of every friend, so what is kept in each session grows with the square of friends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Its id.
    pub id: EpochId,
    /// Its author.
    pub author: UserId,
    /// Its class.
    pub class: Class,
    /// Its tag key.
    pub key: TagKey,
}

/// How an epoch is found with this peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// We say `Mine`: our own epoch and the peer is a recipient, or the peer is an own device.
    Mine,
    /// By tags.
    Tag {
        /// Whether we show its tag, or only answer the peer's (a closed epoch that was in sync with this peer).
        offer: bool,
    },
}

/// An epoch that the owner is willing to share with this peer.
///
/// # Security
/// The owner adds only what this peer may be given: a post epoch of others only if its author is a mutual friend or the
/// peer, and its relay policy is Members (docs/protocol.md 3.8(3)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// The epoch.
    pub epoch: Arc<Epoch>,
    /// How it is found.
    pub how: How,
    /// Whether it is still written to. A closed one is served only to its author's devices and own devices, or once an
    /// open epoch of the same author matched in this session (docs/protocol.md 3.8(4)).
    pub open: bool,
    /// Whether the peer is a device of the author, or an own device: only then does its `Mine` count, and it is served
    /// whatever is closed.
    pub peer_is_author: bool,
}

/// Scopes by the ids of their epochs.
#[derive(Debug, Default)]
pub(super) struct Scopes(BTreeMap<ById, ScopeState>);

/// An epoch in its place among others. It is the one that the scope holds: an id of its own would be as large as the rest.
#[derive(Debug)]
struct ById(Arc<Epoch>);

impl Borrow<EpochId> for ById {
    fn borrow(&self) -> &EpochId {
        &self.0.id
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id.cmp(&other.0.id)
    }
}

impl Scopes {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, epoch: &EpochId) -> Option<&ScopeState> {
        self.0.get(epoch)
    }

    pub(super) fn get_mut(&mut self, epoch: &EpochId) -> Option<&mut ScopeState> {
        self.0.get_mut(epoch)
    }

    pub(super) fn contains(&self, epoch: &EpochId) -> bool {
        self.0.contains_key(epoch)
    }

    pub(super) fn insert(&mut self, state: ScopeState) {
        self.0.insert(ById(Arc::clone(&state.scope.epoch)), state);
    }

    pub(super) fn remove(&mut self, epoch: &EpochId) -> Option<ScopeState> {
        self.0.remove(epoch)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ScopeState> {
        self.0.values()
    }
}

/// A scope and where it stands.
///
/// Most scopes of a session never match: they are the friends whom the two do not have in common. What passes between the
/// sides is kept apart and made when it first changes, so that those cost little; until then it reads as empty.
#[derive(Debug)]
pub(super) struct ScopeState {
    pub(super) scope: Scope,
    /// Whether its tag was shown.
    pub(super) offered: bool,
    /// Whether the peer has shown that it holds the epoch.
    pub(super) matched: bool,
    /// How our digest was said last, if it was.
    pub(super) said: Said,
    /// How often the peer named it in a group.
    pub(super) times_named: u8,
    talk: Option<Box<Talk>>,
}

/// How a digest of ours was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Said {
    /// By itself.
    #[default]
    Alone,
    /// With others in one, which the peer may find unequal and then could not read.
    InNews,
    /// With others in one, all of which the peer had said itself.
    InAnswer,
}

/// What both sides have said about one epoch, as it is remembered for as long as the session lasts.
#[derive(Debug)]
pub(super) struct Talk {
    /// The handle we use: the first that was bound, ours or theirs.
    pub(super) handle: Option<u32>,
    /// The handle we gave out.
    pub(super) our_handle: Option<u32>,
    /// The highest floor the peer named.
    pub(super) their_floor: u64,
    pub(super) their_digest: Option<PageDigest>,
    pub(super) digest_sent: Option<PageDigest>,
    pub(super) digest_due: bool,
    /// Whether the peer's digest came and is to be compared.
    pub(super) check_due: bool,
    /// Whether anything was fetched since the last Digest.
    pub(super) fetched: bool,
    /// Whether it was reported as in sync since the last change.
    pub(super) is_in_sync: bool,
    /// Silences since the peer last claimed something new.
    pub(super) strikes: u8,
    /// How often in a row the peer had not what it had claimed.
    pub(super) denials: u8,
    /// The number whose answer came last.
    pub(super) answering: Option<u64>,
    /// What the peer is known to have.
    pub(super) theirs: IntervalSet,
    /// What the peer got from us in this session.
    pub(super) sent: IntervalSet,
    doing: Option<Box<Doing>>,
}

/// Whether what is missing in a scope waits for what was asked of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Held {
    /// It has not.
    #[default]
    No,
    /// It does.
    Until(crate::time::Timestamp),
    /// It has waited long enough, until others bring something.
    Over,
}

/// What is being done about one epoch: compared, announced, asked for, taken in. Most of the time nothing is, and there is
/// none of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Doing {
    /// Pages of the peer's to be compared, by their upper ends.
    pub(super) compares_due: BTreeMap<u64, TheirPage>,
    pub(super) summed: Option<PartSum>,
    /// When a Digest is due after a change.
    pub(super) digest_timer: Option<crate::time::Timestamp>,
    /// The upper ends of pages to send.
    pub(super) pages_due: BTreeSet<u64>,
    /// What was sent of a page, and in answer to what: the same is never sent twice.
    pub(super) pages_sent: BTreeMap<u64, (PageDigest, Option<PageDigest>)>,
    /// What the peer last said of its pages below the first.
    pub(super) their_pages: BTreeMap<u64, PageDigest>,
    pub(super) ids_due: Option<(u64, u64)>,
    pub(super) ids_sent: Option<(PageDigest, PageDigest)>,
    /// What was last listed for a page of the peer's: the range, and in which state of our log.
    pub(super) ids_listed: Option<(u64, u64, Sum)>,
    /// How often a list of the peer's was answered by one of ours, in which state of our log.
    pub(super) ids_answered: Option<(Sum, u8)>,
    /// Numbers to announce.
    pub(super) heads: IntervalSet,
    /// What the peer has and we do not, not asked for yet.
    pub(super) missing: IntervalSet,
    /// Whether what is missing waits for others who were asked.
    pub(super) held: Held,
    /// Asked for and not answered.
    pub(super) asked: IntervalSet,
    /// With the owner.
    pub(super) pending: IntervalSet,
    /// Of those, the ones that came unasked and are answered with a Head once stored.
    pub(super) pushed: IntervalSet,
    /// What the owner did not want; never asked for again in this session.
    pub(super) refused: IntervalSet,
}

/// Nothing was said yet.
static SILENCE: Talk = Talk::new();

/// Nothing is being done.
static REST: Doing = Doing::new();

impl Talk {
    const fn new() -> Self {
        Self {
            handle: None,
            our_handle: None,
            their_floor: 0,
            their_digest: None,
            digest_sent: None,
            digest_due: false,
            check_due: false,
            fetched: false,
            is_in_sync: false,
            strikes: 0,
            denials: 0,
            answering: None,
            theirs: IntervalSet::new(),
            sent: IntervalSet::new(),
            doing: None,
        }
    }
}

impl Doing {
    const fn new() -> Self {
        Self {
            compares_due: BTreeMap::new(),
            summed: None,
            digest_timer: None,
            pages_due: BTreeSet::new(),
            pages_sent: BTreeMap::new(),
            their_pages: BTreeMap::new(),
            ids_due: None,
            ids_sent: None,
            ids_listed: None,
            ids_answered: None,
            heads: IntervalSet::new(),
            missing: IntervalSet::new(),
            held: Held::No,
            asked: IntervalSet::new(),
            pending: IntervalSet::new(),
            pushed: IntervalSet::new(),
            refused: IntervalSet::new(),
        }
    }
}

impl Deref for ScopeState {
    type Target = Talk;

    fn deref(&self) -> &Talk {
        self.talk.as_deref().unwrap_or(&SILENCE)
    }
}

impl DerefMut for ScopeState {
    fn deref_mut(&mut self) -> &mut Talk {
        self.talk.get_or_insert_with(|| Box::new(Talk::new()))
    }
}

impl Deref for Talk {
    type Target = Doing;

    fn deref(&self) -> &Doing {
        self.doing.as_deref().unwrap_or(&REST)
    }
}

impl DerefMut for Talk {
    fn deref_mut(&mut self) -> &mut Doing {
        self.doing.get_or_insert_with(|| Box::new(Doing::new()))
    }
}

impl ScopeState {
    pub(super) const fn new(scope: Scope) -> Self {
        Self { scope, offered: false, matched: false, said: Said::Alone, times_named: 0, talk: None }
    }

    /// Its epoch.
    pub(super) fn id(&self) -> EpochId {
        self.scope.epoch.id
    }

    /// Where it stands among what is due.
    pub(super) fn turn(&self) -> (Class, EpochId) {
        (self.scope.epoch.class, self.scope.epoch.id)
    }

    /// The peer says a digest that is ours: whether it needs to hear ours, for it has not, or only in a group that it could not
    /// read.
    pub(super) fn owe_digest(&mut self, digest: PageDigest) {
        if std::mem::take(&mut self.said) != Said::Alone {
            self.digest_sent = None;
        }
        self.digest_due |= self.digest_sent != Some(digest);
    }

    /// The peer begins anew with this scope: what it was told and what it said is nothing any more.
    pub(super) fn forget_said(&mut self) {
        (self.digest_sent, self.their_digest, self.is_in_sync) = (None, None, false);
        self.said = Said::Alone;
        if !self.pages_sent.is_empty() {
            self.pages_sent.clear();
        }
    }

    /// Lets go of what there is only while something is being done, where nothing is. The sum made last goes with it: it can
    /// be made again.
    pub(super) fn rest(&mut self) {
        let Some(talk) = self.talk.as_deref_mut() else { return };
        let Some(doing) = talk.doing.as_deref_mut() else { return };
        let summed = doing.summed.take();
        if *doing == REST {
            talk.doing = None;
        } else {
            doing.summed = summed;
        }
    }

    /// Whether the peer has shown that it holds the epoch.
    pub(super) const fn is_matched(&self) -> bool {
        self.matched
    }

    /// A page that ends at `hi` is to be sent. Where too many are, the lowest waits for another time.
    pub(super) fn mark_page(&mut self, hi: u64) {
        self.pages_due.insert(hi);
        if self.pages_due.len() > PAGE_LIMIT {
            self.pages_due.pop_first();
        }
    }

    /// A page of the peer's came. Where it has the same numbers as we the sums are to be compared; below the higher
    /// floor sums say nothing, and the peer starts at that floor once it sees our page.
    pub(super) fn mark_compare(&mut self, have: &Have, known: &IntervalSet, floor: u64) {
        if have.lo < floor || known.within(have.lo, have.hi) != have.intervals {
            self.compares_due.remove(&have.hi);
            self.mark_page(have.hi);
            return;
        }
        self.compares_due.insert(have.hi, TheirPage::of(have));
        if self.compares_due.len() > PAGE_LIMIT {
            self.compares_due.pop_first();
        }
    }

    /// Ids of a range are to be listed, besides what is already.
    pub(super) fn mark_ids(&mut self, lo: u64, hi: u64) {
        let (from, to) = self.ids_due.unwrap_or((lo, hi));
        self.ids_due = Some((lo.min(from), hi.max(to)));
    }

    pub(super) fn set_missing(&mut self, missing: IntervalSet) {
        // Most often there was nothing, and is nothing: no memory is taken to say so.
        if self.missing != missing {
            self.missing = missing;
        }
    }

    /// Whether anything asked for or taken in is still under way.
    pub(super) fn is_fetching(&self) -> bool {
        !(self.missing.is_empty() && self.asked.is_empty() && self.pending.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::testing::epoch;

    fn scope() -> Scope {
        Scope { epoch: epoch(0, 1, Class::Posts), how: How::Mine, open: true, peer_is_author: false }
    }

    #[test]
    fn a_scope_that_rests_keeps_what_was_said_and_nothing_of_what_was_done() {
        let mut state = ScopeState::new(scope());
        state.theirs.insert(4);
        state.pending.insert(5);
        state.rest();
        assert!(state.pending.contains(5), "something is still being done");
        state.pending.remove(5);
        state.summed = Some(PartSum::of_nothing());
        state.rest();
        assert!(state.talk.as_ref().is_some_and(|talk| talk.doing.is_none()));
        assert!(state.theirs.contains(4));
        assert_eq!(state.summed, None, "it can be made again");
    }

    #[test]
    fn a_scope_that_never_matches_costs_a_pointer_or_two() {
        assert!(size_of::<ScopeState>() <= 32);
        assert!(size_of::<Talk>() <= 136, "{}", size_of::<Talk>());
    }
}
