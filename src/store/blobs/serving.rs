//! A blob on its way out: fills large buffers with an answer, piece by piece.

use std::fs::File;
use std::io::{self, IoSliceMut, Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::{BlobFiles, Error};
use crate::blob::{Encoder, Get, Piece, Tree};

/// An answer being read from the disk. Reads each byte once and keeps none.
#[derive(Debug)]
pub struct Serving {
    file: File,
    path: PathBuf,
    tree: Tree,
    pieces: Encoder,
    waiting: Option<Piece>,
    position: u64,
}

impl Serving {
    pub(super) fn open(files: &BlobFiles, get: &Get) -> Result<Self, Error> {
        let tree = files.tree(get.blob)?;
        let pieces = Encoder::new(tree.shape(), &get.groups).ok_or(Error::NotFound { blob: get.blob })?;
        let file = files.read(get.blob)?;
        Ok(Self { file, path: files.path(get.blob), tree, pieces, waiting: None, position: 0 })
    }

    /// Writes the next pieces into `buffer`, as many as fit whole. Returns how many bytes; 0 at the end.
    ///
    /// The buffer must have room for a group, or nothing is written.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let whole = buffer.len();
        let mut rest = buffer;
        // Groups that lie side by side in the file, and where the first of them lies.
        let (mut run, mut from, mut next) = (Vec::new(), 0, None);
        while let Some(piece) = self.waiting.take().or_else(|| self.pieces.next()) {
            let len = match piece {
                Piece::Size(size) => size.len(),
                Piece::Pair { at } => self.tree.pair(at).len(),
                Piece::Group { len, .. } => len,
            };
            if len > rest.len() {
                self.waiting = Some(piece);
                break;
            }
            let (room, left) = std::mem::take(&mut rest).split_at_mut_checked(len).unwrap_or_default();
            rest = left;
            match piece {
                Piece::Size(size) => room.copy_from_slice(&size),
                Piece::Pair { at } => room.copy_from_slice(self.tree.pair(at)),
                Piece::Group { offset, .. } => {
                    if next != Some(offset) {
                        self.read(from, std::mem::take(&mut run))?;
                        from = offset;
                    }
                    next = Some(offset.saturating_add(u64::try_from(len).unwrap_or(u64::MAX)));
                    run.push(IoSliceMut::new(room));
                }
            }
        }
        let filled = whole.saturating_sub(rest.len());
        self.read(from, run)?;
        Ok(filled)
    }

    /// Reads what lies side by side into rooms that do not, at once.
    fn read(&mut self, offset: u64, mut run: Vec<IoSliceMut<'_>>) -> Result<(), Error> {
        let read = if run.is_empty() { Ok(()) } else { self.read_all(offset, &mut run) };
        read.map_err(Error::io("reading", &self.path))
    }

    fn read_all(&mut self, offset: u64, mut rooms: &mut [IoSliceMut<'_>]) -> io::Result<()> {
        if self.position != offset {
            self.file.seek(SeekFrom::Start(offset))?;
            self.position = offset;
        }
        IoSliceMut::advance_slices(&mut rooms, 0);
        while !rooms.is_empty() {
            match self.file.read_vectored(rooms) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    IoSliceMut::advance_slices(&mut rooms, len);
                    self.position = self.position.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
