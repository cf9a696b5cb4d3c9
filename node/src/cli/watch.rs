//! `watch`: events as they happen, one a line, until the node ends or the reader goes away.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use super::Ctx;
use super::door::Door;
use crate::error::Result;
use crate::text;

/// Prints events. A stream that ends is taken up again after the last event; once no node runs, that is the end.
pub fn watch(ctx: &Ctx) -> Result<()> {
    let door = Door::to(&ctx.home);
    let mut last: Option<String> = None;
    let mut stream = door.listen(None)?;
    if !ctx.out.json {
        ctx.out.note("Listening; Ctrl-C ends it.");
    }
    loop {
        let mut data = String::new();
        for line in BufReader::new(stream).lines() {
            // A broken stream is taken up again like an ended one.
            let Ok(line) = line else { break };
            if let Some(id) = line.strip_prefix("id:") {
                last = Some(id.trim().to_owned());
            } else if let Some(piece) = line.strip_prefix("data:") {
                data.push_str(piece.trim_start());
            } else if line.is_empty() && !data.is_empty() {
                tell(ctx, &data);
                data.clear();
            }
        }
        stream = match door.listen(last.as_deref()) {
            Ok(stream) => stream,
            Err(_) => {
                ctx.out.note("The node has ended.");
                return Ok(());
            }
        };
    }
}

fn tell(ctx: &Ctx, data: &str) {
    let Ok(event) = serde_json::from_str::<Value>(data) else { return };
    // Says that something may have been missed: nothing that happened.
    if event.get("event").and_then(Value::as_str) != Some("resync") {
        ctx.out.answer(&event, text::event);
    }
}
