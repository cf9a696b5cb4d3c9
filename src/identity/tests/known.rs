//! Which record and which devices count.

use super::*;

#[test]
fn the_highest_number_wins_and_an_equal_one_alarms() {
    let mut known = KnownIdentity::new(identity(5, &[1]));
    assert_eq!(supersedes(&identity(5, &[1]), &identity(5, &[1])), Supersede::Same);
    assert_eq!(known.take(identity(5, &[1])), Outcome::Same);
    assert_eq!(known.take(identity(5, &[1, 2])), Outcome::RootUsedTwice);
    assert_eq!(known.newest(), &identity(5, &[1]), "the first stays");
    assert_eq!(known.take(identity(4, &[1])), Outcome::Older);
    assert_eq!(known.newest().seq(), 5);
    let taken = Outcome::Taken { dropped: Vec::new(), added: vec![listed(2).device] };
    assert_eq!(known.take(identity(6, &[1, 2])), taken);
    let stranger = IdentityRecord::sign(&root(2), 7, [listed(1)]).expect("one device");
    assert_eq!(known.take(stranger), Outcome::OtherPerson);
    assert_eq!(known.newest().seq(), 6);
}

#[test]
fn a_dropped_device_never_counts_again() {
    let mut known = KnownIdentity::new(identity(1, &[1, 2]));
    let dropped = Outcome::Taken { dropped: vec![listed(1).device], added: Vec::new() };
    assert_eq!(known.take(identity(2, &[2])), dropped);
    assert!(!known.is_live(&listed(1).device));
    let back = Outcome::Taken { dropped: Vec::new(), added: vec![listed(3).device] };
    assert_eq!(known.take(identity(3, &[1, 2, 3])), back);
    assert!(!known.is_live(&listed(1).device), "listed again, gone all the same");
    assert!(known.is_live(&listed(2).device) && known.is_live(&listed(3).device));
    assert_eq!(
        known.live().map(|device| device.device).collect::<Vec<_>>(),
        [listed(2).device, listed(3).device]
    );
}

#[test]
fn a_device_that_only_an_older_record_lists_was_dropped_in_between() {
    let mut known = KnownIdentity::new(identity(5, &[2]));
    assert_eq!(known.take(identity(1, &[1, 2])), Outcome::Older);
    known.take(identity(6, &[1, 2]));
    assert!(!known.is_live(&listed(1).device));
}

#[test]
fn no_device_left_means_the_account_is_deleted() {
    let mut known = KnownIdentity::new(identity(1, &[1]));
    assert!(!known.newest().is_deleted());
    known.take(identity(2, &[]));
    assert!(known.newest().is_deleted());
    assert_eq!(known.live().count(), 0);
}

#[test]
fn what_is_known_stays_bounded_and_fits_the_store() {
    let mut known = KnownIdentity::new(identity(1, &[]));
    for round in 0..40u8 {
        let devices: Vec<_> = (0..16)
            .map(|at| ListedDevice {
                device: DeviceId::from_bytes(std::array::from_fn(|i| if i == 0 { round } else { at })),
                ..listed(0)
            })
            .collect();
        let record = IdentityRecord::sign(&root(1), 2 + u64::from(round), devices).expect("16 devices");
        known.take(record);
    }
    assert_eq!(known.revoked().len(), REVOKED_DEVICE_LIMIT);
    assert_eq!(known.revoked().iter().collect::<BTreeSet<_>>().len(), REVOKED_DEVICE_LIMIT);
    assert_eq!(known.revoked()[0].as_bytes()[0], 39 - 6, "the first ones were forgotten");
    let stored = known.encode();
    assert!(stored.len() <= STORE_VALUE_LIMIT, "{} bytes", stored.len());
    assert_eq!(wire::decode::<KnownIdentity>(&stored), Ok(known));
}

