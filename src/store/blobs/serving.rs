//! A blob on its way out: fills large buffers with an answer, piece by piece.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
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
        let mut filled = 0usize;
        while let Some(piece) = self.waiting.take().or_else(|| self.pieces.next()) {
            let len = match piece {
                Piece::Size(size) => size.len(),
                Piece::Pair { at } => self.tree.pair(at).len(),
                Piece::Group { len, .. } => len,
            };
            let Some(room) = buffer.get_mut(filled..filled.saturating_add(len)) else {
                self.waiting = Some(piece);
                break;
            };
            match piece {
                Piece::Size(size) => room.copy_from_slice(&size),
                Piece::Pair { at } => room.copy_from_slice(self.tree.pair(at)),
                Piece::Group { offset, .. } => {
                    self.read_at(offset, room).map_err(Error::io("reading", &self.path))?;
                }
            }
            filled = filled.saturating_add(len);
        }
        Ok(filled)
    }

    fn read_at(&mut self, offset: u64, room: &mut [u8]) -> io::Result<()> {
        if self.position != offset {
            self.file.seek(SeekFrom::Start(offset))?;
        }
        self.file.read_exact(room)?;
        self.position = offset.saturating_add(u64::try_from(room.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}
