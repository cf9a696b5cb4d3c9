//! What happens between people who play by the rules.

use super::*;
use crate::crypto::keys::Role;
use crate::limits::{
    INVITE_FAILURE_LIMIT, INVITE_LIFE_LIMIT_MS, INVITE_OPEN_LIMIT, PAIR_STEP_TIMEOUT_MS, PENDING_PAIR_DAYS,
    PENDING_PAIR_LIMIT, STORE_VALUE_LIMIT,
};
use crate::time::DAY_MS;

#[test]
fn two_people_pair_and_become_friends_once_both_said_yes() {
    let (mut alice, mut r, mut bob, mut i) = paired(Some(true));
    let (at_alice, at_bob) = (alice.pending[&bob.user()].clone(), bob.pending[&alice.user()].clone());
    assert_eq!(at_alice.pair_key(), at_bob.pair_key());
    assert_eq!((at_alice.safety(), at_alice.safety_words()), (at_bob.safety(), at_bob.safety_words()));
    assert_eq!((at_alice.role(), at_bob.role()), (Role::Responder, Role::Initiator));
    assert_eq!((at_alice.their_name(), at_alice.expected()), ("Bob", Some("Robert")));
    assert_eq!((at_bob.their_name(), at_bob.expected()), ("Alice", Some("Ali")));
    assert_eq!((at_alice.node(), at_alice.device_id()), (bob.node(), bob.keyring.device_id()));
    assert_eq!((at_alice.mine(), at_alice.theirs()), (None, Some(true)), "Bob's yes came with the invite");
    assert_eq!((at_bob.mine(), at_bob.theirs(), at_bob.is_mine_seen()), (Some(true), None, true));
    assert!(alice.friends.is_empty() && bob.friends.is_empty());
    assert_eq!(alice.burnt, [at_bob.invite()]);
    assert!(!alice.invites.is_any_live(NOW));

    alice.answer(bob.user(), true);
    let decision = only(alice.apply(r.decide(true)));
    let seen = only(bob.hear(&mut i, &decision));
    assert_eq!(alice.respond(&mut r, bob.node(), &seen), Vec::<Vec<u8>>::new());
    assert_eq!(alice.friends[&bob.user()], bob.friends[&alice.user()]);
    assert_eq!((alice.closed, bob.closed), (1, 1));
    assert!(i.is_over() && r.is_over());
    assert!(alice.pending.is_empty() && bob.pending.is_empty());
}

#[test]
fn an_invite_with_the_yes_given_beforehand_makes_friends_in_one_go() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(true);
    let (mut i, hello) = bob.redeem(&invite, Some(true));
    let mut r = Responder::new(bob.node(), NOW);
    talk((&mut bob, &mut i), (&mut alice, &mut r), vec![hello]);
    assert_eq!(alice.friends[&bob.user()], bob.friends[&alice.user()]);
    assert!(i.is_over() && r.is_over());
}

#[test]
fn nothing_that_follows_from_a_change_comes_before_it() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(true);
    let (mut i, hello) = bob.redeem(&invite, Some(true));
    let mut r = Responder::new(bob.node(), NOW);
    let reply = only(alice.respond(&mut r, bob.node(), &hello));
    let open = only(bob.hear(&mut i, &reply));
    let outputs = alice.outputs(&mut r, bob.node(), &open, NOW);
    let [Output::Commit { change: Change::Paired { pending, burns }, then }] = outputs.as_slice() else {
        panic!("the burnt invite and the pair are kept before anything is said: {outputs:?}");
    };
    assert_eq!((*burns, pending.invite(), pending.mine()), (Some(invite.id()), invite.id(), Some(true)));
    let [Output::Send(confirm), Output::Send(decision)] = then.as_slice() else {
        panic!("{then:?}");
    };
    assert_eq!((frame(confirm).name(), frame(decision)), ("Confirm", Frame::Decision { yes: true }));

    let outputs = i.on_frame(confirm, &|_| None, NOW);
    let [Output::Commit { change: Change::Paired { pending, burns: None }, then }] = outputs.as_slice()
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(pending.mine(), Some(true));
    assert_eq!(then, &[Output::send(&Frame::Decision { yes: true })]);
    let outputs = i.on_frame(decision, &|_| None, NOW);
    let their = alice.user();
    let theirs = Output::Commit {
        change: Change::Theirs { their, yes: true },
        then: vec![Output::send(&Frame::Seen)],
    };
    assert_eq!(outputs, [theirs]);
    let seen = Output::Commit { change: Change::MineSeen { their }, then: vec![Output::Close] };
    assert_eq!(i.on_frame(&Frame::Seen.encode(), &|_| None, NOW), [seen]);
}

