//! The way from a command to the API: over loopback to the running node, or through the same router in this process.
//!
//! `run.json` in the home says whether a node runs, where, and with which token. A file that was left behind (connection
//! refused, or somebody else answers there) counts as none. Then a command that needs no network opens the store itself,
//! waits up to five seconds for another that holds it, and what it wrote goes out at the node's next start.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use futures::StreamExt;
use serde_json::Value;
use tidings::client::Client;
use tidings::limits::POST_PHOTO_LIMIT;
use tower::ServiceExt;

use crate::api::upload;
use crate::app::{App, OpenWith, no_identity, no_node};
use crate::error::{Error, Result};
use crate::home::Home;
use crate::limits::{ANSWER_LIMIT, LOCK_WAIT_MS};

/// What a command asks.
#[derive(Debug)]
pub struct Ask {
    method: &'static str,
    path: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    None,
    Json(Value),
    Form { draft: Value, files: Vec<(&'static str, PathBuf)> },
    File(PathBuf),
}

impl Ask {
    /// GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), content: Content::None }
    }

    /// Another method, with nothing to say.
    pub fn bare(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), content: Content::None }
    }

    /// Another method, with JSON.
    pub fn json(method: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), content: Content::Json(body) }
    }

    /// Another method, with a file as it stands.
    ///
    /// # Errors
    /// Refused if it is longer than a photo may be; not found, if it is not there.
    pub fn file(method: &'static str, path: impl Into<String>, file: PathBuf) -> Result<Self> {
        check_file("photo", 0, &file)?;
        Ok(Self { method, path: path.into(), content: Content::File(file) })
    }

    /// A draft with photos.
    ///
    /// # Errors
    /// As [`Ask::form_with`].
    pub fn form(path: impl Into<String>, draft: Value, photos: Vec<PathBuf>) -> Result<Self> {
        Self::form_with(path, draft, photos.into_iter().map(|photo| ("photo", photo)).collect())
    }

    /// A draft with files, each under the name of its part: `photo`, `video`, `poster`. What can be refused without
    /// reading the files is refused here.
    ///
    /// # Errors
    /// Refused above a limit; not found, if a file is not there.
    pub fn form_with(
        path: impl Into<String>,
        draft: Value,
        files: Vec<(&'static str, PathBuf)>,
    ) -> Result<Self> {
        if files.iter().filter(|(part, _)| *part == "photo").count() > POST_PHOTO_LIMIT {
            return Err(upload::too_many_photos());
        }
        for (at, (part, file)) in files.iter().enumerate() {
            check_file(part, at, file)?;
        }
        Ok(Self { method: "POST", path: path.into(), content: Content::Form { draft, files } })
    }
}

fn check_file(part: &str, at: usize, file: &Path) -> Result<()> {
    let length = std::fs::metadata(file).map_err(|e| no_such_file(file, &e))?.len();
    upload::Part::named(part).check(length, at)
}

fn no_such_file(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(
            "no_such_file",
            format!("there is no file {}", path.display()),
            "check its name; nothing was posted",
        ),
        _ => Error::io("cannot read", path, error),
    }
}

/// A path segment with everything escaped that is not plain.
pub fn segment(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The way to one home's API.
pub struct Door {
    home: Home,
    here: Option<Here>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Door({})", self.home.path().display())
    }
}

/// The router in this process.
struct Here {
    app: Arc<App>,
    runtime: tokio::runtime::Runtime,
}

impl Door {
    /// To a home.
    pub fn to(home: &Home) -> Self {
        Self { home: home.clone(), here: None }
    }

    /// Asks the running node, else does it here.
    ///
    /// # Errors
    /// What the API says.
    pub fn ask(&mut self, ask: &Ask) -> Result<Value> {
        match self.ask_running(ask)? {
            Some(answer) => Ok(answer),
            None => {
                let (status, bytes) = self.ask_here(ask)?;
                understood(status, &bytes)
            }
        }
    }

    /// Asks the running node.
    ///
    /// # Errors
    /// Not here, if none runs; what the API says.
    pub fn ask_node(&self, ask: &Ask) -> Result<Value> {
        self.ask_running(ask)?.ok_or_else(|| self.nobody())
    }

