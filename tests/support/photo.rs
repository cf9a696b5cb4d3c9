//! Photos as a phone takes them, with the place in them; and what a file still says besides its picture.

use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::exif;

/// Where the photos claim to have been taken.
const POSITION: (f64, f64) = (48.2082, 16.3738);

/// Writes a JPEG with maker and GPS position in its EXIF; `variety` makes it unlike the others.
pub fn write(folder: &Path, variety: u64, width: u32, height: u32) -> PathBuf {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let wave = f64::from(x + y) / 40.0 + variety as f64;
            let grain = (x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)) >> 24) as u8 / 8;
            pixels.push(grain + (wave.sin() * 90.0 + 110.0) as u8);
            pixels.push(grain + (f64::from(y) / f64::from(height) * 200.0) as u8);
            pixels.push(grain + (f64::from(x) / f64::from(width) * 200.0) as u8);
        }
    }
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut out, 90);
    encoder.set_exif_metadata(exif::block(1, POSITION.0, POSITION.1)).expect("JPEG takes EXIF");
    encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8).expect("the picture encodes");
    assert_eq!(metadata(&out), ["APP1"], "the photo to begin with has EXIF and nothing else");
    assert!(!traces(&out).is_empty(), "the photo to begin with tells its place");
    let path = folder.join(format!("photo-{variety}.jpg"));
    std::fs::write(&path, out).expect("the photo is written");
    path
}

/// The segments of a JPEG that say something besides the picture, and whatever stands behind its end.
///
/// APP0 (JFIF) with its 14 bytes says how to show the picture and is no metadata; anything longer may hold a thumbnail.
///
/// # Panics
/// If it is no JPEG whose segments can be walked to the end.
pub fn metadata(jpeg: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    assert_eq!(jpeg.get(..2), Some(&[0xFF, 0xD8][..]), "it begins as a JPEG");
    let mut at = 2;
    loop {
        assert_eq!(jpeg.get(at), Some(&0xFF), "a marker stands at {at}");
        let marker = jpeg[at + 1];
        match marker {
            0xD9 => {
                if jpeg.len() > at + 2 {
                    found.push(format!("{} bytes behind the end", jpeg.len() - at - 2));
                }
                return found;
            }
            0x01 | 0xD0..=0xD7 => {
                at += 2;
                continue;
            }
            _ => {}
        }
        let len = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let body = &jpeg[at + 4..at + 2 + len];
        match marker {
            0xE0 if body.starts_with(b"JFIF\0") && body.len() == 14 && body[12..] == [0, 0] => {}
            0xE0..=0xEF => found.push(format!("APP{}", marker - 0xE0)),
            0xFE => found.push("COM".to_owned()),
            _ => {}
        }
        at += 2 + len;
        if marker == 0xDA {
            // Entropy-coded data: up to the next marker that is neither a stuffed byte nor a restart.
            while jpeg[at] != 0xFF || matches!(jpeg[at + 1], 0x00 | 0xD0..=0xD7) {
                at += 1;
            }
        }
    }
}

/// What of the maker and the place can be found in bytes, wherever it stands.
pub fn traces(bytes: &[u8]) -> Vec<&'static str> {
    let block = exif::block(1, POSITION.0, POSITION.1);
    // Latitude and longitude as three rationals each, at the end of the block.
    let position = &block[block.len() - 48..];
    let maker = exif::MAKER.trim_end_matches('\0').as_bytes();
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    [
        ("the maker", holds(maker)),
        ("the latitude", holds(&position[..24])),
        ("the longitude", holds(&position[24..])),
        ("the word Exif", holds(b"Exif")),
    ]
    .into_iter()
    .filter_map(|(what, is_there)| is_there.then_some(what))
    .collect()
}
