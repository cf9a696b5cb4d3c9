//! Commands about what concerns me: notices, mute, unmute, hide.

use clap::Args;
use serde_json::json;

use super::Ctx;
use super::door::{Ask, Door, segment};
use super::home_commands::simple;
use super::people::named;
use crate::error::Result;
use crate::text;

/// What `notices` takes.
#[derive(Debug, Args)]
pub struct NoticesArgs {
    /// Mark them as read: all, or with --until those up to one
    #[arg(long)]
    pub(super) mark_read: bool,
    /// The newest notice to mark, by the beginning of its id
    #[arg(long, value_name = "ID", requires = "mark_read")]
    pub(super) until: Option<String>,
    /// How many, at most 5,000
    #[arg(long, default_value_t = 20)]
    pub(super) limit: usize,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    pub(super) before: Option<String>,
}

/// A page of notices, after marking them if that is asked for.
pub fn notices(ctx: &Ctx, args: NoticesArgs) -> Result<()> {
    let mut door = Door::to(&ctx.home);
    if args.mark_read {
        door.ask(&Ask::json("POST", "/notices/read", json!({"until": args.until})))?;
    }
    let mut path = format!("/notices?limit={}", args.limit);
    if let Some(before) = &args.before {
        path.push_str(&format!("&before={}", segment(before)));
    }
    let answer = door.ask(&Ask::get(path))?;
    door.close()?;
    ctx.out.answer(&answer, text::notices::notices);
    Ok(())
}

/// Gives no notices about a moment or from a friend, or gives them again.
pub fn mute(ctx: &Ctx, word: &str, mutes: bool) -> Result<()> {
    let (method, said) = if mutes { ("PUT", "No more notices.") } else { ("DELETE", "Notices come again.") };
    simple(ctx, &Ask::bare(method, format!("/mutes/{}", named(word)?)), |_, _| said.to_owned())
}

/// Takes away a comment beneath my moment.
pub fn hide(ctx: &Ctx, id: &str) -> Result<()> {
    simple(ctx, &Ask::bare("PUT", format!("/comments/{}/hide", named(id)?)), |_, _| {
        "Taken away; your friends' nodes are told. Its writer can tell.".to_owned()
    })
}
