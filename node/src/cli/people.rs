//! Commands about friends: invite, accept, requests, confirm, decline, friends, friend, tag.

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tidings::identity::Invite;

use super::Ctx;
use super::door::{Ask, Door, segment};
use super::home_commands::simple;
use super::output::Out;
use crate::error::{Error, Result};
use crate::{text, when};

/// What `invite` takes.
#[derive(Debug, Args)]
pub struct InviteArgs {
    /// Whom I expect; becomes the friend's name in my list
    #[arg(long, value_name = "EXPECTED")]
    pub(super) name: Option<String>,
    /// How long it holds, at most 7d
    #[arg(long, value_name = "SPAN", default_value = "24h")]
    pub(super) expires: String,
    /// Say yes beforehand to whoever redeems it
    #[arg(long)]
    pub(super) auto_confirm: bool,
}

/// What to do with one request.
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// The request, and the moments that they show to strangers
    #[command(after_help = "Example: tidings request show Ben")]
    Show {
        /// Id (or its beginning) or name
        id: String,
    },
}

/// What to do with one friend.
#[derive(Debug, Subcommand)]
pub enum FriendCommand {
    /// All I know about them
    #[command(after_help = "Example: tidings friend show Ben")]
    Show {
        /// Id (or its beginning) or name
        friend: String,
    },
    /// Give them a name of my own; an empty one takes it back
    #[command(after_help = "Example: tidings friend rename Ben 'Uncle Ben'")]
    Rename {
        /// Id (or its beginning) or name
        friend: String,
        /// The name
        name: String,
    },
    /// Write a note about them, for myself
    #[command(after_help = "Example: tidings friend note Ben 'Met at the lake'")]
    Note {
        /// Id (or its beginning) or name
        friend: String,
        /// The note
        note: String,
    },
    /// End the friendship
    #[command(after_help = "Example: tidings friend remove Ben")]
    Remove {
        /// Id (or its beginning) or name
        friend: String,
    },
    /// They do not reach me, nor I them, until I unblock them; nobody is told
    #[command(after_help = "Example: tidings friend block Ben")]
    Block {
        /// Id (or its beginning) or name
        friend: String,
    },
    /// Back as they were
    #[command(after_help = "Example: tidings friend unblock Ben")]
    Unblock {
        /// Id (or its beginning) or name
        friend: String,
    },
    /// Let a friend see no moments at all, whatever an audience says
    #[command(after_help = "Example: tidings friend chats-only Ben")]
    ChatsOnly {
        /// Id (or its beginning) or name
        friend: String,
        /// Let them see moments again
        #[arg(long)]
        off: bool,
    },
    /// The six safety words; compare them by voice or side by side
    #[command(after_help = "Example: tidings friend verify Ben --matches")]
    Verify {
        /// Id (or its beginning) or name
        friend: String,
        /// We compared: they are the same
        #[arg(long)]
        matches: bool,
        /// We compared: they differ
        #[arg(long, conflicts_with = "matches")]
        differs: bool,
    },
}

/// What to do with tags.
#[derive(Debug, Subcommand)]
pub enum TagCommand {
    /// All tags and who bears them
    #[command(after_help = "Example: tidings tag list")]
    List,
    /// Add friends to a tag; makes it if it is new
    #[command(after_help = "Example: tidings tag add family Ben Cleo")]
    Add {
        /// The tag
        tag: String,
        /// Friends
        friends: Vec<String>,
    },
    /// Take friends out of a tag
    #[command(after_help = "Example: tidings tag remove family Ben")]
    Remove {
        /// The tag
        tag: String,
        /// Friends
        #[arg(required = true)]
        friends: Vec<String>,
    },
    /// Give a tag another name
    #[command(after_help = "Example: tidings tag rename family kin")]
    Rename {
        /// The tag
        tag: String,
        /// Its new name
        name: String,
    },
    /// Delete a tag; its friends stay friends
    #[command(after_help = "Example: tidings tag delete family")]
    Delete {
        /// The tag
        tag: String,
    },
}

/// Makes an invite.
pub fn invite(ctx: &Ctx, args: InviteArgs) -> Result<()> {
    let seconds = when::seconds(&args.expires)?;
    let body = json!({"name": args.name, "expires_in": seconds, "auto_confirm": args.auto_confirm});
    let mut answer = Door::to(&ctx.home).ask_node(&Ask::json("POST", "/invites", body))?;
    if let Some(fields) = answer.as_object_mut() {
        // A picture for pages; the terminal draws its own.
        fields.remove("qr_svg");
    }
    ctx.out.answer(&answer, text::invite);
    Ok(())
}

/// Redeems an invite. What is no link is wrong usage, whether a node runs or not.
pub fn accept(ctx: &Ctx, link: &str, name: Option<String>) -> Result<()> {
    Invite::parse(link).map_err(|e| {
        Error::usage("not_an_invite", e.to_string(), "copy the whole link, from `tidings:invite/` to its end")
    })?;
    let answer =
        Door::to(&ctx.home).ask_node(&Ask::json("POST", "/accept", json!({"link": link, "name": name})))?;
    ctx.out.answer(&answer, text::accepted);
    Ok(())
}

