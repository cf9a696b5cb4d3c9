//! What only a disk can get wrong: what lies in the files, crashes, damage, a second process, no room.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::*;
use crate::crypto::{AtRestKey, Entropy};
use crate::store::suite::on_disk::{OnDisk, open};
use crate::store::suite::{Rig, keys};
use crate::store::{Sealed, StorageKeys};

fn put(store: &impl Store, tree: Tree, key: &[u8], value: &[u8]) {
    let mut batch = Batch::new();
    batch.insert(tree, key, value);
    store.apply(batch).expect("applied");
}

const SMALL_DISK: &str = "TIDINGS_TEST_SMALL_DISK";

/// A test beside this one may be starting a program, which holds every lock for a moment.
fn patient() -> DiskConfig {
    DiskConfig { lock_wait: Duration::from_secs(20), ..DiskConfig::default() }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("folder") {
        let entry = entry.expect("entry");
        if entry.file_type().expect("type").is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn body_files(home: &Path) -> Vec<std::path::PathBuf> {
    files(&home.join("store/bodies"))
}

fn holds(home: &Path, marker: &[u8]) -> bool {
    files(home).iter().any(|file| {
        let bytes = fs::read(file).expect("readable");
        bytes.windows(marker.len()).any(|window| window == marker)
    })
}

#[test]
fn sleds_own_blob_folder_stays_empty_after_thousands_of_big_records() {
    let rig = OnDisk::new();
    let mut entropy = Entropy::from_number(4);
    for round in 0..20u32 {
        let mut batch = Batch::new();
        for n in 0..200u32 {
            let key = (round * 200 + n).to_be_bytes();
            // The longest that stays in sled, many of them side by side in its pages; a few longer ones.
            let len = if n == 0 { 65_738 } else { STORE_VALUE_LIMIT - 1 };
            let mut value = vec![0; len];
            value[..32].copy_from_slice(&entropy.bytes::<32>());
            batch.insert(Tree::Timeline, key, value);
        }
        rig.disk.apply(batch).expect("applied");
    }
    rig.disk.barrier().expect("barrier");
    assert_eq!(body_files(rig.home.path()).len(), 20);
    let rig = rig.reopen();
    assert_eq!(rig.disk.stats().expect("stats").records[&Tree::Timeline], 4_000);
    assert_eq!(files(&rig.home.path().join("store/blobs")), Vec::<std::path::PathBuf>::new());
}

#[test]
fn no_value_inside_sled_is_longer_than_the_limit() {
    let rig = OnDisk::new();
    for len in [STORE_VALUE_LIMIT - 1, STORE_VALUE_LIMIT, STORE_VALUE_LIMIT + 1] {
        put(&rig.disk, Tree::Log, &len.to_be_bytes(), &vec![3; len]);
    }
    let lengths: Vec<usize> =
        rig.disk.trees[&Tree::Log].iter().map(|step| step.expect("read").1.len()).collect();
    assert_eq!(lengths, [STORE_VALUE_LIMIT, 33, 33]);
}

#[test]
fn sealed_records_cannot_be_read_in_any_file() {
    let home = tempfile::tempdir().expect("folder");
    let store = Sealed::new(open(home.path()), keys(), Entropy::from_number(1));
    let (secret, open_text) = (b"only for friends: 7741", b"ciphertext as it came");
    put(&store, Tree::State, b"short", secret);
    put(&store, Tree::State, b"long", &secret.repeat(400));
    put(&store, Tree::Log, b"short", open_text);
    put(&store, Tree::Log, b"long", &open_text.repeat(400));
    store.barrier().expect("barrier");
    drop(store);
    assert!(holds(home.path(), open_text), "the search finds what is there");
    assert!(!holds(home.path(), secret));
}

#[test]
fn a_second_node_on_one_home_is_refused_with_a_sentence() {
    let rig = OnDisk::new();
    let error = Disk::open(rig.home.path(), &DiskConfig::default()).expect_err("locked");
    assert!(error.to_string().starts_with("another Tidings node uses this home"), "{error}");
}

#[test]
fn a_body_file_stays_until_a_barrier_follows_its_drop() {
    let rig = OnDisk::new();
    put(&rig.disk, Tree::Log, b"k", &[1; 5_000]);
    rig.disk.barrier().expect("barrier");
    put(&rig.disk, Tree::Log, b"k", &[2; 5_000]);
    assert_eq!(body_files(rig.home.path()).len(), 2, "a crash now brings the first back");
    rig.disk.barrier().expect("barrier");
    assert_eq!(body_files(rig.home.path()).len(), 1);
    // Dropped, put back, dropped: only a barrier after the last drop removes it.
    let mut drop_it = Batch::new();
    drop_it.remove(Tree::Log, b"k");
    rig.disk.apply(drop_it.clone()).expect("applied");
    put(&rig.disk, Tree::Log, b"k", &[2; 5_000]);
    rig.disk.barrier().expect("barrier");
    assert_eq!(rig.disk.get(Tree::Log, b"k").expect("get"), Some(vec![2; 5_000]));
    rig.disk.apply(drop_it).expect("applied");
    assert_eq!(body_files(rig.home.path()).len(), 1);
    rig.disk.barrier().expect("barrier");
    assert_eq!(body_files(rig.home.path()).len(), 0);
}

#[test]
fn dropped_body_files_wait_in_bounded_number() {
    let rig = OnDisk::new();
    let fill = |byte| {
        let mut batch = Batch::new();
        for n in 0..=u32::try_from(STORE_DOOMED_LIMIT).expect("small") {
            batch.insert(Tree::Log, n.to_be_bytes(), vec![byte; STORE_VALUE_LIMIT]);
        }
        batch
    };
    rig.disk.apply(fill(1)).expect("applied");
    assert_eq!(rig.disk.lock_writer().doomed.len(), 0);
    rig.disk.apply(fill(2)).expect("applied");
    assert_eq!(rig.disk.lock_writer().doomed.len(), 0, "one above the limit makes a barrier");
    assert_eq!(body_files(rig.home.path()).len(), STORE_DOOMED_LIMIT + 1);
    let mut drop_some = Batch::new();
    for n in 0..u32::try_from(STORE_DOOMED_LIMIT).expect("small") {
        drop_some.remove(Tree::Log, n.to_be_bytes());
    }
    rig.disk.apply(drop_some).expect("applied");
    assert_eq!(rig.disk.lock_writer().doomed.len(), STORE_DOOMED_LIMIT);
}

#[test]
fn files_that_nothing_names_are_collected_at_open() {
    let rig = OnDisk::new();
    put(&rig.disk, Tree::Log, b"k", &[1; 5_000]);
    let orphan = BodyName::of("log", b"gone", b"x");
    rig.disk.bodies.write([(orphan, b"x".as_slice())]).expect("written");
    fs::write(body_files(rig.home.path())[0].with_extension("tmp"), b"torn").expect("written");
    assert_eq!(body_files(rig.home.path()).len(), 3);
    let rig = rig.reopen();
    assert_eq!(body_files(rig.home.path()).len(), 1);
    assert_eq!(rig.disk.get(Tree::Log, b"k").expect("get"), Some(vec![1; 5_000]));
}

#[test]
fn a_body_file_that_was_altered_or_removed_is_named_and_the_rest_is_readable() {
    let rig = OnDisk::new();
    put(&rig.disk, Tree::Timeline, b"a", b"before");
    put(&rig.disk, Tree::Timeline, b"b", &[1; 5_000]);
    put(&rig.disk, Tree::Timeline, b"c", b"after");
    let file = body_files(rig.home.path()).pop().expect("one");
    let check = |what: &str| {
        let text = format!("timeline is damaged at key 62: {what}");
        assert_eq!(rig.disk.get(Tree::Timeline, b"b").expect_err("damaged").to_string(), text);
        let report = rig.disk.check().expect("check");
        assert_eq!(report.damaged.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
        assert_eq!(report.records[&Tree::Timeline], 2);
    };
    let mut bytes = fs::read(&file).expect("read");
    bytes[4_000] ^= 1;
    fs::write(&file, &bytes).expect("written");
    check("its body file was altered");
    fs::write(&file, vec![0; crate::limits::STORE_RECORD_LIMIT + 1]).expect("written");
    check("its body file is too long");
    fs::remove_file(&file).expect("removed");
    check("its body file is missing");
    assert_eq!(rig.disk.get(Tree::Timeline, b"c").expect("get"), Some(b"after".to_vec()));
}

#[test]
fn a_value_that_sled_holds_but_nobody_wrote_is_named() {
    let rig = OnDisk::new();
    rig.disk.trees[&Tree::Log].insert(b"k", b"\x02??").expect("raw");
    rig.disk.trees[&Tree::Log].insert(b"l", b"\x01short").expect("raw");
    rig.disk.trees[&Tree::Log].insert(b"m", b"").expect("raw");
    let report = rig.disk.check().expect("check");
    assert_eq!(report.damaged_count, 3);
    assert!(report.damaged.iter().all(|damage| damage.place == "log"));
}

#[test]
fn a_store_that_was_emptied_or_overwritten_is_never_taken_for_a_new_one() {
    let spoil: [fn(&Path); 4] = [
        |store| fs::remove_dir_all(store).expect("removed"),
        |store| fs::write(store.join("db"), b"").expect("emptied"),
        |store| fs::remove_file(store.join("db")).expect("removed"),
        |store| {
            let len = fs::metadata(store.join("db")).expect("there").len();
            let len = usize::try_from(len).expect("small");
            fs::write(store.join("db"), vec![0xa5; len]).expect("overwritten");
        },
    ];
    for (n, spoil) in spoil.into_iter().enumerate() {
        let rig = OnDisk::new();
        put(&rig.disk, Tree::State, b"k", b"v");
        rig.disk.barrier().expect("barrier");
        let OnDisk { home, disk } = rig;
        drop(disk);
        spoil(&home.path().join("store"));
        let error = Disk::open(home.path(), &patient()).expect_err("spoilt");
        assert!(matches!(error, StoreError::Damaged(_)), "{n}: {error}");
        let again = Disk::open(home.path(), &patient()).expect_err("still spoilt");
        assert!(matches!(again, StoreError::Damaged(_)), "{n}: {again}");
    }
}

#[test]
fn a_home_that_crashed_before_its_store_was_made_begins_again() {
    let home = tempfile::tempdir().expect("folder");
    drop(Home::open(home.path(), Duration::ZERO).expect("made"));
    fs::create_dir(home.path().join("store")).expect("made");
    fs::write(home.path().join("store/db"), b"").expect("torn");
    let disk = open(home.path());
    put(&disk, Tree::State, b"k", b"v");
    drop(disk);
    assert_eq!(open(home.path()).get(Tree::State, b"k").expect("get"), Some(b"v".to_vec()));
}

#[test]
fn without_free_space_nothing_is_added_and_everything_is_read() {
    let rig = OnDisk::new();
    put(&rig.disk, Tree::State, b"a", b"1");
    put(&rig.disk, Tree::State, b"b", b"2");
    let OnDisk { home, disk } = rig;
    drop(disk);
    let no_room = DiskConfig { reserve_bytes: u64::MAX, ..patient() };
    let disk = Disk::open(home.path(), &no_room).expect("opens");
    let mut batch = Batch::new();
    batch.insert(Tree::State, b"c", b"3").insert(Tree::Log, b"c", vec![1; 5_000]);
    assert!(disk.apply(batch.clone()).expect_err("full").is_full());
    assert_eq!(disk.get(Tree::State, b"a").expect("get"), Some(b"1".to_vec()));
    assert_eq!(disk.get(Tree::State, b"c").expect("get"), None);
    assert_eq!(body_files(home.path()).len(), 0);
    let mut removal = Batch::new();
    removal.remove(Tree::State, b"b");
    disk.apply(removal).expect("removing makes room");
    disk.barrier().expect("barrier");
    drop(disk);
    let disk = open(home.path());
    assert_eq!(disk.get(Tree::State, b"b").expect("get"), None);
    disk.apply(batch).expect("room again");
}

#[cfg(unix)]
#[test]
fn a_body_file_that_cannot_be_written_undoes_the_batch() {
    let rig = OnDisk::new();
    put(&rig.disk, Tree::State, b"a", b"1");
    // A file stands where the folder of this body would be.
    let (key, value) = (b"k".as_slice(), vec![1; 5_000]);
    let name = crate::id::hex(BodyName::of("log", key, &value).as_bytes());
    fs::write(rig.home.path().join("store/bodies").join(&name[..2]), b"in the way").expect("written");
    let mut batch = Batch::new();
    batch.insert(Tree::State, b"a", b"2").insert(Tree::Log, key, value);
    let error = rig.disk.apply(batch).expect_err("in the way");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert_eq!(rig.disk.get(Tree::State, b"a").expect("get"), Some(b"1".to_vec()));
    assert_eq!(rig.disk.get(Tree::Log, key).expect("get"), None);
    put(&rig.disk, Tree::State, b"b", b"2");
}

#[test]
fn readers_never_see_a_record_whose_body_is_gone() {
    let rig = OnDisk::new();
    put(&rig.disk, Tree::Log, b"k", &[0; 5_000]);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..300 {
                let value = rig.disk.get(Tree::Log, b"k").expect("readable").expect("there");
                assert!(value.iter().all(|byte| *byte == value[0]));
            }
        });
        for byte in 1..100u8 {
            put(&rig.disk, Tree::Log, b"k", &[byte; 5_000]);
            rig.disk.barrier().expect("barrier");
        }
        reader.join().expect("reader");
    });
}

