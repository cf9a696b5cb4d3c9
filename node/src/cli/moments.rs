//! Commands about moments: post, timeline, show, like, comment, delete, blob, who.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tidings::limits::POST_TEXT_LIMIT;

use super::Ctx;
use super::care::path;
use super::door::{Ask, Door};
use super::home_commands::simple;
use super::media::MediaArgs;
use super::people::named;
use crate::api::place::Precision;
use crate::error::{Error, Result};
use crate::text;

/// What `post` takes.
#[derive(Debug, Args)]
pub struct PostArgs {
    /// What to say; `-` reads it from standard input
    pub(super) text: Option<String>,
    /// Photos or a video, and what is done to them
    #[command(flatten)]
    pub(super) media: MediaArgs,
    /// The address of a web page; your node fetches it once, for the card that friends see
    #[arg(long, value_name = "URL")]
    pub(super) link: Option<String>,
    /// How it felt, in words
    #[arg(long, value_name = "TEXT")]
    pub(super) mood: Option<String>,
    /// How it felt, as an emoji
    #[arg(long, value_name = "EMOJI")]
    pub(super) mood_emoji: Option<String>,
    /// Where, with coordinates if you like
    #[arg(long, value_name = "NAME[@LAT,LON]")]
    pub(super) place: Option<String>,
    /// How exact the coordinates are told
    #[arg(long, value_enum, default_value = "area")]
    pub(super) precision: Precision,
    /// A friend to mention; may be repeated
    #[arg(long, value_name = "FRIEND")]
    pub(super) mention: Vec<String>,
    /// Only for a tag or friend; may be repeated
    #[arg(long, value_name = "TAG|FRIEND")]
    pub(super) to: Vec<String>,
    /// Not for a tag or friend; may be repeated
    #[arg(long, value_name = "TAG|FRIEND")]
    pub(super) except: Vec<String>,
    /// Only for me
    #[arg(long)]
    pub(super) private: bool,
    /// Friends may share it on
    #[arg(long)]
    pub(super) shareable: bool,
    /// Post nothing; print exactly who would be able to read it
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What `timeline` takes.
#[derive(Debug, Args)]
pub struct TimelineArgs {
    /// How many, at most 10,000
    #[arg(long, default_value_t = 20)]
    pub(super) limit: usize,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    pub(super) before: Option<String>,
    /// Only this person's; `me` for one's own
    #[arg(long, value_name = "FRIEND")]
    pub(super) from: Option<String>,
    /// Not older
    #[arg(long, value_name = "DATE")]
    pub(super) since: Option<String>,
    /// Not younger
    #[arg(long, value_name = "DATE")]
    pub(super) until: Option<String>,
    /// Only those in which each of these words occurs: in text, place, link, mood, picture descriptions or the author's name
    #[arg(long, value_name = "WORDS")]
    pub(super) search: Option<String>,
    /// My moments as this friend sees them
    #[arg(long = "as", value_name = "FRIEND", conflicts_with = "from")]
    pub(super) as_friend: Option<String>,
}

/// Shares a moment.
pub fn post(ctx: &Ctx, args: PostArgs) -> Result<()> {
    let text = match args.text.as_deref() {
        Some("-") => read_text()?,
        other => other.unwrap_or_default().to_owned(),
    };
    let (alts, edits, files) = (args.media.alts()?, args.media.edits()?, args.media.files()?);
    let precision = match args.precision {
        Precision::Exact => "exact",
        Precision::Area => "area",
        Precision::City => "city",
    };
    let mood = (args.mood.is_some() || args.mood_emoji.is_some()).then(
        || json!({"text": args.mood.unwrap_or_default(), "emoji": args.mood_emoji.unwrap_or_default()}),
    );
    let draft = json!({
        "text": text,
        "link": args.link,
        "mood": mood,
        "alts": alts,
        "edits": edits,
        "trim": args.media.trim,
        "place": args.place.as_deref().map(|words| place(words, precision)).transpose()?,
        "mentions": args.mention,
        "shareable": args.shareable,
        "to": args.to,
        "except": args.except,
        "private": args.private,
    });
    if args.dry_run {
        // Photos do not matter for who may read it, but they have to be there.
        let mut draft = draft;
        Ask::form_with("/moments", Value::Null, files)?;
        if let Some(fields) = draft.as_object_mut() {
            fields.remove("alts");
            fields.remove("edits");
        }
        return simple(ctx, &Ask::json("POST", "/moments?dry_run=true", draft), text::dry_run);
    }
    let ask = if files.is_empty() {
        Ask::json("POST", "/moments", draft)
    } else {
        Ask::form_with("/moments", draft, files)?
    };
    let mut door = Door::to(&ctx.home);
    let moment = door.ask(&ask)?;
    door.close()?;
    for warning in moment.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        ctx.out.note(&format!("tidings: warning: {}", warning.as_str().unwrap_or_default()));
    }
    let may_read = moment.pointer("/delivery/may_read").and_then(Value::as_u64);
    if may_read == Some(0) && !args.private {
        ctx.out.note("tidings: warning: nobody is in this audience; only you can read it");
    }
    ctx.out.answer(&moment, text::moment);
    Ok(())
}

/// Text from standard input, without the last line end.
fn read_text() -> Result<String> {
    let mut text = String::new();
    // One byte more than fits, so that the limit is noticed and not cut at.
    let limit = u64::try_from(POST_TEXT_LIMIT + 2).unwrap_or(u64::MAX);
    std::io::stdin().lock().take(limit).read_to_string(&mut text).map_err(|e| {
        Error::usage(
            "bad_text",
            format!("standard input is no text: {e}"),
            "give UTF-8, or the text as an argument",
        )
    })?;
    Ok(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text))
}

