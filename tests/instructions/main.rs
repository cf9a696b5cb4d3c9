//! Guards against getting slower: what decoding, verifying, sealing, taking in, meeting, reading a page and comparing sets
//! cost in instructions, against the figures in `counts.toml`.
//!
//! Instructions, because they are the same in every run and beside any load, where times are not. Each test runs this
//! program once more under callgrind, as the work it names ([`callgrind`]), and fails if the figure is some per cent above
//! what is on record ([`record`]), or so far below it that it could become dearer again unseen. The work itself stands in `benches/core/works.rs`, which the benchmarks time.
//!
//! The second figure of each work, `NAME_calls`, is how often it calls the cryptography, whose own instructions are another
//! machine's business.
//!
//! The figures are of the dev profile, as CI builds it: dependencies optimised, this library not. So they say what the
//! code does more than how fast it does it, and a loop too many is noticed all the same.

mod callgrind;
mod record;
#[path = "../../benches/core/works.rs"]
mod works;
#[path = "../stories/world.rs"]
#[expect(dead_code, reason = "the stories use the rest")]
mod world;

use record::Record;
use works::Work;

/// Rounds that are counted, after one that is not: tables are built and buffers have grown by then.
const ROUNDS: u32 = 2;

/// What the program under callgrind is told to do: the work, or the work twice for once.
const ONCE: &str = "once";
const TWICE: &str = "twice";

/// Instructions, and calls of the cryptography, under the names that they have in the record.
type Cost = [(String, u64); 2];

fn work(name: &str) -> &'static Work {
    works::ALL.iter().find(|work| work.name == name).expect("a work of that name")
}

/// Does the rounds, in the program that runs under callgrind.
fn do_rounds(work: &Work, is_twice: bool) {
    let mut round = (work.make)();
    round(&mut |measured| measured());
    for _ in 0..ROUNDS {
        round(&mut callgrind::collected);
        if is_twice {
            round(&mut callgrind::collected);
        }
    }
}

/// What one unit costs; none in the program under callgrind itself, which has done the work then.
fn counted(test: &str, name: &str, how: &str) -> Option<Cost> {
    let work = work(name);
    if let Some(told) = std::env::var_os(callgrind::WORK) {
        do_rounds(work, told == TWICE);
        return None;
    }
    let count = callgrind::run(test, how).unwrap_or_else(|error| panic!("{error}"));
    let units = u64::from(ROUNDS * work.each);
    println!(
        "{name}: {} of {} instructions are counted, for {}",
        count.ours / units,
        count.all / units,
        work.unit
    );
    Some([(name.to_owned(), count.ours / units), (format!("{name}_calls"), count.crypto_calls / units)])
}

/// The compiler that built this program: it writes its name into what it builds.
fn compiler() -> String {
    let this = std::fs::read(std::env::current_exe().expect("a path")).expect("this program");
    let mark = b"rustc version ";
    let at = this.windows(mark.len()).rposition(|found| found == mark).expect("the compiler's name");
    let said = this[at + mark.len()..].split_inclusive(|byte| *byte == b')').next().unwrap_or_default();
    String::from_utf8_lossy(said).into_owned()
}

fn stays(test: &str, name: &str) {
    let Some(cost) = counted(test, name, ONCE) else { return };
    if std::env::var_os(record::RECORD).is_some() {
        return Record::write(&cost, &compiler());
    }
    let (record, compiler) = (Record::read(), compiler());
    let judged = cost.map(|(name, count)| record.judge(&name, count, &compiler));
    judged.iter().flatten().for_each(|said| println!("{said}"));
    let failed: Vec<&str> =
        judged.iter().filter_map(|said| said.as_ref().err().map(String::as_str)).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn decoding_costs_what_it_did() {
    stays("decoding_costs_what_it_did", "decode");
}

#[test]
fn verifying_costs_what_it_did() {
    stays("verifying_costs_what_it_did", "verify");
}

#[test]
fn sealing_costs_what_it_did() {
    stays("sealing_costs_what_it_did", "seal");
}

#[test]
fn taking_a_moment_in_costs_what_it_did() {
    stays("taking_a_moment_in_costs_what_it_did", "apply");
}

#[test]
fn meeting_costs_what_it_did() {
    stays("meeting_costs_what_it_did", "sync");
}

#[test]
fn a_page_costs_what_it_did() {
    stays("a_page_costs_what_it_did", "page");
}

#[test]
fn comparing_sets_costs_what_it_did() {
    stays("comparing_sets_costs_what_it_did", "intervals");
}

#[test]
fn work_done_twice_is_noticed() {
    let Some(cost) = counted("work_done_twice_is_noticed", "verify", TWICE) else { return };
    if std::env::var_os(record::RECORD).is_some() {
        return;
    }
    for (name, count) in cost {
        let judged = Record::read().judge(&name, count, &compiler());
        assert!(judged.is_err(), "twice the work passed: {judged:?}");
    }
}

#[test]
fn every_work_is_guarded() {
    let this = include_str!("main.rs");
    for work in &works::ALL {
        assert!(this.contains(&format!("\", \"{}\");", work.name)), "{} has no test here", work.name);
    }
}
