//! From the bytes of a file to plain pixels, with every claim checked before memory is spent on it.
//!
//! Why: a picture of a few bytes can claim gigabytes of pixels. It need not be malice of the person
//! who posts; a picture saved from anywhere is enough to bring a small machine to its knees.
//!
//! The idea, in this order: length of the file, format by magic bytes, header only (size and
//! colour), then the checks of [`Claim`], and only then the one allocation for the pixels. The
//! pixels leave here as 8-bit grey or RGB: transparency is laid on white, 16 bits become 8, in
//! place. Laying on white before reducing gives exactly what reducing with weighted alpha and
//! laying on white afterwards would, without a second copy of the picture.
//!
//! What it does not do: convert colours. A profile is dropped and the numbers stay, so that they
//! are read as sRGB from then on: a picture in a wide gamut (Display P3 from most phones, Adobe
//! RGB from some cameras) looks a little less saturated; sRGB, which nearly all others are,
//! is unchanged. A profile is metadata too (it names a device), and converting is not worth its cost here.
//!
//! Invariants: [`photo_pixels`] never panics (a panic of a decoder, of which fuzzing has found
//! some, is caught and becomes an error); it allocates no more than [`limits::WORKING_LEN_LIMIT`] and
//! two copies of the file; the buffer that leaves has exactly width × height × channels bytes.
//!
//! Source: docs/protocol.md 3.18; the memory per pixel of each decoder was read in its source.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::{gif::GifDecoder, jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, Limits};

use super::error::Error;
use super::limits;
use super::probe::{self, Format, Kind};

/// A decoded picture: 8 bits a channel, no transparency, not yet turned the right way up.
pub struct Pixels {
    /// Width as stored, in pixels.
    pub width: u32,
    /// Height as stored, in pixels.
    pub height: u32,
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: u8,
    /// Rows from the top, `width * height * channels` bytes.
    pub bytes: Vec<u8>,
    /// How it has to be turned in order to stand upright.
    pub orientation: Orientation,
}

/// Decodes a photo, or says why not.
///
/// # Errors
/// Every variant of [`Error`] that speaks of the file; always the fault of the file.
///
/// # Cost
/// Time and memory grow with the pixels; nothing is spent on pixels until all limits hold.
pub fn photo_pixels(input: &[u8]) -> Result<Pixels, Error> {
    let format = format_of(input)?;
    // Sound: the closure owns all it changes, so a panic leaves nothing half-done behind.
    catch_unwind(AssertUnwindSafe(|| decode(input, format))).unwrap_or(Err(Error::DecoderFailed { format }))
}

/// How many pixels the longer side of the whole has to keep, by its width, height and whether it lies on its side.
pub type Needed<'a> = &'a dyn Fn(u32, u32, bool) -> Result<u32, Error>;

/// Pixels, and how large the picture is that they stand for.
pub type Scaled = (Pixels, (u32, u32));

/// Decodes a photo no larger than is needed, where its format allows that (JPEG, at a half, a quarter or an eighth), and
/// says how large it is in truth.
///
/// # Errors
/// As [`photo_pixels`], and whatever `needed` says.
pub fn scaled_pixels(input: &[u8], needed: Needed<'_>) -> Result<Scaled, Error> {
    let format = format_of(input)?;
    if format == Format::Jpeg {
        // What this decoder cannot do, or upsets it, the other one decides.
        let smaller = catch_unwind(AssertUnwindSafe(|| smaller_jpeg(input, needed))).unwrap_or(Ok(None))?;
        if let Some(smaller) = smaller {
            return Ok(smaller);
        }
    }
    let pixels = photo_pixels(input)?;
    let full = (pixels.width, pixels.height);
    Ok((pixels, full))
}

