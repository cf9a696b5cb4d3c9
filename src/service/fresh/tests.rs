use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::ask::{AudienceWords, PostDraft};
use crate::audience::{List, Op, Verb};
use crate::crypto::PairKey;
use crate::id::EntryId;
use crate::limits::EPOCH_AGE_DAYS;
use crate::service::testing::{BEGIN, Rig};
use crate::service::{CommitError, Output};
use crate::store::Memory;
use crate::time::DAY_MS;

/// Somebody with so many friends, who have their pair keys and nothing else.
fn circle(names: &[&str]) -> (Rig, Vec<UserId>) {
    circle_on(Rig::new(), names)
}

fn circle_on(mut rig: Rig, names: &[&str]) -> (Rig, Vec<UserId>) {
    let users: Vec<UserId> = names.iter().map(|name| rig.befriend(name).user).collect();
    for (user, n) in users.iter().zip(1..) {
        let friend = rig.service.state.friends.get_mut(user).expect("a friend");
        friend.pair_key = PairKey::from_bytes([n; 32]);
        rig.service.save_friend(user);
        rig.service.change_people(Op { list: List::Friends, user: *user, verb: Verb::Add });
    }
    rig.commit();
    (rig, users)
}

fn draft(text: &str) -> PostDraft {
    PostDraft { text: text.to_owned(), ..PostDraft::default() }
}

fn epoch_of(rig: &Rig, id: &EntryId) -> EpochId {
    rig.service.place(id).expect("memory").expect("it is there").epoch
}

fn recipients(rig: &Rig, id: &EntryId) -> BTreeSet<UserId> {
    let record = &rig.service.state.epochs[&epoch_of(rig, id)];
    record.own.as_ref().expect("it is mine").recipients.clone()
}

#[test]
fn what_is_told_of_a_fresh_moment_is_what_is_read_of_it_later() {
    let (mut rig, _) = circle(&["Ben", "Carol", "Dave"]);
    let drafts = [
        draft("to everyone"),
        PostDraft { mentions: vec!["@Dave".into(), "@Ben".into(), "@Dave".into()], ..draft("with names") },
        PostDraft { audience: AudienceWords { private: true, ..AudienceWords::default() }, ..draft("mine") },
        PostDraft { shareable: true, ..draft("may be shared on") },
    ];
    for draft in drafts {
        let text = draft.text.clone();
        let posted = rig.service.post(draft).expect("it is shared");
        assert_eq!(
            rig.service.moment(&posted.id.to_string()).as_ref(),
            Ok(&posted),
            "{text}: in its own step"
        );
        rig.service.commit().expect("memory");
        let told = std::iter::from_fn(|| rig.service.poll_output()).find_map(|output| match output {
            Output::Event(view::Event { what: view::Happening::Moment { moment }, .. }) => Some(*moment),
            _ => None,
        });
        assert_eq!(told.as_ref(), Some(&posted), "{text}: to listeners");
        assert_eq!(rig.service.moment(&posted.id.to_string()).as_ref(), Ok(&posted), "{text}: behind it");
        rig.again(|_| {});
        assert_eq!(rig.service.moment(&posted.id.to_string()).as_ref(), Ok(&posted), "{text}: after a start");
    }
}

#[test]
fn an_epoch_is_chosen_anew_once_anything_changes_that_choosing_looks_at() {
    let (mut rig, users) = circle(&["Ben", "Carol"]);
    let post = |rig: &mut Rig, text: &str| rig.service.post(draft(text)).expect("it is shared").id;
    let (first, second) = (post(&mut rig, "1"), post(&mut rig, "2"));
    assert_eq!(epoch_of(&rig, &first), epoch_of(&rig, &second));
    // In the very same step, too: somebody goes …
    rig.service.chats_only("Carol", true).expect("a friend");
    let third = post(&mut rig, "3");
    assert_eq!(recipients(&rig, &third), BTreeSet::from([users[0]]));
    rig.commit();
    // … and comes back: who was removed is let into none that is there.
    rig.service.chats_only("Carol", false).expect("a friend");
    let fourth = post(&mut rig, "4");
    assert_eq!(recipients(&rig, &fourth), users.iter().copied().collect());
    assert_eq!(BTreeSet::from([&first, &third, &fourth].map(|id| epoch_of(&rig, id))).len(), 3);
    // An epoch that is written under no more.
    rig.service.retire(&epoch_of(&rig, &fourth));
    let fifth = post(&mut rig, "5");
    assert_ne!(epoch_of(&rig, &fourth), epoch_of(&rig, &fifth));
    rig.commit();
    // One that grew too old.
    rig.service.set_now(BEGIN.plus_ms(u64::from(EPOCH_AGE_DAYS) * DAY_MS));
    let sixth = post(&mut rig, "6");
    assert_eq!(epoch_of(&rig, &fifth), epoch_of(&rig, &sixth));
    rig.service.set_now(BEGIN.plus_ms((u64::from(EPOCH_AGE_DAYS) + 1) * DAY_MS));
    let seventh = post(&mut rig, "7");
    assert_ne!(epoch_of(&rig, &sixth), epoch_of(&rig, &seventh));
}

