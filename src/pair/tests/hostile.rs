//! Everything that must not work, one thing at a time, and then anything at all.

use proptest::prelude::*;

use super::*;
use crate::crypto::keys::{self, PairTranscript, Role, SessionBinding};
use crate::crypto::{Domain, SealPublic, SigningKey};
use crate::identity::{DeviceDraft, DeviceKind, ListedDevice};
use crate::limits::{INVITE_FAILURE_LIMIT, PAIR_FRAME_COUNT_LIMIT};

fn root_of(person: &Person) -> SigningKey {
    keys::root_key(person.words.seed())
}

/// A record of the person's device with something else in it.
fn device_with(person: &Person, change: impl FnOnce(&mut DeviceDraft)) -> DeviceRecord {
    let mut draft = DeviceDraft {
        user: person.user(),
        seq: 9,
        node: person.node(),
        seal: person.keyring.seal().public(),
        flags: DeviceFlags::new(false, false),
        not_after: NOW.day(),
        addresses: Vec::new(),
        relays: Vec::new(),
    };
    change(&mut draft);
    (*DeviceRecord::sign(person.keyring.device_key(), draft)).clone()
}

fn identity_with(person: &Person, seq: u64, devices: Vec<ListedDevice>) -> IdentityRecord {
    (*IdentityRecord::sign(&root_of(person), seq, devices).expect("few devices")).clone()
}

/// The records that a side must not be taken for, and the fault each is.
fn bad_records(bob: &Person, mallory: &Person) -> Vec<(Records, Fault)> {
    let good = bob.records();
    let own = bob.identity.devices()[0];
    let seq = bob.identity.seq();
    let device = |device: DeviceRecord| Records { device, ..good.clone() };
    let identity = |identity: IdentityRecord| Records { identity, ..good.clone() };
    let forged_identity = {
        let mut bytes = bob.identity.as_bytes().to_vec();
        let len = bytes.len() - 64;
        let forged = root_of(mallory).sign(Domain::Identity, &bytes[..len]);
        bytes.truncate(len);
        bytes.extend_from_slice(forged.as_bytes());
        crate::wire::decode(&bytes).expect("well-formed")
    };
    let forged_device = {
        let mut bytes = bob.device.as_bytes().to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        crate::wire::decode(&bytes).expect("well-formed")
    };
    vec![
        (device(device_with(bob, |draft| draft.user = mallory.user())), Fault::OtherRoot),
        (device(device_with(bob, |draft| draft.node = mallory.node())), Fault::OtherNode),
        (identity(forged_identity), Fault::Unsigned),
        (device(forged_device), Fault::Unsigned),
        (identity(identity_with(bob, seq + 1, Vec::new())), Fault::NotLive),
        (identity(identity_with(bob, seq + 1, mallory.identity.devices().to_vec())), Fault::NotLive),
        (
            identity(identity_with(bob, seq + 1, vec![ListedDevice { kind: DeviceKind::BlindHome, ..own }])),
            Fault::NotLive,
        ),
        // Mallory adopts Bob's device: it does not name him.
        (identity(identity_with(mallory, 1, vec![own])), Fault::OtherRoot),
    ]
}

fn replace(bytes: &[u8], with: Records) -> Vec<u8> {
    match frame(bytes) {
        Frame::Hello { invite, nonce_hash, name, .. } => {
            Frame::Hello { invite, nonce_hash, records: with, name }
        }
        Frame::Reply { nonce, name, .. } => Frame::Reply { nonce, records: with, name },
        other => panic!("{other:?} carries no records"),
    }
    .encode()
}

/// Alice with an open invite, Bob with his Hello.
fn begun() -> (Person, Person, Invite, Initiator, Vec<u8>) {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(false);
    let (i, hello) = bob.redeem(&invite, Some(true));
    (alice, bob, invite, i, hello)
}

/// As far as Bob's Open, which Alice has not seen yet.
fn opened() -> (Person, Responder, Person, Initiator, Vec<u8>) {
    let (mut alice, mut bob, _, mut i, hello) = begun();
    let mut r = Responder::new(bob.node(), NOW);
    let reply = only(alice.respond(&mut r, bob.node(), &hello));
    let open = only(bob.hear(&mut i, &reply));
    (alice, r, bob, i, open)
}

