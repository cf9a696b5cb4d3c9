//! The timeline and what stands on a card: everything a moment can hold, what can be done with it, the viewer, and a list
//! that stays small and still however long it is.

use std::time::{Duration, Instant};

use super::support::moments::{fill, post, wait_moment};
use super::support::wait_connected;
use super::*;

/// Two friends with a session to each other, and a page of each.
fn two() -> [(Node, Browser); 2] {
    let ((ada, ada_page), (ben, ben_page)) = (person("Ada"), person("Ben"));
    befriend(&ada, &ben);
    wait_connected(&ada, &ben);
    [(ada, ada_page), (ben, ben_page)]
}

/// The card of a moment, for CSS.
fn on(id: &str, css: &str) -> String {
    format!("article[data-id=\"{id}\"] {css}")
}

/// Chooses from the menu of a card.
fn choose(page: &Browser, id: &str, item: &str) {
    page.press(&on(id, ".acts"), "More about this moment");
    page.press(&on(id, ".menu"), item);
}

/// Presses a key where the focus is.
fn key(page: &Browser, key: &str) {
    for kind in ["rawKeyDown", "keyUp"] {
        let code = match key {
            "ArrowDown" => 40,
            "ArrowRight" => 39,
            "End" => 35,
            "Escape" => 27,
            "Enter" => 13,
            _ => 0,
        };
        page.chromium(
            "Input.dispatchKeyEvent",
            json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}),
        );
    }
}

/// Where the top of an element is on screen.
fn top(page: &Browser, css: &str) -> f64 {
    page.find(css);
    let top =
        page.run("return document.querySelector(arguments[0]).getBoundingClientRect().top", &[json!(css)]);
    top.as_f64().expect("a number")
}

fn scroll(page: &Browser, to: u32) {
    page.run("window.scrollTo(0, arguments[0])", &[json!(to)]);
}

fn count(page: &Browser, css: &str) -> u64 {
    page.run("return document.querySelectorAll(arguments[0]).length", &[json!(css)])
        .as_u64()
        .unwrap_or_default()
}

#[test]
fn a_card_shows_everything_a_moment_holds_and_nothing_of_it_is_markup() {
    let [(ada, ada_page), (_ben, page)] = two();
    let text = "See https://example.org/a_(b). @Ben, not javascript:alert(1) nor http://";
    let first = post(
        &ada,
        &[
            text,
            "--mention",
            "Ben",
            "--mood",
            "content",
            "--mood-emoji",
            "🙂",
            "--place",
            "The <b>harbour</b>",
        ],
    );
    page.says(&on(&first, ".said"), text);
    let links = page.run(
        "return [...document.querySelectorAll(arguments[0])].map((link) => [link.href, link.rel, link.target, link.textContent])",
        &[json!(on(&first, ".said a[target]"))],
    );
    let one = ["https://example.org/a_(b)", "noopener noreferrer", "_blank", "https://example.org/a_(b)"];
    assert_eq!(links, json!([one]), "one address is a link, the bracket that it opens belongs to it");
    page.says(&on(&first, ".said a.name"), "@Ben");
    page.says(&on(&first, ".moment-head"), "mentions you");
    page.says(&on(&first, ".around"), "🙂 content");
    page.says(&on(&first, ".around"), "The <b>harbour</b>");
    let time = page.run(
        "const time = document.querySelector(arguments[0]); return [time.textContent, time.title.length > 10, time.closest('a').pathname]",
        &[json!(on(&first, "time"))],
    );
    assert_eq!(time, json!(["just now", true, format!("/moments/{first}")]));

    let film = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/video/h264.mp4");
    let second = post(&ada, &["A film", "--video", &film.display().to_string()]);
    page.wait(
        "the film to be here",
        "return document.querySelector(arguments[0])?.src",
        &[json!(on(&second, "video"))],
    );
    let plays =
        "const film = document.querySelector(arguments[0]); film.muted = true; film.play().catch(() => {});
        return film.readyState >= 2 && film.videoWidth > 0";
    page.wait("the film to play", plays, &[json!(on(&second, "video"))]);
    assert!(
        page.requests().iter().any(|url| url.contains("/blobs/")),
        "its bytes come from the node, when it is wanted"
    );
    ada_page.says(&on(&first, ".delivery"), "all friends · 1 of 1 have it");
    ada_page.press(&on(&first, ".meta"), "all friends · 1 of 1 have it");
    ada_page.says(&on(&first, ".standing"), "Ben");
    ada_page.says(&on(&first, ".standing"), "has it");
    quiet(&page);
    quiet(&ada_page);
}

