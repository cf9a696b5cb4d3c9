//! A script of the page taken apart: what is code, and which texts stand in it. Comments are nowhere.
//!
//! It is no parser: a slash begins a regular expression where no value stands before it. That is enough for code that is
//! not trying to fool it.

/// A text in a script.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Where it begins, in bytes.
    pub(crate) at: usize,
    /// What it says; of a template the piece up to a `${`.
    pub(crate) text: String,
    /// Whether it is a piece of a template that goes on with a value.
    pub(crate) goes_on: bool,
}

/// One script.
#[derive(Debug)]
pub(crate) struct Script {
    /// Code alone: texts and comments are blanks of the same length.
    pub(crate) code: String,
    /// Its texts, in order.
    pub(crate) literals: Vec<Literal>,
}

/// What the scanner does until it comes back to plain code.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    code: Vec<u8>,
    literals: Vec<Literal>,
    /// Depth of braces, one for each `${` that is open.
    templates: Vec<usize>,
}

impl Script {
    pub(crate) fn read(raw: &str) -> Self {
        let mut scanner = Scanner {
            bytes: raw.as_bytes(),
            at: 0,
            code: raw.bytes().map(|byte| if byte == b'\n' { b'\n' } else { b' ' }).collect(),
            literals: Vec::new(),
            templates: Vec::new(),
        };
        scanner.code();
        Self {
            code: String::from_utf8(scanner.code).expect("blanks and ASCII code"),
            literals: scanner.literals,
        }
    }
}

impl Scanner<'_> {
    fn code(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            let rest = &self.bytes[self.at..];
            match byte {
                b'/' if rest.starts_with(b"//") => self.skip(|rest| rest[0] == b'\n'),
                b'/' if rest.starts_with(b"/*") => {
                    self.at += 2;
                    self.skip(|rest| rest.starts_with(b"*/"));
                    self.at += 2;
                }
                b'/' if self.begins_expression() => self.expression(),
                b'"' | b'\'' => self.text(byte),
                b'`' => self.template(),
                b'}' if self.templates.last() == Some(&0) => {
                    self.templates.pop();
                    self.template();
                }
                _ => {
                    match (byte, self.templates.last_mut()) {
                        (b'{', Some(depth)) => *depth += 1,
                        (b'}', Some(depth)) => *depth -= 1,
                        _ => {}
                    }
                    if byte.is_ascii() {
                        self.code[self.at] = byte;
                    }
                    self.at += 1;
                }
            }
        }
    }

    fn skip(&mut self, is_end: impl Fn(&[u8]) -> bool) {
        while self.at < self.bytes.len() && !is_end(&self.bytes[self.at..]) {
            self.at += 1;
        }
    }

    /// Whether no value stands before this slash.
    fn begins_expression(&self) -> bool {
        let before = self.code[..self.at].iter().rev().find(|byte| !byte.is_ascii_whitespace());
        before.is_none_or(|byte| b"(,=:[!&|?{};>".contains(byte))
    }

    fn expression(&mut self) {
        let mut in_class = false;
        self.at += 1;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            match byte {
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => return,
                _ => {}
            }
        }
    }

    fn text(&mut self, quote: u8) {
        let begin = self.at;
        self.code[begin] = b'"';
        self.at += 1;
        while self.bytes.get(self.at).is_some_and(|&byte| byte != quote) {
            self.at += if self.bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.keep(begin + 1, self.at, false);
        self.at += 1;
    }

    /// A piece of a template, from a backquote or the end of a value.
    fn template(&mut self) {
        let begin = self.at + 1;
        self.at = begin;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'`' => {
                    self.keep(begin, self.at, false);
                    self.at += 1;
                    return;
                }
                b'$' if self.bytes.get(self.at + 1) == Some(&b'{') => {
                    self.keep(begin, self.at, true);
                    self.at += 2;
                    self.templates.push(0);
                    return;
                }
                _ => self.at += 1,
            }
        }
    }

    fn keep(&mut self, begin: usize, end: usize, goes_on: bool) {
        let end = end.min(self.bytes.len());
        let text = String::from_utf8_lossy(&self.bytes[begin.min(end)..end]).into_owned();
        self.literals.push(Literal { at: begin, text, goes_on });
    }
}

#[test]
fn texts_and_code_are_told_apart() {
    let raw =
        "const a = \"one\"; // \"no\"\n/* 'no' */ b(/[\"/]x/g, `two ${c({ d: 'three' })} four`); e / f / g;";
    let script = Script::read(raw);
    let texts: Vec<_> =
        script.literals.iter().map(|literal| (literal.text.as_str(), literal.goes_on)).collect();
    assert_eq!(texts, [("one", false), ("two ", true), ("three", false), (" four", false)]);
    assert!(script.code.contains("e / f / g;") && !script.code.contains("no"), "{}", script.code);
    assert_eq!(script.code.len(), raw.len());
}
