//! The threads behind a client: one that owns the service, one that waits for the disk, one task for the network.
//!
//! The loop decides nothing. It takes what comes (a job, events, time), lets the service work, commits, and carries out
//! what the service wants. Events are taken in runs, and in a backlog several are committed together; while one is worked
//! on, the entries of the next ones are checked on other threads (`helpers`). Jobs come between runs. Orders that the
//! network has no room for wait here while jobs and events go on, so neither side can block the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc as blocking_mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;

use super::helpers::{Helpers, SHARE_MIN, UnderWay};
use super::together::{self, Batch, Done, Ended, Jobs, Posting};
use super::{Config, Error, Result, events, home, net_error};
use crate::crypto::SigningKey;
use crate::limits::{EVENT_QUEUE_BYTES_LIMIT, ORDER_QUEUE_LIMIT};
use crate::link::{Event, Order};
use crate::net;
use crate::service::{CommitError, Output, Service, store_error};
use crate::store::blobs::BlobFiles;

/// Jobs that wait for the service's thread.
pub(super) const JOB_QUEUE: usize = 256;
/// Events that are taken together: between two runs a person's job gets its turn.
const RUN: usize = 64;
/// Events that one commit takes together in a backlog, at most: as many as a session may answer with frames in a step. What
/// many entries change (what is known of an epoch, how many posts a month has) is written once for all of them.
const STEP: usize = 256;
/// Batches of posts in one go, at most: then whatever else waits has its turn.
const BATCHES: usize = 32;
/// Bytes of frames that are taken ahead, beside a run: as much as waits in the queue before it.
const AHEAD_BYTES: usize = EVENT_QUEUE_BYTES_LIMIT;
/// Entries that must wait before it pays to check them on other threads.
const CHECK_MIN: usize = 4;

/// What happens to an answer once its step has ended: `Ok` if it stands.
pub(super) struct Answer {
    /// Whether the verb succeeded.
    is_ok: bool,
    tell: Box<dyn FnOnce(Result<()>) + Send>,
}

impl Answer {
    pub(super) fn new(is_ok: bool, tell: impl FnOnce(Result<()>) + Send + 'static) -> Self {
        Self { is_ok, tell: Box::new(tell) }
    }
}

/// Something for the service's thread to do.
pub(super) enum Job {
    /// A verb, and how to answer it.
    Call(Box<dyn FnOnce(&mut Service) -> Answer + Send>),
    /// A post: those that wait at the same time are written together.
    Post(Box<Posting>),
    /// The end.
    Stop,
}

/// The network's end of things.
pub(super) struct Network {
    events: net::Inbox,
    orders: mpsc::Sender<Order>,
    handle: net::Handle,
}

/// Threads that run.
#[derive(Debug)]
pub(super) struct Running {
    thread: JoinHandle<()>,
    network: Option<net::Handle>,
}

impl Running {
    pub(super) async fn stop(self, jobs: &mpsc::Sender<Job>) -> Result<()> {
        // A thread that has stopped already takes no job.
        let _ = jobs.send(Job::Stop).await;
        let Self { thread, network } = self;
        if let Some(network) = network {
            network.shutdown().await;
        }
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        match joined {
            Ok(Ok(())) => Ok(()),
            _ => Err(Error::failed(
                "internal",
                "the node broke while it stopped",
                "report this; the store is whole",
            )),
        }
    }
}

/// Starts the network shell.
pub(super) fn start_network(
    config: &Config,
    node_key: &SigningKey,
    blobs: Arc<BlobFiles>,
) -> Result<Network> {
    let (event_sender, events) = net::inbox();
    let (orders, order_queue) = mpsc::channel(ORDER_QUEUE_LIMIT);
    let listen = if config.listen.is_empty() { default_listen() } else { config.listen.clone() };
    let record = match &config.record {
        Some(path) => {
            let lines = net::record::JsonLines::open(path).map_err(|error| {
                Error::failed(
                    "record_failed",
                    format!("cannot write {}: {error}", path.display()),
                    "choose another file",
                )
            })?;
            let recorder: Arc<dyn net::record::Recorder> = Arc::new(lines);
            Some(recorder)
        }
        None => None,
    };
    let config = net::Config { listen, record, ..net::Config::default() };
    let handle =
        net::spawn(config, node_key, blobs, event_sender, order_queue).map_err(|error| net_error(&error))?;
    Ok(Network { events, orders, handle })
}

