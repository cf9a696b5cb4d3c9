//! Moments privacy: how far back, strangers, hiding mine, hiding theirs, chats only.
//!
//! All of it is silent: nobody is told that something is hidden from them. What is hidden stays hidden in two ways: new
//! moments are written under epochs without them (`publish`), old ones are taken back (`readers`). Undoing it gives back
//! what they had; what was shared meanwhile stays closed to them, since it was written without them (I2), until its
//! author opens that very moment to them (`rules`).
//!
//! Narrowing the window takes no key back: friends' nodes hide and newcomers get nothing older. Widening it gives
//! friends what they lack.
//!
//! Source: docs/protocol.md 3.3, 3.10, 3.11.

use std::collections::BTreeSet;

use super::Service;
use crate::ask::PrivacyDraft;
use crate::audience::{List, Op, Verb, Window};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::view;

/// The windows there are, by word and days; 0 = all. Half a year is 183 days, a month 31.
const WINDOWS: [(&str, u32); 4] = [("all", 0), ("6m", 183), ("1m", 31), ("3d", 3)];
/// How many moments a stranger may see, if any.
const STRANGERS: u8 = 10;

impl Service {
    /// Who sees what.
    pub fn privacy(&self) -> view::Privacy {
        let days = self.state.me.window_days;
        let off = |list: List| {
            let friends = self.state.friends.keys();
            let off: BTreeSet<UserId> =
                friends.filter(|user| !self.state.people.contains(list, user)).copied().collect();
            self.by_name(&off)
        };
        let unseen = self.state.friends.values().filter(|friend| friend.hide_theirs);
        view::Privacy {
            // No other number is ever set; one that is reads as the next wider window.
            window: WINDOWS
                .iter()
                .rev()
                .find(|(_, of)| *of >= days && days > 0)
                .map_or("all", |(word, _)| word),
            window_days: days,
            strangers: self.state.me.strangers,
            hide_mine_from: off(List::Mine),
            hide_theirs: self.by_name(&unseen.map(|friend| friend.user).collect()),
            chats_only: off(List::Moments),
        }
    }

    /// Changes it. All of the change is made or nothing.
    ///
    /// # Errors
    /// Not found for a friend; usage for a window or number that is none, or one friend both hidden and shown.
    pub fn set_privacy(&mut self, draft: &PrivacyDraft) -> Result<view::Privacy> {
        let window = draft.window.as_deref().map(window_of).transpose()?;
        if draft.strangers.is_some_and(|number| number != 0 && number != STRANGERS) {
            return Err(Error::usage(
                "bad_strangers",
                format!("strangers see {STRANGERS} moments or none"),
                format!("give 0 or {STRANGERS}"),
            ));
        }
        let hidden = self.both_ways("mine", &draft.hide_mine_from, &draft.show_mine_to)?;
        let unseen = self.both_ways("theirs", &draft.hide_theirs, &draft.show_theirs)?;
        let mut changed = BTreeSet::new();
        for (user, is_hidden) in hidden {
            if self.set_listed(List::Mine, &user, !is_hidden) {
                changed.insert(user);
            }
        }
        for (user, is_hidden) in unseen {
            if self.state.friends.get(&user).is_some_and(|friend| friend.hide_theirs != is_hidden) {
                self.change_friend(user, |friend| friend.hide_theirs = is_hidden)?;
            }
        }
        if let Some(strangers) = draft.strangers.filter(|number| *number != self.state.me.strangers) {
            self.state.me.strangers = strangers;
            self.save_me();
        }
        let before = self.window();
        if let Some(days) = window.filter(|days| *days != before.days) {
            self.state.me.window_days = days;
            self.save_me();
            if is_wider(before, self.window()) {
                changed.extend(self.state.friends.keys());
            }
            self.publish_profile()?;
        }
        self.follow_people(&changed)?;
        self.answer_after_barrier = true;
        Ok(self.privacy())
    }

    /// Makes a friend chats-only, or not: they see no moments of mine, whatever a rule says.
    ///
    /// # Errors
    /// Not found.
    pub fn chats_only(&mut self, word: &str, is_so: bool) -> Result<view::Friend> {
        let user = self.named(word)?.user;
        if self.set_listed(List::Moments, &user, !is_so) {
            self.follow_people(&BTreeSet::from([user]))?;
        }
        self.answer_after_barrier = true;
        self.friend(&user.to_string())
    }

    /// Strangers who would see a moment of this rule: those whose pairing is pending, if strangers may see any.
    pub(super) fn strangers_of(&self, rule: &crate::audience::Rule) -> usize {
        if self.state.me.strangers == 0 || *rule != crate::audience::Rule::everyone() {
            return 0;
        }
        let is_stranger = |user: &&UserId| !self.state.friends.contains_key(user);
        let pending = self.state.pending.iter().filter(|(_, pair)| !pair.pending.is_refused());
        pending.map(|(user, _)| user).filter(is_stranger).count()
    }

    /// Whether anything changed.
    fn set_listed(&mut self, list: List, user: &UserId, is_on: bool) -> bool {
        let changes = self.state.people.contains(list, user) != is_on;
        if changes {
            let verb = if is_on { Verb::Add } else { Verb::Remove };
            self.change_people(Op { list, user: *user, verb });
        }
        changes
    }

    /// Audiences and old moments follow, and whoever listens is told.
    fn follow_people(&mut self, changed: &BTreeSet<UserId>) -> Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        self.audiences_changed(changed)?;
        self.status_follows(changed)?;
        for user in changed {
            self.emit_friend(user);
        }
        Ok(())
    }

    /// Who is hidden (true) and who is shown, by words.
    fn both_ways(&self, what: &str, hide: &[String], show: &[String]) -> Result<Vec<(UserId, bool)>> {
        let (hide, show) = (self.named_all(hide)?, self.named_all(show)?);
        if let Some(both) = hide.intersection(&show).next() {
            return Err(Error::usage(
                "privacy_contradicts",
                format!("{} is both hidden and shown ({what})", self.person(both).name),
                "say one of the two",
            ));
        }
        Ok(hide
            .into_iter()
            .map(|user| (user, true))
            .chain(show.into_iter().map(|user| (user, false)))
            .collect())
    }

    /// People by the name I know them under, in the order of names.
    pub(super) fn by_name(&self, users: &BTreeSet<UserId>) -> Vec<view::Person> {
        let mut people: Vec<view::Person> = users.iter().map(|user| self.person(user)).collect();
        people.sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then(a.id.cmp(&b.id)));
        people
    }
}

fn window_of(word: &str) -> Result<u32> {
    WINDOWS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, days)| *days)
        .ok_or_else(|| Error::usage("bad_window", format!("{word:?} is no window"), "give all, 6m, 1m or 3d"))
}

const fn is_wider(before: Window, after: Window) -> bool {
    before.days != 0 && (after.days == 0 || after.days > before.days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_one_of_four_words() {
        for (word, days) in WINDOWS {
            assert_eq!(window_of(word), Ok(days));
        }
        for bad in ["", "0", "3", "1y", "ALL"] {
            assert_eq!(window_of(bad).expect_err("none").code, "bad_window", "{bad}");
        }
    }

    #[test]
    fn all_is_the_widest_window() {
        let window = |days| Window { days };
        assert!(is_wider(window(3), window(31)) && is_wider(window(3), Window::ALL));
        assert!(!is_wider(Window::ALL, window(183)) && !is_wider(window(31), window(3)));
        assert!(!is_wider(window(3), window(3)) && !is_wider(Window::ALL, Window::ALL));
    }
}
