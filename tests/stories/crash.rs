//! Crashes, power cuts, full disks: nothing confirmed is lost, no number is used twice, everybody agrees in the end.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tidings::id::{EntryId, EpochId};
use tidings::link::Protocol;
use tidings::sync;

use super::people::{cases, circle, everyone, except, only, strangers};
use super::world::World;

/// Entries that reached anybody, by epoch and number: more than one at a number was signed twice.
fn signed(world: &World) -> BTreeMap<(EpochId, u64), BTreeSet<EntryId>> {
    let mut signed: BTreeMap<(EpochId, u64), BTreeSet<EntryId>> = BTreeMap::new();
    for received in world.nodes.iter().flat_map(|node| &node.received) {
        if received.protocol != Protocol::Sync {
            continue;
        }
        if let Ok(Some(sync::Frame::Entry(entry))) = sync::Frame::decode(&received.frame) {
            let header = tidings::entry::Header::decode(&entry.header).expect("honest");
            signed.entry((header.epoch(), header.seq())).or_default().insert(header.id());
        }
    }
    signed
}

fn assert_no_number_twice(world: &World) {
    for ((epoch, seq), ids) in signed(world) {
        assert_eq!(ids.len(), 1, "number {seq} of {epoch:?} was used for {} entries", ids.len());
    }
}

#[test]
fn a_confirmed_moment_survives_a_power_cut_and_reaches_everybody() {
    let mut world = circle(120, &["Alice", "Bob"]);
    world.partition(0, 1);
    world.post(0, "kept", everyone());
    world.crash(0, 0);
    world.start(0);
    world.join_all();
    world.run(400_000);
    assert!(world.sees(0, "kept") && world.sees(1, "kept"));
}

#[test]
fn a_lost_entry_is_handed_back_by_friends_and_retires_nothing() {
    let mut world = circle(121, &["Alice", "Bob"]);
    world.post(0, "first", everyone());
    world.run(1_000);
    // A like leaves before its own flush.
    world.post(1, "Bob's", everyone());
    world.run(1_000);
    world.like(0, "Bob's");
    world.run(500);
    assert_eq!(world.likes(1, "Bob's"), ["Alice"]);
    world.crash(0, 0);
    world.start(0);
    world.run(10_000);
    assert_eq!(world.likes(0, "Bob's"), ["Alice"], "Bob handed it back");
    world.post(0, "second", everyone());
    world.run(1_000);
    let epochs: BTreeSet<EpochId> = signed(&world).into_keys().map(|(epoch, _)| epoch).collect();
    assert_eq!(epochs.len(), 4, "two of Alice, two of Bob: no epoch was retired");
    assert!(world.sees(1, "second"));
    assert_no_number_twice(&world);
}

#[test]
fn on_a_full_disk_a_post_is_refused_and_the_node_lives() {
    let mut world = circle(122, &["Alice", "Bob"]);
    world.post(0, "before", everyone());
    world.run(1_000);
    world.fill_disk(0, true);
    assert_eq!(world.try_post(0, "full", everyone()).expect_err("no room").code, "disk_full");
    assert_eq!(world.try_post(0, "full too", except(&["Bob"])).expect_err("no room").code, "disk_full");
    assert_eq!(world.texts(0), ["before"]);
    world.post(1, "from Bob", everyone());
    world.run(30_000);
    world.fill_disk(0, false);
    world.run(400_000);
    world.post(0, "after", everyone());
    world.post(0, "not Bob", except(&["Bob"]));
    world.run(5_000);
    assert_eq!(world.texts(1), ["after", "from Bob", "before"]);
    assert!(world.sees(0, "from Bob"));
    assert_no_number_twice(&world);
}

#[test]
fn a_second_book_that_cannot_be_written_stops_only_what_needs_it() {
    let mut world = circle(123, &["Alice", "Bob"]);
    world.fill_book(0, true);
    assert!(world.try_post(0, "first of its rule", everyone()).is_err());
    world.fill_book(0, false);
    world.run(30_000);
    world.post(0, "now", everyone());
    world.run(5_000);
    assert_eq!(world.texts(1), ["now"]);
    assert_no_number_twice(&world);
}

#[test]
fn a_friendship_made_on_a_full_disk_is_made_once_there_is_room() {
    let mut world = strangers(124, &["Alice", "Bob"]);
    let link = world.invite(0, true);
    world.fill_disk(0, true);
    world.accept(1, &link).expect("the link is good");
    world.run(5_000);
    assert!(!world.are_friends(0, 1));
    world.fill_disk(0, false);
    world.run(120_000);
    assert!(world.are_friends(0, 1));
    world.post(0, "hello", everyone());
    world.run(2_000);
    assert!(world.sees(1, "hello"));
}

/// What happens in a random history.
#[derive(Debug, Clone)]
enum Act {
    Post { who: usize, rule: u8 },
    Like { who: usize },
    Comment { who: usize },
    Delete { who: usize },
    Hide { who: usize },
    Crash { who: usize, kept: usize },
    Fuse { who: usize, commits: u64, kept: usize },
    Cut { a: usize, b: usize },
    Part { a: usize, b: usize },
    Join,
    Delay { a: usize, b: usize, ms: u64 },
    Full { who: usize },
    Run { ms: u64 },
}

