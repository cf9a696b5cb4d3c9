//! What is said beneath a moment: points 14 to 18 and 22.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::moments::{friends, id, post, wait_for, wait_moment};
use crate::support::node::program;
use crate::support::{Node, PATIENCE, befriend, until, wait_connected};

/// The names of those who like a moment.
fn likes(moment: &Value) -> Vec<&str> {
    moment["likes"].as_array().into_iter().flatten().filter_map(|person| person["name"].as_str()).collect()
}

/// What stands beneath a moment.
fn comments(moment: &Value) -> Vec<&str> {
    moment["comments"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|comment| comment["text"].as_str())
        .collect()
}

fn show(node: &Node, id: &str) -> Value {
    node.ok(&["show", id])
}

/// Waits until exactly these comments stand beneath a moment for somebody.
fn wait_comments(node: &Node, id: &str, texts: &[&str]) -> Value {
    wait_for(node, id, &format!("the comments {texts:?}"), |moment| comments(moment) == texts)
}

/// Exit code and error code of a command that is refused.
fn refused(node: &Node, arguments: &[&str]) -> (Option<i32>, String) {
    let run = node.cli(arguments);
    (run.code, run.error_code())
}

// Point 14.
#[test]
fn a_like_shows_once_for_both_and_is_taken_back() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let moment = post(alice, &["a hill"]);
    wait_moment(bob, &moment);
    for _ in 0..2 {
        assert_eq!(bob.ok(&["like", &moment[..12]]), json!({"ok": true, "id": moment}));
    }
    let seen = wait_for(alice, &moment, "Bob's like", |moment| likes(moment) == ["Bob"]);
    assert_eq!((&seen["likes"][0]["id"], &seen["liked_by_me"]), (&json!(bob.user()), &json!(false)));
    assert_eq!(show(bob, &moment)["liked_by_me"], true);
    alice.ok(&["like", &moment]);
    wait_for(bob, &moment, "both likes", |moment| likes(moment).len() == 2);
    assert_eq!(bob.ok(&["unlike", &moment]), json!({"ok": true, "id": moment}));
    assert_eq!(show(bob, &moment)["liked_by_me"], false);
    wait_for(alice, &moment, "Alice's like alone", |moment| likes(moment) == ["Alice"]);
    for verb in ["like", "unlike"] {
        assert_eq!(refused(bob, &[verb, "0123456789abcdef"]), (Some(4), "no_such_moment".to_owned()));
    }
}

// Point 15.
#[test]
fn a_comment_is_answered_withdrawn_and_its_answer_stays() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let moment = post(alice, &["a hill"]);
    wait_moment(bob, &moment);
    let comment = bob.ok(&["comment", &moment, "steep"]);
    assert_eq!((&comment["text"], &comment["reply_to"]), (&json!("steep"), &Value::Null));
    assert_eq!(comment["author"], json!({"id": bob.user(), "name": "Bob"}));
    assert!(comment["created_at"].as_str().is_some_and(|at| at.ends_with('Z')));
    let steep = id(&comment);
    wait_comments(alice, &moment, &["steep"]);
    let reply = alice.ok(&["comment", &moment, "very", "--reply-to", &steep[..8].to_uppercase()]);
    assert_eq!(reply["reply_to"], steep.as_str());
    let seen = wait_comments(bob, &moment, &["steep", "very"]);
    assert_eq!(seen["comments"][1]["reply_to"], steep.as_str());
    // What can be said, and what is refused.
    let most = "x".repeat(2_048);
    bob.ok(&["comment", &moment, &most]);
    for (arguments, code) in [
        (vec!["comment", &moment, &format!("{most}x")], (Some(5), "too_long")),
        (vec!["comment", &moment, "  "], (Some(2), "empty")),
        (vec!["comment", &moment, "x", "--reply-to", "0123456789"], (Some(4), "no_such_comment")),
        (vec!["comment", "0123456789", "x"], (Some(4), "no_such_moment")),
        (vec!["delete", &id(&reply)], (Some(5), "not_yours")),
    ] {
        assert_eq!(refused(bob, &arguments), (code.0, code.1.to_owned()), "{}", arguments[0]);
    }
    assert_eq!(bob.ok(&["delete", &steep]), json!({"ok": true, "id": steep}));
    let left = wait_comments(alice, &moment, &["very", &most]);
    assert_eq!(left["comments"][0]["reply_to"], steep.as_str(), "the answer stays and says what it answered");
    assert_eq!(refused(bob, &["delete", &steep]), (Some(4), "no_such_moment".to_owned()));
}

