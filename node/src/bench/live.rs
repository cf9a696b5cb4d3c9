//! J5, live: from the call of `post` at one node to the event of the moment at a friend's, one hop.
//!
//! The author's wait for the disk is not in it: an entry leaves when it is committed, under a number that was reserved
//! (docs/protocol.md 3.13). How long the author waits for "posted" is told beside it.
//!
//! Its floor is what is left without Tidings: signed and sealed, one transaction of bare sled, half the way there and back
//! on a bare libp2p stream between the same two processes, verified and opened, another transaction. At the same pace, as
//! whatever rests between two posts wakes slowly and has forgotten its caches. Beside it, the same with the wakes of sleeping
//! threads that it takes where whoever waits for the disk is not whoever serves the network: the call wakes the author's
//! store, that the network, at the friend's the network wakes the store, and that the listener. (That a datagram wakes the
//! network is in the way there and back.)

use super::line::Order;
use super::member::{self, Process, numbers, text};
use super::report::{Row, percentile};
use super::{Bench, floors};
use crate::error::Result;

/// Between two posts, ms: nobody writes faster.
const PAUSE_MS: u64 = 10;
/// Bytes of a frame with an entry of 300 bytes of text.
const FRAME_LEN: u64 = 750;

/// Does it.
///
/// # Errors
/// If a moment does not arrive.
pub fn run(bench: &Bench) -> Result<()> {
    let posts = bench.times(500, 100) as u64;
    bench.say(&format!("J5: {posts} posts, one by one, to a friend who is here…"));
    let (a, b) = member::friends(bench, "J5-Ada", "J5-Ben")?;
    let (mut at_a, mut at_b) = (a.open(&bench.scratch)?, b.open(&bench.scratch)?);
    at_a.ask(&Order::Meet { friends: 1 })?;
    let order = |count| Order::Post { count, in_flight: 1, pause_ms: PAUSE_MS };
    // The first opens an epoch, whose keys have to go over.
    at_b.ask(&Order::Listen { marks: vec![1] })?;
    at_a.ask(&order(1))?;
    at_b.ask(&Order::Heard)?;
    at_a.ask(&Order::Settle)?;
    at_b.ask(&Order::Listen { marks: (1..=posts).collect() })?;
    let answer = at_a.ask(&order(posts))?;
    let arrived = numbers(&at_b.ask(&Order::Heard)?, "at")?;
    let times = usize::try_from(posts).unwrap_or(1);
    let (parts, wakes) = parts(&mut at_a, &mut at_b, times)?;
    at_a.end()?;
    at_b.end()?;
    let begun = numbers(&answer, "begun")?;
    let mut took: Vec<f64> = arrived.iter().zip(&begun).map(|(arrived, begun)| arrived - begun).collect();
    let mut answered = numbers(&answer, "took_ms")?;
    let mut row = Row {
        p50_ms: percentile(&mut took, 50),
        p99_ms: percentile(&mut took, 99),
        ..Row::of("J5", posts, "from the call to the friend's event")
    };
    let mut trip = Row {
        p50_ms: floors::round_trip(bench.times(2_000, 500))?,
        ..Row::floor("J5", posts, "300 bytes there and back over TCP")
    };
    let what = "its parts without Tidings: sign, seal, sled, bare QUIC stream, verify, open, sled";
    let mut parts = Row { p50_ms: parts, ..Row::floor("J5", posts, what) };
    let both = parts.p50_ms.zip(wakes).map(|(parts, wake)| parts + wake);
    let mut wakes = Row {
        p50_ms: both,
        ..Row::floor("J5", posts, "those parts, and four sleeping threads woken in a row")
    };
    for floor in [&mut parts, &mut wakes, &mut trip] {
        row.beside(floor);
    }
    for row in [&row, &parts, &wakes, &trip] {
        bench.row(row);
    }
    bench.row(&Row {
        p50_ms: percentile(&mut answered, 50),
        p99_ms: percentile(&mut answered, 99),
        fsync: Some(true),
        ..Row::of("J5", posts, "from the call to the author's answer")
    });
    bench.scratch.remove("J5-Ada")?;
    bench.scratch.remove("J5-Ben")
}

/// What a moment takes without Tidings, and four threads to wake, ms: the medians.
fn parts(at_a: &mut Process, at_b: &mut Process, times: usize) -> Result<(Option<f64>, Option<f64>)> {
    let listen = "/ip4/127.0.0.1/udp/0/quic-v1".to_owned();
    let address = text(&at_a.ask(&Order::ServeBare { listen })?, "address")?;
    let ping = Order::PingBare { address, bytes: FRAME_LEN, times, pause_ms: PAUSE_MS };
    let mut trips = numbers(&at_b.ask(&ping)?, "ms")?;
    let answer = at_b.ask(&Order::LiveParts { times, pause_ms: PAUSE_MS })?;
    let (mut works, mut wakes) = (numbers(&answer, "ms")?, numbers(&answer, "wake_ms")?);
    let parts =
        percentile(&mut works, 50).zip(percentile(&mut trips, 50)).map(|(work, trip)| work + trip / 2.0);
    Ok((parts, percentile(&mut wakes, 50)))
}
