//! What a parcel brings: keys of epochs, keys of single entries, ends, withdrawals, acknowledgements.
//!
//! A parcel is believed when its seal opens under the pair key, its device is a live one of the sender and its device MAC
//! fits; keys and grants when their claim names the sender. Everything else in it is the sender's word about himself.
//! `Taken` and Acks leave behind the barrier that keeps the effects.
//!
//! Source: docs/protocol.md 3.6.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::deliver::class_of;
use super::receive::Lying;
use super::state::EpochRecord;
use super::{Service, tx};
use crate::crypto::{PairKey, keys};
use crate::id::{DeviceId, EntryId, EpochId, ParcelId, UserId};
use crate::identity::{DeviceRecord, live_device};
use crate::limits::{ACK_LIMIT, AWAITED_LIMIT, CLOSED_EPOCH_LIMIT, OPEN_EPOCH_LIMIT};
use crate::link::{ConnId, Order, StreamId};
use crate::mail::{
    self, Cause, EntryRef, Envelope, EpochCloses, Frame, Item, OpenError, OpenKeys, Received, Relay,
    VerifiedEpochKeys, VerifiedGrants, is_record_recent,
};
use crate::moment::{Class, Tombstone};
use crate::store::layout::split_log_key;
use crate::store::{StoreError, Tree};
use crate::time::Day;

/// How many records are forgotten at once.
const FORGET_PAGE: usize = 1_000;

/// Why a parcel of a friend was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unopened {
    /// It may open later.
    ForNow,
    /// It never will.
    ForEver,
}

/// What became of a parcel's items.
#[derive(Debug, Default)]
struct Taking {
    /// Keys came of an epoch that was not known.
    brought_keys: bool,
    /// Something was not taken in: the parcel stays owed.
    is_refused: bool,
}

/// What became of an epoch's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    New,
    Known,
    Refused,
}

impl Service {
    /// What was granted by a friend and has not come yet.
    pub(super) fn awaited_from(&self, author: &UserId) -> Vec<EntryId> {
        self.mail.awaited.get(author).into_iter().flatten().map(|(entry, _)| *entry).collect()
    }

    /// A parcel for me, from its sender or from a courier.
    pub(super) fn on_deliver(
        &mut self,
        conn: ConnId,
        stream: StreamId,
        peer: &UserId,
        envelope: &Envelope,
    ) -> Result<(), StoreError> {
        if envelope.to_root != self.me() {
            return Ok(());
        }
        let Some((sender, pair_key)) = self.sender_of(envelope) else {
            // From nobody I know: whoever holds it may let it go.
            self.say_taken(stream, envelope.parcel_id);
            return Ok(());
        };
        let is_courier = sender != *peer;
        let received = match self.open_parcel(&sender, &pair_key, envelope) {
            Ok(received) => received,
            Err(unopened) => {
                self.answer_unopened(&sender, peer);
                // Its sender would take `Taken` for an Ack: what does not open is owed as before, and sealed anew once my
                // records have come. A courier has done his part, unless it may open yet.
                if is_courier && unopened == Unopened::ForEver {
                    self.say_taken(stream, envelope.parcel_id);
                }
                return Ok(());
            }
        };
        self.forget_former_key(&sender, &pair_key);
        let taking = self.take_items(&received)?;
        if !taking.is_refused {
            self.say_taken(stream, envelope.parcel_id);
            // An Ack is not acknowledged, nor is a parcel that carries nothing, or two nodes would never be done.
            if is_courier && received.items.iter().any(|item| !matches!(item, Item::Ack(_))) {
                self.owe_ack(&sender, envelope.parcel_id, peer);
            }
        }
        if is_courier && taking.brought_keys {
            self.courier_round(conn)?;
        }
        Ok(())
    }

    /// Answers `Taken`, behind the barrier of this step: the effects are on the disk.
    fn say_taken(&mut self, stream: StreamId, parcel: ParcelId) {
        self.barrier_before_output = true;
        self.order(Order::Send { stream, frame: Frame::Taken(parcel).encode() });
    }

