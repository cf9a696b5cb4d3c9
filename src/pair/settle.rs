//! The end of pairing, the same on both sides and on any connection: each says what its human decided until the other
//! has kept it.

use super::pending::Answers;
use super::{Change, Fault, Frame, Output, Pending};
use crate::id::UserId;

/// A stream on which a pending pair is being settled.
#[derive(Debug)]
pub(super) struct Settling {
    their: UserId,
    answers: Answers,
    /// The other has shown moments on this stream.
    is_shown: bool,
}

impl Settling {
    /// For a pending pair that is kept already.
    pub(super) fn new(pending: &Pending) -> Self {
        Self { their: pending.their(), answers: pending.answers, is_shown: false }
    }

    /// For somebody who is a friend already and does not know that our yes stands.
    pub(super) const fn with_friend(their: UserId) -> Self {
        let answers = Answers { mine: Some(true), theirs: Some(true), mine_seen: false };
        Self { their, answers, is_shown: false }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.answers.are_settled()
    }

    /// What to say at the beginning: our answer, if there is one that the other may not have kept.
    pub(super) fn begin(&self) -> Vec<Output> {
        self.answers.unsent().map(|yes| Output::send(&Frame::Decision { yes })).into_iter().collect()
    }

    /// Our human has answered. The caller has made it durable; nothing comes of a second answer.
    pub(super) fn decide(&mut self, yes: bool) -> Vec<Output> {
        if self.answers.mine.is_some() {
            return Vec::new();
        }
        self.answers.mine = Some(yes);
        self.begin()
    }

    pub(super) fn on_frame(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        match frame {
            Frame::Decision { yes } => self.on_decision(*yes),
            Frame::Seen => self.on_seen(),
            // Once a stream: more would make us write as often as they like.
            Frame::Moments(moments) if !self.is_shown => {
                self.is_shown = true;
                let change = Change::Shown { their: self.their, moments: moments.clone() };
                Ok(vec![Output::Commit { change, then: Vec::new() }])
            }
            _ => Err(Fault::OutOfOrder { frame: frame.name() }),
        }
    }

    fn on_decision(&mut self, yes: bool) -> Result<Vec<Output>, Fault> {
        let seen = Output::send(&Frame::Seen);
        match self.answers.theirs {
            None => {
                self.answers.theirs = Some(yes);
                Ok(vec![Output::Commit {
                    change: Change::Theirs { their: self.their, yes },
                    then: self.and_close(vec![seen]),
                }])
            }
            Some(first) if first == yes => Ok(self.and_close(vec![seen])),
            Some(_) => Err(Fault::ChangedMind),
        }
    }

    fn on_seen(&mut self) -> Result<Vec<Output>, Fault> {
        if self.answers.mine.is_none() {
            return Err(Fault::OutOfOrder { frame: Frame::Seen.name() });
        }
        if self.answers.mine_seen {
            return Ok(Vec::new());
        }
        self.answers.mine_seen = true;
        let change = Change::MineSeen { their: self.their };
        Ok(vec![Output::Commit { change, then: self.and_close(Vec::new()) }])
    }

    /// Ends the stream once nothing is left to say.
    fn and_close(&self, mut outputs: Vec<Output>) -> Vec<Output> {
        if self.is_over() {
            outputs.push(Output::Close);
        }
        outputs
    }
}
