//! Which trees there are, which are sealed, and how their keys are built: the map of everything that is kept.
//!
//! Integers in keys are big-endian, so that the order of bytes is the order of meaning. Keys hold only numbers, ids
//! and fixed names, because they cannot be sealed without losing their order; everything else stands in the values.
//! To add a tree, add one line to the table below: name, sealed or not, what its keys and values are. A name is
//! never changed or used again for something else; it is part of what a sealed value is bound to.
//!
//! Entries are kept whole under the key by which pages read them, because a page of fifty scattered reads costs ten
//! times one run of fifty (docs/protocol.md 3.19).
//!
//! Source: docs/protocol.md 3.10 (order), 3.13, 3.19.

use crate::id::{DeviceId, EntryId, EpochId, ParcelId, UserId};
use crate::time::{Day, Month, Timestamp};

macro_rules! trees {
    ($($(#[$doc:meta])* $tree:ident = $name:literal, $sealed:literal;)*) => {
        /// A named, ordered collection of records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Tree {
            $($(#[$doc])* $tree,)*
        }

        impl Tree {
            /// All of them, in order.
            pub const ALL: [Self; [$(Self::$tree),*].len()] = [$(Self::$tree),*];

            /// The name on the disk.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$tree => $name,)*
                }
            }

            /// Whether values are sealed under the storage key. The others are ciphertext as they came.
            pub const fn is_sealed(self) -> bool {
                match self {
                    $(Self::$tree => $sealed,)*
                }
            }
        }
    };
}

trees! {
    /// Single records. Key: a fixed ASCII name. Value: as its owner says.
    Meta = "meta", true;
    /// What the machine knows: audiences, friends, invites, own operations. Key: kind 1 ‖ id. Value: as its owner says.
    State = "state", true;
    /// Epochs. Key: epoch id 16. Value: author, secret, claim, class, recipients.
    Epochs = "epochs", true;
    /// What is known of each epoch. Key: epoch id 16. Value: floor, intervals, sum.
    Known = "known", true;
    /// The newest records and profile of a person, never evicted. Key: user id 32 ‖ kind 1 ‖ device id 32 or nothing.
    Records = "records", true;
    /// Entries that are not posts, and headers of those not kept. Key: epoch id 16 ‖ seq 8 ‖ entry id 32.
    /// Value: header and body, or the header alone, as received.
    Log = "log", false;
    /// Posts in the order they are shown. Key: show time 8 ‖ entry id 32. Value: header and body, as received.
    Timeline = "timeline", false;
    /// Where an entry is. Key: entry id 32. Value: epoch id 16 ‖ seq 8 ‖ show time 8 ‖ state.
    ById = "by-id", true;
    /// Cached content keys and grants. Key: entry id 32. Value: content key 32.
    Keys = "keys", true;
    /// Interactions by their post. Key: post's entry id 32 ‖ show time 8 ‖ entry id 32. Value: the interaction, opened.
    Interactions = "interactions", true;
    /// Interactions whose post is not known yet. Key: writer 32 ‖ first seen 8 ‖ entry id 32. Value: where it is.
    Orphans = "orphans", true;
    /// Which interaction a hide tag names. Key: hide tag 16. Value: post 32 ‖ show time 8 ‖ entry id 32.
    HideTags = "hide-tags", true;
    /// What authors took away beneath their posts, seen or not. Key: author 32 ‖ hide tag 16. Value: first seen 8.
    Hides = "hides", true;
    /// What happened that concerns me. Key: `n` ‖ time 8 ‖ entry id 32; `i` ‖ entry id 32; `r`. Value: the notice; its time
    /// 8; up to where they are read.
    Notices = "notices", true;
    /// Marks of my own. Key: kind 1 ‖ id 32 (`p` pinned, `f` a favourite, `m` mute). Value: since when 8.
    Marks = "marks", true;
    /// Parcels held for others. Key: parcel id 16 ‖ first half of the BLAKE3 of the envelope 16. Value: the envelope as
    /// received.
    Mail = "mail", false;
    /// The courier's index. Key: as in `Mail`. Value: sender 32 ‖ recipient 32 ‖ bytes 4 ‖ days 8.
    MailIndex = "mail-index", true;
    /// What a device has acknowledged and which parcel carried what. Key: device id 32 ‖ kind 1 ‖ id.
    Owed = "owed", true;
    /// Who announced that they have an entry of mine. Key: entry id 32 ‖ user id 32. Value: nothing.
    Holders = "holders", true;
    /// Blobs that are here, and who names which. Key: blob id 32, or blob id 32 ‖ author 32 ‖ moment 32. Value: state,
    /// length, and of one that is here since when.
    Blobs = "blobs", true;
    /// Everybody's posts in the order they are shown. Key: author 32 ‖ show time 8 ‖ entry id 32. Value: nothing.
    ByAuthor = "by-author", false;
    /// How many posts of an author lie in the timeline. Key: author 32 ‖ months since January 1970 4. Value: number 8.
    Months = "months", true;
    /// What is half-written and goes to nobody. Key: draft id 16. Value: when, what the application says, its files.
    Drafts = "drafts", true;
}

/// Bytes of a record of [`Tree::ById`] that says where a post is, and nothing of what it is beneath.
const PLACE_LEN: usize = 24;

impl Tree {
    /// Whether the keys come in no order, many of them: a disk keeps them another way (docs/adr/0018).
    pub const fn is_scattered(self) -> bool {
        matches!(self, Self::ById)
    }

    /// Whether a record of a sealed tree is kept in the clear all the same, because it says nothing that does not stand in
    /// keys: epoch, number and id of a post stand together in a key of [`Tree::Log`]. Where an interaction belongs stands
    /// in no key.
    pub const fn is_told_by_keys(self, value_len: usize) -> bool {
        matches!(self, Self::ById) && value_len == PLACE_LEN
    }
}

/// A key built from its fields.
#[derive(Debug, Clone, Default)]
struct Key(Vec<u8>);

impl Key {
    fn with(mut self, field: &[u8]) -> Self {
        self.0.extend_from_slice(field);
        self
    }
}

/// Key in [`Tree::Timeline`]; read backward it is newest first (docs/protocol.md 3.10).
pub fn timeline_key(shown: Timestamp, entry: &EntryId) -> Vec<u8> {
    Key::default().with(&shown.as_millis().to_be_bytes()).with(entry.as_bytes()).0
}

/// The show time and entry id in a key of [`Tree::Timeline`].
pub fn split_timeline_key(key: &[u8]) -> Option<(Timestamp, EntryId)> {
    let (time, id) = key.split_first_chunk::<8>()?;
    Some((Timestamp::from_millis(u64::from_be_bytes(*time)), EntryId::try_from(id).ok()?))
}

/// Key in [`Tree::ByAuthor`]: read backward an author's posts are newest first.
pub fn author_key(author: &UserId, shown: Timestamp, entry: &EntryId) -> Vec<u8> {
    Key::default().with(author.as_bytes()).with(&timeline_key(shown, entry)).0
}

/// The timeline's key in a key of [`Tree::ByAuthor`].
pub fn timeline_part(key: &[u8]) -> Option<&[u8]> {
    key.get(32..)
}

/// Key in [`Tree::Months`].
pub fn month_key(author: &UserId, month: Month) -> Vec<u8> {
    Key::default().with(author.as_bytes()).with(&month.0.to_be_bytes()).0
}

/// The month in a key of [`Tree::Months`].
pub fn split_month_key(key: &[u8]) -> Option<Month> {
    key.last_chunk::<4>().map(|month| Month(u32::from_be_bytes(*month)))
}

/// Key in [`Tree::Log`].
pub fn log_key(epoch: &EpochId, seq: u64, entry: &EntryId) -> Vec<u8> {
    Key::default().with(epoch.as_bytes()).with(&seq.to_be_bytes()).with(entry.as_bytes()).0
}

/// The beginning of all keys in [`Tree::Log`] at one number: its variants.
pub fn log_prefix(epoch: &EpochId, seq: u64) -> Vec<u8> {
    Key::default().with(epoch.as_bytes()).with(&seq.to_be_bytes()).0
}

/// The epoch, number and entry id in a key of [`Tree::Log`].
pub fn split_log_key(key: &[u8]) -> Option<(EpochId, u64, EntryId)> {
    let (epoch, rest) = key.split_first_chunk::<16>()?;
    let (seq, id) = rest.split_first_chunk::<8>()?;
    Some((EpochId::from_bytes(*epoch), u64::from_be_bytes(*seq), EntryId::try_from(id).ok()?))
}

/// Key in [`Tree::Interactions`].
pub fn interaction_key(post: &EntryId, shown: Timestamp, entry: &EntryId) -> Vec<u8> {
    Key::default().with(post.as_bytes()).with(&shown.as_millis().to_be_bytes()).with(entry.as_bytes()).0
}

/// Key in [`Tree::Orphans`].
pub fn orphan_key(writer: &UserId, first_seen: Timestamp, entry: &EntryId) -> Vec<u8> {
    Key::default()
        .with(writer.as_bytes())
        .with(&first_seen.as_millis().to_be_bytes())
        .with(entry.as_bytes())
        .0
}

/// Key in [`Tree::Hides`].
pub fn hide_key(author: &UserId, tag: &[u8; 16]) -> Vec<u8> {
    Key::default().with(author.as_bytes()).with(tag).0
}

/// Key in [`Tree::Notices`] of a notice; in order of time.
pub fn notice_key(at: Timestamp, entry: &EntryId) -> Vec<u8> {
    Key::default().with(b"n").with(&at.as_millis().to_be_bytes()).with(entry.as_bytes()).0
}

/// The time and entry id in a [`notice_key`].
pub fn split_notice_key(key: &[u8]) -> Option<(Timestamp, EntryId)> {
    split_timeline_key(key.strip_prefix(b"n")?)
}

/// Key in [`Tree::Notices`] by which the notice about an entry is found.
pub fn notice_of_key(entry: &EntryId) -> Vec<u8> {
    Key::default().with(b"i").with(entry.as_bytes()).0
}

/// Key in [`Tree::Marks`].
pub fn mark_key(kind: u8, id: &[u8; 32]) -> Vec<u8> {
    Key::default().with(&[kind]).with(id).0
}

/// Key in [`Tree::Owed`] for a parcel that was sent to a device.
pub fn owed_parcel_key(device: &DeviceId, day: Day, parcel: &ParcelId) -> Vec<u8> {
    Key::default().with(device.as_bytes()).with(b"p").with(&day.0.to_be_bytes()).with(parcel.as_bytes()).0
}

/// Key in [`Tree::Owed`] for something a device has acknowledged.
pub fn owed_acknowledged_key(device: &DeviceId, owed: &[u8]) -> Vec<u8> {
    Key::default().with(device.as_bytes()).with(b"a").with(owed).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::STORE_KEY_LIMIT;

    #[test]
    fn every_tree_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Tree::ALL.iter().map(|tree| tree.name()).collect();
        assert_eq!(names.len(), Tree::ALL.len());
        assert!(names.iter().all(|name| !name.contains('\0')));
    }

    #[test]
    fn timeline_keys_order_by_time_and_then_by_id() {
        let key = |ms, id| timeline_key(Timestamp::from_millis(ms), &EntryId::from_bytes([id; 32]));
        assert!(key(255, 9) < key(256, 1));
        assert!(key(256, 1) < key(256, 2));
        assert_eq!(
            split_timeline_key(&key(7, 3)),
            Some((Timestamp::from_millis(7), EntryId::from_bytes([3; 32])))
        );
        assert_eq!(split_timeline_key(&key(7, 3)[..39]), None);
    }

    #[test]
    fn log_keys_order_by_number_inside_an_epoch() {
        let epoch = EpochId::from_bytes([1; 16]);
        let key = |seq| log_key(&epoch, seq, &EntryId::from_bytes([0xff; 32]));
        assert!(key(255) < key(256));
        assert!(key(256).starts_with(&log_prefix(&epoch, 256)));
        assert_eq!(split_log_key(&key(5)), Some((epoch, 5, EntryId::from_bytes([0xff; 32]))));
        assert_eq!(split_log_key(&log_prefix(&epoch, 5)), None);
    }

    #[test]
    fn the_longest_key_is_within_the_limit() {
        let longest = [
            interaction_key(&EntryId::from_bytes([0; 32]), Timestamp::ZERO, &EntryId::from_bytes([0; 32])),
            orphan_key(&UserId::from_bytes([0; 32]), Timestamp::ZERO, &EntryId::from_bytes([0; 32])),
            owed_parcel_key(&DeviceId::from_bytes([0; 32]), Day(0), &ParcelId::from_bytes([0; 16])),
            owed_acknowledged_key(&DeviceId::from_bytes([0; 32]), &[0; 128]),
        ];
        assert!(longest.iter().all(|key| key.len() <= STORE_KEY_LIMIT));
    }
}
