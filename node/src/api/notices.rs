//! What concerns me: notices, what gives none, and what I take away beneath my moments.

#![expect(unused_qualifications, reason = "utoipa's macro writes them for query parameters")]

use axum::Json as Answer;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::ask::NoticesQuery;
use tidings::view::Notices;
use utoipa::{IntoParams, ToSchema};

use super::guard::{Permit, Person, Post, Read};
use super::input::{Json, Params, Parted};
use super::node::done;
use crate::error::{Error, Result};

/// Which part of the notices.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NoticesParams {
    /// How many; 20 if left out.
    #[param(minimum = 1, maximum = 5_000)]
    limit: Option<usize>,
    /// The `next` of an earlier page.
    before: Option<String>,
}

/// Likes, comments, replies and mentions that concern me, newest first.
#[utoipa::path(get, path = "/api/v1/notices", tag = "notices", params(NoticesParams),
    responses((status = 200, body = super::schema::Notices)))]
pub async fn list(permit: Permit<Read>, Params(params): Params<NoticesParams>) -> Result<Answer<Notices>> {
    if params.limit == Some(0) {
        return Err(Error::usage("bad_limit", "a page has at least one notice", "ask for 1 to 5,000"));
    }
    let query = NoticesQuery { limit: params.limit.unwrap_or(0), before: params.before };
    Ok(Answer(permit.client().await?.notices(query).await?))
}

/// Up to where notices are read.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReadUntil {
    /// The newest notice that is read, by the beginning of its id; all if left out.
    pub until: Option<String>,
}

/// Marks notices as read.
#[utoipa::path(post, path = "/api/v1/notices/read", tag = "notices", request_body = ReadUntil,
    responses((status = 200, body = super::schema::NoticesRead)))]
pub async fn read(permit: Permit<Person>, Json(until): Json<ReadUntil>) -> Result<Answer<Value>> {
    let unread = permit.client().await?.read_notices(until.until).await?;
    Ok(Answer(json!({"ok": true, "unread": unread})))
}

/// Gives no notices about a moment, or from a friend (`@NAME`), any more.
#[utoipa::path(put, path = "/api/v1/mutes/{word}", tag = "notices", params(("word" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn mute(permit: Permit<Person>, Parted(word): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.mute(&word).await?)))
}

/// Ends a mute.
#[utoipa::path(delete, path = "/api/v1/mutes/{word}", tag = "notices", params(("word" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn unmute(permit: Permit<Person>, Parted(word): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.unmute(&word).await?)))
}

/// Takes away what somebody said beneath a moment of mine.
#[utoipa::path(put, path = "/api/v1/comments/{id}/hide", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn hide(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.hide(&id).await?)))
}
