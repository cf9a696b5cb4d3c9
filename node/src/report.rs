//! Reports: what a friend sent, written so that anybody can check who wrote it, and the check itself.
//!
//! ```text
//! DIR/report.json    the signed part and its signatures
//!     HASH.jpg …     the pictures, named by the hash that is signed
//!     README.txt     what it is and how to check it
//! ```
//!
//! Only a moment whose author let it be shared on can be reported: all others are deniable, by design. The check needs no
//! home, no node and no network; it believes nothing in the files but what the signatures cover.
//!
//! What it does not do: it sends nothing to anybody.
//!
//! Source: docs/protocol.md 3.9, 3.21.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidings::client::{Evidence, Proven, ProvenPicture};

use crate::cli::door::{Ask, Door};
use crate::error::{Error, Result};
use crate::limits::{BLOB_WAIT_LIMIT_MS, REPORT_LEN_LIMIT};

const FILE: &str = "report.json";
const PROVES: &str = "This proves that a device certified by the author's root key signed exactly this text, these pictures \
and this time, and let it be shared on.";
const DOES_NOT_PROVE: &str = "It does not prove that the author held that device then: a thief's signature looks the same, and \
strangers do not learn of a revocation. It does not prove that the time is true, nor who else could read it.";

/// Writes the report of a moment.
///
/// # Errors
/// Not found; refused if nothing proves who wrote it, or something stands there already; failed if it cannot be written.
pub fn write(door: &mut Door, id: &str, path: &Path, force: bool) -> Result<()> {
    let answer = door.ask(&Ask::get(format!("/moments/{id}/evidence")))?;
    let mut evidence: Evidence = serde_json::from_value(answer).map_err(|e| {
        Error::failed("strange_answer", e.to_string(), "use the same version for node and command")
    })?;
    let proven = evidence.check()?;
    let blobs = std::mem::take(&mut evidence.blobs);
    let text = serde_json::to_string_pretty(&evidence)
        .map_err(|e| Error::failed("internal", e.to_string(), "report this"))?;
    if path.extension().is_some_and(|extension| extension == "json") {
        free(path, force, path.exists())?;
        return put(path, |file| {
            file.write_all(text.as_bytes()).map_err(|e| Error::io("cannot write", path, &e))
        });
    }
    let is_taken = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    free(path, force, is_taken || path.is_file())?;
    fs::create_dir_all(path).map_err(|e| Error::io("cannot make", path, &e))?;
    for (picture, blob) in proven.pictures.iter().zip(&blobs) {
        let file = path.join(file_name(picture));
        let ask = Ask::get(format!("/blobs/{blob}?wait_ms={BLOB_WAIT_LIMIT_MS}"));
        put(&file, |out| door.fetch(&ask, out))?;
        if state_of(&file, picture)? != "same" {
            // What is not signed is no evidence.
            fs::remove_file(&file).map_err(|e| Error::io("cannot remove", &file, &e))?;
            return Err(Error::failed(
                "other_picture",
                "a picture here is not the one that was signed",
                "the text alone can be reported: name a file that ends in .json",
            ));
        }
    }
    let readme = path.join("README.txt");
    put(&readme, |file| {
        file.write_all(explained(&proven).as_bytes()).map_err(|e| Error::io("cannot write", &readme, &e))
    })?;
    // Last: a folder without it is no report.
    let file = path.join(FILE);
    put(&file, |out| out.write_all(text.as_bytes()).map_err(|e| Error::io("cannot write", &file, &e)))
}

fn free(path: &Path, force: bool, is_taken: bool) -> Result<()> {
    if !is_taken || force {
        return Ok(());
    }
    Err(Error::refused(
        "exists",
        format!("{} is not empty", path.display()),
        "name another place, or write over it with --force",
    ))
}

/// A new file beside the place of another, for what is not whole yet. What an earlier writing left there goes. A link is
/// not followed: the folder may be somebody else's work, and lead to a file of mine.
pub fn beside(path: &Path) -> Result<(PathBuf, File)> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let made = match fs::remove_file(&beside) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => File::create_new(&beside),
    };
    let file = made.map_err(|e| Error::io("cannot write", &beside, &e))?;
    Ok((beside, file))
}

/// Writes a file beside its place first, so that it is whole or not there.
pub fn put(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let (beside, mut file) = beside(path)?;
    if let Err(error) = write(&mut file) {
        // Half a file is of no use to anybody.
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    drop(file);
    fs::rename(&beside, path).map_err(|e| Error::io("cannot write", path, &e))
}

/// Checks a report.
///
/// # Errors
/// Not found; refused if it is too long; failed if it does not hold, or a picture is not the one that was signed.
pub fn check(path: &Path) -> Result<Value> {
    let (file, folder) = match path.is_dir() {
        true => (path.join(FILE), Some(path)),
        false => (path.to_path_buf(), None),
    };
    // A folder is somebody else's: a pipe in it would keep whoever opens it for ever.
    if folder.is_some() && fs::metadata(&file).is_ok_and(|found| !found.is_file()) {
        return Err(Error::failed(
            "evidence_does_not_hold",
            format!("this proves nothing: {} is no file", file.display()),
            "ask for it again",
        ));
    }
    let evidence: Evidence = serde_json::from_slice(&read(&file)?).map_err(|e| {
        Error::failed(
            "evidence_does_not_hold",
            format!("this proves nothing: it is no report ({e})"),
            "ask for it again",
        )
    })?;
    let proven = evidence.check()?;
    let mut pictures = Vec::new();
    for picture in &proven.pictures {
        let state = match folder {
            Some(folder) => state_of(&folder.join(file_name(picture)), picture)?,
            None => "not in this file",
        };
        if state == "another" {
            return Err(Error::failed(
                "other_picture",
                format!("{} is not the picture that was signed", file_name(picture)),
                "the text and the other signatures hold; this picture proves nothing",
            ));
        }
        pictures.push(json!({"hash": picture.hash, "state": state}));
    }
    Ok(json!({
        "ok": true,
        "proven": proven,
        "pictures": pictures,
        "proves": PROVES,
        "does_not_prove": DOES_NOT_PROVE,
    }))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let wrong = |e: &std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(
            "no_such_file",
            format!("there is no report at {}", path.display()),
            "name the folder or the .json file of a report",
        ),
        _ => Error::io("cannot read", path, e),
    };
    let file = File::open(path).map_err(|e| wrong(&e))?;
    let mut bytes = Vec::new();
    file.take(REPORT_LEN_LIMIT + 1).read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > REPORT_LEN_LIMIT {
        return Err(Error::refused(
            "report_too_long",
            format!("{} is longer than {REPORT_LEN_LIMIT} bytes, the limit", path.display()),
            "it is no report",
        ));
    }
    Ok(bytes)
}

