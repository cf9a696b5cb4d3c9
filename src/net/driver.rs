//! The loop that owns the swarm: what happened becomes events, orders become calls. No policy.
//!
//! Orders are always taken. Events wait in an outbox for room in the machine's channel; while the outbox is long, the
//! swarm is left alone, so that peers wait and not this program's memory.
//!
//! Each stream is a task in one set. A connection's end is told of only after its last task has ended, so that nothing
//! of a connection follows its `Disconnected`.
//!
//! Source: docs/protocol.md 3.7, 3.18.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::Multiaddr;
use libp2p::swarm::{ConnectionId, Stream, SwarmEvent};
use libp2p::Swarm;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::behaviour::{Behaviour, Happened};
use super::blobs::{self, Fetched};
use super::frames::{self, About, Inlet, Outlet};
use super::handler::Kind;
use super::{Config, ping, translate};
use crate::id::{BlobId, NodeId};
use crate::limits::{
    BLOB_SERVE_LIMIT, BLOB_STREAM_LIMIT, CLOSE_GRACE_MS, EVENT_BACKLOG_LIMIT, MAIL_STREAM_LIMIT,
    PAIR_STREAM_LIMIT, SYNC_STREAM_LIMIT,
};
use crate::link::{Address, ConnId, DialId, Event, Order, Protocol, StreamId};
use crate::store::blobs::BlobFiles;

const GRACE: Duration = Duration::from_millis(CLOSE_GRACE_MS);

/// A connection.
pub(super) struct Conn {
    pub(super) number: ConnId,
    node: NodeId,
    /// The event that tells of it, until it is told.
    untold: Option<Event>,
    token: CancellationToken,
    streams: BTreeSet<StreamId>,
    is_down: bool,
}

/// What a stream is doing.
pub(super) enum State {
    OpeningFrames(Inlet),
    OpeningFetch { blob: BlobId, bytes: u64 },
    Frames,
    Asked(oneshot::Sender<bool>),
    Serving,
    Fetching(BlobId),
    Ping,
}

/// A stream.
pub(super) struct Open {
    pub(super) conn: ConnectionId,
    kind: Kind,
    is_ours: bool,
    pub(super) token: CancellationToken,
    pub(super) outlet: Option<Outlet>,
    pub(super) state: State,
}

/// How a stream's task ended.
pub(super) enum Ended {
    Over(StreamId),
    Dead(StreamId),
    Fetched(StreamId, Fetched),
    Nothing,
}

/// The owner of the swarm.
pub(super) struct Driver {
    pub(super) swarm: Swarm<Behaviour>,
    config: Config,
    blobs: Arc<BlobFiles>,
    events: mpsc::Sender<Event>,
    /// Events on their way to the machine, each with the start signal of the stream it tells of.
    outbox: VecDeque<(Event, Option<oneshot::Sender<()>>)>,
    pub(super) conns: BTreeMap<ConnectionId, Conn>,
    pub(super) numbers: BTreeMap<ConnId, ConnectionId>,
    pub(super) streams: BTreeMap<StreamId, Open>,
    tasks: JoinSet<Ended>,
    serve_slots: Arc<Semaphore>,
    next_conn: u64,
    next_stream: u64,
}

