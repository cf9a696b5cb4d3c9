//! Statuses, profile pictures, links' cards, mentions; and what has expired.

use tidings::ask::{
    LinkDraft, PhotoDraft, PictureChange, PictureDraft, PostDraft, ProfileDraft, SealedBlob, StatusDraft,
};
use tidings::crypto::BlobKey;
use tidings::error::Kind;
use tidings::id::BlobId;
use tidings::limits::MAINTAIN_INTERVAL_MS;
use tidings::store::Tree;
use tidings::time::DAY_MS;
use tidings::view::{self, Happening};

use super::people::{circle, everyone, only, strangers};
use super::world::{Who, World};

const HOUR_MS: u64 = 3_600_000;

fn set_status(world: &mut World, who: Who, text: &str, life_ms: u64) -> view::StatusLine {
    let draft = StatusDraft { text: text.to_owned(), emoji: "\u{1f6b6}".to_owned(), life_ms: Some(life_ms) };
    world.ask(who, |service| service.set_status(draft)).expect("a status").1
}

/// The words of a friend's status, as somebody sees it.
fn status_seen(world: &mut World, who: Who, of: Who) -> Option<String> {
    let (user, now) = (world.nodes[of].user().to_string(), world.now.plus_ms(world.nodes[who].ahead_ms));
    let service = world.service(who);
    service.set_now(now);
    service.friend(&user).expect("a friend").status.map(|status| status.text)
}

fn sealed(number: u8, plain_bytes: u64) -> SealedBlob {
    SealedBlob {
        id: BlobId::from_bytes([number; 32]),
        key: BlobKey::from_bytes([number; 32]),
        plain_hash: [number; 32],
        plain_bytes,
    }
}

fn picture(world: &mut World, who: Who, number: u8, plain_bytes: u64) -> PictureChange {
    let picture = sealed(number, plain_bytes);
    world.nodes[who].blobs.insert(picture.id);
    let mime = "image/jpeg".to_owned();
    PictureChange::Set(Box::new(PictureDraft { picture, mime, width: 512, height: 512, thumbhash: vec![1] }))
}

fn id(number: u8) -> BlobId {
    BlobId::from_bytes([number; 32])
}

fn set_profile(world: &mut World, who: Who, avatar: PictureChange, cover: PictureChange) -> view::Profile {
    let draft = ProfileDraft { avatar, cover, ..ProfileDraft::default() };
    world.ask(who, |service| service.set_profile(draft)).expect("a profile")
}

fn friend(world: &mut World, who: Who, of: Who) -> view::Friend {
    let user = world.nodes[of].user().to_string();
    world.service(who).friend(&user).expect("a friend")
}

#[test]
fn a_status_is_seen_by_friends_until_it_ends_and_is_no_moment() {
    let mut world = circle(700, &["Alice", "Bob"]);
    let said = set_status(&mut world, 0, "on a walk", HOUR_MS);
    assert_eq!(said.until, world.now.plus_ms(HOUR_MS));
    world.nodes[1].happened.clear();
    world.run(1_000);
    assert_eq!(status_seen(&mut world, 1, 0).as_deref(), Some("on a walk"));
    let told = world.happenings(1).any(|what| {
        matches!(what, Happening::Friend { friend } if friend.status.as_ref().is_some_and(|s| s.text == "on a walk"))
    });
    assert!(told, "whoever listens is told");
    assert!(world.moments(0).is_empty() && world.moments(1).is_empty(), "it is in no timeline");
    assert!(world.service(0).profile().status.is_some());
    world.run(HOUR_MS - 1_001);
    assert!(status_seen(&mut world, 1, 0).is_some(), "a millisecond before its end");
    world.run(1);
    assert_eq!(status_seen(&mut world, 1, 0), None);
    assert!(world.ask(0, |service| Ok(service.profile())).expect("mine").status.is_none());
}

