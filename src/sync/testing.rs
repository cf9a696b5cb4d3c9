//! A network of real sessions in memory, with virtual time: what the tests of this module stand on.
//!
//! Nodes keep a [`Ledger`] (known entries, the fork rule, tombstones); links carry frames between two sessions, one
//! frame at a time and in order, until they are cut. Whatever a session puts out is done at once, as the contract
//! demands. Nothing here is random: a test decides what is delivered when.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::*;
use crate::crypto::keys::{Role, entry_id};
use crate::crypto::{Entropy, TagKey, hash};
use crate::id::{EntryId, EpochId, NodeId, UserId};
use crate::limits::{FORK_KEEP_LIMIT, FRAME_LIMIT, UNSENT_LIMIT};
use crate::time::Timestamp;

pub(super) fn node_id(number: usize) -> NodeId {
    NodeId::from_bytes(hash(format!("node {number}").as_bytes()))
}

pub(super) fn user_id(number: usize) -> UserId {
    UserId::from_bytes(hash(format!("user {number}").as_bytes()))
}

pub(super) fn epoch_id(number: usize) -> EpochId {
    EpochId::try_from(&hash(format!("epoch {number}").as_bytes())[..16]).unwrap()
}

/// An epoch of some author, with its keys.
pub(super) fn epoch(number: usize, author: usize, class: Class) -> Arc<Epoch> {
    Arc::new(Epoch { id: epoch_id(number), author: user_id(author), class, key: tag_key(number) })
}

pub(super) fn tag_key(number: usize) -> TagKey {
    TagKey::from_bytes(hash(format!("tag key {number}").as_bytes()))
}

/// An entry as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bytes {
    pub(super) header: Box<[u8; HEADER_LEN]>,
    pub(super) body: Vec<u8>,
}

impl Bytes {
    pub(super) fn new(epoch: EpochId, seq: u64, variant: u8, len: usize) -> Self {
        let body = vec![variant; len];
        let mut header = Box::new([0; HEADER_LEN]);
        header[0] = 1;
        header[1] = 1;
        header[2..18].copy_from_slice(epoch.as_bytes());
        header[18..26].copy_from_slice(&seq.to_be_bytes());
        header[34] = variant;
        header[90..122].copy_from_slice(&hash(&body));
        Self { header, body }
    }

    pub(super) fn seq(&self) -> u64 {
        u64::from_be_bytes(*self.header[18..].first_chunk().unwrap())
    }

    pub(super) fn epoch(&self) -> EpochId {
        EpochId::try_from(&self.header[2..18]).unwrap()
    }

    pub(super) fn id(&self) -> EntryId {
        entry_id(self.header.first_chunk().unwrap())
    }
}

/// What is kept of a known entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    Full(Bytes),
    Header(Box<[u8; HEADER_LEN]>),
    Id,
}

#[derive(Debug, Clone, Default)]
struct EpochLog {
    known: BTreeMap<(u64, EntryId), Kept>,
    tombstones: BTreeSet<(u64, EntryId)>,
    state: LogState,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    New,
    Known,
    Refused,
}

/// The reference log: known pairs, at most two variants of a number, the lowest ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    logs: BTreeMap<EpochId, EpochLog>,
    /// Ids that may be asked for by id.
    pub(super) by_id: BTreeSet<EntryId>,
    /// How often it was looked for what others were asked for.
    pub(super) looks: Cell<usize>,
    /// What other sessions have asked for.
    pub(super) on_their_way: BTreeMap<EpochId, IntervalSet>,
    /// Known entries that were looked at, to be summed, listed or served.
    pub(super) reads: Cell<usize>,
}

impl Ledger {
    pub(super) fn take(&mut self, bytes: &Bytes) -> Taken {
        if bytes.header[90..122] != hash(&bytes.body) {
            return Taken::Refused;
        }
        self.insert(bytes.epoch(), bytes.seq(), bytes.id(), Kept::Full(bytes.clone()))
    }

    pub(super) fn take_header(&mut self, header: &[u8; HEADER_LEN]) -> Taken {
        let bytes = Bytes { header: Box::new(*header), body: Vec::new() };
        self.insert(bytes.epoch(), bytes.seq(), bytes.id(), Kept::Header(bytes.header))
    }

