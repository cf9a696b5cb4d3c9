//! Keys and withdrawals on their way to people: handed over when we meet, left with mutual friends when we do not.
//!
//! What a device still has to get is computed, not queued: the keys of every epoch its owner is a recipient of, the
//! grants, closes and withdrawals addressed to them, less what the device has acknowledged. So nothing is lost that a
//! crash, a full courier or two months' absence took away. The same room holds parcels of others, within budgets.
//!
//! ```text
//!  Tree::Owed       device ‖ 'a' ‖ owed id      acknowledged
//!                   device ‖ 'u' ‖ owed id      Puts: when it was left with couriers
//!                   device ‖ 'c' ‖ owed id ‖ courier 32    who keeps it for them
//!                   device ‖ 'p' ‖ parcel 16    Carried: what a parcel carried, until its Ack
//!  Tree::Mail       parcel 16 ‖ digest 16       an envelope held for somebody else
//!  Tree::MailIndex  parcel 16 ‖ digest 16       Held
//!  Tree::State      'g' ‖ user ‖ entry          a grant: epoch ‖ seq ‖ arose
//!                   'w' ‖ user ‖ entry          a withdrawal: likewise
//!                   'y' ‖ author ‖ entry        a receipt: likewise
//!                   'k' ‖ user ‖ parcel         an Ack that user waits for
//!                   'q' ‖ author ‖ entry        granted to me and not here yet: epoch
//!                   'x' ‖ post ‖ hide tag       hidden beneath my post (`hides`)
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
use crate::identity::{DeviceKind, live_device};
use crate::limits::{EMPTY_CLOSE_DAYS, MAIL_EARLY_LIMIT, PARCEL_LIFE_DAYS};
use crate::link::{ConnId, Order, StreamId};
use crate::mail::{
    self, Carried, Carriers, Cause, ClosedEpoch, Courier, EntryRef, Envelope, EpochCloses, EpochKeys,
    Forgotten, Frame, Grants, HeldId, IntroductionStep, Item, Letter, Owed, OwedId, Puts, Relay, Wanted,
    pack, seal,
};
use crate::moment::{Class, Tombstone};
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::wire::{Encode, Reader};

/// A key or withdrawal addressed to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Addressed {
    pub(super) epoch: EpochId,
    pub(super) seq: u64,
    pub(super) arose: Timestamp,
}

impl Addressed {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (seq, arose) = (self.seq.to_be_bytes(), self.arose.as_millis().to_be_bytes());
        [&self.epoch.as_bytes()[..], &seq, &arose].concat()
    }
}

/// A parcel left with a courier, whose answer is awaited.
#[derive(Debug, Clone)]
pub(super) struct PutUnderWay {
    /// The parcel, if an Ack for it is awaited.
    pub(super) parcel: Option<ParcelId>,
    pub(super) device: DeviceId,
    pub(super) owner: UserId,
    pub(super) ids: BTreeSet<OwedId>,
    /// Acks in it, which have left once it is kept.
    pub(super) acks: BTreeSet<ParcelId>,
}

/// A parcel handed over and not taken yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Handed {
    pub(super) ids: BTreeSet<OwedId>,
    pub(super) acks: BTreeSet<ParcelId>,
}

