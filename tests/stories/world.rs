//! Nodes, links between them, and a clock, all in one thread.
//!
//! Orders of one service become events of another after the delay of their link, in order. What a real network shell
//! promises (who gets in, which protocols an unknown node may speak, what ends with a connection) is kept here too.
//! Faults are calls: [`World::cut`], [`World::partition`], [`World::stop`], [`World::crash`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use tidings::crypto::{AtRestKey, Entropy};
use tidings::id::{BlobId, NodeId, UserId};
use tidings::identity::{DeviceFlags, Keyring, next_seq};
use tidings::link::{Address, ConnId, DialId, Event, Order, Path, Protocol, StreamId};
use tidings::service::state::{Friend, Me};
use tidings::service::{CommitError, Output, Parts, SecondBook, Service};
use tidings::store::{
    Direction, KeyRange, Memory, Reservations, Sealed, StorageKeys, Store, StoreError, Tree,
};
use tidings::time::{DAY_MS, Timestamp};
use tidings::view::{self, Happening};
use tidings::{mail, pair, sync, wire};

/// A node of a world, by its place.
pub type Who = usize;

/// A frame as it reached a node, after the transport's decryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub at: Timestamp,
    pub from: Who,
    pub protocol: Protocol,
    pub kind: &'static str,
    pub frame: Vec<u8>,
}

/// The second book, in memory; it survives crashes as a file does.
#[derive(Debug, Clone, Default)]
struct Book(Arc<Mutex<(Option<Reservations>, bool)>>);

impl SecondBook for Book {
    fn write(&mut self, reservations: &Reservations) -> Result<(), StoreError> {
        let mut book = self.0.lock().expect("one thread");
        if book.1 {
            return Err(StoreError::Full { free_bytes: 0, reserve_bytes: 0 });
        }
        book.0 = Some(reservations.clone());
        Ok(())
    }
}

/// One node: what survives a crash, and the service while it runs.
pub struct Node {
    pub name: String,
    pub keyring: Keyring,
    pub memory: Arc<Memory>,
    pub blobs: BTreeSet<BlobId>,
    /// Bytes that a blob really has, where a moment says otherwise.
    pub true_bytes: BTreeMap<BlobId, u64>,
    /// Takes questions for blobs and never answers.
    pub is_mute: bool,
    /// Blobs that are asked for and never come to their end.
    pub slow: BTreeSet<BlobId>,
    /// Every question for a blob, in order.
    pub asked_for: Vec<BlobId>,
    pub address: Address,
    pub service: Option<Service>,
    pub received: Vec<Received>,
    pub happened: Vec<view::Event>,
    /// Milliseconds its clock is ahead.
    pub ahead_ms: u64,
    storage: StorageKeys,
    book: Book,
    starts: u64,
    admitted: BTreeSet<NodeId>,
    pairing_open: bool,
    next_id: u64,
    pub fetching: BTreeMap<BlobId, (ConnId, u64)>,
}

impl Node {
    pub fn user(&self) -> UserId {
        self.keyring.user()
    }

    fn node(&self) -> NodeId {
        self.keyring.node_id()
    }
}

/// One side of a link.
#[derive(Debug, Clone, Copy)]
struct End {
    who: Who,
    conn: ConnId,
    /// Whether this side admitted the other when it last looked.
    admits: bool,
}

#[derive(Debug)]
struct Stream {
    protocol: Protocol,
    /// Its number on either side, where it is known.
    ids: BTreeMap<Who, StreamId>,
    open: bool,
}

#[derive(Debug)]
struct Link {
    /// The dialler first.
    ends: [End; 2],
    streams: Vec<Stream>,
}

impl Link {
    fn other(&self, who: Who) -> End {
        if self.ends[0].who == who { self.ends[1] } else { self.ends[0] }
    }

    fn end(&self, who: Who) -> End {
        if self.ends[0].who == who { self.ends[0] } else { self.ends[1] }
    }
}

#[derive(Debug)]
enum What {
    Tell(Event),
    /// A stream asked for reaches the other side.
    Asked {
        link: u64,
        stream: usize,
    },
    Frame {
        link: u64,
        stream: usize,
        to: Who,
        frame: Vec<u8>,
    },
    CloseStream {
        link: u64,
        stream: usize,
        to: Who,
    },
    Dial {
        from: Who,
        attempt: DialId,
        node: Option<NodeId>,
        addresses: Vec<Address>,
    },
    Hangup {
        link: u64,
    },
    BlobAsk {
        link: u64,
        blob: BlobId,
    },
}

