//! A home of a million moments: what it takes on the disk, how soon it starts, how long a page, a search, a look for what
//! has expired and the letting go of it take. Only where it is named: it takes minutes.
//!
//! Pages beside a search are asked of the whole program over its API, as somebody scrolls while somebody else searches.
//! Steps are those of the service in a process that does nothing else: nobody is served while one runs, so the longest is
//! the longest wait.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings::client::Client;
use tidings::crypto::Entropy;
use tidings::furnish::{Cast, Plan};
use tidings::limits::{EXPIRED_DROP_LIMIT, EXPIRED_STEP_LIMIT};

use super::cold_start::{Started, on_disk};
use super::line::Order;
use super::member::{Member, numbers};
use super::node::ms;
use super::report::{Row, percentile};
use super::{Bench, plan};
use crate::cli::door::{Ask, Door};
use crate::error::{Error, Result};
use crate::home::Home;
use crate::limits::{BENCH_MILLION, BENCH_QUICK_MOMENTS};

const JOB: &str = "million";
/// How often a start is timed; the middle counts.
const STARTS: usize = 3;
/// Steps in which as much goes as one lets go of.
const FULL_STEPS: usize = 8;

/// Does it.
///
/// # Errors
/// If a node does not start or a store cannot be read.
pub fn run(bench: &Bench) -> Result<()> {
    let moments = bench.moments.unwrap_or(if bench.quick { BENCH_QUICK_MOMENTS } else { BENCH_MILLION });
    let plan = plan(moments);
    let member = Member::new(&bench.scratch, "million-Ada")?;
    bench.say(&format!("A home is given {moments} moments…"));
    let mut process = member.start(&bench.scratch)?;
    let begun = Instant::now();
    process.ask(&Order::Furnish { plan: plan.into(), without: Vec::new(), join_only: false, only: None })?;
    let took = begun.elapsed().as_secs_f64();
    process.end()?;
    let store = member.home.join("store");
    let bytes = on_disk(&store).map_err(|e| Error::io("cannot measure", &store, &e))?;
    bench.row(&Row {
        posts_per_s: Some(moments as f64 / took),
        disk_per_post: Some(bytes as f64 / moments as f64),
        ..Row::of(JOB, moments, "taken in batches of 500, by one thread")
    });
    starts_and_searches(bench, &member, &plan)?;

    let mut process = member.start(&bench.scratch)?;
    let rounds = bench.times(400, 50);
    let answer = process.ask(&Order::Pages { plan: plan.into(), rounds, is_bare: false })?;
    let mut pages = numbers(&answer, "ms")?;
    bench.row(&timed(moments, "50 at a random place", &mut pages, process.rss_mb()));
    process.end()?;

    let mut process = member.start(&bench.scratch)?;
    let answer = process.ask(&Order::Steps { plan: plan.into() })?;
    let (mut walk, mut full) = (numbers(&answer, "walk_ms")?, numbers(&answer, "full_ms")?);
    let rss_mb = process.rss_mb();
    process.end()?;
    bench.row(&timed(moments, "a step of the walk for what has expired", &mut walk, rss_mb));
    bench.row(&timed(moments, "a step in which as much has expired as goes at once", &mut full, rss_mb));
    bench.scratch.remove("million-Ada")
}

/// Median, the 99th of a hundred, and as `ms` the longest.
fn timed(n: u64, variant: &'static str, times: &mut [f64], rss_mb: Option<f64>) -> Row {
    Row {
        p50_ms: percentile(times, 50),
        p99_ms: percentile(times, 99),
        ms: percentile(times, 100),
        rss_mb,
        ..Row::of(JOB, n, variant)
    }
}

fn starts_and_searches(bench: &Bench, member: &Member, plan: &Plan) -> Result<()> {
    let (home, moments) = (Home::at(&member.home), plan.moments);
    let listen = ["/ip4/127.0.0.1/tcp/0".to_owned()];
    // The first run writes its settings.
    Started::with(bench, &home, &listen)?.stop(&home)?;
    let (mut times, mut rss_mb) = (Vec::new(), None);
    for _ in 0..STARTS {
        let started = Started::with(bench, &home, &listen)?;
        times.push(started.first_page(&home)?);
        rss_mb = started.rss_mb();
        started.stop(&home)?;
    }
    let ms = percentile(&mut times, 50);
    bench.row(&Row { ms, rss_mb, ..Row::of(JOB, moments, "start to the first page, after a clean stop") });
    for (word, search, beside) in [
        ("harbour", "search for a word in every tenth, 20 found", "pages beside that search"),
        (
            "quicksilver",
            "search for a word in one of all, to its end",
            "pages beside that search through all",
        ),
    ] {
        let started = Started::with(bench, &home, &listen)?;
        started.first_page(&home)?;
        let (mut searches, mut pages) = search_beside_pages(&home, word, plan)?;
        let rss_mb = started.rss_mb();
        started.stop(&home)?;
        bench.row(&timed(moments, search, &mut searches, rss_mb));
        bench.row(&timed(moments, beside, &mut pages, None));
    }
    Ok(())
}

