//! Threads that work at the same time on nodes that have nothing to do with each other.
//!
//! A round is some ten tasks of some ten microseconds, so nobody is woken for one: whoever waits looks again and again, and
//! sleeps only when nothing has come for a while. Which thread does what follows from nothing but who is free; what comes
//! of it is put back in the order in which it was asked for, so no result depends on how many threads there are.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use crate::crypto::Sharing;

/// How often whoever waits looks until it sleeps. *chosen: some hundred microseconds, longer than what lies between two
/// rounds*
const LOOKS: u32 = 20_000;

/// Tasks of which there must be so many that it pays to share them.
const SHARE_MIN: usize = 2;

/// Work that is whole in itself.
pub(super) trait Task: Send {
    /// Does it.
    fn work(&mut self);
}

/// What lies on the table of the crew.
pub(super) struct Crew<T> {
    /// What nobody has begun.
    to_do: Mutex<Vec<T>>,
    done: Mutex<Vec<T>>,
    /// How much lies on either pile: looking at a number costs nothing, and a lock would be held when it is wanted.
    left: AtomicUsize,
    finished: AtomicUsize,
    is_over: AtomicBool,
    is_broken: AtomicBool,
    helpers: Vec<Helper>,
}

/// A thread beside the first.
#[derive(Default)]
struct Helper {
    thread: Mutex<Option<Thread>>,
    is_asleep: AtomicBool,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells the others, however the thread that holds it ends.
struct Leaving<'a>(&'a AtomicBool);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

/// Ends the crew, however the work ends.
struct Over<'a, T>(&'a Crew<T>);

impl<T> Drop for Over<'_, T> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
        self.0.helpers.iter().for_each(Helper::wake);
    }
}

impl Helper {
    fn wake(&self) {
        if let Some(thread) = lock(&self.thread).as_ref() {
            thread.unpark();
        }
    }
}

impl<T: Task> Crew<T> {
    /// Lets `work` be done with so many threads, of which the one that calls is the first. What follows from bytes alone
    /// is worked out once for all of them.
    pub(super) fn with<R>(threads: usize, sharing: &Sharing, work: impl FnOnce(&Self) -> R) -> R {
        let helpers = (1..threads.max(1)).map(|_| Helper::default()).collect();
        let crew = Self {
            to_do: Mutex::default(),
            done: Mutex::default(),
            left: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            helpers,
        };
        std::thread::scope(|scope| {
            let over = Over(&crew);
            for helper in &crew.helpers {
                let (crew, shared) = (&crew, sharing.shared());
                let handle = scope.spawn(move || {
                    let _sharing = shared.here();
                    crew.help(helper);
                });
                *lock(&helper.thread) = Some(handle.thread().clone());
            }
            let result = work(&crew);
            drop(over);
            result
        })
    }

    /// Does all tasks. They come back in any order.
    pub(super) fn work(&self, mut tasks: Vec<T>) -> Vec<T> {
        let count = tasks.len();
        if count < SHARE_MIN || self.helpers.is_empty() {
            tasks.iter_mut().for_each(Task::work);
            return tasks;
        }
        self.finished.store(0, Ordering::SeqCst);
        {
            // With the pile held, as whoever takes from it counts: else one who is late would count for the round before.
            let mut to_do = lock(&self.to_do);
            *to_do = tasks;
            self.left.store(count, Ordering::SeqCst);
        }
        let asleep = self.helpers.iter().filter(|helper| helper.is_asleep.load(Ordering::SeqCst));
        asleep.for_each(Helper::wake);
        while self.take_one() {}
        let mut looked = 0;
        while self.finished.load(Ordering::SeqCst) < count {
            assert!(!self.is_broken.load(Ordering::SeqCst), "a thread of the simulation broke");
            looked += 1;
            // Whoever is waited for has no processor, perhaps.
            if looked < LOOKS { std::hint::spin_loop() } else { std::thread::yield_now() }
        }
        std::mem::take(&mut *lock(&self.done))
    }

    /// Does one task, if one is left.
    fn take_one(&self) -> bool {
        if self.left.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let taken = {
            let mut to_do = lock(&self.to_do);
            let taken = to_do.pop();
            self.left.store(to_do.len(), Ordering::SeqCst);
            taken
        };
        let Some(mut task) = taken else { return false };
        task.work();
        lock(&self.done).push(task);
        self.finished.fetch_add(1, Ordering::SeqCst);
        true
    }

    fn help(&self, helper: &Helper) {
        let _leaving = Leaving(&self.is_broken);
        let mut looked = 0;
        while !self.is_over.load(Ordering::SeqCst) {
            if self.take_one() {
                looked = 0;
                continue;
            }
            looked += 1;
            if looked < LOOKS {
                std::hint::spin_loop();
                continue;
            }
            // Whoever puts something down looks whether somebody sleeps after it lies there.
            helper.is_asleep.store(true, Ordering::SeqCst);
            if self.left.load(Ordering::SeqCst) == 0 && !self.is_over.load(Ordering::SeqCst) {
                std::thread::park();
            }
            helper.is_asleep.store(false, Ordering::SeqCst);
            looked = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Square(u64);

    impl Task for Square {
        fn work(&mut self) {
            assert_ne!(self.0, 13, "unlucky");
            self.0 *= self.0;
        }
    }

    fn squares(threads: usize, numbers: std::ops::Range<u64>) -> Vec<u64> {
        let sharing = crate::crypto::share_verdicts();
        Crew::with(threads, &sharing, |crew| {
            let mut all: Vec<u64> = crew.work(numbers.map(Square).collect()).iter().map(|s| s.0).collect();
            all.sort_unstable();
            all
        })
    }

    #[test]
    fn all_is_done_once_by_however_many() {
        let wanted: Vec<u64> = (20..60).map(|n| n * n).collect();
        for threads in [0, 1, 2, 5] {
            assert_eq!(squares(threads, 20..60), wanted, "{threads} threads");
        }
    }

    #[test]
    fn many_rounds_one_after_the_other_come_out_whole_also_after_a_sleep() {
        let sharing = crate::crypto::share_verdicts();
        Crew::with(3, &sharing, |crew| {
            for round in 0..2_000u64 {
                let tasks: Vec<Square> = (20..20 + round % 7).map(Square).collect();
                let count = tasks.len();
                assert_eq!(crew.work(tasks).len(), count);
                if round % 500 == 0 {
                    while !crew.helpers.iter().all(|helper| helper.is_asleep.load(Ordering::SeqCst)) {
                        std::thread::yield_now();
                    }
                }
            }
        });
    }

    #[test]
    #[should_panic(expected = "a thread of the simulation broke")]
    fn what_breaks_on_another_thread_breaks_the_run_and_does_not_hang_it() {
        struct BreaksElsewhere<'a>(std::thread::ThreadId, &'a std::sync::Barrier);
        impl Task for BreaksElsewhere<'_> {
            fn work(&mut self) {
                // Each thread has one of the two.
                self.1.wait();
                assert_eq!(std::thread::current().id(), self.0, "elsewhere");
            }
        }
        let (sharing, both) = (crate::crypto::share_verdicts(), std::sync::Barrier::new(2));
        let here = std::thread::current().id();
        Crew::with(2, &sharing, |crew| {
            crew.work(vec![BreaksElsewhere(here, &both), BreaksElsewhere(here, &both)]).len()
        });
    }
}
