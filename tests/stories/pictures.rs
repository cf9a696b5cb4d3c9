//! Pictures: who names a blob can neither take it from others nor keep theirs out.

use tidings::ask::{PhotoDraft, PostDraft, SealedBlob};
use tidings::crypto::{BlobKey, padded_len};
use tidings::id::BlobId;
use tidings::limits::{BLOB_PEER_FETCH_LIMIT, BLOB_PEER_ORIGINAL_LIMIT};

use super::people::{circle, everyone};
use super::world::{Who, World};

fn blob(n: u8, bytes: u64) -> SealedBlob {
    SealedBlob {
        id: BlobId::from_bytes([n; 32]),
        key: BlobKey::from_bytes([n; 32]),
        plain_hash: [n; 32],
        plain_bytes: bytes,
    }
}

fn picture(n: u8) -> (SealedBlob, SealedBlob) {
    (blob(n, 30_000), blob(n + 100, 1_000))
}

impl World {
    /// Shares a photo; its two blobs are called `n` and `n + 100`.
    fn post_photo(&mut self, who: Who, text: &str, (picture, preview): (SealedBlob, SealedBlob)) {
        let photo = PhotoDraft {
            picture,
            preview,
            mime: "image/jpeg".into(),
            width: 4,
            height: 3,
            thumbhash: vec![1; 10],
            alt: None,
        };
        let draft = PostDraft {
            text: text.into(),
            photos: vec![photo],
            audience: everyone(),
            ..PostDraft::default()
        };
        self.ask(who, |service| service.post(draft)).expect("the moment is shared");
    }

    fn keep_files(&mut self, who: Who, n: u8) {
        self.nodes[who].blobs.extend([blob(n, 0).id, blob(n + 100, 0).id]);
    }

    fn has_files(&self, who: Who, n: u8) -> bool {
        [n, n + 100].iter().all(|n| self.nodes[who].blobs.contains(&blob(*n, 0).id))
    }
}

#[test]
fn a_friend_who_names_my_picture_and_withdraws_that_takes_nothing_from_me() {
    let mut world = circle(70, &["Alice", "Mallory", "Carol"]);
    world.keep_files(0, 7);
    world.post_photo(0, "mine", picture(7));
    world.run(5_000);
    assert!(world.has_files(1, 7) && world.has_files(2, 7));
    world.post_photo(1, "theirs", picture(7));
    world.run(5_000);
    world.delete(1, "theirs");
    world.run(5_000);
    assert!(world.has_files(0, 7), "Alice's own picture is gone");
    assert!(world.has_files(2, 7), "Alice's picture is gone from Carol's node");
    let (readings, is_here) = world.ask(0, |service| service.blob(&blob(7, 0).id)).expect("still named");
    assert!(is_here && readings.len() == 1);
    // It is still Alice's to give.
    let erin = world.add("Erin");
    world.run(100);
    world.befriend(0, erin);
    world.run(10_000);
    assert!(world.sees(erin, "mine") && world.has_files(erin, 7));
}

#[test]
fn a_picture_goes_with_the_last_moment_that_names_it() {
    let mut world = circle(71, &["Alice", "Bob"]);
    world.keep_files(0, 7);
    world.post_photo(0, "first", picture(7));
    world.post_photo(0, "second", picture(7));
    world.run(5_000);
    world.delete(0, "first");
    world.run(5_000);
    assert!(world.has_files(0, 7) && world.has_files(1, 7));
    world.delete(0, "second");
    world.run(5_000);
    for who in 0..2 {
        assert!(world.nodes[who].blobs.is_empty());
        assert_eq!(
            world.ask(who, |service| service.blob(&blob(7, 0).id)).expect_err("not named").code,
            "no_such_blob"
        );
    }
}

