//! Two friends offered to each other: what each learns when, what a liar can do, and what survives absence.

use tidings::crypto::InviteSecret;
use tidings::id::UserId;
use tidings::identity::Invite;
use tidings::limits::{INTRODUCTION_FRIEND_LIMIT, INTRODUCTION_LIMIT};
use tidings::mail::{self, Introduction, IntroductionAnswer, IntroductionRecords, Item};
use tidings::service::state::Friend;
use tidings::store::Tree;
use tidings::time::DAY_MS;
use tidings::wire::Encode;
use tidings::{view, wire};

use super::people::{everyone, strangers};
use super::world::{Who, World};

const CAROL: Who = 2;

/// Carol is a friend of Alice and of Bob, who do not know each other.
fn three(seed: u64) -> World {
    let mut world = strangers(seed, &["Alice", "Bob", "Carol"]);
    world.befriend(CAROL, 0);
    world.befriend(CAROL, 1);
    world.run(25_000);
    world
}

fn introduce(world: &mut World) {
    world.ask(CAROL, |service| service.introduce("Alice", "Bob")).expect("two friends");
    world.run(2_000);
}

fn say(world: &mut World, who: Who, yes: bool) {
    let word = world.nodes[1 - who].name.clone();
    let verb = move |service: &mut tidings::service::Service| {
        if yes { service.confirm(&word) } else { service.decline(&word) }
    };
    world.ask(who, verb).expect("a request");
    world.run(2_000);
}

fn request(world: &mut World, who: Who) -> view::Request {
    let mut requests = world.service(who).requests();
    assert_eq!(requests.len(), 1);
    requests.pop().expect("one")
}

/// Whatever parcels have brought to somebody, opened.
fn items(world: &mut World, who: Who) -> Vec<Item> {
    let store = world.service(who).store();
    let today = world.now.day();
    let node = &world.nodes[who];
    let mut found = Vec::new();
    for frame in node.received.iter().filter(|frame| frame.kind == "Deliver") {
        let Ok(Some(mail::Frame::Deliver(envelope))) = mail::Frame::decode(&frame.frame) else { continue };
        let sender = world.nodes[frame.from].user();
        let Some(bytes) = store.get(Tree::State, &[b"f", &sender.as_bytes()[..]].concat()).expect("memory")
        else {
            continue;
        };
        let friend: Friend = wire::decode(&bytes).expect("a friend");
        let me = node.user();
        let keys = mail::OpenKeys {
            from_root: &sender,
            to_root: &me,
            pair_key: &friend.pair_key,
            psk_gen: envelope.psk_gen,
            seal_to: node.keyring.seal_for(&envelope.seal_id).expect("my seal key"),
        };
        let opened = mail::open(&envelope, &keys, today).expect("it opens");
        let record = friend.live_devices().next().expect("a device");
        let received =
            opened.unproven.check_device(&record.device(), &record.seal(), &node.keyring.device_id());
        found.extend(received.expect("their device's").items);
    }
    found
}

/// Whether somebody has been sent the address or the node key of another.
fn knows_the_way(world: &mut World, who: Who, to: Who) -> bool {
    let (address, node) = (world.nodes[to].address.clone(), world.nodes[to].keyring.node_id());
    items(world, who).iter().any(|item| {
        let bytes = item.encode();
        let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        has(address.as_bytes()) || has(node.as_bytes())
    })
}

#[test]
fn two_become_friends_once_both_have_said_yes_and_neither_learns_the_way_before() {
    let mut world = three(720);
    introduce(&mut world);
    for (who, other) in [(0, "Bob"), (1, "Alice")] {
        let asked = request(&mut world, who);
        assert_eq!((asked.name.as_str(), asked.via, asked.confirmed), (other, "introduction", false));
        assert_eq!(asked.by.expect("by somebody").name, "Carol");
        assert!(items(&mut world, who).iter().any(|item| matches!(item, Item::Introduction(_))));
        assert!(!knows_the_way(&mut world, who, 1 - who));
    }
    say(&mut world, 0, true);
    world.run(60_000);
    assert!(request(&mut world, 0).confirmed && !request(&mut world, 1).confirmed);
    for who in [0, 1] {
        assert!(!knows_the_way(&mut world, who, 1 - who), "one yes is not two");
        assert!(world.service(who).friends().len() == 1);
    }
    say(&mut world, 1, true);
    world.run(20_000);
    assert!(world.are_friends(0, 1));
    assert!(knows_the_way(&mut world, 0, 1) && knows_the_way(&mut world, 1, 0));
    for (who, other) in [(0, "Bob"), (1, "Alice")] {
        let friend = world.service(who).friend(other).expect("a friend");
        assert_eq!(friend.introduced_by.expect("by somebody").name, "Carol");
        assert!(!friend.verified && !friend.blocked);
        assert!(world.service(who).requests().is_empty());
        assert_eq!(world.records(who, Tree::State, b"d"), 0, "nothing is left of it");
    }
    let words = |world: &mut World, who: Who, other: &str| {
        world.ask(who, |service| service.verify_friend(other, None)).expect("a friend").words
    };
    assert_eq!(words(&mut world, 0, "Bob"), words(&mut world, 1, "Alice"));
    world.post(0, "to a new friend", everyone());
    world.run(3_000);
    assert!(world.sees(1, "to a new friend"));
}