/// `NAME[@LAT,LON]`.
fn place(words: &str, precision: &str) -> Result<Value> {
    let Some((name, position)) = words.rsplit_once('@') else {
        return Ok(json!({"name": words, "precision": precision}));
    };
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let parsed = position.split_once(',').and_then(|(lat, lon)| Some((number(lat)?, number(lon)?)));
    let (lat, lon) = parsed.ok_or_else(|| {
        Error::usage(
            "bad_place",
            format!("`{position}` is no position"),
            "write it as NAME@LAT,LON, such as Lisbon@38.72,-9.14",
        )
    })?;
    Ok(json!({"name": name, "lat": lat, "lon": lon, "precision": precision}))
}

/// A page of the timeline.
pub fn timeline(ctx: &Ctx, args: TimelineArgs) -> Result<()> {
    let fields = [
        ("before", &args.before),
        ("from", &args.from),
        ("since", &args.since),
        ("until", &args.until),
        ("search", &args.search),
        ("as", &args.as_friend),
    ];
    let ask = Ask::get(path("/timeline", args.limit, &fields));
    match &args.as_friend {
        Some(friend) => simple(ctx, &ask, |out, page| text::privacy::timeline_as(out, friend, page)),
        None if args.search.is_some() => simple(ctx, &ask, text::care::found),
        None => simple(ctx, &ask, text::timeline),
    }
}

/// One moment.
pub fn show(ctx: &Ctx, id: &str) -> Result<()> {
    simple(ctx, &Ask::get(at(id)?), text::moment)
}

/// Likes a moment, or takes it back.
pub fn like(ctx: &Ctx, id: &str, likes: bool) -> Result<()> {
    let (method, said) = if likes { ("PUT", "Liked.") } else { ("DELETE", "Like taken back.") };
    simple(ctx, &Ask::bare(method, format!("{}/like", at(id)?)), |_, _| said.to_owned())
}

/// Comments on a moment.
pub fn comment(ctx: &Ctx, id: &str, words: &str, reply_to: Option<String>) -> Result<()> {
    let body = json!({"text": words, "reply_to": reply_to});
    simple(ctx, &Ask::json("POST", format!("{}/comments", at(id)?), body), text::comment)
}

/// Withdraws a moment or comment.
pub fn delete(ctx: &Ctx, id: &str) -> Result<()> {
    simple(ctx, &Ask::bare("DELETE", at(id)?), |_, _| "Withdrawn; your friends' nodes are told.".to_owned())
}

/// Who has my moment.
pub fn who(ctx: &Ctx, id: &str) -> Result<()> {
    simple(ctx, &Ask::get(format!("{}/who", at(id)?)), text::sharing::who)
}

/// The filters for photos.
pub fn filters(ctx: &Ctx) -> Result<()> {
    let all: Vec<Value> = crate::media::filter::ALL
        .iter()
        .map(|look| json!({"name": look.name, "description": look.description}))
        .collect();
    ctx.out.answer(&json!({"filters": all}), |_, value| text::media::filters(value));
    Ok(())
}

/// The bytes of a photo or video.
pub fn blob(ctx: &Ctx, id: &str, output: Option<&Path>) -> Result<()> {
    let ask = Ask::get(format!("/blobs/{}", named(id)?));
    let mut door = Door::to(&ctx.home);
    match output {
        Some(path) => {
            // Written beside it first, so that a failure leaves neither half a file nor an emptied one.
            let mut beside = path.as_os_str().to_owned();
            beside.push(".part");
            let beside = PathBuf::from(beside);
            let mut file =
                std::fs::File::create(&beside).map_err(|e| Error::io("cannot write", &beside, &e))?;
            let fetched = door.fetch(&ask, &mut file);
            if let Err(error) = fetched {
                // Of no use to anybody.
                let _ = std::fs::remove_file(&beside);
                return Err(error);
            }
            std::fs::rename(&beside, path).map_err(|e| Error::io("cannot write", path, &e))?;
            door.close()?;
            ctx.out.answer(&json!({"ok": true, "id": id}), |_, _| format!("Written to {}", path.display()));
        }
        None if ctx.out.terminal => {
            return Err(Error::usage(
                "to_terminal",
                "a photo or video on a terminal shows nothing",
                "name a file with -o, or send it into another program",
            ));
        }
        None => {
            door.fetch(&ask, &mut std::io::stdout().lock())?;
            // A reader that went away has what it wanted.
            let _ = std::io::stdout().flush();
            door.close()?;
        }
    }
    Ok(())
}

/// The path of a moment.
pub(super) fn at(id: &str) -> Result<String> {
    Ok(format!("/moments/{}", named(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_may_have_a_position() {
        assert_eq!(place("Lisbon", "area").unwrap(), json!({"name": "Lisbon", "precision": "area"}));
        let there = place("The @ café@38.72, -9.14", "city").unwrap();
        assert_eq!(there, json!({"name": "The @ café", "lat": 38.72, "lon": -9.14, "precision": "city"}));
        for bad in ["x@", "x@1", "x@1,y", "x@NaN,1"] {
            assert_eq!(place(bad, "area").unwrap_err().code, "bad_place", "{bad}");
        }
    }
}
