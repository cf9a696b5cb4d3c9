//! Sets of sequence numbers as sorted intervals: what is known of one log, in a few bytes however long it is.
//!
//! A log with one writer has few gaps, so ten thousand known numbers are usually one pair. The set holds inclusive
//! pairs `(lo, hi)`, ascending, disjoint and never adjacent: one set has exactly one form, and two sets are equal if
//! their bytes are. All numbers are below 2^48, so that `hi + 1` cannot overflow.
//!
//! What it does not do: it does not bound itself. Whoever fills a set from a stranger's words calls
//! [`IntervalSet::keep_newest`].
//!
//! Source: docs/protocol.md 3.7 (Have, Want), 3.4 (`seq < 2^48`).

use crate::limits::SEQ_LIMIT;
use crate::wire::{DecodeError, Reader, Writer};

/// The highest sequence number there is.
pub const SEQ_MAX: u64 = SEQ_LIMIT - 1;

/// A set of sequence numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntervalSet {
    /// Ascending, disjoint, not adjacent, every `lo <= hi <= SEQ_MAX`.
    pairs: Vec<(u64, u64)>,
}

impl IntervalSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { pairs: Vec::new() }
    }

    /// The numbers `lo..=hi`; empty if `lo > hi`. Numbers above [`SEQ_MAX`] are left out.
    pub fn from_range(lo: u64, hi: u64) -> Self {
        let mut set = Self::new();
        set.insert_range(lo, hi);
        set
    }

    /// Whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// How many intervals it takes.
    pub const fn interval_count(&self) -> usize {
        self.pairs.len()
    }

    /// How many numbers are in it.
    pub fn count(&self) -> u64 {
        self.pairs.iter().fold(0, |sum, &(lo, hi)| sum.saturating_add(width(lo, hi)))
    }

    /// The highest number.
    pub fn highest(&self) -> Option<u64> {
        self.pairs.last().map(|&(_, hi)| hi)
    }

    /// The lowest number.
    pub fn lowest(&self) -> Option<u64> {
        self.pairs.first().map(|&(lo, _)| lo)
    }

    /// Whether `seq` is in it.
    ///
    /// # Cost
    /// The logarithm of the number of intervals.
    pub fn contains(&self, seq: u64) -> bool {
        let at = self.pairs.partition_point(|&(_, hi)| hi < seq);
        self.pairs.get(at).is_some_and(|&(lo, _)| lo <= seq)
    }

    /// Adds a number; true if it was not there. A number above [`SEQ_MAX`] is not taken.
    pub fn insert(&mut self, seq: u64) -> bool {
        if seq > SEQ_MAX || self.contains(seq) {
            return false;
        }
        self.insert_range(seq, seq);
        true
    }

    /// Adds `lo..=hi`.
    ///
    /// # Cost
    /// The number of intervals; constant at the end, where a log grows.
    pub fn insert_range(&mut self, lo: u64, hi: u64) {
        let hi = hi.min(SEQ_MAX);
        if lo > hi {
            return;
        }
        // Everything from the first interval that ends at lo - 1 or later to the last that begins by hi + 1 melts.
        let from = self.pairs.partition_point(|&(_, h)| h.saturating_add(1) < lo);
        let to = self.pairs.partition_point(|&(l, _)| l <= hi.saturating_add(1));
        let melted = self.pairs.get(from..to).unwrap_or(&[]);
        let lo = melted.first().map_or(lo, |&(l, _)| l.min(lo));
        let hi = melted.last().map_or(hi, |&(_, h)| h.max(hi));
        self.pairs.splice(from..to, [(lo, hi)]);
    }

    /// Takes a number out; true if it was there.
    pub fn remove(&mut self, seq: u64) -> bool {
        let found = self.contains(seq);
        if found {
            self.remove_range(seq, seq);
        }
        found
    }

    /// Takes `lo..=hi` out.
    pub fn remove_range(&mut self, lo: u64, hi: u64) {
        if lo > hi {
            return;
        }
        let from = self.pairs.partition_point(|&(_, h)| h < lo);
        let to = self.pairs.partition_point(|&(l, _)| l <= hi);
        if from >= to {
            return;
        }
        let cut = self.pairs.get(from..to).unwrap_or(&[]);
        let left = cut.first().filter(|&&(l, _)| l < lo).map(|&(l, _)| (l, lo.saturating_sub(1)));
        let right = cut.last().filter(|&&(_, h)| h > hi).map(|&(_, h)| (hi.saturating_add(1), h));
        self.pairs.splice(from..to, left.into_iter().chain(right));
    }

    /// Takes everything below `floor` out.
    pub fn remove_below(&mut self, floor: u64) {
        if let Some(hi) = floor.checked_sub(1) {
            self.remove_range(0, hi);
        }
    }

    /// What lies in `lo..=hi`.
    #[must_use]
    pub fn within(&self, lo: u64, hi: u64) -> Self {
        let from = self.pairs.partition_point(|&(_, h)| h < lo);
        let to = self.pairs.partition_point(|&(l, _)| l <= hi);
        let cut = self.pairs.get(from..to).unwrap_or(&[]);
        Self { pairs: cut.iter().map(|&(l, h)| (l.max(lo), h.min(hi))).filter(|&(l, h)| l <= h).collect() }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (mut into, from) =
            if self.pairs.len() >= other.pairs.len() { (self.clone(), other) } else { (other.clone(), self) };
        for &(lo, hi) in &from.pairs {
            into.insert_range(lo, hi);
        }
        into
    }

    /// What is in this one and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut pairs = Vec::new();
        let mut others = other.pairs.iter().peekable();
        for &(mut lo, hi) in &self.pairs {
            let mut left = true;
            while let Some(&&(cut_lo, cut_hi)) = others.peek() {
                if cut_hi < lo {
                    others.next();
                    continue;
                }
                if cut_lo > hi {
                    break;
                }
                if let Some(before) = cut_lo.checked_sub(1).filter(|&before| before >= lo) {
                    pairs.push((lo, before));
                }
                lo = cut_hi.saturating_add(1);
                if lo > hi {
                    left = false;
                    break;
                }
                others.next();
            }
            if left {
                pairs.push((lo, hi));
            }
        }
        Self { pairs }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut pairs = Vec::new();
        let (mut left, mut right) = (self.pairs.iter().peekable(), other.pairs.iter().peekable());
        while let (Some(&&(a_lo, a_hi)), Some(&&(b_lo, b_hi))) = (left.peek(), right.peek()) {
            let (lo, hi) = (a_lo.max(b_lo), a_hi.min(b_hi));
            if lo <= hi {
                pairs.push((lo, hi));
            }
            if a_hi <= b_hi {
                left.next();
            } else {
                right.next();
            }
        }
        Self { pairs }
    }

    /// The intervals, lowest first.
    pub fn intervals(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + ExactSizeIterator + '_ {
        self.pairs.iter().copied()
    }

    /// The numbers, newest (highest) first.
    pub fn newest_first(&self) -> impl Iterator<Item = u64> + '_ {
        self.pairs.iter().rev().flat_map(|&(lo, hi)| (lo..=hi).rev())
    }

    /// Takes the highest numbers out and hands them over: at most `seqs` of them in at most `intervals` intervals.
    #[must_use]
    pub fn take_newest(&mut self, seqs: u64, intervals: usize) -> Self {
        let mut taken = Vec::new();
        let mut left = seqs;
        while left > 0 && taken.len() < intervals {
            let Some((lo, hi)) = self.pairs.pop() else { break };
            let from = hi.saturating_sub(left.saturating_sub(1)).max(lo);
            if let Some(below) = from.checked_sub(1).filter(|&below| below >= lo) {
                self.pairs.push((lo, below));
            }
            taken.push((from, hi));
            left = left.saturating_sub(width(from, hi));
        }
        taken.reverse();
        Self { pairs: taken }
    }

    /// Drops the lowest intervals until at most `limit` are left; true if any went.
    pub fn keep_newest(&mut self, limit: usize) -> bool {
        let extra = self.pairs.len().saturating_sub(limit);
        self.pairs.drain(..extra);
        extra > 0
    }

    /// Appends `n u32 ‖ n × (lo u64 ‖ hi u64)`.
    pub fn encode_to(&self, out: &mut Writer) {
        out.u32(u32::try_from(self.pairs.len()).unwrap_or(u32::MAX));
        for &(lo, hi) in &self.pairs {
            out.u64(lo).u64(hi);
        }
    }

    /// Reads a set of at most `limit` intervals.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] above the limit; [`DecodeError::Invalid`] if an interval is upside down, reaches
    /// 2^48, or is not beyond its predecessor with a gap between (a second way to write the same set).
    pub fn decode_from(input: &mut Reader<'_>, limit: usize) -> Result<Self, DecodeError> {
        let claimed = u64::from(input.u32()?);
        let count = input.count("intervals", claimed, limit, 16)?;
        let mut pairs: Vec<(u64, u64)> = Vec::with_capacity(count);
        for _ in 0..count {
            let (lo, hi) = (input.u64()?, input.u64()?);
            if lo > hi {
                return Err(DecodeError::Invalid { what: "an interval ends before it begins" });
            }
            if hi > SEQ_MAX {
                return Err(DecodeError::Invalid { what: "an interval reaches 2^48" });
            }
            if pairs.last().is_some_and(|&(_, last)| lo <= last.saturating_add(1)) {
                return Err(DecodeError::Invalid { what: "intervals overlap, touch or are out of order" });
            }
            pairs.push((lo, hi));
        }
        Ok(Self { pairs })
    }
}

