//! Becoming friends: invites, pairing, the two answers; a friend made, anew or again.
//!
//! The pair protocol's machines say what must last; here it is kept, and only then does what follows from it leave.
//! While an invite is open, or a pair waits for an answer, or a friend has not seen our node key, strangers may speak
//! the pair protocol; at all other times nobody unknown gets past the handshake.
//!
//! Source: docs/protocol.md 3.7, 3.11 (new friend).

use std::collections::{BTreeMap, BTreeSet};

use super::people::within;
use super::publish::internal;
use super::sessions::{Purpose, Spoken, Stream};
use super::state::{Friend, PendingPair};
use super::{Service, state};
use crate::ask::InviteDraft;
use crate::crypto::PairKey;
use crate::error::{Error, Result as Said};
use crate::id::{InviteId, NodeId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, Invite, InviteError, KnownIdentity};
use crate::limits::{FRIEND_LIMIT, INVITE_ADDRESS_LIMIT, INVITE_LIFE_DEFAULT_MS, NAME_LIMIT};
use crate::link::{Address, ConnId, Order, Protocol, StreamId};
use crate::pair::{self, Change, Desk, Initiator, OpenInvite, Redeem, Resumption, Standing, Us};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::view;

/// How redeeming an invite stands, for whoever waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeeming {
    /// Not answered yet: the inviter is being reached, or has to say yes.
    Waiting,
    /// The inviter's node closed the door: the invite is burnt, expired there, or not theirs.
    Refused,
    /// Both said yes.
    Friends,
}

/// An invite under way.
#[derive(Debug, Clone)]
pub(super) struct Underway {
    invite: Invite,
    name: String,
    refused: bool,
    /// How often in a row the door was shut before a word was said.
    shut: u32,
    next_try: Timestamp,
    tries: u32,
    /// By a common friend: the other opens the door once they have heard of it, so a shut door means not yet.
    is_introduced: bool,
}

impl Underway {
    /// Somebody whom a common friend introduced, after both have said yes.
    pub(super) const fn introduced(invite: Invite, now: Timestamp) -> Self {
        Self {
            invite,
            name: String::new(),
            refused: false,
            shut: 0,
            next_try: now,
            tries: 0,
            is_introduced: true,
        }
    }

    /// Whether it is under way with this invite.
    pub(super) fn is_of(&self, id: &InviteId) -> bool {
        self.invite.id() == *id
    }

    /// When the inviter is dialled next; never once they refused.
    pub(super) fn due(&self) -> Option<Timestamp> {
        Some(self.next_try).filter(|_| !self.refused)
    }
}

/// Invites being redeemed, by inviter.
pub(super) type Redemptions = BTreeMap<UserId, Underway>;

impl Service {
    /// Makes an invite.
    ///
    /// # Errors
    /// Refused above a limit.
    pub fn invite(&mut self, draft: &InviteDraft) -> Said<view::Invite> {
        if let Some(name) = &draft.name {
            within("name", name, NAME_LIMIT)?;
        }
        if self.state.friends.len() >= FRIEND_LIMIT {
            return Err(friend_limit());
        }
        let life = draft.life_ms.unwrap_or(INVITE_LIFE_DEFAULT_MS);
        let open =
            OpenInvite::new(&mut self.entropy, self.now, life, draft.name.as_deref(), draft.auto_confirm)
                .map_err(refused_invite)?;
        let record = state::InviteRecord(open.clone());
        let id = self.state.invites.add(open.clone()).map_err(refused_invite)?;
        self.save_state(b'i', id.as_bytes(), &record);
        let invite = open.invite(self.me(), self.keyring.node_id(), self.invite_addresses());
        Ok(view::Invite { link: invite.expose_link(), expires_at: invite.expires })
    }

    /// Where an invite leads: loopback only if there is nothing else, or it was asked for.
    fn invite_addresses(&self) -> Vec<Address> {
        let all = &self.net.listening;
        let far: Vec<Address> = all.iter().filter(|address| !address.is_loopback()).cloned().collect();
        let chosen = if far.is_empty() { all.clone() } else { far };
        chosen.into_iter().take(INVITE_ADDRESS_LIMIT).collect()
    }