#[test]
fn the_answer_can_come_days_later_from_either_side() {
    for alice_dials in [true, false] {
        let (mut alice, _, mut bob, _) = paired(None);
        alice.answer(bob.user(), true);
        bob.answer(alice.user(), true);
        let (dialler, listener) = if alice_dials { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
        let pending = dialler.pending[&listener.user()].clone();
        assert_eq!(pending.node(), listener.node());
        let (mut i, outputs) = Initiator::settle(&pending, NOW.plus_ms(DAY_MS));
        assert_eq!((i.deadline(), outputs.len()), (None, 1));
        let frames = dialler.apply(outputs);
        let mut r = Responder::new(dialler.node(), NOW);
        talk((dialler, &mut i), (listener, &mut r), frames);
        assert!(i.is_over() && r.is_over());
        assert_eq!(alice.friends[&bob.user()], bob.friends[&alice.user()]);
    }
}

#[test]
fn a_human_who_answers_before_the_pair_stands_is_heard_once_it_does() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(true);
    let (mut i, hello) = bob.redeem(&invite, None);
    assert_eq!(i.decide(true), []);
    assert!(i.is_unanswered());
    let mut r = Responder::new(bob.node(), NOW);
    talk((&mut bob, &mut i), (&mut alice, &mut r), vec![hello]);
    assert_eq!(bob.friends.len(), 1);
    assert!(!i.is_unanswered());
    assert_eq!(r.decide(false), [], "too late");
}

#[test]
fn a_decision_is_repeated_until_it_is_seen() {
    let (mut alice, mut r, mut bob, _) = paired(None);
    alice.answer(bob.user(), true);
    let lost = only(alice.apply(r.decide(true)));
    assert_eq!(frame(&lost), Frame::Decision { yes: true });
    // Bob gets it, and his Seen is lost with the connection.
    let (mut i, nothing) = Initiator::settle(&bob.pending[&alice.user()], NOW);
    assert_eq!(nothing, []);
    only(bob.hear(&mut i, &lost));
    // She says it again; he has it already and need not keep it again.
    let (mut again, outputs) = Initiator::settle(&alice.pending[&bob.user()], NOW);
    let decision = only(alice.apply(outputs));
    let mut r = Responder::new(alice.node(), NOW);
    assert_eq!(bob.outputs(&mut r, alice.node(), &decision, NOW), [Output::send(&Frame::Seen)]);
    let after = again.on_frame(&Frame::Seen.encode(), &|_| None, NOW);
    let their = bob.user();
    assert_eq!(after, [Output::Commit { change: Change::MineSeen { their }, then: Vec::new() }]);
    assert_eq!(again.on_frame(&Frame::Seen.encode(), &|_| None, NOW), [], "once is enough");
}

#[test]
fn a_friend_who_missed_our_yes_hears_it_again() {
    let (mut alice, _, mut bob, _) = paired(Some(true));
    // Alice said yes, and for her all is settled; Bob lost everything after his own yes.
    alice.answer(bob.user(), true);
    alice.known.insert(bob.user(), KnownIdentity::new(bob.identity.clone()));
    alice.pending.clear();
    let mut forgetful = bob.pending[&alice.user()].clone();
    forgetful.answers.mine_seen = false;
    bob.pending.insert(alice.user(), forgetful.clone());
    let (mut i, outputs) = Initiator::settle(&forgetful, NOW);
    let frames = bob.apply(outputs);
    let mut r = Responder::new(bob.node(), NOW);
    talk((&mut bob, &mut i), (&mut alice, &mut r), frames);
    assert!(bob.friends.contains_key(&alice.user()) && bob.pending.is_empty());
    assert!(i.is_over() && r.is_over());
}

