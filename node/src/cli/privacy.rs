//! Commands about who sees what: privacy, audience.

use clap::Args;
use serde_json::json;

use super::Ctx;
use super::door::Ask;
use super::home_commands::simple;
use super::people::named;
use crate::error::Result;
use crate::text;

/// What `privacy` takes.
#[derive(Debug, Args)]
pub struct PrivacyArgs {
    /// How far back friends may read my moments: all, 6m (183 days), 1m (31) or 3d
    #[arg(long, value_parser = ["all", "6m", "1m", "3d"])]
    window: Option<String>,
    /// How many of my newest moments for everyone a stranger sees while pairing is pending: 0 or 10
    #[arg(long, value_parser = parse_strangers, value_name = "0|10")]
    strangers: Option<u8>,
    /// A friend who sees my moments no more; may be repeated
    #[arg(long, value_name = "FRIEND")]
    hide_mine_from: Vec<String>,
    /// A friend whose moments I see no more; may be repeated
    #[arg(long, value_name = "FRIEND")]
    hide_theirs: Vec<String>,
    /// A friend who sees my moments again; may be repeated
    #[arg(long, value_name = "FRIEND")]
    show_mine_to: Vec<String>,
    /// A friend whose moments I see again; may be repeated
    #[arg(long, value_name = "FRIEND")]
    show_theirs: Vec<String>,
}

fn parse_strangers(text: &str) -> std::result::Result<u8, String> {
    match text {
        "0" => Ok(0),
        "10" => Ok(10),
        _ => Err("strangers see ten moments or none: give 0 or 10".to_owned()),
    }
}

/// What `audience` takes.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("who").required(true).multiple(true))]
pub struct AudienceArgs {
    /// The moment's id, or its beginning
    id: String,
    /// Only for a tag or friend; may be repeated
    #[arg(long, value_name = "TAG|FRIEND", group = "who")]
    to: Vec<String>,
    /// Not for a tag or friend; may be repeated
    #[arg(long, value_name = "TAG|FRIEND", group = "who")]
    except: Vec<String>,
    /// Only for me
    #[arg(long, group = "who")]
    private: bool,
    /// For all friends
    #[arg(long, group = "who")]
    everyone: bool,
    /// Change nothing; print exactly who would be able to read it
    #[arg(long)]
    dry_run: bool,
}

/// Shows or changes Moments privacy.
pub fn privacy(ctx: &Ctx, args: &PrivacyArgs) -> Result<()> {
    let lists = [&args.hide_mine_from, &args.hide_theirs, &args.show_mine_to, &args.show_theirs];
    let changes = args.window.is_some() || args.strangers.is_some() || lists.iter().any(|l| !l.is_empty());
    let ask = if changes {
        let body = json!({
            "window": args.window,
            "strangers": args.strangers,
            "hide_mine_from": args.hide_mine_from,
            "hide_theirs": args.hide_theirs,
            "show_mine_to": args.show_mine_to,
            "show_theirs": args.show_theirs,
        });
        Ask::json("PATCH", "/privacy", body)
    } else {
        Ask::get("/privacy")
    };
    simple(ctx, &ask, text::privacy::privacy)
}

/// Changes who may see an old moment.
pub fn audience(ctx: &Ctx, args: &AudienceArgs) -> Result<()> {
    let body = json!({
        "to": args.to,
        "except": args.except,
        "private": args.private,
        "everyone": args.everyone,
    });
    let path = format!("/moments/{}/audience", named(&args.id)?);
    if args.dry_run {
        return simple(
            ctx,
            &Ask::json("PUT", format!("{path}?dry_run=true"), body),
            text::privacy::audience_dry_run,
        );
    }
    simple(ctx, &Ask::json("PUT", path, body), text::privacy::audience)
}
