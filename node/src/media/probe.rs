//! What a file is, by its bytes, and what it carries besides the picture.
//!
//! Why: a name or a declared type proves nothing, so formats are told apart by their magic bytes
//! alone; and that a published photo carries no metadata is a promise, so something has to be able
//! to look for it. The same walkers find the one piece of metadata the pipeline needs, the EXIF
//! block with the orientation, wherever the three formats keep it.
//!
//! The idea: each container is a row of labelled boxes, and one small iterator walks each of them.
//!
//! - JPEG: `FF marker`, then (but for a few bare markers) a two-byte length that counts itself.
//!   After `SOS` comes entropy-coded data, in which `FF` is followed by `00` or a restart marker.
//! - PNG: length, four letters, data, checksum. WebP: RIFF, four letters, length, data, padding.
//! - GIF: a header, then frames (`2C`), extensions (`21`) and the end (`3B`), data in sub-blocks.
//!
//! What it does not do: decode a pixel, check a checksum, read a date or a place. A file that is
//! cut short ends the walk; it never is an error here.
//!
//! Invariants: nothing here panics or allocates in proportion to what a file *claims*; every
//! walk takes time linear in the length of the file; [`metadata`] lists at most
//! [`limits::METADATA_LISTED_LIMIT`] names.
//!
//! Source: ITU-T T.81 annex B; PNG third edition 5 and 11; RFC 9649 2; GIF89a 17 to 27; ISO 14496-12 4.3.

use std::fmt;

use super::limits;

/// A format that is taken as a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG; of an animated one the default picture.
    Png,
    /// WebP, lossy or lossless; of an animated one the first frame.
    WebP,
    /// GIF, the first frame.
    Gif,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
        })
    }
}

/// A format that is recognised in order to be refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    Heic,
    Avif,
    JpegXl,
    Jpeg2000,
    Tiff,
    CameraRaw,
    Bmp,
    Icon,
    Photoshop,
    Svg,
    Pdf,
    Mp4,
    QuickTime,
    Matroska,
    Avi,
    Zip,
}

impl Foreign {
    /// The format with its article, as it stands in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heic => "a HEIC picture",
            Self::Avif => "an AVIF picture",
            Self::JpegXl => "a JPEG XL picture",
            Self::Jpeg2000 => "a JPEG 2000 picture",
            Self::Tiff => "a TIFF picture or a camera's raw file",
            Self::CameraRaw => "a camera's raw file",
            Self::Bmp => "a BMP picture",
            Self::Icon => "an icon",
            Self::Photoshop => "a Photoshop document",
            Self::Svg => "an SVG drawing",
            Self::Pdf => "a PDF document",
            Self::Mp4 => "an MP4 video",
            Self::QuickTime => "a QuickTime video",
            Self::Matroska => "a WebM or Matroska video",
            Self::Avi => "an AVI video",
            Self::Zip => "a ZIP archive or an office document",
        }
    }

    /// What to do about it, as the end of a sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Heic => {
                "export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible for new ones)"
            }
            Self::Avif | Self::JpegXl | Self::Jpeg2000 | Self::Tiff | Self::Bmp | Self::Icon => {
                "open it in any picture program and save it as JPEG or PNG"
            }
            Self::CameraRaw | Self::Photoshop => "develop it and export it as JPEG",
            Self::Svg => "export it as PNG at the size it should have",
            Self::Pdf => "save the page as PNG, or take a screenshot of it",
            Self::Mp4 | Self::QuickTime | Self::Matroska | Self::Avi => {
                "post it as a video, or take a still from it"
            }
            Self::Zip => "unpack it and choose the pictures inside",
        }
    }
}

/// What a file is, by its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A format that is taken.
    Photo(Format),
    /// A format that is known and not taken.
    Foreign(Foreign),
    /// Anything else.
    Unknown,
}

