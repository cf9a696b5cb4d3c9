//! What a parcel brings: keys of epochs, keys of single entries, ends, withdrawals, acknowledgements.
//!
//! A parcel is believed when its seal opens under the pair key, its device is a live one of the sender and its device MAC
//! fits; keys and grants when their claim names the sender. Everything else in it is the sender's word about himself.
//! `Taken` and Acks leave behind the barrier that keeps the effects.
//!
//! Source: docs/protocol.md 3.6.

use super::deliver::class_of;
use super::state::EpochRecord;
use super::{Service, tx};
use crate::crypto::keys;
use crate::id::{DeviceId, EntryId, ParcelId, UserId};
use crate::identity::{DeviceRecord, live_device};
use crate::limits::OPEN_EPOCH_LIMIT;
use crate::link::{ConnId, Order, StreamId};
use crate::mail::{
    self, Cause, EntryRef, Envelope, EpochCloses, Frame, Item, OpenKeys, Received, Relay, VerifiedEpochKeys,
    VerifiedGrants, is_record_recent,
};
use crate::moment::{Class, Tombstone};
use crate::store::{StoreError, Tree};

impl Service {
    /// What was granted by a friend and has not come yet.
    pub(super) fn awaited_from(&self, author: &UserId) -> Vec<EntryId> {
        self.mail.awaited.get(author).into_iter().flatten().copied().collect()
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
        // To its sender `Taken` means that all of it was taken in. What does not open is owed as before, and sealed anew
        // once my records have come; a courier has done his part.
        if received.is_some() || sender != Some(*peer) {
            // Only behind the barrier of this step: the effects are on the disk.
            self.barrier_before_output = true;
            self.order(Order::Send { stream, frame: Frame::Taken(envelope.parcel_id).encode() });
        }
        if let Some(sender) = sender.filter(|sender| sender != peer && received.is_some()) {
            // An Ack is not acknowledged, nor is a parcel without anything in it: two friends with a courier between them
            // would go on for ever.
            let has_news = received
                .iter()
                .flat_map(|received| &received.items)
                .any(|item| !matches!(item, Item::Ack(_)));
            if has_news {
                self.owe_ack(&sender, envelope.parcel_id, peer);
            }
            if brought_keys {
                self.courier_round(conn)?;
            }
        }
        Ok(())
    }

    pub(super) fn open_parcel(&mut self, sender: &UserId, envelope: &Envelope) -> Option<Received> {
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
    pub(super) fn answer_unopened(&mut self, sender: &UserId) {
        let today = self.now.day();
        if self.mail.answered.insert(*sender, today) != Some(today) {
            self.mail.hollow.insert(*sender);
            self.owed_changed(sender);
        }
    }

    pub(super) fn owe_ack(&mut self, sender: &UserId, parcel: ParcelId, courier: &UserId) {
        self.mail.acks.entry(*sender).or_default().insert(parcel, *courier);
        self.tx.put(
            Tree::State,
            &tx::key(&[b"k", sender.as_bytes(), parcel.as_bytes()]),
            courier.as_bytes().to_vec(),
        );
        self.owed_changed(sender);
    }

    /// What a parcel says. True if it brought keys of an epoch that was not known.
    pub(super) fn take_items(&mut self, received: &Received) -> Result<bool, StoreError> {
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
                Item::EpochCloses(closes) => self.take_closes(&sender, closes, &received.from_device),
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

    pub(super) fn take_epoch(&mut self, verified: &VerifiedEpochKeys, device: &DeviceId) -> bool {
        let (id, author, keys) = (*verified.epoch(), *verified.author(), verified.keys());
        if let Some(known) = self.state.epochs.get_mut(&id) {
            // Single entries of it were granted before; a closed one stays closed.
            if known.author == author && known.secret.is_none() {
                known.secret = Some(keys.secret.clone());
                known.class = class_of(keys.class);
                known.author_only = keys.relay == Relay::AuthorOnly;
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

    pub(super) fn insert_epoch(&mut self, record: EpochRecord) {
        let id = record.id;
        self.state.epochs.insert(id, record);
        self.state.logs.entry(id).or_default();
        self.save_epoch(&id);
        self.save_log(&id);
        self.net.scopes_changed = true;
    }

    pub(super) fn take_grants(
        &mut self,
        verified: &VerifiedGrants,
        device: &DeviceId,
    ) -> Result<(), StoreError> {
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

    pub(super) fn take_closes(&mut self, sender: &UserId, closes: &EpochCloses, device: &DeviceId) {
        let today = self.now.day();
        for id in closes.epochs.keys() {
            let Some(record) = self.state.epochs.get_mut(id) else { continue };
            let by_its_own =
                closes.cause == Cause::Done && record.device == *device && closes.device == *device;
            if by_its_own && record.author == *sender && record.own.is_none() && record.closed.is_none() {
                record.closed = Some(today);
                self.save_epoch(id);
                self.net.scopes_changed = true;
            }
        }
    }
}
