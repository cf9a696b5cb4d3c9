//! Rules, people and choices one by one; whole histories are in `tests/audience_model.rs`.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::id::{EntryId, EpochId};
use crate::limits::{
    CONCURRENT_ADD_LIMIT, EPOCH_AGE_DAYS, FRIEND_LIMIT, GRANT_INTERACTION_LIMIT, OWN_INTERVAL_LIMIT,
    SELF_EPOCH_LIMIT, TAG_LIMIT,
};
use crate::time::{DAY_MS, Day, Timestamp};
use crate::wire::{DecodeError, Encode, Writer, decode};

const ANN: UserId = UserId::from_bytes([1; 32]);
const BOB: UserId = UserId::from_bytes([2; 32]);
const CAROL: UserId = UserId::from_bytes([3; 32]);
const WORK: TagId = TagId(1);
const FAMILY: TagId = TagId(2);
const TODAY: Day = Day(20_500);
const PHONE: EpochId = EpochId::from_bytes([0xaa; 16]);
const LAPTOP: EpochId = EpochId::from_bytes([0xbb; 16]);

/// One device's people, changed by its owner alone.
#[derive(Default)]
struct Me {
    people: People,
    seq: u64,
}

impl Me {
    fn with_friends(friends: &[UserId]) -> Self {
        let mut me = Self::default();
        friends.iter().for_each(|user| me.add(List::Friends, *user));
        me
    }

    fn add(&mut self, list: List, user: UserId) {
        self.change(Op { list, user, verb: Verb::Add });
    }

    fn remove(&mut self, list: List, user: UserId) {
        self.change(Op { list, user, verb: Verb::Remove });
    }

    fn change(&mut self, op: Op) {
        let seen = self.seq.checked_sub(1).map(|seq| Dot { epoch: PHONE, seq }).into_iter().collect();
        self.people.apply(&op, Dot { epoch: PHONE, seq: self.seq }, &seen);
        self.seq += 1;
    }
}

fn set<T: Ord + Copy>(items: &[T]) -> BTreeSet<T> {
    items.iter().copied().collect()
}

fn only(tags: &[TagId], people: &[UserId]) -> Include {
    Include::Named { tags: set(tags), people: set(people) }
}

fn rule(include: Include, tags: &[TagId], people: &[UserId]) -> Rule {
    Rule::new(include, set(tags), set(people)).expect("within the limits")
}

fn everyone() -> Audience {
    Audience::Posts(Rule::everyone())
}

fn minted(number: u8, audience: Audience, recipients: &[UserId], age_days: u64) -> Minted {
    Minted {
        id: EpochId::from_bytes([number; 16]),
        audience,
        recipients: set(recipients),
        opened: TODAY.start().minus_ms(age_days * DAY_MS),
        intervals: 1,
        state: State::Open,
    }
}

fn chosen(audience: &Audience, me: &Me, epochs: &[Minted]) -> Choice {
    choose(audience, &me.people, epochs, Window::ALL, TODAY)
}

fn fresh(recipients: &[UserId], supersedes: &[&Minted]) -> Choice {
    Choice::Mint {
        recipients: set(recipients),
        supersedes: supersedes.iter().map(|epoch| epoch.id).collect(),
    }
}

// ---- rules ----

#[test]
fn a_rule_is_said_in_the_words_it_was_made_of() {
    for (rule, kind) in [
        (Rule::everyone(), Kind::Everyone),
        (Rule::private(), Kind::Private),
        (rule(Include::All, &[WORK], &[]), Kind::Except),
        (rule(only(&[WORK], &[]), &[], &[]), Kind::Only),
        (rule(only(&[WORK], &[]), &[], &[BOB]), Kind::OnlyExcept),
    ] {
        assert_eq!(rule.kind(), kind, "{rule:?}");
    }
}

#[test]
fn rules_that_mean_the_same_by_their_own_words_are_the_same_bytes() {
    let twice = rule(only(&[WORK, FAMILY], &[ANN, BOB]), &[WORK], &[BOB]);
    assert_eq!(twice.encode(), rule(only(&[FAMILY], &[ANN]), &[WORK], &[BOB]).encode());
    assert_eq!(rule(only(&[], &[BOB]), &[WORK], &[BOB]), Rule::private());
    assert_eq!(rule(Include::All, &[], &[]), Rule::everyone());
}

