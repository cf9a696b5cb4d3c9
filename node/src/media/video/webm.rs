//! WebM: what a file is, and how to make it say nothing else.
//!
//! A WebM is a tree of elements of a fixed shape; the walk follows that shape and not the file's nesting. As with MP4 there
//! is a list of what may stay: everything else (tags, titles, dates, attachments, chapters, tracks beyond one picture and
//! one sound) becomes a `Void` element of the same length, which readers skip by rule. Names of programs, which the
//! format asks for, become empty strings of the same length.
//!
//! ```text
//! EBML header ‖ Segment ─┬ SeekHead, Cues        stay
//!                        ├ Info                  scale and duration stay, program names emptied
//!                        ├ Tracks ─ TrackEntry   one picture, one sound: codec, size, rate stay
//!                        ├ Cluster ─ blocks      those of kept tracks stay
//!                        └ others                become Void
//! element: id 1–4 ‖ size 1–8 (all ones: unknown, only Segment and Cluster) ‖ body
//! ```
//!
//! What browsers record has neither duration nor sizes; so the length is what the blocks say, or the header if that says
//! more.
//!
//! Source: RFC 8794; RFC 9559; the WebM container guidelines; Vorbis I 5 for its comments.

use std::io::{Read, Seek};

use super::error::Error;
use super::film::{Edit, Film};
use super::notes::{self, Units};
use super::{Facts, limits};

const EBML: u32 = 0x1A45_DFA3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114D_9B74;
const CUES: u32 = 0x1C53_BB6B;
const INFO: u32 = 0x1549_A966;
const TRACKS: u32 = 0x1654_AE6B;
const CLUSTER: u32 = 0x1F43_B675;
const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
const DURATION: u32 = 0x4489;
const MUXING_APP: u32 = 0x4D80;
const WRITING_APP: u32 = 0x5741;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_NUMBER: u32 = 0xD7;
const TRACK_UID: u32 = 0x73C5;
const TRACK_TYPE: u32 = 0x83;
const CODEC_ID: u32 = 0x86;
const CODEC_PRIVATE: u32 = 0x63A2;
const DEFAULT_DURATION: u32 = 0x23_E383;
const LANGUAGE: u32 = 0x22_B59C;
const ENCODINGS: u32 = 0x6D80;
const VIDEO: u32 = 0xE0;
const AUDIO: u32 = 0xE1;
const TIMESTAMP: u32 = 0xE7;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;
const BLOCK_DURATION: u32 = 0x9B;

/// What may stay in a track: numbers and flags, lacing, caches, the codec, delays, picture, sound.
const IN_TRACK: [u32; 19] = [
    TRACK_NUMBER,
    TRACK_UID,
    TRACK_TYPE,
    0xB9,
    0x88,
    0x55AA,
    0x9C,
    0x6DE7,
    0x6DF8,
    DEFAULT_DURATION,
    LANGUAGE,
    CODEC_ID,
    CODEC_PRIVATE,
    0x56AA,
    0x56BB,
    VIDEO,
    AUDIO,
    0x55EE,
    0x23_4E7A,
];
/// What may stay of a picture: sizes, how to show it, interlacing, stereo, colours, projection.
const IN_VIDEO: [u32; 15] = [
    0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2, 0x54B3, 0x54AA, 0x54BB, 0x54CC, 0x54DD, 0x9A, 0x9D, 0x53B8, 0x55B0,
    0x7670,
];
/// What may stay in a group: block, its length, what it refers to, what is cut off.
const IN_GROUP: [u32; 5] = [BLOCK, BLOCK_DURATION, 0xFB, 0xFA, 0x75A2];

/// One element.
#[derive(Clone, Copy, Debug)]
struct Element {
    id: u32,
    at: u64,
    body: u64,
    end: u64,
    /// It did not say how long it is: `end` is that of what it lies in.
    open: bool,
}

impl Element {
    fn len(&self) -> u64 {
        self.end - self.body
    }
}

/// A track that stays.
#[derive(Debug)]
struct Track {
    number: u64,
    is_picture: bool,
    units: Units,
    each_ns: u64,
    size: (u64, u64),
}

