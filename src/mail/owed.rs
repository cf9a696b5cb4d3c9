//! What we still have to hand to a device of a friend: computed, never queued.
//!
//! The service knows what a friend *should* have: the keys of every epoch of ours that they may read, grants, ends,
//! withdrawals. A device acknowledges parcels. What is owed is the difference. A queue would be lost, or sent once and
//! never again; a difference is right after any crash, for any device that turns up later.
//!
//! ```text
//!   wanted by rule  ──┐
//!                     ├──▶ due on a session:   all that is not acknowledged, contact first, newest first
//!   acknowledged  ────┘    due by courier:     the same, till three have it and again every 25 days, for 400 days
//! ```
//!
//! One [`Owed`] stands for one device. It holds which things were acknowledged, which parcel carried what, and when a
//! thing was first and last put with couriers; every method returns what to write or remove.
//!
//! What it does not do: it makes no items and seals no parcels; it does not know what a friend should have. A thing
//! handed over on this session and not yet acknowledged is due again on the next: the recipient takes it twice without
//! harm.
//!
//! Invariants: nothing wanted is ever forgotten before it was acknowledged; state is bounded by what is wanted and by
//! `OWED_PARCEL_LIMIT`.
//!
//! Source: docs/protocol.md 3.6 (Owed).

mod introduce;

use std::collections::{BTreeMap, BTreeSet};

use super::item::{Class, EntryRef};
use crate::crypto::Entropy;
use crate::id::{EntryId, EpochId, ParcelId, UserId};
use crate::limits::{
    COURIER_LIMIT, OWED_PARCEL_DAYS, OWED_PARCEL_LIMIT, PARCEL_AGAIN_DAYS, PARCEL_OWED_DAYS,
};
use crate::time::{Day, Timestamp};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

pub use introduce::IntroductionStep;

/// What kind of thing is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwedKind {
    /// The keys of an epoch.
    EpochKeys,
    /// The end of an epoch.
    EpochCloses,
    /// The key of an entry.
    Grant,
    /// An entry's withdrawal.
    Tombstone,
    /// A hidden interaction.
    Hide,
    /// A changed audience of an old moment.
    Recall,
    /// A step of an introduction.
    Introduction,
    /// That a withdrawn moment is gone.
    Receipt,
}

impl OwedKind {
    const ALL: [Self; 8] = [
        Self::EpochKeys,
        Self::EpochCloses,
        Self::Grant,
        Self::Tombstone,
        Self::Hide,
        Self::Recall,
        Self::Introduction,
        Self::Receipt,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::EpochKeys => 1,
            Self::EpochCloses => 2,
            Self::Grant => 3,
            Self::Tombstone => 4,
            Self::Hide => 5,
            Self::Recall => 6,
            Self::Introduction => 8,
            Self::Receipt => 7,
        }
    }
}

/// One thing that may be owed. Two states of a thing are two ids: a close with another last number, a recall with
/// another version, a grant after a recall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwedId {
    kind: OwedKind,
    epoch: EpochId,
    seq: u64,
    entry: EntryId,
    mark: [u8; 16],
}

impl OwedId {
    /// Length as bytes.
    pub const LEN: usize = 1 + 16 + 8 + 32 + 16;

    /// The keys of an epoch.
    pub const fn epoch_keys(epoch: EpochId) -> Self {
        Self { kind: OwedKind::EpochKeys, epoch, seq: 0, entry: EntryId::from_bytes([0; 32]), mark: [0; 16] }
    }

    /// The end of an epoch at a last number.
    pub const fn epoch_closes(epoch: EpochId, last_seq: u64) -> Self {
        let entry = EntryId::from_bytes([0; 32]);
        Self { kind: OwedKind::EpochCloses, epoch, seq: last_seq, entry, mark: [0; 16] }
    }

    /// The key of an entry, under the version of its recall (0 if it was never recalled).
    pub fn grant(place: EntryRef, recall_version: u32) -> Self {
        Self::of_entry(OwedKind::Grant, place, version_mark(recall_version))
    }

    /// An entry's withdrawal.
    pub const fn tombstone(place: EntryRef) -> Self {
        Self::of_entry(OwedKind::Tombstone, place, [0; 16])
    }

