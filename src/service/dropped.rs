//! Pictures that nothing names any more: their files go with the step that dropped them, whatever is cut short.
//!
//! A file is removed after its step is kept, and the power may be cut between the two. So the step leaves a record in the
//! blob's place, which a start reads as "remove this file", and which goes once the removal is a while ago: a friend who
//! posts and withdraws for ever leaves nothing behind.
//!
//! ```text
//!  step ─▶ record, file removed ─▶ a minute later: record removed
//!             └─ power cut ─▶ start: file removed, record removed
//! ```
//!
//! Source: docs/protocol.md 3.15.

use super::wants::DROPPED;
use super::{Output, Service};
use crate::id::BlobId;
use crate::limits::MAINTAIN_INTERVAL_MS;
use crate::store::{StoreError, Tree};

impl Service {
    /// A blob goes from here: its file with the step, or at the next start if that is cut short.
    pub(super) fn drop_blob(&mut self, blob: &BlobId) {
        self.tx.put(Tree::Blobs, blob.as_bytes(), vec![DROPPED]);
        self.wants.dropped.push_back((self.now, *blob));
        self.held.push(Output::RemoveBlob(*blob));
    }

    /// Removes at start what was dropped before, whether its file was still removed or not.
    pub(super) fn remove_dropped(&mut self) {
        for (_, blob) in std::mem::take(&mut self.wants.dropped) {
            self.tx.remove(Tree::Blobs, blob.as_bytes());
            self.held.push(Output::RemoveBlob(blob));
        }
    }

    /// Forgets what was dropped a while ago: the disk has seen the removal. One that is here again stays.
    pub(super) fn forget_dropped(&mut self) -> Result<(), StoreError> {
        while let Some((since, blob)) = self.wants.dropped.front().copied() {
            if self.now.since(since) < MAINTAIN_INTERVAL_MS {
                break;
            }
            self.wants.dropped.pop_front();
            if self.tx.get(Tree::Blobs, blob.as_bytes())?.is_some_and(|value| value == [DROPPED]) {
                self.tx.remove(Tree::Blobs, blob.as_bytes());
            }
        }
        Ok(())
    }
}
