//! What somebody who joins an audience is given of what was written before.
//!
//! Two ways. A **share** hands over the key of the open epoch, if the newcomer may have all of it. **Grants** hand over
//! single entries of the other epochs, inside the author's window, so that "last 3 days" is cryptography for a
//! newcomer and not a promise.
//!
//! Whoever was ever removed is granted nothing: what was written before the removal they had, what was written after
//! it was written without them (I2).
//!
//! Source: docs/protocol.md 3.3 (window, `~contact`), 3.11 (step 3, old entries for a newcomer).

use std::collections::{BTreeMap, BTreeSet};

use super::epoch::{Choice, Minted, choose};
use super::{Audience, People, members, was_removed};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::GRANT_INTERACTION_LIMIT;
use crate::time::Day;

/// How far back friends may read, as the profile says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Window {
    /// Days; 0 = all.
    pub days: u32,
}

impl Window {
    /// Everything.
    pub const ALL: Self = Self { days: 0 };

    /// Whether something of `day` may be read today.
    pub const fn reaches(self, day: Day, today: Day) -> bool {
        self.days == 0 || today.since(day) <= self.days
    }
}

/// An epoch's key that has to go to people who joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The epoch.
    pub epoch: EpochId,
    /// To whom; from now on its recipients too.
    pub with: BTreeSet<UserId>,
}

/// The shares that follow from people as they are now: call it when a friend or a tag has come. Carried out, it gives
/// none again. What cannot be shared waits for the next write, which mints.
///
/// `minted` are the epochs of this device only, as for [`choose`].
pub fn shares<'a>(
    people: &People,
    minted: impl IntoIterator<Item = &'a Minted> + Clone,
    window: Window,
    today: Day,
) -> Vec<Share> {
    let audiences: BTreeSet<&Audience> = minted.clone().into_iter().map(|epoch| &epoch.audience).collect();
    let chosen =
        audiences.into_iter().map(|audience| choose(audience, people, minted.clone(), window, today));
    chosen
        .filter_map(|choice| match choice {
            Choice::Share { epoch, with } => Some(Share { epoch, with }),
            Choice::Use(_) | Choice::Mint { .. } => None,
        })
        .collect()
}

/// An own entry that a newcomer might be granted: a post, or in `~contact` an interaction or AppUpdate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its epoch.
    pub epoch: EpochId,
    /// Its number there.
    pub seq: u64,
    /// Its id.
    pub entry: EntryId,
    /// The day it was written.
    pub day: Day,
}

/// The entries that `user` is to be granted one by one, newest first: of audiences they belong to now, in epochs they
/// hold no key of, inside the window; of `~contact` at most the newest 1,000. Nothing if they were ever removed.
///
/// `written` comes newest first. It may hold an entry of another own device only if everything that device had seen
/// when it wrote is merged here: else a removal might be missing that its writer knew (I2). Own entries always may.
///
/// # Cost
/// The length of `written`, and the members of each audience once.
pub fn grants<'a>(
    user: &UserId,
    people: &People,
    epochs: impl IntoIterator<Item = &'a Minted>,
    written: impl IntoIterator<Item = Written>,
    window: Window,
    today: Day,
) -> Vec<Written> {
    let mut joined: BTreeMap<&Audience, bool> = BTreeMap::new();
    let mut missing: BTreeMap<EpochId, &Audience> = BTreeMap::new();
    for epoch in epochs {
        let audience = &epoch.audience;
        let may = *joined.entry(audience).or_insert_with(|| {
            members(audience, people).contains(user) && !was_removed(audience, people, user)
        });
        if may && !epoch.recipients.contains(user) {
            missing.insert(epoch.id, audience);
        }
    }
    let mut of_contact = 0usize;
    let due = |entry: &Written| {
        let Some(audience) = missing.get(&entry.epoch) else { return false };
        if !window.reaches(entry.day, today) {
            return false;
        }
        if **audience != Audience::Contact {
            return true;
        }
        of_contact = of_contact.saturating_add(1);
        of_contact <= GRANT_INTERACTION_LIMIT
    };
    written.into_iter().filter(due).collect()
}
