use std::time::Instant;

use image::{DynamicImage, GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::fixtures::{self, QUARTERS, SECRETS};
use super::probe::{self, Foreign, Format, Kind};
use super::*;

fn decoded(bytes: &[u8]) -> RgbImage {
    image::load_from_memory_with_format(bytes, image::ImageFormat::Jpeg).unwrap().into_rgb8()
}

fn near(left: Rgb<u8>, right: [u8; 3]) -> bool {
    left.0.iter().zip(right).all(|(&a, b)| a.abs_diff(b) <= 14)
}

/// Every kind of file that is taken, with every kind of metadata it can hold.
fn tagged_inputs(orientation: u16) -> Vec<(&'static str, Vec<u8>)> {
    let picture = fixtures::quarters();
    let dynamic = DynamicImage::from(picture.clone());
    let alpha = DynamicImage::from(dynamic.to_rgba8());
    vec![
        ("JPEG", fixtures::tagged_jpeg(&picture, orientation)),
        ("PNG", fixtures::tagged_png(&dynamic, orientation, false)),
        ("PNG, EXIF last", fixtures::tagged_png(&dynamic, orientation, true)),
        ("WebP", fixtures::tagged_webp(&dynamic, orientation)),
        ("WebP, alpha", fixtures::tagged_webp(&alpha, orientation)),
        ("GIF", fixtures::tagged_gif(&picture)),
    ]
}

fn assert_clean(name: &str, bytes: &[u8]) {
    assert_eq!(probe::kind(bytes), Kind::Photo(Format::Jpeg), "{name}");
    assert_eq!(probe::metadata(bytes), Vec::<String>::new(), "{name}");
    for secret in SECRETS {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{name} still says {secret:?}");
    }
}

#[test]
fn the_probe_finds_every_piece_of_metadata_that_the_fixtures_put_in() {
    let found: Vec<_> = tagged_inputs(6).into_iter().map(|(_, bytes)| probe::metadata(&bytes)).collect();
    assert_eq!(found[0], ["APP1 EXIF", "APP1 XMP", "APP2", "APP13", "comment", "trailing bytes"]);
    assert_eq!(found[1], ["eXIf", "tEXt", "iTXt", "tIME", "tail"]);
    assert_eq!(found[2], ["tEXt", "iTXt", "tIME", "eXIf", "tail"]);
    assert_eq!(found[3], ["EXIF", "XMP·"]);
    assert_eq!(found[4], ["EXIF", "XMP·"]);
    assert_eq!(found[5], ["comment", "trailing bytes"]);
}

#[test]
fn the_probe_finds_nothing_in_plain_files_and_lists_no_more_than_its_limit() {
    let picture = fixtures::quarters();
    let dynamic = DynamicImage::from(picture.clone());
    for bytes in [fixtures::jpeg(&picture), fixtures::png(&dynamic), fixtures::webp(&dynamic)] {
        assert!(!probe::has_metadata(&bytes), "{:?}", probe::metadata(&bytes));
    }
    let with_comments = |count: usize| {
        let mut bytes = vec![0xFF, 0xD8];
        bytes.extend([0xFF, 0xFE, 0x00, 0x03, b'!'].repeat(count));
        bytes
    };
    let limit = limits::METADATA_LISTED_LIMIT;
    assert_eq!(probe::metadata(&with_comments(limit)).len(), limit);
    assert_eq!(probe::metadata(&with_comments(limit + 1)).len(), limit);
}

#[test]
fn a_jfif_header_with_a_density_or_a_thumbnail_counts_as_metadata() {
    let plain = fixtures::jpeg(&fixtures::quarters());
    assert_eq!(&plain[6..11], b"JFIF\0");
    for (offset, value) in [(13, 1), (15, 72), (18, 1)] {
        let mut altered = plain.clone();
        altered[offset] = value;
        assert_eq!(probe::metadata(&altered), ["APP0"], "offset {offset}");
    }
}

#[test]
fn what_comes_out_of_any_tagged_file_carries_nothing_of_it() {
    for (name, input) in tagged_inputs(1) {
        assert!(probe::has_metadata(&input), "{name}");
        let photo = photo(&input).unwrap();
        assert_clean(name, &photo.bytes);
        assert_clean(name, &photo.preview);
        assert_eq!((photo.mime, photo.width, photo.height), ("image/jpeg", 64, 32), "{name}");
    }
}

#[test]
fn the_gps_position_of_a_small_jpeg_is_gone_although_the_output_is_larger_than_the_input() {
    // The two ways past others' strippers: "small, so skip" and "larger than before, so keep".
    let mut input = Vec::new();
    let picture = RgbImage::from_fn(8, 8, |x, y| Rgb([(x * 30) as u8, (y * 30) as u8, 90]));
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut input, 1);
    picture.write_with_encoder(encoder).unwrap();
    let body = [b"Exif\0\0".to_vec(), exif::block(1, 48.2, 16.3)].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    let plain_len = input.len();
    input.splice(2..2, [&[0xFF, 0xE1], &length[..], &body].concat());
    let photo = photo(&input).unwrap();
    assert!(photo.bytes.len() > plain_len);
    assert_clean("small", &photo.bytes);
}

