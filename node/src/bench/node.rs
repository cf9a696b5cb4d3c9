//! One node of a bench: the library's client in a process of its own, which does what its standard input says.
//!
//! It ends with its input, so no node outlives the bench. Times are ms of the clock that all processes of a machine share.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tidings::ask::{InviteDraft, PostDraft, TimelineQuery};
use tidings::client::{Client, Config, EventStream};
use tidings::furnish::{Cast, Plan, text};
use tidings::net::floor;
use tidings::view::Happening;
use tokio::sync::{Semaphore, watch};

use super::line::Order;
use super::{film, floors, million, page};
use crate::cli::Ctx;
use crate::cli::door::runtime;
use crate::error::{Error, Result};
use crate::limits::{ACCEPT_WAIT_MS, BENCH_PATIENCE_SECONDS, LOCK_WAIT_MS};

/// How often something is looked at that tells nobody when it is so.
const PAUSE: Duration = Duration::from_millis(2);
/// Moments read at once to count them.
const COUNT_PAGE: usize = 1_000;

/// Does what standard input says, line by line, until its end.
///
/// # Errors
/// If standard input cannot be read; what an order comes to is told to whoever gave it.
pub fn serve(ctx: &Ctx) -> Result<()> {
    // As `tidings run` does at its start; here it is waited for, as what is timed is no start of a process.
    if let Some(prepared) = tidings::net::prepare() {
        let _ = prepared.join();
    }
    let runtime = runtime()?;
    let home = ctx.home.path().to_path_buf();
    let mut desk = Desk { home, client: None, crowd: Vec::new(), heard: None, coming: None, held: None };
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| Error::failed("io", e.to_string(), "this is for `tidings bench`"))?;
        let order = serde_json::from_str::<Order>(&line);
        let done = match order {
            Ok(order) => runtime.block_on(desk.carry_out(order)),
            Err(error) => Err(Error::usage("bench_node", error.to_string(), "this is for `tidings bench`")),
        };
        let answer = done.unwrap_or_else(|error| json!({"error": error.message}));
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
    for client in desk.client.take().into_iter().chain(desk.crowd) {
        runtime.block_on(client.close())?;
    }
    Ok(())
}

struct Desk {
    home: PathBuf,
    client: Option<Client>,
    crowd: Vec<Client>,
    /// The times at which marks were reached.
    heard: Option<(usize, watch::Receiver<Vec<f64>>)>,
    coming: Option<film::Coming>,
    /// Bare connections.
    held: Option<floor::Held>,
}

impl Desk {
    fn client(&self) -> Result<&Client> {
        self.client.as_ref().ok_or_else(|| Error::usage("bench_node", "the home is not open", ""))
    }