#[test]
fn a_status_that_was_taken_back_or_replaced_does_not_come_again() {
    let mut world = circle(701, &["Alice", "Bob", "Carol"]);
    set_status(&mut world, 0, "first", 7 * DAY_MS);
    world.run(1_000);
    world.stop(1);
    set_status(&mut world, 0, "second", HOUR_MS);
    world.run(1_000);
    assert_eq!(status_seen(&mut world, 2, 0).as_deref(), Some("second"));
    world.stop(0);
    // Bob hears of it from Carol; the second ends, and the first, which would have lasted, is not shown again.
    world.start(1);
    world.run(10_000);
    assert_eq!(status_seen(&mut world, 1, 0).as_deref(), Some("second"));
    world.run(HOUR_MS);
    assert_eq!(status_seen(&mut world, 1, 0), None);
    world.start(0);
    world.run(10_000);
    set_status(&mut world, 0, "third", HOUR_MS);
    world.run(1_000);
    world.ask(0, |service| service.clear_status()).expect("taken back");
    world.run(1_000);
    assert_eq!([1, 2].map(|who| status_seen(&mut world, who, 0)), [None, None]);
    assert!(world.ask(0, |service| service.clear_status()).expect("nothing to do").is_none());
    // What is known of it survives a restart, on both sides.
    world.stop(1);
    world.start(1);
    world.run(5_000);
    assert_eq!(status_seen(&mut world, 1, 0), None);
}

#[test]
fn a_friend_who_is_to_see_nothing_of_mine_sees_no_status_either() {
    let mut world = circle(710, &["Alice", "Bob", "Carol"]);
    let until = set_status(&mut world, 0, "on a walk", HOUR_MS).until;
    world.run(1_000);
    world.ask(0, |service| service.chats_only("Bob", true)).expect("chats only");
    world.run(2_000);
    assert_eq!(status_seen(&mut world, 1, 0), None);
    assert_eq!(status_seen(&mut world, 2, 0).as_deref(), Some("on a walk"));
    assert_eq!(world.service(0).profile().status.expect("still").until, until);
    set_status(&mut world, 0, "at the lake", HOUR_MS);
    world.run(2_000);
    assert_eq!([1, 2].map(|who| status_seen(&mut world, who, 0).is_some()), [false, true]);
    let hide = tidings::ask::PrivacyDraft { hide_theirs: vec!["Alice".into()], ..Default::default() };
    world.ask(2, |service| service.set_privacy(&hide)).expect("hidden");
    assert_eq!(status_seen(&mut world, 2, 0), None, "nor who wants to see nothing of hers");
}

#[test]
fn a_status_has_limits_and_says_which() {
    let mut world = circle(702, &["Alice"]);
    let mut set = |text: &str, emoji: &str, life_ms: u64| {
        let draft = StatusDraft { text: text.into(), emoji: emoji.into(), life_ms: Some(life_ms) };
        world.ask(0, |service| service.set_status(draft)).map(drop).map_err(|error| error.kind)
    };
    assert_eq!(set(&"x".repeat(200), &"y".repeat(40), 7 * DAY_MS), Ok(()));
    assert_eq!(set(&"x".repeat(201), "", DAY_MS), Err(Kind::Refused));
    assert_eq!(set("", &"y".repeat(41), DAY_MS), Err(Kind::Refused));
    assert_eq!(set("x", "", 7 * DAY_MS + 1), Err(Kind::Refused));
    assert_eq!(set("x", "", 0), Err(Kind::Usage));
    assert_eq!(set("  ", "", DAY_MS), Err(Kind::Usage));
    assert_eq!(set("", "y", DAY_MS), Ok(()));
}

