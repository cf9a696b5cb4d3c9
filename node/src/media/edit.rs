//! What a person does to a photo before it is sent: a part of it, turned, mirrored, with a filter.
//!
//! The order is fixed, so that the same words always mean the same picture: upright by its EXIF, then *crop* (said in the
//! upright picture as it is seen), then *rotate* clockwise, then *flip*, then reduced to what is sent, then the *filter*.
//!
//! ```text
//! stored pixels ─ crop (mapped back through EXIF) ─ reduce ─ upright ─ rotate ─ flip ─ filter
//! ```
//!
//! The crop is made on the stored pixels, in place, before anything is moved: it costs no second copy of the picture, and
//! a small part of a large picture keeps all its detail.
//!
//! Source: Exif 2.32, 4.6.4 (orientation).

use image::metadata::Orientation;

use super::decode::Pixels;
use super::error::Error;
use super::filter::Look;
use super::limits::CROP_SIDE_MIN;

/// What is done to one photo.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Edit {
    /// The part that stays.
    pub crop: Option<Crop>,
    /// How far it is turned.
    pub rotate: Rotate,
    /// How it is mirrored, after that.
    pub flip: Option<Flip>,
    /// Its look.
    pub filter: Option<&'static Look>,
}

/// A turn, clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotate {
    /// Not at all.
    #[default]
    None,
    /// By 90 degrees.
    Quarter,
    /// By 180.
    Half,
    /// By 270.
    ThreeQuarters,
}

impl Rotate {
    /// From degrees; `None` for others than 0, 90, 180 and 270.
    pub fn from_degrees(degrees: u16) -> Option<Self> {
        match degrees {
            0 => Some(Self::None),
            90 => Some(Self::Quarter),
            180 => Some(Self::Half),
            270 => Some(Self::ThreeQuarters),
            _ => None,
        }
    }

    /// The same, as the picture library says it.
    pub fn orientation(self) -> Orientation {
        match self {
            Self::None => Orientation::NoTransforms,
            Self::Quarter => Orientation::Rotate90,
            Self::Half => Orientation::Rotate180,
            Self::ThreeQuarters => Orientation::Rotate270,
        }
    }
}

/// A mirroring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Flip {
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
}

impl Flip {
    /// The same, as the picture library says it.
    pub fn orientation(self) -> Orientation {
        match self {
            Self::Horizontal => Orientation::FlipHorizontal,
            Self::Vertical => Orientation::FlipVertical,
        }
    }
}

