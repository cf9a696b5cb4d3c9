use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// The videos of `tests/fixtures/video`, each of which tells everything there is to tell.
const TELLING: [(&str, &[u8]); 7] = [
    ("h264.mp4", include_bytes!("../../../../tests/fixtures/video/h264.mp4")),
    ("hevc.mp4", include_bytes!("../../../../tests/fixtures/video/hevc.mp4")),
    ("av1.mp4", include_bytes!("../../../../tests/fixtures/video/av1.mp4")),
    ("clip.mov", include_bytes!("../../../../tests/fixtures/video/clip.mov")),
    ("vp9.webm", include_bytes!("../../../../tests/fixtures/video/vp9.webm")),
    ("vp8.webm", include_bytes!("../../../../tests/fixtures/video/vp8.webm")),
    ("live.webm", include_bytes!("../../../../tests/fixtures/video/live.webm")),
];
const SIXTEEN_SECONDS: &[u8] = include_bytes!("../../../../tests/fixtures/video/sixteen-seconds.mp4");
const FRAGMENTS: &[u8] = include_bytes!("../../../../tests/fixtures/video/fragments.mp4");
const MPEG4: &[u8] = include_bytes!("../../../../tests/fixtures/video/mpeg4.mp4");

/// What those files say, in the words of their script; names of programs, which stand in them too.
const SECRETS: [&str; 10] =
    ["secret", "+48.2082", "ISO6709", "2024-05-01", "Lavf", "Lavc", "x264", "x265", "libvpx", "TimeCode"];

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

fn facts(bytes: &[u8]) -> Result<Facts, Error> {
    look_at(Cursor::new(bytes)).map(|(facts, _)| facts)
}

fn cleaned(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let (facts, edits) = look_at(Cursor::new(bytes))?;
    let mut after = bytes.to_vec();
    clean_in_place(&mut Cursor::new(&mut after[..]), &edits, facts)?;
    Ok(after)
}

/// Walks the boxes of an MP4 by rules of its own: type, and body, of each, containers opened.
fn walk(bytes: &[u8], found: &mut Vec<([u8; 4], Vec<u8>)>) {
    const OPENED: [&[u8; 4]; 6] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts"];
    let mut rest = bytes;
    while rest.len() >= 8 {
        let len = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        let len = if len == 0 { rest.len() } else { len };
        let kind: [u8; 4] = rest[4..8].try_into().unwrap();
        let body = &rest[8..len];
        found.push((kind, body.to_vec()));
        if OPENED.contains(&&kind) {
            walk(body, found);
        }
        rest = &rest[len..];
    }
}

