//! What concerns me: told once, kept as long as what it is about, and nothing about others.

use tidings::ask::{NoticesQuery, PostDraft};
use tidings::id::EntryId;
use tidings::limits::{NOTICE_LIMIT, POST_WRITER_LIKE_LIMIT};
use tidings::moment::interaction::seal_interaction;
use tidings::moment::{Body, Class, Inner, Slot};
use tidings::store::layout::{notice_key, notice_of_key};
use tidings::store::{Batch, Tree};
use tidings::time::Timestamp;
use tidings::view::{Happening, NoticeKind, Notices};

use super::people::{circle, everyone, private, strangers};
use super::world::{Who, World};

/// Alice knows all; Bob and Carol know each other; Dave knows only Alice.
fn neighbours(seed: u64) -> World {
    let mut world = strangers(seed, &["Alice", "Bob", "Carol", "Dave"]);
    for (a, b) in [(0, 1), (0, 2), (0, 3), (1, 2)] {
        world.befriend(a, b);
    }
    world.run(2_000);
    world
}

fn page(world: &mut World, who: Who) -> Notices {
    let query = NoticesQuery { limit: 1_000, before: None };
    world.service(who).notices(&query).expect("a page")
}

/// Kind, name and text of somebody's notices, newest first.
fn told(world: &mut World, who: Who) -> Vec<(NoticeKind, String, String)> {
    page(world, who).notices.into_iter().map(|n| (n.kind, n.from.name, n.text)).collect()
}

fn one(kind: NoticeKind, name: &str, text: &str) -> (NoticeKind, String, String) {
    (kind, name.to_owned(), text.to_owned())
}

/// How many events told somebody of a notice, and the number of unread ones that the last told.
fn events(world: &World, who: Who) -> (usize, Option<usize>) {
    let unread: Vec<usize> = world
        .happenings(who)
        .filter_map(|what| if let Happening::Notice { unread, .. } = what { Some(*unread) } else { None })
        .collect();
    (unread.len(), unread.last().copied())
}

#[test]
fn what_concerns_me_is_told_and_nothing_else() {
    let mut world = neighbours(520);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.like(1, "a hill");
    world.run(100);
    world.comment(1, "a hill", "steep");
    world.run(500);
    world.reply(2, "a hill", "steep", "very");
    world.run(500);
    world.reply(1, "a hill", "very", "I said so");
    world.run(500);
    world.comment(3, "a hill", "green");
    world.run(500);
    world.reply(0, "a hill", "green", "yes");
    world.run(1_000);
    use NoticeKind::{Comment, Like, Reply};
    let alices = [
        one(Comment, "Dave", "green"),
        one(Comment, "Bob", "I said so"),
        one(Comment, "Carol", "very"),
        one(Comment, "Bob", "steep"),
        one(Like, "Bob", ""),
    ];
    assert_eq!(told(&mut world, 0), alices);
    assert_eq!(told(&mut world, 1), [one(Reply, "Carol", "very")], "beneath somebody else's moment");
    assert_eq!(told(&mut world, 2), [one(Reply, "Bob", "I said so")], "a reply to a reply");
    assert_eq!(told(&mut world, 3), [one(Reply, "Alice", "yes")]);
    assert_eq!(events(&world, 0), (5, Some(5)));
    let first = &page(&mut world, 0).notices[4];
    let moment = world.moment(0, "a hill");
    assert_eq!((first.moment, first.comment, first.read), (moment.id, None, false));
    let comment = &page(&mut world, 0).notices[3];
    assert_eq!(comment.comment, Some(moment.comments[0].id));
}