#[test]
fn each_of_the_eight_orientations_stands_upright_in_every_format_that_has_them() {
    // What lies top left, top right, bottom left, bottom right once it is upright (Exif 2.32, 4.6.4).
    let upright: [(u16, [usize; 4]); 8] = [
        (1, [0, 1, 2, 3]),
        (2, [1, 0, 3, 2]),
        (3, [3, 2, 1, 0]),
        (4, [2, 3, 0, 1]),
        (5, [0, 2, 1, 3]),
        (6, [2, 0, 3, 1]),
        (7, [3, 1, 2, 0]),
        (8, [1, 3, 0, 2]),
    ];
    for (orientation, corners) in upright {
        let turned = orientation >= 5;
        for (name, input) in tagged_inputs(orientation).into_iter().filter(|(name, _)| *name != "GIF") {
            let photo = photo(&input).unwrap();
            let size = if turned { (32, 64) } else { (64, 32) };
            assert_eq!((photo.width, photo.height), size, "{name} {orientation}");
            for bytes in [&photo.bytes, &photo.preview] {
                let picture = decoded(bytes);
                let (w, h) = picture.dimensions();
                let at = [(w / 4, h / 4), (w * 3 / 4, h / 4), (w / 4, h * 3 / 4), (w * 3 / 4, h * 3 / 4)];
                for ((x, y), quarter) in at.into_iter().zip(corners) {
                    let pixel = *picture.get_pixel(x, y);
                    assert!(near(pixel, QUARTERS[quarter]), "{name} {orientation}: {pixel:?} at {x},{y}");
                }
            }
        }
    }
}

#[test]
fn an_orientation_out_of_range_is_taken_as_upright() {
    for orientation in [0, 9, 300, u16::MAX] {
        let photo = photo(&fixtures::turned_jpeg(&fixtures::quarters(), orientation)).unwrap();
        assert_eq!((photo.width, photo.height), (64, 32));
        assert!(near(*decoded(&photo.bytes).get_pixel(5, 5), QUARTERS[0]));
    }
}

#[test]
fn of_an_animation_the_first_frame_is_taken() {
    let photo = photo(&fixtures::gif(&fixtures::quarters())).unwrap();
    assert!(near(*decoded(&photo.bytes).get_pixel(50, 5), QUARTERS[1]));
}

#[test]
fn transparency_becomes_white() {
    let clear =
        RgbaImage::from_fn(40, 20, |x, _| if x < 20 { Rgba([200, 0, 0, 0]) } else { Rgba([200, 0, 0, 255]) });
    let clear = DynamicImage::from(clear);
    for input in [fixtures::png(&clear), fixtures::webp(&clear)] {
        let picture = decoded(&photo(&input).unwrap().bytes);
        assert!(near(*picture.get_pixel(6, 10), [255, 255, 255]));
        assert!(near(*picture.get_pixel(33, 10), [200, 0, 0]));
    }
}

