//! The home: the one folder in which everything of a node stands.
//!
//! ```text
//! config.toml   what a person may change            keys/    mode 0600
//! store/        sled                                keys/tokens.json   hashes of programs' tokens
//! blobs/        sealed photos                       log/     only where a node runs in the background
//! drafts/       sealed files of drafts
//! run.json      while a node runs: pid, address, the command line's own token (mode 0600)
//! tmp/          uploads on their way in; emptied at every start
//! ```
//!
//! Everything the program writes here is for its owner alone: folders 0700, files 0600 where the system knows modes.
//! A file appears whole or not at all: it is written beside its place, synced and renamed.
//!
//! `store/`, `blobs/`, `drafts/`, `keys/` and the lock are the library's; this module never looks into them but for `tokens.json`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A home folder, whether it exists or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

/// What a running node says about itself to commands of the same home. Its `Debug` hides the token.
#[derive(Clone, Serialize, Deserialize)]
pub struct RunFile {
    /// Process id.
    pub pid: u32,
    /// Address of the web app and API, such as `127.0.0.1:7420`.
    pub http: std::net::SocketAddr,
    /// The command line's token: whoever can read this file is the person.
    pub token: String,
}

impl std::fmt::Debug for RunFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RunFile(pid {}, {})", self.pid, self.http)
    }
}

impl Home {
    /// The home at a folder, made absolute.
    pub fn at(path: &Path) -> Self {
        Self(std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()))
    }

    /// The home that is used if none is named: the platform's data folder.
    ///
    /// # Errors
    /// If the platform names none (no user folder).
    pub fn usual() -> Result<Self> {
        Ok(Self::at(data_dir()?.as_path()))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `config.toml`.
    pub fn config_file(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// Hashes of programs' tokens.
    pub fn tokens_file(&self) -> PathBuf {
        self.0.join("keys").join("tokens.json")
    }

    /// Where uploads wait.
    pub fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }

    /// What a node in the background prints.
    pub fn log_file(&self) -> PathBuf {
        self.0.join("log").join("node.log")
    }

    fn run_file(&self) -> PathBuf {
        self.0.join("run.json")
    }

    /// Creates the folder and those of the program in it, for the owner alone. Does nothing to what exists but the mode
    /// of the folder itself.
    ///
    /// # Errors
    /// If a folder cannot be made.
    pub fn create(&self) -> Result<()> {
        self.create_folder()?;
        for folder in [self.0.join("keys"), self.0.join("log"), self.tmp()] {
            private_folder(&folder)?;
        }
        Ok(())
    }

    /// Creates only the folder itself, for the owner alone.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create_folder(&self) -> Result<()> {
        private_folder(&self.0)
    }

    /// Removes what earlier runs left in `tmp`.
    pub fn empty_tmp(&self) {
        let Ok(entries) = fs::read_dir(self.tmp()) else { return };
        for entry in entries.flatten() {
            // Left over it costs only space, and the next start tries again.
            let _ = fs::remove_file(entry.path());
        }
    }

    /// What the running node wrote; `None` without one, or if the file cannot be understood.
    pub fn running(&self) -> Option<RunFile> {
        let text = fs::read(self.run_file()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Says that this process runs the node.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn announce(&self, run: &RunFile) -> Result<()> {
        let text =
            serde_json::to_vec(run).map_err(|e| Error::failed("internal", e.to_string(), "report this"))?;
        write_private(&self.run_file(), &text)
    }

    /// Takes that back, if it is still ours.
    pub fn retract(&self, pid: u32) {
        if self.running().is_some_and(|run| run.pid == pid) {
            // A file that stays is recognised as stale by the next command.
            let _ = fs::remove_file(self.run_file());
        }
    }
}

/// The platform's data folder of this program.
///
/// # Errors
/// If the platform names none.
pub fn data_dir() -> Result<PathBuf> {
    directories::ProjectDirs::from("", "", "tidings").map(|dirs| dirs.data_dir().to_path_buf()).ok_or_else(
        || {
            Error::usage(
                "no_home",
                "this account has no folder for data",
                "name one with --home DIR or TIDINGS_HOME",
            )
        },
    )
}

/// Writes a file for the owner alone: whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let written = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.map_err(|e| {
        // The half-written one is of no use to anybody.
        let _ = fs::remove_file(&beside);
        Error::io("cannot write", path, &e)
    })
}

fn private_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::io("cannot create the folder", folder, &e))?;
    restrict(folder, 0o700).map_err(|e| Error::io("cannot restrict the folder", folder, &e))
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pid: u32) -> RunFile {
        RunFile { pid, http: "127.0.0.1:7420".parse().unwrap(), token: "secret".into() }
    }

    #[test]
    fn only_the_process_that_announced_itself_takes_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        home.create().unwrap();
        home.announce(&run(1)).unwrap();
        home.retract(2);
        assert_eq!(home.running().unwrap().pid, 1);
        home.retract(1);
        assert!(home.running().is_none());
    }

    #[test]
    fn the_token_of_the_command_line_is_not_printed() {
        assert!(!format!("{:?}", run(1)).contains("secret"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_written_is_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("new"));
        home.create().unwrap();
        home.announce(&run(1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(home.path()), 0o700);
        assert_eq!(mode(&home.path().join("run.json")), 0o600);
    }

    #[test]
    fn a_run_file_of_another_shape_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("run.json"), b"{\"pid\":\"x\"}").unwrap();
        assert!(Home::at(dir.path()).running().is_none());
    }

    #[test]
    fn leftover_uploads_go_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        home.create().unwrap();
        fs::write(home.tmp().join("upload"), b"x").unwrap();
        home.empty_tmp();
        assert_eq!(fs::read_dir(home.tmp()).unwrap().count(), 0);
    }
}
