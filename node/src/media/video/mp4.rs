//! MP4 and MOV: what a file is, and how to make it say nothing else.
//!
//! The idea is a list of what may stay, not of what must go. The index keeps the boxes a player needs, of one picture
//! track and one sound track, with their times, names and vendors zeroed; every other box becomes an empty one of the
//! same length. Of the media data, only bytes that the kept tracks name as samples stay: a camera's own tracks (position,
//! motion, faces, subtitles, time code) become zeros, and so does whatever lies between. Nothing moves, so nothing has to
//! be written anew, and offsets stay true.
//!
//! ```text
//! ftyp     stays                          moov ─┬ mvhd           times zeroed
//! moov     changed in memory                    ├ trak (picture) tkhd edts/elst mdia(mdhd hdlr minf(…stbl))
//! mdat     zeros but for the samples            ├ trak (sound)   the same
//! others   become `free`, zeros                 └ others         become `free`, zeros
//! ```
//!
//! Length and size are worked out from the tables, the largest of all claims being believed, so that no box can make a
//! long video look short.
//!
//! What it does not do: fragments (`moof`) are refused with advice. It opens no codec: what SPS or AV1 headers say of the
//! size is for the player.
//!
//! Source: ISO 14496-12, 14496-14, 14496-15; QuickTime File Format; AV1 in ISOBMFF.

use std::io::{Cursor, Read, Seek};

use super::boxes::{Place, blank, children, first, keep_only, needed, u8_at, u16_at, u32_at, u64_at, zero};
use super::error::Error;
use super::film::{Edit, Film, apply};
use super::notes::{self, Units};
use super::samples::{self, Stretch};
use super::{Facts, limits};

/// What may stay in a sample table.
const TABLES: [&[u8; 4]; 13] = [
    b"stsd", b"stts", b"ctts", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss", b"sdtp", b"sbgp",
    b"sgpd", b"cslg",
];
/// What may stay in a picture's description.
const PICTURE_SETUP: [&[u8; 4]; 13] = [
    b"avcC", b"hvcC", b"av1C", b"vpcC", b"colr", b"pasp", b"clap", b"fiel", b"btrt", b"mdcv", b"clli",
    b"dvcC", b"dvvC",
];
/// What may stay in a sound's description.
const SOUND_SETUP: [&[u8; 4]; 7] = [b"esds", b"dOps", b"dfLa", b"wave", b"chan", b"btrt", b"srat"];

/// Looks at an MP4 or MOV: what it is, and the edits that free it.
///
/// # Errors
/// Why it is not taken.
///
/// # Cost
/// Reads the index and the head of each unit in the picture data. Memory: the index, and 16 bytes a sample.
pub fn look<R: Read + Seek>(film: &mut Film<R>) -> Result<(Facts, Vec<Edit>), Error> {
    let mut edits = Vec::new();
    let outline = outline(film, &mut edits)?;
    let (at, len) = outline.index;
    let mut index = film.bytes(at, len, "bytes of index", limits::INDEX_LEN_LIMIT)?;
    let head = if index.get(..4) == Some(&[0, 0, 0, 1]) { 16 } else { 8 };
    let tracks = clean_index(&mut index, head)?;
    let mut stay = Vec::new();
    for track in &tracks.kept {
        for &(at, len) in &track.samples {
            let end = at.checked_add(len).ok_or(Error::CutShort)?;
            if !outline.data.iter().any(|data| data.0 <= at && end <= data.0 + data.1) {
                return Err(Error::CutShort);
            }
            stay.push((at, len));
        }
    }
    stay.sort_unstable();
    zero_between(&outline.data, &stay, &mut edits)?;
    for track in &tracks.kept {
        for &(at, len) in &track.samples {
            notes::in_sample(film, track.units, at, len, &mut edits)?;
            if edits.len() as u64 > limits::NOTES_LIMIT + 2 * limits::SAMPLES_LIMIT {
                return Err(Error::TooMany { what: "notes", max: limits::NOTES_LIMIT });
            }
        }
    }
    edits.push(Edit::Write { at, bytes: index });
    Ok((tracks.facts, edits))
}

