//! Commands about other programs' tokens.

use serde_json::json;

use super::door::Ask;
use super::home_commands::simple;
use super::people::named;
use super::{Ctx, TokenCommand};
use crate::error::Result;
use crate::text;

/// Grants, lists or revokes.
pub fn token(ctx: &Ctx, command: TokenCommand) -> Result<()> {
    match command {
        TokenCommand::Add { name, scope } => simple(
            ctx,
            &Ask::json("POST", "/tokens", json!({"name": name, "scopes": scope})),
            text::new_token,
        ),
        TokenCommand::List => simple(ctx, &Ask::get("/tokens"), text::tokens),
        TokenCommand::Revoke { name } => {
            let ask = Ask::bare("DELETE", format!("/tokens/{}", named(&name)?));
            simple(ctx, &ask, |_, _| format!("{name} is no longer let in."))
        }
    }
}