#[test]
fn grey_and_sixteen_bit_pictures_are_taken() {
    let grey = DynamicImage::from(GrayImage::from_fn(30, 30, |x, _| Luma([if x < 15 { 40 } else { 220 }])));
    let deep = DynamicImage::from(DynamicImage::from(fixtures::quarters()).to_rgb16());
    let grey = decoded(&photo(&fixtures::png(&grey)).unwrap().bytes);
    assert!(near(*grey.get_pixel(5, 5), [40; 3]) && near(*grey.get_pixel(25, 5), [220; 3]));
    let deep = decoded(&photo(&fixtures::png(&deep)).unwrap().bytes);
    assert!(near(*deep.get_pixel(50, 25), QUARTERS[3]));
}

#[test]
fn the_longer_side_becomes_2048_at_most_and_smaller_pictures_keep_their_size() {
    for (size, expected) in [
        ((2048, 16), (2048, 16)),
        ((2049, 16), (2048, 16)),
        ((16, 2049), (16, 2048)),
        ((4096, 24), (2048, 12)),
        ((9000, 1), (2048, 1)),
        ((1, 1), (1, 1)),
    ] {
        let picture = RgbImage::from_pixel(size.0, size.1, Rgb([90, 120, 150]));
        let photo = photo(&fixtures::jpeg(&picture)).unwrap();
        assert_eq!((photo.width, photo.height), expected, "{size:?}");
        assert_eq!(decoded(&photo.bytes).dimensions(), (u32::from(expected.0), u32::from(expected.1)));
        assert!((5..=25).contains(&photo.thumbhash.len()), "{size:?}: {}", photo.thumbhash.len());
    }
}

#[test]
fn the_preview_of_noise_fits_like_any_other_and_is_still_a_picture() {
    for (width, height) in [(1000, 1000), (480, 480), (700, 90), (97, 97), (32, 32)] {
        let photo = photo(&fixtures::png(&fixtures::noise(width, height, 5).into())).unwrap();
        assert!(
            photo.preview.len() <= limits::PREVIEW_LEN_LIMIT,
            "{width}×{height}: {}",
            photo.preview.len()
        );
        let preview = decoded(&photo.preview);
        assert!(preview.width().max(preview.height()) <= 480);
        assert!(preview.width().max(preview.height()) >= width.min(96));
    }
}

#[test]
fn the_last_step_of_the_preview_ladder_cannot_miss() {
    let &(side, quality) = limits::PREVIEW_LADDER.last().unwrap();
    for seed in 0..20 {
        let noise = DynamicImage::from(fixtures::noise(side, side, seed));
        assert!(encode::jpeg(&noise, quality).unwrap().len() <= limits::PREVIEW_LEN_LIMIT / 2);
        // Even at a quality that keeps every coefficient.
        assert!(encode::jpeg(&noise, 100).unwrap().len() <= limits::PREVIEW_LEN_LIMIT);
    }
    assert!(limits::PREVIEW_LADDER.is_sorted_by(|a, b| a.0 >= b.0 && a.1 >= b.1));
}

#[test]
fn the_thumbhash_shows_the_colours_of_the_picture() {
    let picture =
        RgbImage::from_fn(300, 200, |x, _| if x < 150 { Rgb([200, 40, 40]) } else { Rgb([40, 40, 200]) });
    let hash = photo(&fixtures::jpeg(&picture)).unwrap().thumbhash;
    let (width, height, rgba) = thumbhash::thumb_hash_to_rgba(&hash).unwrap();
    assert!(width > height);
    let middle = height / 2 * width;
    let (left, right) = (&rgba[4 * middle..], &rgba[4 * (middle + width - 1)..]);
    assert!(left[0] > left[2] + 60 && right[2] > right[0] + 60, "{:?} {:?}", &left[..4], &right[..4]);
    assert_eq!(left[3], 255);
}

