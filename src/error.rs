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
}

/// Shorthand used by everything an application calls.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A new error.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), help: help.into() }
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
