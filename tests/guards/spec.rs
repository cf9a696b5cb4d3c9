//! The code's numbers and strings are the protocol's: every limit says where it comes from, and where it says the
//! protocol, the protocol says that number; every domain and derivation context stands there, and none twice.

use std::collections::BTreeMap;

const PROTOCOL: &str = "docs/protocol.md";

/// One `pub const` of `limits.rs`.
struct Limit {
    name: String,
    doc: String,
    value: u128,
    /// Worked out from other limits, so that the protocol need not say the result.
    is_derived: bool,
}

/// The sections of the protocol text by number, each as one line of text.
fn sections() -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    let mut current = String::new();
    for line in crate::text_of(PROTOCOL).lines() {
        if line.starts_with("## ") || line.starts_with("### ") {
            let number = line.trim_start_matches('#').split_whitespace().next().unwrap_or_default();
            if number.starts_with(|c: char| c.is_ascii_digit()) {
                current = number.to_owned();
            }
        }
        let section = found.entry(current.clone()).or_default();
        section.push_str(line);
        section.push(' ');
    }
    found
}

/// Every limit, its value worked out: products, sums and shifts of numbers and of limits that stand above it.
fn limits() -> Vec<Limit> {
    let mut known = BTreeMap::from([("crate::time::DAY_MS".to_owned(), 86_400_000u128)]);
    let (mut doc, mut found) = (String::new(), Vec::new());
    for line in crate::text_of("src/limits.rs").lines() {
        if let Some(text) = line.strip_prefix("///") {
            doc.push_str(text);
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            let (name, rest) = rest.split_once(':').expect("a type");
            let (_, value) = rest.split_once('=').expect("a value on the same line");
            let is_derived = value.contains("_LIMIT") || value.contains("_LEN");
            let value = value.trim().trim_end_matches(';');
            let doc = std::mem::take(&mut doc);
            // Of a list each item is a limit of that name.
            if let Some(items) = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                for item in items.split(',').filter(|item| !item.trim().is_empty()) {
                    let value = evaluate(item, &known);
                    found.push(Limit { name: name.to_owned(), doc: doc.clone(), value, is_derived });
                }
                continue;
            }
            let value = evaluate(value, &known);
            known.insert(name.to_owned(), value);
            found.push(Limit { name: name.to_owned(), doc, value, is_derived });
        } else {
            doc.clear();
        }
    }
    found
}

fn evaluate(text: &str, known: &BTreeMap<String, u128>) -> u128 {
    let binary = |sign: &str| text.rsplit_once(sign).map(|(a, b)| (evaluate(a, known), evaluate(b, known)));
    let text = text.trim();
    if let Some((a, b)) = binary(" << ") {
        a << b
    } else if let Some((a, b)) = binary(" + ") {
        a + b
    } else if let Some((a, b)) = binary(" - ") {
        a - b
    } else if let Some((a, b)) = binary(" * ") {
        a * b
    } else if let Some(value) = known.get(text) {
        *value
    } else {
        text.replace('_', "")
            .parse()
            .unwrap_or_else(|_| panic!("src/limits.rs: `{text}` is no number I can work out"))
    }
}

/// The ways in which a text may write a number of this name.
fn spellings(limit: &Limit) -> Vec<String> {
    let value = limit.value;
    let mut forms = vec![value.to_string(), with_commas(value)];
    let units: &[(&str, u128)] = if limit.name.ends_with("_MS") {
        &[
            ("s", 1_000),
            ("min", 60_000),
            ("minutes", 60_000),
            ("h", 3_600_000),
            ("d", 86_400_000),
            ("day", 86_400_000),
        ]
    } else {
        &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
    };
    for (unit, size) in units {
        if value.is_multiple_of(*size) {
            forms.push(format!("{} {unit}", value / size));
        }
    }
    if value.is_power_of_two() {
        forms.push(format!("2^{}", value.ilog2()));
    }
    let words = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    forms.extend(usize::try_from(value).ok().and_then(|i| words.get(i)).map(|word| (*word).to_owned()));
    forms
}

fn with_commas(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Whether `form` stands in `text` as a number of its own, not as a part of a longer one.
fn stands_in(text: &str, form: &str) -> bool {
    text.match_indices(form).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + form.len()..].chars().next();
        let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        !digit(before) && !matches!(before, Some('.' | ',')) && !digit(after)
    })
}

