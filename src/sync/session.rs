//! One session: what stands between the frames of one peer and the owner's logs.
//!
//! The parts lie beside each other and share [`Session`]'s state: `matching` finds common epochs, `reconcile` compares
//! logs, `groups` many of them at once, `fetch` asks and takes in, `serve` answers and announces. Nothing that a peer causes is queued without bound:
//! a frame that calls for an answer sets a mark on its scope, and the answer is made when there is credit for it, from
//! what is true then. So a flood of questions is answered once.
//!
//! Source: docs/protocol.md 3.7, 3.8.

mod fetch;
mod groups;
mod matching;
mod reconcile;
mod scope;
mod serve;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::frame::{ByeReason, FEATURES, Frame, Hello};
use super::interval::IntervalSet;
use super::log::{HEADER_LEN, Log};
use crate::crypto::Entropy;
use crate::crypto::keys::{Role, SessionBinding};
use crate::id::{EntryId, EpochId, NodeId, UserId};
use crate::limits::{FRAME_LIMIT, UNSENT_LIMIT};
use crate::time::Timestamp;
use crate::wire::DecodeError;
use scope::ScopeState;
pub use scope::{Class, Epoch, How, Scope};

/// What a session must be told at its beginning.
#[derive(Debug)]
pub struct Config {
    /// Whether we opened the stream.
    pub role: Role,
    /// Our node key.
    pub our_node: NodeId,
    /// The peer's node key, as the transport proved it.
    pub their_node: NodeId,
    /// Our IdentityRecord, as signed.
    pub identity: Vec<u8>,
    /// Our DeviceRecord, as signed.
    pub device: Vec<u8>,
    /// Randomness of this session alone: nonce, padding, times of rounds.
    pub entropy: Entropy,
}

/// What comes out of a session, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this frame (without its length).
    Send(Vec<u8>),
    /// The peer's Hello: to be answered by [`Session::accept_peer`] or [`Session::close`] before the next frame is
    /// handed in.
    PeerHello {
        /// Feature bits.
        features: u32,
        /// The peer's IdentityRecord, not verified.
        identity: Vec<u8>,
        /// The peer's DeviceRecord, not verified.
        device: Vec<u8>,
    },
    /// The peer holds this epoch, by tag or by `Mine`. Comes once per scope.
    Matched {
        /// The epoch.
        epoch: EpochId,
    },
    /// The first exchange of tags of a class is over on both sides. After [`Class::Contact`] the owner adds the post
    /// scopes of mutual friends and calls [`Session::start_posts`].
    ClassDone(Class),
    /// An entry came. To be answered by [`Session::stored`] or [`Session::refused`].
    Entry {
        /// The epoch its header names; if not granted, that of a scope of this session.
        epoch: EpochId,
        /// The number its header names.
        seq: u64,
        /// Header with signature, not verified.
        header: Box<[u8; HEADER_LEN]>,
        /// Sealed body, not verified.
        body: Vec<u8>,
        /// Sent without a scope: counts only for an epoch of which the peer is the author's or an own device.
        granted: bool,
    },
    /// The peer knows an entry and does not keep or serve it. To be answered as [`Output::Entry`]: `stored` if the
    /// header verifies or the author's tombstone is in hand, else `refused`.
    Gone {
        /// The epoch.
        epoch: EpochId,
        /// The number.
        seq: u64,
        /// The id; computed from the header where that came.
        id: EntryId,
        /// The header, not verified.
        header: Option<Box<[u8; HEADER_LEN]>>,
    },
    /// The peer has these entries of an epoch that we offered by `Mine`.
    PeerHas {
        /// The epoch.
        epoch: EpochId,
        /// Numbers, some of which may have been reported before.
        seqs: IntervalSet,
    },
    /// Both sides know the same above the higher floor. Comes again after each change.
    InSync {
        /// The epoch.
        epoch: EpochId,
    },
    /// The peer broke the protocol.
    Fault(Fault),
    /// The session is over; nothing comes after this.
    Closed {
        /// What the peer gave as reason, if it ended the session.
        theirs: Option<ByeReason>,
    },
}