#[test]
fn the_bytes_of_a_rule_are_those_of_the_table() {
    assert_eq!(Rule::everyone().encode(), [0; 5]);
    let bytes = rule(only(&[FAMILY, WORK], &[BOB]), &[], &[ANN]).encode();
    let wanted = [&[1u8, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1][..], &[2; 32], &[0, 0, 0, 1], &[1; 32]].concat();
    assert_eq!(bytes, wanted);
}

#[test]
fn a_second_way_to_write_a_rule_is_refused() {
    let good = rule(only(&[WORK, FAMILY], &[BOB]), &[], &[ANN]).encode();
    assert!(decode::<Rule>(&good).is_ok());
    for (why, bytes) in [
        ("an unknown include", [&[2u8][..], &good[1..]].concat()),
        ("tags that descend", [&[1u8, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..]].concat()),
        ("a tag twice", [&[0u8, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0][..]].concat()),
        ("a tag on both sides", [&[1u8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0][..]].concat()),
        ("nobody, and somebody left out", [&[1u8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0][..]].concat()),
        ("left-over bytes", [&good[..], &[0]].concat()),
        ("cut short", good[..good.len() - 1].to_vec()),
    ] {
        assert!(decode::<Rule>(&bytes).is_err(), "{why}");
    }
}

#[test]
fn a_rule_names_at_most_so_many() {
    let tags = |n: usize| (0..n).map(|i| TagId(u32::try_from(i).expect("small"))).collect::<BTreeSet<_>>();
    let people = |n: usize| {
        let id = |i: usize| std::array::from_fn(|at| if at < 8 { i.to_be_bytes()[at] } else { 0 });
        (0..n).map(|i| UserId::from_bytes(id(i))).collect::<BTreeSet<_>>()
    };
    let largest = Rule::new(Include::All, tags(TAG_LIMIT), people(FRIEND_LIMIT)).expect("the largest");
    assert_eq!(decode::<Rule>(&largest.encode()), Ok(largest));
    assert!(Rule::new(Include::All, tags(TAG_LIMIT + 1), BTreeSet::new()).is_err());
    assert!(Rule::new(Include::All, BTreeSet::new(), people(FRIEND_LIMIT + 1)).is_err());
    let named = |tags, people| Rule::new(Include::Named { tags, people }, BTreeSet::new(), BTreeSet::new());
    assert!(named(tags(TAG_LIMIT), people(FRIEND_LIMIT)).is_ok());
    assert!(named(tags(TAG_LIMIT + 1), BTreeSet::new()).is_err());
    assert!(named(BTreeSet::new(), people(FRIEND_LIMIT + 1)).is_err());
    let claimed = [&[0u8, 1, 1][..], &[0; 2_000]].concat();
    let refused = decode::<Rule>(&claimed);
    assert!(matches!(refused, Err(DecodeError::TooMany { limit: TAG_LIMIT, .. })), "{refused:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_rule_survives_being_written_and_read(
        all: bool,
        tags in proptest::collection::btree_set(0u32..6, 0..6),
        people in proptest::collection::btree_set(0u8..6, 0..6),
        not_tags in proptest::collection::btree_set(0u32..6, 0..6),
        not_people in proptest::collection::btree_set(0u8..6, 0..6),
    ) {
        let ids = |tags: BTreeSet<u32>| tags.into_iter().map(TagId).collect::<BTreeSet<_>>();
        let users = |people: BTreeSet<u8>| people.into_iter().map(|n| UserId::from_bytes([n; 32])).collect::<BTreeSet<_>>();
        let include = if all { Include::All } else { Include::Named { tags: ids(tags), people: users(people) } };
        let rule = Rule::new(include, ids(not_tags), users(not_people)).expect("small");
        prop_assert_eq!(decode::<Rule>(&rule.encode()), Ok(rule));
    }

    #[test]
    fn bytes_that_decode_are_the_only_bytes_of_their_value(bytes in proptest::collection::vec(0u8..4, 0..80)) {
        if let Ok(rule) = decode::<Rule>(&bytes) {
            prop_assert_eq!(rule.encode(), bytes.clone());
        }
        if let Ok(people) = decode::<People>(&bytes) {
            prop_assert_eq!(people.encode(), bytes);
        }
    }
}

