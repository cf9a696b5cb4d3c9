//! Sealing at rest: one layer above either store, so that no implementation can forget it.
//!
//! Values of the trees marked sealed are under XChaCha20-Poly1305 with the storage key of the month they were written
//! in. What stands on the disk cannot be read without the keyring, and cannot be moved: a value is bound to its tree
//! and key, so that one record put in the place of another does not open.
//!
//! # Layout of a sealed value
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 4 | month of the key: months since 1970, u32 |
//! | 4 | 24 | nonce, random |
//! | 28 | … | AEAD(storage key, nonce, aad = tree name ‖ 0x00 ‖ key, value) |
//!
//! What stands in keys anyway ([`Tree::is_told_by_keys`]) is `0xffffffff ‖ value`: sealed it would be three times as long,
//! once for every moment. Whoever changes it on the disk makes a moment that is not found by its id, as by removing it, or
//! has a sealed picture served to readers of another epoch, who have no key to it.
//!
//! What it does not do: it does not hide how many records there are, how long they are or when they change, and it
//! cannot tell that one record was put back to an earlier value; the file of reserved numbers is there for that.
//!
//! Source: docs/protocol.md 3.1 (storage key), 3.19.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock};

use zeroize::Zeroizing;

use super::{Batch, Damage, Direction, KeyRange, Page, Stats, Store, StoreError, Tree};
use crate::crypto::{AtRestKey, Entropy, Nonce, open, seal};
use crate::limits::{STORAGE_KEY_LIMIT, STORE_PAGE_LIMIT};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// Stands where the month does, in front of a value in the clear. No month has this number.
const IN_THE_CLEAR: u32 = u32::MAX;

/// Bytes that sealing adds to a value.
const SEALED_OVERHEAD: usize = 4 + Nonce::LEN + 16;

/// The storage keys of the months in which something was written that is still kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageKeys {
    current: u32,
    keys: BTreeMap<u32, AtRestKey>,
}

impl StorageKeys {
    /// A ring with one key, for the month (months since 1970) in which it was drawn.
    pub fn new(month: u32, key: AtRestKey) -> Self {
        Self { current: month, keys: BTreeMap::from([(month, key)]) }
    }

    /// Adds a key; what is written from now on is sealed under it. A month that has a key keeps it: two keys of one
    /// month could not be told apart. Returns whether it was added.
    pub fn rotate(&mut self, month: u32, key: AtRestKey) -> bool {
        if self.keys.len() >= STORAGE_KEY_LIMIT || self.keys.contains_key(&month) {
            return false;
        }
        self.keys.insert(month, key);
        self.current = month;
        true
    }

    /// Drops a key. The one in use stays.
    pub fn drop_key(&mut self, month: u32) {
        if month != self.current {
            self.keys.remove(&month);
        }
    }

    /// The month of the key in use.
    pub const fn current(&self) -> u32 {
        self.current
    }

    /// The months that have a key.
    pub fn months(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys.keys().copied()
    }

    /// The ring as bytes, for the keyring file, which is itself sealed.
    pub fn expose_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.encode())
    }
}

/// `current u32 ‖ n u32 ‖ n × {month u32 ‖ key 32}`, months ascending.
impl Encode for StorageKeys {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.current).u32(u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
        for (month, key) in &self.keys {
            out.u32(*month).raw(key.expose_bytes());
        }
    }
}

impl Decode for StorageKeys {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let current = input.u32()?;
        let count = u64::from(input.u32()?);
        let count = input.count("storage keys", count, STORAGE_KEY_LIMIT, 36)?;
        let mut keys = BTreeMap::new();
        for _ in 0..count {
            let month = input.u32()?;
            if keys.last_key_value().is_some_and(|(last, _)| *last >= month) {
                return Err(DecodeError::Invalid { what: "months of storage keys do not ascend" });
            }
            keys.insert(month, AtRestKey::from_bytes(input.array()?));
        }
        if !keys.contains_key(&current) {
            return Err(DecodeError::Invalid { what: "the storage key in use is missing" });
        }
        Ok(Self { current, keys })
    }
}

/// A store whose secret trees are sealed.
#[derive(Debug)]
pub struct Sealed<S> {
    inner: S,
    keys: RwLock<StorageKeys>,
    entropy: Mutex<Entropy>,
}

impl<S: Store> Sealed<S> {
    /// Seals what is written to `inner`. The entropy draws nonces and must never be used again elsewhere.
    pub const fn new(inner: S, keys: StorageKeys, entropy: Entropy) -> Self {
        Self { inner, keys: RwLock::new(keys), entropy: Mutex::new(entropy) }
    }

