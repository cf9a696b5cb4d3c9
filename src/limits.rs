//! Every limit of the protocol: value, unit and origin.
//!
//! *spec* means docs/protocol.md, which says the number; *measured*, *chosen* (by us, freely) and *guess* say so. A limit that a person may change stands in the
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
/// The code of a language, bytes. *chosen: what RFC 5646 4.4.1 advises*
pub const LANGUAGE_LEN_LIMIT: usize = 35;
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
/// Revoked devices remembered of one person; beyond it the first revoked is forgotten. *guess: with the largest
/// IdentityRecord the whole stays below [`STORE_VALUE_LIMIT`]*
pub const REVOKED_DEVICE_LIMIT: usize = 96;
/// A node key lives at most this long, days. *spec 3.1*
pub const NODE_KEY_DAYS: u32 = 90;
/// Former seal secrets kept by a device; beyond it the oldest goes. *guess: two are usual*
pub const FORMER_SEAL_LIMIT: usize = 8;

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
/// Longest invite link, characters. *measured: the largest legal one has 851*
pub const INVITE_LINK_LIMIT: usize = 1_024;
/// A frame of `/tidings/pair/1` other than `Moments`, bytes. *measured: the largest legal one has 2,185*
pub const PAIR_FRAME_LIMIT: usize = 4 * 1024;
/// Frames taken on one `/tidings/pair/1` stream. *guess: six are usual*
pub const PAIR_FRAME_COUNT_LIMIT: u32 = 64;
/// A pairing or Resume that gets no further for this long is given up, ms. *guess*
pub const PAIR_STEP_TIMEOUT_MS: u64 = 60_000;
/// Moments that a side shows the other while a pairing is pending. *spec 3.7*
pub const STRANGER_MOMENT_LIMIT: usize = 10;
/// Records of the timeline that are looked at for one's own newest moments for everyone. *guess: a year of 50 friends*
pub const STRANGER_SCAN_LIMIT: usize = 20_000;
/// An introduction is over after this, days. *spec 3.7*
pub const INTRODUCTION_DAYS: u64 = 30;
/// Introductions open with one friend: of theirs to me, and of mine that name them. *spec 3.18*
pub const INTRODUCTION_FRIEND_LIMIT: usize = 16;
/// Introductions to me that are open, of all friends. *spec 3.18*
pub const INTRODUCTION_LIMIT: usize = 64;
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
/// Own `~self` epochs that one change may have seen. *guess: 16 devices for 10 years, and it fits an entry*
pub const SELF_EPOCH_LIMIT: usize = 2_048;
/// Adds of one person to one list, made by own devices without knowledge of each other. *guess: four a device*
pub const CONCURRENT_ADD_LIMIT: usize = 64;
/// An epoch is written to for this long, days. *spec 3.11*
pub const EPOCH_AGE_DAYS: u32 = 30;
/// So many days before an epoch ends the next one is minted, so that its keys are with everybody by then. *spec 3.11*
pub const EPOCH_AHEAD_DAYS: u32 = 7;
/// So many intervals before an own epoch is too finely cut the next one is minted. *spec 3.11*
pub const EPOCH_AHEAD_INTERVALS: usize = 32;
/// Nothing is minted ahead until people and tags have been left alone for so long, ms: who sorts friends into tags
/// changes one after the other. *spec 3.11*
pub const EPOCH_AHEAD_QUIET_MS: u64 = 600_000;
/// Tags for which epochs are minted ahead before anybody has written to them, those made last first: with both ways to
/// name a tag and a successor each they are half of the open epochs. *spec 3.11*
pub const EPOCH_AHEAD_TAG_LIMIT: usize = 8;
/// Epochs for posts that may still be written under, from which on none is minted ahead, so that writing always finds room. *spec 3.11*
pub const EPOCH_AHEAD_OPEN_LIMIT: usize = 32;
/// An audience with an epoch minted within so many days, and written under, gets its next one ahead. *spec 3.11*
pub const EPOCH_AHEAD_USED_DAYS: u32 = 60;
/// The end of an epoch under which nothing was written is told for so long, days. *spec 3.11*
pub const EMPTY_CLOSE_DAYS: u32 = 60;
/// A closed `~contact` epoch is still offered for this long, days. *spec 3.8(2)*
pub const CONTACT_CLOSED_OFFER_DAYS: u32 = 7;
/// Own epochs with this many intervals are closed. *spec 3.11*
pub const OWN_INTERVAL_LIMIT: usize = 128;
/// Interactions granted to a newcomer. *spec 3.3*
pub const GRANT_INTERACTION_LIMIT: usize = 1_000;

