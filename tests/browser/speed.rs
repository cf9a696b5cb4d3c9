//! How fast the page is and how little it weighs.

use super::*;

/// What all scripts of all pages may weigh on their way, bytes, compressed: each is loaded when it is first wanted.
const SCRIPT_BYTES_LIMIT: usize = 160 * 1024;
/// What those of the first page may weigh.
const FIRST_PAGE_BYTES_LIMIT: usize = 60 * 1024;

/// An answer of the node as it travels: status, headers, bytes.
struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Asks a node's door for a path as a browser does.
fn ask(node: &Node, path: &str, headers: &[(&str, &str)]) -> Answer {
    let http = node.get("/status")["http"].as_str().expect("it listens").to_owned();
    let mut request = ureq::get(format!("http://{http}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.config().http_status_as_error(false).proxy(None).build().call().expect("an answer");
    let (parts, body) = answer.into_parts();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut body.into_reader(), &mut bytes).expect("its bytes");
    Answer { status: parts.status.as_u16(), headers: parts.headers, bytes }
}

/// The scripts of the page, as their addresses.
fn scripts() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/assets");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "js") {
                let inside = path.strip_prefix(&root).expect("below it").to_string_lossy().replace('\\', "/");
                found.push(format!("/assets/{inside}"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn scripts_and_styles_travel_compressed_and_once_and_answers_of_the_api_never_compressed() {
    let mut node = Node::new("Ada");
    node.ok(&["init", "--name", "Ada"]);
    node.start();
    let mut sum = 0;
    for path in scripts() {
        let answer = ask(&node, &path, &[("accept-encoding", "gzip")]);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "text/javascript; charset=utf-8"),
            "{path}"
        );
        sum += answer.bytes.len();
        let tag = answer.header("etag").to_owned();
        let again = ask(&node, &path, &[("accept-encoding", "gzip"), ("if-none-match", &tag)]);
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path} has not changed");
    }
    println!("measured all scripts, compressed: {sum} bytes of {SCRIPT_BYTES_LIMIT}");
    assert!(
        sum < SCRIPT_BYTES_LIMIT,
        "all scripts weigh {sum} bytes compressed; at most {SCRIPT_BYTES_LIMIT}"
    );

    let plain = ask(&node, "/assets/page.css", &[]);
    let packed = ask(&node, "/assets/page.css", &[("accept-encoding", "gzip")]);
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"));
    assert!(packed.bytes.len() * 2 < plain.bytes.len(), "{} of {}", packed.bytes.len(), plain.bytes.len());
    assert_eq!(packed.header("vary"), "accept-encoding");

    let token = node.bearer();
    let secret =
        ask(&node, "/api/v1/openapi.json", &[("accept-encoding", "gzip"), ("authorization", &token)]);
    assert_eq!((secret.status, secret.header("content-encoding")), (200, ""), "the API compresses nothing");
    assert!(secret.bytes.len() > 10_000);
}

#[test]
fn the_first_page_loads_no_script_that_only_others_need() {
    let (ada, page) = person("Ada");
    let mut loaded: Vec<String> = page.requests();
    loaded.retain(|url| url.ends_with(".js"));
    loaded.sort();
    loaded.dedup();
    let path = |url: &String| url.splitn(4, '/').nth(3).map(|rest| format!("/{rest}")).unwrap_or_default();
    let paths: Vec<String> = loaded.iter().map(path).collect();
    assert!(paths.iter().any(|path| path == "/assets/pages/timeline.js"), "{paths:?}");
    assert!(!paths.iter().any(|path| path == "/assets/pages/person.js"), "{paths:?}");
    let sum: usize =
        paths.iter().map(|path| ask(&ada, path, &[("accept-encoding", "gzip")]).bytes.len()).sum();
    println!("measured scripts of the first page, compressed: {sum} bytes of {FIRST_PAGE_BYTES_LIMIT}");
    assert!(sum < FIRST_PAGE_BYTES_LIMIT, "{sum} bytes compressed: {paths:?}");
    quiet(&page);
}

#[test]
fn the_page_can_be_installed() {
    let (_ada, page) = person("Ada");
    let told = page.chromium("Page.getAppManifest", json!({}));
    assert_eq!(told["errors"], json!([]), "{told}");
    let manifest: Value =
        serde_json::from_str(told["data"].as_str().unwrap_or_default()).expect("it was fetched");
    assert_eq!(manifest["display"], "standalone");
    let errors = page.chromium("Page.getInstallabilityErrors", json!({}));
    assert_eq!(errors["installabilityErrors"], json!([]));
    quiet(&page);
}