struct Packet {
    to: Who,
    starts: u64,
    what: What,
}

/// Everything.
pub struct World {
    pub now: Timestamp,
    pub nodes: Vec<Node>,
    entropy: Entropy,
    links: BTreeMap<u64, Link>,
    next_link: u64,
    packets: BTreeMap<(Timestamp, u64), Packet>,
    next_packet: u64,
    /// When the last packet on a link reaches either side: packets do not overtake each other.
    last: BTreeMap<(u64, Who), Timestamp>,
    delays: BTreeMap<(Who, Who), u64>,
    parted: BTreeSet<(Who, Who)>,
    /// Blobs a node was asked for: stream of the question, link and asker.
    asks: BTreeMap<(Who, StreamId), (u64, Who)>,
    /// After so many commits of a node its power is cut, keeping so many batches behind the last barrier.
    pub fuse: BTreeMap<Who, (u64, usize)>,
    /// Steps so far: a run that never rests is a fault.
    pub steps: u64,
}

/// What a link takes one way, ms, unless told otherwise.
const DELAY_MS: u64 = 5;

impl World {
    /// An empty world. The same seed gives the same run.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Timestamp::from_millis(20_000 * DAY_MS),
            nodes: Vec::new(),
            entropy: Entropy::from_number(seed),
            links: BTreeMap::new(),
            next_link: 0,
            packets: BTreeMap::new(),
            next_packet: 0,
            last: BTreeMap::new(),
            delays: BTreeMap::new(),
            parted: BTreeSet::new(),
            asks: BTreeMap::new(),
            fuse: BTreeMap::new(),
            steps: 0,
        }
    }

    /// A new person with a node that runs.
    pub fn add(&mut self, name: &str) -> Who {
        let created = Keyring::create(&mut self.entropy, self.now);
        let keyring = created.keyring;
        let today = self.now.day();
        let flags = DeviceFlags::new(false, true);
        let device = keyring.device_record(next_seq(None, self.now), today, flags, Vec::new(), Vec::new());
        let storage = StorageKeys::new(today.0 / 30, AtRestKey::random(&mut self.entropy));
        let memory = Arc::new(Memory::with_power_cuts());
        let me = Me {
            name: name.to_owned(),
            about: String::new(),
            window_days: 0,
            identity: created.identity.as_bytes().to_vec(),
            device: device.as_bytes().to_vec(),
            addresses: Vec::new(),
            device_day: today,
            last_day: today,
            next_number: 0,
            strangers: 0,
        };
        let sealed = Sealed::new(Arc::clone(&memory), storage.clone(), self.entropy.split());
        Service::create(&sealed, &me).expect("an empty store takes a person");
        let who = self.nodes.len();
        let number = u8::try_from(who + 1).expect("few nodes");
        self.nodes.push(Node {
            name: name.to_owned(),
            keyring,
            memory,
            blobs: BTreeSet::new(),
            true_bytes: BTreeMap::new(),
            is_mute: false,
            slow: BTreeSet::new(),
            asked_for: Vec::new(),
            address: address(number),
            service: None,
            received: Vec::new(),
            happened: Vec::new(),
            ahead_ms: 0,
            storage,
            book: Book::default(),
            starts: 0,
            admitted: BTreeSet::new(),
            pairing_open: false,
            next_id: 1,
            fetching: BTreeMap::new(),
        });
        self.start(who);
        who
    }

    /// Starts a node from its store.
    pub fn start(&mut self, who: Who) {
        let entropy = self.entropy.split();
        let sealing = self.entropy.split();
        let now = self.now_of(who);
        let node = &mut self.nodes[who];
        assert!(node.service.is_none(), "{} runs", node.name);
        let store: Arc<dyn Store> =
            Arc::new(Sealed::new(Arc::clone(&node.memory), node.storage.clone(), sealing));
        let beside = node.book.0.lock().expect("one thread").0.clone();
        let parts = Parts {
            keyring: node.keyring.clone(),
            store,
            book: Box::new(node.book.clone()),
            beside,
            entropy,
        };
        node.starts += 1;
        node.admitted.clear();
        node.pairing_open = false;
        node.service = Some(Service::new(parts, now).expect("the store opens"));
        let addresses = vec![node.address.clone()];
        self.drain(who);
        self.tell(who, 0, Event::Listening { addresses });
    }

    /// Stops a node in good order.
    pub fn stop(&mut self, who: Who) {
        if let Some(service) = self.nodes[who].service.take() {
            service.store().barrier().expect("memory");
        }
        self.drop_links(who);
    }

    /// Kills a node; of what it wrote since its last barrier, the first `kept` batches survive.
    pub fn crash(&mut self, who: Who, kept: usize) {
        self.nodes[who].service = None;
        self.nodes[who].memory.cut_power(kept);
        self.drop_links(who);
    }

    /// Makes the disk of a node full, or not.
    pub fn fill_disk(&self, who: Who, full: bool) {
        self.nodes[who].memory.set_full(full);
    }

    /// Makes only the second book of a node fail, or not.
    pub fn fill_book(&self, who: Who, full: bool) {
        self.nodes[who].book.0.lock().expect("one thread").1 = full;
    }

    /// Ends the connections between two nodes; they may dial again.
    pub fn cut(&mut self, a: Who, b: Who) {
        let ids: Vec<u64> = self
            .links
            .iter()
            .filter(|(_, link)| link.ends.iter().all(|end| end.who == a || end.who == b))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.drop_link(id);
        }
    }

    /// Keeps two nodes apart until [`World::join`].
    pub fn partition(&mut self, a: Who, b: Who) {
        self.parted.insert((a.min(b), a.max(b)));
        self.cut(a, b);
    }

    /// Lets two nodes reach each other again.
    pub fn join(&mut self, a: Who, b: Who) {
        self.parted.remove(&(a.min(b), a.max(b)));
    }

    /// Lets all reach all.
    pub fn join_all(&mut self) {
        self.parted.clear();
    }

    /// How long a packet takes between two nodes, ms.
    pub fn delay(&mut self, a: Who, b: Who, ms: u64) {
        self.delays.insert((a.min(b), a.max(b)), ms);
    }

    /// Gives a node another address, and tells it.
    pub fn moves(&mut self, who: Who, number: u8) {
        self.nodes[who].address = address(number);
        for other in 0..self.nodes.len() {
            if other != who {
                self.cut(who, other);
            }
        }
        let addresses = vec![self.nodes[who].address.clone()];
        if self.nodes[who].service.is_some() {
            self.tell(who, 0, Event::Listening { addresses });
        }
    }

    pub fn is_linked(&self, a: Who, b: Who) -> bool {
        self.links.values().any(|link| link.ends.iter().all(|end| end.who == a || end.who == b))
    }

    /// The running service of a node.
    pub fn service(&mut self, who: Who) -> &mut Service {
        let node = &mut self.nodes[who];
        node.service.as_mut().unwrap_or_else(|| panic!("{} does not run", node.name))
    }

    /// Does what a person wants, as the program does it: verb, commit, barrier where the answer waits for one.
    pub fn ask<T>(
        &mut self,
        who: Who,
        verb: impl FnOnce(&mut Service) -> tidings::error::Result<T>,
    ) -> tidings::error::Result<T> {
        let now = self.now_of(who);
        let service = self.service(who);
        service.set_now(now);
        let answer = verb(service);
        if answer.is_err() {
            service.abandon_if_dirty().expect("memory");
        }
        let committed = service.commit();
        let outcome = match committed {
            Ok(commit) if commit.answer_after_barrier && answer.is_ok() => {
                self.drain(who);
                let service = self.service(who);
                service.store().barrier().expect("memory");
                answer
            }
            Ok(_) => answer,
            Err(CommitError::Undone(error)) => answer.and(Err(tidings::service::store_error(&error))),
            Err(CommitError::Broken(error)) => panic!("the store broke: {error}"),
        };
        self.drain(who);
        outcome
    }

    /// Lets `ms` pass.
    pub fn run(&mut self, ms: u64) {
        let (end, before) = (self.now.plus_ms(ms), self.steps);
        // A node that is woken for nothing again and again would empty a phone; two that never end a talk, two.
        let most = 20_000 + ms / 50;
        while self.step(end) {
            assert!(self.steps - before < most, "{most} steps, {} of {ms} ms left", end.since(self.now));
        }
        self.now = end;
    }

    /// Does the next thing, if it is due by `end`.
    fn step(&mut self, end: Timestamp) -> bool {
        let packet = self.packets.first_key_value().map(|(key, _)| key.0);
        let wake = (0..self.nodes.len())
            .filter_map(|who| {
                let node = &self.nodes[who];
                let at = node.service.as_ref()?.next_wakeup()?;
                let at = Timestamp::from_millis(at.as_millis().saturating_sub(node.ahead_ms));
                Some((at.max(self.now), who))
            })
            .min();
        self.steps += 1;
        match (packet, wake) {
            (Some(at), other) if at <= end && other.is_none_or(|(wake, _)| at <= wake) => {
                self.now = at.max(self.now);
                if let Some((_, packet)) = self.packets.pop_first() {
                    self.arrive(packet);
                }
                true
            }
            (_, Some((at, who))) if at <= end => {
                self.now = at;
                let now = self.now_of(who);
                self.service(who).wake(now).expect("memory");
                self.commit(who);
                // A service that wants to be woken at once again and again would stand still.
                let next = self.nodes[who].service.as_ref().and_then(Service::next_wakeup);
                if next.is_some_and(|at| at <= now) {
                    self.now = self.now.plus_ms(1);
                }
                true
            }
            _ => false,
        }
    }

    fn now_of(&self, who: Who) -> Timestamp {
        self.now.plus_ms(self.nodes[who].ahead_ms)
    }

    fn commit(&mut self, who: Who) {
        match self.service(who).commit() {
            Ok(_) | Err(CommitError::Undone(_)) => {}
            Err(CommitError::Broken(error)) => panic!("the store broke: {error}"),
        }
        if let Some((left, kept)) = self.fuse.get_mut(&who) {
            if *left == 0 {
                let kept = *kept;
                self.fuse.remove(&who);
                // What was committed may have left already, or not: here it has.
                self.drain(who);
                self.crash(who, kept);
                return;
            }
            *left -= 1;
        }
        self.drain(who);
    }

    fn drain(&mut self, who: Who) {
        loop {
            let Some(output) = self.nodes[who].service.as_mut().and_then(Service::poll_output) else {
                return;
            };
            match output {
                Output::Network(order) => self.carry_out(who, order),
                Output::Event(event) => self.nodes[who].happened.push(event),
                Output::RemoveBlob(blob) => {
                    self.nodes[who].blobs.remove(&blob);
                }
            }
        }
    }

    fn tell(&mut self, who: Who, after_ms: u64, event: Event) {
        self.schedule(who, self.now.plus_ms(after_ms), What::Tell(event));
    }

    fn schedule(&mut self, to: Who, at: Timestamp, what: What) {
        let starts = self.nodes[to].starts;
        self.packets.insert((at, self.next_packet), Packet { to, starts, what });
        self.next_packet += 1;
    }

    /// Something on a link, behind everything that went the same way before.
    fn send(&mut self, link: u64, to: Who, what: What) {
        let Some(other) = self.links.get(&link).map(|l| l.other(to).who) else { return };
        let delay = self.delays.get(&(to.min(other), to.max(other))).copied().unwrap_or(DELAY_MS);
        let last = self.last.get(&(link, to)).copied().unwrap_or(self.now);
        let at = self.now.plus_ms(delay).max(last);
        self.last.insert((link, to), at);
        self.schedule(to, at, what);
    }

    fn new_id(&mut self, who: Who) -> u64 {
        let node = &mut self.nodes[who];
        node.next_id += 2;
        node.next_id
    }

    fn link_of(&self, who: Who, conn: ConnId) -> Option<u64> {
        let fits = |link: &Link| link.ends.iter().any(|end| end.who == who && end.conn == conn);
        self.links.iter().find(|(_, link)| fits(link)).map(|(id, _)| *id)
    }

    fn stream_of(&self, who: Who, id: StreamId) -> Option<(u64, usize)> {
        self.links.iter().find_map(|(link, l)| {
            let at = l.streams.iter().position(|s| s.open && s.ids.get(&who) == Some(&id))?;
            Some((*link, at))
        })
    }

    fn carry_out(&mut self, who: Who, order: Order) {
        match order {
            Order::Admit { nodes } => self.admit(who, nodes),
            Order::OpenPairing(open) => {
                self.nodes[who].pairing_open = open;
                if !open {
                    let gone: Vec<u64> = self
                        .links
                        .iter()
                        .filter(|(_, link)| link.ends[1].who == who && !link.ends[1].admits)
                        .map(|(id, _)| *id)
                        .collect();
                    gone.into_iter().for_each(|id| self.drop_link(id));
                }
            }
            Order::Dial { attempt, node, addresses } => {
                let at = self.now.plus_ms(DELAY_MS);
                self.schedule(who, at, What::Dial { from: who, attempt, node, addresses });
            }
            Order::OpenStream { conn, stream, protocol } => {
                let Some(link) = self.link_of(who, conn) else { return };
                let other = self.links[&link].other(who).who;
                let streams = &mut self.links.get_mut(&link).expect("found").streams;
                let ids = BTreeMap::from([(who, stream)]);
                streams.push(Stream { protocol, ids, open: true });
                let stream = streams.len() - 1;
                self.send(link, other, What::Asked { link, stream });
            }
            Order::Send { stream, frame } => {
                let Some((link, at)) = self.stream_of(who, stream) else { return };
                let to = self.links[&link].other(who).who;
                let bytes = frame.len();
                self.send(link, to, What::Frame { link, stream: at, to, frame });
                self.tell(who, 0, Event::Sent { stream, bytes });
            }
            Order::CloseStream { stream } => {
                let Some((link, at)) = self.stream_of(who, stream) else { return };
                let to = self.links[&link].other(who).who;
                self.send(link, to, What::CloseStream { link, stream: at, to });
            }
            Order::Hangup { conn } => {
                let Some(link) = self.link_of(who, conn) else { return };
                let other = self.links[&link].other(who).who;
                self.send(link, other, What::Hangup { link });
            }
            Order::ServeBlob { stream, blob } => {
                let Some((link, asker)) = self.asks.remove(&(who, stream)) else { return };
                if self.nodes[who].slow.contains(&blob) {
                    return;
                }
                let whole = self.nodes[who].blobs.contains(&blob);
                self.answer_blob(link, asker, blob, whole);
            }
            Order::RefuseBlob { stream } => {
                let Some((link, asker)) = self.asks.remove(&(who, stream)) else { return };
                let blobs = self.nodes[asker].fetching.clone();
                let conn = self.links.get(&link).map(|link| link.end(asker).conn);
                for (blob, (on, _)) in blobs {
                    if Some(on) == conn && !self.asks.values().any(|ask| *ask == (link, asker)) {
                        self.answer_blob(link, asker, blob, false);
                    }
                }
            }
            Order::FetchBlob { conn, blob, bytes } => {
                let Some(link) = self.link_of(who, conn) else {
                    return self.tell(who, 0, Event::BlobFailed { blob, conn, lied: false });
                };
                let other = self.links[&link].other(who).who;
                self.nodes[who].asked_for.push(blob);
                self.nodes[who].fetching.insert(blob, (conn, bytes));
                self.send(link, other, What::BlobAsk { link, blob });
            }
            _ => {}
        }
    }

    fn answer_blob(&mut self, link: u64, asker: Who, blob: BlobId, whole: bool) {
        let Some(conn) = self.links.get(&link).map(|link| link.end(asker).conn) else { return };
        let Some((_, bytes)) = self.nodes[asker].fetching.remove(&blob) else { return };
        let lied = self.nodes[asker].true_bytes.get(&blob).is_some_and(|true_bytes| *true_bytes != bytes);
        let event = if whole && !lied {
            self.nodes[asker].blobs.insert(blob);
            Event::BlobFetched { blob, bytes }
        } else {
            Event::BlobFailed { blob, conn, lied: whole && lied }
        };
        self.send(link, asker, What::Tell(event));
    }

    fn admit(&mut self, who: Who, nodes: BTreeSet<NodeId>) {
        self.nodes[who].admitted = nodes;
        let mut gone = Vec::new();
        for (id, link) in &mut self.links {
            let other = link.other(who).who;
            let admits = self.nodes[who].admitted.contains(&self.nodes[other].keyring.node_id());
            if let Some(end) = link.ends.iter_mut().find(|end| end.who == who) {
                if end.admits && !admits {
                    gone.push(*id);
                }
                end.admits = admits;
            }
        }
        gone.into_iter().for_each(|id| self.drop_link(id));
    }

    fn arrive(&mut self, packet: Packet) {
        let Packet { to, starts, what } = packet;
        if let What::Dial { from, attempt, node, addresses } = what {
            if self.nodes[from].starts == starts && self.nodes[from].service.is_some() {
                self.dial(from, attempt, node, &addresses);
            }
            return;
        }
        if self.nodes[to].starts != starts || self.nodes[to].service.is_none() {
            return;
        }
        match what {
            What::Tell(event) => self.handle(to, event),
            What::Asked { link, stream } => self.asked(link, stream, to),
            What::Frame { link, stream, to, frame } => self.frame(link, stream, to, frame),
            What::CloseStream { link, stream, to } => {
                let Some(found) = self.links.get_mut(&link).map(|link| &mut link.streams[stream]) else {
                    return;
                };
                found.open = false;
                if let Some(id) = found.ids.get(&to).copied() {
                    self.handle(to, Event::StreamClosed { stream: id });
                }
            }
            What::Hangup { link } => self.drop_link(link),
            What::BlobAsk { link, blob } => {
                let Some(found) = self.links.get(&link) else { return };
                let (conn, asker) = (found.end(to).conn, found.other(to).who);
                if self.nodes[to].is_mute {
                    return;
                }
                let stream = StreamId(self.new_id(to));
                self.asks.insert((to, stream), (link, asker));
                self.handle(to, Event::BlobAsked { conn, stream, blob });
            }
            What::Dial { .. } => {}
        }
    }

    fn handle(&mut self, who: Who, event: Event) {
        let now = self.now_of(who);
        self.service(who).handle(event, now).expect("memory");
        self.commit(who);
    }

    fn dial(&mut self, from: Who, attempt: DialId, node: Option<NodeId>, addresses: &[Address]) {
        let found = (0..self.nodes.len()).find(|who| {
            let other = &self.nodes[*who];
            *who != from
                && other.service.is_some()
                && addresses.contains(&other.address)
                && !self.parted.contains(&(from.min(*who), from.max(*who)))
                && node.is_none_or(|node| node == other.node())
        });
        let failed = |reason: &str| Event::DialFailed { attempt, reason: reason.to_owned() };
        let Some(to) = found else { return self.handle(from, failed("nobody there")) };
        if self.is_linked(from, to) {
            return self.handle(from, failed("connected already"));
        }
        self.connect(from, to, Some(attempt));
    }

    /// A connection from one node to another, as if `from` had dialled.
    pub fn connect(&mut self, from: Who, to: Who, attempt: Option<DialId>) {
        let [near, far] = [from, to].map(|who| ConnId(self.new_id(who)));
        let admits = |a: Who, b: Who| self.nodes[a].admitted.contains(&self.nodes[b].keyring.node_id());
        let is_taken = admits(to, from) || self.nodes[to].pairing_open;
        let (nodes, addresses) =
            ([from, to].map(|w| self.nodes[w].node()), [from, to].map(|w| self.nodes[w].address.clone()));
        let event = |conn, at: usize, attempt| Event::Connected {
            conn,
            node: nodes[at],
            attempt,
            address: addresses[at].clone(),
            path: Path::Direct,
        };
        let link = self.next_link;
        self.next_link += 1;
        let ends = [
            End { who: from, conn: near, admits: admits(from, to) },
            End { who: to, conn: far, admits: admits(to, from) },
        ];
        self.links.insert(link, Link { ends, streams: Vec::new() });
        let (near_event, far_event) =
            (event(near, 1, attempt.or(Some(DialId(u64::MAX)))), event(far, 0, None));
        if is_taken {
            self.send(link, to, What::Tell(far_event));
            self.handle(from, near_event);
        } else {
            // The dialler sees a connection that ends at once.
            self.handle(from, near_event);
            self.send(link, from, What::Hangup { link });
        }
    }

    fn asked(&mut self, link: u64, stream: usize, to: Who) {
        let Some(found) = self.links.get(&link) else { return };
        let (near, far, protocol) = (found.end(to), found.other(to), found.streams[stream].protocol);
        let is_dialler = found.ends[0].who == to;
        let may = near.admits || (protocol == Protocol::Pair && (self.nodes[to].pairing_open || is_dialler));
        let Some(ours) = found.streams[stream].ids.get(&far.who).copied() else { return };
        if !may {
            self.links.get_mut(&link).expect("found").streams[stream].open = false;
            return self.send(link, far.who, What::Tell(Event::StreamClosed { stream: ours }));
        }
        let theirs = StreamId(self.new_id(to));
        self.links.get_mut(&link).expect("found").streams[stream].ids.insert(to, theirs);
        let opened = |conn, stream, ours| Event::StreamOpened { conn, stream, protocol, ours };
        self.send(link, far.who, What::Tell(opened(far.conn, ours, true)));
        self.handle(to, opened(near.conn, theirs, false));
    }

    fn frame(&mut self, link: u64, stream: usize, to: Who, frame: Vec<u8>) {
        let Some(found) = self.links.get(&link) else { return };
        let (from, stream) = (found.other(to).who, &found.streams[stream]);
        let Some(id) = stream.ids.get(&to).copied().filter(|_| stream.open) else { return };
        let (at, protocol) = (self.now, stream.protocol);
        let kind = kind_of(protocol, &frame);
        self.nodes[to].received.push(Received { at, from, protocol, kind, frame: frame.clone() });
        self.handle(to, Event::Frame { stream: id, frame });
    }

    /// Sends a frame to a node as another would, on a stream of that protocol; false if there is none.
    pub fn inject(&mut self, from: Who, to: Who, protocol: Protocol, frame: Vec<u8>) -> bool {
        let found = self.links.iter().find_map(|(id, link)| {
            let fits = link.ends.iter().all(|end| end.who == from || end.who == to);
            let at =
                link.streams.iter().position(|s| s.open && s.protocol == protocol && s.ids.len() == 2)?;
            fits.then_some((*id, at))
        });
        let Some((link, stream)) = found else { return false };
        self.send(link, to, What::Frame { link, stream, to, frame });
        true
    }

    /// A parcel as a program could seal it that puts into it whatever it likes.
    pub fn parcel(&mut self, from: Who, to: Who, items: &[mail::Item]) -> mail::Envelope {
        let (store, to) = (self.service(from).store(), self.nodes[to].user());
        let read = |key: &[u8]| store.get(Tree::State, key).expect("memory").expect("a record");
        let friend: Friend = wire::decode(&read(&[b"f", &to.as_bytes()[..]].concat())).expect("a friend");
        let me: Me = wire::decode(&read(b"m")).expect("a person");
        let record = friend.live_devices().next().expect("a device").clone();
        let keyring = &self.nodes[from].keyring;
        let letter = mail::Letter {
            items,
            identity: &me.identity,
            device: &me.device,
            from_root: &keyring.user(),
            to_root: &to,
            from_device: &keyring.device_id(),
            to_device: &record.device(),
            pair_key: &friend.pair_key,
            psk_gen: friend.psk_gen,
            seal_from: keyring.seal(),
            seal_to: &record.seal(),
            expires_day: self.now.day().plus(30),
        };
        mail::seal(&letter, &mut self.entropy).expect("a parcel")
    }

    /// Hands a node a parcel with whatever is in it; whether it was taken.
    pub fn hand_over(&mut self, from: Who, to: Who, items: &[mail::Item]) -> bool {
        let envelope = self.parcel(from, to, items);
        let (id, before) = (envelope.parcel_id, self.nodes[from].received.len());
        assert!(self.inject(from, to, Protocol::Mail, mail::Frame::Deliver(envelope).encode()));
        self.run(50);
        let taken = mail::Frame::Taken(id).encode();
        self.nodes[from].received[before..].iter().any(|received| received.frame == taken)
    }

    /// How many records of a tree a node has whose keys begin so.
    pub fn records(&mut self, who: Who, tree: Tree, prefix: &[u8]) -> usize {
        let (store, mut count, mut rest) = (self.service(who).store(), 0, Some(KeyRange::prefix(prefix)));
        while let Some(range) = rest {
            let page = store.scan(tree, range, Direction::Forward, 1_000).expect("memory");
            count += page.records.len();
            rest = page.next;
        }
        count
    }

    /// Opens a stream as a node would that does not keep to the protocol; false if there is no link.
    pub fn inject_stream(&mut self, from: Who, to: Who, protocol: Protocol) -> bool {
        let fits = |link: &Link| link.ends.iter().all(|end| end.who == from || end.who == to);
        let Some(link) = self.links.iter().find(|(_, link)| fits(link)).map(|(id, _)| *id) else {
            return false;
        };
        let stream = StreamId(1_000_000 + self.new_id(from));
        let streams = &mut self.links.get_mut(&link).expect("found").streams;
        streams.push(Stream { protocol, ids: BTreeMap::from([(from, stream)]), open: true });
        let stream = streams.len() - 1;
        self.send(link, to, What::Asked { link, stream });
        true
    }

    fn drop_links(&mut self, who: Who) {
        let gone: Vec<u64> = self
            .links
            .iter()
            .filter(|(_, link)| link.ends.iter().any(|end| end.who == who))
            .map(|(id, _)| *id)
            .collect();
        gone.into_iter().for_each(|id| self.drop_link(id));
    }

    /// Ends a link: both sides hear of it, whatever was on the way is lost.
    fn drop_link(&mut self, id: u64) {
        let Some(link) = self.links.remove(&id) else { return };
        self.asks.retain(|_, (on, _)| *on != id);
        for end in link.ends {
            self.last.remove(&(id, end.who));
            if self.nodes[end.who].service.is_none() {
                continue;
            }
            let lost: Vec<BlobId> = self.nodes[end.who]
                .fetching
                .iter()
                .filter(|(_, (conn, _))| *conn == end.conn)
                .map(|(blob, _)| *blob)
                .collect();
            for blob in lost {
                self.nodes[end.who].fetching.remove(&blob);
                self.tell(end.who, 0, Event::BlobFailed { blob, conn: end.conn, lied: false });
            }
            self.tell(end.who, 0, Event::Disconnected { conn: end.conn });
        }
    }

    /// What a node told whoever listens.
    pub fn happenings(&self, who: Who) -> impl Iterator<Item = &Happening> {
        self.nodes[who].happened.iter().map(|event| &event.what)
    }
}

