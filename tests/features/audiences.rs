//! Who sees what: points 8, 9, 10, 12, 13, 19.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::moments::{friends, id, post, wait_for, wait_gone, wait_moment};
use crate::support::{Node, befriend, photo, wait_connected};

/// The texts of a page or list of moments.
fn texts(page: &Value) -> BTreeSet<String> {
    let moments = page["moments"].as_array().cloned().unwrap_or_default();
    moments.iter().map(|moment| moment["text"].as_str().unwrap_or_default().to_owned()).collect()
}

fn timeline(node: &Node) -> BTreeSet<String> {
    texts(&node.get("/timeline?limit=100"))
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn names(people: &Value) -> Vec<&str> {
    people.as_array().map_or(Vec::new(), |all| all.iter().filter_map(|one| one["name"].as_str()).collect())
}

/// Waits until somebody's timeline holds exactly these texts.
fn wait_texts(node: &Node, expected: &[&str]) {
    let expected = set(expected);
    node.wait("/timeline?limit=100", &format!("{expected:?}"), |page| {
        (texts(page) == expected).then_some(())
    });
}

// Point 8.
#[test]
fn everyone_only_some_all_but_some_and_only_me_reach_whom_they_say_by_person_and_by_tag() {
    let nodes = friends(&["Alice", "Bob", "Carol"]);
    let (alice, bob, carol) = (&nodes[0], &nodes[1], &nodes[2]);
    alice.ok(&["tag", "add", "work", "Bob"]);
    for arguments in [
        &["only me", "--private"][..],
        &["only Bob", "--to", "Bob"],
        &["only work", "--to", "work"],
        &["work and Carol", "--to", "work", "--to", "Carol"],
        &["not Bob", "--except", "Bob"],
        &["not work", "--except", "tag:work"],
        &["work but Bob", "--to", "work", "--except", "Bob"],
    ] {
        post(alice, arguments);
    }
    // Something for all comes last, on the same ways.
    let last = post(alice, &["everyone"]);
    wait_moment(bob, &last);
    wait_moment(carol, &last);
    wait_texts(bob, &["only Bob", "only work", "work and Carol", "everyone"]);
    wait_texts(carol, &["work and Carol", "not Bob", "not work", "everyone"]);
    assert_eq!(timeline(alice).len(), 8);
    let dry = alice.ok(&["post", "x", "--except", "work", "--dry-run"]);
    assert_eq!((names(&dry["people"]), dry["may_read"].as_u64()), (vec!["Carol"], Some(1)));
    assert_eq!(
        (&dry["left_out"][0]["name"], &dry["left_out"][0]["why"]),
        (&"Bob".into(), &"excluded".into())
    );
    assert_eq!(dry["strangers"], 0);
    for (arguments, code) in [
        (&["post", "x", "--to", "nobody"][..], 4),
        (&["post", "x", "--private", "--to", "Bob"], 2),
        (&["post", "x", "--except", "tag:play"], 4),
    ] {
        assert_eq!(alice.cli(arguments).code, Some(code), "{arguments:?}");
    }
    assert_eq!(timeline(alice).len(), 8, "nothing was sent");
}

// Point 9.
#[test]
fn old_moments_are_looked_at_with_the_groups_of_today() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    alice.ok(&["tag", "add", "family", "Bob"]);
    alice.ok(&["tag", "add", "work", "Bob"]);
    post(alice, &["for family", "--to", "family"]);
    post(alice, &["not for work", "--except", "work"]);
    wait_texts(bob, &["for family"]);
    let carol = Node::started("Carol");
    befriend(alice, &carol);
    wait_connected(alice, &carol);
    wait_texts(&carol, &["not for work"]);
    // Into the one and out of it again; under the other and away from it again.
    alice.ok(&["tag", "add", "family", "Carol"]);
    wait_texts(&carol, &["not for work", "for family"]);
    alice.ok(&["tag", "add", "work", "Carol"]);
    wait_texts(&carol, &["for family"]);
    alice.ok(&["tag", "remove", "family", "Carol"]);
    wait_texts(&carol, &[]);
    alice.ok(&["tag", "remove", "work", "Carol"]);
    wait_texts(&carol, &["not for work"]);
    alice.ok(&["tag", "add", "family", "Carol"]);
    wait_texts(&carol, &["not for work", "for family"]);
    assert_eq!(timeline(bob), set(&["for family"]), "nothing of this is Bob's business");
}

