//! Answers as people read them: short, aligned, nothing they did not ask for.
//!
//! Each function takes the JSON that `--json` would print and makes text of it, so both faces say the same. Control
//! characters in what other people wrote are shown as a replacement sign: a friend's name cannot move the cursor.

mod acquaint;
pub mod care;
pub mod media;
pub mod notices;
pub mod privacy;
pub mod sharing;
pub mod words;

use serde_json::Value;

pub use acquaint::{introduced, request, requests};

use crate::cli::{Out, Style};

/// A text field; empty if it is not there.
fn field<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn count(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// Somebody's words, harmless on a terminal.
fn said(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Somebody's words on one line.
fn line(text: &str) -> String {
    said(text).replace('\n', " ")
}

fn names(people: &[Value]) -> String {
    people.iter().map(|person| line(field(person, "name"))).collect::<Vec<_>>().join(", ")
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// `2026-11-22 10:00`, UTC.
fn time(value: &Value, key: &str) -> String {
    let text = field(value, key);
    match (text.get(..10), text.get(11..16)) {
        (Some(date), Some(clock)) => format!("{date} {clock}"),
        _ => "never".to_owned(),
    }
}

fn many(number: u64, one: &str, more: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {more}") }
}

/// Bytes in a unit that fits.
fn bytes(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
    let value = number as f64;
    for (unit, size) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] {
        if value >= size {
            return format!("{:.1} {unit}", value / size);
        }
    }
    format!("{number} B")
}

/// A table: each column as wide as its widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let mut shown = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = width(column).unwrap_or(0).saturating_sub(cell.chars().count());
            shown.push_str(cell);
            shown.push_str(&" ".repeat(pad + 2));
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

/// A fresh identity and its words, in four columns.
pub fn created(out: &Out, value: &Value) -> String {
    let words: Vec<&str> = items(value, "words").iter().filter_map(Value::as_str).collect();
    let mut text = format!(
        "{}\n\nThese 24 words are the only way back to this identity. Write them down on paper, in order; they are\n\
         not shown again. Whoever has them is you.\n\n",
        out.style(Style::Strong, &format!("Your identity is {}", field(value, "user"))),
    );
    for row in 0..6 {
        for column in 0..4 {
            let at = row + column * 6;
            text.push_str(&format!("  {:>2} {:<12}", at + 1, words.get(at).unwrap_or(&"")));
        }
        text.push('\n');
    }
    text
}

/// Myself.
pub fn whoami(out: &Out, value: &Value) -> String {
    format!(
        "{}\nuser    {}\ndevice  {}\nhome    {}",
        out.style(Style::Strong, &line(field(value, "name"))),
        field(value, "user"),
        field(value, "device"),
        field(value, "home"),
    )
}

/// The state of the node.
pub fn status(out: &Out, value: &Value) -> String {
    let mut text = format!("{}  http://{}\n", out.style(Style::Good, "running"), field(value, "http"));
    for address in items(value, "listen") {
        text.push_str(&format!("listening  {}\n", address.as_str().unwrap_or_default()));
    }
    let peers = items(value, "peers");
    text.push_str(&format!("\n{} connected\n", many(peers.len() as u64, "friend", "friends")));
    let row = |peer: &Value| {
        let name = peer.get("friend").map(|f| line(field(f, "name"))).unwrap_or_default();
        vec![format!("  {name}"), field(peer, "path").to_owned(), format!("since {}", time(peer, "since"))]
    };
    text.push_str(&table(&peers.iter().map(row).collect::<Vec<_>>()));
    let waiting = items(value, "waiting");
    if !waiting.is_empty() {
        text.push_str("\nwaiting for\n");
        let row = |one: &Value| {
            let name = one.get("friend").map(|f| line(field(f, "name"))).unwrap_or_default();
            vec![
                format!("  {name}"),
                many(count(one, "moments"), "moment", "moments"),
                many(count(one, "parcels"), "parcel", "parcels"),
            ]
        };
        text.push_str(&table(&waiting.iter().map(row).collect::<Vec<_>>()));
    }
    if let Some(disk) = value.get("disk") {
        text.push_str(&format!(
            "\ndisk  store {}, photos {}, free {}\n",
            bytes(count(disk, "store_bytes")),
            bytes(count(disk, "blob_bytes")),
            bytes(count(disk, "free_bytes")),
        ));
        let row = |one: &Value| {
            let name = one.get("friend").map(|friend| line(field(friend, "name"))).unwrap_or_default();
            vec![format!("  of {name}"), bytes(count(one, "bytes"))]
        };
        text.push_str(&table(&items(disk, "friends").iter().map(row).collect::<Vec<_>>()));
    }
    text
}

/// An invite: the link, and on a terminal its QR code.
pub fn invite(out: &Out, value: &Value) -> String {
    let link = field(value, "link");
    let code = if out.terminal { qr(link) } else { String::new() };
    format!(
        "{code}{link}\n\nIt works once, until {} UTC. Hand it on by a way you trust.\nWho accepts it appears in `tidings requests`, unless you said yes beforehand (--auto-confirm).",
        time(value, "expires_at")
    )
}

/// A QR code in half blocks: dark on light whatever the terminal's colours, with its quiet zone.
fn qr(link: &str) -> String {
    use qrcode::render::unicode::Dense1x2;
    let Ok(code) = qrcode::QrCode::with_error_correction_level(link, qrcode::EcLevel::L) else {
        return String::new();
    };
    let picture = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build();
    format!("{picture}\n\n")
}

/// How far redeeming has come.
pub fn accepted(out: &Out, value: &Value) -> String {
    match value.get("friend").filter(|friend| !friend.is_null()) {
        Some(friend) => {
            format!("{} and you are friends.", out.style(Style::Strong, &line(field(friend, "name"))))
        }
        None => {
            "Your yes has gone out. You are friends once the other side confirms; see `tidings requests`."
                .to_owned()
        }
    }
}

/// All friends.
pub fn friends(_: &Out, value: &Value) -> String {
    let (friends, blocked) = (items(value, "friends"), acquaint::blocked(items(value, "blocked")));
    if friends.is_empty() {
        return format!("No friends yet. `tidings invite` makes a link for the first.{blocked}");
    }
    let row = |friend: &Value| {
        vec![
            line(field(friend, "name")),
            short(field(friend, "id")).to_owned(),
            if is(friend, "online") { field(friend, "path").to_owned() } else { "away".to_owned() },
            if is(friend, "verified") { "verified".to_owned() } else { String::new() },
            items(friend, "tags").iter().filter_map(Value::as_str).map(line).collect::<Vec<_>>().join(", "),
        ]
    };
    format!("{}{blocked}", table(&friends.iter().map(row).collect::<Vec<_>>()).trim_end())
}

/// One friend.
pub fn friend(out: &Out, value: &Value) -> String {
    let mut rows = vec![vec!["id".to_owned(), field(value, "id").to_owned()]];
    let mut add = |key: &str, text: String| {
        if !text.is_empty() {
            rows.push(vec![key.to_owned(), text]);
        }
    };
    if field(value, "own_name") != field(value, "name") {
        add("own name", line(field(value, "own_name")));
    }
    add("about", line(field(value, "about")));
    add("status", words::status_line(value));
    add("note", line(field(value, "note")));
    add(
        "tags",
        items(value, "tags").iter().filter_map(Value::as_str).map(line).collect::<Vec<_>>().join(", "),
    );
    add(
        "blocked",
        if is(value, "blocked") { "yes: they do not reach you".to_owned() } else { String::new() },
    );
    add("introduced by", value.get("introduced_by").map(|by| line(field(by, "name"))).unwrap_or_default());
    add("moments", privacy::seen_by(value));
    add("friends since", time(value, "since"));
    add(
        "verified",
        if is(value, "verified") {
            "yes".to_owned()
        } else {
            format!("not yet: `tidings friend verify {}`", line(field(value, "name")))
        },
    );
    let last =
        if is(value, "online") { format!("now, {}", field(value, "path")) } else { time(value, "last_seen") };
    add("last seen", last);
    format!("{}\n{}", out.style(Style::Strong, &line(field(value, "name"))), table(&rows))
}

/// The six safety words.
pub fn safety(out: &Out, value: &Value) -> String {
    let words: Vec<&str> = items(value, "words").iter().filter_map(Value::as_str).collect();
    let name = value.get("friend").map(|f| line(field(f, "name"))).unwrap_or_default();
    let state = if is(value, "verified") {
        "You said that they match.".to_owned()
    } else {
        format!(
            "Ask {name} to read theirs aloud. If they are the same: `tidings friend verify {name} --matches`"
        )
    };
    format!("{}\n\n{state}", out.style(Style::Strong, &words.join("  ")))
}

/// All tags.
pub fn tags(_: &Out, value: &Value) -> String {
    let tags = items(value, "tags");
    if tags.is_empty() {
        return "No tags yet. `tidings tag add family NAME…` makes one.".to_owned();
    }
    table(
        &tags
            .iter()
            .map(|tag| vec![line(field(tag, "name")), names(items(tag, "friends"))])
            .collect::<Vec<_>>(),
    )
}

/// One tag.
pub fn tag(out: &Out, value: &Value) -> String {
    let friends = items(value, "friends");
    let who = if friends.is_empty() { "nobody yet".to_owned() } else { names(friends) };
    format!("{}: {who}", out.style(Style::Strong, &line(field(value, "name"))))
}

fn audience(value: &Value) -> String {
    let named = |value: &Value| {
        let tags = items(value, "tags").iter().filter_map(Value::as_str).map(line);
        tags.chain(items(value, "people").iter().map(|p| line(field(p, "name"))))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match field(value, "rule") {
        "everyone" => "all friends".to_owned(),
        "only" => match value.get("except") {
            Some(except) => format!("only {}, but not {}", named(value), named(except)),
            None => format!("only {}", named(value)),
        },
        "except" => format!("all friends but {}", named(value)),
        _ => "only me".to_owned(),
    }
}

/// Who would be able to read it.
pub fn dry_run(out: &Out, value: &Value) -> String {
    let rule = value.get("audience").map(audience).unwrap_or_default();
    let may_read = many(count(value, "may_read"), "friend", "friends");
    let mut text = format!("{} ({rule}) would be able to read it", out.style(Style::Strong, &may_read));
    text.push_str(&match items(value, "people") {
        [] => ".\n".to_owned(),
        people => format!(": {}\n", names(people)),
    });
    for one in items(value, "left_out") {
        text.push_str(&format!("  not {}: {}\n", line(field(one, "name")), field(one, "why")));
    }
    if count(value, "strangers") > 0 {
        let strangers = many(count(value, "strangers"), "stranger", "strangers");
        text.push_str(&format!("  and {strangers} whose pairing is pending, among your newest moments\n"));
    }
    text
}

/// One moment as a card.
pub fn moment(out: &Out, value: &Value) -> String {
    let author = value.get("author").map(|a| line(field(a, "name"))).unwrap_or_default();
    let head = format!("{}  {}", short(field(value, "id")), time(value, "created_at"));
    let mut text = format!("{}  {}\n", out.style(Style::Strong, &author), out.style(Style::Faint, &head));
    let mut add = |line: &str| text.push_str(&format!("  {line}\n"));
    said(field(value, "text")).lines().for_each(&mut add);
    sharing::shared_from(out, value).iter().for_each(|line| add(line));
    for photo in items(value, "photos") {
        let size = format!("{}×{}", count(photo, "width"), count(photo, "height"));
        let alt = match field(photo, "alt") {
            "" => String::new(),
            alt => format!(": {}", line(alt)),
        };
        add(&out.style(Style::Faint, &format!("[photo {size}{alt}]")));
    }
    if let Some(video) = media::video(value) {
        add(&out.style(Style::Faint, &video));
    }
    words::beside(out, value).iter().for_each(|line| add(line));
    let likes = items(value, "likes");
    if !likes.is_empty() {
        add(&out.style(Style::Warm, &format!("♥ {}", names(likes))));
    }
    for comment in items(value, "comments") {
        let who = comment.get("author").map(|a| line(field(a, "name"))).unwrap_or_default();
        let reply = if field(comment, "reply_to").is_empty() { "" } else { "↳ " };
        let mut said = format!("{reply}{}: {}", out.style(Style::Strong, &who), line(field(comment, "text")));
        if is(comment, "hidden") {
            said.push_str(&out.style(Style::Warm, &format!("  (removed by {author})")));
        }
        let id = short(field(comment, "id"));
        add(&format!("{said}  {}", out.style(Style::Faint, id)));
    }
    if let Some(rule) = value.get("audience") {
        let delivery = value.get("delivery").cloned().unwrap_or_default();
        let (have, may_read) = (count(&delivery, "have"), count(&delivery, "may_read"));
        let come = match may_read {
            0 => format!("for {}", audience(rule)),
            _ => format!("for {}; {have} of {may_read} have it", audience(rule)),
        };
        add(&out.style(Style::Faint, &come));
    }
    text
}

/// A page of cards.
pub fn timeline(out: &Out, value: &Value) -> String {
    let moments = items(value, "moments");
    if moments.is_empty() {
        return "Nothing here yet. `tidings post 'Hello'` shares a first moment.".to_owned();
    }
    let mut text = moments.iter().map(|one| moment(out, one)).collect::<Vec<_>>().join("\n");
    if let Some(next) = value.get("next").and_then(Value::as_str) {
        text.push_str(&out.style(Style::Faint, &format!("\nOlder: the same with --before {next}")));
    }
    text
}

/// A comment.
pub fn comment(out: &Out, value: &Value) -> String {
    let who = value.get("author").map(|a| line(field(a, "name"))).unwrap_or_default();
    let id = out.style(Style::Faint, short(field(value, "id")));
    format!("{}: {}  {id}", out.style(Style::Strong, &who), line(field(value, "text")))
}

/// A new token.
pub fn new_token(out: &Out, value: &Value) -> String {
    format!(
        "{}\n\nShown this once. The program sends it as `Authorization: Bearer …`.",
        out.style(Style::Strong, field(value, "token"))
    )
}

/// All tokens.
pub fn tokens(_: &Out, value: &Value) -> String {
    let tokens = items(value, "tokens");
    if tokens.is_empty() {
        return "No program has a token.".to_owned();
    }
    let row = |token: &Value| {
        let scopes: Vec<_> = items(token, "scopes").iter().filter_map(Value::as_str).collect();
        vec![line(field(token, "name")), scopes.join(", "), format!("since {}", time(token, "created_at"))]
    };
    table(&tokens.iter().map(row).collect::<Vec<_>>())
}

/// One event as a sentence.
pub fn event(_: &Out, value: &Value) -> String {
    let at = time(value, "at");
    let moment = value.get("moment").cloned().unwrap_or_default();
    let author = moment.get("author").map(|a| line(field(a, "name"))).unwrap_or_default();
    let what = match field(value, "event") {
        "moment" => format!("{author} shared {}: {}", short(field(&moment, "id")), summary(&moment)),
        "interaction" => format!(
            "beneath {author}'s {}: {}, {}",
            short(field(&moment, "id")),
            many(items(&moment, "likes").len() as u64, "like", "likes"),
            many(items(&moment, "comments").len() as u64, "comment", "comments"),
        ),
        "withdrawn" => format!("{} was withdrawn", short(field(value, "id"))),
        "friend" => {
            let friend = value.get("friend").cloned().unwrap_or_default();
            let state = if is(&friend, "online") { "is here" } else { "is away" };
            format!("{} {state}", line(field(&friend, "name")))
        }
        "unfriended" => format!("{} is no longer a friend", short(field(value, "id"))),
        "request" => {
            let request = value.get("request").cloned().unwrap_or_default();
            format!("request of {}: {}", line(field(&request, "name")), field(value, "state"))
        }
        "delivery" => {
            let delivery = value.get("delivery").cloned().unwrap_or_default();
            let (may_read, id) = (count(&delivery, "may_read"), short(field(value, "id")));
            match delivery.get("withdrawn").and_then(Value::as_u64) {
                Some(gone) => format!("{id} is gone on {gone} of {may_read}"),
                None => format!("{} of {may_read} have {id}", count(&delivery, "have")),
            }
        }
        "notice" => value.get("notice").map(notices::sentence).unwrap_or_default(),
        "read" => format!("notices were read; {} unread", count(value, "unread")),
        "blob" => format!("a photo of {} is here", short(field(value, "moment"))),
        other => other.to_owned(),
    };
    format!("{at}  {what}")
}

/// The beginning of a moment on one line.
fn summary(moment: &Value) -> String {
    let text = line(field(moment, "text"));
    let photos = items(moment, "photos").len() as u64;
    let start: String = text.chars().take(60).collect();
    let start = if start.len() < text.len() { format!("{start}…") } else { start };
    match (photos, start.is_empty()) {
        (0, _) => start,
        (_, true) => many(photos, "photo", "photos"),
        _ => format!("{start} ({})", many(photos, "photo", "photos")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PLAIN: Out = Out { json: false, color: false, terminal: false };

    #[test]
    fn what_a_friend_wrote_cannot_move_the_cursor() {
        let value = json!({"id": "0123456789", "author": {"name": "\u{1b}[2JEve"}, "created_at": "2026-11-22T10:00:00.000Z",
            "text": "hi\u{1b}]0;x\u{7}\nthere", "comments": [{"author": {"name": "Ben\r"}, "text": "a\nb"}]});
        let text = moment(&PLAIN, &value);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\r']));
        assert!(text.contains("  there\n") && text.contains("a b"));
    }

    #[test]
    fn an_audience_is_said_in_words() {
        for (value, text) in [
            (json!({"rule": "everyone", "tags": [], "people": []}), "all friends"),
            (
                json!({"rule": "except", "tags": ["work"], "people": [{"name": "Bob"}]}),
                "all friends but work, Bob",
            ),
            (
                json!({"rule": "only", "tags": ["kin"], "people": [], "except": {"tags": [], "people": [{"name": "Bob"}]}}),
                "only kin, but not Bob",
            ),
            (json!({"rule": "private", "tags": [], "people": []}), "only me"),
        ] {
            assert_eq!(audience(&value), text);
        }
    }

    #[test]
    fn the_words_stand_in_their_order() {
        let words: Vec<_> = (1..=24).map(|n| format!("w{n}")).collect();
        let text = created(&PLAIN, &json!({"user": "ab", "words": words}));
        for n in 1..=24 {
            assert!(text.contains(&format!("{n:>2} w{n} ")), "{n}");
        }
    }

    #[test]
    fn columns_are_aligned_by_characters() {
        assert_eq!(
            table(&[vec!["é".into(), "x".into()], vec!["abc".into(), "y".into()]]),
            "é    x\nabc  y\n"
        );
    }

    #[test]
    fn an_answer_of_another_shape_prints_something_and_does_not_panic() {
        for value in [Value::Null, json!([]), json!({"moments": 3, "friends": {}, "people": "x"})] {
            for text in
                [moment, timeline, friends, status, event, safety, invite, requests, created, accepted]
            {
                let _ = text(&PLAIN, &value);
            }
        }
    }

    #[test]
    fn sizes_have_a_unit_that_fits() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500), "1.5 kB");
        assert_eq!(bytes(2_000_000_000), "2.0 GB");
    }
}
