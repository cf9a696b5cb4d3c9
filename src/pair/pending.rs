//! Two people who have proven themselves to each other and have not both said yes.

use zeroize::Zeroizing;

use super::clean_name;
use crate::crypto::PairKey;
use crate::crypto::keys::Role;
use crate::id::{DeviceId, InviteId, NodeId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, Verified, read_device, read_identity, safety_words};
use crate::limits::{NAME_LIMIT, PENDING_PAIR_DAYS};
use crate::time::{DAY_MS, Timestamp};
use crate::wire::{DecodeError, Reader, Writer};

/// The version of the stored form.
const STORED_VERSION: u8 = 1;

/// What pairing leaves behind and both sides keep: key, words, records, and the two answers.
///
/// It begins to mean friendship once both answers are yes ([`Pending::are_friends`]) and can be dropped when nothing
/// has to be said about it any more ([`Pending::is_settled`]), or after [`PENDING_PAIR_DAYS`].
///
/// # Layout (of [`Pending::encode_secret`])
/// version 1 ‖ role 1 (`I`, `R`) ‖ invite id 16 ‖ pair key 32 ‖ safety 32 ‖ since ms 8 ‖ mine 1 ‖ theirs 1 ‖
/// mine_seen 1 ‖ u16 len ‖ IdentityRecord ‖ u16 len ‖ DeviceRecord ‖ u8 len ‖ their name ‖ u8 len ‖ expected name.
/// An answer is 0 none, 1 no, 2 yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub(super) role: Role,
    pub(super) invite: InviteId,
    pub(super) pair_key: PairKey,
    pub(super) safety: [u8; 32],
    pub(super) since: Timestamp,
    pub(super) identity: Verified<IdentityRecord>,
    pub(super) device: Verified<DeviceRecord>,
    pub(super) their_name: String,
    /// Empty if none was given.
    pub(super) expected: String,
    pub(super) answers: Answers,
}

/// Who has said what, and whether the other knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Answers {
    pub(super) mine: Option<bool>,
    pub(super) theirs: Option<bool>,
    /// The other side has kept my answer.
    pub(super) mine_seen: bool,
}

impl Answers {
    /// The answer that has to be sent.
    pub(super) fn unsent(self) -> Option<bool> {
        self.mine.filter(|_| !self.mine_seen)
    }

    /// Whether nothing has to be said any more. After the other's no, nobody needs to be asked.
    pub(super) const fn are_settled(self) -> bool {
        match (self.mine, self.theirs) {
            (Some(_), Some(_)) => self.mine_seen,
            (None, Some(false)) => true,
            _ => false,
        }
    }
}

impl Pending {
    /// Which side of the pairing we were: I redeemed the invite.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The other person.
    pub fn their(&self) -> UserId {
        self.identity.user()
    }

    /// The name the other claims.
    pub fn their_name(&self) -> &str {
        &self.their_name
    }

    /// The name we gave beforehand, which becomes the friend's name in our list.
    pub fn expected(&self) -> Option<&str> {
        Some(self.expected.as_str()).filter(|name| !name.is_empty())
    }

    /// The other's devices, as known when the pair was made or last heard of.
    pub const fn identity(&self) -> &Verified<IdentityRecord> {
        &self.identity
    }

    /// The other's device.
    pub const fn device(&self) -> &Verified<DeviceRecord> {
        &self.device
    }

    /// The device's id.
    pub fn device_id(&self) -> DeviceId {
        self.device.device()
    }

    /// The node that may open `/tidings/pair/1` again.
    pub fn node(&self) -> NodeId {
        self.device.node()
    }

    /// What the two will share.
    pub const fn pair_key(&self) -> &PairKey {
        &self.pair_key
    }

    /// What the safety words are made of; kept with the friend.
    pub const fn safety(&self) -> &[u8; 32] {
        &self.safety
    }

    /// The words for the two to compare.
    pub fn safety_words(&self) -> [&'static str; 6] {
        safety_words(&self.safety)
    }

    /// The invite it came from.
    pub const fn invite(&self) -> InviteId {
        self.invite
    }

    /// When it was made.
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Our answer.
    pub const fn mine(&self) -> Option<bool> {
        self.answers.mine
    }

    /// The other's answer.
    pub const fn theirs(&self) -> Option<bool> {
        self.answers.theirs
    }

    /// Whether the other side has kept our answer.
    pub const fn is_mine_seen(&self) -> bool {
        self.answers.mine_seen
    }

    /// Our answer. The first one counts: false if there was one already, and nothing changes.
    pub const fn mark_mine(&mut self, yes: bool) -> bool {
        mark(&mut self.answers.mine, yes)
    }

