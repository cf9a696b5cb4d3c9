//! Pages in whatever order moments come, and how much one step reads.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::error::Error;
use crate::id::EntryId;
use crate::limits::TIMELINE_LIMIT;
use crate::moment::PublicValues;
use crate::service::testing::{Author, BEGIN, Rig};
use crate::store::{Batch, Memory, Page, Stats, Store};
use crate::time::DAY_MS;

/// A store that counts what it hands out of the trees of posts.
#[derive(Default)]
struct Counting {
    inner: Memory,
    posts: AtomicUsize,
}

impl Counting {
    fn note(&self, tree: Tree, count: usize) {
        if matches!(tree, Tree::Timeline | Tree::ByAuthor) {
            self.posts.fetch_add(count, Ordering::Relaxed);
        }
    }
}

impl Store for Counting {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.note(tree, 1);
        self.inner.get(tree, key)
    }

    fn scan(
        &self,
        tree: Tree,
        range: KeyRange,
        direction: Direction,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let page = self.inner.scan(tree, range, direction, limit)?;
        self.note(tree, page.records.len());
        Ok(page)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        self.inner.apply(batch)
    }

    fn barrier(&self) -> Result<(), StoreError> {
        self.inner.barrier()
    }

    fn stats(&self) -> Result<Stats, StoreError> {
        self.inner.stats()
    }
}

fn query(limit: usize, before: Option<String>) -> TimelineQuery {
    TimelineQuery { limit, before, ..TimelineQuery::default() }
}

fn searching(words: &str) -> TimelineQuery {
    TimelineQuery { search: Some(words.to_owned()), ..TimelineQuery::default() }
}

fn texts(rig: &Rig, query: &TimelineQuery) -> Vec<String> {
    let page = rig.service.timeline(query).expect("a page");
    page.moments.into_iter().map(|moment| moment.text).collect()
}

#[test]
fn no_step_looks_at_more_posts_than_the_limit() {
    let store = Arc::new(Counting::default());
    let mut rig = Rig::on(Arc::clone(&store));
    let (mut bob, mut carol) = (rig.befriend("Bob"), rig.befriend("Carol"));
    let count = READ_RUN_LIMIT + 100;
    for n in 0..count {
        let at = BEGIN.minus_ms(u64::try_from(n).expect("small") * 1_000);
        rig.take(if n % 2 == 0 { &mut bob } else { &mut carol }, at, &format!("moment {n}"));
    }
    let from_bob = TimelineQuery { from: Some("Bob".into()), ..searching("nowhere") };
    // The limit is reached, and one post more is a step more.
    let beyond = |n: usize| TimelineQuery {
        since: Some(BEGIN.minus_ms(u64::try_from(n - 1).expect("small") * 1_000)),
        ..searching("nowhere")
    };
    for (query, expected, each) in [
        (searching("nowhere"), vec![READ_RUN_LIMIT, 100], 1),
        (query(TIMELINE_LIMIT, None), vec![READ_RUN_LIMIT, 100], 1),
        (beyond(READ_RUN_LIMIT), vec![READ_RUN_LIMIT, 0], 1),
        (beyond(READ_RUN_LIMIT + 1), vec![READ_RUN_LIMIT, 1], 1),
        // By author a key is read, and then the post.
        (from_bob, vec![count / 2], 2),
        // A page that is full needs one post more, to know that there is another.
        (query(50, None), vec![50], 2),
    ] {
        let mut reading = rig.service.begin_timeline(&query).expect("a page");
        let mut steps = Vec::new();
        while !reading.is_done() {
            store.posts.store(0, Ordering::Relaxed);
            rig.service.read_on(&mut reading).expect("memory");
            let read = store.posts.load(Ordering::Relaxed);
            assert!(read <= READ_RUN_LIMIT * each, "{query:?}: {read} records in one step");
            steps.push(reading.looked_at());
        }
        assert_eq!(steps, expected, "{query:?}");
    }
}

