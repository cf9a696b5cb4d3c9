//! Links: the card of a web page, made once, when a moment is made, by the node of whoever shares it.
//!
//! Readers fetch nothing. A page that is asked for by each reader learns who reads, when and from where; asked for once,
//! by its author, it learns that somebody somewhere may be about to share it. The card (title, description, site, picture)
//! travels in the moment.
//!
//! The idea is one straight line, and each step believes nothing of the one before:
//!
//! ```text
//! address ─ parse ───── fetch ──────────────────── page ───────────── picture ─────── Card
//!           http(s),    resolve, check, connect     charset, tokens,   fetch as the    texts cut to
//!           no secrets  to what was checked;        first of each,     page, then the  their limits
//!                       each redirect again         512 KiB            photo pipeline
//! ```
//!
//! What it does not do: run scripts, keep cookies, speak to a proxy, follow `<meta refresh>`, fetch icons or films, ask any
//! service about a page. A page that cannot be read leaves a bare card and a warning: the moment is not lost.
//!
//! Source: docs/protocol.md 3.4 (link card); docs/threat-model.md (links).

mod address;
mod fetch;
pub mod limits;
mod page;

use std::time::Instant;

use tidings::limits::{LINK_DESCRIPTION_LIMIT, LINK_SITE_LIMIT, LINK_TITLE_LIMIT, LINK_URL_LIMIT};
use tokio::sync::Semaphore;
use url::Url;

use crate::config::Links;
use crate::error::{Error, Result};
use crate::media;
use fetch::{Fetched, Unread};

/// What is said of a link.
#[derive(Debug, Clone)]
pub struct Card {
    /// The address, as it will stand in the moment.
    pub url: String,
    /// The page's title; may be empty.
    pub title: String,
    /// What the page says of itself; may be empty.
    pub description: String,
    /// The name of the site, else its host.
    pub site: String,
    /// Its picture, stripped and reduced.
    pub picture: Option<media::Photo>,
    /// Why there is no more than the address, if the page could not be read.
    pub warning: Option<String>,
}

/// Makes the card of an address; with `picture`, fetches that too.
///
/// # Errors
/// Usage for what is no address of a web page; refused if it lies in a private network or above a limit. A page that does
/// not answer is no error.
pub async fn card(config: &Links, text: &str, picture: bool) -> Result<Card> {
    static TURN: Semaphore = Semaphore::const_new(limits::FETCH_AT_ONCE_LIMIT);
    let url = parse(text)?;
    let bare = Card {
        site: page::tidy(url.host_str().unwrap_or_default(), LINK_SITE_LIMIT),
        url: url.to_string(),
        title: String::new(),
        description: String::new(),
        picture: None,
        warning: None,
    };
    if config.fetch == Some(false) {
        return Ok(bare);
    }
    let turn = TURN.acquire().await.map_err(|e| internal(&e.to_string()))?;
    let allow_private = config.allow_private.unwrap_or(false);
    // The work keeps its turn: whoever hangs up and asks again cannot have more pages fetched at a time.
    let work = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        read(&url, allow_private, picture)
    });
    let read = work.await.map_err(|e| internal(&e.to_string()))?;
    let (page, picture) = match read {
        Ok(read) => read,
        Err(Unread::Private { host }) => return Err(private(&host)),
        Err(Unread::Failed(why)) => {
            tracing::info!(why, "a link's page could not be read");
            let warning = Some(format!("the page could not be read, so its card is bare: {why}"));
            return Ok(Card { warning, ..bare });
        }
    };
    let site = page::tidy(&page.site, LINK_SITE_LIMIT);
    Ok(Card {
        title: page::tidy(&page.title, LINK_TITLE_LIMIT),
        description: page::tidy(&page.description, LINK_DESCRIPTION_LIMIT),
        site: if site.is_empty() { bare.site.clone() } else { site },
        picture: match picture {
            // A picture that is none, or too large, leaves the card without.
            Some(bytes) => media::prepare_photo(bytes).await.ok(),
            None => None,
        },
        ..bare
    })
}

/// The page and the bytes of its picture. One span of time for both.
fn read(
    url: &Url,
    allow_private: bool,
    picture: bool,
) -> std::result::Result<(page::Page, Option<Vec<u8>>), Unread> {
    let until = Instant::now() + limits::TIME_LIMIT;
    let fetched = fetch::get(url, allow_private, until, limits::PAGE_LEN_LIMIT)?;
    if !fetched.is_html() {
        // A document or a picture: there is nothing to be read from it, and nothing wrong with it.
        return Ok((page::Page::default(), None));
    }
    let Fetched { url: base, bytes, kind, .. } = fetched;
    let page = page::read(&bytes, &kind);
    let address = page.image.as_deref().filter(|_| picture).and_then(|image| base.join(image).ok());
    let picture = address.and_then(|address| {
        let got = fetch::get(&address, allow_private, until, limits::PICTURE_LEN_LIMIT).ok()?;
        got.is_whole.then_some(got.bytes)
    });
    Ok((page, picture))
}

