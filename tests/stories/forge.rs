//! Entries that a program could write that puts into them whatever it likes.

use tidings::crypto::{ContentKey, Entropy, keys};
use tidings::entry::{self, Entry, HEADER_LEN, Verified};
use tidings::id::{EntryId, EpochId};
use tidings::link::Protocol;
use tidings::moment::{Body, Class, Content};
use tidings::service::state::EpochRecord;
use tidings::store::{Direction, KeyRange, Tree};
use tidings::sync::{EntryFrame, Frame};
use tidings::time::ClaimedTime;
use tidings::wire;

use super::world::{Who, World};

impl World {
    /// All records of a tree as a node reads them.
    pub fn all(&mut self, who: Who, tree: Tree, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let (store, mut all, mut rest) =
            (self.service(who).store(), Vec::new(), Some(KeyRange::prefix(prefix)));
        while let Some(range) = rest {
            let page = store.scan(tree, range, Direction::Forward, 1_000).expect("memory");
            assert!(page.damaged.is_empty());
            all.extend(page.records);
            rest = page.next;
        }
        all
    }

    /// The epochs a node knows.
    pub fn epochs(&mut self, who: Who) -> Vec<EpochRecord> {
        let all = self.all(who, Tree::State, b"e");
        all.iter().map(|(_, value)| wire::decode(value).expect("an epoch")).collect()
    }

    /// The open epoch of a class that a node writes to.
    pub fn own_epoch(&mut self, who: Who, class: Class) -> EpochRecord {
        let open = |epoch: &EpochRecord| epoch.class == class && epoch.is_open() && epoch.own.is_some();
        self.epochs(who).into_iter().find(open).expect("an open epoch")
    }

    /// All entries that a node keeps whole.
    pub fn entries(&mut self, who: Who) -> Vec<Entry<Verified>> {
        let log = self.all(who, Tree::Log, &[]).into_iter().filter(|(_, value)| value[0] == 1);
        let mut whole: Vec<Vec<u8>> = log.map(|(_, value)| value[1..].to_vec()).collect();
        whole.extend(self.all(who, Tree::Timeline, &[]).into_iter().map(|(_, value)| value[8..].to_vec()));
        let parse = |bytes: &Vec<u8>| {
            let (header, body) = bytes.split_at(HEADER_LEN);
            Entry::trust_stored(header, body.to_vec()).expect("an entry")
        };
        whole.iter().map(parse).collect()
    }

    /// The content key of an entry of one's own or a friend's.
    pub fn key_of(&mut self, who: Who, id: &EntryId) -> ContentKey {
        let entry = self.entries(who).into_iter().find(|entry| entry.id() == *id).expect("kept");
        let epoch = self.epochs(who).into_iter().find(|epoch| epoch.id == entry.header().epoch());
        entry.header().content_key(&epoch.expect("known").read_key().expect("readable"))
    }

    /// Seals and signs a content as the owner of an epoch would, at any number of it. A node that is shown such an entry of
    /// its own takes its home for a copy and ends its epochs.
    pub fn forge(
        &self,
        epoch: &EpochRecord,
        seq: u64,
        body: impl FnOnce(EpochId) -> Body,
    ) -> Entry<Verified> {
        let created = ClaimedTime::from_millis(self.now.as_millis());
        let content = Content { created, body: body(epoch.id) }.encode().expect("fits");
        let draft = entry::Draft {
            epoch_key: epoch.own.as_ref().and_then(|own| own.key.as_ref()).expect("open"),
            epoch: epoch.id,
            read_key: &epoch.read_key().expect("mine"),
            seq,
            expire_day: None,
            content: &content,
            min_padded: 512,
        };
        entry::write(draft, &mut Entropy::from_number(seq)).expect("written")
    }

    /// Sends an entry to a node as its author's node would that was asked for it.
    pub fn send_entry(&mut self, from: Who, to: Who, entry: Entry<Verified>) {
        let (header, body) = entry.into_parts();
        let frame = EntryFrame { handle: None, header: Box::new(*header.bytes()), body };
        assert!(self.inject(from, to, Protocol::Sync, Frame::Entry(frame).encode()));
        self.run(12);
    }

    /// The thread key of a moment that a node may read.
    pub fn thread_of(&mut self, who: Who, text: &str) -> tidings::crypto::ThreadKey {
        let id = self.moment(who, text).id;
        keys::thread_key(&self.key_of(who, &id))
    }
}