/// Where the large boxes stand.
struct Outline {
    index: Stretch,
    data: Vec<Stretch>,
}

/// Walks the outermost boxes, and blanks those that need not be there.
fn outline<R: Read + Seek>(film: &mut Film<R>, edits: &mut Vec<Edit>) -> Result<Outline, Error> {
    let (mut at, mut count, mut index, mut data) = (0, 0, None, Vec::new());
    while film.len() - at >= 8 {
        count += 1;
        if count > limits::BOXES_LIMIT {
            return Err(Error::TooMany { what: "boxes in a row", max: limits::BOXES_LIMIT });
        }
        let (size, kind) = (u32::from_be_bytes(film.array(at)?), film.array::<4>(at + 4)?);
        let (head, len) = match size {
            0 => (8, film.len() - at),
            1 => (16, u64::from_be_bytes(film.array(at + 8)?)),
            size => (8, u64::from(size)),
        };
        let end = at.checked_add(len).ok_or(Error::CutShort)?;
        if len < head {
            return Err(Error::Damaged("a box does not fit"));
        }
        if end > film.len() {
            return Err(Error::CutShort);
        }
        match &kind {
            b"ftyp" => {}
            b"moov" if index.is_none() && size != 0 => index = Some((at, len)),
            b"moov" => return Err(Error::Damaged("two indexes")),
            b"mdat" => data.push((at + head, len - head)),
            b"moof" => return Err(Error::Fragmented),
            _ => {
                edits.push(Edit::Write { at: at + 4, bytes: b"free".to_vec() });
                edits.push(Edit::Zero { at: at + head, len: len - head });
            }
        }
        at = end;
    }
    edits.push(Edit::Zero { at, len: film.len() - at });
    let index = index.ok_or(Error::Damaged("it has no index, as when a recording was broken off"))?;
    Ok(Outline { index, data })
}

/// Zeros of the media data all that lies between what stays.
fn zero_between(data: &[Stretch], stay: &[Stretch], edits: &mut Vec<Edit>) -> Result<(), Error> {
    let mut stay = stay.iter().peekable();
    for &(from, len) in data {
        let (mut at, end) = (from, from + len);
        while let Some(&&(sample, sample_len)) = stay.peek().filter(|sample| sample.0 < end) {
            if sample < at {
                return Err(Error::Damaged("samples lie over one another"));
            }
            if sample > at {
                edits.push(Edit::Zero { at, len: sample - at });
            }
            at = sample + sample_len;
            stay.next();
        }
        if end > at {
            edits.push(Edit::Zero { at, len: end - at });
        }
    }
    Ok(())
}

/// A track that stays.
struct Track {
    units: Units,
    samples: Vec<Stretch>,
    shown_ms: u64,
    size: Option<(u64, u64)>,
}

struct Tracks {
    kept: Vec<Track>,
    facts: Facts,
}

/// Cleans the index and reads what it says.
fn clean_index(index: &mut [u8], head: usize) -> Result<Tracks, Error> {
    let whole = index.len();
    let parts = children(index, head, whole)?;
    if first(&parts, b"mvex").is_some() {
        return Err(Error::Fragmented);
    }
    let movie = needed(&parts, b"mvhd")?;
    let is_long = u8_at(index, movie.body)? == 1;
    let (scale_at, duration_at) = if is_long { (20, 24) } else { (12, 16) };
    zero(index, movie.body + 4, (movie.body + scale_at).min(movie.end));
    let scale = u32_at(index, movie.body + scale_at)?;
    let (mut picture, mut sound) = (None, None);
    for place in parts.iter().filter(|place| place.kind == *b"trak") {
        let slot = match handler(index, *place)? {
            Some([b'v', b'i', b'd', b'e']) => &mut picture,
            Some([b's', b'o', b'u', b'n']) => &mut sound,
            _ => {
                blank(index, *place);
                continue;
            }
        };
        if slot.is_some() {
            blank(index, *place);
        } else {
            *slot = Some(*place);
        }
    }
    keep_only(index, &parts, &[b"mvhd", b"trak"]);
    let picture = clean_track(index, picture.ok_or(Error::NoPictures)?, scale, true)?;
    if picture.samples.is_empty() {
        return Err(Error::NoPictures);
    }
    let (width, height) = picture.size.ok_or(Error::NoPictures)?;
    let mut kept = vec![picture];
    if let Some(sound) = sound {
        kept.push(clean_track(index, sound, scale, false)?);
    }
    let duration_ms = kept.iter().map(|track| track.shown_ms).max().unwrap_or_default();
    // A track that is gone may have been longer; the movie's own length follows those that stay.
    let units = duration_ms.saturating_mul(u64::from(scale)).div_ceil(1_000);
    let at = movie.body + duration_at;
    if is_long {
        if u64_at(index, at)? > units {
            index[at..at + 8].copy_from_slice(&units.to_be_bytes());
        }
    } else if u64::from(u32_at(index, at)?) > units {
        index[at..at + 4].copy_from_slice(&u32::try_from(units).unwrap_or(u32::MAX).to_be_bytes());
    }
    let facts = Facts::new("video/mp4", width, height, duration_ms)?;
    Ok(Tracks { kept, facts })
}

