//! Posts that wait at the same time are written in one step: one batch of the store for all, and one barrier behind it.
//!
//! A post is a value here and not a closure, so that it can be written twice: if one of several fails after it has changed
//! something, the step is forgotten and each is written in a step of its own, so that nobody is told of another's mistake.
//! Nothing has left by then, and the numbers that were taken are gaps (docs/protocol.md 3.13).
//!
//! What it does not do: wait for posts that are not there yet. One post alone is written at once.

use tokio::sync::{mpsc, oneshot};

use super::engine::{Answer, Job};
use super::{Error, Result};
use crate::ask::PostDraft;
use crate::service::{Service, store_error};
use crate::view;

/// Posts of one step: some ms of work, so that what a friend sends meanwhile does not wait long.
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

    /// A post and those that wait right behind it.
    pub(super) fn posts(&mut self, first: Posting) -> Vec<Posting> {
        let mut posts = vec![first];
        while posts.len() < TOGETHER {
            match self.queue.try_recv() {
                Ok(Job::Post(post)) => posts.push(post),
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
    let (mut done, is_alone) = (Vec::new(), posts.len() == 1);
    for post in &posts {
        let outcome = service.post(post.draft.clone());
        if outcome.is_err() {
            service.abandon_if_dirty().map_err(|error| store_error(&error))?;
            if !is_alone {
                return Ok(Wrote::Apart(posts));
            }
        }
        done.push(outcome);
    }
    Ok(Wrote::Together(posts.into_iter().zip(done).map(|(post, done)| post.answer(done)).collect()))
}

#[cfg(test)]
mod tests;