// ---- wire (3.7, 3.8) ----

/// A frame after its length, bytes. *spec 3.7*
pub const FRAME_LIMIT: usize = 256 * 1024;
/// Tags in one frame. *spec 3.7*
pub const TAGS_FRAME_LIMIT: usize = 8_192;
/// Bytes of bits in one `MatchedRun`: one bit for each tag that it may answer. *spec 3.7*
pub const RUN_LIMIT: usize = 1_024;
/// Tags offered in one class. *spec 3.18*
pub const TAGS_CLASS_LIMIT: usize = 16_384;
/// The smallest padded number of tags, and the size of the regular round. *spec 3.8(3)*
pub const TAGS_ROUND: usize = 64;
/// Time between regular rounds of tags, ms. *spec 3.8(3)*
pub const TAGS_ROUND_INTERVAL_MS: u64 = 600_000;
/// After so long three early rounds of tags follow the first exchange, each later by up to a quarter, ms: friends who
/// have just made a friend in common find out soon. *spec 3.8(3)*
pub const TAGS_EARLY_ROUNDS_MS: [u64; 3] = [2_000, 15_000, 75_000];
/// The regular round is early or late by up to this, ms. *spec 3.8(3)*
pub const TAGS_ROUND_JITTER_MS: u64 = 120_000;
/// Intervals in one Have. *spec 3.7*
pub const HAVE_INTERVAL_LIMIT: usize = 256;
/// Ids in one Ids. *spec 3.7*
pub const IDS_LIMIT: usize = 4_096;
/// Ids in one WantIds. *guess: as Ids*
pub const WANT_IDS_LIMIT: usize = 4_096;
/// Keys of epochs that a thread which checks entries keeps ready, 232 bytes each. *chosen: twice the authors of a large
/// backlog*
pub const READY_KEY_LIMIT: usize = 256;
/// Frames that one session sends before others get their turn. *guess: a few milliseconds of reading*
pub const PUMP_FRAMES_LIMIT: usize = 256;
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
/// One record carried by a parcel, bytes. *guess: the largest DeviceRecord has 1,368*
pub const PARCEL_RECORD_LIMIT: usize = 1_536;
/// Items of one parcel together, bytes: what the length, two records and the device MAC leave. *guess: derived*
pub const PARCEL_ITEMS_LIMIT: usize = PARCEL_PADDED_LIMIT - 40 - 2 * 1_536;
/// Items in one parcel. *guess*
pub const PARCEL_ITEM_LIMIT: usize = 1_024;
/// Bytes of a vault in one VaultKeep. *spec 3.14*
pub const VAULT_PART_LIMIT: usize = 24 * 1024;
/// Parts of a vault: 256 KiB of them. *guess: derived from 3.14*
pub const VAULT_PARTS_LIMIT: u16 = 11;
/// A share of the root seed, bytes. *guess: 33 words of SLIP-39 as text*
pub const RECOVERY_SHARE_LIMIT: usize = 1_024;
/// A courier keeps a parcel at most this long, days. *spec 3.18*
pub const MAIL_DAYS: u32 = 30;
/// Parcels sent to one device whose Ack is still awaited. *guess*
pub const OWED_PARCEL_LIMIT: usize = 256;
/// An Ack is awaited this long, days: twice a parcel's life, there and back. *guess*
pub const OWED_PARCEL_DAYS: u32 = 60;
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
/// Bytes kept of all other authors together. *spec 3.18*
pub const ALL_AUTHORS_BYTES_LIMIT: u64 = 8 * 1024 * 1024 * 1024;
/// Intervals of known numbers per epoch of others; beyond, the floor rises. *chosen: honest writers have at most 128*
pub const LOG_INTERVAL_LIMIT: usize = 1_024;
/// Records of a log that one rise of its floor forgets, where it rises for want of fewer holes. *chosen: some milliseconds*
pub const FLOOR_STEP_LIMIT: usize = 256;
/// Interactions that match no post kept per friend. *spec 3.18*
pub const ORPHAN_LIMIT: usize = 5_000;
/// Their bodies are kept for this long, days. *spec 3.5*
pub const ORPHAN_DAYS: u32 = 30;

// ---- connections (3.18) ----