/// A breach of the protocol by the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What it did.
    pub kind: FaultKind,
    /// How much it weighs.
    pub severity: Severity,
}

/// The weight of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Could be a mistake: counted, the frame is dropped, the session lives.
    Low,
    /// Cannot happen with an honest peer: the session is over.
    High,
}

/// The ways to break the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The bytes are not a frame.
    #[error("not a frame: {0}")]
    Decode(#[from] DecodeError),
    /// Another frame before Hello.
    #[error("a frame before Hello")]
    NotGreeted,
    /// Hello twice.
    #[error("a second Hello")]
    GreetedTwice,
    /// A handle that was never given out.
    #[error("unknown handle {handle}")]
    UnknownHandle {
        /// The handle.
        handle: u32,
    },
    /// A handle of our own parity, or one that means something else already.
    #[error("handle {handle} is not the peer's to give")]
    BadHandle {
        /// The handle.
        handle: u32,
    },
    /// Matched without Tags.
    #[error("an answer to tags that were not shown")]
    MatchedUnasked,
    /// A match of padding, or with a tag that is not the answerer's own.
    #[error("a match that is not proven")]
    MatchedFalse,
    /// More tags, or rounds of them, than allowed.
    #[error("too many tags")]
    TooManyTags,
    /// A later round that is not of exactly 64.
    #[error("a round of {tags} tags")]
    OddRound {
        /// How many there were.
        tags: usize,
    },
    /// Tags stay unanswered.
    #[error("tags were not answered")]
    TagsUnanswered,
    /// More epochs than a session may hold.
    #[error("too many epochs")]
    TooManyEpochs,
    /// More asked for than may be outstanding.
    #[error("too much asked for")]
    TooMuchWanted,
    /// An entry of another epoch or number than the frame says.
    #[error("an entry in the wrong place")]
    WrongPlace,
    /// More entries than asked for, faster than they can be judged.
    #[error("too many entries unasked")]
    TooManyPushed,
}

/// Where the session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Our Hello is out, the peer's has not come.
    Greeting,
    /// The peer's Hello came; the owner judges it.
    Judging,
    /// The owner accepted the peer.
    Open,
    /// Over.
    Closed,
}

/// A session on one sync stream.
///
/// # Contract
/// Feed what happens with `handle_*` and the owner's decisions with the other methods, each with the present time;
/// after *every* call drain [`Session::poll_output`] until it gives `None`. Call [`Session::handle_wakeup`] not later
/// than [`Session::next_wakeup`]. No method blocks, reads a clock or draws randomness of its own; two sessions given
/// the same calls give the same outputs. Nothing the peer sends makes a method fail: faults are outputs.
///
/// `stored` and `refused` are for the session an entry came from; `announce` (or `push_entry`, for fresh own ones) for
/// all others.
#[derive(Debug)]
pub struct Session {
    role: Role,
    our_node: NodeId,
    their_node: NodeId,
    our_nonce: [u8; 32],
    /// Known once the peer's Hello is here.
    binding: Option<SessionBinding>,
    /// The bits of the peer's Hello; none before it came.
    their_features: u32,
    phase: Phase,
    /// Padding and order of tags.
    pads: Entropy,
    /// Times of rounds: apart, so that they do not depend on how much padding was needed (I7).
    timing: Entropy,
    /// Everything that can be shared with this peer.
    scopes: scope::Scopes,
    /// Those that matched, by author: what one match allows is found without looking at everybody's.
    matched_of: BTreeSet<(UserId, EpochId)>,
    /// Authors of whom an open `~contact` matched. Asked of every session for every friend who is away.
    met: BTreeSet<UserId>,
    /// Handles of both sides. A scope that was closed leaves its handles, which then mean nothing.
    handles: BTreeMap<u32, EpochId>,
    next_handle: u32,
    /// Handles the peer gave out, bounded by `SCOPE_LIMIT`.
    their_handles: usize,
    /// Authors of whom an open epoch matched (docs/protocol.md 3.8(4)).
    open_authors: BTreeSet<UserId>,
    matching: matching::Matching,
    early: fetch::Early,
    fetch: fetch::Fetch,
    serve: serve::Serve,
    /// Scopes with a Digest, Have, Ids or Head to send.
    due: BTreeSet<(Class, EpochId)>,
    /// Scopes whose comparing goes on when more may be read.
    paused: BTreeSet<(Class, EpochId)>,
    work: reconcile::Work,
    groups: groups::Groups,
    /// Scopes that will say their Digest at a time.
    digest_timers: BTreeSet<(Timestamp, EpochId)>,
    /// For the owner.
    outputs: VecDeque<Output>,
    /// Frames that are made already: greetings, matches, pushed entries. In order, before anything else.
    urgent: VecDeque<Vec<u8>>,
    urgent_bytes: usize,
    /// Bytes handed out and not yet taken by the transport.
    unsent: usize,
}

