//! Two nodes with the frames between them handed over: what a step may do, and what a backlog comes to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::crypto::{Entropy, SigningKey, keys};
use crate::id::UserId;
use crate::identity::{DeviceRecord, IdentityRecord, Keyring, Verified};
use crate::limits::{PUMP_FRAMES_LIMIT, TAGS_ROUND_INTERVAL_MS, TURN_MIN_MS};
use crate::link::{Address, ConnId, DialId, Event, Order, Path, StreamId};
use crate::moment::{Body, Class, Post, PrivatePart, PublicPart, PublicValues};
use crate::service::testing::{Author, BEGIN, Rig};
use crate::service::{Output, Service};
use crate::store::{Direction, KeyRange, Tree};
use crate::time::Timestamp;

const CONN: ConnId = ConnId(1);
/// Events that one commit takes together, as the engine does.
const RUN: usize = 64;

/// One node, and what is on its way to it.
struct Side {
    rig: Rig,
    inbox: VecDeque<Event>,
    streams: BTreeMap<StreamId, StreamId>,
    /// Frames that the last step sent.
    sent: usize,
    /// Whether entries are checked ahead, as the engine does in a backlog.
    ahead: bool,
}

struct Two {
    sides: [Side; 2],
    next: u64,
    now: Timestamp,
}

impl Two {
    fn new(ahead: bool) -> Self {
        let side = |seed| Side {
            rig: Rig::of(seed),
            inbox: VecDeque::new(),
            streams: BTreeMap::new(),
            sent: 0,
            ahead,
        };
        let mut sides = [side(1), side(2)];
        let cards = [sides[0].card(), sides[1].card()];
        for (side, (identity, device)) in sides.iter_mut().zip(cards.into_iter().rev()) {
            side.rig.keep_friend("Ben", identity, Some(device));
            side.rig.service.admit();
            side.rig.commit();
        }
        Self { sides, next: 1_000_001, now: BEGIN.plus_ms(1_000) }
    }

    /// Somebody whom both know and have keys of.
    fn common_friend(&mut self, entropy: &mut Entropy, posts: usize) -> Vec<Author> {
        let created = Keyring::create(entropy, BEGIN);
        let user: UserId = created.keyring.user();
        let mut authors = vec![Author::new(user, Class::Contact, entropy)];
        authors.extend((0..posts).map(|_| Author::new(user, Class::Posts, entropy)));
        for side in &mut self.sides {
            side.rig.keep_friend("Carol", created.identity.clone(), None);
            for author in &authors {
                side.rig.service.insert_epoch(author.record());
            }
        }
        authors
    }

    fn connect(&mut self) {
        let address = Address::from_bytes(&[4, 10, 0, 0, 1, 6, 0, 1]).expect("short");
        let nodes = [self.sides[1].rig.node(), self.sides[0].rig.node()];
        for (at, (side, node)) in self.sides.iter_mut().zip(nodes).enumerate() {
            side.rig.commit();
            let attempt = (at == 0).then_some(DialId(9_999));
            let (address, path) = (address.clone(), Path::Direct);
            side.inbox.push_back(Event::Connected { conn: CONN, node, attempt, address, path });
        }
    }

    fn disconnect(&mut self) {
        for side in &mut self.sides {
            side.inbox.push_back(Event::Disconnected { conn: CONN });
        }
        self.run();
    }

    /// One step of one side: a run of events, or what is due. Gives whether there was anything.
    fn step(&mut self, at: usize) -> bool {
        let now = self.now;
        let side = &mut self.sides[at];
        let run: Vec<Event> = (0..RUN).map_while(|_| side.inbox.pop_front()).collect();
        let is_due = side.rig.service.next_wakeup().is_some_and(|due| due <= now);
        if run.is_empty() && !is_due {
            return false;
        }
        if side.ahead {
            let checks: Vec<_> = run.iter().filter_map(|event| side.rig.service.check(event)).collect();
            for checked in checks.into_iter().filter_map(|check| check.run()) {
                side.rig.service.checked(checked);
            }
        }
        let is_busy = !run.is_empty();
        for event in run {
            side.rig.service.handle(event, now).expect("memory");
        }
        if !is_busy {
            side.rig.service.wake(now).expect("memory");
        }
        side.rig.service.commit().expect("memory");
        self.route(at);
        true
    }

