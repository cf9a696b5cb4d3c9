//! Many digests as one: what it saves, that nothing is missed for it, and what a peer can do with it.

use super::hostile::Victim;
use super::matching::{NOW, THEIR_NONCE, alice, drain, feed, frames, greet_with, run_of, shown};
use crate::crypto::keys::Role;
use crate::limits::{DIGESTS_CONTACT, DIGESTS_NAMED_LIMIT, DIGESTS_POSTS, DIGESTS_WAIT_MS};
use crate::sync::testing::*;
use crate::sync::*;

const DIGEST: u8 = 5;
const HAVE: u8 = 6;
const DIGESTS: u8 = 14;

/// Two who share an epoch of each of `authors`, and in each the same few entries.
fn alike(authors: usize, class: Class) -> Net {
    let mut net = Net::new(2, 7);
    for number in 0..authors {
        for node in 0..2 {
            net.nodes[node].keys.push(Keys::new(number, number + 2, class, &[]));
            for seq in 0..3 {
                net.hold(node, &Bytes::new(epoch_id(number), seq, 0, 50));
            }
        }
    }
    net
}

fn count(net: &Net, variant: u8) -> usize {
    let traces = net.links.iter().flat_map(|link| link.traces.iter().flatten());
    traces.filter(|(sent, _)| *sent == variant).count()
}

fn is_in_sync(net: &Net, epochs: usize) -> bool {
    let knows = |outputs: &Vec<Output>, number| outputs.contains(&Output::InSync { epoch: epoch_id(number) });
    net.links[0].outputs.iter().all(|outputs| (0..epochs).all(|number| knows(outputs, number)))
}

#[test]
fn what_is_alike_is_said_in_groups_and_known_to_be_alike() {
    for (class, of) in [(Class::Contact, DIGESTS_CONTACT), (Class::Posts, DIGESTS_POSTS)] {
        let authors = 2 * of + 5;
        let mut net = alike(authors, class);
        net.connect(0, 1);
        net.settle();
        assert!(is_in_sync(&net, authors));
        assert_eq!((count(&net, DIGESTS), count(&net, DIGEST)), (2 * authors.div_ceil(of), 0), "{class:?}");
    }
}

#[test]
fn one_that_is_left_over_is_said_alone() {
    let mut net = alike(DIGESTS_POSTS + 1, Class::Posts);
    net.connect(0, 1);
    net.settle();
    assert!(is_in_sync(&net, DIGESTS_POSTS + 1));
    assert_eq!((count(&net, DIGESTS), count(&net, DIGEST)), (2, 2));
}

#[test]
fn one_that_differs_costs_its_group_and_no_other() {
    let authors = 5 * DIGESTS_POSTS;
    let mut net = alike(authors, Class::Posts);
    net.hold(0, &Bytes::new(epoch_id(3), 9, 0, 50));
    net.hold(1, &Bytes::new(epoch_id(3), 11, 0, 50));
    net.connect(0, 1);
    net.elapse(5_000);
    assert_eq!(net.faults(), Vec::<&Fault>::new());
    assert!(is_in_sync(&net, authors));
    for node in 0..2 {
        let known = net.nodes[node].ledger.state(&epoch_id(3)).expect("known");
        assert_eq!(known.intervals.count(), 5, "both have both");
    }
    // Here each frame is answered before the next comes: no two that are equal are said as one again.
    assert_eq!(count(&net, DIGESTS), 5 + 4);
    // Each of the group once, by either side but where it answers with a page, and the one that differs once more when it has changed.
    assert_eq!(count(&net, DIGEST), 2 * DIGESTS_POSTS - 1 + 2);
    assert!(count(&net, HAVE) <= 4);
}

/// A session that holds the epochs 0..n by tag, and a peer that has shown all of them.
fn victim(scopes: usize) -> Victim {
    Victim::sharing(0, FEATURE_DIGESTS, scopes)
}

fn places(handles: impl IntoIterator<Item = u32>) -> IntervalSet {
    handles.into_iter().map(place_of).collect()
}

/// Handles that the victim gave out, it being the side that answers.
fn handles(scopes: usize) -> Vec<u32> {
    (0..u32::try_from(scopes).unwrap()).map(|n| 2 * n + 1).collect()
}

/// Those of them whose epochs it was shown; the first is of its own, whose digest it says alone.
fn by_tag(scopes: usize) -> impl Iterator<Item = u32> {
    handles(scopes + 1).into_iter().skip(1)
}

#[test]
fn to_a_group_that_differs_the_answer_is_each_of_its_digests() {
    let mut victim = victim(8);
    victim.frames.clear();
    victim.feed(&Frame::Digests { places: places(handles(8)), digest: [9; 16] });
    let said = |frame: &&Frame| matches!(frame, Frame::Digest { .. });
    assert_eq!(victim.frames.iter().filter(said).count(), 8);
    assert_eq!(victim.faults, []);
}

