//! Who should have which moment, who has it, and since when they could have: kept beside the machines, by the graph of
//! friends alone, so that a mistake of theirs is not a mistake here too.
//!
//! A friend *could* have a moment from the first time on at which they and somebody who has it (a friend of theirs, no
//! liar, not across a partition) have been online together for a minute.

use std::collections::{BTreeMap, BTreeSet};

use super::Who;
use super::node::Audience;
use crate::id::EntryId;

/// For how long two must be online together until they could have talked, ms. *chosen: dialling and greeting take
/// seconds, and who looks in for a shorter time gets nothing anywhere*
pub(super) const TOGETHER_MS: u64 = 60_000;

/// Ends of the buckets in which times to delivery are counted, ms.
pub(super) const BUCKETS_MS: [u64; 18] = [
    250,
    500,
    1_000,
    2_000,
    5_000,
    15_000,
    60_000,
    300_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    14_400_000,
    28_800_000,
    57_600_000,
    86_400_000,
    172_800_000,
    u64::MAX,
];

/// How many fell into which bucket.
pub(super) type Histogram = [u64; BUCKETS_MS.len()];

fn count(histogram: &mut Histogram, ms: u64) {
    if let Some(at) = BUCKETS_MS.iter().position(|end| ms <= *end) {
        histogram[at] += 1;
    }
}

/// A moment.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) id: EntryId,
    /// The State key under which its readers keep the keys of its epoch.
    pub(super) keys: Vec<u8>,
    pub(super) author: Who,
    pub(super) audience: Audience,
    pub(super) posted: u64,
    pub(super) entitled: BTreeSet<Who>,
    /// How many hands it went through to whom it reached; the author's is 0.
    pub(super) hops: BTreeMap<Who, u8>,
    /// Who likes it.
    pub(super) likers: BTreeSet<Who>,
    /// Comments written beneath it.
    pub(super) comments: usize,
    /// Somebody came into its audience or left it since.
    pub(super) is_followed: bool,
}

/// Something that must never happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// At which step.
    pub step: u64,
    /// What.
    pub what: String,
}

/// Since when a friend could have a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Since {
    /// They were together with somebody who has it.
    possible: Option<u64>,
    /// And had the keys of its epoch.
    readable: Option<u64>,
}

/// The book.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) moments: Vec<Moment>,
    by_id: BTreeMap<EntryId, u32>,
    /// Moments each person has.
    pub(super) has: Vec<BTreeSet<u32>>,
    /// Moments each should have and has not, and since when they could.
    pub(super) lacks: Vec<BTreeMap<u32, Since>>,
    pub(super) since_posted: Histogram,
    pub(super) since_possible: Histogram,
    pub(super) since_readable: Histogram,
    pub(super) hops: [u64; 10],
    pub(super) delivered: u64,
    pub(super) pairs: u64,
    pub(super) breaches: Vec<Breach>,
    pub(super) breach_count: u64,
}

impl Ledger {
    pub(super) fn new(people: usize) -> Self {
        Self { has: vec![BTreeSet::new(); people], lacks: vec![BTreeMap::new(); people], ..Self::default() }
    }

    pub(super) fn breach(&mut self, step: u64, what: String) {
        self.breach_count += 1;
        if self.breaches.len() < 20 {
            self.breaches.push(Breach { step, what });
        }
    }

