//! J1, append: posts created, sealed, signed, stored, each told "posted" behind a barrier of the disk.
//!
//! The client of the library in a node's process writes them: so many in flight, which share barriers; and one by one. The
//! home has a friend who is away, so that moments are sealed for somebody.

use std::process::{Command, Stdio};
use std::time::Instant;

use tidings::furnish::text;

use super::cold_start::Started;
use super::line::Order;
use super::member::{self, Member, Process, number, numbers, program};
use super::node::ms;
use super::report::{Row, percentile};
use super::{Bench, floors};
use crate::error::{Error, Result};
use crate::home::Home;

/// Posts that wait at the same time.
const IN_FLIGHT: u64 = 256;

/// Does it both ways.
///
/// # Errors
/// If a post fails.
pub fn run(bench: &Bench) -> Result<()> {
    let posts = bench.small();
    bench.say(&format!("J1: {posts} posts in flight, then one by one…"));
    let (a, _) = member::friends(bench, "J1-Ada", "J1-Ben")?;
    let mut process = a.open(&bench.scratch)?;
    let order = |count, in_flight| Order::Post { count, in_flight, pause_ms: 0 };
    // The first opens an epoch.
    process.ask(&order(1, 1))?;
    let in_flight = usize::try_from(IN_FLIGHT).unwrap_or(1);
    let answer = process.ask(&order(posts, in_flight))?;
    let mut took = numbers(&answer, "took_ms")?;
    let mut row = Row {
        posts_per_s: Some(posts as f64 / number(&answer, "ms")? * 1e3),
        p50_ms: percentile(&mut took, 50),
        p99_ms: percentile(&mut took, 99),
        rss_mb: process.rss_mb(),
        fsync: Some(true),
        ..Row::of("J1", posts, "256 in flight")
    };
    let (sign, _) = floors::primitives();
    let what = "bare sled, batches of 256 with flush and fdatasync";
    let all_ms: f64 = floors::sled_batches(bench, posts, IN_FLIGHT)?.iter().sum();
    let mut sled = Row {
        posts_per_s: Some(posts as f64 / all_ms * 1e3),
        fsync: Some(true),
        ..Row::floor("J1", posts, what)
    };
    let mut primitives =
        Row { posts_per_s: Some(sign), ..Row::floor("J1", posts, "signing and sealing, one core") };
    for floor in [&mut sled, &mut primitives] {
        row.beside(floor);
    }
    for row in [row, sled, primitives] {
        bench.row(&row);
    }
    one_by_one(bench, &mut process, (posts / 10).clamp(10, 1_000))?;
    process.end()?;
    by_command(bench, &a)?;
    bench.scratch.remove("J1-Ada")?;
    bench.scratch.remove("J1-Ben")
}

fn one_by_one(bench: &Bench, process: &mut Process, posts: u64) -> Result<()> {
    // The disk is asked before and after: what else it has to do changes from minute to minute.
    let times = bench.times(100, 25);
    let mut syncs = floors::fdatasync(bench, times)?;
    let answer = process.ask(&Order::Post { count: posts, in_flight: 1, pause_ms: 0 })?;
    syncs.extend(floors::fdatasync(bench, times)?);
    let mut took = numbers(&answer, "took_ms")?;
    let mut row = Row {
        p50_ms: percentile(&mut took, 50),
        p99_ms: percentile(&mut took, 99),
        fsync: Some(true),
        ..Row::of("J1", posts, "one by one")
    };
    let mut floor = Row {
        p50_ms: percentile(&mut syncs, 50),
        p99_ms: percentile(&mut syncs, 99),
        fsync: Some(true),
        ..Row::floor("J1", posts, "one write of 4 KiB and its fdatasync")
    };
    let mut alone = floors::sled_batches(bench, posts, 1)?;
    let mut sled = Row {
        p50_ms: percentile(&mut alone, 50),
        p99_ms: percentile(&mut alone, 99),
        fsync: Some(true),
        ..Row::floor("J1", posts, "bare sled, batches of one with flush and fdatasync")
    };
    for floor in [&mut floor, &mut sled] {
        row.beside(floor);
    }
    for row in [row, floor, sled] {
        bench.row(&row);
    }
    Ok(())
}

/// As a person or a script posts: a process for each, against the running node.
fn by_command(bench: &Bench, member: &Member) -> Result<()> {
    let posts = bench.times(50, 10);
    let home = Home::at(&member.home);
    let node = Started::with(bench, &home, &member.listen)?;
    let timed = |arguments: &[&str]| -> Result<f64> {
        let program = program()?;
        let mut command = Command::new(&program);
        command.arg("--home").arg(home.path()).arg("--json").args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        let begun = Instant::now();
        let status = command.status().map_err(|e| Error::io("cannot start", &program, &e))?;
        if status.success() {
            Ok(ms(begun.elapsed()))
        } else {
            Err(Error::failed("bench", format!("{arguments:?} ended with {status}"), "try again"))
        }
    };
    timed(&["post", "the first opens a block of numbers"])?;
    let mut asked = (0..posts).map(|_| timed(&["whoami"])).collect::<Result<Vec<_>>>()?;
    let mut posted = (0..posts).map(|n| timed(&["post", &text(n as u64, 0)])).collect::<Result<Vec<_>>>()?;
    node.stop(&home)?;
    let posts = posts as u64;
    let mut row = Row {
        p50_ms: percentile(&mut posted, 50),
        p99_ms: percentile(&mut posted, 99),
        fsync: Some(true),
        ..Row::of("J1", posts, "by the command line, a process each")
    };
    let mut floor = Row {
        p50_ms: percentile(&mut asked, 50),
        p99_ms: percentile(&mut asked, 99),
        ..Row::floor("J1", posts, "a command that only asks (whoami)")
    };
    row.beside(&mut floor);
    bench.row(&row);
    bench.row(&floor);
    Ok(())
}
