//! Threads that help the service's thread, so that a backfill and a flood of posts use every core.
//!
//! They check entries ahead of their turn ([`crate::service::Check`]) and sign posts that have their numbers
//! ([`crate::service::Unsigned`]). The service's thread hands over what waits, goes on with what was handed over before, and
//! takes the results when it comes to them. The threads hold no state and decide nothing; without them every entry would be
//! checked in its turn and every post signed by the service's thread, with the same outcome.
//!
//! They start with the first backlog or the first [`SHARE_MIN`] posts that come together, and stay: a node that only hears its
//! friends live never has them. What was handed over is taken in its order, so in a backlog posts wait behind checks, and the
//! service's thread signs most of them by itself.
//!
//! On Linux they give way: everything waits for the service's thread in the end, and it shares the cores with
//! them. (Elsewhere a thread has no such number of its own.) So they may get no turn while the person's other programs keep
//! all cores: whoever waits for checks does what nobody has begun.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel as shared;

use super::Result;
use crate::service::{Check, Checked, ReadyKeys, Signed, Unsigned};

/// Threads at most: beyond four the service's own thread is what everything waits for.
const THREADS_MAX: usize = 4;
/// Entries that one thread takes at a time.
const PART: usize = 16;
/// Parts that wait for a thread, or to be taken; a run of events makes at most four, and six runs are under way.
const PARTS_QUEUE: usize = 32;
/// Posts for each thread that are worth waking it.
const SIGN_MIN: usize = 8;
/// Posts from which on there is something for another thread to sign.
pub(super) const SHARE_MIN: usize = 2 * SIGN_MIN;

/// By how much they are nicer than the thread that waits for them: a third of its weight where both want one core.
#[cfg(target_os = "linux")]
const GIVE_WAY: i32 = 5;

/// Something for one thread.
enum Part {
    /// Some checks, and where the results go.
    Check { checks: Vec<Check>, done: SyncSender<Vec<Checked>> },
    /// Posts to be signed, shared with the others, and where these go.
    Sign { left: Arc<ToSign>, done: SyncSender<Vec<Numbered>> },
}

impl Part {
    fn work(self, keys: &mut ReadyKeys) {
        match self {
            Self::Check { checks, done } => {
                // Whoever asked may be gone: the node is stopping.
                let _ = done.send(checks.into_iter().filter_map(|check| check.run_with(keys)).collect());
            }
            Self::Sign { left, done } => {
                // All may have been signed by others before this was taken: then nobody waits.
                let _ = done.send(left.sign());
            }
        }
    }
}

/// A post with its signature, and its number among those that were to be signed.
pub(super) type Numbered = (usize, Result<Signed>);

/// Posts that wait for their signatures: each thread takes one after the other.
struct ToSign(Mutex<std::vec::IntoIter<(usize, Box<Unsigned>)>>);

impl ToSign {
    fn next(&self) -> Option<(usize, Box<Unsigned>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// Signs until none is left.
    fn sign(&self) -> Vec<Numbered> {
        std::iter::from_fn(|| self.next()).map(|(at, unsigned)| (at, unsigned.sign())).collect()
    }
}

/// The threads.
pub(super) struct Helpers {
    parts: shared::Sender<Part>,
    /// The other end, for whoever waits.
    queue: shared::Receiver<Part>,
    threads: Vec<JoinHandle<()>>,
}

/// Checks that are under way.
pub(super) struct UnderWay {
    done: Receiver<Vec<Checked>>,
    queue: shared::Receiver<Part>,
}

impl UnderWay {
    /// Waits for all of them, and meanwhile does what no other thread has begun. Of a thread that broke nothing comes, and
    /// its entries are checked in their turn.
    pub(super) fn wait(self) -> Vec<Checked> {
        let Self { done, queue } = self;
        let mut keys = ReadyKeys::default();
        let mut all = Vec::new();
        loop {
            match done.try_recv() {
                Ok(some) => all.extend(some),
                Err(TryRecvError::Disconnected) => return all,
                Err(TryRecvError::Empty) => match queue.try_recv() {
                    Ok(part) => part.work(&mut keys),
                    // All of them are in somebody's hands.
                    Err(_) => match done.recv() {
                        Ok(some) => all.extend(some),
                        Err(_) => return all,
                    },
                },
            }
        }
    }
}

/// From now on other threads of this node, and whatever else a person runs, come before this one.
fn give_way() {
    // A system that refuses has them as they were.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(GIVE_WAY) {
        tracing::debug!(%error, "the helpers do not give way");
    }
}

fn help(queue: &shared::Receiver<Part>) {
    give_way();
    let mut keys = ReadyKeys::default();
    queue.iter().for_each(|part| part.work(&mut keys));
}

impl Helpers {
    pub(super) fn start() -> Self {
        let (parts, queue) = shared::bounded::<Part>(PARTS_QUEUE);
        let count = std::thread::available_parallelism().map_or(1, |n| n.get().min(THREADS_MAX));
        let spawn = |queue: shared::Receiver<Part>| {
            std::thread::Builder::new().name("helper".to_owned()).spawn(move || help(&queue))
        };
        // A system that has no room for threads gives fewer, or none: then whoever waits does it all.
        let threads = (0..count).map(|_| queue.clone()).filter_map(|queue| spawn(queue).ok()).collect();
        Self { parts, queue, threads }
    }