    fn open_parcel(
        &mut self,
        sender: &UserId,
        pair_key: &PairKey,
        envelope: &Envelope,
    ) -> Result<Received, Unopened> {
        let me = self.keyring.user();
        let keys = OpenKeys {
            from_root: sender,
            to_root: &me,
            pair_key,
            // Which key it is has been found by its tag; the two may count pairings differently.
            psk_gen: envelope.psk_gen,
            seal_to: self.keyring.seal_for(&envelope.seal_id).ok_or(Unopened::ForEver)?,
        };
        let opened = mail::open(envelope, &keys, self.now.day()).map_err(|error| {
            tracing::debug!(%error, from = %sender.short(), "a parcel does not open");
            match error {
                // My clock may be ahead.
                OpenError::Expired { .. } => Unopened::ForNow,
                _ => Unopened::ForEver,
            }
        })?;
        // The carried records first: they may name a new device, or revoke one.
        self.on_identity(*sender, &opened.identity);
        let record = DeviceRecord::open(&opened.device).map_err(|_| Unopened::ForEver)?;
        self.on_device(*sender, &opened.device);
        let friend = self.state.friends.get(sender).ok_or(Unopened::ForEver)?;
        let newest = friend.devices.get(&record.device()).ok_or(Unopened::ForEver)?;
        if !live_device(&friend.identity, &record) || !is_record_recent(record.seq(), newest.seq()) {
            return Err(Unopened::ForEver);
        }
        let to_device = self.keyring.device_id();
        let unproven = opened.unproven;
        unproven.check_device(&record.device(), &record.seal(), &to_device).map_err(|_| Unopened::ForEver)
    }

    /// Somebody seals to a key I no longer hold: my records tell them the new one.
    /// They go the way the parcel came: by `by`, its sender or the courier.
    fn answer_unopened(&mut self, sender: &UserId, by: &UserId) {
        let today = self.now.day();
        if self.mail.answered.insert(*sender, today) != Some(today) {
            self.mail.hollow.insert(*sender, *by);
            self.owed_changed(sender);
        }
    }

    fn owe_ack(&mut self, sender: &UserId, parcel: ParcelId, courier: &UserId) {
        let acks = self.mail.acks.entry(*sender).or_default();
        if acks.len() >= ACK_LIMIT && !acks.contains_key(&parcel) {
            // What is not acknowledged is sent again.
            return;
        }
        acks.insert(parcel, *courier);
        self.tx.put(
            Tree::State,
            &tx::key(&[b"k", sender.as_bytes(), parcel.as_bytes()]),
            courier.as_bytes().to_vec(),
        );
        self.owed_changed(sender);
    }

    /// What a parcel says. The order of its items says nothing: ends count before what takes their place.
    fn take_items(&mut self, received: &Received) -> Result<Taking, StoreError> {
        let sender = received.from_root;
        let mut taking = Taking::default();
        let mut ended = BTreeSet::new();
        for item in &received.items {
            if let Item::EpochCloses(closes) = item {
                ended.extend(self.take_closes(&sender, closes, &received.from_device));
            }
        }
        for item in &received.items {
            match item {
                Item::EpochKeys(keys) => {
                    let Ok(keys) = VerifiedEpochKeys::check(keys.clone(), &sender) else { continue };
                    let is_ended = ended.contains(keys.epoch());
                    match self.take_epoch(&keys, &received.from_device, is_ended) {
                        Took::New => taking.brought_keys = true,
                        Took::Known => {}
                        Took::Refused => taking.is_refused = true,
                    }
                }
                Item::Grants(grants) => {
                    if let Ok(grants) = VerifiedGrants::check(grants.clone(), &sender) {
                        taking.is_refused |= !self.take_grants(&grants, &received.from_device)?;
                    }
                }
                Item::Tombstones(places) => {
                    for place in places {
                        let author = self.state.epochs.get(&place.epoch).map(|record| record.author);
                        if author == Some(sender) {
                            let EntryRef { epoch, seq, entry } = *place;
                            self.apply_tombstone(&Tombstone { epoch, seq, entry })?;
                        }
                    }
                }
                Item::Recall(recall) => taking.is_refused |= !self.take_recall(&sender, recall)?,
                Item::Hides(hides) => self.take_hides(&sender, hides)?,
                Item::Ack(parcels) => {
                    for parcel in parcels {
                        self.on_ack(&received.from_device, parcel);
                    }
                }
                Item::Introduction(offer) => self.take_introduction(&sender, offer),
                Item::IntroductionAnswer(answer) => self.take_introduction_answer(&sender, answer),
                Item::IntroductionRecords(sent) => self.take_introduction_records(&sender, sent),
                Item::DeletionReceipt(places) => self.take_receipts(&sender, places)?,
                // Ends were taken above. The others are kept for the releases that act on them.
                _ => {}
            }
        }
        // An end that came before its epoch's keys is owed until they are here, or the epoch would stay open for ever.
        taking.is_refused |= ended.iter().any(|epoch| !self.state.epochs.contains_key(epoch));
        self.hold_epochs(&sender)?;
        Ok(taking)
    }

