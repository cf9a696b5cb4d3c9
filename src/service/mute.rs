//! What gives no notices: single moments, and people.
//!
//! A mute is a mark of my own that nobody learns of. What is muted stays where it is in the timeline and in threads; no
//! notice is made of it, and those there are show again once the mute ends.
//!
//! ```text
//!  Tree::Marks   'm' ‖ entry id or user id   since when 8
//! ```

use super::{Service, people};
use crate::error::{Error, Kind, Result as Said};
use crate::id::EntryId;
use crate::store::Tree;
use crate::store::layout::mark_key;
use crate::view::Muted;

/// The kind of these marks.
pub(super) const MUTED: u8 = b'm';

impl Service {
    /// Gives no notices about a moment, or from a friend, any more.
    ///
    /// # Errors
    /// Not found, also for a word that names both.
    pub fn mute(&mut self, word: &str) -> Said<Muted> {
        let muted = self.mutable(word)?;
        let id = bytes_of(&muted);
        if self.notices.muted.insert(id) {
            self.tx.put(Tree::Marks, &mark_key(MUTED, &id), self.now.as_millis().to_be_bytes().to_vec());
            self.told_mute(&muted)?;
        }
        Ok(muted)
    }

    /// Ends a mute.
    ///
    /// # Errors
    /// Not found, also for a word that names both.
    pub fn unmute(&mut self, word: &str) -> Said<Muted> {
        let muted = self.mutable(word)?;
        if self.is_muted(&bytes_of(&muted)) {
            self.forget_mute(&bytes_of(&muted));
            self.told_mute(&muted)?;
        }
        Ok(muted)
    }

    pub(super) fn is_muted(&self, id: &[u8; 32]) -> bool {
        self.notices.muted.contains(id)
    }

    /// A moment is gone, or its mute has ended.
    pub(super) fn forget_mute(&mut self, id: &[u8; 32]) {
        if self.notices.muted.remove(id) {
            self.tx.remove(Tree::Marks, &mark_key(MUTED, id));
        }
    }

    /// Other windows of the page show it too.
    fn told_mute(&mut self, muted: &Muted) -> Said<()> {
        match muted {
            Muted::Moment(id) => self.thread_changed(id, &self.rows(id)?)?,
            Muted::Person(user) => {
                self.change_friend(*user, |_| {})?;
            }
        }
        Ok(())
    }

    /// The moment or friend that a word names; `@WORD` is a friend.
    fn mutable(&self, word: &str) -> Said<Muted> {
        if let Some(name) = word.strip_prefix('@') {
            return Ok(Muted::Person(self.named(name)?.user));
        }
        let moment: Said<EntryId> = self.resolve_moment(word);
        match (moment, self.named(word)) {
            (Ok(_), Ok(_)) => Err(Error::not_found(
                "ambiguous_word",
                format!("{word:?} is both a moment and a friend"),
                format!("write @{word} for the friend, or more of the moment's id"),
            )),
            (Ok(id), Err(_)) => Ok(Muted::Moment(id)),
            (Err(_), Ok(friend)) => Ok(Muted::Person(friend.user)),
            (Err(moment), Err(person)) => Err(match (moment.code, person.code) {
                // Whichever says more than that there is none.
                ("ambiguous_id", _) => moment,
                (_, code) if code != people::NO_SUCH_PERSON => person,
                _ if moment.kind != Kind::NotFound => moment,
                _ => Error::not_found(
                    "no_such_moment",
                    format!("there is no moment and no friend {word:?}"),
                    "see `tidings timeline` and `tidings friends`",
                ),
            }),
        }
    }
}

fn bytes_of(muted: &Muted) -> [u8; 32] {
    match muted {
        Muted::Moment(id) => *id.as_bytes(),
        Muted::Person(id) => *id.as_bytes(),
    }
}
