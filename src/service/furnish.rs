//! Furnishing a home for measurements: friends who never come, and what they wrote, taken as if a session had brought it.
//!
//! Records are written by the code that writes those of real friends, and entries go the way of real entries
//! ([`Service::take_entry`]), so that indexes, sums and counters are the real ones. Behind the feature `furnish`: a friend
//! without a pairing exists nowhere else.
//!
//! What it does not do: such a friend has no device and stands in no list of people, so nothing is owed or dialled.

use std::collections::BTreeMap;

use super::exchange::Verdict;
use super::state::{EpochRecord, Friend};
use super::{CommitError, Service};
use crate::crypto::PairKey;
use crate::entry::{HEADER_LEN, Header};
use crate::identity::{IdentityRecord, KnownIdentity, Verified};
use crate::moment::Tombstone;
use crate::store::StoreError;
use crate::time::Timestamp;

impl Service {
    /// Keeps somebody as a friend, with epochs of theirs. Not committed.
    pub fn furnish_friend(
        &mut self,
        name: &str,
        identity: Verified<IdentityRecord>,
        epochs: impl IntoIterator<Item = EpochRecord>,
    ) {
        let identity = KnownIdentity::new(identity);
        let user = identity.user();
        let friend = Friend {
            user,
            name: String::new(),
            own_name: name.to_owned(),
            about: String::new(),
            note: String::new(),
            profile_at: Timestamp::from_millis(0),
            window_days: 0,
            since: self.now,
            verified: false,
            safety: [0; 32],
            pair_key: PairKey::from_bytes([0; 32]),
            psk_gen: 0,
            identity,
            devices: BTreeMap::new(),
            last_address: None,
            last_seen: None,
            seen_as: None,
            hide_theirs: false,
        };
        self.state.friends.insert(user, friend);
        self.save_friend(&user);
        for epoch in epochs {
            self.insert_epoch(epoch);
        }
    }

    /// Takes an entry as if a peer had sent it. Not committed. Whether it is new and was kept.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub fn furnish_entry(&mut self, header: &[u8], body: Vec<u8>) -> Result<bool, StoreError> {
        Ok(matches!(self.take_entry(header, body)?, Verdict::Kept { .. }))
    }

    /// One step of the walk that looks for what has expired, with its commit.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses.
    pub fn furnish_walk(&mut self) -> Result<(), StoreError> {
        self.drop_expired()?;
        self.furnish_commit()
    }

    /// Keeps nothing of an entry but its number and id, as when it has expired. False if it is not known. Not committed.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses.
    pub fn furnish_let_go(&mut self, header: &[u8; HEADER_LEN]) -> Result<bool, StoreError> {
        let Ok(header) = Header::decode(header) else { return Ok(false) };
        let entry = Tombstone { epoch: header.epoch(), seq: header.seq(), entry: header.id() };
        let Some(lying) = self.lying(&entry.epoch, entry.seq, &entry.entry)? else { return Ok(false) };
        self.let_go(&entry, Some(lying))?;
        Ok(true)
    }

    /// Ends a step and lets go of what would be said about it.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses: a home that is half furnished is of no use, so a full disk is no exception.
    pub fn furnish_commit(&mut self) -> Result<(), StoreError> {
        self.commit().map_err(|error| match error {
            CommitError::Undone(error) | CommitError::Broken(error) => error,
        })?;
        while self.poll_output().is_some() {}
        Ok(())
    }
}
