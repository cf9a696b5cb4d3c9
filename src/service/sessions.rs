//! Connections and what is spoken on them: who is at the other end, which scopes they get, what they send and lack.
//!
//! A connection begins as a node key. It becomes a friend's when the sync stream's Hello shows records of a live device
//! with that key; until then nothing but the pair protocol is answered. The machines of the streams know nothing of
//! each other; what one causes on another stands in [`Todo`] and is done at the end of the step, in this order: keys
//! that are owed, then scopes, then entries.
//!
//! Source: docs/protocol.md 3.7, 3.8.

use std::collections::{BTreeMap, BTreeSet};

use super::peer_log::PeerLog;
use super::receive::Lying;
use super::{Service, tx};
use crate::crypto::keys::Role;
use crate::entry::{Entry, HEADER_LEN, Verified};
use crate::id::{DeviceId, EntryId, EpochId, NodeId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, live_device};
use crate::limits::{HOLDERS_IN_SYNC_LIMIT, HOLDERS_STEP_LIMIT, PUSH_BODY_LIMIT};
use crate::link::{self, Address, ConnId, DialId, Order, Path, Protocol, StreamId};
use crate::moment::Class;
use crate::pair;
use crate::store::layout::{log_prefix, split_log_key};
use crate::store::{StoreError, Tree};
use crate::sync::{self, ByeReason, IntervalSet, Session};
use crate::time::Timestamp;
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

/// One connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) node: NodeId,
    pub(super) dialled: bool,
    pub(super) address: Address,
    pub(super) path: Path,
    pub(super) since: Timestamp,
    /// Whose it is, once their Hello was accepted.
    pub(super) friend: Option<(UserId, DeviceId)>,
    pub(super) sync: Option<StreamId>,
    pub(super) mail: Option<StreamId>,
    /// Mutual friends found on it. Never shown to anybody.
    pub(super) mutual: BTreeSet<UserId>,
    /// Mail that came before the Hello.
    pub(super) early_mail: Vec<Vec<u8>>,
    /// When to open the streams again that the other side was not ready for.
    pub(super) reopen: Option<Timestamp>,
    pub(super) reopened: u32,
    /// When its session wants to be woken, as of when it was last drained: asked after every step, over all friends.
    wake: Option<Timestamp>,
}

/// What is spoken on a stream.
#[derive(Debug)]
pub(super) enum Spoken {
    Sync(Box<Session>),
    Mail,
    PairInitiator(Box<pair::Initiator>),
    PairResponder(Box<pair::Responder>),
    Resume(Box<pair::Resumption>),
    /// Asked for, not open yet.
    Opening(Protocol),
}

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) conn: ConnId,
    pub(super) spoken: Spoken,
}

/// Why somebody is dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be with a friend.
    Friend(UserId),
    /// To find a friend whose node key may have changed.
    Resume(UserId),
    /// To redeem an invite.
    Redeem(UserId),
    /// To settle a pending pair.
    Settle(UserId),
}

/// What follows from a step on other streams.
#[derive(Debug)]
enum Todo {
    Push { epoch: EpochId, seq: u64, header: Box<[u8; HEADER_LEN]>, body: Vec<u8> },
    Announce { epoch: EpochId, seq: u64 },
}

/// Everything about connections.
#[derive(Debug, Default)]
pub(super) struct Net {
    pub(super) listening: Vec<Address>,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    pub(super) streams: BTreeMap<StreamId, Stream>,
    pub(super) dials: BTreeMap<DialId, Purpose>,
    /// Those ordered in this step.
    fresh_dials: Vec<DialId>,
    /// Connections that this step ends, and whose: the shell hears of it once the step stands.
    pub(super) parted: Vec<(ConnId, UserId)>,
    next_dial: u64,
    next_stream: u64,
    /// The allow-list as last told.
    admitted: BTreeSet<NodeId>,
    pairing_open: bool,
    todo: Vec<Todo>,
    /// Friends to whom something new is owed.
    pub(super) owed: BTreeSet<UserId>,
    /// Whether epochs came or went, so that sessions' scopes must be looked at.
    pub(super) scopes_changed: bool,
    /// Closed epochs that were equal at the end of a session.
    pub(super) settled_closed: BTreeSet<(UserId, EpochId)>,
}

