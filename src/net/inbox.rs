//! The queue of events between the network and the machine, bounded in events and in bytes.
//!
//! A frame waits here until the machine takes it; a stream whose frame finds no room reads no further, so that its peer
//! waits and not this program's memory. Room is given in the order in which it was asked for: one stream with long frames
//! gets its turn and no more, whatever it sends. Beyond the room each stream holds the one frame that it waits with.
//!
//! ```text
//!  stream tasks ──frame, room for its bytes──▶ ┌───────────────┐ ──▶ machine (room is free again)
//!  driver ──everything else, no bytes────────▶ └───────────────┘
//! ```
//!
//! What it does not do: it does not bound what a machine holds that has taken an event.
//!
//! Source: docs/protocol.md 3.18; docs/adr/0013-sync-at-speed.md.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

use crate::limits::{EVENT_QUEUE_BYTES_LIMIT, EVENT_QUEUE_LIMIT};
use crate::link::Event;

/// The network is told no more: the machine is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

/// The network's end.
#[derive(Debug, Clone)]
pub struct Sender {
    events: mpsc::Sender<Event>,
    room: Arc<Semaphore>,
}

/// The machine's end.
#[derive(Debug)]
pub struct Inbox {
    events: mpsc::Receiver<Event>,
    room: Arc<Semaphore>,
}

/// An empty queue.
pub fn inbox() -> (Sender, Inbox) {
    let (sender, receiver) = mpsc::channel(EVENT_QUEUE_LIMIT);
    let room = Arc::new(Semaphore::new(EVENT_QUEUE_BYTES_LIMIT));
    (Sender { events: sender, room: Arc::clone(&room) }, Inbox { events: receiver, room })
}

/// What an event takes of the room. A frame is never longer than the room: the shell reads none that is.
fn weight(event: &Event) -> usize {
    match event {
        Event::Frame { frame, .. } => frame.len().min(EVENT_QUEUE_BYTES_LIMIT),
        _ => 0,
    }
}

impl Sender {
    /// Waits for room and puts an event into the queue.
    pub(super) async fn send(&self, event: Event) -> Result<(), Gone> {
        let weight = weight(&event);
        if weight == 0 {
            return self.events.send(event).await.map_err(|_| Gone);
        }
        let weight = u32::try_from(weight).map_err(|_| Gone)?;
        let room = self.room.acquire_many(weight).await.map_err(|_| Gone)?;
        self.events.send(event).await.map_err(|_| Gone)?;
        // The machine gives it back.
        room.forget();
        Ok(())
    }

    /// Puts an event that weighs nothing into the queue, if there is a place.
    pub(super) fn try_send(&self, event: Event) -> Result<(), Gone> {
        debug_assert_eq!(weight(&event), 0, "what has bytes waits for their room");
        self.events.try_send(event).map_err(|_| Gone)
    }

    /// Waits for the place of an event that weighs nothing.
    pub(super) async fn reserve(&self) -> Result<mpsc::Permit<'_, Event>, Gone> {
        self.events.reserve().await.map_err(|_| Gone)
    }
}

impl Inbox {
    /// How many events wait.
    pub fn waiting(&self) -> usize {
        self.events.len()
    }

    /// Waits for the next event; `None` once the network is gone and everything was taken.
    pub async fn recv(&mut self) -> Option<Event> {
        let event = self.events.recv().await?;
        Some(self.taken(event))
    }

    /// The next event, if one waits.
    pub fn try_recv(&mut self) -> Option<Event> {
        let event = self.events.try_recv().ok()?;
        Some(self.taken(event))
    }

    fn taken(&self, event: Event) -> Event {
        self.room.add_permits(weight(&event));
        event
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // Nobody waits for room that nobody will make.
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::limits::FRAME_LIMIT;
    use crate::link::{ConnId, StreamId};

    const SOON: Duration = Duration::from_millis(50);

    fn frame(stream: u64, len: usize) -> Event {
        Event::Frame { stream: StreamId(stream), frame: vec![0; len] }
    }

    #[tokio::test]
    async fn it_holds_its_limit_of_bytes_and_not_one_more() {
        let (sender, mut inbox) = inbox();
        for n in 0..EVENT_QUEUE_BYTES_LIMIT / FRAME_LIMIT {
            assert_eq!(sender.send(frame(1, FRAME_LIMIT)).await, Ok(()), "{n}");
        }
        assert!(timeout(SOON, sender.send(frame(1, 1))).await.is_err(), "one byte more");
        let word = Event::Disconnected { conn: ConnId(1) };
        assert!(timeout(SOON, sender.send(word)).await.is_ok(), "what has no bytes needs no room");
        assert!(inbox.try_recv().is_some());
        assert!(timeout(SOON, sender.send(frame(1, FRAME_LIMIT))).await.is_ok(), "as much as was taken");
        assert!(timeout(SOON, sender.send(frame(1, 1))).await.is_err(), "and no more");
    }

    #[tokio::test]
    async fn it_holds_its_limit_of_events_and_not_one_more() {
        let (sender, inbox) = inbox();
        for _ in 0..EVENT_QUEUE_LIMIT {
            assert_eq!(sender.send(frame(1, 1)).await, Ok(()));
        }
        assert!(timeout(SOON, sender.send(frame(1, 1))).await.is_err());
        drop(inbox);
        assert_eq!(sender.send(frame(1, 1)).await, Err(Gone));
    }

    #[tokio::test]
    async fn whoever_gives_up_waiting_leaves_the_room_as_it_was() {
        let (sender, mut inbox) = inbox();
        while timeout(SOON, sender.send(frame(1, FRAME_LIMIT))).await.is_ok() {}
        for _ in 0..3 {
            assert!(timeout(SOON, sender.send(frame(1, FRAME_LIMIT))).await.is_err());
        }
        while inbox.try_recv().is_some() {}
        assert_eq!(inbox.room.available_permits(), EVENT_QUEUE_BYTES_LIMIT);
    }

    #[tokio::test]
    async fn one_who_fills_it_lets_the_next_in_as_soon_as_there_is_room() {
        let (sender, mut inbox) = inbox();
        let greedy = tokio::spawn({
            let sender = sender.clone();
            async move { while sender.send(frame(1, FRAME_LIMIT)).await.is_ok() {} }
        });
        while inbox.room.available_permits() >= FRAME_LIMIT {
            tokio::task::yield_now().await;
        }
        let modest = tokio::spawn(async move { sender.send(frame(2, 100)).await });
        tokio::task::yield_now().await;
        // What lies there, what the greedy one puts in its place before the other has run, and as much for chance.
        let most = 4 * EVENT_QUEUE_BYTES_LIMIT / FRAME_LIMIT;
        let mut taken = 0;
        while !matches!(inbox.recv().await, Some(Event::Frame { stream: StreamId(2), .. })) {
            taken += 1;
            assert!(taken <= most, "the greedy one got {taken} turns first");
        }
        assert_eq!(modest.await.expect("no panic"), Ok(()));
        drop(inbox);
        greedy.await.expect("ends");
    }
}
