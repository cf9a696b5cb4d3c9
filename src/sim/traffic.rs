//! What went over the wires: frames and bytes by kind, entries received and kept.

use std::collections::BTreeMap;

use crate::link::Protocol;

/// Bytes of its length in front of each frame. *spec 3.7*
pub(super) const LENGTH_BYTES: u64 = 4;

/// Counters; two of them can be subtracted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// Frames and bytes by kind.
    pub(super) kinds: BTreeMap<&'static str, (u64, u64)>,
    pub(super) bytes: u64,
    pub(super) entries_received: u64,
    pub(super) entries_kept: u64,
    pub(super) entry_bytes: u64,
    pub(super) connections: u64,
    pub(super) connections_lost: u64,
    /// Milliseconds that connections lasted, one after the other.
    pub(super) connected_ms: u64,
    pub(super) dials: u64,
    pub(super) dials_in_vain: u64,
    pub(super) starts: u64,
    pub(super) crashes: u64,
    pub(super) lies: u64,
    /// Friends put into tags.
    pub(super) tag_changes: u64,
}

impl Traffic {
    pub(super) fn frame(&mut self, kind: &'static str, bytes: u64) {
        let counted = self.kinds.entry(kind).or_default();
        counted.0 += 1;
        counted.1 += bytes;
        self.bytes += bytes;
    }

    pub(super) fn frames(&self, kind: &str) -> u64 {
        self.kinds.get(kind).map_or(0, |(frames, _)| *frames)
    }

    /// What came on top of `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let of = |kind: &str| before.kinds.get(kind).copied().unwrap_or_default();
        let kinds = self.kinds.iter().map(|(kind, (frames, bytes))| {
            let (old_frames, old_bytes) = of(kind);
            (*kind, (frames - old_frames, bytes - old_bytes))
        });
        Self {
            kinds: kinds.collect(),
            bytes: self.bytes - before.bytes,
            entries_received: self.entries_received - before.entries_received,
            entries_kept: self.entries_kept - before.entries_kept,
            entry_bytes: self.entry_bytes - before.entry_bytes,
            connections: self.connections - before.connections,
            connections_lost: self.connections_lost - before.connections_lost,
            connected_ms: self.connected_ms - before.connected_ms,
            dials: self.dials - before.dials,
            dials_in_vain: self.dials_in_vain - before.dials_in_vain,
            starts: self.starts - before.starts,
            crashes: self.crashes - before.crashes,
            lies: self.lies - before.lies,
            tag_changes: self.tag_changes - before.tag_changes,
        }
    }
}

/// The kind of a frame, by the variant that stands behind its version (docs/protocol.md 3.7).
pub(super) fn kind(protocol: Protocol, frame: &[u8]) -> &'static str {
    match (protocol, frame.get(1)) {
        (Protocol::Sync, Some(1)) => "Hello",
        (Protocol::Sync, Some(2)) => "Mine",
        (Protocol::Sync, Some(3)) => "Tags",
        (Protocol::Sync, Some(4)) => "Matched",
        (Protocol::Sync, Some(5)) => "Digest",
        (Protocol::Sync, Some(6)) => "Have",
        (Protocol::Sync, Some(7)) => "Want",
        (Protocol::Sync, Some(8)) => "WantIds",
        (Protocol::Sync, Some(9)) => "Entry",
        (Protocol::Sync, Some(10)) => "Gone",
        (Protocol::Sync, Some(11)) => "Ids",
        (Protocol::Sync, Some(12)) => "Head",
        (Protocol::Sync, Some(13)) => "Bye",
        (Protocol::Sync, Some(14)) => "Digests",
        (Protocol::Mail, Some(1)) => "Put",
        (Protocol::Mail, Some(2)) => "Kept",
        (Protocol::Mail, Some(3)) => "Full",
        (Protocol::Mail, Some(4)) => "Deliver",
        (Protocol::Mail, Some(5)) => "Taken",
        _ => "other",
    }
}
