//! The last events, and everybody who listens.
//!
//! One log for all: an event is kept once, however many listen, and a listener is no more than a place in the log. An
//! event carries its moment in full, with every comment, so that a count says nothing about memory: the log is bounded
//! in bytes and drops its oldest. A listener whose next event is gone sees the stream end and reads the timeline anew.
//!
//! What it does not do: wait for listeners, or keep anything for one alone.
//!
//! Invariants: numbers ascend; the log weighs at most [`EVENT_MEMORY_BYTES_LIMIT`] unless its one event is heavier.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::limits::{EVENT_MEMORY_BYTES_LIMIT, EVENT_MEMORY_LIMIT};
use crate::view::{Event, Happening, Moment};

/// Remembers the last events and hands new ones to listeners.
#[derive(Debug, Clone)]
pub(super) struct Log {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    last: Mutex<Last>,
    /// Says that the log has grown; gone once no more events come.
    grown: Mutex<Option<watch::Sender<u64>>>,
}

/// The events remembered.
#[derive(Debug, Default)]
struct Last {
    events: VecDeque<(usize, Arc<Event>)>,
    bytes: usize,
    /// The number of the newest event that is remembered no more.
    dropped: u64,
    newest: u64,
}

impl Last {
    fn push(&mut self, event: Event) {
        let weight = weight(&event);
        self.newest = event.number;
        self.bytes = self.bytes.saturating_add(weight);
        self.events.push_back((weight, Arc::new(event)));
        while self.events.len() > 1
            && (self.events.len() > EVENT_MEMORY_LIMIT || self.bytes > EVENT_MEMORY_BYTES_LIMIT)
        {
            let Some((weight, event)) = self.events.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(weight);
            self.dropped = event.number;
        }
    }

    /// The first event after a number.
    fn after(&self, number: u64) -> Option<&Arc<Event>> {
        let at = self.events.partition_point(|(_, event)| event.number <= number);
        self.events.get(at).map(|(_, event)| event)
    }
}

impl Shared {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grown(&self) -> MutexGuard<'_, Option<watch::Sender<u64>>> {
        self.grown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    pub(super) fn new() -> Self {
        let (grown, _) = watch::channel(0);
        Self { shared: Arc::new(Shared { last: Mutex::default(), grown: Mutex::new(Some(grown)) }) }
    }

    pub(super) fn push(&self, event: Event) {
        let number = event.number;
        self.shared.last().push(event);
        if let Some(grown) = self.shared.grown().as_ref() {
            grown.send_replace(number);
        }
    }

    /// No more events come: streams end.
    pub(super) fn close(&self) {
        self.shared.grown().take();
    }

    /// From the event after that number as far as remembered; without one, from the next that comes.
    pub(super) fn subscribe(&self, after: Option<u64>) -> EventStream {
        let grown = self.shared.grown().as_ref().map(watch::Sender::subscribe);
        let last = self.shared.last();
        // Who asks for what is no longer remembered begins with the oldest that is.
        let from = after.map_or(last.newest, |after| after.max(last.dropped));
        let has_missed = after.is_some_and(|after| after < from);
        EventStream { shared: Arc::clone(&self.shared), after: from, has_missed, grown }
    }
}

/// Events, oldest first.
#[derive(Debug)]
pub struct EventStream {
    shared: Arc<Shared>,
    /// The number of the last event that was handed out.
    after: u64,
    has_missed: bool,
    grown: Option<watch::Receiver<u64>>,
}

impl EventStream {
    /// Whether events after the one that was named are remembered no more: read the timeline anew.
    pub fn has_missed(&self) -> bool {
        self.has_missed
    }

    /// The next event; `None` once the node stops or this listener fell too far behind.
    ///
    /// # Cancel
    /// May be dropped; no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(grown) = &mut self.grown {
                grown.mark_unchanged();
            }
            {
                let last = self.shared.last();
                if self.after < last.dropped {
                    return None;
                }
                if let Some(event) = last.after(self.after) {
                    let event = Arc::clone(event);
                    drop(last);
                    self.after = event.number;
                    return Some(Arc::unwrap_or_clone(event));
                }
            }
            // The sender is gone: nothing more comes.
            self.grown.as_mut()?.changed().await.ok()?;
        }
    }
}

/// What an event takes in memory, bytes, near enough: the texts that others write, and the room of each value.
fn weight(event: &Event) -> usize {
    let moment = match &event.what {
        Happening::Moment { moment } | Happening::Interaction { moment } => moment_weight(moment),
        Happening::Notice { notice, .. } => size_of_val(&**notice).saturating_add(notice.text.len()),
        _ => 0,
    };
    moment.saturating_add(size_of::<Event>())
}

