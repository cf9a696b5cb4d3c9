//! The loop: rounds of things that happen, in order; what each node works out in one is worked out at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::crew::Crew;
use super::graph;
use super::ledger::Ledger;
use super::life::Act;
use super::node::{Book, Card, Node, furnish};
use super::queue::Queue;
use super::rhythm::Rhythm;
use super::round::{self, Done, Due, Next, Step, Turn};
use super::scenario::Scenario;
use super::shell::Link;
use super::store::{Pool, Shared};
use super::traffic::Traffic;
use super::{Report, Who};
use crate::crypto::Entropy;
use crate::id::NodeId;
use crate::link::{Address, DialId, Event};
use crate::service::{Output, Parts, Service};
use crate::store::Store;
use crate::time::{DAY_MS, Timestamp};
use crate::view::Happening;

/// What every text of a simulation contains, to be looked for where it must not be.
pub(super) const MARK: &[u8] = b"plain-text-of-a-moment";

/// How long after a step a node is asked when it wants to be woken, ms: the engine asks once for a run of events that
/// came together, and so does this. *chosen: an eighth of the shortest wait there is*
const ALARM_MS: u64 = 25;

/// How long a round is, ms: so much things may be out of order among nodes, and a node's clock be ahead of what it is
/// told. *chosen: a longer one has more to share among threads, and blurs latencies of 10 to 150 ms*
const ROUND_MS: u64 = 50;

/// Bytes of the trace that are hashed together.
const TRACE_RUN: usize = 64 * 1024;

/// Something that will happen.
pub(super) enum What {
    /// To one run of a node.
    Tell {
        to: Who,
        starts: u32,
        event: Event,
    },
    /// To one side of a connection.
    OnLink {
        link: u64,
        side: usize,
        event: Event,
    },
    Asked {
        link: u64,
        stream: usize,
        side: usize,
    },
    Frame {
        link: u64,
        stream: usize,
        side: usize,
        frame: Vec<u8>,
    },
    CloseStream {
        link: u64,
        stream: usize,
        side: usize,
    },
    Hangup {
        link: u64,
    },
    Dial {
        from: Who,
        starts: u32,
        attempt: DialId,
        node: Option<NodeId>,
        addresses: Vec<Address>,
    },
    Wake {
        who: Who,
    },
    /// When does a node want to be woken?
    SetAlarm {
        who: Who,
    },
    Act {
        who: Who,
        act: Act,
    },
    Day {
        start: u64,
    },
    Lose {
        link: u64,
    },
    Part {
        apart: bool,
    },
}

impl What {
    /// Whether nothing else happens in the round: it needs nodes as they are, and not as they were when the round began.
    const fn is_alone(&self) -> bool {
        matches!(self, Self::Act { .. } | Self::Day { .. } | Self::Lose { .. } | Self::Part { .. })
    }

    /// What it is and to whom it happens, for the trace.
    const fn traced(&self) -> [u64; 3] {
        match *self {
            Self::Tell { to, starts, .. } => [1, to as u64, starts as u64],
            Self::OnLink { link, side, .. } => [2, link, side as u64],
            Self::Asked { link, stream, .. } => [3, link, stream as u64],
            Self::Frame { link, stream, .. } => [4, link, stream as u64],
            Self::CloseStream { link, stream, .. } => [5, link, stream as u64],
            Self::Hangup { link } => [6, link, 0],
            Self::Dial { from, starts, .. } => [7, from as u64, starts as u64],
            Self::Wake { who } => [8, who as u64, 0],
            Self::SetAlarm { who } => [9, who as u64, 0],
            Self::Act { who, .. } => [10, who as u64, 0],
            Self::Day { start } => [11, start, 0],
            Self::Lose { link } => [12, link, 0],
            Self::Part { apart } => [13, apart as u64, 0],
        }
    }
}

