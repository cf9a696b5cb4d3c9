//! Runs a scenario of thousands of nodes and prints what it cost and what held.
//!
//! ```text
//! cargo run --release --no-default-features --features sim --example simulate -- SCENARIO
//!     [--seed N] [--people N] [--days D] [--friends MEDIAN] [--sizes N,N,…] [--by-friends N,N,…]
//!     [--keep FILE] [--plots FOLDER] [--threads N]
//! cargo run … --example simulate -- join FILE,FILE,… [--plots FOLDER]
//! ```
//!
//! `SCENARIO` is a file, or the name of one in `simulations/`. `--sizes` runs it once for each number of people,
//! `--by-friends` once for each median number of friends, and prints the figures side by side. `--keep` writes them to a
//! file; `join` puts files of runs that were made apart, in processes of their own, side by side. `--threads` says how many
//! processors a run may take (all there are); nothing but its time depends on it. Ends with 1 if anything that must hold
//! did not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tidings::sim::plot::{Line, Plot};
use tidings::sim::report::{number, span};
use tidings::sim::{Report, Scenario, run_on};

/// What was asked for.
struct Wish {
    scenario: Scenario,
    seed: u64,
    threads: usize,
    sizes: Vec<usize>,
    friends: Vec<usize>,
    plots: Option<PathBuf>,
    keep: Option<PathBuf>,
    join: Vec<PathBuf>,
}

/// What is kept of a run: figures, and how moments spread.
#[derive(Serialize, Deserialize)]
struct Kept {
    scenario: String,
    label: String,
    figures: Vec<(String, f64, String)>,
    since_posted: Vec<(u64, f64)>,
    since_possible: Vec<(u64, f64)>,
    kinds: Vec<(String, u64, f64)>,
    failures: Vec<String>,
}

impl Kept {
    fn figure(&self, name: &str) -> f64 {
        self.figures.iter().find(|(of, ..)| of == name).map_or(0.0, |(_, value, _)| *value)
    }
}

fn main() -> ExitCode {
    match wish(std::env::args().skip(1)).and_then(|wish| go(&wish)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("simulate: {error}");
            ExitCode::from(2)
        }
    }
}

fn wish(mut words: impl Iterator<Item = String>) -> Result<Wish, String> {
    let name = words.next().ok_or("which scenario? one of simulations/*.toml, or join")?;
    let mut wish = Wish {
        scenario: Scenario::default(),
        seed: 1,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        sizes: Vec::new(),
        friends: Vec::new(),
        plots: None,
        keep: None,
        join: Vec::new(),
    };
    if name == "join" {
        let files = words.next().ok_or("join which files?")?;
        wish.join = files.split(',').map(PathBuf::from).collect();
    } else {
        wish.scenario = load(&name)?;
    }
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("{option} wants a value"))?;
        let parse = |text: &str| text.parse::<usize>().map_err(|error| format!("{option} {text}: {error}"));
        let one = || parse(&value);
        let many = || value.split(',').map(parse).collect::<Result<Vec<usize>, String>>();
        match option.as_str() {
            "--seed" => wish.seed = one()? as u64,
            "--threads" => wish.threads = one()?,
            "--people" => wish.scenario.people = one()?,
            "--days" => wish.scenario.days = one()? as u64,
            "--friends" => wish.scenario.friends_median = one()?,
            "--sizes" => wish.sizes = many()?,
            "--by-friends" => wish.friends = many()?,
            "--plots" => wish.plots = Some(PathBuf::from(&value)),
            "--keep" => wish.keep = Some(PathBuf::from(&value)),
            _ => return Err(format!("there is no option {option}")),
        }
    }
    Ok(wish)
}

