//! What a node received, in words that two runs can be compared by.
//!
//! With `TIDINGS_RECORD` a node writes down every frame that comes in, after the transport has decrypted it. Two runs
//! with real processes have different keys, so the bytes differ; what is left to compare is said here for each frame: its
//! protocol, its variant, its length, and every field that is not random. Ids of epochs are random, and handles follow the
//! random order of tags; which frames speak of the same one is not: they are numbered by their first appearance.
//!
//! | compared | left out, and why |
//! | --- | --- |
//! | sequence numbers, intervals, floors, counts, classes, lengths of sealed bodies, whether an entry expires, the reason of a Bye | tags, nonces, sums, digests, ids of entries and parcels, keys, signatures, ciphertext: random, or made of what is random |
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
                self.said(last.0.saturating_sub(20), usize::MAX)
            );
            std::thread::sleep(Duration::from_millis(50));
            let len = self.len();
            if len != last.0 {
                last = (len, Instant::now());
            }
        }
        last.0
    }

    /// What was said from one line to another.
    pub fn said(&self, from: usize, to: usize) -> Said {
        let lines = self.lines();
        let people = people(&lines);
        let mut said = Said::new();
        let mut blobs: BTreeMap<String, u64> = BTreeMap::new();
        let mut labels: BTreeMap<String, Labels> = BTreeMap::new();
        for line in lines.iter().take(to).skip(from) {
            let who = people.get(&line.node).cloned().unwrap_or_else(|| format!("node {}", line.node));
            match &line.bytes {
                // How a transport cuts a stream of bytes is timing: only their number counts.
                None => *blobs.entry(who).or_default() += line.len,
                Some(bytes) => {
                    let words = words(line, bytes, labels.entry(who.clone()).or_default());
                    said.entry(who).or_default().push(words);
                }
            }
        }
        for (who, len) in blobs {
            said.entry(who).or_default().push(format!("{len} bytes of blobs"));
        }
        said
    }

    /// What was said from one line to another, without its order and ways.
    pub fn told(&self, from: usize, to: usize) -> Told {
        let mut entries = BTreeMap::new();
        for line in self.lines().iter().take(to).skip(from).filter(|line| line.protocol == "/tidings/sync/1")
        {
            let frame = Frame::decode(line.bytes.as_deref().unwrap_or_default());
            let Ok(Some(Frame::Entry(entry))) = frame else { continue };
            let header = Header::decode(&entry.header).expect("a header");
            entries.insert(header.id(), (header.seq(), header.body_len(), header.expire_day().is_some()));
        }
        let mut entries: Vec<_> = entries.into_values().collect();
        entries.sort_unstable();
        let mut others = BTreeMap::new();
        for (who, frames) in self.said(from, to) {
            let counts: &mut BTreeMap<String, usize> = others.entry(who).or_default();
            let of_entries = ["Entry, ", "Head, ", "Digest, ", "Digests, ", "Have, ", "Want, "];
            for frame in
                frames.into_iter().filter(|frame| !of_entries.iter().any(|word| frame.contains(word)))
            {
                // Numbers by first appearance follow the race as well.
                let kind = frame.split(", handle").next().unwrap_or_default().to_owned();
                *counts.entry(kind).or_default() += 1;
            }
        }
        Told { entries, others }
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

/// What a record tells, whatever the order and the way.
///
/// What several have is told of by all of them. Who sends an entry and who only says that it is there, who lists what it
/// has and who had said so already: that is a race between streams. Not a race is which entries come at last, and every
/// frame of another kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// Number, sealed length and whether it expires, of every entry that came; once, however often it came.
    pub entries: Vec<(u64, u32, bool)>,
    /// Frames by sender that are neither entries nor about which entries there are.
    pub others: BTreeMap<String, BTreeMap<String, usize>>,
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

fn words(line: &Line, bytes: &[u8], labels: &mut Labels) -> String {
    let content = match line.protocol.as_str() {
        "/tidings/sync/1" => sync_words(bytes, labels),
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

/// Numbers for what is random, by first appearance.
#[derive(Debug, Default)]
struct Labels {
    epochs: Vec<EpochId>,
    handles: Vec<u32>,
}

fn label<T: PartialEq>(known: &mut Vec<T>, value: T) -> usize {
    known.iter().position(|other| *other == value).unwrap_or_else(|| {
        known.push(value);
        known.len() - 1
    })
}

fn sync_words(bytes: &[u8], labels: &mut Labels) -> String {
    let Ok(Some(frame)) = Frame::decode(bytes) else { return format!("undecodable, {:?}", bytes.get(..2)) };
    let Labels { epochs, handles } = labels;
    let mut of = |handle: u32| format!("handle {}", label(handles, handle));
    match frame {
        Frame::Hello(hello) => format!("Hello, features {}", hello.features),
        Frame::Mine { handle, epoch } => format!("Mine, {}, epoch {}", of(handle), label(epochs, epoch)),
        Frame::Tags { class, tags } => format!("Tags, class {class}, {} tags", tags.len()),
        // Which tag matched is as random as their order.
        Frame::Matched(items) => format!("Matched, {} items", items.len()),
        Frame::MatchedRun(run) => format!("MatchedRun, {} items", run.indices.len()),
        Frame::Digest { handle, .. } => format!("Digest, {}", of(handle)),
        Frame::Digests { places, .. } => format!("Digests, of {}", places.count()),
        Frame::Have(have) => {
            let known: Vec<_> = have.intervals.intervals().collect();
            format!("Have, {}, floor {}, {}..={}, {known:?}", of(have.handle), have.floor, have.lo, have.hi)
        }
        Frame::Want { handle, intervals } => {
            format!("Want, {}, {:?}", of(handle), intervals.intervals().collect::<Vec<_>>())
        }
        Frame::WantIds(ids) => format!("WantIds, {} ids", ids.len()),
        Frame::Entry(entry) => match Header::decode(&entry.header) {
            Ok(header) => format!(
                "Entry, {}, epoch {}, number {}, {} B sealed, expires: {}",
                entry.handle.map_or_else(|| "no handle".to_owned(), of),
                label(epochs, header.epoch()),
                header.seq(),
                header.body_len(),
                header.expire_day().is_some()
            ),
            Err(error) => format!("Entry with a bad header: {error}"),
        },
        Frame::Gone(gone) => {
            let left = if matches!(gone.left, sync::Left::Id(_)) { "id" } else { "header" };
            format!("Gone, {}, number {}, {left}", of(gone.handle), gone.seq)
        }
        Frame::Ids(ids) => {
            let numbers: Vec<u64> = ids.pairs.iter().map(|(seq, _)| *seq).collect();
            format!("Ids, {}, {}..={}, numbers {numbers:?}", of(ids.handle), ids.lo, ids.hi)
        }
        Frame::Head { handle, seq } => format!("Head, {}, number {seq}", of(handle)),
        Frame::Bye(reason) => format!("Bye, {reason:?}"),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("the record holds hex"))
        .collect()
}
