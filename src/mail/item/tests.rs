//! The layout of items: golden vectors, limits, hostile bytes.

use proptest::prelude::*;

use super::*;
use crate::crypto::{InviteSecret, SigningKey};
use crate::id::{InviteId, UserId, unhex};
use crate::limits::NAME_LIMIT;
use crate::mail::epoch_keys_item;

/// A value of `tests/vectors/mail.txt`.
pub(in crate::mail) fn vector(name: &str) -> Vec<u8> {
    let lines = include_str!("../../../tests/vectors/mail.txt").lines();
    let mut values = lines.filter_map(|line| line.split_once(' ')).filter(|(key, _)| *key == name);
    let (_, hex) = values.next().unwrap_or_else(|| panic!("no vector {name}"));
    hex.as_bytes()
        .chunks(2)
        .map(|pair| unhex::<1>(std::str::from_utf8(pair).expect("hex")).expect("hex")[0])
        .collect()
}

pub(in crate::mail) fn entry(seq: u64, id: u8) -> EntryRef {
    EntryRef { epoch: EpochId::from_bytes([1; 16]), seq, entry: EntryId::from_bytes([id; 32]) }
}

pub(in crate::mail) fn epoch_keys() -> EpochKeys {
    let (key, secret) = (SigningKey::from_seed(&[0x22; 32]), EpochSecret::from_bytes([0x11; 32]));
    let author = UserId::from_bytes([5; 32]);
    match epoch_keys_item(&key, &secret, &author, Day(20_500), Class::Posts, Relay::AuthorOnly) {
        Item::EpochKeys(keys) => keys,
        other => panic!("{other:?}"),
    }
}

pub(in crate::mail) fn grants(count: usize) -> Grants {
    let EpochKeys { epoch_pub, secret, claim, .. } = epoch_keys();
    let es_commit = crate::crypto::keys::es_commit(&secret);
    let key = |n: usize| {
        let n = u8::try_from(n % 256).expect("small");
        (
            (7 + u64::from(n), EntryId::from_bytes([n.wrapping_add(2); 32])),
            ContentKey::from_bytes([0x0e_u8.wrapping_add(n); 32]),
        )
    };
    let mut keys: BTreeMap<_, _> = (0..count.min(256)).map(key).collect();
    keys.extend((256..count).map(|n| {
        let seq = u64::try_from(n).expect("small") + 1_000;
        ((seq, EntryId::from_bytes([9; 32])), ContentKey::from_bytes([9; 32]))
    }));
    Grants { epoch_pub, es_commit, claim, keys }
}

/// The records of side I of the pair vectors.
fn introduction_records() -> IntroductionRecords {
    let lines = include_str!("../../../tests/vectors/pair.txt").lines();
    let hex = lines.filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == "records_i");
    let hex = hex.expect("the pair vectors have records").1.as_bytes();
    let byte = |pair: &[u8]| unhex::<1>(std::str::from_utf8(pair).expect("hex")).expect("hex")[0];
    let bytes: Vec<u8> = hex[4..].chunks(2).map(byte).collect();
    let mut input = Reader::new(&bytes);
    IntroductionRecords {
        id: InviteId::from_bytes([0x14; 16]),
        identity: crate::identity::read_identity(&mut input).expect("an IdentityRecord"),
        device: crate::identity::read_device(&mut input).expect("a DeviceRecord"),
    }
}

