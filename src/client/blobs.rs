//! Sealing pictures for posting, opening them for looking.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::proof::Proofs;
use super::{Error, Result};
use crate::ask::SealedBlob;
use crate::crypto::{BlobKey, apply_blob_stream, padded_len};
use crate::id::BlobId;
use crate::limits::{BLOB_GROUP_LEN, VIDEO_BLOB_LIMIT};
use crate::service::BlobReading;
use crate::store::blobs::{self, Arriving, BlobFiles, Reader, There};

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

fn check_len(plain_bytes: u64) -> Result<()> {
    if plain_bytes > VIDEO_BLOB_LIMIT {
        return Err(Error::refused(
            "blob_limit",
            format!("{plain_bytes} bytes; at most {VIDEO_BLOB_LIMIT} are allowed"),
            "make the file smaller",
        )
        .with("bytes", VIDEO_BLOB_LIMIT));
    }
    Ok(())
}

pub(super) fn seal_from(
    files: &BlobFiles,
    source: &mut (dyn Read + Send),
    plain_bytes: u64,
) -> Result<SealedBlob> {
    check_len(plain_bytes)?;
    let key = BlobKey::random(&mut super::home::system_entropy()?);
    let sealed = super::sealing::seal(files, source, plain_bytes, &key);
    let (id, plain_hash) = sealed.map_err(|error| blob_error(&error))?;
    Ok(SealedBlob { id, key, plain_hash, plain_bytes })
}

/// A picture or video that can be read, as far as it is here.
pub struct OpenBlob {
    file: std::sync::Mutex<File>,
    key: BlobKey,
    mime: &'static str,
    bytes: u64,
    /// While it is on its way: what of it may be read.
    arriving: Option<Arc<Arriving>>,
}

impl std::fmt::Debug for OpenBlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenBlob")
            .field("mime", &self.mime)
            .field("bytes", &self.bytes)
            .field("arriving", &self.arriving.is_some())
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
        Ok(Self { file: std::sync::Mutex::new(file), key, mime, bytes, arriving: None })
    }

    /// Opens a blob that is on its way, if there is no doubt about how: which of several readings is true, and whether it
    /// is what somebody else has signed, shows only when it is whole.
    pub(super) fn open_arriving(files: &BlobFiles, id: &BlobId, readings: &[BlobReading]) -> Option<Self> {
        let [BlobReading { key, mime, bytes, proof: None }] = readings else { return None };
        let (arriving, file) = files.arriving(*id).ok()?;
        (arriving.shape().bytes() == padded_len(*bytes)).then(|| Self {
            file: std::sync::Mutex::new(file),
            key: key.clone(),
            mime,
            bytes: *bytes,
            arriving: Some(arriving),
        })
    }

    /// Opens a file whose key is my own.
    pub(super) fn of_mine(file: File, key: BlobKey, bytes: u64) -> Self {
        let mime = "application/octet-stream";
        Self { file: std::sync::Mutex::new(file), key, mime, bytes, arriving: None }
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
    /// Failed if the disk refuses; not found if the blob was opened while on its way and has not come so far.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let left = self.bytes.saturating_sub(offset);
        let len = u64::try_from(len).unwrap_or(u64::MAX).min(left);
        if let Some(arriving) = &self.arriving {
            let (group, end) = (group_of(offset), offset.saturating_add(len));
            if len > 0 && end_of(group, arriving.groups_from(group)) < end {
                return Err(not_here());
            }
        }
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        read_at(&mut file, &self.key, offset, len).map_err(|error| {
            Error::failed("blob_unreadable", format!("a picture cannot be read: {error}"), "look at the disk")
        })
    }

    /// Waits until something is here from `offset` on, and says up to where; at once if the blob is here whole. What is
    /// waited for is asked of the network first.
    ///
    /// # Errors
    /// Not found if nothing of it comes within so many ms, or it was withdrawn.
    ///
    /// # Cancel
    /// May be dropped at any point.
    pub async fn here(&self, offset: u64, wait_ms: u64) -> Result<u64> {
        let Some(arriving) = self.arriving.as_ref().filter(|_| offset < self.bytes) else {
            return Ok(self.bytes);
        };
        let reader = arriving.reader();
        let comes = std::future::poll_fn(|context| poll_there(&reader, offset, context));
        let wait = std::time::Duration::from_millis(wait_ms);
        let end = tokio::time::timeout(wait, comes).await.map_err(|_elapsed| not_here())??;
        Ok(end.min(self.bytes))
    }
}

/// The group of a byte.
fn group_of(offset: u64) -> u32 {
    let group_len = u64::try_from(BLOB_GROUP_LEN).unwrap_or(u64::MAX);
    offset.checked_div(group_len).and_then(|group| u32::try_from(group).ok()).unwrap_or(u32::MAX)
}

