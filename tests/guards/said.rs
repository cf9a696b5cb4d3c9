//! The page's words are data: none stands in a script, and each that is asked for is there.

use std::collections::BTreeSet;

use crate::page::{ASSETS, scripts};
use crate::script::Literal;

/// Single words that begin with a capital and are none of the page's: names of keys and of the browser's own things.
const NAMES: &[&str] = &[
    "Tidings",
    "Notification",
    "Arrow",
    "Escape",
    "Enter",
    "Tab",
    "Home",
    "End",
    "Delete",
    "Backspace",
    "PageUp",
    "PageDown",
    "ArrowLeft",
    "ArrowRight",
    "ArrowUp",
    "ArrowDown",
    "Control",
    "Meta",
    "Shift",
    "Alt",
    "Content-Type",
    "X-Tidings-Token",
    "Files",
    "Space",
];

/// Whether a text looks like words for people.
fn is_said(literal: &Literal) -> bool {
    let text = literal.text.trim();
    let mut letters = text.chars();
    let begins =
        letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase);
    let is_name = NAMES.contains(&text)
        || text.ends_with("Error")
        || text.contains('/')
        || text.chars().all(char::is_uppercase);
    let is_word = text.len() > 3 && text.chars().all(|c| c.is_alphabetic());
    begins && !is_name && (is_word || text.contains(' '))
}

#[test]
fn every_word_on_screen_is_in_the_words() {
    let mut found = Vec::new();
    for file in scripts() {
        for literal in file.script.literals.iter().filter(|literal| is_said(literal)) {
            found.push(format!("{}: {:?}", file.line(literal.at), literal.text));
        }
    }
    crate::none("put it into words/en.json and every other language, and say t(\"its.key\")", &found);
}

fn keys_of(path: &str) -> BTreeSet<String> {
    let words: serde_json::Value = serde_json::from_str(&crate::text_of(path)).expect("words are JSON");
    words.as_object().expect("an object").keys().cloned().collect()
}

/// A key without the form of its number.
fn stem(key: &str) -> &str {
    let forms = [".zero", ".one", ".two", ".few", ".many", ".other"];
    forms.iter().find_map(|form| key.strip_suffix(form)).unwrap_or(key)
}

#[test]
fn every_word_that_is_asked_for_is_there_and_every_word_is_asked_for() {
    let english = keys_of(&format!("{ASSETS}/words/en.json"));
    let (mut asked, mut begun, mut missing) = (BTreeSet::new(), Vec::new(), Vec::new());
    for file in scripts() {
        for literal in file.script.literals {
            let before = file.script.code[..literal.at.saturating_sub(1)].trim_end();
            let is_call = ["t(", "parts("].iter().any(|call| {
                before
                    .strip_suffix(call)
                    .is_some_and(|left| !left.ends_with(|c: char| c.is_alphanumeric() || "_.".contains(c)))
            });
            if literal.goes_on {
                if literal.text.contains('.') {
                    begun.push(literal.text);
                }
                continue;
            }
            let is_known =
                english.contains(&literal.text) || english.contains(&format!("{}.other", literal.text));
            if is_call && !is_known && literal.text.contains('.') {
                missing.push(format!("{}:{}: {:?} is in no words", file.path, literal.at, literal.text));
            }
            asked.insert(literal.text);
        }
    }
    let templates =
        ["page.html", "locked.html"].map(|name| crate::text_of(&format!("node/templates/{name}"))).concat();
    for key in &english {
        let by_node =
            key.starts_with("language.") || key == "zz.end" || templates.contains(&format!("\"{key}\""));
        let by_script = asked.contains(key)
            || asked.contains(stem(key))
            || begun.iter().any(|start| key.starts_with(start.as_str()));
        if !by_node && !by_script {
            missing.push(format!("words/en.json: nobody asks for {key:?}"));
        }
    }
    crate::none("mend the key, or take the word out of every language", &missing);
}
