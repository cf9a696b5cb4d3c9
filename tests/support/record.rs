//! What a node received, in words that two runs can be compared by.
//!
//! With `TIDINGS_RECORD` a node writes down every frame that comes in, after the transport has decrypted it. Two runs
//! with real processes have different keys, so the bytes differ; what is left to compare is said here for each frame: its
//! protocol, its variant, its length, and every field that is not random. Ids of epochs are random too, but which frames
//! speak of the same epoch is not: they are numbered by their first appearance.
//!
//! | compared | left out, and why |
//! | --- | --- |
//! | handles, sequence numbers, intervals, floors, counts, classes, lengths of sealed bodies, whether an entry expires, the reason of a Bye | tags, nonces, sums, digests, ids of entries and parcels, keys, signatures, ciphertext: random, or made of what is random |
//!
//! The ping protocol carries 32 random bytes every minute between any two nodes, whatever happens; it is not recorded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tidings::entry::Header;
use tidings::id::EpochId;
use tidings::identity::IdentityRecord;
use tidings::sync::Frame;
use tidings::{mail, sync};

use super::PATIENCE;

/// Frames by sender (a user id), each sender's in the order of their coming.
pub type Said = BTreeMap<String, Vec<String>>;

/// A record that grows.
#[derive(Debug)]
pub struct Record {
    file: PathBuf,
}

/// One line.
struct Line {
    node: String,
    protocol: String,
    len: u64,
    variant: Option<u64>,
    bytes: Option<Vec<u8>>,
}

impl Record {
    /// The record in a file.
    pub fn at(file: &Path) -> Self {
        Self { file: file.to_path_buf() }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        std::fs::read_to_string(&self.file).unwrap_or_default().lines().count()
    }

    /// Waits until nothing has come for a while, and gives the number of lines then.
    pub fn wait_quiet(&self, silence: Duration) -> usize {
        let begun = Instant::now();
        let mut last = (self.len(), Instant::now());
        while last.1.elapsed() < silence {
            assert!(
                begun.elapsed() < PATIENCE,
                "frames come without an end: {:#?}",
                self.said_from(last.0 - 20)
            );
            std::thread::sleep(Duration::from_millis(50));
            let len = self.len();
            if len != last.0 {
                last = (len, Instant::now());
            }
        }
        last.0
    }

    /// What was said from a line on.
    pub fn said_from(&self, from: usize) -> Said {
        let lines = self.lines();
        let people = people(&lines);
        let mut said = Said::new();
        let mut blobs: BTreeMap<String, u64> = BTreeMap::new();
        let mut epochs: BTreeMap<String, Vec<EpochId>> = BTreeMap::new();
        for line in lines.iter().skip(from) {
            let who = people.get(&line.node).cloned().unwrap_or_else(|| format!("node {}", line.node));
            match &line.bytes {
                // How a transport cuts a stream of bytes is timing: only their number counts.
                None => *blobs.entry(who).or_default() += line.len,
                Some(bytes) => {
                    let words = words(line, bytes, epochs.entry(who.clone()).or_default());
                    said.entry(who).or_default().push(words);
                }
            }
        }
        for (who, len) in blobs {
            said.entry(who).or_default().push(format!("{len} bytes of blobs"));
        }
        said
    }

    fn lines(&self) -> Vec<Line> {
        let text = std::fs::read_to_string(&self.file).expect("the record is there");
        text.lines()
            .map(|line| {
                let value: Value = serde_json::from_str(line).expect("a line of the record is JSON");
                Line {
                    node: value["node"].as_str().unwrap_or_default().to_owned(),
                    protocol: value["protocol"].as_str().unwrap_or_default().to_owned(),
                    len: value["len"].as_u64().unwrap_or_default(),
                    variant: value["variant"].as_u64(),
                    bytes: value["hex"].as_str().map(unhex),
                }
            })
            .collect()
    }
}

/// The same frames without their order: two senders' streams, or two streams of one sender, may overtake each other.
pub fn counted(said: &Said) -> BTreeMap<&str, BTreeMap<&str, usize>> {
    said.iter()
        .map(|(who, frames)| {
            let mut counts = BTreeMap::new();
            frames.iter().for_each(|frame| *counts.entry(frame.as_str()).or_default() += 1);
            (who.as_str(), counts)
        })
        .collect()
}

