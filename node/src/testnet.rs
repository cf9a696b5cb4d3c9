//! A network of real nodes on one machine: processes of their own in the background, befriended along a topology.
//!
//! `up` makes homes with identities, starts `tidings run` in each, lets them befriend one another through their own APIs
//! (an invite with `auto_confirm`, redeemed by the other side) and returns when everybody has the friends they should
//! have; with `--demo` also when the demo moments have arrived. What it does, a person could do by hand with the commands.
//!
//! Homes stay after `down` and are used again by the next `up` with the same folder.

mod demo;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings::client::Client;

use crate::cli::door::{Ask, Door};
use crate::cli::{Ctx, Style, TestnetArgs};
use crate::error::{Error, Result};
use crate::home::{Home, data_dir, write_private};
use crate::limits::{TESTNET_NODE_LIMIT, TESTNET_WAIT_SECONDS};
use crate::os;

/// Who is whose friend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Topology {
    /// Everybody of everybody.
    Full,
    /// Each of the next, the last of the first.
    Ring,
    /// Each of the next.
    Line,
    /// Everybody of the first.
    Star,
}

impl Topology {
    /// Pairs of friends among `count` nodes, each once.
    fn pairs(self, count: usize) -> Vec<(usize, usize)> {
        let next = (1..count).map(|b| (b - 1, b));
        match self {
            Self::Full => (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b))).collect(),
            Self::Ring if count > 2 => next.chain([(0, count - 1)]).collect(),
            Self::Ring | Self::Line => next.collect(),
            Self::Star => (1..count).map(|b| (0, b)).collect(),
        }
    }
}

const NAMES: [&str; 26] = [
    "Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gita", "Hugo", "Iris", "Jack", "Kaya", "Leo", "Mina",
    "Noah", "Olga", "Paul", "Quinn", "Rosa", "Sami", "Tess", "Uma", "Vera", "Wim", "Xenia", "Yuri", "Zoe",
];

fn name_of(at: usize) -> String {
    let name = NAMES.get(at % NAMES.len()).copied().unwrap_or("Ada");
    if at < NAMES.len() { name.to_owned() } else { format!("{name}{}", at / NAMES.len() + 1) }
}

/// How long everything together may take to be so.
const WAIT: Duration = Duration::from_secs(TESTNET_WAIT_SECONDS);

/// How often a new node is given a port, if others take it.
const START_TRIES: u32 = 3;

/// How long friends may take to connect before `up` goes on without.
const MEET_WAIT: Duration = Duration::from_secs(15);

/// One node of a network.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Member {
    name: String,
    home: PathBuf,
}

impl Member {
    fn home(&self) -> Home {
        Home::at(&self.home)
    }

    fn ask(&self, ask: &Ask) -> Result<Value> {
        Door::to(&self.home()).ask_node(ask)
    }
}

/// The list of nodes in a network's folder.
#[derive(Debug, Serialize, Deserialize)]
struct Network {
    members: Vec<Member>,
}

fn folder(dir: Option<&Path>) -> Result<PathBuf> {
    match dir {
        Some(dir) => Ok(Home::at(dir).path().to_path_buf()),
        None => Ok(data_dir()?.join("testnet")),
    }
}

fn list_file(dir: &Path) -> PathBuf {
    dir.join("testnet.json")
}

fn read(dir: &Path) -> Result<Network> {
    let file = list_file(dir);
    let text = std::fs::read(&file).map_err(|_| {
        Error::not_here(
            "no_testnet",
            format!("there is no test network in {}", dir.display()),
            "start one with `tidings testnet up`",
        )
    })?;
    serde_json::from_slice(&text).map_err(|e| {
        Error::failed(
            "bad_testnet",
            format!("{} is damaged: {e}", file.display()),
            "remove the folder and start anew",
        )
    })
}

/// Starts a network.
///
/// # Errors
/// Refused, if one runs in that folder or there are too many nodes; failed, if a node does not start or befriend.
pub fn up(ctx: &Ctx, args: &TestnetArgs) -> Result<()> {
    let count = usize::from(args.nodes);
    check(args)?;
    let dir = folder(args.dir.as_deref())?;
    if let Ok(network) = read(&dir)
        && network.members.iter().any(|member| member.ask(&Ask::get("/whoami")).is_ok())
    {
        return Err(Error::refused(
            "testnet_runs",
            format!("a test network runs in {} already", dir.display()),
            "end it with `tidings testnet down`, or name another folder with --dir",
        ));
    }
    Home::at(&dir).create_folder()?;
    let members: Vec<Member> = (0..count)
        .map(|at| Member { name: name_of(at), home: dir.join(name_of(at).to_lowercase()) })
        .collect();
    let network = Network { members };
    let text = serde_json::to_vec_pretty(&network)
        .map_err(|e| Error::failed("internal", e.to_string(), "report this"))?;
    write_private(&list_file(&dir), &text)?;
    let brought_up = bring_up(ctx, args, &network.members);
    if brought_up.is_err() {
        // A network that is not whole is no use; its homes and logs stay for looking.
        end_all(&network.members);
    }
    brought_up
}

