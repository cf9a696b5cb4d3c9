//! Notes inside the picture data itself: what codecs let a camera or an encoder write between two pictures.
//!
//! H.264 and H.265 have *supplemental enhancement information* (SEI): how to buffer and show, but also free text, time
//! codes, positions. AV1 has metadata units. What a decoder needs stays (a list of what may); every other note is
//! overwritten in place by filling of the same length, which decoders skip by rule. VP8 and VP9 have no such place.
//!
//! ```text
//! sample of a track:  len ‖ unit ‖ len ‖ unit …       (len: 1, 2 or 4 bytes)
//! SEI unit:           head 1 or 2 ‖ (type ‖ size ‖ payload)… ‖ 80     type, size: FF… + last byte, added up
//! AV1 unit:           head 1 ‖ [extension 1] ‖ [size, LEB128] ‖ payload
//! ```
//!
//! What it does not do: look into sound. AAC has room for a few bytes of an encoder's name in its first frame; no camera
//! is known to put a place or a time there.
//!
//! Source: ITU-T H.264 7.3.2.3 and D.1, H.265 7.3.2.4 and D.2; AV1 5.3 and 5.8.

use std::io::{Read, Seek};

use super::error::Error;
use super::film::{Edit, Film};
use super::limits;

/// How picture data is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units {
    /// H.264, with so many bytes of length before each unit.
    Avc(u8),
    /// H.265, likewise.
    Hevc(u8),
    /// AV1.
    Av1,
    /// Nothing in it but pictures.
    Plain,
}

/// Finds the notes in one sample and says how to overwrite them.
///
/// # Errors
/// [`Error::Damaged`] if the units do not fill the sample.
pub fn in_sample<R: Read + Seek>(
    film: &mut Film<R>,
    units: Units,
    at: u64,
    len: u64,
    edits: &mut Vec<Edit>,
) -> Result<(), Error> {
    match units {
        Units::Plain => Ok(()),
        Units::Av1 => in_av1(film, at, len, edits),
        Units::Avc(size) | Units::Hevc(size) => {
            let (mut at, end) = (at, at + len);
            while at < end {
                let mut head = [0; 4];
                let Some(slot) = head.get_mut(4 - usize::from(size.min(4))..) else { return Ok(()) };
                film.read(at, slot)?;
                let unit_len = u64::from(u32::from_be_bytes(head));
                at += u64::from(size);
                if unit_len > end.saturating_sub(at) {
                    return Err(Error::Damaged("a picture ends too early"));
                }
                in_unit(film, matches!(units, Units::Hevc(_)), at, unit_len, edits)?;
                at += unit_len;
            }
            Ok(())
        }
    }
}

/// Looks at one unit of H.264 or H.265.
///
/// # Errors
/// [`Error::TooMany`] for a note longer than is looked at.
pub fn in_unit<R: Read + Seek>(
    film: &mut Film<R>,
    hevc: bool,
    at: u64,
    len: u64,
    edits: &mut Vec<Edit>,
) -> Result<(), Error> {
    let head_len = if hevc { 2 } else { 1 };
    if len <= head_len {
        return Ok(());
    }
    let [first] = film.array(at)?;
    let is_note = if hevc { matches!((first >> 1) & 0x3F, 39 | 40) } else { first & 0x1F == 6 };
    if !is_note {
        return Ok(());
    }
    let body = film.bytes(at + head_len, len - head_len, "bytes in a note", limits::NOTE_LEN_LIMIT)?;
    let is_needed = |kind: u32| match kind {
        0 | 6 | 45 | 47 | 137 | 144 | 147 => true,
        1 | 129 | 130 | 131 => hevc,
        _ => false,
    };
    if !kinds(&body).is_some_and(|kinds| kinds.into_iter().all(is_needed)) && body.len() >= 3 {
        edits.push(Edit::Write { at: at + head_len, bytes: filling(body.len()) });
    }
    Ok(())
}

/// The payload types of an SEI body; `None` if it makes no sense.
fn kinds(body: &[u8]) -> Option<Vec<u32>> {
    let mut plain = Vec::with_capacity(body.len());
    let mut zeros = 0;
    for &byte in body {
        // The 03 of 00 00 03 is there only so that no start code appears.
        if byte == 3 && zeros >= 2 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    let mut rest = &plain[..];
    let mut found = Vec::new();
    while rest.len() > 1 {
        let mut number = || {
            let mut sum = 0u32;
            loop {
                let (&byte, after) = rest.split_first()?;
                rest = after;
                sum = sum.saturating_add(u32::from(byte));
                if byte != 0xFF {
                    return Some(sum);
                }
            }
        };
        let (kind, size) = (number()?, number()?);
        found.push(kind);
        rest = rest.get(usize::try_from(size).ok()?..)?;
    }
    (rest == [0x80]).then_some(found)
}

/// An SEI body of this length that says nothing: filler payloads (type 3, all FF) and the closing bit.
fn filling(len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len);
    // A payload of n bytes takes 2 + n / 255 more; where no n fits exactly, an empty payload comes first.
    let fits = |len: usize| {
        let room = len.checked_sub(1)?;
        let guess = room.checked_sub(2)?;
        (guess.saturating_sub(guess / 255 + 1)..=guess).find(|n| 2 + n / 255 + n == room)
    };
    let n = fits(len).or_else(|| {
        out.extend([3, 0]);
        fits(len - 2)
    });
    if let Some(n) = n {
        out.push(3);
        out.extend(std::iter::repeat_n(0xFF, n / 255));
        out.push(u8::try_from(n % 255).unwrap_or_default());
        out.extend(std::iter::repeat_n(0xFF, n));
    }
    out.resize(len.saturating_sub(1), 0xFF);
    out.push(0x80);
    out
}

