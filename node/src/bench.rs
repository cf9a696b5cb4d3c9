//! `tidings bench`: how fast this build is on this machine, job by job, beside the floor under each job in the same run.
//!
//! Nodes are processes of this very program and speak over real sockets; people who write a lot but never come are
//! furnished (`tidings::furnish`). What a figure means stands in docs/commands.md; what the jobs are, in docs/adr/0011.
//!
//! ```text
//!  bench ── line of JSON ──▶ bench-node (node.rs)   a node for each home: the library's client, asked over its own
//!        ◀─ line of JSON ──                         pipes, so that loopback carries nothing but what nodes say
//!        ── spawn ─────────▶ run                    the whole program, where its start is measured
//! ```
//!
//! With user namespaces (Linux) the whole run moves into a network of its own, where the counter of loopback counts
//! what is sent: `wire_bytes`. Everything lies in one temporary folder that goes at the end, on Ctrl-C too.
//!
//! What it does not do: compare with other programs, or keep results.

mod apart;
mod append;
mod backfill;
mod blob;
mod catch_up;
mod cold_start;
mod cores;
mod film;
mod floors;
mod idle;
mod line;
mod live;
mod member;
mod million;
mod node;
mod page;
mod photos;
mod report;
mod scratch;

use std::path::PathBuf;

use tidings::furnish::Plan;

use crate::cli::{Ctx, Out};
use crate::error::{Error, Result};
use crate::limits::{
    BENCH_FILM_MIB, BENCH_FILM_MIB_LIMIT, BENCH_MOMENT_LIMIT, BENCH_MOMENTS, BENCH_QUICK_FILM_MIB,
    BENCH_QUICK_MOMENTS,
};
use crate::os;

pub use node::serve;
use report::Row;
use scratch::Scratch;

/// One job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Job {
    /// Append: posts written, in flight and one by one
    #[value(name = "J1")]
    Append,
    /// Backfill: a fresh node fetches everything
    #[value(name = "J2")]
    Backfill,
    /// Catch-up: ten scattered entries differ
    #[value(name = "J3")]
    CatchUp,
    /// Page: 50 moments at random places
    #[value(name = "J4")]
    Page,
    /// Live: from `post` at one node to the other's timeline
    #[value(name = "J5")]
    Live,
    /// Blob: a film of 64 MiB between two nodes, over TCP and over QUIC
    #[value(name = "J6")]
    Blob,
    /// Cold start: from the process's start to the first page
    #[value(name = "J7")]
    ColdStart,
    /// Idle: memory, bytes and CPU of a node whose friends say nothing
    #[value(name = "idle")]
    Idle,
    /// A home of a million moments, in every respect; minutes, and only where it is named
    #[value(name = "million")]
    Million,
}

impl Job {
    /// All that are done when none is named, in the order of their names.
    const ALL: [Self; 8] = [
        Self::Append,
        Self::Backfill,
        Self::CatchUp,
        Self::Page,
        Self::Live,
        Self::Blob,
        Self::ColdStart,
        Self::Idle,
    ];
}

/// What `bench` takes.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Which jobs; all if none is named
    #[arg(value_enum, ignore_case = true)]
    pub jobs: Vec<Job>,
    /// Small and soon: all jobs in about a minute
    #[arg(long)]
    pub quick: bool,
    /// So many moments, instead of 10,000 and 100,000
    #[arg(long, value_name = "N")]
    pub moments: Option<u64>,
    /// Films of so many MiB, instead of 64
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=BENCH_FILM_MIB_LIMIT))]
    pub mib: Option<u64>,
    /// Where the temporary homes go; the disk under it is the one that is measured
    #[arg(long)]
    pub dir: Option<PathBuf>,
}

/// What every job has at hand.
#[derive(Debug)]
pub struct Bench {
    out: Out,
    quick: bool,
    moments: Option<u64>,
    mib: Option<u64>,
    scratch: Scratch,
}

impl Bench {
    /// Tells how far it is, on stderr.
    fn say(&self, text: &str) {
        self.out.note(text);
    }

    /// Prints a result.
    fn row(&self, row: &Row) {
        self.out.answer(&row.to_json(), |out, _| row.to_text(out));
    }

    /// Of how many moments the jobs are done that ask for two sizes.
    fn sizes(&self) -> Vec<u64> {
        match (self.moments, self.quick) {
            (Some(moments), _) => vec![moments],
            (None, true) => vec![BENCH_QUICK_MOMENTS],
            (None, false) => BENCH_MOMENTS.to_vec(),
        }
    }

    /// The large size alone, for jobs about one store.
    fn large(&self) -> u64 {
        self.sizes().into_iter().max().unwrap_or(BENCH_QUICK_MOMENTS)
    }

    /// The small size alone.
    fn small(&self) -> u64 {
        self.sizes().into_iter().min().unwrap_or(BENCH_QUICK_MOMENTS)
    }

    /// How long the films of J6 are.
    fn film_bytes(&self) -> u64 {
        let mib = if self.quick { BENCH_QUICK_FILM_MIB } else { BENCH_FILM_MIB };
        self.mib.unwrap_or(mib) * 1024 * 1024
    }

    /// How often something is done, so that a median means something.
    const fn times(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

/// Runs the jobs.
///
/// # Errors
/// Refused above a limit; failed, if a node does not start or does not get what it should.
pub fn bench(ctx: &Ctx, args: &BenchArgs) -> Result<()> {
    if let Some(moments) = args.moments.filter(|n| !(10..=BENCH_MOMENT_LIMIT).contains(n)) {
        return Err(Error::refused(
            "bench_moments",
            format!("{moments} moments; 10 to {BENCH_MOMENT_LIMIT} can be measured"),
            "choose another number",
        ));
    }
    apart::move_apart()?;
    let scratch = Scratch::new(args.dir.as_deref())?;
    let bench = Bench { out: ctx.out, quick: args.quick, moments: args.moments, mib: args.mib, scratch };
    if !apart::is_apart() {
        bench.say("No network of its own on this machine: wire_bytes is not measured.");
    }
    let mut jobs = if args.jobs.is_empty() { Job::ALL.to_vec() } else { args.jobs.clone() };
    jobs.sort_unstable();
    jobs.dedup();
    for job in jobs {
        match job {
            Job::Append => append::run(&bench)?,
            Job::Backfill => backfill::run(&bench)?,
            Job::CatchUp => catch_up::run(&bench)?,
            Job::Page => page::run(&bench)?,
            Job::Live => live::run(&bench)?,
            Job::Blob => {
                blob::run(&bench)?;
                photos::run(&bench)?;
            }
            Job::ColdStart => cold_start::run(&bench)?,
            Job::Idle => idle::run(&bench)?,
            Job::Million => million::run(&bench)?,
        }
    }
    Ok(())
}

/// What homes are furnished with: up to a minute ago, so that all clocks agree that it is past.
fn plan(moments: u64) -> Plan {
    Plan::of(moments, os::now().minus_ms(60_000))
}
