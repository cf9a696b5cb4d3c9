use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::crypto::{Domain, Entropy, InviteSecret, RootSeed, SealPublic, Signature, SigningKey, keys};
use crate::id::{DeviceId, NodeId, UserId, hex, unhex};
use crate::limits::{
    ADDRESS_LEN_LIMIT, ADDRESS_LIMIT, DEVICE_LIMIT, FORMER_SEAL_LIMIT, INVITE_ADDRESS_LIMIT,
    INVITE_LINK_LIMIT, RELAY_LIMIT, REVOKED_DEVICE_LIMIT, SEAL_KEY_KEEP_DAYS, STORE_VALUE_LIMIT,
};
use crate::link::Address;
use crate::time::Day;
use crate::wire::{self, Encode};

const TODAY: Day = Day(20_500);

fn root(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32])
}

fn listed(byte: u8) -> ListedDevice {
    ListedDevice { device: DeviceId::from_bytes([byte; 32]), kind: DeviceKind::Person, added: TODAY }
}

fn identity(seq: u64, devices: &[u8]) -> Verified<IdentityRecord> {
    IdentityRecord::sign(&root(1), seq, devices.iter().map(|byte| listed(*byte))).expect("few devices")
}

fn device_key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn device_id() -> DeviceId {
    DeviceId::from_bytes(*device_key().public().as_bytes())
}

fn draft() -> DeviceDraft {
    DeviceDraft {
        user: UserId::from_bytes(*root(1).public().as_bytes()),
        seq: 5,
        node: NodeId::from_bytes([0x77; 32]),
        seal: SealPublic::from_bytes([0x0a; 32]),
        flags: DeviceFlags::new(true, false),
        not_after: TODAY,
        addresses: vec![
            Address::from_bytes(b"one").expect("short"),
            Address::from_bytes(b"two").expect("short"),
        ],
        relays: vec![NodeId::from_bytes([0x99; 32])],
    }
}

/// Signs altered bytes anew, so that only the rule under test can refuse them.
fn resigned(key: &SigningKey, domain: Domain, signed: &[u8]) -> Vec<u8> {
    [signed, key.sign(domain, signed).as_bytes()].concat()
}

fn unsigned(record: &[u8]) -> &[u8] {
    &record[..record.len() - Signature::LEN]
}

