//! QUIC from one port: whoever is dialled over QUIC is dialled from the socket that listens.
//!
//! A dial asks for a port of its own, because two nodes that dial each other over TCP from the ports on which they listen
//! would meet in one connection that both think they began. QUIC has no such meeting: its connections have numbers, and any
//! number of them share a socket. A socket of its own would cost each of them a task, a descriptor and a buffer of 3 MB in
//! which datagrams arrive, for as long as the connection lasts.
//!
//! What it does not do: it changes nothing of TCP, and nothing of what is listened on.
//!
//! Source: docs/adr/0017-connections-at-rest.md.

use std::pin::Pin;
use std::task::{Context, Poll};

use libp2p::Transport;
use libp2p::core::transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent};
use libp2p::multiaddr::{Multiaddr, Protocol as Part};

/// QUIC's transport, made to dial from the socket that listens.
pub(super) struct OnePort<T> {
    inner: T,
    /// Whether a socket listens on loopback alone, by family: it reaches nobody else.
    is_near: Near,
}

/// What listens on loopback alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Near {
    ip4: bool,
    ip6: bool,
}

impl Near {
    fn of<'a>(listen: impl IntoIterator<Item = &'a Multiaddr>) -> Self {
        listen.into_iter().fold(Self::default(), |near, addr| match addr.iter().next() {
            Some(Part::Ip4(ip)) => Self { ip4: near.ip4 || ip.is_loopback(), ..near },
            Some(Part::Ip6(ip)) => Self { ip6: near.ip6 || ip.is_loopback(), ..near },
            _ => near,
        })
    }

    /// The port from which an address is dialled.
    fn port_for(self, addr: &Multiaddr) -> PortUse {
        let needs_its_own = match addr.iter().next() {
            Some(Part::Ip4(ip)) => self.ip4 && !ip.is_loopback(),
            Some(Part::Ip6(ip)) => self.ip6 && !ip.is_loopback(),
            _ => false,
        };
        if needs_its_own { PortUse::New } else { PortUse::Reuse }
    }
}

impl<T> OnePort<T> {
    /// Beside what is listened on.
    pub(super) fn new<'a>(inner: T, listen: impl IntoIterator<Item = &'a Multiaddr>) -> Self {
        Self { inner, is_near: Near::of(listen) }
    }
}

impl<T: Transport + Unpin> Transport for OnePort<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(&mut self, id: ListenerId, addr: Multiaddr) -> Result<(), TransportError<T::Error>> {
        self.inner.listen_on(id, addr)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, addr: Multiaddr, opts: DialOpts) -> Result<T::Dial, TransportError<T::Error>> {
        let port_use = self.is_near.port_for(&addr);
        self.inner.dial(addr, DialOpts { port_use, ..opts })
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<T::ListenerUpgrade, T::Error>> {
        Pin::new(&mut self.get_mut().inner).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> Multiaddr {
        text.parse().expect("address")
    }

    fn port(listen: &[&str], to: &str) -> PortUse {
        Near::of(&listen.iter().map(|text| addr(text)).collect::<Vec<_>>()).port_for(&addr(to))
    }

    #[test]
    fn a_dial_has_a_port_of_its_own_only_where_what_listens_cannot_reach() {
        let (all, near) = ("/ip4/0.0.0.0/udp/1/quic-v1", "/ip4/127.0.0.1/udp/1/quic-v1");
        let (far, here) = ("/ip4/192.0.2.1/udp/2/quic-v1", "/ip4/127.0.0.1/udp/2/quic-v1");
        assert_eq!(port(&[all], far), PortUse::Reuse);
        assert_eq!(port(&[], far), PortUse::Reuse, "one socket for all who only dial");
        assert_eq!(port(&[near], here), PortUse::Reuse);
        assert_eq!(port(&[near], far), PortUse::New);
        assert_eq!(port(&["/ip6/::1/udp/1/quic-v1"], far), PortUse::Reuse, "another family");
        assert_eq!(port(&["/ip6/::1/udp/1/quic-v1"], "/ip6/2001:db8::1/udp/2/quic-v1"), PortUse::New);
    }
}
