//! Checking ahead: what of an entry depends on bytes alone, worked out before its turn and on any thread.
//!
//! A strict signature check takes about half of what it takes to receive an entry. Whether an entry is valid, and what is
//! inside, is a function of its bytes and of its epoch's keys: so a shell that has several frames waiting may ask for a
//! [`Check`] of each ([`Service::check`]), run them wherever there is a core to spare, and hand the results in
//! ([`Service::checked`]) before it hands in the frames.
//!
//! ```text
//!  frames waiting ──check──▶ Check (bytes, keys) ──run, any thread──▶ Checked ──checked──▶ kept for this step
//!        └────────────────────────handle────────────────▶ take_entry: these very bytes? then no second check
//! ```
//!
//! A result decides nothing: it is used only for exactly the header, signature and body that it was made of, under
//! exactly the key that the epoch has at the time of use, and is forgotten with the step. A run with checks ahead and one
//! without give the same outputs. Every signature is checked singly and strictly; a batch check would take what others
//! refuse.
//!
//! Source: docs/protocol.md 3.4; docs/adr/0013-sync-at-speed.md.

use std::collections::BTreeMap;

use super::Service;
use super::sessions::{Spoken, Stream};
use crate::crypto::{ReadKey, ReadyKey, VerifyingKey};
use crate::entry::{Entry, HEADER_LEN, Unverified, Verified};
use crate::limits::READY_KEY_LIMIT;
use crate::link::Event;
use crate::moment::Content;
use crate::sync::Frame;

/// An entry that waits, with the keys to check it.
pub struct Check {
    entry: Entry<Unverified>,
    public: VerifyingKey,
    read_key: Option<ReadKey>,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Check").field(&self.entry).finish()
    }
}

impl Check {
    #[cfg(test)]
    pub(super) fn epoch(&self) -> crate::id::EpochId {
        self.entry.header().epoch()
    }

    /// Checks the signature, strictly, and opens the body. An entry that does not pass gives nothing: it is looked at
    /// again in its turn, so that only one place says what is wrong.
    ///
    /// # Cost
    /// 40–75 µs.
    pub fn run(self) -> Option<Checked> {
        self.run_with(&mut ReadyKeys::default())
    }

    /// As [`Check::run`], with keys that were made ready for the entries before it: a tenth of the time.
    pub fn run_with(self, keys: &mut ReadyKeys) -> Option<Checked> {
        let Self { entry, public, read_key } = self;
        let entry = entry.verify_ready(keys.of(&public)).ok()?;
        let content = read_key.and_then(|key| entry.open_with(&key).ok());
        let content = content.and_then(|bytes| Content::decode(&bytes).ok());
        Some(Checked { entry, public, content })
    }
}

/// Keys of epochs, ready for the next entry of each: those of a friend's backlog are few, and come again and again.
#[derive(Debug, Default)]
pub struct ReadyKeys {
    keys: BTreeMap<VerifyingKey, ReadyKey>,
}

impl ReadyKeys {
    fn of(&mut self, key: &VerifyingKey) -> &ReadyKey {
        // Whoever has so many epochs makes them ready anew now and then.
        if self.keys.len() >= READY_KEY_LIMIT && !self.keys.contains_key(key) {
            self.keys.clear();
        }
        self.keys.entry(*key).or_insert_with(|| key.ready())
    }
}

/// An entry that is valid, and what is inside.
pub struct Checked {
    entry: Entry<Verified>,
    public: VerifyingKey,
    content: Option<Content>,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Checked").field(&self.entry).finish()
    }
}

/// What was checked ahead in this step, by header.
#[derive(Debug, Default)]
pub(super) struct Checks {
    done: BTreeMap<[u8; HEADER_LEN], Checked>,
}

impl Checks {
    /// The result for exactly these bytes under this key, if there is one.
    pub(super) fn take(
        &mut self,
        entry: &Entry<Unverified>,
        public: &VerifyingKey,
    ) -> Option<(Entry<Verified>, Option<Content>)> {
        let found = self.done.remove(entry.header().bytes())?;
        let is_same = found.entry.body() == entry.body() && found.public.as_bytes() == public.as_bytes();
        is_same.then_some((found.entry, found.content))
    }

    pub(super) fn clear(&mut self) {
        self.done.clear();
    }

    #[cfg(test)]
    pub(super) fn has(&self, header: &[u8]) -> bool {
        self.done.keys().any(|key| key == header)
    }
}

impl Service {
    /// What can be checked ahead of an event that waits: of an entry in a session, whose epoch is here and which is not.
    /// For everything else there is nothing.
    pub fn check(&self, event: &Event) -> Option<Check> {
        let Event::Frame { stream, frame } = event else { return None };
        let Some(Stream { spoken: Spoken::Sync(_), .. }) = self.net.streams.get(stream) else { return None };
        if !Frame::is_entry(frame) {
            return None;
        }
        let Ok(Some(Frame::Entry(entry))) = Frame::decode(frame) else { return None };
        self.check_of(&entry.header[..], entry.body)
    }

    pub(super) fn check_of(&self, header: &[u8], body: Vec<u8>) -> Option<Check> {
        let entry = Entry::<Unverified>::from_parts(header, body).ok()?;
        let record = self.state.epochs.get(&entry.header().epoch())?;
        Some(Check { entry, public: record.public, read_key: record.read_key() })
    }

    /// Takes the result of a check that was run ahead. It serves until the step ends.
    pub fn checked(&mut self, checked: Checked) {
        self.checks.done.insert(*checked.entry.header().bytes(), checked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Entropy, SigningKey};

    #[test]
    fn ready_keys_are_kept_up_to_the_limit_and_then_made_anew() {
        let mut entropy = Entropy::from_number(3);
        let mut keys = ReadyKeys::default();
        let mut next = || SigningKey::random(&mut entropy).public();
        let known: Vec<VerifyingKey> = (0..READY_KEY_LIMIT).map(|_| next()).collect();
        for key in known.iter().chain(&known) {
            assert_eq!(keys.of(key).key(), key);
        }
        assert_eq!(keys.keys.len(), READY_KEY_LIMIT, "each once");
        let one_more = next();
        assert_eq!(keys.of(&one_more).key(), &one_more);
        assert_eq!(keys.keys.len(), 1, "the others went");
    }
}
