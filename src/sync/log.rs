//! What a node knows of one epoch's log, in a form that two nodes can compare, and the owner's window on its store.
//!
//! *Known* is a pair (sequence number, entry id), whatever is kept of it (docs/protocol.md 3.4). The numbers stand in
//! an [`IntervalSet`]; the ids are added up modulo 2^256, so that two logs with the same numbers and different
//! entries (a fork) are told apart. A sum is no proof of anything: whoever can choose ids can force one. It only
//! decides whether to look closer; the header and its signature, checked by the owner, decide what is taken.
//!
//! [`Log`] is read-only and speaks *for one peer*: what the peer may not have (out of the window, deleted) it shows as
//! a header or an id. The session never verifies an entry and never writes.
//!
//! Source: docs/protocol.md 3.7 (Have, Digest, Gone), 3.8(5), 3.4 (known, kept, shown), 3.10 (window).

use std::borrow::Cow;

use super::interval::IntervalSet;
use crate::id::{EntryId, EpochId};
use crate::time::Timestamp;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Bytes of an entry's header with its signature (docs/protocol.md 3.4).
pub const HEADER_LEN: usize = 186;

/// The sum of entry ids modulo 2^256, an id being a big-endian number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum([u8; 32]);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self([0; 32]);

    /// A sum as it stands on the wire and on disk.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes, big-endian.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Adds an id.
    pub fn add(&mut self, id: &EntryId) {
        self.add_bytes(id.as_bytes());
    }

    /// Takes an id away again.
    pub fn subtract(&mut self, id: &EntryId) {
        let mut borrow = 0u16;
        for (byte, other) in self.0.iter_mut().rev().zip(id.as_bytes().iter().rev()) {
            let wanted = u16::from(*other).saturating_add(borrow);
            let (low, _) = byte.overflowing_sub(wanted.to_be_bytes()[1]);
            borrow = u16::from(u16::from(*byte) < wanted);
            *byte = low;
        }
    }

    /// Adds another sum.
    pub fn add_sum(&mut self, other: &Self) {
        self.add_bytes(&other.0);
    }

    fn add_bytes(&mut self, other: &[u8; 32]) {
        let mut carry = 0u16;
        for (byte, other) in self.0.iter_mut().rev().zip(other.iter().rev()) {
            let [high, low] =
                u16::from(*byte).saturating_add(u16::from(*other)).saturating_add(carry).to_be_bytes();
            carry = u16::from(high);
            *byte = low;
        }
    }
}

/// What is known of one epoch: the numbers, the sum over all their ids (both of a fork), and the floor, below which
/// nothing is known any more and nothing is asked for. A floor never falls (I17).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogState {
    /// Known numbers, none below the floor.
    pub intervals: IntervalSet,
    /// The sum of the ids of all known entries.
    pub sum: Sum,
    /// The lowest number that may be known.
    pub floor: u64,
}

impl LogState {
    /// Takes note of a known entry; the caller has made sure that this (seq, id) was not known.
    pub fn insert(&mut self, seq: u64, id: &EntryId) {
        self.intervals.insert(seq);
        self.sum.add(id);
    }

    /// Replaces one variant of a number by another (the fork rule, docs/protocol.md 3.4).
    pub fn replace(&mut self, old: &EntryId, new: &EntryId) {
        self.sum.subtract(old);
        self.sum.add(new);
    }
}

/// `floor 8 ‖ sum 32 ‖ intervals`, as the owner stores it.
impl Encode for LogState {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.floor).raw(self.sum.as_bytes());
        self.intervals.encode_to(out);
    }
}

impl Decode for LogState {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (floor, sum) = (input.u64()?, Sum::from_bytes(input.array()?));
        // An author may leave as many gaps as there are entries; the record is our own.
        let limit = input.remaining();
        Ok(Self { intervals: IntervalSet::decode_from(input, limit)?, sum, floor })
    }
}

/// How an entry is held for this peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// The whole entry.
    Full {
        /// Header with signature.
        header: Box<[u8; HEADER_LEN]>,
        /// Sealed body.
        body: Vec<u8>,
    },
    /// The header alone is kept, or the body is not served to this peer.
    Header(Box<[u8; HEADER_LEN]>),
    /// Deleted: the number and the id are all that is left.
    Id,
}

/// A known entry, as it is shown to this peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub id: EntryId,
    /// What of it is handed out.
    pub held: Held,
}

/// The owner's logs as one peer may see them. Whether the peer may see an epoch at all is decided by the scopes.
pub trait Log {
    /// What is known of an epoch; `None` if nothing ever was.
    fn state(&self, epoch: &EpochId) -> Option<Cow<'_, LogState>>;

    /// The sum over the known entries with `lo <= seq <= hi`.
    ///
    /// # Cost
    /// Asked only for ranges other than everything above the floor, for which [`Log::state`] has the sum.
    fn sum_over(&self, epoch: &EpochId, lo: u64, hi: u64) -> Sum;

    /// Known (seq, id) pairs with `lo <= seq <= hi`, highest number first, at most `limit`.
    fn ids(&self, epoch: &EpochId, lo: u64, hi: u64, limit: usize) -> Vec<(u64, EntryId)>;

    /// Known entries with `lo <= seq <= hi`, highest number first, all variants of a number together. Stops before
    /// `bytes` of headers and bodies are exceeded, but always returns the first number there is.
    fn entries(&self, epoch: &EpochId, lo: u64, hi: u64, bytes: usize) -> Vec<Known>;

    /// An entry by its id, for `WantIds`: only if this peer may ask so (a device of its author or an own device) or was
    /// granted it; the owner decides (docs/protocol.md 3.7).
    fn by_id(&self, id: &EntryId) -> Option<Known>;

    /// Numbers of an epoch that were asked of other peers who still answer ([`super::Session::asking`]): they are not asked of
    /// this one as well, for a while.
    fn on_their_way(&self, epoch: &EpochId, now: Timestamp) -> IntervalSet;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sum_wraps_at_two_to_the_256() {
        let mut sum = Sum::ZERO;
        sum.add(&EntryId::from_bytes([0xff; 32]));
        let mut one = [0; 32];
        one[31] = 2;
        sum.add(&EntryId::from_bytes(one));
        let mut expected = [0; 32];
        expected[31] = 1;
        assert_eq!(sum.as_bytes(), &expected);
        sum.subtract(&EntryId::from_bytes(one));
        assert_eq!(sum.as_bytes(), &[0xff; 32]);
    }

    proptest! {
        #[test]
        fn a_sum_does_not_depend_on_order_and_can_be_undone(ids in proptest::collection::vec(any::<[u8; 32]>(), 0..20)) {
            let (mut up, mut down) = (Sum::ZERO, Sum::ZERO);
            for id in &ids {
                up.add(&EntryId::from_bytes(*id));
            }
            for id in ids.iter().rev() {
                down.add(&EntryId::from_bytes(*id));
            }
            prop_assert_eq!(up, down);
            for id in &ids {
                up.subtract(&EntryId::from_bytes(*id));
            }
            prop_assert_eq!(up, Sum::ZERO);
            let mut doubled = down;
            doubled.add_sum(&down);
            for id in &ids {
                doubled.subtract(&EntryId::from_bytes(*id));
            }
            prop_assert_eq!(doubled, down);
        }
    }
}
