//! Sharing a moment on, and what proves to others who wrote one.

use axum::Json as Answer;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tidings::ask::{AudienceWords, ShareDraft};
use tidings::client::Evidence;
use utoipa::ToSchema;

use super::guard::{Need, Permit, Post, Read, allow};
use super::input::{Json, Params, Parted};
use super::moments::PostParams;
use crate::error::Result;
use crate::limits::BLOB_WAIT_LIMIT_MS;

/// A moment to be shared on, to an audience of one's own.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewShare {
    /// One's own words; at most 8 KiB, may be empty.
    pub text: String,
    /// Whom it mentions.
    pub mentions: Vec<String>,
    /// Tags or friends who may see it; empty = everyone.
    pub to: Vec<String>,
    /// Tags or friends who may not.
    pub except: Vec<String>,
    /// Only me.
    pub private: bool,
}

/// Shares on a moment whose author allowed it.
#[utoipa::path(post, path = "/api/v1/moments/{id}/share", tag = "moments", params(("id" = String, Path), PostParams),
    request_body = NewShare,
    responses((status = 201, body = super::schema::Moment), (status = 200, description = "With `dry_run`", body = super::schema::DryRun)))]
pub async fn share(
    permit: Permit<Post>,
    Parted(id): Parted<String>,
    Params(params): Params<PostParams>,
    Json(new): Json<NewShare>,
) -> Result<Response> {
    let NewShare { text, mentions, to, except, private } = new;
    let draft = ShareDraft { moment: id, text, mentions, audience: AudienceWords { to, except, private } };
    let client = permit.client().await?;
    if params.dry_run {
        // It tells who my friends are.
        allow(&permit.caller, Read::SCOPES)?;
        return Ok(Answer(client.share_dry_run(draft).await?).into_response());
    }
    let wait_ms = if permit.app.has_network() { BLOB_WAIT_LIMIT_MS } else { 0 };
    Ok((StatusCode::CREATED, Answer(client.share(draft, wait_ms).await?)).into_response())
}

/// What is signed of a moment that may be shared on, for others to check.
#[utoipa::path(get, path = "/api/v1/moments/{id}/evidence", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Evidence)))]
pub async fn evidence(permit: Permit<Read>, Parted(id): Parted<String>) -> Result<Answer<Evidence>> {
    Ok(Answer(permit.client().await?.evidence(&id).await?))
}
