//! The handle that applications hold: open a node on a folder, befriend, post, page the timeline, listen.
//!
//! A [`Client`] is cheap to clone. Behind it one thread owns the [`Service`] and is the store's only writer; one task
//! owns the network; one thread waits for the disk, so that many answers share one barrier. Between them stand bounded
//! channels of plain values.
//!
//! ```no_run
//! # async fn example() -> tidings::error::Result<()> {
//! use tidings::client::{Client, Config};
//! let home = std::path::Path::new("home");
//! if !Client::has_identity(home) {
//!     let created = Client::create_identity(home, "Ada")?;
//!     println!("write these down: {}", created.words().join(" "));
//! }
//! let client = Client::open(Config::new(home)).await?;
//! let invite = client.invite(Default::default()).await?;
//! println!("send this to a friend: {}", invite.link);
//! client.post(tidings::ask::PostDraft { text: "hello".into(), ..Default::default() }).await?;
//! for moment in client.timeline(Default::default()).await?.moments {
//!     println!("{}: {}", moment.author.name, moment.text);
//! }
//! client.close().await
//! # }
//! ```
//!
//! Source: docs/adr/0001-sans-io-core.md.

mod blobs;
mod care;
mod drafts;
mod engine;
mod events;
mod evidence;
#[cfg(feature = "furnish")]
mod furnish;
mod helpers;
mod home;
mod notices;
mod people;
mod privacy;
mod proof;
mod reseal;
mod sealing;
mod settings;
mod sharing;
mod together;
mod words;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

pub use blobs::OpenBlob;
pub use events::EventStream;
pub use evidence::{EVIDENCE_FORMAT, Evidence, Proven, ProvenPicture};

use crate::ask::{Attempt, AudienceWords, InviteDraft, PostDraft, ProfileDraft, SealedBlob};
use crate::error::{Error, Result};
use crate::id::{BlobId, EntryId, UserId};
use crate::net;
use crate::service::{Redeeming, Service};
use crate::store::blobs::BlobFiles;
use crate::view;
use engine::{Answer, Job};

/// How to open a node.
#[derive(Debug, Clone)]
pub struct Config {
    /// The home folder.
    pub home: PathBuf,
    /// Multiaddrs to listen on; none: QUIC and TCP, IPv4 and IPv6, on ports of the system's choice.
    pub listen: Vec<String>,
    /// Without it nothing listens or dials: for commands that need no network.
    pub network: bool,
    /// How long to wait for another process to let go of the home, ms.
    pub lock_wait_ms: u64,
    /// A test aid: every frame that comes in is written to this file as a JSON line.
    pub record: Option<PathBuf>,
}

impl Config {
    /// A node with network on a home.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self { home: home.into(), listen: Vec::new(), network: true, lock_wait_ms: 5_000, record: None }
    }
}

/// A new identity: who it is, and the 24 words, to be shown once.
pub struct Created {
    /// The user id.
    pub user: UserId,
    words: Zeroizing<String>,
}

impl Created {
    /// The 24 words.
    pub fn words(&self) -> Vec<&str> {
        self.words.split(' ').collect()
    }
}

impl std::fmt::Debug for Created {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Created").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A handle to a node that runs in this process.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    jobs: mpsc::Sender<Job>,
    events: events::Log,
    blobs: Arc<BlobFiles>,
    drafts: Arc<BlobFiles>,
    proofs: Arc<proof::Proofs>,
    home: PathBuf,
    engine: Mutex<Option<engine::Running>>,
}

/// How often redeeming an invite is looked at while somebody waits.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// How often a picture that has not arrived is looked for while somebody waits.
const BLOB_PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked whether one has begun to come that may be opened then.
const BLOB_PAUSE_SHORT: Duration = Duration::from_millis(5);

impl Client {
    /// Whether a home has an identity. Takes no lock.
    pub fn has_identity(home: &Path) -> bool {
        home::has_identity(home)
    }

    /// Creates the identity of an empty home.
    ///
    /// # Errors
    /// Refused if there is one already or another process holds the home; usage for a name that is empty or too long.
    pub fn create_identity(home: &Path, name: &str) -> Result<Created> {
        let (user, words) = home::create(home, name)?;
        Ok(Created { user, words })
    }

