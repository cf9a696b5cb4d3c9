//! Sealing pictures for posting, opening them for looking.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::proof::Proofs;
use super::{Error, Result};
use crate::ask::SealedBlob;
use crate::crypto::{BlobKey, apply_blob_stream, padded_len};
use crate::id::BlobId;
use crate::limits::VIDEO_BLOB_LIMIT;
use crate::service::BlobReading;
use crate::store::blobs::{self, BlobFiles};

/// Pads and encrypts bytes under a key of their own and keeps them, durably, under their hash.
pub(super) fn seal(files: &BlobFiles, bytes: &[u8]) -> Result<SealedBlob> {
    seal_from(files, &mut &bytes[..], u64::try_from(bytes.len()).unwrap_or(u64::MAX))
}

/// The same for a file, a piece at a time: a video is never in memory as a whole.
pub(super) fn seal_file(files: &BlobFiles, path: &Path) -> Result<SealedBlob> {
    let unreadable = |error: std::io::Error| {
        Error::failed(
            "file_unreadable",
            format!("cannot read {}: {error}", path.display()),
            "look at the file and the disk",
        )
    };
    let mut file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    seal_from(files, &mut file, bytes)
}

pub(super) fn seal_from(files: &BlobFiles, source: &mut dyn Read, plain_bytes: u64) -> Result<SealedBlob> {
    if plain_bytes > VIDEO_BLOB_LIMIT {
        return Err(Error::refused(
            "blob_limit",
            format!("{plain_bytes} bytes; at most {VIDEO_BLOB_LIMIT} are allowed"),
            "make the file smaller",
        )
        .with("bytes", VIDEO_BLOB_LIMIT));
    }
    let key = BlobKey::random(&mut super::home::system_entropy()?);
    let mut sealing = Sealing {
        source,
        key: key.clone(),
        hasher: blake3::Hasher::new(),
        at: 0,
        plain_bytes,
        padded: padded_len(plain_bytes),
    };
    let (id, _) = files.insert_from(&mut sealing).map_err(|error| blob_error(&error))?;
    let plain_hash = *sealing.hasher.finalize().as_bytes();
    Ok(SealedBlob { id, key, plain_hash, plain_bytes })
}

/// Reads a source as its sealed bytes: hashed, padded with zeros, encrypted, as they come.
///
/// A source that is shorter than was said is an error, and what it has beyond that is not read: a file that changes
/// while it is sealed never becomes a blob whose length is a lie.
struct Sealing<'a> {
    source: &'a mut dyn Read,
    key: BlobKey,
    hasher: blake3::Hasher,
    at: u64,
    plain_bytes: u64,
    padded: u64,
}

impl Read for Sealing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = u64::try_from(buffer.len()).unwrap_or(u64::MAX);
        let plain_left = self.plain_bytes.saturating_sub(self.at);
        let most = if plain_left > 0 { plain_left } else { self.padded.saturating_sub(self.at) };
        let len = usize::try_from(room.min(most)).unwrap_or(usize::MAX);
        let Some(piece) = buffer.get_mut(..len).filter(|piece| !piece.is_empty()) else { return Ok(0) };
        let len = if plain_left > 0 {
            let len = self.source.read(piece)?;
            if len == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            self.hasher.update(piece.get(..len).unwrap_or_default());
            len
        } else {
            piece.fill(0);
            len
        };
        apply_blob_stream(&self.key, self.at, piece.get_mut(..len).unwrap_or_default());
        self.at = self.at.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        Ok(len)
    }
}

/// A picture or video that can be read.
pub struct OpenBlob {
    file: std::sync::Mutex<File>,
    key: BlobKey,
    mime: &'static str,
    bytes: u64,
}

impl std::fmt::Debug for OpenBlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenBlob")
            .field("mime", &self.mime)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl OpenBlob {
    /// Opens a blob by the first of the readings that fits its bytes: a friend may name another's blob with a key or
    /// a type that is wrong. If none fits, by the first that nobody else has signed.
    pub(super) fn open(
        files: &BlobFiles,
        proofs: &Proofs,
        id: &BlobId,
        readings: Vec<BlobReading>,
    ) -> Result<Self> {
        let mut file = files.read(*id).map_err(|error| blob_error(&error))?;
        if readings.is_empty() {
            return Err(Error::not_found(
                "no_such_blob",
                "no moment here names that blob",
                "see `tidings show ID`",
            ));
        }
        let fitting = readings.iter().position(|reading| fits(proofs, id, &mut file, reading));
        let fitting = fitting.or_else(|| readings.iter().position(|reading| reading.proof.is_none()));
        let reading = fitting.and_then(|at| readings.into_iter().nth(at));
        let BlobReading { key, mime, bytes, .. } = reading.ok_or_else(super::reseal::not_the_signed_one)?;
        Ok(Self { file: std::sync::Mutex::new(file), key, mime, bytes })
    }

    /// Opens a file whose key is my own.
    pub(super) fn of_mine(file: File, key: BlobKey, bytes: u64) -> Self {
        Self { file: std::sync::Mutex::new(file), key, mime: "application/octet-stream", bytes }
    }

    /// Its media type.
    pub const fn mime(&self) -> &'static str {
        self.mime
    }

    /// Its length, bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Up to `len` bytes from `offset`, cut at the end. Blocks on the disk.
    ///
    /// # Errors
    /// Failed if the disk refuses.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let left = self.bytes.saturating_sub(offset);
        let len = len.min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        read_at(&mut file, &self.key, offset, u64::try_from(len).unwrap_or(u64::MAX)).map_err(|error| {
            Error::failed("blob_unreadable", format!("a picture cannot be read: {error}"), "look at the disk")
        })
    }
}

