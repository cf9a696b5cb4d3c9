//! The last events, and everybody who listens.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::limits::{EVENT_LISTENER_LIMIT, EVENT_MEMORY_LIMIT};
use crate::view::Event;

/// Remembers the last events and hands new ones to listeners.
#[derive(Debug, Clone)]
pub(super) struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    last: Mutex<VecDeque<Event>>,
    live: Mutex<Option<broadcast::Sender<Event>>>,
}

impl Log {
    pub(super) fn new() -> Self {
        let (live, _) = broadcast::channel(EVENT_LISTENER_LIMIT);
        Self { shared: Arc::new(Shared { last: Mutex::new(VecDeque::new()), live: Mutex::new(Some(live)) }) }
    }

    pub(super) fn push(&self, event: Event) {
        let mut last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= EVENT_MEMORY_LIMIT {
            last.pop_front();
        }
        last.push_back(event.clone());
        if let Some(live) = self.shared.live.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // Without listeners there is nobody to tell.
            let _ = live.send(event);
        }
    }

    /// No more events come: streams end.
    pub(super) fn close(&self) {
        self.shared.live.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(super) fn subscribe(&self, after: Option<u64>) -> EventStream {
        // Under the lock of `last`, so that no event is missed or told twice.
        let last = self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        let past = match after {
            Some(after) => last.iter().filter(|event| event.number > after).cloned().collect(),
            None => VecDeque::new(),
        };
        let live = self
            .shared
            .live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(broadcast::Sender::subscribe);
        EventStream { past, live }
    }
}

/// Events, oldest first.
#[derive(Debug)]
pub struct EventStream {
    past: VecDeque<Event>,
    live: Option<broadcast::Receiver<Event>>,
}

impl EventStream {
    /// The next event; `None` once the node stops or this listener fell too far behind.
    ///
    /// # Cancel
    /// May be dropped; no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        match self.past.pop_front() {
            Some(event) => Some(event),
            None => self.live.as_mut()?.recv().await.ok(),
        }
    }
}