// ---- records ----

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
        assert_eq!(IdentityRecord::open(&forged), Err(RecordError::Verify(crate::crypto::VerifyError)));
    }
    let record = DeviceRecord::sign(&device_key(), draft());
    let signed = unsigned(record.as_bytes());
    for (key, domain) in [(root(1), Domain::Device), (device_key(), Domain::Identity)] {
        let forged = resigned(&key, domain, signed);
        assert_eq!(DeviceRecord::open(&forged), Err(RecordError::Verify(crate::crypto::VerifyError)));
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
        Err(RecordError::Decode(wire::DecodeError::TooMany { what: "devices", limit: 16, actual: 17 }))
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

// ---- what is known ----

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
    let count_at = stored.len() - 34;
    let mut twice = [stored.as_slice(), &[1; 32]].concat();
    twice[count_at + 1] = 2;
    assert!(wire::decode::<KnownIdentity>(&twice).is_err(), "one device revoked twice");
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

// ---- words ----

const NINES: &str = "animal embark drastic bamboo mountain loyal category cancel \
                     animal embark drastic bamboo mountain loyal category cancel \
                     animal embark drastic bamboo mountain loyal category cover";

#[test]
fn the_words_of_the_protocols_vector_are_its_seed() {
    let words = Words::new(RootSeed::from_bytes([9; 32]));
    assert_eq!(words.expose_words().phrase().as_str(), NINES);
    assert_eq!(words.expose_words().iter().collect::<Vec<_>>(), NINES.split(' ').collect::<Vec<_>>());
    assert_eq!(Words::parse(NINES).expect("the vector").seed(), &RootSeed::from_bytes([9; 32]));
    let typed = format!("  {}\n", NINES.to_uppercase().replace(' ', "\t \n"));
    assert_eq!(Words::parse(&typed), Ok(words));
}

#[test]
fn wrong_words_are_refused_with_what_is_wrong() {
    let parse = |text: &str| Words::parse(text).expect_err("wrong words");
    assert_eq!(parse(""), WordsError::Count { actual: 0 });
    assert_eq!(parse(NINES.rsplit_once(' ').expect("words").0), WordsError::Count { actual: 23 });
    assert_eq!(parse(&format!("{NINES} cover")), WordsError::Count { actual: 25 });
    assert_eq!(parse(&format!("{NINES} {}", "cover ".repeat(100_000))), WordsError::Count { actual: 25 });
    assert_eq!(parse(&NINES.replacen("bamboo", "bambu", 1)), WordsError::Unknown { position: 4 });
    assert_eq!(parse(&NINES.replacen("cover", "cancel", 1)), WordsError::Checksum);
    assert_eq!(parse(&NINES.replacen("animal embark", "embark animal", 1)), WordsError::Checksum);
}

#[test]
fn no_word_prints_itself() {
    let words = Words::new(RootSeed::from_bytes([9; 32]));
    assert_eq!(format!("{words:?} {:?}", words.expose_words()), "Words(…) ExposedWords(…)");
    let errors = [
        Words::parse(&NINES.replacen("bamboo", "bambu", 1)).expect_err("unknown"),
        Words::parse(&NINES.replacen("cover", "cancel", 1)).expect_err("checksum"),
    ];
    for error in errors {
        let shown = format!("{error} {error:?}");
        assert!(NINES.split(' ').chain(["bambu"]).all(|word| !shown.contains(word)), "{shown}");
    }
}

#[test]
fn safety_words_are_the_first_66_bits() {
    assert_eq!(safety_words(&[0; 32]), ["abandon"; 6]);
    assert_eq!(safety_words(&[0xff; 32]), ["zoo"; 6]);
    // One word at a time, counted from the front: 11 bits each, the 67th bit belongs to none.
    for at in 0..6 {
        let mut bits = [0u8; 32];
        let last = at * 11 + 10;
        bits[last / 8] |= 0x80 >> (last % 8);
        let mut expected = ["abandon"; 6];
        expected[at] = "ability";
        assert_eq!(safety_words(&bits), expected);
    }
    let mut bits = [0; 32];
    bits[8] = 0x20;
    assert_eq!(safety_words(&bits), ["abandon"; 6]);
    // The protocol's vector; its words were worked out by another program from the first nine bytes.
    let safety = keys::safety(&[3; 32], &[4; 32], &UserId::from_bytes([5; 32]), &UserId::from_bytes([6; 32]));
    assert!(hex(&safety).starts_with("1fc30a92c8dd9e79d2"));
    assert_eq!(safety_words(&safety), VECTOR_SAFETY_WORDS);
}

const VECTOR_SAFETY_WORDS: [&str; 6] = ["cabin", "blue", "pigeon", "museum", "supreme", "diagram"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn words_and_seed_are_the_same_thing(seed: [u8; 32]) {
        let words = Words::new(RootSeed::from_bytes(seed));
        prop_assert_eq!(Words::parse(&words.expose_words().phrase()), Ok(words));
    }
}

// ---- the keyring ----

fn created() -> Created {
    Keyring::create(&mut Entropy::from_number(1), TODAY.start())
}

#[test]
fn a_new_identity_belongs_together() {
    let Created { keyring, identity, words } = created();
    let root = keys::root_key(words.seed());
    assert_eq!(keyring.user().as_bytes(), root.public().as_bytes());
    assert_eq!((identity.user(), identity.seq()), (keyring.user(), TODAY.start().as_millis()));
    assert_eq!(identity.devices(), [ListedDevice { device: keyring.device_id(), ..listed(0) }]);
    assert_eq!(IdentityRecord::open(identity.as_bytes()).as_ref(), Ok(&identity));
    let device = keyring.device_key().public();
    assert!(root.public().verify(Domain::Cert, device.as_bytes(), keyring.certificate()).is_ok());
    let record = keyring.device_record(1, TODAY, DeviceFlags::new(false, true), Vec::new(), Vec::new());
    assert!(live_device(&KnownIdentity::new(identity), &record));
    assert_eq!((record.node(), record.seal()), (keyring.node_id(), keyring.seal().public()));
    assert_eq!(record.not_after(), TODAY.plus(14));
    // Words brought to another device give the same person.
    let other = Keyring::install(words.seed(), &mut Entropy::from_number(2), TODAY);
    assert_eq!(other.user(), keyring.user());
    assert_ne!(other.device_id(), keyring.device_id());
}

#[test]
fn a_keyring_survives_storage_and_refuses_a_mixed_up_one() {
    let mut keyring = created().keyring;
    keyring.rotate_seal_key(&mut Entropy::from_number(3), TODAY);
    keyring.mark_seal_published(TODAY.plus(1));
    keyring.rotate_seal_key(&mut Entropy::from_number(4), TODAY.plus(30));
    let stored = keyring.encode_secret();
    let again = Keyring::decode_secret(&stored).expect("its own bytes");
    assert_eq!(*again.encode_secret(), *stored);
    assert_eq!(
        (again.user(), again.device_id(), again.node_id()),
        (keyring.user(), keyring.device_id(), keyring.node_id())
    );
    for len in 0..stored.len() {
        assert!(Keyring::decode_secret(&stored[..len]).is_err());
    }
    assert!(Keyring::decode_secret(&[stored.as_slice(), &[0]].concat()).is_err());
    for at in [0, 1, 33, 65] {
        let mut altered = stored.to_vec();
        altered[at] ^= 1;
        assert!(Keyring::decode_secret(&altered).is_err(), "version, user, device or certificate at {at}");
    }
}

#[test]
fn a_former_seal_secret_opens_parcels_until_45_days_after_its_successor_was_published() {
    let mut keyring = created().keyring;
    let (first, first_public) = (keyring.seal_id(), keyring.seal().public());
    assert!(!keyring.is_seal_key_due(TODAY.plus(29)) && keyring.is_seal_key_due(TODAY.plus(30)));
    keyring.rotate_seal_key(&mut Entropy::from_number(3), TODAY.plus(30));
    assert_ne!(keyring.seal_id(), first);
    assert!(!keyring.is_seal_key_due(TODAY.plus(31)));
    // Off for a year before it could publish: friends still seal to the old key.
    assert!(!keyring.drop_old_seals(TODAY.plus(400)));
    assert_eq!(keyring.seal_for(&first).map(|secret| secret.public()), Some(first_public));
    keyring.mark_seal_published(TODAY.plus(400));
    keyring.mark_seal_published(TODAY.plus(410));
    assert!(!keyring.drop_old_seals(TODAY.plus(400 + SEAL_KEY_KEEP_DAYS)));
    assert!(keyring.seal_for(&first).is_some());
    assert!(keyring.drop_old_seals(TODAY.plus(400 + SEAL_KEY_KEEP_DAYS + 1)));
    assert!(keyring.seal_for(&first).is_none());
    assert_eq!(
        keyring.seal_for(&keyring.seal_id()).map(|secret| secret.public()),
        Some(keyring.seal().public())
    );
}

#[test]
fn former_seal_secrets_stop_at_their_limit() {
    let (mut keyring, mut entropy) = (created().keyring, Entropy::from_number(5));
    let mut ids = vec![keyring.seal_id()];
    for _ in 0..=FORMER_SEAL_LIMIT {
        keyring.rotate_seal_key(&mut entropy, TODAY);
        ids.push(keyring.seal_id());
    }
    assert!(keyring.seal_for(&ids[0]).is_none(), "the oldest went");
    assert!(ids[1..].iter().all(|id| keyring.seal_for(id).is_some()));
    let stored = keyring.encode_secret();
    assert!(Keyring::decode_secret(&stored).is_ok());
    assert!(stored.len() <= STORE_VALUE_LIMIT);
}

#[test]
fn a_node_key_is_replaced_and_nothing_else() {
    let mut keyring = created().keyring;
    let before = (keyring.user(), keyring.device_id(), keyring.seal_id());
    let node = keyring.node_id();
    assert!(!keyring.is_node_key_due(TODAY.plus(89)) && keyring.is_node_key_due(TODAY.plus(90)));
    keyring.rotate_node_key(&mut Entropy::from_number(6), TODAY.plus(90));
    assert_ne!(keyring.node_id(), node);
    assert_eq!((keyring.user(), keyring.device_id(), keyring.seal_id()), before);
    assert!(!keyring.is_node_key_due(TODAY.plus(91)));
}

#[test]
fn a_keyring_prints_no_secret() {
    let Created { keyring, .. } = created();
    let shown = format!("{keyring:?} {keyring:#?} {:?}", created());
    for secret in [
        keyring.device_key().expose_seed(),
        keyring.node_key().expose_seed(),
        keyring.seal().expose_bytes(),
        created().words.seed().expose_bytes(),
    ] {
        assert!(!shown.contains(&hex(secret)[..16]));
        assert!(!shown.contains(&format!("{:?}", &secret[..4]).replace(['[', ']'], "")));
    }
}

// ---- invites ----

fn invite() -> Invite {
    let address = |byte| Address::from_bytes(&[byte; 8]).expect("short");
    Invite {
        root: UserId::from_bytes([1; 32]),
        node: NodeId::from_bytes([2; 32]),
        addresses: vec![address(4), address(6)],
        secret: InviteSecret::from_bytes([0xab; 32]),
        expires: Timestamp::from_millis(1_771_200_000_000),
    }
}

#[test]
fn an_invite_survives_being_a_link() {
    let link = invite().expose_link();
    assert!(link.starts_with("tidings:invite/1/"));
    assert_eq!(link.len(), 187, "short enough for a QR code");
    assert_eq!(Invite::parse(&link), Ok(invite()));
    assert_eq!(Invite::parse(&format!(" {link}\n")), Ok(invite()));
    assert_eq!(invite().id(), keys::invite_id(&InviteSecret::from_bytes([0xab; 32])));
    assert!(!invite().is_expired(Timestamp::from_millis(1_771_199_999_999)));
    assert!(invite().is_expired(Timestamp::from_millis(1_771_200_000_000)));
}

#[test]
fn a_text_that_is_no_invite_says_which_way() {
    let link = invite().expose_link();
    let body = link.strip_prefix("tidings:invite/1/").expect("prefix");
    for text in ["", "https://example.org/", "tidings:", "tidings:channel/1/AAAA", body] {
        assert_eq!(Invite::parse(text), Err(InviteError::NotALink), "{text}");
    }
    for (version, number) in [("2", 2), ("17", 17), ("4294967295", u32::MAX)] {
        let newer = format!("tidings:invite/{version}/{body}");
        assert_eq!(Invite::parse(&newer), Err(InviteError::Newer { version: number }));
    }
    for version in ["0", "01", "+1", "+2", "-1", "", " 1", "x", "99999999999999999999"] {
        let text = format!("tidings:invite/{version}/{body}");
        assert_eq!(Invite::parse(&text), Err(InviteError::Damaged), "{version}");
    }
    for text in ["tidings:invite/", "tidings:invite/1", "tidings:invite/1/", "tidings:invite/1/AAAA"] {
        assert_eq!(Invite::parse(text), Err(InviteError::Damaged), "{text}");
    }
    let huge = format!("tidings:invite/1/{}", "A".repeat(10_000_000));
    assert_eq!(Invite::parse(&huge), Err(InviteError::Damaged));
}

#[test]
fn a_link_with_any_character_changed_lost_or_added_is_refused() {
    let link = invite().expose_link();
    for at in 0..link.len() {
        let with = |new: &str| format!("{}{new}{}", &link[..at], &link[at + 1..]);
        assert!(Invite::parse(&with("")).is_err(), "lost at {at}");
        for new in ["A", "_", "=", "%"] {
            if &link[at..=at] != new {
                assert!(Invite::parse(&with(new)).is_err(), "{new} at {at}");
            }
        }
        assert!(Invite::parse(&format!("{}A{}", &link[..at], &link[at..])).is_err(), "added at {at}");
    }
    assert!(Invite::parse(&format!("{link}A")).is_err());
}

/// A link whose checksum is right, so that only the rule under test can refuse it.
fn link_of(body: &[u8]) -> String {
    let bytes = [body, &crate::crypto::hash(body)[..4]].concat();
    format!("tidings:invite/1/{}", base64::encode(&bytes))
}

#[test]
fn an_invite_holds_four_addresses_and_a_link_has_room_for_the_longest() {
    let longest = Address::from_bytes(&[b'a'; ADDRESS_LEN_LIMIT]).expect("at the limit");
    let full = Invite { addresses: vec![longest.clone(); INVITE_ADDRESS_LIMIT], ..invite() };
    let link = full.expose_link();
    assert_eq!(link.len(), 851);
    assert!(link.len() <= INVITE_LINK_LIMIT);
    assert_eq!(Invite::parse(&link).as_ref(), Ok(&full));
    let more = Invite { addresses: vec![longest; INVITE_ADDRESS_LIMIT + 1], ..invite() };
    assert_eq!(Invite::parse(&more.expose_link()), Ok(full), "the fifth is left off");

    let head = [vec![1; 96], vec![0; 8]].concat();
    let with = |tail: &[u8]| Invite::parse(&link_of(&[&head, tail].concat()));
    assert!(with(&[0]).is_ok());
    assert!(with(&[4, 1, 9, 1, 9, 1, 9, 1, 9]).is_ok());
    for tail in [
        [5, 1, 9, 1, 9, 1, 9, 1, 9, 1, 9].as_slice(), // five
        &[1, 0],                                      // an empty address
        &[1, 2, 9],                                   // cut short
        &[0, 0],                                      // something behind the end
        &[],
    ] {
        assert_eq!(with(tail), Err(InviteError::Damaged), "{tail:?}");
    }
    let too_long = [vec![1, 129], vec![b'a'; 129]].concat();
    assert_eq!(with(&too_long), Err(InviteError::Damaged));
}

#[test]
fn an_invite_prints_no_secret() {
    let shown = format!("{:?} {:?}", invite(), Invite::parse(&invite().expose_link()[..100]));
    assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
}

#[test]
fn hex_of_the_root_vector_is_the_user_id() {
    let root: [u8; 32] = unhex(&vector("root_pub")).expect("32 bytes");
    let seed = Words::parse(NINES).expect("the vector");
    assert_eq!(keys::root_key(seed.seed()).public().as_bytes(), &root);
}

fn vector(name: &str) -> String {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/vectors/v1.json")).expect("the vectors");
    all[name].as_str().expect("a vector of this name").to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_invite_survives_being_a_link(
        ids: ([u8; 32], [u8; 32], [u8; 32]), ms: u64,
        addresses in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..=128), 0..=4),
    ) {
        let invite = Invite {
            root: UserId::from_bytes(ids.0),
            node: NodeId::from_bytes(ids.1),
            addresses: addresses.iter().map(|bytes| Address::from_bytes(bytes).expect("short")).collect(),
            secret: InviteSecret::from_bytes(ids.2),
            expires: Timestamp::from_millis(ms),
        };
        prop_assert_eq!(Invite::parse(&invite.expose_link()), Ok(invite));
    }

    #[test]
    fn any_text_is_an_invite_or_an_error(text in "(tidings:invite/[0-9]{0,2}/)?[ -~é]{0,40}", body: Vec<u8>) {
        let _ = Invite::parse(&text);
        if let Ok(invite) = Invite::parse(&link_of(&body)) {
            prop_assert_eq!(invite.expose_link(), link_of(&body));
        }
    }
}
