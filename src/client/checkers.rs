//! Threads that check entries ahead of their turn, so that a backfill uses every core.
//!
//! The service's thread hands over what waits ([`crate::service::Check`]), goes on with what was handed over before, and
//! takes the results when it comes to them. The threads hold no state and decide nothing; without them every entry would
//! be checked in its turn, with the same outcome.
//!
//! They start with the first backlog and stay: a node that only hears its friends live never has them.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::service::{Check, Checked, ReadyKeys};

/// Threads at most: beyond four the service's own thread is what everything waits for.
const THREADS_MAX: usize = 4;
/// Entries that one thread takes at a time.
const PART: usize = 16;
/// Parts that wait for a thread, or to be taken; a run of events makes at most four, and six runs are under way.
const PARTS_QUEUE: usize = 32;

/// Some checks, and where the results go.
struct Part {
    checks: Vec<Check>,
    done: SyncSender<Vec<Checked>>,
}

/// The threads.
pub(super) struct Checkers {
    parts: SyncSender<Part>,
    threads: Vec<JoinHandle<()>>,
}

/// Checks that are under way.
pub(super) struct UnderWay {
    done: Receiver<Vec<Checked>>,
}

impl UnderWay {
    /// Waits for all of them. Of a thread that broke nothing comes, and its entries are checked in their turn.
    pub(super) fn wait(self) -> impl Iterator<Item = Checked> {
        self.done.into_iter().flatten()
    }
}

impl Checkers {
    pub(super) fn start() -> Self {
        let (parts, queue) = sync_channel::<Part>(PARTS_QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let count = std::thread::available_parallelism().map_or(1, |n| n.get().min(THREADS_MAX));
        let work = |queue: Arc<Mutex<Receiver<Part>>>| {
            let mut keys = ReadyKeys::default();
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(Part { checks, done }) = next else { return };
                // Whoever asked may be gone: the node is stopping.
                let _ = done.send(checks.into_iter().filter_map(|check| check.run_with(&mut keys)).collect());
            }
        };
        let spawn = |queue| std::thread::Builder::new().spawn(move || work(queue));
        // A system that has no room for threads gives fewer, or none: then nobody takes a part.
        let threads = (0..count).map(|_| Arc::clone(&queue)).filter_map(|queue| spawn(queue).ok());
        Self { parts, threads: threads.collect() }
    }

    /// Begins to run some checks.
    pub(super) fn begin(&self, mut checks: Vec<Check>) -> UnderWay {
        let (done, results) = sync_channel(PARTS_QUEUE);
        while !checks.is_empty() {
            let rest = checks.split_off(checks.len().min(PART));
            let part = Part { checks: std::mem::replace(&mut checks, rest), done: done.clone() };
            // Fails only if there is no thread, or every one has panicked: then each entry is checked in its turn.
            let _ = self.parts.send(part);
        }
        UnderWay { done: results }
    }

    pub(super) fn stop(self) {
        let Self { parts, threads } = self;
        drop(parts);
        for thread in threads {
            // A broken thread has checked nothing more; there is nothing else to do with it.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_check_is_done_at_once_and_threads_end() {
        let checkers = Checkers::start();
        assert_eq!(checkers.begin(Vec::new()).wait().count(), 0);
        checkers.stop();
    }
}
