//! Posts from the future: kept like all others, shown when their time has come.
//!
//! A post that claims a time more than ten minutes ahead is held until it is no more than that, so that a clock that
//! runs ahead (or a writer who wants to stand on top) gains nothing. Which post waits for when is one record each; the soonest of all
//! decides when the node wakes.
//!
//! ```text
//!  Tree::State   'h' ‖ id   when it is shown, 8
//! ```
//!
//! Nobody can fill the list for others: of each author the soonest [`HELD_ENTRY_LIMIT`] are on it. Later ones lie in
//! the author's log and nowhere else; once half of those on the list were shown, the log is read through for them.
//!
//! What it does not do: judge how far ahead is too far (`receive`), or forget a post because it waits.
//!
//! Invariants: of an author with a post that waits, the soonest is on the list; the list in memory is the list in the
//! store, read again now and then because a step that failed may have changed only the former.
//!
//! Source: docs/protocol.md 3.10; invariant I23.

use std::collections::{BTreeMap, BTreeSet};

use super::{Service, tx};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::{FUTURE_HOLD_MS, HELD_ENTRY_LIMIT};
use crate::moment::{Body, Class, Content};
use crate::store::layout::split_log_key;
use crate::store::{StoreError, Tree};
use crate::time::{ClaimedTime, Timestamp};

/// When an entry is shown, ms, and which.
type Waiting = (u64, EntryId);

/// What is on the list.
#[derive(Debug, Default)]
pub(super) struct Held {
    all: BTreeMap<Waiting, UserId>,
    by_author: BTreeMap<UserId, BTreeSet<Waiting>>,
    /// Whose log may hold more that waits.
    more: BTreeSet<UserId>,
}

impl Held {
    /// When the soonest is shown.
    pub(super) fn soonest(&self) -> Option<Timestamp> {
        self.all.first_key_value().map(|((at, _), _)| Timestamp::from_millis(*at))
    }

    /// Puts an entry on the list; what falls off at its author's far end.
    fn insert(&mut self, author: UserId, waiting: Waiting) -> Option<Waiting> {
        self.all.insert(waiting, author);
        let of_author = self.by_author.entry(author).or_default();
        of_author.insert(waiting);
        if of_author.len() <= HELD_ENTRY_LIMIT {
            return None;
        }
        let last = of_author.pop_last()?;
        self.all.remove(&last);
        self.more.insert(author);
        Some(last)
    }

    /// Takes the soonest off the list if its time has come.
    fn pop_due(&mut self, now: Timestamp) -> Option<(UserId, EntryId)> {
        let (waiting, author) = self.all.first_key_value().map(|(waiting, author)| (*waiting, *author))?;
        if waiting.0 > now.as_millis() {
            return None;
        }
        self.all.remove(&waiting);
        if let Some(of_author) = self.by_author.get_mut(&author) {
            of_author.remove(&waiting);
            if of_author.is_empty() {
                self.by_author.remove(&author);
            }
        }
        Some((author, waiting.1))
    }

    /// Whether an author's log is to be read for more.
    fn is_low(&self, author: &UserId) -> bool {
        let count = self.by_author.get(author).map_or(0, BTreeSet::len);
        self.more.contains(author) && count <= HELD_ENTRY_LIMIT / 2
    }
}

fn held_key(id: &EntryId) -> Vec<u8> {
    tx::key(&[b"h", id.as_bytes()])
}

impl Service {
    /// An entry from the future is held until it is no more than [`FUTURE_HOLD_MS`] ahead.
    pub(super) fn hold(&mut self, author: UserId, created: ClaimedTime, id: EntryId) {
        // When it is no more than so far ahead (docs/protocol.md 3.10).
        let at = created.as_millis().saturating_sub(FUTURE_HOLD_MS);
        self.tx.put(Tree::State, &held_key(&id), at.to_be_bytes().to_vec());
        if let Some((_, last)) = self.timers.held.insert(author, (at, id)) {
            self.tx.remove(Tree::State, &held_key(&last));
        }
    }