/// QUIC and TCP, IPv4 and IPv6, on ports of the system's choice.
fn default_listen() -> Vec<String> {
    ["/ip4/0.0.0.0/udp/0/quic-v1", "/ip6/::/udp/0/quic-v1", "/ip4/0.0.0.0/tcp/0", "/ip6/::/tcp/0"]
        .map(str::to_owned)
        .to_vec()
}

/// Starts the service's thread.
pub(super) fn start(
    service: Service,
    jobs: mpsc::Receiver<Job>,
    network: Option<Network>,
    log: events::Log,
    blobs: Arc<BlobFiles>,
) -> Running {
    let runtime = tokio::runtime::Handle::current();
    let (network_events, orders, handle) = match network {
        Some(Network { events, orders, handle }) => (Some(events), Some(orders), Some(handle)),
        None => (None, None, None),
    };
    let thread = std::thread::spawn(move || {
        let flusher = Flusher::start(service.store());
        let engine = Engine {
            service,
            log: log.clone(),
            blobs,
            orders,
            waiting: VecDeque::new(),
            flusher: Some(flusher),
            helpers: None,
            next: VecDeque::new(),
            taken: 0,
            step: RUN,
        };
        runtime.block_on(engine.run(jobs, network_events));
        log.close();
    });
    Running { thread, network: handle }
}

struct Engine {
    service: Service,
    log: events::Log,
    blobs: Arc<BlobFiles>,
    orders: Option<mpsc::Sender<Order>>,
    /// Orders that the network had no room for.
    waiting: VecDeque<Order>,
    flusher: Option<Flusher>,
    /// From the first backlog or the first posts on that are worth sharing.
    helpers: Option<Helpers>,
    /// The runs that come next, their entries being checked.
    next: VecDeque<Run>,
    /// Events that were taken since the last commit. None, unless a run waits.
    taken: usize,
    /// How many the step that is under way may take: more with every step of a backlog, so that the first is told soon.
    step: usize,
}

/// Events that are taken together.
struct Run {
    events: Vec<Event>,
    checks: Option<UnderWay>,
}

impl Run {
    fn bytes(&self) -> usize {
        let bytes = |event: &Event| if let Event::Frame { frame, .. } = event { frame.len() } else { 0 };
        self.events.iter().map(bytes).sum()
    }
}

impl Engine {
    async fn run(mut self, jobs: mpsc::Receiver<Job>, mut events: Option<net::Inbox>) {
        let mut jobs = Jobs::new(jobs);
        // What is due already, friends to be dialled first of all, does not wait for the first event.
        if self.finish(Vec::new()).and_then(|_| self.wake_if_due()).is_err() {
            return;
        }
        loop {
            let came = if !self.next.is_empty() {
                // A backlog: a job comes first, and nothing is waited for.
                self.send_waiting();
                match jobs.try_next() {
                    Ok(job) => Came::Job(Some(job)),
                    Err(mpsc::error::TryRecvError::Disconnected) => Came::Job(None),
                    Err(mpsc::error::TryRecvError::Empty) => Came::Run,
                }
            } else {
                let wait = self.wait();
                tokio::select! {
                    biased;
                    room = reserve(self.orders.clone()), if !self.waiting.is_empty() => Came::Room(room),
                    job = jobs.next() => Came::Job(job),
                    event = next_event(&mut events) => Came::Event(event),
                    () = tokio::time::sleep(wait) => Came::Time,
                }
            };
            let stepped = match came {
                Came::Room(room) => {
                    self.hand_over(room);
                    Ok(())
                }
                Came::Job(Some(Job::Call(call))) => self.end_step().and_then(|()| self.call(call)),
                Came::Job(Some(Job::Post(first))) => self
                    .end_step()
                    .and_then(|()| self.post(*first, &mut jobs, events.as_ref()))
                    .and_then(|()| self.catch_up(&mut events)),
                Came::Job(Some(Job::Stop) | None) => {
                    if let Err(error) = self.end_step() {
                        tracing::error!(%error, "the last step could not be kept");
                    }
                    break;
                }
                // The network has stopped; commands still work.
                Came::Event(None) => {
                    events = None;
                    Ok(())
                }
                Came::Event(first) => {
                    let run = self.gather(first, &mut events);
                    self.next.extend(run);
                    self.take_run(&mut events)
                }
                Came::Run => self.take_run(&mut events),
                Came::Time => self.wake(),
            };
            if let Err(error) = stepped {
                tracing::error!(%error, "the store failed: the node stops");
                break;
            }
        }
        self.end();
    }

