//! Idle: what a node costs that has friends connected and nothing to say.
//!
//! The measured node is the whole program. Its friends are real nodes of the library, many to a process, so that a large
//! circle fits one machine; they are friends of the measured one alone. Nobody asks anything while it is measured.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::cold_start::Started;
use super::line::Order;
use super::member::{Member, Process, TICKS, number, text};
use super::report::Row;
use super::{Bench, apart};
use crate::cli::door::{Ask, Door};
use crate::error::{Error, Result};
use crate::home::Home;

/// Friends of the measured node.
const FRIENDS: (usize, usize) = (200, 4);
/// Friends that one process is.
const CROWD: usize = 50;
/// How long what was begun may come to rest, s: new friends are shown tags three times in their first minute and a half.
const REST: (u64, u64) = (120, 1);
/// The same where nothing was begun but connections.
const BARE_REST: (u64, u64) = (10, 1);
/// How long it is measured, s.
const SPAN: (u64, u64) = (120, 3);
/// The same before there are friends.
const ALONE_REST: (u64, u64) = (5, 1);
const ALONE: (u64, u64) = (20, 1);

/// Does it.
///
/// # Errors
/// If friends do not connect, or are lost meanwhile.
pub fn run(bench: &Bench) -> Result<()> {
    let friends = bench.times(FRIENDS.0, FRIENDS.1);
    let seconds = |(full, quick)| Duration::from_secs(if bench.quick { quick } else { full });
    bench.say(&format!("idle: a node rests, then makes {friends} friends…"));
    let member = Member::new(&bench.scratch, "idle-Ada")?;
    let home = Home::at(&member.home);
    let node = Started::with(bench, &home, &member.listen)?;
    std::thread::sleep(seconds(ALONE_REST));
    let alone = Rest::of(|| node.ticks(), || node.rss_mb(), seconds(ALONE));
    let crowds = befriend(bench, &member, &home, friends)?;
    let connected = || -> Result<usize> {
        let status = Door::to(&home).ask_node(&Ask::get("/status"))?;
        Ok(status.get("peers").and_then(Value::as_array).map_or(0, Vec::len))
    };
    let all_here = crate::os::wait_until(Duration::from_secs(60), || connected().is_ok_and(|n| n >= friends));
    if !all_here {
        return Err(Error::failed("bench_incomplete", "not all friends are connected", "try again"));
    }
    bench.say(&format!("idle: nobody says anything for {} s…", seconds(SPAN).as_secs()));
    std::thread::sleep(seconds(REST));
    let rest = Rest::of(|| node.ticks(), || node.rss_mb(), seconds(SPAN));
    let still = connected()?;
    if still < friends {
        return Err(Error::failed(
            "bench_incomplete",
            format!("{still} of {friends} friends are still connected"),
            "try again; if it stays, report it",
        ));
    }
    node.stop(&home)?;
    for process in crowds {
        process.end()?;
    }
    let bare = bare(bench, &member, friends, (seconds(BARE_REST), seconds(SPAN)))?;
    tell(bench, friends, &rest, &alone, (&bare.0, bare.1));
    bench.scratch.remove("idle-Ada")
}

/// Makes friends who are whole nodes, many to a process. Their invites are redeemed by the measured node: each of them lets
/// one stranger in, where it would take ten a minute.
fn befriend(bench: &Bench, member: &Member, home: &Home, friends: usize) -> Result<Vec<Process>> {
    let mut crowds = Vec::new();
    for (number, size) in sizes(friends).into_iter().enumerate() {
        let homes: Vec<PathBuf> =
            (0..size).map(|n| bench.scratch.path(&format!("idle-crowd-{number}-{n}"))).collect();
        let mut process = member.start(&bench.scratch)?;
        let answer = process.ask(&Order::Crowd { homes })?;
        crowds.push(process);
        for link in answer.get("links").and_then(Value::as_array).into_iter().flatten() {
            let accepted = Door::to(home).ask_node(&Ask::json("POST", "/accept", json!({"link": link})))?;
            if accepted.get("state").and_then(Value::as_str) != Some("friends") {
                return Err(Error::failed("bench_incomplete", "they are no friends yet", "try again"));
            }
        }
    }
    Ok(crowds)
}