    /// Makes ready what the first connection of a process would wait for, on a thread of its own: the TLS library's first
    /// random number, which takes some 70 ms where that library is built with jitter entropy. For programs that will open a
    /// home with network and still have other things to do; [`Client::open`] does it in any case.
    pub fn prepare() {
        // Nobody waits for that thread. Where there is none, the first connection waits for the number itself.
        let _ = net::prepare();
    }

    /// Opens a home that has an identity.
    ///
    /// # Errors
    /// Not here without an identity; refused if another process holds the home; failed if it cannot be read or the
    /// addresses cannot be listened on.
    pub async fn open(config: Config) -> Result<Self> {
        let (config, opened) = blocking(move || open_home(config)).await?;
        Self::start(config, opened)
    }

    /// As [`Client::open`], but the thread that calls opens the home, and is blocked for it: some 50 ms with 100,000 moments,
    /// seconds after a power cut, and as long as it waits for another process to let go of the home.
    ///
    /// For a program that does so on its main thread, where it is sooner done: most of what a node keeps in memory is
    /// allocated while its home is opened, and with glibc the heap of the main thread grows by 128 KiB at a time, any other's
    /// by a page. In async code where others wait for the thread, use [`Client::open`].
    ///
    /// # Errors
    /// See [`Client::open`].
    ///
    /// # Panics
    /// Outside a runtime of tokio, as everything here.
    pub fn open_here(config: Config) -> Result<Self> {
        let (config, opened) = open_home(config)?;
        Self::start(config, opened)
    }

    fn start(config: Config, opened: home::Opened) -> Result<Self> {
        let home::Opened { service, blobs, drafts, node_key } = opened;
        let (jobs, job_queue) = mpsc::channel(engine::JOB_QUEUE);
        let events = events::Log::new();
        let network = if config.network {
            Some(engine::start_network(&config, &node_key, Arc::clone(&blobs))?)
        } else {
            None
        };
        let running = engine::start(service, job_queue, network, events.clone(), Arc::clone(&blobs));
        Ok(Self {
            inner: Arc::new(Inner {
                jobs,
                events,
                blobs,
                drafts,
                proofs: Arc::default(),
                home: config.home,
                engine: Mutex::new(Some(running)),
            }),
        })
    }

    /// Ends the node cleanly: peers are told, the store is flushed. Other handles find it closed.
    ///
    /// # Errors
    /// Failed if the store could not be flushed.
    pub async fn close(self) -> Result<()> {
        let running = self.inner.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
        match running {
            Some(running) => running.stop(&self.inner.jobs).await,
            None => Ok(()),
        }
    }

    /// Who I am.
    ///
    /// # Errors
    /// Failed if the node is closed; so for every method below.
    pub async fn whoami(&self) -> Result<view::Whoami> {
        let home = self.inner.home.display().to_string();
        self.call(move |service| Ok(service.whoami(&home))).await
    }

