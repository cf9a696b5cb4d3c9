//! The machine that is a node: friends, audiences, moments, sessions, composed of the protocols' machines.
//!
//! It owns no socket, clock, thread or randomness but what it was handed; every run can be replayed.
//!
//! # The contract
//! Four kinds of method, after quinn's manner:
//! - **what the world did**: [`Service::handle`] (an event of the network), [`Service::wake`] (time passed);
//! - **what the person wants**: a verb each (`post`, `like`, `tag_add`, …), answered at once by a value or an
//!   [`Error`];
//! - **what to do next**: after any of these, [`Service::commit`], then [`Service::poll_output`] until `None`;
//! - **when to call again at the latest**: [`Service::next_wakeup`].
//!
//! # Commit, then speak
//! A step changes memory and collects writes and outputs. `commit` applies the writes as one batch, waits for a barrier
//! where the step made a promise that must survive a power cut (a minted epoch, a change of recipients, a reserved
//! block, records, burnt invites), and only then lets the outputs go. A verb whose answer is itself a promise ("posted")
//! says so through [`Commit::answer_after_barrier`]; the shell flushes on a thread of its own and many answers share one
//! barrier. If the disk is full the step is undone, memory is read back from the store, and the node lives.
//!
//! A remote cannot make `handle` fail: what a peer does wrong ends its session and nobody else's.
//!
//! ```text
//!  people      befriend     publish    react     receive    deliver      wants     timeline   maintain
//!  friends,    invites,     rule →     likes,    entries    parcels,     blobs     pages,     timers,
//!  tags        pairing      epoch →    comments  in, apply  couriers,    to fetch  moments    redial
//!                           entry                           owed         and serve
//!                 └──────────── sessions: connections, sync, mail, pair streams ────────────┘
//! ```
//!
//! Source: docs/protocol.md 3.3–3.15; docs/adr/0001-sans-io-core.md.

mod ahead;
mod album;
mod attempts;
mod befriend;
mod bodies;
mod checks;
mod couriers;
mod deliver;
mod drafts;
mod dropped;
mod exchange;
mod expire;
mod fresh;
#[cfg(feature = "furnish")]
mod furnish;
mod held;
mod hides;
mod introduce;
mod maintain;
mod marks;
mod media;
mod mute;
mod notices;
mod orphans;
mod pages;
mod parcels;
mod parting;
mod peer_log;
mod people;
mod privacy;
mod publish;
mod quota;
mod react;
mod readers;
mod recalls;
mod receipts;
mod receive;
mod rules;
mod scopes;
mod search;
mod sessions;
mod settings;
mod share;
pub mod state;
mod status;
mod strangers;
#[cfg(test)]
mod testing;
mod timeline;
mod turns;
mod tx;
mod view_as;
mod wants;
mod who;
mod words;

pub use befriend::Redeeming;
pub use checks::{Check, Checked, ReadyKeys};
pub use fresh::{Begun, Signed, Unsigned};
pub use pages::Reading;
pub use wants::BlobReading;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::audience::{Dot, Op, People, Seen, TagId};
use crate::crypto::Entropy;
use crate::error::Error;
use crate::id::{EpochId, UserId};
use crate::identity::Keyring;
use crate::link;
use crate::pair::Invites;
use crate::store::{Batch, Reservations, SeqFile, Store, StoreError, Tree};
use crate::sync::LogState;
use crate::time::Timestamp;
use crate::view;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};
use state::{
    AudienceRecord, Bond, EpochRecord, FaceRecord, Friend, Introductions, InviteRecord, Me, OpRecord,
    PendingPair, StatusRecord, TagRecord,
};
use tx::Tx;

/// Where reserved numbers are written down a second time, outside the store (docs/protocol.md 3.13).
pub trait SecondBook: Send {
    /// Keeps them. Durable when it returns.
    ///
    /// # Errors
    /// [`StoreError`]: then none of the new numbers may be used.
    fn write(&mut self, reservations: &Reservations) -> Result<(), StoreError>;
}

impl SecondBook for SeqFile {
    fn write(&mut self, reservations: &Reservations) -> Result<(), StoreError> {
        Self::write(self, reservations)
    }
}

