//! One node: a home, a process that may come and go, and the two ways to speak to it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, until};

/// How often a process that shall end is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// Lines of the log that a failure shows.
const LOG_LINES: usize = 25;

/// What a command left.
#[derive(Debug)]
pub struct Cli {
    /// The exit code; none if it was killed.
    pub code: Option<i32>,
    /// What it printed, if that was JSON.
    pub json: Value,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it said on stderr.
    pub stderr: String,
}

impl Cli {
    /// The `code` of the error it told.
    pub fn error_code(&self) -> String {
        let told: Value =
            self.stderr.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        told["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A home and, at times, a node that runs on it.
pub struct Node {
    /// The name it was given.
    pub name: String,
    dir: TempDir,
    home: PathBuf,
    process: Option<Group>,
    environment: Vec<(String, String)>,
    starts: u32,
    /// Where it listens, once it has run: kept over starts, as a node keeps the port drawn at its first run. Nodes that
    /// all moved in the same second would lose each other, and nobody lives like that.
    listen: Vec<String>,
}

/// A process and everything it started, ended with this value.
struct Group(Child);

impl Group {
    /// Kills the whole group; nothing of it gets to say goodbye.
    fn kill(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let group = format!("-{}", self.0.id());
            // SIGKILL. It may have ended in between.
            let _ = Command::new("kill").args(["-9", "--", &group]).stderr(Stdio::null()).status();
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Node {
    /// A home of somebody, with nothing in it yet.
    pub fn new(name: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("tidings-test-").tempdir().expect("a temporary folder");
        let home = dir.path().join("home");
        Self {
            name: name.to_owned(),
            dir,
            home,
            process: None,
            environment: Vec::new(),
            starts: 0,
            listen: Vec::new(),
        }
    }

    /// A home inside a folder that is there already, such as a small file system.
    pub fn inside(name: &str, folder: &Path) -> Self {
        Self { home: folder.join("home"), ..Self::new(name) }
    }

    /// A home whose node will be started without a name: the page asks for it.
    pub fn nameless() -> Self {
        Self { starts: 1, ..Self::new("somebody new") }
    }

    /// A node that runs.
    pub fn started(name: &str) -> Self {
        let mut node = Self::new(name);
        node.start();
        node
    }

    /// Sets a variable for later starts.
    pub fn set(&mut self, key: &str, value: &Path) {
        self.environment.push((key.to_owned(), value.display().to_string()));
    }

    /// The home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// A folder beside the home that ends with this value.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command line of this home, for somebody who does not hold the process.
    pub fn hand(&self) -> Hand {
        Hand { name: self.name.clone(), home: self.home.clone(), log: self.log_file() }
    }

    /// Runs a command on this home and waits for its end.
    pub fn cli<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Cli {
        self.hand().cli(arguments)
    }

    /// Starts the node and waits until it answers.
    pub fn start(&mut self) {
        self.begin();
        self.wait_up();
    }

    /// Starts the node without waiting for it.
    pub fn begin(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(self.log_file()).expect("a log file");
        let mut command = self.hand().command();
        command.args(["run", "--no-open", "--http", "127.0.0.1:0"]);
        let first = ["/ip4/127.0.0.1/udp/0/quic-v1".to_owned(), "/ip4/127.0.0.1/tcp/0".to_owned()];
        for address in if self.listen.is_empty() { &first[..] } else { &self.listen[..] } {
            command.args(["--listen", address]);
        }
        if self.starts == 0 {
            command.args(["--name", &self.name]);
        }
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        command.stdout(Stdio::null()).stderr(log);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        self.process = Some(Group(command.spawn().expect("the program starts")));
        self.starts += 1;
    }

    /// Waits until the node that was started answers.
    pub fn wait_up(&mut self) {
        let pid = self.pid().expect("it was started");
        let mut ended = None;
        let up = until(PATIENCE, PAUSE, || {
            ended = self.process.as_mut().and_then(|group| group.0.try_wait().ok().flatten());
            let announced = self.run_file().is_some_and(|run| run["pid"] == pid);
            let answers = announced && self.try_get("/onboarding").is_some();
            (ended.is_some() || answers).then_some(())
        });
        assert!(
            up.is_some() && ended.is_none(),
            "{} did not start ({ended:?}):\n{}",
            self.name,
            self.log_tail()
        );
        // A node without an identity listens nowhere yet.
        let is_named = self.try_get("/whoami").is_some();
        if self.listen.is_empty() && is_named {
            let (listen, _) = self.wait("/status", "both addresses to listen on", |status| {
                let listen = status["listen"].as_array()?;
                let both: Vec<String> =
                    listen.iter().filter_map(|at| at.as_str().map(str::to_owned)).collect();
                (both.len() == 2).then_some(both)
            });
            self.listen = listen;
        }
    }

    /// The process id, while a process was started and not ended.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(|group| group.0.id())
    }

    /// Whether a process runs.
    pub fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|group| matches!(group.0.try_wait(), Ok(None)))
    }

    /// Ends it at once, in the middle of whatever it does.
    pub fn kill(&mut self) {
        let mut group = self.process.take().expect("it runs");
        group.kill();
    }

    /// Ends it as a person would, and waits.
    pub fn stop(&mut self) {
        let answer = self.cli(&["stop"]);
        assert_eq!(
            answer.code,
            Some(0),
            "{} did not stop: {}\n{}",
            self.name,
            answer.stderr,
            self.log_tail()
        );
        let mut group = self.process.take().expect("it runs");
        let ended = until(PATIENCE, PAUSE, || group.0.try_wait().ok().flatten());
        assert!(
            ended.is_some_and(|status| status.success()),
            "{}: {ended:?}\n{}",
            self.name,
            self.log_tail()
        );
    }

    /// Runs a command that has to succeed, and gives its JSON.
    pub fn ok<S: AsRef<OsStr> + std::fmt::Debug>(&self, arguments: &[S]) -> Value {
        let answer = self.cli(arguments);
        assert_eq!(
            answer.code,
            Some(0),
            "{}: {arguments:?}: {}\nthe node says:\n{}",
            self.name,
            answer.stderr,
            self.log_tail()
        );
        answer.json
    }

    /// Asks the API of the running node; `None` if there is no good answer.
    pub fn try_get(&self, path: &str) -> Option<Value> {
        serde_json::from_slice(&self.try_bytes(path)?).ok()
    }

    /// Asks the API of the running node.
    pub fn get(&self, path: &str) -> Value {
        self.try_get(path)
            .unwrap_or_else(|| panic!("{} does not answer {path}:\n{}", self.name, self.log_tail()))
    }

    /// Bytes from the API of the running node.
    pub fn try_bytes(&self, path: &str) -> Option<Vec<u8>> {
        let run = self.run_file()?;
        let request = ureq::get(format!("http://{}/api/v1{path}", run["http"].as_str()?))
            .header("authorization", format!("Bearer {}", run["token"].as_str()?))
            .config()
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build();
        let mut bytes = Vec::new();
        request.call().ok()?.into_body().into_reader().read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    /// What the command line shows at the door of the running node.
    pub fn bearer(&self) -> String {
        let run = self.run_file().unwrap_or_else(|| panic!("{} does not run", self.name));
        format!("Bearer {}", run["token"].as_str().unwrap_or_default())
    }

    /// Sends JSON to the API of the running node.
    pub fn send(&self, path: &str, body: &Value) -> Value {
        let run = self.run_file().expect("it runs");
        let request =
            ureq::post(format!("http://{}/api/v1{path}", run["http"].as_str().expect("an address")))
                .header("authorization", format!("Bearer {}", run["token"].as_str().expect("a token")))
                .config()
                .timeout_global(Some(PATIENCE))
                .proxy(None)
                .build();
        let answer = request.send_json(body).and_then(|answer| answer.into_body().read_json());
        answer.unwrap_or_else(|error| panic!("{} refuses {path}: {error}\n{}", self.name, self.log_tail()))
    }

    /// Waits for something of the API to be as it should; how long that took.
    pub fn wait<T>(
        &self,
        path: &str,
        what: &str,
        mut look: impl FnMut(&Value) -> Option<T>,
    ) -> (T, Duration) {
        let begun = Instant::now();
        let mut last = Value::Null;
        let found = until(PATIENCE, PAUSE, || {
            last = self.try_get(path)?;
            look(&last)
        });
        match found {
            Some(found) => (found, begun.elapsed()),
            None => {
                panic!("{} waits in vain for {what}; last answer: {last:#}\n{}", self.name, self.log_tail())
            }
        }
    }

    /// The user id.
    pub fn user(&self) -> String {
        self.get("/whoami")["user"].as_str().unwrap_or_default().to_owned()
    }

    /// The ids of all moments in the timeline.
    pub fn timeline(&self) -> Vec<String> {
        let page = self.get("/timeline?limit=10000");
        let moments = page["moments"].as_array().cloned().unwrap_or_default();
        moments.iter().filter_map(|moment| moment["id"].as_str().map(str::to_owned)).collect()
    }

    /// The last lines that the node logged.
    pub fn log_tail(&self) -> String {
        self.hand().log_tail()
    }

    /// A mark in the log, so that a reader finds the place.
    pub fn mark_log(&self, text: &str) {
        if let Ok(mut log) = File::options().create(true).append(true).open(self.log_file()) {
            // Only for reading afterwards.
            let _ = writeln!(log, "---- {text}");
        }
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("node.log")
    }

    fn run_file(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(self.home.join("run.json")).ok()?).ok()
    }
}

/// The program that was built with the tests; another one, such as a release build, where `TIDINGS_PROGRAM` names it.
pub fn program() -> PathBuf {
    std::env::var_os("TIDINGS_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_tidings").into(), PathBuf::from)
}

/// The command line of a home.
#[derive(Debug, Clone)]
pub struct Hand {
    name: String,
    home: PathBuf,
    log: PathBuf,
}

impl Hand {
    /// A command of the program on this home, with nothing of the surrounding environment that it heeds.
    fn command(&self) -> Command {
        let mut command = Command::new(program());
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("TIDINGS_")) {
            command.env_remove(key);
        }
        command.arg("--home").arg(&self.home).arg("--json").stdin(Stdio::null());
        command
    }

    /// Runs a command and waits for its end.
    pub fn cli<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Cli {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut group = Group(command.spawn().expect("the program starts"));
        let stdout = read_all(group.0.stdout.take());
        let stderr = read_all(group.0.stderr.take());
        let ended = until(PATIENCE, Duration::from_millis(1), || group.0.try_wait().ok().flatten());
        group.kill();
        let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
        let status =
            ended.unwrap_or_else(|| panic!("a command of {} has no end:\n{}", self.name, self.log_tail()));
        let json = serde_json::from_slice(&stdout).unwrap_or_default();
        Cli { code: status.code(), json, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() }
    }

    /// What a command prints for people.
    pub fn text<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        let mut command = Command::new(program());
        command.env_remove("TIDINGS_HOME").arg("--home").arg(&self.home).args(arguments).stdin(Stdio::null());
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The last lines that the node logged.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(LOG_LINES);
        format!("the last lines of {}'s log:\n{}", self.name, lines[from..].join("\n"))
    }
}

/// Reads a pipe on a thread, so that a full one stops nobody.
fn read_all(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A pipe that breaks ends the text.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
