//! The loop that owns the swarm: what happened becomes events, orders become calls. No policy.
//!
//! Orders are always taken. Events wait in an outbox for room in the machine's channel; while the outbox is long, the
//! swarm is left alone, so that peers wait and not this program's memory.
//!
//! Each stream is a task in one set ([`super::streams`]). A connection's end is told of only after its last task has
//! ended, so that nothing of a connection follows its `Disconnected`.
//!
//! Source: docs/protocol.md 3.7, 3.18.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::Swarm;
use libp2p::core::Multiaddr;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::behaviour::{Behaviour, Happened};
use super::listening::{self, Listening};
use super::streams::{Ended, Open, State};
use super::{Config, inbox, ping, translate};
use crate::id::NodeId;
use crate::limits::{BLOB_PEER_SERVE_LIMIT, BLOB_SERVE_LIMIT, CLOSE_GRACE_MS, EVENT_BACKLOG_LIMIT};
use crate::link::{Address, ConnId, DialId, Event, Order, StreamId};
use crate::store::blobs::BlobFiles;

const GRACE: Duration = Duration::from_millis(CLOSE_GRACE_MS);

/// A connection.
pub(super) struct Conn {
    pub(super) number: ConnId,
    pub(super) node: NodeId,
    is_quic: bool,
    /// The event that tells of it, until it is told.
    untold: Option<Event>,
    pub(super) token: CancellationToken,
    pub(super) streams: BTreeSet<StreamId>,
    pub(super) is_down: bool,
    /// Places to serve blobs on this connection.
    pub(super) serve_slots: Arc<Semaphore>,
}

/// The owner of the swarm.
pub(super) struct Driver {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) config: Config,
    pub(super) blobs: Arc<BlobFiles>,
    pub(super) events: inbox::Sender,
    /// Events on their way to the machine, each with the start signal of the stream it tells of.
    pub(super) outbox: VecDeque<(Event, Option<oneshot::Sender<()>>)>,
    pub(super) conns: BTreeMap<ConnectionId, Conn>,
    pub(super) numbers: BTreeMap<ConnId, ConnectionId>,
    pub(super) streams: BTreeMap<StreamId, Open>,
    pub(super) tasks: JoinSet<Ended>,
    pub(super) serve_slots: Arc<Semaphore>,
    listening: Listening,
    /// When the beat of pings began.
    began: Instant,
    next_conn: u64,
    pub(super) next_stream: u64,
}