/// `same`, `another` or `missing`.
fn state_of(path: &Path, picture: &ProvenPicture) -> Result<&'static str> {
    let wrong = |e: &std::io::Error| Error::io("cannot read", path, e);
    // Asked before it is opened: a pipe or a device would keep whoever opens it for ever.
    match fs::metadata(path) {
        Ok(found) if found.is_file() && found.len() == picture.bytes => {}
        Ok(_) => return Ok("another"),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok("missing"),
        Err(e) => return Err(wrong(&e)),
    }
    let file = File::open(path).map_err(|e| wrong(&e))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.take(picture.bytes)).map_err(|e| wrong(&e))?;
    Ok(if hasher.finalize().to_hex().as_str() == picture.hash { "same" } else { "another" })
}

fn file_name(picture: &ProvenPicture) -> String {
    format!("{}.{}", picture.hash, extension(picture.mime))
}

/// The ending of a file of a media type. Nothing here is run by anybody who opens it.
pub fn extension(mime: &str) -> &'static str {
    match mime {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "image/gif" => "gif",
        "video/mp4" => "mp4",
        "video/webm" => "webm",
        _ => "bin",
    }
}

fn explained(proven: &Proven) -> String {
    format!(
        "A report of one moment, written by Tidings.\n\nAuthor (user id): {}\n\n{PROVES}\n{DOES_NOT_PROVE}\n\n\
         To check it, on any machine, without a node:\n    tidings report --check <this folder>\n\n\
         By hand (docs/protocol.md 3.9): `public` is the signed part; cert = Ed25519(root, \"tidings/v1/cert\" 00 device);\n\
         sig = Ed25519(device, \"tidings/v1/share\" 00 root share_id created_ms BLAKE3(public)); a picture's name is the\n\
         BLAKE3 of its bytes, which stands in `public`.\n",
        proven.author
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_refused_by_name_and_length() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(check(&dir.path().join("none.json")).unwrap_err().kind.exit_code(), 4);
        let file = dir.path().join("r.json");
        fs::write(&file, b"{}").unwrap();
        assert_eq!(check(&file).unwrap_err().code, "evidence_does_not_hold");
        let most = usize::try_from(REPORT_LEN_LIMIT).unwrap();
        fs::write(&file, vec![b' '; most]).unwrap();
        assert_eq!(check(&file).unwrap_err().code, "evidence_does_not_hold");
        fs::write(&file, vec![b' '; most + 1]).unwrap();
        let error = check(&file).unwrap_err();
        assert_eq!((error.kind.exit_code(), error.code.as_ref()), (5, "report_too_long"));
        assert!(error.message.contains(&REPORT_LEN_LIMIT.to_string()));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_lies_in_the_way_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (mine, path) = (dir.path().join("mine"), dir.path().join("index.html"));
        fs::write(&mine, b"mine").unwrap();
        for link in ["index.html.part", "index.html"] {
            std::os::unix::fs::symlink(&mine, dir.path().join(link)).unwrap();
        }
        put(&path, |file| file.write_all(b"new").map_err(|e| Error::io("x", &path, &e))).unwrap();
        assert_eq!((fs::read(&mine).unwrap(), fs::read(&path).unwrap()), (b"mine".to_vec(), b"new".to_vec()));
        assert!(!fs::symlink_metadata(&path).unwrap().is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_in_place_of_a_report_is_none_and_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/zero", dir.path().join(FILE)).unwrap();
        let error = check(dir.path()).unwrap_err();
        assert_eq!(error.code, "evidence_does_not_hold");
        assert!(error.message.contains("is no file"), "{}", error.message);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_in_place_of_a_picture_is_another_and_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let hash = blake3::hash(b"").to_hex().to_string();
        let picture = ProvenPicture { hash, bytes: 0, mime: "image/jpeg", alt: String::new() };
        let path = dir.path().join(file_name(&picture));
        // Read, it would not end, and it says of itself that it is empty.
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(state_of(&path, &picture).unwrap(), "another");
    }

    #[test]
    fn a_file_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let failed = put(&path, |file| {
            file.write_all(b"half").unwrap();
            Err(Error::failed("x", "y", "z"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        put(&path, |file| file.write_all(b"whole").map_err(|e| Error::io("x", &path, &e))).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
    }
}
