//! Friends whose program is not ours: whatever they send, nobody panics, and everybody else goes on as if nothing were.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tidings::id::{EntryId, EpochId, ParcelId};
use tidings::link::Protocol;
use tidings::sync::{EntryFrame, Frame, Gone, Have, Ids, IntervalSet, Left, SEQ_MAX, Sum};
use tidings::{mail, sync};

use super::people::{cases, circle, everyone, except};
use super::world::World;

const MALLORY: usize = 2;

/// A frame of the sync protocol with honest grammar and arbitrary meaning.
fn sync_frame() -> impl Strategy<Value = Vec<u8>> {
    let handle = prop_oneof![0u32..12, any::<u32>()];
    let seqs = proptest::collection::vec((0u64..200, 0u64..20), 0..6).prop_map(|ranges| {
        let mut set = IntervalSet::new();
        for (lo, len) in ranges {
            set.insert_range(lo, lo + len);
        }
        set
    });
    let epoch = any::<[u8; 16]>().prop_map(EpochId::from_bytes);
    let header = proptest::collection::vec(any::<u8>(), sync::HEADER_LEN)
        .prop_map(|bytes| Box::new(<[u8; sync::HEADER_LEN]>::try_from(bytes).expect("as long")));
    let id = any::<[u8; 32]>().prop_map(EntryId::from_bytes);
    prop_oneof![
        (handle.clone(), epoch).prop_map(|(handle, epoch)| Frame::Mine { handle, epoch }),
        (0u8..4, proptest::collection::vec(any::<[u8; 16]>(), 0..70))
            .prop_map(|(class, tags)| Frame::Tags { class, tags }),
        (handle.clone(), any::<[u8; 16]>()).prop_map(|(handle, digest)| Frame::Digest { handle, digest }),
        (handle.clone(), seqs.clone()).prop_map(|(handle, intervals)| {
            Frame::Have(Have { handle, floor: 0, lo: 0, hi: SEQ_MAX, intervals, sum: Sum::ZERO })
        }),
        (handle.clone(), seqs).prop_map(|(handle, intervals)| Frame::Want { handle, intervals }),
        proptest::collection::vec(id.clone(), 1..8).prop_map(Frame::WantIds),
        (
            proptest::option::of(handle.clone()),
            header.clone(),
            proptest::collection::vec(any::<u8>(), 0..400)
        )
            .prop_map(|(handle, header, body)| Frame::Entry(EntryFrame { handle, header, body })),
        (handle.clone(), 0u64..200, header).prop_map(|(handle, seq, header)| Frame::Gone(Gone {
            handle,
            seq,
            left: Left::Header(header)
        })),
        (handle.clone(), 0u64..200, id.clone()).prop_map(|(handle, seq, id)| Frame::Gone(Gone {
            handle,
            seq,
            left: Left::Id(id)
        })),
        (handle.clone(), 0u64..200, id).prop_map(|(handle, seq, id)| Frame::Ids(Ids {
            handle,
            lo: 0,
            hi: 500,
            pairs: vec![(seq, id)]
        })),
        (handle, 0u64..1_000).prop_map(|(handle, seq)| Frame::Head { handle, seq }),
    ]
    .prop_map(|frame| frame.encode())
}

/// Something that a hostile node does.
#[derive(Debug, Clone)]
enum Deed {
    Send(Protocol, Vec<u8>),
    /// Something that was received before, again, perhaps with a byte changed.
    Replay {
        at: usize,
        flip: Option<(usize, u8)>,
    },
    Open(Protocol),
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let protocol = prop_oneof![Just(Protocol::Sync), Just(Protocol::Mail), Just(Protocol::Pair)];
    let bytes = proptest::collection::vec(any::<u8>(), 0..300);
    let framed = bytes.clone().prop_map(|mut bytes| {
        // A known version and a small variant, so that decoders get further than the first byte.
        bytes.insert(0, 1);
        if let Some(variant) = bytes.get_mut(1) {
            *variant %= 16;
        }
        bytes
    });
    let mail = prop_oneof![
        any::<[u8; 16]>().prop_map(|id| mail::Frame::Taken(ParcelId::from_bytes(id))),
        Just(mail::Frame::Kept),
        Just(mail::Frame::Full),
    ];
    prop_oneof![
        6 => sync_frame().prop_map(|frame| Deed::Send(Protocol::Sync, frame)),
        2 => mail.prop_map(|frame| Deed::Send(Protocol::Mail, frame.encode())),
        2 => (protocol.clone(), framed).prop_map(|(protocol, frame)| Deed::Send(protocol, frame)),
        1 => (protocol.clone(), bytes).prop_map(|(protocol, frame)| Deed::Send(protocol, frame)),
        4 => (any::<usize>(), proptest::option::of((any::<usize>(), 1u8..=255)))
            .prop_map(|(at, flip)| Deed::Replay { at, flip }),
        1 => protocol.prop_map(Deed::Open),
        2 => (0u64..3_000).prop_map(Deed::Wait),
    ]
}

