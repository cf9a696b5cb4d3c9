//! A Rust file with its comments, strings and character literals blanked out, so that a word found in it is code.

use std::path::{Path, PathBuf};

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    /// As it stands on disk.
    pub(crate) raw: String,
    /// The same, with everything that is not code replaced by spaces. Line breaks stay where they were.
    pub(crate) code: String,
}

impl Source {
    /// Reads a file of the repository.
    pub(crate) fn read(path: &Path) -> Self {
        let raw = super::text_of(&path.to_string_lossy());
        let parts: PathBuf = path.components().collect();
        Self { path: parts.to_string_lossy().replace('\\', "/"), code: code_only(&raw), raw }
    }

    /// `path:line: ` of a byte offset, for complaints.
    pub(crate) fn at(&self, offset: usize) -> String {
        let line = self.raw.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}: ", self.path)
    }

    /// Lines that hold code.
    pub(crate) fn code_lines(&self) -> usize {
        self.code.lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// Offsets of `word` where it stands alone, not as a part of a longer name.
    pub(crate) fn words(&self, word: &str) -> Vec<usize> {
        let name = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        let bytes = self.code.as_bytes();
        self.code
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|at| {
                !name(at.checked_sub(1).map(|i| bytes[i])) && !name(bytes.get(at + word.len()).copied())
            })
            .collect()
    }
}

/// What a scanner is inside of.
enum Inside {
    Code,
    Line,
    Block(usize),
    Text,
    Raw(usize),
}

/// Blanks out comments, strings and character literals, byte for byte, so that offsets stay true.
pub(crate) fn code_only(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let (mut inside, mut at) = (Inside::Code, 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (next, step, keep) = match inside {
            Inside::Code if rest.starts_with(b"//") => (Inside::Line, 2, false),
            Inside::Code if rest.starts_with(b"/*") => (Inside::Block(1), 2, false),
            Inside::Code if rest[0] == b'"' => (Inside::Text, 1, false),
            Inside::Code => match (raw_string(bytes, at), char_literal(rest)) {
                (Some((hashes, step)), _) => (Inside::Raw(hashes), step, false),
                (None, Some(step)) => (Inside::Code, step, false),
                (None, None) => (Inside::Code, 1, true),
            },
            Inside::Line if rest[0] == b'\n' => (Inside::Code, 1, true),
            Inside::Block(1) if rest.starts_with(b"*/") => (Inside::Code, 2, false),
            Inside::Block(n) if rest.starts_with(b"*/") => (Inside::Block(n - 1), 2, false),
            Inside::Block(n) if rest.starts_with(b"/*") => (Inside::Block(n + 1), 2, false),
            Inside::Text if rest[0] == b'\\' => (Inside::Text, 2, false),
            Inside::Text if rest[0] == b'"' => (Inside::Code, 1, false),
            Inside::Raw(n)
                if rest[0] == b'"' && rest[1..].iter().take_while(|b| **b == b'#').count() >= n =>
            {
                (Inside::Code, 1 + n, false)
            }
            other => (other, 1, false),
        };
        for byte in rest.iter().take(step) {
            out.push(if keep || *byte == b'\n' { *byte } else { b' ' });
        }
        inside = next;
        at += step;
    }
    String::from_utf8(out).expect("blanks keep text valid")
}

/// A raw string that begins here: how many `#`, and how many bytes until its text.
fn raw_string(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let before = at.checked_sub(1).map_or(b' ', |i| bytes[i]);
    let name_goes_on = before.is_ascii_alphanumeric() || before == b'_';
    let prefix = if bytes[at..].starts_with(b"br") { 2 } else { usize::from(bytes[at] == b'r') };
    let hashes = bytes[at + prefix..].iter().take_while(|b| **b == b'#').count();
    let quoted = bytes.get(at + prefix + hashes) == Some(&b'"');
    (prefix > 0 && quoted && !name_goes_on).then_some((hashes, prefix + hashes + 1))
}

/// The length of the character literal that begins here; a lifetime is none.
fn char_literal(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|b| *b == b'\'').map(|end| end + 4);
    }
    let text = std::str::from_utf8(rest.get(1..rest.len().min(5))?)
        .or_else(|e| std::str::from_utf8(&rest[1..=e.valid_up_to()]));
    let first = text.ok()?.chars().next()?.len_utf8();
    (rest.get(1 + first) == Some(&b'\'')).then_some(first + 2)
}

#[test]
fn only_code_remains() {
    for (raw, code) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("x // y", g)"#, r#"f(        , g)"#),
        (r#"f("\"", g)"#, r#"f(    , g)"#),
        ("let c = '\"'; d", "let c =    ; d"),
        ("let c = '\\''; d", "let c =     ; d"),
        ("&'a str", "&'a str"),
        ("r#\"a\"b\"# c", "         c"),
        ("for\"x\"", "for   "),
        ("'é' x", "     x"),
    ] {
        assert_eq!(code_only(raw).trim_end(), code.trim_end(), "{raw}");
        assert_eq!(code_only(raw).len(), raw.len(), "{raw}");
    }
}