/// Searches until twenty were found or nothing is left, while another asks for pages. How long the whole search took,
/// and each page.
fn search_beside_pages(home: &Home, word: &str, plan: &Plan) -> Result<(Vec<f64>, Vec<f64>)> {
    // Nothing is ever sent: that its end is gone says that the search has ended.
    let (told, done) = std::sync::mpsc::sync_channel::<()>(1);
    std::thread::scope(|scope| {
        let pages = scope.spawn(move || -> Result<Vec<f64>> {
            let (mut places, mut times) = (Entropy::from_number(plan.moments), Vec::new());
            loop {
                let begun = Instant::now();
                let before = place(plan, &mut places);
                Door::to(home).ask_node(&Ask::get(format!("/timeline?limit=50&before={before}")))?;
                times.push(ms(begun.elapsed()));
                // Ten a second, until the search has ended.
                if !matches!(
                    done.recv_timeout(Duration::from_millis(100)),
                    Err(std::sync::mpsc::RecvTimeoutError::Timeout)
                ) {
                    return Ok(times);
                }
            }
        });
        let (begun, mut before, mut found) = (Instant::now(), None::<String>, 0usize);
        let searched = loop {
            let rest = before.as_ref().map(|before| format!("&before={before}")).unwrap_or_default();
            let page =
                match Door::to(home).ask_node(&Ask::get(format!("/timeline?limit=20&search={word}{rest}"))) {
                    Ok(page) => page,
                    Err(error) => break Err(error),
                };
            found += page.get("moments").and_then(Value::as_array).map_or(0, Vec::len);
            before = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if found >= 20 || before.is_none() {
                break Ok(ms(begun.elapsed()));
            }
        };
        // It waits for this, or has ended with an error of its own.
        drop(told);
        let pages = pages.join().map_err(|_| Error::failed("bench", "the reader broke", "report this"))??;
        if found == 0 {
            return Err(Error::failed("bench_incomplete", format!("{word:?} was not found"), "report this"));
        }
        Ok((vec![searched?], pages))
    })
}

/// A cursor somewhere in the timeline.
fn place(plan: &Plan, places: &mut Entropy) -> String {
    let span = plan.moments.saturating_mul(plan.pace_ms);
    let mut cursor = plan.newest.minus_ms(places.below(span)).as_millis().to_be_bytes().to_vec();
    cursor.extend([0; 32]);
    tidings::id::hex(&cursor)
}

/// Walks once through everything, then lets go of the oldest, as many in a step as the walk does; in the process of
/// the node.
///
/// # Errors
/// If the home does not open or cannot be read.
pub fn steps(home: &Path, plan: Plan) -> Result<Value> {
    let cast = Cast::new(plan);
    let (mut walk, mut full) = (Vec::new(), Vec::new());
    let step = u64::try_from(EXPIRED_STEP_LIMIT).unwrap_or(u64::MAX);
    Client::furnish(home, |service| {
        // The log, then the timeline, each to its end.
        for _ in 0..plan.moments.div_ceil(step) * 2 {
            let begun = Instant::now();
            service.furnish_walk()?;
            walk.push(ms(begun.elapsed()));
        }
        for first in (0..plan.moments).step_by(EXPIRED_DROP_LIMIT).take(FULL_STEPS) {
            let run = first..plan.moments.min(first + EXPIRED_DROP_LIMIT as u64);
            let headers: Vec<Vec<u8>> =
                run.filter_map(|n| cast.moment(n).ok()).map(|written| written.header).collect();
            let begun = Instant::now();
            for header in headers.iter().filter_map(|header| header.first_chunk()) {
                service.furnish_let_go(header)?;
            }
            service.furnish_commit()?;
            full.push(ms(begun.elapsed()));
        }
        Ok(())
    })?;
    Ok(json!({"walk_ms": walk, "full_ms": full}))
}
