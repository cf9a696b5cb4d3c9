//! What a node of a bench does in J6: shares a film, waits for one and reads it; and the floors beside it.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidings::ask::{PostDraft, VideoDraft};
use tidings::client::{Client, EventStream};
use tidings::crypto::{BlobKey, apply_blob_stream};
use tidings::id::BlobId;
use tidings::net::floor;
use tidings::view::Happening;
use tokio::task::JoinHandle;

use super::node::ms;
use crate::error::{Error, Result};
use crate::limits::BENCH_PATIENCE_SECONDS;

/// Bytes that are read of a film at a time.
const READ_LEN: usize = 1024 * 1024;
/// Bytes that are hashed and encrypted at a time, as sealing does.
const BLOCK_LEN: usize = tidings::limits::BLOB_BUFFER_LEN;
/// How long a film may stand still, ms.
const WAIT_MS: u64 = 60_000;

/// Serves the bare stream from now on, as long as the process lives.
///
/// # Errors
/// If the address cannot be bound.
pub async fn serve_bare(listen: &str) -> Result<Value> {
    let (address, work) = floor::serve(listen).await.map_err(broken)?;
    tokio::spawn(work);
    Ok(json!({"address": address}))
}

/// Reads so many bytes from it.
///
/// # Errors
/// If the connection or the stream breaks.
pub async fn fetch_bare(address: &str, bytes: u64) -> Result<Value> {
    let took = floor::fetch(address, bytes).await.map_err(broken)?;
    Ok(json!({"ms": ms(took)}))
}

/// Writes so many bytes into a file and syncs it.
///
/// # Errors
/// If the disk refuses.
pub fn write_bare(home: &Path, bytes: u64) -> Result<Value> {
    let path = home.join("tmp").join("bench-bare");
    let write = || {
        let begun = Instant::now();
        write_sevens(&path, bytes)?.sync_all()?;
        let took = begun.elapsed();
        std::fs::remove_file(&path)?;
        Ok(took)
    };
    let took = write().map_err(|e: std::io::Error| Error::io("cannot write", &path, &e))?;
    Ok(json!({"ms": ms(took)}))
}

fn write_sevens(path: &Path, bytes: u64) -> std::io::Result<File> {
    let block = vec![7; READ_LEN];
    let mut file = File::create(path)?;
    let mut left = bytes;
    while left > 0 {
        let len = usize::try_from(left).unwrap_or(READ_LEN).min(READ_LEN);
        file.write_all(&block[..len])?;
        left -= len as u64;
    }
    Ok(file)
}

/// What a film takes of processors beside the stream, on one thread and without Tidings: written, read and hashed, read
/// and opened.
///
/// # Errors
/// If the disk refuses.
pub fn parts(home: &Path, bytes: u64) -> Result<Value> {
    let path = home.join("tmp").join("bench-parts");
    let work = || {
        write_sevens(&path, bytes)?;
        let mut hasher = blake3::Hasher::new();
        read_sevens(&path, |_, block| {
            hasher.update(block);
        })?;
        std::hint::black_box(hasher.finalize());
        let key = BlobKey::from_bytes([7; 32]);
        read_sevens(&path, |at, block| apply_blob_stream(&key, at, block))?;
        std::fs::remove_file(&path)
    };
    work().map_err(|e: std::io::Error| Error::io("cannot write or read", &path, &e))?;
    Ok(json!({}))
}

fn read_sevens(path: &Path, mut work: impl FnMut(u64, &mut [u8])) -> std::io::Result<()> {
    let mut block = vec![0; BLOCK_LEN];
    let mut file = File::open(path)?;
    let mut at = 0;
    loop {
        let len = file.read(&mut block)?;
        if len == 0 {
            return Ok(());
        }
        work(at, &mut block[..len]);
        at += len as u64;
    }
}

/// Seals a film that differs from round to round, and posts it.
///
/// # Errors
/// If the disk or the node refuses.
pub async fn share(client: &Client, home: &Path, bytes: u64, round: u64) -> Result<Value> {
    let path = home.join("tmp").join("bench-film");
    write_film(&path, bytes, round).map_err(|e| Error::io("cannot write", &path, &e))?;
    let film = client.seal_file(path).await?;
    let video = VideoDraft {
        film,
        poster: None,
        mime: "video/mp4".to_owned(),
        width: 1_920,
        height: 1_080,
        duration_ms: 15_000,
        thumbhash: Vec::new(),
        alt: None,
    };
    client.post(PostDraft { text: "a film".to_owned(), video: Some(video), ..PostDraft::default() }).await?;
    Ok(json!({}))
}

