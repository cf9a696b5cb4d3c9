//! The frames of `/tidings/pair/1`, bytes and nothing else.
//!
//! # Layout
//! Every frame is version 1 ‖ variant 1 ‖ fields. *records* stands for
//! u16 len ‖ IdentityRecord ‖ u16 len ‖ DeviceRecord, *name* for u8 len ‖ UTF-8, len ≤ [`NAME_LIMIT`], without control
//! characters. Version is 1; a frame is at most [`PAIR_FRAME_LIMIT`] bytes, `Moments` at most [`FRAME_LIMIT`]; an unknown
//! variant is ignored, trailing bytes are a fault.
//!
//! | variant | frame | direction | fields |
//! | --- | --- | --- | --- |
//! | 1 | `Hello` | I→R | invite_id 16 ‖ BLAKE3(nonce_I) 32 ‖ records ‖ name |
//! | 2 | `Reply` | R→I | nonce_R 32 ‖ records ‖ name |
//! | 3 | `Open` | I→R | nonce_I 32 ‖ pair_mac_I 32 |
//! | 4 | `Confirm` | R→I | pair_mac_R 32 |
//! | 5 | `Decision` | both | yes 1 (0 or 1) |
//! | 6 | `Seen` | both | |
//! | 7 | `Resume` | I→R | nonce_I 32 ‖ resume_I 16 |
//! | 8 | `Known` | R→I | nonce_R 32 ‖ resume_R 16 |
//! | 9 | `Records` | I→R, then R→I | records |
//! | 10 | `Moments` | both | n 1 (1 to 10) ‖ n × {epoch_pub 32 ‖ es_commit 32 ‖ claim 64 ‖ content_key 32 ‖ header 186 ‖ body u32+} |
//!
//! Golden vectors: `tests/vectors/pair.txt`. Source: docs/protocol.md 3.7.

use crate::crypto::{ContentKey, Signature, VerifyingKey};
use crate::entry::HEADER_LEN;
use crate::id::InviteId;
use crate::identity::{DeviceRecord, IdentityRecord, read_device, read_identity};
use crate::limits::{ENTRY_BODY_LIMIT, FRAME_LIMIT, NAME_LIMIT, PAIR_FRAME_LIMIT, STRANGER_MOMENT_LIMIT};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// The version this program writes and reads.
const VERSION: u8 = 1;
/// The variant that may be longer than others.
const MOMENTS: u8 = 10;

/// The two records of a side, as they came: neither is verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// Which devices speak for the person.
    pub identity: IdentityRecord,
    /// The device at the other end.
    pub device: DeviceRecord,
}

/// A moment that is shown to somebody who is not a friend yet, as it came: nothing of it is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownMoment {
    /// The public key of its epoch.
    pub epoch_pub: VerifyingKey,
    /// What the claim commits to.
    pub es_commit: [u8; 32],
    /// The epoch key's claim to belong to its author.
    pub claim: Signature,
    /// Opens this entry and no other.
    pub content_key: ContentKey,
    /// The entry's header.
    pub header: Box<[u8; HEADER_LEN]>,
    /// Its body.
    pub body: Vec<u8>,
}

impl ShownMoment {
    /// How many bytes it takes in a frame.
    pub fn encoded_len(&self) -> usize {
        const FIXED: usize = 32 + 32 + 64 + 32 + HEADER_LEN + 4;
        FIXED.saturating_add(self.body.len())
    }
}

/// Prints its length alone: a key stands in it.
impl std::fmt::Debug for ShownMoment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ShownMoment(body <{}b>)", self.body.len())
    }
}

impl Encode for ShownMoment {
    fn encode_to(&self, out: &mut Writer) {
        out.raw(self.epoch_pub.as_bytes()).raw(&self.es_commit).raw(self.claim.as_bytes());
        out.raw(self.content_key.expose_bytes()).raw(&self.header[..]).bytes_u32(&self.body);
    }
}

impl Decode for ShownMoment {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            epoch_pub: VerifyingKey::from_bytes(input.array()?),
            es_commit: input.array()?,
            claim: Signature::from_bytes(input.array()?),
            content_key: ContentKey::from_bytes(input.array()?),
            header: Box::new(input.array()?),
            body: input.bytes_u32("body", ENTRY_BODY_LIMIT)?.to_vec(),
        })
    }
}

/// A frame of `/tidings/pair/1`.
#[derive(Clone, PartialEq, Eq)]
pub enum Frame {
    /// Begins a pairing.
    Hello {
        /// Which invite.
        invite: InviteId,
        /// Commits to the initiator's nonce, so that neither side can choose the safety words.
        nonce_hash: [u8; 32],
        /// The initiator's.
        records: Records,
        /// As claimed.
        name: String,
    },
    /// Answers a `Hello` whose invite is open.
    Reply {
        /// The responder's nonce.
        nonce: [u8; 32],
        /// The responder's.
        records: Records,
        /// As claimed.
        name: String,
    },
    /// Opens the commitment and proves to know the invite's secret.
    Open {
        /// The initiator's nonce.
        nonce: [u8; 32],
        /// The proof.
        mac: [u8; 32],
    },
    /// The responder's proof.
    Confirm {
        /// The proof.
        mac: [u8; 32],
    },
    /// What the human said.
    Decision {
        /// Friends or not.
        yes: bool,
    },
    /// A decision is kept for good.
    Seen,
    /// Begins a Resume.
    Resume {
        /// The initiator's nonce.
        nonce: [u8; 32],
        /// The proof to know a pair key.
        mac: [u8; 16],
    },
    /// Answers a `Resume` under a pair key that is known.
    Known {
        /// The responder's nonce.
        nonce: [u8; 32],
        /// The responder's proof.
        mac: [u8; 16],
    },
    /// Present records, in Resume.
    Records(Records),
    /// Moments for everyone, for somebody whose pairing is pending.
    Moments(Vec<ShownMoment>),
}

