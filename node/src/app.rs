//! What all requests of one process share: the home, the node in it, who may come in, and how it ends.
//!
//! The same value stands behind the web app of a running node and behind a single command that opens the store itself;
//! a command is a request either way, so nothing can be done by one road and not by the other.
//!
//! A home without an identity is served too: its state is *onboarding*, every call that needs a node is answered
//! `no_identity`, and the page asks for a name. Once there is an identity (made by the page, or by `tidings init` beside
//! it), the next call opens the node.
//!
//! The 24 words of an identity made here are kept in memory until the page says that they were written down, or until
//! the process ends; a person may put it off, and is reminded. They are never logged and never given to a program or a command.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tidings::client::{Client, Created};
use tidings::id::UserId;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{RwLock, Semaphore, watch};
use tokio::task::block_in_place;

use crate::api::sessions::Sessions;
use crate::error::{Error, Result};
use crate::home::Home;
use crate::limits::{EVENT_STREAM_LIMIT, UPLOADS_AT_ONCE_LIMIT};
use crate::os;
use crate::tokens::Tokens;

/// Whether there is a node to talk to.
#[derive(Debug)]
enum Mode {
    /// No identity yet.
    Onboarding,
    /// A node.
    Ready(Client),
}

/// How the node is opened, once there is an identity.
pub type OpenWith = tidings::client::Config;

/// Shared by all requests. Its `Debug` shows no secret.
pub struct App {
    /// The home.
    pub home: Home,
    /// Tokens of other programs.
    pub tokens: Tokens,
    /// Browser sessions and one-time addresses.
    pub sessions: Sessions,
    /// At most so many uploads are taken in at once.
    pub uploads: Semaphore,
    /// At most so many event streams.
    pub streams: Arc<Semaphore>,
    /// Tells event numbers of this process from those of an earlier one.
    pub run: String,
    /// The command line's own token.
    control: String,
    /// Cookie name while there is no identity.
    setup_cookie: String,
    mode: RwLock<Mode>,
    user: OnceLock<UserId>,
    open_with: OpenWith,
    words: Mutex<Option<Created>>,
    /// Whether the person said that they write them down later.
    words_wait: AtomicBool,
    http: OnceLock<SocketAddr>,
    stop: watch::Sender<bool>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({})", self.home.path().display())
    }
}

impl App {
    /// Shared state of a home; opens nothing yet.
    ///
    /// # Errors
    /// If the tokens cannot be read or the system gives no randomness.
    pub fn new(home: Home, open_with: OpenWith) -> Result<Self> {
        let tokens = Tokens::open(&home)?;
        Ok(Self {
            home,
            tokens,
            sessions: Sessions::default(),
            uploads: Semaphore::new(UPLOADS_AT_ONCE_LIMIT),
            streams: Arc::new(Semaphore::new(EVENT_STREAM_LIMIT)),
            run: tidings::id::hex(&os::random::<4>()?),
            control: os::random_secret()?,
            setup_cookie: format!("tidings-{}", tidings::id::hex(&os::random::<4>()?)),
            mode: RwLock::new(Mode::Onboarding),
            user: OnceLock::new(),
            open_with,
            words: Mutex::new(None),
            words_wait: AtomicBool::new(false),
            http: OnceLock::new(),
            stop: watch::channel(false).0,
        })
    }

    /// There is no identity, and this node waits for one.
    fn nameless(&self) -> Error {
        if !self.open_with.network {
            return no_identity(&self.home);
        }
        Error::not_here(
            "no_identity",
            format!("the node in {} runs and waits for your name", self.home.path().display()),
            "choose one on its page: `tidings open` tells where that is",
        )
    }

    /// The node. Opens it at the first call after there is an identity.
    ///
    /// # Errors
    /// Not here, without an identity; what opening says otherwise.
    pub async fn client(&self) -> Result<Client> {
        if let Mode::Ready(client) = &*self.mode.read().await {
            return Ok(client.clone());
        }
        if !Client::has_identity(self.home.path()) {
            return Err(self.nameless());
        }
        let mut mode = self.mode.write().await;
        if let Mode::Ready(client) = &*mode {
            return Ok(client.clone());
        }
        let config = self.open_with.clone();
        let client = match Handle::current().runtime_flavor() {
            // `tidings run` comes here on its main thread, where it is sooner done.
            RuntimeFlavor::MultiThread => block_in_place(|| unbroken(|| Client::open_here(config)))?,
            _ => Client::open(config).await?,
        };
        let user = client.whoami().await?.user;
        // It can only be set once, and only to the same identity.
        let _ = self.user.set(user);
        *mode = Mode::Ready(client.clone());
        Ok(client)
    }