#[test]
fn a_step_that_is_forgotten_leaves_no_choice_behind() {
    let (mut rig, _) = circle(&["Ben"]);
    let minted = rig.service.post(draft("1")).expect("it is shared").id;
    let epoch = epoch_of(&rig, &minted);
    rig.service.abandon().expect("memory");
    let again = rig.service.post(draft("1")).expect("it is shared").id;
    assert_ne!(epoch_of(&rig, &again), epoch, "that epoch was never kept");
    rig.commit();
}

#[test]
fn posts_of_one_audience_do_not_choose_each() {
    let (mut rig, _) = circle(&["Ben"]);
    // With the first there is a stretch of numbers where there was none.
    for text in ["1", "2"] {
        rig.service.post(draft(text)).expect("it is shared");
    }
    let everyone = Audience::Posts(crate::audience::Rule::everyone());
    let chosen = rig.service.chosen_before(&everyone);
    assert!(chosen.is_some());
    for n in 0..200 {
        rig.service.post(draft(&format!("{n}"))).expect("it is shared");
        rig.commit();
        assert_eq!(rig.service.chosen_before(&everyone), chosen, "{n}");
    }
    assert_eq!(rig.service.chosen_before(&Audience::Contact), None);
}

#[test]
fn a_post_that_has_begun_goes_to_nobody_who_was_removed_before_its_end() {
    let (mut rig, _) = circle(&["Ben", "Carol"]);
    let begun = |rig: &mut Rig| match rig.service.begin_post(draft("to both")).expect("it begins") {
        Begun::New(unsigned) => unsigned.sign().expect("it is signed"),
        Begun::Shared(_) => panic!("it is new"),
    };
    let signed = begun(&mut rig);
    // The end of another in between changes nothing for it.
    rig.service.post(draft("another")).expect("it is shared");
    rig.commit();
    rig.service.end_post(signed).expect("people are as they were");
    let signed = begun(&mut rig);
    rig.commit();
    rig.service.chats_only("Carol", true).expect("a friend");
    assert!(rig.service.end_post(signed).is_err(), "it was sealed for Carol");
}

#[test]
fn who_asks_again_is_answered_behind_a_barrier_though_another_step_came_between() {
    let (mut rig, _) = circle(&["Ben"]);
    let again = || PostDraft { attempt: Some(Attempt::new(b"x", b"once")), ..draft("once") };
    rig.service.post(again()).expect("it is shared");
    rig.service.commit().expect("memory");
    let Begun::Shared(moment) = rig.service.begin_post(again()).expect("it begins") else {
        panic!("it was shared")
    };
    rig.service.post(draft("another")).expect("it is shared");
    assert!(rig.service.commit().expect("memory").answer_after_barrier);
    rig.service.end_shared(*moment);
    assert!(rig.service.commit().expect("memory").answer_after_barrier, "the disk may not have it yet");
}

/// As the engine goes on when a batch was kept in vain: what had begun in its step begins anew.
#[test]
fn what_a_full_disk_takes_along_with_a_step_begins_anew_and_no_number_is_used_twice() {
    let store = Arc::new(Memory::new());
    let (mut rig, _) = circle_on(Rig::on(Arc::clone(&store)), &["Ben"]);
    let private = AudienceWords { private: true, ..AudienceWords::default() };
    // One beneath an epoch that is there, one whose epoch is opened in the step that is lost.
    let drafts = || [draft("known"), PostDraft { audience: private.clone(), ..draft("new") }];
    let kept = rig.service.post(draft("kept")).expect("it is shared").id;
    rig.commit();
    let begin = |rig: &mut Rig, draft| match rig.service.begin_post(draft).expect("it begins") {
        Begun::New(unsigned) => unsigned.sign().expect("it is signed"),
        Begun::Shared(_) => panic!("it is new"),
    };
    let first = begin(&mut rig, draft("lost"));
    let [known, new] = drafts().map(|draft| begin(&mut rig, draft));
    let lost = rig.service.end_post(first).expect("it ends").id;
    store.set_full(true);
    assert!(matches!(rig.service.commit(), Err(CommitError::Undone(_))));
    store.set_full(false);
    assert!(rig.service.end_post(new).is_err(), "its epoch was forgotten");
    drop(known);
    let again = drafts().map(|draft| begin(&mut rig, draft));
    let ids = again.map(|signed| rig.service.end_post(signed).expect("it ends").id);
    rig.commit();
    rig.again(|_| {});
    assert!(rig.service.moment(&lost.to_string()).is_err(), "its author was told that it is not there");
    let numbers: BTreeSet<(EpochId, u64)> = [kept, ids[0], ids[1]]
        .iter()
        .map(|id| rig.service.place(id).expect("memory").expect("it is there"))
        .map(|place| (place.epoch, place.seq))
        .collect();
    assert_eq!(numbers.len(), 3);
    for (id, text) in [(kept, "kept"), (ids[0], "known"), (ids[1], "new")] {
        assert_eq!(rig.service.moment(&id.to_string()).expect("it is there").text, text);
    }
}