    /// Begins to redeem an invite; [`Service::redeeming`] tells how it stands.
    ///
    /// # Errors
    /// Usage if it is no link; refused if it has expired, is one's own, or the inviter is blocked or a friend who is
    /// here.
    pub fn accept(&mut self, link: &str, name: Option<&str>) -> Said<UserId> {
        let invite = Invite::parse(link).map_err(not_a_link)?;
        let user = invite.root;
        if user == self.me() {
            return Err(Error::refused("own_invite", "this is an invite of your own", "send it to a friend"));
        }
        // Who cannot be met may have removed me: then this invite is the way back.
        if self.online(&user).is_some() {
            let name = self.person(&user).name;
            return Err(Error::refused(
                "friend_already",
                format!("{name} is your friend already"),
                "nothing to do",
            )
            .with("name", name));
        }
        if self.is_blocked(&user) {
            let name = self.person(&user).name;
            return Err(Error::refused(
                "blocked",
                format!("you have blocked {name}"),
                "first `tidings friend unblock`, or `tidings friend remove` to begin anew",
            )
            .with("name", name));
        }
        if invite.is_expired(self.now) {
            return Err(Error::refused("invite_expired", "this invite has expired", "ask for a new one"));
        }
        if self.state.friends.len() >= FRIEND_LIMIT && !self.state.friends.contains_key(&user) {
            return Err(friend_limit());
        }
        let name = name.unwrap_or_default();
        within("name", name, NAME_LIMIT)?;
        let underway = Underway {
            name: name.to_owned(),
            is_introduced: false,
            ..Underway::introduced(invite, self.now)
        };
        self.timers.redemptions.insert(user, underway);
        self.dial_redemptions();
        Ok(user)
    }

    /// How redeeming the invite of a person stands.
    pub fn redeeming(&self, user: &UserId) -> Redeeming {
        match self.timers.redemptions.get(user) {
            Some(underway) if underway.refused => Redeeming::Refused,
            Some(_) => Redeeming::Waiting,
            None if self.state.friends.contains_key(user) => Redeeming::Friends,
            None => Redeeming::Waiting,
        }
    }

    /// Dials the inviters whose time has come.
    pub(super) fn dial_redemptions(&mut self) {
        let now = self.now;
        let mut dials = Vec::new();
        self.timers
            .redemptions
            .retain(|_, underway| !underway.invite.is_expired(now) && underway.tries < 200);
        for (user, underway) in &mut self.timers.redemptions {
            let is_due = !underway.refused && underway.next_try <= now;
            if is_due && !self.state.pending.contains_key(user) {
                underway.tries = underway.tries.saturating_add(1);
                underway.next_try = now.plus_ms(super::maintain::backoff_ms(underway.tries));
                dials.push((*user, underway.invite.node, underway.invite.addresses.clone()));
            }
        }
        for (user, node, addresses) in dials {
            // A friend who has removed me may be connected all the same, as a stranger to them.
            if let Some(conn) = self.net.conns.iter().find(|(_, conn)| conn.node == node).map(|(id, _)| *id) {
                if !self.is_pairing_on(conn) {
                    self.begin_pairing(conn, Some(&Purpose::Redeem(user)));
                }
                continue;
            }
            let attempt = self.net.dial_id(Purpose::Redeem(user));
            self.order(Order::Dial { attempt, node: Some(node), addresses });
        }
    }

    /// Who wants to be a friend, or has not answered.
    pub fn requests(&self) -> Vec<view::Request> {
        let open = self
            .state
            .pending
            .values()
            .filter(|pair| !self.state.friends.contains_key(&pair.pending.their()));
        let open = open.filter(|pair| !pair.pending.is_refused()).map(|pair| self.request_view(pair));
        open.chain(self.open_heard().map(|(_, heard)| self.heard_view(heard))).collect()
    }

    /// Says yes to a request.
    ///
    /// # Errors
    /// Not found.
    pub fn confirm(&mut self, word: &str) -> Said<view::Request> {
        self.answer(word, true)
    }

    /// Says no to a request.
    ///
    /// # Errors
    /// Not found.
    pub fn decline(&mut self, word: &str) -> Said<view::Request> {
        self.answer(word, false)
    }

