//! What needs a codec, done by ffmpeg where it is there: a still picture of a video, and a cut.
//!
//! It is another program, looked for on `PATH`, started with a list of arguments (no shell), allowed to read nothing but
//! the one file, told which container that is, given a bounded time and then killed; and there are never more of it than
//! [`FFMPEG_CONCURRENT_LIMIT`], in a turn of its own, so that no photo waits for a film. What it makes is believed no more
//! than any other file: a still goes through the photo pipeline, a cut is looked at and cleaned like an upload.
//!
//! Without it videos are still posted; they have no poster, and `--trim` is refused.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Facts;
use super::error::Error;
use super::limits::PIXELS_LIMIT;
use crate::limits::{FFMPEG_CONCURRENT_LIMIT, FFMPEG_TIMEOUT_MS, STILL_LEN_LIMIT};

/// Held while ffmpeg works; its time begins when it has it.
static TURN: Semaphore = Semaphore::const_new(FFMPEG_CONCURRENT_LIMIT);

/// Waits for a turn. Nothing if closed, which does not happen.
async fn turn() -> Option<SemaphorePermit<'static>> {
    TURN.acquire().await.ok()
}

/// Whether ffmpeg is on `PATH`.
pub fn is_here() -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths)
        .any(|folder| folder.join(format!("ffmpeg{}", std::env::consts::EXE_SUFFIX)).is_file())
}

/// A still picture from the first second of a video, as PNG; `None` if ffmpeg is not there or makes none.
pub async fn still(path: &Path, facts: Facts) -> Option<Vec<u8>> {
    let _turn = turn().await?;
    if !is_here() {
        return None;
    }
    // Not the very first picture: it is often black.
    let at_ms = (facts.duration_ms / 4).min(1_000);
    let mut command = command(facts.mime);
    command
        .args(["-ss", &format!("{}.{:03}", at_ms / 1_000, at_ms % 1_000), "-i"])
        .arg(path)
        .args([
            "-map",
            "0:v:0",
            "-frames:v",
            "1",
            "-vf",
            "scale='min(1024,iw)':'min(1024,ih)':force_original_aspect_ratio=decrease",
        ])
        .args(["-c:v", "png", "-f", "image2pipe", "-"])
        .stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let out = child.stdout.take()?;
    let work = async {
        let mut picture = Vec::new();
        out.take(STILL_LEN_LIMIT).read_to_end(&mut picture).await.ok()?;
        let ended = child.wait().await.ok()?;
        (ended.success() && !picture.is_empty()).then_some(picture)
    };
    // The child is killed when it is dropped.
    tokio::time::timeout(Duration::from_millis(FFMPEG_TIMEOUT_MS), work).await.ok().flatten()
}

/// Copies the first `max_ms` of a video into another file, without encoding anything again.
///
/// # Errors
/// [`Error::NoFfmpeg`], [`Error::Ffmpeg`].
pub async fn cut(from: &Path, to: &Path, mime: &'static str, max_ms: u64) -> Result<(), Error> {
    if !is_here() {
        return Err(Error::NoFfmpeg);
    }
    let failed = || Error::Ffmpeg { what: "cut this video", advice: "cut it in another program" };
    let _turn = turn().await.ok_or_else(failed)?;
    let mut command = command(mime);
    command
        .arg("-i")
        .arg(from)
        .args(["-t", &format!("{}.{:03}", max_ms / 1_000, max_ms % 1_000)])
        .args(["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1"])
        .args(["-fs", &tidings::limits::VIDEO_BLOB_LIMIT.to_string(), "-f", format_of(mime)])
        .args(if mime == "video/mp4" { &["-movflags", "+faststart"][..] } else { &[] })
        .arg("-y")
        .arg(to)
        .stdout(Stdio::null());
    let mut child = command.spawn().map_err(|_| failed())?;
    let ended = tokio::time::timeout(Duration::from_millis(FFMPEG_TIMEOUT_MS), child.wait()).await;
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        _ => Err(failed()),
    }
}

fn format_of(mime: &str) -> &'static str {
    if mime == "video/webm" { "webm" } else { "mp4" }
}

/// ffmpeg that reads one file of this kind and nothing else.
fn command(mime: &str) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-v", "quiet", "-nostdin", "-protocol_whitelist", "file,pipe", "-threads", "1"])
        // What the picture data says of its size is nowhere else looked at.
        .args(["-max_pixels", &PIXELS_LIMIT.to_string()])
        .args(["-f", if mime == "video/webm" { "matroska" } else { "mov" }])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_is_wanted_while_as_many_work_as_may_waits_for_its_turn() {
        let facts = Facts { mime: "video/mp4", width: 96, height: 64, duration_ms: 0 };
        let all = TURN.acquire_many(u32::try_from(FFMPEG_CONCURRENT_LIMIT).unwrap()).await.unwrap();
        let mut still = std::pin::pin!(still(Path::new("no/such/film"), facts));
        for _ in 0..100 {
            assert!(futures::poll!(&mut still).is_pending(), "it works without a turn");
            tokio::task::yield_now().await;
        }
        drop(all);
        assert_eq!(still.await, None);
    }

    #[tokio::test]
    async fn a_picture_larger_than_film_is_not_opened_whatever_the_container_says() {
        if !is_here() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let facts = Facts { mime: "video/mp4", width: 96, height: 64, duration_ms: 0 };
        for (height, is_opened) in [(4_608, true), (4_640, false)] {
            let path = dir.path().join(format!("{height}.mov"));
            let made = Command::new("ffmpeg")
                .args([
                    "-v",
                    "quiet",
                    "-nostdin",
                    "-f",
                    "lavfi",
                    "-i",
                    &format!("color=s=8192x{height}:r=25"),
                ])
                .args(["-frames:v", "1", "-c:v", "mjpeg", "-f", "mov"])
                .arg(&path)
                .status();
            assert!(made.await.unwrap().success());
            assert_eq!(still(&path, facts).await.is_some(), is_opened, "{height}");
        }
    }
}
