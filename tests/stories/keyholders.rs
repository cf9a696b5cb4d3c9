//! Every key that somebody's node ever got, tried on every entry of an author: an altered node that ignores windows and
//! forgets nothing opens no more than that.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tidings::crypto::{ContentKey, ReadKey};
use tidings::entry::{Entry, HEADER_LEN};
use tidings::id::EntryId;
use tidings::identity::DeviceRecord;
use tidings::link::Protocol;
use tidings::mail::{self, Item, OpenKeys};
use tidings::moment::{Body, Content};
use tidings::service::state::{EpochRecord, Friend};
use tidings::store::Tree;
use tidings::wire;

use super::people::{cases, circle, everyone, except, only, private};
use super::world::{Who, World};

/// Everything that opens anything.
#[derive(Default)]
struct Keys {
    epochs: Vec<ReadKey>,
    entries: BTreeMap<EntryId, ContentKey>,
}

impl World {
    /// What a node keeps of keys, and what was in any parcel that ever reached it.
    fn keys(&mut self, who: Who) -> Keys {
        let mut keys = Keys::default();
        for (_, value) in self.all(who, Tree::State, b"e") {
            let record: EpochRecord = wire::decode(&value).expect("a record");
            keys.epochs.extend(record.read_key().filter(|_| record.own.is_none()));
        }
        for (key, value) in self.all(who, Tree::Keys, &[]) {
            let entry = EntryId::try_from(&key[16..]).expect("an entry");
            keys.entries.insert(entry, ContentKey::from_bytes(value.try_into().expect("a key")));
        }
        let friends: Vec<Friend> = self
            .all(who, Tree::State, b"f")
            .iter()
            .map(|(_, value)| wire::decode(value).expect("a friend"))
            .collect();
        let (node, today) = (&self.nodes[who], self.now.day());
        let mail = node.received.iter().filter(|received| received.protocol == Protocol::Mail);
        for received in mail {
            let Ok(Some(mail::Frame::Deliver(envelope))) = mail::Frame::decode(&received.frame) else {
                continue;
            };
            for friend in friends.iter().filter(|friend| envelope.is_from(&friend.pair_key)) {
                let open = OpenKeys {
                    from_root: &friend.user,
                    to_root: &node.user(),
                    pair_key: &friend.pair_key,
                    psk_gen: friend.psk_gen,
                    seal_to: node.keyring.seal_for(&envelope.seal_id).expect("its key"),
                };
                let opened = mail::open(&envelope, &open, today).expect("a parcel for it");
                let device = DeviceRecord::open(&opened.device).expect("a record");
                let proven =
                    opened.unproven.check_device(&device.device(), &device.seal(), &node.keyring.device_id());
                for item in proven.expect("its device").items {
                    match item {
                        Item::EpochKeys(epoch) => {
                            keys.epochs.push(tidings::crypto::keys::read_key(&epoch.secret));
                        }
                        Item::Grants(grants) => {
                            keys.entries
                                .extend(grants.keys.into_iter().map(|((_, entry), key)| (entry, key)));
                        }
                        _ => {}
                    }
                }
            }
        }
        keys
    }

    /// The texts of moments in `from`'s store that these keys open.
    fn opened_by(&mut self, keys: &Keys, from: Who) -> BTreeSet<String> {
        let mut texts = BTreeSet::new();
        for (_, value) in self.all(from, Tree::Timeline, &[]) {
            let (header, body) = value[8..].split_at(HEADER_LEN);
            let entry = Entry::trust_stored(header, body.to_vec()).expect("an entry");
            let by_epoch = keys.epochs.iter().map(|key| entry.header().content_key(key));
            for key in by_epoch.chain(keys.entries.get(&entry.id()).cloned()) {
                if let Ok(bytes) = entry.open(&key)
                    && let Ok(Content { body: Body::Post(post), .. }) = Content::decode(&bytes)
                {
                    texts.insert(post.public.values().text.clone());
                }
            }
        }
        texts
    }
}

