//! Tags: my own labels on friends.

use axum::Json as Answer;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::view::Tag;
use utoipa::ToSchema;

use super::guard::{Permit, Person, Read};
use super::input::{Json, Parted};
use super::node::done;
use crate::error::{Error, Result};
use crate::limits::NAMED_FRIENDS_LIMIT;

/// All tags.
#[utoipa::path(get, path = "/api/v1/tags", tag = "tags", responses((status = 200, body = super::schema::Tags)))]
pub async fn list(permit: Permit<Read>) -> Result<Answer<Value>> {
    Ok(Answer(json!({"tags": permit.client().await?.tags().await?})))
}

/// Friends, each by a prefix of the id or by name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Who.
    pub friends: Vec<String>,
}

impl Named {
    fn within_limit(self) -> Result<Vec<String>> {
        if self.friends.len() > NAMED_FRIENDS_LIMIT {
            return Err(Error::refused(
                "too_many_friends",
                format!("{} friends are named, the limit is {NAMED_FRIENDS_LIMIT}", self.friends.len()),
                "name them in several steps",
            )
            .with("limit", NAMED_FRIENDS_LIMIT));
        }
        Ok(self.friends)
    }
}

/// Adds friends to a tag, and makes the tag if it is new.
#[utoipa::path(post, path = "/api/v1/tags/{tag}/add", tag = "tags", params(("tag" = String, Path)),
    request_body = Named, responses((status = 200, body = super::schema::Tag)))]
pub async fn add(
    permit: Permit<Person>,
    Parted(tag): Parted<String>,
    Json(named): Json<Named>,
) -> Result<Answer<Tag>> {
    Ok(Answer(permit.client().await?.tag_add(&tag, named.within_limit()?).await?))
}

/// Takes friends out of a tag.
#[utoipa::path(post, path = "/api/v1/tags/{tag}/remove", tag = "tags", params(("tag" = String, Path)),
    request_body = Named, responses((status = 200, body = super::schema::Tag)))]
pub async fn take(
    permit: Permit<Person>,
    Parted(tag): Parted<String>,
    Json(named): Json<Named>,
) -> Result<Answer<Tag>> {
    Ok(Answer(permit.client().await?.tag_remove(&tag, named.within_limit()?).await?))
}

/// A tag's new name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewName {
    /// The name.
    pub name: String,
}

/// Renames a tag.
#[utoipa::path(patch, path = "/api/v1/tags/{tag}", tag = "tags", params(("tag" = String, Path)),
    request_body = NewName, responses((status = 200, body = super::schema::Tag)))]
pub async fn rename(
    permit: Permit<Person>,
    Parted(tag): Parted<String>,
    Json(new): Json<NewName>,
) -> Result<Answer<Tag>> {
    Ok(Answer(permit.client().await?.tag_rename(&tag, &new.name).await?))
}

/// Deletes a tag; its friends stay friends.
#[utoipa::path(delete, path = "/api/v1/tags/{tag}", tag = "tags", params(("tag" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn remove(permit: Permit<Person>, Parted(tag): Parted<String>) -> Result<Answer<Value>> {
    permit.client().await?.tag_delete(&tag).await?;
    Ok(Answer(done(tag)))
}