#[test]
fn one_no_is_no() {
    let (mut alice, mut r, mut bob, mut i) = paired(Some(true));
    alice.answer(bob.user(), false);
    let decision = only(alice.apply(r.decide(false)));
    let seen = only(bob.hear(&mut i, &decision));
    alice.respond(&mut r, bob.node(), &seen);
    assert!(alice.friends.is_empty() && bob.friends.is_empty());
    assert!(alice.pending.is_empty() && bob.pending.is_empty());

    let (mut alice, mut r, bob, _) = paired(Some(false));
    let pending = &alice.pending.get(&bob.user());
    assert!(pending.is_none(), "after his no, nobody asks Alice");
    assert!(r.is_over() && alice.friends.is_empty());
    assert_eq!(alice.apply(r.decide(true)), Vec::<Vec<u8>>::new());
}

#[test]
fn an_answer_stands() {
    let (mut alice, mut r, bob, _) = paired(Some(true));
    let second = alice.outputs(&mut r, bob.node(), &Frame::Decision { yes: false }.encode(), NOW);
    assert_eq!(second, [Output::Fault(Fault::ChangedMind), Output::Close]);
    let pending = alice.pending.get_mut(&bob.user()).expect("pending");
    assert!(!pending.mark_theirs(false) && pending.theirs() == Some(true));
    assert!(pending.mark_mine(false) && !pending.mark_mine(true));
    assert!(pending.is_refused() && !pending.are_friends());
}

#[test]
fn an_invite_that_is_unknown_burnt_expired_or_closed_is_met_with_silence() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(false);
    let id = invite.id();
    let (_, hello) = bob.redeem(&invite, Some(true));
    let silent = |alice: &mut Person, now| {
        let mut r = Responder::new(bob.node(), NOW);
        let outputs = alice.outputs(&mut r, bob.node(), &hello, now);
        outputs == [Output::Close] && r.is_over()
    };
    assert!(!silent(&mut alice, NOW.plus_ms(HOUR - 1)), "its last moment");
    assert!(silent(&mut alice, NOW.plus_ms(HOUR)), "expired");
    for _ in 0..INVITE_FAILURE_LIMIT {
        assert!(!silent(&mut alice, NOW));
        alice.invites.mark_failed(&id);
    }
    assert!(silent(&mut alice, NOW), "closed by five failures");
    assert_eq!(alice.invites.burn(&id).map(|invite| invite.failures()), Some(INVITE_FAILURE_LIMIT));
    assert!(silent(&mut alice, NOW), "unknown");
    assert_eq!(alice.invites.mark_failed(&id), None);
    // It is not even looked at whose records they are.
    let (_, hello) = bob.redeem(&invite, Some(true));
    let mut r = Responder::new(alice.node(), NOW);
    assert_eq!(alice.outputs(&mut r, alice.node(), &hello, NOW), [Output::Close]);
}

#[test]
fn an_invite_that_expires_between_hello_and_open_is_over() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(false);
    let (mut i, hello) = bob.redeem(&invite, Some(true));
    let mut r = Responder::new(bob.node(), NOW);
    let reply = only(alice.respond(&mut r, bob.node(), &hello));
    let open = only(bob.hear(&mut i, &reply));
    assert_eq!(alice.outputs(&mut r, bob.node(), &open, NOW.plus_ms(HOUR)), [Output::Close]);
    assert_eq!(alice.paired, 0);
}

#[test]
fn pending_pairs_stop_at_their_limit() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(false);
    let (_, hello) = bob.redeem(&invite, Some(true));
    for (pending_count, is_answered) in [(PENDING_PAIR_LIMIT - 1, true), (PENDING_PAIR_LIMIT, false)] {
        let desk = Desk {
            us: &Us::new(&alice.identity, &alice.device, alice.keyring.seal(), "").expect("own records"),
            known: &|_| None,
            invites: &mut alice.invites,
            standing: Standing::Stranger,
            is_unwelcome: &|_| false,
            pending_count,
            is_resume_open: false,
            pair_keys: &mut std::iter::empty(),
            entropy: &mut alice.entropy,
        };
        let mut r = Responder::new(bob.node(), NOW);
        let outputs = r.on_frame(&hello, desk, NOW);
        assert_eq!(outputs != [Output::Close], is_answered, "{pending_count}");
        assert_eq!(r.is_over(), !is_answered);
    }
    assert!(alice.invites.is_any_live(NOW), "the invite is not lost by it");
}

