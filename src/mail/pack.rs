//! Packing: which items go into which parcel.
//!
//! Items come in the order in which they should arrive and fill one parcel after the other. A list too long for the
//! room that is left is cut; the cut lists say the same together. Inside a parcel the order is random, so that the
//! order of a friend list or of audiences shows in no parcel.
//!
//! Source: docs/protocol.md 3.6.

use std::collections::{BTreeMap, BTreeSet};

use super::item::{EpochCloses, Grants, Hides, Item};
use crate::crypto::Entropy;
use crate::limits::{PARCEL_ITEM_LIMIT, PARCEL_ITEMS_LIMIT};

/// Lengths of the members of lists, bytes.
const GRANT_LEN: usize = 8 + 32 + 32;
const CLOSED_LEN: usize = 16 + 8 + 32;
const ENTRY_REF_LEN: usize = 16 + 8 + 32;
const PARCEL_ID_LEN: usize = 16;
const HIDE_TAG_LEN: usize = 16;

/// What goes now and what goes later.
type Cut<T> = (Option<T>, Option<T>);

/// Distributes items over parcels, each within [`PARCEL_ITEMS_LIMIT`] bytes and [`PARCEL_ITEM_LIMIT`] items.
///
/// # Panics
/// Never; an item that no parcel holds (a name or share above its own limit) makes a parcel that `seal` refuses.
///
/// # Cost
/// Each item is encoded once, and again for each cut.
pub fn pack(items: impl IntoIterator<Item = Item>, entropy: &mut Entropy) -> Vec<Vec<Item>> {
    let mut parcels: Vec<Vec<Item>> = Vec::new();
    let (mut parcel, mut room) = (Vec::new(), PARCEL_ITEMS_LIMIT);
    for item in items {
        let mut left = Some(item);
        while let Some(item) = left.take() {
            let len = item.encoded_len();
            let is_full = parcel.len() >= PARCEL_ITEM_LIMIT;
            if len <= room && !is_full {
                room = room.saturating_sub(len);
                parcel.push(item);
                continue;
            }
            let (now, later) = if is_full { (None, Some(item)) } else { cut(item, room) };
            parcel.extend(now);
            // An item that fits no empty parcel goes out alone, to be refused by name.
            if parcel.is_empty() {
                parcels.push(Vec::from_iter(later));
            } else {
                parcels.push(std::mem::take(&mut parcel));
                left = later;
            }
            room = PARCEL_ITEMS_LIMIT;
        }
    }
    if !parcel.is_empty() {
        parcels.push(parcel);
    }
    parcels.iter_mut().for_each(|parcel| entropy.shuffle(parcel));
    parcels
}

/// Cuts a list so that the first part fits `room`. An item that is no list, or of which nothing fits, stays whole.
fn cut(item: Item, room: usize) -> Cut<Item> {
    let whole = item.encoded_len();
    match item {
        Item::Grants(grants) => {
            let Grants { epoch_pub, es_commit, claim, keys } = grants;
            let (now, later) = cut_map(keys, whole, GRANT_LEN, room);
            let part = |keys| Item::Grants(Grants { epoch_pub, es_commit, claim, keys });
            (now.map(part), later.map(part))
        }
        Item::EpochCloses(closes) => {
            let EpochCloses { cause, device, epochs } = closes;
            let (now, later) = cut_map(epochs, whole, CLOSED_LEN, room);
            let part = |epochs| Item::EpochCloses(EpochCloses { cause, device, epochs });
            (now.map(part), later.map(part))
        }
        Item::Tombstones(entries) => {
            let (now, later) = cut_set(entries, whole, ENTRY_REF_LEN, room);
            (now.map(Item::Tombstones), later.map(Item::Tombstones))
        }
        Item::DeletionReceipt(entries) => {
            let (now, later) = cut_set(entries, whole, ENTRY_REF_LEN, room);
            (now.map(Item::DeletionReceipt), later.map(Item::DeletionReceipt))
        }
        Item::Ack(parcels) => {
            let (now, later) = cut_set(parcels, whole, PARCEL_ID_LEN, room);
            (now.map(Item::Ack), later.map(Item::Ack))
        }
        Item::Hides(Hides { post, tags }) => {
            let (now, later) = cut_set(tags, whole, HIDE_TAG_LEN, room);
            let part = |tags| Item::Hides(Hides { post, tags });
            (now.map(part), later.map(part))
        }
        other => (None, Some(other)),
    }
}

/// How many of `count` members of `each` bytes fit `room`, in an item of `whole` bytes.
fn fitting(count: usize, whole: usize, each: usize, room: usize) -> usize {
    let fixed = whole.saturating_sub(count.saturating_mul(each));
    room.saturating_sub(fixed).checked_div(each).unwrap_or(0).min(count)
}

fn cut_set<T: Ord>(members: BTreeSet<T>, whole: usize, each: usize, room: usize) -> Cut<BTreeSet<T>> {
    let fits = fitting(members.len(), whole, each, room);
    let mut members = members.into_iter();
    let now: BTreeSet<T> = members.by_ref().take(fits).collect();
    (
        Some(now).filter(|now| !now.is_empty()),
        Some(members.collect()).filter(|later: &BTreeSet<T>| !later.is_empty()),
    )
}

fn cut_map<K: Ord, V>(
    members: BTreeMap<K, V>,
    whole: usize,
    each: usize,
    room: usize,
) -> Cut<BTreeMap<K, V>> {
    let fits = fitting(members.len(), whole, each, room);
    let is_empty = members.is_empty();
    let mut members = members.into_iter();
    let now: BTreeMap<K, V> = members.by_ref().take(fits).collect();
    let later: BTreeMap<K, V> = members.collect();
    // A list that was empty to begin with says so, and goes out as it is.
    (Some(now).filter(|now| !now.is_empty()), Some(later).filter(|later| is_empty || !later.is_empty()))
}

#[cfg(test)]
mod tests;
