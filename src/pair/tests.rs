//! Alice invites, Bob redeems; Mallory tries what he can. Each person here is what the service would be: it applies
//! changes at once and sends what a machine wants sent.

mod frames;
mod hostile;
mod moments;
mod resume;
mod stories;

use std::collections::BTreeMap;

use super::*;
use crate::crypto::{Entropy, PairKey};
use crate::id::InviteId;
use crate::identity::{Created, DeviceFlags, Invite, Keyring};
use crate::link::Address;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_771_200_000_000);
const HOUR: u64 = 3_600_000;

struct Person {
    keyring: Keyring,
    identity: Verified<IdentityRecord>,
    device: Verified<DeviceRecord>,
    words: crate::identity::Words,
    name: &'static str,
    known: BTreeMap<UserId, KnownIdentity>,
    invites: Invites,
    pending: BTreeMap<UserId, Pending>,
    friends: BTreeMap<UserId, PairKey>,
    is_resume_open: bool,
    entropy: Entropy,
    // What came of it all.
    burnt: Vec<InviteId>,
    paired: usize,
    faults: Vec<Fault>,
    closed: usize,
    resumed: Vec<(UserId, NodeId)>,
    shown: Vec<Vec<ShownMoment>>,
}

impl Person {
    fn new(name: &'static str, number: u64) -> Self {
        let mut entropy = Entropy::from_number(number);
        let Created { keyring, identity, words } = Keyring::create(&mut entropy, NOW);
        let device = record_of(&keyring, 1);
        Self {
            keyring,
            identity,
            device,
            words,
            name,
            known: BTreeMap::new(),
            invites: Invites::new(),
            pending: BTreeMap::new(),
            friends: BTreeMap::new(),
            is_resume_open: true,
            entropy,
            burnt: Vec::new(),
            paired: 0,
            faults: Vec::new(),
            closed: 0,
            resumed: Vec::new(),
            shown: Vec::new(),
        }
    }

    fn user(&self) -> UserId {
        self.identity.user()
    }

    fn node(&self) -> NodeId {
        self.device.node()
    }

