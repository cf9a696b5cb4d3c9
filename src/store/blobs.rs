//! Blobs as files: sealed bytes under their hash, whole or not there at all.
//!
//! ```text
//!  blobs/ab/cdef…        the ciphertext; the name is the id, split after two digits
//!  blobs/ab/cdef….tree   its hash pairs, made again if missing
//!  blobs/ab/cdef….part   a transfer that was cut, with
//!  blobs/ab/cdef….map    which of its groups were verified
//!  blobs/tmp/            what is being written; emptied at every start
//! ```
//!
//! A blob appears by one rename after its bytes are on the disk, and the folder is synced after that: whoever sees the
//! file sees all of it, after a power cut too. A transfer continues from its map, which is only a claim: a blob that
//! was continued is hashed whole before the rename.
//!
//! What it does not do: it neither seals nor opens, keeps no index and evicts nothing. It asks nobody's leave to hand
//! out a blob; that is decided before.
//!
//! All calls block on the disk: a caller with other things to do gives them a thread of their own.
//!
//! Invariants: a file without suffix is complete and was complete when it got its name; at most one transfer of a blob
//! at a time; nothing is larger than [`VIDEO_BLOB_LIMIT`](crate::limits::VIDEO_BLOB_LIMIT).
//!
//! Source: docs/protocol.md 3.9, 3.13, 3.19.

mod arriving;
mod copying;
mod incoming;
mod serving;
#[cfg(test)]
mod tests;

pub use arriving::{Arriving, Reader, There};
pub use incoming::Incoming;
pub use serving::Serving;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::blob::{Partial, Shape, SizeError, Tree};
use crate::id::BlobId;
use crate::limits::BLOB_CUT_LIMIT;

/// Why a blob could not be kept or found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk refused.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// No blob has that size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// It is not here.
    #[error("blob {} is not here", blob.short())]
    NotFound {
        /// Which.
        blob: BlobId,
    },
    /// It is being fetched already.
    #[error("blob {} is being fetched already", blob.short())]
    Busy {
        /// Which.
        blob: BlobId,
    },
    /// What lay on the disk does not fit the id; it was thrown away.
    #[error("what was kept of blob {} is damaged and was dropped", blob.short())]
    Damaged {
        /// Which.
        blob: BlobId,
    },
}

impl Error {
    /// Whether the disk has no room left.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// A thread of this program ended badly.
    #[cfg(feature = "net")]
    pub(crate) fn broken(what: &'static str) -> Self {
        Self::io(what, Path::new("a thread"))(io::ErrorKind::Other.into())
    }

    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { what, path, source }
    }
}

/// The folder of blobs. One process at a time.
#[derive(Debug)]
pub struct BlobFiles {
    root: PathBuf,
    next_temporary: AtomicU64,
    fetching: Mutex<BTreeMap<BlobId, Arc<Arriving>>>,
}

