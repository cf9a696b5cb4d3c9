//! A cast of authors who never come, and what they wrote: homes with very many moments, for measurements and tests.
//!
//! Everything follows from a [`Plan`]: two homes that are given the same plan agree on every key and every byte, so that
//! they can be brought to differ in exactly the entries that a measurement wants. An entry is sealed and signed as its
//! author's device would, and taken by the way of real entries (`service/furnish.rs`).
//!
//! ```text
//!  n          0 … moments-1, oldest first      author   a turn of all authors, begun elsewhere each time
//!  number     n / authors                      shown    newest - (moments-1-n) × pace - less than a pace
//! ```
//!
//! What it does not do: authors have no devices, so nobody dials them, and no audience has them as members.

use std::sync::OnceLock;

use crate::crypto::{Entropy, EpochSecret, Nonce, ReadKey, Signature, SigningKey, hash, keys};
use crate::entry::{Draft, WriteError, write_with_nonce};
use crate::id::{DeviceId, EpochId};
use crate::identity::{IdentityRecord, Keyring, KnownIdentity, Verified};
use crate::limits::ENTRY_PADDED_MIN;
use crate::moment::{Body, Class, Content, Post, PrivatePart, PublicPart, PublicValues};
use crate::service::Service;
use crate::service::state::EpochRecord;
use crate::store::StoreError;
use crate::time::{ClaimedTime, Timestamp};

/// Entries that one commit takes together.
const COMMIT_EVERY: usize = 500;
/// Every so many moments hold the common word.
const COMMON_EVERY: u64 = 10;

/// What a home is furnished with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// All keys follow from it.
    pub seed: u64,
    /// How many people write.
    pub authors: u64,
    /// How many moments there are.
    pub moments: u64,
    /// When the newest was written, by all clocks.
    pub newest: Timestamp,
    /// Time between two moments, ms.
    pub pace_ms: u64,
}

impl Plan {
    /// A hundred authors, a moment every three minutes: 100,000 reach back seven months.
    pub const fn of(moments: u64, newest: Timestamp) -> Self {
        Self { seed: 1, authors: 100, moments, newest, pace_ms: 3 * 60_000 }
    }
}

/// People who are keys.
#[derive(Debug)]
pub struct Cast {
    plan: Plan,
    authors: Vec<Author>,
}

#[derive(Debug)]
struct Author {
    name: String,
    identity: Verified<IdentityRecord>,
    device: DeviceId,
    /// What finds mutual friends: no entry of it is written.
    contact: Epoch,
    posts: Epoch,
}

#[derive(Debug)]
struct Epoch {
    key: SigningKey,
    secret: EpochSecret,
    id: EpochId,
    read_key: ReadKey,
}

/// An entry, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its header.
    pub header: Vec<u8>,
    /// Its sealed body.
    pub body: Vec<u8>,
}

impl Cast {
    /// The people of a plan. At least one writes.
    pub fn new(plan: Plan) -> Self {
        let plan = Plan { authors: plan.authors.max(1), ..plan };
        let begun = plan.newest.minus_ms(plan.pace_ms.saturating_mul(plan.moments.saturating_add(1)));
        let mut entropy = Entropy::from_number(plan.seed);
        let authors = (0..plan.authors).map(|n| Author::new(n, begun, &mut entropy)).collect();
        Self { plan, authors }
    }

    /// What it was made by.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// When the `n`th moment was written.
    pub fn shown(&self, n: u64) -> Timestamp {
        let older = self.plan.moments.saturating_sub(1).saturating_sub(n);
        let jitter = Entropy::from_seed(self.seed_of(n, b"time")).below(self.plan.pace_ms);
        self.plan.newest.minus_ms(older.saturating_mul(self.plan.pace_ms).saturating_add(jitter))
    }

    /// Makes all of them friends of a home. Committed.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses.
    pub fn join(&self, service: &mut Service) -> Result<(), StoreError> {
        for author in &self.authors {
            service.furnish_friend(&author.name, author.identity.clone(), author.records(self));
        }
        service.furnish_commit()
    }

