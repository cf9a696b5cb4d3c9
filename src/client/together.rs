//! Posts that wait at the same time are written in one step: one batch of the store for all, one barrier behind it, and
//! their signatures made on all cores. While one batch is kept, those of the next are made:
//!
//! ```text
//!  this thread  begin 1 · sign 1 · begin 2 · end 1, commit 1 · sign 2 · begin 3 · end 2, commit 2 · …
//!  the others             sign 1             sign 2                       sign 3
//! ```
//!
//! Nothing else happens between the beginning and the end of a post but the end of those before it: no event, no job, so that
//! what its audience was chosen from stands still.
//!
//! A post is a value here and not a closure, so that it can be written twice: if one of several fails after it has changed
//! something, the step is forgotten and each is written in a step of its own, so that nobody is told of another's mistake.
//! Nothing has left by then, and the numbers that were taken are gaps (docs/protocol.md 3.13).
//!
//! What it does not do: wait for posts that are not there yet. One post alone is written at once.

use tokio::sync::{mpsc, oneshot};

use super::engine::{Answer, Job};
use super::helpers::Helpers;
use super::{Error, Result};
use crate::ask::PostDraft;
use crate::service::{Begun, Service, Signed, store_error};
use crate::view;

/// Posts of one step: some ms of work. What a friend sends waits for two of them at most, as the next has begun.
const TOGETHER: usize = 64;

/// A post, and who waits for it.
pub(super) struct Posting {
    draft: PostDraft,
    answer: oneshot::Sender<Result<view::Moment>>,
}

impl Posting {
    pub(super) fn new(draft: PostDraft) -> (Self, oneshot::Receiver<Result<view::Moment>>) {
        let (answer, answered) = oneshot::channel();
        (Self { draft, answer }, answered)
    }

    /// Whether another go of the same attempt is among these: it has to see what the first came to.
    fn is_again(&self, posts: &[Self]) -> bool {
        let id = |post: &Self| post.draft.attempt.map(|attempt| attempt.id);
        id(self).is_some() && posts.iter().any(|post| id(post) == id(self))
    }

    /// The answer, told once the step has ended.
    fn answer(self, done: Result<view::Moment>) -> Answer {
        let Self { answer, .. } = self;
        // Nobody may be waiting any more; the step stands all the same.
        Answer::new(done.is_ok(), move |outcome| drop(answer.send(outcome.and(done))))
    }
}

/// The jobs of the service's thread, of which one can be looked at and put back.
pub(super) struct Jobs {
    queue: mpsc::Receiver<Job>,
    put_back: Option<Job>,
}

impl Jobs {
    pub(super) const fn new(queue: mpsc::Receiver<Job>) -> Self {
        Self { queue, put_back: None }
    }

    /// The next; `None` once there is nobody to give one.
    ///
    /// # Cancel
    /// May be dropped; no job is lost.
    pub(super) async fn next(&mut self) -> Option<Job> {
        match self.put_back.take() {
            Some(job) => Some(job),
            None => self.queue.recv().await,
        }
    }

    /// The next, if one waits already.
    ///
    /// # Errors
    /// As the queue says: empty, or nobody is left to give one.
    pub(super) fn try_next(&mut self) -> std::result::Result<Job, mpsc::error::TryRecvError> {
        self.put_back.take().map_or_else(|| self.queue.try_recv(), Ok)
    }

    /// A post and those that wait right behind it.
    pub(super) fn posts(&mut self, first: Posting) -> Vec<Posting> {
        self.fill(vec![first], &[])
    }

    /// Those that wait behind posts that are on their way; none if another job comes first.
    pub(super) fn more_posts(&mut self, behind: &[Posting]) -> Vec<Posting> {
        if self.put_back.is_some() { Vec::new() } else { self.fill(Vec::new(), behind) }
    }

