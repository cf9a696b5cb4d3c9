//! What is still to happen, in the one order there is: by time, and at one time by the order of asking.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// One thing to happen.
struct Item<T> {
    at: u64,
    number: u64,
    what: T,
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<T> Eq for Item<T> {}

impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Item<T> {
    /// The heap gives the greatest first, so the soonest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// The queue.
pub(super) struct Queue<T> {
    items: BinaryHeap<Item<T>>,
    next: u64,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { items: BinaryHeap::new(), next: 0 }
    }

    /// Lets something happen at a time, ms.
    pub(super) fn put(&mut self, at: u64, what: T) {
        self.items.push(Item { at, number: self.next, what });
        self.next += 1;
    }

    /// The next thing, if it happens by `end`.
    pub(super) fn pop_by(&mut self, end: u64) -> Option<(u64, T)> {
        if self.items.peek()?.at > end {
            return None;
        }
        self.items.pop().map(|item| (item.at, item.what))
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
        while let Some((_, what)) = queue.pop_by(5) {
            order.push(what);
        }
        assert_eq!(order, ['a', 'b', 'c', 'd']);
        queue.put(6, 'e');
        assert!(queue.pop_by(5).is_none());
    }
}
