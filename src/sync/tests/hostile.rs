//! A peer that holds every key and none of the rules: any frames in any order, no panic, bounded state.

use proptest::prelude::*;

use crate::crypto::Entropy;
use crate::crypto::keys::{Role, SessionBinding, scope_tag};
use crate::id::EntryId;
use crate::limits::{
    HAVE_INTERVAL_LIMIT, IDS_LIMIT, SCOPE_LIMIT, SERVE_QUEUE_LIMIT, SUM_BURST_LIMIT, SUM_RATE, TAGS_ROUND,
    UNSENT_LIMIT, WANT_DENIAL_LIMIT, WANT_IDS_LIMIT,
};
use crate::sync::testing::*;
use crate::sync::*;
use crate::time::Timestamp;

/// A session of ours with an attacker, past all greetings.
pub(super) struct Victim {
    session: Session,
    ledger: Ledger,
    now: Timestamp,
    /// What the victim handed out and the attacker has not let through.
    unsent: usize,
    sent: usize,
    pub(super) faults: Vec<Fault>,
    pub(super) closed: bool,
    pub(super) frames: Vec<Frame>,
    binding: Option<SessionBinding>,
}

impl Victim {
    /// The attacker shares one epoch with us by tag and one by `Mine`.
    fn new(entries: u64) -> Self {
        let mut victim = Self::sharing(entries, FEATURE_DIGESTS | FEATURE_RUNS, 1);
        victim.take_all();
        victim
    }

    /// The epochs `0..by_tag` are shared by tag, and the one after by `Mine`; the attacker's Hello has these features.
    pub(super) fn sharing(entries: u64, features: u32, by_tag: usize) -> Self {
        let mut ledger = Ledger::default();
        for number in 0..=by_tag {
            for seq in 0..entries {
                ledger.take(&Bytes::new(epoch_id(number), seq * 3, 0, 400));
            }
        }
        let session = Session::new(Config {
            role: Role::Responder,
            our_node: node_id(0),
            their_node: node_id(1),
            identity: Vec::new(),
            device: Vec::new(),
            entropy: Entropy::from_number(1),
        });
        let now = Timestamp::from_millis(1_000_000);
        let mut victim = Self {
            session,
            ledger,
            now,
            unsent: 0,
            sent: 0,
            faults: Vec::new(),
            closed: false,
            frames: Vec::new(),
            binding: None,
        };
        victim.drain();
        let Some(Frame::Hello(ours)) = victim.frames.pop() else { panic!("no Hello") };
        let scope = |number, how, peer_is_author| Scope {
            epoch: epoch(number, number, Class::Contact),
            how,
            open: true,
            peer_is_author,
        };
        let found = (0..by_tag).map(|number| scope(number, How::Tag { offer: true }, true));
        victim.session.add_scopes(found.chain([scope(by_tag, How::Mine, false)]), now);
        victim.feed(&Frame::Hello(Hello {
            nonce: [7; 32],
            features,
            identity: Vec::new(),
            device: Vec::new(),
        }));
        let binding =
            SessionBinding { nonce_i: [7; 32], nonce_r: ours.nonce, node_i: node_id(1), node_r: node_id(0) };
        let mut tags = vec![[1; 16]; (by_tag + 5).next_power_of_two().max(TAGS_ROUND)];
        for number in 0..by_tag {
            tags[5 + number] = scope_tag(&tag_key(number), Role::Initiator, &binding);
        }
        victim.feed(&Frame::Tags { class: 1, tags });
        victim.binding = Some(binding);
        assert!((0..by_tag).all(|number| victim.session.is_matched(&epoch_id(number))));
        assert!(victim.faults.is_empty());
        victim
    }

    /// Entries that were looked at.
    pub(super) fn reads(&self) -> usize {
        self.ledger.reads.get()
    }

    pub(super) fn feed(&mut self, frame: &Frame) {
        self.feed_bytes(&frame.encode());
    }

    /// A round of tags: of these epochs, and padding.
    pub(super) fn show(&mut self, numbers: &[usize]) {
        let binding = self.binding.expect("greeted");
        let mut tags = vec![[1; 16]; TAGS_ROUND];
        for (tag, number) in tags.iter_mut().zip(numbers) {
            *tag = scope_tag(&tag_key(*number), Role::Initiator, &binding);
        }
        self.feed(&Frame::Tags { class: 2, tags });
    }