#[test]
fn one_file_always_gives_the_same_bytes() {
    let input = fixtures::tagged_jpeg(&fixtures::quarters(), 6);
    assert_eq!(photo(&input).unwrap(), photo(&input).unwrap());
}

#[test]
fn other_formats_are_refused_by_name_with_something_to_do() {
    let iso = |brand: &[u8]| [b"\0\0\0\x1Cftyp", brand, b"\0\0\0\0mif1miaf"].concat();
    let table: [(Vec<u8>, Foreign, &str); 22] = [
        (iso(b"heic"), Foreign::Heic, "HEIC"),
        (iso(b"mif1"), Foreign::Heic, "HEIC"),
        (iso(b"avif"), Foreign::Avif, "AVIF"),
        (b"\0\0\0\x1Cftypmif1\0\0\0\0mif1avif".to_vec(), Foreign::Avif, "AVIF"),
        (iso(b"isom"), Foreign::Mp4, "MP4"),
        (iso(b"qt  "), Foreign::QuickTime, "QuickTime"),
        (iso(b"crx "), Foreign::CameraRaw, "raw"),
        (b"II*\0\x08\0\0\0".to_vec(), Foreign::Tiff, "TIFF"),
        (b"MM\0*\0\0\0\x08".to_vec(), Foreign::Tiff, "TIFF"),
        (b"FUJIFILMCCD-RAW 0201".to_vec(), Foreign::CameraRaw, "raw"),
        (b"BM\x36\x10\0\0\0\0\0\0\x36\0\0\0".to_vec(), Foreign::Bmp, "BMP"),
        (b"\0\0\x01\0\x01\0".to_vec(), Foreign::Icon, "icon"),
        (b"8BPS\0\x01".to_vec(), Foreign::Photoshop, "Photoshop"),
        (b"<?xml version=\"1.0\"?>\n<svg xmlns='x'>".to_vec(), Foreign::Svg, "SVG"),
        (b"\xEF\xBB\xBF  <SVG>".to_vec(), Foreign::Svg, "SVG"),
        (b"%PDF-1.7".to_vec(), Foreign::Pdf, "PDF"),
        (b"\xFF\x0A\xFA\x1F".to_vec(), Foreign::JpegXl, "JPEG XL"),
        (b"\0\0\0\x0CjP  \r\n\x87\n".to_vec(), Foreign::Jpeg2000, "JPEG 2000"),
        (b"\x1A\x45\xDF\xA3\x01".to_vec(), Foreign::Matroska, "WebM"),
        (b"RIFF\0\0\0\0AVI LIST".to_vec(), Foreign::Avi, "AVI"),
        (b"\0\0\0\x08wide\0\0\0\0mdat".to_vec(), Foreign::QuickTime, "QuickTime"),
        (b"PK\x03\x04\x14\0".to_vec(), Foreign::Zip, "ZIP"),
    ];
    for (bytes, expected, name) in table {
        assert_eq!(probe::kind(&bytes), Kind::Foreign(expected), "{name}");
        let message = photo(&bytes).unwrap_err().to_string();
        assert!(message.contains(name) && message.ends_with(expected.advice()), "{message}");
        assert!(!probe::has_metadata(&bytes));
    }
}

#[test]
fn an_unknown_file_and_an_empty_one_are_refused_as_such() {
    assert!(matches!(photo(b""), Err(Error::Empty)));
    for bytes in [&b"hello"[..], b"\xFF", b"<html><p>no picture", b"RIFF\0\0\0\0WAVEfmt ", b"BMW is a car"] {
        assert!(matches!(photo(bytes), Err(Error::Unknown)), "{bytes:?}");
    }
}