fn check(args: &TestnetArgs) -> Result<()> {
    if args.nodes == 0 {
        return Err(Error::usage("bad_nodes", "a network has at least one node", "say --nodes 3"));
    }
    if args.nodes > TESTNET_NODE_LIMIT {
        return Err(Error::refused(
            "too_many_nodes",
            format!("{} nodes are more than {TESTNET_NODE_LIMIT}, the limit", args.nodes),
            "start fewer",
        ));
    }
    if args.http_base != 0 && args.http_base.checked_add(args.nodes).is_none() {
        return Err(Error::usage("bad_port", "the ports end at 65535", "choose a lower --http-base"));
    }
    Ok(())
}

fn bring_up(ctx: &Ctx, args: &TestnetArgs, members: &[Member]) -> Result<()> {
    let say = |text: String| {
        if !ctx.out.json {
            ctx.out.note(&text);
        }
    };
    say(format!("Starting {} nodes…", members.len()));
    each(members, |at, member| {
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        let port = if args.http_base == 0 { 0 } else { args.http_base.saturating_add(at) };
        start(member, port)
    })?;
    let pairs = args.topology.pairs(members.len());
    say(format!("Making {} friendships…", pairs.len()));
    for round in rounds(&pairs) {
        each(&round, |_, (a, b)| match (members.get(*a), members.get(*b)) {
            (Some(a), Some(b)) => befriend(a, b),
            _ => Ok(()),
        })?;
    }
    settle(members, &pairs)?;
    meet(members, &pairs, &say);
    if args.demo {
        demo::play(members, &pairs, &say)?;
    }
    let mut rows = Vec::new();
    for member in members {
        let user = member.ask(&Ask::get("/whoami"))?.get("user").cloned().unwrap_or_default();
        let url = member.ask(&Ask::bare("POST", "/address"))?.get("url").cloned().unwrap_or_default();
        rows.push(json!({"name": member.name, "home": member.home, "url": url, "user": user}));
    }
    ctx.out.answer(&json!({"nodes": rows}), |out, _| {
        let mut text = String::new();
        for row in &rows {
            let of = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
            let name = out.style(Style::Strong, &format!("{:<6}", of("name")));
            text.push_str(&format!("{name} {}  {}  {}\n", of("home"), of("url"), of("user")));
        }
        text
    });
    Ok(())
}

/// Does something for each item, a few at a time; the first error is the result.
fn each<T: Sync>(items: &[T], work: impl Fn(usize, &T) -> Result<()> + Sync) -> Result<()> {
    const AT_ONCE: usize = 6;
    let (next, failed) = (Mutex::new(0usize), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = {
                        let mut next = next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        *next += 1;
                        *next - 1
                    };
                    let Some(item) = items.get(at) else { return };
                    if let Err(error) = work(at, item) {
                        failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
                        return;
                    }
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).map_or(Ok(()), Err)
}

/// Pairs in rounds in which nobody appears twice, so that a round can go on at once.
fn rounds(pairs: &[(usize, usize)]) -> Vec<Vec<(usize, usize)>> {
    let mut left = pairs.to_vec();
    let mut rounds = Vec::new();
    while !left.is_empty() {
        let mut busy = BTreeSet::new();
        let (now, later) = left.into_iter().partition(|(a, b)| {
            let free = !busy.contains(a) && !busy.contains(b);
            if free {
                busy.extend([*a, *b]);
            }
            free
        });
        rounds.push(now);
        left = later;
    }
    rounds
}

/// Makes a home with an identity, if it is new, and starts its node in the background.
fn start(member: &Member, http_port: u16) -> Result<()> {
    let home = member.home();
    home.create()?;
    if !Client::has_identity(home.path()) {
        Client::create_identity(home.path(), &member.name)?;
    }
    // A port that was free when it was chosen may be taken when the node comes to it: then it has another.
    let tries = if home.config_file().exists() { 0 } else { START_TRIES };
    for left in (0..tries).rev() {
        write_private(&home.config_file(), config(http_port).as_bytes())?;
        match start_node(member, &home) {
            Err(error) if left > 0 && error.message.contains("in use") => {
                tracing::info!(%error, "once more, with another port");
            }
            done => return done,
        }
    }
    start_node(member, &home)
}