/// The process that the next test starts on a small file system of its own.
#[test]
fn child_fills_a_small_disk() {
    let Ok(small) = std::env::var(SMALL_DISK) else { return };
    for (reserve_bytes, len) in [(0, 3_000), (0, 9_000), (4 << 20, 3_000), (4 << 20, 9_000)] {
        let home = tempfile::tempdir_in(&small).expect("folder");
        let config = DiskConfig { reserve_bytes, ..patient() };
        let disk = Disk::open(home.path(), &config).expect("opens");
        let mut entropy = Entropy::from_number(1);
        let (mut safe, mut n) = (0u32, 0u32);
        let error = loop {
            n += 1;
            let mut value = vec![0; len];
            value.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&entropy.bytes::<8>()));
            let mut batch = Batch::new();
            batch.insert(Tree::Log, n.to_be_bytes(), value).insert(Tree::Meta, b"n", n.to_be_bytes());
            if let Err(error) = disk.apply(batch) {
                break error;
            }
            if n.is_multiple_of(8) {
                if let Err(error) = disk.barrier() {
                    break error;
                }
                safe = n;
            }
        };
        println!("reserve {reserve_bytes}, {len} bytes: refused at {n}, {safe} safe: {error}");
        assert!(error.is_full(), "{error}");
        for key in 1..=safe {
            match disk.get(Tree::Log, &key.to_be_bytes()) {
                Ok(record) => assert!(record.is_some(), "{key}"),
                // With nothing in reserve sled itself met the full disk, and then reads only what it has in memory.
                Err(error) => assert!(error.is_full() && reserve_bytes == 0, "{key}: {error}"),
            }
        }
        drop(disk);
        // sled writes while it opens: with no room at all it says so, and nothing is lost.
        let disk = Disk::open(home.path(), &DiskConfig { reserve_bytes: 0, ..config });
        match disk {
            Ok(disk) => {
                assert_eq!(disk.check().expect("check").damaged, []);
                assert!(disk.stats().expect("stats").records[&Tree::Log] >= u64::from(safe));
            }
            Err(error) => assert!(error.is_full() && reserve_bytes == 0, "{error}"),
        }
    }
}