/// Connections in all. *spec 3.18*
pub const CONNECTION_LIMIT: usize = 256;
/// Of those, how many are left free for friends who come, at most a quarter. *chosen: with one look a minute, as many as 480
/// come in within an hour*
pub const TURN_PLACES: usize = 8;
/// Nobody who has come gives way before this, ms. *chosen: the tags of two rounds*
pub const TURN_MIN_MS: u64 = 120_000;
/// How long two wait at least before they dial each other again after one has given way, and at most twice that, ms. *chosen: as long as between two dials
/// of somebody who is away*
pub const TURN_REST_MS: u64 = 600_000;

// ---- the store (3.13, 3.19) ----

/// Numbers reserved at once. *spec 3.13*
pub const SEQ_BLOCK: u64 = 64;
/// Longest value inside sled, bytes. *spec 3.19*
pub const STORE_VALUE_LIMIT: usize = 4 * 1024;
/// A day seen that lies further off than this stops all ageing for a day, days. *spec 3.10*
pub const CLOCK_LEAP_DAYS: u32 = 7;

// ---- the service ----

/// Moments on one page. *chosen: the command line promises it*
pub const TIMELINE_LIMIT: usize = 10_000;
/// Moments on a page when nothing is said. *chosen: the command line promises it*
pub const TIMELINE_DEFAULT: usize = 20;
/// Comments and replies of one writer kept beneath one post, withdrawn ones included. *guess*
pub const POST_WRITER_COMMENT_LIMIT: usize = 200;
/// Likes of one writer kept beneath one post. *chosen: one a device*
pub const POST_WRITER_LIKE_LIMIT: usize = DEVICE_LIMIT;
/// Hides remembered of one author, seen or not; beyond it the oldest quarter goes. *spec 3.18*
pub const HIDE_LIMIT: usize = 4_096;
/// Notices kept; beyond it the oldest of whoever has the most go. *chosen: a year of a busy circle, 1 MB*
pub const NOTICE_LIMIT: usize = 5_000;
/// Notices on a page when nothing is said. *chosen: as the timeline*
pub const NOTICES_DEFAULT: usize = 20;
/// Orphans tried when a post comes, over all writers, who share it evenly. *guess*
pub const ORPHAN_TRY_LIMIT: usize = 5_000;
/// Posts beyond the cache of threads that are read for one writer's interactions in a minute. *guess: two in a log of
/// 20,000 posts*
pub const THREAD_SCAN_LIMIT: usize = 40_000;
/// Posts whose thread keys are kept in memory, about 100 B each. *guess*
pub const THREAD_CACHE_LIMIT: usize = 8_192;

/// Posts that come after a start before the keys of the newest are read to compare theirs with. *guess*
pub const THREADS_CAME_LIMIT: usize = 256;
/// Posts with a thread that others claim too that are compared when those keys are read, about 4 reads each. *guess: more
/// than come in the minute before a crash*
pub const CLAIMS_LIMIT: usize = 256;

// ---- care: albums, marks, search ----

/// Posts that one step of a page or a search reads at most, so that none holds the node for long.
/// *chosen: 5 ms of opening, `examples/measure_timeline.rs`*
pub const READ_RUN_LIMIT: usize = 512;
/// Posts that one step enters into the index by author, in a home that has none yet. *chosen: about 10 ms*
pub const INDEX_RUN_LIMIT: usize = 512;
/// What may be searched for, bytes of UTF-8. *guess: a line of text*
pub const SEARCH_TEXT_LIMIT: usize = 256;
/// Words of one search; all must occur. *chosen: a bit each in what was found of an author's name*
pub const SEARCH_WORD_LIMIT: usize = 16;
/// Moments pinned at once. *chosen: they stand above an album, and its newest month has to stay in sight*
pub const PIN_LIMIT: usize = 3;
/// Favourites at once. *chosen: they are read at each start, kept in memory, and no quota takes them*
pub const FAVOURITE_LIMIT: usize = 2_000;
/// Favourites that one step shows. *chosen: each is looked up singly, about 0.1 ms*
pub const FAVOURITE_RUN_LIMIT: usize = 64;

// ---- inside a moment (3.4) ----

