//! Old moments follow their rules: taken back, given back, made private and public, whoever is away, whatever comes first.

use tidings::ask::{AudienceWords, PrivacyDraft, TimelineQuery};
use tidings::id::{EntryId, EpochId};
use tidings::limits::RECALL_LIMIT;
use tidings::mail::{EntryRef, Item, Recall};
use tidings::store::{Batch, Tree};
use tidings::view::{self, Happening};

use super::people::{circle, everyone, except, only, private};
use super::photos::{has, share};
use super::secrecy::shape;
use super::world::{Who, World};

impl World {
    /// Changes who may see a moment.
    pub fn audience(&mut self, who: Who, text: &str, words: AudienceWords) -> view::AudienceChange {
        let id = self.moment(who, text).id.to_string();
        self.ask(who, |service| service.change_audience(&id, &words)).expect("the audience is changed")
    }

    pub fn untag(&mut self, who: Who, tag: &str, friend: &str) {
        let words = [friend.to_owned()];
        self.ask(who, |service| service.tag_remove(tag, &words)).expect("untagged");
    }

    pub fn hide_mine(&mut self, who: Who, friend: &str, hidden: bool) {
        let mut draft = PrivacyDraft::default();
        let list = if hidden { &mut draft.hide_mine_from } else { &mut draft.show_mine_to };
        list.push(friend.to_owned());
        self.ask(who, |service| service.set_privacy(&draft)).expect("privacy");
    }

    pub fn window(&mut self, who: Who, word: &str) {
        let draft = PrivacyDraft { window: Some(word.to_owned()), ..PrivacyDraft::default() };
        self.ask(who, |service| service.set_privacy(&draft)).expect("privacy");
    }
}

fn names(people: &[view::Person]) -> Vec<&str> {
    people.iter().map(|person| person.name.as_str()).collect()
}

#[test]
fn whoever_leaves_a_tag_loses_its_moments_and_has_them_back_with_it_but_not_those_of_meanwhile() {
    let mut world = circle(200, &["Alice", "Bob", "Carol"]);
    world.tag(0, "family", &["Bob", "Carol"]);
    world.post(0, "first", only(&["family"]));
    world.run(1_000);
    world.comment(1, "first", "mine");
    world.run(10);
    world.comment(2, "first", "Carol's");
    world.run(1_000);
    world.untag(0, "family", "Bob");
    world.run(1_000);
    assert!(!world.sees(1, "first") && world.sees(2, "first"));
    assert!(
        world.happenings(1).any(|what| matches!(what, Happening::Withdrawn { .. })),
        "Bob's page is told"
    );
    world.post(0, "meanwhile", only(&["family"]));
    world.comment(2, "first", "later");
    world.run(1_000);
    world.tag(0, "family", &["Bob"]);
    world.run(2_000);
    assert_eq!(world.comments(1, "first"), ["mine", "Carol's", "later"], "the thread comes back whole");
    assert!(!world.sees(1, "meanwhile"), "it was written without Bob");
    // Its author may open that very moment to him.
    let change = world.audience(0, "meanwhile", only(&["family"]));
    assert_eq!((names(&change.given_to), names(&change.taken_from)), (vec!["Bob"], vec![]));
    world.run(2_000);
    assert!(world.sees(1, "meanwhile"));
}

#[test]
fn whoever_is_put_under_an_excepted_tag_loses_the_old_ones_too() {
    let mut world = circle(201, &["Alice", "Bob", "Carol"]);
    world.tag(0, "work", &["Carol"]);
    world.post(0, "party", except(&["work"]));
    world.run(1_000);
    assert!(world.sees(1, "party") && !world.sees(2, "party"));
    world.tag(0, "work", &["Bob"]);
    world.run(1_000);
    assert!(!world.sees(1, "party"));
    let delivery = world.moment(0, "party").delivery.expect("one's own");
    assert_eq!((delivery.may_read, delivery.have), (0, 0));
    world.untag(0, "work", "Bob");
    world.run(2_000);
    assert!(world.sees(1, "party"));
}

