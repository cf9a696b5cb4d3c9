//! Drafts: kept by the node for whoever writes them, sealed, and gone once they are shared or given up.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Node, photo};

/// How the API is spoken to in full: status and JSON.
struct Door {
    base: String,
    token: String,
}

impl Door {
    fn of(node: &Node) -> Self {
        let run = std::fs::read(node.home().join("run.json")).expect("it runs");
        let run: Value = serde_json::from_slice(&run).expect("JSON");
        let text = |key: &str| run[key].as_str().expect("a text").to_owned();
        Self { base: format!("http://{}/api/v1", text("http")), token: text("token") }
    }

    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", kind)
            .body(body)
            .expect("a request");
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .proxy(None)
            .build()
            .into();
        let mut answer = agent.run(request).expect("an answer");
        let mut bytes = Vec::new();
        answer.body_mut().as_reader().read_to_end(&mut bytes).expect("its body");
        (answer.status().as_u16(), bytes)
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, bytes) = self.request(method, path, "application/json", body.to_string().as_bytes());
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

/// Every file beneath a folder that contains some bytes.
fn holding(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holding(&path, bytes));
        } else if std::fs::read(&path).is_ok_and(|all| all.windows(bytes.len()).any(|part| part == bytes)) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn files_in(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files_in(&entry.path()) } else { 1 }).sum()
}

const DRAFT: &str = "/drafts/000102030405060708090a0b0c0d0e0f";

#[test]
fn a_draft_is_kept_sealed_over_a_restart_and_goes_with_the_moment_it_becomes() {
    const TEXT: &str = "A surprise for the whole neighbourhood";
    const ALT: &str = "Seventeen lanterns";
    let mut node = Node::started("Ada");
    let folder = tempfile::tempdir().expect("a folder");
    let picture = std::fs::read(photo::write(folder.path(), 5, 640, 480)).expect("a photo");
    let door = Door::of(&node);
    let words = json!({"text": TEXT, "alts": [ALT], "private": true});
    assert_eq!(door.json("PUT", DRAFT, &json!({ "draft": words })).0, 200);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (status, added) =
            door.request("POST", &format!("{DRAFT}/files?part=photo"), "image/jpeg", &picture);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&added));
        let added: Value = serde_json::from_slice(&added).expect("JSON");
        assert_eq!((&added["part"], &added["bytes"]), (&json!("photo"), &json!(picture.len())));
        ids.push(added["id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(files_in(&node.home().join("drafts")), 4, "two files and their trees");
    assert_eq!(door.json("PUT", DRAFT, &json!({"draft": words, "files": [ids[1]]})).0, 200);
    assert_eq!(files_in(&node.home().join("drafts")), 2, "what is left out is gone");

    node.stop();
    for secret in [TEXT.as_bytes(), ALT.as_bytes(), &picture[..64], &picture[2_000..2_064]] {
        assert_eq!(holding(node.home(), secret), Vec::<String>::new(), "nothing is in the clear");
    }
    std::fs::create_dir_all(node.home().join("drafts/ab")).expect("a folder");
    std::fs::write(node.home().join("drafts/ab").join("c".repeat(62)), b"left by a crash").expect("a file");
    node.start();
    assert_eq!(files_in(&node.home().join("drafts")), 2, "what no draft names is swept");

    let door = Door::of(&node);
    let kept = node.get("/drafts");
    assert_eq!(kept["drafts"].as_array().map(Vec::len), Some(1));
    let kept = &kept["drafts"][0];
    assert_eq!((&kept["draft"]["text"], &kept["draft"]["alts"]), (&json!(TEXT), &json!([ALT])));
    assert_eq!(kept["files"][0]["id"].as_str(), Some(ids[1].as_str()));
    assert_eq!(kept["files"][0]["mime"], "image/jpeg");
    let back = node.try_bytes(&format!("{DRAFT}/files/{}", ids[1])).expect("the photo");
    assert_eq!(back, picture, "byte for byte");

    let id = DRAFT.rsplit('/').next().expect("an id");
    let refused = door.json("POST", &format!("/moments?draft={id}"), &json!({"text": "x", "to": ["nobody"]}));
    assert_eq!(refused.0, 404);
    assert_eq!(node.get("/drafts")["drafts"].as_array().map(Vec::len), Some(1), "not shared, so still kept");
    let (status, moment) = door.json("POST", &format!("/moments?draft={id}"), &words_without_alts(TEXT));
    assert_eq!((status, &moment["text"]), (201, &json!(TEXT)));
    assert_eq!(node.get("/drafts"), json!({"drafts": []}));
    assert_eq!(files_in(&node.home().join("drafts")), 0);
}

fn words_without_alts(text: &str) -> Value {
    json!({"text": text, "private": true})
}

#[test]
fn a_draft_is_nobody_elses_and_its_uploads_have_limits() {
    let node = Node::started("Ada");
    let door = Door::of(&node);
    let granted =
        door.json("POST", "/tokens", &json!({"name": "all", "scopes": ["read", "post", "share-in"]}));
    let program = Door { token: granted.1["token"].as_str().expect("a token").to_owned(), ..Door::of(&node) };
    for (method, path) in
        [("GET", "/drafts"), ("PUT", DRAFT), ("DELETE", DRAFT), ("POST", "/moments?draft=00")]
    {
        let (status, answer) = program.json(method, path, &json!({}));
        let code = answer["error"]["code"].as_str();
        assert!(
            status == 403 && code == Some("scope_missing") || code == Some("bad_id"),
            "{method} {path}: {answer}"
        );
    }
    let code = |answer: (u16, Vec<u8>)| {
        let value: Value = serde_json::from_slice(&answer.1).unwrap_or_default();
        (answer.0, value["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let to = format!("{DRAFT}/files");
    let refused = code(door.request("POST", &to, "image/jpeg", b"x"));
    assert_eq!(refused, (404, "no_such_draft".to_owned()), "there has to be a draft");
    assert_eq!(door.json("PUT", DRAFT, &json!({"draft": {"text": "x"}})).0, 200);
    assert_eq!(code(door.request("POST", &to, "image/jpeg", b"")), (411, "no_length".to_owned()));
    let bad = code(door.request("POST", &format!("{to}?part=page"), "image/jpeg", b"x"));
    assert_eq!(bad, (400, "bad_part".to_owned()));
    let wrong = door.json("PUT", DRAFT, &json!({"draft": {"txt": "x"}}));
    assert_eq!((wrong.0, &wrong.1["error"]["code"]), (400, &json!("bad_json")));
    for _ in 0..10 {
        assert_eq!(door.request("POST", &to, "image/jpeg", b"x").0, 201);
    }
    assert_eq!(code(door.request("POST", &to, "image/jpeg", b"x")).1, "draft_file_limit");
    assert_eq!(door.json("DELETE", DRAFT, &json!({})).0, 200);
    assert_eq!(files_in(&node.home().join("drafts")), 0);
}
