//! Two people become friends by an invite; a moment and a like go back and forth.
//!
//! `cargo run --example two_friends`

use tidings::ask::{InviteDraft, PostDraft};
use tidings::client::{Client, Config};
use tidings::view::Happening;

async fn person(name: &str) -> Result<(tempfile::TempDir, Client), Box<dyn std::error::Error>> {
    let home = tempfile::tempdir()?;
    Client::create_identity(home.path(), name)?;
    let mut config = Config::new(home.path());
    config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".into(), "/ip4/127.0.0.1/tcp/0".into()];
    let client = Client::open(config).await?;
    Ok((home, client))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (_home_a, alice) = person("Alice").await?;
    let (_home_b, bob) = person("Bob").await?;

    // Alice hands Bob a link; she has said yes to whoever redeems it.
    let invite = alice.invite(InviteDraft { auto_confirm: true, ..InviteDraft::default() }).await?;
    let accepted = bob.accept(&invite.link, None, 10_000).await?;
    println!("Bob: {}", accepted.state);
    let words = bob.verify_friend("Alice", None).await?.words;
    println!("safety words, the same on both sides: {}", words.join(" "));

    let mut heard = bob.events(None);
    let posted = alice.post(PostDraft { text: "Tea at five?".into(), ..PostDraft::default() }).await?;
    while let Some(event) = heard.next().await {
        if let Happening::Moment { moment } = event.what {
            println!("Bob sees: {}: {}", moment.author.name, moment.text);
            break;
        }
    }

    let mut heard = alice.events(None);
    bob.like(&posted.id.to_string()).await?;
    while let Some(event) = heard.next().await {
        if let Happening::Interaction { moment } = event.what {
            println!(
                "Alice sees a like by {}",
                moment.likes.iter().map(|p| p.name.as_str()).collect::<String>()
            );
            break;
        }
    }
    bob.close().await?;
    alice.close().await?;
    Ok(())
}
