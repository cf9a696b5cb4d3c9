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

fn run(handle: u32, indices: impl Into<Vec<u16>>) -> MatchedRun {
    MatchedRun { handle, indices: indices.into(), proof: [0x22; 16] }
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
        ("matched_run", Frame::MatchedRun(run(5, [0, 7, 8, 63]))),
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
    assert_eq!(run_proof(&[[0x22; 16], [0x23; 16]]).to_vec(), vector("run_proof"));
}

#[test]
fn every_variant_has_a_vector() {
    let variants: std::collections::BTreeSet<u8> =
        samples().iter().map(|(_, frame)| frame.variant()).collect();
    assert_eq!(variants, (HELLO..=MATCHED_RUN).collect());
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
    assert_eq!(Frame::decode(&[1, MATCHED_RUN + 1, 1, 2, 3]), Ok(None));
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

#[test]
fn a_run_of_matches_has_one_way_to_be_written_and_ends_before_no_handle() {
    assert_eq!(RUN_LIMIT * 8, TAGS_FRAME_LIMIT, "a bit for each tag of a frame");
    let decode = |run: MatchedRun| Frame::decode(&Frame::MatchedRun(run).encode());
    assert!(decode(run(1, [])).is_err(), "none at all");
    let good = Frame::MatchedRun(run(1, [3])).encode();
    let mut longer = good.clone();
    longer[7] = 2;
    longer.insert(9, 0);
    assert!(
        Frame::decode(&good).is_ok() && Frame::decode(&longer).is_err(),
        "a byte of no matches at the end"
    );
    for (first, is_good) in [(NO_HANDLE - 3, true), (NO_HANDLE - 2, false), (NO_HANDLE - 1, false)] {
        assert_eq!(decode(run(first, [3, 4])).is_ok(), is_good, "{first}");
    }
    let handles: Vec<_> = run(5, [0, 9, 700]).items().collect();
    assert_eq!(handles, [(0, 5), (9, 7), (700, 9)]);
}

#[test]
fn matches_are_a_run_where_their_handles_are_and_it_is_shorter() {
    let item = |index, handle| MatchedItem { index, handle, tag: [0x22; 16] };
    let two = [item(3, 5), item(60, 7)];
    let proof = run_proof(&[[0x22; 16]; 2]);
    assert_eq!(MatchedRun::of(&two), Some(MatchedRun { handle: 5, indices: vec![3, 60], proof }));
    assert_eq!(MatchedRun::of(&[]), None);
    for handles in [[5, 9], [5, 5], [5, 6], [7, 5], [NO_HANDLE - 1, 0]] {
        assert_eq!(MatchedRun::of(&[item(3, handles[0]), item(60, handles[1])]), None, "{handles:?}");
    }
    for (last, is_run) in [(183, true), (184, false)] {
        let items = [item(3, 5), item(last, 7)];
        assert_eq!(MatchedRun::of(&items).is_some(), is_run);
        let plain = Frame::Matched(items.to_vec()).encode().len();
        let as_run = Frame::MatchedRun(run(5, [3, last])).encode().len();
        assert_eq!(as_run < plain, is_run, "{as_run} and {plain} bytes");
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
            Frame::MatchedRun(run(1, [u16::try_from(n(TAGS_FRAME_LIMIT, more)).unwrap() - 1])),
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
    fn whatever_is_accepted_is_what_would_have_been_written(variant in 0u8..18, fields: Vec<u8>) {
        let bytes = [&[VERSION, variant], fields.as_slice()].concat();
        if let Ok(Some(frame)) = Frame::decode(&bytes) {
            prop_assert_eq!(frame.encode(), bytes);
        }
    }

    #[test]
    fn a_run_of_matches_is_read_as_it_was_written(
        handle in 0u32..1_000,
        indices in proptest::collection::btree_set(0u16..8_192, 1..40),
    ) {
        let frame = Frame::MatchedRun(run(handle, indices.into_iter().collect::<Vec<_>>()));
        prop_assert_eq!(Frame::decode(&frame.encode()), Ok(Some(frame)));
    }

    #[test]
    fn a_damaged_frame_is_refused_or_means_something_else(which in 0..samples().len(), at: usize, bit in 0u8..8) {
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