impl BlobFiles {
    /// Opens the folder, makes it if need be, and drops what was being written when the program last stopped.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(root: &Path) -> Result<Self, Error> {
        let temporary = root.join("tmp");
        match fs::remove_dir_all(&temporary) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("emptying", &temporary)(error)),
        }
        fs::create_dir_all(&temporary).map_err(Error::io("making", &temporary))?;
        Ok(Self {
            root: root.to_path_buf(),
            next_temporary: AtomicU64::new(0),
            fetching: Mutex::new(BTreeMap::new()),
        })
    }

    /// Keeps a blob. When this returns it is on the disk for good.
    ///
    /// # Errors
    /// [`Error::Size`] for an empty or too large one, [`Error::Io`].
    ///
    /// # Cost
    /// One hash, one write and three syncs; nothing but the hash if it is here already.
    pub fn insert(&self, bytes: &[u8]) -> Result<BlobId, Error> {
        self.insert_from(&mut io::Cursor::new(bytes)).map(|(blob, _)| blob)
    }

    /// Keeps a blob that is read to its end. Returns its id and its size in bytes.
    ///
    /// # Errors
    /// As [`BlobFiles::insert`].
    pub fn insert_from(&self, source: &mut dyn Read) -> Result<(BlobId, u64), Error> {
        let (path, mut file) = self.temporary()?;
        let written = copying::write_and_hash(source, &mut file, &path);
        let kept = written.and_then(|(blob, tree)| {
            file.sync_all().map_err(Error::io("syncing", &path))?;
            if !self.contains(blob) {
                self.keep_tree(blob, &tree)?;
                self.put_in_place(&path, blob)?;
            }
            Ok((blob, tree.shape().bytes()))
        });
        // Gone already if it was renamed; if not, the next start empties the folder.
        let _ = fs::remove_file(&path);
        kept
    }

    /// Where a blob lies, whether it is here or not.
    pub fn path(&self, blob: BlobId) -> PathBuf {
        let name = blob.to_string();
        let (folder, file) = name.split_at_checked(2).unwrap_or(("", &name));
        self.root.join(folder).join(file)
    }

    /// Whether a blob is here, whole.
    pub fn contains(&self, blob: BlobId) -> bool {
        self.path(blob).is_file()
    }

    /// The size of a blob that is here, bytes.
    pub fn size(&self, blob: BlobId) -> Option<u64> {
        fs::metadata(self.path(blob)).ok().filter(fs::Metadata::is_file).map(|meta| meta.len())
    }

    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`].
    pub fn read(&self, blob: BlobId) -> Result<File, Error> {
        let path = self.path(blob);
        File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::NotFound { blob },
            _ => Error::io("opening", &path)(error),
        })
    }

    /// Removes a blob and whatever was fetched of it. Returns whether it was here whole.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self, blob: BlobId) -> Result<bool, Error> {
        let was_here = remove(&self.path(blob))?;
        remove(&self.tree_path(blob))?;
        self.discard(blob)?;
        if was_here {
            sync_folder_of(&self.path(blob))?;
        }
        Ok(was_here)
    }

    /// Drops what was fetched so far of a blob that is not whole.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn discard(&self, blob: BlobId) -> Result<(), Error> {
        self.forget_arriving(blob);
        remove(&self.map_path(blob))?;
        remove(&self.part_path(blob))?;
        Ok(())
    }

    /// All whole blobs with their sizes in bytes, in order of their ids.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Cost
    /// One look at each file.
    pub fn list(&self) -> Result<Vec<(BlobId, u64)>, Error> {
        let mut all = Vec::new();
        for folder in entries(&self.root)? {
            let Some(start) = folder.file_name().to_str().map(str::to_owned) else { continue };
            if start.len() != 2 || !folder.path().is_dir() {
                continue;
            }
            for file in entries(&folder.path())? {
                let name = file.file_name();
                let blob = name.to_str().and_then(|rest| format!("{start}{rest}").parse::<BlobId>().ok());
                let size = file.metadata().ok().filter(fs::Metadata::is_file).map(|meta| meta.len());
                all.extend(blob.zip(size));
            }
        }
        all.sort_unstable();
        Ok(all)
    }

    /// Bytes of all whole blobs.
    ///
    /// # Errors
    /// [`Error::Io`].
    ///
    /// # Cost
    /// As [`BlobFiles::list`].
    pub fn total_bytes(&self) -> Result<u64, Error> {
        Ok(self.list()?.iter().fold(0u64, |sum, (_, size)| sum.saturating_add(*size)))
    }

    /// Begins or continues to fetch a blob of so many bytes.
    ///
    /// # Errors
    /// [`Error::Busy`] while another transfer of it lives, [`Error::Size`], [`Error::Io`].
    pub fn begin(self: &Arc<Self>, blob: BlobId, bytes: u64) -> Result<Incoming, Error> {
        Incoming::begin(Arc::clone(self), blob, Shape::new(bytes)?)
    }

    /// Opens a blob to serve a part of it.
    ///
    /// # Errors
    /// [`Error::NotFound`], also if it has not all the groups asked for; [`Error::Io`].
    pub fn serve(&self, get: &crate::blob::Get) -> Result<Serving, Error> {
        Serving::open(self, get)
    }

    /// The hash pairs of a blob: read, or made and kept.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Io`], [`Error::Damaged`] if they had to be made and the blob does not fit its id.
    fn tree(&self, blob: BlobId) -> Result<Tree, Error> {
        let mut file = self.read(blob)?;
        let bytes = file.metadata().map_err(Error::io("looking at", &self.path(blob)))?.len();
        let shape = Shape::new(bytes)?;
        let kept = match fs::read(self.tree_path(blob)) {
            Ok(pairs) => Tree::from_bytes(shape, pairs),
            Err(_) if shape.pairs_len() == 0 => Tree::from_bytes(shape, Vec::new()),
            // Missing or unreadable, it is made again.
            Err(_) => None,
        };
        if let Some(tree) = kept {
            return Ok(tree);
        }
        let (actual, tree) = copying::hash(&mut file, &self.path(blob))?;
        if actual != blob {
            return Err(Error::Damaged { blob });
        }
        self.keep_tree(blob, &tree)?;
        Ok(tree)
    }

    /// Writes the hash pairs beside the blob. They can be made again, so that nothing waits for the disk.
    fn keep_tree(&self, blob: BlobId, tree: &Tree) -> Result<(), Error> {
        if tree.as_bytes().is_empty() {
            return Ok(());
        }
        let path = self.tree_path(blob);
        self.make_folder_of(&path)?;
        self.write_beside(&path, tree.as_bytes())
    }

    /// Writes a small file that stands beside a blob, whole or not at all. Not synced.
    fn write_beside(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let (temporary, mut file) = self.temporary()?;
        let written = file.write_all(bytes).map_err(Error::io("writing", &temporary));
        drop(file);
        let kept =
            written.and_then(|()| fs::rename(&temporary, path).map_err(Error::io("renaming to", path)));
        if kept.is_err() {
            // A full disk is tried again and again, and each try would leave one more until the next start.
            let _ = fs::remove_file(&temporary);
        }
        kept
    }

    /// Gives a synced file its name.
    fn put_in_place(&self, from: &Path, blob: BlobId) -> Result<(), Error> {
        let path = self.path(blob);
        self.make_folder_of(&path)?;
        fs::rename(from, &path).map_err(Error::io("renaming to", &path))?;
        sync_folder_of(&path)
    }

    fn make_folder_of(&self, path: &Path) -> Result<(), Error> {
        let Some(folder) = path.parent() else { return Ok(()) };
        match fs::create_dir(folder) {
            Ok(()) => sync_folder(&self.root),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(Error::io("making", folder)(error)),
        }
    }

    fn temporary(&self) -> Result<(PathBuf, File), Error> {
        let number = self.next_temporary.fetch_add(1, Ordering::Relaxed);
        let path = self.root.join("tmp").join(number.to_string());
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(Error::io("making", &path))?;
        Ok((path, file))
    }

    fn tree_path(&self, blob: BlobId) -> PathBuf {
        self.path(blob).with_extension("tree")
    }

    fn part_path(&self, blob: BlobId) -> PathBuf {
        self.path(blob).with_extension("part")
    }

    fn map_path(&self, blob: BlobId) -> PathBuf {
        self.path(blob).with_extension("map")
    }

    /// Opens a blob that is on its way, or was until its transfer was cut, to be read as far as it is there.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nothing of it came since this program started, [`Error::Io`].
    pub fn arriving(&self, blob: BlobId) -> Result<(Arc<Arriving>, File), Error> {
        let found = self.lock_fetching().get(&blob).cloned();
        let arriving = found.ok_or(Error::NotFound { blob })?;
        let path = self.part_path(blob);
        let file = match File::open(&path) {
            // It may have been finished in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.read(blob)?,
            other => other.map_err(Error::io("opening", &path))?,
        };
        Ok((arriving, file))
    }

    /// Whether a blob is on its way. Reads no file.
    pub fn is_arriving(&self, blob: BlobId) -> bool {
        self.lock_fetching().contains_key(&blob)
    }

    fn lock_fetching(&self) -> std::sync::MutexGuard<'_, BTreeMap<BlobId, Arc<Arriving>>> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a blob for one transfer; `None` if another has it.
    fn claim(&self, blob: BlobId, shape: Shape) -> Option<Arc<Arriving>> {
        let mut fetching = self.lock_fetching();
        let known = fetching.get(&blob).filter(|known| known.is_claimed() || known.shape() == shape);
        let arriving = match known {
            Some(known) => Arc::clone(known),
            None => Arc::new(Arriving::new(Partial::new(blob, shape))),
        };
        if !arriving.claim() {
            return None;
        }
        if fetching.len() >= BLOB_CUT_LIMIT {
            // What is forgotten is read again when it is whole.
            let cut = fetching.iter().find(|(_, other)| !other.is_claimed()).map(|(other, _)| *other);
            cut.and_then(|other| fetching.remove(&other)).iter().for_each(|other| other.end());
        }
        if let Some(other) = fetching.insert(blob, Arc::clone(&arriving))
            && !Arc::ptr_eq(&other, &arriving)
        {
            other.end();
        }
        Some(arriving)
    }

    /// Forgets what was on its way; readers hear that nothing more comes.
    fn forget_arriving(&self, blob: BlobId) {
        let mut fetching = self.lock_fetching();
        if let Some(arriving) = fetching.get(&blob) {
            arriving.end();
            if !arriving.is_claimed() {
                fetching.remove(&blob);
            }
        }
    }

    /// A transfer has ended: what it had stays known, unless the blob is whole or gone.
    fn release(&self, blob: BlobId, arriving: &Arriving) {
        let mut fetching = self.lock_fetching();
        arriving.release();
        if self.contains(blob) || arriving.is_gone() {
            fetching.remove(&blob);
        }
    }
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>, Error> {
    fs::read_dir(folder).and_then(Iterator::collect).map_err(Error::io("listing", folder))
}

/// Removes a file; false if there was none.
fn remove(path: &Path) -> Result<bool, Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("removing", path)(error)),
    }
}

fn sync_folder_of(path: &Path) -> Result<(), Error> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes renames in a folder durable. Only Unix lets a folder be opened for that.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("syncing", folder))?;
    }
    Ok(())
}
