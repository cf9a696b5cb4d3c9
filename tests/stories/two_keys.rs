//! The AND of two keys, against people whose program is not ours: everybody tries every key and byte they hold on
//! everything, in every combination. What opens is what the rule says, no more and no less.
//!
//! Alice posts for some; Bob comments; Dave replies to Bob. Eight friends of Alice, one for each answer to: in the
//! audience? a friend of Bob? a friend of Dave?

use tidings::crypto::{ContentKey, ReadKey, keys};
use tidings::entry::{Entry, Header, Verified};
use tidings::id::{EntryId, EpochId, UserId};
use tidings::link::Protocol;
use tidings::moment::interaction::{open_interaction, open_reply};
use tidings::moment::{Body, Content, Inner, SealedInteraction, Slot};
use tidings::store::Tree;
use tidings::sync;

use super::people::{except, strangers};
use super::world::{Who, World};

const ALICE: Who = 0;
const BOB: Who = 1;
const DAVE: Who = 2;

/// Everything somebody can try: keys of epochs and of single entries, and all headers there are in the world.
struct Ring {
    read_keys: Vec<ReadKey>,
    granted: Vec<ContentKey>,
    headers: Vec<Header>,
}

impl Ring {
    /// What `who` holds. Headers, which are no secret, they get of every entry anywhere.
    fn of(world: &mut World, who: Who, everything: &[Entry<Verified>]) -> Self {
        let read_keys = world.epochs(who).iter().filter_map(|epoch| epoch.read_key()).collect();
        let granted = world.all(who, Tree::Keys, &[]);
        let granted =
            granted.iter().map(|(_, key)| ContentKey::from_bytes(key[..].try_into().expect("a key")));
        let mut headers: Vec<Header> = everything.iter().map(|entry| entry.header().clone()).collect();
        let frames = world.nodes[who].received.iter().filter(|received| received.protocol == Protocol::Sync);
        headers.extend(frames.filter_map(|received| match sync::Frame::decode(&received.frame) {
            Ok(Some(sync::Frame::Entry(entry))) => Header::decode(&entry.header).ok(),
            _ => None,
        }));
        Self { read_keys, granted: granted.collect(), headers }
    }

    /// Every content key they can make.
    fn content_keys(&self) -> Vec<ContentKey> {
        let made =
            self.headers.iter().flat_map(|header| self.read_keys.iter().map(|key| header.content_key(key)));
        let copies = self.granted.iter().map(|key| ContentKey::from_bytes(*key.expose_bytes()));
        made.chain(copies).collect()
    }
}

/// What an interaction says to a holder of these keys: nothing, that it is there, or its text.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Reply,
    Text(String),
}

fn try_open(ring: &[ContentKey], writer: UserId, entry: &Entry<Verified>) -> Said {
    let opened = ring.iter().find_map(|key| entry.open(key).ok());
    let Some(Ok(Content { body: Body::Interaction(sealed), .. })) =
        opened.map(|bytes| Content::decode(&bytes))
    else {
        return Said::Nothing;
    };
    let slot = Slot { writer, epoch: entry.header().epoch(), seq: entry.header().seq() };
    open_sealed(ring, &slot, &sealed)
}

fn open_sealed(ring: &[ContentKey], slot: &Slot, sealed: &SealedInteraction) -> Said {
    for thread in ring.iter().map(keys::thread_key) {
        match open_interaction(&thread, slot, sealed) {
            Ok(Inner::Comment { text }) => return Said::Text(text),
            Ok(Inner::Like) => return Said::Text(String::new()),
            Ok(Inner::Reply(reply)) => {
                let gates = ring.iter().map(keys::gate);
                let text =
                    gates.into_iter().find_map(|gate| open_reply(&thread, slot, sealed, &reply, &gate).ok());
                return text.map_or(Said::Reply, Said::Text);
            }
            Err(_) => {}
        }
    }
    Said::Nothing
}

/// The inner seal alone, as if the outer were open to everybody: what the post's key guards.
fn try_inner(ring: &[ContentKey], writer: UserId, entry: &Entry<Verified>, outer: &ContentKey) -> Said {
    let content = Content::decode(&entry.open(outer).expect("the key")).expect("a content");
    let Body::Interaction(sealed) = content.body else { panic!("no interaction") };
    let slot = Slot { writer, epoch: entry.header().epoch(), seq: entry.header().seq() };
    open_sealed(ring, &slot, &sealed)
}

/// One of the eight: in the audience, a friend of Bob, a friend of Dave.
fn flags(n: usize) -> (bool, bool, bool) {
    (n & 4 != 0, n & 2 != 0, n & 1 != 0)
}

