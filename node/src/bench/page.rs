//! J4, page: the newest fifty before a random place of a large timeline, decrypted and decoded.
//!
//! The service reads them as for an application; nothing decoded is kept from one page to the next. The floor is as many
//! records of the same tree, read from the bare store and opened by nobody, at random places too, by a process of its own:
//! what one of them reads is in memory for the other.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use tidings::ask::TimelineQuery;
use tidings::client::Client;
use tidings::crypto::Entropy;
use tidings::furnish::Plan;
use tidings::store::{Direction, KeyRange, Tree};

use super::line::Order;
use super::member::{Member, numbers};
use super::node::ms;
use super::report::{Row, percentile};
use super::{Bench, plan};
use crate::error::Result;

/// Moments on a page.
const PAGE: usize = 50;

/// Does it on the largest store.
///
/// # Errors
/// If the store cannot be read.
pub fn run(bench: &Bench) -> Result<()> {
    let moments = bench.large();
    bench.say(&format!("J4: a home is given {moments} moments…"));
    let member = Member::new(&bench.scratch, "J4-Ada")?;
    let plan = plan(moments).into();
    let mut process = member.start(&bench.scratch)?;
    process.ask(&Order::Furnish { plan, without: Vec::new(), join_only: false, only: None })?;
    process.end()?;
    // Fresh processes: what filling left in the caches is gone.
    let rounds = bench.times(400, 100);
    let mut process = member.start(&bench.scratch)?;
    let mut pages = numbers(&process.ask(&Order::Pages { plan, rounds, is_bare: false })?, "ms")?;
    let mut row = Row {
        p50_ms: percentile(&mut pages, 50),
        p99_ms: percentile(&mut pages, 99),
        rss_mb: process.rss_mb(),
        ..Row::of("J4", moments, "50 at a random place")
    };
    process.end()?;
    let mut process = member.start(&bench.scratch)?;
    let mut scans = numbers(&process.ask(&Order::Pages { plan, rounds, is_bare: true })?, "ms")?;
    process.end()?;
    let what = "as many records of the bare store, unread";
    let mut floor = Row {
        p50_ms: percentile(&mut scans, 50),
        p99_ms: percentile(&mut scans, 99),
        ..Row::floor("J4", moments, what)
    };
    row.beside(&mut floor);
    bench.row(&row);
    bench.row(&floor);
    bench.scratch.remove("J4-Ada")
}

/// Reads pages, or as many records of the bare store, in the process of the node. Answer: `ms`.
///
/// # Errors
/// If the home does not open or cannot be read.
pub fn read(home: &Path, plan: &Plan, rounds: usize, is_bare: bool) -> Result<Value> {
    let mut took = Vec::new();
    Client::furnish(home, |service| {
        let mut places = Entropy::from_number(plan.moments);
        let store = service.store();
        let span = plan.moments.saturating_mul(plan.pace_ms);
        for _ in 0..rounds {
            let mut cursor = plan.newest.minus_ms(places.below(span)).as_millis().to_be_bytes().to_vec();
            cursor.extend([0; 32]);
            let before = Some(tidings::id::hex(&cursor));
            let query = TimelineQuery { limit: PAGE, before, ..TimelineQuery::default() };
            let records = KeyRange::all().before(cursor);
            let begun = Instant::now();
            if is_bare {
                store.scan(Tree::Timeline, records, Direction::Backward, PAGE)?;
            } else {
                service.timeline(&query)?;
            }
            took.push(ms(begun.elapsed()));
        }
        Ok(())
    })?;
    Ok(json!({"ms": took}))
}
