//! What is said beneath a post: who can open it, and that it cannot be moved.

use super::*;
use crate::crypto::{ContentKey, Entropy, Gate, ThreadKey, keys, seal};
use crate::limits::{APP_UPDATE_CT_LIMIT, COMMENT_TEXT_LIMIT, INTERACTION_CT_LIMIT};
use crate::moment::interaction::{
    open_app_update, open_interaction, open_reply, seal_app_update, seal_interaction, seal_reply,
};

fn thread(number: u8) -> ThreadKey {
    keys::thread_key(&ContentKey::from_bytes([number; 32]))
}

fn gate(number: u8) -> Gate {
    keys::gate(&ContentKey::from_bytes([number; 32]))
}

fn slot() -> Slot {
    Slot { writer: UserId::from_bytes([9; 32]), epoch: EpochId::from_bytes([8; 16]), seq: 7 }
}

fn entropy() -> Entropy {
    Entropy::from_number(1)
}

fn comment(text: &str) -> Inner {
    Inner::Comment { text: text.to_owned() }
}

#[test]
fn likes_and_comments_open_for_holders_of_the_posts_key() {
    for inner in [Inner::Like, comment("nice"), comment(&"x".repeat(COMMENT_TEXT_LIMIT))] {
        let sealed = seal_interaction(&thread(1), &slot(), &inner, &mut entropy()).expect("fits");
        let content = content(Body::Interaction(sealed.clone()));
        assert_eq!(Content::decode(&content.encode().expect("fits")), Ok(content));
        assert!(sealed.matches(&thread(1), &slot().writer));
        assert_eq!(open_interaction(&thread(1), &slot(), &sealed), Ok(inner));
    }
}

/// The negative vectors of docs/protocol.md 4.3, "Comment", and their neighbours.
#[test]
fn a_comment_that_was_moved_does_not_open() {
    let sealed = seal_interaction(&thread(1), &slot(), &comment("mine"), &mut entropy()).expect("fits");
    let here = slot();
    let other_writer = Slot { writer: UserId::from_bytes([1; 32]), ..here };
    let other_epoch = Slot { epoch: EpochId::from_bytes([1; 16]), ..here };
    let other_seq = Slot { seq: 8, ..here };
    let other_itag = SealedInteraction {
        itag: keys::itag(&thread(1), &other_writer.writer, &sealed.inonce),
        ..sealed.clone()
    };
    let other_nonce = SealedInteraction { inonce: Nonce::from_bytes([0; 24]), ..sealed.clone() };
    for (name, thread, slot, sealed, fault) in [
        ("under another post", thread(2), here, &sealed, InteractionFault::NoMatch),
        ("as another writer's", thread(1), other_writer, &sealed, InteractionFault::NoMatch),
        ("in another epoch", thread(1), other_epoch, &sealed, InteractionFault::Seal),
        ("at another number", thread(1), other_seq, &sealed, InteractionFault::Seal),
        ("with another writer's itag", thread(1), here, &other_itag, InteractionFault::NoMatch),
        ("with another nonce", thread(1), here, &other_nonce, InteractionFault::NoMatch),
        (
            "with another writer's itag, as that writer's",
            thread(1),
            other_writer,
            &other_itag,
            InteractionFault::Seal,
        ),
    ] {
        assert_eq!(open_interaction(&thread, &slot, sealed), Err(fault), "{name}");
    }
    for at in 0..sealed.ct.len() {
        let mut altered = sealed.clone();
        altered.ct[at] ^= 1;
        assert_eq!(open_interaction(&thread(1), &here, &altered), Err(InteractionFault::Seal));
    }
}

#[test]
fn a_reply_opens_for_who_holds_the_targets_gate_as_well() {
    let target = EntryId::from_bytes([5; 32]);
    let sealed = seal_reply(&thread(1), &slot(), &target, &gate(2), "yes", &mut entropy()).expect("fits");
    let Ok(Inner::Reply(reply)) = open_interaction(&thread(1), &slot(), &sealed) else { panic!("a reply") };
    assert_eq!(reply.target, target);
    assert_eq!(open_reply(&thread(1), &slot(), &sealed, &reply, &gate(2)).as_deref(), Ok("yes"));
    let shut = Err(InteractionFault::Seal);
    assert_eq!(open_reply(&thread(1), &slot(), &sealed, &reply, &gate(3)), shut, "another gate");
    assert_eq!(open_reply(&thread(2), &slot(), &sealed, &reply, &gate(2)), shut, "another post");
    let moved = Slot { seq: 8, ..slot() };
    assert_eq!(open_reply(&thread(1), &moved, &sealed, &reply, &gate(2)), shut, "another number");
    let elsewhere = Reply { target: EntryId::from_bytes([6; 32]), ..reply };
    assert_eq!(open_reply(&thread(1), &slot(), &sealed, &elsewhere, &gate(2)), shut, "another target");
}

