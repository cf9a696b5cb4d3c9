//! Photos and videos as bytes: whole or a range, opened chunk by chunk, never decoded here.
//!
//! A range of what is still on its way is sent as it comes, each byte after it was verified, and is asked of the network
//! first: a film plays long before its end is here. Nothing comes for a while: the answer is *not here*, or its body breaks
//! off.
//!
//! Only known picture and film types keep their media type; whatever else a friend's moment may name is a download, so
//! that nothing a stranger made can run in this origin.
//!
//! Source: RFC 9110 14 (ranges).

#![expect(unused_qualifications, reason = "utoipa's macro writes them for query parameters")]

use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use tidings::client::OpenBlob;
use tidings::id::BlobId;
use utoipa::IntoParams;

use super::guard::{Permit, Read};
use super::input::{Params, Parted};
use crate::error::{Error, Result};
use crate::limits::{BLOB_CHUNK_LEN, BLOB_WAIT_LIMIT_MS};

/// How to hand a blob over.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BlobParams {
    /// As a download, whatever it is.
    download: bool,
    /// How long to wait for one that is still on its way, ms.
    #[param(maximum = 30_000)]
    wait_ms: Option<u64>,
}

/// The bytes of a photo or video that a moment I may see names.
#[utoipa::path(get, path = "/api/v1/blobs/{id}", tag = "moments",
    params(("id" = String, Path, description = "64 hex digits"), BlobParams, ("Range" = Option<String>, Header)),
    responses(
        (status = 200, description = "All of it", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, description = "The range", content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn blob(
    permit: Permit<Read>,
    Parted(id): Parted<String>,
    Params(params): Params<BlobParams>,
    headers: HeaderMap,
) -> Result<Response<Body>> {
    let id: BlobId = id.parse().map_err(|e: tidings::id::ParseIdError| {
        Error::usage("bad_id", e.to_string(), "take the id from a moment's `photos`")
    })?;
    let wait_ms = params.wait_ms.unwrap_or(BLOB_WAIT_LIMIT_MS / 3).min(BLOB_WAIT_LIMIT_MS);
    let wait_ms = if permit.app.has_network() { wait_ms } else { 0 };
    let client = permit.client().await?;
    let begun = Instant::now();
    // Whoever asks for a part plays it while the rest comes; whoever asks for all of it wants all of it.
    let blob = match headers.contains_key(header::RANGE) {
        true => client.blob_as_it_comes(&id, wait_ms).await?,
        false => client.blob(&id, wait_ms).await?,
    };
    let total = blob.bytes();
    let etag = format!("\"{id}\"");
    let text_of = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    // A part of what is meant to be another whole would be rubbish: then all of it is sent.
    let same = text_of(header::IF_RANGE).is_none_or(|tag| tag.trim() == etag);
    let part = match part_of(text_of(header::RANGE).filter(|_| same), total) {
        Ok(part) => part,
        Err(error) => {
            let mut response = error.into_response();
            if let Ok(value) = HeaderValue::from_str(&format!("bytes */{total}")) {
                response.headers_mut().insert(header::CONTENT_RANGE, value);
            }
            return Ok(response);
        }
    };
    let (mime, extension) = safe_type(blob.mime());
    let inline = mime != OTHER && !params.download;
    let disposition = if inline { "inline" } else { "attachment" };
    let (start, end, status) = match part {
        Some((start, end)) => (start, end, StatusCode::PARTIAL_CONTENT),
        None => (0, total, StatusCode::OK),
    };
    // Nothing is promised before the first byte of it is here.
    let waited = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    blob.here(start, wait_ms.saturating_sub(waited)).await?;
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, mime)
        .header(header::CONTENT_LENGTH, end - start)
        .header(header::ACCEPT_RANGES, "bytes")
        // What is withdrawn is to be gone from the browser's cache as well.
        .header(header::CACHE_CONTROL, "private, no-store")
        .header(header::ETAG, etag)
        .header(
            header::CONTENT_DISPOSITION,
            format!("{disposition}; filename=\"{}.{extension}\"", id.short()),
        );
    if part.is_some() {
        response = response.header(header::CONTENT_RANGE, format!("bytes {start}-{}/{total}", end - 1));
    }
    response
        .body(Body::from_stream(chunks(Arc::new(blob), start, end)))
        .map_err(|e| Error::failed("internal", e.to_string(), "report this"))
}

const OTHER: &str = "application/octet-stream";

/// Media type and file extension as they may be shown.
fn safe_type(mime: &str) -> (&'static str, &'static str) {
    match mime {
        "image/jpeg" => ("image/jpeg", "jpg"),
        "image/png" => ("image/png", "png"),
        "image/webp" => ("image/webp", "webp"),
        "image/gif" => ("image/gif", "gif"),
        "video/mp4" => ("video/mp4", "mp4"),
        "video/webm" => ("video/webm", "webm"),
        _ => (OTHER, "bin"),
    }
}

/// Start and end (exclusive) of one range of `total` bytes. `None`: send all, as for a header that is not understood or
/// names several ranges.
fn part_of(range: Option<&str>, total: u64) -> Result<Option<(u64, u64)>> {
    let Some(spec) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else { return Ok(None) };
    let Some((first, last)) = spec.trim().split_once('-') else { return Ok(None) };
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let part = match (first, last) {
        ("", count) => match number(count) {
            Some(0) => None,
            Some(count) => Some((total.saturating_sub(count), total)),
            None => return Ok(None),
        },
        (start, "") => match number(start) {
            Some(start) => Some((start, total)),
            None => return Ok(None),
        },
        (start, end) => match (number(start), number(end)) {
            (Some(start), Some(end)) if start <= end => Some((start, end.saturating_add(1).min(total))),
            _ => return Ok(None),
        },
    };
    part.filter(|(start, end)| start < end).map(Some).ok_or_else(|| {
        Error::usage(
            "bad_range",
            format!("the range lies outside of the {total} bytes there are"),
            "ask for less",
        )
        .with_status(416)
    })
}

/// The bytes, a chunk at a time, opened off the runtime's threads.
pub(super) fn chunks(
    blob: Arc<OpenBlob>,
    start: u64,
    end: u64,
) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    futures::stream::try_unfold(start, move |at| {
        let blob = Arc::clone(&blob);
        async move {
            if at >= end {
                return Ok(None);
            }
            // A body that stands still is broken off, so that whoever reads it asks again.
            let here = blob.here(at, BLOB_WAIT_LIMIT_MS).await.map_err(std::io::Error::other)?.min(end);
            let length = usize::try_from(here - at).unwrap_or(usize::MAX).min(BLOB_CHUNK_LEN);
            let bytes = tokio::task::spawn_blocking(move || blob.read(at, length))
                .await
                .map_err(std::io::Error::other)?
                .map_err(std::io::Error::other)?;
            if bytes.is_empty() {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            let next = at.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            Ok(Some((Bytes::from(bytes), next)))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clipped_and_impossible_ones_refused() {
        for (range, part) in [
            (None, Ok(None)),
            (Some("bytes=0-9"), Ok(Some((0, 10)))),
            (Some("bytes=90-"), Ok(Some((90, 100)))),
            (Some("bytes=-10"), Ok(Some((90, 100)))),
            (Some("bytes=-1000"), Ok(Some((0, 100)))),
            (Some("bytes=99-1000"), Ok(Some((99, 100)))),
            (Some("bytes=0-18446744073709551615"), Ok(Some((0, 100)))),
            (Some("bytes=100-"), Err(416)),
            (Some("bytes=-0"), Err(416)),
            (Some("bytes=5-2"), Ok(None)),
            (Some("bytes=0-1,5-6"), Ok(None)),
            (Some("bytes=+1-2"), Ok(None)),
            (Some("lines=1-2"), Ok(None)),
        ] {
            assert_eq!(part_of(range, 100).map_err(|e| e.http_status()), part, "{range:?}");
        }
        assert_eq!(part_of(Some("bytes=0-"), 0).map_err(|e| e.http_status()), Err(416));
    }

    #[test]
    fn only_known_pictures_keep_their_type() {
        assert_eq!(safe_type("image/jpeg").0, "image/jpeg");
        for active in ["text/html", "image/svg+xml", "application/javascript", ""] {
            assert_eq!(safe_type(active).0, OTHER);
        }
    }
}
