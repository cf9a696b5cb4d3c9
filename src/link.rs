//! The seam between the machine and the sockets: plain values, both ways.
//!
//! The network shell turns what libp2p does into [`Event`]s; the service answers with [`Order`]s. Nothing here names
//! libp2p, so the service can be driven by the real network, by an in-memory one with faults, or by a simulator.
//!
//! A frame is what stands *after* its four-byte length on the stream (docs/protocol.md 3.7): version, variant, fields.
//! The shell adds and removes the length and never lets a longer frame through than `FRAME_LIMIT`.
//!
//! The shell decides nothing: whom to admit, when to dial and what to send are orders. It does hold bounds of its own
//! (connections, streams, queued bytes), because a bound that waits for the machine is none.
//!
//! Source: docs/protocol.md 3.7, 3.8(1), 3.18; docs/adr/0001-sans-io-core.md.

use std::collections::BTreeSet;

use crate::id::{BlobId, NodeId};
use crate::limits::ADDRESS_LEN_LIMIT;
use crate::wire::DecodeError;

/// One connection, numbered by the shell; never used twice in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// One stream of a connection. The machine numbers those it opens (even), the shell those that come in (odd); never
/// used twice in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// One attempt to reach somebody, numbered by the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialId(pub u64);

/// The four protocols (docs/protocol.md 3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// `/tidings/pair/1`: the only one open to unknown nodes, and only while an invite or Resume is open.
    Pair,
    /// `/tidings/sync/1`: one stream per connected pair.
    Sync,
    /// `/tidings/mail/1`.
    Mail,
    /// `/tidings/blob/1`: one stream per blob asked for.
    Blob,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pair, Self::Sync, Self::Mail, Self::Blob];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pair => "/tidings/pair/1",
            Self::Sync => "/tidings/sync/1",
            Self::Mail => "/tidings/mail/1",
            Self::Blob => "/tidings/blob/1",
        }
    }
}

/// How a peer is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// Straight to its address.
    Direct,
    /// Through a friend who relays.
    Relay,
    /// On the same network.
    Lan,
}

/// An address: the bytes of a multiaddr without the peer's identity, at most [`ADDRESS_LEN_LIMIT`] of them. What they
/// mean is the shell's business; a machine compares, keeps and passes them on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Vec<u8>);

impl Address {
    /// An address from multiaddr bytes.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] above the limit, [`DecodeError::Invalid`] if empty.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes.len() {
            0 => Err(DecodeError::Invalid { what: "an address is empty" }),
            len if len > ADDRESS_LEN_LIMIT => Err(DecodeError::TooMany {
                what: "address",
                limit: ADDRESS_LEN_LIMIT,
                actual: u64::try_from(len).unwrap_or(u64::MAX),
            }),
            _ => Ok(Self(bytes.to_vec())),
        }
    }

    /// The multiaddr bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it leads nowhere but to the same machine: `/ip4/127.…` or `/ip6/::1`.
    pub fn is_loopback(&self) -> bool {
        // The multiaddr codes of ip4 and ip6, each followed by the address itself.
        const IP4: u8 = 4;
        const IP6: u8 = 41;
        match self.0.split_first() {
            Some((&IP4, rest)) => rest.first() == Some(&127),
            Some((&IP6, rest)) => rest.first_chunk::<16>() == Some(&std::net::Ipv6Addr::LOCALHOST.octets()),
            _ => false,
        }
    }
}

