//! Caring for moments: points 20 to 25.

use serde_json::Value;

use crate::support::Node;
use crate::support::moments::{friends, post, wait_for, wait_gone, wait_moment};

/// The texts of what a command printed, in order.
fn texts(printed: &Value) -> Vec<String> {
    let moments = printed["moments"].as_array().expect("moments");
    moments.iter().map(|moment| moment["text"].as_str().unwrap_or_default().to_owned()).collect()
}

fn code(node: &Node, arguments: &[&str]) -> (Option<i32>, String) {
    let answer = node.cli(arguments);
    (answer.code, answer.error_code())
}

// Point 21, and search.
#[test]
fn the_timeline_is_in_order_of_time_page_by_page_and_finds_words() {
    let mut nodes = friends(&["Alice", "Bob"]);
    let mut bob = nodes.pop().expect("Bob");
    let alice = nodes.pop().expect("Alice");
    let said = ["Crème brûlée", "the lake at dusk", "a LAKE again", "今天天气很好", "nothing of note"];
    let ids: Vec<String> = said.iter().map(|text| post(&alice, &[text])).collect();
    let mine = post(&bob, &["Bob on his own lake"]);
    for id in &ids {
        wait_moment(&bob, id);
    }
    let whole = texts(&bob.ok(&["timeline", "--limit", "100"]));
    assert_eq!(whole[0], "Bob on his own lake");
    assert_eq!(whole[1..], said.map(str::to_owned).into_iter().rev().collect::<Vec<_>>());
    // Between two pages a moment arrives, and the one that the cursor was taken from goes.
    let first = bob.ok(&["timeline", "--limit", "2"]);
    assert_eq!(texts(&first), whole[..2]);
    let new = post(&alice, &["later"]);
    wait_moment(&bob, &new);
    let last = first["moments"][1]["id"].as_str().expect("an id");
    alice.ok(&["delete", last]);
    wait_gone(&bob, last);
    let mut rest = Vec::new();
    let mut before = first["next"].clone();
    while let Some(cursor) = before.as_str() {
        let page = bob.ok(&["timeline", "--limit", "2", "--before", cursor]);
        rest.extend(texts(&page));
        before = page["next"].clone();
    }
    assert_eq!(rest, whole[2..], "nothing twice, nothing lost");
    let shown = texts(&bob.ok(&["timeline"]));
    bob.stop();
    bob.start();
    assert_eq!(texts(&bob.ok(&["timeline"])), shown, "a start changes nothing");
    // Words.
    let found = |arguments: &[&str]| texts(&bob.ok(&[&["timeline"], arguments].concat()));
    assert_eq!(found(&["--search", "creme BRULEE"]), ["Crème brûlée"]);
    assert_eq!(found(&["--search", "天气"]), ["今天天气很好"]);
    assert_eq!(found(&["--search", "lake"]), ["Bob on his own lake", "a LAKE again", "the lake at dusk"]);
    assert_eq!(found(&["--search", "lake alice dusk"]), ["the lake at dusk"], "her name is a word too");
    assert_eq!(found(&["--search", "lake", "--from", "me"]), ["Bob on his own lake"]);
    assert_eq!(found(&["--search", "lake", "--from", "Alice", "--until", "2020-01-01"]), [""; 0]);
    assert_eq!(found(&["--search", "lake", "--from", "Alice", "--since", "2020-01-01"]).len(), 2);
    let page = bob.ok(&["timeline", "--search", "lake", "--limit", "1"]);
    let next = page["next"].as_str().expect("there is more");
    assert_eq!(found(&["--search", "lake", "--before", next]), ["a LAKE again", "the lake at dusk"]);
    assert_eq!(code(&bob, &["timeline", "--search", " "]), (Some(2), "no_words".into()));
    let long = "x".repeat(257);
    assert_eq!(code(&bob, &["timeline", "--search", &long]), (Some(5), "search_limit".into()));
    assert_eq!(bob.get(&format!("/moments/{mine}"))["author"]["me"], true);
}