    /// The store beneath.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// Takes a new month's key into use and returns the ring to keep. Keep it, durably, before anything is applied
    /// under it: call this, write the keyring, and only then apply.
    pub fn rotate(&self, month: u32, key: AtRestKey) -> StorageKeys {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.rotate(month, key);
        keys.clone()
    }

    /// Drops the keys under which nothing is kept any more and returns the ring that is left.
    ///
    /// # Errors
    /// Those of a scan; then no key is dropped.
    ///
    /// # Cost
    /// Reads every sealed tree.
    pub fn drop_unused_keys(&self) -> Result<StorageKeys, StoreError> {
        let mut used = BTreeSet::new();
        for tree in Tree::ALL.into_iter().filter(|tree| tree.is_sealed()) {
            let mut range = Some(KeyRange::all());
            while let Some(part) = range {
                let page = self.inner.scan(tree, part, Direction::Forward, STORE_PAGE_LIMIT)?;
                if let Some(damage) = page.damaged.into_iter().next() {
                    return Err(damage.into());
                }
                used.extend(page.records.iter().filter_map(|(_, value)| Reader::new(value).u32().ok()));
                range = page.next;
            }
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let unused: Vec<u32> = keys.months().filter(|month| !used.contains(month)).collect();
        unused.into_iter().for_each(|month| keys.drop_key(month));
        Ok(keys.clone())
    }

    fn open_value(&self, tree: Tree, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, Damage> {
        if !tree.is_sealed() {
            return Ok(value);
        }
        let damage = |what| Damage { place: tree.name(), key: key.to_vec(), what };
        if let Some(clear) = value.strip_prefix(&IN_THE_CLEAR.to_be_bytes()) {
            return match tree.is_told_by_keys(clear.len()) {
                true => Ok(clear.to_vec()),
                false => Err(damage("it is not sealed")),
            };
        }
        let mut input = Reader::new(&value);
        let (Ok(month), Ok(nonce)) = (input.u32(), input.array()) else {
            return Err(damage("it is too short to be sealed"));
        };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let storage_key =
            keys.keys.get(&month).ok_or_else(|| damage("the storage key of its month is missing"))?;
        open(storage_key.expose_bytes(), &Nonce::from_bytes(nonce), &aad(tree, key), input.take_rest())
            .map_err(|_| damage("its seal does not open"))
    }

    /// Seals what is to be sealed, in its place.
    fn seal_batch(&self, mut batch: Batch) -> Result<Batch, StoreError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let month = keys.current;
        let storage_key = keys.keys.get(&month).ok_or(StoreError::NoKey { month })?;
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        for (tree, writes) in batch.trees.iter_mut().filter(|(tree, _)| tree.is_sealed()) {
            for (key, value) in writes {
                let Some(value) = value else { continue };
                if tree.is_told_by_keys(value.len()) {
                    *value = [&IN_THE_CLEAR.to_be_bytes(), value.as_slice()].concat();
                    continue;
                }
                let nonce = Nonce::random(&mut entropy);
                let sealed = seal(storage_key.expose_bytes(), &nonce, &aad(*tree, key), value);
                let mut out = Writer::with_capacity(sealed.len().saturating_add(SEALED_OVERHEAD));
                out.u32(month).raw(nonce.as_bytes()).raw(&sealed);
                *value = out.into_vec();
            }
        }
        Ok(batch)
    }
}

/// What a value is bound to. Names hold no zero byte, so that tree and key cannot run into each other.
fn aad(tree: Tree, key: &[u8]) -> Vec<u8> {
    [tree.name().as_bytes(), &[0], key].concat()
}

impl<S: Store> Store for Sealed<S> {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.inner.get(tree, key)?;
        Ok(value.map(|value| self.open_value(tree, key, value)).transpose()?)
    }

    fn scan(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut page = self.inner.scan(tree, range, direction, limit)?;
        if !tree.is_sealed() {
            return Ok(page);
        }
        let mut records = Vec::with_capacity(page.records.len());
        for (key, value) in page.records {
            match self.open_value(tree, &key, value) {
                Ok(value) => records.push((key, value)),
                Err(damage) => page.damaged.push(damage),
            }
        }
        page.records = records;
        Ok(page)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        self.inner.apply(self.seal_batch(batch)?)
    }

    fn barrier(&self) -> Result<(), StoreError> {
        self.inner.barrier()
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        self.inner.stats()
    }
}

#[cfg(test)]
mod tests;