fn smaller_jpeg(input: &[u8], needed: Needed<'_>) -> Result<Option<Scaled>, Error> {
    let mut decoder = jpeg_decoder::Decoder::new(input);
    let Some(info) = decoder.read_info().ok().and_then(|()| decoder.info()) else { return Ok(None) };
    let channels = match info.pixel_format {
        jpeg_decoder::PixelFormat::L8 => 1,
        jpeg_decoder::PixelFormat::RGB24 => 3,
        _ => return Ok(None),
    };
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    let extra = if probe::is_progressive(input) { 6 } else { 0 };
    let bytes_per_pixel = u64::from(channels) + extra;
    Claim { width, height, bytes_per_pixel, file_len: input.len() }.check()?;
    let orientation = orientation_of(input);
    let least = needed(width, height, super::edit::lies(orientation))?;
    if least.saturating_mul(2) > width.max(height) {
        return Ok(None);
    }
    let least = u16::try_from(least).unwrap_or(u16::MAX);
    // One side that is large enough will do for the decoder: the longer one counts.
    let (of_width, of_height) = if width >= height { (least, u16::MAX) } else { (u16::MAX, least) };
    let Ok((small_width, small_height)) = decoder.scale(of_width, of_height) else { return Ok(None) };
    decoder.set_max_decoding_buffer_size(usize::try_from(limits::WORKING_LEN_LIMIT).unwrap_or(usize::MAX));
    let Ok(bytes) = decoder.decode() else { return Ok(None) };
    let (small_width, small_height) = (u32::from(small_width), u32::from(small_height));
    let expected = u64::from(small_width) * u64::from(small_height) * u64::from(channels);
    if u64::try_from(bytes.len()).ok() != Some(expected) {
        return Ok(None);
    }
    let pixels = Pixels { width: small_width, height: small_height, channels, bytes, orientation };
    Ok(Some((pixels, (width, height))))
}

fn orientation_of(input: &[u8]) -> Orientation {
    probe::exif(input).and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms)
}

fn format_of(input: &[u8]) -> Result<Format, Error> {
    if input.is_empty() {
        return Err(Error::Empty);
    }
    if input.len() > limits::INPUT_LEN_LIMIT {
        return Err(Error::TooLong { max_bytes: limits::INPUT_LEN_LIMIT, actual_bytes: input.len() });
    }
    match probe::kind(input) {
        Kind::Photo(format) => Ok(format),
        Kind::Foreign(foreign) => Err(Error::Foreign(foreign)),
        Kind::Unknown => Err(Error::Unknown),
    }
}

fn decode(input: &[u8], format: Format) -> Result<Pixels, Error> {
    let damaged = |source| Error::Damaged { format, source };
    let reader = Cursor::new(input);
    match format {
        Format::Jpeg => {
            let extra = if probe::is_progressive(input) { 6 } else { 0 };
            read(JpegDecoder::new(reader).map_err(damaged)?, input, format, extra)
        }
        Format::Png => {
            let mut spare = Limits::no_limits();
            spare.max_alloc = Some(limits::PNG_ANCILLARY_LEN_LIMIT);
            read(PngDecoder::with_limits(reader, spare).map_err(damaged)?, input, format, 0)
        }
        Format::WebP => {
            let decoder = WebPDecoder::new(reader).map_err(damaged)?;
            let ((width, height), inner) = (decoder.dimensions(), probe::webp_inner_size(input));
            if inner.0 > width || inner.1 > height {
                return Err(Error::Contradiction { format });
            }
            let extra = if probe::is_animated_webp(input) { 8 } else { 4 };
            read(decoder, input, format, extra)
        }
        Format::Gif => {
            let mut decoder = GifDecoder::new(reader).map_err(damaged)?;
            // A frame may be larger than the canvas; the decoder keeps one apart, within this limit.
            let mut spare = Limits::no_limits();
            spare.max_alloc = Some(limits::WORKING_LEN_LIMIT / 2);
            decoder.set_limits(spare).map_err(damaged)?;
            read(decoder, input, format, 0)
        }
    }
}

/// Checks what the header claims, then reads the pixels.
fn read(decoder: impl ImageDecoder, input: &[u8], format: Format, extra: u64) -> Result<Pixels, Error> {
    let (width, height) = decoder.dimensions();
    let color = decoder.color_type();
    let stored = u64::from(color.bytes_per_pixel());
    let claim = Claim { width, height, bytes_per_pixel: stored + extra, file_len: input.len() };
    claim.check()?;
    let too_much = |needed_bytes| Error::TooMuchMemory { needed_bytes, max_bytes: limits::WORKING_LEN_LIMIT };
    let needed = claim.pixels() * stored;
    let len = usize::try_from(needed).map_err(|_| too_much(needed))?;
    let mut bytes = vec![0; len];
    decoder.read_image(&mut bytes).map_err(|source| Error::Damaged { format, source })?;
    let channels = flatten(&mut bytes, color).ok_or_else(|| too_much(needed))?;
    Ok(Pixels { width, height, channels, bytes, orientation: orientation_of(input) })
}

