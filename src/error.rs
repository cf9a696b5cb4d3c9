//! What an application is told when something cannot be done: a stable code, a sentence, and a way on.
//!
//! Inside the machines each module has its own error enum by whose fault it is; this is the one face they all get at
//! the door. [`Kind`] decides the exit code of the program and the status of the API (INTERFACES: 1 to 5).

use std::fmt;

/// What sort of failure, and so which exit code and HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was tried and failed (disk, damaged store, our own fault). Exit 1.
    Failed,
    /// The request makes no sense. Exit 2.
    Usage,
    /// There is no identity here, or no running node where one is needed. Exit 3.
    NotHere,
    /// No such person, moment, tag; or more than one fits. Exit 4.
    NotFound,
    /// Not allowed, or a limit is reached; the message says which. Exit 5.
    Refused,
}

impl Kind {
    /// The exit code of the program.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotHere => 3,
            Self::NotFound => 4,
            Self::Refused => 5,
        }
    }
}

/// An error that a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The sort.
    pub kind: Kind,
    /// A stable word for programs and translations, such as `no_such_person`.
    pub code: &'static str,
    /// What happened: a sentence without a full stop.
    pub message: String,
    /// What to do next: a sentence without a full stop; may be empty.
    pub help: String,
    /// What the sentence names, by stable names, so that a translation need not lose it: a limit, a person.
    pub values: Vec<(&'static str, Value)>,
}

/// Something that an error names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number, such as a limit.
    Number(u64),
    /// A name or a word, as somebody wrote it.
    Text(String),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(u64::try_from(number).unwrap_or(u64::MAX))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Shorthand used by everything an application calls.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A new error.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), help: help.into(), values: Vec::new() }
    }

    /// The same error, with something that it names.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    /// It was tried and failed.
    pub fn failed(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::Failed, code, message, help)
    }

    /// The request makes no sense.
    pub fn usage(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::Usage, code, message, help)
    }

    /// Nothing of that name.
    pub fn not_found(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, code, message, help)
    }

    /// Not allowed, or a limit is reached.
    pub fn refused(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::Refused, code, message, help)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "; {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