/// What a service is opened with.
pub struct Parts {
    /// The keys of this installation.
    pub keyring: Keyring,
    /// What it keeps.
    pub store: Arc<dyn Store>,
    /// The second book of reserved numbers.
    pub book: Box<dyn SecondBook>,
    /// What that book says.
    pub beside: Option<Reservations>,
    /// Randomness.
    pub entropy: Entropy,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("user", &self.keyring.user()).finish_non_exhaustive()
    }
}

/// The record of reserved numbers.
const RESERVED_KEY: &[u8] = b"reserved";

/// What the shell is asked to do, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Something for the network.
    Network(link::Order),
    /// Something for whoever listens.
    Event(view::Event),
    /// A blob that nothing names any more: remove its file.
    RemoveBlob(crate::id::BlobId),
}

/// What a commit did, and what is still to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Commit {
    /// The answer of the step may be given only after a barrier.
    pub answer_after_barrier: bool,
}

/// Everything the service knows, as the store has it.
#[derive(Debug)]
struct State {
    me: Me,
    friends: BTreeMap<UserId, Friend>,
    tags: BTreeMap<TagId, TagRecord>,
    people: People,
    /// How many changes were made to people.
    ops: u64,
    audiences: BTreeMap<u32, AudienceRecord>,
    epochs: BTreeMap<EpochId, EpochRecord>,
    logs: BTreeMap<EpochId, LogState>,
    /// What is kept of each epoch.
    usage: BTreeMap<EpochId, quota::Usage>,
    invites: Invites,
    pending: BTreeMap<UserId, PendingPair>,
    /// Of friends, former friends and blocked people: what the friend record does not say.
    bonds: BTreeMap<UserId, Bond>,
    introductions: Introductions,
    /// The newest status of each person.
    statuses: BTreeMap<UserId, StatusRecord>,
    /// The pictures of each person's newest profile.
    faces: BTreeMap<UserId, FaceRecord>,
    /// What came of attempts at sharing, by their hash.
    attempts: BTreeMap<[u8; 32], attempts::AttemptRecord>,
}

/// A node, without its sockets.
pub struct Service {
    keyring: Keyring,
    state: State,
    tx: Tx,
    book: Box<dyn SecondBook>,
    reservations: Reservations,
    /// Numbers were reserved by this step: they are written down a second time behind its barrier.
    is_reserving: bool,
    /// Epochs that the step closes: their numbers are forgotten once it stands, never before.
    closing: Vec<EpochId>,
    entropy: Entropy,
    now: Timestamp,
    net: sessions::Net,
    mail: deliver::MailRoom,
    wants: wants::Wants,
    threads: orphans::Threads,
    hides: hides::Hides,
    notices: notices::Notices,
    quota: quota::Quota,
    marks: marks::Marks,
    index: album::Index,
    readers: readers::Readers,
    recalls: recalls::Recalls,
    ahead: ahead::Ahead,
    bodies: bodies::Bodies,
    /// What was checked ahead of its turn.
    checks: checks::Checks,
    timers: maintain::Timers,
    /// Outputs of the step, let go by its commit.
    held: Vec<Output>,
    outputs: VecDeque<Output>,
    barrier_before_output: bool,
    answer_after_barrier: bool,
    event_number: u64,
    /// The epoch that was written under last.
    chosen: Option<fresh::Chosen>,
    /// How often an epoch was changed or forgotten since the start.
    epoch_changes: u64,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("user", &self.keyring.user())
            .field("friends", &self.state.friends.len())
            .field("epochs", &self.state.epochs.len())
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Opens what a store holds.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read, or holds no person.
    ///
    /// # Cost
    /// Reads friends, tags, audiences and epochs; no moment.
    pub fn new(parts: Parts, now: Timestamp) -> Result<Self, StoreError> {
        let Parts { keyring, store, book, beside, entropy } = parts;
        let state = load(&store)?;
        let mut service = Self {
            keyring,
            state,
            tx: Tx::new(store),
            book,
            reservations: Reservations::default(),
            is_reserving: false,
            closing: Vec::new(),
            entropy,
            now,
            net: sessions::Net::default(),
            mail: deliver::MailRoom::default(),
            wants: wants::Wants::default(),
            threads: orphans::Threads::default(),
            hides: hides::Hides::default(),
            notices: notices::Notices::default(),
            quota: quota::Quota::default(),
            marks: marks::Marks::default(),
            index: album::Index::default(),
            readers: readers::Readers::default(),
            recalls: recalls::Recalls::default(),
            ahead: ahead::Ahead::default(),
            bodies: bodies::Bodies::default(),
            checks: checks::Checks::default(),
            timers: maintain::Timers::default(),
            held: Vec::new(),
            outputs: VecDeque::new(),
            barrier_before_output: false,
            answer_after_barrier: false,
            event_number: 0,
            chosen: None,
            epoch_changes: 0,
        };
        service.begin(beside.as_ref())?;
        service.commit().map_err(|error| match error {
            CommitError::Undone(error) | CommitError::Broken(error) => error,
        })?;
        Ok(service)
    }

