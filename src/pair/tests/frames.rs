//! The bytes of the protocol, against the golden vectors that an independent program made.

use proptest::prelude::*;

use super::*;
use crate::crypto::keys::{self, PairTranscript, Role, SessionBinding};
use crate::crypto::{self, InviteSecret, SealSecret, SigningKey};
use crate::id::{DeviceId, unhex};
use crate::identity::{DeviceDraft, DeviceKind, ListedDevice, safety_words};
use crate::limits::{
    ADDRESS_LEN_LIMIT, ADDRESS_LIMIT, DEVICE_LIMIT, FRAME_LIMIT, NAME_LIMIT, PAIR_FRAME_LIMIT, RELAY_LIMIT,
};
use crate::time::Day;

fn golden(name: &str) -> String {
    let lines = include_str!("../../../tests/vectors/pair.txt").lines();
    let value = lines.filter_map(|line| line.split_once(' ')).find(|(key, _)| *key == name);
    value.expect("a vector of this name").1.to_owned()
}

fn golden_bytes(name: &str) -> Vec<u8> {
    let text = golden(name);
    text.as_bytes()
        .chunks(2)
        .flat_map(|pair| unhex::<1>(std::str::from_utf8(pair).expect("hex")).expect("hex"))
        .collect()
}

fn signing(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32])
}

/// A side of the vectors; its inputs stand at the head of the oracle.
fn side(root: u8, device: u8, node: u8, seal: u8, flags: DeviceFlags, relays: Vec<NodeId>) -> Records {
    let device_key = signing(device);
    let listed = ListedDevice {
        device: DeviceId::from_bytes(*device_key.public().as_bytes()),
        kind: DeviceKind::Person,
        added: Day(20_500),
    };
    let identity = IdentityRecord::sign_one(&signing(root), NOW.as_millis(), listed);
    let draft = DeviceDraft {
        user: identity.user(),
        seq: NOW.as_millis() + 1,
        node: NodeId::from_bytes([node; 32]),
        seal: SealSecret::from_bytes([seal; 32]).public(),
        flags,
        not_after: Day(20_514),
        addresses: vec![Address::from_bytes(&[4, 127, 0, 0, 1, 6, 0x1f, 0x90]).expect("short")],
        relays,
    };
    let device = DeviceRecord::sign(&device_key, draft);
    Records { identity: (*identity).clone(), device: (*device).clone() }
}

fn side_i() -> Records {
    side(0x21, 0x22, 0x77, 0x24, DeviceFlags::new(true, false), Vec::new())
}

fn side_r() -> Records {
    side(0x31, 0x32, 0x88, 0x34, DeviceFlags::new(false, true), vec![NodeId::from_bytes([0x99; 32])])
}

fn transcript() -> PairTranscript {
    let (i, r) = (side_i(), side_r());
    PairTranscript {
        session: SessionBinding {
            nonce_i: [3; 32],
            nonce_r: [4; 32],
            node_i: i.device.node(),
            node_r: r.device.node(),
        },
        root_i: i.identity.user(),
        root_r: r.identity.user(),
        seal_i: i.device.seal(),
        seal_r: r.device.seal(),
    }
}

fn vectors() -> Vec<(&'static str, Frame)> {
    let secret = InviteSecret::from_bytes([1; 32]);
    let key = keys::invite_key(&secret);
    let session = transcript().session;
    let first = SessionBinding { nonce_r: [0; 32], ..session };
    let pair_key = check::agree(&secret, &SealSecret::from_bytes([0x24; 32]), Role::Initiator, &transcript())
        .expect("keys");
    let resume = keys::resume_key(&pair_key);
    let hello = Frame::Hello {
        invite: keys::invite_id(&secret),
        nonce_hash: crypto::hash(&[3; 32]),
        records: side_i(),
        name: "Bob".to_owned(),
    };
    vec![
        ("hello", hello),
        ("reply", Frame::Reply { nonce: [4; 32], records: side_r(), name: "Alice".to_owned() }),
        ("open", Frame::Open { nonce: [3; 32], mac: keys::pair_mac(&key, Role::Initiator, &transcript()) }),
        ("confirm", Frame::Confirm { mac: keys::pair_mac(&key, Role::Responder, &transcript()) }),
        ("decision_no", Frame::Decision { yes: false }),
        ("decision_yes", Frame::Decision { yes: true }),
        ("seen", Frame::Seen),
        ("resume", Frame::Resume { nonce: [3; 32], mac: keys::resume_mac(&resume, Role::Initiator, &first) }),
        ("known", Frame::Known { nonce: [4; 32], mac: keys::resume_mac(&resume, Role::Responder, &session) }),
        ("records_i", Frame::Records(side_i())),
        ("records_r", Frame::Records(side_r())),
        ("moments", Frame::Moments(vec![moments::shown(0x44, b"body"), moments::shown(0x46, b"")])),
    ]
}

