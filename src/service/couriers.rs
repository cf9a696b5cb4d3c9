//! Parcels and mutual friends: leaving ours with those who will meet the recipient, carrying theirs within budgets.
//!
//! A courier is a friend in whose session an open `~contact` of the recipient matched. A parcel that names a moment's
//! epoch goes only with couriers who are recipients of it themselves, so that nobody carries the proof that he was left
//! out (docs/protocol.md 3.6). While fewer than three have it, whoever comes along is given it too. An Ack goes back only
//! by the courier who brought the parcel: nobody else learns of it.
//!
//! Source: docs/protocol.md 3.6, 3.7 (mail), 3.8(8), 3.18.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::deliver::PutUnderWay;
use super::sessions::{Spoken, Stream};
use super::{Service, tx};
use crate::id::{DeviceId, EpochId, ParcelId, UserId};
use crate::limits::{MAIL_LOOK_AGAIN_MS, MAIL_LOOK_INTERVAL_MS, PUT_REFUSALS_LIMIT};
use crate::link::{ConnId, Order, StreamId};
use crate::mail::{
    Carriers, Envelope, Frame, HeldId, Item, Owed, OwedId, PutAnswer, Wanted, choose_couriers, pack,
};
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::wire::Encode;

impl Service {
    /// Leaves what a friend who is away has to get with those who will meet them.
    pub(super) fn put_owed(&mut self, user: &UserId) -> Result<(), StoreError> {
        let candidates: BTreeMap<UserId, (ConnId, StreamId)> = self
            .net
            .conns
            .iter()
            .filter_map(|(conn, state)| {
                let (friend, _) = state.friend.filter(|(friend, _)| friend != user)?;
                let meets = self.meets(*conn, user);
                let stream = state.mail.filter(|mail| self.is_mail(*mail))?;
                (meets && self.may_have_room(*conn)).then_some((friend, (*conn, stream)))
            })
            .collect();
        if candidates.is_empty() {
            return Ok(());
        }
        let wanted = self.wanted(user);
        let today = self.now.day();
        let Some(friend) = self.state.friends.get(user) else { return Ok(()) };
        let devices: Vec<DeviceId> = friend.live_devices().map(|record| record.device()).collect();
        for device in devices {
            let under_way: BTreeSet<OwedId> = self
                .mail
                .putting
                .values()
                .flatten()
                .filter(|put| put.device == device)
                .flat_map(|put| put.ids.iter().copied())
                .collect();
            let carried = self.mail.carried.get(user);
            let carried_by = |id: &OwedId| carried.and_then(|carried| carried.get(id));
            let owed = self.mail.owed.entry(device).or_default();
            let mut due = owed.due_by_courier(wanted.iter().copied(), today, carried_by);
            due.retain(|(wanted, _)| !under_way.contains(&wanted.id));
            let mut groups: BTreeMap<(Carriers, BTreeSet<UserId>), Vec<Wanted>> = BTreeMap::new();
            for (wanted, already) in due {
                groups.entry((wanted.carriers, already)).or_default().push(wanted);
            }
            for (of, due) in groups {
                self.put_group(user, &device, &of, &due, &candidates);
            }
            self.put_acks(user, &device, &candidates);
            self.put_hollow(user, &device, &candidates);
        }
        Ok(())
    }

    /// Leaves a parcel with nothing but my records, where one is due.
    fn put_hollow(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        candidates: &BTreeMap<UserId, (ConnId, StreamId)>,
    ) {
        // By the courier whose parcel did not open, and nobody else.
        let courier = self.mail.hollow.get(user).and_then(|courier| candidates.get(courier));
        let Some((conn, stream)) = courier.copied() else { return };
        let Some(envelope) = self.seal_to(user, device, &[]) else { return };
        self.mail.hollow.remove(user);
        let (ids, acks) = (BTreeSet::new(), BTreeSet::new());
        let put = PutUnderWay { parcel: None, device: *device, owner: *user, ids, acks };
        self.mail.putting.entry(conn).or_default().push_back(put);
        self.order(Order::Send { stream, frame: Frame::Put(envelope).encode() });
    }