// ---- who that is ----

#[test]
fn members_are_worked_out_from_friends_and_tags() {
    let mut me = Me::with_friends(&[ANN, BOB]);
    me.add(List::Tag(WORK), BOB);
    me.add(List::Tag(WORK), CAROL);
    let who = |rule: Rule| members(&Audience::Posts(rule), &me.people);
    assert_eq!(who(Rule::everyone()), set(&[ANN, BOB]));
    assert_eq!(who(rule(Include::All, &[WORK], &[])), set(&[ANN]));
    assert_eq!(who(rule(only(&[WORK], &[ANN]), &[], &[])), set(&[ANN, BOB]));
    assert_eq!(who(rule(only(&[WORK], &[ANN]), &[], &[BOB])), set(&[ANN]));
    assert_eq!(who(rule(only(&[WORK], &[CAROL]), &[], &[])), set(&[BOB]), "a tag does not make a friend");
    assert_eq!(who(Rule::private()), set(&[]));
    assert_eq!(members(&Audience::SelfDevices, &me.people), set(&[]));
}

#[test]
fn chats_only_and_hide_mine_win_over_a_name_in_the_rule() {
    let mut me = Me::with_friends(&[ANN, BOB, CAROL]);
    me.remove(List::Moments, ANN);
    me.remove(List::Mine, BOB);
    let named = rule(only(&[], &[ANN, BOB, CAROL]), &[], &[]);
    assert_eq!(members(&Audience::Posts(named.clone()), &me.people), set(&[CAROL]));
    assert_eq!(members(&everyone(), &me.people), set(&[CAROL]));
    assert_eq!(members(&Audience::Contact, &me.people), set(&[ANN, BOB, CAROL]));
    assert_eq!(why_left_out(&named, &me.people, &ANN), Some(LeftOut::ChatsOnly));
    assert_eq!(why_left_out(&named, &me.people, &BOB), Some(LeftOut::HideMine));
    me.add(List::Moments, ANN);
    assert_eq!(why_left_out(&named, &me.people, &ANN), None);
}

#[test]
fn whoever_is_left_out_is_left_out_for_a_reason() {
    let mut me = Me::with_friends(&[ANN, BOB]);
    me.add(List::Tag(WORK), BOB);
    let except = rule(Include::All, &[WORK], &[ANN]);
    assert_eq!(why_left_out(&except, &me.people, &ANN), Some(LeftOut::Excluded));
    assert_eq!(why_left_out(&except, &me.people, &BOB), Some(LeftOut::ExcludedByTag(WORK)));
    assert_eq!(why_left_out(&except, &me.people, &CAROL), Some(LeftOut::NotAFriend));
    assert_eq!(
        why_left_out(&rule(only(&[WORK], &[]), &[], &[]), &me.people, &ANN),
        Some(LeftOut::NotIncluded)
    );
    assert_eq!(why_left_out(&Rule::everyone(), &me.people, &BOB), None);
}

#[test]
fn unfriending_takes_a_person_out_of_every_tag() {
    let mut me = Me::with_friends(&[ANN, BOB]);
    me.add(List::Tag(WORK), BOB);
    me.add(List::Tag(FAMILY), BOB);
    me.people.unfriending(&BOB).into_iter().for_each(|op| me.change(op));
    assert_eq!(me.people.tags_of(&BOB).count(), 0);
    assert_eq!(me.people.friends().collect::<Vec<_>>(), [ANN]);
    me.add(List::Friends, BOB);
    assert_eq!(me.people.tagged(WORK).count(), 0, "a friend again, without the old tags");
}

// ---- merging ----

