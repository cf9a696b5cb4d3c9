//! The home folder of a node: one node at a time, one known format.
//!
//! ```text
//!  home/format   "tidings 3"            read before anything else is touched
//!  home/lock     held while a node runs; holds its process number
//!  home/store/   sled and the body files
//! ```
//!
//! A home with a newer format is refused untouched. An older one is migrated: where a step changes what is there, the
//! store is copied first, and an attempt that broke off begins again from the copy. A store without a format file is refused, because a home that
//! lost a file is damaged and must never be taken for a new one.
//!
//! A new home is marked `new` until its store is made, so that a crash in its first second is not damage.
//!
//! What it does not do: it knows nothing of what stands in the store.
//!
//! Source: docs/protocol.md 3.19; the promises on files in a home.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::StoreError;
use super::files::{create_private_folder, read_whole, sync_folder, write_whole};

/// The format that this program writes. 2 has places of posts in the clear (`sealed`); 3 keeps places in runs
/// (`disk::scattered`). What older ones wrote is read as it is.
pub const FORMAT: u32 = 3;

/// How long one attempt at the lock waits for the next.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Longest format file that is read, bytes. Longer ones are no format file.
const FORMAT_FILE_LIMIT: usize = 64;

/// Another node uses the home.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another Tidings node uses this home{}", process.map(|p| format!(" (process {p})")).unwrap_or_default())]
pub struct LockError {
    /// Its process number, where it could be read.
    pub process: Option<u32>,
}

/// The home cannot be used by this program as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// A newer program wrote it. Nothing was touched.
    #[error("this home has format {found}, this program knows {known}: use a newer Tidings")]
    Newer {
        /// The format found.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// There is a store and no format file.
    #[error("there is a store but no format file: the home is damaged or not a Tidings home")]
    Missing,
    /// The format file is not one.
    #[error("the format file cannot be read as one")]
    Unreadable,
    /// No way leads from this format to ours.
    #[error("this home has format {found}, which this program cannot migrate")]
    NoMigration {
        /// The format found.
        found: u32,
    },
}

/// One step from a format to the next.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The format it starts from; it ends at the next.
    pub from: u32,
    /// Changes the store folder in place; none if the next format reads what is there.
    pub run: Option<fn(&Path) -> io::Result<()>>,
}

/// The migrations this program knows.
const MIGRATIONS: &[Migration] = &[Migration { from: 1, run: None }, Migration { from: 2, run: None }];

/// A home that this process holds. Dropping it lets go of the lock.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    // Held open: the system lets go of the lock when the process ends, however it ends.
    _lock: File,
    is_new: bool,
}

impl Home {
    /// Opens a home, making it if there is nothing, and waits up to `wait` for another node to let go of it.
    ///
    /// # Errors
    /// [`StoreError::Format`] if it has another format, [`StoreError::Lock`] if another node holds it,
    /// [`StoreError::Io`].
    pub fn open(folder: &Path, wait: Duration) -> Result<Self, StoreError> {
        Self::open_as(folder, wait, FORMAT, MIGRATIONS)
    }

    fn open_as(
        folder: &Path,
        wait: Duration,
        known: u32,
        migrations: &[Migration],
    ) -> Result<Self, StoreError> {
        // Before the lock, so that a newer home is not even given a lock file.
        refuse_newer(read_format(folder)?, known)?;
        create_private_folder(folder).map_err(|e| StoreError::io("the home cannot be made", e))?;
        let lock = take_lock(&folder.join("lock"), wait)?;
        // Again: whoever held the lock may have migrated meanwhile.
        let found = read_format(folder)?;
        refuse_newer(found, known)?;
        let mut home = Self { folder: folder.to_owned(), _lock: lock, is_new: false };
        match found {
            None if home.has_store()? => return Err(FormatError::Missing.into()),
            None => home.write_format(known, true)?,
            Some(Format { version, is_new }) if version == known => home.is_new = is_new,
            // Nothing was made in it yet.
            Some(Format { is_new: true, .. }) => home.write_format(known, true)?,
            Some(Format { version, .. }) => home.migrate(version, known, migrations)?,
        }
        Ok(home)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the store lies.
    pub fn store_folder(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// Whether the store of this home was never made. Until [`Home::mark_established`].
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// The store is made and durable: from now on an empty one is damage.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn mark_established(&mut self) -> Result<(), StoreError> {
        self.write_format(FORMAT, false)
    }

    fn write_format(&mut self, version: u32, is_new: bool) -> Result<(), StoreError> {
        let text = format!("tidings {version}{}\n", if is_new { " new" } else { "" });
        write_whole(&self.folder.join("format"), text.as_bytes(), true)
            .map_err(|e| StoreError::io("the format file cannot be written", e))?;
        self.is_new = is_new;
        Ok(())
    }

    fn has_store(&self) -> Result<bool, StoreError> {
        match fs::read_dir(self.store_folder()) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io("the store folder cannot be read", error)),
        }
    }

    fn migrate(&mut self, found: u32, known: u32, migrations: &[Migration]) -> Result<(), StoreError> {
        let steps: Option<Vec<&Migration>> =
            (found..known).map(|from| migrations.iter().find(|step| step.from == from)).collect();
        let steps = steps.ok_or(FormatError::NoMigration { found })?;
        if steps.iter().all(|step| step.run.is_none()) {
            return self.write_format(known, false);
        }
        let (store, copy) = (self.store_folder(), self.folder.join(format!("store-format-{found}")));
        let io = |e| StoreError::io("the home cannot be migrated", e);
        if copy.exists() {
            // An earlier attempt broke off: what it left of the store is worth nothing, the copy is whole.
            remove_folder(&store).map_err(io)?;
            copy_folder(&copy, &store).map_err(io)?;
        } else {
            let partial = self.folder.join(format!("store-format-{found}.tmp"));
            remove_folder(&partial).map_err(io)?;
            copy_folder(&store, &partial).map_err(io)?;
            fs::rename(&partial, &copy).and_then(|()| sync_folder(&self.folder)).map_err(io)?;
        }
        for run in steps.into_iter().filter_map(|step| step.run) {
            run(&store).map_err(io)?;
        }
        sync_folder(&store).map_err(io)?;
        self.write_format(known, false)
    }
}