/// Needs a kernel that lets anybody mount a tmpfs in a namespace; where it does not, the test says so and rests on
/// [`without_free_space_nothing_is_added_and_everything_is_read`].
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_really_full_loses_nothing_that_was_safe() {
    const NO_NAMESPACE: i32 = 77;
    let folder = tempfile::tempdir().expect("folder");
    let script = "mount -t tmpfs -o size=12M tmpfs \"$0\" || exit 77; exec \"$@\"";
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(folder.path())
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", "store::disk::tests::child_fills_a_small_disk", "--nocapture"])
        .env(SMALL_DISK, folder.path())
        .output();
    match child {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(said.matches("refused at").count(), 4, "{said}");
        }
        Ok(output)
            if output.status.code() == Some(NO_NAMESPACE) || !output.stdout.starts_with(b"\nrunning") =>
        {
            println!("not tried: no namespace of our own ({})", String::from_utf8_lossy(&output.stderr));
        }
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => println!("not tried: no unshare ({error})"),
    }
}

// ---- kill -9 ----

const KEPT: u64 = 8;
const CHILD_HOME: &str = "TIDINGS_TEST_CHILD_HOME";
const ROUNDS: u64 = 20;

/// The record of a step: some short, some in files.
fn step_value(n: u64) -> Vec<u8> {
    let len = if n.is_multiple_of(3) { 4_500 } else { 100 };
    vec![u8::try_from(n % 251).expect("small"); len]
}

