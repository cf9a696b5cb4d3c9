//! `/tidings/sync/1`: how two nodes find the epochs that both hold, and make what they know of them equal.
//!
//! Alice and Bob are connected. Neither may learn which epochs the other holds, except those that both hold. So they
//! exchange *tags*: values that only a holder of an epoch's tag key can make or recognise, good for this session
//! alone. Bob answers Alice's tags with his own for the ones he knows; the rest, and the random padding between them,
//! tell him nothing. An author needs no tags towards a recipient and says `Mine`.
//!
//! ```text
//!  Hello ──► ◄── Hello            nonces, records; the owner judges them
//!  Mine …                         own epochs, to their recipients
//!  Tags 1 ──► ◄── Matched         ~contact epochs: gives the mutual friends        ([`session`], matching)
//!  Tags 2 ──► ◄── Matched         posts of mutual friends; later a round of 64, every 10 ± 2 minutes
//!  Digest ◄─► Have ──► Want ──►   per matched epoch: compare, list, ask            (reconcile, fetch)
//!  ◄── Entry, Gone                newest first, within credit                      (serve)
//!  Head, Entry                    what is fresh: announced, or pushed at once
//! ```
//!
//! What is compared is what is *known*, never what is kept or shown (docs/protocol.md 3.4): any connected schedule of
//! sessions converges on the same known sets above the floors (I4).
//!
//! What it does not do: it verifies nothing, stores nothing, opens nothing. The owner decides which epochs a peer may
//! be offered and given ([`Scope`], [`Log`]), judges every entry that comes out, and says what it stored.
//!
//! Invariants: a frame never leaves because an epoch opened, but for `Mine` (I7); a tag matches in this session only
//! (I8); nothing below a floor is asked for (I17); at most 1 MiB is outstanding, and as much unsent (I27); whatever a
//! peer sends, state stays within `limits` and nothing panics.
//!
//! Source: docs/protocol.md 3.7, 3.8.

mod frame;
mod interval;
mod log;
mod session;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use frame::{
    ByeReason, EntryFrame, FEATURE_DIGESTS, FEATURE_RUNS, Frame, Gone, HANDLE_STEP, Have, Hello, Ids, Left,
    MatchedItem, MatchedRun, NO_HANDLE, PageDigest, Tag, group_digest, handle_at, place_of, run_proof,
};
pub use interval::{IntervalSet, SEQ_MAX};
pub use log::{HEADER_LEN, Held, Known, Log, LogState, Sum};
pub use session::{Class, Config, Epoch, Fault, FaultKind, How, Output, Scope, Session, Severity};