    /// Leaves Acks with the couriers who brought the parcels.
    fn put_acks(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        candidates: &BTreeMap<UserId, (ConnId, StreamId)>,
    ) {
        let under_way = self.mail.putting.values().flatten().filter(|put| put.owner == *user);
        let under_way: BTreeSet<ParcelId> = under_way.flat_map(|put| put.acks.iter().copied()).collect();
        let mut acks = self.mail.acks.get(user).cloned().unwrap_or_default();
        acks.retain(|parcel, _| !under_way.contains(parcel));
        let couriers: BTreeSet<UserId> = acks.values().copied().collect();
        for courier in couriers {
            let Some((conn, stream)) = candidates.get(&courier).copied() else { continue };
            let parcels: BTreeSet<ParcelId> =
                acks.iter().filter(|(_, by)| **by == courier).map(|(parcel, _)| *parcel).collect();
            let Some(envelope) = self.seal_to(user, device, &[Item::Ack(parcels.clone())]) else { continue };
            // Acks are not acknowledged: once a courier keeps them they have left.
            let (ids, acks) = (BTreeSet::new(), parcels);
            let put = PutUnderWay { parcel: None, device: *device, owner: *user, ids, acks };
            self.mail.putting.entry(conn).or_default().push_back(put);
            self.order(Order::Send { stream, frame: Frame::Put(envelope).encode() });
        }
    }

    /// Of an epoch that is not mine: who reads it as I do, because it matched in their session.
    fn readers_among(
        &self,
        carriers: Carriers,
        candidates: &BTreeMap<UserId, (ConnId, StreamId)>,
    ) -> BTreeSet<UserId> {
        let Carriers::Recipients(epoch) = carriers else { return BTreeSet::new() };
        let sync = |conn: &ConnId| self.net.conns.get(conn).and_then(|state| state.sync);
        let matched = |conn: &ConnId| sync(conn).is_some_and(|stream| self.is_matched(stream, &epoch));
        candidates.iter().filter(|(_, (conn, _))| matched(conn)).map(|(friend, _)| *friend).collect()
    }

    pub(super) fn put_group(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        (carriers, already): &(Carriers, BTreeSet<UserId>),
        due: &[Wanted],
        candidates: &BTreeMap<UserId, (ConnId, StreamId)>,
    ) {
        let friends: BTreeSet<UserId> = candidates.keys().copied().collect();
        let matched = self.readers_among(*carriers, candidates);
        let epochs = &self.state.epochs;
        let may_read = |friend: &UserId, epoch: &EpochId| {
            let own = epochs.get(epoch).and_then(|record| record.own.as_ref());
            own.is_some_and(|own| own.recipients.contains(friend)) || matched.contains(friend)
        };
        let chosen = choose_couriers(&friends, &[*carriers], already, may_read, &mut self.entropy);
        if chosen.is_empty() {
            return;
        }
        let mut items = self.recall_items(user, due);
        items.extend(self.items(due));
        for parcel in pack(items, &mut self.entropy) {
            let ids = self.settles(user, &parcel);
            let Some(envelope) = self.seal_to(user, device, &parcel) else { continue };
            self.note_parcel(device, envelope.parcel_id, &ids);
            self.mail.unkept.insert(envelope.parcel_id, *device);
            let parcel = Some(envelope.parcel_id);
            for courier in &chosen {
                let Some((conn, stream)) = candidates.get(courier).copied() else { continue };
                let (ids, acks) = (ids.clone(), BTreeSet::new());
                let put = PutUnderWay { parcel, device: *device, owner: *user, ids, acks };
                self.mail.putting.entry(conn).or_default().push_back(put);
                self.order(Order::Send { stream, frame: Frame::Put(envelope.clone()).encode() });
            }
        }
    }

    /// Whether the friend at the other end of a connection will meet somebody: an open `~contact` of theirs matched.
    pub(super) fn meets(&self, conn: ConnId, user: &UserId) -> bool {
        let Some(state) = self.net.conns.get(&conn).filter(|state| state.mutual.contains(user)) else {
            return false;
        };
        let Some(stream) = state.sync else { return false };
        let Some(Stream { spoken: Spoken::Sync(session), .. }) = self.net.streams.get(&stream) else {
            return false;
        };
        session.has_met(user)
    }

