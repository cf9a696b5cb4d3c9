//! Blob streams: serving one to a peer, fetching one from a peer.
//!
//! The disk has a thread of its own for each transfer; a few large buffers go back and forth between it and the stream,
//! so that hashing, disk and network run at the same time and nothing is allocated on the way.
//!
//! ```text
//!  serve:  file ─▶ thread ─▶ full buffers ─▶ stream        fetch:  stream ─▶ full buffers ─▶ thread: verify ─▶ file
//!                    ▲──── empty buffers ◀────┘                     ▲──── empty buffers ◀────┘
//! ```
//!
//! A peer has to keep a pace: after a grace, so many bytes a second since the transfer began, whatever the disk here
//! takes not counted. So nobody holds a place that others wait for by sending a byte now and then.
//!
//! Whoever reads a blob while it comes may wait for a part that is far away. Then the stream is given up and the rest is
//! asked for on another one, that part first ([`Fetched::Part`]); what came before is kept and not asked for again.
//!
//! Source: docs/protocol.md 3.7, 3.9.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::frames::{About, put_frame, read_frame};
use crate::blob::{Decoder, Encoder, FeedError, Get, Groups, Shape};
use crate::id::BlobId;
use crate::limits::{
    BLOB_BUFFER_LEN, BLOB_BUFFERS, BLOB_DECISION_TIMEOUT_MS, BLOB_FETCH_BUFFERS, BLOB_LINGER_MS,
    BLOB_RATE_MIN, BLOB_REQUEST_TIMEOUT_MS, BLOB_STALL_TIMEOUT_MS, BLOB_SYNC_LEN,
};
use crate::link::{ConnId, Event};
use crate::store::blobs::{BlobFiles, Error, Incoming};
use crate::wire::{self, Encode};

const STALL: Duration = Duration::from_millis(BLOB_STALL_TIMEOUT_MS);
const LINGER: Duration = Duration::from_millis(BLOB_LINGER_MS);

/// What a peer has moved of a transfer, and until when it must have moved more.
struct Pace {
    /// When it would have begun, had nothing here taken time.
    began: Instant,
    moved: u64,
    /// Longest wait for one step, and what a slow peer is forgiven in all.
    grace: Duration,
}

impl Pace {
    fn begin() -> Self {
        Self { began: Instant::now(), moved: 0, grace: STALL }
    }

    fn note_moved(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Time that passes meanwhile is not the peer's.
    async fn excuse<T>(&mut self, ours: impl Future<Output = T>) -> T {
        let since = Instant::now();
        let done = ours.await;
        let took = since.elapsed();
        self.began = self.began.checked_add(took).unwrap_or(self.began);
        done
    }

    /// When the pace is lost if nothing moves.
    fn lost_at(&self, now: Instant) -> Instant {
        let earned = Duration::from_millis(self.moved.saturating_mul(1_000) / BLOB_RATE_MIN);
        let stalled = now.checked_add(self.grace).unwrap_or(now);
        let slow = self.began.checked_add(self.grace).and_then(|grace| grace.checked_add(earned));
        slow.map_or(stalled, |slow| slow.min(stalled))
    }

    /// Waits for one step of the peer's, but not for ever. A step that is ready costs no timer.
    async fn step(&mut self, step: impl Future<Output = io::Result<usize>>) -> io::Result<usize> {
        let mut step = std::pin::pin!(step);
        let moved = match futures::future::poll_immediate(&mut step).await {
            Some(done) => done?,
            None => {
                let lost = self.lost_at(Instant::now());
                timeout_at(lost, step).await.map_err(|_| io::ErrorKind::TimedOut)??
            }
        };
        self.note_moved(moved);
        Ok(moved)
    }
}

/// A buffer and how much of it is filled.
type Filled = (Vec<u8>, usize);

/// The places in which blobs are served: a peer's own few, so that the rest is left to others, then everybody's.
#[derive(Debug, Clone)]
pub(super) struct ServeSlots {
    pub(super) of_peer: Arc<Semaphore>,
    pub(super) of_all: Arc<Semaphore>,
}

impl ServeSlots {
    /// Waits for a place; whoever waits for a place of his own stands in nobody else's way. Nothing if closed, which
    /// does not happen.
    async fn hold(&self) -> Option<(SemaphorePermit<'_>, SemaphorePermit<'_>)> {
        let own = self.of_peer.acquire().await.ok()?;
        Some((own, self.of_all.acquire().await.ok()?))
    }
}

/// How a transfer ended.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The blob stands under its id.
    Whole { bytes: u64 },
    /// It does not.
    Failed { lied: bool },
    /// What was asked for came, or somebody waits for another part: the rest is to be asked for on another stream.
    Part(Box<Incoming>),
}