#[test]
fn profile_pictures_come_at_once_from_whoever_has_them_and_go_with_the_next_profile() {
    let mut world = circle(703, &["Alice", "Bob", "Carol"]);
    world.stop(2);
    let (avatar, cover) = (picture(&mut world, 0, 10, 60_000), picture(&mut world, 0, 11, 300_000));
    let mine = set_profile(&mut world, 0, avatar, cover);
    assert_eq!((mine.avatar, mine.cover), (Some(id(10)), Some(id(11))));
    world.run(2_000);
    let seen = friend(&mut world, 1, 0);
    assert_eq!((seen.avatar, seen.cover), (Some(id(10)), Some(id(11))));
    assert!(world.nodes[1].blobs.contains(&id(10)) && world.nodes[1].blobs.contains(&id(11)));
    let (readings, is_here) = world.service(1).blob(&id(10)).expect("a friend's picture");
    assert!(is_here && readings.len() == 1 && readings[0].mime == "image/jpeg");
    // Alice goes; Carol, a friend of both, has it from Bob.
    world.stop(0);
    world.start(2);
    world.run(20_000);
    assert!(world.nodes[2].blobs.contains(&id(10)), "a mutual friend hands it on");
    world.start(0);
    world.run(20_000);
    let next = picture(&mut world, 0, 12, 50_000);
    set_profile(&mut world, 0, next, PictureChange::Keep);
    world.run(5_000);
    for who in 0..3 {
        let held = &world.nodes[who].blobs;
        assert_eq!([10, 11, 12].map(|n| held.contains(&id(n))), [false, true, true], "{who}");
    }
    set_profile(&mut world, 0, PictureChange::Remove, PictureChange::Remove);
    // That the files are to go is remembered for a while, lest the power is cut before they do.
    world.run(5_000);
    assert!((0..3).all(|who| world.nodes[who].blobs.is_empty()));
    world.run(3 * MAINTAIN_INTERVAL_MS);
    for who in 0..3 {
        assert!(world.nodes[who].blobs.is_empty(), "{who}");
        assert_eq!(world.records(who, Tree::Blobs, &[]), 0, "nothing names them");
    }
    assert_eq!(friend(&mut world, 1, 0).avatar, None);
}

#[test]
fn a_picture_set_before_the_first_friend_is_seen_by_that_friend_and_by_no_stranger() {
    let mut world = circle(704, &["Alice"]);
    let (bob, eve) = (world.add("Bob"), world.add("Eve"));
    world.run(100);
    let avatar = picture(&mut world, 0, 10, 60_000);
    set_profile(&mut world, 0, avatar, PictureChange::Keep);
    assert!(world.service(0).blob(&id(10)).expect("mine").1);
    world.stop(0);
    world.start(0);
    world.run(100);
    world.befriend(0, bob);
    world.befriend(bob, eve);
    world.run(20_000);
    assert_eq!(friend(&mut world, bob, 0).avatar, Some(id(10)));
    assert!(world.nodes[bob].blobs.contains(&id(10)));
    let before = world.nodes[eve].blobs.len();
    assert_eq!(world.service(eve).blob(&id(10)).unwrap_err().kind, Kind::NotFound);
    // With the file on Bob's disk, a question of Eve's is refused all the same.
    let moment = PhotoDraft {
        picture: sealed(10, 60_000),
        preview: sealed(99, 9_000),
        mime: "image/jpeg".to_owned(),
        width: 1,
        height: 1,
        thumbhash: Vec::new(),
        alt: None,
    };
    let draft = PostDraft { text: "bait".into(), photos: vec![moment], ..PostDraft::default() };
    world.ask(eve, |service| service.post(draft)).expect("Eve knows the id, let us say");
    world.run(20_000);
    assert_eq!(world.nodes[eve].blobs.len(), before);
}

#[test]
fn a_friend_lost_and_found_looks_as_before() {
    let mut world = circle(705, &["Alice", "Bob"]);
    let avatar = picture(&mut world, 0, 10, 60_000);
    let about = Some("gone fishing".to_owned());
    let draft = ProfileDraft { about, avatar, ..ProfileDraft::default() };
    world.ask(0, |service| service.set_profile(draft)).expect("a profile");
    world.run(2_000);
    assert_eq!(friend(&mut world, 1, 0).about, "gone fishing");
    world.ask(1, |service| service.remove_friend("Alice")).expect("removed");
    assert_eq!(world.service(1).blob(&id(10)).unwrap_err().kind, Kind::NotFound, "hers no more to see");
    world.run(2_000);
    world.befriend(0, 1);
    let seen = friend(&mut world, 1, 0);
    assert_eq!((seen.about.as_str(), seen.avatar), ("gone fishing", Some(id(10))));
    assert!(world.service(1).blob(&id(10)).expect("to be seen again").1);
}

