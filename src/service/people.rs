//! Friends and tags: who is who, by which word, in which list.

use std::collections::BTreeSet;

use super::Service;
use super::state::{Friend, NOTE_LIMIT, OpRecord, TagRecord};
use crate::ask::{AudienceWords, ProfileDraft};
use crate::audience::{Include, List, Op, Rule, TagId, Verb};
use crate::error::{Error, Result};
use crate::id::UserId;
use crate::identity::safety_words;
use crate::limits::{ABOUT_LIMIT, NAME_LIMIT, TAG_LIMIT, TAG_NAME_LIMIT};
use crate::view;

/// Shortest prefix of an id that names anybody, hex digits.
const ID_PREFIX_MIN: usize = 4;
/// The code of the error when a word names nobody.
pub(super) const NO_SUCH_PERSON: &str = "no_such_person";

impl Service {
    /// Who I am.
    pub fn whoami(&self, home: &str) -> view::Whoami {
        let (avatar, cover) = self.face_of(&self.me());
        view::Whoami {
            avatar,
            cover,
            status: self.status_of(&self.me()),
            user: self.keyring.user(),
            name: self.state.me.name.clone(),
            device: self.keyring.device_id(),
            home: home.to_owned(),
        }
    }

    /// How friends see me.
    pub fn profile(&self) -> view::Profile {
        let me = &self.state.me;
        let (avatar, cover) = self.face_of(&self.me());
        let status = self.status_of(&self.me());
        let (name, about, window_days) = (me.name.clone(), me.about.clone(), me.window_days);
        view::Profile { name, about, avatar, cover, status, window_days }
    }

    /// Changes how friends see me and tells them.
    ///
    /// # Errors
    /// Refused above a limit.
    pub fn set_profile(&mut self, draft: ProfileDraft) -> Result<view::Profile> {
        let mut me = self.state.me.clone();
        if let Some(name) = draft.name {
            me.name = checked_text("name", &name, NAME_LIMIT)?;
        }
        if let Some(about) = draft.about {
            within("about", &about, ABOUT_LIMIT)?;
            me.about = about;
        }
        let has_new_face = self.change_face(draft.avatar, draft.cover)?;
        if me != self.state.me || has_new_face {
            self.state.me = me;
            self.save_me();
            self.publish_profile()?;
        }
        Ok(self.profile())
    }

    /// All friends, by name.
    pub fn friends(&self) -> Vec<view::Friend> {
        let mut all: Vec<_> = self.state.friends.values().map(|friend| self.friend_view(friend)).collect();
        all.sort_by(|a, b| a.name.to_lowercase().cmp(&b.name.to_lowercase()).then(a.id.cmp(&b.id)));
        all
    }

    /// One friend, or somebody who is blocked, by word.
    ///
    /// # Errors
    /// Not found if nobody or more than one fits.
    pub fn friend(&self, word: &str) -> Result<view::Friend> {
        Ok(self.friend_view(self.named_or_blocked(word)?))
    }

    /// Gives a friend a name of my own; empty takes it back.
    ///
    /// # Errors
    /// Not found; refused above the limit.
    pub fn rename_friend(&mut self, word: &str, name: &str) -> Result<view::Friend> {
        let user = self.named(word)?.user;
        let name =
            if name.trim().is_empty() { String::new() } else { checked_text("name", name, NAME_LIMIT)? };
        self.change_friend(user, |friend| friend.name = name)
    }

    /// Keeps a note about a friend.
    ///
    /// # Errors
    /// Not found; refused above the limit.
    pub fn note_friend(&mut self, word: &str, note: &str) -> Result<view::Friend> {
        let user = self.named(word)?.user;
        within("note", note, NOTE_LIMIT)?;
        self.change_friend(user, |friend| note.clone_into(&mut friend.note))
    }

    /// The safety words of a friend; with an answer, keeps whether they match.
    ///
    /// # Errors
    /// Not found.
    pub fn verify_friend(&mut self, word: &str, matches: Option<bool>) -> Result<view::Safety> {
        let user = self.named(word)?.user;
        if let Some(matches) = matches {
            self.change_friend(user, |friend| friend.verified = matches)?;
        }
        let friend = self.named(&user.to_string())?;
        Ok(view::Safety {
            friend: self.person(&user),
            words: safety_words(&friend.safety).to_vec(),
            verified: friend.verified,
        })
    }