    fn us(&self) -> Us<'_> {
        Us::new(&self.identity, &self.device, self.keyring.seal(), self.name).expect("own records")
    }

    fn records(&self) -> Records {
        self.us().records()
    }

    fn rotate_node(&mut self) {
        self.keyring.rotate_node_key(&mut self.entropy, NOW.day());
        self.device = record_of(&self.keyring, self.device.seq() + 1);
    }

    fn invite(&mut self, auto_confirm: bool) -> Invite {
        let open =
            OpenInvite::new(&mut self.entropy, NOW, HOUR, Some("Robert"), auto_confirm).expect("an hour");
        let invite = open.invite(self.user(), self.node(), Vec::new());
        self.invites.add(open).expect("room");
        invite
    }

    /// Begins to redeem, with our human's yes.
    fn redeem(&mut self, invite: &Invite, answer: Option<bool>) -> (Initiator, Vec<u8>) {
        let mut entropy = self.entropy.split();
        let redeem = Redeem { invite, answer, name: Some("Ali") };
        let (machine, outputs) =
            Initiator::redeem(redeem, &self.us(), invite.node, &mut entropy, NOW).expect("a good invite");
        (machine, only(self.apply(outputs)))
    }

    /// Does what a machine wants; the frames it wants sent, in order.
    fn apply(&mut self, outputs: Vec<Output>) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        for output in outputs {
            match output {
                Output::Send(frame) => frames.push(frame),
                Output::Commit { change, then } => {
                    self.keep(change);
                    frames.extend(self.apply(then));
                }
                Output::Resumed { who, identity, device } => {
                    self.resumed.push((who, device.node()));
                    self.known
                        .entry(who)
                        .or_insert_with(|| KnownIdentity::new((*identity).clone()))
                        .take(*identity);
                }
                Output::Fault(fault) => self.faults.push(fault),
                Output::Close => self.closed += 1,
            }
        }
        frames
    }

    fn keep(&mut self, change: Change) {
        let their = match change {
            Change::Paired { pending, burns } => {
                self.burnt.extend(burns);
                self.paired += 1;
                let their = pending.their();
                self.pending.insert(their, *pending);
                their
            }
            Change::InviteFailed { invite } => {
                assert_eq!(
                    self.invites.iter().find(|(id, _)| **id == invite.id()).map(|(_, it)| it),
                    Some(&invite)
                );
                return;
            }
            Change::Theirs { their, yes } => {
                assert!(self.pending.get_mut(&their).expect("pending").mark_theirs(yes));
                their
            }
            Change::MineSeen { their } => {
                if let Some(pending) = self.pending.get_mut(&their) {
                    pending.mark_mine_seen();
                }
                their
            }
            Change::Shown { their, moments } => {
                self.shown.push(moments);
                their
            }
        };
        self.befriend(their);
    }

    fn befriend(&mut self, their: UserId) {
        if let Some(pending) = self.pending.get(&their) {
            if pending.are_friends() {
                self.friends.insert(their, pending.pair_key().clone());
            }
            if pending.is_settled() {
                self.pending.remove(&their);
            }
        }
    }

    /// The human answers: kept first, said afterwards.
    fn answer(&mut self, their: UserId, yes: bool) {
        assert!(self.pending.get_mut(&their).expect("pending").mark_mine(yes));
        self.befriend(their);
    }

    fn hear(&mut self, machine: &mut Initiator, frame: &[u8]) -> Vec<Vec<u8>> {
        let outputs = machine.on_frame(frame, &|user| self.known.get(user).cloned(), NOW);
        self.apply(outputs)
    }

    fn hear_resumption(&mut self, machine: &mut Resumption, frame: &[u8]) -> Vec<Vec<u8>> {
        let outputs = machine.on_frame(frame, &self.us(), &|user| self.known.get(user).cloned(), NOW);
        self.apply(outputs)
    }

    fn outputs(
        &mut self,
        machine: &mut Responder,
        node: NodeId,
        frame: &[u8],
        now: Timestamp,
    ) -> Vec<Output> {
        let us = Us::new(&self.identity, &self.device, self.keyring.seal(), self.name).expect("own records");
        let pending = self.pending.values().map(|pending| (pending.their(), pending.pair_key().clone()));
        let friends = self.friends.iter().map(|(user, key)| (*user, key.clone()));
        let standing = match self.pending.values().find(|pending| pending.node() == node) {
            Some(pending) => Standing::Pending(pending),
            None => self
                .known
                .values()
                .find_map(|known| {
                    self.friends.contains_key(&known.user()).then_some(Standing::Friend(known.user()))
                })
                .unwrap_or(Standing::Stranger),
        };
        let desk = Desk {
            us: &us,
            known: &|user| self.known.get(user).cloned(),
            invites: &mut self.invites,
            standing,
            is_unwelcome: &|_| false,
            pending_count: self.pending.len(),
            is_resume_open: self.is_resume_open,
            pair_keys: &mut pending.chain(friends),
            entropy: &mut self.entropy,
        };
        machine.on_frame(frame, desk, now)
    }

    fn respond(&mut self, machine: &mut Responder, node: NodeId, frame: &[u8]) -> Vec<Vec<u8>> {
        let outputs = self.outputs(machine, node, frame, NOW);
        self.apply(outputs)
    }
}

fn record_of(keyring: &Keyring, seq: u64) -> Verified<DeviceRecord> {
    let address = Address::from_bytes(b"somewhere").expect("short");
    keyring.device_record(seq, NOW.day(), DeviceFlags::new(false, true), vec![address], Vec::new())
}

fn only(frames: Vec<Vec<u8>>) -> Vec<u8> {
    let [frame] = <[_; 1]>::try_from(frames).expect("exactly one frame");
    frame
}

fn frame(bytes: &[u8]) -> Frame {
    Frame::decode(bytes).expect("a frame").expect("a known one")
}

/// Carries frames both ways until neither side has anything to say.
fn talk(i: (&mut Person, &mut Initiator), r: (&mut Person, &mut Responder), mut to_r: Vec<Vec<u8>>) {
    let (i_person, i_machine) = i;
    let (r_person, r_machine) = r;
    while !to_r.is_empty() {
        let node = i_person.node();
        let to_i: Vec<_> = to_r.iter().flat_map(|frame| r_person.respond(r_machine, node, frame)).collect();
        to_r = to_i.iter().flat_map(|frame| i_person.hear(i_machine, frame)).collect();
    }
}

/// Alice and Bob with a pending pair, Bob's yes given or not, and the machines of the stream.
fn paired(answer: Option<bool>) -> (Person, Responder, Person, Initiator) {
    let (mut alice, mut bob) = (Person::new("Alice", 1), Person::new("Bob", 2));
    let invite = alice.invite(false);
    let (mut i, hello) = bob.redeem(&invite, answer);
    let mut r = Responder::new(bob.node(), NOW);
    talk((&mut bob, &mut i), (&mut alice, &mut r), vec![hello]);
    assert_eq!((alice.faults.as_slice(), bob.faults.as_slice()), ([].as_slice(), [].as_slice()));
    assert_eq!((alice.paired, bob.paired), (1, 1));
    (alice, r, bob, i)
}