// Point 16.
#[test]
fn readers_see_what_their_own_friends_said_and_the_author_sees_all() {
    let nodes: Vec<Node> = ["Alice", "Bob", "Carol", "Dave"].iter().map(|name| Node::started(name)).collect();
    let [alice, bob, carol, dave] = [0, 1, 2, 3].map(|at| &nodes[at]);
    // Alice knows all; Bob and Carol know each other; Dave knows only Alice.
    for (a, b) in [(alice, bob), (alice, carol), (alice, dave), (bob, carol)] {
        befriend(a, b);
        wait_connected(a, b);
    }
    let moment = post(alice, &["a hill"]);
    for node in [bob, carol, dave] {
        wait_moment(node, &moment);
    }
    bob.ok(&["like", &moment]);
    let steep = id(&bob.ok(&["comment", &moment, "steep"]));
    wait_comments(carol, &moment, &["steep"]);
    carol.ok(&["comment", &moment, "very", "--reply-to", &steep]);
    wait_comments(alice, &moment, &["steep", "very"]);
    dave.ok(&["comment", &moment, "green"]);
    let all = wait_comments(alice, &moment, &["steep", "very", "green"]);
    assert_eq!(likes(&all), ["Bob"]);
    // What Alice says last comes the same way to everybody: nothing more is under way.
    alice.ok(&["comment", &moment, "done"]);
    assert_eq!(likes(&wait_comments(bob, &moment, &["steep", "very", "done"])), ["Bob"]);
    assert_eq!(likes(&wait_comments(carol, &moment, &["steep", "very", "done"])), ["Bob"]);
    let daves = wait_comments(dave, &moment, &["green", "done"]);
    assert!(likes(&daves).is_empty(), "Dave does not know Bob");
    for node in [bob, carol, dave] {
        let moment = show(node, &moment);
        assert!(moment.get("audience").is_none() && moment.get("delivery").is_none());
    }
}

// Point 17.
#[test]
fn the_author_takes_a_comment_away_for_all_and_its_writer_can_tell() {
    let mut nodes = friends(&["Alice", "Bob", "Carol"]);
    let moment = post(&nodes[0], &["a hill"]);
    wait_moment(&nodes[1], &moment);
    let rude = id(&nodes[1].ok(&["comment", &moment, "rude"]));
    let kind = id(&nodes[1].ok(&["comment", &moment, "kind"]));
    for node in [&nodes[0], &nodes[2]] {
        wait_comments(node, &moment, &["rude", "kind"]);
    }
    assert_eq!(refused(&nodes[2], &["hide", &rude]), (Some(5), "not_your_moment".to_owned()));
    assert_eq!(refused(&nodes[0], &["hide", "0123456789"]), (Some(4), "no_such_moment".to_owned()));
    assert_eq!(nodes[0].ok(&["hide", &rude[..10]]), json!({"ok": true, "id": rude}));
    assert_eq!(comments(&show(&nodes[0], &moment)), ["kind"]);
    wait_comments(&nodes[2], &moment, &["kind"]);
    let is_marked =
        |moment: &Value| moment["comments"][0]["hidden"] == true && moment["comments"][0]["id"] == *rude;
    let bobs = wait_for(&nodes[1], &moment, "the mark on what was taken away", is_marked);
    assert_eq!(comments(&bobs), ["rude", "kind"]);
    assert!(bobs["comments"][1].get("hidden").is_none(), "it is there only on what was taken away");
    let text = Command::new(program()).args(["show", &moment]).env("TIDINGS_HOME", nodes[1].home()).output();
    let text = String::from_utf8(text.expect("it runs").stdout).expect("text");
    assert!(text.contains("rude  (removed by Alice)"), "{text}");
    let told = nodes[1].wait("/notices", "the notice of it", |page| {
        page["notices"].as_array()?.iter().find(|notice| notice["kind"] == "hidden").cloned()
    });
    assert_eq!((&told.0["comment"], &told.0["from"]["name"]), (&json!(rude), &json!("Alice")));
    // It stays so after a restart, and for whoever was away.
    nodes[2].stop();
    nodes[0].ok(&["hide", &kind]);
    for at in [1, 2] {
        if at == 1 {
            nodes[1].stop();
        }
        nodes[at].start();
    }
    wait_comments(&nodes[2], &moment, &[]);
    wait_for(&nodes[1], &moment, "both marks", |moment| {
        moment["comments"]
            .as_array()
            .is_some_and(|all| all.len() == 2 && all.iter().all(|c| c["hidden"] == true))
    });
}

/// Events of `watch` that wait to be looked at.
const EVENTS: usize = 1_000;

