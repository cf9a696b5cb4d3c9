//! Drafts and their files: sealed as they come, opened for whoever wrote them, removed with them.
//!
//! The files lie in a folder of their own (`drafts/`, in the form of `blobs/`), so that nothing that serves, counts or
//! evicts blobs ever meets one. A file is on the disk before its draft names it, and is removed after the draft has
//! stopped naming it: what a crash leaves between the two is swept when the home is opened.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::blobs::{OpenBlob, blob_error, seal_from};
use super::{Client, Error, Result, blocking};
use crate::id::{BlobId, DraftId};
use crate::service::{Service, store_error};
use crate::store::blobs::BlobFiles;
use crate::view::{DraftFile, KeptDraft, Part};

const FOLDER: &str = "drafts";

/// Opens the folder and sweeps what no draft names.
pub(super) fn open(home: &Path, service: &Service) -> Result<BlobFiles> {
    let failed = |error: &crate::store::blobs::Error| {
        Error::failed("drafts_failed", error.to_string(), "look at the home's rights")
    };
    let files = BlobFiles::open(&home.join(FOLDER)).map_err(|error| failed(&error))?;
    let named = service.draft_blobs().map_err(|error| store_error(&error))?;
    for (blob, _) in files.list().map_err(|error| failed(&error))? {
        if !named.contains(&blob) {
            files.remove(blob).map_err(|error| failed(&error))?;
        }
    }
    Ok(files)
}

impl Client {
    /// All drafts, the one kept last first.
    ///
    /// # Errors
    /// Failed if the disk refuses.
    pub async fn drafts(&self) -> Result<Vec<KeptDraft>> {
        self.call(|service| service.drafts()).await
    }

    /// Keeps what a draft says now, and which of its files it still has, in their order; makes it if it is new. Stored and
    /// flushed when this returns.
    ///
    /// # Errors
    /// Refused above a limit; not found for a file that it never had.
    pub async fn keep_draft(&self, id: DraftId, words: String, files: Vec<BlobId>) -> Result<KeptDraft> {
        let (kept, gone) = self.call(move |service| service.keep_draft(id, words, &files)).await?;
        self.remove_draft_files(gone).await?;
        Ok(kept)
    }

    /// Reads a file of so many bytes to its end, seals it on the way and adds it to a draft. Nothing of it is ever on the
    /// disk in the clear.
    ///
    /// # Cancel
    /// May be dropped: what has begun is finished, and belongs to the draft.
    ///
    /// # Errors
    /// Not found without the draft; refused above a limit or if the disk is full; failed if the source ends too early.
    pub async fn add_draft_file(
        &self,
        id: DraftId,
        (part, mime): (Part, String),
        source: impl Read + Send + 'static,
        bytes: u64,
    ) -> Result<DraftFile> {
        // To its end, even if whoever asked is gone by then: between the file and the record that names it, nothing may
        // stop, or the file would lie there, named by nobody, until the home is opened again.
        let client = self.clone();
        let adding = async move { client.add_file(id, (part, mime), source, bytes).await };
        tokio::spawn(adding).await.map_err(|_| {
            Error::failed("internal", "a worker of the node broke", "restart it; if it stays, report it")
        })?
    }

    async fn add_file(
        &self,
        id: DraftId,
        (part, mime): (Part, String),
        mut source: impl Read + Send + 'static,
        bytes: u64,
    ) -> Result<DraftFile> {
        let asked = mime.clone();
        self.call(move |service| service.check_draft_file(&id, &asked, bytes)).await?;
        let files = Arc::clone(&self.inner.drafts);
        let sealed = blocking(move || seal_from(&files, &mut source, bytes)).await?;
        let blob = sealed.id;
        let added = self.call(move |service| service.add_draft_file(&id, part, &mime, &sealed)).await;
        if added.is_err() {
            self.remove_draft_files(vec![blob]).await?;
        }
        added
    }

    /// Opens a file of a draft.
    ///
    /// # Errors
    /// Not found.
    pub async fn draft_file(&self, id: DraftId, blob: BlobId) -> Result<OpenBlob> {
        let (key, bytes) = self.call(move |service| service.draft_file(&id, &blob)).await?;
        let files = Arc::clone(&self.inner.drafts);
        blocking(move || {
            let file = files.read(blob).map_err(|error| blob_error(&error))?;
            Ok(OpenBlob::of_mine(file, key, bytes))
        })
        .await
    }

    /// Forgets a draft and its files; nothing if there is none.
    ///
    /// # Errors
    /// Failed if the disk refuses.
    pub async fn drop_draft(&self, id: DraftId) -> Result<()> {
        let gone = self.call(move |service| service.drop_draft(&id)).await?;
        self.remove_draft_files(gone).await
    }

    async fn remove_draft_files(&self, gone: Vec<BlobId>) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        let files = Arc::clone(&self.inner.drafts);
        blocking(move || {
            for blob in gone {
                files.remove(blob).map_err(|error| blob_error(&error))?;
            }
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;
    use crate::client::Config;

    /// A file whose bytes come when the test says so.
    struct Slow {
        begun: SyncSender<()>,
        go_on: Receiver<()>,
        rest: usize,
    }

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.rest > 0 {
                // Nobody may be listening any more.
                let _ = self.begun.try_send(());
                self.go_on.recv().expect("the test goes on");
            }
            let len = self.rest.min(buffer.len());
            buffer[..len].fill(7);
            self.rest -= len;
            Ok(len)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_that_nobody_waits_for_any_more_belongs_to_its_draft() {
        let home = tempfile::tempdir().unwrap();
        Client::create_identity(home.path(), "Ada").unwrap();
        let client = Client::open(Config { network: false, ..Config::new(home.path()) }).await.unwrap();
        let id = DraftId::from_bytes([3; 16]);
        client.keep_draft(id, "half".into(), Vec::new()).await.unwrap();
        let (begun, has_begun) = sync_channel(1);
        let (go, go_on) = sync_channel(1);
        let adding = tokio::spawn({
            let client = client.clone();
            let file = Slow { begun, go_on, rest: 1_000 };
            async move { client.add_draft_file(id, (Part::Photo, "image/jpeg".into()), file, 1_000).await }
        });
        tokio::task::spawn_blocking(move || has_begun.recv()).await.unwrap().unwrap();
        // Whoever asked is gone while the file is being sealed.
        adding.abort();
        assert!(adding.await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
        let files = loop {
            let drafts = client.drafts().await.unwrap();
            if !drafts[0].files.is_empty() {
                break drafts[0].files.clone();
            }
            tokio::task::yield_now().await;
        };
        let lying: Vec<_> = client.inner.drafts.list().unwrap().into_iter().map(|(blob, _)| blob).collect();
        assert_eq!(lying, [files[0].id], "what lies there has a name");
        client.drop_draft(id).await.unwrap();
        assert!(client.inner.drafts.list().unwrap().is_empty());
        client.close().await.unwrap();
    }
}
