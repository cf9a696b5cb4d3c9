//! J2, backfill: a fresh node fetches everything that a friend has of their common friends.
//!
//! Both nodes are friends by an invite, and friends of the hundred who wrote; one has all moments, the other none. The
//! empty one runs and waits; the time begins when the full one has opened its home and dials, and ends with the event
//! of the last moment. That all are there is counted in the timeline afterwards.
//!
//! The floors: verifying and opening as many, on one core; and all cores, if they had been busy from the first moment to the
//! last with a bare libp2p stream of as many bytes and with what each moment needs beside it (verified, opened, its rows in
//! the bare store, read from one), and with nothing else. What the processors did is told from the opening of the home that
//! dials.

use serde_json::Value;

use super::cores::Cores;
use super::line::Order;
use super::member::{self, Member, Process, numbers, text};
use super::report::Row;
use super::{Bench, apart, floors, plan};
use crate::error::{Error, Result};

/// The newest of a page.
const FIRST: u64 = 50;
/// Bytes of an entry with a text of 300 bytes: header, padded text, tag.
const ENTRY_LEN: u64 = tidings::entry::HEADER_LEN as u64 + 512 + 16;
/// As many moments at least, or the kernel's clock says nothing.
const PARTS_MIN: u64 = 10_000;
const CORES: &str =
    "all cores with a bare QUIC stream and its parts without Tidings: verify, open, rows in sled, read";

/// Does it for each size.
///
/// # Errors
/// If not everything arrives.
pub fn run(bench: &Bench) -> Result<()> {
    for moments in bench.sizes() {
        bench.say(&format!("J2: two nodes become friends, one is given {moments} moments…"));
        let (mut row, best) = backfill(bench, moments)?;
        let (_, read) = floors::primitives();
        let what = "strict verification and opening of as many, one core";
        let mut floor = Row { posts_per_s: Some(read), ..Row::floor("J2", moments, what) };
        let mut all = best.map(|best| Row { posts_per_s: Some(best), ..Row::floor("J2", moments, CORES) });
        for floor in [&mut floor].into_iter().chain(&mut all) {
            row.beside(floor);
        }
        for row in [&row, &floor].into_iter().chain(&all) {
            bench.row(row);
        }
        bench.scratch.remove("J2-Ada")?;
        bench.scratch.remove("J2-Ben")?;
    }
    Ok(())
}

/// How fast it was, and how fast all cores could be with its parts.
fn backfill(bench: &Bench, moments: u64) -> Result<(Row, Option<f64>)> {
    let (a, b) = member::friends(bench, "J2-Ada", "J2-Ben")?;
    let plan = plan(moments).into();
    let full = Order::Furnish { plan, without: Vec::new(), join_only: false, only: None };
    let bare = Order::Furnish { plan, without: Vec::new(), join_only: true, only: None };
    furnish(bench, [(&a, full), (&b, bare)])?;
    bench.say(&format!("J2: {moments} moments go over…"));
    let mut meeting = Meeting::of(bench, &a, &b, vec![FIRST.min(moments), moments])?;
    let best = meeting.parts(moments)?;
    let met = meeting.end()?;
    let all = met.times.last().copied().unwrap_or_default();
    let row = Row {
        posts_per_s: Some(moments as f64 / all * 1e3),
        ms: Some(all),
        first_ms: met.times.first().copied(),
        wire_bytes: met.wire_bytes,
        rss_mb: met.rss_mb,
        cpu_percent: met.cores.percent(),
        ..Row::of("J2", moments, "a fresh node, QUIC or TCP")
    };
    Ok((row.counted(&met, moments)?, best))
}

/// What a meeting came to.
#[derive(Debug)]
pub struct Met {
    /// When each mark was reached, ms after the dial.
    pub times: Vec<f64>,
    /// Bytes on the wire meanwhile, both ways.
    pub wire_bytes: Option<u64>,
    /// What both took of the processors until then.
    pub cores: Cores,
    /// Memory of the one that received, at the end.
    pub rss_mb: Option<f64>,
    /// What its timeline held at the end.
    pub moments: f64,
}

impl Row {
    /// The row, if the timeline held that many moments.
    fn counted(self, met: &Met, moments: u64) -> Result<Self> {
        if met.moments == moments as f64 {
            return Ok(self);
        }
        Err(Error::failed(
            "bench_incomplete",
            format!("{} of {moments} moments arrived", met.moments),
            "try again; if it stays, report it",
        ))
    }
}

/// Furnishes two closed homes at the same time.
///
/// # Errors
/// If a home refuses.
pub fn furnish(bench: &Bench, homes: [(&Member, Order); 2]) -> Result<()> {
    let mut under_way = Vec::new();
    for (member, order) in homes {
        let mut process = member.start(&bench.scratch)?;
        process.tell(&order)?;
        under_way.push((process, order));
    }
    for (process, order) in under_way {
        process.hear(&order)?;
        process.end()?;
    }
    Ok(())
}

/// Lets `b` run and listen, then starts `a`, which dials; ends both.
///
/// # Errors
/// If the moments do not arrive.
pub fn meet(bench: &Bench, a: &Member, b: &Member, marks: Vec<u64>) -> Result<Met> {
    Meeting::of(bench, a, b, marks)?.end()
}

/// Two nodes that have told each other everything, still running.
struct Meeting {
    at_a: Process,
    at_b: Process,
    met: Met,
}

impl Meeting {
    fn of(bench: &Bench, a: &Member, b: &Member, marks: Vec<u64>) -> Result<Self> {
        let mut at_b = b.open(&bench.scratch)?;
        let mut at_a = a.start(&bench.scratch)?;
        at_b.ask(&Order::Listen { marks })?;
        let (before, begun) = (apart::wire_bytes(), Cores::begin([&at_a, &at_b]));
        let opened = at_a.ask(&Order::Open { listen: a.listen.clone() })?;
        let heard = at_b.ask(&Order::Heard)?;
        let cores = Cores::end(begun, [&at_a, &at_b]);
        let wire_bytes = apart::wire_bytes().zip(before).map(|(after, before)| after.saturating_sub(before));
        let dialled = member::number(&opened, "at")?;
        let times = numbers(&heard, "at")?.into_iter().map(|at| at - dialled).collect();
        let rss_mb = at_b.rss_mb();
        let moments = at_b.ask(&Order::Count)?;
        let moments = moments.get("moments").and_then(Value::as_f64).unwrap_or_default();
        Ok(Self { at_a, at_b, met: Met { times, wire_bytes, cores, rss_mb, moments } })
    }

    /// How many moments a second all cores could do with what one takes without Tidings, by the same two processes; their
    /// homes are closed, so that nothing else is counted.
    fn parts(&mut self, moments: u64) -> Result<Option<f64>> {
        let moments = moments.max(PARTS_MIN);
        for process in [&mut self.at_a, &mut self.at_b] {
            process.ask(&Order::Close)?;
        }
        let listen = "/ip4/127.0.0.1/udp/0/quic-v1".to_owned();
        let address = text(&self.at_a.ask(&Order::ServeBare { listen })?, "address")?;
        let begun = Cores::begin([&self.at_a, &self.at_b]);
        self.at_b.ask(&Order::FetchBare { address, bytes: moments * ENTRY_LEN })?;
        self.at_b.ask(&Order::BackfillParts { moments })?;
        Ok(Cores::end(begun, [&self.at_a, &self.at_b]).at_best(moments as f64))
    }

    fn end(self) -> Result<Met> {
        self.at_a.end()?;
        self.at_b.end()?;
        Ok(self.met)
    }
}