    fn route(&mut self, at: usize) {
        let [first, second] = &mut self.sides;
        let (from, to) = if at == 0 { (first, second) } else { (second, first) };
        from.sent = 0;
        while let Some(output) = from.rig.service.poll_output() {
            match output {
                Output::Network(Order::OpenStream { stream, protocol, .. }) => {
                    self.next += 2;
                    let other = StreamId(self.next);
                    from.streams.insert(stream, other);
                    to.streams.insert(other, stream);
                    let opened = |stream, ours| Event::StreamOpened { conn: CONN, stream, protocol, ours };
                    from.inbox.push_back(opened(stream, true));
                    to.inbox.push_back(opened(other, false));
                }
                Output::Network(Order::Send { stream, frame }) => {
                    from.sent += 1;
                    from.inbox.push_back(Event::Sent { stream, bytes: frame.len() });
                    to.inbox.push_back(Event::Frame { stream: from.streams[&stream], frame });
                }
                _ => {}
            }
        }
    }

    /// Steps until nothing happens for a while. Gives the most frames of a session that one step sent.
    fn run(&mut self) -> usize {
        let (mut most, mut quiet) = (0, 0);
        for _ in 0..100_000 {
            let mut moved = false;
            for at in 0..2 {
                moved |= !self.sides[at].inbox.is_empty();
                if self.step(at) {
                    most = most.max(self.sides[at].sent);
                }
            }
            quiet = if moved { 0 } else { quiet + 1 };
            if quiet > 40 {
                return most;
            }
            self.now = self.now.plus_ms(if moved { 0 } else { 50 });
        }
        panic!("the two do not come to rest");
    }
}

impl Side {
    fn card(&self) -> (Verified<IdentityRecord>, Verified<DeviceRecord>) {
        let me = &self.rig.service.state.me;
        let identity = IdentityRecord::open(&me.identity).expect("mine");
        (identity, DeviceRecord::open(&me.device).expect("mine"))
    }

    /// Everything that is kept of entries, byte for byte but for when it came.
    fn kept(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let store = self.rig.service.store();
        let mut all = Vec::new();
        for tree in [Tree::Log, Tree::ById, Tree::ByAuthor, Tree::Months] {
            let page = store.scan(tree, KeyRange::all(), Direction::Forward, 10_000).expect("memory");
            all.extend(page.records);
        }
        all
    }

    fn posts(&self) -> usize {
        let all = KeyRange::all();
        self.rig
            .service
            .store()
            .scan(Tree::Timeline, all, Direction::Forward, 10_000)
            .expect("memory")
            .records
            .len()
    }
}

fn text(service: &mut Service, author: &mut Author, n: u64, entropy: &mut Entropy) {
    let values = PublicValues { text: format!("moment {n}"), ..PublicValues::default() };
    let public = PublicPart::new(&values).expect("within the limits");
    let body = Body::Post(Box::new(Post { public, private: PrivatePart::default() }));
    let (_, header, body) = author.write(BEGIN.plus_ms(n), body, entropy);
    service.take_entry(&header, body).expect("memory");
}

fn backlog(ahead: bool, posts: usize) -> (Two, usize) {
    let mut entropy = Entropy::from_number(3);
    let mut two = Two::new(ahead);
    let mut authors = two.common_friend(&mut entropy, 4);
    for n in 0..posts {
        let author = &mut authors[1 + n % 4];
        text(&mut two.sides[0].rig.service, author, n as u64, &mut entropy);
    }
    two.connect();
    let most = two.run();
    (two, most)
}

