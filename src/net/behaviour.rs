//! Carries out what [`Gate`] decides: denies, admits and closes connections, and passes streams between the handlers
//! and the driver.
//!
//! Everything goes through one queue, so that the driver hears of a connection before its streams and of its end after
//! them.
//!
//! Source: docs/protocol.md 3.8(1), 3.18.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use libp2p::PeerId;
use libp2p::core::{Endpoint, Multiaddr, transport::PortUse};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, Stream,
    ToSwarm,
};
use tokio::time::{Instant, Sleep, sleep_until};

use super::admission::{Denied, Gate};
use super::handler::{Command, Handler, Kind, Report};
use super::{Config, translate};
use crate::id::NodeId;
use crate::limits::{DIAL_ADDRESS_LIMIT, PENDING_CONNECTION_LIMIT};
use crate::link::{Address, DialId, Protocol, StreamId};

/// What the driver hears.
#[derive(Debug)]
pub(super) enum Happened {
    /// A connection is there. It is told of now if `is_told`, else perhaps later.
    Up { conn: ConnectionId, node: NodeId, is_told: bool, attempt: Option<DialId>, address: Multiaddr },
    /// A connection that was untold is to be told of.
    Told { conn: ConnectionId },
    /// A connection is gone.
    Down { conn: ConnectionId, by_us: bool },
    /// The other side opened a stream.
    Inbound { conn: ConnectionId, kind: Kind, stream: Stream },
    /// A stream of ours was taken.
    Opened { id: StreamId, stream: Stream },
    /// A stream of ours was not.
    Refused { id: StreamId },
    /// Our ping stream.
    Ping { conn: ConnectionId, stream: Stream },
    /// No address of a dial led anywhere.
    DialFailed { attempt: DialId, reason: String },
}

/// A dial that has not ended.
#[derive(Debug)]
struct Dial {
    node: Option<NodeId>,
    open: usize,
}

/// The only behaviour of the swarm.
pub(super) struct Behaviour {
    config: Config,
    own: NodeId,
    gate: Gate,
    dials: BTreeMap<DialId, Dial>,
    dialling: BTreeMap<ConnectionId, DialId>,
    pending_inbound: BTreeSet<ConnectionId>,
    peers: BTreeMap<ConnectionId, PeerId>,
    queue: VecDeque<ToSwarm<Happened, Command>>,
    timer: Option<Pin<Box<Sleep>>>,
    waker: Option<Waker>,
}

impl Behaviour {
    pub(super) fn new(config: &Config, own: NodeId) -> Self {
        Self {
            config: config.clone(),
            own,
            gate: Gate::new(own),
            dials: BTreeMap::new(),
            dialling: BTreeMap::new(),
            pending_inbound: BTreeSet::new(),
            peers: BTreeMap::new(),
            queue: VecDeque::new(),
            timer: None,
            waker: None,
        }
    }

    /// [`crate::link::Order::Admit`].
    pub(super) fn admit(&mut self, nodes: BTreeSet<NodeId>) {
        let changes = self.gate.admit(nodes);
        changes.close.into_iter().for_each(|conn| self.close(conn));
        changes.admit.into_iter().for_each(|conn| self.command(conn, Command::Admit));
    }

    /// [`crate::link::Order::OpenPairing`].
    pub(super) fn open_pairing(&mut self, is_open: bool) {
        self.gate.open_pairing(is_open).into_iter().for_each(|conn| self.close(conn));
    }

    /// Opens a stream on a connection.
    pub(super) fn open(&mut self, conn: ConnectionId, stream: StreamId, protocol: Protocol) {
        self.command(conn, Command::Open { stream, protocol });
    }

    /// Ends a connection.
    pub(super) fn close(&mut self, conn: ConnectionId) {
        if let Some(peer_id) = self.peers.get(&conn) {
            let connection = CloseConnection::One(conn);
            self.push(ToSwarm::CloseConnection { peer_id: *peer_id, connection });
        }
    }

    /// Ends all of them.
    pub(super) fn close_all(&mut self) {
        let all: Vec<_> = self.peers.keys().copied().collect();
        all.into_iter().for_each(|conn| self.close(conn));
    }

    pub(super) fn has_connections(&self) -> bool {
        !self.peers.is_empty()
    }

    /// [`crate::link::Order::Dial`].
    pub(super) fn dial(&mut self, attempt: DialId, node: Option<NodeId>, addresses: &[Address]) {
        if let Err(reason) = self.try_dial(attempt, node, addresses) {
            let reason = reason.to_owned();
            self.push(ToSwarm::GenerateEvent(Happened::DialFailed { attempt, reason }));
        }
    }

