//! Parcels between Alice and Bob, and what Eve, Mallory and a stolen phone cannot do with them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::mail::item::tests::{entry, golden, vector};
use crate::mail::{Recall, pack};
use crate::wire::decode;

/// One device of a person.
struct Device {
    root: UserId,
    id: DeviceId,
    seal: SealSecret,
}

fn device(byte: u8) -> Device {
    let seal = SealSecret::from_bytes([byte.wrapping_add(0x40); 32]);
    Device {
        root: UserId::from_bytes([byte; 32]),
        id: DeviceId::from_bytes([byte.wrapping_add(0x80); 32]),
        seal,
    }
}

fn pair() -> PairKey {
    PairKey::from_bytes([0x2a; 32])
}

const DAY: Day = Day(20_500);
const GENERATION: u32 = 3;

fn items() -> Vec<Item> {
    golden().into_iter().map(|(_, item)| item).collect()
}

fn letter<'a>(
    from: &'a Device,
    to: &'a Device,
    key: &'a PairKey,
    items: &'a [Item],
    to_seal: &'a SealPublic,
) -> Letter<'a> {
    Letter {
        items,
        identity: b"identity record",
        device: b"device record",
        from_root: &from.root,
        to_root: &to.root,
        from_device: &from.id,
        to_device: &to.id,
        pair_key: key,
        psk_gen: GENERATION,
        seal_from: &from.seal,
        seal_to: to_seal,
        expires_day: DAY,
    }
}

fn sealed(from: &Device, to: &Device, items: &[Item]) -> Envelope {
    let key = pair();
    let to_seal = to.seal.public();
    seal(&letter(from, to, &key, items, &to_seal), &mut Entropy::from_number(1)).expect("seals")
}

fn opened(parcel: &Envelope, from: &Device, to: &Device) -> Result<Opened, OpenError> {
    let key = pair();
    let keys = OpenKeys {
        from_root: &from.root,
        to_root: &to.root,
        pair_key: &key,
        psk_gen: GENERATION,
        seal_to: &to.seal,
    };
    open(parcel, &keys, DAY)
}

fn received(parcel: &Envelope, from: &Device, to: &Device) -> Received {
    let opened = opened(parcel, from, to).expect("opens");
    opened.unproven.check_device(&from.id, &from.seal.public(), &to.id).expect("proven")
}

#[test]
fn bob_reads_what_alice_sealed_to_his_device() {
    let (alice, bob) = (device(5), device(6));
    let parcel = sealed(&alice, &bob, &items());
    let parcel = decode::<Envelope>(&parcel.encode()).expect("travels");
    assert!(parcel.is_from(&pair()));
    let opened = opened(&parcel, &alice, &bob).expect("opens");
    assert_eq!(
        (opened.identity.as_slice(), opened.device.as_slice()),
        (&b"identity record"[..], &b"device record"[..])
    );
    let received = opened.unproven.check_device(&alice.id, &alice.seal.public(), &bob.id).expect("proven");
    assert_eq!(received.items, items());
    assert_eq!((received.from_root, received.from_device), (alice.root, alice.id));
    assert_eq!(received.parcel_id, parcel.parcel_id);
}

#[test]
fn the_oracles_parcel_opens() {
    let (from, to) = (SealSecret::from_bytes([0x1a; 32]), SealSecret::from_bytes([0x1b; 32]));
    let (alice, bob) = (UserId::from_bytes([5; 32]), UserId::from_bytes([6; 32]));
    let parcel = decode::<Envelope>(&vector("parcel")).expect("a parcel");
    let key = pair();
    let keys = OpenKeys { from_root: &alice, to_root: &bob, pair_key: &key, psk_gen: 3, seal_to: &to };
    let opened = open(&parcel, &keys, Day(20_530)).expect("opens");
    assert_eq!((opened.identity.as_slice(), opened.device.as_slice()), (&b"identity"[..], &b"device"[..]));
    let (phone, laptop) = (DeviceId::from_bytes([0x0d; 32]), DeviceId::from_bytes([0x0e; 32]));
    let received = opened.unproven.check_device(&phone, &from.public(), &laptop).expect("proven");
    let wanted: Vec<Item> = golden()
        .into_iter()
        .filter(|(name, _)| ["recall", "ack"].contains(name))
        .map(|(_, item)| item)
        .collect();
    assert_eq!(received.items, wanted, "and the unknown item is skipped");
}

#[test]
fn a_replayed_parcel_gives_the_same_again() {
    let (alice, bob) = (device(5), device(6));
    let parcel = sealed(&alice, &bob, &items());
    assert_eq!(received(&parcel, &alice, &bob), received(&parcel, &alice, &bob));
}