impl FromIterator<u64> for IntervalSet {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut set = Self::new();
        for number in numbers {
            set.insert(number);
        }
        set
    }
}

/// How many numbers `lo..=hi` holds.
const fn width(lo: u64, hi: u64) -> u64 {
    hi.saturating_sub(lo).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn reference(set: &IntervalSet) -> BTreeSet<u64> {
        set.newest_first().collect()
    }

    fn is_canonical(set: &IntervalSet) -> bool {
        let pairs: Vec<_> = set.intervals().collect();
        pairs.iter().all(|&(lo, hi)| lo <= hi && hi <= SEQ_MAX)
            && pairs.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0)
    }

    fn bytes(pairs: &[(u64, u64)]) -> Vec<u8> {
        let mut out = Writer::new();
        out.u32(u32::try_from(pairs.len()).unwrap());
        for &(lo, hi) in pairs {
            out.u64(lo).u64(hi);
        }
        out.into_vec()
    }

    fn read(pairs: &[(u64, u64)]) -> Result<IntervalSet, DecodeError> {
        let bytes = bytes(pairs);
        let mut input = Reader::new(&bytes);
        let set = IntervalSet::decode_from(&mut input, 256)?;
        input.finish()?;
        Ok(set)
    }

    #[test]
    fn a_set_that_could_be_written_another_way_is_refused() {
        for (name, pairs) in [
            ("overlapping", vec![(0, 5), (5, 9)]),
            ("adjacent", vec![(0, 5), (6, 9)]),
            ("unsorted", vec![(10, 12), (0, 5)]),
            ("twice", vec![(0, 5), (0, 5)]),
            ("upside down", vec![(6, 5)]),
            ("at 2^48", vec![(0, SEQ_LIMIT)]),
            ("overflow at hi + 1", vec![(0, u64::MAX)]),
            ("overflow before another", vec![(0, u64::MAX), (0, 1)]),
        ] {
            assert!(matches!(read(&pairs), Err(DecodeError::Invalid { .. })), "{name}");
        }
        assert_eq!(read(&[(0, 5), (7, SEQ_MAX)]).map(|set| set.interval_count()), Ok(2));
    }

    #[test]
    fn the_limit_holds_at_n_and_n_plus_one() {
        let pairs: Vec<_> = (0..257u64).map(|i| (i * 2, i * 2)).collect();
        assert_eq!(read(&pairs[..256]).map(|set| set.interval_count()), Ok(256));
        assert_eq!(read(&pairs), Err(DecodeError::TooMany { what: "intervals", limit: 256, actual: 257 }));
    }

    #[test]
    fn a_count_without_intervals_behind_it_is_refused() {
        assert!(IntervalSet::decode_from(&mut Reader::new(&[0, 0, 1, 0]), 256).is_err());
        assert!(IntervalSet::decode_from(&mut Reader::new(&[0xff; 4]), 256).is_err());
    }

    #[test]
    fn numbers_from_two_to_the_48_are_not_taken() {
        let mut set = IntervalSet::from_range(SEQ_MAX, u64::MAX);
        assert_eq!(set.count(), 1);
        assert!(!set.insert(SEQ_LIMIT));
        assert!(!set.insert(SEQ_MAX));
    }

    #[test]
    fn the_newest_are_taken_within_both_bounds() {
        let mut set = IntervalSet::from_range(0, 9);
        set.insert_range(20, 29);
        set.insert_range(40, 49);
        let taken = set.take_newest(15, 10);
        assert_eq!(taken.intervals().collect::<Vec<_>>(), [(25, 29), (40, 49)]);
        let taken = set.take_newest(100, 1);
        assert_eq!(taken.intervals().collect::<Vec<_>>(), [(20, 24)]);
        assert_eq!(set.intervals().collect::<Vec<_>>(), [(0, 9)]);
    }

    fn numbers() -> impl Strategy<Value = Vec<(u64, u64)>> {
        proptest::collection::vec((0u64..120, 0u64..8), 0..24)
    }

    fn built(ranges: &[(u64, u64)]) -> (IntervalSet, BTreeSet<u64>) {
        let (mut set, mut numbers) = (IntervalSet::new(), BTreeSet::new());
        for &(lo, len) in ranges {
            set.insert_range(lo, lo + len);
            numbers.extend(lo..=lo + len);
        }
        (set, numbers)
    }

    proptest! {
        #[test]
        fn a_set_agrees_with_a_set_of_numbers(a in numbers(), b in numbers(), lo in 0u64..130, len in 0u64..60) {
            let ((a, in_a), (b, in_b)) = (built(&a), built(&b));
            let hi = lo + len;
            let mut less = a.clone();
            less.remove_range(lo, hi);
            for (set, expected) in [
                (a.clone(), in_a.clone()),
                (a.union(&b), in_a.union(&in_b).copied().collect()),
                (a.difference(&b), in_a.difference(&in_b).copied().collect()),
                (a.intersection(&b), in_a.intersection(&in_b).copied().collect()),
                (a.within(lo, hi), in_a.range(lo..=hi).copied().collect()),
                (less, in_a.iter().copied().filter(|n| !(lo..=hi).contains(n)).collect::<BTreeSet<_>>()),
            ] {
                prop_assert!(is_canonical(&set));
                prop_assert_eq!(reference(&set), expected);
            }
            prop_assert_eq!(a.count(), in_a.len() as u64);
            prop_assert_eq!(a.contains(lo), in_a.contains(&lo));
            prop_assert_eq!((a.lowest(), a.highest()), (in_a.first().copied(), in_a.last().copied()));
        }

        #[test]
        fn a_set_survives_being_written_and_read(a in numbers()) {
            let (set, _) = built(&a);
            let mut out = Writer::new();
            set.encode_to(&mut out);
            let buffer = out.into_vec();
            prop_assert_eq!(IntervalSet::decode_from(&mut Reader::new(&buffer), 256), Ok(set));
        }

        #[test]
        fn taking_the_newest_splits_a_set_in_two(a in numbers(), seqs in 0u64..40, most in 0usize..6) {
            let (whole, numbers) = built(&a);
            let mut rest = whole.clone();
            let taken = rest.take_newest(seqs, most);
            prop_assert!(is_canonical(&taken) && is_canonical(&rest));
            prop_assert!(taken.count() <= seqs && taken.interval_count() <= most);
            prop_assert!(rest.highest() < taken.lowest() || taken.is_empty());
            prop_assert_eq!(reference(&taken.union(&rest)), numbers);
        }
    }
}