    pub(super) fn take_gone(&mut self, epoch: EpochId, seq: u64, id: EntryId) -> Taken {
        let has_tombstone = self.logs.get(&epoch).is_some_and(|log| log.tombstones.contains(&(seq, id)));
        if has_tombstone { self.insert(epoch, seq, id, Kept::Id) } else { Taken::Refused }
    }

    fn insert(&mut self, epoch: EpochId, seq: u64, id: EntryId, kept: Kept) -> Taken {
        let log = self.logs.entry(epoch).or_default();
        if seq < log.state.floor {
            return Taken::Refused;
        }
        let kept = if log.tombstones.contains(&(seq, id)) { Kept::Id } else { kept };
        if let Some(old) = log.known.get_mut(&(seq, id)) {
            if matches!((&*old, &kept), (Kept::Header(_), Kept::Full(_))) {
                *old = kept;
                return Taken::New;
            }
            return Taken::Known;
        }
        let variants: Vec<EntryId> = ids_at(log, seq);
        match variants.last() {
            Some(&highest) if variants.len() >= FORK_KEEP_LIMIT => {
                if id > highest {
                    return Taken::Known;
                }
                log.known.remove(&(seq, highest));
                log.state.replace(&highest, &id);
            }
            _ => log.state.insert(seq, &id),
        }
        log.known.insert((seq, id), kept);
        Taken::New
    }

    pub(super) fn delete(&mut self, epoch: EpochId, seq: u64, id: EntryId) {
        let log = self.logs.entry(epoch).or_default();
        log.tombstones.insert((seq, id));
        if let Some(kept) = log.known.get_mut(&(seq, id)) {
            *kept = Kept::Id;
        }
    }

    /// Keeps the header alone, as for an entry out of the window.
    pub(super) fn keep_header(&mut self, epoch: EpochId, seq: u64, id: EntryId) {
        if let Some(kept) = self.logs.get_mut(&epoch).and_then(|log| log.known.get_mut(&(seq, id)))
            && let Kept::Full(bytes) = kept
        {
            *kept = Kept::Header(bytes.header.clone());
        }
    }

    pub(super) fn raise_floor(&mut self, epoch: EpochId, floor: u64) {
        let log = self.logs.entry(epoch).or_default();
        assert!(floor >= log.state.floor, "a floor never falls");
        let kept = log.known.split_off(&(floor, EntryId::from_bytes([0; 32])));
        for (_, id) in std::mem::replace(&mut log.known, kept).into_keys() {
            log.state.sum.subtract(&id);
        }
        log.state.floor = floor;
        log.state.intervals.remove_below(floor);
    }

    pub(super) fn known(&self, epoch: EpochId) -> BTreeSet<(u64, EntryId)> {
        self.logs.get(&epoch).map(|log| log.known.keys().copied().collect()).unwrap_or_default()
    }

    pub(super) fn kept(&self, epoch: EpochId, seq: u64, id: EntryId) -> Option<&Kept> {
        self.logs.get(&epoch)?.known.get(&(seq, id))
    }

    pub(super) fn seqs(&self, epoch: EpochId) -> BTreeSet<u64> {
        self.known(epoch).into_iter().map(|(seq, _)| seq).collect()
    }
}

fn ids_at(log: &EpochLog, seq: u64) -> Vec<EntryId> {
    let (least, most) = (EntryId::from_bytes([0; 32]), EntryId::from_bytes([0xff; 32]));
    log.known.range((seq, least)..=(seq, most)).map(|((_, id), _)| *id).collect()
}

fn shown(seq: u64, id: EntryId, kept: &Kept) -> Known {
    let held = match kept {
        Kept::Full(bytes) => Held::Full { header: bytes.header.clone(), body: bytes.body.clone() },
        Kept::Header(header) => Held::Header(header.clone()),
        Kept::Id => Held::Id,
    };
    Known { seq, id, held }
}

impl Ledger {
    fn count_reads(&self, entries: usize) {
        self.reads.set(self.reads.get() + entries);
    }
}