    fn try_dial(
        &mut self,
        attempt: DialId,
        node: Option<NodeId>,
        addresses: &[Address],
    ) -> Result<(), &'static str> {
        if self.dials.contains_key(&attempt) {
            return Err("the attempt's number is in use");
        }
        let mut addrs: Vec<Multiaddr> =
            addresses.iter().take(DIAL_ADDRESS_LIMIT).filter_map(translate::to_multiaddr).collect();
        // QUIC first, or there is nothing yet for TCP to wait for (`head_start`).
        addrs.sort_by_key(translate::is_tcp);
        if addrs.is_empty() {
            return Err("no address that can be dialled");
        }
        // A port of its own for each dial: two nodes that dial each other from their listening ports would meet in one
        // TCP connection of which both think they began it.
        let opts: Vec<DialOpts> = if let Some(node) = node {
            if node == self.own {
                return Err("that is this node");
            }
            if self.gate.is_connected(&node) {
                return Err("connected already");
            }
            if self.dials.values().any(|dial| dial.node == Some(node)) {
                return Err("being dialled already");
            }
            let peer = translate::peer_of(&node).ok_or("the node key is no key")?;
            let opts = DialOpts::peer_id(peer).condition(PeerCondition::Always);
            vec![opts.addresses(addrs).allocate_new_port().build()]
        } else {
            let each = |addr| DialOpts::unknown_peer_id().address(addr).allocate_new_port().build();
            addrs.into_iter().map(each).collect()
        };
        self.dials.insert(attempt, Dial { node, open: opts.len() });
        for opts in opts {
            self.dialling.insert(opts.connection_id(), attempt);
            self.push(ToSwarm::Dial { opts });
        }
        Ok(())
    }

    fn on_dial_failure(&mut self, conn: ConnectionId, reason: String) {
        let Some(attempt) = self.dialling.remove(&conn) else { return };
        let Some(dial) = self.dials.get_mut(&attempt) else { return };
        dial.open = dial.open.saturating_sub(1);
        if dial.open == 0 {
            self.dials.remove(&attempt);
            self.push(ToSwarm::GenerateEvent(Happened::DialFailed { attempt, reason }));
        }
    }

    /// The end of a handshake, for both directions.
    fn enter(
        &mut self,
        conn: ConnectionId,
        peer: PeerId,
        is_ours: bool,
        address: Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        let node = translate::node_of(&peer).ok_or_else(|| ConnectionDenied::new(Denied::NotAdmitted))?;
        let attempt = if is_ours {
            // Another address of the same dial may have been faster.
            let attempt =
                self.dialling.get(&conn).copied().filter(|attempt| self.dials.contains_key(attempt));
            Some(attempt.ok_or_else(|| ConnectionDenied::new(Denied::Connected))?)
        } else {
            None
        };
        let entry = self.gate.enter(conn, node, is_ours, Instant::now()).map_err(|denied| {
            tracing::debug!(node = %node.short(), %denied, "a connection is not taken");
            ConnectionDenied::new(denied)
        })?;
        if let Some(attempt) = attempt {
            self.dialling.remove(&conn);
            self.dials.remove(&attempt);
        }
        self.peers.insert(conn, peer);
        self.push(ToSwarm::GenerateEvent(Happened::Up {
            conn,
            node,
            is_told: entry.is_told,
            attempt,
            address,
        }));
        if let Some(loser) = entry.close {
            self.close(loser);
        }
        self.set_timer();
        Ok(Handler::new(entry.standing, is_ours, &self.config))
    }

    fn on_closed(&mut self, conn: ConnectionId, by_us: bool) {
        self.peers.remove(&conn);
        let (_, next) = self.gate.leave(conn);
        self.push(ToSwarm::GenerateEvent(Happened::Down { conn, by_us }));
        if let Some(next) = next {
            self.push(ToSwarm::GenerateEvent(Happened::Told { conn: next }));
        }
        self.set_timer();
    }

    fn set_timer(&mut self) {
        self.timer = self.gate.next_settle().map(|at| Box::pin(sleep_until(at)));
        self.wake();
    }

    fn settle(&mut self) {
        for (loser, untold) in self.gate.settle(Instant::now()) {
            if let Some(conn) = untold {
                self.push(ToSwarm::GenerateEvent(Happened::Told { conn }));
            }
            self.close(loser);
        }
        self.set_timer();
    }

    fn command(&mut self, conn: ConnectionId, event: Command) {
        if let Some(peer_id) = self.peers.get(&conn) {
            self.push(ToSwarm::NotifyHandler { peer_id: *peer_id, handler: NotifyHandler::One(conn), event });
        }
    }

    fn push(&mut self, event: ToSwarm<Happened, Command>) {
        self.queue.push_back(event);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Happened;

    fn handle_pending_inbound_connection(
        &mut self,
        conn: ConnectionId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        if self.pending_inbound.len() >= PENDING_CONNECTION_LIMIT {
            return Err(ConnectionDenied::new(Denied::TooManyConnections));
        }
        self.pending_inbound.insert(conn);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        conn: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote_addr: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.pending_inbound.remove(&conn);
        self.enter(conn, peer, false, remote_addr.clone())
    }

    fn handle_established_outbound_connection(
        &mut self,
        conn: ConnectionId,
        peer: PeerId,
        addr: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.enter(conn, peer, true, addr.clone())
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(closed) => {
                self.on_closed(closed.connection_id, closed.cause.is_none())
            }
            FromSwarm::DialFailure(failure) => {
                self.on_dial_failure(failure.connection_id, driver_reason(failure.error));
            }
            FromSwarm::ListenFailure(failure) => {
                self.pending_inbound.remove(&failure.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, conn: ConnectionId, report: Report) {
        let happened = match report {
            // Nothing is said on a connection that the machine does not know; the other side's will be closed soon.
            Report::Inbound { kind: Kind::Speak(_), .. } if !self.gate.is_told(conn) => return,
            Report::Inbound { kind, stream } => Happened::Inbound { conn, kind, stream },
            Report::Opened { id, stream } => Happened::Opened { id, stream },
            Report::Refused { id } => Happened::Refused { id },
            Report::Ping { stream } => Happened::Ping { conn, stream },
            Report::Overdue => return self.close(conn),
        };
        self.push(ToSwarm::GenerateEvent(happened));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Happened, Command>> {
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            self.timer = None;
            self.settle();
        }
        if let Some(event) = self.queue.pop_front() {
            return Poll::Ready(event);
        }
        // A timer that was set since needs to be polled once to wake this task.
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// What a failed dial says, down to the reason for a denial.
fn driver_reason(error: &libp2p::swarm::DialError) -> String {
    match error {
        libp2p::swarm::DialError::Denied { cause } => match cause.downcast_ref::<Denied>() {
            Some(denied) => denied.to_string(),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: NodeId = NodeId::from_bytes([50; 32]);

    fn behaviour() -> Behaviour {
        Behaviour::new(&Config::default(), OWN)
    }

    fn failed(behaviour: &mut Behaviour) -> Option<String> {
        match behaviour.queue.pop_front() {
            Some(ToSwarm::GenerateEvent(Happened::DialFailed { reason, .. })) => Some(reason),
            _ => None,
        }
    }

    #[test]
    fn handshakes_beyond_the_limit_are_not_begun() {
        let mut behaviour = behaviour();
        let here: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().expect("address");
        let begin = |behaviour: &mut Behaviour, n| {
            behaviour.handle_pending_inbound_connection(ConnectionId::new_unchecked(n), &here, &here)
        };
        for n in 0..PENDING_CONNECTION_LIMIT {
            assert!(begin(&mut behaviour, n).is_ok(), "{n}");
        }
        assert!(begin(&mut behaviour, PENDING_CONNECTION_LIMIT).is_err());
        behaviour.pending_inbound.remove(&ConnectionId::new_unchecked(0));
        assert!(begin(&mut behaviour, PENDING_CONNECTION_LIMIT).is_ok());
    }

    #[test]
    fn a_dial_tries_no_more_addresses_than_the_limit() {
        let address = |n: usize| translate::parse(&format!("/ip4/192.0.2.1/tcp/{}", n + 1)).expect("address");
        let addresses: Vec<Address> = (0..=DIAL_ADDRESS_LIMIT).map(address).collect();
        let mut behaviour = behaviour();
        behaviour.dial(DialId(1), None, &addresses);
        assert_eq!(behaviour.dials.get(&DialId(1)).map(|dial| dial.open), Some(DIAL_ADDRESS_LIMIT));
        assert_eq!(behaviour.queue.len(), DIAL_ADDRESS_LIMIT);
    }

    #[test]
    fn a_dial_fails_once_when_its_last_address_has_failed() {
        let addresses =
            ["/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/2"].map(|text| translate::parse(text).expect(text));
        let mut behaviour = behaviour();
        behaviour.dial(DialId(1), None, &addresses);
        behaviour.queue.clear();
        let conns: Vec<ConnectionId> = behaviour.dialling.keys().copied().collect();
        behaviour.on_dial_failure(conns[0], "first".to_owned());
        assert_eq!(failed(&mut behaviour), None);
        behaviour.on_dial_failure(conns[1], "second".to_owned());
        assert_eq!(failed(&mut behaviour), Some("second".to_owned()));
        behaviour.on_dial_failure(conns[1], "again".to_owned());
        assert_eq!(failed(&mut behaviour), None);
        assert!(behaviour.dials.is_empty() && behaviour.dialling.is_empty());
    }

    #[test]
    fn a_node_is_dialled_by_one_attempt_at_a_time() {
        let key = crate::crypto::SigningKey::from_seed(&[1; 32]).public();
        let node = Some(NodeId::from_bytes(*key.as_bytes()));
        let address = [translate::parse("/ip4/192.0.2.1/tcp/1").expect("address")];
        let mut behaviour = behaviour();
        behaviour.dial(DialId(1), node, &address);
        behaviour.queue.clear();
        behaviour.dial(DialId(2), node, &address);
        assert_eq!(failed(&mut behaviour).as_deref(), Some("being dialled already"));
        behaviour.dial(DialId(3), Some(OWN), &address);
        assert_eq!(failed(&mut behaviour).as_deref(), Some("that is this node"));
    }
}
