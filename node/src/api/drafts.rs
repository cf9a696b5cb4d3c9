//! Half-written moments: kept by the node, sealed, until they are shared or given up. For the person alone; no program
//! sees one, whatever its scopes.
//!
//! A file comes as a plain body and is sealed as it comes: unlike the parts of a form, which wait in `tmp/` for the few
//! seconds until their moment is posted, a draft may wait for weeks, and nothing of it is ever on the disk in the clear.

#![expect(unused_qualifications, reason = "utoipa's macro writes them for query parameters")]

use std::io::{self, Read};
use std::time::Duration;

use axum::Json as Answer;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response, StatusCode, header};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tidings::id::{BlobId, DraftId, ParseIdError};
use tidings::view::{self, KeptDraft};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::blobs::chunks;
use super::guard::{Permit, Person};
use super::input::{Json, Params, Parted};
use super::moments::Draft;
use super::node::done;
use super::upload::{Part, in_time};
use crate::error::{Error, Result};
use crate::limits::{DRAFT_CHUNKS_WAITING, REFUSED_UPLOAD_WAIT_MS};

fn bad_id(error: &ParseIdError) -> Error {
    Error::usage("bad_id", error.to_string(), "take the id from `GET /api/v1/drafts`")
}

/// The id of a draft.
///
/// # Errors
/// Usage.
pub fn id_of(text: &str) -> Result<DraftId> {
    text.parse().map_err(|error| bad_id(&error))
}

/// A draft as it is told.
///
/// # Errors
/// Failed if its words are none of ours.
pub fn shown(kept: KeptDraft) -> Result<Value> {
    let draft: Value = serde_json::from_str(&kept.words)
        .map_err(|e| Error::failed("draft_damaged", e.to_string(), "give the draft up"))?;
    Ok(json!({"id": kept.id, "saved_at": kept.saved_at, "draft": draft, "files": kept.files}))
}

/// All drafts, the one kept last first.
#[utoipa::path(get, path = "/api/v1/drafts", tag = "drafts", responses((status = 200, body = super::schema::KeptDrafts)))]
pub async fn list(permit: Permit<Person>) -> Result<Answer<Value>> {
    let all = permit.client().await?.drafts().await?;
    let drafts = all.into_iter().map(shown).collect::<Result<Vec<Value>>>()?;
    Ok(Answer(json!({ "drafts": drafts })))
}

/// What a draft says now.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewDraft {
    /// As it would be posted.
    pub draft: Draft,
    /// Which of its files it still has, in their order.
    pub files: Vec<String>,
}

/// Keeps what a draft says now; makes it if it is new. Files that are not named are removed.
#[utoipa::path(put, path = "/api/v1/drafts/{id}", tag = "drafts", request_body = NewDraft,
    params(("id" = String, Path, description = "32 hex digits of one's own choice")),
    responses((status = 200, body = super::schema::KeptDraft)))]
pub async fn keep(
    permit: Permit<Person>,
    Parted(id): Parted<String>,
    Json(new): Json<NewDraft>,
) -> Result<Answer<Value>> {
    let id = id_of(&id)?;
    let files: Vec<BlobId> = new
        .files
        .iter()
        .map(|file| file.parse())
        .collect::<std::result::Result<_, ParseIdError>>()
        .map_err(|error| bad_id(&error))?;
    let words = serde_json::to_string(&new.draft)
        .map_err(|e| Error::failed("internal", e.to_string(), "report this"))?;
    Ok(Answer(shown(permit.client().await?.keep_draft(id, words, files).await?)?))
}

/// Gives a draft up; nothing if there is none.
#[utoipa::path(delete, path = "/api/v1/drafts/{id}", tag = "drafts", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn forget(permit: Permit<Person>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    let id = id_of(&id)?;
    permit.client().await?.drop_draft(id).await?;
    Ok(Answer(done(id)))
}

/// What a file is to its draft.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileParams {
    /// `photo`, `video` or `poster`; a photo if left out.
    part: Option<String>,
}

fn part_of(word: Option<&str>) -> Result<(view::Part, Part)> {
    match word {
        None | Some("photo") => Ok((view::Part::Photo, Part::Photo)),
        Some("video") => Ok((view::Part::Video, Part::Video)),
        Some("poster") => Ok((view::Part::Poster, Part::Poster)),
        Some(other) => Err(Error::usage(
            "bad_part",
            format!("a draft has no part {other:?}"),
            "use `photo`, `video` or `poster`",
        )),
    }
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Adds a file to a draft that is there: the body is the file. It is sealed as it comes.
#[utoipa::path(post, path = "/api/v1/drafts/{id}/files", tag = "drafts",
    params(("id" = String, Path), FileParams),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = super::schema::DraftFile)))]
