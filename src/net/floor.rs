//! A bare libp2p stream, to measure against: the same transports, nothing verified, nothing stored.
//!
//! What a transfer of ours can reach is bounded by what libp2p reaches on the same machine in the same minute. Here is
//! that floor: one connection, one stream, a buffer that is written again and again and read into another one.
//!
//! ```text
//!   serve   ◀── count (8) ── fetch        no swarm, no negotiation of protocols, no disk, no hash, no key
//!           ── count bytes ─▶             and again, until the end of the stream
//! ```
//!
//! [`ping`] is the floor of something short that goes over now and then. [`hold`] is the floor of a node at rest: so many connections and nothing on them.
//!
//! What it does not do: it is no protocol of Tidings, no node speaks it, and it belongs in measurements only.
//!
//! Source: the rows J5, J6 and idle of the performance targets.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::io::{AsyncReadExt, AsyncWriteExt};
use libp2p::Transport;
use libp2p::core::Endpoint;
use libp2p::core::muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerExt, SubstreamBox};
use libp2p::core::transport::{DialOpts, ListenerId, PortUse, TransportEvent};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Multiaddr;
use tokio::task::JoinSet;

use super::{Config, transport};
use crate::limits::BLOB_BUFFER_LEN;

/// Listens on an address and answers each stream with as many bytes as it asks for. Returns the address, port included,
/// and what has to be awaited for it to work: it never ends.
///
/// # Errors
/// If the address is none or cannot be bound.
pub async fn serve(listen: &str) -> io::Result<(String, impl Future<Output = ()> + Send + use<>)> {
    let address: Multiaddr = listen.parse().map_err(io::Error::other)?;
    let mut transport = transport::bare(&Config::default(), &Keypair::generate_ed25519())?;
    transport.listen_on(ListenerId::next(), address).map_err(io::Error::other)?;
    let bound = loop {
        match transport.next().await {
            Some(TransportEvent::NewAddress { listen_addr, .. }) => break listen_addr.to_string(),
            Some(TransportEvent::ListenerError { error, .. }) => return Err(error),
            Some(_) => {}
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    };
    let work = async move {
        while let Some(event) = transport.next().await {
            if let TransportEvent::Incoming { upgrade, .. } = event {
                tokio::spawn(async move {
                    if let Ok((_, muxer)) = upgrade.await {
                        answer_all(muxer).await;
                    }
                });
            }
        }
    };
    Ok((bound, work))
}

/// A stream to [`serve`], and what drives its connection.
struct Bare {
    stream: SubstreamBox,
    _driving: JoinSet<()>,
}

impl Bare {
    async fn open(address: &str) -> io::Result<Self> {
        let address: Multiaddr = address.parse().map_err(io::Error::other)?;
        let mut transport = transport::bare(&Config::default(), &Keypair::generate_ed25519())?;
        let how = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        let dial = transport.dial(address, how).map_err(io::Error::other)?;
        let mut driving = JoinSet::new();
        // A QUIC endpoint works only while its transport is polled.
        driving.spawn(async move { while transport.next().await.is_some() {} });
        let (_, mut muxer) = dial.await?;
        let stream = poll_fn(|cx| match muxer.poll_outbound_unpin(cx)? {
            Poll::Ready(stream) => Poll::Ready(Ok::<_, io::Error>(stream)),
            Poll::Pending => {
                while muxer.poll_unpin(cx)?.is_ready() {}
                Poll::Pending
            }
        })
        .await?;
        driving.spawn(poll_fn(move |cx| {
            while let Poll::Ready(event) = muxer.poll_unpin(cx) {
                if event.is_err() {
                    return Poll::Ready(());
                }
            }
            Poll::Pending
        }));
        Ok(Self { stream, _driving: driving })
    }

    /// Asks for so many bytes and reads them; how long that took.
    async fn read(&mut self, bytes: u64, buffer: &mut [u8]) -> io::Result<Duration> {
        #[expect(clippy::disallowed_methods, reason = "what is measured is time")]
        let begun = Instant::now();
        self.stream.write_all(&bytes.to_be_bytes()).await?;
        self.stream.flush().await?;
        let mut left = bytes;
        while left > 0 {
            let read = self.stream.read(buffer).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        }
        Ok(begun.elapsed())
    }
}

/// Dials [`serve`], asks for so many bytes on one stream and reads them to the end. Returns how long that took once the
/// connection stood.
///
/// # Errors
/// If the connection or the stream breaks.
pub async fn fetch(address: &str, bytes: u64) -> io::Result<Duration> {
    Bare::open(address).await?.read(bytes, &mut vec![0u8; BLOB_BUFFER_LEN]).await
}

/// Dials [`serve`] and asks for a few bytes on one stream, again and again with a pause before each. Returns how long each
/// took, there and back.
///
/// # Errors
/// If the connection or the stream breaks.
pub async fn ping(address: &str, bytes: u64, times: usize, pause: Duration) -> io::Result<Vec<Duration>> {
    let mut bare = Bare::open(address).await?;
    let (mut took, mut buffer) = (Vec::new(), vec![0u8; BLOB_BUFFER_LEN]);
    for _ in 0..times {
        tokio::time::sleep(pause).await;
        took.push(bare.read(bytes, &mut buffer).await?);
    }
    Ok(took)
}

/// Dials [`serve`] so many times and keeps the connections, as nodes keep theirs. They end with what is returned.
///
/// # Errors
/// If one of them cannot be made.
pub async fn hold(address: &str, connections: usize) -> io::Result<Held> {
    let address: Multiaddr = address.parse().map_err(io::Error::other)?;
    let mut transport = transport::bare(&Config::default(), &Keypair::generate_ed25519())?;
    let how = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let mut dials = Vec::new();
    for _ in 0..connections {
        dials.push(transport.dial(address.clone(), how).map_err(io::Error::other)?);
    }
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { while transport.next().await.is_some() {} });
    for dial in dials {
        let (_, muxer) = dial.await?;
        tasks.spawn(answer_all(muxer));
    }
    Ok(Held { tasks })
}

