//! J3, catch-up: two nodes hold the same but for ten scattered entries of their common friends.
//!
//! Each round both nodes start anew, and one has ten entries more, of any age and author. The time begins when that node
//! has opened its home and dials: so it holds connection, handshakes, finding what is common, and the ten. It ends with
//! the event of the tenth.

use std::time::Duration;

use super::backfill::{furnish, meet};
use super::line::Order;
use super::member::{self, Member, text};
use super::report::{Row, percentile};
use super::{Bench, apart, floors, plan};
use crate::error::{Error, Result};

/// Entries that differ.
const DIFFER: u64 = 10;
/// How long the bare connection is watched: longer than all it does at its beginning, shorter than until it says that it lives.
const BARE_REST: Duration = Duration::from_millis(200);

/// Does it for each size.
///
/// # Errors
/// If not everything arrives.
pub fn run(bench: &Bench) -> Result<()> {
    for moments in bench.sizes() {
        let mut row = catch_up(bench, moments)?;
        // Where the bytes were not counted there is nothing to send as many of.
        let floor_ms = row.wire_bytes.map(|bytes| floors::transfer(bytes, 50)).transpose()?.flatten();
        let what = "a TCP connection and as many bytes";
        let mut floor = Row { ms: floor_ms, ..Row::floor("J3", moments, what) };
        row.beside(&mut floor);
        bench.row(&row);
        bench.row(&floor);
        if let Some((bytes, ours)) = bare_connection(bench)?.zip(row.wire_bytes) {
            let ratio = Some(ours as f64 / bytes as f64);
            let what = "a bare QUIC connection, nothing said on it";
            bench.row(&Row { wire_bytes: Some(bytes), ratio, ..Row::floor("J3", moments, what) });
        }
        bench.scratch.remove("J3-Ada")?;
        bench.scratch.remove("J3-Ben")?;
    }
    Ok(())
}

/// What a connection takes on the wire until both sides have authenticated each other.
fn bare_connection(bench: &Bench) -> Result<Option<u64>> {
    let member = Member::new(&bench.scratch, "J3-bare")?;
    let (mut there, mut here) = (member.start(&bench.scratch)?, member.start(&bench.scratch)?);
    let listen = "/ip4/127.0.0.1/udp/0/quic-v1".to_owned();
    let address = text(&there.ask(&Order::ServeBare { listen })?, "address")?;
    let before = apart::wire_bytes();
    here.ask(&Order::HoldBare { address, connections: 1 })?;
    std::thread::sleep(BARE_REST);
    let after = apart::wire_bytes();
    here.end()?;
    there.end()?;
    bench.scratch.remove("J3-bare")?;
    Ok(after.zip(before).map(|(after, before)| after.saturating_sub(before)))
}

fn catch_up(bench: &Bench, moments: u64) -> Result<Row> {
    let rounds = bench.times(5, 3).min(usize::try_from(moments / DIFFER).unwrap_or(1)).max(1);
    let sets = scattered(moments, rounds);
    let missing: Vec<u64> = sets.concat();
    bench.say(&format!("J3: two nodes become friends and are given {moments} moments each…"));
    let (a, b) = member::friends(bench, "J3-Ada", "J3-Ben")?;
    let plan = plan(moments).into();
    let most = Order::Furnish { plan, without: missing, join_only: false, only: None };
    furnish(bench, [(&a, most.clone()), (&b, most)])?;
    let (mut times, mut wire, mut rss_mb) = (Vec::new(), Vec::new(), None);
    for (round, set) in sets.iter().enumerate() {
        bench.say(&format!("J3: round {} of {rounds}…", round + 1));
        let some = Order::Furnish { plan, without: Vec::new(), join_only: false, only: Some(set.clone()) };
        let mut process = a.start(&bench.scratch)?;
        process.ask(&some)?;
        process.end()?;
        let met = meet(bench, &a, &b, vec![u64::try_from(set.len()).unwrap_or(DIFFER)])?;
        let left: u64 = sets.iter().skip(round + 1).map(|set| set.len() as u64).sum();
        if met.moments != (moments - left) as f64 {
            return Err(Error::failed(
                "bench_incomplete",
                format!("{} of {} moments are there", met.moments, moments - left),
                "try again; if it stays, report it",
            ));
        }
        times.extend(met.times);
        wire.extend(met.wire_bytes.map(|bytes| bytes as f64));
        rss_mb = met.rss_mb;
    }
    Ok(Row {
        ms: percentile(&mut times, 50),
        wire_bytes: percentile(&mut wire, 50).map(|bytes| bytes as u64),
        rss_mb,
        ..Row::of("J3", moments, "ten scattered differ, both anew")
    })
}

/// Sets of ten numbers all over a range, none of them twice.
fn scattered(moments: u64, sets: usize) -> Vec<Vec<u64>> {
    let all = (sets as u64 * DIFFER).min(moments);
    // Evenly, and never at the same author by turns of a hundred: a stride is no whole number of turns.
    let numbers: Vec<u64> = (0..all).map(|k| k * moments / all + k % (moments / all).max(1)).collect();
    (0..sets).map(|set| numbers.iter().skip(set).step_by(sets).copied().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_scattered_disjoint_and_within_the_range() {
        for (moments, sets) in [(10_000, 5), (100_000, 3), (100, 10), (30, 3)] {
            let sets_of = scattered(moments, sets);
            let mut all = sets_of.concat();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), sets * 10);
            assert!(all.iter().all(|n| *n < moments));
            assert!(sets_of.iter().all(|set| set.len() == 10 && set.last() > Some(&(moments / 2))));
        }
    }
}
