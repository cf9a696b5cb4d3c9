//! Friends who come, go and come back: points 11 and 18, blocking and introducing.

use serde_json::Value;

use crate::support::moments::{friends, post, wait_for, wait_gone, wait_moment};
use crate::support::{Node, wait_connected};

fn texts(node: &Node) -> Vec<String> {
    let page = node.get("/timeline?limit=100");
    let moments = page["moments"].as_array().expect("moments");
    moments.iter().filter_map(|moment| moment["text"].as_str().map(str::to_owned)).collect()
}

fn names(list: &Value) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
}

fn comments(moment: &Value) -> Vec<String> {
    let list = moment["comments"].as_array().expect("a list");
    list.iter().filter_map(|one| one["text"].as_str().map(str::to_owned)).collect()
}

fn befriend_again(inviter: &Node, accepter: &Node) {
    let invite = inviter.ok(&["invite", "--auto-confirm", "--name", &accepter.name]);
    let link = invite["link"].as_str().expect("a link");
    let accepted = accepter.ok(&["accept", link, "--name", &inviter.name]);
    assert_eq!(accepted["state"], "friends", "{accepted:#}");
    wait_connected(inviter, accepter);
}

/// Waits for a request of this name, and gives it.
fn wait_request(node: &Node, name: &str) -> Value {
    let (request, _) = node.wait("/requests", &format!("a request of {name}"), |page| {
        page["requests"].as_array()?.iter().find(|request| request["name"] == name).cloned()
    });
    request
}

// Point 18.
#[test]
fn whom_i_unfriend_leaves_my_view_my_replies_stay_and_pairing_again_brings_all_back() {
    let nodes = friends(&["Alice", "Bob", "Carol"]);
    let (alice, bob, carol) = (&nodes[0], &nodes[1], &nodes[2]);
    let hers = post(alice, &["Alice's"]);
    let his = post(bob, &["Bob's"]);
    wait_moment(bob, &hers);
    wait_moment(alice, &his);
    bob.ok(&["like", &hers]);
    let said = bob.ok(&["comment", &hers, "Bob says"]);
    wait_for(alice, &hers, "Bob's comment", |moment| comments(moment) == ["Bob says"]);
    alice.ok(&["comment", &hers, "Alice replies", "--reply-to", said["id"].as_str().expect("an id")]);
    wait_for(bob, &hers, "the reply", |moment| comments(moment).len() == 2);
    wait_for(carol, &hers, "both", |moment| {
        comments(moment).len() == 2 && names(&moment["likes"]) == ["Bob"]
    });
    wait_moment(carol, &his);

    alice.ok(&["friend", "remove", "Bob"]);
    wait_gone(alice, &his);
    let seen = alice.ok(&["show", &hers]);
    assert_eq!((names(&seen["likes"]).len(), comments(&seen)), (0, vec!["Alice replies".to_owned()]));
    // Nobody is told: not Bob, nor Carol.
    let seen = bob.ok(&["show", &hers]);
    assert_eq!((names(&seen["likes"]), comments(&seen).len()), (vec!["Bob".to_owned()], 2));
    assert_eq!(names(&bob.ok(&["friends"])["friends"]), ["Alice", "Carol"]);
    assert_eq!(comments(&carol.ok(&["show", &hers])), ["Bob says", "Alice replies"]);
    // Apart. What Carol gets after it has come the same way.
    let apart = post(alice, &["Alice apart"]);
    let bobs_apart = post(bob, &["Bob apart"]);
    wait_moment(carol, &apart);
    wait_moment(carol, &bobs_apart);
    assert!(
        !texts(bob).contains(&"Alice apart".to_owned()) && !texts(alice).contains(&"Bob apart".to_owned())
    );

    // Bob still has Alice among his friends; her invite brings them together all the same.
    befriend_again(alice, bob);
    wait_moment(alice, &bobs_apart);
    let seen = alice.ok(&["show", &hers]);
    assert_eq!(names(&seen["likes"]), ["Bob"]);
    assert_eq!(comments(&seen), ["Bob says", "Alice replies"]);
    wait_moment(alice, &his);
    let again = post(alice, &["Alice again"]);
    wait_moment(bob, &again);
    assert!(texts(bob).contains(&"Alice's".to_owned()));
    assert!(!texts(bob).contains(&"Alice apart".to_owned()), "what was written apart is not granted");
}

#[test]
fn a_blocked_friend_does_not_reach_me_and_is_back_with_tags_once_unblocked() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let his = post(bob, &["Bob's"]);
    wait_moment(alice, &his);
    alice.ok(&["tag", "add", "kin", "Bob"]);
    let blocked = alice.ok(&["friend", "block", "Bob"]);
    assert_eq!((&blocked["ok"], &blocked["friend"]["blocked"]), (&Value::Bool(true), &Value::Bool(true)));
    wait_gone(alice, &his);
    let list = alice.ok(&["friends"]);
    assert_eq!((names(&list["friends"]).len(), names(&list["blocked"])), (0, vec!["Bob".to_owned()]));
    assert_eq!(list["blocked"][0]["id"], bob.user().as_str());
    assert_eq!(alice.ok(&["friend", "show", "Bob"])["blocked"], true);
    assert_eq!(names(&bob.ok(&["friends"])["friends"]), ["Alice"], "nobody is told");
    let meanwhile = post(alice, &["meanwhile"]);
    // A link of Alice's does not open to Bob, and is not used up by trying.
    let invite = alice.ok(&["invite", "--auto-confirm"]);
    let refused = bob.cli(&["accept", invite["link"].as_str().expect("a link")]);
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);
    assert_eq!(names(&alice.ok(&["requests"])["requests"]).len(), 0);
    assert_eq!(alice.cli(&["friend", "unblock", "Nobody"]).code, Some(4));

    let back = alice.ok(&["friend", "unblock", "Bob"]);
    assert_eq!(back["friend"]["tags"][0], "kin");
    wait_connected(alice, bob);
    wait_moment(alice, &his);
    let after = post(alice, &["after", "--to", "kin"]);
    wait_moment(bob, &after);
    assert!(!texts(bob).contains(&"meanwhile".to_owned()));
    assert_ne!(meanwhile, after);
    assert!(alice.ok(&["friends"])["blocked"].as_array().expect("a list").is_empty());
}

