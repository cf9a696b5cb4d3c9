//! What a person sees who is still choosing: the photo as it would be sent, made smaller, soon.
//!
//! Why another way than `encode`: whoever turns a picture or tries filters waits for each answer, and of a photo from a
//! camera most of the time goes into pixels that the answer does not have.
//!
//! The idea: a JPEG is stored as waves over blocks of 8 × 8 pixels, so that half, a quarter or an eighth of the size comes
//! out of the file at once, without the rest being made. The smallest of these that still has the detail asked for is
//! decoded; the part is cut out of it; the same turn, flip and filter follow. What is sent itself is made by `encode` from
//! all pixels.
//!
//! ```text
//! file ─ decode at 1, ½, ¼ or ⅛ ─ crop ─ to the size asked for ─ upright ─ rotate ─ flip ─ filter ─ JPEG
//! ```
//!
//! Grain is finer than a sketch shows: made smaller, it averages out, so here it is laid on as much weaker.
//!
//! What it does not do: decide anything. Parts and files that `encode` refuses are refused here with the same words, for
//! both look at the whole size.
//!
//! Invariants: the answer has the size that reducing the sent picture would give; it looks as that would (a test names the
//! tolerance, for each filter).
//!
//! Source: ITU-T T.81, A.3.3 (the transform); docs/adr/0015.

use image::DynamicImage;

use super::edit::{self, Edit};
use super::error::Error;
use super::filter::{self, Look};
use super::{decode, encode, limits};

/// Draws what would be sent with no side above `side`, as JPEG.
///
/// # Errors
/// As [`super::edited`].
///
/// # Cost
/// Of a JPEG: reading its waves, and little for the pixels; of another format as [`super::edited`] without writing the
/// large picture.
pub fn sketch(input: &[u8], edit: &Edit, side: u32) -> Result<Vec<u8>, Error> {
    encode::jpeg(&picture(input, edit, side)?, limits::JPEG_QUALITY)
}