    fn take_epoch(&mut self, verified: &VerifiedEpochKeys, device: &DeviceId, is_ended: bool) -> Took {
        let (id, author, keys) = (*verified.epoch(), *verified.author(), verified.keys());
        let known = self.state.epochs.get(&id);
        if known.is_some_and(|known| known.author != author || known.secret.is_some()) {
            return Took::Known;
        }
        // Of one that is known single entries were granted before; if it was closed it stays so.
        let closed = known.and_then(|known| known.closed).or_else(|| is_ended.then(|| self.now.day()));
        let of_author = self.state.epochs.values().filter(|epoch| epoch.author == author);
        let open = of_author.filter(|epoch| epoch.is_open() && epoch.secret.is_some()).count();
        if closed.is_none() && open >= OPEN_EPOCH_LIMIT {
            tracing::debug!(author = %author.short(), "too many open epochs of one author");
            return Took::Refused;
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
            closed,
            own: None,
            read: OnceLock::new(),
            shared: OnceLock::new(),
        };
        self.insert_epoch(record);
        Took::New
    }

    /// Keeps the epochs of an author that are over, and those known by grants alone, within their number: an empty one
    /// goes first, then the oldest with everything kept of it, and last those with a favourite.
    pub(super) fn hold_epochs(&mut self, author: &UserId) -> Result<(), StoreError> {
        let is_over = |epoch: &&EpochRecord| {
            epoch.author == *author && epoch.own.is_none() && !(epoch.is_open() && epoch.secret.is_some())
        };
        let beyond = self.state.epochs.values().filter(is_over).count().saturating_sub(CLOSED_EPOCH_LIMIT);
        if beyond > 0 {
            let favourites = self.epochs_of_favourites()?;
            let over = self.state.epochs.values().filter(is_over);
            let mut over: Vec<(bool, bool, Day, EpochId)> = over
                .map(|epoch| {
                    let entries = self.state.usage.get(&epoch.id).map_or(0, |usage| usage.entries);
                    let last = epoch.closed.unwrap_or(epoch.opened);
                    (favourites.contains(&epoch.id), entries > 0, last, epoch.id)
                })
                .collect();
            over.sort();
            for (.., epoch) in over.into_iter().take(beyond) {
                self.forget_epoch(author, &epoch)?;
            }
        }
        Ok(())
    }

    /// Forgets an epoch of a friend with everything kept of it.
    fn forget_epoch(&mut self, author: &UserId, epoch: &EpochId) -> Result<(), StoreError> {
        loop {
            let page = self.tx.prefix(Tree::Log, epoch.as_bytes(), FORGET_PAGE)?;
            if page.is_empty() {
                break;
            }
            for (key, value) in page {
                let Some((_, seq, id)) = split_log_key(&key) else {
                    return Err(tx::damaged(Tree::Log, &key, "the key is not one of ours"));
                };
                self.drop_lying(epoch, seq, &id, &Lying::decode(&key, &value)?)?;
            }
        }
        let awaited = self.mail.awaited.get(author).into_iter().flatten();
        let awaited: Vec<EntryId> = awaited.filter(|(_, of)| *of == epoch).map(|(entry, _)| *entry).collect();
        for entry in awaited {
            self.forget_key(author, epoch, &entry);
        }
        self.forget_recalls_in(author, epoch);
        self.quota.forget(epoch);
        self.close_scopes(epoch);
        self.state.epochs.remove(epoch);
        self.epoch_changes = self.epoch_changes.saturating_add(1);
        self.state.logs.remove(epoch);
        self.state.usage.remove(epoch);
        self.tx.remove(Tree::State, &tx::key(&[b"e", epoch.as_bytes()]));
        self.tx.remove(Tree::State, &tx::key(&[b"l", epoch.as_bytes()]));
        // A session that was full has room for one that it turned away.
        self.net.changed.all = true;
        Ok(())
    }

