//! An album of my moments that any browser reads, without a network, a script or this program.
//!
//! ```text
//! DIR/index.html       the months
//!     2026-11.html     a month, newest first; 2026-11-2.html and on where there are many
//!     media/ID.jpg …   pictures and videos, by their blob's id
//!     style.css        light and dark
//!     moments.json     the same facts for programs
//!     .tidings-album   says that this folder is one
//! ```
//!
//! Moments are read a page at a time and written as they come, so that ten thousand take no more memory than a hundred.
//! Every file is written beside its place and renamed. An earlier export is brought up to date: pictures that are there
//! stay, and what was withdrawn since goes. Nothing else in the folder is touched, and a folder that holds something
//! else is refused.
//!
//! An album is made to be shown: for whom a moment was, and who has it, is not in it. What was only for oneself is, and
//! says so.
//!
//! Everything a friend said is hostile text until [`page::escape`] has seen it; a strict policy in each page stands
//! behind that, and neither needs the other.

mod page;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidings::error::Kind;

use crate::cli::door::{Ask, Door, segment};
use crate::error::{Error, Result};
use crate::limits::{ALBUM_PAGE_MOMENTS, ALBUM_READ_MOMENTS};
use crate::report::{extension, put};

const MARKER: &str = ".tidings-album";
const STYLE: &str = include_str!("album/style.css");

