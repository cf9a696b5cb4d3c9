//! The frames of `/tidings/mail/1`.
//!
//! A frame is `version u8 = 1 ‖ variant u8 ‖ fields`; its length stands before it on the stream and is the shell's
//! business. An unknown variant is ignored, an unknown version or a left-over byte is a fault.
//!
//! | no | frame | fields | meaning |
//! | ---: | --- | --- | --- |
//! | 1 | `Put` | envelope: the rest | please keep this for its recipient |
//! | 2 | `Kept` | | the oldest `Put` not answered yet is kept, flushed |
//! | 3 | `Full` | | it is not kept |
//! | 4 | `Deliver` | envelope: the rest | this is for you |
//! | 5 | `Taken` | parcel_id 16 | its effects are flushed; drop it |
//!
//! `Kept` and `Full` name no parcel: they answer in the order of the `Put`s.
//!
//! What it does not do: it does not judge an envelope beyond its shape.
//!
//! Source: docs/protocol.md 3.7; golden vectors in `tests/vectors/mail.txt`.

use super::envelope::Envelope;
use crate::id::ParcelId;
use crate::wire::{DecodeError, Reader, Writer};

const VERSION: u8 = 1;

/// A message of `/tidings/mail/1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Please keep this for its recipient.
    Put(Envelope),
    /// The oldest unanswered `Put` is kept.
    Kept,
    /// The oldest unanswered `Put` is not kept.
    Full,
    /// This is for you.
    Deliver(Envelope),
    /// Its effects are flushed; drop it.
    Taken(ParcelId),
}

impl Frame {
    /// The bytes after the length.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u8(VERSION).u8(self.variant());
        match self {
            Self::Put(parcel) | Self::Deliver(parcel) => out.value(parcel),
            Self::Kept | Self::Full => &mut out,
            Self::Taken(parcel) => out.value(parcel),
        };
        out.into_vec()
    }

    /// Reads the bytes after the length; `None` for a variant that this program does not know.
    ///
    /// # Errors
    /// [`DecodeError`]: the peer's fault.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
        let mut input = Reader::new(bytes);
        let version = input.u8()?;
        if version != VERSION {
            return Err(DecodeError::Unknown { what: "mail frame version", code: u64::from(version) });
        }
        let frame = match input.u8()? {
            1 => Self::Put(input.value()?),
            2 => Self::Kept,
            3 => Self::Full,
            4 => Self::Deliver(input.value()?),
            5 => Self::Taken(input.value()?),
            _ => return Ok(None),
        };
        input.finish()?;
        Ok(Some(frame))
    }

    const fn variant(&self) -> u8 {
        match self {
            Self::Put(_) => 1,
            Self::Kept => 2,
            Self::Full => 3,
            Self::Deliver(_) => 4,
            Self::Taken(_) => 5,
        }
    }
}

#[cfg(test)]
mod tests;