impl Session {
    /// A session on a stream that was just opened. The first output is our Hello.
    pub fn new(config: Config) -> Self {
        let Config { role, our_node, their_node, identity, device, mut entropy } = config;
        let our_nonce = entropy.bytes();
        let hello = Frame::Hello(Hello { nonce: our_nonce, features: FEATURES, identity, device });
        let mut session = Self {
            role,
            our_node,
            their_node,
            our_nonce,
            binding: None,
            their_features: 0,
            phase: Phase::Greeting,
            pads: entropy.split(),
            timing: entropy.split(),
            scopes: scope::Scopes::default(),
            matched_of: BTreeSet::new(),
            met: BTreeSet::new(),
            handles: BTreeMap::new(),
            next_handle: match role {
                Role::Initiator => 0,
                Role::Responder => 1,
            },
            their_handles: 0,
            open_authors: BTreeSet::new(),
            matching: matching::Matching::default(),
            early: fetch::Early::default(),
            fetch: fetch::Fetch::default(),
            serve: serve::Serve::default(),
            due: BTreeSet::new(),
            paused: BTreeSet::new(),
            work: reconcile::Work::default(),
            groups: groups::Groups::default(),
            digest_timers: BTreeSet::new(),
            outputs: VecDeque::new(),
            urgent: VecDeque::new(),
            urgent_bytes: 0,
            unsent: 0,
        };
        session.send_urgent(&hello);
        session
    }

    /// A frame came. `log` is the owner's view for this peer.
    pub fn handle_frame(&mut self, bytes: &[u8], now: Timestamp, log: &dyn Log) {
        if self.phase == Phase::Closed {
            return;
        }
        if self.phase == Phase::Open && !self.is_understood(Frame::feature(bytes)) {
            // Whoever does not read such a frame says none: it is one of another program.
            return;
        }
        let frame = match Frame::decode(bytes) {
            Ok(Some(frame)) => frame,
            Ok(None) if self.phase == Phase::Open => return,
            Ok(None) => return self.fault(FaultKind::NotGreeted, Severity::High),
            Err(error) => return self.fault(FaultKind::Decode(error), Severity::High),
        };
        match (self.phase, frame) {
            (Phase::Greeting, Frame::Hello(hello)) => self.on_hello(hello),
            (_, Frame::Bye(reason)) => self.finish(Some(reason)),
            (_, Frame::Hello(_)) => self.fault(FaultKind::GreetedTwice, Severity::High),
            (Phase::Open, frame) => self.on_frame(frame, now, log),
            _ => self.fault(FaultKind::NotGreeted, Severity::High),
        }
    }

    /// The transport took `bytes` of frames: that much more may be handed out.
    pub const fn handle_sent(&mut self, bytes: usize) {
        self.unsent = self.unsent.saturating_sub(bytes);
    }

    /// The time of [`Session::next_wakeup`] has come.
    pub fn handle_wakeup(&mut self, now: Timestamp) {
        if self.phase != Phase::Open {
            return;
        }
        self.work.settle(now);
        self.run_rounds(now);
        self.expire_early(now);
        self.run_fetch_timeout(now);
        self.run_digest_timers(now);
        self.groups.run_waiting(now);
    }

