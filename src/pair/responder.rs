//! The side to which the stream was opened: the inviter, whoever is come back to, or a friend who is looked for.

use super::check::{self, Gate, Them};
use super::pending::Answers;
use super::resume::{self, Answered};
use super::settle::Settling;
use super::{Change, Fault, Frame, Invites, Known, Output, Pending, Us};
use crate::crypto::keys::{self, PairTranscript, Role, SessionBinding};
use crate::crypto::{self, Entropy, PairKey, SealSecret};
use crate::id::{InviteId, NodeId, UserId};
use crate::limits::PENDING_PAIR_LIMIT;
use crate::time::Timestamp;

/// What the service lays before the machine for one frame.
pub struct Desk<'a> {
    /// What we show of ourselves.
    pub us: &'a Us<'a>,
    /// What is known of people's devices.
    pub known: Known<'a>,
    /// The one book of open invites, shared by all streams.
    pub invites: &'a mut Invites,
    /// Who the node at the other end is to us.
    pub standing: Standing<'a>,
    /// Whom we do not pair with, whatever they bring.
    pub is_unwelcome: &'a dyn Fn(&UserId) -> bool,
    /// How many pending pairs are kept.
    pub pending_count: usize,
    /// Whether Resume is answered: only while some friend has not been seen under our present node key.
    pub is_resume_open: bool,
    /// Every pair key we hold, pending ones included. Read only for `Resume`, at the cost of two hashes each.
    pub pair_keys: &'a mut dyn Iterator<Item = (UserId, PairKey)>,
    /// Randomness.
    pub entropy: &'a mut Entropy,
}

impl std::fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("us", &self.us).field("standing", &self.standing).finish_non_exhaustive()
    }
}

/// Who a node is to us, by its key.
#[derive(Debug, Clone, Copy)]
pub enum Standing<'a> {
    /// Nobody we know.
    Stranger,
    /// The node of a pending pair.
    Pending(&'a Pending),
    /// A friend, whose pending pair is gone.
    Friend(UserId),
}

/// The machine of a stream that the other side opened. See [`crate::pair`].
#[derive(Debug)]
pub struct Responder {
    /// The other end of the connection, as the transport has proven.
    node: NodeId,
    gate: Gate,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing came yet.
    Fresh,
    /// `Reply` is sent.
    Replied(Box<Replied>),
    Settling(Settling),
    /// `Known` is sent.
    Answered(Answered),
    Over,
}

/// What we replied with; our records may change while the stream lives, the transcript may not.
#[derive(Debug)]
struct Replied {
    invite: InviteId,
    nonce_hash: [u8; 32],
    nonce: [u8; 32],
    our_root: UserId,
    our_node: NodeId,
    our_seal: SealSecret,
    them: Them,
    their_name: String,
}

impl Responder {
    /// For a stream that `node` opened.
    pub const fn new(node: NodeId, now: Timestamp) -> Self {
        Self { node, gate: Gate::new(now), state: State::Fresh }
    }

    /// Our human has answered, and it is durable: says so if the pair stands.
    pub fn decide(&mut self, yes: bool) -> Vec<Output> {
        match &mut self.state {
            State::Settling(settling) => settling.decide(yes),
            _ => Vec::new(),
        }
    }

    /// Whether nothing has come yet: whoever opened the stream has nothing to say, and what we have to say goes over one
    /// of our own.
    pub const fn is_fresh(&self) -> bool {
        matches!(self.state, State::Fresh)
    }

