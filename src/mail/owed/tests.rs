//! What is owed: never forgotten before it was acknowledged, never sent for ever.

use proptest::prelude::*;

use super::*;
use crate::mail::item::tests::entry;
use crate::wire::decode;

const TODAY: Day = Day(20_500);

fn epoch(n: u8) -> EpochId {
    EpochId::from_bytes([n; 16])
}

fn parcel(n: u8) -> ParcelId {
    ParcelId::from_bytes([n; 16])
}

fn wanted(n: u8, class: Class, ms: u64) -> Wanted {
    let carriers = match class {
        Class::Contact | Class::SelfDevices => Carriers::Any,
        Class::Posts => Carriers::Recipients(epoch(n)),
    };
    Wanted { id: OwedId::epoch_keys(epoch(n)), class, arose: Timestamp::from_millis(ms), carriers }
}

fn ids(wanted: &[Wanted]) -> Vec<OwedId> {
    wanted.iter().map(|wanted| wanted.id).collect()
}

fn keys(numbers: &[u8]) -> Vec<OwedId> {
    numbers.iter().map(|n| OwedId::epoch_keys(epoch(*n))).collect()
}

#[test]
fn contact_goes_before_posts_and_the_newest_first() {
    let all = [
        wanted(1, Class::Posts, 500),
        wanted(2, Class::Contact, 100),
        wanted(3, Class::Posts, 900),
        wanted(4, Class::SelfDevices, 300),
    ];
    assert_eq!(ids(&Owed::default().due_directly(all)), keys(&[4, 2, 3, 1]));
}

#[test]
fn what_was_acknowledged_is_not_owed_and_what_was_only_sent_is() {
    let mut owed = Owed::default();
    let all = [wanted(1, Class::Posts, 1), wanted(2, Class::Posts, 2), wanted(3, Class::Posts, 3)];
    let (carried, forgotten) = owed.on_parcel(parcel(1), keys(&[1, 2]), TODAY);
    assert_eq!((carried.day, carried.ids.len(), forgotten), (TODAY, 2, Forgotten::default()));
    assert_eq!(ids(&owed.due_directly(all)), keys(&[3, 2, 1]), "sent is not received");
    let (new, forgotten) = owed.on_ack(&parcel(1));
    assert_eq!((new, forgotten.parcels), (keys(&[1, 2]), vec![parcel(1)]));
    assert_eq!(ids(&owed.due_directly(all)), keys(&[3]));
    assert!(owed.has(&OwedId::epoch_keys(epoch(1))) && !owed.has(&OwedId::epoch_keys(epoch(3))));
}

#[test]
fn an_ack_twice_or_of_an_unknown_parcel_changes_nothing() {
    let mut owed = Owed::default();
    owed.on_parcel(parcel(1), keys(&[1]), TODAY);
    owed.on_ack(&parcel(1));
    let before = owed.clone();
    assert_eq!(owed.on_ack(&parcel(1)), (Vec::new(), Forgotten::default()));
    assert_eq!(owed.on_ack(&parcel(9)), (Vec::new(), Forgotten::default()));
    assert_eq!(owed, before);
}

#[test]
fn a_device_that_turns_up_later_is_owed_everything() {
    let all = [wanted(1, Class::Posts, 1), wanted(2, Class::Contact, 2)];
    let mut phone = Owed::default();
    phone.on_parcel(parcel(1), keys(&[1, 2]), TODAY);
    phone.on_ack(&parcel(1));
    assert_eq!(phone.due_directly(all).len(), 0);
    assert_eq!(Owed::default().due_directly(all).len(), 2);
}

#[test]
fn couriers_get_it_when_it_arises_and_every_25_days_for_400() {
    let mut owed = Owed::default();
    let all = [wanted(1, Class::Posts, 1)];
    let mut days = Vec::new();
    for day in 0..1_000 {
        let today = TODAY.plus(day);
        if !owed.due_by_courier(all, today, nobody).is_empty() {
            days.push(day);
            owed.on_put(keys(&[1]), today);
        }
    }
    assert_eq!(days, (0..400).step_by(25).map(|day| u32::try_from(day).expect("small")).collect::<Vec<_>>());
    assert_eq!(owed.due_directly(all).len(), 1, "on a session it is owed for ever");
}