/// What the format file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    version: u32,
    is_new: bool,
}

fn read_format(folder: &Path) -> Result<Option<Format>, StoreError> {
    let bytes = read_whole(&folder.join("format"), FORMAT_FILE_LIMIT).map_err(|e| match e.kind() {
        io::ErrorKind::FileTooLarge => FormatError::Unreadable.into(),
        _ => StoreError::io("the format file cannot be read", e),
    })?;
    bytes.map(|bytes| parse_format(&bytes).ok_or(FormatError::Unreadable.into())).transpose()
}

fn parse_format(bytes: &[u8]) -> Option<Format> {
    let line = std::str::from_utf8(bytes).ok()?.strip_prefix("tidings ")?.strip_suffix('\n')?;
    let (number, is_new) = match line.strip_suffix(" new") {
        Some(number) => (number, true),
        None => (line, false),
    };
    Some(Format { version: number.parse().ok()?, is_new })
}

fn refuse_newer(found: Option<Format>, known: u32) -> Result<(), FormatError> {
    match found {
        Some(Format { version: found, .. }) if found > known => Err(FormatError::Newer { found, known }),
        _ => Ok(()),
    }
}

fn take_lock(path: &Path, wait: Duration) -> Result<File, StoreError> {
    let io = |e| StoreError::io("the lock file cannot be used", e);
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
    // Pauses are counted, not timed: nothing here reads a clock.
    let mut pauses_left = wait.as_millis().checked_div(LOCK_PAUSE.as_millis()).unwrap_or(0);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(io(error)),
            Err(TryLockError::WouldBlock) if pauses_left == 0 => {
                return Err(LockError { process: read_process(&mut file) }.into());
            }
            Err(TryLockError::WouldBlock) => {
                pauses_left = pauses_left.saturating_sub(1);
                std::thread::park_timeout(LOCK_PAUSE);
            }
        }
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
    file.write_all(std::process::id().to_string().as_bytes()).map_err(io)?;
    Ok(file)
}