/// Writes the album; what was written, as JSON.
///
/// # Errors
/// Refused for a folder that holds something else, or a full disk; what the API says.
pub fn export(door: &mut Door, dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<Value> {
    let me = door.ask(&Ask::get("/whoami"))?;
    let name = me.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    prepare(dir)?;
    let mut album = Album::begin(dir, &name, &me)?;
    let mut before: Option<String> = None;
    loop {
        let mut path = format!("/timeline?from=me&limit={ALBUM_READ_MOMENTS}");
        if let Some(cursor) = &before {
            path.push_str(&format!("&before={}", segment(cursor)));
        }
        let answer = door.ask(&Ask::get(path))?;
        for moment in answer.get("moments").and_then(Value::as_array).into_iter().flatten() {
            album.add(door, moment)?;
        }
        progress(album.moments);
        before = answer.get("next").and_then(Value::as_str).map(str::to_owned);
        if before.is_none() {
            break;
        }
    }
    album.end()
}

/// A new or empty folder, or an earlier album.
fn prepare(dir: &Path) -> Result<()> {
    let is_other = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_some() && !dir.join(MARKER).is_file(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => true,
        Err(e) => return Err(Error::io("cannot look into", dir, &e)),
    };
    if is_other {
        return Err(Error::refused(
            "not_an_album",
            format!("{} is not empty and no earlier export", dir.display()),
            "name an empty or a new folder; nothing was written",
        ));
    }
    let media = dir.join("media");
    fs::create_dir_all(&media).map_err(|e| Error::io("cannot make", &media, &e))?;
    text_file(
        &dir.join(MARKER),
        "An album written by Tidings, form 1. Export again to bring it up to date.\n",
    )?;
    text_file(&dir.join("style.css"), STYLE)
}

fn text_file(path: &Path, text: &str) -> Result<()> {
    put(path, |file| file.write_all(text.as_bytes()).map_err(|e| Error::io("cannot write", path, &e)))
}

/// A file that is written over a longer time, and bears its name once it is whole.
struct Growing {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Growing {
    fn begin(path: PathBuf) -> Result<Self> {
        let beside = Self::beside(&path);
        let file = File::create(&beside).map_err(|e| Error::io("cannot write", &beside, &e))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn beside(path: &Path) -> PathBuf {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".part");
        PathBuf::from(beside)
    }

    fn add(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).map_err(|e| Error::io("cannot write", &self.path, &e))
    }

    fn end(mut self) -> Result<()> {
        let wrong = |e: &std::io::Error| Error::io("cannot write", &self.path, e);
        self.file.flush().map_err(|e| wrong(&e))?;
        fs::rename(Self::beside(&self.path), &self.path).map_err(|e| wrong(&e))
    }
}

/// A month's page that is being written.
struct Month {
    /// `2026-11`.
    name: String,
    part: u64,
    moments: u64,
    file: Growing,
}

/// An album that is being written.
struct Album {
    dir: PathBuf,
    title: String,
    /// The page that is open.
    open: Option<Month>,
    /// The page before it, for the way back.
    newer: Option<String>,
    /// Months that are written, newest first, and how many moments each has.
    months: Vec<(String, u64)>,
    facts: Growing,
    pages: BTreeSet<String>,
    media: BTreeSet<String>,
    moments: u64,
    files: u64,
    missing: u64,
}

impl Album {
    fn begin(dir: &Path, name: &str, me: &Value) -> Result<Self> {
        let mut facts = Growing::begin(dir.join("moments.json"))?;
        let person = json!({"id": me.get("user"), "name": name});
        facts.add(&format!("{{\"format\":\"tidings-album/1\",\"person\":{person},\"moments\":["))?;
        Ok(Self {
            dir: dir.to_path_buf(),
            title: name.to_owned(),
            open: None,
            newer: None,
            months: Vec::new(),
            facts,
            pages: BTreeSet::new(),
            media: BTreeSet::new(),
            moments: 0,
            files: 0,
            missing: 0,
        })
    }

    fn add(&mut self, door: &mut Door, moment: &Value) -> Result<()> {
        let files = self.fetch(door, moment)?;
        let created = moment.get("created_at").and_then(Value::as_str).unwrap_or_default();
        let month = created.get(..7).filter(|month| is_month(month)).unwrap_or("1970-01").to_owned();
        self.turn_to(&month)?;
        if let Some(open) = &mut self.open {
            open.file.add(&page::moment(moment, &files))?;
            open.moments += 1;
        }
        if let Some((_, count)) = self.months.last_mut() {
            *count += 1;
        }
        let comma = if self.moments == 0 { "\n" } else { ",\n" };
        self.facts.add(&format!("{comma}{}", facts(moment, &files)))?;
        self.moments += 1;
        Ok(())
    }

    /// Opens the page that a moment of a month goes to.
    fn turn_to(&mut self, month: &str) -> Result<()> {
        let part = match &self.open {
            Some(open) if open.name == month && open.moments < ALBUM_PAGE_MOMENTS => return Ok(()),
            Some(open) if open.name == month => open.part + 1,
            _ => 1,
        };
        let name = if part == 1 { format!("{month}.html") } else { format!("{month}-{part}.html") };
        self.close(Some(&name))?;
        if part == 1 {
            self.months.push((month.to_owned(), 0));
        }
        let mut file = Growing::begin(self.dir.join(&name))?;
        file.add(&page::head(&self.title, month, self.newer.as_deref()))?;
        self.pages.insert(name.clone());
        self.newer = Some(name);
        self.open = Some(Month { name: month.to_owned(), part, moments: 0, file });
        Ok(())
    }

    fn close(&mut self, older: Option<&str>) -> Result<()> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.file.add(&page::foot(older))?;
        open.file.end()
    }

    /// Brings the pictures and videos of a moment, and says where each lies.
    fn fetch(&mut self, door: &mut Door, moment: &Value) -> Result<page::Files> {
        let mut files = page::Files::new();
        for (id, mime, bytes) in page::media(moment) {
            let name = format!("{id}.{}", extension(mime));
            let path = self.dir.join("media").join(&name);
            let is_here = bytes.is_some() && fs::metadata(&path).ok().map(|meta| meta.len()) == bytes;
            if !is_here && !self.bring(door, id, &path)? {
                self.missing += 1;
                continue;
            }
            if self.media.insert(name.clone()) {
                self.files += 1;
            }
            files.insert(id.to_owned(), format!("media/{name}"));
        }
        Ok(files)
    }

    /// False if it is not here.
    fn bring(&self, door: &mut Door, id: &str, path: &Path) -> Result<bool> {
        match put(path, |file| door.fetch(&Ask::get(format!("/blobs/{id}?wait_ms=0")), file)) {
            Ok(()) => Ok(true),
            // Not here, or not what was signed: the page says that there was one.
            Err(error) if matches!(error.kind, Kind::NotFound) || error.code == "other_picture" => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn end(mut self) -> Result<Value> {
        self.close(None)?;
        self.facts.add("\n]}\n")?;
        self.facts.end()?;
        text_file(&self.dir.join("index.html"), &page::index(&self.title, &self.months))?;
        sweep(&self.dir, |name| is_page(name) && !self.pages.contains(name))?;
        sweep(&self.dir.join("media"), |name| is_medium(name) && !self.media.contains(name))?;
        Ok(json!({
            "ok": true,
            "dir": self.dir.display().to_string(),
            "moments": self.moments,
            "files": self.files,
            "missing": self.missing,
        }))
    }
}

/// The facts of a moment for programs: what the pages say, with the files' places.
fn facts(moment: &Value, files: &page::Files) -> Value {
    let mut facts = moment.clone();
    if let Some(fields) = facts.as_object_mut() {
        // For whom it was is nobody's business who is shown the album.
        for private in ["audience", "delivery", "mentions", "muted", "faved", "pinned", "received_at"] {
            fields.remove(private);
        }
        fields.insert("files".to_owned(), json!(files));
        fields.insert("private".to_owned(), json!(page::is_private(moment)));
    }
    facts
}

/// Removes what an earlier export wrote and this one did not.
fn sweep(dir: &Path, is_stale: impl Fn(&str) -> bool) -> Result<()> {
    let entries = fs::read_dir(dir).map_err(|e| Error::io("cannot look into", dir, &e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("cannot look into", dir, &e))?;
        if entry.file_name().to_str().is_some_and(&is_stale) {
            let path = entry.path();
            fs::remove_file(&path).map_err(|e| Error::io("cannot remove", &path, &e))?;
        }
    }
    Ok(())
}

/// `2026-11`.
fn is_month(text: &str) -> bool {
    let digits = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(year, month)| digits(year, 4) && digits(month, 2))
}

/// The name of a month's page, as this module gives it.
fn is_page(name: &str) -> bool {
    let name = name.strip_suffix(".part").unwrap_or(name);
    let Some((month, rest)) = name.strip_suffix(".html").and_then(|name| name.split_at_checked(7)) else {
        return false;
    };
    let is_part = |rest: &str| rest.strip_prefix('-').is_some_and(|part| part.parse::<u64>().is_ok());
    is_month(month) && (rest.is_empty() || is_part(rest))
}

/// The name of a picture's file, as this module gives it.
fn is_medium(name: &str) -> bool {
    name.split_at_checked(64).is_some_and(|(id, rest)| page::is_id(id) && rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("album");
        prepare(&folder).unwrap();
        prepare(&folder).unwrap();
        let other = dir.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("thesis.txt"), b"mine").unwrap();
        for wrong in [other.clone(), other.join("thesis.txt")] {
            let error = prepare(&wrong).unwrap_err();
            assert_eq!((error.kind.exit_code(), error.code.as_ref()), (5, "not_an_album"));
        }
        assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    }

    #[test]
    fn only_what_an_export_wrote_counts_as_stale() {
        for (name, page) in [
            ("2026-11.html", true),
            ("2026-11-2.html", true),
            ("2026-11.html.part", true),
            ("index.html", false),
            ("2026-11-x.html", false),
            ("2026-11.htm", false),
            ("é026-11.html", false),
            ("notes.html", false),
        ] {
            assert_eq!(is_page(name), page, "{name}");
        }
        assert!(is_medium(&format!("{}.jpg", "a1".repeat(32))));
        for other in ["holiday.jpg".to_owned(), format!("{}.jpg", "zz".repeat(32)), "a1".repeat(32)] {
            assert!(!is_medium(&other), "{other}");
        }
    }

    #[test]
    fn months_become_pages_and_a_full_page_goes_on_in_another() {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path()).unwrap();
        let mut door = Door::to(&crate::home::Home::at(&dir.path().join("none")));
        let mut album = Album::begin(dir.path(), "Alice", &json!({"user": "ab"})).unwrap();
        let at = |month: &str| json!({"id": "x", "text": "hi", "created_at": format!("{month}-05T10:00:00.000Z"), "audience": {"rule": "private"}});
        for _ in 0..=ALBUM_PAGE_MOMENTS {
            album.add(&mut door, &at("2026-11")).unwrap();
        }
        album.add(&mut door, &at("2025-12")).unwrap();
        let written = album.end().unwrap();
        assert_eq!(written["moments"], ALBUM_PAGE_MOMENTS + 2);
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        let count = |name: &str| u64::try_from(read(name).matches("<article").count()).unwrap();
        assert_eq!(
            (count("2026-11.html"), count("2026-11-2.html"), count("2025-12.html")),
            (ALBUM_PAGE_MOMENTS, 1, 1)
        );
        assert!(read("2026-11.html").contains("href=\"2026-11-2.html\""));
        assert!(read("2025-12.html").contains("href=\"2026-11-2.html\""));
        assert!(read("index.html").contains("href=\"2025-12.html\""));
        let facts: Value = serde_json::from_str(&read("moments.json")).unwrap();
        assert_eq!(facts["moments"].as_array().unwrap().len(), 502);
        assert!(facts["moments"][0].get("audience").is_none());
        assert!(
            !fs::read_dir(dir.path()).unwrap().any(|e| e
                .unwrap()
                .file_name()
                .to_str()
                .unwrap()
                .ends_with(".part"))
        );
    }

    #[test]
    fn what_was_withdrawn_since_goes_from_an_earlier_album() {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path()).unwrap();
        let stale = dir.path().join("media").join(format!("{}.jpg", "a1".repeat(32)));
        let own = dir.path().join("media/mine.jpg");
        for path in [&stale, &own, &dir.path().join("2020-01.html")] {
            fs::write(path, b"x").unwrap();
        }
        Album::begin(dir.path(), "Alice", &json!({})).unwrap().end().unwrap();
        assert!(!stale.exists() && own.exists() && !dir.path().join("2020-01.html").exists());
    }
}
