//! Who may import whom: a module sees the rows above its own and nothing else; siblings do not see each other.

use crate::source::Source;

/// One row of the import table.
struct Row {
    /// Its name in the table.
    name: &'static str,
    /// What the row is about.
    about: &'static str,
    /// Its modules: a name in `src/`, or a part of one as `module::part`.
    modules: &'static [&'static str],
}

/// From the ground up. `ARCHITECTURE.md` holds the same rows for readers.
const TABLE: &[Row] = &[
    Row { name: "0a", about: "ground", modules: &["time", "error", "id", "bounded"] },
    Row { name: "0b", about: "every limit", modules: &["limits"] },
    Row { name: "1a", about: "bytes", modules: &["wire"] },
    Row { name: "1b", about: "crypto", modules: &["crypto"] },
    Row { name: "1c", about: "the seam to the network", modules: &["link"] },
    Row { name: "2a", about: "units", modules: &["entry", "identity"] },
    Row { name: "2b", about: "what people write", modules: &["moment"] },
    Row { name: "3", about: "meaning and keeping", modules: &["audience", "ask", "view", "store"] },
    Row { name: "4", about: "protocols", modules: &["pair", "sync", "mail", "blob", "peer"] },
    Row { name: "5", about: "the machine", modules: &["service"] },
    Row { name: "6a", about: "proof", modules: &["sim", "furnish"] },
    Row {
        name: "6b",
        about: "disks",
        modules: &[
            "store::disk",
            "store::files",
            "store::blobs",
            "store::home",
            "store::reserve",
            "store::keyfile",
        ],
    },
    Row { name: "6c", about: "sockets", modules: &["net"] },
    Row { name: "6d", about: "what applications hold", modules: &["client"] },
    Row { name: "6e", about: "the threads of a simulation", modules: &["sim::crew"] },
];

/// The first row that may touch the world.
const SHELL: &str = "6b";

/// Names that bring the world in.
const WORLD: &[&str] = &[
    "libp2p",
    "tokio",
    "futures",
    "sled",
    "getrandom",
    "Instant",
    "SystemTime",
    "OsRng",
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::thread",
    "std::env",
    "std::process",
];

/// The row of a module, by its place in [`TABLE`].
fn row_of(module: &str) -> Option<usize> {
    TABLE.iter().position(|row| row.modules.contains(&module))
}

/// The module a file belongs to, as the table names it. `lib.rs` belongs to none.
fn module_of(path: &str) -> Option<String> {
    let inner = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut parts = inner.split('/');
    let (first, second) = (parts.next()?, parts.next().unwrap_or_default());
    let part = format!("{first}::{second}");
    match row_of(&part) {
        Some(_) => Some(part),
        None if first == "lib" => None,
        None => Some(first.to_owned()),
    }
}

/// Every `crate::a::b` of a file as (offset, "a::b"), `crate::{a::b, c}` included.
fn imports(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in source.words("crate") {
        let Some(rest) = source.code[at..].strip_prefix("crate::") else { continue };
        match rest.strip_prefix('{') {
            None => found.push((at, rest.to_owned())),
            Some(list) => found.extend(items(list).into_iter().map(|item| (at, item))),
        }
    }
    for (_, path) in &mut found {
        let names: Vec<&str> = path.splitn(3, "::").map(leading_name).take(2).collect();
        *path = names.join("::");
    }
    found
}

/// The items of a use list at its own level, up to its closing brace.
fn items(list: &str) -> Vec<String> {
    let (mut depth, mut found) = (0usize, vec![String::new()]);
    for c in list.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => found.push(String::new()),
            c => found.last_mut().expect("begins with one").push(c),
        }
    }
    found.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