#[test]
fn nothing_is_put_again_before_25_days_or_after_400() {
    let mut owed = Owed::default();
    let all = [wanted(1, Class::Posts, 1)];
    let put = owed.on_put(keys(&[1]), TODAY);
    assert_eq!(put, [(OwedId::epoch_keys(epoch(1)), Puts { first: TODAY, last: TODAY })]);
    let due = |owed: &Owed, days| owed.due_by_courier(all, TODAY.plus(days), nobody).len();
    assert_eq!((due(&owed, 24), due(&owed, 25)), (0, 1));
    assert_eq!((due(&owed, 399), due(&owed, 400)), (1, 0));
    // A clock that went back makes nothing due.
    assert_eq!(owed.due_by_courier(all, Day(TODAY.0 - 100), nobody).len(), 0);
}

/// Who took what is not looked at.
const fn nobody(_: &OwedId) -> Option<&'static BTreeSet<UserId>> {
    None
}

#[test]
fn a_thing_is_put_until_three_couriers_have_it_and_then_after_25_days_with_anybody() {
    let mut owed = Owed::default();
    let all = [wanted(1, Class::Posts, 1)];
    owed.on_put(keys(&[1]), TODAY);
    let already = |taken: &BTreeSet<UserId>, days| {
        let due = owed.due_by_courier(all, TODAY.plus(days), |_| Some(taken));
        due.into_iter().map(|(_, already)| already).next()
    };
    let (two, three) = (people(&[1, 2]), people(&[1, 2, 3]));
    assert_eq!((two.len(), three.len()), (COURIER_LIMIT - 1, COURIER_LIMIT));
    assert_eq!((already(&two, 24), already(&three, 24)), (Some(two.clone()), None));
    // What they had has expired by then: they may have it anew.
    assert_eq!((already(&two, 25), already(&three, 25)), (Some(people(&[])), Some(people(&[]))));
    assert_eq!((already(&two, 400), already(&three, 400)), (None, None));
}

#[test]
fn an_acknowledged_thing_is_not_put_again() {
    let mut owed = Owed::default();
    owed.on_parcel(parcel(1), keys(&[1]), TODAY);
    owed.on_put(keys(&[1]), TODAY);
    let (_, forgotten) = owed.on_ack(&parcel(1));
    assert_eq!(forgotten.puts, keys(&[1]));
    assert_eq!(owed.due_by_courier([wanted(1, Class::Posts, 1)], TODAY.plus(25), nobody).len(), 0);
}

#[test]
fn what_only_the_author_hands_out_goes_to_no_courier() {
    let quiet = Wanted { carriers: Carriers::AuthorOnly, ..wanted(1, Class::Posts, 1) };
    assert_eq!(Owed::default().due_by_courier([quiet], TODAY, nobody).len(), 0);
    assert_eq!(Owed::default().due_directly([quiet]).len(), 1);
}

