//! Parting: a friend removed, a friend blocked, a friend back.
//!
//! To remove somebody and to block them are the same to keys, epochs, the allow-list and the view: no rule names them
//! any more, nothing new is sealed to them, their node gets past no handshake of ours, what they wrote is not shown.
//! Nobody is told. What they wrote stays on the disk, and so do the lists of who was granted what and which withdrawals
//! are still to be told, so that whoever pairs with us again finds everything as it was.
//!
//! ```text
//!   remove   Friend, tags ──▶ gone; how often we paired stays       back by an invite
//!   block    Friend, tags ──▶ Bond.blocked                          back by `unblock`, as they were
//! ```
//!
//! Whoever comes back counts as removed once (docs/protocol.md 3.11): nothing that was written meanwhile is shared or
//! granted, whichever way they went.
//!
//! What it does not do: it deletes no entry and no blob of theirs; replacing the node key is a later release.
//!
//! Source: docs/protocol.md 3.5 (after unfriending), 3.6 (psk_gen), 3.11 (unfriending, blocking).

use std::collections::BTreeSet;

use super::Service;
use super::befriend::friend_limit;
use super::people::{find, no_such_person};
use super::state::{Blocked, Bond, Friend};
use crate::audience::{self, List, Op, TagId, Verb};
use crate::crypto::PairKey;
use crate::error::{Error, Kind, Result as Said};
use crate::id::UserId;
use crate::limits::FRIEND_LIMIT;
use crate::link::{ConnId, Order};
use crate::mail::Envelope;
use crate::moment::Tombstone;
use crate::view;

impl Service {
    /// Ends a friendship, silently. Whoever is blocked is forgotten.
    ///
    /// # Errors
    /// Not found.
    pub fn remove_friend(&mut self, word: &str) -> Said<view::Person> {
        let user = self.named_or_blocked(word)?.user;
        let person = self.person(&user);
        if self.state.friends.contains_key(&user) {
            self.part(&user)?;
        }
        let bond = self.state.bonds.entry(user).or_default();
        *bond = Bond { pairings: bond.pairings, ..Bond::default() };
        self.save_bond(&user);
        self.barrier_before_output = true;
        self.emit(view::Happening::Unfriended { id: user });
        Ok(person)
    }

    /// Blocks a friend, silently: they do not reach me and I do not see theirs, until [`Service::unblock_friend`].
    /// Somebody who is blocked stays so.
    ///
    /// # Errors
    /// Not found.
    pub fn block_friend(&mut self, word: &str) -> Said<view::Friend> {
        let user = self.named_or_blocked(word)?.user;
        if self.state.friends.contains_key(&user) {
            let (friend, tags) = self.part(&user)?;
            let bond = self.state.bonds.entry(user).or_default();
            bond.blocked = Some(Box::new(Blocked { friend, tags }));
            self.save_bond(&user);
            self.emit(view::Happening::Unfriended { id: user });
        }
        self.answer_after_barrier = true;
        self.friend(&user.to_string())
    }

    /// Puts somebody who is blocked back among the friends, with the tags they bore.
    ///
    /// # Errors
    /// Not found if nobody of that name is blocked; refused above the limit of friends.
    pub fn unblock_friend(&mut self, word: &str) -> Said<view::Friend> {
        let user = find(self.blocked(), word).map_err(|error| self.not_blocked(word, error))?.user;
        if self.state.friends.len() >= FRIEND_LIMIT {
            return Err(friend_limit());
        }
        let bond = self.state.bonds.get_mut(&user).ok_or_else(|| no_such_person(word))?;
        let Blocked { friend, tags } = *bond.blocked.take().ok_or_else(|| no_such_person(word))?;
        self.save_bond(&user);
        self.state.friends.insert(user, friend);
        self.save_friend(&user);
        self.welcome(&user, &tags)?;
        self.answer_after_barrier = true;
        self.friend(&user.to_string())
    }

