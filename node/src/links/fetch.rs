//! One address to bytes, by a client that can be led nowhere it should not go.
//!
//! Names are resolved here, every answer is checked, and the connection goes to the very addresses that were checked: a
//! name that means something else a second later (DNS rebinding) gains nothing. A name with one private address is
//! refused whole, because honest sites have none. Each redirect is a new address and goes the whole way again.
//!
//! Nothing of the person goes along: a fixed User-Agent, no cookies, no Referer, no proxy from the environment. Nothing is
//! taken compressed, so nothing can unfold.

use std::io::Read;
use std::net::SocketAddr;
use std::time::Instant;

use ureq::config::Config;
use ureq::http::{Response, Uri, header};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use url::Url;

use super::address::is_public;
use super::limits::{CONNECT_TIME_LIMIT, HEADER_LEN_LIMIT, REDIRECT_LIMIT};

/// The same for all nodes of all people, and no version: it says what asks, not who.
const USER_AGENT: &str = "Mozilla/5.0 (compatible; Tidings link card)";
const ACCEPT: &str = "text/html,application/xhtml+xml,image/*;q=0.8,*/*;q=0.1";

/// Why nothing was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It leads into a private network.
    Private {
        /// The host that does.
        host: String,
    },
    /// It did not work; the reason, for a person.
    Failed(String),
}

/// What came.
#[derive(Debug)]
pub struct Fetched {
    /// Where it came from in the end.
    pub url: Url,
    /// Its media type, with parameters.
    pub kind: String,
    /// At most as many bytes as were asked for.
    pub bytes: Vec<u8>,
    /// Whether there were no more.
    pub is_whole: bool,
}

impl Fetched {
    /// Whether it is a page.
    pub fn is_html(&self) -> bool {
        let kind = self.kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        // A server that says nothing is believed to send pages.
        matches!(kind.as_str(), "" | "text/html" | "application/xhtml+xml")
    }
}

/// Fetches an address and what it redirects to.
///
/// # Errors
/// [`Unread`]; also for an answer that is none of success.
pub fn get(url: &Url, allow_private: bool, until: Instant, len: usize) -> Result<Fetched, Unread> {
    let mut url = url.clone();
    for _ in 0..=REDIRECT_LIMIT {
        check(&url)?;
        url.set_fragment(None);
        let response = ask(&url, allow_private, until)?;
        let status = response.status().as_u16();
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            let to = to.ok_or_else(|| Unread::Failed("it redirects to nowhere".to_owned()))?;
            url = url.join(to).map_err(|e| Unread::Failed(format!("it redirects to no address: {e}")))?;
            continue;
        }
        if !(200..300).contains(&status) {
            return Err(Unread::Failed(format!("it answered with status {status}")));
        }
        return take(url, response, len);
    }
    Err(Unread::Failed(format!("it redirects more than {REDIRECT_LIMIT} times")))
}

/// Web addresses without secrets, and no others, wherever a redirect leads.
fn check(url: &Url) -> Result<(), Unread> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Unread::Failed(format!("it leads to an address of the kind `{}`", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Unread::Failed("it leads to an address with a name or password in it".to_owned()));
    }
    Ok(())
}

fn ask(url: &Url, allow_private: bool, until: Instant) -> Result<Response<ureq::Body>, Unread> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(too_slow());
    }
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(USER_AGENT)
        .accept(ACCEPT)
        .accept_encoding("identity")
        .max_response_header_size(HEADER_LEN_LIMIT)
        .max_idle_connections(0)
        .timeout_global(Some(left))
        .timeout_resolve(Some(CONNECT_TIME_LIMIT.min(left)))
        .timeout_connect(Some(CONNECT_TIME_LIMIT.min(left)))
        .build();
    let resolver = Checked { inner: DefaultResolver::default(), allow_private };
    let agent = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver);
    agent.get(url.as_str()).call().map_err(|error| failure(url, &error))
}