#[test]
fn a_file_at_the_length_limit_is_read_and_one_byte_more_is_refused() {
    let mut input = fixtures::jpeg(&fixtures::quarters());
    input.resize(limits::INPUT_LEN_LIMIT, 0);
    assert!(photo(&input).is_ok());
    input.push(0);
    let error = photo(&input).unwrap_err();
    assert!(matches!(error, Error::TooLong { max_bytes: limits::INPUT_LEN_LIMIT, .. }), "{error}");
}

#[test]
fn bombs_are_refused_by_their_header_in_no_time() {
    let began = Instant::now();
    // 90 megapixels in 20 kB, as PNG.
    let error = photo(&fixtures::hollow_png(10_000, 9_000, 20_000)).unwrap_err();
    assert!(matches!(error, Error::Hollow { pixels: 90_000_000, .. }), "{error}");
    let error = photo(&fixtures::hollow_png(10_001, 10_000, 400_000)).unwrap_err();
    assert!(matches!(error, Error::TooManyPixels { .. }), "{error}");
    let error = photo(&fixtures::hollow_png(limits::SIDE_LIMIT + 1, 1, 400)).unwrap_err();
    assert!(matches!(error, Error::SideTooLong { .. }), "{error}");
    let error = photo(&fixtures::hollow_png(0x7FFF_FFFF, 0x7FFF_FFFF, 400)).unwrap_err();
    assert!(matches!(error, Error::SideTooLong { .. } | Error::Damaged { .. }), "{error}");

    // A JPEG whose frame header is changed to 65,500 × 1,500.
    let mut jpeg = fixtures::jpeg(&fixtures::quarters());
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x05, 0xDC, 0xFF, 0xDC]);
    assert!(matches!(photo(&jpeg), Err(Error::SideTooLong { width: 65_500, height: 1_500, .. })));
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    assert!(matches!(photo(&jpeg), Err(Error::Hollow { .. })));

    // A GIF whose canvas is 65,535 × 65,535, and one whose frame is.
    let mut gif = fixtures::gif(&fixtures::quarters());
    gif[6..10].copy_from_slice(&[0xFF; 4]);
    assert!(matches!(photo(&gif), Err(Error::SideTooLong { .. })));
    let mut gif = fixtures::gif(&fixtures::quarters());
    let table = 3 << ((gif[10] & 7) + 1);
    let mut at = 13 + if gif[10] & 0x80 == 0 { 0 } else { table };
    while gif[at] != 0x2C {
        at += 1;
    }
    gif[at + 5..at + 9].copy_from_slice(&[0xFF; 4]);
    assert!(matches!(photo(&gif), Err(Error::Damaged { format: Format::Gif, .. })));

    // WebP: a canvas of 16,383 × 16,383, and a small one with a large picture inside.
    let large = fixtures::riff(
        &[fixtures::webp_canvas(16_383, 16_383, 0), fixtures::vp8_start(16_383, 16_383)].concat(),
    );
    assert!(matches!(photo(&large), Err(Error::TooManyPixels { .. })));
    let liar =
        fixtures::riff(&[fixtures::webp_canvas(100, 100, 0), fixtures::vp8_start(16_383, 16_383)].concat());
    assert!(matches!(photo(&liar), Err(Error::Contradiction { format: Format::WebP })));
    let mut frame = vec![0; 16];
    frame[6] = 99;
    frame[9] = 99;
    frame.extend(fixtures::vp8_start(16_383, 16_383));
    let animated = [
        fixtures::webp_canvas(100, 100, 0b10),
        fixtures::riff_chunk(b"ANIM", &[0; 6]),
        fixtures::riff_chunk(b"ANMF", &frame),
    ];
    assert!(matches!(photo(&fixtures::riff(&animated.concat())), Err(Error::Contradiction { .. })));
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn a_colour_profile_that_inflates_without_end_does_not_take_memory() {
    // 64 MB of zeros deflate to 64 kB; the bound for everything but pixels is 8 MB.
    let zeros = deflated_zeros(64);
    let plain = fixtures::png(&fixtures::quarters().into());
    let mut input = plain[..33].to_vec();
    input.extend(fixtures::png_chunk(b"iCCP", &[b"bomb\0\0".to_vec(), zeros].concat()));
    input.extend_from_slice(&plain[33..]);
    // Whether the decoder skips the profile or gives up on the file is its choice; it may not swell.
    match photo(&input) {
        Ok(photo) => assert_eq!((photo.width, photo.height), (64, 32)),
        Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{error}"),
    }
}

