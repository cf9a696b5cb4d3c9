//! Every limit of the program's own faces: value, unit, origin. Those of the protocol stand in the library, those of
//! photo files in `media::limits`.

/// Longest JSON body of a request, bytes. *guess: the longest text (8 KiB) escaped, and names*
pub const JSON_BODY_LIMIT: usize = 128 * 1024;
/// Longest upload, bytes: nine photos of the largest size taken and the draft. *follows from media::limits*
pub const UPLOAD_LIMIT: usize =
    tidings::limits::POST_PHOTO_LIMIT * crate::media::limits::INPUT_LEN_LIMIT + JSON_BODY_LIMIT + 64 * 1024;
/// Longest upload for a preview, bytes: one photo and what is done to it. *follows from media::limits*
pub const PREVIEW_UPLOAD_LIMIT: usize = crate::media::limits::INPUT_LEN_LIMIT + JSON_BODY_LIMIT + 64 * 1024;
/// Uploads that are taken in at the same time. *guess: two, so that two windows do not wait for each other*
pub const UPLOADS_AT_ONCE_LIMIT: usize = 2;
/// A one-time key that nobody used is forgotten after this: long enough to find the browser, short enough that an old
/// log opens nothing.
pub const ONE_TIME_KEY_LIFE: std::time::Duration = std::time::Duration::from_secs(3_600);
/// One-time addresses that wait to be opened. *guess*
pub const ONE_TIME_KEY_LIMIT: usize = 32;
/// How long the rest of a refused upload is read, so that the refusal can be heard, ms. *guess*
pub const REFUSED_UPLOAD_WAIT_MS: u64 = 5_000;
/// Silence within an upload after which it is refused, ms. *guess: a tunnel that stands still comes back sooner; tests do not wait*
pub const UPLOAD_SILENCE_LIMIT_MS: u64 = if cfg!(test) { 200 } else { 30_000 };
/// Browser sessions. The oldest ends when there is one more. *guess*
pub const SESSION_LIMIT: usize = 64;
/// Tokens of other programs. *guess*
pub const TOKEN_LIMIT: usize = 64;
/// Name of a program's token, bytes of UTF-8. *guess*
pub const TOKEN_NAME_LIMIT: usize = 64;
/// The word that names an attempt at sharing, bytes. *chosen: a UUID and what a program puts before it*
pub const ATTEMPT_KEY_LIMIT: usize = 128;
/// Streams of live events at the same time. *guess*
pub const EVENT_STREAM_LIMIT: usize = 32;
/// Silence on an event stream before a comment is sent, seconds. *guess: below the usual minute of proxies*
pub const EVENT_KEEP_ALIVE_SECONDS: u64 = 20;
/// How long a request waits for a blob that is still on its way, ms. *guess*
pub const BLOB_WAIT_LIMIT_MS: u64 = 30_000;
/// Bytes of a blob that are opened at a time. *guess*
pub const BLOB_CHUNK_LEN: usize = 256 * 1024;
/// How long `accept` waits to become friends, ms. *the promise of the command line*
pub const ACCEPT_WAIT_MS: u64 = 30_000;
/// Ports tried after the default of the web app. *guess*
pub const HTTP_PORT_TRIES: u16 = 64;
/// How long a command waits for another process that holds the home, ms. *the promise of the command line*
pub const LOCK_WAIT_MS: u64 = 5_000;
/// Longest answer that the command line reads from a node, bytes. *guess: 10,000 moments with threads*
pub const ANSWER_LIMIT: u64 = 256 * 1024 * 1024;
/// Friends that one command names. *the largest circle the protocol plans for*
pub const NAMED_FRIENDS_LIMIT: usize = 5_000;
/// Nodes of a test network. *guess: what one machine bears*
pub const TESTNET_NODE_LIMIT: u16 = 50;
/// How long a test network may take to become friends, seconds. *guess*
pub const TESTNET_WAIT_SECONDS: u64 = 120;
/// Moments on one page of an album. *guess: what a browser opens at once*
pub const ALBUM_PAGE_MOMENTS: u64 = 500;
/// Moments that an export reads at a time. *guess: little memory, few requests*
pub const ALBUM_READ_MOMENTS: u64 = 100;
/// Longest file of a report, bytes. *follows from the protocol: the signed part is at most 26 KiB, twice that as hex*
pub const REPORT_LEN_LIMIT: u64 = 128 * 1024;
/// Config file, bytes. *guess*
pub const CONFIG_LEN_LIMIT: u64 = 64 * 1024;
/// How long a video may play unless `config.toml` says otherwise, seconds. *the promise of Moments: 15*
pub const VIDEO_SECONDS_DEFAULT: u64 = 15;
/// How long it may be allowed to play, seconds. *chosen: what fits 100 MiB at 12 Mbit/s is a minute*
pub const VIDEO_SECONDS_LIMIT: u64 = 60;
/// How long ffmpeg may work on one video before it is ended, ms. *guess: a cut copies 100 MiB, a still decodes a second*
pub const FFMPEG_TIMEOUT_MS: u64 = 15_000;
/// How many of it work at the same time. *chosen: one leaves the other cores to the rest of the node*
pub const FFMPEG_CONCURRENT_LIMIT: usize = 1;
/// A still picture that ffmpeg makes, bytes. *chosen: 1,024 × 1,024 pixels as PNG, twice*
pub const STILL_LEN_LIMIT: u64 = 8 * 1024 * 1024;
/// Longest side of a preview that the composer asks for, pixels. *chosen: half of what is published*
pub const PREVIEW_SIDE_LIMIT: u32 = 1_024;
/// Pieces of a file of a draft that wait to be sealed. *guess: the network does not wait for each write*
pub const DRAFT_CHUNKS_WAITING: usize = 4;
/// Moments of a bench, the small size and the large. *the jobs of docs/adr/0011*
pub const BENCH_MOMENTS: [u64; 2] = [10_000, 100_000];
/// Moments of the bench of a large home. *chosen: a hundred friends who share three a day for nine years*
pub const BENCH_MILLION: u64 = 1_000_000;
/// Moments of a quick bench. *chosen: all jobs in about a minute, unoptimised too*
pub const BENCH_QUICK_MOMENTS: u64 = 1_000;
/// Most moments of a bench. *follows from the store's quota: 20,000 of each of a hundred authors*
pub const BENCH_MOMENT_LIMIT: u64 = 2_000_000;
/// The film of a bench, MiB. *the job J6 of docs/adr/0011*
pub const BENCH_FILM_MIB: u64 = 64;
/// The film of a quick bench, MiB. *chosen: large against what a stream holds on its way, still done at once*
pub const BENCH_QUICK_FILM_MIB: u64 = 16;
/// The longest film of a bench, MiB. *follows from the largest blob, less padding*
pub const BENCH_FILM_MIB_LIMIT: u64 = 96;
/// How long one step of a bench may take, seconds. *guess: a million moments are written on a busy machine*
pub const BENCH_PATIENCE_SECONDS: u64 = 3_600;
