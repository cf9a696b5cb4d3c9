//! How long a post takes until it is stored and flushed, and what the protocol's core costs beside the bare primitives.
//!
//! `cargo build --release && cargo run --release --example measure [-- --json] [--posts 200] [--program PATH]`
//!
//! Posting is measured three ways on one home: by the command line (a process for each post, against a running node; the
//! program is looked for beside this example), by many hands at the library's client, and by one. A post is answered
//! only when it lies behind a barrier of the disk. Sealing and signing, verifying and opening are measured on one
//! thread, beside ed25519-dalek and chacha20poly1305 called directly with the same bytes in the same run: the rest is
//! what keys, commitments, hashes and checks add.

#![expect(clippy::disallowed_methods, reason = "what is measured is time")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use ed25519_dalek::Signer;
use tidings::ask::PostDraft;
use tidings::client::{Client, Config};
use tidings::crypto::keys;
use tidings::crypto::{Entropy, EpochSecret, Nonce, SigningKey};
use tidings::entry::{Draft, Entry, Unverified, write_with_nonce};
use tidings::limits::ENTRY_PADDED_MIN;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How long each primitive is run.
const SPAN: Duration = Duration::from_secs(1);
/// Bytes of a header that the seal covers, and that are signed with their domain (docs/protocol.md 3.4).
const SEALED_HEAD_LEN: usize = 90;
const SIGNED_LEN: usize = 122;

/// What was asked for on the command line.
struct Options {
    json: bool,
    posts: usize,
    program: Option<PathBuf>,
}

fn main() -> Result<()> {
    let options = options()?;
    let report = Report { json: options.json };
    report.note(&format!(
        "built {}; {} posts each way",
        if cfg!(debug_assertions) {
            "as dev (dependencies optimised, this project not)"
        } else {
            "as release"
        },
        options.posts
    ));
    by_command_line(&options, &report)?;
    by_client(&options, &report)?;
    core(&report);
    Ok(())
}