fn load(name: &str) -> Result<Scenario, String> {
    let path = match Path::new(name) {
        path if path.is_file() => path.to_owned(),
        _ => Path::new("simulations").join(format!("{name}.toml")),
    };
    toml::from_str(&read(&path)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn go(wish: &Wish) -> Result<bool, String> {
    let mut runs = Vec::new();
    for file in &wish.join {
        let more: Vec<Kept> =
            serde_json::from_str(&read(file)?).map_err(|error| format!("{}: {error}", file.display()))?;
        runs.extend(more);
    }
    if wish.join.is_empty() {
        for (label, scenario) in scenarios(wish) {
            runs.push(live(label, &scenario, wish)?);
        }
    }
    if runs.len() > 1 {
        print!("{}", side_by_side(&runs));
    }
    if let Some(file) = &wish.keep {
        write(file, &serde_json::to_string(&runs).map_err(|error| error.to_string())?)?;
    }
    if let Some(folder) = &wish.plots {
        write_plots(folder, &runs)?;
    }
    Ok(runs.iter().all(|run| run.failures.is_empty()))
}

/// What is to be run, and what each is called where they stand side by side.
fn scenarios(wish: &Wish) -> Vec<(String, Scenario)> {
    let base = &wish.scenario;
    if !wish.sizes.is_empty() {
        let of = |people: &usize| (people_label(*people), Scenario { people: *people, ..base.clone() });
        return wish.sizes.iter().map(of).collect();
    }
    if !wish.friends.is_empty() {
        let of = |median: &usize| {
            (format!("median {median}"), Scenario { friends_median: *median, ..base.clone() })
        };
        return wish.friends.iter().map(of).collect();
    }
    vec![(people_label(base.people), base.clone())]
}

fn people_label(people: usize) -> String {
    match people / 1_000 {
        0 => format!("{people} people"),
        thousands => format!("{thousands},{:03} people", people % 1_000),
    }
}

/// Runs one scenario, and prints its table at once: whoever reads along wants it now.
fn live(label: String, scenario: &Scenario, wish: &Wish) -> Result<Kept, String> {
    #[expect(clippy::disallowed_methods, reason = "how long the run took is no part of it")]
    let begun = Instant::now();
    let (cpu, before, mut most) = (cpu_seconds(), rss_mb(), 0.0_f64);
    let report = run_on(wish.threads, scenario, wish.seed, &mut |reached| {
        most = most.max(rss_mb());
        eprintln!("{:>7.1} s  {:>6.0} MB  {reached}", begun.elapsed().as_secs_f64(), rss_mb());
    });
    let (cpu, people) = (cpu_seconds() - cpu, scenario.people.max(1) as f64);
    let mut kept = kept(label, report);
    let mut put =
        |name: &str, value, unit: &str| kept.figures.push((name.to_owned(), value, unit.to_owned()));
    put("memory per node, all running and connected", (most - before) * 1_000.0 / people, "kB");
    let took = begun.elapsed().as_secs_f64();
    put("time", took, "s");
    put("threads", wish.threads as f64, "");
    if wish.threads == 1 {
        // Several look for work while there is none, and that is no cost of a person's.
        let each = cpu * 1_000.0 / people / scenario.days.max(1) as f64;
        put("time on a processor, per person and day", each, "ms");
    }
    println!("  took {took:.1} s on {} threads, {cpu:.1} s of processors; {most:.0} MB", wish.threads);
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    Ok(kept)
}

fn kept(label: String, report: Report) -> Kept {
    print!("{}", report.table());
    let figures = report.figures.iter();
    Kept {
        scenario: report.scenario.name.clone(),
        label,
        figures: figures.map(|of| (of.name.to_owned(), of.value, of.unit.to_owned())).collect(),
        since_posted: report.since_posted,
        since_possible: report.since_possible,
        kinds: report.kinds,
        failures: report.failures,
    }
}

/// Resident memory of this process, MB of 10^6 bytes; 0 where the system does not say.
fn rss_mb() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()));
    pages.unwrap_or(0.0) * 4_096.0 / 1e6
}

/// Seconds this process has been on a processor; 0 where the system does not say.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = text.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn side_by_side(runs: &[Kept]) -> String {
    let mut out = String::from("\n| figure |");
    for run in runs {
        out.push_str(&format!(" {} |", run.label));
    }
    out.push_str("\n| --- |");
    out.push_str(&" ---: |".repeat(runs.len()));
    out.push('\n');
    let mut names: Vec<(&str, &str)> = Vec::new();
    for (name, _, unit) in runs.iter().flat_map(|run| &run.figures) {
        if !names.contains(&(name, unit)) {
            names.push((name, unit));
        }
    }
    for (name, unit) in names {
        out.push_str(&format!("| {name} {unit} |"));
        for run in runs {
            out.push_str(&format!(" {} |", number(run.figure(name))));
        }
        out.push('\n');
    }
    out
}

fn write_plots(folder: &Path, runs: &[Kept]) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let Some(first) = runs.first() else { return Ok(()) };
    let name = &first.scenario;
    let put = |what: &str, plot: Plot| write(&folder.join(format!("{name}-{what}.svg")), &plot.svg());
    put("delivery", delivery(name, runs))?;
    let kinds: Vec<_> = first.kinds.iter().take(10).collect();
    put(
        "kinds",
        Plot {
            title: format!("What the bytes are ({}, {name})", first.label),
            across: "kind of frame".to_owned(),
            up: "% of all bytes in the days".to_owned(),
            places: kinds.iter().map(|(kind, ..)| kind.clone()).collect(),
            lines: vec![Line { values: kinds.iter().map(|kind| kind.2).collect(), ..Line::default() }],
            top: None,
            are_bars: true,
        },
    )?;
    if runs.len() < 2 {
        return Ok(());
    }
    for (file, figure) in [
        ("bytes", "bytes per person and day, mean (sent and received)"),
        ("stored", "stored per person at the end, mean"),
        ("friendship", "bytes per friendship and day"),
        ("received", "entries received for each kept"),
    ] {
        let unit = first.figures.iter().find(|(of, ..)| of == figure).map_or("", |(.., unit)| unit);
        put(
            file,
            Plot {
                title: format!("{figure} ({name})"),
                across: "runs side by side".to_owned(),
                up: format!("{figure} {unit}"),
                places: runs.iter().map(|run| run.label.clone()).collect(),
                lines: vec![Line {
                    name: "all frames".to_owned(),
                    values: runs.iter().map(|run| run.figure(figure)).collect(),
                    ..Line::default()
                }],
                top: None,
                are_bars: false,
            },
        )?;
    }
    Ok(())
}

fn delivery(name: &str, runs: &[Kept]) -> Plot {
    let mut lines = Vec::new();
    for (since, is_dashed) in [("shared", false), ("possible", true)] {
        for (colour, run) in runs.iter().enumerate() {
            let of = if is_dashed { &run.since_possible } else { &run.since_posted };
            let values = of.iter().map(|(_, percent)| *percent).collect();
            lines.push(Line { name: format!("{since}, {}", run.label), colour, is_dashed, values });
        }
    }
    let places = runs.first().map(|run| run.since_posted.iter().map(|(ms, _)| span(*ms)).collect());
    Plot {
        title: format!("Moments delivered, counted from when they were shared or possible ({name})"),
        across: "within".to_owned(),
        up: "% of all pairs of moment and entitled friend".to_owned(),
        places: places.unwrap_or_default(),
        lines,
        top: Some(100.0),
        are_bars: false,
    }
}
