//! Limits of what is read of a video file: value, unit, origin. Its length in bytes is the protocol's
//! (`tidings::limits::VIDEO_BLOB_LIMIT`), how long it may play is in the configuration.

/// Longest side, pixels. Origin: 8K film is 7,680 wide.
pub const SIDE_LIMIT: u64 = 8_192;
/// What a video may play beyond the limit, ms: frames of sound and picture do not end on whole seconds, so that what
/// a camera stops at 15 seconds plays 15.02 or 15.4. Origin: chosen, above the longest packets of AAC and Opus.
pub const SLACK_MS: u64 = 500;
/// What may be in a file without being shown, ms: codecs begin before the first shown frame. Origin: chosen.
pub const HIDDEN_LIMIT_MS: u64 = 1_000;
/// Cuts after the first one, each shorter by what was too much. Origin: chosen; one is enough but for a picture a second.
pub const CUTS_LIMIT: u32 = 4;
/// The index of an MP4 (`moov`), bytes. Origin: a minute at 240 pictures a second takes 300 KB.
pub const INDEX_LEN_LIMIT: u64 = 8 * 1024 * 1024;
/// Boxes side by side. Origin: guess, a hundred times what cameras write.
pub const BOXES_LIMIT: u64 = 4_096;
/// Samples of one track. Origin: an hour of sound, or a minute at a thousand pictures a second.
pub const SAMPLES_LIMIT: u64 = 200_000;
/// Elements of a WebM that are looked at. Origin: as many samples of two tracks, with room.
pub const ELEMENTS_LIMIT: u64 = 500_000;
/// A small element of a WebM that is read whole (codec setup, a name), bytes. Origin: Vorbis setups have 4 to 8 KB.
pub const ELEMENT_LEN_LIMIT: u64 = 256 * 1024;
/// A note inside the picture data, bytes. Origin: guess, more than any encoder's settings.
pub const NOTE_LEN_LIMIT: u64 = 1024 * 1024;
/// Notes that are overwritten. Origin: guess, ten for each picture of a minute at 240 a second.
pub const NOTES_LIMIT: u64 = 200_000;
