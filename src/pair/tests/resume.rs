//! Friends who lost each other's node keys, and those who pretend to be.

use super::*;
use crate::crypto::keys::{self, Role, SessionBinding};
use crate::limits::PAIR_STEP_TIMEOUT_MS;

/// Alice and Bob, friends; both have replaced their node keys since they met.
fn friends() -> (Person, Person) {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let key = PairKey::from_bytes([0x42; 32]);
    alice.friends.insert(bob.user(), key.clone());
    alice.friends.insert(UserId::from_bytes([9; 32]), PairKey::from_bytes([9; 32]));
    bob.friends.insert(alice.user(), key);
    alice.known.insert(bob.user(), KnownIdentity::new(bob.identity.clone()));
    bob.known.insert(alice.user(), KnownIdentity::new(alice.identity.clone()));
    alice.rotate_node();
    bob.rotate_node();
    (alice, bob)
}

/// Bob dials whatever node answers at Alice's last address.
fn look_for(bob: &mut Person, who: UserId, key: &PairKey, node: NodeId) -> (Resumption, Vec<u8>) {
    let mut entropy = bob.entropy.split();
    let (machine, outputs) = Resumption::new(who, key, &bob.us(), node, &mut entropy, NOW);
    (machine, only(bob.apply(outputs)))
}

fn begun(alice: &Person, bob: &mut Person) -> (Resumption, Vec<u8>) {
    let key = bob.friends[&alice.user()].clone();
    look_for(bob, alice.user(), &key, alice.node())
}

#[test]
fn two_friends_find_each_other_under_new_node_keys() {
    let (mut alice, mut bob) = friends();
    let (mut i, resume) = begun(&alice, &mut bob);
    let mut r = Responder::new(bob.node(), NOW);
    let known = only(alice.respond(&mut r, bob.node(), &resume));
    let records = only(bob.hear_resumption(&mut i, &known));
    assert_eq!(
        (alice.resumed.len(), bob.resumed.len()),
        (0, 0),
        "no record is taken before both have proven"
    );
    let answer = only(alice.respond(&mut r, bob.node(), &records));
    assert_eq!(alice.resumed, [(bob.user(), bob.node())]);
    assert_eq!(bob.hear_resumption(&mut i, &answer), Vec::<Vec<u8>>::new());
    assert_eq!(bob.resumed, [(alice.user(), alice.node())]);
    assert_eq!((i.who(), i.is_over(), r.is_over()), (alice.user(), true, true));
    assert_eq!((alice.closed, bob.closed, alice.faults.len() + bob.faults.len()), (1, 1, 0));
}

#[test]
fn a_pending_pair_resumes_like_a_friendship() {
    let (mut alice, _, mut bob, _) = paired(None);
    alice.rotate_node();
    bob.rotate_node();
    let key = bob.pending[&alice.user()].pair_key().clone();
    let (mut i, resume) = look_for(&mut bob, alice.user(), &key, alice.node());
    let mut r = Responder::new(bob.node(), NOW);
    let known = only(alice.respond(&mut r, bob.node(), &resume));
    let records = only(bob.hear_resumption(&mut i, &known));
    only(alice.respond(&mut r, bob.node(), &records));
    assert_eq!(alice.resumed, [(bob.user(), bob.node())]);
}

#[test]
fn resume_is_met_with_silence_unless_it_is_open_and_a_key_fits() {
    let (mut alice, mut bob) = friends();
    let (_, resume) = begun(&alice, &mut bob);
    alice.is_resume_open = false;
    let mut r = Responder::new(bob.node(), NOW);
    assert_eq!(alice.outputs(&mut r, bob.node(), &resume, NOW), [Output::Close]);
    assert!(r.is_over());
    alice.is_resume_open = true;
    let (_, stranger) = look_for(&mut bob, alice.user(), &PairKey::from_bytes([1; 32]), alice.node());
    let mut r = Responder::new(bob.node(), NOW);
    assert_eq!(alice.outputs(&mut r, bob.node(), &stranger, NOW), [Output::Close]);
}

#[test]
fn a_first_proof_is_of_no_use_to_another_node_or_at_another_node() {
    let (mut alice, mut bob) = friends();
    let (_, resume) = begun(&alice, &mut bob);
    let mallory = Person::new("Mallory", 3);
    let mut r = Responder::new(mallory.node(), NOW);
    assert_eq!(
        alice.outputs(&mut r, mallory.node(), &resume, NOW),
        [Output::Close],
        "replayed from his node"
    );
    let (_, resume) = {
        let key = bob.friends[&alice.user()].clone();
        look_for(&mut bob, alice.user(), &key, mallory.node())
    };
    let mut r = Responder::new(bob.node(), NOW);
    assert_eq!(alice.outputs(&mut r, bob.node(), &resume, NOW), [Output::Close], "made for Mallory's node");
}

#[test]
fn the_same_first_proof_gets_a_fresh_nonce_each_time() {
    let (mut alice, mut bob) = friends();
    let (_, resume) = begun(&alice, &mut bob);
    let answers: Vec<_> = (0..2)
        .map(|_| {
            let mut r = Responder::new(bob.node(), NOW);
            let Frame::Known { nonce, mac } = frame(&only(alice.respond(&mut r, bob.node(), &resume))) else {
                panic!("Known")
            };
            (nonce, mac)
        })
        .collect();
    assert_ne!(answers[0].0, answers[1].0);
    assert_ne!(answers[0].1, answers[1].1);
}