fn take(url: Url, response: Response<ureq::Body>, len: usize) -> Result<Fetched, Unread> {
    let text = |name| {
        response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (kind, coding) = (text(header::CONTENT_TYPE), text(header::CONTENT_ENCODING));
    if !matches!(coding.to_ascii_lowercase().as_str(), "" | "identity") {
        return Err(Unread::Failed("it sends compressed what was asked for as it is".to_owned()));
    }
    let mut bytes = Vec::new();
    // One byte more than fits tells a whole answer from a cut one.
    let most = u64::try_from(len).unwrap_or(u64::MAX).saturating_add(1);
    let read = response.into_body().into_reader().take(most).read_to_end(&mut bytes);
    if let Err(error) = &read
        && bytes.is_empty()
    {
        return Err(Unread::Failed(format!("its answer broke off: {error}")));
    }
    let is_whole = read.is_ok() && bytes.len() <= len;
    bytes.truncate(len);
    Ok(Fetched { url, kind, bytes, is_whole })
}

/// Resolves names as the system does, and lets only public addresses through.
#[derive(Debug)]
struct Checked {
    inner: DefaultResolver,
    allow_private: bool,
}

/// A name that leads into a private network.
#[derive(Debug, thiserror::Error)]
#[error("the address lies in a private network")]
struct NotPublic;

impl Resolver for Checked {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        if self.allow_private || all_public(&found) {
            Ok(found)
        } else {
            Err(ureq::Error::Io(std::io::Error::new(std::io::ErrorKind::PermissionDenied, NotPublic)))
        }
    }
}

fn all_public(found: &[SocketAddr]) -> bool {
    found.iter().all(|address| is_public(address.ip()))
}

fn failure(url: &Url, error: &ureq::Error) -> Unread {
    match error {
        ureq::Error::Io(io) if io.get_ref().is_some_and(|inner| inner.is::<NotPublic>()) => {
            Unread::Private { host: url.host_str().unwrap_or_default().to_owned() }
        }
        ureq::Error::Timeout(_) => too_slow(),
        ureq::Error::HostNotFound => {
            Unread::Failed(format!("there is no host {}", url.host_str().unwrap_or_default()))
        }
        other => Unread::Failed(other.to_string()),
    }
}