#[test]
fn a_moment_made_private_leaves_nothing_with_others_and_comes_back_whole() {
    let mut world = circle(202, &["Alice", "Bob", "Carol"]);
    let ids = share(&mut world, 0, "a hill", 10, everyone());
    world.run(2_000);
    world.like(1, "a hill");
    world.run(1_000);
    assert!(has(&world, 1, &ids));
    let before = world.records(1, Tree::Timeline, &[]);
    let change = world.audience(0, "a hill", private());
    assert_eq!(names(&change.taken_from), ["Bob", "Carol"]);
    assert!(change.given_to.is_empty());
    let audience = change.moment.audience.expect("one's own");
    assert_eq!(audience.rule, view::RuleKind::Private);
    world.run(2_000);
    for who in [1, 2] {
        assert!(!world.sees(who, "a hill"));
        assert!(world.nodes[who].blobs.is_empty(), "its pictures are gone");
        assert_eq!(world.records(who, Tree::Timeline, &[]), before - 1);
    }
    assert!(has(&world, 0, &ids) && world.sees(0, "a hill"), "mine stays mine");
    // Neither a restart nor a long time brings it back.
    world.stop(1);
    world.start(1);
    world.run(1_500_000);
    assert!(!world.sees(1, "a hill") && world.nodes[1].blobs.is_empty());
    let change = world.audience(0, "a hill", everyone());
    assert_eq!(names(&change.given_to), ["Bob", "Carol"]);
    world.run(5_000);
    assert!(world.sees(1, "a hill") && world.sees(2, "a hill"));
    assert_eq!(world.likes(2, "a hill"), ["Bob"]);
    assert!(has(&world, 1, &ids), "its pictures are fetched again");
}

#[test]
fn a_friend_who_was_away_hears_of_it_through_a_friend_and_never_shows_it() {
    let mut world = circle(203, &["Alice", "Bob", "Carol"]);
    world.stop(1);
    world.run(2_000);
    world.post(0, "oops", everyone());
    world.run(2_000);
    world.audience(0, "oops", except(&["Bob"]));
    world.run(5_000);
    world.stop(0);
    world.start(1);
    world.run(400_000);
    assert!(!world.sees(1, "oops") && world.sees(2, "oops"));
    let shown =
        world.happenings(1).any(|what| matches!(what, Happening::Moment { moment } if moment.text == "oops"));
    assert!(!shown, "not even for a moment");
    world.start(0);
    world.run(400_000);
    assert!(!world.sees(1, "oops") && world.sees(2, "oops"));
    world.audience(0, "oops", everyone());
    world.run(5_000);
    assert!(world.sees(1, "oops"));
}

#[test]
fn whoever_lost_a_moment_does_not_keep_it_from_those_who_may_read_it() {
    let mut world = circle(204, &["Alice", "Bob", "Carol"]);
    world.stop(2);
    world.run(2_000);
    world.post(0, "for Carol as well", everyone());
    world.run(2_000);
    world.audience(0, "for Carol as well", except(&["Bob"]));
    world.run(2_000);
    // Carol meets Bob first, who knows that there is something and has it no more.
    world.partition(0, 2);
    world.start(2);
    world.run(400_000);
    world.join_all();
    world.run(400_000);
    assert!(world.sees(2, "for Carol as well") && !world.sees(1, "for Carol as well"));
}

