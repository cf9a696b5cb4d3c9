//! Keys and withdrawals on their way to people: handed over when we meet, left with mutual friends when we do not.
//!
//! What a device still has to get is computed, not queued: the keys of every epoch its owner is a recipient of, the
//! grants, closes and withdrawals addressed to them, less what the device has acknowledged. So nothing is lost that a
//! crash, a full courier or two months' absence took away. The same room holds parcels of others, within budgets.
//!
//! ```text
//!  Tree::Owed       device ‖ 'a' ‖ owed id      acknowledged
//!                   device ‖ 'u' ‖ owed id      Puts: when it was left with couriers
//!                   device ‖ 'p' ‖ parcel 16    Carried: what a parcel carried, until its Ack
//!  Tree::Mail       parcel 16 ‖ digest 16       an envelope held for somebody else
//!  Tree::MailIndex  parcel 16 ‖ digest 16       Held
//!  Tree::State      'g' ‖ user ‖ entry          a grant: epoch ‖ seq ‖ arose
//!                   'w' ‖ user ‖ entry          a withdrawal: likewise
//!                   'k' ‖ user ‖ parcel         an Ack that user waits for
//!                   'q' ‖ author ‖ entry        granted to me and not here yet
//! ```
//!
//! Source: docs/protocol.md 3.6, 3.7 (mail), 3.8(8), 3.11, 3.15.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::sessions::{Spoken, Stream};
use super::state::EpochRecord;
use super::{Service, tx};
use crate::audience::Written;
use crate::crypto::{Signature, keys};
use crate::error::Result as Said;
use crate::id::{DeviceId, EntryId, EpochId, ParcelId, UserId};
use crate::identity::{DeviceRecord, live_device};
use crate::limits::{MAIL_EARLY_LIMIT, OPEN_EPOCH_LIMIT, PARCEL_LIFE_DAYS, WAITING_LOOK_LIMIT};
use crate::link::{ConnId, Order, StreamId};
use crate::mail::{
    self, Carried, Carriers, Cause, ClosedEpoch, Courier, EntryRef, Envelope, EpochCloses, EpochKeys,
    Forgotten, Frame, Grants, HeldId, Item, Letter, OpenKeys, Owed, OwedId, PutAnswer, Puts, Received, Relay,
    VerifiedEpochKeys, VerifiedGrants, Wanted, choose_couriers, is_record_recent, pack, seal,
};
use crate::moment::{Class, Tombstone};
use crate::store::{StoreError, Tree};
use crate::sync::LogState;
use crate::time::Timestamp;
use crate::view;
use crate::wire::{Encode, Reader};

/// A key or withdrawal addressed to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Addressed {
    epoch: EpochId,
    seq: u64,
    arose: Timestamp,
}

/// A parcel left with a courier, whose answer is awaited.
#[derive(Debug, Clone)]
struct PutUnderWay {
    device: DeviceId,
    owner: UserId,
    ids: BTreeSet<OwedId>,
}

/// Everything about parcels.
#[derive(Debug, Default)]
pub(super) struct MailRoom {
    courier: Courier,
    owed: BTreeMap<DeviceId, Owed>,
    grants: BTreeMap<UserId, BTreeMap<EntryId, Addressed>>,
    withdrawals: BTreeMap<UserId, BTreeMap<EntryId, Addressed>>,
    acks: BTreeMap<UserId, BTreeSet<ParcelId>>,
    awaited: BTreeMap<UserId, BTreeSet<EntryId>>,
    /// Puts whose answer has not come, oldest first.
    putting: BTreeMap<ConnId, VecDeque<PutUnderWay>>,
    /// Handed over on a connection and not taken yet.
    handed: BTreeMap<(ConnId, ParcelId), BTreeSet<OwedId>>,
    /// Who carries what to whom, as far as this run knows.
    carried: BTreeMap<(UserId, EpochId), BTreeSet<UserId>>,
    /// Friends whose parcel did not open and who were answered on that day.
    answered: BTreeMap<UserId, crate::time::Day>,
}

impl Service {
    /// Reads at start what is owed and held.
    pub(super) fn load_mail(&mut self) -> Result<(), StoreError> {
        let mut owed: BTreeMap<DeviceId, (Vec<OwedId>, Vec<(OwedId, Puts)>, Vec<(ParcelId, Carried)>)> =
            BTreeMap::new();
        self.tx.each(Tree::Owed, &[], &mut |key, value| {
            let bad = |_| tx::damaged(Tree::Owed, key, "the key is not one of ours");
            let mut at = Reader::new(key);
            let device: DeviceId = at.value().map_err(bad)?;
            let (acknowledged, puts, parcels) = owed.entry(device).or_default();
            match at.u8().map_err(bad)? {
                b'a' => acknowledged.push(at.value().map_err(bad)?),
                b'u' => puts.push((at.value().map_err(bad)?, tx::decode(Tree::Owed, key, value)?)),
                _ => parcels.push((at.value().map_err(bad)?, tx::decode(Tree::Owed, key, value)?)),
            }
            Ok(())
        })?;
        self.mail.owed =
            owed.into_iter().map(|(device, (a, u, p))| (device, Owed::restore(a, u, p))).collect();
        let mut held = Vec::new();
        self.tx.each(Tree::MailIndex, &[], &mut |key, value| {
            held.push((
                tx::decode::<HeldId>(Tree::MailIndex, key, key)?,
                tx::decode(Tree::MailIndex, key, value)?,
            ));
            Ok(())
        })?;
        self.mail.courier = Courier::restore(held);
        self.mail.grants = self.load_addressed(b'g')?;
        self.mail.withdrawals = self.load_addressed(b'w')?;
        for (kind, into) in [(b'k', 0), (b'q', 1)] {
            let mut found = Vec::new();
            self.tx.each(Tree::State, &[kind], &mut |key, _| {
                found.push(key.to_vec());
                Ok(())
            })?;
            for key in found {
                let Some(user) = key.get(1..33).and_then(|user| UserId::try_from(user).ok()) else {
                    continue;
                };
                let id = key.get(33..).unwrap_or_default();
                if into == 0 {
                    self.mail.acks.entry(user).or_default().extend(ParcelId::try_from(id).ok());
                } else {
                    self.mail.awaited.entry(user).or_default().extend(EntryId::try_from(id).ok());
                }
            }
        }
        Ok(())
    }

