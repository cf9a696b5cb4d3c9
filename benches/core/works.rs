//! What is measured: the few things a node does all day, each as rounds that can be counted or timed alike.
//!
//! A [`Work`] prepares what it needs, and then does rounds. In a round only what is handed to `counted` is measured: what
//! makes the round ready, and what looks at its outcome, is not. Everything comes from one seed, so that a round costs as
//! many instructions today as tomorrow.
//!
//! The benchmarks (`benches/core`) time these, the guard (`tests/instructions`) counts them.
//!
//! What it does not do: disks and sockets. The nodes are those of the stories (`tests/stories/world.rs`): real services
//! over stores in memory, on a network of values.

use tidings::ask::{InviteDraft, PostDraft, TimelineQuery};
use tidings::crypto::{Entropy, EpochSecret, Nonce, ReadKey, SigningKey, VerifyingKey, keys};
use tidings::entry::{Draft, Entry, Unverified, Verified, write_with_nonce};
use tidings::id::EpochId;
use tidings::limits::ENTRY_PADDED_MIN;
use tidings::moment::{Body, Content, Post, PrivatePart, PublicPart, PublicValues};
use tidings::sync::{EntryFrame, Frame, IntervalSet};
use tidings::time::ClaimedTime;
use tidings::wire::{Reader, Writer};

use crate::world::{Who, World};

/// Measures what it is handed.
pub type Counted<'a> = &'a mut dyn FnMut(&mut dyn FnMut());