/// Tells what a file is from its first bytes.
///
/// # Cost
/// Looks at 512 bytes at most.
pub fn kind(bytes: &[u8]) -> Kind {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if starts(&[0xFF, 0xD8, 0xFF]) {
        return Kind::Photo(Format::Jpeg);
    }
    if starts(&PNG_MAGIC) {
        return Kind::Photo(Format::Png);
    }
    if starts(b"GIF87a") || starts(b"GIF89a") {
        return Kind::Photo(Format::Gif);
    }
    if starts(b"RIFF") {
        return match bytes.get(8..12) {
            Some(b"WEBP") => Kind::Photo(Format::WebP),
            Some(b"AVI ") => Kind::Foreign(Foreign::Avi),
            _ => Kind::Unknown,
        };
    }
    if at(4, b"ftyp") {
        return iso_media(bytes);
    }
    let foreign = if starts(b"II*\0") || starts(b"MM\0*") || starts(b"II+\0") || starts(b"MM\0+") {
        Foreign::Tiff
    } else if starts(b"FUJIFILMCCD-RAW") || starts(b"IIRO") || starts(b"IIU\0") {
        Foreign::CameraRaw
    } else if starts(b"BM") && at(6, &[0, 0, 0, 0]) {
        Foreign::Bmp
    } else if starts(&[0, 0, 1, 0]) || starts(&[0, 0, 2, 0]) {
        Foreign::Icon
    } else if starts(b"8BPS") {
        Foreign::Photoshop
    } else if starts(b"%PDF") {
        Foreign::Pdf
    } else if starts(&[0xFF, 0x0A]) || at(4, b"JXL \r\n") {
        Foreign::JpegXl
    } else if starts(&[0xFF, 0x4F, 0xFF, 0x51]) || at(4, b"jP  \r\n") {
        Foreign::Jpeg2000
    } else if starts(&[0x1A, 0x45, 0xDF, 0xA3]) {
        Foreign::Matroska
    } else if at(4, b"moov") || at(4, b"mdat") || at(4, b"wide") {
        Foreign::QuickTime
    } else if starts(b"PK\x03\x04") {
        Foreign::Zip
    } else if is_svg(bytes) {
        Foreign::Svg
    } else {
        return Kind::Unknown;
    };
    Kind::Foreign(foreign)
}

/// The members of the ISO media family differ in the brand that follows `ftyp`.
fn iso_media(bytes: &[u8]) -> Kind {
    let foreign = match bytes.get(8..12).unwrap_or_default() {
        b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1" => {
            // The general brands say only "pictures"; the list that follows says which kind.
            let brands = bytes.get(16..bytes.len().min(64)).unwrap_or_default();
            if brands.chunks_exact(4).any(|brand| brand == b"avif") { Foreign::Avif } else { Foreign::Heic }
        }
        b"avif" | b"avis" => Foreign::Avif,
        b"crx " => Foreign::CameraRaw,
        b"jp2 " | b"jpx " => Foreign::Jpeg2000,
        b"qt  " => Foreign::QuickTime,
        _ => Foreign::Mp4,
    };
    Kind::Foreign(foreign)
}

/// SVG is text: an `<svg` within the first 512 bytes of something that begins with `<`.
fn is_svg(bytes: &[u8]) -> bool {
    let head = bytes.get(..512).unwrap_or(bytes);
    let head = head.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(head).trim_ascii_start();
    head.starts_with(b"<") && head.windows(4).any(|window| window.eq_ignore_ascii_case(b"<svg"))
}

/// Names everything a file carries that is not needed to show the picture.
///
/// Colour profiles, densities and text count: whatever is not pixels can tell something about
/// a person. The one thing let pass is the JFIF header of a JPEG when it holds neither a thumbnail
/// nor a density. Bytes after the end of the picture are listed as `trailing bytes`, which is where
/// phones put the video of a live photo. Anything that is not a photo gives an empty list.
///
/// # Cost
/// Linear in the length of the file.
pub fn metadata(bytes: &[u8]) -> Vec<String> {
    match kind(bytes) {
        Kind::Photo(Format::Jpeg) => {
            listed(jpeg_segments(bytes).filter_map(|segment| segment.metadata_name()))
        }
        Kind::Photo(Format::Png) => listed(png_chunks(bytes).filter_map(|chunk| match &chunk.label {
            b"IHDR" | b"PLTE" | b"IDAT" | b"IEND" | b"tRNS" => None,
            label => Some(printable(label)),
        })),
        Kind::Photo(Format::WebP) => listed(riff_chunks(bytes).filter_map(|chunk| match &chunk.label {
            b"VP8 " | b"VP8L" | b"VP8X" | b"ALPH" | b"ANIM" | b"ANMF" => None,
            label => Some(printable(label)),
        })),
        Kind::Photo(Format::Gif) => listed(gif_blocks(bytes).filter_map(|block| match block {
            GifBlock::Frame | GifBlock::Control => None,
            GifBlock::Comment => Some("comment".to_owned()),
            GifBlock::Text => Some("plain text".to_owned()),
            GifBlock::Application => Some("application data".to_owned()),
            GifBlock::Trailing => Some(TRAILING.to_owned()),
        })),
        Kind::Foreign(_) | Kind::Unknown => Vec::new(),
    }
}