/// What a header says about its picture, before anything of it is believed.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Width, in pixels.
    pub width: u32,
    /// Height, in pixels.
    pub height: u32,
    /// What the decoder will hold for each pixel while it works, in bytes.
    pub bytes_per_pixel: u64,
    /// Length of the file, in bytes.
    pub file_len: usize,
}

impl Claim {
    /// Refuses what is too large, or too large for its file.
    ///
    /// # Errors
    /// [`Error::NoPixels`], [`Error::SideTooLong`], [`Error::TooManyPixels`], [`Error::Hollow`],
    /// [`Error::TooMuchMemory`], looked for in this order.
    pub fn check(&self) -> Result<(), Error> {
        let &Self { width, height, file_len, .. } = self;
        if width == 0 || height == 0 {
            return Err(Error::NoPixels { width, height });
        }
        if width.max(height) > limits::SIDE_LIMIT {
            return Err(Error::SideTooLong { width, height, max_side: limits::SIDE_LIMIT });
        }
        let pixels = self.pixels();
        if pixels > limits::PIXELS_LIMIT {
            return Err(Error::TooManyPixels { width, height, max_pixels: limits::PIXELS_LIMIT });
        }
        let max_ratio = limits::PIXELS_PER_BYTE_LIMIT;
        let file_bytes = u64::try_from(file_len).unwrap_or(u64::MAX);
        if pixels > limits::RATIO_FREE_PIXELS && pixels > file_bytes.saturating_mul(max_ratio) {
            return Err(Error::Hollow { pixels, actual_bytes: file_len, max_ratio });
        }
        let needed_bytes = pixels.saturating_mul(self.bytes_per_pixel);
        if needed_bytes > limits::WORKING_LEN_LIMIT {
            return Err(Error::TooMuchMemory { needed_bytes, max_bytes: limits::WORKING_LEN_LIMIT });
        }
        Ok(())
    }

    /// Width times height; cannot overflow, both being 32 bits wide.
    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Turns pixels of any kind into grey or RGB of 8 bits, in place, and says how many channels are left.
///
/// `None` for a kind that none of the four decoders gives.
fn flatten(bytes: &mut Vec<u8>, color: ColorType) -> Option<u8> {
    let (samples, wide) = match color {
        ColorType::L8 => return Some(1),
        ColorType::Rgb8 => return Some(3),
        ColorType::La8 => (2, false),
        ColorType::Rgba8 => (4, false),
        ColorType::L16 => (1, true),
        ColorType::La16 => (2, true),
        ColorType::Rgb16 => (3, true),
        ColorType::Rgba16 => (4, true),
        _ => return None,
    };
    let colors: usize = if samples < 3 { 1 } else { 3 };
    let has_alpha = samples != colors;
    let step = if wide { samples * 2 } else { samples };
    let pixels = bytes.len() / step;
    for pixel in 0..pixels {
        let from = pixel * step;
        // Of 16 bits the upper 8 are kept; which of two bytes that is depends on the machine.
        let sample = |bytes: &[u8], channel: usize| {
            let offset =
                if wide { channel * 2 + usize::from(cfg!(target_endian = "little")) } else { channel };
            bytes.get(from + offset).copied().unwrap_or_default()
        };
        let alpha = if has_alpha { sample(bytes, colors) } else { u8::MAX };
        for channel in 0..colors {
            let value = over_white(sample(bytes, channel), alpha);
            // Never overtakes what is still to be read: a pixel shrinks or stays.
            if let Some(slot) = bytes.get_mut(pixel * colors + channel) {
                *slot = value;
            }
        }
    }
    bytes.truncate(pixels * colors);
    Some(if colors == 1 { 1 } else { 3 })
}

/// One channel of a pixel laid on white, rounded to nearest.
fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    let blended = (value * alpha + 255 * (255 - alpha) + 127) / 255;
    u8::try_from(blended).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(width: u32, height: u32, bytes_per_pixel: u64, file_len: usize) -> Claim {
        Claim { width, height, bytes_per_pixel, file_len }
    }

