//! How fast the page is and how little it weighs.

use super::*;

/// What all scripts of all pages may weigh on their way, bytes, compressed: each is loaded when it is first wanted.
const SCRIPT_BYTES_LIMIT: usize = 120 * 1024;
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

/// Moments in the large home.
const MANY: usize = 10_000;
/// The first page is there, ms after the address was opened. A debug build on two busy cores; people see a tenth of it.
const FIRST_PAGE_LIMIT_MS: f64 = 5_000.0;
/// Layout shift that nobody sees; the browser's own word for good is below 0.1.
const SHIFT_LIMIT: f64 = 0.01;
/// Elements in the document, however far somebody scrolled: some dozens of moments with nine photos each, and the frame.
const ELEMENTS_LIMIT: f64 = 4_000.0;
/// How much the heap may have grown when somebody is back at the top.
const HEAP_GROWTH_LIMIT: f64 = 1.2;
/// Longest time for which the page does not answer, ms.
const LONG_TASK_LIMIT_MS: f64 = 200.0;

/// Listens before anything is drawn. An input that shifts what is beneath it is no shift of the browser's count.
const LISTEN: &str = "
    window.seen = { shift: 0, paint: 0, longest: 0, shifts: [] };
    const watch = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true });
    watch('layout-shift', (e) => { if (!e.hadRecentInput) { seen.shift += e.value; seen.shifts.push(...e.sources.map((s) => `${e.value.toFixed(4)} ${s.node?.className ?? s.node?.nodeName}`)); } });
    watch('largest-contentful-paint', (e) => { seen.paint = e.startTime; });
    watch('longtask', (e) => { seen.longest = Math.max(seen.longest, e.duration); });";

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("a number: {value}"))
}

/// Bytes of the heap once what nobody needs is gone.
fn heap(page: &Browser) -> f64 {
    page.chromium("Performance.enable", json!({}));
    page.chromium("HeapProfiler.collectGarbage", json!({}));
    page.chromium("HeapProfiler.collectGarbage", json!({}));
    let told = page.chromium("Performance.getMetrics", json!({}));
    let metrics = told["metrics"].as_array().cloned().unwrap_or_default();
    let used = metrics.iter().find(|metric| metric["name"] == "JSHeapUsedSize").expect("it is told");
    number(&used["value"])
}

/// How long somebody scrolls down. A quiet machine is at the end long before; a busy one is not, and then it has to be far.
const SCROLL_TIME: std::time::Duration = std::time::Duration::from_secs(110);
/// How far it has to be in that time, moments.
const FAR: u64 = 1_000;

/// Scrolls towards the moment with this text, in steps of so many windows, until it is on screen or the time is over: the
/// most elements on the way, and the last moment that was there.
fn scroll_to(page: &Browser, text: &str, by: f64) -> (f64, String) {
    let end = std::time::Instant::now() + SCROLL_TIME;
    let mut most: f64 = 0.0;
    let step = "const [text, by] = arguments; const frame = () => new Promise((done) => requestAnimationFrame(done));
        const told = (isThere) => [isThere, document.querySelectorAll('*').length, [...document.querySelectorAll('.said')].at(-1)?.textContent ?? ''];
        for (let n = 0; n < 12; n += 1) {
            const there = [...document.querySelectorAll('.said')].find((e) => e.textContent.startsWith(text));
            if (there && there.getBoundingClientRect().top < innerHeight * 2 && there.getBoundingClientRect().bottom > -innerHeight) return told(true);
            scrollBy({ top: innerHeight * by, behavior: 'instant' });
            await frame(); await frame();
        }
        return told(false)";
    loop {
        let told = page.run(step, &[json!(text), json!(by)]);
        most = most.max(number(&told[1]));
        if told[0] == true || std::time::Instant::now() > end {
            return (most, told[2].as_str().unwrap_or_default().to_owned());
        }
    }
}

/// How many want each core: a task that waits for one is not the page's fault. 1 on a quiet machine.
fn crowding() -> f64 {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(1.0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (load / f64::from(u32::try_from(cores).unwrap_or(1))).max(1.0)
}

/// Which of the many a moment is, by its text.
fn place(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("one of the many: {text}"))
}

#[test]
fn ten_thousand_moments_open_at_once_and_are_scrolled_to_the_end_and_back_in_bounded_space() {
    let mut node = Node::new("Ada");
    node.ok(&["init", "--name", "Ada"]);
    let photo = photo(&node.beside("."));
    support::many::fill(node.home(), &photo, MANY);
    node.start();
    let page = Browser::new(WINDOW.0, WINDOW.1);
    page.chromium("Page.addScriptToEvaluateOnNewDocument", json!({ "source": LISTEN }));
    page.open(&address(&node));
    let cards = "return document.querySelectorAll('article.moment').length >= 10 && performance.now()";
    let there = number(&page.wait("the first moments", cards, &[]));
    looks::settle(&page);
    let seen = page.run("return window.seen", &[]);
    let ready = number(
        &page.run("return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd", &[]),
    );
    let (shift, paint) = (number(&seen["shift"]), number(&seen["paint"]));
    println!(
        "measured first page of {MANY}: document {ready:.0} ms, largest paint {paint:.0} ms, ten moments {there:.0} ms, shift {shift:.4}"
    );
    assert!(
        paint < FIRST_PAGE_LIMIT_MS && ready < FIRST_PAGE_LIMIT_MS,
        "document {ready} ms, paint {paint} ms"
    );

    let before = heap(&page);
    page.run("window.seen.longest = 0", &[]);
    let begun = std::time::Instant::now();
    let (down, last) = scroll_to(&page, &format!("Moment {}.", MANY - 1), 3.0);
    let (at_end, last) = (begun.elapsed(), place(&last));
    let (back, _) = scroll_to(&page, "Moment 0.", -40.0);
    page.wait(
        "the top",
        "return [...document.querySelectorAll('.said')].some((e) => e.textContent.startsWith('Moment 0.'))",
        &[],
    );
    let most = down.max(back);
    let longest = number(&page.run("return window.seen.longest", &[]));
    let after = heap(&page);
    println!(
        "measured scrolled to moment {last} of {MANY} in {:.1} s and back: at most {most} elements, heap {:.1} → {:.1} MB, longest task {longest:.0} ms",
        at_end.as_secs_f64(),
        before / 1e6,
        after / 1e6
    );
    assert!(last >= FAR, "only to {last}");
    assert!(most < ELEMENTS_LIMIT, "{most} elements; at most {ELEMENTS_LIMIT}");
    assert!(after < before * HEAP_GROWTH_LIMIT + 1e6, "the heap grew from {before} to {after}");
    let limit = LONG_TASK_LIMIT_MS * crowding();
    assert!(longest < limit, "a task of {longest} ms; at most {limit} as busy as this machine is");
    assert!(shift < SHIFT_LIMIT, "{shift}: {}", seen["shifts"]);
    quiet(&page);
}
