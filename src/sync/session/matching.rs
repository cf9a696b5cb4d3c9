//! Finding common epochs: `Mine`, `Tags`, `Matched` or `MatchedRun`, and the regular rounds.
//!
//! The first exchange of a class goes I then R, the second with what is still unmatched; each is padded with random
//! tags to a power of two of at least 64, so that the count says only which bucket one is in. After that both sides
//! show exactly 64 tags three times in the first two minutes and every 10 ± 2 minutes then, whether or not there is anything new. An epoch learnt meanwhile waits for
//! the next round: nothing leaves because it opened (docs/protocol.md 3.8(3), I7).
//!
//! A tag is a MAC over both nonces, both node keys and the role of who shows it. Hence one of another session, another
//! peer or the other role is a random value here, found in no table (I8). An answer carries the answerer's own tag: a
//! match is never believed on the word of the peer. Where many are answered at once it carries a hash of those tags.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::scope::{Class, Epoch, How, Scope, ScopeState};
use super::{FaultKind, Output, Phase, Session, Severity};
use crate::crypto::keys::{Role, SessionBinding, mac_eq, scope_tag};
use crate::id::{EpochId, UserId};
use crate::limits::{
    SCOPE_LIMIT, TAGS_CLASS_LIMIT, TAGS_EARLY_ROUNDS_MS, TAGS_FRAME_LIMIT, TAGS_ROUND,
    TAGS_ROUND_BURST_LIMIT, TAGS_ROUND_INTERVAL_MS, TAGS_ROUND_JITTER_MS, TAGS_UNANSWERED_LIMIT,
};
use crate::sync::frame::{FEATURE_RUNS, Frame, HANDLE_STEP, MatchedItem, MatchedRun, Tag, run_proof};
use crate::time::Timestamp;

/// The first exchange of one class.
#[derive(Debug, Default)]
struct Exchange {
    /// The owner has added the scopes.
    started: bool,
    /// Our tags are out.
    offered: bool,
    /// Our frames of it that are not yet answered.
    unanswered: usize,
    /// How many tags the peer showed.
    their_tags: usize,
    /// The peer's last frame of it came and was answered.
    their_end: bool,
    /// Both sides are through, and the owner knows.
    done: bool,
}

/// A `Tags` frame of ours that waits for its answer.
#[derive(Debug)]
struct Shown {
    /// What each tag stands for; nothing for padding. With the key, for an epoch closed meanwhile is part of the proof.
    epochs: Vec<Option<Arc<Epoch>>>,
    /// Of which first exchange it is part.
    first: Option<Class>,
}

impl Shown {
    /// What the tag at an index stands for; nothing beyond the last.
    fn epoch(&self, index: u16) -> Option<&Arc<Epoch>> {
        self.epochs.get(usize::from(index))?.as_ref()
    }
}

/// The state of matching.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// The peer's tag of every epoch that we would recognise: one MAC each, made once.
    their_tags: BTreeMap<Tag, Arc<Epoch>>,
    contact: Exchange,
    posts: Exchange,
    /// Epochs whose tags are still to be shown, oldest first.
    contact_waiting: VecDeque<EpochId>,
    posts_waiting: VecDeque<EpochId>,
    shown: VecDeque<Shown>,
    /// Tags of posts that came before the owner had added the scopes; at most one first exchange.
    parked: VecDeque<Vec<Tag>>,
    next_round: Option<Timestamp>,
    begun: Option<Timestamp>,
    /// Early rounds planned so far.
    early_rounds: usize,
    /// Later rounds the peer ran.
    their_rounds: u64,
}

impl Matching {
    pub(super) const fn next_round(&self) -> Option<Timestamp> {
        self.next_round
    }

    pub(super) const fn has_begun_posts(&self) -> bool {
        self.posts.started
    }

    const fn exchange(&mut self, class: Class) -> &mut Exchange {
        match class {
            Class::Contact => &mut self.contact,
            Class::Posts => &mut self.posts,
        }
    }

    const fn waiting(&mut self, class: Class) -> &mut VecDeque<EpochId> {
        match class {
            Class::Contact => &mut self.contact_waiting,
            Class::Posts => &mut self.posts_waiting,
        }
    }
}