/// One of each, as the oracle has them.
pub(in crate::mail) fn golden() -> Vec<(&'static str, Item)> {
    let closed = ClosedEpoch { last_seq: 8, sum: [4; 32] };
    let device = DeviceId::from_bytes([0x0d; 32]);
    let (parcel, other) = (ParcelId::from_bytes([0x0c; 16]), ParcelId::from_bytes([0x0d; 16]));
    let epochs = BTreeMap::from([(EpochId::from_bytes([1; 16]), closed)]);
    vec![
        ("epoch_keys", Item::EpochKeys(epoch_keys())),
        ("closes_done", Item::EpochCloses(EpochCloses { cause: Cause::Done, device, epochs })),
        (
            "closes_revoked",
            Item::EpochCloses(EpochCloses { cause: Cause::Revoked, device, epochs: BTreeMap::new() }),
        ),
        ("grants", Item::Grants(grants(2))),
        ("tombstones", Item::Tombstones(BTreeSet::from([entry(7, 2), entry(8, 3)]))),
        ("hides", Item::Hides(Hides { post: entry(7, 2), tags: BTreeSet::from([[0x10; 16], [0x11; 16]]) })),
        ("recall", Item::Recall(Recall { post: entry(7, 2), version: 2, is_shown: false })),
        ("ack", Item::Ack(BTreeSet::from([parcel, other]))),
        (
            "introduction",
            Item::Introduction(Introduction {
                user: UserId::from_bytes([0x12; 32]),
                secret: InviteSecret::from_bytes([0x13; 32]),
                name: "Bob".to_owned(),
            }),
        ),
        ("recovery_share", Item::RecoveryShare(RecoveryShare(Zeroizing::new(b"share".to_vec())))),
        ("deletion_receipt", Item::DeletionReceipt(BTreeSet::from([entry(7, 2)]))),
        ("vault_keep", Item::VaultKeep(VaultKeep { version: 5, part: 1, parts: 3, bytes: b"part".to_vec() })),
        (
            "introduction_answer",
            Item::IntroductionAnswer(IntroductionAnswer {
                id: InviteId::from_bytes([0x14; 16]),
                user: UserId::from_bytes([0x12; 32]),
                yes: true,
            }),
        ),
        ("introduction_records", Item::IntroductionRecords(introduction_records())),
    ]
}

fn raw(code: u8, fields: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    out.u8(code).bytes_u32(fields);
    out.into_vec()
}

#[test]
fn every_item_is_written_as_the_oracle_writes_it_and_read_back() {
    let golden = golden();
    assert_eq!(golden.len(), code::INTRODUCTION_RECORDS as usize + 1, "one of each type, and closes twice");
    for (name, item) in golden {
        let bytes = vector(&format!("item_{name}"));
        assert_eq!(item.encode(), bytes, "{name}");
        assert_eq!(item.encoded_len(), bytes.len(), "{name}");
        assert_eq!(decode_items(&bytes), Ok(vec![item]), "{name}");
    }
}

#[test]
fn items_that_are_cut_short_or_have_bytes_left_are_refused() {
    for (name, item) in golden() {
        let bytes = item.encode();
        for cut in 1..bytes.len() {
            assert!(decode_items(&bytes[..cut]).is_err(), "{name} cut at {cut}");
        }
        // Three more bytes inside the item end no field, and no member of a list; only the open-ended take them.
        let longer = raw(item.code(), &[&bytes[ITEM_HEAD_LEN..], &[0xff; 3]].concat());
        let open_ended = matches!(item, Item::RecoveryShare(_) | Item::VaultKeep(_));
        assert_eq!(decode_items(&longer).is_ok(), open_ended, "{name}");
    }
}

#[test]
fn an_item_of_a_later_program_is_skipped() {
    let (_, ack) = golden().swap_remove(7);
    let bytes = [raw(200, b"later"), ack.encode(), raw(0, b""), raw(14, &[0; 100])].concat();
    assert_eq!(decode_items(&bytes), Ok(vec![ack]));
    assert!(decode_items(&[200, 0xff, 0xff, 0xff, 0xff]).is_err());
}

#[test]
fn a_list_that_does_not_ascend_repeats_or_is_empty_is_refused() {
    let member = |byte: u8, len: usize| vec![byte; len];
    let prefix = |code: u8| match code {
        code::HIDES => entry(7, 2).encode(),
        code::GRANTS => grants(1).encode()[..128].to_vec(),
        code::EPOCH_CLOSES => [&[0u8][..], &[0x0d; 32]].concat(),
        _ => Vec::new(),
    };
    for (code, len) in [
        (code::TOMBSTONES, 56),
        (code::DELETION_RECEIPT, 56),
        (code::HIDES, 16),
        (code::ACK, 16),
        (code::GRANTS, 72),
        (code::EPOCH_CLOSES, 56),
    ] {
        // The first bytes order; zeros in front keep numbers small.
        let small = |byte: u8| {
            let mut bytes = member(byte, len);
            let seq_at = if code == code::GRANTS { 0 } else { 16 };
            if len > 16 {
                bytes[seq_at..seq_at + 2].fill(0);
            }
            bytes
        };
        let item = |members: &[Vec<u8>]| decode_items(&raw(code, &[prefix(code), members.concat()].concat()));
        assert!(item(&[small(1), small(2)]).is_ok(), "type {code}");
        assert!(item(&[small(2), small(1)]).is_err(), "type {code}, descending");
        assert!(item(&[small(1), small(1)]).is_err(), "type {code}, twice");
        assert!(item(&[]).is_err(), "type {code}, empty");
    }
}

