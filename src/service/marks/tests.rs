//! Marks: what they keep, what they cost, and that a friend gains nothing by them.

use super::*;
use crate::ask::PostDraft;
use crate::id::BlobId;
use crate::limits::{BLOB_CACHE_LIMIT, PHOTO_BLOB_LIMIT};
use crate::moment::{Body, Class, Tombstone};
use crate::service::Output;
use crate::service::testing::{Author, BEGIN, Rig};
use crate::sync::Sum;
use crate::time::DAY_MS;

fn post(rig: &mut Rig, text: &str) -> String {
    let draft = PostDraft { text: text.into(), ..PostDraft::default() };
    let id = rig.service.post(draft).expect("posted").id.to_string();
    rig.commit();
    id
}

fn faved(rig: &Rig, limit: usize) -> Vec<String> {
    let (mut texts, mut before) = (Vec::new(), None);
    loop {
        let page = rig.service.faves(&FavesQuery { limit, before }).expect("a page");
        assert!(page.moments.iter().all(|moment| moment.faved));
        texts.extend(page.moments.into_iter().map(|moment| moment.text));
        before = page.next;
        if before.is_none() {
            return texts;
        }
    }
}

#[test]
fn favourites_are_shown_newest_mark_first_in_pages() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    let ids: Vec<String> =
        (0..5u64).map(|n| rig.take(&mut bob, BEGIN.minus_ms(n), &format!("{n}")).to_string()).collect();
    for n in [3, 0, 4, 1, 2] {
        rig.service.fave(&ids[n]).expect("there");
        // Two in the same millisecond are told apart by their ids.
        rig.service.now = rig.service.now.plus_ms(u64::from(n != 0));
        rig.commit();
    }
    let all = faved(&rig, 100);
    assert_eq!(all.len(), 5);
    assert_eq!((&all[0], &all[1], &all[4]), (&"2".to_owned(), &"1".to_owned(), &"3".to_owned()));
    for limit in 1..5 {
        assert_eq!(faved(&rig, limit), all);
    }
    rig.service.fave(&ids[3]).expect("already");
    rig.commit();
    assert_eq!(faved(&rig, 100), all, "marking again changes nothing");
    rig.again(|_| {});
    assert_eq!(faved(&rig, 100), all, "a start changes nothing");
    rig.service.unfave(&ids[1]).expect("marked");
    rig.commit();
    assert_eq!(faved(&rig, 100).len(), 4);
    assert!(!rig.service.moment(&ids[1]).expect("there").faved);
    // Withdrawn by its author, and with its author.
    let tombstone = Tombstone { epoch: bob.epoch, seq: 2, entry: ids[2].parse().expect("an id") };
    rig.take_body(&mut bob, BEGIN, Body::Tombstone(tombstone));
    assert_eq!(faved(&rig, 100).len(), 3);
    assert!(!rig.service.marks.is_favourite(&ids[2].parse().expect("an id")), "no mark without a moment");
    let friend = rig.service.state.friends.remove(&bob.user).expect("Bob");
    assert!(faved(&rig, 100).is_empty());
    rig.service.state.friends.insert(bob.user, friend);
    assert_eq!(faved(&rig, 100).len(), 3, "and with them comes back");
}

#[test]
fn only_my_own_are_pinned_and_no_more_than_the_limit() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    let theirs = rig.take(&mut bob, BEGIN, "Bob's").to_string();
    for refused in [rig.service.pin(&theirs), rig.service.unpin(&theirs)] {
        let error = refused.expect_err("not mine");
        assert_eq!((error.kind.exit_code(), error.code), (5, "not_yours"));
    }
    assert_eq!(rig.service.pin("abcdef").expect_err("nothing").kind.exit_code(), 4);
    let ids: Vec<String> = (0..=PIN_LIMIT).map(|n| post(&mut rig, &format!("{n}"))).collect();
    for id in &ids[..PIN_LIMIT] {
        rig.service.pin(id).expect("within the limit");
        rig.service.pin(id).expect("again");
    }
    let error = rig.service.pin(&ids[PIN_LIMIT]).expect_err("one more");
    assert_eq!((error.kind.exit_code(), error.code), (5, "pin_limit"));
    assert!(error.message.contains(&PIN_LIMIT.to_string()));
    rig.service.unpin(&ids[0]).expect("pinned");
    rig.service.pin(&ids[PIN_LIMIT]).expect("there is room");
}

