//! Delivery through a mutual friend while the author is away.
//!
//! Alice, Carol and Dave are friends of each other. Dave's node is off when Alice posts to an audience she never used
//! before, so he has neither the moment nor its keys. Alice leaves the keys for him with Carol, in an envelope that
//! only Dave can open, and goes. Dave comes back, finds Carol, and has the moment: with Alice's node still off.
//!
//! `cargo run --example offline_delivery`

#![expect(clippy::disallowed_methods, reason = "this is an application: it may look at the clock")]

use std::path::Path;
use std::time::{Duration, Instant};

use tidings::ask::{AudienceWords, InviteDraft, PostDraft, TimelineQuery};
use tidings::client::{Client, Config};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

async fn open(home: &Path) -> Result<Client> {
    let mut config = Config::new(home);
    config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".into(), "/ip4/127.0.0.1/tcp/0".into()];
    Ok(Client::open(config).await?)
}

async fn befriend(inviter: &Client, accepter: &Client) -> Result<()> {
    let invite = inviter.invite(InviteDraft { auto_confirm: true, ..InviteDraft::default() }).await?;
    accepter.accept(&invite.link, None, 10_000).await?;
    Ok(())
}

/// Asks until the answer is yes; friends' nodes need a moment to find out about each other.
async fn until<F: Future<Output = Result<bool>>>(what: &str, ask: impl Fn() -> F) -> Result<Duration> {
    let begun = Instant::now();
    while !ask().await? {
        if begun.elapsed() > Duration::from_secs(120) {
            return Err(format!("{what}: this does not happen").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("{what} ({:.1} s)", begun.elapsed().as_secs_f32());
    Ok(begun.elapsed())
}

#[tokio::main]
async fn main() -> Result<()> {
    let homes = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let [home_a, home_c, home_d] = [homes[0].path(), homes[1].path(), homes[2].path()];
    for (home, name) in [(home_a, "Alice"), (home_c, "Carol"), (home_d, "Dave")] {
        Client::create_identity(home, name)?;
    }
    let (alice, carol, dave) = (open(home_a).await?, open(home_c).await?, open(home_d).await?);
    for (inviter, accepter) in [(&alice, &carol), (&alice, &dave), (&carol, &dave)] {
        befriend(inviter, accepter).await?;
    }
    println!("Alice, Carol and Dave are friends of each other.");
    let bye =
        dave.post(PostDraft { text: "Back in an hour".into(), ..PostDraft::default() }).await?.id.to_string();
    until("Alice and Carol read that Dave goes", || async {
        Ok(alice.moment(&bye).await.is_ok() && carol.moment(&bye).await.is_ok())
    })
    .await?;
    dave.close().await?;
    println!("Dave's node is off.");

    let audience = AudienceWords { to: vec!["Carol".into(), "Dave".into()], ..AudienceWords::default() };
    let draft = PostDraft { text: "Found your umbrella".into(), audience, ..PostDraft::default() };
    let posted = alice.post(draft).await?.id.to_string();
    println!("Alice posts to Carol and Dave, who are an audience for the first time.");
    until("Carol carries the envelope for Dave", || async {
        let who = alice.who(&posted).await?;
        Ok(who.people.iter().any(|line| line.name == "Dave" && !line.by.is_empty()))
    })
    .await?;
    until("Carol has the moment herself", || async { Ok(carol.moment(&posted).await.is_ok()) }).await?;
    alice.close().await?;
    println!("Alice's node is off.");

    let dave = open(home_d).await?;
    println!("Dave's node is on again.");
    until("Dave has the moment, from Carol", || async { Ok(dave.moment(&posted).await.is_ok()) }).await?;
    for moment in dave.timeline(TimelineQuery::default()).await?.moments {
        println!("Dave reads: {}: {}", moment.author.name, moment.text);
    }
    dave.close().await?;
    carol.close().await?;
    Ok(())
}