#[test]
fn what_is_stored_of_a_person_is_read_back_or_refused() {
    let mut known = KnownIdentity::new(identity(1, &[1, 2]));
    known.take(identity(2, &[2]));
    let stored = known.encode();
    assert_eq!(wire::decode::<KnownIdentity>(&stored), Ok(known));
    for at in 0..stored.len() - 32 {
        let mut altered = stored.clone();
        altered[at] ^= 1;
        assert!(wire::decode::<KnownIdentity>(&altered).is_err(), "byte {at}");
    }
    // Out of a sealed record it is read without the signature, and refused for all else.
    let sealed = |bytes: &[u8]| KnownIdentity::decode_sealed(&mut Reader::new(bytes));
    assert_eq!(sealed(&stored), wire::decode(&stored));
    assert!(sealed(&stored[..stored.len() - 1]).is_err());
    let count_at = stored.len() - 34;
    let mut twice = [stored.as_slice(), &[1; 32]].concat();
    twice[count_at + 1] = 2;
    assert!(wire::decode::<KnownIdentity>(&twice).is_err(), "one device revoked twice");
    assert!(sealed(&twice).is_err(), "nor out of a sealed record");
}

#[test]
fn a_device_counts_only_if_root_and_device_name_each_other() {
    let own = ListedDevice { device: device_id(), ..listed(0) };
    let record = DeviceRecord::sign(&device_key(), draft());
    let alice = KnownIdentity::new(IdentityRecord::sign(&root(1), 1, [own]).expect("one device"));
    assert!(live_device(&alice, &record));
    // Mallory lists Alice's device under his own root: the device does not name him.
    let mallory = KnownIdentity::new(IdentityRecord::sign(&root(2), 1, [own]).expect("one device"));
    assert!(!live_device(&mallory, &record));
    // A device that names Alice without being listed by her.
    let other = SigningKey::from_seed(&[8; 32]);
    assert!(!live_device(&alice, &DeviceRecord::sign(&other, draft())));
    // A revoked device still signs.
    let mut revoking = alice.clone();
    revoking.take(IdentityRecord::sign(&root(1), 2, [listed(1)]).expect("one device"));
    assert!(!live_device(&revoking, &record));
    // However old its addresses are.
    let old = DeviceRecord::sign(&device_key(), DeviceDraft { not_after: Day(0), ..draft() });
    assert!(live_device(&alice, &old));
}

#[test]
fn of_two_records_of_a_device_the_higher_number_is_newer() {
    let record = |seq| DeviceRecord::sign(&device_key(), DeviceDraft { seq, ..draft() });
    assert!(record(6).is_newer_than(&record(5)));
    assert!(!record(5).is_newer_than(&record(5)));
    assert!(!record(4).is_newer_than(&record(5)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_newest_record_does_not_depend_on_order_or_repetition(
        records in prop::collection::vec((0..6u64, prop::collection::btree_set(0..5u8, 0..4)), 1..12),
    ) {
        // Of each number only the first set of devices exists, as long as the root is used once.
        let mut honest = std::collections::BTreeMap::new();
        for (seq, devices) in records {
            honest.entry(seq).or_insert_with(|| devices.into_iter().collect::<Vec<_>>());
        }
        let records: Vec<_> = honest.iter().map(|(seq, devices)| identity(*seq, devices)).collect();
        let newest = records.last().expect("at least one").clone();
        let mut seen = KnownIdentity::new(records[records.len() / 2].clone());
        let mut last_seq = seen.newest().seq();
        let mut dead = BTreeSet::new();
        for record in records.iter().rev().chain(&records).chain(records.iter().rev()) {
            prop_assert_ne!(seen.take(record.clone()), Outcome::RootUsedTwice);
            prop_assert!(seen.newest().seq() >= last_seq, "a number never decreases (I19)");
            last_seq = seen.newest().seq();
            dead.extend(seen.revoked().iter().copied());
            prop_assert!(dead.iter().all(|device| !seen.is_live(device)), "what is gone stays gone");
        }
        prop_assert_eq!(seen.newest(), &newest);
    }

    #[test]
    fn bytes_that_are_a_record_are_the_only_way_to_write_it(mut bytes in prop::collection::vec(any::<u8>(), 0..300), n in 0..4u8) {
        if let Some(version) = bytes.first_mut() {
            *version = 1;
        }
        if let Some(count) = bytes.get_mut(41) {
            *count = n;
        }
        if let Ok(record) = wire::decode::<IdentityRecord>(&bytes) {
            prop_assert_eq!(&record.encode(), &bytes);
            prop_assert!(record.verify().is_err());
        }
        if let Ok(record) = wire::decode::<DeviceRecord>(&bytes) {
            prop_assert_eq!(&record.encode(), &bytes);
        }
    }
}
