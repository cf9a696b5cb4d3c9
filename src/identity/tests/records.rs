//! The rules of the two records, each broken alone.

use super::*;

#[test]
fn a_record_lies_as_its_table_says() {
    let record = identity(0x0102_0304_0506_0708, &[3, 2]);
    let mut expected = vec![1];
    expected.extend_from_slice(root(1).public().as_bytes());
    expected.extend_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 2]);
    for byte in [2, 3] {
        expected.extend_from_slice(&[byte; 32]);
        expected.extend_from_slice(&[1, 0, 0, 0x50, 0x14]);
    }
    assert_eq!(unsigned(record.as_bytes()), expected);

    let record = DeviceRecord::sign(&device_key(), draft());
    let mut expected = vec![1];
    expected.extend_from_slice(root(1).public().as_bytes());
    expected.extend_from_slice(device_id().as_bytes());
    expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 5]);
    expected.extend_from_slice(&[0x77; 32]);
    expected.extend_from_slice(&[0x0a; 32]);
    expected.extend_from_slice(&[1, 0, 0, 0x50, 0x14, 2, 3]);
    expected.extend_from_slice(b"one\x03two\x01");
    expected.extend_from_slice(&[0x99; 32]);
    assert_eq!(unsigned(record.as_bytes()), expected);
}

#[test]
fn a_record_survives_being_sent() {
    let record = identity(9, &[1, 2, 200]);
    assert_eq!(IdentityRecord::open(&record.encode()), Ok(record));
    let record = DeviceRecord::sign(&device_key(), draft());
    let again = DeviceRecord::open(&record.encode()).expect("its own bytes");
    assert_eq!(again, record);
    assert_eq!((again.user(), again.device(), again.seq()), (draft().user, device_id(), 5));
    assert_eq!((again.node(), again.seal(), again.not_after()), (draft().node, draft().seal, TODAY));
    assert_eq!(
        (again.addresses(), again.relays()),
        (draft().addresses.as_slice(), draft().relays.as_slice())
    );
    assert!(again.flags().relays() && !again.flags().couriers());
}

#[test]
fn any_changed_bit_or_length_of_a_record_is_refused() {
    let (one, two) = (identity(9, &[1, 2]).encode(), DeviceRecord::sign(&device_key(), draft()).encode());
    for at in 0..one.len() * 8 {
        let mut altered = one.clone();
        altered[at / 8] ^= 1 << (at % 8);
        assert!(IdentityRecord::open(&altered).is_err(), "bit {at}");
    }
    for at in 0..two.len() * 8 {
        let mut altered = two.clone();
        altered[at / 8] ^= 1 << (at % 8);
        assert!(DeviceRecord::open(&altered).is_err(), "bit {at}");
    }
    for len in 0..one.len() {
        assert!(IdentityRecord::open(&one[..len]).is_err());
    }
    for len in 0..two.len() {
        assert!(DeviceRecord::open(&two[..len]).is_err());
    }
    assert!(IdentityRecord::open(&[one, vec![0]].concat()).is_err());
    assert!(DeviceRecord::open(&[two, vec![0]].concat()).is_err());
}

#[test]
fn a_record_signed_by_another_key_or_for_another_domain_is_refused() {
    let record = identity(9, &[1]);
    let signed = unsigned(record.as_bytes());
    for (key, domain) in [(root(2), Domain::Identity), (root(1), Domain::Device), (root(1), Domain::Cert)] {
        let forged = resigned(&key, domain, signed);
        assert_eq!(IdentityRecord::open(&forged), Err(RecordError::Verify(VerifyError)));
    }
    let record = DeviceRecord::sign(&device_key(), draft());
    let signed = unsigned(record.as_bytes());
    for (key, domain) in [(root(1), Domain::Device), (device_key(), Domain::Identity)] {
        let forged = resigned(&key, domain, signed);
        assert_eq!(DeviceRecord::open(&forged), Err(RecordError::Verify(VerifyError)));
    }
}

#[test]
fn a_newer_version_is_told_from_a_damaged_record() {
    let mut signed = unsigned(identity(9, &[1]).as_bytes()).to_vec();
    signed[0] = 2;
    let error = IdentityRecord::open(&resigned(&root(1), Domain::Identity, &signed)).expect_err("version 2");
    assert!(error.is_newer_version());
    signed[0] = 0;
    let error = IdentityRecord::open(&resigned(&root(1), Domain::Identity, &signed)).expect_err("version 0");
    assert!(!error.is_newer_version());
    let mut signed = unsigned(DeviceRecord::sign(&device_key(), draft()).as_bytes()).to_vec();
    signed[0] = 2;
    let error = DeviceRecord::open(&resigned(&device_key(), Domain::Device, &signed)).expect_err("version 2");
    assert!(error.is_newer_version());
    assert!(!IdentityRecord::open(&[1, 2, 3]).expect_err("cut short").is_newer_version());
}

