//! Our words for libp2p's: node ids and peer ids, addresses and multiaddrs.
//!
//! Only what this program can dial is an address: an IP or a name, then TCP or QUIC. The peer's identity is never part
//! of it; it is left out when an address is read and when it is shown.
//!
//! Source: docs/protocol.md 3.2, 3.7.

use std::net::IpAddr;

use libp2p::multiaddr::{Multiaddr, Protocol as Part};
use libp2p::{PeerId, identity};

use crate::id::NodeId;
use crate::link::{Address, Path};

/// Code of a multihash that is the key itself.
const IDENTITY_CODE: u64 = 0;

/// Text or bytes that are no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an address: {text}. Write it like /ip4/192.0.2.1/tcp/4001 or /ip4/192.0.2.1/udp/4001/quic-v1")]
pub struct AddressError {
    /// What was given.
    pub text: String,
}

/// Reads an address from text; a `/p2p/…` at its end is left out.
///
/// # Errors
/// [`AddressError`] unless it is one of the forms above (or with a name: `/dns/…`).
pub fn parse(text: &str) -> Result<Address, AddressError> {
    let error = || AddressError { text: text.to_owned() };
    let addr: Multiaddr = text.parse().map_err(|_| error())?;
    from_multiaddr(&addr).ok_or_else(error)
}

/// The text of an address, without the peer's identity.
pub fn show(address: &Address) -> String {
    match to_multiaddr(address) {
        Some(addr) => addr.to_string(),
        None => format!("unreadable:{}", crate::id::hex(address.as_bytes())),
    }
}

/// Whether an address leads nowhere but to this machine.
pub fn is_loopback(address: &Address) -> bool {
    ip(address).is_some_and(|ip| ip.is_loopback())
}

/// Whether an address leads to a local network only, loopback included.
pub fn is_local(address: &Address) -> bool {
    ip(address).is_some_and(|ip| ip.is_loopback() || is_private(ip) || is_link_local(ip))
}

/// Addresses to tell others, best first: public, private, loopback. Link-local IPv6 ones are dropped, because they mean
/// nothing without the interface; so are addresses of no machine (`0.0.0.0`).
pub fn best_first(addresses: impl IntoIterator<Item = Address>) -> Vec<Address> {
    let mut ranked: Vec<(u8, bool, Address)> = addresses
        .into_iter()
        .filter_map(|address| {
            let rank = match ip(&address) {
                None => 0,
                Some(ip) if ip.is_unspecified() || (ip.is_ipv6() && is_link_local(ip)) => return None,
                Some(ip) if ip.is_loopback() => 3,
                Some(ip) if is_link_local(ip) => 2,
                Some(ip) if is_private(ip) => 1,
                Some(_) => 0,
            };
            Some((rank, to_multiaddr(&address).as_ref().is_some_and(is_tcp), address))
        })
        .collect();
    ranked.sort();
    ranked.dedup();
    ranked.into_iter().map(|(_, _, address)| address).collect()
}

/// Whether an address is one of TCP.
pub(super) fn is_tcp(addr: &Multiaddr) -> bool {
    addr.iter().any(|part| matches!(part, Part::Tcp(_)))
}

pub(super) fn path_of(address: &Address) -> Path {
    if is_local(address) { Path::Lan } else { Path::Direct }
}

/// The multiaddr of an address, if it has a form that we dial.
pub(super) fn to_multiaddr(address: &Address) -> Option<Multiaddr> {
    let addr = Multiaddr::try_from(address.as_bytes().to_vec()).ok()?;
    is_dialable(&addr).then_some(addr)
}

/// An address from a multiaddr, without the peer's identity; `None` for forms that we do not dial.
pub(super) fn from_multiaddr(addr: &Multiaddr) -> Option<Address> {
    let bare: Multiaddr = addr.iter().take_while(|part| !matches!(part, Part::P2p(_))).collect();
    // What stands behind the identity (a relay's circuit) would be lost: such an address is another one.
    let parts_behind = addr.iter().skip_while(|part| !matches!(part, Part::P2p(_))).count();
    (parts_behind <= 1 && is_dialable(&bare)).then(|| Address::from_bytes(bare.as_ref()).ok())?
}

fn is_dialable(addr: &Multiaddr) -> bool {
    let mut parts = addr.iter();
    let host = matches!(
        parts.next(),
        Some(Part::Ip4(_) | Part::Ip6(_) | Part::Dns(_) | Part::Dns4(_) | Part::Dns6(_))
    );
    let port = match parts.next() {
        Some(Part::Tcp(_)) => true,
        Some(Part::Udp(_)) => matches!(parts.next(), Some(Part::QuicV1)),
        _ => false,
    };
    host && port && parts.next().is_none()
}

