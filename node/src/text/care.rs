//! Albums and favourites as people read them.

use serde_json::Value;

use super::{count, field, items, line, many, moment, table};
use crate::cli::{Out, Style};

/// A page of somebody's album: the months first, then what is pinned, then the moments.
pub fn album(out: &Out, value: &Value) -> String {
    let name = value.get("person").map(|person| line(field(person, "name"))).unwrap_or_default();
    let mut text = format!("{}\n", out.style(Style::Strong, &name));
    let row = |one: &Value| {
        vec![format!("  {}", field(one, "month")), many(count(one, "moments"), "moment", "moments")]
    };
    text.push_str(&table(&items(value, "months").iter().map(row).collect::<Vec<_>>()));
    let pinned = items(value, "pinned");
    if !pinned.is_empty() {
        text.push_str(&format!("\n{}\n{}", out.style(Style::Strong, "Pinned"), list(out, pinned)));
    }
    let moments = items(value, "moments");
    if moments.is_empty() {
        text.push_str("\nNo moment here.");
        return text;
    }
    text.push_str(&format!("\n{}", list(out, moments)));
    text.push_str(&older(out, value));
    text
}

/// A page of my favourites.
pub fn faves(out: &Out, value: &Value) -> String {
    let moments = items(value, "moments");
    if moments.is_empty() {
        return "No favourites. `tidings fave ID` keeps a moment.".to_owned();
    }
    list(out, moments) + &older(out, value)
}

/// What a search found.
pub fn found(out: &Out, value: &Value) -> String {
    let moments = items(value, "moments");
    if moments.is_empty() {
        return "Nothing found.".to_owned();
    }
    list(out, moments) + &older(out, value)
}

fn list(out: &Out, moments: &[Value]) -> String {
    moments.iter().map(|one| moment(out, one)).collect::<Vec<_>>().join("\n")
}

fn older(out: &Out, value: &Value) -> String {
    match value.get("next").and_then(Value::as_str) {
        Some(next) => out.style(Style::Faint, &format!("\nOlder: the same with --before {next}")),
        None => String::new(),
    }
}
