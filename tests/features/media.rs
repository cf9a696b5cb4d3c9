//! Photos and videos: points 2, 3 and 4, and what people do to a photo before they share it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::GenericImageView;
use serde_json::{Value, json};

use crate::support::moments::{friends, post, wait_moment};
use crate::support::{Node, PATIENCE, photo};

/// A video of `tests/fixtures/video`.
fn video(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    folder.join("tests/fixtures/video").join(name).display().to_string()
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

/// A blob that is named in JSON, once it has come.
fn blob(node: &Node, id: &Value) -> Vec<u8> {
    let path = format!("/blobs/{}?wait_ms=20000", id.as_str().expect("an id"));
    node.try_bytes(&path).unwrap_or_else(|| panic!("{} has no blob {id}: {}", node.name, node.log_tail()))
}

/// An answer of the API: status, headers, bytes.
fn raw(
    node: &Node,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
    let run: Value =
        serde_json::from_slice(&std::fs::read(node.home().join("run.json")).expect("it runs")).expect("JSON");
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{}/api/v1{path}", run["http"].as_str().expect("an address")))
        .header("authorization", format!("Bearer {}", run["token"].as_str().expect("a token")));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .into();
    let response = if body.is_empty() {
        agent.run(request.body(()).expect("a request"))
    } else {
        agent.run(request.body(body).expect("a request"))
    };
    let response = response.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut bytes = Vec::new();
    response.into_body().into_reader().read_to_end(&mut bytes).expect("a whole answer");
    (status, headers, bytes)
}

/// A form with a draft and files.
fn form(draft: &Value, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut part = |name: &str, bytes: &[u8]| {
        out.extend(format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
        out.extend(bytes);
        out.extend(b"\r\n");
    };
    part("draft", draft.to_string().as_bytes());
    files.iter().for_each(|(name, bytes)| part(name, bytes));
    out.extend(b"--xyz--\r\n");
    out
}

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=xyz");

fn words(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

// Point 2.
#[test]
fn nine_photos_arrive_without_their_metadata_and_a_tenth_is_refused() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let folder = tempfile::tempdir().expect("a folder");
    let photos: Vec<PathBuf> = (0..10).map(|n| photo::write(folder.path(), n, 320, 200)).collect();
    let flags = |count: usize| {
        let each = photos[..count].iter().map(|file| file.display().to_string());
        each.flat_map(|file| ["--photo".to_owned(), file]).collect::<Vec<_>>()
    };
    let mut arguments = flags(9);
    arguments.extend(["--alt".to_owned(), "a wave".to_owned()]);
    let id = post(alice, &words(&arguments));
    let moment = wait_moment(bob, &id);
    let received = moment["photos"].as_array().expect("photos");
    assert_eq!((received.len(), &moment["video"]), (9, &Value::Null));
    assert_eq!((&received[0]["alt"], &received[1]["alt"]), (&json!("a wave"), &Value::Null));
    for one in received {
        for which in ["id", "preview"] {
            let bytes = blob(bob, &one[which]);
            assert_eq!(photo::metadata(&bytes), Vec::<String>::new());
            assert_eq!(photo::traces(&bytes), Vec::<&str>::new());
        }
        assert_eq!((&one["width"], &one["height"]), (&json!(320), &json!(200)));
    }
    let tenth = alice.cli(&[&["post"], &words(&flags(10))[..]].concat());
    assert_eq!((tenth.code, tenth.error_code().as_str()), (Some(5), "too_many_photos"), "{}", tenth.stderr);
    assert!(tenth.stderr.contains('9'), "it names the limit: {}", tenth.stderr);
    assert_eq!(alice.timeline(), [id]);
}

// Point 3.
#[test]
fn a_video_arrives_without_its_metadata_and_one_that_is_too_long_is_refused() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let folder = tempfile::tempdir().expect("a folder");
    let poster = photo::write(folder.path(), 1, 640, 360).display().to_string();
    let film = std::fs::read(video("h264.mp4")).expect("the video");
    assert!(holds(&film, "secret camera") && holds(&film, "loci"), "it tells something to begin with");
    let id = post(alice, &["look", "--video", &video("h264.mp4"), "--poster", &poster, "--alt", "bars"]);
    let moment = wait_moment(bob, &id);
    let shown = &moment["video"];
    assert_eq!(moment["photos"], json!([]));
    assert_eq!((&shown["mime"], &shown["alt"]), (&json!("video/mp4"), &json!("bars")));
    assert_eq!(
        (&shown["width"], &shown["height"], &shown["duration_ms"]),
        (&json!(96), &json!(64), &json!(1_000))
    );
    let bytes = blob(bob, &shown["id"]);
    assert_eq!((bytes.len(), shown["bytes"].as_u64()), (film.len(), Some(film.len() as u64)));
    for secret in ["secret", "loci", "x264"] {
        assert!(!holds(&bytes, secret), "{secret}");
    }
    let still = blob(bob, &shown["poster"]);
    assert!(
        still.len() <= 24 * 1024 && photo::metadata(&still).is_empty() && photo::traces(&still).is_empty()
    );
    seeks(bob, shown["id"].as_str().expect("an id"), &bytes);

    let refused = alice.cli(&["post", "--video", &video("sixteen-seconds.mp4")]);
    assert_eq!(
        (refused.code, refused.error_code().as_str()),
        (Some(5), "video_too_long"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("16 seconds") && refused.stderr.contains("at most 15"),
        "{}",
        refused.stderr
    );
    // The limit is in the configuration, and what is above its own limit is refused by name.
    let config = alice.home().join("config.toml");
    let before = std::fs::read_to_string(&config).expect("a configuration");
    std::fs::write(&config, format!("{before}\n[video]\nmax_seconds = 16\n")).expect("written");
    let long = post(alice, &["--video", &video("sixteen-seconds.mp4")]);
    assert_eq!(wait_moment(bob, &long)["video"]["duration_ms"], 16_000);
    std::fs::write(&config, format!("{before}\n[video]\nmax_seconds = 61\n")).expect("written");
    let wrong = alice.cli(&["post", "--video", &video("h264.mp4")]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("max_seconds") && wrong.stderr.contains("60"), "{}", wrong.stderr);
    std::fs::write(&config, before).expect("written");

    let webm = post(alice, &["--video", &video("vp9.webm")]);
    assert_eq!(wait_moment(bob, &webm)["video"]["mime"], "video/webm");
    for (file, code) in [("fragments.mp4", Some(0)), ("mpeg4.mp4", Some(2)), ("make.sh", Some(2))] {
        let answer = alice.cli(&["post", "--video", &video(file)]);
        assert_eq!(answer.code, code, "{file}: {}", answer.stderr);
    }
    assert_eq!(alice.cli(&["post", "--video", &video("none.mp4")]).code, Some(4));
    assert_eq!(std::fs::read_dir(alice.home().join("tmp")).expect("tmp").count(), 0, "no upload is left");
}

/// A browser that seeks: ranges, their headers, and what cannot be given.
fn seeks(node: &Node, id: &str, whole: &[u8]) {
    let path = format!("/blobs/{id}");
    let len = whole.len();
    let ask = |headers: &[(&str, &str)]| raw(node, "GET", &path, headers, &[]);
    let (status, headers, bytes) = ask(&[]);
    assert_eq!(
        (status, &headers["content-type"], bytes.as_slice()),
        (200, &"video/mp4".parse().unwrap(), whole)
    );
    assert_eq!(headers["accept-ranges"], "bytes");
    let etag = headers["etag"].to_str().expect("text").to_owned();
    let (status, headers, bytes) = raw(node, "HEAD", &path, &[], &[]);
    assert_eq!(
        (status, bytes.len(), headers["content-length"].to_str().unwrap()),
        (200, 0, len.to_string().as_str())
    );
    let (status, headers, bytes) = ask(&[("range", "bytes=100-199")]);
    assert_eq!((status, bytes.as_slice()), (206, &whole[100..200]));
    assert_eq!(headers["content-range"].to_str().unwrap(), format!("bytes 100-199/{len}"));
    let (status, _, bytes) = ask(&[("range", "bytes=-50")]);
    assert_eq!((status, bytes.as_slice()), (206, &whole[len - 50..]));
    let (status, _, bytes) = ask(&[("range", "bytes=100-199"), ("if-range", &etag)]);
    assert_eq!((status, bytes.len()), (206, 100));
    let (status, _, bytes) = ask(&[("range", "bytes=100-199"), ("if-range", "\"another\"")]);
    assert_eq!((status, bytes.len()), (200, len));
    let (status, headers, _) = ask(&[("range", &format!("bytes={len}-"))]);
    assert_eq!(status, 416);
    assert_eq!(headers["content-range"].to_str().unwrap(), format!("bytes */{len}"));
}

#[test]
fn a_video_that_is_too_long_is_cut_on_request_and_a_poster_made_where_ffmpeg_is() {
    let alice = Node::started("Alice");
    let cut = alice.ok(&["post", "--video", &video("sixteen-seconds.mp4"), "--trim"]);
    let ms = cut["video"]["duration_ms"].as_u64().expect("a length");
    assert!((14_000..=15_500).contains(&ms), "{ms}");
    assert!(cut["video"]["poster"].is_string(), "{cut:#}");
    let still = image::load_from_memory(&blob(&alice, &cut["video"]["poster"])).expect("a picture");
    assert_eq!(still.dimensions(), (96, 64));
    let bytes = blob(&alice, &cut["video"]["id"]);
    assert!(!holds(&bytes, "secret") && !holds(&bytes, "Lavf"));

    let mut bare = Node::new("Bob");
    bare.set("PATH", Path::new("/nowhere"));
    bare.start();
    let refused = bare.cli(&["post", "--video", &video("sixteen-seconds.mp4"), "--trim"]);
    assert_eq!(
        (refused.code, refused.error_code().as_str()),
        (Some(5), "trim_needs_ffmpeg"),
        "{}",
        refused.stderr
    );
    let moment = bare.ok(&["post", "--video", &video("vp8.webm")]);
    assert_eq!((&moment["video"]["poster"], &moment["video"]["thumbhash"]), (&Value::Null, &json!("")));
    assert_eq!(bare.cli(&["post", "--video", &video("fragments.mp4")]).error_code(), "video_kind");
}

// Point 4.
#[test]
fn photos_and_a_video_are_not_mixed_nor_are_two_videos() {
    let alice = Node::started("Alice");
    let folder = tempfile::tempdir().expect("a folder");
    let photo = photo::write(folder.path(), 1, 64, 48);
    let (photo_file, film) = (photo.display().to_string(), video("h264.mp4"));
    let both = alice.cli(&["post", "both", "--photo", &photo_file, "--video", &film]);
    assert_eq!((both.code, both.error_code().as_str()), (Some(2), "photos_and_video"), "{}", both.stderr);
    assert_eq!(alice.cli(&["post", "--video", &film, "--video", &film]).code, Some(2));
    assert_eq!(alice.cli(&["post", "x", "--poster", &photo_file]).code, Some(2));
    assert_eq!(alice.cli(&["post", "--video", &film, "--filter", "noir"]).code, Some(2));
    assert_eq!(alice.cli(&["post", "--video", &film, "--alt", "one", "--alt", "two"]).code, Some(2));
    let (photo, film) = (std::fs::read(photo).expect("photo"), std::fs::read(film).expect("film"));
    let draft = json!({"text": "both"});
    for files in [
        &[("photo", &photo[..]), ("video", &film[..])][..],
        &[("video", &film[..]), ("photo", &photo[..])],
        &[("video", &film[..]), ("video", &film[..])],
        &[("poster", &photo[..])],
    ] {
        let (status, _, bytes) = raw(&alice, "POST", "/moments", &[FORM], &form(&draft, files));
        assert_eq!(status, 400, "{}", String::from_utf8_lossy(&bytes));
    }
    let long = "x".repeat(1_001);
    let refused = alice.cli(&["post", "--video", &video("vp9.webm"), "--alt", &long]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert!(alice.timeline().is_empty());
    assert!(alice.cli(&["post", "--video", &video("vp9.webm"), "--alt", &long[1..]]).code == Some(0));
}

/// The most memory that a process has had, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib(node: &Node) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", node.pid().expect("it runs"))).expect("status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

#[test]
#[cfg(target_os = "linux")]
fn a_video_of_forty_megabytes_is_sealed_from_the_disk_and_never_held_in_memory() {
    let alice = Node::started("Alice");
    let folder = tempfile::tempdir().expect("a folder");
    let film = folder.path().join("film.mp4");
    let small = std::fs::read(video("h264.mp4")).expect("the video");
    // The same film, with forty megabytes of media data behind it that no track names: zeroed, and sealed as well.
    let extra: u32 = 40 * 1024 * 1024;
    let bytes = [&small[..], &extra.to_be_bytes(), b"mdat", &vec![7; extra as usize - 8]].concat();
    std::fs::write(&film, &bytes).expect("written");
    alice.ok(&["post", "--video", &video("vp9.webm")]);
    let before = peak_kib(&alice);
    let moment = alice.ok(&["post", "--video", &film.display().to_string()]);
    assert_eq!(moment["video"]["bytes"].as_u64(), Some(bytes.len() as u64));
    let grown = peak_kib(&alice).saturating_sub(before);
    println!("{grown} KiB more at the peak, of {before}");
    assert!(grown < 16 * 1024, "{grown} KiB more");
}

/// How far two pictures are apart in the mean, in steps of 255.
fn apart(one: &image::RgbImage, other: &image::RgbImage) -> f64 {
    assert_eq!(one.dimensions(), other.dimensions());
    let sum: u64 = one.iter().zip(other.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.as_raw().len() as f64
}

#[test]
fn a_photo_is_sent_as_its_preview_shows_it_cut_turned_and_filtered() {
    let alice = Node::started("Alice");
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 3, 1_200, 800);
    let bytes = std::fs::read(&file).expect("the photo");
    let name = file.display().to_string();
    let filters = alice.get("/filters");
    assert_eq!(filters["filters"].as_array().map(Vec::len), Some(12));
    assert_eq!(alice.ok(&["filters"]), filters);

    let moment = alice.ok(&[
        "post",
        "--photo",
        &name,
        "--photo",
        &name,
        "--filter",
        "-",
        "--filter",
        "noir",
        "--crop",
        "-",
        "--crop",
        "0.25,0,0.5x1",
        "--rotate",
        "-",
        "--rotate",
        "90",
        "--flip",
        "-",
        "--flip",
        "horizontal",
    ]);
    let (plain, edited) = (&moment["photos"][0], &moment["photos"][1]);
    assert_eq!((&plain["width"], &plain["height"]), (&json!(1_200), &json!(800)));
    assert_eq!((&edited["width"], &edited["height"]), (&json!(800), &json!(600)));
    let picture = |bytes: &[u8]| image::load_from_memory(bytes).expect("a picture").into_rgb8();
    let sent = picture(&blob(&alice, &edited["id"]));
    assert!(sent.pixels().all(|pixel| pixel.0[0].abs_diff(pixel.0[1]) <= 3), "noir has no colour");
    assert_eq!(photo::metadata(&blob(&alice, &edited["id"])), Vec::<String>::new());

    let edit = json!({"filter": "noir", "crop": {"x": 300, "y": 0, "width": 600, "height": 800}, "rotate": 90,
        "flip": "horizontal"});
    let preview =
        |draft: &Value| raw(&alice, "POST", "/previews", &[FORM], &form(draft, &[("photo", &bytes)]));
    let (status, headers, shown) = preview(&json!({"edit": edit, "size": 400}));
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "image/jpeg"));
    let shown = picture(&shown);
    assert_eq!(shown.dimensions(), (400, 300));
    let small = image::imageops::resize(&sent, 400, 300, image::imageops::FilterType::Triangle);
    assert!(apart(&shown, &small) < 4.0, "{}", apart(&shown, &small));
    let (_, _, other) = preview(&json!({"edit": {"filter": "vivid"}, "size": 400}));
    assert_eq!(picture(&other).dimensions(), (400, 267));
    assert_eq!(preview(&json!({"size": 1_024})).0, 200);
    assert_eq!(preview(&json!({"size": 1_025})).0, 403);
    assert_eq!(preview(&json!({"edit": {"filter": "glow"}})).0, 400);
    assert_eq!(preview(&json!({"edit": {"crop": {"x": 0, "y": 0, "width": 1_201, "height": 800}}})).0, 403);

    for (flags, code, word) in [
        (["--filter", "glow"], 2, "no_such_filter"),
        (["--rotate", "45"], 2, "bad_rotate"),
        (["--crop", "nonsense"], 2, "bad_crop"),
        (["--crop", "0.6,0,0.5x1"], 5, "crop_outside"),
        (["--crop", "0,0,15x400"], 5, "crop_too_small"),
    ] {
        let answer = alice.cli(&["post", "--photo", &name, flags[0], flags[1]]);
        assert_eq!((answer.code, answer.error_code().as_str()), (Some(code), word), "{}", answer.stderr);
    }
    assert_eq!(alice.cli(&["post", "--photo", &name, "--crop", "0,0,16x400"]).code, Some(0));
    assert_eq!(std::fs::read_dir(alice.home().join("tmp")).expect("tmp").count(), 0, "nothing is kept");
}

#[test]
fn the_timeline_answers_at_once_while_nine_photos_of_twelve_megapixels_are_made_ready() {
    let _alone = crate::support::alone();
    let alice = Node::started("Alice");
    post(&alice, &["a first one"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 1, 4_000, 3_000).display().to_string();
    let mut arguments = vec!["post".to_owned(), "nine".to_owned()];
    (0..9).for_each(|_| arguments.extend(["--photo".to_owned(), file.clone()]));
    let time = || {
        let begun = Instant::now();
        assert!(!alice.timeline().is_empty());
        let time = begun.elapsed();
        // A person who scrolls asks now and then, not without a pause.
        std::thread::sleep(Duration::from_millis(20));
        time
    };
    // A machine that does other things as well answers later; one that is blocked answers seconds later.
    let idle: Vec<Duration> = (0..15).map(|_| time()).collect();
    let most = Duration::from_millis(100).max(4 * crate::support::spread(&idle).1);
    let hand = alice.hand();
    let posting = std::thread::spawn(move || hand.cli(&arguments));
    let (mut times, begun) = (Vec::new(), Instant::now());
    // Not to the end: that takes a program without optimisation a while.
    while !posting.is_finished() && begun.elapsed() < Duration::from_secs(8) {
        times.push(time());
    }
    let (_, median, longest) = crate::support::spread(&times);
    println!("{} answers, median {median:?}, longest {longest:?}", times.len());
    assert!(times.len() > 5 && median <= most, "{} times, median {median:?} of {most:?}", times.len());
}