fn moment_weight(moment: &Moment) -> usize {
    let comments = moment.comments.iter().map(|comment| {
        size_of_val(comment).saturating_add(comment.text.len()).saturating_add(comment.author.name.len())
    });
    let people = moment.likes.iter().chain(&moment.mentions);
    let people = people.map(|person| size_of_val(person).saturating_add(person.name.len()));
    let photos = moment.photos.iter().map(|photo| {
        let alt = photo.alt.as_ref().map_or(0, String::len);
        size_of_val(photo).saturating_add(alt).saturating_add(photo.thumbhash.len())
    });
    let link = moment.link.as_ref().map_or(0, |link| {
        let texts = [&link.url, &link.title, &link.description, &link.site];
        texts.iter().map(|text| text.len()).sum()
    });
    let fixed = [size_of_val(moment), moment.text.len(), link];
    comments.chain(people).chain(photos).chain(fixed).fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EntryId, UserId};
    use crate::time::Timestamp;
    use crate::view::{Author, Comment, Person};

    fn small(number: u64) -> Event {
        let what = Happening::Withdrawn { id: EntryId::from_bytes([1; 32]) };
        Event { number, at: Timestamp::from_millis(number), what }
    }

    /// An event whose moment has one comment of so many bytes.
    fn heavy(number: u64, bytes: usize) -> Event {
        let person = Person { id: UserId::from_bytes([2; 32]), name: String::new() };
        let comment = Comment {
            id: EntryId::from_bytes([3; 32]),
            author: person.clone(),
            text: "x".repeat(bytes),
            reply_to: None,
            hidden: false,
            created_at: Timestamp::from_millis(1),
        };
        let moment = Moment {
            id: EntryId::from_bytes([4; 32]),
            author: Author { id: person.id, name: person.name, me: false, avatar: None },
            created_at: Timestamp::from_millis(1),
            received_at: Timestamp::from_millis(1),
            kind: "post",
            text: String::new(),
            photos: Vec::new(),
            video: None,
            link: None,
            place: None,
            mood: None,
            mentions: Vec::new(),
            shareable: false,
            shared_from: None,
            card: None,
            app: None,
            sponsored: None,
            likes: Vec::new(),
            liked_by_me: false,
            comments: vec![comment],
            audience: None,
            delivery: None,
            pinned: false,
            faved: false,
            muted: false,
            missing: Vec::new(),
        };
        let what = Happening::Interaction { moment: Box::new(moment) };
        Event { number, at: Timestamp::from_millis(number), what }
    }

    fn numbers(log: &Log) -> Vec<u64> {
        log.shared.last().events.iter().map(|(_, event)| event.number).collect()
    }

    #[test]
    fn what_is_remembered_fits_its_bytes_whatever_events_carry() {
        let log = Log::new();
        let one = weight(&heavy(1, 0));
        // Two that fill the room to the last byte.
        log.push(heavy(1, EVENT_MEMORY_BYTES_LIMIT / 2 - one));
        log.push(heavy(2, EVENT_MEMORY_BYTES_LIMIT / 2 - one));
        assert_eq!(numbers(&log), [1, 2]);
        assert_eq!(log.shared.last().bytes, EVENT_MEMORY_BYTES_LIMIT);
        log.push(small(3));
        assert_eq!(numbers(&log), [2, 3], "one byte too many, and the oldest goes");
        for number in 4..400 {
            log.push(heavy(number, 100_000));
        }
        assert!(log.shared.last().bytes <= EVENT_MEMORY_BYTES_LIMIT);
        log.push(heavy(400, 2 * EVENT_MEMORY_BYTES_LIMIT));
        assert_eq!(numbers(&log), [400], "the newest is remembered, however heavy");
        log.push(small(401));
        assert_eq!(numbers(&log), [401]);
        assert_eq!(log.shared.last().bytes, weight(&small(401)));
    }

    #[test]
    fn so_many_events_are_remembered_and_no_more() {
        let log = Log::new();
        let limit = u64::try_from(EVENT_MEMORY_LIMIT).expect("small");
        (1..=limit).for_each(|number| log.push(small(number)));
        assert_eq!(numbers(&log).first(), Some(&1));
        log.push(small(limit + 1));
        assert_eq!(numbers(&log).first(), Some(&2));
        assert_eq!(numbers(&log).len(), EVENT_MEMORY_LIMIT);
    }

    #[tokio::test]
    async fn a_listener_gets_every_event_once_and_in_order_and_an_end() {
        let log = Log::new();
        log.push(small(1));
        let (mut late, mut early) = (log.subscribe(None), log.subscribe(Some(0)));
        log.push(small(2));
        assert_eq!(early.next().await.map(|event| event.number), Some(1));
        assert_eq!(early.next().await.map(|event| event.number), Some(2));
        assert_eq!(late.next().await.map(|event| event.number), Some(2));
        let waiting = tokio::spawn(async move { (late.next().await, late.next().await) });
        tokio::task::yield_now().await;
        log.push(small(3));
        log.close();
        let (third, end) = waiting.await.expect("it ends");
        assert_eq!((third.map(|event| event.number), end), (Some(3), None));
    }

    #[tokio::test]
    async fn a_listener_too_far_behind_sees_the_end_and_one_that_comes_back_is_told() {
        let log = Log::new();
        log.push(small(1));
        let mut slow = log.subscribe(Some(0));
        log.push(heavy(2, EVENT_MEMORY_BYTES_LIMIT));
        assert_eq!(slow.next().await, None, "event 1 is gone");
        assert!(log.subscribe(Some(0)).has_missed());
        let mut back = log.subscribe(Some(1));
        assert!(!back.has_missed());
        assert_eq!(back.next().await.map(|event| event.number), Some(2));
    }
}