#[test]
fn a_later_word_wins_and_one_said_again_changes_nothing() {
    let mut world = circle(205, &["Alice", "Bob", "Mallory"]);
    let posted = world.post(0, "hello", everyone());
    world.run(1_000);
    let place = place_of(&mut world, 0, posted.id);
    let recall = |version, is_shown| Item::Recall(Recall { post: place, version, is_shown });
    // Only its author recalls a moment.
    assert!(world.hand_over(2, 1, &[recall(9, false)]));
    assert!(world.sees(1, "hello"), "Mallory is not its author");
    assert!(world.hand_over(0, 1, &[recall(3, false)]));
    assert!(!world.sees(1, "hello"));
    assert!(world.hand_over(0, 1, &[recall(2, true)]));
    world.run(2_000);
    assert!(!world.sees(1, "hello"), "an older word");
    world.stop(1);
    world.start(1);
    world.run(30_000);
    assert!(world.hand_over(0, 1, &[recall(3, true)]));
    world.run(2_000);
    assert!(!world.sees(1, "hello"), "the same version says nothing new");
    assert!(world.hand_over(0, 1, &[recall(4, true)]));
    world.run(30_000);
    world.stop(1);
    world.start(1);
    world.run(30_000);
    assert!(world.sees(1, "hello"), "shown again and fetched");
    assert!(world.hand_over(0, 1, &[recall(3, false)]));
    assert!(world.sees(1, "hello"), "a replay of what was");
}

/// Where an own entry is.
fn place_of(world: &mut World, who: Who, entry: EntryId) -> EntryRef {
    let store = world.service(who).store();
    let value = store.get(Tree::ById, entry.as_bytes()).expect("memory").expect("known");
    let epoch = EpochId::try_from(&value[..16]).expect("an epoch");
    EntryRef { epoch, seq: u64::from_be_bytes(value[16..24].try_into().expect("a number")), entry }
}

#[test]
fn of_one_author_so_many_recalls_are_remembered_and_one_more_stays_owed() {
    let mut world = circle(206, &["Alice", "Bob"]);
    let epoch = EpochId::from_bytes([7; 16]);
    let recall = |n: usize| {
        let mut id = [9; 32];
        id[..8].copy_from_slice(&(n as u64).to_be_bytes());
        let post = EntryRef { epoch, seq: n as u64, entry: EntryId::from_bytes(id) };
        Item::Recall(Recall { post, version: 1, is_shown: false })
    };
    // All but one stand in the store already, as they are written there.
    let (store, mut batch) = (world.service(1).store(), Batch::new());
    for n in 1..RECALL_LIMIT {
        let Item::Recall(recall) = recall(n) else { unreachable!() };
        let alice = world.nodes[0].user();
        let key = [b"v", &alice.as_bytes()[..], epoch.as_bytes(), recall.post.entry.as_bytes()].concat();
        batch.insert(Tree::State, key, vec![0, 0, 0, 1, 1]);
    }
    store.apply(batch).expect("memory");
    world.stop(1);
    world.start(1);
    world.run(30_000);
    assert!(world.hand_over(0, 1, &[recall(0)]));
    assert_eq!(world.records(1, Tree::State, b"v"), RECALL_LIMIT);
    assert!(!world.hand_over(0, 1, &[recall(RECALL_LIMIT)]), "one more is not taken");
    assert!(world.hand_over(0, 1, &[recall(RECALL_LIMIT - 1)]), "what is known already is");
    assert_eq!(world.records(1, Tree::State, b"v"), RECALL_LIMIT);
    world.post(0, "all the same", everyone());
    world.run(1_000);
    assert!(world.sees(1, "all the same"));
}

#[test]
fn a_deleted_moment_leaves_no_word_about_its_audience_with_readers() {
    let mut world = circle(207, &["Alice", "Bob", "Carol"]);
    world.post(0, "oops", everyone());
    world.run(1_000);
    world.comment(1, "oops", "well");
    world.run(1_000);
    world.audience(0, "oops", except(&["Bob"]));
    world.run(1_000);
    assert_eq!((world.records(0, Tree::State, b"r"), world.records(1, Tree::State, b"v")), (2, 1));
    assert_eq!(world.records(1, Tree::Interactions, &[]), 1, "the thread is kept for its return");
    world.delete(0, "oops");
    world.run(2_000);
    assert_eq!((world.records(0, Tree::State, &[b'r', 0]), world.records(1, Tree::State, b"v")), (0, 0));
    assert_eq!(world.records(1, Tree::Interactions, &[]), 0);
    assert!(!world.sees(2, "oops"));
}

