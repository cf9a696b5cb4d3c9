//! A round: what happens to nodes within a time so short that it may as well happen at once.
//!
//! ```text
//!  queue ──▶ 1. what reaches whom     in order: streams, connections, chance
//!            2. each node's own work  on all threads: Service::handle / wake, commit, what it wants
//!            3. what they want        in order: into the queue, the ledger, the trace
//! ```
//!
//! What a node does in a round reaches another in the next one, also where the two are so near that it would in this one.
//! Each thing keeps its time, so among different nodes things may happen out of order, by less than a round. So the second part
//! needs nobody but the node itself, and it does not matter which thread does it. What people do, and coming and going, is
//! a round of its own. A frame is lost whose stream or connection ends in the same round.

use std::collections::BTreeMap;

use super::Who;
use super::crew::Task;
use crate::link::{Event, Order, StreamId};
use crate::service::{Output, Service};
use crate::time::Timestamp;

/// What a service is to do.
pub(super) enum Step {
    /// Take an event of the network.
    Handle(Event),
    /// Do what is due.
    Wake,
    /// Say when it wants to be woken.
    Alarm,
}

/// Something that a node is to do in this round.
pub(super) struct Due {
    pub(super) who: Who,
    /// The time of the simulation, and that of the node's clock.
    pub(super) at: u64,
    pub(super) clock: Timestamp,
    /// Who sent the frame that is handled.
    pub(super) from: Option<Who>,
    pub(super) step: Step,
}

/// When a node is woken next.
pub(super) enum Next {
    /// It is to be asked, a while after its step.
    ToBeAsked,
    /// It said so.
    At(Option<Timestamp>),
    /// It says so later in the round.
    Later,
}

/// What came of it.
pub(super) struct Done {
    pub(super) who: Who,
    pub(super) at: u64,
    pub(super) from: Option<Who>,
    pub(super) outputs: Vec<Output>,
    pub(super) next: Next,
}

/// All that one node does in a round.
pub(super) struct Turn {
    pub(super) who: Who,
    pub(super) service: Box<Service>,
    /// In order, each with its place in the round.
    pub(super) due: Vec<(usize, Due)>,
    pub(super) done: Vec<(usize, Done)>,
}

impl Task for Turn {
    fn work(&mut self) {
        for (place, Due { who, at, clock, from, step }) in self.due.drain(..) {
            let service = &mut self.service;
            let (outputs, next) = match step {
                Step::Handle(event) => {
                    service.handle(event, clock).expect("memory");
                    (commit(service, clock), Next::ToBeAsked)
                }
                Step::Wake => {
                    service.wake(clock).expect("memory");
                    let outputs = commit(service, clock);
                    // At once: nothing else comes together with a wake-up.
                    (outputs, Next::At(service.next_wakeup()))
                }
                Step::Alarm => (Vec::new(), Next::At(service.next_wakeup())),
            };
            self.done.push((place, Done { who, at, from, outputs, next }));
        }
        // When it wants to be woken was asked before what came later was done: the last answer counts.
        let answers = self.done.iter_mut().filter(|(_, done)| matches!(done.next, Next::At(_)));
        answers.rev().skip(1).for_each(|(_, done)| done.next = Next::Later);
    }
}

/// Commits, and collects what the node wants done, until it wants nothing more: what the transport takes of its frames is
/// told at once, as something that came in the same run of events.
pub(super) fn commit(service: &mut Service, clock: Timestamp) -> Vec<Output> {
    let mut outputs = Vec::new();
    loop {
        service.commit().expect("memory");
        let mut sent: BTreeMap<StreamId, usize> = BTreeMap::new();
        while let Some(output) = service.poll_output() {
            if let Output::Network(Order::Send { stream, frame }) = &output {
                *sent.entry(*stream).or_default() += frame.len();
            }
            outputs.push(output);
        }
        if sent.is_empty() {
            return outputs;
        }
        for (stream, bytes) in sent {
            service.handle(Event::Sent { stream, bytes }, clock).expect("memory");
        }
    }
}
