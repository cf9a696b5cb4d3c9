//! The local API: what a person's page, commands and programs can ask of their node, as HTTP on loopback.
//!
//! One router serves all three. The command line goes through it too, over the wire to a running node or in its own
//! process, so that there is one meaning of each request and one place where rights and limits are checked.
//!
//! ```text
//! guard (host, origin, caller) ── permit (scope) ── handler ── tidings::Client
//!      │                              │                │
//!      └── every answer: CSP, nosniff └── 401, 403     └── Error → status and {"error":{…}}
//! ```
//!
//! It decides nothing about moments or friends: handlers translate. Names of people and moments are resolved by the
//! library, so that all faces name things alike.
//!
//! Source: the faces of the program (README, `tidings --help`); the document at `/api/v1/openapi.json` is made from
//! the handlers themselves.

pub mod acquaint;
pub mod blobs;
pub mod care;
pub mod document;
pub mod drafts;
pub mod events;
pub mod guard;
pub mod input;
pub mod invites;
pub mod limits;
pub mod links;
pub mod me;
pub mod moments;
pub mod node;
pub mod notices;
pub mod onboarding;
pub mod people;
pub mod place;
pub mod previews;
pub mod privacy;
pub mod profile;
pub mod programs;
pub mod schema;
pub mod sessions;
pub mod settings;
pub mod sharing;
pub mod tags;
pub mod upload;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::routing::{delete, get, post, put};

use crate::app::App;
use crate::error::Error;
use crate::limits::{JSON_BODY_LIMIT, PREVIEW_UPLOAD_LIMIT, UPLOAD_LIMIT};

/// The web app and the API of a home.
pub fn router(app: Arc<App>) -> Router {
    let api = Router::new()
        .route("/whoami", get(me::whoami))
        .route("/status", get(node::status))
        .route("/stop", post(node::stop))
        .route("/address", post(node::address))
        .route("/onboarding", get(onboarding::state).post(onboarding::create))
        .route("/onboarding/words", delete(onboarding::forget))
        .route("/onboarding/later", put(onboarding::later))
        .route("/profile", get(me::profile).patch(me::change_profile))
        .route("/profile/status", put(profile::set_status).delete(profile::clear_status))
        .route("/friends", get(people::friends))
        .route("/friends/{who}", get(people::friend).patch(people::change).delete(people::remove))
        .route("/friends/{who}/safety", get(people::safety).put(people::verify))
        .route("/friends/{who}/block", put(acquaint::block).delete(acquaint::unblock))
        .route("/introductions", post(acquaint::introduce))
        .route("/friends/{who}/chats-only", put(privacy::chats_only).delete(privacy::with_moments))
        .route("/privacy", get(privacy::show).patch(privacy::change))
        .route("/settings", get(settings::show).patch(settings::change))
        .route("/requests", get(people::requests))
        .route("/requests/{who}", get(acquaint::request))
        .route("/requests/{who}/confirm", post(people::confirm))
        .route("/requests/{who}/decline", post(people::decline))
        .route("/invites", post(people::invite))
        .route("/accept", post(people::accept))
        .route("/tags", get(tags::list))
        .route("/tags/{tag}", axum::routing::patch(tags::rename).delete(tags::remove))
        .route("/tags/{tag}/add", post(tags::add))
        .route("/tags/{tag}/remove", post(tags::take))
        .route("/timeline", get(moments::timeline))
        .route("/moments/{id}", get(moments::moment).delete(moments::withdraw))
        .route("/moments/{id}/like", put(moments::like).delete(moments::unlike))
        .route("/moments/{id}/comments", post(moments::comment))
        .route("/moments/{id}/who", get(moments::who))
        .route("/moments/{id}/pin", put(care::pin).delete(care::unpin))
        .route("/moments/{id}/fave", put(care::fave).delete(care::unfave))
        .route("/album", get(care::album))
        .route("/faves", get(care::faves))
        .route("/moments/{id}/audience", put(privacy::audience))
        .route("/moments/{id}/share", post(sharing::share))
        .route("/moments/{id}/evidence", get(sharing::evidence))
        .route("/comments/{id}", delete(moments::withdraw_comment))
        .route("/comments/{id}/hide", put(notices::hide))
        .route("/notices", get(notices::list))
        .route("/notices/read", post(notices::read))
        .route("/mutes/{word}", put(notices::mute).delete(notices::unmute))
        .route("/links", post(links::preview))
        .route("/limits", get(limits::limits))
        .route("/drafts", get(drafts::list))
        .route("/drafts/{id}", put(drafts::keep).delete(drafts::forget))
        .route("/drafts/{id}/files", post(drafts::add_file))
        .route("/drafts/{id}/files/{file}", get(drafts::file))
        .route("/blobs/{id}", get(blobs::blob))
        .route("/filters", get(previews::filters))
        .route("/events", get(events::events))
        .route("/tokens", get(programs::list).post(programs::add))
        .route("/tokens/{name}", delete(programs::revoke))
        .route("/openapi.json", get(document::openapi))
        .layer(DefaultBodyLimit::max(JSON_BODY_LIMIT))
        .route("/moments", post(moments::post).layer(DefaultBodyLimit::max(UPLOAD_LIMIT)))
        .route("/previews", post(previews::preview).layer(DefaultBodyLimit::max(PREVIEW_UPLOAD_LIMIT)))
        .route("/invites/read", post(invites::read))
        .route("/profile/avatar", put(profile::set_avatar).delete(profile::remove_avatar))
        .route("/profile/cover", put(profile::set_cover).delete(profile::remove_cover))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method);
    Router::new()
        .nest("/api/v1", api)
        .merge(crate::web::router())
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), guard::watch_the_door))
        .with_state(app)
}

async fn no_such_path(uri: Uri) -> Error {
    Error::not_found(
        "no_such_path",
        format!("there is nothing at {}", uri.path()),
        "see /api/v1/openapi.json",
    )
}

async fn no_such_method(method: Method, uri: Uri) -> Error {
    Error::usage(
        "no_such_method",
        format!("{} takes no {method}", uri.path()),
        "see /api/v1/openapi.json for what it takes",
    )
    .with_status(405)
}
