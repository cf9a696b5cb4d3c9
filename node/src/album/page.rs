//! The pages of an album: plain HTML with everything escaped, no script, nothing from elsewhere.
//!
//! The policy in each page lets it load pictures, videos and one style from beside it and nothing else, whether it is
//! opened from a disk or from a server. A link leads away only to http and https, and says nothing of where it stood.

use std::collections::BTreeMap;

use serde_json::Value;

/// Where the media of a moment lie, by their ids.
pub type Files = BTreeMap<String, String>;

const POLICY: &str = "default-src 'none'; img-src 'self' file:; media-src 'self' file:; style-src 'self' file:; \
base-uri 'none'; form-action 'none'";
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Somebody's words as HTML text or as the value of an attribute. Controls become a replacement sign; signs that turn
/// the direction of what follows are left out, as they could make one name look like another.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn items<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(value: &Value, path: &str) -> u64 {
    value.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

fn name(value: &Value, path: &str) -> String {
    format!("<bdi>{}</bdi>", escape(text(value, path)))
}

/// Whether a text is the id of a blob, and so harmless as a file's name.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The pictures and videos of a moment: id, media type, and bytes where they are known.
pub fn media(moment: &Value) -> Vec<(&str, &str, Option<u64>)> {
    let of = |value: &'_ Value| value.get("bytes").and_then(Value::as_u64);
    let mut all: Vec<_> = items(moment, "/photos")
        .iter()
        .map(|photo| (text(photo, "/id"), text(photo, "/mime"), of(photo)))
        .collect();
    if let Some(video) = moment.get("video").filter(|video| video.is_object()) {
        all.push((text(video, "/id"), text(video, "/mime"), of(video)));
        all.push((text(video, "/poster"), "image/jpeg", None));
    }
    for link in ["/link/preview", "/shared_from/link/preview"] {
        all.push((text(moment, link), "image/jpeg", None));
    }
    all.retain(|(id, ..)| is_id(id));
    all
}

/// `22 November 2026, 10:00` with the exact time behind it.
fn time(at: &str) -> String {
    let part = |range: std::ops::Range<usize>| at.get(range).and_then(|part| part.parse::<usize>().ok());
    let month = part(5..7).and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let said = match (part(0..4), month, part(8..10), at.get(11..16)) {
        (Some(year), Some(month), Some(day), Some(clock)) => format!("{day} {month} {year}, {clock} UTC"),
        _ => at.to_owned(),
    };
    format!("<time datetime=\"{}\">{}</time>", escape(at), escape(&said))
}

/// `November 2026`.
fn month_name(month: &str) -> String {
    let (year, number) = month.split_once('-').unwrap_or((month, ""));
    let named = number.parse::<usize>().ok().and_then(|number| MONTHS.get(number.checked_sub(1)?));
    named.map_or_else(|| escape(month), |named| format!("{named} {}", escape(year)))
}

fn begin(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"style.css\">\n</head>\n<body>\n"
    )
}

/// The beginning of a month's page.
pub fn head(owner: &str, month: &str, newer: Option<&str>) -> String {
    let newer =
        newer.map(|page| format!(" <a href=\"{}\" rel=\"prev\">Newer</a>", escape(page))).unwrap_or_default();
    format!(
        "{}<header><nav><a href=\"index.html\">All months</a>{newer}</nav>\n<h1>{}</h1>\n<p class=\"owner\">{}</p></header>\n<main>\n",
        begin(&format!("{} – {}", month_name(month), escape(owner))),
        month_name(month),
        format_args!("<bdi>{}</bdi>", escape(owner)),
    )
}

/// The end of a month's page.
pub fn foot(older: Option<&str>) -> String {
    let older =
        older.map(|page| format!("<a href=\"{}\" rel=\"next\">Older</a>", escape(page))).unwrap_or_default();
    format!(
        "</main>\n<footer><nav><a href=\"index.html\">All months</a> {older}</nav></footer>\n</body>\n</html>\n"
    )
}