#[test]
fn a_newcomer_who_ignores_the_window_opens_nothing_older() {
    let mut world = circle(240, &["Alice", "Bob", "Carol"]);
    world.tag(0, "family", &["Carol"]);
    for (text, words) in
        [("old all", everyone()), ("old family", only(&["family"])), ("old but", except(&["Bob"]))]
    {
        world.post(0, text, words);
    }
    world.run(4 * 86_400_000);
    for (text, words) in
        [("new all", everyone()), ("new family", only(&["family"])), ("new but", except(&["Bob"]))]
    {
        world.post(0, text, words);
        world.run(10);
    }
    world.window(0, "3d");
    world.run(5_000);
    let dave = world.add("Dave");
    world.run(100);
    world.befriend(0, dave);
    world.befriend(2, dave);
    world.run(120_000);
    assert_eq!(world.texts(dave), ["new but", "new all"]);
    let keys = world.keys(dave);
    assert!(!keys.epochs.is_empty() || !keys.entries.is_empty(), "he has keys, or this shows nothing");
    let expected: BTreeSet<String> = ["new all", "new but"].map(str::to_owned).into();
    assert_eq!(world.opened_by(&keys, 0), expected, "of what its author keeps");
    assert_eq!(world.opened_by(&keys, 2), expected, "of what a friend keeps");
    // The same search with an old friend's keys finds the old ones.
    let keys = world.keys(2);
    assert_eq!(world.opened_by(&keys, 0).len(), 6);
}

const NAMES: [&str; 4] = ["Alice", "Bob", "Carol", "Dave"];

/// What Alice does.
#[derive(Debug, Clone)]
enum Act {
    Post(u8),
    Audience { post: usize, rule: u8 },
    Tag(usize),
    Untag(usize),
    Hide(usize),
    Show(usize),
    Away(usize),
    Crash,
    Newcomer,
    Run(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0u8..5).prop_map(Act::Post),
        4 => (0usize..20, 0u8..5).prop_map(|(post, rule)| Act::Audience { post, rule }),
        2 => (1usize..5).prop_map(Act::Tag),
        2 => (1usize..5).prop_map(Act::Untag),
        1 => (1usize..5).prop_map(Act::Hide),
        1 => (1usize..5).prop_map(Act::Show),
        1 => (1usize..4).prop_map(Act::Away),
        1 => Just(Act::Crash),
        1 => Just(Act::Newcomer),
        3 => (0u64..2_000).prop_map(Act::Run),
    ]
}

/// The rules of the model: everyone, only the tag, everyone but the tag, only me, only Bob.
fn words(rule: u8) -> tidings::ask::AudienceWords {
    match rule {
        0 => everyone(),
        1 => only(&["family"]),
        2 => except(&["family"]),
        3 => private(),
        _ => only(&["Bob"]),
    }
}

/// A friend as the model knows them.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    friend: bool,
    tagged: bool,
    hidden: bool,
    was_tagged: bool,
    left_tag: bool,
    was_hidden: bool,
}

impl Known {
    fn is_named(&self, rule: u8, who: usize) -> bool {
        let by_rule = match rule {
            0 => true,
            1 => self.tagged,
            2 => !self.tagged,
            3 => false,
            _ => who == 1,
        };
        self.friend && !self.hidden && by_rule
    }

    /// Whether something may have been written without them.
    fn was_out(&self, rule: u8) -> bool {
        self.was_hidden || (rule == 1 && self.left_tag) || (rule == 2 && self.was_tagged)
    }
}

/// A moment as the model knows it.
struct Told {
    text: String,
    rule: u8,
    /// Who was ever given it.
    had: [bool; 5],
    /// Whom its rule ever named.
    named: [bool; 5],
}

struct Model {
    people: [Known; 5],
    told: Vec<Told>,
}

impl Model {
    /// What follows from people and rules as they are now. `said`: the author has just said it of this moment.
    fn follow(&mut self, said: Option<usize>) {
        for (number, told) in self.told.iter_mut().enumerate() {
            for (who, known) in self.people.iter().enumerate().skip(1) {
                if known.is_named(told.rule, who) {
                    told.named[who] = true;
                    told.had[who] |= said == Some(number) || !known.was_out(told.rule);
                }
            }
        }
    }

    fn sees(&self, told: &Told, who: usize) -> bool {
        told.had[who] && self.people[who].is_named(told.rule, who)
    }
}