/// The number that the holder wrote. Some systems do not let a locked file be read.
fn read_process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies a folder with everything in it, durably.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    create_private_folder(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        }
    }
    sync_folder(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test beside this one may be starting a program, which holds every lock for a moment.
    const WAIT: Duration = Duration::from_millis(500);

    fn open(folder: &Path) -> Result<Home, StoreError> {
        Home::open(folder, WAIT)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_second_node_is_refused_with_the_first_ones_number() {
        let folder = tempfile::tempdir().expect("folder");
        let first = open(folder.path()).expect("first");
        let error = open(folder.path()).expect_err("second");
        let text = format!("another Tidings node uses this home (process {})", std::process::id());
        assert_eq!(error.to_string(), text);
        drop(first);
        open(folder.path()).expect("free again");
    }

    #[test]
    fn a_node_waits_for_another_to_let_go() {
        let folder = tempfile::tempdir().expect("folder");
        let first = open(folder.path()).expect("first");
        let path = folder.path().to_owned();
        let second = std::thread::spawn(move || Home::open(&path, Duration::from_secs(20)).map(|_| ()));
        std::thread::park_timeout(LOCK_PAUSE);
        drop(first);
        second.join().expect("no panic").expect("waited");
    }

    #[test]
    fn a_newer_home_is_refused_and_not_touched() {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("format"), "tidings 4\n").expect("written");
        let error = open(folder.path()).expect_err("newer");
        assert!(matches!(error, StoreError::Format(FormatError::Newer { found: 4, known: 3 })), "{error}");
        assert_eq!(names(folder.path()), ["format"]);
    }

    #[test]
    fn a_store_without_a_format_is_never_taken_for_a_new_home() {
        let folder = tempfile::tempdir().expect("folder");
        fs::create_dir(folder.path().join("store")).expect("made");
        fs::write(folder.path().join("store/db"), b"something").expect("written");
        let error = open(folder.path()).expect_err("no format");
        assert!(matches!(error, StoreError::Format(FormatError::Missing)), "{error}");
        assert!(!folder.path().join("format").exists());
    }

    #[test]
    fn a_format_file_that_is_none_is_refused() {
        for text in ["", "tidings", "tidings one\n", "tidings 1", "tidings -1\n", &"x".repeat(65)] {
            let folder = tempfile::tempdir().expect("folder");
            fs::write(folder.path().join("format"), text).expect("written");
            let error = open(folder.path()).expect_err("unreadable");
            assert!(matches!(error, StoreError::Format(FormatError::Unreadable)), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_home_is_new_until_its_store_is_made() {
        let folder = tempfile::tempdir().expect("folder");
        assert!(open(folder.path()).expect("made").is_new);
        let mut home = open(folder.path()).expect("still new after a crash");
        assert!(home.is_new());
        home.mark_established().expect("marked");
        drop(home);
        assert!(!open(folder.path()).expect("again").is_new());
    }

    #[test]
    fn a_home_of_an_older_format_becomes_one_of_ours_where_it_stands() {
        for (before, is_new) in [("tidings 1\n", false), ("tidings 2\n", false), ("tidings 1 new\n", true)] {
            let folder = with_old_store();
            fs::write(folder.path().join("format"), before).expect("written");
            let home = open(folder.path()).expect("opens");
            assert_eq!(home.is_new(), is_new);
            assert_eq!(fs::read(folder.path().join("store/inner/data")).expect("data"), b"old");
            let after = if is_new { "tidings 3 new\n" } else { "tidings 3\n" };
            assert_eq!(fs::read_to_string(folder.path().join("format")).expect("format"), after);
            assert_eq!(names(folder.path()), ["format", "lock", "store"]);
        }
    }

    fn with_old_store() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        fs::create_dir_all(folder.path().join("store/inner")).expect("made");
        fs::write(folder.path().join("store/inner/data"), b"old").expect("written");
        fs::write(folder.path().join("format"), "tidings 1\n").expect("written");
        folder
    }

    fn upgrade(store: &Path) -> io::Result<()> {
        let mut data = fs::read(store.join("inner/data"))?;
        data.extend_from_slice(b"+new");
        fs::write(store.join("inner/data"), data)
    }

    #[test]
    fn an_older_home_is_migrated_after_a_copy() {
        let folder = with_old_store();
        let steps = [Migration { from: 1, run: Some(upgrade) }];
        Home::open_as(folder.path(), WAIT, 2, &steps).expect("migrated");
        assert_eq!(fs::read(folder.path().join("store/inner/data")).expect("data"), b"old+new");
        assert_eq!(fs::read(folder.path().join("store-format-1/inner/data")).expect("copy"), b"old");
        assert_eq!(fs::read(folder.path().join("format")).expect("format"), b"tidings 2\n");
    }

    #[test]
    fn a_migration_that_broke_off_begins_again_from_the_copy() {
        fn breaks_off(store: &Path) -> io::Result<()> {
            upgrade(store)?;
            Err(io::ErrorKind::Interrupted.into())
        }
        let folder = with_old_store();
        let broken = [Migration { from: 1, run: Some(breaks_off) }];
        Home::open_as(folder.path(), WAIT, 2, &broken).expect_err("broke off");
        assert_eq!(fs::read(folder.path().join("format")).expect("format"), b"tidings 1\n");
        let steps = [Migration { from: 1, run: Some(upgrade) }];
        Home::open_as(folder.path(), WAIT, 2, &steps).expect("migrated");
        assert_eq!(fs::read(folder.path().join("store/inner/data")).expect("data"), b"old+new");
    }

    #[test]
    fn a_format_with_no_way_to_ours_is_refused() {
        let folder = with_old_store();
        let error = Home::open_as(folder.path(), WAIT, 3, &[Migration { from: 2, run: Some(upgrade) }]);
        let error = error.expect_err("no way");
        assert!(matches!(error, StoreError::Format(FormatError::NoMigration { found: 1 })), "{error}");
        assert_eq!(fs::read(folder.path().join("store/inner/data")).expect("data"), b"old");
    }
}