fn step_batch(n: u64) -> Batch {
    let mut batch = Batch::new();
    batch.insert(Tree::Meta, b"n", n.to_be_bytes()).insert(Tree::Timeline, n.to_be_bytes(), step_value(n));
    batch.insert(Tree::ById, n.to_be_bytes(), vec![7; 24]);
    if let Some(old) = n.checked_sub(KEPT) {
        batch.remove(Tree::Timeline, old.to_be_bytes()).remove(Tree::ById, old.to_be_bytes());
    }
    batch
}

fn last_step(store: &impl Store) -> u64 {
    let value = store.get(Tree::Meta, b"n").expect("get");
    value.map_or(0, |value| u64::from_be_bytes(value.try_into().expect("eight bytes")))
}

fn killed_store(home: &Path) -> Sealed<Disk> {
    // Nonces must not repeat across starts; the length of the log stands in for the system's randomness.
    let seed = fs::metadata(home.join("store/db")).map_or(0, |found| found.len());
    let keys = StorageKeys::new(1, AtRestKey::from_bytes([1; 32]));
    Sealed::new(Disk::open(home, &patient()).expect("opens after a kill"), keys, Entropy::from_number(seed))
}

/// Not a test of its own but the process that the next one kills: without a home in the environment it ends at once.
#[test]
fn child_writes_until_it_is_killed() {
    let Ok(home) = std::env::var(CHILD_HOME) else { return };
    let store = killed_store(Path::new(&home));
    let mut n = last_step(&store);
    loop {
        n += 1;
        store.apply(step_batch(n)).expect("applied");
        if n.is_multiple_of(5) {
            store.barrier().expect("barrier");
            println!("\nsafe {n}");
            io::stdout().flush().expect("flushed");
        }
    }
}