    fn load_addressed(&self, kind: u8) -> Result<BTreeMap<UserId, BTreeMap<EntryId, Addressed>>, StoreError> {
        let mut found: BTreeMap<UserId, BTreeMap<EntryId, Addressed>> = BTreeMap::new();
        self.tx.each(Tree::State, &[kind], &mut |key, value| {
            let bad = |_| tx::damaged(Tree::State, key, "the record does not decode");
            let mut at = Reader::new(key);
            at.u8().map_err(bad)?;
            let (user, entry) = (at.value().map_err(bad)?, at.value().map_err(bad)?);
            let mut input = Reader::new(value);
            let addressed = Addressed {
                epoch: input.value().map_err(bad)?,
                seq: input.u64().map_err(bad)?,
                arose: Timestamp::from_millis(input.u64().map_err(bad)?),
            };
            found.entry(user).or_default().insert(entry, addressed);
            Ok(())
        })?;
        Ok(found)
    }

    fn keep_addressed(&mut self, kind: u8, user: &UserId, entry: &EntryId, addressed: Addressed) {
        let value = [
            &addressed.epoch.as_bytes()[..],
            &addressed.seq.to_be_bytes(),
            &addressed.arose.as_millis().to_be_bytes(),
        ]
        .concat();
        self.tx.put(Tree::State, &tx::key(&[&[kind], user.as_bytes(), entry.as_bytes()]), value);
        // Who was granted or told is known for good before it leaves (docs/protocol.md 3.13).
        self.barrier_before_output = true;
        let lists = if kind == b'g' { &mut self.mail.grants } else { &mut self.mail.withdrawals };
        lists.entry(*user).or_default().insert(*entry, addressed);
    }

    /// Hands a newcomer the keys of single entries.
    pub(super) fn owe_grants(&mut self, user: &UserId, due: &[Written]) -> Said<()> {
        for entry in due {
            let known = self.mail.grants.get(user).is_some_and(|granted| granted.contains_key(&entry.entry));
            if !known {
                let addressed = Addressed { epoch: entry.epoch, seq: entry.seq, arose: self.now };
                self.keep_addressed(b'g', user, &entry.entry, addressed);
                self.owed_changed(user);
            }
        }
        Ok(())
    }

    /// Tells everybody who got the key of a moment that it is withdrawn; `in_epoch` says that the epoch's recipients
    /// learn it from the epoch.
    pub(super) fn owe_tombstone(&mut self, tombstone: &Tombstone, in_epoch: bool) -> Said<()> {
        let recipients = self.state.epochs.get(&tombstone.epoch).and_then(|record| record.own.as_ref());
        let recipients = recipients.map(|own| own.recipients.clone()).unwrap_or_default();
        let mut told = self.grantees(&tombstone.entry)?;
        if !in_epoch {
            told.extend(&recipients);
        }
        for user in told.iter().filter(|user| !in_epoch || !recipients.contains(user)) {
            if self.state.friends.contains_key(user) {
                let addressed = Addressed { epoch: tombstone.epoch, seq: tombstone.seq, arose: self.now };
                self.keep_addressed(b'w', user, &tombstone.entry, addressed);
                self.owed_changed(user);
            }
        }
        Ok(())
    }

    /// Who was granted an entry singly.
    pub(super) fn grantees(&self, id: &EntryId) -> Result<BTreeSet<UserId>, StoreError> {
        let grants = self.mail.grants.iter();
        Ok(grants.filter(|(_, entries)| entries.contains_key(id)).map(|(user, _)| *user).collect())
    }

