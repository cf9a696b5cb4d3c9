//! Who gets a connection, and which of two connections with one node stays.
//!
//! Pure: node keys, connection numbers and times go in, verdicts come out. The behaviour carries them out.
//!
//! Two nodes that dial each other at the same moment get two connections. Both must let go of the same one, and
//! neither may let go before the other can use what stays:
//!
//! ```text
//!  the other has    new one is    we are     then
//!  ours             theirs        larger     theirs stays: it reached us, so it stands at both ends; ours is closed now
//!  ours             theirs        smaller    ours should stay: theirs waits untold. If the other side has not closed it
//!                                            after a grace, it does not see ours, so theirs stays. If ours is older than
//!                                            a simultaneous dial can be, the other side has lost it: theirs stays
//!  theirs           ours          smaller    ours stays; the other side closes theirs (we do after a longer grace)
//!  theirs           ours          larger     ours is denied before it was told of
//!  theirs           theirs        any        the other side began anew: the new one stays, the old one has a grace
//!  ours             ours          any        the new one is denied
//! ```
//!
//! Invariants: at most [`NODE_CONNECTION_LIMIT`] connections for a node and [`CONNECTION_LIMIT`] in all; an unknown
//! node that came to us counts against both of its limits before it can say a word.
//!
//! Source: docs/protocol.md 3.0 (roles), 3.8(1), 3.18.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

use crate::id::NodeId;
use crate::limits::{
    CONNECTION_LIMIT, NODE_CONNECTION_LIMIT, RIVAL_GRACE_MS, SIMULTANEOUS_DIAL_MS, UNKNOWN_CONNECTION_LIMIT,
    UNKNOWN_PER_MINUTE_LIMIT,
};

const MINUTE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_millis(RIVAL_GRACE_MS);
const SIMULTANEOUS: Duration = Duration::from_millis(SIMULTANEOUS_DIAL_MS);

/// What a connection may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The pair protocol only.
    Stranger,
    /// Everything.
    Admitted,
}

/// Why a connection is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error("the node is not admitted")]
    NotAdmitted,
    #[error("too many unknown nodes are connected")]
    TooManyStrangers,
    #[error("too many unknown nodes have come within a minute")]
    TooManyStrangersAMinute,
    #[error("too many connections")]
    TooManyConnections,
    #[error("another connection with that node stays")]
    Connected,
}

/// How a new connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) standing: Standing,
    /// Whether the machine hears of it now.
    pub(super) is_told: bool,
    /// A connection that has to go at once.
    pub(super) close: Option<ConnectionId>,
}

/// What a change of the rules means for connections that are there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) close: Vec<ConnectionId>,
    pub(super) admit: Vec<ConnectionId>,
}

#[derive(Debug)]
struct Conn {
    node: NodeId,
    is_ours: bool,
    standing: Standing,
    is_told: bool,
    since: Instant,
}

/// At `at`, if both are still there, `close` goes and `keep` stays.
#[derive(Debug)]
struct Rivals {
    at: Instant,
    keep: ConnectionId,
    close: ConnectionId,
}

/// The doorkeeper.
#[derive(Debug)]
pub(super) struct Gate {
    own: NodeId,
    admitted: BTreeSet<NodeId>,
    is_pairing_open: bool,
    conns: BTreeMap<ConnectionId, Conn>,
    taken: VecDeque<Instant>,
    rivals: Vec<Rivals>,
}

impl Gate {
    pub(super) const fn new(own: NodeId) -> Self {
        Self {
            own,
            admitted: BTreeSet::new(),
            is_pairing_open: false,
            conns: BTreeMap::new(),
            taken: VecDeque::new(),
            rivals: Vec::new(),
        }
    }

    /// From now on these and no others. Connections of nodes that were dropped go; those of nodes that were strangers
    /// are opened up.
    pub(super) fn admit(&mut self, nodes: BTreeSet<NodeId>) -> Changes {
        self.admitted = nodes;
        let mut changes = Changes::default();
        for (id, conn) in &mut self.conns {
            match (conn.standing, self.admitted.contains(&conn.node)) {
                (Standing::Admitted, false) => changes.close.push(*id),
                (Standing::Stranger, true) => {
                    conn.standing = Standing::Admitted;
                    changes.admit.push(*id);
                }
                _ => {}
            }
        }
        changes
    }

