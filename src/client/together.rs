//! Posts that wait at the same time are written in one step: one batch of the store for all, one barrier behind it, and
//! their signatures made on all cores.
//!
//! A post is a value here and not a closure, so that it can be written twice: if one of several fails after it has changed
//! something, the step is forgotten and each is written in a step of its own, so that nobody is told of another's mistake.
//! Nothing has left by then, and the numbers that were taken are gaps (docs/protocol.md 3.13).
//!
//! What it does not do: wait for posts that are not there yet. One post alone is written at once.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::engine::{Answer, Job};
use super::{Error, Result};
use crate::ask::PostDraft;
use crate::service::{Begun, Service, Signed, store_error};
use crate::view;

/// Posts of one step: some ms of work, so that what a friend sends meanwhile does not wait long.
const TOGETHER: usize = 64;
/// Threads that sign at most, this one counted: beyond four the store is what everything waits for.
const SIGNERS_MAX: usize = 4;
/// Posts for each thread that are worth its start, which costs as much as two signatures.
const SIGN_MIN: usize = 8;

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
        let mut posts = vec![first];
        while posts.len() < TOGETHER {
            match self.queue.try_recv() {
                Ok(Job::Post(post)) if !post.is_again(&posts) => posts.push(*post),
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

/// What came of posts that were to be written in one step.
pub(super) enum Wrote {
    /// They are in the step that is under way, and wait for its end.
    Together(Vec<Answer>),
    /// One failed and the step was forgotten: each is to be written alone.
    Apart(Vec<Posting>),
}

/// Writes posts into the step that is under way.
///
/// # Errors
/// If the step had to be forgotten and the store cannot be read back.
pub(super) fn write(service: &mut Service, posts: Vec<Posting>) -> std::result::Result<Wrote, Error> {
    let done = match &posts[..] {
        [post] => vec![service.post(post.draft.clone())],
        many => match write_many(service, many) {
            Ok(done) => done.into_iter().map(Ok).collect(),
            Err(_) => {
                service.abandon_if_dirty().map_err(|error| store_error(&error))?;
                return Ok(Wrote::Apart(posts));
            }
        },
    };
    if done.iter().any(Result::is_err) {
        service.abandon_if_dirty().map_err(|error| store_error(&error))?;
    }
    Ok(Wrote::Together(posts.into_iter().zip(done).map(|(post, done)| post.answer(done)).collect()))
}

/// The first error ends it: who made it is told once each is written alone.
fn write_many(service: &mut Service, posts: &[Posting]) -> Result<Vec<view::Moment>> {
    let begun = posts.iter().map(|post| service.begin_post(post.draft.clone()));
    let begun = begun.collect::<Result<Vec<Begun>>>()?;
    let mut done = sign(begun);
    done.sort_unstable_by_key(|(at, _)| *at);
    if done.len() < posts.len() {
        return Err(Error::failed("internal", "a thread that signs broke", "report this"));
    }
    done.into_iter()
        .map(|(_, done)| match done {
            Done::Shared(moment) => Ok(*moment),
            Done::Signed(signed) => service.end_post((*signed)?),
        })
        .collect()
}

/// A post on its way, once its signature is made.
enum Done {
    Shared(Box<view::Moment>),
    Signed(Box<Result<Signed>>),
}

/// Signs all, on as many threads as there are cores and work for; in no order. This thread takes its part, so that it is
/// done even where no other gets a turn.
fn sign(begun: Vec<Begun>) -> Vec<(usize, Done)> {
    let helpers = std::thread::available_parallelism().map_or(1, |n| n.get().min(SIGNERS_MAX));
    let helpers = helpers.min(begun.len() / SIGN_MIN).saturating_sub(1);
    let left = Mutex::new(begun.into_iter().enumerate());
    let work = || {
        let mut done = Vec::new();
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some((at, Begun::New(unsigned))) => done.push((at, Done::Signed(Box::new(unsigned.sign())))),
                Some((at, Begun::Shared(moment))) => done.push((at, Done::Shared(moment))),
                None => return done,
            }
        }
    };
    std::thread::scope(|scope| {
        // A system that has no room for threads gives fewer, or none.
        let spawn = || std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let threads: Vec<_> = (0..helpers).filter_map(|_| spawn()).collect();
        let mut done = work();
        // A broken thread is a broken invariant of ours: its posts are missed below, and each is written alone.
        done.extend(threads.into_iter().filter_map(|thread| thread.join().ok()).flatten());
        done
    })
}

#[cfg(test)]
mod tests;
