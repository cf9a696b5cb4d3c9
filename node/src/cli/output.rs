//! Printing: JSON or text, errors to stderr, colour only where somebody looks.

use std::io::{IsTerminal, Write};

use serde_json::Value;

use crate::error::Error;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct Out {
    /// JSON rather than text.
    pub json: bool,
    /// Colours.
    pub color: bool,
    /// Whether somebody sits at the other end: progress, QR codes.
    pub terminal: bool,
}

impl Out {
    /// For this process.
    pub fn new(json: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { json, color: terminal && !plain && !json, terminal }
    }

    /// Prints an answer: the value itself, or what `text` makes of it.
    pub fn answer(&self, value: &Value, text: impl FnOnce(&Self, &Value) -> String) {
        if self.json {
            self.line(&value.to_string());
        } else {
            self.line(text(self, value).trim_end());
        }
    }

    /// Prints a line. A reader that went away ends the process quietly, as it does for every tool in a pipe.
    pub fn line(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        if writeln!(stdout, "{text}").and_then(|()| stdout.flush()).is_err() {
            std::process::exit(0);
        }
    }

    /// Tells a person something beside the answer.
    pub fn note(&self, text: &str) {
        // Nobody to tell if stderr is closed.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Prints an error to stderr.
    pub fn error(&self, error: &Error) {
        if self.json {
            let mut value = error.to_json();
            if let Some(fields) = value.get_mut("error").and_then(Value::as_object_mut) {
                // The process itself ends with it.
                fields.remove("exit");
            }
            self.note(&value.to_string());
        } else {
            self.note(&format!("tidings: {error}"));
        }
    }

    /// `text` in a style, where there are colours.
    pub fn style(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Warm => "33",
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// How a piece of text stands out.
#[derive(Debug, Clone, Copy)]
pub enum Style {
    /// Names.
    Strong,
    /// Ids and times.
    Faint,
    /// Things that are well.
    Good,
    /// Things that wait.
    Warm,
}