    /// A hidden interaction beneath a post.
    pub const fn hide(post: EntryRef, tag: [u8; 16]) -> Self {
        Self::of_entry(OwedKind::Hide, post, tag)
    }

    /// A changed audience of an old moment, at a version.
    pub fn recall(post: EntryRef, version: u32) -> Self {
        Self::of_entry(OwedKind::Recall, post, version_mark(version))
    }

    /// That a withdrawn moment is gone.
    pub const fn receipt(place: EntryRef) -> Self {
        Self::of_entry(OwedKind::Receipt, place, [0; 16])
    }

    const fn of_entry(kind: OwedKind, place: EntryRef, mark: [u8; 16]) -> Self {
        Self { kind, epoch: place.epoch, seq: place.seq, entry: place.entry, mark }
    }

    /// What kind of thing it is.
    pub const fn kind(&self) -> OwedKind {
        self.kind
    }

    /// The epoch it is about.
    pub const fn epoch(&self) -> &EpochId {
        &self.epoch
    }

    /// The entry it is about; of epochs' keys and ends, a place that means nothing.
    pub const fn place(&self) -> EntryRef {
        EntryRef { epoch: self.epoch, seq: self.seq, entry: self.entry }
    }

    /// The hide tag of a hidden interaction.
    pub const fn hide_tag(&self) -> &[u8; 16] {
        &self.mark
    }
}

fn version_mark(version: u32) -> [u8; 16] {
    u128::from(version).to_be_bytes()
}

/// `kind u8 ‖ epoch_id 16 ‖ seq u64 ‖ entry_id 32 ‖ mark 16`.
impl Encode for OwedId {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(self.kind.code()).value(&self.epoch).u64(self.seq).value(&self.entry).raw(&self.mark);
    }
}

impl Decode for OwedId {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let code = input.u8()?;
        let kind = OwedKind::ALL.into_iter().find(|kind| kind.code() == code);
        let kind =
            kind.ok_or(DecodeError::Unknown { what: "kind of a thing owed", code: u64::from(code) })?;
        Ok(Self {
            kind,
            epoch: input.value()?,
            seq: input.u64()?,
            entry: input.value()?,
            mark: input.array()?,
        })
    }
}

/// Who may carry a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Carriers {
    /// Any friend who meets the recipient: it names no post epoch.
    Any,
    /// Recipients of the epoch it names.
    Recipients(EpochId),
    /// Nobody: it is handed over by our own devices.
    AuthorOnly,
}

/// A thing that a device should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What.
    pub id: OwedId,
    /// Which class its epoch has; contact goes first.
    pub class: Class,
    /// When it arose; the newest goes first.
    pub arose: Timestamp,
    /// Who may carry it.
    pub carriers: Carriers,
}

/// What a parcel carried, as written until its Ack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The day it was sent.
    pub day: Day,
    /// What it carried.
    pub ids: BTreeSet<OwedId>,
}

/// `day u32 ‖ owed id*`, ascending.
impl Encode for Carried {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.day.0);
        self.ids.iter().for_each(|id| id.encode_to(out));
    }
}

impl Decode for Carried {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let day = Day(input.u32()?);
        let mut ids = BTreeSet::new();
        while input.remaining() > 0 {
            let id: OwedId = input.value()?;
            if ids.last().is_some_and(|last| *last >= id) {
                return Err(DecodeError::Invalid { what: "things carried do not ascend" });
            }
            ids.insert(id);
        }
        Ok(Self { day, ids })
    }
}

/// When a thing was put with couriers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Puts {
    /// The first day.
    pub first: Day,
    /// The last day.
    pub last: Day,
}

/// `first u32 ‖ last u32`.
impl Encode for Puts {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.first.0).u32(self.last.0);
    }
}

impl Decode for Puts {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { first: Day(input.u32()?), last: Day(input.u32()?) })
    }
}

/// What to remove from the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Acknowledgements of things that nobody wants any more.
    pub acknowledged: Vec<OwedId>,
    /// Days of things that are acknowledged or not wanted any more.
    pub puts: Vec<OwedId>,
    /// Parcels whose Ack is no longer awaited.
    pub parcels: Vec<ParcelId>,
}

