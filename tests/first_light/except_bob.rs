//! A photo for everyone except Bob: soon with Carol, clean, and nothing of it with Bob.

use std::time::{Duration, Instant};

use tidings::limits::{TAGS_EARLY_ROUNDS_MS, TAGS_ROUND_INTERVAL_MS, TAGS_ROUND_JITTER_MS};

use crate::support::record::{Record, Said, counted};
use crate::support::{Node, PATIENCE, alone, befriend, photo, spread, until, wait_connected};

/// How many photos are timed.
const ROUNDS: usize = 20;
/// What the median may take. *the promise*
const SECOND: Duration = Duration::from_secs(1);
/// Without a frame for so long, what was begun has ended. Rounds of tags come every ten minutes and are not waited for.
const SILENCE: Duration = Duration::from_secs(2);

/// Alice, Bob and Carol, everybody everybody's friend.
struct Three {
    alice: Node,
    bob: Node,
    carol: Node,
    record: Record,
}

impl Three {
    fn new() -> Self {
        let (alice, mut bob, carol) = (Node::started("Alice"), Node::new("Bob"), Node::started("Carol"));
        let file = bob.beside("record.jsonl");
        bob.set("TIDINGS_RECORD", &file);
        bob.start();
        for (a, b) in [(&alice, &bob), (&alice, &carol), (&bob, &carol)] {
            befriend(a, b);
        }
        for (a, b) in [(&alice, &bob), (&alice, &carol), (&bob, &carol)] {
            wait_connected(a, b);
        }
        Self { alice, bob, carol, record: Record::at(&file) }
    }

    /// Posts by the command line; the moment's id, and when the command returned.
    fn post(&self, arguments: &[&str]) -> (String, Instant) {
        let moment = self.alice.ok(&[&["post"], arguments].concat());
        let returned = Instant::now();
        (moment["id"].as_str().expect("a moment has an id").to_owned(), returned)
    }

    /// Waits until somebody has a moment.
    fn wait_for(&self, node: &Node, id: &str) {
        node.wait("/timeline?limit=100", "a moment", |page| {
            page["moments"].as_array()?.iter().any(|moment| moment["id"] == id).then_some(())
        });
    }
}

/// The bytes of a moment's only photo, once they are there.
fn picture(node: &Node, id: &str) -> Option<Vec<u8>> {
    let page = node.try_get("/timeline?limit=5")?;
    let moment = page["moments"].as_array()?.iter().find(|moment| moment["id"] == id)?.clone();
    let blob = moment["photos"][0]["id"].as_str()?.to_owned();
    node.try_bytes(&format!("/blobs/{blob}?wait_ms=0"))
}

#[test]
fn carol_has_the_photo_within_a_second_without_its_metadata_and_bob_has_not() {
    let _alone = alone();
    let three = Three::new();
    let folder = tempfile::tempdir().expect("a folder");
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let file = photo::write(folder.path(), round as u64, 1600, 1200);
        let file = file.display().to_string();
        let (id, returned) = three.post(&["A surprise", "--photo", &file, "--except", "Bob"]);
        let got = until(PATIENCE, Duration::from_millis(2), || picture(&three.carol, &id));
        times.push(returned.elapsed());
        let got = got.unwrap_or_else(|| panic!("Carol waits in vain\n{}", three.carol.log_tail()));
        assert_eq!(photo::metadata(&got), Vec::<String>::new(), "the photo is clean");
        assert_eq!(photo::traces(&got), Vec::<&str>::new(), "the photo tells nothing of its place");
        image::load_from_memory(&got).expect("it is still a picture");
        if round == 0 {
            by_command_line(&three, &id, &got);
        }
    }
    assert_eq!(three.bob.timeline(), Vec::<String>::new(), "Bob sees nothing");
    let (least, median, most) = spread(&times);
    println!(
        "post returned until Carol has text and photo, {ROUNDS} times: min {least:?}, median {median:?}, max {most:?}"
    );
    assert!(median <= SECOND, "the median is {median:?}");
}

/// The same by the commands that a person would use.
fn by_command_line(three: &Three, id: &str, bytes: &[u8]) {
    let page = three.carol.ok(&["timeline"]);
    let moment = &page["moments"][0];
    assert_eq!((moment["id"].as_str(), moment["text"].as_str()), (Some(id), Some("A surprise")));
    assert!(moment["audience"].is_null(), "a reader does not learn the audience");
    let blob = moment["photos"][0]["id"].as_str().expect("a photo has an id");
    assert_eq!(three.carol.cli(&["blob", blob]).stdout, bytes);
    assert_eq!(three.bob.cli(&["blob", blob]).code, Some(4), "Bob knows no such photo");
    assert_eq!(three.bob.cli(&["show", id]).code, Some(4), "Bob knows no such moment");
}