#[test]
fn texts_hold_their_limits_and_are_not_empty() {
    let at = "x".repeat(COMMENT_TEXT_LIMIT);
    let above = "x".repeat(COMMENT_TEXT_LIMIT + 1);
    let too_much =
        WriteError::TooMuch { what: "comment", limit: COMMENT_TEXT_LIMIT, actual: COMMENT_TEXT_LIMIT + 1 };
    assert_eq!(comment(&above).encode(), Err(too_much.clone()));
    assert!(comment("").encode().is_err());
    let target = EntryId::from_bytes([5; 32]);
    let reply = |text: &str| seal_reply(&thread(1), &slot(), &target, &gate(2), text, &mut entropy());
    let longest = reply(&at).expect("at the limit");
    assert_eq!(longest.ct.len(), INTERACTION_CT_LIMIT);
    let bytes = content(Body::Interaction(longest)).encode().expect("fits");
    assert!(Content::decode(&bytes).is_ok());
    assert_eq!(reply(&above), Err(too_much));
    assert!(reply("").is_err());
    assert!(Inner::decode(&[&[3], above.as_bytes()].concat()).is_err());
}

#[test]
fn inner_bytes_that_are_no_interaction_are_refused() {
    for (name, bytes) in [
        ("nothing", vec![]),
        ("a like with a byte too many", vec![1, 0]),
        ("the old unlike", vec![2]),
        ("a comment without text", vec![3]),
        ("a comment that is not UTF-8", vec![3, 0xff]),
        ("a reply without its seal", [vec![4], vec![0; 32 + 24]].concat()),
        ("a reply whose seal holds nothing", [vec![4], vec![0; 32 + 24 + 16]].concat()),
        ("a reply cut short", vec![4, 0, 0]),
        ("a reply too long", [vec![4], vec![0; 32 + 24 + COMMENT_TEXT_LIMIT + 17]].concat()),
        ("a code of later", vec![5]),
    ] {
        assert!(Inner::decode(&bytes).is_err(), "{name}");
    }
    // A hostile writer can seal such bytes all the same: they open to nothing.
    let key = keys::ikey(&thread(1), &slot().writer, &Nonce::from_bytes([1; 24]));
    let aad = [[9; 32].as_slice(), &[8; 16], &7u64.to_be_bytes()].concat();
    let inonce = Nonce::from_bytes([1; 24]);
    let itag = keys::itag(&thread(1), &slot().writer, &inonce);
    let ct = seal(key.expose_bytes(), &inonce, &aad, &[2]);
    let sealed = SealedInteraction { itag, inonce, ct };
    let unknown = DecodeError::Unknown { what: "interaction", code: 2 };
    assert_eq!(open_interaction(&thread(1), &slot(), &sealed), Err(InteractionFault::Decode(unknown)));
}

#[test]
fn an_update_of_a_mini_program_is_sealed_like_a_comment() {
    let update = vec![1; APP_UPDATE_CT_LIMIT - 16];
    let sealed = seal_app_update(&thread(1), &slot(), &update, &mut entropy()).expect("at the limit");
    let bytes = content(Body::AppUpdate(sealed.clone())).encode().expect("fits");
    assert!(Content::decode(&bytes).is_ok());
    assert_eq!(open_app_update(&thread(1), &slot(), &sealed), Ok(update.clone()));
    assert_eq!(open_app_update(&thread(2), &slot(), &sealed), Err(InteractionFault::NoMatch));
    let longer = [update, vec![1]].concat();
    assert!(seal_app_update(&thread(1), &slot(), &longer, &mut entropy()).is_err());
    assert!(seal_app_update(&thread(1), &slot(), &[], &mut entropy()).is_err());
}

#[test]
fn two_likes_of_one_writer_look_alike_to_nobody() {
    let mut entropy = entropy();
    let [a, b] =
        [(), ()].map(|()| seal_interaction(&thread(1), &slot(), &Inner::Like, &mut entropy).expect("fits"));
    assert_ne!(a.itag, b.itag);
    assert_ne!(a.ct, b.ct);
}