/// The page of all months, newest first.
pub fn index(owner: &str, months: &[(String, u64)]) -> String {
    let mut page = begin(&escape(owner));
    page.push_str(&format!("<header><h1><bdi>{}</bdi></h1></header>\n<main>\n", escape(owner)));
    let mut year = "";
    for (month, count) in months {
        let of = month.get(..4).unwrap_or_default();
        if of != year {
            page.push_str(if year.is_empty() { "" } else { "</ul>\n" });
            page.push_str(&format!("<h2>{}</h2>\n<ul class=\"months\">\n", escape(of)));
            year = of;
        }
        let moments = if *count == 1 { "moment" } else { "moments" };
        page.push_str(&format!(
            "<li><a href=\"{}.html\">{}</a> <span>{count} {moments}</span></li>\n",
            escape(month),
            month_name(month)
        ));
    }
    page.push_str(if year.is_empty() { "<p>Nothing was shared yet.</p>\n" } else { "</ul>\n" });
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn said(words: &str, class: &str) -> String {
    if words.is_empty() {
        return String::new();
    }
    format!("<p class=\"{class}\" dir=\"auto\">{}</p>\n", escape(words))
}

/// One moment.
pub fn moment(value: &Value, files: &Files) -> String {
    let id = escape(text(value, "/id"));
    let private = if is_private(value) { " · only for me" } else { "" };
    let created = time(text(value, "/created_at"));
    let mut out = format!("<article id=\"m{id}\">\n<p class=\"when\">{created}{private}</p>\n");
    out.push_str(&mood(value));
    out.push_str(&said(text(value, "/text"), "text"));
    let from = value.get("shared_from").filter(|from| from.is_object());
    if let Some(from) = from {
        out.push_str(&format!(
            "<blockquote>\n<p class=\"when\">{} · {}</p>\n{}{}",
            name(from, "/name"),
            time(text(from, "/created_at")),
            mood(from),
            said(text(from, "/text"), "text"),
        ));
    }
    out.push_str(&pictures(value, files));
    if let Some(from) = from {
        out.push_str(&format!("{}{}</blockquote>\n", link(from, files), place(from)));
    }
    out.push_str(&link(value, files));
    out.push_str(&place(value));
    out.push_str(&beneath(value));
    out.push_str("</article>\n");
    out
}

/// Whether a moment was for nobody else: said, so that nobody shows it by mistake.
pub fn is_private(moment: &Value) -> bool {
    text(moment, "/audience/rule") == "private"
}

fn mood(value: &Value) -> String {
    let words = format!("{} {}", text(value, "/mood/emoji"), text(value, "/mood/text"));
    said(words.trim(), "mood")
}

fn place(value: &Value) -> String {
    let named = text(value, "/place/name");
    let position = (
        value.pointer("/place/lat").and_then(Value::as_f64),
        value.pointer("/place/lon").and_then(Value::as_f64),
    );
    match (named, position) {
        ("", (Some(lat), Some(lon))) => format!("<p class=\"place\">{lat}, {lon}</p>\n"),
        (named, _) => said(named, "place"),
    }
}

fn pictures(value: &Value, files: &Files) -> String {
    let photos = items(value, "/photos");
    let mut out = String::new();
    if !photos.is_empty() {
        out.push_str(&format!("<div class=\"photos n{}\">\n", photos.len().min(9)));
        for photo in photos {
            let alt = escape(text(photo, "/alt"));
            let caption = if alt.is_empty() {
                String::new()
            } else {
                format!("<figcaption dir=\"auto\">{alt}</figcaption>")
            };
            let (width, height) = (number(photo, "/width"), number(photo, "/height"));
            match files.get(text(photo, "/id")).map(|path| escape(path)) {
                Some(path) => out.push_str(&format!(
                    "<figure><a href=\"{path}\"><img src=\"{path}\" width=\"{width}\" height=\"{height}\" alt=\"{alt}\" loading=\"lazy\"></a>{caption}</figure>\n"
                )),
                None => out.push_str(&format!("<figure><p class=\"missing\">A photo that has not arrived</p>{caption}</figure>\n")),
            }
        }
        out.push_str("</div>\n");
    }
    let Some(video) = value.get("video").filter(|video| video.is_object()) else { return out };
    let alt = escape(text(video, "/alt"));
    match files.get(text(video, "/id")).map(|path| escape(path)) {
        Some(path) => {
            let poster =
                files.get(text(video, "/poster")).map(|poster| format!(" poster=\"{}\"", escape(poster)));
            out.push_str(&format!(
                "<figure class=\"film\"><video src=\"{path}\" width=\"{}\" height=\"{}\" controls preload=\"metadata\" aria-label=\"{alt}\"{}></video><figcaption dir=\"auto\">{alt}</figcaption></figure>\n",
                number(video, "/width"),
                number(video, "/height"),
                poster.unwrap_or_default(),
            ));
        }
        None => out.push_str("<p class=\"missing\">A video that has not arrived</p>\n"),
    }
    out
}

/// A link card. Only http and https lead anywhere.
fn link(value: &Value, files: &Files) -> String {
    let Some(link) = value.get("link").filter(|link| link.is_object()) else { return String::new() };
    let url = text(link, "/url");
    let title = match text(link, "/title") {
        "" => url,
        title => title,
    };
    let title = format!("<bdi>{}</bdi>", escape(title));
    let lower = url.to_ascii_lowercase();
    let head = if lower.starts_with("https://") || lower.starts_with("http://") {
        format!("<a href=\"{}\" rel=\"noopener noreferrer nofollow\">{title}</a>", escape(url))
    } else {
        title
    };
    let rest = [text(link, "/description"), text(link, "/site")].map(|words| said(words, "about")).concat();
    let picture = files.get(text(link, "/preview"));
    let picture = picture.map(|path| format!("<img src=\"{}\" alt=\"\" loading=\"lazy\">", escape(path)));
    format!("<div class=\"link\">{}<div><p>{head}</p>\n{rest}</div></div>\n", picture.unwrap_or_default())
}

fn beneath(value: &Value) -> String {
    let (likes, comments) = (items(value, "/likes"), items(value, "/comments"));
    let mut out = String::new();
    if !likes.is_empty() {
        let names: Vec<String> = likes.iter().map(|person| name(person, "/name")).collect();
        out.push_str(&format!("<p class=\"likes\">♥ {}</p>\n", names.join(", ")));
    }
    if !comments.is_empty() {
        out.push_str("<ul class=\"comments\">\n");
        for comment in comments {
            let to = comments.iter().find(|other| {
                !text(comment, "/reply_to").is_empty() && other.get("id") == comment.get("reply_to")
            });
            let to = to.map(|other| format!(" to {}", name(other, "/author/name"))).unwrap_or_default();
            out.push_str(&format!(
                "<li><p class=\"when\"><b>{}</b>{to} · {}</p>{}</li>\n",
                name(comment, "/author/name"),
                time(text(comment, "/created_at")),
                said(text(comment, "/text"), "text"),
            ));
        }
        out.push_str("</ul>\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HOSTILE: &str =
        "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u{202e}\u{2066}\u{0}&amp;";

    #[test]
    fn hostile_words_stay_words_wherever_they_stand() {
        let id = "a1".repeat(32);
        let value = json!({
            "id": HOSTILE, "created_at": HOSTILE, "text": HOSTILE,
            "photos": [{"id": id, "mime": HOSTILE, "alt": HOSTILE, "width": 1, "height": 1}, {"id": HOSTILE, "mime": "image/jpeg"}],
            "video": {"id": id, "mime": "video/mp4", "alt": HOSTILE, "poster": HOSTILE},
            "link": {"url": format!("javascript:{HOSTILE}"), "title": HOSTILE, "description": HOSTILE, "site": HOSTILE},
            "place": {"name": HOSTILE}, "mood": {"emoji": HOSTILE, "text": HOSTILE},
            "shared_from": {"name": HOSTILE, "text": HOSTILE, "link": {"url": format!("https://x/{HOSTILE}")}},
            "likes": [{"name": HOSTILE}],
            "comments": [{"id": "1", "author": {"name": HOSTILE}, "text": HOSTILE, "created_at": HOSTILE, "reply_to": null}],
        });
        let files = Files::from([(id, format!("media/{HOSTILE}"))]);
        let pages = [
            moment(&value, &files),
            head(HOSTILE, HOSTILE, Some(HOSTILE)),
            foot(Some(HOSTILE)),
            index(HOSTILE, &[(HOSTILE.into(), 1)]),
        ];
        for page in pages {
            for part in [
                "<script",
                "<img src=x",
                "onerror=alert(1)>",
                "\u{202e}",
                "\u{2066}",
                "\0",
                "href=\"javascript",
            ] {
                assert!(!page.contains(part), "{part:?} in {page}");
            }
            // Each quote that stands there is one of ours: attributes come in pairs, and hold none of theirs.
            assert_eq!(page.matches('"').count() % 2, 0);
            assert!(!page.contains("'>"), "{page}");
        }
    }

    #[test]
    fn a_name_that_is_no_id_becomes_no_file() {
        let value = json!({"photos": [{"id": "../../x", "mime": "image/jpeg"}, {"id": "A1".repeat(32), "mime": "image/jpeg"}]});
        assert!(media(&value).is_empty());
    }

    #[test]
    fn a_page_loads_nothing_from_elsewhere_and_runs_nothing() {
        let page = head("Alice", "2026-11", None);
        assert!(
            page.contains("default-src 'none'") && !page.contains("script-src") && !page.contains("unsafe")
        );
        assert!(page.contains("November 2026"));
        assert!(!page.contains("://"));
    }

    #[test]
    fn what_was_only_for_oneself_is_marked_and_for_whom_the_rest_was_is_not() {
        let of = |rule: &str| {
            moment(&json!({"audience": {"rule": rule, "people": [{"name": "Bob"}]}}), &Files::new())
        };
        assert!(of("private").contains("only for me"));
        for rule in ["everyone", "only", "except"] {
            assert!(!of(rule).contains("only for me") && !of(rule).contains("Bob"), "{rule}");
        }
    }

    #[test]
    fn a_picture_that_is_not_here_is_said_and_its_words_stay() {
        let value = json!({"photos": [{"id": "a1".repeat(32), "mime": "image/jpeg", "alt": "The pier"}]});
        let page = moment(&value, &Files::new());
        assert!(page.contains("has not arrived") && page.contains("The pier") && !page.contains("<img"));
    }
}