    fn answer(&mut self, word: &str, yes: bool) -> Said<view::Request> {
        let folded = word.to_lowercase();
        let open = self.state.pending.values().filter(|pair| !pair.pending.is_refused()).filter(|pair| {
            let their = pair.pending.their();
            !self.state.friends.contains_key(&their)
                && (their.to_string().starts_with(&folded)
                    || pair.pending.their_name().to_lowercase() == folded)
        });
        let found: Vec<UserId> = open.map(|pair| pair.pending.their()).collect();
        let user = match found.as_slice() {
            [user] => *user,
            [] => return self.answer_introduction(word, yes),
            several => return Err(no_such_request(word, several.len())),
        };
        if yes && self.state.friends.len() >= FRIEND_LIMIT {
            return Err(friend_limit());
        }
        let pair = self.state.pending.get_mut(&user).ok_or_else(internal)?;
        pair.pending.mark_mine(yes);
        let pair = pair.clone();
        let view = self.request_view(&pair);
        self.save_pending(&user);
        self.barrier_before_output = true;
        self.tell_decision(&user, yes)?;
        self.settle_pair(&user)?;
        Ok(view)
    }

    /// Says the answer on the stream where the pair is being settled, or comes back for it.
    fn tell_decision(&mut self, user: &UserId, yes: bool) -> Result<(), StoreError> {
        let node = self.state.pending.get(user).map(|pair| pair.pending.node());
        let conns: BTreeSet<ConnId> =
            self.net.conns.iter().filter(|(_, conn)| Some(conn.node) == node).map(|(id, _)| *id).collect();
        let streams: Vec<StreamId> = self
            .net
            .streams
            .iter()
            .filter(|(_, stream)| conns.contains(&stream.conn))
            .map(|(id, _)| *id)
            .collect();
        for stream in streams {
            let Some(mut state) = self.net.streams.remove(&stream) else { continue };
            let outputs = match &mut state.spoken {
                Spoken::PairInitiator(machine) => machine.decide(yes),
                Spoken::PairResponder(machine) => machine.decide(yes),
                _ => {
                    self.net.streams.insert(stream, state);
                    continue;
                }
            };
            let conn = state.conn;
            self.net.streams.insert(stream, state);
            if !outputs.is_empty() {
                return self.on_pair_outputs(conn, stream, outputs);
            }
        }
        self.timers.settle_soon(*user, self.now);
        Ok(())
    }

    /// Comes back to whoever does not know our answer.
    pub(super) fn dial_settlements(&mut self) {
        let now = self.now;
        let open: Vec<UserId> =
            self.state.pending.iter().filter(|(_, pair)| is_open(pair)).map(|(user, _)| *user).collect();
        for user in open {
            if !self.timers.settlement_due(user, now) {
                continue;
            }
            let Some(pair) = self.state.pending.get(&user) else { continue };
            let node = pair.pending.node();
            if let Some((conn, _)) = self.net.conns.iter().find(|(_, conn)| conn.node == node) {
                let conn = *conn;
                if is_unsaid(pair) && !self.is_pairing_on(conn) {
                    self.begin_pairing(conn, None);
                }
                continue;
            }
            let mut addresses: Vec<Address> = pair.address.iter().cloned().collect();
            addresses.extend(pair.pending.device().addresses().iter().cloned());
            let attempt = self.net.dial_id(Purpose::Settle(user));
            self.order(Order::Dial { attempt, node: Some(node), addresses });
        }
    }

    /// Whether the pair protocol is spoken on a connection already.
    pub(super) fn is_pairing_on(&self, conn: ConnId) -> bool {
        self.net.streams.values().any(|stream| {
            let is_pairing = match &stream.spoken {
                Spoken::PairInitiator(_) | Spoken::Opening(Protocol::Pair) => true,
                Spoken::PairResponder(machine) => !machine.is_fresh(),
                _ => false,
            };
            stream.conn == conn && is_pairing
        })
    }

    /// Whether a node belongs to a pending pair that has not heard our answer.
    pub(super) fn has_to_settle(&self, node: &NodeId) -> bool {
        self.state.pending.values().any(|pair| pair.pending.node() == *node && is_unsaid(pair))
    }

    /// Whether strangers may speak the pair protocol now.
    pub(super) fn is_pairing_open(&self) -> bool {
        self.state.invites.is_any_live(self.now)
            || self.state.pending.values().any(|pair| !pair.pending.is_settled())
            || self.is_resume_open()
    }

