//! What is said in a session, and what follows from it: greetings, entries, who has what, and what others must hear.
//!
//! The machines of the streams know nothing of each other; what one causes on another stands in [`Todo`] and is done at
//! the end of the step, in this order: keys that are owed, then scopes, then entries.
//!
//! Source: docs/protocol.md 3.7, 3.8.

use std::collections::BTreeSet;

use super::peer_log::PeerLog;
use super::receive::Lying;
use super::sessions::{Spoken, Stream};
use super::{Service, tx};
use crate::entry::{Entry, HEADER_LEN, Verified};
use crate::id::{EntryId, EpochId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, live_device};
use crate::limits::{HOLDERS_IN_SYNC_LIMIT, HOLDERS_STEP_LIMIT, PUMP_FRAMES_LIMIT, PUSH_BODY_LIMIT};
use crate::link::{ConnId, Order, StreamId};
use crate::moment::Class;
use crate::store::layout::{log_prefix, split_log_key};
use crate::store::{StoreError, Tree};
use crate::sync::{self, ByeReason, IntervalSet, Session};
use crate::view;

/// What became of an entry that a peer sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// New, and known from now on.
    Kept { epoch: EpochId, seq: u64, id: EntryId },
    /// Known already.
    Known { epoch: EpochId, seq: u64, id: EntryId },
    /// Of an epoch that is not held.
    Unknown,
    /// Not valid: the peer's fault.
    Fault,
}

/// What follows from a step on other streams.
#[derive(Debug)]
pub(super) enum Todo {
    Push {
        epoch: EpochId,
        seq: u64,
        header: Box<[u8; HEADER_LEN]>,
        body: Vec<u8>,
    },
    /// `whole`: with its body.
    Announce {
        epoch: EpochId,
        seq: u64,
        whole: bool,
    },
}

impl Service {
    pub(super) fn on_frame(&mut self, stream: StreamId, frame: &[u8]) -> Result<(), StoreError> {
        let Some(mut state) = self.net.streams.remove(&stream) else { return Ok(()) };
        let conn = state.conn;
        match &mut state.spoken {
            Spoken::Sync(session) => {
                let log = PeerLog::new(self, conn);
                session.handle_frame(frame, self.now, &log);
            }
            Spoken::Mail => {
                self.net.streams.insert(stream, state);
                return self.on_mail_frame(conn, stream, frame);
            }
            Spoken::PairInitiator(_) | Spoken::PairResponder(_) | Spoken::Resume(_) => {
                return self.on_pair_frame(stream, state, frame);
            }
            Spoken::Opening(_) => {}
        }
        self.net.streams.insert(stream, state);
        self.pump(stream)
    }

    /// Drains what a session wants done. What one session has to send is cut into turns: the rest goes on at the next
    /// wake-up, which is now, so that other events come between.
    pub(super) fn pump(&mut self, stream: StreamId) -> Result<(), StoreError> {
        let Some(mut state) = self.net.streams.remove(&stream) else { return Ok(()) };
        let conn = state.conn;
        let (mut closed, mut is_farewell) = (false, false);
        let mut frames = self.net.turns.get(&stream).copied().unwrap_or_default();
        if let Spoken::Sync(session) = &mut state.spoken {
            loop {
                if frames >= PUMP_FRAMES_LIMIT {
                    self.net.unpumped.insert(stream);
                    break;
                }
                let output = {
                    let log = PeerLog::new(self, conn);
                    session.poll_output(self.now, &log)
                };
                let Some(output) = output else { break };
                closed |= matches!(output, sync::Output::Closed { .. });
                is_farewell |= matches!(output, sync::Output::Closed { theirs: None });
                frames = frames.saturating_add(usize::from(matches!(output, sync::Output::Send(_))));
                self.on_session_output(conn, stream, session, output)?;
            }
        }
        self.net.turns.insert(stream, frames);
        self.note_wake(conn, &state);
        if closed {
            self.order(Order::CloseStream { stream });
            let state = self.net.conns.get_mut(&conn);
            // Whose turn is over reads so and hangs up, or does not know better and dials at once.
            let is_left_to_them = is_farewell && state.as_ref().is_some_and(|state| state.rests);
            if let Some(state) = state {
                state.sync = None;
            }
            if !is_left_to_them {
                self.order(Order::Hangup { conn });
            }
        } else {
            self.net.streams.insert(stream, state);
        }
        Ok(())
    }