    /// Everything a friend should have.
    fn wanted(&self, user: &UserId) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for epoch in self.state.epochs.values() {
            let Some(own) = epoch.own.as_ref().filter(|own| own.recipients.contains(user)) else { continue };
            let log = self.state.logs.get(&epoch.id);
            let is_empty = log.is_none_or(|log| log.intervals.is_empty());
            if !epoch.is_open() && is_empty {
                continue;
            }
            let (class, carriers) = (mail_class(epoch.class), carriers(epoch));
            let keys = Wanted { id: OwedId::epoch_keys(epoch.id), class, arose: own.minted, carriers };
            wanted.push(keys);
            if !epoch.is_open() {
                let last = log.and_then(|log| log.intervals.highest()).unwrap_or(0);
                let id = OwedId::epoch_closes(epoch.id, last);
                wanted.push(Wanted { id, class, arose: own.minted, carriers });
            }
        }
        let addressed = |list: &BTreeMap<UserId, BTreeMap<EntryId, Addressed>>, is_grant: bool| {
            let entries = list.get(user).into_iter().flatten();
            entries
                .filter_map(|(entry, at)| {
                    let epoch = self.state.epochs.get(&at.epoch)?;
                    let place = EntryRef { epoch: at.epoch, seq: at.seq, entry: *entry };
                    let id = if is_grant { OwedId::grant(place, 0) } else { OwedId::tombstone(place) };
                    Some(Wanted {
                        id,
                        class: mail_class(epoch.class),
                        arose: at.arose,
                        carriers: carriers(epoch),
                    })
                })
                .collect::<Vec<_>>()
        };
        wanted.extend(addressed(&self.mail.grants, true));
        wanted.extend(addressed(&self.mail.withdrawals, false));
        wanted
    }

    /// Hands a friend what is owed: directly if a session is up, else through couriers.
    pub(super) fn deliver_owed(&mut self, user: &UserId) -> Result<(), StoreError> {
        if !self.state.friends.contains_key(user) {
            return Ok(());
        }
        let conns: Vec<(ConnId, DeviceId, StreamId)> = self
            .net
            .conns
            .iter()
            .filter_map(|(conn, state)| {
                let (friend, device) = state.friend.filter(|(friend, _)| friend == user)?;
                let _ = friend;
                Some((*conn, device, state.mail.filter(|mail| self.is_mail(*mail))?))
            })
            .collect();
        if conns.is_empty() {
            return if self.online(user).is_none() { self.put_owed(user) } else { Ok(()) };
        }
        let wanted = self.wanted(user);
        for (conn, device, stream) in conns {
            let handed: BTreeSet<OwedId> = self
                .mail
                .handed
                .range((conn, ParcelId::from_bytes([0; 16]))..=(conn, ParcelId::from_bytes([0xff; 16])))
                .flat_map(|(_, ids)| ids.iter().copied())
                .collect();
            let owed = self.mail.owed.entry(device).or_default();
            let mut due = owed.due_directly(wanted.iter().copied());
            due.retain(|wanted| !handed.contains(&wanted.id));
            let mut items = self.items(&due);
            items.extend(self.ack_item(user));
            for parcel in pack(items, &mut self.entropy) {
                let ids = ids_of(&parcel);
                let Some(envelope) = self.seal_to(user, &device, &parcel) else { continue };
                self.note_parcel(&device, envelope.parcel_id, &ids);
                self.mail.handed.insert((conn, envelope.parcel_id), ids);
                self.order(Order::Send { stream, frame: Frame::Deliver(envelope).encode() });
            }
        }
        Ok(())
    }

    fn is_mail(&self, stream: StreamId) -> bool {
        matches!(self.net.streams.get(&stream), Some(Stream { spoken: Spoken::Mail, .. }))
    }

    fn ack_item(&self, user: &UserId) -> Option<Item> {
        self.mail.acks.get(user).filter(|acks| !acks.is_empty()).map(|acks| Item::Ack(acks.clone()))
    }

    /// Writes down what a parcel carries, before it leaves.
    fn note_parcel(&mut self, device: &DeviceId, parcel: ParcelId, ids: &BTreeSet<OwedId>) {
        let today = self.now.day();
        let owed = self.mail.owed.entry(*device).or_default();
        let (carried, forgotten) = owed.on_parcel(parcel, ids.iter().copied(), today);
        self.tx.put_record(Tree::Owed, &tx::key(&[device.as_bytes(), b"p", parcel.as_bytes()]), &carried);
        self.forget(device, forgotten);
    }

    fn forget(&mut self, device: &DeviceId, forgotten: Forgotten) {
        for id in forgotten.acknowledged {
            self.tx.remove(Tree::Owed, &tx::key(&[device.as_bytes(), b"a", &id.encode()]));
        }
        for id in forgotten.puts {
            self.tx.remove(Tree::Owed, &tx::key(&[device.as_bytes(), b"u", &id.encode()]));
        }
        for parcel in forgotten.parcels {
            self.tx.remove(Tree::Owed, &tx::key(&[device.as_bytes(), b"p", parcel.as_bytes()]));
        }
    }

    /// What is owed, as parcel items.
    fn items(&self, due: &[Wanted]) -> Vec<Item> {
        let mut items = Vec::new();
        let mut closes = BTreeMap::new();
        let mut grants: BTreeMap<EpochId, BTreeMap<(u64, EntryId), crate::crypto::ContentKey>> =
            BTreeMap::new();
        let mut tombstones = BTreeSet::new();
        for wanted in due {
            let place = wanted.id.place();
            let Some(epoch) = self.state.epochs.get(wanted.id.epoch()) else { continue };
            match wanted.id.kind() {
                mail::OwedKind::EpochKeys => items.extend(epoch_keys(epoch)),
                mail::OwedKind::EpochCloses => {
                    let log = self.state.logs.get(&epoch.id).cloned().unwrap_or_default();
                    closes.insert(epoch.id, ClosedEpoch { last_seq: place.seq, sum: *log.sum.as_bytes() });
                }
                mail::OwedKind::Grant => {
                    if let Some(key) = self.key_of(&place) {
                        grants.entry(epoch.id).or_default().insert((place.seq, place.entry), key);
                    }
                }
                mail::OwedKind::Tombstone => {
                    tombstones.insert(place);
                }
                // Not owed by this release.
                mail::OwedKind::Hide | mail::OwedKind::Recall => {}
            }
        }
        if !closes.is_empty() {
            let device = self.keyring.device_id();
            items.push(Item::EpochCloses(EpochCloses { cause: Cause::Done, device, epochs: closes }));
        }
        for (epoch, keys) in grants {
            if let Some(record) = self.state.epochs.get(&epoch) {
                items.push(Item::Grants(Grants {
                    epoch_pub: record.public,
                    es_commit: record.es_commit,
                    claim: record.claim,
                    keys,
                }));
            }
        }
        if !tombstones.is_empty() {
            items.push(Item::Tombstones(tombstones));
        }
        items
    }

    fn key_of(&self, place: &EntryRef) -> Option<crate::crypto::ContentKey> {
        let entry = self.kept(&place.entry).ok().flatten()?;
        self.content_key(entry.header()).ok().flatten()
    }

    fn seal_to(&mut self, user: &UserId, device: &DeviceId, items: &[Item]) -> Option<Envelope> {
        let friend = self.state.friends.get(user)?;
        let record = friend.devices.get(device).filter(|record| live_device(&friend.identity, record))?;
        let (me, our_device) = (self.keyring.user(), self.keyring.device_id());
        let letter = Letter {
            items,
            identity: &self.state.me.identity,
            device: &self.state.me.device,
            from_root: &me,
            to_root: user,
            from_device: &our_device,
            to_device: device,
            pair_key: &friend.pair_key,
            psk_gen: friend.psk_gen,
            seal_from: self.keyring.seal(),
            seal_to: &record.seal(),
            expires_day: self.now.day().plus(PARCEL_LIFE_DAYS),
        };
        seal(&letter, &mut self.entropy)
            .inspect_err(|error| tracing::warn!(%error, to = %user.short(), "a parcel could not be sealed"))
            .ok()
    }

    /// Leaves what a friend who is away has to get with those who will meet them.
    fn put_owed(&mut self, user: &UserId) -> Result<(), StoreError> {
        let candidates: BTreeMap<UserId, (ConnId, StreamId)> = self
            .net
            .conns
            .iter()
            .filter_map(|(conn, state)| {
                let (friend, _) = state.friend.filter(|(friend, _)| friend != user)?;
                let meets = self.meets(*conn, user);
                let stream = state.mail.filter(|mail| self.is_mail(*mail))?;
                meets.then_some((friend, (*conn, stream)))
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
            let mut due =
                self.mail.owed.entry(device).or_default().due_by_courier(wanted.iter().copied(), today);
            due.retain(|wanted| !under_way.contains(&wanted.id));
            let mut groups: BTreeMap<Carriers, Vec<Wanted>> = BTreeMap::new();
            for wanted in due {
                groups.entry(wanted.carriers).or_default().push(wanted);
            }
            let acks = self.ack_item(user).filter(|_| !groups.contains_key(&Carriers::Any));
            if acks.is_some() {
                groups.insert(Carriers::Any, Vec::new());
            }
            for (carriers, due) in groups {
                self.put_group(user, &device, carriers, &due, &candidates);
            }
        }
        Ok(())
    }

    fn put_group(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        carriers: Carriers,
        due: &[Wanted],
        candidates: &BTreeMap<UserId, (ConnId, StreamId)>,
    ) {
        let friends: BTreeSet<UserId> = candidates.keys().copied().collect();
        let epochs = &self.state.epochs;
        let may_read = |friend: &UserId, epoch: &EpochId| {
            let own = epochs.get(epoch).and_then(|record| record.own.as_ref());
            own.is_some_and(|own| own.recipients.contains(friend))
        };
        let chosen = choose_couriers(&friends, &[carriers], &BTreeSet::new(), may_read, &mut self.entropy);
        if chosen.is_empty() {
            return;
        }
        let mut items = self.items(due);
        if carriers == Carriers::Any {
            items.extend(self.ack_item(user));
            // Acks are not acknowledged: once a courier has them they have left.
            self.drop_acks(user);
        }
        for parcel in pack(items, &mut self.entropy) {
            let ids = ids_of(&parcel);
            let Some(envelope) = self.seal_to(user, device, &parcel) else { continue };
            self.note_parcel(device, envelope.parcel_id, &ids);
            for courier in &chosen {
                let Some((conn, stream)) = candidates.get(courier).copied() else { continue };
                let put = PutUnderWay { device: *device, owner: *user, ids: ids.clone() };
                self.mail.putting.entry(conn).or_default().push_back(put);
                self.order(Order::Send { stream, frame: Frame::Put(envelope.clone()).encode() });
            }
        }
    }

    /// Whether the friend at the other end of a connection will meet somebody: an open `~contact` of theirs matched.
    fn meets(&self, conn: ConnId, user: &UserId) -> bool {
        let Some(state) = self.net.conns.get(&conn).filter(|state| state.mutual.contains(user)) else {
            return false;
        };
        let Some(stream) = state.sync else { return false };
        let Some(Stream { spoken: Spoken::Sync(session), .. }) = self.net.streams.get(&stream) else {
            return false;
        };
        let contacts =
            self.state.epochs.values().filter(|epoch| epoch.author == *user && epoch.class == Class::Contact);
        contacts.filter(|epoch| epoch.is_open()).any(|epoch| session.is_matched(&epoch.id))
    }

    /// A friend's session is up: what is held for them goes first, then what was granted and has not come is asked.
    pub(super) fn on_peer_accepted(&mut self, conn: ConnId, user: &UserId) -> Result<(), StoreError> {
        let early = self.net.conns.get_mut(&conn).map(|state| std::mem::take(&mut state.early_mail));
        let mail = self.net.conns.get(&conn).and_then(|state| state.mail);
        if let Some(stream) = mail {
            for frame in early.unwrap_or_default() {
                self.on_mail_frame(conn, stream, &frame)?;
            }
        }
        self.deliver_held(conn, user)
    }

    /// The mail stream is open.
    pub(super) fn on_mail_opened(&mut self, conn: ConnId) -> Result<(), StoreError> {
        let friend = self.net.conns.get(&conn).and_then(|state| state.friend);
        if let Some((user, _)) = friend {
            self.owed_changed(&user);
            self.deliver_held(conn, &user)?;
        }
        Ok(())
    }

    fn deliver_held(&mut self, conn: ConnId, user: &UserId) -> Result<(), StoreError> {
        let Some(stream) =
            self.net.conns.get(&conn).and_then(|state| state.mail).filter(|m| self.is_mail(*m))
        else {
            return Ok(());
        };
        let held: Vec<HeldId> = self.mail.courier.for_recipient(user).collect();
        for id in held {
            if let Some(bytes) = self.tx.get(Tree::Mail, &id.encode())? {
                let envelope: Envelope = tx::decode(Tree::Mail, &id.encode(), &bytes)?;
                self.order(Order::Send { stream, frame: Frame::Deliver(envelope).encode() });
            }
        }
        Ok(())
    }

    /// What was granted by a friend and has not come yet.
    pub(super) fn awaited_from(&self, author: &UserId) -> Vec<EntryId> {
        self.mail.awaited.get(author).into_iter().flatten().copied().collect()
    }

    /// A frame of the mail protocol.
    pub(super) fn on_mail_frame(
        &mut self,
        conn: ConnId,
        stream: StreamId,
        frame: &[u8],
    ) -> Result<(), StoreError> {
        let Some(state) = self.net.conns.get_mut(&conn) else { return Ok(()) };
        let Some((peer, device)) = state.friend else {
            // The Hello that says whose this is may be on its way on the other stream.
            if state.early_mail.len() < MAIL_EARLY_LIMIT {
                state.early_mail.push(frame.to_vec());
            }
            return Ok(());
        };
        match Frame::decode(frame) {
            Ok(Some(Frame::Deliver(envelope))) => self.on_deliver(conn, stream, &peer, &envelope)?,
            Ok(Some(Frame::Put(envelope))) => self.on_put(stream, &peer, &envelope)?,
            Ok(Some(Frame::Kept)) => self.on_put_answer(conn, &peer, true),
            Ok(Some(Frame::Full)) => self.on_put_answer(conn, &peer, false),
            Ok(Some(Frame::Taken(parcel))) => self.on_taken(conn, &peer, &device, &parcel)?,
            Ok(None) => {}
            Err(error) => {
                tracing::debug!(conn = conn.0, %error, "a peer broke the mail protocol");
                self.order(Order::Hangup { conn });
            }
        }
        Ok(())
    }

    fn on_put(&mut self, stream: StreamId, peer: &UserId, envelope: &Envelope) -> Result<(), StoreError> {
        let is_known = self.state.friends.contains_key(&envelope.to_root) && envelope.to_root != *peer;
        let answer = match self.mail.courier.on_put(peer, envelope, is_known, self.now.day()) {
            PutAnswer::Keep { id, held } => {
                self.tx.put(Tree::Mail, &id.encode(), envelope.encode());
                self.tx.put_record(Tree::MailIndex, &id.encode(), &held);
                // What I promise to carry survives a power cut.
                self.barrier_before_output = true;
                Frame::Kept
            }
            PutAnswer::KeptBefore => Frame::Kept,
            PutAnswer::Full(_) => Frame::Full,
        };
        let kept = answer == Frame::Kept;
        self.order(Order::Send { stream, frame: answer.encode() });
        if kept {
            let to = envelope.to_root;
            let conns: Vec<ConnId> = self
                .net
                .conns
                .iter()
                .filter(|(_, state)| state.friend.is_some_and(|(friend, _)| friend == to))
                .map(|(conn, _)| *conn)
                .collect();
            for conn in conns {
                self.deliver_held(conn, &to)?;
            }
        }
        Ok(())
    }

    fn on_put_answer(&mut self, conn: ConnId, courier: &UserId, kept: bool) {
        let Some(put) = self.mail.putting.get_mut(&conn).and_then(VecDeque::pop_front) else { return };
        if !kept {
            return;
        }
        let today = self.now.day();
        let changed = self.mail.owed.entry(put.device).or_default().on_put(put.ids.iter().copied(), today);
        for (id, puts) in changed {
            self.tx.put_record(Tree::Owed, &tx::key(&[put.device.as_bytes(), b"u", &id.encode()]), &puts);
            self.mail.carried.entry((put.owner, *id.epoch())).or_default().insert(*courier);
        }
    }

    fn on_taken(
        &mut self,
        conn: ConnId,
        peer: &UserId,
        device: &DeviceId,
        parcel: &ParcelId,
    ) -> Result<(), StoreError> {
        for id in self.mail.courier.on_taken(peer, parcel) {
            self.tx.remove(Tree::Mail, &id.encode());
            self.tx.remove(Tree::MailIndex, &id.encode());
        }
        let handed = self.mail.handed.remove(&(conn, *parcel));
        self.on_ack(device, parcel);
        // The keys are there now: the entries that go with granted ones follow unasked.
        let granted: Vec<EntryId> = handed
            .into_iter()
            .flatten()
            .filter(|id| id.kind() == mail::OwedKind::Grant)
            .map(|id| id.place().entry)
            .collect();
        if let Some(stream) =
            self.net.conns.get(&conn).and_then(|state| state.sync).filter(|_| !granted.is_empty())
        {
            if let Some(session) = self.session_mut(stream) {
                session.grant(granted);
            }
            self.pump(stream)?;
        }
        Ok(())
    }

    fn on_ack(&mut self, device: &DeviceId, parcel: &ParcelId) {
        let (new, forgotten) = self.mail.owed.entry(*device).or_default().on_ack(parcel);
        for id in new {
            self.tx.put(Tree::Owed, &tx::key(&[device.as_bytes(), b"a", &id.encode()]), Vec::new());
        }
        self.forget(device, forgotten);
    }

    /// A parcel for me, from its sender or from a courier.
    fn on_deliver(
        &mut self,
        conn: ConnId,
        stream: StreamId,
        peer: &UserId,
        envelope: &Envelope,
    ) -> Result<(), StoreError> {
        if envelope.to_root != self.me() {
            return Ok(());
        }
        let sender =
            self.state.friends.values().find(|friend| envelope.is_from(&friend.pair_key)).map(|f| f.user);
        let received = sender.and_then(|sender| self.open_parcel(&sender, envelope));
        let brought_keys = match (&received, sender) {
            (Some(received), _) => self.take_items(received)?,
            (None, Some(sender)) => {
                self.answer_unopened(&sender);
                false
            }
            (None, None) => false,
        };
        // Only behind the barrier of this step: the effects are on the disk.
        self.barrier_before_output = true;
        self.order(Order::Send { stream, frame: Frame::Taken(envelope.parcel_id).encode() });
        if let Some(sender) = sender.filter(|sender| sender != peer && received.is_some()) {
            self.owe_ack(&sender, envelope.parcel_id);
            if brought_keys {
                self.courier_round(conn)?;
            }
        }
        Ok(())
    }

    fn open_parcel(&mut self, sender: &UserId, envelope: &Envelope) -> Option<Received> {
        let friend = self.state.friends.get(sender)?;
        let me = self.keyring.user();
        let keys = OpenKeys {
            from_root: sender,
            to_root: &me,
            pair_key: &friend.pair_key,
            psk_gen: friend.psk_gen,
            seal_to: self.keyring.seal_for(&envelope.seal_id)?,
        };
        let opened = mail::open(envelope, &keys, self.now.day())
            .inspect_err(|error| tracing::debug!(%error, from = %sender.short(), "a parcel does not open"))
            .ok()?;
        // The carried records first: they may name a new device, or revoke one.
        self.on_identity(*sender, &opened.identity);
        let record = DeviceRecord::open(&opened.device).ok()?;
        self.on_device(*sender, &opened.device);
        let friend = self.state.friends.get(sender)?;
        let newest = friend.devices.get(&record.device())?;
        if !live_device(&friend.identity, &record) || !is_record_recent(record.seq(), newest.seq()) {
            return None;
        }
        let to_device = self.keyring.device_id();
        opened.unproven.check_device(&record.device(), &record.seal(), &to_device).ok()
    }

    /// Somebody seals to a key I no longer hold: my records tell them the new one.
    fn answer_unopened(&mut self, sender: &UserId) {
        let today = self.now.day();
        if self.mail.answered.insert(*sender, today) != Some(today) {
            self.mail.acks.entry(*sender).or_default();
            self.owed_changed(sender);
        }
    }

    fn owe_ack(&mut self, sender: &UserId, parcel: ParcelId) {
        self.mail.acks.entry(*sender).or_default().insert(parcel);
        self.tx.put(Tree::State, &tx::key(&[b"k", sender.as_bytes(), parcel.as_bytes()]), Vec::new());
        self.owed_changed(sender);
    }

    fn drop_acks(&mut self, user: &UserId) {
        for parcel in self.mail.acks.remove(user).unwrap_or_default() {
            self.tx.remove(Tree::State, &tx::key(&[b"k", user.as_bytes(), parcel.as_bytes()]));
        }
    }

    /// What a parcel says. True if it brought keys of an epoch that was not known.
    fn take_items(&mut self, received: &Received) -> Result<bool, StoreError> {
        let sender = received.from_root;
        let mut brought_keys = false;
        for item in &received.items {
            match item {
                Item::EpochKeys(keys) => {
                    if let Ok(keys) = VerifiedEpochKeys::check(keys.clone(), &sender) {
                        brought_keys |= self.take_epoch(&keys, &received.from_device);
                    }
                }
                Item::Grants(grants) => {
                    if let Ok(grants) = VerifiedGrants::check(grants.clone(), &sender) {
                        self.take_grants(&grants, &received.from_device)?;
                    }
                }
                Item::EpochCloses(closes) => self.take_closes(closes, &received.from_device),
                Item::Tombstones(places) => {
                    for place in places {
                        let author = self.state.epochs.get(&place.epoch).map(|record| record.author);
                        if author == Some(sender) {
                            let EntryRef { epoch, seq, entry } = *place;
                            self.apply_tombstone(&Tombstone { epoch, seq, entry })?;
                        }
                    }
                }
                Item::Ack(parcels) => {
                    for parcel in parcels {
                        self.on_ack(&received.from_device, parcel);
                    }
                }
                // Kept for the releases that act on them: nothing of them is promised by this one.
                _ => {}
            }
        }
        Ok(brought_keys)
    }

    fn take_epoch(&mut self, verified: &VerifiedEpochKeys, device: &DeviceId) -> bool {
        let (id, author, keys) = (*verified.epoch(), *verified.author(), verified.keys());
        if let Some(known) = self.state.epochs.get_mut(&id) {
            // Single entries of it were granted before; a closed one stays closed.
            if known.author == author && known.secret.is_none() {
                known.secret = Some(keys.secret.clone());
                known.class = class_of(keys.class);
                self.save_epoch(&id);
                self.net.scopes_changed = true;
                return true;
            }
            return false;
        }
        let open =
            self.state.epochs.values().filter(|epoch| epoch.author == author && epoch.is_open()).count();
        if open >= OPEN_EPOCH_LIMIT {
            tracing::debug!(author = %author.short(), "too many open epochs of one author");
            return false;
        }
        let record = EpochRecord {
            id,
            public: keys.epoch_pub,
            secret: Some(keys.secret.clone()),
            es_commit: keys::es_commit(&keys.secret),
            claim: keys.claim,
            author,
            device: *device,
            class: class_of(keys.class),
            author_only: keys.relay == Relay::AuthorOnly,
            opened: keys.opened_day,
            closed: None,
            own: None,
        };
        self.insert_epoch(record);
        true
    }

    fn insert_epoch(&mut self, record: EpochRecord) {
        let id = record.id;
        self.state.epochs.insert(id, record);
        self.state.logs.entry(id).or_insert_with(LogState::default);
        self.save_epoch(&id);
        self.save_log(&id);
        self.net.scopes_changed = true;
    }

    fn take_grants(&mut self, verified: &VerifiedGrants, device: &DeviceId) -> Result<(), StoreError> {
        let (id, author) = (*verified.epoch(), *verified.author());
        match self.state.epochs.get(&id) {
            Some(known) if known.author != author => return Ok(()),
            Some(_) => {}
            None => self.insert_epoch(EpochRecord {
                id,
                public: *verified.epoch_pub(),
                secret: None,
                es_commit: *verified.es_commit(),
                claim: *verified.claim(),
                author,
                device: *device,
                class: Class::Posts,
                author_only: true,
                opened: self.now.day(),
                closed: Some(self.now.day()),
                own: None,
            }),
        }
        for ((_, entry), key) in verified.keys() {
            self.tx.put(Tree::Keys, entry.as_bytes(), key.expose_bytes().to_vec());
            if self.kept(entry)?.is_none() {
                self.mail.awaited.entry(author).or_default().insert(*entry);
                self.tx.put(Tree::State, &tx::key(&[b"q", author.as_bytes(), entry.as_bytes()]), Vec::new());
            }
        }
        Ok(())
    }

    /// A granted entry has come.
    pub(super) fn not_awaited(&mut self, author: &UserId, entry: &EntryId) {
        if self.mail.awaited.get_mut(author).is_some_and(|awaited| awaited.remove(entry)) {
            self.tx.remove(Tree::State, &tx::key(&[b"q", author.as_bytes(), entry.as_bytes()]));
        }
    }

    fn take_closes(&mut self, closes: &EpochCloses, device: &DeviceId) {
        let today = self.now.day();
        for id in closes.epochs.keys() {
            let Some(record) = self.state.epochs.get_mut(id) else { continue };
            let by_its_own =
                closes.cause == Cause::Done && record.device == *device && closes.device == *device;
            if by_its_own && record.own.is_none() && record.closed.is_none() {
                record.closed = Some(today);
                self.save_epoch(id);
                self.net.scopes_changed = true;
            }
        }
    }

    /// Nothing more is owed to somebody, nothing of theirs is carried.
    pub(super) fn forget_owed(&mut self, user: &UserId) -> Result<(), StoreError> {
        for id in self.mail.courier.on_unfriended(user) {
            self.tx.remove(Tree::Mail, &id.encode());
            self.tx.remove(Tree::MailIndex, &id.encode());
        }
        for kind in *b"gwkq" {
            for (key, _) in self.tx.prefix(Tree::State, &tx::key(&[&[kind], user.as_bytes()]), usize::MAX)? {
                self.tx.remove(Tree::State, &key);
            }
        }
        self.mail.grants.remove(user);
        self.mail.withdrawals.remove(user);
        self.mail.acks.remove(user);
        self.mail.awaited.remove(user);
        self.mail.carried.retain(|(owner, _), _| owner != user);
        Ok(())
    }

    /// A connection is gone: what was handed over on it and not taken is owed as before.
    pub(super) fn mail_disconnected(&mut self, conn: ConnId) {
        self.mail.putting.remove(&conn);
        self.mail.handed.retain(|(with, _), _| *with != conn);
    }

    /// Once in a while: old parcels go, what is due again with couriers is put.
    pub(super) fn maintain_mail(&mut self) -> Result<(), StoreError> {
        let today = self.now.day();
        for id in self.mail.courier.on_day(today) {
            self.tx.remove(Tree::Mail, &id.encode());
            self.tx.remove(Tree::MailIndex, &id.encode());
        }
        let friends: Vec<UserId> = self.state.friends.keys().copied().collect();
        for user in friends {
            if self.online(&user).is_none() {
                self.put_owed(&user)?;
            }
        }
        Ok(())
    }

    /// Who carries the keys of an epoch to somebody.
    pub(super) fn couriers_for(&self, user: &UserId, epoch: &EpochId) -> Result<Vec<UserId>, StoreError> {
        Ok(self.mail.carried.get(&(*user, *epoch)).into_iter().flatten().copied().collect())
    }

    /// The node's state, for a person.
    ///
    /// # Errors
    /// Failed if the store cannot be read.
    pub fn status(&mut self) -> Said<view::Status> {
        let peers = self
            .net
            .conns
            .values()
            .filter_map(|conn| Some((conn.friend?.0, conn.path, conn.since)))
            .map(|(user, path, since)| view::Peer { friend: self.person(&user), path, since })
            .collect();
        let stats = self.tx.store().stats()?;
        let disk = view::Disk {
            store_bytes: stats.disk_bytes,
            blob_bytes: 0,
            free_bytes: stats.free_bytes.unwrap_or(0),
        };
        let mut waiting = Vec::new();
        for friend in self.state.friends.values() {
            let wanted = self.wanted(&friend.user);
            let parcels = friend
                .live_devices()
                .map(|record| {
                    let owed = self.mail.owed.get(&record.device());
                    wanted.iter().filter(|wanted| !owed.is_some_and(|owed| owed.has(&wanted.id))).count()
                })
                .max()
                .unwrap_or(0);
            let moments = self.moments_waiting_for(&friend.user)?;
            if parcels > 0 || moments > 0 {
                waiting.push(view::Waiting { friend: self.person(&friend.user), parcels, moments });
            }
        }
        Ok(view::Status { listen: Vec::new(), peers, waiting, disk })
    }

    /// Of my newest moments, those somebody may read and has not announced.
    fn moments_waiting_for(&self, user: &UserId) -> Result<usize, StoreError> {
        let mut waiting = 0usize;
        for id in self.newest_own(WAITING_LOOK_LIMIT)? {
            if self.is_reader(user, &id)? && !self.holders(&id)?.contains(user) {
                waiting = waiting.saturating_add(1);
            }
        }
        Ok(waiting)
    }
}

