//! The network: what a service orders becomes what others see, after the time it takes.
//!
//! What the real shell promises is kept: who gets in, order on a connection, what ends with a connection, how many
//! connections a node has. Streams lose nothing; connections are lost whole.

use std::collections::BTreeSet;

use super::Who;
use super::node::{address, who_at};
use super::traffic::{LENGTH_BYTES, Traffic, kind};
use super::world::{What, World};
use crate::crypto::keys::entry_id;
use crate::id::{EntryId, NodeId};
use crate::link::{Address, ConnId, DialId, Event, Order, Path, Protocol, StreamId};
use crate::sync;

/// A stream of a link; the first end is the link's dialler.
#[derive(Debug)]
pub(super) struct Stream {
    protocol: Protocol,
    open: bool,
    /// Its number on either side, where it is known.
    ids: [Option<StreamId>; 2],
    /// Entries that went to either side, by the beginnings of their ids.
    sent: [BTreeSet<u64>; 2],
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    /// The dialler first.
    pub(super) ends: [Who; 2],
    /// Whether each admitted the other when it last looked.
    admits: [bool; 2],
    streams: Vec<Stream>,
    latency_ms: u64,
    /// When it was made.
    since: u64,
    /// Until when what was sent to either side keeps the line busy.
    busy: [u64; 2],
}

impl Link {
    fn side(&self, who: Who) -> usize {
        usize::from(self.ends[0] != who)
    }

    fn other(&self, who: Who) -> Who {
        self.ends[1 - self.side(who)]
    }
}

const fn conn(link: u64, side: usize) -> ConnId {
    ConnId(link * 2 + side as u64)
}

/// The first bytes of an id, which are enough to tell entries of one simulation apart.
pub(super) fn short(id: &EntryId) -> u64 {
    u64::from_be_bytes(*id.as_bytes().first_chunk().expect("32 bytes"))
}

/// The id of the entry in a frame, if it is one.
fn entry_in(frame: &[u8]) -> Option<EntryId> {
    match sync::Frame::decode(frame) {
        Ok(Some(sync::Frame::Entry(entry))) => entry.header.first_chunk::<122>().map(entry_id),
        _ => None,
    }
}