#[test]
fn a_digest_that_was_said_in_a_group_only_is_said_to_whoever_asks() {
    let mut victim = victim(8);
    let group = |frame: &Frame| matches!(frame, Frame::Digests { .. });
    assert!(victim.frames.iter().any(group), "all were said as one: {:?}", victim.frames);
    // The victim has nothing in any of them.
    let digest = of_nothing();
    let said = |frame: &&Frame| **frame == Frame::Digest { handle: 3, digest };
    assert_eq!(victim.frames.iter().filter(said).count(), 0);
    victim.feed(&Frame::Digest { handle: 3, digest });
    assert_eq!(victim.frames.iter().filter(said).count(), 1);
    for _ in 0..2 {
        victim.feed(&Frame::Digest { handle: 3, digest });
    }
    assert_eq!(victim.frames.iter().filter(said).count(), 1, "once");
}

#[test]
fn a_scope_counts_in_a_few_groups_and_no_more() {
    let mut victim = victim(8);
    let mut feed = |digest| {
        victim.frames.clear();
        victim.feed(&Frame::Digests { places: places(handles(8)), digest: [digest; 16] });
        victim.take_all();
        (victim.frames.len(), victim.faults.len())
    };
    for n in 0..DIGESTS_NAMED_LIMIT {
        assert_eq!(feed(n), (8, 0));
    }
    assert_eq!(feed(200), (0, 0), "one time too often");
}

#[test]
fn one_that_is_named_too_often_keeps_no_other_from_being_answered() {
    let mut victim = victim(8);
    for n in 0..=DIGESTS_NAMED_LIMIT {
        victim.feed(&Frame::Digests { places: places([1]), digest: [n; 16] });
    }
    victim.take_all();
    victim.frames.clear();
    victim.feed(&Frame::Digests { places: places(handles(8)), digest: [200; 16] });
    assert_eq!(victim.frames.len(), 7);
}

#[test]
fn a_group_of_long_logs_is_read_no_further_than_work_allows() {
    // Logs of more than a page, so that each digest means reading some of them.
    let entries = 2 * crate::limits::HAVE_INTERVAL_LIMIT as u64;
    let mut victim = Victim::sharing(entries, FEATURE_DIGESTS, 2 * DIGESTS_CONTACT - 8);
    victim.take_all();
    let burst = usize::try_from(crate::limits::SUM_BURST_LIMIT).unwrap();
    for n in 0..2 * DIGESTS_NAMED_LIMIT {
        for half in handles(2 * DIGESTS_CONTACT - 8).chunks(DIGESTS_CONTACT - 4) {
            victim.feed(&Frame::Digests { places: places(half.iter().copied()), digest: [n; 16] });
            victim.take_all();
        }
    }
    assert!(victim.reads() > burst, "{} entries were read", victim.reads());
    assert!(
        victim.reads() <= burst + 2 * usize::try_from(entries).unwrap(),
        "{} entries were read",
        victim.reads()
    );
}

#[test]
fn a_group_of_what_was_never_shown_ends_the_session() {
    let mut victim = victim(2);
    victim.feed(&Frame::Digests { places: places([1, 3, 7]), digest: [9; 16] });
    assert!(victim.closed);
    assert_eq!(victim.faults.first().map(|f| &f.kind), Some(&FaultKind::UnknownHandle { handle: 7 }));
}

/// A session that has shown the tags of four epochs, of which it holds nothing, and the peer has matched all under its handles.
fn answered() -> Session {
    let (mut session, places) = shown(FEATURE_RUNS | FEATURE_DIGESTS);
    let said = frames(&feed(&mut session, &run_of(&places)));
    let said: Vec<u8> = said.iter().map(Frame::variant).collect();
    assert!(!said.contains(&DIGEST) && !said.contains(&DIGESTS), "the peer's word is on its way: {said:?}");
    session
}

/// The digest of a log of which nothing is known.
fn of_nothing() -> PageDigest {
    let intervals = IntervalSet::new();
    Have { handle: 1, floor: 0, lo: 0, hi: SEQ_MAX, intervals, sum: Sum::ZERO }.digest()
}

#[test]
fn who_is_given_the_handles_answers_with_as_many_as_one_as_are_equal() {
    let mut session = answered();
    let halves = [[1, 3], [5, 7]];
    for half in halves {
        let digest = group_digest(&[of_nothing(); 2]);
        session.handle_frame(
            &Frame::Digests { places: places(half), digest }.encode(),
            NOW,
            &Ledger::default(),
        );
    }
    let said = frames(&drain(&mut session));
    let all = Frame::Digests { places: places([1, 3, 5, 7]), digest: group_digest(&[of_nothing(); 4]) };
    assert_eq!(said, [all], "two groups are answered by one");
    session.handle_wakeup(NOW.plus_ms(DIGESTS_WAIT_MS));
    assert_eq!(frames(&drain(&mut session)), [], "and once");
}