    fn is_resume_open(&self) -> bool {
        let node = self.keyring.node_id();
        self.state.friends.values().any(|friend| friend.seen_as != Some(node))
    }

    /// Opens the pair protocol on a connection of ours.
    pub(super) fn begin_pairing(&mut self, conn: ConnId, purpose: Option<&Purpose>) {
        let stream = self.open_stream(conn, Protocol::Pair);
        if let Some(purpose) = purpose {
            self.timers.pairing.insert(stream, purpose.clone());
        }
    }

    /// Our pair stream was taken: what it was opened for begins.
    pub(super) fn on_pair_opened(&mut self, conn: ConnId, stream: StreamId) -> Result<(), StoreError> {
        let purpose = self.timers.pairing.remove(&stream);
        let Some(node) = self.net.conns.get(&conn).map(|state| state.node) else { return Ok(()) };
        let now = self.now;
        let Some((identity, device)) = self.own_records() else { return Ok(()) };
        let Ok(us) = Us::new(&identity, &device, self.keyring.seal(), &self.state.me.name) else {
            tracing::error!("the records of this device do not belong to its keys");
            return Ok(());
        };
        let started = match purpose {
            Some(Purpose::Redeem(user)) => {
                let Some(underway) = self.timers.redemptions.get(&user) else { return Ok(()) };
                let redeem = Redeem {
                    invite: &underway.invite,
                    answer: Some(true),
                    name: Some(underway.name.as_str()).filter(|name| !name.is_empty()),
                };
                let began = Initiator::redeem(redeem, &us, node, &mut self.entropy, now).ok();
                began.map(|(machine, outputs)| (Spoken::PairInitiator(Box::new(machine)), outputs))
            }
            Some(Purpose::Resume(user)) => self.state.friends.get(&user).map(|friend| {
                let (machine, outputs) =
                    Resumption::new(user, &friend.pair_key, &us, node, &mut self.entropy, now);
                (Spoken::Resume(Box::new(machine)), outputs)
            }),
            _ => {
                let pair = self.state.pending.values().find(|pair| pair.pending.node() == node);
                pair.map(|pair| {
                    let (machine, outputs) = Initiator::settle(&pair.pending, now);
                    (Spoken::PairInitiator(Box::new(machine)), outputs)
                })
            }
        };
        let Some((spoken, outputs)) = started else {
            self.net.streams.remove(&stream);
            self.order(Order::CloseStream { stream });
            return Ok(());
        };
        self.net.streams.insert(stream, Stream { conn, spoken });
        self.on_pair_outputs(conn, stream, outputs)
    }

    /// A frame of the pair protocol.
    pub(super) fn on_pair_frame(
        &mut self,
        stream: StreamId,
        mut state: Stream,
        frame: &[u8],
    ) -> Result<(), StoreError> {
        let conn = state.conn;
        let Some(node) = self.net.conns.get(&conn).map(|conn| conn.node) else { return Ok(()) };
        let Some((identity, device)) = self.own_records() else { return Ok(()) };
        let name = self.state.me.name.clone();
        let resume_open = self.is_resume_open();
        let friends = &self.state.friends;
        let (pending, bonds) = (&self.state.pending, &self.state.bonds);
        let known = |user: &UserId| -> Option<KnownIdentity> {
            let pair = || pending.get(user).map(|pair| KnownIdentity::new(pair.pending.identity().clone()));
            friends.get(user).map(|friend| friend.identity.clone()).or_else(pair)
        };
        let outputs = match Us::new(&identity, &device, self.keyring.seal(), &name) {
            Err(_) => Vec::new(),
            Ok(us) => match &mut state.spoken {
                Spoken::PairInitiator(machine) => machine.on_frame(frame, &known, self.now),
                Spoken::Resume(machine) => machine.on_frame(frame, &us, &known, self.now),
                Spoken::PairResponder(machine) => {
                    let pending_pair = pending.values().find(|pair| pair.pending.node() == node);
                    let friend = friends
                        .values()
                        .find(|friend| friend.live_devices().any(|record| record.node() == node))
                        .map(|friend| friend.user);
                    let standing = match (pending_pair, friend) {
                        (Some(pair), _) => Standing::Pending(&pair.pending),
                        (None, Some(user)) => Standing::Friend(user),
                        (None, None) => Standing::Stranger,
                    };
                    let mut pair_keys =
                        friends.values().map(|friend| (friend.user, friend.pair_key.clone())).chain(
                            pending
                                .values()
                                .map(|pair| (pair.pending.their(), pair.pending.pair_key().clone())),
                        );
                    let pair_keys: &mut dyn Iterator<Item = (UserId, PairKey)> = &mut pair_keys;
                    let desk = Desk {
                        us: &us,
                        known: &known,
                        invites: &mut self.state.invites,
                        standing,
                        is_unwelcome: &|user| bonds.get(user).is_some_and(|bond| bond.blocked.is_some()),
                        pending_count: pending.len(),
                        is_resume_open: resume_open,
                        pair_keys,
                        entropy: &mut self.entropy,
                    };
                    machine.on_frame(frame, desk, self.now)
                }
                _ => Vec::new(),
            },
        };
        self.net.streams.insert(stream, state);
        self.on_pair_outputs(conn, stream, outputs)
    }

