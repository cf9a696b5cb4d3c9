//! Sharing on, reports, albums: what goes beyond the points; and point 20, with receipts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::moments::{friends, id, post, wait_for, wait_gone, wait_moment};
use crate::support::{Node, PATIENCE, befriend, photo, until, wait_connected};

/// All files beneath a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn text(path: &Path) -> &str {
    path.to_str().expect("plain")
}

#[test]
fn a_moment_shared_on_twice_is_provably_its_authors_to_somebody_who_does_not_know_them() {
    let nodes: Vec<Node> = ["Alice", "Bob", "Carol", "Dave"].iter().map(|name| Node::started(name)).collect();
    let [alice, bob, carol, dave] = &nodes[..] else { panic!("four") };
    for (a, b) in [(alice, bob), (bob, carol), (carol, dave)] {
        befriend(a, b);
        wait_connected(a, b);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 1, 640, 480);
    let arguments = ["At the lake", "--photo", text(&file), "--alt", "The pier", "--shareable"];
    let first = post(alice, &arguments);
    let private = post(alice, &["between us"]);
    wait_moment(bob, &private);
    let refused = bob.cli(&["share", &private]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(5), "not_shareable"));
    wait_moment(bob, &first);
    let dry = bob.ok(&["share", &first, "--to", "Carol", "--dry-run"]);
    assert_eq!(dry["people"][0]["name"], "Carol");
    let bobs = id(&bob.ok(&["share", &first, "From Alice", "--to", "Carol"]));
    let seen = wait_moment(carol, &bobs);
    assert_eq!((&seen["author"]["name"], &seen["shareable"]), (&"Bob".into(), &true.into()));
    let carols = id(&carol.ok(&["share", &bobs, "Via Bob"]));
    let seen = wait_moment(dave, &carols);
    let from = &seen["shared_from"];
    assert_eq!((&from["id"], &from["text"]), (&alice.user().into(), &"At the lake".into()));
    assert_eq!(
        (&from["name"], &from["known"], &seen["text"]),
        (&"Alice".into(), &false.into(), &"Via Bob".into())
    );
    let mine = alice.get(&format!("/moments/{first}"));
    assert_eq!(from["created_at"], mine["created_at"]);
    let (original, shared) = (&mine["photos"][0], &seen["photos"][0]);
    assert_eq!(shared["alt"], "The pier");
    for part in ["id", "preview"] {
        let id = |photo: &Value| photo[part].as_str().expect("an id").to_owned();
        assert_ne!(id(original), id(shared), "sealed anew");
        let bytes = |node: &Node, id: &str| node.try_bytes(&format!("/blobs/{id}?wait_ms=10000"));
        let theirs = until(PATIENCE, std::time::Duration::from_millis(20), || bytes(dave, &id(shared)));
        assert!(theirs.is_some() && theirs == bytes(alice, &id(original)), "{part}: the same picture");
    }
    report_is_checked_anywhere(dave, &carols, &alice.user(), folder.path());
    let deniable = bob.cli(&["report", &private, text(&folder.path().join("deniable"))]);
    assert_eq!((deniable.code, deniable.error_code().as_str()), (Some(5), "not_shareable"));
    // Dave's program shows it in words, and Alice was never told.
    let printed = dave.hand().text(&["show", &carols]);
    assert!(printed.contains("shares what Alice (not among your friends) wrote"), "{printed}");
    assert_eq!(alice.timeline().len(), 2);
}

