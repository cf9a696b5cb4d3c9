//! A node inside another program: open a folder, post, page the timeline, listen.
//!
//! `cargo run --example embed_a_node`

use tidings::ask::PostDraft;
use tidings::client::{Client, Config};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = tempfile::tempdir()?;
    let created = Client::create_identity(home.path(), "Ada")?;
    println!("24 words to write down, {} of them now hidden", created.words().len());

    let client = Client::open(Config::new(home.path())).await?;
    let mut events = client.events(None);
    client.post(PostDraft { text: "Hello from a folder".into(), ..PostDraft::default() }).await?;
    println!("an event: {:?}", events.next().await.map(|event| event.number));
    for moment in client.timeline(Default::default()).await?.moments {
        println!("{} {}: {}", moment.created_at, moment.author.name, moment.text);
    }
    client.close().await?;
    Ok(())
}
