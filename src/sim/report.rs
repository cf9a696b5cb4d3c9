//! What a simulation has shown: figures, conditions that did not hold, and the table for people.

use std::fmt::Write;

use super::ledger::{BUCKETS_MS, Breach, Histogram};
use super::scenario::Scenario;
use super::traffic::Traffic;
use super::world::World;

const HOUR_MS: u64 = 3_600_000;
const POSSIBLE: &str = "pairs delivered within an hour of meeting a holder";
const READABLE: &str = "the same, once the keys were there";

/// What was counted at the turns of a run.
#[derive(Debug)]
pub(super) struct Snapshot {
    begin: Traffic,
    days: Traffic,
    node_bytes: Vec<u64>,
    delivered_in_days: u64,
    overdue_in_days: u64,
    quiet: Traffic,
    warm_up: Traffic,
    idle_links: usize,
}

fn node_bytes(world: &World<'_>) -> Vec<u64> {
    world.nodes.iter().map(|node| node.sent + node.received).collect()
}

impl Snapshot {
    pub(super) fn take(world: &World<'_>) -> Self {
        Self {
            begin: world.counted(),
            days: Traffic::default(),
            node_bytes: node_bytes(world),
            delivered_in_days: 0,
            overdue_in_days: 0,
            quiet: Traffic::default(),
            warm_up: world.traffic.clone(),
            idle_links: 0,
        }
    }

    pub(super) fn end_of_days(&mut self, world: &World<'_>) {
        self.days = world.counted().since(&self.begin);
        for (before, now) in self.node_bytes.iter_mut().zip(node_bytes(world)) {
            *before = now - *before;
        }
        self.delivered_in_days = world.ledger.delivered;
        self.overdue_in_days = world.ledger.overdue(world.now).filter(|ms| *ms > HOUR_MS).count() as u64;
    }

    pub(super) fn end_of_quiet(&mut self, world: &World<'_>) {
        self.quiet = world.traffic.clone();
        self.idle_links = world.links.len();
    }
}

/// The figures of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The scenario.
    pub scenario: Scenario,
    /// The seed.
    pub seed: u64,
    /// BLAKE3 over all that happened, in its order, and every frame that was sent: when, by whom, to whom, what.
    pub trace: String,
    /// Things that happened.
    pub steps: u64,
    /// Figures by name, in the order of the table.
    pub figures: Vec<Figure>,
    /// How many of a hundred pairs were delivered within so many ms of being shared.
    pub since_posted: Vec<(u64, f64)>,
    /// The same since it was possible.
    pub since_possible: Vec<(u64, f64)>,
    /// Each kind of frame in the days: how many there were, and their bytes of a hundred; most first.
    pub kinds: Vec<(String, u64, f64)>,
    /// What did not hold.
    pub failures: Vec<String>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
}

impl Report {
    /// A figure by name; 0 if there is none.
    pub fn figure(&self, name: &str) -> f64 {
        self.figures.iter().find(|figure| figure.name == name).map_or(0.0, |figure| figure.value)
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{}, seed {}: {} steps, trace {}",
            self.scenario.name, self.seed, self.steps, self.trace
        );
        for Figure { name, value, unit } in &self.figures {
            let _ = writeln!(out, "  {name:<58} {:>14} {unit}", number(*value));
        }
        let _ = write!(out, "  delivered within");
        for (ms, percent) in &self.since_possible {
            let _ = write!(out, "  {}: {percent:.2} %", span(*ms));
        }
        let _ = writeln!(out, "  (since a minute together with somebody who has it)");
        let _ = write!(out, "  bytes by kind");
        for (kind, frames, percent) in self.kinds.iter().filter(|(_, _, percent)| *percent >= 0.1) {
            let _ = write!(out, "  {kind} {percent:.1} % ({frames} frames)");
        }
        let _ = writeln!(out);
        for failure in &self.failures {
            let _ = writeln!(out, "FAILED: {failure}");
        }
        if !self.failures.is_empty() {
            let _ = writeln!(out, "replay: {}", self.replay());
        }
        out
    }

    /// The command that runs this again.
    pub fn replay(&self) -> String {
        let Scenario { name, people, days, friends_median, .. } = &self.scenario;
        format!(
            "cargo run --release --no-default-features --features sim --example simulate -- {name} --seed {} \
             --people {people} --days {days} --friends {friends_median}",
            self.seed
        )
    }
}

