//! Who sees what.

use tidings::view::Happening;

use super::people::{circle, everyone, except, only, private, strangers};

#[test]
fn a_moment_for_everyone_arrives_in_the_same_breath_and_its_author_hears_of_it() {
    let mut world = circle(20, &["Alice", "Bob", "Carol"]);
    let posted = world.post(0, "hello", everyone());
    world.run(100);
    assert!(world.sees(1, "hello") && world.sees(2, "hello"));
    let told = world
        .happenings(1)
        .any(|what| matches!(what, Happening::Moment { moment } if moment.id == posted.id));
    assert!(told, "Bob's page was not told");
    let delivery = world.moment(0, "hello").delivery.expect("one's own");
    assert_eq!((delivery.may_read, delivery.have), (2, 2));
}

#[test]
fn only_except_private_and_tags_reach_exactly_whom_they_say() {
    let mut world = circle(21, &["Alice", "Bob", "Carol", "Dave"]);
    world.tag(0, "family", &["Bob", "Carol"]);
    world.post(0, "only Bob", only(&["Bob"]));
    world.post(0, "not Bob", except(&["Bob"]));
    world.post(0, "family", only(&["family"]));
    world.post(0, "not family", except(&["family"]));
    world.post(0, "me", private());
    world.run(2_000);
    let table: [(&str, [bool; 4]); 5] = [
        ("only Bob", [true, true, false, false]),
        ("not Bob", [true, false, true, true]),
        ("family", [true, true, true, false]),
        ("not family", [true, false, false, true]),
        ("me", [true, false, false, false]),
    ];
    for (text, sees) in table {
        for (who, expected) in sees.into_iter().enumerate() {
            assert_eq!(world.sees(who, text), expected, "{text:?} for {}", world.nodes[who].name);
        }
    }
}

#[test]
fn a_new_friend_sees_the_old_moments_of_every_rule_that_includes_them() {
    let mut world = circle(22, &["Alice", "Bob", "Carol"]);
    world.post(0, "for all", everyone());
    world.post(0, "not Bob", except(&["Bob"]));
    world.post(0, "only Carol", only(&["Carol"]));
    world.run(1_000);
    let erin = world.add("Erin");
    world.run(100);
    world.befriend(0, erin);
    world.run(3_000);
    assert!(world.sees(erin, "for all") && world.sees(erin, "not Bob"));
    assert!(!world.sees(erin, "only Carol"));
}

#[test]
fn a_new_friend_is_granted_old_moments_inside_the_window_alone() {
    let mut world = circle(23, &["Alice", "Bob", "Carol"]);
    world.post(0, "long ago", everyone());
    world.run(40 * 86_400_000);
    world.post(0, "lately", everyone());
    // Somebody is removed: the epoch that newcomers could share ends.
    world.ask(0, |service| service.remove_friend("Carol")).expect("a friend");
    world.post(0, "now", everyone());
    world.run(2_000);
    let erin = world.add("Erin");
    world.run(100);
    world.befriend(0, erin);
    world.run(5_000);
    for text in ["long ago", "lately", "now"] {
        assert!(world.sees(erin, text), "{text}");
    }
}

#[test]
fn whoever_is_tagged_later_sees_old_moments_and_whoever_is_untagged_none_of_them() {
    let mut world = circle(24, &["Alice", "Bob", "Carol"]);
    world.tag(0, "family", &["Bob"]);
    world.post(0, "first", only(&["family"]));
    world.run(1_000);
    assert!(!world.sees(2, "first"));
    world.tag(0, "family", &["Carol"]);
    world.run(1_000);
    assert!(world.sees(2, "first"));
    world.ask(0, |service| service.tag_remove("family", &["Bob".to_owned()])).expect("untagged");
    world.post(0, "second", only(&["family"]));
    world.run(1_000);
    assert!(world.sees(2, "second") && !world.sees(1, "second"));
    assert!(!world.sees(1, "first"), "his node was asked to forget it");
}

#[test]
fn a_changed_name_is_learnt_by_all_and_an_older_one_never_comes_back() {
    let mut world = circle(25, &["Alice", "Bob"]);
    let rename =
        |name: &str| tidings::ask::ProfileDraft { name: Some(name.to_owned()), ..Default::default() };
    world.partition(0, 1);
    for name in ["Alicia", "Alison", "Alina"] {
        world.ask(0, |service| service.set_profile(rename(name))).expect("a name");
        world.run(1_000);
    }
    world.join_all();
    world.run(400_000);
    assert_eq!(world.service(1).friends()[0].name, "Alina");
}

#[test]
fn a_private_moment_says_nothing_to_anybody() {
    let mut world = circle(26, &["Alice", "Bob"]);
    world.run(5_000);
    let before = world.nodes[1].received.len();
    world.post(0, "mine", private());
    world.run(5_000);
    assert_eq!(world.nodes[1].received.len(), before);
}

#[test]
fn a_stranger_gets_no_frame() {
    let mut world = strangers(27, &["Alice", "Bob", "Mallory"]);
    world.befriend(0, 1);
    world.connect(2, 0, None);
    world.post(0, "hello", everyone());
    world.run(5_000);
    assert!(world.nodes[2].received.is_empty());
}

#[test]
fn a_moment_from_a_clock_that_is_ahead_is_shown_when_its_time_has_come() {
    let mut world = circle(28, &["Alice", "Bob"]);
    world.nodes[0].ahead_ms = 30 * 60_000;
    world.post(0, "from the future", everyone());
    world.run(60_000);
    assert!(world.sees(0, "from the future") && !world.sees(1, "from the future"));
    world.run(21 * 60_000);
    assert!(world.sees(1, "from the future"));
}
