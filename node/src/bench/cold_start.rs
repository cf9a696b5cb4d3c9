//! J7, cold start: from the start of `tidings run` to the first page over its API, after a clean stop and after kill −9.
//!
//! Beside it the bare store is opened, without a word about what is in it; after a kill on a copy of what the kill left.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::PoisonError;
use std::time::Instant;

use serde_json::{Value, json};

use super::line::Order;
use super::member::{Member, number, program, rss_mb, ticks};
use super::node::ms;
use super::report::{Row, percentile};
use super::scratch::Shared;
use super::{Bench, floors, plan};
use crate::cli::door::{Ask, Door};
use crate::error::{Error, Result};
use crate::home::Home;

/// How often, each way.
const ROUNDS: (usize, usize) = (5, 3);

/// Does it on the largest store.
///
/// # Errors
/// If the node does not start or shows no page.
pub fn run(bench: &Bench) -> Result<()> {
    let moments = bench.large();
    bench.say(&format!("J7: a home is given {moments} moments…"));
    let member = Member::new(&bench.scratch, "J7-Ada")?;
    let mut process = member.start(&bench.scratch)?;
    process.ask(&Order::Furnish {
        plan: plan(moments).into(),
        without: Vec::new(),
        join_only: false,
        only: None,
    })?;
    process.end()?;
    let home = Home::at(&member.home);
    let listen = ["/ip4/127.0.0.1/tcp/0".to_owned()];
    // The first run writes its settings, and finishes what a first run has to.
    let first = Started::with(bench, &home, &listen)?;
    first.first_page(&home)?;
    first.stop(&home)?;
    let store = BareStore { bench, copy: "J7-copy" };
    let mut last = 0.0;
    for (variant, is_killed) in
        [("after a clean stop", false), ("after kill -9 with one moment written", true)]
    {
        let (mut times, mut floors, mut rss, mut disk) = (Vec::new(), Vec::new(), None, 0);
        for _ in 0..bench.times(ROUNDS.0, ROUNDS.1) {
            if is_killed {
                let started = Started::with(bench, &home, &listen)?;
                let draft = json!({"text": "the last before the lights went out"});
                Door::to(&home).ask_node(&Ask::json("POST", "/moments", draft))?;
                started.kill();
            }
            floors.push(store.open(&member)?);
            let started = Started::with(bench, &home, &listen)?;
            times.push(started.first_page(&home)?);
            rss = started.rss_mb();
            let store = member.home.join("store");
            disk = on_disk(&store).map_err(|e| Error::io("cannot measure", &store, &e))?;
            started.stop(&home)?;
        }
        last = disk as f64 / moments as f64;
        let mut row = Row {
            ms: percentile(&mut times, 50),
            rss_mb: rss,
            disk_per_post: Some(last),
            ..Row::of("J7", moments, variant)
        };
        let what = if is_killed { "the bare store opens, after kill -9" } else { "the bare store opens" };
        let mut floor = Row { ms: percentile(&mut floors, 50), ..Row::floor("J7", moments, what) };
        row.beside(&mut floor);
        bench.row(&row);
        bench.row(&floor);
    }
    bench.scratch.remove("J7-Ada")?;
    for (what, by_id) in [
        ("a bare store with its rows but none by id", false),
        ("a bare store with its rows and one by id, in no order", true),
    ] {
        // What a moment takes, by what it takes there.
        let bare = floors::sled_rows(bench, moments, by_id)?;
        bench.row(&Row {
            disk_per_post: Some(bare),
            ratio: Some(last / bare),
            ..Row::floor("J7", moments, what)
        });
    }
    Ok(())
}

/// The store of a home, opened by sled alone: on a copy, so that the home stays as it was left.
struct BareStore<'a> {
    bench: &'a Bench,
    copy: &'static str,
}

impl BareStore<'_> {
    fn open(&self, member: &Member) -> Result<f64> {
        let folder = self.bench.scratch.path(self.copy);
        copy(&member.home.join("store"), &folder)?;
        let mut process = member.start(&self.bench.scratch)?;
        let took = number(&process.ask(&Order::OpenStore { folder })?, "ms");
        process.end()?;
        self.bench.scratch.remove(self.copy)?;
        took
    }
}

/// The whole program on a home, once it can be asked.
pub struct Started {
    child: Shared,
    pid: u32,
    begun: Instant,
}

impl Started {
    /// Starts it on addresses for friends, and waits until it can be asked.
    ///
    /// # Errors
    /// If it does not start.
    pub fn with(bench: &Bench, home: &Home, listen: &[String]) -> Result<Self> {
        let program = program()?;
        let mut command = Command::new(&program);
        command.arg("--home").arg(home.path()).args(["--json", "run", "--no-open", "--http", "127.0.0.1:0"]);
        for address in listen {
            command.arg("--listen").arg(address);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let begun = Instant::now();
        let spawned = bench.scratch.spawn(&mut command);
        let child = spawned.map_err(|e| Error::io("cannot start", &program, &e))?;
        let (pid, said) = {
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            (child.id(), child.stdout.take())
        };
        let mut line = String::new();
        if let Some(said) = said {
            // It says one line once it can be asked; a node that ends before that says none.
            let _ = BufReader::new(said).read_line(&mut line);
        }
        Ok(Self { child, pid, begun })
    }

    /// Reads the first page; how long that took since the start of the process, ms.
    ///
    /// # Errors
    /// If it does not answer, or shows nothing.
    pub fn first_page(&self, home: &Home) -> Result<f64> {
        let page = Door::to(home).ask_node(&Ask::get("/timeline?limit=50"))?;
        let took = ms(self.begun.elapsed());
        if page.get("moments").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            return Err(Error::failed("bench_incomplete", "the first page is empty", "report this"));
        }
        Ok(took)
    }

    /// What the system says that it holds now, 10^6 bytes.
    pub fn rss_mb(&self) -> Option<f64> {
        rss_mb(self.pid)
    }

    /// How long it has computed so far, in ticks of the kernel's clock.
    pub fn ticks(&self) -> Option<f64> {
        ticks(self.pid)
    }

    /// Ends it cleanly.
    ///
    /// # Errors
    /// If it does not take the request.
    pub fn stop(self, home: &Home) -> Result<()> {
        Door::to(home).ask_node(&Ask::bare("POST", "/stop"))?;
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child
            .wait()
            .map(drop)
            .map_err(|e| Error::failed("bench", format!("cannot wait for a node: {e}"), "try again"))
    }

    fn kill(self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // SIGKILL, where there are signals. It may have ended by itself, which the next start would show.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Error::io("cannot copy", from, &e);
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to)?;
        } else {
            std::fs::copy(&path, &to).map_err(failed)?;
            // sled syncs its file when it opens it: what the copying left to write is not its work.
            std::fs::File::open(&to).and_then(|copy| copy.sync_all()).map_err(failed)?;
        }
    }
    Ok(())
}

/// What a folder takes on the disk, bytes: blocks, where the system counts them.
///
/// # Errors
/// If it cannot be read.
pub fn on_disk(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += match metadata.is_dir() {
            true => on_disk(&entry.path())?,
            #[cfg(unix)]
            false => std::os::unix::fs::MetadataExt::blocks(&metadata) * 512,
            #[cfg(not(unix))]
            false => metadata.len(),
        };
    }
    Ok(bytes)
}
