//! Tests of the frames: golden vectors, limits at n and n + 1, second ways to write the same.

use proptest::prelude::*;

use super::*;
use crate::limits::FRAME_LIMIT;

fn intervals() -> IntervalSet {
    let mut set = IntervalSet::from_range(0, 5);
    set.insert(7);
    set.insert_range(1 << 40, SEQ_MAX);
    set
}

fn have() -> Have {
    Have { handle: 4, floor: 0, lo: 0, hi: SEQ_MAX, intervals: intervals(), sum: Sum::from_bytes([0x44; 32]) }
}

fn header() -> Box<[u8; HEADER_LEN]> {
    Box::new([0x77; HEADER_LEN])
}

fn id() -> EntryId {
    EntryId::from_bytes([0x66; 32])
}

fn samples() -> Vec<(&'static str, Frame)> {
    let item = |index, handle, byte| MatchedItem { index, handle, tag: [byte; 16] };
    let entry = |handle| Frame::Entry(EntryFrame { handle, header: header(), body: b"body".to_vec() });
    let gone = |left| Frame::Gone(Gone { handle: 4, seq: 9, left });
    vec![
        (
            "hello",
            Frame::Hello(Hello {
                nonce: [0x55; 32],
                features: 0,
                identity: b"id".to_vec(),
                device: b"dev".to_vec(),
            }),
        ),
        ("mine", Frame::Mine { handle: 4, epoch: EpochId::from_bytes([0x11; 16]) }),
        ("tags", Frame::Tags { class: 2, tags: vec![[0x22; 16], [0x23; 16]] }),
        ("matched", Frame::Matched(vec![item(0, 1, 0x22), item(63, 3, 0x23)])),
        ("digest", Frame::Digest { handle: 4, digest: [0x33; 16] }),
        ("have", Frame::Have(have())),
        ("want", Frame::Want { handle: 4, intervals: intervals() }),
        ("want_ids", Frame::WantIds(vec![id()])),
        ("entry", entry(Some(4))),
        ("entry_granted", entry(None)),
        ("gone_id", gone(Left::Id(id()))),
        ("gone_header", gone(Left::Header(header()))),
        ("ids", Frame::Ids(Ids { handle: 4, lo: 3, hi: 9, pairs: vec![(5, id())] })),
        ("head", Frame::Head { handle: 4, seq: 9 }),
        ("bye", Frame::Bye(ByeReason::Done)),
        (
            "digests",
            Frame::Digests { places: [0, 2, 4, 7].map(place_of).into_iter().collect(), digest: [0x33; 16] },
        ),
    ]
}

fn vector(name: &str) -> Vec<u8> {
    let line = include_str!("../../../tests/vectors/sync.txt")
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .expect(name);
    (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).expect("hex")).collect()
}

#[test]
fn every_frame_is_written_as_the_independent_program_writes_it() {
    for (name, frame) in samples() {
        assert_eq!(frame.encode(), vector(name), "{name}");
        assert_eq!(Frame::decode(&vector(name)), Ok(Some(frame)), "{name}");
    }
    assert_eq!(have().digest().to_vec(), vector("have_d16"));
    assert_eq!(group_digest(&[[0x33; 16], [0x34; 16]]).to_vec(), vector("group_d16"));
}

#[test]
fn every_variant_has_a_vector() {
    let variants: std::collections::BTreeSet<u8> =
        samples().iter().map(|(_, frame)| frame.variant()).collect();
    assert_eq!(variants, (HELLO..=DIGESTS).collect());
}

#[test]
fn a_digest_leaves_the_handle_out_and_nothing_else() {
    let digest = have().digest();
    assert_eq!(Have { handle: 5, ..have() }.digest(), digest);
    for other in [
        Have { floor: 1, lo: 1, ..have() },
        Have { lo: 1, ..have() },
        Have { hi: SEQ_MAX - 1, ..have() },
        Have { intervals: IntervalSet::from_range(0, 5), ..have() },
        Have { sum: Sum::ZERO, ..have() },
    ] {
        assert_ne!(other.digest(), digest);
    }
}