#[test]
fn a_like_counts_at_once_and_is_undone_where_the_node_says_no_or_nothing() {
    let (ada, page) = person("Ada");
    let id = post(&ada, &["To be liked"]);
    page.says(&on(&id, ".said"), "To be liked");
    page.run(
        "window.real = window.fetch; window.fetch = () => new Promise((answer) => { window.answer = answer; })",
        &[],
    );
    page.press(&on(&id, ".acts"), "Like");
    page.says(&on(&id, ".likes"), "You");
    assert_eq!(count(&page, &on(&id, "[aria-pressed=true]")), 1, "before any answer");
    page.run(
        "window.answer(new Response(JSON.stringify({error: {code: 'x', message: 'the disk is full', help: 'make room'}}), {status: 400}));
         window.fetch = window.real",
        &[],
    );
    page.says(&on(&id, ".wrong"), "The disk is full. Make room.");
    assert_eq!(count(&page, &on(&id, ".likes")), 0, "taken back");
    page.press(&on(&id, ".acts"), "Like");
    page.says(&on(&id, ".likes"), "Ada");
    page.wait(
        "no complaint any more",
        "return document.querySelector(arguments[0]).textContent === ''",
        &[json!(on(&id, ".wrong"))],
    );
    quiet(&page);
    drop(ada);
    page.press(&on(&id, ".acts"), "Take the like back");
    page.says(&on(&id, ".wrong"), "The node does not answer.");
    page.says(&on(&id, ".likes"), "Ada");
}

#[test]
fn what_is_new_waits_above_while_one_reads_and_back_leads_to_where_one_was() {
    let [(ada, _), (ben, page)] = two();
    fill(&ada, 25, "Older");
    page.says(".said", "Older 24");
    has(&ben, "Older 0");
    post(&ada, &["At the top it comes by itself"]);
    page.says(".said", "At the top it comes by itself");
    page.wait(
        "the list to be long, and still",
        "return document.body.scrollHeight > 3 * innerHeight && document.querySelectorAll('article').length >= 20
            && !document.querySelector('.new')",
        &[],
    );
    scroll(&page, 1_500);
    let seen = page.wait(
        "a card on screen",
        "return scrollY > 1400 && [...document.querySelectorAll('article')].find((card) => card.getBoundingClientRect().top > 80)?.dataset.id",
        &[],
    );
    let seen = on(seen.as_str().expect("an id"), ".said");
    let before = top(&page, &seen);
    for n in 0..3 {
        post(&ada, &[&format!("New {n}")]);
    }
    page.says(".pill", "3 new moments");
    let now = top(&page, &seen);
    assert!((now - before).abs() < 1.0, "nothing moved: it stood at {before} and stands at {now}");
    assert_eq!(page.run("return document.body.innerText.includes('New 1')", &[]), false);

    let link = page.find(&seen.replace(".said", ".time"));
    page.click(&link);
    page.says(".moment-page", "To the moments");
    page.wait("another address", "return location.pathname.startsWith('/moments/')", &[]);
    page.run("history.back()", &[]);
    page.find(".timeline");
    page.wait("the place where it was", "return scrollY > 1000", &[]);
    page.wait(
        "what one read to stand where it stood",
        "return Math.abs(document.querySelector(arguments[0]).getBoundingClientRect().top - arguments[1]) < 2",
        &[json!(seen), json!(before)],
    );

    page.press(".timeline", "3 new moments");
    page.says("article:first-child .said", "New 2");
    assert_eq!(page.run("return scrollY", &[]), 0);
    assert_eq!(count(&page, ".pill:not([hidden])"), 0);
    quiet(&page);
}