impl Driver {
    pub(super) fn new(
        config: Config,
        swarm: Swarm<Behaviour>,
        blobs: Arc<BlobFiles>,
        events: mpsc::Sender<Event>,
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
        // What was not told by now is not told any more; streams that wait for it do not begin.
        self.outbox.clear();
        for open in self.streams.values_mut() {
            open.outlet = None;
            if !matches!(open.state, State::Frames) {
                open.token.cancel();
            }
        }
        // Nothing is left to be told; a machine that does not listen any more holds up nothing.
        let closing = async {
            while self.streams.values().any(|open| matches!(open.state, State::Frames | State::Fetching(_))) {
                tokio::select! {
                    Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => self.on_ended(ended),
                    event = self.swarm.select_next_some() => self.on_swarm(event),
                }
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

    fn on_swarm(&mut self, event: SwarmEvent<Happened>) {
        match event {
            SwarmEvent::Behaviour(happened) => self.on_happened(happened),
            SwarmEvent::NewListenAddr { .. }
            | SwarmEvent::ExpiredListenAddr { .. }
            | SwarmEvent::ListenerClosed { .. } => {
                let all: Vec<Address> = self.swarm.listeners().filter_map(translate::from_multiaddr).collect();
                self.tell(Event::Listening { addresses: translate::best_first(all) });
            }
            other => tracing::trace!(?other, "nothing to do"),
        }
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
            Happened::Down { conn } => self.on_down(conn),
            Happened::Inbound { conn, kind, stream } => self.on_inbound(conn, kind, stream),
            Happened::Opened { id, stream } => self.on_opened(id, stream),
            Happened::Refused { id } => self.on_refused(id),
            Happened::Ping { conn, stream } => {
                let (interval, patience) = (self.config.ping_interval, self.config.ping_timeout);
                self.run_ping(conn, true, async move { ping::ask(stream, interval, patience).await });
            }
            Happened::DialFailed { attempt, reason } => self.tell(Event::DialFailed { attempt, reason }),
        }
    }

    fn on_up(&mut self, conn: ConnectionId, node: NodeId, attempt: Option<DialId>, address: &Multiaddr) {
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
        self.conns.insert(conn, Conn { number, node, untold: Some(event), token, streams, is_down: false });
    }

    fn on_told(&mut self, conn: ConnectionId) {
        let Some(entry) = self.conns.get_mut(&conn) else { return };
        let number = entry.number;
        if let Some(event) = entry.untold.take() {
            self.numbers.insert(number, conn);
            self.tell(event);
        }
    }

    fn on_down(&mut self, conn: ConnectionId) {
        let Some(entry) = self.conns.get_mut(&conn) else { return };
        entry.is_down = true;
        self.numbers.remove(&entry.number);
        let token = entry.token.clone();
        // Streams end by themselves once they have read what had arrived; a task that waits for something else is cut.
        self.tasks.spawn(async move {
            sleep(GRACE).await;
            token.cancel();
            Ended::Nothing
        });
        let opening = |open: &Open| matches!(open.state, State::OpeningFrames(_) | State::OpeningFetch { .. });
        let never_opened: Vec<StreamId> =
            entry.streams.iter().copied().filter(|id| self.streams.get(id).is_some_and(opening)).collect();
        never_opened.into_iter().for_each(|id| self.forget(id, Some(Fetched::Failed { lied: false })));
        self.end_if_down(conn);
    }

    fn end_if_down(&mut self, conn: ConnectionId) {
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

    /// Drops a stream and tells of its end.
    pub(super) fn forget(&mut self, id: StreamId, fetched: Option<Fetched>) {
        let Some(open) = self.streams.remove(&id) else { return };
        let Some(conn) = self.conns.get_mut(&open.conn) else { return };
        conn.streams.remove(&id);
        let (number, is_down) = (conn.number, conn.is_down);
        match (open.state, fetched) {
            (State::OpeningFetch { blob, .. } | State::Fetching(blob), fetched) => self.tell(match fetched {
                Some(Fetched::Whole { bytes }) => Event::BlobFetched { blob, bytes },
                Some(Fetched::Failed { lied }) => Event::BlobFailed { blob, conn: number, lied },
                None => Event::BlobFailed { blob, conn: number, lied: false },
            }),
            (State::Frames | State::OpeningFrames(_), _) if !is_down => {
                self.tell(Event::StreamClosed { stream: id });
            }
            _ => {}
        }
        self.end_if_down(open.conn);
    }

    fn on_refused(&mut self, id: StreamId) {
        self.forget(id, None);
    }

    fn on_inbound(&mut self, conn: ConnectionId, kind: Kind, stream: Stream) {
        let limit = match kind {
            Kind::Speak(Protocol::Pair) => PAIR_STREAM_LIMIT,
            Kind::Speak(Protocol::Sync) => SYNC_STREAM_LIMIT,
            Kind::Speak(Protocol::Mail) => MAIL_STREAM_LIMIT,
            Kind::Speak(Protocol::Blob) => BLOB_STREAM_LIMIT,
            Kind::Ping => 1,
        };
        let Some(entry) = self.conns.get(&conn) else { return };
        let live = |id: &&StreamId| {
            self.streams.get(id).is_some_and(|o| o.kind == kind && !o.is_ours && !o.token.is_cancelled())
        };
        if entry.streams.iter().filter(live).count() >= limit {
            tracing::debug!(node = %entry.node.short(), ?kind, "one stream too many is dropped");
            return;
        }
        let number = entry.number;
        match kind {
            Kind::Speak(Protocol::Blob) => {
                let (yes_or_no, decision) = oneshot::channel();
                let Some((id, about)) = self.add(conn, Protocol::Blob, State::Asked(yes_or_no)) else { return };
                let (files, slots) = (Arc::clone(&self.blobs), Arc::clone(&self.serve_slots));
                self.run_stream(id, async move {
                    blobs::serve(stream, number, files, decision, slots, about).await;
                });
            }
            Kind::Speak(protocol) => {
                let (outlet, inlet) = frames::queue();
                let Some((id, about)) = self.add(conn, protocol, State::Frames) else { return };
                if let Some(open) = self.streams.get_mut(&id) {
                    open.outlet = Some(outlet);
                }
                self.run_frames(id, number, false, stream, inlet, about);
            }
            Kind::Ping => {
                let interval = self.config.ping_interval;
                self.run_ping(conn, false, async move { ping::answer(stream, interval).await });
            }
        }
    }

    /// Numbers a stream that came in.
    fn add(&mut self, conn: ConnectionId, protocol: Protocol, state: State) -> Option<(StreamId, About)> {
        let id = self.next_stream_id();
        self.put(id, conn, Kind::Speak(protocol), false, state)?;
        Some((id, self.about(id, conn, protocol)?))
    }

    /// Odd numbers are the shell's.
    pub(super) fn next_stream_id(&mut self) -> StreamId {
        let id = StreamId(self.next_stream);
        self.next_stream = self.next_stream.saturating_add(2);
        id
    }

    pub(super) fn put(
        &mut self,
        id: StreamId,
        conn: ConnectionId,
        kind: Kind,
        is_ours: bool,
        state: State,
    ) -> Option<()> {
        let entry = self.conns.get_mut(&conn).filter(|entry| !entry.is_down)?;
        entry.streams.insert(id);
        let token = entry.token.child_token();
        self.streams.insert(id, Open { conn, kind, is_ours, token, outlet: None, state });
        Some(())
    }

    fn about(&self, stream: StreamId, conn: ConnectionId, protocol: Protocol) -> Option<About> {
        let node = self.conns.get(&conn)?.node;
        Some(About { stream, node, protocol, events: self.events.clone(), record: self.config.record.clone() })
    }

    fn on_opened(&mut self, id: StreamId, stream: Stream) {
        let Some(open) = self.streams.get_mut(&id) else { return };
        let (conn, token) = (open.conn, open.token.clone());
        let Some(number) = self.conns.get(&conn).map(|entry| entry.number) else { return };
        match std::mem::replace(&mut open.state, State::Frames) {
            State::OpeningFrames(inlet) => {
                let Kind::Speak(protocol) = open.kind else { return };
                let Some(about) = self.about(id, conn, protocol) else { return };
                self.run_frames(id, number, true, stream, inlet, about);
            }
            State::OpeningFetch { blob, bytes } => {
                open.state = State::Fetching(blob);
                let Some(about) = self.about(id, conn, Protocol::Blob) else { return };
                let files = Arc::clone(&self.blobs);
                self.tasks.spawn(async move {
                    Ended::Fetched(id, blobs::fetch(stream, files, blob, bytes, token, about).await)
                });
            }
            other => open.state = other,
        }
    }

    /// Starts a stream of frames once the machine has been told of it.
    fn run_frames(&mut self, id: StreamId, conn: ConnId, ours: bool, stream: Stream, inlet: Inlet, about: About) {
        let (start, started) = oneshot::channel();
        let event = Event::StreamOpened { conn, stream: id, protocol: about.protocol, ours };
        self.outbox.push_back((event, Some(start)));
        self.run_stream(id, async move {
            if started.await.is_ok() {
                frames::run(stream, inlet, about).await;
            }
        });
    }

    fn run_stream(&mut self, id: StreamId, work: impl Future<Output = ()> + Send + 'static) {
        let Some(token) = self.streams.get(&id).map(|open| open.token.clone()) else { return };
        self.tasks.spawn(async move {
            token.run_until_cancelled(work).await;
            Ended::Over(id)
        });
    }

    fn run_ping(
        &mut self,
        conn: ConnectionId,
        is_ours: bool,
        work: impl Future<Output = std::io::Error> + Send + 'static,
    ) {
        let id = self.next_stream_id();
        if self.put(id, conn, Kind::Ping, is_ours, State::Ping).is_none() {
            return;
        }
        let Some(token) = self.streams.get(&id).map(|open| open.token.clone()) else { return };
        self.tasks.spawn(async move {
            match token.run_until_cancelled(work).await {
                Some(error) => {
                    tracing::debug!(%error, "no more pings");
                    Ended::Dead(id)
                }
                None => Ended::Over(id),
            }
        });
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.outbox.push_back((event, None));
    }
}