#[test]
fn a_remove_wins_over_an_add_that_did_not_know_of_it() {
    let dan = |verb| Op { list: List::Tag(WORK), user: BOB, verb };
    let mut people = People::new();
    let removed = Dot { epoch: PHONE, seq: 1 };
    people.apply(&dan(Verb::Remove), removed, &Seen::new());
    people.apply(&dan(Verb::Add), Dot { epoch: LAPTOP, seq: 1 }, &Seen::new());
    assert!(!people.contains(List::Tag(WORK), &BOB));
    let knowing: Seen = [removed].into_iter().collect();
    people.apply(&dan(Verb::Add), Dot { epoch: LAPTOP, seq: 2 }, &knowing);
    assert!(people.contains(List::Tag(WORK), &BOB));
    assert!(people.was_removed(List::Tag(WORK), &BOB));
}

#[test]
fn chats_only_wins_over_an_undoing_that_did_not_know_of_it() {
    let op = |verb| Op { list: List::Moments, user: BOB, verb };
    let mut people = People::new();
    assert!(people.contains(List::Moments, &BOB), "everybody sees moments until taken off");
    people.apply(&op(Verb::Add), Dot { epoch: LAPTOP, seq: 1 }, &Seen::new());
    people.apply(&op(Verb::Remove), Dot { epoch: PHONE, seq: 1 }, &Seen::new());
    assert!(!people.contains(List::Moments, &BOB));
}

fn seen_of(epochs: usize) -> Seen {
    let id = |i: usize| std::array::from_fn(|at| if at < 8 { i.to_be_bytes()[at] } else { 0 });
    (0..epochs).map(|i| Dot { epoch: EpochId::from_bytes(id(i)), seq: 1 }).collect()
}

#[test]
fn what_a_change_has_seen_has_a_limit() {
    let largest = seen_of(SELF_EPOCH_LIMIT);
    assert_eq!(decode::<Seen>(&largest.encode()), Ok(largest));
    assert!(decode::<Seen>(&seen_of(SELF_EPOCH_LIMIT + 1).encode()).is_err());
}

#[test]
fn adds_made_at_once_have_a_limit() {
    let people = |adds: usize| {
        let mut people = People::new();
        for number in 0..adds {
            let epoch = EpochId::from_bytes([u8::try_from(number).expect("few"); 16]);
            let seen: Seen = [Dot { epoch, seq: 1 }].into_iter().collect();
            people.apply(
                &Op { list: List::Friends, user: ANN, verb: Verb::Add },
                Dot { epoch, seq: 2 },
                &seen,
            );
        }
        people
    };
    let most = people(CONCURRENT_ADD_LIMIT);
    assert_eq!(decode::<People>(&most.encode()), Ok(most.clone()));
    assert_eq!(
        people(CONCURRENT_ADD_LIMIT + 1),
        most,
        "one more is not kept; the user is on the list as before"
    );
    let written = |adds: usize| {
        let mut out = Writer::new();
        out.u32(1).value(&List::Friends).value(&ANN).bool(true).value(&Seen::new());
        out.u16(u16::try_from(adds).expect("few"));
        for number in 0..adds {
            let epoch = EpochId::from_bytes([u8::try_from(number).expect("few"); 16]);
            out.value(&[Dot { epoch, seq: 1 }].into_iter().collect::<Seen>());
        }
        out.into_vec()
    };
    assert_eq!(decode::<People>(&written(CONCURRENT_ADD_LIMIT)), Ok(most));
    assert!(decode::<People>(&written(CONCURRENT_ADD_LIMIT + 1)).is_err());
}

#[test]
fn a_state_that_is_not_merged_is_refused() {
    let pair = |was_added: bool, adds: &[u64]| {
        let mut out = Writer::new();
        out.u32(1).value(&List::Friends).value(&ANN).bool(was_added);
        out.value(&[Dot { epoch: PHONE, seq: 5 }].into_iter().collect::<Seen>());
        out.u16(u16::try_from(adds.len()).expect("few"));
        for seq in adds {
            out.value(&[Dot { epoch: PHONE, seq: *seq }].into_iter().collect::<Seen>());
        }
        out.into_vec()
    };
    assert!(decode::<People>(&pair(true, &[5])).is_ok());
    assert!(decode::<People>(&pair(true, &[])).is_ok());
    assert!(decode::<People>(&pair(true, &[4])).is_err(), "an add that had not seen the remove");
    assert!(decode::<People>(&pair(true, &[5, 6])).is_err(), "an add that another has outrun");
    assert!(decode::<People>(&pair(false, &[5])).is_err(), "an add that was never made");
}