impl World<'_> {
    /// Does what a service wants of the network.
    pub(super) fn carry_out(&mut self, who: Who, order: Order) {
        match order {
            Order::Admit { nodes } => self.admit(who, nodes),
            Order::Dial { attempt, node, addresses } => {
                let (at, starts) = (self.now + 2 * self.latency(who, who), self.nodes[who].starts);
                self.queue.put(at, What::Dial { from: who, starts, attempt, node, addresses });
            }
            Order::OpenStream { conn, stream, protocol } => {
                let link = conn.0 / 2;
                let Some(found) = self.links.get_mut(&link) else { return };
                let side = found.side(who);
                let mut ids = [None; 2];
                ids[side] = Some(stream);
                found.streams.push(Stream { protocol, open: true, ids, sent: Default::default() });
                let at = found.streams.len() - 1;
                self.nodes[who].streams.insert(stream, (link, at));
                self.send(link, 1 - side, 0, What::Asked { link, stream: at, side: 1 - side });
            }
            Order::Send { stream, frame } => self.send_frame(who, stream, frame),
            Order::CloseStream { stream } => {
                let Some((link, at)) = self.nodes[who].streams.remove(&stream) else { return };
                let Some(side) = self.links.get(&link).map(|found| 1 - found.side(who)) else { return };
                self.send(link, side, 0, What::CloseStream { link, stream: at, side });
            }
            Order::Hangup { conn } => {
                let link = conn.0 / 2;
                let Some(side) = self.links.get(&link).map(|found| 1 - found.side(who)) else { return };
                self.send(link, side, 0, What::Hangup { link });
            }
            // No stranger is let in, and no photo is shared.
            _ => {}
        }
    }

    /// How long a packet takes between two people, ms: always the same for the same two.
    fn latency(&self, a: Who, b: Who) -> u64 {
        let network = &self.scenario.network;
        let spread = network.latency_max_ms.saturating_sub(network.latency_min_ms) + 1;
        let mixed = ((a.min(b) as u64) << 32 | a.max(b) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        network.latency_min_ms + mixed % spread
    }

    /// Something on a link to one of its sides, behind everything that went the same way before.
    fn send(&mut self, link: u64, side: usize, bytes: u64, what: What) {
        let Some(found) = self.links.get_mut(&link) else { return };
        let takes = (bytes * 1_000).div_ceil(self.scenario.network.bytes_per_second.max(1));
        found.busy[side] = found.busy[side].max(self.now) + takes;
        let at = found.busy[side] + found.latency_ms;
        self.queue.put(at, what);
    }

    fn send_frame(&mut self, who: Who, stream: StreamId, mut frame: Vec<u8>) {
        // Also in what goes nowhere, because its stream has ended in this round.
        self.look_for_plaintext(&frame);
        let Some((link, at)) = self.nodes[who].streams.get(&stream).copied() else { return };
        let Some(found) = self.links.get_mut(&link) else { return };
        let (side, to) = (1 - found.side(who), found.other(who));
        let protocol = found.streams[at].protocol;
        self.note_trace([0, who as u64, to as u64], &frame);
        if !self.nodes[who].is_liar {
            self.count_sent(link, at, side, &frame);
        } else if self.entropy.below(100) < self.scenario.faults.lies_percent {
            self.traffic.lies += 1;
            match self.entropy.below(4) {
                0 => return,
                1 => {
                    let twice = frame.clone();
                    self.put_frame(link, at, side, protocol, twice);
                }
                2 => {
                    let bit = self.entropy.below(frame.len() as u64 * 8) as usize;
                    frame[bit / 8] ^= 1 << (bit % 8);
                }
                _ => {
                    frame = (0..1 + self.entropy.below(400)).map(|_| self.entropy.below(256) as u8).collect()
                }
            }
        }
        self.put_frame(link, at, side, protocol, frame);
    }

    fn put_frame(&mut self, link: u64, stream: usize, side: usize, protocol: Protocol, frame: Vec<u8>) {
        let bytes = frame.len() as u64 + LENGTH_BYTES;
        self.traffic.frame(kind(protocol, &frame), bytes);
        if let Some(from) = self.links.get(&link).map(|found| found.ends[1 - side]) {
            self.nodes[from].sent += bytes;
        }
        self.send(link, side, bytes, What::Frame { link, stream, side, frame });
    }

    /// Nothing is sent twice in one session, and nothing to those it is not for.
    fn count_sent(&mut self, link: u64, stream: usize, side: usize, frame: &[u8]) {
        let Some(found) = self.links.get_mut(&link) else { return };
        if found.streams[stream].protocol != Protocol::Sync || frame.get(1) != Some(&9) {
            return;
        }
        let Some(id) = entry_in(frame) else { return };
        let [from, to] = [found.ends[1 - side], found.ends[side]];
        let is_new = found.streams[stream].sent[side].insert(short(&id));
        if !is_new && !self.nodes[to].is_liar {
            self.breach(format!("{from} sent the entry {} twice to {to} in one session", id.short()));
        }
        if let Some(moment) = self.ledger.find(&id).filter(|moment| !self.ledger.may_have(*moment, to)) {
            self.breach(format!("{from} sent moment {moment} to {to}, whom it is not for"));
        }
    }

    fn admit(&mut self, who: Who, nodes: BTreeSet<NodeId>) {
        self.nodes[who].admitted = nodes;
        let links: Vec<(Who, u64)> = self.nodes[who].links.iter().map(|(w, link)| (*w, *link)).collect();
        for (other, link) in links {
            let admits = self.nodes[who].admitted.contains(&self.nodes[other].id);
            let Some(found) = self.links.get_mut(&link) else { continue };
            let side = found.side(who);
            let before = std::mem::replace(&mut found.admits[side], admits);
            if before && !admits {
                self.drop_link(link);
            }
        }
    }

    pub(super) fn dial(&mut self, from: Who, attempt: DialId, node: Option<NodeId>, addresses: &[Address]) {
        self.traffic.dials += 1;
        let lost = self.entropy.below(100) < self.scenario.faults.dial_lost_percent && !self.is_quiet;
        let to = addresses.iter().find_map(who_at).filter(|to| *to != from && *to < self.nodes.len());
        let there = to.filter(|to| {
            let other = &self.nodes[*to];
            let has_room = [from, *to]
                .iter()
                .all(|who| self.nodes[*who].links.len() < self.scenario.network.connections);
            other.service.is_some()
                && has_room
                && !lost
                && !self.are_parted(from, *to)
                && !self.nodes[from].links.contains_key(to)
                && node.is_none_or(|node| node == other.id)
        });
        let Some(to) = there else {
            self.traffic.dials_in_vain += 1;
            return self.handle(from, Event::DialFailed { attempt, reason: "nobody there".to_owned() });
        };
        self.connect(from, to, attempt);
    }

    fn connect(&mut self, from: Who, to: Who, attempt: DialId) {
        self.traffic.connections += 1;
        let link = self.next_link;
        self.next_link += 1;
        let admits = |a: Who, b: Who| self.nodes[a].admitted.contains(&self.nodes[b].id);
        let admits = [admits(from, to), admits(to, from)];
        let found = Link {
            ends: [from, to],
            admits,
            streams: Vec::new(),
            latency_ms: self.latency(from, to),
            since: self.now,
            busy: [self.now; 2],
        };
        self.links.insert(link, found);
        self.nodes[from].links.insert(to, link);
        self.nodes[to].links.insert(from, link);
        let event = |side: usize, other: Who, attempt| Event::Connected {
            conn: conn(link, side),
            node: self.nodes[other].id,
            attempt,
            address: address(other),
            path: Path::Direct,
        };
        let (near, far) = (event(0, to, Some(attempt)), event(1, from, None));
        if admits[1] {
            self.send(link, 1, 0, What::OnLink { link, side: 1, event: far });
        } else {
            // The dialler sees a connection that ends at once.
            self.send(link, 0, 0, What::Hangup { link });
        }
        let every = self.scenario.faults.connection_lost_every_minutes;
        if every > 0 && !self.is_quiet {
            let at = self.now + self.entropy.below(2 * every * 60_000);
            self.queue.put(at, What::Lose { link });
        }
        self.handle(from, near);
    }

    /// A stream asked for reaches the other side.
    pub(super) fn asked(&mut self, link: u64, stream: usize, side: usize) {
        let Some(found) = self.links.get_mut(&link) else { return };
        let (near, protocol) = (found.ends[side], found.streams[stream].protocol);
        let Some(theirs) = found.streams[stream].ids[1 - side] else { return };
        if !found.admits[side] {
            found.streams[stream].open = false;
            let event = Event::StreamClosed { stream: theirs };
            return self.send(link, 1 - side, 0, What::OnLink { link, side: 1 - side, event });
        }
        // Odd: the machine numbers those it opens evenly.
        self.nodes[near].next_stream += 2;
        let ours = StreamId(self.nodes[near].next_stream + 1);
        found.streams[stream].ids[side] = Some(ours);
        self.nodes[near].streams.insert(ours, (link, stream));
        let opened =
            |side, stream, ours| Event::StreamOpened { conn: conn(link, side), stream, protocol, ours };
        let event = opened(1 - side, theirs, true);
        self.send(link, 1 - side, 0, What::OnLink { link, side: 1 - side, event });
        self.handle(near, opened(side, ours, false));
    }

    pub(super) fn frame(&mut self, link: u64, stream: usize, side: usize, frame: Vec<u8>) {
        let Some(found) = self.links.get(&link) else { return };
        let (to, from, of) = (found.ends[side], found.ends[1 - side], &found.streams[stream]);
        let Some(id) = of.ids[side].filter(|_| of.open) else { return };
        if !self.nodes[to].streams.contains_key(&id) {
            return;
        }
        self.nodes[to].received += frame.len() as u64 + LENGTH_BYTES;
        if of.protocol == Protocol::Sync
            && frame.get(1) == Some(&9)
            && let Some(entry) = entry_in(&frame)
        {
            self.traffic.entries_received += 1;
            self.traffic.entry_bytes += frame.len() as u64 + LENGTH_BYTES;
            self.traffic.entries_kept += u64::from(self.nodes[to].had.insert(short(&entry)));
        }
        self.from = Some(from);
        self.handle(to, Event::Frame { stream: id, frame });
        self.from = None;
    }

    pub(super) fn close_stream(&mut self, link: u64, stream: usize, side: usize) {
        let Some(found) = self.links.get_mut(&link) else { return };
        found.streams[stream].open = false;
        let (to, id) = (found.ends[side], found.streams[stream].ids[side]);
        if let Some(id) = id.filter(|id| self.nodes[to].streams.remove(id).is_some()) {
            self.handle(to, Event::StreamClosed { stream: id });
        }
    }

    /// Something that one side sees, if the connection is still there.
    pub(super) fn on_link(&mut self, link: u64, side: usize, event: Event) {
        if let Some(who) = self.links.get(&link).map(|found| found.ends[side]) {
            self.handle(who, event);
        }
    }

    /// What has been counted until now, with what connections that still stand have lasted.
    pub(super) fn counted(&self) -> Traffic {
        let standing: u64 = self.links.values().map(|link| self.now.saturating_sub(link.since)).sum();
        let connected_ms = self.traffic.connected_ms + standing;
        Traffic { connected_ms, ..self.traffic.clone() }
    }

    /// Ends a link: both sides hear of it, whatever was on the way is lost.
    pub(super) fn drop_link(&mut self, link: u64) {
        let Some(gone) = self.links.remove(&link) else { return };
        self.traffic.connected_ms += self.now.saturating_sub(gone.since);
        for (side, who) in gone.ends.into_iter().enumerate() {
            self.nodes[who].links.remove(&gone.ends[1 - side]);
            for id in gone.streams.iter().filter_map(|stream| stream.ids[side]) {
                self.nodes[who].streams.remove(&id);
            }
            self.tell(who, Event::Disconnected { conn: conn(link, side) });
        }
    }

    pub(super) fn drop_links(&mut self, who: Who) {
        let links: Vec<u64> = self.nodes[who].links.values().copied().collect();
        links.into_iter().for_each(|link| self.drop_link(link));
    }
}
