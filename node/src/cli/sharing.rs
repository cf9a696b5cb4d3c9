//! Commands that share on, report and export.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Ctx;
use super::door::{Ask, Door};
use super::home_commands::simple;
use super::people::named;
use crate::error::{Error, Result};
use crate::text;

/// What `share` takes.
#[derive(Debug, Args)]
pub struct ShareArgs {
    /// The moment's id, or its beginning
    pub(super) id: String,
    /// My own words about it
    pub(super) text: Option<String>,
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
    /// Share nothing; print exactly who would be able to read it
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What `report` takes.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The moment's id, or its beginning
    #[arg(required_unless_present = "check", conflicts_with = "check")]
    pub(super) id: Option<String>,
    /// Where to write it: a folder, or a file that ends in .json (then without the pictures)
    #[arg(required_unless_present = "check", conflicts_with = "check", value_name = "DIR|FILE")]
    pub(super) path: Option<PathBuf>,
    /// Write over an earlier report
    #[arg(long)]
    pub(super) force: bool,
    /// Check a report that somebody wrote; needs neither a node nor an identity
    #[arg(long, value_name = "DIR|FILE")]
    pub(super) check: Option<PathBuf>,
}

/// What `export` takes.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// An empty folder, a new one, or that of an earlier export
    pub(super) dir: PathBuf,
}

/// Shares a moment on.
pub fn share(ctx: &Ctx, args: ShareArgs) -> Result<()> {
    let path = format!("/moments/{}/share", named(&args.id)?);
    let draft = json!({
        "text": args.text.unwrap_or_default(),
        "mentions": args.mention,
        "to": args.to,
        "except": args.except,
        "private": args.private,
    });
    if args.dry_run {
        return simple(ctx, &Ask::json("POST", format!("{path}?dry_run=true"), draft), text::dry_run);
    }
    let mut door = Door::to(&ctx.home);
    let moment = door.ask(&Ask::json("POST", path, draft))?;
    door.close()?;
    if moment.pointer("/delivery/may_read").and_then(Value::as_u64) == Some(0) && !args.private {
        ctx.out.note("tidings: warning: nobody is in this audience; only you can read it");
    }
    ctx.out.answer(&moment, text::moment);
    Ok(())
}

/// Writes what proves a moment, or checks what somebody wrote.
pub fn report(ctx: &Ctx, args: &ReportArgs) -> Result<()> {
    if let Some(path) = &args.check {
        let checked = crate::report::check(path)?;
        ctx.out.answer(&checked, text::sharing::checked);
        return Ok(());
    }
    let (Some(id), Some(path)) = (&args.id, &args.path) else {
        return Err(Error::usage("usage", "name a moment and where to write", "see `tidings report --help`"));
    };
    let mut door = Door::to(&ctx.home);
    crate::report::write(&mut door, &named(id)?, path, args.force)?;
    door.close()?;
    let answer = json!({"ok": true, "id": id, "path": path.display().to_string()});
    ctx.out.answer(&answer, text::sharing::report);
    Ok(())
}

/// Writes an album that any browser reads.
pub fn export(ctx: &Ctx, args: &ExportArgs) -> Result<()> {
    let mut door = Door::to(&ctx.home);
    let is_watched = std::io::stderr().is_terminal() && !ctx.out.json;
    let mut progress = |moments: u64| {
        if is_watched {
            // Only somebody who looks is told; whether it shows decides nothing.
            let _ = write!(std::io::stderr().lock(), "\r{moments} moments");
        }
    };
    let written = crate::album::export(&mut door, &args.dir, &mut progress);
    if is_watched {
        ctx.out.note("");
    }
    let written = written?;
    door.close()?;
    ctx.out.answer(&written, text::sharing::exported);
    Ok(())
}