#[test]
fn two_friends_who_are_introduced_become_friends_once_both_say_yes() {
    let nodes: Vec<Node> = ["Alice", "Bob", "Carol"].iter().map(|name| Node::started(name)).collect();
    let (alice, bob, carol) = (&nodes[0], &nodes[1], &nodes[2]);
    for other in [alice, bob] {
        crate::support::befriend(carol, other);
        wait_connected(carol, other);
    }
    assert_eq!(carol.cli(&["introduce", "Alice", "Alice"]).code, Some(5));
    assert_eq!(carol.cli(&["introduce", "Alice", "Nobody"]).code, Some(4));
    let introduced = carol.ok(&["introduce", "Alice", "Bob"]);
    assert_eq!(names(&introduced["people"]), ["Alice", "Bob"]);
    assert_eq!(carol.cli(&["introduce", "Bob", "Alice"]).error_code(), "introduced_already");
    for (node, other) in [(alice, "Bob"), (bob, "Alice")] {
        let request = wait_request(node, other);
        assert_eq!((&request["via"], &request["by"]["name"]), (&"introduction".into(), &"Carol".into()));
    }
    alice.ok(&["confirm", "Bob"]);
    assert_eq!(wait_request(alice, "Bob")["confirmed"], true);
    assert_eq!(names(&alice.ok(&["friends"])["friends"]), ["Carol"], "one yes is not two");
    bob.ok(&["confirm", "Alice"]);
    wait_connected(alice, bob);
    let friend = alice.ok(&["friend", "show", "Bob"]);
    assert_eq!(
        (&friend["introduced_by"]["name"], &friend["verified"]),
        (&"Carol".into(), &Value::Bool(false))
    );
    let words = |node: &Node, of: &str| node.ok(&["friend", "verify", of])["words"].clone();
    assert_eq!(words(alice, "Bob"), words(bob, "Alice"));
    let id = post(alice, &["to a new friend"]);
    wait_moment(bob, &id);
    assert!(names(&alice.ok(&["requests"])["requests"]).is_empty());
}

/// Redeems an invite that its inviter has still to say yes to; the command returns once they have.
fn knock(inviter: &Node, guest: &Node) -> std::thread::JoinHandle<Value> {
    let invite = inviter.ok(&["invite", "--name", &guest.name]);
    let link = invite["link"].as_str().expect("a link").to_owned();
    let (hand, name) = (guest.hand(), inviter.name.clone());
    std::thread::spawn(move || hand.cli(&["accept", &link, "--name", &name]).json)
}

// Point 11.
#[test]
fn a_stranger_sees_ten_moments_for_everyone_if_i_like_and_none_by_default() {
    let (alice, bob, carol) = (Node::started("Alice"), Node::started("Bob"), Node::started("Carol"));
    alice.ok(&["privacy", "--strangers", "10"]);
    for n in 0..12 {
        post(&alice, &[&format!("Alice {n}")]);
    }
    post(&alice, &["Not for strangers", "--private"]);
    post(&bob, &["Bob keeps to himself"]);

    let waiting = knock(&alice, &bob);
    bob.wait("/requests", "ten moments of Alice", |page| {
        let requests = page["requests"].as_array()?;
        requests.iter().any(|one| one["name"] == "Alice" && one["moments"] == 10).then_some(())
    });
    let shown = bob.ok(&["request", "show", "Alice"]);
    let shown: Vec<&str> =
        shown["moments"].as_array().expect("moments").iter().filter_map(|one| one["text"].as_str()).collect();
    let newest: Vec<String> = (2..12).rev().map(|n| format!("Alice {n}")).collect();
    assert_eq!(shown, newest, "the ten newest for everyone, and no other");
    assert_eq!(texts(&bob), ["Bob keeps to himself"], "they are in no timeline of his");
    // Bob shows none, as nobody does who has not said so.
    let request = wait_request(&alice, "Bob");
    assert_eq!(request["moments"], 0, "{request:#}");
    assert!(alice.ok(&["request", "show", "Bob"])["moments"].as_array().expect("a list").is_empty());
    // Who would see the next one counts the stranger, unless it is for some only.
    assert_eq!(alice.ok(&["post", "Next", "--dry-run"])["strangers"], 1);
    assert_eq!(alice.ok(&["post", "Next", "--private", "--dry-run"])["strangers"], 0);

    alice.ok(&["confirm", "Bob"]);
    let accepted = waiting.join().expect("the command ends");
    assert_eq!(accepted["state"], "friends", "{accepted:#}");
    bob.wait("/timeline?limit=100", "all of Alice's for a friend", |page| {
        (page["moments"].as_array()?.len() == 13).then_some(())
    });

    // Somebody who is turned away keeps nothing of it.
    let waiting = knock(&alice, &carol);
    carol.wait("/requests", "Alice's moments", |page| {
        page["requests"].as_array()?.iter().any(|one| one["moments"] == 10).then_some(())
    });
    alice.ok(&["decline", "Carol"]);
    carol.wait("/requests", "the end of it", |page| page["requests"].as_array()?.is_empty().then_some(()));
    assert_eq!(carol.cli(&["request", "show", "Alice"]).code, Some(4));
    assert!(texts(&carol).is_empty());
    drop(waiting.join());
}