#[test]
fn a_flood_of_profiles_leaves_what_the_last_one_names() {
    let mut world = circle(706, &["Alice", "Bob"]);
    world.nodes[0].is_mute = true;
    for number in 0..400_u32 {
        let mut draft = match picture(&mut world, 0, 1, 60_000) {
            PictureChange::Set(draft) => draft,
            _ => unreachable!("it is set"),
        };
        let mut name = [7; 32];
        name[..4].copy_from_slice(&number.to_be_bytes());
        draft.picture.id = BlobId::from_bytes(name);
        set_profile(&mut world, 0, PictureChange::Set(draft), PictureChange::Keep);
        if number % 50 == 0 {
            world.run(1_000);
        }
    }
    world.run(3 * MAINTAIN_INTERVAL_MS);
    assert!(world.records(1, Tree::Blobs, &[]) <= 2, "{}", world.records(1, Tree::Blobs, &[]));
    assert_eq!(world.records(1, Tree::State, b"c"), 1);
    let newest = world.service(0).profile().avatar;
    assert_eq!(friend(&mut world, 1, 0).avatar, newest);
}

#[test]
fn the_picture_of_a_card_travels_with_its_moment_and_is_no_photo_of_it() {
    let mut world = circle(707, &["Alice", "Bob"]);
    let photo = |number: u8| PhotoDraft {
        picture: sealed(number, 300_000),
        preview: sealed(number + 100, 9_000),
        mime: "image/jpeg".to_owned(),
        width: 800,
        height: 600,
        thumbhash: vec![1, 2, 3],
        alt: None,
    };
    let link = LinkDraft {
        url: "https://example.org/a".into(),
        title: "A title".into(),
        image: Some(photo(50)),
        ..LinkDraft::default()
    };
    for photos in [0_u8, 8, 9] {
        let text = format!("{photos} photos and a card");
        let pictures: Vec<PhotoDraft> = (1..=photos).map(photo).collect();
        for picture in pictures.iter().chain(&link.image) {
            world.nodes[0].blobs.extend([picture.picture.id, picture.preview.id]);
        }
        let draft = PostDraft {
            text: text.clone(),
            photos: pictures,
            link: Some(link.clone()),
            ..PostDraft::default()
        };
        world.ask(0, |service| service.post(draft)).expect("shared");
        world.run(3_000);
        let seen = world.moment(1, &text);
        assert_eq!(seen.photos.len(), usize::from(photos));
        let card = seen.link.expect("a card");
        assert_eq!((card.url.as_str(), card.title.as_str()), ("https://example.org/a", "A title"));
        let has_room = photos < 9;
        assert_eq!(card.image, has_room.then(|| id(50)), "with {photos} photos");
        assert_eq!(card.preview, has_room.then(|| id(150)));
        assert_eq!(world.nodes[1].blobs.contains(&id(50)), has_room);
        assert_eq!(world.nodes[0].blobs.contains(&id(50)), has_room, "what found no room is gone");
        world.delete(0, &text);
        world.run(3_000);
        assert!(world.nodes[0].blobs.is_empty() && world.nodes[1].blobs.is_empty());
    }
}

