//! A test aid: a record of everything that comes in, after the transport has decrypted it.
//!
//! It serves to show that a friend who is left out of an audience receives nothing of it, whatever anybody sends. It is
//! off unless it is asked for, and then costs a line for each frame; nothing is recorded of what is sent.
//!
//! Each line of the file is one JSON object:
//! `{"at_ms":1764000000000,"node":"ab…","protocol":"/tidings/sync/1","variant":3,"len":120,"hex":"0103…"}`.
//! `variant` is the frame's second byte (null if there is none). For the bytes of a blob, `variant` and `hex` are null
//! and `len` is how many came.
//!
//! Source: docs/protocol.md 4.4.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::id::{NodeId, hex};
use crate::link::Protocol;

/// Hears of everything that comes in. Called from many tasks at once; must not block for long.
pub trait Recorder: Send + Sync {
    /// A frame has come.
    fn frame(&self, node: &NodeId, protocol: Protocol, frame: &[u8]);
    /// Bytes of a blob have come, hash pairs included.
    fn blob(&self, node: &NodeId, len: u64);
}

/// Writes the record as lines of JSON to the end of a file.
#[derive(Debug)]
pub struct JsonLines {
    file: Mutex<File>,
}

impl JsonLines {
    /// Opens the file, makes it if need be.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Mutex::new(file) })
    }

    fn line(&self, node: &NodeId, protocol: Protocol, variant: Option<u8>, len: u64, content: Option<&[u8]>) {
        #[expect(
            clippy::disallowed_methods,
            reason = "the recorder belongs to the shell; nothing is decided by its time"
        )]
        let now = SystemTime::now();
        let at_ms = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let variant = variant.map_or_else(|| "null".to_owned(), |variant| variant.to_string());
        let content = content.map_or_else(|| "null".to_owned(), |content| format!("\"{}\"", hex(content)));
        let protocol = protocol.name();
        let line = format!(
            "{{\"at_ms\":{at_ms},\"node\":\"{node}\",\"protocol\":\"{protocol}\",\"variant\":{variant},\"len\":{len},\"hex\":{content}}}\n"
        );
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // One write for each line, so that a line is whole even if the program is killed after it.
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::warn!(%error, "the record of frames has a gap");
        }
    }
}

impl Recorder for JsonLines {
    fn frame(&self, node: &NodeId, protocol: Protocol, frame: &[u8]) {
        let len = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        self.line(node, protocol, frame.get(1).copied(), len, Some(frame));
    }

    fn blob(&self, node: &NodeId, len: u64) {
        self.line(node, Protocol::Blob, None, len, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_lines_of_json() {
        let dir = tempfile::tempdir().expect("folder");
        let path = dir.path().join("record.jsonl");
        let record = JsonLines::open(&path).expect("open");
        let node = NodeId::from_bytes([0xab; 32]);
        record.frame(&node, Protocol::Sync, &[1, 3, 0xff]);
        record.frame(&node, Protocol::Mail, &[1]);
        record.blob(&node, 70_000);
        let text = std::fs::read_to_string(&path).expect("read");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("json")).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["node"], "ab".repeat(32));
        assert_eq!(lines[0]["protocol"], "/tidings/sync/1");
        assert_eq!((&lines[0]["variant"], &lines[0]["len"]), (&3.into(), &3.into()));
        assert_eq!(lines[0]["hex"], "0103ff");
        assert!(lines[0]["at_ms"].as_u64().is_some_and(|at| at > 1_700_000_000_000));
        assert!(lines[1]["variant"].is_null());
        assert!(lines[2]["hex"].is_null());
        assert_eq!(lines[2]["len"], 70_000);
    }
}
