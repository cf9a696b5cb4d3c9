//! How scripts, styles, words and icons travel: small and once.
//!
//! Everything here is public code that is the same for everybody. It is compressed on its way, and carries a tag made of its
//! bytes: a browser that has it asks whether it is still the same and is told so in a line. It is never taken for granted
//! for a time, so that a node that was brought up to date never runs with yesterday's scripts.
//!
//! What it does not do: compress answers of the API. There, secrets lie beside text that others wrote, and the length of a
//! compressed answer would tell of both.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Assets;
use crate::api::input::Parted;
use crate::error::{Error, Result};

/// All styles as one, in the order of their names.
pub async fn styles(headers: HeaderMap) -> Response {
    let mut names: Vec<_> = Assets::iter().filter(|path| path.starts_with("styles/")).collect();
    names.sort();
    let text: Vec<u8> =
        names.iter().filter_map(|name| Assets::get(name)).flat_map(|file| file.data.into_owned()).collect();
    deliver(&headers, "text/css; charset=utf-8", text)
}

/// One file.
pub async fn asset(Parted(file): Parted<String>, headers: HeaderMap) -> Result<Response> {
    let found = Assets::get(&file).ok_or_else(|| {
        Error::not_found("no_such_path", format!("there is nothing at /assets/{file}"), "reload the page")
    })?;
    let bytes = found.data.into_owned();
    let bytes =
        if file.ends_with(".js") { without_comments(&String::from_utf8_lossy(&bytes)) } else { bytes };
    Ok(deliver(&headers, &kind_of(&file), bytes))
}

/// A script without the lines that are for people alone: comments that stand on lines of their own, blank lines and
/// indentation. A quarter of what travels. By lines, so that it needs to understand nothing: what begins within a line stays
/// as it is, and no text of ours runs over the end of a line (a test looks).
fn without_comments(script: &str) -> Vec<u8> {
    let mut out = String::with_capacity(script.len());
    let mut is_comment = false;
    for line in script.lines() {
        let mut line = line.trim();
        if !is_comment && line.starts_with("//") {
            continue;
        }
        if is_comment || line.starts_with("/*") {
            let after = line.split_once("*/").map(|(_, after)| after.trim_start());
            is_comment = after.is_none();
            line = after.unwrap_or_default();
        }
        if !line.is_empty() {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.into_bytes()
}

/// The type of a file by its name; texts are UTF-8.
fn kind_of(file: &str) -> String {
    let kind = mime_guess::from_path(file).first_or_octet_stream();
    let is_text = kind.type_() == "text" || kind.subtype() == "javascript" || kind.subtype() == "json";
    let charset = if is_text { "; charset=utf-8" } else { "" };
    format!("{}{charset}", kind.essence_str())
}

/// The bytes, or the word that they have not changed.
fn deliver(headers: &HeaderMap, kind: &str, bytes: Vec<u8>) -> Response {
    // Weak: the same content, whether it travels compressed or not.
    let tag = format!("W/\"{}\"", &blake3::hash(&bytes).to_hex()[..32]);
    let has = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = has.split(',').any(|known| known.trim() == tag);
    let (status, body) =
        if is_known { (StatusCode::NOT_MODIFIED, Vec::new()) } else { (StatusCode::OK, bytes) };
    let mut answer =
        (status, [(header::ETAG, tag), (header::CONTENT_TYPE, kind.to_owned())], body).into_response();
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_with(tag: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap());
        headers
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let first = deliver(&HeaderMap::new(), "text/css", b"a {}".to_vec());
        assert_eq!(first.status(), StatusCode::OK);
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(
            deliver(&asked_with(&tag), "text/css", b"a {}".to_vec()).status(),
            StatusCode::NOT_MODIFIED
        );
        let both = format!("W/\"other\", {tag}");
        assert_eq!(
            deliver(&asked_with(&both), "text/css", b"a {}".to_vec()).status(),
            StatusCode::NOT_MODIFIED
        );
        assert_eq!(deliver(&asked_with(&tag), "text/css", b"b {}".to_vec()).status(), StatusCode::OK);
    }

    #[test]
    fn a_script_travels_without_what_is_for_people_alone() {
        let script = "// @ts-check\n/**\n * What it is.\n * @module\n */\nconst a = 1; // as it is\n\n  /** One line. */\n  b();\n  \
                      /** @type {X} */ (c).d = `x // y`;\n";
        let sent = String::from_utf8(without_comments(script)).unwrap();
        assert_eq!(sent, "const a = 1; // as it is\nb();\n(c).d = `x // y`;\n");
    }

    #[test]
    fn no_text_of_a_script_runs_over_the_end_of_a_line() {
        for file in Assets::iter().filter(|file| file.ends_with(".js")) {
            let sent = without_comments(&String::from_utf8_lossy(&Assets::get(&file).unwrap().data));
            let sent = String::from_utf8(sent).unwrap();
            for line in sent.lines() {
                assert!(line.matches('`').count().is_multiple_of(2), "{file}: {line}");
                assert!(!line.ends_with('\\'), "{file}: {line}");
            }
        }
    }

    #[test]
    fn every_kind_of_file_has_the_type_that_browsers_insist_on() {
        for (file, kind) in [
            ("app.js", "text/javascript; charset=utf-8"),
            ("words/en.json", "application/json; charset=utf-8"),
            ("manifest.webmanifest", "application/manifest+json"),
            ("icon.svg", "image/svg+xml"),
            ("icon-192.png", "image/png"),
        ] {
            assert_eq!(kind_of(file), kind, "{file}");
        }
    }

    #[test]
    fn the_manifest_names_icons_that_are_there() {
        let manifest = Assets::get("manifest.webmanifest").unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest.data).unwrap();
        let icons = manifest["icons"].as_array().unwrap();
        for icon in icons {
            let path = icon["src"].as_str().unwrap().strip_prefix("/assets/").unwrap();
            let bytes = Assets::get(path).unwrap_or_else(|| panic!("{path} is not there")).data;
            if let Some((width, height)) = icon["sizes"].as_str().unwrap().split_once('x') {
                let drawn = image::load_from_memory(&bytes).unwrap();
                assert_eq!(
                    (drawn.width().to_string(), drawn.height().to_string()),
                    (width.into(), height.into())
                );
            }
        }
        assert!(icons.iter().any(|icon| icon["purpose"] == "maskable"), "{icons:?}");
    }
}