#[test]
fn three_hundred_moments_never_stand_in_the_document_at_once() {
    let (ada, page) = person("Ada");
    fill(&ada, 300, "Moment");
    page.run("location.reload()", &[]);
    page.says(".said", "Moment 299");
    let begin = count(&page, "*");
    let (mut most, mut seen) = (0, std::collections::BTreeSet::new());
    let end = Instant::now() + Duration::from_secs(30);
    while seen.len() < 300 {
        assert!(Instant::now() < end, "only {} were seen", seen.len());
        page.run("window.scrollBy(0, innerHeight)", &[]);
        page.wait("the moments there",
            "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
                const spaces = [...document.querySelectorAll('.feed > [aria-hidden]')].map((space) => space.getBoundingClientRect());
                done(spaces.every((space) => space.height === 0 || space.bottom < 0 || space.top > innerHeight)); })))", &[]);
        most = most.max(count(&page, "*"));
        let shown = page.run(
            "return [...document.querySelectorAll('article .said')].map((said) => said.textContent)",
            &[],
        );
        seen.extend(
            shown
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|said| said.as_str()?.strip_prefix("Moment ")?.parse::<u32>().ok()),
        );
    }
    assert_eq!(seen, (0..300).collect());
    page.says(".foot", "That is everything there is.");
    let bound = begin + 2_500;
    assert!(most < bound, "{most} elements at most, {begin} at first");
    assert!(count(&page, "article") < 80);

    let id = page.run("return [...document.querySelectorAll('article')].at(-1).dataset.id", &[]);
    scroll(&page, 0);
    page.says("article:first-child .said", "Moment 299");
    page.wait("the end to be let go", "return !document.querySelector(`[data-id='${arguments[0]}']`)", &[id]);
    let order = page.run("const all = [...document.querySelectorAll('article .said')].map((said) => Number(said.textContent.split(' ')[1]));
        return all.every((n, at) => at === 0 || n === all[at - 1] - 1)", &[]);
    assert_eq!(order, true, "each once, in order");
    quiet(&page);
}

#[test]
fn a_picture_that_comes_late_moves_nothing() {
    let (ada, page) = person("Ada");
    let folder = tempfile::tempdir().expect("a folder");
    let file = support::photo::write(folder.path(), 4, 1_200, 900).display().to_string();
    let id = post(&ada, &["A slow picture", "--photo", &file]);
    post(&ada, &["Above it"]);
    page.chromium("Network.enable", json!({}));
    page.chromium(
        "Network.emulateNetworkConditions",
        json!({"offline": false, "latency": 20, "downloadThroughput": 150_000, "uploadThroughput": 150_000}),
    );
    page.run("location.reload()", &[]);
    page.wait(
        "the page anew",
        "return document.readyState === 'complete' && !!document.querySelector('article')",
        &[],
    );
    let full = on(&id, ".photo > :last-child");
    assert_eq!(count(&page, &format!("{full}.here")), 0, "it is late");
    page.find(&format!("{full}.here"));
    // What moved, and by how much, since the first byte.
    let moved = "return new Promise((done) => {
        const seen = (list) => done(list.getEntries().map((shift) => [shift.value, ...shift.sources.map(({ node }) => node?.className ?? node?.nodeName)]));
        new PerformanceObserver(seen).observe({type: 'layout-shift', buffered: true});
        setTimeout(() => done([]), 500); })";
    assert_eq!(page.run(moved, &[]), json!([]), "nothing moved from the first byte on");

    // A picture of which the node says that it is not here yet is not asked for until an event tells that it came.
    let script = "const [card] = arguments; const photo = document.querySelector(card + ' .photo'); window.moves = 0;
        new PerformanceObserver((list) => { window.moves += list.getEntries().length; }).observe({type: 'layout-shift'});
        return import('/assets/parts/photos.js').then(({ grid, arrived }) => {
          const id = new URL(photo.lastElementChild.src).pathname.split('/').pop();
          const shown = grid([{ id, width: 1200, height: 900, alt: null, preview: null, thumbhash: '' }], new Set([id]));
          photo.parentElement.replaceWith(shown);
          window.came = () => arrived(id);
          return [shown.querySelectorAll('img[src]').length, shown.querySelector('.late').getAttribute('aria-label')]; })";
    let late = page.run(script, &[json!(on(&id, ""))]);
    assert_eq!(late, json!([0, "still on its way"]));
    page.run("window.came()", &[]);
    page.find(&format!("{full}.here"));
    assert_eq!(count(&page, &on(&id, ".late")), 0);
    assert_eq!(page.run("return window.moves", &[]), 0);
    quiet(&page);
}

