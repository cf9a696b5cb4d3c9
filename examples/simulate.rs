//! Runs a scenario of thousands of nodes and prints what it cost and what held.
//!
//! ```text
//! cargo run --release --no-default-features --features sim --example simulate -- SCENARIO
//!     [--seed N] [--people N] [--days D] [--friends MEDIAN] [--sizes N,N,…] [--by-friends N,N,…] [--plots FOLDER]
//! ```
//!
//! `SCENARIO` is a file, or the name of one in `simulations/`. `--sizes` runs it once for each number of people,
//! `--by-friends` once for each median number of friends, and prints the figures side by side. Ends with 1 if anything
//! that must hold did not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use tidings::sim::plot::{Line, Plot};
use tidings::sim::report::{number, span};
use tidings::sim::{Report, Scenario, run};

/// What was asked for.
struct Wish {
    scenario: Scenario,
    seed: u64,
    sizes: Vec<usize>,
    friends: Vec<usize>,
    plots: Option<PathBuf>,
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
    let name = words.next().ok_or("which scenario? one of simulations/*.toml")?;
    let mut wish =
        Wish { scenario: load(&name)?, seed: 1, sizes: Vec::new(), friends: Vec::new(), plots: None };
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("{option} wants a value"))?;
        let parse = |text: &str| text.parse::<usize>().map_err(|error| format!("{option} {text}: {error}"));
        let one = || parse(&value);
        let many = || value.split(',').map(parse).collect::<Result<Vec<usize>, String>>();
        match option.as_str() {
            "--seed" => wish.seed = one()? as u64,
            "--people" => wish.scenario.people = one()?,
            "--days" => wish.scenario.days = one()? as u64,
            "--friends" => wish.scenario.friends_median = one()?,
            "--sizes" => wish.sizes = many()?,
            "--by-friends" => wish.friends = many()?,
            "--plots" => wish.plots = Some(PathBuf::from(&value)),
            _ => return Err(format!("there is no option {option}")),
        }
    }
    Ok(wish)
}

fn load(name: &str) -> Result<Scenario, String> {
    let path = match Path::new(name) {
        path if path.exists() => path.to_owned(),
        _ => Path::new("simulations").join(format!("{name}.toml")),
    };
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn go(wish: &Wish) -> Result<bool, String> {
    let mut scenarios = vec![(String::new(), wish.scenario.clone())];
    if !wish.sizes.is_empty() {
        let of = |people: &usize| {
            (format!("{people} people"), Scenario { people: *people, ..wish.scenario.clone() })
        };
        scenarios = wish.sizes.iter().map(of).collect();
    } else if !wish.friends.is_empty() {
        let of = |median: &usize| {
            (format!("{median} friends"), Scenario { friends_median: *median, ..wish.scenario.clone() })
        };
        scenarios = wish.friends.iter().map(of).collect();
    }
    let mut reports = Vec::new();
    for (label, scenario) in &scenarios {
        #[expect(clippy::disallowed_methods, reason = "how long the run took is no part of it")]
        let begun = Instant::now();
        let cpu = cpu_seconds();
        let report = run(scenario, wish.seed, &mut |reached| {
            eprintln!("{:>7.1} s  {:>6.0} MB  {reached}", begun.elapsed().as_secs_f64(), rss_mb());
        });
        print!("{}", report.table());
        let rss = rss_mb();
        println!(
            "  took {:.1} s, {:.1} s of them on a processor; {rss:.0} MB resident at the end, all nodes running: {:.0} kB a node",
            begun.elapsed().as_secs_f64(),
            cpu_seconds() - cpu,
            rss * 1_000.0 / scenario.people as f64,
        );
        // Whoever reads along wants the table now.
        std::io::stdout().flush().map_err(|error| error.to_string())?;
        reports.push((label.clone(), report));
    }
    if reports.len() > 1 {
        print!("{}", side_by_side(&reports));
    }
    if let Some(folder) = &wish.plots {
        write_plots(folder, &wish.scenario.name, &reports)?;
    }
    Ok(reports.iter().all(|(_, report)| report.failures.is_empty()))
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

fn side_by_side(reports: &[(String, Report)]) -> String {
    let mut out = String::from("\n| figure |");
    for (label, _) in reports {
        out.push_str(&format!(" {label} |"));
    }
    out.push_str("\n| --- |");
    out.push_str(&" ---: |".repeat(reports.len()));
    out.push('\n');
    for figure in reports.first().map(|(_, report)| report.figures.as_slice()).unwrap_or_default() {
        out.push_str(&format!("| {} {} |", figure.name, figure.unit));
        for (_, report) in reports {
            out.push_str(&format!(" {} |", number(report.figure(figure.name))));
        }
        out.push('\n');
    }
    out
}

fn write_plots(folder: &Path, name: &str, reports: &[(String, Report)]) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let write = |what: &str, plot: Plot| {
        let path = folder.join(format!("{name}-{what}.svg"));
        std::fs::write(&path, plot.svg()).map_err(|error| format!("{}: {error}", path.display()))
    };
    let Some((_, first)) = reports.first() else { return Ok(()) };
    let places: Vec<String> = first.since_posted.iter().map(|(ms, _)| span(*ms)).collect();
    let mut lines = Vec::new();
    for (label, report) in reports {
        let percents = |of: &[(u64, f64)]| of.iter().map(|(_, percent)| *percent).collect();
        let label = if label.is_empty() { String::new() } else { format!(", {label}") };
        lines.push(Line { name: format!("since shared{label}"), values: percents(&report.since_posted) });
        lines.push(Line { name: format!("since possible{label}"), values: percents(&report.since_possible) });
    }
    write(
        "delivery",
        Plot {
            title: format!("Moments delivered ({name})"),
            across: "within".to_owned(),
            up: "% of all pairs of moment and entitled friend".to_owned(),
            places,
            lines,
            top: Some(100.0),
        },
    )?;
    if reports.len() < 2 {
        let kinds: Vec<_> = first.kinds.iter().take(10).collect();
        return write(
            "kinds",
            Plot {
                title: format!("What the bytes are ({name})"),
                across: "kind of frame".to_owned(),
                up: "% of all bytes in the days".to_owned(),
                places: kinds.iter().map(|(kind, ..)| kind.clone()).collect(),
                lines: vec![Line {
                    name: "bytes".to_owned(),
                    values: kinds.iter().map(|kind| kind.2).collect(),
                }],
                top: None,
            },
        );
    }
    for (file, figure) in [
        ("bytes", "bytes per person and day, mean (sent and received)"),
        ("stored", "stored per person at the end, mean"),
        ("friendship", "bytes per friendship and day"),
        ("received", "entries received for each kept"),
    ] {
        let values = reports.iter().map(|(_, report)| report.figure(figure)).collect();
        write(
            file,
            Plot {
                title: format!("{figure} ({name})"),
                across: "runs side by side".to_owned(),
                up: figure.to_owned(),
                places: reports.iter().map(|(label, _)| label.clone()).collect(),
                lines: vec![Line { name: "all frames".to_owned(), values }],
                top: None,
            },
        )?;
    }
    Ok(())
}
