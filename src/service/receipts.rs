//! Receipts: whoever dropped what its author withdrew says so to the author, and to nobody else.
//!
//! "Delete" asks friends' nodes; a receipt is a node's answer. It is owed to the author like a key is owed to a friend
//! (docs/protocol.md 3.6): computed from what stands here, handed over when we meet or left with a courier who reads the
//! same epoch, until it is acknowledged. So the author learns who has confirmed, whatever crashed or was away between.
//!
//! ```text
//!  Tree::State   'y' ‖ author ‖ entry    a receipt I owe: epoch ‖ seq ‖ arose
//!                'z' ‖ entry ‖ user      a receipt I got: when 8
//! ```
//!
//! A receipt is the sender's word about its own node: an altered one can say *gone* and keep everything. It counts only
//! for a moment that I withdrew and that its sender could read. Moments alone are receipted; a like taken back is no
//! matter to write letters about.
//!
//! Invariants: what is owed to one author is bounded by [`RECEIPT_LIMIT`]; a receipt leaves behind the barrier of the
//! step that dropped the moment.
//!
//! Source: docs/protocol.md 3.6 (DeletionReceipt), 3.15.

use std::collections::BTreeSet;

use super::deliver::Addressed;
use super::receive::Lying;
use super::{Service, tx};
use crate::id::{EntryId, UserId};
use crate::limits::{FRIEND_LIMIT, RECEIPT_LIMIT};
use crate::mail::{self, Carriers, EntryRef, OwedId, Wanted};
use crate::moment::{Class, Tombstone};
use crate::store::{StoreError, Tree};
use crate::view;

impl Service {
    /// What a friend withdrew is gone here: its author is owed a receipt. `before` is how it lay, nothing if its
    /// withdrawal came first.
    pub(super) fn owe_receipt(
        &mut self,
        tombstone: &Tombstone,
        before: Option<&Lying>,
    ) -> Result<(), StoreError> {
        let Tombstone { epoch, seq, entry } = *tombstone;
        let Some(record) = self.state.epochs.get(&epoch) else { return Ok(()) };
        let (author, class) = (record.author, record.class);
        let is_friends = author != self.me() && self.state.friends.contains_key(&author);
        if !is_friends || class != Class::Posts || matches!(before, Some(Lying::Gone | Lying::Awaited)) {
            return Ok(());
        }
        // Of an epoch of which single entries were granted, likes and comments may stand among the moments.
        if self.place(&entry)?.is_some_and(|place| place.beneath.is_some()) {
            return Ok(());
        }
        let owed = self.mail.receipts.entry(author).or_default();
        if owed.contains_key(&entry) || owed.len() >= RECEIPT_LIMIT {
            return Ok(());
        }
        let addressed = Addressed { epoch, seq, arose: self.now };
        owed.insert(entry, addressed);
        let key = tx::key(&[b"y", author.as_bytes(), entry.as_bytes()]);
        self.tx.put(Tree::State, &key, addressed.encode());
        // *Gone* is said once it is.
        self.barrier_before_output = true;
        self.owed_changed(&author);
        Ok(())
    }

    /// The receipts that an author should have.
    pub(super) fn wanted_receipts(&self, author: &UserId) -> Vec<Wanted> {
        let owed = self.mail.receipts.get(author).into_iter().flatten();
        owed.filter_map(|(entry, at)| {
            let epoch = self.state.epochs.get(&at.epoch)?;
            // A courier who reads the epoch as I do learns nothing new of it.
            let carriers =
                if epoch.author_only { Carriers::AuthorOnly } else { Carriers::Recipients(epoch.id) };
            let place = EntryRef { epoch: at.epoch, seq: at.seq, entry: *entry };
            Some(Wanted { id: OwedId::receipt(place), class: mail::Class::Posts, arose: at.arose, carriers })
        })
        .collect()
    }

    /// A device of the author has a receipt: it is owed no more.
    pub(super) fn receipt_taken(&mut self, id: &OwedId) {
        let Some(author) = self.state.epochs.get(id.epoch()).map(|record| record.author) else { return };
        let entry = id.place().entry;
        if let Some(owed) = self.mail.receipts.get_mut(&author) {
            owed.remove(&entry);
        }
        self.tx.remove(Tree::State, &tx::key(&[b"y", author.as_bytes(), entry.as_bytes()]));
    }

    /// A friend says that moments of mine are gone from their node.
    pub(super) fn take_receipts(
        &mut self,
        sender: &UserId,
        places: &BTreeSet<EntryRef>,
    ) -> Result<(), StoreError> {
        for EntryRef { epoch, seq, entry } in places {
            let own = self.state.epochs.get(epoch).and_then(|record| record.own.as_ref());
            let Some(own) = own else { continue };
            let granted = self.mail.grants.get(sender).is_some_and(|granted| granted.contains_key(entry));
            if !granted && !own.recipients.contains(sender) {
                continue;
            }
            let key = tx::key(&[b"z", entry.as_bytes(), sender.as_bytes()]);
            let is_withdrawn = self.lying(epoch, *seq, entry)? == Some(Lying::Gone);
            if !is_withdrawn || self.tx.has(Tree::State, &key)? {
                continue;
            }
            self.tx.put(Tree::State, &key, self.now.as_millis().to_be_bytes().to_vec());
            let delivery = self.delivery_of(entry)?;
            self.emit(view::Happening::Delivery { id: *entry, delivery });
        }
        Ok(())
    }

    /// Who has confirmed that a moment of mine is gone.
    pub(super) fn receipts_of(&self, entry: &EntryId) -> Result<BTreeSet<UserId>, StoreError> {
        let found = self.tx.prefix(Tree::State, &tx::key(&[b"z", entry.as_bytes()]), FRIEND_LIMIT)?;
        Ok(found.iter().filter_map(|(key, _)| UserId::try_from(key.get(33..)?).ok()).collect())
    }
}
