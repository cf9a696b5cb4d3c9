//! J6, blob: one film between two nodes, over TCP and over QUIC apart.
//!
//! Sealing happens when a film is posted and is not in the time. The clock of the reader's node runs from the event of the
//! moment that names the film until its last byte was verified, stood durably under its id, was opened and read. The
//! floor is the same count of bytes on a bare libp2p stream between the same two processes, over the same transports,
//! nothing verified and nothing stored. The second is the reader's disk, as many bytes written to a file and synced. The third
//! is the machine's processors: what the bare stream takes of them and what each byte needs beside it (read, hashed,
//! written, read, opened), if all of them were busy with that and nothing else from the first byte to the last. Rounds of all
//! alternate, so that a busy minute meets each; the medians count, and of processors, whose clock ticks every 10 ms, the
//! means. (What the bare stream takes of them has its handshake in it.)

use super::Bench;
use super::cores::Cores;
use super::line::Order;
use super::member::{Member, number, text};
use super::report::{Row, percentile};
use crate::error::Result;

/// A transport: the word that its addresses have, what its line is called, and what its floor is.
const TRANSPORTS: [(&str, &str, &str); 2] = [
    ("/tcp/", "over TCP", "a bare libp2p stream over TCP"),
    ("/quic-v1", "over QUIC", "a bare libp2p stream over QUIC"),
];
const DISK: &str = "as many bytes into a file, synced";
const CORES: &str =
    "all cores with the bare stream and its parts without Tidings: read, hash, write, read, open";

/// Does it.
///
/// # Errors
/// If a film does not arrive.
pub fn run(bench: &Bench) -> Result<()> {
    for (word, variant, floor) in TRANSPORTS {
        over(bench, word, variant, floor)?;
    }
    Ok(())
}

fn over(bench: &Bench, word: &str, variant: &'static str, what: &'static str) -> Result<()> {
    let bytes = bench.film_bytes();
    let rounds = bench.times(7, 3);
    bench.say(&format!("J6: {rounds} films of {bytes} bytes {variant}…"));
    let only = |name| -> Result<Member> {
        let mut member = Member::new(&bench.scratch, name)?;
        member.listen.retain(|address| address.contains(word));
        Ok(member)
    };
    let (a, b) = (only("J6-Ada")?, only("J6-Ben")?);
    let (mut at_a, mut at_b) = (a.open(&bench.scratch)?, b.open(&bench.scratch)?);
    let link = text(&at_a.ask(&Order::Invite)?, "link")?;
    at_b.ask(&Order::Accept { link })?;
    for process in [&mut at_a, &mut at_b] {
        process.ask(&Order::Settle)?;
    }
    let bare = if word == "/tcp/" { "/ip4/127.0.0.1/tcp/0" } else { "/ip4/127.0.0.1/udp/0/quic-v1" };
    let address = text(&at_a.ask(&Order::ServeBare { listen: bare.to_owned() })?, "address")?;
    let (mut ours, mut bares, mut disks, mut wire) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let [mut our_cores, mut bare_cores, mut parts] = [(); 3].map(|()| Cores::none_yet());
    // The first round warms up and is not counted.
    for round in 0..=rounds {
        let begun = Cores::begin([&at_a, &at_b]);
        let floor = at_b.ask(&Order::FetchBare { address: address.clone(), bytes })?;
        let bare_round = Cores::end(begun, [&at_a, &at_b]);
        at_b.ask(&Order::AwaitFilm { bytes })?;
        let before = super::apart::wire_bytes();
        at_a.ask(&Order::ShareFilm { bytes, round: round as u64 })?;
        let begun = Cores::begin([&at_a, &at_b]);
        let film = number(&at_b.ask(&Order::FilmCame)?, "ms")?;
        let our_round = Cores::end(begun, [&at_a, &at_b]);
        let sent = super::apart::wire_bytes().zip(before).map(|(after, before)| after - before);
        let disk = at_b.ask(&Order::WriteBare { bytes })?;
        let begun = Cores::begin([&at_a, &at_b]);
        at_b.ask(&Order::FilmParts { bytes })?;
        let parts_round = Cores::end(begun, [&at_a, &at_b]);
        if round > 0 {
            ours.push(film);
            bares.push(number(&floor, "ms")?);
            disks.push(number(&disk, "ms")?);
            wire.extend(sent);
            bare_cores.add(bare_round);
            our_cores.add(our_round);
            parts.add(parts_round);
        }
    }
    let rss_mb = at_b.rss_mb();
    at_a.end()?;
    at_b.end()?;
    let rate = |times: &mut Vec<f64>| percentile(times, 50).map(|ms| bytes as f64 / 1e3 / ms);
    wire.sort_unstable();
    let mut row = Row {
        mb_per_s: rate(&mut ours),
        wire_bytes: wire.get(wire.len() / 2).copied(),
        cpu_percent: our_cores.percent(),
        rss_mb,
        fsync: Some(true),
        ..Row::of("J6", bytes, variant)
    };
    let percent = bare_cores.percent();
    let mut stream =
        Row { mb_per_s: rate(&mut bares), cpu_percent: percent, ..Row::floor("J6", bytes, what) };
    let mut disk = Row { mb_per_s: rate(&mut disks), ..Row::floor("J6", bytes, DISK) };
    bare_cores.add(parts);
    let best = bare_cores.at_best(bytes as f64 * rounds as f64);
    let mut all = best.map(|best| Row { mb_per_s: Some(best / 1e6), ..Row::floor("J6", bytes, CORES) });
    for floor in [&mut stream, &mut disk].into_iter().chain(&mut all) {
        row.beside(floor);
    }
    for row in [&row, &stream, &disk].into_iter().chain(&all) {
        bench.row(row);
    }
    bench.scratch.remove("J6-Ada")?;
    bench.scratch.remove("J6-Ben")
}
