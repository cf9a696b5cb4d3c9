//! Strangers' ten: while a pairing waits for an answer, each side may show the other its newest moments for everyone.
//!
//! Off unless switched on. What is shown goes over the pair stream right behind the proofs, once; whoever said yes
//! beforehand shows nothing, because both will be friends before anybody has looked. What comes is verified (the epoch's
//! key claims the very person who paired, the entry is signed by it and opens under the key), kept beside the pending
//! pair and shown only when asked for. It goes with the pending pair: friends sync instead.
//!
//! ```text
//! State tree, 's' ‖ user 32 ‖ n 1     first seen ms 8 ‖ content key 32 ‖ header 186 ‖ body
//! ```
//!
//! What it does not do: it shows no picture (blobs are served to friends alone) and nothing said beneath a moment; what is
//! posted later does not follow.
//!
//! Source: docs/protocol.md 3.7 (strangers' ten).

use std::collections::{BTreeMap, BTreeSet};

use super::timeline::Opened;
use super::{Service, tx};
use crate::crypto::ContentKey;
use crate::crypto::keys::Role;
use crate::entry::{Entry, HEADER_LEN, Unverified};
use crate::error::Result as Said;
use crate::id::{EntryId, UserId};
use crate::limits::{FRAME_LIMIT, FUTURE_HOLD_MS, STRANGER_MOMENT_LIMIT, STRANGER_SCAN_LIMIT};
use crate::link::{ConnId, Order, StreamId};
use crate::mail::{Grants, VerifiedGrants};
use crate::moment::{Body, Content};
use crate::pair::{Frame, ShownMoment};
use crate::store::{Direction, KeyRange, StoreError, Tree};
use crate::time::Timestamp;
use crate::view;
use crate::wire::{Encode, Reader};

/// How many records one read brings while one's own moments are looked for.
const RUN: usize = 64;

impl Service {
    /// One request, with the moments that the other shows to strangers, newest first.
    ///
    /// # Errors
    /// Not found.
    pub fn request(&self, word: &str) -> Said<view::RequestShown> {
        let folded = word.to_lowercase();
        let open = self.requests();
        let fits = open.iter().filter(|request| {
            request.id.to_string().starts_with(&folded) || request.name.to_lowercase() == folded
        });
        let found: Vec<&view::Request> = fits.collect();
        let request = match found.as_slice() {
            [one] => (*one).clone(),
            [first, rest @ ..] if rest.iter().all(|other| other.id == first.id) => (*first).clone(),
            several => return Err(super::befriend::no_such_request(word, several.len())),
        };
        let mut moments = Vec::new();
        for (key, value) in self.shown_by(&request.id)? {
            let Some(opened) = open_shown(&request.id, &value) else {
                return Err(tx::damaged(Tree::State, &key, "the record does not decode").into());
            };
            let mut moment = self.view_with(&opened, &[])?;
            moment.author.name.clone_from(&request.name);
            moments.push(moment);
        }
        Ok(view::RequestShown { request, moments })
    }

    /// How many moments somebody shows me as a stranger.
    pub(super) fn count_shown(&self, user: &UserId) -> usize {
        let shown = self.shown_by(user);
        shown
            .inspect_err(|error| tracing::error!(%error, "the store cannot be read"))
            .map_or(0, |all| all.len())
    }

    fn shown_by(&self, user: &UserId) -> Result<Vec<tx::Pair>, StoreError> {
        self.tx.prefix(Tree::State, &tx::key(&[b"s", user.as_bytes()]), STRANGER_MOMENT_LIMIT)
    }

    /// Nothing that somebody showed me as a stranger is kept any more.
    pub(super) fn forget_shown(&mut self, user: &UserId) -> Result<(), StoreError> {
        for (key, _) in self.shown_by(user)? {
            self.tx.remove(Tree::State, &key);
        }
        Ok(())
    }

    /// Two have just proven themselves to each other: shows the other my newest moments for everyone, if I let strangers
    /// see them and the other's answer or mine is still open.
    pub(super) fn show_strangers(&mut self, conn: ConnId, stream: StreamId) -> Result<(), StoreError> {
        if self.state.me.strangers == 0 || !self.net.streams.contains_key(&stream) {
            return Ok(());
        }
        let node = self.net.conns.get(&conn).map(|state| state.node);
        let pair = self.state.pending.values().find(|pair| Some(pair.pending.node()) == node);
        let Some(pair) = pair.map(|pair| &pair.pending) else { return Ok(()) };
        let said_before = pair.role() == Role::Responder && pair.mine().is_some();
        let is_introduced = self.introducer_of(&pair.invite(), &pair.their()).is_some();
        if said_before || is_introduced || self.state.friends.contains_key(&pair.their()) {
            return Ok(());
        }
        let moments = self.shown_to_strangers()?;
        if !moments.is_empty() {
            self.order(Order::Send { stream, frame: Frame::Moments(moments).encode() });
        }
        Ok(())
    }