    /// Writes the bytes that are the answer.
    ///
    /// # Errors
    /// What the API says; failed, if they cannot be written.
    pub fn fetch(&mut self, ask: &Ask, to: &mut dyn Write) -> Result<()> {
        let cannot_write =
            |e: std::io::Error| Error::failed("io", format!("cannot write: {e}"), "check the disk");
        if let Some(response) = self.running(ask, None)? {
            let status = response.status().as_u16();
            let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader();
            if !(200..300).contains(&status) {
                return understood(status, &read_all(&mut reader)?).map(drop);
            }
            return std::io::copy(&mut reader, to).map(drop).map_err(cannot_write);
        }
        self.here()?.fetch(ask, to)
    }

    /// The running node's live events, after the last one heard.
    ///
    /// # Errors
    /// Not here, if none runs; what the API says.
    pub fn listen(&self, last: Option<&str>) -> Result<impl Read + use<>> {
        let response = self.running(&Ask::get("/events"), last)?.ok_or_else(|| self.nobody())?;
        let status = response.status().as_u16();
        let mut reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        if status == 200 {
            return Ok(reader);
        }
        Err(Error::from_answer(status, &serde_json::from_slice(&read_all(&mut reader)?).unwrap_or_default()))
    }

    fn nobody(&self) -> Error {
        if Client::has_identity(self.home.path()) { no_node(&self.home) } else { no_identity(&self.home) }
    }

    fn ask_running(&self, ask: &Ask) -> Result<Option<Value>> {
        let Some(response) = self.running(ask, None)? else { return Ok(None) };
        let status = response.status().as_u16();
        let mut reader = response.into_body().into_with_config().limit(ANSWER_LIMIT).reader();
        understood(status, &read_all(&mut reader)?).map(Some)
    }

    /// The running node's answer; `None` if none runs.
    fn running(
        &self,
        ask: &Ask,
        last_event: Option<&str>,
    ) -> Result<Option<ureq::http::Response<ureq::Body>>> {
        let Some(run) = self.home.running() else { return Ok(None) };
        if crate::os::process_runs(run.pid) == Some(false) {
            // Left behind; nothing is sent to whoever has that port now.
            return Ok(None);
        }
        let mut request = Request::builder()
            .method(ask.method)
            .uri(format!("http://{}/api/v1{}", run.http, ask.path))
            .header("authorization", format!("Bearer {}", run.token));
        if let Some(last) = last_event {
            request = request.header("last-event-id", last);
        }
        let body = match content(&ask.content)? {
            Some((kind, reader)) => {
                request = request.header("content-type", kind);
                ureq::SendBody::from_owned_reader(reader)
            }
            None => ureq::SendBody::none(),
        };
        let request = request
            .body(body)
            .map_err(|e| Error::usage("bad_request", e.to_string(), "check the arguments"))?;
        match agent().run(request) {
            // Somebody else sits on that port now: our node is gone.
            Ok(response) if response.status() == 401 => Ok(None),
            Ok(response) => Ok(Some(response)),
            Err(error) if was_never_there(&error) => Ok(None),
            // It may have done what it was asked and ended before it could say so: done here again, a moment would be
            // there twice.
            Err(error) => Err(Error::failed(
                "node_lost",
                format!("the running node did not answer: {error}"),
                "see whether it still runs (`tidings status`) and whether it was done, before you try again",
            )),
        }
    }

    fn ask_here(&mut self, ask: &Ask) -> Result<(u16, Bytes)> {
        self.here()?.ask(ask)
    }

    fn here(&mut self) -> Result<&Here> {
        if !Client::has_identity(self.home.path()) {
            return Err(no_identity(&self.home));
        }
        let here = match self.here.take() {
            Some(here) => here,
            None => Here::open(&self.home)?,
        };
        Ok(self.here.insert(here))
    }

    /// Ends what was opened here, so that what was written is on the disk and the home is free.
    ///
    /// # Errors
    /// What closing says.
    pub fn close(self) -> Result<()> {
        match self.here {
            Some(here) => here.runtime.block_on(here.app.close()),
            None => Ok(()),
        }
    }
}

impl Here {
    fn open(home: &Home) -> Result<Self> {
        home.create()?;
        let open_with = OpenWith {
            home: home.path().to_path_buf(),
            listen: Vec::new(),
            network: false,
            lock_wait_ms: LOCK_WAIT_MS,
            record: None,
        };
        let app = Arc::new(App::new(home.clone(), open_with)?);
        Ok(Self { app, runtime: runtime()? })
    }