/// A part of a picture. Where all four numbers are at most 1 they are shares of width and height, else pixels: a part of
/// one pixel is below the smallest size anyway, so that there is no doubt.
#[derive(Debug, Clone, Copy, PartialEq, serde::Deserialize, serde::Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Crop)]
pub struct Crop {
    /// Where it begins, from the left.
    pub x: f64,
    /// Where it begins, from the top.
    pub y: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rect {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Rect {
    /// The same part of a picture of another size: at least a pixel, and within it.
    fn smaller(self, full: (u32, u32), now: (u32, u32)) -> Self {
        if full == now {
            return self;
        }
        let along = |begin: u32, len: u32, full: u32, now: u32| {
            let place = |at: u32| {
                let at = (u64::from(at) * u64::from(now) + u64::from(full / 2)) / u64::from(full.max(1));
                u32::try_from(at).unwrap_or(now).min(now)
            };
            let begin_now = place(begin).min(now.saturating_sub(1));
            (begin_now, place(begin.saturating_add(len)).saturating_sub(begin_now).max(1))
        };
        let (x, width) = along(self.x, self.width, full.0, now.0);
        let (y, height) = along(self.y, self.height, full.1, now.1);
        Self { x, y, width, height }
    }
}

impl Crop {
    /// The rectangle in a picture of this size.
    fn rect(&self, width: u32, height: u32) -> Result<Rect, Error> {
        let Self { x, y, width: w, height: h } = *self;
        let outside = Error::CropOutside { width, height };
        if [x, y, w, h].iter().any(|value| !value.is_finite() || *value < 0.0) {
            return Err(outside);
        }
        let shares = [x, y, w, h].iter().all(|value| *value <= 1.0);
        let (per_x, per_y) = if shares { (f64::from(width), f64::from(height)) } else { (1.0, 1.0) };
        // `as` saturates; what is too large is outside.
        let edge = |value: f64, per: f64| (value * per).round() as u32;
        let (left, top) = (edge(x, per_x), edge(y, per_y));
        let (right, bottom) = (edge(x + w, per_x), edge(y + h, per_y));
        if right > width || bottom > height || left > right || top > bottom {
            return Err(outside);
        }
        let rect = Rect { x: left, y: top, width: right - left, height: bottom - top };
        if rect.width.min(rect.height) < CROP_SIDE_MIN {
            return Err(Error::CropTooSmall { width: rect.width, height: rect.height, min: CROP_SIDE_MIN });
        }
        Ok(rect)
    }
}

/// Whether a picture is stored lying on its side.
pub const fn lies(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// Width and height of what stays of an upright picture of this size.
///
/// # Errors
/// [`Error::CropOutside`], [`Error::CropTooSmall`].
pub fn part_size(crop: Option<&Crop>, (width, height): (u32, u32)) -> Result<(u32, u32), Error> {
    let Some(crop) = crop else { return Ok((width, height)) };
    crop.rect(width, height).map(|rect| (rect.width, rect.height))
}

/// Cuts a part out of pixels that are not upright yet.
///
/// # Errors
/// [`Error::CropOutside`], [`Error::CropTooSmall`].
pub fn crop(pixels: &mut Pixels, crop: &Crop) -> Result<(), Error> {
    let full = (pixels.width, pixels.height);
    crop_of(pixels, full, crop)
}

/// The same where the pixels are fewer than the picture has: `full` is the stored size that the part speaks of.
///
/// # Errors
/// As [`crop`].
pub fn crop_of(pixels: &mut Pixels, full: (u32, u32), crop: &Crop) -> Result<(), Error> {
    let upright = if lies(pixels.orientation) { (full.1, full.0) } else { full };
    let rect = stored(crop.rect(upright.0, upright.1)?, pixels.orientation, full.0, full.1);
    let (width, height) = (pixels.width, pixels.height);
    let rect = rect.smaller(full, (width, height));
    let index = |pixel: u32| usize::try_from(pixel).unwrap_or(usize::MAX);
    let channels = usize::from(pixels.channels);
    let (from_len, to_len) = (index(width) * channels, index(rect.width) * channels);
    for row in 0..index(rect.height) {
        let from = (row + index(rect.y)) * from_len + index(rect.x) * channels;
        // Never overtakes what is still to be read: a row moves towards the front or stays.
        pixels.bytes.copy_within(from..from + to_len, row * to_len);
    }
    pixels.bytes.truncate(index(rect.height) * to_len);
    (pixels.width, pixels.height) = (rect.width, rect.height);
    Ok(())
}

/// Where a rectangle of the upright picture lies among the stored pixels.
fn stored(rect: Rect, orientation: Orientation, width: u32, height: u32) -> Rect {
    let Rect { x, y, width: w, height: h } = rect;
    let (from_right, from_bottom) =
        (|begin: u32, len: u32| width - begin - len, |begin: u32, len: u32| height - begin - len);
    match orientation {
        Orientation::NoTransforms => rect,
        Orientation::Rotate180 => Rect { x: from_right(x, w), y: from_bottom(y, h), ..rect },
        Orientation::FlipHorizontal => Rect { x: from_right(x, w), ..rect },
        Orientation::FlipVertical => Rect { y: from_bottom(y, h), ..rect },
        Orientation::Rotate90 => Rect { x: y, y: from_bottom(x, w), width: h, height: w },
        Orientation::Rotate270 => Rect { x: from_right(y, h), y: x, width: h, height: w },
        Orientation::Rotate90FlipH => Rect { x: y, y: x, width: h, height: w },
        Orientation::Rotate270FlipH => {
            Rect { x: from_right(y, h), y: from_bottom(x, w), width: h, height: w }
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GenericImageView, RgbImage};

    use super::*;

    const ALL: [Orientation; 8] = [
        Orientation::NoTransforms,
        Orientation::Rotate90,
        Orientation::Rotate180,
        Orientation::Rotate270,
        Orientation::FlipHorizontal,
        Orientation::FlipVertical,
        Orientation::Rotate90FlipH,
        Orientation::Rotate270FlipH,
    ];

    fn stored_picture() -> RgbImage {
        RgbImage::from_fn(50, 40, |x, y| image::Rgb([x as u8, y as u8, 7]))
    }

    fn part(x: f64, y: f64, width: f64, height: f64) -> Crop {
        Crop { x, y, width, height }
    }

    #[test]
    fn a_part_of_the_upright_picture_is_that_part_however_the_camera_was_held() {
        for orientation in ALL {
            let picture = stored_picture();
            let mut upright = DynamicImage::from(picture.clone());
            upright.apply_orientation(orientation);
            let expected = upright.crop_imm(3, 5, 20, 16);
            let mut pixels =
                Pixels { width: 50, height: 40, channels: 3, bytes: picture.into_raw(), orientation };
            crop(&mut pixels, &part(3.0, 5.0, 20.0, 16.0)).unwrap();
            let got = RgbImage::from_raw(pixels.width, pixels.height, pixels.bytes).unwrap();
            let mut got = DynamicImage::from(got);
            got.apply_orientation(orientation);
            assert_eq!(got.dimensions(), (20, 16), "{orientation:?}");
            assert_eq!(got, expected, "{orientation:?}");
        }
    }

    #[test]
    fn shares_and_pixels_say_the_same_and_rounding_never_leaves_the_picture() {
        let rect = |crop: Crop| crop.rect(1_000, 500).unwrap();
        assert_eq!(rect(part(0.1, 0.2, 0.5, 0.4)), rect(part(100.0, 100.0, 500.0, 200.0)));
        assert_eq!(rect(part(0.0, 0.0, 1.0, 1.0)), Rect { x: 0, y: 0, width: 1_000, height: 500 });
        let third = part(2.0 / 3.0, 0.0, 1.0 / 3.0, 1.0).rect(1_001, 77).unwrap();
        assert_eq!((third.x + third.width, third.height), (1_001, 77));
    }

    #[test]
    fn a_part_of_the_smallest_size_is_taken_and_one_pixel_less_or_one_outside_is_not() {
        let min = f64::from(CROP_SIDE_MIN);
        assert!(part(2.0, 2.0, min, min).rect(100, 100).is_ok());
        let small = part(2.0, 2.0, min - 1.0, min).rect(100, 100);
        assert!(matches!(small, Err(Error::CropTooSmall { min: CROP_SIDE_MIN, .. })));
        assert!(part(50.0, 0.0, 50.0, 100.0).rect(100, 100).is_ok());
        for outside in [
            part(51.0, 0.0, 50.0, 100.0),
            part(0.0, 0.0, 100.0, 101.0),
            part(-1.0, 0.0, 50.0, 50.0),
            part(f64::NAN, 0.0, 50.0, 50.0),
            part(0.6, 0.0, 0.5, 1.0),
            part(1e300, 0.0, 1e300, 2.0),
            part(f64::INFINITY, 0.0, 20.0, 20.0),
        ] {
            assert!(matches!(outside.rect(100, 100), Err(Error::CropOutside { .. })), "{outside:?}");
        }
    }
}