    #[test]
    fn a_hundred_megapixels_are_taken_and_one_row_more_is_not() {
        assert!(claim(10_000, 10_000, 3, 1 << 20).check().is_ok());
        let error = claim(10_000, 10_001, 3, 1 << 20).check().unwrap_err();
        assert!(matches!(error, Error::TooManyPixels { max_pixels: 100_000_000, .. }), "{error}");
    }

    #[test]
    fn a_side_at_the_limit_is_taken_and_one_more_is_not() {
        assert!(claim(limits::SIDE_LIMIT, 10, 3, 1 << 20).check().is_ok());
        assert!(claim(10, limits::SIDE_LIMIT, 3, 1 << 20).check().is_ok());
        for (width, height) in [(limits::SIDE_LIMIT + 1, 10), (10, limits::SIDE_LIMIT + 1)] {
            let error = claim(width, height, 3, 1 << 20).check().unwrap_err();
            assert!(matches!(error, Error::SideTooLong { .. }), "{error}");
        }
    }

    #[test]
    fn four_hundred_pixels_to_a_byte_are_taken_and_more_are_not() {
        // 8,000 × 8,000 = 64,000,000 = 160,000 × 400
        assert!(claim(8_000, 8_000, 3, 160_000).check().is_ok());
        let error = claim(8_000, 8_000, 3, 159_999).check().unwrap_err();
        assert!(matches!(error, Error::Hollow { actual_bytes: 159_999, .. }), "{error}");
    }

    #[test]
    fn the_ratio_does_not_count_up_to_four_megapixels() {
        assert!(claim(2048, 2048, 4, 60).check().is_ok());
        assert!(matches!(claim(2048, 2049, 4, 60).check(), Err(Error::Hollow { .. })));
    }

    #[test]
    fn memory_at_the_limit_is_taken_and_one_pixel_more_is_not() {
        // 8192 × 8192 × 8 is 512 MiB exactly.
        assert!(claim(8192, 8192, 8, 1 << 20).check().is_ok());
        let error = claim(8192, 8193, 8, 1 << 20).check().unwrap_err();
        assert!(
            matches!(error, Error::TooMuchMemory { max_bytes: limits::WORKING_LEN_LIMIT, .. }),
            "{error}"
        );
    }

    #[test]
    fn a_picture_without_pixels_is_refused() {
        assert!(matches!(claim(0, 5, 3, 100).check(), Err(Error::NoPixels { .. })));
        assert!(matches!(claim(5, 0, 3, 100).check(), Err(Error::NoPixels { .. })));
    }

    #[test]
    fn transparency_is_laid_on_white() {
        let mut bytes = vec![10, 20, 30, 0, 10, 20, 30, 255, 0, 100, 200, 128];
        assert_eq!(flatten(&mut bytes, ColorType::Rgba8), Some(3));
        assert_eq!(bytes, [255, 255, 255, 10, 20, 30, 127, 177, 227]);
        let mut bytes = vec![40, 0, 40, 255];
        assert_eq!(flatten(&mut bytes, ColorType::La8), Some(1));
        assert_eq!(bytes, [255, 40]);
    }

    #[test]
    fn sixteen_bits_become_the_upper_eight() {
        let wide = |values: &[u16]| values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<u8>>();
        let mut bytes = wide(&[0x1234, 0xFFFF, 0x00FF]);
        assert_eq!(flatten(&mut bytes, ColorType::Rgb16), Some(3));
        assert_eq!(bytes, [0x12, 0xFF, 0x00]);
        let mut bytes = wide(&[0x1234, 0xFFFF, 0x00FF, 0x0000]);
        assert_eq!(flatten(&mut bytes, ColorType::Rgba16), Some(3));
        assert_eq!(bytes, [255, 255, 255]);
        let mut bytes = wide(&[0xABCD]);
        assert_eq!(flatten(&mut bytes, ColorType::L16), Some(1));
        assert_eq!(bytes, [0xAB]);
    }
}
