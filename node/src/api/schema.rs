//! The shapes of the API, for its OpenAPI document.
//!
//! The values themselves are the library's ([`tidings::view`]), which knows nothing of OpenAPI. These mirrors exist only
//! to be described; a test holds each against the JSON that the library really writes, field by field.

#![expect(dead_code, reason = "described, never built")]

use serde::Serialize;
use utoipa::ToSchema;

/// Somebody, by id and by the name I know them under.
#[derive(ToSchema)]
pub struct Person {
    /// User id: 64 hex digits.
    id: String,
    name: String,
}

/// Who wrote a moment.
#[derive(ToSchema)]
pub struct Author {
    id: String,
    name: String,
    me: bool,
}

/// One photo of a moment.
#[derive(ToSchema)]
pub struct Photo {
    /// For `/blobs/{id}`.
    id: String,
    mime: String,
    width: u16,
    height: u16,
    bytes: u64,
    #[schema(required)]
    alt: Option<String>,
    /// For `/blobs/{id}`: at most 24 KiB.
    #[schema(required)]
    preview: Option<String>,
    /// Base64.
    thumbhash: String,
}

/// The video of a moment.
#[derive(ToSchema)]
pub struct Video {
    id: String,
    mime: String,
    width: u16,
    height: u16,
    bytes: u64,
    duration_ms: u32,
    #[schema(required)]
    poster: Option<String>,
    #[schema(required)]
    alt: Option<String>,
}

/// A comment or reply.
#[derive(ToSchema)]
pub struct Comment {
    id: String,
    author: Person,
    text: String,
    #[schema(required)]
    reply_to: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// How an audience is said.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    Everyone,
    Only,
    Except,
    Private,
}

/// Tags and people.
#[derive(ToSchema)]
pub struct TagsAndPeople {
    tags: Vec<String>,
    people: Vec<Person>,
}

/// The audience of one's own moment.
#[derive(ToSchema)]
pub struct Audience {
    rule: RuleKind,
    tags: Vec<String>,
    people: Vec<Person>,
    /// With `only`: who is left out all the same.
    #[schema(nullable = false)]
    except: Option<TagsAndPeople>,
}

/// How far one's own moment has come.
#[derive(ToSchema)]
pub struct Delivery {
    may_read: usize,
    have: usize,
}

/// A place.
#[derive(ToSchema)]
pub struct Place {
    name: String,
    #[schema(required)]
    lat: Option<f64>,
    #[schema(required)]
    lon: Option<f64>,
}

/// A link card.
#[derive(ToSchema)]
pub struct Link {
    url: String,
    title: String,
    description: String,
    site: String,
    #[schema(required)]
    image: Option<String>,
}

/// A moment as I may see it.
#[derive(ToSchema)]
pub struct Moment {
    id: String,
    author: Author,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    received_at: String,
    kind: String,
    text: String,
    photos: Vec<Photo>,
    #[schema(required)]
    video: Option<Video>,
    #[schema(required)]
    link: Option<Link>,
    #[schema(required)]
    place: Option<Place>,
    mentions: Vec<Person>,
    shareable: bool,
    #[schema(required)]
    shared_from: Option<Person>,
    #[schema(required, value_type = Option<Object>)]
    card: Option<()>,
    #[schema(required, value_type = Option<Object>)]
    app: Option<()>,
    #[schema(required, value_type = Option<Object>)]
    sponsored: Option<()>,
    likes: Vec<Person>,
    liked_by_me: bool,
    comments: Vec<Comment>,
    /// Own moments only.
    #[schema(nullable = false)]
    audience: Option<Audience>,
    /// Own moments only.
    #[schema(nullable = false)]
    delivery: Option<Delivery>,
    pinned: bool,
    faved: bool,
    muted: bool,
}

/// One page of the timeline, newest first.
#[derive(ToSchema)]
pub struct Page {
    moments: Vec<Moment>,
    /// For `before`; null at the end.
    #[schema(required)]
    next: Option<String>,
}

/// How many moments of somebody lie in a month.
#[derive(ToSchema)]
pub struct MonthCount {
    /// `YYYY-MM`, UTC.
    month: String,
    moments: u64,
}

/// One page of somebody's moments.
#[derive(ToSchema)]
pub struct Album {
    person: Person,
    /// All months that hold a moment, newest first.
    months: Vec<MonthCount>,
    /// On the first page of one's own album.
    pinned: Vec<Moment>,
    moments: Vec<Moment>,
    /// For `before`; null at the end.
    #[schema(required)]
    next: Option<String>,
}

/// How a friend is reached.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    Direct,
    Relay,
    Lan,
}

