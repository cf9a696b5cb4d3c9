//! Resume: two who share a pair key and have lost each other's node keys.
//!
//! Alice was away for weeks, Bob rotated his node key meanwhile. Alice dials Bob's last addresses and takes whatever
//! node key answers. Each proves the pair key, bound to both nonces and to the node keys of this very connection, and
//! then shows present records. Nobody else learns more than that a Tidings node answers.
//!
//! ```text
//!   I  Resume { nonce_I, resume_I }   ───▶  R  tries its pair keys, or closes
//!      the right friend?              ◀───     Known { nonce_R, resume_R }
//!      Records                        ───▶     a live device with this connection's node key?
//!      likewise                       ◀───     Records
//! ```
//!
//! Source: docs/protocol.md 3.7.

use super::check::{self, Gate};
use super::{Fault, Frame, Known, Output, Records, Us};
use crate::crypto::keys::{self, Role, SessionBinding};
use crate::crypto::{Entropy, PairKey, ResumeKey};
use crate::id::{NodeId, UserId};
use crate::time::Timestamp;

/// What stands for the responder's nonce in the first proof.
const NO_NONCE: [u8; 32] = [0; 32];

/// The machine of a stream that we opened to find a friend again.
#[derive(Debug)]
pub struct Resumption {
    who: UserId,
    /// The other end of the connection, as the transport has proven.
    node: NodeId,
    gate: Gate,
    state: State,
}

#[derive(Debug)]
enum State {
    /// `Resume` is sent.
    Begun {
        key: ResumeKey,
        nonce: [u8; 32],
        our_node: NodeId,
    },
    /// `Records` are sent.
    Shown,
    Over,
}

impl Resumption {
    /// Asks the node at the other end whether it is `who`'s: the machine and its first frame.
    pub fn new(
        who: UserId,
        pair_key: &PairKey,
        us: &Us<'_>,
        node: NodeId,
        entropy: &mut Entropy,
        now: Timestamp,
    ) -> (Self, Vec<Output>) {
        let (key, nonce, our_node) = (keys::resume_key(pair_key), entropy.bytes(), us.node());
        let session = SessionBinding { nonce_i: nonce, nonce_r: NO_NONCE, node_i: our_node, node_r: node };
        let resume = Frame::Resume { nonce, mac: keys::resume_mac(&key, Role::Initiator, &session) };
        let state = State::Begun { key, nonce, our_node };
        (Self { who, node, gate: Gate::new(now), state }, vec![Output::send(&resume)])
    }

    /// Whom we look for.
    pub const fn who(&self) -> UserId {
        self.who
    }

    /// When to give up.
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Begun { .. } | State::Shown => Some(self.gate.deadline()),
            State::Over => None,
        }
    }

    /// Whether the machine takes no more frames.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Takes a frame of the other side.
    pub fn on_frame(&mut self, bytes: &[u8], us: &Us<'_>, known: Known<'_>, now: Timestamp) -> Vec<Output> {
        if self.is_over() {
            return Vec::new();
        }
        let outcome = match self.gate.admit(bytes, now) {
            Ok(Some(frame)) => self.on(frame, us, known),
            Ok(None) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        };
        outcome.unwrap_or_else(|fault| {
            self.state = State::Over;
            vec![Output::Fault(fault), Output::Close]
        })
    }

    fn on(&mut self, frame: Frame, us: &Us<'_>, known: Known<'_>) -> Result<Vec<Output>, Fault> {
        match (std::mem::replace(&mut self.state, State::Over), frame) {
            (State::Begun { key, nonce, our_node }, Frame::Known { nonce: nonce_r, mac }) => {
                let session = SessionBinding { nonce_i: nonce, nonce_r, node_i: our_node, node_r: self.node };
                if !keys::mac_eq(&keys::resume_mac(&key, Role::Responder, &session), &mac) {
                    return Err(Fault::WrongProof);
                }
                self.state = State::Shown;
                Ok(vec![Output::send(&Frame::Records(us.records()))])
            }
            (State::Shown, Frame::Records(records)) => {
                let resumed = resumed(records, self.who, self.node, known)?;
                Ok(vec![resumed, Output::Close])
            }
            (_, frame) => Err(Fault::OutOfOrder { frame: frame.name() }),
        }
    }
}

/// The responder's half once a pair key has fitted.
#[derive(Debug)]
pub(super) struct Answered {
    who: UserId,
}

/// Tries all pair keys on a first proof; none if none fits.
pub(super) fn answer(
    nonce_i: [u8; 32],
    mac: &[u8; 16],
    their_node: NodeId,
    our_node: NodeId,
    pair_keys: &mut dyn Iterator<Item = (UserId, PairKey)>,
    entropy: &mut Entropy,
) -> Option<(Answered, Frame)> {
    let first = SessionBinding { nonce_i, nonce_r: NO_NONCE, node_i: their_node, node_r: our_node };
    let (who, key) = pair_keys
        .map(|(who, pair_key)| (who, keys::resume_key(&pair_key)))
        .find(|(_, key)| keys::mac_eq(&keys::resume_mac(key, Role::Initiator, &first), mac))?;
    let session = SessionBinding { nonce_r: entropy.bytes(), ..first };
    let known =
        Frame::Known { nonce: session.nonce_r, mac: keys::resume_mac(&key, Role::Responder, &session) };
    Some((Answered { who }, known))
}

impl Answered {
    /// Our records leave only now, when it is certain who is there.
    pub(super) fn on_records(
        self,
        records: Records,
        node: NodeId,
        us: &Us<'_>,
        known: Known<'_>,
    ) -> Result<Vec<Output>, Fault> {
        let resumed = resumed(records, self.who, node, known)?;
        Ok(vec![resumed, Output::send(&Frame::Records(us.records())), Output::Close])
    }
}

fn resumed(records: Records, who: UserId, node: NodeId, known: Known<'_>) -> Result<Output, Fault> {
    if records.identity.user() != who {
        return Err(Fault::OtherRoot);
    }
    let them = check::check_records(records, node, known)?;
    Ok(Output::Resumed { who, identity: Box::new(them.identity), device: Box::new(them.device) })
}
