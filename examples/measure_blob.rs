//! How fast a blob goes from one node to another, beside a bare libp2p stream of the same run.
//!
//! `cargo run --release --example measure_blob [-- --json] [--rounds 5] [--mib 64]`
//!
//! Two nodes, each a process of its own, are friends over loopback, once over TCP and once over QUIC. One shares a film
//! of 64 MiB; sealing it is not in the time. The clock of the other runs from the moment that names the film until every
//! byte was verified, stored durably under its id, opened and read. The floor is the same count of bytes through a
//! connection of libp2p with the same transports between the same two processes, nothing verified and nothing stored
//! (`net::floor`). Rounds of both alternate, so that a busy minute meets both; the medians count.

#![expect(clippy::disallowed_methods, reason = "what is measured is time")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tidings::ask::{InviteDraft, PostDraft, VideoDraft};
use tidings::client::{Client, Config, EventStream};
use tidings::id::BlobId;
use tidings::net::floor;
use tidings::view::Happening;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Bytes that are read of the film at a time.
const READ_LEN: usize = 1024 * 1024;

struct Options {
    json: bool,
    rounds: usize,
    bytes: u64,
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["author", home, listen, bytes] => {
            let ended = runtime.block_on(author(Path::new(home), listen, bytes.parse()?));
            if let Err(error) = &ended {
                // Said at once: the other process waits.
                eprintln!("the author's process: {error}");
            }
            ended
        }
        words => {
            let options = options(words)?;
            for transport in ["tcp", "quic"] {
                runtime.block_on(measure(transport, &options))?;
            }
            Ok(())
        }
    }
}

fn options(words: &[&str]) -> Result<Options> {
    let mut options = Options { json: false, rounds: 5, bytes: 64 << 20 };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--json" => options.json = true,
            "--rounds" => options.rounds = words.next().ok_or("--rounds wants a number")?.parse()?,
            "--mib" => {
                options.bytes = words.next().ok_or("--mib wants a number")?.parse::<u64>()? << 20;
            }
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    Ok(options)
}

fn listen_on(transport: &str) -> &'static str {
    if transport == "tcp" { "/ip4/127.0.0.1/tcp/0" } else { "/ip4/127.0.0.1/udp/0/quic-v1" }
}

/// The other process: serves the floor, and shares a film for each line it reads.
async fn author(home: &Path, listen: &str, bytes: u64) -> Result<()> {
    let (address, serving) = floor::serve(listen).await?;
    tokio::spawn(serving);
    Client::create_identity(home, "Alice")?;
    let client = Client::open(Config { listen: vec![listen.to_owned()], ..Config::new(home) }).await?;
    // An invite names the addresses that are known when it is made.
    while client.status().await?.listen.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let invite = client.invite(InviteDraft { auto_confirm: true, ..InviteDraft::default() }).await?;
    println!("{address}\n{}", invite.link);
    let film = home.join("film");
    for (round, line) in std::io::stdin().lines().enumerate() {
        line?;
        write_film(&film, bytes, round)?;
        let sealed = client.seal_file(film.clone()).await?;
        let video = VideoDraft {
            film: sealed,
            poster: None,
            mime: "video/mp4".into(),
            width: 1_920,
            height: 1_080,
            duration_ms: 15_000,
            thumbhash: Vec::new(),
            alt: None,
        };
        client
            .post(PostDraft { text: format!("film {round}"), video: Some(video), ..PostDraft::default() })
            .await?;
    }
    client.close().await?;
    Ok(())
}

/// A film as far as anybody here looks at it: how one begins, then bytes that differ from round to round.
fn write_film(path: &Path, bytes: u64, round: usize) -> Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    file.write_all(b"\0\0\0\x18ftypisom")?;
    let mut state = u64::try_from(round)? + 1;
    let mut block = [0u8; 4_096];
    let mut left = bytes - 12;
    while left > 0 {
        for chunk in block.chunks_exact_mut(8) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            chunk.copy_from_slice(&state.to_be_bytes());
        }
        let len = usize::try_from(left)?.min(block.len());
        file.write_all(&block[..len])?;
        left -= u64::try_from(len)?;
    }
    file.flush()?;
    Ok(())
}

