//! Other programs: granting, listing and revoking their tokens.

use std::collections::BTreeSet;

use axum::Json as Answer;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::guard::{Permit, Person};
use super::input::{Json, Parted};
use super::node::{done, merge};
use crate::error::Result;
use crate::os;
use crate::tokens::{Scope, Token};

fn shown(token: &Token) -> Value {
    json!({"name": token.name, "scopes": token.scopes, "created_at": token.created_at()})
}

/// All tokens, without the tokens themselves.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "programs", responses((status = 200, body = super::schema::Tokens)))]
pub async fn list(permit: Permit<Person>) -> Answer<Value> {
    Answer(json!({"tokens": permit.app.tokens.list().iter().map(shown).collect::<Vec<_>>()}))
}

/// A token to be granted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What you call the program.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
}

/// Grants a token. The answer is the only time it is shown.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "programs", request_body = NewToken,
    responses((status = 201, body = super::schema::NewToken)))]
pub async fn add(permit: Permit<Person>, Json(new): Json<NewToken>) -> Result<(StatusCode, Answer<Value>)> {
    let (token, secret) = permit.app.tokens.add(&new.name, new.scopes, os::now())?;
    let mut answer = shown(&token);
    merge(&mut answer, &json!({"token": secret}));
    Ok((StatusCode::CREATED, Answer(answer)))
}

/// Takes a token back.
#[utoipa::path(delete, path = "/api/v1/tokens/{name}", tag = "programs", params(("name" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn revoke(permit: Permit<Person>, Parted(name): Parted<String>) -> Result<Answer<Value>> {
    permit.app.tokens.revoke(&name)?;
    Ok(Answer(done(name)))
}
