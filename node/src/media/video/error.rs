//! Why a file was not taken as a video.
//!
//! As with photos, a message says the fact, then after a semicolon what the person can do; none quotes the file's
//! content but the four letters of a codec's name, made printable.

/// Why a file was not taken as a video. Nothing has been stored or sent when this is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file has no bytes.
    #[error("the file is empty; choose another one")]
    Empty,
    /// Longer than a video's blob may be.
    #[error(
        "the file has {actual_bytes} bytes, a video may have at most {max_bytes}; make it shorter or smaller"
    )]
    TooLarge {
        /// The limit, in bytes.
        max_bytes: u64,
        /// Length of the file, in bytes.
        actual_bytes: u64,
    },
    /// It plays longer than is allowed here.
    #[error(
        "it plays {} seconds, at most {} are allowed (`[video] max_seconds` in config.toml); \
         cut it, or ask for that with `--trim`", seconds(*.actual_ms), seconds(*.max_ms)
    )]
    TooLong {
        /// The limit, in ms.
        max_ms: u64,
        /// How long it plays, in ms.
        actual_ms: u64,
    },
    /// Some other kind of file.
    #[error("this is {what}, videos are MP4, MOV or WebM; {advice}")]
    Foreign {
        /// What it is, with its article.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// No picture track in it.
    #[error("there are no moving pictures in this file; choose another one")]
    NoPictures,
    /// A codec that browsers do not play.
    #[error(
        "its {part} is in a format that browsers do not play (`{codec}`); \
         export it as MP4 with H.264 and AAC"
    )]
    Codec {
        /// `picture` or `sound`.
        part: &'static str,
        /// What the file calls the codec.
        codec: String,
    },
    /// Pieces behind one another, without an index.
    #[error(
        "this MP4 is made of fragments for streaming; save it as a plain one \
         (`ffmpeg -i FILE -c copy OUT.mp4` does it without loss)"
    )]
    Fragmented,
    /// Footage that is not shown but would be sent.
    #[error(
        "it holds {} seconds that it does not show (cut off in an editor, yet still in the file); \
         export it anew, so that they are really gone", seconds(*.hidden_ms)
    )]
    Hidden {
        /// How much, in ms.
        hidden_ms: u64,
    },
    /// Pictures or sound lie in another file.
    #[error("its pictures or sound lie in another file; export it as one that stands alone")]
    Outside,
    /// A width or height that no player takes.
    #[error("it is {width} × {height} pixels, a side may have 1 to {max_side}; export it smaller")]
    Size {
        /// Width, in pixels.
        width: u64,
        /// Height, in pixels.
        height: u64,
        /// The limit, in pixels.
        max_side: u64,
    },
    /// More of something than is read.
    #[error("it has more than {max} {what}; export it anew as MP4 or WebM")]
    TooMany {
        /// What.
        what: &'static str,
        /// The limit.
        max: u64,
    },
    /// It ends before what it announces.
    #[error("the file is cut short; copy or export it again")]
    CutShort,
    /// It contradicts itself or its format.
    #[error("the file is damaged ({0}); export it again as MP4 or WebM")]
    Damaged(&'static str),
    /// Something was left in the file after it was cleaned: our own mistake, and nothing is published.
    #[error("the video could not be freed of its metadata; try another one, and report this")]
    NotBare,
    /// To cut a video, another program is needed.
    #[error("to trim a video, ffmpeg is needed and it is not here; install it, or cut the video before")]
    NoFfmpeg,
    /// The other program did not do it.
    #[error("ffmpeg could not {what}; {advice}")]
    Ffmpeg {
        /// What it was asked.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The program is stopping, so the work was not done.
    #[error("the node is stopping; post again when it is back")]
    Interrupted,
    /// The disk.
    #[error("the file cannot be read or written; look at the disk")]
    Io(#[from] std::io::Error),
}

/// Seconds with two decimals as far as they say something.
fn seconds(ms: u64) -> String {
    let (whole, hundredths) = (ms / 1_000, ms % 1_000 / 10);
    if hundredths == 0 { whole.to_string() } else { format!("{whole}.{hundredths:02}") }
}