    fn fill(&mut self, mut posts: Vec<Posting>, behind: &[Posting]) -> Vec<Posting> {
        while posts.len() < TOGETHER {
            match self.queue.try_recv() {
                Ok(Job::Post(post)) if !post.is_again(&posts) && !post.is_again(behind) => posts.push(*post),
                Ok(other) => {
                    self.put_back = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        posts
    }
}

/// Posts that have their numbers and wait for their signatures, or have them.
pub(super) struct Batch<T> {
    posts: Vec<Posting>,
    of_each: T,
}

/// What came of the end of a batch.
pub(super) enum Ended {
    /// It is in the step that is under way, and waits for its end.
    Kept(Vec<Answer>),
    /// One failed: the step is to be forgotten, and each written alone.
    Apart(Vec<Posting>),
}

/// Writes one post into the step that is under way.
///
/// # Errors
/// If the step had to be forgotten and the store cannot be read back.
pub(super) fn write_alone(service: &mut Service, post: Posting) -> std::result::Result<Answer, Error> {
    let done = service.post(post.draft.clone());
    if done.is_err() {
        service.abandon_if_dirty().map_err(|error| store_error(&error))?;
    }
    Ok(post.answer(done))
}

impl Batch<Vec<Begun>> {
    /// Chooses audiences and takes numbers. If one of them fails, the posts come back and the step is to be forgotten: who
    /// made it is told once each is written alone.
    pub(super) fn begin(
        service: &mut Service,
        posts: Vec<Posting>,
    ) -> std::result::Result<Self, Vec<Posting>> {
        let begun = posts.iter().map(|post| service.begin_post(post.draft.clone()));
        match begun.collect::<Result<Vec<Begun>>>() {
            Ok(of_each) => Ok(Self { posts, of_each }),
            Err(_) => Err(posts),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.posts.is_empty()
    }

    /// Has all signed by others, where there are any, while this thread does something else; then it helps.
    pub(super) fn sign_beside<R>(
        self,
        helpers: Option<&Helpers>,
        meanwhile: impl FnOnce() -> R,
    ) -> (R, Batch<Vec<(usize, Done)>>) {
        let Self { posts, of_each } = self;
        let (mut done, mut unsigned) = (Vec::with_capacity(of_each.len()), Vec::with_capacity(of_each.len()));
        for (at, begun) in of_each.into_iter().enumerate() {
            match begun {
                Begun::New(new) => unsigned.push((at, new)),
                Begun::Shared(moment) => done.push((at, Done::Shared(moment))),
            }
        }
        let (result, signed) = match helpers {
            Some(helpers) => helpers.sign(unsigned, meanwhile),
            None => (meanwhile(), unsigned.into_iter().map(|(at, unsigned)| (at, unsigned.sign())).collect()),
        };
        done.extend(signed.into_iter().map(|(at, signed)| (at, Done::Signed(Box::new(signed)))));
        (result, Batch { posts, of_each: done })
    }
}

impl Batch<Vec<(usize, Done)>> {
    pub(super) fn posts(&self) -> &[Posting] {
        &self.posts
    }

    /// Keeps, announces and shows them.
    pub(super) fn end(self, service: &mut Service) -> Ended {
        let Self { posts, of_each: mut done } = self;
        done.sort_unstable_by_key(|(at, _)| *at);
        // A thread that broke is a broken invariant of ours: its posts are missing, and each is written alone.
        let is_whole = done.len() == posts.len();
        let ended = done.into_iter().map(|(_, done)| match done {
            Done::Shared(moment) => Ok(service.end_shared(*moment)),
            Done::Signed(signed) => service.end_post((*signed)?),
        });
        match ended.collect::<Result<Vec<view::Moment>>>() {
            Ok(moments) if is_whole => Ended::Kept(
                posts.into_iter().zip(moments).map(|(post, moment)| post.answer(Ok(moment))).collect(),
            ),
            _ => Ended::Apart(posts),
        }
    }

    /// The posts alone, to be written once more.
    pub(super) fn into_posts(self) -> Vec<Posting> {
        self.posts
    }
}

/// A post on its way, once its signature is made.
pub(super) enum Done {
    Shared(Box<view::Moment>),
    Signed(Box<Result<Signed>>),
}

#[cfg(test)]
mod tests;
