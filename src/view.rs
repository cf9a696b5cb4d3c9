//! What an application sees: moments, people, requests, events, as plain values with the field names that the command
//! line and the API promise.
//!
//! Entries, epochs and keys end below this line. A value here is made by the service from what it holds at that
//! moment and is never sent to another node.
//!
//! Source: the faces of the program (README, `tidings --help`, `/api/v1/openapi.json`).

mod care;
mod drafts;
mod privacy;
mod settings;

pub use care::{Album, MonthCount};
pub use drafts::{DraftFile, KeptDraft, Part};
pub use privacy::{AudienceChange, AudienceDryRun, Privacy};
pub use settings::Settings;
mod notice;
mod people;
mod sharing;

pub use notice::{Muted, Notice, NoticeKind, Notices};
pub use sharing::{SharedFrom, Who, WhoState};
mod words;

use serde::{Serialize, Serializer};

pub use people::{Introduced, Request, RequestShown};
pub use words::{Link, Mood, Place, StatusLine};

use crate::id::{BlobId, DeviceId, EntryId, UserId};
use crate::link::Path;
use crate::time::Timestamp;

/// Somebody, by id and by the name I know them under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Person {
    /// User id.
    pub id: UserId,
    /// The name I gave them, else their own.
    pub name: String,
}

/// Who wrote a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// User id.
    pub id: UserId,
    /// Name as I know it.
    pub name: String,
    /// Whether it is myself.
    pub me: bool,
    /// Id of their small picture for `blob`.
    pub avatar: Option<BlobId>,
}

/// One photo of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Photo {
    /// Id for `blob`.
    pub id: BlobId,
    /// Media type.
    pub mime: &'static str,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Bytes of the picture.
    pub bytes: u64,
    /// What it shows, for those who cannot see it.
    pub alt: Option<String>,
    /// Id of the small version for `blob`.
    pub preview: Option<BlobId>,
    /// ThumbHash.
    #[serde(serialize_with = "base64")]
    pub thumbhash: Vec<u8>,
}

/// The video of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Video {
    /// Id for `blob`.
    pub id: BlobId,
    /// Media type.
    pub mime: &'static str,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Bytes.
    pub bytes: u64,
    /// Length.
    pub duration_ms: u32,
    /// Id of the still picture for `blob`.
    pub poster: Option<BlobId>,
    /// What it shows.
    pub alt: Option<String>,
    /// ThumbHash of the still picture; empty if nobody made one.
    #[serde(serialize_with = "base64")]
    pub thumbhash: Vec<u8>,
}

/// A comment or reply beneath a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// Its id.
    pub id: EntryId,
    /// Who wrote it.
    pub author: Person,
    /// What it says.
    pub text: String,
    /// The comment it answers.
    pub reply_to: Option<EntryId>,
    /// When.
    pub created_at: Timestamp,
    /// The moment's author took it away: I, who wrote it, am the only one who still sees it.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
}

/// How an audience is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// All friends.
    Everyone,
    /// Some tags and people.
    Only,
    /// All friends but some tags and people.
    Except,
    /// Only me.
    Private,
}

/// Tags and people of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct TagsAndPeople {
    /// Tags, by name.
    pub tags: Vec<String>,
    /// People.
    pub people: Vec<Person>,
}

/// The audience of one's own moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audience {
    /// How it is said.
    pub rule: RuleKind,
    /// Whom it names.
    #[serde(flatten)]
    pub named: TagsAndPeople,
    /// With `only`: who is left out all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub except: Option<TagsAndPeople>,
}

/// How far one's own moment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Friends who can read it.
    pub may_read: usize,
    /// Friends one of whose devices announced that it has it.
    pub have: usize,
    /// Of a moment that was withdrawn: friends whose node has confirmed that it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<usize>,
}

/// A moment as one person may see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// Its id.
    pub id: EntryId,
    /// Who shared it.
    pub author: Author,
    /// When, as the author says and not later than it was first seen.
    pub created_at: Timestamp,
    /// When it came here.
    pub received_at: Timestamp,
    /// Always `post` today.
    pub kind: &'static str,
    /// The text.
    pub text: String,
    /// Up to nine.
    pub photos: Vec<Photo>,
    /// Instead of photos.
    pub video: Option<Video>,
    /// A link card.
    pub link: Option<Link>,
    /// Where.
    pub place: Option<Place>,
    /// How it felt.
    pub mood: Option<Mood>,
    /// Whom it mentions: for readers, only themselves.
    pub mentions: Vec<Person>,
    /// Whether it may be shared on.
    pub shareable: bool,
    /// Whose moment it shares on.
    pub shared_from: Option<SharedFrom>,
    /// An article's card.
    pub card: Option<()>,
    /// A mini program.
    pub app: Option<()>,
    /// A promotion's label.
    pub sponsored: Option<()>,
    /// Who likes it, of those I may know of.
    pub likes: Vec<Person>,
    /// Whether I do.
    pub liked_by_me: bool,
    /// What was said, oldest first, replies after their targets.
    pub comments: Vec<Comment>,
    /// Own moments only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// Own moments only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Pinned in the album.
    pub pinned: bool,
    /// Among my favourites.
    pub faved: bool,
    /// No notices about it.
    pub muted: bool,
    /// Of the pictures and videos it names, small versions included: those whose bytes are not here yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<BlobId>,
}