    /// My newest moments for everyone inside my window, as many as strangers may see and one frame holds.
    fn shown_to_strangers(&self) -> Result<Vec<ShownMoment>, StoreError> {
        let most = usize::from(self.state.me.strangers).min(STRANGER_MOMENT_LIMIT);
        let (mut found, mut room, mut looked) = (Vec::new(), FRAME_LIMIT.saturating_sub(3), 0usize);
        let mut range = KeyRange::all();
        while looked < STRANGER_SCAN_LIMIT {
            let run = self.tx.range(Tree::Timeline, range.clone(), Direction::Backward, RUN)?;
            let Some((end, _)) = run.last().cloned() else { break };
            looked = looked.saturating_add(run.len());
            for (key, value) in &run {
                let Some(shown) = self.shown_to_stranger(key, value)? else { continue };
                let size = shown.encoded_len();
                if found.len() < most && size <= room {
                    room = room.saturating_sub(size);
                    found.push(shown);
                }
            }
            if found.len() >= most {
                break;
            }
            range = range.before(end);
        }
        Ok(found)
    }

    /// A record of the timeline, if strangers may see it: my own, for everyone, inside my window.
    fn shown_to_stranger(&self, key: &[u8], value: &[u8]) -> Result<Option<ShownMoment>, StoreError> {
        let Some(opened) = self.opened(key, value)?.filter(|opened| opened.author == self.me()) else {
            return Ok(None);
        };
        let is_for_everyone =
            self.audience_of(&opened).is_some_and(|audience| audience.rule == view::RuleKind::Everyone);
        if !is_for_everyone || !self.window().reaches(opened.shown.day(), self.now.day()) {
            return Ok(None);
        }
        let header = opened.entry.header();
        let (Some(epoch), Some(content_key)) =
            (self.state.epochs.get(&header.epoch()), self.content_key(header)?)
        else {
            return Ok(None);
        };
        Ok(Some(ShownMoment {
            epoch_pub: epoch.public,
            es_commit: epoch.es_commit,
            claim: epoch.claim,
            content_key,
            header: Box::new(*header.bytes()),
            body: opened.entry.body().to_vec(),
        }))
    }

    /// Somebody whose request waits shows me moments. What is not theirs, not signed or does not open is passed over.
    pub(super) fn on_shown(&mut self, their: &UserId, moments: &[ShownMoment]) -> Result<(), StoreError> {
        let is_waiting = self.state.pending.get(their).is_some_and(|pair| !pair.pending.is_refused());
        if !is_waiting || self.state.friends.contains_key(their) {
            return Ok(());
        }
        self.forget_shown(their)?;
        let (mut seen, mut number) = (BTreeSet::new(), 0u8);
        for moment in moments.iter().take(STRANGER_MOMENT_LIMIT) {
            if !verified(their, moment, self.now).is_some_and(|id| seen.insert(id)) {
                continue;
            }
            let value = [
                &self.now.as_millis().to_be_bytes()[..],
                moment.content_key.expose_bytes(),
                &moment.header[..],
                &moment.body,
            ]
            .concat();
            self.tx.put(Tree::State, &tx::key(&[b"s", their.as_bytes(), &[number]]), value);
            number = number.saturating_add(1);
        }
        self.announce_request(their, "pending");
        Ok(())
    }
}

/// The id of a shown moment, if its epoch claims that person and signed it, and it opens to a moment that is not ahead.
fn verified(their: &UserId, moment: &ShownMoment, now: Timestamp) -> Option<EntryId> {
    let entry = Entry::<Unverified>::from_parts(&moment.header[..], moment.body.clone()).ok()?;
    let place = (entry.header().seq(), entry.id());
    let claimed = Grants {
        epoch_pub: moment.epoch_pub,
        es_commit: moment.es_commit,
        claim: moment.claim,
        keys: BTreeMap::from([(place, moment.content_key.clone())]),
    };
    VerifiedGrants::check(claimed, their).ok()?;
    let entry = entry.verify(&moment.epoch_pub).ok()?;
    let content = Content::decode(&entry.open(&moment.content_key).ok()?).ok()?;
    let is_shown = matches!(content.body, Body::Post(_)) && !content.created.is_ahead_by(now, FUTURE_HOLD_MS);
    is_shown.then(|| entry.id())
}

/// A kept moment, opened.
fn open_shown(author: &UserId, value: &[u8]) -> Option<Opened> {
    let mut input = Reader::new(value);
    let received = Timestamp::from_millis(input.u64().ok()?);
    let key = ContentKey::from_bytes(input.array().ok()?);
    let header: [u8; HEADER_LEN] = input.array().ok()?;
    let entry = Entry::trust_stored(&header, input.take_rest().to_vec()).ok()?;
    let content = entry.open(&key).ok().and_then(|bytes| Content::decode(&bytes).ok())?;
    let shown = content.created.shown_at(received);
    let (id, author, created) = (entry.id(), *author, content.created);
    match content.body {
        Body::Post(post) => Some(Opened { id, shown, received, author, created, entry, post }),
        _ => None,
    }
}