fn ip(address: &Address) -> Option<IpAddr> {
    match Multiaddr::try_from(address.as_bytes().to_vec()).ok()?.iter().next()? {
        Part::Ip4(ip) => Some(ip.into()),
        Part::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private(),
        // Unique local addresses, fc00::/7.
        IpAddr::V6(ip) => ip.octets().first().is_some_and(|first| first & 0xfe == 0xfc),
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        // fe80::/10.
        IpAddr::V6(ip) => ip.segments().first().is_some_and(|first| first & 0xffc0 == 0xfe80),
    }
}

/// The node key behind a peer id; `None` unless it is an Ed25519 key in full.
pub(super) fn node_of(peer: &PeerId) -> Option<NodeId> {
    let hash = libp2p::multihash::Multihash::<64>::from_bytes(&peer.to_bytes()).ok()?;
    if hash.code() != IDENTITY_CODE {
        return None;
    }
    let key = identity::PublicKey::try_decode_protobuf(hash.digest()).ok()?;
    Some(NodeId::from_bytes(key.try_into_ed25519().ok()?.to_bytes()))
}

/// The peer id of a node key; `None` if the bytes are no point of the curve.
pub(super) fn peer_of(node: &NodeId) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(node.as_bytes()).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    fn shown(text: &str) -> String {
        show(&parse(text).expect(text))
    }

    #[test]
    fn an_address_survives_being_read_and_shown_without_the_identity() {
        for text in [
            "/ip4/192.0.2.1/tcp/4001",
            "/ip4/192.0.2.1/udp/4001/quic-v1",
            "/ip6/2001:db8::1/udp/4001/quic-v1",
            "/dns/example.org/tcp/443",
        ] {
            assert_eq!(shown(text), text);
            let with = format!("{text}/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN");
            assert_eq!(shown(&with), text);
        }
    }

    #[test]
    fn what_we_cannot_dial_is_no_address() {
        for text in [
            "",
            "hello",
            "/ip4/1.2.3.4",
            "/ip4/1.2.3.4/udp/5",
            "/ip4/1.2.3.4/tcp/5/ws",
            "/unix/tmp",
            "/memory/5",
            "/ip4/1.2.3.4/tcp/5/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit",
        ] {
            assert_eq!(parse(text), Err(AddressError { text: text.to_owned() }));
        }
        assert!(to_multiaddr(&Address::from_bytes(&[0xff; 100]).expect("length")).is_none());
    }

    #[test]
    fn public_addresses_come_first_and_loopback_last() {
        let all = [
            "/ip4/127.0.0.1/udp/1/quic-v1",
            "/ip4/192.168.1.5/tcp/1",
            "/ip6/fe80::1/tcp/1",
            "/ip4/192.168.1.5/udp/1/quic-v1",
            "/ip6/fd00::1/tcp/1",
            "/ip4/0.0.0.0/tcp/1",
            "/ip4/198.51.100.7/tcp/1",
            "/ip6/::1/tcp/1",
        ];
        let sorted = best_first(all.iter().map(|text| parse(text).expect(text)));
        let shown: Vec<_> = sorted.iter().map(show).collect();
        assert_eq!(
            shown,
            [
                "/ip4/198.51.100.7/tcp/1",
                "/ip4/192.168.1.5/udp/1/quic-v1",
                "/ip4/192.168.1.5/tcp/1",
                "/ip6/fd00::1/tcp/1",
                "/ip4/127.0.0.1/udp/1/quic-v1",
                "/ip6/::1/tcp/1",
            ]
        );
        assert!(is_loopback(&sorted[5]) && !is_loopback(&sorted[2]) && is_local(&sorted[2]));
    }

    #[test]
    fn a_node_key_and_its_peer_id_are_one_thing() {
        let key = SigningKey::from_seed(&[5; 32]).public();
        let node = NodeId::from_bytes(*key.as_bytes());
        let peer = peer_of(&node).expect("a point");
        assert_eq!(node_of(&peer), Some(node));
    }

    #[test]
    fn a_peer_id_that_only_hashes_its_key_is_no_node() {
        let hash = libp2p::multihash::Multihash::<64>::wrap(0x12, &[7; 32]).expect("hash");
        assert_eq!(node_of(&PeerId::from_multihash(hash).expect("peer id")), None);
    }
}
