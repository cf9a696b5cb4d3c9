//! Thousands of whole services in one process, on a clock and a network that are values: what people would see, what it
//! costs them, and that nobody sees what is not for them.
//!
//! ```text
//!  Scenario ─▶ graph of friends ─▶ homes (node) ─┐
//!                                                ▼
//!  rhythm: who is online when ───────────▶  World: queue of (time, number)
//!  faults: loss, partitions, crashes,            │  round by round, nodes on all threads (round, crew):
//!          clocks apart, liars ─────────▶        ▼
//!                                          Service::handle / wake / a verb ─▶ commit ─▶ outputs ─▶ shell ─▶ queue
//!                                                                                          │
//!                                     ledger: who should have what, who has it  ◀──────────┘─▶ traffic: bytes, kinds
//! ```
//!
//! **What is real**: every node is a [`crate::service::Service`] with its own keys and store, started from that store
//! and stopped as its person comes and goes. Signing, sealing, parcels, couriers, tags, comparing, asking and serving
//! are the code that ships. **What is shared** among nodes, because it is a function of bytes: the verdict on a
//! signature (`crypto::verified`) and the memory in which the body of an entry lies (`sim::store`). **What is not
//! there**: the transport (bytes are those of frames with their four bytes of length; what TCP, QUIC and Noise add is
//! not counted), sealing at rest (its bytes are counted), photos, and pairing, whose records a home begins with.
//!
//! One seed is one run: the same trace, hash for hash ([`Report::trace`]), on one thread and on several. Nothing here reads
//! a clock, a file or the system's randomness.
//!
//! Source: docs/scale.md; docs/protocol.md 3.20.

mod crew;
mod graph;
mod ledger;
mod life;
mod node;
pub mod plot;
mod queue;
pub mod report;
mod rhythm;
mod round;
pub mod scenario;
mod shell;
mod store;
mod traffic;
mod world;

pub use ledger::Breach;
pub use report::Report;
pub use scenario::Scenario;

/// A person of a simulation, by number.
pub(crate) type Who = usize;

/// Runs a scenario to its end, on one thread. `progress` hears what has been reached, for whoever waits.
pub fn run(scenario: &Scenario, seed: u64, progress: &mut dyn FnMut(&str)) -> Report {
    run_on(1, scenario, seed, progress)
}

/// The same on so many threads. It comes to the same, sooner.
pub fn run_on(threads: usize, scenario: &Scenario, seed: u64, progress: &mut dyn FnMut(&str)) -> Report {
    let sharing = crate::crypto::share_verdicts();
    crew::Crew::with(threads, &sharing, |crew| world::World::new(scenario.clone(), seed, crew).live(progress))
}