    /// Writes the records of a new person into an empty store: what [`Service::new`] needs.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses.
    pub fn create(store: &dyn Store, me: &Me) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.insert(Tree::State, *b"m", me.encode());
        store.apply(batch)?;
        store.barrier()
    }

    /// An event of the network came.
    ///
    /// # Errors
    /// [`StoreError`] for our own disk alone; a peer cannot cause one.
    pub fn handle(&mut self, event: link::Event, now: Timestamp) -> Result<(), StoreError> {
        self.now = now;
        self.on_event(event)
    }

    /// Time passed.
    ///
    /// # Errors
    /// [`StoreError`] for our own disk alone.
    pub fn wake(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.now = now;
        self.on_wake()
    }

    /// Tells the time before a verb is called.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Ends a step: its writes are applied as one, then its outputs can be polled.
    ///
    /// # Errors
    /// [`CommitError::Undone`] if the disk is full: nothing of the step happened. [`CommitError::Broken`] if the store
    /// cannot go on: the shell stops.
    pub fn commit(&mut self) -> Result<Commit, CommitError> {
        if let Err(error) = self.settle() {
            return Err(self.undo(error));
        }
        if let Err(error) = self.keep_reservations() {
            return Err(self.undo(error));
        }
        if !self.tx.is_empty() {
            let batch = self.tx.take();
            if let Err(error) = self.tx.store().apply(batch) {
                return Err(self.undo(error));
            }
            // From here on the step has happened, whatever the disk says: it cannot be taken back any more.
            if self.barrier_before_output {
                self.tx.store().barrier().map_err(CommitError::Broken)?;
            }
        }
        for epoch in self.closing.drain(..) {
            self.reservations.forget(&epoch);
        }
        self.barrier_before_output = false;
        self.checks.clear();
        self.net.keep_step();
        self.outputs.extend(self.held.drain(..));
        Ok(Commit { answer_after_barrier: std::mem::take(&mut self.answer_after_barrier) })
    }

    /// Numbers are reserved before anything that bears one is kept: first in the store, for good, then in a file of its
    /// own (docs/protocol.md 3.13). If either refuses, nothing of the step has happened but a gap.
    fn keep_reservations(&mut self) -> Result<(), StoreError> {
        if !std::mem::take(&mut self.is_reserving) {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.insert(Tree::Meta, RESERVED_KEY, self.reservations.encode());
        self.tx.store().apply(batch)?;
        self.tx.store().barrier()?;
        self.book.write(&self.reservations)
    }

    /// Forgets the step that is under way: a verb failed half-way, or its batch did not fit the disk. Memory is what the
    /// store says again.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read back.
    pub fn abandon(&mut self) -> Result<(), StoreError> {
        self.tx.undo();
        self.ahead.undone();
        self.bodies.undone();
        self.chosen = None;
        self.checks.clear();
        self.held.clear();
        self.barrier_before_output = false;
        self.answer_after_barrier = false;
        self.is_reserving = false;
        self.closing.clear();
        self.threads = orphans::Threads::default();
        self.state = load(self.tx.store())?;
        self.load_quota();
        self.load_index()?;
        self.load_marks()?;
        self.wants = wants::Wants::default();
        self.load_wants()?;
        // Epochs that the step minted are none, and numbers it took are gaps.
        let epochs = &self.state.epochs;
        self.reservations.retain(|epoch| epochs.contains_key(epoch));
        for epoch in self.state.epochs.values_mut() {
            let end = self.reservations.end(&epoch.id);
            if let Some(own) = &mut epoch.own {
                own.numbers = state::Numbers { reserved: end, next: end, ..state::Numbers::default() };
            }
        }
        self.load_mail()?;
        self.load_readers()?;
        self.load_recalls()?;
        self.load_held()?;
        self.load_hides()?;
        self.load_notices()?;
        self.net.forget_step();
        self.end_parted();
        // What the shell was to be told of friends and pairing may have been among what is forgotten.
        self.admit();
        self.update_pairing();
        Ok(())
    }

    /// Forgets the step if it has changed anything.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read back.
    pub fn abandon_if_dirty(&mut self) -> Result<(), StoreError> {
        if self.tx.is_empty() && self.held.is_empty() { Ok(()) } else { self.abandon() }
    }

    /// What to do next; `None` when there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The store, for readers and for barriers on another thread.
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.tx.store())
    }

    fn undo(&mut self, error: StoreError) -> CommitError {
        let full = error.is_full();
        // Sessions may have been promised what was not kept: they begin anew.
        let hangups = self.hangup_all();
        match self.abandon() {
            Ok(()) if full => {
                self.outputs.extend(hangups.into_iter().map(Output::Network));
                self.outputs.extend(self.held.drain(..));
                CommitError::Undone(error)
            }
            _ => CommitError::Broken(error),
        }
    }

    fn order(&mut self, order: link::Order) {
        self.held.push(Output::Network(order));
    }

    fn emit(&mut self, what: view::Happening) {
        self.event_number = self.event_number.saturating_add(1);
        let event = view::Event { number: self.event_number, at: self.now, what };
        self.held.push(Output::Event(event));
    }

    fn me(&self) -> UserId {
        self.keyring.user()
    }

    /// Whether strangers may pair hangs on friends, invites and pending pairs.
    const fn note_pairing(&mut self, kind: u8) {
        if matches!(kind, b'f' | b'i' | b'p') {
            self.net.is_pairing_known = false;
        }
    }

    fn save_state(&mut self, kind: u8, id: &[u8], record: &impl Encode) {
        self.note_pairing(kind);
        let key = tx::key(&[&[kind], id]);
        self.tx.put_record(Tree::State, &key, record);
    }

    fn remove_state(&mut self, kind: u8, id: &[u8]) {
        self.note_pairing(kind);
        let key = tx::key(&[&[kind], id]);
        self.tx.remove(Tree::State, &key);
    }

    fn save_me(&mut self) {
        let record = self.state.me.clone();
        self.save_state(b'm', &[], &record);
    }

    fn save_friend(&mut self, user: &UserId) {
        self.note_pairing(b'f');
        if let Some(record) = self.state.friends.get(user) {
            let bytes = record.encode();
            self.tx.put(Tree::State, &tx::key(&[b"f", user.as_bytes()]), bytes);
        }
    }

    fn save_epoch(&mut self, id: &EpochId) {
        self.epoch_changes = self.epoch_changes.saturating_add(1);
        if let Some(record) = self.state.epochs.get(id) {
            let bytes = record.encode();
            self.tx.put(Tree::State, &tx::key(&[b"e", id.as_bytes()]), bytes);
        }
    }

    fn save_log(&mut self, id: &EpochId) {
        if let Some(record) = self.state.logs.get(id) {
            let usage = self.state.usage.get(id).copied().unwrap_or_default();
            let bytes = StoredLog { log: record.clone(), usage }.encode();
            self.tx.put(Tree::State, &tx::key(&[b"l", id.as_bytes()]), bytes);
        }
    }

    fn save_pending(&mut self, user: &UserId) {
        self.note_pairing(b'p');
        if let Some(record) = self.state.pending.get(user) {
            let bytes = record.encode();
            self.tx.put(Tree::State, &tx::key(&[b"p", user.as_bytes()]), bytes);
        }
    }
}

