//! Errors in the words of the page: every code that a person can meet there is said in every language.
//!
//! Codes are looked for in the sources, where an error is made: the first text of its constructor, a constant that
//! stands in its place, or, where it is a variable, every code that the same file chooses from.

use std::collections::{BTreeMap, BTreeSet};

/// Codes that only commands, other programs or a fault of the page itself can meet. Their sentence is English.
const NOT_ON_THE_PAGE: &[&str] = &[
    // Of commands and of starting a node.
    "already_running",
    "ambiguous_id",
    "ambiguous_person",
    "ambiguous_request",
    "ambiguous_word",
    // The page makes the keys itself, a new one for each moment.
    "attempt_reused",
    "bad_attempt_key",
    "bad_config",
    "bad_crop",
    "bad_desktop",
    "bad_flip",
    "bad_month",
    "bad_nodes",
    "bad_port",
    "bad_rotate",
    "bad_span",
    "bad_testnet",
    "bad_text",
    "bad_time",
    "bad_tokens",
    "blob_failed",
    "blobs_failed",
    "evidence_does_not_hold",
    "exists",
    "file_unreadable",
    "home_format",
    "home_in_use",
    "http",
    "http_taken",
    "identity_exists",
    "keys_damaged",
    "man",
    "network_failed",
    "no_home",
    "no_program",
    "no_randomness",
    "no_such_file",
    "no_testnet",
    "node_did_not_start",
    "node_lost",
    "not_an_album",
    "not_loopback",
    "read",
    "record_failed",
    "report_too_long",
    "still_running",
    "testnet_runs",
    "to_terminal",
    "too_many_nodes",
    "usage",
    // Of requests that the page does not make.
    "alt_without_photo",
    "as_with_from",
    "audience_contradicts",
    "bad_form",
    "bad_id",
    "bad_json",
    "bad_limit",
    "bad_path",
    "bad_query",
    "bad_range",
    "bad_request",
    "bad_strangers",
    "bad_token",
    "bad_window",
    "bench",
    "bench_incomplete",
    "bench_moments",
    "bench_node",
    "edit_without_photo",
    "no_audience",
    "no_such_filter",
    "no_such_method",
    "no_such_path",
    "not_json",
    "page_limit",
    "poster_without_video",
    "preview_size",
    "privacy_contradicts",
    "scope_missing",
];

/// What makes an error.
const MAKERS: &[&str] = &["failed(", "usage(", "refused(", "not_found(", "not_here(", "Error::new("];

#[test]
fn every_error_that_the_page_can_meet_is_said_in_every_language() {
    let codes = codes();
    assert!(codes.len() > 120, "the sources have codes: {}", codes.len());
    let known: BTreeSet<&str> = NOT_ON_THE_PAGE.iter().copied().collect();
    let mut complaints = Vec::new();
    for path in crate::files("node/src/web/assets/words") {
        let words: BTreeMap<String, String> =
            serde_json::from_str(&crate::text_of(&path.to_string_lossy())).expect("words are JSON");
        for (code, place) in &codes {
            let is_said = words.contains_key(&format!("error.{code}"));
            match (is_said, known.contains(code.as_str())) {
                (false, false) => complaints.push(format!("{}: no error.{code} ({place})", path.display())),
                (true, true) => {
                    complaints.push(format!("{}: error.{code} is said and listed", path.display()))
                }
                _ => {}
            }
        }
    }
    let gone = known.iter().filter(|code| !codes.contains_key(**code));
    complaints.extend(gone.map(|code| format!("{code} is listed and no error has it")));
    crate::none(
        "give `error.CODE` in every file of words (`{message}` keeps the node's own sentence), or list the code here",
        &complaints,
    );
}

/// Every code, with a place that makes it.
fn codes() -> BTreeMap<String, String> {
    let sources: Vec<_> = ["src", "node/src"].iter().flat_map(|folder| crate::rust_files(folder)).collect();
    let mut constants = BTreeMap::new();
    for source in &sources {
        for rest in source.raw.split("const ").skip(1) {
            if let Some((name, value)) = rest.split_once(": &str = \"")
                && name.len() < 40
                && let Some((value, _)) = value.split_once('"')
            {
                constants.insert(name.to_owned(), value.to_owned());
            }
        }
    }
    let mut codes = BTreeMap::new();
    for source in
        sources.iter().filter(|source| !source.path.contains("/sim/") && !source.path.ends_with("tests.rs"))
    {
        let end = source.raw.find("#[cfg(test)]\nmod tests {").unwrap_or(source.raw.len());
        let text = &source.raw[..end];
        for maker in MAKERS {
            for (at, _) in text.match_indices(maker) {
                let begins = text[..at].ends_with("Error::")
                    || text[..at].ends_with("Self::")
                    || maker.starts_with("Error");
                if !begins {
                    continue;
                }
                let mut rest = text[at + maker.len()..].trim_start();
                if maker.starts_with("Error") {
                    rest = rest.split_once(',').map_or("", |(_, rest)| rest).trim_start();
                }
                for code in named(rest, text, &constants) {
                    codes.entry(code).or_insert_with(|| source.at(at));
                }
            }
        }
    }
    codes
}

/// The code at the beginning of a constructor's arguments, or those that it can be.
fn named(rest: &str, file: &str, constants: &BTreeMap<String, String>) -> Vec<String> {
    if let Some(text) = rest.strip_prefix('"') {
        return text.split_once('"').map(|(code, _)| code.to_owned()).into_iter().collect();
    }
    let name =
        rest.split(|c: char| !c.is_ascii_alphanumeric() && !"_:".contains(c)).next().unwrap_or_default();
    let last = name.rsplit("::").next().unwrap_or_default();
    if let Some(code) = constants.get(last) {
        return vec![code.clone()];
    }
    if name != "code" {
        return Vec::new();
    }
    let is_code = |text: &&str| {
        text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    file.split('"').skip(1).step_by(2).filter(is_code).map(str::to_owned).collect()
}