// Point 23: album and pin.
#[test]
fn an_album_is_read_by_month_and_begins_with_what_is_pinned() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let ids: Vec<String> = ["one", "two", "three"].iter().map(|text| post(alice, &[text])).collect();
    let theirs = post(bob, &["Bob's"]);
    for id in &ids {
        wait_moment(bob, id);
    }
    wait_moment(alice, &theirs);
    let album = bob.ok(&["album", "Alice", "--limit", "2"]);
    assert_eq!(
        (&album["person"]["name"], album["pinned"].as_array().map(Vec::len)),
        (&"Alice".into(), Some(0))
    );
    assert_eq!(album["person"]["id"], alice.user().as_str());
    assert_eq!(texts(&album), ["three", "two"]);
    let months = album["months"].as_array().expect("months");
    let counted: u64 = months.iter().filter_map(|month| month["moments"].as_u64()).sum();
    assert_eq!(counted, 3, "{months:?}");
    let newest = album["moments"][0]["created_at"].as_str().expect("a time");
    assert_eq!(months[0]["month"], newest[..7], "the month of the newest stands first");
    let next = album["next"].as_str().expect("there is more");
    let rest = bob.ok(&["album", "Alice", "--before", next]);
    assert_eq!((texts(&rest), &rest["next"]), (vec!["one".to_owned()], &Value::Null));
    assert_eq!(texts(&bob.ok(&["album", "Alice", "--month", &newest[..7]])), ["three", "two", "one"]);
    assert!(texts(&bob.ok(&["album", "Alice", "--month", "2020-02"])).is_empty());
    assert_eq!(code(bob, &["album", "Alice", "--month", "2020-13"]), (Some(2), "bad_month".into()));
    assert_eq!(code(bob, &["album", "Zoe"]).0, Some(4));
    // Pins are one's own, in the order in which they were pinned, and nobody else's business.
    assert_eq!(code(alice, &["pin", &theirs]), (Some(5), "not_yours".into()));
    assert_eq!(alice.ok(&["pin", &ids[0]])["ok"], true);
    alice.ok(&["pin", &ids[1]]);
    let mine = alice.ok(&["album"]);
    let pinned: Vec<_> =
        mine["pinned"].as_array().expect("pinned").iter().map(|m| m["text"].clone()).collect();
    assert_eq!(pinned, ["two", "one"]);
    assert_eq!(texts(&mine), ["three", "two", "one"]);
    assert_eq!(alice.ok(&["show", &ids[0]])["pinned"], true);
    assert_eq!(bob.ok(&["show", &ids[0]])["pinned"], false);
    alice.ok(&["unpin", &ids[0]]);
    alice.ok(&["delete", &ids[1]]);
    let mine = alice.ok(&["album", "me"]);
    assert_eq!(
        (mine["pinned"].as_array().map(Vec::len), texts(&mine)),
        (Some(0), vec!["three".into(), "one".into()])
    );
    wait_gone(bob, &ids[1]);
    assert_eq!(bob.ok(&["album", "Alice"])["months"][0]["moments"], 2, "what was withdrawn is not counted");
}

// Point 24.
#[test]
fn favourites_are_kept_for_me_alone_and_go_with_their_moment() {
    let mut nodes = friends(&["Alice", "Bob"]);
    let mut bob = nodes.pop().expect("Bob");
    let alice = nodes.pop().expect("Alice");
    let ids: Vec<String> = ["one", "two", "three"].iter().map(|text| post(&alice, &[text])).collect();
    for id in &ids {
        wait_moment(&bob, id);
    }
    for n in [2, 0, 1] {
        let answer = bob.ok(&["fave", &ids[n]]);
        assert_eq!((&answer["ok"], answer["id"].as_str()), (&Value::Bool(true), Some(ids[n].as_str())));
    }
    let page = bob.ok(&["faves", "--limit", "2"]);
    assert_eq!(texts(&page), ["two", "one"], "the newest mark first");
    let next = page["next"].as_str().expect("there is more");
    assert_eq!(texts(&bob.ok(&["faves", "--before", next])), ["three"]);
    // Killed at once: a mark that was answered is there.
    bob.kill();
    bob.start();
    assert_eq!(texts(&bob.ok(&["faves"])), ["two", "one", "three"]);
    assert_eq!(bob.ok(&["show", &ids[0]])["faved"], true);
    assert_eq!(alice.ok(&["show", &ids[0]])["faved"], false);
    assert!(texts(&alice.ok(&["faves"])).is_empty());
    bob.ok(&["unfave", &ids[0]]);
    alice.ok(&["delete", &ids[1]]);
    wait_gone(&bob, &ids[1]);
    assert_eq!(texts(&bob.ok(&["faves"])), ["three"]);
    wait_for(&bob, &ids[2], "the mark", |moment| moment["faved"] == true);
    bob.ok(&["friend", "remove", "Alice"]);
    assert!(texts(&bob.ok(&["faves"])).is_empty(), "not shown while she is no friend");
    assert_eq!(code(&bob, &["fave", "abcdef"]).0, Some(4));
}
