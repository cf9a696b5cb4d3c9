//! The inviter's side of invites: which are open, how often each was tried in vain, which are used up.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::clean_name;
use crate::crypto::{Entropy, InviteSecret, keys};
use crate::id::{InviteId, NodeId, UserId};
use crate::identity::Invite;
use crate::limits::{INVITE_FAILURE_LIMIT, INVITE_LIFE_LIMIT_MS, INVITE_OPEN_LIMIT, NAME_LIMIT};
use crate::link::Address;
use crate::time::Timestamp;
use crate::wire::{DecodeError, Reader, Writer};

/// The version of the stored form.
const STORED_VERSION: u8 = 1;

/// An invite that nobody has redeemed yet.
///
/// # Layout (of [`OpenInvite::encode_secret`])
/// version 1 ‖ secret 32 ‖ created ms 8 ‖ expires ms 8 ‖ failures 1 ‖ auto_confirm 1 ‖ u8 len ‖ expected name, and of one
/// that is for one person alone that person's user id 32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvite {
    secret: InviteSecret,
    created: Timestamp,
    expires: Timestamp,
    failures: u8,
    /// Empty if the inviter gave none.
    expected: String,
    auto_confirm: bool,
    /// Nobody else may redeem it.
    only: Option<UserId>,
}

/// Why an invite is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InviteRefused {
    /// It would live too long, or not at all.
    #[error("an invite lives between 1 ms and {limit_ms} ms, not {actual_ms} ms")]
    Life {
        /// The longest life.
        limit_ms: u64,
        /// What was asked for.
        actual_ms: u64,
    },
    /// Too many are open.
    #[error("{limit} invites are open already")]
    Full {
        /// How many may be open.
        limit: usize,
    },
}

impl OpenInvite {
    /// A new one. The expected name becomes the friend's name in the inviter's list; with `auto_confirm` the inviter's
    /// yes is given beforehand.
    ///
    /// # Errors
    /// [`InviteRefused::Life`].
    pub fn new(
        entropy: &mut Entropy,
        now: Timestamp,
        life_ms: u64,
        expected: Option<&str>,
        auto_confirm: bool,
    ) -> Result<Self, InviteRefused> {
        if life_ms == 0 || life_ms > INVITE_LIFE_LIMIT_MS {
            return Err(InviteRefused::Life { limit_ms: INVITE_LIFE_LIMIT_MS, actual_ms: life_ms });
        }
        Ok(Self {
            secret: InviteSecret::random(entropy),
            created: now,
            expires: now.plus_ms(life_ms),
            failures: 0,
            expected: expected.map(clean_name).unwrap_or_default(),
            auto_confirm,
            only: None,
        })
    }

    /// One that a common friend handed to both sides, after both have said yes: for `only` and for nobody else, the
    /// friend who made the secret included.
    pub const fn for_one(secret: InviteSecret, only: UserId, now: Timestamp, expires: Timestamp) -> Self {
        Self {
            secret,
            created: now,
            expires,
            failures: 0,
            expected: String::new(),
            auto_confirm: true,
            only: Some(only),
        }
    }

    /// Whether this person may redeem it.
    pub fn is_for(&self, user: &UserId) -> bool {
        self.only.is_none_or(|only| only == *user)
    }

    /// Its id.
    pub fn id(&self) -> InviteId {
        keys::invite_id(&self.secret)
    }

    /// What both sides prove to know.
    pub const fn secret(&self) -> &InviteSecret {
        &self.secret
    }

    /// When it was made.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// When it ends.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Wrong proofs so far.
    pub const fn failures(&self) -> u8 {
        self.failures
    }

    /// The name the inviter gave beforehand.
    pub fn expected(&self) -> Option<&str> {
        Some(self.expected.as_str()).filter(|name| !name.is_empty())
    }

    /// Whether the inviter said yes beforehand.
    pub const fn auto_confirm(&self) -> bool {
        self.auto_confirm
    }