#[test]
fn favourites_end_at_the_limit() {
    let mut rig = Rig::new();
    let (last, more) = (post(&mut rig, "last"), post(&mut rig, "more"));
    for n in 0..FAVOURITE_LIMIT - 1 {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&u64::try_from(n).expect("small").to_be_bytes());
        rig.service.mark(FAVOURITE, EntryId::from_bytes(id));
    }
    rig.service.fave(&last).expect("as many as may be");
    let error = rig.service.fave(&more).expect_err("one more");
    assert_eq!((error.kind.exit_code(), error.code), (5, "favourite_limit"));
    assert!(error.message.contains(&FAVOURITE_LIMIT.to_string()));
    rig.service.fave(&last).expect("already");
    rig.service.unfave(&last).expect("marked");
    rig.service.fave(&more).expect("there is room");
}

/// What a log has to say if only these of an author's entries are known.
fn sum_of(ids: &[EntryId]) -> Sum {
    let mut sum = Sum::ZERO;
    ids.iter().for_each(|id| sum.add(id));
    sum
}

#[test]
fn no_quota_takes_a_favourite_and_what_is_known_stays_right() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    let ids: Vec<EntryId> =
        (0..8u64).map(|n| rig.take(&mut bob, BEGIN.minus_ms(n), &format!("{n}"))).collect();
    let is_there = |rig: &Rig, n: usize| rig.service.moment(&ids[n].to_string()).is_ok();
    for n in [0, 3] {
        rig.service.fave(&ids[n].to_string()).expect("there");
        rig.commit();
    }
    for (floor, gone) in [(2u64, vec![1]), (3, vec![1, 2]), (5, vec![1, 2, 4])] {
        assert!(rig.service.evict_oldest(&bob.user).expect("memory"));
        rig.commit();
        for n in 0..8 {
            assert_eq!(is_there(&rig, n), !gone.contains(&n), "{n} after {gone:?}");
        }
        let log = &rig.service.state.logs[&bob.epoch];
        assert_eq!(log.floor, floor);
        let known = &ids[usize::try_from(floor).expect("small")..];
        assert_eq!(log.sum, sum_of(known), "what is below the floor is in no sum");
        assert_eq!(log.intervals.lowest(), Some(floor));
    }
    // A favourite no more, it is the next to go; a favourite that is withdrawn below the floor goes too.
    rig.service.unfave(&ids[3].to_string()).expect("marked");
    rig.commit();
    let tombstone = Tombstone { epoch: bob.epoch, seq: 0, entry: ids[0] };
    rig.take_body(&mut bob, BEGIN, Body::Tombstone(tombstone));
    assert!(!is_there(&rig, 0) && is_there(&rig, 3));
    assert!(rig.service.evict_oldest(&bob.user).expect("memory"));
    rig.commit();
    assert!(!is_there(&rig, 3) && is_there(&rig, 5));
    let log = &rig.service.state.logs[&bob.epoch];
    let tombstone = rig.service.tx.prefix(Tree::Log, bob.epoch.as_bytes(), 100).expect("memory");
    let known: Vec<EntryId> = tombstone
        .iter()
        .filter_map(|(key, _)| crate::store::layout::split_log_key(key))
        .map(|(.., id)| id)
        .collect();
    assert_eq!((known.len(), log.sum), (4, sum_of(&known)), "three moments and a withdrawal");
    // Only favourites are left in the end, and then nothing more can be forgotten.
    rig.service.fave(&ids[7].to_string()).expect("there");
    rig.commit();
    while rig.service.evict_oldest(&bob.user).expect("memory") {
        rig.commit();
    }
    assert!(is_there(&rig, 7) && !is_there(&rig, 6));
    assert_eq!(rig.service.state.usage[&bob.epoch].entries, 1);
    assert_eq!(rig.service.state.logs[&bob.epoch].sum, Sum::ZERO);
}

#[test]
fn an_epoch_with_a_favourite_is_the_last_to_be_forgotten() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    let id = rig.take(&mut bob, BEGIN, "kept").to_string();
    rig.service.fave(&id).expect("there");
    let close = |rig: &mut Rig, epoch: &EpochId, days: u32| {
        let record = rig.service.state.epochs.get_mut(epoch).expect("inserted");
        record.closed = Some(BEGIN.day().plus(days));
    };
    close(&mut rig, &bob.epoch, 0);
    for _ in 0..crate::limits::CLOSED_EPOCH_LIMIT {
        let later = Author::new(bob.user, Class::Posts, &mut rig.entropy);
        rig.service.insert_epoch(later.record());
        close(&mut rig, &later.epoch, 1);
    }
    rig.service.hold_epochs(&bob.user).expect("memory");
    rig.commit();
    assert_eq!(rig.service.state.epochs.len(), crate::limits::CLOSED_EPOCH_LIMIT);
    assert!(rig.service.moment(&id).expect("there").faved);
}

