//! Commands about how friends see me: profile with its pictures, and the status of the day.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Ctx;
use super::door::{Ask, Door};
use super::home_commands::simple;
use crate::error::{Error, Result};
use crate::{text, when};

/// What `profile` takes.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// The name I go by
    #[arg(long)]
    pub(super) name: Option<String>,
    /// A line about me
    #[arg(long)]
    pub(super) about: Option<String>,
    /// My small picture; it is cut square from the middle
    #[arg(long, value_name = "FILE")]
    pub(super) avatar: Option<PathBuf>,
    /// The large picture above my album
    #[arg(long, value_name = "FILE")]
    pub(super) cover: Option<PathBuf>,
    /// Take my small picture away
    #[arg(long, conflicts_with = "avatar")]
    pub(super) no_avatar: bool,
    /// Take my large picture away
    #[arg(long, conflicts_with = "cover")]
    pub(super) no_cover: bool,
}

/// What `status-set` takes.
#[derive(Debug, Args)]
pub struct StatusSetArgs {
    /// What I am at
    #[arg(required_unless_present_any = ["emoji", "clear"])]
    pub(super) text: Option<String>,
    /// An emoji with it, or alone
    #[arg(long)]
    pub(super) emoji: Option<String>,
    /// How long it is shown, at most 7d
    #[arg(long = "for", value_name = "SPAN", default_value = "24h")]
    pub(super) life: String,
    /// Take it back
    #[arg(long, conflicts_with_all = ["text", "emoji", "life"])]
    pub(super) clear: bool,
}

/// Shows or changes how friends see me.
pub fn profile(ctx: &Ctx, args: ProfileArgs) -> Result<()> {
    let mut asks = Vec::new();
    if args.name.is_some() || args.about.is_some() {
        asks.push(Ask::json("PATCH", "/profile", json!({"name": args.name, "about": args.about})));
    }
    for (path, file, removed) in
        [("/profile/avatar", args.avatar, args.no_avatar), ("/profile/cover", args.cover, args.no_cover)]
    {
        match file {
            // Files that are not there are noticed before anything is changed.
            Some(file) => asks.push(Ask::file("PUT", path, file)?),
            None if removed => asks.push(Ask::bare("DELETE", path)),
            None => {}
        }
    }
    let mut door = Door::to(&ctx.home);
    for ask in &asks {
        door.ask(ask)?;
    }
    let answer = door.ask(&Ask::get("/profile"))?;
    door.close()?;
    ctx.out.answer(&answer, text::words::profile);
    Ok(())
}

/// Sets my status, or takes it back.
pub fn status_set(ctx: &Ctx, args: StatusSetArgs) -> Result<()> {
    if args.clear {
        return simple(ctx, &Ask::bare("DELETE", "/profile/status"), text::words::status_set);
    }
    let (text, emoji) = (args.text.unwrap_or_default(), args.emoji.unwrap_or_default());
    if text.trim().is_empty() && emoji.trim().is_empty() {
        return Err(Error::usage("empty", "the status says nothing", "give words, an emoji or both"));
    }
    let body = json!({"text": text, "emoji": emoji, "for": when::seconds(&args.life)?});
    simple(ctx, &Ask::json("PUT", "/profile/status", body), text::words::status_set)
}
