//! One node and friends who write to it, in memory: what the tests of this layer stand on.
//!
//! Friends are keys and epochs; what they write is sealed and signed as their nodes would, and taken as if a session had
//! brought it. Their records are written in the layout of the first release, so that the rig also shows that it is read.

use std::sync::Arc;

use super::state::{EpochRecord, Friend, Me, class_code};
use super::{Parts, SecondBook, Service};
use crate::crypto::{AtRestKey, BlobKey, Entropy, EpochSecret, Nonce, ReadKey, SigningKey, keys};
use crate::entry::{self, Draft};
use crate::id::{BlobId, EntryId, EpochId, NodeId, UserId};
use crate::identity::{
    DeviceFlags, DeviceRecord, IdentityRecord, Keyring, KnownIdentity, Verified, next_seq,
};
use crate::limits::ENTRY_PADDED_MIN;
use crate::moment::media::{Media, MediaKeys, Mime};
use crate::moment::{Body, Class, Content, Post, PrivatePart, PublicPart, PublicValues};
use crate::store::{Memory, Reservations, Sealed, StorageKeys, Store, StoreError};
use crate::time::{ClaimedTime, DAY_MS, Day, Timestamp};
use crate::wire::{Writer, decode};

/// The time at which a rig begins: 4 October 2024.
pub(super) const BEGIN: Timestamp = Timestamp::from_millis(20_000 * DAY_MS);

struct NoBook;

impl SecondBook for NoBook {
    fn write(&mut self, _: &Reservations) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A node, and what it can be started from again.
pub(super) struct Rig {
    pub(super) service: Service,
    pub(super) entropy: Entropy,
    keyring: Keyring,
    store: Arc<dyn Store>,
}

impl Rig {
    /// A node of Alice's on a store of its own.
    pub(super) fn new() -> Self {
        Self::on(Arc::new(Memory::new()))
    }

    /// The same on a store that a test watches.
    pub(super) fn on<S: Store>(inner: Arc<S>) -> Self {
        Self::with(inner, 9)
    }

    /// A node of somebody else's, whose keys follow from a number.
    pub(super) fn of(number: u64) -> Self {
        Self::with(Arc::new(Memory::new()), number)
    }

    fn with<S: Store>(inner: Arc<S>, number: u64) -> Self {
        let mut entropy = Entropy::from_number(number);
        let created = Keyring::create(&mut entropy, BEGIN);
        let flags = DeviceFlags::new(false, true);
        let keyring = created.keyring;
        let device = keyring.device_record(next_seq(None, BEGIN), BEGIN.day(), flags, Vec::new(), Vec::new());
        let me = Me {
            name: "Alice".to_owned(),
            about: String::new(),
            window_days: 0,
            strangers: 0,
            identity: created.identity.as_bytes().to_vec(),
            device: device.as_bytes().to_vec(),
            addresses: Vec::new(),
            device_day: BEGIN.day(),
            last_day: BEGIN.day(),
            next_number: 0,
        };
        let storage = StorageKeys::new(0, AtRestKey::random(&mut entropy));
        let store: Arc<dyn Store> = Arc::new(Sealed::new(inner, storage, entropy.split()));
        Service::create(&*store, &me).expect("memory");
        let service = start(&keyring, &store, &mut entropy, BEGIN);
        Self { service, entropy, keyring, store }
    }

    /// Ends the node, lets `change` have its store, and starts it again.
    pub(super) fn again(&mut self, change: impl FnOnce(&dyn Store)) {
        let now = self.service.now;
        change(&*self.store);
        self.service = start(&self.keyring, &self.store, &mut self.entropy, now);
    }

    pub(super) fn commit(&mut self) {
        self.service.commit().expect("memory");
        while self.service.poll_output().is_some() {}
    }

    /// The key that the node is found by.
    pub(super) fn node(&self) -> NodeId {
        self.keyring.node_id()
    }

    /// A new friend, with an epoch of theirs for moments.
    pub(super) fn befriend(&mut self, name: &str) -> Author {
        let created = Keyring::create(&mut self.entropy, BEGIN);
        let user = created.keyring.user();
        self.keep_friend(name, created.identity, None);
        let author = Author::new(user, Class::Posts, &mut self.entropy);
        self.service.insert_epoch(author.record());
        self.commit();
        author
    }

    /// Keeps somebody as a friend, with a device or without. Not committed.
    pub(super) fn keep_friend(
        &mut self,
        name: &str,
        identity: Verified<IdentityRecord>,
        device: Option<Verified<DeviceRecord>>,
    ) {
        let user = identity.user();
        let mut out = Writer::new();
        out.value(&user);
        for text in [name, name, "", ""] {
            out.bytes_u16(text.as_bytes());
        }
        out.u64(0).u32(0).u64(0).bool(false).raw(&[0; 64]).u32(0).value(&KnownIdentity::new(identity));
        out.u16(0).bytes_u16(&[]).u64(0).raw(&[0; 32]).bool(false);
        let mut friend: Friend = decode(out.as_slice()).expect("a friend of the first release");
        friend.devices.extend(device.map(|device| (device.device(), device)));
        self.service.state.friends.insert(user, friend);
        self.service.save_friend(&user);
    }