#[test]
fn hiding_mine_takes_the_old_ones_and_undoing_it_brings_them_back() {
    let mut world = circle(208, &["Alice", "Bob", "Carol"]);
    world.post(0, "before", everyone());
    world.run(1_000);
    world.hide_mine(0, "Bob", true);
    world.run(1_000);
    world.post(0, "meanwhile", everyone());
    world.run(1_000);
    assert_eq!(world.texts(1), Vec::<String>::new());
    assert_eq!(world.texts(2), ["meanwhile", "before"]);
    assert_eq!(world.try_post(0, "x", only(&["Bob"])).expect_err("refused").code, "cannot_be_named");
    world.hide_mine(0, "Bob", false);
    world.run(2_000);
    world.post(0, "after", everyone());
    world.run(1_000);
    assert_eq!(world.texts(1), ["after", "before"]);
}

#[test]
fn a_chats_only_friend_sees_nothing_and_their_words_still_arrive() {
    let mut world = circle(209, &["Alice", "Bob", "Carol"]);
    world.post(0, "before", everyone());
    world.run(1_000);
    let friend = world.ask(0, |service| service.chats_only("Bob", true)).expect("a friend");
    assert!(friend.chats_only);
    world.post(0, "meanwhile", everyone());
    world.run(1_000);
    assert!(world.texts(1).is_empty());
    world.post(1, "Bob's", everyone());
    world.run(1_000);
    assert!(world.sees(0, "Bob's"), "he is a friend");
    let dry = world.service(0).dry_run(&everyone()).expect("a rule");
    assert_eq!((dry.left_out[0].name.as_str(), dry.left_out[0].why), ("Bob", "chats only"));
    world.ask(0, |service| service.chats_only("Bob", false)).expect("a friend");
    world.run(2_000);
    assert_eq!(world.texts(1), ["Bob's", "before"]);
}

#[test]
fn hiding_theirs_is_my_view_alone() {
    let mut world = circle(210, &["Alice", "Bob"]);
    world.post(1, "Bob's", everyone());
    world.run(10);
    world.post(0, "mine", everyone());
    world.run(1_000);
    world.nodes[1].received.clear();
    let hide = PrivacyDraft { hide_theirs: vec!["Bob".to_owned()], ..PrivacyDraft::default() };
    world.ask(0, |service| service.set_privacy(&hide)).expect("privacy");
    assert_eq!(world.texts(0), ["mine"]);
    world.comment(1, "mine", "from Bob");
    world.post(1, "another", everyone());
    world.run(1_000);
    assert_eq!(world.comments(0, "mine"), ["from Bob"], "what he says beneath mine stays");
    assert_eq!(world.texts(0), ["mine"]);
    let show = PrivacyDraft { show_theirs: vec!["Bob".to_owned()], ..PrivacyDraft::default() };
    world.ask(0, |service| service.set_privacy(&show)).expect("privacy");
    assert_eq!(world.texts(0), ["another", "mine", "Bob's"]);
}

/// Two runs of the same world, of which the second sees a new moment; what Bob receives in each, after `prepare`.
fn traffic_of_bob(seed: u64, prepare: impl Fn(&mut World), post: impl Fn(&mut World)) -> [World; 2] {
    [false, true].map(|posts| {
        let mut world = circle(seed, &["Alice", "Bob", "Carol", "Dave"]);
        world.tag(0, "family", &["Bob", "Carol", "Dave"]);
        world.post(0, "old", everyone());
        world.post(0, "old family", only(&["family"]));
        world.run(5_000);
        prepare(&mut world);
        world.run(120_000);
        world.nodes[1].received.clear();
        if posts {
            post(&mut world);
        }
        world.run(1_500_000);
        world
    })
}