    fn note_wake(&mut self, conn: ConnId, stream: &Stream) {
        if let (Spoken::Sync(session), Some(conn)) = (&stream.spoken, self.net.conns.get_mut(&conn)) {
            conn.wake = session.next_wakeup();
        }
    }

    fn on_session_output(
        &mut self,
        conn: ConnId,
        stream: StreamId,
        session: &mut Session,
        output: sync::Output,
    ) -> Result<(), StoreError> {
        match output {
            sync::Output::Send(frame) => self.order(Order::Send { stream, frame }),
            sync::Output::PeerHello { identity, device, .. } => {
                self.on_hello(conn, session, &identity, &device)?;
            }
            sync::Output::Matched { epoch } => self.on_matched(conn, session, &epoch),
            sync::Output::ClassDone(sync::Class::Contact) => {
                let scopes = self.post_scopes(conn);
                session.add_scopes(scopes, self.now);
                session.start_posts(self.now);
            }
            sync::Output::ClassDone(sync::Class::Posts) => {}
            // Not from the author: passed over before it is looked at, so that nothing tells which epochs we hold.
            sync::Output::Entry { epoch, granted: true, .. } if !self.is_authors(conn, &epoch) => {}
            sync::Output::Entry { epoch, seq, header, body, granted } => {
                let verdict = self.take_entry(&header[..], body)?;
                self.judged(session, (epoch, seq), verdict, (true, granted));
            }
            sync::Output::Gone { epoch, seq, id, header } => {
                self.on_gone(session, epoch, seq, &id, header)?
            }
            sync::Output::PeerHas { epoch, seqs } => self.on_peer_has(conn, &epoch, &seqs)?,
            sync::Output::InSync { epoch } => {
                self.note_in_sync(&epoch);
                self.look_for_bodies(epoch);
                let friend = self.net.conns.get(&conn).and_then(|state| state.friend);
                if self.state.epochs.get(&epoch).is_some_and(|record| record.own.is_some()) {
                    // They have all of it, and the digest alone has said so.
                    // Of that, what was looked at before is noted already: after each post they are in sync again.
                    let known =
                        self.state.logs.get(&epoch).map(|log| log.intervals.clone()).unwrap_or_default();
                    let mut news = known.clone();
                    if let Some(state) = self.net.conns.get_mut(&conn)
                        && let Some(looked_at) = state.looked_at.insert(epoch, known)
                    {
                        news = news.difference(&looked_at);
                    }
                    let newest = news.take_newest(HOLDERS_IN_SYNC_LIMIT, usize::MAX);
                    self.on_peer_has(conn, &epoch, &newest)?;
                }
                let is_closed = self.state.epochs.get(&epoch).is_some_and(|record| !record.is_open());
                if let Some((user, _)) = friend.filter(|_| is_closed) {
                    self.net.settled_closed.entry(epoch).or_default().insert(user);
                }
            }
            sync::Output::Fault(fault) => {
                tracing::debug!(conn = conn.0, fault = %fault.kind, "a peer broke the sync protocol");
            }
            sync::Output::Closed { theirs } => {
                tracing::debug!(conn = conn.0, ?theirs, "session over");
                if theirs == Some(ByeReason::Turn) {
                    self.net.rests(conn);
                }
            }
        }
        Ok(())
    }

    /// Whether the other end is a device of an epoch's author, or our own: only they send granted entries.
    fn is_authors(&self, conn: ConnId, epoch: &EpochId) -> bool {
        let author = self.state.epochs.get(epoch).map(|record| record.author);
        let peer = self.net.conns.get(&conn).and_then(|state| state.friend).map(|(user, _)| user);
        peer.is_some_and(|peer| author == Some(peer) || peer == self.me())
    }

