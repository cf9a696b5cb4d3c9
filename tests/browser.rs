//! The page in a real browser, on real nodes: what a person does with the mouse and the keyboard, and what they then see.
//!
//! Every story ends with the same two questions: did the console complain of anything (a script error, a violation of the
//! content security policy, an answer that is an error), and did the page ask anybody but its own node? That the answers
//! mean something is a test of its own.
//!
//! Pages stay open: what is sent from elsewhere has to appear without a reload, and [`kept`] tells whether there was one.
//! Needs Chromium and chromedriver; without them everything here fails and names the line that installs them.

#[path = "browser/access.rs"]
mod access;
#[path = "browser/composer.rs"]
mod composer;
#[path = "browser/first.rs"]
mod first;
#[path = "browser/keyboard.rs"]
mod keyboard;
#[path = "browser/looks.rs"]
mod looks;
#[path = "browser/people.rs"]
mod people;
#[path = "browser/person.rs"]
mod person_page;
#[path = "browser/safety.rs"]
mod safety;
#[path = "browser/screens.rs"]
mod screens;
#[path = "browser/settings.rs"]
mod settings;
#[path = "browser/speed.rs"]
mod speed;
#[path = "support.rs"]
mod support;
#[path = "browser/timeline.rs"]
mod timeline;
#[path = "browser/windows.rs"]
mod windows;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use support::browser::Browser;
use support::{Node, befriend};

/// A window as on a desk.
const WINDOW: (u32, u32) = (1200, 1000);

/// A node of somebody who has been here before, and their page.
fn person(name: &str) -> (Node, Browser) {
    let mut node = Node::new(name);
    node.ok(&["init", "--name", name]);
    node.start();
    let page = open(&node);
    page.find(".composer");
    (node, page)
}

/// A fresh window on a fresh address of the node.
fn open(node: &Node) -> Browser {
    let page = Browser::new(WINDOW.0, WINDOW.1);
    page.open(&address(node));
    page
}

/// A fresh one-time address.
fn address(node: &Node) -> String {
    node.ok(&["open", "--no-open"])["url"].as_str().expect("an address").to_owned()
}

/// Marks the document, so that a reload would be noticed.
fn mark(page: &Browser) {
    page.run("window.kept = true", &[]);
}

/// Whether the document is the one that was marked.
fn kept(page: &Browser) -> bool {
    page.run("return window.kept === true", &[]) == true
}

/// Nobody complained, and nobody but the node was asked.
fn quiet(page: &Browser) {
    assert_eq!(page.complaints(), Vec::<String>::new(), "the console is quiet");
    asks_only_its_node(page);
}

fn asks_only_its_node(page: &Browser) {
    let address = page.address();
    let node = address.split('/').take(3).collect::<Vec<_>>().join("/") + "/";
    assert!(node.starts_with("http://127.0.0.1:"), "{node}");
    let requests = page.requests();
    assert!(requests.iter().any(|url| url.contains("/api/v1/")), "the record has requests: {requests:?}");
    // What begins with data: or blob: is made of bytes that are here.
    let elsewhere = |url: &&String| ![&node, "data:", "blob:"].iter().any(|start| url.starts_with(*start));
    assert_eq!(requests.iter().filter(elsewhere).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Writes a moment on the page and shares it.
fn share(page: &Browser, text: &str, photo: Option<&Path>) {
    page.write(".composer textarea", text);
    if let Some(photo) = photo {
        page.write(".composer input[type=file]", &photo.display().to_string());
        page.find(".composer .shelf img");
    }
    page.press(".composer", "Share");
    page.press(".sending-bar", "Share now");
    page.wait("an empty composer", "return document.querySelector('.composer textarea').value === ''", &[]);
}

/// Opens the composer, and in it the choice for whom.
fn choose_audience(page: &Browser) {
    page.click(&page.find(".composer textarea"));
    page.press(".composer", "All friends");
}

/// A small photo on disk.
fn photo(folder: &Path) -> PathBuf {
    support::photo::write(folder, 3, 320, 240)
}

/// Clicks something on the card of the moment with this text.
fn press_on(page: &Browser, text: &str, button: &str) {
    page.press(&format!("article[data-id=\"{}\"]", card(page, text)), button);
}

/// The id of the moment with this text.
fn card(page: &Browser, text: &str) -> String {
    let script = "return [...document.querySelectorAll('article.moment')]
        .find((card) => card.querySelector('.said')?.textContent === arguments[0])?.dataset.id";
    page.wait(&format!("the moment {text:?}"), script, &[json!(text)]).as_str().unwrap_or_default().to_owned()
}

/// Writes into the line beneath a moment and sends it.
fn send_comment(page: &Browser, text: &str) {
    page.write("form.answer input", text);
    page.press("form.answer", "Send");
}

fn texts(node: &Node) -> Vec<String> {
    let page = node.get("/timeline?limit=100");
    let moments = page["moments"].as_array().cloned().unwrap_or_default();
    moments.iter().filter_map(|moment| moment["text"].as_str().map(str::to_owned)).collect()
}

/// Waits until a node has the moment with this text.
fn has(node: &Node, text: &str) {
    node.wait("/timeline?limit=100", text, |page| {
        page["moments"].as_array()?.iter().find(|moment| moment["text"] == text).map(|_| ())
    });
}

/// The node's own address by another name: to the page it is a stranger.
fn ada_elsewhere(node: &Node) -> String {
    let status = node.get("/status");
    format!(
        "http://localhost:{}/",
        status["http"].as_str().and_then(|http| http.split(':').nth(1)).unwrap_or_default()
    )
}
