use std::collections::BTreeSet;

use futures::future::join_all;

use super::*;
use crate::ask::TimelineQuery;
use crate::client::{Client, Config};

fn draft(text: &str) -> PostDraft {
    PostDraft { text: text.to_owned(), ..PostDraft::default() }
}

fn call() -> Job {
    Job::Call(Box::new(|_| Answer::new(true, drop)))
}

#[tokio::test]
async fn posts_are_taken_as_far_as_they_stand_together_and_nothing_behind_them_is_lost() {
    let (sender, queue) = mpsc::channel(2 * TOGETHER + 8);
    let mut jobs = Jobs::new(queue);
    let post = || Job::Post(Box::new(Posting::new(draft("x")).0));
    for job in [post(), post(), call(), post()] {
        sender.try_send(job).ok().unwrap();
    }
    let Some(Job::Post(first)) = jobs.next().await else { panic!("a post is first") };
    assert_eq!(jobs.posts(*first).len(), 2);
    assert!(matches!(jobs.next().await, Some(Job::Call(_))));
    let Some(Job::Post(first)) = jobs.next().await else { panic!("a post is last") };
    assert_eq!(jobs.posts(*first).len(), 1);
    // The limit, and one more.
    for _ in 0..=TOGETHER {
        sender.try_send(post()).ok().unwrap();
    }
    for expected in [TOGETHER, 1] {
        let Some(Job::Post(first)) = jobs.next().await else { panic!("a post") };
        assert_eq!(jobs.posts(*first).len(), expected);
    }
    drop(sender);
    assert!(jobs.next().await.is_none());
}

#[tokio::test]
async fn one_that_cannot_be_written_takes_no_other_with_it() {
    let home = tempfile::tempdir().unwrap();
    Client::create_identity(home.path(), "Alice").unwrap();
    let client = Client::open(Config { network: false, ..Config::new(home.path()) }).await.unwrap();
    // The very first post opens an epoch, so the step has changed something when the bad one fails.
    let texts: Vec<String> =
        (0..100).map(|n| if n % 7 == 3 { " ".to_owned() } else { format!("moment {n}") }).collect();
    let posted = join_all(texts.iter().map(|text| client.post(draft(text)))).await;
    for (text, posted) in texts.iter().zip(&posted) {
        match posted {
            Ok(moment) => assert_eq!(moment.text, *text),
            Err(error) => assert_eq!((error.code, text.as_str()), ("nothing_to_share", " ")),
        }
    }
    let good: Vec<&String> = texts.iter().filter(|text| *text != " ").collect();
    assert_eq!(posted.iter().filter(|posted| posted.is_ok()).count(), good.len());
    client.close().await.unwrap();
    let client = Client::open(Config { network: false, ..Config::new(home.path()) }).await.unwrap();
    let query = TimelineQuery { limit: 200, ..TimelineQuery::default() };
    let kept = client.timeline(query).await.unwrap().moments;
    assert_eq!(kept.len(), good.len(), "each is there once");
    let kept: BTreeSet<&String> = kept.iter().map(|moment| &moment.text).collect();
    assert_eq!(kept, good.into_iter().collect());
    client.close().await.unwrap();
}

/// Posts at once, and which of them are there after the home was opened again.
async fn shared(texts: &[String]) -> (Vec<Result<view::Moment>>, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    Client::create_identity(home.path(), "Alice").unwrap();
    let client = Client::open(Config { network: false, ..Config::new(home.path()) }).await.unwrap();
    let posted = join_all(texts.iter().map(|text| client.post(draft(text)))).await;
    client.close().await.unwrap();
    let client = Client::open(Config { network: false, ..Config::new(home.path()) }).await.unwrap();
    let query = TimelineQuery { limit: 1_000, ..TimelineQuery::default() };
    let kept = client.timeline(query).await.unwrap().moments.into_iter().map(|moment| moment.text);
    let mut kept: Vec<String> = kept.collect();
    client.close().await.unwrap();
    kept.sort();
    (posted, kept)
}

#[tokio::test]
async fn posts_of_many_batches_are_each_there_once_and_each_gets_its_own_answer() {
    let mut texts: Vec<String> = (0..5 * TOGETHER + 3).map(|n| format!("moment {n:04}")).collect();
    let (posted, kept) = shared(&texts).await;
    let mut ids = BTreeSet::new();
    for (text, posted) in texts.iter().zip(posted) {
        let moment = posted.expect("it is written");
        assert_eq!(moment.text, *text);
        assert!(ids.insert(moment.id), "each has an id of its own");
    }
    texts.sort();
    assert_eq!(kept, texts);
}

#[tokio::test]
async fn one_that_fails_behind_a_batch_on_its_way_takes_none_of_either_with_it() {
    for bad in [TOGETHER, TOGETHER + 5, 3 * TOGETHER - 1] {
        let mut texts: Vec<String> = (0..3 * TOGETHER).map(|n| format!("moment {n:04}")).collect();
        texts[bad] = " ".to_owned();
        let (posted, kept) = shared(&texts).await;
        for (n, posted) in posted.iter().enumerate() {
            assert_eq!(posted.is_err(), n == bad, "{n}");
        }
        texts.remove(bad);
        assert_eq!(kept, texts);
    }
}

#[tokio::test]
async fn another_go_of_an_attempt_that_is_on_its_way_waits_for_it() {
    let (sender, queue) = mpsc::channel(8);
    let mut jobs = Jobs::new(queue);
    let attempt = |id: u8| {
        let attempt = Some(crate::ask::Attempt::new(&[id], b"x"));
        Posting::new(PostDraft { attempt, ..draft("x") }).0
    };
    for id in [1, 2, 1] {
        sender.try_send(Job::Post(Box::new(attempt(id)))).ok().unwrap();
    }
    let behind = [attempt(1)];
    assert!(jobs.more_posts(&behind).is_empty(), "the first is the one that is on its way");
    assert!(jobs.more_posts(&[]).is_empty(), "it was put back, and comes first");
    let Some(Job::Post(first)) = jobs.next().await else { panic!("it was put back") };
    assert_eq!(jobs.posts(*first).len(), 2, "the third is the first once more");
}
