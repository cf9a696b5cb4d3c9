//! The keys of an installation.

use super::*;

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
