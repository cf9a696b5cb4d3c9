//! Commands about other programs' tokens.

use clap::Subcommand;
use serde_json::json;

use super::Ctx;
use super::door::Ask;
use super::home_commands::simple;
use super::people::named;
use crate::error::Result;
use crate::text;
use crate::tokens::Scope;

/// What to do with other programs' tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Grant one; it is shown this once
    #[command(after_help = "Example: tidings token add blog --scope read --scope post")]
    Add {
        /// What to call the program
        name: String,
        /// What it may do; may be repeated
        #[arg(long, value_enum, required = true)]
        scope: Vec<Scope>,
    },
    /// All of them, without the tokens themselves
    #[command(after_help = "Example: tidings token list")]
    List,
    /// Take one back
    #[command(after_help = "Example: tidings token revoke blog")]
    Revoke {
        /// What the program is called
        name: String,
    },
}

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
