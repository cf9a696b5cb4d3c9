//! Builds the swarm: QUIC first, TCP with Noise and Yamux second, and binds the addresses.
//!
//! The function is not generic and stands in this crate on purpose: putting a swarm together takes the compiler long,
//! and here it is done once.
//!
//! Source: docs/protocol.md 3.7; the idle row of the performance targets.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::num::NonZeroU8;
use std::thread::JoinHandle;
use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, ListenerId, TransportError, timeout::TransportTimeout};
use libp2p::core::upgrade::Version;
use libp2p::multiaddr::{Multiaddr, Protocol as Part};
use libp2p::{PeerId, Swarm, Transport, dns, identity, noise, quic, swarm, tcp, yamux};
use zeroize::Zeroizing;

use super::behaviour::Behaviour;
use super::head_start::{First, Second, Tickets};
use super::listening::Listening;
use super::one_port::OnePort;
use super::{Config, Error, translate};
use crate::crypto::SigningKey;
use crate::id::NodeId;
use crate::limits::{ADDRESS_LIMIT, DIAL_TIMEOUT_MS, HEAD_START_MS, TRANSPORT_STREAM_LIMIT};

/// Makes the random numbers of QUIC's TLS library ready, on a thread of its own.
///
/// Before it gives its first one the library measures the jitter of the processor, once in a process, unless it is built
/// without (as here: `.cargo/config.toml`; a program that embeds this library may not know of it): that takes some 70 ms of
/// work, and the first handshake would wait for it. Called when a node begins to open its home, it is over when the first
/// friend is dialled. Gives the thread, for who wants to see its end.
pub fn prepare() -> Option<JoinHandle<()>> {
    let work = || {
        // Whoever needs a random number asks again, and is told if there is none.
        let _ = aws_lc_rs::rand::fill(&mut [0; 32]);
    };
    // A system without room for a thread lets the first handshake do it.
    std::thread::Builder::new().name("tls-entropy".to_owned()).spawn(work).ok()
}

type Connections = Boxed<(PeerId, StreamMuxerBox)>;

/// The swarm, listening.
pub(super) fn swarm(config: &Config, key: &SigningKey) -> Result<(Swarm<Behaviour>, Listening), Error> {
    let node = NodeId::from_bytes(*key.public().as_bytes());
    let mut seed = Zeroizing::new(*key.expose_seed());
    let keypair = identity::Keypair::ed25519_from_bytes(seed.as_mut_slice())
        .map_err(|error| Error::Transport { reason: error.to_string() })?;
    let transport = transport(config, &keypair)?;
    let dials = u8::try_from(ADDRESS_LIMIT).ok().and_then(NonZeroU8::new).unwrap_or(NonZeroU8::MIN);
    let settings = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(config.unknown_idle)
        .with_dial_concurrency_factor(dials)
        .with_max_negotiating_inbound_streams(16);
    let behaviour = Behaviour::new(config, node);
    let mut swarm = Swarm::new(transport, behaviour, keypair.public().to_peer_id(), settings);
    let listeners = listen(&mut swarm, &config.listen)?;
    Ok((swarm, Listening::new(listeners)))
}

fn transport(config: &Config, keypair: &identity::Keypair) -> Result<Connections, Error> {
    let with_names = dns::tokio::Transport::system(plain_transport(config, keypair)?);
    let transport = match with_names {
        Ok(transport) => transport.boxed(),
        Err(error) => {
            tracing::warn!(%error, "names cannot be resolved here, only addresses in numbers are dialled");
            plain_transport(config, keypair)?
        }
    };
    Ok(TransportTimeout::new(transport, Duration::from_millis(DIAL_TIMEOUT_MS)).boxed())
}

/// Without names: what measurements dial with.
pub(super) fn bare(config: &Config, keypair: &identity::Keypair) -> io::Result<Connections> {
    plain_transport(config, keypair).map_err(io::Error::other)
}

