//! Profile pictures: the avatar, cut square from the middle, and the cover above the album.
//!
//! They go the way of every photo (decoded within limits, turned upright, written anew without a word of metadata) and end
//! smaller: one JPEG each, no preview, because a profile has only a handful of them.

use super::edit::Edit;
use super::error::Error;
use super::{decode, encode, in_turn, limits, probe};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Square, at most [`limits::AVATAR_SIDE_TARGET`] a side.
    Avatar,
    /// As it is, at most [`limits::COVER_WIDTH_TARGET`] wide.
    Cover,
}

/// A profile picture as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portrait {
    /// Media type of `bytes`: always `image/jpeg`.
    pub mime: &'static str,
    /// Width, in pixels.
    pub width: u16,
    /// Height, in pixels.
    pub height: u16,
    /// The picture.
    pub bytes: Vec<u8>,
    /// Its ThumbHash, at most 25 bytes.
    pub thumbhash: Vec<u8>,
}

/// Makes a profile picture from any file that a photo could be made from.
///
/// # Errors
/// As [`super::photo`].
pub fn portrait(input: &[u8], shape: Shape) -> Result<Portrait, Error> {
    let upright = encode::upright(decode::photo_pixels(input)?, &Edit::default())?;
    let (width, height) = (upright.width(), upright.height());
    let picture = match shape {
        Shape::Avatar => {
            let side = width.min(height);
            let square = upright.crop_imm((width - side) / 2, (height - side) / 2, side, side);
            encode::scaled(&square, limits::AVATAR_SIDE_TARGET)?
        }
        Shape::Cover if width > limits::COVER_WIDTH_TARGET => {
            // The side that has to fit is the width, be it the shorter one.
            let longer =
                u64::from(width.max(height)) * u64::from(limits::COVER_WIDTH_TARGET) / u64::from(width);
            encode::scaled(&upright, u32::try_from(longer).unwrap_or(limits::COVER_WIDTH_TARGET))?
        }
        Shape::Cover => upright,
    };
    let thumbhash = encode::thumbhash(&picture)?;
    let bytes = encode::jpeg(&picture, limits::JPEG_QUALITY)?;
    if probe::has_metadata(&bytes) {
        return Err(Error::NotBare);
    }
    let side = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
    let (width, height) = (side(picture.width()), side(picture.height()));
    Ok(Portrait { mime: "image/jpeg", width, height, bytes, thumbhash })
}

/// [`portrait`] off the runtime's threads, in its turn among all pictures.
///
/// # Errors
/// As [`super::prepare_photo`].
pub async fn prepare_portrait(input: Vec<u8>, shape: Shape) -> Result<Portrait, Error> {
    in_turn(move || portrait(&input, shape)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    /// Red on the left, green in the middle, blue on the right.
    fn striped(width: u32, height: u32) -> Vec<u8> {
        let mut pixels = Vec::new();
        for _ in 0..height {
            for x in 0..width {
                let third = (x * 3 / width).min(2) as usize;
                let mut pixel = [0_u8; 3];
                pixel[third] = 250;
                pixels.extend_from_slice(&pixel);
            }
        }
        let mut out = Vec::new();
        PngEncoder::new(&mut out).write_image(&pixels, width, height, ExtendedColorType::Rgb8).unwrap();
        out
    }

    fn size(input: &[u8], shape: Shape) -> (u16, u16) {
        let made = portrait(input, shape).unwrap();
        let shown = image::load_from_memory(&made.bytes).unwrap();
        assert_eq!((shown.width(), shown.height()), (u32::from(made.width), u32::from(made.height)));
        (made.width, made.height)
    }

    #[test]
    fn an_avatar_is_the_middle_of_its_picture_and_never_above_its_side() {
        assert_eq!(size(&striped(512, 512), Shape::Avatar), (512, 512));
        assert_eq!(size(&striped(513, 600), Shape::Avatar), (512, 512));
        assert_eq!(size(&striped(90, 30), Shape::Avatar), (30, 30));
        let made = portrait(&striped(90, 30), Shape::Avatar).unwrap();
        let shown = image::load_from_memory(&made.bytes).unwrap().into_rgb8();
        for (x, y) in [(3, 3), (15, 15), (26, 26)] {
            let [red, green, blue] = shown.get_pixel(x, y).0;
            assert!(green > 200 && red < 60 && blue < 60, "{:?} at {x},{y}", [red, green, blue]);
        }
    }

    #[test]
    fn a_cover_keeps_its_shape_and_is_at_most_so_wide() {
        assert_eq!(size(&striped(1600, 900), Shape::Cover), (1600, 900));
        assert_eq!(size(&striped(1602, 801), Shape::Cover), (1600, 800));
        assert_eq!(size(&striped(2000, 2048), Shape::Cover), (1600, 1638));
        assert_eq!(size(&striped(300, 1000), Shape::Cover), (300, 1000));
    }

    #[test]
    fn what_is_no_picture_is_none_here_either() {
        assert!(matches!(portrait(b"plain text", Shape::Avatar), Err(Error::Unknown | Error::Foreign(_))));
    }
}