/// What one device has, and what is on its way to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owed {
    acknowledged: BTreeSet<OwedId>,
    puts: BTreeMap<OwedId, Puts>,
    parcels: BTreeMap<ParcelId, Carried>,
}

impl Owed {
    /// The state again, from what was written.
    pub fn restore(
        acknowledged: impl IntoIterator<Item = OwedId>,
        puts: impl IntoIterator<Item = (OwedId, Puts)>,
        parcels: impl IntoIterator<Item = (ParcelId, Carried)>,
    ) -> Self {
        Self {
            acknowledged: acknowledged.into_iter().collect(),
            puts: puts.into_iter().collect(),
            parcels: parcels.into_iter().collect(),
        }
    }

    /// Whether the device has acknowledged a thing.
    pub fn has(&self, id: &OwedId) -> bool {
        self.acknowledged.contains(id)
    }

    /// What to hand over on a session with the device: everything wanted that it has not acknowledged, `~contact` and
    /// `~self` before posts, newest first.
    pub fn due_directly(&self, wanted: impl IntoIterator<Item = Wanted>) -> Vec<Wanted> {
        let mut due: Vec<Wanted> = wanted.into_iter().filter(|wanted| !self.has(&wanted.id)).collect();
        in_order(&mut due);
        due
    }

    /// What to put with couriers today, in the same order: what somebody may carry, is not acknowledged, was first put less
    /// than 400 days ago, and was never put, or last 25 days ago, or lies with fewer couriers than it may. With each come
    /// those whom not to ask, who have it; `carried_by` says who took what.
    pub fn due_by_courier<'a>(
        &self,
        wanted: impl IntoIterator<Item = Wanted>,
        today: Day,
        carried_by: impl Fn(&OwedId) -> Option<&'a BTreeSet<UserId>>,
    ) -> Vec<(Wanted, BTreeSet<UserId>)> {
        let already = |wanted: &Wanted| {
            let Some(puts) = self.puts.get(&wanted.id) else { return Some(BTreeSet::new()) };
            if today.since(puts.first) >= PARCEL_OWED_DAYS {
                return None;
            }
            if self.is_again(&wanted.id, today) {
                return Some(BTreeSet::new());
            }
            // Whoever was there when it arose may be away when the recipient comes.
            let already = carried_by(&wanted.id)?;
            (already.len() < COURIER_LIMIT).then(|| already.clone())
        };
        let may_be_carried = |wanted: &Wanted| wanted.carriers != Carriers::AuthorOnly;
        let due = self.due_directly(wanted).into_iter().filter(may_be_carried);
        due.filter_map(|wanted| Some((wanted, already(&wanted)?))).collect()
    }

    /// Whether a thing was put with couriers so long ago that those have dropped it.
    pub fn is_again(&self, id: &OwedId, today: Day) -> bool {
        self.puts.get(id).is_some_and(|puts| today.since(puts.last) >= PARCEL_AGAIN_DAYS)
    }

    /// A parcel has come to nobody: no Ack will come for it.
    pub fn forget_parcel(&mut self, parcel: &ParcelId) {
        self.parcels.remove(parcel);
    }

    /// A parcel was made that carries these things. Write what is returned, and only then let the parcel leave.
    pub fn on_parcel(
        &mut self,
        parcel: ParcelId,
        ids: impl IntoIterator<Item = OwedId>,
        today: Day,
    ) -> (Carried, Forgotten) {
        let carried = Carried { day: today, ids: ids.into_iter().collect() };
        let mut forgotten = Forgotten::default();
        while self.parcels.len() >= OWED_PARCEL_LIMIT {
            // The oldest goes: what it carried is owed again, which is true as long as it is not acknowledged.
            let oldest =
                self.parcels.iter().min_by_key(|(id, carried)| (carried.day, **id)).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            self.parcels.remove(&oldest);
            forgotten.parcels.push(oldest);
        }
        self.parcels.insert(parcel, carried.clone());
        (carried, forgotten)
    }

    /// Couriers have taken these things. Write what is returned.
    pub fn on_put(&mut self, ids: impl IntoIterator<Item = OwedId>, today: Day) -> Vec<(OwedId, Puts)> {
        let mut changed = Vec::new();
        for id in ids {
            let puts = self.puts.entry(id).or_insert(Puts { first: today, last: today });
            puts.last = today;
            changed.push((id, *puts));
        }
        changed
    }

    /// The device acknowledges a parcel. Returns what it newly has, to be written, and what to remove. An Ack twice, or
    /// of a parcel that is not known, changes nothing.
    pub fn on_ack(&mut self, parcel: &ParcelId) -> (Vec<OwedId>, Forgotten) {
        let mut forgotten = Forgotten::default();
        let Some(carried) = self.parcels.remove(parcel) else { return (Vec::new(), forgotten) };
        forgotten.parcels.push(*parcel);
        let mut new = Vec::new();
        for id in carried.ids {
            if self.puts.remove(&id).is_some() {
                forgotten.puts.push(id);
            }
            if self.acknowledged.insert(id) {
                new.push(id);
            }
        }
        // The same may lie with other couriers, in parcels of their own.
        let acknowledged = &self.acknowledged;
        let is_done = |carried: &Carried| carried.ids.iter().all(|id| acknowledged.contains(id));
        let siblings = self.parcels.iter().filter(|(_, carried)| is_done(carried)).map(|(id, _)| *id);
        let siblings: Vec<ParcelId> = siblings.collect();
        for sibling in siblings {
            self.parcels.remove(&sibling);
            forgotten.parcels.push(sibling);
        }
        (new, forgotten)
    }

    /// Forgets what no longer matters: things that are not wanted any more, and parcels sent so long ago that no Ack will
    /// come. Not to be called while the clock is in doubt (docs/protocol.md 3.10).
    pub fn tidy(&mut self, wanted: &BTreeSet<OwedId>, today: Day) -> Forgotten {
        let not_wanted = |ids: &mut dyn Iterator<Item = OwedId>| -> Vec<OwedId> {
            ids.filter(|id| !wanted.contains(id)).collect()
        };
        let forgotten = Forgotten {
            acknowledged: not_wanted(&mut self.acknowledged.iter().copied()),
            puts: not_wanted(&mut self.puts.keys().copied()),
            parcels: self
                .parcels
                .iter()
                .filter(|(_, carried)| today.since(carried.day) > OWED_PARCEL_DAYS)
                .map(|(id, _)| *id)
                .collect(),
        };
        for id in &forgotten.acknowledged {
            self.acknowledged.remove(id);
        }
        for id in &forgotten.puts {
            self.puts.remove(id);
        }
        for id in &forgotten.parcels {
            self.parcels.remove(id);
        }
        forgotten
    }
}

