//! Notices as people read them.

use serde_json::Value;

use super::{Out, Style, count, field, is, items, line, many, short, time};

/// A page of notices.
pub fn notices(out: &Out, value: &Value) -> String {
    let notices = items(value, "notices");
    if notices.is_empty() {
        return "Nothing yet. Likes, comments and mentions that concern you stand here.".to_owned();
    }
    let mut text = match count(value, "unread") {
        0 => String::new(),
        unread => format!("{}\n", out.style(Style::Strong, &many(unread, "unread notice", "unread notices"))),
    };
    for notice in notices {
        let mark = if is(notice, "read") { " " } else { "•" };
        text.push_str(&format!("{mark} {}  {}\n", time(notice, "at"), sentence(notice)));
    }
    if let Some(next) = value.get("next").and_then(Value::as_str) {
        text.push_str(&out.style(Style::Faint, &format!("\nOlder: tidings notices --before {next}")));
    }
    text
}

/// One notice as a sentence.
pub fn sentence(notice: &Value) -> String {
    let from = notice.get("from").map(|from| line(field(from, "name"))).unwrap_or_default();
    let (moment, said) = (short(field(notice, "moment")), line(field(notice, "text")));
    match field(notice, "kind") {
        "like" => format!("{from} likes {moment}"),
        "comment" => format!("{from} beneath {moment}: {said}"),
        "reply" => format!("{from} answers you beneath {moment}: {said}"),
        "mention" => format!("{from} mentions you in {moment}: {said}"),
        "hidden" => format!("{from} took away what you said beneath {moment}: {said}"),
        other => format!("{from}: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_notice_is_a_sentence_and_cannot_move_the_cursor() {
        let plain = Out { json: false, color: false, terminal: false };
        let notice = json!({"kind": "reply", "from": {"name": "Ben\u{1b}[2J"}, "moment": "0123456789", "text": "yes\nno",
            "at": "2026-11-22T10:00:00.000Z", "read": false});
        let text = notices(&plain, &json!({"notices": [notice], "unread": 1, "next": null}));
        assert!(text.contains("1 unread notice\n• 2026-11-22 10:00  Ben"), "{text}");
        assert!(text.contains("answers you beneath 01234567: yes no"), "{text}");
        assert!(!text.contains('\u{1b}'));
        for value in [Value::Null, json!([]), json!({"notices": [3]})] {
            assert!(!notices(&plain, &value).contains("unread"));
        }
    }
}