/// True if [`metadata`] would list anything.
pub fn has_metadata(bytes: &[u8]) -> bool {
    !metadata(bytes).is_empty()
}

/// The EXIF block of a photo (from its TIFF header on), wherever the format keeps it.
///
/// Of several the first counts. GIF has none. A prefix `Exif\0\0` is needed in JPEG and taken
/// off elsewhere, where some programs write it by mistake.
pub fn exif(bytes: &[u8]) -> Option<&[u8]> {
    let block = match kind(bytes) {
        Kind::Photo(Format::Jpeg) => {
            jpeg_segments(bytes)
                .take_while(|segment| segment.marker != SOS)
                .find(|segment| segment.marker == APP1 && segment.body.starts_with(EXIF_PREFIX))?
                .body
        }
        Kind::Photo(Format::Png) => png_chunks(bytes).find(|chunk| &chunk.label == b"eXIf")?.body,
        Kind::Photo(Format::WebP) => riff_chunks(bytes).find(|chunk| &chunk.label == b"EXIF")?.body,
        _ => return None,
    };
    Some(block.strip_prefix(EXIF_PREFIX).unwrap_or(block))
}

/// True for a JPEG which is decoded in several passes over all its coefficients.
pub fn is_progressive(bytes: &[u8]) -> bool {
    jpeg_segments(bytes)
        .take_while(|segment| segment.marker != SOS)
        .any(|segment| matches!(segment.marker, 0xC2 | 0xC6 | 0xCA | 0xCE))
}

/// True for a WebP that says it is animated.
pub fn is_animated_webp(bytes: &[u8]) -> bool {
    riff_chunks(bytes).any(|chunk| &chunk.label == b"ANMF")
}

/// The largest width and the largest height that any lossy picture inside a WebP claims.
///
/// The decoder reserves memory by these before it compares them with the size of the canvas.
pub fn webp_inner_size(bytes: &[u8]) -> (u32, u32) {
    let mut largest = (0, 0);
    let mut note = |chunk: &Chunk<'_>| {
        if &chunk.label == b"VP8 "
            && let Some(&[w0, w1, h0, h1]) = chunk.body.get(6..10)
        {
            // The two upper bits are a scale for display, which decoders ignore.
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
            largest = (side(w0, w1).max(largest.0), side(h0, h1).max(largest.1));
        }
    };
    for chunk in riff_chunks(bytes) {
        note(&chunk);
        if &chunk.label == b"ANMF" {
            riff_walk(chunk.body.get(16..).unwrap_or_default()).for_each(|inner| note(&inner));
        }
    }
    largest
}

const PNG_MAGIC: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];
const EXIF_PREFIX: &[u8] = b"Exif\0\0";
const TRAILING: &str = "trailing bytes";
const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const COMMENT: u8 = 0xFE;
/// Stands for what follows `EOI`; no marker has this number, since `FF 00` is a stuffed byte.
const AFTER_END: u8 = 0x00;

fn listed(names: impl Iterator<Item = String>) -> Vec<String> {
    names.take(limits::METADATA_LISTED_LIMIT).collect()
}

fn printable(label: &[u8; 4]) -> String {
    label.iter().map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '·' }).collect()
}

/// One marker segment of a JPEG.
struct JpegSegment<'a> {
    marker: u8,
    body: &'a [u8],
}

impl JpegSegment<'_> {
    fn metadata_name(&self) -> Option<String> {
        let body = self.body;
        match self.marker {
            // JFIF header: 5 bytes of name, version 2, unit 1, density 4, thumbnail 2. A unit of 0
            // and a density of 1:1 say nothing; anything else says what made the file.
            APP0 if body.get(..5) == Some(b"JFIF\0") && body.get(7..) == Some(&[0, 0, 1, 0, 1, 0, 0]) => None,
            APP0 => Some("APP0".to_owned()),
            APP1 if body.starts_with(EXIF_PREFIX) => Some("APP1 EXIF".to_owned()),
            APP1 if body.starts_with(b"http://ns.adobe.com/") => Some("APP1 XMP".to_owned()),
            marker @ 0xE1..=0xEF => Some(format!("APP{}", marker & 0x0F)),
            marker @ 0xF0..=0xFD => Some(format!("JPG{}", marker & 0x0F)),
            COMMENT => Some("comment".to_owned()),
            AFTER_END => Some(TRAILING.to_owned()),
            _ => None,
        }
    }
}