    pub(super) fn deliver_held(&mut self, conn: ConnId, user: &UserId) -> Result<(), StoreError> {
        let Some(stream) =
            self.net.conns.get(&conn).and_then(|state| state.mail).filter(|m| self.is_mail(*m))
        else {
            return Ok(());
        };
        let held: Vec<HeldId> = self.mail.courier.for_recipient(user).collect();
        for id in held {
            if !self.mail.brought.insert((conn, id)) {
                continue;
            }
            if let Some(bytes) = self.tx.get(Tree::Mail, &id.encode())? {
                let envelope: Envelope = tx::decode(Tree::Mail, &id.encode(), &bytes)?;
                self.order(Order::Send { stream, frame: Frame::Deliver(envelope).encode() });
            }
        }
        Ok(())
    }

    /// A friend leaves a parcel for somebody we will meet. Whether we know somebody is told only to those who have found
    /// out that they know them too: else the answer is that there is no room.
    pub(super) fn on_put(
        &mut self,
        conn: ConnId,
        stream: StreamId,
        peer: &UserId,
        envelope: &Envelope,
    ) -> Result<(), StoreError> {
        let to = envelope.to_root;
        let is_known = self.state.friends.contains_key(&to) && to != *peer && self.meets(conn, &to);
        let mut new = None;
        let answer = match self.mail.courier.on_put(peer, envelope, is_known, self.now.day()) {
            PutAnswer::Keep { id, held } => {
                new = Some(id);
                self.tx.put(Tree::Mail, &id.encode(), envelope.encode());
                self.tx.put_record(Tree::MailIndex, &id.encode(), &held);
                // What I promise to carry survives a power cut.
                self.barrier_before_output = true;
                Frame::Kept
            }
            PutAnswer::KeptBefore => Frame::Kept,
            PutAnswer::Full(_) => Frame::Full,
        };
        self.order(Order::Send { stream, frame: answer.encode() });
        if let Some(id) = new {
            let there = self.net.conns.iter();
            let there = there.filter(|(_, state)| state.friend.is_some_and(|(friend, _)| friend == to));
            let streams: Vec<(ConnId, StreamId)> = there
                .filter_map(|(conn, state)| Some((*conn, state.mail.filter(|mail| self.is_mail(*mail))?)))
                .collect();
            for (conn, stream) in streams {
                self.mail.brought.insert((conn, id));
                let frame = Frame::Deliver(envelope.clone()).encode();
                self.order(Order::Send { stream, frame });
            }
        }
        Ok(())
    }

    pub(super) fn on_put_answer(&mut self, conn: ConnId, courier: &UserId, kept: bool) {
        let Some(put) = self.mail.putting.get_mut(&conn).and_then(VecDeque::pop_front) else { return };
        if !kept {
            self.put_refused(conn, &put);
            return;
        }
        if let Some(parcel) = &put.parcel {
            self.mail.unkept.remove(parcel);
        }
        for parcel in &put.acks {
            self.drop_ack(&put.owner, parcel);
        }
        let today = self.now.day();
        let owed = self.mail.owed.entry(put.device).or_default();
        // What others took so long ago has expired with them.
        let again: Vec<OwedId> = put.ids.iter().filter(|id| owed.is_again(id, today)).copied().collect();
        let changed = owed.on_put(put.ids.iter().copied(), today);
        for id in again {
            self.forget_couriers(&put.device, &id);
        }
        for (id, puts) in changed {
            self.tx.put_record(Tree::Owed, &tx::key(&[put.device.as_bytes(), b"u", &id.encode()]), &puts);
            let key = tx::key(&[put.device.as_bytes(), b"c", &id.encode(), courier.as_bytes()]);
            self.tx.put(Tree::Owed, &key, Vec::new());
            self.mail.carried.entry(put.owner).or_default().entry(id).or_default().insert(*courier);
        }
    }

