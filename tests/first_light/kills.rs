//! Kill −9 of any node at a random moment, while all post and sync: what was said stands, no number is used twice.
//!
//! Three friends post, like and comment without a pause, each by the command line of its node. Again and again one node
//! is killed at a random moment, with whatever it had in hand, and started anew. At the end:
//!
//! - **no confirmed post is lost**: every id that `post` printed is in its author's timeline, and in the friends';
//! - **no number is used twice**: over all three stores together, no (epoch, number) names two entries. A number that was
//!   sent before the kill and given again after it would show there, since friends keep what they got;
//! - **nothing is done twice**: no two moments have the same text, though a command whose node died under it might have
//!   tried again;
//! - **stores open**: every start succeeds, and at the end each store is opened by the library and found undamaged;
//! - **timelines converge**: all three show the same moments.
//!
//! A post of which the command line said nothing because its node died may or may not exist; what exists reaches all.
//!
//! `TIDINGS_KILLS` says how often (15 if it does not), `SEED` replays the choice of victims and moments; what the
//! processes were doing at that instant remains the machine's affair.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tidings::id::{EntryId, EpochId};
use tidings::store::layout::split_log_key;
use tidings::store::{Direction, Disk, DiskConfig, KeyRange, Store, Tree};

use crate::support::seed::Seed;
use crate::support::{Node, alone, befriend, photo, until, wait_connected};

/// Kills in an ordinary run.
const KILLS: u64 = 15;
/// A kill comes at most so long after the node answers, ms.
const LIFE_LIMIT_MS: u64 = 900;
/// Every so many kills, the victim is killed again before it answers: while it opens its store.
const EARLY_EVERY: u64 = 5;
/// How long three timelines may take to become equal once nobody is killed any more: more than two waits of a dial that
/// has been in vain for a while.
const CONVERGENCE: Duration = Duration::from_secs(90);

/// What was said, and to whom.
#[derive(Debug, Default)]
struct Confirmed {
    /// Ids that `post` printed, by author, with the audience.
    posts: Mutex<Vec<(usize, String, bool)>>,
    /// Posts that came to nothing because the node was not there.
    refused: AtomicUsize,
    /// Likes and comments that were answered.
    reactions: AtomicUsize,
}

#[test]
fn after_kills_at_random_moments_nothing_said_is_lost_and_no_number_is_used_twice() {
    let _alone = alone();
    let kills = std::env::var("TIDINGS_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let mut seed = Seed::from_environment("kills");
    let mut nodes = ["Alice", "Bob", "Carol"].map(Node::started);
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        befriend(&nodes[a], &nodes[b]);
        wait_connected(&nodes[a], &nodes[b]);
    }
    let (confirmed, done) = (Confirmed::default(), AtomicBool::new(false));
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo::write(folder.path(), 1, 320, 240);
    let begun = Instant::now();
    // The people only use the command line, so they need the home and not the process.
    let people: Vec<Person> =
        nodes.iter().enumerate().map(|(at, node)| Person::at(at, node, seed.next())).collect();
    std::thread::scope(|scope| {
        for mut person in people {
            let (confirmed, done, file) = (&confirmed, &done, &file);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    person.act(confirmed, file);
                }
            });
        }
        // Whatever happens to the killer, the people must come to an end.
        let _end = AtEnd(&done);
        for kill in 0..kills {
            let victim = &mut nodes[seed.below(3) as usize];
            std::thread::sleep(Duration::from_millis(seed.below(LIFE_LIMIT_MS)));
            victim.mark_log(&format!("kill {kill}"));
            victim.kill();
            if kill % EARLY_EVERY == EARLY_EVERY - 1 {
                victim.begin();
                std::thread::sleep(Duration::from_millis(seed.below(150)));
                victim.kill();
            }
            victim.start();
        }
    });
    let posts = confirmed.posts.into_inner().expect("no person broke");
    println!(
        "{kills} kills in {:?}: {} posts confirmed, {} posts and reactions without an answer, {} reactions confirmed",
        begun.elapsed(),
        posts.len(),
        confirmed.refused.load(Ordering::Relaxed),
        confirmed.reactions.load(Ordering::Relaxed)
    );
    assert!(posts.len() as u64 >= kills / 2, "too few posts to show anything: {}", posts.len());

    let converged = converge(&nodes);
    for (at, node) in nodes.iter().enumerate() {
        let timeline: BTreeSet<String> = node.timeline().into_iter().collect();
        let lost: Vec<&String> = posts
            .iter()
            .filter(|(author, id, private)| (*author == at || !private) && !timeline.contains(id))
            .map(|(_, id, _)| id)
            .collect();
        assert_eq!(lost, Vec::<&String>::new(), "{} lacks confirmed posts\n{}", node.name, node.log_tail());
    }
    println!("timelines equal after {converged:?}");
    for node in &nodes {
        let page = node.get("/timeline?limit=10000");
        let texts: Vec<&str> =
            page["moments"].as_array().expect("moments").iter().filter_map(|m| m["text"].as_str()).collect();
        let once: BTreeSet<&str> = texts.iter().copied().collect();
        assert_eq!(texts.len(), once.len(), "{} shows a moment twice: {texts:?}", node.name);
    }
    for node in &mut nodes {
        node.stop();
    }
    let numbers = numbers(nodes.iter().map(Node::home));
    println!("{} numbers looked at in three stores", numbers.len());
    let twice: Vec<_> = numbers.iter().filter(|(_, entries)| entries.len() > 1).collect();
    assert!(twice.is_empty(), "numbers that name two entries: {twice:#?}");
    assert!(numbers.len() >= posts.len(), "the stores hold what was posted");
}