#[test]
fn an_invite_lives_seven_days_at_most_and_sixty_four_are_open() {
    let mut entropy = Entropy::from_number(9);
    let mut make = |life| OpenInvite::new(&mut entropy, NOW, life, None, false);
    assert!(make(1).is_ok() && make(INVITE_LIFE_LIMIT_MS).is_ok());
    for actual_ms in [0, INVITE_LIFE_LIMIT_MS + 1] {
        assert_eq!(make(actual_ms), Err(InviteRefused::Life { limit_ms: INVITE_LIFE_LIMIT_MS, actual_ms }));
    }
    let mut book = Invites::new();
    for at in 0..INVITE_OPEN_LIMIT {
        let life = if at % 2 == 0 { 10 } else { 20 };
        assert!(book.add(make(life).expect("short")).is_ok());
    }
    let one_more = make(30).expect("short");
    assert_eq!(book.add(one_more.clone()), Err(InviteRefused::Full { limit: INVITE_OPEN_LIMIT }));
    assert_eq!(book.drop_dead(NOW.plus_ms(9)), []);
    assert_eq!(book.drop_dead(NOW.plus_ms(10)).len(), INVITE_OPEN_LIMIT / 2);
    assert!(book.add(one_more).is_ok());
    assert_eq!(book.iter().count(), INVITE_OPEN_LIMIT / 2 + 1);
}

#[test]
fn an_invite_is_not_even_tried_when_it_cannot_work() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(false);
    let attempt = |person: &Person, node, now| {
        let redeem = Redeem { invite: &invite, answer: None, name: None };
        Initiator::redeem(redeem, &person.us(), node, &mut Entropy::from_number(1), now).err()
    };
    assert_eq!(attempt(&bob, alice.node(), NOW), None);
    assert_eq!(attempt(&bob, alice.node(), NOW.plus_ms(HOUR)), Some(RedeemError::Expired));
    assert_eq!(attempt(&bob, bob.node(), NOW), Some(RedeemError::OtherNode));
    assert_eq!(attempt(&alice, alice.node(), NOW), Some(RedeemError::OwnInvite));
    bob.rotate_node();
    assert_eq!(attempt(&bob, alice.node(), NOW), None);
}