impl Log for Ledger {
    fn state(&self, epoch: &EpochId) -> Option<Cow<'_, LogState>> {
        self.logs.get(epoch).map(|log| Cow::Borrowed(&log.state))
    }

    fn sum_over(&self, epoch: &EpochId, lo: u64, hi: u64) -> Sum {
        let mut sum = Sum::ZERO;
        for (seq, id) in self.known(*epoch) {
            if (lo..=hi).contains(&seq) {
                self.count_reads(1);
                sum.add(&id);
            }
        }
        sum
    }

    fn ids(&self, epoch: &EpochId, lo: u64, hi: u64, limit: usize) -> Vec<(u64, EntryId)> {
        let known = self.known(*epoch).into_iter().rev();
        let found: Vec<_> = known.filter(|(seq, _)| (lo..=hi).contains(seq)).take(limit).collect();
        self.count_reads(found.len());
        found
    }

    fn entries(&self, epoch: &EpochId, lo: u64, hi: u64, bytes: usize) -> Vec<Known> {
        let Some(log) = self.logs.get(epoch) else { return Vec::new() };
        let (mut out, mut used, mut last): (Vec<Known>, usize, Option<u64>) = (Vec::new(), 0, None);
        let (least, most) = (EntryId::from_bytes([0; 32]), EntryId::from_bytes([0xff; 32]));
        for ((seq, id), kept) in log.known.range((lo, least)..=(hi, most)).rev() {
            let weight = match kept {
                Kept::Full(entry) => HEADER_LEN + entry.body.len(),
                _ => HEADER_LEN,
            };
            if last.is_some_and(|last| last != *seq) && used + 2 * weight > bytes {
                break;
            }
            used += weight;
            last = Some(*seq);
            out.push(shown(*seq, *id, kept));
        }
        self.count_reads(out.len());
        out
    }

    fn on_their_way(&self, epoch: &EpochId, _: Timestamp) -> IntervalSet {
        self.looks.set(self.looks.get() + 1);
        self.on_their_way.get(epoch).cloned().unwrap_or_default()
    }

    fn by_id(&self, id: &EntryId) -> Option<Known> {
        if !self.by_id.contains(id) {
            return None;
        }
        self.logs.values().find_map(|log| {
            log.known
                .iter()
                .find(|((_, known), _)| known == id)
                .map(|((seq, id), kept)| shown(*seq, *id, kept))
        })
    }
}

/// An epoch as a node holds it.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) number: usize,
    pub(super) author: usize,
    pub(super) class: Class,
    pub(super) open: bool,
    /// Nodes that the author's node says `Mine` to.
    pub(super) recipients: BTreeSet<usize>,
}

impl Keys {
    pub(super) fn new(number: usize, author: usize, class: Class, recipients: &[usize]) -> Self {
        Self { number, author, class, open: true, recipients: recipients.iter().copied().collect() }
    }

    fn scope(&self, owner: usize, peer: usize) -> Option<Scope> {
        let how = if self.author == owner {
            if !self.recipients.contains(&peer) {
                return None;
            }
            How::Mine
        } else {
            How::Tag { offer: true }
        };
        Some(Scope {
            epoch: epoch(self.number, self.author, self.class),
            how,
            open: self.open,
            peer_is_author: self.author == peer,
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) ledger: Ledger,
    pub(super) keys: Vec<Keys>,
}

/// A frame that was sent: its variant and length.
pub(super) type Trace = Vec<(u8, usize)>;

/// Two sessions and what is under way between them.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) nodes: [usize; 2],
    pub(super) sessions: [Session; 2],
    /// Frames on their way to each side.
    pub(super) wires: [VecDeque<Vec<u8>>; 2],
    /// What each side put out other than frames.
    pub(super) outputs: [Vec<Output>; 2],
    /// What each side sent.
    pub(super) traces: [Trace; 2],
    /// Entries each side sent, with the number of times.
    pub(super) entries: [BTreeMap<(EpochId, u64, EntryId), u32>; 2],
    pub(super) frames: [Vec<Vec<u8>>; 2],
    /// Whether frames count as taken only when delivered.
    pub(super) unsent: [usize; 2],
}

#[derive(Debug)]
pub(super) struct Net {
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    pub(super) now: Timestamp,
    sessions: u64,
    pub(super) seed: u64,
}

impl Net {
    pub(super) fn new(nodes: usize, seed: u64) -> Self {
        Self {
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            links: Vec::new(),
            now: Timestamp::from_millis(1_800_000_000_000),
            sessions: 0,
            seed,
        }
    }

