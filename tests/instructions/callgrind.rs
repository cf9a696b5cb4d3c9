//! Runs this very program under callgrind, and reads what it wrote.
//!
//! callgrind counts the instructions that each function executes, and what each call cost. They are collected only inside
//! of [`collected`], so that neither the start of the program nor the making ready of a round is in the figure.
//!
//! **Which instructions count.** Those of this library, and those that other functions execute on its behalf: containers,
//! iterators, parsing. Not those of the cryptography and of what *it* calls, nor of the system's C library: they look at the
//! processor as they start (AVX2, SHA and more), so that another machine runs other instructions for the same work. A
//! function that both sides call is counted by the share of its cost that our calls had. Whether the cryptography is called
//! more often than before is seen by a figure of its own: how often it is called.
//!
//! What it does not do: time. A page of memory that is not in the cache costs nothing here (`benches/core` times).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Says to the program under callgrind what it is there for.
pub(crate) const WORK: &str = "TIDINGS_COUNTED_WORK";

/// What to do without valgrind.
const INSTALL: &str = "valgrind is needed: apt-get install -y valgrind, or ./check --install";

/// Crates that choose by what the processor can do, and those whose generic code is theirs in what it does.
const CHOSEN_BY_MACHINE: [&str; 23] = [
    "aead",
    "aws_lc_rs",
    "bao_tree",
    "blake3",
    "block_buffer",
    "chacha20",
    "chacha20poly1305",
    "cipher",
    "cpufeatures",
    "crypto_common",
    "ctutils",
    "curve25519_dalek",
    "digest",
    "ed25519",
    "ed25519_dalek",
    "hybrid_array",
    "inout",
    "memchr",
    "poly1305",
    "sha2",
    "typenum",
    "universal_hash",
    "x25519_dalek",
];

/// Of these, the crates whose calls are counted: each is a hash, a key, a seal or a signature.
const CRYPTOGRAPHY: [&str; 7] = [
    "aws_lc_rs",
    "blake3",
    "chacha20",
    "chacha20poly1305",
    "curve25519_dalek",
    "ed25519_dalek",
    "x25519_dalek",
];

/// How often shares are worked out anew from those of the callers: deeper chains of shared functions than this weigh
/// nothing.
const SHARE_ROUNDS: usize = 40;

/// The part of a round that is measured. Its name is what callgrind looks for.
#[inline(never)]
pub(crate) fn collected(work: &mut dyn FnMut()) {
    work();
}

/// What one run executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    /// Instructions that count.
    pub(crate) ours: u64,
    /// Calls of the cryptography by what counts.
    pub(crate) crypto_calls: u64,
    /// All of them, on this machine.
    pub(crate) all: u64,
}

/// Counts the test `test` of this program, which is told to do `work`.
pub(crate) fn run(test: &str, work: &str) -> Result<Count, String> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind.{test}.{}", std::process::id()));
    let this = std::env::current_exe().map_err(|error| format!("where this program lies: {error}"))?;
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*callgrind*collected*"])
        .args(["--compress-strings=no", "--compress-pos=no", "--demangle=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(&this)
        .args(["--exact", test, "--test-threads=1", "--nocapture"])
        .env(WORK, work)
        .output()
        .map_err(|error| format!("{INSTALL} ({error})"))?;
    if !ran.status.success() {
        let said = [ran.stdout, ran.stderr].concat();
        return Err(format!(
            "the counted run ended with {}:\n{}",
            ran.status,
            String::from_utf8_lossy(&said)
        ));
    }
    let text = std::fs::read_to_string(&out).map_err(|error| format!("what callgrind wrote: {error}"))?;
    std::fs::remove_file(&out).map_err(|error| format!("to tidy up: {error}"))?;
    count(&Profile::parse(&text, &this.to_string_lossy()))
}

/// What callgrind wrote.
#[derive(Debug, Default)]
struct Profile<'a> {
    functions: BTreeMap<&'a str, Function>,
    /// From one function to another.
    calls: BTreeMap<(&'a str, &'a str), Calls>,
}

#[derive(Debug, Default)]
struct Function {
    cost: u64,
    /// It stands in this program, not in a library of the system.
    is_in_program: bool,
}

/// Calls from one function to another.
#[derive(Debug, Default)]
struct Calls {
    count: u64,
    /// What they cost in all, callees included.
    cost: u64,
}

impl<'a> Profile<'a> {
    /// # Layout
    /// `ob=FILE` and `fn=NAME` say whose lines follow; a line `NUMBER COST` is the function's own cost. After `cfn=NAME`
    /// and `calls=COUNT …` one such line is what the calls cost; the function's own lines do not hold it.
    fn parse(text: &'a str, program: &str) -> Self {
        let mut profile = Self::default();
        let (mut is_in_program, mut current, mut callee, mut called) = (false, "", "", None);
        for line in text.lines() {
            if let Some(object) = line.strip_prefix("ob=") {
                is_in_program = object == program;
            } else if let Some(name) = line.strip_prefix("fn=") {
                current = base(name);
                profile.functions.entry(current).or_default().is_in_program = is_in_program;
            } else if let Some(name) = line.strip_prefix("cfn=") {
                callee = base(name);
            } else if let Some(count) = line.strip_prefix("calls=") {
                called = count.split(' ').next().and_then(|count| count.parse::<u64>().ok());
            } else if line.starts_with(|first: char| first.is_ascii_digit()) {
                let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
                if let Some(count) = called.take() {
                    let calls = profile.calls.entry((current, callee)).or_default();
                    calls.count += count;
                    calls.cost += cost;
                } else {
                    profile.functions.entry(current).or_default().cost += cost;
                }
            }
        }
        profile
    }
}

