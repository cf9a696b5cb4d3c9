//! Becoming friends: `/tidings/pair/1`, as machines that only take frames and give outputs.
//!
//! Alice hands Bob an invite by a way of her own (a QR code held up, a link in a chat). Bob is I, Alice R.
//!
//! ```text
//!   I  Bob                                                        R  Alice
//!      Hello { invite, hash of nonce_I, records, name }  ───────▶    is the invite open? are the records his?
//!      are the records hers, as the invite says?         ◀───────  Reply { nonce_R, records, name }
//!      Open { nonce_I, proof }                           ───────▶    burn the invite, keep the pending pair
//!      keep the pending pair                             ◀───────  Confirm { proof }
//!      ── now or days later, on this connection or another, in either direction ──
//!      Moments { ≤ 10 }  ──▶  kept with the pair         and the other way round, for those who switched it on
//!      Decision { yes }  ──▶  kept  ──▶  Seen            and the other way round; both yes: friends
//! ```
//!
//! Bob commits to his nonce before he sees Alice's: a man in the middle has one guess at the six safety words that the
//! two compare. The proofs bind the invite's secret to roots, node keys, seal keys and nonces of both, each role having
//! its own.
//!
//! *Resume* uses the same protocol for friends who changed their node keys while apart: they prove a pair key they
//! share and exchange records ([`Resumption`], and [`Responder`] at the other end).
//!
//! One machine serves one stream: [`Initiator`] and [`Resumption`] where we opened it, [`Responder`] where the other
//! did. They own no state that outlives the stream: what must last comes out as [`Output::Commit`], and what follows
//! from it stands inside, to be done only once it is durable. That is how an invite is burnt before `Confirm` leaves.
//!
//! What they do not do: no socket, clock or randomness of their own; they do not admit connections, ask the human, or
//! make friends of a pending pair: the service does.
//!
//! Invariants: pair keys agree, and any change of role, node, root or nonce gives another proof (I20); an invite burns
//! once (I21); a wrong frame ends the stream and nothing else; memory per stream is bounded by one frame.
//!
//! Source: docs/protocol.md 3.7.

mod check;
mod frame;
mod initiator;
mod invite;
mod pending;
mod responder;
mod resume;
mod settle;

pub use frame::{Frame, Records, ShownMoment};
pub use initiator::{Initiator, Redeem, RedeemError};
pub use invite::{InviteRefused, Invites, OpenInvite};
pub use pending::Pending;
pub use responder::{Desk, Responder, Standing};
pub use resume::Resumption;

use crate::crypto::SealSecret;
use crate::id::{NodeId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, KnownIdentity, Verified};
use crate::limits::NAME_LIMIT;
use crate::wire::{DecodeError, Encode};

/// Looks up what is known of a person's devices, so that a revoked device cannot pair under an older record.
pub type Known<'a> = &'a dyn Fn(&UserId) -> Option<KnownIdentity>;

/// What we show of ourselves.
#[derive(Debug, Clone)]
pub struct Us<'a> {
    identity: &'a Verified<IdentityRecord>,
    device: &'a Verified<DeviceRecord>,
    seal: &'a SealSecret,
    name: String,
}

/// Our own records do not belong together: a defect of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("own records, device and seal key do not belong together")]
pub struct MismatchedRecords;

impl<'a> Us<'a> {
    /// Our newest records, the seal key that the device's record names, and the name to give: cut to [`NAME_LIMIT`]
    /// bytes, control characters left out.
    ///
    /// # Errors
    /// [`MismatchedRecords`] if the device is not one of the identity's or the seal key is not the device's.
    pub fn new(
        identity: &'a Verified<IdentityRecord>,
        device: &'a Verified<DeviceRecord>,
        seal: &'a SealSecret,
        name: &str,
    ) -> Result<Self, MismatchedRecords> {
        let is_ours = identity.user() == device.user() && identity.device(&device.device()).is_some();
        if !is_ours || seal.public() != device.seal() {
            return Err(MismatchedRecords);
        }
        Ok(Self { identity, device, seal, name: clean_name(name) })
    }

    /// Who we are.
    pub fn root(&self) -> UserId {
        self.identity.user()
    }