/// A number as people read it.
pub fn number(value: f64) -> String {
    if value >= 10_000_000.0 {
        format!("{:.1} M", value / 1e6)
    } else if value >= 1_000.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// A time as people read it.
pub fn span(ms: u64) -> String {
    match ms {
        u64::MAX => "ever".to_owned(),
        ms if ms >= HOUR_MS => format!("{} h", ms / HOUR_MS),
        ms if ms >= 60_000 => format!("{} min", ms / 60_000),
        ms if ms >= 1_000 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

fn cumulative(histogram: &Histogram, of: u64) -> Vec<(u64, f64)> {
    let mut sum = 0;
    let percents = histogram.iter().map(|count| {
        sum += count;
        percent(sum, of)
    });
    BUCKETS_MS.into_iter().zip(percents).collect()
}

fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { a as f64 / b as f64 }
}

fn percent(a: u64, b: u64) -> f64 {
    ratio(a, b) * 100.0
}

/// The value below which so many of a hundred lie.
fn quantile(values: &[u64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |value| *value as f64)
}

/// Reckons up a run.
pub(super) fn of(world: &World<'_>, snapshot: &Snapshot) -> Report {
    let ledger = &world.ledger;
    let scenario = world.scenario.clone();
    let figures = figures(world, snapshot);
    let total = snapshot.days.bytes;
    let mut kinds: Vec<(String, u64, f64)> = snapshot
        .days
        .kinds
        .iter()
        .map(|(kind, (frames, bytes))| ((*kind).to_owned(), *frames, percent(*bytes, total)))
        .collect();
    kinds.sort_by(|a, b| b.2.total_cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    let mut report = Report {
        seed: world.seed,
        trace: world.trace_hash(),
        steps: world.steps,
        figures,
        since_posted: cumulative(&ledger.since_posted, ledger.pairs),
        since_possible: cumulative(&ledger.since_possible, ledger.pairs),
        kinds,
        failures: Vec::new(),
        scenario,
    };
    report.failures = failures(&report, &ledger.breaches, ledger.breach_count);
    report
}

/// How many were delivered within an hour. All were possible in the end, for in the quiet all were together.
fn within_an_hour(histogram: &Histogram) -> u64 {
    BUCKETS_MS.iter().zip(histogram).filter(|(end, _)| **end <= HOUR_MS).map(|(_, count)| count).sum()
}

fn failures(report: &Report, breaches: &[Breach], count: u64) -> Vec<String> {
    let must = &report.scenario.must;
    let mut failures: Vec<String> =
        breaches.iter().map(|breach| format!("step {}: {}", breach.step, breach.what)).collect();
    if count > breaches.len() as u64 {
        failures.push(format!("and {} more", count - breaches.len() as u64));
    }
    for (name, least) in [
        (POSSIBLE, must.within_an_hour_of_ten_thousand),
        (READABLE, must.readable_within_an_hour_of_ten_thousand),
    ] {
        if report.figure(name) * 100.0 < least as f64 {
            failures.push(format!("{name}: {:.3} %", report.figure(name)));
        }
    }
    let received = report.figure("entries received for each kept");
    if must.received_percent > 0 && received * 100.0 > must.received_percent as f64 {
        failures.push(format!("{received:.3} entries were received for each that was kept"));
    }
    let idle = report.figure("bytes a minute on an idle connection, both ways");
    if must.idle_bytes_per_minute > 0 && idle > must.idle_bytes_per_minute as f64 {
        failures.push(format!("an idle connection takes {idle:.0} bytes a minute"));
    }
    failures
}

fn figures(world: &World<'_>, snapshot: &Snapshot) -> Vec<Figure> {
    let (ledger, days, scenario) = (&world.ledger, &snapshot.days, &world.scenario);
    let people = world.nodes.len() as u64;
    let person_days = people * scenario.days.max(1);
    let degrees: Vec<u64> = world.nodes.iter().map(|node| node.friends.len() as u64).collect();
    let idle = world.traffic.since(&snapshot.quiet);
    let idle_minutes = snapshot.idle_links as u64 * scenario.idle_minutes;
    let stored: Vec<u64> = world.nodes.iter().map(|node| node.store.bytes() as u64).collect();
    let per_day: Vec<u64> = snapshot.node_bytes.iter().map(|bytes| bytes / scenario.days.max(1)).collect();
    let hops: u64 = (0u64..).zip(ledger.hops).map(|(hops, count)| hops * count).sum();
    let pool = world.pool.lock().expect("one thread");
    let friendships = degrees.iter().sum::<u64>();
    let mut out = Vec::new();
    let mut put = |name, value: f64, unit| out.push(Figure { name, value, unit });
    put("people", people as f64, "");
    put("days", scenario.days as f64, "");
    put("friends, median", quantile(&degrees, 50), "");
    put("friends, mean", ratio(friendships, people), "");
    put("friends, most", quantile(&degrees, 100), "");
    put("friends of one who are friends", world.clustering as f64, "%");
    put("starts of a node, per person and day", ratio(days.starts, person_days), "");
    put("connections, per person and day", ratio(2 * days.connections, person_days), "");
    put("minutes of connections, per person and day", ratio(2 * days.connected_ms / 60_000, person_days), "");
    // Either side greets once in a session.
    put("sessions, for each connection", ratio(days.frames("Hello"), 2 * days.connections), "");
    put("frames of tags, for each session", ratio(2 * days.frames("Tags"), days.frames("Hello")), "");
    put("dials in vain, per person and day", ratio(days.dials_in_vain, person_days), "");
    put("connections lost by faults", days.connections_lost as f64, "");
    put("crashes", days.crashes as f64, "");
    put("frames bent by liars", world.traffic.lies as f64, "");
    put("friends put into tags", days.tag_changes as f64, "");
    put("moments", ledger.moments.len() as f64, "");
    put("pairs of moment and entitled friend", ledger.pairs as f64, "");
    put("pairs delivered by the end of the days", percent(snapshot.delivered_in_days, ledger.pairs), "%");
    put(
        "pairs possible for more than an hour by then and not delivered",
        snapshot.overdue_in_days as f64,
        "",
    );
    put(POSSIBLE, percent(within_an_hour(&ledger.since_possible), ledger.pairs), "%");
    put(READABLE, percent(within_an_hour(&ledger.since_readable), ledger.pairs), "%");
    put("pairs delivered after the quiet", percent(ledger.delivered, ledger.pairs), "%");
    put("hands a moment went through, mean", ratio(hops, ledger.delivered), "");
    put("pairs that came straight from the author", percent(ledger.hops[1], ledger.delivered), "%");
    put("entries received for each kept", ratio(days.entries_received, days.entries_kept), "");
    put("entries kept, per person and day", ratio(days.entries_kept, person_days), "");
    put("bytes of an entry's frame, mean", ratio(days.entry_bytes, days.entries_received), "B");
    put("bytes for each entry kept, all frames", ratio(days.bytes, days.entries_kept), "B");
    put("bytes per person and day, mean (sent and received)", ratio(2 * days.bytes, person_days), "B");
    put("bytes per person and day, median", quantile(&per_day, 50), "B");
    put("bytes per person and day, of the hundredth with most", quantile(&per_day, 99), "B");
    put("bytes per friendship and day", ratio(2 * days.bytes, friendships * scenario.days.max(1)), "B");
    put("bytes of the warm-up, per friendship", ratio(2 * snapshot.warm_up.bytes, friendships), "B");
    put("bytes a minute on an idle connection, both ways", ratio(idle.bytes, idle_minutes), "B");
    put("stored per person at the end, mean", ratio(stored.iter().sum(), people), "B");
    put("stored per person at the end, median", quantile(&stored, 50), "B");
    put("stored per friend at the end, mean", ratio(stored.iter().sum(), friendships), "B");
    put("entry bytes in memory once, kept by all stores", pool.bytes as f64, "B");
    put("entry bytes those stand for", (pool.bytes + pool.saved) as f64, "B");
    put("steps per person and day", ratio(world.steps, person_days), "");
    out
}