#[test]
fn no_frame_tells_whoever_is_hidden_from_that_there_is_a_new_moment() {
    type Prepare = fn(&mut World);
    let ways: [(Prepare, fn() -> AudienceWords); 3] = [
        (|world| world.hide_mine(0, "Bob", true), everyone),
        (|world| drop(world.ask(0, |service| service.chats_only("Bob", true)).expect("a friend")), everyone),
        (|world| world.untag(0, "family", "Bob"), || only(&["family"])),
    ];
    for (number, (prepare, words)) in ways.into_iter().enumerate() {
        let seed = 211 + number as u64;
        let [without, mut with] =
            traffic_of_bob(seed, prepare, |world| drop(world.post(0, "secret", words())));
        assert!(with.sees(2, "secret") && !with.sees(1, "secret"));
        assert!(!without.nodes[1].received.is_empty(), "rounds of tags are due");
        assert_eq!(shape(&with.nodes[1].received), shape(&without.nodes[1].received), "way {number}");
    }
}

#[test]
fn a_wider_window_gives_friends_what_they_lack_and_a_narrower_one_hides() {
    let mut world = circle(215, &["Alice", "Bob", "Carol"]);
    world.post(0, "long ago", everyone());
    world.run(4 * 86_400_000);
    world.post(0, "lately", everyone());
    world.run(1_000);
    world.window(0, "3d");
    world.run(1_000);
    assert_eq!(world.texts(1), ["lately"]);
    assert_eq!(world.texts(0), ["lately", "long ago"], "its owner sees all");
    let dave = world.add("Dave");
    world.run(100);
    world.befriend(0, dave);
    world.run(5_000);
    assert_eq!(world.texts(dave), ["lately"]);
    let as_dave = world.service(0).timeline_as("Dave", &TimelineQuery::default()).expect("a friend");
    assert_eq!(as_dave.moments.len(), 1);
    world.window(0, "1m");
    world.run(5_000);
    assert_eq!(world.texts(dave), ["lately", "long ago"]);
    assert_eq!(world.texts(1), ["lately", "long ago"]);
}

#[test]
fn privacy_is_changed_as_a_whole_or_not_at_all() {
    let mut world = circle(216, &["Alice", "Bob"]);
    let bad = |draft: PrivacyDraft| PrivacyDraft { window: Some("3d".to_owned()), ..draft };
    let bob = || vec!["Bob".to_owned()];
    for (draft, code) in [
        (
            PrivacyDraft { hide_theirs: vec!["nobody".to_owned()], ..PrivacyDraft::default() },
            "no_such_person",
        ),
        (PrivacyDraft { strangers: Some(5), ..PrivacyDraft::default() }, "bad_strangers"),
        (
            PrivacyDraft { hide_mine_from: bob(), show_mine_to: bob(), ..PrivacyDraft::default() },
            "privacy_contradicts",
        ),
    ] {
        let error = world.ask(0, |service| service.set_privacy(&bad(draft))).expect_err(code);
        assert_eq!(error.code, code);
        assert_eq!(world.service(0).privacy().window, "all");
    }
    let set = PrivacyDraft { strangers: Some(10), hide_mine_from: bob(), ..PrivacyDraft::default() };
    world.ask(0, |service| service.set_privacy(&bad(set))).expect("privacy");
    world.crash(0, 0);
    world.start(0);
    let privacy = world.service(0).privacy();
    assert_eq!((privacy.window, privacy.window_days, privacy.strangers), ("3d", 3, 10));
    assert_eq!(names(&privacy.hide_mine_from), ["Bob"]);
}