impl Net {
    pub(super) fn dial_id(&mut self, purpose: Purpose) -> DialId {
        let id = DialId(self.next_dial);
        self.next_dial = self.next_dial.saturating_add(1);
        self.dials.insert(id, purpose);
        self.fresh_dials.push(id);
        id
    }

    fn stream_id(&mut self) -> StreamId {
        let id = StreamId(self.next_stream);
        self.next_stream = self.next_stream.saturating_add(2);
        id
    }

    /// The step stands: what it told the shell is told.
    pub(super) fn keep_step(&mut self) {
        self.fresh_dials.clear();
        self.parted.clear();
    }

    /// The step is forgotten: what it caused on other streams is not done, and what it told the shell was not told.
    pub(super) fn forget_step(&mut self) {
        self.todo.clear();
        self.owed.clear();
        self.scopes_changed = true;
        for dial in std::mem::take(&mut self.fresh_dials) {
            self.dials.remove(&dial);
        }
    }
}

impl Service {
    /// One event of the network.
    pub(super) fn on_event(&mut self, event: link::Event) -> Result<(), StoreError> {
        match event {
            link::Event::Listening { addresses } => self.on_listening(addresses)?,
            link::Event::Connected { conn, node, attempt, address, path } => {
                self.on_connected(conn, node, attempt, address, path);
            }
            link::Event::Disconnected { conn } => self.on_disconnected(conn),
            link::Event::DialFailed { attempt, reason } => self.on_dial_failed(attempt, &reason),
            link::Event::StreamOpened { conn, stream, protocol, ours } => {
                self.on_stream_opened(conn, stream, protocol, ours)?;
            }
            link::Event::Frame { stream, frame } => self.on_frame(stream, &frame)?,
            link::Event::Sent { stream, bytes } => {
                if let Some(Stream { spoken: Spoken::Sync(session), .. }) = self.net.streams.get_mut(&stream)
                {
                    session.handle_sent(bytes);
                    self.pump(stream)?;
                }
            }
            link::Event::StreamClosed { stream } => self.on_stream_closed(stream),
            link::Event::BlobAsked { conn, stream, blob } => self.on_blob_asked(conn, stream, &blob)?,
            link::Event::BlobFetched { blob, bytes } => self.on_blob_fetched(&blob, bytes)?,
            link::Event::BlobFailed { blob, conn, lied } => self.on_blob_failed(&blob, conn, lied),
        }
        Ok(())
    }

    fn on_connected(
        &mut self,
        conn: ConnId,
        node: NodeId,
        attempt: Option<DialId>,
        address: Address,
        path: Path,
    ) {
        let purpose = attempt.and_then(|attempt| self.net.dials.remove(&attempt));
        self.net.conns.insert(
            conn,
            Conn {
                node,
                dialled: attempt.is_some(),
                address,
                path,
                since: self.now,
                friend: None,
                sync: None,
                mail: None,
                mutual: BTreeSet::new(),
                early_mail: Vec::new(),
                reopen: None,
                reopened: 0,
                wake: None,
            },
        );
        let is_admitted = self.net.admitted.contains(&node);
        let is_pairing = match purpose {
            Some(Purpose::Redeem(_) | Purpose::Settle(_)) => true,
            // Found under the key we know: there is nothing to resume.
            Some(Purpose::Resume(_)) => !is_admitted,
            Some(Purpose::Friend(_)) | None => self.has_to_settle(&node),
        };
        if is_pairing {
            self.begin_pairing(conn, purpose.as_ref());
        }
        if is_admitted {
            self.open_session(conn);
        } else if !is_pairing && attempt.is_some() {
            // Whoever this was, they are nobody's friend any more.
            self.order(Order::Hangup { conn });
        }
    }

