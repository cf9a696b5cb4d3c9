//! Links and moods of a moment: from a request to what the library takes.

use axum::Json as Answer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tidings::ask::{LinkDraft, MoodDraft, PhotoDraft};
use tidings::client::Client;
use tidings::view::Moment;
use utoipa::ToSchema;

use super::guard::{Permit, ShareIn};
use super::input::Json;
use crate::app::App;
use crate::config::Config;
use crate::error::Result;
use crate::links;

/// A moment that was posted, and what did not go as it was meant.
#[derive(Debug, Serialize)]
pub struct Posted {
    /// As its author sees it.
    #[serde(flatten)]
    pub moment: Moment,
    /// Sentences for the person; mostly none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How a moment felt: words, an emoji or both.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewMood {
    /// At most 40 bytes.
    pub emoji: String,
    /// At most 200 bytes.
    pub text: String,
}

impl NewMood {
    /// As the library takes it.
    pub fn draft(self) -> MoodDraft {
        MoodDraft { emoji: self.emoji, text: self.text }
    }
}

/// Fetches a page and makes its card, with a picture if there is room for one; and why it is bare, if it is.
///
/// # Errors
/// As [`links::card`]; failed, if the disk does not take the picture.
pub async fn make(
    app: &App,
    client: &Client,
    address: &str,
    has_room: bool,
) -> Result<(LinkDraft, Option<String>)> {
    let card = links::card(&Config::read(&app.home)?.links, address, has_room).await?;
    let image = match card.picture {
        Some(photo) => Some(PhotoDraft {
            preview: client.seal_blob(photo.preview).await?,
            picture: client.seal_blob(photo.bytes).await?,
            mime: photo.mime.to_owned(),
            width: photo.width,
            height: photo.height,
            thumbhash: photo.thumbhash,
            alt: None,
        }),
        None => None,
    };
    let (url, title, description, site) = (card.url, card.title, card.description, card.site);
    Ok((LinkDraft { url, title, description, site, image }, card.warning))
}

/// A link that is about to be shared.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    /// The address of a web page.
    #[schema(max_length = 2048)]
    pub url: String,
}

/// The card of a link, before it is shared.
#[derive(Debug, Serialize)]
pub struct LinkPreview {
    url: String,
    title: String,
    description: String,
    site: String,
    image: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Fetches a page and shows what its card would be. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/links", tag = "moments", request_body = NewLink,
    responses((status = 200, body = super::schema::LinkPreview)))]
pub async fn preview(permit: Permit<ShareIn>, Json(new): Json<NewLink>) -> Result<Answer<LinkPreview>> {
    let card = links::card(&Config::read(&permit.app.home)?.links, &new.url, true).await?;
    Ok(Answer(LinkPreview {
        url: card.url,
        title: card.title,
        description: card.description,
        site: card.site,
        image: card.picture.map(|photo| STANDARD.encode(photo.preview)),
        warnings: card.warning.into_iter().collect(),
    }))
}
