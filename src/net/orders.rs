//! What each order does.
//!
//! An order about something that is gone does nothing, or is answered as if it had failed at once: the machine cannot
//! know yet.

use libp2p::swarm::ConnectionId;

use super::blobs::Wanted;
use super::driver::Driver;
use super::frames;
use super::handler::Kind;
use super::streams::State;
use crate::id::BlobId;
use crate::limits::FRAME_LIMIT;
use crate::link::{ConnId, Event, Order, Protocol, StreamId};

impl Driver {
    pub(super) fn on_order(&mut self, order: Order) {
        match order {
            Order::Admit { nodes } => self.swarm.behaviour_mut().admit(nodes),
            Order::OpenPairing(is_open) => self.swarm.behaviour_mut().open_pairing(is_open),
            Order::Dial { attempt, node, addresses } => {
                self.swarm.behaviour_mut().dial(attempt, node, &addresses);
            }
            Order::OpenStream { conn, stream, protocol } => self.open_stream(conn, stream, protocol),
            Order::Send { stream, frame } => self.send(stream, frame),
            Order::CloseStream { stream } => self.close_stream(stream),
            Order::Hangup { conn } => {
                if let Some(conn) = self.numbers.get(&conn) {
                    self.swarm.behaviour_mut().close(*conn);
                }
            }
            Order::ServeBlob { stream, blob } => {
                tracing::trace!(blob = %blob.short(), "serving");
                self.decide(stream, true);
            }
            Order::RefuseBlob { stream } => self.decide(stream, false),
            Order::FetchBlob { conn, blob, bytes } => self.fetch_blob(conn, blob, bytes),
        }
    }

    fn open_stream(&mut self, conn: ConnId, stream: StreamId, protocol: Protocol) {
        if self.streams.contains_key(&stream) {
            tracing::error!(?stream, "a stream's number is used twice");
            return;
        }
        let (outlet, inlet) = frames::queue();
        let opened =
            self.numbers.get(&conn).copied().filter(|_| protocol != Protocol::Blob).and_then(|conn| {
                self.put(stream, conn, Kind::Speak(protocol), true, State::OpeningFrames(inlet))
                    .map(|()| conn)
            });
        let Some(conn) = opened else { return self.tell(Event::StreamClosed { stream }) };
        if let Some(open) = self.streams.get_mut(&stream) {
            open.outlet = Some(outlet);
        }
        self.swarm.behaviour_mut().open(conn, stream, protocol);
    }

    fn send(&mut self, stream: StreamId, frame: Vec<u8>) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        let Some(outlet) = &open.outlet else { return };
        if frame.len() > FRAME_LIMIT {
            tracing::error!(len = frame.len(), "a frame of our own is too long; its stream is closed");
        } else if outlet.send(frame).is_ok() {
            return;
        } else {
            tracing::debug!(?stream, "too much is waiting for a stream; it is closed");
        }
        self.cut(stream);
    }

    /// Ends a stream without what is still waiting.
    fn cut(&mut self, stream: StreamId) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        open.outlet = None;
        open.token.cancel();
        if matches!(open.state, State::OpeningFrames(_)) {
            self.forget(stream, None);
        }
    }

    fn close_stream(&mut self, stream: StreamId) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        match open.state {
            State::Asked(_) => self.decide(stream, false),
            // Without an outlet the task writes what is waiting and ends.
            _ => open.outlet = None,
        }
    }

    fn decide(&mut self, stream: StreamId, yes: bool) {
        let Some(open) = self.streams.get_mut(&stream) else { return };
        match std::mem::replace(&mut open.state, State::Serving) {
            State::Asked(decision) => {
                // The asker may be gone.
                let _ = decision.send(yes);
            }
            other => open.state = other,
        }
    }

    fn fetch_blob(&mut self, number: ConnId, blob: BlobId, bytes: u64) {
        let wanted = Wanted::Begin { blob, bytes };
        match self.numbers.get(&number).copied() {
            Some(conn) => self.fetch_on(conn, number, wanted),
            None => self.tell(Event::BlobFailed { blob, conn: number, lied: false }),
        }
    }

    /// Opens a stream for a blob, or for the rest of one.
    pub(super) fn fetch_on(&mut self, conn: ConnectionId, number: ConnId, wanted: Wanted) {
        let (stream, blob) = (self.next_stream_id(), wanted.blob());
        let kind = Kind::Speak(Protocol::Blob);
        match self.put(stream, conn, kind, true, State::OpeningFetch(wanted)) {
            Some(()) => self.swarm.behaviour_mut().open(conn, stream, Protocol::Blob),
            None => self.tell(Event::BlobFailed { blob, conn: number, lied: false }),
        }
    }
}