    /// Connections of ours with a friend on which nothing is spoken, for whatever reason: the streams are opened again.
    pub(super) fn reopen_idle(&mut self) {
        let idle = |state: &Conn| state.dialled && state.reopen.is_none() && state.sync.is_none();
        let admitted = &self.net.admitted;
        let conns = self.net.conns.iter().filter(|(_, state)| idle(state) && admitted.contains(&state.node));
        let conns: Vec<ConnId> = conns.map(|(conn, _)| *conn).collect();
        for conn in conns {
            self.open_session(conn);
        }
    }

    /// Opens the two streams of a friend's connection, from the side that dialled.
    pub(super) fn open_session(&mut self, conn: ConnId) {
        let Some(state) = self.net.conns.get(&conn).filter(|state| state.dialled) else {
            return;
        };
        for (missing, protocol) in
            [(state.sync.is_none(), Protocol::Sync), (state.mail.is_none(), Protocol::Mail)]
        {
            if missing {
                let stream = self.open_stream(conn, protocol);
                if let Some(state) = self.net.conns.get_mut(&conn) {
                    match protocol {
                        Protocol::Sync => state.sync = Some(stream),
                        _ => state.mail = Some(stream),
                    }
                }
            }
        }
    }

    pub(super) fn open_stream(&mut self, conn: ConnId, protocol: Protocol) -> StreamId {
        let stream = self.net.stream_id();
        self.net.streams.insert(stream, Stream { conn, spoken: Spoken::Opening(protocol) });
        self.order(Order::OpenStream { conn, stream, protocol });
        stream
    }

    fn on_disconnected(&mut self, conn: ConnId) {
        let unheard = |stream: &Stream| match &stream.spoken {
            Spoken::PairInitiator(machine) => machine.is_unanswered(),
            Spoken::Opening(protocol) => *protocol == Protocol::Pair,
            _ => false,
        };
        let is_unheard = self.net.streams.values().any(|stream| stream.conn == conn && unheard(stream));
        let Some(gone) = self.forget_conn(conn) else { return };
        if is_unheard {
            self.door_shut(gone.node, false);
        }
        if let Some((user, _)) = gone.friend
            && self.online(&user).is_none()
        {
            if let Some(friend) = self.state.friends.get_mut(&user) {
                friend.last_seen = Some(self.now);
                self.save_friend(&user);
                self.emit_friend(&user);
            }
            self.dial_later(&user);
        }
    }

    /// Ends every connection: memory no longer says what was promised on them. Friends are dialled again soon.
    pub(super) fn hangup_all(&mut self) -> Vec<Order> {
        let conns: Vec<ConnId> = self.net.conns.keys().copied().collect();
        for conn in &conns {
            let gone = self.forget_conn(*conn);
            if let Some((user, _)) = gone.and_then(|gone| gone.friend) {
                self.dial_later(&user);
            }
        }
        conns.into_iter().map(|conn| Order::Hangup { conn }).collect()
    }

    /// Connections that a forgotten step ended: nothing is known of them any more, so they end all the same, and whoever was
    /// there is dialled again.
    pub(super) fn end_parted(&mut self) {
        for (conn, user) in std::mem::take(&mut self.net.parted) {
            self.order(Order::Hangup { conn });
            self.dial_later(&user);
        }
    }

    /// Forgets a connection and everything spoken on it.
    pub(super) fn forget_conn(&mut self, conn: ConnId) -> Option<Conn> {
        let gone = self.net.conns.remove(&conn)?;
        let timers = &mut self.timers;
        self.net.streams.retain(|id, stream| {
            let stays = stream.conn != conn;
            if !stays {
                timers.pairing.remove(id);
            }
            stays
        });
        self.wants.on_disconnected(conn);
        self.mail_disconnected(conn);
        Some(gone)
    }