/// The text between the stars of a doc comment: `spec 3.4`, `guess`, `measured: where`.
fn origin(doc: &str) -> Option<&str> {
    let (_, rest) = doc.split_once('*')?;
    rest.split_once('*').map(|(origin, _)| origin)
}

#[test]
fn every_limit_says_where_it_comes_from_and_the_protocol_agrees() {
    let sections = sections();
    let mut found = Vec::new();
    for limit in limits() {
        let Some(origin) = origin(&limit.doc) else {
            found.push(format!("{}: no origin", limit.name));
            continue;
        };
        if ["guess", "measured", "chosen"].iter().any(|word| origin.starts_with(word)) {
            continue;
        }
        let numbers =
            origin.split(|c: char| !c.is_ascii_digit() && c != '.').filter(|word| word.contains('.'));
        let text: Vec<&str> = numbers.filter_map(|number| sections.get(number)).map(String::as_str).collect();
        if !origin.starts_with("spec") || text.is_empty() {
            found.push(format!("{}: `{origin}` is no section of {PROTOCOL}", limit.name));
        } else if !limit.is_derived
            && !spellings(&limit).iter().any(|form| text.iter().any(|text| stands_in(text, form)))
        {
            found.push(format!("{} = {}: {origin} does not say that number", limit.name, limit.value));
        }
    }
    assert!(!limits().is_empty(), "src/limits.rs holds limits");
    crate::none(
        "end the doc comment with *spec 3.4* (and say the number there), *measured: where*, *chosen: why* or *guess*",
        &found,
    );
}

#[test]
fn every_domain_and_context_stands_in_the_protocol_and_none_twice() {
    let protocol = crate::text_of(PROTOCOL);
    let (mut derivations, mut domains) = (Vec::new(), Vec::new());
    let mut found = Vec::new();
    for source in crate::rust_files("src") {
        let tests = source.path.ends_with("tests.rs");
        let shipped = source.raw.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in shipped.match_indices("\"tidings").filter(|_| !tests) {
            let line = shipped[..at].rsplit('\n').next().unwrap_or_default();
            if line.trim_start().starts_with("//") {
                continue;
            }
            let text = shipped[at + 1..].split('"').next().unwrap_or_default();
            let derives = shipped[..at].trim_end().ends_with("kdf!(");
            if text.starts_with("tidings v1 test ") {
                // Never on a wire or a disk: seeds for tests and simulations.
                continue;
            }
            if text.starts_with("tidings/v1/") {
                domains.push(text.to_owned());
            } else if !text.starts_with("tidings v1 ") {
                continue;
            } else if derives {
                derivations.push(text.to_owned());
            }
            if !protocol.contains(text) {
                found.push(format!("{}\"{text}\" is not in {PROTOCOL}", source.at(at)));
            }
        }
    }
    assert!(derivations.len() > 10 && domains.len() > 4, "the strings are found where they are used");
    for (at, context) in derivations.iter().enumerate() {
        if derivations[..at].contains(context) {
            found.push(format!("\"{context}\" derives in two places"));
        }
    }
    for (at, domain) in domains.iter().enumerate() {
        for (other, longer) in domains.iter().enumerate() {
            if at != other && longer.starts_with(domain.as_str()) {
                found.push(format!("\"{domain}\" is a prefix of \"{longer}\""));
            }
        }
    }
    crate::none(
        "one string, one use, written in the protocol before the first byte is signed or derived",
        &found,
    );
}

#[test]
fn numbers_are_found_in_the_spellings_of_the_protocol() {
    let limit =
        |name: &str, value| Limit { name: name.to_owned(), doc: String::new(), value, is_derived: false };
    let says = |limit: &Limit, text: &str| spellings(limit).iter().any(|form| stands_in(text, form));
    assert!(says(&limit("A_LIMIT", 8_192), "at most 8,192 tags"));
    assert!(says(&limit("A_LIMIT", 8_192), "at most 8 KiB"));
    assert!(says(&limit("A_MS", 600_000), "held for 10 min"));
    assert!(says(&limit("A_LIMIT", 3), "at most three couriers"));
    assert!(!says(&limit("A_LIMIT", 30), "300 bytes, 130 bytes, 1,30"));
    let known = BTreeMap::from([("A".to_owned(), 65_536)]);
    assert_eq!(evaluate("A + 16", &known), 65_552);
    assert_eq!(evaluate("2 * 1024 * 1024", &known), 2_097_152);
    assert_eq!(evaluate("1 << 48", &known), 1 << 48);
}