/// A function's name without the mark of how deep it calls itself.
fn base(name: &str) -> &str {
    name.split_once('\'').map_or(name, |(name, _)| name)
}

/// What stands before the name of a type in a symbol: `<`, `&`, `mut `, `dyn `, `[`.
const MARKS: [&str; 6] = ["_$LT$", "$LT$", "$RF$", "mut$u20$", "dyn$u20$", "$u5b$"];

/// The crate in which a function was written, or the type that it belongs to; empty for a function of no crate.
///
/// # Layout
/// `_ZN` and the parts of the path, each behind its length. The first is the crate; or it stands for an implementation,
/// and has the path of its type between marks, with dots between the names.
fn crate_of(symbol: &str) -> &str {
    let Some(path) = symbol.strip_prefix("_ZN") else { return "" };
    let digits = path.bytes().take_while(u8::is_ascii_digit).count();
    let length: usize = path[..digits].parse().unwrap_or(0);
    let mut part = path.get(digits..digits + length).unwrap_or("");
    while let Some(rest) = MARKS.iter().find_map(|mark| part.strip_prefix(mark)) {
        part = rest;
    }
    part.split(['.', '$']).next().unwrap_or("")
}

/// What counts of a profile.
fn count(profile: &Profile<'_>) -> Result<Count, String> {
    let ours = |name: &str| matches!(crate_of(name), "tidings" | "instructions");
    let fixed = |name: &str, function: &Function| {
        if !function.is_in_program || CHOSEN_BY_MACHINE.contains(&crate_of(name)) {
            Some(0.0)
        } else {
            ours(name).then_some(1.0)
        }
    };
    let mut shares: BTreeMap<&str, f64> = profile
        .functions
        .iter()
        .map(|(name, function)| (*name, fixed(name, function).unwrap_or(0.0)))
        .collect();
    if !profile.functions.keys().any(|name| crate_of(name) == "tidings") {
        return Err("callgrind saw no function of this library: are its symbols' names read rightly?".into());
    }
    for _ in 0..SHARE_ROUNDS {
        let mut called: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for ((caller, callee), calls) in &profile.calls {
            let (counted, all) = called.entry(callee).or_default();
            *counted += calls.cost as f64 * shares.get(caller).copied().unwrap_or(0.0);
            *all += calls.cost as f64;
        }
        for (name, function) in &profile.functions {
            let by_callers = called.get(name).filter(|(_, all)| *all > 0.0);
            let share = by_callers.map_or(0.0, |(counted, all)| counted / all);
            shares.insert(name, fixed(name, function).unwrap_or(share));
        }
    }
    let cost = |(name, function): (&&str, &Function)| function.cost as f64 * shares[name];
    let crypto = profile.calls.iter().filter(|((_, callee), _)| CRYPTOGRAPHY.contains(&crate_of(callee)));
    let crypto =
        crypto.map(|((caller, _), calls)| calls.count as f64 * shares.get(caller).copied().unwrap_or(0.0));
    Ok(Count {
        crypto_calls: crypto.sum::<f64>().round() as u64,
        ours: profile.functions.iter().map(cost).sum::<f64>().round() as u64,
        all: profile.functions.values().map(|function| function.cost).sum(),
    })
}

#[test]
fn a_function_is_known_by_its_crate() {
    for (symbol, known) in [
        ("_ZN7tidings4wire6Reader2u817h0123456789abcdefE", "tidings"),
        ("_ZN54_$LT$tidings..id..EpochId$u20$as$u20$core..cmp..Ord$GT$3cmp17h0123456789abcdefE", "tidings"),
        (
            "_ZN62_$LT$$RF$mut$u20$chacha20..xchacha..X$u20$as$u20$core..A$GT$1a17h0123456789abcdefE",
            "chacha20",
        ),
        ("_ZN50_$LT$$u5b$T$u5d$$u20$as$u20$core..ops..Index$GT$5index17h0123456789abcdefE", "T"),
        ("_ZN4core3num23_$LT$impl$u20$usize$GT$13unchecked_add17h0123456789abcdefE", "core"),
        ("memcpy", ""),
        ("_ZN", ""),
        ("_ZN99x", ""),
    ] {
        assert_eq!(crate_of(symbol), known, "{symbol}");
    }
}

#[test]
fn a_shared_function_counts_by_the_share_of_our_calls() {
    // Ours costs 100 itself and calls a container (30, of which 10 in the C library) and the cipher (500), which calls the
    // same container (60, of which 20 in the C library).
    let text = "\
ob=/program
fn=_ZN7tidings4seal17hE
1 100
cfn=_ZN5alloc3vec17hE
calls=1 1
2 30
cfn=_ZN8chacha205apply17hE
calls=3 1
3 500
fn=_ZN5alloc3vec17hE
1 60
cob=/libc
cfn=memcpy
calls=2 1
1 30
fn=_ZN5alloc3vec17hE'2
7 1
fn=_ZN8chacha205apply17hE
1 440
cfn=_ZN5alloc3vec17hE
calls=1 1
2 60
ob=/libc
fn=memcpy
1 30
";
    let profile = Profile::parse(text, "/program");
    // A third of the container's 61.
    assert_eq!(count(&profile), Ok(Count { ours: 120, crypto_calls: 3, all: 631 }));
    let strange = Profile::parse("ob=/program\nfn=main\n1 5\n", "/program");
    assert!(count(&strange).is_err(), "names that cannot be read are no small count");
}
