//! From plain pixels to what is published: the photo, its preview, its ThumbHash.
//!
//! Why three: a friend's timeline shows the ThumbHash (25 bytes, inside the moment) at once, the preview
//! (at most 24 KiB, fetched ahead) a moment later, and the photo when it has come.
//!
//! The idea: the large picture is touched once. It is reduced to at most 2048 pixels on its longer
//! side, turned upright only then (a quarter of the pixels to move), and everything smaller is made from
//! the reduced one. The JPEG is always written anew from pixels, whatever came in and however
//! small it was; there is no way around it, so no metadata can find one.
//!
//! What it does not do: keep PNG. A screenshot or drawing becomes a JPEG as well: one format to
//! show, store and check, no transparency whose background nobody chose, and at quality
//! [`limits::JPEG_QUALITY`] with full colour resolution lettering stays clean.
//!
//! Invariants: no side above [`limits::SIDE_TARGET`], none below 1; the preview is at most
//! [`limits::PREVIEW_LEN_LIMIT`]; nothing written holds a byte of metadata; same pixels, same bytes.
//!
//! Source: docs/protocol.md 3.9 and 3.18; ThumbHash, the reference algorithm.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageEncoder, RgbImage};

use super::decode::Pixels;
use super::edit::{self, Edit};
use super::error::Error;
use super::{filter, limits};

/// Reduces a picture to what is published at most, turns it upright, and does what a person asked for.
///
/// # Errors
/// [`Error::CropOutside`], [`Error::CropTooSmall`]; [`Error::Resize`], if the resizer refuses the buffer; not reachable
/// with [`Pixels`] of `decode`.
pub fn upright(mut pixels: Pixels, edit: &Edit) -> Result<DynamicImage, Error> {
    if let Some(part) = &edit.crop {
        edit::crop(&mut pixels, part)?;
    }
    let Pixels { width, height, channels, bytes, orientation } = pixels;
    let (new_width, new_height) = fitted(width, height, limits::SIDE_TARGET);
    let bytes = if (new_width, new_height) == (width, height) {
        bytes
    } else {
        reduced(&bytes, (width, height), channels, (new_width, new_height), FilterType::Lanczos3)?
    };
    let mut picture = picture(new_width, new_height, channels, bytes)?;
    picture.apply_orientation(orientation);
    picture.apply_orientation(edit.rotate.orientation());
    if let Some(flip) = edit.flip {
        picture.apply_orientation(flip.orientation());
    }
    Ok(match edit.filter {
        Some(look) => filter::apply(look, picture),
        None => picture,
    })
}

/// Writes a picture as JPEG with nothing in it but the picture.
///
/// # Errors
/// [`Error::Encode`], if the picture has a side of 0 or above 65,535.
pub fn jpeg(picture: &DynamicImage, quality: u8) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut out, quality);
    encoder
        .write_image(picture.as_bytes(), picture.width(), picture.height(), picture.color().into())
        .map_err(Error::Encode)?;
    Ok(out)
}

/// Writes the preview: the first step of [`limits::PREVIEW_LADDER`] that fits.
///
/// # Errors
/// As [`jpeg`].
///
/// # Cost
/// One or two encodings of 480 pixels for a photo; the whole ladder, 700,000 pixels, for noise.
pub fn preview(picture: &DynamicImage) -> Result<Vec<u8>, Error> {
    let mut smaller: Option<DynamicImage> = None;
    let mut written = Vec::new();
    for (side, quality) in limits::PREVIEW_LADDER {
        // Each step is made from the one before; averaging again costs nothing that could be seen.
        let reduced = scaled(smaller.as_ref().unwrap_or(picture), side)?;
        written = jpeg(&reduced, quality)?;
        if written.len() <= limits::PREVIEW_LEN_LIMIT {
            break;
        }
        smaller = Some(reduced);
    }
    Ok(written)
}