/// Whose node is whose: their Hello shows their record.
fn people(lines: &[Line]) -> BTreeMap<String, String> {
    lines
        .iter()
        .filter_map(|line| {
            let bytes = line.bytes.as_ref().filter(|_| line.protocol == "/tidings/sync/1")?;
            let Ok(Some(Frame::Hello(hello))) = Frame::decode(bytes) else { return None };
            Some((line.node.clone(), IdentityRecord::open(&hello.identity).ok()?.user().to_string()))
        })
        .collect()
}

fn words(line: &Line, bytes: &[u8], epochs: &mut Vec<EpochId>) -> String {
    let content = match line.protocol.as_str() {
        "/tidings/sync/1" => sync_words(bytes, epochs),
        "/tidings/mail/1" => mail_words(bytes),
        _ => format!("variant {:?}", line.variant),
    };
    format!("{} {} B: {content}", line.protocol, line.len)
}

fn mail_words(bytes: &[u8]) -> String {
    match mail::Frame::decode(bytes) {
        // An envelope is ciphertext of a padded length.
        Ok(Some(mail::Frame::Put(_))) => "Put".to_owned(),
        Ok(Some(mail::Frame::Deliver(_))) => "Deliver".to_owned(),
        Ok(Some(mail::Frame::Taken(_))) => "Taken".to_owned(),
        other => format!("{other:?}"),
    }
}

fn sync_words(bytes: &[u8], epochs: &mut Vec<EpochId>) -> String {
    let Ok(Some(frame)) = Frame::decode(bytes) else { return format!("undecodable, {:?}", bytes.get(..2)) };
    let mut number = |epoch: EpochId| match epochs.iter().position(|known| *known == epoch) {
        Some(at) => at,
        None => {
            epochs.push(epoch);
            epochs.len() - 1
        }
    };
    match frame {
        Frame::Hello(hello) => format!("Hello, features {}", hello.features),
        Frame::Mine { handle, epoch } => format!("Mine, handle {handle}, epoch {}", number(epoch)),
        Frame::Tags { class, tags } => format!("Tags, class {class}, {} tags", tags.len()),
        // Which tag matched is as random as their order.
        Frame::Matched(items) => {
            format!("Matched, handles {:?}", items.iter().map(|item| item.handle).collect::<Vec<_>>())
        }
        Frame::Digest { handle, .. } => format!("Digest, handle {handle}"),
        Frame::Have(have) => format!(
            "Have, handle {}, floor {}, {}..={}, {:?}",
            have.handle,
            have.floor,
            have.lo,
            have.hi,
            have.intervals.intervals().collect::<Vec<_>>()
        ),
        Frame::Want { handle, intervals } => {
            format!("Want, handle {handle}, {:?}", intervals.intervals().collect::<Vec<_>>())
        }
        Frame::WantIds(ids) => format!("WantIds, {} ids", ids.len()),
        Frame::Entry(entry) => match Header::decode(&entry.header) {
            Ok(header) => format!(
                "Entry, handle {:?}, epoch {}, number {}, {} B sealed, expires: {}",
                entry.handle,
                number(header.epoch()),
                header.seq(),
                header.body_len(),
                header.expire_day().is_some()
            ),
            Err(error) => format!("Entry with a bad header: {error}"),
        },
        Frame::Gone(gone) => format!(
            "Gone, handle {}, number {}, {}",
            gone.handle,
            gone.seq,
            if matches!(gone.left, sync::Left::Id(_)) { "id" } else { "header" }
        ),
        Frame::Ids(ids) => format!(
            "Ids, handle {}, {}..={}, numbers {:?}",
            ids.handle,
            ids.lo,
            ids.hi,
            ids.pairs.iter().map(|(seq, _)| *seq).collect::<Vec<_>>()
        ),
        Frame::Head { handle, seq } => format!("Head, handle {handle}, number {seq}"),
        Frame::Bye(reason) => format!("Bye, {reason:?}"),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("the record holds hex"))
        .collect()
}
