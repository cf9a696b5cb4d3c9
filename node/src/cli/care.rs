//! Commands that find, keep and order moments: album, pin, fave, faves.

use clap::Args;

use super::Ctx;
use super::door::{Ask, segment};
use super::home_commands::simple;
use super::moments::at;
use crate::error::Result;
use crate::text;

/// What `album` takes.
#[derive(Debug, Args)]
pub struct AlbumArgs {
    /// Whose; mine if left out, or with `me`
    #[arg(value_name = "FRIEND")]
    from: Option<String>,
    /// Only this month (UTC)
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    /// How many, at most 10,000
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    before: Option<String>,
}

/// What `faves` takes.
#[derive(Debug, Args)]
pub struct FavesArgs {
    /// How many, at most 10,000
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Go on where an earlier page ended
    #[arg(long, value_name = "CURSOR")]
    before: Option<String>,
}

/// A page of somebody's album.
pub fn album(ctx: &Ctx, args: &AlbumArgs) -> Result<()> {
    let fields = [("from", &args.from), ("month", &args.month), ("before", &args.before)];
    simple(ctx, &Ask::get(path("/album", args.limit, &fields)), text::care::album)
}

/// A page of my favourites.
pub fn faves(ctx: &Ctx, args: &FavesArgs) -> Result<()> {
    simple(ctx, &Ask::get(path("/faves", args.limit, &[("before", &args.before)])), text::care::faves)
}

/// A path with the fields that were given.
pub fn path(path: &str, limit: usize, fields: &[(&str, &Option<String>)]) -> String {
    let mut path = format!("{path}?limit={limit}");
    for (key, value) in fields {
        if let Some(value) = value {
            path.push_str(&format!("&{key}={}", segment(value)));
        }
    }
    path
}

/// Pins one of my moments, or takes the pin off.
pub fn pin(ctx: &Ctx, id: &str, pins: bool) -> Result<()> {
    let said = if pins { "Pinned to the top of your album." } else { "Not pinned any more." };
    mark(ctx, &format!("{}/pin", at(id)?), pins, said)
}

/// Puts a moment among my favourites, or takes it out.
pub fn fave(ctx: &Ctx, id: &str, keeps: bool) -> Result<()> {
    let said = if keeps { "Among your favourites: it is kept here." } else { "No favourite any more." };
    mark(ctx, &format!("{}/fave", at(id)?), keeps, said)
}

fn mark(ctx: &Ctx, path: &str, sets: bool, said: &str) -> Result<()> {
    simple(ctx, &Ask::bare(if sets { "PUT" } else { "DELETE" }, path), |_, _| said.to_owned())
}