fn in_order(due: &mut [Wanted]) {
    let rank = |class| match class {
        Class::SelfDevices | Class::Contact => 0,
        Class::Posts => 1,
    };
    due.sort_by(|a, b| (rank(a.class), b.arose, a.id).cmp(&(rank(b.class), a.arose, b.id)));
}

/// Chooses couriers for a parcel among friends who meet its recipient: at most three in all, `already` of them chosen
/// before, and only such as `may_read` every post epoch the parcel names. One that names an AuthorOnly epoch has none.
pub fn choose_couriers(
    candidates: &BTreeSet<UserId>,
    carried: &[Carriers],
    already: &BTreeSet<UserId>,
    mut may_read: impl FnMut(&UserId, &EpochId) -> bool,
    entropy: &mut Entropy,
) -> Vec<UserId> {
    if carried.contains(&Carriers::AuthorOnly) {
        return Vec::new();
    }
    let epochs: BTreeSet<EpochId> = carried
        .iter()
        .filter_map(|carriers| match carriers {
            Carriers::Recipients(epoch) => Some(*epoch),
            Carriers::Any | Carriers::AuthorOnly => None,
        })
        .collect();
    let mut chosen: Vec<UserId> = candidates
        .iter()
        .filter(|friend| !already.contains(friend) && epochs.iter().all(|epoch| may_read(friend, epoch)))
        .copied()
        .collect();
    // At random, so that load and knowledge spread over the friends.
    entropy.shuffle(&mut chosen);
    chosen.truncate(COURIER_LIMIT.saturating_sub(already.len()));
    chosen
}

#[cfg(test)]
mod tests;