    /// Changes a friend's record and tells whoever listens.
    pub(super) fn change_friend(
        &mut self,
        user: UserId,
        change: impl FnOnce(&mut Friend),
    ) -> Result<view::Friend> {
        let friend = self.state.friends.get_mut(&user).ok_or_else(|| no_such_person(&user.short()))?;
        change(friend);
        self.save_friend(&user);
        let friend = self.state.friends.get(&user).ok_or_else(|| no_such_person(&user.short()))?;
        let view = self.friend_view(friend);
        self.emit(view::Happening::Friend { friend: Box::new(view.clone()) });
        Ok(view)
    }

    /// All tags, by name.
    pub fn tags(&self) -> Vec<view::Tag> {
        let mut all: Vec<_> = self.state.tags.keys().map(|id| self.tag_view(*id)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Puts friends under a tag, making the tag if it is new.
    ///
    /// # Errors
    /// Not found for a friend; refused above a limit.
    pub fn tag_add(&mut self, name: &str, words: &[String]) -> Result<view::Tag> {
        let people = self.named_all(words)?;
        let id = match self.tag_named(name) {
            Some(id) => id,
            None => self.new_tag(name)?,
        };
        self.change_members(id, &people, Verb::Add)
    }

    /// Takes friends out of a tag.
    ///
    /// # Errors
    /// Not found for the tag or a friend.
    pub fn tag_remove(&mut self, name: &str, words: &[String]) -> Result<view::Tag> {
        let people = self.named_all(words)?;
        let id = self.tag_named(name).ok_or_else(|| no_such_tag(name))?;
        self.change_members(id, &people, Verb::Remove)
    }

    /// Renames a tag; its audiences stay what they are.
    ///
    /// # Errors
    /// Not found; refused if the name is taken or too long.
    pub fn tag_rename(&mut self, name: &str, new: &str) -> Result<view::Tag> {
        let id = self.tag_named(name).ok_or_else(|| no_such_tag(name))?;
        let new = checked_text("tag", new, TAG_NAME_LIMIT)?;
        if self.tag_named(&new).is_some_and(|other| other != id) {
            return Err(Error::refused(
                "tag_exists",
                format!("there is a tag {new:?} already"),
                "choose another name",
            )
            .with("name", new));
        }
        let record = TagRecord { name: new };
        self.save_state(b't', &id.0.to_be_bytes(), &record);
        self.state.tags.insert(id, record);
        let people = self.state.people.tagged(id).collect();
        self.tell_friends(&people);
        Ok(self.tag_view(id))
    }

    /// Deletes a tag: whoever saw moments through it sees no new ones.
    ///
    /// # Errors
    /// Not found.
    pub fn tag_delete(&mut self, name: &str) -> Result<()> {
        let id = self.tag_named(name).ok_or_else(|| no_such_tag(name))?;
        let people: BTreeSet<UserId> = self.state.people.tagged(id).collect();
        self.change_members(id, &people, Verb::Remove)?;
        self.state.tags.remove(&id);
        self.remove_state(b't', &id.0.to_be_bytes());
        Ok(())
    }

    fn new_tag(&mut self, name: &str) -> Result<TagId> {
        let name = checked_text("tag", name, TAG_NAME_LIMIT)?;
        if self.state.tags.len() >= TAG_LIMIT {
            return Err(Error::refused(
                "tag_limit",
                format!("there are {TAG_LIMIT} tags already, which is the limit"),
                "delete one with `tidings tag delete`",
            )
            .with("limit", TAG_LIMIT));
        }
        let id = TagId(self.state.me.next_number);
        self.state.me.next_number = id.0.saturating_add(1);
        self.save_me();
        let record = TagRecord { name };
        self.save_state(b't', &id.0.to_be_bytes(), &record);
        self.state.tags.insert(id, record);
        Ok(id)
    }

    fn change_members(&mut self, id: TagId, people: &BTreeSet<UserId>, verb: Verb) -> Result<view::Tag> {
        let mut changed = BTreeSet::new();
        for user in people {
            if self.state.people.contains(List::Tag(id), user) != (verb == Verb::Add) {
                self.change_people(Op { list: List::Tag(id), user: *user, verb });
                changed.insert(*user);
            }
        }
        self.audiences_changed(people)?;
        self.tell_friends(&changed);
        Ok(self.tag_view(id))
    }

    /// Tells whoever listens how these friends are now: their tags have changed.
    fn tell_friends(&mut self, people: &BTreeSet<UserId>) {
        for user in people {
            if let Some(friend) = self.state.friends.get(user) {
                let friend = Box::new(self.friend_view(friend));
                self.emit(view::Happening::Friend { friend });
            }
        }
    }

    /// Changes who stands on which list, for good.
    pub(super) fn change_people(&mut self, op: Op) {
        let number = self.state.ops;
        self.state.ops = number.saturating_add(1);
        super::apply_op(&mut self.state.people, &op, number);
        self.save_state(b'o', &number.to_be_bytes(), &OpRecord(op));
        // Who was removed must be known before anything that follows from it leaves.
        self.barrier_before_output = true;
    }

    /// The rule that words say.
    ///
    /// # Errors
    /// Not found for an unknown or ambiguous word; usage if words contradict; refused for a friend who cannot be
    /// named (chats only, or hidden from).
    pub(super) fn rule(&self, words: &AudienceWords) -> Result<Rule> {
        if words.private {
            if !words.to.is_empty() || !words.except.is_empty() {
                return Err(Error::usage(
                    "audience_contradicts",
                    "only me cannot be joined with other audience words",
                    "leave out either --private or --to and --except",
                ));
            }
            return Ok(Rule::private());
        }
        let (tags, people) = self.tags_and_people(&words.to)?;
        let (except_tags, except_people) = self.tags_and_people(&words.except)?;
        for user in &people {
            let reason = if !self.state.people.contains(List::Moments, user) {
                "is a chats-only friend"
            } else if !self.state.people.contains(List::Mine, user) {
                "is one you hide your moments from"
            } else {
                continue;
            };
            let name = self.person(user).name;
            return Err(Error::refused(
                "cannot_be_named",
                format!("{name} {reason}, which wins over every audience"),
                "change that first, or leave them out",
            )
            .with("name", name));
        }
        let include = if words.to.is_empty() { Include::All } else { Include::Named { tags, people } };
        Rule::new(include, except_tags, except_people).map_err(|error| {
            Error::refused("audience_limit", error.to_string(), "name fewer, or put them under a tag")
        })
    }

    fn tags_and_people(&self, words: &[String]) -> Result<(BTreeSet<TagId>, BTreeSet<UserId>)> {
        let (mut tags, mut people) = (BTreeSet::new(), BTreeSet::new());
        for word in words {
            if let Some(name) = word.strip_prefix("tag:") {
                tags.insert(self.tag_named(name).ok_or_else(|| no_such_tag(name))?);
            } else if let Some(name) = word.strip_prefix('@') {
                people.insert(self.named(name)?.user);
            } else {
                match (self.tag_named(word), self.named(word)) {
                    (Some(_), Ok(_)) => {
                        return Err(Error::not_found(
                            "ambiguous_word",
                            format!("{word:?} is both a tag and a friend"),
                            format!("write tag:{word} or @{word}"),
                        ));
                    }
                    (Some(tag), Err(_)) => {
                        tags.insert(tag);
                    }
                    (None, Ok(friend)) => {
                        people.insert(friend.user);
                    }
                    (None, Err(error)) => return Err(error),
                }
            }
        }
        Ok((tags, people))
    }

    pub(super) fn tag_named(&self, name: &str) -> Option<TagId> {
        self.state.tags.iter().find(|(_, tag)| tag.name == name).map(|(id, _)| *id)
    }

    pub(super) fn named_all(&self, words: &[String]) -> Result<BTreeSet<UserId>> {
        words.iter().map(|word| Ok(self.named(word.strip_prefix('@').unwrap_or(word))?.user)).collect()
    }

    /// The friend a word names: the name I gave, their own name, or a prefix of their id.
    pub(super) fn named(&self, word: &str) -> Result<&Friend> {
        find(self.state.friends.values(), word)
    }

    /// Somebody by the name I know them under; a stranger by the beginning of their id.
    pub(super) fn person(&self, user: &UserId) -> view::Person {
        let name = if *user == self.keyring.user() {
            self.state.me.name.clone()
        } else {
            let blocked = || self.blocked().find(|friend| friend.user == *user);
            self.state.friends.get(user).or_else(blocked).map_or_else(|| user.short(), Friend::shown_name)
        };
        view::Person { id: *user, name }
    }

    fn tag_view(&self, id: TagId) -> view::Tag {
        let mut friends: Vec<_> = self.state.people.tagged(id).map(|user| self.person(&user)).collect();
        friends.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        let name = self.state.tags.get(&id).map(|tag| tag.name.clone()).unwrap_or_default();
        view::Tag { name, friends }
    }

    pub(super) fn friend_view(&self, friend: &Friend) -> view::Friend {
        let peer = self.online(&friend.user);
        let bond = self.state.bonds.get(&friend.user);
        let blocked = bond.and_then(|bond| bond.blocked.as_ref());
        let tags: BTreeSet<TagId> = match blocked {
            Some(blocked) => blocked.tags.clone(),
            None => self.state.people.tags_of(&friend.user).collect(),
        };
        let (avatar, cover) = self.face_of(&friend.user);
        view::Friend {
            about: friend.about.clone(),
            avatar,
            cover,
            status: self.status_of(&friend.user),
            id: friend.user,
            name: friend.shown_name(),
            own_name: friend.own_name.clone(),
            note: friend.note.clone(),
            tags: tags.iter().filter_map(|id| self.state.tags.get(id)).map(|tag| tag.name.clone()).collect(),
            since: friend.since,
            verified: friend.verified,
            online: peer.is_some(),
            path: peer.map(|(path, _)| path),
            last_seen: friend.last_seen,
            chats_only: !self.state.people.contains(List::Moments, &friend.user),
            hide_mine: !self.state.people.contains(List::Mine, &friend.user),
            hide_theirs: friend.hide_theirs,
            blocked: blocked.is_some(),
            introduced_by: bond.and_then(|bond| bond.introduced_by).map(|by| self.person(&by)),
            muted: self.is_muted(friend.user.as_bytes()),
            window_days: friend.window_days,
        }
    }
}

/// Whom of these a word names.
pub(super) fn find<'a>(people: impl Iterator<Item = &'a Friend> + Clone, word: &str) -> Result<&'a Friend> {
    let folded = word.to_lowercase();
    let mut fits: Vec<&Friend> =
        people.clone().filter(|friend| friend.shown_name().to_lowercase() == folded).collect();
    if fits.is_empty() {
        fits = people.clone().filter(|friend| friend.own_name.to_lowercase() == folded).collect();
    }
    // Last, because it writes out the id of everybody.
    if fits.is_empty() && word.len() >= ID_PREFIX_MIN {
        fits = people.filter(|friend| friend.user.to_string().starts_with(&folded)).collect();
    }
    match fits.as_slice() {
        [] => Err(no_such_person(word)),
        [friend] => Ok(friend),
        several => Err(Error::not_found(
            "ambiguous_person",
            format!("{} friends are called {word:?}", several.len()),
            format!(
                "use more of an id: {}",
                several.iter().map(|friend| friend.user.short()).collect::<Vec<_>>().join(", ")
            ),
        )),
    }
}

/// A line of text that is not empty and not too long.
pub(super) fn checked_text(what: &str, text: &str, limit: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::usage("empty", format!("the {what} is empty"), format!("give a {what}")));
    }
    within(what, text, limit)?;
    Ok(text.to_owned())
}

/// Text within its limit.
pub(super) fn within(what: &str, text: &str, limit: usize) -> Result<()> {
    if text.len() > limit {
        return Err(Error::refused(
            "too_long",
            format!("the {what} has {} bytes; at most {limit} are allowed", text.len()),
            "make it shorter",
        )
        .with("limit", limit));
    }
    Ok(())
}

pub(super) fn no_such_person(word: &str) -> Error {
    Error::not_found(NO_SUCH_PERSON, format!("no friend is called {word:?}"), "see `tidings friends`")
}

fn no_such_tag(name: &str) -> Error {
    Error::not_found("no_such_tag", format!("there is no tag {name:?}"), "see `tidings tag list`")
        .with("name", name)
}
