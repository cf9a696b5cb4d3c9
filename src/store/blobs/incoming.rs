//! A blob on its way in: verified groups go to their place, and a cut transfer is remembered.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use super::{Arriving, BlobFiles, Error, copying, remove};
use crate::blob::{Groups, Partial, Shape, Tree, Verified};
use crate::id::BlobId;
use crate::limits::{BLOB_CHECKPOINT_GROUPS, BLOB_TURN_GROUPS};
use crate::wire::{self, Encode};

/// One transfer of one blob. Dropping it keeps what was verified for the next attempt.
#[derive(Debug)]
pub struct Incoming {
    files: Arc<BlobFiles>,
    partial: Partial,
    arriving: Arc<Arriving>,
    file: File,
    position: u64,
    /// The hash pairs that came; complete unless the transfer continues an earlier one.
    pairs: Vec<u8>,
    continued: bool,
    unsaved_groups: u32,
}

impl Incoming {
    pub(super) fn begin(files: Arc<BlobFiles>, blob: BlobId, shape: Shape) -> Result<Self, Error> {
        let Some(arriving) = files.claim(blob, shape) else { return Err(Error::Busy { blob }) };
        let begun = Self::open(&files, blob, shape);
        match begun {
            Ok((partial, file)) => Ok(Self {
                files,
                continued: arriving.begin(&partial),
                partial,
                arriving,
                file,
                position: 0,
                pairs: vec![0; shape.pairs_len()],
                unsaved_groups: 0,
            }),
            Err(error) => {
                files.release(blob, &arriving);
                Err(error)
            }
        }
    }

    fn open(files: &BlobFiles, blob: BlobId, shape: Shape) -> Result<(Partial, File), Error> {
        let path = files.part_path(blob);
        files.make_folder_of(&path)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("opening", &path))?;
        // A map that is missing, damaged or of another size is as good as none.
        let known = fs::read(files.map_path(blob))
            .ok()
            .and_then(|bytes| wire::decode::<Partial>(&bytes).ok())
            .filter(|partial| partial.blob() == blob && partial.shape() == shape);
        let partial = known.unwrap_or_else(|| Partial::new(blob, shape));
        if partial.verified_groups() == 0 {
            file.set_len(0).map_err(Error::io("emptying", &path))?;
        }
        file.rewind().map_err(Error::io("reading", &path))?;
        Ok((partial, file))
    }

    /// What to ask for, what somebody waits for first; `None` once all is there.
    pub fn missing(&self) -> Option<Groups> {
        self.partial.missing_at(&self.arriving.take_places(), BLOB_TURN_GROUPS)
    }

    /// Where readers wait for what comes.
    pub const fn arriving(&self) -> &Arc<Arriving> {
        &self.arriving
    }

    /// The groups that are there.
    pub const fn partial(&self) -> &Partial {
        &self.partial
    }

    /// Takes what was verified of one piece of an answer: groups go to their places in the file, those that lie side by side
    /// in one write, and then their readers hear of them.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn accept(&mut self, verified: &[Verified<'_>]) -> Result<(), Error> {
        let mut groups: Vec<(u32, u64, &[u8])> = Vec::with_capacity(verified.len());
        for item in verified {
            match item {
                Verified::Pair { at, pair } => {
                    if let Some(place) = self.pairs.get_mut(*at..at.saturating_add(pair.len())) {
                        place.copy_from_slice(pair);
                    }
                }
                Verified::Group { index, offset, bytes } => groups.push((*index, *offset, bytes.as_ref())),
            }
        }
        let follows = |one: &(u32, u64, &[u8]), next: &(u32, u64, &[u8])| next.0 == one.0.saturating_add(1);
        for run in groups.chunk_by(follows) {
            self.write(run).map_err(Error::io("writing", &self.files.part_path(self.partial.blob())))?;
            let indices: Vec<u32> = run.iter().map(|(index, ..)| *index).collect();
            indices.iter().for_each(|index| self.partial.mark(*index));
            self.arriving.mark(&indices);
            self.unsaved_groups =
                self.unsaved_groups.saturating_add(u32::try_from(indices.len()).unwrap_or(u32::MAX));
        }
        if self.unsaved_groups >= BLOB_CHECKPOINT_GROUPS {
            self.save()?;
        }
        Ok(())
    }

    /// Writes groups that follow each other.
    fn write(&mut self, run: &[(u32, u64, &[u8])]) -> io::Result<()> {
        let Some((_, offset, _)) = run.first() else { return Ok(()) };
        if self.position != *offset {
            self.file.seek(SeekFrom::Start(*offset))?;
        }
        // Unknown until all is written.
        self.position = u64::MAX;
        let mut slices: Vec<IoSlice<'_>> = run.iter().map(|(.., bytes)| IoSlice::new(bytes)).collect();
        let mut left = &mut slices[..];
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match self.file.write_vectored(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => IoSlice::advance_slices(&mut left, len),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let len = run.iter().fold(0u64, |sum, (.., bytes)| {
            sum.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX))
        });
        self.position = offset.saturating_add(len);
        Ok(())
    }

    /// The file, opened once more, for a thread that lets the disk begin to write: an error that is told to this one is told
    /// to the sync that counts as well.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn file_to_sync(&self) -> Result<File, Error> {
        let path = self.files.part_path(self.partial.blob());
        File::options().write(true).open(&path).map_err(Error::io("opening", &path))
    }

    /// Writes down which groups are there. Not synced: the map is a claim that is checked before it counts.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&mut self) -> Result<(), Error> {
        if self.unsaved_groups == 0 {
            return Ok(());
        }
        let path = self.files.map_path(self.partial.blob());
        self.files.write_beside(&path, &self.partial.encode())?;
        self.unsaved_groups = 0;
        Ok(())
    }

    /// Makes a whole blob durable under its id.
    ///
    /// # Errors
    /// [`Error::NotFound`] if groups are missing, [`Error::Damaged`] if a continued transfer does not fit the id (what
    /// was kept is dropped), [`Error::Io`].
    pub fn finish(mut self) -> Result<u64, Error> {
        let blob = self.partial.blob();
        let shape = self.partial.shape();
        let path = self.files.part_path(blob);
        if !self.partial.is_whole() {
            return Err(Error::NotFound { blob });
        }
        let tree = if self.continued {
            self.file.rewind().map_err(Error::io("reading", &path))?;
            let mut whole = Read::take(&mut self.file, shape.bytes());
            match copying::hash(&mut whole, &path) {
                Ok((actual, tree)) if actual == blob => Some(tree),
                Ok(_) | Err(Error::Size(_)) => {
                    self.unsaved_groups = 0;
                    self.files.discard(blob)?;
                    return Err(Error::Damaged { blob });
                }
                Err(error) => return Err(error),
            }
        } else {
            Tree::from_bytes(shape, std::mem::take(&mut self.pairs))
        };
        self.file.set_len(shape.bytes()).map_err(Error::io("cutting", &path))?;
        self.file.sync_all().map_err(Error::io("syncing", &path))?;
        if let Some(tree) = &tree {
            self.files.keep_tree(blob, tree)?;
        }
        self.files.put_in_place(&path, blob)?;
        self.arriving.complete();
        self.unsaved_groups = 0;
        remove(&self.files.map_path(blob))?;
        Ok(shape.bytes())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // Whatever cannot be written down is fetched again.
        if let Err(error) = self.save() {
            tracing::debug!(%error, "what was fetched of a blob is not remembered");
        }
        self.files.release(self.partial.blob(), &self.arriving);
    }
}