/// The blobs that are to be removed by now.
fn removed(rig: &mut Rig) -> Vec<u8> {
    rig.service.commit().expect("memory");
    let mut gone = Vec::new();
    while let Some(output) = rig.service.poll_output() {
        if let Output::RemoveBlob(blob) = output {
            gone.push(blob.as_bytes()[0]);
        }
    }
    gone
}

#[test]
fn pictures_of_favourites_are_not_counted_and_do_not_make_room() {
    let mut rig = Rig::new();
    let (mut bob, mut mallory) = (rig.befriend("Bob"), rig.befriend("Mallory"));
    let padded = crate::crypto::padded_len(PHOTO_BLOB_LIMIT);
    let fit = u8::try_from(BLOB_CACHE_LIMIT / padded).expect("about a hundred");
    let id = rig.take_photos(&mut bob, BEGIN, &[1, 2], PHOTO_BLOB_LIMIT);
    rig.service.fave(&id.to_string()).expect("there");
    rig.commit();
    let arrive = |rig: &mut Rig, n: u8| {
        rig.service.now = rig.service.now.plus_ms(1);
        rig.service.on_blob_fetched(&BlobId::from_bytes([n; 32]), padded).expect("memory");
    };
    arrive(&mut rig, 1);
    // Mallory's take all the room there is, and one is too many: the oldest of hers goes, not the favourite's.
    for n in 0..=fit {
        rig.take_photos(&mut mallory, BEGIN.minus_ms(1), &[10 + n], PHOTO_BLOB_LIMIT);
        arrive(&mut rig, 10 + n);
        assert_eq!(removed(&mut rig), if n == fit { vec![10] } else { vec![] }, "{n}");
    }
    // One that comes late is not counted either, nor after a start.
    arrive(&mut rig, 2);
    assert!(removed(&mut rig).is_empty());
    rig.again(|_| {});
    rig.take_photos(&mut mallory, BEGIN.minus_ms(1), &[200], PHOTO_BLOB_LIMIT);
    arrive(&mut rig, 200);
    assert_eq!(removed(&mut rig), [11]);
    // That she names a favourite's picture too keeps nothing when the favourite is none any more.
    rig.take_photos(&mut mallory, BEGIN.minus_ms(1), &[1], PHOTO_BLOB_LIMIT);
    rig.service.unfave(&id.to_string()).expect("marked");
    assert_eq!(removed(&mut rig), [12, 13], "two more than fit, and she has most");
}

#[test]
fn a_friend_who_shares_too_much_pushes_out_nobody_elses_pictures() {
    let mut rig = Rig::new();
    let (mut bob, mut mallory) = (rig.befriend("Bob"), rig.befriend("Mallory"));
    let padded = crate::crypto::padded_len(PHOTO_BLOB_LIMIT);
    let fit = u8::try_from(BLOB_CACHE_LIMIT / padded).expect("about a hundred");
    let arrive = |rig: &mut Rig, n: u8| {
        rig.service.now = rig.service.now.plus_ms(1);
        rig.service.on_blob_fetched(&BlobId::from_bytes([n; 32]), padded).expect("memory");
    };
    rig.take_photos(&mut bob, BEGIN, &[1, 2], PHOTO_BLOB_LIMIT);
    arrive(&mut rig, 1);
    arrive(&mut rig, 2);
    let mut gone = Vec::new();
    for n in 10..=fit + 20 {
        rig.take_photos(&mut mallory, BEGIN, &[n], PHOTO_BLOB_LIMIT);
        arrive(&mut rig, n);
        gone.extend(removed(&mut rig));
    }
    let expected: Vec<u8> = (10..).take(13).collect();
    assert_eq!(gone, expected, "her own, oldest first, though Bob's came before them");
    // After a start it is the same.
    rig.again(|_| {});
    rig.take_photos(&mut mallory, BEGIN, &[fit + 21], PHOTO_BLOB_LIMIT);
    arrive(&mut rig, fit + 21);
    assert_eq!(removed(&mut rig), [23]);
}

#[test]
fn a_favourite_wants_the_pictures_that_were_left_out() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    let id = rig.take_photos(&mut bob, BEGIN.minus_ms(90 * DAY_MS), &[1], 1_000);
    assert_eq!(rig.service.waiting_blobs(), 0, "an original of long ago");
    rig.service.fave(&id.to_string()).expect("there");
    assert_eq!(rig.service.waiting_blobs(), 1);
}