// Point 10.
#[test]
#[cfg(target_os = "linux")]
fn friends_read_as_far_back_as_the_window_says_and_its_owner_reads_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let shim = crate::support::clock::shim(folder.path());
    let (mut alice, mut bob) = (Node::new("Alice"), Node::new("Bob"));
    for node in [&mut alice, &mut bob] {
        node.set("LD_PRELOAD", &shim);
        node.set("DAYS_AGO", Path::new("6"));
        node.start();
    }
    befriend(&alice, &bob);
    wait_connected(&alice, &bob);
    let old = post(&alice, &["six days ago"]);
    wait_moment(&bob, &old);
    for node in [&mut alice, &mut bob] {
        node.stop();
        node.set("DAYS_AGO", Path::new("0"));
        node.start();
    }
    wait_connected(&alice, &bob);
    let new = post(&alice, &["today"]);
    wait_moment(&bob, &new);
    assert_eq!(timeline(&bob), set(&["six days ago", "today"]));
    let privacy = alice.ok(&["privacy"]);
    assert_eq!((&privacy["window"], &privacy["window_days"]), (&"all".into(), &0.into()));
    let privacy = alice.ok(&["privacy", "--window", "3d"]);
    assert_eq!((&privacy["window"], &privacy["window_days"]), (&"3d".into(), &3.into()));
    wait_texts(&bob, &["today"]);
    assert_eq!(bob.cli(&["show", &old]).code, Some(4));
    assert_eq!(timeline(&alice), set(&["six days ago", "today"]), "its owner sees all");
    let dave = Node::started("Dave");
    befriend(&alice, &dave);
    wait_connected(&alice, &dave);
    wait_texts(&dave, &["today"]);
    assert_eq!(texts(&alice.ok(&["timeline", "--as", "Dave"])), set(&["today"]));
    for (word, days) in [("1m", 31), ("6m", 183), ("all", 0)] {
        assert_eq!(alice.ok(&["privacy", "--window", word])["window_days"], days);
        wait_texts(&bob, &["six days ago", "today"]);
        wait_texts(&dave, &["six days ago", "today"]);
    }
    assert_eq!(alice.cli(&["privacy", "--window", "1y"]).code, Some(2));
}

/// What Bob's program says of Alice, without what changes by itself.
fn alice_in(bob: &Node) -> Value {
    let mut friends = bob.get("/friends")["friends"].clone();
    let friend = friends.as_array_mut().and_then(|all| all.iter_mut().find(|one| one["name"] == "Alice"));
    let mut friend = friend.cloned().expect("a friend");
    friend.as_object_mut().expect("an object").remove("last_seen");
    friend
}

