//! What a bench says to one of its nodes, and hears: lines of JSON over the node's own pipes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tidings::furnish::Plan;
use tidings::time::Timestamp;

/// Something for a node to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Open the home, with network if there are addresses to listen on. Answer: `at`, `ms`.
    Open {
        /// Multiaddrs.
        listen: Vec<String>,
    },
    /// Close it again, cleanly.
    Close,
    /// Make an invite that is confirmed beforehand. Answer: `link`.
    Invite,
    /// Redeem one, and wait until both are friends.
    Accept {
        /// The link.
        link: String,
    },
    /// Wait until nothing is owed to anybody who is here. Answer: `ok`.
    Settle,
    /// Wait until so many friends are connected.
    Meet {
        /// How many.
        friends: usize,
    },
    /// From now on, count moments that arrive and note the time at which each of these counts is reached.
    Listen {
        /// Counts, ascending.
        marks: Vec<u64>,
    },
    /// Wait until the last mark is reached. Answer: `at`, a time for each mark.
    Heard,
    /// How many moments the home holds. Answer: `moments`.
    Count,
    /// Write posts of about 300 bytes. Answer: `begun` and `took_ms`, a value for each, and `ms` for all.
    Post {
        /// How many.
        count: u64,
        /// How many of them wait at the same time.
        in_flight: usize,
        /// Pause between two, ms; for posts one by one.
        pause_ms: u64,
    },
    /// Closed: make the people of a plan friends, and take what they wrote but for these.
    Furnish {
        /// The plan.
        plan: PlanLine,
        /// Which are left out; all, if `join` alone is wanted.
        without: Vec<u64>,
        /// No moment at all.
        join_only: bool,
        /// Only these.
        only: Option<Vec<u64>>,
    },
    /// Closed: read pages at random places, or as many records of the bare store. Answer: `ms`, a value for each.
    Pages {
        /// The plan by which the home was furnished.
        plan: PlanLine,
        /// How many.
        rounds: usize,
        /// Whether the bare store reads as many records, and nobody opens them.
        is_bare: bool,
    },
    /// Closed: walk once through everything for what has expired, then let go of the oldest. Answer: `walk_ms`, `full_ms`.
    Steps {
        /// The plan by which the home was furnished.
        plan: PlanLine,
    },
    /// Be many people at once: each makes a home, opens it with network and makes an invite. Answer: `links`.
    Crowd {
        /// Their homes.
        homes: Vec<PathBuf>,
    },
    /// Open and close the bare store in a folder. Answer: `ms`.
    OpenStore {
        /// The folder.
        folder: PathBuf,
    },
    /// Seal a film and post it.
    ShareFilm {
        /// Its length.
        bytes: u64,
        /// Each round has another.
        round: u64,
    },
    /// Seal a film and leave it at that. Answer: `ms`; and what it takes to hash and to encrypt as many bytes, nothing
    /// else: `hash_ms`, `cipher_ms`.
    SealFilm {
        /// Its length.
        bytes: u64,
        /// Each round has another.
        round: u64,
    },
    /// From now on, wait for a film.
    AwaitFilm {
        /// Its length.
        bytes: u64,
    },
    /// Wait until it was stored and read. Answer: `ms`, since its moment was here.
    FilmCame,
    /// Serve bytes on a bare libp2p stream. Answer: `address`.
    ServeBare {
        /// A multiaddr.
        listen: String,
    },
    /// Read so many of them. Answer: `ms`.
    FetchBare {
        /// Where.
        address: String,
        /// How many.
        bytes: u64,
    },
    /// Read a few of them again and again. Answer: `ms`, a time there and back for each.
    PingBare {
        /// Where.
        address: String,
        /// How many bytes each time.
        bytes: u64,
        /// How often.
        times: usize,
        /// Pause before each, ms.
        pause_ms: u64,
    },
    /// Do what of a live moment is nothing but primitives and the bare store. Answer: `ms`, a time for each, and
    /// `wake_ms`, how long four sleeping threads took to wake in a row after each.
    LiveParts {
        /// How often.
        times: usize,
        /// Pause before each, ms.
        pause_ms: u64,
    },
    /// Make so many bare connections there and keep them.
    HoldBare {
        /// Where.
        address: String,
        /// How many.
        connections: usize,
    },
    /// How many of them are there still. Answer: `connections`.
    HeldBare,
    /// Do to so many bytes what a film takes of processors beside the stream.
    FilmParts {
        /// How many.
        bytes: u64,
    },
    /// Do to so many moments what fetching them takes of processors beside the stream.
    BackfillParts {
        /// How many.
        moments: u64,
    },
    /// Write so many into a file and sync it. Answer: `ms`.
    WriteBare {
        /// How many.
        bytes: u64,
    },
}

/// A plan as it is said.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PlanLine {
    seed: u64,
    authors: u64,
    moments: u64,
    newest_ms: u64,
    pace_ms: u64,
}

impl From<Plan> for PlanLine {
    fn from(plan: Plan) -> Self {
        let Plan { seed, authors, moments, newest, pace_ms } = plan;
        Self { seed, authors, moments, newest_ms: newest.as_millis(), pace_ms }
    }
}

impl From<PlanLine> for Plan {
    fn from(line: PlanLine) -> Self {
        let PlanLine { seed, authors, moments, newest_ms, pace_ms } = line;
        Self { seed, authors, moments, newest: Timestamp::from_millis(newest_ms), pace_ms }
    }
}
