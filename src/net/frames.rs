//! A stream of frames: a length of four bytes, then the frame, both ways.
//!
//! Reading waits for the machine: a frame is handed over before the next is read. Writing gathers what is waiting into
//! one write. A frame longer than [`FRAME_LIMIT`] ends the stream, not the connection.
//!
//! Source: docs/protocol.md 3.7.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::inbox;
use super::lean::Lean;
use super::record::Recorder;
use crate::id::NodeId;
use crate::limits::{CLOSE_GRACE_MS, FRAME_LIMIT, SEND_QUEUE_BYTES_LIMIT, SEND_QUEUE_FRAMES_LIMIT};
use crate::link::{Event, Protocol, StreamId};

/// Length of the length.
const LEN_LEN: usize = 4;
/// Room that a frame is given before it has come.
const FIRST_ROOM_LEN: usize = 8 * 1024;
/// Frames are gathered up to this many bytes for one write.
const BATCH_LEN: usize = 64 * 1024;

const GRACE: Duration = Duration::from_millis(CLOSE_GRACE_MS);

/// More is waiting for a stream than may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overrun;

/// The end into which frames are put.
#[derive(Debug)]
pub(super) struct Outlet {
    frames: mpsc::Sender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// The end from which they are written.
#[derive(Debug)]
pub(super) struct Inlet {
    frames: mpsc::Receiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// An empty queue for one stream.
pub(super) fn queue() -> (Outlet, Inlet) {
    let (sender, receiver) = mpsc::channel(SEND_QUEUE_FRAMES_LIMIT);
    let waiting = Arc::new(AtomicUsize::new(0));
    (Outlet { frames: sender, waiting: Arc::clone(&waiting) }, Inlet { frames: receiver, waiting })
}

impl Inlet {
    /// Whether nothing waits to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

impl Outlet {
    /// Puts a frame into the queue. One that finds the queue empty always fits.
    pub(super) fn send(&self, frame: Vec<u8>) -> Result<(), Overrun> {
        let len = frame.len();
        let before = self.waiting.fetch_add(len, Ordering::Relaxed);
        if before.saturating_add(len) > SEND_QUEUE_BYTES_LIMIT {
            return Err(Overrun);
        }
        self.frames.try_send(frame).map_err(|_| Overrun)
    }
}

/// What a stream needs to know about itself.
#[derive(Clone)]
pub(super) struct About {
    pub(super) stream: StreamId,
    pub(super) node: NodeId,
    pub(super) protocol: Protocol,
    pub(super) events: inbox::Sender,
    pub(super) record: Option<Arc<dyn Recorder>>,
}

/// Runs a stream until either side ends it.
pub(super) async fn run(stream: impl AsyncRead + AsyncWrite + Unpin, inlet: Inlet, about: About) {
    let (read, write) = stream.split();
    let reading = std::pin::pin!(read_all(read, &about));
    let writing = std::pin::pin!(write_all(write, inlet, &about));
    let ended = match select(reading, writing).await {
        Either::Left((ended, _)) | Either::Right((ended @ Err(_), _)) => ended,
        // All is written. The other side ends its half when it has read it; until then the connection must not be
        // closed, or QUIC would drop what is on the way.
        Either::Right((Ok(()), reading)) => timeout(GRACE, reading).await.unwrap_or(Ok(())),
    };
    if let Err(error) = ended {
        tracing::debug!(node = %about.node.short(), protocol = about.protocol.name(), %error, "a stream ended");
    }
}

async fn read_all(read: impl AsyncRead + Unpin, about: &About) -> io::Result<()> {
    let mut read = Lean::new(read);
    while let Some(frame) = read_frame(&mut read, FRAME_LIMIT).await? {
        if let Some(record) = &about.record {
            record.frame(&about.node, about.protocol, &frame);
        }
        let event = Event::Frame { stream: about.stream, frame };
        if about.events.send(event).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Reads one frame of at most `limit` bytes; `None` at a clean end. Memory grows with what comes, not with what is
/// announced.
pub(super) async fn read_frame(
    read: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; LEN_LEN];
    let (first, rest) = len.split_at_mut(1);
    if read.read(first).await? == 0 {
        return Ok(None);
    }
    read.read_exact(rest).await?;
    let len = usize::try_from(u32::from_be_bytes(len)).unwrap_or(usize::MAX);
    if len > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a frame of {len} bytes, {limit} allowed"),
        ));
    }
    let mut frame = Vec::with_capacity(len.min(FIRST_ROOM_LEN));
    let announced = u64::try_from(len).unwrap_or(u64::MAX);
    read.take(announced).read_to_end(&mut frame).await?;
    if frame.len() < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    frame.shrink_to_fit();
    Ok(Some(frame))
}

/// Writes one frame. Longer than a u32 says nothing can be: our own frames are bounded by the caller.
pub(super) fn put_frame(batch: &mut Vec<u8>, frame: &[u8]) {
    batch.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_be_bytes());
    batch.extend_from_slice(frame);
}

