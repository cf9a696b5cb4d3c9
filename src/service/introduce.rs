//! Introductions: two friends of mine offered to each other, and a friend who offers me somebody.
//!
//! ```text
//!   C  the introducer            A                                B
//!      Introduction { B, s } ──▶ asked                Introduction { A, s } ──▶ asked
//!      ◀── IntroductionAnswer { yes }                 ◀── IntroductionAnswer { yes }
//!      ── only once both have said yes ──
//!      IntroductionRecords { B's } ──▶                IntroductionRecords { A's } ──▶
//!                                the lower user id dials, both pair with s, as with an invite that says yes beforehand
//! ```
//!
//! Until both have said yes neither has more of the other than user id and name: no node key, no address. s opens the
//! door for the one who was introduced and for nobody else, the introducer included; K_AB comes from a key agreement of
//! the two, so that C cannot read along unless C stands between them and lies to both, which the safety words show. The
//! friend is marked with who introduced them.
//!
//! What A and B said stays between each of them and C: a no is not passed on. What is owed (an introduction, an answer,
//! records) is computed from the records here, sent by parcels and acknowledged like keys; it is over after 30 days.
//!
//! A friend who introduces what is not so (themself under another root, a wrong name, the same again and again) makes a
//! request appear that names them as its source, at most 16 at a time, and nothing else.
//!
//! Source: docs/protocol.md 3.6 (items 8, 12, 13), 3.7 (introduction).

use std::collections::BTreeMap;

use super::Service;
use super::befriend::{Underway, friend_limit, no_such_request};
use super::state::{Heard, InviteRecord, Made, ends};
use crate::crypto::{InviteSecret, keys};
use crate::error::{Error, Result as Said};
use crate::id::{InviteId, UserId};
use crate::identity::{DeviceRecord, IdentityRecord, Invite, KnownIdentity, live_device};
use crate::limits::{FRIEND_LIMIT, INTRODUCTION_FRIEND_LIMIT, INTRODUCTION_LIMIT, NAME_LIMIT};
use crate::mail::{
    self, Carriers, Introduction, IntroductionAnswer, IntroductionRecords, IntroductionStep, Item, OwedId,
    Wanted,
};
use crate::pair::{OpenInvite, clean_name};
use crate::view;

impl Service {
    /// Offers two friends to each other. Each is asked, and learns the other's id and name.
    ///
    /// # Errors
    /// Not found; refused if both are one person, were introduced already, or have too many introductions open.
    pub fn introduce(&mut self, a: &str, b: &str) -> Said<view::Introduced> {
        let (a, b) = (self.named(a)?.user, self.named(b)?.user);
        if a == b {
            let name = self.person(&a).name;
            return Err(Error::refused(
                "same_person",
                format!("both are {name}"),
                "name two different friends",
            ));
        }
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        let of = |user: UserId| {
            self.state.introductions.made.values().filter(move |made| made.other(&user).is_some())
        };
        if of(a).any(|made| made.other(&a) == Some(b)) {
            return Err(Error::refused(
                "introduced_already",
                "you have introduced these two within the last 30 days",
                "ask them; each has a request",
            ));
        }
        for user in [a, b] {
            if of(user).count() >= INTRODUCTION_FRIEND_LIMIT {
                let name = self.person(&user).name;
                return Err(Error::refused(
                    "introduction_limit",
                    format!("{name} has {INTRODUCTION_FRIEND_LIMIT} introductions open, which is the limit"),
                    "an introduction is over after 30 days",
                )
                .with("name", name)
                .with("limit", INTRODUCTION_FRIEND_LIMIT));
            }
        }
        let secret = InviteSecret::random(&mut self.entropy);
        let id = keys::invite_id(&secret);
        let made = Made { secret, at: self.now, people: [(low, None), (high, None)] };
        self.state.introductions.made.insert(id, made);
        self.save_made(&id);
        self.barrier_before_output = true;
        self.answer_after_barrier = true;
        self.owed_changed(&a);
        self.owed_changed(&b);
        Ok(view::Introduced { id, people: vec![self.person(&a), self.person(&b)] })
    }