    /// How long nothing has to be done.
    fn wait(&self) -> Duration {
        let now = home::now();
        self.service
            .next_wakeup()
            .map_or(Duration::from_secs(60), |at| Duration::from_millis(at.since(now).max(1)))
    }

    fn hand_over(&mut self, room: Option<mpsc::OwnedPermit<Order>>) {
        match room {
            Some(room) => {
                if let Some(order) = self.waiting.pop_front() {
                    room.send(order);
                }
            }
            // The network is gone: the node is stopping.
            None => self.waiting.clear(),
        }
    }

    fn call(
        &mut self,
        call: Box<dyn FnOnce(&mut Service) -> Answer + Send>,
    ) -> std::result::Result<(), Error> {
        self.service.set_now(home::now());
        let answer = call(&mut self.service);
        if !answer.is_ok {
            self.service.abandon_if_dirty().map_err(|error| store_error(&error))?;
        }
        self.finish(vec![answer]).map(drop)
    }

    /// Writes a post and those that wait behind it, a batch in a step. While one batch is kept the next is signed. It ends
    /// when anything else waits, and after some batches.
    fn post(
        &mut self,
        first: Posting,
        jobs: &mut Jobs,
        events: Option<&net::Inbox>,
    ) -> std::result::Result<(), Error> {
        let mut posts = jobs.posts(first);
        if posts.len() == 1 {
            return posts.pop().map_or(Ok(()), |post| self.post_alone(post));
        }
        // Apart from the rest of the engine, which works beside them.
        let helpers = self.helpers.take().or_else(|| (posts.len() >= SHARE_MIN).then(Helpers::start));
        let posted = self.post_batches(posts, jobs, events, helpers.as_ref());
        self.helpers = helpers;
        posted
    }

    fn post_batches(
        &mut self,
        mut posts: Vec<Posting>,
        jobs: &mut Jobs,
        events: Option<&net::Inbox>,
        helpers: Option<&Helpers>,
    ) -> std::result::Result<(), Error> {
        let mut batches = 1..BATCHES;
        loop {
            self.service.set_now(home::now());
            let mut batch = match Batch::begin(&mut self.service, posts) {
                Ok(begun) => begun.sign_beside(helpers, || ()).1,
                Err(posts) => return self.post_apart(posts),
            };
            // Until the disk refuses a step: what had begun in it begins anew.
            posts = loop {
                let next = match batches.next() {
                    Some(_) if !self.is_awaited(events) => jobs.more_posts(batch.posts()),
                    _ => Vec::new(),
                };
                self.service.set_now(home::now());
                let next = match Batch::begin(&mut self.service, next) {
                    Ok(next) => next,
                    Err(next) => return self.post_apart(batch.into_posts().into_iter().chain(next)),
                };
                let is_last = next.is_empty();
                let (kept, signed) = next.sign_beside(helpers, || self.keep(batch));
                match kept? {
                    Kept::Apart(posts) => {
                        return self.post_apart(posts.into_iter().chain(signed.into_posts()));
                    }
                    Kept::Stands | Kept::Undone if is_last => return Ok(()),
                    Kept::Stands => batch = signed,
                    Kept::Undone => break signed.into_posts(),
                }
            };
        }
    }

    /// Whether something waits that is no job: events, taken ahead or not, orders that the network has room for perhaps, or
    /// what is due.
    fn is_awaited(&self, events: Option<&net::Inbox>) -> bool {
        !self.next.is_empty()
            || !self.waiting.is_empty()
            || events.is_some_and(|events| events.waiting() > 0)
            || self.service.next_wakeup().is_some_and(|at| at <= home::now())
    }

    /// What came while posts were written has its turn, whoever goes on posting.
    fn catch_up(&mut self, events: &mut Option<net::Inbox>) -> std::result::Result<(), Error> {
        let run = self.gather(None, events);
        self.next.extend(run);
        self.take_run(events)?;
        self.wake_if_due()
    }