const FAILED: Fetched = Fetched::Failed { lied: false };

/// What a stream is to fetch.
#[derive(Debug)]
pub(super) enum Wanted {
    Begin { blob: BlobId, bytes: u64 },
    GoOn(Box<Incoming>),
}

impl Wanted {
    pub(super) fn blob(&self) -> BlobId {
        match self {
            Self::Begin { blob, .. } => *blob,
            Self::GoOn(incoming) => incoming.partial().blob(),
        }
    }
}

/// Reads a request, asks the machine, and sends the answer if it says yes.
pub(super) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    conn: ConnId,
    files: Arc<BlobFiles>,
    decision: oneshot::Receiver<bool>,
    slots: ServeSlots,
    about: About,
) {
    let Some(get) = read_get(&mut stream, &about).await else { return };
    let asked = Event::BlobAsked { conn, stream: about.stream, blob: get.blob };
    if about.events.send(asked).await.is_err() {
        return;
    }
    let patience = Duration::from_millis(BLOB_DECISION_TIMEOUT_MS);
    if !matches!(timeout(patience, decision).await, Ok(Ok(true))) {
        return;
    }
    let Some(_held) = slots.hold().await else { return };
    let blob = get.blob;
    if let Err(error) = send_answer(&mut stream, files, get).await {
        tracing::debug!(blob = %blob.short(), node = %about.node.short(), %error, "a blob was not sent to its end");
    }
}

async fn read_get(stream: &mut (impl AsyncRead + Unpin), about: &About) -> Option<Get> {
    let patience = Duration::from_millis(BLOB_REQUEST_TIMEOUT_MS);
    let frame = timeout(patience, read_frame(stream, Get::LEN_LIMIT)).await.ok()?.ok()??;
    if let Some(record) = &about.record {
        record.frame(&about.node, about.protocol, &frame);
    }
    match wire::decode(&frame) {
        Ok(get) => Some(get),
        Err(error) => {
            tracing::debug!(node = %about.node.short(), %error, "a request for a blob is malformed");
            None
        }
    }
}