// Point 12.
#[test]
fn mine_are_hidden_from_them_and_theirs_from_me_and_nobody_is_told() {
    let nodes = friends(&["Alice", "Bob", "Carol"]);
    let (alice, bob, carol) = (&nodes[0], &nodes[1], &nodes[2]);
    let before = post(alice, &["before"]);
    wait_moment(bob, &before);
    let known = alice_in(bob);
    let privacy = alice.ok(&["privacy", "--hide-mine-from", "Bob", "--hide-theirs", "Bob"]);
    assert_eq!(
        (names(&privacy["hide_mine_from"]), names(&privacy["hide_theirs"])),
        (vec!["Bob"], vec!["Bob"])
    );
    wait_gone(bob, &before);
    let meanwhile = post(alice, &["meanwhile"]);
    wait_moment(carol, &meanwhile);
    // Bob goes on as before: he speaks, and hears what others say.
    let bobs = post(bob, &["Bob's"]);
    wait_moment(carol, &bobs);
    bob.wait(&format!("/moments/{bobs}"), "Alice to have it", |moment| {
        (moment["delivery"]["have"] == 2).then_some(())
    });
    let carols = post(carol, &["Carol's"]);
    wait_moment(bob, &carols);
    wait_moment(alice, &carols);
    assert_eq!(timeline(bob), set(&["Bob's", "Carol's"]));
    assert_eq!(timeline(alice), set(&["before", "meanwhile", "Carol's"]), "his do not show");
    assert_eq!(alice_in(bob), known, "nothing about Alice looks different to Bob");
    let friend = alice.ok(&["friend", "show", "Bob"]);
    assert_eq!((&friend["hide_mine"], &friend["hide_theirs"]), (&true.into(), &true.into()));
    let refused = alice.cli(&["post", "x", "--to", "Bob"]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    alice.ok(&["privacy", "--show-mine-to", "Bob", "--show-theirs", "Bob"]);
    wait_moment(bob, &before);
    wait_moment(alice, &bobs);
    assert!(!timeline(bob).contains("meanwhile"), "that was written without him");
    assert_eq!(alice.cli(&["privacy", "--hide-theirs", "nobody"]).code, Some(4));
    assert_eq!(alice.cli(&["privacy", "--strangers", "5"]).code, Some(2));
}

// Point 13.
#[test]
fn a_chats_only_friend_sees_no_moments_and_stays_a_friend() {
    let nodes = friends(&["Alice", "Bob", "Carol"]);
    let (alice, bob, carol) = (&nodes[0], &nodes[1], &nodes[2]);
    let before = post(alice, &["before"]);
    wait_moment(bob, &before);
    let answer = alice.ok(&["friend", "chats-only", "Bob"]);
    assert_eq!(answer["friend"]["chats_only"], true);
    wait_gone(bob, &before);
    let meanwhile = post(alice, &["meanwhile"]);
    wait_moment(carol, &meanwhile);
    let bobs = post(bob, &["Bob's"]);
    wait_moment(alice, &bobs);
    assert_eq!(timeline(bob), set(&["Bob's"]));
    assert_eq!(names(&alice.ok(&["privacy"])["chats_only"]), ["Bob"]);
    let refused = alice.cli(&["post", "x", "--to", "Bob"]);
    assert_eq!(refused.code, Some(5), "it wins over every rule: {}", refused.stderr);
    let dry = alice.ok(&["post", "x", "--dry-run"]);
    assert_eq!(
        (&dry["left_out"][0]["name"], &dry["left_out"][0]["why"]),
        (&"Bob".into(), &"chats only".into())
    );
    assert_eq!(alice.ok(&["friend", "chats-only", "Bob", "--off"])["friend"]["chats_only"], false);
    wait_moment(bob, &before);
    assert_eq!(alice.cli(&["friend", "chats-only", "nobody"]).code, Some(4));
}

// Point 19.
#[test]
fn an_old_moment_is_made_private_and_public_again_with_its_picture_and_its_thread() {
    let nodes = friends(&["Alice", "Bob", "Carol"]);
    let (alice, bob, carol) = (&nodes[0], &nodes[1], &nodes[2]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 7, 640, 480).display().to_string();
    let old = post(alice, &["a hill", "--photo", &file]);
    let blob = wait_moment(bob, &old)["photos"][0]["id"].as_str().expect("a photo").to_owned();
    bob.wait(&format!("/moments/{old}"), "the picture", |_| {
        bob.try_bytes(&format!("/blobs/{blob}")).map(|_| ())
    });
    bob.ok(&["comment", &old, "well seen"]);
    wait_for(carol, &old, "the comment", |moment| {
        moment["comments"].as_array().is_some_and(|all| all.len() == 1)
    });
    let dry = alice.ok(&["audience", &old, "--except", "Bob", "--dry-run"]);
    assert_eq!((names(&dry["taken_from"]), names(&dry["people"])), (vec!["Bob"], vec!["Carol"]));
    let changed = alice.ok(&["audience", &old, "--private"]);
    assert_eq!(id(&changed), old);
    assert_eq!(changed["audience"]["rule"], "private");
    assert_eq!((names(&changed["taken_from"]), names(&changed["given_to"])), (vec!["Bob", "Carol"], vec![]));
    for node in [bob, carol] {
        wait_gone(node, &old);
        assert_eq!(node.cli(&["show", &old]).code, Some(4));
        assert_eq!(node.cli(&["blob", &blob]).code, Some(4), "its picture is not served any more");
    }
    assert_eq!(alice.ok(&["who", &old])["people"], Value::Array(vec![]));
    let changed = alice.ok(&["audience", &old, "--to", "Bob"]);
    assert_eq!(names(&changed["given_to"]), ["Bob"]);
    let back = wait_moment(bob, &old);
    assert_eq!(back["comments"][0]["text"], "well seen", "its thread is there again");
    assert_eq!(texts(&alice.ok(&["timeline", "--as", "Bob"])), set(&["a hill"]));
    assert!(texts(&alice.ok(&["timeline", "--as", "Carol"])).is_empty());
    assert!(timeline(carol).is_empty());
    alice.ok(&["audience", &old, "--everyone"]);
    wait_moment(carol, &old);
    carol.wait(&format!("/moments/{old}"), "the picture", |_| {
        carol.try_bytes(&format!("/blobs/{blob}")).map(|_| ())
    });
    for (node, arguments, code) in [
        (alice, &["audience", &old][..], 2),
        (alice, &["audience", &old, "--everyone", "--private"], 2),
        (alice, &["audience", &old, "--to", "nobody"], 4),
        (alice, &["audience", "0000", "--private"], 4),
        (bob, &["audience", &old, "--private"], 5),
    ] {
        assert_eq!(node.cli(arguments).code, Some(code), "{} {arguments:?}", node.name);
    }
}