/// Connections that are held.
#[derive(Debug)]
pub struct Held {
    tasks: JoinSet<()>,
}

impl Held {
    /// How many are there still.
    pub fn count(&mut self) -> usize {
        while self.tasks.try_join_next().is_some() {}
        // One of the tasks is the transport's.
        self.tasks.len().saturating_sub(1)
    }
}

async fn answer_all(mut muxer: StreamMuxerBox) {
    loop {
        let next = poll_fn(|cx| {
            if let Poll::Ready(stream) = Pin::new(&mut muxer).poll_inbound(cx) {
                return Poll::Ready(stream);
            }
            while let Poll::Ready(event) = muxer.poll_unpin(cx) {
                if let Err(error) = event {
                    return Poll::Ready(Err(error));
                }
            }
            Poll::Pending
        })
        .await;
        let Ok(stream) = next else { return };
        tokio::spawn(async move {
            if let Err(error) = answer(stream).await {
                tracing::debug!(%error, "a measured stream broke");
            }
        });
    }
}

async fn answer(mut stream: SubstreamBox) -> io::Result<()> {
    let (mut count, buffer) = ([0u8; 8], vec![7u8; BLOB_BUFFER_LEN]);
    while stream.read_exact(&mut count).await.is_ok() {
        let mut left = u64::from_be_bytes(count);
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            stream.write_all(buffer.get(..room).unwrap_or(&buffer)).await?;
            left = left.saturating_sub(u64::try_from(room).unwrap_or(u64::MAX));
        }
        stream.flush().await?;
    }
    stream.close().await
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::net::UdpSocket;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn as_many_bytes_come_as_were_asked_for_over_both_transports() {
        for listen in ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"] {
            let (address, work) = serve(listen).await.expect("bound");
            let working = tokio::spawn(work);
            assert!(fetch(&address, 300_001).await.expect("fetched") > Duration::ZERO, "{listen}");
            let pause = Duration::from_millis(1);
            assert_eq!(ping(&address, 800, 3, pause).await.expect("answered").len(), 3, "{listen}");
            let mut held = hold(&address, 3).await.expect("held");
            assert_eq!(held.count(), 3, "{listen}");
            working.abort();
        }
    }

    /// Carries datagrams between whoever sends some here and a server, and counts their bytes.
    async fn carry(server: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
        let here = UdpSocket::bind("127.0.0.1:0").await.expect("bound");
        let there = UdpSocket::bind("127.0.0.1:0").await.expect("bound");
        let (address, carried) = (here.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&carried);
        tokio::spawn(async move {
            let (mut out, mut back, mut dialler) = ([0; 4_096], [0; 4_096], None);
            loop {
                let len = tokio::select! {
                    came = here.recv_from(&mut out) => {
                        let Ok((len, from)) = came else { return };
                        dialler = Some(from);
                        there.send_to(&out[..len], server).await.expect("sent")
                    }
                    came = there.recv(&mut back) => {
                        let (Ok(len), Some(to)) = (came, dialler) else { return };
                        here.send_to(&back[..len], to).await.expect("sent")
                    }
                };
                counted.fetch_add(len, Ordering::Relaxed);
            }
        });
        (address, carried)
    }

    /// Finding out how long a datagram may be would be 11 KB more (docs/adr/0017).
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_connection_on_which_nothing_is_said_takes_few_bytes() {
        const AT_MOST: usize = 9_000;
        let (address, work) = serve("/ip4/127.0.0.1/udp/0/quic-v1").await.expect("bound");
        let working = tokio::spawn(work);
        let port = address.split('/').nth(4).and_then(|port| port.parse().ok()).expect("a port");
        let (relay, carried) = carry(SocketAddr::from(([127, 0, 0, 1], port))).await;
        let mut held = hold(&format!("/ip4/127.0.0.1/udp/{}/quic-v1", relay.port()), 1).await.expect("held");
        // What it says goes out with the handshake, or within a few round trips.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let bytes = carried.load(Ordering::Relaxed);
        assert!((4_000..AT_MOST).contains(&bytes), "{bytes} bytes");
        assert_eq!(held.count(), 1);
        working.abort();
    }
}