    /// Whether it can still be redeemed.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires && self.failures < INVITE_FAILURE_LIMIT
    }

    /// What is handed over.
    pub fn invite(&self, root: UserId, node: NodeId, addresses: Vec<Address>) -> Invite {
        Invite { root, node, addresses, secret: self.secret.clone(), expires: self.expires }
    }

    /// The bytes to keep, for the caller to seal under the at-rest key. Zeroed on drop.
    pub fn encode_secret(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::with_capacity(84_usize.saturating_add(self.expected.len()));
        out.u8(STORED_VERSION).raw(self.secret.expose_bytes());
        out.u64(self.created.as_millis()).u64(self.expires.as_millis());
        out.u8(self.failures).bool(self.auto_confirm).bytes_u8(self.expected.as_bytes());
        if let Some(only) = &self.only {
            out.value(only);
        }
        Zeroizing::new(out.into_vec())
    }

    /// Reads what [`OpenInvite::encode_secret`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode_secret(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let version = input.u8()?;
        if version != STORED_VERSION {
            return Err(DecodeError::Unknown { what: "invite version", code: u64::from(version) });
        }
        let invite = Self {
            secret: InviteSecret::from_bytes(input.array()?),
            created: Timestamp::from_millis(input.u64()?),
            expires: Timestamp::from_millis(input.u64()?),
            failures: input.u8()?,
            auto_confirm: input.bool()?,
            expected: input.text_u8("name", NAME_LIMIT)?.to_owned(),
            only: if input.remaining() > 0 { Some(input.value()?) } else { None },
        };
        input.finish()?;
        Ok(invite)
    }
}

/// The open invites of this node. What is not in it, expired or closed looks the same from outside: unknown.
///
/// The machines of all streams work on the one book, and what one of them takes out is gone for the others at once:
/// so an invite burns once, however many sessions race for it (I21).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Invites {
    open: BTreeMap<InviteId, OpenInvite>,
}

impl Invites {
    /// None.
    pub const fn new() -> Self {
        Self { open: BTreeMap::new() }
    }

    /// Adds one, new or from the store; one with the same secret is replaced.
    ///
    /// # Errors
    /// [`InviteRefused::Full`] at [`INVITE_OPEN_LIMIT`].
    pub fn add(&mut self, invite: OpenInvite) -> Result<InviteId, InviteRefused> {
        if self.open.len() >= INVITE_OPEN_LIMIT {
            return Err(InviteRefused::Full { limit: INVITE_OPEN_LIMIT });
        }
        let id = invite.id();
        self.open.insert(id, invite);
        Ok(id)
    }

    /// One that can be redeemed now.
    pub fn find(&self, id: &InviteId, now: Timestamp) -> Option<&OpenInvite> {
        self.open.get(id).filter(|invite| invite.is_live(now))
    }

    /// Whether any can be redeemed now: only then is `/tidings/pair/1` open to unknown nodes.
    pub fn is_any_live(&self, now: Timestamp) -> bool {
        self.open.values().any(|invite| invite.is_live(now))
    }

    /// All of them, the dead ones too until [`Invites::drop_dead`].
    pub fn iter(&self) -> impl Iterator<Item = (&InviteId, &OpenInvite)> {
        self.open.iter()
    }

    /// Counts a wrong proof. The invite as it now is, for the store; closed at the fifth.
    pub fn mark_failed(&mut self, id: &InviteId) -> Option<&OpenInvite> {
        let invite = self.open.get_mut(id)?;
        invite.failures = invite.failures.saturating_add(1);
        Some(invite)
    }

    /// Takes one out for good: it is redeemed, or the inviter withdraws it.
    pub fn burn(&mut self, id: &InviteId) -> Option<OpenInvite> {
        self.open.remove(id)
    }

    /// Takes out those that can be redeemed no more; their ids, for the store.
    pub fn drop_dead(&mut self, now: Timestamp) -> Vec<InviteId> {
        let dead: Vec<InviteId> =
            self.open.iter().filter(|(_, invite)| !invite.is_live(now)).map(|(id, _)| *id).collect();
        for id in &dead {
            self.open.remove(id);
        }
        dead
    }
}
