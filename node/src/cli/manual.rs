//! What the definition itself makes: completions, manual pages, the version with its parts.

use std::path::Path;

use super::Out;
use super::definition;
use crate::error::{Error, Result};

/// Licences of the parts, made by `node/licences.sh`.
const LICENCES: &str = include_str!("../../licences.txt");

/// Prints completions for a shell.
///
/// # Errors
/// If they cannot be written.
pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut definition(), "tidings", &mut text);
    Out::new(false).line(String::from_utf8_lossy(&text).trim_end());
    Ok(())
}

/// Prints the manual page, or writes one for each command.
///
/// # Errors
/// If they cannot be written.
pub fn man(dir: Option<&Path>) -> Result<()> {
    let Some(dir) = dir else {
        let mut text = Vec::new();
        clap_mangen::Man::new(definition())
            .render(&mut text)
            .map_err(|e| Error::failed("man", e.to_string(), "report this"))?;
        Out::new(false).line(String::from_utf8_lossy(&text).trim_end());
        return Ok(());
    };
    std::fs::create_dir_all(dir).map_err(|e| Error::io("cannot create the folder", dir, &e))?;
    clap_mangen::generate_to(definition(), dir).map_err(|e| Error::io("cannot write into", dir, &e))
}

/// Prints the version.
///
/// # Errors
/// None; the type fits the other commands.
pub fn version(out: &Out, verbose: bool) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let parts = || {
        LICENCES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let mut fields = line.splitn(3, '\t');
            Some((fields.next()?, fields.next()?, fields.next()?))
        })
    };
    if out.json {
        let mut value = serde_json::json!({"version": version, "licence": "MIT OR Apache-2.0"});
        if verbose {
            let list: Vec<_> = parts()
                .map(|(name, version, licence)| serde_json::json!({"name": name, "version": version, "licence": licence}))
                .collect();
            crate::api::node::merge(&mut value, &serde_json::json!({"parts": list}));
        }
        out.line(&value.to_string());
        return Ok(());
    }
    out.line(&format!("tidings {version}"));
    if verbose {
        out.line("Licence: MIT OR Apache-2.0\n\nParts and their licences:");
        for (name, version, licence) in parts() {
            out.line(&format!("  {:<44} {licence}", format!("{name} {version}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_parts_names_what_the_program_stands_on() {
        for part in ["libp2p", "sled", "ed25519-dalek", "axum"] {
            let line = LICENCES.lines().find(|line| line.starts_with(&format!("{part}\t"))).unwrap();
            assert_eq!(line.split('\t').count(), 3, "{line}");
        }
    }

    #[test]
    fn a_page_is_written_for_every_command() {
        let dir = tempfile::tempdir().unwrap();
        man(Some(dir.path())).unwrap();
        for page in ["tidings.1", "tidings-post.1", "tidings-testnet-up.1"] {
            assert!(dir.path().join(page).exists(), "{page}");
        }
    }
}
