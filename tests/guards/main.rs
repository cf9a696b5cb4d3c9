//! The house rules that no compiler checks: who imports whom, how long a file may be, that limits agree with the
//! protocol, that every licence is known.
//!
//! Each test reads the sources (or asks cargo about them) and fails with a list of places, each with what to do about
//! it. The core's import table stands once in code, in [`layers`], and once for readers, in `ARCHITECTURE.md`; a test
//! holds the two equal.
//!
//! What it does not do: it is no parser of Rust. [`source`] blanks out comments, strings and character literals, and
//! the rules look for words in what remains. That is enough for code that is not trying to fool it.

mod dependencies;
mod layers;
mod page;
mod said;
mod script;
mod source;
mod spec;
mod styles;
mod text;
mod words;

use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` that somebody wrote, in a fixed order, as paths relative to the root.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let made = [".git", "target", "node_modules", "__pycache__"].contains(&name);
            if path.is_dir() && !made {
                folders.push(path);
            } else if path.is_file() && !made {
                found.push(path.strip_prefix(root()).expect("below the root").to_path_buf());
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file below `folder`.
pub(crate) fn rust_files(folder: &str) -> Vec<source::Source> {
    let rust = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "rs");
    files(folder).into_iter().filter(rust).map(|path| source::Source::read(&path)).collect()
}

/// The text of a file of the repository.
pub(crate) fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with all complaints at once, so that one run shows everything there is to mend.
pub(crate) fn none(what_to_do: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n=> {what_to_do}\n", complaints.join("\n"));
}
