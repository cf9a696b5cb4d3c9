//! The streams of all connections: what each is doing, and the task that does it.
//!
//! A stream of frames starts when the machine has been told of it, so that no frame comes before its `StreamOpened`.
//! Every task ends with a word ([`Ended`]) that the driver turns into an event, once.
//!
//! Source: docs/protocol.md 3.7, 3.18.

use std::future::Future;
use std::sync::Arc;

use libp2p::swarm::{ConnectionId, Stream};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::blobs::{self, Fetched, ServeSlots, Wanted};
use super::driver::Driver;
use super::frames::{self, About, Inlet, Outlet};
use super::handler::Kind;
use super::ping;
use crate::id::BlobId;
use crate::limits::{BLOB_STREAM_LIMIT, MAIL_STREAM_LIMIT, PAIR_STREAM_LIMIT, SYNC_STREAM_LIMIT};
use crate::link::{ConnId, Event, Protocol, StreamId};

/// What a stream is doing.
pub(super) enum State {
    OpeningFrames(Inlet),
    OpeningFetch(Wanted),
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

impl Open {
    /// At the end of the driver: whether frames of ours are on their way, or will be once the other side has taken the
    /// stream.
    pub(super) fn has_something_to_say(&self) -> bool {
        match &self.state {
            State::Frames => true,
            State::OpeningFrames(inlet) => !inlet.is_empty(),
            _ => false,
        }
    }

    /// At the end of the driver: whether the connection must stay until this stream is over.
    pub(super) fn keeps_the_end_waiting(&self) -> bool {
        self.has_something_to_say() || matches!(self.state, State::Fetching(_))
    }
}

/// How a stream's task ended.
pub(super) enum Ended {
    Over(StreamId),
    Dead(StreamId),
    Fetched(StreamId, Fetched),
    Nothing,
}

impl Driver {
    /// Drops a stream and tells of its end.
    pub(super) fn forget(&mut self, id: StreamId, fetched: Option<Fetched>) {
        let Some(open) = self.streams.remove(&id) else { return };
        let Some(conn) = self.conns.get_mut(&open.conn) else { return };
        conn.streams.remove(&id);
        let (number, is_down) = (conn.number, conn.is_down);
        match (open.state, fetched) {
            (State::OpeningFetch(wanted), _) => {
                self.tell(Event::BlobFailed { blob: wanted.blob(), conn: number, lied: false });
            }
            (State::Fetching(blob), fetched) => match fetched {
                Some(Fetched::Whole { bytes }) => self.tell(Event::BlobFetched { blob, bytes }),
                Some(Fetched::Part(incoming)) if !is_down => {
                    let conn = open.conn;
                    return self.fetch_on(conn, number, Wanted::GoOn(incoming));
                }
                Some(Fetched::Failed { lied }) => {
                    self.tell(Event::BlobFailed { blob, conn: number, lied });
                }
                Some(Fetched::Part(_)) | None => {
                    self.tell(Event::BlobFailed { blob, conn: number, lied: false });
                }
            },
            (State::Frames | State::OpeningFrames(_), _) if !is_down => {
                self.tell(Event::StreamClosed { stream: id });
            }
            _ => {}
        }
        self.end_if_down(open.conn);
    }

    /// A connection is gone: its streams that were never opened end now, and so do those that wait for something that
    /// cannot come. Frames and blobs that have arrived are read to their end first.
    pub(super) fn wind_up(&mut self, conn: ConnectionId) {
        let Some(entry) = self.conns.get(&conn) else { return };
        for id in entry.streams.clone() {
            let Some(open) = self.streams.get(&id) else { continue };
            match open.state {
                State::OpeningFrames(_) | State::OpeningFetch(_) => self.forget(id, None),
                State::Frames | State::Fetching(_) => {}
                State::Asked(_) | State::Serving | State::Ping => open.token.cancel(),
            }
        }
    }

    /// A stream of ours was not taken.
    pub(super) fn on_refused(&mut self, id: StreamId) {
        self.forget(id, None);
    }

    pub(super) fn on_inbound(&mut self, conn: ConnectionId, kind: Kind, stream: Stream) {
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
        let slots =
            ServeSlots { of_peer: Arc::clone(&entry.serve_slots), of_all: Arc::clone(&self.serve_slots) };
        match kind {
            Kind::Speak(Protocol::Blob) => {
                let (yes_or_no, decision) = oneshot::channel();
                let Some((id, about)) = self.add(conn, Protocol::Blob, State::Asked(yes_or_no)) else {
                    return;
                };
                let files = Arc::clone(&self.blobs);
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
                self.run_ping(conn, false, ping::answer(stream, interval));
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
        Some(About {
            stream,
            node,
            protocol,
            events: self.events.clone(),
            record: self.config.record.clone(),
        })
    }

    pub(super) fn on_opened(&mut self, id: StreamId, stream: Stream) {
        let Some(open) = self.streams.get_mut(&id) else { return };
        let (conn, token) = (open.conn, open.token.clone());
        let Some(number) = self.conns.get(&conn).map(|entry| entry.number) else { return };
        match std::mem::replace(&mut open.state, State::Frames) {
            State::OpeningFrames(inlet) => {
                let Kind::Speak(protocol) = open.kind else { return };
                let Some(about) = self.about(id, conn, protocol) else { return };
                self.run_frames(id, number, true, stream, inlet, about);
            }
            State::OpeningFetch(wanted) => {
                open.state = State::Fetching(wanted.blob());
                let Some(about) = self.about(id, conn, Protocol::Blob) else { return };
                let files = Arc::clone(&self.blobs);
                self.tasks.spawn(async move {
                    Ended::Fetched(id, blobs::fetch(stream, files, wanted, token, about).await)
                });
            }
            other => open.state = other,
        }
    }

    /// Starts a stream of frames once the machine has been told of it.
    fn run_frames(
        &mut self,
        id: StreamId,
        conn: ConnId,
        ours: bool,
        stream: Stream,
        inlet: Inlet,
        about: About,
    ) {
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
        // Apart: each future around it would keep room for it twice, of what is there for every stream of every friend.
        let work = Box::pin(work);
        self.tasks.spawn(async move {
            token.run_until_cancelled(work).await;
            Ended::Over(id)
        });
    }

    pub(super) fn run_ping(
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
        let work = Box::pin(work);
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
}