    /// Opens or closes the door for strangers. Returns whom to send away; those we dialled ourselves stay.
    pub(super) fn open_pairing(&mut self, is_open: bool) -> Vec<ConnectionId> {
        self.is_pairing_open = is_open;
        if is_open {
            return Vec::new();
        }
        let sent_away = |conn: &Conn| conn.standing == Standing::Stranger && !conn.is_ours;
        self.conns.iter().filter(|(_, conn)| sent_away(conn)).map(|(id, _)| *id).collect()
    }

    pub(super) fn is_connected(&self, node: &NodeId) -> bool {
        self.conns.values().any(|conn| conn.node == *node)
    }

    pub(super) fn is_told(&self, id: ConnectionId) -> bool {
        self.conns.get(&id).is_some_and(|conn| conn.is_told)
    }

    /// A connection whose other side has just proven its node key.
    pub(super) fn enter(
        &mut self,
        id: ConnectionId,
        node: NodeId,
        is_ours: bool,
        now: Instant,
    ) -> Result<Entry, Denied> {
        if self.conns.len() >= CONNECTION_LIMIT {
            return Err(Denied::TooManyConnections);
        }
        let standing = self.standing(&node, is_ours, now)?;
        let entry = self.against_rival(id, node, is_ours, standing, now)?;
        if standing == Standing::Stranger && !is_ours {
            self.taken.push_back(now);
        }
        self.conns.insert(id, Conn { node, is_ours, standing, is_told: entry.is_told, since: now });
        Ok(entry)
    }

    /// A connection is gone. Returns whether the machine knew it, and one that takes its place.
    pub(super) fn leave(&mut self, id: ConnectionId) -> (bool, Option<ConnectionId>) {
        let Some(gone) = self.conns.remove(&id) else { return (false, None) };
        self.rivals.retain(|rivals| rivals.keep != id && rivals.close != id);
        if !gone.is_told {
            return (false, None);
        }
        let next = self.conns.iter_mut().find(|(_, conn)| conn.node == gone.node && !conn.is_told);
        let next = next.map(|(next, conn)| {
            conn.is_told = true;
            *next
        });
        (true, next)
    }

    /// When [`Gate::settle`] is due.
    pub(super) fn next_settle(&self) -> Option<Instant> {
        self.rivals.iter().map(|rivals| rivals.at).min()
    }

