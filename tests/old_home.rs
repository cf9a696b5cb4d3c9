//! A home that a program of format 1 made is read as it is, and stays readable as it is written to.
//!
//! `tests/fixtures/home-format-1` was written by a program of format 1, with
//! `measure_timeline --moments 40 --friends 2 --fill HOME`: forty moments by two friends, the place of each sealed.

use std::path::Path;
use std::sync::Arc;

use tidings::ask::TimelineQuery;
use tidings::crypto::{AtRestKey, Entropy};
use tidings::identity::{DeviceFlags, Keyring, next_seq};
use tidings::service::{Parts, SecondBook, Service};
use tidings::store::layout::split_timeline_key;
use tidings::store::{
    Batch, Direction, Disk, DiskConfig, KeyRange, Reservations, Sealed, StorageKeys, Store, StoreError, Tree,
};
use tidings::time::Timestamp;

const MOMENTS: usize = 40;

struct NoBook;

impl SecondBook for NoBook {
    fn write(&mut self, _: &Reservations) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The keys of that home.
fn keys() -> (Keyring, StorageKeys) {
    let mut entropy = Entropy::from_number(1);
    let begin = Timestamp::from_millis(1_700_000_000_000);
    let keyring = Keyring::create(&mut entropy, begin).keyring;
    // Signing draws nothing, but this is the order in which that program drew.
    keyring.device_record(next_seq(None, begin), begin.day(), DeviceFlags::new(false, true), vec![], vec![]);
    (keyring, StorageKeys::new(0, AtRestKey::random(&mut entropy)))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in std::fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

fn open(home: &Path) -> Arc<dyn Store> {
    // A test beside this one may be starting a program, which holds every lock for a moment.
    let config = DiskConfig { lock_wait: std::time::Duration::from_secs(20), ..DiskConfig::default() };
    let disk = Disk::open(home, &config).expect("opens");
    let length = std::fs::metadata(home.join("store/db")).expect("there").len();
    Arc::new(Sealed::new(disk, keys().1, Entropy::from_number(length)))
}

/// What the page says, newest first.
fn texts(store: &Arc<dyn Store>) -> Vec<String> {
    let entropy = Entropy::from_number(5);
    let parts =
        Parts { keyring: keys().0, store: Arc::clone(store), book: Box::new(NoBook), beside: None, entropy };
    // The day after the newest of them.
    let newest = store.scan(Tree::Timeline, KeyRange::all(), Direction::Backward, 1).expect("scan");
    let (newest, _) = split_timeline_key(&newest.records[0].0).expect("a key of the timeline");
    let service = Service::new(parts, newest.plus_ms(1_000)).expect("the service opens");
    let query = TimelineQuery { limit: MOMENTS + 1, ..TimelineQuery::default() };
    let page = service.timeline(&query).expect("a page");
    page.moments.into_iter().map(|moment| moment.text).collect()
}

#[test]
fn a_home_of_format_1_opens_with_nothing_lost_and_every_moment_is_found_by_its_id() {
    let folder = tempfile::tempdir().expect("folder");
    let home = folder.path();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/home-format-1"), home);
    let store = open(home);
    let before = texts(&store);
    let expected: Vec<String> = (0..MOMENTS).map(|n| format!("Moment {n}: a ")).collect();
    assert!(before.iter().zip(&expected).all(|(text, begin)| text.starts_with(begin)), "{before:?}");
    assert_eq!(before.len(), MOMENTS);
    assert_eq!(std::fs::read_to_string(home.join("format")).expect("format"), "tidings 3\n");

    let places = store.scan(Tree::ById, KeyRange::all(), Direction::Forward, 100).expect("scan");
    assert_eq!((places.records.len(), places.damaged.len()), (MOMENTS, 0));
    // One that is written again lies in the clear from then on, and no longer where format 1 had it.
    let (id, place) = &places.records[7];
    let mut batch = Batch::new();
    batch.insert(Tree::ById, id.as_slice(), place.as_slice());
    store.apply(batch).expect("applied");
    store.barrier().expect("barrier");
    drop(store);
    let store = open(home);
    assert_eq!(store.scan(Tree::ById, KeyRange::all(), Direction::Forward, 100).expect("scan"), places);
    assert_eq!(texts(&store), before);
    assert_eq!(store.check().expect("check").damaged, []);
}
