//! Who sees what: Moments privacy, chats-only friends, the audience of an old moment.

#![expect(unused_qualifications, reason = "utoipa's macro writes them for query parameters")]

use axum::Json as Answer;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tidings::ask::{AudienceWords, PrivacyDraft};
use tidings::view::{Friend, Privacy};
use utoipa::{IntoParams, ToSchema};

use super::guard::{Need, Permit, Person, Post, Read, allow};
use super::input::{Json, Params, Parted};
use crate::error::{Error, Result};

/// Moments privacy.
#[utoipa::path(get, path = "/api/v1/privacy", tag = "people", responses((status = 200, body = super::schema::Privacy)))]
pub async fn show(permit: Permit<Read>) -> Result<Answer<Privacy>> {
    Ok(Answer(permit.client().await?.privacy().await?))
}

/// Changes to Moments privacy; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrivacyChange {
    /// How far back friends may read: `all`, `6m`, `1m` or `3d`.
    pub window: Option<String>,
    /// How many moments a stranger sees while pairing is pending: 0 or 10.
    pub strangers: Option<u8>,
    /// Friends who see mine no more.
    pub hide_mine_from: Vec<String>,
    /// Friends who see mine again.
    pub show_mine_to: Vec<String>,
    /// Friends whose moments I see no more.
    pub hide_theirs: Vec<String>,
    /// Friends whose moments I see again.
    pub show_theirs: Vec<String>,
}

/// Changes Moments privacy: all of it or nothing. Nobody is told.
#[utoipa::path(patch, path = "/api/v1/privacy", tag = "people", request_body = PrivacyChange,
    responses((status = 200, body = super::schema::Privacy)))]
pub async fn change(permit: Permit<Person>, Json(change): Json<PrivacyChange>) -> Result<Answer<Privacy>> {
    let draft = PrivacyDraft {
        window: change.window,
        strangers: change.strangers,
        hide_mine_from: change.hide_mine_from,
        show_mine_to: change.show_mine_to,
        hide_theirs: change.hide_theirs,
        show_theirs: change.show_theirs,
    };
    Ok(Answer(permit.client().await?.set_privacy(draft).await?))
}

/// Makes a friend chats-only: they see no moments of mine.
#[utoipa::path(put, path = "/api/v1/friends/{who}/chats-only", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Friend)))]
pub async fn chats_only(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<Friend>> {
    Ok(Answer(permit.client().await?.chats_only(&who, true).await?))
}

/// Lets a chats-only friend see moments again.
#[utoipa::path(delete, path = "/api/v1/friends/{who}/chats-only", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Friend)))]
pub async fn with_moments(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<Friend>> {
    Ok(Answer(permit.client().await?.chats_only(&who, false).await?))
}

/// Who may see an old moment from now on: one of these has to be said.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewAudience {
    /// Tags or friends who may see it.
    pub to: Vec<String>,
    /// Tags or friends who may not.
    pub except: Vec<String>,
    /// Only me.
    pub private: bool,
    /// All friends.
    pub everyone: bool,
}

impl NewAudience {
    fn words(self) -> Result<AudienceWords> {
        let is_said = !self.to.is_empty() || !self.except.is_empty() || self.private;
        match (self.everyone, is_said) {
            (true, true) => Err(Error::usage(
                "audience_contradicts",
                "everyone cannot be joined with other audience words",
                "leave out either --everyone or the others",
            )),
            (false, false) => Err(Error::usage(
                "no_audience",
                "it is not said who may see it",
                "give --everyone, --private, --to or --except",
            )),
            _ => Ok(AudienceWords { to: self.to, except: self.except, private: self.private }),
        }
    }
}

/// Whether only to say what would change.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AudienceParams {
    /// Change nothing; answer who would be able to read it.
    dry_run: bool,
}

/// Changes who may see an old moment of mine. Friends' nodes are asked to forget it; whoever has seen it may have kept it.
#[utoipa::path(put, path = "/api/v1/moments/{id}/audience", tag = "moments", params(("id" = String, Path), AudienceParams),
    request_body = NewAudience,
    responses((status = 200, description = "The moment; with `dry_run`, who could read it",
        body = super::schema::ChangedAudience)))]
pub async fn audience(
    permit: Permit<Post>,
    Parted(id): Parted<String>,
    Params(params): Params<AudienceParams>,
    Json(new): Json<NewAudience>,
) -> Result<Response> {
    // Either answer tells who my friends are.
    allow(&permit.caller, Read::SCOPES)?;
    let (words, client) = (new.words()?, permit.client().await?);
    if params.dry_run {
        return Ok(Answer(client.audience_dry_run(&id, words).await?).into_response());
    }
    Ok(Answer(client.change_audience(&id, words).await?).into_response())
}
