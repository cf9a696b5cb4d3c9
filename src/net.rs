//! The network shell: libp2p over QUIC and TCP, turned into plain values.
//!
//! [`spawn`] starts one task that owns the swarm. It hears [`Order`]s and tells [`Event`](crate::link::Event)s over two
//! bounded channels; each stream has a task of its own, so that a friend who reads slowly holds up nobody else.
//!
//! ```text
//!   machine ──Order──▶ driver ──▶ swarm ──▶ behaviour (admission) ──▶ handler (one per connection)
//!      ▲                 │                                               │ negotiated streams
//!      └──── Event ──────┴────────── stream tasks (frames, blobs, ping) ◀┘
//! ```
//!
//! **Who gets in.** A node key that is admitted is offered all protocols. Any other key gets a connection only while
//! pairing is open, or if we dialled it ourselves, and on it nothing but `/tidings/pair/1`: no ping, no identify. All
//! others are cut as soon as the handshake has shown their key.
//!
//! **One connection for each pair.** If both dial at once, the connection opened by the smaller node key stays. The
//! machine may hear `Connected` twice and then `Disconnected` for the one that goes; streams move to the one that
//! stays. A connection that lost before it was ever told of is never told of.
//!
//! **Back-pressure.** A stream task hands a frame to the machine before it reads the next. What the machine sends waits
//! in a queue for each stream, bounded in bytes; a stream whose queue overruns is closed. While events of connections
//! wait for room, the sockets are left alone, but orders are always taken, so that neither side can block the other.
//!
//! **Order of events.** `Connected` comes before anything of the connection, `StreamOpened` before the stream's frames,
//! `StreamClosed` after them, `Disconnected` last.
//!
//! What it does not do: it decides nothing that is policy (whom to admit, when to dial, what to serve), keeps no
//! address book and speaks no protocol of its own but ping.
//!
//! Invariants: no panic on anything a remote does; everything a remote can make grow has a limit in
//! [`crate::limits`]; no key material in logs or errors.
//!
//! Source: docs/protocol.md 3.7, 3.8(1), 3.16, 3.18.

mod admission;
mod behaviour;
mod blobs;
mod driver;
pub mod floor;
mod frames;
mod handler;
mod head_start;
mod inbox;
mod lean;
mod listening;
mod one_port;
mod orders;
mod ping;
pub mod record;
mod streams;
pub mod translate;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use inbox::{Inbox, inbox};
pub use transport::prepare;

use crate::crypto::SigningKey;
use crate::limits::{
    IDLE_TIMEOUT_MS, KEEP_ALIVE_INTERVAL_MS, PING_INTERVAL_MS, PING_TIMEOUT_MS, UNKNOWN_IDLE_LIMIT_MS,
    UNKNOWN_LIFE_LIMIT_MS,
};
use crate::link::Order;
use crate::store::blobs::BlobFiles;

/// How the shell behaves. The defaults are those of [`crate::limits`].
#[derive(Clone)]
pub struct Config {
    /// Multiaddrs to listen on, `/p2p/…` left out. None: this node only dials.
    pub listen: Vec<String>,
    /// A quiet QUIC connection is kept open by a packet this often.
    pub keep_alive: Duration,
    /// A QUIC connection on which nothing arrives for this long is gone.
    pub idle_timeout: Duration,
    /// Time between two pings.
    pub ping_interval: Duration,
    /// A ping must be answered within this.
    pub ping_timeout: Duration,
    /// An unknown node's connection without a stream ends after this.
    pub unknown_idle: Duration,
    /// An unknown node's connection ends after this.
    pub unknown_life: Duration,
    /// A test aid: sees every frame that comes in.
    pub record: Option<Arc<dyn record::Recorder>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            keep_alive: Duration::from_millis(KEEP_ALIVE_INTERVAL_MS),
            idle_timeout: Duration::from_millis(IDLE_TIMEOUT_MS),
            ping_interval: Duration::from_millis(PING_INTERVAL_MS),
            ping_timeout: Duration::from_millis(PING_TIMEOUT_MS),
            unknown_idle: Duration::from_millis(UNKNOWN_IDLE_LIMIT_MS),
            unknown_life: Duration::from_millis(UNKNOWN_LIFE_LIMIT_MS),
            record: None,
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("recorded", &self.record.is_some())
            .finish_non_exhaustive()
    }
}

/// Why the shell could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address to listen on is none.
    #[error(transparent)]
    Address(#[from] translate::AddressError),
    /// The system does not let us listen there.
    #[error(
        "cannot listen on {address}: {reason}. Stop what uses the port, or choose another address with --listen"
    )]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The keys of the transports could not be made.
    #[error("cannot set up the transport: {reason}")]
    Transport {
        /// What libp2p says.
        reason: String,
    },
}

/// A running shell. Dropping it stops the shell as well, without waiting.
#[derive(Debug)]
pub struct Handle {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Takes the orders that are waiting, lets what was sent leave, closes all connections and stops.
    pub async fn shutdown(mut self) {
        // An error means that the task has ended by itself.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the network task ended badly");
        }
    }
}

impl Handle {
    /// Stops at once, as a killed process would: nothing is sent, nobody is told. For tests of what follows.
    pub fn abort(&self) {
        self.task.abort();
    }
}

/// Binds the addresses and starts the shell. Must be called inside a tokio runtime.
///
/// The channels are the caller's: that of events is made by [`inbox()`], that of orders should have room for
/// [`crate::limits::ORDER_QUEUE_LIMIT`]. The shell stops when `orders` ends.
///
/// # Errors
/// [`Error::Listen`] names the address that could not be bound. IPv6 on a machine without it is passed over.
pub fn spawn(
    config: Config,
    key: &SigningKey,
    blobs: Arc<BlobFiles>,
    events: inbox::Sender,
    orders: mpsc::Receiver<Order>,
) -> Result<Handle, Error> {
    let (swarm, listening) = transport::swarm(&config, key)?;
    let (stop, stopped) = oneshot::channel();
    let driver = driver::Driver::new(config, swarm, listening, blobs, events);
    let task = tokio::spawn(driver.run(orders, stopped));
    Ok(Handle { stop: Some(stop), task })
}