    /// A courier has no room: with somebody else, perhaps. With them once more in a minute, for they may not have seen yet
    /// that they know the recipient; then not again on this connection.
    fn put_refused(&mut self, conn: ConnId, put: &PutUnderWay) {
        let (times, at) = self.mail.full.entry(conn).or_insert((0, self.now));
        (*times, *at) = (times.saturating_add(1), self.now);
        if *times < PUT_REFUSALS_LIMIT {
            let soon = self.now.plus_ms(MAIL_LOOK_AGAIN_MS);
            self.mail.look = Some(self.mail.look.map_or(soon, |look| look.min(soon)));
        }
        self.forget_unkept(put);
        self.net.owed.insert(put.owner);
    }

    fn may_have_room(&self, conn: ConnId) -> bool {
        let is_over = |(times, at): &(u8, Timestamp)| {
            *times < PUT_REFUSALS_LIMIT && self.now.since(*at) >= MAIL_LOOK_AGAIN_MS
        };
        self.mail.full.get(&conn).is_none_or(is_over)
    }

    /// A parcel that nobody took, nor will: no Ack comes for it, and what is remembered of parcels is limited.
    pub(super) fn forget_unkept(&mut self, put: &PutUnderWay) {
        let is_under_way = |parcel: &ParcelId| {
            self.mail.putting.values().flatten().any(|other| other.parcel.as_ref() == Some(parcel))
        };
        let Some(parcel) = put.parcel.filter(|parcel| !is_under_way(parcel)) else { return };
        if let Some(device) = self.mail.unkept.remove(&parcel) {
            self.mail.owed.entry(device).or_default().forget_parcel(&parcel);
            self.tx.remove(Tree::Owed, &tx::key(&[device.as_bytes(), b"p", parcel.as_bytes()]));
        }
    }

    pub(super) fn drop_ack(&mut self, user: &UserId, parcel: &ParcelId) {
        if let Some(acks) = self.mail.acks.get_mut(user) {
            acks.remove(parcel);
        }
        self.tx.remove(Tree::State, &tx::key(&[b"k", user.as_bytes(), parcel.as_bytes()]));
    }

    /// Once in a while: old parcels go, what is due again with couriers is put.
    pub(super) fn maintain_mail(&mut self) -> Result<(), StoreError> {
        // A look that lies too far ahead was set before the clock went back.
        let waits = |at: Timestamp| at > self.now && at.since(self.now) <= MAIL_LOOK_INTERVAL_MS;
        if self.mail.look.is_some_and(waits) {
            return Ok(());
        }
        self.mail.look = Some(self.now.plus_ms(MAIL_LOOK_INTERVAL_MS));
        let today = self.now.day();
        let is_ageing = self.is_ageing();
        let old = if is_ageing { self.mail.courier.on_day(today) } else { Vec::new() };
        for id in old {
            self.tx.remove(Tree::Mail, &id.encode());
            self.tx.remove(Tree::MailIndex, &id.encode());
            self.mail.brought.retain(|(_, brought)| *brought != id);
        }
        if is_ageing {
            self.tidy_owed();
        }
        let friends: Vec<UserId> = self.state.friends.keys().copied().collect();
        for user in friends {
            if self.online(&user).is_none() {
                self.put_owed(&user)?;
            }
        }
        Ok(())
    }

    /// Forgets what is written about things that nobody is owed any more.
    fn tidy_owed(&mut self) {
        let today = self.now.day();
        let mut wanted: BTreeMap<DeviceId, BTreeSet<OwedId>> = BTreeMap::new();
        for friend in self.state.friends.values() {
            let ids: BTreeSet<OwedId> = self.wanted(&friend.user).iter().map(|wanted| wanted.id).collect();
            wanted.extend(friend.live_devices().map(|record| (record.device(), ids.clone())));
        }
        let devices: Vec<DeviceId> = self.mail.owed.keys().copied().collect();
        for device in devices {
            let Some(owed) = self.mail.owed.get_mut(&device) else { continue };
            let none = BTreeSet::new();
            let forgotten = owed.tidy(wanted.get(&device).unwrap_or(&none), today);
            if *owed == Owed::default() {
                self.mail.owed.remove(&device);
            }
            self.forget(&device, forgotten);
        }
    }
}