#[test]
fn frames_are_the_golden_vectors() {
    for (name, frame) in vectors() {
        let bytes = golden_bytes(name);
        assert_eq!(crate::id::hex(&frame.encode()), crate::id::hex(&bytes), "{name}");
        assert!(Frame::decode(&bytes) == Ok(Some(frame)), "{name}");
    }
}

#[test]
fn both_sides_agree_on_the_golden_key_and_words() {
    let secret = InviteSecret::from_bytes([1; 32]);
    let key = |seal, role| check::agree(&secret, &SealSecret::from_bytes([seal; 32]), role, &transcript());
    let golden_key = PairKey::from_bytes(unhex(&golden("pair_key")).expect("32 bytes"));
    assert_eq!(key(0x24, Role::Initiator).as_ref(), Ok(&golden_key));
    assert_eq!(key(0x34, Role::Responder).as_ref(), Ok(&golden_key));
    let safety = check::safety(&transcript());
    assert_eq!(crate::id::hex(&safety), golden("safety"));
    let list = bip39::Language::English.word_list();
    let words: Vec<_> = golden("safety_word_numbers")
        .split(',')
        .map(|number| list[number.parse::<usize>().expect("number")])
        .collect();
    assert_eq!(safety_words(&safety).as_slice(), words);
}

#[test]
fn the_invite_link_is_the_golden_one() {
    let r = side_r();
    let invite = Invite {
        root: r.identity.user(),
        node: r.device.node(),
        addresses: r.device.addresses().to_vec(),
        secret: InviteSecret::from_bytes([1; 32]),
        expires: NOW.plus_ms(24 * HOUR),
    };
    assert_eq!(invite.expose_link(), golden("link"));
    assert_eq!(Invite::parse(&golden("link")), Ok(invite));
}

#[test]
fn a_frame_with_anything_missing_or_left_over_is_a_fault() {
    for (name, _) in vectors() {
        let bytes = golden_bytes(name);
        for len in 0..bytes.len() {
            assert!(Frame::decode(&bytes[..len]).is_err(), "{name} cut to {len}");
        }
        assert!(Frame::decode(&[bytes.as_slice(), &[0]].concat()).is_err(), "{name} and a byte");
        for version in [0, 2, 255] {
            let other = [&[version], &bytes[1..]].concat();
            assert!(Frame::decode(&other).is_err(), "{name} of version {version}");
        }
    }
    assert!(Frame::decode(&[1, 5, 2]).is_err(), "neither yes nor no");
}

#[test]
fn an_unknown_variant_is_ignored_whatever_it_holds() {
    for variant in (0..=255u8).filter(|variant| !(1..=10).contains(variant)) {
        assert_eq!(Frame::decode(&[1, variant]), Ok(None));
        assert_eq!(Frame::decode(&[&[1, variant], [7; 100].as_slice()].concat()), Ok(None));
    }
}

#[test]
fn a_length_that_is_not_the_records_own_is_a_fault() {
    let bytes = golden_bytes("records_i");
    // The IdentityRecord's length one less and one more, the rest unchanged.
    for change in [-1i16, 1] {
        let len = i16::from_be_bytes([bytes[2], bytes[3]]) + change;
        let altered = [&bytes[..2], &len.to_be_bytes(), &bytes[4..]].concat();
        assert!(Frame::decode(&altered).is_err());
    }
}

#[test]
fn a_name_is_64_bytes_of_text_without_control_characters() {
    let hello = |name: &[u8]| {
        let mut bytes = golden_bytes("hello");
        bytes.truncate(bytes.len() - 4);
        bytes.push(u8::try_from(name.len()).expect("short"));
        bytes.extend_from_slice(name);
        Frame::decode(&bytes).is_ok()
    };
    assert!(hello(b"") && hello("Bøb".as_bytes()) && hello(&[b'a'; NAME_LIMIT]));
    assert!(!hello(&[b'a'; NAME_LIMIT + 1]));
    assert!(!hello(b"\xff"));
    for name in ["a\nb", "\u{1b}[2J", "\u{7f}", "\u{85}"] {
        assert!(!hello(name.as_bytes()), "{name:?}");
    }
}