fn picture(input: &[u8], edit: &Edit, side: u32) -> Result<DynamicImage, Error> {
    let needed = |width: u32, height: u32, lies: bool| -> Result<u32, Error> {
        let part = edit::part_size(edit.crop.as_ref(), if lies { (height, width) } else { (width, height) })?;
        let whole = u64::from(width.max(height));
        let longer = u64::from(part.0.max(part.1)).max(1);
        // As many pixels in all as give the part its size, less the little that nobody sees.
        let wanted = whole * longer.min(u64::from(side)) / longer;
        let spared = wanted.saturating_sub(wanted / limits::SKETCH_SPARED_SHARE);
        Ok(u32::try_from(spared).unwrap_or(u32::MAX))
    };
    let (mut pixels, full) = decode::scaled_pixels(input, &needed)?;
    let upright_full = if edit::lies(pixels.orientation) { (full.1, full.0) } else { full };
    let part = edit::part_size(edit.crop.as_ref(), upright_full)?;
    if let Some(crop) = &edit.crop {
        edit::crop_of(&mut pixels, full, crop)?;
    }
    let sent = encode::fitted(part.0, part.1, limits::SIDE_TARGET);
    let (width, height) = encode::fitted(sent.0, sent.1, side);
    let stored = if edit::lies(pixels.orientation) { (height, width) } else { (width, height) };
    let mut picture = encode::resized(&pixels, stored)?;
    picture.apply_orientation(pixels.orientation);
    picture.apply_orientation(edit.rotate.orientation());
    if let Some(flip) = edit.flip {
        picture.apply_orientation(flip.orientation());
    }
    Ok(match edit.filter {
        Some(look) => {
            let smaller = width.max(height) as f32 / sent.0.max(sent.1) as f32;
            filter::apply(&Look { grain: look.grain * smaller, ..*look }, picture)
        }
        None => picture,
    })
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder, Rgb, RgbImage};

    use super::super::edit::{Crop, Flip, Rotate};
    use super::super::fixtures;
    use super::*;

    /// Soft colours, edges and fine detail, as a photo has them.
    fn scene(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            let wave = (u * 40.0).sin() * (v * 30.0).cos() * 0.25 + 0.5;
            let fine = if (x / 3 + y / 5) % 2 == 0 { 0.015 } else { -0.015 };
            let edge = if (u - 0.5).hypot(v - 0.4) < 0.2 { 0.3 } else { 0.0 };
            Rgb([u * 0.6 + 0.2 + fine, wave * 0.7 + edge + fine, 0.8 - v * 0.6 + fine]
                .map(|value: f32| (value * 255.0) as u8))
        })
    }

    /// As most cameras write: colour at half the resolution is left to them, the rest is this.
    fn photo(width: u32, height: u32) -> Vec<u8> {
        let picture = scene(width, height);
        let mut out = Vec::new();
        JpegEncoder::new_with_quality(&mut out, 92)
            .write_image(&picture, width, height, ExtendedColorType::Rgb8)
            .unwrap();
        out
    }

    /// What is sent, made as small as the sketch.
    fn sent(input: &[u8], edit: &Edit, side: u32) -> DynamicImage {
        let sent = encode::upright(decode::photo_pixels(input).unwrap(), edit).unwrap();
        encode::scaled(&sent, side).unwrap()
    }

    fn mean_difference(one: &DynamicImage, other: &DynamicImage) -> f32 {
        assert_eq!((one.width(), one.height()), (other.width(), other.height()));
        let (one, other) = (one.to_rgb8(), other.to_rgb8());
        let sum: u64 = one.iter().zip(other.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f32 / one.len() as f32
    }

    /// Steps of 255 that a sketch may be off in the mean: two in a hundred, on fine detail that is hard to reduce alike.
    const TOLERANCE: f32 = 5.0;

    #[test]
    fn a_sketch_looks_as_what_is_sent_does_whatever_the_filter() {
        let input = photo(900, 600);
        let looks = filter::ALL.iter().map(Some).chain([None]);
        for look in looks {
            let edit = Edit { filter: look, ..Edit::default() };
            for side in [400, 160] {
                let off = mean_difference(&picture(&input, &edit, side).unwrap(), &sent(&input, &edit, side));
                assert!(off < TOLERANCE, "{:?} at {side}: {off}", look.map(|look| look.name));
            }
        }
    }

    #[test]
    fn a_sketch_of_a_part_turned_and_mirrored_is_that_part_however_the_camera_was_held() {
        let plain = scene(600, 400);
        let edits = [
            Edit { crop: Some(Crop { x: 0.5, y: 0.25, width: 0.25, height: 0.5 }), ..Edit::default() },
            Edit {
                crop: Some(Crop { x: 50.0, y: 25.0, width: 150.0, height: 201.0 }),
                rotate: Rotate::Quarter,
                flip: Some(Flip::Horizontal),
                filter: None,
            },
            Edit { rotate: Rotate::ThreeQuarters, flip: Some(Flip::Vertical), ..Edit::default() },
        ];
        for orientation in 1..=8 {
            let input = fixtures::turned_jpeg(&plain, orientation);
            for (at, edit) in edits.iter().enumerate() {
                for side in [256, 100] {
                    let off =
                        mean_difference(&picture(&input, edit, side).unwrap(), &sent(&input, edit, side));
                    // A cut may fall between two pixels of the smaller picture.
                    assert!(off < 2.0 * TOLERANCE, "{orientation} {at} at {side}: {off}");
                }
            }
        }
    }

    #[test]
    fn what_is_refused_as_a_photo_is_refused_as_a_sketch() {
        let input = photo(800, 600);
        let part = |x, y, width, height| Edit { crop: Some(Crop { x, y, width, height }), ..Edit::default() };
        for edit in [part(700.0, 0.0, 200.0, 100.0), part(0.0, 0.0, 15.0, 100.0)] {
            let said = |error: Error| error.to_string();
            let expected =
                encode::upright(decode::photo_pixels(&input).unwrap(), &edit).map(drop).map_err(said);
            assert!(expected.is_err());
            assert_eq!(sketch(&input, &edit, 512).map(drop).map_err(said), expected);
        }
        for len in [0, 2, 100, 1_000, input.len() / 2, input.len() - 2] {
            let (one, other) =
                (super::super::photo(&input[..len]), sketch(&input[..len], &Edit::default(), 300));
            assert_eq!(one.is_ok(), other.is_ok(), "{len}");
        }
        // The smallest part is taken, though at an eighth of the size it is two pixels wide.
        assert!(sketch(&input, &part(0.0, 0.0, 16.0, 600.0), 16).is_ok());
    }

    #[test]
    fn a_large_jpeg_is_decoded_small_and_the_size_is_still_exact() {
        let input = photo(2_400, 1_600);
        let needed = |_: u32, _: u32, _: bool| -> Result<u32, Error> { Ok(300) };
        let (pixels, full) = decode::scaled_pixels(&input, &needed).unwrap();
        assert_eq!((pixels.width, pixels.height, full), (300, 200, (2_400, 1_600)));
        let drawn = picture(&input, &Edit::default(), 333).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (333, 222));
        // A small one is not made larger than what is sent.
        let drawn = picture(&photo(200, 100), &Edit::default(), 1_024).unwrap();
        assert_eq!((drawn.width(), drawn.height()), (200, 100));
    }

    #[test]
    fn grey_and_other_formats_are_sketched_as_well() {
        let grey = DynamicImage::from(scene(640, 480)).to_luma8();
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 90)
            .write_image(&grey, 640, 480, ExtendedColorType::L8)
            .unwrap();
        let png = fixtures::png(&DynamicImage::from(scene(640, 480)));
        for input in [jpeg, png] {
            let off = mean_difference(
                &picture(&input, &Edit::default(), 200).unwrap(),
                &sent(&input, &Edit::default(), 200),
            );
            assert!(off < TOLERANCE, "{off}");
        }
    }
}
