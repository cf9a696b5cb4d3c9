//! A demo network as `tidings testnet up --demo` makes it: five people with content, ended with its value.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A demo network that ends with this value.
pub struct Network {
    program: PathBuf,
    folder: tempfile::TempDir,
    people: Vec<Value>,
}

impl Network {
    /// Starts it.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn up(program: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut network = Self { program: program.to_path_buf(), folder, people: Vec::new() };
        let output = network.testnet("up").args(["--nodes", "5", "--demo", "--http-base", "0"]).output();
        let output = output.expect("the program starts");
        assert!(output.status.success(), "no network: {}", String::from_utf8_lossy(&output.stderr));
        let up: Value = serde_json::from_slice(&output.stdout).expect("its answer is JSON");
        network.people = up["nodes"].as_array().cloned().unwrap_or_default();
        network
    }

    /// The one-time address of the first person's page.
    pub fn url(&self) -> &str {
        self.people[0]["url"].as_str().unwrap_or_default()
    }

    /// The id of somebody, by the order in which they were made.
    pub fn user(&self, at: usize) -> &str {
        self.people[at]["user"].as_str().unwrap_or_default()
    }

    /// Runs a command as one of them; what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub fn command(&self, at: usize, arguments: &[&str]) -> Value {
        let mut command = Command::new(&self.program);
        command
            .args(["--json", "--home", self.people[at]["home"].as_str().unwrap_or_default()])
            .args(arguments);
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn testnet(&self, what: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["--json", "testnet", what, "--dir"]).arg(self.folder.path());
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        match self.testnet("down").output() {
            Ok(output) if output.status.success() => {}
            other => {
                eprintln!("the network in {} did not end: {other:?}", self.folder.path().display());
            }
        }
    }
}