#[test]
fn an_introduction_waits_for_who_is_away_and_survives_restarts() {
    let mut world = three(721);
    world.stop(1);
    introduce(&mut world);
    say(&mut world, 0, true);
    world.stop(0);
    world.crash(CAROL, 0);
    world.start(CAROL);
    world.run(1_000);
    world.start(1);
    world.run(20_000);
    say(&mut world, 1, true);
    world.crash(1, 0);
    world.start(1);
    world.run(120_000);
    assert!(!world.are_friends_with(1, 0));
    world.start(0);
    world.run(400_000);
    assert!(world.are_friends(0, 1));
    assert!(world.service(0).friend("Bob").expect("a friend").introduced_by.is_some());
}

#[test]
fn a_no_is_between_the_one_who_said_it_and_the_introducer_and_all_is_over_after_thirty_days() {
    let mut world = three(722);
    introduce(&mut world);
    say(&mut world, 1, false);
    assert!(world.service(1).requests().is_empty());
    say(&mut world, 0, true);
    world.run(120_000);
    assert!(request(&mut world, 0).confirmed, "Alice is not told");
    assert!(!knows_the_way(&mut world, 0, 1) && !knows_the_way(&mut world, 1, 0));
    let again = world.ask(CAROL, |service| service.introduce("Bob", "Alice"));
    assert_eq!(again.expect_err("once is enough").code, "introduced_already");
    for who in [0, 1, CAROL] {
        world.stop(who);
    }
    world.run(31 * DAY_MS);
    for who in [0, 1, CAROL] {
        world.start(who);
    }
    // A clock that leaps is not believed for a day.
    world.run(DAY_MS + 600_000);
    for who in [0, 1, CAROL] {
        assert_eq!(world.records(who, Tree::State, b"d"), 0, "{}", world.nodes[who].name);
        assert!(world.service(who).requests().is_empty());
    }
}

#[test]
fn friends_are_not_introduced_to_each_other_and_learn_nothing() {
    let mut world = three(723);
    world.befriend(0, 1);
    introduce(&mut world);
    world.run(5_000);
    assert!(world.service(0).requests().is_empty() && world.service(1).requests().is_empty());
    let refused = |world: &mut World, a: &str, b: &str| {
        let (a, b) = (a.to_owned(), b.to_owned());
        let error = world.ask(CAROL, move |service| service.introduce(&a, &b)).expect_err("refused");
        (error.code, error.kind.exit_code())
    };
    assert_eq!(refused(&mut world, "Alice", "Alice"), ("same_person", 5));
    assert_eq!(refused(&mut world, "Alice", "Nobody"), ("no_such_person", 4));
}

fn offer(byte: u8) -> Item {
    let (user, secret) = (UserId::from_bytes([byte; 32]), InviteSecret::from_bytes([byte; 32]));
    Item::Introduction(Introduction { user, secret, name: "Some\u{7}body".to_owned() })
}