/// Content of an entry: kind, time and the rest, bytes. *spec 3.4: the padded plaintext less its length prefix*
pub const CONTENT_LIMIT: usize = ENTRY_PADDED_LIMIT - 4;
/// The public part of a post, bytes: twice this and the private part fit one entry. *guess*
pub const POST_PUBLIC_LIMIT: usize = 26 * 1024;
/// Videos of a moment; a video stands alone. *spec 3.18: nine photos or one video*
pub const POST_VIDEO_LIMIT: usize = 1;
/// Address of a link card, bytes of UTF-8. *guess*
pub const LINK_URL_LIMIT: usize = 2_048;
/// Title of a link card, bytes of UTF-8. *guess*
pub const LINK_TITLE_LIMIT: usize = 300;
/// Description of a link card, bytes of UTF-8. *guess*
pub const LINK_DESCRIPTION_LIMIT: usize = 1_000;
/// Name of the site of a link card, bytes of UTF-8. *guess*
pub const LINK_SITE_LIMIT: usize = 100;
/// Name of a place, bytes of UTF-8. *guess*
pub const PLACE_NAME_LIMIT: usize = 200;
/// Latitude, millionths of a degree to either side. *chosen: the whole globe*
pub const LATITUDE_LIMIT: u32 = 90_000_000;
/// Longitude, millionths of a degree to either side. *chosen: the whole globe*
pub const LONGITUDE_LIMIT: u32 = 180_000_000;
/// An emoji, bytes of UTF-8: families of joined emoji need about 30. *guess*
pub const EMOJI_LIMIT: usize = 40;
/// Words of a mood or a status, bytes of UTF-8. *guess*
pub const MOOD_TEXT_LIMIT: usize = 200;
/// The card of a mini program, bytes. *guess*
pub const APP_CARD_LIMIT: usize = 4_096;
/// A label such as "sponsored", bytes of UTF-8. *guess*
pub const LABEL_LIMIT: usize = 64;
/// Mentions are filled up to a multiple of this. *spec 3.1*
pub const MENTION_STEP: usize = 4;
/// Longest life of a status, ms. *spec 3.4*
pub const STATUS_LIFE_LIMIT_MS: u64 = 7 * crate::time::DAY_MS;
/// Life of a status if nothing is said, ms. *chosen: what people know as a status lasts a day*
pub const STATUS_LIFE_DEFAULT_MS: u64 = crate::time::DAY_MS;
/// Largest profile picture that is fetched unasked, bytes; a larger one comes when somebody looks. *guess: our own are below 1 MiB*
pub const PROFILE_PICTURE_PREFETCH_LIMIT: u32 = 4 * 1024 * 1024;
/// Entries looked at in one step for whether they have expired. *chosen: some milliseconds of one step a minute*
pub const EXPIRED_STEP_LIMIT: usize = 512;
/// Entries that go in one such step. *measured: 512 took 73 ms, in which nobody was served (`tidings bench million`)*
pub const EXPIRED_DROP_LIMIT: usize = 48;
/// Inner ciphertext of a like, comment or reply: code, target, nonce, text and two tags, bytes. *spec 3.5*
pub const INTERACTION_CT_LIMIT: usize = 1 + 32 + 24 + COMMENT_TEXT_LIMIT + 16 + 16;
/// What a mini program sends in one update, bytes of JSON. *spec 3.5*
pub const APP_UPDATE_LIMIT: usize = 48_000;
/// Inner ciphertext of an AppUpdate: uid, length, JSON, room for the fields that describe it, and the tag, bytes.
/// *guess: 3.5 for the JSON, and room for the fields*
pub const APP_UPDATE_CT_LIMIT: usize = 16 + 4 + APP_UPDATE_LIMIT + 8_192 + 16;
/// Longest key of a record, bytes. *guess: twice the longest key of the layout*
pub const STORE_KEY_LIMIT: usize = 256;
/// Longest record, sealed, bytes: more than the longest thing kept, a vault of 256 KiB. *guess: a vault of 256 KiB, with room*
pub const STORE_RECORD_LIMIT: usize = 1024 * 1024;
/// Records in one page of a scan. *guess: the longest timeline page of the command line*
pub const STORE_PAGE_LIMIT: usize = 10_000;
/// A page of a scan ends with the record that reaches this, bytes. *guess*
pub const STORE_PAGE_BYTES_LIMIT: usize = 16 * 1024 * 1024;
/// Damaged records listed by one check; further ones are counted. *guess*
pub const STORE_DAMAGE_LIMIT: usize = 1_000;
/// Dropped body files that wait for a barrier; more make a barrier of their own. *guess*
pub const STORE_DOOMED_LIMIT: usize = 1_024;
/// So many bytes written make a store worth a snapshot when it is closed. *measured: 0.2 s to read 142 MB of log*
pub const STORE_SNAPSHOT_BYTES: u64 = 4 * 1024 * 1024;
/// Entries in one run of a tree whose keys come in no order. *measured: twelve bits for each in a filter below
/// [`STORE_VALUE_LIMIT`], and some milliseconds to write a run*
pub const SCATTERED_RUN_LIMIT: usize = 2_048;
/// Removals from such a tree that wait to be carried out; each may rewrite a block. *guess: some 20 ms*
pub const SCATTERED_REMOVAL_LIMIT: usize = 256;
/// Longest row with several entries of such a tree, bytes. *guess: sixteen of them, a leaf of sled, are 32 KiB*
pub const SCATTERED_ROW_LIMIT: usize = 2_048;
/// Records moved at once from where format 2 had them. *guess: some milliseconds*
pub const SCATTERED_MOVE_LIMIT: usize = 256;
/// Memory for sled's page cache, bytes. *measured: 31 MB resident after 400 random pages of 100,000 posts*
pub const STORE_CACHE_DEFAULT: u64 = 16 * 1024 * 1024;
/// How often sled writes and syncs by itself, ms. *measured: sled's only real fsync; its own default*
pub const STORE_FLUSH_EVERY_MS: u64 = 500;
/// Free space below which nothing more is written, bytes. *guess: 128 segments of sled*
pub const STORE_FREE_RESERVE: u64 = 64 * 1024 * 1024;
/// Months whose storage keys are kept at once. *guess: forty years*
pub const STORAGE_KEY_LIMIT: usize = 480;
/// Epochs in the file of reserved numbers. *guess: open and remembered ones of one author*
pub const RESERVED_EPOCH_LIMIT: usize = OPEN_EPOCH_LIMIT + CLOSED_EPOCH_LIMIT;
/// A file in `keys/`, bytes. *guess*
pub const KEY_FILE_LIMIT: usize = 4 * 1024 * 1024;
/// Of a log in which a peer is in sync, so many newest numbers are noted as theirs. *guess: more than anybody looks at*
pub const HOLDERS_IN_SYNC_LIMIT: u64 = 256;
/// Numbers of one announcement whose holder is written down at once; the rest when it is said again. *guess*
pub const HOLDERS_STEP_LIMIT: usize = 4_096;
/// Frames of mail kept until the sync stream has shown who sends them. *guess*
pub const MAIL_EARLY_LIMIT: usize = 64;
// ---- blob transfer (3.7, 3.9) ----

