//! Links, places, mentions, statuses, profile pictures: points 5, 6, 7, 23 (cover), 25 and 26 (article).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::moments::{friends, id, post, wait_for, wait_moment};
use crate::support::{Node, photo};

/// A web server on loopback that gives each path its answer and counts who asks for what.
struct Site {
    address: String,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Site {
    /// Serves these paths: status and headers, body.
    fn new(pages: Vec<(&str, &str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(BTreeMap::new()));
        let pages: BTreeMap<String, (String, Vec<u8>)> =
            pages.into_iter().map(|(path, head, body)| (path.to_owned(), (head.to_owned(), body))).collect();
        let counts = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let path = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
                // The rest of the question, up to its empty line.
                let _ = lines.take_while(|line| !line.is_empty()).count();
                *counts.lock().expect("counts").entry(path.clone()).or_insert(0) += 1;
                let missing = ("404 Not Found".to_owned(), Vec::new());
                let (head, body) = pages.get(&path).unwrap_or(&missing);
                let head =
                    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                // Whoever asked may have heard enough.
                let _ = stream.write_all(&[head.as_bytes(), body].concat());
            }
        });
        Self { address, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn asked(&self) -> BTreeMap<String, usize> {
        self.asked.lock().expect("counts").clone()
    }
}

const HTML: &str = "200 OK\r\nContent-Type: text/html; charset=utf-8";

/// Lets a node fetch from this machine, as no node does by itself.
fn allow_private(node: &Node) {
    let path = node.home().join("config.toml");
    let text = std::fs::read_to_string(&path).expect("the config of the first run");
    let text = text.replace("# allow_private = false", "allow_private = true");
    assert!(text.contains("\nallow_private = true"), "the config explains the key");
    std::fs::write(&path, text).expect("the config is written");
}

/// Waits until a blob is with a node, and gives its bytes.
fn wait_blob(node: &Node, id: &Value) -> Vec<u8> {
    let id = id.as_str().expect("an id");
    let path = node.beside(&format!("blob-{}", &id[..8]));
    let path = path.to_str().expect("a path").to_owned();
    node.ok(&["blob", id, "-o", &path]);
    std::fs::read(path).expect("the blob")
}

// Points 5 and 26.
#[test]
fn a_link_becomes_a_card_that_its_author_alone_has_fetched() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let picture = photo::write(alice.home(), 1, 900, 500);
    let picture = std::fs::read(picture).expect("the picture");
    let article = "<html><head><title>own title</title><meta property='og:title' content='Caf&eacute; &amp; more'>\
        <meta property='og:description' content='An article about coffee'>\
        <meta property='og:site_name' content='The Paper'><meta property='og:image' content='/pic.jpg'></head>\
        <script src='/never.js'></script><img src='/never.png'></html>";
    let site = Site::new(vec![
        ("/article", HTML, article.into()),
        ("/pic.jpg", "200 OK\r\nContent-Type: image/jpeg", picture),
        ("/short", "302 Found\r\nLocation: /article", Vec::new()),
        ("/bare", HTML, b"<title>Just a title</title>".to_vec()),
    ]);

    // Nothing is fetched from a private address, and nothing is posted.
    let refused = alice.cli(&["post", "look", "--link", &site.url("/article")]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(5), "private_address"));
    for bad in ["javascript:alert(1)", "ftp://example.org/x", "https://ada:secret@example.org/"] {
        assert_eq!(alice.cli(&["post", "look", "--link", bad]).code, Some(2), "{bad}");
    }
    let long = format!("https://example.org/{}", "x".repeat(2_048));
    assert_eq!(alice.cli(&["post", "look", "--link", &long]).code, Some(5));
    assert!(site.asked().is_empty() && alice.timeline().is_empty());

    allow_private(alice);
    let moment = alice.ok(&["post", "look", "--link", &site.url("/short")]);
    assert_eq!(moment["link"]["title"], "Café & more");
    assert!(moment.get("warnings").is_none(), "{moment:#}");
    let asked = site.asked();
    let expected = [("/article", 1), ("/pic.jpg", 1), ("/short", 1)].map(|(path, n)| (path.to_owned(), n));
    assert_eq!(asked, BTreeMap::from(expected.clone()), "once each, and nothing else");

    let seen = wait_moment(bob, &id(&moment));
    let link = &seen["link"];
    assert_eq!(link["url"], site.url("/short").as_str());
    assert_eq!(link["title"], "Café & more");
    assert_eq!(
        (&link["description"], &link["site"]),
        (&"An article about coffee".into(), &"The Paper".into())
    );
    assert_eq!(seen["photos"], serde_json::json!([]), "the card's picture is no photo of the moment");
    assert!(link["thumbhash"].as_str().is_some_and(|hash| !hash.is_empty()));
    let bytes = wait_blob(bob, &link["image"]);
    let shown = image::load_from_memory(&bytes).expect("a picture");
    assert_eq!((shown.width(), shown.height()), (900, 500));
    assert!(photo::metadata(&bytes).is_empty() && photo::traces(&bytes).is_empty());
    assert!(!wait_blob(bob, &link["preview"]).is_empty());

    // A page that is not there does not cost the moment: its card is bare.
    let lost = alice.cli(&["post", "gone", "--link", &site.url("/nowhere")]);
    assert_eq!(lost.code, Some(0), "{}", lost.stderr);
    assert!(lost.stderr.contains("warning") && lost.stderr.contains("404"), "{}", lost.stderr);
    let seen = wait_moment(bob, &id(&lost.json));
    assert_eq!((&seen["link"]["title"], &seen["link"]["image"]), (&"".into(), &Value::Null));
    assert_eq!(seen["link"]["site"], "127.0.0.1");
    let only = post(alice, &["--link", &site.url("/bare")]);
    assert_eq!(wait_moment(bob, &only)["link"]["title"], "Just a title");
    let fetched: usize = site.asked().values().sum();
    assert_eq!(fetched, 5, "Bob's node has asked for nothing: {:?}", site.asked());
}

