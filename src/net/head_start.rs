//! A head start for QUIC: while a node is being dialled over QUIC, TCP waits a moment before it tries as well.
//!
//! Dialled together, both handshakes would be done to the end or nearly so, each with its bytes and its signatures on both
//! nodes, and one of the two be thrown away. A quarter of a second is what RFC 8305 (8) gives an address before the next is
//! tried. It ends early as soon as no dial over QUIC to that node is left.
//!
//! ```text
//!   quic ── dials P, holds the ticket of P ──┐  dropped when it has failed
//!   tcp  ── dials P: waits for the end of ───┘  or for the moment to pass
//! ```
//!
//! Where a name has to be looked up first, whichever is found first is tried first. Addresses without a node key have no
//! ticket and do not wait.
//!
//! What it does not do: it chooses nothing. The first connection that stands is taken, and the swarm drops the other dials.
//!
//! Source: docs/adr/0017-connections-at-rest.md.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::multiaddr::{Multiaddr, Protocol as Part};
use libp2p::{PeerId, Transport};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Nodes that are being dialled over QUIC. Each ticket is held by the dials and by nobody else.
#[derive(Clone, Default)]
pub(super) struct Tickets(Arc<Mutex<BTreeMap<PeerId, Weak<Ticket>>>>);

struct Ticket {
    is_over: CancellationToken,
    _guard: DropGuard,
}

impl Tickets {
    /// For one more dial over QUIC.
    fn take(&self, addr: &Multiaddr) -> Option<Arc<Ticket>> {
        let peer = peer_of(addr)?;
        let mut tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tickets.retain(|_, ticket| ticket.strong_count() > 0);
        if let Some(ticket) = tickets.get(&peer).and_then(Weak::upgrade) {
            return Some(ticket);
        }
        let is_over = CancellationToken::new();
        let ticket = Arc::new(Ticket { _guard: is_over.clone().drop_guard(), is_over });
        tickets.insert(peer, Arc::downgrade(&ticket));
        Some(ticket)
    }

    /// What ends when no dial over QUIC to that node is left; `None` if there is none now.
    fn end_of(&self, addr: &Multiaddr) -> Option<CancellationToken> {
        let tickets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = tickets.get(&peer_of(addr)?)?.upgrade()?;
        Some(ticket.is_over.clone())
    }
}

fn peer_of(addr: &Multiaddr) -> Option<PeerId> {
    addr.iter().find_map(|part| match part {
        Part::P2p(peer) => Some(peer),
        _ => None,
    })
}

/// Whose dials the other waits for.
pub(super) struct First<T> {
    inner: T,
    tickets: Tickets,
}

/// Who waits.
pub(super) struct Second<T> {
    inner: T,
    tickets: Tickets,
    moment: Duration,
}

impl<T> First<T> {
    pub(super) fn new(inner: T, tickets: &Tickets) -> Self {
        Self { inner, tickets: tickets.clone() }
    }
}

impl<T> Second<T> {
    pub(super) fn new(inner: T, tickets: &Tickets, moment: Duration) -> Self {
        Self { inner, tickets: tickets.clone(), moment }
    }
}

type Dialled<T> = BoxFuture<'static, Result<<T as Transport>::Output, <T as Transport>::Error>>;

