//! Nodes for tests: a shell with its two channels, and words for what a machine would do with them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tidings::crypto::SigningKey;
use tidings::id::{BlobId, NodeId};
use tidings::limits::ORDER_QUEUE_LIMIT;
use tidings::link::{Address, ConnId, DialId, Event, Order, Protocol, StreamId};
use tidings::net::record::Recorder;
use tidings::net::{self, Config, translate};
use tidings::store::blobs::BlobFiles;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Nothing on one machine takes this long, unless it never comes.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
pub const BOTH: [&str; 2] = [QUIC, TCP];

pub fn bytes_of(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(b"net").update(&len.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

pub struct Node {
    pub id: NodeId,
    pub addresses: Vec<Address>,
    pub files: Arc<BlobFiles>,
    /// Everything that was heard so far.
    pub seen: Vec<Event>,
    dir: TempDir,
    events: net::Inbox,
    orders: mpsc::Sender<Order>,
    handle: net::Handle,
}

/// Something that can be dialled.
pub trait Dialable {
    fn addresses(&self) -> &[Address];
}

impl Dialable for Node {
    fn addresses(&self) -> &[Address] {
        &self.addresses
    }
}

impl Dialable for Vec<Address> {
    fn addresses(&self) -> &[Address] {
        self
    }
}

/// A port that nobody has, neither over TCP nor over UDP. Each node takes one of its own: the socket of one that was shut
/// down is closed by a task that may come a little later.
pub fn port_free_for_both() -> u16 {
    loop {
        let tcp = std::net::TcpListener::bind("[::]:0").expect("bind");
        let port = tcp.local_addr().expect("address").port();
        if std::net::UdpSocket::bind(("::", port)).is_ok() {
            return port;
        }
    }
}

pub async fn spawn(seed: u8, listen: &str) -> Node {
    spawn_with(seed, listen, Config::default()).await
}

pub async fn spawn_with(seed: u8, listen: &str, config: Config) -> Node {
    spawn_in(seed, listen, config, tempfile::tempdir().expect("folder")).await
}

pub async fn spawn_in(seed: u8, listen: &str, config: Config, dir: TempDir) -> Node {
    let files = Arc::new(BlobFiles::open(dir.path()).expect("blobs"));
    let (events_in, mut events) = net::inbox();
    let (orders, orders_out) = mpsc::channel(ORDER_QUEUE_LIMIT);
    let key = SigningKey::from_seed(&[seed; 32]);
    let listen = listen.split_whitespace().map(str::to_owned).collect();
    let config = Config { listen, ..config };
    let handle = net::spawn(config, &key, Arc::clone(&files), events_in, orders_out).expect("spawn");
    let addresses = match timeout(PATIENCE, events.recv()).await {
        Ok(Some(Event::Listening { addresses })) => addresses,
        other => panic!("not listening: {other:?}"),
    };
    let id = NodeId::from_bytes(*key.public().as_bytes());
    Node { id, addresses, files, seen: Vec::new(), dir, events, orders, handle }
}

pub fn try_spawn(seed: u8, listen: &str) -> Result<net::Handle, net::Error> {
    let dir = tempfile::tempdir().expect("folder");
    let files = Arc::new(BlobFiles::open(dir.path()).expect("blobs"));
    let config = Config { listen: vec![listen.to_owned()], ..Config::default() };
    let key = SigningKey::from_seed(&[seed; 32]);
    net::spawn(config, &key, files, net::inbox().0, mpsc::channel(1).1)
}

/// Both admit each other and the first dials. Returns the connection as each of them numbers it.
pub async fn connect(one: &mut Node, other: &mut Node) -> (ConnId, ConnId) {
    one.admit(&[other.id]).await;
    other.admit(&[one.id]).await;
    let there = other.copy_of_address();
    one.dial(1000, &there, Some(other.id)).await;
    let there = one.connected(other.id).await;
    (there, other.connected(one.id).await)
}

impl Node {
    pub async fn order(&self, order: Order) {
        self.orders.send(order).await.expect("the shell runs");
    }

    /// The first event, from now on, of which `pick` makes something.
    pub async fn wait<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.events.recv().await.expect("the shell runs");
                let is_bulk = matches!(event, Event::Frame { .. });
                if !is_bulk {
                    self.seen.push(event.clone());
                }
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => panic!("waited in vain, heard {:?}", self.seen),
        }
    }

    pub fn copy_of_address(&self) -> Vec<Address> {
        self.addresses.clone()
    }

    pub async fn admit(&self, nodes: &[NodeId]) {
        self.order(Order::Admit { nodes: nodes.iter().copied().collect::<BTreeSet<_>>() }).await;
    }

    pub async fn dial(&self, attempt: u64, to: &impl Dialable, node: Option<NodeId>) {
        let addresses = to.addresses().to_vec();
        self.order(Order::Dial { attempt: DialId(attempt), node, addresses }).await;
    }

    pub async fn dial_failed(&mut self, wanted: DialId) -> String {
        self.wait(|event| match event {
            Event::DialFailed { attempt, reason } if attempt == wanted => Some(reason),
            _ => None,
        })
        .await
    }

    pub async fn connected(&mut self, wanted: NodeId) -> ConnId {
        self.wait(|event| match event {
            Event::Connected { conn, node, .. } if node == wanted => Some(conn),
            _ => None,
        })
        .await
    }

    pub async fn disconnected(&mut self, wanted: ConnId) {
        self.wait(|event| (event == Event::Disconnected { conn: wanted }).then_some(())).await;
    }

    /// The one connection was cut, or never came to be.
    pub async fn gone(&mut self) {
        self.wait(|event| {
            matches!(event, Event::Disconnected { .. } | Event::DialFailed { .. }).then_some(())
        })
        .await;
    }

    /// Waits until there is one connection and no attempt left. Returns it, and whether it was dialled here.
    pub async fn one_connection(&mut self) -> (ConnId, bool) {
        let mut live: Vec<(ConnId, bool)> = Vec::new();
        let mut is_dialling = true;
        let settle = async {
            loop {
                let settled = !is_dialling && live.len() == 1;
                // A loser that is there still goes within a moment, or it never came.
                let quiet = if settled { Duration::from_millis(150) } else { PATIENCE };
                let Ok(event) = timeout(quiet, self.events.recv()).await else {
                    assert!(settled, "never settled: {live:?}, heard {:?}", self.seen);
                    return live[0];
                };
                let event = event.expect("the shell runs");
                self.seen.push(event.clone());
                match event {
                    Event::Connected { conn, attempt, .. } => {
                        live.push((conn, attempt.is_some()));
                        is_dialling &= attempt.is_none();
                    }
                    Event::Disconnected { conn } => live.retain(|(c, _)| *c != conn),
                    Event::DialFailed { .. } => is_dialling = false,
                    _ => {}
                }
                assert!(live.len() <= 2, "never more than two");
            }
        };
        settle.await
    }

    /// Opens a stream to `other` and waits until both sides have it.
    pub async fn open(
        &mut self,
        other: &mut Node,
        conn: ConnId,
        number: u64,
        protocol: Protocol,
    ) -> (StreamId, StreamId) {
        let ours = StreamId(number);
        self.order(Order::OpenStream { conn, stream: ours, protocol }).await;
        self.wait(|event| match event {
            Event::StreamOpened { stream, ours: true, .. } if stream == ours => Some(()),
            Event::StreamClosed { stream } if stream == ours => panic!("refused"),
            _ => None,
        })
        .await;
        (ours, other.opened(protocol).await)
    }

    pub async fn opened(&mut self, wanted: Protocol) -> StreamId {
        self.wait(|event| match event {
            Event::StreamOpened { stream, protocol, ours: false, .. } if protocol == wanted => Some(stream),
            _ => None,
        })
        .await
    }

    pub async fn closed(&mut self, wanted: StreamId) {
        self.wait(|event| (event == Event::StreamClosed { stream: wanted }).then_some(())).await;
    }

    pub async fn send(&self, stream: StreamId, frame: &[u8]) {
        self.order(Order::Send { stream, frame: frame.to_vec() }).await;
    }

    pub async fn frame(&mut self, wanted: StreamId) -> Vec<u8> {
        self.wait(|event| match event {
            Event::Frame { stream, frame } if stream == wanted => Some(frame),
            Event::StreamClosed { stream } if stream == wanted => panic!("closed before the frame came"),
            _ => None,
        })
        .await
    }

    pub async fn asked(&mut self, wanted: BlobId) -> StreamId {
        self.wait(|event| match event {
            Event::BlobAsked { stream, blob, .. } if blob == wanted => Some(stream),
            _ => None,
        })
        .await
    }

    pub async fn serve(&mut self, blob: BlobId) {
        let stream = self.asked(blob).await;
        self.order(Order::ServeBlob { stream, blob }).await;
    }

    pub async fn serve_any(&mut self) {
        let asked = self.wait(|event| match event {
            Event::BlobAsked { stream, blob, .. } => Some((stream, blob)),
            _ => None,
        });
        let (stream, blob) = asked.await;
        self.order(Order::ServeBlob { stream, blob }).await;
    }

    pub async fn fetched(&mut self, wanted: BlobId) -> u64 {
        self.wait(|event| match event {
            Event::BlobFetched { blob, bytes } if blob == wanted => Some(bytes),
            Event::BlobFailed { blob, lied, .. } if blob == wanted => panic!("failed, lied: {lied}"),
            _ => None,
        })
        .await
    }

    /// Waits for a failure; says whether the other side lied.
    pub async fn failed(&mut self, wanted: BlobId) -> bool {
        self.wait(|event| match event {
            Event::BlobFailed { blob, lied, .. } if blob == wanted => Some(lied),
            Event::BlobFetched { blob, .. } if blob == wanted => panic!("fetched"),
            _ => None,
        })
        .await
    }

    pub async fn shut_down(self) {
        self.handle.shutdown().await;
    }

    /// Stops without a word. Returns the folder.
    pub fn kill(self) -> TempDir {
        self.handle.abort();
        self.dir
    }
}