#[test]
fn a_mention_is_told_to_whom_it_names() {
    let mut world = circle(521, &["Alice", "Bob", "Carol"]);
    let draft =
        PostDraft { text: "with Bob".to_owned(), mentions: vec!["Bob".to_owned()], ..Default::default() };
    let posted = world.ask(0, |service| service.post(draft)).expect("posted");
    world.run(1_000);
    assert_eq!(told(&mut world, 1), [one(NoticeKind::Mention, "Alice", "with Bob")]);
    assert_eq!(page(&mut world, 1).notices[0].moment, posted.id);
    assert!(told(&mut world, 0).is_empty() && told(&mut world, 2).is_empty());
    world.delete(0, "with Bob");
    world.run(1_000);
    assert!(told(&mut world, 1).is_empty(), "it goes with its moment");
    assert_eq!(page(&mut world, 1).unread, 0);
}

#[test]
fn a_moment_that_was_taken_back_is_not_told_of_and_comes_back_once() {
    let mut world = circle(530, &["Alice", "Bob", "Carol"]);
    let draft =
        PostDraft { text: "with Bob".to_owned(), mentions: vec!["Bob".to_owned()], ..Default::default() };
    world.ask(0, |service| service.post(draft)).expect("posted");
    world.run(1_000);
    world.comment(1, "with Bob", "me");
    world.run(500);
    world.reply(2, "with Bob", "me", "who else");
    world.comment(2, "with Bob", "rude");
    world.run(1_000);
    let told_of =
        [one(NoticeKind::Reply, "Carol", "who else"), one(NoticeKind::Mention, "Alice", "with Bob")];
    assert_eq!(told(&mut world, 1), told_of);
    world.audience(0, "with Bob", private());
    world.run(2_000);
    assert!(!world.sees(1, "with Bob"));
    for _ in 0..2 {
        assert_eq!((told(&mut world, 1).len(), page(&mut world, 1).unread), (0, 0));
        world.stop(1);
        world.start(1);
        world.run(2_000);
    }
    // Meanwhile Alice takes something away: those who may not see the moment do not hear of it.
    let rude = world.moment(0, "with Bob").comments.iter().find(|c| c.text == "rude").expect("said").id;
    world.ask(0, |service| service.hide(&rude.to_string())).expect("hidden");
    world.run(2_000);
    assert_eq!(world.records(1, Tree::Hides, &[]), 0);
    world.audience(0, "with Bob", everyone());
    world.run(3_000);
    assert_eq!(world.comments(1, "with Bob"), ["me", "who else"], "what was taken away meanwhile is gone");
    assert_eq!(told(&mut world, 1), told_of, "once");
    assert_eq!(page(&mut world, 1).unread, 2);
}

#[test]
fn what_is_said_beneath_a_withdrawn_moment_is_told_to_nobody() {
    let mut world = circle(531, &["Alice", "Bob"]);
    world.post(0, "oops", everyone());
    world.run(500);
    world.comment(1, "oops", "seen");
    world.run(500);
    assert_eq!(page(&mut world, 0).unread, 1);
    world.partition(0, 1);
    world.delete(0, "oops");
    assert_eq!(page(&mut world, 0).unread, 0, "it goes with the moment");
    // Bob has not heard of it, and says more.
    world.comment(1, "oops", "and what now");
    world.like(1, "oops");
    world.join_all();
    world.run(400_000);
    assert!(!world.sees(1, "oops"));
    assert!(told(&mut world, 0).is_empty() && page(&mut world, 0).unread == 0);
    for tree in [Tree::Interactions, Tree::HideTags] {
        assert_eq!(
            (world.records(0, tree, &[]), world.records(1, tree, &[])),
            (0, 0),
            "nothing of it is kept"
        );
    }
}

