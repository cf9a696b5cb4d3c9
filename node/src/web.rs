//! The web app: a frame for each page, scripts, styles and words, all inside the binary.
//!
//! A frame has its navigation and its words, in the person's language, but none of their content: what it shows comes from
//! the API, like for any other program, and user text gets into it only as text. Opening a one-time address makes a session and sends the browser on to the page without the key,
//! so that it stays in no history. Without a session the page says how to get in.
//!
//! Scripts and styles are public code and need no session. There is no inline script or style: the content security policy
//! forbids them.

mod delivery;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::RustEmbed;
use serde::Deserialize;
use tower_http::compression::CompressionLayer;

use crate::api::guard::{Caller, cookie, session};
use crate::api::input::Params;
use crate::app::App;
use crate::error::{Error, Result};
use words::Language;

/// Scripts, styles and icons.
#[derive(RustEmbed)]
#[folder = "src/web/assets/"]
struct Assets;

/// The pages of the web app, as their addresses begin. The frame is the same for each; what it shows is decided by the
/// page's scripts, from the address.
const PAGES: [&str; 7] = ["welcome", "people", "moments", "notices", "search", "favourites", "settings"];

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    page_token: &'a str,
    version: &'static str,
    words: &'static Language,
    languages: String,
    modules: Vec<String>,
}

#[derive(Template)]
#[template(path = "locked.html")]
struct Locked {
    words: &'static Language,
}

/// `/`, the pages and `/assets/…`.
pub fn router() -> Router<Arc<App>> {
    let mut router = Router::new()
        .route("/", get(page))
        .route("/assets/page.css", get(delivery::styles))
        .route("/assets/{*file}", get(delivery::asset));
    for name in PAGES {
        router = router.route(&format!("/{name}"), get(page)).route(&format!("/{name}/{{*rest}}"), get(page));
    }
    // Nothing that others wrote is in a frame or an asset, so their compressed length tells nothing.
    router.layer(CompressionLayer::new())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Opening {
    key: Option<String>,
}

async fn page(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Params(opening): Params<Opening>,
    headers: HeaderMap,
) -> Result<Response> {
    if let Some(key) = opening.key {
        if let Some(opened) = app.sessions.open(&key)? {
            let mut answer = Redirect::to("/").into_response();
            let value = HeaderValue::try_from(cookie(&app.cookie_name(), &opened.cookie))
                .map_err(|e| Error::failed("internal", e.to_string(), "report this"))?;
            answer.headers_mut().insert(header::SET_COOKIE, value);
            return Ok(answer);
        }
        if caller == Caller::Session {
            return Ok(Redirect::to("/").into_response());
        }
    }
    let accepted =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let words = words::pick(chosen(&app).await.as_deref(), accepted);
    match session(&app, &headers) {
        Some(page_token) if caller == Caller::Session => render(
            StatusCode::OK,
            &Page {
                page_token: &page_token,
                version: env!("CARGO_PKG_VERSION"),
                words,
                languages: words::names(),
                modules: modules(),
            },
        ),
        _ => render(StatusCode::UNAUTHORIZED, &Locked { words }),
    }
}

/// The language the person chose. None while there is nobody yet, or if the node cannot say: a page in another language
/// is better than none.
async fn chosen(app: &App) -> Option<String> {
    app.client().await.ok()?.settings().await.ok()?.language
}

/// The code of every language there is.
pub fn languages() -> impl Iterator<Item = &'static str> {
    words::all().iter().map(Language::code)
}

/// The scripts that every page begins with: named in the frame, so that the browser need not find them one by one.
fn modules() -> Vec<String> {
    let mut modules: Vec<String> =
        Assets::iter().filter(|path| path.starts_with("lib/")).map(|path| path.into_owned()).collect();
    modules.sort();
    modules
}

fn render(status: StatusCode, template: &impl Template) -> Result<Response> {
    let text = template.render().map_err(|e| Error::failed("internal", e.to_string(), "report this"))?;
    Ok((status, Html(text)).into_response())
}