/// A group: the unit in which a blob is asked for and verified, bytes. *spec 3.7*
pub const BLOB_GROUP_LEN: usize = 16 * 1024;
/// Ranges in one Get; what is missing beyond them is asked for in the next. *spec 3.7*
pub const BLOB_RANGES_LIMIT: usize = 256;
/// Groups that a transfer writes between two notes of its progress: what a crash costs at most. *guess: 4 MiB*
pub const BLOB_CHECKPOINT_GROUPS: u32 = 256;
/// Readers that wait at the same time for one blob that is on its way. *guess: some windows, each with a film*
pub const BLOB_READER_LIMIT: usize = 32;
/// Blobs whose transfer was cut of which is remembered what this process verified. *guess; 800 bytes each at most*
pub const BLOB_CUT_LIMIT: usize = 64;
/// Whoever waits for a group at most so far ahead of the transfer waits on; for others it turns. *chosen: 4 MiB, a second or two*
pub const BLOB_AHEAD_GROUPS: u32 = 256;
/// Groups in one request for several readers' places, and what one alone gets before others are served too. *chosen: 1 MiB*
pub const BLOB_TURN_GROUPS: u32 = 64;
/// Bytes that came of a blob are handed on after this, though there is room for more, ms. *chosen: below what a player notices*
pub const BLOB_LINGER_MS: u64 = 20;
/// A buffer between the disk and a blob stream, bytes. *guess*
pub const BLOB_BUFFER_LEN: usize = 256 * 1024;
/// Such buffers of one transfer: one filled, one emptied, one on the way. *guess*
pub const BLOB_BUFFERS: usize = 3;
/// Such buffers of what came in and waits for the disk, at most: one that stops for a moment does not stop the line. *guess: 4 MiB*
pub const BLOB_FETCH_BUFFERS: usize = 16;
/// Buffers that go round while a blob is sealed: a few between each two of three threads. *guess*
pub const SEAL_BUFFERS: usize = 8;
/// After so many bytes of a blob that comes in or is sealed the disk is asked to begin writing, while more comes. *guess*
pub const BLOB_SYNC_LEN: usize = 2 * 1024 * 1024;
/// Blobs served at once to everybody; others wait. *guess*
pub const BLOB_SERVE_LIMIT: usize = 16;
/// Blobs served at once on one connection; further ones wait. *chosen: as many as a peer fetches*
pub const BLOB_PEER_SERVE_LIMIT: usize = 3;
/// What a blob stream must move in the mean after [`BLOB_STALL_TIMEOUT_MS`], bytes a second. *guess: below any telephone*
pub const BLOB_RATE_MIN: u64 = 2 * 1024;
/// A Get must come within this after its stream was opened, ms. *guess*
pub const BLOB_REQUEST_TIMEOUT_MS: u64 = 10_000;
/// Whether a blob is served must be decided within this, ms. *guess*
pub const BLOB_DECISION_TIMEOUT_MS: u64 = 30_000;
/// A blob stream on which nothing moves for this long is given up, ms. *guess*
pub const BLOB_STALL_TIMEOUT_MS: u64 = 30_000;

