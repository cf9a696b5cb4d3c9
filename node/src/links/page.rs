//! What a web page says of itself: title, description, site, picture.
//!
//! The page is read as tokens, in one pass, by a tokenizer that keeps to the HTML standard; no tree is built, so there is
//! nothing to nest too deeply. Of each thing the first that is said counts: Open Graph before Twitter's tags, those before
//! the page's own title and description.
//!
//! All of it is text of a stranger. [`tidy`] makes one line of it, without characters that are not seen or that turn
//! the direction of reading, and cuts it where the card ends.

use std::collections::BTreeMap;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

use super::limits::{CHARSET_LEN_LIMIT, TEXT_LEN_LIMIT};

/// What a page says of itself; empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// The name of its site.
    pub site: String,
    /// The address of its picture, as it stands there.
    pub image: Option<String>,
}

/// Names of what is looked for, the first that is there wins.
const TITLE: [&str; 2] = ["og:title", "twitter:title"];
const DESCRIPTION: [&str; 3] = ["og:description", "twitter:description", "description"];
const SITE: [&str; 2] = ["og:site_name", "application-name"];
const IMAGE: [&str; 5] =
    ["og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"];

/// Reads a page. `kind` is its media type as the server said it.
pub fn read(bytes: &[u8], kind: &str) -> Page {
    let text = decoded(bytes, kind);
    let mut emitter = DefaultEmitter::default();
    // Scripts and styles are no markup.
    emitter.naively_switch_states(true);
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    let (mut title, mut in_title) = (None, false);
    for token in Tokenizer::new_with_emitter(text.as_str(), emitter) {
        // Reading text in memory does not fail.
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let attribute = |name: &str| {
                    tag.attributes
                        .get(name.as_bytes())
                        .map(|value| String::from_utf8_lossy(value).into_owned())
                };
                match tag.name.as_slice() {
                    b"title" if title.is_none() => {
                        title = Some(String::new());
                        in_title = true;
                    }
                    b"meta" => {
                        let name = attribute("property").or_else(|| attribute("name"));
                        if let (Some(name), Some(content)) = (name, attribute("content")) {
                            let name = name.trim().to_ascii_lowercase();
                            if is_looked_for(&name) && !content.trim().is_empty() {
                                said.entry(name).or_insert_with(|| short(&content));
                            }
                        }
                    }
                    _ => {}
                }
            }
            Token::String(text) if in_title => {
                if let Some(title) = title.as_mut().filter(|title| title.len() < TEXT_LEN_LIMIT) {
                    title.push_str(&short(&String::from_utf8_lossy(&text)));
                }
            }
            Token::EndTag(tag) if tag.name.as_slice() == b"title" => in_title = false,
            _ => {}
        }
    }
    let first = |names: &[&str]| names.iter().find_map(|name| said.get(*name)).cloned();
    Page {
        title: first(&TITLE).or(title).unwrap_or_default(),
        description: first(&DESCRIPTION).unwrap_or_default(),
        site: first(&SITE).unwrap_or_default(),
        image: first(&IMAGE),
    }
}

fn is_looked_for(name: &str) -> bool {
    [&TITLE[..], &DESCRIPTION[..], &SITE[..], &IMAGE[..]].iter().any(|names| names.contains(&name))
}

/// Not more of a text than is ever looked at.
fn short(text: &str) -> String {
    cut(text, TEXT_LEN_LIMIT).to_owned()
}

/// The longest beginning of so many bytes that ends with a character.
fn cut(text: &str, len: usize) -> &str {
    let end = (0..=len.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// A text as one line that fits into `len` bytes; what is cut off shows as an ellipsis.
pub fn tidy(text: &str, len: usize) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let word: String = word.chars().filter(|c| !is_unseen(*c)).collect();
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if line.len() <= len {
        return line;
    }
    format!("{}…", cut(&line, len.saturating_sub('…'.len_utf8())).trim_end())
}

/// Characters that turn the direction of reading or are not there to be seen. The joiners that emoji and some scripts
/// need are none of these.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
}

/// The page as text: by its byte order mark, what the server says, what the page says, or what it looks like.
fn decoded(bytes: &[u8], kind: &str) -> String {
    let head = bytes.get(..CHARSET_LEN_LIMIT.min(bytes.len())).unwrap_or_default();
    let said = charset(kind.as_bytes()).or_else(|| charset(head));
    let guess = || if std::str::from_utf8(whole_characters(bytes)).is_ok() { UTF_8 } else { WINDOWS_1252 };
    let (text, ..) = said.unwrap_or_else(guess).decode(bytes);
    text.into_owned()
}

/// The bytes without a character that was cut in two at the end.
fn whole_characters(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()).unwrap_or_default(),
        _ => bytes,
    }
}