/// What a track says it is.
fn handler(index: &mut [u8], track: Place) -> Result<Option<[u8; 4]>, Error> {
    let parts = children(index, track.body, track.end)?;
    let Some(media) = first(&parts, b"mdia") else { return Ok(None) };
    let parts = children(index, media.body, media.end)?;
    let Some(handler) = first(&parts, b"hdlr") else { return Ok(None) };
    super::boxes::array_at(index, handler.body + 8).map(Some)
}

/// Cleans one track and reads what it says. `scale`: units of the movie in a second.
fn clean_track(index: &mut [u8], track: Place, scale: u32, is_picture: bool) -> Result<Track, Error> {
    let parts = children(index, track.body, track.end)?;
    keep_only(index, &parts, &[b"tkhd", b"edts", b"mdia"]);
    let head = needed(&parts, b"tkhd")?;
    let (size, turned) = clean_track_head(index, head)?;
    let media = needed(&parts, b"mdia")?;
    let media_parts = children(index, media.body, media.end)?;
    keep_only(index, &media_parts, &[b"mdhd", b"hdlr", b"minf"]);
    let (units_in_second, claimed) = clean_media_head(index, needed(&media_parts, b"mdhd")?)?;
    let info = needed(&media_parts, b"minf")?;
    let info_parts = children(index, info.body, info.end)?;
    keep_only(index, &info_parts, &[b"vmhd", b"smhd", b"hdlr", b"dinf", b"stbl"]);
    for place in media_parts.iter().chain(&info_parts).filter(|place| place.kind == *b"hdlr") {
        // Type stays; who made it and what it is called do not.
        zero(index, place.body + 4, (place.body + 8).min(place.end));
        zero(index, place.body + 12, place.end);
    }
    if let Some(place) = first(&info_parts, b"dinf") {
        clean_references(index, place)?;
    }
    let table = needed(&info_parts, b"stbl")?;
    let tables = children(index, table.body, table.end)?;
    keep_only(index, &tables, &TABLES);
    let (units, coded) = clean_description(index, needed(&tables, b"stsd")?, is_picture)?;
    let media_ms =
        in_ms(samples::lasting(index, &tables)?, units_in_second)?.max(in_ms(claimed, units_in_second)?);
    let (shown_ms, of_media_ms) = match first(&parts, b"edts") {
        Some(edits) => shown(index, edits, scale, media_ms)?,
        None => (media_ms, media_ms),
    };
    let hidden_ms = media_ms.saturating_sub(of_media_ms);
    if hidden_ms > limits::HIDDEN_LIMIT_MS {
        return Err(Error::Hidden { hidden_ms });
    }
    let (width, height) = if size.0 == 0 || size.1 == 0 { coded } else { size };
    let size = if turned { (height, width) } else { (width, height) };
    Ok(Track {
        units,
        samples: samples::stretches(index, &tables)?,
        shown_ms,
        size: is_picture.then_some(size),
    })
}

