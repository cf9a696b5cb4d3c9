//! J6, what happens before a blob leaves: sealing a film, drawing a preview, and pages that are read while nine photos are
//! posted. Each beside what it is made of.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::json;

use super::cold_start::Started;
use super::line::Order;
use super::member::{Member, number};
use super::node::ms;
use super::report::{Row, percentile};
use super::{Bench, plan};
use crate::cli::door::{Ask, Door};
use crate::error::{Error, Result};
use crate::home::Home;
use crate::limits::PREVIEW_SIDE_LIMIT;
use crate::media::edit::Edit;
use crate::media::sample::{self, Scene};
use crate::media::sketch;

/// A camera's photo, 12 megapixels; and a quarter of it.
const PHOTO_SIDES: [(u32, u32); 2] = [(4_000, 3_000), (2_000, 1_500)];
/// As many as a moment has.
const PHOTOS: usize = tidings::limits::POST_PHOTO_LIMIT;
/// Pages that are read while nothing else goes on.
const IDLE_PAGES: (usize, usize) = (500, 100);

/// Does it.
///
/// # Errors
/// If the node or the disk refuses.
pub fn run(bench: &Bench) -> Result<()> {
    sealing(bench)?;
    let sides = PHOTO_SIDES[usize::from(bench.quick)];
    let photo = sample::jpeg(Scene::Meadow, 1, sides.0, sides.1).map_err(broken)?;
    preview(bench, &photo, sides)?;
    pages(bench, &photo)
}

fn sealing(bench: &Bench) -> Result<()> {
    let bytes = bench.film_bytes();
    bench.say(&format!("J6: films of {bytes} bytes are sealed…"));
    let member = Member::new(&bench.scratch, "J6-seal")?;
    let mut process = member.start(&bench.scratch)?;
    process.ask(&Order::Open { listen: Vec::new() })?;
    let (mut ours, mut hash, mut cipher, mut disk) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..=bench.times(7, 3) {
        let sealed = process.ask(&Order::SealFilm { bytes, round: round as u64 })?;
        let bare = process.ask(&Order::WriteBare { bytes })?;
        if round > 0 {
            ours.push(number(&sealed, "ms")?);
            hash.push(number(&sealed, "hash_ms")?);
            cipher.push(number(&sealed, "cipher_ms")?);
            disk.push(number(&bare, "ms")?);
        }
    }
    process.end()?;
    bench.scratch.remove("J6-seal")?;
    let mut row = Row {
        mb_per_s: rate(bytes, &mut ours),
        fsync: Some(true),
        verify: Some(false),
        ..Row::of("J6", bytes, "sealing a film")
    };
    let floor =
        |what, times: &mut Vec<f64>| Row { mb_per_s: rate(bytes, times), ..Row::floor("J6", bytes, what) };
    let mut floors = [
        floor("as many bytes into a file, synced", &mut disk),
        floor("the cipher alone", &mut cipher),
        floor("BLAKE3 alone", &mut hash),
    ];
    // The slowest part is the one that counts.
    floors.sort_by(|one, other| one.mb_per_s.unwrap_or(0.0).total_cmp(&other.mb_per_s.unwrap_or(0.0)));
    tell(bench, row_beside(&mut row, &mut floors), &floors);
    Ok(())
}