#[test]
fn our_own_records_must_belong_together_and_our_name_is_cut() {
    let (alice, bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let other = SealSecret::from_bytes([3; 32]);
    assert_eq!(Us::new(&alice.identity, &alice.device, &other, "").err(), Some(MismatchedRecords));
    assert!(Us::new(&alice.identity, &bob.device, bob.keyring.seal(), "").is_err());
    let name = |name: &str| {
        Us::new(&alice.identity, &alice.device, alice.keyring.seal(), name).expect("own records").name
    };
    assert_eq!(name(" Al\u{1b}[31m\nice\u{85} "), "Al[31mice");
    assert_eq!(name(&"é".repeat(32)), "é".repeat(32));
    assert_eq!(name(&"é".repeat(33)), "é".repeat(32), "64 bytes and no half letter");
    assert_eq!(name(&format!("a{}", "é".repeat(32))), format!("a{}", "é".repeat(31)));
}

#[test]
fn a_stream_that_gets_no_further_is_given_up_but_humans_may_think() {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(false);
    let (mut i, hello) = bob.redeem(&invite, Some(true));
    let mut r = Responder::new(bob.node(), NOW);
    assert_eq!(i.deadline(), Some(NOW.plus_ms(PAIR_STEP_TIMEOUT_MS)));
    assert_eq!(r.deadline(), Some(NOW.plus_ms(PAIR_STEP_TIMEOUT_MS)));
    let later = NOW.plus_ms(1000);
    alice.outputs(&mut r, bob.node(), &[1, 99], later);
    assert_eq!(r.deadline(), Some(NOW.plus_ms(PAIR_STEP_TIMEOUT_MS)), "an ignored frame is no step");
    let outputs = alice.outputs(&mut r, bob.node(), &hello, later);
    assert_eq!(r.deadline(), Some(later.plus_ms(PAIR_STEP_TIMEOUT_MS)));
    let frames = alice.apply(outputs).iter().flat_map(|frame| bob.hear(&mut i, frame)).collect();
    talk((&mut bob, &mut i), (&mut alice, &mut r), frames);
    assert_eq!((i.deadline(), r.deadline()), (None, None));
}

#[test]
fn a_pending_pair_survives_storage_and_ends_after_thirty_days() {
    let (mut alice, _, bob, _) = paired(Some(true));
    let pending = alice.pending.get_mut(&bob.user()).expect("pending");
    let stored = pending.encode_secret();
    assert!(stored.len() <= STORE_VALUE_LIMIT);
    assert_eq!(Pending::decode_secret(&stored).as_ref(), Ok(&*pending));
    for len in 0..stored.len() {
        assert!(Pending::decode_secret(&stored[..len]).is_err());
    }
    assert!(Pending::decode_secret(&[stored.as_slice(), &[0]].concat()).is_err());
    // Version, role, each answer, a record.
    for (at, byte) in [(0, 2), (1, b'X'), (90, 3), (91, 3), (92, 2), (200, 0)] {
        let mut altered = stored.to_vec();
        assert_ne!(altered[at], byte);
        altered[at] = byte;
        assert!(Pending::decode_secret(&altered).is_err(), "byte {at}");
    }
    let end = NOW.plus_ms(u64::from(PENDING_PAIR_DAYS) * DAY_MS);
    assert!(!pending.is_expired(end) && pending.is_expired(end.plus_ms(1)));
    pending.rename("Rob\n");
    assert_eq!(pending.expected(), Some("Rob"));
    // Records learnt later, of the same person only.
    assert!(!pending.mark_records(alice.identity.clone(), alice.device.clone()));
    let newer = record_of(&bob.keyring, 7);
    assert!(pending.mark_records(bob.identity.clone(), newer.clone()));
    assert_eq!(pending.device(), &newer);
}

#[test]
fn an_open_invite_survives_storage_and_prints_no_secret() {
    let mut entropy = Entropy::from_number(9);
    let mut invite = OpenInvite::new(&mut entropy, NOW, HOUR, Some("Robert"), true).expect("an hour");
    invite = {
        let mut book = Invites::new();
        let id = book.add(invite).expect("room");
        book.mark_failed(&id).expect("there").clone()
    };
    let stored = invite.encode_secret();
    let again = OpenInvite::decode_secret(&stored).expect("its own bytes");
    assert_eq!(again, invite);
    assert_eq!((again.created(), again.expires(), again.failures()), (NOW, NOW.plus_ms(HOUR), 1));
    assert_eq!((again.expected(), again.auto_confirm()), (Some("Robert"), true));
    for len in 0..stored.len() {
        assert!(OpenInvite::decode_secret(&stored[..len]).is_err());
    }
    assert!(OpenInvite::decode_secret(&[stored.as_slice(), &[0]].concat()).is_err());
    assert!(OpenInvite::decode_secret(&[&[2], &stored[1..]].concat()).is_err());

    let (mut alice, r, bob, i) = paired(None);
    let link = alice.invite(false);
    let shown =
        format!("{invite:?} {link:?} {:?} {i:?} {r:?} {:?} {:?}", alice.invites, alice.us(), alice.pending);
    let secrets = [
        invite.secret().expose_bytes(),
        link.secret.expose_bytes(),
        alice.pending[&bob.user()].pair_key().expose_bytes(),
        bob.pending[&alice.user()].pair_key().expose_bytes(),
        alice.keyring.seal().expose_bytes(),
    ];
    for secret in secrets {
        assert!(!shown.contains(&crate::id::hex(&secret[..4])));
        assert!(!shown.contains(&format!("{}, {}, {}, {}", secret[0], secret[1], secret[2], secret[3])));
    }
}
