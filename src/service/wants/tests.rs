//! What waits, and the records it is read from.

use super::*;

fn turn(author: u8, n: usize) -> Turn {
    let mut id = [author; 32];
    id[..8].copy_from_slice(&(n as u64).to_be_bytes());
    let naming = Naming {
        blob: BlobId::from_bytes(id),
        author: UserId::from_bytes([author; 32]),
        moment: EntryId::from_bytes(id),
        bytes: 1_024,
        later: false,
    };
    (false, Reverse(Timestamp::ZERO), naming)
}

fn waiting(wants: &Wants, author: u8) -> usize {
    wants.waiting.get(&UserId::from_bytes([author; 32])).map_or(0, BTreeSet::len)
}

#[test]
fn an_author_alone_may_fill_what_waits_and_gives_way_to_others() {
    let mut wants = Wants::default();
    for n in 0..BLOB_WANTED_LIMIT {
        wants.push(turn(1, n));
    }
    assert_eq!((wants.waiting_count, waiting(&wants, 1)), (BLOB_WANTED_LIMIT, BLOB_WANTED_LIMIT));
    wants.push(turn(1, BLOB_WANTED_LIMIT));
    assert_eq!(waiting(&wants, 1), BLOB_WANTED_LIMIT, "one more than the limit");
    for n in 0..10 {
        wants.push(turn(2, n));
    }
    assert_eq!((waiting(&wants, 1), waiting(&wants, 2)), (BLOB_WANTED_LIMIT - 10, 10));
    assert_eq!(wants.waiting_count, BLOB_WANTED_LIMIT);
}

#[test]
fn records_are_read_as_they_were_written_and_told_apart_by_their_keys() {
    let kept = Kept { mine: true, bytes: 7, since: Timestamp::from_millis(9) };
    let (.., naming) = turn(3, 4);
    let naming = Naming { later: true, ..naming };
    assert_eq!(Kept::decode(&[1; 32], &kept.encode()).expect("its own bytes"), Some(kept));
    assert_eq!(Kept::decode(&[1; 32], &[DROPPED]).expect("dropped"), None);
    assert_eq!(Naming::decode(naming.blob.as_bytes(), &kept.encode()).expect("the other kind"), None);
    assert_eq!(Naming::decode(&naming.key(), &naming.encode()).expect("its own bytes"), Some(naming));
    assert!(Naming::decode(&naming.key()[..95], &naming.encode()).is_err());
}

impl Service {
    /// How many blobs wait to be fetched.
    pub(in crate::service) fn waiting_blobs(&self) -> usize {
        self.wants.waiting_count
    }
}
