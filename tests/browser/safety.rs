//! What the page must never do, on every page: let others' text become markup, ask anybody but its own node, act for
//! somebody whose session has ended.

use super::looks::{PLACES, Place, settle};
use super::*;

/// Markup in every place where somebody can write.
const MARKUP: &str = "<img src=x onerror=ran(1)>";
/// Links that are none, and one that is.
const LINKS: &str = "javascript:ran(2) JaVaScRiPt:ran(3) data:text/html,<script>ran(4)</script> vbscript:x file:///etc/passwd \
     https://example.org/a?b=<script>ran(5)</script>&c=\"onclick=ran(6)";

/// What came of it: how often it ran, elements that nobody of ours made, and links to anything but the web.
const HARM: &str = "return {
    ran: window.harm ?? 0,
    made: [...document.querySelectorAll('img[src=\"x\"], iframe, object, embed, [onerror], [onclick], [onload], body script:not([src]):not([type=\"application/json\"])')].map((e) => e.outerHTML),
    links: [...document.querySelectorAll('a[href]')].filter((a) => !['http:', 'https:', 'tidings:'].includes(a.protocol)).map((a) => a.href),
    bare: [...document.querySelectorAll('a[href]')].filter((a) => a.origin !== location.origin && a.protocol.startsWith('http') && !(a.target === '_blank' && a.relList.contains('noopener') && a.relList.contains('noreferrer'))).map((a) => a.href),
}";

fn unharmed(page: &Browser, place: &str) {
    let harm = page.run(HARM, &[]);
    assert_eq!(harm, json!({"ran": 0, "made": [], "links": [], "bare": []}), "at {place}");
}

/// Ada's page, and Ben, who writes markup wherever he can; the ids of Ben and of his moment.
fn beset() -> ((Node, Browser), Node, String, String) {
    let (ada, page) = person("Ada");
    let ben = Node::started(MARKUP);
    befriend(&ada, &ben);
    ben.ok(&["profile", "--about", MARKUP]);
    ben.ok(&["status-set", MARKUP]);
    let about = [LINKS, "--mood", MARKUP, "--place", MARKUP, "--mention", "Ada"];
    let photo = photo(&ben.beside("."));
    let photo = photo.display().to_string();
    let posted = ben.ok(&[&["post"][..], &about, &["--photo", &photo, "--alt", MARKUP]].concat());
    let id = posted["id"].as_str().expect("an id").to_owned();
    let user = ben.user();
    has(&ada, LINKS);
    ben.ok(&["comment", &id, LINKS]);
    ben.ok(&["like", &id]);
    ada.ok(&["tag", "add", MARKUP, &user]);
    ada.ok(&["friend", "note", &user, MARKUP]);
    ada.ok(&["fave", &id]);
    ada.ok(&["post", "Mine", "--mood", MARKUP, "--place", MARKUP, "--to", &format!("tag:{MARKUP}")]);
    ((ada, page), ben, user, id)
}

#[test]
fn what_others_write_stays_text_on_every_page_and_nobody_else_is_asked() {
    let ((ada, page), _ben, user, id) = beset();
    let base = page.address().trim_end_matches('/').to_owned();
    page.chromium(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({"source": "window.ran = (n) => { window.harm = n; }"}),
    );
    let fill =
        |path: &str| path.replace("{friend}", &user).replace("{moment}", &id).replace("{me}", &ada.user());
    let mut shown = String::new();
    for Place { name, path, .. } in PLACES.iter().filter(|place| place.steps.len() < 2) {
        page.open(&format!("{base}{}", fill(path)));
        settle(&page);
        unharmed(&page, name);
        shown += &page.text();
    }
    assert!(shown.matches(MARKUP).count() > 8, "it was shown, letter for letter:\n{shown}");
    page.open(&format!("{base}/search?q=%3Cimg%20src%3Dx%20onerror%3Dran(7)%3E"));
    settle(&page);
    unharmed(&page, "a search for markup");
    // An address is somebody else's text as well.
    for path in ["/people/%3Cimg%20src=x%3E", "/moments/..%2f..%2fapi%2fv1%2fstop", "/people/%E0%A4%A"] {
        page.open(&format!("{base}{path}"));
        page.find("main h1");
        unharmed(&page, path);
    }
    page.says("main h1", "Nothing is here");
    asks_only_its_node(&page);
    let policy: Vec<String> =
        page.complaints().into_iter().filter(|line| line.contains("Content Security Policy")).collect();
    assert_eq!(policy, Vec::<String>::new());
}