    pub(super) fn emit_friend(&mut self, user: &UserId) {
        if let Some(friend) = self.state.friends.get(user) {
            let friend = Box::new(self.friend_view(friend));
            self.emit(view::Happening::Friend { friend });
        }
    }

    fn on_stream_opened(
        &mut self,
        conn: ConnId,
        stream: StreamId,
        protocol: Protocol,
        ours: bool,
    ) -> Result<(), StoreError> {
        let Some(state) = self.net.conns.get(&conn) else { return Ok(()) };
        if ours && !self.net.streams.contains_key(&stream) {
            self.order(Order::CloseStream { stream });
            return Ok(());
        }
        let (node, taken) = (state.node, if protocol == Protocol::Sync { state.sync } else { state.mail });
        match protocol {
            Protocol::Pair if ours => return self.on_pair_opened(conn, stream),
            Protocol::Pair => {
                let responder = pair::Responder::new(node, self.now);
                let spoken = Spoken::PairResponder(Box::new(responder));
                self.net.streams.insert(stream, Stream { conn, spoken });
            }
            Protocol::Sync | Protocol::Mail => {
                let refused =
                    !self.net.admitted.contains(&node) || taken.is_some_and(|taken| taken != stream);
                if refused {
                    self.net.streams.remove(&stream);
                    self.order(Order::CloseStream { stream });
                    return Ok(());
                }
                let role = if ours { Role::Initiator } else { Role::Responder };
                let spoken = match protocol {
                    Protocol::Sync => Spoken::Sync(Box::new(self.new_session(role, node))),
                    _ => Spoken::Mail,
                };
                self.net.streams.insert(stream, Stream { conn, spoken });
                if let Some(state) = self.net.conns.get_mut(&conn) {
                    match protocol {
                        Protocol::Sync => state.sync = Some(stream),
                        _ => state.mail = Some(stream),
                    }
                }
                if protocol == Protocol::Mail {
                    self.on_mail_opened(conn)?;
                }
                self.pump(stream)?;
            }
            Protocol::Blob => {}
        }
        Ok(())
    }

    fn new_session(&mut self, role: Role, their_node: NodeId) -> Session {
        Session::new(sync::Config {
            role,
            our_node: self.keyring.node_id(),
            their_node,
            identity: self.state.me.identity.clone(),
            device: self.state.me.device.clone(),
            entropy: self.entropy.split(),
        })
    }

    fn on_stream_closed(&mut self, stream: StreamId) {
        let Some(closed) = self.net.streams.remove(&stream) else { return };
        self.timers.pairing.remove(&stream);
        let Some(state) = self.net.conns.get_mut(&closed.conn) else { return };
        let is_mail = state.mail == Some(stream);
        let of_session = state.sync == Some(stream) || is_mail;
        if state.sync == Some(stream) {
            state.sync = None;
        }
        if state.mail == Some(stream) {
            state.mail = None;
        }
        if of_session && state.dialled {
            // The other side may not have admitted us yet, or restarted a machine: try again, ever more slowly.
            let wait = 200u64.saturating_mul(1 << state.reopened.min(8));
            state.reopened = state.reopened.saturating_add(1);
            state.reopen = Some(self.now.plus_ms(wait));
        }
        if is_mail {
            // Answers to what was said on it will not come.
            self.mail_disconnected(closed.conn);
        }
        if !of_session {
            self.on_pair_stream_closed(closed.conn, &closed.spoken);
        }
    }

