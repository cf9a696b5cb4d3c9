//! The node itself: its state, a fresh address of the web app, its end.

use axum::Json as Answer;
use serde_json::{Value, json};

use super::guard::{Permit, Person, Read};
use crate::error::Result;

/// Who is connected, what waits, what it takes on the disk.
#[utoipa::path(get, path = "/api/v1/status", tag = "node", responses((status = 200, body = super::schema::Status)))]
pub async fn status(permit: Permit<Read>) -> Result<Answer<Value>> {
    let status = permit.online().await?.status().await?;
    let mut answer = json!({"running": true, "http": permit.app.http().map(|http| http.to_string())});
    merge(&mut answer, &serde_json::to_value(&status).unwrap_or_default());
    Ok(Answer(answer))
}

/// A one-time address of the web app.
#[utoipa::path(post, path = "/api/v1/address", tag = "node", responses((status = 200, body = super::schema::Address)))]
pub async fn address(permit: Permit<Person>) -> Result<Answer<Value>> {
    Ok(Answer(json!({"url": permit.app.one_time_address()?})))
}

/// Ends the node.
#[utoipa::path(post, path = "/api/v1/stop", tag = "node", responses((status = 200, body = super::schema::Done)))]
pub async fn stop(permit: Permit<Person>) -> Result<Answer<Value>> {
    if permit.app.http().is_none() {
        return Err(crate::app::no_node(&permit.app.home));
    }
    permit.app.request_stop();
    Ok(Answer(done("node")))
}

/// `{"ok":true,"id":…}`.
pub fn done(id: impl std::fmt::Display) -> Value {
    json!({"ok": true, "id": id.to_string()})
}

/// Adds the fields of one object to another.
pub fn merge(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}