fn act(people: usize) -> impl Strategy<Value = Act> {
    let who = 0..people;
    let pair = (0..people, 1..people).prop_map(move |(a, step)| (a, (a + step) % people));
    prop_oneof![
        6 => (who.clone(), 0u8..4).prop_map(|(who, rule)| Act::Post { who, rule }),
        2 => who.clone().prop_map(|who| Act::Like { who }),
        2 => who.clone().prop_map(|who| Act::Comment { who }),
        1 => who.clone().prop_map(|who| Act::Delete { who }),
        2 => who.clone().prop_map(|who| Act::Hide { who }),
        2 => (who.clone(), 0usize..4).prop_map(|(who, kept)| Act::Crash { who, kept }),
        2 => (who.clone(), 0u64..20, 0usize..3).prop_map(|(who, commits, kept)| Act::Fuse { who, commits, kept }),
        2 => pair.clone().prop_map(|(a, b)| Act::Cut { a, b }),
        2 => pair.clone().prop_map(|(a, b)| Act::Part { a, b }),
        1 => Just(Act::Join),
        1 => (pair, 0u64..2_000).prop_map(|((a, b), ms)| Act::Delay { a, b, ms }),
        1 => who.prop_map(|who| Act::Full { who }),
        6 => (0u64..4_000).prop_map(|ms| Act::Run { ms }),
    ]
}

const NAMES: [&str; 4] = ["Alice", "Bob", "Carol", "Dave"];

/// A text, who wrote it, who may see it, and what was taken away beneath it.
struct Told {
    text: String,
    by: usize,
    may: [bool; 4],
    is_withdrawn: bool,
    hidden: Vec<EntryId>,
}

/// Plays a history and returns what was confirmed.
fn play(world: &mut World, acts: &[Act]) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for (number, act) in acts.iter().enumerate() {
        for who in 0..NAMES.len() {
            if world.nodes[who].service.is_none() {
                world.start(who);
            }
        }
        match *act {
            Act::Post { who, rule } => {
                let other = (who + 1) % NAMES.len();
                let (audience, mut may) = match rule {
                    0 | 1 => (everyone(), [true; 4]),
                    2 => (except(&[NAMES[other]]), std::array::from_fn(|x| x != other)),
                    _ => (only(&[NAMES[other]]), std::array::from_fn(|x| x == other)),
                };
                may[who] = true;
                let text = format!("moment {number}");
                if world.try_post(who, &text, audience).is_ok() {
                    told.push(Told { text, by: who, may, is_withdrawn: false, hidden: Vec::new() });
                }
            }
            Act::Like { who } | Act::Comment { who } => {
                let Some(id) = world.moments(who).first().map(|moment| moment.id.to_string()) else {
                    continue;
                };
                if matches!(act, Act::Like { .. }) {
                    let _ = world.ask(who, |service| service.like(&id));
                } else {
                    let _ = world.ask(who, |service| service.comment(&id, "well", None));
                }
            }
            Act::Delete { who } => {
                let mine = told.iter_mut().find(|t| t.by == who && !t.is_withdrawn);
                let Some(mine) = mine else { continue };
                let id = world.moment(who, &mine.text).id.to_string();
                if world.ask(who, |service| service.delete(&id)).is_ok() {
                    mine.is_withdrawn = true;
                }
            }
            Act::Hide { who } => {
                for mine in told.iter_mut().filter(|t| t.by == who && !t.is_withdrawn) {
                    let said = world.moment(who, &mine.text).comments;
                    let theirs = said.iter().find(|comment| comment.author.name != NAMES[who]);
                    let Some(id) = theirs.map(|comment| comment.id) else { continue };
                    if world.ask(who, |service| service.hide(&id.to_string())).is_ok() {
                        mine.hidden.push(id);
                    }
                    break;
                }
            }
            Act::Crash { who, kept } => world.crash(who, kept),
            Act::Fuse { who, commits, kept } => drop(world.fuse.insert(who, (commits, kept))),
            Act::Cut { a, b } => world.cut(a, b),
            Act::Part { a, b } => world.partition(a, b),
            Act::Join => world.join_all(),
            Act::Delay { a, b, ms } => world.delay(a, b, ms),
            Act::Full { who } => {
                world.fill_disk(who, true);
                world.run(500);
                world.fill_disk(who, false);
            }
            Act::Run { ms } => world.run(ms),
        }
    }
    told
}