    /// The other's answer ([`Change::Theirs`](super::Change::Theirs)); likewise.
    pub const fn mark_theirs(&mut self, yes: bool) -> bool {
        mark(&mut self.answers.theirs, yes)
    }

    /// The other side has kept our answer ([`Change::MineSeen`](super::Change::MineSeen)).
    pub const fn mark_mine_seen(&mut self) {
        self.answers.mine_seen = true;
    }

    /// Records newer than those of the pairing, of the same person ([`Output::Resumed`](super::Output::Resumed)).
    /// False, and nothing changes, if they are another's.
    pub fn mark_records(
        &mut self,
        identity: Verified<IdentityRecord>,
        device: Verified<DeviceRecord>,
    ) -> bool {
        if identity.user() != self.their() || device.user() != self.their() {
            return false;
        }
        self.identity = identity;
        self.device = device;
        true
    }

    /// The name to begin with in our list.
    pub fn rename(&mut self, name: &str) {
        self.expected = clean_name(name);
    }

    /// Whether both said yes.
    pub fn are_friends(&self) -> bool {
        self.answers.mine == Some(true) && self.answers.theirs == Some(true)
    }

    /// Whether either said no.
    pub fn is_refused(&self) -> bool {
        self.answers.mine == Some(false) || self.answers.theirs == Some(false)
    }

    /// Whether nothing has to be said any more: both answers are kept on both sides, or the other said no first.
    pub const fn is_settled(&self) -> bool {
        self.answers.are_settled()
    }

    /// Whether it has waited too long.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.since(self.since) > u64::from(PENDING_PAIR_DAYS).saturating_mul(DAY_MS)
    }

    /// The bytes to keep, for the caller to seal under the at-rest key. Zeroed on drop.
    pub fn encode_secret(&self) -> Zeroizing<Vec<u8>> {
        let records = self.identity.as_bytes().len().saturating_add(self.device.as_bytes().len());
        let names = self.their_name.len().saturating_add(self.expected.len());
        let mut out = Writer::with_capacity(128_usize.saturating_add(records).saturating_add(names));
        out.u8(STORED_VERSION).u8(self.role.byte()).value(&self.invite).raw(self.pair_key.expose_bytes());
        out.raw(&self.safety).u64(self.since.as_millis());
        out.u8(answer_code(self.answers.mine)).u8(answer_code(self.answers.theirs));
        out.bool(self.answers.mine_seen);
        out.bytes_u16(self.identity.as_bytes()).bytes_u16(self.device.as_bytes());
        out.bytes_u8(self.their_name.as_bytes()).bytes_u8(self.expected.as_bytes());
        Zeroizing::new(out.into_vec())
    }

    /// Reads what [`Pending::encode_secret`] wrote, and verifies the records again.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode_secret(bytes: &[u8]) -> Result<Self, DecodeError> {
        let unsigned = |_| DecodeError::Invalid { what: "a stored record is not signed" };
        let mut input = Reader::new(bytes);
        let version = input.u8()?;
        if version != STORED_VERSION {
            return Err(DecodeError::Unknown { what: "pending pair version", code: u64::from(version) });
        }
        let role = match input.u8()? {
            b'I' => Role::Initiator,
            b'R' => Role::Responder,
            code => return Err(DecodeError::Unknown { what: "role", code: u64::from(code) }),
        };
        let invite = input.value()?;
        let pair_key = PairKey::from_bytes(input.array()?);
        let safety = input.array()?;
        let since = Timestamp::from_millis(input.u64()?);
        let mine = read_answer(&mut input)?;
        let theirs = read_answer(&mut input)?;
        let answers = Answers { mine, theirs, mine_seen: input.bool()? };
        let identity = read_identity(&mut input)?.verify().map_err(unsigned)?;
        let device = read_device(&mut input)?.verify().map_err(unsigned)?;
        let their_name = input.text_u8("name", NAME_LIMIT)?.to_owned();
        let expected = input.text_u8("name", NAME_LIMIT)?.to_owned();
        input.finish()?;
        Ok(Self { role, invite, pair_key, safety, since, identity, device, their_name, expected, answers })
    }
}

const fn mark(answer: &mut Option<bool>, yes: bool) -> bool {
    let is_first = answer.is_none();
    if is_first {
        *answer = Some(yes);
    }
    is_first
}

const fn answer_code(answer: Option<bool>) -> u8 {
    match answer {
        None => 0,
        Some(false) => 1,
        Some(true) => 2,
    }
}

fn read_answer(input: &mut Reader<'_>) -> Result<Option<bool>, DecodeError> {
    match input.u8()? {
        0 => Ok(None),
        1 => Ok(Some(false)),
        2 => Ok(Some(true)),
        code => Err(DecodeError::Unknown { what: "answer", code: u64::from(code) }),
    }
}