/// One page of the timeline, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    /// The moments.
    pub moments: Vec<Moment>,
    /// How far back was looked, if the page ends because as much was looked at as was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<Timestamp>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

/// A friend, as I keep them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Friend {
    /// User id.
    pub id: UserId,
    /// The name I gave, else their own.
    pub name: String,
    /// The name they go by.
    pub own_name: String,
    /// Their line about themselves.
    pub about: String,
    /// Id of their small picture for `blob`.
    pub avatar: Option<BlobId>,
    /// Id of their large picture for `blob`.
    pub cover: Option<BlobId>,
    /// What they are at now.
    pub status: Option<StatusLine>,
    /// My own note about them.
    pub note: String,
    /// My tags that they are in.
    pub tags: Vec<String>,
    /// Friends since.
    pub since: Timestamp,
    /// Whether I said that the safety words match.
    pub verified: bool,
    /// Whether a session is up.
    pub online: bool,
    /// How they are reached now.
    #[serde(serialize_with = "path")]
    pub path: Option<Path>,
    /// When a session was last up.
    pub last_seen: Option<Timestamp>,
    /// A friend who sees no moments.
    pub chats_only: bool,
    /// My moments are hidden from them.
    pub hide_mine: bool,
    /// I do not see their moments.
    pub hide_theirs: bool,
    /// They do not reach me, nor I them, until they are unblocked.
    pub blocked: bool,
    /// Who introduced us, if somebody did.
    pub introduced_by: Option<Person>,
    /// No notices from them.
    pub muted: bool,
    /// How many days back they let friends read; 0 for all of it.
    pub window_days: u32,
}

/// An invite, to be handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invite {
    /// The link. Whoever has it may redeem it once.
    pub link: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// How far redeeming an invite has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// `friends` or `pending`.
    pub state: &'static str,
    /// The other's user id.
    pub id: UserId,
    /// The friend, once they are.
    pub friend: Option<Friend>,
}

/// The six words two friends compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Safety {
    /// The friend.
    pub friend: Person,
    /// Six words, the same on both sides.
    pub words: Vec<&'static str>,
    /// Whether I said that they match.
    pub verified: bool,
}

/// One of my labels on friends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// Who bears it.
    pub friends: Vec<Person>,
}

/// Myself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Whoami {
    /// User id.
    pub user: UserId,
    /// The name I go by.
    pub name: String,
    /// This installation.
    pub device: DeviceId,
    /// Id of my small picture for `blob`.
    pub avatar: Option<BlobId>,
    /// Id of my large picture for `blob`.
    pub cover: Option<BlobId>,
    /// What I am at now.
    pub status: Option<StatusLine>,
    /// Its folder.
    pub home: String,
}

/// A friend's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// Who.
    pub friend: Person,
    /// How.
    #[serde(serialize_with = "path_now")]
    pub path: Path,
    /// Since when.
    pub since: Timestamp,
}

/// What still waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// For whom.
    pub friend: Person,
    /// Key parcels not yet acknowledged.
    pub parcels: usize,
    /// Own moments they may read and have not announced.
    pub moments: usize,
}

/// What a home takes on the disk, bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Disk {
    /// The store.
    pub store_bytes: u64,
    /// Photos and videos.
    pub blob_bytes: u64,
    /// Free on that disk.
    pub free_bytes: u64,
    /// What is kept of each friend, most first, pictures apart.
    pub friends: Vec<FriendBytes>,
}

/// What is kept of one friend: their moments, likes and comments as they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FriendBytes {
    /// Whose.
    pub friend: Person,
    /// Bytes.
    pub bytes: u64,
}

/// The state of a node. The program adds `running` and `http`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Addresses listened on.
    pub listen: Vec<String>,
    /// Sessions that are up.
    pub peers: Vec<Peer>,
    /// What waits for whom.
    pub waiting: Vec<Waiting>,
    /// What it takes.
    pub disk: Disk,
}