fn failures(alice: &Person) -> Vec<u8> {
    alice.invites.iter().map(|(_, invite)| invite.failures()).collect()
}

#[test]
fn an_inviter_refuses_each_wrong_record_and_the_invite_does_not_suffer() {
    let (mut alice, bob, _, _, hello) = begun();
    let mallory = Person::new("Mallory", 3);
    for (at, (records, fault)) in bad_records(&bob, &mallory).into_iter().enumerate() {
        let mut r = Responder::new(bob.node(), NOW);
        let outputs = alice.outputs(&mut r, bob.node(), &replace(&hello, records), NOW);
        assert_eq!(outputs, [Output::Fault(fault), Output::Close], "case {at}");
        assert!(r.is_over());
    }
    let ourselves = replace(&hello, alice.records());
    let mut r = Responder::new(alice.node(), NOW);
    let outputs = alice.outputs(&mut r, alice.node(), &ourselves, NOW);
    assert_eq!(outputs, [Output::Fault(Fault::Ourselves), Output::Close]);
    assert_eq!(failures(&alice), [0]);
}

#[test]
fn whoever_redeems_refuses_each_wrong_record() {
    let mallory = Person::new("Mallory", 3);
    let cases = bad_records(&Person::new("Alice", 1), &mallory);
    for (at, (records, fault)) in cases.into_iter().enumerate() {
        let (mut alice, mut bob, _, mut i, hello) = begun();
        let mut r = Responder::new(bob.node(), NOW);
        let reply = only(alice.respond(&mut r, bob.node(), &hello));
        assert_eq!(bob.hear(&mut i, &replace(&reply, records)), Vec::<Vec<u8>>::new());
        assert_eq!((bob.faults, bob.closed, i.is_over()), (vec![fault], 1, true), "case {at}");
    }
    // A person in good order, and not the one of the invite.
    let (mut alice, mut bob, _, mut i, hello) = begun();
    let mut r = Responder::new(bob.node(), NOW);
    let reply = only(alice.respond(&mut r, bob.node(), &hello));
    bob.hear(&mut i, &replace(&reply, mallory.records()));
    assert_eq!(bob.faults, [Fault::OtherRoot]);
}

#[test]
fn a_device_that_is_known_to_be_revoked_cannot_pair_under_the_older_record() {
    let (mut alice, bob, _, _, hello) = begun();
    let newer = IdentityRecord::sign(&root_of(&bob), bob.identity.seq() + 1, []).expect("no device");
    alice.known.insert(bob.user(), KnownIdentity::new(newer));
    let mut r = Responder::new(bob.node(), NOW);
    let outputs = alice.outputs(&mut r, bob.node(), &hello, NOW);
    assert_eq!(outputs, [Output::Fault(Fault::NotLive), Output::Close]);

    // Not even when the root lists it again.
    let mut known = KnownIdentity::new(bob.identity.clone());
    known.take(IdentityRecord::sign(&root_of(&bob), bob.identity.seq() + 1, []).expect("no device"));
    alice.known.insert(bob.user(), known);
    let again = identity_with(&bob, bob.identity.seq() + 2, bob.identity.devices().to_vec());
    let hello_again = replace(&hello, Records { identity: again, ..bob.records() });
    let mut r = Responder::new(bob.node(), NOW);
    let outputs = alice.outputs(&mut r, bob.node(), &hello_again, NOW);
    assert_eq!(outputs, [Output::Fault(Fault::NotLive), Output::Close]);

    let twice = identity_with(&bob, bob.identity.seq(), Vec::new()).verify().expect("signed");
    alice.known.insert(bob.user(), KnownIdentity::new(twice));
    let mut r = Responder::new(bob.node(), NOW);
    let outputs = alice.outputs(&mut r, bob.node(), &hello, NOW);
    assert_eq!(outputs, [Output::Fault(Fault::RootUsedTwice), Output::Close]);
}