/// All of them, befriended; whether friendships with Bob and Dave come only after everything was said.
fn told(seed: u64, friends_later: bool) -> (World, EntryId, EntryId) {
    let names = ["Alice", "Bob", "Dave", "P0", "P1", "P2", "P3", "P4", "P5", "P6", "P7"];
    let mut world = strangers(seed, &names);
    for other in 1..names.len() {
        world.befriend(ALICE, other);
    }
    world.befriend(BOB, DAVE);
    let meet = |world: &mut World| {
        for n in 0..8 {
            let (_, bob, dave) = flags(n);
            if bob {
                world.befriend(BOB, 3 + n);
            }
            if dave {
                world.befriend(DAVE, 3 + n);
            }
        }
        world.run(10_000);
    };
    if !friends_later {
        meet(&mut world);
    }
    let outside: Vec<&str> = (0..8).filter(|n| !flags(*n).0).map(|n| names[3 + n]).collect();
    world.post(ALICE, "a hill", except(&outside));
    world.run(1_000);
    world.comment(BOB, "a hill", "steep");
    world.run(1_000);
    world.reply(DAVE, "a hill", "steep", "very");
    world.run(5_000);
    if friends_later {
        meet(&mut world);
    }
    let moment = world.moment(ALICE, "a hill");
    let id = |text: &str| moment.comments.iter().find(|c| c.text == text).expect("said").id;
    (world, id("steep"), id("very"))
}

/// Which of the eight can open what, by all means, and what their own program shows them.
fn check(world: &mut World, comment: EntryId, reply: EntryId) {
    let everything: Vec<Entry<Verified>> =
        (0..world.nodes.len()).flat_map(|who| world.entries(who)).collect();
    let find = |id: EntryId| everything.iter().find(|entry| entry.id() == id).expect("kept");
    let (bob, dave) = (world.nodes[BOB].user(), world.nodes[DAVE].user());
    let (comment_key, reply_key) = (world.key_of(BOB, &comment), world.key_of(DAVE, &reply));
    for n in 0..8 {
        let (in_audience, of_bob, of_dave) = flags(n);
        let who = 3 + n;
        let ring = Ring::of(world, who, &everything).content_keys();
        let name = format!("in the audience {in_audience}, Bob's friend {of_bob}, Dave's {of_dave}");
        let text = |text: &str| Said::Text(text.to_owned());
        let expected = if in_audience && of_bob { text("steep") } else { Said::Nothing };
        assert_eq!(try_open(&ring, bob, find(comment)), expected, "the comment: {name}");
        let expected = match (in_audience && of_dave, of_bob) {
            (true, true) => text("very"),
            (true, false) => Said::Reply,
            (false, _) => Said::Nothing,
        };
        assert_eq!(try_open(&ring, dave, find(reply)), expected, "the reply: {name}");
        // Each key alone guards its half: with the outer seal open, the post's key decides, and the gate is Bob's.
        let inner = try_inner(&ring, bob, find(comment), &comment_key);
        assert_eq!(inner, if in_audience { text("steep") } else { Said::Nothing }, "the inner seal: {name}");
        let inner = try_inner(&ring, dave, find(reply), &reply_key);
        let expected = match (in_audience, of_bob) {
            (true, true) => text("very"),
            (true, false) => Said::Reply,
            (false, _) => Said::Nothing,
        };
        assert_eq!(inner, expected, "the inner seal of the reply: {name}");
        let shown = if in_audience { world.comments(who, "a hill") } else { Vec::new() };
        let mut honest = Vec::new();
        if in_audience && of_bob {
            honest.push("steep");
            if of_dave {
                honest.push("very");
            }
        }
        assert_eq!(shown, honest, "what is shown: {name}");
        assert_eq!(world.sees(who, "a hill"), in_audience, "{name}");
        let all = world.service(who).notices(&Default::default()).expect("a page");
        assert!(all.notices.is_empty() && all.unread == 0, "nobody hears of what others said: {name}");
    }
    assert_eq!(world.comments(ALICE, "a hill"), ["steep", "very"], "the author sees all");
    assert_eq!(world.service(ALICE).notices(&Default::default()).expect("a page").unread, 2);
}

#[test]
fn what_opens_is_what_friends_of_both_may_read_whatever_keys_are_tried() {
    let (mut world, comment, reply) = told(540, false);
    check(&mut world, comment, reply);
}

#[test]
fn a_friend_who_came_later_opens_an_old_thread_as_one_who_was_there() {
    let (mut world, comment, reply) = told(541, true);
    check(&mut world, comment, reply);
}

#[test]
fn a_newcomer_who_is_granted_an_old_moment_reads_its_thread_alike() {
    let mut world = strangers(542, &["Alice", "Bob", "Dave", "Erin"]);
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        world.befriend(a, b);
    }
    world.run(5_000);
    world.post(0, "a hill", tidings::ask::AudienceWords::default());
    world.run(500);
    world.comment(1, "a hill", "steep");
    world.run(500);
    world.reply(2, "a hill", "steep", "very");
    world.run(500);
    // The epoch ends, so that what is old reaches Erin by grants alone.
    let gone = world.add("Gone");
    world.run(100);
    world.befriend(0, gone);
    world.ask(0, |service| service.remove_friend("Gone")).expect("removed");
    for (friend, shown) in [(0, vec![]), (2, vec![]), (1, vec!["steep", "very"])] {
        world.befriend(3, friend);
        world.run(6_000);
        assert_eq!(world.comments(3, "a hill"), shown, "with {}", world.nodes[friend].name);
    }
    let post = world.moment(3, "a hill").id;
    let entry = world.entries(3).into_iter().find(|entry| entry.id() == post).expect("here");
    let epoch: EpochId = entry.header().epoch();
    assert!(
        world.epochs(3).iter().any(|e| e.id == epoch && e.secret.is_none()),
        "by a grant, not by the epoch"
    );
}