// ---- choosing ----

#[test]
fn an_epoch_whose_recipients_are_the_members_is_used() {
    let me = Me::with_friends(&[ANN, BOB]);
    let epoch = minted(1, everyone(), &[ANN, BOB], 3);
    assert_eq!(chosen(&everyone(), &me, std::slice::from_ref(&epoch)), Choice::Use(epoch.id));
}

#[test]
fn an_epoch_of_another_rule_is_never_used() {
    let me = Me::with_friends(&[ANN, BOB]);
    let other = Audience::Posts(rule(only(&[], &[ANN, BOB]), &[], &[]));
    assert_eq!(chosen(&everyone(), &me, &[minted(1, other, &[ANN, BOB], 3)]), fresh(&[ANN, BOB], &[]));
}

#[test]
fn somebody_new_gets_the_key_if_they_may_have_all_of_the_epoch() {
    let me = Me::with_friends(&[ANN, BOB]);
    let epoch = minted(1, everyone(), &[ANN], 5);
    let share = Choice::Share { epoch: epoch.id, with: set(&[BOB]) };
    let with_window = |days| choose(&everyone(), &me.people, [&epoch], Window { days }, TODAY);
    assert_eq!(with_window(0), share);
    assert_eq!(with_window(5), share);
    assert_eq!(with_window(4), fresh(&[ANN, BOB], &[&epoch]), "opened before what the newcomer may read");
    let contact = minted(2, Audience::Contact, &[ANN], 5);
    let choice = choose(&Audience::Contact, &me.people, [&contact], Window { days: 1 }, TODAY);
    assert_eq!(
        choice,
        Choice::Share { epoch: contact.id, with: set(&[BOB]) },
        "the window does not hold for contact"
    );
}

#[test]
fn somebody_who_was_removed_and_is_back_gets_a_new_epoch() {
    let mut me = Me::with_friends(&[ANN, BOB]);
    let epoch = minted(1, everyone(), &[ANN], 1);
    me.remove(List::Mine, BOB);
    assert_eq!(chosen(&everyone(), &me, std::slice::from_ref(&epoch)), Choice::Use(epoch.id));
    me.add(List::Mine, BOB);
    assert_eq!(chosen(&everyone(), &me, std::slice::from_ref(&epoch)), fresh(&[ANN, BOB], &[&epoch]));
}

#[test]
fn somebody_who_was_in_an_excluded_tag_counts_as_removed() {
    let mut me = Me::with_friends(&[ANN, BOB]);
    let audience = Audience::Posts(rule(Include::All, &[WORK], &[]));
    me.add(List::Tag(WORK), BOB);
    me.remove(List::Tag(WORK), BOB);
    let epoch = minted(1, audience.clone(), &[ANN], 1);
    assert_eq!(chosen(&audience, &me, std::slice::from_ref(&epoch)), fresh(&[ANN, BOB], &[&epoch]));
    assert!(!was_removed(&everyone(), &me.people, &BOB), "a tag that the rule does not name changes nothing");
}

#[test]
fn an_epoch_with_somebody_who_left_is_not_used() {
    let mut me = Me::with_friends(&[ANN, BOB]);
    let epoch = minted(1, everyone(), &[ANN, BOB], 1);
    me.remove(List::Friends, BOB);
    assert_eq!(chosen(&everyone(), &me, std::slice::from_ref(&epoch)), fresh(&[ANN], &[&epoch]));
}