#[test]
fn a_search_finds_words_wherever_a_moment_says_something() {
    use crate::moment::card::{LinkCard, Mood, Place, Precision};
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    let at = |n: u64| BEGIN.minus_ms((n + 1) * 1_000);
    let link = LinkCard {
        url: "https://example.org/x".into(),
        title: "Über die Brücke".into(),
        description: "An old crossing".into(),
        site: "Example".into(),
        image: None,
    };
    let mood = Mood { emoji: "🙂".into(), text: "cheerful".into() };
    let place = Place { name: "Lisboa, Chão".into(), position: None, precision: Precision::City };
    for (n, values) in [
        PublicValues { text: "plain words".into(), ..PublicValues::default() },
        PublicValues { link: Some(link), ..PublicValues::default() },
        PublicValues { text: "x".into(), mood: Some(mood), ..PublicValues::default() },
        PublicValues { text: "y".into(), place: Some(place), ..PublicValues::default() },
        PublicValues { text: "今天天气很好".into(), ..PublicValues::default() },
    ]
    .into_iter()
    .enumerate()
    {
        rig.take_post(&mut bob, at(u64::try_from(n).expect("small")), &values, Vec::new());
    }
    rig.service
        .post(crate::ask::PostDraft { text: "mine, plain".into(), ..Default::default() })
        .expect("posted");
    rig.commit();
    for (words, found) in [
        ("PLAIN", vec!["mine, plain", "plain words"]),
        ("bob plain", vec!["plain words"]),
        ("brucke old EXAMPLE", vec![""]),
        ("cheerful", vec!["x"]),
        ("chao lisboa", vec!["y"]),
        ("天气", vec!["今天天气很好"]),
        ("bob", vec!["plain words", "", "x", "y", "今天天气很好"]),
        ("alice", vec!["mine, plain"]),
        ("plain nowhere", vec![]),
    ] {
        assert_eq!(texts(&rig, &searching(words)), found, "{words}");
    }
    let both = TimelineQuery { from: Some("Bob".into()), ..searching("plain") };
    assert_eq!(texts(&rig, &both), ["plain words"]);
    let late = TimelineQuery { since: Some(at(2)), until: Some(at(1)), ..searching("bob") };
    assert_eq!(texts(&rig, &late), ["", "x"]);
}

#[test]
fn a_search_that_rests_tells_how_far_it_came_and_goes_on_without_a_gap() {
    let mut rig = Rig::new();
    let mut bob = rig.befriend("Bob");
    for n in 0..20u64 {
        let text = if n % 7 == 0 { format!("found {n}") } else { format!("other {n}") };
        rig.take(&mut bob, BEGIN.minus_ms(n * 1_000), &text);
    }
    let whole = texts(&rig, &searching("found"));
    assert_eq!(whole, ["found 0", "found 7", "found 14"]);
    for (look, steps) in [(1, 21), (6, 4), (19, 2), (20, 2), (21, 1)] {
        let (mut found, mut before, mut reached, mut asked) = (Vec::new(), None, Vec::new(), 0);
        loop {
            let page =
                rig.service.timeline(&TimelineQuery { look, before, ..searching("found") }).expect("a page");
            asked += 1;
            found.extend(page.moments.into_iter().map(|moment| moment.text));
            reached.extend(page.reached);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!((&found, asked), (&whole, steps), "{look} at a time");
        assert_eq!(reached.len(), steps - 1, "each but the last says how far it came");
        assert!(reached.windows(2).all(|pair| pair[1] < pair[0]), "ever older: {reached:?}");
        let first = BEGIN.minus_ms(u64::try_from(look - 1).expect("small") * 1_000);
        assert_eq!(reached.first().copied().unwrap_or(first), first);
    }
    let full =
        rig.service.timeline(&TimelineQuery { limit: 1, look: 20, ..searching("found") }).expect("a page");
    assert_eq!((full.moments.len(), full.reached), (1, None), "a full page is no rest");
}

#[test]
fn a_page_of_the_limit_is_given_and_one_moment_more_is_refused_by_name() {
    let rig = Rig::new();
    assert!(rig.service.timeline(&query(TIMELINE_LIMIT, None)).is_ok());
    let error: Error = rig.service.timeline(&query(TIMELINE_LIMIT + 1, None)).expect_err("too many");
    assert_eq!((error.kind.exit_code(), error.code), (5, "page_limit"));
    assert!(error.message.contains(&TIMELINE_LIMIT.to_string()));
    for no_cursor in ["", "xyz", "00"] {
        let error = rig.service.timeline(&query(1, Some(no_cursor.into()))).expect_err("no cursor");
        assert_eq!((error.kind.exit_code(), error.code), (2, "no_cursor"));
    }
}

/// What happens between two pages.
#[derive(Debug, Clone)]
enum Step {
    /// Somebody's moment of so long ago arrives.
    Arrives { who: usize, ago: u64 },
    /// A moment is withdrawn.
    Goes(prop::sample::Index),
    /// A page is read.
    Page,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..3usize, 0..400u64).prop_map(|(who, ago)| Step::Arrives { who, ago }),
        1 => any::<prop::sample::Index>().prop_map(Step::Goes),
        2 => Just(Step::Page),
    ];
    prop::collection::vec(step, 0..40)
}