#[test]
fn a_menu_goes_by_keys_and_does_what_it_says() {
    let [(ada, page), (ben, ben_page)] = two();
    let id = post(&ada, &["Mine to change"]);
    wait_moment(&ben, &id);
    let said = ben.ok(&["comment", &id, "A remark"]);
    page.says(&on(&id, ".comment"), "A remark");
    page.run("document.querySelector(arguments[0]).focus()", &[json!(on(&id, ".acts .menu-button"))]);
    key(&page, "ArrowDown");
    page.find(&on(&id, ".menu"));
    let focused =
        "return document.activeElement.textContent || document.activeElement.getAttribute('aria-label')";
    assert_eq!(page.run(focused, &[]), "Who has it");
    key(&page, "ArrowDown");
    assert_eq!(page.run(focused, &[]), "Change who can see it");
    key(&page, "End");
    assert_eq!(page.run(focused, &[]), "Withdraw this moment");
    key(&page, "Escape");
    page.wait("the menu gone", "return !document.querySelector('.menu')", &[]);
    assert_eq!(page.run(focused, &[]), "More about this moment", "the focus is back");

    choose(&page, &id, "Pin in my album");
    page.find(&on(&id, "[aria-label='Pinned in your album']"));
    choose(&page, &id, "Add to favourites");
    page.find(&on(&id, "[aria-label='Among your favourites']"));
    choose(&page, &id, "No notices about it");
    page.find(&on(&id, "[aria-label='No notices about it']"));
    let (moment, _) = ada.wait(&format!("/moments/{id}"), "three marks", |moment| {
        ["pinned", "faved", "muted"].iter().all(|mark| moment[mark] == true).then(|| moment.clone())
    });
    assert_eq!(moment["text"], "Mine to change");

    let comment = said["id"].as_str().expect("an id");
    let line = format!("[data-comment=\"{comment}\"]");
    page.run("document.querySelector(arguments[0]).focus()", &[json!(format!("{line} .menu-button"))]);
    page.press(&line, "More about Ben’s comment");
    page.press(&line, "Hide it");
    page.says("dialog", "Ben still does, marked as taken away, and so can tell.");
    page.press("dialog", "Hide it");
    page.wait("no comment", "return !document.querySelector(arguments[0])", &[json!(line)]);
    ben_page.says(&on(&id, ".comment"), "Only you still see it");

    choose(&page, &id, "Change who can see it");
    page.says("dialog", "Nobody can be made to forget");
    page.press("dialog", "Only me");
    page.says("dialog", "Taken from: Ben. Their nodes are asked to forget it.");
    page.press("dialog", "Change it");
    page.says(&on(&id, ".delivery"), "only me");
    ben_page.wait("no moment", "return !document.querySelector('article')", &[]);
    quiet(&page);
}