/// A report of Alice's moment, written by somebody who got it through two others and checked by nobody in particular.
fn report_is_checked_anywhere(dave: &Node, moment: &str, alice: &str, folder: &Path) {
    let nobody = Node::new("nobody");
    let report = folder.join("report");
    dave.ok(&["report", moment, text(&report)]);
    let again = dave.cli(&["report", moment, text(&report)]);
    assert_eq!((again.code, again.error_code().as_str()), (Some(5), "exists"));
    dave.ok(&["report", moment, text(&report), "--force"]);
    let checked = nobody.ok(&["report", "--check", text(&report)]);
    assert_eq!(
        (&checked["proven"]["author"], &checked["proven"]["text"]),
        (&alice.into(), &"At the lake".into())
    );
    assert_eq!(checked["pictures"][0]["state"], "same");
    assert!(checked["does_not_prove"].as_str().is_some_and(|text| text.contains("thief")));
    assert!(!nobody.home().exists(), "a check makes no home");
    let single = folder.join("report.json");
    dave.ok(&["report", moment, text(&single)]);
    assert_eq!(nobody.ok(&["report", "--check", text(&single)])["pictures"][0]["state"], "not in this file");
    // A word more, and it proves nothing.
    let whole = fs::read_to_string(&single).expect("a report");
    let forged = whole.replace(&hex(b"lake"), &hex(b"bank"));
    assert_ne!(whole, forged);
    fs::write(&single, forged).expect("written");
    let refused = nobody.cli(&["report", "--check", text(&single)]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(1), "evidence_does_not_hold"));
    let picture =
        files(&report).into_iter().find(|path| path.extension().is_some_and(|e| e == "jpg")).expect("it");
    let mut bytes = fs::read(&picture).expect("a picture");
    bytes[100] ^= 1;
    fs::write(&picture, bytes).expect("written");
    let refused = nobody.cli(&["report", "--check", text(&report)]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(1), "other_picture"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Point 20.
#[test]
fn a_withdrawn_moment_goes_from_every_node_with_all_that_hung_on_it_and_its_author_sees_where() {
    let mut nodes = friends(&["Alice", "Bob", "Carol"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 2, 640, 480);
    let oops = post(&nodes[0], &["oops", "--photo", text(&file)]);
    for node in &nodes[1..] {
        wait_moment(node, &oops);
        node.ok(&["comment", &oops, "I saw that"]);
        node.ok(&["like", &oops]);
    }
    let blobs = |node: &Node| files(&node.home().join("blobs")).len();
    for node in &nodes {
        wait_for(node, &oops, "both comments", |moment| {
            moment["comments"].as_array().is_some_and(|all| all.len() == 2)
        });
        let both = until(PATIENCE, std::time::Duration::from_millis(20), || (blobs(node) >= 2).then_some(()));
        assert!(both.is_some(), "{} has the picture", node.name);
    }
    let shown = nodes[1].get(&format!("/moments/{oops}"));
    let picture = shown["photos"][0]["id"].as_str().expect("an id").to_owned();
    nodes[2].stop();
    nodes[0].ok(&["delete", &oops]);
    wait_gone(&nodes[1], &oops);
    let state = |node: &Node, of: &str| {
        let who = node.ok(&["who", &oops[..12]]);
        assert_eq!(who["withdrawn"], true);
        let people = who["people"].as_array().expect("people").clone();
        people.into_iter().find(|one| one["name"] == of).expect("may read it")["state"].clone()
    };
    let wait_withdrawn = |node: &Node, of: &str| {
        let confirmed = until(PATIENCE, std::time::Duration::from_millis(50), || {
            (state(node, of) == "withdrawn").then_some(())
        });
        assert!(confirmed.is_some(), "{of} confirms");
    };
    wait_withdrawn(&nodes[0], "Bob");
    assert_eq!(state(&nodes[0], "Carol"), "have", "she is away");
    let words = nodes[0].hand().text(&["who", &oops[..12]]);
    assert!(words.contains("Gone on 1 of 2") && words.contains("Carol has not confirmed"), "{words}");
    nodes[2].start();
    wait_gone(&nodes[2], &oops);
    wait_withdrawn(&nodes[0], "Carol");
    for node in &nodes {
        assert_eq!(node.cli(&["show", &oops]).code, Some(4), "{}", node.name);
        assert_eq!(node.cli(&["blob", &picture]).code, Some(4), "{}", node.name);
        let none = until(PATIENCE, std::time::Duration::from_millis(20), || (blobs(node) == 0).then_some(()));
        assert!(none.is_some(), "{} still has {:?}", node.name, files(&node.home().join("blobs")));
    }
    // Said by the store, not by the run.
    nodes[0].stop();
    assert_eq!(state(&nodes[0], "Carol"), "withdrawn");
}

#[test]
fn an_album_is_read_by_any_browser_and_says_nothing_that_a_friend_could_run() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 3, 640, 480);
    let shown =
        post(alice, &["At the lake", "--photo", text(&file), "--alt", "The \"pier\"", "--place", "Lisbon"]);
    let second = post(alice, &["A second one", "--private"]);
    wait_moment(bob, &shown);
    bob.ok(&["comment", &shown, "<script>alert('x')</script>\u{202e}\"><img src=x onerror=alert(1)>"]);
    bob.ok(&["like", &shown]);
    wait_for(alice, &shown, "the comment", |moment| {
        moment["comments"][0].is_object() && moment["likes"][0].is_object()
    });
    let album = folder.path().join("album");
    let written = alice.ok(&["export", text(&album)]);
    assert_eq!(
        (&written["moments"], &written["files"], &written["missing"]),
        (&2.into(), &1.into(), &0.into())
    );
    let month = month_page(&album);
    for part in [
        "At the lake",
        "The &quot;pier&quot;",
        "Lisbon",
        "♥ <bdi>Bob</bdi>",
        "&lt;script&gt;",
        "A second one",
        "only for me",
    ] {
        assert!(month.contains(part), "{part}: {month}");
    }
    for part in ["<script", "<img src=x", "\u{202e}", "http://", "https://"] {
        assert!(!month.contains(part), "{part}");
    }
    let picture =
        month.split("<img src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a picture");
    let bytes = fs::read(album.join(picture)).expect("beside it");
    assert!(bytes.starts_with(&[0xff, 0xd8, 0xff]));
    let facts: Value =
        serde_json::from_slice(&fs::read(album.join("moments.json")).expect("facts")).expect("JSON");
    assert_eq!(
        (&facts["person"]["name"], &facts["moments"][1]["id"]),
        (&"Alice".into(), &shown.as_str().into())
    );
    assert!(facts["moments"][0].get("audience").is_none(), "for whom it was is not told");
    // What was withdrawn goes from an album that is brought up to date, here without a running node.
    let mut nodes = nodes;
    nodes[0].ok(&["delete", &shown]);
    nodes[0].stop();
    let again = nodes[0].ok(&["export", text(&album)]);
    assert_eq!((&again["moments"], &again["files"]), (&1.into(), &0.into()));
    assert!(!album.join(picture).exists() && !month_page(&album).contains("At the lake"));
    assert!(month_page(&album).contains(&format!("id=\"m{second}\"")));
    let full = nodes[0].cli(&["export", text(folder.path())]);
    assert_eq!((full.code, full.error_code().as_str()), (Some(5), "not_an_album"));
}

/// The one month of an album, found as a reader finds it.
fn month_page(album: &Path) -> String {
    let index = fs::read_to_string(album.join("index.html")).expect("an index");
    let page = index.split("<li><a href=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a month");
    fs::read_to_string(album.join(page)).expect("its page")
}
