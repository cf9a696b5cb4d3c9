//! The largest meeting that the protocol allows (docs/protocol.md 3.18): two friends with 5,000 friends in common and
//! 16,384 epochs of theirs, whose tags are all matched. Once as a whole, both sides, and once the longest single step of it:
//! nothing else happens on a node while it lasts.
//!
//! Sessions alone, with frames handed over: no disk, no socket, no entry.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings::crypto::keys::{self, Role};
use tidings::crypto::{Entropy, EpochSecret};
use tidings::id::{EntryId, EpochId, NodeId, UserId};
use tidings::limits::PUMP_FRAMES_LIMIT;
use tidings::sync::{
    Class, Config, Epoch, How, IntervalSet, Known, Log, LogState, Output, Scope, Session, Sum,
};
use tidings::time::Timestamp;

use crate::works::{Round, Work};

/// Friends in common.
const FRIENDS: u32 = 5_000;
/// Their epochs, a `~contact` of each among them.
const EPOCHS: u32 = 16_384;
/// When it happens.
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// What is measured.
pub const ALL: [Work; 2] = [
    Work {
        name: "meeting",
        unit: "two with 5,000 friends in common find their 16,384 epochs, both sides",
        each: 1,
        make: meeting,
    },
    Work { name: "meeting-step", unit: "the longest single step of that", each: 1, make: step },
];

/// Nothing is known of any epoch.
struct Nothing;

impl Log for Nothing {
    fn state(&self, _: &EpochId) -> Option<Cow<'_, LogState>> {
        None
    }

    fn sum_over(&self, _: &EpochId, _: u64, _: u64) -> Sum {
        Sum::ZERO
    }

    fn ids(&self, _: &EpochId, _: u64, _: u64, _: usize) -> Vec<(u64, EntryId)> {
        Vec::new()
    }

    fn entries(&self, _: &EpochId, _: u64, _: u64, _: usize) -> Vec<Known> {
        Vec::new()
    }

    fn by_id(&self, _: &EntryId) -> Option<Known> {
        None
    }

    fn on_their_way(&self, _: &EpochId, _: Timestamp) -> IntervalSet {
        IntervalSet::new()
    }
}

/// The epochs of a class.
fn scopes(class: Class) -> Vec<Scope> {
    let numbers = if class == Class::Contact { 0..FRIENDS } else { FRIENDS..EPOCHS };
    let scope = |number: u32| {
        let mut entropy = Entropy::from_number(u64::from(number));
        let author = Entropy::from_number(1_000_000 + u64::from(number % FRIENDS)).bytes();
        let epoch = Epoch {
            id: EpochId::from_bytes(entropy.bytes()),
            author: UserId::from_bytes(author),
            class,
            key: keys::tag_key(&EpochSecret::random(&mut entropy)),
        };
        Scope { epoch: Arc::new(epoch), how: How::Tag { offer: true }, open: true, peer_is_author: false }
    };
    numbers.map(scope).collect()
}

/// One call of a session.
enum Call {
    Frame(Vec<u8>),
    /// The peer is a friend: the tags of `~contact`.
    Accept,
    /// The mutual friends are known: the tags of moments.
    Posts,
    /// There was more to send than a turn allows.
    GoOn,
}

struct Side {
    session: Session,
    todo: VecDeque<Call>,
    matched: u32,
}

fn sides() -> [Side; 2] {
    let side = |role: Role, number: u8| {
        let config = Config {
            role,
            our_node: NodeId::from_bytes([number; 32]),
            their_node: NodeId::from_bytes([3 - number; 32]),
            identity: vec![number; 200],
            device: vec![number; 300],
            entropy: Entropy::from_number(u64::from(number)),
        };
        Side { session: Session::new(config), todo: VecDeque::new(), matched: 0 }
    };
    [side(Role::Initiator, 1), side(Role::Responder, 2)]
}

/// Has them meet; each call, with all that comes of it, is handed to `call`.
fn meet(call: &mut dyn FnMut(&mut dyn FnMut())) {
    let mut scopes = [Class::Contact, Class::Posts].map(|class| [scopes(class), scopes(class)]);
    let mut sides = sides();
    call(&mut || (0..2).for_each(|at| drain(&mut sides, at)));
    while let Some(at) = (0..2).find(|at| !sides[*at].todo.is_empty()) {
        let next = sides[at].todo.pop_front().expect("there is one");
        call(&mut || {
            let session = &mut sides[at].session;
            match &next {
                Call::Frame(frame) => session.handle_frame(frame, NOW, &Nothing),
                Call::GoOn => {}
                Call::Accept => {
                    session.add_scopes(std::mem::take(&mut scopes[0][at]), NOW);
                    session.accept_peer(NOW);
                }
                Call::Posts => {
                    session.add_scopes(std::mem::take(&mut scopes[1][at]), NOW);
                    session.start_posts(NOW);
                }
            }
            drain(&mut sides, at);
        });
    }
    assert_eq!(sides.map(|side| side.matched), [EPOCHS; 2], "all of them");
}

/// Does what a session wants done, in turns as the service does.
fn drain(sides: &mut [Side; 2], at: usize) {
    let mut frames = 0;
    while let Some(output) = sides[at].session.poll_output(NOW, &Nothing) {
        match output {
            Output::Send(frame) => {
                frames += 1;
                sides[at].session.handle_sent(frame.len());
                sides[1 - at].todo.push_back(Call::Frame(frame));
            }
            // Before any frame that is here already.
            Output::PeerHello { .. } => sides[at].todo.push_front(Call::Accept),
            Output::ClassDone(Class::Contact) => sides[at].todo.push_front(Call::Posts),
            Output::Matched { .. } => sides[at].matched += 1,
            Output::Fault(fault) => panic!("a fault: {:?}", fault.kind),
            _ => {}
        }
        if frames == PUMP_FRAMES_LIMIT {
            sides[at].todo.push_back(Call::GoOn);
            break;
        }
    }
}

fn meeting() -> Round {
    Box::new(|counted| counted(&mut || meet(&mut |call| call())))
}

fn step() -> Round {
    let (mut longest, mut number, mut at) = (Duration::ZERO, 0, 0);
    meet(&mut |call| {
        let begun = Instant::now();
        call();
        if begun.elapsed() > longest {
            (longest, at) = (begun.elapsed(), number);
        }
        number += 1;
    });
    Box::new(move |counted| {
        let mut number = 0;
        meet(&mut |call| {
            if number == at {
                counted(call);
            } else {
                call();
            }
            number += 1;
        });
    })
}