fn carriers(epoch: &EpochRecord) -> Carriers {
    match epoch.class {
        _ if epoch.author_only => Carriers::AuthorOnly,
        Class::Posts => Carriers::Recipients(epoch.id),
        Class::Contact | Class::SelfDevices => Carriers::Any,
    }
}

const fn mail_class(class: Class) -> mail::Class {
    match class {
        Class::Contact => mail::Class::Contact,
        Class::Posts => mail::Class::Posts,
        Class::SelfDevices => mail::Class::SelfDevices,
    }
}

const fn class_of(class: mail::Class) -> Class {
    match class {
        mail::Class::Contact => Class::Contact,
        mail::Class::Posts => Class::Posts,
        mail::Class::SelfDevices => Class::SelfDevices,
    }
}

fn epoch_keys(epoch: &EpochRecord) -> Option<Item> {
    Some(Item::EpochKeys(EpochKeys {
        epoch_pub: epoch.public,
        secret: epoch.secret.clone()?,
        claim: epoch.claim,
        opened_day: epoch.opened,
        class: mail_class(epoch.class),
        relay: if epoch.author_only { Relay::AuthorOnly } else { Relay::Members },
    }))
}

/// What the items of one parcel settle, once it is acknowledged.
fn ids_of(items: &[Item]) -> BTreeSet<OwedId> {
    let mut ids = BTreeSet::new();
    for item in items {
        match item {
            Item::EpochKeys(keys) => {
                ids.insert(OwedId::epoch_keys(keys::epoch_id(keys.epoch_pub.as_bytes())));
            }
            Item::EpochCloses(closes) => {
                ids.extend(
                    closes.epochs.iter().map(|(id, closed)| OwedId::epoch_closes(*id, closed.last_seq)),
                );
            }
            Item::Grants(grants) => {
                let epoch = keys::epoch_id(grants.epoch_pub.as_bytes());
                ids.extend(
                    grants
                        .keys
                        .keys()
                        .map(|(seq, entry)| OwedId::grant(EntryRef { epoch, seq: *seq, entry: *entry }, 0)),
                );
            }
            Item::Tombstones(places) => ids.extend(places.iter().copied().map(OwedId::tombstone)),
            _ => {}
        }
    }
    ids
}

/// The claim of an epoch that was just minted.
pub(super) fn claim(key: &crate::crypto::SigningKey, author: &UserId, es_commit: &[u8; 32]) -> Signature {
    mail::sign_claim(key, author, es_commit)
}