/// A friend.
#[derive(ToSchema)]
pub struct Friend {
    id: String,
    name: String,
    own_name: String,
    note: String,
    tags: Vec<String>,
    #[schema(format = DateTime)]
    since: String,
    verified: bool,
    online: bool,
    #[schema(required)]
    path: Option<Path>,
    #[schema(required, format = DateTime)]
    last_seen: Option<String>,
    chats_only: bool,
    hide_mine: bool,
    hide_theirs: bool,
}

/// All friends.
#[derive(ToSchema)]
pub struct Friends {
    friends: Vec<Friend>,
}

/// Somebody who wants to be a friend, or whose answer is awaited.
#[derive(ToSchema)]
pub struct Request {
    id: String,
    name: String,
    #[schema(required)]
    expected: Option<String>,
    /// `invite`, `accepted` or `introduction`.
    via: String,
    #[schema(format = DateTime)]
    at: String,
}

/// All requests.
#[derive(ToSchema)]
pub struct Requests {
    requests: Vec<Request>,
}

/// An invite.
#[derive(ToSchema)]
pub struct Invite {
    /// Whoever has it may redeem it once.
    link: String,
    #[schema(format = DateTime)]
    expires_at: String,
    /// The link as a picture: SVG.
    qr_svg: String,
}

/// How far redeeming an invite has come.
#[derive(ToSchema)]
pub struct Accepted {
    /// `friends` or `pending`.
    state: String,
    id: String,
    #[schema(required)]
    friend: Option<Friend>,
}

/// The six words two friends compare.
#[derive(ToSchema)]
pub struct Safety {
    friend: Person,
    words: Vec<String>,
    verified: bool,
}

/// One of my labels on friends.
#[derive(ToSchema)]
pub struct Tag {
    name: String,
    friends: Vec<Person>,
}

/// All tags.
#[derive(ToSchema)]
pub struct Tags {
    tags: Vec<Tag>,
}

/// Myself.
#[derive(ToSchema)]
pub struct Whoami {
    user: String,
    name: String,
    device: String,
    home: String,
}

/// A friend's session.
#[derive(ToSchema)]
pub struct Peer {
    friend: Person,
    path: Path,
    #[schema(format = DateTime)]
    since: String,
}

/// What still waits for somebody.
#[derive(ToSchema)]
pub struct Waiting {
    friend: Person,
    parcels: usize,
    moments: usize,
}

/// What a home takes on the disk, bytes.
#[derive(ToSchema)]
pub struct Disk {
    store_bytes: u64,
    blob_bytes: u64,
    free_bytes: u64,
}

/// The state of the node.
#[derive(ToSchema)]
pub struct Status {
    running: bool,
    /// Address of the web app.
    #[schema(required)]
    http: Option<String>,
    listen: Vec<String>,
    peers: Vec<Peer>,
    waiting: Vec<Waiting>,
    disk: Disk,
}

/// A friend who would not be able to read it.
#[derive(ToSchema)]
pub struct LeftOut {
    id: String,
    name: String,
    why: String,
}

/// Who would be able to read a moment.
#[derive(ToSchema)]
pub struct DryRun {
    audience: Audience,
    may_read: usize,
    people: Vec<Person>,
    left_out: Vec<LeftOut>,
}

/// Where one's own moment stands with a friend.
#[derive(ToSchema)]
pub struct WhoState {
    id: String,
    name: String,
    /// `waiting`, `carried`, `have` or `withdrawn`.
    state: String,
    by: Vec<Person>,
}

/// Where one's own moment stands.
#[derive(ToSchema)]
pub struct Who {
    people: Vec<WhoState>,
}

/// How friends see me.
#[derive(ToSchema)]
pub struct Profile {
    name: String,
    about: String,
    window_days: u32,
}

/// Done.
#[derive(ToSchema)]
pub struct Done {
    ok: bool,
    /// What it was done to or what it made.
    id: String,
}

/// A program's token, without the token.
#[derive(ToSchema)]
pub struct Token {
    name: String,
    scopes: Vec<crate::tokens::Scope>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// All tokens.
#[derive(ToSchema)]
pub struct Tokens {
    tokens: Vec<Token>,
}

/// A new token: shown this once.
#[derive(ToSchema)]
pub struct NewToken {
    name: String,
    scopes: Vec<crate::tokens::Scope>,
    #[schema(format = DateTime)]
    created_at: String,
    token: String,
}

/// A one-time address of the web app.
#[derive(ToSchema)]
pub struct Address {
    url: String,
}

/// How far the first run has come.
#[derive(ToSchema)]
pub struct Onboarding {
    /// `new`, `words` or `done`.
    state: String,
    /// The 24 words, while the state is `words`.
    words: Vec<String>,
}

/// What went wrong.
#[derive(ToSchema)]
pub struct Refusal {
    /// A stable word.
    code: String,
    /// What happened.
    message: String,
    /// What to do next.
    help: String,
    /// The exit code the command line ends with.
    exit: u8,
}

/// An error.
#[derive(ToSchema)]
pub struct Failure {
    error: Refusal,
}
