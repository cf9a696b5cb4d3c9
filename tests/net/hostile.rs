//! A peer that does not keep to the rules: the bare transport, and bytes written by hand.

use futures::io::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::muxing::{StreamMuxerBox, StreamMuxerExt, SubstreamBox};
use libp2p::core::transport::{DialOpts, PortUse};
use libp2p::core::{Endpoint, Multiaddr, upgrade::Version};
use libp2p::{Transport, identity, noise, tcp, yamux};
use tidings::id::NodeId;
use tidings::net::translate;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::nodes::{Node, PATIENCE};

/// A connection to a node, over TCP.
pub struct Hostile {
    wanted: mpsc::Sender<oneshot::Sender<SubstreamBox>>,
}

impl Hostile {
    /// Connects; with `admitted`, the node takes it for a friend.
    pub async fn connect(seed: u8, node: &mut Node, admitted: bool) -> Self {
        let keys = identity::Keypair::ed25519_from_bytes([seed; 32]).expect("key");
        let id = keys.public().try_into_ed25519().expect("ed25519").to_bytes();
        let id = NodeId::from_bytes(id);
        if admitted {
            node.admit(&[id]).await;
        }
        let mut transport = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true))
            .upgrade(Version::V1)
            .authenticate(noise::Config::new(&keys).expect("noise"))
            .multiplex(yamux::Config::default())
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
            .boxed();
        let addr: Multiaddr = translate::show(&node.addresses[0]).parse().expect("multiaddr");
        let dial = transport.dial(addr, DialOpts { role: Endpoint::Dialer, port_use: PortUse::New });
        let (_, mut muxer) =
            timeout(PATIENCE, dial.expect("dial")).await.expect("in time").expect("connected");
        let (wanted, mut wants) = mpsc::channel::<oneshot::Sender<SubstreamBox>>(8);
        tokio::spawn(async move {
            let _keep = transport;
            loop {
                tokio::select! {
                    want = wants.recv() => match want {
                        Some(want) => {
                            let opened = futures::future::poll_fn(|cx| {
                                // The muxer moves only while it is polled.
                                let _ = muxer.poll_unpin(cx);
                                muxer.poll_outbound_unpin(cx)
                            });
                            let Ok(stream) = opened.await else { return };
                            let _ = want.send(stream);
                        }
                        None => return,
                    },
                    _ = futures::future::poll_fn(|cx| muxer.poll_unpin(cx)) => return,
                }
            }
        });
        node.connected(id).await;
        Self { wanted }
    }

    /// Opens a stream for a protocol, speaking multistream-select by hand; `None` if the node does not offer it.
    pub async fn open(&self, name: &str) -> Option<Raw> {
        let (want, wanted) = oneshot::channel();
        self.wanted.send(want).await.expect("connected");
        let mut raw = Raw(timeout(PATIENCE, wanted).await.expect("in time").expect("connected"));
        raw.write(&[line("/multistream/1.0.0"), line(name)].concat()).await;
        assert_eq!(raw.line().await?, "/multistream/1.0.0");
        (raw.line().await? == name).then_some(raw)
    }
}

fn line(text: &str) -> Vec<u8> {
    let mut out = vec![u8::try_from(text.len() + 1).expect("short")];
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
    out
}

/// A stream and nothing around it.
pub struct Raw(SubstreamBox);

impl Raw {
    pub async fn write(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, async {
            self.0.write_all(bytes).await.expect("write");
            self.0.flush().await.expect("flush");
        })
        .await
        .expect("in time");
    }

    async fn line(&mut self) -> Option<String> {
        let read = async {
            let mut len = [0; 1];
            self.0.read_exact(&mut len).await.ok()?;
            let mut text = vec![0; usize::from(len[0])];
            self.0.read_exact(&mut text).await.ok()?;
            Some(String::from_utf8(text).expect("text").trim_end().to_owned())
        };
        timeout(PATIENCE, read).await.expect("in time")
    }

    /// Whether the other side ends the stream.
    pub async fn is_closed(&mut self) -> bool {
        let mut byte = [0; 1];
        let read = timeout(PATIENCE, self.0.read(&mut byte)).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }
}