/// What whoever chooses a filter waits for. One picture is drawn by one thread, so it is a figure of one core.
fn preview(bench: &Bench, photo: &[u8], sides: (u32, u32)) -> Result<()> {
    let pixels = u64::from(sides.0) * u64::from(sides.1);
    bench.say(&format!("J6: previews of a photo of {pixels} pixels…"));
    let (mut ours, mut whole) = (Vec::new(), Vec::new());
    for round in 0..=bench.times(15, 5) {
        let begun = Instant::now();
        let drawn = sketch(photo, &Edit::default(), PREVIEW_SIDE_LIMIT).map_err(broken)?;
        let took = ms(begun.elapsed());
        let begun = Instant::now();
        let decoded = image::ImageReader::with_format(Cursor::new(photo), image::ImageFormat::Jpeg).decode();
        let decoded = decoded.map_err(|e| Error::failed("bench", e.to_string(), "report this"))?;
        let all = ms(begun.elapsed());
        if drawn.is_empty() || (decoded.width(), decoded.height()) != sides {
            return Err(Error::failed("bench", "the photo was not drawn", "report this"));
        }
        if round > 0 {
            ours.push(took);
            whole.push(all);
        }
    }
    let mut row = Row {
        p50_ms: percentile(&mut ours, 50),
        p99_ms: percentile(&mut ours, 99),
        verify: Some(false),
        sealed: Some(false),
        ..Row::of("J6", pixels, "preview of a photo of so many pixels")
    };
    let mut floors = [Row {
        p50_ms: percentile(&mut whole, 50),
        ..Row::floor("J6", pixels, "all its pixels decoded, nothing else")
    }];
    tell(bench, row_beside(&mut row, &mut floors), &floors);
    Ok(())
}

/// The timeline of a whole program, asked over its API, while nine photos are made ready and posted.
fn pages(bench: &Bench, photo: &[u8]) -> Result<()> {
    let moments = bench.small();
    bench.say(&format!("J6: pages of {moments} moments while nine photos are posted…"));
    let member = Member::new(&bench.scratch, "J6-page")?;
    let mut process = member.start(&bench.scratch)?;
    let plan = plan(moments).into();
    process.ask(&Order::Furnish { plan, without: Vec::new(), join_only: false, only: None })?;
    process.end()?;
    let home = Home::at(&member.home);
    let started = Started::with(bench, &home, &member.listen)?;
    let door = Door::to(&home);
    let page = || -> Result<f64> {
        let begun = Instant::now();
        door.ask_node(&Ask::get("/timeline?limit=50"))?;
        Ok(ms(begun.elapsed()))
    };
    let mut idle = Vec::new();
    for _ in 0..bench.times(IDLE_PAGES.0, IDLE_PAGES.1) {
        idle.push(page()?);
    }
    let file: PathBuf = bench.scratch.path("J6-photo.jpg");
    std::fs::write(&file, photo).map_err(|e| Error::io("cannot write", &file, &e))?;
    let form = Ask::form("/moments", json!({"text": "nine"}), vec![file; PHOTOS])?;
    let (mut busy, done) = (Vec::new(), AtomicBool::new(false));
    let begun = Instant::now();
    let posted = std::thread::scope(|scope| -> Result<f64> {
        let posting = scope.spawn(|| {
            let posted = Door::to(&home).ask_node(&form).map(|_| ms(begun.elapsed()));
            done.store(true, Ordering::Release);
            posted
        });
        while !done.load(Ordering::Acquire) {
            busy.push(page()?);
        }
        posting.join().unwrap_or_else(|_| Err(Error::failed("bench", "posting broke", "report this")))
    })?;
    started.stop(&home)?;
    bench.scratch.remove("J6-page")?;
    let of = |variant, times: &mut Vec<f64>| Row {
        p50_ms: percentile(times, 50),
        p99_ms: percentile(times, 99),
        ..Row::of("J6", moments, variant)
    };
    let mut row = of("a page while nine photos are posted", &mut busy);
    let quiet = of("", &mut idle);
    let mut floors = [Row {
        p50_ms: quiet.p50_ms,
        p99_ms: quiet.p99_ms,
        ..Row::floor("J6", moments, "a page while nothing else goes on")
    }];
    row.ms = Some(posted);
    tell(bench, row_beside(&mut row, &mut floors), &floors);
    Ok(())
}

fn rate(bytes: u64, times: &mut [f64]) -> Option<f64> {
    percentile(times, 50).map(|ms| bytes as f64 / 1e3 / ms)
}

fn row_beside<'a>(row: &'a mut Row, floors: &mut [Row]) -> &'a Row {
    floors.iter_mut().for_each(|floor| row.beside(floor));
    row
}

fn tell(bench: &Bench, row: &Row, floors: &[Row]) {
    bench.row(row);
    floors.iter().for_each(|floor| bench.row(floor));
}

fn broken(error: crate::media::Error) -> Error {
    Error::failed("bench", error.to_string(), "report this")
}
