//! Several windows of one browser on one node: they share what a browser has little of, and show the same.

use std::time::Duration;

use super::support::moments::post;
use super::support::{PATIENCE, until, wait_connected};
use super::*;

/// What the browser asked for that is a stream of events.
fn streams(page: &Browser) -> Vec<String> {
    page.requests().into_iter().filter(|url| url.contains("/api/v1/events")).collect()
}

/// A browser opens six connections to one address. Eight pages with a stream each would leave none to load anything by.
#[test]
fn eight_windows_share_one_stream_and_the_next_takes_it_up_when_its_window_closes() {
    let (ada, page) = person("Ada");
    post(&ada, &["Before"]);
    card(&page, "Before");
    let first = page.window();
    let mut others = Vec::new();
    for _ in 0..7 {
        let address = page.address();
        others.push(page.new_window());
        page.open(&address);
        card(&page, "Before");
        mark(&page);
    }
    let all = [&others[..], std::slice::from_ref(&first)].concat();
    post(&ada, &["To all eight"]);
    for window in &all {
        page.look_at(window);
        card(&page, "To all eight");
    }
    assert_eq!(streams(&page).len(), 1, "one stream for all: {:?}", streams(&page));

    page.look_at(&first);
    page.close_window(&others[0]);
    post(&ada, &["While nobody listened, perhaps"]);
    for window in &others {
        page.look_at(window);
        card(&page, "While nobody listened, perhaps");
        assert!(kept(&page), "it appeared without a reload");
    }
    let taken = streams(&page);
    assert_eq!(taken.len(), 2, "the next window took it up: {taken:?}");
    assert!(taken[1].contains("?after="), "where the first one stopped: {taken:?}");
    quiet(&page);
}

#[test]
fn every_window_says_that_the_node_does_not_answer() {
    let (mut ada, page) = person("Ada");
    let first = page.window();
    let address = page.address();
    let second = page.new_window();
    page.open(&address);
    page.find(".composer");
    ada.stop();
    for window in [&first, &second] {
        page.look_at(window);
        page.find(".node-state.off");
    }
}

#[test]
fn a_second_window_shows_who_is_under_which_tag_as_it_changes() {
    let (ada, page) = person("Ada");
    let ben = Node::started("Ben");
    befriend(&ada, &ben);
    wait_connected(&ada, &ben);
    let address = page.address();
    let first = page.window();
    let second = page.new_window();
    page.open(&format!("{}/people", address.trim_end_matches('/')));
    page.says(".friend-row .person", "Ben");
    mark(&page);
    page.look_at(&first);
    ada.ok(&["tag", "add", "family", "Ben"]);
    page.look_at(&second);
    page.says("ul.tags", "family");
    page.says(".friend-row", "family");
    ada.ok(&["tag", "rename", "family", "kin"]);
    page.says("ul.tags", "kin");
    page.says(".friend-row", "kin");
    ada.ok(&["tag", "remove", "kin", "Ben"]);
    page.wait(
        "no tag on Ben",
        "return !document.querySelector('.friend-row').innerText.includes('kin')",
        &[],
    );
    assert!(kept(&page), "it appeared without a reload");
    quiet(&page);
}

/// Nothing was said yet that the next window could go on from, so what it shows is read anew.
#[test]
fn a_window_that_takes_over_without_having_heard_anything_reads_its_list_anew() {
    let (ada, page) = person("Ada");
    post(&ada, &["Before"]);
    let holder = page.window();
    let address = page.address();
    page.open(&address);
    card(&page, "Before");
    let other = page.new_window();
    page.open(&format!("{}/search?q=Before", address.trim_end_matches('/')));
    card(&page, "Before");
    let read = || {
        page.requests().iter().filter(|url| url.contains("/api/") && url.contains("search=Before")).count()
    };
    assert_eq!(page.run("return document.querySelector('.search-form').autocomplete", &[]), json!("off"));
    let before = read();
    assert!(before > 0, "{:?}", page.requests());
    page.look_at(&holder);
    page.close_window(&other);
    until(PATIENCE, Duration::from_millis(20), || (read() > before).then_some(()))
        .unwrap_or_else(|| panic!("the list is not read anew: {:?}", page.requests()));
    card(&page, "Before");
    quiet(&page);
}

/// An answer was given before something happened, and comes after the event that told of it.
#[test]
fn an_answer_that_is_older_than_an_event_does_not_undo_it() {
    let (ada, page) = person("Ada");
    let ben = Node::started("Ben");
    befriend(&ada, &ben);
    wait_connected(&ada, &ben);
    let before = post(&ada, &["Before"]);
    card(&page, "Before");
    page.run(
        "const real = window.fetch;
         window.fetch = async (path, options) => {
             const answer = await real(path, options);
             if (String(path).includes('/timeline') && !window.held) {
                 window.held = true;
                 await new Promise((go) => { window.release = go; });
             }
             return answer;
         }",
        &[],
    );
    // The list is read anew, and its answer is on the way.
    ada.ok(&["friend", "remove", "Ben"]);
    page.wait("an answer", "return window.held", &[]);
    ada.ok(&["delete", &before]);
    post(&ada, &["Meanwhile"]);
    card(&page, "Meanwhile");
    page.run("window.release()", &[]);
    // Long enough for the answer to be shown, in which it would bring back and take away.
    std::thread::sleep(Duration::from_millis(300));
    card(&page, "Meanwhile");
    let text = page.text();
    assert!(!text.contains("Before"), "what was withdrawn stays away:\n{text}");
}