    /// A request by a friend's introduction is answered.
    pub(super) fn answer_introduction(&mut self, word: &str, yes: bool) -> Said<view::Request> {
        let folded = word.to_lowercase();
        let open: BTreeMap<InviteId, UserId> = self
            .open_heard()
            .filter(|(_, heard)| heard.mine.is_none())
            .filter(|(_, heard)| {
                heard.user.to_string().starts_with(&folded) || heard.name.to_lowercase() == folded
            })
            .map(|(id, heard)| (*id, heard.user))
            .collect();
        let user = open.values().next().copied().ok_or_else(|| no_such_request(word, 0))?;
        if open.values().any(|other| *other != user) {
            return Err(no_such_request(word, open.len()));
        }
        if yes && self.state.friends.len() >= FRIEND_LIMIT {
            return Err(friend_limit());
        }
        let mut answered = None;
        for id in open.keys() {
            let Some(heard) = self.state.introductions.heard.get_mut(id) else { continue };
            heard.mine = Some(yes);
            let by = heard.by;
            self.save_heard(id);
            self.owed_changed(&by);
            answered = self.state.introductions.heard.get(id).map(|heard| self.heard_view(heard));
        }
        self.barrier_before_output = true;
        let request = answered.ok_or_else(super::publish::internal)?;
        let state = if yes { "pending" } else { "declined" };
        self.emit(view::Happening::Request { request: request.clone(), state });
        Ok(request)
    }

    /// Introductions to me that may still come to something and are not in the hands of the pair protocol.
    pub(super) fn open_heard(&self) -> impl Iterator<Item = (&InviteId, &Heard)> {
        self.state.introductions.heard.iter().filter(|(_, heard)| {
            heard.mine != Some(false)
                && !self.state.friends.contains_key(&heard.user)
                && !self.state.pending.contains_key(&heard.user)
        })
    }

    pub(super) fn heard_view(&self, heard: &Heard) -> view::Request {
        view::Request {
            id: heard.user,
            name: heard.name.clone(),
            expected: None,
            via: "introduction",
            by: Some(self.person(&heard.by)),
            confirmed: heard.mine == Some(true),
            moments: 0,
            at: heard.at,
        }
    }

    /// Who introduced us, if a pairing is by this invite.
    pub(super) fn introducer_of(&self, invite: &InviteId, user: &UserId) -> Option<UserId> {
        let heard = self.state.introductions.heard.get(invite)?;
        (heard.user == *user && heard.mine == Some(true)).then_some(heard.by)
    }

    /// What is owed to a friend of introductions.
    pub(super) fn introductions_owed(&self, user: &UserId) -> Vec<Wanted> {
        let owed = |id: &InviteId, step, other: &UserId, arose| Wanted {
            id: OwedId::introduction(id, step, other),
            class: mail::Class::Contact,
            arose,
            carriers: Carriers::Any,
        };
        let mut wanted = Vec::new();
        for (id, made) in &self.state.introductions.made {
            let Some(other) = made.other(user).filter(|other| self.state.friends.contains_key(other)) else {
                continue;
            };
            wanted.push(owed(id, IntroductionStep::Offer, &other, made.at));
            if made.is_agreed() {
                wanted.push(owed(id, IntroductionStep::Records, &other, made.at));
            }
        }
        let answered = self.state.introductions.heard.iter();
        let answered = answered.filter(|(_, heard)| heard.by == *user && heard.mine.is_some());
        wanted.extend(answered.map(|(id, heard)| owed(id, IntroductionStep::Answer, &heard.user, heard.at)));
        wanted
    }