#[test]
fn one_notice_an_entry_whatever_comes_twice_and_none_for_what_was_withdrawn() {
    let mut world = neighbours(522);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.like(1, "a hill");
    world.comment(1, "a hill", "steep");
    world.run(500);
    assert_eq!(page(&mut world, 0).unread, 2);
    assert_eq!(world.ask(0, |service| service.read_notices(None)).expect("marked"), 0);
    // A power cut after the answer, a restart, and all sessions anew.
    world.crash(0, 0);
    world.start(0);
    world.run(400_000);
    let now = page(&mut world, 0);
    assert_eq!((now.notices.len(), now.unread), (2, 0), "nothing is told again");
    assert!(now.notices.iter().all(|notice| notice.read));
    world.unlike(1, "a hill");
    let id = world.moment(1, "a hill").comments[0].id.to_string();
    world.ask(1, |service| service.delete(&id)).expect("withdrawn");
    assert_eq!(world.ask(1, |service| service.delete(&id)).expect_err("gone").code, "no_such_moment");
    world.run(1_000);
    assert!(told(&mut world, 0).is_empty());
    assert_eq!(world.records(0, Tree::Notices, b"n") + world.records(0, Tree::Notices, b"i"), 0);
    world.like(1, "a hill");
    world.run(1_000);
    assert_eq!(told(&mut world, 0), [one(NoticeKind::Like, "Bob", "")]);
    assert_eq!(page(&mut world, 0).unread, 1);
}

#[test]
fn what_is_muted_gives_none_and_unmuting_brings_back_what_there_was() {
    let mut world = neighbours(523);
    world.post(0, "a hill", everyone());
    world.post(0, "a lake", everyone());
    world.run(500);
    world.like(1, "a hill");
    world.run(500);
    let hill = world.moment(0, "a hill").id.to_string();
    world.ask(0, |service| service.mute(&hill[..10])).expect("muted");
    world.ask(0, |service| service.mute(&hill)).expect("muted already");
    assert!(world.moment(0, "a hill").muted && !world.moment(0, "a lake").muted);
    assert_eq!((page(&mut world, 0).unread, told(&mut world, 0).len()), (0, 0));
    world.comment(1, "a hill", "steep");
    world.run(500);
    world.ask(0, |service| service.mute("@Carol")).expect("muted");
    world.like(2, "a lake");
    world.run(500);
    assert_eq!(events(&world, 0).0, 1, "only the like before the mute was told");
    world.stop(0);
    world.start(0);
    world.run(2_000);
    assert!(told(&mut world, 0).is_empty() && world.moment(0, "a hill").muted);
    assert!(world.service(0).friend("Carol").expect("a friend").muted);
    assert_eq!(world.comments(0, "a hill"), ["steep"], "muted is not hidden");
    world.ask(0, |service| service.unmute(&hill)).expect("unmuted");
    world.ask(0, |service| service.unmute("Carol")).expect("unmuted");
    assert_eq!(told(&mut world, 0), [one(NoticeKind::Like, "Bob", "")], "none was made meanwhile");
    for (word, code) in [("nobody", "no_such_moment"), ("@nobody", "no_such_person")] {
        assert_eq!(world.ask(0, |service| service.mute(word)).expect_err("nobody").code, code);
    }
    world.ask(0, |service| service.rename_friend("Dave", &hill[..6])).expect("renamed");
    let both = world.ask(0, |service| service.mute(&hill[..6])).expect_err("a moment and a friend");
    assert_eq!((both.code, both.kind.exit_code()), ("ambiguous_word", 4));
    assert!(both.help.contains(&format!("@{}", &hill[..6])));
}

#[test]
fn of_whom_i_unfriended_none_is_shown_and_with_them_they_come_back() {
    let mut world = neighbours(524);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.like(1, "a hill");
    world.comment(3, "a hill", "green");
    world.run(500);
    assert_eq!(page(&mut world, 0).unread, 2);
    world.ask(0, |service| service.remove_friend("Bob")).expect("removed");
    assert_eq!(told(&mut world, 0), [one(NoticeKind::Comment, "Dave", "green")]);
    assert_eq!(page(&mut world, 0).unread, 1);
}

