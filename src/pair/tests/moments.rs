//! Strangers' ten on the wire, invites for one person, and people who are not welcome.

use super::*;
use crate::crypto::{ContentKey, InviteSecret, Signature, VerifyingKey};
use crate::entry::HEADER_LEN;
use crate::limits::{ENTRY_BODY_LIMIT, FRAME_LIMIT, STRANGER_MOMENT_LIMIT};

pub(super) fn shown(key: u8, body: &[u8]) -> ShownMoment {
    ShownMoment {
        epoch_pub: VerifyingKey::from_bytes([0x41; 32]),
        es_commit: [0x42; 32],
        claim: Signature::from_bytes([0x43; 64]),
        content_key: ContentKey::from_bytes([key; 32]),
        header: Box::new([0x45; HEADER_LEN]),
        body: body.to_vec(),
    }
}

fn moments(count: usize) -> Vec<u8> {
    Frame::Moments(vec![shown(1, b"body"); count]).encode()
}

#[test]
fn ten_moments_are_read_and_none_or_eleven_are_a_fault() {
    assert!(Frame::decode(&moments(1)).is_ok() && Frame::decode(&moments(STRANGER_MOMENT_LIMIT)).is_ok());
    assert!(Frame::decode(&moments(0)).is_err());
    assert!(Frame::decode(&moments(STRANGER_MOMENT_LIMIT + 1)).is_err());
    // More are named than there are.
    let mut short = moments(2);
    short[2] = 10;
    assert!(Frame::decode(&short).is_err());
}

#[test]
fn a_body_and_a_frame_have_their_limits() {
    let one = |len: usize| Frame::Moments(vec![shown(1, &vec![0; len])]).encode();
    assert!(Frame::decode(&one(ENTRY_BODY_LIMIT)).is_ok());
    assert!(Frame::decode(&one(ENTRY_BODY_LIMIT + 1)).is_err());
    let all = |last: usize| {
        let mut all = vec![shown(1, &vec![0; ENTRY_BODY_LIMIT - 1_000]); 4];
        let taken: usize = all.iter().map(ShownMoment::encoded_len).sum();
        assert!(taken + 3 < FRAME_LIMIT);
        let room = FRAME_LIMIT - 3 - taken - shown(1, b"").encoded_len();
        all.push(shown(1, &vec![0; room + last]));
        Frame::Moments(all).encode()
    };
    assert_eq!(all(0).len(), FRAME_LIMIT);
    assert!(Frame::decode(&all(0)).is_ok());
    assert!(Frame::decode(&all(1)).is_err(), "one byte above the longest frame");
}

#[test]
fn moments_count_only_once_the_proofs_are_through_and_only_once() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(false);
    // Before anything: nobody is pending.
    let mut fresh = Responder::new(bob.node(), NOW);
    assert!(alice.respond(&mut fresh, bob.node(), &moments(1)).is_empty());
    assert!(matches!(alice.faults.pop(), Some(Fault::OutOfOrder { frame: "Moments" })));
    // Between Hello and Open.
    let (_, hello) = bob.redeem(&invite, Some(true));
    let mut replied = Responder::new(bob.node(), NOW);
    alice.respond(&mut replied, bob.node(), &hello);
    assert!(alice.respond(&mut replied, bob.node(), &moments(1)).is_empty());
    assert!(matches!(alice.faults.pop(), Some(Fault::OutOfOrder { frame: "Moments" })));
    // And at the other side before Confirm.
    let (mut machine, _) = bob.redeem(&invite, Some(true));
    assert!(bob.hear(&mut machine, &moments(1)).is_empty());
    assert!(matches!(bob.faults.pop(), Some(Fault::OutOfOrder { frame: "Moments" })));
    assert!(alice.shown.is_empty() && bob.shown.is_empty());
    // While the pair waits for an answer: once on a stream.
    let (mut alice, mut responder, bob, _) = paired(Some(true));
    alice.respond(&mut responder, bob.node(), &moments(2));
    assert_eq!(alice.shown.len(), 1);
    assert_eq!(alice.shown[0].len(), 2);
    alice.respond(&mut responder, bob.node(), &moments(2));
    assert_eq!(alice.shown.len(), 1);
    assert!(matches!(alice.faults.pop(), Some(Fault::OutOfOrder { frame: "Moments" })));
    assert_eq!(alice.pending.len(), 1, "the pair stands");
}

#[test]
fn an_invite_for_one_person_opens_to_nobody_else_and_is_not_used_up_by_them() {
    let (mut alice, mut bob, mut carol) =
        (Person::new("Alice", 1), Person::new("Bob", 2), Person::new("Carol", 3));
    // Carol made the secret.
    let secret = InviteSecret::from_bytes([7; 32]);
    let open = OpenInvite::for_one(secret, bob.user(), NOW, NOW.plus_ms(HOUR));
    let invite = open.invite(alice.user(), alice.node(), Vec::new());
    let stored = open.encode_secret();
    assert_eq!(OpenInvite::decode_secret(&stored), Ok(open.clone()), "it is kept with whom it is for");
    let for_anybody = OpenInvite::decode_secret(&stored[..stored.len() - 32]).expect("as it was kept before");
    assert!(for_anybody.is_for(&carol.user()) && !open.is_for(&carol.user()));
    alice.invites.add(open).expect("room");
    let (_, hello) = carol.redeem(&invite, Some(true));
    let mut responder = Responder::new(carol.node(), NOW);
    assert!(alice.respond(&mut responder, carol.node(), &hello).is_empty());
    assert_eq!((alice.closed, alice.pending.len(), alice.faults.len()), (1, 0, 0));
    let (mut machine, hello) = bob.redeem(&invite, Some(true));
    let mut responder = Responder::new(bob.node(), NOW);
    talk((&mut bob, &mut machine), (&mut alice, &mut responder), vec![hello]);
    assert!(alice.friends.contains_key(&bob.user()) && bob.friends.contains_key(&alice.user()));
}
