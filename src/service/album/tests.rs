//! Albums: months, windows, and an index that is always what the timeline is.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::ask::PostDraft;
use crate::moment::{Body, Tombstone};
use crate::service::testing::{Author, BEGIN, Rig};
use crate::store::{Batch, Store};

/// All keys of a tree.
fn keys_of(rig: &Rig, tree: Tree) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    rig.service
        .tx
        .each_pending(tree, &[], &mut |key, _| {
            keys.push(key.to_vec());
            Ok(())
        })
        .expect("memory");
    keys
}

/// Whether index and counts say of the timeline what it holds.
fn is_true_of_the_timeline(rig: &Rig) -> bool {
    let (mut index, mut counts) = (Vec::new(), BTreeMap::new());
    rig.service
        .tx
        .each_pending(Tree::Timeline, &[], &mut |key, value| {
            let author = rig.service.author_in(value).expect("an epoch");
            let (shown, id) = split_timeline_key(key).expect("a key");
            index.push(author_key(&author, shown, &id));
            *counts.entry(month_key(&author, shown.month())).or_insert(0u64) += 1;
            Ok(())
        })
        .expect("memory");
    index.sort();
    let mut kept = BTreeMap::new();
    rig.service
        .tx
        .each_pending(Tree::Months, &[], &mut |key, value| {
            kept.insert(key.to_vec(), count_from(key, value)?);
            Ok(())
        })
        .expect("memory");
    keys_of(rig, Tree::ByAuthor) == index && kept == counts
}

fn months(album: &view::Album) -> Vec<(String, u64)> {
    album.months.iter().map(|month| (month.month.to_string(), month.moments)).collect()
}

fn of(name: &str) -> AlbumQuery {
    AlbumQuery { from: Some(name.into()), ..AlbumQuery::default() }
}

#[test]
fn an_album_has_its_months_and_pages_newest_first() {
    let mut rig = Rig::new();
    let (mut bob, mut carol) = (rig.befriend("Bob"), rig.befriend("Carol"));
    // 4 October 2024, 4 September, 5 August, …
    for n in 0..5u64 {
        rig.take(&mut bob, BEGIN.minus_ms(n * 30 * DAY_MS), &format!("Bob {n}"));
        rig.take(&mut bob, BEGIN.minus_ms(n * 30 * DAY_MS + 1), &format!("Bob {n}, before"));
        rig.take(&mut carol, BEGIN.minus_ms(n * 30 * DAY_MS), &format!("Carol {n}"));
    }
    let album = rig.service.album(&AlbumQuery { limit: 4, ..of("Bob") }).expect("an album");
    let expected = [("2024-10", 2), ("2024-09", 2), ("2024-08", 2), ("2024-07", 2), ("2024-06", 2)];
    assert_eq!(months(&album), expected.map(|(month, count)| (month.to_owned(), count)));
    assert_eq!(album.person.name, "Bob");
    let said = |album: &view::Album| -> Vec<String> {
        album.moments.iter().map(|moment| moment.text.clone()).collect()
    };
    assert_eq!(said(&album), ["Bob 0", "Bob 0, before", "Bob 1", "Bob 1, before"]);
    let next = AlbumQuery { limit: 100, before: album.next.clone(), ..of("Bob") };
    assert_eq!(rig.service.album(&next).expect("an album").moments.len(), 6);
    let august = AlbumQuery { month: Some("2024-08".parse().expect("a month")), ..of("Bob") };
    assert_eq!(said(&rig.service.album(&august).expect("an album")), ["Bob 2", "Bob 2, before"]);
    let rest = AlbumQuery { limit: 1, ..august };
    let first = rig.service.album(&rest).expect("an album");
    assert_eq!(said(&first), ["Bob 2"]);
    let second = rig.service.album(&AlbumQuery { before: first.next, ..rest }).expect("an album");
    assert_eq!((said(&second), second.next), (vec!["Bob 2, before".to_owned()], None));
    assert_eq!(rig.service.album(&of("Erin")).expect_err("nobody").kind.exit_code(), 4);
}

