//! Files that are whole or absent: the one way anything is written outside sled.
//!
//! [`write_whole`] writes a temporary file, syncs it, renames it over the old one and syncs the folder, so that a power
//! cut leaves the old content or the new and never a mixture. [`BodyFiles`] keeps records too long for sled: sled
//! spills pages over 128 KiB into files that it never syncs, so no value in it exceeds 4 KiB
//! (docs/protocol.md 3.19).
//!
//! A body file is named by the hash of its tree, key and content: two records never share a file, writing one again
//! writes the same file, and a file that was altered no longer fits its name.
//!
//! What it does not do: it knows no batches. When a file may go is decided by who holds the references.
//!
//! Source: docs/protocol.md 3.13, 3.19.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::id::{hex, unhex};
use crate::limits::STORE_RECORD_LIMIT;

/// Ends the name of a file that is not whole yet.
const TEMPORARY: &str = ".tmp";

/// Writes a file so that it is whole or absent, and durable when this returns. `private` gives it mode 0600 where
/// modes exist.
///
/// # Errors
/// Those of the system; the old content is untouched then.
pub fn write_whole(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    write_unsynced_name(path, bytes, private)?;
    sync_parent(path)
}

/// As [`write_whole`], but the new name itself is durable only after [`sync_folder`].
fn write_unsynced_name(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    let temporary = temporary_name(path);
    let written = write_temporary(&temporary, bytes, private).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Room is what is missing when this matters; a file that stays is collected at the next start.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_temporary(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    // A left-over of a crash may have another mode; begin anew.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(TEMPORARY);
    path.with_file_name(name)
}

/// Makes the names in a folder durable. Only Unix knows how; elsewhere the rename itself has to do.
///
/// # Errors
/// Those of the system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn sync_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes a folder that only its owner may enter, and the folders above it.
///
/// # Errors
/// Those of the system.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    sync_parent(path)
}

/// Reads a whole file of at most `limit` bytes; `None` if there is none.
///
/// # Errors
/// Those of the system; `FileTooLarge` above the limit.
pub fn read_whole(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    let one_more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(one_more).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(bytes)) }
}

/// The name of a body file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BodyName([u8; 32]);

impl BodyName {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// The name of a record: which tree, which key, which bytes.
    pub fn of(tree: &str, key: &[u8], value: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("tidings body file 1");
        let key_len = u64::try_from(key.len()).unwrap_or(u64::MAX);
        hasher.update(tree.as_bytes()).update(&[0]).update(&key_len.to_be_bytes()).update(key).update(value);
        Self(*hasher.finalize().as_bytes())
    }

    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A folder of body files, spread over 256 folders by the first byte of the name.
#[derive(Debug)]
pub struct BodyFiles {
    folder: PathBuf,
}

impl BodyFiles {
    /// The folder, made if it is not there.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        create_private_folder(&folder)?;
        Ok(Self { folder })
    }

    /// Writes files. All are durable when this returns, names included.
    ///
    /// # Errors
    /// Those of the system; some files may be there then, which is harmless.
    pub fn write<'a>(&self, files: impl IntoIterator<Item = (BodyName, &'a [u8])>) -> io::Result<()> {
        let mut folders = std::collections::BTreeSet::new();
        for (name, bytes) in files {
            let path = self.path(&name);
            if let Some(parent) = path.parent() {
                if !parent.is_dir() {
                    create_private_folder(parent)?;
                }
                folders.insert(parent.to_owned());
            }
            write_unsynced_name(&path, bytes, true)?;
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Reads a file; `None` if it is not there. Whether it fits its name is for the caller, who knows tree and key.
    ///
    /// # Errors
    /// Those of the system.
    pub fn read(&self, name: &BodyName) -> io::Result<Option<Vec<u8>>> {
        read_whole(&self.path(name), STORE_RECORD_LIMIT)
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// Those of the system.
    pub fn remove(&self, name: &BodyName) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Hands every file to `keep` and removes those it does not want, and temporary ones. Files with other names are
    /// not ours and stay.
    ///
    /// # Errors
    /// Those of the system and of `keep`.
    ///
    /// # Cost
    /// Lists the folder.
    pub fn collect<E: From<io::Error>>(
        &self,
        mut keep: impl FnMut(&BodyName, u64) -> Result<bool, E>,
    ) -> Result<(), E> {
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                let name = file.file_name();
                let name = name.to_string_lossy();
                let wanted = match unhex::<32>(&name) {
                    Ok(bytes) => keep(&BodyName(bytes), file.metadata()?.len())?,
                    Err(_) => !name.ends_with(TEMPORARY),
                };
                if !wanted {
                    fs::remove_file(file.path())?;
                }
            }
        }
        Ok(())
    }

    fn path(&self, name: &BodyName) -> PathBuf {
        let text = hex(&name.0);
        self.folder.join(text.get(..2).unwrap_or_default()).join(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_leaves_no_temporary_behind() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("seq");
        write_whole(&path, b"one", true).expect("written");
        write_whole(&path, b"two", true).expect("replaced");
        assert_eq!(read_whole(&path, 3).expect("read"), Some(b"two".to_vec()));
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
    }

    #[test]
    fn a_left_over_temporary_does_not_stand_in_the_way() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("seq");
        fs::write(folder.path().join("seq.tmp"), b"torn").expect("left-over");
        write_whole(&path, b"whole", true).expect("written");
        assert_eq!(read_whole(&path, 100).expect("read"), Some(b"whole".to_vec()));
    }

    #[test]
    fn a_file_above_its_limit_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("big");
        fs::write(&path, [0; 11]).expect("written");
        assert_eq!(read_whole(&path, 11).expect("read").map(|bytes| bytes.len()), Some(11));
        assert_eq!(read_whole(&path, 10).expect_err("too long").kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_whole(&folder.path().join("none"), 10).expect("read"), None);
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("folder");
        let keys = folder.path().join("keys");
        create_private_folder(&keys).expect("folder");
        write_whole(&keys.join("k"), b"secret", true).expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&keys), mode(&keys.join("k"))), (0o700, 0o600));
    }

    #[test]
    fn collecting_removes_what_is_not_wanted_and_leaves_strangers() {
        let folder = tempfile::tempdir().expect("folder");
        let files = BodyFiles::open(folder.path().join("bodies")).expect("open");
        let (kept, gone) = (BodyName::of("log", b"a", b"1"), BodyName::of("log", b"b", b"2"));
        files.write([(kept, b"1".as_slice()), (gone, b"2".as_slice())]).expect("written");
        let beside = files.path(&kept).with_file_name("note.txt");
        let torn = files.path(&kept).with_file_name("torn.tmp");
        fs::write(&beside, b"not ours").expect("written");
        fs::write(&torn, b"torn").expect("written");
        files.collect::<io::Error>(|name, _| Ok(*name == kept)).expect("collected");
        assert_eq!(files.read(&kept).expect("read"), Some(b"1".to_vec()));
        assert_eq!(files.read(&gone).expect("read"), None);
        assert!(beside.exists() && !torn.exists());
    }

    #[test]
    fn names_tell_tree_key_and_content_apart() {
        let name = BodyName::of("log", b"ab", b"c");
        assert_ne!(name, BodyName::of("log", b"a", b"bc"));
        assert_ne!(name, BodyName::of("timeline", b"ab", b"c"));
        assert_ne!(name, BodyName::of("log", b"ab", b"d"));
        assert_eq!(name, BodyName::of("log", b"ab", b"c"));
    }
}