/// Bytes of padding that are looked at to tell a true key from a wrong one.
const PADDING_SEEN: u64 = 4_096;

/// Whether a blob opens as a moment says: its length, how files of that type begin, nothing but zeros as padding, and
/// where somebody signed its hash, all of it.
fn fits(proofs: &Proofs, id: &BlobId, file: &mut File, reading: &BlobReading) -> bool {
    let BlobReading { key, mime, bytes, proof } = reading;
    let padded = padded_len(*bytes);
    if file.metadata().is_ok_and(|meta| meta.len() != padded) {
        return false;
    }
    let padding = padded.saturating_sub(*bytes).min(PADDING_SEEN);
    let begins = |start: &[u8]| match *mime {
        "image/jpeg" => start.starts_with(&[0xff, 0xd8, 0xff]),
        "image/png" => start.starts_with(b"\x89PNG"),
        "image/webp" => start.starts_with(b"RIFF") && start.ends_with(b"WEBP"),
        "video/mp4" => start.get(4..8) == Some(b"ftyp"),
        "video/webm" => start.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]),
        _ => true,
    };
    let start = read_at(file, key, 0, padded.min(12));
    let end = read_at(file, key, *bytes, padding);
    start.is_ok_and(|start| begins(&start))
        && end.is_ok_and(|end| end.iter().all(|byte| *byte == 0))
        && proof.is_none_or(|proof| proofs.holds(id, file, (key, *bytes), &proof))
}

pub(super) fn read_at(file: &mut File, key: &BlobKey, offset: u64, len: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    apply_blob_stream(key, offset, &mut bytes);
    Ok(bytes)
}

pub(super) fn blob_error(error: &blobs::Error) -> Error {
    if error.is_disk_full() {
        return Error::refused("disk_full", "the disk is full", "make room on the disk; nothing was changed");
    }
    Error::failed("blob_failed", error.to_string(), "look at the disk and at the home's rights")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_key_type_or_length_does_not_hide_the_true_reading() {
        let home = tempfile::tempdir().expect("a folder");
        let files = BlobFiles::open(home.path()).expect("blobs");
        let mut picture = vec![0xff, 0xd8, 0xff];
        picture.resize(1_001, 7);
        let sealed = seal(&files, &picture).expect("sealed");
        let says = |key: &BlobKey, mime, bytes| BlobReading { key: key.clone(), mime, bytes, proof: None };
        let truth = || says(&sealed.key, "image/jpeg", sealed.plain_bytes);
        let lies = [
            says(&BlobKey::from_bytes([66; 32]), "image/jpeg", sealed.plain_bytes),
            says(&sealed.key, "image/png", sealed.plain_bytes),
            says(&sealed.key, "image/jpeg", 500),
        ];
        for lie in lies {
            let open =
                OpenBlob::open(&files, &Proofs::default(), &sealed.id, vec![lie, truth()]).expect("here");
            assert_eq!((open.mime(), open.bytes()), ("image/jpeg", 1_001));
            assert_eq!(open.read(0, 2_000).expect("read"), picture);
        }
    }

    #[test]
    fn a_file_sealed_piece_by_piece_is_what_sealing_it_whole_would_be() {
        let home = tempfile::tempdir().expect("a folder");
        let files = BlobFiles::open(&home.path().join("blobs")).expect("blobs");
        for len in [1usize, 256, 16_384, 16_385, 300_007] {
            let plain: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).expect("small")).collect();
            let path = home.path().join("film");
            std::fs::write(&path, &plain).expect("written");
            let sealed = seal_file(&files, &path).expect("sealed");
            assert_eq!(sealed.plain_hash, crate::crypto::hash(&plain));
            let bytes = u64::try_from(len).expect("small");
            assert_eq!((sealed.plain_bytes, files.size(sealed.id)), (bytes, Some(padded_len(bytes))));
            let mut whole = plain.clone();
            whole.resize(usize::try_from(padded_len(bytes)).expect("small"), 0);
            apply_blob_stream(&sealed.key, 0, &mut whole);
            assert_eq!(sealed.id, crate::crypto::blob_id(&whole), "{len}");
        }
    }

    #[test]
    fn a_source_that_ends_too_early_and_a_file_above_the_limit_leave_no_blob() {
        let home = tempfile::tempdir().expect("a folder");
        let files = BlobFiles::open(&home.path().join("blobs")).expect("blobs");
        assert!(seal_from(&files, &mut &[1u8, 2, 3][..], 4).is_err());
        let path = home.path().join("film");
        // A hole: the disk holds none of it.
        let film = File::create(&path).expect("a file");
        film.set_len(VIDEO_BLOB_LIMIT + 1).expect("long");
        assert_eq!(seal_file(&files, &path).expect_err("too long").code, "blob_limit");
        film.set_len(VIDEO_BLOB_LIMIT).expect("long");
        let sealed = seal_file(&files, &path).expect("of the limit");
        assert_eq!(files.list().expect("listed"), [(sealed.id, VIDEO_BLOB_LIMIT)]);
    }
}
