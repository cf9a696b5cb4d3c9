use std::sync::Arc;

use super::*;
use crate::ask::TimelineQuery;
use crate::crypto::AtRestKey;
use crate::identity::{DeviceFlags, next_seq};
use crate::service::state::Me;
use crate::service::{Parts, SecondBook};
use crate::store::{Memory, Reservations, Sealed, StorageKeys, Store};
use crate::time::DAY_MS;

const NOW: Timestamp = Timestamp::from_millis(20_000 * DAY_MS);

struct NoBook;

impl SecondBook for NoBook {
    fn write(&mut self, _: &Reservations) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A home in memory, of somebody else for each number.
fn home(number: u64) -> Service {
    let mut entropy = Entropy::from_number(100 + number);
    let created = Keyring::create(&mut entropy, NOW);
    let flags = DeviceFlags::new(false, true);
    let device = created.keyring.device_record(next_seq(None, NOW), NOW.day(), flags, Vec::new(), Vec::new());
    let me = Me {
        name: "Alice".to_owned(),
        about: String::new(),
        window_days: 0,
        strangers: 0,
        identity: created.identity.as_bytes().to_vec(),
        device: device.as_bytes().to_vec(),
        addresses: Vec::new(),
        device_day: NOW.day(),
        last_day: NOW.day(),
        next_number: 0,
    };
    let storage = StorageKeys::new(0, AtRestKey::random(&mut entropy));
    let store: Arc<dyn Store> = Arc::new(Sealed::new(Memory::new(), storage, entropy.split()));
    Service::create(&*store, &me).unwrap();
    let parts = Parts { keyring: created.keyring, store, book: Box::new(NoBook), beside: None, entropy };
    Service::new(parts, NOW).unwrap()
}

fn plan(moments: u64) -> Plan {
    Plan { authors: 7, ..Plan::of(moments, NOW) }
}

fn texts(service: &Service) -> Vec<String> {
    let query = TimelineQuery { limit: 1_000, ..TimelineQuery::default() };
    service.timeline(&query).unwrap().moments.into_iter().map(|moment| moment.text).collect()
}

#[test]
fn a_home_takes_all_of_it_in_the_order_it_was_written() {
    let (cast, mut service) = (Cast::new(plan(60)), home(1));
    cast.join(&mut service).unwrap();
    assert_eq!(cast.fill(&mut service, 0..60, |_| {}).unwrap(), 60);
    let expected: Vec<String> = (0..60).rev().map(|n| text(n, 60)).collect();
    assert_eq!(texts(&service), expected);
    assert_eq!(service.friends().len(), 7);
}

#[test]
fn two_homes_agree_on_every_byte_and_differ_in_what_one_of_them_was_not_given() {
    let (mut one, mut other) = (home(1), home(2));
    let missing = [3, 30, 59];
    for (service, without) in [(&mut one, &[][..]), (&mut other, &missing[..])] {
        // A cast of its own: what they agree on is the plan alone.
        let cast = Cast::new(plan(60));
        cast.join(service).unwrap();
        cast.fill(service, (0..60).filter(|n| !without.contains(n)), |_| {}).unwrap();
    }
    let (cast, one, mut other_texts) = (Cast::new(plan(60)), texts(&one), texts(&other));
    assert_eq!((one.len(), other_texts.len()), (60, 57));
    assert_eq!(cast.fill(&mut other, 0..60, |_| {}).unwrap(), 3, "the rest is known, byte for byte");
    other_texts = texts(&other);
    assert_eq!(one, other_texts);
}

#[test]
fn other_seeds_are_other_people() {
    let (mut service, one) = (home(1), Cast::new(plan(20)));
    let other = Cast::new(Plan { seed: 2, ..plan(20) });
    one.join(&mut service).unwrap();
    assert_eq!(other.fill(&mut service, 0..20, |_| {}).unwrap(), 0, "nobody here knows them");
    other.join(&mut service).unwrap();
    assert_eq!(other.fill(&mut service, 0..20, |_| {}).unwrap(), 20);
    assert_eq!(service.friends().len(), 14);
}

#[test]
fn a_text_has_about_three_hundred_bytes_and_holds_the_words_that_are_searched_for() {
    let all: Vec<String> = (0..1_000).map(|n| text(n, 1_000)).collect();
    assert!(all.iter().all(|text| (280..=320).contains(&text.len())));
    let holding = |word: &str| all.iter().filter(|text| text.contains(word)).count();
    assert_eq!([holding("harbour"), holding("quicksilver"), holding("zanzibar")], [100, 1, 0]);
}