impl Session {
    /// Adds what may be shared with this peer; at the start, and whenever an epoch is learnt. The order is the order
    /// of precedence where not all tags fit. Of a scope that is there already, `open` is renewed, and whether it is
    /// offered, if it was not.
    ///
    /// Sends `Mine` for those offered so; any other new one waits for a round of tags.
    ///
    /// # Cost
    /// One MAC for each scope found by tags.
    pub fn add_scopes(&mut self, scopes: impl IntoIterator<Item = Scope>, now: Timestamp) {
        for scope in scopes {
            if self.phase == Phase::Closed {
                return;
            }
            let (epoch, class) = (scope.epoch.id, scope.epoch.class);
            let is_offered = scope.how == (How::Tag { offer: true });
            if let Some(known) = self.scopes.get_mut(&epoch) {
                let is_turned = known.matched && known.scope.open != scope.open;
                known.scope.open = scope.open;
                // What was not to be shown is now; what was shown stays shown.
                if is_offered && known.scope.how == (How::Tag { offer: false }) {
                    known.scope.how = scope.how;
                    self.offer(class, epoch);
                }
                if is_turned {
                    self.look_whether_met(scope.epoch.author);
                }
                continue;
            }
            if self.scopes.len() >= SCOPE_LIMIT {
                // Those behind it may be there already.
                continue;
            }
            self.scopes.insert(ScopeState::new(scope));
            if is_offered {
                self.offer(class, epoch);
            }
            if self.phase == Phase::Open {
                self.enter_scope(epoch, now);
            }
        }
    }

    /// A scope waits for a round of tags.
    fn offer(&mut self, class: Class, epoch: EpochId) {
        if self.matching.waiting(class).len() >= SCOPE_LIMIT {
            // What was closed meanwhile waits no more.
            self.tidy_waiting(class);
        }
        self.matching.waiting(class).push_back(epoch);
    }

    /// Shares an epoch no longer: nothing of it is sent or taken from now on, and nothing is said about it.
    pub fn close_scope(&mut self, epoch: &EpochId) {
        let Some(state) = self.scopes.remove(epoch) else { return };
        if self.matched_of.remove(&(state.scope.epoch.author, *epoch)) {
            self.look_whether_met(state.scope.epoch.author);
        }
        self.due.remove(&state.turn());
        self.paused.remove(&state.turn());
        self.ungroup(&state);
        if let Some(at) = state.digest_timer {
            self.digest_timers.remove(&(at, *epoch));
        }
        if let (How::Tag { .. }, Some(binding)) = (state.scope.how, &self.binding) {
            self.matching.their_tags.remove(&scope_tag(&state.scope.epoch.key, self.role.other(), binding));
        }
        self.forget_fetch(&state);
        self.serve.forget(epoch);
    }

    /// The owner has added the post scopes that the mutual friends allow: the second class begins.
    pub fn start_posts(&mut self, now: Timestamp) {
        if self.phase != Phase::Open || self.matching.posts.started {
            return;
        }
        self.start_class(Class::Posts);
        for tags in std::mem::take(&mut self.matching.parked) {
            self.on_tags(Class::Posts.code(), tags, now);
        }
    }

    /// Shows one round of 64 tags now: for the courier who has just delivered an epoch's keys, and for nobody else
    /// (docs/protocol.md 3.8(3)).
    pub fn courier_round(&mut self) {
        // Before the first exchange is over, the new epoch is part of it.
        if self.phase == Phase::Open && self.matching.posts.offered {
            self.show_round();
        }
    }

    pub(super) fn begin_matching(&mut self, now: Timestamp) {
        self.matching.begun = Some(now);
        let mut epochs: Vec<(Class, EpochId)> = self.scopes.iter().map(ScopeState::turn).collect();
        epochs.sort_unstable();
        for (_, epoch) in epochs {
            self.enter_scope(epoch, now);
        }
        self.plan_round(now);
        self.start_class(Class::Contact);
    }

