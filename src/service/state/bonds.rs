//! What is kept of a person beside the friend record, or in its place: how often we paired, the key before this one, who
//! introduced us, and, of somebody who is blocked, everything that brings them back.
//!
//! ```text
//! State tree, 'b' ‖ user 32     pairings u32
//!                             ‖ former: yes or no ‖ pair key 32, if yes
//!                             ‖ introduced: yes or no ‖ user 32, if yes
//!                             ‖ blocked: yes or no ‖ Friend u32+ ‖ n u16 ‖ n × tag 4, if yes
//! ```
//!
//! Source: docs/protocol.md 3.6 (psk_gen), 3.7 (introduction), 3.11 (blocking).

use std::collections::BTreeSet;

use super::Friend;
use crate::audience::TagId;
use crate::crypto::PairKey;
use crate::id::UserId;
use crate::limits::TAG_LIMIT;
use crate::wire::{self, Decode, DecodeError, Encode, Reader, Writer};

/// What binds us to somebody, friend or not.
#[derive(Debug, Clone, Default)]
pub struct Bond {
    /// How many pairings came to friendship.
    pub pairings: u32,
    /// The pair key before the present one, until a parcel under the present one was opened.
    pub former: Option<PairKey>,
    /// Who introduced us.
    pub introduced_by: Option<UserId>,
    /// Set while they are blocked.
    pub blocked: Option<Box<Blocked>>,
}

/// Somebody who is blocked: what brings them back as they were.
#[derive(Debug, Clone)]
pub struct Blocked {
    /// What pairing gave, and how I kept them.
    pub friend: Friend,
    /// My tags that they bore.
    pub tags: BTreeSet<TagId>,
}

impl Encode for Bond {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.pairings).bool(self.former.is_some());
        if let Some(former) = &self.former {
            out.raw(former.expose_bytes());
        }
        out.bool(self.introduced_by.is_some());
        if let Some(by) = &self.introduced_by {
            out.value(by);
        }
        out.bool(self.blocked.is_some());
        if let Some(blocked) = &self.blocked {
            out.bytes_u32(&blocked.friend.encode());
            out.u16(u16::try_from(blocked.tags.len()).unwrap_or(u16::MAX));
            for tag in &blocked.tags {
                out.u32(tag.0);
            }
        }
    }
}

impl Decode for Bond {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let pairings = input.u32()?;
        let former = if input.bool()? { Some(PairKey::from_bytes(input.array()?)) } else { None };
        let introduced_by = if input.bool()? { Some(input.value()?) } else { None };
        let blocked = if input.bool()? { Some(Box::new(blocked_from(input)?)) } else { None };
        Ok(Self { pairings, former, introduced_by, blocked })
    }
}

fn blocked_from(input: &mut Reader<'_>) -> Result<Blocked, DecodeError> {
    let left = input.remaining();
    let friend: Friend = wire::decode(input.bytes_u32("friend", left)?)?;
    let count = u64::from(input.u16()?);
    let count = input.count("tags", count, TAG_LIMIT, 4)?;
    let tags = (0..count).map(|_| input.u32().map(TagId)).collect::<Result<_, _>>()?;
    Ok(Blocked { friend, tags })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bond_is_read_as_it_was_written() {
        let bonds = [
            Bond::default(),
            Bond { pairings: 3, former: Some(PairKey::from_bytes([7; 32])), ..Bond::default() },
            Bond { pairings: 1, introduced_by: Some(UserId::from_bytes([9; 32])), ..Bond::default() },
        ];
        for bond in bonds {
            let bytes = bond.encode();
            let read: Bond = wire::decode(&bytes).expect("its own bytes");
            assert_eq!(read.encode(), bytes);
            assert_eq!((read.pairings, read.introduced_by), (bond.pairings, bond.introduced_by));
            for len in 0..bytes.len() {
                assert!(wire::decode::<Bond>(&bytes[..len]).is_err(), "cut to {len}");
            }
        }
    }
}
