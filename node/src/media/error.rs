//! Why a file was not taken as a photo.
//!
//! Every message says the fact first and ends with what the person can do, because it is shown as
//! it is by the command line and by the page. None of them quotes the file's content: only numbers, and
//! the name of a format.

use super::probe::{Foreign, Format};

/// Why a file was not taken as a photo. Nothing has been stored or sent when this is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file has no bytes.
    #[error("the file is empty; choose another one")]
    Empty,
    /// The file is longer than [`super::limits::INPUT_LEN_LIMIT`].
    #[error(
        "the file has {actual_bytes} bytes, a photo may have at most {max_bytes}; \
         make it smaller or save it as JPEG"
    )]
    TooLong {
        /// The limit, in bytes.
        max_bytes: usize,
        /// Length of the file, in bytes.
        actual_bytes: usize,
    },
    /// A format that is recognised, and not taken.
    #[error("this is {}, photos are JPEG, PNG, WebP or GIF; {}", .0.name(), .0.advice())]
    Foreign(Foreign),
    /// No format that is recognised.
    #[error("this is no picture in a format known here; save it as JPEG, PNG, WebP or GIF")]
    Unknown,
    /// More pixels claimed than [`super::limits::PIXELS_LIMIT`].
    #[error("the picture is {width} × {height} pixels, more than {max_pixels} in all; reduce it first")]
    TooManyPixels {
        /// Claimed width, in pixels.
        width: u32,
        /// Claimed height, in pixels.
        height: u32,
        /// The limit, in pixels.
        max_pixels: u64,
    },
    /// A side longer than [`super::limits::SIDE_LIMIT`].
    #[error("the picture is {width} × {height} pixels, a side may have {max_side}; crop or reduce it first")]
    SideTooLong {
        /// Claimed width, in pixels.
        width: u32,
        /// Claimed height, in pixels.
        height: u32,
        /// The limit, in pixels.
        max_side: u32,
    },
    /// Width or height is nothing.
    #[error("the picture has no pixels ({width} × {height}); choose another one")]
    NoPixels {
        /// Claimed width, in pixels.
        width: u32,
        /// Claimed height, in pixels.
        height: u32,
    },
    /// More pixels to a byte than [`super::limits::PIXELS_PER_BYTE_LIMIT`].
    #[error(
        "the file claims {pixels} pixels in {actual_bytes} bytes, more than {max_ratio} to a byte, \
         as no photo has; if it is an honest picture, save it again as JPEG"
    )]
    Hollow {
        /// Claimed pixels.
        pixels: u64,
        /// Length of the file, in bytes.
        actual_bytes: usize,
        /// The limit, in pixels to a byte.
        max_ratio: u64,
    },
    /// Decoding would need more memory than [`super::limits::WORKING_LEN_LIMIT`].
    #[error(
        "decoding this picture takes {needed_bytes} bytes of memory, {max_bytes} are allowed; \
         reduce it first, or save it as plain JPEG with 8 bits a channel"
    )]
    TooMuchMemory {
        /// Estimated need, in bytes.
        needed_bytes: u64,
        /// The limit, in bytes.
        max_bytes: u64,
    },
    /// A picture inside the file is larger than the file says it is.
    #[error("the {format} file contradicts itself about its size; export it again as JPEG or PNG")]
    Contradiction {
        /// The format, by its magic bytes.
        format: Format,
    },
    /// The bytes are not what the format asks for: cut short, altered, or of a kind the decoder lacks.
    #[error("the {format} file is damaged or of an uncommon kind; export it again as JPEG or PNG")]
    Damaged {
        /// The format, by its magic bytes.
        format: Format,
        /// What the decoder said.
        #[source]
        source: image::ImageError,
    },
    /// The decoder gave up in a way it should not have (it panicked). The process is unharmed.
    #[error("the {format} file upset the decoder; export it again as JPEG or PNG")]
    DecoderFailed {
        /// The format, by its magic bytes.
        format: Format,
    },
    /// The part to be cut out is not all inside.
    #[error(
        "the part to cut out does not lie within the picture of {width} × {height} pixels; choose another part"
    )]
    CropOutside {
        /// Width of the upright picture, in pixels.
        width: u32,
        /// Height of the upright picture, in pixels.
        height: u32,
    },
    /// The part to be cut out is too small.
    #[error(
        "the part to cut out has {width} × {height} pixels, a side may have {min} at least; choose a larger part"
    )]
    CropTooSmall {
        /// Width of the part, in pixels.
        width: u32,
        /// Height of the part, in pixels.
        height: u32,
        /// The limit, in pixels.
        min: u32,
    },
    /// The picture was read, and could not be reduced.
    #[error("the picture could not be reduced; reduce it to 2048 pixels yourself and try again")]
    Resize(#[source] fast_image_resize::ResizeError),
    /// The picture was read, and could not be written as JPEG.
    #[error("the picture could not be written as JPEG; try another one")]
    Encode(#[source] image::ImageError),
    /// What was written holds more than a picture: our own mistake, and nothing is published.
    #[error("the picture could not be freed of its metadata; try another one, and report this")]
    NotBare,
    /// The program is stopping, so the work was not done.
    #[error("the node is stopping; post again when it is back")]
    Interrupted,
}
