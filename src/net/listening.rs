//! Where this node listens, told once for all addresses that come together.
//!
//! Each listener tells of its addresses by itself, one after the other. The machine writes them into its DeviceRecord, signs
//! it and has it go to every friend: told one by one, each start would make as many records, wait for the disk as often, and
//! send the friends what they have. So a change is told when nothing else is to be heard, and at the start when every
//! listener has spoken; those that have nothing to say (a family without an address) are waited for no longer than
//! [`LISTEN_GRACE_MS`].
//!
//! It does not: keep addresses, or listen.

use std::time::Duration;

use libp2p::core::transport::ListenerId;
use tokio::time::{Instant, sleep_until};

use crate::limits::LISTEN_GRACE_MS;

/// What is still to be told.
#[derive(Debug)]
pub(super) struct Listening {
    /// Listeners that have said nothing yet.
    silent: Vec<ListenerId>,
    /// When a change is told.
    due: Option<Instant>,
}

impl Listening {
    pub(super) const fn new(listeners: Vec<ListenerId>) -> Self {
        Self { silent: listeners, due: None }
    }

    /// A listener has another address, or one less.
    pub(super) fn changed(&mut self, listener: ListenerId, now: Instant) {
        self.silent.retain(|silent| *silent != listener);
        let end = now.checked_add(Duration::from_millis(LISTEN_GRACE_MS)).unwrap_or(now);
        self.due = Some(if self.silent.is_empty() { now } else { self.due.unwrap_or(end) });
    }

    /// Whether there is something to tell.
    pub(super) const fn has_changed(&self) -> bool {
        self.due.is_some()
    }

    /// When it is to be told.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// It is told now; whoever was silent is waited for no more.
    pub(super) fn told(&mut self) {
        self.silent.clear();
        self.due = None;
    }
}

/// Waits until a change is due, if there is one.
pub(super) async fn due(at: Option<Instant>) {
    match at {
        // A timer would wait for the next millisecond.
        Some(at) if at <= Instant::now() => {}
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(now: Instant, ms: u64) -> Instant {
        now + Duration::from_millis(ms)
    }

    #[test]
    fn it_is_told_when_all_have_spoken() {
        let (one, two, now) = (ListenerId::next(), ListenerId::next(), Instant::now());
        let mut listening = Listening::new(vec![one, two]);
        assert_eq!(listening.due(), None);
        listening.changed(one, now);
        assert_eq!(listening.due(), Some(later(now, LISTEN_GRACE_MS)));
        listening.changed(two, later(now, 1));
        assert_eq!(listening.due(), Some(later(now, 1)));
        listening.told();
        assert!(!listening.has_changed());
    }

    #[test]
    fn whoever_stays_silent_is_waited_for_once_and_not_for_ever() {
        let (one, two, now) = (ListenerId::next(), ListenerId::next(), Instant::now());
        let mut listening = Listening::new(vec![one, two]);
        listening.changed(one, now);
        // Another address of the same listener does not make the wait longer.
        listening.changed(one, later(now, LISTEN_GRACE_MS - 1));
        assert_eq!(listening.due(), Some(later(now, LISTEN_GRACE_MS)));
        listening.told();
        listening.changed(one, later(now, 2 * LISTEN_GRACE_MS));
        assert_eq!(listening.due(), Some(later(now, 2 * LISTEN_GRACE_MS)));
    }
}
