//! The courier's side: what we hold for others, and how much of it.
//!
//! Carol takes a parcel for Bob from Alice if Bob is a friend of Carol's, the parcel's day is not over, and three
//! budgets have room: bytes per person who puts, per recipient, and in all. She gives it to any device of Bob's, and
//! drops it when Bob says `Taken`, when its last day is over, or after 30 days.
//!
//! This is policy over an index. The index stands in memory; the envelopes lie in the store. Every method returns what
//! to write or remove, and [`Courier::restore`] builds the index again from what was written.
//!
//! Parcels are held by id *and* hash: whoever has seen a parcel could put other bytes under its id first, and must not
//! be able to keep the true one out.
//!
//! # Layout of an index record
//!
//! | offset | size | field |
//! | ---: | ---: | --- |
//! | 0 | 32 | who put it |
//! | 32 | 32 | recipient |
//! | 64 | 4 | bytes of the envelope |
//! | 68 | 4 | last day |
//! | 72 | 4 | day it came |
//!
//! What it does not do: it opens nothing, knows no sessions, and does not choose to whom *we* give our parcels
//! ([`super::choose_couriers`]).
//!
//! Invariants: no budget is ever exceeded (I23); what is dropped gives its room back; the same `Put` twice costs once.
//!
//! Source: docs/protocol.md 3.7, 3.18.

use std::collections::{BTreeMap, BTreeSet};

use super::envelope::Envelope;
use crate::crypto;
use crate::id::{ParcelId, UserId};
use crate::limits::{MAIL_DAYS, MAIL_RECIPIENT_LIMIT, MAIL_SENDER_LIMIT, MAIL_TOTAL_LIMIT};
use crate::time::Day;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// One held parcel: its id and the first half of the hash of its bytes. As bytes, the key in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldId {
    /// The parcel.
    pub parcel: ParcelId,
    digest: [u8; 16],
}

impl HeldId {
    /// The id under which an envelope is held.
    pub fn of(envelope: &Envelope) -> Self {
        let hash = crypto::hash(&envelope.encode());
        let mut digest = [0; 16];
        for (to, from) in digest.iter_mut().zip(hash) {
            *to = from;
        }
        Self { parcel: envelope.parcel_id, digest }
    }
}

impl Encode for HeldId {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.parcel).raw(&self.digest);
    }
}

impl Decode for HeldId {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { parcel: input.value()?, digest: input.array()? })
    }
}

/// What the index says of a held parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The friend who put it: whose budget it uses. Not who wrote it, which we cannot know.
    pub sender: UserId,
    /// For whom it is.
    pub recipient: UserId,
    /// Length of the envelope.
    pub bytes: u32,
    /// Its last day.
    pub expires: Day,
    /// The day it came.
    pub arrived: Day,
}

impl Held {
    /// The last day on which it is held.
    fn last_day(&self) -> Day {
        self.expires.min(self.arrived.plus(MAIL_DAYS))
    }
}

impl Encode for Held {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.sender)
            .value(&self.recipient)
            .u32(self.bytes)
            .u32(self.expires.0)
            .u32(self.arrived.0);
    }
}

impl Decode for Held {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sender: input.value()?,
            recipient: input.value()?,
            bytes: input.u32()?,
            expires: Day(input.u32()?),
            arrived: Day(input.u32()?),
        })
    }
}

/// What to do with a `Put`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutAnswer {
    /// Write the envelope and its index record; answer `Kept` once they are flushed.
    Keep {
        /// Under which key.
        id: HeldId,
        /// The index record.
        held: Held,
    },
    /// It is held already: answer `Kept`, as soon as what was written before is flushed.
    KeptBefore,
    /// Answer `Full`.
    Full(Refused),
}

/// Why a parcel is not kept. Told to nobody: the answer is `Full` in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Its last day is over.
    Expired,
    /// Its recipient is no friend of ours.
    Unknown,
    /// Whoever puts it has too much with us.
    Sender,
    /// The recipient has too much with us.
    Recipient,
    /// We hold too much.
    Total,
}

/// The index of what we hold for others.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Courier {
    held: BTreeMap<HeldId, Held>,
    by_recipient: BTreeMap<UserId, BTreeSet<(Day, HeldId)>>,
    sender_bytes: BTreeMap<UserId, u64>,
    recipient_bytes: BTreeMap<UserId, u64>,
    total_bytes: u64,
}

impl Courier {
    /// The index again, from what was written. Budgets are not asked: what was kept is kept.
    pub fn restore(records: impl IntoIterator<Item = (HeldId, Held)>) -> Self {
        let mut courier = Self::default();
        for (id, held) in records {
            courier.add(id, held);
        }
        courier
    }