/// Who would be able to read a moment, before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// The audience.
    pub audience: Audience,
    /// How many friends.
    pub may_read: usize,
    /// Which.
    pub people: Vec<Person>,
    /// Which not, and why.
    pub left_out: Vec<LeftOut>,
    /// Strangers who would see it while pairing with them is pending.
    pub strangers: usize,
}

/// A friend who would not be able to read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// User id.
    pub id: UserId,
    /// Name.
    pub name: String,
    /// `not included`, `excluded`, `chats only` or `hidden from them`.
    pub why: &'static str,
}

/// How friends see me, and how far back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The name I go by.
    pub name: String,
    /// A line about me.
    pub about: String,
    /// Id of my small picture for `blob`.
    pub avatar: Option<BlobId>,
    /// Id of my large picture for `blob`.
    pub cover: Option<BlobId>,
    /// What I am at now.
    pub status: Option<StatusLine>,
    /// How far back friends may read, days; 0 = all.
    pub window_days: u32,
}

/// Something that happened, numbered so that a listener can continue where it stopped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Number, ascending in one run of the node.
    #[serde(skip)]
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Happening {
    /// A moment arrived, or I shared one.
    Moment {
        /// In full.
        moment: Box<Moment>,
    },
    /// Likes or comments beneath a moment changed.
    Interaction {
        /// The moment as it is now.
        moment: Box<Moment>,
    },
    /// A moment or comment was withdrawn.
    Withdrawn {
        /// Its id.
        id: EntryId,
    },
    /// Somebody became a friend, changed, came online or went.
    Friend {
        /// As they are now.
        friend: Box<Friend>,
    },
    /// A friend is one no more.
    Unfriended {
        /// Who it was.
        id: UserId,
    },
    /// Somebody wants to be a friend, or answered.
    Request {
        /// The request.
        request: Request,
        /// `pending`, `friends` or `declined`.
        state: &'static str,
    },
    /// One's own moment reached somebody.
    Delivery {
        /// The moment.
        id: EntryId,
        /// How far it has come.
        delivery: Delivery,
    },
    /// Somebody liked, commented, replied, mentioned me or took away what I said.
    Notice {
        /// The notice.
        notice: Box<Notice>,
        /// How many are unread now.
        unread: usize,
    },
    /// Notices were marked as read.
    Read {
        /// How many are unread now.
        unread: usize,
    },
    /// A photo or video of a moment is here now.
    Blob {
        /// Its id.
        id: BlobId,
        /// The moment it belongs to.
        moment: EntryId,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The word for a path.
pub const fn path_word(path: Path) -> &'static str {
    match path {
        Path::Direct => "direct",
        Path::Relay => "relay",
        Path::Lan => "lan",
    }
}

fn path<S: Serializer>(value: &Option<Path>, out: S) -> Result<S::Ok, S::Error> {
    value.map(path_word).serialize(out)
}

fn path_now<S: Serializer>(value: &Path, out: S) -> Result<S::Ok, S::Error> {
    path_word(*value).serialize(out)
}

/// Base64 with padding (RFC 4648 §4), as JSON's readers expect it.
fn base64<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for digit in 0..4 {
            if digit <= chunk.len() {
                let at = usize::try_from((bits >> 18usize.saturating_sub(digit.saturating_mul(6))) & 63)
                    .unwrap_or(0);
                text.push(ALPHABET.get(at).map_or('=', |c| char::from(*c)));
            } else {
                text.push('=');
            }
        }
    }
    out.serialize_str(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_base64_with_padding() {
        #[derive(Serialize)]
        struct One(#[serde(serialize_with = "base64")] Vec<u8>);
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            let shown = serde_json::to_string(&One(bytes.as_bytes().to_vec())).expect("json");
            assert_eq!(shown, format!("\"{text}\""));
        }
    }

    #[test]
    fn an_event_is_flat_and_names_itself() {
        let event = Event {
            number: 7,
            at: Timestamp::from_millis(0),
            what: Happening::Withdrawn { id: EntryId::from_bytes([1; 32]) },
        };
        let shown = serde_json::to_value(&event).expect("json");
        assert_eq!(shown["event"], "withdrawn");
        assert_eq!(shown["at"], "1970-01-01T00:00:00.000Z");
        assert_eq!(shown["id"], "01".repeat(32));
    }

    #[test]
    fn the_audience_of_only_with_except_says_both() {
        let audience = Audience {
            rule: RuleKind::Only,
            named: TagsAndPeople { tags: vec!["work".into()], people: vec![] },
            except: Some(TagsAndPeople::default()),
        };
        let shown = serde_json::to_value(&audience).expect("json");
        assert_eq!(
            shown,
            serde_json::json!({"rule":"only","tags":["work"],"people":[],"except":{"tags":[],"people":[]}})
        );
    }
}
