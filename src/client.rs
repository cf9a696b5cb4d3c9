//! The handle that applications hold: open a node on a folder, befriend, post, page the timeline, listen.
use std::path::PathBuf;
use crate::ask::{AudienceWords, InviteDraft, PostDraft, ProfileDraft, SealedBlob, TimelineQuery};
use crate::error::Result;
use crate::id::{BlobId, EntryId, UserId};
use crate::view::*;

/// How to open a node.
#[derive(Debug, Clone)]
pub struct Config {
    /// The home folder.
    pub home: PathBuf,
    /// Multiaddrs to listen on; empty = QUIC and TCP, IPv4 and IPv6, on free ports (the program passes those of config.toml).
    pub listen: Vec<String>,
    /// Without it nothing listens or dials: for commands that need no network.
    pub network: bool,
    /// How long to wait for another process that holds the home, ms.
    pub lock_wait_ms: u64,
    /// Test aid: writes every inbound frame as a JSON line to this file.
    pub record: Option<PathBuf>,
}

/// A cloneable handle to a running service.
#[derive(Debug, Clone)]
pub struct Client {}

/// Where an identity is created: shown once.
#[derive(Debug)]
pub struct Created { pub user: UserId, /// 24 words; zeroized on drop in the real one
    pub words: Vec<String> }

impl Client {
    /// Whether a home has an identity (cheap; takes no lock).
    pub fn has_identity(_home: &std::path::Path) -> bool { unimplemented!() }
    /// Creates the identity of an empty home. Refused if there is one.
    pub fn create_identity(_home: &std::path::Path, _name: &str) -> Result<Created> { unimplemented!() }
    /// Opens a home that has an identity. Err kind NotHere without one, Refused if another process holds it.
    pub async fn open(_config: Config) -> Result<Self> { unimplemented!() }
    /// Ends it cleanly: peers told, store flushed.
    pub async fn close(self) -> Result<()> { unimplemented!() }
    pub async fn whoami(&self) -> Result<Whoami> { unimplemented!() }
    pub async fn status(&self) -> Result<Status> { unimplemented!() }
    pub async fn profile(&self) -> Result<Profile> { unimplemented!() }
    pub async fn set_profile(&self, _draft: ProfileDraft) -> Result<Profile> { unimplemented!() }
    pub async fn invite(&self, _draft: InviteDraft) -> Result<Invite> { unimplemented!() }
    /// Redeems an invite: dials, speaks pair. Returns once friends, else after `wait_ms` as pending.
    pub async fn accept(&self, _link: &str, _name: Option<String>, _wait_ms: u64) -> Result<Accepted> { unimplemented!() }
    pub async fn requests(&self) -> Result<Vec<Request>> { unimplemented!() }
    /// `who`: words (id prefix or claimed name) of a request.
    pub async fn confirm(&self, _who: &str) -> Result<Request> { unimplemented!() }
    pub async fn decline(&self, _who: &str) -> Result<Request> { unimplemented!() }
    pub async fn friends(&self) -> Result<Vec<Friend>> { unimplemented!() }
    pub async fn friend(&self, _who: &str) -> Result<Friend> { unimplemented!() }
    pub async fn rename_friend(&self, _who: &str, _name: &str) -> Result<Friend> { unimplemented!() }
    pub async fn note_friend(&self, _who: &str, _note: &str) -> Result<Friend> { unimplemented!() }
    pub async fn remove_friend(&self, _who: &str) -> Result<Person> { unimplemented!() }
    /// The six safety words; with `Some`, also records whether they match.
    pub async fn verify_friend(&self, _who: &str, _matches: Option<bool>) -> Result<Safety> { unimplemented!() }
    pub async fn tags(&self) -> Result<Vec<Tag>> { unimplemented!() }
    /// Adds friends to a tag, creating it if it is new.
    pub async fn tag_add(&self, _tag: &str, _who: Vec<String>) -> Result<Tag> { unimplemented!() }
    pub async fn tag_remove(&self, _tag: &str, _who: Vec<String>) -> Result<Tag> { unimplemented!() }
    pub async fn tag_rename(&self, _tag: &str, _new: &str) -> Result<Tag> { unimplemented!() }
    pub async fn tag_delete(&self, _tag: &str) -> Result<()> { unimplemented!() }
    /// Seals bytes as a blob that stands durably in the home.
    pub async fn seal_blob(&self, _bytes: Vec<u8>) -> Result<SealedBlob> { unimplemented!() }
    /// Posts; returns once stored and flushed.
    pub async fn post(&self, _draft: PostDraft) -> Result<Moment> { unimplemented!() }
    pub async fn dry_run(&self, _audience: AudienceWords) -> Result<DryRun> { unimplemented!() }
    pub async fn timeline(&self, _query: TimelineQuery) -> Result<Page> { unimplemented!() }
    /// `id`: a unique prefix of a moment's id.
    pub async fn moment(&self, _id: &str) -> Result<Moment> { unimplemented!() }
    pub async fn like(&self, _id: &str) -> Result<EntryId> { unimplemented!() }
    pub async fn unlike(&self, _id: &str) -> Result<EntryId> { unimplemented!() }
    pub async fn comment(&self, _id: &str, _text: &str, _reply_to: Option<String>) -> Result<Comment> { unimplemented!() }
    /// Withdraws one's own moment or comment.
    pub async fn delete(&self, _id: &str) -> Result<EntryId> { unimplemented!() }
    pub async fn who(&self, _id: &str) -> Result<Vec<WhoState>> { unimplemented!() }
    /// Opens a blob that a moment one may see names; waits up to `wait_ms` for it to arrive.
    pub async fn blob(&self, _id: &BlobId, _wait_ms: u64) -> Result<OpenBlob> { unimplemented!() }
    /// Events after `after` that are still remembered (the last 1,000), then live ones. A listener that falls behind is told by the stream's end.
    pub fn events(&self, _after: Option<u64>) -> EventStream { unimplemented!() }
}

/// A blob that can be read.
#[derive(Debug)]
pub struct OpenBlob { pub mime: String, pub bytes: u64 }
impl OpenBlob {
    /// Decrypted bytes of a range, clipped to the end. Blocking file IO: call in spawn_blocking for large ones.
    pub fn read(&self, _offset: u64, _len: usize) -> Result<Vec<u8>> { unimplemented!() }
}

/// Events as they happen.
#[derive(Debug)]
pub struct EventStream {}
impl EventStream { pub async fn next(&mut self) -> Option<Event> { unimplemented!() } }
