//! What one person hands another so that they can become friends: whom to reach, where, and a secret for once.

use super::base64;
use crate::crypto::{self, InviteSecret, keys};
use crate::id::{InviteId, NodeId, UserId};
use crate::limits::{ADDRESS_LEN_LIMIT, INVITE_ADDRESS_LIMIT, INVITE_LINK_LIMIT};
use crate::link::Address;
use crate::time::Timestamp;
use crate::wire::{DecodeError, Reader, Writer};

/// What a link begins with, the version left out.
const LINK_START: &str = "tidings:invite/";
/// The version this program writes and reads.
const LINK_VERSION: u32 = 1;
/// Bytes of the checksum.
const CHECK_LEN: usize = 4;

/// An invite as it is handed over, by QR code or link. It lives until it is used, closed or expired; the inviter
/// decides which, [`Invite::expires`] only spares the other side a useless attempt.
///
/// # Layout
/// The link is `tidings:invite/1/` and the base64url, without padding, of
///
/// | offset | length | field | limit |
/// | --- | --- | --- | --- |
/// | 0 | 32 | root_pub of the inviter | |
/// | 32 | 32 | node_pub of the inviter | |
/// | 64 | 32 | secret s | |
/// | 96 | 8 | expires, Unix ms | |
/// | 104 | 1 | a | ≤ [`INVITE_ADDRESS_LIMIT`] |
/// | 105 | … | a × {len 1 ‖ multiaddr} | 1 ≤ len ≤ [`ADDRESS_LEN_LIMIT`] |
/// | … | 4 | first bytes of the BLAKE3 hash of all before | |
///
/// With two short addresses that is 187 characters: a QR code of 57 × 57 modules. The checksum is for slips of the
/// hand; that nobody altered an invite on the way is what pairing proves.
///
/// Source: docs/protocol.md 3.7.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    /// Who invites.
    pub root: UserId,
    /// The node to reach; no other key is accepted there.
    pub node: NodeId,
    /// Where, best first; those beyond [`INVITE_ADDRESS_LIMIT`] are left off.
    pub addresses: Vec<Address>,
    /// What both sides prove to know.
    pub secret: InviteSecret,
    /// When it ends by the inviter's clock.
    pub expires: Timestamp,
}

impl Invite {
    /// Its id.
    pub fn id(&self) -> InviteId {
        keys::invite_id(&self.secret)
    }

    /// Whether it is of no use any more.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }

    /// The link. Whoever reads it can redeem it.
    pub fn expose_link(&self) -> String {
        let mut out = Writer::new();
        out.value(&self.root).value(&self.node).raw(self.secret.expose_bytes()).u64(self.expires.as_millis());
        let addresses = self.addresses.iter().take(INVITE_ADDRESS_LIMIT);
        out.u8(u8::try_from(addresses.len()).unwrap_or(u8::MAX));
        for address in addresses {
            out.bytes_u8(address.as_bytes());
        }
        let check = check(out.as_slice());
        out.raw(&check);
        format!("{LINK_START}{LINK_VERSION}/{}", base64::encode(out.as_slice()))
    }

    /// Reads a link; white space around it does not matter.
    ///
    /// # Errors
    /// [`InviteError`] says which of the three things it is.
    pub fn parse(link: &str) -> Result<Self, InviteError> {
        let rest = link.trim().strip_prefix(LINK_START).ok_or(InviteError::NotALink)?;
        if rest.len() > INVITE_LINK_LIMIT {
            return Err(InviteError::Damaged);
        }
        let (version, text) = rest.split_once('/').ok_or(InviteError::Damaged)?;
        let is_number = !version.is_empty() && version.bytes().all(|digit| digit.is_ascii_digit());
        match version.parse::<u32>() {
            Ok(LINK_VERSION) if version.len() == 1 => {}
            Ok(version) if is_number && version > LINK_VERSION => return Err(InviteError::Newer { version }),
            _ => return Err(InviteError::Damaged),
        }
        let bytes = base64::decode(text).ok_or(InviteError::Damaged)?;
        let (body, sum) = bytes
            .len()
            .checked_sub(CHECK_LEN)
            .and_then(|len| bytes.split_at_checked(len))
            .ok_or(InviteError::Damaged)?;
        if check(body) != sum {
            return Err(InviteError::Damaged);
        }
        Self::read(Reader::new(body)).map_err(|_| InviteError::Damaged)
    }

    fn read(mut input: Reader<'_>) -> Result<Self, DecodeError> {
        let root = input.value()?;
        let node = input.value()?;
        let secret = InviteSecret::from_bytes(input.array()?);
        let expires = Timestamp::from_millis(input.u64()?);
        let count = u64::from(input.u8()?);
        let count = input.count("addresses", count, INVITE_ADDRESS_LIMIT, 1)?;
        let addresses = (0..count)
            .map(|_| Address::from_bytes(input.bytes_u8("address", ADDRESS_LEN_LIMIT)?))
            .collect::<Result<_, _>>()?;
        input.finish()?;
        Ok(Self { root, node, addresses, secret, expires })
    }
}

impl std::fmt::Debug for Invite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invite")
            .field("root", &self.root)
            .field("node", &self.node)
            .field("addresses", &self.addresses.len())
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

fn check(body: &[u8]) -> [u8; CHECK_LEN] {
    crypto::hash(body).first_chunk().copied().unwrap_or_default()
}

/// Why text is not an invite. Never repeats the text: most of it may be the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// Something else altogether.
    #[error("not a tidings invite link: those begin with {LINK_START}")]
    NotALink,
    /// Made by a newer program.
    #[error("the invite link has version {version}, this program knows version {LINK_VERSION}")]
    Newer {
        /// Its version.
        version: u32,
    },
    /// The beginning is right, the rest is not.
    #[error("the invite link is damaged: part of it is missing or changed")]
    Damaged,
}
