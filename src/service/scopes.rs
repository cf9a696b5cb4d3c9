//! Which epochs a peer is offered: one's own to their recipients, others' by tags, moments only of mutual friends.
//!
//! No frame leaves because an epoch opened, but for `Mine` to its recipients and one round of tags with the courier who
//! has just brought its keys (docs/protocol.md 3.8(3)). The sessions see to that; here it is decided what they may know.
//!
//! Source: docs/protocol.md 3.8(2)–(4).

use super::Service;
use super::sessions::Spoken;
use super::state::EpochRecord;
use crate::id::{EpochId, UserId};
use crate::limits::CONTACT_CLOSED_OFFER_DAYS;
use crate::link::{ConnId, StreamId};
use crate::moment::Class;
use crate::store::StoreError;
use crate::sync::{self, How, Scope, Session};

impl Service {
    pub(super) fn on_matched(&mut self, conn: ConnId, session: &mut Session, epoch: &EpochId) {
        let Some(record) = self.state.epochs.get(epoch) else { return };
        let (author, class) = (record.author, record.class);
        let me = self.me();
        let Some(state) = self.net.conns.get_mut(&conn) else { return };
        let friend = state.friend.map(|(user, _)| user);
        let is_mutual = class == Class::Contact && author != me && friend != Some(author);
        if is_mutual && state.mutual.insert(author) {
            let scopes = self.post_scopes(conn);
            session.add_scopes(scopes, self.now);
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
        let today = self.now.day();
        self.state
            .epochs
            .values()
            .filter_map(|epoch| {
                if let Some(own) = &epoch.own {
                    // Who has left the rule may read nothing of it any more.
                    let is_theirs = own.recipients.contains(user) && self.is_member(user, own.audience);
                    return is_theirs.then(|| own_scope(epoch));
                }
                // What a former friend wrote is neither offered nor asked for.
                self.state.friends.get(&epoch.author)?;
                let is_fresh = epoch.closed.is_none_or(|day| today.since(day) <= CONTACT_CLOSED_OFFER_DAYS);
                let offer = is_fresh && epoch.author != *user;
                let wanted = epoch.class == Class::Contact || epoch.author == *user;
                other_scope(epoch, offer, user).filter(|_| wanted)
            })
            .collect()
    }

    /// Epochs of moments of mutual friends, and of the friend.
    pub(super) fn post_scopes(&self, conn: ConnId) -> Vec<Scope> {
        let Some(state) = self.net.conns.get(&conn) else { return Vec::new() };
        let Some((user, _)) = state.friend else { return Vec::new() };
        self.state
            .epochs
            .values()
            .filter(|epoch| epoch.own.is_none() && epoch.class == Class::Posts && !epoch.author_only)
            .filter(|epoch| self.state.friends.contains_key(&epoch.author))
            .filter(|epoch| epoch.author == user || state.mutual.contains(&epoch.author))
            .filter_map(|epoch| {
                let is_settled = self.net.settled_closed.contains(&(user, epoch.id)) && !epoch.is_open();
                other_scope(epoch, epoch.author != user && !is_settled, &user)
            })
            .collect()
    }

    pub(super) fn refresh_scopes(&mut self) -> Result<(), StoreError> {
        let sessions: Vec<(ConnId, StreamId, UserId)> = self.sessions().collect();
        for (conn, stream, user) in sessions {
            let mut scopes = self.contact_scopes(&user);
            scopes.extend(self.post_scopes(conn));
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
        for user in self.state.friends.keys() {
            self.net.settled_closed.remove(&(*user, *epoch));
        }
        for stream in self.net.streams.values_mut() {
            if let Spoken::Sync(session) = &mut stream.spoken {
                session.close_scope(epoch);
            }
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

fn own_scope(epoch: &EpochRecord) -> Scope {
    Scope {
        epoch: epoch.id,
        author: epoch.author,
        class: sync_class(epoch.class),
        how: How::Mine,
        open: epoch.is_open(),
        peer_is_author: false,
    }
}

fn other_scope(epoch: &EpochRecord, offer: bool, peer: &UserId) -> Option<Scope> {
    Some(Scope {
        epoch: epoch.id,
        author: epoch.author,
        class: sync_class(epoch.class),
        how: How::Tag { key: epoch.tag_key()?, offer },
        open: epoch.is_open(),
        peer_is_author: epoch.author == *peer,
    })
}

const fn sync_class(class: Class) -> sync::Class {
    match class {
        Class::Contact | Class::SelfDevices => sync::Class::Contact,
        Class::Posts => sync::Class::Posts,
    }
}
