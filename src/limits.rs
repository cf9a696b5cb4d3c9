//! Every limit of the protocol: value, unit, origin, and the test that holds it.
//!
//! *spec* means docs/protocol.md; *measured* and *guess* say so. A limit that a person may change stands in the
//! configuration with its default here. Nothing in this file depends on the build.

// ---- entries (3.4) ----

/// Longest padded plaintext of an entry, bytes. *spec 3.4*
pub const ENTRY_PADDED_LIMIT: usize = 65_536;
/// Longest body of an entry: padded plaintext and the tag of the AEAD, bytes. *spec 3.4*
pub const ENTRY_BODY_LIMIT: usize = ENTRY_PADDED_LIMIT + 16;
/// Smallest padded plaintext, bytes. *spec 3.4*
pub const ENTRY_PADDED_MIN: usize = 256;
/// Smallest padded plaintext of an interaction, bytes. *spec 3.4*
pub const INTERACTION_PADDED_MIN: usize = 512;
/// Sequence numbers are below this. *spec 3.4*
pub const SEQ_LIMIT: u64 = 1 << 48;
/// Largest body that is pushed rather than announced, bytes. *spec 3.8(7)*
pub const PUSH_BODY_LIMIT: usize = 8 * 1024;
/// Ahead of our clock by more than this, an entry is held back, ms. *spec 3.10*
pub const FUTURE_HOLD_MS: u64 = 600_000;
/// Variants kept of one (epoch, seq). *spec 3.4*
pub const FORK_KEEP_LIMIT: usize = 2;

// ---- what people write (3.4, 3.5, 3.18) ----

/// Text of a moment, bytes of UTF-8. *spec 3.18*
pub const POST_TEXT_LIMIT: usize = 8 * 1024;
/// Photos of a moment. *spec 3.18*
pub const POST_PHOTO_LIMIT: usize = 9;
/// Text of a comment or reply, bytes of UTF-8. *spec 3.5*
pub const COMMENT_TEXT_LIMIT: usize = 2 * 1024;
/// Alt text of a photo, bytes of UTF-8. *guess*
pub const ALT_TEXT_LIMIT: usize = 1_000;
/// A name a person gives, bytes of UTF-8. *spec 3.7 (pairing)*
pub const NAME_LIMIT: usize = 64;
/// The about line of a profile, bytes of UTF-8. *guess*
pub const ABOUT_LIMIT: usize = 500;
/// People mentioned in a moment. *guess*
pub const MENTION_LIMIT: usize = 32;
/// ThumbHash of a picture, bytes. *measured: 25 at most with alpha*
pub const THUMBHASH_LIMIT: usize = 32;

// ---- blobs (3.9, 3.18) ----

/// A photo's blob, bytes of ciphertext. *spec 3.18*
pub const PHOTO_BLOB_LIMIT: u64 = 20 * 1024 * 1024;
/// A video's blob, bytes of ciphertext. *spec 3.18*
pub const VIDEO_BLOB_LIMIT: u64 = 100 * 1024 * 1024;
/// A preview, bytes of plaintext. *spec 3.9*
pub const PREVIEW_LIMIT: usize = 24 * 1024;
/// Cached blobs of others, bytes. *spec 3.18*
pub const BLOB_CACHE_LIMIT: u64 = 2 * 1024 * 1024 * 1024;
/// Originals younger than this are fetched unasked, days. *spec 3.9*
pub const BLOB_PREFETCH_DAYS: u32 = 30;

// ---- records (3.2) ----

/// Devices in an IdentityRecord. *spec 3.2*
pub const DEVICE_LIMIT: usize = 16;
/// Addresses in a DeviceRecord. *spec 3.2*
pub const ADDRESS_LIMIT: usize = 8;
/// Length of an address (multiaddr), bytes. *spec 3.2*
pub const ADDRESS_LEN_LIMIT: usize = 128;
/// Relay node keys in a DeviceRecord. *spec 3.2*
pub const RELAY_LIMIT: usize = 4;
/// A DeviceRecord's addresses are advised for this long, days. *spec 3.2*
pub const DEVICE_RECORD_DAYS: u32 = 14;
/// A DeviceRecord is renewed after this long, days. *spec 3.2*
pub const DEVICE_RECORD_RENEW_DAYS: u32 = 7;

// ---- pairing (3.7) ----

