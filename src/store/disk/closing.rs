//! Closing a store so that it opens fast: sled writes a snapshot of where its pages lie only while it opens.
//!
//! Without one, the next start reads everything that was logged since the last start. So a store into which much was
//! written is opened once more when it is closed, by nobody's eyes, and closed at once. After a crash there is none of
//! this, and the start reads the log.
//!
//! Source: sled 0.34.7's `pagecache/snapshot.rs`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{DiskConfig, open_sled};
use crate::limits::STORE_SNAPSHOT_BYTES;

/// What is done once sled's handles are gone, and the home is still ours.
#[derive(Debug)]
pub(super) struct Closing {
    store: PathBuf,
    config: DiskConfig,
    /// Bytes written into sled, about.
    written: AtomicU64,
}

impl Closing {
    pub(super) const fn new(store: PathBuf, config: DiskConfig) -> Self {
        Self { store, config, written: AtomicU64::new(0) }
    }

    /// So many bytes go into sled.
    pub(super) fn note(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_worth_it(&self) -> bool {
        self.written.load(Ordering::Relaxed) >= STORE_SNAPSHOT_BYTES && !std::thread::panicking()
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if self.is_worth_it()
            && let Err(error) = open_sled(&self.store, &self.config)
        {
            // Nothing is lost: the next start does it, or says what is wrong.
            tracing::warn!(%error, "the store was closed without a snapshot");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::suite::on_disk::open;
    use crate::store::{Batch, Store as _, Tree};

    #[test]
    fn a_store_is_opened_once_more_from_the_limit_on() {
        let closing = Closing::new(PathBuf::new(), DiskConfig::default());
        closing.note(STORE_SNAPSHOT_BYTES - 1);
        assert!(!closing.is_worth_it());
        closing.note(1);
        assert!(closing.is_worth_it());
        closing.written.store(0, Ordering::Relaxed);
    }

    #[test]
    fn a_store_that_much_was_written_to_leaves_a_snapshot_that_knows_it() {
        let home = tempfile::tempdir().expect("folder");
        let snapshots = || -> Vec<String> {
            let entries = std::fs::read_dir(home.path().join("store")).expect("folder");
            let names = entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned());
            names.filter(|name| name.starts_with("snap.")).collect()
        };
        let write = |bytes: u64| {
            let disk = open(home.path());
            let mut batch = Batch::new();
            for n in 0..bytes / 1_024 {
                batch.insert(Tree::Log, n.to_be_bytes(), vec![1; 1_024]);
            }
            disk.apply(batch).expect("applied");
            disk.barrier().expect("barrier");
            snapshots()
        };
        assert_eq!(write(10 * 1_024), snapshots(), "little was written");
        let before = write(STORE_SNAPSHOT_BYTES);
        let after = snapshots();
        assert!(after.len() == 1 && after != before, "{before:?} {after:?}");
        let disk = open(home.path());
        assert_eq!(disk.get(Tree::Log, &7u64.to_be_bytes()).expect("get"), Some(vec![1; 1_024]));
    }
}
