//! Sealing what is large in three steps that run beside each other.
//!
//! ```text
//!  thread 1: read, hash the plaintext, pad      thread 2: encrypt        caller: hash into the blob's id, write
//!      source ─▶ full buffers ──────────────────▶ sealed buffers ──────────▶ file
//!          ▲──────────────── empty buffers ◀────────────────────────────────┘
//! ```
//!
//! With a core for each, sealing takes as long as the slowest of them and not as all together. A few buffers go round; nothing
//! is allocated on the way, and a source that gives slowly costs two threads that sleep.
//!
//! What is smaller than a buffer is sealed in one go.
//!
//! A source that is shorter than was said is an error, and what it has beyond that is not read: a file that changes while
//! it is sealed never becomes a blob whose length is a lie.
//!
//! Source: docs/protocol.md 3.9; docs/adr/0015.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

use crate::crypto::{BlobKey, apply_blob_stream, padded_len};
use crate::id::BlobId;
use crate::limits::{BLOB_BUFFER_LEN, SEAL_BUFFERS};
use crate::store::blobs::{BlobFiles, Error};

/// A piece on its way, or why there is no more.
type Piece = io::Result<Vec<u8>>;

/// Reads so many bytes, pads and encrypts them under the key and keeps them durably. Returns the id and the BLAKE3 hash
/// of the plaintext.
pub(super) fn seal(
    files: &BlobFiles,
    source: &mut (dyn Read + Send),
    plain_bytes: u64,
    key: &BlobKey,
) -> Result<(BlobId, [u8; 32]), Error> {
    if plain_bytes <= u64::try_from(BLOB_BUFFER_LEN).unwrap_or(u64::MAX) {
        let mut plain = Plain::new(source, plain_bytes);
        let mut sealed = vec![0; usize::try_from(padded_len(plain_bytes)).unwrap_or(usize::MAX)];
        let read = plain.fill(&mut sealed).map(drop);
        apply_blob_stream(key, 0, &mut sealed);
        let (id, _) = match read {
            Ok(()) => files.insert_from(&mut &sealed[..])?,
            Err(error) => files.insert_from(&mut Broken(Some(error)))?,
        };
        return Ok((id, plain.hash()));
    }
    std::thread::scope(|scope| {
        let (full, plain_pieces) = sync_channel::<Piece>(SEAL_BUFFERS);
        let (sealed, sealed_pieces) = sync_channel::<Piece>(SEAL_BUFFERS);
        let (empty, emptied) = sync_channel::<Vec<u8>>(SEAL_BUFFERS);
        for _ in 0..SEAL_BUFFERS {
            // It has room for all of them.
            let _ = empty.try_send(vec![0; BLOB_BUFFER_LEN]);
        }
        let no_thread = |_| Error::broken("sealing");
        let encrypt = move || encrypt_all(key, &plain_pieces, &sealed);
        Builder::new().spawn_scoped(scope, encrypt).map_err(no_thread)?;
        let read = move || read_all(source, plain_bytes, &full, &emptied);
        let reading = Builder::new().spawn_scoped(scope, read).map_err(no_thread)?;
        let left = padded_len(plain_bytes);
        let mut pieces = Pieces { sealed: sealed_pieces, empty, piece: Vec::new(), at: 0, left };
        let kept = files.insert_from(&mut pieces);
        // Without their channels the threads end, with the piece that they are at.
        drop(pieces);
        let plain_hash = reading.join();
        let (id, _) = kept?;
        // What a thread that broke cut short was not kept (`Pieces`).
        plain_hash.map(|hash| (id, hash)).map_err(|_| Error::broken("sealing"))
    })
}

fn read_all(
    source: &mut (dyn Read + Send),
    plain_bytes: u64,
    full: &SyncSender<Piece>,
    emptied: &Receiver<Vec<u8>>,
) -> [u8; 32] {
    let mut plain = Plain::new(source, plain_bytes);
    while let Ok(mut buffer) = emptied.recv() {
        buffer.resize(BLOB_BUFFER_LEN, 0);
        let piece = match plain.fill(&mut buffer) {
            Ok(0) => break,
            Ok(len) => {
                buffer.truncate(len);
                Ok(buffer)
            }
            Err(error) => Err(error),
        };
        let is_last = piece.is_err();
        if full.send(piece).is_err() || is_last {
            break;
        }
    }
    plain.hash()
}

fn encrypt_all(key: &BlobKey, plain: &Receiver<Piece>, sealed: &SyncSender<Piece>) {
    let mut at = 0u64;
    while let Ok(piece) = plain.recv() {
        let piece = piece.map(|mut bytes| {
            apply_blob_stream(key, at, &mut bytes);
            at = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            bytes
        });
        if sealed.send(piece).is_err() {
            return;
        }
    }
}

/// A source as far as it was announced, then zeros up to the padded length.
struct Plain<'a> {
    source: &'a mut (dyn Read + Send),
    hasher: blake3::Hasher,
    left: u64,
    padding: u64,
}

impl<'a> Plain<'a> {
    fn new(source: &'a mut (dyn Read + Send), bytes: u64) -> Self {
        let padding = padded_len(bytes).saturating_sub(bytes);
        Self { source, hasher: blake3::Hasher::new(), left: bytes, padding }
    }

    /// Fills a buffer as far as there is anything; returns how far.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let plain = usize::try_from(self.left.min(room)).unwrap_or(usize::MAX);
        let (plain_part, rest) = buffer.split_at_mut_checked(plain).unwrap_or_default();
        self.source.read_exact(plain_part)?;
        self.hasher.update(plain_part);
        self.left = self.left.saturating_sub(u64::try_from(plain_part.len()).unwrap_or(u64::MAX));
        let zeros = usize::try_from(self.padding).unwrap_or(usize::MAX).min(rest.len());
        if let Some(part) = rest.get_mut(..zeros) {
            part.fill(0);
        }
        self.padding = self.padding.saturating_sub(u64::try_from(zeros).unwrap_or(u64::MAX));
        Ok(plain.saturating_add(zeros))
    }

    fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }
}

/// The sealed pieces as something that can be read.
struct Pieces {
    sealed: Receiver<Piece>,
    empty: SyncSender<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
    /// Bytes that are still to come: an end before them is none.
    left: u64,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.piece.len() {
            let Ok(next) = self.sealed.recv() else {
                return if self.left == 0 { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            };
            let old = std::mem::replace(&mut self.piece, next?);
            self.at = 0;
            if !old.is_empty() {
                // Whoever reads may be done.
                let _ = self.empty.try_send(old);
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        self.at = self.at.saturating_add(len);
        self.left = self.left.saturating_sub(u64::try_from(len).unwrap_or(u64::MAX));
        Ok(len)
    }
}

/// A source that tells why it has nothing.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