#[test]
fn five_wrong_proofs_close_an_invite_and_four_do_not() {
    for wrong in [INVITE_FAILURE_LIMIT - 1, INVITE_FAILURE_LIMIT] {
        let (mut alice, mut bob, invite, _, _) = begun();
        for count in 1..=wrong {
            let (mut i, hello) = bob.redeem(&invite, None);
            let mut r = Responder::new(bob.node(), NOW);
            let reply = only(alice.respond(&mut r, bob.node(), &hello));
            let Frame::Open { nonce, .. } = frame(&only(bob.hear(&mut i, &reply))) else { panic!("Open") };
            let outputs =
                alice.outputs(&mut r, bob.node(), &Frame::Open { nonce, mac: [0; 32] }.encode(), NOW);
            let [Output::Commit { change: Change::InviteFailed { invite }, then }, rest @ ..] =
                outputs.as_slice()
            else {
                panic!("a failure is kept: {outputs:?}");
            };
            assert_eq!((invite.failures(), then.len()), (count, 0));
            assert_eq!(rest, [Output::Fault(Fault::WrongProof), Output::Close]);
        }
        assert_eq!(failures(&alice), [wrong]);
        let (mut i, hello) = bob.redeem(&invite, None);
        let mut r = Responder::new(bob.node(), NOW);
        talk((&mut bob, &mut i), (&mut alice, &mut r), vec![hello]);
        assert_eq!(alice.paired == 1, wrong < INVITE_FAILURE_LIMIT);
    }
}

#[test]
fn a_nonce_that_was_not_committed_to_is_refused_and_counts_for_nothing() {
    let (mut alice, mut r, bob, _, open) = opened();
    let Frame::Open { mut nonce, mac } = frame(&open) else { panic!("Open") };
    nonce[0] ^= 1;
    let outputs = alice.outputs(&mut r, bob.node(), &Frame::Open { nonce, mac }.encode(), NOW);
    assert_eq!(outputs, [Output::Fault(Fault::WrongNonce), Output::Close]);
    assert_eq!(failures(&alice), [0]);
}

#[test]
fn the_proof_of_the_other_role_or_another_transcript_is_wrong() {
    let (alice, _, bob, _, open) = opened();
    let (invite, _) = alice.invites.iter().next().map(|(id, it)| (*id, it.clone())).expect("open");
    let Frame::Open { nonce, mac } = frame(&open) else { panic!("Open") };
    for (at, role) in [Role::Responder, Role::Initiator].into_iter().cycle().take(7).enumerate() {
        let (mut alice, mut r, bob, _, _) = opened();
        let Frame::Open { mac: genuine, .. } = frame(&opened().4) else { panic!("Open") };
        assert_eq!(genuine, mac, "the story repeats itself to the byte");
        // The nonce of the responder is the first thing it draws; read it off a twin.
        let nonce_r = {
            let (mut twin, bob, _, _, hello) = begun();
            let mut r = Responder::new(bob.node(), NOW);
            let Frame::Reply { nonce, .. } = frame(&only(twin.respond(&mut r, bob.node(), &hello))) else {
                panic!("Reply")
            };
            nonce
        };
        let mut transcript = PairTranscript {
            session: SessionBinding { nonce_i: nonce, nonce_r, node_i: bob.node(), node_r: alice.node() },
            root_i: bob.user(),
            root_r: alice.user(),
            seal_i: bob.keyring.seal().public(),
            seal_r: alice.keyring.seal().public(),
        };
        let key = keys::invite_key(alice.invites.find(&invite, NOW).expect("open").secret());
        assert_eq!(keys::pair_mac(&key, Role::Initiator, &transcript), mac);
        let role = match at {
            0 => role,
            _ => Role::Initiator,
        };
        match at {
            0 => {}
            1 => transcript.session.nonce_r = [0; 32],
            2 => transcript.session.node_i = alice.node(),
            3 => transcript.session.node_r = bob.node(),
            4 => transcript.root_i = alice.user(),
            5 => transcript.seal_i = alice.keyring.seal().public(),
            _ => transcript.seal_r = bob.keyring.seal().public(),
        }
        let wrong = Frame::Open { nonce, mac: keys::pair_mac(&key, role, &transcript) };
        alice.respond(&mut r, bob.node(), &wrong.encode());
        assert_eq!(
            (alice.faults.as_slice(), failures(&alice)),
            ([Fault::WrongProof].as_slice(), vec![1]),
            "case {at}"
        );
    }
    assert_eq!((alice.paired, bob.paired), (0, 0));
}

#[test]
fn a_proof_that_is_sent_back_confirms_nothing() {
    let (_, _, mut bob, mut i, open) = opened();
    let Frame::Open { mac, .. } = frame(&open) else { panic!("Open") };
    assert_eq!(bob.hear(&mut i, &Frame::Confirm { mac }.encode()), Vec::<Vec<u8>>::new());
    assert_eq!((bob.faults.as_slice(), bob.paired), ([Fault::WrongProof].as_slice(), 0));
}

