//! Hashing a file into its id, and writing it on the way.
//!
//! The disk is asked to begin with what was written while more is on its way, so that the sync at the end, which alone
//! counts, has little left to do. It begins through a handle that was opened for it: a disk tells each opened file of an error
//! once, and what it tells this one it would not tell the one that counts.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::thread::{Builder, JoinHandle};

use super::Error;
use crate::blob::{Shape, Tree, TreeBuilder};
use crate::id::BlobId;
use crate::limits::{BLOB_BUFFER_LEN, BLOB_GROUP_LEN, BLOB_SYNC_LEN};

/// Writes everything a source has and hashes it on the way.
pub(super) fn write_and_hash(
    source: &mut dyn Read,
    file: &mut File,
    path: &Path,
) -> Result<(BlobId, Tree), Error> {
    let mut unsynced = 0usize;
    let mut syncing: Option<JoinHandle<()>> = None;
    each_piece(source, path, &mut |piece| {
        file.write_all(piece).map_err(Error::io("writing", path))?;
        unsynced = unsynced.saturating_add(piece.len());
        if unsynced >= BLOB_SYNC_LEN && syncing.as_ref().is_none_or(JoinHandle::is_finished) {
            unsynced = 0;
            syncing = begin_sync(path);
        }
        Ok(())
    })
}

/// Lets the disk begin; where no thread can be had, it has more to do at the end.
fn begin_sync(path: &Path) -> Option<JoinHandle<()>> {
    let file = OpenOptions::new().write(true).open(path).ok()?;
    // What this one says does not count.
    Builder::new().spawn(move || drop(file.sync_data())).ok()
}

/// Hashes everything a source has.
pub(super) fn hash(source: &mut dyn Read, path: &Path) -> Result<(BlobId, Tree), Error> {
    each_piece(source, path, &mut |_| Ok(()))
}

fn each_piece(
    source: &mut dyn Read,
    path: &Path,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<(BlobId, Tree), Error> {
    let mut builder = TreeBuilder::new();
    // Whole groups, so that only the last one of all can be short.
    let mut buffer = vec![0; BLOB_BUFFER_LEN];
    let mut bytes = 0u64;
    loop {
        let len = read_full(source, &mut buffer).map_err(Error::io("reading", path))?;
        let Some(piece) = buffer.get(..len).filter(|piece| !piece.is_empty()) else { break };
        bytes = bytes.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        Shape::new(bytes)?;
        piece.chunks(BLOB_GROUP_LEN).for_each(|group| builder.push(group));
        take(piece)?;
    }
    Ok(builder.finish()?)
}

/// Reads until the buffer is full or the source ends; returns how much there was.
fn read_full(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(len) => filled = filled.saturating_add(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

const _: () = assert!(BLOB_BUFFER_LEN.is_multiple_of(BLOB_GROUP_LEN), "a buffer holds whole groups");
