//! Photos and videos while much of them is still on its way or being made: points 2 and 3.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::moments::{friends, post, wait_moment};
use crate::support::{Node, PATIENCE, photo};

/// Bytes of an empty box at the end of the film, so that it takes a while on its way.
const TAIL: u32 = 16 * 1024 * 1024;

/// A film that begins as any other and is long.
fn long_film() -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let mut film = std::fs::read(folder.join("tests/fixtures/video/h264.mp4")).expect("the video");
    film.extend(TAIL.to_be_bytes());
    film.extend(b"free");
    film.resize(film.len() + TAIL as usize - 8, 0);
    film
}

/// The first bytes of a blob by a request with a range; nothing while they are not here.
fn beginning(node: &Node, id: &str) -> Option<Vec<u8>> {
    let run: Value =
        serde_json::from_slice(&std::fs::read(node.home().join("run.json")).expect("it runs")).expect("JSON");
    let url = format!("http://{}/api/v1/blobs/{id}?wait_ms=50", run["http"].as_str().expect("an address"));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .proxy(None)
        .build()
        .into();
    let request = agent.get(url).header("range", "bytes=0-4095").header("authorization", node.bearer());
    let mut answer = request.call().expect("an answer");
    let total = answer
        .headers()
        .get("content-range")
        .and_then(|range| range.to_str().ok()?.split('/').nth(1)?.parse().ok());
    (answer.status() == 206).then(|| {
        assert_eq!(total, Some(long_film().len()), "it says how long the whole is");
        answer.body_mut().read_to_vec().expect("the range")
    })
}

#[cfg(unix)]
fn signal(node: &Node, signal: &str) {
    let pid = node.pid().expect("it runs").to_string();
    let sent = std::process::Command::new("kill").args([signal, &pid]).status();
    assert!(sent.expect("kill").success());
}

// Point 3.
#[test]
#[cfg(unix)]
fn a_video_is_played_while_it_still_arrives() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let folder = tempfile::tempdir().expect("a folder");
    let (path, film) = (folder.path().join("film.mp4"), long_film());
    std::fs::write(&path, &film).expect("written");
    // A machine in a good mood may have all of it before anybody can look: then once more.
    let mut seen = Vec::new();
    for _ in 0..5 {
        let hand = alice.hand();
        let file = path.display().to_string();
        let posting = std::thread::spawn(move || hand.cli(&["post", "a long one", "--video", &file]));
        let (id, _) = bob.wait("/timeline", "the film's moment", |page| {
            let id = page["moments"][0]["video"]["id"].as_str()?.to_owned();
            (!seen.contains(&id)).then_some(id)
        });
        let (start, all) = begins_to_play(alice, bob, &id);
        assert_eq!(start[..32], film[..32], "it is the film's beginning");
        let posted = posting.join().expect("the command");
        assert_eq!(posted.code, Some(0), "{}", posted.stderr);
        let whole = bob.try_bytes(&format!("/blobs/{id}?wait_ms=20000")).expect("in the end it is whole");
        assert_eq!(whole.len(), film.len());
        assert_eq!(whole[..4_096], start[..]);
        if all.is_none() {
            return;
        }
        seen.push(id);
    }
    panic!("the beginning was never served before the end had come");
}

/// Gives a node a moment of work now and then, as over a slow line, until the beginning of its film can be read; and what
/// there is of the whole then.
#[cfg(unix)]
fn begins_to_play(alice: &Node, bob: &Node, id: &str) -> (Vec<u8>, Option<Vec<u8>>) {
    let begun = Instant::now();
    let start = loop {
        signal(alice, "-STOP");
        if let Some(start) = beginning(bob, id) {
            break start;
        }
        signal(alice, "-CONT");
        assert!(begun.elapsed() < PATIENCE, "nothing comes: {}", bob.log_tail());
        std::thread::sleep(Duration::from_millis(2));
    };
    // She is stopped: what has not come by now does not come.
    let all = bob.try_bytes(&format!("/blobs/{id}?wait_ms=0"));
    signal(alice, "-CONT");
    (start, all)
}

// Point 2.
#[test]
fn the_timeline_is_read_while_nine_photos_are_made_ready() {
    let alice = Node::started("Alice");
    post(&alice, &["something to read"]);
    let folder = tempfile::tempdir().expect("a folder");
    let photos: Vec<_> = (0..9).map(|n| photo::write(folder.path(), n, 1_000, 750)).collect();
    let mut arguments = vec!["post".to_owned()];
    arguments.extend(photos.iter().flat_map(|file| ["--photo".to_owned(), file.display().to_string()]));
    let (hand, is_done) = (alice.hand(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let posting = scope.spawn(|| {
            let posted = hand.cli(&arguments);
            is_done.store(true, Ordering::Release);
            posted
        });
        let (begun, mut reads, mut longest) = (Instant::now(), 0, Duration::ZERO);
        while !is_done.load(Ordering::Acquire) {
            let since = Instant::now();
            assert!(!alice.timeline().is_empty());
            longest = longest.max(since.elapsed());
            reads += 1;
        }
        let took = begun.elapsed();
        let posted = posting.join().expect("the command");
        assert_eq!(posted.code, Some(0), "{}", posted.stderr);
        // Counted and not timed: whoever waited for the photos would have read once or twice.
        assert!(reads > 9, "{reads} reads in {took:?}");
        assert!(longest < took / 2, "a read took {longest:?} of {took:?}");
    });
    wait_moment(&alice, &alice.timeline()[0]);
}
