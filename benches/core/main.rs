//! Times what a node does all day: `cargo bench -p tidings --bench core [-- NAME…]`.
//!
//! One row for each work of [`works`] and [`meeting`]: the best and the median time of one unit, and over how many rounds. The best is
//! what the code can do, the median what this machine let it do: beside other load compare the best ones. `--test` does
//! each once and times nothing: that is how CI sees that they run.
//!
//! No crate for it: a benchmark here has parts that must not be timed (another node writes, the outcome is looked at), the
//! guard over instruction counts (`tests/instructions`) does the same rounds, and what is left is the loop below.

#![expect(clippy::disallowed_methods, reason = "what is measured is time")]

mod meeting;
mod works;
#[path = "../../tests/stories/world.rs"]
#[expect(dead_code, reason = "the stories use the rest")]
mod world;

use std::time::{Duration, Instant};

use works::Work;

/// How long each work is timed, beside what its rounds need to be made ready.
const SPAN: Duration = Duration::from_millis(700);
/// Rounds at the least and at the most: works that keep moments would time larger and larger stores.
const ROUNDS_MIN: usize = 10;
const ROUNDS_LIMIT: usize = 2_000;
/// Rounds that are not timed: tables of the curve, caches.
const WARM_UP: usize = 3;

/// What was asked for on the command line.
#[derive(Debug, Default)]
struct Options {
    /// Do each once, time nothing.
    is_test: bool,
    /// Only those with one of these in their name; all if empty.
    names: Vec<String>,
}

fn main() {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(unknown) => {
            eprintln!(
                "core: unknown argument {unknown}; arguments are names of works, and --test to do each once"
            );
            std::process::exit(2);
        }
    };
    let wanted =
        |work: &&Work| options.names.is_empty() || options.names.iter().any(|n| work.name.contains(n));
    let all: Vec<&Work> = works::ALL.iter().chain(&meeting::ALL).collect();
    let works: Vec<&Work> = all.iter().copied().filter(wanted).collect();
    if works.is_empty() {
        eprintln!(
            "core: there is no such work; there are {:?}",
            all.iter().map(|work| work.name).collect::<Vec<_>>()
        );
        std::process::exit(2);
    }
    for work in works {
        if options.is_test {
            (work.make)()(&mut |measured| measured());
            println!("{:<10} ran", work.name);
        } else {
            println!("{}", row(work, &mut times(work)));
        }
    }
}

/// Reads the arguments. cargo adds `--bench` when it benchmarks, and nothing when it tests.
fn options(words: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut options, mut is_bench) = (Options::default(), false);
    for word in words {
        match word.as_str() {
            "--bench" => is_bench = true,
            "--test" => options.is_test = true,
            other if other.starts_with('-') => return Err(word),
            _ => options.names.push(word),
        }
    }
    options.is_test |= !is_bench;
    Ok(options)
}

/// How long the measured part of each round took.
fn times(work: &Work) -> Vec<Duration> {
    let mut round = (work.make)();
    (0..WARM_UP).for_each(|_| round(&mut |measured| measured()));
    let (mut times, begun) = (Vec::new(), Instant::now());
    while times.len() < ROUNDS_MIN || (begun.elapsed() < SPAN && times.len() < ROUNDS_LIMIT) {
        round(&mut |measured| {
            let begun = Instant::now();
            measured();
            times.push(begun.elapsed());
        });
    }
    times
}

fn row(work: &Work, times: &mut [Duration]) -> String {
    times.sort();
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(work.each);
    let (best, median) = (micros(times[0]), micros(times[times.len() / 2]));
    format!(
        "{:<10} best {best:>9.2} µs  median {median:>9.2} µs  {:>5} rounds  {}",
        work.name,
        times.len(),
        work.unit
    )
}