impl Driver {
    pub(super) fn new(
        config: Config,
        swarm: Swarm<Behaviour>,
        listening: Listening,
        blobs: Arc<BlobFiles>,
        events: inbox::Sender,
    ) -> Self {
        Self {
            swarm,
            config,
            blobs,
            events,
            outbox: VecDeque::new(),
            conns: BTreeMap::new(),
            numbers: BTreeMap::new(),
            streams: BTreeMap::new(),
            tasks: JoinSet::new(),
            serve_slots: Arc::new(Semaphore::new(BLOB_SERVE_LIMIT)),
            listening,
            began: Instant::now(),
            next_conn: 1,
            next_stream: 1,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut stopped: oneshot::Receiver<()>) {
        let events = self.events.clone();
        loop {
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                order = orders.recv() => match order {
                    Some(order) => self.on_order(order),
                    None => break,
                },
                permit = events.reserve(), if !self.outbox.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some((event, start)) = self.outbox.pop_front() {
                            permit.send(event);
                            // The stream may have ended before it was told of.
                            let _ = start.map(|start| start.send(()));
                        }
                    }
                    Err(_) => break,
                },
                // Before what never ends: it is ready once, when it is due.
                () = listening::due(self.listening.due()), if self.listening.has_changed() => {
                    self.tell_listening();
                }
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => self.on_ended(ended),
                event = self.swarm.select_next_some(), if self.outbox.len() < EVENT_BACKLOG_LIMIT => {
                    self.on_swarm(event);
                }
            }
        }
        self.shut_down(orders).await;
    }

    /// Takes the orders that wait, lets streams write what they have, then closes the connections.
    async fn shut_down(mut self, mut orders: mpsc::Receiver<Order>) {
        orders.close();
        while let Ok(order) = orders.try_recv() {
            self.on_order(order);
        }
        self.begin_untold();
        for open in self.streams.values_mut() {
            open.outlet = None;
            // Whoever finds that nobody asks for pings any more hangs up, whatever they had yet to read.
            if !open.has_something_to_say() && !matches!(open.state, State::Ping) {
                open.token.cancel();
            }
        }
        // Nothing is left to be told; a machine that does not listen any more holds up nothing.
        let closing = async {
            while self.streams.values().any(Open::keeps_the_end_waiting) {
                tokio::select! {
                    Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => self.on_ended(ended),
                    event = self.swarm.select_next_some() => self.on_swarm(event),
                }
                self.begin_untold();
            }
        };
        let is_late = timeout(GRACE, closing).await.is_err();
        if is_late {
            tracing::debug!("not everything that was sent has left");
        }
        self.swarm.behaviour_mut().close_all();
        let closing = async {
            while self.swarm.behaviour().has_connections() {
                self.swarm.select_next_some().await;
            }
        };
        // What does not close in time is cut when the swarm is dropped.
        let _ = timeout(GRACE, closing).await;
    }

    /// What was not told by now is not told any more. Streams of ours begin all the same, for what was sent on them is
    /// waiting; those of others do not.
    fn begin_untold(&mut self) {
        for (event, start) in self.outbox.drain(..) {
            if let (Event::StreamOpened { ours: true, .. }, Some(start)) = (event, start) {
                // The stream may have ended.
                let _ = start.send(());
            }
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<Happened>) {
        match event {
            SwarmEvent::Behaviour(happened) => self.on_happened(happened),
            SwarmEvent::NewListenAddr { listener_id, .. }
            | SwarmEvent::ExpiredListenAddr { listener_id, .. }
            | SwarmEvent::ListenerClosed { listener_id, .. } => {
                self.listening.changed(listener_id, Instant::now());
            }
            other => tracing::trace!(?other, "nothing to do"),
        }
    }

    fn tell_listening(&mut self) {
        self.listening.told();
        self.began = Instant::now();
        let all: Vec<Address> = self.swarm.listeners().filter_map(translate::from_multiaddr).collect();
        self.tell(Event::Listening { addresses: translate::best_first(all) });
    }

    fn on_happened(&mut self, happened: Happened) {
        match happened {
            Happened::Up { conn, node, is_told, attempt, address } => {
                self.on_up(conn, node, attempt, &address);
                if is_told {
                    self.on_told(conn);
                }
            }
            Happened::Told { conn } => self.on_told(conn),
            Happened::Down { conn, by_us } => self.on_down(conn, by_us),
            Happened::Inbound { conn, kind, stream } => self.on_inbound(conn, kind, stream),
            Happened::Opened { id, stream } => self.on_opened(id, stream),
            Happened::Refused { id } => self.on_refused(id),
            Happened::Ping { conn, stream } => {
                let is_quic = self.conns.get(&conn).is_some_and(|entry| entry.is_quic);
                let interval = ping::interval(self.config.ping_interval, is_quic);
                let beat = ping::Beat { began: self.began, interval };
                self.run_ping(conn, true, ping::ask(stream, beat, self.config.ping_timeout));
            }
            Happened::DialFailed { attempt, reason } => self.tell(Event::DialFailed { attempt, reason }),
        }
    }

    fn on_up(&mut self, conn: ConnectionId, node: NodeId, attempt: Option<DialId>, address: &Multiaddr) {
        if self.conns.is_empty() {
            self.began = Instant::now();
        }
        let is_quic = !translate::is_tcp(address);
        let Some(address) = translate::from_multiaddr(address) else {
            // No transport of ours has such addresses.
            tracing::warn!(%address, "a connection from an address of unknown form is closed");
            return self.swarm.behaviour_mut().close(conn);
        };
        let number = ConnId(self.next_conn);
        self.next_conn = self.next_conn.saturating_add(1);
        let path = translate::path_of(&address);
        let event = Event::Connected { conn: number, node, attempt, address, path };
        let token = CancellationToken::new();
        let streams = BTreeSet::new();
        let serve_slots = Arc::new(Semaphore::new(BLOB_PEER_SERVE_LIMIT));
        let entry =
            Conn { number, node, is_quic, untold: Some(event), token, streams, is_down: false, serve_slots };
        self.conns.insert(conn, entry);
    }

    fn on_told(&mut self, conn: ConnectionId) {
        let Some(entry) = self.conns.get_mut(&conn) else { return };
        let number = entry.number;
        if let Some(event) = entry.untold.take() {
            self.numbers.insert(number, conn);
            self.tell(event);
        }
    }

    fn on_down(&mut self, conn: ConnectionId, by_us: bool) {
        let Some(entry) = self.conns.get_mut(&conn) else { return };
        entry.is_down = true;
        self.numbers.remove(&entry.number);
        if by_us {
            entry.token.cancel();
        } else {
            // Streams end by themselves once they have read what had arrived, but not for ever.
            let token = entry.token.clone();
            self.tasks.spawn(async move {
                sleep(GRACE).await;
                token.cancel();
                Ended::Nothing
            });
        }
        self.wind_up(conn);
        self.end_if_down(conn);
    }

    pub(super) fn end_if_down(&mut self, conn: ConnectionId) {
        if self.conns.get(&conn).is_some_and(|entry| entry.is_down && entry.streams.is_empty())
            && let Some(entry) = self.conns.remove(&conn)
        {
            entry.token.cancel();
            if entry.untold.is_none() {
                self.tell(Event::Disconnected { conn: entry.number });
            }
        }
    }

    fn on_ended(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(Ended::Over(id)) => self.forget(id, None),
            Ok(Ended::Fetched(id, fetched)) => self.forget(id, Some(fetched)),
            Ok(Ended::Dead(id)) => {
                let conn = self.streams.get(&id).map(|open| open.conn);
                self.forget(id, None);
                if let Some(conn) = conn {
                    self.swarm.behaviour_mut().close(conn);
                }
            }
            Ok(Ended::Nothing) => {}
            Err(error) => tracing::error!(%error, "a stream's task ended badly"),
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.outbox.push_back((event, None));
    }
}