    fn on_frame(&mut self, stream: StreamId, frame: &[u8]) -> Result<(), StoreError> {
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

    /// Drains what a session wants done.
    pub(super) fn pump(&mut self, stream: StreamId) -> Result<(), StoreError> {
        let Some(mut state) = self.net.streams.remove(&stream) else { return Ok(()) };
        let conn = state.conn;
        let mut closed = false;
        if let Spoken::Sync(session) = &mut state.spoken {
            loop {
                let output = {
                    let log = PeerLog::new(self, conn);
                    session.poll_output(self.now, &log)
                };
                let Some(output) = output else { break };
                closed |= matches!(output, sync::Output::Closed { .. });
                self.on_session_output(conn, stream, session, output)?;
            }
        }
        self.note_wake(conn, &state);
        if closed {
            self.order(Order::CloseStream { stream });
            self.order(Order::Hangup { conn });
            if let Some(state) = self.net.conns.get_mut(&conn) {
                state.sync = None;
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
                self.judged(session, (epoch, seq), verdict, granted);
            }
            sync::Output::Gone { epoch, seq, id, header } => {
                self.on_gone(session, epoch, seq, &id, header)?
            }
            sync::Output::PeerHas { epoch, seqs } => self.on_peer_has(conn, &epoch, &seqs)?,
            sync::Output::InSync { epoch } => {
                self.note_in_sync(&epoch);
                self.bodies.look(epoch);
                let friend = self.net.conns.get(&conn).and_then(|state| state.friend);
                if self.state.epochs.get(&epoch).is_some_and(|record| record.own.is_some()) {
                    // They have all of it, and the digest alone has said so.
                    let mut known = self
                        .state
                        .logs
                        .get(&epoch)
                        .map_or_else(IntervalSet::new, |log| log.intervals.clone());
                    let newest = known.take_newest(HOLDERS_IN_SYNC_LIMIT, usize::MAX);
                    self.on_peer_has(conn, &epoch, &newest)?;
                }
                let is_closed = self.state.epochs.get(&epoch).is_some_and(|record| !record.is_open());
                if let Some((user, _)) = friend.filter(|_| is_closed) {
                    self.net.settled_closed.insert((user, epoch));
                }
            }
            sync::Output::Fault(fault) => {
                tracing::debug!(conn = conn.0, fault = %fault.kind, "a peer broke the sync protocol");
            }
            sync::Output::Closed { theirs } => {
                tracing::debug!(conn = conn.0, ?theirs, "session over");
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

    fn judged(&mut self, session: &mut Session, asked: (EpochId, u64), verdict: Verdict, granted: bool) {
        match verdict {
            Verdict::Kept { epoch, seq, .. } => {
                session.stored(&epoch, seq, self.now);
                self.net.todo.push(Todo::Announce { epoch, seq });
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
            Some(header) => {
                self.bodies.look(epoch);
                self.take_header(&header)?
            }
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
        self.judged(session, (epoch, seq), verdict, false);
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
        if let Some(state) = self.net.conns.get_mut(&conn) {
            state.friend = Some((user, device_id));
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
        if self.class_of(epoch) != Some(Class::Posts) {
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
        self.net.scopes_changed = true;
    }

    /// Does on other streams what the step caused: keys first, then scopes, then entries.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        // Each round does what the one before caused; a remote cannot make it go on for ever, as every round needs a
        // change of ours. The bound is a belt.
        for _ in 0..64 {
            let owed = std::mem::take(&mut self.net.owed);
            let scopes = std::mem::take(&mut self.net.scopes_changed);
            let todo = std::mem::take(&mut self.net.todo);
            if owed.is_empty() && !scopes && todo.is_empty() {
                break;
            }
            for user in &owed {
                self.deliver_owed(user)?;
            }
            if scopes {
                self.refresh_scopes()?;
            }
            for todo in todo {
                self.tell(&todo)?;
            }
        }
        self.ask_bodies()?;
        self.fetch_blobs()?;
        self.update_pairing();
        Ok(())
    }

    fn tell(&mut self, todo: &Todo) -> Result<(), StoreError> {
        let now = self.now;
        let streams: Vec<StreamId> = self.sessions().map(|(_, stream, _)| stream).collect();
        for stream in streams {
            if let Some(session) = self.session_mut(stream) {
                match todo {
                    Todo::Push { epoch, seq, header, body } if body.len() <= PUSH_BODY_LIMIT => {
                        session.push_entry(epoch, *seq, header, body, now);
                    }
                    Todo::Push { epoch, seq, .. } | Todo::Announce { epoch, seq } => {
                        session.announce(epoch, *seq, now);
                    }
                }
            }
            self.pump(stream)?;
        }
        Ok(())
    }

    /// Sessions of friends: connection, sync stream, friend.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (ConnId, StreamId, UserId)> + '_ {
        self.net.conns.iter().filter_map(|(conn, state)| Some((*conn, state.sync?, state.friend?.0)))
    }

    pub(super) fn session_mut(&mut self, stream: StreamId) -> Option<&mut Session> {
        match self.net.streams.get_mut(&stream) {
            Some(Stream { spoken: Spoken::Sync(session), .. }) => Some(session),
            _ => None,
        }
    }

    /// Whether a friend's session is up, how, and since when.
    pub(super) fn online(&self, user: &UserId) -> Option<(Path, Timestamp)> {
        let conns = self.net.conns.values();
        conns
            .filter(|conn| conn.friend.is_some_and(|(friend, _)| friend == *user))
            .map(|c| (c.path, c.since))
            .next()
    }

    /// Tells the shell whom to let in, if that changed.
    pub(super) fn admit(&mut self) {
        let friends = self.state.friends.values();
        let nodes: BTreeSet<NodeId> =
            friends.flat_map(|friend| friend.live_devices().map(|record| record.node())).collect();
        if nodes != self.net.admitted {
            self.net.admitted.clone_from(&nodes);
            self.order(Order::Admit { nodes });
        }
    }

    /// Tells the shell whether strangers may speak the pair protocol, if that changed.
    pub(super) fn update_pairing(&mut self) {
        let open = self.is_pairing_open();
        if open != self.net.pairing_open {
            self.net.pairing_open = open;
            self.order(Order::OpenPairing(open));
        }
    }

    /// Opens again what the other side was not ready for.
    pub(super) fn reopen_due(&mut self) {
        let now = self.now;
        let due: Vec<ConnId> = self
            .net
            .conns
            .iter_mut()
            .filter(|(_, state)| state.reopen.is_some_and(|at| at <= now))
            .map(|(conn, state)| {
                state.reopen = None;
                *conn
            })
            .collect();
        for conn in due {
            self.open_session(conn);
        }
    }

    /// Wakes sessions whose time has come.
    pub(super) fn wake_sessions(&mut self) -> Result<(), StoreError> {
        let now = self.now;
        let due = |state: &Conn| state.sync.filter(|_| state.wake.is_some_and(|at| at <= now));
        let due: Vec<(ConnId, StreamId)> =
            self.net.conns.iter().filter_map(|(conn, state)| Some((*conn, due(state)?))).collect();
        for (conn, stream) in due {
            if let Some(state) = self.net.conns.get_mut(&conn) {
                state.wake = None;
            }
            if let Some(session) = self.session_mut(stream) {
                session.handle_wakeup(now);
                self.pump(stream)?;
            }
        }
        Ok(())
    }

    /// When the first session or stream has to be looked at.
    pub(super) fn net_wakeup(&self) -> Option<Timestamp> {
        let pairings = self.net.streams.values().filter_map(|stream| match &stream.spoken {
            Spoken::PairInitiator(machine) => machine.deadline(),
            Spoken::PairResponder(machine) => machine.deadline(),
            Spoken::Resume(machine) => machine.deadline(),
            _ => None,
        });
        let conns = self.net.conns.values().flat_map(|conn| [conn.reopen, conn.wake.filter(|_| conn.sync.is_some())]);
        pairings.chain(conns.flatten()).min()
    }

    pub(super) const fn retold_admitted(&self) -> &BTreeSet<NodeId> {
        &self.net.admitted
    }
}