/// Looks at the units of AV1 that fill a stretch of a file.
///
/// # Errors
/// [`Error::Damaged`] if they do not.
pub fn in_av1<R: Read + Seek>(
    film: &mut Film<R>,
    at: u64,
    len: u64,
    edits: &mut Vec<Edit>,
) -> Result<(), Error> {
    const METADATA: u8 = 5;
    const PADDING: u8 = 15;
    let (mut at, end) = (at, at + len);
    while at < end {
        let [head] = film.array(at)?;
        let mut body_at = at + 1 + u64::from((head >> 2) & 1);
        let body_len = if head & 2 == 0 {
            end.saturating_sub(body_at)
        } else {
            let (value, size) = leb128(film, body_at)?;
            body_at += size;
            value
        };
        if body_len > end.saturating_sub(body_at) {
            return Err(Error::Damaged("a picture ends too early"));
        }
        // Light levels, mastering display and scalability are needed; T.35 messages, time codes and the rest are not.
        if (head >> 3) & 0x0F == METADATA && body_len > 0 && !matches!(leb128(film, body_at)?.0, 1..=3) {
            edits.push(Edit::Write { at, bytes: vec![(head & 0x87) | (PADDING << 3)] });
            edits.push(Edit::Zero { at: body_at, len: body_len - 1 });
            edits.push(Edit::Write { at: body_at + body_len - 1, bytes: vec![0x80] });
        }
        at = body_at + body_len;
    }
    Ok(())
}

fn leb128<R: Read + Seek>(film: &mut Film<R>, at: u64) -> Result<(u64, u64), Error> {
    let mut value = 0u64;
    for place in 0..8u64 {
        let [byte] = film.array(at + place)?;
        value |= u64::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok((value, place + 1));
        }
    }
    Err(Error::Damaged("a length does not end"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::film::apply;
    use super::*;

    /// An SEI unit of H.264 with one payload.
    fn note(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut unit = vec![6, kind];
        unit.extend(std::iter::repeat_n(0xFF, payload.len() / 255));
        unit.push(u8::try_from(payload.len() % 255).unwrap());
        unit.extend(payload);
        unit.push(0x80);
        unit
    }

    fn scrubbed(unit: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(unit.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(unit);
        let mut edits = Vec::new();
        let len = bytes.len() as u64;
        in_sample(&mut Film::new(Cursor::new(&bytes)).unwrap(), Units::Avc(4), 0, len, &mut edits).unwrap();
        apply(&mut Cursor::new(&mut bytes[..]), &edits).unwrap();
        bytes.split_off(4)
    }

    #[test]
    fn a_note_becomes_filling_of_the_same_length_whatever_that_is() {
        for len in 0..1_100 {
            let before = note(5, &vec![b'x'; len]);
            let after = scrubbed(&before);
            assert_eq!(after.len(), before.len());
            assert!(!after.windows(2).any(|pair| pair == b"xx"), "{len}");
            let kinds = kinds(&after[1..]).expect("it can be read again");
            assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == 3), "{len}: {kinds:?}");
        }
    }

    #[test]
    fn what_a_decoder_needs_stays_and_a_note_beside_it_goes() {
        let needed = note(6, &[0x80]);
        assert_eq!(scrubbed(&needed), needed);
        let mut both = needed[..needed.len() - 1].to_vec();
        both.extend(&note(5, b"a position")[1..]);
        assert!(kinds(&scrubbed(&both)[1..]).unwrap().iter().all(|kind| *kind == 3));
        let slice = vec![0x65, 5, 1, 2, 3, 0x80];
        assert_eq!(scrubbed(&slice), slice, "a picture is no note");
    }

    #[test]
    fn an_av1_time_code_becomes_padding() {
        let units = [0x12, 0x00, 0x2A, 0x04, 5, 7, 7, 7, 0x2A, 0x02, 1, 9];
        let mut edits = Vec::new();
        in_av1(&mut Film::new(Cursor::new(&units[..])).unwrap(), 0, 12, &mut edits).unwrap();
        let mut after = units;
        apply(&mut Cursor::new(&mut after[..]), &edits).unwrap();
        assert_eq!(after, [0x12, 0x00, 0x7A, 0x04, 0, 0, 0, 0x80, 0x2A, 0x02, 1, 9]);
    }

    #[test]
    fn a_unit_that_claims_more_than_its_sample_is_damage() {
        let bytes = [0, 0, 0, 9, 6, 5, 1, 1];
        let result =
            in_sample(&mut Film::new(Cursor::new(&bytes[..])).unwrap(), Units::Avc(4), 0, 8, &mut Vec::new());
        assert!(matches!(result, Err(Error::Damaged(_))));
    }
}
