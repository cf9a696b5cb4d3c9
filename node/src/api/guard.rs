//! Who is calling, and whether they may: decided for every request before a handler sees it.
//!
//! The node listens on loopback, where every program of the machine and every web page in the person's browser can knock.
//! So, in this order:
//!
//! 1. `Host` must be 127.0.0.1, [::1] or localhost, any port: a foreign name that was made to point here (DNS rebinding)
//!    is refused. Any port, because tunnels change it.
//! 2. `Origin` and `Sec-Fetch-Site`, where a browser sends them, must say that our own page asks.
//! 3. A bearer token: the command line's own, or a program's with its scopes.
//! 4. A session cookie; a call that changes something also carries the page's token.
//!
//! What a caller may do is asked by the handler through its [`Permit`]: there is no way to the node without one.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tidings::client::Client;

use crate::app::App;
use crate::error::{Error, Result};
use crate::tokens::{Scope, hash_of};

/// Header with the page's token.
pub const PAGE_TOKEN_HEADER: &str = "x-tidings-token";

/// What every answer says to the browser: nothing from elsewhere, nothing inline, nobody may frame it.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody we know.
    Nobody,
    /// The person, by a browser session.
    Session,
    /// The person, by the command line.
    Control,
    /// Another program.
    Program(BTreeSet<Scope>),
}