#[test]
fn a_killed_process_leaves_whole_batches_and_loses_nothing_a_barrier_covered() {
    let home = tempfile::tempdir().expect("folder");
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_u64);
    println!("SEED={seed}");
    let mut entropy = Entropy::from_number(seed);
    let mut most = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "store::disk::tests::child_writes_until_it_is_killed", "--nocapture"])
            .env(CHILD_HOME, home.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let output = child.stdout.take().expect("piped");
        // Every other round is killed at any moment, opening included; the others once some steps were safe.
        let wait_for = if round % 2 == 0 { 0 } else { 1 + entropy.below(20) };
        let (told, ready) = std::sync::mpsc::sync_channel(1);
        let collect = std::thread::spawn(move || {
            let (mut seen, mut safe) = (0, 0);
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(n) = line.strip_prefix("safe ").and_then(|n| n.parse::<u64>().ok()) {
                    safe = n;
                    seen += 1;
                    if seen >= wait_for {
                        // Full: it was told before.
                        let _ = told.try_send(());
                    }
                }
            }
            safe
        });
        if wait_for > 0 {
            ready.recv_timeout(Duration::from_secs(60)).expect("the child writes");
        }
        std::thread::park_timeout(Duration::from_millis(entropy.below(40)));
        child.kill().expect("killed");
        child.wait().expect("gone");
        let safe = collect.join().expect("collected");

        let store = killed_store(home.path());
        let n = last_step(&store);
        assert!(n >= safe.max(most), "round {round}: {n} is there, {safe} was safe");
        most = most.max(safe);
        let page = store.scan(Tree::Timeline, KeyRange::all(), Direction::Forward, 100).expect("scan");
        assert_eq!(page.damaged, [], "round {round}");
        let wanted: Vec<(Vec<u8>, Vec<u8>)> = (n.saturating_sub(KEPT - 1)..=n)
            .filter(|n| *n > 0)
            .map(|n| (n.to_be_bytes().to_vec(), step_value(n)))
            .collect();
        assert!(page.records == wanted, "round {round}: the trees disagree about {n}");
        let places = store.scan(Tree::ById, KeyRange::all(), Direction::Forward, 100).expect("scan");
        assert_eq!(places.damaged, [], "round {round}");
        let keys = |page: &[(Vec<u8>, Vec<u8>)]| page.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        assert_eq!(keys(&places.records), keys(&wanted), "round {round}");
        let in_files = wanted.iter().filter(|(_, value)| value.len() >= STORE_VALUE_LIMIT).count();
        assert_eq!(body_files(home.path()).len(), in_files, "round {round}");
    }
    assert!(most > 0, "the children wrote");
}
