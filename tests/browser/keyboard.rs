//! A day on the page without a pointer: every step by keys alone, and the focus is seen wherever it stands.

use super::*;

const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";
const RIGHT: &str = "\u{E014}";
const DOWN: &str = "\u{E015}";
/// After so many steps a thing counts as out of reach.
const STEPS_LIMIT: usize = 90;

/// Whether the focus can be seen: by an outline or shadow of the thing itself, or by the edge of what it stands in.
const SEEN: &str = "const at = document.activeElement;
    const marked = (e) => { const style = getComputedStyle(e); return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none'; };
    return at.matches(':focus-visible') && (marked(at) || Boolean(at.closest('.composer, .panel, [class*=field], form')))";

/// Goes on by Tab until the focus is on what `css` selects.
fn tab_to(page: &Browser, css: &str) {
    for _ in 0..STEPS_LIMIT {
        page.keys(TAB);
        let there =
            "const at = document.activeElement; return at !== document.body && at.matches(arguments[0])";
        if page.run(there, &[json!(css)]) == true {
            assert_eq!(page.run(SEEN, &[]), true, "the focus on {css} can be seen");
            return;
        }
    }
    panic!("no way to {css} by Tab; the focus is on {}", focus(page));
}

/// What has the focus.
fn focus(page: &Browser) -> String {
    let told = page.run("const at = document.activeElement; return `${at.tagName}.${at.className} ${at.getAttribute('aria-label') ?? at.textContent.slice(0, 60)}`", &[]);
    told.as_str().unwrap_or_default().to_owned()
}

fn focused(page: &Browser, css: &str) {
    let there = "return document.activeElement.matches(arguments[0])";
    page.wait(&format!("the focus on {css}; it is on {}", focus(page)), there, &[json!(css)]);
}

#[test]
fn everything_of_a_day_is_done_by_keys_alone() {
    let mut node = Node::new("Ada");
    node.ok(&["init", "--name", "Ada"]);
    node.start();
    let ben = Node::started("Ben");
    befriend(&node, &ben);
    let photos = photo(&ben.beside(".")).display().to_string();
    ben.ok(&["post", "From Ben", "--photo", &photos, "--photo", &photos]);
    has(&node, "From Ben");
    let page = open(&node);
    page.says("article.moment", "From Ben");

    // The first thing that Tab finds leads past the navigation.
    page.keys(TAB);
    assert!(focus(&page).contains("skip"), "{}", focus(&page));
    page.keys(ENTER);
    focused(&page, "main");

    // Write a moment and share it.
    tab_to(&page, ".composer textarea");
    page.keys("By keys");
    tab_to(&page, ".composer button.main");
    page.keys(ENTER);
    page.says("article.moment", "By keys");

    // Like, and say something.
    let ben_card = format!("article[data-id=\"{}\"]", card(&page, "From Ben"));
    tab_to(&page, &format!("{ben_card} .photo"));
    page.keys(ENTER);
    page.find("dialog[open]");
    page.keys(RIGHT);
    page.keys(ESCAPE);
    page.wait("the viewer gone", "return !document.querySelector('dialog[open]')", &[]);
    focused(&page, &format!("{ben_card} .photo"));
    tab_to(&page, &format!("{ben_card} [aria-pressed]"));
    page.keys(" ");
    page.wait(
        "a like",
        "return document.querySelector(arguments[0]).ariaPressed === 'true'",
        &[json!(format!("{ben_card} [aria-pressed]"))],
    );
    focused(&page, &format!("{ben_card} [aria-pressed]"));
    page.keys(TAB);
    page.keys(ENTER);
    focused(&page, &format!("{ben_card} form.answer input"));
    page.keys("Said by keys");
    page.keys(ENTER);
    page.says(&format!("{ben_card} .comments"), "Said by keys");

    // A menu: arrows inside, Escape back to its button.
    let button = format!("{ben_card} .acts [aria-haspopup=menu]");
    tab_to(&page, &button);
    page.keys(ENTER);
    focused(&page, "[role=menuitem]");
    let first = focus(&page);
    page.keys(DOWN);
    assert_ne!(focus(&page), first, "an arrow goes on");
    page.keys(ESCAPE);
    focused(&page, &button);

    // Another page: its heading is where one reads on.
    page.run("document.querySelector('.top .brand').focus()", &[]);
    tab_to(&page, ".places a[href='/people']");
    page.keys(ENTER);
    focused(&page, "h1");
    quiet(&page);
}

#[test]
fn nothing_moves_for_somebody_who_asked_for_less_motion() {
    let (_ada, page) = person("Ada");
    let moving = "return [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]).length > 50 &&
        [...document.querySelectorAll('body *')].filter((e) => { const style = getComputedStyle(e);
            return [...style.transitionDuration.split(', '), ...style.animationDuration.split(', ')].some((time) => parseFloat(time) > 0.001); }).map((e) => e.className)";
    let plain = page.run(moving, &[]);
    assert!(plain.as_array().is_some_and(|all| !all.is_empty()), "things move otherwise: {plain}");
    let features = json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]});
    page.chromium("Emulation.setEmulatedMedia", features);
    assert_eq!(page.run(moving, &[]), json!([]));
    assert_eq!(page.run("return getComputedStyle(document.documentElement).scrollBehavior", &[]), "auto");
}