    /// Begins to run some checks.
    pub(super) fn check(&self, mut checks: Vec<Check>) -> UnderWay {
        let (done, results) = sync_channel(PARTS_QUEUE);
        while !checks.is_empty() {
            let rest = checks.split_off(checks.len().min(PART));
            let part = Part::Check { checks: std::mem::replace(&mut checks, rest), done: done.clone() };
            // What the queue has no room for is checked in its turn.
            if self.parts.try_send(part).is_err() {
                break;
            }
        }
        UnderWay { done: results, queue: self.queue.clone() }
    }

    /// Has posts signed in no order while this thread does something else. It takes its part when that is done, so that they
    /// are signed even where no other gets a turn. Those that a thread which broke had taken are missing.
    pub(super) fn sign<R>(
        &self,
        posts: Vec<(usize, Box<Unsigned>)>,
        meanwhile: impl FnOnce() -> R,
    ) -> (R, Vec<Numbered>) {
        let count = posts.len();
        let others = (count / SIGN_MIN).min(self.threads.len()).saturating_sub(1);
        let left = Arc::new(ToSign(Mutex::new(posts.into_iter())));
        // Each of them tells once.
        let (done, results) = sync_channel(THREADS_MAX);
        for _ in 0..others {
            let part = Part::Sign { left: Arc::clone(&left), done: done.clone() };
            // Where a backlog waits for the threads nobody is waited for.
            if self.parts.try_send(part).is_err() {
                break;
            }
        }
        drop(done);
        let result = meanwhile();
        let mut signed = left.sign();
        while signed.len() < count {
            let Ok(more) = results.recv() else { break };
            signed.extend(more);
        }
        (result, signed)
    }

