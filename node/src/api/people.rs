//! Friends, and how they become so: invites, requests, safety words.

use axum::Json as Answer;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::ask::InviteDraft;
use tidings::view::{Accepted, Friend, Safety};
use utoipa::ToSchema;

use super::guard::{Permit, Person, Read};
use super::input::{Json, Parted};
use super::node::{done, merge};
use crate::error::{Error, Result};
use crate::limits::ACCEPT_WAIT_MS;

/// All friends, and whoever is blocked.
#[utoipa::path(get, path = "/api/v1/friends", tag = "people", responses((status = 200, body = super::schema::Friends)))]
pub async fn friends(permit: Permit<Read>) -> Result<Answer<Value>> {
    let client = permit.client().await?;
    Ok(Answer(json!({"friends": client.friends().await?, "blocked": client.blocked_people().await?})))
}

/// One friend, by a prefix of their id or by name.
#[utoipa::path(get, path = "/api/v1/friends/{who}", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Friend)))]
pub async fn friend(permit: Permit<Read>, Parted(who): Parted<String>) -> Result<Answer<Friend>> {
    Ok(Answer(permit.client().await?.friend(&who).await?))
}

/// My own name for a friend, and my note; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FriendChange {
    /// The name I give them; empty = their own again.
    pub name: Option<String>,
    /// My note.
    pub note: Option<String>,
}

/// Names or notes a friend.
#[utoipa::path(patch, path = "/api/v1/friends/{who}", tag = "people", params(("who" = String, Path)),
    request_body = FriendChange, responses((status = 200, body = super::schema::Friend)))]
pub async fn change(
    permit: Permit<Person>,
    Parted(who): Parted<String>,
    Json(change): Json<FriendChange>,
) -> Result<Answer<Friend>> {
    let client = permit.client().await?;
    let mut friend = client.friend(&who).await?;
    // From here by id: the first change may be the name they were found by.
    let id = friend.id.to_string();
    if let Some(note) = change.note {
        friend = client.note_friend(&id, &note).await?;
    }
    if let Some(name) = change.name {
        friend = client.rename_friend(&id, &name).await?;
    }
    Ok(Answer(friend))
}

/// Ends a friendship.
#[utoipa::path(delete, path = "/api/v1/friends/{who}", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn remove(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.remove_friend(&who).await?.id)))
}

/// The six safety words.
#[utoipa::path(get, path = "/api/v1/friends/{who}/safety", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Safety)))]
pub async fn safety(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<Safety>> {
    Ok(Answer(permit.client().await?.verify_friend(&who, None).await?))
}

/// What came of comparing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// Whether both see the same words.
    pub matches: bool,
}

/// Records whether the safety words match.
#[utoipa::path(put, path = "/api/v1/friends/{who}/safety", tag = "people", params(("who" = String, Path)),
    request_body = Compared, responses((status = 200, body = super::schema::Safety)))]
pub async fn verify(
    permit: Permit<Person>,
    Parted(who): Parted<String>,
    Json(compared): Json<Compared>,
) -> Result<Answer<Safety>> {
    Ok(Answer(permit.client().await?.verify_friend(&who, Some(compared.matches)).await?))
}

/// Who wants to be a friend, and whose answer is awaited.
#[utoipa::path(get, path = "/api/v1/requests", tag = "people",
    responses((status = 200, body = super::schema::Requests)))]
pub async fn requests(permit: Permit<Person>) -> Result<Answer<Value>> {
    Ok(Answer(json!({"requests": permit.online().await?.requests().await?})))
}

/// Says yes.
#[utoipa::path(post, path = "/api/v1/requests/{who}/confirm", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn confirm(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.online().await?.confirm(&who).await?.id)))
}

/// Says no.
#[utoipa::path(post, path = "/api/v1/requests/{who}/decline", tag = "people", params(("who" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn decline(permit: Permit<Person>, Parted(who): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.online().await?.decline(&who).await?.id)))
}

/// An invite to be made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewInvite {
    /// Whom I expect; becomes the friend's name in my list.
    pub name: Option<String>,
    /// How long it holds, seconds; a day if left out, at most seven days.
    #[schema(minimum = 1, maximum = 604_800)]
    pub expires_in: Option<u64>,
    /// Say yes beforehand to whoever redeems it.
    pub auto_confirm: bool,
}

/// Makes an invite: a link that works once.
#[utoipa::path(post, path = "/api/v1/invites", tag = "people", request_body = NewInvite,
    responses((status = 201, body = super::schema::Invite)))]
pub async fn invite(
    permit: Permit<Person>,
    Json(new): Json<NewInvite>,
) -> Result<(StatusCode, Answer<Value>)> {
    let life_ms = new.expires_in.map(|seconds| seconds.saturating_mul(1000));
    let draft = InviteDraft { name: new.name, life_ms, auto_confirm: new.auto_confirm };
    let invite = permit.online().await?.invite(draft).await?;
    let mut answer = serde_json::to_value(&invite).unwrap_or_default();
    merge(&mut answer, &json!({"qr_svg": qr_svg(&invite.link)?}));
    Ok((StatusCode::CREATED, Answer(answer)))
}

fn qr_svg(link: &str) -> Result<String> {
    let code = qrcode::QrCode::with_error_correction_level(link, qrcode::EcLevel::L).map_err(|error| {
        Error::failed("no_qr", format!("the link fits in no QR code: {error}"), "hand on the link itself")
    })?;
    Ok(code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build())
}

/// An invite to be redeemed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redeemed {
    /// `tidings:invite/1/…`
    pub link: String,
    /// The name I give them.
    pub name: Option<String>,
    /// How long to wait for becoming friends, ms.
    #[schema(maximum = 30_000)]
    pub wait_ms: Option<u64>,
}

/// Redeems an invite.
#[utoipa::path(post, path = "/api/v1/accept", tag = "people", request_body = Redeemed,
    responses((status = 200, body = super::schema::Accepted)))]
pub async fn accept(permit: Permit<Person>, Json(redeemed): Json<Redeemed>) -> Result<Answer<Accepted>> {
    let wait_ms = redeemed.wait_ms.unwrap_or(ACCEPT_WAIT_MS).min(ACCEPT_WAIT_MS);
    Ok(Answer(permit.online().await?.accept(redeemed.link.trim(), redeemed.name, wait_ms).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_qr_code_of_a_link_is_an_inert_picture() {
        let svg = qr_svg(&format!("tidings:invite/1/{}", "a".repeat(300))).unwrap();
        assert!(svg.contains("<svg") && svg.contains("<path"));
        assert!(!svg.contains("<script") && !svg.contains("href"));
        assert_eq!(qr_svg(&"x".repeat(5000)).unwrap_err().code, "no_qr");
    }
}
