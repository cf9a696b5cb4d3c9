//! Videos: what a person chooses goes in, what friends receive comes out, without a picture being decoded here.
//!
//! Why: a film from a telephone tells where, when and with what it was taken, in a dozen places; it may hold more than it
//! shows; and what it claims about itself (its length, its sizes) may be wrong or a trap. All of this is dealt with on
//! our own copy, before anything is sealed.
//!
//! The idea: nothing is encoded again, so nothing is lost and no codec is needed. The file is read within limits, and
//! what need not be there is overwritten in place: lengths and offsets stay, so the result plays as before.
//!
//! ```text
//! copy in tmp/ ─ look ─────────────── check ───────────── apply ── look again ── seal
//!                kind, codec, size,   limits of length    edits    nothing left
//!                duration, edits      and pixels          in place to be edited
//! ```
//!
//! [`mp4`] and [`webm`] know the two containers, [`notes`] the notes inside picture data; [`ffmpeg`] makes a still picture
//! or cuts, where that program is there.
//!
//! What it does not do: convert. A codec that browsers do not play is refused with advice.
//!
//! Invariants: never a panic, whatever the bytes; memory bounded by [`limits`], not by what a file claims; a file that is
//! taken was looked at a second time after it was changed.
//!
//! Source: docs/protocol.md 3.4, 3.9, 3.18.

mod boxes;
pub mod error;
pub mod ffmpeg;
mod film;
pub mod limits;
mod mp4;
mod notes;
mod samples;
mod webm;

#[cfg(test)]
mod tests;

use std::io::{Read, Seek, Write};
use std::path::Path;

pub use error::Error;

use super::probe::{Foreign, Kind, kind};
use film::{Edit, Film, apply};

/// What a video is, worked out from its own tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `video/mp4` or `video/webm`.
    pub mime: &'static str,
    /// Width as it is shown, in pixels.
    pub width: u16,
    /// Height as it is shown, in pixels.
    pub height: u16,
    /// How long it plays, in ms.
    pub duration_ms: u64,
}

impl Facts {
    fn new(mime: &'static str, width: u64, height: u64, duration_ms: u64) -> Result<Self, Error> {
        let max_side = limits::SIDE_LIMIT;
        let side = |length: u64| u16::try_from(length).ok().filter(|_| (1..=max_side).contains(&length));
        let (Some(w), Some(h)) = (side(width), side(height)) else {
            return Err(Error::Size { width, height, max_side });
        };
        Ok(Self { mime, width: w, height: h, duration_ms })
    }

    /// Refuses what plays longer than `max_ms`.
    ///
    /// # Errors
    /// [`Error::TooLong`], beyond [`limits::SLACK_MS`] more.
    pub fn check(&self, max_ms: u64) -> Result<(), Error> {
        if self.duration_ms > max_ms.saturating_add(limits::SLACK_MS) {
            return Err(Error::TooLong { max_ms, actual_ms: self.duration_ms });
        }
        Ok(())
    }
}

/// Looks at a video without changing it.
///
/// # Errors
/// Why it is not taken.
pub fn look(path: &Path) -> Result<Facts, Error> {
    look_at(std::fs::File::open(path)?).map(|(facts, _)| facts)
}

/// Looks at a video, and overwrites in place whatever is not picture, sound, or needed to play them.
///
/// # Errors
/// Why it is not taken, [`Error::TooLong`] among it. The file is of no use then.
///
/// # Cost
/// Reads and writes parts of the file; blocks.
pub fn clean(path: &Path, max_ms: u64) -> Result<Facts, Error> {
    let (facts, edits) = look_at(std::fs::File::open(path)?)?;
    facts.check(max_ms)?;
    let mut file = std::fs::File::options().read(true).write(true).open(path)?;
    clean_in_place(&mut file, &edits, facts)?;
    Ok(facts)
}

/// A video that is ready to be sealed.
#[derive(Clone, Copy, Debug)]
pub struct Ready {
    /// What it is.
    pub facts: Facts,
    /// Whether it stands in the spare place now.
    pub is_cut: bool,
}

