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
//! Source: docs/protocol.md 3.7, 3.9.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::frames::{About, put_frame, read_frame};
use crate::blob::{Decoder, Encoder, FeedError, Get, Groups, Shape};
use crate::id::BlobId;
use crate::limits::{
    BLOB_BUFFER_LEN, BLOB_BUFFERS, BLOB_DECISION_TIMEOUT_MS, BLOB_REQUEST_TIMEOUT_MS, BLOB_STALL_TIMEOUT_MS,
    BLOB_SYNC_LEN,
};
use crate::link::{ConnId, Event};
use crate::store::blobs::{BlobFiles, Error, Incoming};
use crate::wire::{self, Encode};

const STALL: Duration = Duration::from_millis(BLOB_STALL_TIMEOUT_MS);

/// A buffer and how much of it is filled.
type Filled = (Vec<u8>, usize);

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetched {
    /// The blob stands under its id.
    Whole { bytes: u64 },
    /// It does not.
    Failed { lied: bool },
}

const FAILED: Fetched = Fetched::Failed { lied: false };

/// Reads a request, asks the machine, and sends the answer if it says yes.
pub(super) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    conn: ConnId,
    files: Arc<BlobFiles>,
    decision: oneshot::Receiver<bool>,
    slots: Arc<Semaphore>,
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
    // The semaphore is never closed.
    let Ok(_slot) = slots.acquire().await else { return };
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
    while let Some((buffer, len)) = filled.recv().await {
        write_with_patience(stream, buffer.get(..len).unwrap_or(&[])).await?;
        // The thread may be done with reading.
        let _ = empty.try_send(buffer);
    }
    // A blob that is not here and one whose file breaks off both end the stream early.
    let read = reader.await.map_err(io::Error::other)?;
    read.map_err(io::Error::other)?;
    stream.close().await
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

/// Waits for one step of a transfer, but not for ever. A step that is ready costs no timer.
async fn with_patience(step: impl Future<Output = io::Result<usize>>) -> io::Result<usize> {
    let mut step = std::pin::pin!(step);
    match futures::future::poll_immediate(&mut step).await {
        Some(done) => done,
        None => timeout(STALL, step).await.map_err(|_| io::ErrorKind::TimedOut)?,
    }
}

/// Writes everything, as long as something moves.
async fn write_with_patience(stream: &mut (impl AsyncWrite + Unpin), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = with_patience(stream.write(bytes)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or(&[]);
    }
    Ok(())
}

/// Fetches what is missing of a blob. Ends when the thread that writes has ended, so that another attempt can begin.
pub(super) async fn fetch(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    files: Arc<BlobFiles>,
    blob: BlobId,
    bytes: u64,
    cancelled: CancellationToken,
    about: About,
) -> Fetched {
    let begun = spawn_blocking(move || begin(&files, blob, bytes)).await;
    let (incoming, missing) = match begun {
        Ok(Ok(Begun::Here)) => return Fetched::Whole { bytes },
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
    let (full, filled) = mpsc::channel::<Filled>(BLOB_BUFFERS);
    let (empty, emptied) = mpsc::channel(BLOB_BUFFERS);
    let keeper = spawn_blocking(move || keep(*incoming, decoder, filled, &empty));
    let get = Get { blob, groups: missing };
    let mut received = 0;
    let transfer = receive(&mut stream, &get, len, full, emptied, &mut received);
    let ended = tokio::select! {
        () = cancelled.cancelled() => Err(io::ErrorKind::ConnectionAborted.into()),
        ended = transfer => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(blob = %blob.short(), node = %about.node.short(), %error, "a blob did not come to its end");
    }
    if let Some(record) = &about.record {
        record.blob(&about.node, received);
    }
    keeper.await.unwrap_or(FAILED)
}

/// What is to be done for a blob.
enum Begun {
    Here,
    Missing(Box<Incoming>, Groups),
    OnlyToFinish(Box<Incoming>),
}

fn begin(files: &Arc<BlobFiles>, blob: BlobId, bytes: u64) -> Result<Begun, Error> {
    Shape::new(bytes)?;
    if files.size(blob) == Some(bytes) {
        return Ok(Begun::Here);
    }
    let incoming = Box::new(files.begin(blob, bytes)?);
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
    write_with_patience(stream, &request).await?;
    stream.close().await?;
    let mut made = 0usize;
    while *received < len {
        let buffer = if made < BLOB_BUFFERS {
            made = made.saturating_add(1);
            Some(vec![0; BLOB_BUFFER_LEN])
        } else {
            emptied.recv().await
        };
        // The thread ends before the answer does only if something does not fit.
        let Some(mut buffer) = buffer else { return Ok(()) };
        let room = usize::try_from(len.saturating_sub(*received)).unwrap_or(usize::MAX).min(buffer.len());
        let (filled, ended) = fill(stream, buffer.get_mut(..room).unwrap_or(&mut [])).await;
        *received = received.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        // What came before an end or a fault is true or not by itself, so it is kept either way.
        if full.send((buffer, filled)).await.is_err() {
            return Ok(());
        }
        ended?;
    }
    Ok(())
}

/// Fills a buffer as far as the stream goes. Returns how far, and why no further.
async fn fill(stream: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0usize;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match with_patience(stream.read(room)).await {
            Ok(0) => return (filled, Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(len) => filled = filled.saturating_add(len),
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

/// The thread of a fetch: verifies and writes until the stream ends.
fn keep(
    mut incoming: Incoming,
    mut decoder: Decoder,
    mut filled: mpsc::Receiver<Filled>,
    empty: &mpsc::Sender<Vec<u8>>,
) -> Fetched {
    let mut unsynced = 0usize;
    let mut syncing = None;
    while let Some((buffer, len)) = filled.blocking_recv() {
        let fed = decoder.feed(buffer.get(..len).unwrap_or(&[]), &mut |verified| incoming.accept(verified));
        match fed {
            Ok(()) => {
                // The reader may have ended.
                let _ = empty.try_send(buffer);
                unsynced = unsynced.saturating_add(len);
                if unsynced >= BLOB_SYNC_LEN && syncing.as_ref().is_none_or(JoinHandle::is_finished) {
                    unsynced = 0;
                    syncing = start_sync(&incoming);
                }
            }
            Err(FeedError::Fault(fault)) => {
                tracing::debug!(%fault, "the answer to a request for a blob is wrong");
                return Fetched::Failed { lied: fault.is_lie() };
            }
            Err(FeedError::Sink(error)) => {
                tracing::warn!(%error, "a blob cannot be kept");
                return FAILED;
            }
        }
    }
    if incoming.partial().is_whole() { finish(incoming) } else { FAILED }
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