// ---- the network shell (3.7, 3.18) ----

/// Connections with one node while it is decided which of them stays. *spec 3.18: 1 when settled*
pub const NODE_CONNECTION_LIMIT: usize = 2;
/// Connections that have not yet shown a node key, at once. *guess*
pub const PENDING_CONNECTION_LIMIT: usize = 64;
/// An unknown node's connection ends after this, ms; pairing goes on over the next one. *guess*
pub const UNKNOWN_LIFE_LIMIT_MS: u64 = 600_000;
/// An unknown node's connection without a stream ends after this, ms. *guess*
pub const UNKNOWN_IDLE_LIMIT_MS: u64 = 10_000;
/// Streams that one side may have open on a connection: pair. *spec 3.7*
pub const PAIR_STREAM_LIMIT: usize = 1;
/// Streams that one side may have open on a connection: sync. *spec 3.7*
pub const SYNC_STREAM_LIMIT: usize = 1;
/// Streams that one side may have open on a connection: mail. *guess*
pub const MAIL_STREAM_LIMIT: usize = 1;
/// Streams that one side may have open on a connection: blob. *guess*
pub const BLOB_STREAM_LIMIT: usize = 8;
/// Streams that the transport lets one connection have, those being opened and closed included. *guess*
pub const TRANSPORT_STREAM_LIMIT: u32 = 64;
/// Frames waiting for one stream, bytes: above it the stream is closed. *guess*
pub const SEND_QUEUE_BYTES_LIMIT: usize = 8 * 1024 * 1024;
/// Frames waiting for one stream: above it the stream is closed. *guess*
pub const SEND_QUEUE_FRAMES_LIMIT: usize = 32_768;
/// Events waiting for the machine. *chosen: two runs of the machine, so that it never waits for the sockets*
pub const EVENT_QUEUE_LIMIT: usize = 512;
/// Bytes of frames among them. *chosen: eight of the longest; entries of a text reach the number of events first*
pub const EVENT_QUEUE_BYTES_LIMIT: usize = 8 * FRAME_LIMIT;
/// Events of connections and streams that wait for that room before the sockets are left alone. *guess*
pub const EVENT_BACKLOG_LIMIT: usize = 1_024;
/// Orders waiting for the shell: the room of the channel. *guess*
pub const ORDER_QUEUE_LIMIT: usize = 256;
/// A dial is given up after this, ms. *guess*
pub const DIAL_TIMEOUT_MS: u64 = 10_000;
/// Where a node is dialled over QUIC too, TCP begins after this, ms. *chosen: RFC 8305 (8), the recommended delay between
/// attempts*
pub const HEAD_START_MS: u64 = 250;
/// At the start a node tells where it listens when every listener has said so, or after this, ms. *chosen: as long as QUIC's
/// head start, and an address that comes later is told then*
pub const LISTEN_GRACE_MS: u64 = 250;
/// Addresses tried in one dial. *spec 3.2: twice what a DeviceRecord holds*
pub const DIAL_ADDRESS_LIMIT: usize = 2 * ADDRESS_LIMIT;
/// A quiet QUIC connection is kept open by a packet this often, ms. *measured: a quiet connection costs below 1 KB a minute*
pub const KEEP_ALIVE_INTERVAL_MS: u64 = 25_000;
/// A QUIC connection on which nothing arrives for this long is gone, ms. *measured: a quiet connection costs below 1 KB a minute*
pub const IDLE_TIMEOUT_MS: u64 = 60_000;
/// Time between two pings, ms. *measured: a quiet connection costs below 1 KB a minute*
pub const PING_INTERVAL_MS: u64 = 60_000;
/// Over QUIC a ping follows after so many of them: the other side waits for three. *measured: a ping and its answer are
/// four packets*
pub const QUIC_PING_INTERVALS: u32 = 2;
/// A ping must be answered within this, ms. *guess*
pub const PING_TIMEOUT_MS: u64 = 20_000;
/// Two connections made within this, one from each side, are a simultaneous dial, ms. *guess*
pub const SIMULTANEOUS_DIAL_MS: u64 = 5_000;
/// The other side has this long to settle which of two connections stays, ms. *guess*
pub const RIVAL_GRACE_MS: u64 = 2_000;
/// What was sent before a stream or a connection was closed has this long to leave, ms. *guess*
pub const CLOSE_GRACE_MS: u64 = 2_000;
/// Blobs fetched at once, over all peers. *guess*
pub const BLOB_FETCH_LIMIT: usize = 8;
/// Blobs fetched at once from one friend, so that a slow one leaves room for the others. *guess*
pub const BLOB_PEER_FETCH_LIMIT: usize = 3;
/// Originals among them: one place is left to previews, which films would keep waiting for minutes. *chosen*
pub const BLOB_PEER_ORIGINAL_LIMIT: usize = 2;
/// Originals fetched at once of all; the other places are left to previews. *chosen*
pub const BLOB_ORIGINAL_FETCH_LIMIT: usize = 6;
/// Moments of one author that may name the same blob; an honest one never names a blob twice. *guess: forks, with room*
pub const BLOB_NAMING_LIMIT: usize = 4;
/// Blobs wanted that are kept in memory; the rest is found again at the next start. *guess*
pub const BLOB_WANTED_LIMIT: usize = 10_000;
/// Wait after the first dial in vain, ms. *guess*
pub const DIAL_BACKOFF_MIN_MS: u64 = 1_000;
/// Longest wait between two dials, ms. *guess*
pub const DIAL_BACKOFF_LIMIT_MS: u64 = 300_000;
/// Longest wait between two dials of a friend who is away, ms: who comes online dials all friends, so that this is for
/// those who cannot reach us. *measured: dials in vain of a simulated day (docs/scale.md)*
pub const DIAL_AWAY_LIMIT_MS: u64 = 600_000;
/// Time between two looks at all that is owed to friends who are away, ms. What changes is put at once; this is for
/// what fell through and for parcels that are due again after weeks. *measured: once a minute was a tenth of the time of a
/// simulated day*
pub const MAIL_LOOK_INTERVAL_MS: u64 = 600_000;
/// A courier who had no room is asked again after this long, ms. *chosen: the minute's look at slow things*
pub const MAIL_LOOK_AGAIN_MS: u64 = 60_000;
/// A courier who had no room so often is asked no more on that connection. *chosen: the first may have come before they saw
/// that they know the recipient*
pub const PUT_REFUSALS_LIMIT: u8 = 2;
/// Time between two looks at everything slow, ms. *guess*
pub const MAINTAIN_INTERVAL_MS: u64 = 60_000;
/// Entries of one author from the future that are listed to wait for their time; later ones are found in the log. *guess*
pub const HELD_ENTRY_LIMIT: usize = 64;
/// Events remembered for listeners that come back. *guess*
pub const EVENT_MEMORY_LIMIT: usize = 1_000;
/// What these may weigh together, bytes: each carries its moment with every comment. *guess*
pub const EVENT_MEMORY_BYTES_LIMIT: usize = 8 * 1024 * 1024;
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
/// Times in a row that a peer has not what it claimed, after which its pages are asked for nothing until something comes
/// that was asked for. *guess: an honest peer does so when it has just made room, once*
pub const WANT_DENIAL_LIMIT: u8 = 8;
/// Intervals remembered per scope of what a peer has, lacks or was refused. *guess: four pages of Have*
pub const SCOPE_INTERVAL_LIMIT: usize = 4 * HAVE_INTERVAL_LIMIT;
/// Intervals known to be missing and not yet asked for, per session. *guess: 512 KiB*
pub const MISSING_LIMIT: usize = 32_768;
/// Entries handed to the owner and not yet judged, intervals per scope. *guess*
pub const PENDING_LIMIT: usize = 4_096;
/// Pages below the first that one side may have to send, per scope. *chosen: the 20,000 entries kept of an author make 79*
pub const PAGE_LIMIT: usize = 128;
/// Entries that may be read at once to sum up or list parts of logs, per session; the sum over a whole log is remembered.
/// *guess: three times the 20,000 entries kept of an author*
pub const SUM_BURST_LIMIT: u64 = 65_536;
/// Entries more of them a second, when those are used up. *guess: a few per cent of a core*
pub const SUM_RATE: u64 = 8_192;
/// Scopes whose digests are one, at most. *chosen: 64 pages are hashed in a fraction of a millisecond*
pub const DIGESTS_LIMIT: usize = 64;
/// Of `~contact` so many are said as one: they hardly ever differ. *chosen*
pub const DIGESTS_CONTACT: usize = 64;
/// Of moments so many: of a hundred authors' epochs four have changed since two friends last met, each of which makes its
/// whole group be said one by one. *chosen by arithmetic for that: 16 or 4 would be more bytes*
pub const DIGESTS_POSTS: usize = 8;
/// So long the first word about a scope waits for the peer's, which is on its way, ms. *guess: a long round trip*
pub const DIGESTS_WAIT_MS: u64 = 1_000;
/// How often a peer may name a scope in such a group: an honest one does at most twice, and as often again when it was closed and
/// shared again. *guess*
pub const DIGESTS_NAMED_LIMIT: u8 = 4;
/// How often lists of a peer's that lack a variant are answered by ours, while our log stays the same. *guess: a list in
/// pieces is some of them*
pub const IDS_ANSWER_LIMIT: u8 = 16;
/// How long a peer is not asked for what another was asked for who answers, ms. *guess: an answer takes a round trip, and
/// a hundred entries of 640 bytes fill a line of 1 Mbit/s for half a second*
pub const WANT_ELSEWHERE_MS: u64 = 3_000;
/// Announcements of one scope waiting; more are said by one Digest. *guess*
pub const HEAD_QUEUE_LIMIT: usize = 64;
/// After a change a Digest follows within this, ms. *guess: long enough to gather a burst*
pub const DIGEST_DELAY_MS: u64 = 1_000;
/// Rounds of tags taken beyond the regular ones, per session: those with a courier. *guess*
pub const TAGS_ROUND_BURST_LIMIT: u64 = 16;
/// Rounds of tags that may stand unanswered before the peer is at fault. *guess*
pub const TAGS_UNANSWERED_LIMIT: usize = 8;
/// Of one's own moments, how many of the newest a status looks at. *guess*
pub const WAITING_LOOK_LIMIT: usize = 100;
/// Entries granted by one author and not here yet. *chosen: as many as are kept of one author, 3.18*
pub const AWAITED_LIMIT: usize = 20_000;
/// Acks one sender waits for from us. *chosen: a sender remembers no more parcels of one device*
pub const ACK_LIMIT: usize = OWED_PARCEL_LIMIT;
/// Recalls of one author that are remembered. *chosen: as many as are kept of one author, 3.18*
pub const RECALL_LIMIT: usize = 20_000;
/// Of the newest entries of one epoch, how many are looked at for bodies that are not here, and so asked for at most, a day
/// and peer. *guess*
pub const BODY_LOOK_LIMIT: usize = 64;
/// Epochs that are looked at for such bodies in one step. *chosen: a millisecond of reading*
pub const BODY_LOOK_EPOCHS_LIMIT: usize = 4;
/// Where more are due they wait, and as many follow each time, ms. *chosen: what differs has come by then*
pub const BODY_LOOK_PAUSE_MS: u64 = 250;
/// Receipts that one author is owed at a time; what is withdrawn beyond them is dropped and not receipted. *chosen: as
/// many moments as somebody withdraws at once; a record each*
pub const RECEIPT_LIMIT: usize = 1_024;

// ---- drafts of one's own ----

/// Half-written moments that are kept at a time. *guess*
pub const DRAFT_LIMIT: usize = 20;
/// Files of one draft: nine photos, or a video and its poster; and one that takes another's place. *chosen*
pub const DRAFT_FILE_LIMIT: usize = POST_PHOTO_LIMIT + 1;
/// What an application says of a draft, bytes: text, alt texts, edits, for whom. *chosen: the longest JSON body that it
/// could share afterwards*
pub const DRAFT_WORDS_LIMIT: usize = 128 * 1024;
/// The files of all drafts, bytes. *guess: ten videos, or a hundred photos of a camera*
pub const DRAFT_BYTES_LIMIT: u64 = 1024 * 1024 * 1024;
/// Media type of a file of a draft, bytes. *guess*
pub const DRAFT_MIME_LIMIT: usize = 100;
/// Attempts at sharing whose outcome is remembered. *chosen: more than a person or a program shares while an answer may still
/// be lost*
pub const ATTEMPT_LIMIT: usize = 256;
/// How long it is, ms. *chosen: a phone that was asleep for a night asks again*
pub const ATTEMPT_KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