struct Walk<'a, R> {
    film: &'a mut Film<R>,
    edits: Vec<Edit>,
    looked_at: u64,
    scale_ns: u64,
    claimed_ns: u64,
    tracks: Vec<Track>,
    last_ns: u64,
    pictures: u64,
}

/// Looks at a WebM: what it is, and the edits that free it.
///
/// # Errors
/// Why it is not taken.
///
/// # Cost
/// Reads the head of every block.
pub fn look<R: Read + Seek>(film: &mut Film<R>) -> Result<(Facts, Vec<Edit>), Error> {
    let len = film.len();
    let mut walk = Walk {
        film,
        edits: Vec::new(),
        looked_at: 0,
        scale_ns: 1_000_000,
        claimed_ns: 0,
        tracks: Vec::new(),
        last_ns: 0,
        pictures: 0,
    };
    let header = walk.element(0, len)?;
    if header.id != EBML || header.open {
        return Err(Error::Damaged("it does not begin as WebM does"));
    }
    walk.header(header)?;
    let segment = walk.element(header.end, len)?;
    if segment.id != SEGMENT {
        return Err(Error::Damaged("it does not begin as WebM does"));
    }
    walk.segment(segment)?;
    // Whatever follows is for nobody.
    if len > segment.end {
        walk.blank_stretch(segment.end, len);
    }
    walk.facts()
}