#[test]
fn who_names_a_picture_first_with_a_wrong_length_does_not_keep_it_from_its_author() {
    let mut world = circle(72, &["Alice", "Mallory", "Carol"]);
    world.keep_files(0, 7);
    world.partition(0, 2);
    world.post_photo(0, "hers", picture(7));
    world.run(1_000);
    world.post_photo(1, "forged", (blob(7, 900), blob(107, 9)));
    world.nodes[1].blobs.clear();
    for (n, bytes) in [(7, 30_000), (107, 1_000)] {
        world.nodes[2].true_bytes.insert(blob(n, 0).id, padded_len(bytes));
    }
    world.run(2_000);
    assert!(world.sees(2, "forged"));
    world.join_all();
    world.run(400_000);
    assert!(world.sees(2, "hers") && world.has_files(2, 7));
    let (readings, is_here) = world.ask(2, |service| service.blob(&blob(7, 0).id)).expect("named");
    assert!(is_here);
    let lengths: Vec<u64> = readings.iter().map(|reading| reading.bytes).collect();
    assert_eq!(lengths, [30_000], "what Mallory says of it does not fit");
}

#[test]
fn a_key_that_a_friend_made_up_stands_beside_the_true_one_and_after_ones_own() {
    let mut world = circle(73, &["Alice", "Mallory"]);
    world.keep_files(0, 7);
    world.post_photo(0, "mine", picture(7));
    world.run(2_000);
    let forged = SealedBlob { key: BlobKey::from_bytes([66; 32]), ..blob(7, 30_000) };
    world.post_photo(1, "forged", (forged, blob(107, 1_000)));
    world.run(5_000);
    let (readings, _) = world.ask(0, |service| service.blob(&blob(7, 0).id)).expect("named");
    assert_eq!(readings.len(), 2);
    assert_eq!(readings[0].key.expose_bytes(), &[7; 32]);
}

#[test]
fn one_friends_pictures_take_two_places_and_leave_the_others_to_the_rest() {
    let mut world = circle(74, &["Alice", "Mallory", "Carol"]);
    world.nodes[1].is_mute = true;
    for n in 10..20 {
        world.keep_files(1, n);
        world.post_photo(1, &format!("bait {n}"), picture(n));
    }
    world.run(2_000);
    let asked = |world: &World| world.nodes[2].fetching.len();
    assert_eq!(asked(&world), BLOB_PEER_FETCH_LIMIT, "Mallory is asked for no more, and answers nothing");
    world.keep_files(0, 7);
    world.post_photo(0, "hers", picture(7));
    world.run(2_000);
    assert!(world.has_files(2, 7), "Alice's picture waits for Mallory");
    assert_eq!(asked(&world), BLOB_PEER_FETCH_LIMIT);
}

#[test]
fn previews_come_before_originals_and_no_original_keeps_one_waiting() {
    let mut world = circle(75, &["Alice", "Bob"]);
    world.partition(0, 1);
    let all = 10..20;
    for n in all.clone() {
        world.keep_files(0, n);
        world.post_photo(0, &format!("photo {n}"), picture(n));
    }
    // No original comes to its end until the line is faster, as films on a slow one do not.
    world.nodes[0].slow = all.clone().map(|n| blob(n, 0).id).collect();
    world.join_all();
    world.run(60_000);
    let has = |world: &World, n: u8| world.nodes[1].blobs.contains(&blob(n, 0).id);
    assert!(all.clone().all(|n| has(&world, n + 100)), "a preview waits for an original");
    assert!(!all.clone().any(|n| has(&world, n)));
    assert_eq!(world.nodes[1].fetching.len(), BLOB_PEER_ORIGINAL_LIMIT, "one place is free");
    let asked = |world: &World, is_preview: bool| -> Vec<usize> {
        let of_kind = |id: &BlobId| (id.as_bytes()[0] >= 100) == is_preview;
        world.nodes[1].asked_for.iter().enumerate().filter(|(_, id)| of_kind(id)).map(|(at, _)| at).collect()
    };
    assert_eq!((asked(&world, true).len(), asked(&world, false).len()), (10, BLOB_PEER_ORIGINAL_LIMIT));
    // When they do come, all is well.
    world.partition(0, 1);
    world.nodes[0].slow.clear();
    world.run(1_000);
    world.join_all();
    world.run(400_000);
    assert!(all.clone().all(|n| world.has_files(1, n)));
    let (previews, originals) = (asked(&world, true), asked(&world, false));
    assert!(previews.iter().max() < originals.get(BLOB_PEER_ORIGINAL_LIMIT), "{previews:?} {originals:?}");
}
