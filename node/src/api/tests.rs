//! The router as a browser, a program and a stranger meet it. None of these needs a node.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use serde_json::Value;
use tower::ServiceExt;

use super::guard::CONTENT_SECURITY_POLICY;
use super::router;
use crate::app::{App, OpenWith};
use crate::home::Home;
use crate::tokens::Scope;

struct Rig {
    _dir: tempfile::TempDir,
    app: Arc<App>,
}

/// A request in the making: method, path, headers, body.
struct Call(axum::http::request::Builder, Body);

impl Call {
    fn new(method: &str, path: &str) -> Self {
        Self(
            Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:7420"),
            Body::empty(),
        )
    }

    fn with(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value), self.1)
    }

    fn json(self, text: &str) -> Self {
        Self(self.0.header(header::CONTENT_TYPE, "application/json"), Body::from(text.to_owned()))
    }
}

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        home.create().unwrap();
        let open_with = OpenWith {
            home: home.path().to_path_buf(),
            listen: vec![],
            network: false,
            lock_wait_ms: 0,
            record: None,
        };
        let app = Arc::new(App::new(home, open_with).unwrap());
        app.set_http("127.0.0.1:7420".parse().unwrap());
        Self { _dir: dir, app }
    }

    async fn send(&self, call: Call) -> Response<Body> {
        router(Arc::clone(&self.app)).oneshot(call.0.body(call.1).unwrap()).await.unwrap()
    }

    /// Status and error code.
    async fn code(&self, call: Call) -> (u16, String) {
        let response = self.send(call).await;
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        (status, value.pointer("/error/code").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Opens a session as a browser does: the cookie and the page's token.
    async fn session(&self) -> (String, String) {
        let address = self.app.one_time_address().unwrap();
        let path = address.strip_prefix("http://127.0.0.1:7420").unwrap();
        let response = self.send(Call::new("GET", path)).await;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()[header::LOCATION], "/");
        let set = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
        let cookie = set.split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("tidings-"));
        let page = self.send(Call::new("GET", "/").with("cookie", &cookie)).await;
        assert_eq!(page.status(), StatusCode::OK);
        let page = to_bytes(page.into_body(), 1 << 20).await.unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        let token =
            page.split("name=\"tidings-token\" content=\"").nth(1).unwrap().split('"').next().unwrap();
        (cookie, token.to_owned())
    }
}

fn code(status: u16, word: &str) -> (u16, String) {
    (status, word.to_owned())
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let rig = Rig::new();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("GET", "/assets/app.js"),
        ("GET", "/assets/nowhere.js"),
        ("GET", "/api/v1/nowhere"),
        ("PUT", "/api/v1/tokens"),
        ("GET", "/api/v1/tokens"),
        ("GET", "/api/v1/openapi.json"),
        ("POST", "/api/v1/moments"),
    ] {
        for host in ["127.0.0.1:7420", "evil.example"] {
            let mut call = Call::new(method, path);
            call.0.headers_mut().unwrap().insert(header::HOST, host.parse().unwrap());
            let response = rig.send(call).await;
            let headers = response.headers();
            assert_eq!(headers["content-security-policy"], CONTENT_SECURITY_POLICY, "{method} {path} {host}");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(headers["referrer-policy"], "no-referrer");
            assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
        }
    }
    assert!(!CONTENT_SECURITY_POLICY.contains("unsafe"));
}