#[test]
fn an_epoch_ends_by_age_by_intervals_and_by_being_stale() {
    let me = Me::with_friends(&[ANN]);
    let age = u64::from(EPOCH_AGE_DAYS);
    let good = minted(1, everyone(), &[ANN], age);
    assert_eq!(chosen(&everyone(), &me, std::slice::from_ref(&good)), Choice::Use(good.id));
    let old = minted(1, everyone(), &[ANN], age + 1);
    let cut = Minted { intervals: OWN_INTERVAL_LIMIT, ..good.clone() };
    let stale = Minted { state: State::Stale, ..good.clone() };
    for ended in [old, cut, stale] {
        assert_eq!(
            chosen(&everyone(), &me, std::slice::from_ref(&ended)),
            fresh(&[ANN], &[&ended]),
            "{ended:?}"
        );
    }
    let nearly = Minted { intervals: OWN_INTERVAL_LIMIT - 1, ..good.clone() };
    assert_eq!(chosen(&everyone(), &me, &[nearly]), Choice::Use(good.id));
    let closed = Minted { state: State::Closed, ..good };
    assert_eq!(chosen(&everyone(), &me, &[closed]), fresh(&[ANN], &[]), "a closed one is not closed again");
}

#[test]
fn the_newest_candidate_decides_and_minting_follows_all_of_them_oldest_first() {
    let mut me = Me::with_friends(&[ANN, BOB]);
    let (old, new) = (minted(9, everyone(), &[ANN], 8), minted(1, everyone(), &[ANN], 2));
    let epochs = [new.clone(), old.clone()];
    assert_eq!(chosen(&everyone(), &me, &epochs), Choice::Share { epoch: new.id, with: set(&[BOB]) });
    me.remove(List::Friends, ANN);
    assert_eq!(chosen(&everyone(), &me, &epochs), fresh(&[BOB], &[&old, &new]));
}

#[test]
fn own_devices_write_under_an_epoch_with_no_friend_in_it() {
    let me = Me::with_friends(&[ANN]);
    assert_eq!(chosen(&Audience::SelfDevices, &me, &[]), fresh(&[], &[]));
    let epoch = minted(1, Audience::SelfDevices, &[], 1);
    assert_eq!(chosen(&Audience::SelfDevices, &me, std::slice::from_ref(&epoch)), Choice::Use(epoch.id));
}

// ---- closing ----

#[test]
fn each_change_ends_the_epochs_it_must_and_when_it_must() {
    let posts = minted(1, everyone(), &[ANN, BOB], 1);
    let contact = minted(2, Audience::Contact, &[ANN, BOB], 1);
    let other = minted(3, Audience::Posts(Rule::private()), &[], 1);
    let closed = Minted { state: State::Closed, ..minted(4, everyone(), &[BOB], 40) };
    let own = minted(5, Audience::SelfDevices, &[], 1);
    let all = [posts.clone(), contact.clone(), other.clone(), closed, own.clone()];
    let ids = |epochs: &[&Minted]| epochs.iter().map(|epoch| epoch.id).collect::<Vec<_>>();
    for (change, at_once, with_next_write, renew_contact) in [
        (Change::Unfriended(BOB), ids(&[&contact]), ids(&[&posts]), true),
        (Change::DeviceRevoked(BOB), ids(&[]), ids(&[&posts, &contact]), false),
        (Change::OwnDeviceRevoked, ids(&[&contact]), ids(&[&posts, &other, &own]), true),
        (Change::Rollback, ids(&[&posts, &contact, &other, &own]), ids(&[]), false),
        (Change::Fork(posts.id), ids(&[&posts]), ids(&[]), false),
        (Change::Unfriended(CAROL), ids(&[]), ids(&[]), true),
    ] {
        assert_eq!(
            closings(&change, &all),
            Closings { at_once, with_next_write, renew_contact },
            "{change:?}"
        );
    }
}

#[test]
fn too_many_open_epochs_are_closed_oldest_first_and_contact_never() {
    let audience = |tag| Audience::Posts(rule(only(&[TagId(tag)], &[]), &[], &[]));
    let epochs = [
        minted(1, audience(1), &[], 3),
        minted(2, audience(2), &[], 9),
        minted(3, audience(3), &[], 1),
        minted(4, Audience::Contact, &[], 20),
        minted(5, Audience::SelfDevices, &[], 20),
    ];
    assert_eq!(excess(&epochs, 3), []);
    assert_eq!(excess(&epochs, 1), [epochs[1].id, epochs[0].id]);
}

// ---- newcomers ----