/// Everything.
pub(super) struct World<'a> {
    crew: &'a Crew<Turn>,
    /// What nodes are to do in this round, in order.
    due: Vec<Due>,
    pub(super) scenario: Scenario,
    pub(super) seed: u64,
    pub(super) now: u64,
    pub(super) entropy: Entropy,
    pub(super) queue: Queue<What>,
    pub(super) nodes: Vec<Node>,
    pub(super) links: BTreeMap<u64, Link>,
    pub(super) next_link: u64,
    /// Which half each is in, while there are two.
    pub(super) halves: Option<Vec<bool>>,
    pub(super) ledger: Ledger,
    pub(super) traffic: Traffic,
    pub(super) pool: Arc<Mutex<Pool>>,
    trace: blake3::Hasher,
    /// What is to be hashed into the trace: in runs, which is much faster than piece by piece.
    untraced: Vec<u8>,
    pub(super) steps: u64,
    /// Who sent the frame that is being handled.
    pub(super) from: Option<Who>,
    /// Who is sharing something just now.
    pub(super) posting: Option<Who>,
    /// All are online, whatever their rhythm.
    pub(super) is_gathering: bool,
    /// Nothing goes wrong any more.
    pub(super) is_quiet: bool,
    pub(super) clustering: u64,
    /// The end of the days that are lived.
    pub(super) until: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(scenario: Scenario, seed: u64, crew: &'a Crew<Turn>) -> Self {
        let mut entropy = Entropy::from_number(seed);
        let now = 20_000 * DAY_MS;
        let friends = graph::friends(&scenario, &mut entropy);
        let clustering = graph::clustering_percent(&friends);
        let pool: Arc<Mutex<Pool>> = Arc::default();
        let at = Timestamp::from_millis(now);
        let cards: Vec<Card> = (0..friends.len()).map(|who| Card::draw(who, at, &mut entropy)).collect();
        let mut nodes = Vec::with_capacity(friends.len());
        for (who, friends) in friends.into_iter().enumerate() {
            let mut pick = |share: u64| -> BTreeSet<Who> {
                friends.iter().copied().filter(|_| entropy.below(100) < share).collect()
            };
            let (close, work) = (pick(33), pick(20));
            let rhythm = Rhythm::draw(&scenario.online, &mut entropy);
            let node = Node {
                keyring: cards[who].keyring.clone(),
                id: cards[who].keyring.node_id(),
                store: Arc::new(Shared::new(Arc::clone(&pool), scenario.faults.crashes_percent_per_day > 0)),
                book: Book::default(),
                service: None,
                starts: 0,
                should_be_online: false,
                rhythm,
                is_liar: false,
                lost: BTreeSet::new(),
                clock: at,
                ahead_ms: entropy.below(scenario.faults.clock_skew_seconds * 1_000 + 1),
                friends,
                close,
                work,
                admitted: BTreeSet::new(),
                links: BTreeMap::new(),
                streams: BTreeMap::new(),
                next_stream: 0,
                wake_at: u64::MAX,
                alarm_asked: false,
                received: 0,
                sent: 0,
                had: BTreeSet::new(),
            };
            Service::create(node.store.as_ref(), &cards[who].me(who, at))
                .expect("an empty store takes a person");
            furnish(node.store.as_ref(), seed, who, &node, &cards, at);
            nodes.push(node);
        }
        for _ in 0..scenario.faults.liars.min(nodes.len()) {
            let liar = entropy.below(nodes.len() as u64) as usize;
            nodes[liar].is_liar = true;
        }
        Self {
            crew,
            due: Vec::new(),
            ledger: Ledger::new(nodes.len()),
            scenario,
            seed,
            now,
            entropy,
            queue: Queue::new(),
            nodes,
            links: BTreeMap::new(),
            next_link: 0,
            halves: None,
            traffic: Traffic::default(),
            pool,
            trace: blake3::Hasher::new(),
            untraced: Vec::with_capacity(2 * TRACE_RUN),
            steps: 0,
            from: None,
            posting: None,
            is_gathering: true,
            is_quiet: true,
            clustering,
            until: u64::MAX,
        }
    }

    /// Lives the scenario to its end.
    pub(super) fn live(&mut self, progress: &mut dyn FnMut(&str)) -> Report {
        self.run_phases(progress)
    }

    pub(super) fn trace_hash(&self) -> String {
        crate::id::hex(self.trace.clone().update(&self.untraced).finalize().as_bytes())
    }

    /// Lets everything happen that happens by `end`, round by round.
    pub(super) fn run_until(&mut self, end: u64) {
        while let Some(first) = self.queue.next_at().filter(|at| *at <= end) {
            let until = end.min(first + (ROUND_MS - 1));
            let mut is_first = true;
            while let Some((at, what)) = self.queue.pop_by_if(until, |what| is_first || !what.is_alone()) {
                self.now = at;
                self.steps += 1;
                self.note_trace(what.traced(), &[]);
                let is_alone = what.is_alone();
                self.happen(what);
                if is_alone {
                    break;
                }
                is_first = false;
            }
            self.work();
        }
        self.now = end;
    }

    /// Lets the nodes do what they are to do, and hands out what comes of it.
    fn work(&mut self) {
        if self.due.is_empty() {
            return;
        }
        let mut turns: BTreeMap<Who, Turn> = BTreeMap::new();
        let count = self.due.len();
        for (place, due) in self.due.drain(..).enumerate() {
            let who = due.who;
            if let Some(turn) = turns.get_mut(&who) {
                turn.due.push((place, due));
            } else if let Some(service) = self.nodes[who].service.take() {
                let (due, done) = (vec![(place, due)], Vec::new());
                turns.insert(who, Turn { who, service, due, done });
            }
        }
        let mut all: Vec<Option<Done>> = (0..count).map(|_| None).collect();
        for turn in self.crew.work(turns.into_values().collect()) {
            self.nodes[turn.who].service = Some(turn.service);
            turn.done.into_iter().for_each(|(place, done)| all[place] = Some(done));
        }
        for Done { who, at, from, outputs, next } in all.into_iter().flatten() {
            self.now = at;
            self.from = from;
            self.hand_out(who, outputs);
            self.from = None;
            match next {
                Next::ToBeAsked => self.ask_for_alarm(who),
                Next::At(next) => self.put_alarm(who, next),
                Next::Later => {}
            }
        }
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Tell { to, starts, event } if self.nodes[to].starts == starts => self.handle(to, event),
            What::Tell { .. } => {}
            What::OnLink { link, side, event } => self.on_link(link, side, event),
            What::Asked { link, stream, side } => self.asked(link, stream, side),
            What::Frame { link, stream, side, frame } => self.frame(link, stream, side, frame),
            What::CloseStream { link, stream, side } => self.close_stream(link, stream, side),
            What::Hangup { link } => self.drop_link(link),
            What::Dial { from, starts, attempt, node, addresses } => {
                if self.nodes[from].starts == starts && self.nodes[from].service.is_some() {
                    self.dial(from, attempt, node, &addresses);
                }
            }
            What::Wake { who } => self.wake(who),
            What::SetAlarm { who } => self.set_alarm(who),
            What::Act { who, act } => self.act(who, act),
            What::Day { start } => self.begin_day(start),
            What::Lose { link } => {
                if !self.is_quiet && self.links.contains_key(&link) {
                    self.traffic.connections_lost += 1;
                    self.drop_link(link);
                }
            }
            What::Part { apart } => self.part(apart),
        }
    }

    /// The time on the clock of a node. It does not go back, though what happens within a round may do so by some ms.
    pub(super) fn now_of(&mut self, who: Who) -> Timestamp {
        let node = &mut self.nodes[who];
        node.clock = node.clock.max(Timestamp::from_millis(self.now + node.ahead_ms));
        node.clock
    }

    /// An event of the network for a node that runs.
    pub(super) fn handle(&mut self, who: Who, event: Event) {
        self.put_due(who, Step::Handle(event));
    }

    fn put_due(&mut self, who: Who, step: Step) {
        if self.nodes[who].service.is_some() {
            let clock = self.now_of(who);
            self.due.push(Due { who, at: self.now, clock, from: self.from, step });
        }
    }

    /// The same, as something of its own, at once.
    pub(super) fn tell(&mut self, to: Who, event: Event) {
        if self.nodes[to].service.is_some() {
            let starts = self.nodes[to].starts;
            self.queue.put(self.now, What::Tell { to, starts, event });
        }
    }

    fn wake(&mut self, who: Who) {
        // Only the last that was put counts.
        if self.nodes[who].wake_at != self.now {
            return;
        }
        self.nodes[who].wake_at = u64::MAX;
        self.put_due(who, Step::Wake);
    }

    /// Commits what a person did, hands out what comes of it, and sets the alarm.
    pub(super) fn end_step(&mut self, who: Who) {
        let clock = self.now_of(who);
        let service = self.nodes[who].service.as_mut().expect("it runs");
        let outputs = round::commit(service, clock);
        self.hand_out(who, outputs);
        self.ask_for_alarm(who);
    }

    fn ask_for_alarm(&mut self, who: Who) {
        let node = &mut self.nodes[who];
        if !node.alarm_asked {
            node.alarm_asked = true;
            self.queue.put(self.now + ALARM_MS, What::SetAlarm { who });
        }
    }

    fn set_alarm(&mut self, who: Who) {
        self.nodes[who].alarm_asked = false;
        self.put_due(who, Step::Alarm);
    }

    fn put_alarm(&mut self, who: Who, next: Option<Timestamp>) {
        let node = &mut self.nodes[who];
        let Some(next) = next else { return };
        let next = next.as_millis().saturating_sub(node.ahead_ms).max(self.now + 1);
        if next < node.wake_at {
            node.wake_at = next;
            self.queue.put(next, What::Wake { who });
        }
    }

    /// Hands out what a node wants done.
    fn hand_out(&mut self, who: Who, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Network(order) => self.carry_out(who, order),
                Output::Event(event) => self.happened(who, &event.what),
                Output::RemoveBlob(_) => {}
            }
        }
    }

    /// What a node tells whoever listens.
    fn happened(&mut self, who: Who, what: &Happening) {
        let Happening::Moment { moment } = what else { return };
        match self.ledger.find(&moment.id) {
            Some(number) if !self.ledger.may_have(number, who) => {
                self.breach(format!("moment {number} is shown to {who}, whom it is not for"));
            }
            Some(number) => {
                if self.ledger.shown(number, who, self.from, self.now) {
                    self.look_around(who);
                }
            }
            None if self.posting == Some(who) => {}
            None => self.breach(format!("{who} is shown a moment that nobody shared: {}", moment.id.short())),
        }
    }

    /// Starts a node from its store.
    pub(super) fn start(&mut self, who: Who) {
        if self.nodes[who].service.is_some() {
            return;
        }
        self.traffic.starts += 1;
        let entropy = self.entropy.split();
        let now = self.now_of(who);
        let node = &mut self.nodes[who];
        node.starts += 1;
        node.admitted.clear();
        node.wake_at = u64::MAX;
        let store: Arc<dyn Store> = node.store.clone();
        let (book, beside) = (Box::new(node.book.clone()), node.book.read());
        let parts = Parts { keyring: node.keyring.clone(), store, book, beside, entropy };
        let mut service = Service::new(parts, now).expect("the store opens");
        service.limit_connections(self.scenario.network.connections);
        let outputs = round::commit(&mut service, now);
        node.service = Some(Box::new(service));
        self.hand_out(who, outputs);
        self.handle(who, Event::Listening { addresses: vec![super::node::address(who)] });
        self.look_around(who);
    }

    /// Stops a node: in good order, or as a power cut does.
    pub(super) fn stop(&mut self, who: Who, kept: Option<usize>) {
        if self.nodes[who].service.take().is_none() {
            return;
        }
        match kept {
            Some(kept) => self.nodes[who].store.cut_power(kept),
            None => self.nodes[who].store.barrier().expect("memory"),
        }
        self.drop_links(who);
    }

    pub(super) fn breach(&mut self, what: String) {
        self.ledger.breach(self.steps, what);
    }

    /// Notes what happens, or a frame that is sent: 0, by whom, to whom.
    pub(super) fn note_trace(&mut self, [what, one, other]: [u64; 3], frame: &[u8]) {
        for number in [self.now, what, one, other, frame.len() as u64] {
            self.untraced.extend_from_slice(&number.to_be_bytes());
        }
        self.untraced.extend_from_slice(frame);
        if self.untraced.len() >= TRACE_RUN {
            self.trace.update(&self.untraced);
            self.untraced.clear();
        }
    }

    /// No byte that leaves a node may be what a person wrote.
    pub(super) fn look_for_plaintext(&mut self, frame: &[u8]) {
        let Some((first, rest)) = MARK.split_first() else { return };
        let mut at = frame;
        while let Some(next) = at.iter().position(|byte| byte == first) {
            at = &at[next + 1..];
            if at.starts_with(rest) {
                return self.breach("a frame holds plain text".to_owned());
            }
        }
    }

    pub(super) fn are_parted(&self, a: Who, b: Who) -> bool {
        self.halves.as_ref().is_some_and(|halves| halves[a] != halves[b])
    }
}