#[test]
fn a_moment_from_the_future_gives_its_notices_when_it_is_shown() {
    let mut world = neighbours(525);
    world.nodes[1].ahead_ms = 3_600_000;
    let draft =
        PostDraft { text: "later".to_owned(), mentions: vec!["Alice".to_owned()], ..Default::default() };
    world.ask(1, |service| service.post(draft)).expect("posted");
    world.run(1_000);
    assert!(!world.sees(0, "later"));
    assert!(told(&mut world, 0).is_empty() && page(&mut world, 0).unread == 0);
    world.run(3_600_000);
    assert_eq!(told(&mut world, 0), [one(NoticeKind::Mention, "Bob", "later")]);
}

#[test]
fn pages_go_on_where_the_last_ended_and_a_mark_may_stand_in_the_middle() {
    let mut world = circle(526, &["Alice", "Bob"]);
    world.post(0, "a hill", everyone());
    world.run(500);
    for n in 0..5 {
        world.comment(1, "a hill", &format!("{n}"));
        world.run(50);
    }
    let all = page(&mut world, 0).notices;
    let (mut paged, mut before) = (Vec::new(), None);
    loop {
        let query = NoticesQuery { limit: 2, before: before.clone() };
        let page = world.service(0).notices(&query).expect("a page");
        assert!(page.notices.len() <= 2);
        paged.extend(page.notices);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let middle = all[2].id.to_string();
    assert_eq!(world.ask(0, |service| service.read_notices(Some(&middle))).expect("marked"), 2);
    let read: Vec<bool> = page(&mut world, 0).notices.iter().map(|n| n.read).collect();
    assert_eq!(read, [false, false, true, true, true]);
    let oldest = all[4].id.to_string();
    assert_eq!(world.ask(0, |service| service.read_notices(Some(&oldest))).expect("marked"), 2, "never back");
    let bad = NoticesQuery { limit: 2, before: Some("zz".to_owned()) };
    assert_eq!(world.service(0).notices(&bad).expect_err("no cursor").code, "no_cursor");
    let most = NoticesQuery { limit: NOTICE_LIMIT, before: None };
    assert!(world.service(0).notices(&most).is_ok());
    let more = NoticesQuery { limit: NOTICE_LIMIT + 1, before: None };
    assert_eq!(world.service(0).notices(&more).expect_err("too many").code, "page_limit");
}

#[test]
fn after_a_clock_that_was_ahead_news_is_unread_all_the_same() {
    let mut world = circle(527, &["Alice", "Bob"]);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.nodes[0].ahead_ms = 86_400_000;
    world.comment(1, "a hill", "first");
    world.run(500);
    assert_eq!(world.ask(0, |service| service.read_notices(None)).expect("marked"), 0);
    world.nodes[0].ahead_ms = 0;
    world.comment(1, "a hill", "second");
    world.run(500);
    assert_eq!(page(&mut world, 0).unread, 1);
    assert_eq!(told(&mut world, 0)[0], one(NoticeKind::Comment, "Bob", "second"));
}

/// Alice has so many notices from somebody, as they are kept, the first a millisecond behind a time.
fn fill(world: &mut World, from: Who, behind: u64, count: usize) {
    let (from, alice) = (*world.nodes[from].user().as_bytes(), *world.nodes[0].user().as_bytes());
    let moment = world.moment(0, "a hill").id;
    let mut batch = Batch::new();
    for n in behind + 1..=behind + count as u64 {
        let (at, mut id) = (Timestamp::from_millis(n), [0; 32]);
        id[..8].copy_from_slice(&n.to_be_bytes());
        let id = EntryId::from_bytes(id);
        let value = [&[1][..], &from, moment.as_bytes(), &alice, &n.to_be_bytes()].concat();
        batch.insert(Tree::Notices, notice_key(at, &id), value);
        batch.insert(Tree::Notices, notice_of_key(&id), n.to_be_bytes().to_vec());
    }
    world.service(0).store().apply(batch).expect("memory");
    world.stop(0);
    world.start(0);
    world.run(2_000);
}

#[test]
fn a_flood_of_notices_takes_none_of_what_others_said() {
    let mut world = circle(530, &["Alice", "Bob", "Mallory"]);
    world.post(0, "a hill", everyone());
    world.run(500);
    world.comment(1, "a hill", "steep");
    world.run(500);
    let now = world.now.as_millis();
    fill(&mut world, 2, now, NOTICE_LIMIT - 1);
    assert_eq!(page(&mut world, 0).unread, NOTICE_LIMIT);
    for n in 0..5 {
        world.comment(2, "a hill", &format!("{n}"));
        world.run(500);
    }
    // What Bob said is the oldest of all, and stays: Mallory has more.
    let kept = world.all(0, Tree::Notices, b"n");
    assert_eq!(kept.len(), NOTICE_LIMIT);
    let steep = world.moment(0, "a hill").comments[0].id;
    assert_eq!(&kept[0].0[9..], steep.as_bytes());
    assert_eq!(kept[1].0[1..9], (now + 6).to_be_bytes(), "Mallory's oldest went");
    // A restart counts the same.
    world.stop(0);
    world.start(0);
    world.run(2_000);
    world.comment(2, "a hill", "more");
    world.run(500);
    let kept = world.all(0, Tree::Notices, b"n");
    assert_eq!((kept.len(), &kept[0].0[9..]), (NOTICE_LIMIT, &steep.as_bytes()[..]));
}

#[test]
fn the_newest_notices_are_kept_and_the_oldest_make_room() {
    let mut world = circle(528, &["Alice", "Bob"]);
    world.post(0, "a hill", everyone());
    world.run(500);
    fill(&mut world, 1, 0, NOTICE_LIMIT - 1);
    assert_eq!(page(&mut world, 0).unread, NOTICE_LIMIT - 1);
    world.comment(1, "a hill", "fits");
    world.run(500);
    assert_eq!(page(&mut world, 0).unread, NOTICE_LIMIT);
    world.comment(1, "a hill", "one more");
    world.run(500);
    assert_eq!(page(&mut world, 0).unread, NOTICE_LIMIT);
    assert_eq!(world.records(0, Tree::Notices, b"n"), NOTICE_LIMIT);
    assert_eq!(world.records(0, Tree::Notices, b"i"), NOTICE_LIMIT);
    let oldest = &world.all(0, Tree::Notices, b"n")[0].0;
    assert_eq!(oldest[1..9], 2_u64.to_be_bytes(), "the oldest went");
    assert_eq!(told(&mut world, 0)[0], one(NoticeKind::Comment, "Bob", "one more"));
}

#[test]
fn likes_without_end_are_one_like_and_take_the_room_of_a_few() {
    let mut world = circle(529, &["Alice", "Mallory"]);
    world.post(0, "a hill", everyone());
    world.run(500);
    let thread = world.thread_of(1, "a hill");
    let writer = world.nodes[1].user();
    let contact = world.own_epoch(1, Class::Contact);
    let before = world.records(0, Tree::HideTags, &[]);
    for n in 0..400 {
        let seq = 1_000_000 + n;
        let entry = world.forge(&contact, seq, |epoch| {
            let slot = Slot { writer, epoch, seq };
            let mut entropy = tidings::crypto::Entropy::from_number(n);
            Body::Interaction(seal_interaction(&thread, &slot, &Inner::Like, &mut entropy).expect("a like"))
        });
        world.send_entry(1, 0, entry);
    }
    assert_eq!(world.likes(0, "a hill"), ["Mallory"]);
    assert!(events(&world, 0).0 <= 1 + 400 / POST_WRITER_LIKE_LIMIT, "{:?}", events(&world, 0));
    assert!(page(&mut world, 0).unread <= 1);
    assert_eq!(world.records(0, Tree::Interactions, &[]), POST_WRITER_LIKE_LIMIT);
    assert_eq!(world.records(0, Tree::HideTags, &[]) - before, POST_WRITER_LIKE_LIMIT);
}
