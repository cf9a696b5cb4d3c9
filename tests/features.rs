//! Everything people do in Moments, point by point, with the built program: real nodes on loopback, each test a few
//! people of their own.
//!
//! The points are numbered as in `docs/features.md`, whose tables name the test of each;
//! `every_point_has_its_test_and_every_test_its_point`
//! below holds the two together. A test is named after what it shows; the comment above it names its point.
//!
//! Nothing here waits for a fixed time: it asks until the answer is as it should be ([`support::until`],
//! [`support::Node::wait`]). Where something must *not* arrive, something that comes after it on the same way is waited
//! for first.

#[path = "features/audiences.rs"]
mod audiences;
#[path = "features/care.rs"]
mod care;
#[path = "features/content.rs"]
mod content;
#[path = "features/drafts.rs"]
mod drafts;
#[path = "features/interactions.rs"]
mod interactions;
#[path = "features/media.rs"]
mod media;
#[path = "features/people.rs"]
mod people;
#[path = "features/playing.rs"]
mod playing;
#[path = "features/sharing.rs"]
mod sharing;
#[path = "support.rs"]
mod support;
#[path = "features/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_point_has_its_test_and_every_test_its_point() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    let page = std::fs::read_to_string(root.join("docs/features.md")).expect("docs/features.md");
    let mut code = String::new();
    for file in std::fs::read_dir(root.join("tests/features")).expect("the tests") {
        code.push_str(&std::fs::read_to_string(file.expect("a file").path()).expect("readable"));
    }
    let mut points = BTreeSet::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(point) = cells.get(1).and_then(|cell| cell.parse::<u32>().ok()) else { continue };
        points.insert(point);
        let named = cells.get(4).copied().unwrap_or_default();
        if named.starts_with("later: ") {
            continue;
        }
        let tests: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "point {point} names no test: {line}");
        for test in tests {
            let name = test.rsplit("::").next().expect("a name");
            let is_there = ["", "#[cfg(target_os = \"linux\")]\n", "#[cfg(unix)]\n"]
                .iter()
                .any(|only| code.contains(&format!("#[test]\n{only}fn {name}(")));
            assert!(is_there, "point {point}: there is no test {test}");
        }
    }
    assert_eq!(points, (1..=37).collect(), "docs/features.md has a row for each point");
    for after in code.split("#[test]\n").skip(1) {
        let (_, name) = after.split_once("fn ").expect("a function");
        let name = name.split('(').next().expect("a name");
        assert!(page.contains(&format!("::{name}`")), "docs/features.md has no row for {name}");
    }
}