/// Makes the ThumbHash: at most 25 bytes from which a blurred picture of the right shape is drawn.
///
/// # Errors
/// As [`upright`].
pub fn thumbhash(picture: &DynamicImage) -> Result<Vec<u8>, Error> {
    let small = scaled(picture, limits::THUMBHASH_SIDE_LIMIT)?.into_rgba8();
    let side = |length: u32| usize::try_from(length).unwrap_or(usize::MAX);
    Ok(thumbhash::rgba_to_thumb_hash(side(small.width()), side(small.height()), small.as_raw()))
}

/// A copy of a picture with no side above `side`.
///
/// # Errors
/// As [`upright`].
pub fn scaled(picture: &DynamicImage, side: u32) -> Result<DynamicImage, Error> {
    let (width, height) = (picture.width(), picture.height());
    let target = fitted(width, height, side);
    if target == (width, height) {
        return Ok(picture.clone());
    }
    let channels = picture.color().channel_count();
    let bytes = reduced(picture.as_bytes(), (width, height), channels, target, FilterType::Hamming)?;
    self::picture(target.0, target.1, channels, bytes)
}

/// Pixels as a picture of exactly this size.
///
/// # Errors
/// As [`upright`].
pub fn resized(pixels: &Pixels, (width, height): (u32, u32)) -> Result<DynamicImage, Error> {
    let from = (pixels.width, pixels.height);
    let bytes = if from == (width, height) {
        pixels.bytes.clone()
    } else {
        // Made a little larger it has to be interpolated; made smaller it is averaged, as all small pictures are.
        let filter = if width > from.0 { FilterType::CatmullRom } else { FilterType::Hamming };
        reduced(&pixels.bytes, from, pixels.channels, (width, height), filter)?
    };
    picture(width, height, pixels.channels, bytes)
}

/// Width and height scaled down so that the longer is at most `side`; rounded, and at least 1.
pub fn fitted(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= side {
        return (width, height);
    }
    let scale = |length: u32| {
        let (length, longer) = (u64::from(length), u64::from(longer));
        let scaled = (length * u64::from(side) + longer / 2) / longer;
        u32::try_from(scaled).unwrap_or(side).clamp(1, side)
    };
    (scale(width), scale(height))
}

fn reduced(
    bytes: &[u8],
    from: (u32, u32),
    channels: u8,
    to: (u32, u32),
    filter: FilterType,
) -> Result<Vec<u8>, Error> {
    let kind = if channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
    let source = ImageRef::new(from.0, from.1, bytes, kind).map_err(|_| mismatch())?;
    let mut target = Image::new(to.0, to.1, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
    Resizer::new().resize(&source, &mut target, &options).map_err(Error::Resize)?;
    Ok(target.into_vec())
}

fn picture(width: u32, height: u32, channels: u8, bytes: Vec<u8>) -> Result<DynamicImage, Error> {
    let picture = if channels == 1 {
        GrayImage::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8)
    } else {
        RgbImage::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8)
    };
    picture.ok_or_else(mismatch)
}

/// The buffer and the size do not belong together; `decode` makes sure that they do.
fn mismatch() -> Error {
    Error::Resize(fast_image_resize::ResizeError::ImageError(
        fast_image_resize::ImageError::UnsupportedPixelType,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_side_is_fitted_and_the_shorter_follows() {
        assert_eq!(fitted(4000, 3000, 2048), (2048, 1536));
        assert_eq!(fitted(3000, 4000, 2048), (1536, 2048));
        assert_eq!(fitted(2048, 2048, 2048), (2048, 2048));
        assert_eq!(fitted(2049, 2048, 2048), (2048, 2047));
        assert_eq!(fitted(640, 480, 2048), (640, 480));
        assert_eq!(fitted(32_768, 1, 2048), (2048, 1));
        assert_eq!(fitted(u32::MAX, u32::MAX, 2048), (2048, 2048));
    }
}
