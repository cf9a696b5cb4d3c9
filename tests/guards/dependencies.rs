//! What we build on: the core stays pure, every licence is one we may ship, every direct dependency has its reason.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Licences that may stand beside MIT OR Apache-2.0 in one binary. MPL-2.0 is per file and those files are unchanged.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BlueOak-1.0.0",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates that would bring a network, a runtime or a disk into the core.
const NOT_IN_THE_CORE: &[&str] = &["tokio", "libp2p", "libp2p-core", "sled", "mio", "async-std", "quinn"];

/// What cargo says to these arguments.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(crate::root())
        .output()
        .expect("cargo runs: it runs this test");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}: {errors}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("cargo prints text")
}

fn metadata() -> Value {
    serde_json::from_str(&cargo(&["metadata", "--locked", "--format-version", "1"])).expect("cargo's JSON")
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// Whether an SPDX expression can be met with [`LICENCES`]. The old `A/B` means `A OR B`.
fn may_ship(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest);
    met && rest.is_empty()
}

fn any_of(rest: &mut &[&str]) -> bool {
    let mut met = all_of(rest);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        met |= all_of(rest);
    }
    met
}

fn all_of(rest: &mut &[&str]) -> bool {
    let mut met = one(rest);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        met &= one(rest);
    }
    met
}

fn one(rest: &mut &[&str]) -> bool {
    let words = *rest;
    match words {
        ["(", inner @ ..] => {
            *rest = inner;
            let met = any_of(rest);
            *rest = rest.strip_prefix(&[")"]).unwrap_or(&["unbalanced"]);
            met
        }
        [name, "WITH", exception, after @ ..] => {
            *rest = after;
            LICENCES.contains(&format!("{name} WITH {exception}").as_str())
        }
        [name, after @ ..] => {
            *rest = after;
            LICENCES.contains(name)
        }
        [] => false,
    }
}

#[test]
fn the_core_builds_without_network_runtime_or_disk() {
    let tree = cargo(&[
        "tree",
        "--locked",
        "-e",
        "normal",
        "--no-default-features",
        "-p",
        "tidings",
        "--prefix",
        "none",
    ]);
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains("tidings") && names.contains("blake3"), "this is the tree of the core: {tree}");
    let found: Vec<String> =
        NOT_IN_THE_CORE.iter().filter(|name| names.contains(*name)).map(|name| (*name).to_owned()).collect();
    crate::none(
        "`cargo tree -e normal --no-default-features -p tidings -i NAME` shows who brings it; make it optional",
        &found,
    );
}

#[test]
fn every_licence_is_one_we_may_ship() {
    let metadata = metadata();
    assert!(packages(&metadata).len() > 50, "cargo lists what we build on");
    let found: Vec<String> = packages(&metadata)
        .iter()
        .filter(|package| !may_ship(text(package, "license")))
        .map(|package| {
            format!("{} {}: `{}`", text(package, "name"), text(package, "version"), text(package, "license"))
        })
        .collect();
    crate::none(
        "use another crate, or add the licence to LICENCES with the reason why it may be shipped",
        &found,
    );
}

#[test]
fn there_is_one_version_of_the_signature_crate() {
    let metadata = metadata();
    let versions: Vec<String> = packages(&metadata)
        .iter()
        .filter(|package| text(package, "name") == "ed25519-dalek")
        .map(|package| text(package, "version").to_owned())
        .collect();
    assert_eq!(
        versions.len(),
        1,
        "ed25519-dalek {versions:?}: two of them may disagree on what is valid; `cargo tree -i ed25519-dalek` shows whose"
    );
}

#[test]
fn every_direct_dependency_has_its_reason() {
    let page = crate::text_of("docs/dependencies.md");
    let metadata = metadata();
    let ours = packages(&metadata).iter().filter(|package| package["source"].is_null());
    let direct: BTreeSet<&str> = ours
        .flat_map(|package| package["dependencies"].as_array().map_or(&[] as &[Value], Vec::as_slice))
        .map(|dependency| text(dependency, "name"))
        .filter(|name| *name != "tidings")
        .collect();
    assert!(direct.len() > 10, "cargo lists our own dependencies");
    let missing: Vec<String> = direct
        .iter()
        .filter(|name| !page.contains(&format!("| `{name}` |")))
        .map(|name| (*name).to_owned())
        .collect();
    crate::none("give each a line `| `name` | licence | why |` in docs/dependencies.md", &missing);
    let listed = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let stale: Vec<String> = listed.filter(|name| !direct.contains(name)).map(str::to_owned).collect();
    crate::none("docs/dependencies.md lists crates that are no longer used: delete their lines", &stale);
}

#[test]
fn licence_expressions_are_read_as_spdx() {
    for good in [
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "Apache-2.0 OR GPL-2.0-only",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "ISC AND (Apache-2.0 OR ISC)",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
    ] {
        assert!(may_ship(good), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT Apache-2.0", "GPL-3.0 OR (MIT AND AGPL-3.0)"] {
        assert!(!may_ship(bad), "{bad}");
    }
}
