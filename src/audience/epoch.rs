//! Epochs: which one to write under, and which to close.
//!
//! An epoch has one writer device and one recipient set. [`choose`] is the whole of the decision (docs/protocol.md
//! 3.11, steps 1–4): take the newest open epoch of this audience that this device minted and whose recipients are all
//! still members; give its key to those who came since, if every one of them may have all of it; otherwise mint.
//!
//! Closing is lazy: an epoch with a recipient who is no member any more, too old, or cut into too many intervals is
//! simply no candidate, and the write that mints its successor closes it. [`closings`] names the few that cannot wait.
//!
//! Source: docs/protocol.md 3.11, 3.12, 3.13; docs/protocol.md 3.18 for the number of open epochs.

use std::collections::BTreeSet;

use super::newcomer::Window;
use super::{Audience, People, members, was_removed};
use crate::id::{EpochId, UserId};
use crate::limits::{EPOCH_AGE_DAYS, OWN_INTERVAL_LIMIT};
use crate::time::{Day, Timestamp};

/// How far the life of an epoch has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Written under.
    Open,
    /// Not written under any more; closed with the next write to its audience.
    Stale,
    /// Closed for good; its signing key is gone.
    Closed,
}

/// An epoch that this device minted: what choosing needs of it. The service keeps keys and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted {
    /// Its id.
    pub id: EpochId,
    /// Whom it was minted for.
    pub audience: Audience,
    /// Who was given its key. Grows by sharing, never shrinks.
    pub recipients: BTreeSet<UserId>,
    /// When it was minted.
    pub opened: Timestamp,
    /// Into how many intervals its sequence numbers have fallen; each start of the node may add one.
    pub intervals: usize,
    /// How far its life has gone.
    pub state: State,
}

impl Minted {
    /// Whether it may still be written under, once its recipients are the members.
    pub(super) fn is_candidate(&self, members: &BTreeSet<UserId>, today: Day) -> bool {
        self.state == State::Open
            && today.since(self.opened.day()) <= EPOCH_AGE_DAYS
            && self.intervals < OWN_INTERVAL_LIMIT
            && self.recipients.is_subset(members)
    }

    fn order(&self) -> (Timestamp, EpochId) {
        (self.opened, self.id)
    }
}

/// What to do before a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Write under this one: its recipients are the members.
    Use(EpochId),
    /// Give the key of this one to these first, then write under it.
    Share {
        /// Which.
        epoch: EpochId,
        /// Those who came since; never empty.
        with: BTreeSet<UserId>,
    },
    /// Mint one for exactly these, then write under it.
    Mint {
        /// The members.
        recipients: BTreeSet<UserId>,
        /// The open epochs of this audience that it follows, oldest first: to be closed (cause 0) along with it.
        supersedes: Vec<EpochId>,
    },
}

/// Steps 1 to 4: what this device writes to `audience` under, today.
///
/// After the choice is carried out, the recipients of the epoch are the members (I1). `minted` are the epochs of
/// **this device only**; passing another device's would let two views share one key, and break I2.
///
/// # Cost
/// Friends × tags of the rule, and the open epochs of the audience.
pub fn choose<'a>(
    audience: &Audience,
    people: &People,
    minted: impl IntoIterator<Item = &'a Minted>,
    window: Window,
    today: Day,
) -> Choice {
    let members = members(audience, people);
    let mut open: Vec<&Minted> = minted
        .into_iter()
        .filter(|epoch| epoch.audience == *audience && epoch.state != State::Closed)
        .collect();
    open.sort_by_key(|epoch| epoch.order());
    let ready = |epoch: &&&Minted| epoch.is_candidate(&members, today) && epoch.recipients == members;
    if let Some(epoch) = open.iter().find(ready) {
        return Choice::Use(epoch.id);
    }
    if let Some(epoch) = open.iter().rev().find(|epoch| epoch.is_candidate(&members, today)) {
        let with: BTreeSet<UserId> = members.difference(&epoch.recipients).copied().collect();
        let may_read_all_of_it = *audience == Audience::Contact || window.reaches(epoch.opened.day(), today);
        if may_read_all_of_it && !with.iter().any(|user| was_removed(audience, people, user)) {
            return Choice::Share { epoch: epoch.id, with };
        }
    }
    Choice::Mint { recipients: members, supersedes: open.iter().map(|epoch| epoch.id).collect() }
}

/// Epochs of the same audience that are older than the one written under: whatever made them unfit, nothing is written
/// under them again, and they are closed along with that write.
pub fn outlived<'a>(epoch: &EpochId, minted: impl IntoIterator<Item = &'a Minted> + Clone) -> Vec<EpochId> {
    let Some(used) = minted.clone().into_iter().find(|minted| minted.id == *epoch) else { return Vec::new() };
    let older = |other: &&Minted| {
        other.audience == used.audience && other.state != State::Closed && other.order() < used.order()
    };
    minted.into_iter().filter(older).map(|epoch| epoch.id).collect()
}

/// Something that ends epochs before their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// I unfriended somebody.
    Unfriended(UserId),
    /// A friend's device was revoked: it still holds what it was given.
    DeviceRevoked(UserId),
    /// A device of mine was revoked: it holds everything.
    OwnDeviceRevoked,
    /// This device's store looks like an earlier one of itself (docs/protocol.md 3.13).
    Rollback,
    /// Two entries with one number in this epoch of ours.
    Fork(EpochId),
}

/// Which epochs of this device a change ends, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Closings {
    /// Close these now.
    pub at_once: Vec<EpochId>,
    /// Mark these [`State::Stale`].
    pub with_next_write: Vec<EpochId>,
    /// Mint `~contact` anew now, and change the node key.
    pub renew_contact: bool,
}

/// Which epochs of this device a change ends. Removal from a rule and age need nothing here: [`choose`] sees them.
pub fn closings<'a>(change: &Change, minted: impl IntoIterator<Item = &'a Minted>) -> Closings {
    let mut closings = Closings {
        renew_contact: matches!(change, Change::Unfriended(_) | Change::OwnDeviceRevoked),
        ..Closings::default()
    };
    for epoch in minted.into_iter().filter(|epoch| epoch.state != State::Closed) {
        let contact = epoch.audience == Audience::Contact;
        let (ends, now) = match change {
            Change::Unfriended(user) => (epoch.recipients.contains(user), contact),
            Change::DeviceRevoked(user) => (epoch.recipients.contains(user), false),
            Change::OwnDeviceRevoked => (true, contact),
            Change::Rollback => (true, true),
            Change::Fork(forked) => (epoch.id == *forked, true),
        };
        match (ends, now) {
            (true, true) => closings.at_once.push(epoch.id),
            (true, false) => closings.with_next_write.push(epoch.id),
            (false, _) => {}
        }
    }
    closings
}

/// The oldest open epochs for posts beyond `limit`: close them before minting, or readers forget some of ours. A
/// device may have its share of the 64 that readers keep open of one author (docs/protocol.md 3.18).
pub fn excess<'a>(minted: impl IntoIterator<Item = &'a Minted>, limit: usize) -> Vec<EpochId> {
    let posts =
        |epoch: &&Minted| epoch.state != State::Closed && matches!(epoch.audience, Audience::Posts(_));
    let mut open: Vec<&Minted> = minted.into_iter().filter(posts).collect();
    open.sort_by_key(|epoch| epoch.order());
    let beyond = open.len().saturating_sub(limit);
    open.iter().take(beyond).map(|epoch| epoch.id).collect()
}
