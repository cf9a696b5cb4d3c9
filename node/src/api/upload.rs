//! Photos and videos on their way in: from the wire to a file in `tmp/`, from there through the media pipeline into sealed
//! blobs.
//!
//! Nine photos of the largest size do not fit in memory twice, and a video has 100 MiB, so each part is written out as it
//! arrives; photos are read back one at a time, a video is looked at, cleaned and sealed on the disk. A file is removed
//! when its value is dropped, whatever the end was.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::multipart::Field;
use axum::extract::{Multipart, Request};
use futures::StreamExt;
use tidings::ask::{PhotoDraft, VideoDraft};
use tidings::client::Client;
use tidings::limits::{POST_PHOTO_LIMIT, VIDEO_BLOB_LIMIT};
use tokio::io::AsyncWriteExt;

use super::input;
use super::moments::Draft;
use crate::app::App;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::limits::{JSON_BODY_LIMIT, REFUSED_UPLOAD_WAIT_MS, UPLOAD_SILENCE_LIMIT_MS};
use crate::media::edit::Edit;
use crate::media::limits::INPUT_LEN_LIMIT;
use crate::media::{self, video};

/// A file that came in; removed when dropped.
#[derive(Debug)]
pub struct Upload(PathBuf);

impl Drop for Upload {
    fn drop(&mut self) {
        // What stays is emptied at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The files of a form.
#[derive(Debug, Default)]
pub struct Files {
    /// At most nine.
    pub photos: Vec<Upload>,
    /// Instead of photos.
    pub video: Option<Upload>,
    /// A still picture for the video.
    pub poster: Option<Upload>,
}

impl Files {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.photos.is_empty() && self.video.is_none() && self.poster.is_none()
    }

    /// How long each of them is, photos first; none for one that is not there. One that cannot be looked at is refused when
    /// it is read.
    pub fn lengths(&self) -> Vec<Option<u64>> {
        let length = |file: &Upload| std::fs::metadata(&file.0).ok().map(|found| found.len());
        let others = [&self.video, &self.poster].map(|file| file.as_ref().and_then(length));
        self.photos.iter().map(length).chain(others).collect()
    }
}

/// A part of a form that is a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A photo.
    Photo,
    /// A video.
    Video,
    /// A still picture for it.
    Poster,
}

impl Part {
    /// By the name it has in the form; whatever else is bounded as a photo is.
    pub fn named(name: &str) -> Self {
        match name {
            "video" => Self::Video,
            "poster" => Self::Poster,
            _ => Self::Photo,
        }
    }

    /// Refuses a length above the limit of this part. `at`: which one of several it is, from 0.
    ///
    /// # Errors
    /// Refused.
    pub fn check(self, length: u64, at: usize) -> Result<()> {
        let photo_limit = u64::try_from(INPUT_LEN_LIMIT).unwrap_or(u64::MAX);
        let limit = if self == Self::Video { VIDEO_BLOB_LIMIT } else { photo_limit };
        if length <= limit {
            return Ok(());
        }
        let (code, what) = match self {
            Self::Photo => ("photo_too_large", format!("photo {}", at + 1)),
            Self::Video => ("video_too_large", "the video".to_owned()),
            Self::Poster => ("photo_too_large", "the poster".to_owned()),
        };
        Err(too_long(code, &what, limit))
    }
}

fn too_long(code: &'static str, what: &str, limit: u64) -> Error {
    Error::refused(code, format!("{what} is longer than {limit} bytes, the limit"), "make it smaller")
}

