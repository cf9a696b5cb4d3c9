//! Albums, pins and favourites.

#![expect(unused_qualifications, reason = "utoipa's macro writes them for query parameters")]

use axum::Json as Answer;
use serde::Deserialize;
use serde_json::Value;
use tidings::ask::{AlbumQuery, FavesQuery};
use tidings::time::Month;
use tidings::view::{Album, Page};
use utoipa::IntoParams;

use super::guard::{Permit, Post, Read};
use super::input::{Params, Parted};
use super::node::done;
use crate::error::{Error, Result};

/// Whose moments, and which of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlbumParams {
    /// Whose; `me`, and whoever leaves it out, sees one's own.
    from: Option<String>,
    /// Only this month, `YYYY-MM`, UTC.
    month: Option<String>,
    /// How many moments; 20 if left out.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// The `next` of an earlier page.
    before: Option<String>,
}

/// Somebody's moments, newest first, and the months that hold any.
#[utoipa::path(get, path = "/api/v1/album", tag = "moments", params(AlbumParams),
    responses((status = 200, body = super::schema::Album)))]
pub async fn album(permit: Permit<Read>, Params(params): Params<AlbumParams>) -> Result<Answer<Album>> {
    let query = AlbumQuery {
        from: params.from,
        month: params.month.as_deref().map(month).transpose()?,
        limit: limit(params.limit)?,
        before: params.before,
    };
    Ok(Answer(permit.client().await?.album(query).await?))
}

fn month(text: &str) -> Result<Month> {
    text.parse().map_err(|error| {
        Error::usage("bad_month", format!("`{text}` is no month: {error}"), "write it as 2026-11")
    })
}

/// How many moments a page shall have; 0 if nothing was said.
pub fn limit(asked: Option<usize>) -> Result<usize> {
    match asked {
        Some(0) => Err(Error::usage("bad_limit", "a page has at least one moment", "ask for 1 to 10,000")),
        asked => Ok(asked.unwrap_or(0)),
    }
}

/// Which favourites.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FavesParams {
    /// How many moments; 20 if left out.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// The `next` of an earlier page.
    before: Option<String>,
}

/// My favourites, the newest mark first.
#[utoipa::path(get, path = "/api/v1/faves", tag = "moments", params(FavesParams),
    responses((status = 200, body = super::schema::Page)))]
pub async fn faves(permit: Permit<Read>, Params(params): Params<FavesParams>) -> Result<Answer<Page>> {
    let query = FavesQuery { limit: limit(params.limit)?, before: params.before };
    Ok(Answer(permit.client().await?.faves(query).await?))
}

/// Pins one of my moments to the top of my album.
#[utoipa::path(put, path = "/api/v1/moments/{id}/pin", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn pin(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.pin(&id).await?)))
}

/// Takes a pin off again.
#[utoipa::path(delete, path = "/api/v1/moments/{id}/pin", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn unpin(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.unpin(&id).await?)))
}

/// Puts a moment among my favourites.
#[utoipa::path(put, path = "/api/v1/moments/{id}/fave", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn fave(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.fave(&id).await?)))
}

/// Takes a moment out of my favourites.
#[utoipa::path(delete, path = "/api/v1/moments/{id}/fave", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn unfave(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.unfave(&id).await?)))
}