#[test]
fn a_moment_shared_on_says_whose_it_is_and_can_be_proved() {
    let [(ada, _), (ben, page)] = two();
    let (cleo, cleo_page) = person("Cleo");
    befriend(&ben, &cleo);
    wait_connected(&ben, &cleo);
    let id = post(&ada, &["Tell everybody", "--shareable"]);
    wait_moment(&ben, &id);
    page.says(&on(&id, ".said"), "Tell everybody");
    choose(&page, &id, "Share it on");
    page.says("dialog", "Whoever sees it sees that Ada wrote it.");
    page.write("dialog textarea", "Have you heard?");
    page.press("dialog", "Share it on");
    cleo_page.says(".said", "Have you heard?");
    cleo_page.says(".shared", "From Ada");
    cleo_page.says(".shared .checked", "checked");
    cleo_page.says(".shared .said-first", "Tell everybody");

    let folder = tempfile::tempdir().expect("a folder");
    page.chromium(
        "Browser.setDownloadBehavior",
        json!({"behavior": "allow", "downloadPath": folder.path().display().to_string()}),
    );
    choose(&page, &id, "Save a proof of who wrote it");
    page.press("dialog", "Save the file");
    let file = folder.path().join(format!("report-{}.json", &id[..8]));
    let is_saved =
        support::until(support::PATIENCE, Duration::from_millis(20), || file.exists().then_some(()));
    assert!(is_saved.is_some(), "the file is saved");
    let checked = ben.ok(&["report", "--check", &file.display().to_string()]);
    assert_eq!(checked["ok"], true, "{checked}");
    quiet(&page);
    quiet(&cleo_page);
}

#[test]
fn the_viewer_goes_by_keys_and_gives_the_focus_back() {
    let (ada, page) = person("Ada");
    let folder = tempfile::tempdir().expect("a folder");
    let photos: Vec<String> =
        (0..3).map(|n| support::photo::write(folder.path(), n, 640, 480).display().to_string()).collect();
    let mut words = vec!["Three of them", "--alt", "The first"];
    for photo in &photos {
        words.extend(["--photo", photo]);
    }
    let id = post(&ada, &words);
    page.says(&on(&id, ".said"), "Three of them");
    page.press(&on(&id, ".photos"), "Open: The first");
    page.says(".viewer figcaption", "The first");
    page.says(".viewer", "1 of 3");
    let zoom = "return Number(document.querySelector('.stage').style.getPropertyValue('--zoom'))";
    for (pressed, said) in
        [("ArrowRight", "2 of 3"), ("End", "3 of 3"), ("ArrowRight", "1 of 3"), ("ArrowRight", "2 of 3")]
    {
        key(&page, pressed);
        page.says(".viewer-count", said);
    }
    page.chromium("Input.dispatchKeyEvent", json!({"type": "keyDown", "key": "+", "text": "+"}));
    page.wait("a larger picture", &format!("{zoom} > 1.4"), &[]);
    page.chromium(
        "Input.dispatchMouseEvent",
        json!({"type": "mouseWheel", "x": 500, "y": 400, "deltaX": 0, "deltaY": -200}),
    );
    page.wait("a still larger one", &format!("{zoom} > 2"), &[]);
    let stage = page.find(".stage");
    page.click(&stage);
    page.click(&stage);
    page.wait("its own size again, by a double click", &format!("{zoom} === 1"), &[]);
    let full = "const image = [...document.querySelectorAll('.stage img')].at(-1); return image.naturalWidth === 640";
    page.wait("the photo in full", full, &[]);
    key(&page, "Escape");
    page.wait("the viewer gone", "return !document.querySelector('.viewer')", &[]);
    let at = "return [...document.querySelectorAll('.photo')].indexOf(document.activeElement)";
    assert_eq!(page.run(at, &[]), 1, "the focus is on the photo that was seen last");
    quiet(&page);
}