// Point 6.
#[test]
fn a_place_is_told_as_exactly_as_asked_and_never_more() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let place = |arguments: &[&str]| -> Value {
        let id = post(alice, &[&["here"], arguments].concat());
        wait_moment(bob, &id)["place"].clone()
    };
    let lisbon = "Lisbon@38.7169453,-9.1426871";
    for (arguments, lat, lon, precision) in [
        (vec!["--precision", "exact"], 38.716_945, -9.142_687, "exact"),
        (vec!["--precision", "area"], 38.72, -9.14, "area"),
        (vec![], 38.72, -9.14, "area"),
        (vec!["--precision", "city"], 38.7, -9.1, "city"),
    ] {
        let there = place(&[&["--place", lisbon], &arguments[..]].concat());
        let expected = serde_json::json!({"name": "Lisbon", "lat": lat, "lon": lon, "precision": precision});
        assert_eq!(there, expected);
    }
    assert_eq!(place(&["--place", "the lake"])["lat"], Value::Null);
    assert_eq!(place(&["--place", "@-90,180"])["lon"], 180.0);
    for bad in ["x@90.1,0", "x@0,180.1", "x@NaN,0", "x@1", ""] {
        assert_eq!(alice.cli(&["post", "here", "--place", bad]).code, Some(2), "{bad}");
    }
    let name = "x".repeat(200);
    assert_eq!(place(&["--place", &name])["name"], name.as_str());
    assert_eq!(alice.cli(&["post", "here", "--place", &format!("{name}x")]).code, Some(5));
    // And how it felt.
    let id = post(alice, &["--mood", "at ease", "--mood-emoji", "\u{1f60c}"]);
    let expected = serde_json::json!({"emoji": "\u{1f60c}", "text": "at ease"});
    assert_eq!(wait_moment(bob, &id)["mood"], expected);
    assert_eq!(alice.cli(&["post", "x", "--mood", &"x".repeat(201)]).code, Some(5));
    assert_eq!(alice.cli(&["post", "x", "--mood", ""]).code, Some(2));
}