    /// Two nodes, one epoch of the first that the second receives, one link.
    pub(super) fn pair(seed: u64) -> Self {
        let mut net = Self::new(2, seed);
        for node in &mut net.nodes {
            node.keys.push(Keys::new(0, 0, Class::Contact, &[1]));
        }
        net
    }

    fn session(&mut self, role: Role, ours: usize, theirs: usize) -> Session {
        self.sessions += 1;
        let mut session = Session::new(Config {
            role,
            our_node: node_id(ours),
            their_node: node_id(theirs),
            identity: format!("identity {ours}").into_bytes(),
            device: format!("device {ours}").into_bytes(),
            entropy: Entropy::from_number(self.seed.wrapping_mul(1_000_003).wrapping_add(self.sessions)),
        });
        let scopes: Vec<Scope> =
            self.nodes[ours].keys.iter().filter_map(|keys| keys.scope(ours, theirs)).collect();
        session.add_scopes(scopes, self.now);
        session
    }

    /// Opens a link; the first node opened the stream. Gives its number.
    pub(super) fn connect(&mut self, a: usize, b: usize) -> usize {
        let sessions = [self.session(Role::Initiator, a, b), self.session(Role::Responder, b, a)];
        self.links.push(Link {
            nodes: [a, b],
            sessions,
            wires: Default::default(),
            outputs: Default::default(),
            traces: Default::default(),
            entries: Default::default(),
            frames: Default::default(),
            unsent: [0; 2],
        });
        self.links.len() - 1
    }

    /// Cuts a link: what is under way is lost.
    pub(super) fn cut(&mut self, link: usize) -> Link {
        self.links.remove(link)
    }

    /// A node learns an epoch while links are up.
    pub(super) fn learn(&mut self, node: usize, keys: Keys) {
        self.nodes[node].keys.push(keys.clone());
        for link in &mut self.links {
            for side in 0..2 {
                if link.nodes[side] == node
                    && let Some(scope) = keys.scope(node, link.nodes[1 - side])
                {
                    link.sessions[side].add_scopes([scope], self.now);
                }
            }
        }
    }

    /// An author writes: into its own ledger, then to everybody connected.
    pub(super) fn write(&mut self, node: usize, bytes: &Bytes) {
        if self.nodes[node].ledger.take(bytes) != Taken::New {
            return;
        }
        for link in &mut self.links {
            for side in 0..2 {
                if link.nodes[side] == node {
                    link.sessions[side].push_entry(
                        &bytes.epoch(),
                        bytes.seq(),
                        &bytes.header,
                        &bytes.body,
                        self.now,
                    );
                }
            }
        }
    }

    /// Puts an entry into a ledger and tells nobody, as if it had been there before.
    pub(super) fn hold(&mut self, node: usize, bytes: &Bytes) {
        self.nodes[node].ledger.take(bytes);
    }

    fn announce(&mut self, node: usize, except: (usize, usize), epoch: EpochId, seq: u64) {
        for (number, link) in self.links.iter_mut().enumerate() {
            for side in 0..2 {
                if link.nodes[side] == node && (number, side) != except {
                    link.sessions[side].announce(&epoch, seq, self.now);
                }
            }
        }
    }

    /// Does what one side of a link wants done; true if anything came out.
    pub(super) fn drain(&mut self, link: usize, side: usize) -> bool {
        let mut is_any = false;
        loop {
            let node = self.links[link].nodes[side];
            let at = &mut self.links[link];
            let Some(output) = at.sessions[side].poll_output(self.now, &self.nodes[node].ledger) else {
                return is_any;
            };
            is_any = true;
            match output {
                Output::Send(frame) => {
                    assert!(frame.len() <= FRAME_LIMIT, "a frame of {} bytes", frame.len());
                    at.unsent[side] += frame.len();
                    assert!(at.unsent[side] <= UNSENT_LIMIT, "{} bytes unsent", at.unsent[side]);
                    at.traces[side].push((frame[1], frame.len()));
                    if let Ok(Some(Frame::Entry(entry))) = Frame::decode(&frame) {
                        let bytes = Bytes { header: entry.header, body: entry.body };
                        *at.entries[side].entry((bytes.epoch(), bytes.seq(), bytes.id())).or_default() += 1;
                    }
                    at.frames[side].push(frame.clone());
                    at.wires[1 - side].push_back(frame);
                }
                other => self.act(link, side, other),
            }
        }
    }

