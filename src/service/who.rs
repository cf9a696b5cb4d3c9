//! Who may read a moment of mine, who has it, who carries it to whom, and whose node has confirmed that it is gone.
//!
//! Everything here is told by the friends' own nodes: that they have it (`Have`, `Head`), that a courier took it, that
//! it was deleted (a receipt, or the acknowledgement of the parcel that withdrew it).
//!
//! Source: docs/protocol.md 3.6 (Owed), 3.15.

use std::collections::BTreeSet;

use super::Service;
use super::publish::{internal, no_such_moment};
use super::receive::{Lying, Place};
use crate::error::{Error, Result as Said};
use crate::id::{EntryId, UserId};
use crate::mail::{EntryRef, OwedId, OwedKind};
use crate::store::StoreError;
use crate::view;

impl Service {
    /// Where one of my moments stands with everybody who may read it, also once it is withdrawn.
    ///
    /// # Errors
    /// Not found; refused for somebody else's.
    pub fn who(&self, word: &str) -> Said<view::Who> {
        let id = self.resolve_entry(word)?;
        let place = self.place(&id)?.ok_or_else(|| no_such_moment(word))?;
        let epoch = self.state.epochs.get(&place.epoch).ok_or_else(internal)?;
        if epoch.author != self.me() {
            return Err(Error::refused(
                "not_yours",
                "that moment is somebody else's",
                "ask for one of your own",
            ));
        }
        let withdrawn = self.is_withdrawn(&id, &place)?;
        let (holders, gone) = (self.holders(&id)?, self.gone_from(&id, &place)?);
        let mut people = Vec::new();
        for user in self.readers_of(&id)? {
            let mut by: Vec<UserId> = Vec::new();
            let state = if withdrawn && gone.contains(&user) {
                "withdrawn"
            } else if holders.contains(&user) {
                "have"
            } else {
                by = self.carriers_to(&user, &id, &place, &holders);
                if by.is_empty() { "waiting" } else { "carried" }
            };
            let person = self.person(&user);
            let by = by.iter().map(|courier| self.person(courier)).collect();
            let last_seen = self.state.friends.get(&user).and_then(|friend| friend.last_seen);
            people.push(view::WhoState { id: person.id, name: person.name, state, by, last_seen });
        }
        people.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        Ok(view::Who { people, withdrawn })
    }

    /// How far a moment of mine has come; of one that is withdrawn, how far that has.
    pub(super) fn delivery_of(&self, id: &EntryId) -> Result<view::Delivery, StoreError> {
        let readers = self.readers_of(id)?;
        let have = self.holders(id)?.intersection(&readers).count();
        let mut delivery = view::Delivery { may_read: readers.len(), have, withdrawn: None };
        if let Some(place) = self.place(id)?
            && self.is_withdrawn(id, &place)?
        {
            delivery.withdrawn = Some(self.gone_from(id, &place)?.intersection(&readers).count());
        }
        Ok(delivery)
    }

    fn is_withdrawn(&self, id: &EntryId, place: &Place) -> Result<bool, StoreError> {
        Ok(self.lying(&place.epoch, place.seq, id)? == Some(Lying::Gone))
    }

    /// Friends whose node has said that a moment is gone: by a receipt, or by acknowledging the parcel that withdrew it,
    /// which is done once its effects are on the disk.
    fn gone_from(&self, id: &EntryId, place: &Place) -> Result<BTreeSet<UserId>, StoreError> {
        let mut gone = self.receipts_of(id)?;
        let tombstone = OwedId::tombstone(EntryRef { epoch: place.epoch, seq: place.seq, entry: *id });
        for friend in self.state.friends.values() {
            let mut devices = friend.live_devices().map(|record| record.device());
            if devices.any(|device| self.mail.owed.get(&device).is_some_and(|owed| owed.has(&tombstone))) {
                gone.insert(friend.user);
            }
        }
        Ok(gone)
    }

    /// Who carries a moment to somebody: couriers who took its keys, and friends who have it and will meet them.
    fn carriers_to(
        &self,
        user: &UserId,
        id: &EntryId,
        place: &Place,
        holders: &BTreeSet<UserId>,
    ) -> Vec<UserId> {
        let taken = self.mail.carried.get(user).into_iter().flatten();
        let is_of = |owed: &OwedId| {
            *owed.epoch() == place.epoch && (owed.kind() == OwedKind::EpochKeys || owed.place().entry == *id)
        };
        let mut by: BTreeSet<UserId> =
            taken.filter(|(owed, _)| is_of(owed)).flat_map(|(_, couriers)| couriers).copied().collect();
        let there = self.net.conns.iter().filter_map(|(conn, state)| Some((*conn, state.friend?.0)));
        by.extend(
            there.filter(|(conn, who)| holders.contains(who) && self.meets(*conn, user)).map(|at| at.1),
        );
        by.remove(user);
        by.into_iter().collect()
    }
}
