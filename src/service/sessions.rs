//! Connections and streams: who is at the other end, and what is opened, kept and ended.
//!
//! A connection begins as a node key. It becomes a friend's when the sync stream's Hello shows records of a live device
//! with that key (`exchange`); until then nothing but the pair protocol is answered.
//!
//! Source: docs/protocol.md 3.7, 3.8.

use std::collections::{BTreeMap, BTreeSet};

use super::Service;
use super::exchange::Todo;
use super::scopes::Changed;
use crate::crypto::keys::Role;
use crate::id::{DeviceId, EpochId, NodeId, UserId};
use crate::link::{self, Address, ConnId, DialId, Order, Path, Protocol, StreamId};
use crate::pair;
use crate::store::StoreError;
use crate::sync::{self, IntervalSet, Session};
use crate::time::Timestamp;
use crate::view;

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
    pub(super) wake: Option<Timestamp>,
    /// It ends because it is the turn of others.
    pub(super) rests: bool,
    /// What of my epochs was looked at, to note that they have it: since the rules last changed.
    pub(super) looked_at: BTreeMap<EpochId, IntervalSet>,
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

/// Everything about connections.
#[derive(Debug, Default)]
pub(super) struct Net {
    /// Connections that there may be, if fewer than usual.
    pub(super) fewer: Option<usize>,
    pub(super) listening: Vec<Address>,
    pub(super) conns: BTreeMap<ConnId, Conn>,
    /// Friends who are here, and on which connections.
    here: BTreeMap<UserId, BTreeSet<ConnId>>,
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
    /// Whether nothing has changed that pairing hangs on since it was last looked at.
    pub(super) is_pairing_known: bool,
    pub(super) todo: Vec<Todo>,
    /// Friends to whom something new is owed.
    pub(super) owed: BTreeSet<UserId>,
    /// What sessions' scopes must be looked at for.
    pub(super) changed: Changed,
    /// Sessions that had more to send than one turn allows.
    pub(super) unpumped: BTreeSet<StreamId>,
    /// Frames that each session has sent in this step.
    pub(super) turns: BTreeMap<StreamId, usize>,
    /// Closed epochs, and with whom they were found equal since something last came of them.
    pub(super) settled_closed: BTreeMap<EpochId, BTreeSet<UserId>>,
}

impl Net {
    /// It has turned out whose a connection is.
    pub(super) fn is_of(&mut self, conn: ConnId, user: UserId, device: DeviceId) {
        let Some(state) = self.conns.get_mut(&conn) else { return };
        let before = state.friend.replace((user, device));
        // A node key may be in the records of two: who spoke last has the connection.
        if let Some((before, _)) = before {
            self.is_no_longer_of(conn, before);
        }
        self.here.entry(user).or_default().insert(conn);
    }

    fn is_no_longer_of(&mut self, conn: ConnId, user: UserId) {
        if let Some(conns) = self.here.get_mut(&user) {
            conns.remove(&conn);
            if conns.is_empty() {
                self.here.remove(&user);
            }
        }
    }

    pub(super) fn is_here(&self, user: &UserId) -> bool {
        self.here.contains_key(user)
    }

    /// A connection ends because it is the turn of others.
    pub(super) fn rests(&mut self, conn: ConnId) {
        if let Some(state) = self.conns.get_mut(&conn) {
            state.rests = true;
        }
    }

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
        self.turns.clear();
    }

    /// The step is forgotten: what it caused on other streams is not done, and what it told the shell was not told.
    pub(super) fn forget_step(&mut self) {
        self.todo.clear();
        self.turns.clear();
        self.owed.clear();
        self.changed.all = true;
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
                rests: false,
                looked_at: BTreeMap::new(),
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
        let idle =
            |state: &Conn| state.dialled && !state.rests && state.reopen.is_none() && state.sync.is_none();
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
            if gone.rests {
                self.dial_after_turn(&user);
            } else {
                self.dial_later(&user);
            }
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
        if let Some((user, _)) = gone.friend {
            self.net.is_no_longer_of(conn, user);
        }
        let timers = &mut self.timers;
        self.net.streams.retain(|id, stream| {
            let stays = stream.conn != conn;
            if !stays {
                timers.pairing.remove(id);
            }
            stays
        });
        self.wants.on_disconnected(conn);
        if self.mail_disconnected(conn)
            && let Some((user, _)) = gone.friend
        {
            // They went before they took it: whoever meets them may.
            self.net.owed.insert(user);
        }
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
        let conn = self.net.here.get(user)?.first()?;
        self.net.conns.get(conn).map(|conn| (conn.path, conn.since))
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
        self.net.is_pairing_known = true;
        let open = self.is_pairing_open();
        if open != self.net.pairing_open {
            self.net.pairing_open = open;
            self.order(Order::OpenPairing(open));
        }
    }

    /// Whether the shell was told that pairing is open.
    pub(super) const fn is_pairing_told(&self) -> bool {
        self.net.pairing_open
    }

    /// Opens again what the other side was not ready for.
    pub(super) fn reopen_due(&mut self) {
        let now = self.now;
        let due: Vec<ConnId> = self
            .net
            .conns
            .iter_mut()
            .filter(|(_, state)| !state.rests && state.reopen.is_some_and(|at| at <= now))
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
        for stream in std::mem::take(&mut self.net.unpumped) {
            self.pump(stream)?;
        }
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
        let unpumped = (!self.net.unpumped.is_empty()).then_some(self.now);
        let conns =
            self.net.conns.values().flat_map(|conn| [conn.reopen, conn.wake.filter(|_| conn.sync.is_some())]);
        pairings.chain(conns.flatten()).chain(unpumped).min()
    }

    pub(super) const fn retold_admitted(&self) -> &BTreeSet<NodeId> {
        &self.net.admitted
    }
}
