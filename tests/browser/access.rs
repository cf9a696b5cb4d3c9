//! Whether everybody can use the page: rules of accessibility, narrow screens, large letters, both directions of writing.
//!
//! The rules are axe-core's. It is a tool of the tests, like the browser: `./check --install` brings it, nothing ships it.

use super::looks::{LOOKS, Look, PLACES, Site, put_on, settle};
use super::screens::Sheet;
use super::*;

/// What a failure for want of axe-core says.
const INSTALL: &str = "the page is read by axe-core: let `./check --install` install it, or run\n  \
     npm install --ignore-scripts --prefix \"${XDG_CACHE_HOME:-$HOME/.cache}/tidings/axe\" axe-core@4.10.3";

/// WCAG 2.2 up to AA, and what is good practice besides.
const RULES: &str = "const place = document.querySelector('dialog[open]') ?? document;
    return axe.run(place, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
        .then((told) => told.violations.filter((found) => ['serious', 'critical'].includes(found.impact)).flatMap((found) =>
            found.nodes.slice(0, 4).map((node) => `${found.id}: ${node.html.slice(0, 140)} ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ''}`)))";

/// What reaches out of the window sideways. What scrolls by itself may, and so may what only a reader hears.
const SIDEWAYS: &str = "
    const scrolls = (e) => { for (let up = e.parentElement; up; up = up.parentElement) {
        if (getComputedStyle(up).overflowX !== 'visible' && up !== document.documentElement && up !== document.body) return true; } return false; };
    const out = [...document.querySelectorAll('body *')].filter((e) => {
        const box = e.getBoundingClientRect();
        return box.width > 1 && e.checkVisibility() && (box.right > innerWidth + 1 || box.left < -1) && !e.closest('svg svg, .skip') && !scrolls(e);
    });
    const wide = document.documentElement.scrollWidth > innerWidth ? [`the page is ${document.documentElement.scrollWidth} wide`] : [];
    return [...wide, ...out.slice(0, 4).map((e) => `${e.tagName}.${e.className} ${Math.round(e.getBoundingClientRect().left)}..${Math.round(e.getBoundingClientRect().right)}`)]";

/// The looks in which the rules are read, which takes seconds for all pages: both schemes, widths and languages.
const RULED: [&str; 2] = ["phone-light", "desk-dark"];

fn axe() -> String {
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache"),
        PathBuf::from,
    );
    let file = cache.join("tidings/axe/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}; {INSTALL}", file.display()))
}

/// What the rules complain of on the page as it is.
fn rules(page: &Browser, axe: &str) -> Vec<String> {
    if page.run("return typeof axe", &[]) == "undefined" {
        page.run(axe, &[]);
    }
    strings(&page.run(RULES, &[]))
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("a list: {list}"));
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn every_page_and_sheet_keeps_the_rules_in_every_look() {
    let (axe, site) = (axe(), Site::new());
    let (mut found, mut sheet) = (Vec::new(), Sheet::new());
    for look in &LOOKS {
        site.look(look);
        for place in PLACES {
            site.go(place);
            sheet.draw(&site.page, look, place.name);
            let told = if RULED.contains(&look.name) { rules(&site.page, &axe) } else { Vec::new() };
            let complaints = told.into_iter().chain(strings(&site.page.run(SIDEWAYS, &[])));
            found.extend(complaints.map(|complaint| format!("{}, {}: {complaint}", place.name, look.name)));
        }
    }
    sheet.write();
    assert!(found.is_empty(), "{}", found.join("\n"));
    quiet(&site.page);
}

#[test]
fn the_rules_notice_what_is_wrong() {
    let (_ada, page) = person("Ada");
    let axe = axe();
    assert!(!rules(&page, &axe).join("").contains("button-name"), "the page has names");
    page.run(
        "const [nameless, pale, wide] = ['button', 'p', 'div'].map((tag) => document.querySelector('main').appendChild(document.createElement(tag)));
         pale.textContent = 'Pale'; pale.style.setProperty('color', '#ccc'); wide.style.setProperty('width', '200vw'); wide.textContent = 'Wide';",
        &[],
    );
    let told = rules(&page, &axe).join("\n");
    assert!(told.contains("button-name") && told.contains("color-contrast"), "{told}");
    assert!(!strings(&page.run(SIDEWAYS, &[])).is_empty());
}

#[test]
fn no_page_scrolls_sideways_on_a_narrow_screen_with_large_letters_or_from_right_to_left() {
    let site = Site::new();
    let narrow = Look { name: "narrow", width: 320, height: 640, dark: false, language: "en" };
    let large = Look { name: "large letters", width: 640, height: 800, dark: false, language: "en" };
    let mut found = Vec::new();
    for (look, change) in [
        (narrow, ""),
        (narrow, "document.documentElement.dir = 'rtl'"),
        (large, "document.documentElement.style.setProperty('font-size', '200%')"),
    ] {
        put_on(&site.page, &look);
        for place in PLACES {
            site.go(place);
            site.page.run(change, &[]);
            settle(&site.page);
            let out = strings(&site.page.run(SIDEWAYS, &[]));
            found.extend(out.into_iter().map(|out| format!("{}, {} {change}: {out}", place.name, look.name)));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
