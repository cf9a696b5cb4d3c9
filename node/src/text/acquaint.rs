//! Requests, introductions and blocked people, as text.

use serde_json::Value;

use super::{count, field, is, items, line, many, moment, names, short};
use crate::cli::{Out, Style};

/// Open requests.
pub fn requests(out: &Out, value: &Value) -> String {
    let requests = items(value, "requests");
    if requests.is_empty() {
        return "Nobody waits for an answer.".to_owned();
    }
    requests.iter().map(|request| one(out, request)).collect()
}

fn one(out: &Out, request: &Value) -> String {
    let (id, name) = (short(field(request, "id")), line(field(request, "name")));
    let name = out.style(Style::Strong, &name);
    let what = if is(request, "confirmed") {
        "has your yes and has not answered".to_owned()
    } else {
        format!("wants to be your friend: `tidings confirm {id}` or `tidings decline {id}`")
    };
    let expected = match field(request, "expected") {
        "" => String::new(),
        expected => format!(" (you expected {})", line(expected)),
    };
    let by = match request.get("by").map(|by| line(field(by, "name"))).unwrap_or_default() {
        by if by.is_empty() => String::new(),
        by => format!(", introduced by {by},"),
    };
    let moments = match count(request, "moments") {
        0 => String::new(),
        shown => format!(
            "  {}: `tidings request show {id}`\n",
            many(shown, "moment to look at", "moments to look at")
        ),
    };
    format!("{name}{expected}{by} {what}\n{moments}")
}

/// One request with what the other shows to strangers.
pub fn request(out: &Out, value: &Value) -> String {
    let mut text = value.get("request").map(|request| one(out, request)).unwrap_or_default();
    for shown in items(value, "moments") {
        text.push('\n');
        text.push_str(&moment(out, shown));
    }
    text
}

/// Two friends were offered to each other.
pub fn introduced(_: &Out, value: &Value) -> String {
    format!("{}: each is asked. They become friends once both have said yes.", names(items(value, "people")))
}

/// Blocked people, beneath the friends.
pub fn blocked(people: &[Value]) -> String {
    if people.is_empty() { String::new() } else { format!("\nblocked: {}", names(people)) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_says_who_introduced_and_what_there_is_to_look_at() {
        let out = Out::new(false);
        let open = json!({"id": "0123456789", "name": "Bob\u{7}", "by": {"name": "Carol"}, "moments": 2});
        let text = requests(&out, &json!({"requests": [open]}));
        assert!(text.contains("introduced by Carol") && text.contains("tidings confirm 01234567"), "{text}");
        assert!(text.contains("2 moments to look at") && !text.contains('\u{7}'), "{text}");
        let waits = json!({"id": "0123456789", "name": "Bob", "confirmed": true});
        let text = requests(&out, &json!({"requests": [waits]}));
        assert!(text.contains("has your yes") && !text.contains("tidings confirm"), "{text}");
        assert_eq!(blocked(&[]), "");
        assert_eq!(blocked(&[json!({"name": "Eve"})]), "\nblocked: Eve");
    }
}