#[tokio::test]
async fn a_stranger_gets_nowhere() {
    let rig = Rig::new();
    for (method, path) in [
        ("GET", "/api/v1/tokens"),
        ("GET", "/api/v1/whoami"),
        ("GET", "/api/v1/timeline"),
        ("GET", "/api/v1/events"),
        ("GET", "/api/v1/onboarding"),
        ("POST", "/api/v1/stop"),
        ("POST", "/api/v1/address"),
        ("POST", "/api/v1/moments"),
        ("DELETE", "/api/v1/moments/ab"),
        ("GET", "/api/v1/blobs/ab"),
    ] {
        assert_eq!(rig.code(Call::new(method, path)).await, code(401, "no_session"), "{method} {path}");
    }
    assert_eq!(rig.send(Call::new("GET", "/")).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(rig.send(Call::new("GET", "/?key=guess")).await.status(), StatusCode::UNAUTHORIZED);
    let wrong = Call::new("GET", "/api/v1/tokens").with("authorization", "Bearer guess");
    assert_eq!(rig.code(wrong).await, code(401, "bad_token"));
}

#[tokio::test]
async fn requests_from_elsewhere_are_refused_whatever_they_carry() {
    let rig = Rig::new();
    let (cookie, token) = rig.session().await;
    let ours = || Call::new("GET", "/api/v1/tokens").with("cookie", &cookie).with("x-tidings-token", &token);
    assert_eq!(rig.send(ours()).await.status(), StatusCode::OK);
    for (name, value, word) in [
        ("origin", "http://evil.example", "cross_site"),
        ("origin", "null", "cross_site"),
        ("origin", "http://127.0.0.1:7421", "cross_site"),
        ("origin", "https://127.0.0.1:7420", "cross_site"),
        ("sec-fetch-site", "cross-site", "cross_site"),
        ("sec-fetch-site", "same-site", "cross_site"),
    ] {
        assert_eq!(rig.code(ours().with(name, value)).await, code(403, word), "{name}: {value}");
    }
    for (name, value) in
        [("origin", "http://127.0.0.1:7420"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")]
    {
        assert_eq!(rig.send(ours().with(name, value)).await.status(), StatusCode::OK, "{name}: {value}");
    }
    let mut rebound = ours();
    rebound.0.headers_mut().unwrap().insert(header::HOST, "evil.example:7420".parse().unwrap());
    assert_eq!(rig.code(rebound).await, code(403, "bad_host"));
}

#[tokio::test]
async fn a_changing_call_of_the_page_carries_its_token() {
    let rig = Rig::new();
    let (cookie, token) = rig.session().await;
    let revoke = || Call::new("DELETE", "/api/v1/tokens/x").with("cookie", &cookie);
    assert_eq!(rig.code(revoke()).await, code(403, "no_page_token"));
    assert_eq!(rig.code(revoke().with("x-tidings-token", "guess")).await, code(403, "no_page_token"));
    let (_, other) = rig.session().await;
    assert_eq!(rig.code(revoke().with("x-tidings-token", &other)).await, code(403, "no_page_token"));
    assert_eq!(rig.code(revoke().with("x-tidings-token", &token)).await, code(404, "no_such_token"));
}

#[tokio::test]
async fn a_one_time_address_works_once_and_then_leads_to_the_page() {
    let rig = Rig::new();
    let address = rig.app.one_time_address().unwrap();
    let path = address.strip_prefix("http://127.0.0.1:7420").unwrap();
    let first = rig.send(Call::new("GET", path)).await;
    let cookie = first.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let again = rig.send(Call::new("GET", path)).await;
    assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
    assert!(again.headers().get(header::SET_COOKIE).is_none());
    let known = rig.send(Call::new("GET", path).with("cookie", &cookie)).await;
    assert_eq!(known.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_of_another_node_on_this_host_is_none_here() {
    let (here, there) = (Rig::new(), Rig::new());
    let (cookie, _) = there.session().await;
    assert_eq!(
        here.code(Call::new("GET", "/api/v1/tokens").with("cookie", &cookie)).await,
        code(401, "no_session")
    );
    let (own, _) = here.session().await;
    let both = format!("{cookie}; {own}");
    assert_eq!(
        here.send(Call::new("GET", "/api/v1/tokens").with("cookie", &both)).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_programs_token_opens_what_its_scope_says() {
    let rig = Rig::new();
    let now = tidings::time::Timestamp::ZERO;
    for (scope, name) in [(Scope::Read, "r"), (Scope::Post, "p"), (Scope::ShareIn, "s")] {
        let (_, secret) = rig.app.tokens.add(name, [scope].into(), now).unwrap();
        let bearer = format!("Bearer {secret}");
        for (method, path) in [
            ("GET", "/api/v1/tokens"),
            ("POST", "/api/v1/stop"),
            ("POST", "/api/v1/address"),
            ("GET", "/api/v1/onboarding"),
            ("PUT", "/api/v1/onboarding/later"),
            ("POST", "/api/v1/invites/read"),
            ("DELETE", "/api/v1/friends/x"),
        ] {
            let call = Call::new(method, path).with("authorization", &bearer);
            assert_eq!(rig.code(call).await, code(403, "scope_missing"), "{name} {method} {path}");
        }
        if scope != Scope::Read {
            let call = Call::new("GET", "/api/v1/timeline").with("authorization", &bearer);
            assert_eq!(rig.code(call).await, code(403, "scope_missing"), "{name}");
        }
        if scope != Scope::Post {
            let call = Call::new("PUT", "/api/v1/moments/ab/like").with("authorization", &bearer);
            assert_eq!(rig.code(call).await, code(403, "scope_missing"), "{name}");
        }
    }
    let (_, secret) = rig.app.tokens.add("q", [Scope::Post].into(), now).unwrap();
    for (method, path, body) in [
        ("POST", "/api/v1/moments/abcd/share", r#"{"private":true}"#),
        ("PUT", "/api/v1/moments/abcd/audience", r#"{"private":true}"#),
    ] {
        let call = Call::new(method, path).with("authorization", &format!("Bearer {secret}")).json(body);
        assert_eq!(rig.code(call).await, code(403, "scope_missing"), "its answer is read: {path}");
    }
    let (_, secret) = rig.app.tokens.add("t", [Scope::ShareIn].into(), now).unwrap();
    let dry = Call::new("POST", "/api/v1/moments?dry_run=true").json("{}");
    assert_eq!(
        rig.code(dry.with("authorization", &format!("Bearer {secret}"))).await,
        code(403, "scope_missing")
    );
}

#[tokio::test]
async fn an_upload_that_falls_silent_gives_its_turn_back() {
    let rig = Rig::new();
    for _ in 0..crate::limits::UPLOADS_AT_ONCE_LIMIT + 1 {
        let begun = "--x\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\nabc";
        let sent = futures::stream::iter([std::io::Result::Ok(begun)]);
        let silent = futures::StreamExt::chain(sent, futures::stream::pending());
        let request = Request::builder().header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        let request = request.body(Body::from_stream(silent)).unwrap();
        let form = <axum::extract::Multipart as axum::extract::FromRequest<()>>::from_request(request, &());
        let mut form = form.await.unwrap();
        let taken = super::upload::take_form(&rig.app, &mut form, &["photo"]).await;
        assert_eq!(taken.unwrap_err().code, "upload_silent");
    }
    assert_eq!(rig.app.uploads.available_permits(), crate::limits::UPLOADS_AT_ONCE_LIMIT);
}

#[tokio::test]
async fn a_picture_that_falls_silent_gives_its_turn_back() {
    let rig = Rig::new();
    for _ in 0..crate::limits::UPLOADS_AT_ONCE_LIMIT + 1 {
        let sent = futures::stream::iter([std::io::Result::Ok("abc")]);
        let silent = Body::from_stream(futures::StreamExt::chain(sent, futures::stream::pending()));
        let call = Call(Call::new("POST", "/api/v1/invites/read").0, silent);
        let call = call.with("authorization", &format!("Bearer {}", rig.app.control()));
        let taken = tokio::time::timeout(std::time::Duration::from_secs(20), rig.code(call)).await;
        assert_eq!(taken.expect("an answer").1, "upload_silent");
    }
    assert_eq!(rig.app.uploads.available_permits(), crate::limits::UPLOADS_AT_ONCE_LIMIT);
}

#[tokio::test]
async fn what_is_not_there_is_a_json_error() {
    let rig = Rig::new();
    assert_eq!(rig.code(Call::new("GET", "/api/v1/nowhere")).await, code(404, "no_such_path"));
    assert_eq!(rig.code(Call::new("GET", "/api/v2/whoami")).await, code(404, "no_such_path"));
    assert_eq!(rig.code(Call::new("PUT", "/api/v1/tokens")).await, code(405, "no_such_method"));
    assert_eq!(rig.code(Call::new("DELETE", "/api/v1/moments")).await, code(405, "no_such_method"));
}

#[tokio::test]
async fn malformed_input_is_named_and_nothing_fails() {
    let rig = Rig::new();
    let control = format!("Bearer {}", rig.app.control());
    for (call, expected) in [
        (Call::new("POST", "/api/v1/tokens").json("{"), code(400, "bad_json")),
        (
            Call::new("POST", "/api/v1/tokens").json(r#"{"name":"x","scopes":["read"],"more":1}"#),
            code(400, "bad_json"),
        ),
        (Call::new("POST", "/api/v1/tokens").json(r#"{"name":"x","scopes":["all"]}"#), code(400, "bad_json")),
        (Call::new("POST", "/api/v1/tokens"), code(415, "not_json")),
        (Call::new("GET", "/api/v1/timeline?limit=x"), code(400, "bad_query")),
        (Call::new("GET", "/api/v1/timeline?lmit=3"), code(400, "bad_query")),
        (Call::new("GET", "/api/v1/timeline?limit=0"), code(400, "bad_limit")),
        (Call::new("GET", "/api/v1/timeline?since=yesterday"), code(400, "bad_time")),
        (Call::new("GET", "/api/v1/blobs/xyz"), code(400, "bad_id")),
        (Call::new("GET", "/api/v1/friends/%ff"), code(400, "bad_path")),
    ] {
        assert_eq!(rig.code(call.with("authorization", &control)).await, expected);
    }
}

#[tokio::test]
async fn the_document_needs_no_token_and_names_every_route() {
    let rig = Rig::new();
    let response = rig.send(Call::new("GET", "/api/v1/openapi.json")).await;
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let source = include_str!("../api.rs");
    let routes: Vec<&str> =
        source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(routes.len() > 25);
    for route in &routes {
        assert!(paths.contains_key(&format!("/api/v1{route}")), "{route} is not in the document");
    }
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let concrete = path
                .replace("{who}", "x")
                .replace("{id}", "x")
                .replace("{tag}", "x")
                .replace("{name}", "x")
                .replace("{file}", "x");
            let (status, word) = rig.code(Call::new(&method.to_uppercase(), &concrete)).await;
            let open = path.ends_with("openapi.json");
            assert_eq!(
                (status, word.as_str()),
                if open { (200, "") } else { (401, "no_session") },
                "{method} {path}"
            );
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn granted_tokens_are_shown_once() {
    let rig = Rig::new();
    let control = format!("Bearer {}", rig.app.control());
    let add = Call::new("POST", "/api/v1/tokens").json(r#"{"name":"blog","scopes":["read"]}"#);
    let response = rig.send(add.with("authorization", &control)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let granted: Value =
        serde_json::from_slice(&to_bytes(response.into_body(), 1 << 16).await.unwrap()).unwrap();
    let secret = granted["token"].as_str().unwrap();
    let response = rig.send(Call::new("GET", "/api/v1/tokens").with("authorization", &control)).await;
    let text = String::from_utf8(to_bytes(response.into_body(), 1 << 16).await.unwrap().to_vec()).unwrap();
    assert!(text.contains("blog") && !text.contains(secret));
}

/// Whether `value` has the shape that a schema of the document describes: every field known, every required one there.
fn conforms(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
        return conforms(document, schema, value, at);
    }
    if let Some(any) = schema["oneOf"].as_array() {
        let chosen = any.iter().find(|one| (one["type"] == "null") == value.is_null());
        return conforms(document, chosen.unwrap_or_else(|| panic!("{at}: {value}")), value, at);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    assert!(types.contains(&Value::from(kind)), "{at} is {kind}, not {}", schema["type"]);
    match value {
        Value::Array(items) => items.iter().for_each(|item| conforms(document, &schema["items"], item, at)),
        Value::Object(fields) => {
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(required.as_str().unwrap()), "{at} lacks {required}");
            }
            for (key, field) in fields {
                let known = schema["properties"].get(key);
                conforms(
                    document,
                    known.unwrap_or_else(|| panic!("{at}.{key} is not described")),
                    field,
                    &format!("{at}.{key}"),
                );
            }
        }
        _ => {}
    }
}

#[test]
fn what_the_library_writes_is_what_the_document_describes() {
    use tidings::view as v;
    let document = serde_json::to_value(<super::document::Document as utoipa::OpenApi>::openapi()).unwrap();
    let check = |name: &str, value: Value| {
        conforms(&document, &document["components"]["schemas"][name], &value, name)
    };
    let person = || v::Person { id: tidings::id::UserId::from_bytes([1; 32]), name: "Ben".into() };
    let (entry, blob) = (tidings::id::EntryId::from_bytes([2; 32]), tidings::id::BlobId::from_bytes([3; 32]));
    let at = tidings::time::Timestamp::ZERO;
    let named = || v::TagsAndPeople { tags: vec!["work".into()], people: vec![person()] };
    let audience = v::Audience { rule: v::RuleKind::Only, named: named(), except: Some(named()) };
    let full = v::Moment {
        id: entry,
        author: v::Author { id: person().id, name: "Ada".into(), me: true, avatar: Some(blob) },
        created_at: at,
        received_at: at,
        kind: "post",
        text: "x".into(),
        photos: vec![v::Photo {
            id: blob,
            mime: "image/jpeg",
            width: 1,
            height: 1,
            bytes: 1,
            alt: None,
            preview: Some(blob),
            thumbhash: vec![1],
        }],
        video: None,
        link: Some(v::Link {
            url: "https://x".into(),
            title: "x".into(),
            description: String::new(),
            site: "x".into(),
            image: Some(blob),
            preview: None,
            thumbhash: vec![1],
        }),
        place: Some(v::Place { name: "x".into(), lat: Some(1.5), lon: None, precision: "area" }),
        mood: Some(v::Mood { emoji: "x".into(), text: String::new() }),
        mentions: vec![person()],
        shareable: false,
        shared_from: Some(v::SharedFrom {
            id: person().id,
            name: "Ben".into(),
            known: false,
            created_at: at,
            text: "x".into(),
            link: None,
            place: None,
            mood: Some(v::Mood { emoji: "x".into(), text: "y".into() }),
            device_revoked: false,
        }),
        card: None,
        app: None,
        sponsored: None,
        likes: vec![person()],
        liked_by_me: true,
        comments: vec![v::Comment {
            id: entry,
            author: person(),
            text: "x".into(),
            reply_to: Some(entry),
            created_at: at,
            hidden: true,
        }],
        audience: Some(audience.clone()),
        delivery: Some(v::Delivery { may_read: 2, have: 1, withdrawn: Some(1) }),
        pinned: false,
        faved: false,
        muted: false,
        missing: vec![blob],
    };
    let bare = v::Moment { audience: None, delivery: None, place: None, shared_from: None, ..full.clone() };
    for language in [None, Some("en".to_owned())] {
        check("Settings", serde_json::to_value(v::Settings { language, desktop: "off" }).unwrap());
    }
    let month = v::MonthCount { month: at.month(), moments: 1 };
    let (months, pinned) = (vec![month], vec![full.clone()]);
    let album =
        v::Album { person: person(), months, pinned, moments: vec![full.clone()], next: Some("x".into()) };
    check("Album", serde_json::to_value(album).unwrap());
    let moved =
        v::AudienceChange { moment: full.clone(), taken_from: vec![person()], given_to: vec![person()] };
    check("Moment", serde_json::to_value(moved).unwrap());
    let line = || v::StatusLine { text: "x".into(), emoji: String::new(), until: at };
    let posted = super::links::Posted { moment: full.clone(), warnings: vec!["x".into()] };
    check("Moment", serde_json::to_value(posted).unwrap());
    let page = v::Page { moments: vec![full, bare.clone()], next: None, reached: Some(at) };
    check("Page", serde_json::to_value(page).unwrap());
    let friend = v::Friend {
        id: person().id,
        name: "Ben".into(),
        own_name: "Ben".into(),
        about: String::new(),
        avatar: Some(blob),
        cover: None,
        status: Some(line()),
        note: String::new(),
        tags: vec!["work".into()],
        since: at,
        verified: false,
        online: true,
        path: Some(tidings::link::Path::Direct),
        last_seen: None,
        chats_only: false,
        hide_mine: false,
        hide_theirs: false,
        blocked: false,
        introduced_by: Some(person()),
        muted: false,
        window_days: 3,
    };
    check("Friends", serde_json::json!({"friends": [friend.clone()], "blocked": [person()]}));
    let accepted = v::Accepted { state: "friends", id: person().id, friend: Some(friend) };
    check("Accepted", serde_json::to_value(accepted).unwrap());
    let request = v::Request {
        id: person().id,
        name: "x".into(),
        expected: None,
        via: "introduction",
        by: Some(person()),
        confirmed: false,
        moments: 1,
        at,
    };
    check("Requests", serde_json::json!({"requests": [request.clone()]}));
    let shown = v::RequestShown { request, moments: vec![bare.clone()] };
    check("RequestShown", serde_json::to_value(shown).unwrap());
    check("Introduced", serde_json::json!({"ok": true, "id": "00", "people": [person()]}));
    check(
        "Safety",
        serde_json::to_value(v::Safety { friend: person(), words: vec!["a"], verified: true }).unwrap(),
    );
    check("Tags", serde_json::json!({"tags": [v::Tag { name: "x".into(), friends: vec![person()] }]}));
    let notice = v::Notice {
        id: entry,
        kind: v::NoticeKind::Reply,
        from: person(),
        moment: entry,
        comment: Some(entry),
        text: "x".into(),
        at,
        read: false,
    };
    let notices = v::Notices { notices: vec![notice], unread: 1, next: None };
    check("Notices", serde_json::to_value(notices).unwrap());
    let run = v::DryRun {
        audience,
        may_read: 1,
        people: vec![person()],
        left_out: vec![v::LeftOut { id: person().id, name: "x".into(), why: "excluded" }],
        strangers: 1,
    };
    check("DryRun", serde_json::to_value(&run).unwrap());
    let would = v::AudienceDryRun { readers: run, taken_from: vec![person()], given_to: vec![person()] };
    check("DryRun", serde_json::to_value(would).unwrap());
    let privacy = v::Privacy {
        window: "3d",
        window_days: 3,
        strangers: 10,
        hide_mine_from: vec![person()],
        hide_theirs: vec![],
        chats_only: vec![person()],
    };
    check("Privacy", serde_json::to_value(privacy).unwrap());
    let who =
        v::WhoState { id: person().id, name: "x".into(), state: "have", by: vec![person()], last_seen: None };
    check("Who", serde_json::to_value(v::Who { people: vec![who], withdrawn: true }).unwrap());
    check(
        "Profile",
        serde_json::to_value(v::Profile {
            name: "x".into(),
            about: String::new(),
            avatar: None,
            cover: Some(blob),
            status: None,
            window_days: 0,
        })
        .unwrap(),
    );
    let me = v::Whoami {
        user: person().id,
        name: "x".into(),
        device: tidings::id::DeviceId::from_bytes([4; 32]),
        avatar: Some(blob),
        cover: None,
        status: Some(line()),
        home: "/".into(),
    };
    check("Whoami", serde_json::to_value(me).unwrap());
    let mut status = serde_json::json!({"running": true, "http": null});
    let inner = v::Status {
        listen: vec!["/ip4/127.0.0.1/tcp/1".into()],
        peers: vec![v::Peer { friend: person(), path: tidings::link::Path::Lan, since: at }],
        waiting: vec![v::Waiting { friend: person(), parcels: 1, moments: 1 }],
        disk: v::Disk { friends: vec![v::FriendBytes { friend: person(), bytes: 1 }], ..v::Disk::default() },
    };
    super::node::merge(&mut status, &serde_json::to_value(inner).unwrap());
    check("Status", status);
    let error = crate::error::Error::usage("x", "y", "z").to_json();
    check("Failure", error);
    check("Limits", super::limits::said(15_000, true));
    let kept = v::KeptDraft {
        id: tidings::id::DraftId::from_bytes([5; 16]),
        saved_at: at,
        words: serde_json::to_string(&super::moments::Draft::default()).unwrap(),
        files: vec![v::DraftFile { id: blob, part: v::Part::Photo, mime: "image/jpeg".into(), bytes: 1 }],
    };
    check("KeptDrafts", serde_json::json!({"drafts": [super::drafts::shown(kept).unwrap()]}));
}
