//! Which groups of a blob are there: the memory of a transfer that was cut.
//!
//! It is a claim about a file beside it. A claim may be wrong after a power cut, so a blob that was continued from one
//! is hashed whole before it counts as fetched; the claim only saves the network the bytes.
//!
//! Source: docs/protocol.md 3.9.

use std::collections::BTreeSet;

use super::{Groups, Shape};
use crate::id::BlobId;
use crate::limits::BLOB_RANGES_LIMIT;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

const VERSION: u8 = 1;

/// The verified groups of one blob.
///
/// # Layout
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 1 | version = 1 |
/// | 1 | 32 | blob_id |
/// | 33 | 8 | size in bytes |
/// | 41 | ⌈groups / 8⌉ | one bit for each group, group 0 the lowest of the first byte; unused bits 0 |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    blob: BlobId,
    shape: Shape,
    bits: Vec<u8>,
    verified: u32,
}

impl Partial {
    /// Nothing is there.
    pub fn new(blob: BlobId, shape: Shape) -> Self {
        Self { blob, shape, bits: vec![0; bits_len(shape)], verified: 0 }
    }

    /// The blob.
    pub const fn blob(&self) -> BlobId {
        self.blob
    }

    /// Its size.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// How many groups are there.
    pub const fn verified_groups(&self) -> u32 {
        self.verified
    }

    /// Whether a group is there.
    pub fn has(&self, group: u32) -> bool {
        let (byte, bit) = place(group);
        self.bits.get(byte).is_some_and(|bits| bits & bit != 0)
    }

    /// Whether all are there.
    pub fn is_whole(&self) -> bool {
        self.verified == self.shape.groups()
    }

    /// Marks a group as verified and written. One that the blob does not have is ignored.
    pub fn mark(&mut self, group: u32) {
        if group >= self.shape.groups() || self.has(group) {
            return;
        }
        let (byte, bit) = place(group);
        if let Some(bits) = self.bits.get_mut(byte) {
            *bits |= bit;
            self.verified = self.verified.saturating_add(1);
        }
    }

    /// What to ask for next: the missing groups, the first [`BLOB_RANGES_LIMIT`] ranges of them; `None` if the blob is
    /// whole.
    pub fn missing(&self) -> Option<Groups> {
        self.missing_in(0..self.shape.groups())
    }

    /// The same from where somebody waits on, to the end; of several places, so many groups in all, shared among them. Where
    /// nothing is missing there, all that is.
    pub fn missing_at(&self, places: &BTreeSet<u32>, shared: u32) -> Option<Groups> {
        let stretch = match u32::try_from(places.len()) {
            Ok(0 | 1) => u32::MAX,
            count => shared.checked_div(count.unwrap_or(u32::MAX)).unwrap_or(1).max(1),
        };
        let mut next = 0u32;
        let wanted = places.iter().flat_map(|place| {
            let end = place.saturating_add(stretch).min(self.shape.groups());
            let start = next.max(*place).min(end);
            next = next.max(end);
            start..end
        });
        self.missing_in(wanted).or_else(|| self.missing())
    }

    /// Of ascending groups.
    fn missing_in(&self, groups: impl Iterator<Item = u32>) -> Option<Groups> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for group in groups.filter(|group| !self.has(*group)) {
            let is_full = ranges.len() >= BLOB_RANGES_LIMIT;
            match ranges.last_mut() {
                Some((_, end)) if *end == group => *end = group.saturating_add(1),
                _ if is_full => break,
                _ => ranges.push((group, group.saturating_add(1))),
            }
        }
        Groups::new(ranges).ok()
    }
}

fn bits_len(shape: Shape) -> usize {
    usize::try_from(shape.groups().div_ceil(8)).unwrap_or(usize::MAX)
}

/// Byte and mask of a group's bit.
fn place(group: u32) -> (usize, u8) {
    (usize::try_from(group >> 3).unwrap_or(usize::MAX), 1u8 << (group & 7))
}

impl Encode for Partial {
    fn encode_to(&self, out: &mut Writer) {
        out.u8(VERSION).value(&self.blob).u64(self.shape.bytes()).raw(&self.bits);
    }
}

impl Decode for Partial {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match input.u8()? {
            VERSION => {}
            other => return Err(DecodeError::Unknown { what: "partial version", code: u64::from(other) }),
        }
        let blob = input.value()?;
        let shape = Shape::new(input.u64()?)
            .map_err(|_| DecodeError::Invalid { what: "a partial blob has an impossible size" })?;
        let bits = input.take(bits_len(shape))?.to_vec();
        let mut partial = Self { blob, shape, bits, verified: 0 };
        let set = partial.bits.iter().fold(0u32, |sum, byte| sum.saturating_add(byte.count_ones()));
        let groups = (0..shape.groups()).filter(|group| partial.has(*group)).count();
        partial.verified = u32::try_from(groups).unwrap_or(u32::MAX);
        if partial.verified != set {
            return Err(DecodeError::Invalid { what: "a partial blob marks groups it does not have" });
        }
        Ok(partial)
    }
}
