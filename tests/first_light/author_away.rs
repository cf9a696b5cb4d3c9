//! The author is off; a friend who was away meanwhile gets the moment from a mutual friend.

use std::time::{Duration, Instant};

use crate::support::{Node, PATIENCE, alone, befriend, photo, until, wait_connected};

/// From the start of the process until the moment and its photo are there. *the promise*
const FIVE_SECONDS: Duration = Duration::from_secs(5);
/// How long Alice stays to leave what she owes Dave with Carol.
const ERRAND: Duration = Duration::from_secs(10);

/// Dave is away when Alice first uses this audience, so its keys can only come by a courier: by Carol.
#[test]
fn who_was_away_has_the_moment_from_a_mutual_friend_within_five_seconds_of_starting() {
    let _alone = alone();
    let (mut alice, carol, mut dave) =
        (Node::started("Alice"), Node::started("Carol"), Node::started("Dave"));
    for (a, b) in [(&alice, &carol), (&alice, &dave), (&carol, &dave)] {
        befriend(a, b);
        wait_connected(a, b);
    }
    dave.stop();
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 1, 1600, 1200).display().to_string();
    let post = ["post", "While you were away", "--photo", &file, "--to", "Carol", "--to", "Dave"];
    let moment = alice.ok(&post);
    let id = moment["id"].as_str().expect("a moment has an id");
    // Carol has it, and Alice knows that Carol carries Dave's keys.
    let who = alice.wait_for_who(id, "Dave", "carried", ERRAND);
    assert_eq!(who["by"][0]["name"], "Carol", "{who:#}");
    let has_photo = until(PATIENCE, Duration::from_millis(20), || photo_of(&carol, id));
    assert!(has_photo.is_some(), "Carol has the photo\n{}", carol.log_tail());
    alice.stop();

    let begun = Instant::now();
    dave.begin();
    let got = until(PATIENCE, Duration::from_millis(5), || photo_of(&dave, id));
    let took = begun.elapsed();
    let got = got.unwrap_or_else(|| panic!("Dave waits in vain\n{}\n{}", dave.log_tail(), carol.log_tail()));
    println!("from Dave's start until he has the moment and its photo from Carol: {took:?}");
    assert!(took <= FIVE_SECONDS, "it took {took:?}");
    assert!(!alice.runs(), "Alice is off");
    assert_eq!(Some(got), photo_of(&carol, id), "the same bytes");
    let page = dave.ok(&["timeline"]);
    assert_eq!(page["moments"][0]["text"], "While you were away");
    assert_eq!(page["moments"][0]["author"]["name"], "Alice");
}

fn photo_of(node: &Node, id: &str) -> Option<Vec<u8>> {
    let page = node.try_get("/timeline?limit=5")?;
    let moment = page["moments"].as_array()?.iter().find(|moment| moment["id"] == id)?.clone();
    let blob = moment["photos"][0]["id"].as_str()?.to_owned();
    node.try_bytes(&format!("/blobs/{blob}?wait_ms=0"))
}

impl Node {
    /// Waits until one's own moment stands so with a friend; the line of `who`.
    fn wait_for_who(&self, id: &str, friend: &str, state: &str, patience: Duration) -> serde_json::Value {
        let found = until(patience, Duration::from_millis(50), || {
            let answer = self.ok(&["who", id]);
            let line = answer["people"].as_array()?.iter().find(|line| line["name"] == friend)?.clone();
            (line["state"] == state).then_some(line)
        });
        found.unwrap_or_else(|| {
            panic!("{friend} is not {state}: {:#}\n{}", self.ok(&["who", id]), self.log_tail())
        })
    }
}
