//! What stands beside a moment's text and pictures (a link's card, a place, a mood), and the status of a person.
//!
//! A link's card is made by whoever posts: here it is checked and put into the post, nothing is fetched, by nobody who
//! reads. A place is rounded here, so that no caller can tell more than was asked for.
//!
//! A status goes to the audience *everyone*, so chats-only friends and those I hide from do not get it. One of mine
//! stands at a time: a new one withdraws the one before. Of others the newest counts, until it ends; one record a person
//! is kept, and it stays when the status is over, lest an older one that arrives late is shown again.
//!
//! Source: docs/protocol.md 3.4 (link card, place, mood, Status), 3.15 (expiry).

use std::collections::BTreeSet;

use super::Service;
use super::media::of_photo;
use super::people::within;
use super::publish::internal;
use super::state::StatusRecord;
use crate::ask::{LinkDraft, MoodDraft, PlaceDraft, PostDraft, StatusDraft};
use crate::audience::{Audience, Rule};
use crate::crypto::Nonce;
use crate::error::{Error, Result};
use crate::id::{EntryId, EpochId, UserId};
use crate::limits::{
    EMOJI_LIMIT, ENTRY_PADDED_MIN, LINK_DESCRIPTION_LIMIT, LINK_SITE_LIMIT, LINK_TITLE_LIMIT, LINK_URL_LIMIT,
    MOOD_TEXT_LIMIT, PLACE_NAME_LIMIT, POST_PHOTO_LIMIT, STATUS_LIFE_DEFAULT_MS, STATUS_LIFE_LIMIT_MS,
};
use crate::moment::card::{LinkCard, Mood, Place, Position};
use crate::moment::media::{Media, MediaKeys};
use crate::moment::{Body, Post, PublicValues, Status};
use crate::store::StoreError;
use crate::time::{ClaimedTime, Timestamp};
use crate::view;

/// Statuses, among the records of kind `c`.
const STATUS: u8 = 1;

impl Service {
    /// Tells friends what I am at, until it ends. The answer may be given once a barrier has passed.
    ///
    /// # Errors
    /// Usage if it says nothing or lasts no time; refused above a limit.
    pub fn set_status(&mut self, draft: StatusDraft) -> Result<(EntryId, view::StatusLine)> {
        let mood = MoodDraft { text: draft.text.trim().to_owned(), emoji: draft.emoji.trim().to_owned() };
        check_mood("status", &mood)?;
        let life = draft.life_ms.unwrap_or(STATUS_LIFE_DEFAULT_MS);
        if life == 0 {
            return Err(Error::usage("no_time", "the status would end at once", "give a span, such as 24h"));
        }
        if life > STATUS_LIFE_LIMIT_MS {
            let days = STATUS_LIFE_LIMIT_MS / crate::time::DAY_MS;
            return Err(Error::refused(
                "status_too_long",
                format!("a status lasts at most {days} days"),
                "choose a shorter time, or share a moment",
            )
            .with("days", days));
        }
        self.withdraw_status()?;
        let epoch = self.epoch_for(&Audience::Posts(Rule::everyone()))?;
        let (seq, created) = self.next_number(&epoch)?;
        let nonce = Nonce::random(&mut self.entropy);
        let until = ClaimedTime::from_millis(created.as_millis().saturating_add(life));
        let expires = Timestamp::from_millis(until.as_millis()).day();
        let status = Status { until, text: mood.text, emoji: mood.emoji, unknown: Default::default() };
        let numbered = (seq, created, nonce);
        let id =
            self.write_numbered(epoch, numbered, Body::Status(status), ENTRY_PADDED_MIN, Some(expires))?;
        self.answer_after_barrier = true;
        let said = self.status_of(&self.me()).ok_or_else(internal)?;
        Ok((id, said))
    }

    /// Takes my status back: friends' devices are asked to delete it. Its entry, if there was one.
    ///
    /// # Errors
    /// Failed if the disk refuses.
    pub fn clear_status(&mut self) -> Result<Option<EntryId>> {
        self.withdraw_status()
    }

    /// Withdraws my status unless it has ended by itself.
    fn withdraw_status(&mut self) -> Result<Option<EntryId>> {
        let standing = self.state.statuses.get(&self.me()).filter(|status| stands(status, self.now));
        let Some(entry) = standing.map(|status| status.entry) else { return Ok(None) };
        self.withdraw(&entry)?;
        Ok(Some(entry))
    }