/// Zeros the times of a `tkhd`; its size, and whether it is turned by a quarter.
fn clean_track_head(index: &mut [u8], head: Place) -> Result<((u64, u64), bool), Error> {
    let is_long = u8_at(index, head.body)? == 1;
    let (times, matrix) = if is_long { (16, 52) } else { (8, 40) };
    zero(index, head.body + 4, (head.body + 4 + times).min(head.end));
    let of_matrix = |n: usize| u32_at(index, head.body + matrix + 4 * n);
    let turned = of_matrix(0)? == 0 && of_matrix(1)? != 0;
    let side = |at: usize| Ok::<_, Error>(u64::from(u32_at(index, head.body + matrix + at)? >> 16));
    Ok(((side(36)?, side(40)?), turned))
}

/// Zeros times and language of an `mdhd`; its units in a second, and how long it says it lasts.
fn clean_media_head(index: &mut [u8], head: Place) -> Result<(u32, u64), Error> {
    const UNDETERMINED: [u8; 2] = [0x55, 0xC4];
    let is_long = u8_at(index, head.body)? == 1;
    let (times, language) = if is_long { (16, 32) } else { (8, 20) };
    zero(index, head.body + 4, (head.body + 4 + times).min(head.end));
    let at = head.body + 4 + times;
    let units = u32_at(index, at)?;
    let lasting = if is_long { u64_at(index, at + 4)? } else { u64::from(u32_at(index, at + 4)?) };
    let all_ones = if is_long { u64::MAX } else { u64::from(u32::MAX) };
    u16_at(index, head.body + language)?;
    index[head.body + language..head.body + language + 2].copy_from_slice(&UNDETERMINED);
    Ok((units, if lasting == all_ones { 0 } else { lasting }))
}

/// Lets only "in this file" stand as where the data is.
fn clean_references(index: &mut [u8], info: Place) -> Result<(), Error> {
    let parts = children(index, info.body, info.end)?;
    keep_only(index, &parts, &[b"dref"]);
    let Some(list) = first(&parts, b"dref") else { return Ok(()) };
    for entry in children(index, list.body + 8, list.end)? {
        if u32_at(index, entry.body)? & 1 == 0 {
            return Err(Error::Outside);
        }
        zero(index, entry.body + 4, entry.end);
    }
    Ok(())
}

/// Cleans the descriptions of a track; how its data is divided, and the coded size of a picture.
fn clean_description(index: &mut [u8], table: Place, is_picture: bool) -> Result<(Units, (u64, u64)), Error> {
    let entries = children(index, table.body + 8, table.end)?;
    let mut found = None;
    for entry in entries {
        let next = if is_picture { clean_picture(index, entry)? } else { clean_sound(index, entry)? };
        if found.is_some_and(|(units, _)| units != next.0) {
            return Err(Error::Damaged("two codecs in one track"));
        }
        found = found.or(Some(next));
    }
    found.ok_or(Error::Damaged("a track without a description"))
}

fn clean_picture(index: &mut [u8], entry: Place) -> Result<(Units, (u64, u64)), Error> {
    let (setup_kind, setup_head): (&[u8; 4], usize) = match &entry.kind {
        b"avc1" | b"avc3" => (b"avcC", 4),
        b"hvc1" | b"hev1" => (b"hvcC", 21),
        b"av01" => (b"av1C", 4),
        b"vp08" | b"vp09" => (b"vpcC", 4),
        _ => return Err(Error::Codec { part: "picture", codec: printable(&entry.kind) }),
    };
    let body = entry.body;
    let size = (u64::from(u16_at(index, body + 24)?), u64::from(u16_at(index, body + 26)?));
    // Vendor and quality; the name of the compressor.
    zero(index, body + 16, (body + 24).min(entry.end));
    zero(index, body + 42, (body + 74).min(entry.end));
    let parts = children(index, body + 78, entry.end)?;
    keep_only(index, &parts, &PICTURE_SETUP);
    for place in parts.iter().filter(|place| place.kind == *b"colr") {
        // Three numbers say which colours are meant; a profile would name the device.
        if !matches!(&super::boxes::array_at::<4>(index, place.body)?, b"nclx" | b"nclc") {
            blank(index, *place);
        }
    }
    let setup = needed(&parts, setup_kind)?;
    let length_size = (u8_at(index, setup.body + setup_head)? & 3) + 1;
    let units = match &entry.kind {
        b"avc1" | b"avc3" => Units::Avc(length_size),
        b"hvc1" | b"hev1" => Units::Hevc(length_size),
        b"av01" => Units::Av1,
        _ => Units::Plain,
    };
    clean_setup(index, setup, units)?;
    Ok((units, size))
}

