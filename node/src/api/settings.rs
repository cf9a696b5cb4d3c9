//! How the pages are for their person: the language they chose, and what a desktop may be told.

use axum::Json as Answer;
use serde::{Deserialize, Deserializer};
use tidings::ask::SettingsDraft;
use tidings::view::Settings;
use utoipa::ToSchema;

use super::guard::{Permit, Person, Read};
use super::input::Json;
use crate::error::{Error, Result};

/// How the pages are.
#[utoipa::path(get, path = "/api/v1/settings", tag = "node", responses((status = 200, body = super::schema::Settings)))]
pub async fn show(permit: Permit<Read>) -> Result<Answer<Settings>> {
    Ok(Answer(permit.client().await?.settings().await?))
}

/// Changes to how the pages are; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsChange {
    /// Code of one of the page's languages; null: as the browser asks.
    #[serde(deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    pub language: Option<Option<String>>,
    /// What notices on a desktop say: `off`, `plain` (that there is something) or `names`.
    pub desktop: Option<String>,
}

/// Tells null from what was left out.
fn said<'de, D: Deserializer<'de>>(input: D) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::deserialize(input).map(Some)
}

/// Changes how the pages are.
#[utoipa::path(patch, path = "/api/v1/settings", tag = "node", request_body = SettingsChange,
    responses((status = 200, body = super::schema::Settings)))]
pub async fn change(permit: Permit<Person>, Json(change): Json<SettingsChange>) -> Result<Answer<Settings>> {
    if let Some(Some(code)) = &change.language {
        let known: Vec<&str> = crate::web::languages().collect();
        if !known.contains(&code.as_str()) {
            return Err(Error::usage(
                "bad_language",
                "the page has no such language",
                format!("choose one of {}", known.join(", ")),
            ));
        }
    }
    let draft = SettingsDraft { language: change.language, desktop: change.desktop };
    Ok(Answer(permit.client().await?.set_settings(draft).await?))
}