    pub(super) fn on_pair_outputs(
        &mut self,
        conn: ConnId,
        stream: StreamId,
        outputs: Vec<pair::Output>,
    ) -> Result<(), StoreError> {
        for output in outputs {
            match output {
                pair::Output::Send(frame) => self.order(Order::Send { stream, frame }),
                pair::Output::Commit { change, then } => {
                    let is_new = matches!(change, Change::Paired { .. });
                    self.on_change(conn, change)?;
                    // Outputs leave only behind the barrier of this step.
                    self.barrier_before_output = true;
                    self.on_pair_outputs(conn, stream, then)?;
                    if is_new {
                        self.show_strangers(conn, stream)?;
                    }
                }
                pair::Output::Resumed { who, identity, device } => {
                    self.on_identity(who, identity.as_bytes());
                    self.on_device(who, device.as_bytes());
                    self.open_session(conn);
                }
                pair::Output::Fault(fault) => {
                    tracing::debug!(conn = conn.0, %fault, "a peer broke the pair protocol");
                }
                pair::Output::Close => {
                    let closed = self.net.streams.remove(&stream);
                    self.order(Order::CloseStream { stream });
                    if let Some(closed) = closed {
                        self.on_pair_stream_closed(conn, &closed.spoken);
                    }
                }
            }
        }
        Ok(())
    }

    fn on_change(&mut self, conn: ConnId, change: Change) -> Result<(), StoreError> {
        match change {
            Change::Paired { pending, burns } => {
                if let Some(invite) = burns {
                    self.remove_state(b'i', invite.as_bytes());
                }
                let user = pending.their();
                let redeemed = pending.role() == crate::crypto::keys::Role::Initiator;
                let state = self.net.conns.get(&conn);
                let address = state.filter(|state| state.dialled).map(|state| state.address.clone());
                self.state.pending.insert(user, PendingPair { pending: *pending, address, redeemed });
                self.save_pending(&user);
                self.announce_request(&user, "pending");
                self.settle_pair(&user)?;
            }
            Change::InviteFailed { invite } => {
                let id = invite.id();
                self.save_state(b'i', id.as_bytes(), &state::InviteRecord(invite));
            }
            Change::Theirs { their, yes } => {
                if let Some(pair) = self.state.pending.get_mut(&their) {
                    pair.pending.mark_theirs(yes);
                    self.save_pending(&their);
                    if !yes {
                        self.announce_request(&their, "declined");
                    }
                    self.settle_pair(&their)?;
                }
            }
            Change::Shown { their, moments } => self.on_shown(&their, &moments)?,
            Change::MineSeen { their } => {
                if let Some(pair) = self.state.pending.get_mut(&their) {
                    pair.pending.mark_mine_seen();
                    self.save_pending(&their);
                    self.settle_pair(&their)?;
                }
            }
        }
        Ok(())
    }

    fn request_view(&self, pair: &PendingPair) -> view::Request {
        let user = pair.pending.their();
        let by = self.introducer_of(&pair.pending.invite(), &user);
        view::Request {
            id: user,
            name: pair.pending.their_name().to_owned(),
            expected: pair.pending.expected().map(str::to_owned),
            via: match (by, pair.redeemed) {
                (Some(_), _) => "introduction",
                (None, true) => "accepted",
                (None, false) => "invite",
            },
            by: by.map(|by| self.person(&by)),
            confirmed: pair.pending.mine() == Some(true),
            moments: self.count_shown(&user),
            at: pair.pending.since(),
        }
    }