fn act(world: &mut World, deed: &Deed) {
    for victim in [0, 1] {
        match deed {
            Deed::Send(protocol, frame) => {
                world.inject(MALLORY, victim, *protocol, frame.clone());
            }
            Deed::Replay { at, flip } => {
                let seen = &world.nodes[MALLORY].received;
                let Some(received) = seen.get(at % seen.len().max(1)).cloned() else { continue };
                let mut frame = received.frame;
                if let Some((place, with)) = flip {
                    let place = place % frame.len().max(1);
                    if let Some(byte) = frame.get_mut(place) {
                        *byte ^= with;
                    }
                }
                world.inject(MALLORY, victim, received.protocol, frame);
            }
            Deed::Open(protocol) => {
                world.inject_stream(MALLORY, victim, *protocol);
            }
            Deed::Wait(ms) => world.run(*ms),
        }
        world.run(10);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(12), failure_persistence: None, ..ProptestConfig::default() })]

    /// I22, I23, I29 as far as whole nodes show them: Alice and Bob see the same as in a world in which Mallory is
    /// well behaved, nothing of theirs changed hands, and Mallory reads nothing that was not for him.
    #[test]
    fn arbitrary_frames_of_a_friend_change_nothing_between_others(
        seed in any::<u64>(),
        deeds in proptest::collection::vec(deed(), 1..40),
    ) {
        let mut world = circle(seed, &["Alice", "Bob", "Mallory"]);
        world.post(0, "from Alice", everyone());
        world.post(1, "from Bob", everyone());
        world.post(0, "not Mallory", except(&["Mallory"]));
        world.post(MALLORY, "from Mallory", everyone());
        world.run(1_000);
        world.like(1, "from Alice");
        world.run(1_000);
        for deed in &deeds {
            act(&mut world, deed);
        }
        world.post(0, "still here", everyone());
        world.run(3_000);
        for who in [0, 1] {
            let mut texts = world.texts(who);
            texts.sort();
            let expected = ["from Alice", "from Bob", "from Mallory", "not Mallory", "still here"];
            prop_assert_eq!(texts, expected, "{}", world.nodes[who].name);
            prop_assert_eq!(world.likes(who, "from Alice"), ["Bob"]);
            let authors: Vec<_> = world.moments(who).into_iter().map(|m| (m.text, m.author.id)).collect();
            for (text, author) in authors {
                let writer = match text.as_str() {
                    "from Bob" => 1,
                    "from Mallory" => MALLORY,
                    _ => 0,
                };
                prop_assert_eq!(author, world.nodes[writer].user());
            }
        }
        prop_assert!(world.is_linked(0, 1));
        prop_assert!(!world.sees(MALLORY, "not Mallory"));
    }
}

#[test]
fn a_flood_of_parcels_is_kept_within_the_budget_of_its_sender() {
    let mut world = circle(140, &["Alice", "Bob", "Mallory"]);
    world.stop(1);
    world.run(1_000);
    // A parcel that Bob was sent once: to be kept for him many times over, each time with another id.
    let parcel =
        world.nodes[1].received.iter().find_map(|received| match mail::Frame::decode(&received.frame) {
            Ok(Some(mail::Frame::Deliver(envelope))) if received.protocol == Protocol::Mail => Some(envelope),
            _ => None,
        });
    let parcel = parcel.expect("Bob got a parcel");
    // Without version and variant.
    let size = mail::Frame::Put(parcel.clone()).encode().len() - 2;
    let before = world.nodes[MALLORY].received.len();
    let count = tidings::limits::MAIL_SENDER_LIMIT / size + 20;
    for number in 0..count {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let mut envelope = parcel.clone();
        envelope.parcel_id = ParcelId::from_bytes(id);
        assert!(world.inject(MALLORY, 0, Protocol::Mail, mail::Frame::Put(envelope).encode()));
    }
    world.run(2_000);
    let answers = |kind| world.nodes[MALLORY].received[before..].iter().filter(|r| r.kind == kind).count();
    let (kept, full) = (answers("Kept"), answers("Full"));
    assert_eq!(kept + full, count);
    let limit = tidings::limits::MAIL_SENDER_LIMIT;
    assert!(kept * size <= limit && (kept + 1) * size > limit, "{kept} kept, {full} refused");
    world.start(1);
    world.run(5_000);
    assert!(world.are_friends(0, 1) && world.are_friends(1, MALLORY));
}

/// A friend's page of everything there could be, said by a changed program beside an honest one: what is asked for is
/// answered with what there is, and that is the end of it.
#[test]
fn a_friend_who_claims_every_number_does_not_keep_anybody_asking() {
    let mut world = circle(141, &["Alice", "Bob", "Mallory"]);
    world.post(0, "from Alice", everyone());
    world.post(MALLORY, "from Mallory", everyone());
    world.run(3_000);
    let handles: BTreeSet<u32> = world.nodes[0]
        .received
        .iter()
        .filter(|received| received.from == MALLORY && received.protocol == Protocol::Sync)
        .filter_map(|received| match Frame::decode(&received.frame) {
            Ok(Some(Frame::Digest { handle, .. } | Frame::Mine { handle, .. })) => Some(handle),
            _ => None,
        })
        .collect();
    assert!(handles.len() > 2, "{handles:?}");
    for handle in handles {
        let before = world.nodes[MALLORY].received.len();
        let intervals = IntervalSet::from_range(0, SEQ_MAX);
        let claim = Have { handle, floor: 0, lo: 0, hi: SEQ_MAX, intervals, sum: Sum::ZERO };
        assert!(world.inject(MALLORY, 0, Protocol::Sync, Frame::Have(claim).encode()));
        world.run(3_000);
        let wants = world.nodes[MALLORY].received[before..].iter().filter(|r| r.kind == "Want").count();
        // As many as may be under way before the first is answered.
        assert!(wants <= 64, "asked {wants} times for what handle {handle} stands for");
    }
    world.post(MALLORY, "afterwards", everyone());
    world.run(3_000);
    assert!(world.sees(0, "afterwards") && world.sees(1, "afterwards"));
}