    /// A friend asks us to keep a parcel. `is_known` tells whether its recipient is a friend of ours, not oneself.
    pub fn on_put(&mut self, sender: &UserId, envelope: &Envelope, is_known: bool, today: Day) -> PutAnswer {
        let id = HeldId::of(envelope);
        if self.held.contains_key(&id) {
            return PutAnswer::KeptBefore;
        }
        let recipient = envelope.to_root;
        let bytes = u64::try_from(envelope.encode().len()).unwrap_or(u64::MAX);
        let over = |used: Option<&u64>, limit: usize| {
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            used.copied().unwrap_or(0).saturating_add(bytes) > limit
        };
        let refused = if envelope.is_expired(today) {
            Some(Refused::Expired)
        } else if !is_known {
            Some(Refused::Unknown)
        } else if over(self.sender_bytes.get(sender), MAIL_SENDER_LIMIT) {
            Some(Refused::Sender)
        } else if over(self.recipient_bytes.get(&recipient), MAIL_RECIPIENT_LIMIT) {
            Some(Refused::Recipient)
        } else if over(Some(&self.total_bytes), MAIL_TOTAL_LIMIT) {
            Some(Refused::Total)
        } else {
            None
        };
        if let Some(why) = refused {
            return PutAnswer::Full(why);
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let held = Held { sender: *sender, recipient, bytes, expires: envelope.expires_day, arrived: today };
        self.add(id, held);
        PutAnswer::Keep { id, held }
    }

    /// What we hold for a person, oldest first.
    pub fn for_recipient(&self, recipient: &UserId) -> impl Iterator<Item = HeldId> + '_ {
        self.by_recipient.get(recipient).into_iter().flatten().map(|(_, id)| *id)
    }

    /// A device of `from` has taken a parcel. Returns what to remove from the store; nothing if it is not theirs.
    pub fn on_taken(&mut self, from: &UserId, parcel: &ParcelId) -> Vec<HeldId> {
        let (first, last) =
            (HeldId { parcel: *parcel, digest: [0; 16] }, HeldId { parcel: *parcel, digest: [0xff; 16] });
        let theirs = |held: &Held| held.recipient == *from;
        let gone: Vec<HeldId> =
            self.held.range(first..=last).filter(|(_, held)| theirs(held)).map(|(id, _)| *id).collect();
        self.drop_all(gone)
    }

    /// Drops what is over. Returns what to remove from the store. Not to be called while the clock is in doubt
    /// (docs/protocol.md 3.10).
    pub fn on_day(&mut self, today: Day) -> Vec<HeldId> {
        let gone: Vec<HeldId> =
            self.held.iter().filter(|(_, held)| held.last_day() < today).map(|(id, _)| *id).collect();
        self.drop_all(gone)
    }

    /// A parcel could not be written: its room is free again. Answer `Full`.
    pub fn on_not_written(&mut self, id: HeldId) {
        self.drop_all(vec![id]);
    }

    /// Drops what we hold for a person, or from them, who is no friend any more.
    pub fn on_unfriended(&mut self, person: &UserId) -> Vec<HeldId> {
        let involved = |held: &Held| held.recipient == *person || held.sender == *person;
        let gone: Vec<HeldId> =
            self.held.iter().filter(|(_, held)| involved(held)).map(|(id, _)| *id).collect();
        self.drop_all(gone)
    }

    /// Bytes held in all.
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Parcels held in all.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn add(&mut self, id: HeldId, held: Held) {
        if self.held.insert(id, held).is_some() {
            return;
        }
        let bytes = u64::from(held.bytes);
        self.by_recipient.entry(held.recipient).or_default().insert((held.arrived, id));
        for used in [
            self.sender_bytes.entry(held.sender).or_default(),
            self.recipient_bytes.entry(held.recipient).or_default(),
            &mut self.total_bytes,
        ] {
            *used = used.saturating_add(bytes);
        }
    }

    fn drop_all(&mut self, gone: Vec<HeldId>) -> Vec<HeldId> {
        for id in &gone {
            let Some(held) = self.held.remove(id) else { continue };
            let bytes = u64::from(held.bytes);
            self.total_bytes = self.total_bytes.saturating_sub(bytes);
            give_back(&mut self.sender_bytes, held.sender, bytes);
            give_back(&mut self.recipient_bytes, held.recipient, bytes);
            if let Some(theirs) = self.by_recipient.get_mut(&held.recipient) {
                theirs.remove(&(held.arrived, *id));
                if theirs.is_empty() {
                    self.by_recipient.remove(&held.recipient);
                }
            }
        }
        gone
    }
}

/// Lowers a sum and forgets it at zero, so that nobody's name stays behind.
fn give_back(sums: &mut BTreeMap<UserId, u64>, person: UserId, bytes: u64) {
    if let Some(sum) = sums.get_mut(&person) {
        *sum = sum.saturating_sub(bytes);
        if *sum == 0 {
            sums.remove(&person);
        }
    }
}

#[cfg(test)]
mod tests;