    /// Who sees what has changed: a friend who is to see nothing of mine any more loses my status too, and the others get
    /// it anew.
    pub(super) fn status_follows(&mut self, changed: &BTreeSet<UserId>) -> Result<()> {
        let standing = self.state.statuses.get(&self.me()).filter(|status| stands(status, self.now));
        let Some(status) = standing.cloned() else { return Ok(()) };
        let epoch = self.place(&status.entry)?.map(|place| place.epoch);
        let own = epoch.and_then(|epoch| self.state.epochs.get(&epoch)?.own.as_ref());
        let has_lost = own.is_some_and(|own| {
            let had = changed.iter().filter(|user| own.recipients.contains(user));
            had.into_iter().any(|user| !self.is_member(user, own.audience))
        });
        if has_lost {
            let life_ms = Some(status.until.since(self.now));
            self.set_status(StatusDraft { text: status.text, emoji: status.emoji, life_ms })?;
        }
        Ok(())
    }

    /// What somebody is at now, if they say so and I see what is theirs.
    pub(super) fn status_of(&self, user: &UserId) -> Option<view::StatusLine> {
        if self.state.friends.get(user).is_some_and(|friend| friend.hide_theirs) {
            return None;
        }
        let status = self.state.statuses.get(user).filter(|status| stands(status, self.now))?;
        let (text, emoji) = (status.text.clone(), status.emoji.clone());
        Some(view::StatusLine { text, emoji, until: status.until })
    }

    /// A status arrived, or was written.
    pub(super) fn on_status(&mut self, author: UserId, entry: EntryId, created: ClaimedTime, status: Status) {
        if author != self.me() && !self.state.friends.contains_key(&author) {
            return;
        }
        let known = self.state.statuses.get(&author);
        if known.is_some_and(|known| (known.created, known.entry) >= (created, entry)) {
            return;
        }
        // A clock that is ahead makes no status last longer than one may.
        let longest = self.now.plus_ms(STATUS_LIFE_LIMIT_MS);
        let until = Timestamp::from_millis(status.until.as_millis()).min(longest);
        let Status { text, emoji, .. } = status;
        let record = StatusRecord { entry, created, until, withdrawn: false, text, emoji };
        self.keep_status(author, record);
    }

    /// Whether an entry is the newest status of its epoch's author.
    pub(super) fn is_status(&self, epoch: &EpochId, entry: &EntryId) -> bool {
        let author = self.state.epochs.get(epoch).map(|record| record.author);
        let status = author.and_then(|author| self.state.statuses.get(&author));
        status.is_some_and(|status| status.entry == *entry)
    }

    /// An entry was withdrawn or has expired: if it is the status of its author, that is over.
    pub(super) fn status_withdrawn(&mut self, author: &UserId, entry: &EntryId) {
        let standing = self.state.statuses.get(author);
        let Some(status) = standing.filter(|status| status.entry == *entry && !status.withdrawn) else {
            return;
        };
        // The words go; that there was one stays.
        let record =
            StatusRecord { withdrawn: true, text: String::new(), emoji: String::new(), ..status.clone() };
        self.keep_status(*author, record);
    }

    fn keep_status(&mut self, author: UserId, record: StatusRecord) {
        self.save_state(b'c', &[&[STATUS], author.as_bytes().as_slice()].concat(), &record);
        self.state.statuses.insert(author, record);
        self.tell_friend(&author);
    }

    /// Tells whoever listens how a friend is now.
    pub(super) fn tell_friend(&mut self, user: &UserId) {
        if let Some(friend) = self.state.friends.get(user) {
            let friend = Box::new(self.friend_view(friend));
            self.emit(view::Happening::Friend { friend });
        }
    }

    /// Reads a record of kind `c` at start.
    ///
    /// # Errors
    /// [`StoreError`] if it does not decode.
    pub(super) fn load_word(
        state: &mut super::State,
        key: &[u8],
        value: &[u8],
    ) -> std::result::Result<(), StoreError> {
        let bad = || super::tx::damaged(crate::store::Tree::State, key, "the key is not one of ours");
        let (which, user) = key.get(1..).and_then(<[u8]>::split_first).ok_or_else(bad)?;
        let user = UserId::try_from(user).map_err(|_| bad())?;
        match *which {
            STATUS => {
                let record = super::tx::decode(crate::store::Tree::State, key, value)?;
                state.statuses.insert(user, record);
            }
            super::wants::FACE => {
                let record = super::tx::decode(crate::store::Tree::State, key, value)?;
                state.faces.insert(user, record);
            }
            _ => {}
        }
        Ok(())
    }
}