fn address(number: u8) -> Address {
    // /ip4/10.0.0.N/tcp/1
    Address::from_bytes(&[4, 10, 0, 0, number, 6, 0, 1]).expect("short")
}

/// The name of a frame's variant.
pub fn kind_of(protocol: Protocol, frame: &[u8]) -> &'static str {
    match protocol {
        Protocol::Sync => match sync::Frame::decode(frame) {
            Ok(Some(sync::Frame::Hello(_))) => "Hello",
            Ok(Some(sync::Frame::Mine { .. })) => "Mine",
            Ok(Some(sync::Frame::Tags { .. })) => "Tags",
            Ok(Some(sync::Frame::Matched(_))) => "Matched",
            Ok(Some(sync::Frame::MatchedRun(_))) => "MatchedRun",
            Ok(Some(sync::Frame::Digest { .. })) => "Digest",
            Ok(Some(sync::Frame::Have(_))) => "Have",
            Ok(Some(sync::Frame::Want { .. })) => "Want",
            Ok(Some(sync::Frame::WantIds(_))) => "WantIds",
            Ok(Some(sync::Frame::Entry(_))) => "Entry",
            Ok(Some(sync::Frame::Gone(_))) => "Gone",
            Ok(Some(sync::Frame::Ids(_))) => "Ids",
            Ok(Some(sync::Frame::Head { .. })) => "Head",
            Ok(Some(sync::Frame::Bye(_))) => "Bye",
            Ok(Some(sync::Frame::Digests { .. })) => "Digests",
            Ok(None) => "unknown",
            Err(_) => "broken",
        },
        Protocol::Mail => match mail::Frame::decode(frame) {
            Ok(Some(mail::Frame::Put(_))) => "Put",
            Ok(Some(mail::Frame::Kept)) => "Kept",
            Ok(Some(mail::Frame::Full)) => "Full",
            Ok(Some(mail::Frame::Deliver(_))) => "Deliver",
            Ok(Some(mail::Frame::Taken(_))) => "Taken",
            Ok(None) => "unknown",
            Err(_) => "broken",
        },
        Protocol::Pair => match pair::Frame::decode(frame) {
            Ok(Some(_)) => "Pair",
            Ok(None) => "unknown",
            Err(_) => "broken",
        },
        Protocol::Blob => "Blob",
    }
}