/// Everything about parcels.
#[derive(Debug, Default)]
pub(super) struct MailRoom {
    pub(super) courier: Courier,
    pub(super) owed: BTreeMap<DeviceId, Owed>,
    pub(super) grants: BTreeMap<UserId, BTreeMap<EntryId, Addressed>>,
    pub(super) withdrawals: BTreeMap<UserId, BTreeMap<EntryId, Addressed>>,
    /// What is gone here and its author is to be told.
    pub(super) receipts: BTreeMap<UserId, BTreeMap<EntryId, Addressed>>,
    /// Parcels whose sender waits for an Ack, and the courier who brought each.
    pub(super) acks: BTreeMap<UserId, BTreeMap<ParcelId, UserId>>,
    /// Entries granted to me and not here yet, and the epoch each was granted in.
    pub(super) awaited: BTreeMap<UserId, BTreeMap<EntryId, EpochId>>,
    /// Puts whose answer has not come, oldest first.
    pub(super) putting: BTreeMap<ConnId, VecDeque<PutUnderWay>>,
    /// Handed over on a connection and not taken yet.
    pub(super) handed: BTreeMap<(ConnId, ParcelId), Handed>,
    /// Parcels of others handed over on a connection.
    pub(super) brought: BTreeSet<(ConnId, HeldId)>,
    /// Who carries what to whom.
    pub(super) carried: BTreeMap<UserId, BTreeMap<OwedId, BTreeSet<UserId>>>,
    /// Friends whose parcel did not open and who were answered on that day.
    pub(super) answered: BTreeMap<UserId, crate::time::Day>,
    /// Friends who get an empty parcel, which carries my records, and by whom: themselves, or the courier whose parcel
    /// did not open. Nobody else learns of it.
    pub(super) hollow: BTreeMap<UserId, UserId>,
    /// Couriers who said that there is no room: how often on this connection, and when last.
    pub(super) full: BTreeMap<ConnId, (u8, Timestamp)>,
    /// Parcels that no courier has taken yet, and the device each is for.
    pub(super) unkept: BTreeMap<ParcelId, DeviceId>,
    /// When everything that is owed to friends who are away is looked at next.
    pub(super) look: Option<Timestamp>,
}

/// Acknowledgements, puts and parcels of one device, as read from the store.
type StoredOwed = (Vec<OwedId>, Vec<(OwedId, Puts)>, Vec<(ParcelId, Carried)>);

