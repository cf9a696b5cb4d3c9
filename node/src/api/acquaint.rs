//! Blocking, introducing, and looking at a request.

use axum::Json as Answer;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::view::{Friend, RequestShown};
use utoipa::ToSchema;

use super::guard::{Permit, Person};
use super::input::{Json, Parted};
use super::node::{done, merge};
use crate::error::Result;

/// Blocks a friend, silently: they do not reach me and I do not see theirs.
#[utoipa::path(put, path = "/api/v1/friends/{who}/block", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Friend)))]
pub async fn block(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<Friend>> {
    Ok(Answer(permit.client().await?.block_friend(&who).await?))
}

/// Puts somebody who is blocked back as they were.
#[utoipa::path(delete, path = "/api/v1/friends/{who}/block", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Friend)))]
pub async fn unblock(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<Friend>> {
    Ok(Answer(permit.client().await?.unblock_friend(&who).await?))
}

/// One request, with the moments that the other shows to strangers.
#[utoipa::path(get, path = "/api/v1/requests/{who}", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::RequestShown)))]
pub async fn request(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<RequestShown>> {
    Ok(Answer(permit.online().await?.request(&who).await?))
}

/// Two friends, by a prefix of their ids or by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// One.
    pub a: String,
    /// The other.
    pub b: String,
}

/// Offers two friends to each other.
#[utoipa::path(post, path = "/api/v1/introductions", tag = "people", request_body = Pair,
    responses((status = 200, body = super::schema::Introduced)))]
pub async fn introduce(permit: Permit<Person>, Json(pair): Json<Pair>) -> Result<Answer<Value>> {
    let introduced = permit.client().await?.introduce(&pair.a, &pair.b).await?;
    let mut answer = done(introduced.id);
    merge(&mut answer, &json!({"people": introduced.people}));
    Ok(Answer(answer))
}
