//! Pictures: who fetches them, from whom, and who is refused.

use tidings::ask::{AudienceWords, PhotoDraft, PostDraft, SealedBlob};
use tidings::crypto::BlobKey;
use tidings::id::BlobId;

use super::people::{circle, everyone, except};
use super::world::{Who, World};

fn blob(number: u8, plain_bytes: u64) -> SealedBlob {
    SealedBlob {
        id: BlobId::from_bytes([number; 32]),
        key: BlobKey::from_bytes([number; 32]),
        plain_hash: [number; 32],
        plain_bytes,
    }
}

/// Shares a picture whose blobs stand in the author's home; returns preview and original.
pub fn share(world: &mut World, who: Who, text: &str, number: u8, audience: AudienceWords) -> [BlobId; 2] {
    let (picture, preview) = (blob(number, 300_000), blob(number + 1, 9_000));
    let ids = [preview.id, picture.id];
    world.nodes[who].blobs.extend(ids);
    let photo = PhotoDraft {
        picture,
        preview,
        mime: "image/jpeg".to_owned(),
        width: 800,
        height: 600,
        thumbhash: vec![1, 2, 3],
        alt: None,
    };
    let draft = PostDraft { text: text.to_owned(), photos: vec![photo], audience, ..PostDraft::default() };
    world.ask(who, |service| service.post(draft)).expect("the picture is shared");
    ids
}

pub fn has(world: &World, who: Who, ids: &[BlobId]) -> bool {
    ids.iter().all(|id| world.nodes[who].blobs.contains(id))
}

#[test]
fn a_picture_comes_with_its_moment_and_goes_with_it() {
    let mut world = circle(160, &["Alice", "Bob", "Carol"]);
    let ids = share(&mut world, 0, "a hill", 10, except(&["Bob"]));
    world.run(1_000);
    assert!(has(&world, 2, &ids) && world.nodes[1].blobs.is_empty());
    assert_eq!(world.moment(2, "a hill").photos[0].id, ids[1]);
    world.delete(0, "a hill");
    world.run(1_000);
    assert!(world.nodes[2].blobs.is_empty() && world.nodes[0].blobs.is_empty());
}

#[test]
fn a_friend_who_carries_a_moment_carries_its_picture() {
    let mut world = circle(161, &["Alice", "Carol", "Dave"]);
    world.stop(2);
    world.run(1_000);
    let ids = share(&mut world, 0, "a hill", 10, everyone());
    world.run(1_000);
    world.stop(0);
    world.start(2);
    world.run(5_000);
    assert!(world.sees(2, "a hill") && has(&world, 2, &ids));
}

#[test]
fn a_picture_that_nobody_has_yet_is_asked_for_again() {
    let mut world = circle(162, &["Alice", "Carol", "Dave"]);
    world.partition(0, 2);
    world.run(1_000);
    // Carol hears of the moment, but the bytes come to her only later.
    let ids = share(&mut world, 0, "a hill", 10, everyone());
    for id in ids {
        world.nodes[0].blobs.remove(&id);
    }
    world.run(120_000);
    assert!(world.sees(1, "a hill") && !has(&world, 1, &ids));
    let missing = world.moment(1, "a hill").missing;
    assert!(ids.iter().all(|id| missing.contains(id)), "the moment says what is not here: {missing:?}");
    world.nodes[0].blobs.extend(ids);
    world.run(900_000);
    assert!(has(&world, 1, &ids), "Carol asked again");
    assert_eq!(world.moment(1, "a hill").missing, [], "and says so no more");
    assert!(!world.sees(2, "a hill") || has(&world, 2, &ids), "so did Dave");
}
