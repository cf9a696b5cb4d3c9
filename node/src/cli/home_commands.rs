//! Commands about oneself and the node: init, whoami, status, open, stop.

use std::time::Duration;

use serde_json::{Value, json};
use tidings::client::Client;

use super::Ctx;
use super::door::{Ask, Door};
use crate::error::{Error, Result};
use crate::{os, run, text};

/// Creates the identity; the words are printed once, here only.
pub fn init(ctx: &Ctx, name: &str) -> Result<()> {
    if Client::has_identity(ctx.home.path()) {
        return Err(Error::refused(
            "identity_exists",
            format!("there is an identity in {} already", ctx.home.path().display()),
            "use it, or name another folder with --home",
        ));
    }
    ctx.home.create()?;
    let created = Client::create_identity(ctx.home.path(), name)?;
    crate::config::Config::write_first(&ctx.home)?;
    let words: Vec<String> = created.words().iter().map(ToString::to_string).collect();
    ctx.out.answer(&json!({"user": created.user, "words": words}), text::created);
    Ok(())
}

/// Who I am here.
pub fn whoami(ctx: &Ctx) -> Result<()> {
    simple(ctx, &Ask::get("/whoami"), text::whoami)
}

/// How the running node is.
pub fn status(ctx: &Ctx) -> Result<()> {
    let answer = Door::to(&ctx.home).ask_node(&Ask::get("/status"))?;
    ctx.out.answer(&answer, text::status);
    Ok(())
}

/// A fresh address of the web app.
pub fn open(ctx: &Ctx, no_open: bool) -> Result<()> {
    let answer = Door::to(&ctx.home).ask_node(&Ask::bare("POST", "/address"))?;
    let url = answer.get("url").and_then(Value::as_str).unwrap_or_default();
    ctx.out.answer(&answer, |_, _| url.to_owned());
    if !no_open && ctx.out.terminal {
        run::open_browser(url);
    }
    Ok(())
}

/// How long a node may take to end.
const STOP_WAIT: Duration = Duration::from_secs(30);

/// Ends the running node and waits for it.
pub fn stop(ctx: &Ctx) -> Result<()> {
    let run = ctx.home.running();
    let answer = Door::to(&ctx.home).ask_node(&Ask::bare("POST", "/stop"))?;
    if let Some(run) = run {
        let ended = os::wait_until(STOP_WAIT, || match os::process_runs(run.pid) {
            Some(runs) => !runs,
            None => ctx.home.running().is_none_or(|now| now.pid != run.pid),
        });
        if !ended {
            return Err(Error::failed(
                "still_running",
                format!("process {} has not ended after {} seconds", run.pid, STOP_WAIT.as_secs()),
                "wait a little, then end the process itself",
            ));
        }
    }
    ctx.out.answer(&answer, |_, _| "The node has ended.".to_owned());
    Ok(())
}

/// A command that is one request and one answer.
pub fn simple(ctx: &Ctx, ask: &Ask, text: impl FnOnce(&super::Out, &Value) -> String) -> Result<()> {
    let mut door = Door::to(&ctx.home);
    let answer = door.ask(ask)?;
    door.close()?;
    ctx.out.answer(&answer, text);
    Ok(())
}