    async fn carry_out(&mut self, order: Order) -> Result<Value> {
        match order {
            Order::Open { listen } => self.open(listen).await,
            Order::Close => {
                self.heard = None;
                if let Some(client) = self.client.take() {
                    client.close().await?;
                }
                Ok(json!({}))
            }
            Order::Invite => {
                let draft = InviteDraft { auto_confirm: true, ..InviteDraft::default() };
                Ok(json!({"link": self.client()?.invite(draft).await?.link}))
            }
            Order::Accept { link } => {
                let accepted = self.client()?.accept(&link, None, ACCEPT_WAIT_MS).await?;
                if accepted.state == "friends" { Ok(json!({})) } else { Err(late("they are no friends yet")) }
            }
            Order::Settle => self.settle().await,
            Order::Meet { friends } => self.meet(friends).await,
            Order::Listen { marks } => self.listen(marks),
            Order::Heard => self.heard().await,
            Order::Count => self.count().await,
            Order::Post { count, in_flight, pause_ms } => {
                post(self.client()?, count, in_flight, Duration::from_millis(pause_ms)).await
            }
            Order::Furnish { plan, without, join_only, only } => {
                furnish(&self.home, plan.into(), &without, join_only, only)
            }
            Order::Pages { plan, rounds, is_bare } => page::read(&self.home, &plan.into(), rounds, is_bare),
            Order::Steps { plan } => million::steps(&self.home, plan.into()),
            Order::Crowd { homes } => self.crowd(homes).await,
            Order::OpenStore { folder } => Ok(json!({"ms": floors::open_sled(&folder)?})),
            Order::ShareFilm { bytes, round } => film::share(self.client()?, &self.home, bytes, round).await,
            Order::SealFilm { bytes, round } => film::seal(self.client()?, &self.home, bytes, round).await,
            Order::AwaitFilm { bytes } => {
                self.coming = Some(film::wait_for(self.client()?, bytes));
                Ok(json!({}))
            }
            Order::FilmCame => film::came(self.coming.take().ok_or_else(|| late("nobody waits"))?).await,
            Order::ServeBare { listen } => film::serve_bare(&listen).await,
            Order::FetchBare { address, bytes } => film::fetch_bare(&address, bytes).await,
            Order::PingBare { address, bytes, times, pause_ms } => {
                let took = floor::ping(&address, bytes, times, Duration::from_millis(pause_ms)).await;
                let took = took.map_err(|e| Error::failed("bench_node", e.to_string(), ""))?;
                Ok(json!({"ms": took.into_iter().map(ms).collect::<Vec<_>>()}))
            }
            Order::LiveParts { times, pause_ms } => {
                let parts = floors::LiveParts::new(&self.home)?;
                let (mut took, mut wakes) = (Vec::new(), Vec::new());
                for n in 0..times {
                    tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                    took.push(parts.once(n as u64)?);
                    wakes.extend(parts.wake());
                }
                parts.end()?;
                Ok(json!({"ms": took, "wake_ms": wakes}))
            }
            Order::HoldBare { address, connections } => {
                let held = floor::hold(&address, connections).await;
                self.held = Some(held.map_err(|e| Error::failed("bench_node", e.to_string(), ""))?);
                Ok(json!({}))
            }
            Order::HeldBare => Ok(json!({"connections": self.held.as_mut().map_or(0, floor::Held::count)})),
            Order::FilmParts { bytes } => film::parts(&self.home, bytes),
            Order::BackfillParts { moments } => {
                floors::backfill_parts(&self.home, moments)?;
                Ok(json!({}))
            }
            Order::WriteBare { bytes } => film::write_bare(&self.home, bytes),
        }
    }

    async fn open(&mut self, listen: Vec<String>) -> Result<Value> {
        let begun = Instant::now();
        let network = !listen.is_empty();
        let config = Config { listen, network, lock_wait_ms: LOCK_WAIT_MS, ..Config::new(self.home.clone()) };
        self.client = Some(Client::open(config).await?);
        Ok(json!({"at": clock_ms(), "ms": ms(begun.elapsed())}))
    }

    async fn crowd(&mut self, homes: Vec<PathBuf>) -> Result<Value> {
        let mut links = Vec::new();
        for home in homes {
            Client::create_identity(&home, "Friend")?;
            let listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".to_owned(), "/ip4/127.0.0.1/tcp/0".to_owned()];
            let client = Client::open(Config { listen, ..Config::new(home) }).await?;
            wait(async || Ok(!client.status().await?.listen.is_empty())).await?;
            let draft = InviteDraft { auto_confirm: true, ..InviteDraft::default() };
            links.push(client.invite(draft).await?.link);
            self.crowd.push(client);
        }
        Ok(json!({"links": links}))
    }

    /// Both know each other's keys once nothing waits for anybody.
    async fn settle(&self) -> Result<Value> {
        let client = self.client()?;
        wait(async || {
            let status = client.status().await?;
            Ok(!status.peers.is_empty() && status.waiting.is_empty())
        })
        .await
    }

    async fn meet(&self, friends: usize) -> Result<Value> {
        let client = self.client()?;
        wait(async || Ok(client.status().await?.peers.len() >= friends)).await
    }

    fn listen(&mut self, marks: Vec<u64>) -> Result<Value> {
        let client = self.client()?.clone();
        let (sender, receiver) = watch::channel(Vec::new());
        self.heard = Some((marks.len(), receiver));
        // Before this is answered: what comes after it is heard.
        let events = client.events(None);
        tokio::spawn(count_moments(client, events, marks, sender));
        Ok(json!({}))
    }