/// The encoding behind the first `charset=`.
fn charset(bytes: &[u8]) -> Option<&'static Encoding> {
    const WORD: &[u8] = b"charset=";
    let at = bytes.windows(WORD.len()).position(|window| window.eq_ignore_ascii_case(WORD))?;
    let rest = bytes.get(at + WORD.len()..)?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end =
        rest.iter().position(|b| !(b.is_ascii_alphanumeric() || b"-_:.+".contains(b))).unwrap_or(rest.len());
    Encoding::for_label(rest.get(..end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        read(text.as_bytes(), "text/html")
    }

    #[test]
    fn open_graph_goes_before_twitter_and_both_before_the_page_itself() {
        let all = page(
            "<html><head><title>own</title><meta name=description content='own words'>\
             <meta name='twitter:title' content=tweet><meta name='twitter:image' content='/t.png'>\
             <meta property='og:title' content='A &amp; B &#8211; C'><META PROPERTY='OG:IMAGE' CONTENT='/o.jpg'>\
             <meta property='og:description' content='words'><meta property='og:site_name' content='The Site'>\
             <meta property='og:title' content='a second one'></head></html>",
        );
        assert_eq!(all.title, "A & B – C");
        assert_eq!((all.description.as_str(), all.site.as_str()), ("words", "The Site"));
        assert_eq!(all.image.as_deref(), Some("/o.jpg"));
        let own = page("<title>\n only\n this </title><meta name=description content=d><title>no</title>");
        assert_eq!((tidy(&own.title, 300).as_str(), own.description.as_str()), ("only this", "d"));
        assert_eq!(own.image, None);
    }

    #[test]
    fn what_stands_in_scripts_comments_and_attributes_is_no_markup() {
        let found = page(
            "<script>var a = \"<title>script</title><meta property='og:title' content='script'>\";</script>\
             <!-- <title>comment</title> --><style><title>style</title></style>\
             <p title='<title>attribute</title>'><title>real</title>",
        );
        assert_eq!(found, Page { title: "real".into(), ..Page::default() });
    }

    #[test]
    fn hostile_pages_give_little_and_take_little() {
        let endless = format!("<title>{}", "x".repeat(512 * 1024));
        assert!(page(&endless).title.len() <= 2 * TEXT_LEN_LIMIT);
        let nested = "<div><b><i>".repeat(40_000);
        assert_eq!(page(&nested), Page::default());
        let metas = "<meta property='og:title' content='x'>".repeat(12_000);
        assert_eq!(page(&metas).title, "x");
        let attributes: String = (0..30_000).fold("<meta ".to_owned(), |text, n| text + &format!("a{n}=1 "))
            + "content=x name=description>";
        assert_eq!(page(&attributes).description, "x");
        let nulls = page("<title>a\0b</title><meta name=\"descrip\0tion\" content=x>");
        assert!(!tidy(&nulls.title, 300).contains('\0'));
        for broken in
            ["", "<", "<title", "<meta content", "&#xFFFFFFFF;<title>&#0;&#xD800;</title>", "\u{feff}"]
        {
            let _ = page(broken);
        }
    }

    #[test]
    fn the_charset_is_the_one_that_was_said_or_the_likely_one() {
        let title = |bytes: &[u8], kind: &str| read(bytes, kind).title;
        assert_eq!(title(b"<title>caf\xe9</title>", "text/html; charset=ISO-8859-1"), "café");
        assert_eq!(title(b"<meta charset='windows-1251'><title>\xcf\xf0</title>", "text/html"), "Пр");
        assert_eq!(title("<title>café</title>".as_bytes(), "text/html"), "café");
        assert_eq!(title(b"<title>caf\xe9</title>", "text/html"), "café");
        assert_eq!(title(b"<title>caf\xe9</title>", "text/html; charset=no-such-thing"), "café");
        let utf16: Vec<u8> =
            "\u{feff}<title>é</title>".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
        assert_eq!(title(&utf16, "text/html"), "é");
        // A page that was cut in the middle of a character is UTF-8 all the same.
        let cut = "<title>café</title><p>日本".as_bytes();
        assert_eq!(title(&cut[..cut.len() - 1], ""), "café");
    }

    #[test]
    fn a_text_is_cut_at_a_character_and_says_that_it_was() {
        assert_eq!(tidy("  a\t\nb \u{0} c ", 300), "a b c");
        assert_eq!(tidy("ééé", 6), "ééé");
        assert_eq!(tidy("éééé", 7), "éé…");
        for len in 3..40 {
            let text = tidy("日本語のとても長い題名 of a page", len);
            assert!(text.len() <= len, "{text} in {len}");
        }
        assert_eq!(tidy("pay\u{202e}lapyap\u{2066}x\u{200b}y", 300), "paylapyapxy");
        let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
        assert_eq!(tidy(family, 300), family);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fail(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400), kind in ".{0,40}") {
            let page = read(&bytes, &kind);
            proptest::prop_assert!(tidy(&page.title, 300).len() <= 300);
        }
    }
}