    /// Our node, as the other side must see it.
    pub fn node(&self) -> NodeId {
        self.device.node()
    }

    fn records(&self) -> Records {
        let (identity, device): (&IdentityRecord, &DeviceRecord) = (self.identity, self.device);
        Records { identity: identity.clone(), device: device.clone() }
    }
}

/// A name without control characters and cut to [`NAME_LIMIT`] bytes.
pub(crate) fn clean_name(name: &str) -> String {
    let mut clean = String::with_capacity(NAME_LIMIT);
    for letter in name.trim().chars().filter(|letter| !letter.is_control()) {
        if clean.len().saturating_add(letter.len_utf8()) > NAME_LIMIT {
            break;
        }
        clean.push(letter);
    }
    clean
}

/// What a machine wants done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a frame on the stream.
    Send(Vec<u8>),
    /// Make a change durable, and only then do what follows from it. In memory the change counts at once.
    Commit {
        /// What to keep.
        change: Change,
        /// What to do once it is kept.
        then: Vec<Output>,
    },
    /// Somebody we share a pair key with is at the other end, under this node key: records to take in, node key to
    /// admit. What comes after in the list may be done at once.
    Resumed {
        /// Who.
        who: UserId,
        /// The newest record known of the person, perhaps an older one than was sent.
        identity: Box<Verified<IdentityRecord>>,
        /// The device at the other end.
        device: Box<Verified<DeviceRecord>>,
    },
    /// The other side broke the protocol. The stream is over; a [`Output::Close`] follows.
    Fault(Fault),
    /// End the stream after what was sent. The machine takes no more frames.
    Close,
}

impl Output {
    fn send(frame: &Frame) -> Self {
        Self::Send(frame.encode())
    }
}

/// What has to last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The two have proven themselves to each other: keep the pair, in place of an older one with the same person.
    Paired {
        /// What to keep.
        pending: Box<Pending>,
        /// In the same transaction: the invite is used up ([`Invites`] has forgotten it already).
        burns: Option<crate::id::InviteId>,
    },
    /// A wrong proof was counted: the invite as it now is. Need not be flushed before anything.
    InviteFailed {
        /// To be kept in place of the old.
        invite: OpenInvite,
    },
    /// The other's answer ([`Pending::mark_theirs`]).
    Theirs {
        /// Whose pending pair.
        their: UserId,
        /// Friends or not.
        yes: bool,
    },
    /// The other has kept our answer ([`Pending::mark_mine_seen`]). No matter if the pair is gone by now.
    MineSeen {
        /// Whose pending pair.
        their: UserId,
    },
    /// The other shows moments to somebody who is not a friend yet. Nothing of them is verified; no matter if the pair
    /// is gone by now.
    Shown {
        /// Whose pending pair.
        their: UserId,
        /// The moments, newest first.
        moments: Vec<ShownMoment>,
    },
}

/// How the other side broke the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not a frame.
    #[error("a frame cannot be read")]
    Malformed(#[from] DecodeError),
    /// A frame that has no place here.
    #[error("{frame} out of order")]
    OutOfOrder {
        /// Its name.
        frame: &'static str,
    },
    /// More frames than anybody needs.
    #[error("too many frames")]
    Flood,
    /// A record that its key did not sign.
    #[error("a record is not signed")]
    Unsigned,
    /// A record names another person than it should.
    #[error("a record names another root")]
    OtherRoot,
    /// The device's record names another node than the one connected.
    #[error("a record names another node")]
    OtherNode,
    /// The device is not listed, was revoked, or speaks for nobody.
    #[error("the device is not live")]
    NotLive,
    /// A second IdentityRecord with the number of one that is known: the person should be asked by another way.
    #[error("root used twice")]
    RootUsedTwice,
    /// The other side is ourselves.
    #[error("pairing with ourselves")]
    Ourselves,
    /// The nonce is not the one committed to.
    #[error("the nonce does not fit its hash")]
    WrongNonce,
    /// A proof does not fit.
    #[error("wrong proof")]
    WrongProof,
    /// The seal key is of small order.
    #[error("weak seal key")]
    WeakKey,
    /// An answer that contradicts the first.
    #[error("a second, different decision")]
    ChangedMind,
}

#[cfg(test)]
mod tests;