#[test]
fn my_own_album_begins_with_what_i_pinned() {
    let mut rig = Rig::new();
    let mut post = |text: &str| {
        let draft = PostDraft { text: text.into(), ..PostDraft::default() };
        let id = rig.service.post(draft).expect("posted").id.to_string();
        rig.commit();
        id
    };
    let (first, _second, third) = (post("first"), post("second"), post("third"));
    for id in [&first, &third] {
        rig.service.pin(id).expect("mine");
        rig.service.now = rig.service.now.plus_ms(1);
        rig.commit();
    }
    let pinned = |album: &view::Album| -> Vec<String> {
        album.pinned.iter().map(|moment| moment.text.clone()).collect()
    };
    for query in [AlbumQuery::default(), of("me")] {
        let album = rig.service.album(&AlbumQuery { limit: 2, ..query.clone() }).expect("an album");
        assert_eq!(pinned(&album), ["third", "first"]);
        assert!(album.pinned.iter().all(|moment| moment.pinned));
        assert_eq!(album.moments.len(), 2);
        let second_page = AlbumQuery { before: album.next, ..query };
        assert!(rig.service.album(&second_page).expect("an album").pinned.is_empty());
    }
    rig.service.delete(&third).expect("mine");
    rig.commit();
    let album = rig.service.album(&AlbumQuery::default()).expect("an album");
    assert_eq!((pinned(&album), months(&album)[0].1), (vec!["first".to_owned()], 2));
    assert_eq!(keys_of(&rig, Tree::Marks).len(), 1, "the mark went with its moment");
}

#[test]
fn months_end_where_the_authors_window_begins() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    for days in 0..80u64 {
        rig.take(&mut bob, BEGIN.minus_ms(days * DAY_MS), &format!("{days} days ago"));
    }
    for (window, expected) in [
        (0, vec![("2024-10", 4), ("2024-09", 30), ("2024-08", 31), ("2024-07", 15)]),
        (3, vec![("2024-10", 4)]),
        (30, vec![("2024-10", 4), ("2024-09", 27)]),
        (34, vec![("2024-10", 4), ("2024-09", 30), ("2024-08", 1)]),
        (2, vec![("2024-10", 3)]),
    ] {
        rig.service.state.friends.get_mut(&bob.user).expect("Bob").window_days = window;
        let album = rig.service.album(&AlbumQuery { limit: 1_000, ..of("Bob") }).expect("an album");
        let expected: Vec<_> = expected.into_iter().map(|(month, n)| (month.to_owned(), n)).collect();
        assert_eq!(months(&album), expected, "{window} days");
        let shown = u64::try_from(album.moments.len()).expect("few");
        assert_eq!(shown, expected.iter().map(|(_, n)| n).sum::<u64>(), "as many as are shown");
    }
    rig.service.state.friends.get_mut(&bob.user).expect("Bob").hide_theirs = true;
    let hidden = rig.service.album(&of("Bob")).expect("an album");
    assert!(hidden.months.is_empty() && hidden.moments.is_empty());
}

/// Takes away what the first release did not write.
fn unindex(store: &dyn Store) {
    let mut batch = Batch::new();
    for tree in [Tree::ByAuthor, Tree::Months] {
        let mut rest = Some(KeyRange::all());
        while let Some(range) = rest {
            let page = store.scan(tree, range, Direction::Forward, 10_000).expect("memory");
            for (key, _) in page.records {
                batch.remove(tree, key);
            }
            rest = page.next;
        }
    }
    batch.remove(Tree::Meta, FILLED_KEY);
    store.apply(batch).expect("memory");
}