#[test]
fn what_a_friend_is_said_to_see_is_what_their_node_shows() {
    let mut world = circle(217, &["Alice", "Bob", "Carol"]);
    world.tag(0, "family", &["Carol"]);
    for (text, words) in
        [("all", everyone()), ("not Bob", except(&["Bob"])), ("family", only(&["family"])), ("me", private())]
    {
        world.post(0, text, words);
        world.run(10);
    }
    world.run(1_000);
    world.comment(1, "all", "Bob's");
    world.run(10);
    world.comment(2, "all", "Carol's");
    world.run(1_000);
    let check = |world: &mut World| {
        let query = TimelineQuery { limit: 1, ..TimelineQuery::default() };
        let mut shown = Vec::new();
        let mut before = None;
        loop {
            let query = TimelineQuery { before, ..query.clone() };
            let page = world.service(0).timeline_as("Bob", &query).expect("a friend");
            shown.extend(page.moments.into_iter().map(|moment| moment.text));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(shown, world.texts(1), "page by page");
        shown
    };
    assert_eq!(check(&mut world), ["all"]);
    world.audience(0, "not Bob", everyone());
    world.tag(0, "family", &["Bob"]);
    world.run(2_000);
    assert_eq!(check(&mut world), ["family", "not Bob", "all"]);
    world.audience(0, "all", private());
    world.run(2_000);
    assert_eq!(check(&mut world), ["family", "not Bob"]);
    let page = world.service(0).timeline_as("Carol", &TimelineQuery::default()).expect("a friend");
    let all = page.moments.iter().all(|moment| moment.text != "all" && moment.audience.is_none());
    assert!(all, "what is private is nobody's");
}

#[test]
fn beneath_a_moment_as_a_friend_sees_it_stand_their_words_and_mine() {
    let mut world = circle(218, &["Alice", "Bob", "Carol"]);
    world.post(0, "all", everyone());
    world.run(1_000);
    world.comment(0, "all", "mine");
    world.run(10);
    world.comment(1, "all", "Bob's");
    world.like(1, "all");
    world.comment(2, "all", "Carol's");
    world.run(1_000);
    let page = world.service(0).timeline_as("Bob", &TimelineQuery::default()).expect("a friend");
    let texts: Vec<&str> = page.moments[0].comments.iter().map(|comment| comment.text.as_str()).collect();
    assert_eq!(texts, ["mine", "Bob's"]);
    assert!(page.moments[0].liked_by_me && page.moments[0].delivery.is_none());
    let error = world.service(0).timeline_as("nobody", &TimelineQuery::default()).expect_err("nobody");
    assert_eq!(error.code, "no_such_person");
}

#[test]
fn only_its_author_changes_who_may_see_a_moment() {
    let mut world = circle(219, &["Alice", "Bob"]);
    let id = world.post(0, "hello", everyone()).id.to_string();
    world.run(1_000);
    let refused = world.ask(1, |service| service.change_audience(&id, &private())).expect_err("not his");
    assert_eq!(refused.code, "not_yours");
    let unknown =
        world.ask(0, |service| service.change_audience(&id, &only(&["nobody"]))).expect_err("nobody");
    assert_eq!(unknown.code, "no_such_person");
    let would = world.service(0).audience_dry_run(&id, &private()).expect("a rule");
    assert_eq!((names(&would.taken_from), would.readers.may_read), (vec!["Bob"], 0));
    world.run(1_000);
    assert!(world.sees(1, "hello"), "a dry run changes nothing");
}

#[test]
fn a_change_of_audience_survives_a_crash_at_any_commit() {
    for who in [0, 1] {
        for commits in 0..6 {
            for kept in [0, 2] {
                let mut world = circle(220, &["Alice", "Bob", "Carol"]);
                world.post(0, "oops", everyone());
                world.post(0, "back", everyone());
                world.run(1_000);
                world.audience(0, "back", except(&["Bob"]));
                world.run(1_000);
                world.fuse.insert(who, (commits, kept));
                world.audience(0, "oops", except(&["Bob"]));
                world.audience(0, "back", everyone());
                world.run(3_000);
                world.fuse.clear();
                if world.nodes[who].service.is_none() {
                    world.start(who);
                }
                world.run(400_000);
                let place = format!("{} after {commits} commits, {kept} kept", world.nodes[who].name);
                assert_eq!(world.texts(1), ["back"], "{place}");
                assert_eq!(world.texts(2), ["back", "oops"], "{place}");
                let moment = world.moment(0, "oops").audience.expect("one's own");
                assert_eq!(moment.rule, view::RuleKind::Except, "{place}");
            }
        }
    }
}