/// Walks the segments of a JPEG from the first after `SOI`; ends where the file makes no sense.
fn jpeg_segments(bytes: &[u8]) -> impl Iterator<Item = JpegSegment<'_>> {
    let mut rest = bytes.strip_prefix(&[0xFF, SOI]).unwrap_or_default();
    std::iter::from_fn(move || {
        loop {
            let (&lead, after) = rest.split_first()?;
            if lead != 0xFF {
                // Entropy-coded data (or rubbish between segments): on to the next marker.
                let skip = rest.iter().position(|&byte| byte == 0xFF)?;
                rest = rest.get(skip..)?;
                continue;
            }
            let (&marker, after) = after.split_first()?;
            match marker {
                0xFF => rest = rest.get(1..)?,            // fill byte
                0x00 | 0x01 | 0xD0..=SOI => rest = after, // stuffed byte, TEM, restart
                EOI if after.is_empty() => rest = after,
                EOI => {
                    rest = &[];
                    return Some(JpegSegment { marker: AFTER_END, body: after });
                }
                _ => {
                    let length = usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]));
                    let end = length.max(2).min(after.len());
                    rest = after.get(end..)?;
                    return Some(JpegSegment { marker, body: after.get(2..end)? });
                }
            }
        }
    })
}

/// A labelled box of a PNG or a WebP; a body that is cut short by the end of the file is shorter.
struct Chunk<'a> {
    label: [u8; 4],
    body: &'a [u8],
}

/// Walks the chunks of a PNG; what follows `IEND` comes as one chunk with a label of its own.
fn png_chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes.get(PNG_MAGIC.len()..).unwrap_or_default();
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            let body = std::mem::take(&mut rest);
            return (!body.is_empty()).then_some(Chunk { label: *b"tail", body });
        }
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (label, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?.min(after.len());
        let (body, after) = after.split_at_checked(length)?;
        rest = after.get(4..).unwrap_or_default();
        ended = label == b"IEND";
        Some(Chunk { label: *label, body })
    })
}

/// Walks the chunks of a WebP, past the end that the RIFF header declares: decoders do so as well.
fn riff_chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    riff_walk(bytes.get(12..).unwrap_or_default())
}

fn riff_walk(mut rest: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let (label, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?.min(after.len());
        let (body, after) = after.split_at_checked(length)?;
        rest = if length % 2 == 1 { after.get(1..).unwrap_or_default() } else { after };
        Some(Chunk { label: *label, body })
    })
}

enum GifBlock {
    Frame,
    Control,
    Comment,
    Text,
    Application,
    Trailing,
}

/// Walks the blocks of a GIF, colour tables and picture data left out.
fn gif_blocks(bytes: &[u8]) -> impl Iterator<Item = GifBlock> {
    /// Bytes of a colour table, from the flags that announce it.
    fn table_len(flags: u8) -> usize {
        if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 0x07) + 1) }
    }
    fn after_sub_blocks(mut rest: &[u8]) -> Option<&[u8]> {
        loop {
            let (&length, after) = rest.split_first()?;
            if length == 0 {
                return Some(after);
            }
            rest = after.get(usize::from(length)..)?;
        }
    }
    let table = bytes.get(10).map_or(0, |&flags| table_len(flags));
    let mut rest = bytes.get(13 + table..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (&introducer, after) = rest.split_first()?;
        match introducer {
            0x21 => {
                let (&label, after) = after.split_first()?;
                rest = after_sub_blocks(after).unwrap_or_default();
                Some(match label {
                    0xF9 => GifBlock::Control,
                    0xFE => GifBlock::Comment,
                    0x01 => GifBlock::Text,
                    _ => GifBlock::Application,
                })
            }
            0x2C => {
                let table = table_len(*after.get(8)?);
                rest = after.get(10 + table..).and_then(after_sub_blocks).unwrap_or_default();
                Some(GifBlock::Frame)
            }
            _ => {
                // The end (3B), or something no decoder understands either.
                rest = &[];
                (!after.is_empty()).then_some(GifBlock::Trailing)
            }
        }
    })
}