    pub(super) fn announce_request(&mut self, user: &UserId, state: &'static str) {
        if let Some(pair) = self.state.pending.get(user) {
            let request = self.request_view(pair);
            self.emit(view::Happening::Request { request, state });
        }
    }

    /// Draws the conclusion from two answers: a friend, or nothing more to keep.
    fn settle_pair(&mut self, user: &UserId) -> Result<(), StoreError> {
        let Some(pair) = self.state.pending.get(user) else { return Ok(()) };
        let (friends, settled, refused) =
            (pair.pending.are_friends(), pair.pending.is_settled(), pair.pending.is_refused());
        if friends {
            self.forget_shown(user)?;
            let Some(pair) = self.state.pending.get(user) else { return Ok(()) };
            let pair = pair.clone();
            if self.state.friends.contains_key(user) {
                self.pair_again(&pair);
            } else {
                self.befriend(pair)?;
            }
        }
        if settled {
            self.forget_shown(user)?;
            self.state.pending.remove(user);
            self.remove_state(b'p', user.as_bytes());
            match self.timers.redemptions.get_mut(user).filter(|_| refused) {
                // Whoever waits for the answer is told it.
                Some(underway) => underway.refused = true,
                None => drop(self.timers.redemptions.remove(user)),
            }
        }
        Ok(())
    }

    /// Both said yes, and I had never stopped being their friend: they had, or had lost what we share. The new key
    /// counts from now on, and the words are new.
    fn pair_again(&mut self, pair: &PendingPair) {
        let (pending, user) = (&pair.pending, pair.pending.their());
        let Some(friend) = self.state.friends.get_mut(&user) else { return };
        if friend.pair_key == *pending.pair_key() {
            return;
        }
        let former = std::mem::replace(&mut friend.pair_key, pending.pair_key().clone());
        let former = (former, friend.psk_gen);
        friend.safety = *pending.safety();
        friend.verified = false;
        friend.seen_as = Some(self.keyring.node_id());
        let generation = self.count_pairing(&user, Some(former));
        if let Some(friend) = self.state.friends.get_mut(&user) {
            friend.psk_gen = generation;
        }
        self.save_friend(&user);
        self.barrier_before_output = true;
        self.on_identity(user, pending.identity().as_bytes());
        self.on_device(user, pending.device().as_bytes());
        self.announce_request(&user, "friends");
        self.timers.redemptions.remove(&user);
        self.admit();
        self.reopen_idle();
        self.dial_soon(&user);
        self.owed_changed(&user);
        self.emit_friend(&user);
    }

    /// Both said yes.
    fn befriend(&mut self, pair: PendingPair) -> Result<(), StoreError> {
        let PendingPair { pending, address, .. } = pair;
        let user = pending.their();
        let device = pending.device().clone();
        let friend = Friend {
            user,
            name: pending.expected().unwrap_or_default().to_owned(),
            own_name: pending.their_name().to_owned(),
            about: String::new(),
            note: String::new(),
            profile_at: Timestamp::ZERO,
            window_days: 0,
            since: self.now,
            verified: false,
            safety: *pending.safety(),
            pair_key: pending.pair_key().clone(),
            psk_gen: self.count_pairing(&user, None),
            identity: KnownIdentity::new(pending.identity().clone()),
            devices: BTreeMap::from([(device.device(), device)]),
            last_address: address,
            last_seen: Some(self.now),
            seen_as: Some(self.keyring.node_id()),
            hide_theirs: false,
        };
        self.state.friends.insert(user, friend);
        self.save_friend(&user);
        self.profile_again(&user)?;
        self.announce_request(&user, "friends");
        let introduced_by = self.introducer_of(&pending.invite(), &user);
        if let Some(bond) = self.state.bonds.get_mut(&user) {
            bond.introduced_by = introduced_by;
        }
        self.save_bond(&user);
        self.forget_introductions_to(&user);
        self.timers.redemptions.remove(&user);
        // Whatever fails here is our own: the friend is kept, the rest is done at the next change.
        if let Err(error) = self.welcome(&user, &BTreeSet::new()) {
            tracing::error!(%error, "audiences did not follow a new friend");
        }
        Ok(())
    }