    /// All before it says anything.
    pub(super) fn feed_all(&mut self, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            self.session.handle_frame(&frame.encode(), self.now, &self.ledger);
        }
        self.drain();
    }

    pub(super) fn feed_bytes(&mut self, bytes: &[u8]) {
        self.session.handle_frame(bytes, self.now, &self.ledger);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output(self.now, &self.ledger) {
            match output {
                Output::Send(frame) => {
                    self.unsent += frame.len();
                    self.sent += frame.len();
                    self.frames.push(Frame::decode(&frame).unwrap().unwrap());
                }
                Output::PeerHello { .. } => self.session.accept_peer(self.now),
                Output::ClassDone(Class::Contact) => self.session.start_posts(self.now),
                Output::Entry { epoch, seq, header, body, .. } => {
                    match self.ledger.take(&Bytes { header, body }) {
                        Taken::New => self.session.stored(&epoch, seq, self.now),
                        other => self.session.refused(&epoch, seq, other == Taken::Known),
                    }
                }
                Output::Gone { epoch, seq, .. } => self.session.refused(&epoch, seq, false),
                Output::Fault(fault) => self.faults.push(fault),
                Output::Closed { .. } => self.closed = true,
                _ => {}
            }
        }
        // The Bye of a closing session may come on top.
        assert!(self.unsent <= UNSENT_LIMIT + 3, "{} bytes unsent", self.unsent);
    }

    pub(super) fn take_all(&mut self) {
        while self.unsent > 0 {
            self.session.handle_sent(std::mem::take(&mut self.unsent));
            self.drain();
        }
    }

    fn wake(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        if self.session.next_wakeup().is_some_and(|at| at <= self.now) {
            self.session.handle_wakeup(self.now);
        }
        self.drain();
    }

    /// Bytes of a printed session: a coarse measure of everything it holds, whatever field it is in.
    fn footprint(&self) -> usize {
        format!("{:?}", self.session).len()
    }
}

fn interval_set() -> impl Strategy<Value = IntervalSet> {
    proptest::collection::vec((0u64..SEQ_MAX, 0u64..5_000), 0..HAVE_INTERVAL_LIMIT).prop_map(|ranges| {
        let mut set = IntervalSet::new();
        for (lo, len) in ranges {
            set.insert_range(lo, lo.saturating_add(len));
        }
        set.keep_newest(HAVE_INTERVAL_LIMIT);
        set
    })
}

/// Handles that mean something (0 of `Mine` from us is 1; the match is 3), some that do not.
fn handle() -> impl Strategy<Value = u32> {
    prop_oneof![6 => Just(1u32), 6 => Just(3u32), 1 => 0u32..9, 1 => any::<u32>().prop_map(|h| h & !NO_HANDLE.rotate_right(1))]
}

fn seq() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..700, 1 => 0u64..=SEQ_MAX, 1 => Just(SEQ_MAX)]
}

fn id() -> impl Strategy<Value = EntryId> {
    any::<[u8; 32]>().prop_map(EntryId::from_bytes)
}