#[test]
fn a_parcel_to_somebody_else_is_refused() {
    let (alice, bob, eve) = (device(5), device(6), device(7));
    let parcel = sealed(&alice, &bob, &items());
    assert_eq!(opened(&parcel, &alice, &eve).expect_err("Eve"), OpenError::NotForThisKey);
    // Addressed anew to Eve, under her seal id.
    let readdressed = Envelope { to_root: eve.root, seal_id: eve.seal.public().id(), ..parcel.clone() };
    assert_eq!(opened(&readdressed, &alice, &eve).expect_err("Eve"), OpenError::DoesNotOpen);
    // Another device of Bob's, with another seal key.
    let laptop = Device { root: bob.root, ..device(8) };
    assert_eq!(opened(&parcel, &alice, &laptop).expect_err("laptop"), OpenError::NotForThisKey);
}

#[test]
fn a_parcel_in_the_other_direction_is_refused() {
    let (alice, bob) = (device(5), device(6));
    let parcel = sealed(&alice, &bob, &items());
    // Sent back to Alice as if from Bob: her address, her seal key.
    assert_eq!(opened(&parcel, &bob, &alice).expect_err("reflected"), OpenError::NotForThisKey);
    let reflected = Envelope { to_root: alice.root, seal_id: alice.seal.public().id(), ..parcel.clone() };
    assert_eq!(opened(&reflected, &bob, &alice).expect_err("reflected"), OpenError::DoesNotOpen);
    // Both with one seal key: only the direction inside tells them apart.
    let twin = Device { seal: bob.seal.clone(), ..device(5) };
    let reflected = Envelope { to_root: twin.root, ..parcel };
    assert_eq!(opened(&reflected, &bob, &twin).expect_err("reflected"), OpenError::DoesNotOpen);
}

#[test]
fn another_generation_or_pair_key_is_refused() {
    let (alice, bob) = (device(5), device(6));
    let parcel = sealed(&alice, &bob, &items());
    let (right, wrong) = (pair(), PairKey::from_bytes([0x2b; 32]));
    let try_open = |parcel: &Envelope, pair_key: &PairKey, psk_gen: u32| {
        let keys =
            OpenKeys { from_root: &alice.root, to_root: &bob.root, pair_key, psk_gen, seal_to: &bob.seal };
        open(parcel, &keys, DAY).map(|_| ())
    };
    assert_eq!(try_open(&parcel, &right, 3), Ok(()));
    assert_eq!(try_open(&parcel, &right, 4), Err(OpenError::OtherGeneration { expected: 4, found: 3 }));
    assert_eq!(try_open(&parcel, &wrong, 3), Err(OpenError::DoesNotOpen));
    let renumbered = Envelope { psk_gen: 4, ..parcel };
    assert_eq!(try_open(&renumbered, &right, 4), Err(OpenError::DoesNotOpen));
}

#[test]
fn a_parcel_counts_up_to_its_last_day_which_nobody_can_move() {
    let (alice, bob) = (device(5), device(6));
    let parcel = sealed(&alice, &bob, &items());
    let key = pair();
    let keys = OpenKeys {
        from_root: &alice.root,
        to_root: &bob.root,
        pair_key: &key,
        psk_gen: GENERATION,
        seal_to: &bob.seal,
    };
    assert!(open(&parcel, &keys, DAY).is_ok());
    assert_eq!(open(&parcel, &keys, DAY.plus(1)).expect_err("over"), OpenError::Expired { last: DAY });
    let prolonged = Envelope { expires_day: DAY.plus(9), ..parcel };
    assert_eq!(open(&prolonged, &keys, DAY.plus(1)).expect_err("moved"), OpenError::DoesNotOpen);
}

#[test]
fn every_changed_byte_keeps_it_shut() {
    let (alice, bob) = (device(5), device(6));
    let good =
        sealed(&alice, &bob, &[Item::Recall(Recall { post: entry(7, 2), version: 1, is_shown: true })])
            .encode();
    let before = received(&decode(&good).expect("good"), &alice, &bob);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let parcel = decode::<Envelope>(&bytes).expect("still an envelope");
        let error = opened(&parcel, &alice, &bob).map(|_| ()).expect_err("changed");
        assert!(!matches!(error, OpenError::Malformed(_)), "byte {at}: {error}");
    }
    // A truncated encapsulated key, and every other cut, is no envelope or does not open.
    for cut in 0..good.len() {
        assert!(decode::<Envelope>(&good[..cut]).is_err(), "cut at {cut}");
    }
    assert_eq!(before.items.len(), 1);
}

