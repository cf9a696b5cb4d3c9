//! What people do and what befalls them: coming and going, sharing, answering, crashes, partitions.

use std::collections::{BTreeMap, BTreeSet};

use super::ledger::{Moment, TOGETHER_MS};
use super::node::{Audience, CLOSE, WORK};
use super::report::{Report, Snapshot};
use super::world::{MARK, What, World};
use super::{Who, report};
use crate::ask::{AudienceWords, PostDraft};
use crate::error::Result;
use crate::id::EntryId;
use crate::service::Service;
use crate::store::{Direction, KeyRange, Store, Tree};
use crate::time::DAY_MS;

const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;

/// What somebody does, or what befalls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Come,
    Go,
    Post,
    React,
    /// Puts a friend into a tag.
    Tag,
    Crash,
    /// Back after a crash, or for a gathering: as far as they should be there.
    Return,
    /// A minute has passed since they came or got something: with whom are they together?
    Look {
        since: u64,
        starts: u32,
    },
}

impl World<'_> {
    /// Warm-up, days, quiet, idle; then the reckoning.
    pub(super) fn run_phases(&mut self, progress: &mut dyn FnMut(&str)) -> Report {
        let scenario = self.scenario.clone();
        self.gather();
        let begin = self.now + scenario.warm_up_minutes * MINUTE_MS;
        self.run_until(begin);
        progress("warm");
        let mut snapshot = Snapshot::take(self);
        self.is_gathering = false;
        self.is_quiet = false;
        self.until = begin + scenario.days * DAY_MS;
        self.begin_faults();
        self.begin_day(begin);
        self.go_home();
        for day in 0..scenario.days {
            self.run_until(begin + (day + 1) * DAY_MS);
            progress(&format!("day {} of {} lived", day + 1, scenario.days));
        }
        snapshot.end_of_days(self);
        self.is_quiet = true;
        self.halves = None;
        self.gather();
        self.run_until(self.now + scenario.quiet_minutes * MINUTE_MS);
        progress("quiet");
        snapshot.end_of_quiet(self);
        self.run_until(self.now + scenario.idle_minutes * MINUTE_MS);
        self.reckon();
        report::of(self, &snapshot)
    }

    /// All come within a minute, and stay until they go home. It is not their rhythm that brings them, so nobody
    /// becomes due online by it.
    fn gather(&mut self) {
        self.is_gathering = true;
        for who in 0..self.nodes.len() {
            if self.nodes[who].service.is_none() {
                let at = self.now + self.entropy.below(MINUTE_MS);
                self.queue.put(at, What::Act { who, act: Act::Return });
            }
        }
    }

    fn go_home(&mut self) {
        for who in 0..self.nodes.len() {
            if !self.nodes[who].should_be_online {
                self.stop(who, None);
            }
        }
    }

    fn begin_faults(&mut self) {
        let faults = self.scenario.faults.clone();
        if faults.partition_every_hours > 0 {
            let mut at = self.now + faults.partition_every_hours * HOUR_MS;
            while at < self.until {
                self.queue.put(at, What::Part { apart: true });
                self.queue.put(at + faults.partition_minutes * MINUTE_MS, What::Part { apart: false });
                at += faults.partition_every_hours * HOUR_MS;
            }
        }
    }

    /// Draws what everybody does on the day that begins now.
    pub(super) fn begin_day(&mut self, start: u64) {
        if start >= self.until {
            return;
        }
        for who in 0..self.nodes.len() {
            let spans = self.nodes[who].rhythm.spans(start, &mut self.entropy);
            for (from, to) in &spans {
                if *from == start {
                    self.nodes[who].should_be_online = true;
                }
                self.queue.put(*from, What::Act { who, act: Act::Come });
                self.queue.put(*to, What::Act { who, act: Act::Go });
            }
            let (moments, interactions) = (self.scenario.moments_per_day, self.scenario.interactions_per_day);
            let acts = [(Act::Post, moments), (Act::React, interactions)];
            for (act, times) in acts {
                for _ in 0..times {
                    let (from, to) = spans[self.entropy.below(spans.len() as u64) as usize];
                    let at = from + self.entropy.below((to - from).max(1));
                    self.queue.put(at, What::Act { who, act });
                }
            }
            let faults = [
                (Act::Crash, self.scenario.faults.crashes_percent_per_day),
                (Act::Tag, self.scenario.tag_changes_percent_per_day),
            ];
            for (act, percent) in faults {
                if self.entropy.below(100) < percent {
                    let (from, to) = spans[self.entropy.below(spans.len() as u64) as usize];
                    let at = from + self.entropy.below((to - from).max(1));
                    self.queue.put(at, What::Act { who, act });
                }
            }
        }
        self.queue.put(start + DAY_MS, What::Day { start: start + DAY_MS });
    }

    pub(super) fn act(&mut self, who: Who, act: Act) {
        match act {
            Act::Come => {
                self.nodes[who].should_be_online = true;
                self.start(who);
            }
            Act::Go => {
                self.nodes[who].should_be_online = false;
                if !self.is_gathering {
                    self.stop(who, None);
                }
            }
            Act::Post if self.nodes[who].service.is_some() => self.post(who),
            Act::React if self.nodes[who].service.is_some() => self.react(who),
            Act::Tag if self.nodes[who].service.is_some() => self.tag(who),
            Act::Post | Act::React | Act::Tag => {
                // Away after a crash: when they are back.
                let at = self.now + 15 * MINUTE_MS;
                if at < self.until {
                    self.queue.put(at, What::Act { who, act });
                }
            }
            Act::Crash => {
                if self.nodes[who].service.is_some() && !self.is_quiet {
                    self.traffic.crashes += 1;
                    let kept = self.entropy.below(8) as usize;
                    self.stop(who, Some(kept));
                    let had: Vec<u32> = self.ledger.has[who].iter().copied().collect();
                    let lost = had.into_iter().filter(|moment| !self.keeps(who, *moment)).collect();
                    self.nodes[who].lost = lost;
                    let at = self.now + MINUTE_MS + self.entropy.below(10 * MINUTE_MS);
                    self.queue.put(at, What::Act { who, act: Act::Return });
                }
            }
            Act::Return => {
                if self.nodes[who].should_be_online || self.is_gathering {
                    self.start(who);
                }
            }
            Act::Look { since, starts } => self.look(who, since, starts),
        }
    }

    /// Does what a person wants, as the program does it: verb, commit, barrier where the answer waits for one.
    fn ask<T>(&mut self, who: Who, verb: impl FnOnce(&mut Service) -> Result<T>) -> Result<T> {
        let now = self.now_of(who);
        let node = &mut self.nodes[who];
        let service = node.service.as_mut().expect("it runs");
        service.set_now(now);
        let answer = verb(service);
        if answer.is_err() {
            service.abandon_if_dirty().expect("memory");
        }
        self.posting = Some(who);
        self.end_step(who);
        self.posting = None;
        self.nodes[who].store.barrier().expect("memory");
        answer
    }

    fn post(&mut self, who: Who) {
        let mix = &self.scenario.audience;
        let draw = self.entropy.below(100);
        let audience = if draw < mix.only_percent {
            Audience::Only
        } else if draw < mix.only_percent + mix.except_percent {
            Audience::Except
        } else {
            Audience::Everyone
        };
        let words = match audience {
            Audience::Everyone => AudienceWords::default(),
            Audience::Only => AudienceWords { to: vec![CLOSE.to_owned()], ..AudienceWords::default() },
            Audience::Except => AudienceWords { except: vec![WORK.to_owned()], ..AudienceWords::default() },
        };
        let mark = String::from_utf8_lossy(MARK);
        let text = format!("{mark} {}", "x".repeat(20 + self.entropy.below(260) as usize));
        let draft = PostDraft { text, audience: words, ..PostDraft::default() };
        match self.ask(who, |service| service.post(draft)) {
            Ok(moment) => {
                let entitled = self.nodes[who].entitled(audience);
                let owed: BTreeSet<Who> = match self.nodes[who].is_liar {
                    true => BTreeSet::new(),
                    false => entitled.iter().copied().filter(|who| !self.nodes[*who].is_liar).collect(),
                };
                self.note_posted(moment.id, (who, audience), entitled, &owed);
                self.look_around(who);
            }
            Err(error) => self.breach(format!("{who} could not share a moment: {error}")),
        }
    }

    fn note_posted(
        &mut self,
        id: EntryId,
        (author, audience): (Who, Audience),
        entitled: BTreeSet<Who>,
        owed: &BTreeSet<Who>,
    ) {
        // Where an entry is begins with its epoch (service/receive.rs).
        let place = self.nodes[author].store.get(Tree::ById, id.as_bytes()).expect("memory");
        let epoch = place.and_then(|place| place.first_chunk::<16>().copied()).expect("it was kept");
        let keys = [&b"e"[..], &epoch].concat();
        let (hops, likers) = (BTreeMap::from([(author, 0)]), BTreeSet::new());
        let moment = Moment {
            id,
            keys,
            author,
            audience,
            posted: self.now,
            entitled,
            hops,
            likers,
            comments: 0,
            is_followed: false,
        };
        self.ledger.posted(moment, owed);
    }

    /// Likes or comments one of the newest moments on the timeline.
    fn react(&mut self, who: Who) {
        let newest: Vec<u32> = self.ledger.has[who].iter().rev().take(20).copied().collect();
        // What may have been taken back meanwhile is left alone.
        let is_others = |moment: &u32| {
            let moment = &self.ledger.moments[*moment as usize];
            moment.author != who && !moment.is_followed
        };
        let others: Vec<u32> = newest.into_iter().filter(is_others).collect();
        if others.is_empty() {
            return;
        }
        let number = others[self.entropy.below(others.len() as u64) as usize];
        let word = self.ledger.moments[number as usize].id.to_string();
        let mark = String::from_utf8_lossy(MARK);
        let is_like = self.entropy.below(2) == 0;
        let answer = if is_like {
            self.ask(who, |service| service.like(&word)).map(drop)
        } else {
            self.ask(who, |service| service.comment(&word, &mark, None)).map(drop)
        };
        let moment = &mut self.ledger.moments[number as usize];
        match answer {
            Ok(()) if self.nodes[who].is_liar => {}
            Ok(()) if is_like => drop(moment.likers.insert(who)),
            Ok(()) => moment.comments += 1,
            // Not on the disk yet when the power was cut: it comes again, and is looked for at the end.
            Err(error)
                if error.code == "no_such_moment"
                    && self.nodes[who].lost.contains(&number)
                    && !self.keeps(who, number) => {}
            Err(error) => self.breach(format!("{who} could not answer moment {number}: {error}")),
        }
    }

    fn keeps(&self, who: Who, number: u32) -> bool {
        let id = self.ledger.moments[number as usize].id;
        self.nodes[who].store.get(Tree::ById, id.as_bytes()).expect("memory").is_some()
    }

    /// Puts a friend into one of the two tags who is in neither: into those whom some moments are only for, or into those whom some are not
    /// for.
    fn tag(&mut self, who: Who) {
        let node = &self.nodes[who];
        let free: Vec<Who> = node
            .friends
            .iter()
            .copied()
            .filter(|friend| !node.close.contains(friend) && !node.work.contains(friend))
            .collect();
        if free.is_empty() {
            return;
        }
        let friend = free[self.entropy.below(free.len() as u64) as usize];
        let user = self.nodes[friend].keyring.user().to_string();
        let (name, audience) = match self.entropy.below(2) {
            0 => (CLOSE, Audience::Only),
            _ => (WORK, Audience::Except),
        };
        if let Err(error) = self.ask(who, |service| service.tag_add(name, &[user])) {
            return self.breach(format!("{who} could not put {friend} into a tag: {error}"));
        }
        self.traffic.tag_changes += 1;
        let node = &mut self.nodes[who];
        if audience == Audience::Only {
            node.close.insert(friend)
        } else {
            node.work.insert(friend)
        };
        self.ledger.followed(who, audience, friend, audience == Audience::Only);
    }

    pub(super) fn part(&mut self, apart: bool) {
        self.halves = None;
        if !apart || self.is_quiet {
            return;
        }
        let halves: Vec<bool> = (0..self.nodes.len()).map(|_| self.entropy.below(2) == 0).collect();
        let across = |link: &super::shell::Link| halves[link.ends[0]] != halves[link.ends[1]];
        let cut: Vec<u64> = self.links.iter().filter(|(_, link)| across(link)).map(|(id, _)| *id).collect();
        self.halves = Some(halves);
        cut.into_iter().for_each(|link| self.drop_link(link));
    }

    /// In a minute, sees with whom somebody is together who came or got something now.
    pub(super) fn look_around(&mut self, who: Who) {
        let act = Act::Look { since: self.now, starts: self.nodes[who].starts };
        self.queue.put(self.now + TOGETHER_MS, What::Act { who, act });
    }

    fn look(&mut self, who: Who, since: u64, starts: u32) {
        let node = &self.nodes[who];
        if node.starts != starts || node.service.is_none() || node.is_liar {
            return;
        }
        let nodes = &self.nodes;
        let has_keys = |who: Who, key: &[u8]| {
            nodes[who].store.get(Tree::State, key).is_ok_and(|record| record.is_some())
        };
        for other in node.friends.iter().copied() {
            let there = &nodes[other];
            let parted = self.halves.as_ref().is_some_and(|halves| halves[who] != halves[other]);
            if there.service.is_some() && !there.is_liar && !parted {
                self.ledger.together(who, other, since, &has_keys);
            }
        }
    }

    /// At the end: every pair is delivered, nobody has what is not for them, and authors see who answered.
    fn reckon(&mut self) {
        for who in 0..self.nodes.len() {
            let lacking: Vec<u32> = self.ledger.lacks[who].keys().copied().collect();
            for moment in lacking {
                let author = self.ledger.moments[moment as usize].author;
                self.breach(format!("{who} lacks moment {moment} of {author} after the quiet"));
            }
            self.look_into_home(who);
        }
        // Every moment of a small run, a sample of a large one.
        let step = (self.ledger.moments.len() / 5_000).max(1);
        for at in (0..self.ledger.moments.len()).step_by(step) {
            self.look_at_answers(at);
        }
    }

    /// What stands on the timeline of a home is for its person, whatever the node told of it; and all that ever came is
    /// there, whatever power was cut since.
    fn look_into_home(&mut self, who: Who) {
        let mut rest = Some(KeyRange::all());
        let mut there = BTreeSet::new();
        while let Some(range) = rest {
            let page =
                self.nodes[who].store.scan(Tree::Timeline, range, Direction::Forward, 1_000).expect("memory");
            for (key, _) in &page.records {
                let id = crate::store::layout::split_timeline_key(key).map(|(_, id)| id);
                match id.and_then(|id| self.ledger.find(&id)) {
                    Some(moment) if self.ledger.may_have(moment, who) => drop(there.insert(moment)),
                    _ => self.breach(format!("the home of {who} holds a moment that is not for them")),
                }
            }
            rest = page.next;
        }
        let is_gone =
            |moment: &&u32| !there.contains(moment) && !self.ledger.moments[**moment as usize].is_followed;
        let gone: Vec<u32> = self.ledger.has[who].iter().filter(is_gone).copied().collect();
        let is_liar = self.nodes[who].is_liar;
        for moment in gone.into_iter().filter(|_| !is_liar) {
            self.breach(format!("moment {moment} has come to {who} and is gone"));
        }
    }

    fn look_at_answers(&mut self, at: usize) {
        let moment = &self.ledger.moments[at];
        let (author, word) = (moment.author, moment.id.to_string());
        let written = moment.likers.len() + moment.comments;
        let node = &self.nodes[author];
        // What becomes of the answers of somebody who left is not looked at here.
        if moment.is_followed {
            return;
        }
        let Some(service) = node.service.as_ref().filter(|_| !node.is_liar) else { return };
        let seen = service.moment(&word).map_or(0, |moment| moment.likes.len() + moment.comments.len());
        // Of what liars wrote some comes and some does not.
        if seen < written || (seen > written && self.scenario.faults.liars == 0) {
            self.breach(format!("{author} sees {seen} of {written} answers to moment {at}"));
        }
    }
}