    /// `whole`: it came with its body.
    fn judged(
        &mut self,
        session: &mut Session,
        asked: (EpochId, u64),
        verdict: Verdict,
        (whole, granted): (bool, bool),
    ) {
        match verdict {
            Verdict::Kept { epoch, seq, .. } => {
                session.stored(&epoch, seq, self.now);
                self.net.todo.push(Todo::Announce { epoch, seq, whole });
            }
            Verdict::Known { epoch, seq, .. } => session.stored(&epoch, seq, self.now),
            Verdict::Unknown if granted => {}
            Verdict::Unknown => session.refused(&asked.0, asked.1, false),
            // Nobody makes an invalid entry by mistake.
            Verdict::Fault => session.close(ByeReason::Fault),
        }
    }

    fn on_gone(
        &mut self,
        session: &mut Session,
        epoch: EpochId,
        seq: u64,
        id: &EntryId,
        header: Option<Box<[u8; HEADER_LEN]>>,
    ) -> Result<(), StoreError> {
        let verdict = match header {
            Some(header) => self.take_header(&header)?,
            None => match self.lying(&epoch, seq, id)? {
                // The author's tombstone is in hand: now the entry is known, too.
                Some(Lying::Awaited) => {
                    self.note_withdrawn(&epoch, seq, id)?;
                    Verdict::Kept { epoch, seq, id: *id }
                }
                Some(Lying::Gone) => Verdict::Known { epoch, seq, id: *id },
                _ => Verdict::Unknown,
            },
        };
        self.judged(session, (epoch, seq), verdict, (false, false));
        Ok(())
    }

    /// The peer shows who it is. The session is a friend's if the records are those of a live device of theirs with this
    /// connection's node key; newer records are taken in at once.
    fn on_hello(
        &mut self,
        conn: ConnId,
        session: &mut Session,
        identity: &[u8],
        device: &[u8],
    ) -> Result<(), StoreError> {
        let node = self.net.conns.get(&conn).map(|state| state.node);
        let accepted = (|| {
            let user = IdentityRecord::open(identity).ok()?.user();
            self.state.friends.get(&user)?;
            self.on_identity(user, identity);
            let record = DeviceRecord::open(device).ok()?;
            let friend = self.state.friends.get(&user)?;
            let fits = live_device(&friend.identity, &record) && Some(record.node()) == node;
            fits.then(|| (user, record.device()))
        })();
        let Some((user, device_id)) = accepted else {
            tracing::debug!(conn = conn.0, "a Hello that is not a friend's");
            session.close(ByeReason::Done);
            return Ok(());
        };
        self.on_device(user, device);
        self.net.is_of(conn, user, device_id);
        if let Some(state) = self.net.conns.get_mut(&conn) {
            state.reopened = 0;
            let address = Some(state.address.clone()).filter(|_| state.dialled);
            if let Some(friend) = self.state.friends.get_mut(&user) {
                friend.last_seen = Some(self.now);
                friend.seen_as = Some(self.keyring.node_id());
                friend.last_address = address.or(friend.last_address.take());
            }
            self.save_friend(&user);
        }
        self.dialled_well(&user);
        let scopes = self.contact_scopes(&user);
        session.add_scopes(scopes, self.now);
        session.accept_peer(self.now);
        session.ask_ids(&self.awaited_from(&user));
        self.emit_friend(&user);
        self.net.owed.insert(user);
        self.on_peer_accepted(conn, &user)?;
        self.wants.on_peer();
        Ok(())
    }

