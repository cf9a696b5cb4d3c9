use bao_tree::io::outboard::PreOrderMemOutboard;
use bao_tree::io::sync::encode_ranges;
use bao_tree::{BlockSize, ChunkRanges};
use proptest::prelude::*;

use super::*;
use crate::id::{BlobId, hex};
use crate::limits::{BLOB_RANGES_LIMIT, VIDEO_BLOB_LIMIT};
use crate::wire::{self, DecodeError, Encode};

fn bytes_of(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(b"blob").update(&len.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

/// The answer to a request, made from a blob in memory.
fn answer(bytes: &[u8], groups: &Groups) -> Vec<u8> {
    let (_, tree) = Tree::of(bytes).expect("size");
    let mut out = Vec::new();
    for piece in Encoder::new(tree.shape(), groups).expect("groups fit") {
        match piece {
            Piece::Size(size) => out.extend_from_slice(&size),
            Piece::Pair { at } => out.extend_from_slice(tree.pair(at)),
            Piece::Group { offset, len } => out.extend_from_slice(&bytes[offset as usize..][..len]),
        }
    }
    out
}

type Got = Vec<(u64, Vec<u8>)>;

/// What a decoder lets through of an answer that comes in pieces of `step` bytes.
fn decode(blob: BlobId, len: u64, groups: &Groups, answer: &[u8], step: usize) -> (Got, Result<(), Fault>) {
    let shape = Shape::new(len).expect("size");
    let mut decoder = Decoder::new(blob, shape, groups).expect("groups fit");
    let mut got = Vec::new();
    for piece in answer.chunks(step) {
        let fed = decoder.feed::<()>(piece, &mut |verified| {
            if let Verified::Group { offset, bytes, .. } = verified {
                got.push((offset, bytes.to_vec()));
            }
            Ok(())
        });
        match fed {
            Ok(()) => {}
            Err(FeedError::Fault(fault)) => return (got, Err(fault)),
            Err(FeedError::Sink(())) => unreachable!("the sink takes everything"),
        }
    }
    (got, decoder.finish())
}

fn groups(ranges: &[(u32, u32)]) -> Groups {
    Groups::new(ranges.to_vec()).expect("ranges")
}

const SIZES: [usize; 14] =
    [1, 1023, 1024, 1025, 16_383, 16_384, 16_385, 20_000, 32_768, 32_769, 49_152, 65_537, 100_000, 311_297];

#[test]
fn the_tree_and_the_whole_answer_are_those_of_bao_tree() {
    for len in SIZES {
        let bytes = bytes_of(len);
        let outboard = PreOrderMemOutboard::create(&bytes, BlockSize::from_chunk_log(4));
        let (id, tree) = Tree::of(&bytes).expect("size");
        assert_eq!(id.as_bytes(), blake3::hash(&bytes).as_bytes(), "{len}");
        assert_eq!(tree.as_bytes(), outboard.data.as_slice(), "{len}");
        let mut expected = (len as u64).to_le_bytes().to_vec();
        encode_ranges(bytes.as_slice(), &outboard, &ChunkRanges::all(), &mut expected).expect("encode");
        assert_eq!(answer(&bytes, &Groups::all(tree.shape())), expected, "{len}");
    }
}

#[test]
fn an_independent_program_computes_the_same_bytes() {
    let golden = |name: &str| {
        let line =
            include_str!("../../tests/vectors/blob.txt").lines().find_map(|line| line.strip_prefix(name));
        line.expect(name).trim().to_owned()
    };
    let bytes: Vec<u8> = (0..70_000usize).map(|i| ((i * 7 + i / 256) % 256) as u8).collect();
    let (blob, tree) = Tree::of(&bytes).expect("size");
    assert_eq!(blob.to_string(), golden("blob_id"));
    assert_eq!(hex(tree.as_bytes()), golden("pairs"));
    let get = Get { blob, groups: groups(&[(1, 2), (3, 5)]) };
    assert_eq!(hex(&get.encode()), golden("get"));
    let digest = |answer: Vec<u8>| blake3::hash(&answer).to_hex().to_string();
    assert_eq!(digest(answer(&bytes, &get.groups)), golden("answer_digest"));
    assert_eq!(digest(answer(&bytes, &Groups::all(tree.shape()))), golden("whole_digest"));
}

#[test]
fn a_small_blob_is_encoded_as_bao_does_it() {
    // Up to one chunk the combined encoding of bao is the length and the bytes.
    let (id, tree) = Tree::of(b"hello").expect("size");
    assert_eq!(answer(b"hello", &Groups::all(tree.shape())), b"\x05\0\0\0\0\0\0\0hello");
    assert_eq!(id.as_bytes(), blake3::hash(b"hello").as_bytes());
}

#[test]
fn every_single_group_of_every_size_is_verified_alone() {
    for len in SIZES {
        let bytes = bytes_of(len);
        let (id, tree) = Tree::of(&bytes).expect("size");
        for group in 0..tree.shape().groups() {
            let asked = groups(&[(group, group + 1)]);
            let (got, end) = decode(id, len as u64, &asked, &answer(&bytes, &asked), 1000);
            assert_eq!(end, Ok(()), "{len} {group}");
            let start = group as usize * BLOB_GROUP_LEN;
            let stop = (start + BLOB_GROUP_LEN).min(len);
            assert_eq!(got, vec![(start as u64, bytes[start..stop].to_vec())], "{len} {group}");
        }
    }
}

#[test]
fn a_group_lets_nothing_through_before_its_last_byte() {
    let bytes = bytes_of(BLOB_GROUP_LEN * 2);
    let (id, tree) = Tree::of(&bytes).expect("size");
    let all = Groups::all(tree.shape());
    let whole = answer(&bytes, &all);
    let (got, end) = decode(id, bytes.len() as u64, &all, &whole[..whole.len() - 1], 777);
    assert_eq!(end, Err(Fault::Truncated));
    assert_eq!(got.len(), 1, "only the first of two groups is complete");
}

#[test]
fn an_answer_that_goes_on_is_a_lie() {
    let bytes = bytes_of(40_000);
    let (id, tree) = Tree::of(&bytes).expect("size");
    let all = Groups::all(tree.shape());
    let mut long = answer(&bytes, &all);
    long.push(0);
    let (_, end) = decode(id, 40_000, &all, &long, 16_384);
    assert_eq!(end, Err(Fault::OverLong));
    assert!(Fault::OverLong.is_lie());
}

#[test]
fn another_size_is_a_fault_but_no_proof_of_a_lie() {
    let bytes = bytes_of(40_000);
    let (id, tree) = Tree::of(&bytes).expect("size");
    let all = Groups::all(tree.shape());
    let (got, end) = decode(id, 40_001, &all, &answer(&bytes, &all), 16_384);
    let fault = Fault::Size { expected_bytes: 40_001, actual_bytes: 40_000 };
    assert_eq!((got.len(), end), (0, Err(fault)));
    assert!(!fault.is_lie());
}

#[test]
fn sizes_end_at_one_and_at_the_limit() {
    assert!(Shape::new(0).is_err());
    assert_eq!(Shape::new(1).map(Shape::groups), Ok(1));
    assert_eq!(Shape::new(VIDEO_BLOB_LIMIT).map(Shape::groups), Ok(6_400));
    assert!(Shape::new(VIDEO_BLOB_LIMIT + 1).is_err());
}

#[test]
fn a_get_has_its_layout_and_its_longest_form_fits() {
    let get = Get { blob: BlobId::from_bytes([7; 32]), groups: groups(&[(0, 2), (3, 9)]) };
    let mut expected = vec![1, 1];
    expected.extend_from_slice(&[7; 32]);
    expected.extend_from_slice(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 9]);
    assert_eq!(get.encode(), expected);
    assert_eq!(wire::decode::<Get>(&expected), Ok(get));

    let most: Vec<_> = (0..BLOB_RANGES_LIMIT as u32).map(|n| (2 * n, 2 * n + 1)).collect();
    let get = Get { blob: BlobId::from_bytes([7; 32]), groups: groups(&most) };
    assert_eq!(get.encode().len(), Get::LEN_LIMIT);
    assert_eq!(wire::decode::<Get>(&get.encode()), Ok(get));
}

#[test]
fn a_get_with_too_many_or_senseless_ranges_is_refused() {
    let over: Vec<_> = (0..=BLOB_RANGES_LIMIT as u32).map(|n| (2 * n, 2 * n + 1)).collect();
    assert!(Groups::new(over.clone()).is_err());
    let mut bytes = vec![1, 1];
    bytes.extend_from_slice(&[7; 32]);
    bytes.extend_from_slice(&(over.len() as u16).to_be_bytes());
    over.iter().for_each(|(a, b)| bytes.extend([a.to_be_bytes(), b.to_be_bytes()].concat()));
    assert_eq!(
        wire::decode::<Get>(&bytes),
        Err(DecodeError::TooMany { what: "ranges of groups", limit: 256, actual: 257 })
    );
    for ranges in [&[][..], &[(1, 1)], &[(2, 1)], &[(0, 1), (1, 2)], &[(5, 6), (0, 1)], &[(0, 4), (3, 5)]] {
        assert!(Groups::new(ranges.to_vec()).is_err(), "{ranges:?}");
    }
}

#[test]
fn groups_beyond_the_end_are_not_served() {
    let shape = Shape::new(40_000).expect("size");
    assert!(Encoder::new(shape, &groups(&[(2, 3)])).is_some());
    assert!(Encoder::new(shape, &groups(&[(2, 4)])).is_none());
    assert!(Encoder::new(shape, &groups(&[(0, 1), (9, u32::MAX)])).is_none());
}

#[test]
fn a_partial_asks_for_what_it_has_not() {
    let shape = Shape::new(10 * 16_384).expect("size");
    let mut partial = Partial::new(BlobId::from_bytes([1; 32]), shape);
    [0, 1, 5, 9].iter().for_each(|group| partial.mark(*group));
    partial.mark(10);
    assert_eq!(partial.verified_groups(), 4);
    assert_eq!(partial.missing(), Some(groups(&[(2, 5), (6, 9)])));
    let at = |places: &[u32], shared| partial.missing_at(&places.iter().copied().collect(), shared);
    assert_eq!(at(&[], 1), partial.missing());
    assert_eq!(at(&[4], 1), Some(groups(&[(4, 5), (6, 9)])), "one place has all from there on");
    assert_eq!(at(&[9], 1), partial.missing());
    assert_eq!(at(&[2, 6], 4), Some(groups(&[(2, 4), (6, 8)])), "two share");
    assert_eq!(at(&[2, 3, 8], 6), Some(groups(&[(2, 5), (8, 9)])), "what overlaps is asked for once");
    assert_eq!(at(&[2, 6], 0), Some(groups(&[(2, 3), (6, 7)])), "each has one at least");
    (0..10).for_each(|group| partial.mark(group));
    assert!(partial.is_whole());
    assert_eq!(partial.missing(), None);
}

#[test]
fn a_partial_with_every_second_group_asks_for_as_many_ranges_as_a_get_holds() {
    let shape = Shape::new(2 * 16_384 * (BLOB_RANGES_LIMIT as u64 + 5)).expect("size");
    let mut partial = Partial::new(BlobId::from_bytes([1; 32]), shape);
    (0..shape.groups()).step_by(2).for_each(|group| partial.mark(group));
    assert_eq!(partial.missing().map(|g| g.ranges().len()), Some(BLOB_RANGES_LIMIT));
}

#[test]
fn a_damaged_partial_is_refused() {
    let mut partial = Partial::new(BlobId::from_bytes([1; 32]), Shape::new(3 * 16_384).expect("size"));
    partial.mark(2);
    let bytes = partial.encode();
    assert_eq!(bytes.len(), 42);
    assert_eq!(wire::decode::<Partial>(&bytes), Ok(partial));
    let mut beyond = bytes.clone();
    beyond[41] |= 1 << 3;
    assert!(wire::decode::<Partial>(&beyond).is_err());
    assert!(wire::decode::<Partial>(&bytes[..41]).is_err());
    let mut huge = bytes;
    huge[33..41].copy_from_slice(&u64::MAX.to_be_bytes());
    assert!(wire::decode::<Partial>(&huge).is_err());
}

prop_compose! {
    /// A size, some ranges in it and a length of the pieces that arrive.
    fn request()(len in 1usize..400_000)(
        len in Just(len),
        cuts in proptest::collection::btree_set(0..=len.div_ceil(BLOB_GROUP_LEN) as u32, 2..6),
        step in 1usize..40_000,
    ) -> (usize, Vec<(u32, u32)>, usize) {
        let cuts: Vec<u32> = cuts.into_iter().collect();
        (len, cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect(), step)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_asked_for_arrives_whole((len, ranges, step) in request()) {
        let bytes = bytes_of(len);
        let (id, tree) = Tree::of(&bytes).expect("size");
        let asked = Groups::new(ranges.clone());
        prop_assume!(asked.is_ok());
        let asked = asked.expect("assumed");
        let (got, end) = decode(id, len as u64, &asked, &answer(&bytes, &asked), step);
        prop_assert_eq!(end, Ok(()));
        prop_assert_eq!(got.len(), asked.count() as usize);
        let answer_len = answer(&bytes, &asked).len() as u64;
        prop_assert_eq!(Encoder::answer_len(tree.shape(), &asked), Some(answer_len));
        for (offset, part) in got {
            prop_assert_eq!(&bytes[offset as usize..][..part.len()], part.as_slice());
        }
    }

    #[test]
    fn one_flipped_bit_is_found_and_only_true_bytes_pass(
        (len, ranges, step) in request(), at: prop::sample::Index, bit in 0u8..8,
    ) {
        let bytes = bytes_of(len);
        let (id, _) = Tree::of(&bytes).expect("size");
        let asked = Groups::new(ranges);
        prop_assume!(asked.is_ok());
        let asked = asked.expect("assumed");
        let mut bad = answer(&bytes, &asked);
        let at = at.index(bad.len());
        bad[at] ^= 1 << bit;
        let (got, end) = decode(id, len as u64, &asked, &bad, step);
        let fault = end.expect_err("a flipped bit passed");
        prop_assert_eq!(fault.is_lie(), at >= 8, "{:?}", fault);
        for (offset, part) in got {
            prop_assert_eq!(&bytes[offset as usize..][..part.len()], part.as_slice());
        }
    }

    #[test]
    fn a_hostile_answer_never_panics(noise: Vec<u8>, len in 1u64..100_000) {
        let shape = Shape::new(len).expect("size");
        let all = Groups::all(shape);
        let mut hostile = len.to_le_bytes().to_vec();
        hostile.extend(noise);
        let (got, end) = decode(BlobId::from_bytes([9; 32]), len, &all, &hostile, 500);
        prop_assert!(got.is_empty());
        prop_assert!(end.is_err());
    }

    #[test]
    fn a_get_is_read_in_one_way_only(bytes in proptest::collection::vec(any::<u8>(), 30..60)) {
        let mut bytes = bytes;
        bytes[0] = 1;
        bytes[1] = 1;
        if let Ok(get) = wire::decode::<Get>(&bytes) {
            prop_assert_eq!(get.encode(), bytes);
        }
    }
}
