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