#[test]
fn checked_ahead_or_in_its_turn_an_entry_comes_to_the_same() {
    let (with, _) = backlog(true, 300);
    let (without, _) = backlog(false, 300);
    assert_eq!(with.sides[1].posts(), 300);
    assert_eq!(with.sides[1].kept(), without.sides[1].kept());
}

#[test]
fn a_check_is_worth_nothing_for_other_bytes() {
    let mut entropy = Entropy::from_number(3);
    let mut rig = Rig::new();
    let mut author = rig.befriend("Bob");
    let values = PublicValues { text: "so".into(), ..PublicValues::default() };
    let public = PublicPart::new(&values).expect("within the limits");
    let post = Body::Post(Box::new(Post { public, private: PrivatePart::default() }));
    let (id, header, body) = author.write(BEGIN, post, &mut entropy);
    for at in [header.len() - 1, 100, 40] {
        let check = rig.service.check_of(&header, body.clone()).expect("an entry of a known epoch");
        rig.service.checked(check.run().expect("it is valid"));
        let mut other = header.clone();
        other[at] ^= 1;
        let verdict = rig.service.take_entry(&other, body.clone()).expect("memory");
        assert_eq!(verdict, super::Verdict::Fault, "byte {at} was changed");
        rig.service.commit().expect("memory");
    }
    let ahead = |rig: &mut Rig| {
        let check = rig.service.check_of(&header, body.clone()).expect("an entry of a known epoch");
        rig.service.checked(check.run().expect("it is valid"));
        assert!(rig.service.checks.has(&header));
    };
    // The same header over another body.
    ahead(&mut rig);
    let mut other = body.clone();
    other[7] ^= 1;
    let verdict = rig.service.take_entry(&header, other.clone()).expect("memory");
    assert_eq!(verdict, super::Verdict::Fault, "the body is another");
    rig.service.commit().expect("memory");
    // A check of a body that was bent comes to nothing.
    assert!(rig.service.check_of(&header, other).is_none_or(|check| check.run().is_none()));
    // Another key of the epoch.
    ahead(&mut rig);
    let epoch = rig.service.check_of(&header, body.clone()).expect("an entry").epoch();
    let key = SigningKey::random(&mut entropy).public();
    let record = rig.service.state.epochs.get_mut(&epoch).expect("it is known");
    let right = std::mem::replace(&mut record.public, key);
    let verdict = rig.service.take_entry(&header, body.clone()).expect("memory");
    assert_eq!(verdict, super::Verdict::Fault, "it was checked under another key");
    rig.service.state.epochs.get_mut(&epoch).expect("it is known").public = right;
    rig.service.commit().expect("memory");
    // Exactly this, and the check is used up.
    ahead(&mut rig);
    let verdict = rig.service.take_entry(&header, body).expect("memory");
    assert!(matches!(verdict, super::Verdict::Kept { id: kept, .. } if kept == id), "{verdict:?}");
    assert!(!rig.service.checks.has(&header), "the check was used");
}

#[test]
fn a_session_sends_so_many_frames_in_a_turn_and_goes_on_at_once() {
    // Entries of 0.5 KiB: a mebibyte of them is far more than a turn.
    let (two, most) = backlog(false, 4 * PUMP_FRAMES_LIMIT);
    assert_eq!(two.sides[1].posts(), 4 * PUMP_FRAMES_LIMIT);
    // A few frames of the mail stream may go beside them.
    assert!((PUMP_FRAMES_LIMIT..PUMP_FRAMES_LIMIT + 8).contains(&most), "{most} frames in a step");
}