/// Where so many groups from one on end, bytes.
fn end_of(group: u32, count: u32) -> u64 {
    let group_len = u64::try_from(BLOB_GROUP_LEN).unwrap_or(u64::MAX);
    u64::from(group.saturating_add(count)).saturating_mul(group_len)
}

/// Up to which byte a blob on its way may be read from `offset` on.
fn poll_there(reader: &Reader<'_>, offset: u64, context: &Context<'_>) -> Poll<Result<u64>> {
    let group = group_of(offset);
    reader.poll_groups(group, context).map(|there| match there {
        There::Groups(count) => Ok(end_of(group, count)),
        // Whoever is one too many asks again, as for what has not come.
        There::Gone | There::Crowded => Err(not_here()),
    })
}

pub(super) fn not_here() -> Error {
    Error::not_found(
        "blob_not_here",
        "the picture has not arrived yet",
        "it comes when its author or a mutual friend is online",
    )
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
        for len in [1usize, 256, 16_384, 16_385, 262_144, 262_145, 300_007, 2_500_001] {
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
        assert!(check_len(VIDEO_BLOB_LIMIT).is_ok() && check_len(VIDEO_BLOB_LIMIT + 1).is_err());
        assert!(files.list().expect("listed").is_empty());
        // One that ends too early in the middle of what is sealed in stages.
        let long = vec![7u8; 1_000_000];
        assert!(seal_from(&files, &mut &long[..], 1_000_001).is_err());
        assert!(files.list().expect("listed").is_empty());
    }

    /// Two folders, of which one holds a film and the other its first group of two.
    fn half_way() -> (tempfile::TempDir, SealedBlob, Arc<BlobFiles>, blobs::Incoming, Vec<u8>) {
        let home = tempfile::tempdir().expect("a folder");
        let theirs = BlobFiles::open(&home.path().join("theirs")).expect("blobs");
        let mine = Arc::new(BlobFiles::open(&home.path().join("mine")).expect("blobs"));
        let plain: Vec<u8> = (0..30_000u32).map(|at| u8::try_from(at % 251).expect("small")).collect();
        let sealed = seal(&theirs, &plain).expect("sealed");
        let groups = crate::blob::Groups::new(vec![(0, 1)]).expect("one group");
        let mut incoming = mine.begin(sealed.id, padded_len(30_000)).expect("begun");
        let shape = incoming.partial().shape();
        let mut decoder = crate::blob::Decoder::new(sealed.id, shape, &groups).expect("it has it");
        let mut answer = vec![0; 64 * 1024];
        let get = crate::blob::Get { blob: sealed.id, groups };
        let len = theirs.serve(&get).expect("here").fill(&mut answer).expect("read");
        decoder.feed(&answer[..len], &mut |verified| incoming.accept(&[verified])).expect("true");
        (home, sealed, mine, incoming, plain)
    }

    #[tokio::test]
    async fn what_has_come_of_a_film_is_read_and_what_has_not_is_waited_for_within_a_limit() {
        let (_home, sealed, files, incoming, plain) = half_way();
        let reading =
            || BlobReading { key: sealed.key.clone(), mime: "video/mp4", bytes: 30_000, proof: None };
        let open = OpenBlob::open_arriving(&files, &sealed.id, &[reading()]).expect("on its way");
        assert_eq!(open.here(0, 0).await.expect("the first group"), 16_384);
        assert_eq!(open.read(100, 16_284).expect("there"), plain[100..16_384]);
        assert_eq!(open.read(16_000, 1_000).expect_err("half of it").code, "blob_not_here");
        assert_eq!(open.here(16_384, 30).await.expect_err("it does not come").code, "blob_not_here");
        // A cut changes nothing; a withdrawal does.
        drop(incoming);
        assert_eq!(open.read(0, 10).expect("still there"), plain[..10]);
        files.remove(sealed.id).expect("removed");
        assert_eq!(open.here(0, 1_000).await.expect_err("withdrawn").code, "blob_not_here");
        assert!(open.read(0, 10).is_err());
    }

    #[test]
    fn a_film_on_its_way_is_opened_only_if_there_is_no_doubt_about_it() {
        let (_home, sealed, files, _incoming, _) = half_way();
        let reading = |bytes, proof| BlobReading { key: sealed.key.clone(), mime: "video/mp4", bytes, proof };
        let opens =
            |readings: &[BlobReading]| OpenBlob::open_arriving(&files, &sealed.id, readings).is_some();
        assert!(opens(&[reading(30_000, None)]));
        assert!(!opens(&[reading(30_000, Some([7; 32]))]), "what somebody signed is compared whole");
        assert!(!opens(&[reading(30_000, None), reading(30_000, None)]), "two say how");
        assert!(!opens(&[reading(3_000, None)]), "another length");
        assert!(!opens(&[]));
    }
}
