//! One connection: which protocols it offers, and the streams that are negotiated on it.
//!
//! A stranger's connection offers the pair protocol and nothing else; when its node is admitted, the handler is told and
//! offers all of them from then on. A finished negotiation hands the bare stream up; what is said on it is none of the
//! handler's business.
//!
//! The side that dialled opens the ping stream, tries again if it is refused (the other side may not have admitted us
//! yet), and the side that was dialled gives the connection up if no ping stream ever comes.
//!
//! Source: docs/protocol.md 3.7, 3.8(1).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::{Ready, ready};
use libp2p::StreamProtocol;
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, Stream, SubstreamProtocol};
use tokio::time::{Sleep, sleep};

use super::Config;
use super::admission::Standing;
use crate::link::{Protocol, StreamId};

const PING_NAME: StreamProtocol = StreamProtocol::new("/ipfs/ping/1.0.0");
/// A dialled side waits for this many ping intervals before it gives up.
pub(super) const PINGS_MISSED_LIMIT: u32 = 3;

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// One of ours.
    Speak(Protocol),
    /// Liveness; for admitted nodes only.
    Ping,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Speak(Protocol::Pair),
        Self::Speak(Protocol::Sync),
        Self::Speak(Protocol::Mail),
        Self::Speak(Protocol::Blob),
        Self::Ping,
    ];

    const fn name(self) -> StreamProtocol {
        match self {
            Self::Speak(protocol) => StreamProtocol::new(protocol.name()),
            Self::Ping => PING_NAME,
        }
    }
}

/// What the behaviour tells the handler.
#[derive(Debug)]
pub(super) enum Command {
    /// The node is admitted now.
    Admit,
    /// Open a stream.
    Open { stream: StreamId, protocol: Protocol },
}

/// What the handler tells the behaviour.
#[derive(Debug)]
pub(super) enum Report {
    /// The other side opened a stream.
    Inbound { kind: Kind, stream: Stream },
    /// A stream of ours was taken.
    Opened { id: StreamId, stream: Stream },
    /// A stream of ours was not.
    Refused { id: StreamId },
    /// Our ping stream was taken.
    Ping { stream: Stream },
    /// The time of a stranger is over, or a dialled side has waited too long for pings.
    Overdue,
}

/// One of several protocols: whichever the other side picks.
#[derive(Debug, Clone)]
pub(super) struct Offer(Vec<Kind>);

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = Vec<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.iter().map(|kind| kind.name()).collect()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Option<Kind>, Stream);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, picked: StreamProtocol) -> Self::Future {
        ready(Ok((self.0.into_iter().find(|kind| kind.name() == picked), stream)))
    }
}

impl OutboundUpgrade<Stream> for Offer {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}

/// Why a stream of ours is being opened.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Asked(StreamId),
    Ping,
}

type ToSwarm = ConnectionHandlerEvent<Offer, Purpose, Report>;

/// The handler of one connection.
pub(super) struct Handler {
    standing: Standing,
    is_ours: bool,
    ping_interval: Duration,
    has_ping: bool,
    /// A stranger's end, the next try to open a ping stream, or the end of waiting for one.
    timer: Option<Pin<Box<Sleep>>>,
    queue: VecDeque<ToSwarm>,
}

impl Handler {
    pub(super) fn new(standing: Standing, is_ours: bool, config: &Config) -> Self {
        let mut handler = Self {
            standing: Standing::Stranger,
            is_ours,
            ping_interval: config.ping_interval,
            has_ping: false,
            timer: Some(Box::pin(sleep(config.unknown_life))),
            queue: VecDeque::new(),
        };
        if standing == Standing::Admitted {
            handler.admit();
        }
        handler
    }

    fn admit(&mut self) {
        self.standing = Standing::Admitted;
        if self.is_ours {
            self.timer = None;
            self.open_ping();
        } else {
            self.timer = Some(Box::pin(sleep(self.ping_interval.saturating_mul(PINGS_MISSED_LIMIT))));
        }
    }

    fn open_ping(&mut self) {
        self.open(Kind::Ping, Purpose::Ping);
    }

    fn open(&mut self, kind: Kind, purpose: Purpose) {
        let protocol = SubstreamProtocol::new(Offer(vec![kind]), purpose);
        self.queue.push_back(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
    }

    fn report(&mut self, report: Report) {
        self.queue.push_back(ConnectionHandlerEvent::NotifyBehaviour(report));
    }

    fn on_inbound(&mut self, kind: Option<Kind>, mut stream: Stream) {
        // A node may be admitted, never the reverse, so that whatever was negotiated is allowed.
        let Some(kind) = kind else { return };
        if kind == Kind::Ping {
            stream.ignore_for_keep_alive();
            if !self.has_ping && !self.is_ours {
                self.has_ping = true;
                self.timer = None;
            }
        }
        self.report(Report::Inbound { kind, stream });
    }

    fn on_outbound(&mut self, mut stream: Stream, purpose: Purpose) {
        match purpose {
            Purpose::Asked(id) => self.report(Report::Opened { id, stream }),
            Purpose::Ping => {
                stream.ignore_for_keep_alive();
                self.has_ping = true;
                self.report(Report::Ping { stream });
            }
        }
    }

    fn on_refused(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Asked(id) => self.report(Report::Refused { id }),
            Purpose::Ping => self.timer = Some(Box::pin(sleep(self.ping_interval))),
        }
    }

    fn on_timer(&mut self) {
        if self.standing == Standing::Admitted && self.is_ours {
            self.open_ping();
        } else {
            self.report(Report::Overdue);
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Command;
    type ToBehaviour = Report;
    type InboundProtocol = Offer;
    type OutboundProtocol = Offer;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Purpose;

    fn listen_protocol(&self) -> SubstreamProtocol<Offer> {
        let offer = match self.standing {
            Standing::Stranger => vec![Kind::Speak(Protocol::Pair)],
            Standing::Admitted => Kind::ALL.to_vec(),
        };
        SubstreamProtocol::new(Offer(offer), ())
    }

    fn connection_keep_alive(&self) -> bool {
        self.standing == Standing::Admitted
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm> {
        if let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            self.timer = None;
            self.on_timer();
        }
        self.queue.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn on_behaviour_event(&mut self, command: Command) {
        match command {
            Command::Admit if self.standing == Standing::Stranger => self.admit(),
            Command::Admit => {}
            Command::Open { stream, protocol } => self.open(Kind::Speak(protocol), Purpose::Asked(stream)),
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Offer, Offer, (), Purpose>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (kind, stream),
                ..
            }) => {
                self.on_inbound(kind, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                self.on_outbound(protocol, info);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                tracing::debug!(%error, "a stream was not opened");
                self.on_refused(info);
            }
            _ => {}
        }
    }
}