/// Ends the people even if the thread that kills panics.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Somebody who posts without a pause.
struct Person {
    at: usize,
    hand: crate::support::node::Hand,
    seed: Seed,
    count: usize,
}

impl Person {
    fn at(at: usize, node: &Node, seed: u64) -> Self {
        Self { at, hand: node.hand(), seed: Seed::of(seed), count: 0 }
    }

    fn act(&mut self, confirmed: &Confirmed, photo: &Path) {
        self.count += 1;
        let text = format!("number {} of {}", self.count, self.at);
        let photo = photo.display().to_string();
        let mut arguments = vec!["post", &text];
        let mut private = false;
        match self.seed.below(8) {
            0 => arguments.extend(["--photo", &photo]),
            1 => {
                arguments.push("--private");
                private = true;
            }
            2 | 3 => return self.react(confirmed),
            _ => {}
        }
        let answer = self.hand.cli(&arguments);
        match answer.json["id"].as_str().filter(|_| answer.code == Some(0)) {
            Some(id) => {
                confirmed.posts.lock().expect("no person broke").push((self.at, id.to_owned(), private));
            }
            None => {
                // Its node was killed under it, or holds the store and does not answer yet.
                assert!(
                    matches!(
                        answer.error_code().as_str(),
                        "node_lost" | "node_closed" | "home_in_use" | "no_node"
                    ),
                    "an answer that no kill explains: {answer:?}"
                );
                confirmed.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn react(&mut self, confirmed: &Confirmed) {
        let page = self.hand.cli(&["timeline", "--limit", "5"]).json;
        let Some(id) = page["moments"][self.seed.below(5) as usize]["id"].as_str() else { return };
        let arguments =
            if self.seed.below(2) == 0 { vec!["like", id] } else { vec!["comment", id, "Well said"] };
        let counter =
            if self.hand.cli(&arguments).code == Some(0) { &confirmed.reactions } else { &confirmed.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until all show the same moments, but for those that are private; how long that took.
fn converge(nodes: &[Node]) -> Duration {
    let begun = Instant::now();
    let shown = || -> Vec<BTreeSet<String>> {
        nodes
            .iter()
            .map(|node| {
                let page = node.get("/timeline?limit=10000");
                let moments = page["moments"].as_array().cloned().unwrap_or_default();
                let public = moments.iter().filter(|moment| moment["audience"]["rule"] != "private");
                public.filter_map(|moment| moment["id"].as_str().map(str::to_owned)).collect()
            })
            .collect()
    };
    let same = until(CONVERGENCE, Duration::from_millis(200), || {
        let shown = shown();
        shown.windows(2).all(|pair| pair[0] == pair[1]).then_some(())
    });
    if same.is_none() {
        let shown = shown();
        let all: BTreeSet<&String> = shown.iter().flatten().collect();
        let logs: Vec<String> = nodes.iter().map(Node::log_tail).collect();
        let lacks: Vec<String> =
            nodes.iter().zip(&shown).map(|(node, shown)| lacking(node, shown, &all, nodes)).collect();
        panic!("timelines differ after {CONVERGENCE:?}:\n{}\n{}", lacks.join("\n"), logs.join("\n"));
    }
    begun.elapsed()
}

/// What one lacks, as those tell it who have it.
fn lacking(node: &Node, shown: &BTreeSet<String>, all: &BTreeSet<&String>, nodes: &[Node]) -> String {
    let lacks: Vec<String> = all
        .iter()
        .filter(|id| !shown.contains(**id))
        .filter_map(|id| {
            let (holder, moment) =
                nodes.iter().find_map(|node| Some((node, node.try_get(&format!("/moments/{id}"))?)))?;
            let who = holder.try_get(&format!("/moments/{id}/who")).unwrap_or_default();
            Some(format!(
                "  {} has {} by {} of {} ({}): {who}",
                holder.name,
                moment["text"],
                moment["author"]["name"],
                moment["created_at"],
                moment["received_at"]
            ))
        })
        .collect();
    let friends = node.get("/friends")["friends"].as_array().cloned().unwrap_or_default();
    let up: Vec<&str> = friends
        .iter()
        .filter(|friend| friend["online"] == true)
        .filter_map(|friend| friend["name"].as_str())
        .collect();
    format!(
        "{} (connected to {up:?}) lacks {} of {}:\n{}",
        node.name,
        lacks.len(),
        all.len(),
        lacks.join("\n")
    )
}

/// Which entries stand at each number, over all stores.
fn numbers<'a>(homes: impl Iterator<Item = &'a Path>) -> BTreeMap<(EpochId, u64), BTreeSet<EntryId>> {
    let mut numbers: BTreeMap<(EpochId, u64), BTreeSet<EntryId>> = BTreeMap::new();
    for home in homes {
        let disk = Disk::open(home, &DiskConfig::default()).expect("the store opens");
        let report = disk.check().expect("the store can be checked");
        assert_eq!(report.damaged_count, 0, "{}: {report:?}", home.display());
        let mut rest = Some(KeyRange::all());
        while let Some(range) = rest {
            let page = disk.scan(Tree::Log, range, Direction::Forward, 1_000).expect("the log can be read");
            for (key, _) in &page.records {
                let (epoch, seq, id) = split_log_key(key).expect("the key of an entry");
                numbers.entry((epoch, seq)).or_default().insert(id);
            }
            rest = page.next;
        }
    }
    numbers
}