    /// The node's state.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn status(&self) -> Result<view::Status> {
        let (mut status, listening) =
            self.call(|service| Ok((service.status()?, service.listening()))).await?;
        status.listen = listening.iter().map(net::translate::show).collect();
        let blobs = Arc::clone(&self.inner.blobs);
        status.disk.blob_bytes = blocking(move || Ok(blobs.total_bytes().unwrap_or(0))).await?;
        Ok(status)
    }

    /// How friends see me.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn profile(&self) -> Result<view::Profile> {
        self.call(|service| Ok(service.profile())).await
    }

    /// Changes how friends see me.
    ///
    /// # Errors
    /// Refused above a limit.
    pub async fn set_profile(&self, draft: ProfileDraft) -> Result<view::Profile> {
        self.call(move |service| service.set_profile(draft)).await
    }

    /// Makes an invite.
    ///
    /// # Errors
    /// Refused above a limit.
    pub async fn invite(&self, draft: InviteDraft) -> Result<view::Invite> {
        self.call(move |service| service.invite(&draft)).await
    }

    /// Redeems an invite. Returns once both are friends, else after `wait_ms` as pending.
    ///
    /// # Errors
    /// Usage if it is no link; refused if it is burnt or expired.
    pub async fn accept(&self, link: &str, name: Option<String>, wait_ms: u64) -> Result<view::Accepted> {
        let link = link.to_owned();
        let user = self.call(move |service| service.accept(&link, name.as_deref())).await?;
        let mut left = Duration::from_millis(wait_ms);
        loop {
            let (state, friend) = self
                .call(move |service| Ok((service.redeeming(&user), service.friend(&user.to_string()).ok())))
                .await?;
            match state {
                Redeeming::Friends => return Ok(view::Accepted { state: "friends", id: user, friend }),
                Redeeming::Refused => {
                    return Err(Error::refused(
                        "invite_used",
                        "the inviter's node does not take this invite: it was used, withdrawn or has expired",
                        "ask for a new one",
                    ));
                }
                Redeeming::Waiting if left.is_zero() => {
                    return Ok(view::Accepted { state: "pending", id: user, friend: None });
                }
                Redeeming::Waiting => {
                    left = left.saturating_sub(ACCEPT_PAUSE);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Who wants to be a friend, or has not answered.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn requests(&self) -> Result<Vec<view::Request>> {
        self.call(|service| Ok(service.requests())).await
    }

    /// Says yes to a request, named by a prefix of its id or the name it claims.
    ///
    /// # Errors
    /// Not found.
    pub async fn confirm(&self, who: &str) -> Result<view::Request> {
        let who = who.to_owned();
        self.call(move |service| service.confirm(&who)).await
    }

    /// Says no to a request.
    ///
    /// # Errors
    /// Not found.
    pub async fn decline(&self, who: &str) -> Result<view::Request> {
        let who = who.to_owned();
        self.call(move |service| service.decline(&who)).await
    }

    /// All friends, by name.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn friends(&self) -> Result<Vec<view::Friend>> {
        self.call(|service| Ok(service.friends())).await
    }

    /// One friend.
    ///
    /// # Errors
    /// Not found.
    pub async fn friend(&self, who: &str) -> Result<view::Friend> {
        let who = who.to_owned();
        self.call(move |service| service.friend(&who)).await
    }

    /// Gives a friend a name of my own.
    ///
    /// # Errors
    /// Not found; refused above the limit.
    pub async fn rename_friend(&self, who: &str, name: &str) -> Result<view::Friend> {
        let (who, name) = (who.to_owned(), name.to_owned());
        self.call(move |service| service.rename_friend(&who, &name)).await
    }

    /// Keeps a note about a friend.
    ///
    /// # Errors
    /// Not found; refused above the limit.
    pub async fn note_friend(&self, who: &str, note: &str) -> Result<view::Friend> {
        let (who, note) = (who.to_owned(), note.to_owned());
        self.call(move |service| service.note_friend(&who, &note)).await
    }

    /// Ends a friendship, silently.
    ///
    /// # Errors
    /// Not found.
    pub async fn remove_friend(&self, who: &str) -> Result<view::Person> {
        let who = who.to_owned();
        self.call(move |service| service.remove_friend(&who)).await
    }

    /// The six safety words; with an answer, keeps whether they match.
    ///
    /// # Errors
    /// Not found.
    pub async fn verify_friend(&self, who: &str, matches: Option<bool>) -> Result<view::Safety> {
        let who = who.to_owned();
        self.call(move |service| service.verify_friend(&who, matches)).await
    }

    /// All tags.
    ///
    /// # Errors
    /// See [`Client::whoami`].
    pub async fn tags(&self) -> Result<Vec<view::Tag>> {
        self.call(|service| Ok(service.tags())).await
    }

    /// Puts friends under a tag, making it if it is new.
    ///
    /// # Errors
    /// Not found; refused above a limit.
    pub async fn tag_add(&self, tag: &str, who: Vec<String>) -> Result<view::Tag> {
        let tag = tag.to_owned();
        self.call(move |service| service.tag_add(&tag, &who)).await
    }

    /// Takes friends out of a tag.
    ///
    /// # Errors
    /// Not found.
    pub async fn tag_remove(&self, tag: &str, who: Vec<String>) -> Result<view::Tag> {
        let tag = tag.to_owned();
        self.call(move |service| service.tag_remove(&tag, &who)).await
    }

    /// Renames a tag.
    ///
    /// # Errors
    /// Not found; refused if the name is taken.
    pub async fn tag_rename(&self, tag: &str, new: &str) -> Result<view::Tag> {
        let (tag, new) = (tag.to_owned(), new.to_owned());
        self.call(move |service| service.tag_rename(&tag, &new)).await
    }

    /// Deletes a tag.
    ///
    /// # Errors
    /// Not found.
    pub async fn tag_delete(&self, tag: &str) -> Result<()> {
        let tag = tag.to_owned();
        self.call(move |service| service.tag_delete(&tag)).await
    }

    /// Seals bytes as a blob that stands durably in the home when this returns.
    ///
    /// # Errors
    /// Refused if it is too large or the disk is full.
    pub async fn seal_blob(&self, bytes: Vec<u8>) -> Result<SealedBlob> {
        let files = Arc::clone(&self.inner.blobs);
        blocking(move || blobs::seal(&files, &bytes)).await
    }

    /// Seals a file, such as a video, and keeps it durably, so that a moment can name it.
    ///
    /// # Errors
    /// Refused if it is too large or the disk is full; failed if it cannot be read.
    ///
    /// # Cost
    /// One pass over the file, on three threads. Memory: a few buffers of 256 KiB, and 32 bytes for each group of 16 KiB (200 KB for the largest video).
    pub async fn seal_file(&self, path: PathBuf) -> Result<SealedBlob> {
        let files = Arc::clone(&self.inner.blobs);
        blocking(move || blobs::seal_file(&files, &path)).await
    }

    /// Shares a moment. Stored and flushed when this returns.
    ///
    /// # Errors
    /// Not found for an audience word; refused above a limit or if the disk is full; usage if there is nothing in it.
    pub async fn post(&self, draft: PostDraft) -> Result<view::Moment> {
        let (posting, posted) = together::Posting::new(draft);
        self.inner.jobs.send(Job::Post(Box::new(posting))).await.map_err(|_| closed())?;
        posted.await.map_err(|_| closed())?
    }

    /// The moment that an earlier go of this attempt shared; none if there was none.
    ///
    /// # Errors
    /// Usage if it asked for something else then; refused if the moment was withdrawn since.
    pub async fn attempted(&self, attempt: Attempt) -> Result<Option<view::Moment>> {
        self.call(move |service| service.attempted(&attempt)).await
    }

    /// Who would be able to read a moment for this audience.
    ///
    /// # Errors
    /// Not found for an audience word.
    pub async fn dry_run(&self, audience: AudienceWords) -> Result<view::DryRun> {
        self.call(move |service| service.dry_run(&audience)).await
    }

    /// One moment with its thread, by a unique prefix of its id.
    ///
    /// # Errors
    /// Not found.
    pub async fn moment(&self, id: &str) -> Result<view::Moment> {
        let id = id.to_owned();
        self.call(move |service| service.moment(&id)).await
    }

    /// Likes a moment.
    ///
    /// # Errors
    /// Not found.
    pub async fn like(&self, id: &str) -> Result<EntryId> {
        let id = id.to_owned();
        self.call(move |service| service.like(&id)).await
    }

    /// Takes one's like back.
    ///
    /// # Errors
    /// Not found.
    pub async fn unlike(&self, id: &str) -> Result<EntryId> {
        let id = id.to_owned();
        self.call(move |service| service.unlike(&id)).await
    }

    /// Comments on a moment, or replies to a comment beneath it.
    ///
    /// # Errors
    /// Not found; refused above the limit.
    pub async fn comment(&self, id: &str, text: &str, reply_to: Option<String>) -> Result<view::Comment> {
        let (id, text) = (id.to_owned(), text.to_owned());
        self.call(move |service| service.comment(&id, &text, reply_to.as_deref())).await
    }

    /// Withdraws one's own moment or comment.
    ///
    /// # Errors
    /// Not found; refused if it is somebody else's.
    pub async fn delete(&self, id: &str) -> Result<EntryId> {
        let id = id.to_owned();
        self.call(move |service| service.delete(&id)).await
    }

    /// Where one's own moment stands with everybody who may read it.
    ///
    /// # Errors
    /// Not found; refused for somebody else's.
    pub async fn who(&self, id: &str) -> Result<view::Who> {
        let id = id.to_owned();
        self.call(move |service| service.who(&id)).await
    }

    /// Opens a blob that a moment one may see names, waiting up to `wait_ms` for it to arrive.
    ///
    /// # Errors
    /// Not found if no moment names it, or it has not arrived.
    pub async fn blob(&self, id: &BlobId, wait_ms: u64) -> Result<OpenBlob> {
        self.find_blob(id, wait_ms, false).await
    }

    /// The same, but a blob that is on its way is opened as soon as its first bytes are: what is here of it can be read,
    /// what is not can be waited for ([`OpenBlob::here`]). Where it takes the whole to tell what it is, that is waited for.
    ///
    /// # Errors
    /// As [`Client::blob`].
    pub async fn blob_as_it_comes(&self, id: &BlobId, wait_ms: u64) -> Result<OpenBlob> {
        self.find_blob(id, wait_ms, true).await
    }

    async fn find_blob(&self, id: &BlobId, wait_ms: u64, may_be_partial: bool) -> Result<OpenBlob> {
        let id = *id;
        let mut left = Duration::from_millis(wait_ms);
        loop {
            let (readings, is_here) = self.call(move |service| service.blob(&id)).await?;
            let files = Arc::clone(&self.inner.blobs);
            if is_here {
                let proofs = Arc::clone(&self.inner.proofs);
                return blocking(move || OpenBlob::open(&files, &proofs, &id, readings)).await;
            }
            if may_be_partial {
                let open = blocking(move || Ok(OpenBlob::open_arriving(&files, &id, &readings))).await?;
                if let Some(open) = open {
                    return Ok(open);
                }
            }
            if left.is_zero() {
                return Err(blobs::not_here());
            }
            let pause = BLOB_PAUSE.min(left);
            left = left.saturating_sub(pause);
            self.until_begun(&id, pause, may_be_partial).await;
        }
    }

    /// Pauses; no longer than until a blob that had not begun to come does, if that is of use. Asks nothing of the service.
    async fn until_begun(&self, id: &BlobId, pause: Duration, is_of_use: bool) {
        if !is_of_use || self.inner.blobs.is_arriving(*id) {
            return tokio::time::sleep(pause).await;
        }
        let mut left = pause;
        while !left.is_zero() && !self.inner.blobs.is_arriving(*id) {
            let short = BLOB_PAUSE_SHORT.min(left);
            left = left.saturating_sub(short);
            tokio::time::sleep(short).await;
        }
    }

    /// Events after the one numbered `after` as far as they are remembered, then events as they happen. A listener that
    /// falls too far behind sees the stream end.
    pub fn events(&self, after: Option<u64>) -> EventStream {
        self.inner.events.subscribe(after)
    }

    /// Runs a verb on the service's thread. The answer comes after the step's commit, and after a barrier where the
    /// answer is a promise.
    async fn call<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Service) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Job::Call(Box::new(move |service| match verb(service) {
            Ok(value) => Answer::new(true, move |outcome| {
                // Nobody may be waiting any more; the step stands all the same.
                let _ = answer.send(outcome.map(|()| value));
            }),
            Err(error) => Answer::new(false, move |_| {
                // As above: nobody may be waiting, and nothing was done.
                let _ = answer.send(Err(error));
            }),
        }));
        self.inner.jobs.send(job).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

fn closed() -> Error {
    Error::new(
        crate::error::Kind::NotHere,
        "node_closed",
        "the node has stopped",
        "start it again with `tidings run`; its log says why it stopped",
    )
}

/// Opens the home of a node.
fn open_home(config: Config) -> Result<(Config, home::Opened)> {
    if config.network {
        // As in `prepare`: nobody waits for it.
        let _ = net::prepare();
    }
    let opened = home::open(&config.home, Duration::from_millis(config.lock_wait_ms))?;
    Ok((config, opened))
}

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        Error::failed("internal", "a worker of the node broke", "restart it; if it stays, report it")
    })?
}

/// Says a failure of the network shell to a person.
fn net_error(error: &net::Error) -> Error {
    Error::failed("network_failed", error.to_string(), "choose another address with --listen")
}
