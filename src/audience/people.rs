//! What a device knows of friends and tags, merged from changes that several own devices made at once.
//!
//! Each change is an [`Op`] on one (list, user) pair, written into `~self` at a [`Dot`] (epoch, number) by a device
//! that had [`Seen`] so much of every own epoch. A pair is in iff some add has seen every remove of it: **a remove wins
//! over an add made without knowledge of it**, and adding again later works.
//!
//! ```text
//! phone    remove Dan ────────────────┐            Dan is out: the laptop's add had not seen the remove
//! laptop              add Dan ────────┴─ merge ─── add Dan again: now he is in
//! ```
//!
//! Two lists are open: everybody stands on [`List::Moments`] and [`List::Mine`] until taken off. *Chats only* and
//! *hide mine from* are therefore removes, and win over an undoing that knew nothing of them.
//!
//! Per pair only what can still matter is kept: the highest remove of each epoch, and those adds that have seen all
//! of them and that no other add has outrun. So a pair never grows beyond the number of own epochs times the number
//! of own devices (64 at most), and the state is the same whatever the order (I24).
//!
//! What it does not do: names, rules and the window go by (lamport, device) and belong to the service.
//!
//! Source: docs/protocol.md 3.3 (`~self` operations).

mod bytes;

use std::collections::BTreeMap;

use super::TagId;
use crate::id::{EpochId, UserId};
use crate::limits::CONCURRENT_ADD_LIMIT;

/// Something a user can be on or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Friends: pairing is complete.
    Friends,
    /// Friends who are not chats-only. Open: everybody stands on it until taken off.
    Moments,
    /// Friends whom I do not hide mine from. Open as well.
    Mine,
    /// Friends with this tag.
    Tag(TagId),
}

impl List {
    /// Whether everybody stands on it until taken off.
    const fn is_open(self) -> bool {
        matches!(self, Self::Moments | Self::Mine)
    }
}

/// What is done to a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Put the user on the list.
    Add,
    /// Take the user off it.
    Remove,
}

/// One change of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Op {
    /// Which list.
    pub list: List,
    /// Who.
    pub user: UserId,
    /// What is done.
    pub verb: Verb,
}

/// Where in `~self` a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// The `~self` epoch.
    pub epoch: EpochId,
    /// The sequence number in it.
    pub seq: u64,
}

/// The highest sequence number of each own `~self` epoch that a device had seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Seen(BTreeMap<EpochId, u64>);

impl Seen {
    /// Nothing seen.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Notes that everything of this epoch up to this number was seen.
    pub fn note(&mut self, dot: Dot) {
        let highest = self.0.entry(dot.epoch).or_insert(dot.seq);
        *highest = (*highest).max(dot.seq);
    }

    /// Whether it saw everything that `other` saw.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(epoch, seq)| self.0.get(epoch).is_some_and(|seen| seen >= seq))
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Epochs and numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Dot> + '_ {
        self.0.iter().map(|(epoch, seq)| Dot { epoch: *epoch, seq: *seq })
    }
}

impl FromIterator<Dot> for Seen {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut seen = Self::new();
        dots.into_iter().for_each(|dot| seen.note(dot));
        seen
    }
}

/// The state of one (list, user).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Pair {
    /// The highest remove of each epoch.
    removed: Seen,
    /// What those adds had seen that saw every remove; none covers another.
    adds: Vec<Seen>,
    /// Whether any add was ever seen.
    was_added: bool,
}

impl Pair {
    fn add(&mut self, seen: &Seen) {
        self.was_added = true;
        let outrun = self.adds.iter().any(|other| other.covers(seen));
        if outrun || !seen.covers(&self.removed) {
            return;
        }
        self.adds.retain(|other| !seen.covers(other));
        // One device's adds outrun each other, so this many never come from fewer devices. The user is on the list.
        if self.adds.len() >= CONCURRENT_ADD_LIMIT {
            return;
        }
        self.adds.push(seen.clone());
        self.adds.sort();
    }

    fn remove(&mut self, at: Dot) {
        self.removed.note(at);
        let removed = &self.removed;
        self.adds.retain(|seen| seen.covers(removed));
    }

    fn is_in(&self, open: bool) -> bool {
        !self.adds.is_empty() || (open && self.removed.is_empty())
    }
}

/// Friends, tags and settings as this device knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    lists: BTreeMap<List, BTreeMap<UserId, Pair>>,
}

impl People {
    /// Nobody.
    pub const fn new() -> Self {
        Self { lists: BTreeMap::new() }
    }

    /// Takes a change in that was written at `at` by a device that had seen `seen` (its own earlier changes included,
    /// this one not). In any order, and any number of times.
    pub fn apply(&mut self, op: &Op, at: Dot, seen: &Seen) {
        let pair = self.lists.entry(op.list).or_default().entry(op.user).or_default();
        match op.verb {
            Verb::Add => pair.add(seen),
            Verb::Remove => pair.remove(at),
        }
    }

    /// Whether the user is on the list.
    pub fn contains(&self, list: List, user: &UserId) -> bool {
        self.pair(list, user).map_or(list.is_open(), |pair| pair.is_in(list.is_open()))
    }

    /// Whether any remove of the pair is known, even if the user is back.
    pub fn was_removed(&self, list: List, user: &UserId) -> bool {
        self.pair(list, user).is_some_and(|pair| !pair.removed.is_empty())
    }

    /// Whether any add of the pair is known, even if the user is gone.
    pub fn was_added(&self, list: List, user: &UserId) -> bool {
        self.pair(list, user).is_some_and(|pair| pair.was_added)
    }

    /// All friends, ascending.
    pub fn friends(&self) -> impl Iterator<Item = UserId> + '_ {
        self.on(List::Friends)
    }

    /// Whoever has the tag and is a friend, ascending.
    pub fn tagged(&self, tag: TagId) -> impl Iterator<Item = UserId> + '_ {
        self.on(List::Tag(tag)).filter(|user| self.contains(List::Friends, user))
    }

    /// The tags of a user, ascending.
    pub fn tags_of<'a>(&'a self, user: &'a UserId) -> impl Iterator<Item = TagId> + 'a {
        self.lists.iter().filter_map(move |(list, pairs)| match list {
            List::Tag(tag) => pairs.get(user).is_some_and(|pair| pair.is_in(false)).then_some(*tag),
            _ => None,
        })
    }

    /// The changes that unfriending consists of: off the friends and out of every tag.
    pub fn unfriending(&self, user: &UserId) -> Vec<Op> {
        let tags = self.tags_of(user).map(List::Tag);
        [List::Friends]
            .into_iter()
            .chain(tags)
            .map(|list| Op { list, user: *user, verb: Verb::Remove })
            .collect()
    }

    fn on(&self, list: List) -> impl Iterator<Item = UserId> + '_ {
        let pairs = self.lists.get(&list).into_iter().flatten();
        pairs.filter(move |(_, pair)| pair.is_in(list.is_open())).map(|(user, _)| *user)
    }

    fn pair(&self, list: List, user: &UserId) -> Option<&Pair> {
        self.lists.get(&list)?.get(user)
    }
}