    /// When to give up; none while humans think.
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Fresh | State::Replied(_) | State::Answered(_) => Some(self.gate.deadline()),
            State::Settling(_) | State::Over => None,
        }
    }

    /// Whether the machine takes no more frames.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes a frame of the other side. Unless it begins with something we answer, the stream is closed without a word.
    ///
    /// # Cost
    /// Two signatures and one key agreement at most; for `Resume`, two hashes for every pair key.
    pub fn on_frame(&mut self, bytes: &[u8], desk: Desk<'_>, now: Timestamp) -> Vec<Output> {
        if self.is_over() {
            return Vec::new();
        }
        let outcome = match self.gate.admit(bytes, now) {
            Ok(Some(frame)) => self.on(frame, desk, now),
            Ok(None) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        };
        let outputs = outcome.unwrap_or_else(|fault| {
            self.state = State::Over;
            vec![Output::Fault(fault), Output::Close]
        });
        if matches!(&self.state, State::Settling(settling) if settling.is_over()) {
            self.state = State::Over;
        }
        outputs
    }

    fn on(&mut self, frame: Frame, desk: Desk<'_>, now: Timestamp) -> Result<Vec<Output>, Fault> {
        match (std::mem::replace(&mut self.state, State::Over), frame) {
            (State::Fresh, Frame::Hello { invite, nonce_hash, records, name }) => {
                let user = records.identity.user();
                let is_open = desk.invites.find(&invite, now).is_some_and(|open| open.is_for(&user));
                // What an unwelcome person sees is an invite that is used up.
                if !is_open || desk.pending_count >= PENDING_PAIR_LIMIT || (desk.is_unwelcome)(&user) {
                    return Ok(vec![Output::Close]);
                }
                let them = check::check_records(records, self.node, desk.known)?;
                self.on_hello(invite, nonce_hash, them, name, desk)
            }
            (State::Fresh, Frame::Resume { nonce, mac }) => Ok(self.on_resume(nonce, &mac, desk)),
            (State::Fresh, frame @ Frame::Decision { .. }) => self.on_return(&frame, desk.standing),
            (State::Replied(replied), Frame::Open { nonce, mac }) => {
                self.on_open(*replied, &nonce, &mac, desk.invites, now)
            }
            (State::Settling(mut settling), frame) => {
                let outputs = settling.on_frame(&frame)?;
                self.state = State::Settling(settling);
                Ok(outputs)
            }
            (State::Answered(answered), Frame::Records(records)) => {
                answered.on_records(records, self.node, desk.us, desk.known)
            }
            (_, frame) => Err(Fault::OutOfOrder { frame: frame.name() }),
        }
    }

    fn on_hello(
        &mut self,
        invite: InviteId,
        nonce_hash: [u8; 32],
        them: Them,
        their_name: String,
        desk: Desk<'_>,
    ) -> Result<Vec<Output>, Fault> {
        if them.root() == desk.us.root() {
            return Err(Fault::Ourselves);
        }
        let nonce: [u8; 32] = desk.entropy.bytes();
        let reply = Frame::Reply { nonce, records: desk.us.records(), name: desk.us.name.clone() };
        self.state = State::Replied(Box::new(Replied {
            invite,
            nonce_hash,
            nonce,
            our_root: desk.us.root(),
            our_node: desk.us.node(),
            our_seal: desk.us.seal.clone(),
            them,
            their_name,
        }));
        Ok(vec![Output::send(&reply)])
    }

    /// The invite is looked up again: another session may have burnt it since `Hello`, or it has expired.
    fn on_open(
        &mut self,
        replied: Replied,
        nonce_i: &[u8; 32],
        mac: &[u8; 32],
        invites: &mut Invites,
        now: Timestamp,
    ) -> Result<Vec<Output>, Fault> {
        let Some(invite) = invites.find(&replied.invite, now) else {
            return Ok(vec![Output::Close]);
        };
        if crypto::hash(nonce_i) != replied.nonce_hash {
            return Err(Fault::WrongNonce);
        }
        let transcript = replied.transcript(*nonce_i, self.node);
        let key = keys::invite_key(invite.secret());
        if !keys::mac_eq(&keys::pair_mac(&key, Role::Initiator, &transcript), mac) {
            return Ok(failed(invites, &replied.invite));
        }
        let pair_key = check::agree(invite.secret(), &replied.our_seal, Role::Responder, &transcript)?;
        let mine = invite.auto_confirm().then_some(true);
        let pending = Pending {
            role: Role::Responder,
            invite: replied.invite,
            pair_key,
            safety: check::safety(&transcript),
            since: now,
            expected: invite.expected().unwrap_or_default().to_owned(),
            identity: replied.them.identity,
            device: replied.them.device,
            their_name: replied.their_name,
            answers: Answers { mine, ..Answers::default() },
        };
        invites.burn(&replied.invite);
        let settling = Settling::new(&pending);
        let confirm = Frame::Confirm { mac: keys::pair_mac(&key, Role::Responder, &transcript) };
        let then = [vec![Output::send(&confirm)], settling.begin()].concat();
        self.state = State::Settling(settling);
        let change = Change::Paired { pending: Box::new(pending), burns: Some(replied.invite) };
        Ok(vec![Output::Commit { change, then }])
    }

    fn on_resume(&mut self, nonce_i: [u8; 32], mac: &[u8; 16], desk: Desk<'_>) -> Vec<Output> {
        let answered = desk
            .is_resume_open
            .then(|| resume::answer(nonce_i, mac, self.node, desk.us.node(), desk.pair_keys, desk.entropy));
        let Some((answered, known)) = answered.flatten() else {
            return vec![Output::Close];
        };
        self.state = State::Answered(answered);
        vec![Output::send(&known)]
    }

    /// Somebody comes back to settle.
    fn on_return(&mut self, frame: &Frame, standing: Standing<'_>) -> Result<Vec<Output>, Fault> {
        let mut settling = match standing {
            Standing::Pending(pending) if pending.node() == self.node => Settling::new(pending),
            Standing::Friend(their) => Settling::with_friend(their),
            Standing::Pending(_) | Standing::Stranger => return Ok(vec![Output::Close]),
        };
        let greeting = settling.begin();
        let answer = settling.on_frame(frame)?;
        self.state = State::Settling(settling);
        Ok([greeting, answer].concat())
    }
}

impl Replied {
    fn transcript(&self, nonce_i: [u8; 32], their_node: NodeId) -> PairTranscript {
        PairTranscript {
            session: SessionBinding {
                nonce_i,
                nonce_r: self.nonce,
                node_i: their_node,
                node_r: self.our_node,
            },
            root_i: self.them.root(),
            root_r: self.our_root,
            seal_i: self.them.device.seal(),
            seal_r: self.our_seal.public(),
        }
    }
}

/// A known invite and a wrong proof: it counts, and the fifth closes the invite.
fn failed(invites: &mut Invites, id: &InviteId) -> Vec<Output> {
    let count = invites.mark_failed(id).map(|invite| Output::Commit {
        change: Change::InviteFailed { invite: invite.clone() },
        then: Vec::new(),
    });
    count.into_iter().chain([Output::Fault(Fault::WrongProof), Output::Close]).collect()
}