#[test]
fn length_size_and_kind_are_read_from_the_file_itself() {
    for (name, bytes) in TELLING {
        let facts = facts(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(facts.mime, if name.ends_with("webm") { "video/webm" } else { "video/mp4" }, "{name}");
        // A camera held upright: the picture lies in the file and stands on the screen.
        let size = if name == "clip.mov" { (64, 96) } else { (96, 64) };
        assert_eq!((facts.width, facts.height), size, "{name}");
        assert!((900..=1_100).contains(&facts.duration_ms), "{name}: {}", facts.duration_ms);
    }
    assert_eq!(facts(SIXTEEN_SECONDS).unwrap().duration_ms, 16_000);
}

#[test]
fn nothing_of_place_camera_time_or_program_is_left_and_no_byte_moves() {
    for (name, bytes) in TELLING {
        assert!(SECRETS.iter().any(|secret| holds(bytes, secret.as_bytes())), "{name} tells something");
        let after = cleaned(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(after.len(), bytes.len(), "{name}");
        for secret in SECRETS {
            // The one place that is not looked into: AAC names its encoder in the first piece of sound.
            let in_sound = secret == "Lavc" && matches!(name, "h264.mp4" | "clip.mov");
            assert!(in_sound || !holds(&after, secret.as_bytes()), "{name} still says {secret:?}");
        }
    }
}

#[test]
fn what_is_left_of_an_mp4_is_what_a_player_needs_with_its_times_at_zero() {
    const LEFT: [&[u8; 4]; 25] = [
        b"ftyp", b"moov", b"mdat", b"free", b"mvhd", b"trak", b"tkhd", b"edts", b"elst", b"mdia", b"mdhd",
        b"hdlr", b"minf", b"vmhd", b"smhd", b"dinf", b"stbl", b"stsd", b"stts", b"ctts", b"stsc", b"stsz",
        b"stco", b"stss", b"sgpd",
    ];
    for (name, bytes) in TELLING.iter().filter(|(name, _)| !name.ends_with("webm")) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        walk(bytes, &mut before);
        walk(&cleaned(bytes).unwrap(), &mut after);
        assert!(before.iter().any(|(kind, _)| kind == b"udta" || kind == b"meta"), "{name}");
        for (kind, body) in after {
            match &kind {
                b"free" => assert!(body.iter().all(|byte| *byte == 0), "{name}"),
                b"mvhd" | b"mdhd" | b"tkhd" => assert_eq!(body[4..12], [0; 8], "{name}: times of {kind:?}"),
                b"hdlr" => assert!(body[12..].iter().all(|byte| *byte == 0), "{name}: names"),
                b"sbgp" | b"sdtp" => {}
                kind => assert!(LEFT.contains(&kind), "{name}: {}", String::from_utf8_lossy(kind)),
            }
        }
    }
}

#[test]
fn a_cameras_own_track_is_gone_with_its_data() {
    let (_, mov) = TELLING[3];
    let tracks = |bytes: &[u8]| {
        let mut found = Vec::new();
        walk(bytes, &mut found);
        found.iter().filter(|(kind, _)| kind == b"trak").count()
    };
    assert_eq!((tracks(mov), tracks(&cleaned(mov).unwrap())), (3, 2));
}

#[test]
fn what_lies_between_the_samples_and_behind_the_end_is_zeroed() {
    let (_, mp4) = TELLING[0];
    // A second box of media data that no track names, something unknown, and odd bytes behind the end.
    let hidden = b"\0\0\0\x14mdathidden place\0\0\0\x10XYZ_position".to_vec();
    let bytes = [mp4, &hidden[..hidden.len()], b"\0\0\0\x0cuuidtail", b"end"].concat();
    let bytes_fit = bytes.clone();
    let after = cleaned(&bytes_fit).unwrap();
    for secret in ["hidden", "position", "tail", "end"] {
        assert!(!holds(&after, secret.as_bytes()), "{secret}");
    }
}

#[test]
fn a_clean_file_stays_as_it_is() {
    for (name, bytes) in TELLING {
        let once = cleaned(bytes).unwrap();
        assert_eq!(cleaned(&once).unwrap(), once, "{name}");
    }
}

#[test]
fn a_video_of_the_limit_is_taken_and_a_hundredth_more_is_not() {
    let long = |duration_ms| Facts { mime: "video/mp4", width: 9, height: 9, duration_ms };
    assert!(long(15_000 + limits::SLACK_MS).check(15_000).is_ok());
    let error = long(15_000 + limits::SLACK_MS + 10).check(15_000).unwrap_err();
    assert!(error.to_string().starts_with("it plays 15.51 seconds, at most 15 are allowed"), "{error}");
    assert!(facts(SIXTEEN_SECONDS).unwrap().check(15_000).is_err());
    assert!(facts(SIXTEEN_SECONDS).unwrap().check(16_000).is_ok());
}

#[test]
fn a_side_of_the_limit_is_taken_and_one_pixel_more_is_not() {
    let max = limits::SIDE_LIMIT;
    assert!(Facts::new("video/mp4", max, 1, 0).is_ok());
    for (width, height) in [(max + 1, 1), (1, max + 1), (0, 1), (1, 0)] {
        assert!(matches!(Facts::new("video/mp4", width, height, 0), Err(Error::Size { .. })));
    }
}

#[test]
fn what_browsers_do_not_play_is_refused_by_name() {
    assert!(matches!(facts(FRAGMENTS), Err(Error::Fragmented)));
    let error = facts(MPEG4).unwrap_err();
    assert!(error.to_string().contains("`mp4v`"), "{error}");
    assert!(matches!(facts(b""), Err(Error::Empty)));
    assert!(matches!(facts(b"plain text"), Err(Error::Foreign { .. })));
    assert!(matches!(facts(&[0xFF, 0xD8, 0xFF, 0xE0]), Err(Error::Foreign { what: "a picture", .. })));
    let mut other = TELLING[4].1.to_vec();
    let at = other.windows(4).position(|window| window == b"webm").unwrap();
    other[at..at + 4].copy_from_slice(b"mkv\0");
    assert!(matches!(facts(&other), Err(Error::Foreign { what: "a Matroska video", .. })));
}

/// The h264 file, with some bytes after the first appearance of a box's type changed.
fn altered(kind: &[u8; 4], offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = TELLING[0].1.to_vec();
    let at = file.windows(4).position(|window| window == kind).unwrap() + 4 + offset;
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn a_length_that_is_a_lie_does_not_make_a_long_video_short() {
    // The movie's and the track's heads say nothing; the table of times still says one second.
    let silent = altered(b"mvhd", 16, &[0; 4]);
    assert!(facts(&silent).unwrap().duration_ms >= 900);
    // The media claims an hour: nobody's player should show that.
    let hour = altered(b"mdhd", 16, &(3_600u32 * 10_240).to_be_bytes());
    match facts(&hour) {
        Ok(facts) => assert!(facts.check(15_000).is_err()),
        Err(error) => assert!(matches!(error, Error::Hidden { .. }), "{error}"),
    }
}

#[test]
fn footage_that_an_edit_list_hides_is_not_sent() {
    // The edit list shows a tenth of a second of... sixteen.
    let mut file = SIXTEEN_SECONDS.to_vec();
    let at = file.windows(4).position(|window| window == b"elst").unwrap() + 4 + 8;
    file[at..at + 4].copy_from_slice(&100u32.to_be_bytes());
    assert!(matches!(facts(&file), Err(Error::Hidden { hidden_ms: 15_900 })), "{:?}", facts(&file));
}

#[test]
fn numbers_that_make_no_sense_are_damage() {
    assert!(matches!(facts(&altered(b"mvhd", 12, &[0; 4])), Err(Error::Damaged(_))), "no second");
    assert!(matches!(facts(&altered(b"mdhd", 12, &[0; 4])), Err(Error::Damaged(_))), "no second");
    // More samples than the table has, more than are read, a chunk beyond the end, a box larger than its parent.
    assert!(facts(&altered(b"stsz", 8, &[0, 0, 9, 9])).is_err());
    let many = u32::try_from(limits::SAMPLES_LIMIT + 1).unwrap().to_be_bytes();
    assert!(matches!(
        facts(&altered(b"stsz", 4, &[[0, 0, 0, 1], many].concat())),
        Err(Error::TooMany { .. })
    ));
    assert!(matches!(facts(&altered(b"stco", 8, &[0x7F, 0xFF, 0xFF, 0])), Err(Error::CutShort)));
    let large = altered(b"mvhd", 0, &[0]);
    let at = large.windows(4).position(|window| window == b"mvhd").unwrap() - 4;
    let mut large = large;
    large[at] = 0x7F;
    assert!(matches!(facts(&large), Err(Error::Damaged(_))));
    // A box of 64 bits that claims nearly everything.
    let mut huge = TELLING[0].1.to_vec();
    huge.extend(b"\0\0\0\x01skip\xff\xff\xff\xff\xff\xff\xff\xff");
    assert!(matches!(facts(&huge), Err(Error::CutShort)));
}

#[test]
fn every_cut_short_file_is_an_error_or_a_shorter_video_and_never_a_panic() {
    for (name, bytes) in TELLING {
        for len in (0..bytes.len()).step_by(7) {
            if let Ok(after) = cleaned(&bytes[..len]) {
                assert!(!holds(&after, b"secret"), "{name} of {len} bytes");
            }
        }
    }
}

#[test]
fn boxes_in_boxes_without_end_cost_no_stack() {
    let mut nested = Vec::new();
    for _ in 0..2_000 {
        let mut outer = (u32::try_from(nested.len()).unwrap() + 8).to_be_bytes().to_vec();
        outer.extend(b"moov");
        outer.extend(&nested);
        nested = outer;
    }
    let file = [b"\0\0\0\x0cftypisom".to_vec(), nested].concat();
    assert!(facts(&file).is_err());
}

#[test]
fn a_row_of_boxes_of_the_limit_is_read_and_one_more_is_not() {
    let row = |count: u64| {
        let mut file = TELLING[0].1.to_vec();
        let mut own = Vec::new();
        walk(&file, &mut own);
        let outermost = 4;
        assert_eq!(own.iter().filter(|(kind, _)| matches!(kind, b"ftyp" | b"mdat" | b"moov")).count(), 3);
        for _ in outermost..count {
            file.extend(b"\0\0\0\x08skip");
        }
        facts(&file)
    };
    assert!(row(limits::BOXES_LIMIT).is_ok());
    assert!(matches!(row(limits::BOXES_LIMIT + 1), Err(Error::TooMany { .. })));
}

#[test]
fn a_hole_of_the_largest_size_is_looked_at_without_reading_it_into_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("film");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(tidings::limits::VIDEO_BLOB_LIMIT + 1).unwrap();
    assert!(matches!(look(&path), Err(Error::TooLarge { .. })));
    file.set_len(tidings::limits::VIDEO_BLOB_LIMIT).unwrap();
    assert!(matches!(look(&path), Err(Error::Foreign { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    /// Whatever happens to a file on its way: no panic, and what is taken says nothing.
    #[test]
    fn an_altered_file_never_panics_and_never_tells(
        which in 0..TELLING.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = TELLING[which].1.to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(after) = cleaned(&bytes) {
            prop_assert_eq!(after.len(), bytes.len());
            prop_assert!(!holds(&after, b"secret camera"));
            prop_assert!(!holds(&after, b"+48.2082"));
        }
    }

    #[test]
    fn bytes_without_any_order_are_never_a_video(
        start in 0..TELLING.len(),
        rest in proptest::collection::vec(any::<u8>(), 0..4_096),
    ) {
        let mut bytes = TELLING[start].1[..48].to_vec();
        bytes.extend(rest);
        prop_assert!(facts(&bytes).is_err());
    }
}