#[test]
fn another_device_of_alices_cannot_be_believed_to_have_made_it() {
    let (alice, bob) = (device(5), device(6));
    let stolen = Device { root: alice.root, ..device(9) };
    // The thief holds the pair key and sends under the record of Alice's other device.
    let parcel = sealed(&stolen, &bob, &items());
    let attempts = [
        (alice.id, alice.seal.public(), bob.id),
        (alice.id, stolen.seal.public(), bob.id),
        (stolen.id, alice.seal.public(), bob.id),
        (stolen.id, stolen.seal.public(), device(8).id),
        (stolen.id, SealPublic::from_bytes([0; 32]), bob.id),
    ];
    for (id, seal, to) in attempts {
        let opened = opened(&parcel, &alice, &bob).expect("the pair key is right");
        assert_eq!(opened.unproven.check_device(&id, &seal, &to), Err(DeviceError::OtherDevice));
    }
    let opened = opened(&parcel, &alice, &bob).expect("opens");
    assert!(opened.unproven.check_device(&stolen.id, &stolen.seal.public(), &bob.id).is_ok());
}

/// A parcel around any plaintext, as a friend with an altered program makes it.
fn around(plaintext: &[u8]) -> Envelope {
    let (alice, bob) = (device(5), device(6));
    let mut parcel = sealed(&alice, &bob, &[]);
    let (head, key) = (parcel.head(), pair());
    let (psk_id, info) = (psk_id(GENERATION), info(&alice.root, &bob.root, &parcel.seal_id));
    let context = PskContext { psk: &key, psk_id: &psk_id, info: &info, aad: &head };
    let sealed =
        hpke_seal(&bob.seal.public(), context, plaintext, &mut Entropy::from_number(2)).expect("seals");
    parcel.enc = sealed.enc;
    parcel.ciphertext = sealed.ciphertext;
    parcel
}

fn malformed(plaintext: &[u8]) -> bool {
    let result = opened(&around(plaintext), &device(5), &device(6));
    matches!(result, Err(OpenError::Malformed(_)))
}

#[test]
fn padding_is_zeros_and_as_short_as_can_be() {
    let inner = [&2u16.to_be_bytes()[..], b"id", &2u16.to_be_bytes(), b"de", &[7; 32]].concat();
    let plain = |claimed: u32, len: usize| {
        let mut bytes = [&claimed.to_be_bytes()[..], &inner].concat();
        bytes.resize(len, 0);
        bytes
    };
    let len = u32::try_from(inner.len()).expect("small");
    assert!(!malformed(&plain(len, 512)));
    let mut dirty = plain(len, 512);
    dirty[511] = 1;
    assert!(malformed(&dirty));
    assert!(malformed(&plain(len, 1024)), "a bucket too large");
    assert!(malformed(&plain(509, 512)), "longer than there is");
    assert!(malformed(&plain(u32::MAX, 512)));
    assert!(malformed(&plain(31, 512)), "no room for the device MAC");
    assert!(malformed(&plain(0, 512)));
}

#[test]
fn records_inside_have_limits() {
    let with = |identity: u16, device: u16| {
        let mut inner = identity.to_be_bytes().to_vec();
        inner.resize(2 + usize::from(identity), 1);
        inner.extend_from_slice(&device.to_be_bytes());
        inner.resize(inner.len() + usize::from(device) + MAC_LEN, 1);
        let mut bytes = [&u32::try_from(inner.len()).expect("small").to_be_bytes()[..], &inner].concat();
        let padded = bytes.len().next_power_of_two().max(512);
        bytes.resize(padded, 0);
        malformed(&bytes)
    };
    let limit = u16::try_from(PARCEL_RECORD_LIMIT).expect("small");
    assert!(!with(limit, limit));
    assert!(with(limit + 1, 0));
    assert!(with(0, limit + 1));
}

#[test]
fn malformed_items_of_a_proven_device_are_its_fault() {
    let (alice, bob) = (device(5), device(6));
    let mut inner = Writer::new();
    inner.bytes_u16(b"id").bytes_u16(b"de").raw(&[7, 0, 0, 0, 3, 1, 1, 1]);
    let head = sealed(&alice, &bob, &[]).head();
    let shared = alice.seal.agree(&bob.seal.public()).expect("agrees");
    let mac = keys::dev_mac(&keys::dev_key(&shared, &alice.id, &bob.id), &head, inner.as_slice());
    inner.raw(&mac);
    let mut plaintext = Writer::new();
    plaintext.bytes_u32(inner.as_slice());
    let mut plaintext = plaintext.into_vec();
    plaintext.resize(512, 0);
    let opened = opened(&around(&plaintext), &alice, &bob).expect("opens");
    let error =
        opened.unproven.check_device(&alice.id, &alice.seal.public(), &bob.id).expect_err("malformed");
    assert!(matches!(error, DeviceError::Malformed(_)), "{error}");
}

#[test]
fn lengths_show_a_bucket_and_no_more() {
    let (alice, bob) = (device(5), device(6));
    let acks = |n: u8| Item::Ack((0..n).map(|n| ParcelId::from_bytes([n; 16])).collect::<BTreeSet<_>>());
    let len = |items: &[Item]| sealed(&alice, &bob, items).encode().len();
    assert_eq!(len(&[]), 104 + 512 + 16);
    assert_eq!(len(&[]), len(&[acks(20)]));
    assert_eq!(len(&[acks(40)]), 104 + 1024 + 16);
}