impl Service {
    /// Reads at start what is owed and held.
    pub(super) fn load_mail(&mut self) -> Result<(), StoreError> {
        let mut owed: BTreeMap<DeviceId, StoredOwed> = BTreeMap::new();
        let mut carried: Vec<(DeviceId, OwedId, UserId)> = Vec::new();
        self.tx.each(Tree::Owed, &[], &mut |key, value| {
            let bad = |_| tx::damaged(Tree::Owed, key, "the key is not one of ours");
            let mut at = Reader::new(key);
            let device: DeviceId = at.value().map_err(bad)?;
            let (acknowledged, puts, parcels) = owed.entry(device).or_default();
            match at.u8().map_err(bad)? {
                b'a' => acknowledged.push(at.value().map_err(bad)?),
                b'u' => puts.push((at.value().map_err(bad)?, tx::decode(Tree::Owed, key, value)?)),
                b'c' => carried.push((device, at.value().map_err(bad)?, at.value().map_err(bad)?)),
                _ => parcels.push((at.value().map_err(bad)?, tx::decode(Tree::Owed, key, value)?)),
            }
            Ok(())
        })?;
        self.mail.owed =
            owed.into_iter().map(|(device, (a, u, p))| (device, Owed::restore(a, u, p))).collect();
        self.mail.carried.clear();
        for (device, id, courier) in carried {
            if let Some(owner) = self.owner_of(&device) {
                self.mail.carried.entry(owner).or_default().entry(id).or_default().insert(courier);
            }
        }
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
        self.mail.receipts = self.load_addressed(b'y')?;
        self.mail.acks.clear();
        self.mail.awaited.clear();
        for (kind, into) in [(b'k', 0), (b'q', 1)] {
            let mut found = Vec::new();
            self.tx.each(Tree::State, &[kind], &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                Ok(())
            })?;
            for (key, value) in found {
                let Some(user) = key.get(1..33).and_then(|user| UserId::try_from(user).ok()) else {
                    continue;
                };
                let id = key.get(33..).unwrap_or_default();
                if into == 0 {
                    let courier = UserId::try_from(value.as_slice()).unwrap_or(user);
                    let parcel = ParcelId::try_from(id).ok().map(|parcel| (parcel, courier));
                    self.mail.acks.entry(user).or_default().extend(parcel);
                } else {
                    let epoch = EpochId::try_from(value.as_slice()).ok();
                    let entry = EntryId::try_from(id).ok().zip(epoch);
                    self.mail.awaited.entry(user).or_default().extend(entry);
                }
            }
        }
        Ok(())
    }

    pub(super) fn load_addressed(
        &self,
        kind: u8,
    ) -> Result<BTreeMap<UserId, BTreeMap<EntryId, Addressed>>, StoreError> {
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

    pub(super) fn keep_addressed(&mut self, kind: u8, user: &UserId, entry: &EntryId, addressed: Addressed) {
        let key = tx::key(&[&[kind], user.as_bytes(), entry.as_bytes()]);
        self.tx.put(Tree::State, &key, addressed.encode());
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
                self.keep_withdrawal(tombstone, user);
            }
        }
        Ok(())
    }

    /// Somebody is to be told of a withdrawal, now or once they are a friend again.
    pub(super) fn keep_withdrawal(&mut self, tombstone: &Tombstone, user: &UserId) {
        let addressed = Addressed { epoch: tombstone.epoch, seq: tombstone.seq, arose: self.now };
        self.keep_addressed(b'w', user, &tombstone.entry, addressed);
        self.owed_changed(user);
    }

    /// Who was granted an entry singly.
    pub(super) fn grantees(&self, id: &EntryId) -> Result<BTreeSet<UserId>, StoreError> {
        let grants = self.mail.grants.iter();
        Ok(grants.filter(|(_, entries)| entries.contains_key(id)).map(|(user, _)| *user).collect())
    }

    /// Everything a friend should have.
    pub(super) fn wanted(&self, user: &UserId) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for epoch in self.state.epochs.values() {
            let Some(own) = epoch.own.as_ref().filter(|own| own.recipients.contains(user)) else { continue };
            let log = self.state.logs.get(&epoch.id);
            let is_empty = log.is_none_or(|log| log.intervals.is_empty());
            // Under one that was minted ahead nothing may ever be written; its end is told all the same, or it would count
            // among my open ones with whoever has its keys.
            let closed_for = epoch.closed.map_or(0, |day| self.now.day().since(day));
            if is_empty && closed_for > EMPTY_CLOSE_DAYS {
                continue;
            }
            // Who has left the rule hears nothing of its epochs, not even that they end (docs/protocol.md 3.6).
            if !self.is_member(user, own.audience) {
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
                    let id = if is_grant {
                        OwedId::grant(place, self.told_version(user, entry))
                    } else {
                        OwedId::tombstone(place)
                    };
                    Some(Wanted {
                        id,
                        class: mail_class(epoch.class),
                        arose: at.arose,
                        carriers: carriers(epoch),
                    })
                })
                .collect::<Vec<_>>()
        };
        let withdrawals = addressed(&self.mail.withdrawals, false);
        let withdrawn: BTreeSet<EntryId> = withdrawals.iter().map(|wanted| wanted.id.place().entry).collect();
        let grants = addressed(&self.mail.grants, true);
        wanted.extend(grants.into_iter().filter(|grant| {
            let entry = grant.id.place().entry;
            !withdrawn.contains(&entry) && !self.is_taken(user, &entry)
        }));
        wanted.extend(self.wanted_recalls(user));
        wanted.extend(withdrawals);
        wanted.extend(self.introductions_owed(user));
        wanted.extend(self.wanted_receipts(user));
        wanted.extend(self.wanted_hides(user));
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
                let (_, device) = state.friend.filter(|(friend, _)| friend == user)?;
                Some((*conn, device, state.mail.filter(|mail| self.is_mail(*mail))?))
            })
            .collect();
        if conns.is_empty() {
            return if self.online(user).is_none() { self.put_owed(user) } else { Ok(()) };
        }
        let wanted = self.wanted(user);
        for (conn, device, stream) in conns {
            let first = (conn, ParcelId::from_bytes([0; 16]));
            let last = (conn, ParcelId::from_bytes([0xff; 16]));
            let handed = self.mail.handed.range(first..=last).map(|(_, handed)| handed);
            let (ids, acks): (Vec<_>, Vec<_>) = handed.map(|handed| (&handed.ids, &handed.acks)).unzip();
            let handed: BTreeSet<OwedId> = ids.into_iter().flatten().copied().collect();
            let answered: BTreeSet<ParcelId> = acks.into_iter().flatten().copied().collect();
            let owed = self.mail.owed.entry(device).or_default();
            let mut due = owed.due_directly(wanted.iter().copied());
            due.retain(|wanted| !handed.contains(&wanted.id));
            let mut items = self.recall_items(user, &due);
            items.extend(self.items(&due));
            items.extend(self.ack_item(user, &answered));
            let mut parcels = pack(items, &mut self.entropy);
            if self.mail.hollow.remove(user).is_some() && parcels.is_empty() {
                // Nothing but my records, which every parcel carries.
                parcels.push(Vec::new());
            }
            for parcel in parcels {
                let (ids, acks) = (self.settles(user, &parcel), acks_of(&parcel));
                let Some(envelope) = self.seal_to(user, &device, &parcel) else { continue };
                self.note_parcel(&device, envelope.parcel_id, &ids);
                self.mail.handed.insert((conn, envelope.parcel_id), Handed { ids, acks });
                self.order(Order::Send { stream, frame: Frame::Deliver(envelope).encode() });
            }
        }
        Ok(())
    }

    pub(super) fn is_mail(&self, stream: StreamId) -> bool {
        matches!(self.net.streams.get(&stream), Some(Stream { spoken: Spoken::Mail, .. }))
    }

    fn ack_item(&self, user: &UserId, under_way: &BTreeSet<ParcelId>) -> Option<Item> {
        let acks = self.mail.acks.get(user)?.keys().filter(|parcel| !under_way.contains(parcel));
        let acks: BTreeSet<ParcelId> = acks.copied().collect();
        (!acks.is_empty()).then_some(Item::Ack(acks))
    }

    /// Writes down what a parcel carries, before it leaves.
    pub(super) fn note_parcel(&mut self, device: &DeviceId, parcel: ParcelId, ids: &BTreeSet<OwedId>) {
        let today = self.now.day();
        let owed = self.mail.owed.entry(*device).or_default();
        let (carried, forgotten) = owed.on_parcel(parcel, ids.iter().copied(), today);
        self.tx.put_record(Tree::Owed, &tx::key(&[device.as_bytes(), b"p", parcel.as_bytes()]), &carried);
        self.forget(device, forgotten);
    }

    pub(super) fn forget(&mut self, device: &DeviceId, forgotten: Forgotten) {
        for id in forgotten.acknowledged {
            self.tx.remove(Tree::Owed, &tx::key(&[device.as_bytes(), b"a", &id.encode()]));
        }
        for id in forgotten.puts {
            self.tx.remove(Tree::Owed, &tx::key(&[device.as_bytes(), b"u", &id.encode()]));
            self.forget_couriers(device, &id);
        }
        for parcel in forgotten.parcels {
            self.tx.remove(Tree::Owed, &tx::key(&[device.as_bytes(), b"p", parcel.as_bytes()]));
        }
    }

    /// Who took a thing is not remembered any more.
    pub(super) fn forget_couriers(&mut self, device: &DeviceId, id: &OwedId) {
        let owner = self.owner_of(device);
        let carried = owner.and_then(|owner| self.mail.carried.get_mut(&owner));
        for courier in carried.and_then(|carried| carried.remove(id)).into_iter().flatten() {
            let key = tx::key(&[device.as_bytes(), b"c", &id.encode(), courier.as_bytes()]);
            self.tx.remove(Tree::Owed, &key);
        }
    }

    /// What is owed, as parcel items.
    pub(super) fn items(&self, due: &[Wanted]) -> Vec<Item> {
        let mut items = Vec::new();
        let mut closes = BTreeMap::new();
        let mut grants: BTreeMap<EpochId, BTreeMap<(u64, EntryId), crate::crypto::ContentKey>> =
            BTreeMap::new();
        let (mut tombstones, mut receipts) = (BTreeSet::new(), BTreeSet::new());
        let mut hides: BTreeMap<EntryRef, BTreeSet<[u8; 16]>> = BTreeMap::new();
        for wanted in due {
            if wanted.id.kind() == mail::OwedKind::Introduction {
                items.extend(self.introduction_item(&wanted.id));
                continue;
            }
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
                mail::OwedKind::Receipt => {
                    receipts.insert(place);
                }
                mail::OwedKind::Hide => {
                    hides.entry(place).or_default().insert(*wanted.id.hide_tag());
                }
                // Made by `recall_items`, which knows for whom, and above.
                mail::OwedKind::Recall | mail::OwedKind::Introduction => {}
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
        if !receipts.is_empty() {
            items.push(Item::DeletionReceipt(receipts));
        }
        items.extend(hides.into_iter().map(|(post, tags)| Item::Hides(mail::Hides { post, tags })));
        items
    }

    pub(super) fn key_of(&self, place: &EntryRef) -> Option<crate::crypto::ContentKey> {
        let entry = self.kept(&place.entry).ok().flatten()?;
        self.content_key(entry.header()).ok().flatten()
    }

    pub(super) fn seal_to(&mut self, user: &UserId, device: &DeviceId, items: &[Item]) -> Option<Envelope> {
        let friend = self.state.friends.get(user)?;
        // Nobody seals to a home node that is blind.
        let listed = friend.identity.newest().device(device)?;
        let record = friend.devices.get(device).filter(|record| live_device(&friend.identity, record))?;
        if listed.kind != DeviceKind::Person {
            return None;
        }
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
            Ok(Some(Frame::Put(envelope))) => self.on_put(conn, stream, &peer, &envelope)?,
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

    pub(super) fn on_taken(
        &mut self,
        conn: ConnId,
        peer: &UserId,
        device: &DeviceId,
        parcel: &ParcelId,
    ) -> Result<(), StoreError> {
        for id in self.mail.courier.on_taken(peer, parcel) {
            self.tx.remove(Tree::Mail, &id.encode());
            self.tx.remove(Tree::MailIndex, &id.encode());
            self.mail.brought.retain(|(_, brought)| *brought != id);
        }
        let handed = self.mail.handed.remove(&(conn, *parcel)).unwrap_or_default();
        for parcel in &handed.acks {
            self.drop_ack(peer, parcel);
        }
        self.on_ack(device, parcel);
        // The keys are there now: the entries that go with granted ones follow unasked, and those that were given back.
        // Of what may not be read nothing is served.
        let granted: Vec<EntryId> = handed
            .ids
            .into_iter()
            .filter(|id| matches!(id.kind(), mail::OwedKind::Grant | mail::OwedKind::Recall))
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

    pub(super) fn on_ack(&mut self, device: &DeviceId, parcel: &ParcelId) {
        let (new, forgotten) = self.mail.owed.entry(*device).or_default().on_ack(parcel);
        for id in new {
            self.tx.put(Tree::Owed, &tx::key(&[device.as_bytes(), b"a", &id.encode()]), Vec::new());
            if id.kind() == mail::OwedKind::Receipt {
                self.receipt_taken(&id);
            }
        }
        self.forget(device, forgotten);
    }

    /// The friend whose device it is.
    fn owner_of(&self, device: &DeviceId) -> Option<UserId> {
        self.state.friends.values().find(|friend| friend.devices.contains_key(device)).map(|f| f.user)
    }

    /// Nothing more is handed to somebody, nothing of theirs is carried. What they were granted, what is withdrawn and
    /// what of theirs has not come is remembered: it counts again once they are a friend again.
    pub(super) fn forget_owed(&mut self, user: &UserId) -> Result<(), StoreError> {
        for id in self.mail.courier.on_unfriended(user) {
            self.tx.remove(Tree::Mail, &id.encode());
            self.tx.remove(Tree::MailIndex, &id.encode());
        }
        for kind in *b"ky" {
            for (key, _) in self.tx.prefix(Tree::State, &tx::key(&[&[kind], user.as_bytes()]), usize::MAX)? {
                self.tx.remove(Tree::State, &key);
            }
        }
        self.mail.receipts.remove(user);
        self.mail.acks.remove(user);
        self.mail.carried.remove(user);
        Ok(())
    }

    /// A connection or its mail stream is gone: what was handed over on it and not taken is owed as before. True if there
    /// was such a thing.
    pub(super) fn mail_disconnected(&mut self, conn: ConnId) -> bool {
        let under_way = self.mail.putting.remove(&conn).unwrap_or_default();
        if !under_way.is_empty() {
            // With whom it can be left instead is looked for with everything else.
            self.mail.look = None;
        }
        for put in &under_way {
            self.forget_unkept(put);
        }
        self.mail.full.remove(&conn);
        let was_handed = self.mail.handed.keys().any(|(with, _)| *with == conn);
        self.mail.handed.retain(|(with, _), _| *with != conn);
        self.mail.brought.retain(|(with, _)| *with != conn);
        was_handed
    }
}

pub(super) fn carriers(epoch: &EpochRecord) -> Carriers {
    match epoch.class {
        _ if epoch.author_only => Carriers::AuthorOnly,
        Class::Posts => Carriers::Recipients(epoch.id),
        Class::Contact | Class::SelfDevices => Carriers::Any,
    }
}

pub(super) const fn mail_class(class: Class) -> mail::Class {
    match class {
        Class::Contact => mail::Class::Contact,
        Class::Posts => mail::Class::Posts,
        Class::SelfDevices => mail::Class::SelfDevices,
    }
}

pub(super) const fn class_of(class: mail::Class) -> Class {
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
pub(super) fn ids_of(items: &[Item]) -> BTreeSet<OwedId> {
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
            Item::Introduction(offer) => {
                ids.insert(OwedId::introduction(&offer.id(), IntroductionStep::Offer, &offer.user));
            }
            Item::IntroductionAnswer(answer) => {
                ids.insert(OwedId::introduction(&answer.id, IntroductionStep::Answer, &answer.user));
            }
            Item::IntroductionRecords(sent) => {
                ids.insert(OwedId::introduction(&sent.id, IntroductionStep::Records, &sent.identity.user()));
            }
            Item::Recall(recall) => {
                ids.insert(OwedId::recall(recall.post, recall.version));
            }
            Item::DeletionReceipt(places) => ids.extend(places.iter().copied().map(OwedId::receipt)),
            Item::Hides(hides) => ids.extend(hides.tags.iter().map(|tag| OwedId::hide(hides.post, *tag))),
            _ => {}
        }
    }
    ids
}

/// The Acks in a parcel.
fn acks_of(items: &[Item]) -> BTreeSet<ParcelId> {
    let acks =
        items.iter().filter_map(|item| if let Item::Ack(parcels) = item { Some(parcels) } else { None });
    acks.flatten().copied().collect()
}

/// The claim of an epoch that was just minted.
pub(super) fn claim(key: &crate::crypto::SigningKey, author: &UserId, es_commit: &[u8; 32]) -> Signature {
    mail::sign_claim(key, author, es_commit)
}