    pub(super) fn find(&self, id: &EntryId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    pub(super) fn may_have(&self, moment: u32, who: Who) -> bool {
        let moment = &self.moments[moment as usize];
        moment.author == who || moment.entitled.contains(&who)
    }

    /// A moment was shared. It is owed to all whom it is for, but for those who lie.
    pub(super) fn posted(&mut self, moment: Moment, owed: &BTreeSet<Who>) {
        let number = self.moments.len() as u32;
        for who in owed {
            self.lacks[*who].insert(number, Since::default());
        }
        self.pairs += owed.len() as u64;
        self.by_id.insert(moment.id, number);
        self.has[moment.author].insert(number);
        self.moments.push(moment);
    }

    /// Somebody's timeline shows a moment, which came from `from`. True if it is new there.
    pub(super) fn shown(&mut self, moment: u32, who: Who, from: Option<Who>, now: u64) -> bool {
        if !self.has[who].insert(moment) {
            return false;
        }
        let of = &mut self.moments[moment as usize];
        let hops = from.and_then(|from| of.hops.get(&from).copied()).unwrap_or(0).saturating_add(1);
        of.hops.insert(who, hops);
        let posted = of.posted;
        if let Some(Since { possible, readable }) = self.lacks[who].remove(&moment) {
            let waited = |since: Option<u64>| since.map_or(0, |since| now.saturating_sub(since));
            self.delivered += 1;
            count(&mut self.since_posted, now.saturating_sub(posted));
            count(&mut self.since_possible, waited(possible));
            count(&mut self.since_readable, waited(readable));
            self.hops[usize::from(hops).min(9)] += 1;
        }
        true
    }

    /// Somebody was let into an audience, or left out of it. Who comes may have what was written before; who goes keeps
    /// what they have, and is owed no more.
    pub(super) fn followed(&mut self, author: Who, audience: Audience, who: Who, is_in: bool) {
        for (number, moment) in (0u32..).zip(&mut self.moments) {
            if moment.author != author || moment.audience != audience {
                continue;
            }
            moment.is_followed = true;
            if is_in {
                moment.entitled.insert(who);
            } else if self.lacks[who].remove(&number).is_some() {
                self.pairs -= 1;
            }
        }
    }

    /// Two friends have been online together for a minute: what one has and the other lacks could have come, from
    /// `since` on. `has_keys` says whether somebody keeps the record with the keys of an epoch.
    pub(super) fn together(&mut self, a: Who, b: Who, since: u64, has_keys: &dyn Fn(Who, &[u8]) -> bool) {
        for (from, to) in [(a, b), (b, a)] {
            let has = &self.has[from];
            for (number, lacked) in &mut self.lacks[to] {
                if lacked.readable.is_some() || !has.contains(number) {
                    continue;
                }
                let moment = &self.moments[*number as usize];
                let since = since.max(moment.posted);
                lacked.possible.get_or_insert(since);
                if has_keys(to, &moment.keys) {
                    lacked.readable = Some(since);
                }
            }
        }
    }

    /// How long those that have not come could have come by now.
    pub(super) fn overdue(&self, now: u64) -> impl Iterator<Item = u64> + '_ {
        let lacked = self.lacks.iter().flat_map(BTreeMap::values);
        lacked.filter_map(move |since| since.possible.map(|at| now.saturating_sub(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_could_come_once_a_friend_met_somebody_who_has_it_and_not_before() {
        let mut ledger = Ledger::new(4);
        let entitled = BTreeSet::from([1, 2]);
        let (keys, hops) = (b"e".to_vec(), BTreeMap::from([(0, 0)]));
        let id = EntryId::from_bytes([1; 32]);
        let likers = BTreeSet::new();
        let of = Moment {
            id,
            keys,
            author: 0,
            audience: Audience::Except,
            posted: 1_000,
            entitled: entitled.clone(),
            hops,
            likers,
            comments: 0,
            is_followed: false,
        };
        ledger.posted(of, &entitled);
        assert!(ledger.may_have(0, 2) && ledger.may_have(0, 0) && !ledger.may_have(0, 3));
        let with = |_: Who, keys: &[u8]| keys == b"e";
        ledger.together(1, 2, 2_000, &with);
        assert_eq!(ledger.overdue(9_000).count(), 0);
        assert!(ledger.shown(0, 1, Some(0), 3_000));
        assert!(!ledger.shown(0, 1, Some(2), 3_500));
        ledger.together(2, 1, 4_000, &|_, _| false);
        ledger.together(2, 0, 5_000, &with);
        assert_eq!(ledger.overdue(9_000).collect::<Vec<_>>(), [5_000]);
        assert!(ledger.shown(0, 2, Some(1), 6_000));
        assert_eq!((ledger.delivered, ledger.pairs, ledger.hops[1], ledger.hops[2]), (2, 2, 1, 1));
        assert_eq!(ledger.since_posted[3..5], [1, 1]);
        assert_eq!((ledger.since_possible[0], ledger.since_possible[3]), (1, 1));
        assert_eq!((ledger.since_readable[0], ledger.since_readable[2]), (1, 1));
    }

    #[test]
    fn who_leaves_an_audience_is_owed_no_more_and_who_comes_may_have_what_was_there() {
        let mut ledger = Ledger::new(4);
        let id = EntryId::from_bytes([2; 32]);
        let entitled = BTreeSet::from([1, 2]);
        let of = Moment {
            id,
            keys: Vec::new(),
            author: 0,
            audience: Audience::Except,
            posted: 5,
            entitled: entitled.clone(),
            hops: BTreeMap::from([(0, 0)]),
            likers: BTreeSet::new(),
            comments: 0,
            is_followed: false,
        };
        ledger.posted(of, &entitled);
        ledger.followed(0, Audience::Only, 2, false);
        ledger.followed(1, Audience::Except, 2, false);
        assert_eq!((ledger.pairs, ledger.moments[0].is_followed), (2, false), "other audiences");
        ledger.followed(0, Audience::Except, 2, false);
        ledger.followed(0, Audience::Except, 3, true);
        assert_eq!((ledger.pairs, ledger.lacks[2].len(), ledger.lacks[1].len()), (1, 0, 1));
        assert!(ledger.may_have(0, 2) && ledger.may_have(0, 3) && ledger.moments[0].is_followed);
    }
}