#[test]
fn of_a_group_that_differs_the_one_says_each_and_the_other_what_is_equal_as_one() {
    let mut session = answered();
    let said = frames(&feed(&mut session, &Frame::Digests { places: places([1, 3, 5, 7]), digest: [9; 16] }));
    let each = |handle| Frame::Digest { handle, digest: of_nothing() };
    assert_eq!(said.len(), 4);
    assert!([1, 3, 5, 7].iter().all(|handle| said.contains(&each(*handle))), "{said:?}");

    // The other side: it has said the four as one, holds nothing of them, and of one the peer says another digest.
    let mut victim = victim(8);
    victim.frames.clear();
    let frames = by_tag(8).map(|handle| match handle {
        5 => Frame::Digest { handle, digest: [9; 16] },
        _ => each(handle),
    });
    victim.feed_all(frames);
    let equal = places(by_tag(8).filter(|handle| *handle != 5));
    let said: Vec<u8> = victim.frames.iter().map(Frame::variant).collect();
    assert_eq!(said, [HAVE, DIGESTS], "{:?}", victim.frames);
    assert_eq!(victim.frames[1], Frame::Digests { places: equal, digest: group_digest(&[of_nothing(); 7]) });
}

#[test]
fn a_word_that_does_not_come_is_waited_for_a_second_and_no_more() {
    let mut session = answered();
    let until = NOW.plus_ms(DIGESTS_WAIT_MS);
    assert_eq!(session.next_wakeup(), Some(until));
    let at = |session: &mut Session, now| {
        session.handle_wakeup(now);
        let said = std::iter::from_fn(|| session.poll_output(now, &Ledger::default())).collect::<Vec<_>>();
        frames(&said).iter().filter(|frame| [DIGEST, DIGESTS].contains(&frame.variant())).count()
    };
    assert_eq!(at(&mut session, until.minus_ms(1)), 0);
    assert_eq!(at(&mut session, until), 1);
    assert!(session.next_wakeup().is_none_or(|next| next > until));
    assert_eq!(at(&mut session, until.plus_ms(DIGESTS_WAIT_MS)), 0);
}

#[test]
fn digests_that_come_one_by_one_are_answered_as_one() {
    let mut victim = victim(8);
    victim.frames.clear();
    victim.feed_all(by_tag(8).map(|handle| Frame::Digest { handle, digest: of_nothing() }));
    let all = Frame::Digests { places: places(by_tag(8)), digest: group_digest(&[of_nothing(); 8]) };
    assert_eq!(victim.frames, [all]);
    // Had it found that group equal it would not say each again: so it could not read ours, and hears each, once.
    for (time, said) in [(2, 8), (3, 0), (4, 0)] {
        victim.frames.clear();
        victim.feed_all(by_tag(8).map(|handle| Frame::Digest { handle, digest: of_nothing() }));
        let alone = |frame: &Frame| matches!(frame, Frame::Digest { .. });
        assert_eq!(victim.frames.len(), said, "{time}");
        assert!(victim.frames.iter().all(alone), "{time}");
    }
}

#[test]
fn who_begins_anew_with_a_scope_hears_of_it_anew() {
    let mut victim = victim(8);
    victim.feed_all(by_tag(8).map(|handle| Frame::Digest { handle, digest: of_nothing() }));
    // The first tags of both classes are over then; what is shown from now on is a round.
    victim.feed(&Frame::Matched(Vec::new()));
    victim.show(&[]);
    victim.frames.clear();
    victim.show(&[0, 1]);
    let both = Frame::Digests { places: places([3, 5]), digest: group_digest(&[of_nothing(); 2]) };
    assert!(victim.frames.contains(&both), "{:?}", victim.frames);
}

#[test]
fn a_word_that_came_before_the_keys_is_answered_with_them() {
    let (mut session, _) = alice(Role::Responder, 1, 5);
    greet_with(&mut session, THEIR_NONCE, FEATURE_DIGESTS);
    feed(&mut session, &Frame::Mine { handle: 0, epoch: epoch_id(5) });
    let word = Frame::Digest { handle: 0, digest: of_nothing() };
    feed(&mut session, &word);
    let (epoch, how) = (epoch(5, 1, Class::Posts), How::Tag { offer: false });
    session.add_scopes([Scope { epoch, how, open: true, peer_is_author: true }], NOW);
    assert!(frames(&drain(&mut session)).contains(&word), "it is not waited for again");
}

#[test]
fn who_does_not_read_groups_is_sent_none_and_says_none() {
    let mut victim = Victim::sharing(0, 0, 8);
    let singles = |frame: &&Frame| matches!(frame, Frame::Digest { .. });
    assert_eq!(victim.frames.iter().filter(singles).count(), 9, "and that of the one we said `Mine` of");
    assert!(!victim.frames.iter().any(|frame| matches!(frame, Frame::Digests { .. })));
    victim.frames.clear();
    // Whatever it means by that, it is not what we mean.
    victim.feed_bytes(&[1, DIGESTS, 0, 1]);
    victim.feed(&Frame::Digests { places: places([99]), digest: [9; 16] });
    assert_eq!((victim.frames.len(), victim.faults.len(), victim.closed), (0, 0, false));
}