    pub(super) fn stop(self) {
        let Self { parts, queue, threads } = self;
        drop((parts, queue));
        for thread in threads {
            // A broken thread has done nothing more; there is nothing else to do with it.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ask::PostDraft;
    use crate::client::home;
    use crate::service::{Begun, Service};

    /// Posts that have their numbers, and the service that gave them.
    fn begun(count: usize) -> (tempfile::TempDir, Service, Vec<(usize, Box<Unsigned>)>) {
        let folder = tempfile::tempdir().unwrap();
        home::create(folder.path(), "Alice").unwrap();
        let mut service = home::open(folder.path(), Duration::ZERO).unwrap().service;
        service.set_now(home::now());
        let mut posts = Vec::new();
        for at in 0..count {
            let draft = PostDraft { text: format!("moment {at}"), ..PostDraft::default() };
            let Ok(Begun::New(post)) = service.begin_post(draft) else { panic!("it gets its number") };
            posts.push((at, post));
        }
        (folder, service, posts)
    }

    /// Ends all that were signed, and shows their texts in the order of their numbers.
    fn texts(service: &mut Service, mut signed: Vec<Numbered>) -> Vec<String> {
        signed.sort_unstable_by_key(|(at, _)| *at);
        let moments = signed.into_iter().map(|(_, signed)| service.end_post(signed.unwrap()).unwrap());
        moments.map(|moment| moment.text).collect()
    }

    /// Helpers whose parts somebody else takes, or nobody: threads that end at once stand for theirs.
    fn stand_in(room: usize) -> Helpers {
        let (parts, queue) = shared::bounded(room);
        Helpers { parts, queue, threads: (0..2).map(|_| std::thread::spawn(|| ())).collect() }
    }

    fn wanted(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("moment {at}")).collect()
    }

    #[test]
    fn nothing_to_do_is_done_at_once_and_threads_end() {
        let helpers = Helpers::start();
        assert!(helpers.check(Vec::new()).wait().is_empty());
        assert_eq!(helpers.sign(Vec::new(), || 7).0, 7);
        helpers.stop();
    }

    /// How nice each thread of that name is that this process has: after the name in brackets the seventeenth field.
    #[cfg(target_os = "linux")]
    fn how_nice(name: &str) -> Vec<i32> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        // One that has ended meanwhile has no file.
        let lines = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
        let named = lines.filter_map(|line| {
            let (before, rest) = line.rsplit_once(')')?;
            before.ends_with(&format!("({name}")).then(|| rest.split_whitespace().nth(16)?.parse().ok())?
        });
        named.collect()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn they_give_way_and_nobody_else_does() {
        let nice = || -> i32 {
            let line = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            line.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap().parse().unwrap()
        };
        let before = nice();
        let helpers = Helpers::start();
        // Each says so of itself when it first runs.
        let (_nobody, pause) = sync_channel::<()>(0);
        let gives_way =
            |of: &Vec<i32>| !of.is_empty() && of.iter().all(|nice| *nice == (before + GIVE_WAY).min(19));
        let mut looks = 0;
        while !gives_way(&how_nice("helper")) {
            looks += 1;
            assert!(looks < 3_000, "{:?} beside {before}", how_nice("helper"));
            let _ = pause.recv_timeout(Duration::from_millis(10));
        }
        assert_eq!(nice(), before);
        helpers.stop();
    }

    #[test]
    fn each_post_is_signed_once_however_many_there_are() {
        let helpers = Helpers::start();
        for count in [1, SHARE_MIN - 1, SHARE_MIN, 100] {
            let (_folder, mut service, posts) = begun(count);
            let (meanwhile, signed) = helpers.sign(posts, || 7);
            assert_eq!((meanwhile, texts(&mut service, signed)), (7, wanted(count)));
        }
        helpers.stop();
    }

    #[test]
    fn what_others_sign_while_this_thread_does_something_else_is_collected() {
        let helpers = stand_in(PARTS_QUEUE);
        let queue = helpers.queue.clone();
        let (all_signed, is_signed) = sync_channel(1);
        let other = std::thread::spawn(move || {
            let Ok(Part::Sign { left, done }) = queue.recv() else { panic!("a part comes") };
            let signed = left.sign();
            let count = signed.len();
            all_signed.send(()).unwrap();
            done.send(signed).unwrap();
            count
        });
        let (_folder, mut service, posts) = begun(4 * SIGN_MIN);
        let (_, signed) = helpers.sign(posts, || is_signed.recv_timeout(Duration::from_secs(30)).unwrap());
        assert_eq!(texts(&mut service, signed), wanted(4 * SIGN_MIN));
        assert_eq!(other.join().unwrap(), 4 * SIGN_MIN);
        helpers.stop();
    }

    #[test]
    fn what_a_thread_that_broke_had_taken_is_missing_and_holds_up_nobody() {
        let helpers = stand_in(PARTS_QUEUE);
        let queue = helpers.queue.clone();
        let (has_taken, taken) = sync_channel(1);
        let other = std::thread::spawn(move || {
            let Ok(Part::Sign { left, done }) = queue.recv() else { panic!("a part comes") };
            let _post = left.next().unwrap();
            has_taken.send(()).unwrap();
            drop((left, done));
        });
        let (_folder, _service, posts) = begun(4 * SIGN_MIN);
        let (has_signed, signed) = sync_channel(1);
        let signing = std::thread::spawn(move || {
            let (_, signed) = helpers.sign(posts, || taken.recv_timeout(Duration::from_secs(30)).unwrap());
            has_signed.send(signed.len()).unwrap();
            helpers.stop();
        });
        assert_eq!(signed.recv_timeout(Duration::from_secs(30)), Ok(4 * SIGN_MIN - 1));
        signing.join().unwrap();
        other.join().unwrap();
    }

    #[test]
    fn where_no_thread_has_time_this_one_signs_all() {
        // A queue that is full, and one that nobody reads.
        for room in [0, PARTS_QUEUE] {
            let helpers = stand_in(room);
            let (_folder, mut service, posts) = begun(4 * SIGN_MIN);
            let (_, signed) = helpers.sign(posts, || ());
            assert_eq!(texts(&mut service, signed), wanted(4 * SIGN_MIN));
            helpers.stop();
        }
    }

    #[test]
    fn whoever_waits_checks_what_no_other_thread_takes() {
        let (_folder, service, posts) = begun(3 * PART);
        let signed: Vec<Signed> = posts.into_iter().map(|(_, post)| post.sign().unwrap()).collect();
        let checks = |from: &[Signed]| from.iter().map(|post| post.check(&service).unwrap()).collect();
        let helpers = stand_in(PARTS_QUEUE);
        let (first, second) =
            (helpers.check(checks(&signed[..PART])), helpers.check(checks(&signed[PART..])));
        // The second is waited for before the first, whose part is done by the way. On a thread of its own: nobody else would
        // end a wait that does nothing.
        let (has_checked, checked) = sync_channel(1);
        std::thread::spawn(move || {
            let second = second.wait().len();
            has_checked.send((second, first.wait().len())).unwrap();
        });
        assert_eq!(checked.recv_timeout(Duration::from_secs(30)), Ok((2 * PART, PART)));
        assert!(helpers.queue.is_empty());
        // Where the queue has no room, each is checked in its turn.
        let full = stand_in(0);
        assert!(full.check(checks(&signed)).wait().is_empty());
        helpers.stop();
        full.stop();
    }

    #[test]
    fn a_part_that_is_taken_when_all_is_signed_holds_up_nobody() {
        let helpers = stand_in(PARTS_QUEUE);
        let (_folder, mut service, posts) = begun(4 * SIGN_MIN);
        let (_, signed) = helpers.sign(posts, || ());
        assert_eq!(texts(&mut service, signed), wanted(4 * SIGN_MIN));
        let Ok(Part::Sign { left, done }) = helpers.queue.try_recv() else { panic!("a part waits") };
        assert!(left.sign().is_empty());
        assert!(done.send(Vec::new()).is_err(), "nobody waits for it");
        helpers.stop();
    }
}