async fn write_all(mut write: impl AsyncWrite + Unpin, mut inlet: Inlet, about: &About) -> io::Result<()> {
    let mut batch = Vec::new();
    let mut untold = 0usize;
    while let Some(first) = inlet.frames.recv().await {
        let mut next = Some(first);
        let mut bytes = 0usize;
        while let Some(frame) = next {
            put_frame(&mut batch, &frame);
            bytes = bytes.saturating_add(frame.len());
            next = if batch.len() < BATCH_LEN { inlet.frames.try_recv().ok() } else { None };
        }
        write.write_all(&batch).await?;
        write.flush().await?;
        batch.clear();
        if inlet.frames.is_empty() {
            // A stream may say nothing for hours, and a node has hundreds.
            batch = Vec::new();
        }
        inlet.waiting.fetch_sub(bytes, Ordering::Relaxed);
        untold = untold.saturating_add(bytes);
        let event = Event::Sent { stream: about.stream, bytes: untold };
        // While there is more to write, being heard can wait; at the end of the queue it cannot.
        if inlet.frames.is_empty() {
            if about.events.send(event).await.is_err() {
                break;
            }
            untold = 0;
        } else if about.events.try_send(event).is_ok() {
            untold = 0;
        }
    }
    write.close().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;

    fn framed(len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        put_frame(&mut out, &vec![7; len]);
        out
    }

    #[tokio::test]
    async fn a_frame_of_the_limit_is_read_and_one_byte_more_is_not() {
        let mut good = Cursor::new(framed(FRAME_LIMIT));
        let frame = read_frame(&mut good, FRAME_LIMIT).await.expect("read").expect("a frame");
        assert_eq!(frame.len(), FRAME_LIMIT);
        assert!(read_frame(&mut good, FRAME_LIMIT).await.expect("read").is_none());
        let error = read_frame(&mut Cursor::new(framed(FRAME_LIMIT + 1)), FRAME_LIMIT).await;
        assert_eq!(error.expect_err("too long").kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_frame_that_is_cut_is_an_error_wherever_it_is_cut() {
        let whole = framed(10);
        for cut in 1..whole.len() {
            let mut part = Cursor::new(whole[..cut].to_vec());
            assert!(read_frame(&mut part, FRAME_LIMIT).await.is_err(), "{cut}");
        }
    }

    #[tokio::test]
    async fn a_queue_takes_its_limit_of_bytes_and_not_one_more() {
        let (outlet, inlet) = queue();
        for _ in 0..SEND_QUEUE_BYTES_LIMIT / FRAME_LIMIT {
            assert_eq!(outlet.send(vec![0; FRAME_LIMIT]), Ok(()));
        }
        assert_eq!(outlet.send(vec![0]), Err(Overrun));
        drop(inlet);
    }

    #[tokio::test]
    async fn a_queue_takes_its_limit_of_frames_and_not_one_more() {
        let (outlet, inlet) = queue();
        for _ in 0..SEND_QUEUE_FRAMES_LIMIT {
            assert_eq!(outlet.send(vec![0]), Ok(()));
        }
        assert_eq!(outlet.send(vec![0]), Err(Overrun));
        drop(inlet);
    }
}