    /// The `n`th entry with a body of the caller's: always the same bytes.
    ///
    /// # Errors
    /// [`WriteError`] if the body is too long.
    pub fn write(&self, n: u64, body: Body) -> Result<Written, WriteError> {
        let authors = self.plan.authors;
        let turn = n.checked_div(authors).unwrap_or(0);
        let at = n.saturating_add(turn.saturating_mul(7)).checked_rem(authors).unwrap_or(0);
        let author = usize::try_from(at).ok().and_then(|at| self.authors.get(at));
        let too_long = WriteError::TooLong { limit_bytes: 0, actual_bytes: 0 };
        let epoch = &author.ok_or(too_long)?.posts;
        let created = ClaimedTime::from_millis(self.shown(n).as_millis());
        let content = Content { created, body }.encode().map_err(|_| too_long)?;
        let draft = Draft {
            epoch_key: &epoch.key,
            epoch: epoch.id,
            read_key: &epoch.read_key,
            seq: turn,
            expire_day: None,
            content: &content,
            min_padded: ENTRY_PADDED_MIN,
        };
        let nonce = Nonce::random(&mut Entropy::from_seed(self.seed_of(n, b"nonce")));
        let (header, body) = write_with_nonce(draft, nonce)?.into_parts();
        Ok(Written { header: header.bytes().to_vec(), body })
    }

    /// The `n`th moment: a text of about 300 bytes.
    ///
    /// # Errors
    /// As [`Cast::write`].
    pub fn moment(&self, n: u64) -> Result<Written, WriteError> {
        let values = PublicValues { text: text(n, self.plan.moments), ..PublicValues::default() };
        let public =
            PublicPart::new(&values).map_err(|_| WriteError::TooLong { limit_bytes: 0, actual_bytes: 0 })?;
        self.write(n, Body::Post(Box::new(Post { public, private: PrivatePart::default() })))
    }

    /// Lets a home take these moments, a commit for every 500. How many were new. `told` hears how far it is.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses.
    pub fn fill(
        &self,
        service: &mut Service,
        which: impl IntoIterator<Item = u64>,
        mut told: impl FnMut(u64),
    ) -> Result<u64, StoreError> {
        let (mut kept, mut waiting) = (0u64, 0usize);
        for n in which {
            // A text of this length always fits.
            let Ok(written) = self.moment(n) else { continue };
            kept = kept.saturating_add(u64::from(service.furnish_entry(&written.header, written.body)?));
            waiting = waiting.saturating_add(1);
            if waiting == COMMIT_EVERY {
                waiting = 0;
                service.furnish_commit()?;
                told(kept);
            }
        }
        service.furnish_commit()?;
        Ok(kept)
    }

    fn seed_of(&self, n: u64, what: &[u8]) -> [u8; 32] {
        hash(&[&self.plan.seed.to_be_bytes()[..], &n.to_be_bytes(), what].concat())
    }
}

impl Author {
    fn new(n: u64, begun: Timestamp, entropy: &mut Entropy) -> Self {
        let created = Keyring::create(entropy, begun);
        Self {
            name: format!("Friend {n}"),
            identity: created.identity,
            device: created.keyring.device_id(),
            contact: Epoch::new(entropy),
            posts: Epoch::new(entropy),
        }
    }

    /// What a reader keeps of the epochs.
    fn records(&self, cast: &Cast) -> [EpochRecord; 2] {
        let user = KnownIdentity::new(self.identity.clone()).user();
        [(&self.contact, Class::Contact), (&self.posts, Class::Posts)].map(|(epoch, class)| EpochRecord {
            id: epoch.id,
            public: epoch.key.public(),
            secret: Some(epoch.secret.clone()),
            es_commit: keys::es_commit(&epoch.secret),
            // Only what arrives with keys is asked for its claim; these were never sent.
            claim: Signature::from_bytes([0; 64]),
            author: user,
            device: self.device,
            class,
            author_only: false,
            opened: cast.shown(0).day(),
            closed: None,
            own: None,
            read: OnceLock::new(),
            shared: OnceLock::new(),
        })
    }
}

impl Epoch {
    fn new(entropy: &mut Entropy) -> Self {
        let (key, secret) = (SigningKey::random(entropy), EpochSecret::random(entropy));
        let (id, read_key) = (keys::epoch_id(key.public().as_bytes()), keys::read_key(&secret));
        Self { key, secret, id, read_key }
    }
}

/// What the `n`th of so many moments says, about 300 bytes: every tenth holds the word `harbour`, one in the middle
/// `quicksilver`, none `zanzibar`.
pub fn text(n: u64, all: u64) -> String {
    let common = if n.is_multiple_of(COMMON_EVERY) { "harbour" } else { "meadow" };
    let rare = if Some(n) == all.checked_div(2) { "quicksilver" } else { "ordinary" };
    let rest = "It was one of those days on which nothing happens and everything is well: bread, a walk, the old dog \
                asleep by the door, and somebody two gardens further on who practises the same eight bars over and over until \
                the lamps are lit. It rained a little.";
    format!("Moment {n}: a {common}, an {rare} evening. {rest}")
}

#[cfg(test)]
mod tests;