async fn send_answer(
    stream: &mut (impl AsyncWrite + Unpin),
    files: Arc<BlobFiles>,
    get: Get,
) -> io::Result<()> {
    let (full, mut filled) = mpsc::channel::<Filled>(BLOB_BUFFERS);
    let (empty, emptied) = mpsc::channel(BLOB_BUFFERS);
    let reader = spawn_blocking(move || read_answer(&files, &get, &full, emptied));
    let mut pace = Pace::begin();
    while let Some((buffer, len)) = pace.excuse(filled.recv()).await {
        write_at_pace(stream, buffer.get(..len).unwrap_or(&[]), &mut pace).await?;
        // The thread may be done with reading.
        let _ = empty.try_send(buffer);
    }
    // A blob that is not here and one whose file breaks off both end the stream early.
    let read = reader.await.map_err(io::Error::other)?;
    read.map_err(io::Error::other)?;
    timeout(STALL, stream.close()).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// The thread of a serving: fills buffers until the answer or the asker's patience ends.
fn read_answer(
    files: &BlobFiles,
    get: &Get,
    full: &mpsc::Sender<Filled>,
    mut emptied: mpsc::Receiver<Vec<u8>>,
) -> Result<(), Error> {
    let mut serving = files.serve(get)?;
    let mut made = 0usize;
    loop {
        let buffer = if made < BLOB_BUFFERS {
            made = made.saturating_add(1);
            Some(vec![0; BLOB_BUFFER_LEN])
        } else {
            emptied.blocking_recv()
        };
        let Some(mut buffer) = buffer else { return Ok(()) };
        let len = serving.fill(&mut buffer)?;
        if len == 0 || full.blocking_send((buffer, len)).is_err() {
            return Ok(());
        }
    }
}

/// Writes everything, as long as the pace is kept.
async fn write_at_pace(
    stream: &mut (impl AsyncWrite + Unpin),
    mut bytes: &[u8],
    pace: &mut Pace,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = pace.step(stream.write(bytes)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or(&[]);
    }
    Ok(())
}

/// Fetches what is missing of a blob, what somebody waits for first. Ends when the thread that writes has ended, so that
/// another attempt can begin.
pub(super) async fn fetch(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    files: Arc<BlobFiles>,
    wanted: Wanted,
    cancelled: CancellationToken,
    about: About,
) -> Fetched {
    let blob = wanted.blob();
    let begun = spawn_blocking(move || begin(&files, wanted)).await;
    let (incoming, missing) = match begun {
        Ok(Ok(Begun::Here(bytes))) => return Fetched::Whole { bytes },
        Ok(Ok(Begun::Missing(incoming, missing))) => (incoming, missing),
        Ok(Ok(Begun::OnlyToFinish(incoming))) => {
            return spawn_blocking(move || finish(*incoming)).await.unwrap_or(FAILED);
        }
        Ok(Err(error)) => {
            tracing::warn!(blob = %blob.short(), %error, "a blob cannot be fetched");
            return FAILED;
        }
        Err(_) => return FAILED,
    };
    let shape = incoming.partial().shape();
    let (Some(decoder), Some(len)) =
        (Decoder::new(blob, shape, &missing), Encoder::answer_len(shape, &missing))
    else {
        return FAILED;
    };
    let arriving = Arc::clone(incoming.arriving());
    let (full, filled) = mpsc::channel::<Filled>(BLOB_FETCH_BUFFERS);
    let (empty, emptied) = mpsc::channel(BLOB_FETCH_BUFFERS);
    let keeper = spawn_blocking(move || keep(incoming, decoder, filled, &empty));
    let get = Get { blob, groups: missing };
    let mut received = 0;
    let transfer = receive(&mut stream, &get, len, full, emptied, &mut received);
    let ended = tokio::select! {
        biased;
        () = cancelled.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
        ended = transfer => ended,
        () = poll_fn(|context| arriving.poll_turn(context)) => Ok(()),
    };
    if let Err(error) = &ended {
        tracing::debug!(blob = %blob.short(), node = %about.node.short(), %error, "a blob did not come to its end");
    }
    if let Some(record) = &about.record {
        record.blob(&about.node, received);
    }
    match keeper.await.unwrap_or(FAILED) {
        // What broke off is tried again later, and perhaps of somebody else.
        Fetched::Part(_) if ended.is_err() => FAILED,
        other => other,
    }
}

/// What is to be done for a blob.
enum Begun {
    Here(u64),
    Missing(Box<Incoming>, Groups),
    OnlyToFinish(Box<Incoming>),
}

fn begin(files: &Arc<BlobFiles>, wanted: Wanted) -> Result<Begun, Error> {
    let incoming = match wanted {
        Wanted::GoOn(incoming) => incoming,
        Wanted::Begin { blob, bytes } => {
            Shape::new(bytes)?;
            if files.size(blob) == Some(bytes) {
                return Ok(Begun::Here(bytes));
            }
            Box::new(files.begin(blob, bytes)?)
        }
    };
    Ok(match incoming.missing() {
        Some(missing) => Begun::Missing(incoming, missing),
        None => Begun::OnlyToFinish(incoming),
    })
}

/// Sends the request and reads an answer of exactly `len` bytes into buffers.
async fn receive(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    get: &Get,
    len: u64,
    full: mpsc::Sender<Filled>,
    mut emptied: mpsc::Receiver<Vec<u8>>,
    received: &mut u64,
) -> io::Result<()> {
    let mut request = Vec::new();
    put_frame(&mut request, &get.encode());
    let mut pace = Pace::begin();
    write_at_pace(stream, &request, &mut pace).await?;
    timeout(STALL, stream.close()).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let mut made = 0usize;
    while *received < len {
        // As few as there must be: what was emptied is hot in the cache, and a line slower than the disk needs two.
        let buffer = match emptied.try_recv() {
            Ok(buffer) => Some(buffer),
            Err(_) if made < BLOB_FETCH_BUFFERS => {
                made = made.saturating_add(1);
                Some(vec![0; BLOB_BUFFER_LEN])
            }
            Err(_) => pace.excuse(emptied.recv()).await,
        };
        // The thread ends before the answer does only if something does not fit.
        let Some(mut buffer) = buffer else { return Ok(()) };
        let room = usize::try_from(len.saturating_sub(*received)).unwrap_or(usize::MAX).min(buffer.len());
        let (filled, ended) = fill(stream, buffer.get_mut(..room).unwrap_or(&mut []), &mut pace).await;
        *received = received.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        // What came before an end or a fault is true or not by itself, so it is kept either way.
        if pace.excuse(full.send((buffer, filled))).await.is_err() {
            return Ok(());
        }
        ended?;
    }
    Ok(())
}

/// Fills a buffer as far as the stream goes, or as far as it went in a little while: what came is of use to whoever
/// reads along. Returns how far, and why no further.
async fn fill(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut [u8],
    pace: &mut Pace,
) -> (usize, io::Result<()>) {
    let mut filled = 0usize;
    let mut lingers: Option<Instant> = None;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        let step = pace.step(stream.read(room));
        let read = match lingers {
            None => step.await,
            Some(until) => match timeout_at(until, step).await {
                Ok(read) => read,
                Err(_) => return (filled, Ok(())),
            },
        };
        match read {
            Ok(0) => return (filled, Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(len) => filled = filled.saturating_add(len),
            Err(error) => return (filled, Err(error)),
        }
        if lingers.is_none() {
            lingers = Instant::now().checked_add(LINGER);
        }
    }
    (filled, Ok(()))
}

/// The thread of a fetch: verifies and writes until the stream ends.
fn keep(
    mut incoming: Box<Incoming>,
    mut decoder: Decoder,
    mut filled: mpsc::Receiver<Filled>,
    empty: &mpsc::Sender<Vec<u8>>,
) -> Fetched {
    let mut unsynced = 0usize;
    let mut syncing = None;
    while let Some((buffer, len)) = filled.blocking_recv() {
        let mut verified = Vec::new();
        let fed = decoder.feed(buffer.get(..len).unwrap_or(&[]), &mut |item| {
            verified.push(item);
            Ok::<_, Infallible>(())
        });
        // What came before something that does not fit is true.
        if let Err(error) = incoming.accept(&verified) {
            tracing::warn!(%error, "a blob cannot be kept");
            return FAILED;
        }
        drop(verified);
        if let Err(FeedError::Fault(fault)) = fed {
            tracing::debug!(%fault, "the answer to a request for a blob is wrong");
            return Fetched::Failed { lied: fault.is_lie() };
        }
        // The reader may have ended.
        let _ = empty.try_send(buffer);
        unsynced = unsynced.saturating_add(len);
        if unsynced >= BLOB_SYNC_LEN && syncing.as_ref().is_none_or(JoinHandle::is_finished) {
            unsynced = 0;
            syncing = start_sync(&incoming);
        }
    }
    if incoming.partial().is_whole() { finish(*incoming) } else { Fetched::Part(incoming) }
}

/// Lets the disk begin while the rest is on its way, so that the sync at the end has little left to do. That one
/// counts; what this one says does not.
fn start_sync(incoming: &Incoming) -> Option<JoinHandle<()>> {
    let file = incoming.file_to_sync().ok()?;
    Some(spawn_blocking(move || {
        let _ = file.sync_data();
    }))
}

fn finish(incoming: Incoming) -> Fetched {
    match incoming.finish() {
        Ok(bytes) => Fetched::Whole { bytes },
        Err(error) => {
            tracing::warn!(%error, "a blob cannot be kept");
            FAILED
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream::{self, StreamExt, TryStreamExt};

    use super::*;
    use crate::limits::BLOB_PEER_SERVE_LIMIT;

    /// A stream that gives so many bytes each time so many ms have passed.
    fn trickle(bytes: usize, ms: u64) -> impl AsyncRead + Unpin {
        Box::pin(stream::unfold((), move |()| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Some((Ok::<_, io::Error>(vec![7; bytes]), ()))
        }))
        .into_async_read()
    }

    /// Real seconds are too long for a test.
    const GRACE: Duration = Duration::from_millis(300);

    fn short() -> Pace {
        Pace { grace: GRACE, ..Pace::begin() }
    }

    /// Fills a buffer again and again until so much has come in all, or an end.
    async fn fill_up(stream: impl AsyncRead + Unpin, len: usize) -> (usize, io::Result<()>) {
        let (mut stream, mut pace, mut all) = (stream, short(), 0);
        let mut buffer = vec![0; len];
        while all < len {
            let (filled, ended) = fill(&mut stream, &mut buffer[all..], &mut pace).await;
            all += filled;
            if ended.is_err() {
                return (all, ended);
            }
        }
        (all, Ok(()))
    }

    #[tokio::test]
    async fn a_peer_that_trickles_is_given_up_though_it_never_stalls() {
        let begun = Instant::now();
        let (filled, ended) = fill_up(trickle(1, 200), 64).await;
        assert_eq!(ended.expect_err("slow").kind(), io::ErrorKind::TimedOut);
        assert!(filled <= 2 && begun.elapsed() >= GRACE);
    }

    #[tokio::test]
    async fn what_came_is_handed_on_though_the_buffer_is_not_full() {
        let once = stream::iter([Ok::<_, io::Error>(vec![7; 100])]);
        let mut stalls = once.chain(stream::pending()).into_async_read();
        // The pace is not short, and no second hundred comes, however late the machine lets this go on.
        let (filled, ended) = fill(&mut stalls, &mut vec![0; 1_000], &mut Pace::begin()).await;
        assert!(ended.is_ok());
        assert_eq!(filled, 100);
    }

    #[tokio::test]
    async fn a_peer_above_the_least_rate_is_waited_for_beyond_the_grace() {
        let burst = usize::try_from(BLOB_RATE_MIN).expect("small");
        let begun = Instant::now();
        let (_, ended) = fill_up(trickle(burst, 100), burst * 6).await;
        assert!(ended.is_ok() && begun.elapsed() >= GRACE * 2);
    }

    #[test]
    fn each_second_past_the_grace_is_earned_with_the_least_rate() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let pace = |moved| Pace { began, moved, grace: STALL };
        let stall = STALL.as_secs();
        assert_eq!(pace(0).lost_at(at(10)), at(stall));
        assert_eq!(pace(10 * BLOB_RATE_MIN).lost_at(at(20)), at(stall + 10));
        assert_eq!(pace(1_000 * BLOB_RATE_MIN).lost_at(at(20)), at(stall + 20), "no longer than a stall");
    }

    #[tokio::test]
    async fn what_the_disk_takes_is_not_held_against_the_peer() {
        let mut pace = short();
        pace.excuse(tokio::time::sleep(GRACE * 2)).await;
        let (filled, ended) = fill(&mut trickle(9, 50), &mut [0; 9], &mut pace).await;
        assert!(ended.is_ok() && filled == 9);
    }

    #[tokio::test]
    async fn one_connection_cannot_hold_the_places_of_all() {
        let of_all = Arc::new(Semaphore::new(BLOB_PEER_SERVE_LIMIT + 1));
        let slots = || ServeSlots {
            of_peer: Arc::new(Semaphore::new(BLOB_PEER_SERVE_LIMIT)),
            of_all: Arc::clone(&of_all),
        };
        let (mallory, carol) = (slots(), slots());
        let mut held = Vec::new();
        for _ in 0..BLOB_PEER_SERVE_LIMIT {
            held.push(mallory.hold().await);
        }
        assert!(timeout(GRACE, mallory.hold()).await.is_err(), "one more than the limit");
        assert!(timeout(GRACE, carol.hold()).await.is_ok_and(|held| held.is_some()));
    }
}
