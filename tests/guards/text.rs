//! The shape of files and the smells that a search finds.

use crate::source::Source;

/// Lines of code a file may have; what is longer is two concepts. Tests in a file of their own are exempt.
const CODE_LINES_LIMIT: usize = 700;

/// Folders with Rust files of ours.
const FOLDERS: &[&str] = &["src", "node", "tests", "examples", "benches"];

fn all_rust() -> Vec<Source> {
    FOLDERS.iter().flat_map(|folder| crate::rust_files(folder)).collect()
}

/// A statement that is a bare `matches!(…);` compares and throws the answer away.
fn bare_matches(source: &Source) -> Vec<usize> {
    let code = source.code.as_bytes();
    let begins = |at: usize| {
        let before = source.code[..at].trim_end();
        before.is_empty() || before.ends_with([';', '{', '}'])
    };
    let ends = |at: usize| {
        let (mut depth, mut end) = (0usize, at + "matches!".len());
        while let Some(byte) = code.get(end) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            end += 1;
            if depth == 0 && !byte.is_ascii_whitespace() {
                break;
            }
        }
        source.code[end..].trim_start().starts_with(';')
    };
    let all = source.code.match_indices("matches!").map(|(at, _)| at);
    all.filter(|at| begins(*at) && ends(*at)).collect()
}

#[test]
fn no_file_is_longer_than_one_concept() {
    let own_tests =
        |path: &str| path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.starts_with("tests/");
    let long: Vec<String> = all_rust()
        .iter()
        .filter(|source| !own_tests(&source.path) && source.code_lines() > CODE_LINES_LIMIT)
        .map(|source| {
            format!("{}: {} lines of code, at most {CODE_LINES_LIMIT}", source.path, source.code_lines())
        })
        .collect();
    crate::none("cut it along its concepts, or move its tests to a tests.rs beside it", &long);
}

#[test]
fn no_test_asserts_nothing() {
    let mut found = Vec::new();
    for source in all_rust() {
        for at in bare_matches(&source) {
            found.push(format!("{}a bare `matches!(…);` asserts nothing", source.at(at)));
        }
    }
    crate::none("write assert!(matches!(…))", &found);
}

#[test]
fn no_test_is_switched_off() {
    let mut found = Vec::new();
    for source in all_rust() {
        for at in source.words("ignore") {
            if source.code[..at].trim_end().ends_with("#[") {
                found.push(format!("{}a test that does not run", source.at(at)));
            }
        }
    }
    crate::none("mend the test or delete it", &found);
}

#[test]
fn unfinished_work_names_its_issue() {
    let mut found = Vec::new();
    for source in all_rust() {
        for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")] {
            for (at, _) in source.raw.match_indices(word) {
                let after = &source.raw[at + word.len()..];
                let issue = after
                    .strip_prefix("(#")
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
                if !issue {
                    found.push(format!("{}{word} without an issue", source.at(at)));
                }
            }
        }
    }
    crate::none(concat!("finish it, or write TO", "DO(#12) with the number of an open issue"), &found);
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let machine = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/Use", "rs/"),
        concat!("/ho", "me/runner"),
        concat!("bash", "_jobs"),
        concat!("../sha", "red"),
    ];
    let mut found = Vec::new();
    for path in crate::files(".") {
        // What is no text holds no path that anyone reads.
        let Ok(text) = std::fs::read_to_string(crate::root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            for word in machine {
                let alone =
                    |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_');
                if line.match_indices(word).any(|(at, _)| !word.starts_with('/') || alone(at)) {
                    found.push(format!("{}:{}: {word}", path.display(), number + 1));
                }
            }
        }
    }
    crate::none("name it relative to the repository, or through a variable", &found);
}

#[test]
fn a_bare_matches_is_told_from_one_that_is_used() {
    let count = |raw: &str| {
        let code = crate::source::code_only(raw);
        bare_matches(&Source { path: String::new(), raw: raw.to_owned(), code }).len()
    };
    assert_eq!(count("fn f() { matches!(x, Some(_)); }"), 1);
    assert_eq!(count("fn f() { g();\n matches!(\n x,\n Some(_)\n );\n }"), 1);
    assert_eq!(count("fn f() { assert!(matches!(x, Some(_))); }"), 0);
    assert_eq!(count("fn f() -> bool { matches!(x, Some(_)) }"), 0);
    assert_eq!(count("fn f() { let a = matches!(x, Some(_)); }"), 0);
}