/// Does a round.
pub type Round = Box<dyn FnMut(Counted<'_>)>;

/// A thing that is measured.
pub struct Work {
    /// Its name, in the record of counts too.
    pub name: &'static str,
    /// What one of it is.
    pub unit: &'static str,
    /// How many of them a round does.
    pub each: u32,
    /// Makes it ready.
    pub make: fn() -> Round,
}

/// Everything that is measured.
pub const ALL: [Work; 7] = [
    Work {
        name: "decode",
        unit: "an entry's frame, its header, its moment: from bytes to values",
        each: 8,
        make: decode,
    },
    Work { name: "verify", unit: "an entry: signature, body, opened", each: 4, make: verify },
    Work { name: "seal", unit: "a moment: encoded, sealed, signed", each: 4, make: seal },
    Work {
        name: "apply",
        unit: "a moment: from its frame to a friend's timeline, answers included",
        each: 1,
        make: apply,
    },
    Work {
        name: "sync",
        unit: "a meeting of two nodes that know the same, and one moment more",
        each: 1,
        make: sync,
    },
    Work { name: "page", unit: "a page of 50 moments", each: 1, make: page },
    Work {
        name: "intervals",
        unit: "two sets of 64 intervals: compared, written, read",
        each: 4,
        make: intervals,
    },
];

/// About 300 bytes: what people write.
fn text(n: u64) -> String {
    format!(
        "Moment {n}: a meadow, an ordinary evening. It was one of those days on which nothing happens and everything is \
         well: bread, a walk, the old dog asleep by the door, and somebody two gardens further on who practises the same \
         eight bars over and over."
    )
}

fn content(n: u64) -> Content {
    let values = PublicValues { text: text(n), ..PublicValues::default() };
    let post = Post {
        public: PublicPart::new(&values).expect("it is within the limits"),
        private: PrivatePart::default(),
    };
    Content { created: ClaimedTime::from_millis(1_700_000_000_000 + n), body: Body::Post(Box::new(post)) }
}

/// An epoch's keys, as its writer has them.
struct Author {
    key: SigningKey,
    public: VerifyingKey,
    read: ReadKey,
    epoch: EpochId,
    entropy: Entropy,
    next: u64,
}

impl Author {
    fn new() -> Self {
        let mut entropy = Entropy::from_number(1);
        let key = SigningKey::random(&mut entropy);
        let public = key.public();
        let read = keys::read_key(&EpochSecret::random(&mut entropy));
        let epoch = keys::epoch_id(public.as_bytes());
        Self { key, public, read, epoch, entropy, next: 0 }
    }

    fn write(&mut self) -> Entry<Verified> {
        self.next += 1;
        let draft = Draft {
            epoch_key: &self.key,
            epoch: self.epoch,
            read_key: &self.read,
            seq: self.next,
            expire_day: None,
            content: &content(self.next).encode().expect("it is within the limits"),
            min_padded: ENTRY_PADDED_MIN,
        };
        write_with_nonce(draft, Nonce::random(&mut self.entropy)).expect("it fits an entry")
    }
}

fn decode() -> Round {
    let mut author = Author::new();
    let plain = content(1).encode().expect("it is within the limits");
    let (header, body) = author.write().into_parts();
    let frame =
        Frame::Entry(EntryFrame { handle: Some(2), header: Box::new(*header.bytes()), body }).encode();
    Box::new(move |counted| {
        let mut decoded = 0;
        counted(&mut || {
            for _ in 0..8 {
                if let Ok(Some(Frame::Entry(entry))) = Frame::decode(&frame)
                    && let Ok(entry) = Entry::<Unverified>::from_parts(&entry.header[..], entry.body)
                    && let Ok(content) = Content::decode(&plain)
                {
                    std::hint::black_box((entry, content));
                    decoded += 1;
                }
            }
        });
        assert_eq!(decoded, 8, "frames and moments decode");
    })
}

fn verify() -> Round {
    let mut author = Author::new();
    let (header, body) = author.write().into_parts();
    Box::new(move |counted| {
        let mut unverified: Vec<_> = (0..4)
            .map(|_| Entry::<Unverified>::from_parts(header.bytes(), body.clone()).expect("it is an entry"))
            .collect();
        let mut opened = Vec::with_capacity(4);
        counted(&mut || {
            while let Some(entry) = unverified.pop() {
                let verified = entry.verify(&author.public).expect("it is signed");
                opened.push(verified.open_with(&author.read).expect("it opens"));
            }
        });
        assert_eq!(opened.len(), 4);
    })
}

fn seal() -> Round {
    let mut author = Author::new();
    Box::new(move |counted| {
        let mut written = Vec::with_capacity(4);
        counted(&mut || (0..4).for_each(|_| written.push(author.write())));
        assert!(written.iter().all(|entry| entry.body().len() > 300));
    })
}

const ALICE: Who = 0;
const BOB: Who = 1;

/// Two friends whose nodes are connected and have nothing left to tell each other.
fn friends() -> World {
    let mut world = World::new(1);
    world.add("Alice");
    world.add("Bob");
    world.run(100);
    let draft = InviteDraft { auto_confirm: true, ..InviteDraft::default() };
    let link = world.ask(ALICE, |service| service.invite(&draft)).expect("an invite").link.to_string();
    world.ask(BOB, |service| service.accept(&link, None)).expect("the invite is taken");
    world.run(2_000);
    post(&mut world, 0);
    world.run(2_000);
    assert_eq!(newest(&mut world), text(0), "the friends hear of each other");
    world
}

fn post(world: &mut World, n: u64) {
    let draft = PostDraft { text: text(n), ..PostDraft::default() };
    world.ask(ALICE, |service| service.post(draft)).expect("the moment is shared");
}

/// The newest moment that Bob sees.
fn newest(world: &mut World) -> String {
    let query = TimelineQuery { limit: 1, ..TimelineQuery::default() };
    let page = world.service(BOB).timeline(&query).expect("memory");
    page.moments.first().map(|moment| moment.text.clone()).unwrap_or_default()
}

fn apply() -> Round {
    let (mut world, mut n) = (friends(), 0);
    Box::new(move |counted| {
        n += 1;
        post(&mut world, n);
        counted(&mut || world.run(200));
        assert_eq!(newest(&mut world), text(n), "the moment arrived");
    })
}

fn sync() -> Round {
    let (mut world, mut n) = (friends(), 0);
    Box::new(move |counted| {
        n += 1;
        world.partition(ALICE, BOB);
        post(&mut world, n);
        world.run(200);
        world.join(ALICE, BOB);
        assert_ne!(newest(&mut world), text(n), "they are apart");
        counted(&mut || {
            world.connect(ALICE, BOB, None);
            world.run(2_000);
        });
        assert_eq!(newest(&mut world), text(n), "the moment arrived");
    })
}

fn page() -> Round {
    let mut world = World::new(1);
    world.add("Alice");
    (0..51).for_each(|n| post(&mut world, n));
    let query = TimelineQuery { limit: 50, ..TimelineQuery::default() };
    Box::new(move |counted| {
        let service = world.service(ALICE);
        let mut page = None;
        counted(&mut || page = service.timeline(&query).ok());
        assert_eq!(page.map(|page| page.moments.len()), Some(50), "a full page");
    })
}

fn intervals() -> Round {
    let ours: IntervalSet = (0..1_280u64).filter(|n| n % 20 < 12).collect();
    let theirs: IntervalSet = (0..1_280u64).filter(|n| n % 20 > 7).collect();
    Box::new(move |counted| {
        let mut numbers = 0;
        counted(&mut || {
            for _ in 0..4 {
                let missing = theirs.difference(&ours).union(&ours.intersection(&theirs));
                let mut out = Writer::with_capacity(2_048);
                missing.encode_to(&mut out);
                let mut read =
                    IntervalSet::decode_from(&mut Reader::new(out.as_slice()), 128).expect("it reads");
                numbers += read.take_newest(100, 64).count();
            }
        });
        assert_eq!(numbers, 400);
    })
}