/// Seals a film that nobody will see. Beside it, in the same minute: hashing as many bytes, and encrypting them.
///
/// # Errors
/// If the disk refuses.
pub async fn seal(client: &Client, home: &Path, bytes: u64, round: u64) -> Result<Value> {
    let path = home.join("tmp").join("bench-film");
    write_film(&path, bytes, round).map_err(|e| Error::io("cannot write", &path, &e))?;
    let begun = Instant::now();
    client.seal_file(path).await?;
    let took = ms(begun.elapsed());
    let mut hasher = blake3::Hasher::new();
    let hash_ms = bare(bytes, |_, block| {
        hasher.update(block);
    });
    std::hint::black_box(hasher.finalize());
    let key = BlobKey::from_bytes([7; 32]);
    let cipher_ms = bare(bytes, |at, block| apply_blob_stream(&key, at, block));
    Ok(json!({"ms": took, "hash_ms": hash_ms, "cipher_ms": cipher_ms}))
}

/// What it takes to do something to so many bytes, a block at a time, ms.
fn bare(bytes: u64, mut work: impl FnMut(u64, &mut [u8])) -> f64 {
    let mut block = vec![7; BLOCK_LEN];
    let begun = Instant::now();
    let mut at = 0;
    while at < bytes {
        work(at, &mut block);
        at += BLOCK_LEN as u64;
    }
    ms(begun.elapsed())
}

/// A film as far as anybody here looks at it: how one begins, then bytes that do not repeat.
fn write_film(path: &Path, bytes: u64, round: u64) -> std::io::Result<()> {
    const HEAD: &[u8] = b"\0\0\0\x18ftypisom";
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(HEAD)?;
    let mut rest = blake3::Hasher::new().update(&round.to_be_bytes()).finalize_xof();
    let mut block = vec![0; READ_LEN];
    let mut left = bytes.saturating_sub(HEAD.len() as u64);
    while left > 0 {
        let len = usize::try_from(left).unwrap_or(READ_LEN).min(READ_LEN);
        rest.fill(&mut block[..len]);
        file.write_all(&block[..len])?;
        left -= len as u64;
    }
    file.flush()
}

/// A film on its way: how long it takes, ms.
pub type Coming = JoinHandle<Result<f64>>;

/// From now on, waits for a film of so many bytes.
pub fn wait_for(client: &Client, bytes: u64) -> Coming {
    // Before this is answered: what comes after it is heard.
    let events = client.events(None);
    tokio::spawn(receive(client.clone(), events, bytes))
}

/// Until it was stored and read.
///
/// # Errors
/// If it did not come.
pub async fn came(coming: Coming) -> Result<Value> {
    let took = tokio::time::timeout(Duration::from_secs(BENCH_PATIENCE_SECONDS), coming).await;
    let took = took.map_err(|_elapsed| lost("it took too long"))?;
    Ok(json!({"ms": took.map_err(|_| lost("reading it broke"))??}))
}

async fn receive(client: Client, mut events: EventStream, bytes: u64) -> Result<f64> {
    let id = loop {
        if let Happening::Moment { moment } = next(&mut events).await?
            && let Some(video) = moment.video
        {
            break video.id;
        }
    };
    let begun = Instant::now();
    let reading = tokio::spawn(read_all(client, id));
    // "Here" is said when it stands under its id, durably.
    while !matches!(next(&mut events).await?, Happening::Blob { id: came, .. } if came == id) {}
    let read = reading.await.map_err(|_| lost("reading it broke"))??;
    let took = ms(begun.elapsed());
    if read == bytes { Ok(took) } else { Err(lost("not all of it was read")) }
}

async fn next(events: &mut EventStream) -> Result<Happening> {
    events.next().await.map(|event| event.what).ok_or_else(|| lost("there are no more events"))
}

/// As whoever plays it does.
async fn read_all(client: Client, id: BlobId) -> Result<u64> {
    let blob = client.blob_as_it_comes(&id, WAIT_MS).await?;
    let mut at = 0;
    while at < blob.bytes() {
        let here = blob.here(at, WAIT_MS).await?;
        let len = usize::try_from(here - at).unwrap_or(READ_LEN).min(READ_LEN);
        at += blob.read(at, len)?.len() as u64;
    }
    Ok(at)
}

fn broken(error: std::io::Error) -> Error {
    Error::failed("bench_node", format!("the bare stream: {error}"), "try again")
}

fn lost(why: &str) -> Error {
    Error::failed("bench_node", format!("the film did not come: {why}"), "try again")
}