#[test]
fn the_number_of_people_mentioned_does_not_show_in_the_length() {
    let names = ["Alice", "Bob", "Carol", "Dave", "Eve", "Erin"];
    let mut world = strangers(708, &names);
    for other in 1..names.len() {
        world.befriend(0, other);
    }
    world.run(5_000);
    let lengths = |world: &mut World, mentions: usize| -> Vec<usize> {
        world.nodes[1].received.clear();
        // Somewhere in between, eight bytes more or less are another padded length.
        for len in (0..280).step_by(7) {
            let text = "x".repeat(len + 1);
            let mentions = names[1..=mentions].iter().map(|name| (*name).to_owned()).collect();
            let draft = PostDraft { text, mentions, ..PostDraft::default() };
            world.ask(0, |service| service.post(draft)).expect("shared");
            world.run(200);
        }
        let entries = world.nodes[1].received.iter().filter(|frame| frame.kind == "Entry");
        entries.map(|frame| frame.frame.len()).collect()
    };
    let one = lengths(&mut world, 1);
    assert_eq!(one.len(), 40);
    assert_eq!(one, lengths(&mut world, 4));
    assert_ne!(one, lengths(&mut world, 5), "the fifth begins the next four");
    // And readers see only themselves.
    let draft = PostDraft {
        text: "both of you".into(),
        mentions: vec!["Bob".into(), "Carol".into()],
        ..PostDraft::default()
    };
    world.ask(0, |service| service.post(draft)).expect("shared");
    world.run(1_000);
    let seen = |world: &mut World, who: Who| -> Vec<String> {
        let people = world.moment(who, "both of you").mentions.into_iter();
        let mut names: Vec<String> = people.map(|person| person.name).collect();
        names.sort();
        names
    };
    assert_eq!(seen(&mut world, 0), ["Bob", "Carol"]);
    assert_eq!(seen(&mut world, 1), ["Bob"]);
    assert_eq!(seen(&mut world, 2), ["Carol"]);
    assert!(seen(&mut world, 3).is_empty());
    let outside = PostDraft { text: "x".into(), mentions: vec!["Bob".into()], ..PostDraft::default() };
    let draft = PostDraft { audience: only(&["Carol"]), ..outside };
    assert_eq!(world.ask(0, |service| service.post(draft)).unwrap_err().kind, Kind::Refused);
}

/// Lets days pass without a second of them being simulated: all are off meanwhile.
fn sleep(world: &mut World, days: u64) {
    for who in 0..world.nodes.len() {
        world.stop(who);
    }
    world.now = world.now.plus_ms(days * DAY_MS);
    for who in 0..world.nodes.len() {
        world.start(who);
    }
    world.run(180_000);
}

#[test]
fn what_has_expired_goes_but_not_because_a_clock_leapt() {
    let mut world = circle(709, &["Alice", "Bob"]);
    world.post(0, "a post stays", everyone());
    set_status(&mut world, 0, "a status goes", DAY_MS);
    world.run(1_000);
    let whole = |world: &mut World, who: Who| {
        let (store, mut whole) = (world.service(who).store(), 0);
        let range = tidings::store::KeyRange::all();
        let page = store.scan(Tree::Log, range, tidings::store::Direction::Forward, 10_000).expect("memory");
        for (_, value) in page.records {
            whole += usize::from(value.first() == Some(&1));
        }
        whole
    };
    let before = [0, 1].map(|who| whole(&mut world, who));
    // Eight days at once: the clock is in doubt, and nothing goes.
    sleep(&mut world, 8);
    let doubted = [0, 1].map(|who| whole(&mut world, who));
    assert!(doubted[0] >= before[0] && doubted[1] >= before[1], "{before:?} {doubted:?}");
    // A day later it is believed; the status has been over for long.
    world.run(DAY_MS);
    world.run(300_000);
    let after = [0, 1].map(|who| whole(&mut world, who));
    assert!(after[0] < doubted[0] && after[1] < doubted[1], "{doubted:?} {after:?}");
    // And a week on, the first DeviceRecords, which held for two.
    sleep(&mut world, 6);
    sleep(&mut world, 3);
    let later = [0, 1].map(|who| whole(&mut world, who));
    assert!(world.sees(1, "a post stays") && world.sees(0, "a post stays"));
    assert!(later[1] <= after[1] + 2, "they do not pile up: {after:?} {later:?}");
    // All are still in sync: what went is known, and is not asked for again.
    world.nodes[1].received.clear();
    world.cut(0, 1);
    world.run(120_000);
    assert!(world.nodes[1].received.iter().all(|frame| frame.kind != "Entry"));
}