/// A zlib stream of so many megabytes of zeros: taken out of a PNG of that size, made by the encoder.
fn deflated_zeros(megabytes: u32) -> Vec<u8> {
    let black = DynamicImage::from(GrayImage::new(1 << 10, megabytes << 10));
    let png = fixtures::png(&black);
    let mut rest = &png[8..];
    let mut out = Vec::new();
    while rest.len() >= 12 {
        let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        if &rest[4..8] == b"IDAT" {
            out.extend_from_slice(&rest[8..8 + length]);
        }
        rest = &rest[12 + length..];
    }
    out
}

#[test]
fn every_message_says_what_to_do_and_is_one_line() {
    let errors = [
        Error::Empty,
        Error::TooLong { max_bytes: 1, actual_bytes: 2 },
        Error::Foreign(Foreign::Heic),
        Error::Unknown,
        Error::TooManyPixels { width: 1, height: 2, max_pixels: 1 },
        Error::SideTooLong { width: 1, height: 2, max_side: 1 },
        Error::NoPixels { width: 0, height: 2 },
        Error::Hollow { pixels: 9, actual_bytes: 1, max_ratio: 1 },
        Error::TooMuchMemory { needed_bytes: 2, max_bytes: 1 },
        Error::Contradiction { format: Format::WebP },
        Error::DecoderFailed { format: Format::Gif },
        Error::Interrupted,
    ];
    for error in errors {
        let message = error.to_string();
        let (fact, advice) = message.rsplit_once([';', ',']).unwrap();
        assert!(!fact.is_empty() && advice.split_whitespace().count() >= 3, "{message}");
        assert!(!message.contains('\n') && !message.contains("  ") && !message.ends_with('.'), "{message}");
    }
}