impl<R: Read + Seek> Walk<'_, R> {
    /// The element at an offset, within what it lies in.
    fn element(&mut self, at: u64, end: u64) -> Result<Element, Error> {
        const ODD: Error = Error::Damaged("an element does not fit");
        self.looked_at += 1;
        if self.looked_at > limits::ELEMENTS_LIMIT {
            return Err(Error::TooMany { what: "elements", max: limits::ELEMENTS_LIMIT });
        }
        let [first] = self.film.array(at)?;
        let id_len = u64::from(first.leading_zeros()) + 1;
        if id_len > 4 {
            return Err(ODD);
        }
        let mut id = 0;
        for place in 0..id_len {
            let [byte] = self.film.array(at + place)?;
            id = id << 8 | u32::from(byte);
        }
        let (size, size_len, unknown) = self.number(at + id_len)?;
        let body = at + id_len + size_len;
        if body > end {
            return Err(ODD);
        }
        if unknown {
            if !matches!(id, SEGMENT | CLUSTER) {
                return Err(ODD);
            }
            return Ok(Element { id, at, body, end, open: true });
        }
        match body.checked_add(size) {
            Some(own_end) if own_end <= end => Ok(Element { id, at, body, end: own_end, open: false }),
            Some(own_end) if own_end > self.film.len() => Err(Error::CutShort),
            _ => Err(ODD),
        }
    }

    /// A number of variable length: value, bytes, whether all its bits are set.
    fn number(&mut self, at: u64) -> Result<(u64, u64, bool), Error> {
        let [first] = self.film.array(at)?;
        let len = u64::from(first.leading_zeros()) + 1;
        if len > 8 {
            return Err(Error::Damaged("a number does not end"));
        }
        let mut value = u64::from(first) & (0xFF >> len);
        for place in 1..len {
            let [byte] = self.film.array(at + place)?;
            value = value << 8 | u64::from(byte);
        }
        Ok((value, len, value == (1 << (7 * len)) - 1))
    }

    fn children(&mut self, of: Element) -> Result<Vec<Element>, Error> {
        let mut found = Vec::new();
        let mut at = of.body;
        while at < of.end {
            let next = self.element(at, of.end)?;
            if next.open {
                return Err(Error::Damaged("an element does not fit"));
            }
            at = next.end;
            found.push(next);
        }
        Ok(found)
    }

    fn unsigned(&mut self, of: Element) -> Result<u64, Error> {
        if of.len() > 8 {
            return Err(Error::Damaged("a number is too long"));
        }
        let bytes = self.film.bytes(of.body, of.len(), "bytes", 8)?;
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn text(&mut self, of: Element) -> Result<String, Error> {
        let bytes = self.film.bytes(of.body, of.len(), "bytes in a name", 64)?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned())
    }

    /// Makes an element one that is skipped.
    fn blank(&mut self, of: Element) {
        self.blank_stretch(of.at, of.end);
    }

    /// Fills a stretch of at least two bytes with one `Void`; a single byte becomes zero.
    fn blank_stretch(&mut self, at: u64, end: u64) {
        const VOID: u8 = 0xEC;
        let Some(after_id) = (end - at).checked_sub(1).filter(|rest| *rest > 0) else {
            return self.edits.push(Edit::Zero { at, len: end - at });
        };
        // The longest size field always fits what follows; a short stretch is all size field.
        let width = after_id.min(8);
        let body = after_id - width;
        let mut head = vec![VOID];
        let size = body | 1 << (7 * width);
        head.extend(size.to_be_bytes().into_iter().skip(8 - usize::try_from(width).unwrap_or(8)));
        self.edits.push(Edit::Write { at, bytes: head });
        self.edits.push(Edit::Zero { at: end - body, len: body });
    }

    fn header(&mut self, header: Element) -> Result<(), Error> {
        for part in self.children(header)? {
            match part.id {
                DOC_TYPE if self.text(part)? != "webm" => {
                    return Err(Error::Foreign {
                        what: "a Matroska video",
                        advice: "save it as WebM or MP4",
                    });
                }
                // Versions and lengths, all numbers.
                DOC_TYPE | 0x4286 | 0x42F7 | 0x42F2 | 0x42F3 | 0x4287 | 0x4285 => {}
                _ => self.blank(part),
            }
        }
        Ok(())
    }

    fn segment(&mut self, segment: Element) -> Result<(), Error> {
        let mut at = segment.body;
        while at < segment.end {
            let part = self.element(at, segment.end)?;
            at = match part.id {
                CLUSTER => self.cluster(part)?,
                _ if part.open => return Err(Error::Damaged("an element does not fit")),
                INFO => self.info(part)?,
                TRACKS => self.tracks(part)?,
                SEEK_HEAD | CUES => part.end,
                _ => {
                    self.blank(part);
                    part.end
                }
            };
        }
        Ok(())
    }

    fn info(&mut self, info: Element) -> Result<u64, Error> {
        for part in self.children(info)? {
            match part.id {
                TIMESTAMP_SCALE => {
                    self.scale_ns = self.unsigned(part)?;
                    if self.scale_ns == 0 {
                        return Err(Error::Damaged("a second without length"));
                    }
                }
                DURATION => self.claimed_ns = self.float(part)?,
                MUXING_APP | WRITING_APP => self.edits.push(Edit::Zero { at: part.body, len: part.len() }),
                _ => self.blank(part),
            }
        }
        self.claimed_ns = self.claimed_ns.saturating_mul(self.scale_ns);
        Ok(info.end)
    }

    /// A number with a fraction, rounded up; what is none or below zero counts as nothing, what is beyond all bounds as most.
    fn float(&mut self, of: Element) -> Result<u64, Error> {
        let value = match of.len() {
            4 => f64::from(f32::from_be_bytes(self.film.array(of.body)?)),
            8 => f64::from_be_bytes(self.film.array(of.body)?),
            _ => return Err(Error::Damaged("a number is too long")),
        };
        // `as` saturates, and makes nothing of what is no number.
        Ok(value.ceil() as u64)
    }

    fn tracks(&mut self, tracks: Element) -> Result<u64, Error> {
        for part in self.children(tracks)? {
            if part.id != TRACK_ENTRY || !self.track(part)? {
                self.blank(part);
            }
        }
        Ok(tracks.end)
    }

    /// Looks at a track; false if it does not stay.
    fn track(&mut self, entry: Element) -> Result<bool, Error> {
        let parts = self.children(entry)?;
        let find = |id| parts.iter().find(|part| part.id == id).copied();
        let mut value = |part: Option<Element>| part.map_or(Ok(0), |part| self.unsigned(part));
        let (number, kind) = (value(find(TRACK_NUMBER))?, value(find(TRACK_TYPE))?);
        let each_ns = value(find(DEFAULT_DURATION))?;
        let is_picture = kind == 1;
        let taken = self.tracks.iter().any(|track| track.is_picture == is_picture);
        if !matches!(kind, 1 | 2) || taken || number == 0 {
            return Ok(false);
        }
        let codec = find(CODEC_ID).map_or_else(|| Ok(String::new()), |part| self.text(part))?;
        let units = match (is_picture, codec.as_str()) {
            (true, "V_AV1") => Units::Av1,
            (true, "V_VP8" | "V_VP9") | (false, "A_OPUS" | "A_VORBIS") => Units::Plain,
            (is_picture, codec) => {
                let codec = codec.chars().filter(char::is_ascii_graphic).take(32).collect();
                return Err(Error::Codec { part: if is_picture { "picture" } else { "sound" }, codec });
            }
        };
        if find(ENCODINGS).is_some() {
            return Err(Error::Codec { part: "content", codec: "encrypted or packed".to_owned() });
        }
        let size = match find(VIDEO).filter(|_| is_picture) {
            Some(part) => self.video(part)?,
            None if is_picture => return Err(Error::NoPictures),
            None => (0, 0),
        };
        for part in parts {
            match part.id {
                LANGUAGE if part.len() <= 64 => {
                    let mut bytes = b"und".to_vec();
                    bytes.resize(usize::try_from(part.len()).unwrap_or(0), 0);
                    self.edits.push(Edit::Write { at: part.body, bytes });
                }
                // Drawn at random by the program that wrote it; the number serves as well.
                TRACK_UID if part.len() > 0 => {
                    self.edits.push(Edit::Zero { at: part.body, len: part.len() - 1 });
                    self.edits
                        .push(Edit::Write { at: part.end - 1, bytes: vec![if is_picture { 1 } else { 2 }] });
                }
                CODEC_PRIVATE if codec == "A_VORBIS" => self.vorbis(part)?,
                CODEC_PRIVATE if codec == "V_AV1" && part.len() > 4 => {
                    notes::in_av1(self.film, part.body + 4, part.len() - 4, &mut self.edits)?;
                }
                id if id == LANGUAGE || !IN_TRACK.contains(&id) => self.blank(part),
                _ => {}
            }
        }
        self.tracks.push(Track { number, is_picture, units, each_ns, size });
        Ok(true)
    }

    /// Size of a picture as it is shown.
    fn video(&mut self, video: Element) -> Result<(u64, u64), Error> {
        let (mut coded, mut shown, mut unit) = ((0, 0), (0, 0), 0);
        for part in self.children(video)? {
            match part.id {
                0xB0 => coded.0 = self.unsigned(part)?,
                0xBA => coded.1 = self.unsigned(part)?,
                0x54B0 => shown.0 = self.unsigned(part)?,
                0x54BA => shown.1 = self.unsigned(part)?,
                0x54B2 => unit = self.unsigned(part)?,
                id if !IN_VIDEO.contains(&id) => self.blank(part),
                _ => {}
            }
        }
        Ok(if unit == 0 && shown.0 > 0 && shown.1 > 0 { shown } else { coded })
    }

    /// Overwrites the comments in a Vorbis setup: three packets, the second of which is a list of texts.
    fn vorbis(&mut self, part: Element) -> Result<(), Error> {
        const ODD: Error = Error::Damaged("a codec's setup makes no sense");
        let mut bytes =
            self.film.bytes(part.body, part.len(), "bytes of a codec's setup", limits::ELEMENT_LEN_LIMIT)?;
        let mut at = 1;
        let mut lens = [0usize; 2];
        for len in &mut lens {
            loop {
                let byte = *bytes.get(at).ok_or(ODD)?;
                at += 1;
                *len += usize::from(byte);
                if byte != 0xFF {
                    break;
                }
            }
        }
        let from = at + lens[0];
        let packet = bytes.get_mut(from..from + lens[1]).ok_or(ODD)?;
        let number = |packet: &[u8], at: usize| {
            let four = packet.get(at..at + 4).and_then(|four| four.try_into().ok());
            four.map(u32::from_le_bytes).and_then(|len| usize::try_from(len).ok()).ok_or(ODD)
        };
        // Seven bytes of name, the vendor, the count, the comments, one bit.
        let mut at = 7;
        let len = number(packet, at)?;
        packet.get_mut(at + 4..).and_then(|rest| rest.get_mut(..len)).ok_or(ODD)?.fill(b' ');
        at += 4 + len;
        let count = number(packet, at)?;
        at += 4;
        for _ in 0..count.min(packet.len()) {
            let len = number(packet, at)?;
            let comment = packet.get_mut(at + 4..).and_then(|rest| rest.get_mut(..len)).ok_or(ODD)?;
            comment.fill(b' ');
            if let Some(start) = comment.get_mut(..2) {
                start.copy_from_slice(b"X=");
            }
            at += 4 + len;
        }
        packet.get_mut(at + 1..).unwrap_or_default().fill(0);
        self.edits.push(Edit::Write { at: part.body, bytes });
        Ok(())
    }

    /// Looks at a cluster; where what follows it begins.
    fn cluster(&mut self, cluster: Element) -> Result<u64, Error> {
        if self.tracks.is_empty() {
            return Err(Error::Damaged("pictures before it says what they are"));
        }
        let (mut at, mut base) = (cluster.body, 0);
        while at < cluster.end {
            let part = self.element(at, cluster.end)?;
            if cluster.open
                && matches!(
                    part.id,
                    CLUSTER | CUES | INFO | TRACKS | SEEK_HEAD | 0x1254_C367 | 0x1043_A770 | 0x1941_A469
                )
            {
                return Ok(at);
            }
            match part.id {
                _ if part.open => return Err(Error::Damaged("an element does not fit")),
                TIMESTAMP => base = self.unsigned(part)?,
                SIMPLE_BLOCK => {
                    if !self.block(part, base, None)? {
                        self.blank(part);
                    }
                }
                BLOCK_GROUP => self.group(part, base)?,
                // Where it lies, and how long the one before was.
                0xA7 | 0xAB => {}
                _ => self.blank(part),
            }
            at = part.end;
        }
        Ok(at)
    }

    fn group(&mut self, group: Element, base: u64) -> Result<(), Error> {
        let parts = self.children(group)?;
        let lasts = match parts.iter().find(|part| part.id == BLOCK_DURATION) {
            Some(part) => Some(self.unsigned(*part)?),
            None => None,
        };
        let mut stays = false;
        for part in &parts {
            if part.id == BLOCK {
                stays = self.block(*part, base, lasts)?;
            }
        }
        if !stays {
            self.blank(group);
            return Ok(());
        }
        for part in parts {
            if !IN_GROUP.contains(&part.id) {
                self.blank(part);
            }
        }
        Ok(())
    }

    /// Looks at a block; false if its track does not stay.
    fn block(&mut self, block: Element, base: u64, lasts: Option<u64>) -> Result<bool, Error> {
        let (number, number_len, _) = self.number(block.body)?;
        let head_len = number_len + 3;
        if block.len() < head_len {
            return Err(Error::Damaged("a block is too short"));
        }
        let [high, low, flags] = self.film.array(block.body + number_len)?;
        let Some(track) = self.tracks.iter().find(|track| track.number == number) else { return Ok(false) };
        let at = i128::from(base) + i128::from(i16::from_be_bytes([high, low]));
        let begins = u64::try_from(at.max(0)).unwrap_or(u64::MAX).saturating_mul(self.scale_ns);
        let lasts = lasts.map_or(track.each_ns, |lasts| lasts.saturating_mul(self.scale_ns));
        self.last_ns = self.last_ns.max(begins.saturating_add(lasts));
        self.pictures += u64::from(track.is_picture);
        // Pictures are never laced; what is, is left alone.
        if flags & 0x06 == 0 {
            let (from, len) = (block.body + head_len, block.len() - head_len);
            notes::in_sample(self.film, track.units, from, len, &mut self.edits)?;
        }
        Ok(true)
    }

    fn facts(self) -> Result<(Facts, Vec<Edit>), Error> {
        let picture = self.tracks.iter().find(|track| track.is_picture).ok_or(Error::NoPictures)?;
        if self.pictures == 0 {
            return Err(Error::NoPictures);
        }
        let ns = self.claimed_ns.max(self.last_ns);
        let (width, height) = picture.size;
        Ok((Facts::new("video/webm", width, height, ns.div_ceil(1_000_000))?, self.edits))
    }
}