#[test]
fn an_unknown_variant_is_ignored_and_an_unknown_version_refused() {
    assert_eq!(Frame::decode(&[1, DIGESTS + 1, 1, 2, 3]), Ok(None));
    assert_eq!(Frame::decode(&[1, 0]), Ok(None));
    assert!(matches!(Frame::decode(&[2, MINE]), Err(DecodeError::Unknown { .. })));
    assert!(Frame::decode(&[]).is_err());
    assert!(Frame::decode(&[1]).is_err());
}

#[test]
fn a_byte_more_or_less_is_refused() {
    for (name, frame) in samples() {
        let bytes = frame.encode();
        assert!(Frame::decode(&bytes[..bytes.len() - 1]) != Ok(Some(frame.clone())), "{name} cut short");
        // The body of an entry is the rest of its frame; every other frame ends where its fields end.
        let longer = [bytes.as_slice(), &[0]].concat();
        let is_entry = matches!(frame, Frame::Entry(_));
        assert_eq!(Frame::decode(&longer).is_err(), !is_entry, "{name} with a byte more");
    }
}

#[test]
fn a_second_way_to_write_the_same_is_refused() {
    let raw = |variant: u8, fields: &dyn Fn(&mut Writer)| {
        let mut out = Writer::new();
        out.u8(VERSION).u8(variant);
        fields(&mut out);
        Frame::decode(&out.into_vec())
    };
    let no_scope = raw(HEAD, &|out| {
        out.u32(NO_HANDLE).u64(1);
    });
    assert!(no_scope.is_err(), "a head of no scope");
    assert!(
        raw(HEAD, &|out| {
            out.u32(4).u64(SEQ_MAX + 1);
        })
        .is_err(),
        "a number of 2^48"
    );
    let matches = |indices: &[u16]| {
        raw(MATCHED, &|out| {
            out.u16(u16::try_from(indices.len()).unwrap());
            for index in indices {
                out.u16(*index).u32(1).raw(&[0; 16]);
            }
        })
    };
    assert!(matches(&[3, 4]).is_ok());
    assert!(matches(&[4, 3]).is_err(), "matches out of order");
    assert!(matches(&[3, 3]).is_err(), "a match twice");
    let ids = |pairs: &[(u64, u8)]| {
        raw(IDS, &|out| {
            out.u32(4).u64(3).u64(9).u16(u16::try_from(pairs.len()).unwrap());
            for (seq, byte) in pairs {
                out.u64(*seq).raw(&[*byte; 32]);
            }
        })
    };
    assert!(ids(&[(3, 1), (3, 2), (9, 0)]).is_ok());
    assert!(ids(&[(3, 2), (3, 1)]).is_err(), "ids out of order");
    assert!(ids(&[(3, 1), (3, 1)]).is_err(), "an id twice");
    assert!(ids(&[(2, 1)]).is_err() && ids(&[(10, 1)]).is_err(), "an id outside its range");
    assert!(
        raw(GONE, &|out| {
            out.u32(4).u64(1).u8(2).raw(&[0; 32]);
        })
        .is_err(),
        "a third form of Gone"
    );
}

#[test]
fn a_page_that_contradicts_itself_is_refused() {
    let encoded = |have: Have| Frame::decode(&Frame::Have(have).encode());
    let set = IntervalSet::from_range(10, 20);
    let good = Have { floor: 5, lo: 10, hi: 20, intervals: set.clone(), ..have() };
    assert!(encoded(good.clone()).is_ok());
    assert!(encoded(Have { floor: 11, ..good.clone() }).is_err(), "below its floor");
    assert!(encoded(Have { lo: 11, ..good.clone() }).is_err(), "an interval below the page");
    assert!(encoded(Have { hi: 19, ..good.clone() }).is_err(), "an interval above the page");
    assert!(
        encoded(Have { lo: 21, hi: 20, floor: 0, intervals: IntervalSet::new(), ..good.clone() }).is_err()
    );
    assert!(encoded(Have { hi: SEQ_MAX + 1, ..good }).is_err(), "2^48");
}