#[test]
fn the_fullest_parcel_seals_and_one_byte_more_does_not() {
    let (alice, bob) = (device(5), device(6));
    let (key, to_seal) = (pair(), bob.seal.public());
    let record = vec![1; PARCEL_RECORD_LIMIT];
    let vault = |bytes: usize| {
        let part = |len| {
            Item::VaultKeep(crate::mail::VaultKeep { version: 1, part: 0, parts: 1, bytes: vec![2; len] })
        };
        vec![part(20_000), part(bytes)]
    };
    let overhead = vault(0).iter().map(Item::encoded_len).sum::<usize>();
    let most = PARCEL_ITEMS_LIMIT - overhead;
    let full = vault(most);
    let letter = Letter { identity: &record, device: &record, ..letter(&alice, &bob, &key, &full, &to_seal) };
    let parcel = seal(&letter, &mut Entropy::from_number(1)).expect("just fits");
    assert_eq!(parcel.encode().len(), 104 + PARCEL_PADDED_LIMIT + 16);
    assert_eq!(received(&parcel, &alice, &bob).items, full);

    let mut entropy = Entropy::from_number(1);
    let over = vault(most + 1);
    let error = seal(&Letter { items: &over, ..letter }, &mut entropy).expect_err("too long");
    assert_eq!(
        error,
        SealError::TooLong { what: "items", limit: PARCEL_ITEMS_LIMIT, actual: PARCEL_ITEMS_LIMIT + 1 }
    );
    let long = vec![1; PARCEL_RECORD_LIMIT + 1];
    assert!(seal(&Letter { identity: &long, ..letter }, &mut entropy).is_err());
    assert!(seal(&Letter { device: &long, ..letter }, &mut entropy).is_err());
    let many = vec![items().swap_remove(9); PARCEL_ITEM_LIMIT + 1];
    assert!(seal(&Letter { items: &many, ..letter }, &mut entropy).is_err());
    let bad = SealPublic::from_bytes([0; 32]);
    assert_eq!(
        seal(&Letter { items: &[], seal_to: &bad, ..letter }, &mut entropy),
        Err(SealError::BadSealKey)
    );
}

#[test]
fn own_devices_write_to_each_other_under_the_self_key() {
    let phone = device(5);
    let laptop = Device { root: phone.root, ..device(8) };
    let parcel = sealed(&phone, &laptop, &items());
    assert_eq!(received(&parcel, &phone, &laptop).items, items());
}

#[test]
fn a_record_45_days_older_than_the_newest_is_recent_enough() {
    let newest = 1_771_200_000_000;
    let days = |days: u64| days * DAY_MS;
    assert!(is_record_recent(newest - days(45), newest));
    assert!(!is_record_recent(newest - days(45) - 1, newest));
    assert!(is_record_recent(newest + days(100), newest));
    assert!(!is_record_recent(0, u64::MAX));
}

#[test]
fn nothing_prints_what_is_inside() {
    let (alice, bob) = (device(5), device(6));
    let opened = opened(&sealed(&alice, &bob, &items()), &alice, &bob).expect("opens");
    let shown = format!("{:?}", opened.unproven);
    assert!(shown.starts_with("Unproven(") && shown.ends_with(" bytes)"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_items_packed_and_sealed_arrive_whole(choice in prop::collection::vec(0usize..12, 0..40), seed: u64) {
        let (alice, bob) = (device(5), device(6));
        let all = items();
        let chosen: Vec<Item> = choice.into_iter().map(|at| all[at].clone()).collect();
        let mut arrived = Vec::new();
        for parcel in pack(chosen.clone(), &mut Entropy::from_number(seed)) {
            arrived.extend(received(&sealed(&alice, &bob, &parcel), &alice, &bob).items);
        }
        let sorted = |items: &[Item]| {
            let mut bytes: Vec<Vec<u8>> = items.iter().map(Encode::encode).collect();
            bytes.sort();
            bytes
        };
        prop_assert_eq!(sorted(&arrived), sorted(&chosen));
    }

    #[test]
    fn any_plaintext_of_a_friend_is_read_without_panic(mut plaintext in prop::collection::vec(any::<u8>(), 512), len in 0u32..600) {
        plaintext[..4].copy_from_slice(&len.to_be_bytes());
        if let Ok(opened) = opened(&around(&plaintext), &device(5), &device(6)) {
            let (alice, bob) = (device(5), device(6));
            prop_assert!(opened.unproven.check_device(&alice.id, &alice.seal.public(), &bob.id).is_err());
        }
    }
}