#[test]
fn the_debug_form_shows_sizes_and_no_bytes() {
    let photo = photo(&fixtures::jpeg(&fixtures::quarters())).unwrap();
    let expected = format!("Photo(64×32, {}b, preview {}b)", photo.bytes.len(), photo.preview.len());
    assert_eq!(format!("{photo:?}"), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_cut_short_anywhere_never_panics_and_never_leaks(which in 0usize..6, share in 0.0f64..1.0) {
        let (name, mut input) = tagged_inputs(6).swap_remove(which);
        input.truncate((input.len() as f64 * share) as usize);
        if let Ok(photo) = photo(&input) {
            assert_clean(name, &photo.bytes);
        }
    }

    #[test]
    fn flipped_bits_never_panic_and_never_leak(
        which in 0usize..6,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8), 1..12),
    ) {
        let (name, mut input) = tagged_inputs(6).swap_remove(which);
        for (place, bit) in flips {
            let place = place.index(input.len());
            input[place] ^= 1 << bit;
        }
        probe::metadata(&input);
        probe::exif(&input);
        if let Ok(photo) = photo(&input) {
            assert_clean(name, &photo.bytes);
            prop_assert!(photo.preview.len() <= limits::PREVIEW_LEN_LIMIT);
        }
    }

    #[test]
    fn any_bytes_behind_a_known_beginning_are_walked_without_a_panic(
        which in 0usize..6,
        rest in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let beginnings: [&[u8]; 6] = [
            b"\xFF\xD8\xFF", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"\0\0\0\x18ftyp", b"<",
        ];
        let bytes = [beginnings[which], &rest].concat();
        prop_assert!(probe::metadata(&bytes).len() <= limits::METADATA_LISTED_LIMIT);
        probe::exif(&bytes);
        probe::webp_inner_size(&bytes);
        prop_assert!(photo(&bytes).is_err());
    }

    #[test]
    fn any_size_gives_a_photo_within_its_bounds(width in 1u32..2600, height in 1u32..40, seed in any::<u64>()) {
        let photo = photo(&fixtures::png(&fixtures::noise(width, height, seed).into())).unwrap();
        let longest = photo.width.max(photo.height);
        prop_assert!(longest >= 1 && u32::from(longest) <= limits::SIDE_TARGET);
        prop_assert!(photo.preview.len() <= limits::PREVIEW_LEN_LIMIT);
        prop_assert!(photo.thumbhash.len() <= 25);
        let picture = decoded(&photo.bytes);
        prop_assert_eq!(picture.dimensions(), (u32::from(photo.width), u32::from(photo.height)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_photos_asked_for_at_once_all_come_and_a_bad_one_harms_no_other() {
    let good = fixtures::tagged_jpeg(&fixtures::quarters(), 6);
    let asked: Vec<_> = (0..9)
        .map(|number| if number == 4 { b"no picture".to_vec() } else { good.clone() })
        .map(|input| tokio::spawn(prepare_photo(input)))
        .collect();
    for (number, answer) in asked.into_iter().enumerate() {
        let answer = answer.await.unwrap();
        assert_eq!(answer.is_ok(), number != 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_request_keeps_its_turn_until_its_work_is_done_and_blocks_nobody_for_good() {
    let input = fixtures::png(&fixtures::noise(600, 600, 1).into());
    let dropped = tokio::spawn(prepare_photo(input.clone()));
    tokio::task::yield_now().await;
    dropped.abort();
    assert!(prepare_photo(input).await.is_ok());
}

/// Peak resident memory of this process, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Set for the process that measures itself.
#[cfg(target_os = "linux")]
const MEASURES: &str = "TIDINGS_MEASURES_PHOTOS";

/// Prepares one photo, then nine at once, and prints the peaks of memory of both.
#[cfg(target_os = "linux")]
fn measure_nine_photos() {
    let wide = RgbImage::from_fn(2_000, 400, |x, y| Rgb([(x / 50) as u8, (y / 3) as u8, 77]));
    let input = fixtures::jpeg(&wide);
    drop(wide);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(prepare_photo(input.clone())).unwrap();
    let one = peak_kib();
    let photos: Vec<_> = runtime.block_on(async {
        let asked: Vec<_> = (0..9).map(|_| tokio::spawn(prepare_photo(input.clone()))).collect();
        let mut photos = Vec::new();
        for answer in asked {
            photos.push(answer.await.unwrap().unwrap());
        }
        photos
    });
    assert_eq!(photos.len(), 9);
    println!("peak {one} {}", peak_kib());
}

/// A peak is a process's own, so the test runs itself again, alone in a process.
#[cfg(target_os = "linux")]
#[test]
fn nine_photos_at_once_need_the_memory_of_one() {
    if std::env::var_os(MEASURES).is_some() {
        return measure_nine_photos();
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "media::tests::nine_photos_at_once_need_the_memory_of_one", "--nocapture"])
        .env(MEASURES, "1")
        // glibc keeps freed memory for each thread; what counts here is what is in use at once.
        .env("MALLOC_ARENA_MAX", "1")
        .env("MALLOC_MMAP_THRESHOLD_", "65536")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    let peaks: Vec<u64> = output
        .lines()
        .find_map(|line| line.split_once("peak ").map(|(_, rest)| rest))
        .unwrap_or_else(|| panic!("{output}{}", String::from_utf8_lossy(&child.stderr)))
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    // The nine results are kept, 2.4 MB in all. Two at a time come to 5.5 MB, nine to far more.
    assert!(peaks[1] < peaks[0] + 4 * 1024, "{} KiB for one, {} for nine", peaks[0], peaks[1]);
}