struct Author {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Author {
    fn start(home: &Path, transport: &str, bytes: u64) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("author")
            .arg(home)
            .arg(listen_on(transport))
            .arg(bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no stdin")?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Self { child, stdin, stdout })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

impl Drop for Author {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn measure(transport: &str, options: &Options) -> Result<()> {
    let homes = tempfile::tempdir()?;
    let mut author = Author::start(&homes.path().join("author"), transport, options.bytes)?;
    let (address, link) = (author.line()?, author.line()?);
    let home = homes.path().join("reader");
    Client::create_identity(&home, "Bob")?;
    let client =
        Client::open(Config { listen: vec![listen_on(transport).into()], ..Config::new(&home) }).await?;
    let accepted = client.accept(&link, None, 30_000).await?;
    if accepted.state != "friends" {
        return Err(format!("the two are not friends but {}", accepted.state).into());
    }
    let mut heard = client.events(None);
    let (mut floors, mut ours, mut reads, mut disks, mut cpu) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    // The first round warms up and is not counted.
    for round in 0..=options.rounds {
        let floor = floor::fetch(&address, options.bytes).await?;
        writeln!(author.stdin, "share")?;
        let before = cpu_seconds();
        let (read, took) = received(&client, &mut heard, options.bytes).await?;
        let used = cpu_seconds() - before;
        let disk = write_and_sync(&homes.path().join("bare"), options.bytes)?;
        if round > 0 {
            floors.push(floor);
            ours.push(took);
            reads.push(read);
            disks.push(disk);
            cpu.push(used);
        }
    }
    client.close().await?;
    cpu.sort_by(f64::total_cmp);
    let rate = |times: &mut Vec<Duration>| {
        times.sort();
        options.bytes as f64 / 1e6 / times[times.len() / 2].as_secs_f64()
    };
    let rates = Rates {
        floor: rate(&mut floors),
        disk: rate(&mut disks),
        read: rate(&mut reads),
        stored: rate(&mut ours),
        cpu: cpu[cpu.len() / 2],
    };
    report(transport, options, &rates);
    Ok(())
}

/// The other floor: as many bytes written to a file and synced, nothing else.
fn write_and_sync(path: &Path, bytes: u64) -> Result<Duration> {
    let block = vec![7u8; READ_LEN];
    let begun = Instant::now();
    let mut file = std::fs::File::create(path)?;
    let mut left = bytes;
    while left > 0 {
        let len = usize::try_from(left)?.min(block.len());
        file.write_all(&block[..len])?;
        left -= u64::try_from(len)?;
    }
    file.sync_all()?;
    Ok(begun.elapsed())
}

/// From the moment that names the film to its last byte, stored and read.
/// Returns when all was read, and when it stood on the disk as well.
async fn received(client: &Client, heard: &mut EventStream, bytes: u64) -> Result<(Duration, Duration)> {
    let id = loop {
        let event = heard.next().await.ok_or("no more events")?;
        if let Happening::Moment { moment } = event.what
            && let Some(video) = moment.video
        {
            break video.id;
        }
    };
    let begun = Instant::now();
    let reader = client.clone();
    let reading = tokio::spawn(async move { (read_all(reader, id).await, begun.elapsed()) });
    loop {
        let event = heard.next().await.ok_or("no more events")?;
        if matches!(event.what, Happening::Blob { id: came, .. } if came == id) {
            break;
        }
    }
    let (read, read_after) = reading.await?;
    let took = begun.elapsed();
    if read? != bytes {
        return Err("not all of the film was read".into());
    }
    Ok((read_after, took))
}

async fn read_all(client: Client, id: BlobId) -> tidings::error::Result<u64> {
    let blob = client.blob_as_it_comes(&id, 60_000).await?;
    let mut at = 0u64;
    while at < blob.bytes() {
        let here = blob.here(at, 60_000).await?;
        let len = usize::try_from(here - at).unwrap_or(READ_LEN).min(READ_LEN);
        let bytes = blob.read(at, len)?;
        at += u64::try_from(bytes.len()).unwrap_or(0);
    }
    Ok(at)
}

/// CPU time of this process so far: the reader's side, its disk included.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// Medians, MB/s.
struct Rates {
    floor: f64,
    disk: f64,
    read: f64,
    stored: f64,
    /// Seconds of the reader's process.
    cpu: f64,
}

fn report(transport: &str, options: &Options, rates: &Rates) {
    let Rates { floor, disk, read, stored, cpu } = rates;
    if !options.json {
        println!(
            "{transport:<5} bare stream {floor:>6.1} MB/s   write and sync {disk:>6.1}   read {read:>6.1} ({:.2})   \
             stored {stored:>6.1} ({:.2} of the slower floor)   reader's CPU {cpu:.2} s",
            read / floor,
            stored / floor.min(*disk)
        );
        return;
    }
    let line = |job: &str, variant: &str, rate: &f64, ratio: Option<f64>| {
        let ours = job == "J6";
        let row = serde_json::json!({
            "job": job, "n": options.rounds, "variant": variant, "mb_per_s": rate, "ratio": ratio,
            "fsync": variant.ends_with("stored") || variant.ends_with("sync"), "verify": ours, "sealed": ours,
        });
        println!("{row}");
    };
    line("floor", &format!("J6 {transport} bare stream"), floor, None);
    line("floor", &format!("J6 {transport} write and sync"), disk, None);
    line("J6", &format!("{transport} read"), read, Some(read / floor));
    line("J6", &format!("{transport} stored"), stored, Some(stored / floor.min(*disk)));
}
