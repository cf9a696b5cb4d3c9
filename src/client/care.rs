//! Pages of moments, albums, search, pins and favourites.
//!
//! What reads many moments is asked for in steps, each a job of its own on the service's thread, so that a search
//! through everything and a page of ten thousand keep nobody else waiting.

use super::{Client, Result};
use crate::ask::{AlbumQuery, FavesQuery, TimelineQuery};
use crate::id::EntryId;
use crate::limits::TIMELINE_DEFAULT;
use crate::service::Reading;
use crate::view;

impl Client {
    /// One page of the timeline: everybody's moments, one person's, or those that a search finds.
    ///
    /// # Errors
    /// Usage for a cursor that is none, or a search for nothing; not found for an unknown person; refused above a limit.
    pub async fn timeline(&self, query: TimelineQuery) -> Result<view::Page> {
        let reading = self.call(move |service| service.begin_timeline(&query)).await?;
        self.read(reading).await
    }

    /// One page of somebody's moments, with the months that hold any.
    ///
    /// # Errors
    /// Usage for a cursor that is none; not found for an unknown person; refused above the limit.
    pub async fn album(&self, query: AlbumQuery) -> Result<view::Album> {
        // A home of an earlier release is indexed by and by; who asks for an album waits for the rest of it.
        while !self.call(|service| Ok(service.fill_index()?)).await? {}
        let (album, reading) = self.call(move |service| service.begin_album(&query)).await?;
        let view::Page { moments, next, .. } = self.read(reading).await?;
        Ok(view::Album { moments, next, ..album })
    }

    /// My favourites, the newest mark first.
    ///
    /// # Errors
    /// Usage for a cursor that is none; refused above the limit.
    pub async fn faves(&self, query: FavesQuery) -> Result<view::Page> {
        let limit = if query.limit == 0 { TIMELINE_DEFAULT } else { query.limit };
        let mut page = self.call(move |service| service.faves(&FavesQuery { limit, ..query })).await?;
        while let Some(before) = page.next.take_if(|_| page.moments.len() < limit) {
            let left = limit.saturating_sub(page.moments.len());
            let query = FavesQuery { limit: left, before: Some(before) };
            let more = self.call(move |service| service.faves(&query)).await?;
            page.moments.extend(more.moments);
            page.next = more.next;
        }
        Ok(page)
    }

    /// Pins one of my moments to the top of my album.
    ///
    /// # Errors
    /// Not found; refused for somebody else's, and above the limit.
    pub async fn pin(&self, id: &str) -> Result<EntryId> {
        let id = id.to_owned();
        self.call(move |service| service.pin(&id)).await
    }

    /// Takes a pin off again.
    ///
    /// # Errors
    /// Not found; refused for somebody else's.
    pub async fn unpin(&self, id: &str) -> Result<EntryId> {
        let id = id.to_owned();
        self.call(move |service| service.unpin(&id)).await
    }

    /// Puts a moment among my favourites: it is kept, with its pictures.
    ///
    /// # Errors
    /// Not found; refused above the limit.
    pub async fn fave(&self, id: &str) -> Result<EntryId> {
        let id = id.to_owned();
        self.call(move |service| service.fave(&id)).await
    }

    /// Takes a moment out of my favourites.
    ///
    /// # Errors
    /// Not found.
    pub async fn unfave(&self, id: &str) -> Result<EntryId> {
        let id = id.to_owned();
        self.call(move |service| service.unfave(&id)).await
    }

    async fn read(&self, mut reading: Reading) -> Result<view::Page> {
        while !reading.is_done() {
            reading = self
                .call(move |service| {
                    service.read_on(&mut reading)?;
                    Ok(reading)
                })
                .await?;
        }
        Ok(reading.into_page())
    }
}