#[test]
fn what_comes_of_a_closed_epoch_after_two_had_the_same_of_it_goes_on_to_the_other() {
    let mut entropy = Entropy::from_number(3);
    let mut two = Two::new(false);
    let mut authors = two.common_friend(&mut entropy, 1);
    text(&mut two.sides[0].rig.service, &mut authors[1], 1, &mut entropy);
    for side in &mut two.sides {
        let record = side.rig.service.state.epochs.get_mut(&authors[1].epoch).expect("it is known");
        record.closed = Some(BEGIN.day());
    }
    two.connect();
    two.run();
    assert_eq!(two.sides[1].posts(), 1);
    // One meets the author meanwhile.
    two.disconnect();
    text(&mut two.sides[0].rig.service, &mut authors[1], 2, &mut entropy);
    two.connect();
    two.run();
    assert_eq!(two.sides[1].posts(), 2, "to the next session");
    // Both have found that they are equal, and so nothing of it was said, when more comes.
    for _ in 0..2 {
        two.disconnect();
        two.connect();
        two.run();
    }
    let epoch = authors[1].epoch;
    let is_matched =
        |service: &Service| service.sessions().any(|(_, stream, _)| service.is_matched(stream, &epoch));
    assert!(!is_matched(&two.sides[0].rig.service), "it was settled");
    text(&mut two.sides[0].rig.service, &mut authors[1], 3, &mut entropy);
    two.sides[0].rig.service.net.todo.push(super::Todo::Announce { epoch, seq: 2, whole: true });
    two.sides[0].rig.service.settle().expect("memory");
    for _ in 0..3 {
        two.now = two.now.plus_ms(TAGS_ROUND_INTERVAL_MS);
        two.run();
    }
    assert_eq!(two.sides[1].posts(), 3, "with the next tags");
}

#[test]
fn who_gives_way_to_others_says_so_and_both_know() {
    let mut two = Two::new(false);
    two.connect();
    two.run();
    let rest = |two: &Two| two.sides.each_ref().map(|side| side.rig.service.net.conns[&CONN].rests);
    let sessions = |two: &Two| two.sides.each_ref().map(|side| side.rig.service.sessions().count());
    assert_eq!((rest(&two), sessions(&two)), ([false; 2], [1; 2]));
    two.sides[1].rig.service.limit_connections(0);
    two.now = two.now.plus_ms(2 * TURN_MIN_MS);
    two.run();
    assert_eq!((rest(&two), sessions(&two)), ([true; 2], [0; 2]));
}

#[test]
fn who_never_says_who_they_are_gives_way_too() {
    let mut two = Two::new(false);
    two.connect();
    two.sides[0].inbox.clear();
    two.step(1);
    let service = &mut two.sides[1].rig.service;
    service.limit_connections(0);
    let mut is_hung_up = |after| {
        service.wake(two.now.plus_ms(after)).expect("memory");
        service.commit().expect("memory");
        std::iter::from_fn(|| service.poll_output())
            .any(|output| matches!(output, Output::Network(Order::Hangup { conn: CONN })))
    };
    assert!(!is_hung_up(TURN_MIN_MS / 2), "they have just come");
    assert!(is_hung_up(2 * TURN_MIN_MS));
}

#[test]
fn sessions_share_what_an_epoch_is() {
    let mut entropy = Entropy::from_number(5);
    let user = Keyring::create(&mut entropy, BEGIN).keyring.user();
    let record = Author::new(user, Class::Posts, &mut entropy).record();
    let one = record.for_sync().expect("it has a secret");
    assert!(Arc::ptr_eq(&one, &record.for_sync().expect("the same")));
    assert!(
        Arc::ptr_eq(&one, &record.clone().for_sync().expect("the same")),
        "a record that is written again is no other"
    );
    assert_eq!(Some(&one.key), record.secret.as_ref().map(keys::tag_key).as_ref());
}

#[test]
fn a_connection_is_whose_who_spoke_on_it_last() {
    let mut two = Two::new(false);
    two.connect();
    two.run();
    let service = &mut two.sides[0].rig.service;
    let (bob, device) = service.net.conns[&CONN].friend.expect("Bob's");
    let other = UserId::from_bytes([9; 32]);
    assert!(service.net.is_here(&bob));
    service.net.is_of(CONN, other, device);
    assert!(!service.net.is_here(&bob) && service.net.is_here(&other));
    assert_eq!(service.online(&bob), None);
    service.forget_conn(CONN);
    assert!(!service.net.is_here(&other));
}
