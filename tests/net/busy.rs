//! A whole node whose owner's programs post without end: what friends send has its turn between the posts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tidings::ask::{InviteDraft, PostDraft};
use tidings::client::{Client, Config};
use tidings::view::Happening;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::nodes::{PATIENCE, QUIC};

/// As many as may wait for the service's thread.
const POSTING: usize = 256;

async fn person(name: &str) -> (tempfile::TempDir, Client) {
    let home = tempfile::tempdir().expect("a folder");
    Client::create_identity(home.path(), name).expect("an identity");
    let config = Config { listen: vec![QUIC.into()], ..Config::new(home.path()) };
    let client = Client::open(config).await.expect("a node");
    (home, client)
}

fn saying(text: String) -> PostDraft {
    PostDraft { text, ..PostDraft::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_posts_without_end_hears_from_friends_meanwhile() {
    let (_home_a, alice) = person("Alice").await;
    let (_home_b, bob) = person("Bob").await;
    let invite = InviteDraft { auto_confirm: true, ..InviteDraft::default() };
    let invite = alice.invite(invite).await.expect("an invite");
    bob.accept(&invite.link, None, PATIENCE.as_millis() as u64).await.expect("friends");

    let is_over = Arc::new(AtomicBool::new(false));
    let posted = Arc::new(AtomicUsize::new(0));
    let mut posting = JoinSet::new();
    for number in 0..POSTING {
        let (alice, is_over, posted) = (alice.clone(), Arc::clone(&is_over), Arc::clone(&posted));
        posting.spawn(async move {
            while !is_over.load(Ordering::Relaxed) {
                alice.post(saying(format!("from program {number}"))).await.expect("posted");
                posted.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while posted.load(Ordering::Relaxed) < 2 * POSTING {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    for round in 0..5 {
        let mut heard = alice.events(None);
        let text = format!("Bob's {round}");
        bob.post(saying(text.clone())).await.expect("posted");
        let before = posted.load(Ordering::Relaxed);
        let hears = async {
            while let Some(event) = heard.next().await {
                if matches!(&event.what, Happening::Moment { moment } if moment.text == text) {
                    return;
                }
            }
            panic!("Alice's node said no more");
        };
        timeout(PATIENCE, hears).await.expect("heard while posts go on");
        let meanwhile = posted.load(Ordering::Relaxed).saturating_sub(before);
        println!("round {round}: heard after {meanwhile} posts");
    }
    is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = posting.join_next().await {
        ended.expect("posted to the end");
    }
    alice.close().await.expect("ended");
    bob.close().await.expect("ended");
}
