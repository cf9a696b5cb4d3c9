//! What is still to happen, in the one order there is: by time, and at one time by the order of asking.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The queue. What happens is large, and a heap moves what it sorts: it lies in places of its own.
pub(super) struct Queue<T> {
    /// When, in which order, and at which place. The heap gives the greatest first, so all is turned round.
    order: BinaryHeap<Reverse<(u64, u64, u32)>>,
    places: Vec<Option<T>>,
    free: Vec<u32>,
    next: u64,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { order: BinaryHeap::new(), places: Vec::new(), free: Vec::new(), next: 0 }
    }

    /// Lets something happen at a time, ms.
    pub(super) fn put(&mut self, at: u64, what: T) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        self.places[place as usize] = Some(what);
        self.order.push(Reverse((at, self.next, place)));
        self.next += 1;
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next thing, if it happens by `end` and is one of those wanted.
    pub(super) fn pop_by_if(&mut self, end: u64, is_wanted: impl FnOnce(&T) -> bool) -> Option<(u64, T)> {
        let Reverse((at, _, place)) = *self.order.peek()?;
        let here = &mut self.places[place as usize];
        if at > end || !is_wanted(here.as_ref().expect("what is in order has its place")) {
            return None;
        }
        let what = here.take()?;
        self.order.pop();
        self.free.push(place);
        Some((at, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sooner_comes_first_and_at_one_time_what_was_asked_first() {
        let mut queue = Queue::new();
        for (at, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            queue.put(at, what);
        }
        let mut order = Vec::new();
        while let Some((_, what)) = queue.pop_by_if(5, |_| true) {
            order.push(what);
        }
        assert_eq!(order, ['a', 'b', 'c', 'd']);
        queue.put(6, 'e');
        assert_eq!(queue.next_at(), Some(6));
        assert!(queue.pop_by_if(6, |what| *what == 'f').is_none());
        assert!(queue.pop_by_if(5, |_| true).is_none());
    }
}