/// Starts the node of a home in the background.
fn start_node(member: &Member, home: &Home) -> Result<()> {
    let log = std::fs::File::create(home.log_file())
        .map_err(|e| Error::io("cannot write", &home.log_file(), &e))?;
    let again = log.try_clone().map_err(|e| Error::io("cannot write", &home.log_file(), &e))?;
    let program = std::env::current_exe().map_err(|e| {
        Error::failed("no_program", format!("cannot find this program: {e}"), "start it by its path")
    })?;
    let mut command = Command::new(&program);
    command
        .arg("--home")
        .arg(home.path())
        // Without --json: then what goes wrong is said on stderr, which is the log.
        .args(["run", "--no-open"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(again));
    drop(log);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|e| Error::io("cannot start", &program, &e))?;
    let mut ended = None;
    let up = os::wait_until(WAIT, || {
        // `try_wait` also collects a child that ended.
        ended = child.try_wait().ok().flatten();
        let announced = home.running().is_some_and(|run| run.pid == child.id());
        ended.is_some() || (announced && member.ask(&Ask::get("/whoami")).is_ok())
    });
    if up && ended.is_none() {
        return Ok(());
    }
    let log = std::fs::read_to_string(home.log_file()).unwrap_or_default();
    Err(Error::failed(
        "node_did_not_start",
        format!("the node of {} did not start: {}", member.name, last_words(&log)),
        format!("see {}", home.log_file().display()),
    ))
}

/// Why a node ended, as it said itself: the line of its error, or its last one.
fn last_words(log: &str) -> &str {
    let said = log.lines().rev().find_map(|line| line.strip_prefix("tidings: "));
    said.or_else(|| log.lines().last()).unwrap_or("it says nothing")
}

/// The config of a node on loopback, so that it comes up the same way again.
fn config(http_port: u16) -> String {
    let port = crate::config::free_port();
    format!(
        "# A node of a test network: everything on loopback.\n\
         listen = [\"/ip4/127.0.0.1/udp/{port}/quic-v1\", \"/ip4/127.0.0.1/tcp/{port}\"]\n\
         http = \"127.0.0.1:{http_port}\"\nopen = false\n"
    )
}

/// Makes two nodes friends, if they are not.
fn befriend(a: &Member, b: &Member) -> Result<()> {
    if friends_of(a)?.contains(&b.name) && friends_of(b)?.contains(&a.name) {
        return Ok(());
    }
    let invite = Ask::json("POST", "/invites", json!({"name": b.name, "auto_confirm": true}));
    let link = a.ask(&invite)?.get("link").cloned().unwrap_or_default();
    b.ask(&Ask::json("POST", "/accept", json!({"link": link, "name": a.name}))).map(drop)
}

fn friends_of(member: &Member) -> Result<BTreeSet<String>> {
    friends_that(member, |_| true)
}

/// The names of those friends of whom something is so.
fn friends_that(member: &Member, so: impl Fn(&Value) -> bool) -> Result<BTreeSet<String>> {
    let answer = member.ask(&Ask::get("/friends"))?;
    let friends = answer.get("friends").and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |friend: &Value| friend.get("name").and_then(Value::as_str).map(str::to_owned);
    Ok(friends.iter().filter(|friend| so(friend)).filter_map(name).collect())
}

/// Waits until friends have a connection, so that what is posted next arrives at once. Going on without does no harm.
fn meet(members: &[Member], pairs: &[(usize, usize)], say: &dyn Fn(String)) {
    let online = |friend: &Value| friend.get("online").and_then(Value::as_bool).unwrap_or_default();
    let met = || {
        pairs.iter().all(|(a, b)| match (members.get(*a), members.get(*b)) {
            (Some(a), Some(b)) => friends_that(a, online).is_ok_and(|friends| friends.contains(&b.name)),
            _ => true,
        })
    };
    if !os::wait_until(MEET_WAIT, met) {
        say("Not all are connected yet; they go on trying by themselves.".to_owned());
    }
}

/// Waits until everybody has the friends they should have.
fn settle(members: &[Member], pairs: &[(usize, usize)]) -> Result<()> {
    let missing = || {
        pairs.iter().flat_map(|(a, b)| [(a, b), (b, a)]).find_map(|(a, b)| {
            let (a, b) = (members.get(*a)?, members.get(*b)?);
            let knows = friends_of(a).is_ok_and(|friends| friends.contains(&b.name));
            (!knows).then(|| (a.name.clone(), b.name.clone()))
        })
    };
    if os::wait_until(WAIT, || missing().is_none()) {
        return Ok(());
    }
    let (a, b) = missing().unwrap_or_default();
    Err(Error::failed(
        "not_friends",
        format!("{a} and {b} did not become friends in {TESTNET_WAIT_SECONDS} seconds"),
        "see the logs in their homes, in log/node.log",
    ))
}