    /// A scope of an open session: make its tag known, say `Mine`, remember what the peer said too early.
    fn enter_scope(&mut self, epoch: EpochId, now: Timestamp) {
        let Some(state) = self.scopes.get(&epoch) else { return };
        let (is_mine, peer_is_author) = (state.scope.how == How::Mine, state.scope.peer_is_author);
        if let (How::Tag { .. }, Some(binding)) = (state.scope.how, &self.binding) {
            let tag = scope_tag(&state.scope.epoch.key, self.role.other(), binding);
            self.matching.their_tags.insert(tag, Arc::clone(&state.scope.epoch));
        }
        let announced = if peer_is_author { self.early.take(&epoch) } else { None };
        if let Some((handle, digest)) = announced {
            self.bind(epoch, handle);
            // Its word came with the handle: it is not waited for.
            if let (Some(state), Some(digest)) = (self.scopes.get_mut(&epoch), digest) {
                state.their_digest = Some(digest);
                state.check_due = true;
                self.due.insert(state.turn());
            }
            self.release_early(handle, now);
        } else if is_mine && let Some(handle) = self.our_handle(epoch) {
            self.send_urgent(&Frame::Mine { handle, epoch });
            self.mark_digest_due(&epoch);
        }
    }

    /// The handle we gave out for a scope; a new one if there is none. `None` only when all are used up.
    fn our_handle(&mut self, epoch: EpochId) -> Option<u32> {
        let state = self.scopes.get_mut(&epoch)?;
        if let Some(handle) = state.our_handle {
            return Some(handle);
        }
        let handle = self.next_handle;
        // Half of all numbers: closed scopes leave theirs behind, but no session closes two thousand million.
        self.next_handle = handle.checked_add(HANDLE_STEP).filter(|next| *next < u32::MAX)?;
        state.our_handle = Some(handle);
        state.handle.get_or_insert(handle);
        self.handles.insert(handle, epoch);
        Some(handle)
    }

    /// The peer has shown that it holds an epoch, under a handle of either side.
    fn bind(&mut self, epoch: EpochId, handle: u32) {
        let Some(state) = self.scopes.get_mut(&epoch) else { return };
        self.handles.insert(handle, epoch);
        state.handle.get_or_insert(handle);
        self.mark_matched(epoch);
    }

    pub(super) fn mark_matched(&mut self, epoch: EpochId) {
        let Some(state) = self.scopes.get_mut(&epoch) else { return };
        if std::mem::replace(&mut state.matched, true) {
            return;
        }
        let (author, open) = (state.scope.epoch.author, state.scope.open);
        let is_contact = state.scope.epoch.class == Class::Contact;
        self.matched_of.insert((author, epoch));
        if open && is_contact {
            self.met.insert(author);
        }
        self.outputs.push_back(Output::Matched { epoch });
        self.mark_digest_due(&epoch);
        if open && self.open_authors.insert(author) {
            // Closed epochs of this author may be served from now on.
            let closed: Vec<EpochId> = self.matched_of(&author).collect();
            for epoch in closed {
                self.mark_digest_due(&epoch);
            }
        }
    }

    /// Whether anything of a scope is given to this peer (docs/protocol.md 3.8(4)).
    pub(super) fn is_served(&self, state: &ScopeState) -> bool {
        let Scope { open, peer_is_author, how, ref epoch } = state.scope;
        let is_known_to_peer = state.matched || how == How::Mine;
        let is_allowed =
            open || peer_is_author || how == How::Mine || self.open_authors.contains(&epoch.author);
        is_known_to_peer && is_allowed && state.handle.is_some()
    }

    pub(super) fn on_mine(&mut self, handle: u32, epoch: EpochId) {
        if !self.take_their_handle(handle) {
            return;
        }
        match self.scopes.get(&epoch) {
            Some(state) if state.scope.peer_is_author => self.bind(epoch, handle),
            // An epoch we do not hold, or of which the peer is not the author: the two must look the same.
            _ => self.early.announce(handle, epoch),
        }
    }

    /// Takes note of a handle the peer gives out; false, and a fault, if it may not.
    fn take_their_handle(&mut self, handle: u32) -> bool {
        let is_new = !self.handles.contains_key(&handle) && !self.early.is_announced(handle);
        if !is_new || !self.is_their_handle(handle) {
            self.fault(FaultKind::BadHandle { handle }, Severity::High);
            return false;
        }
        if self.their_handles >= SCOPE_LIMIT {
            self.fault(FaultKind::TooManyEpochs, Severity::High);
            return false;
        }
        self.their_handles = self.their_handles.saturating_add(1);
        true
    }

    fn start_class(&mut self, class: Class) {
        self.matching.exchange(class).started = true;
        if self.role == Role::Initiator {
            self.show_first(class);
        }
    }

