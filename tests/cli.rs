//! The program as people and scripts use it: real processes, real homes, loopback only.
//!
//! Ports are the system's choice, homes are temporary, and whatever is started ends with its value.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

fn tidings(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command
        .env_remove("TIDINGS_HOME")
        .env_remove("TIDINGS_RECORD")
        .stdin(Stdio::null())
        .arg("--home")
        .arg(home);
    command
}

/// Runs a command that has to succeed; its JSON.
fn json(home: &Path, args: &[&str]) -> Value {
    let output = tidings(home).arg("--json").args(args).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}"))
}

/// Runs a command that has to fail; exit code and error code.
fn refused(home: &Path, args: &[&str]) -> (i32, String) {
    let output = tidings(home).arg("--json").args(args).output().unwrap();
    assert!(output.stdout.is_empty(), "{args:?}: an error goes to stderr");
    let error = error_of(&output);
    for key in ["message", "help"] {
        assert!(error["error"][key].as_str().is_some_and(|text| !text.is_empty()), "{args:?}: {error}");
    }
    (output.status.code().unwrap(), error["error"]["code"].as_str().unwrap().to_owned())
}

fn error_of(output: &Output) -> Value {
    let err = String::from_utf8_lossy(&output.stderr);
    let line = err
        .lines()
        .find(|line| line.starts_with("{\"error\""))
        .unwrap_or_else(|| panic!("no JSON error: {err}"));
    serde_json::from_str(line).unwrap()
}

/// Waits until `probe` gives something.
fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A home with an identity.
fn person(name: &str) -> tempfile::TempDir {
    let dir = home();
    json(dir.path(), &["init", "--name", name]);
    dir
}

/// A running node; ended when dropped.
struct Node {
    dir: tempfile::TempDir,
    child: Child,
    url: String,
}

impl Node {
    fn start(name: &str) -> Self {
        let dir = person(name);
        Self::start_in(dir, &[])
    }

