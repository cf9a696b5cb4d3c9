//! The nodes of a bench, as the bench holds them: a home, and at times a process on it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use serde_json::Value;
use tidings::client::Client;

use super::Bench;
use super::line::Order;
use super::scratch::{Scratch, Shared};
use crate::error::{Error, Result};
use crate::home::Home;
use crate::limits::BENCH_PATIENCE_SECONDS;

/// How long a node may take for one order.
const PATIENCE: Duration = Duration::from_secs(BENCH_PATIENCE_SECONDS);

/// A person of a bench.
#[derive(Debug, Clone)]
pub struct Member {
    /// Their home.
    pub home: PathBuf,
    /// Where their node listens: kept over starts, as real nodes keep theirs.
    pub listen: Vec<String>,
}

impl Member {
    /// A fresh home with an identity.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(scratch: &Scratch, name: &str) -> Result<Self> {
        let home = scratch.path(name);
        Home::at(&home).create()?;
        Client::create_identity(&home, name)?;
        let port = crate::config::free_port();
        let listen = vec![format!("/ip4/127.0.0.1/udp/{port}/quic-v1"), format!("/ip4/127.0.0.1/tcp/{port}")];
        Ok(Self { home, listen })
    }

    /// Starts a process on the home; nothing is opened yet.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(&self, scratch: &Scratch) -> Result<Process> {
        Process::start(&self.home, scratch)
    }

    /// Starts a process and opens the home, with network.
    ///
    /// # Errors
    /// If it does not start, or the home does not open.
    pub fn open(&self, scratch: &Scratch) -> Result<Process> {
        let mut process = self.start(scratch)?;
        process.ask(&Order::Open { listen: self.listen.clone() })?;
        Ok(process)
    }
}

/// Two people who became friends by an invite, whose nodes have told each other everything and ended.
///
/// # Errors
/// If they do not become friends.
pub fn friends(bench: &Bench, one: &str, other: &str) -> Result<(Member, Member)> {
    let (a, b) = (Member::new(&bench.scratch, one)?, Member::new(&bench.scratch, other)?);
    let (mut at_a, mut at_b) = (a.open(&bench.scratch)?, b.open(&bench.scratch)?);
    let link = text(&at_a.ask(&Order::Invite)?, "link")?;
    at_b.ask(&Order::Accept { link })?;
    for process in [&mut at_a, &mut at_b] {
        process.ask(&Order::Settle)?;
    }
    at_a.end()?;
    at_b.end()?;
    Ok((a, b))
}

/// A node's process.
#[derive(Debug)]
pub struct Process {
    child: Shared,
    pid: u32,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Process {
    fn start(home: &Path, scratch: &Scratch) -> Result<Self> {
        let program = program()?;
        let mut command = Command::new(&program);
        command.arg("--home").arg(home).arg("bench-node");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let child = scratch.spawn(&mut command).map_err(|e| Error::io("cannot start", &program, &e))?;
        let (pid, orders, said) = {
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            (child.id(), child.stdin.take(), child.stdout.take())
        };
        // A node answers one order at a time.
        let (sender, answers) = sync_channel(1);
        std::thread::spawn(move || {
            for line in BufReader::new(said.into_iter().next()?).lines() {
                sender.send(line.ok()?).ok()?;
            }
            Some(())
        });
        Ok(Self { child, pid, orders, answers })
    }

    /// Gives an order and waits for its answer.
    ///
    /// # Errors
    /// What the node says; failed, if it says nothing.
    pub fn ask(&mut self, order: &Order) -> Result<Value> {
        self.tell(order)?;
        self.hear(order)
    }

    /// Gives an order.
    ///
    /// # Errors
    /// If the node is gone.
    pub fn tell(&mut self, order: &Order) -> Result<()> {
        let mut line = serde_json::to_vec(order).unwrap_or_default();
        line.push(b'\n');
        let gone = |_| lost(order, "the node has ended");
        self.orders.as_mut().ok_or_else(|| lost(order, "it was told to end"))?.write_all(&line).map_err(gone)
    }

    /// Waits for the answer of an order that was given.
    ///
    /// # Errors
    /// As [`Process::ask`].
    pub fn hear(&self, order: &Order) -> Result<Value> {
        let line = self.answers.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => lost(order, "it took too long"),
            RecvTimeoutError::Disconnected => lost(order, "the node has ended"),
        })?;
        let answer: Value = serde_json::from_str(&line).map_err(|_| lost(order, "the answer is no JSON"))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(lost(order, error)),
            None => Ok(answer),
        }
    }

    /// What the system says that it holds now, 10^6 bytes.
    pub fn rss_mb(&self) -> Option<f64> {
        rss_mb(self.pid)
    }

    /// How long it has computed so far, in ticks of the kernel's clock.
    pub fn ticks(&self) -> Option<f64> {
        ticks(self.pid)
    }

    /// Closes the home and waits for the process.
    ///
    /// # Errors
    /// If closing fails.
    pub fn end(mut self) -> Result<()> {
        self.ask(&Order::Close)?;
        // The end of its orders is the end of the process.
        drop(self.orders.take());
        let ended = crate::os::wait_until(PATIENCE, || {
            let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
            child.try_wait().is_ok_and(|status| status.is_some())
        });
        if ended { Ok(()) } else { Err(lost(&Order::Close, "it does not end")) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // It has usually ended by now.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// This program.
///
/// # Errors
/// If the system does not say where it is.
pub fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|e| {
        Error::failed("no_program", format!("cannot find this program: {e}"), "start it by its path")
    })
}

/// What the system says that a process holds, 10^6 bytes.
pub fn rss_mb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1_024.0 / 1e6)
}

/// Ticks of the kernel's clock in a second, in which it counts the time of processes.
pub const TICKS: f64 = 100.0;

/// How long a process has computed so far, in ticks of the kernel's clock.
pub fn ticks(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name in brackets: state, ten fields, then the times of the program and of the kernel for it.
    let (_, rest) = stat.rsplit_once(')')?;
    let times = rest.split_whitespace().skip(11).take(2);
    times.map(|ticks| ticks.parse::<f64>().ok()).sum()
}

fn lost(order: &Order, why: &str) -> Error {
    let order = serde_json::to_value(order).unwrap_or_default();
    let what = order.get("do").and_then(Value::as_str).unwrap_or_default();
    Error::failed("bench_node", format!("a node of the bench did not do `{what}`: {why}"), "try again")
}

/// A text of an answer.
///
/// # Errors
/// If it is not there.
pub fn text(answer: &Value, field: &'static str) -> Result<String> {
    answer.get(field).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| missing(field))
}

/// A number of an answer.
///
/// # Errors
/// If it is not there.
pub fn number(answer: &Value, field: &'static str) -> Result<f64> {
    answer.get(field).and_then(Value::as_f64).ok_or_else(|| missing(field))
}

/// A list of numbers of an answer.
///
/// # Errors
/// If it is not there.
pub fn numbers(answer: &Value, field: &'static str) -> Result<Vec<f64>> {
    let list = answer.get(field).and_then(Value::as_array).ok_or_else(|| missing(field))?;
    list.iter().map(|value| value.as_f64().ok_or_else(|| missing(field))).collect()
}

fn missing(field: &'static str) -> Error {
    Error::failed("internal", format!("a node of the bench did not tell `{field}`"), "report this")
}