/// Open requests.
pub fn requests(ctx: &Ctx) -> Result<()> {
    let answer = Door::to(&ctx.home).ask_node(&Ask::get("/requests"))?;
    ctx.out.answer(&answer, text::requests);
    Ok(())
}

/// One request, with what the other shows to strangers.
pub fn request(ctx: &Ctx, command: &RequestCommand) -> Result<()> {
    let RequestCommand::Show { id } = command;
    let answer = Door::to(&ctx.home).ask_node(&Ask::get(format!("/requests/{}", named(id)?)))?;
    ctx.out.answer(&answer, text::request);
    Ok(())
}

/// Offers two friends to each other.
pub fn introduce(ctx: &Ctx, a: &str, b: &str) -> Result<()> {
    simple(ctx, &Ask::json("POST", "/introductions", json!({"a": a, "b": b})), text::introduced)
}

/// Says yes or no to a request.
pub fn answer(ctx: &Ctx, id: &str, word: &'static str) -> Result<()> {
    let path = format!("/requests/{}/{word}", named(id)?);
    let answer = Door::to(&ctx.home).ask_node(&Ask::bare("POST", path))?;
    let said = if word == "confirm" { "You said yes." } else { "You said no." };
    ctx.out.answer(&answer, |_, _| said.to_owned());
    Ok(())
}

/// All friends.
pub fn friends(ctx: &Ctx) -> Result<()> {
    simple(ctx, &Ask::get("/friends"), text::friends)
}

/// One friend.
pub fn friend(ctx: &Ctx, command: FriendCommand) -> Result<()> {
    match command {
        FriendCommand::Show { friend } => simple(ctx, &Ask::get(at(&friend)?), text::friend),
        FriendCommand::Rename { friend, name } => {
            changed(ctx, &Ask::json("PATCH", at(&friend)?, json!({"name": name})), "friend", text::friend)
        }
        FriendCommand::Note { friend, note } => {
            changed(ctx, &Ask::json("PATCH", at(&friend)?, json!({"note": note})), "friend", text::friend)
        }
        FriendCommand::Remove { friend } => {
            simple(ctx, &Ask::bare("DELETE", at(&friend)?), |_, _| format!("{friend} is no longer a friend."))
        }
        FriendCommand::Block { friend } => {
            changed(ctx, &Ask::bare("PUT", format!("{}/block", at(&friend)?)), "friend", text::friend)
        }
        FriendCommand::Unblock { friend } => {
            changed(ctx, &Ask::bare("DELETE", format!("{}/block", at(&friend)?)), "friend", text::friend)
        }
        FriendCommand::ChatsOnly { friend, off } => {
            let method = if off { "DELETE" } else { "PUT" };
            let ask = Ask::bare(method, format!("{}/chats-only", at(&friend)?));
            changed(ctx, &ask, "friend", text::friend)
        }
        FriendCommand::Verify { friend, matches, differs } => {
            let path = format!("{}/safety", at(&friend)?);
            let ask = if matches || differs {
                Ask::json("PUT", path, json!({"matches": matches}))
            } else {
                Ask::get(path)
            };
            simple(ctx, &ask, text::safety)
        }
    }
}

/// Tags.
pub fn tag(ctx: &Ctx, command: TagCommand) -> Result<()> {
    let path = |tag: &str| Ok::<_, Error>(format!("/tags/{}", named(tag)?));
    match command {
        TagCommand::List => simple(ctx, &Ask::get("/tags"), text::tags),
        TagCommand::Add { tag, friends } => {
            let ask = Ask::json("POST", format!("{}/add", path(&tag)?), json!({"friends": friends}));
            changed(ctx, &ask, "tag", text::tag)
        }
        TagCommand::Remove { tag, friends } => {
            let ask = Ask::json("POST", format!("{}/remove", path(&tag)?), json!({"friends": friends}));
            changed(ctx, &ask, "tag", text::tag)
        }
        TagCommand::Rename { tag, name } => {
            changed(ctx, &Ask::json("PATCH", path(&tag)?, json!({"name": name})), "tag", text::tag)
        }
        TagCommand::Delete { tag } => {
            simple(ctx, &Ask::bare("DELETE", path(&tag)?), |_, _| format!("The tag {tag} is gone."))
        }
    }
}

/// A change whose answer is the thing as it is now: `{"ok":true,"id":…,"friend":{…}}`.
fn changed(ctx: &Ctx, ask: &Ask, key: &str, text: impl FnOnce(&Out, &Value) -> String) -> Result<()> {
    let mut door = Door::to(&ctx.home);
    let thing = door.ask(ask)?;
    door.close()?;
    if ctx.out.json {
        let id = thing.get("id").or_else(|| thing.get("name")).cloned().unwrap_or_default();
        ctx.out.line(&json!({"ok": true, "id": id, key: thing}).to_string());
    } else {
        ctx.out.answer(&thing, text);
    }
    Ok(())
}

fn at(friend: &str) -> Result<String> {
    Ok(format!("/friends/{}", named(friend)?))
}

/// A name as a path segment.
///
/// # Errors
/// Usage, if it is empty.
pub fn named(name: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::usage("empty_name", "a name or id is empty", "give its beginning at least"));
    }
    Ok(segment(name))
}
