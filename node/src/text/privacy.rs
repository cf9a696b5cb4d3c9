//! Who sees what, in words: and what can and cannot be taken back.

use serde_json::Value;

use super::{count, items, many, names};
use crate::cli::Out;

/// Moments privacy.
pub fn privacy(_: &Out, value: &Value) -> String {
    let window = match count(value, "window_days") {
        0 => "all my moments".to_owned(),
        days => format!("my moments of the last {}", many(days, "day", "days")),
    };
    let strangers = match count(value, "strangers") {
        0 => "no moments".to_owned(),
        number => format!("my newest {number} moments for everyone"),
    };
    let mut text =
        format!("Friends may read {window}.\nStrangers whose pairing is pending see {strangers}.\n");
    for (key, words) in [
        ("hide_mine_from", "Mine are hidden from"),
        ("hide_theirs", "I do not see moments of"),
        ("chats_only", "Chats only, no moments"),
    ] {
        let people = items(value, key);
        if !people.is_empty() {
            text.push_str(&format!("{words}: {}\n", names(people)));
        }
    }
    text
}

/// A moment after its audience was changed.
pub fn audience(out: &Out, value: &Value) -> String {
    format!("{}{}", super::moment(out, value), moved(value, "is", "are"))
}

/// What changing it would do.
pub fn audience_dry_run(out: &Out, value: &Value) -> String {
    format!("{}{}", super::dry_run(out, value), moved(value, "would be", "would be"))
}

/// From whom it is taken and to whom it is given.
fn moved(value: &Value, one: &str, more: &str) -> String {
    let mut text = String::new();
    let taken = items(value, "taken_from");
    if !taken.is_empty() {
        let (nodes, verb) = if taken.len() == 1 { ("node", one) } else { ("nodes", more) };
        text.push_str(&format!(
            "Taken from {}: their {nodes} {verb} asked to forget it; whoever has seen it may have kept it.\n",
            names(taken)
        ));
    }
    let given = items(value, "given_to");
    if !given.is_empty() {
        text.push_str(&format!("Given to {}.\n", names(given)));
    }
    if taken.is_empty() && given.is_empty() {
        text.push_str("Nobody loses it and nobody gains it.\n");
    }
    text
}

/// My moments as a friend sees them.
pub fn timeline_as(out: &Out, friend: &str, value: &Value) -> String {
    if items(value, "moments").is_empty() {
        return format!("{friend} sees no moment of yours here.");
    }
    format!(
        "{}\nThis is what {friend} can read of yours, with what {friend} and you said. Whether {friend} sees others' likes and\n\
         comments hangs on whom {friend} is friends with, which only {friend}'s node knows.",
        super::timeline(out, value)
            .replace("tidings timeline --before", &format!("tidings timeline --as {friend} --before"))
    )
}

/// What a friend does and does not see, for the page about them.
pub fn seen_by(value: &Value) -> String {
    let is = |key| super::is(value, key);
    let mut words = Vec::new();
    if is("chats_only") {
        words.push("chats only: they see no moments");
    }
    if is("hide_mine") {
        words.push("mine are hidden from them");
    }
    if is("hide_theirs") {
        words.push("theirs are hidden from me");
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLAIN: Out = Out { json: false, color: false, terminal: false };

    #[test]
    fn what_was_taken_says_what_it_cannot_do() {
        let value =
            json!({"id": "0123456789", "taken_from": [{"name": "Bob"}], "given_to": [{"name": "Eve\u{1b}"}]});
        let text = audience(&PLAIN, &value);
        assert!(text.contains(
            "Taken from Bob: their node is asked to forget it; whoever has seen it may have kept it."
        ));
        assert!(text.contains("Given to Eve\u{fffd}."), "{text}");
        assert!(audience(&PLAIN, &json!({})).contains("Nobody loses it"));
    }

    #[test]
    fn privacy_names_whom_it_hides_and_nothing_else() {
        let value = json!({"window": "3d", "window_days": 3, "strangers": 0, "hide_mine_from": [{"name": "Bob"}],
            "hide_theirs": [], "chats_only": []});
        let text = privacy(&PLAIN, &value);
        assert!(
            text.contains("last 3 days")
                && text.contains("see no moments")
                && text.contains("hidden from: Bob")
        );
        assert!(!text.contains("Chats only"));
        assert_eq!(seen_by(&value), "");
    }
}