    /// Creates the identity of this home and keeps its words for the page.
    ///
    /// # Errors
    /// Refused, if there is one.
    pub async fn create_identity(&self, name: &str) -> Result<UserId> {
        let (home, name) = (self.home.path().to_path_buf(), name.to_owned());
        let created = tokio::task::spawn_blocking(move || Client::create_identity(&home, &name))
            .await
            .map_err(|e| Error::failed("internal", e.to_string(), "try again"))??;
        let user = created.user;
        *self.words.lock().unwrap_or_else(PoisonError::into_inner) = Some(created);
        self.client().await?;
        Ok(user)
    }

    /// The words, as long as nobody said that they were written down.
    pub fn words(&self) -> Option<Vec<String>> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.as_ref().map(|created| created.words().iter().map(ToString::to_string).collect())
    }

    /// The words are not asked about at the start any more; they stay until they are forgotten.
    pub fn let_words_wait(&self) {
        self.words_wait.store(true, Ordering::Relaxed);
    }

    /// Whether the person put off writing the words down.
    pub fn words_wait(&self) -> bool {
        self.words_wait.load(Ordering::Relaxed)
    }

    /// Forgets the words.
    pub fn forget_words(&self) {
        *self.words.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Name of the session cookie: cookies ignore ports, and several nodes may share a host.
    pub fn cookie_name(&self) -> String {
        self.user.get().map_or_else(|| self.setup_cookie.clone(), |user| format!("tidings-{}", user.short()))
    }

    /// The name the cookie had before there was an identity.
    pub fn setup_cookie(&self) -> &str {
        &self.setup_cookie
    }

    /// The command line's own token.
    pub fn control(&self) -> &str {
        &self.control
    }

    /// Whether `secret` is the command line's own token.
    pub fn is_control(&self, secret: &str) -> bool {
        crate::tokens::hash_of(secret) == crate::tokens::hash_of(&self.control)
    }

    /// Whether friends can be reached: false behind a single command.
    pub fn has_network(&self) -> bool {
        self.open_with.network
    }

    /// Remembers where the web app listens.
    pub fn set_http(&self, address: SocketAddr) {
        // Called once, before the first request.
        let _ = self.http.set(address);
    }

    /// Where the web app listens; none behind a single command.
    pub fn http(&self) -> Option<SocketAddr> {
        self.http.get().copied()
    }

    /// A fresh one-time address of the web app.
    ///
    /// # Errors
    /// If there is no web app, or no randomness.
    pub fn one_time_address(&self) -> Result<String> {
        let http = self.http().ok_or_else(|| no_node(&self.home))?;
        Ok(format!("http://{http}/?key={}", self.sessions.one_time_key()?))
    }

    /// Asks the process to end.
    pub fn request_stop(&self) {
        // Nobody listening means that it is ending already.
        let _ = self.stop.send(true);
    }

    /// Resolves once the process shall end.
    pub async fn stopping(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives in self, so this cannot fail while we are borrowed.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// Closes the node, if one is open.
    ///
    /// # Errors
    /// What closing says.
    pub async fn close(&self) -> Result<()> {
        let mut mode = self.mode.write().await;
        match std::mem::replace(&mut *mode, Mode::Onboarding) {
            Mode::Ready(client) => Ok(client.close().await?),
            Mode::Onboarding => Ok(()),
        }
    }
}

/// There is no identity in a home, and no node that could ask for a name.
pub fn no_identity(home: &Home) -> Error {
    Error::not_here(
        "no_identity",
        format!("there is no identity in {}", home.path().display()),
        "start with `tidings run`, or create one with `tidings init --name NAME`",
    )
}

/// No node runs in a home.
pub fn no_node(home: &Home) -> Error {
    Error::not_here(
        "no_node",
        format!("no node is running in {}", home.path().display()),
        "start it with `tidings run` and try again",
    )
}

/// What opens a home, done on this thread. A panic meanwhile (what is read may be damaged in a way nobody thought of) is an
/// error, as it is on a worker's thread; nothing of the work is left that could be in between.
fn unbroken<T>(work: impl FnOnce() -> tidings::error::Result<T>) -> tidings::error::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let advice = "try again; if it stays, report it";
        Err(tidings::error::Error::failed("internal", "opening the home broke", advice))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_while_a_home_is_opened_is_an_error() {
        assert_eq!(unbroken(|| Ok(1)).unwrap(), 1);
        let broken = unbroken::<()>(|| panic!("a record that nobody thought of")).unwrap_err();
        assert_eq!(broken.code, "internal");
    }
}
