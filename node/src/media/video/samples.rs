//! Where the samples of a track lie in the file: what of the media data is picture or sound, and so may stay.
//!
//! Four tables say it: sizes (`stsz`), how many in a chunk (`stsc`), where chunks begin (`stco`, `co64`), how long each
//! lasts (`stts`). They are taken as claims: lists no longer than their boxes, at most [`limits::SAMPLES_LIMIT`] samples.
//!
//! Source: ISO 14496-12 8.6.1, 8.7.3 to 8.7.5.

use super::boxes::{Place, first, needed, u8_at, u16_at, u32_at, u64_at};
use super::error::Error;
use super::limits;

/// A stretch of the file: offset and length.
pub type Stretch = (u64, u64);

/// The samples of a track in their order.
///
/// # Errors
/// [`Error::Damaged`], [`Error::TooMany`].
pub fn stretches(bytes: &[u8], tables: &[Place]) -> Result<Vec<Stretch>, Error> {
    let sizes = sizes(bytes, tables)?;
    let chunks = chunks(bytes, tables)?;
    let runs = runs(bytes, needed(tables, b"stsc")?)?;
    let mut found = Vec::with_capacity(sizes.len());
    let mut sizes = sizes.into_iter().peekable();
    let mut run = 0;
    for (number, offset) in (1u32..).zip(chunks) {
        while runs.get(run + 1).is_some_and(|next| next.0 <= number) {
            run += 1;
        }
        let Some(&(first_chunk, in_each)) = runs.get(run) else { break };
        if first_chunk > number {
            return Err(Error::Damaged("samples without a place"));
        }
        let mut at = offset;
        for _ in 0..in_each {
            let Some(size) = sizes.next() else { break };
            found.push((at, u64::from(size)));
            at = at.checked_add(u64::from(size)).ok_or(Error::CutShort)?;
        }
        if sizes.peek().is_none() {
            break;
        }
    }
    if sizes.peek().is_some() {
        return Err(Error::Damaged("samples without a place"));
    }
    Ok(found)
}

/// How long all samples last together, in the units of the track.
///
/// # Errors
/// [`Error::Damaged`].
pub fn lasting(bytes: &[u8], tables: &[Place]) -> Result<u64, Error> {
    let table = needed(tables, b"stts")?;
    let mut sum = 0u64;
    for at in rows(bytes, table, 4, 8)? {
        let (count, each) = (u64::from(u32_at(bytes, at)?), u64::from(u32_at(bytes, at + 4)?));
        sum = sum.saturating_add(count.saturating_mul(each));
    }
    Ok(sum)
}

fn sizes(bytes: &[u8], tables: &[Place]) -> Result<Vec<u32>, Error> {
    let too_many = || Error::TooMany { what: "pictures or pieces of sound", max: limits::SAMPLES_LIMIT };
    if let Some(table) = first(tables, b"stsz") {
        let (each, count) = (u32_at(bytes, table.body + 4)?, u32_at(bytes, table.body + 8)?);
        if u64::from(count) > limits::SAMPLES_LIMIT {
            return Err(too_many());
        }
        if each != 0 {
            return Ok(vec![each; usize::try_from(count).map_err(|_| too_many())?]);
        }
        return rows(bytes, table, 8, 4)?.map(|at| u32_at(bytes, at)).collect();
    }
    let table = needed(tables, b"stz2")?;
    let (bits, count) = (u8_at(bytes, table.body + 7)?, u32_at(bytes, table.body + 8)?);
    if u64::from(count) > limits::SAMPLES_LIMIT {
        return Err(too_many());
    }
    let count = usize::try_from(count).map_err(|_| too_many())?;
    let from = table.body + 12;
    let inside =
        |at: usize| if at < table.end { Ok(at) } else { Err(Error::Damaged("a table is too short")) };
    (0..count)
        .map(|n| match bits {
            4 => Ok(u32::from(u8_at(bytes, inside(from + n / 2)?)? >> (4 * (1 - n % 2)) & 0x0F)),
            8 => Ok(u32::from(u8_at(bytes, inside(from + n)?)?)),
            16 => Ok(u32::from(u16_at(bytes, inside(from + 2 * n + 1)? - 1)?)),
            _ => Err(Error::Damaged("a table of an unknown width")),
        })
        .collect()
}

fn chunks(bytes: &[u8], tables: &[Place]) -> Result<Vec<u64>, Error> {
    if let Some(table) = first(tables, b"stco") {
        return rows(bytes, table, 4, 4)?.map(|at| Ok(u64::from(u32_at(bytes, at)?))).collect();
    }
    rows(bytes, needed(tables, b"co64")?, 4, 8)?.map(|at| u64_at(bytes, at)).collect()
}

/// First chunk of each run, and how many samples its chunks have.
fn runs(bytes: &[u8], table: Place) -> Result<Vec<(u32, u32)>, Error> {
    rows(bytes, table, 4, 12)?.map(|at| Ok((u32_at(bytes, at)?, u32_at(bytes, at + 4)?))).collect()
}

/// Where the rows of a table begin: the number of them stands at `count_at` of the body, they follow it.
///
/// # Errors
/// [`Error::Damaged`] if the box is shorter than its number says.
pub fn rows(
    bytes: &[u8],
    table: Place,
    count_at: usize,
    row: usize,
) -> Result<impl Iterator<Item = usize> + use<>, Error> {
    const SHORT: Error = Error::Damaged("a table is too short");
    let count = usize::try_from(u32_at(bytes, table.body + count_at)?).map_err(|_| SHORT)?;
    let from = table.body + count_at + 4;
    let room = table.end.min(bytes.len()).checked_sub(from).ok_or(SHORT)? / row;
    if count > room {
        return Err(SHORT);
    }
    if count as u64 > limits::SAMPLES_LIMIT {
        return Err(Error::TooMany { what: "rows in a table", max: limits::SAMPLES_LIMIT });
    }
    Ok((0..count).map(move |n| from + n * row))
}
