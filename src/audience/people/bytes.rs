//! The bytes of changes and of the merged state, each in one form only.
//!
//! # Layout of [`Op`]
//! | size | field | meaning |
//! | --- | --- | --- |
//! | 1 | list | 1 friends, 2 moments, 3 mine, 4 tag |
//! | 4 | tag | only for list 4 |
//! | 32 | user id | |
//! | 1 | verb | 1 add, 2 remove |
//!
//! # Layout of [`Seen`]
//! n 2 ‖ n × {epoch_id 16 ‖ seq 8}, epochs ascending, n ≤ 2,048.
//!
//! # Layout of [`People`]
//! n 4 ‖ n × {list (as in an op) ‖ user id 32 ‖ was added 1 ‖ removed (Seen) ‖ a 2 ‖ a × add (Seen)}, pairs ascending
//! by (list, user), adds ascending; a ≤ 64; none covers another and each covers what was removed.
//!
//! Source: docs/protocol.md 3.3 (`~self` operations); the snapshot is local.

use super::{Dot, List, Op, Pair, People, Seen, Verb};
use crate::audience::TagId;
use crate::id::{EpochId, UserId};
use crate::limits::{CONCURRENT_ADD_LIMIT, FRIEND_LIMIT, SELF_EPOCH_LIMIT, SEQ_LIMIT, TAG_LIMIT};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Bytes of one epoch in a [`Seen`].
const DOT_LEN: usize = 24;
/// The shortest pair: a list without a tag, a user, nothing removed, nothing added.
const PAIR_MIN_LEN: usize = 38;

impl Encode for List {
    fn encode_to(&self, out: &mut Writer) {
        match self {
            Self::Friends => out.u8(1),
            Self::Moments => out.u8(2),
            Self::Mine => out.u8(3),
            Self::Tag(tag) => out.u8(4).value(tag),
        };
    }
}

impl Decode for List {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match input.u8()? {
            1 => Ok(Self::Friends),
            2 => Ok(Self::Moments),
            3 => Ok(Self::Mine),
            4 => input.value::<TagId>().map(Self::Tag),
            code => Err(DecodeError::Unknown { what: "list of people", code: u64::from(code) }),
        }
    }
}

impl Encode for Op {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.list).value(&self.user).u8(match self.verb {
            Verb::Add => 1,
            Verb::Remove => 2,
        });
    }
}

impl Decode for Op {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (list, user) = (input.value()?, input.value()?);
        let verb = match input.u8()? {
            1 => Verb::Add,
            2 => Verb::Remove,
            code => return Err(DecodeError::Unknown { what: "change of a list", code: u64::from(code) }),
        };
        Ok(Self { list, user, verb })
    }
}

impl Encode for Seen {
    fn encode_to(&self, out: &mut Writer) {
        write_count(out, self.0.len());
        for dot in self.iter() {
            out.value(&dot.epoch).u64(dot.seq);
        }
    }
}

impl Decode for Seen {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u64::from(input.u16()?);
        let count = input.count("own epochs seen", count, SELF_EPOCH_LIMIT, DOT_LEN)?;
        let mut seen = Self::new();
        for _ in 0..count {
            let (epoch, seq): (EpochId, u64) = (input.value()?, input.u64()?);
            if seq >= SEQ_LIMIT || seen.0.last_key_value().is_some_and(|(last, _)| *last >= epoch) {
                return Err(DecodeError::Invalid { what: "own epochs seen do not ascend" });
            }
            seen.note(Dot { epoch, seq });
        }
        Ok(seen)
    }
}

impl Encode for Pair {
    fn encode_to(&self, out: &mut Writer) {
        out.bool(self.was_added).value(&self.removed);
        write_count(out, self.adds.len());
        self.adds.iter().for_each(|seen| seen.encode_to(out));
    }
}

impl Decode for Pair {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (was_added, removed): (bool, Seen) = (input.bool()?, input.value()?);
        let count = u64::from(input.u16()?);
        let count = input.count("adds at once", count, CONCURRENT_ADD_LIMIT, 2)?;
        let mut pair = Self { removed, adds: Vec::new(), was_added };
        let mut adds = Vec::new();
        for _ in 0..count {
            adds.push(input.value::<Seen>()?);
        }
        adds.iter().for_each(|seen| pair.add(seen));
        if pair.adds != adds || pair.was_added != was_added {
            return Err(DecodeError::Invalid { what: "the state of a pair is not merged" });
        }
        Ok(pair)
    }
}

impl Encode for People {
    fn encode_to(&self, out: &mut Writer) {
        let count: usize = self.lists.values().map(|pairs| pairs.len()).sum();
        out.u32(u32::try_from(count).unwrap_or(u32::MAX));
        for (list, pairs) in &self.lists {
            for (user, pair) in pairs {
                out.value(list).value(user).value(pair);
            }
        }
    }
}

impl Decode for People {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let limit = FRIEND_LIMIT.saturating_mul(TAG_LIMIT);
        let count = u64::from(input.u32()?);
        let count = input.count("people and their lists", count, limit, PAIR_MIN_LEN)?;
        let mut people = Self::new();
        let mut last: Option<(List, UserId)> = None;
        for _ in 0..count {
            let key: (List, UserId) = (input.value()?, input.value()?);
            if last.is_some_and(|last| last >= key) {
                return Err(DecodeError::Invalid { what: "people and their lists do not ascend" });
            }
            last = Some(key);
            let pair: Pair = input.value()?;
            people.lists.entry(key.0).or_default().insert(key.1, pair);
        }
        Ok(people)
    }
}

/// A count far below 65,536: own epochs, or adds made at once by own devices.
fn write_count(out: &mut Writer, count: usize) {
    out.u16(u16::try_from(count).unwrap_or(u16::MAX));
}
