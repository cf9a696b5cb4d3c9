//! What a page, an album and a search cost in a home with many moments, beside a plain range read of the same store.
//!
//! `cargo run --release -p tidings --example measure_timeline [-- --moments 100000 --friends 500 --rounds 200]`
//!
//! A home is filled as a node fills it: each friend has an epoch, each moment is sealed and signed as the friend's device
//! would, verified once, and lies in sled under the layout's own keys. A second process opens the home and reads: so its
//! memory is that of a node which holds these moments and has shown pages. Nothing decoded is kept from one page to the
//! next. The plain read beside it takes as many records of the same tree at the same places, and opens nothing.

#![expect(clippy::disallowed_methods, reason = "what is measured is time")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidings::ask::{AlbumQuery, TimelineQuery};
use tidings::crypto::{AtRestKey, Entropy, EpochSecret, SigningKey, keys};
use tidings::entry::{Draft, Entry, Unverified, write};
use tidings::identity::{DeviceFlags, Keyring, KnownIdentity, next_seq};
use tidings::limits::ENTRY_PADDED_MIN;
use tidings::moment::{Body, Content, Post, PrivatePart, PublicPart, PublicValues};
use tidings::service::state::Me;
use tidings::service::{Parts, SecondBook, Service};
use tidings::store::layout::{log_key, timeline_key};
use tidings::store::{
    Batch, Direction, Disk, DiskConfig, KeyRange, Reservations, Sealed, StorageKeys, Store, StoreError, Tree,
};
use tidings::time::{ClaimedTime, Timestamp};
use tidings::wire::Writer;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Moments on a page.
const PAGE: usize = 50;
/// Time between two moments, ms: 100,000 reach back seven months.
const PACE_MS: u64 = 3 * 60_000;
/// Moments written in one batch.
const BATCH: usize = 1_000;
/// Every so many moments hold the common word.
const COMMON: usize = 10;

struct Options {
    moments: usize,
    friends: usize,
    rounds: usize,
    /// Whether what fills the home is killed when it has written everything.
    killed: bool,
    /// What this process does, and where; without it, everything in turn.
    part: Option<(String, PathBuf)>,
}