fn written(epoch: &Minted, seq: u64, days_ago: u32) -> Written {
    Written { epoch: epoch.id, seq, entry: EntryId::from_bytes([7; 32]), day: Day(TODAY.0 - days_ago) }
}

#[test]
fn a_new_friend_gets_the_keys_of_what_they_belong_to_and_nothing_else() {
    let me = Me::with_friends(&[ANN, BOB]);
    let mut epochs = [
        minted(1, everyone(), &[ANN], 2),
        minted(2, Audience::Contact, &[ANN], 20),
        minted(3, Audience::Posts(rule(only(&[], &[ANN]), &[], &[])), &[ANN], 2),
        minted(4, Audience::Posts(rule(Include::All, &[], &[CAROL])), &[ANN], 9),
    ];
    let given = |epochs: &[Minted]| {
        let shares = shares(&me.people, epochs, Window { days: 3 }, TODAY);
        shares.into_iter().map(|share| (share.epoch, share.with)).collect::<BTreeSet<_>>()
    };
    let wanted =
        [(epochs[0].id, set(&[BOB])), (epochs[1].id, set(&[BOB]))].into_iter().collect::<BTreeSet<_>>();
    assert_eq!(given(&epochs), wanted, "the fourth was opened before the window");
    epochs[0].recipients.insert(BOB);
    epochs[1].recipients.insert(BOB);
    assert_eq!(given(&epochs), BTreeSet::new(), "carried out, it gives none again");
}

#[test]
fn older_posts_are_granted_inside_the_window_and_in_audiences_of_the_newcomer_only() {
    let me = Me::with_friends(&[ANN, BOB]);
    let closed = Minted { state: State::Closed, ..minted(1, everyone(), &[ANN], 20) };
    let shared = minted(2, everyone(), &[ANN, BOB], 2);
    let foreign = minted(3, Audience::Posts(rule(only(&[], &[ANN]), &[], &[])), &[ANN], 9);
    let posts =
        [written(&shared, 1, 1), written(&closed, 9, 3), written(&foreign, 1, 3), written(&closed, 8, 4)];
    let granted = |window| grants(&BOB, &me.people, [&closed, &shared, &foreign], posts, window, TODAY);
    assert_eq!(granted(Window { days: 3 }), [posts[1]]);
    assert_eq!(granted(Window::ALL), [posts[1], posts[3]]);
}

#[test]
fn whoever_was_removed_is_granted_nothing() {
    let mut me = Me::with_friends(&[ANN, BOB]);
    let closed = Minted { state: State::Closed, ..minted(1, everyone(), &[ANN], 20) };
    me.remove(List::Friends, BOB);
    me.add(List::Friends, BOB);
    assert_eq!(grants(&BOB, &me.people, [&closed], [written(&closed, 1, 1)], Window::ALL, TODAY), []);
}

#[test]
fn of_closed_contact_epochs_only_the_newest_are_granted() {
    let me = Me::with_friends(&[ANN, BOB]);
    let closed = Minted { state: State::Closed, ..minted(1, Audience::Contact, &[ANN], 40) };
    let post = Minted { state: State::Closed, ..minted(2, everyone(), &[ANN], 40) };
    let count = u64::try_from(GRANT_INTERACTION_LIMIT).expect("small") + 1;
    let mut all: Vec<Written> = (0..count).rev().map(|seq| written(&closed, seq, 35)).collect();
    all.push(written(&post, 0, 36));
    let granted = grants(&BOB, &me.people, [&closed, &post], all.iter().copied(), Window::ALL, TODAY);
    assert_eq!(
        granted.len(),
        GRANT_INTERACTION_LIMIT + 1,
        "a thousand interactions, and the post behind them"
    );
    assert_eq!(granted.first(), all.first());
    assert!(!granted.contains(&written(&closed, 0, 35)));
}

#[test]
fn a_clock_that_went_back_makes_no_epoch_old() {
    let me = Me::with_friends(&[ANN]);
    let epoch = Minted { opened: Timestamp::from_millis(u64::MAX), ..minted(1, everyone(), &[ANN], 0) };
    assert_eq!(chosen(&everyone(), &me, std::slice::from_ref(&epoch)), Choice::Use(epoch.id));
}
