//! Commands about friends: invite, accept, requests, confirm, decline, friends, friend, tag.

use serde_json::{Value, json};
use tidings::identity::Invite;

use super::door::{Ask, Door, segment};
use super::home_commands::simple;
use super::output::Out;
use super::{Ctx, FriendCommand, InviteArgs, TagCommand};
use crate::error::{Error, Result};
use crate::{text, when};

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
