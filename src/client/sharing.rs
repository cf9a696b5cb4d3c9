//! Sharing on, and showing to others what somebody signed.

use std::sync::Arc;
use std::time::Duration;

use super::evidence::Evidence;
use super::{BLOB_PAUSE, Client, Error, Result, blocking, reseal};
use crate::ask::{ShareDraft, SharedMedium};
use crate::id::BlobId;
use crate::view;

impl Client {
    /// Who would be able to read a moment that is shared on; refuses what [`Client::share`] would refuse.
    ///
    /// # Errors
    /// Not found for the moment or an audience word; refused if it may not be shared on.
    pub async fn share_dry_run(&self, draft: ShareDraft) -> Result<view::DryRun> {
        self.call(move |service| {
            service.shared_media(&draft)?;
            service.dry_run(&draft.audience)
        })
        .await
    }

    /// Shares a moment on that may be. Its pictures are sealed anew; those that are not here yet are waited for, up to
    /// `wait_ms` in all. Stored and flushed when this returns.
    ///
    /// # Errors
    /// Not found for the moment or an audience word; refused if it may not be shared on, if a picture is not here in
    /// time or is not the one that was signed, or above a limit.
    pub async fn share(&self, draft: ShareDraft, wait_ms: u64) -> Result<view::Moment> {
        let asked = draft.clone();
        let media = self.call(move |service| service.shared_media(&asked)).await?;
        let mut left = Duration::from_millis(wait_ms);
        for blob in media.iter().flat_map(SharedMedium::blobs) {
            self.wait_for_blob(&blob, &mut left).await?;
        }
        let files = Arc::clone(&self.inner.blobs);
        let new = blocking(move || {
            let mut new = Vec::new();
            for medium in &media {
                match anew(&files, medium) {
                    Ok(sealed) => new.push(sealed),
                    Err(error) => {
                        new.iter().flat_map(SharedMedium::blobs).for_each(|id| reseal::discard(&files, &id));
                        return Err(error);
                    }
                }
            }
            Ok(new)
        })
        .await?;
        let sealed: Vec<BlobId> = new.iter().flat_map(SharedMedium::blobs).collect();
        let shared = self.call(move |service| service.share_on(&draft, &new)).await;
        if shared.is_err() {
            let files = Arc::clone(&self.inner.blobs);
            blocking(move || {
                sealed.iter().for_each(|id| reseal::discard(&files, id));
                Ok(())
            })
            .await?;
        }
        shared
    }

    /// What proves to anybody who wrote a moment, if its author signed that it may be shared on.
    ///
    /// # Errors
    /// Not found; refused if nothing proves it.
    pub async fn evidence(&self, id: &str) -> Result<Evidence> {
        let id = id.to_owned();
        let (from, blobs) = self.call(move |service| service.evidence(&id)).await?;
        Ok(Evidence::new(&from, &blobs))
    }

    /// Waits until a blob that a moment names is here.
    async fn wait_for_blob(&self, blob: &BlobId, left: &mut Duration) -> Result<()> {
        let id = *blob;
        loop {
            let (_, is_here) = self.call(move |service| service.blob(&id)).await?;
            if is_here {
                return Ok(());
            }
            if left.is_zero() {
                return Err(Error::refused(
                    "picture_not_here",
                    "a picture of this moment has not arrived yet, so it cannot be shared on",
                    "try again when its author or a mutual friend is online",
                ));
            }
            *left = left.saturating_sub(BLOB_PAUSE);
            tokio::time::sleep(BLOB_PAUSE).await;
        }
    }
}

fn anew(files: &crate::store::blobs::BlobFiles, medium: &SharedMedium) -> Result<SharedMedium> {
    let picture = reseal::reseal(files, &medium.picture)?;
    let preview = medium.preview.as_ref().map(|preview| reseal::reseal(files, preview)).transpose();
    match preview {
        Ok(preview) => Ok(SharedMedium { picture, preview }),
        Err(error) => {
            reseal::discard(files, &picture.id);
            Err(error)
        }
    }
}