fn too_slow() -> Unread {
    Unread::Failed("it does not answer in time".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::mpsc;
    use std::time::Duration;

    /// Questions that wait to be looked at: more than any test asks.
    const ASKED: usize = 32;

    /// A server on loopback that gives each connection the next answer; what it was asked comes back line by line.
    fn serve(answers: Vec<Vec<u8>>) -> (Url, mpsc::Receiver<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let (asked, heard) = mpsc::sync_channel(ASKED);
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let mut lines = Vec::new();
                for line in BufReader::new(&stream).lines() {
                    match line {
                        Ok(line) if !line.is_empty() => lines.push(line),
                        _ => break,
                    }
                }
                // The test may have ended, or the client may have heard enough.
                let _ = asked.send(lines);
                let _ = stream.write_all(&answer);
            }
        });
        (base, heard)
    }

    fn page(head: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    fn why(result: Result<Fetched, Unread>) -> String {
        match result {
            Err(Unread::Failed(why)) => why,
            other => panic!("it should have failed: {other:?}"),
        }
    }

    #[test]
    fn a_page_is_asked_for_once_and_is_told_nothing_of_the_person() {
        let (base, heard) = serve(vec![page("200 OK\r\nContent-Type: text/html; charset=utf-8", b"<p>hi")]);
        let url = base.join("a?b=c#part").unwrap();
        let got = get(&url, true, soon(), 100).unwrap();
        assert!(got.is_html() && got.is_whole && got.bytes == b"<p>hi");
        let lines = heard.recv().unwrap();
        assert_eq!(lines[0], "GET /a?b=c HTTP/1.1");
        let names: Vec<String> =
            lines[1..].iter().map(|line| line.split(':').next().unwrap().to_ascii_lowercase()).collect();
        for name in &names {
            assert!(
                ["host", "user-agent", "accept", "accept-encoding", "connection"].contains(&name.as_str()),
                "{name}"
            );
        }
        assert!(lines.iter().any(|line| line.ends_with(USER_AGENT)));
        assert!(heard.try_recv().is_err());
    }

    #[test]
    fn five_redirects_are_followed_and_a_sixth_is_not() {
        let hops = |count: usize| -> Vec<Vec<u8>> {
            let hop = page("302 Found\r\nLocation: /next", b"");
            std::iter::repeat_n(hop, count).chain([page("200 OK", b"there")]).collect()
        };
        let (base, _heard) = serve(hops(REDIRECT_LIMIT));
        assert_eq!(get(&base, true, soon(), 100).unwrap().bytes, b"there");
        let (base, _heard) = serve(hops(REDIRECT_LIMIT + 1));
        assert!(why(get(&base, true, soon(), 100)).contains("more than 5 times"));
    }

    #[test]
    fn a_redirect_is_checked_like_the_first_address() {
        for (to, problem) in [
            ("file:///etc/passwd", "`file`"),
            ("javascript:alert(1)", "`javascript`"),
            ("http://ada:secret@example.org/", "password"),
            ("http://", "no address"),
        ] {
            let (base, _heard) = serve(vec![page(&format!("301 Moved\r\nLocation: {to}"), b"")]);
            assert!(why(get(&base, true, soon(), 100)).contains(problem), "{to}");
        }
        let (base, _heard) = serve(vec![page("307 Temporary", b"")]);
        assert!(why(get(&base, true, soon(), 100)).contains("nowhere"));
    }

    #[test]
    fn names_with_a_private_address_among_others_are_refused() {
        let at = |text: &str| -> SocketAddr { text.parse().unwrap() };
        assert!(all_public(&[at("1.1.1.1:80"), at("[2606:4700::1111]:80")]));
        assert!(!all_public(&[at("1.1.1.1:80"), at("192.168.1.1:80")]));
        assert!(!all_public(&[at("[::1]:443"), at("1.1.1.1:443")]));
        let url = Url::parse("http://localhost:9/").unwrap();
        assert_eq!(
            get(&url, false, soon(), 100).unwrap_err(),
            Unread::Private { host: "localhost".to_owned() }
        );
    }

    #[test]
    fn as_much_as_was_asked_for_is_read_and_no_more() {
        let (base, _heard) = serve(vec![page("200 OK", &[b'x'; 100]), page("200 OK", &[b'x'; 101])]);
        let whole = get(&base, true, soon(), 100).unwrap();
        assert_eq!((whole.bytes.len(), whole.is_whole), (100, true));
        let cut = get(&base, true, soon(), 100).unwrap();
        assert_eq!((cut.bytes.len(), cut.is_whole), (100, false));
    }

    #[test]
    fn what_is_sent_compressed_or_with_endless_headers_is_not_read() {
        let endless = format!("200 OK\r\nX-Long: {}", "x".repeat(2 * HEADER_LEN_LIMIT));
        let (base, _heard) = serve(vec![
            page("200 OK\r\nContent-Encoding: gzip", b"\x1f\x8b\x08"),
            page(&endless, b"there"),
            page("404 Not Found", b"no"),
        ]);
        assert!(why(get(&base, true, soon(), 100)).contains("compressed"));
        assert!(get(&base, true, soon(), 100).is_err());
        assert!(why(get(&base, true, soon(), 100)).contains("404"));
    }

    #[test]
    fn a_server_that_is_silent_is_waited_for_only_so_long() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let begun = Instant::now();
        let result = get(&url, true, begun + Duration::from_millis(300), 100);
        assert!(why(result).contains("in time"));
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
