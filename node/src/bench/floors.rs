//! The floors under the jobs: the bare primitives, the bare store, the bare disk, the bare socket, in the same run.

use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{Read, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use ed25519_dalek::Signer;
use sled::Transactional;
use tidings::crypto::{Nonce, open as open_sealed, seal};

use super::Bench;
use super::node::ms;
use super::report::percentile;
use crate::error::{Error, Result};

/// Threads that a live moment wakes one after the other, beside those that datagrams wake.
const WAKES: usize = 4;
/// How long a primitive is run.
const SPAN: Duration = Duration::from_millis(500);
/// Bytes of a header that the seal covers, and that are signed with their domain (docs/protocol.md 3.4).
const SEALED_HEAD_LEN: usize = 90;
const SIGNED_LEN: usize = 139;
/// Padded content of a text of 300 bytes.
const PADDED_LEN: usize = 512;
/// The trees that a post has a row in: whole by time, where it lies, by author, by id.
const ROW_TREES: [&str; 4] = ["timeline", "log", "by-author", "by-id"];
/// Bytes of the row that is the whole of it: of one's own, and of a friend's.
const OWN_LEN: usize = 730;
const FRIENDS_LEN: usize = 780;
/// Who wrote what a home is furnished with, and a fresh node fetches.
const AUTHORS: u64 = 100;
/// sled's page cache as the store has it, bytes.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// How long sled may take to let go of a folder that was closed.
const LET_GO: Duration = Duration::from_secs(5);

fn rate(mut work: impl FnMut()) -> f64 {
    // Warm up: tables of the curve, caches.
    (0..50).for_each(|_| work());
    let (begun, mut count) = (Instant::now(), 0u32);
    while begun.elapsed() < SPAN {
        (0..20).for_each(|_| work());
        count += 20;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

/// A post as the primitives see it.
struct Bare {
    key: ed25519_dalek::SigningKey,
    public: ed25519_dalek::VerifyingKey,
    signature: ed25519_dalek::Signature,
    sealed: Vec<u8>,
}

impl Bare {
    const MESSAGE: [u8; SIGNED_LEN] = [1; SIGNED_LEN];
    const HEAD: [u8; SEALED_HEAD_LEN] = [5; SEALED_HEAD_LEN];
    const SECRET: [u8; 32] = [9; 32];

    fn new() -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        // Of many entries by one author the key is made ready once.
        let (public, signature) = (key.verifying_key(), key.sign(&Self::MESSAGE));
        let mut bare = Self { key, public, signature, sealed: Vec::new() };
        bare.sealed = bare.write().1;
        bare
    }

    /// Signs and seals.
    fn write(&self) -> (ed25519_dalek::Signature, Vec<u8>) {
        let sealed = seal(&Self::SECRET, &Nonce::from_bytes([3; 24]), &Self::HEAD, &[b'x'; PADDED_LEN]);
        (self.key.sign(&Self::MESSAGE), sealed)
    }

    /// Verifies strictly and opens.
    fn read(&self) -> bool {
        let verified = self.public.verify_strict(&Self::MESSAGE, &self.signature).is_ok();
        verified && open_sealed(&Self::SECRET, &Nonce::from_bytes([3; 24]), &Self::HEAD, &self.sealed).is_ok()
    }
}

/// What of a post is nothing but primitives, on one core: `(sign and seal, verify strictly and open)`, times a second.
pub fn primitives() -> (f64, f64) {
    let bare = Bare::new();
    let write = rate(|| {
        black_box(bare.write());
    });
    let read = rate(|| {
        black_box(bare.read());
    });
    (write, read)
}

/// What of a live moment is nothing but primitives and the bare store, one after the other: signed and sealed, its rows in a
/// transaction; verified and opened, its rows in a transaction.
pub struct LiveParts {
    bare: Bare,
    folder: PathBuf,
    db: sled::Db,
    trees: Vec<sled::Tree>,
    chain: Chain,
}

impl LiveParts {
    /// In a folder beside a home.
    ///
    /// # Errors
    /// If the store cannot be opened.
    pub fn new(home: &Path) -> Result<Self> {
        let folder = home.with_extension("parts");
        let db = open(&folder)?;
        let trees = ROW_TREES.iter().map(|name| db.open_tree(name).map_err(sled_failed));
        Ok(Self {
            bare: Bare::new(),
            folder,
            trees: trees.collect::<Result<_>>()?,
            db,
            chain: Chain::start(),
        })
    }

    /// Does it once: ms.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn once(&self, n: u64) -> Result<f64> {
        let begun = Instant::now();
        black_box(self.bare.write());
        insert_rows(&self.trees, 2 * n..2 * n + 1, 1, OWN_LEN)?;
        black_box(self.bare.read());
        insert_rows(&self.trees, 2 * n + 1..2 * n + 2, 1, FRIENDS_LEN)?;
        Ok(ms(begun.elapsed()))
    }

    /// Wakes a chain of four threads that have slept since the last time: how long until the last one runs, ms.
    pub fn wake(&self) -> Option<f64> {
        self.chain.wake().map(ms)
    }

    /// Removes what it wrote.
    ///
    /// # Errors
    /// If that cannot be removed.
    pub fn end(self) -> Result<()> {
        let Self { folder, db, trees, .. } = self;
        drop((trees, db));
        std::fs::remove_dir_all(&folder).map_err(|e| Error::io("cannot remove", &folder, &e))
    }
}

/// What fetching so many moments takes of processors beside the stream, on one thread and without Tidings: each is verified
/// and opened and has its rows in the bare store, in batches as a backlog is committed in; then all are read once, as
/// whoever has them does to send them.
///
/// # Errors
/// If the disk refuses.
pub fn backfill_parts(home: &Path, moments: u64) -> Result<()> {
    const BATCH: u64 = 256;
    let folder = home.with_extension("parts");
    let (bare, db) = (Bare::new(), open(&folder)?);
    // Where an entry lies by its id is no row of its own (docs/adr/0018).
    let trees = ROW_TREES[..3].iter().map(|name| db.open_tree(name).map_err(sled_failed));
    let trees: Vec<sled::Tree> = trees.collect::<Result<_>>()?;
    for first in (0..moments).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        let batch = first..moments.min(first + BATCH);
        batch.clone().for_each(|_| {
            black_box(bare.read());
        });
        insert_rows(&trees, batch, AUTHORS, FRIENDS_LEN)?;
    }
    for row in trees[0].iter() {
        black_box(row.map_err(sled_failed)?);
    }
    drop((trees, db));
    std::fs::remove_dir_all(&folder).map_err(|e| Error::io("cannot remove", &folder, &e))
}