/// [`clean`] in its turn, off the runtime's threads; before that, a video that plays too long is cut into `spare` if
/// `trim` says so, and one made of fragments is put together there. Both need ffmpeg.
///
/// # Errors
/// Why it is not taken.
pub async fn prepare(path: &Path, spare: &Path, max_ms: u64, trim: bool) -> Result<Ready, Error> {
    let at = path.to_path_buf();
    let looked = super::when_free(&super::TURN, move || look(&at)).await.ok_or(Error::Interrupted)?;
    let is_long = |facts: &Facts| facts.check(max_ms).is_err();
    let cut = match &looked {
        Ok(facts) if trim && is_long(facts) => Some((facts.mime, max_ms)),
        // One second more, so that one that is too long is still seen to be.
        Err(Error::Fragmented) if ffmpeg::is_here() => {
            Some(("video/mp4", if trim { max_ms } else { max_ms + limits::SLACK_MS + 1_000 }))
        }
        _ => None,
    };
    if let Some((mime, mut ms)) = cut {
        ffmpeg::cut(path, spare, mime, ms).await?;
        // A copy ends with the picture after which no earlier one is due, which may be a little late.
        for step in 0..limits::CUTS_LIMIT {
            let at = spare.to_path_buf();
            let again =
                super::when_free(&super::TURN, move || look(&at)).await.ok_or(Error::Interrupted)??;
            if !trim || !is_long(&again) {
                break;
            }
            let over = again.duration_ms.saturating_sub(max_ms).max(1);
            ms = ms.saturating_sub(over << step).max(1);
            ffmpeg::cut(path, spare, mime, ms).await?;
        }
    }
    let is_cut = cut.is_some();
    let film = if is_cut { spare } else { path }.to_path_buf();
    let facts =
        super::when_free(&super::TURN, move || clean(&film, max_ms)).await.ok_or(Error::Interrupted)??;
    Ok(Ready { facts, is_cut })
}

/// Applies edits, and looks whether the file is what was meant.
fn clean_in_place(file: &mut (impl Read + Write + Seek), edits: &[Edit], facts: Facts) -> Result<(), Error> {
    apply(file, edits)?;
    // That nothing but pictures and sound goes out is a promise, so it is looked at and not only believed.
    let (again, left) = look_at(&mut *file)?;
    if again != facts || !Film::new(file)?.is_already(&left)? {
        return Err(Error::NotBare);
    }
    Ok(())
}

/// Facts and edits of a file.
fn look_at(file: impl Read + Seek) -> Result<(Facts, Vec<Edit>), Error> {
    let max_bytes = tidings::limits::VIDEO_BLOB_LIMIT;
    let mut film = Film::new(file)?;
    if film.len() == 0 {
        return Err(Error::Empty);
    }
    if film.len() > max_bytes {
        return Err(Error::TooLarge { max_bytes, actual_bytes: film.len() });
    }
    let start = film.bytes(0, film.len().min(512), "bytes", 512)?;
    match kind(&start) {
        Kind::Foreign(Foreign::Mp4) => mp4::look(&mut film),
        // An old one without a first box that says what it is plays in no browser.
        Kind::Foreign(Foreign::QuickTime) if start.get(4..8) == Some(b"ftyp") => mp4::look(&mut film),
        Kind::Foreign(Foreign::QuickTime) => {
            Err(Error::Foreign { what: "an old QuickTime film", advice: "export it as MP4" })
        }
        Kind::Foreign(Foreign::Matroska) => webm::look(&mut film),
        Kind::Foreign(foreign) => {
            Err(Error::Foreign { what: foreign.name(), advice: "export it as MP4 with H.264 and AAC" })
        }
        Kind::Photo(_) => Err(Error::Foreign { what: "a picture", advice: "share it with `--photo`" }),
        Kind::Unknown => Err(Error::Foreign {
            what: "no video in a format known here",
            advice: "export it as MP4 with H.264 and AAC",
        }),
    }
}
