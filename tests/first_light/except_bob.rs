//! A photo for everyone except Bob: soon with Carol, clean, and nothing of it with Bob.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tidings::limits::{TAGS_EARLY_ROUNDS_MS, TAGS_ROUND_INTERVAL_MS, TAGS_ROUND_JITTER_MS};

use crate::support::record::{Record, Said, Told};
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

/// What Bob received on one day.
#[derive(Debug)]
struct Day {
    /// From before the secret until nothing moved any more.
    meanwhile: Said,
    /// While Alice and Carol each said something to him alone: nobody else has it, so nothing can overtake it.
    alone: Said,
    /// While they spoke to all: who tells him first, its author or another who has it, is timing.
    together: Told,
}

/// A day of Alice, Bob and Carol: words to all and to Bob alone; perhaps a secret; such words again.
///
/// What Bob may see is there so that the comparison has something to compare, and so that what a secret may have moved (a
/// number, an interval, what is told by the way) would show in what comes after it.
///
/// Rounds of tags come at random times of a session's first minute and a half, and then every ten minutes, whether
/// there is anything new or not: the secret comes after the early ones, and all is over before the next.
fn day(secret: impl FnOnce(&Three)) -> Day {
    let three = Three::new();
    let met = Instant::now();
    let everybody = [&three.bob, &three.carol];
    three.say(&three.alice, &["Good morning, all"], &everybody);
    three.say(&three.carol, &["Good morning from me as well"], &[&three.bob, &three.alice]);
    three.say(&three.alice, &["Good morning, Bob", "--to", "Bob"], &[&three.bob]);
    three.say(&three.carol, &["Good morning, Bob", "--to", "Bob"], &[&three.bob]);
    let last_early = TAGS_EARLY_ROUNDS_MS.iter().max().expect("there are early rounds");
    // Each is late by up to a quarter.
    std::thread::sleep(Duration::from_millis(last_early + last_early / 4).saturating_sub(met.elapsed()));
    let from = three.record.wait_quiet(SILENCE);
    secret(&three);
    let secret_over = three.record.wait_quiet(SILENCE);
    three.say(&three.alice, &["Do you hear me, Bob?", "--to", "Bob"], &[&three.bob]);
    three.record.wait_quiet(SILENCE);
    three.say(&three.carol, &["And me, Bob?", "--to", "Bob"], &[&three.bob]);
    let alone_over = three.record.wait_quiet(SILENCE);
    let night = three.say(&three.alice, &["Good night, all"], &everybody);
    three.carol.ok(&["comment", &night, "Sleep well"]);
    for node in [&three.alice, &three.bob] {
        node.wait(&format!("/moments/{night}"), "Carol's comment", |moment| {
            moment["comments"].as_array().filter(|comments| !comments.is_empty()).map(|_| ())
        });
    }
    three.say(&three.carol, &["Good night from me as well"], &[&three.bob, &three.alice]);
    // An audience that Alice has never used: a fresh epoch, whose keys, handle and numbers are new.
    three.say(&three.alice, &["Only you two", "--to", "Bob", "--to", "Carol"], &everybody);
    three.record.wait_quiet(SILENCE);
    let limit = Duration::from_millis(TAGS_ROUND_INTERVAL_MS - TAGS_ROUND_JITTER_MS);
    assert!(met.elapsed() < limit, "the day went on into the next round of tags: {:?}", met.elapsed());
    assert_eq!(three.bob.timeline().len(), 9, "Bob has what he may see and nothing else");
    let together = three.record.told(alone_over, usize::MAX);
    Day {
        meanwhile: three.by_name(three.record.said(from, secret_over)),
        alone: three.by_name(three.record.said(secret_over, alone_over)),
        together: Told { entries: together.entries, others: three.by_name(together.others) },
    }
}

impl Three {
    /// Somebody posts, and waits until those who may see it do.
    fn say(&self, who: &Node, words: &[&str], to: &[&Node]) -> String {
        let moment = who.ok(&[&["post"], words].concat());
        let id = moment["id"].as_str().expect("a moment has an id").to_owned();
        to.iter().for_each(|node| self.wait_for(node, &id));
        id
    }

    /// The people of two days have different ids, and the same names.
    fn by_name<T>(&self, mut by_id: BTreeMap<String, T>) -> BTreeMap<String, T> {
        for node in [&self.alice, &self.carol] {
            if let Some(found) = by_id.remove(&node.user()) {
                by_id.insert(node.name.clone(), found);
            }
        }
        by_id
    }
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
    println!(
        "without the secret: {without:#?}\nwith it: {with:#?}\nwith Carol's reactions: {:#?}",
        discussed.meanwhile
    );

    // While the secret came into being and went to Carol, not one frame more than without it: none.
    assert_eq!(without.meanwhile, Said::new(), "nothing moves by itself, so what moves would be seen");
    assert_eq!(with.meanwhile, without.meanwhile);
    // And nothing later is different by it.
    assert_eq!(
        without.alone.keys().collect::<Vec<_>>(),
        ["Alice", "Carol"],
        "both speak to Bob: {without:#?}"
    );
    assert!(
        without.alone.values().flatten().filter(|frame| frame.contains("Entry")).count() == 2,
        "{without:#?}"
    );
    assert_eq!(with.alone, without.alone);
    assert_eq!(with.together.entries.len(), 4, "{with:#?}");
    assert_eq!(with.together, without.together);

    only_sealed_reactions_of_carol(&discussed.meanwhile);
}

/// Carol's like and comment go to all her friends, as everything she says about anything does: Bob gets two sealed
/// entries of hers and cannot tell what they are about (docs/protocol.md 3.14). Alice, who has them too, says so as she
/// does for every entry of a common friend; or she asks Bob for one, if he said so first. Hence no equality with the control run, but nothing else either.
fn only_sealed_reactions_of_carol(meanwhile: &Said) {
    let mut numbers = BTreeSet::new();
    for (who, frames) in meanwhile {
        assert!(["Alice", "Carol"].contains(&who.as_str()), "{meanwhile:#?}");
        for frame in frames {
            let is_reaction = frame.contains("Entry") && frame.contains("528 B sealed");
            let is_said_of_one =
                ["Head, ", "Digest, ", "Have, ", "Want, "].iter().any(|word| frame.contains(word));
            assert!(is_reaction || is_said_of_one, "{who} sends {frame:?}: {meanwhile:#?}");
            if is_reaction {
                numbers.extend(frame.split("number ").nth(1).and_then(|rest| rest.split(',').next()));
            }
        }
    }
    assert_eq!(numbers.len(), 2, "a like and a comment: {meanwhile:#?}");
}
