//! What a run leaves nowhere: its folder, and the processes it started. Both end with the run, on Ctrl-C too.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::cli::door::runtime;
use crate::error::{Error, Result};
use crate::home::Home;
use crate::{os, run};

/// A child that somebody else may end, too.
pub type Shared = Arc<Mutex<Child>>;

/// What is to be cleared away.
#[derive(Debug, Default)]
struct Things {
    folder: PathBuf,
    children: Vec<Shared>,
}

/// The folder and the processes of a run.
#[derive(Debug)]
pub struct Scratch {
    things: Arc<Mutex<Things>>,
    folder: PathBuf,
}

impl Scratch {
    /// A fresh folder, and somebody who listens for Ctrl-C.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(dir: Option<&Path>) -> Result<Self> {
        let above = dir.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let folder = above.join(format!("tidings-bench-{}", tidings::id::hex(&os::random::<6>()?)));
        Home::at(&folder).create_folder()?;
        let folder = Home::at(&folder).path().to_path_buf();
        let things = Arc::new(Mutex::new(Things { folder: folder.clone(), children: Vec::new() }));
        let for_signal = Arc::clone(&things);
        let runtime = runtime()?;
        std::thread::spawn(move || {
            runtime.block_on(run::wait_for_signal());
            // Held until the end: whoever finds a node gone meanwhile waits here, and nobody starts another.
            let _held = clear(&for_signal);
            std::process::exit(SIGNALLED);
        });
        Ok(Self { things, folder })
    }

    /// A folder in it that is not there yet.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Starts a process that ends with the run at the latest.
    ///
    /// # Errors
    /// If it does not start.
    pub fn spawn(&self, command: &mut Command) -> std::io::Result<Shared> {
        let mut things = lock(&self.things);
        let child = Arc::new(Mutex::new(command.spawn()?));
        // Those that nobody else holds have ended, and were waited for.
        things.children.retain(|child| Arc::strong_count(child) > 1);
        things.children.push(Arc::clone(&child));
        Ok(child)
    }

    /// Removes what lies in a folder of a job that is done.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name);
        std::fs::remove_dir_all(&path).map_err(|e| Error::io("cannot remove", &path, &e))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(clear(&self.things));
    }
}

/// As after Ctrl-C everywhere: 128 and the signal's number.
const SIGNALLED: i32 = 130;

fn clear(things: &Mutex<Things>) -> MutexGuard<'_, Things> {
    let things = lock(things);
    for child in &things.children {
        let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended already.
        let _ = child.kill();
        let _ = child.wait();
    }
    if let Err(error) = std::fs::remove_dir_all(&things.folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        eprintln!("{} could not be removed: {error}; remove it by hand", things.folder.display());
    }
    things
}

fn lock(things: &Mutex<Things>) -> MutexGuard<'_, Things> {
    things.lock().unwrap_or_else(PoisonError::into_inner)
}
