//! Who may see a moment: rules over friends and tags, who that is now, and which epoch to write under.
//!
//! A person says an audience once, as a [`Rule`] ("everyone", "only family and Bob", "everyone but colleagues"). Who
//! that is gets worked out again whenever friends or tags change, from [`People`]: what this device knows of them.
//! Cryptography knows neither; it knows epochs, each with one writer device and a fixed set of recipients. This module
//! is the step between:
//!
//! ```text
//!   Rule ─┐
//!         ├─ members ─→ who that is now ─┐
//! People ─┘                              ├─ choose ─→ Use e | Share e with the new ones | Mint a new one
//!              epochs of this device ────┘
//! ```
//!
//! Everything here is a pure function of values that its caller keeps. It mints no key, sends nothing, stores nothing
//! and knows no device of anybody; the service does what a [`Choice`] says, and makes it durable before anything
//! leaves (docs/protocol.md 3.13).
//!
//! Invariants: an entry is written only under an epoch whose recipients are the members at that moment (I1); whoever
//! the writing device knows to have been removed can never open what it wrote from then on (I2); two devices that saw
//! the same changes in any order have the same people (I24). `tests/audience_model.rs` holds them against random
//! histories of two devices, and shows that epochs shared by devices break I2.
//!
//! Source: docs/protocol.md 3.3, 3.11.

mod ahead;
mod epoch;
mod follow;
mod newcomer;
mod people;
mod rule;

use std::collections::BTreeSet;

use crate::id::UserId;

pub use ahead::{Want, due};
pub use epoch::{Change, Choice, Closings, Minted, State, choose, closings, excess, outlived};
pub use follow::{Follow, Standing, follow};
pub use newcomer::{Share, Window, Written, grants, shares};
pub use people::{Dot, List, Op, People, Seen, Verb};
pub use rule::{Include, Kind, Rule, RuleError, TagId};

/// Something that entries are written for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// `~self`: one's own devices and nobody else.
    SelfDevices,
    /// `~contact`: every friend. Records, profile, likes and comments.
    Contact,
    /// Moments, for those a rule names. The same rule is the same audience.
    Posts(Rule),
}

/// Why a friend does not see a moment. The first reason that holds, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Not a friend.
    NotAFriend,
    /// Chats only: sees no moments at all. Wins over every rule.
    ChatsOnly,
    /// I hide all of mine from them. Wins over every rule.
    HideMine,
    /// The rule leaves them out by name.
    Excluded,
    /// The rule leaves out a tag they are in (the lowest such).
    ExcludedByTag(TagId),
    /// The rule names others.
    NotIncluded,
}

/// The friends an audience consists of now. Own devices are never listed: they hold every epoch of their person.
///
/// # Cost
/// Friends × tags of the rule, each a look-up.
pub fn members(audience: &Audience, people: &People) -> BTreeSet<UserId> {
    let rule = match audience {
        Audience::SelfDevices => return BTreeSet::new(),
        Audience::Contact => return people.friends().collect(),
        Audience::Posts(rule) => rule,
    };
    people.friends().filter(|user| why_left_out(rule, people, user).is_none()).collect()
}

/// Why `user` does not see what is posted under `rule` now; `None` if they do. What `post --dry-run` prints.
pub fn why_left_out(rule: &Rule, people: &People, user: &UserId) -> Option<LeftOut> {
    if !people.contains(List::Friends, user) {
        return Some(LeftOut::NotAFriend);
    }
    if !people.contains(List::Moments, user) {
        return Some(LeftOut::ChatsOnly);
    }
    if !people.contains(List::Mine, user) {
        return Some(LeftOut::HideMine);
    }
    if rule.exclude_people().contains(user) {
        return Some(LeftOut::Excluded);
    }
    if let Some(tag) = rule.exclude_tags().iter().find(|tag| people.contains(List::Tag(**tag), user)) {
        return Some(LeftOut::ExcludedByTag(*tag));
    }
    let included = match rule.include() {
        Include::All => true,
        Include::Named { tags, people: named } => {
            named.contains(user) || tags.iter().any(|tag| people.contains(List::Tag(*tag), user))
        }
    };
    (!included).then_some(LeftOut::NotIncluded)
}

/// Whether this device knows of a change that took `user` out of the audience, ever; being back does not undo it.
///
/// Errs towards yes: a friend who was in a tag that the rule leaves out counts as removed, even if nothing was posted
/// meanwhile. A yes costs a new epoch; a wrong no would open to somebody what was written without them.
pub fn was_removed(audience: &Audience, people: &People, user: &UserId) -> bool {
    if people.was_removed(List::Friends, user) {
        return true;
    }
    let Audience::Posts(rule) = audience else { return false };
    let withheld = people.was_removed(List::Moments, user) || people.was_removed(List::Mine, user);
    let left_a_tag = match rule.include() {
        Include::All => false,
        Include::Named { tags, .. } => tags.iter().any(|tag| people.was_removed(List::Tag(*tag), user)),
    };
    let was_excluded = rule.exclude_tags().iter().any(|tag| people.was_added(List::Tag(*tag), user));
    withheld || left_a_tag || was_excluded || rule.exclude_people().contains(user)
}

#[cfg(test)]
mod tests;