/// Signs that turn the direction make of `evil.example/…` what reads as another address, and of a name what turns a sentence.
#[test]
fn what_turns_the_direction_turns_neither_an_address_nor_a_sentence() {
    let (_ada, page) = person("Ada");
    let made = "return Promise.all([import('/assets/parts/text.js'), import('/assets/parts/link-card.js'), import('/assets/lib/words.js')]).then(([text, card, words]) => {
        const [, link] = text.written('\\u202ehttps://evil.example/?moc.knab//:s\\u2066ptth');
        const small = card.linkCard({ url: 'https://evil.example/', title: 'x', description: '', site: '\\u202eknab', image: null, preview: null, thumbhash: '' }, new Set()).querySelector('small');
        return [link.textContent, link.dir, [...small.querySelectorAll('bdi')].map((part) => part.textContent).at(-1),
            words.t('moment.of', { name: '\\u202eneB\\u2069' }).includes('\\u2068neB\\u2069'), words.t('moment.of', { name: 'Ben' }).includes('\\u2068')];
    })";
    let expected = json!(["https://evil.example/?moc.knab//:s", "ltr", "evil.example", true, false]);
    assert_eq!(page.run(made, &[]), expected);
    quiet(&page);
}

#[test]
fn a_page_that_cannot_be_had_says_why_and_is_tried_again() {
    let (_ada, page) = person("Ada");
    page.run(
        "window.real = window.fetch; window.fetch = (...all) => String(all[0]).includes('/notices') ? Promise.reject(new TypeError('away')) : window.real(...all)",
        &[],
    );
    page.run("document.querySelector('a[href=\"/notices\"]').click()", &[]);
    page.says("main h1", "This page could not be opened");
    page.says("main", "The node does not answer. Is it still running?");
    page.run("window.fetch = window.real", &[]);
    page.press("main", "Try again");
    page.says("main h1", "Notices");
}

#[test]
fn a_session_that_has_ended_does_nothing_and_says_how_to_go_on() {
    let (ada, page) = person("Ada");
    page.says(".top", "Ada");
    mark(&page);
    page.write(".composer textarea", "Nobody may");
    page.find(".composer:not(.closed)");
    page.chromium("Network.clearBrowserCookies", json!({}));
    page.write(".composer textarea", " say this");
    page.press(".composer", "Share");
    page.press(".sending-bar", "Share now");
    page.wait("a word about it", "return document.body.innerText.includes('tidings open')", &[]);
    assert!(kept(&page), "what was written stays to be copied");
    assert_eq!(
        page.run("return document.querySelector('.composer textarea').value", &[]),
        "Nobody may say this"
    );
    assert_eq!(texts(&ada), Vec::<String>::new());
    // The stream of events finds out by itself.
    let offline = |offline: bool| json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    page.chromium("Network.emulateNetworkConditions", offline(true));
    page.chromium("Network.emulateNetworkConditions", offline(false));
    page.open(&page.address());
    page.says(".door", "tidings open");
}

#[test]
fn a_page_can_act_only_with_its_token_and_may_use_the_camera_and_nothing_else() {
    let (ada, page) = person("Ada");
    let send = "const token = arguments[0] ? document.querySelector('meta[name=\"tidings-token\"]').content : null;
        const headers = { 'Content-Type': 'application/json', ...(token && { 'X-Tidings-Token': token }) };
        return fetch('/api/v1/tags/work/add', { method: 'POST', headers, body: '{\"friends\":[]}' }).then((answer) => answer.status)";
    assert_eq!(page.run(send, &[json!(false)]), 403);
    assert_ne!(page.run(send, &[json!(true)]), 403);
    let allowed = "return ['camera', 'microphone', 'geolocation'].map((name) => document.featurePolicy.allowsFeature(name))";
    assert_eq!(page.run(allowed, &[]), json!([true, false, false]));
    assert_eq!(page.run("return document.cookie", &[]), "", "no script reads the session");
    assert_eq!(page.run("return [localStorage.length, sessionStorage.length]", &[]), json!([0, 0]));
    assert_eq!(ada.get("/whoami")["name"], "Ada");
}

#[test]
fn a_link_or_file_that_is_let_fall_beside_the_composer_does_not_take_the_page_away() {
    let (_ada, page) = person("Ada");
    // A browser follows what is let fall unless the page says that it has taken it; chromedriver cannot let fall for real.
    let fall = "const data = new DataTransfer();
        data.setData('text/uri-list', 'http://127.0.0.1:9/elsewhere');
        const taken = (place, kind) => !place.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
        return [document.body, document.querySelector('main'), document.querySelector('.top')].map((place) => ['dragover', 'drop'].every((kind) => taken(place, kind)))";
    assert_eq!(page.run(fall, &[]), json!([true, true, true]));
    quiet(&page);
}