pub async fn add_file(
    permit: Permit<Person>,
    Parted(id): Parted<String>,
    Params(params): Params<FileParams>,
    request: Request,
) -> Result<(StatusCode, Answer<view::DraftFile>)> {
    let id = id_of(&id)?;
    let (kept_as, part) = part_of(params.part.as_deref())?;
    let mime = text_of(request.headers(), header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let bytes: u64 = text_of(request.headers(), header::CONTENT_LENGTH)
        .and_then(|text| text.parse().ok())
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| {
            Error::usage("no_length", "the length of the file is not said", "send a `Content-Length`")
                .with_status(411)
        })?;
    let mut body = request.into_body().into_data_stream();
    let taken = match part.check(bytes, 0) {
        Ok(()) => take(&permit, id, (kept_as, mime), &mut body, bytes).await,
        Err(error) => Err(error),
    };
    if taken.is_err() {
        // Whoever still sends would find the connection broken, and not hear why.
        let rest = async { while let Some(Ok(_)) = body.next().await {} };
        let _ = tokio::time::timeout(Duration::from_millis(REFUSED_UPLOAD_WAIT_MS), rest).await;
    }
    Ok((StatusCode::CREATED, Answer(taken?)))
}

async fn take(
    permit: &Permit<Person>,
    id: DraftId,
    what: (view::Part, String),
    body: &mut BodyDataStream,
    bytes: u64,
) -> Result<view::DraftFile> {
    let client = permit.client().await?;
    let _turn = permit
        .app
        .uploads
        .acquire()
        .await
        .map_err(|e| Error::failed("internal", e.to_string(), "try again"))?;
    let (chunks, waiting) = mpsc::channel(DRAFT_CHUNKS_WAITING);
    let feed = async move {
        while let Some(chunk) = in_time(body.next()).await? {
            let chunk = chunk.map_err(|e| super::upload::broken(&e.to_string()))?;
            if chunks.send(chunk).await.is_err() {
                // It was refused: that is what is told.
                break;
            }
        }
        Ok::<(), Error>(())
    };
    let sealing = client.add_draft_file(id, what, Chunks { waiting, current: Bytes::new() }, bytes);
    let (fed, added) = tokio::join!(feed, sealing);
    match (fed, added) {
        (Ok(()), added) => Ok(added?),
        // A file of the length that was said may be whole although the rest of the body is broken.
        (Err(_), Ok(added)) => Ok(added),
        (Err(error), Err(_)) => Err(error),
    }
}

/// What comes of a body, for a thread that blocks.
struct Chunks {
    waiting: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.waiting.blocking_recv() {
                Some(chunk) => self.current = chunk,
                None => return Ok(0),
            }
        }
        let len = buffer.len().min(self.current.len());
        let piece = self.current.split_to(len);
        buffer[..len].copy_from_slice(&piece);
        Ok(len)
    }
}

/// The bytes of a file of a draft, as it came. A download, whatever it is: the page makes of it what it knows it to be.
#[utoipa::path(get, path = "/api/v1/drafts/{id}/files/{file}", tag = "drafts",
    params(("id" = String, Path), ("file" = String, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn file(
    permit: Permit<Person>,
    Parted((id, file)): Parted<(String, String)>,
) -> Result<Response<Body>> {
    let (id, file) = (id_of(&id)?, file.parse().map_err(|error| bad_id(&error))?);
    let open = permit.client().await?.draft_file(id, file).await?;
    let total = open.bytes();
    Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, total)
        .header(header::CACHE_CONTROL, "private, no-store")
        .header(header::CONTENT_DISPOSITION, "attachment")
        .body(Body::from_stream(chunks(std::sync::Arc::new(open), 0, total)))
        .map_err(|e| Error::failed("internal", e.to_string(), "report this"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_of_three() {
        assert_eq!(part_of(None).unwrap().0, view::Part::Photo);
        assert_eq!(part_of(Some("video")).unwrap(), (view::Part::Video, Part::Video));
        assert_eq!(part_of(Some("page")).unwrap_err().code, "bad_part");
    }

    #[tokio::test]
    async fn chunks_are_read_in_order_and_end_when_no_more_come() {
        let (send, waiting) = mpsc::channel(4);
        for chunk in ["one ", "", "two"] {
            send.send(Bytes::from(chunk)).await.unwrap();
        }
        drop(send);
        let reading = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            Chunks { waiting, current: Bytes::new() }.read_to_string(&mut text).map(|_| text)
        });
        assert_eq!(reading.await.unwrap().unwrap(), "one two");
    }
}