    fn start_in(dir: tempfile::TempDir, more: &[&str]) -> Self {
        let mut child = tidings(dir.path())
            .args(["--json", "run", "--no-open", "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert_eq!(started["running"], true);
        Self { dir, child, url: started["url"].as_str().unwrap().to_owned() }
    }

    fn home(&self) -> &Path {
        self.dir.path()
    }

    fn json(&self, args: &[&str]) -> Value {
        json(self.home(), args)
    }

    fn moments(&self) -> Vec<Value> {
        self.json(&["timeline"])["moments"].as_array().unwrap().clone()
    }

    /// Waits for a moment with this text.
    fn sees(&self, text: &str) -> Value {
        until(text, || self.moments().into_iter().find(|moment| moment["text"] == text))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes two running nodes friends, each under the other's own name.
fn befriend(a: &Node, b: &Node) {
    let link = a.json(&["invite", "--auto-confirm"])["link"].as_str().unwrap().to_owned();
    let accepted = b.json(&["accept", &link]);
    assert_eq!(accepted["state"], "friends", "{accepted}");
    until("a friend on both sides", || {
        let one = |node: &Node| node.json(&["friends"])["friends"].as_array().unwrap().len() == 1;
        (one(a) && one(b)).then_some(())
    });
}

fn photo(dir: &Path, name: &str) -> PathBuf {
    let path = dir.join(name);
    image::RgbImage::from_fn(320, 200, |x, y| image::Rgb([(x % 256) as u8, (y % 256) as u8, 90]))
        .save(&path)
        .unwrap();
    path
}

#[test]
fn init_prints_24_words_once_and_whoami_the_rest() {
    let dir = home();
    let created = json(dir.path(), &["init", "--name", "Ada"]);
    assert_eq!(created["words"].as_array().unwrap().len(), 24);
    assert_eq!(created.as_object().unwrap().len(), 2);
    let me = json(dir.path(), &["whoami"]);
    assert_eq!((&me["user"], &me["name"]), (&created["user"], &Value::from("Ada")));
    assert_eq!(me["user"].as_str().unwrap().len(), 64);
    assert!(me["device"].is_string() && me["home"].is_string());
    assert_eq!(refused(dir.path(), &["init", "--name", "Eve"]), (5, "identity_exists".into()));
}

#[test]
fn each_failure_has_its_exit_code() {
    let (none, ada) = (home(), person("Ada"));
    for args in [&["whoami"][..], &["timeline"], &["status"], &["post", "x"], &["invite"]] {
        assert_eq!(refused(&none.path().join("nothing"), args), (3, "no_identity".into()), "{args:?}");
    }
    for args in
        [&["status"][..], &["invite"], &["requests"], &["confirm", "x"], &["watch"], &["open"], &["stop"]]
    {
        assert_eq!(refused(ada.path(), args), (3, "no_node".into()), "{args:?}");
    }
    for args in [&["frobnicate"][..], &["post", "--frobnicate"], &["friend"], &["channel", "list"], &["show"]]
    {
        assert_eq!(refused(ada.path(), args).0, 2, "{args:?}");
    }
    for link in ["https://example.org", "tidings:invite/1/", "tidings:invite/9/AAAA", ""] {
        assert_eq!(refused(ada.path(), &["accept", link]), (2, "not_an_invite".into()), "{link}");
    }
    for args in [
        &["show", "abcdef"][..],
        &["friend", "show", "Nobody"],
        &["post", "x", "--to", "Nobody"],
        &["post", "x", "--except", "tag:none"],
        &["tag", "delete", "none"],
        &["token", "revoke", "none"],
        &["post", "--photo", "/nowhere/x.jpg"],
    ] {
        assert_eq!(refused(ada.path(), args).0, 4, "{args:?}");
    }
    let ten = ["--photo", "/nowhere/x.jpg"].repeat(10);
    assert_eq!(refused(ada.path(), &[&["post", "x"], &ten[..]].concat()), (5, "too_many_photos".into()));
    assert_eq!(refused(ada.path(), &["post", &"x".repeat(8 * 1024 + 1)]).0, 5);
    assert_eq!(json(ada.path(), &["timeline"])["moments"], Value::Array(vec![]), "nothing of it was posted");
}

#[test]
fn a_config_key_that_is_not_known_is_named_with_its_line() {
    let ada = person("Ada");
    std::fs::write(ada.path().join("config.toml"), "port = 4242\nlissten = []\n").unwrap();
    let output = tidings(ada.path()).args(["run", "--no-open"]).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("line 2") && err.contains("lissten"), "{err}");
}

#[test]
fn a_moment_is_posted_liked_discussed_and_withdrawn_without_a_node() {
    let ada = person("Ada");
    let moment = json(ada.path(), &["post", "Hello", "--private"]);
    let id = moment["id"].as_str().unwrap();
    assert_eq!(moment["audience"]["rule"], "private");
    assert_eq!(json(ada.path(), &["like", id])["ok"], true);
    let comment = json(ada.path(), &["comment", id, "First"]);
    let reply =
        json(ada.path(), &["comment", &id[..10], "Second", "--reply-to", comment["id"].as_str().unwrap()]);
    assert_eq!(reply["reply_to"], comment["id"]);
    let shown = json(ada.path(), &["show", id]);
    assert_eq!(
        (shown["liked_by_me"].as_bool(), shown["comments"].as_array().unwrap().len()),
        (Some(true), 2)
    );
    json(ada.path(), &["unlike", id]);
    assert_eq!(json(ada.path(), &["show", id])["likes"], Value::Array(vec![]));
    json(ada.path(), &["delete", id]);
    assert_eq!(refused(ada.path(), &["show", id]).0, 4);
}

#[test]
fn a_moment_in_json_has_every_promised_field() {
    let ada = person("Ada");
    let file = photo(ada.path(), "a.png");
    let args = [
        "post",
        "Look",
        "--photo",
        file.to_str().unwrap(),
        "--alt",
        "Colours",
        "--place",
        "Lisbon@38.7169,-9.1427",
    ];
    let moment = json(ada.path(), &args);
    for key in [
        "id",
        "author",
        "created_at",
        "received_at",
        "kind",
        "text",
        "photos",
        "video",
        "link",
        "place",
        "mentions",
        "shareable",
        "shared_from",
        "card",
        "app",
        "sponsored",
        "likes",
        "liked_by_me",
        "comments",
        "audience",
        "delivery",
        "pinned",
        "faved",
        "muted",
    ] {
        assert!(moment.get(key).is_some(), "{key}");
    }
    let shown = &moment["photos"][0];
    assert_eq!((&shown["mime"], &shown["alt"]), (&Value::from("image/jpeg"), &Value::from("Colours")));
    assert_eq!(moment["place"]["lat"], 38.72);
    let out = ada.path().join("out.jpg");
    json(ada.path(), &["blob", shown["id"].as_str().unwrap(), "-o", out.to_str().unwrap()]);
    let bytes = std::fs::read(out).unwrap();
    assert_eq!(bytes.len() as u64, shown["bytes"].as_u64().unwrap());
    assert!(bytes.starts_with(&[0xff, 0xd8, 0xff]));
}

#[test]
fn the_timeline_is_paged_without_gap_or_repetition() {
    let ada = person("Ada");
    for n in 0..5 {
        json(ada.path(), &["post", &format!("moment {n}"), "--private"]);
    }
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut args = vec!["timeline", "--limit", "2"];
        if let Some(cursor) = &cursor {
            args.extend(["--before", cursor]);
        }
        let page = json(ada.path(), &args);
        seen.extend(
            page["moments"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, ["moment 4", "moment 3", "moment 2", "moment 1", "moment 0"]);
    assert_eq!(refused(ada.path(), &["timeline", "--limit", "10001"]).0, 5);
}

#[test]
fn the_24_words_do_not_appear_where_a_file_could_keep_them() {
    let dir = home();
    let output = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .arg("--home")
        .arg(dir.path())
        .args([
            "run",
            "--name",
            "Ada",
            "--no-open",
            "--http",
            "127.0.0.1:0",
            "--listen",
            "/ip4/127.0.0.1/tcp/0",
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = output;
    until("the node", || json_if(dir.path(), &["whoami"]));
    json(dir.path(), &["stop"]);
    assert!(child.wait().unwrap().success());
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert!(out.contains("24 words are shown once, on the page"), "{out}");
    let longest_run =
        format!("{out}\n{err}").lines().map(|line| line.split_whitespace().count()).max().unwrap_or(0);
    assert!(longest_run < 24, "{out}{err}");
}

fn json_if(home: &Path, args: &[&str]) -> Option<Value> {
    let output = tidings(home).arg("--json").args(args).output().unwrap();
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_node_tells_its_state_is_not_started_twice_and_stops() {
    let mut node = Node::start("Ada");
    let status = node.json(&["status"]);
    assert_eq!(
        (status["running"].as_bool(), status["peers"].as_array().map(Vec::len)),
        (Some(true), Some(0))
    );
    assert!(status["http"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(!status["listen"].as_array().unwrap().is_empty());
    assert_eq!(refused(node.home(), &["run", "--no-open"]), (5, "already_running".into()));
    assert!(node.json(&["open", "--no-open"])["url"].as_str().unwrap().contains("/?key="));
    assert_eq!(node.json(&["stop"])["ok"], true);
    assert!(node.child.wait().unwrap().success());
    assert_eq!(refused(node.home(), &["status"]).0, 3);
    assert!(!node.home().join("run.json").exists());
}

#[test]
fn a_killed_node_counts_as_none_and_the_store_opens() {
    let mut node = Node::start("Ada");
    node.json(&["post", "before", "--private"]);
    node.child.kill().unwrap();
    node.child.wait().unwrap();
    assert!(node.home().join("run.json").exists());
    assert_eq!(refused(node.home(), &["status"]).0, 3);
    assert_eq!(node.moments().len(), 1);
}

#[test]
fn the_printed_address_opens_the_page_once() {
    let node = Node::start("Ada");
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into();
    let first = agent.get(&node.url).call().unwrap();
    assert_eq!(first.status(), 303);
    let cookie = first.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let user = node.json(&["whoami"])["user"].as_str().unwrap()[..8].to_owned();
    assert!(cookie.starts_with(&format!("tidings-{user}=")), "{cookie}");
    assert_eq!(agent.get(&node.url).call().unwrap().status(), 401);
    let base = node.url.split("/?").next().unwrap();
    let mut page = agent.get(base).header("cookie", &cookie).call().unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.body_mut().read_to_string().unwrap().contains("/assets/app.js"));
    let mut me = agent.get(format!("{base}/api/v1/whoami")).header("cookie", &cookie).call().unwrap();
    assert_eq!(me.body_mut().read_json::<Value>().unwrap()["name"], "Ada");
}

#[test]
fn a_first_run_is_finished_on_the_page_and_shows_the_words_once() {
    let node = Node::start_in(home(), &[]);
    assert_eq!(refused(node.home(), &["status"]), (3, "no_identity".into()));
    let told = tidings(node.home()).arg("status").output().unwrap();
    assert!(String::from_utf8_lossy(&told.stderr).contains("tidings open"), "it runs: no advice to start it");
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into();
    let opened = agent.get(&node.url).call().unwrap();
    let cookie = opened.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let base = node.url.split("/?").next().unwrap().to_owned();
    let page =
        agent.get(&base).header("cookie", &cookie).call().unwrap().body_mut().read_to_string().unwrap();
    let token =
        page.split("name=\"tidings-token\" content=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let state = || -> Value {
        let mut answer =
            agent.get(format!("{base}/api/v1/onboarding")).header("cookie", &cookie).call().unwrap();
        answer.body_mut().read_json().unwrap()
    };
    assert_eq!(state()["state"], "new");
    let mut made = agent
        .post(format!("{base}/api/v1/onboarding"))
        .header("cookie", &cookie)
        .header("x-tidings-token", &token)
        .send_json(serde_json::json!({"name": "Ada"}))
        .unwrap();
    assert_eq!(made.status(), 201);
    let made: Value = made.body_mut().read_json().unwrap();
    assert_eq!((&made["state"], made["words"].as_array().unwrap().len()), (&Value::from("words"), 24));
    assert_eq!(state()["words"], made["words"], "until they are written down");
    let forgot = agent
        .delete(format!("{base}/api/v1/onboarding/words"))
        .header("cookie", &cookie)
        .header("x-tidings-token", &token)
        .call()
        .unwrap();
    assert_eq!(forgot.status(), 200);
    assert_eq!(state(), serde_json::json!({"state": "done", "words": []}));
    assert_eq!(node.json(&["whoami"])["name"], "Ada");
    assert_eq!(node.json(&["status"])["running"], true);
}

#[test]
fn two_nodes_befriend_and_a_text_and_a_photo_arrive() {
    let (ada, ben) = (Node::start("Ada"), Node::start("Ben"));
    befriend(&ada, &ben);
    let words = |node: &Node, who| node.json(&["friend", "verify", who])["words"].clone();
    assert_eq!(words(&ada, "Ben"), words(&ben, "Ada"));
    ada.json(&["post", "Hello, Ben"]);
    let seen = ben.sees("Hello, Ben");
    assert_eq!((&seen["author"]["name"], seen.get("audience")), (&Value::from("Ada"), None));
    let file = photo(ada.home(), "b.png");
    let posted = ada.json(&["post", "A picture", "--photo", file.to_str().unwrap()]);
    let seen = ben.sees("A picture");
    let id = seen["photos"][0]["id"].as_str().unwrap();
    let out = ben.home().join("out.jpg");
    until("the photo", || json_if(ben.home(), &["blob", id, "-o", out.to_str().unwrap()]));
    assert_eq!(std::fs::read(&out).unwrap().len() as u64, posted["photos"][0]["bytes"].as_u64().unwrap());
    ben.json(&["like", seen["id"].as_str().unwrap()]);
    ben.json(&["comment", seen["id"].as_str().unwrap(), "Lovely"]);
    let thread = until("the like and the comment", || {
        let shown = ada.json(&["show", posted["id"].as_str().unwrap()]);
        (shown["likes"].as_array()?.len() == 1 && shown["comments"].as_array()?.len() == 1).then_some(shown)
    });
    assert_eq!(thread["comments"][0]["author"]["name"], "Ben");
    let who = until("the delivery", || {
        let who = ada.json(&["who", posted["id"].as_str().unwrap()]);
        (who["people"][0]["state"] == "have").then_some(who)
    });
    assert_eq!(who["people"][0]["name"], "Ben");
}

#[test]
fn a_friend_who_is_left_out_does_not_see_it() {
    let (ada, ben) = (Node::start("Ada"), Node::start("Ben"));
    befriend(&ada, &ben);
    ada.json(&["tag", "add", "work", "Ben"]);
    let run = ada.json(&["post", "Not for Ben", "--except", "tag:work", "--dry-run"]);
    assert_eq!((&run["may_read"], &run["left_out"][0]["name"]), (&Value::from(0), &Value::from("Ben")));
    ada.json(&["post", "Not for Ben", "--except", "tag:work"]);
    ada.json(&["post", "For all"]);
    ben.sees("For all");
    assert!(ben.moments().iter().all(|moment| moment["text"] != "Not for Ben"));
}

#[test]
fn a_request_waits_for_the_inviters_yes() {
    let (ada, ben) = (Node::start("Ada"), Node::start("Ben"));
    let link = ada.json(&["invite", "--name", "Benny"])["link"].as_str().unwrap().to_owned();
    let home = ben.home().to_path_buf();
    let accepting = std::thread::spawn(move || json(&home, &["accept", &link]));
    let request = until("the request", || ada.json(&["requests"])["requests"].as_array()?.first().cloned());
    assert_eq!((&request["name"], &request["expected"]), (&Value::from("Ben"), &Value::from("Benny")));
    ada.json(&["confirm", &request["id"].as_str().unwrap()[..12]]);
    assert_eq!(accepting.join().unwrap()["state"], "friends");
    until("the friend", || (ada.json(&["friends"])["friends"][0]["name"] == "Benny").then_some(()));
    assert_eq!(refused(ben.home(), &["accept", "https://example.org"]).0, 2);
}

#[test]
fn watch_tells_what_happens_in_full() {
    let (ada, ben) = (Node::start("Ada"), Node::start("Ben"));
    befriend(&ada, &ben);
    let mut watch = tidings(ben.home()).args(["watch", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    // The stream may open after the first post: keep posting until it speaks.
    let (said, heard) = std::sync::mpsc::sync_channel(64);
    let reader = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if said.send(line).is_err() {
                return;
            }
        }
    });
    let mut count = 0;
    let event = until("an event", || {
        count += 1;
        ada.json(&["post", &format!("news {count}")]);
        let end = Instant::now() + Duration::from_secs(2);
        while let Ok(line) = heard.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == "moment" {
                return Some(event);
            }
        }
        None
    });
    assert!(event["moment"]["text"].as_str().unwrap().starts_with("news "));
    assert!(event["at"].as_str().unwrap().ends_with('Z'));
    watch.kill().unwrap();
    watch.wait().unwrap();
    drop(heard);
    reader.join().unwrap();
}

#[test]
fn tokens_are_shown_once_listed_and_revoked() {
    let ada = person("Ada");
    let granted = json(ada.path(), &["token", "add", "blog", "--scope", "read", "--scope", "post"]);
    assert_eq!(granted["token"].as_str().unwrap().len(), 64);
    let listed = json(ada.path(), &["token", "list"]);
    assert_eq!(listed["tokens"][0]["scopes"], serde_json::json!(["read", "post"]));
    assert!(listed["tokens"][0].get("token").is_none());
    json(ada.path(), &["token", "revoke", "blog"]);
    assert_eq!(json(ada.path(), &["token", "list"])["tokens"], Value::Array(vec![]));
}

#[test]
fn completions_manual_and_version_need_no_home() {
    let dir = home();
    for (args, part) in [
        (&["completions", "bash"][..], "tidings"),
        (&["man"], ".TH tidings"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
        (&["--version", "--verbose"], "libp2p"),
        (&["post", "--help"], "Example"),
    ] {
        let output = tidings(&dir.path().join("none")).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(part), "{args:?}");
    }
    assert!(!dir.path().join("none").exists());
    // Set to nothing, as a script with an empty variable does it.
    let output = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .arg("--version")
        .env("TIDINGS_HOME", "")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_node_of_a_test_network_that_finds_its_port_taken_says_so() {
    let dir = home();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let net = dir.path().join("net");
    let _down = Down(net.clone());
    // What a home's settings say is kept, whatever it is.
    std::fs::create_dir_all(net.join("ada")).unwrap();
    let listen = format!("listen = [\"/ip4/127.0.0.1/tcp/{}\"]\n", taken.local_addr().unwrap().port());
    std::fs::write(net.join("ada/config.toml"), listen).unwrap();
    let args = ["testnet", "up", "--nodes", "2", "--http-base", "0", "--dir"];
    let output = tidings(dir.path()).args(args).arg(&net).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("in use"), "{said}");
}

#[test]
fn a_test_network_comes_up_befriended_and_goes_down() {
    let dir = home();
    let net = dir.path().join("net");
    let place = net.to_str().unwrap().to_owned();
    let down = Down(net.clone());
    let up = json(
        dir.path(),
        &["testnet", "up", "--nodes", "3", "--dir", &place, "--topology", "line", "--http-base", "0"],
    );
    let nodes = up["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    for node in nodes {
        assert!(node["url"].as_str().unwrap().contains("/?key="));
        assert_eq!(node["user"].as_str().unwrap().len(), 64);
    }
    let friends = |name: &str| json(&net.join(name), &["friends"])["friends"].as_array().unwrap().len();
    assert_eq!((friends("ada"), friends("ben"), friends("cleo")), (1, 2, 1));
    let status = json(dir.path(), &["testnet", "status", "--dir", &place]);
    assert!(status["nodes"].as_array().unwrap().iter().all(|node| node["running"] == true));
    assert_eq!(refused(dir.path(), &["testnet", "up", "--dir", &place]), (5, "testnet_runs".into()));
    drop(down);
    let status = json(dir.path(), &["testnet", "status", "--dir", &place]);
    assert!(status["nodes"].as_array().unwrap().iter().all(|node| node["running"] == false));
}

/// Ends a test network, whatever became of the test.
struct Down(PathBuf);

impl Drop for Down {
    fn drop(&mut self) {
        let _ = tidings(&self.0).args(["testnet", "down", "--dir"]).arg(&self.0).output();
    }
}

/// Told by names of functions in the program, which it holds on Linux.
#[cfg(target_os = "linux")]
#[test]
fn the_program_is_built_without_measuring_jitter() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_tidings")).unwrap();
    let holds = |name: &[u8]| program.split(|byte| *byte == name[0]).any(|rest| rest.starts_with(&name[1..]));
    assert!(holds(b"main"), "a program without any names tells nothing");
    let measures = holds(b"jent_");
    assert!(
        !measures,
        "each start takes 70 ms more of a core: .cargo/config.toml was not read, build within the repository"
    );
}
