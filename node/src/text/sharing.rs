//! Sharing on, where a moment stands, reports and albums, in words.

use serde_json::Value;

use super::words::beside;
use super::{count, field, is, items, line, many, names, said, table, time};
use crate::cli::{Out, Style};

/// The moment that a card shares on: lines beneath the sharer's own words.
pub fn shared_from(out: &Out, value: &Value) -> Vec<String> {
    let Some(from) = value.get("shared_from").filter(|from| from.is_object()) else { return Vec::new() };
    let name = line(field(from, "name"));
    let known = if is(from, "known") { "" } else { " (not among your friends)" };
    let head = format!("shares what {name}{known} wrote on {}", time(from, "created_at"));
    let mut lines = vec![out.style(Style::Faint, &head)];
    if is(from, "device_revoked") {
        lines.push(out.style(Style::Warm, &format!("{name} has since revoked the device that signed it")));
    }
    lines.extend(said(field(from, "text")).lines().map(|line| format!("| {line}")));
    lines.extend(beside(out, from).iter().map(|line| format!("| {line}")));
    lines
}

/// Who has my moment; of one that was withdrawn, from whom it is gone.
pub fn who(out: &Out, value: &Value) -> String {
    let people = items(value, "people");
    if people.is_empty() {
        return "Nobody but you may read it.".to_owned();
    }
    let row = |one: &Value| {
        let by = names(items(one, "by"));
        let by = if by.is_empty() { by } else { format!("by {by}") };
        vec![line(field(one, "name")), field(one, "state").to_owned(), by]
    };
    let rows = table(&people.iter().map(row).collect::<Vec<_>>());
    if !is(value, "withdrawn") {
        return rows;
    }
    let left: Vec<&Value> = people.iter().filter(|one| field(one, "state") != "withdrawn").collect();
    let head = format!("Gone on {} of {}.", people.len() - left.len(), people.len());
    let mut text = format!("{}\n{rows}", out.style(Style::Strong, &head));
    for one in left {
        let name = line(field(one, "name"));
        text.push_str(&match field(one, "last_seen") {
            "" => format!("{name} has not been met yet.\n"),
            _ => format!("{name} has not confirmed; last met {} UTC.\n", time(one, "last_seen")),
        });
    }
    text.push_str("Whoever has seen it may have kept it: a node can only be asked.");
    text
}

/// A report that was written.
pub fn report(_: &Out, value: &Value) -> String {
    format!(
        "Written to {}. Anybody can check it with `tidings report --check {}`, without a node.",
        field(value, "path"),
        field(value, "path")
    )
}

/// A report that was checked.
pub fn checked(out: &Out, value: &Value) -> String {
    let proven = value.get("proven").cloned().unwrap_or_default();
    let mut text = format!(
        "{}\n\nuser id  {}\nname     {} (as signed)\ntime     {} UTC (by their clock)\n\n",
        out.style(Style::Strong, "The signatures hold."),
        field(&proven, "author"),
        line(field(&proven, "name")),
        time(&proven, "created_at"),
    );
    said(field(&proven, "text")).lines().for_each(|line| text.push_str(&format!("  {line}\n")));
    for one in items(value, "pictures") {
        text.push_str(&format!("  [picture {}: {}]\n", field(one, "hash"), field(one, "state")));
    }
    text.push_str(&format!("\n{}\n{}", field(value, "proves"), field(value, "does_not_prove")));
    text
}

/// An album that was written.
pub fn exported(_: &Out, value: &Value) -> String {
    let missing = count(value, "missing");
    let missing = match missing {
        0 => String::new(),
        _ => format!(
            "\n{} not here yet: export again later.",
            many(missing, "picture or video is", "pictures and videos are")
        ),
    };
    format!(
        "{} with {} in {}.\nOpen index.html there in any browser; it needs no network.{missing}",
        many(count(value, "moments"), "moment", "moments"),
        many(count(value, "files"), "picture or video", "pictures and videos"),
        line(field(value, "dir")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLAIN: Out = Out { json: false, color: false, terminal: false };

    #[test]
    fn a_withdrawn_moment_says_where_it_is_gone_and_who_has_not_been_met() {
        let person = |name: &str, state: &str, last: Value| json!({"name": name, "state": state, "by": [], "last_seen": last});
        let value = json!({"withdrawn": true, "people": [
            person("Alice", "withdrawn", Value::Null),
            person("Bob", "have", json!("2026-11-22T10:00:00.000Z")),
            person("Carol", "waiting", Value::Null),
        ]});
        let text = who(&PLAIN, &value);
        for part in
            ["Gone on 1 of 3", "Bob has not confirmed; last met 2026-11-22 10:00", "Carol has not been met"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn what_is_shared_on_says_whose_it_is_and_cannot_move_the_cursor() {
        let from = json!({"name": "Eve\u{1b}[2J", "known": false, "created_at": "2026-11-22T10:00:00.000Z",
            "text": "a\u{7}\nb", "device_revoked": true, "link": {"url": "https://x/\u{1b}"}, "place": {"name": "y\r"}});
        let text = shared_from(&PLAIN, &json!({"shared_from": from})).join("\n");
        assert!(!text.contains(['\u{1b}', '\u{7}', '\r']));
        assert!(text.contains("not among your friends") && text.contains("revoked") && text.contains("| b"));
        assert!(shared_from(&PLAIN, &json!({"shared_from": null})).is_empty());
    }

    #[test]
    fn what_stands_beside_a_shared_moment_is_told_as_beside_any_other() {
        let from = json!({"name": "Eve", "known": true, "created_at": "2026-11-22T10:00:00.000Z", "text": "",
            "link": null, "place": {"name": "", "lat": 47.37, "lon": 8.54}, "mood": {"text": "happy", "emoji": ""}});
        let lines = shared_from(&PLAIN, &json!({"shared_from": from}));
        assert_eq!(lines[1..], ["| at 47.37, 8.54", "| happy"]);
    }

    #[test]
    fn answers_of_another_shape_print_something_and_do_not_panic() {
        for value in [Value::Null, json!({"people": 3, "pictures": "x"}), json!([])] {
            for text in [who, report, checked, exported] {
                let _ = text(&PLAIN, &value);
            }
        }
    }
}