fn frame() -> impl Strategy<Value = Frame> {
    let entry =
        (0usize..3, seq(), any::<u8>(), 0usize..2_000, prop_oneof![handle().prop_map(Some), Just(None)])
            .prop_map(|(number, seq, variant, len, handle)| {
                let bytes = Bytes::new(epoch_id(number), seq, variant, len);
                Frame::Entry(EntryFrame { handle, header: bytes.header, body: bytes.body })
            });
    let have =
        (handle(), seq(), seq(), interval_set(), any::<[u8; 32]>()).prop_map(|(handle, a, b, set, sum)| {
            let (lo, hi) = (a.min(b), a.max(b));
            let hi = if lo % 2 == 0 { SEQ_MAX } else { hi };
            Frame::Have(Have {
                handle,
                floor: lo / 2,
                lo,
                hi,
                intervals: set.within(lo, hi),
                sum: Sum::from_bytes(sum),
            })
        });
    let ids =
        (handle(), proptest::collection::btree_set((seq(), id()), 0..200)).prop_map(|(handle, pairs)| {
            Frame::Ids(Ids { handle, lo: 0, hi: SEQ_MAX, pairs: pairs.into_iter().take(IDS_LIMIT).collect() })
        });
    prop_oneof![
        2 => (handle(), any::<[u8; 16]>()).prop_map(|(handle, digest)| Frame::Digest { handle, digest }),
        1 => (proptest::collection::btree_set(0u32..8, 1..5), any::<[u8; 16]>())
            .prop_map(|(handles, digest)| Frame::Digests { places: handles.into_iter().map(place_of).collect(), digest }),
        4 => have,
        4 => (handle(), interval_set()).prop_map(|(handle, intervals)| Frame::Want { handle, intervals }),
        1 => proptest::collection::vec(id(), 0..50).prop_map(Frame::WantIds),
        4 => entry,
        2 => (handle(), seq(), id()).prop_map(|(handle, seq, id)| Frame::Gone(Gone { handle, seq, left: Left::Id(id) })),
        2 => ids,
        3 => (handle(), seq()).prop_map(|(handle, seq)| Frame::Head { handle, seq }),
        1 => (0u32..40, 0usize..9).prop_map(|(n, epoch)| Frame::Mine { handle: n * 2, epoch: epoch_id(epoch) }),
        1 => (1u8..4, any::<[u8; 16]>()).prop_map(|(class, tag)| Frame::Tags { class, tags: vec![tag; TAGS_ROUND] }),
        1 => Just(Frame::Matched(Vec::new())),
        1 => (handle(), proptest::collection::btree_set(0u16..80, 1..5), any::<[u8; 16]>()).prop_map(|(handle, indices, proof)| {
            Frame::MatchedRun(MatchedRun { handle, indices: indices.into_iter().collect(), proof })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_frames_breaks_a_session(frames in proptest::collection::vec((frame(), 0u64..40_000, any::<bool>()), 1..120)) {
        let mut victim = Victim::new(200);
        let before = victim.footprint();
        let mut fed = 0;
        for (frame, ms, takes) in &frames {
            let bytes = frame.encode();
            fed += bytes.len();
            victim.feed_bytes(&bytes);
            if *takes {
                victim.take_all();
            }
            victim.wake(*ms);
        }
        // Printed, an interval is at most 5 times as long as sent; nothing may be kept several times over.
        prop_assert!(victim.footprint() <= before + 30 * fed + 100_000);
        prop_assert_eq!(victim.closed, victim.faults.iter().any(|fault| fault.severity == Severity::High));
    }

    #[test]
    fn bytes_that_are_no_frame_end_the_session_and_nothing_worse(bytes: Vec<u8>, variant in 0u8..16) {
        let mut victim = Victim::new(1);
        victim.feed_bytes(&[&[1, variant], bytes.as_slice()].concat());
        victim.feed_bytes(&bytes);
        prop_assert_eq!(victim.closed, victim.session.is_closed());
    }
}

#[test]
fn a_flood_of_each_frame_leaves_little_behind() {
    let every_other = |n: u64, shift: u64| (0..n).map(|i| i * 2 + shift).collect::<IntervalSet>();
    let sparse = every_other(HAVE_INTERVAL_LIMIT as u64, 0);
    type Flood = Box<dyn Fn(u64) -> Frame>;
    let floods: Vec<(&str, Flood)> = vec![
        ("Digest", Box::new(|i| Frame::Digest { handle: 3, digest: [i as u8; 16] })),
        (
            "Digests",
            Box::new(|i| Frame::Digests {
                places: IntervalSet::from_range(place_of(3), place_of(3)),
                digest: [i as u8; 16],
            }),
        ),
        ("Head", Box::new(|i| Frame::Head { handle: 3, seq: i * 2 + 1 })),
        (
            "Have",
            Box::new(move |i| {
                Frame::Have(Have {
                    handle: 3,
                    floor: 0,
                    lo: i * 1_000,
                    hi: i * 1_000 + 999,
                    intervals: every_other(HAVE_INTERVAL_LIMIT as u64, i * 1_000)
                        .within(i * 1_000, i * 1_000 + 999),
                    sum: Sum::ZERO,
                })
            }),
        ),
        (
            "Entry",
            Box::new(|i| {
                let mut bytes = Bytes::new(epoch_id(0), i * 2 + 1, 0, 100);
                bytes.header[90] ^= 1;
                Frame::Entry(EntryFrame { handle: Some(3), header: bytes.header, body: bytes.body })
            }),
        ),
        (
            "Gone",
            Box::new(|i| {
                Frame::Gone(Gone { handle: 3, seq: i * 2 + 1, left: Left::Id(EntryId::from_bytes([1; 32])) })
            }),
        ),
        ("Want", Box::new(move |_| Frame::Want { handle: 3, intervals: sparse.clone() })),
        ("Tags", Box::new(|_| Frame::Tags { class: 2, tags: vec![[3; 16]; 64] })),
    ];
    for (name, make) in floods {
        let mut victim = Victim::new(10);
        let mut sizes = Vec::new();
        // The attacker takes nothing of what is answered.
        for i in 0..4_000 {
            victim.feed(&make(i));
            if i % 2_000 == 1_999 {
                sizes.push(victim.footprint());
            }
        }
        // Printed. The bounded sets are full by half time: what comes later changes nothing but the numbers' digits.
        assert!(sizes[1] < 80_000 && sizes[1] < sizes[0] + 10_000, "{name}: {sizes:?}");
    }
}

#[test]
fn a_peer_may_name_as_many_epochs_as_a_session_holds_and_no_more() {
    let mut victim = Victim::new(1);
    let mine = |i: usize| Frame::Mine { handle: u32::try_from(i * 2).unwrap(), epoch: epoch_id(99) };
    for i in 0..SCOPE_LIMIT {
        victim.feed(&mine(i));
    }
    assert!(victim.faults.is_empty());
    victim.feed(&mine(SCOPE_LIMIT));
    assert_eq!(victim.faults.last().map(|fault| &fault.kind), Some(&FaultKind::TooManyEpochs));
    assert!(victim.closed);
}

#[test]
fn what_may_be_asked_for_at_once_is_bounded() {
    // The attacker takes nothing: once the credit is used up, what it asks for waits. One interval is begun.
    let jammed = || {
        let mut victim = Victim::new(2_000);
        victim.feed(&Frame::Want { handle: 1, intervals: IntervalSet::from_range(0, 6_000) });
        assert!(victim.unsent + 256 * 1024 > UNSENT_LIMIT);
        victim
    };
    let chunk = |n: usize| (0..n as u64).map(|i| i * 2).collect::<IntervalSet>();
    let want = |n| Frame::Want { handle: 3, intervals: chunk(n) };
    let mut victim = jammed();
    for _ in 1..SERVE_QUEUE_LIMIT / HAVE_INTERVAL_LIMIT {
        victim.feed(&want(HAVE_INTERVAL_LIMIT));
    }
    victim.feed(&want(HAVE_INTERVAL_LIMIT - 1));
    assert_eq!(victim.faults, []);
    victim.feed(&want(1));
    assert_eq!(victim.faults.first().map(|fault| &fault.kind), Some(&FaultKind::TooMuchWanted));
    assert!(victim.closed);

    let ids = |n| Frame::WantIds(vec![EntryId::from_bytes([1; 32]); n]);
    let mut victim = jammed();
    victim.feed(&ids(WANT_IDS_LIMIT));
    assert!(victim.faults.is_empty());
    victim.feed(&ids(1));
    assert_eq!(victim.faults.last().map(|fault| &fault.kind), Some(&FaultKind::TooMuchWanted));
}

#[test]
fn a_question_asked_a_thousand_times_is_answered_as_often_as_its_answer_changes() {
    let mut victim = Victim::new(50);
    victim.take_all();
    let before = victim.sent;
    for _ in 0..1_000 {
        victim.feed(&Frame::Digest { handle: 3, digest: [9; 16] });
        victim.take_all();
    }
    assert!(victim.sent - before < 2_000, "{} bytes for one question", victim.sent - before);
    // And what was sent is not sent again.
    let before = victim.sent;
    for _ in 0..100 {
        victim.feed(&Frame::Want { handle: 3, intervals: IntervalSet::from_range(0, 200) });
        victim.take_all();
    }
    assert!(victim.sent - before < 50 * 700 + 20_000, "{} bytes for 50 entries", victim.sent - before);
}

#[test]
fn what_was_sent_is_not_read_again_for_being_asked_for_again() {
    let mut victim = Victim::new(200);
    let everything = Frame::Want { handle: 3, intervals: IntervalSet::from_range(0, SEQ_MAX) };
    victim.feed(&everything);
    victim.take_all();
    let sent = victim.frames.iter().filter(|frame| matches!(frame, Frame::Entry(_))).count();
    assert_eq!(sent, 200, "all of it was served");
    let (reads, bytes) = (victim.ledger.reads.get(), victim.sent);
    for _ in 0..1_000 {
        victim.feed(&everything);
        victim.take_all();
    }
    assert_eq!(victim.sent, bytes, "nothing is said twice");
    assert_eq!(victim.ledger.reads.get(), reads, "nothing is read twice");
    // A second variant of a number is served although the first was, and it alone is read.
    victim.ledger.take(&Bytes::new(epoch_id(0), 30, 1, 400));
    victim.session.announce(&epoch_id(0), 30, victim.now);
    victim.feed(&everything);
    assert!(victim.sent > bytes);
    assert_eq!(victim.ledger.reads.get(), reads + 2);
}

/// A victim whose log has no gaps, so that every floor and range makes another sum.
fn dense_victim(entries: u64) -> Victim {
    let mut victim = Victim::new(0);
    for seq in 0..entries {
        victim.ledger.take(&Bytes::new(epoch_id(0), seq, 0, 10));
    }
    victim
}

#[test]
fn what_tiny_frames_make_us_read_is_bounded_over_time() {
    const ENTRIES: u64 = 1_000;
    let mut victim = dense_victim(ENTRIES);
    for i in 0..300 {
        // The same numbers as ours in a range that is another each time, and another sum.
        let (lo, hi) = (1 + i, ENTRIES - 1);
        let intervals = IntervalSet::from_range(lo, hi);
        victim.feed(&Frame::Have(Have { handle: 3, floor: 1, lo, hi, intervals, sum: Sum::ZERO }));
        victim.feed(&Frame::Digest { handle: 3, digest: [i as u8; 16] });
        victim.take_all();
    }
    assert_eq!(victim.faults, []);
    // What is listed counts as well as what is summed.
    assert!(victim.frames.iter().any(|frame| matches!(frame, Frame::Ids(ids) if !ids.pairs.is_empty())));
    let (read, burst) = (victim.ledger.reads.get(), usize::try_from(SUM_BURST_LIMIT).unwrap());
    assert!(read > burst, "the limit was reached");
    assert!(read <= burst + 2_000, "{read} entries read");
    // A list that was due when the limit was reached comes with time.
    victim.frames.clear();
    victim.wake(20_000);
    victim.take_all();
    assert!(victim.frames.iter().any(|frame| matches!(frame, Frame::Ids(_))), "the list is forgotten");
}

#[test]
fn comparing_that_was_paused_goes_on_with_time() {
    let digest_of = |floor| {
        let (intervals, sum) = (IntervalSet::new(), Sum::ZERO);
        Frame::Have(Have { handle: 3, floor, lo: floor, hi: SEQ_MAX, intervals, sum })
    };
    let mut victim = dense_victim(2_000);
    // Floors that rise: each makes another sum of nearly 2,000 entries necessary, more than the burst together.
    let times = SUM_BURST_LIMIT / 1_900 + 5;
    for floor in 1..=times {
        victim.feed(&digest_of(floor));
        victim.take_all();
    }
    assert_eq!(victim.faults, []);
    let reads = victim.ledger.reads.get() as u64;
    assert!(reads > SUM_BURST_LIMIT && reads <= SUM_BURST_LIMIT + 2_000, "{reads}");
    // Fresh entries are announced all the same.
    victim.frames.clear();
    victim.ledger.take(&Bytes::new(epoch_id(0), 9_000, 0, 10));
    victim.session.announce(&epoch_id(0), 9_000, victim.now);
    victim.drain();
    assert!(victim.frames.contains(&Frame::Head { handle: 3, seq: 9_000 }));
    assert!(!victim.frames.iter().any(|frame| matches!(frame, Frame::Have(_) | Frame::Digest { .. })));
    victim.wake(1_000);
    victim.take_all();
    let have = |frame: &Frame| matches!(frame, Frame::Have(have) if have.floor == times);
    assert!(victim.frames.iter().any(have), "the last floor is answered");
    let more = victim.ledger.reads.get() as u64 - reads;
    assert!(more <= SUM_RATE + 2 * 2_000, "{more} in a second");
}

#[test]
fn a_frame_in_the_wrong_place_ends_the_session() {
    let bytes = Bytes::new(epoch_id(1), 1, 0, 10);
    let entry =
        |handle| EntryFrame { handle: Some(handle), header: bytes.header.clone(), body: bytes.body.clone() };
    let header = Left::Header(Bytes::new(epoch_id(0), 6, 0, 10).header);
    for (frame, kind) in [
        (Frame::Entry(entry(3)), FaultKind::WrongPlace),
        (Frame::Gone(Gone { handle: 3, seq: 5, left: header }), FaultKind::WrongPlace),
        (Frame::Head { handle: 77, seq: 1 }, FaultKind::UnknownHandle { handle: 77 }),
        (Frame::Matched(Vec::new()), FaultKind::MatchedUnasked),
        (
            Frame::MatchedRun(MatchedRun { handle: 0, indices: vec![1], proof: [0; 16] }),
            FaultKind::MatchedUnasked,
        ),
        (Frame::Tags { class: 1, tags: vec![[0; 16]; 64] }, FaultKind::TooManyTags),
    ] {
        let mut victim = Victim::new(1);
        if kind == FaultKind::MatchedUnasked {
            // The tags it was really shown are answered first.
            for _ in 0..victim.frames.iter().filter(|frame| frame.variant() == 3).count() {
                victim.feed(&Frame::Matched(Vec::new()));
            }
            assert!(victim.faults.is_empty());
        }
        victim.feed(&frame);
        assert_eq!(victim.faults.last().map(|fault| fault.kind.clone()), Some(kind));
        assert!(victim.closed);
        let after = victim.frames.len();
        victim.feed(&Frame::Head { handle: 3, seq: 1 });
        victim.wake(10_000_000);
        assert_eq!(victim.frames.len(), after, "a closed session is silent");
    }
}

#[test]
fn a_claim_of_everything_costs_no_more_than_any_other() {
    let mut victim = Victim::new(10);
    victim.feed(&Frame::Have(Have {
        handle: 3,
        floor: 0,
        lo: 0,
        hi: SEQ_MAX,
        intervals: IntervalSet::from_range(0, SEQ_MAX),
        sum: Sum::ZERO,
    }));
    victim.take_all();
    for _ in 0..10 {
        victim.wake(60_000);
        victim.take_all();
    }
    let wanted: u64 = victim
        .frames
        .iter()
        .map(|frame| if let Frame::Want { intervals, .. } = frame { intervals.count() } else { 0 })
        .sum();
    assert!(wanted <= 2 * 2_048, "{wanted} entries asked of a liar");
    assert!(victim.footprint() < 100_000);
}

/// A page of the peer's in which there is nothing but `intervals`.
fn page_of(lo: u64, hi: u64, intervals: IntervalSet) -> Frame {
    Frame::Have(Have { handle: 3, floor: 0, lo, hi, intervals, sum: Sum::ZERO })
}

impl Victim {
    /// What it asked for last, and how often it has asked.
    fn wants(&self) -> (Option<&IntervalSet>, usize) {
        let wants = self.frames.iter().filter_map(|frame| match frame {
            Frame::Want { intervals, .. } => Some(intervals),
            _ => None,
        });
        (wants.clone().next_back(), wants.count())
    }
}

#[test]
fn what_a_later_page_does_not_list_is_asked_for_no_more() {
    let mut victim = Victim::new(10);
    victim.feed(&page_of(0, SEQ_MAX, IntervalSet::from_range(0, SEQ_MAX)));
    victim.take_all();
    let before = victim.wants().1;
    assert!(before > 0);
    // An honest answer to the first question: of all that, one number is there.
    victim.feed(&page_of(0, SEQ_MAX - 10, IntervalSet::from_range(7, 7)));
    victim.take_all();
    let (last, after) = victim.wants();
    assert!(after <= before + 1, "asked {} times more", after - before);
    assert_eq!(last, Some(&IntervalSet::from_range(7, 7)));
}

#[test]
fn a_peer_that_claims_and_denies_in_turn_is_believed_so_often() {
    let mut victim = Victim::new(10);
    let (mut claimed, mut asked) = (SEQ_MAX, Vec::new());
    for _ in 0..usize::from(WANT_DENIAL_LIMIT) + 20 {
        // All that was asked for so far is denied, and more is claimed.
        let before = victim.wants().1;
        victim.feed(&page_of(0, SEQ_MAX, IntervalSet::from_range(0, claimed)));
        victim.take_all();
        asked.push(victim.wants().1 - before);
        claimed = victim.wants().0.and_then(IntervalSet::lowest).expect("asked at least once") - 1;
    }
    // The first page claims and denies nothing.
    let (believed, doubted) = asked.split_at(usize::from(WANT_DENIAL_LIMIT));
    assert!(believed.iter().all(|more| *more > 0), "{asked:?}");
    assert!(doubted.iter().all(|more| *more == 0), "{asked:?}");
    assert_eq!(victim.faults, []);
    // Nor does a fresh claim bring a question.
    let before = victim.wants().1;
    victim.feed(&page_of(0, SEQ_MAX, IntervalSet::from_range(0, 90)));
    victim.take_all();
    assert_eq!(victim.wants().1, before);
    // What is announced singly is asked for, and once it comes the peer is believed again.
    let fresh = Bytes::new(epoch_id(0), 91, 0, 10);
    victim.feed(&Frame::Head { handle: 3, seq: 91 });
    victim.take_all();
    assert_eq!(victim.wants(), (Some(&IntervalSet::from_range(91, 91)), before + 1));
    let entry = EntryFrame { handle: Some(3), header: fresh.header.clone(), body: fresh.body.clone() };
    victim.feed(&Frame::Entry(entry));
    victim.feed(&page_of(0, SEQ_MAX, IntervalSet::from_range(85, 90)));
    victim.take_all();
    assert_eq!(victim.wants().0, Some(&IntervalSet::from_range(85, 90)));
}

#[test]
fn a_round_shows_epochs_of_every_author_however_many_one_of_them_makes() {
    let mut victim = Victim::new(0);
    victim.session.start_posts(victim.now);
    victim.feed(&Frame::Tags { class: 2, tags: vec![[2; 16]; TAGS_ROUND] });
    let scope = |number: usize, author, class| Scope {
        epoch: epoch(number, author, class),
        how: How::Tag { offer: true },
        open: true,
        peer_is_author: false,
    };
    // One friend's epochs, of the class that goes first, older and newer than another's one.
    let many = |from: usize| (from..from + 500).map(|number| scope(number, 7, Class::Contact));
    victim.session.add_scopes(many(100), victim.now);
    victim.session.add_scopes([scope(50, 8, Class::Posts)], victim.now);
    victim.session.add_scopes(many(1_000), victim.now);
    victim.frames.clear();
    victim.session.courier_round();
    victim.take_all();
    let tags = victim.frames.iter().find_map(|frame| match frame {
        Frame::Tags { tags, .. } => Some(tags.clone()),
        _ => None,
    });
    let tags = tags.expect("a round");
    assert_eq!(tags.len(), TAGS_ROUND);
    let binding = victim.binding.as_ref().expect("greeted");
    let is_shown = |number: usize| tags.contains(&scope_tag(&tag_key(number), Role::Responder, binding));
    assert!(is_shown(50), "another's one epoch is among them");
    assert_eq!((1_000..1_500).filter(|number| is_shown(*number)).count(), TAGS_ROUND - 1, "the newest");
}

#[test]
fn somebody_is_met_by_an_open_contact_that_matched_and_by_nothing_else() {
    let mut victim = Victim::new(0);
    let contact = |open| Scope {
        epoch: epoch(0, 0, Class::Contact),
        how: How::Tag { offer: true },
        open,
        peer_is_author: true,
    };
    let met = |victim: &Victim| [0, 1].map(|author| victim.session.has_met(&user_id(author)));
    assert_eq!(met(&victim), [true, false], "nothing of the other matched");
    victim.session.add_scopes([contact(false)], victim.now);
    assert_eq!(met(&victim), [false, false], "it was closed");
    victim.session.add_scopes([contact(true)], victim.now);
    assert_eq!(met(&victim), [true, false]);
    victim.session.close_scope(&epoch_id(0));
    assert_eq!(met(&victim), [false, false]);
}