    fn ask(&self, ask: &Ask) -> Result<(u16, Bytes)> {
        let request = self.request(ask)?;
        let router = crate::api::router(Arc::clone(&self.app));
        self.runtime.block_on(async move {
            let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            let status = response.status().as_u16();
            let limit = usize::try_from(ANSWER_LIMIT).unwrap_or(usize::MAX);
            let bytes = axum::body::to_bytes(response.into_body(), limit)
                .await
                .map_err(|e| Error::failed("read", format!("reading ended early: {e}"), "try again"))?;
            Ok((status, bytes))
        })
    }

    /// Writes the answer as it comes: a film does not have to fit the memory.
    fn fetch(&self, ask: &Ask, to: &mut dyn Write) -> Result<()> {
        let request = self.request(ask)?;
        let router = crate::api::router(Arc::clone(&self.app));
        self.runtime.block_on(async move {
            let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
            let status = response.status().as_u16();
            let mut refusal = Vec::new();
            let is_good = (200..300).contains(&status);
            let mut pieces = response.into_body().into_data_stream();
            while let Some(piece) = pieces.next().await {
                let piece = piece
                    .map_err(|e| Error::failed("read", format!("reading ended early: {e}"), "try again"))?;
                let written = if is_good { to.write_all(&piece) } else { refusal.write_all(&piece) };
                written.map_err(|e| Error::failed("io", format!("cannot write: {e}"), "check the disk"))?;
            }
            if is_good { Ok(()) } else { understood(status, &refusal).map(drop) }
        })
    }

    fn request(&self, ask: &Ask) -> Result<Request<Body>> {
        let mut request = Request::builder()
            .method(ask.method)
            .uri(format!("/api/v1{}", ask.path))
            .header(header::HOST, "localhost")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.app.control()));
        let body = match content(&ask.content)? {
            Some((kind, reader)) => {
                request = request.header(header::CONTENT_TYPE, kind);
                Body::from_stream(futures::stream::iter(Chunks(reader)))
            }
            None => Body::empty(),
        };
        request.body(body).map_err(|e| Error::usage("bad_request", e.to_string(), "check the arguments"))
    }
}

/// The runtime of this process.
///
/// # Errors
/// If the system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| {
        Error::failed("no_threads", format!("the system gives no threads: {e}"), "close other programs")
    })
}

/// A reader as pieces for a stream.
struct Chunks(Box<dyn Read + Send + Sync>);

impl Iterator for Chunks {
    type Item = std::io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = Vec::new();
        match self.0.by_ref().take(64 * 1024).read_to_end(&mut piece) {
            Ok(0) => None,
            Ok(_) => Some(Ok(piece.into())),
            Err(error) => Some(Err(error)),
        }
    }
}

type Reader = Box<dyn Read + Send + Sync>;

/// Content type and bytes of what is sent along.
fn content(content: &Content) -> Result<Option<(String, Reader)>> {
    match content {
        Content::None => Ok(None),
        Content::Json(value) => {
            Ok(Some(("application/json".to_owned(), Box::new(Cursor::new(value.to_string().into_bytes())))))
        }
        Content::File(path) => {
            let file = std::fs::File::open(path).map_err(|e| no_such_file(path, &e))?;
            Ok(Some(("application/octet-stream".to_owned(), Box::new(file))))
        }
        Content::Form { draft, files } => {
            let boundary = format!("tidings-{}", crate::os::random_secret()?);
            let part = |name: &str, kind: &str| {
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
                )
            };
            let start = format!("{}{draft}\r\n", part("draft", "application/json"));
            let mut reader: Reader = Box::new(Cursor::new(start.into_bytes()));
            for (name, path) in files {
                // The file's name stays here: it may tell more than the photo.
                let file = std::fs::File::open(path).map_err(|e| no_such_file(path, &e))?;
                let head = part(name, "application/octet-stream");
                reader = Box::new(
                    reader
                        .chain(Cursor::new(head.into_bytes()))
                        .chain(file)
                        .chain(Cursor::new(b"\r\n".to_vec())),
                );
            }
            let end = format!("--{boundary}--\r\n");
            let reader: Reader = Box::new(reader.chain(Cursor::new(end.into_bytes())));
            Ok(Some((format!("multipart/form-data; boundary={boundary}"), reader)))
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(2)))
        .proxy(None)
        .max_redirects(0)
        .build()
        .into()
}