    /// Ends the rivalries whose grace is over: one to close, and one to tell of if it was untold.
    pub(super) fn settle(&mut self, now: Instant) -> Vec<(ConnectionId, Option<ConnectionId>)> {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.rivals).into_iter().partition(|r| r.at <= now);
        self.rivals = later;
        due.into_iter()
            .map(|rivals| {
                let untold = self.conns.get_mut(&rivals.keep).filter(|conn| !conn.is_told).map(|conn| {
                    conn.is_told = true;
                    rivals.keep
                });
                (rivals.close, untold)
            })
            .collect()
    }

    fn standing(&mut self, node: &NodeId, is_ours: bool, now: Instant) -> Result<Standing, Denied> {
        if self.admitted.contains(node) {
            return Ok(Standing::Admitted);
        }
        if is_ours {
            return Ok(Standing::Stranger);
        }
        if !self.is_pairing_open {
            return Err(Denied::NotAdmitted);
        }
        let strangers =
            self.conns.values().filter(|c| c.standing == Standing::Stranger && !c.is_ours).count();
        if strangers >= UNKNOWN_CONNECTION_LIMIT {
            return Err(Denied::TooManyStrangers);
        }
        while self.taken.front().is_some_and(|taken| now.duration_since(*taken) >= MINUTE) {
            self.taken.pop_front();
        }
        if self.taken.len() >= UNKNOWN_PER_MINUTE_LIMIT {
            return Err(Denied::TooManyStrangersAMinute);
        }
        Ok(Standing::Stranger)
    }

    /// The table of the module's head.
    #[expect(clippy::arithmetic_side_effects, reason = "an instant and some seconds of ours")]
    fn against_rival(
        &mut self,
        id: ConnectionId,
        node: NodeId,
        is_ours: bool,
        standing: Standing,
        now: Instant,
    ) -> Result<Entry, Denied> {
        let mut others = self.conns.iter().filter(|(_, conn)| conn.node == node);
        let (other, other_is_ours, other_since) = match (others.next(), others.count()) {
            (None, _) => return Ok(Entry { standing, is_told: true, close: None }),
            (Some((other, conn)), more) if more < NODE_CONNECTION_LIMIT.saturating_sub(1) => {
                (*other, conn.is_ours, conn.since)
            }
            (Some(_), _) => return Err(Denied::Connected),
        };
        let we_are_smaller = self.own < node;
        let told = Entry { standing, is_told: true, close: None };
        let mut later = |at, keep, close| self.rivals.push(Rivals { at, keep, close });
        match (other_is_ours, is_ours) {
            (true, true) => Err(Denied::Connected),
            (false, true) if !we_are_smaller => Err(Denied::Connected),
            (false, true) => {
                later(now + SIMULTANEOUS, id, other);
                Ok(told)
            }
            (true, false) if !we_are_smaller => Ok(Entry { close: Some(other), ..told }),
            (true, false) => {
                let is_simultaneous = now.duration_since(other_since) < SIMULTANEOUS;
                later(now + GRACE, id, other);
                Ok(Entry { is_told: !is_simultaneous, ..told })
            }
            (false, false) => {
                later(now + GRACE, id, other);
                Ok(told)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: NodeId = NodeId::from_bytes([50; 32]);
    const SMALLER: NodeId = NodeId::from_bytes([1; 32]);
    const LARGER: NodeId = NodeId::from_bytes([99; 32]);

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    fn stranger(number: u8) -> NodeId {
        NodeId::from_bytes([number; 32])
    }

    fn friends() -> Gate {
        let mut gate = Gate::new(OWN);
        assert_eq!(gate.admit(BTreeSet::from([SMALLER, LARGER])), Changes::default());
        gate
    }

    fn told(standing: Standing) -> Result<Entry, Denied> {
        Ok(Entry { standing, is_told: true, close: None })
    }

    #[tokio::test]
    async fn a_stranger_gets_in_only_while_pairing_is_open() {
        let (mut gate, now) = (friends(), Instant::now());
        assert_eq!(gate.enter(id(1), stranger(7), false, now), Err(Denied::NotAdmitted));
        gate.open_pairing(true);
        assert_eq!(gate.enter(id(2), stranger(7), false, now), told(Standing::Stranger));
        assert_eq!(gate.open_pairing(false), vec![id(2)]);
    }

    #[tokio::test]
    async fn a_stranger_whom_we_dialled_stays_a_stranger_and_stays() {
        let (mut gate, now) = (friends(), Instant::now());
        assert_eq!(gate.enter(id(1), stranger(7), true, now), told(Standing::Stranger));
        assert_eq!(gate.open_pairing(false), vec![]);
        assert_eq!(gate.admit(BTreeSet::from([stranger(7)])), Changes { close: vec![], admit: vec![id(1)] });
    }

    #[tokio::test]
    async fn who_is_dropped_from_the_list_is_closed() {
        let (mut gate, now) = (friends(), Instant::now());
        assert_eq!(gate.enter(id(1), LARGER, false, now), told(Standing::Admitted));
        gate.open_pairing(true);
        assert_eq!(gate.admit(BTreeSet::from([SMALLER])).close, vec![id(1)]);
    }

    #[tokio::test]
    async fn the_fifth_stranger_at_once_is_refused_and_the_eleventh_in_a_minute() {
        let (mut gate, now) = (friends(), Instant::now());
        gate.open_pairing(true);
        for n in 0..UNKNOWN_CONNECTION_LIMIT {
            assert_eq!(gate.enter(id(n), stranger(100 + n as u8), false, now), told(Standing::Stranger));
        }
        assert_eq!(gate.enter(id(50), stranger(200), false, now), Err(Denied::TooManyStrangers));
        for n in 0..UNKNOWN_CONNECTION_LIMIT {
            gate.leave(id(n));
        }
        for n in UNKNOWN_CONNECTION_LIMIT..UNKNOWN_PER_MINUTE_LIMIT {
            assert_eq!(gate.enter(id(n), stranger(100 + n as u8), false, now), told(Standing::Stranger));
            gate.leave(id(n));
        }
        let almost = now + Duration::from_secs(59);
        assert_eq!(gate.enter(id(60), stranger(201), false, almost), Err(Denied::TooManyStrangersAMinute));
        assert_eq!(gate.enter(id(61), stranger(201), false, now + MINUTE), told(Standing::Stranger));
        assert_eq!(gate.enter(id(62), LARGER, false, now), told(Standing::Admitted), "friends do not count");
    }

    #[tokio::test]
    async fn there_are_never_more_connections_than_the_limit() {
        let (mut gate, now) = (Gate::new(OWN), Instant::now());
        let node = |n: usize| NodeId::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes());
        gate.admit((0..=CONNECTION_LIMIT).map(node).collect());
        for n in 0..CONNECTION_LIMIT {
            assert_eq!(gate.enter(id(n), node(n), false, now), told(Standing::Admitted));
        }
        let last = CONNECTION_LIMIT;
        assert_eq!(gate.enter(id(last), node(last), false, now), Err(Denied::TooManyConnections));
        gate.leave(id(0));
        assert_eq!(gate.enter(id(last), node(last), false, now), told(Standing::Admitted));
    }

    #[tokio::test]
    async fn the_larger_node_closes_its_own_connection_at_once() {
        let (mut gate, now) = (friends(), Instant::now());
        gate.enter(id(1), SMALLER, true, now).expect("ours");
        let entry = gate.enter(id(2), SMALLER, false, now).expect("theirs");
        assert_eq!((entry.close, entry.is_told), (Some(id(1)), true));
        assert_eq!(gate.leave(id(1)), (true, None));
    }

    #[tokio::test]
    async fn the_larger_node_gives_up_its_dial_if_it_is_connected_already() {
        let (mut gate, now) = (friends(), Instant::now());
        gate.enter(id(1), SMALLER, false, now).expect("theirs");
        assert_eq!(gate.enter(id(2), SMALLER, true, now), Err(Denied::Connected));
    }

    #[tokio::test]
    async fn the_smaller_node_tells_of_the_loser_only_if_the_winner_goes() {
        let (mut gate, now) = (friends(), Instant::now());
        gate.enter(id(1), LARGER, true, now).expect("ours");
        assert!(!gate.enter(id(2), LARGER, false, now).expect("theirs").is_told);
        assert!(!gate.is_told(id(2)));
        assert_eq!(gate.leave(id(1)), (true, Some(id(2))));
        assert!(gate.is_told(id(2)));
        assert_eq!(gate.next_settle(), None);
    }

    #[tokio::test]
    async fn a_loser_that_the_other_side_keeps_wins_after_the_grace() {
        let (mut gate, now) = (friends(), Instant::now());
        gate.enter(id(1), LARGER, true, now).expect("ours");
        gate.enter(id(2), LARGER, false, now).expect("theirs");
        assert_eq!(gate.next_settle(), Some(now + GRACE));
        assert_eq!(gate.settle(now + GRACE - Duration::from_millis(1)), vec![]);
        assert_eq!(gate.settle(now + GRACE), vec![(id(1), Some(id(2)))]);
        assert_eq!(gate.leave(id(1)), (true, None));
    }

    #[tokio::test]
    async fn a_friend_who_was_restarted_is_heard_at_once() {
        let (mut gate, now) = (friends(), Instant::now());
        gate.enter(id(1), LARGER, true, now).expect("ours, which they have lost");
        let entry = gate.enter(id(2), LARGER, false, now + SIMULTANEOUS).expect("theirs");
        assert!(entry.is_told);
        assert_eq!(gate.settle(now + SIMULTANEOUS + GRACE), vec![(id(1), None)]);
        let (mut gate, now) = (friends(), Instant::now());
        gate.enter(id(1), SMALLER, false, now).expect("theirs, which they have lost");
        assert!(gate.enter(id(2), SMALLER, false, now).expect("theirs").is_told);
        assert_eq!(gate.settle(now + GRACE), vec![(id(1), None)]);
    }

    #[tokio::test]
    async fn a_third_connection_of_one_node_is_refused() {
        let (mut gate, now) = (friends(), Instant::now());
        gate.enter(id(1), LARGER, true, now).expect("ours");
        gate.enter(id(2), LARGER, false, now).expect("theirs");
        assert_eq!(gate.enter(id(3), LARGER, false, now), Err(Denied::Connected));
        assert_eq!(gate.enter(id(3), LARGER, true, now), Err(Denied::Connected));
    }
}