fn stands(status: &StatusRecord, now: Timestamp) -> bool {
    !status.withdrawn && now < status.until
}

/// Whether a draft says anything beside text and pictures; all of it within its limits.
///
/// # Errors
/// Usage for what is none; refused above a limit.
pub(super) fn check_words(draft: &PostDraft) -> Result<bool> {
    if let Some(link) = &draft.link {
        check_link(link)?;
    }
    if let Some(place) = &draft.place {
        place_of(place)?;
    }
    if let Some(mood) = &draft.mood {
        check_mood("mood", mood)?;
    }
    Ok(draft.link.is_some() || draft.place.is_some() || draft.mood.is_some())
}

fn check_link(link: &LinkDraft) -> Result<()> {
    if !is_web(&link.url) {
        return Err(Error::usage(
            "bad_link",
            format!("{:?} is no address of a web page", link.url),
            "give one that begins with https:// or http://",
        ));
    }
    within("address of a link", &link.url, LINK_URL_LIMIT)?;
    within("title of a link", &link.title, LINK_TITLE_LIMIT)?;
    within("description of a link", &link.description, LINK_DESCRIPTION_LIMIT)?;
    within("site of a link", &link.site, LINK_SITE_LIMIT)
}

/// Whether an address leads to a web page and nowhere else: what a friend wrote becomes something to click on.
fn is_web(url: &str) -> bool {
    let is_plain = !url.chars().any(|c| c.is_control() || c.is_whitespace());
    let host = url
        .split_once("://")
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"));
    is_plain && host.is_some_and(|(_, host)| !host.is_empty() && !host.starts_with(['/', '\\', '?', '#']))
}

fn check_mood(what: &str, mood: &MoodDraft) -> Result<()> {
    if mood.text.trim().is_empty() && mood.emoji.trim().is_empty() {
        return Err(Error::usage(
            "empty",
            format!("the {what} says nothing"),
            "give words, an emoji or both",
        ));
    }
    within(&format!("text of the {what}"), &mood.text, MOOD_TEXT_LIMIT)?;
    within("emoji", &mood.emoji, EMOJI_LIMIT)
}

/// A place as it is sealed: rounded.
///
/// # Errors
/// Usage if it is none; refused for a name above the limit.
pub(super) fn place_of(place: &PlaceDraft) -> Result<Place> {
    let name = place.name.trim().to_owned();
    within("name of a place", &name, PLACE_NAME_LIMIT)?;
    let off = || {
        Error::usage(
            "bad_place",
            "a place has a name, or a latitude from -90 to 90 and a longitude from -180 to 180, or both",
            "write it as NAME@LAT,LON, such as Lisbon@38.72,-9.14",
        )
    };
    let rounded = |(lat, lon)| Position::rounded(lat, lon, place.precision).ok_or_else(off);
    let position = place.at.map(rounded).transpose()?;
    if name.is_empty() && position.is_none() {
        return Err(off());
    }
    Ok(Place { precision: place.precision, name, position })
}

/// A link's card for a post whose media are these; its picture joins them if there is room.
pub(super) fn link_of(
    link: &LinkDraft,
    has_video: bool,
    media: &mut Vec<Media>,
    keys: &mut Vec<MediaKeys>,
) -> LinkCard {
    let room = !has_video && media.len() < POST_PHOTO_LIMIT;
    let image = link.image.as_ref().filter(|_| room).and_then(|photo| {
        let index = u8::try_from(media.len()).ok()?;
        let (medium, key) = of_photo(photo);
        media.push(medium);
        keys.push(key);
        Some(index)
    });
    LinkCard {
        url: link.url.clone(),
        title: link.title.clone(),
        description: link.description.clone(),
        site: link.site.clone(),
        image,
    }
}

pub(super) fn mood_of(mood: &MoodDraft) -> Mood {
    Mood { emoji: mood.emoji.trim().to_owned(), text: mood.text.trim().to_owned() }
}