// Point 7.
#[test]
fn a_mention_reaches_only_people_in_the_audience_and_each_sees_only_itself() {
    let nodes = friends(&["Alice", "Bob", "Carol"]);
    let (alice, bob, carol) = (&nodes[0], &nodes[1], &nodes[2]);
    let refused = alice.cli(&["post", "psst", "--mention", "Carol", "--except", "Carol"]);
    assert_eq!((refused.code, refused.error_code().as_str()), (Some(5), "mention_outside"));
    assert_eq!(alice.cli(&["post", "psst", "--mention", "Nobody"]).code, Some(4));
    let both = alice.ok(&["post", "hello you two", "--mention", "Bob", "--mention", "Carol"]);
    let names = |moment: &Value| -> Vec<String> {
        let people = moment["mentions"].as_array().expect("a list");
        people.iter().map(|person| person["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let id = id(&both);
    assert_eq!(names(&both).len(), 2);
    assert_eq!(names(&wait_moment(bob, &id)), [bob.user()]);
    assert_eq!(names(&wait_moment(carol, &id)), [carol.user()]);
    let one = post(alice, &["hello you", "--mention", "Bob"]);
    assert_eq!(names(&wait_moment(bob, &one)), [bob.user()]);
    assert!(names(&wait_moment(carol, &one)).is_empty());
}

fn friend(node: &Node, of: &Node, what: &str, look: impl Fn(&Value) -> bool) -> Value {
    let user = of.user();
    node.wait(&format!("/friends/{user}"), what, |friend| look(friend).then(|| friend.clone())).0
}

// Points 23 (cover) and 25.
#[test]
fn a_status_and_profile_pictures_reach_friends_and_go_when_they_are_taken_back() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let set = alice.ok(&["status-set", "on a walk", "--emoji", "\u{1f6b6}"]);
    assert_eq!((&set["ok"], &set["status"]["text"]), (&true.into(), &"on a walk".into()));
    let seen = friend(bob, alice, "the status", |friend| !friend["status"].is_null());
    assert_eq!(seen["status"], set["status"]);
    // A day: neither today nor the day after tomorrow.
    let until = seen["status"]["until"].as_str().expect("a time");
    let moment = alice.ok(&["post", "a moment"]);
    let now = moment["created_at"].as_str().expect("a time");
    assert!(until > now && until[..10] != now[..10], "{until} is a day after {now}");
    wait_moment(bob, &id(&moment));
    assert_eq!(bob.timeline(), [id(&moment)], "a status is no moment");
    assert_eq!(alice.ok(&["whoami"])["status"]["emoji"], "\u{1f6b6}");
    for (arguments, code) in [
        (vec!["status-set", "x", "--for", "8d"], 5),
        (vec!["status-set", "x", "--for", "soon"], 2),
        (vec!["status-set", ""], 2),
        (vec!["status-set"], 2),
    ] {
        assert_eq!(alice.cli(&arguments).code, Some(code), "{arguments:?}");
    }
    assert_eq!(alice.cli(&["status-set", &"x".repeat(201)]).code, Some(5));
    alice.ok(&["status-set", "back home", "--for", "2h"]);
    friend(bob, alice, "the next status", |friend| friend["status"]["text"] == "back home");
    alice.ok(&["status-set", "--clear"]);
    friend(bob, alice, "no status", |friend| friend["status"].is_null());
    assert_eq!(alice.ok(&["profile"])["status"], Value::Null);

    let face = photo::write(alice.home(), 3, 900, 700);
    let wide = photo::write(alice.home(), 4, 2_000, 800);
    let (face, wide) = (face.to_str().expect("a path"), wide.to_str().expect("a path"));
    let mine = alice.ok(&["profile", "--about", "gone fishing", "--avatar", face, "--cover", wide]);
    let seen = friend(bob, alice, "both pictures", |friend| friend["cover"] == mine["cover"]);
    assert_eq!((&seen["avatar"], &seen["about"]), (&mine["avatar"], &"gone fishing".into()));
    for (id, size) in [(&seen["avatar"], (512, 512)), (&seen["cover"], (1_600, 640))] {
        let bytes = wait_blob(bob, id);
        let shown = image::load_from_memory(&bytes).expect("a picture");
        assert_eq!((shown.width(), shown.height()), size);
        assert!(photo::metadata(&bytes).is_empty() && photo::traces(&bytes).is_empty());
    }
    let moment = post(alice, &["with my face"]);
    assert_eq!(wait_moment(bob, &moment)["author"]["avatar"], mine["avatar"]);
    let no_photo = alice.home().join("config.toml");
    let no_photo = no_photo.to_str().expect("a path");
    assert_eq!(alice.cli(&["profile", "--avatar", no_photo]).code, Some(2));
    assert_eq!(alice.cli(&["profile", "--cover", "/nowhere.jpg"]).code, Some(4));
    alice.ok(&["profile", "--no-avatar"]);
    let seen = friend(bob, alice, "no avatar", |friend| friend["avatar"].is_null());
    assert_eq!(seen["cover"], mine["cover"], "the cover stays");
    let old = mine["avatar"].as_str().expect("an id");
    for node in [alice, bob] {
        assert_eq!(node.cli(&["blob", old, "-o", "/dev/null"]).code, Some(4), "{}", node.name);
    }
    wait_for(bob, &moment, "no avatar", |moment| moment["author"]["avatar"].is_null());
}
