//! A video file as it is looked at and changed: pieces at places, never the whole.
//!
//! Why: a video has up to 100 MiB, and every number in it may be a lie. All reads go through [`Film`], which holds one
//! block in memory and checks a claimed length against the file before it allocates.
//!
//! Changes are collected as [`Edit`]s while the file is only read, and applied afterwards: so the deciding part has no
//! way to half-change a file, and what was decided can be held against the file again.

use std::io::{Read, Seek, SeekFrom, Write};

use super::error::Error;

/// Bytes read at a time.
const BLOCK_LEN: usize = 64 * 1024;

/// A change to a file that keeps its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// These bytes become zeros.
    Zero {
        /// Offset in the file.
        at: u64,
        /// How many.
        len: u64,
    },
    /// These bytes stand there.
    Write {
        /// Offset in the file.
        at: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// A file and the block of it that was read last.
#[derive(Debug)]
pub struct Film<R> {
    inner: R,
    len: u64,
    block: Vec<u8>,
    block_at: u64,
}

impl<R: Read + Seek> Film<R> {
    /// Looks at a file.
    ///
    /// # Errors
    /// If it cannot be measured.
    pub fn new(mut inner: R) -> Result<Self, Error> {
        let len = inner.seek(SeekFrom::End(0))?;
        Ok(Self { inner, len, block: Vec::new(), block_at: 0 })
    }

    /// Length of the file, bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Fills a buffer from an offset.
    ///
    /// # Errors
    /// [`Error::CutShort`] if the file ends before.
    pub fn read(&mut self, at: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let mut at = at;
        let mut filled = 0;
        while filled < buffer.len() {
            if at >= self.len {
                return Err(Error::CutShort);
            }
            let inside = at.checked_sub(self.block_at).and_then(|skip| usize::try_from(skip).ok());
            let Some(have) = inside.and_then(|skip| self.block.get(skip..)).filter(|have| !have.is_empty())
            else {
                self.load(at)?;
                continue;
            };
            let count = have.len().min(buffer.len() - filled);
            buffer[filled..filled + count].copy_from_slice(&have[..count]);
            filled += count;
            at += count as u64;
        }
        Ok(())
    }

    fn load(&mut self, at: u64) -> Result<(), Error> {
        self.inner.seek(SeekFrom::Start(at))?;
        let most = usize::try_from(self.len - at).unwrap_or(usize::MAX).min(BLOCK_LEN);
        self.block.clear();
        self.block.resize(most, 0);
        self.block_at = at;
        self.inner.read_exact(&mut self.block).map_err(Error::Io)
    }

    /// An array from an offset.
    ///
    /// # Errors
    /// As [`Film::read`].
    pub fn array<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.read(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Bytes from an offset, if there are so many and not too many.
    ///
    /// # Errors
    /// [`Error::CutShort`]; [`Error::TooMany`] above the limit.
    pub fn bytes(&mut self, at: u64, len: u64, what: &'static str, max: u64) -> Result<Vec<u8>, Error> {
        if len > max {
            return Err(Error::TooMany { what, max });
        }
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Error::CutShort);
        }
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| Error::CutShort)?];
        self.read(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Whether a file is already as the edits would make it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn is_already(&mut self, edits: &[Edit]) -> Result<bool, Error> {
        let mut piece = vec![0; BLOCK_LEN];
        for edit in edits {
            match edit {
                Edit::Write { at, bytes } => {
                    let mut there = vec![0; bytes.len()];
                    self.read(*at, &mut there)?;
                    if there != *bytes {
                        return Ok(false);
                    }
                }
                Edit::Zero { at, len } => {
                    let (mut at, end) = (*at, at.saturating_add(*len));
                    while at < end {
                        let count = usize::try_from(end - at).unwrap_or(usize::MAX).min(BLOCK_LEN);
                        self.read(at, &mut piece[..count])?;
                        if piece[..count].iter().any(|byte| *byte != 0) {
                            return Ok(false);
                        }
                        at += count as u64;
                    }
                }
            }
        }
        Ok(true)
    }
}

/// Carries out edits.
///
/// # Errors
/// If the disk does not take them; the file is then half-changed and of no use.
pub fn apply(file: &mut (impl Write + Seek), edits: &[Edit]) -> Result<(), Error> {
    let zeros = vec![0; BLOCK_LEN];
    for edit in edits {
        match edit {
            Edit::Write { at, bytes } => {
                file.seek(SeekFrom::Start(*at))?;
                file.write_all(bytes)?;
            }
            Edit::Zero { at, len } => {
                file.seek(SeekFrom::Start(*at))?;
                let mut left = *len;
                while left > 0 {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(BLOCK_LEN);
                    file.write_all(&zeros[..count])?;
                    left -= count as u64;
                }
            }
        }
    }
    file.flush()?;
    Ok(())
}