/// Addresses in an invite. *spec 3.7*
pub const INVITE_ADDRESS_LIMIT: usize = 4;
/// Longest life of an invite, ms. *spec 3.7*
pub const INVITE_LIFE_LIMIT_MS: u64 = 7 * crate::time::DAY_MS;
/// Usual life of an invite, ms. *spec 3.7*
pub const INVITE_LIFE_DEFAULT_MS: u64 = crate::time::DAY_MS;
/// Wrong MACs that close an invite. *spec 3.7*
pub const INVITE_FAILURE_LIMIT: u8 = 5;
/// Invites open at once. *guess*
pub const INVITE_OPEN_LIMIT: usize = 64;
/// A pending pair is forgotten after this, days. *spec 3.7*
pub const PENDING_PAIR_DAYS: u32 = 30;
/// Pending pairs at once. *guess*
pub const PENDING_PAIR_LIMIT: usize = 64;
/// Unknown nodes connected at once. *spec 3.18*
pub const UNKNOWN_CONNECTION_LIMIT: usize = 4;
/// Unknown nodes taken in a minute. *spec 3.18*
pub const UNKNOWN_PER_MINUTE_LIMIT: usize = 10;

// ---- people and audiences (3.18) ----

/// Friends. *spec 3.18*
pub const FRIEND_LIMIT: usize = 5_000;
/// Open epochs of one author. *spec 3.18*
pub const OPEN_EPOCH_LIMIT: usize = 64;
/// Closed epochs of one author that are remembered. *spec 3.18*
pub const CLOSED_EPOCH_LIMIT: usize = 4_096;
/// Tags (labels on friends) a person may have. *guess*
pub const TAG_LIMIT: usize = 256;
/// Name of a tag, bytes of UTF-8. *guess*
pub const TAG_NAME_LIMIT: usize = 64;
/// An epoch is written to for this long, days. *spec 3.11*
pub const EPOCH_AGE_DAYS: u32 = 30;
/// A closed `~contact` epoch is still offered for this long, days. *spec 3.8(2)*
pub const CONTACT_CLOSED_OFFER_DAYS: u32 = 7;
/// Own epochs with this many intervals are closed. *spec 3.7*
pub const OWN_INTERVAL_LIMIT: usize = 128;
/// Interactions granted to a newcomer. *spec 3.3*
pub const GRANT_INTERACTION_LIMIT: usize = 1_000;

// ---- wire (3.7, 3.8) ----

/// A frame after its length, bytes. *spec 3.7*
pub const FRAME_LIMIT: usize = 256 * 1024;
/// Tags in one frame. *spec 3.7*
pub const TAGS_FRAME_LIMIT: usize = 8_192;
/// Tags offered in one class. *spec 3.18*
pub const TAGS_CLASS_LIMIT: usize = 16_384;
/// The smallest padded number of tags, and the size of the regular round. *spec 3.8(3)*
pub const TAGS_ROUND: usize = 64;
/// Time between regular rounds of tags, ms. *spec 3.8(3)*
pub const TAGS_ROUND_INTERVAL_MS: u64 = 600_000;
/// The regular round is early or late by up to this, ms. *spec 3.8(3)*
pub const TAGS_ROUND_JITTER_MS: u64 = 120_000;
/// Intervals in one Have. *spec 3.7*
pub const HAVE_INTERVAL_LIMIT: usize = 256;
/// Ids in one Ids. *spec 3.7*
pub const IDS_LIMIT: usize = 4_096;
/// Ids in one WantIds. *guess: as Ids*
pub const WANT_IDS_LIMIT: usize = 4_096;
/// Bytes of entries asked for and not yet come, per session. *spec 3.8(5)*
pub const WANT_OUTSTANDING_LIMIT: usize = 1024 * 1024;
/// An entry whose keys are on the way is held for this long, ms. *spec 3.8(7)*
pub const EARLY_ENTRY_HOLD_MS: u64 = 60_000;
/// Bytes of such entries held per session. *spec 3.8(7)*
pub const EARLY_ENTRY_BYTES_LIMIT: usize = 1024 * 1024;

// ---- parcels and mail (3.6, 3.18) ----

/// Smallest padded plaintext of a parcel, bytes. *spec 3.6*
pub const PARCEL_PADDED_MIN: usize = 512;
/// Longest padded plaintext of a parcel, bytes. *spec 3.6*
pub const PARCEL_PADDED_LIMIT: usize = 32 * 1024;
/// Couriers of one parcel. *spec 3.8(8)*
pub const COURIER_LIMIT: usize = 3;
/// A parcel lives this long, days. *spec 3.18*
pub const PARCEL_LIFE_DAYS: u32 = 30;
/// What is owed is put with couriers again after this long, days. *spec 3.6*
pub const PARCEL_AGAIN_DAYS: u32 = 25;
/// What is owed is put with couriers for this long, days. *spec 3.6*
pub const PARCEL_OWED_DAYS: u32 = 400;
/// Parcels held for others: bytes per sender. *spec 3.18*
pub const MAIL_SENDER_LIMIT: usize = 256 * 1024;
/// Parcels held for others: bytes per recipient. *spec 3.18*
pub const MAIL_RECIPIENT_LIMIT: usize = 4 * 1024 * 1024;
/// Parcels held for others: bytes in all. *spec 3.18*
pub const MAIL_TOTAL_LIMIT: usize = 64 * 1024 * 1024;
/// Records carried by a parcel may be older than the newest known by this, days. *spec 3.6*
pub const PARCEL_RECORD_AGE_DAYS: u32 = 45;
/// Seal keys live this long, days. *spec 3.1*
pub const SEAL_KEY_DAYS: u32 = 30;
/// An old seal secret is kept this long after its successor was published, days. *spec 3.1*
pub const SEAL_KEY_KEEP_DAYS: u32 = 45;