fn options() -> Result<Options> {
    let mut options = Options { json: false, posts: 100, program: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => options.json = true,
            "--posts" => options.posts = words.next().ok_or("--posts wants a number")?.parse()?,
            "--program" => options.program = Some(words.next().ok_or("--program wants a path")?.into()),
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    if options.posts == 0 {
        return Err("at least one post is measured".into());
    }
    Ok(options)
}

/// Prints a table, or a line of JSON for each row.
struct Report {
    json: bool,
}

impl Report {
    fn note(&self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }

    fn times(&self, what: &str, times: &mut [Duration]) {
        times.sort();
        let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
        let (p50, p99, most) = (at(50), at(99), at(100));
        if self.json {
            let row = serde_json::json!({"what": what, "count": times.len(), "p50_ms": p50, "p99_ms": p99, "max_ms": most});
            println!("{row}");
        } else {
            println!("{what:<58} p50 {p50:>8.2} ms   p99 {p99:>8.2} ms   max {most:>8.2} ms");
        }
    }

    fn rate(&self, what: &str, bytes: usize, per_second: f64) {
        if self.json {
            println!("{}", serde_json::json!({"what": what, "bytes": bytes, "per_second": per_second}));
        } else {
            println!("{what:<46} {bytes:>6} B {per_second:>12.0} /s {:>9.1} µs", 1e6 / per_second);
        }
    }
}

/// A node that runs, ended with its value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program beside this example: `target/X/examples/measure` and `target/X/tidings`.
fn program_beside() -> Option<PathBuf> {
    let here = std::env::current_exe().ok()?;
    let found = here.parent()?.parent()?.join(format!("tidings{}", std::env::consts::EXE_SUFFIX));
    found.is_file().then_some(found)
}

fn by_command_line(options: &Options, report: &Report) -> Result<()> {
    let Some(program) = options.program.clone().or_else(program_beside) else {
        report.note("post by the command line: left out, the program is not built (cargo build)");
        return Ok(());
    };
    let home = tempfile::tempdir()?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("--home").arg(home.path()).arg("--json").args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let run =
        ["run", "--no-open", "--name", "Ada", "--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let _node = Running(command(&run).spawn()?);
    wait_for(&home.path().join("run.json"))?;
    let timed = |arguments: &[&str]| -> Result<Duration> {
        let begun = Instant::now();
        let status = command(arguments).status()?;
        if status.success() {
            Ok(begun.elapsed())
        } else {
            Err(format!("{arguments:?} ended with {status}").into())
        }
    };
    timed(&["post", "the first opens an epoch"])?;
    let mut asking = (0..options.posts).map(|_| timed(&["whoami"])).collect::<Result<Vec<_>>>()?;
    let mut posting =
        (0..options.posts).map(|n| timed(&["post", &format!("moment {n}")])).collect::<Result<Vec<_>>>()?;
    report.times("post by the command line, process included", &mut posting);
    report.times("a command that only asks (whoami), process included", &mut asking);
    Ok(())
}

fn wait_for(file: &Path) -> Result<()> {
    let begun = Instant::now();
    while !file.is_file() {
        if begun.elapsed() > Duration::from_secs(30) {
            return Err("the node does not start".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn by_client(options: &Options, report: &Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let home = tempfile::tempdir()?;
        Client::create_identity(home.path(), "Ada")?;
        let client = Client::open(Config { network: false, ..Config::new(home.path()) }).await?;
        let post = |n: usize| {
            let client = client.clone();
            async move {
                let begun = Instant::now();
                client.post(PostDraft { text: format!("moment {n}"), ..PostDraft::default() }).await?;
                Ok::<_, tidings::error::Error>(begun.elapsed())
            }
        };
        post(0).await?;
        let mut one = Vec::new();
        for n in 0..options.posts {
            one.push(post(n).await?);
        }
        report.times("post through the client, one after the other", &mut one);
        let begun = Instant::now();
        let all: Vec<_> = (0..options.posts).map(|n| tokio::spawn(post(n))).collect();
        let mut many = Vec::new();
        for posted in all {
            many.push(posted.await??);
        }
        let per_second = many.len() as f64 / begun.elapsed().as_secs_f64();
        report.times("post through the client, all at once", &mut many);
        report.note(&format!("    that is {per_second:.0} flushed posts a second; they share barriers"));
        client.close().await?;
        Ok(())
    })
}

/// How often something can be done in a second.
fn rate(mut work: impl FnMut()) -> f64 {
    // Warm up: tables of the curve, caches.
    (0..50).for_each(|_| work());
    let (begun, mut count) = (Instant::now(), 0u32);
    while begun.elapsed() < SPAN {
        (0..20).for_each(|_| work());
        count += 20;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

fn core(report: &Report) {
    let mut entropy = Entropy::from_number(1);
    let epoch_key = SigningKey::random(&mut entropy);
    let secret = EpochSecret::random(&mut entropy);
    let read_key = keys::read_key(&secret);
    let epoch = keys::epoch_id(epoch_key.public().as_bytes());
    for len in [200, 2_000, 8_000] {
        let content = vec![b'x'; len];
        let mut seq = 0;
        let mut write = || {
            seq += 1;
            let draft = Draft {
                epoch_key: &epoch_key,
                epoch,
                read_key: &read_key,
                seq,
                expire_day: None,
                content: &content,
                min_padded: ENTRY_PADDED_MIN,
            };
            write_with_nonce(draft, Nonce::random(&mut entropy)).expect("it fits an entry")
        };
        let (header, body) = write().into_parts();
        report.rate("entry: seal and sign", len, rate(|| drop(std::hint::black_box(write()))));
        let public = epoch_key.public();
        let read = || {
            let entry =
                Entry::<Unverified>::from_parts(header.bytes(), body.clone()).expect("it is an entry");
            let verified = entry.verify(&public).expect("it is signed");
            verified.open_with(&read_key).expect("it opens")
        };
        report.rate("entry: verify and open", len, rate(|| drop(std::hint::black_box(read()))));
        primitives(report, body.len() - 16);
    }
}

/// The bare primitives on as many bytes.
fn primitives(report: &Report, padded_len: usize) {
    let bare = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let public = bare.verifying_key().to_bytes();
    // The domain of entries and its zero byte stand before what is signed.
    let message = [&b"tidings/v1/entry\0"[..], &[1; SIGNED_LEN]].concat();
    let signature = bare.sign(&message);
    let verify = || {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&public).expect("a point");
        key.verify_strict(&message, &signature).expect("it is signed")
    };
    let (key, nonce, head, plain) = ([9; 32], [3; 24], [5; SEALED_HEAD_LEN], vec![b'x'; padded_len]);
    let cipher = || XChaCha20Poly1305::new((&key).into());
    let seal = || cipher().encrypt(&nonce.into(), Payload { msg: &plain, aad: &head }).expect("it is short");
    let sealed = seal();
    let open = || cipher().decrypt(&nonce.into(), Payload { msg: &sealed, aad: &head }).expect("it opens");
    let [sign, seal, verify, open] = [
        rate(|| {
            std::hint::black_box(bare.sign(&message));
        }),
        rate(|| drop(std::hint::black_box(seal()))),
        rate(verify),
        rate(|| drop(std::hint::black_box(open()))),
    ];
    report.rate("  ed25519-dalek sign", message.len(), sign);
    report.rate("  ed25519-dalek verify_strict, key from bytes", message.len(), verify);
    report.rate("  xchacha20poly1305 seal", padded_len, seal);
    report.rate("  xchacha20poly1305 open", padded_len, open);
    report.rate("  both primitives: sign and seal", padded_len, 1.0 / (1.0 / sign + 1.0 / seal));
    report.rate("  both primitives: verify and open", padded_len, 1.0 / (1.0 / verify + 1.0 / open));
}