#[test]
fn the_second_proof_must_be_the_responders_own_and_of_this_session() {
    let (mut alice, mut bob) = friends();
    let key = keys::resume_key(&bob.friends[&alice.user()]);
    let (i, resume) = begun(&alice, &mut bob);
    let Frame::Resume { nonce, mac } = frame(&resume) else { panic!("Resume") };
    let session =
        SessionBinding { nonce_i: nonce, nonce_r: [0; 32], node_i: bob.node(), node_r: alice.node() };
    let proof = |role, session: &SessionBinding| keys::resume_mac(&key, role, session);
    assert_eq!(mac, proof(Role::Initiator, &session));
    let session = SessionBinding { nonce_r: [5; 32], ..session };
    let known = |mac| Frame::Known { nonce: [5; 32], mac };
    let wrong = [
        Frame::Known { nonce: [0; 32], mac }, // his own, reflected
        known(proof(Role::Initiator, &session)),
        known(proof(Role::Responder, &SessionBinding { nonce_i: [1; 32], ..session })),
        known(proof(Role::Responder, &SessionBinding { nonce_r: [6; 32], ..session })),
        known(proof(Role::Responder, &SessionBinding { node_r: bob.node(), ..session })),
        known(proof(Role::Responder, &SessionBinding { node_i: alice.node(), ..session })),
    ];
    drop(i);
    for (at, wrong) in wrong.iter().enumerate() {
        let mut entropy = Entropy::from_number(50);
        let start = |entropy: &mut Entropy| {
            let pair = bob.friends[&alice.user()].clone();
            Resumption::new(alice.user(), &pair, &bob.us(), alice.node(), entropy, NOW)
        };
        let (mut i, _) = start(&mut entropy);
        let outputs = i.on_frame(&wrong.encode(), &bob.us(), &|_| None, NOW);
        assert_eq!(outputs, [Output::Fault(Fault::WrongProof), Output::Close], "{at}");
    }
    // One genuine answer, replayed to a later attempt.
    let mut r = Responder::new(bob.node(), NOW);
    let genuine = only(alice.respond(&mut r, bob.node(), &resume));
    let (mut later, _) = begun(&alice, &mut bob);
    assert_eq!(bob.hear_resumption(&mut later, &genuine), Vec::<Vec<u8>>::new());
    assert_eq!(bob.faults, [Fault::WrongProof]);
}

#[test]
fn records_are_shown_only_to_a_live_device_of_the_right_person_at_this_node() {
    let (_, template) = friends();
    let mallory = Person::new("Mallory", 3);
    let old = {
        let mut device = template.keyring.clone();
        device.rotate_node_key(&mut Entropy::from_number(77), NOW.day());
        record_of(&device, 9)
    };
    let cases = [
        (mallory.records(), Fault::OtherRoot),
        (Records { device: (*old).clone(), ..template.records() }, Fault::OtherNode),
        (Records { device: (*mallory.device).clone(), ..template.records() }, Fault::OtherRoot),
    ];
    for (records, fault) in cases {
        let (mut alice, mut bob) = friends();
        let (_, resume) = begun(&alice, &mut bob);
        let mut r = Responder::new(bob.node(), NOW);
        only(alice.respond(&mut r, bob.node(), &resume));
        let outputs = alice.outputs(&mut r, bob.node(), &Frame::Records(records.clone()).encode(), NOW);
        assert_eq!(outputs, [Output::Fault(fault.clone()), Output::Close]);

        // The other way round: Alice's place is taken by somebody who shows these.
        let (mut i, resume) = begun(&alice, &mut bob);
        let mut r = Responder::new(bob.node(), NOW);
        let known = only(alice.respond(&mut r, bob.node(), &resume));
        only(bob.hear_resumption(&mut i, &known));
        bob.hear_resumption(&mut i, &Frame::Records(records).encode());
        assert_eq!(bob.faults, [Fault::OtherRoot], "none of these is Alice");
        assert!(bob.resumed.is_empty() && i.is_over());
    }
}

#[test]
fn a_revoked_device_does_not_resume() {
    let (mut alice, mut bob) = friends();
    let revoking = IdentityRecord::sign(&keys::root_key(bob.words.seed()), bob.identity.seq() + 1, []);
    alice.known.get_mut(&bob.user()).expect("a friend").take(revoking.expect("no device"));
    let (_, resume) = begun(&alice, &mut bob);
    let mut r = Responder::new(bob.node(), NOW);
    only(alice.respond(&mut r, bob.node(), &resume));
    let outputs = alice.outputs(&mut r, bob.node(), &Frame::Records(bob.records()).encode(), NOW);
    assert_eq!(outputs, [Output::Fault(Fault::NotLive), Output::Close]);
}

#[test]
fn a_resumption_that_gets_no_further_is_given_up() {
    let (alice, mut bob) = friends();
    let (mut i, _) = begun(&alice, &mut bob);
    assert_eq!(i.deadline(), Some(NOW.plus_ms(PAIR_STEP_TIMEOUT_MS)));
    bob.hear_resumption(&mut i, &Frame::Seen.encode());
    assert_eq!(
        (i.deadline(), bob.faults.as_slice()),
        (None, [Fault::OutOfOrder { frame: "Seen" }].as_slice())
    );
    assert_eq!(bob.hear_resumption(&mut i, &Frame::Seen.encode()), Vec::<Vec<u8>>::new());
    assert_eq!(bob.faults.len(), 1, "over is over");
}