/// Notes may stand in a codec's setup, too.
fn clean_setup(index: &mut [u8], setup: Place, units: Units) -> Result<(), Error> {
    let mut edits = Vec::new();
    let Some(bytes) = index.get(..setup.end) else { return Ok(()) };
    let mut film = Film::new(Cursor::new(bytes))?;
    match units {
        Units::Av1 => {
            let from = (setup.body + 4).min(setup.end);
            notes::in_av1(&mut film, from as u64, (setup.end - from) as u64, &mut edits)?;
        }
        Units::Hevc(_) => {
            let mut at = setup.body + 23;
            for _ in 0..u8_at(bytes, setup.body + 22)? {
                let count = u16_at(bytes, at + 1)?;
                at += 3;
                for _ in 0..count {
                    let len = usize::from(u16_at(bytes, at)?);
                    at += 2;
                    if at + len > setup.end {
                        return Err(Error::Damaged("a codec's setup is too short"));
                    }
                    notes::in_unit(&mut film, true, at as u64, len as u64, &mut edits)?;
                    at += len;
                }
            }
        }
        Units::Avc(_) | Units::Plain => {}
    }
    apply(&mut Cursor::new(&mut *index), &edits)
}

fn clean_sound(index: &mut [u8], entry: Place) -> Result<(Units, (u64, u64)), Error> {
    if !matches!(&entry.kind, b"mp4a" | b"Opus" | b"fLaC" | b".mp3") {
        return Err(Error::Codec { part: "sound", codec: printable(&entry.kind) });
    }
    let body = entry.body;
    let version = u16_at(index, body + 8)?;
    // Revision and vendor.
    zero(index, body + 10, (body + 16).min(entry.end));
    let extra = match version {
        0 => 0,
        1 => 16,
        2 => 36,
        _ => return Err(Error::Codec { part: "sound", codec: printable(&entry.kind) }),
    };
    let parts = children(index, body + 28 + extra, entry.end)?;
    keep_only(index, &parts, &SOUND_SETUP);
    Ok((Units::Plain, (0, 0)))
}

/// By its edit list: how long a track plays, and how much of that is its own media and not a pause before it, ms. An
/// empty list shows all.
fn shown(index: &mut [u8], edits: Place, scale: u32, media_ms: u64) -> Result<(u64, u64), Error> {
    let parts = children(index, edits.body, edits.end)?;
    keep_only(index, &parts, &[b"elst"]);
    let Some(list) = first(&parts, b"elst") else { return Ok((media_ms, media_ms)) };
    let is_long = u8_at(index, list.body)? == 1;
    let (mut plays, mut pauses, mut any) = (0u64, 0u64, false);
    for at in samples::rows(index, list, 4, if is_long { 20 } else { 12 })? {
        let units = if is_long { u64_at(index, at)? } else { u64::from(u32_at(index, at)?) };
        // The time in the media is -1 where nothing is shown.
        let is_pause = u8_at(index, at + if is_long { 8 } else { 4 })? & 0x80 != 0;
        any = true;
        // Of length 0: from there to the end.
        let ms = if units == 0 { media_ms } else { in_ms(units, scale)? };
        plays = plays.saturating_add(ms);
        pauses = pauses.saturating_add(if is_pause { ms } else { 0 });
    }
    Ok(if any { (plays, plays.saturating_sub(pauses)) } else { (media_ms, media_ms) })
}

fn in_ms(units: u64, in_second: u32) -> Result<u64, Error> {
    let ms = u128::from(units) * 1_000;
    let ms = ms.checked_div(u128::from(in_second)).ok_or(Error::Damaged("a second without length"))?;
    Ok(u64::try_from(ms).unwrap_or(u64::MAX))
}

fn printable(kind: &[u8; 4]) -> String {
    kind.iter().map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '·' }).collect()
}