#[test]
fn a_home_without_an_index_gets_one_in_steps_and_is_right_all_the_while() {
    let mut rig = Rig::new();
    let (mut bob, mut carol) = (rig.befriend("Bob"), rig.befriend("Carol"));
    let count = INDEX_RUN_LIMIT + 1;
    let mut ids = Vec::new();
    for n in 0..count {
        let at = BEGIN.minus_ms(u64::try_from(n).expect("small") * DAY_MS / 4);
        ids.push(rig.take(if n % 3 == 0 { &mut carol } else { &mut bob }, at, &format!("{n}")));
    }
    assert!(is_true_of_the_timeline(&rig));
    rig.again(unindex);
    assert!(keys_of(&rig, Tree::ByAuthor).is_empty() && !rig.service.index.is_whole);
    assert!(rig.service.next_wakeup().is_some_and(|at| at <= rig.service.now), "the node fills it unasked");
    // Between start and end a page of one author is found all the same; one comes, one goes, of either half.
    let newest = |rig: &Rig| {
        let from = Some("Bob".to_owned());
        let query = crate::ask::TimelineQuery { from, limit: 3, ..Default::default() };
        let page = rig.service.timeline(&query).expect("a page");
        page.moments.into_iter().map(|moment| moment.text).collect::<Vec<_>>()
    };
    assert_eq!(newest(&rig), ["1", "2", "4"]);
    rig.service.wake(rig.service.now).expect("memory");
    rig.commit();
    assert_eq!(keys_of(&rig, Tree::ByAuthor).len(), INDEX_RUN_LIMIT, "one step");
    assert!(!rig.service.index.is_whole);
    rig.take(&mut bob, BEGIN.minus_ms(1), "new");
    let gone = |author: &Author, n: u64| Tombstone {
        epoch: author.epoch,
        seq: n - n / 3 - 1,
        entry: ids[usize::try_from(n).expect("small")],
    };
    // Number 1 is the newest of Bob's and not in the index yet; the other one is.
    for n in [1, u64::try_from(count - 2).expect("small")] {
        let body = Body::Tombstone(gone(&bob, n));
        rig.take_body(&mut bob, BEGIN, body);
    }
    assert_eq!(newest(&rig), ["new", "2", "4"]);
    // A start in the middle goes on where it was.
    rig.again(|_| {});
    assert!(!rig.service.index.is_whole);
    rig.service.wake(rig.service.now).expect("memory");
    rig.commit();
    assert!(rig.service.index.is_whole && is_true_of_the_timeline(&rig));
    assert_eq!(newest(&rig), ["new", "2", "4"]);
    rig.again(|_| {});
    assert!(rig.service.index.is_whole, "once is enough");
    // Who asks for an album at once need not wait for the node to wake.
    rig.again(unindex);
    let album = rig.service.album(&of("Bob")).expect("an album");
    assert!(rig.service.index.is_whole && is_true_of_the_timeline(&rig));
    let total: u64 = album.months.iter().map(|month| month.moments).sum();
    assert_eq!(total, u64::try_from(count - count.div_ceil(3) - 1).expect("small"));
}

#[test]
fn what_waited_for_its_time_is_counted_when_it_is_shown() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    rig.take(&mut bob, BEGIN.plus_ms(2 * DAY_MS), "from the future");
    assert!(keys_of(&rig, Tree::ByAuthor).is_empty());
    rig.service.wake(BEGIN.plus_ms(2 * DAY_MS)).expect("memory");
    rig.commit();
    assert!(is_true_of_the_timeline(&rig) && keys_of(&rig, Tree::ByAuthor).len() == 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn index_and_counts_are_true_whatever_comes_and_goes(
        steps in prop::collection::vec((0..2usize, 0..3u8, 0..200u64, any::<prop::sample::Index>()), 1..40)
    ) {
        let mut rig = Rig::new();
        let mut authors = [rig.befriend("Bob"), rig.befriend("Carol")];
        let mut there = Vec::new();
        for (who, what, days, index) in steps {
            match what {
                0 if !there.is_empty() => {
                    let (who, seq, entry): (usize, u64, EntryId) = there.swap_remove(index.index(there.len()));
                    let tombstone = Tombstone { epoch: authors[who].epoch, seq, entry };
                    rig.take_body(&mut authors[who], BEGIN, Body::Tombstone(tombstone));
                }
                1 => {
                    let (author, user) = (authors[who].epoch, authors[who].user);
                    // What a quota does.
                    if rig.service.state.usage.get(&author).is_some_and(|usage| usage.entries > 0) {
                        rig.service.evict_oldest(&user).expect("memory");
                        rig.commit();
                        let service = &rig.service;
                        there.retain(|(.., id)| service.place(id).expect("memory").is_some());
                    }
                }
                _ => {
                    let seq = authors[who].next;
                    let id = rig.take(&mut authors[who], BEGIN.minus_ms(days * DAY_MS), "x");
                    there.push((who, seq, id));
                }
            }
            prop_assert!(is_true_of_the_timeline(&rig));
        }
        // A step that fails leaves it true as well.
        let tombstone = there.first().map(|(who, seq, entry)| Tombstone { epoch: authors[*who].epoch, seq: *seq, entry: *entry });
        if let Some(tombstone) = tombstone {
            rig.service.apply_tombstone(&tombstone).expect("memory");
            rig.service.abandon().expect("memory");
            prop_assert!(is_true_of_the_timeline(&rig));
        }
    }
}