impl Frame {
    /// Reads a frame; none if its variant is not known, which is no fault.
    ///
    /// # Errors
    /// [`DecodeError`], always the sender's fault.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let limit = if bytes.get(1) == Some(&MOMENTS) { FRAME_LIMIT } else { PAIR_FRAME_LIMIT };
        if bytes.len() > limit {
            let actual = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            return Err(DecodeError::TooMany { what: "frame bytes", limit, actual });
        }
        let mut input = Reader::new(bytes);
        let version = input.u8()?;
        if version != VERSION {
            return Err(DecodeError::Unknown { what: "frame version", code: u64::from(version) });
        }
        let Some(frame) = Self::read(input.u8()?, &mut input)? else {
            return Ok(None);
        };
        input.finish()?;
        Ok(Some(frame))
    }

    fn read(variant: u8, input: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        Ok(Some(match variant {
            1 => Self::Hello {
                invite: input.value()?,
                nonce_hash: input.array()?,
                records: read_records(input)?,
                name: read_name(input)?,
            },
            2 => {
                Self::Reply { nonce: input.array()?, records: read_records(input)?, name: read_name(input)? }
            }
            3 => Self::Open { nonce: input.array()?, mac: input.array()? },
            4 => Self::Confirm { mac: input.array()? },
            5 => Self::Decision { yes: input.bool()? },
            6 => Self::Seen,
            7 => Self::Resume { nonce: input.array()?, mac: input.array()? },
            8 => Self::Known { nonce: input.array()?, mac: input.array()? },
            9 => Self::Records(read_records(input)?),
            MOMENTS => Self::Moments(read_moments(input)?),
            _ => return Ok(None),
        }))
    }

    const fn variant(&self) -> u8 {
        match self {
            Self::Hello { .. } => 1,
            Self::Reply { .. } => 2,
            Self::Open { .. } => 3,
            Self::Confirm { .. } => 4,
            Self::Decision { .. } => 5,
            Self::Seen => 6,
            Self::Resume { .. } => 7,
            Self::Known { .. } => 8,
            Self::Records(_) => 9,
            Self::Moments(_) => MOMENTS,
        }
    }

    /// What a log may say of a frame.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "Hello",
            Self::Reply { .. } => "Reply",
            Self::Open { .. } => "Open",
            Self::Confirm { .. } => "Confirm",
            Self::Decision { .. } => "Decision",
            Self::Seen => "Seen",
            Self::Resume { .. } => "Resume",
            Self::Known { .. } => "Known",
            Self::Records(_) => "Records",
            Self::Moments(_) => "Moments",
        }
    }
}

impl Encode for Frame {
    /// # Panics
    /// If a name is longer than 255 bytes: [`Us`](super::Us) and the decoder hold it at [`NAME_LIMIT`].
    fn encode_to(&self, out: &mut Writer) {
        out.u8(VERSION).u8(self.variant());
        match self {
            Self::Hello { invite, nonce_hash, records, name } => {
                out.value(invite).raw(nonce_hash).value(records).bytes_u8(name.as_bytes())
            }
            Self::Reply { nonce, records, name } => out.raw(nonce).value(records).bytes_u8(name.as_bytes()),
            Self::Open { nonce, mac } => out.raw(nonce).raw(mac),
            Self::Confirm { mac } => out.raw(mac),
            Self::Decision { yes } => out.bool(*yes),
            Self::Seen => out,
            Self::Resume { nonce, mac } | Self::Known { nonce, mac } => out.raw(nonce).raw(mac),
            Self::Records(records) => out.value(records),
            Self::Moments(moments) => {
                out.u8(u8::try_from(moments.len()).unwrap_or(u8::MAX));
                moments.iter().for_each(|moment| moment.encode_to(out));
                out
            }
        };
    }
}

impl Encode for Records {
    fn encode_to(&self, out: &mut Writer) {
        out.bytes_u16(self.identity.as_bytes()).bytes_u16(self.device.as_bytes());
    }
}

/// Prints the kind alone: nonces and proofs are of no use in a log.
impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

fn read_records(input: &mut Reader<'_>) -> Result<Records, DecodeError> {
    Ok(Records { identity: read_identity(input)?, device: read_device(input)? })
}

fn read_moments(input: &mut Reader<'_>) -> Result<Vec<ShownMoment>, DecodeError> {
    let count = u64::from(input.u8()?);
    let count = input.count("moments", count, STRANGER_MOMENT_LIMIT, HEADER_LEN)?;
    if count == 0 {
        return Err(DecodeError::Invalid { what: "moments, and none of them" });
    }
    (0..count).map(|_| input.value()).collect()
}

fn read_name(input: &mut Reader<'_>) -> Result<String, DecodeError> {
    let name = input.text_u8("name", NAME_LIMIT)?;
    if name.chars().any(char::is_control) {
        return Err(DecodeError::Invalid { what: "a name holds control characters" });
    }
    Ok(name.to_owned())
}
