//! An error as a person, a script or the page meets it: one shape for the command line and the API.
//!
//! The library says what went wrong ([`tidings::error::Error`]); the program adds what only a program can know:
//! a wrong flag, a file that is not there, a node that does not answer. Both become this value, which knows
//! three ways out: a sentence on stderr with an exit code, a JSON object on stderr, an HTTP answer.
//!
//! An error that came from a running node over HTTP is read back into the same value, so that a command ends the same
//! way whether a node did the work or the command itself.
//!
//! Source: the exit codes of `tidings --help`.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Value, json};
use tidings::error::{Kind, Value as Named};

/// Shorthand of the program.
pub type Result<T> = std::result::Result<T, Error>;

/// An error that a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The sort: decides the exit code.
    pub kind: Kind,
    /// HTTP status, where the sort alone does not decide it.
    pub status: Option<u16>,
    /// A stable word for programs and translations.
    pub code: Cow<'static, str>,
    /// What happened.
    pub message: String,
    /// What to do next; may be empty.
    pub help: String,
    /// What the sentence names, for translations. Empty in an error that came over the wire: a command says the sentence.
    pub values: Vec<(&'static str, Named)>,
}

impl Error {
    /// A new error.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            kind,
            status: None,
            code: Cow::Borrowed(code),
            message: message.into(),
            help: help.into(),
            values: Vec::new(),
        }
    }

    /// The same error, with something that it names.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Named>) -> Self {
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

    /// No identity, or no running node.
    pub fn not_here(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::NotHere, code, message, help)
    }

    /// Nothing of that name.
    pub fn not_found(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, code, message, help)
    }

    /// Not allowed, or a limit is reached.
    pub fn refused(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Kind::Refused, code, message, help)
    }

    /// The same error with a status of its own.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// A file or folder that could not be read or written. No room is a refusal, as everywhere else.
    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
            return Self::refused(
                "disk_full",
                format!("{what} {}: {error}", path.display()),
                "make room on the disk; nothing was changed",
            );
        }
        Self::failed(
            "io",
            format!("{what} {}: {error}", path.display()),
            "check that the path exists and that you may use it",
        )
    }

    /// The HTTP status.
    pub fn http_status(&self) -> u16 {
        self.status.unwrap_or_else(|| match self.kind {
            Kind::Failed => 500,
            Kind::Usage => 400,
            Kind::NotHere | Kind::NotFound => 404,
            Kind::Refused if is_size(&self.code) => 413,
            Kind::Refused if self.code.contains("rate") || self.code.contains("too_often") => 429,
            Kind::Refused => 403,
        })
    }

    /// `{"error":{"code","message","help","exit"}}`, and `values` where the sentence names something.
    pub fn to_json(&self) -> Value {
        let mut error = json!({
            "code": self.code,
            "message": self.message,
            "help": self.help,
            "exit": self.kind.exit_code(),
        });
        if !self.values.is_empty() {
            let values: serde_json::Map<String, Value> =
                self.values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            error["values"] = Value::Object(values);
        }
        json!({"error": error})
    }

    /// Reads an answer of the API back. An answer of another shape is an error too: somebody else sits on that port.
    pub fn from_answer(status: u16, body: &Value) -> Self {
        let text = |key: &str| body.get("error").and_then(|e| e.get(key)).and_then(Value::as_str);
        let exit = body.get("error").and_then(|e| e.get("exit")).and_then(Value::as_u64);
        let (Some(code), Some(message)) = (text("code"), text("message")) else {
            return Self::failed(
                "strange_answer",
                format!("the node answered with status {status} and nothing that this version understands"),
                "stop the node and start it again with the same version of tidings",
            );
        };
        let kind = match exit {
            Some(2) => Kind::Usage,
            Some(3) => Kind::NotHere,
            Some(4) => Kind::NotFound,
            Some(5) => Kind::Refused,
            _ => Kind::Failed,
        };
        Self {
            kind,
            status: Some(status),
            code: Cow::Owned(code.to_owned()),
            message: message.to_owned(),
            help: text("help").unwrap_or_default().to_owned(),
            values: Vec::new(),
        }
    }
}

/// Whether a code speaks of a size: 413 rather than 403.
fn is_size(code: &str) -> bool {
    code.starts_with("too_many") || code.contains("too_l") || code.ends_with("_limit")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  {}", self.help)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

impl From<tidings::error::Error> for Error {
    fn from(error: tidings::error::Error) -> Self {
        Self {
            kind: error.kind,
            status: None,
            code: Cow::Borrowed(error.code),
            message: error.message,
            help: error.help,
            values: error.values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_comes_back_from_the_wire_as_it_went() {
        for kind in [Kind::Failed, Kind::Usage, Kind::NotHere, Kind::NotFound, Kind::Refused] {
            let sent = Error::new(kind, "some_code", "what happened", "what to do");
            let back = Error::from_answer(sent.http_status(), &sent.to_json());
            assert_eq!(
                (back.kind, back.code, back.message, back.help),
                (kind, sent.code, sent.message, sent.help)
            );
        }
    }

    #[test]
    fn what_an_error_names_is_in_its_json_and_nothing_where_it_names_nothing() {
        let error = Error::refused("tag_limit", "", "").with("limit", 9_usize).with("name", "Bob");
        assert_eq!(error.to_json()["error"]["values"], json!({"limit": 9, "name": "Bob"}));
        assert!(Error::refused("x", "", "").to_json()["error"].get("values").is_none());
    }

    #[test]
    fn a_full_disk_is_a_refusal_and_another_failure_of_a_file_is_not() {
        let kind = |error: std::io::ErrorKind| {
            let error = Error::io("cannot write", std::path::Path::new("x"), &error.into());
            (error.kind.exit_code(), error.code.into_owned())
        };
        assert_eq!(kind(std::io::ErrorKind::StorageFull), (5, "disk_full".to_owned()));
        assert_eq!(kind(std::io::ErrorKind::QuotaExceeded), (5, "disk_full".to_owned()));
        assert_eq!(kind(std::io::ErrorKind::PermissionDenied), (1, "io".to_owned()));
    }

    #[test]
    fn the_status_follows_the_sort_and_the_limit() {
        let status = |kind, code| Error::new(kind, code, "", "").http_status();
        assert_eq!(status(Kind::Usage, "x"), 400);
        assert_eq!(status(Kind::NotFound, "no_such_person"), 404);
        assert_eq!(status(Kind::Refused, "blocked"), 403);
        assert_eq!(status(Kind::Refused, "too_many_photos"), 413);
        assert_eq!(status(Kind::Refused, "text_too_long"), 413);
        assert_eq!(status(Kind::Refused, "invite_rate"), 429);
        assert_eq!(Error::refused("x", "", "").with_status(401).http_status(), 401);
    }

    #[test]
    fn an_answer_of_another_shape_is_a_failure_not_a_panic() {
        assert_eq!(Error::from_answer(200, &Value::Null).kind, Kind::Failed);
        assert_eq!(Error::from_answer(500, &json!({"error": "text"})).code, "strange_answer");
    }
}
