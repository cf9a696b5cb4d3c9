//! Myself: who I am here, and how friends see me.

use axum::Json as Answer;
use serde::Deserialize;
use tidings::ask::ProfileDraft;
use tidings::view::{Profile, Whoami};
use utoipa::ToSchema;

use super::guard::{Permit, Person, Read};
use super::input::Json;
use crate::error::Result;

/// Who I am.
#[utoipa::path(get, path = "/api/v1/whoami", tag = "me", responses((status = 200, body = super::schema::Whoami)))]
pub async fn whoami(permit: Permit<Read>) -> Result<Answer<Whoami>> {
    Ok(Answer(permit.client().await?.whoami().await?))
}

/// How friends see me.
#[utoipa::path(get, path = "/api/v1/profile", tag = "me", responses((status = 200, body = super::schema::Profile)))]
pub async fn profile(permit: Permit<Read>) -> Result<Answer<Profile>> {
    Ok(Answer(permit.client().await?.profile().await?))
}

/// Changes to a profile; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// The name I go by.
    pub name: Option<String>,
    /// A line about me.
    pub about: Option<String>,
}

/// Changes how friends see me.
#[utoipa::path(patch, path = "/api/v1/profile", tag = "me", request_body = ProfileChange,
    responses((status = 200, body = super::schema::Profile)))]
pub async fn change_profile(
    permit: Permit<Person>,
    Json(change): Json<ProfileChange>,
) -> Result<Answer<Profile>> {
    let draft = ProfileDraft { name: change.name, about: change.about, ..ProfileDraft::default() };
    Ok(Answer(permit.client().await?.set_profile(draft).await?))
}
