//! Inputs for the tests: small pictures in every format, with metadata put in by hand.
//!
//! The pictures come from the image crate's encoders; the boxes around the metadata are written
//! here byte by byte, so that what is removed was really there, in the place a camera puts it.

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage};

use super::exif;

/// Words that no output may contain, one for each kind of box.
pub const SECRETS: [&str; 4] = ["Tidings demo camera", "secret comment", "secret place", "secret tail"];

/// Top left, top right, bottom left, bottom right of [`quarters`].
pub const QUARTERS: [[u8; 3]; 4] = [[220, 30, 30], [30, 200, 30], [30, 30, 220], [230, 220, 40]];

/// A picture of four plain quarters: 64 × 32, so that turning shows in the size as well.
pub fn quarters() -> RgbImage {
    RgbImage::from_fn(64, 32, |x, y| Rgb(QUARTERS[usize::from(x >= 32) + 2 * usize::from(y >= 16)]))
}

/// A picture without any order, the hardest there is to compress.
pub fn noise(width: u32, height: u32, seed: u64) -> RgbImage {
    let mut state = seed | 1;
    RgbImage::from_fn(width, height, |_, _| {
        Rgb([0; 3].map(|_: u8| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if state >> 63 == 0 { 0 } else { 255 }
        }))
    })
}

pub fn jpeg(picture: &RgbImage) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, 90);
    encoder.write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8).unwrap();
    out
}

pub fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = PngEncoder::new(&mut out);
    encoder
        .write_image(picture.as_bytes(), picture.width(), picture.height(), picture.color().into())
        .unwrap();
    out
}

pub fn webp(picture: &DynamicImage) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut out);
    encoder
        .write_image(picture.as_bytes(), picture.width(), picture.height(), picture.color().into())
        .unwrap();
    out
}

/// A GIF of two frames; the second is grey, so that taking the wrong one shows.
pub fn gif(picture: &RgbImage) -> Vec<u8> {
    let mut out = Vec::new();
    let first = DynamicImage::from(picture.clone()).into_rgba8();
    let second = RgbaImage::from_pixel(picture.width(), picture.height(), Rgba([128, 128, 128, 255]));
    let mut encoder = GifEncoder::new(&mut out);
    encoder.encode_frames([first, second].map(image::Frame::new)).unwrap();
    drop(encoder);
    out
}

/// A JPEG with what phones and programs add: EXIF with GPS, XMP, a profile, IPTC, a comment, a tail.
pub fn tagged_jpeg(picture: &RgbImage, orientation: u16) -> Vec<u8> {
    let plain = jpeg(picture);
    let mut exif_body = b"Exif\0\0".to_vec();
    exif_body.extend(exif::block(orientation, 48.2082, 16.3738));
    let mut out = vec![0xFF, 0xD8];
    segment(&mut out, 0xE1, &exif_body);
    segment(&mut out, 0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>secret place</x>");
    segment(&mut out, 0xE2, b"ICC_PROFILE\0\x01\x01secret place");
    segment(&mut out, 0xED, b"Photoshop 3.0\0secret place");
    segment(&mut out, 0xFE, b"secret comment");
    out.extend_from_slice(&plain[2..]);
    out.extend_from_slice(b"secret tail, as of a live photo");
    out
}

/// A JPEG with an EXIF block and nothing else added.
pub fn turned_jpeg(picture: &RgbImage, orientation: u16) -> Vec<u8> {
    let mut body = b"Exif\0\0".to_vec();
    body.extend(exif::block(orientation, 0.0, 0.0));
    let mut out = vec![0xFF, 0xD8];
    segment(&mut out, 0xE1, &body);
    out.extend_from_slice(&jpeg(picture)[2..]);
    out
}

fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend_from_slice(&[0xFF, marker]);
    out.extend_from_slice(&u16::try_from(body.len() + 2).unwrap().to_be_bytes());
    out.extend_from_slice(body);
}