#[test]
fn an_introducer_who_lies_or_floods_makes_so_many_requests_appear_and_nothing_else() {
    let mut world = three(724);
    let (alice, carol) = (world.nodes[0].user(), world.nodes[CAROL].user());
    let about = |user: UserId| {
        Item::Introduction(Introduction {
            user,
            secret: InviteSecret::from_bytes([200; 32]),
            name: "X".to_owned(),
        })
    };
    // To herself, and to the one who introduces.
    assert!(world.hand_over(CAROL, 0, &[about(alice), about(carol)]));
    assert!(world.service(0).requests().is_empty());
    let most = u8::try_from(INTRODUCTION_FRIEND_LIMIT).expect("few");
    for byte in 1..=most + 1 {
        assert!(world.hand_over(CAROL, 0, &[offer(byte)]));
        // Again, and under another secret.
        assert!(world.hand_over(CAROL, 0, &[offer(byte), about(UserId::from_bytes([byte; 32]))]));
        assert_eq!(world.service(0).requests().len(), usize::from(byte.min(most)), "after {byte}");
    }
    assert!(world.service(0).requests().iter().all(|request| request.name == "Somebody"));
    const { assert!(INTRODUCTION_FRIEND_LIMIT < INTRODUCTION_LIMIT) };
    // Records that nobody said yes to, of somebody else, by somebody else; answers to what was never made.
    let records = |world: &mut World, of: Who, byte: u8| {
        let me = world.service(of).store().get(Tree::State, b"m").expect("memory").expect("a person");
        let me: tidings::service::state::Me = wire::decode(&me).expect("a person");
        let id = tidings::crypto::keys::invite_id(&InviteSecret::from_bytes([byte; 32]));
        Item::IntroductionRecords(IntroductionRecords {
            id,
            identity: wire::decode(&me.identity).expect("a record"),
            device: wire::decode(&me.device).expect("a record"),
        })
    };
    let bobs = records(&mut world, 1, 1);
    assert!(world.hand_over(CAROL, 0, std::slice::from_ref(&bobs)));
    let word = UserId::from_bytes([1; 32]).to_string();
    world.ask(0, |service| service.confirm(&word)).expect("a request");
    world.run(1_000);
    assert!(world.hand_over(CAROL, 0, &[bobs]), "of another than was introduced");
    let id = tidings::crypto::keys::invite_id(&InviteSecret::from_bytes([9; 32]));
    let answer = IntroductionAnswer { id, user: alice, yes: true };
    assert!(world.hand_over(CAROL, 0, &[Item::IntroductionAnswer(answer)]));
    world.run(60_000);
    assert_eq!(world.service(0).friends().len(), 1);
    // Whoever parts with the liar is rid of it all.
    world.ask(0, |service| service.remove_friend("Carol")).expect("a friend");
    assert!(world.service(0).requests().is_empty());
    assert_eq!(world.records(0, Tree::State, b"d"), 0);
}

#[test]
fn the_introducers_secret_opens_no_door_but_to_the_one_who_was_introduced() {
    let mut world = three(725);
    introduce(&mut world);
    // The one with the higher user id opens the door; the other is kept away meanwhile.
    let (door, dialler) = if world.nodes[0].user() > world.nodes[1].user() { (0, 1) } else { (1, 0) };
    world.partition(0, 1);
    say(&mut world, 0, true);
    say(&mut world, 1, true);
    world.run(5_000);
    assert!(!world.are_friends_with(door, dialler));
    let secret = items(&mut world, door).into_iter().find_map(|item| match item {
        Item::Introduction(offer) => Some(offer.secret),
        _ => None,
    });
    // Carol's second self, whom she gives the secret.
    let eve = world.add("Eve");
    world.run(100);
    let invite = Invite {
        root: world.nodes[door].user(),
        node: world.nodes[door].keyring.node_id(),
        addresses: vec![world.nodes[door].address.clone()],
        secret: secret.expect("the offer came"),
        expires: world.now.plus_ms(DAY_MS),
    };
    world.accept(eve, &invite.expose_link()).expect("a link");
    world.run(10_000);
    assert!(world.service(eve).friends().is_empty());
    assert_eq!(world.service(door).friends().len(), 1, "Carol and nobody else");
    world.join(0, 1);
    world.run(120_000);
    assert!(world.are_friends(0, 1), "and the door is still open to the right one");
}

#[test]
fn so_many_introductions_of_one_friend_are_open_and_one_more_is_refused() {
    let names: Vec<String> = (0..INTRODUCTION_FRIEND_LIMIT + 3).map(|n| format!("P{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = strangers(726, &names);
    for friend in 1..names.len() {
        world.befriend(0, friend);
    }
    for other in &names[2..names.len() - 1] {
        let word = (*other).to_owned();
        world.ask(0, move |service| service.introduce("P1", &word)).expect("below the limit");
    }
    let last = names[names.len() - 1].to_owned();
    let error = world.ask(0, move |service| service.introduce("P1", &last)).expect_err("one more");
    assert_eq!((error.code, error.kind.exit_code()), ("introduction_limit", 5));
    assert!(error.message.contains("16"), "{}", error.message);
}