// ---- quotas (3.18) ----

/// Entries kept of one author. *spec 3.18*
pub const AUTHOR_ENTRY_LIMIT: u64 = 20_000;
/// Bytes kept of one author. *spec 3.18*
pub const AUTHOR_BYTES_LIMIT: u64 = 200 * 1024 * 1024;
/// Entries taken a day of an epoch that was in sync. *spec 3.18*
pub const EPOCH_DAY_ENTRY_LIMIT: u32 = 5_000;
/// Bytes taken a day of an epoch that was in sync. *spec 3.18*
pub const EPOCH_DAY_BYTES_LIMIT: u64 = 16 * 1024 * 1024;
/// Interactions that match no post kept per friend. *spec 3.18*
pub const ORPHAN_LIMIT: usize = 5_000;
/// Their bodies are kept for this long, days. *spec 3.5*
pub const ORPHAN_DAYS: u32 = 30;

// ---- connections (3.18) ----

/// Connections in all. *spec 3.18*
pub const CONNECTION_LIMIT: usize = 256;

// ---- the store (3.13, 3.19) ----

/// Numbers reserved at once. *spec 3.13*
pub const SEQ_BLOCK: u64 = 64;
/// Longest value inside sled, bytes. *spec 3.19*
pub const STORE_VALUE_LIMIT: usize = 4 * 1024;
/// A day seen that lies further off than this stops all ageing for a day, days. *spec 3.10*
pub const CLOCK_LEAP_DAYS: u32 = 7;

// ---- sync sessions (3.7, 3.8) ----

/// A record inside Hello, bytes: the largest DeviceRecord has 1,372. *guess, with room for a later version*
pub const HELLO_RECORD_LIMIT: usize = 2_048;
/// Scopes offered or answered in one session, and handles one side may hand out. *spec 3.18: both classes of tags*
pub const SCOPE_LIMIT: usize = 2 * TAGS_CLASS_LIMIT;
/// Bytes of frames handed out and not yet taken by the transport, per session. *guess: as much as may be asked for*
pub const UNSENT_LIMIT: usize = 1024 * 1024;
/// Intervals that a peer may have asked for and not yet got, per session: twice what an honest peer can have
/// outstanding. *chosen: 2 × 1 MiB outstanding / 512 bytes an entry*
pub const SERVE_QUEUE_LIMIT: usize = 4_096;
/// Entries of one scope asked for in one Want, so that all scopes get their newest first. *guess*
pub const WANT_CHUNK: u64 = 64;
/// What an entry is taken to weigh before any came, bytes. *guess: a text is 0.5 KiB, a photo post 2 KiB*
pub const ASSUMED_ENTRY_START: usize = 4 * 1024;
/// What an entry is taken to weigh at least, bytes. *chosen: the smallest Entry frame has 464*
pub const ASSUMED_ENTRY_MIN: usize = 512;
/// Silence of a peer that owes answers before it is asked again, ms. *guess*
pub const WANT_TIMEOUT_MS: u64 = 60_000;
/// Silences after which a scope is asked for no more until the peer claims something new. *guess*
pub const WANT_STRIKE_LIMIT: u8 = 2;
/// Intervals remembered per scope of what a peer has, lacks or was refused. *guess: four pages of Have*
pub const SCOPE_INTERVAL_LIMIT: usize = 4 * HAVE_INTERVAL_LIMIT;
/// Intervals known to be missing and not yet asked for, per session. *guess: 512 KiB*
pub const MISSING_LIMIT: usize = 32_768;
/// Entries handed to the owner and not yet judged, intervals per scope. *guess*
pub const PENDING_LIMIT: usize = 4_096;
/// Pages below the first that one side may have to send, per scope. *chosen: the 20,000 entries kept of an author make 79*
pub const PAGE_LIMIT: usize = 128;
/// Announcements of one scope waiting; more are said by one Digest. *guess*
pub const HEAD_QUEUE_LIMIT: usize = 64;
/// After a change a Digest follows within this, ms. *guess: long enough to gather a burst*
pub const DIGEST_DELAY_MS: u64 = 1_000;
/// Rounds of tags taken beyond the regular ones, per session: those with a courier. *guess*
pub const TAGS_ROUND_BURST_LIMIT: u64 = 16;
/// Rounds of tags that may stand unanswered before the peer is at fault. *guess*
pub const TAGS_UNANSWERED_LIMIT: usize = 8;
