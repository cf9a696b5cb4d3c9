//! The first run: a name, then 24 words, shown once on the page that made them.
//!
//! Only a browser session gets the words. The command line does not, because what it prints can end in a file; it has
//! `tidings init` for that.

use axum::Json as Answer;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::client::Client;
use utoipa::ToSchema;

use super::guard::{Caller, Permit, Person};
use super::input::Json;
use super::node::done;
use crate::app::App;
use crate::error::Result;

/// How far the first run has come.
#[utoipa::path(get, path = "/api/v1/onboarding", tag = "onboarding",
    responses((status = 200, body = super::schema::Onboarding)))]
pub async fn state(permit: Permit<Person>) -> Answer<Value> {
    Answer(describe(&permit.app, &permit.caller))
}

fn describe(app: &App, caller: &Caller) -> Value {
    let words = app.words().filter(|_| *caller == Caller::Session);
    let state = match &words {
        Some(_) if !app.words_wait() => "words",
        Some(_) => "done",
        None if Client::has_identity(app.home.path()) => "done",
        None => "new",
    };
    json!({"state": state, "words": words.unwrap_or_default()})
}

/// A person's name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Newcomer {
    /// The name friends see.
    pub name: String,
}

/// Creates the identity of this home.
#[utoipa::path(post, path = "/api/v1/onboarding", tag = "onboarding", request_body = Newcomer,
    responses((status = 201, body = super::schema::Onboarding)))]
pub async fn create(
    permit: Permit<Person>,
    Json(newcomer): Json<Newcomer>,
) -> Result<(StatusCode, Answer<Value>)> {
    permit.app.create_identity(&newcomer.name).await?;
    Ok((StatusCode::CREATED, Answer(describe(&permit.app, &permit.caller))))
}

/// The words are written down later: the first run goes on, and they can be asked for until then.
#[utoipa::path(put, path = "/api/v1/onboarding/later", tag = "onboarding",
    responses((status = 200, body = super::schema::Onboarding)))]
pub async fn later(permit: Permit<Person>) -> Answer<Value> {
    permit.app.let_words_wait();
    Answer(describe(&permit.app, &permit.caller))
}

/// The words were written down: forget them.
#[utoipa::path(delete, path = "/api/v1/onboarding/words", tag = "onboarding",
    responses((status = 200, body = super::schema::Done)))]
pub async fn forget(permit: Permit<Person>) -> Answer<Value> {
    permit.app.forget_words();
    Answer(done("words"))
}