    /// Friends of mine that the peer has as well, by what it holds of an epoch of mine: who has which moment.
    fn on_peer_has(&mut self, conn: ConnId, epoch: &EpochId, seqs: &IntervalSet) -> Result<(), StoreError> {
        let friend = self.net.conns.get(&conn).and_then(|state| state.friend);
        let Some((user, _)) = friend else { return Ok(()) };
        // Who else has what others wrote is asked of nobody.
        let is_mine = self.state.epochs.get(epoch).is_some_and(|record| record.own.is_some());
        if !is_mine || self.class_of(epoch) != Some(Class::Posts) {
            return Ok(());
        }
        for seq in seqs.newest_first().take(HOLDERS_STEP_LIMIT) {
            for (key, _) in self.tx.prefix(Tree::Log, &log_prefix(epoch, seq), 2)? {
                let Some((_, _, id)) = split_log_key(&key) else { continue };
                if !self.may_read(&user, &id, epoch) {
                    continue;
                }
                let holder = tx::key(&[id.as_bytes(), user.as_bytes()]);
                if self.tx.has(Tree::Holders, &holder)? {
                    continue;
                }
                self.tx.put(Tree::Holders, &holder, Vec::new());
                if matches!(self.lying(epoch, seq, &id)?, Some(Lying::Timeline(_))) {
                    let delivery = self.delivery_of(&id)?;
                    self.emit(view::Happening::Delivery { id, delivery });
                }
            }
        }
        Ok(())
    }

    /// Friends who announced that they have an entry of mine.
    pub(super) fn holders(&self, id: &EntryId) -> Result<BTreeSet<UserId>, StoreError> {
        let found = self.tx.prefix(Tree::Holders, id.as_bytes(), crate::limits::FRIEND_LIMIT)?;
        Ok(found.iter().filter_map(|(key, _)| UserId::try_from(key.get(32..)?).ok()).collect())
    }

    /// A fresh entry of one's own: to every session that has its epoch, in the same breath.
    pub(super) fn push(&mut self, entry: &Entry<Verified>) {
        let header = entry.header();
        self.net.todo.push(Todo::Push {
            epoch: header.epoch(),
            seq: header.seq(),
            header: Box::new(*header.bytes()),
            body: entry.body().to_vec(),
        });
    }

    /// Something new is owed to a friend.
    pub(super) fn owed_changed(&mut self, user: &UserId) {
        self.net.owed.insert(*user);
        self.net.changed.people.insert(*user);
    }

    /// Does on other streams what the step caused: keys first, then scopes, then entries.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        // Each round does what the one before caused; a remote cannot make it go on for ever, as every round needs a
        // change of ours. The bound is a belt.
        for _ in 0..64 {
            let owed = std::mem::take(&mut self.net.owed);
            let todo = std::mem::take(&mut self.net.todo);
            if owed.is_empty() && self.net.changed.is_empty() && todo.is_empty() {
                break;
            }
            for user in &owed {
                self.deliver_owed(user)?;
            }
            self.refresh_scopes()?;
            self.tell(&todo)?;
        }
        self.ask_bodies()?;
        self.fetch_blobs()?;
        // It goes through all friends: not after every step.
        if self.net.is_pairing_known {
            debug_assert!(
                self.is_pairing_told() || !self.is_pairing_open(),
                "it opened, and nobody noted it"
            );
        } else {
            self.update_pairing();
        }
        Ok(())
    }

    /// Tells every session what the step has brought, and lets each speak once.
    fn tell(&mut self, todo: &[Todo]) -> Result<(), StoreError> {
        if todo.is_empty() {
            return Ok(());
        }
        let now = self.now;
        let streams: Vec<StreamId> = self.sessions().map(|(_, stream, _)| stream).collect();
        for stream in streams {
            let Some(session) = self.session_mut(stream) else { continue };
            for todo in todo {
                match todo {
                    Todo::Push { epoch, seq, header, body } if body.len() <= PUSH_BODY_LIMIT => {
                        session.push_entry(epoch, *seq, header, body, now);
                    }
                    Todo::Push { epoch, seq, .. } => session.announce(epoch, *seq, now),
                    Todo::Announce { epoch, seq, whole } => {
                        if *whole {
                            session.came_from_elsewhere(epoch, *seq);
                        }
                        session.announce(epoch, *seq, now);
                    }
                }
            }
            self.pump(stream)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