fn leading_name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// What is wrong with one file's imports.
fn complaints(source: &Source) -> Vec<String> {
    let Some(module) = module_of(&source.path) else { return Vec::new() };
    let Some(row) = row_of(&module) else {
        return vec![format!("{}: module `{module}` has no row in the import table", source.path)];
    };
    let shell = TABLE.iter().position(|row| row.name == SHELL).expect("the shell has a row");
    let top = module.split("::").next().unwrap_or_default();
    let mut found = Vec::new();
    for (at, import) in imports(source) {
        let target = match row_of(&import) {
            Some(_) => import.as_str(),
            None => leading_name(&import),
        };
        let (name, own) = (target, leading_name(target) == top);
        match row_of(target) {
            Some(other) if other >= row && !own => {
                found.push(format!(
                    "{}`{module}` (row {}) names `{name}` (row {})",
                    source.at(at),
                    TABLE[row].name,
                    TABLE[other].name
                ));
            }
            _ => {}
        }
    }
    if row < shell {
        for word in WORLD {
            for at in source.words(word) {
                found.push(format!("{}`{word}` below row {SHELL}", source.at(at)));
            }
        }
    }
    found
}

#[test]
fn no_module_imports_what_stands_beside_or_above_it() {
    let all: Vec<String> = crate::rust_files("src").iter().flat_map(complaints).collect();
    crate::none(
        "move the decision down or the effect up (ARCHITECTURE.md, \"Who may import whom\"); a new module gets a row in \
         tests/guards/layers.rs and in ARCHITECTURE.md",
        &all,
    );
}

#[test]
fn the_table_for_readers_is_the_table_in_force() {
    let page = crate::text_of("ARCHITECTURE.md");
    let line = |row: &Row| {
        let modules: Vec<String> = row.modules.iter().map(|module| format!("`{module}`")).collect();
        format!("| {} | {} | {} |", row.name, row.about, modules.join(" "))
    };
    let missing: Vec<String> = TABLE.iter().map(line).filter(|line| !page.contains(line)).collect();
    crate::none("put these rows into ARCHITECTURE.md, \"Who may import whom\"", &missing);
}

#[test]
fn every_top_module_of_the_library_says_when_it_is_less_strict() {
    let source = Source::read("src/lib.rs".as_ref());
    let strict = [
        "clippy::unwrap_used",
        "clippy::expect_used",
        "clippy::panic",
        "clippy::indexing_slicing",
        "clippy::as_conversions",
        "clippy::arithmetic_side_effects",
    ];
    let head = &source.code[..source.code.find("\npub mod").expect("modules")];
    let mut found: Vec<String> = strict
        .iter()
        .filter(|lint| !head.contains(**lint))
        .map(|lint| format!("src/lib.rs: {lint} is off"))
        .collect();
    for file in crate::rust_files("src") {
        let below = module_of(&file.path).and_then(|module| row_of(&module));
        let low = below.is_some_and(|row| TABLE[row].name < "5");
        for at in file.words("allow") {
            let attribute = file.code[..at].trim_end().ends_with(['[', '(', ','])
                && file.code[at..].starts_with("allow(");
            if low && attribute {
                found.push(format!("{}allow(…) in layers 0-4", file.at(at)));
            }
        }
    }
    crate::none("use #[expect(lint, reason = \"the invariant\")] at the smallest place", &found);
}

#[test]
fn a_forbidden_import_is_found_in_every_spelling() {
    let file = |path: &str, raw: &str| {
        let code = crate::source::code_only(raw);
        complaints(&Source { path: path.to_owned(), raw: raw.to_owned(), code })
    };
    for (path, raw) in [
        ("src/wire.rs", "use crate::service::Service;"),
        ("src/wire/fields.rs", "use crate::{id::UserId, entry::Entry};"),
        ("src/sync.rs", "fn f() { crate::mail::put() }"),
        ("src/sync/frame.rs", "use tokio::sync::mpsc;"),
        ("src/service.rs", "use crate::store::disk::Disk;"),
        ("src/service.rs", "let now = std::time::Instant::now();"),
        ("src/surprise.rs", "fn f() {}"),
    ] {
        assert_eq!(file(path, raw).len(), 1, "{path}: {raw}");
    }
    for (path, raw) in [
        ("src/wire.rs", "// crate::service\nuse crate::id::UserId;"),
        ("src/sync/frame.rs", "use crate::sync::Session; use crate::{wire::{Reader, Writer}, id::UserId};"),
        ("src/store/disk.rs", "use crate::store::Store; use sled::Db;"),
        ("src/net/driver.rs", "use tokio::sync::mpsc;"),
        ("src/lib.rs", "pub use crate::client::Client;"),
    ] {
        assert_eq!(file(path, raw), Vec::<String>::new(), "{path}: {raw}");
    }
}