    /// Ends a batch of posts and the step.
    fn keep(&mut self, batch: Batch<Vec<(usize, Done)>>) -> std::result::Result<Kept, Error> {
        match batch.end(&mut self.service) {
            Ended::Kept(answers) => {
                let stands = self.finish(answers)?;
                Ok(if stands { Kept::Stands } else { Kept::Undone })
            }
            Ended::Apart(posts) => Ok(Kept::Apart(posts)),
        }
    }

    /// Forgets the step and writes each in one of its own.
    fn post_apart(&mut self, posts: impl IntoIterator<Item = Posting>) -> std::result::Result<(), Error> {
        self.service.abandon_if_dirty().map_err(|error| store_error(&error))?;
        // What forgetting wants of the network goes out before anything else can be forgotten.
        self.finish(Vec::new())?;
        posts.into_iter().try_for_each(|post| self.post_alone(post))
    }

    fn post_alone(&mut self, post: Posting) -> std::result::Result<(), Error> {
        self.service.set_now(home::now());
        let answer = together::write_alone(&mut self.service, post)?;
        self.finish(vec![answer]).map(drop)
    }

    /// The events that wait, and the checks of their entries under way.
    fn gather(&mut self, first: Option<Event>, events: &mut Option<net::Inbox>) -> Option<Run> {
        let waiting = std::iter::from_fn(|| events.as_mut()?.try_recv());
        let run: Vec<Event> = first.into_iter().chain(waiting).take(RUN).collect();
        let mut checks = Vec::new();
        if run.len() >= CHECK_MIN {
            checks.extend(run.iter().filter_map(|event| self.service.check(event)));
        }
        let checks = (checks.len() >= CHECK_MIN)
            .then(|| self.helpers.get_or_insert_with(Helpers::start).check(checks));
        (!run.is_empty()).then_some(Run { events: run, checks })
    }

    /// Has what waits behind the run that comes next checked: as many events as a step takes, for while that is committed
    /// nothing else is handed to the threads that check. So in the first steps little is checked before its turn, which
    /// would hold up what is to be shown first.
    fn look_ahead(&mut self, events: &mut Option<net::Inbox>) {
        let (mut count, mut bytes) = (0usize, 0usize);
        for run in &self.next {
            count = count.saturating_add(run.events.len());
            bytes = bytes.saturating_add(run.bytes());
        }
        while count < self.step && bytes < AHEAD_BYTES {
            // What would be less than a run has time to become one, if there is another to go on with.
            let waiting = events.as_ref().map_or(0, net::Inbox::waiting);
            if waiting < RUN && !self.next.is_empty() {
                return;
            }
            let Some(run) = self.gather(None, events) else { return };
            count = count.saturating_add(run.events.len());
            bytes = bytes.saturating_add(run.bytes());
            self.next.push_back(run);
        }
    }

    /// Works on the run that comes next, and has those behind it checked meanwhile. In a backlog the step goes on with
    /// them.
    fn take_run(&mut self, events: &mut Option<net::Inbox>) -> std::result::Result<(), Error> {
        let Some(Run { events: run, checks }) = self.next.pop_front() else { return Ok(()) };
        if let Some(checks) = checks {
            self.look_ahead(events);
            for checked in checks.wait() {
                self.service.checked(checked);
            }
        }
        self.taken = self.taken.saturating_add(run.len());
        for event in run {
            self.service.handle(event, home::now()).map_err(|error| store_error(&error))?;
        }
        let is_backlog = self.next.front().is_some_and(|next| next.checks.is_some());
        if is_backlog && self.taken < self.step {
            return Ok(());
        }
        self.step = if is_backlog { self.step.saturating_mul(2).min(STEP) } else { RUN };
        self.end_step()
    }

    /// Commits what was taken of a backlog, if anything was: a job begins a step of its own.
    fn end_step(&mut self) -> std::result::Result<(), Error> {
        if std::mem::take(&mut self.taken) == 0 {
            return Ok(());
        }
        self.finish(Vec::new())?;
        // In a backlog nobody waits for the time to come.
        self.wake_if_due()
    }

    fn wake_if_due(&mut self) -> std::result::Result<(), Error> {
        let is_due = self.service.next_wakeup().is_some_and(|at| at <= home::now());
        if is_due { self.wake() } else { Ok(()) }
    }

