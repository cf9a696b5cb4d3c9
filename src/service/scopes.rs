//! Which epochs a peer is offered: one's own to their recipients, others' by tags, moments only of mutual friends.
//!
//! No frame leaves because an epoch opened, but for `Mine` to its recipients and one round of tags with the courier who
//! has just brought its keys (docs/protocol.md 3.8(3)). The sessions see to that; here it is decided what they may know.
//!
//! Source: docs/protocol.md 3.8(2)–(4).

use std::collections::BTreeSet;

use super::Service;
use super::sessions::Spoken;
use super::state::EpochRecord;
use crate::id::{EpochId, UserId};
use crate::limits::CONTACT_CLOSED_OFFER_DAYS;
use crate::link::{ConnId, StreamId};
use crate::moment::Class;
use crate::store::StoreError;
use crate::sync::{How, Scope, Session};

/// What has changed since the sessions' scopes were last looked at.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// Everything may have.
    pub(super) all: bool,
    /// Of these people, what they may read of mine and what I hold of theirs.
    pub(super) people: BTreeSet<UserId>,
    pub(super) epochs: BTreeSet<EpochId>,
}

impl Changed {
    pub(super) fn is_empty(&self) -> bool {
        !self.all && self.people.is_empty() && self.epochs.is_empty()
    }

    fn touches(&self, epoch: &EpochRecord) -> bool {
        let is_own_rule = epoch.own.is_some() && !self.people.is_empty();
        self.all || is_own_rule || self.people.contains(&epoch.author) || self.epochs.contains(&epoch.id)
    }
}

impl Service {
    pub(super) fn on_matched(&mut self, conn: ConnId, session: &mut Session, epoch: &EpochId) {
        let Some(record) = self.state.epochs.get(epoch) else { return };
        let (author, class) = (record.author, record.class);
        let me = self.me();
        let Some(state) = self.net.conns.get_mut(&conn) else { return };
        let friend = state.friend.map(|(user, _)| user);
        let is_mutual = class == Class::Contact && author != me && friend != Some(author);
        if is_mutual && state.mutual.insert(author) {
            // In the first exchange all are added together, at its end: looking at every epoch for every mutual friend
            // would be work that grows with the square of either.
            if session.has_begun_posts() {
                let theirs = self.state.epochs.values().filter(|epoch| epoch.author == author);
                let scopes: Vec<Scope> = theirs.filter_map(|epoch| self.post_scope(conn, epoch)).collect();
                session.add_scopes(scopes, self.now);
            }
            if let Some(friend) = friend {
                self.net.owed.insert(friend);
                // With one more mutual friend, what waits for them may be left here.
                self.net.owed.insert(author);
            }
        }
        self.wants.on_peer();
    }

    /// `~contact` epochs and own epochs that a friend gets.
    pub(super) fn contact_scopes(&self, user: &UserId) -> Vec<Scope> {
        self.state.epochs.values().filter_map(|epoch| self.contact_scope(user, epoch)).collect()
    }

    fn contact_scope(&self, user: &UserId, epoch: &EpochRecord) -> Option<Scope> {
        if let Some(own) = &epoch.own {
            // Who has left the rule may read nothing of it any more.
            let is_theirs = own.recipients.contains(user) && self.is_member(user, own.audience);
            return if is_theirs { own_scope(epoch) } else { None };
        }
        // What a former friend wrote is neither offered nor asked for.
        self.state.friends.get(&epoch.author)?;
        let wanted = epoch.class == Class::Contact || epoch.author == *user;
        let today = self.now.day();
        let is_fresh = epoch.closed.is_none_or(|day| today.since(day) <= CONTACT_CLOSED_OFFER_DAYS);
        let offer = is_fresh && epoch.author != *user;
        if wanted { other_scope(epoch, offer, user) } else { None }
    }