/// Everything heals, and there is time for all to meet.
fn heal(world: &mut World) {
    world.join_all();
    world.fuse.clear();
    for who in 0..NAMES.len() {
        if world.nodes[who].service.is_none() {
            world.start(who);
        }
    }
    world.run(400_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(6), failure_persistence: None, ..ProptestConfig::default() })]

    /// I1, I3, I4, I11, I15 as far as whole nodes show them: whatever crashed, was cut or delayed, in the end every
    /// confirmed moment is with exactly those who may see it, the withdrawn ones with nobody, all threads agree, what was
    /// taken away stands in none, and no number was used twice.
    #[test]
    fn any_history_converges_without_losing_a_confirmed_moment(
        seed in any::<u64>(),
        acts in proptest::collection::vec(act(4), 5..40),
    ) {
        let mut world = circle(seed, &NAMES);
        let told = play(&mut world, &acts);
        heal(&mut world);
        for told in &told {
            for (who, name) in NAMES.iter().enumerate() {
                let expected = told.may[who] && !told.is_withdrawn;
                prop_assert_eq!(
                    world.sees(who, &told.text), expected,
                    "{} of {} for {}", told.text, NAMES[told.by], name
                );
            }
        }
        for told in told.iter().filter(|told| !told.is_withdrawn) {
            let thread = |world: &mut World, who: usize| {
                let moment = world.moment(who, &told.text);
                let mut likes: Vec<_> = moment.likes.iter().map(|person| person.id).collect();
                likes.sort_unstable();
                let comments = moment.comments.iter().filter(|comment| !comment.hidden);
                (likes, comments.map(|comment| comment.id).collect::<Vec<_>>())
            };
            for id in &told.hidden {
                prop_assert!(!thread(&mut world, told.by).1.contains(id), "{} was taken away", id);
            }
            let first = thread(&mut world, told.by);
            for who in (0..NAMES.len()).filter(|who| told.may[*who]) {
                prop_assert_eq!(&thread(&mut world, who), &first, "the thread of {} for {}", told.text, NAMES[who]);
            }
        }
        for ((_, seq), ids) in signed(&world) {
            prop_assert_eq!(ids.len(), 1, "number {} was used twice", seq);
        }
    }
}

/// What one person does to a tag, and when.
#[derive(Debug, Clone)]
enum Tagging {
    Add(usize),
    Remove(usize),
    Post,
    Crash,
    Away(usize),
    Run(u64),
}

fn tagging() -> impl Strategy<Value = Tagging> {
    prop_oneof![
        3 => (1usize..4).prop_map(Tagging::Add),
        3 => (1usize..4).prop_map(Tagging::Remove),
        5 => Just(Tagging::Post),
        1 => Just(Tagging::Crash),
        1 => (1usize..4).prop_map(Tagging::Away),
        3 => (0u64..2_000).prop_map(Tagging::Run),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(6), failure_persistence: None, ..ProptestConfig::default() })]

    /// I1, I2: whoever bears the tag when a moment for it is written sees it as long as they bear it; whoever had been
    /// taken out of it by then never does, whatever becomes of them later.
    #[test]
    fn a_tag_lets_in_its_bearers_and_never_again_whom_it_lost(
        seed in any::<u64>(),
        acts in proptest::collection::vec(tagging(), 4..30),
    ) {
        let mut world = circle(seed, &NAMES);
        world.tag(0, "family", &["Bob"]);
        let mut bears = [false, true, false, false];
        let mut lost = [false; 4];
        let mut told: Vec<(String, [bool; 4], [bool; 4])> = Vec::new();
        for (number, act) in acts.iter().enumerate() {
            for who in 0..NAMES.len() {
                if world.nodes[who].service.is_none() && who == 0 {
                    world.start(who);
                }
            }
            match *act {
                Tagging::Add(who) => {
                    world.tag(0, "family", &[NAMES[who]]);
                    bears[who] = true;
                }
                Tagging::Remove(who) if bears[who] => {
                    let word = [NAMES[who].to_owned()];
                    world.ask(0, |service| service.tag_remove("family", &word)).expect("untagged");
                    bears[who] = false;
                    lost[who] = true;
                }
                Tagging::Remove(_) => {}
                Tagging::Post => {
                    let text = format!("moment {number}");
                    world.post(0, &text, only(&["family"]));
                    told.push((text, bears, std::array::from_fn(|who| lost[who] && !bears[who])));
                }
                Tagging::Crash => world.crash(0, 0),
                Tagging::Away(who) if world.nodes[who].service.is_some() => world.stop(who),
                Tagging::Away(who) => world.start(who),
                Tagging::Run(ms) => world.run(ms),
            }
        }
        heal(&mut world);
        for (text, bore, gone) in &told {
            for who in 1..NAMES.len() {
                if bore[who] {
                    prop_assert_eq!(world.sees(who, text), bears[who], "{} of {}", text, NAMES[who]);
                }
                if gone[who] {
                    prop_assert!(!world.sees(who, text), "{} sees {}", NAMES[who], text);
                }
            }
        }
    }
}

#[test]
fn a_parting_that_the_disk_refuses_leaves_friends_as_they_were() {
    let mut world = circle(126, &["Alice", "Bob"]);
    world.post(0, "before", everyone());
    world.run(1_000);
    world.fill_disk(0, true);
    assert_eq!(world.ask(0, |service| service.remove_friend("Bob")).expect_err("no room").code, "disk_full");
    world.fill_disk(0, false);
    world.run(5_000);
    assert!(world.are_friends(0, 1));
    world.post(0, "from Alice", everyone());
    world.post(1, "from Bob", everyone());
    world.run(2_000);
    assert!(world.sees(0, "from Bob") && world.sees(1, "from Alice"));
}