fn main() -> Result<()> {
    let options = options()?;
    match &options.part {
        Some((part, home)) if part == "fill" => return fill(&options, home),
        Some((_, home)) => return read(&options, home),
        None => {}
    }
    let built =
        if cfg!(debug_assertions) { "dev (dependencies optimised, this project not)" } else { "release" };
    println!("{} moments by {} friends, built as {built}", options.moments, options.friends);
    let home = tempfile::tempdir()?;
    for part in ["--fill", "--read", "--read"] {
        let status = Command::new(std::env::current_exe()?)
            .args(["--moments", &options.moments.to_string(), "--friends", &options.friends.to_string()])
            .args(["--rounds", &options.rounds.to_string(), "--killed", &options.killed.to_string(), part])
            .arg(home.path())
            .status()?;
        if !(status.success() || options.killed && part == "--fill") {
            return Err(format!("{part} ended with {status}").into());
        }
    }
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options { moments: 100_000, friends: 500, rounds: 200, killed: false, part: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        match word.as_str() {
            "--moments" => options.moments = value.parse()?,
            "--friends" => options.friends = value.parse()?,
            "--rounds" => options.rounds = value.parse()?,
            "--killed" => options.killed = value.parse()?,
            "--fill" => options.part = Some(("fill".into(), value.into())),
            "--read" => options.part = Some(("read".into(), value.into())),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    if options.moments == 0 || options.friends == 0 || options.rounds == 0 {
        return Err("at least one of each is measured".into());
    }
    Ok(options)
}

/// The same keys in both processes.
fn keyring() -> (Keyring, StorageKeys, Vec<u8>, Vec<u8>) {
    let mut entropy = Entropy::from_number(1);
    let begin = Timestamp::from_millis(1_700_000_000_000);
    let created = Keyring::create(&mut entropy, begin);
    let flags = DeviceFlags::new(false, true);
    let device = created.keyring.device_record(next_seq(None, begin), begin.day(), flags, vec![], vec![]);
    let storage = StorageKeys::new(0, AtRestKey::random(&mut entropy));
    (created.keyring, storage, created.identity.as_bytes().to_vec(), device.as_bytes().to_vec())
}

fn open(home: &Path, storage: StorageKeys, seed: u64) -> Result<Arc<dyn Store>> {
    let disk = Disk::open(home, &DiskConfig::default())?;
    Ok(Arc::new(Sealed::new(disk, storage, Entropy::from_number(seed))))
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A friend's epoch, as their device has it.
struct Author {
    key: SigningKey,
    secret: EpochSecret,
    next: u64,
}

fn fill(options: &Options, home: &Path) -> Result<()> {
    let (_, storage, identity, device) = keyring();
    let store = open(home, storage, 2)?;
    let me = Me {
        name: "Alice".into(),
        about: String::new(),
        window_days: 0,
        strangers: 0,
        identity,
        device,
        addresses: vec![],
        device_day: now().day(),
        last_day: now().day(),
        next_number: 0,
    };
    Service::create(&*store, &me)?;
    let mut entropy = Entropy::from_number(3);
    let mut batch = Batch::new();
    let mut authors: Vec<Author> =
        (0..options.friends).map(|n| befriend(n, &mut batch, &mut entropy)).collect();
    store.apply(batch)?;
    let begun = Instant::now();
    let (newest, mut batch) = (now(), Batch::new());
    for n in 0..options.moments {
        let shown = newest.minus_ms(u64::try_from(n)? * PACE_MS);
        let at = n * 7_919 % authors.len();
        let text = text(n, options.moments);
        put(&mut authors[at], shown, &text, &mut batch, &mut entropy)?;
        if batch.len() >= 3 * BATCH {
            store.apply(std::mem::take(&mut batch))?;
        }
    }
    store.apply(batch)?;
    store.barrier()?;
    println!("filled in {:.1} s (sealed, signed, verified, stored)", begun.elapsed().as_secs_f64());
    if options.killed {
        std::process::abort();
    }
    let begun = Instant::now();
    drop(store);
    println!("{:<44} {:>9.2} ms", "the bare store closes", ms(begun.elapsed()));
    Ok(())
}

/// About 300 bytes; one moment in the middle holds the rare word.
fn text(n: usize, all: usize) -> String {
    let common = if n.is_multiple_of(COMMON) { "harbour" } else { "meadow" };
    let rare = if n == all / 2 { "quicksilver" } else { "ordinary" };
    let rest = "It was one of those days on which nothing happens and everything is well: bread, a walk, the old dog \
                asleep by the door, and somebody two gardens further on who practises the same eight bars over and over.";
    format!("Moment {n}: a {common}, an {rare} evening. {rest}")
}

/// Writes the records of a friend and of their epoch, in the layout of the store.
fn befriend(n: usize, batch: &mut Batch, entropy: &mut Entropy) -> Author {
    let created = Keyring::create(entropy, Timestamp::from_millis(1_700_000_000_000));
    let user = created.keyring.user();
    let mut friend = Writer::new();
    friend.value(&user);
    for text in ["", &format!("Friend {n}"), "", ""] {
        friend.bytes_u16(text.as_bytes());
    }
    friend.u64(0).u32(0).u64(0).bool(false).raw(&[0; 64]).u32(0).value(&KnownIdentity::new(created.identity));
    friend.u16(0).bytes_u16(&[]).u64(0).raw(&[0; 32]).bool(false);
    batch.insert(Tree::State, [b"f", &user.as_bytes()[..]].concat(), friend.into_vec());
    let author = Author { key: SigningKey::random(entropy), secret: EpochSecret::random(entropy), next: 0 };
    let id = keys::epoch_id(author.key.public().as_bytes());
    let mut epoch = Writer::new();
    epoch.value(&id).raw(author.key.public().as_bytes()).bool(true).raw(author.secret.expose_bytes());
    // Class 2: moments. Open since a day of no matter.
    epoch.raw(&[0; 96]).value(&user).raw(&[0; 32]).u8(2).bool(false).u32(0).bool(false).u32(0).bool(false);
    batch.insert(Tree::State, [b"e", &id.as_bytes()[..]].concat(), epoch.into_vec());
    author
}

fn put(
    author: &mut Author,
    shown: Timestamp,
    text: &str,
    batch: &mut Batch,
    entropy: &mut Entropy,
) -> Result<()> {
    let values = PublicValues { text: text.to_owned(), ..PublicValues::default() };
    let post = Post { public: PublicPart::new(&values)?, private: PrivatePart::default() };
    let created = ClaimedTime::from_millis(shown.as_millis());
    let content = Content { created, body: Body::Post(Box::new(post)) }.encode()?;
    let public = author.key.public();
    let epoch = keys::epoch_id(public.as_bytes());
    let draft = Draft {
        epoch_key: &author.key,
        epoch,
        read_key: &keys::read_key(&author.secret),
        seq: author.next,
        expire_day: None,
        content: &content,
        min_padded: ENTRY_PADDED_MIN,
    };
    let (header, body) = write(draft, entropy)?.into_parts();
    let entry = Entry::<Unverified>::from_parts(header.bytes(), body)?.verify(&public)?;
    let (seq, id) = (author.next, entry.id());
    author.next += 1;
    let time = shown.as_millis().to_be_bytes();
    batch.insert(
        Tree::Timeline,
        timeline_key(shown, &id),
        [&time[..], header.bytes(), entry.body()].concat(),
    );
    batch.insert(Tree::Log, log_key(&epoch, seq, &id), [&[0][..], &time].concat());
    batch.insert(Tree::ById, *id.as_bytes(), [&epoch.as_bytes()[..], &seq.to_be_bytes()].concat());
    Ok(())
}

struct NoBook;

impl SecondBook for NoBook {
    fn write(&mut self, _: &Reservations) -> std::result::Result<(), StoreError> {
        Ok(())
    }
}

fn read(options: &Options, home: &Path) -> Result<()> {
    let (keyring, storage, ..) = keyring();
    let begun = Instant::now();
    let store = open(home, storage, 4)?;
    println!("{:<44} {:>9.2} ms", "the bare store opens", ms(begun.elapsed()));
    let entropy = Entropy::from_number(5);
    let begun = Instant::now();
    let parts = Parts { keyring, store: Arc::clone(&store), book: Box::new(NoBook), beside: None, entropy };
    let mut service = Service::new(parts, now())?;
    println!("{:<44} {:>9.2} ms", "the service opens", ms(begun.elapsed()));
    let begun = Instant::now();
    let page = service.timeline(&TimelineQuery { limit: PAGE, ..TimelineQuery::default() })?;
    println!("{:<44} {:>9.2} ms", "first page of 50", ms(begun.elapsed()));
    assert_eq!(page.moments.len(), PAGE.min(options.moments));
    println!("{:<44} {:>9} MB", "resident after it", resident_mb());
    let mut steps = Vec::new();
    loop {
        let begun = Instant::now();
        let is_whole = service.fill_index()?;
        service.commit().map_err(|error| format!("{error:?}"))?;
        steps.push(begun.elapsed());
        if is_whole {
            break;
        }
    }
    let total: Duration = steps.iter().sum();
    times("a step of indexing by author, committed", &mut steps);
    println!("{:<44} {:>9.2} ms", "  all of them", ms(total));
    pages(options, &mut service, &store)?;
    for (what, words) in [
        ("search, a rare word", "quicksilver"),
        ("search, a common word", "harbour"),
        ("search, no hit", "zanzibar"),
    ] {
        search(options, &service, what, words)?;
    }
    println!("{:<44} {:>9} MB", "resident at the end", resident_mb());
    let stats = store.stats()?;
    let moments = u64::try_from(options.moments)?;
    println!("{:<44} {:>9} B", "disk per moment, index included", stats.disk_bytes / moments);
    drop(service);
    let begun = Instant::now();
    drop(store);
    println!("{:<44} {:>9.2} ms", "the store closes", ms(begun.elapsed()));
    Ok(())
}

/// Pages at random places, and the same places of the bare store, in turn.
fn pages(options: &Options, service: &mut Service, store: &Arc<dyn Store>) -> Result<()> {
    let mut places = Entropy::from_number(6);
    let span = u64::try_from(options.moments)? * PACE_MS;
    let (mut page, mut plain, mut from, mut album) = (vec![], vec![], vec![], vec![]);
    for round in 0..options.rounds {
        let ago = u64::from_be_bytes(places.bytes()) % span;
        let mut cursor = now().minus_ms(ago).as_millis().to_be_bytes().to_vec();
        cursor.extend([0; 32]);
        let before = Some(tidings::id::hex(&cursor));
        let begun = Instant::now();
        service.timeline(&TimelineQuery {
            limit: PAGE,
            before: before.clone(),
            ..TimelineQuery::default()
        })?;
        page.push(begun.elapsed());
        let begun = Instant::now();
        store.scan(Tree::Timeline, KeyRange::all().before(cursor), Direction::Backward, PAGE)?;
        plain.push(begun.elapsed());
        let name = Some(format!("Friend {}", round % options.friends));
        let begun = Instant::now();
        service.timeline(&TimelineQuery { limit: PAGE, from: name.clone(), ..TimelineQuery::default() })?;
        from.push(begun.elapsed());
        let begun = Instant::now();
        service.album(&AlbumQuery { limit: PAGE, from: name, ..AlbumQuery::default() })?;
        album.push(begun.elapsed());
    }
    times("page of 50 at a random place", &mut page);
    times("  plain range read of as many records there", &mut plain);
    println!("{:<44} {:>9.1}", "  ratio of the medians", ms(median(&page)) / ms(median(&plain)));
    times("page of one friend", &mut from);
    times("page of a friend's album, with its months", &mut album);
    Ok(())
}

/// Reads until a page is full or everything was looked at, as the client does.
fn search(options: &Options, service: &Service, what: &str, words: &str) -> Result<()> {
    let query = TimelineQuery { limit: PAGE, search: Some(words.into()), ..TimelineQuery::default() };
    let (mut steps, mut looked_at) = (Vec::new(), 0);
    let mut reading = service.begin_timeline(&query)?;
    while !reading.is_done() {
        let begun = Instant::now();
        service.read_on(&mut reading)?;
        steps.push(begun.elapsed());
        looked_at += reading.looked_at();
    }
    let total: Duration = steps.iter().sum();
    let found = reading.into_page().moments.len();
    println!("{what:<44} {:>9.2} ms  {found} found, {looked_at} of {} looked at", ms(total), options.moments);
    times("  a step of it", &mut steps);
    Ok(())
}

fn times(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |part: usize| ms(times[(times.len() * part / 100).min(times.len() - 1)]);
    println!(
        "{what:<44} p50 {:>7.2}  p10 {:>7.2}  p90 {:>7.2}  max {:>7.2} ms",
        at(50),
        at(10),
        at(90),
        at(100)
    );
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What Linux says that this process holds; nothing elsewhere.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|text| text.split_whitespace().next()).and_then(|kb| kb.parse::<u64>().ok());
    kb.unwrap_or(0) / 1_000
}