/// What a node did over a while.
struct Rest {
    span: Duration,
    wire_bytes: Option<u64>,
    cpu_percent: Option<f64>,
    rss_mb: Option<f64>,
}

impl Rest {
    fn of(ticks: impl Fn() -> Option<f64>, rss_mb: impl Fn() -> Option<f64>, span: Duration) -> Self {
        let (bytes, ticks_before) = (apart::wire_bytes(), ticks());
        std::thread::sleep(span);
        let (bytes_after, ticks_after) = (apart::wire_bytes(), ticks());
        let cpu = |(after, before): (f64, f64)| (after - before) / TICKS / span.as_secs_f64() * 100.0;
        Self {
            span,
            wire_bytes: bytes_after.zip(bytes).map(|(after, before)| after.saturating_sub(before)),
            cpu_percent: ticks_after.zip(ticks_before).map(cpu),
            rss_mb: rss_mb(),
        }
    }
}

/// What as many connections cost on which nothing is said, of a process that is no node: same transport, same settings. With
/// it, how much of its memory they are.
fn bare(
    bench: &Bench,
    member: &Member,
    connections: usize,
    (rest, span): (Duration, Duration),
) -> Result<(Rest, Option<f64>)> {
    let (mut there, mut here) = (member.start(&bench.scratch)?, member.start(&bench.scratch)?);
    let listen = "/ip4/127.0.0.1/udp/0/quic-v1".to_owned();
    let address = text(&there.ask(&Order::ServeBare { listen })?, "address")?;
    let before_mb = here.rss_mb();
    here.ask(&Order::HoldBare { address, connections })?;
    std::thread::sleep(rest);
    let rest = Rest::of(|| here.ticks(), || here.rss_mb(), span);
    let held = number(&here.ask(&Order::HeldBare)?, "connections")?;
    here.end()?;
    there.end()?;
    if held == connections as f64 {
        let added_mb = rest.rss_mb.zip(before_mb).map(|(after, before)| after - before);
        return Ok((rest, added_mb));
    }
    Err(Error::failed(
        "bench_incomplete",
        format!("{held} of {connections} bare connections are left"),
        "try again",
    ))
}

fn tell(bench: &Bench, friends: usize, rest: &Rest, alone: &Rest, (bare, added_mb): (&Rest, Option<f64>)) {
    let a_minute = |bytes: u64| bytes as f64 * 60.0 / rest.span.as_secs_f64() / friends as f64;
    let mut row = Row {
        wire_bytes: rest.wire_bytes,
        bytes_per_min: rest.wire_bytes.map(a_minute),
        cpu_percent: rest.cpu_percent,
        rss_mb: rest.rss_mb,
        fsync: None,
        verify: None,
        sealed: None,
        ..Row::of("idle", friends as u64, "friends connected, nothing said")
    };
    let mut floor = Row {
        cpu_percent: alone.cpu_percent,
        rss_mb: alone.rss_mb,
        ..Row::floor("idle", 0, "the same program without a friend")
    };
    let mut connections = Row {
        wire_bytes: bare.wire_bytes,
        bytes_per_min: bare.wire_bytes.map(a_minute),
        cpu_percent: bare.cpu_percent,
        rss_mb: bare.rss_mb,
        ..Row::floor("idle", friends as u64, "as many bare QUIC connections, nothing else in the process")
    };
    let sum = |(one, other): (f64, f64)| one + other;
    let mut both = Row {
        cpu_percent: alone.cpu_percent.zip(bare.cpu_percent).map(sum),
        rss_mb: alone.rss_mb.zip(added_mb).map(sum),
        ..Row::floor("idle", friends as u64, "that program and what bare QUIC connections add, together")
    };
    row.beside(&mut floor);
    row.beside(&mut connections);
    row.beside(&mut both);
    bench.row(&row);
    for floor in [floor, connections, both] {
        bench.row(&floor);
    }
}

/// How many friends each process is.
fn sizes(friends: usize) -> Vec<usize> {
    let whole = friends / CROWD;
    let rest = friends % CROWD;
    std::iter::repeat_n(CROWD, whole).chain((rest > 0).then_some(rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_friend_is_in_one_process() {
        for (friends, sizes_of) in [(4, vec![4]), (50, vec![50]), (120, vec![50, 50, 20])] {
            assert_eq!(sizes(friends), sizes_of);
        }
    }
}
