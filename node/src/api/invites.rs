//! Reading an invite off a picture: a photo or screenshot of its QR code, or a frame of the page's camera.
//!
//! The page asks its node, so that there is one reader whatever the browser can do. The picture is decoded within the
//! limits of every photo, nothing of it is kept, and what is in the code is only read, not redeemed. That there is none is
//! an answer and no error: most frames of a camera have none.

use axum::Json as Answer;
use axum::extract::Request;
use serde::Serialize;
use tidings::limits::INVITE_LINK_LIMIT;
use utoipa::ToSchema;

use super::guard::{Permit, Person};
use super::upload;
use crate::error::{Error, Result};
use crate::media::code;

/// How the link of an invite begins.
const LINK_START: &str = "tidings:invite/";

/// What a picture shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct InviteRead {
    /// `tidings:invite/1/…`; null if no code in it is an invite.
    #[schema(required)]
    link: Option<String>,
    /// How many QR codes were read.
    codes: usize,
}

/// Looks for the QR code of an invite in a picture: the body is a JPEG, PNG, WebP or GIF. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/invites/read", tag = "people",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = InviteRead)))]
pub async fn read(permit: Permit<Person>, request: Request) -> Result<Answer<InviteRead>> {
    let internal = |e: tokio::sync::AcquireError| Error::failed("internal", e.to_string(), "try again");
    let turn = permit.app.uploads.acquire().await.map_err(internal)?;
    let bytes = upload::picture_of(request).await?;
    let texts = code::read(bytes).await.map_err(|e| upload::not_taken(&e, "the picture"))?;
    drop(turn);
    let codes = texts.len();
    Ok(Answer(InviteRead { link: invite_among(texts), codes }))
}

/// The first text that can be the link of an invite.
fn invite_among(texts: Vec<String>) -> Option<String> {
    texts.into_iter().map(|text| text.trim().to_owned()).find(|text| is_link(text))
}

/// Whether to hand it on: what is wrong in it, redeeming says.
fn is_link(text: &str) -> bool {
    text.len() <= INVITE_LINK_LIMIT && text.starts_with(LINK_START)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_link_of_an_invite_is_handed_on() {
        let of = |texts: &[&str]| invite_among(texts.iter().map(ToString::to_string).collect());
        let found = of(&["https://example.org/", " tidings:invite/1/abc\n"]);
        assert_eq!(found.as_deref(), Some("tidings:invite/1/abc"));
        assert_eq!(of(&["javascript:alert(1)"]), None);
        assert_eq!(of(&[]), None);
        let longest = format!("{LINK_START}{}", "a".repeat(INVITE_LINK_LIMIT - LINK_START.len()));
        assert_eq!(of(&[&longest]), Some(longest.clone()));
        assert_eq!(of(&[&format!("{longest}a")]), None);
    }
}