    /// When [`Session::handle_wakeup`] must be called at the latest.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        if self.phase != Phase::Open {
            return None;
        }
        [
            self.matching.next_round(),
            self.early.next_expiry(),
            self.fetch.timeout_at(),
            self.resumes_at(),
            self.digest_timers.first().map(|&(at, _)| at),
            self.groups.waits_until(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What to do next, oldest first; `None` when there is nothing, or no credit to send it.
    pub fn poll_output(&mut self, now: Timestamp, log: &dyn Log) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if let Some(frame) = self.pop_urgent() {
                return Some(Output::Send(frame));
            }
            // A step makes at most one frame's worth beyond what it measures itself.
            let has_room = self.unsent.saturating_add(FRAME_LIMIT) <= UNSENT_LIMIT;
            if self.phase != Phase::Open || !self.urgent.is_empty() || !has_room {
                return None;
            }
            let stepped = self.step_reconcile(now, log)
                || self.step_want_ids(now)
                || self.step_want(now, log)
                || self.step_serve_ids(log)
                || self.step_serve(log);
            if !stepped {
                return None;
            }
        }
    }

    /// The owner verified the peer's Hello: the session is a friend's or an own device's. `Mine` goes out for the
    /// scopes added so far, and the exchange of tags begins.
    pub fn accept_peer(&mut self, now: Timestamp) {
        if self.phase != Phase::Judging {
            return;
        }
        self.phase = Phase::Open;
        self.begin_matching(now);
    }

    /// Ends the session, saying why.
    pub fn close(&mut self, reason: ByeReason) {
        if self.phase != Phase::Closed {
            self.urgent.clear();
            self.urgent_bytes = 0;
            self.send_urgent(&Frame::Bye(reason));
            self.finish(None);
        }
    }

    /// Whether nothing more will come of this session.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Whether the peer is known to hold this epoch.
    pub fn is_matched(&self, epoch: &EpochId) -> bool {
        self.scopes.get(epoch).is_some_and(ScopeState::is_matched)
    }

    /// Whether an open `~contact` of this person has matched: they and the peer are friends.
    pub fn has_met(&self, author: &UserId) -> bool {
        self.met.contains(author)
    }

    /// Something of a `~contact` of theirs has changed: whether they and the peer are friends.
    fn look_whether_met(&mut self, author: UserId) {
        let is_open_contact =
            |state: &ScopeState| state.scope.open && state.scope.epoch.class == Class::Contact;
        if self.matched_of(&author).filter_map(|epoch| self.scopes.get(&epoch)).any(is_open_contact) {
            self.met.insert(author);
        } else {
            self.met.remove(&author);
        }
    }

    /// Epochs of one author that matched.
    fn matched_of(&self, author: &UserId) -> impl Iterator<Item = EpochId> {
        let (first, last) = (EpochId::from_bytes([0; 16]), EpochId::from_bytes([0xff; 16]));
        self.matched_of.range((*author, first)..=(*author, last)).map(|(_, epoch)| *epoch)
    }

    /// Whether the owner has added the post scopes: what it learns of mutual friends from now on it adds by itself.
    pub const fn has_begun_posts(&self) -> bool {
        self.matching.has_begun_posts()
    }

    /// Whether the peer has all of these bits of `Hello`.
    const fn is_understood(&self, features: u32) -> bool {
        self.their_features & features == features
    }

    fn on_hello(&mut self, hello: Hello) {
        let Hello { nonce, features, identity, device } = hello;
        self.binding = Some(match self.role {
            Role::Initiator => SessionBinding {
                nonce_i: self.our_nonce,
                nonce_r: nonce,
                node_i: self.our_node,
                node_r: self.their_node,
            },
            Role::Responder => SessionBinding {
                nonce_i: nonce,
                nonce_r: self.our_nonce,
                node_i: self.their_node,
                node_r: self.our_node,
            },
        });
        self.their_features = features;
        self.phase = Phase::Judging;
        self.outputs.push_back(Output::PeerHello { features, identity, device });
    }

    fn on_frame(&mut self, frame: Frame, now: Timestamp, log: &dyn Log) {
        match frame {
            // Both are dealt with by `handle_frame`.
            Frame::Hello(_) | Frame::Bye(_) => {}
            Frame::Mine { handle, epoch } => self.on_mine(handle, epoch),
            Frame::Tags { class, tags } => self.on_tags(class, tags, now),
            Frame::Matched(items) => self.on_matched(&items),
            Frame::MatchedRun(run) => self.on_matched_run(&run),
            Frame::Digest { handle, digest } => self.on_digest(handle, digest),
            Frame::Digests { places, digest } => self.on_digests(&places, digest),
            Frame::Have(have) => self.on_have(have, log),
            Frame::Want { handle, intervals } => self.on_want(handle, &intervals),
            Frame::WantIds(ids) => self.on_want_ids(&ids),
            Frame::Entry(entry) => self.on_entry(entry, now),
            Frame::Gone(gone) => self.on_gone(gone, now),
            Frame::Ids(ids) => self.on_ids(&ids, log),
            Frame::Head { handle, seq } => self.on_head(handle, seq, log),
        }
    }

    /// The scope behind a handle. An unknown handle is a fault; one whose scope is not (yet, or any more) ours is
    /// nothing.
    fn epoch_of(&mut self, handle: u32) -> Option<EpochId> {
        match self.handles.get(&handle) {
            Some(&epoch) => {
                let is_shared = self.scopes.contains(&epoch);
                // Closed and shared again, it has lost its handles, and the peer goes on with the one it knows.
                if let Some(state) = self.scopes.get_mut(&epoch) {
                    state.handle.get_or_insert(handle);
                }
                // Whoever uses the handle of our `Mine` knows the epoch.
                self.mark_matched(epoch);
                Some(epoch).filter(|_| is_shared)
            }
            None => {
                if !self.early.is_announced(handle) {
                    self.fault(FaultKind::UnknownHandle { handle }, Severity::High);
                }
                None
            }
        }
    }

    fn is_their_handle(&self, handle: u32) -> bool {
        (handle % 2 == 1) == (self.role == Role::Initiator)
    }

    fn fault(&mut self, kind: FaultKind, severity: Severity) {
        self.outputs.push_back(Output::Fault(Fault { kind, severity }));
        if severity == Severity::High {
            self.close(ByeReason::Fault);
        }
    }

    /// Ends everything but what is already on its way out.
    fn finish(&mut self, theirs: Option<ByeReason>) {
        self.phase = Phase::Closed;
        self.scopes = scope::Scopes::default();
        self.matched_of.clear();
        self.met.clear();
        self.handles.clear();
        self.due.clear();
        self.paused.clear();
        self.groups = groups::Groups::default();
        self.digest_timers.clear();
        self.early = fetch::Early::default();
        self.fetch = fetch::Fetch::default();
        self.serve = serve::Serve::default();
        // The Bye, if there is one, leaves before the owner hears of the end.
        while let Some(frame) = self.urgent.pop_front() {
            self.outputs.push_back(Output::Send(frame));
        }
        self.outputs.push_back(Output::Closed { theirs });
    }

    fn send_urgent(&mut self, frame: &Frame) {
        let bytes = frame.encode();
        self.urgent_bytes = self.urgent_bytes.saturating_add(bytes.len());
        self.urgent.push_back(bytes);
    }

    fn pop_urgent(&mut self) -> Option<Vec<u8>> {
        let len = self.urgent.front()?.len();
        if self.unsent.saturating_add(len) > UNSENT_LIMIT {
            return None;
        }
        self.unsent = self.unsent.saturating_add(len);
        self.urgent_bytes = self.urgent_bytes.saturating_sub(len);
        self.urgent.pop_front()
    }

    /// Hands a frame out now. Only from the steps of [`Session::poll_output`], which have looked for credit.
    fn send(&mut self, frame: &Frame) {
        let bytes = frame.encode();
        self.unsent = self.unsent.saturating_add(bytes.len());
        self.outputs.push_back(Output::Send(bytes));
    }
}
