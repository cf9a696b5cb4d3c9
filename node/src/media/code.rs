//! QR codes in a picture: what is written in them.
//!
//! Why: a friend's invite comes as a photo of a screen or as a screenshot, and few browsers can read one.
//!
//! The picture is decoded as every photo is, made grey and small, and searched by `rqrr`. The search is not made for
//! pictures that mean harm: three corner marks make a code, and a sheet tiled with marks has millions of threes. So it works
//! on a [`Sheet`] that counts every pixel it is asked for, and ends the search when [`limits::CODE_WORK_LIMIT`] is spent.
//!
//! What it does not do: judge what is written; codes that are white on black.
//!
//! Invariants: never a panic that leaves here, whatever the bytes; work and memory bounded by `limits`.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use image::{GenericImage, GenericImageView, GrayImage, Luma};
use rqrr::PreparedImage;

use super::edit::Edit;
use super::error::Error;
use super::{decode, encode, in_turn, limits};

/// The texts of the codes in a picture, off the runtime's threads and in turn; empty if none is found.
///
/// # Errors
/// As [`super::prepare_photo`].
///
/// # Cancel
/// As [`super::prepare_photo`].
pub async fn read(input: Vec<u8>) -> Result<Vec<String>, Error> {
    in_turn(move || texts(&input)).await
}

/// The texts of the codes in a picture.
///
/// # Errors
/// As [`super::photo`].
pub fn texts(input: &[u8]) -> Result<Vec<String>, Error> {
    let picture = encode::upright(decode::photo_pixels(input)?, &Edit::default())?;
    let budget = Rc::new(Cell::new(limits::CODE_WORK_LIMIT));
    for side in limits::CODE_SIDES {
        let small = encode::scaled(&picture, side)?.into_luma8();
        let found = search(Sheet { pixels: small, budget: Rc::clone(&budget) });
        let is_same = picture.width().max(picture.height()) <= side;
        if !found.is_empty() || is_same {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// What is written in the codes of a sheet; nothing, if the search fails or costs too much.
fn search(sheet: Sheet) -> Vec<String> {
    // Sound: the sheet is moved in and gone afterwards; the budget is a number that stays whole.
    let found = catch_unwind(AssertUnwindSafe(|| {
        let mut prepared = PreparedImage::prepare(sheet);
        let grids = prepared.detect_grids();
        grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
    }));
    found.unwrap_or_default()
}

/// Grey pixels that count what is done with them.
struct Sheet {
    pixels: GrayImage,
    /// Pixels that may still be touched, by this sheet and its copies.
    budget: Rc<Cell<u64>>,
}

/// Why a search was ended. It is thrown without the panic hook: nothing went wrong.
struct Spent;

impl Sheet {
    fn pay(&self, pixels: usize) {
        match self.budget.get().checked_sub(pixels as u64) {
            Some(left) => self.budget.set(left),
            None => resume_unwind(Box::new(Spent)),
        }
    }
}

impl Clone for Sheet {
    fn clone(&self) -> Self {
        self.pay(self.pixels.len());
        Self { pixels: self.pixels.clone(), budget: Rc::clone(&self.budget) }
    }
}

impl GenericImageView for Sheet {
    type Pixel = Luma<u8>;

    fn dimensions(&self) -> (u32, u32) {
        self.pixels.dimensions()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Luma<u8> {
        self.pay(1);
        *self.pixels.get_pixel(x, y)
    }
}

impl GenericImage for Sheet {
    fn get_pixel_mut(&mut self, x: u32, y: u32) -> &mut Luma<u8> {
        self.pay(1);
        self.pixels.get_pixel_mut(x, y)
    }

    fn put_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.pay(1);
        self.pixels.put_pixel(x, y, pixel);
    }

    fn blend_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.put_pixel(x, y, pixel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use image::{DynamicImage, imageops};

    use super::*;
    use crate::media::fixtures;

    const TEXT: &str = "tidings:invite/1/the-quick-brown-fox-jumps-over-the-lazy-dog";

    fn code(text: &str, side: u32) -> GrayImage {
        let code = qrcode::QrCode::with_error_correction_level(text, qrcode::EcLevel::L).unwrap();
        code.render::<Luma<u8>>().min_dimensions(side, side).build()
    }

    fn png(picture: GrayImage) -> Vec<u8> {
        fixtures::png(&DynamicImage::ImageLuma8(picture))
    }

    /// A code in the corner of a grey sheet.
    fn placed(side: u32, sheet: (u32, u32), at: (i64, i64)) -> GrayImage {
        let mut picture = GrayImage::from_pixel(sheet.0, sheet.1, Luma([200]));
        imageops::overlay(&mut picture, &code(TEXT, side), at.0, at.1);
        picture
    }

    #[test]
    fn a_code_is_read_as_it_is_drawn_and_small_in_a_large_picture() {
        assert_eq!(texts(&png(code(TEXT, 240))).unwrap(), [TEXT]);
        let longest = format!("tidings:invite/1/{}", "aB3".repeat(300));
        assert_eq!(texts(&png(code(&longest, 400))).unwrap(), [longest]);
        assert_eq!(texts(&png(placed(300, (1800, 1300), (1400, 900)))).unwrap(), [TEXT]);
    }

    #[test]
    fn a_code_on_its_side_or_a_little_noisy_is_read() {
        let mut turned = imageops::rotate90(&placed(240, (640, 480), (100, 100)));
        for (at, pixel) in turned.pixels_mut().enumerate() {
            let shift = u8::try_from(at * 7919 % 61).unwrap();
            pixel.0[0] = if pixel.0[0] < 128 { pixel.0[0] + shift } else { pixel.0[0] - shift };
        }
        assert_eq!(texts(&png(turned)).unwrap(), [TEXT]);
    }

    #[test]
    fn pictures_without_a_code_have_none_and_what_is_no_picture_is_refused() {
        assert_eq!(texts(&fixtures::jpeg(&fixtures::noise(900, 700, 3))).unwrap(), Vec::<String>::new());
        assert_eq!(texts(&png(GrayImage::new(1, 1))).unwrap(), Vec::<String>::new());
        assert!(matches!(texts(b"no picture"), Err(Error::Unknown)));
        assert!(texts(&fixtures::hollow_png(60_000, 60_000, 64)).is_err(), "a header that claims too much");
    }

    #[test]
    fn a_sheet_tiled_with_corner_marks_ends_in_time() {
        let mark = |x: u32, y: u32| {
            let ring = x.min(y).min(6 - x.min(6)).min(6 - y.min(6));
            if x < 7 && y < 7 && ring != 1 { Luma([0]) } else { Luma([255]) }
        };
        let picture = GrayImage::from_fn(1_800, 1_800, |x, y| mark(x / 2 % 9, y / 2 % 9));
        let begun = Instant::now();
        assert_eq!(texts(&png(picture)).unwrap(), Vec::<String>::new());
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    }

    #[test]
    fn the_last_pixel_of_the_budget_is_given_and_the_next_ends_the_search() {
        let sheet = |budget| Sheet { pixels: GrayImage::new(2, 1), budget: Rc::new(Cell::new(budget)) };
        let full = sheet(2);
        full.pay(2);
        assert_eq!(full.budget.get(), 0);
        let over = sheet(2);
        assert!(catch_unwind(AssertUnwindSafe(|| over.pay(3))).is_err());
    }
}