/// An address that a moment may carry: of a web page, with no secret in it, not too long.
///
/// # Errors
/// Usage for another; refused above the limit.
fn parse(text: &str) -> Result<Url> {
    let bad = |what: String| Error::usage("bad_link", what, "give one that begins with https:// or http://");
    let text = text.trim();
    if text.len() > LINK_URL_LIMIT {
        return Err(too_long(text.len()));
    }
    let url = Url::parse(text).map_err(|e| bad(format!("{text:?} is no address of a web page: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(bad(format!("{text:?} is no address of a web page")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::usage(
            "bad_link",
            "the address holds a name or password, which every reader would see",
            "take out what stands before the @",
        ));
    }
    // Escaping may have made it longer.
    if url.as_str().len() > LINK_URL_LIMIT {
        return Err(too_long(url.as_str().len()));
    }
    Ok(url)
}

fn too_long(actual: usize) -> Error {
    Error::refused(
        "too_long",
        format!("the address of the link has {actual} bytes; at most {LINK_URL_LIMIT} are allowed"),
        "use a shorter address",
    )
    .with("limit", LINK_URL_LIMIT)
}

fn private(host: &str) -> Error {
    Error::refused(
        "private_address",
        format!("{host} leads into a private network, from where this node fetches nothing"),
        "put the address into the text, or set `fetch = false` under [links] in config.toml for bare cards",
    )
    .with("name", host)
}

fn internal(what: &str) -> Error {
    Error::failed("internal", what, "try again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings::error::Kind;

    #[test]
    fn only_addresses_of_web_pages_without_secrets_are_taken() {
        assert_eq!(parse(" https://Example.ORG/a b ").unwrap().as_str(), "https://example.org/a%20b");
        assert_eq!(
            parse("http://bücher.example/#top").unwrap().as_str(),
            "http://xn--bcher-kva.example/#top"
        );
        for bad in [
            "",
            "example.org",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "ftp://example.org",
            "data:text/html,x",
            "https://",
            "https://ada:secret@example.org",
            "https://ada@example.org",
            "gopher://127.0.0.1:70/",
        ] {
            let error = parse(bad).unwrap_err();
            assert_eq!((error.kind, error.code.as_ref()), (Kind::Usage, "bad_link"), "{bad}");
        }
    }

    #[test]
    fn an_address_of_the_limit_is_taken_and_one_byte_more_is_refused() {
        let of = |len: usize| format!("https://a.example/{}", "x".repeat(len - 18));
        assert_eq!(parse(&of(LINK_URL_LIMIT)).unwrap().as_str().len(), LINK_URL_LIMIT);
        assert_eq!(parse(&of(LINK_URL_LIMIT + 1)).unwrap_err().kind, Kind::Refused);
        // Escaped it is three times as long.
        assert_eq!(
            parse(&format!("https://a.example/{}", " x".repeat(900))).unwrap_err().kind,
            Kind::Refused
        );
    }

    #[tokio::test]
    async fn a_private_address_is_refused_before_anybody_is_connected_to() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let port = server.local_addr().unwrap().port();
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0", "127.1"] {
            let error = card(&Links::default(), &format!("http://{host}:{port}/"), true).await.unwrap_err();
            assert_eq!((error.kind, error.code.as_ref()), (Kind::Refused, "private_address"), "{host}");
        }
        assert_eq!(server.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_hangs_up_and_asks_again_gets_no_second_turn() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", silent.local_addr().unwrap());
        let config = Links { allow_private: Some(true), ..Links::default() };
        for _ in 0..limits::FETCH_AT_ONCE_LIMIT + 2 {
            let asked = card(&config, &address, false);
            assert!(tokio::time::timeout(std::time::Duration::from_millis(300), asked).await.is_err());
        }
        silent.set_nonblocking(true).unwrap();
        // They are kept open until all are counted.
        let open: Vec<_> = std::iter::from_fn(|| silent.accept().ok()).collect();
        assert!((1..=limits::FETCH_AT_ONCE_LIMIT).contains(&open.len()), "{}", open.len());
    }

    #[tokio::test]
    async fn with_fetching_switched_off_the_card_is_bare_and_nobody_is_asked() {
        let config = Links { fetch: Some(false), ..Links::default() };
        let card = card(&config, "http://127.0.0.1:1/a", true).await.unwrap();
        assert_eq!((card.site.as_str(), card.title.as_str()), ("127.0.0.1", ""));
        assert!(card.warning.is_none() && card.picture.is_none());
    }
}