    fn wake(&mut self) -> std::result::Result<(), Error> {
        self.service.wake(home::now()).map_err(|error| store_error(&error))?;
        self.finish(Vec::new()).map(drop)
    }

    /// Commits the step, carries out what follows, and answers: at once, or behind a barrier. Whether the step stands.
    fn finish(&mut self, answers: Vec<Answer>) -> std::result::Result<bool, Error> {
        let outcome = match self.service.commit() {
            Ok(commit) => {
                if commit.answer_after_barrier {
                    self.carry_out();
                    if let Some(flusher) = &self.flusher {
                        flusher.after_barrier(answers);
                    }
                    return Ok(true);
                }
                Ok(())
            }
            Err(CommitError::Undone(error)) => {
                tracing::warn!(%error, "a step was undone");
                Err(store_error(&error))
            }
            Err(CommitError::Broken(error)) => {
                let error = store_error(&error);
                answers.into_iter().for_each(|answer| (answer.tell)(Err(error.clone())));
                return Err(error);
            }
        };
        self.carry_out();
        answers.into_iter().for_each(|answer| (answer.tell)(outcome.clone()));
        Ok(outcome.is_ok())
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.service.poll_output() {
            match output {
                Output::Network(order) => self.send(order),
                Output::Event(event) => self.log.push(event),
                Output::RemoveBlob(blob) => {
                    if let Err(error) = self.blobs.remove(blob) {
                        tracing::warn!(%error, "a withdrawn picture could not be removed");
                    }
                }
            }
        }
    }

    fn send(&mut self, order: Order) {
        self.waiting.push_back(order);
        self.send_waiting();
    }

    /// Hands over what the network has room for.
    fn send_waiting(&mut self) {
        let Some(orders) = &self.orders else { return self.waiting.clear() };
        while let Some(order) = self.waiting.pop_front() {
            match orders.try_send(order) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
                Err(mpsc::error::TrySendError::Full(order)) => return self.waiting.push_front(order),
            }
        }
    }

    fn end(mut self) {
        if let Some(helpers) = self.helpers.take() {
            helpers.stop();
        }
        if let Some(flusher) = self.flusher.take() {
            flusher.stop();
        }
        if let Err(error) = self.service.store().barrier() {
            tracing::error!(%error, "the store could not be flushed at the end");
        }
    }
}

/// Whether a batch of posts stands.
enum Kept {
    Stands,
    /// The disk refused its step, which its posts were told.
    Undone,
    /// One failed, none has had an answer: each is to be written alone.
    Apart(Vec<Posting>),
}

/// What the loop was woken by.
enum Came {
    /// The network has room for an order; none if it is gone.
    Room(Option<mpsc::OwnedPermit<Order>>),
    Job(Option<Job>),
    /// Nothing that comes before the run that waits.
    Run,
    Event(Option<Event>),
    Time,
}

async fn reserve(orders: Option<mpsc::Sender<Order>>) -> Option<mpsc::OwnedPermit<Order>> {
    match orders {
        Some(orders) => orders.reserve_owned().await.ok(),
        None => None,
    }
}

async fn next_event(events: &mut Option<net::Inbox>) -> Option<Event> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits for the disk, for many answers at a time.
struct Flusher {
    answers: blocking_mpsc::SyncSender<Vec<Answer>>,
    thread: JoinHandle<()>,
}

impl Flusher {
    fn start(store: Arc<dyn crate::store::Store>) -> Self {
        let (answers, queue) = blocking_mpsc::sync_channel::<Vec<Answer>>(JOB_QUEUE);
        let thread = std::thread::spawn(move || {
            while let Ok(first) = queue.recv() {
                let mut together = first;
                while let Ok(more) = queue.try_recv() {
                    together.extend(more);
                }
                let outcome = store.barrier().map_err(|error| store_error(&error));
                together.into_iter().for_each(|answer| (answer.tell)(outcome.clone()));
            }
        });
        Self { answers, thread }
    }

    fn after_barrier(&self, answers: Vec<Answer>) {
        if !answers.is_empty() {
            // Fails only if the flusher has panicked: who waits then sees the other side dropped and is told that the
            // node stopped.
            let _ = self.answers.send(answers);
        }
    }

    fn stop(self) {
        let Self { answers, thread } = self;
        drop(answers);
        // A broken flusher has answered nobody; there is nothing else to do with it.
        let _ = thread.join();
    }
}