    /// Shows all tags of a class that are still unmatched, padded to max(64, next power of two).
    fn show_first(&mut self, class: Class) {
        let waiting = self.in_turn(&[class], TAGS_CLASS_LIMIT);
        let padded = waiting.len().next_power_of_two().max(TAGS_ROUND);
        let mut tags = self.padded_tags(waiting, padded);
        self.tidy_waiting(class);
        // A round that fills its last frame is ended by an empty one.
        loop {
            let next = tags.split_off(tags.len().min(TAGS_FRAME_LIMIT));
            let is_full = tags.len() == TAGS_FRAME_LIMIT;
            let exchange = self.matching.exchange(class);
            exchange.unanswered = exchange.unanswered.saturating_add(1);
            self.show(class, tags, Some(class));
            if !is_full {
                break;
            }
            tags = next;
        }
        self.matching.exchange(class).offered = true;
    }

    /// Shows a later round: exactly 64 tags, of either class.
    fn show_round(&mut self) {
        if self.matching.shown.len() >= TAGS_UNANSWERED_LIMIT {
            return self.fault(FaultKind::TagsUnanswered, Severity::High);
        }
        let epochs = self.in_turn(&Class::ALL, TAGS_ROUND);
        let tags = self.padded_tags(epochs, TAGS_ROUND);
        for class in Class::ALL {
            self.tidy_waiting(class);
        }
        self.show(Class::Posts, tags, None);
    }

    /// Of what waits in these classes, what is shown next: authors in turn, those with the fewest first, and of each the
    /// first class and the newest first. So whoever makes many epochs keeps nobody else's waiting (docs/protocol.md 3.8(3)).
    fn in_turn(&mut self, classes: &[Class], most: usize) -> Vec<EpochId> {
        let mut authors: BTreeMap<UserId, Vec<EpochId>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for class in classes.iter().rev() {
            for epoch in std::mem::take(self.matching.waiting(*class)) {
                if let Some(state) = self.scopes.get(&epoch).filter(|_| self.is_to_offer(&epoch))
                    && seen.insert(epoch)
                {
                    authors.entry(state.scope.epoch.author).or_default().push(epoch);
                    self.matching.waiting(*class).push_back(epoch);
                }
            }
        }
        let mut lists: Vec<Vec<EpochId>> = authors.into_values().collect();
        lists.sort_by_key(Vec::len);
        let mut turns = Vec::new();
        while turns.len() < most && !lists.is_empty() {
            turns.extend(lists.iter_mut().filter_map(Vec::pop));
            lists.retain(|list| !list.is_empty());
        }
        turns.truncate(most);
        turns
    }

    /// What was shown, matched or closed waits no more.
    fn tidy_waiting(&mut self, class: Class) {
        let waiting = std::mem::take(self.matching.waiting(class));
        *self.matching.waiting(class) = waiting.into_iter().filter(|epoch| self.is_to_offer(epoch)).collect();
    }

    fn is_to_offer(&self, epoch: &EpochId) -> bool {
        self.scopes.get(epoch).is_some_and(|state| !state.matched && !state.offered)
    }

    /// Our tags of these epochs and random ones up to `padded`, in random order.
    fn padded_tags(&mut self, epochs: Vec<EpochId>, padded: usize) -> Vec<(Tag, Option<Arc<Epoch>>)> {
        let Some(binding) = self.binding else { return Vec::new() };
        let mut tags = Vec::with_capacity(padded);
        for epoch in epochs {
            if let Some(state) = self.scopes.get_mut(&epoch)
                && state.scope.how != How::Mine
            {
                state.offered = true;
                let tag = scope_tag(&state.scope.epoch.key, self.role, &binding);
                tags.push((tag, Some(Arc::clone(&state.scope.epoch))));
            }
        }
        while tags.len() < padded {
            tags.push((self.pads.bytes(), None));
        }
        self.pads.shuffle(&mut tags);
        tags
    }

    fn show(&mut self, class: Class, tags: Vec<(Tag, Option<Arc<Epoch>>)>, first: Option<Class>) {
        let (tags, epochs) = tags.into_iter().unzip();
        self.matching.shown.push_back(Shown { epochs, first });
        self.send_urgent(&Frame::Tags { class: class.code(), tags });
    }