    /// A pair stream ended before its machine was done.
    pub(super) fn on_pair_stream_closed(&mut self, conn: ConnId, spoken: &Spoken) {
        let Some(state) = self.net.conns.get(&conn) else { return };
        let node = state.node;
        match spoken {
            // The inviter's node closes without a word if the invite is burnt, expired or not its own.
            Spoken::PairInitiator(machine) if machine.is_unanswered() => self.door_shut(node, true),
            Spoken::Opening(Protocol::Pair) => self.door_shut(node, false),
            Spoken::Resume(machine) => {
                tracing::debug!(who = %machine.who().short(), "nobody to resume with there");
            }
            Spoken::PairInitiator(_) => {}
            _ => return,
        }
        if !self.net.conns.get(&conn).is_some_and(|state| self.retold_admitted().contains(&state.node)) {
            self.order(Order::Hangup { conn });
        }
    }

    /// The node behind an invite did not speak with us. Once it has refused the invite, or has shut the door without
    /// hearing it for the third time in a row, whoever waits is told.
    pub(super) fn door_shut(&mut self, node: NodeId, is_refused: bool) {
        for (user, underway) in &mut self.timers.redemptions {
            if underway.invite.node == node && !self.state.pending.contains_key(user) {
                underway.shut = underway.shut.saturating_add(1);
                let is_final = is_refused || underway.shut >= DOOR_SHUT_LIMIT;
                underway.refused |= is_final && !underway.is_introduced;
            }
        }
    }

    /// Gives up pair streams that take too long.
    pub(super) fn expire_pairing(&mut self) {
        let now = self.now;
        let late: Vec<(StreamId, ConnId)> = self
            .net
            .streams
            .iter()
            .filter(|(_, stream)| {
                let deadline = match &stream.spoken {
                    Spoken::PairInitiator(machine) => machine.deadline(),
                    Spoken::PairResponder(machine) => machine.deadline(),
                    Spoken::Resume(machine) => machine.deadline(),
                    _ => None,
                };
                deadline.is_some_and(|at| at <= now)
            })
            .map(|(id, stream)| (*id, stream.conn))
            .collect();
        for (stream, _) in late {
            self.net.streams.remove(&stream);
            self.order(Order::CloseStream { stream });
        }
    }

    fn own_records(
        &self,
    ) -> Option<(crate::identity::Verified<IdentityRecord>, crate::identity::Verified<DeviceRecord>)> {
        let identity = IdentityRecord::open(&self.state.me.identity).ok()?;
        let device = DeviceRecord::open(&self.state.me.device).ok()?;
        Some((identity, device))
    }
}

/// Whether there is a reason to meet: our answer is not known there, or theirs not here.
pub(super) fn is_open(pair: &PendingPair) -> bool {
    is_unsaid(pair) || (pair.pending.theirs().is_none() && !pair.pending.is_refused())
}

/// A node that lets nobody in so often in a row has no invite open.
const DOOR_SHUT_LIMIT: u32 = 3;

/// Whether the other side has not kept our answer.
fn is_unsaid(pair: &PendingPair) -> bool {
    pair.pending.mine().is_some() && !pair.pending.is_mine_seen()
}

/// No request, or more than one, fits a word.
pub(super) fn no_such_request(word: &str, several: usize) -> Error {
    if several == 0 {
        return Error::not_found(
            "no_such_request",
            format!("no request {word:?} is open"),
            "see `tidings requests`",
        );
    }
    Error::not_found(
        "ambiguous_request",
        format!("more than one request fits {word:?}"),
        "use more of the id",
    )
}

pub(super) fn friend_limit() -> Error {
    Error::refused(
        "friend_limit",
        format!("there are {FRIEND_LIMIT} friends already, which is the limit"),
        "remove one first",
    )
    .with("limit", FRIEND_LIMIT)
}

fn refused_invite(error: pair::InviteRefused) -> Error {
    Error::refused(
        "invite_refused",
        error.to_string(),
        "an invite lives at most seven days; open ones expire by themselves",
    )
}

fn not_a_link(error: InviteError) -> Error {
    Error::usage("not_an_invite", error.to_string(), "copy the whole link, from `tidings:invite/` to its end")
}