/// What `watch` tells.
fn watched(node: &Node) -> mpsc::Receiver<Value> {
    let mut watch = Command::new(program())
        .args(["--json", "watch"])
        .env("TIDINGS_HOME", node.home())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(watch.stdout.take().expect("piped")).lines();
    let (found, told) = mpsc::sync_channel(EVENTS);
    std::thread::spawn(move || {
        let events = lines.map_while(Result::ok).filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        for event in events {
            if found.send(event).is_err() {
                break;
            }
        }
        // It may have ended with its node.
        let _ = watch.kill();
        let _ = watch.wait();
    });
    told
}

fn unread(node: &Node) -> Value {
    node.ok(&["notices"])["unread"].clone()
}

// Point 22.
#[test]
fn what_concerns_me_is_counted_until_it_is_read_and_a_muted_moment_is_quiet() {
    let mut nodes = friends(&["Alice", "Bob", "Carol"]);
    let moment = post(&nodes[0], &["a hill"]);
    for at in [1, 2] {
        wait_moment(&nodes[at], &moment);
    }
    nodes[1].ok(&["like", &moment]);
    let steep = id(&nodes[1].ok(&["comment", &moment, "steep"]));
    let mention = post(&nodes[1], &["with Alice", "--mention", "Alice"]);
    wait_comments(&nodes[2], &moment, &["steep"]);
    let (page, _) =
        nodes[0].wait("/notices", "three notices", |page| (page["unread"] == 3).then(|| page.clone()));
    let mut told: Vec<(&str, &Value, &Value, &str)> = page["notices"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|n| {
            (
                n["kind"].as_str().expect("a kind"),
                &n["moment"],
                &n["comment"],
                n["text"].as_str().expect("text"),
            )
        })
        .collect();
    told.sort_by_key(|notice| notice.0);
    let (on, by, of) = (json!(moment), json!(steep), json!(mention));
    assert_eq!(
        told,
        [
            ("comment", &on, &by, "steep"),
            ("like", &on, &Value::Null, ""),
            ("mention", &of, &Value::Null, "with Alice"),
        ]
    );
    assert_eq!(page["notices"][0]["from"], json!({"id": nodes[1].user(), "name": "Bob"}));
    // Nobody hears what is said to others.
    assert_eq!((unread(&nodes[1]), unread(&nodes[2])), (json!(0), json!(0)));
    let read = nodes[0].ok(&["notices", "--mark-read"]);
    assert_eq!(read["unread"], 0);
    assert!(
        read["notices"].as_array().is_some_and(|all| all.len() == 3 && all.iter().all(|n| n["read"] == true))
    );
    nodes[0].kill();
    nodes[0].start();
    assert_eq!(unread(&nodes[0]), 0, "the mark is on the disk before it is said");
    let events = watched(&nodes[0]);
    let listens = until(PATIENCE, Duration::ZERO, || {
        nodes[0].ok(&["like", &moment]);
        nodes[0].ok(&["unlike", &moment]);
        events.recv_timeout(Duration::from_millis(200)).ok()
    });
    assert!(listens.is_some(), "watch tells nothing");
    // A muted moment: what is said is there, and is not told.
    assert_eq!(nodes[0].ok(&["mute", &moment[..8]]), json!({"ok": true, "id": moment}));
    assert_eq!(show(&nodes[0], &moment)["muted"], true);
    nodes[1].ok(&["comment", &moment, "quiet"]);
    wait_comments(&nodes[0], &moment, &["steep", "quiet"]);
    assert_eq!(unread(&nodes[0]), 0);
    nodes[0].ok(&["unmute", &moment]);
    nodes[0].ok(&["mute", "@Carol"]);
    nodes[2].ok(&["comment", &moment, "me too"]);
    wait_comments(&nodes[0], &moment, &["steep", "quiet", "me too"]);
    nodes[1].ok(&["comment", &moment, "loud"]);
    nodes[0].wait("/notices", "one notice again", |page| (page["unread"] == 1).then_some(()));
    let loud = until(PATIENCE, Duration::ZERO, || {
        events.recv_timeout(PATIENCE).ok().filter(|event| event["notice"]["text"] == "loud")
    });
    let loud = loud.expect("watch tells of it");
    assert_eq!(loud["event"], "notice");
    assert_eq!((&loud["unread"], &loud["notice"]["kind"]), (&json!(1), &json!("comment")));
    assert_eq!(refused(&nodes[0], &["mute", "nobody"]), (Some(4), "no_such_moment".to_owned()));
    assert_eq!(refused(&nodes[0], &["notices", "--limit", "5001"]), (Some(5), "page_limit".to_owned()));
}