    pub(super) fn on_tags(&mut self, class: u8, tags: Vec<Tag>, now: Timestamp) {
        match Class::from_code(class) {
            Some(class) if !self.matching.exchange(class).their_end => {
                let exchange = self.matching.exchange(class);
                exchange.their_tags = exchange.their_tags.saturating_add(tags.len());
                let too_many = exchange.their_tags > TAGS_CLASS_LIMIT;
                // The initiator shows first: whatever comes before its own tags are out is out of turn.
                let is_early = self.role == Role::Initiator && !exchange.offered;
                let is_parked = !exchange.started;
                if too_many
                    || is_early
                    || self.matching.parked.len() > TAGS_CLASS_LIMIT.div_ceil(TAGS_FRAME_LIMIT)
                {
                    return self.fault(FaultKind::TooManyTags, Severity::High);
                }
                if is_parked {
                    self.matching.parked.push_back(tags);
                } else {
                    self.on_first_tags(class, &tags);
                }
            }
            Some(Class::Posts) => self.on_round(&tags, now),
            Some(Class::Contact) => self.fault(FaultKind::TooManyTags, Severity::High),
            // A class of a later version: answered with nothing, counted like any round.
            None => {
                if self.count_round(now) {
                    self.send_urgent(&Frame::Matched(Vec::new()));
                }
            }
        }
    }

    fn on_first_tags(&mut self, class: Class, tags: &[Tag]) {
        self.answer(tags, Some(class));
        if tags.len() < TAGS_FRAME_LIMIT {
            self.matching.exchange(class).their_end = true;
            if self.role == Role::Responder {
                self.show_first(class);
            }
            self.end_exchange(class);
        }
    }

    fn on_round(&mut self, tags: &[Tag], now: Timestamp) {
        if tags.len() != TAGS_ROUND {
            return self.fault(FaultKind::OddRound { tags: tags.len() }, Severity::High);
        }
        if self.count_round(now) {
            self.answer(tags, None);
        }
    }

    /// Whether the peer may run another round by now: one for each shortest interval, and some with couriers.
    fn count_round(&mut self, now: Timestamp) -> bool {
        let elapsed = self.matching.begun.map_or(0, |begun| now.since(begun));
        let shortest = TAGS_ROUND_INTERVAL_MS.saturating_sub(TAGS_ROUND_JITTER_MS);
        let allowed = elapsed.checked_div(shortest).unwrap_or(0).saturating_add(TAGS_ROUND_BURST_LIMIT);
        self.matching.their_rounds = self.matching.their_rounds.saturating_add(1);
        let is_allowed = self.matching.their_rounds <= allowed;
        if !is_allowed {
            self.fault(FaultKind::TooManyTags, Severity::High);
        }
        is_allowed
    }