/// A PNG with EXIF, plain text, international text (XMP), a time, and something after its end.
///
/// `late` puts the EXIF block behind the pixels, which the format allows.
pub fn tagged_png(picture: &DynamicImage, orientation: u16, late: bool) -> Vec<u8> {
    let plain = png(picture);
    let exif = png_chunk(b"eXIf", &exif::block(orientation, 48.2082, 16.3738));
    let end = plain.len() - 12;
    let mut out = plain[..33].to_vec();
    if !late {
        out.extend_from_slice(&exif);
    }
    out.extend(png_chunk(b"tEXt", b"Comment\0secret comment"));
    out.extend(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x>secret place</x>"));
    out.extend(png_chunk(b"tIME", &[0x07, 0xEA, 11, 23, 12, 0, 0]));
    out.extend_from_slice(&plain[33..end]);
    if late {
        out.extend_from_slice(&exif);
    }
    out.extend_from_slice(&plain[end..]);
    out.extend_from_slice(b"secret tail");
    out
}

pub fn png_chunk(label: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(label);
    out.extend_from_slice(body);
    let sum = crc32(&out[4..]);
    out.extend_from_slice(&sum.to_be_bytes());
    out
}

/// The checksum of PNG, bit by bit (PNG third edition, annex D).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(
            sum ^ u32::from(byte),
            |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 },
        )
    })
}

/// A PNG that consists of a header and the first bytes of nothing.
pub fn hollow_png(width: u32, height: u32, padding: usize) -> Vec<u8> {
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = width.to_be_bytes().to_vec();
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    out.extend(png_chunk(b"IHDR", &header));
    out.extend(png_chunk(b"IDAT", &vec![0x78; padding]));
    out.extend(png_chunk(b"IEND", b""));
    out
}

/// A WebP in its extended form with EXIF and XMP.
pub fn tagged_webp(picture: &DynamicImage, orientation: u16) -> Vec<u8> {
    let plain = webp(picture);
    // The encoder writes the short form: RIFF, length, WEBP, and one chunk.
    let mut chunks = Vec::new();
    let flags = 0b0000_1100 | if picture.color().has_alpha() { 0b0001_0000 } else { 0 };
    chunks.extend(webp_canvas(picture.width(), picture.height(), flags));
    chunks.extend_from_slice(&plain[12..]);
    chunks.extend(riff_chunk(b"EXIF", &exif::block(orientation, 48.2082, 16.3738)));
    chunks.extend(riff_chunk(b"XMP ", b"<x>secret place, secret comment</x>"));
    riff(&chunks)
}

pub fn webp_canvas(width: u32, height: u32, flags: u8) -> Vec<u8> {
    let mut body = vec![flags, 0, 0, 0];
    body.extend_from_slice(&(width - 1).to_le_bytes()[..3]);
    body.extend_from_slice(&(height - 1).to_le_bytes()[..3]);
    riff_chunk(b"VP8X", &body)
}

/// The first bytes of a lossy picture of this size, as `VP8 ` chunk.
pub fn vp8_start(width: u16, height: u16) -> Vec<u8> {
    let mut body = vec![0x10, 0x00, 0x00, 0x9D, 0x01, 0x2A];
    body.extend_from_slice(&width.to_le_bytes());
    body.extend_from_slice(&height.to_le_bytes());
    body.extend_from_slice(&[0; 64]);
    riff_chunk(b"VP8 ", &body)
}

pub fn riff_chunk(label: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = label.to_vec();
    out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

pub fn riff(chunks: &[u8]) -> Vec<u8> {
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&u32::try_from(chunks.len() + 4).unwrap().to_le_bytes());
    out.extend_from_slice(b"WEBP");
    out.extend_from_slice(chunks);
    out
}

/// A GIF with a comment, and something after its end.
pub fn tagged_gif(picture: &RgbImage) -> Vec<u8> {
    let plain = gif(picture);
    let (end, body) = plain.split_last().unwrap();
    let mut out = body.to_vec();
    out.extend_from_slice(b"\x21\xFE\x0Esecret comment\x00");
    out.push(*end);
    out.extend_from_slice(b"secret tail");
    out
}