/// Why a commit did not happen.
#[derive(Debug)]
pub enum CommitError {
    /// The disk is full: the step was undone, the node goes on.
    Undone(StoreError),
    /// The store cannot go on.
    Broken(StoreError),
}

/// Says a failure of the store to a person.
pub fn store_error(error: &StoreError) -> Error {
    match error {
        StoreError::Full { .. } => {
            Error::refused("disk_full", error.to_string(), "make room on the disk; nothing was changed")
        }
        StoreError::Damaged(_) => Error::failed(
            "store_damaged",
            error.to_string(),
            "the rest stays readable; copy the home before you try anything else",
        ),
        _ => Error::failed("store_failed", error.to_string(), "look at the disk and at the home's rights"),
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        store_error(&error)
    }
}

/// What is known of an epoch, and how much of it is kept.
struct StoredLog {
    log: LogState,
    usage: quota::Usage,
}

impl Encode for StoredLog {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.usage.entries).u64(self.usage.bytes).value(&self.log);
    }
}

impl Decode for StoredLog {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let usage = quota::Usage { entries: input.u64()?, bytes: input.u64()? };
        Ok(Self { log: input.value()?, usage })
    }
}

/// Reads all records of the state tree.
fn load(store: &Arc<dyn Store>) -> Result<State, StoreError> {
    let tx = Tx::new(Arc::clone(store));
    let me = tx
        .record(Tree::State, b"m")?
        .ok_or_else(|| tx::damaged(Tree::State, b"m", "the store holds no person"))?;
    let mut state = State {
        me,
        friends: BTreeMap::new(),
        tags: BTreeMap::new(),
        people: People::new(),
        ops: 0,
        audiences: BTreeMap::new(),
        epochs: BTreeMap::new(),
        logs: BTreeMap::new(),
        usage: BTreeMap::new(),
        invites: Invites::new(),
        pending: BTreeMap::new(),
        bonds: BTreeMap::new(),
        introductions: Introductions::default(),
        statuses: BTreeMap::new(),
        faces: BTreeMap::new(),
        attempts: BTreeMap::new(),
    };
    tx.each(Tree::State, &[], &mut |key, value| {
        let (kind, id) = key.split_first().map_or((0, key), |(kind, id)| (*kind, id));
        let mut id = Reader::new(id);
        let bad = |_| tx::damaged(Tree::State, key, "the key is not one of ours");
        match kind {
            b'f' => {
                drop(state.friends.insert(id.value().map_err(bad)?, tx::decode(Tree::State, key, value)?))
            }
            b't' => {
                drop(state.tags.insert(TagId(id.u32().map_err(bad)?), tx::decode(Tree::State, key, value)?))
            }
            b'a' => {
                drop(state.audiences.insert(id.u32().map_err(bad)?, tx::decode(Tree::State, key, value)?))
            }
            b'e' => drop(state.epochs.insert(id.value().map_err(bad)?, tx::decode(Tree::State, key, value)?)),
            b'l' => {
                let epoch: EpochId = id.value().map_err(bad)?;
                let record: StoredLog = tx::decode(Tree::State, key, value)?;
                state.logs.insert(epoch, record.log);
                state.usage.insert(epoch, record.usage);
            }
            b'i' => {
                let record: InviteRecord = tx::decode(Tree::State, key, value)?;
                // One too many can only be an old one: it is left to expire on the disk.
                let _ = state.invites.add(record.0);
            }
            b'p' => {
                drop(state.pending.insert(id.value().map_err(bad)?, tx::decode(Tree::State, key, value)?))
            }
            b'b' => drop(state.bonds.insert(id.value().map_err(bad)?, tx::decode(Tree::State, key, value)?)),
            b'd' => {
                let what = id.u8().map_err(bad)?;
                let (id, all) = (id.value().map_err(bad)?, &mut state.introductions);
                if what == b'm' {
                    all.made.insert(id, tx::decode(Tree::State, key, value)?);
                } else {
                    all.heard.insert(id, tx::decode(Tree::State, key, value)?);
                }
            }
            b'c' => Service::load_word(&mut state, key, value)?,
            b'j' => {
                let attempt = id.array().map_err(bad)?;
                state.attempts.insert(attempt, tx::decode(Tree::State, key, value)?);
            }
            b'o' => {
                let number = id.u64().map_err(bad)?;
                let record: OpRecord = tx::decode(Tree::State, key, value)?;
                apply_op(&mut state.people, &record.0, number);
                state.ops = state.ops.max(number.saturating_add(1));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(state)
}

/// Takes a change in that was written as the `number`th by this device, which had seen all before it.
fn apply_op(people: &mut People, op: &Op, number: u64) {
    // The place of a device's own list of changes until `~self` carries it among several.
    let epoch = EpochId::from_bytes([0; 16]);
    let mut seen = Seen::new();
    if let Some(last) = number.checked_sub(1) {
        seen.note(Dot { epoch, seq: last });
    }
    people.apply(op, Dot { epoch, seq: number }, &seen);
}
