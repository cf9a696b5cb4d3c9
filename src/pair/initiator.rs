//! The side that opened the stream to pair: whoever redeems an invite, or comes back to settle.

use super::check::{self, Gate, Them};
use super::pending::Answers;
use super::settle::Settling;
use super::{Change, Fault, Frame, Known, Output, Pending, Records, Us, clean_name};
use crate::crypto::keys::{self, PairTranscript, Role, SessionBinding};
use crate::crypto::{self, Entropy, InviteSecret, PairKey, SealSecret};
use crate::id::{NodeId, UserId};
use crate::identity::Invite;
use crate::time::Timestamp;

/// An invite to redeem.
#[derive(Debug, Clone, Copy)]
pub struct Redeem<'a> {
    /// The invite.
    pub invite: &'a Invite,
    /// Our answer, if our human has given it with the invite.
    pub answer: Option<bool>,
    /// The name to begin with in our list.
    pub name: Option<&'a str>,
}

/// Why an invite is not even tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedeemError {
    /// By our clock it is over.
    #[error("the invite has expired")]
    Expired,
    /// We made it.
    #[error("this is an invite of one's own")]
    OwnInvite,
    /// The connection leads to another node than the invite names.
    #[error("the connection leads to another node")]
    OtherNode,
}

/// The machine of a stream that we opened to pair. See [`crate::pair`].
#[derive(Debug)]
pub struct Initiator {
    /// The other end of the connection, as the transport has proven.
    node: NodeId,
    gate: Gate,
    state: State,
}

#[derive(Debug)]
enum State {
    /// `Hello` is sent.
    Begun(Box<Begun>),
    /// `Open` is sent.
    Opened(Box<Opened>),
    Settling(Settling),
    Over,
}

/// What we began with; our records may change while the stream lives, the transcript may not.
#[derive(Debug)]
struct Begun {
    secret: InviteSecret,
    their_root: UserId,
    our_root: UserId,
    our_node: NodeId,
    our_seal: SealSecret,
    nonce: [u8; 32],
    answer: Option<bool>,
    expected: String,
}

#[derive(Debug)]
struct Opened {
    begun: Begun,
    transcript: PairTranscript,
    pair_key: PairKey,
    them: Them,
    their_name: String,
}

impl Initiator {
    /// Begins to pair over a connection to `node`: the machine and its first frame.
    ///
    /// # Errors
    /// [`RedeemError`].
    pub fn redeem(
        redeem: Redeem<'_>,
        us: &Us<'_>,
        node: NodeId,
        entropy: &mut Entropy,
        now: Timestamp,
    ) -> Result<(Self, Vec<Output>), RedeemError> {
        let invite = redeem.invite;
        if invite.is_expired(now) {
            return Err(RedeemError::Expired);
        }
        if invite.root == us.root() {
            return Err(RedeemError::OwnInvite);
        }
        if invite.node != node {
            return Err(RedeemError::OtherNode);
        }
        let nonce: [u8; 32] = entropy.bytes();
        let hello = Frame::Hello {
            invite: invite.id(),
            nonce_hash: crypto::hash(&nonce),
            records: us.records(),
            name: us.name.clone(),
        };
        let begun = Begun {
            secret: invite.secret.clone(),
            their_root: invite.root,
            our_root: us.root(),
            our_node: us.node(),
            our_seal: us.seal.clone(),
            nonce,
            answer: redeem.answer,
            expected: redeem.name.map(clean_name).unwrap_or_default(),
        };
        let machine = Self { node, gate: Gate::new(now), state: State::Begun(Box::new(begun)) };
        Ok((machine, vec![Output::send(&hello)]))
    }

    /// Comes back to settle a pending pair over a connection to its node.
    pub fn settle(pending: &Pending, now: Timestamp) -> (Self, Vec<Output>) {
        let settling = Settling::new(pending);
        let outputs = settling.begin();
        (Self { node: pending.node(), gate: Gate::new(now), state: State::Settling(settling) }, outputs)
    }