#[test]
fn another_seal_key_of_the_same_device_spoils_the_proof() {
    // Mallory carries the frames and has got hold of another record that Bob's device once signed for this node.
    let (mut alice, mut bob, _, mut i, hello) = begun();
    let other = device_with(&bob, |draft| draft.seal = SealPublic::from_bytes([9; 32]));
    let records = Records { device: other, ..bob.records() };
    let mut r = Responder::new(bob.node(), NOW);
    let reply = only(alice.respond(&mut r, bob.node(), &replace(&hello, records)));
    let open = only(bob.hear(&mut i, &reply));
    alice.respond(&mut r, bob.node(), &open);
    assert_eq!((alice.faults.as_slice(), alice.paired), ([Fault::WrongProof].as_slice(), 0));
}

#[test]
fn a_seal_key_of_small_order_is_refused_by_both_sides() {
    let (mut alice, mut bob, invite, mut i, hello) = begun();
    let weak = |person: &Person| Records {
        device: device_with(person, |draft| draft.seal = SealPublic::from_bytes([0; 32])),
        ..person.records()
    };
    let mut r = Responder::new(bob.node(), NOW);
    let reply = only(alice.respond(&mut r, bob.node(), &hello));
    bob.hear(&mut i, &replace(&reply, weak(&alice)));
    assert_eq!(bob.faults, [Fault::WeakKey]);

    // Bob himself proves a weak key rightly.
    let (mut i, hello) = bob.redeem(&invite, None);
    let weak = weak(&bob);
    let mut r = Responder::new(bob.node(), NOW);
    let reply = only(alice.respond(&mut r, bob.node(), &replace(&hello, weak.clone())));
    let Frame::Reply { nonce: nonce_r, .. } = frame(&reply) else { panic!("Reply") };
    let Frame::Open { nonce, .. } = frame(&only(bob.hear(&mut i, &reply))) else { panic!("Open") };
    let transcript = PairTranscript {
        session: SessionBinding { nonce_i: nonce, nonce_r, node_i: bob.node(), node_r: alice.node() },
        root_i: bob.user(),
        root_r: alice.user(),
        seal_i: weak.device.seal(),
        seal_r: alice.keyring.seal().public(),
    };
    let mac = keys::pair_mac(&keys::invite_key(&invite.secret), Role::Initiator, &transcript);
    alice.respond(&mut r, bob.node(), &Frame::Open { nonce, mac }.encode());
    assert_eq!((alice.faults.as_slice(), alice.paired), ([Fault::WeakKey].as_slice(), 0));
}

#[test]
fn frames_of_one_session_are_of_no_use_in_another() {
    let (mut alice, mut bob, _, mut i, hello) = begun();
    let mut first = Responder::new(bob.node(), NOW);
    let reply = only(alice.respond(&mut first, bob.node(), &hello));
    let open = only(bob.hear(&mut i, &reply));
    // The same Hello again gets another nonce, under which the proof is wrong.
    let mut second = Responder::new(bob.node(), NOW);
    let other = only(alice.respond(&mut second, bob.node(), &hello));
    assert_ne!(other, reply);
    alice.respond(&mut second, bob.node(), &open);
    assert_eq!((alice.faults.as_slice(), alice.paired), ([Fault::WrongProof].as_slice(), 0));
    // From another node the records do not even fit.
    let mallory = Person::new("Mallory", 3);
    let mut third = Responder::new(mallory.node(), NOW);
    alice.respond(&mut third, mallory.node(), &hello);
    assert_eq!(alice.faults[1..], [Fault::OtherNode]);
    // The genuine one still works, and its invite is gone afterwards, for the replay of everything too.
    let confirm = only(alice.respond(&mut first, bob.node(), &open));
    only(bob.hear(&mut i, &confirm));
    assert_eq!((alice.paired, bob.paired), (1, 1));
    let mut last = Responder::new(bob.node(), NOW);
    assert_eq!(alice.outputs(&mut last, bob.node(), &hello, NOW), [Output::Close]);
}

