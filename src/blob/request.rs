//! `Get`: the one frame that a blob stream carries towards the holder.
//!
//! Source: docs/protocol.md 3.7 (`/tidings/blob/1`).

use bao_tree::{ChunkNum, ChunkRanges};

use super::{GROUP_CHUNK_LOG, Shape};
use crate::id::BlobId;
use crate::limits::BLOB_RANGES_LIMIT;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

const VERSION: u8 = 1;
const VARIANT_GET: u8 = 1;
const RANGE_LEN: usize = 8;

/// Ranges of groups: half-open, ascending, never touching, at least one and at most [`BLOB_RANGES_LIMIT`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups(Vec<(u32, u32)>);

impl Groups {
    /// All groups of a shape.
    pub fn all(shape: Shape) -> Self {
        Self(vec![(0, shape.groups())])
    }

    /// Ranges `[start, end)`.
    ///
    /// # Errors
    /// [`DecodeError`] unless they are as the type demands.
    pub fn new(ranges: Vec<(u32, u32)>) -> Result<Self, DecodeError> {
        if ranges.len() > BLOB_RANGES_LIMIT {
            return Err(DecodeError::TooMany {
                what: "ranges of groups",
                limit: BLOB_RANGES_LIMIT,
                actual: u64::try_from(ranges.len()).unwrap_or(u64::MAX),
            });
        }
        if ranges.is_empty() {
            return Err(DecodeError::Invalid { what: "a Get asks for no group" });
        }
        let mut last_end = None;
        for (start, end) in &ranges {
            if start >= end || last_end.is_some_and(|last| *start <= last) {
                return Err(DecodeError::Invalid {
                    what: "ranges of groups are empty, touch or do not ascend",
                });
            }
            last_end = Some(*end);
        }
        Ok(Self(ranges))
    }

    /// The ranges.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// How many groups they hold.
    pub fn count(&self) -> u32 {
        self.0.iter().fold(0u32, |sum, (start, end)| sum.saturating_add(end.saturating_sub(*start)))
    }

    /// Whether a blob of that shape has all of them.
    pub fn fit(&self, shape: Shape) -> bool {
        self.0.last().is_none_or(|(_, end)| *end <= shape.groups())
    }

    /// The same in chunks of 1 KiB. A range that reaches the last group is left open, so that the geometry takes that
    /// group whole whatever its length.
    pub(super) fn chunks(&self, shape: Shape) -> ChunkRanges {
        let chunk = |group: u32| ChunkNum(u64::from(group) << GROUP_CHUNK_LOG);
        self.0.iter().fold(ChunkRanges::empty(), |all, (start, end)| {
            all | if *end >= shape.groups() {
                ChunkRanges::from(chunk(*start)..)
            } else {
                ChunkRanges::from(chunk(*start)..chunk(*end))
            }
        })
    }
}

/// Asks for groups of a blob.
///
/// # Layout
/// | offset | size | field | limit |
/// |---|---|---|---|
/// | 0 | 1 | version = 1 | |
/// | 1 | 1 | variant = 1 | |
/// | 2 | 32 | blob_id | |
/// | 34 | 2 | n | 1 to [`BLOB_RANGES_LIMIT`] |
/// | 36 | 8·n | start 4 ‖ end 4, half-open, in groups of 16 KiB | ascending, not touching |
///
/// Source: docs/protocol.md 3.7.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// Which blob.
    pub blob: BlobId,
    /// Which of its groups.
    pub groups: Groups,
}

impl Get {
    /// The longest frame, bytes.
    pub const LEN_LIMIT: usize = 36 + RANGE_LEN * BLOB_RANGES_LIMIT;
}

impl Encode for Get {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(VERSION).u8(VARIANT_GET).value(&self.blob);
        // Invariant: `Groups` holds at most BLOB_RANGES_LIMIT ranges.
        out.u16(u16::try_from(self.groups.0.len()).unwrap_or(u16::MAX));
        for (start, end) in &self.groups.0 {
            out.u32(*start).u32(*end);
        }
    }
}

impl Decode for Get {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match input.u8()? {
            VERSION => {}
            other => return Err(DecodeError::Unknown { what: "blob version", code: u64::from(other) }),
        }
        match input.u8()? {
            VARIANT_GET => {}
            other => return Err(DecodeError::Unknown { what: "blob variant", code: u64::from(other) }),
        }
        let blob = input.value()?;
        let count = u64::from(input.u16()?);
        let count = input.count("ranges of groups", count, BLOB_RANGES_LIMIT, RANGE_LEN)?;
        let mut ranges = Vec::with_capacity(count);
        for _ in 0..count {
            ranges.push((input.u32()?, input.u32()?));
        }
        Ok(Self { blob, groups: Groups::new(ranges)? })
    }
}
