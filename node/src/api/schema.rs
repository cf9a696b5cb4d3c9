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
    /// For `/blobs/{id}`: their small picture.
    #[schema(required)]
    avatar: Option<String>,
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
    /// For `/blobs/{id}`: a JPEG of at most 24 KiB.
    #[schema(required)]
    poster: Option<String>,
    #[schema(required)]
    alt: Option<String>,
    /// Base64; empty without a poster.
    thumbhash: String,
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
    /// Mine, and taken away by the moment's author: there only then.
    #[schema(nullable = false)]
    hidden: Option<bool>,
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
    /// Of a withdrawn moment: friends whose node has confirmed that it is gone.
    #[schema(nullable = false)]
    withdrawn: Option<usize>,
}

/// A place.
#[derive(ToSchema)]
pub struct Place {
    name: String,
    #[schema(required)]
    lat: Option<f64>,
    #[schema(required)]
    lon: Option<f64>,
    /// `exact`, `area` or `city`.
    precision: String,
}

/// How a moment felt.
#[derive(ToSchema)]
pub struct Mood {
    emoji: String,
    text: String,
}

/// What somebody is at, for a while.
#[derive(ToSchema)]
pub struct StatusLine {
    text: String,
    emoji: String,
    #[schema(format = DateTime)]
    until: String,
}

/// What became of my status.
#[derive(ToSchema)]
pub struct StatusSet {
    ok: bool,
    #[schema(required)]
    id: Option<String>,
    #[schema(required)]
    status: Option<StatusLine>,
}

/// The card of a link, before it is shared.
#[derive(ToSchema)]
pub struct LinkPreview {
    url: String,
    title: String,
    description: String,
    site: String,
    /// A small JPEG, base64.
    #[schema(required)]
    image: Option<String>,
    /// Why the card is bare, if the page could not be read.
    #[schema(nullable = false)]
    warnings: Option<Vec<String>>,
}

/// A link card.
#[derive(ToSchema)]
pub struct Link {
    url: String,
    title: String,
    description: String,
    site: String,
    /// For `/blobs/{id}`.
    #[schema(required)]
    image: Option<String>,
    /// For `/blobs/{id}`: at most 24 KiB.
    #[schema(required)]
    preview: Option<String>,
    /// Base64; empty without a picture.
    thumbhash: String,
}

/// The moment that another one shares on; its author's signatures hold.
#[derive(ToSchema)]
pub struct SharedFrom {
    id: String,
    /// As I know them; of a stranger as they signed it.
    name: String,
    known: bool,
    #[schema(format = DateTime)]
    created_at: String,
    text: String,
    #[schema(required)]
    link: Option<Link>,
    #[schema(required)]
    place: Option<Place>,
    #[schema(required)]
    mood: Option<Mood>,
    device_revoked: bool,
}

/// What proves to anybody who wrote a moment that may be shared on.
#[derive(ToSchema)]
pub struct Evidence {
    format: String,
    root: String,
    device: String,
    cert: String,
    sig: String,
    share_id: String,
    created_ms: u64,
    /// The signed bytes, hex.
    public: String,
    /// For `/blobs/{id}`, in the order of the signed media.
    #[schema(nullable = false)]
    blobs: Option<Vec<String>>,
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
    #[schema(required)]
    mood: Option<Mood>,
    mentions: Vec<Person>,
    shareable: bool,
    #[schema(required)]
    shared_from: Option<SharedFrom>,
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
    /// Pictures and videos whose bytes are not here yet; there only if there are any. An event `blob` tells when each comes.
    #[schema(nullable = false)]
    missing: Option<Vec<String>>,
    /// After a change of audience only: friends whose nodes are asked to forget it.
    #[schema(nullable = false)]
    taken_from: Option<Vec<Person>>,
    /// After a change of audience only: friends who can read it from now on.
    #[schema(nullable = false)]
    given_to: Option<Vec<Person>>,
    /// In the answer to posting: what did not go as it was meant.
    #[schema(nullable = false)]
    warnings: Option<Vec<String>>,
}

/// One page of the timeline, newest first.
#[derive(ToSchema)]
pub struct Page {
    moments: Vec<Moment>,
    /// With `look` only: how far back was looked, if there is more behind it.
    #[schema(nullable = false, format = DateTime)]
    reached: Option<String>,
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

/// What somebody did.
#[derive(ToSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeKind {
    Like,
    Comment,
    Reply,
    Mention,
    Hidden,
}

/// One thing that concerns me.
#[derive(ToSchema)]
pub struct Notice {
    /// Of the like, the comment or the moment it is about.
    id: String,
    kind: NoticeKind,
    from: Person,
    moment: String,
    #[schema(required)]
    comment: Option<String>,
    /// Empty for a like.
    text: String,
    #[schema(format = DateTime)]
    at: String,
    read: bool,
}

/// One page of notices, newest first.
#[derive(ToSchema)]
pub struct Notices {
    notices: Vec<Notice>,
    /// In all.
    unread: usize,
    /// For `before`; null at the end.
    #[schema(required)]
    next: Option<String>,
}

/// Notices are marked as read.
#[derive(ToSchema)]
pub struct NoticesRead {
    ok: bool,
    /// How many are left unread.
    unread: usize,
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
    about: String,
    /// For `/blobs/{id}`.
    #[schema(required)]
    avatar: Option<String>,
    /// For `/blobs/{id}`.
    #[schema(required)]
    cover: Option<String>,
    #[schema(required)]
    status: Option<StatusLine>,
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
    blocked: bool,
    #[schema(required)]
    introduced_by: Option<Person>,
    /// No notices from them.
    muted: bool,
    /// How many days back they let friends read; 0 for all of it.
    window_days: u32,
}