/// A picture of a profile is too long.
fn picture_too_long() -> Error {
    too_long("photo_too_large", "the picture", u64::try_from(INPUT_LEN_LIMIT).unwrap_or(u64::MAX))
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

/// Photos and a video together.
pub fn mixed() -> Error {
    Error::usage(
        "photos_and_video",
        "a moment has photos or one video, not both",
        "share them in two moments",
    )
}

/// A still picture for nothing.
pub fn poster_alone() -> Error {
    Error::usage("poster_without_video", "a poster is given, but no video", "give the video as well")
}

/// Takes a whole form in.
///
/// # Errors
/// Usage, if it is not understood; refused above a limit; failed, if the disk does not take it.
pub async fn take_in(app: &App, mut form: Multipart) -> Result<(Draft, Files)> {
    let (draft, files) = take_form(app, &mut form, &["photo", "video", "poster"]).await?;
    Ok((draft.map(|text| input::parse(&text)).transpose()?.unwrap_or_default(), files))
}

/// Takes a form in: the text of its draft, and files with these names.
///
/// # Errors
/// As [`take_in`].
pub async fn take_form(app: &App, form: &mut Multipart, names: &[&str]) -> Result<(Option<Vec<u8>>, Files)> {
    let _turn =
        app.uploads.acquire().await.map_err(|e| Error::failed("internal", e.to_string(), "try again"))?;
    let taken = take_parts(app, form, names).await;
    if taken.as_ref().is_err_and(|error| error.code != SILENT) {
        read_on(form).await;
    }
    taken
}

/// Code of the refusal of who sends no more; there is nothing to be read on.
const SILENT: &str = "upload_silent";

/// What comes next of a form. Whoever sends nothing must not keep the turn that others wait for.
pub async fn in_time<T>(next: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(Duration::from_millis(UPLOAD_SILENCE_LIMIT_MS), next).await.map_err(|_elapsed| {
        Error::refused(
            SILENT,
            format!("nothing came of the upload for {UPLOAD_SILENCE_LIMIT_MS} ms, the limit"),
            "send it again",
        )
    })
}

/// The body of a request that is one picture. Whoever holds a turn calls it: who sends no more is not waited for.
///
/// # Errors
/// Refused above the limit of a picture or if nothing comes any more; usage, if the body breaks off.
pub async fn picture_of(request: Request) -> Result<Vec<u8>> {
    let mut body = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = in_time(body.next()).await? {
        let chunk = chunk.map_err(|e| broken(&e.to_string()))?;
        if bytes.len().saturating_add(chunk.len()) > INPUT_LEN_LIMIT {
            return Err(picture_too_long());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads what was refused to its end: whoever still sends would find the connection broken, and not hear why. The body's
/// limit bounds it.
async fn read_on(form: &mut Multipart) {
    let rest = async { while let Ok(Some(_)) = form.next_field().await {} };
    // Who takes longer than that is not waited for.
    let _ = tokio::time::timeout(Duration::from_millis(REFUSED_UPLOAD_WAIT_MS), rest).await;
}

async fn take_parts(app: &App, form: &mut Multipart, names: &[&str]) -> Result<(Option<Vec<u8>>, Files)> {
    let (mut draft, mut files) = (None, Files::default());
    while let Some(field) = in_time(form.next_field()).await?.map_err(|e| broken(&e.body_text()))? {
        let name = field.name().unwrap_or("without a name").to_owned();
        match name.as_str() {
            "draft" if draft.is_none() => draft = Some(text_of(field).await?),
            name if !names.contains(&name) => {
                let takes = names.join("`, `");
                return Err(broken(&format!(
                    "there is a part `{name}` too many; it has one `draft` and `{takes}`"
                )));
            }
            "photo" if files.video.is_some() => return Err(mixed()),
            "photo" if files.photos.len() >= POST_PHOTO_LIMIT => return Err(too_many_photos()),
            "photo" => files.photos.push(store(app, field, Part::Photo, files.photos.len()).await?),
            "video" if !files.photos.is_empty() => return Err(mixed()),
            "video" if files.video.is_none() => files.video = Some(store(app, field, Part::Video, 0).await?),
            "poster" if files.poster.is_none() => {
                files.poster = Some(store(app, field, Part::Poster, 0).await?);
            }
            name => return Err(broken(&format!("a moment has one `{name}`, there are two"))),
        }
    }
    if files.poster.is_some() && files.video.is_none() {
        return Err(poster_alone());
    }
    Ok((draft, files))
}

async fn text_of(mut field: Field<'_>) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    while let Some(chunk) = in_time(field.chunk()).await?.map_err(|e| broken(&e.body_text()))? {
        if text.len().saturating_add(chunk.len()) > JSON_BODY_LIMIT {
            return Err(input::too_long(JSON_BODY_LIMIT));
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

/// A place in `tmp/` that nobody has.
fn fresh(app: &App) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    app.home.tmp().join(format!("upload-{}-{number}", std::process::id()))
}

async fn store(app: &App, mut field: Field<'_>, part: Part, at: usize) -> Result<Upload> {
    let path = fresh(app);
    let upload = Upload(path.clone());
    let wrong = |e: &std::io::Error| Error::io("cannot keep the upload in", &path, e);
    let mut file = tokio::fs::File::create_new(&path).await.map_err(|e| wrong(&e))?;
    let mut length = 0u64;
    while let Some(chunk) = in_time(field.chunk()).await?.map_err(|e| broken(&e.body_text()))? {
        length = length.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        part.check(length, at)?;
        file.write_all(&chunk).await.map_err(|e| wrong(&e))?;
    }
    file.flush().await.map_err(|e| wrong(&e))?;
    Ok(upload)
}

/// The bytes of a photo that came in.
///
/// # Errors
/// If the disk does not give them.
pub async fn read(upload: &Upload) -> Result<Vec<u8>> {
    tokio::fs::read(&upload.0).await.map_err(|e| Error::io("cannot read", &upload.0, &e))
}

/// Makes one photo ready: stripped, edited, reduced, sealed with its preview.
///
/// # Errors
/// Refused with the reason, if the file is no photo; failed, if the disk does not take it.
pub async fn prepare(
    client: &Client,
    upload: &Upload,
    at: usize,
    alt: Option<String>,
    edit: Edit,
) -> Result<PhotoDraft> {
    let what = format!("photo {}", at + 1);
    let photo = media::prepare_edited(read(upload).await?, edit).await.map_err(|e| not_taken(&e, &what))?;
    Ok(PhotoDraft {
        // The small one first: it is wanted first.
        preview: client.seal_blob(photo.preview).await?,
        picture: client.seal_blob(photo.bytes).await?,
        mime: photo.mime.to_owned(),
        width: photo.width,
        height: photo.height,
        thumbhash: photo.thumbhash,
        alt,
    })
}

/// Makes a video ready: looked at, cut if that was asked for, freed of metadata, sealed with its poster.
///
/// # Errors
/// Refused or usage with the reason, if it is not taken; failed, if the disk does not take it.
pub async fn prepare_video(
    app: &App,
    client: &Client,
    files: &Files,
    trim: bool,
    alt: Option<String>,
) -> Result<Option<VideoDraft>> {
    let Some(upload) = &files.video else { return Ok(None) };
    let max_ms = Config::read(&app.home)?.video_max_ms();
    let spare = Upload(fresh(app));
    let ready = video::prepare(&upload.0, &spare.0, max_ms, trim).await.map_err(|e| video_not_taken(&e))?;
    let film = if ready.is_cut { &spare.0 } else { &upload.0 };
    let picture = match &files.poster {
        Some(poster) => {
            let picture = media::prepare_photo(read(poster).await?).await;
            Some(picture.map_err(|e| not_taken(&e, "the poster"))?)
        }
        None => match video::ffmpeg::still(film, ready.facts).await {
            // A still that is no picture is none.
            Some(still) => media::prepare_photo(still).await.ok(),
            None => None,
        },
    };
    let (poster, thumbhash) = match picture {
        Some(picture) => (Some(client.seal_blob(picture.preview).await?), picture.thumbhash),
        None => (None, Vec::new()),
    };
    Ok(Some(VideoDraft {
        poster,
        film: client.seal_file(film.clone()).await?,
        mime: ready.facts.mime.to_owned(),
        width: ready.facts.width,
        height: ready.facts.height,
        duration_ms: u32::try_from(ready.facts.duration_ms).unwrap_or(u32::MAX),
        thumbhash,
        alt,
    }))
}

/// Why a photo was not taken, as a person reads it.
pub fn not_taken(error: &media::Error, what: &str) -> Error {
    use media::Error as E;
    let code = match error {
        E::Empty | E::Foreign(_) | E::Unknown => "not_a_photo",
        E::TooLong { .. } => "photo_too_large",
        E::TooManyPixels { .. } | E::SideTooLong { .. } | E::Hollow { .. } | E::TooMuchMemory { .. } => {
            "photo_too_large_inside"
        }
        E::CropOutside { .. } => "crop_outside",
        E::CropTooSmall { .. } => "crop_too_small",
        E::NoPixels { .. } | E::Contradiction { .. } | E::Damaged { .. } | E::DecoderFailed { .. } => {
            "damaged_photo"
        }
        _ => "photo_failed",
    };
    let text = error.to_string();
    let (fact, help) = text.split_once("; ").unwrap_or((&text, "choose another one"));
    let message = format!("{what}: {fact}");
    match code {
        "photo_failed" => Error::failed("photo_failed", message, help),
        "photo_too_large" | "photo_too_large_inside" | "crop_outside" | "crop_too_small" => {
            Error::refused(code, message, help)
        }
        _ => Error::usage(code, message, help),
    }
}

/// Why a video was not taken, as a person reads it.
fn video_not_taken(error: &video::Error) -> Error {
    use video::Error as E;
    let text = error.to_string();
    let (fact, help) = text.split_once("; ").unwrap_or((&text, "choose another one"));
    let message = format!("the video: {fact}");
    match error {
        E::TooLong { .. } => Error::refused("video_too_long", message, help),
        E::TooLarge { .. } => Error::refused("video_too_large", message, help),
        E::Size { .. } | E::TooMany { .. } => Error::refused("video_too_large_inside", message, help),
        E::Hidden { .. } => Error::refused("video_hides_footage", message, help),
        E::NoFfmpeg => Error::refused("trim_needs_ffmpeg", message, help),
        E::Ffmpeg { .. } => Error::refused("video_not_trimmed", message, help),
        E::Empty | E::Foreign { .. } | E::NoPictures => Error::usage("not_a_video", message, help),
        E::Codec { .. } | E::Fragmented | E::Outside => Error::usage("video_kind", message, help),
        E::CutShort | E::Damaged(_) => Error::usage("damaged_video", message, help),
        E::NotBare | E::Interrupted | E::Io(_) => Error::failed("video_failed", message, help),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings::error::Kind;

    #[test]
    fn a_file_that_is_no_photo_is_wrong_usage_and_a_bomb_is_refused() {
        let error = not_taken(&media::photo(b"plain text").unwrap_err(), "photo 3");
        assert_eq!((error.kind, error.code.as_ref()), (Kind::Usage, "not_a_photo"));
        assert!(error.message.starts_with("photo 3: ") && !error.help.is_empty());
        let bomb = media::Error::TooManyPixels { width: 60_000, height: 60_000, max_pixels: 100_000_000 };
        assert_eq!(not_taken(&bomb, "photo 1").kind, Kind::Refused);
    }

    #[test]
    fn an_upload_leaves_no_file_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("upload-1");
        std::fs::write(&path, b"x").unwrap();
        drop(Upload(path.clone()));
        assert!(!path.exists());
    }

    #[test]
    fn each_part_has_its_limit_of_bytes() {
        let photo = u64::try_from(INPUT_LEN_LIMIT).unwrap();
        for (name, limit) in [("photo", photo), ("poster", photo), ("video", VIDEO_BLOB_LIMIT)] {
            assert!(Part::named(name).check(limit, 0).is_ok(), "{name}");
            let error = Part::named(name).check(limit + 1, 0).unwrap_err();
            assert_eq!(error.kind, Kind::Refused);
            assert!(error.message.contains(&limit.to_string()), "{}", error.message);
        }
    }

    #[test]
    fn a_long_video_is_refused_with_its_length_and_the_limit_and_a_damaged_one_is_wrong_usage() {
        let error = video_not_taken(&video::Error::TooLong { max_ms: 15_000, actual_ms: 16_020 });
        assert_eq!((error.kind, error.code.as_ref()), (Kind::Refused, "video_too_long"));
        assert!(
            error.message.contains("16.02 seconds") && error.message.contains("at most 15 "),
            "{error:?}"
        );
        assert!(error.help.contains("--trim"));
        assert_eq!(video_not_taken(&video::Error::CutShort).kind, Kind::Usage);
        assert_eq!(video_not_taken(&video::Error::NoFfmpeg).kind, Kind::Refused);
    }
}
