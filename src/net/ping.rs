//! Liveness: 32 bytes out and the same 32 bytes back, once a minute, on one stream.
//!
//! Only the side that dialled asks; the other gives up if nothing was asked for three intervals. That halves the
//! traffic of an idle connection. TCP notices a dead peer by this alone. QUIC does by itself, so there a ping is only what
//! keeps the other side from giving up, and is asked every second interval.
//!
//! Source: the libp2p ping protocol; docs/protocol.md 3.7; the idle row of the performance targets.

use std::io;
use std::time::Duration;

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::handler::PINGS_MISSED_LIMIT;
use crate::limits::QUIC_PING_INTERVALS;

const PING_LEN: usize = 32;

/// How long to wait between two pings.
pub(super) const fn interval(interval: Duration, is_quic: bool) -> Duration {
    if is_quic { interval.saturating_mul(QUIC_PING_INTERVALS) } else { interval }
}

/// Asks until there is no answer. Returns why it ended.
pub(super) async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    interval: Duration,
    patience: Duration,
) -> io::Error {
    let mut number = 0u64;
    loop {
        sleep(interval).await;
        number = number.wrapping_add(1);
        match timeout(patience, ask_once(&mut stream, number)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(_) => return io::ErrorKind::TimedOut.into(),
        }
    }
}

async fn ask_once(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), number: u64) -> io::Result<()> {
    let mut payload = [0; PING_LEN];
    for (byte, digit) in payload.iter_mut().zip(number.to_be_bytes().into_iter().cycle()) {
        *byte = digit;
    }
    stream.write_all(&payload).await?;
    stream.flush().await?;
    let mut answer = [0; PING_LEN];
    stream.read_exact(&mut answer).await?;
    if answer == payload { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// Answers until nothing is asked any more. Returns why it ended.
pub(super) async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, interval: Duration) -> io::Error {
    let mut payload = [0; PING_LEN];
    loop {
        let asked =
            timeout(interval.saturating_mul(PINGS_MISSED_LIMIT), stream.read_exact(&mut payload)).await;
        match asked {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(_) => return io::ErrorKind::TimedOut.into(),
        }
        if let Err(error) = stream.write_all(&payload).await {
            return error;
        }
        if let Err(error) = stream.flush().await {
            return error;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_over_quic_is_rarer_and_never_so_rare_that_the_other_side_gives_up() {
        let minute = Duration::from_secs(60);
        assert_eq!(interval(minute, false), minute);
        assert!(interval(minute, true) > minute);
        // One answer late by the whole patience is still in time.
        let late = Duration::from_millis(crate::limits::PING_TIMEOUT_MS);
        assert!(interval(minute, true) + late < minute * PINGS_MISSED_LIMIT);
    }
}