#[test]
fn a_stranger_or_another_node_cannot_answer_for_a_pending_pair() {
    let (mut alice, _, bob, _) = paired(None);
    let decision = Frame::Decision { yes: true }.encode();
    let mallory = Person::new("Mallory", 3);
    let mut r = Responder::new(mallory.node(), NOW);
    assert_eq!(alice.outputs(&mut r, mallory.node(), &decision, NOW), [Output::Close]);
    // The service lays the wrong pair before the machine: it looks for itself.
    let us = Us::new(&alice.identity, &alice.device, alice.keyring.seal(), "").expect("own records");
    let desk = Desk {
        us: &us,
        known: &|_| None,
        invites: &mut alice.invites,
        standing: Standing::Pending(&alice.pending[&bob.user()]),
        is_unwelcome: &|_| false,
        pending_count: 1,
        is_resume_open: false,
        pair_keys: &mut std::iter::empty(),
        entropy: &mut alice.entropy,
    };
    assert_eq!(Responder::new(mallory.node(), NOW).on_frame(&decision, desk, NOW), [Output::Close]);
    assert_eq!(alice.pending[&bob.user()].theirs(), None);
}

#[test]
fn a_frame_in_the_wrong_place_ends_the_stream() {
    let (alice, bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let all = every_frame(&alice, &bob);
    let fault = |name| [Output::Fault(Fault::OutOfOrder { frame: name }), Output::Close];
    for sent in &all {
        let (bytes, name) = (sent.encode(), sent.name());
        let (mut alice, bob, ..) = begun();
        let mut r = Responder::new(bob.node(), NOW);
        if !["Hello", "Decision", "Resume"].contains(&name) {
            assert_eq!(alice.outputs(&mut r, bob.node(), &bytes, NOW), fault(name), "first {name}");
        }
        let (mut alice, mut r, bob, mut i, _) = opened();
        if name != "Open" {
            assert_eq!(alice.outputs(&mut r, bob.node(), &bytes, NOW), fault(name), "{name} for Open");
        }
        if name != "Confirm" {
            assert_eq!(i.on_frame(&bytes, &|_| None, NOW), fault(name), "{name} for Confirm");
        }
        let (.., mut i, _) = begun();
        if name != "Reply" {
            assert_eq!(i.on_frame(&bytes, &|_| None, NOW), fault(name), "{name} for Reply");
        }
        let (mut alice, mut r, bob, mut i) = paired(None);
        if name != "Decision" {
            assert_eq!(alice.outputs(&mut r, bob.node(), &bytes, NOW), fault(name), "{name} at the end");
            assert_eq!(i.on_frame(&bytes, &|_| None, NOW), fault(name), "{name} at the end");
            assert!(i.is_over() && r.is_over());
            assert_eq!(i.on_frame(&bytes, &|_| None, NOW), []);
            assert_eq!(alice.outputs(&mut r, bob.node(), &bytes, NOW), []);
        }
    }
}

#[test]
fn sixty_four_frames_are_taken_on_a_stream_and_one_more_is_a_fault() {
    let (mut alice, _, bob, i) = paired(None);
    let mut r = Responder::new(bob.node(), NOW);
    for _ in 0..PAIR_FRAME_COUNT_LIMIT {
        assert_eq!(alice.outputs(&mut r, bob.node(), &[1, 200], NOW), []);
    }
    let flood = [Output::Fault(Fault::Flood), Output::Close];
    assert_eq!(alice.outputs(&mut r, bob.node(), &[1, 200], NOW), flood);
    let mut i = i;
    let taken = (0..200).take_while(|_| i.on_frame(&[1, 200], &|_| None, NOW).is_empty()).count();
    assert!(taken < usize::try_from(PAIR_FRAME_COUNT_LIMIT).expect("small"));
}

fn every_frame(alice: &Person, bob: &Person) -> Vec<Frame> {
    let invite = InviteId::from_bytes([0; 16]);
    vec![
        Frame::Hello { invite, nonce_hash: [0; 32], records: bob.records(), name: String::new() },
        Frame::Reply { nonce: [0; 32], records: alice.records(), name: String::new() },
        Frame::Open { nonce: [0; 32], mac: [0; 32] },
        Frame::Confirm { mac: [0; 32] },
        Frame::Decision { yes: true },
        Frame::Decision { yes: false },
        Frame::Seen,
        Frame::Resume { nonce: [0; 32], mac: [0; 16] },
        Frame::Known { nonce: [0; 32], mac: [0; 16] },
        Frame::Records(bob.records()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// I21: whoever races for an invite, in whatever order frames arrive, it burns once.
    #[test]
    fn an_invite_burns_once_however_sessions_interleave(order in prop::collection::vec(0..4usize, 0..24)) {
        let mut alice = Person::new("Alice", 1);
        let invite = alice.invite(false);
        let mut sessions: Vec<_> = (0..4u64)
            .map(|number| {
                // Two of them are Bob's, on two connections of one node.
                let mut bob = Person::new("Bob", 2 + number / 2);
                bob.entropy = Entropy::from_number(100 + number);
                let (i, hello) = bob.redeem(&invite, Some(true));
                let r = Responder::new(bob.node(), NOW);
                (bob, i, r, vec![hello])
            })
            .collect();
        for at in order.into_iter().chain((0..4).flat_map(|at| [at; 6])) {
            let (bob, i, r, to_r) = &mut sessions[at];
            let to_i: Vec<_> = std::mem::take(to_r).iter().flat_map(|frame| alice.respond(r, bob.node(), frame)).collect();
            *to_r = to_i.iter().flat_map(|frame| bob.hear(i, frame)).collect();
        }
        prop_assert_eq!(&alice.burnt, &[invite.id()]);
        prop_assert_eq!((alice.paired, alice.pending.len(), alice.faults.len()), (1, 1, 0));
        prop_assert_eq!(sessions.iter().map(|(bob, ..)| bob.paired).sum::<usize>(), 1);
    }

    /// Any frames in any order, and bytes that are none: no panic, an end that is an end, and never more than one
    /// answer of a frame or two to each.
    #[test]
    fn whatever_comes_no_machine_panics_or_grows(
        script in prop::collection::vec((0..16usize, any::<u8>(), prop::collection::vec(any::<u8>(), 0..80), 0..700usize), 0..40),
        stage in 0..4u8,
    ) {
        let (mut alice, mut r, mut bob, mut i) = match stage {
            0 => {
                let (alice, bob, _, i, _) = begun();
                let r = Responder::new(bob.node(), NOW);
                (alice, r, bob, i)
            }
            1 => {
                let (alice, r, bob, i, _) = opened();
                (alice, r, bob, i)
            }
            stage => paired(Some(true)).rearranged(stage == 2),
        };
        let key = PairKey::from_bytes([7; 32]);
        let (mut z, _) = Resumption::new(alice.user(), &key, &bob.us(), alice.node(), &mut Entropy::from_number(5), NOW);
        let mut pool = every_frame(&alice, &bob);
        pool.push(frame(&begun().4));
        pool.push(frame(&opened().4));
        for (which, byte, noise, at) in script {
            let mut bytes = pool.get(which).map_or(noise, Encode::encode);
            if which % 3 == 0 && !bytes.is_empty() {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let ended = (i.is_over(), r.is_over(), z.is_over());
            let at_r = alice.outputs(&mut r, bob.node(), &bytes, NOW);
            let at_i = i.on_frame(&bytes, &|user| bob.known.get(user).cloned(), NOW);
            let at_z = z.on_frame(&bytes, &bob.us(), &|_| None, NOW);
            for (outputs, was_over, is_over) in
                [(&at_r, ended.1, r.is_over()), (&at_i, ended.0, i.is_over()), (&at_z, ended.2, z.is_over())]
            {
                prop_assert!(outputs.len() <= 3);
                prop_assert!(!was_over || outputs.is_empty());
                let says_so = outputs.contains(&Output::Close) || outputs.iter().any(|output| {
                    matches!(output, Output::Commit { then, .. } if then.contains(&Output::Close))
                });
                prop_assert_eq!(says_so, is_over && !was_over, "a machine that ends says so, once");
            }
            alice.apply(at_r);
            bob.apply(at_i);
        }
        prop_assert!(alice.paired <= 1 && bob.paired <= 1);
    }
}

trait Rearranged {
    fn rearranged(self, said: bool) -> (Person, Responder, Person, Initiator);
}

impl Rearranged for (Person, Responder, Person, Initiator) {
    /// Alice has said yes, or not.
    fn rearranged(mut self, said: bool) -> Self {
        if said {
            self.0.answer(self.2.user(), true);
            let outputs = self.1.decide(true);
            self.0.apply(outputs);
        }
        self
    }
}
