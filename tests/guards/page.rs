//! The page's scripts: nothing parses text as markup, and nothing is kept in the browser.

use crate::script::Script;

pub(crate) const ASSETS: &str = "node/src/web/assets";

/// What would turn text into markup or code, or keep a person's content in the browser.
const FORBIDDEN: &[(&str, &str)] = &[
    ("innerHTML", "build elements with el(…): text goes in as text"),
    ("outerHTML", "build elements with el(…): text goes in as text"),
    ("insertAdjacentHTML", "build elements with el(…): text goes in as text"),
    ("createContextualFragment", "build elements with el(…): text goes in as text"),
    ("DOMParser", "build elements with el(…): text goes in as text"),
    ("document.write", "build elements with el(…): text goes in as text"),
    ("srcdoc", "there are no frames in the page"),
    ("eval(", "code is not made of text"),
    ("new Function", "code is not made of text"),
    ("cssText", "the policy forbids it: use a class or style.setProperty"),
    ("localStorage", "the browser keeps nothing; the node does"),
    ("sessionStorage", "the browser keeps nothing; the node does"),
    ("indexedDB", "the browser keeps nothing; the node does"),
    ("serviceWorker", "ADR 0010 says why there is none"),
    ("caches.", "the browser keeps nothing; the node does"),
];

/// A script of the page.
pub(crate) struct File {
    pub(crate) path: String,
    raw: String,
    pub(crate) script: Script,
}

impl File {
    /// `path:line` of a byte offset.
    pub(crate) fn line(&self, at: usize) -> String {
        format!("{}:{}", self.path, self.raw[..at.min(self.raw.len())].matches('\n').count() + 1)
    }
}

/// Every asset with this extension: path and text.
pub(crate) fn named(extension: &str) -> Vec<(String, String)> {
    let all = crate::files(ASSETS)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|found| found == extension));
    all.map(|path| path.to_string_lossy().replace('\\', "/"))
        .map(|path| (crate::text_of(&path), path))
        .map(|(raw, path)| (path, raw))
        .collect()
}

/// Every script.
pub(crate) fn scripts() -> Vec<File> {
    let all = named("js").into_iter().map(|(path, raw)| File { script: Script::read(&raw), path, raw });
    let all: Vec<File> = all.collect();
    assert!(all.len() > 10, "the scripts are found");
    all
}

#[test]
fn no_script_parses_text_as_markup_or_keeps_anything() {
    let mut found = Vec::new();
    for file in scripts() {
        for (word, instead) in FORBIDDEN {
            for (at, _) in file.script.code.match_indices(word) {
                found.push(format!("{}: {word}: {instead}", file.line(at)));
            }
        }
        for literal in &file.script.literals {
            let before = file.script.code[..literal.at.saturating_sub(1)].trim_end();
            if literal.text == "style" && before.ends_with("setAttribute(") {
                found.push(format!(
                    "{}: the policy forbids it: use a class or style.setProperty",
                    file.line(literal.at)
                ));
            }
        }
        for (at, _) in file.script.code.match_indices("style:") {
            let names_more = file.script.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            // Formats of numbers and dates have one of their own: `style: "unit"`.
            let is_format = file.script.code[..at].rfind("Intl.").is_some_and(|intl| at - intl < 80);
            if !names_more && !is_format {
                found.push(format!("{}: an element's style attribute: the policy forbids it", file.line(at)));
            }
        }
    }
    crate::none("see CONTRIBUTING.md, \"Working on the page\"", &found);
}