fn plain_transport(config: &Config, keypair: &identity::Keypair) -> Result<Connections, Error> {
    // Every connection would say 11 KB to find out how long a datagram may be, and each that is longer spares less than one byte
    // in a hundred: nearly all connections end before that pays (docs/adr/0017).
    let mut quic_config = quic::Config::new(keypair).disable_path_mtu_discovery();
    quic_config.handshake_timeout = Duration::from_millis(DIAL_TIMEOUT_MS);
    quic_config.max_idle_timeout = u32::try_from(config.idle_timeout.as_millis()).unwrap_or(u32::MAX);
    quic_config.keep_alive_interval = config.keep_alive;
    quic_config.max_concurrent_stream_limit = TRANSPORT_STREAM_LIMIT;
    let listened: Vec<Multiaddr> = config.listen.iter().filter_map(|text| text.parse().ok()).collect();
    let quic = OnePort::new(quic::tokio::Transport::new(quic_config), &listened)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));

    let mut yamux_config = yamux::Config::default();
    yamux_config.set_max_num_streams(usize::try_from(TRANSPORT_STREAM_LIMIT).unwrap_or(usize::MAX));
    let noise_config =
        noise::Config::new(keypair).map_err(|error| Error::Transport { reason: error.to_string() })?;
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise_config)
        .multiplex(yamux_config)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));

    let tickets = Tickets::default();
    let tcp = Second::new(tcp.boxed(), &tickets, Duration::from_millis(HEAD_START_MS));
    Ok(First::new(quic, &tickets)
        .or_transport(tcp)
        .map(|either, _| match either {
            futures::future::Either::Left(connection) | futures::future::Either::Right(connection) => {
                connection
            }
        })
        .boxed())
}

/// Binds all addresses. IPv6 wildcards are passed over where the system has no IPv6.
fn listen(swarm: &mut Swarm<Behaviour>, addresses: &[String]) -> Result<Vec<ListenerId>, Error> {
    let mut listeners = Vec::new();
    for text in addresses {
        let address = translate::parse(text)?;
        let Some(addr) = translate::to_multiaddr(&address) else {
            return Err(translate::AddressError { text: text.clone() }.into());
        };
        check_free(&addr)
            .map_err(|error| Error::Listen { address: text.clone(), reason: error.to_string() })?;
        match swarm.listen_on(addr.clone()) {
            Ok(listener) => listeners.push(listener),
            Err(TransportError::Other(error)) if is_ipv6_wildcard(&addr) && is_unsupported(&error) => {
                tracing::warn!(address = %text, "no IPv6 here, not listening on it");
            }
            Err(error) => {
                let reason = match error {
                    TransportError::Other(error) => root_cause(&error),
                    other => other.to_string(),
                };
                return Err(Error::Listen { address: text.clone(), reason });
            }
        }
    }
    Ok(listeners)
}

/// Whether a TCP port is free. The transport shares ports between processes, so that binding alone would not show that
/// another node has it, and connections would go to either of the two.
fn check_free(addr: &Multiaddr) -> io::Result<()> {
    let mut parts = addr.iter();
    let ip: IpAddr = match parts.next() {
        Some(Part::Ip4(ip)) => ip.into(),
        Some(Part::Ip6(ip)) => ip.into(),
        _ => return Ok(()),
    };
    let Some(Part::Tcp(port)) = parts.next() else { return Ok(()) };
    match TcpListener::bind((ip, port)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && port != 0 => {
            // `[::]` clashes with `0.0.0.0` here, though not when both are bound for their own family only.
            if ip.is_unspecified() && ip.is_ipv6() { Ok(()) } else { Err(error) }
        }
        _ => Ok(()),
    }
}

fn is_ipv6_wildcard(addr: &Multiaddr) -> bool {
    matches!(addr.iter().next(), Some(Part::Ip6(ip)) if ip.is_unspecified())
}

/// Whether the system lacks the address family; what wraps the system's error differs between transports.
fn is_unsupported(error: &io::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && (matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
                // EAFNOSUPPORT on Linux, macOS and Windows.
                || matches!(error.raw_os_error(), Some(97 | 47 | 10047)))
        {
            return true;
        }
        // An io::Error made from another hides it behind `get_ref`.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// The innermost words of an error: what the system itself says.
fn root_cause(error: &io::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}