    /// Takes a text that a friend wrote, and commits.
    pub(super) fn take(&mut self, author: &mut Author, created: Timestamp, text: &str) -> EntryId {
        let values = PublicValues { text: text.to_owned(), ..PublicValues::default() };
        self.take_post(author, created, &values, Vec::new())
    }

    /// Takes a moment with photos, each a number that its blob is called by, of so many bytes.
    pub(super) fn take_photos(
        &mut self,
        author: &mut Author,
        created: Timestamp,
        photos: &[u8],
        bytes: u64,
    ) -> EntryId {
        let media = photos.iter().map(|n| Media {
            plain_hash: [*n; 32],
            plain_len: bytes,
            mime: Mime::from_code(1),
            width: 1,
            height: 1,
            duration_ms: 0,
            alt: String::new(),
        });
        let media_keys = photos.iter().map(|n| MediaKeys {
            blob: BlobId::from_bytes([*n; 32]),
            blob_key: BlobKey::from_bytes([*n; 32]),
            preview: BlobId::from_bytes([0; 32]),
            preview_key: BlobKey::from_bytes([0; 32]),
            preview_len: 0,
            thumbhash: Vec::new(),
        });
        let values = PublicValues { media: media.collect(), ..PublicValues::default() };
        self.take_post(author, created, &values, media_keys.collect())
    }

    pub(super) fn take_post(
        &mut self,
        author: &mut Author,
        created: Timestamp,
        values: &PublicValues,
        media_keys: Vec<MediaKeys>,
    ) -> EntryId {
        let public = PublicPart::new(values).expect("within the limits");
        let private = PrivatePart { media_keys, ..PrivatePart::default() };
        let body = Body::Post(Box::new(Post { public, private }));
        self.take_body(author, created, body)
    }

    pub(super) fn take_body(&mut self, author: &mut Author, created: Timestamp, body: Body) -> EntryId {
        let (id, header, body) = author.write(created, body, &mut self.entropy);
        self.service.take_entry(&header, body).expect("memory");
        self.commit();
        id
    }
}

fn start(keyring: &Keyring, store: &Arc<dyn Store>, entropy: &mut Entropy, now: Timestamp) -> Service {
    let parts = Parts {
        keyring: keyring.clone(),
        store: Arc::clone(store),
        book: Box::new(NoBook),
        beside: None,
        entropy: entropy.split(),
    };
    Service::new(parts, now).expect("the store opens")
}

/// A friend's epoch, as their device has it.
pub(super) struct Author {
    pub(super) user: UserId,
    pub(super) epoch: EpochId,
    pub(super) next: u64,
    /// The day after which what is written has expired.
    pub(super) expire_day: Option<Day>,
    class: Class,
    key: SigningKey,
    secret: EpochSecret,
    read_key: ReadKey,
}

impl Author {
    /// An epoch of somebody's.
    pub(super) fn new(user: UserId, class: Class, entropy: &mut Entropy) -> Self {
        let (key, secret) = (SigningKey::random(entropy), EpochSecret::random(entropy));
        let epoch = keys::epoch_id(key.public().as_bytes());
        let read_key = keys::read_key(&secret);
        Self { user, epoch, next: 0, expire_day: None, class, key, secret, read_key }
    }

    /// What a reader keeps of the epoch.
    pub(super) fn record(&self) -> EpochRecord {
        let mut out = Writer::new();
        out.value(&self.epoch).raw(self.key.public().as_bytes()).bool(true).raw(self.secret.expose_bytes());
        out.raw(&[0; 96]).value(&self.user).raw(&[0; 32]).u8(class_code(self.class));
        out.bool(false).u32(BEGIN.day().0).bool(false).u32(Day(0).0).bool(false);
        decode(out.as_slice()).expect("an epoch of the first release")
    }

    /// Writes under the next number: id, header, body.
    pub(super) fn write(
        &mut self,
        created: Timestamp,
        body: Body,
        entropy: &mut Entropy,
    ) -> (EntryId, Vec<u8>, Vec<u8>) {
        let content = Content { created: ClaimedTime::from_millis(created.as_millis()), body };
        let content = content.encode().expect("within the limits");
        let draft = Draft {
            epoch_key: &self.key,
            epoch: self.epoch,
            read_key: &self.read_key,
            seq: self.next,
            expire_day: self.expire_day,
            content: &content,
            min_padded: ENTRY_PADDED_MIN,
        };
        let entry = entry::write_with_nonce(draft, Nonce::random(entropy)).expect("it fits an entry");
        self.next += 1;
        let id = entry.id();
        let (header, body) = entry.into_parts();
        (id, header.bytes().to_vec(), body)
    }
}
