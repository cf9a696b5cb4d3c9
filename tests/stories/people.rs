//! The words the stories are told in.

use tidings::ask::{AudienceWords, InviteDraft, PostDraft, TimelineQuery};
use tidings::error::Result;
use tidings::view;

use super::world::{Who, World};

/// Nodes with these names, strangers to each other.
pub fn strangers(seed: u64, names: &[&str]) -> World {
    let mut world = World::new(seed);
    for name in names {
        world.add(name);
    }
    world.run(100);
    world
}

/// Nodes with these names, each a friend of each.
pub fn circle(seed: u64, names: &[&str]) -> World {
    let mut world = strangers(seed, names);
    for a in 0..names.len() {
        for b in a + 1..names.len() {
            world.befriend(a, b);
        }
    }
    // Until all have found out whom they know in common.
    world.run(25_000);
    world
}

impl World {
    /// Two become friends by an invite that says yes beforehand.
    pub fn befriend(&mut self, a: Who, b: Who) {
        let link = self.invite(a, true);
        self.accept(b, &link).expect("the invite is taken");
        self.run(1_500);
        assert!(self.are_friends(a, b), "{} and {} are no friends", self.nodes[a].name, self.nodes[b].name);
    }

    pub fn invite(&mut self, who: Who, auto_confirm: bool) -> String {
        let draft = InviteDraft { auto_confirm, ..InviteDraft::default() };
        self.ask(who, |service| service.invite(&draft)).expect("an invite").link.to_string()
    }

    pub fn accept(&mut self, who: Who, link: &str) -> Result<tidings::id::UserId> {
        self.ask(who, |service| service.accept(link, None))
    }

    pub fn are_friends(&mut self, a: Who, b: Who) -> bool {
        let (user_a, user_b) = (self.nodes[a].user(), self.nodes[b].user());
        let has = |world: &mut Self, who, user| world.service(who).friends().iter().any(|f| f.id == user);
        has(self, a, user_b) && has(self, b, user_a)
    }

    /// Takes somebody off the friends.
    pub fn unfriend(&mut self, who: Who, name: &str) {
        self.ask(who, |service| service.remove_friend(name)).expect("a friend");
    }

    /// Pairs again by a new invite of `a`'s, whatever either remembers of the other.
    pub fn befriend_again(&mut self, a: Who, b: Who) {
        let link = self.invite(a, true);
        self.accept(b, &link).expect("the way back is open");
        self.run(20_000);
        assert!(self.are_friends(a, b), "{} and {} are no friends", self.nodes[a].name, self.nodes[b].name);
    }

    /// Whether somebody has another among their friends.
    pub fn are_friends_with(&mut self, who: Who, other: Who) -> bool {
        let user = self.nodes[other].user();
        self.service(who).friends().iter().any(|friend| friend.id == user)
    }

    /// Shares a text.
    pub fn post(&mut self, who: Who, text: &str, audience: AudienceWords) -> view::Moment {
        self.try_post(who, text, audience).expect("the moment is shared")
    }

    pub fn try_post(&mut self, who: Who, text: &str, audience: AudienceWords) -> Result<view::Moment> {
        let draft = PostDraft { text: text.to_owned(), audience, ..PostDraft::default() };
        self.ask(who, |service| service.post(draft))
    }

    /// The texts on somebody's timeline, newest first.
    pub fn texts(&mut self, who: Who) -> Vec<String> {
        self.moments(who).into_iter().map(|moment| moment.text).collect()
    }

    pub fn moments(&mut self, who: Who) -> Vec<view::Moment> {
        let now = self.now.plus_ms(self.nodes[who].ahead_ms);
        let service = self.service(who);
        service.set_now(now);
        let query = TimelineQuery { limit: 1_000, ..TimelineQuery::default() };
        service.timeline(&query).expect("a page").moments
    }

    /// Whether somebody sees a text.
    pub fn sees(&mut self, who: Who, text: &str) -> bool {
        self.texts(who).iter().any(|seen| seen == text)
    }

    /// The moment with a text, as somebody sees it.
    pub fn moment(&mut self, who: Who, text: &str) -> view::Moment {
        let name = self.nodes[who].name.clone();
        let found = self.moments(who).into_iter().find(|moment| moment.text == text);
        found.unwrap_or_else(|| panic!("{name} does not see {text:?}"))
    }

    /// The comments that somebody sees beneath a moment.
    pub fn comments(&mut self, who: Who, text: &str) -> Vec<String> {
        self.moment(who, text).comments.into_iter().map(|comment| comment.text).collect()
    }

    /// Who likes a moment, as somebody sees it.
    pub fn likes(&mut self, who: Who, text: &str) -> Vec<String> {
        self.moment(who, text).likes.into_iter().map(|person| person.name).collect()
    }

    pub fn like(&mut self, who: Who, text: &str) {
        let id = self.moment(who, text).id.to_string();
        self.ask(who, |service| service.like(&id)).expect("a like");
    }

    pub fn unlike(&mut self, who: Who, text: &str) {
        let id = self.moment(who, text).id.to_string();
        self.ask(who, |service| service.unlike(&id)).expect("no like");
    }

    pub fn comment(&mut self, who: Who, text: &str, comment: &str) {
        let id = self.moment(who, text).id.to_string();
        self.ask(who, |service| service.comment(&id, comment, None)).expect("a comment");
    }

    /// Replies to the comment with a text.
    pub fn reply(&mut self, who: Who, text: &str, to: &str, reply: &str) {
        let moment = self.moment(who, text);
        let target = moment.comments.iter().find(|c| c.text == to).expect("the comment").id.to_string();
        let id = moment.id.to_string();
        self.ask(who, |service| service.comment(&id, reply, Some(&target))).expect("a reply");
    }

    pub fn delete(&mut self, who: Who, text: &str) {
        let id = self.moment(who, text).id.to_string();
        self.ask(who, |service| service.delete(&id)).expect("withdrawn");
    }

    pub fn tag(&mut self, who: Who, tag: &str, people: &[&str]) {
        let people: Vec<String> = people.iter().map(|name| (*name).to_owned()).collect();
        self.ask(who, |service| service.tag_add(tag, &people)).expect("tagged");
    }
}

/// How many cases a property is tried with: `PROPTEST_CASES` wins over the usual number.
pub fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Everyone.
pub fn everyone() -> AudienceWords {
    AudienceWords::default()
}

/// Only these.
pub fn only(to: &[&str]) -> AudienceWords {
    AudienceWords { to: to.iter().map(|word| (*word).to_owned()).collect(), ..AudienceWords::default() }
}

/// Everyone but these.
pub fn except(words: &[&str]) -> AudienceWords {
    AudienceWords {
        except: words.iter().map(|word| (*word).to_owned()).collect(),
        ..AudienceWords::default()
    }
}

/// Only me.
pub fn private() -> AudienceWords {
    AudienceWords { private: true, ..AudienceWords::default() }
}