    async fn heard(&mut self) -> Result<Value> {
        let (marks, receiver) = self.heard.as_mut().ok_or_else(|| late("nobody listens"))?;
        let marks = *marks;
        let all = receiver.wait_for(|times| times.len() >= marks);
        let times = tokio::time::timeout(Duration::from_secs(BENCH_PATIENCE_SECONDS), all).await;
        match times {
            Ok(Ok(times)) => Ok(json!({"at": *times})),
            _ => Err(late("not all moments came")),
        }
    }

    async fn count(&self) -> Result<Value> {
        let (client, mut before, mut moments) = (self.client()?, None, 0);
        loop {
            let query = TimelineQuery { limit: COUNT_PAGE, before, ..TimelineQuery::default() };
            let page = client.timeline(query).await?;
            moments += page.moments.len();
            match page.next {
                Some(next) => before = Some(next),
                None => return Ok(json!({"moments": moments})),
            }
        }
    }
}

/// Waits until something is so.
async fn wait(mut done: impl AsyncFnMut() -> Result<bool>) -> Result<Value> {
    let end = Instant::now() + Duration::from_secs(BENCH_PATIENCE_SECONDS);
    while Instant::now() < end {
        if done().await? {
            return Ok(json!({}));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(late("it did not come to be"))
}

/// Notes when so many moments have arrived. Events have numbers without gaps, so one that was missed is counted by the
/// number of the next; that really all are there is found out by counting the timeline.
async fn count_moments(
    client: Client,
    mut events: EventStream,
    marks: Vec<u64>,
    sender: watch::Sender<Vec<f64>>,
) {
    let (mut seen, mut last) = (0, None::<u64>);
    let mut marks = marks.into_iter().peekable();
    while marks.peek().is_some() {
        let Some(event) = events.next().await else {
            // This listener fell behind, or the node has stopped: then the next wait ends with it, too.
            events = client.events(last);
            if sender.is_closed() {
                return;
            }
            tokio::task::yield_now().await;
            continue;
        };
        let missed = last.map_or(0, |last| event.number.saturating_sub(last + 1));
        last = Some(event.number);
        seen += missed + u64::from(matches!(event.what, Happening::Moment { .. }));
        while marks.next_if(|mark| *mark <= seen).is_some() {
            let now = clock_ms();
            sender.send_modify(|times| times.push(now));
        }
    }
}

async fn post(client: &Client, count: u64, in_flight: usize, pause: Duration) -> Result<Value> {
    let write = |n: u64| {
        let client = client.clone();
        let draft = PostDraft { text: text(n, count), ..PostDraft::default() };
        async move {
            let (at, begun) = (clock_ms(), Instant::now());
            client.post(draft).await.map(|_| (at, ms(begun.elapsed())))
        }
    };
    let (begun, mut times) = (Instant::now(), Vec::new());
    if in_flight <= 1 {
        for n in 0..count {
            times.push(write(n).await?);
            tokio::time::sleep(pause).await;
        }
    } else {
        let room = Arc::new(Semaphore::new(in_flight));
        let mut tasks = Vec::new();
        for n in 0..count {
            let turn = Arc::clone(&room).acquire_owned().await;
            let posting = write(n);
            tasks.push(tokio::spawn(async move {
                let done = posting.await;
                drop(turn);
                done
            }));
        }
        for task in tasks {
            times.push(task.await.map_err(|_| late("a post broke"))??);
        }
    }
    let all = ms(begun.elapsed());
    let (at, took): (Vec<f64>, Vec<f64>) = times.into_iter().unzip();
    Ok(json!({"begun": at, "took_ms": took, "ms": all}))
}

fn furnish(
    home: &Path,
    plan: Plan,
    without: &[u64],
    join_only: bool,
    only: Option<Vec<u64>>,
) -> Result<Value> {
    let cast = Cast::new(plan);
    let kept = Client::furnish(home, |service| {
        cast.join(service)?;
        let which: Vec<u64> = match only {
            Some(only) => only,
            None if join_only => Vec::new(),
            None => (0..plan.moments).filter(|n| !without.contains(n)).collect(),
        };
        Ok(cast.fill(service, which, |_| {})?)
    })?;
    Ok(json!({"kept": kept}))
}

fn late(what: &'static str) -> Error {
    Error::failed("bench_node", what, "")
}

/// A time as a number, ms.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The clock that all processes of a machine share, ms with a fraction: a float tells a quarter of a microsecond here.
fn clock_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs_f64() * 1e3
}