    /// Reads the list from the store.
    pub(super) fn load_held(&mut self) -> Result<(), StoreError> {
        let mut waiting: Vec<Waiting> = Vec::new();
        self.tx.each_pending(Tree::State, b"h", &mut |key, value| {
            let id = key.get(1..).and_then(|id| EntryId::try_from(id).ok());
            let at = <[u8; 8]>::try_from(value).ok().map(u64::from_be_bytes);
            waiting.extend(at.zip(id));
            Ok(())
        })?;
        let mut held = Held { more: std::mem::take(&mut self.timers.held.more), ..Held::default() };
        for (at, id) in waiting {
            let epoch = self.place(&id)?.and_then(|place| self.state.epochs.get(&place.epoch));
            let Some(author) = epoch.map(|epoch| epoch.author) else {
                // Evicted, or its author is a friend no more.
                self.tx.remove(Tree::State, &held_key(&id));
                continue;
            };
            if self.timers.slow.is_none() {
                // At a start it is not known any more whether there were others.
                held.more.insert(author);
            }
            if let Some((_, last)) = held.insert(author, (at, id)) {
                self.tx.remove(Tree::State, &held_key(&last));
            }
        }
        self.timers.held = held;
        Ok(())
    }

    /// Shows what was held back until now.
    pub(super) fn release_held(&mut self) -> Result<(), StoreError> {
        let mut authors = BTreeSet::new();
        while let Some((author, id)) = self.timers.held.pop_due(self.now) {
            self.tx.remove(Tree::State, &held_key(&id));
            self.show_held(&id)?;
            authors.insert(author);
        }
        for author in authors {
            if self.timers.held.is_low(&author) {
                self.find_held(author)?;
            }
        }
        Ok(())
    }

    /// Reads an author's log for posts that wait and are not on the list.
    ///
    /// # Cost
    /// The posts kept of one author that are not shown, opened; half a list of posts was shown since the last time.
    fn find_held(&mut self, author: UserId) -> Result<(), StoreError> {
        self.timers.held.more.remove(&author);
        let epochs = self.state.epochs.values();
        let epochs: Vec<EpochId> = epochs
            .filter(|epoch| epoch.author == author && epoch.class != Class::Contact)
            .map(|epoch| epoch.id)
            .collect();
        let mut ids = Vec::new();
        for epoch in epochs {
            self.tx.each_pending(Tree::Log, epoch.as_bytes(), &mut |key, value| {
                ids.extend(split_log_key(key).filter(|_| value.first() == Some(&1)).map(|(_, _, id)| id));
                Ok(())
            })?;
        }
        for id in ids {
            let Some(entry) = self.kept(&id)? else { continue };
            let Some(key) = self.content_key(entry.header())? else { continue };
            let content = entry.open(&key).ok().and_then(|bytes| Content::decode(&bytes).ok());
            match content {
                Some(Content { created, body: Body::Post(_) })
                    if created.is_ahead_by(self.now, FUTURE_HOLD_MS) =>
                {
                    self.hold(author, created, id);
                }
                Some(Content { body: Body::Post(_), .. }) => self.show_held(&id)?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(at: u64) -> Waiting {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&at.to_be_bytes());
        (at, EntryId::from_bytes(id))
    }

    #[test]
    fn of_each_author_the_soonest_wait_and_nobody_takes_anothers_place() {
        let (mallory, alice) = (UserId::from_bytes([0; 32]), UserId::from_bytes([1; 32]));
        let mut held = Held::default();
        let limit = u64::try_from(HELD_ENTRY_LIMIT).expect("small");
        for at in 1..=limit {
            assert_eq!(held.insert(mallory, waiting(1_000 + at)), None, "{at} fit");
        }
        assert!(!held.more.contains(&mallory));
        assert_eq!(held.insert(mallory, waiting(5)), Some(waiting(1_000 + limit)), "the furthest goes");
        assert!(held.more.contains(&mallory));
        assert_eq!(held.insert(alice, waiting(1_000_000)), None, "Alice has a list of her own");
        assert_eq!(held.soonest(), Some(Timestamp::from_millis(5)));
        assert_eq!(held.pop_due(Timestamp::from_millis(4)), None);
        assert_eq!(held.pop_due(Timestamp::from_millis(5)), Some((mallory, waiting(5).1)));
        assert!(!held.is_low(&mallory));
        while held.pop_due(Timestamp::from_millis(2_000)).is_some() {}
        assert!(held.is_low(&mallory), "his log is read for what fell off");
        assert!(!held.is_low(&alice));
        assert_eq!(held.all.len(), 1);
    }
}