impl<T: Transport + Unpin> Transport for First<T>
where
    T::Dial: Send + 'static,
{
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = Dialled<T>;

    fn listen_on(&mut self, id: ListenerId, addr: Multiaddr) -> Result<(), TransportError<T::Error>> {
        self.inner.listen_on(id, addr)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, addr: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<T::Error>> {
        let dial = self.inner.dial(addr.clone(), opts)?;
        let ticket = self.tickets.take(&addr);
        Ok(dial.inspect(move |_| drop(ticket)).boxed())
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<T::ListenerUpgrade, T::Error>> {
        Pin::new(&mut self.get_mut().inner).poll(cx)
    }
}

impl<T: Transport + Unpin> Transport for Second<T>
where
    T::Dial: Send + 'static,
    T::Output: 'static,
    T::Error: 'static,
{
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = Dialled<T>;

    fn listen_on(&mut self, id: ListenerId, addr: Multiaddr) -> Result<(), TransportError<T::Error>> {
        self.inner.listen_on(id, addr)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, addr: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<T::Error>> {
        // What has not been polled has not begun: TCP sends nothing before.
        let dial = self.inner.dial(addr.clone(), opts)?;
        let Some(is_over) = self.tickets.end_of(&addr) else { return Ok(dial.boxed()) };
        let moment = self.moment;
        Ok(async move {
            // Either is a reason to begin.
            let _ = timeout(moment, is_over.cancelled()).await;
            dial.await
        }
        .boxed())
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
    use std::io;

    use futures::future::{self, Ready};
    use libp2p::core::Endpoint;
    use libp2p::core::transport::PortUse;

    use super::*;

    /// Dials that fail, or stay under way.
    #[derive(Clone, Copy)]
    enum Fake {
        Works,
        Fails,
        Stays,
    }

    impl Transport for Fake {
        type Output = ();
        type Error = io::Error;
        type ListenerUpgrade = Ready<io::Result<()>>;
        type Dial = BoxFuture<'static, io::Result<()>>;

        fn listen_on(&mut self, _: ListenerId, addr: Multiaddr) -> Result<(), TransportError<io::Error>> {
            Err(TransportError::MultiaddrNotSupported(addr))
        }

        fn remove_listener(&mut self, _: ListenerId) -> bool {
            false
        }

        fn dial(&mut self, _: Multiaddr, _: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
            Ok(match self {
                Self::Works => future::ready(Ok(())).boxed(),
                Self::Fails => future::ready(Err(io::ErrorKind::TimedOut.into())).boxed(),
                Self::Stays => future::pending().boxed(),
            })
        }

        fn poll(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
            Poll::Pending
        }
    }

    /// Longer than any test.
    const LONG: Duration = Duration::from_secs(3_600);

    fn dial(transport: &mut impl Transport<Dial = Dialled<Fake>>, of: &str) -> Dialled<Fake> {
        let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        let addr = format!("/ip4/192.0.2.1/tcp/1{of}").parse().expect("address");
        transport.dial(addr, opts).expect("dialled")
    }

    fn both(quic: Fake, moment: Duration) -> (First<Fake>, Second<Fake>) {
        let tickets = Tickets::default();
        (First::new(quic, &tickets), Second::new(Fake::Works, &tickets, moment))
    }

    fn node(number: u8) -> String {
        let seed = libp2p::identity::Keypair::ed25519_from_bytes([number; 32]).expect("seed");
        format!("/p2p/{}", seed.public().to_peer_id())
    }

    #[tokio::test]
    async fn tcp_waits_until_no_dial_over_quic_to_that_node_is_left() {
        let (mut quic, mut tcp) = both(Fake::Stays, LONG);
        let (one, two) = (dial(&mut quic, &node(1)), dial(&mut quic, &node(1)));
        let mut waiting = dial(&mut tcp, &node(1));
        assert!(future::poll_immediate(&mut waiting).await.is_none());
        drop(one);
        assert!(future::poll_immediate(&mut waiting).await.is_none(), "one is left");
        drop(two);
        waiting.await.expect("begun");
    }

    #[tokio::test]
    async fn tcp_begins_when_quic_has_failed_or_the_moment_has_passed() {
        let (mut quic, mut tcp) = both(Fake::Fails, LONG);
        let (failing, waiting) = (dial(&mut quic, &node(1)), dial(&mut tcp, &node(1)));
        failing.await.expect_err("fails");
        waiting.await.expect("begun");
        let (mut quic, mut tcp) = both(Fake::Stays, Duration::ZERO);
        let (_under_way, waiting) = (dial(&mut quic, &node(1)), dial(&mut tcp, &node(1)));
        waiting.await.expect("begun");
    }

    #[tokio::test]
    async fn nobody_waits_for_another_node_or_without_a_key() {
        let (mut quic, mut tcp) = both(Fake::Stays, LONG);
        let _under_way = [dial(&mut quic, &node(1)), dial(&mut quic, "")];
        for of in [node(2), String::new()] {
            assert!(future::poll_immediate(dial(&mut tcp, &of)).await.is_some(), "{of}");
        }
    }

    #[test]
    fn tickets_of_dials_that_ended_are_not_kept() {
        let tickets = Tickets::default();
        for number in 0..10 {
            let addr = node(number).parse().expect("address");
            assert!(tickets.take(&addr).is_some());
        }
        assert!(tickets.0.lock().expect("lock").len() <= 1);
    }
}