    fn act(&mut self, link: usize, side: usize, output: Output) {
        let node = self.links[link].nodes[side];
        let now = self.now;
        match &output {
            Output::PeerHello { .. } => self.links[link].sessions[side].accept_peer(now),
            Output::ClassDone(Class::Contact) => self.links[link].sessions[side].start_posts(now),
            Output::Entry { epoch, seq, header, body, .. } => {
                let taken =
                    self.nodes[node].ledger.take(&Bytes { header: header.clone(), body: body.clone() });
                self.judged(link, side, *epoch, *seq, taken);
            }
            Output::Gone { epoch, seq, id, header } => {
                let taken = match header {
                    Some(header) => self.nodes[node].ledger.take_header(header),
                    None => self.nodes[node].ledger.take_gone(*epoch, *seq, *id),
                };
                self.judged(link, side, *epoch, *seq, taken);
            }
            _ => {}
        }
        self.links[link].outputs[side].push(output);
    }

    fn judged(&mut self, link: usize, side: usize, epoch: EpochId, seq: u64, taken: Taken) {
        let node = self.links[link].nodes[side];
        let session = &mut self.links[link].sessions[side];
        match taken {
            Taken::New => {
                session.stored(&epoch, seq, self.now);
                self.announce(node, (link, side), epoch, seq);
            }
            Taken::Known => session.refused(&epoch, seq, true),
            Taken::Refused => session.refused(&epoch, seq, false),
        }
    }

    /// Hands the next frame to one side of a link; false if none is under way.
    pub(super) fn deliver(&mut self, link: usize, side: usize) -> bool {
        let at = &mut self.links[link];
        let Some(frame) = at.wires[side].pop_front() else { return false };
        at.sessions[1 - side].handle_sent(frame.len());
        at.unsent[1 - side] -= frame.len();
        let node = at.nodes[side];
        at.sessions[side].handle_frame(&frame, self.now, &self.nodes[node].ledger);
        self.drain(link, side);
        true
    }

    /// Delivers everything there is at this point in time. Gives the number of frames.
    pub(super) fn settle(&mut self) -> usize {
        let mut frames = 0;
        loop {
            let mut moved = false;
            for link in 0..self.links.len() {
                for side in 0..2 {
                    moved |= self.drain(link, side);
                    if self.deliver(link, side) {
                        moved = true;
                        frames += 1;
                    }
                }
            }
            assert!(frames < 1_000_000, "sessions do not come to rest");
            if !moved {
                return frames;
            }
        }
    }

    /// Lets time pass: everything settles, and wakes when it is due.
    pub(super) fn elapse(&mut self, ms: u64) {
        let end = self.now.plus_ms(ms);
        loop {
            self.settle();
            let next =
                self.links.iter().flat_map(|link| &link.sessions).filter_map(Session::next_wakeup).min();
            match next.filter(|at| *at <= end) {
                Some(at) => {
                    self.now = at.max(self.now);
                    self.wake();
                }
                None => break,
            }
        }
        self.now = end;
    }

    pub(super) fn wake(&mut self) {
        for link in &mut self.links {
            for session in &mut link.sessions {
                if session.next_wakeup().is_some_and(|at| at <= self.now) {
                    session.handle_wakeup(self.now);
                }
            }
        }
    }

    pub(super) fn faults(&self) -> Vec<&Fault> {
        let outputs = self.links.iter().flat_map(|link| link.outputs.iter().flatten());
        outputs
            .filter_map(|output| if let Output::Fault(fault) = output { Some(fault) } else { None })
            .collect()
    }

    pub(super) fn bytes_sent(&self) -> usize {
        self.links.iter().flat_map(|link| link.traces.iter().flatten()).map(|(_, len)| len).sum()
    }
}
