//! Liveness: 32 bytes out and the same 32 bytes back, once a minute, on one stream.
//!
//! Only the side that dialled asks; the other gives up if nothing was asked for three intervals. That halves the
//! traffic of an idle connection. TCP notices a dead peer by this alone. QUIC does by itself, so there a ping is only what
//! keeps the other side from giving up, and is asked every second interval.
//!
//! All connections that this side dialled are asked on the same beat. A QUIC connection is kept alive by its own timer, which
//! runs from the last packet: so those that were asked together are kept alive together until the next beat, and a node at
//! rest wakes for many of them at a time. A beat begins anew with the addresses of this node, and with the first connection
//! after none: nobody is followed by it from one network to the next.
//!
//! Source: the libp2p ping protocol; docs/protocol.md 3.7; the idle row of the performance targets.

use std::io;
use std::time::Duration;

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::handler::PINGS_MISSED_LIMIT;
use crate::limits::QUIC_PING_INTERVALS;

const PING_LEN: usize = 32;

/// How long to wait between two pings.
pub(super) const fn interval(interval: Duration, is_quic: bool) -> Duration {
    if is_quic { interval.saturating_mul(QUIC_PING_INTERVALS) } else { interval }
}

/// What pings are asked on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beat {
    pub(super) began: Instant,
    pub(super) interval: Duration,
}

impl Beat {
    /// How long until the next, so long after it began.
    fn wait(&self, elapsed: Duration) -> Duration {
        let into = elapsed.as_nanos().checked_rem(self.interval.as_nanos()).unwrap_or(0);
        self.interval.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX)))
    }
}

/// Asks until there is no answer. Returns why it ended.
pub(super) async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    beat: Beat,
    patience: Duration,
) -> io::Error {
    let mut number = 0u64;
    loop {
        sleep(beat.wait(beat.began.elapsed())).await;
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
    use tokio_util::compat::TokioAsyncReadCompatExt;

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

    #[test]
    fn those_who_came_at_different_times_are_asked_at_the_same() {
        let beat = Beat { began: Instant::now(), interval: Duration::from_secs(60) };
        let asked_at = |came: Duration| came + beat.wait(came);
        for came in [1, 59_999, 30_000] {
            assert_eq!(asked_at(Duration::from_millis(came)), Duration::from_secs(60), "{came} ms");
        }
        // On the beat itself it is the next: nobody is asked twice at once.
        assert_eq!(asked_at(Duration::from_secs(60)), Duration::from_secs(120));
    }

    #[tokio::test]
    async fn who_comes_late_is_asked_with_the_others() {
        let (asking, asked) = tokio::io::duplex(PING_LEN);
        let interval = Duration::from_secs(60);
        // So much of it has passed that little is left: a whole one would be waited for in vain.
        let began = Instant::now().checked_sub(interval - Duration::from_secs(5)).expect("later than that");
        let asking = ask(asking.compat(), Beat { began, interval }, interval);
        let mut came = [0; PING_LEN];
        let mut asked = asked.compat();
        tokio::select! {
            error = asking => panic!("{error}"),
            came = timeout(Duration::from_secs(30), asked.read_exact(&mut came)) => {
                came.expect("asked at once").expect("whole");
            }
        }
    }
}
