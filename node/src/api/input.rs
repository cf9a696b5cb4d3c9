//! Reading a request: body, query and path become values here, or a JSON error that says what was wrong.
//!
//! Unknown fields are refused by name: a misspelt `"to"` must not turn a moment for some into one for everyone.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::limits::JSON_BODY_LIMIT;

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A query string.
#[derive(Debug)]
pub struct Params<T>(pub T);

/// The variable parts of a path.
#[derive(Debug)]
pub struct Parted<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !kind.to_ascii_lowercase().starts_with("application/json") {
            return Err(Error::usage(
                "not_json",
                "the body has to be JSON",
                "send it with the header `Content-Type: application/json`",
            )
            .with_status(415));
        }
        parse(&body(request.into_body()).await?).map(Self)
    }
}

async fn body(body: Body) -> Result<Vec<u8>> {
    to_bytes(body, JSON_BODY_LIMIT)
        .await
        .map(|bytes| bytes.to_vec())
        .map_err(|_over| too_long(JSON_BODY_LIMIT))
}

/// A body above its limit.
pub fn too_long(limit: usize) -> Error {
    Error::refused("body_too_long", format!("the body is longer than {limit} bytes, the limit"), "send less")
        .with("bytes", limit)
}

/// Reads JSON.
///
/// # Errors
/// Usage, with what and where.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::usage("bad_json", format!("the JSON is not understood: {error}"), "see /api/v1/openapi.json")
    })
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(Error::usage("bad_query", error.body_text(), "see /api/v1/openapi.json")),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Parted<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(error) => Err(Error::usage("bad_path", error.body_text(), "see /api/v1/openapi.json")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(kind: &str, length: usize) -> Result<Json<String>> {
        let text = format!("\"{}\"", "x".repeat(length - 2));
        let request = Request::builder().header(header::CONTENT_TYPE, kind).body(Body::from(text)).unwrap();
        Json::from_request(request, &()).await
    }

    #[tokio::test]
    async fn a_body_of_the_limit_is_read_and_one_byte_more_is_not() {
        assert_eq!(read("application/json", JSON_BODY_LIMIT).await.unwrap().0.len(), JSON_BODY_LIMIT - 2);
        let error = read("application/json", JSON_BODY_LIMIT + 1).await.unwrap_err();
        assert_eq!((error.http_status(), error.code.as_ref()), (413, "body_too_long"));
        assert!(error.message.contains(&JSON_BODY_LIMIT.to_string()));
    }

    #[tokio::test]
    async fn a_form_is_no_json_because_other_sites_can_send_forms() {
        let error = read("text/plain", 10).await.unwrap_err();
        assert_eq!(error.http_status(), 415);
    }
}
