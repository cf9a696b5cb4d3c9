//! The frames of `/tidings/mail/1`.

use proptest::prelude::*;

use super::*;
use crate::limits::{FRAME_LIMIT, PARCEL_PADDED_LIMIT};
use crate::mail::item::tests::vector;
use crate::wire::{Encode, decode};

fn parcel() -> Envelope {
    decode(&vector("parcel")).expect("a parcel")
}

fn golden() -> Vec<(&'static str, Frame)> {
    vec![
        ("put", Frame::Put(parcel())),
        ("kept", Frame::Kept),
        ("full", Frame::Full),
        ("deliver", Frame::Deliver(parcel())),
        ("taken", Frame::Taken(ParcelId::from_bytes([0x0c; 16]))),
    ]
}

#[test]
fn every_frame_is_written_as_the_oracle_writes_it_and_read_back() {
    for (name, frame) in golden() {
        let bytes = vector(&format!("frame_{name}"));
        assert_eq!(frame.encode(), bytes, "{name}");
        assert_eq!(Frame::decode(&bytes), Ok(Some(frame)), "{name}");
    }
}

#[test]
fn a_frame_that_is_cut_short_or_longer_is_a_fault() {
    for (name, frame) in golden() {
        let bytes = frame.encode();
        for cut in 0..bytes.len() {
            assert!(Frame::decode(&bytes[..cut]).is_err(), "{name} cut at {cut}");
        }
        assert!(Frame::decode(&[bytes.as_slice(), &[0]].concat()).is_err(), "{name}");
    }
}

#[test]
fn an_unknown_variant_is_ignored_and_an_unknown_version_is_a_fault() {
    for variant in [0, 6, 255] {
        assert_eq!(Frame::decode(&[1, variant, 1, 2, 3]), Ok(None));
    }
    assert!(Frame::decode(&[0, 2]).is_err());
    assert!(Frame::decode(&[2, 2]).is_err());
}

#[test]
fn the_largest_parcel_fits_a_frame() {
    let mut bytes = vector("parcel");
    bytes.truncate(104);
    bytes.resize(104 + PARCEL_PADDED_LIMIT + 16, 7);
    let frame = Frame::Put(decode(&bytes).expect("the largest"));
    assert!(frame.encode().len() <= FRAME_LIMIT);
    assert_eq!(Frame::decode(&frame.encode()), Ok(Some(frame)));
    assert!(decode::<Envelope>(&[parcel().encode(), vec![0; 512]].concat()).is_ok(), "the next bucket");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn hostile_frames_never_panic_and_what_is_read_is_written_the_same(
        variant in 0u8..7,
        fields in prop::collection::vec(any::<u8>(), 0..40),
        len in prop::sample::select(vec![0usize, 104, 632, 1144, 1145]),
    ) {
        let mut bytes = vec![1, variant];
        bytes.extend(fields.iter().cycle().take(if fields.is_empty() { 0 } else { len.max(fields.len()) }));
        if let Ok(Some(frame)) = Frame::decode(&bytes) {
            prop_assert_eq!(frame.encode(), bytes);
        }
    }
}
