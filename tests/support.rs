//! Real nodes for tests: processes of the built program, each on a home of its own, always ended with the test.
//!
//! A [`Node`] is started as a person would start it (`tidings run`), on loopback and on ports of the system's choice, and
//! spoken to in two ways: by the command line ([`Node::cli`]), a process for each command, and where time is measured or
//! much is asked by the API that the command line itself uses ([`Node::get`]).
//!
//! Invariants: nothing waits without an end, and what waits in vain says what the node last logged; every process sits
//! in a process group of its own, which is killed when the [`Node`] is dropped, whatever happened; no port is fixed.
//! Tests that measure time or fill both cores take [`alone`] first.

#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

#[path = "support/browser.rs"]
pub mod browser;
#[cfg(target_os = "linux")]
#[path = "support/clock.rs"]
pub mod clock;
#[path = "../node/src/media/exif.rs"]
mod exif;
#[path = "support/friends.rs"]
pub mod friends;
#[path = "support/many.rs"]
pub mod many;
#[path = "support/moments.rs"]
pub mod moments;
#[path = "support/network.rs"]
pub mod network;
#[path = "support/node.rs"]
pub mod node;
#[path = "support/photo.rs"]
pub mod photo;
#[path = "support/record.rs"]
pub mod record;
#[path = "support/seed.rs"]
pub mod seed;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use friends::{befriend, wait_connected};
pub use node::Node;

/// Nothing on one machine takes this long, unless it never comes.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// One test at a time in this process: real nodes beside each other would measure each other.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed has cleaned up behind itself.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks again and again until there is an answer; `None` once the time is over.
pub fn until<T>(patience: Duration, pause: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = ask() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(pause);
    }
}

/// Lowest, middle and highest of some times.
///
/// # Panics
/// Without any.
pub fn spread(times: &[Duration]) -> (Duration, Duration, Duration) {
    let mut times = times.to_vec();
    times.sort();
    let middle = times.len() / 2;
    let median =
        if times.len().is_multiple_of(2) { (times[middle - 1] + times[middle]) / 2 } else { times[middle] };
    (times[0], median, times[times.len() - 1])
}