/// Plays a history and keeps the model beside it.
fn play(world: &mut World, acts: &[Act]) -> Model {
    let mut model = Model { people: [Known::default(); 5], told: Vec::new() };
    for who in 1..NAMES.len() {
        model.people[who].friend = true;
    }
    world.tag(0, "family", &["Bob"]);
    (model.people[1].tagged, model.people[1].was_tagged) = (true, true);
    for (number, act) in acts.iter().enumerate() {
        if world.nodes[0].service.is_none() {
            world.start(0);
        }
        let name = |world: &World, who: usize| world.nodes[who].name.clone();
        match *act {
            Act::Post(rule) => {
                // Whoever is hidden from cannot be named.
                let text = format!("moment {number}");
                if world.try_post(0, &text, words(rule)).is_ok() {
                    model.told.push(Told { text, rule, had: [false; 5], named: [false; 5] });
                    model.follow(Some(model.told.len() - 1));
                }
            }
            Act::Audience { post, rule } => {
                let Some(at) = post.checked_rem(model.told.len()) else { continue };
                let id = world.moment(0, &model.told[at].text).id.to_string();
                if world.ask(0, |service| service.change_audience(&id, &words(rule))).is_ok() {
                    model.told[at].rule = rule;
                    model.follow(Some(at));
                }
            }
            Act::Tag(who) | Act::Untag(who) | Act::Hide(who) | Act::Show(who)
                if !model.people[who].friend =>
            {
                let _ = who;
            }
            Act::Tag(who) => {
                let friend = name(world, who);
                world.tag(0, "family", &[&friend]);
                (model.people[who].tagged, model.people[who].was_tagged) = (true, true);
            }
            Act::Untag(who) => {
                let friend = name(world, who);
                world.untag(0, "family", &friend);
                let known = &mut model.people[who];
                known.left_tag |= known.tagged;
                known.tagged = false;
            }
            Act::Hide(who) => {
                let friend = name(world, who);
                world.hide_mine(0, &friend, true);
                (model.people[who].hidden, model.people[who].was_hidden) = (true, true);
            }
            Act::Show(who) => {
                let friend = name(world, who);
                world.hide_mine(0, &friend, false);
                model.people[who].hidden = false;
            }
            Act::Away(who) if world.nodes[who].service.is_some() => world.stop(who),
            Act::Away(who) => world.start(who),
            Act::Crash => world.crash(0, 0),
            Act::Newcomer if model.people[4].friend => {}
            Act::Newcomer => {
                let erin = world.add("Erin");
                world.run(100);
                world.befriend(0, erin);
                model.people[erin].friend = true;
            }
            Act::Run(ms) => world.run(ms),
        }
        model.follow(None);
    }
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(8), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever Alice says about rules, tags and friends, in the end each friend sees exactly what the rules name them
    /// for (less what was written without them), "view as" says the same, and nobody holds a key of a moment whose rule
    /// never named them.
    #[test]
    fn who_sees_a_moment_is_whom_its_rule_names_and_nobody_else_ever_held_its_key(
        seed in any::<u64>(),
        acts in proptest::collection::vec(act(), 4..30),
    ) {
        let mut world = circle(seed, &NAMES);
        let model = play(&mut world, &acts);
        for who in 0..world.nodes.len() {
            if world.nodes[who].service.is_none() {
                world.start(who);
            }
        }
        world.run(400_000);
        for who in 1..world.nodes.len() {
            let name = world.nodes[who].name.clone();
            let query = tidings::ask::TimelineQuery { limit: 1_000, ..Default::default() };
            let said = world.service(0).timeline_as(&name, &query).expect("a friend");
            let said: BTreeSet<String> = said.moments.into_iter().map(|moment| moment.text).collect();
            let keys = world.keys(who);
            let opens = world.opened_by(&keys, 0);
            for told in &model.told {
                let expected = model.sees(told, who);
                prop_assert_eq!(world.sees(who, &told.text), expected, "{} for {}", told.text, name);
                prop_assert_eq!(said.contains(&told.text), expected, "{} as {}", told.text, name);
                prop_assert!(told.named[who] || !opens.contains(&told.text), "{} opens {}", name, told.text);
                prop_assert!(!expected || opens.contains(&told.text), "this search finds the keys of {}", told.text);
            }
        }
    }
}