    /// Our human has answered, and it is durable: says so if the pair stands.
    pub fn decide(&mut self, yes: bool) -> Vec<Output> {
        match &mut self.state {
            State::Settling(settling) => settling.decide(yes),
            State::Begun(begun) => {
                begun.answer.get_or_insert(yes);
                Vec::new()
            }
            State::Opened(opened) => {
                opened.begun.answer.get_or_insert(yes);
                Vec::new()
            }
            State::Over => Vec::new(),
        }
    }

    /// When to give up; none while humans think.
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Begun(_) | State::Opened(_) => Some(self.gate.deadline()),
            State::Settling(_) | State::Over => None,
        }
    }

    /// Whether nothing has been answered yet. If the stream ends now, the other side knows no such invite: it is burnt,
    /// closed or expired.
    pub const fn is_unanswered(&self) -> bool {
        matches!(self.state, State::Begun(_))
    }

    /// Whether the machine takes no more frames.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes a frame of the other side.
    ///
    /// # Cost
    /// Two signatures and one key agreement at most.
    pub fn on_frame(&mut self, bytes: &[u8], known: Known<'_>, now: Timestamp) -> Vec<Output> {
        if self.is_over() {
            return Vec::new();
        }
        let outcome = match self.gate.admit(bytes, now) {
            Ok(Some(frame)) => self.on(frame, known, now),
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

    fn on(&mut self, frame: Frame, known: Known<'_>, now: Timestamp) -> Result<Vec<Output>, Fault> {
        match (std::mem::replace(&mut self.state, State::Over), frame) {
            (State::Begun(begun), Frame::Reply { nonce, records, name }) => {
                self.on_reply(*begun, nonce, records, name, known)
            }
            (State::Opened(opened), Frame::Confirm { mac }) => self.on_confirm(*opened, &mac, now),
            (State::Settling(mut settling), frame) => {
                let outputs = settling.on_frame(&frame)?;
                self.state = State::Settling(settling);
                Ok(outputs)
            }
            (_, frame) => Err(Fault::OutOfOrder { frame: frame.name() }),
        }
    }

    fn on_reply(
        &mut self,
        begun: Begun,
        nonce_r: [u8; 32],
        records: Records,
        their_name: String,
        known: Known<'_>,
    ) -> Result<Vec<Output>, Fault> {
        if records.identity.user() != begun.their_root {
            return Err(Fault::OtherRoot);
        }
        let them = check::check_records(records, self.node, known)?;
        let transcript = PairTranscript {
            session: SessionBinding {
                nonce_i: begun.nonce,
                nonce_r,
                node_i: begun.our_node,
                node_r: self.node,
            },
            root_i: begun.our_root,
            root_r: begun.their_root,
            seal_i: begun.our_seal.public(),
            seal_r: them.device.seal(),
        };
        let pair_key = check::agree(&begun.secret, &begun.our_seal, Role::Initiator, &transcript)?;
        let mac = keys::pair_mac(&keys::invite_key(&begun.secret), Role::Initiator, &transcript);
        let open = Frame::Open { nonce: begun.nonce, mac };
        self.state = State::Opened(Box::new(Opened { begun, transcript, pair_key, them, their_name }));
        Ok(vec![Output::send(&open)])
    }

    fn on_confirm(&mut self, opened: Opened, mac: &[u8; 32], now: Timestamp) -> Result<Vec<Output>, Fault> {
        let Opened { begun, transcript, pair_key, them, their_name } = opened;
        let expected = keys::pair_mac(&keys::invite_key(&begun.secret), Role::Responder, &transcript);
        if !keys::mac_eq(&expected, mac) {
            return Err(Fault::WrongProof);
        }
        let pending = Pending {
            role: Role::Initiator,
            invite: keys::invite_id(&begun.secret),
            pair_key,
            safety: check::safety(&transcript),
            since: now,
            identity: them.identity,
            device: them.device,
            their_name,
            expected: begun.expected,
            answers: Answers { mine: begun.answer, ..Answers::default() },
        };
        let settling = Settling::new(&pending);
        let then = settling.begin();
        self.state = State::Settling(settling);
        let change = Change::Paired { pending: Box::new(pending), burns: None };
        Ok(vec![Output::Commit { change, then }])
    }
}