fn withdraw(rig: &mut Rig, author: &mut Author, number: u64, id: EntryId) {
    let tombstone = crate::moment::Tombstone { epoch: author.epoch, seq: number, entry: id };
    rig.take_body(author, BEGIN, crate::moment::Body::Tombstone(tombstone));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn pages_put_together_are_the_whole_whatever_arrives_and_goes_meanwhile(
        before in prop::collection::vec((0..3usize, 0..400u64), 0..30),
        steps in steps(),
        limit in 1..6usize,
        from in prop::option::of(Just("Bob")),
        is_whole in any::<bool>(),
    ) {
        let mut rig = Rig::new();
        let mut authors = [rig.befriend("Bob"), rig.befriend("Carol"), rig.befriend("Dave")];
        // Many in one second, so that ids decide.
        let at = |ago: u64| BEGIN.minus_ms((ago / 4) * DAY_MS);
        let mut there: Vec<(usize, u64, EntryId)> = Vec::new();
        for (who, ago) in before {
            let number = authors[who].next;
            there.push((who, number, rig.take(&mut authors[who], at(ago), "x")));
        }
        rig.service.index.is_whole = is_whole;
        let at_first: BTreeSet<EntryId> =
            there.iter().filter(|(who, ..)| from.is_none() || *who == 0).map(|(.., id)| *id).collect();
        let (mut withdrawn, mut cursor, mut seen) = (BTreeSet::new(), None, Vec::new());
        let mut ended = false;
        for step in steps.into_iter().map(Some).chain(std::iter::repeat(None)) {
            match step {
                Some(Step::Arrives { who, ago }) => {
                    let number = authors[who].next;
                    there.push((who, number, rig.take(&mut authors[who], at(ago), "x")));
                }
                Some(Step::Goes(index)) if !there.is_empty() => {
                    let (who, number, id) = there.swap_remove(index.index(there.len()));
                    withdrawn.insert(id);
                    withdraw(&mut rig, &mut authors[who], number, id);
                }
                Some(Step::Goes(_)) => {}
                Some(Step::Page) | None if !ended => {
                    let from = from.map(str::to_owned);
                    let page = rig.service.timeline(&TimelineQuery { from, ..query(limit, cursor) }).expect("a page");
                    prop_assert!(page.moments.len() <= limit);
                    prop_assert!(page.next.is_none() || page.moments.len() == limit);
                    seen.extend(page.moments.iter().map(|moment| (moment.created_at, moment.id)));
                    cursor = page.next;
                    ended = cursor.is_none();
                }
                Some(Step::Page) => {}
                None => break,
            }
        }
        let newest_first = seen.windows(2).all(|pair| pair[0] > pair[1]);
        prop_assert!(newest_first, "in order, and nothing twice");
        let ids: BTreeSet<EntryId> = seen.iter().map(|(_, id)| *id).collect();
        let lost: Vec<_> = at_first.difference(&ids).filter(|id| !withdrawn.contains(*id)).collect();
        prop_assert!(lost.is_empty(), "lost: {lost:?}");
        // Read again, it is the same whole as read at once.
        let from = from.map(str::to_owned);
        let whole = rig.service.timeline(&TimelineQuery { from: from.clone(), ..query(1_000, None) }).expect("a page");
        let (mut again, mut cursor) = (Vec::new(), None);
        loop {
            let page = rig.service.timeline(&TimelineQuery { from: from.clone(), ..query(limit, cursor) }).expect("a page");
            again.extend(page.moments);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        prop_assert_eq!(again, whole.moments);
    }
}