    /// What is owed of an introduction, as an item.
    pub(super) fn introduction_item(&self, owed: &OwedId) -> Option<Item> {
        let (id, step, other) = owed.as_introduction()?;
        match step {
            IntroductionStep::Offer => {
                let friend = self.state.friends.get(&other)?;
                // Not the name I gave them: that is between me and my list.
                let name = if friend.own_name.is_empty() { other.short() } else { friend.own_name.clone() };
                let secret = self.state.introductions.made.get(&id)?.secret.clone();
                Some(Item::Introduction(Introduction { user: other, secret, name: cut(&name) }))
            }
            IntroductionStep::Answer => {
                let heard = self.state.introductions.heard.get(&id)?;
                Some(Item::IntroductionAnswer(IntroductionAnswer { id, user: other, yes: heard.mine? }))
            }
            IntroductionStep::Records => {
                let friend = self.state.friends.get(&other)?;
                let made = self.state.introductions.made.get(&id)?;
                let device = friend.live_devices().max_by_key(|record| record.seq())?;
                let identity: &IdentityRecord = friend.identity.newest();
                let device: &DeviceRecord = device;
                let records = IntroductionRecords { id, identity: identity.clone(), device: device.clone() };
                made.is_agreed().then_some(Item::IntroductionRecords(records))
            }
        }
    }

    /// A friend offers me somebody. What does not count is passed over without a word: whether I know or have blocked
    /// somebody is not told.
    pub(super) fn take_introduction(&mut self, sender: &UserId, offer: &Introduction) {
        let id = keys::invite_id(&offer.secret);
        let user = offer.user;
        let is_nobody_new = user == self.me()
            || user == *sender
            || self.state.friends.contains_key(&user)
            || self.is_blocked(&user);
        let heard = &self.state.introductions.heard;
        let of_sender = heard.values().filter(|heard| heard.by == *sender);
        let is_again = heard.contains_key(&id) || of_sender.clone().any(|heard| heard.user == user);
        if is_nobody_new || is_again {
            return;
        }
        if of_sender.count() >= INTRODUCTION_FRIEND_LIMIT || heard.len() >= INTRODUCTION_LIMIT {
            tracing::debug!(by = %sender.short(), "more introductions than are kept");
            return;
        }
        let heard = Heard {
            secret: offer.secret.clone(),
            at: self.now,
            by: *sender,
            user,
            name: clean_name(&offer.name),
            mine: None,
            records: None,
        };
        let request = self.heard_view(&heard);
        self.state.introductions.heard.insert(id, heard);
        self.save_heard(&id);
        self.emit(view::Happening::Request { request, state: "pending" });
    }

    /// One of two whom I introduced has answered. The first answer counts.
    pub(super) fn take_introduction_answer(&mut self, sender: &UserId, answer: &IntroductionAnswer) {
        let Some(made) = self.state.introductions.made.get_mut(&answer.id) else { return };
        let mut said = made.people.iter_mut().filter(|(user, said)| user == sender && said.is_none());
        let Some((_, said)) = said.next() else { return };
        *said = Some(answer.yes);
        let (people, is_agreed) = (made.people, made.is_agreed());
        self.save_made(&answer.id);
        if is_agreed {
            for (user, _) in people {
                self.owed_changed(&user);
            }
        }
    }

    /// Both have said yes, says the introducer: how the other is reached. The other door stays shut unless they said it.
    pub(super) fn take_introduction_records(&mut self, sender: &UserId, sent: &IntroductionRecords) {
        let Some(heard) = self.state.introductions.heard.get_mut(&sent.id) else { return };
        let is_awaited = heard.by == *sender && heard.mine == Some(true) && heard.records.is_none();
        if !is_awaited || sent.identity.user() != heard.user || sent.device.user() != heard.user {
            return;
        }
        let (Ok(identity), Ok(device)) = (sent.identity.clone().verify(), sent.device.clone().verify())
        else {
            return;
        };
        if !live_device(&KnownIdentity::new(identity.clone()), &device) {
            return;
        }
        heard.records = Some(Box::new((identity, device)));
        self.save_heard(&sent.id);
        self.open_introductions();
        self.dial_redemptions();
    }

