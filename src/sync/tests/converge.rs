//! The convergence model: gaps, crashes, clones, rollbacks, forks, partitions, any topology, real sessions.
//!
//! Cases: 400 by default, as in the model it is a port of; `TIDINGS_MODEL_RUNS` asks for more. A failure prints the seed of the run, and
//! `TIDINGS_MODEL_SEED` replays it.

use std::collections::{BTreeMap, BTreeSet};

use crate::crypto::Entropy;
use crate::id::EntryId;
use crate::sync::testing::*;
use crate::sync::*;

const EPOCHS: usize = 3;

/// One run: faults at random, then everyone connected once in a random tree; all must know the same.
struct Run {
    net: Net,
    entropy: Entropy,
    /// Everything ever signed that some live node still knows or may get back.
    next_seq: [u64; EPOCHS],
    snapshots: BTreeMap<usize, Ledger>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut entropy = Entropy::from_number(seed);
        let nodes = 2 + usize::try_from(entropy.below(4)).unwrap();
        let mut net = Net::new(nodes, seed);
        let everyone: Vec<usize> = (0..nodes).collect();
        for number in 0..EPOCHS {
            let author = usize::try_from(entropy.below(nodes as u64)).unwrap();
            let class = if number == 0 { Class::Contact } else { Class::Posts };
            for node in &mut net.nodes {
                node.keys.push(Keys::new(number, author, class, &everyone));
            }
        }
        Self { net, entropy, next_seq: [0; EPOCHS], snapshots: BTreeMap::new() }
    }

    fn pick(&mut self, bound: usize) -> usize {
        usize::try_from(self.entropy.below(bound as u64)).unwrap()
    }

    fn step(&mut self) {
        let nodes = self.net.nodes.len();
        match self.pick(16) {
            0..=3 => self.write(),
            4 => self.fork(),
            5 | 6 => self.connect(),
            7 if !self.net.links.is_empty() => {
                let link = self.pick(self.net.links.len());
                self.net.cut(link);
            }
            8 => {
                // A crash, or an older store restored: what was learnt since the snapshot is lost, sessions end.
                let node = self.pick(nodes);
                let older = self.snapshots.get(&node).cloned().unwrap_or_default();
                self.net.nodes[node].ledger = older;
                self.net.links.retain(|link| !link.nodes.contains(&node));
            }
            9 => {
                let node = self.pick(nodes);
                self.snapshots.insert(node, self.net.nodes[node].ledger.clone());
            }
            10 => {
                let ms = self.entropy.below(5_000);
                self.net.now = self.net.now.plus_ms(ms);
                self.net.wake();
            }
            _ => self.deliver(),
        }
    }

    fn author(&self, epoch: usize) -> usize {
        self.net.nodes[0].keys[epoch].author
    }

    fn write(&mut self) {
        let epoch = self.pick(EPOCHS);
        // Gaps are legal: every start of a node begins a new block.
        let gap = if self.pick(4) == 0 { self.entropy.below(60) } else { 0 };
        let seq = self.next_seq[epoch] + gap;
        self.next_seq[epoch] = seq + 1;
        let len = if self.pick(8) == 0 { 9_000 } else { 300 };
        let author = self.author(epoch);
        self.net.write(author, &Bytes::new(epoch_id(epoch), seq, 0, len));
    }

    /// A clone signs a number again, at any node that claims to be the author's other copy.
    fn fork(&mut self) {
        let epoch = self.pick(EPOCHS);
        let Some(last) = self.next_seq[epoch].checked_sub(1) else { return };
        let seq = last - self.entropy.below(last.min(5) + 1);
        let variant = 1 + u8::try_from(self.entropy.below(4)).unwrap();
        let node = self.pick(self.net.nodes.len());
        self.net.write(node, &Bytes::new(epoch_id(epoch), seq, variant, 300));
    }

    fn connect(&mut self) {
        let (a, b) = (self.pick(self.net.nodes.len()), self.pick(self.net.nodes.len()));
        if a != b {
            self.net.connect(a, b);
        }
    }

    /// A few frames of one link, which leaves those of others behind.
    fn deliver(&mut self) {
        if self.net.links.is_empty() {
            return;
        }
        let link = self.pick(self.net.links.len());
        for _ in 0..self.pick(12) {
            let side = self.pick(2);
            self.net.drain(link, side);
            self.net.deliver(link, side);
        }
    }

    /// Everyone connected in a random tree, some links left from before, and time to finish.
    fn heal(&mut self) {
        for node in 1..self.net.nodes.len() {
            let other = self.pick(node);
            if self.pick(2) == 0 {
                self.net.connect(node, other);
            } else {
                self.net.connect(other, node);
            }
        }
        self.net.elapse(200_000);
    }

    fn check(&self, seed: u64) {
        assert_eq!(self.net.faults(), Vec::<&Fault>::new(), "seed {seed}: honest peers were blamed");
        for epoch in (0..EPOCHS).map(epoch_id) {
            let known: Vec<BTreeSet<(u64, EntryId)>> =
                self.net.nodes.iter().map(|node| node.ledger.known(epoch)).collect();
            for (node, set) in known.iter().enumerate() {
                assert_eq!(set, &known[0], "seed {seed}: node {node} and node 0 know different entries");
            }
            for link in &self.net.links {
                for outputs in &link.outputs {
                    assert!(
                        outputs.contains(&Output::InSync { epoch }),
                        "seed {seed}: a link never told that it is in sync"
                    );
                }
            }
        }
    }
}

/// A number from the environment of the build: tests of the core read no other.
fn number(text: Option<&str>) -> Option<u64> {
    text?.parse().ok()
}

#[test]
fn any_connected_schedule_of_sessions_converges() {
    let runs = number(option_env!("TIDINGS_MODEL_RUNS")).unwrap_or(400);
    let seeds = number(option_env!("TIDINGS_MODEL_SEED")).map_or(0..runs, |seed| seed..seed + 1);
    let mut written = 0;
    for seed in seeds {
        let mut run = Run::new(seed);
        for _ in 0..150 {
            run.step();
        }
        run.heal();
        run.check(seed);
        written += run.next_seq.iter().sum::<u64>();
    }
    assert!(written > 0, "the model wrote nothing");
}

#[test]
fn the_same_seed_gives_the_same_frames() {
    let frames = |seed| {
        let mut run = Run::new(seed);
        for _ in 0..150 {
            run.step();
        }
        run.heal();
        run.net.links.into_iter().map(|link| link.frames).collect::<Vec<_>>()
    };
    assert_eq!(frames(7), frames(7));
    assert_ne!(frames(7), frames(8));
}