/// Frames, and bytes of blobs.
type Record = (Vec<(Protocol, Vec<u8>)>, u64);

/// What a node received.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Record>>);

impl Heard {
    pub fn recorder(&self) -> Arc<dyn Recorder> {
        Arc::new(self.clone())
    }

    pub fn frames(&self, wanted: Protocol) -> Vec<Vec<u8>> {
        let heard = self.0.lock().expect("lock");
        heard.0.iter().filter(|(protocol, _)| *protocol == wanted).map(|(_, frame)| frame.clone()).collect()
    }

    pub fn blob_bytes(&self) -> u64 {
        self.0.lock().expect("lock").1
    }
}

impl Recorder for Heard {
    fn frame(&self, _: &NodeId, protocol: Protocol, frame: &[u8]) {
        self.0.lock().expect("lock").0.push((protocol, frame.to_vec()));
    }

    fn blob(&self, _: &NodeId, len: u64) {
        self.0.lock().expect("lock").1 += len;
    }
}

/// An address that leads to a node over a wire that breaks after so many bytes from it.
pub async fn cut_after(node: &Node, bytes: u64) -> Address {
    let text = translate::show(&node.addresses[0]);
    let port: u16 = text.rsplit('/').next().and_then(|port| port.parse().ok()).expect("a TCP port");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let here = listener.local_addr().expect("address").port();
    tokio::spawn(async move {
        let (caller, _) = listener.accept().await.expect("accept");
        let (mut from_caller, mut to_caller) = caller.into_split();
        let called = TcpStream::connect(("127.0.0.1", port)).await.expect("connect");
        let (mut from_called, mut to_called) = called.into_split();
        let up = tokio::spawn(async move {
            // Ends with the connection.
            let _ = tokio::io::copy(&mut from_caller, &mut to_called).await;
        });
        let mut left = (&mut from_called).take(bytes);
        let _ = tokio::io::copy(&mut left, &mut to_caller).await;
        let _ = to_caller.shutdown().await;
        up.abort();
    });
    translate::parse(&format!("/ip4/127.0.0.1/tcp/{here}")).expect("address")
}

/// An address that leads to a node over a wire that lets 16 KiB from it pass each 5 ms.
pub async fn slowly(node: &Node) -> Address {
    let text = translate::show(&node.addresses[0]);
    let port: u16 = text.rsplit('/').next().and_then(|port| port.parse().ok()).expect("a TCP port");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let here = listener.local_addr().expect("address").port();
    tokio::spawn(async move {
        let (caller, _) = listener.accept().await.expect("accept");
        let (mut from_caller, mut to_caller) = caller.into_split();
        let called = TcpStream::connect(("127.0.0.1", port)).await.expect("connect");
        let (mut from_called, mut to_called) = called.into_split();
        let up = tokio::spawn(async move {
            // Ends with the connection.
            let _ = tokio::io::copy(&mut from_caller, &mut to_called).await;
        });
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(len) = from_called.read(&mut bytes).await {
            if len == 0 || to_caller.write_all(&bytes[..len]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        up.abort();
    });
    translate::parse(&format!("/ip4/127.0.0.1/tcp/{here}")).expect("address")
}