/// The bytes of an IdentityRecord with these devices in this order, rightly signed.
fn raw_identity(devices: &[(u8, u8)]) -> Vec<u8> {
    let mut signed = vec![1];
    signed.extend_from_slice(root(1).public().as_bytes());
    signed.extend_from_slice(&9u64.to_be_bytes());
    signed.push(u8::try_from(devices.len()).expect("few"));
    for (byte, kind) in devices {
        signed.extend_from_slice(&[*byte; 32]);
        signed.push(*kind);
        signed.extend_from_slice(&TODAY.0.to_be_bytes());
    }
    resigned(&root(1), Domain::Identity, &signed)
}

#[test]
fn sixteen_devices_are_a_record_and_seventeen_are_not() {
    let devices = |n: u8| (1..=n).map(|byte| (byte, 1)).collect::<Vec<_>>();
    assert_eq!(DEVICE_LIMIT, 16);
    assert_eq!(IdentityRecord::open(&raw_identity(&devices(16))).expect("16 devices").devices().len(), 16);
    assert_eq!(
        IdentityRecord::open(&raw_identity(&devices(17))),
        Err(RecordError::Decode(DecodeError::TooMany { what: "devices", limit: 16, actual: 17 }))
    );
    assert!(IdentityRecord::sign(&root(1), 9, (1..=16).map(listed)).is_ok());
    assert_eq!(IdentityRecord::sign(&root(1), 9, (1..=17).map(listed)), Err(TooManyDevices { actual: 17 }));
    // The last of two lines for one device counts, in any order.
    let twice = IdentityRecord::sign(&root(1), 9, [listed(2), listed(1), listed(2)]).expect("two devices");
    assert_eq!(twice, identity(9, &[1, 2]));
}

#[test]
fn devices_that_do_not_ascend_or_are_of_no_kind_are_refused() {
    for devices in
        [vec![(2, 1), (1, 1)], vec![(1, 1), (1, 1)], vec![(1, 1), (1, 2)], vec![(1, 0)], vec![(1, 3)]]
    {
        assert!(
            matches!(IdentityRecord::open(&raw_identity(&devices)), Err(RecordError::Decode(_))),
            "{devices:?}"
        );
    }
    let blind = IdentityRecord::open(&raw_identity(&[(1, 2)])).expect("a blind home node");
    assert_eq!(blind.devices()[0].kind, DeviceKind::BlindHome);
}

#[test]
fn addresses_and_relays_stop_at_their_limits() {
    let address = |len: usize| Address::from_bytes(&vec![b'a'; len]).expect("within the limit");
    let mut most = draft();
    most.addresses = vec![address(ADDRESS_LEN_LIMIT); ADDRESS_LIMIT + 1];
    most.relays = vec![NodeId::from_bytes([9; 32]); RELAY_LIMIT + 1];
    let record = DeviceRecord::sign(&device_key(), most);
    assert_eq!((record.addresses().len(), record.relays().len()), (ADDRESS_LIMIT, RELAY_LIMIT));
    assert_eq!(DeviceRecord::open(&record.encode()), Ok(record));

    let head = unsigned(DeviceRecord::sign(&device_key(), draft()).as_bytes())[..142].to_vec();
    let with =
        |tail: &[u8]| DeviceRecord::open(&resigned(&device_key(), Domain::Device, &[&head, tail].concat()));
    let addresses = |n: u8, len: usize| {
        let one = [vec![u8::try_from(len).expect("short")], vec![b'a'; len]].concat();
        [vec![n], one.repeat(usize::from(n)), vec![0]].concat()
    };
    assert!(with(&addresses(8, 128)).is_ok());
    assert!(with(&addresses(9, 1)).is_err());
    assert!(with(&addresses(1, 129)).is_err());
    assert!(with(&addresses(1, 0)).is_err(), "an empty address");
    assert!(with(&[vec![0, 4], vec![9; 128]].concat()).is_ok());
    assert!(with(&[vec![0, 5], vec![9; 160]].concat()).is_err());
}

#[test]
fn flags_of_a_later_release_are_kept_and_mean_nothing() {
    let mut signed = unsigned(DeviceRecord::sign(&device_key(), draft()).as_bytes()).to_vec();
    signed[137] = 0b1111_1110;
    let bytes = resigned(&device_key(), Domain::Device, &signed);
    let record = DeviceRecord::open(&bytes).expect("unknown flags");
    assert!(!record.flags().relays() && record.flags().couriers());
    assert_eq!(record.as_bytes(), bytes);
}

#[test]
fn the_next_number_outbids_the_last_and_the_clock() {
    assert_eq!(next_seq(None, Timestamp::from_millis(1000)), 1000);
    assert_eq!(next_seq(Some(5), Timestamp::from_millis(1000)), 1000);
    assert_eq!(next_seq(Some(1000), Timestamp::from_millis(1000)), 1001);
    assert_eq!(next_seq(Some(u64::MAX), Timestamp::from_millis(1000)), u64::MAX);
}