    pub(super) fn insert_epoch(&mut self, record: EpochRecord) {
        let id = record.id;
        self.state.epochs.insert(id, record);
        self.state.logs.entry(id).or_default();
        self.save_epoch(&id);
        self.save_log(&id);
        self.net.changed.epochs.insert(id);
    }

    /// Keys of single entries. False if there were more than are taken of one author.
    fn take_grants(&mut self, verified: &VerifiedGrants, device: &DeviceId) -> Result<bool, StoreError> {
        let (id, author) = (*verified.epoch(), *verified.author());
        match self.state.epochs.get(&id) {
            Some(known) if known.author != author => return Ok(true),
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
                // Nobody said that it is over; without a secret it is in no scope.
                closed: None,
                own: None,
                read: OnceLock::new(),
                shared: OnceLock::new(),
            }),
        }
        let mut is_all = true;
        for ((seq, entry), key) in verified.keys() {
            let is_taken = match self.lying(&id, *seq, entry)? {
                // Withdrawn: nothing of it is kept again.
                Some(Lying::Gone | Lying::Awaited) => continue,
                // As many keys as entries, which are counted.
                Some(Lying::Timeline(_) | Lying::Whole(_)) => true,
                // Taken back from me: the key may be that of its return, which is on its way.
                Some(Lying::Header(_)) | None if self.is_recalled(&id, entry) => true,
                Some(Lying::Header(_)) | None => self.await_entry(&author, &id, entry),
            };
            is_all &= is_taken;
            if is_taken {
                self.tx.put(Tree::Keys, &granted_key(&id, entry), key.expose_bytes().to_vec());
            }
        }
        Ok(is_all)
    }

    /// An entry was granted and is not here. False if too many of this author are waited for, or this one in another
    /// epoch: what an id stands for is its author's word until the entry is here.
    pub(super) fn await_entry(&mut self, author: &UserId, epoch: &EpochId, entry: &EntryId) -> bool {
        let awaited = self.mail.awaited.entry(*author).or_default();
        if let Some(known) = awaited.get(entry) {
            return known == epoch;
        }
        if awaited.len() >= AWAITED_LIMIT {
            return false;
        }
        awaited.insert(*entry, *epoch);
        let key = tx::key(&[b"q", author.as_bytes(), entry.as_bytes()]);
        self.tx.put(Tree::State, &key, epoch.as_bytes().to_vec());
        true
    }

    /// A granted entry has come, or never will.
    pub(super) fn not_awaited(&mut self, author: &UserId, epoch: &EpochId, entry: &EntryId) {
        let Some(awaited) = self.mail.awaited.get_mut(author) else { return };
        if awaited.get(entry) == Some(epoch) {
            awaited.remove(entry);
            self.tx.remove(Tree::State, &tx::key(&[b"q", author.as_bytes(), entry.as_bytes()]));
        }
    }

    /// Forgets the granted key of an entry, and that it is waited for.
    pub(super) fn forget_key(&mut self, author: &UserId, epoch: &EpochId, entry: &EntryId) {
        self.not_awaited(author, epoch, entry);
        self.tx.remove(Tree::Keys, &granted_key(epoch, entry));
    }

    /// Ends of epochs. Returns those that the sending device may end and that are not known here.
    fn take_closes(&mut self, sender: &UserId, closes: &EpochCloses, device: &DeviceId) -> BTreeSet<EpochId> {
        let today = self.now.day();
        let mut unknown = BTreeSet::new();
        if closes.cause != Cause::Done || closes.device != *device {
            return unknown;
        }
        for id in closes.epochs.keys() {
            let Some(record) = self.state.epochs.get_mut(id) else {
                unknown.insert(*id);
                continue;
            };
            let is_theirs = record.device == *device && record.author == *sender && record.own.is_none();
            if is_theirs && record.closed.is_none() {
                record.closed = Some(today);
                self.save_epoch(id);
                self.net.changed.epochs.insert(*id);
            }
        }
        unknown
    }
}

/// Where the key of a granted entry lies: beneath its epoch, whose author alone can grant it (invariant I29).
pub(super) fn granted_key(epoch: &EpochId, entry: &EntryId) -> Vec<u8> {
    tx::key(&[epoch.as_bytes(), entry.as_bytes()])
}
