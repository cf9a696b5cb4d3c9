//! My pictures and my status, as friends see them.
//!
//! A picture is the body of its request, as the file stands on the disk; what friends get is made from it here.

use axum::Json as Answer;
use axum::extract::Request;
use serde::{Deserialize, Serialize};
use tidings::ask::{PictureChange, PictureDraft, ProfileDraft, StatusDraft};
use tidings::id::EntryId;
use tidings::view::{Profile, StatusLine};
use utoipa::ToSchema;

use super::guard::{Permit, Person, Post};
use super::input::Json;
use super::upload;
use crate::error::{Error, Result};
use crate::media::{self, Shape};

/// Sets my small picture: the body is a JPEG, PNG, WebP or GIF. It is cut square from the middle.
#[utoipa::path(put, path = "/api/v1/profile/avatar", tag = "me",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = super::schema::Profile)))]
pub async fn set_avatar(permit: Permit<Person>, request: Request) -> Result<Answer<Profile>> {
    let avatar = set(&permit, request, Shape::Avatar).await?;
    change(&permit, ProfileDraft { avatar, ..ProfileDraft::default() }).await
}

/// Takes my small picture away.
#[utoipa::path(delete, path = "/api/v1/profile/avatar", tag = "me",
    responses((status = 200, body = super::schema::Profile)))]
pub async fn remove_avatar(permit: Permit<Person>) -> Result<Answer<Profile>> {
    change(&permit, ProfileDraft { avatar: PictureChange::Remove, ..ProfileDraft::default() }).await
}

/// Sets the large picture above my album: the body is a JPEG, PNG, WebP or GIF.
#[utoipa::path(put, path = "/api/v1/profile/cover", tag = "me",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = super::schema::Profile)))]
pub async fn set_cover(permit: Permit<Person>, request: Request) -> Result<Answer<Profile>> {
    let cover = set(&permit, request, Shape::Cover).await?;
    change(&permit, ProfileDraft { cover, ..ProfileDraft::default() }).await
}

/// Takes my large picture away.
#[utoipa::path(delete, path = "/api/v1/profile/cover", tag = "me",
    responses((status = 200, body = super::schema::Profile)))]
pub async fn remove_cover(permit: Permit<Person>) -> Result<Answer<Profile>> {
    change(&permit, ProfileDraft { cover: PictureChange::Remove, ..ProfileDraft::default() }).await
}

async fn change(permit: &Permit<Person>, draft: ProfileDraft) -> Result<Answer<Profile>> {
    Ok(Answer(permit.client().await?.set_profile(draft).await?))
}

async fn set(permit: &Permit<Person>, request: Request, shape: Shape) -> Result<PictureChange> {
    let client = permit.client().await?;
    let internal = |e: tokio::sync::AcquireError| Error::failed("internal", e.to_string(), "try again");
    let turn = permit.app.uploads.acquire().await.map_err(internal)?;
    let bytes = upload::picture_of(request).await?;
    let made =
        media::prepare_portrait(bytes, shape).await.map_err(|e| upload::not_taken(&e, "the picture"))?;
    drop(turn);
    let picture = client.seal_blob(made.bytes).await?;
    let (mime, width, height) = (made.mime.to_owned(), made.width, made.height);
    Ok(PictureChange::Set(Box::new(PictureDraft { picture, mime, width, height, thumbhash: made.thumbhash })))
}

/// What I am at, for a while: words, an emoji or both.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewStatus {
    /// At most 200 bytes.
    pub text: String,
    /// At most 40 bytes.
    pub emoji: String,
    /// How long, seconds: a day if left out, at most seven.
    #[serde(rename = "for")]
    #[schema(minimum = 1, maximum = 604_800)]
    pub seconds: Option<u64>,
}

/// What became of my status.
#[derive(Debug, Serialize)]
pub struct StatusSet {
    ok: bool,
    id: Option<EntryId>,
    status: Option<StatusLine>,
}

/// Tells friends what I am at, until it ends.
#[utoipa::path(put, path = "/api/v1/profile/status", tag = "me", request_body = NewStatus,
    responses((status = 200, body = super::schema::StatusSet)))]
pub async fn set_status(permit: Permit<Post>, Json(new): Json<NewStatus>) -> Result<Answer<StatusSet>> {
    let life_ms = new.seconds.map(|seconds| seconds.saturating_mul(1_000));
    let draft = StatusDraft { text: new.text, emoji: new.emoji, life_ms };
    let (id, status) = permit.client().await?.set_status(draft).await?;
    Ok(Answer(StatusSet { ok: true, id: Some(id), status: Some(status) }))
}

/// Takes my status back; its id, if there was one.
#[utoipa::path(delete, path = "/api/v1/profile/status", tag = "me",
    responses((status = 200, body = super::schema::StatusSet)))]
pub async fn clear_status(permit: Permit<Post>) -> Result<Answer<StatusSet>> {
    let id = permit.client().await?.clear_status().await?;
    Ok(Answer(StatusSet { ok: true, id, status: None }))
}