/// Whether an error says that nobody took the request, rather than that somebody did not answer it.
fn was_never_there(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => true,
        _ => false,
    }
}

fn read_all(reader: &mut impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader
        .read_to_end(&mut bytes)
        .map(|_| bytes)
        .map_err(|e| Error::failed("node_lost", format!("the node's answer broke off: {e}"), "try again"))
}

fn understood(status: u16, bytes: &[u8]) -> Result<Value> {
    let value = serde_json::from_slice(bytes).unwrap_or(Value::Null);
    if (200..300).contains(&status) && !value.is_null() {
        Ok(value)
    } else {
        Err(Error::from_answer(status, &value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::RunFile;

    #[test]
    fn a_name_stays_one_segment_whatever_is_in_it() {
        assert_eq!(segment("Ben"), "Ben");
        assert_eq!(segment("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("é"), "%C3%A9");
    }

    #[test]
    fn a_tenth_photo_is_refused_before_any_file_is_looked_at() {
        let photos = |n| vec![PathBuf::from("/nowhere/at/all.jpg"); n];
        let code = |n| Ask::form("/moments", Value::Null, photos(n)).unwrap_err().code;
        assert_eq!(code(POST_PHOTO_LIMIT + 1), "too_many_photos");
        assert_eq!(code(POST_PHOTO_LIMIT), "no_such_file");
    }

    #[test]
    fn without_identity_there_is_advice() {
        let dir = tempfile::tempdir().unwrap();
        let mut door = Door::to(&Home::at(&dir.path().join("none")));
        for error in
            [door.ask(&Ask::get("/whoami")).unwrap_err(), door.ask_node(&Ask::get("/status")).unwrap_err()]
        {
            assert_eq!((error.kind.exit_code(), error.code.as_ref()), (3, "no_identity"));
            assert!(error.help.contains("tidings init"));
        }
        assert!(!dir.path().join("none").exists());
    }

    #[test]
    fn a_run_file_left_behind_counts_as_no_node() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let http = listener.local_addr().unwrap();
        drop(listener);
        home.announce(&RunFile { pid: 1, http, token: "x".into() }).unwrap();
        let error = Door::to(&home).ask_node(&Ask::get("/status")).unwrap_err();
        assert_eq!(error.kind.exit_code(), 3);
    }

    #[test]
    fn what_a_node_may_have_done_before_it_was_lost_is_not_done_again() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        Client::create_identity(dir.path(), "Ada").unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let http = listener.local_addr().unwrap();
        home.announce(&RunFile { pid: std::process::id(), http, token: "x".into() }).unwrap();
        // A node that takes the request and ends.
        let node = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut some = [0; 64];
            stream.read(&mut some).unwrap()
        });
        let ask = Ask::json("POST", "/moments", serde_json::json!({"text": "once"}));
        let error = Door::to(&home).ask(&ask).unwrap_err();
        assert!(node.join().unwrap() > 0);
        assert_eq!((error.kind.exit_code(), error.code.as_ref()), (1, "node_lost"));
    }

    #[test]
    fn a_form_carries_the_draft_and_the_photos_in_order_and_no_file_names() {
        let dir = tempfile::tempdir().unwrap();
        let photos: Vec<_> = ["one", "two"].iter().map(|n| dir.path().join(format!("secret-{n}"))).collect();
        for photo in &photos {
            std::fs::write(photo, photo.file_name().unwrap().to_str().unwrap().replace("secret-", "bytes "))
                .unwrap();
        }
        let files = photos.into_iter().map(|photo| ("photo", photo)).collect();
        let form = Content::Form { draft: serde_json::json!({"text": "hi"}), files };
        let (kind, mut reader) = content(&form).unwrap().unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let boundary = kind.split_once("boundary=").unwrap().1;
        assert_eq!(text.matches(boundary).count(), 4);
        assert!(text.find("{\"text\":\"hi\"}") < text.find("bytes one"));
        assert!(text.find("bytes one") < text.find("bytes two"));
        assert!(!text.contains("secret"));
    }
}
