//! The boxes of MP4 and MOV, in memory: walking them, reading their fields, and blanking what need not be there.
//!
//! ```text
//! size 4 ‖ type 4 ‖ [size 8 if the first is 1] ‖ body
//! ```
//!
//! Everything here works on the index (`moov`), which is read whole within a limit. The walk goes where a grammar sends
//! it, never where the file nests, so that depth is bounded by the code.
//!
//! Source: ISO 14496-12 4.2; QuickTime File Format, "Atoms".

use super::error::Error;
use super::limits;

/// Where a box stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its type.
    pub kind: [u8; 4],
    /// Where it begins.
    pub at: usize,
    /// Where its body begins.
    pub body: usize,
    /// Where it ends.
    pub end: usize,
}

/// The boxes between two offsets. Fewer than eight bytes behind the last are blanked: QuickTime ends lists with zeros.
///
/// # Errors
/// [`Error::Damaged`] if one is larger than the rest; [`Error::TooMany`].
pub fn children(bytes: &mut [u8], from: usize, to: usize) -> Result<Vec<Place>, Error> {
    const ODD: Error = Error::Damaged("a box does not fit");
    let mut found = Vec::new();
    let mut at = from;
    while to.checked_sub(at).ok_or(ODD)? >= 8 {
        if found.len() as u64 == limits::BOXES_LIMIT {
            return Err(Error::TooMany { what: "boxes in a row", max: limits::BOXES_LIMIT });
        }
        let (head, len) = match u32_at(bytes, at)? {
            1 => (16, usize::try_from(u64_at(bytes, at + 8)?).map_err(|_| ODD)?),
            len => (8, usize::try_from(len).map_err(|_| ODD)?),
        };
        let end = at.checked_add(len).filter(|end| len >= head && *end <= to).ok_or(ODD)?;
        let kind = bytes.get(at + 4..at + 8).and_then(|kind| kind.try_into().ok()).ok_or(ODD)?;
        found.push(Place { kind, at, body: at + head, end });
        at = end;
    }
    bytes.get_mut(at..to).ok_or(ODD)?.fill(0);
    Ok(found)
}

/// The first box of a type.
pub fn first(boxes: &[Place], kind: &[u8; 4]) -> Option<Place> {
    boxes.iter().find(|place| place.kind == *kind).copied()
}

/// The first box of a type, which has to be there.
///
/// # Errors
/// [`Error::Damaged`].
pub fn needed(boxes: &[Place], kind: &[u8; 4]) -> Result<Place, Error> {
    first(boxes, kind).ok_or(Error::Damaged("a part of its index is missing"))
}

/// Makes a box an empty one of the same length.
pub fn blank(bytes: &mut [u8], place: Place) {
    if let Some(kind) = bytes.get_mut(place.at + 4..place.at + 8) {
        kind.copy_from_slice(b"free");
    }
    zero(bytes, place.body, place.end);
}

/// Blanks every box whose type is not among those that may stay.
pub fn keep_only(bytes: &mut [u8], boxes: &[Place], may_stay: &[&[u8; 4]]) {
    for place in boxes {
        if !may_stay.contains(&&place.kind) {
            blank(bytes, *place);
        }
    }
}

/// Zeros between two offsets, as far as there are bytes.
pub fn zero(bytes: &mut [u8], from: usize, to: usize) {
    let to = to.min(bytes.len());
    if let Some(part) = bytes.get_mut(from..to) {
        part.fill(0);
    }
}

/// A number of one byte.
///
/// # Errors
/// [`Error::Damaged`] beyond the end, as all of these.
pub fn u8_at(bytes: &[u8], at: usize) -> Result<u8, Error> {
    bytes.get(at).copied().ok_or(Error::Damaged("a box is too short"))
}

/// A number of two bytes.
pub fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    Ok(u16::from_be_bytes(array_at(bytes, at)?))
}

/// A number of four bytes.
pub fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    Ok(u32::from_be_bytes(array_at(bytes, at)?))
}

/// A number of eight bytes.
pub fn u64_at(bytes: &[u8], at: usize) -> Result<u64, Error> {
    Ok(u64::from_be_bytes(array_at(bytes, at)?))
}

/// Bytes of a known number.
pub fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Error> {
    at.checked_add(N)
        .and_then(|end| bytes.get(at..end))
        .and_then(|part| part.try_into().ok())
        .ok_or(Error::Damaged("a box is too short"))
}
