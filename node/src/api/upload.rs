//! Photos on their way in: from the wire to a file in `tmp/`, from there through the photo pipeline into sealed blobs.
//!
//! Nine photos of the largest size do not fit in memory twice, so each part is written out as it arrives and read back one
//! at a time. A file is removed when its value is dropped, whatever the end was.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Multipart;
use axum::extract::multipart::Field;
use tidings::ask::PhotoDraft;
use tidings::client::Client;
use tidings::limits::POST_PHOTO_LIMIT;
use tokio::io::AsyncWriteExt;

use super::input;
use super::moments::Draft;
use crate::app::App;
use crate::error::{Error, Result};
use crate::limits::{JSON_BODY_LIMIT, REFUSED_UPLOAD_WAIT_MS};
use crate::media;
use crate::media::limits::INPUT_LEN_LIMIT;

/// A file that came in; removed when dropped.
#[derive(Debug)]
pub struct Upload(PathBuf);

impl Drop for Upload {
    fn drop(&mut self) {
        // What stays is emptied at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A form that ends too early or is none.
pub fn broken(what: &str) -> Error {
    Error::usage("bad_form", format!("the form is not understood: {what}"), "see /api/v1/openapi.json")
}

/// There is one photo too many.
pub fn too_many_photos() -> Error {
    Error::refused(
        "too_many_photos",
        format!("a moment has at most {POST_PHOTO_LIMIT} photos"),
        "leave some out, or share a second moment",
    )
}

/// A photo file is too long.
pub fn photo_too_long(at: usize) -> Error {
    Error::refused(
        "photo_too_large",
        format!("photo {} is longer than {INPUT_LEN_LIMIT} bytes, the limit", at + 1),
        "make it smaller",
    )
}

/// Takes a whole form in.
///
/// # Errors
/// Usage, if it is not understood; refused above a limit; failed, if the disk does not take it.
pub async fn take_in(app: &App, mut form: Multipart) -> Result<(Draft, Vec<Upload>)> {
    let _turn =
        app.uploads.acquire().await.map_err(|e| Error::failed("internal", e.to_string(), "try again"))?;
    let taken = take_parts(app, &mut form).await;
    if taken.is_err() {
        read_on(&mut form).await;
    }
    taken
}

/// Reads what was refused to its end: whoever still sends would find the connection broken, and not hear why. The body's
/// limit bounds it.
async fn read_on(form: &mut Multipart) {
    let rest = async { while let Ok(Some(_)) = form.next_field().await {} };
    // Who takes longer than that is not waited for.
    let _ = tokio::time::timeout(Duration::from_millis(REFUSED_UPLOAD_WAIT_MS), rest).await;
}

async fn take_parts(app: &App, form: &mut Multipart) -> Result<(Draft, Vec<Upload>)> {
    let (mut draft, mut files) = (None, Vec::new());
    while let Some(field) = form.next_field().await.map_err(|e| broken(&e.body_text()))? {
        match field.name() {
            Some("draft") if draft.is_none() => draft = Some(input::parse(&text_of(field).await?)?),
            Some("photo") if files.len() >= POST_PHOTO_LIMIT => return Err(too_many_photos()),
            Some("photo") => files.push(store(app, field, files.len()).await?),
            other => {
                let name = other.unwrap_or("without a name").to_owned();
                return Err(broken(&format!(
                    "there is a part `{name}` too many; it has one `draft` and `photo`s"
                )));
            }
        }
    }
    Ok((draft.unwrap_or_default(), files))
}

async fn text_of(mut field: Field<'_>) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|e| broken(&e.body_text()))? {
        if text.len().saturating_add(chunk.len()) > JSON_BODY_LIMIT {
            return Err(input::too_long(JSON_BODY_LIMIT));
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

async fn store(app: &App, mut field: Field<'_>, at: usize) -> Result<Upload> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = app.home.tmp().join(format!("upload-{}-{number}", std::process::id()));
    let upload = Upload(path.clone());
    let wrong = |e: &std::io::Error| Error::io("cannot keep the upload in", &path, e);
    let mut file = tokio::fs::File::create_new(&path).await.map_err(|e| wrong(&e))?;
    let mut length = 0usize;
    while let Some(chunk) = field.chunk().await.map_err(|e| broken(&e.body_text()))? {
        length = length.saturating_add(chunk.len());
        if length > INPUT_LEN_LIMIT {
            return Err(photo_too_long(at));
        }
        file.write_all(&chunk).await.map_err(|e| wrong(&e))?;
    }
    file.flush().await.map_err(|e| wrong(&e))?;
    Ok(upload)
}

/// Makes one photo ready: stripped, reduced, sealed with its preview.
///
/// # Errors
/// Refused with the reason, if the file is no photo; failed, if the disk does not take it.
pub async fn prepare(client: &Client, upload: &Upload, at: usize, alt: Option<String>) -> Result<PhotoDraft> {
    let bytes = tokio::fs::read(&upload.0).await.map_err(|e| Error::io("cannot read", &upload.0, &e))?;
    let photo = media::prepare_photo(bytes).await.map_err(|e| not_taken(&e, at))?;
    Ok(PhotoDraft {
        preview: client.seal_blob(photo.preview).await?,
        picture: client.seal_blob(photo.bytes).await?,
        mime: photo.mime.to_owned(),
        width: photo.width,
        height: photo.height,
        thumbhash: photo.thumbhash,
        alt,
    })
}

/// Why a photo was not taken, as a person reads it.
pub fn not_taken(error: &media::Error, at: usize) -> Error {
    use media::Error as E;
    let code = match error {
        E::Empty | E::Foreign(_) | E::Unknown => "not_a_photo",
        E::TooLong { .. } => "photo_too_large",
        E::TooManyPixels { .. } | E::SideTooLong { .. } | E::Hollow { .. } | E::TooMuchMemory { .. } => {
            "photo_too_large_inside"
        }
        E::NoPixels { .. } | E::Contradiction { .. } | E::Damaged { .. } | E::DecoderFailed { .. } => {
            "damaged_photo"
        }
        _ => "photo_failed",
    };
    let text = error.to_string();
    let (what, help) = text.split_once("; ").unwrap_or((&text, "choose another one"));
    let message = format!("photo {}: {what}", at + 1);
    match code {
        "photo_failed" => Error::failed("photo_failed", message, help),
        "photo_too_large" | "photo_too_large_inside" => Error::refused(code, message, help),
        _ => Error::usage(code, message, help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings::error::Kind;

    #[test]
    fn a_file_that_is_no_photo_is_wrong_usage_and_a_bomb_is_refused() {
        let error = not_taken(&media::photo(b"plain text").unwrap_err(), 2);
        assert_eq!((error.kind, error.code.as_ref()), (Kind::Usage, "not_a_photo"));
        assert!(error.message.starts_with("photo 3: ") && !error.help.is_empty());
        let bomb = media::Error::TooManyPixels { width: 60_000, height: 60_000, max_pixels: 100_000_000 };
        assert_eq!(not_taken(&bomb, 0).kind, Kind::Refused);
    }

    #[test]
    fn an_upload_leaves_no_file_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("upload-1");
        std::fs::write(&path, b"x").unwrap();
        drop(Upload(path.clone()));
        assert!(!path.exists());
    }
}