/// All friends.
#[derive(ToSchema)]
pub struct Friends {
    friends: Vec<Friend>,
    blocked: Vec<Person>,
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
    /// Who introduced us.
    #[schema(required)]
    by: Option<Person>,
    /// I have said yes.
    confirmed: bool,
    /// How many moments they show me as a stranger.
    moments: usize,
    #[schema(format = DateTime)]
    at: String,
}

/// All requests.
#[derive(ToSchema)]
pub struct Requests {
    requests: Vec<Request>,
}

/// A request with what the other shows to strangers.
#[derive(ToSchema)]
pub struct RequestShown {
    request: Request,
    moments: Vec<Moment>,
}

/// Two friends who were offered to each other.
#[derive(ToSchema)]
pub struct Introduced {
    ok: bool,
    id: String,
    people: Vec<Person>,
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
    #[schema(required)]
    avatar: Option<String>,
    #[schema(required)]
    cover: Option<String>,
    #[schema(required)]
    status: Option<StatusLine>,
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
    /// What is kept of each friend, most first, pictures apart.
    friends: Vec<FriendBytes>,
}

/// What is kept of one friend.
#[derive(ToSchema)]
pub struct FriendBytes {
    friend: Person,
    bytes: u64,
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
    /// Strangers who would see it while pairing with them is pending.
    strangers: usize,
    /// After a change of audience only: friends whose nodes are asked to forget it.
    #[schema(nullable = false)]
    taken_from: Option<Vec<Person>>,
    /// After a change of audience only: friends who can read it from now on.
    #[schema(nullable = false)]
    given_to: Option<Vec<Person>>,
}

/// What changing an audience answers: the moment, or with `dry_run` who could read it.
pub struct ChangedAudience;

impl utoipa::PartialSchema for ChangedAudience {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::schema::OneOfBuilder::new()
            .item(utoipa::openapi::Ref::from_schema_name("Moment"))
            .item(utoipa::openapi::Ref::from_schema_name("DryRun"))
            .into()
    }
}

impl ToSchema for ChangedAudience {}

/// Moments privacy.
#[derive(ToSchema)]
pub struct Privacy {
    /// `all`, `6m`, `1m` or `3d`.
    window: String,
    window_days: u32,
    /// 0 or 10.
    strangers: u8,
    hide_mine_from: Vec<Person>,
    hide_theirs: Vec<Person>,
    chats_only: Vec<Person>,
}

/// Where one's own moment stands with a friend.
#[derive(ToSchema)]
pub struct WhoState {
    id: String,
    name: String,
    /// `waiting`, `carried`, `have` or `withdrawn`.
    state: String,
    by: Vec<Person>,
    #[schema(required, format = DateTime)]
    last_seen: Option<String>,
}

/// Where one's own moment stands.
#[derive(ToSchema)]
pub struct Who {
    people: Vec<WhoState>,
    withdrawn: bool,
}

/// How friends see me.
#[derive(ToSchema)]
pub struct Profile {
    name: String,
    about: String,
    /// For `/blobs/{id}`.
    #[schema(required)]
    avatar: Option<String>,
    /// For `/blobs/{id}`.
    #[schema(required)]
    cover: Option<String>,
    #[schema(required)]
    status: Option<StatusLine>,
    window_days: u32,
}

/// Done.
#[derive(ToSchema)]
pub struct Done {
    ok: bool,
    /// What it was done to or what it made.
    id: String,
}

/// How the page is for its person.
#[derive(ToSchema)]
pub struct Settings {
    /// Code of a language, such as `zh-Hans`; null: as the browser asks.
    #[schema(required)]
    language: Option<String>,
    /// `off`, `plain` or `names`.
    desktop: String,
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

/// What a moment may hold, on this node.
#[derive(ToSchema)]
pub struct Limits {
    text_bytes: usize,
    photos: usize,
    /// Of the file as it comes.
    photo_bytes: usize,
    alt_bytes: usize,
    video_bytes: u64,
    video_ms: u64,
    /// Whether a longer video can be cut (`trim`).
    can_trim: bool,
    place_bytes: usize,
    mood_bytes: usize,
    mentions: usize,
}

/// A file that waits with a draft.
#[derive(ToSchema)]
pub struct DraftFile {
    /// For `/drafts/{id}/files/{file}`.
    id: String,
    /// `photo`, `video` or `poster`.
    part: String,
    /// The media type it came with.
    mime: String,
    bytes: u64,
}

/// A half-written moment that the node keeps.
#[derive(ToSchema)]
pub struct KeptDraft {
    /// 32 hex digits.
    id: String,
    #[schema(format = DateTime)]
    saved_at: String,
    draft: super::moments::Draft,
    /// In the order in which they are shown.
    files: Vec<DraftFile>,
}

/// All drafts, the one kept last first.
#[derive(ToSchema)]
pub struct KeptDrafts {
    drafts: Vec<KeptDraft>,
}

/// The filters for photos.
#[derive(ToSchema)]
pub struct Filters {
    filters: Vec<Filter>,
}

/// A filter for photos.
#[derive(ToSchema)]
pub struct Filter {
    /// One word.
    name: String,
    description: String,
}

/// How far the first run has come.
#[derive(ToSchema)]
pub struct Onboarding {
    /// `new`, `words` or `done`.
    state: String,
    /// The 24 words, until they are written down: while the state is `words`, and after `later`.
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
    /// What the message names, such as a limit: there only then.
    #[schema(nullable = false, value_type = Option<Object>)]
    values: Option<()>,
}

/// An error.
#[derive(ToSchema)]
pub struct Failure {
    error: Refusal,
}