    /// Answers the peer's tags: matches only, each with our own tag as proof.
    fn answer(&mut self, tags: &[Tag], class: Option<Class>) {
        let Some(binding) = self.binding else { return };
        let (mut items, mut matched, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (index, tag) in tags.iter().enumerate() {
            let Some(known) = self.matching.their_tags.get(tag) else { continue };
            let epoch = known.id;
            if class.is_some_and(|class| class != known.class) || seen.contains(&epoch) {
                continue;
            }
            let tag = scope_tag(&known.key, self.role, &binding);
            let (Ok(index), Some(handle)) = (u16::try_from(index), self.our_handle(epoch)) else { continue };
            items.push(MatchedItem { index, handle, tag });
            matched.push(epoch);
            seen.insert(epoch);
        }
        let run = if self.is_understood(FEATURE_RUNS) { MatchedRun::of(&items) } else { None };
        self.send_urgent(&run.map_or(Frame::Matched(items), Frame::MatchedRun));
        for epoch in matched {
            match self.scopes.get_mut(&epoch).filter(|state| state.matched) {
                // The peer has closed it and shares it again.
                Some(state) => {
                    state.forget_said();
                    self.mark_digest_due(&epoch);
                }
                None => self.mark_matched(epoch),
            }
        }
    }

    pub(super) fn on_matched(&mut self, items: &[MatchedItem]) {
        let Some((shown, binding)) = self.answered() else { return };
        for item in items {
            let Some(epoch) = shown.epoch(item.index) else {
                return self.fault(FaultKind::MatchedFalse, Severity::High);
            };
            let proof = scope_tag(&epoch.key, self.role.other(), &binding);
            if !mac_eq(&proof, &item.tag) {
                return self.fault(FaultKind::MatchedFalse, Severity::High);
            }
            if !self.take_match(epoch.id, item.handle) {
                return;
            }
        }
        self.end_answer(&shown);
    }

    /// As [`Self::on_matched`], but nothing of it is believed unless all of it is proven.
    pub(super) fn on_matched_run(&mut self, run: &MatchedRun) {
        let Some((shown, binding)) = self.answered() else { return };
        let matches = run.items().map(|(index, handle)| Some((shown.epoch(index)?, handle)));
        // Before any tag is made: how long it takes must not say how much of what was shown is padding (I7).
        let Some(matches) = matches.collect::<Option<Vec<_>>>() else {
            return self.fault(FaultKind::MatchedFalse, Severity::High);
        };
        let tag = |epoch: &Epoch| scope_tag(&epoch.key, self.role.other(), &binding);
        let tags: Vec<Tag> = matches.iter().map(|(epoch, _)| tag(epoch)).collect();
        if !mac_eq(&run_proof(&tags), &run.proof) {
            return self.fault(FaultKind::MatchedFalse, Severity::High);
        }
        for (epoch, handle) in matches {
            if !self.take_match(epoch.id, handle) {
                return;
            }
        }
        self.end_answer(&shown);
    }

    /// What the peer answers now; a fault if nothing is to be answered.
    fn answered(&mut self) -> Option<(Shown, SessionBinding)> {
        let answered = self.matching.shown.pop_front().zip(self.binding);
        if answered.is_none() {
            self.fault(FaultKind::MatchedUnasked, Severity::High);
        }
        answered
    }

    /// Takes in a match that is proven; false, and a fault, if the peer may not give out such a handle.
    fn take_match(&mut self, epoch: EpochId, handle: u32) -> bool {
        // Both sides may have shown the same epoch at once: then the handle is known already.
        if self.handles.get(&handle) != Some(&epoch) && !self.take_their_handle(handle) {
            return false;
        }
        if self.scopes.contains(&epoch) {
            self.bind(epoch, handle);
        } else {
            // Closed by the owner since it was shown: nothing to bind, but the handle is given out.
            self.handles.insert(handle, epoch);
        }
        true
    }

    fn end_answer(&mut self, shown: &Shown) {
        if let Some(class) = shown.first {
            let exchange = self.matching.exchange(class);
            exchange.unanswered = exchange.unanswered.saturating_sub(1);
            self.end_exchange(class);
        }
    }

    /// Tells the owner once a first exchange is over on both sides.
    fn end_exchange(&mut self, class: Class) {
        let exchange = self.matching.exchange(class);
        let is_over = exchange.offered && exchange.unanswered == 0 && exchange.their_end;
        if is_over && !std::mem::replace(&mut exchange.done, true) {
            self.outputs.push_back(Output::ClassDone(class));
        }
    }

    /// Plans the next round: a few soon after the beginning, when two nodes may be learning of the same friends, then
    /// one every ten minutes. When they come hangs on the session's age alone, never on what there is to show.
    fn plan_round(&mut self, now: Timestamp) {
        let begun = self.matching.begun.unwrap_or(now);
        if let Some(after) = TAGS_EARLY_ROUNDS_MS.get(self.matching.early_rounds).copied() {
            self.matching.early_rounds = self.matching.early_rounds.saturating_add(1);
            let jitter = self.timing.below(after.checked_div(4).unwrap_or(0));
            self.matching.next_round = Some(begun.plus_ms(after.saturating_add(jitter)).max(now));
            return;
        }
        let jitter = self.timing.below(TAGS_ROUND_JITTER_MS.saturating_mul(2).saturating_add(1));
        let after = TAGS_ROUND_INTERVAL_MS.saturating_sub(TAGS_ROUND_JITTER_MS).saturating_add(jitter);
        self.matching.next_round = Some(now.plus_ms(after));
    }

    pub(super) fn run_rounds(&mut self, now: Timestamp) {
        if self.matching.next_round.is_some_and(|at| at <= now) {
            self.plan_round(now);
            // Until the peer has ended its own first exchange and ours is out, a round would be taken for part of it.
            if self.matching.posts.offered {
                self.show_round();
            }
        }
    }
}
