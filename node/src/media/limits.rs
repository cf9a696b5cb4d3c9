//! Every limit of the photo pipeline in one place: value, unit, origin.
//!
//! They stand here and not among the protocol's limits because they bound what this program is
//! willing to *read from its owner's disk* and *make of it*. The two that come from the protocol
//! (pixels, preview length) name the section. A test holds each of them at n and n+1.

/// Longest file taken as a photo, in bytes: 64 MiB.
///
/// A 50-megapixel JPEG of today's phones and cameras is 15 to 30 MB. The whole file is held in
/// memory once (JPEG: twice), so this is also a bound on memory. Origin: guess, from those sizes.
pub const INPUT_LEN_LIMIT: usize = 64 * 1024 * 1024;

/// Most pixels a picture may claim: 100 megapixels. Source: docs/protocol.md 3.18.
pub const PIXELS_LIMIT: u64 = 100_000_000;

/// Longest side a picture may claim, in pixels.
///
/// Twice the longest panorama a phone makes (about 16,000). Bounds what the decoders keep per row.
/// Origin: guess.
pub const SIDE_LIMIT: u32 = 32_768;

/// Bytes a decoder may need while it works on one picture: 512 MiB.
///
/// A plain 100-megapixel photo needs 300 MB, with transparency 400 MB. Formats which keep more per
/// pixel (progressive JPEG: 9 bytes, animated WebP: 12) meet this bound before [`PIXELS_LIMIT`].
/// Origin: 100 megapixels of 4 bytes, and a quarter for slack.
pub const WORKING_LEN_LIMIT: u64 = 512 * 1024 * 1024;

/// Bytes the PNG decoder may spend on anything but pixels (rows, colour profile): 8 MiB.
///
/// A profile is a few kB; a compressed one that inflates past this is a bomb. Origin: guess.
pub const PNG_ANCILLARY_LEN_LIMIT: u64 = 8 * 1024 * 1024;

/// Most pixels a byte of the file may stand for, in pictures above [`RATIO_FREE_PIXELS`].
///
/// Photos hold 0.5 to 10 pixels a byte, screenshots 10 to 100. The flattest true-colour picture
/// there is, one colour throughout, comes to 344 in PNG (deflate never does better than 1032:1,
/// at three bytes a pixel), 64 to 340 in JPEG. What claims more than 400 is a header without a
/// picture behind it, or an empty sheet in grey or palette, which can be saved again as JPEG.
/// Origin: deflate's own bound, rounded up.
pub const PIXELS_PER_BYTE_LIMIT: u64 = 400;

/// Up to so many pixels (2048 × 2048) the ratio does not count: at most 50 MB of work whatever
/// the file claims, and small flat drawings of 300 bytes are honest. Origin: [`SIDE_TARGET`] squared.
pub const RATIO_FREE_PIXELS: u64 = 2048 * 2048;

/// Longest side of what is published, in pixels. Larger pictures are reduced, smaller ones stay.
/// Source: the photo requirement of the project (longest side at most 2048).
pub const SIDE_TARGET: u32 = 2048;

/// Shortest side of a part that is cut out, in pixels. Origin: chosen; less is a speck, and a slip of the finger.
pub const CROP_SIDE_MIN: u32 = 16;

/// Side of an avatar, in pixels: larger ones are cut square and reduced to it, smaller ones stay.
/// Origin: chosen; four times what a page shows, for screens with many pixels.
pub const AVATAR_SIDE_TARGET: u32 = 512;

/// Width of a cover, in pixels. Wider ones are reduced to it. Origin: chosen; as wide as a page.
pub const COVER_WIDTH_TARGET: u32 = 1600;

/// Longest preview, in bytes: 24 KiB. Source: docs/protocol.md 3.9 (thumbnails).
pub const PREVIEW_LEN_LIMIT: usize = 24 * 1024;

/// Longest side of the picture a ThumbHash is made from. Source: the reference algorithm.
pub const THUMBHASH_SIDE_LIMIT: u32 = 100;

/// Quality of the published JPEG, on libjpeg's scale of 1 to 100.
///
/// The encoder keeps colour at full resolution (4:4:4), where 85 cannot be told from the original
/// at arm's length, and costs about half the bytes of 95. Below 80, blocks begin to show in skies once a
/// picture that was a JPEG already is encoded a second time. Origin: looked at, on skies and text.
pub const JPEG_QUALITY: u8 = 85;

/// Side and quality tried in turn until a preview fits [`PREVIEW_LEN_LIMIT`].
///
/// Most photos fit at the first or second step. The last cannot miss: 32 × 32 pixels are 48 blocks
/// of 64 coefficients, each at most 27 bits, 10.4 kB in all. Origin: measured on photos and noise.
pub const PREVIEW_LADDER: [(u32, u8); 8] =
    [(480, 70), (480, 50), (400, 45), (320, 45), (240, 40), (160, 35), (96, 30), (32, 30)];

/// Pictures prepared at the same time. Source: docs/protocol.md 3.18 (one picture at a time).
pub const CONCURRENT_LIMIT: usize = 1;

/// Sketches drawn at the same time, beside that: who chooses a filter does not wait for nine photos that are being sent.
/// Source: docs/protocol.md 3.18 (and one sketch).
pub const SKETCH_CONCURRENT_LIMIT: usize = 1;

/// One pixel in so many may be missing in a sketch that is then enlarged: 4,000 pixels at a quarter are 1,000, which nobody
/// tells from 1,024, and take half the time that 2,000 do. Origin: measured; the tolerance of the sketch's test holds.
pub const SKETCH_SPARED_SHARE: u64 = 8;

/// Metadata segments listed by name; a file with more has them counted no further. Origin: guess.
pub const METADATA_LISTED_LIMIT: usize = 64;

/// Sides at which a QR code is looked for, in pixels, one after the other. Origin: chosen; a code of 69 modules that fills a
/// third of the picture has five pixels a module at the first, and the second finds the small one in a screenshot.
pub const CODE_SIDES: [u32; 2] = [1_024, SIDE_TARGET];

/// Pixels that the search for a QR code may read, write and copy: 256 million, a second or two of work.
///
/// A photo with a code costs 10 to 40 million at the larger side. A picture tiled with corner marks makes the search try
/// every three of them, for hours. Origin: measured, with room.
pub const CODE_WORK_LIMIT: u64 = 256 * 1024 * 1024;