/// Decides who is calling.
///
/// # Errors
/// 403 for a request that no page of ours makes, 401 for a token that is none.
pub fn judge(app: &App, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Caller> {
    let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    check_host(host)?;
    check_site(host, method, uri, headers)?;
    if let Some(bearer) = bearer(headers) {
        if app.is_control(bearer) {
            return Ok(Caller::Control);
        }
        return app.tokens.scopes_of(bearer).map(Caller::Program).ok_or_else(|| {
            Error::refused("bad_token", "this token is not known here", "grant one with `tidings token add`")
                .with_status(401)
        });
    }
    let Some(page_token) = session(app, headers) else { return Ok(Caller::Nobody) };
    if changes(method) {
        let sent = headers.get(PAGE_TOKEN_HEADER).and_then(|t| t.to_str().ok()).unwrap_or_default();
        if hash_of(sent) != hash_of(&page_token) {
            return Err(Error::refused("no_page_token", "the page's token is missing", "reload the page"));
        }
    }
    Ok(Caller::Session)
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

fn check_host(host: &str) -> Result<()> {
    let host = host.to_ascii_lowercase();
    let port = ["127.0.0.1", "localhost", "[::1]"].iter().find_map(|name| host.strip_prefix(name));
    let is_ours = match port {
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()),
        None => false,
    };
    if is_ours {
        return Ok(());
    }
    Err(Error::refused(
        "bad_host",
        "the address of this request does not name this machine",
        "open the web app as 127.0.0.1, [::1] or localhost",
    ))
}

fn check_site(host: &str, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<()> {
    let foreign = || {
        Error::refused(
            "cross_site",
            "another site made this request",
            "open the web app itself, with the address that `tidings open` prints",
        )
    };
    if let Some(origin) = headers.get(header::ORIGIN) {
        let ours = origin.to_str().ok().and_then(|o| o.strip_prefix("http://"));
        if !ours.is_some_and(|o| o.eq_ignore_ascii_case(host)) {
            return Err(foreign());
        }
    }
    let fetched = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    match fetched("sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        // Following a link to the page itself shows nothing to the site that holds the link.
        Some(_)
            if *method == Method::GET
                && uri.path() == "/"
                && fetched("sec-fetch-mode") == Some("navigate") =>
        {
            Ok(())
        }
        Some(_) => Err(foreign()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The page token of the session whose cookie came along.
pub fn session(app: &App, headers: &HeaderMap) -> Option<String> {
    let names = [app.cookie_name(), app.setup_cookie().to_owned()];
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| names.iter().any(|known| known == name))
        .find_map(|(_, value)| app.sessions.page_token(value))
}

/// The `Set-Cookie` value of a session.
pub fn cookie(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict")
}

/// Judges each request, and puts the security headers on each answer.
pub async fn watch_the_door(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let mut response = match judge(&app, request.method(), request.uri(), request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("permissions-policy", "camera=(self), microphone=(), geolocation=()"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = axum::http::StatusCode::from_u16(self.http_status())
            .unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
        (status, axum::Json(self.to_json())).into_response()
    }
}

/// What a handler asks of its caller.
pub trait Need {
    /// Scopes of which a program needs one; empty = only the person.
    const SCOPES: &'static [Scope];
}

/// Look.
#[derive(Debug)]
pub struct Read;
/// Post, like, comment, withdraw.
#[derive(Debug)]
pub struct Post;
/// Share a moment.
#[derive(Debug)]
pub struct ShareIn;
/// Be the person.
#[derive(Debug)]
pub struct Person;

impl Need for Read {
    const SCOPES: &'static [Scope] = &[Scope::Read];
}
impl Need for Post {
    const SCOPES: &'static [Scope] = &[Scope::Post];
}
impl Need for ShareIn {
    const SCOPES: &'static [Scope] = &[Scope::Post, Scope::ShareIn];
}
impl Need for Person {
    const SCOPES: &'static [Scope] = &[];
}

/// The caller may do what `N` says.
pub struct Permit<N> {
    /// Shared state.
    pub app: Arc<App>,
    /// Who it is.
    pub caller: Caller,
    need: PhantomData<N>,
}

impl<N> Permit<N> {
    /// The node.
    ///
    /// # Errors
    /// Not here, while there is no identity.
    pub async fn client(&self) -> Result<Client> {
        self.app.client().await
    }

    /// The node, where friends have to be reached.
    ///
    /// # Errors
    /// Not here, without an identity or without the network.
    pub async fn online(&self) -> Result<Client> {
        if self.app.has_network() { self.client().await } else { Err(crate::app::no_node(&self.app.home)) }
    }
}

/// Whether a caller may do what needs one of `scopes`.
///
/// # Errors
/// 401 for nobody, 403 for a program without the scope.
pub fn allow(caller: &Caller, scopes: &[Scope]) -> Result<()> {
    match caller {
        Caller::Session | Caller::Control => Ok(()),
        Caller::Program(has) if scopes.iter().any(|scope| has.contains(scope)) => Ok(()),
        Caller::Program(_) => Err(Error::refused(
            "scope_missing",
            "this token does not allow that",
            "grant one with the scope it needs: `tidings token add NAME --scope …`",
        )),
        Caller::Nobody => Err(Error::refused(
            "no_session",
            "this page has no session with the node",
            "open the address that `tidings open` prints",
        )
        .with_status(401)),
    }
}

impl<N: Need> FromRequestParts<Arc<App>> for Permit<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or(Caller::Nobody);
        allow(&caller, N::SCOPES)?;
        Ok(Self { app: Arc::clone(app), caller, need: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        for good in ["127.0.0.1", "127.0.0.1:7420", "localhost:1", "LOCALHOST", "[::1]", "[::1]:65535"] {
            assert!(check_host(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:7420",
            "127.0.0.2",
            "::1",
            "[::1",
            "[::1]x",
            "[::1].evil.example",
            "localhost:x",
            "localhost:65536",
            "[127.0.0.1]",
            "0.0.0.0",
        ] {
            assert_eq!(check_host(bad).map_err(|e| e.code.into_owned()), Err("bad_host".to_owned()), "{bad}");
        }
    }

    #[test]
    fn a_program_may_do_what_its_scopes_say_and_no_more() {
        let program = |scope| Caller::Program([scope].into());
        for (caller, read, post, share, person) in [
            (program(Scope::Read), true, false, false, false),
            (program(Scope::Post), false, true, true, false),
            (program(Scope::ShareIn), false, false, true, false),
            (Caller::Session, true, true, true, true),
            (Caller::Control, true, true, true, true),
            (Caller::Nobody, false, false, false, false),
        ] {
            let may = |scopes| allow(&caller, scopes).is_ok();
            assert_eq!(
                (may(Read::SCOPES), may(Post::SCOPES), may(ShareIn::SCOPES), may(Person::SCOPES)),
                (read, post, share, person),
                "{caller:?}"
            );
        }
    }
}