/// What the network did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The addresses this node listens on, all of them, best first. Comes again whenever they change.
    Listening {
        /// Addresses with real ports.
        addresses: Vec<Address>,
    },
    /// A connection is up; the transport has proven that the other side holds the node key.
    ///
    /// When two nodes dial each other at once this may come twice for one node; [`Event::Disconnected`] then follows
    /// for one of the two. The one opened by the smaller node key stays (docs/protocol.md 3.0), and that is the one to
    /// use. Likewise when a node was restarted before its old connection was noticed to be dead: then the newer stays.
    ///
    /// A connection may end right after this because the other side does not admit us.
    Connected {
        /// Its number.
        conn: ConnId,
        /// The other side's node key.
        node: NodeId,
        /// Whether we dialled, and by which attempt.
        attempt: Option<DialId>,
        /// Where the other side is.
        address: Address,
        /// How it is reached.
        path: Path,
    },
    /// A connection is gone, and with it all its streams, whether or not an [`Event::StreamClosed`] has come for them.
    /// An [`Event::BlobFailed`] has come for each blob that was being fetched. Nothing of it comes after this.
    Disconnected {
        /// Its number.
        conn: ConnId,
    },
    /// A dial came to nothing.
    DialFailed {
        /// Which.
        attempt: DialId,
        /// For logs and `doctor`; never shown to a peer.
        reason: String,
    },
    /// A stream is ready: one of ours was taken, or the other side opened one. Never for [`Protocol::Blob`].
    StreamOpened {
        /// The connection.
        conn: ConnId,
        /// The stream.
        stream: StreamId,
        /// What is spoken on it.
        protocol: Protocol,
        /// Whether we opened it.
        ours: bool,
    },
    /// A frame came. The shell reads no further from that stream while the machine's queue is full.
    Frame {
        /// The stream.
        stream: StreamId,
        /// At most `FRAME_LIMIT` bytes.
        frame: Vec<u8>,
    },
    /// Frames have been handed to the transport: the machine may send that much more.
    Sent {
        /// The stream.
        stream: StreamId,
        /// Bytes of frames since the last such event.
        bytes: usize,
    },
    /// A stream of ours was refused, or a stream ended, by either side or by a fault (frame too long, queue overrun).
    StreamClosed {
        /// The stream.
        stream: StreamId,
    },
    /// A peer asks for a blob: to be answered by [`Order::ServeBlob`] or [`Order::RefuseBlob`].
    BlobAsked {
        /// The connection.
        conn: ConnId,
        /// The stream that will carry it.
        stream: StreamId,
        /// Which blob.
        blob: BlobId,
    },
    /// A blob has arrived whole, verified, and stands durably under its id.
    BlobFetched {
        /// Which.
        blob: BlobId,
        /// Bytes of ciphertext.
        bytes: u64,
    },
    /// Fetching a blob came to nothing with that peer; what was verified stays for the next attempt.
    BlobFailed {
        /// Which.
        blob: BlobId,
        /// The connection it was asked on.
        conn: ConnId,
        /// Whether the peer lied (bytes that do not fit the id), rather than not having it or going away.
        lied: bool,
    },
}

/// What the machine wants of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// From now on these node keys, and no others, get past the handshake; connections of others are closed, except
    /// strangers' while the pair protocol is open.
    Admit {
        /// Node keys of friends' and one's own live devices.
        nodes: BTreeSet<NodeId>,
    },
    /// Whether strangers may connect, to speak `/tidings/pair/1` and nothing else.
    OpenPairing(bool),
    /// Reach somebody: any of the addresses. With `node`, only that key is accepted at the other end; without, any
    /// (Resume, docs/protocol.md 3.7).
    Dial {
        /// The attempt's number.
        attempt: DialId,
        /// The expected key.
        node: Option<NodeId>,
        /// Where to try.
        addresses: Vec<Address>,
    },
    /// Open a stream ([`Protocol::Blob`] is opened by [`Order::FetchBlob`] instead). Frames may be sent at once; they
    /// wait until it is open.
    OpenStream {
        /// The connection.
        conn: ConnId,
        /// The machine's number for it.
        stream: StreamId,
        /// What will be spoken.
        protocol: Protocol,
    },
    /// Send a frame.
    Send {
        /// The stream.
        stream: StreamId,
        /// At most `FRAME_LIMIT` bytes.
        frame: Vec<u8>,
    },
    /// End a stream after what was sent.
    CloseStream {
        /// The stream.
        stream: StreamId,
    },
    /// End a connection.
    Hangup {
        /// The connection.
        conn: ConnId,
    },
    /// Send the asked blob on its stream.
    ServeBlob {
        /// The stream of [`Event::BlobAsked`].
        stream: StreamId,
        /// Which.
        blob: BlobId,
    },
    /// Say no: closes the stream without a word about why.
    RefuseBlob {
        /// The stream of [`Event::BlobAsked`].
        stream: StreamId,
    },
    /// Fetch a blob from a peer, verify it as it streams, continue where an earlier attempt stopped. Answered by
    /// [`Event::BlobFetched`] or [`Event::BlobFailed`], once; it fails at once while the same blob is being fetched
    /// already.
    FetchBlob {
        /// The connection.
        conn: ConnId,
        /// Which.
        blob: BlobId,
        /// Its exact size, known from the moment that names it; more is never accepted.
        bytes: u64,
    },
}

impl Event {
    /// The connection whose loss makes this event moot, if it names one.
    pub const fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Connected { conn, .. }
            | Self::Disconnected { conn }
            | Self::StreamOpened { conn, .. }
            | Self::BlobAsked { conn, .. }
            | Self::BlobFailed { conn, .. } => Some(*conn),
            _ => None,
        }
    }
}