/// A link's card as it is shown; not one that leads somewhere else than to a web page.
pub(super) fn link_view(values: &PublicValues, keys: &[MediaKeys]) -> Option<view::Link> {
    let link = values.link.as_ref().filter(|link| is_web(&link.url))?;
    let keys = card_index(values).and_then(|index| keys.get(index));
    Some(view::Link {
        url: link.url.clone(),
        title: link.title.clone(),
        description: link.description.clone(),
        site: link.site.clone(),
        image: keys.map(|keys| keys.blob),
        preview: keys.filter(|keys| keys.preview_len > 0).map(|keys| keys.preview),
        thumbhash: keys.map(|keys| keys.thumbhash.clone()).unwrap_or_default(),
    })
}

/// Which of the media of a post, or of the moment it shares on, is the picture of a link's card: that one is no photo.
pub(super) fn card_picture(post: &Post) -> Option<usize> {
    let from = post.private.shared_from.as_ref();
    card_index(from.map_or(post.public.values(), |from| from.public.values()))
}

fn card_index(values: &PublicValues) -> Option<usize> {
    let index = usize::from(values.link.as_ref()?.image?);
    values.media.get(index).filter(|medium| !medium.mime.is_video()).map(|_| index)
}

pub(super) fn place_view(place: &Place) -> view::Place {
    view::Place {
        name: place.name.clone(),
        lat: place.position.map(|at| f64::from(at.lat) / 1e6),
        lon: place.position.map(|at| f64::from(at.lon) / 1e6),
        precision: place.precision.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Precision;
    use crate::error::Kind;

    #[test]
    fn only_web_addresses_become_something_to_click_on() {
        for good in ["https://example.org", "HTTP://example.org/a?b#c", "http://[::1]:8080/"] {
            assert!(is_web(good), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://a b",
            "https://a\n",
            "//example.org",
            "",
        ] {
            assert!(!is_web(bad), "{bad}");
        }
    }

    #[test]
    fn each_part_of_a_card_is_taken_up_to_its_limit_and_not_a_byte_more() {
        let link = |url: usize, title: usize, description: usize, site: usize| LinkDraft {
            url: format!("https://{}", "x".repeat(url - 8)),
            title: "x".repeat(title),
            description: "x".repeat(description),
            site: "x".repeat(site),
            image: None,
        };
        let full = [LINK_URL_LIMIT, LINK_TITLE_LIMIT, LINK_DESCRIPTION_LIMIT, LINK_SITE_LIMIT];
        assert!(check_link(&link(full[0], full[1], full[2], full[3])).is_ok());
        for at in 0..4 {
            let mut over = full;
            over[at] += 1;
            let error = check_link(&link(over[0], over[1], over[2], over[3])).unwrap_err();
            assert_eq!(error.kind, Kind::Refused);
            assert!(error.message.contains(&full[at].to_string()), "{}", error.message);
        }
    }

    #[test]
    fn a_place_has_a_name_or_a_position_and_its_name_a_limit() {
        let place =
            |name: &str, at| place_of(&PlaceDraft { name: name.into(), at, precision: Precision::City });
        assert_eq!(place(" Lisbon ", None).expect("a name").name, "Lisbon");
        let there = place("", Some((38.7169, -9.1427))).expect("a position");
        assert_eq!(there.position, Some(Position { lat: 38_700_000, lon: -9_100_000 }));
        assert!(place(&"x".repeat(PLACE_NAME_LIMIT), None).is_ok());
        assert_eq!(place(&"x".repeat(PLACE_NAME_LIMIT + 1), None).unwrap_err().kind, Kind::Refused);
        for at in [None, Some((90.1, 0.0)), Some((0.0, 180.1)), Some((f64::NAN, 0.0))] {
            assert_eq!(place(" ", at).unwrap_err().code, "bad_place");
        }
    }

    #[test]
    fn a_mood_says_something_within_its_limits() {
        let mood = |text: usize, emoji: usize| {
            check_mood("mood", &MoodDraft { text: "x".repeat(text), emoji: "x".repeat(emoji) })
        };
        assert!(mood(MOOD_TEXT_LIMIT, EMOJI_LIMIT).is_ok() && mood(1, 0).is_ok() && mood(0, 1).is_ok());
        assert_eq!(mood(MOOD_TEXT_LIMIT + 1, 0).unwrap_err().kind, Kind::Refused);
        assert_eq!(mood(0, EMOJI_LIMIT + 1).unwrap_err().kind, Kind::Refused);
        assert_eq!(mood(0, 0).unwrap_err().kind, Kind::Usage);
    }
}