/// Threads that do nothing but wake, each the next one. They end with what is returned.
struct Chain {
    calls: SyncSender<Instant>,
    woken: Receiver<Duration>,
}

impl Chain {
    fn start() -> Self {
        let (calls, mut called) = sync_channel::<Instant>(1);
        for _ in 1..WAKES {
            let (on, next) = sync_channel(1);
            let called = std::mem::replace(&mut called, next);
            std::thread::spawn(move || while called.recv().is_ok_and(|begun| on.send(begun).is_ok()) {});
        }
        let (told, woken) = sync_channel(1);
        std::thread::spawn(
            move || while called.recv().is_ok_and(|begun| told.send(begun.elapsed()).is_ok()) {},
        );
        Self { calls, woken }
    }

    fn wake(&self) -> Option<Duration> {
        self.calls.send(Instant::now()).ok()?;
        self.woken.recv().ok()
    }
}

/// The rows of posts into a bare sled in transactions of so many posts, each followed by a flush and an fdatasync: ms of
/// each transaction.
///
/// # Errors
/// If the disk refuses.
pub fn sled_batches(bench: &Bench, posts: u64, batch: u64) -> Result<Vec<f64>> {
    let folder = bench.scratch.path("floor-sled");
    let db = open(&folder)?;
    let trees: Vec<sled::Tree> =
        ROW_TREES.iter().map(|name| db.open_tree(name).map_err(sled_failed)).collect::<Result<_>>()?;
    let file = OpenOptions::new().read(true).write(true).open(folder.join("db"));
    let file = file.map_err(|e| Error::io("cannot open", &folder, &e))?;
    let (mut took, mut n) = (Vec::new(), 0u64);
    while n < posts {
        let (begun, run) = (Instant::now(), n..posts.min(n + batch));
        insert_rows(&trees, run.clone(), 1, OWN_LEN)?;
        db.flush().map_err(sled_failed)?;
        file.sync_data().map_err(|e| Error::io("cannot sync", &folder, &e))?;
        took.push(ms(begun.elapsed()));
        n = run.end;
    }
    drop((trees, db));
    bench.scratch.remove("floor-sled")?;
    Ok(took)
}

/// The rows of each of some posts by so many authors in turn, in one transaction; those by id, which come in no order, if
/// there is a tree for them.
fn insert_rows(trees: &[sled::Tree], posts: Range<u64>, authors: u64, whole_len: usize) -> Result<()> {
    trees
        .transaction(|views| {
            for n in posts.clone() {
                let id = blake3::hash(&n.to_be_bytes());
                let (time, author) = (n.to_be_bytes(), blake3::hash(&(n % authors).to_le_bytes()));
                let id = &id.as_bytes()[..];
                let rows = [
                    ([&time, id].concat(), whole_len),
                    ([&author.as_bytes()[..16], &time, id].concat(), 10),
                    ([author.as_bytes(), &time[..], id].concat(), 1),
                    (id.to_vec(), 25),
                ];
                for (view, (key, len)) in views.iter().zip(rows) {
                    view.insert(key, vec![time[7]; len])?;
                }
            }
            Ok::<_, sled::transaction::ConflictableTransactionError<()>>(())
        })
        .map_err(|e| Error::failed("bench", format!("sled: {e:?}"), "see --dir"))
}

