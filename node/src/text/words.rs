//! What stands beside a moment's text and pictures, and what people say of themselves, as text.

use serde_json::Value;

use super::{field, line, said, time};
use crate::cli::{Out, Style};

/// Link, place and mood of a moment, a line each.
pub fn beside(out: &Out, moment: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(link) = moment.get("link").filter(|link| !link.is_null()) {
        let (title, site) = (line(field(link, "title")), line(field(link, "site")));
        let head = if title.is_empty() { site } else { format!("{title} ({site})") };
        lines.push(format!("[{head}] {}", out.style(Style::Faint, &line(field(link, "url")))));
    }
    if let Some(place) = moment.get("place").filter(|place| !place.is_null()) {
        let number = |key: &str| place.get(key).and_then(Value::as_f64);
        let position = number("lat").zip(number("lon")).map(|(lat, lon)| format!("{lat}, {lon}"));
        let name = line(field(place, "name"));
        lines.push(match position {
            Some(position) if name.is_empty() => format!("at {position}"),
            Some(position) => format!("at {name} ({position})"),
            None => format!("at {name}"),
        });
    }
    if let Some(mood) = moment.get("mood").filter(|mood| !mood.is_null()) {
        let feeling = format!("{} {}", line(field(mood, "emoji")), line(field(mood, "text")));
        lines.push(feeling.trim().to_owned());
    }
    lines
}

/// A status on one line; empty without one.
pub fn status_line(person: &Value) -> String {
    match person.get("status").filter(|status| !status.is_null()) {
        Some(status) => {
            let words = format!("{} {}", line(field(status, "emoji")), line(field(status, "text")));
            format!("{} (until {} UTC)", words.trim(), time(status, "until"))
        }
        None => String::new(),
    }
}

/// My status, as it was set or taken back.
pub fn status_set(_: &Out, value: &Value) -> String {
    match status_line(value) {
        none if none.is_empty() => "You have no status now.".to_owned(),
        status => format!("Your friends see: {status}"),
    }
}

/// How friends see me.
pub fn profile(out: &Out, value: &Value) -> String {
    let window = match super::count(value, "window_days") {
        0 => "all moments".to_owned(),
        days => format!("moments of the last {}", super::many(days, "day", "days")),
    };
    let mut text = format!("{}\n", out.style(Style::Strong, &line(field(value, "name"))));
    for words in [said(field(value, "about")), status_line(value)] {
        if !words.is_empty() {
            text.push_str(&format!("{words}\n"));
        }
    }
    for key in ["avatar", "cover"] {
        let id = field(value, key);
        if !id.is_empty() {
            text.push_str(&format!("{key}  {}\n", out.style(Style::Faint, id)));
        }
    }
    format!("{text}Friends may read {window}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLAIN: Out = Out { json: false, color: false, terminal: false };

    #[test]
    fn what_stands_beside_a_text_is_a_line_each() {
        let moment = json!({
            "link": {"url": "https://e.org/a", "title": "A\u{1b}[2J", "site": "e.org"},
            "place": {"name": "Lisbon", "lat": 38.7, "lon": -9.1, "precision": "city"},
            "mood": {"emoji": "☀", "text": "warm"},
        });
        assert_eq!(
            beside(&PLAIN, &moment),
            ["[A\u{fffd}[2J (e.org)] https://e.org/a", "at Lisbon (38.7, -9.1)", "☀ warm"]
        );
        assert!(beside(&PLAIN, &json!({"link": null, "place": null, "mood": null})).is_empty());
        let bare =
            json!({"place": {"name": "", "lat": 1.5, "lon": 2.0}, "mood": {"emoji": "", "text": "ok"}});
        assert_eq!(beside(&PLAIN, &bare), ["at 1.5, 2", "ok"]);
    }

    #[test]
    fn a_status_says_until_when() {
        let status =
            json!({"status": {"text": "on a walk", "emoji": "", "until": "2026-11-22T10:00:00.000Z"}});
        assert_eq!(status_set(&PLAIN, &status), "Your friends see: on a walk (until 2026-11-22 10:00 UTC)");
        assert_eq!(status_set(&PLAIN, &json!({"status": null})), "You have no status now.");
    }

    #[test]
    fn a_profile_of_another_shape_prints_something_and_does_not_panic() {
        for value in
            [Value::Null, json!([]), json!({"status": 3, "avatar": {}, "link": 1, "place": "x", "mood": []})]
        {
            let _ = (profile(&PLAIN, &value), status_set(&PLAIN, &value), beside(&PLAIN, &value));
        }
    }
}