    /// Whoever is blocked, by name.
    pub fn blocked_people(&self) -> Vec<view::Person> {
        let mut all: Vec<view::Person> = self.blocked().map(|friend| self.person(&friend.user)).collect();
        all.sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then(a.id.cmp(&b.id)));
        all
    }

    pub(super) fn blocked(&self) -> impl Iterator<Item = &Friend> + Clone {
        self.state.bonds.values().filter_map(|bond| Some(&bond.blocked.as_ref()?.friend))
    }

    pub(super) fn is_blocked(&self, user: &UserId) -> bool {
        self.state.bonds.get(user).is_some_and(|bond| bond.blocked.is_some())
    }

    /// The friend a word names; where no friend fits, somebody who is blocked.
    pub(super) fn named_or_blocked(&self, word: &str) -> Said<&Friend> {
        match self.named(word) {
            Err(error) if error.code == "no_such_person" => find(self.blocked(), word),
            found => found,
        }
    }

    fn not_blocked(&self, word: &str, error: Error) -> Error {
        match self.named(word) {
            Ok(friend) if error.kind == Kind::NotFound => Error::not_found(
                "not_blocked",
                format!("{} is not blocked", friend.shown_name()),
                "nothing to do",
            ),
            _ => error,
        }
    }

    /// Takes a friend off every list, and what was under way with them down.
    fn part(&mut self, user: &UserId) -> Said<(Friend, BTreeSet<TagId>)> {
        let friend = self.state.friends.remove(user).ok_or_else(|| no_such_person(&user.short()))?;
        self.remove_state(b'f', user.as_bytes());
        if self.state.pending.remove(user).is_some() {
            self.remove_state(b'p', user.as_bytes());
        }
        self.timers.redemptions.remove(user);
        let bond = self.state.bonds.entry(*user).or_default();
        bond.pairings = bond.pairings.max(friend.psk_gen);
        self.save_bond(user);
        let tags: BTreeSet<TagId> = self.state.people.tags_of(user).collect();
        for op in self.state.people.unfriending(user) {
            self.change_people(op);
        }
        let closings = audience::closings(&audience::Change::Unfriended(*user), &self.minted());
        for epoch in &closings.at_once {
            self.close(epoch);
        }
        for epoch in &closings.with_next_write {
            self.retire(epoch);
        }
        self.barrier_before_output = true;
        self.forget_owed(user)?;
        self.forget_shown(user)?;
        self.forget_introductions_with(user);
        self.admit();
        let conns: Vec<ConnId> = self
            .net
            .conns
            .iter()
            .filter(|(_, conn)| conn.friend.is_some_and(|(friend, _)| friend == *user))
            .map(|(id, _)| *id)
            .collect();
        for conn in conns {
            self.order(Order::Hangup { conn });
            self.net.parted.push((conn, *user));
            // Nothing more is said on it, whatever this step still causes.
            self.forget_conn(conn);
        }
        self.audiences_changed(&BTreeSet::new())?;
        Ok((friend, tags))
    }

    /// A friend stands among the friends again, or for the first time: audiences, keys and connections follow.
    pub(super) fn welcome(&mut self, user: &UserId, tags: &BTreeSet<TagId>) -> Said<()> {
        self.barrier_before_output = true;
        self.admit();
        self.change_people(Op { list: List::Friends, user: *user, verb: Verb::Add });
        for tag in tags.iter().filter(|tag| self.state.tags.contains_key(tag)).copied().collect::<Vec<_>>() {
            self.change_people(Op { list: List::Tag(tag), user: *user, verb: Verb::Add });
        }
        let followed = self.audiences_changed(&BTreeSet::from([*user]));
        self.owed_changed(user);
        self.emit_friend(user);
        let node =
            self.state.friends.get(user).and_then(|friend| friend.live_devices().next().map(|r| r.node()));
        let conns: Vec<ConnId> =
            self.net.conns.iter().filter(|(_, conn)| Some(conn.node) == node).map(|(id, _)| *id).collect();
        for conn in conns {
            self.open_session(conn);
        }
        self.dial_soon(user);
        followed
    }

    pub(super) fn save_bond(&mut self, user: &UserId) {
        if let Some(bond) = self.state.bonds.get(user).cloned() {
            self.save_state(b'b', user.as_bytes(), &bond);
        }
    }

    /// A pairing has come to friendship: which one it is.
    pub(super) fn count_pairing(&mut self, user: &UserId, former: Option<(PairKey, u32)>) -> u32 {
        let bond = self.state.bonds.entry(*user).or_default();
        let before = former.as_ref().map_or(0, |(_, generation)| *generation).max(bond.pairings);
        bond.pairings = before.saturating_add(1);
        bond.former = former.map(|(key, _)| key);
        let pairings = bond.pairings;
        self.save_bond(user);
        pairings
    }

    /// The friend whose parcel this is, and the key it is under: the present one, or the one before.
    pub(super) fn sender_of(&self, envelope: &Envelope) -> Option<(UserId, PairKey)> {
        let friends = self.state.friends.values();
        let present = friends.map(|friend| (friend.user, &friend.pair_key));
        let former = self.state.bonds.iter().filter(|(user, _)| self.state.friends.contains_key(*user));
        let former = former.filter_map(|(user, bond)| Some((*user, bond.former.as_ref()?)));
        let mut keys = present.chain(former);
        keys.find(|(_, key)| envelope.is_from(key)).map(|(user, key)| (user, key.clone()))
    }

    /// A parcel under the present key opened: the one before is of no use any more.
    pub(super) fn forget_former_key(&mut self, user: &UserId, used: &PairKey) {
        let is_present = self.state.friends.get(user).is_some_and(|friend| friend.pair_key == *used);
        if let Some(bond) = self.state.bonds.get_mut(user).filter(|bond| is_present && bond.former.is_some())
        {
            bond.former = None;
            self.save_bond(user);
        }
    }

    /// Former friends and blocked people who hold an entry of mine are told of its withdrawal once they are back.
    pub(super) fn remember_withdrawal(&mut self, tombstone: &Tombstone) -> Said<()> {
        let own = self.state.epochs.get(&tombstone.epoch).and_then(|record| record.own.as_ref());
        let mut told = own.map(|own| own.recipients.clone()).unwrap_or_default();
        told.extend(self.grantees(&tombstone.entry)?);
        told.retain(|user| !self.state.friends.contains_key(user));
        for user in told {
            self.keep_withdrawal(tombstone, &user);
        }
        Ok(())
    }
}