    /// Epochs of moments of mutual friends, and of the friend.
    pub(super) fn post_scopes(&self, conn: ConnId) -> Vec<Scope> {
        self.state.epochs.values().filter_map(|epoch| self.post_scope(conn, epoch)).collect()
    }

    fn post_scope(&self, conn: ConnId, epoch: &EpochRecord) -> Option<Scope> {
        let state = self.net.conns.get(&conn)?;
        let (user, _) = state.friend?;
        let is_others = epoch.own.is_none() && epoch.class == Class::Posts && !epoch.author_only;
        let is_shared = epoch.author == user || state.mutual.contains(&epoch.author);
        if !is_others || !is_shared || !self.state.friends.contains_key(&epoch.author) {
            return None;
        }
        let settled = self.net.settled_closed.get(&epoch.id);
        let is_settled = settled.is_some_and(|with| with.contains(&user)) && !epoch.is_open();
        other_scope(epoch, epoch.author != user && !is_settled, &user)
    }

    /// Offers in every session what has changed since the last time, and nothing else: a look at every epoch for every
    /// session, whenever one epoch comes, would hold up a node with many of both.
    pub(super) fn refresh_scopes(&mut self) -> Result<(), StoreError> {
        let changed = std::mem::take(&mut self.net.changed);
        if changed.is_empty() {
            return Ok(());
        }
        let epochs = self.state.epochs.values();
        let epochs: Vec<EpochId> =
            epochs.filter(|epoch| changed.touches(epoch)).map(|epoch| epoch.id).collect();
        let sessions: Vec<(ConnId, StreamId, UserId)> = self.sessions().collect();
        for (conn, stream, user) in sessions {
            // Looked up each time: what one session says may end an epoch.
            let records = || epochs.iter().filter_map(|epoch| self.state.epochs.get(epoch));
            let contacts = records().filter_map(|epoch| self.contact_scope(&user, epoch));
            let posts = records().filter_map(|epoch| self.post_scope(conn, epoch));
            let scopes: Vec<Scope> = contacts.chain(posts).collect();
            let now = self.now;
            if let Some(session) = self.session_mut(stream) {
                session.add_scopes(scopes, now);
            }
            self.pump(stream)?;
        }
        Ok(())
    }

    /// Nothing is known of an epoch any more: no session shares it, or whoever makes epochs without end would leave no
    /// room in the sessions of others.
    pub(super) fn close_scopes(&mut self, epoch: &EpochId) {
        self.net.settled_closed.remove(epoch);
        for stream in self.net.streams.values_mut() {
            if let Spoken::Sync(session) = &mut stream.spoken {
                session.close_scope(epoch);
            }
        }
    }

    /// Something came of an epoch. A closed one that was found equal with somebody is no more: it is offered again.
    pub(super) fn unsettle(&mut self, epoch: &EpochId) {
        if self.net.settled_closed.remove(epoch).is_some() {
            self.net.changed.epochs.insert(*epoch);
        }
    }

    /// A courier has just delivered an epoch's keys: one round of tags with it, and it alone.
    pub(super) fn courier_round(&mut self, conn: ConnId) -> Result<(), StoreError> {
        self.refresh_scopes()?;
        let Some(stream) = self.net.conns.get(&conn).and_then(|state| state.sync) else {
            return Ok(());
        };
        if let Some(session) = self.session_mut(stream) {
            session.courier_round();
        }
        self.pump(stream)
    }
}

fn own_scope(epoch: &EpochRecord) -> Option<Scope> {
    Some(Scope { epoch: epoch.for_sync()?, how: How::Mine, open: epoch.is_open(), peer_is_author: false })
}

fn other_scope(epoch: &EpochRecord, offer: bool, peer: &UserId) -> Option<Scope> {
    Some(Scope {
        epoch: epoch.for_sync()?,
        how: How::Tag { offer },
        open: epoch.is_open(),
        peer_is_author: epoch.author == *peer,
    })
}
