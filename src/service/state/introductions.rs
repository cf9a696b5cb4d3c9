//! Introductions under way: those I made between two friends, those a friend made to me.
//!
//! ```text
//! State tree, 'd' ‖ 'm' ‖ id 16    s 32 ‖ at ms 8 ‖ 2 × {user 32 ‖ answer 1}, the lower user id first
//!             'd' ‖ 'h' ‖ id 16    s 32 ‖ at ms 8 ‖ by 32 ‖ user 32 ‖ name u8+ ‖ mine 1
//!                                  ‖ records: yes or no ‖ IdentityRecord u16+ ‖ DeviceRecord u16+, if yes
//! ```
//!
//! id is the invite id of s. An answer is 0 none, 1 no, 2 yes.
//!
//! Source: docs/protocol.md 3.7 (introduction).

use std::collections::BTreeMap;

use crate::crypto::InviteSecret;
use crate::id::{InviteId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, Verified, read_device, read_identity};
use crate::limits::{INTRODUCTION_DAYS, NAME_LIMIT};
use crate::time::{DAY_MS, Timestamp};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// All introductions under way.
#[derive(Debug, Default)]
pub struct Introductions {
    /// Mine, between two friends.
    pub made: BTreeMap<InviteId, Made>,
    /// Friends', to me.
    pub heard: BTreeMap<InviteId, Heard>,
}

/// I offered two friends to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What the two pair with.
    pub secret: InviteSecret,
    /// When.
    pub at: Timestamp,
    /// The two, the lower user id first, and what each said.
    pub people: [(UserId, Option<bool>); 2],
}

impl Made {
    /// The other of the two, if `user` is one of them.
    pub fn other(&self, user: &UserId) -> Option<UserId> {
        let [(low, _), (high, _)] = self.people;
        if *user == low {
            Some(high)
        } else if *user == high {
            Some(low)
        } else {
            None
        }
    }

    /// Whether both said yes.
    pub fn is_agreed(&self) -> bool {
        self.people.iter().all(|(_, answer)| *answer == Some(true))
    }
}

/// A friend offers me somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What we pair with.
    pub secret: InviteSecret,
    /// When it came.
    pub at: Timestamp,
    /// Who introduces.
    pub by: UserId,
    /// Whom.
    pub user: UserId,
    /// Under which name.
    pub name: String,
    /// What I said.
    pub mine: Option<bool>,
    /// Their records, once both have said yes.
    pub records: Option<Box<(Verified<IdentityRecord>, Verified<DeviceRecord>)>>,
}

/// When an introduction of then is over.
pub const fn ends(at: Timestamp) -> Timestamp {
    at.plus_ms(INTRODUCTION_DAYS.saturating_mul(DAY_MS))
}

impl Encode for Made {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(self.secret.expose_bytes()).u64(self.at.as_millis());
        for (user, answer) in &self.people {
            out.value(user).u8(answer_code(*answer));
        }
    }
}

impl Decode for Made {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let secret = InviteSecret::from_bytes(input.array()?);
        let at = Timestamp::from_millis(input.u64()?);
        let mut person = || Ok::<_, DecodeError>((input.value()?, read_answer(input)?));
        Ok(Self { secret, at, people: [person()?, person()?] })
    }
}

impl Encode for Heard {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(self.secret.expose_bytes()).u64(self.at.as_millis()).value(&self.by).value(&self.user);
        out.bytes_u8(self.name.as_bytes()).u8(answer_code(self.mine)).bool(self.records.is_some());
        if let Some(records) = &self.records {
            out.bytes_u16(records.0.as_bytes()).bytes_u16(records.1.as_bytes());
        }
    }
}

impl Decode for Heard {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let unsigned = |_| DecodeError::Invalid { what: "a stored record is not signed" };
        let secret = InviteSecret::from_bytes(input.array()?);
        let at = Timestamp::from_millis(input.u64()?);
        let (by, user) = (input.value()?, input.value()?);
        let name = input.text_u8("name", NAME_LIMIT)?.to_owned();
        let mine = read_answer(input)?;
        let records = if input.bool()? {
            let identity = read_identity(input)?.verify().map_err(unsigned)?;
            let device = read_device(input)?.verify().map_err(unsigned)?;
            Some(Box::new((identity, device)))
        } else {
            None
        };
        Ok(Self { secret, at, by, user, name, mine, records })
    }
}

const fn answer_code(answer: Option<bool>) -> u8 {
    match answer {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    }
}

fn read_answer(input: &mut Reader<'_>) -> Result<Option<bool>, DecodeError> {
    match input.u8()? {
        0 => Ok(None),
        1 => Ok(Some(false)),
        2 => Ok(Some(true)),
        code => Err(DecodeError::Unknown { what: "answer", code: u64::from(code) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    #[test]
    fn introductions_are_read_as_they_were_written() {
        let (low, high) = (UserId::from_bytes([1; 32]), UserId::from_bytes([2; 32]));
        let secret = InviteSecret::from_bytes([3; 32]);
        let at = Timestamp::from_millis(7);
        let made = Made { secret: secret.clone(), at, people: [(low, Some(true)), (high, None)] };
        let read: Made = wire::decode(&made.encode()).expect("its own bytes");
        assert_eq!(read, made);
        assert_eq!((made.other(&low), made.other(&high)), (Some(high), Some(low)));
        assert_eq!(made.other(&UserId::from_bytes([9; 32])), None);
        assert!(!made.is_agreed());
        let name = "Bob".to_owned();
        let heard = Heard { secret, at, by: low, user: high, name, mine: Some(false), records: None };
        let bytes = heard.encode();
        assert_eq!(wire::decode(&bytes), Ok(heard));
        for len in 0..bytes.len() {
            assert!(wire::decode::<Heard>(&bytes[..len]).is_err(), "cut to {len}");
        }
        let at_answer = bytes.len() - 2;
        let other = [&bytes[..at_answer], &[3, 0]].concat();
        assert!(wire::decode::<Heard>(&other).is_err(), "no such answer");
    }
}