/// What Bob receives while Alice and Carol live their day: words to all, perhaps a secret, words to all, words to him alone.
///
/// The moments that Bob may see are there so that the comparison has something to compare, and so that a counter moved
/// by the secret (a handle, a number, an interval) would show in what comes after it. The words to him alone open an
/// epoch that Alice has never used: its keys, handle and numbers come fresh.
///
/// Rounds of tags come at random times of a session's first minute and a half, and then every ten minutes, whether
/// there is anything new or not: the day begins after the early ones and ends before the next.
fn day(secret: impl FnOnce(&Three)) -> Said {
    let three = Three::new();
    let met = Instant::now();
    let (first, _) = three.post(&["Good morning, all"]);
    three.wait_for(&three.bob, &first);
    three.wait_for(&three.carol, &first);
    let carols = three.carol.ok(&["post", "Good morning from me as well"]);
    three.wait_for(&three.bob, carols["id"].as_str().expect("a moment has an id"));
    let last_early = TAGS_EARLY_ROUNDS_MS.iter().max().expect("there are early rounds");
    // Each is late by up to a quarter.
    let rest = Duration::from_millis(last_early + last_early / 4).saturating_sub(met.elapsed());
    std::thread::sleep(rest);
    let from = three.record.wait_quiet(SILENCE);
    secret(&three);
    three.record.wait_quiet(SILENCE);
    let (second, _) = three.post(&["Good night, all"]);
    three.wait_for(&three.bob, &second);
    three.wait_for(&three.carol, &second);
    three.record.wait_quiet(SILENCE);
    three.carol.ok(&["comment", &second, "Sleep well"]);
    three.bob.wait(&format!("/moments/{second}"), "Carol's comment", |moment| {
        moment["comments"].as_array().filter(|comments| !comments.is_empty()).map(|_| ())
    });
    three.record.wait_quiet(SILENCE);
    let carols = three.carol.ok(&["post", "Good night from me as well"]);
    three.wait_for(&three.bob, carols["id"].as_str().expect("a moment has an id"));
    three.record.wait_quiet(SILENCE);
    let (third, _) = three.post(&["And you, Bob", "--to", "Bob"]);
    three.wait_for(&three.bob, &third);
    three.record.wait_quiet(SILENCE);
    let limit = Duration::from_millis(TAGS_ROUND_INTERVAL_MS - TAGS_ROUND_JITTER_MS);
    assert!(met.elapsed() < limit, "the day went on into the next round of tags: {:?}", met.elapsed());
    assert_eq!(three.bob.timeline().len(), 5, "Bob has what he may see and nothing else");
    let mut said = three.record.said_from(from);
    // By name: the people of two days have different ids.
    for node in [&three.alice, &three.carol] {
        if let Some(frames) = said.remove(&node.user()) {
            said.insert(node.name.clone(), frames);
        }
    }
    said
}

fn secret_photo(three: &Three) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 1, 1600, 1200).display().to_string();
    let (id, _) = three.post(&["A surprise", "--photo", &file, "--except", "Bob"]);
    let got = until(PATIENCE, Duration::from_millis(20), || picture(&three.carol, &id));
    assert!(got.is_some(), "Carol has the secret\n{}", three.carol.log_tail());
    id
}

#[test]
fn what_bob_receives_from_everybody_is_what_he_receives_without_the_post() {
    let _alone = alone();
    // Three days beside each other: they mostly wait.
    let (without, with, discussed) = std::thread::scope(|scope| {
        let without = scope.spawn(|| day(|_| {}));
        let with = scope.spawn(|| day(|three| drop(secret_photo(three))));
        let discussed = scope.spawn(|| {
            day(|three| {
                let id = secret_photo(three);
                three.carol.ok(&["like", &id]);
                three.carol.ok(&["comment", &id, "What a surprise"]);
            })
        });
        (without.join(), with.join(), discussed.join())
    });
    let all = "the days come to their end";
    let (without, with, discussed) = (without.expect(all), with.expect(all), discussed.expect(all));
    println!("what Bob receives, with or without the post: {with:#?}");
    println!("what Bob receives with Carol's reactions: {discussed:#?}");
    let people: Vec<&String> = without.keys().collect();
    assert_eq!(people, ["Alice", "Carol"], "both speak to Bob: {without:#?}");
    let entries = |said: &Said, who: &str| said[who].iter().filter(|frame| frame.contains("Entry")).count();
    assert!(entries(&without, "Alice") >= 2, "the record holds what Bob may see: {without:#?}");
    assert_eq!(counted(&with), counted(&without));
}
