//! `tidings bench` as scripts use it: tiny runs of real nodes. What is looked at is the shape, and that figures hang
//! together; never how fast anything was.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(120);

fn bench(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.env_remove("TIDINGS_HOME").env_remove("TIDINGS_RECORD").env_remove("TIDINGS_BENCH_APART");
    command.stdin(Stdio::null()).args(["bench", "--json", "--quick", "--dir"]).arg(dir).args(args);
    command
}

/// The lines of a run.
fn rows(args: &[&str]) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let output = bench(dir.path(), args).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "everything is gone again");
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn figure(row: &Value) -> f64 {
    let fields = ["posts_per_s", "mb_per_s", "p50_ms", "ms"];
    fields.iter().find_map(|field| row[field].as_f64()).unwrap_or_else(|| panic!("no figure: {row}"))
}

/// A job's lines, its floors behind it; each ratio is that of the two figures.
fn job<'a>(rows: &'a [Value], name: &str) -> Vec<&'a Value> {
    let mut found: Vec<&Value> = Vec::new();
    let mut last: Option<&Value> = None;
    for row in rows {
        for field in
            ["job", "n", "variant", "wire_bytes", "rss_mb", "disk_per_post", "fsync", "verify", "sealed"]
        {
            assert!(row.get(field).is_some(), "{field} is there, if only as null: {row}");
        }
        if row["job"] == name {
            assert!(figure(row) > 0.0, "{row}");
            last = Some(row);
            found.push(row);
        } else if row["job"] == "floor" && row["variant"] == name {
            let over = last.expect("a floor stands behind its job");
            // A floor without a time is one of the disk or of the wire.
            let of_the = ["ms", "mb_per_s", "p50_ms", "posts_per_s", "disk_per_post", "wire_bytes"];
            let field = of_the.into_iter().find(|field| row[field].is_number()).expect("a figure");
            let of = |row: &Value| match field {
                "disk_per_post" | "wire_bytes" => row[field].as_f64().unwrap(),
                _ => figure(row),
            };
            let ratio = of(over) / of(row);
            let told = row["ratio"].as_f64().expect("a ratio");
            assert!((told / ratio - 1.0).abs() < 0.02, "{told} is not {ratio}: {over} {row}");
            assert!(over["ratio"].is_f64(), "{over}");
            found.push(row);
        }
    }
    found
}

#[test]
fn a_backfill_and_a_catch_up_between_real_nodes_are_told_with_their_floors() {
    let rows = rows(&["J2", "J3", "--moments", "60"]);
    let (backfill, catch_up) = (job(&rows, "J2"), job(&rows, "J3"));
    // What a bare connection takes is not told where the machine gives no network of one's own.
    let bare = usize::from(catch_up[0]["wire_bytes"].is_number());
    // What processors do is not told where the system does not count it.
    let cores = usize::from(cfg!(target_os = "linux"));
    assert_eq!(
        (backfill.len(), catch_up.len(), rows.len()),
        (2 + cores, 2 + bare, 4 + cores + bare),
        "{rows:?}"
    );
    let [row, one_core, ref all_cores @ ..] = backfill[..] else { panic!("no row") };
    for all_cores in all_cores {
        // Verifying is the dearest part, and there are others: on so many cores it cannot be that many times as fast.
        let count = std::thread::available_parallelism().unwrap().get() as f64;
        let (one, all) =
            (one_core["posts_per_s"].as_f64().unwrap(), all_cores["posts_per_s"].as_f64().unwrap());
        assert!(all > 0.0 && all < one * count, "{all} on {count} cores, {one} on one");
        assert!(row["cpu_percent"].as_f64().unwrap() > 0.0, "{row}");
    }
    let (all, rate) = (row["ms"].as_f64().unwrap(), row["posts_per_s"].as_f64().unwrap());
    assert!((rate * all / 60_000.0 - 1.0).abs() < 0.02, "60 moments in {all} ms are not {rate} a second");
    let first = row["first_ms"].as_f64().unwrap();
    assert!(first > 0.0 && first <= all, "{row}");
    assert_eq!(
        (row["n"].as_u64(), row["verify"].as_bool(), row["sealed"].as_bool()),
        (Some(60), Some(true), Some(true))
    );
    for (row, least) in [(row, 60 * 600), (catch_up[0], 10 * 600)] {
        // Null where the machine gives no network of one's own.
        if let Some(bytes) = row["wire_bytes"].as_u64() {
            assert!((least..10_000_000).contains(&bytes), "a sealed text has at least 600 bytes: {row}");
        }
    }
}

#[test]
fn posts_pages_and_starts_are_told_with_their_floors() {
    let rows = rows(&["j1", "J4", "J7", "--moments", "60"]);
    let (append, page, start) = (job(&rows, "J1"), job(&rows, "J4"), job(&rows, "J7"));
    assert_eq!((append.len(), page.len(), start.len(), rows.len()), (8, 2, 6, 16), "{rows:?}");
    assert!(
        append.iter().all(|row| row["job"] == "floor" || row["fsync"] == true),
        "posted is said after the disk has it"
    );
    assert!(page[0]["p99_ms"].as_f64() >= page[0]["p50_ms"].as_f64());
    let starts: Vec<&&Value> = start.iter().filter(|row| row["job"] == "J7").collect();
    let variants: Vec<&str> = starts.iter().map(|row| row["variant"].as_str().unwrap()).collect();
    assert_eq!(variants, ["after a clean stop", "after kill -9 with one moment written"]);
    if cfg!(target_os = "linux") {
        assert!(starts.iter().all(|row| row["rss_mb"].as_f64() > Some(1.0)), "{rows:?}");
    }
    assert!(starts.iter().all(|row| row["disk_per_post"].as_f64() > Some(300.0)), "{rows:?}");
}