/// The rows of posts in a bare sled, in the batches in which homes are furnished, by a hundred authors in turn: whole by
/// time, where it lies, and by author. With a row by id in no order, if wanted. How much that takes on the disk once it
/// is closed, bytes a post.
///
/// # Errors
/// If the disk refuses.
pub fn sled_rows(bench: &Bench, posts: u64, by_id: bool) -> Result<f64> {
    const BATCH: u64 = 500;
    let folder = bench.scratch.path("floor-rows");
    let db = open(&folder)?;
    let names = if by_id { &ROW_TREES[..] } else { &ROW_TREES[..3] };
    let trees: Vec<sled::Tree> =
        names.iter().map(|name| db.open_tree(name).map_err(sled_failed)).collect::<Result<_>>()?;
    for first in (0..posts).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        insert_rows(&trees, first..posts.min(first + BATCH), AUTHORS, FRIENDS_LEN)?;
    }
    drop((trees, db));
    // As a home that much was written to: opened once more and closed.
    drop(open_again(&folder)?);
    let bytes = super::cold_start::on_disk(&folder).map_err(|e| Error::io("cannot measure", &folder, &e))?;
    bench.scratch.remove("floor-rows")?;
    Ok(bytes as f64 / posts as f64)
}

/// One write of 4 KiB within a file and its fdatasync, so often: ms.
///
/// # Errors
/// If the disk refuses.
pub fn fdatasync(bench: &Bench, times: usize) -> Result<Vec<f64>> {
    let path = bench.scratch.path("floor-fsync");
    let failed = |e: std::io::Error| Error::io("cannot write", &path, &e);
    let mut file = File::create(&path).map_err(failed)?;
    // A store writes within segments that are there; a file that grows would pay for its length, too.
    let whole = vec![7; 4_096 * times];
    file.write_all(&whole).and_then(|()| file.sync_all()).and_then(|()| file.rewind()).map_err(failed)?;
    let mut took = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        file.write_all(&[8; 4_096]).and_then(|()| file.sync_data()).map_err(failed)?;
        took.push(ms(begun.elapsed()));
    }
    std::fs::remove_file(&path).map_err(failed)?;
    Ok(took)
}

/// Opening a bare sled, without a word about what is in it, ms.
///
/// # Errors
/// If it cannot be opened.
pub fn open_sled(folder: &Path) -> Result<f64> {
    let begun = Instant::now();
    let db = open(folder)?;
    let took = ms(begun.elapsed());
    drop(db);
    Ok(took)
}

fn open(folder: &Path) -> Result<sled::Db> {
    sled::Config::default().path(folder).cache_capacity(CACHE_BYTES).open().map_err(sled_failed)
}

/// Opens what was just closed here: a thread of sled's may still be letting go of it.
fn open_again(folder: &Path) -> Result<sled::Db> {
    let begun = Instant::now();
    loop {
        match open(folder) {
            Err(_) if begun.elapsed() < LET_GO => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened,
        }
    }
}

fn sled_failed(error: sled::Error) -> Error {
    Error::failed("bench", format!("sled: {error}"), "see --dir")
}

/// 300 bytes there and back on a TCP connection of loopback, ms: the median.
///
/// # Errors
/// If there is no loopback.
pub fn round_trip(times: usize) -> Result<Option<f64>> {
    let (mut near, far) = connection().map_err(no_loopback)?;
    let echo = std::thread::spawn(move || {
        let (mut far, mut piece) = (far, [0; 300]);
        while far.read_exact(&mut piece).and_then(|()| far.write_all(&piece)).is_ok() {}
    });
    let (mut took, mut piece) = (Vec::new(), [7; 300]);
    for _ in 0..times {
        let begun = Instant::now();
        near.write_all(&piece).and_then(|()| near.read_exact(&mut piece)).map_err(no_loopback)?;
        took.push(ms(begun.elapsed()));
    }
    drop(near);
    // It ends with the connection.
    let _ = echo.join();
    Ok(percentile(&mut took, 50))
}

/// A fresh TCP connection of loopback and so many bytes over it, ms: the median.
///
/// # Errors
/// If there is no loopback.
pub fn transfer(bytes: u64, times: usize) -> Result<Option<f64>> {
    let mut took = Vec::new();
    for _ in 0..times {
        let begun = Instant::now();
        let (mut near, mut far) = connection().map_err(no_loopback)?;
        let heard = std::thread::spawn(move || std::io::copy(&mut far, &mut std::io::sink()));
        std::io::copy(&mut std::io::repeat(7).take(bytes), &mut near).map_err(no_loopback)?;
        drop(near);
        if heard.join().ok().and_then(std::result::Result::ok) != Some(bytes) {
            return Err(Error::failed("bench", "loopback lost bytes", "try again"));
        }
        took.push(ms(begun.elapsed()));
    }
    Ok(percentile(&mut took, 50))
}

fn connection() -> std::io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}

fn no_loopback(error: std::io::Error) -> Error {
    Error::failed("bench", format!("loopback: {error}"), "try again")
}