    /// Does what introductions that both agreed to ask for: the lower user id dials, the other opens the door. Called
    /// again and again; what is under way stays so.
    pub(super) fn open_introductions(&mut self) {
        let (me, now) = (self.me(), self.now);
        let agreed: Vec<(InviteId, Heard)> = self
            .open_heard()
            .filter(|(_, heard)| heard.mine == Some(true) && heard.records.is_some())
            .map(|(id, heard)| (*id, heard.clone()))
            .collect();
        for (id, heard) in agreed {
            let Some(records) = &heard.records else { continue };
            let (user, expires) = (heard.user, ends(heard.at));
            if me < user {
                let invite = Invite {
                    root: user,
                    node: records.1.node(),
                    addresses: records.1.addresses().to_vec(),
                    secret: heard.secret.clone(),
                    expires,
                };
                self.timers.redemptions.entry(user).or_insert_with(|| Underway::introduced(invite, now));
            } else if self.state.invites.find(&id, now).is_none() {
                let open = OpenInvite::for_one(heard.secret.clone(), user, now, expires);
                let record = InviteRecord(open.clone());
                // Without room for it now, it is tried again at the next look.
                if self.state.invites.add(open).is_ok() {
                    self.save_state(b'i', id.as_bytes(), &record);
                    self.barrier_before_output = true;
                }
            }
        }
    }

    /// Introductions that are over, and those that came to friendship.
    pub(super) fn expire_introductions(&mut self) {
        let now = self.now;
        let made = self.state.introductions.made.iter().filter(|(_, made)| ends(made.at) <= now);
        let heard = self.state.introductions.heard.iter().filter(|(_, heard)| ends(heard.at) <= now);
        let (made, heard): (Vec<InviteId>, Vec<InviteId>) =
            (made.map(|(id, _)| *id).collect(), heard.map(|(id, _)| *id).collect());
        for id in made {
            self.forget_made(&id);
        }
        for id in heard {
            self.forget_heard(&id);
        }
    }

    /// We are friends, or shall not be: no introduction to them is open any more.
    pub(super) fn forget_introductions_to(&mut self, user: &UserId) {
        let heard = self.state.introductions.heard.iter().filter(|(_, heard)| heard.user == *user);
        for id in heard.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.forget_heard(&id);
        }
    }

    /// A friend is none any more: what they introduced and whom I introduced them to is over.
    pub(super) fn forget_introductions_with(&mut self, user: &UserId) {
        let made = self.state.introductions.made.iter().filter(|(_, made)| made.other(user).is_some());
        for id in made.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.forget_made(&id);
        }
        let heard = self.state.introductions.heard.iter().filter(|(_, heard)| heard.by == *user);
        for id in heard.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.forget_heard(&id);
        }
    }

    fn forget_made(&mut self, id: &InviteId) {
        self.state.introductions.made.remove(id);
        self.remove_state(b'd', &[b"m", &id.as_bytes()[..]].concat());
    }

    fn forget_heard(&mut self, id: &InviteId) {
        let Some(heard) = self.state.introductions.heard.remove(id) else { return };
        self.remove_state(b'd', &[b"h", &id.as_bytes()[..]].concat());
        if self.state.invites.burn(id).is_some() {
            self.remove_state(b'i', id.as_bytes());
        }
        let is_its_own = |underway: &Underway| underway.is_of(id);
        if self.timers.redemptions.get(&heard.user).is_some_and(is_its_own) {
            self.timers.redemptions.remove(&heard.user);
        }
    }

    fn save_made(&mut self, id: &InviteId) {
        if let Some(made) = self.state.introductions.made.get(id).cloned() {
            self.save_state(b'd', &[b"m", &id.as_bytes()[..]].concat(), &made);
        }
    }

    fn save_heard(&mut self, id: &InviteId) {
        if let Some(heard) = self.state.introductions.heard.get(id).cloned() {
            self.save_state(b'd', &[b"h", &id.as_bytes()[..]].concat(), &heard);
        }
    }
}

/// A name within its limit, cut between letters.
fn cut(name: &str) -> String {
    let mut cut = String::new();
    for letter in name.chars() {
        if cut.len().saturating_add(letter.len_utf8()) > NAME_LIMIT {
            break;
        }
        cut.push(letter);
    }
    cut
}