#[test]
fn a_new_state_of_a_thing_is_another_thing() {
    let place = entry(7, 2);
    let all = [
        OwedId::epoch_keys(place.epoch),
        OwedId::epoch_closes(place.epoch, 7),
        OwedId::epoch_closes(place.epoch, 8),
        OwedId::grant(place, 0),
        OwedId::grant(place, 2),
        OwedId::tombstone(place),
        OwedId::hide(place, [1; 16]),
        OwedId::hide(place, [2; 16]),
        OwedId::recall(place, 1),
        OwedId::recall(place, 2),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    for id in all {
        assert_eq!(id.encode().len(), OwedId::LEN);
        assert_eq!(decode::<OwedId>(&id.encode()), Ok(id));
    }
    assert_eq!(OwedId::grant(place, 0).place(), place);
    assert_eq!(OwedId::hide(place, [2; 16]).hide_tag(), &[2; 16]);
    let mut unknown = all[0].encode();
    unknown[0] = 9;
    assert!(decode::<OwedId>(&unknown).is_err());
}

#[test]
fn parcels_that_await_an_ack_are_limited_and_the_oldest_goes() {
    let mut owed = Owed::default();
    let id = |n: usize| ParcelId::from_bytes(u128::try_from(n).expect("small").to_be_bytes());
    for n in 0..OWED_PARCEL_LIMIT {
        let (_, forgotten) = owed.on_parcel(id(n), keys(&[1]), TODAY.plus(u32::try_from(n).expect("small")));
        assert_eq!(forgotten, Forgotten::default());
    }
    let (_, forgotten) = owed.on_parcel(id(9_999), keys(&[1]), TODAY);
    assert_eq!(forgotten.parcels, [id(0)]);
    assert_eq!(owed.parcels.len(), OWED_PARCEL_LIMIT);
    assert_eq!(owed.on_ack(&id(0)).0, []);
    assert_eq!(owed.on_ack(&id(1)).0, keys(&[1]));
}

#[test]
fn what_nobody_wants_and_acks_that_will_not_come_are_forgotten() {
    let mut owed = Owed::default();
    owed.on_parcel(parcel(1), keys(&[1, 2]), TODAY);
    owed.on_ack(&parcel(1));
    owed.on_put(keys(&[3, 4]), TODAY);
    owed.on_parcel(parcel(2), keys(&[3]), TODAY);
    let still: BTreeSet<OwedId> = keys(&[1, 3]).into_iter().collect();
    let forgotten = owed.tidy(&still, TODAY.plus(OWED_PARCEL_DAYS));
    assert_eq!((forgotten.acknowledged, forgotten.puts), (keys(&[2]), keys(&[4])));
    assert_eq!(forgotten.parcels, []);
    assert_eq!(owed.tidy(&still, TODAY.plus(OWED_PARCEL_DAYS + 1)).parcels, [parcel(2)]);
    assert!(owed.has(&keys(&[1])[0]));
    assert_eq!(owed.tidy(&BTreeSet::new(), TODAY).acknowledged, keys(&[1]));
}

// ---- couriers ----

fn people(numbers: &[u8]) -> BTreeSet<UserId> {
    numbers.iter().map(|n| UserId::from_bytes([*n; 32])).collect()
}

fn chosen(candidates: &[u8], carried: &[Carriers], already: &[u8], seed: u64) -> BTreeSet<UserId> {
    // Person n may read the epochs up to n.
    let may_read = |who: &UserId, what: &EpochId| who.as_bytes()[0] >= what.as_bytes()[0];
    let mut entropy = Entropy::from_number(seed);
    let list = choose_couriers(&people(candidates), carried, &people(already), may_read, &mut entropy);
    let set: BTreeSet<UserId> = list.iter().copied().collect();
    assert_eq!(set.len(), list.len());
    set
}

#[test]
fn three_couriers_at_most_and_nobody_twice() {
    assert_eq!(chosen(&[1, 2], &[Carriers::Any], &[], 1), people(&[1, 2]));
    assert_eq!(chosen(&[1, 2, 3, 4, 5], &[Carriers::Any], &[], 1).len(), COURIER_LIMIT);
    let more = chosen(&[1, 2, 3, 4, 5], &[Carriers::Any], &[1, 9], 1);
    assert_eq!(more.len(), 1);
    assert!(!more.contains(&UserId::from_bytes([1; 32])));
    assert_eq!(chosen(&[4, 5], &[Carriers::Any], &[1, 2, 3], 1).len(), 0);
    let picks: BTreeSet<_> = (0..50).map(|seed| chosen(&[1, 2, 3, 4, 5], &[], &[], seed)).collect();
    assert!(picks.len() > 5, "chosen at random");
}

#[test]
fn an_excluded_friend_is_never_asked_to_carry_what_excludes_him() {
    let (four, two) = (Carriers::Recipients(epoch(4)), Carriers::Recipients(epoch(2)));
    for seed in 0..20 {
        assert_eq!(chosen(&[1, 2, 3, 4, 5], &[four, Carriers::Any], &[], seed), people(&[4, 5]));
        assert_eq!(chosen(&[1, 2, 3], &[two, four], &[], seed), people(&[]));
        assert_eq!(chosen(&[4, 5], &[four, Carriers::AuthorOnly], &[], seed), people(&[]));
    }
}

#[derive(Debug, Clone)]
enum Op {
    Want(u8),
    Unwant(u8),
    Session { acked: bool },
    Courier { acked: bool },
    Days(u32),
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..12u8).prop_map(Op::Want),
        1 => (0..12u8).prop_map(Op::Unwant),
        2 => any::<bool>().prop_map(|acked| Op::Session { acked }),
        2 => any::<bool>().prop_map(|acked| Op::Courier { acked }),
        2 => (1..30u32).prop_map(Op::Days),
        1 => Just(Op::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is lost or repeated, what is due is exactly what is wanted and was never acknowledged; and what is
    /// written is enough to go on after a restart.
    #[test]
    fn nothing_wanted_is_forgotten_before_it_was_acknowledged(ops in prop::collection::vec(op(), 1..80)) {
        let (mut owed, mut today, mut next) = (Owed::default(), TODAY, 0u8);
        let (mut wants, mut has) = (BTreeSet::<u8>::new(), BTreeSet::<OwedId>::new());
        let (mut acks, mut puts, mut parcels) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        for op in ops {
            let all: Vec<Wanted> = wants.iter().map(|n| wanted(*n, Class::Posts, u64::from(*n))).collect();
            let mut forget = Vec::new();
            match op {
                Op::Want(n) => {
                    wants.insert(n);
                }
                Op::Unwant(n) => {
                    wants.remove(&n);
                    let still = wants.iter().map(|n| OwedId::epoch_keys(epoch(*n))).collect();
                    forget.push(owed.tidy(&still, today));
                    has.retain(|id| still.contains(id));
                }
                Op::Session { acked } | Op::Courier { acked } => {
                    let by_courier = matches!(op, Op::Courier { .. });
                    let due = if by_courier {
                        owed.due_by_courier(all, today, nobody).into_iter().map(|(wanted, _)| wanted).collect()
                    } else {
                        owed.due_directly(all)
                    };
                    next = next.wrapping_add(1);
                    let (carried, forgotten) = owed.on_parcel(parcel(next), ids(&due), today);
                    parcels.insert(parcel(next), carried);
                    forget.push(forgotten);
                    if by_courier {
                        puts.extend(owed.on_put(ids(&due), today));
                    }
                    if acked {
                        let (new, forgotten) = owed.on_ack(&parcel(next));
                        has.extend(ids(&due));
                        acks.extend(new);
                        forget.push(forgotten);
                    }
                }
                Op::Days(days) => today = today.plus(days),
                Op::Restart => {
                    let again = |carried: &Carried| decode::<Carried>(&carried.encode()).expect("carried");
                    let days = |puts: &Puts| decode::<Puts>(&puts.encode()).expect("puts");
                    let read = Owed::restore(
                        acks.iter().copied(),
                        puts.iter().map(|(id, puts)| (*id, days(puts))),
                        parcels.iter().map(|(id, carried)| (*id, again(carried))),
                    );
                    prop_assert_eq!(&read, &owed);
                    owed = read;
                }
            }
            for Forgotten { acknowledged, puts: no_puts, parcels: no_parcels } in forget {
                acknowledged.iter().for_each(|id| { acks.remove(id); });
                no_puts.iter().for_each(|id| { puts.remove(id); });
                no_parcels.iter().for_each(|id| { parcels.remove(id); });
            }
            let all = wants.iter().map(|n| wanted(*n, Class::Posts, u64::from(*n)));
            let due: BTreeSet<OwedId> = ids(&owed.due_directly(all)).into_iter().collect();
            let model = wants.iter().map(|n| OwedId::epoch_keys(epoch(*n))).filter(|id| !has.contains(id)).collect();
            prop_assert_eq!(due, model);
        }
    }
}