#[test]
fn the_largest_legal_frame_fits_and_one_byte_above_the_limit_does_not() {
    let keyring = Person::new("", 1).keyring;
    let root = signing(0x21);
    let devices = (0..16u8).map(|byte| ListedDevice {
        device: DeviceId::from_bytes([byte; 32]),
        kind: DeviceKind::Person,
        added: Day(0),
    });
    let identity = IdentityRecord::sign(&root, 1, devices).expect("16 devices");
    assert_eq!(identity.devices().len(), DEVICE_LIMIT);
    let address = Address::from_bytes(&[b'a'; ADDRESS_LEN_LIMIT]).expect("at the limit");
    let relays = vec![keyring.node_id(); RELAY_LIMIT];
    let flags = DeviceFlags::new(true, true);
    let device = keyring.device_record(1, Day(0), flags, vec![address; ADDRESS_LIMIT], relays);
    let records = Records { identity: (*identity).clone(), device: (*device).clone() };
    let hello = Frame::Hello {
        invite: InviteId::from_bytes([0; 16]),
        nonce_hash: [0; 32],
        records,
        name: "a".repeat(NAME_LIMIT),
    };
    let bytes = hello.encode();
    assert_eq!(bytes.len(), LARGEST);
    assert!(Frame::decode(&bytes) == Ok(Some(hello)));
    const { assert!(LARGEST <= PAIR_FRAME_LIMIT && PAIR_FRAME_LIMIT <= FRAME_LIMIT) };

    // Even one that would be ignored.
    assert_eq!(Frame::decode(&[&[1, 99], vec![0; PAIR_FRAME_LIMIT - 2].as_slice()].concat()), Ok(None));
    assert!(Frame::decode(&[&[1, 99], vec![0; PAIR_FRAME_LIMIT - 1].as_slice()].concat()).is_err());
}

const LARGEST: usize = 2_185;

#[test]
fn a_frame_prints_its_kind_and_nothing_else() {
    let shown: Vec<_> = vectors().iter().map(|(_, frame)| format!("{frame:?}")).collect();
    let names = [
        "Hello", "Reply", "Open", "Confirm", "Decision", "Decision", "Seen", "Resume", "Known", "Records",
        "Records", "Moments",
    ];
    assert_eq!(shown, names);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_read_is_what_would_be_written(which in 0..12usize, at in 0..600usize, byte: u8, noise: Vec<u8>) {
        let mut bytes = golden_bytes(vectors()[which].0);
        let at = at % bytes.len();
        bytes[at] = byte;
        for bytes in [bytes, [&[1, byte % 12], noise.as_slice()].concat(), noise.clone()] {
            if let Ok(Some(frame)) = Frame::decode(&bytes) {
                prop_assert_eq!(frame.encode(), bytes);
            }
        }
    }

    /// I20.
    #[test]
    fn keys_agree_and_any_change_of_the_transcript_gives_another_proof(
        secret: [u8; 32], seal_i: [u8; 32], seal_r: [u8; 32], nonces: ([u8; 32], [u8; 32]), bytes in 1..=255u8, at in 0..32usize,
    ) {
        prop_assume!(seal_i != seal_r);
        let (secret, seal_i, seal_r) =
            (InviteSecret::from_bytes(secret), SealSecret::from_bytes(seal_i), SealSecret::from_bytes(seal_r));
        let mut honest = transcript();
        (honest.session.nonce_i, honest.session.nonce_r) = nonces;
        (honest.seal_i, honest.seal_r) = (seal_i.public(), seal_r.public());
        let at_i = check::agree(&secret, &seal_i, Role::Initiator, &honest).expect("contributory");
        prop_assert_eq!(&at_i, &check::agree(&secret, &seal_r, Role::Responder, &honest).expect("contributory"));
        let key = keys::invite_key(&secret);
        let proof = keys::pair_mac(&key, Role::Initiator, &honest);
        prop_assert_ne!(proof, keys::pair_mac(&key, Role::Responder, &honest));
        let flip = |mut field: [u8; 32]| {
            field[at] ^= bytes;
            field
        };
        let session = honest.session;
        let changed: [PairTranscript; 8] = std::array::from_fn(|which| {
            let mut other = honest.clone();
            match which {
                0 => other.session.nonce_i = flip(session.nonce_i),
                1 => other.session.nonce_r = flip(session.nonce_r),
                2 => other.session.node_i = NodeId::from_bytes(flip(*session.node_i.as_bytes())),
                3 => other.session.node_r = NodeId::from_bytes(flip(*session.node_r.as_bytes())),
                4 => other.root_i = UserId::from_bytes(flip(*honest.root_i.as_bytes())),
                5 => other.root_r = UserId::from_bytes(flip(*honest.root_r.as_bytes())),
                6 => other.seal_i = crypto::SealPublic::from_bytes(flip(*honest.seal_i.as_bytes())),
                _ => other.seal_r = crypto::SealPublic::from_bytes(flip(*honest.seal_r.as_bytes())),
            }
            other
        });
        for (which, other) in changed.iter().enumerate() {
            prop_assert_ne!(proof, keys::pair_mac(&key, Role::Initiator, other), "change {}", which);
            // The node keys and our own seal key are not in the pair key itself, nor is the top bit of theirs (RFC 7748
            // masks it): the proof covers them.
            let is_left_out = [2, 3, 6].contains(&which) || (which == 7 && at == 31);
            let another = check::agree(&secret, &seal_i, Role::Initiator, other).ok();
            prop_assert!(is_left_out || another != Some(at_i.clone()), "change {}", which);
        }
    }
}