#[test]
fn a_large_home_is_told_in_every_respect_where_it_is_asked_for() {
    let rows = rows(&["million", "--moments", "60"]);
    assert!(rows.iter().all(|row| row["job"] == "million" && row["n"] == 60), "{rows:?}");
    let timed: Vec<&Value> = rows.iter().filter(|row| row["p50_ms"].is_number()).collect();
    assert_eq!((rows.len(), timed.len()), (9, 7), "{rows:?}");
    assert!(timed.iter().all(|row| row["ms"].as_f64() >= row["p99_ms"].as_f64()), "{rows:?}");
    assert!(rows[0]["disk_per_post"].as_f64() > Some(300.0), "{rows:?}");
}

#[test]
fn a_moment_is_live_at_a_friends_before_anybody_asks() {
    let rows = rows(&["J5"]);
    let live = job(&rows, "J5");
    assert_eq!((live.len(), rows.len()), (5, 5), "{rows:?}");
    assert!(live[0]["p99_ms"].as_f64() >= live[0]["p50_ms"].as_f64());
    assert_eq!((live[0]["fsync"].as_bool(), live[4]["fsync"].as_bool()), (Some(false), Some(true)));
    // The parts are more than a bare socket, and less than all of it; to wake threads takes time, too.
    let took = |row: &Value| row["p50_ms"].as_f64().unwrap_or_default();
    assert!(took(live[3]) < took(live[1]) && took(live[1]) < took(live[0]), "{rows:?}");
    assert!(took(live[1]) < took(live[2]), "{rows:?}");
}

#[test]
fn films_cross_over_both_transports_and_photos_are_told_beside_what_they_are_made_of() {
    let rows = rows(&["J6", "--mib", "1", "--moments", "60"]);
    let all = job(&rows, "J6");
    // What all cores could do is not told of so few bytes that the processors' clock has hardly moved.
    let is_of_cores = |row: &&&Value| row["what"].as_str().is_some_and(|what| what.starts_with("all cores"));
    let told = 14 + all.iter().filter(is_of_cores).count();
    assert_eq!((all.len(), rows.len()), (told, told), "{rows:?}");
    let ours: Vec<&&Value> = all.iter().filter(|row| row["job"] == "J6").collect();
    let variants: Vec<&str> = ours.iter().map(|row| row["variant"].as_str().unwrap()).collect();
    assert_eq!(variants[..3], ["over TCP", "over QUIC", "sealing a film"]);
    for film in &ours[..2] {
        assert_eq!((film["n"].as_u64(), film["fsync"].as_bool()), (Some(1 << 20), Some(true)));
        // Null where the machine gives no network of one's own.
        if let Some(bytes) = film["wire_bytes"].as_u64() {
            assert!((1 << 20..3 << 20).contains(&bytes), "all of it went over, and little else: {film}");
        }
    }
    assert_eq!(
        all.iter().filter(|row| row["what"].as_str().is_some_and(|what| what.contains("libp2p"))).count(),
        2
    );
    let page = ours[4];
    assert!(page["p99_ms"].as_f64() >= page["p50_ms"].as_f64());
    // Photos that stood in the way of pages would keep each waiting for as long as all of them take.
    assert!(page["p50_ms"].as_f64() < page["ms"].as_f64(), "{page}");
}

#[test]
fn what_cannot_be_measured_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    for (args, code) in [
        (&["--moments", "9"][..], 5),
        (&["--moments", "2000001"], 5),
        (&["J8"], 2),
        (&["J2", "--moments", "many"], 2),
        (&["J6", "--mib", "0"], 2),
        (&["J6", "--mib", "97"], 2),
    ] {
        let output = bench(dir.path(), args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_node_at_rest_is_told_by_what_it_holds_says_and_computes() {
    let rows = rows(&["idle"]);
    let [row, floors @ ..] = &rows[..] else { panic!("a row and its floors: {rows:?}") };
    let [alone, bare, both] = floors else { panic!("three floors: {rows:?}") };
    assert_eq!((row["job"].as_str(), row["n"].as_u64()), (Some("idle"), Some(4)));
    let cpu = |row: &Value| row["cpu_percent"].as_f64().unwrap_or_default();
    assert!((cpu(both) - cpu(alone) - cpu(bare)).abs() < 0.01, "{rows:?}");
    if cfg!(target_os = "linux") {
        assert!(row["rss_mb"].as_f64() > Some(1.0) && row["cpu_percent"].as_f64() >= Some(0.0), "{row}");
    }
    for floor in floors {
        assert_eq!((floor["job"].as_str(), floor["variant"].as_str()), (Some("floor"), Some("idle")));
        assert!(!cfg!(target_os = "linux") || floor["rss_mb"].as_f64() > Some(1.0), "{floor}");
    }
    assert_eq!(row["wire_bytes"].is_null(), row["bytes_per_min"].is_null());
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processes whose command line names a folder.
#[cfg(target_os = "linux")]
fn processes_in(dir: &Path) -> Vec<String> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok());
    let dir = dir.display().to_string();
    lines.filter(|line| line.contains(&dir) && line.contains("bench-node")).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_bench_leaves_no_process_and_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = bench(dir.path(), &["J2", "--moments", "100000"]);
    let mut bench = Ended(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let end = Instant::now() + PATIENCE;
    while processes_in(dir.path()).is_empty() {
        assert!(Instant::now() < end, "no node was started");
        std::thread::sleep(Duration::from_millis(20));
    }
    let interrupted = Command::new("kill").args(["-INT", &bench.0.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(bench.0.wait().unwrap().code(), Some(130));
    while !processes_in(dir.path()).is_empty() {
        assert!(Instant::now() < end, "left behind: {:?}", processes_in(dir.path()));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