/// Which nodes run.
///
/// # Errors
/// Not here, if there is no network in that folder.
pub fn status(ctx: &Ctx, dir: Option<&Path>) -> Result<()> {
    let network = read(&folder(dir)?)?;
    let row = |member: &Member| {
        let answer = member.ask(&Ask::get("/status"));
        let peers =
            answer.as_ref().ok().and_then(|a| a.get("peers")).and_then(Value::as_array).map_or(0, Vec::len);
        let http = answer.as_ref().ok().and_then(|a| a.get("http")).cloned().unwrap_or_default();
        json!({"name": member.name, "home": member.home, "running": answer.is_ok(), "http": http, "connected": peers})
    };
    let rows: Vec<Value> = network.members.iter().map(row).collect();
    ctx.out.answer(&json!({"nodes": rows}), |out, _| {
        let mut text = String::new();
        for row in &rows {
            let of = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
            let state = if row.get("running") == Some(&Value::Bool(true)) {
                let peers = row.get("connected").and_then(Value::as_u64).unwrap_or(0);
                out.style(Style::Good, &format!("running  http://{}  {peers} connected", of("http")))
            } else {
                out.style(Style::Warm, "not running")
            };
            text.push_str(&format!("{:<6} {}  {state}\n", of("name"), of("home")));
        }
        text
    });
    Ok(())
}

/// Ends all nodes.
///
/// # Errors
/// Not here, if there is no network in that folder; failed, if one does not end.
pub fn down(ctx: &Ctx, dir: Option<&Path>) -> Result<()> {
    let dir = folder(dir)?;
    let network = read(&dir)?;
    let ended = end_all(&network.members);
    if let Some(name) = network.members.iter().find(|m| m.ask(&Ask::get("/whoami")).is_ok()).map(|m| &m.name)
    {
        return Err(Error::failed("still_running", format!("the node of {name} has not ended"), "try again"));
    }
    ctx.out.answer(&json!({"ok": true, "id": dir, "ended": ended}), |_, _| {
        format!("{ended} nodes have ended. Their homes stay in {}.", dir.display())
    });
    Ok(())
}

/// Ends those that run and waits for them; how many there were.
fn end_all(members: &[Member]) -> usize {
    let asked: Vec<u32> = members
        .iter()
        .filter_map(|member| {
            let run = member.home().running()?;
            member.ask(&Ask::bare("POST", "/stop")).ok().map(|_| run.pid)
        })
        .collect();
    os::wait_until(WAIT, || asked.iter().all(|pid| os::process_runs(*pid) != Some(true)));
    asked.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topologies_pair_whom_they_say() {
        assert_eq!(Topology::Full.pairs(4).len(), 6);
        assert_eq!(Topology::Ring.pairs(4), [(0, 1), (1, 2), (2, 3), (0, 3)]);
        assert_eq!(Topology::Ring.pairs(2), [(0, 1)]);
        assert_eq!(Topology::Line.pairs(3), [(0, 1), (1, 2)]);
        assert_eq!(Topology::Star.pairs(3), [(0, 1), (0, 2)]);
        for topology in [Topology::Full, Topology::Ring, Topology::Line, Topology::Star] {
            assert!(topology.pairs(1).is_empty());
        }
    }

    #[test]
    fn nobody_is_twice_in_a_round_and_no_pair_is_lost() {
        let pairs = Topology::Full.pairs(7);
        let rounds = rounds(&pairs);
        for round in &rounds {
            let people: BTreeSet<usize> = round.iter().flat_map(|(a, b)| [*a, *b]).collect();
            assert_eq!(people.len(), round.len() * 2);
        }
        let all: BTreeSet<_> = rounds.into_iter().flatten().collect();
        assert_eq!(all, pairs.into_iter().collect());
    }

    #[test]
    fn names_do_not_repeat_up_to_the_limit() {
        let names: BTreeSet<String> = (0..usize::from(TESTNET_NODE_LIMIT)).map(name_of).collect();
        assert_eq!(names.len(), usize::from(TESTNET_NODE_LIMIT));
    }

    #[test]
    fn the_limit_of_nodes_is_the_last_number_taken() {
        let args =
            |nodes| TestnetArgs { nodes, dir: None, topology: Topology::Full, demo: false, http_base: 7500 };
        assert!(check(&args(TESTNET_NODE_LIMIT)).is_ok());
        assert_eq!(check(&args(TESTNET_NODE_LIMIT + 1)).unwrap_err().kind.exit_code(), 5);
        assert_eq!(check(&args(0)).unwrap_err().kind.exit_code(), 2);
    }

    #[test]
    fn the_first_failure_of_many_is_told() {
        let done = Mutex::new(0);
        let result = each(&[1, 2, 3, 4], |_, item| {
            *done.lock().unwrap() += 1;
            if *item == 3 { Err(Error::failed("x", "three", "")) } else { Ok(()) }
        });
        assert_eq!(result.unwrap_err().message, "three");
        assert_eq!(*done.lock().unwrap(), 4);
    }
}