#[test]
fn a_group_names_handles_that_there_are_and_at_least_one() {
    let group = |places| Frame::decode(&Frame::Digests { places, digest: [0; 16] }.encode());
    assert!(group(IntervalSet::new()).is_err());
    let highest = u64::from(NO_HANDLE - 1);
    assert!(group(IntervalSet::from_range(highest, highest)).is_ok());
    for beyond in [u64::from(NO_HANDLE), u64::from(u32::MAX) + 1, SEQ_MAX] {
        assert!(group(IntervalSet::from_range(beyond, beyond)).is_err(), "{beyond}");
    }
    for handle in [0, 1, 2, 3, 1 << 31, NO_HANDLE - 1] {
        assert_eq!(handle_at(place_of(handle)), Some(handle));
    }
}

/// Every list of a frame at its limit, and one beyond.
#[test]
fn the_largest_of_each_frame_fits_and_one_more_is_refused() {
    let alternating = |n: u64| (0..n).map(|i| i * 2).collect::<IntervalSet>();
    let n = |limit: usize, more: usize| limit + more;
    for more in [0, 1] {
        let ids: Vec<EntryId> = vec![id(); n(WANT_IDS_LIMIT, more)];
        let pairs = (0..n(IDS_LIMIT, more) as u64).map(|seq| (seq, id())).collect();
        let items = (0..n(TAGS_FRAME_LIMIT, more))
            .map(|index| MatchedItem { index: u16::try_from(index).unwrap(), handle: 1, tag: [0; 16] })
            .collect();
        let record = vec![0; n(HELLO_RECORD_LIMIT, more)];
        let set = alternating(n(HAVE_INTERVAL_LIMIT, more) as u64);
        for frame in [
            Frame::Hello(Hello { nonce: [0; 32], features: 0, identity: record.clone(), device: Vec::new() }),
            Frame::Hello(Hello { nonce: [0; 32], features: 0, identity: Vec::new(), device: record }),
            Frame::Tags { class: 1, tags: vec![[0; 16]; n(TAGS_FRAME_LIMIT, more)] },
            Frame::Matched(items),
            Frame::Have(Have { intervals: set.clone(), ..have() }),
            Frame::Want { handle: 4, intervals: set },
            Frame::WantIds(ids),
            Frame::Entry(EntryFrame {
                handle: None,
                header: header(),
                body: vec![0; n(ENTRY_BODY_LIMIT, more)],
            }),
            Frame::Ids(Ids { handle: 4, lo: 0, hi: SEQ_MAX, pairs }),
            Frame::Digests { places: alternating(n(DIGESTS_LIMIT, more) as u64), digest: [0; 16] },
            Frame::Digests {
                places: IntervalSet::from_range(7, 6 + n(DIGESTS_LIMIT, more) as u64),
                digest: [0; 16],
            },
        ] {
            let bytes = frame.encode();
            let variant = frame.variant();
            assert!(bytes.len() <= FRAME_LIMIT, "variant {variant} has {} bytes", bytes.len());
            match more {
                0 => assert_eq!(Frame::decode(&bytes), Ok(Some(frame)), "variant {variant}"),
                _ => assert!(
                    matches!(Frame::decode(&bytes), Err(DecodeError::TooMany { .. })),
                    "variant {variant}"
                ),
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_accepted_is_what_would_have_been_written(variant in 0u8..17, fields: Vec<u8>) {
        let bytes = [&[VERSION, variant], fields.as_slice()].concat();
        if let Ok(Some(frame)) = Frame::decode(&bytes) {
            prop_assert_eq!(frame.encode(), bytes);
        }
    }

    #[test]
    fn a_damaged_frame_is_refused_or_means_something_else(which in 0usize..16, at: usize, bit in 0u8..8) {
        let (_, frame) = samples().swap_remove(which);
        let mut bytes = frame.encode();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(Some(other)) = Frame::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes);
            prop_assert_ne!(other, frame);
        }
    }
}