#[test]
fn numbers_classes_and_states_outside_their_range_are_refused() {
    let change = |name: &str, at: usize, bytes: &[u8]| {
        let mut item = vector(&format!("item_{name}"));
        item[ITEM_HEAD_LEN + at..ITEM_HEAD_LEN + at + bytes.len()].copy_from_slice(bytes);
        decode_items(&item)
    };
    let (last, over) = ((SEQ_LIMIT - 1).to_be_bytes(), SEQ_LIMIT.to_be_bytes());
    for (name, at) in [("recall", 16), ("deletion_receipt", 16), ("hides", 16), ("closes_done", 49)] {
        assert!(change(name, at, &last).is_ok(), "{name}");
        assert!(change(name, at, &over).is_err(), "{name}");
    }
    assert!(change("grants", 128 + 72, &last).is_ok());
    assert!(change("grants", 128 + 72, &over).is_err());
    for (name, at, good, bad) in [
        ("epoch_keys", 132, 1..=3, [0, 4]),
        ("epoch_keys", 133, 0..=1, [2, 255]),
        ("closes_done", 0, 0..=1, [2, 255]),
        ("recall", 60, 0..=1, [2, 255]),
        ("introduction_answer", 48, 0..=1, [2, 255]),
    ] {
        assert!(good.into_iter().all(|byte| change(name, at, &[byte]).is_ok()), "{name}");
        assert!(bad.into_iter().all(|byte| change(name, at, &[byte]).is_err()), "{name}");
    }
}

#[test]
fn names_shares_and_vault_parts_have_limits() {
    let intro = |len: usize| {
        let len_byte = [u8::try_from(len).expect("small")];
        decode_items(&raw(code::INTRODUCTION, &[&[1; 64][..], &len_byte, &vec![b'a'; len]].concat()))
    };
    assert!(intro(NAME_LIMIT).is_ok());
    assert!(intro(NAME_LIMIT + 1).is_err());
    let share = |len: usize| decode_items(&raw(code::RECOVERY_SHARE, &vec![1; len]));
    assert!(share(RECOVERY_SHARE_LIMIT).is_ok());
    assert!(share(RECOVERY_SHARE_LIMIT + 1).is_err());
    let vault = |part: u16, parts: u16, len: usize| {
        let bytes = vec![1; len];
        Item::VaultKeep(VaultKeep { version: 1, part, parts, bytes }).encode()
    };
    let reads = |bytes: &[u8]| decode_items(bytes).is_ok();
    assert!(reads(&vault(0, 1, VAULT_PART_LIMIT)));
    assert!(!reads(&vault(0, 1, VAULT_PART_LIMIT + 1)));
    assert!(reads(&vault(VAULT_PARTS_LIMIT - 1, VAULT_PARTS_LIMIT, 1)));
    assert!(!reads(&vault(0, VAULT_PARTS_LIMIT + 1, 1)));
    assert!(!reads(&vault(3, 3, 1)));
    assert!(!reads(&vault(0, 0, 1)));
}

#[test]
fn a_parcel_has_a_limited_number_of_items() {
    let empty = raw(200, b"");
    assert!(decode_items(&empty.repeat(PARCEL_ITEM_LIMIT)).is_ok());
    assert!(decode_items(&empty.repeat(PARCEL_ITEM_LIMIT + 1)).is_err());
}

#[test]
fn no_secret_in_an_item_is_printed() {
    // Each secret of the golden items, as a derived Debug would print it.
    for (name, secret) in [
        ("epoch_keys", "17, 17, 17"),
        ("grants", "14, 14, 14"),
        ("introduction", "19, 19, 19"),
        ("recovery_share", "115, 104, 97"),
        ("vault_keep", "112, 97, 114"),
    ] {
        let (_, item) = golden().into_iter().find(|(other, _)| *other == name).expect("one of each");
        let shown = format!("{item:?}");
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn hostile_bytes_never_panic_and_what_is_read_is_written_the_same(
        code in 0u8..15,
        fields in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        if let Ok(items) = decode_items(&raw(code, &fields)) {
            for item in items {
                prop_assert_eq!(item.encode(), raw(code, &fields));
            }
        }
    }

    #[test]
    fn a_changed_byte_of_a_true_item_gives_another_item_or_none(which in 0usize..14, at: prop::sample::Index, bit in 0u8..8) {
        let (_, item) = golden().swap_remove(which);
        let mut bytes = item.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(items) = decode_items(&bytes) {
            prop_assert_ne!(items, vec![item]);
        }
    }
}
