//! Sharing on: a chain to somebody who does not know the first author, and friends who alter what they pass on.

use tidings::ask::{AudienceWords, PhotoDraft, PostDraft, SealedBlob, ShareDraft, SharedMedium};
use tidings::crypto::{BlobKey, hash};
use tidings::error::Result;
use tidings::id::{BlobId, UserId};
use tidings::limits::POST_TEXT_LIMIT;
use tidings::moment::media::{Media, MediaKeys, Mime};
use tidings::moment::{
    Body, Class, Post, PreviewMark, PrivatePart, PublicPart, PublicValues, Share, SharedFrom, sign_share,
};
use tidings::time::ClaimedTime;
use tidings::view;

use super::people::{circle, everyone, except, strangers};
use super::world::{Who, World};

fn blob(number: u8, plain_bytes: u64) -> SealedBlob {
    let (id, key) = (BlobId::from_bytes([number; 32]), BlobKey::from_bytes([number; 32]));
    SealedBlob { id, key, plain_hash: [number; 32], plain_bytes }
}

impl World {
    /// Shares a moment that may be passed on, with a picture whose blobs are called `number` and `number + 1`.
    fn post_shareable(&mut self, who: Who, text: &str, number: u8) -> view::Moment {
        let (picture, preview) = (blob(number, 300_000), blob(number + 1, 9_000));
        self.nodes[who].blobs.extend([picture.id, preview.id]);
        let photo = PhotoDraft {
            picture,
            preview,
            mime: "image/jpeg".to_owned(),
            width: 800,
            height: 600,
            thumbhash: vec![1, 2, 3],
            alt: Some("a hill".into()),
        };
        let draft = PostDraft { shareable: true, photos: vec![photo], ..PostDraft::default() };
        self.ask(who, |service| service.post(PostDraft { text: text.to_owned(), ..draft })).expect("shared")
    }

    /// Shares a moment on, as the shell does it: media sealed anew, here under ids that begin at `number`.
    fn share_on(
        &mut self,
        who: Who,
        moment: &str,
        text: &str,
        to: AudienceWords,
        number: u8,
    ) -> Result<view::Moment> {
        let draft = ShareDraft {
            moment: moment.to_owned(),
            text: text.to_owned(),
            audience: to,
            ..ShareDraft::default()
        };
        let old = self.ask(who, |service| service.shared_media(&draft))?;
        let mut next = number;
        let mut anew = |old: &SealedBlob| {
            let new = blob(next, 0);
            next += 1;
            SealedBlob { id: new.id, key: new.key, ..old.clone() }
        };
        let new: Vec<SharedMedium> = old
            .iter()
            .map(|old| SharedMedium {
                picture: anew(&old.picture),
                preview: old.preview.as_ref().map(&mut anew),
            })
            .collect();
        self.nodes[who].blobs.extend(new.iter().flat_map(SharedMedium::blobs));
        self.ask(who, |service| service.share_on(&draft, &new))
    }

    /// A signed public part of a node's own, as its program would sign it.
    fn signed(&self, who: Who, values: &PublicValues) -> SharedFrom {
        let (keyring, public) = (&self.nodes[who].keyring, PublicPart::new(values).expect("fits"));
        let created = ClaimedTime::from_millis(self.now.as_millis());
        let sig = sign_share(keyring.device_key(), &keyring.user(), &[5; 16], created, public.bytes());
        let share =
            Share { share_id: [5; 16], device: keyring.device_id(), cert: *keyring.certificate(), sig };
        SharedFrom { root: keyring.user(), created, share, public }
    }
}

fn re_share(from: SharedFrom, media_keys: Vec<MediaKeys>) -> Body {
    let values = PublicValues { text: "look".into(), ..PublicValues::default() };
    let public = PublicPart::new(&values).expect("fits");
    let shared_from = Some(Box::new(from));
    Body::Post(Box::new(Post {
        public,
        private: PrivatePart { media_keys, shared_from, ..PrivatePart::default() },
    }))
}

#[test]
fn a_moment_shared_on_twice_reaches_who_does_not_know_its_author_and_is_provably_theirs() {
    let mut world = strangers(800, &["Alice", "Bob", "Carol", "Dave"]);
    for (a, b) in [(0, 1), (1, 2), (2, 3)] {
        world.befriend(a, b);
    }
    let first = world.post_shareable(0, "seen today", 10);
    world.run(2_000);
    world.share_on(1, &first.id.to_string(), "from Alice", everyone(), 20).expect("it may be shared on");
    world.run(2_000);
    let bobs = world.moment(2, "from Alice");
    assert!(bobs.shareable, "it can be shared on again");
    world.share_on(2, &bobs.id.to_string(), "via Bob", everyone(), 30).expect("so can a re-share");
    world.run(2_000);
    let seen = world.moment(3, "via Bob");
    let from = seen.shared_from.expect("whose it is");
    assert_eq!((from.id, from.name.as_str(), from.known), (world.nodes[0].user(), "Alice", false));
    assert_eq!((from.text.as_str(), from.created_at), ("seen today", first.created_at));
    assert_eq!(seen.author.name, "Carol");
    let photo = &seen.photos[0];
    assert_eq!((photo.id, photo.preview), (blob(30, 0).id, Some(blob(31, 0).id)));
    assert_eq!((photo.alt.as_deref(), photo.thumbhash.as_slice()), (Some("a hill"), &[1, 2, 3][..]));
    assert_eq!(world.nodes[3].blobs.len(), 2, "both came, under keys of their own");
    for (id, proof) in [(30, [10; 32]), (31, [11; 32])] {
        let (readings, _) = world.ask(3, |service| service.blob(&blob(id, 0).id)).expect("named");
        assert_eq!(readings[0].proof, Some(proof), "nothing but what Alice signed is shown");
    }
    // To Bob she is a friend; to her own node it is herself.
    let bobs = world.moment(0, "from Alice").shared_from.expect("whose it is");
    assert!(bobs.known && bobs.id == world.nodes[0].user());
}

#[test]
fn being_shared_on_tells_the_first_author_nothing() {
    let mut world = circle(801, &["Alice", "Bob", "Carol"]);
    let first = world.post_shareable(0, "seen today", 10);
    world.run(30_000);
    world.nodes[0].received.clear();
    world.share_on(1, &first.id.to_string(), "behind her back", except(&["Alice"]), 20).expect("shared");
    world.run(5_000);
    assert!(world.sees(2, "behind her back") && !world.sees(0, "behind her back"));
    let heard: Vec<&str> = world.nodes[0].received.iter().map(|received| received.kind).collect();
    assert_eq!(heard, Vec::<&str>::new(), "no frame");
}

#[test]
fn what_its_author_did_not_release_is_not_shared_on_and_proves_nothing() {
    let mut world = circle(802, &["Alice", "Bob"]);
    let private = world.post(0, "between us", everyone());
    world.run(2_000);
    let word = private.id.to_string();
    for who in [0, 1] {
        let error = world.share_on(who, &word, "", everyone(), 20).expect_err("not released");
        assert_eq!((error.code, error.kind.exit_code()), ("not_shareable", 5));
        assert_eq!(
            world.ask(who, |service| service.evidence(&word)).expect_err("deniable").code,
            "not_shareable"
        );
    }
    let mine = world.post_shareable(0, "anybody may", 10).id.to_string();
    world.run(2_000);
    let most = "x".repeat(POST_TEXT_LIMIT);
    assert!(world.share_on(1, &mine, &format!("{most}x"), everyone(), 20).is_err());
    assert!(world.share_on(1, &mine, &most, everyone(), 20).is_ok());
    assert_eq!(
        world
            .share_on(1, &mine, "", AudienceWords { to: vec!["Zoe".into()], ..everyone() }, 30)
            .expect_err("nobody")
            .kind
            .exit_code(),
        4
    );
    assert!(world.ask(1, |service| service.evidence(&mine)).expect("signed").0.verify().is_ok());
}

#[test]
fn a_picture_exchanged_on_the_way_is_refused() {
    let mut world = circle(803, &["Alice", "Bob"]);
    let id = world.post_shareable(0, "hers", 10).id.to_string();
    world.run(2_000);
    let draft = ShareDraft { moment: id, ..ShareDraft::default() };
    let old = world.ask(1, |service| service.shared_media(&draft)).expect("it may be");
    let other = |change: &dyn Fn(&mut SharedMedium)| {
        let mut media = old.clone();
        change(&mut media[0]);
        media
    };
    for (name, media) in [
        ("picture", other(&|medium| medium.picture.plain_hash = [9; 32])),
        ("length", other(&|medium| medium.picture.plain_bytes += 1)),
        ("preview", other(&|medium| medium.preview = Some(blob(99, 9_000)))),
        ("none", Vec::new()),
    ] {
        let error = world.ask(1, |service| service.share_on(&draft, &media)).expect_err(name);
        assert_eq!(error.code, "other_picture", "{name}");
    }
    assert!(world.ask(1, |service| service.share_on(&draft, &old)).is_ok());
}

#[test]
fn what_is_altered_by_who_passes_it_on_is_never_shown_and_stops_nothing() {
    let mut world = circle(804, &["Alice", "Mallory", "Carol"]);
    world.post(1, "honest", everyone());
    world.run(2_000);
    let genuine = world.signed(0, &PublicValues { text: "I like tea".into(), ..PublicValues::default() });
    let other = PublicValues { text: "I like war".into(), ..PublicValues::default() };
    let carols = world.nodes[2].user();
    let mallorys = world.signed(1, &other);
    let public = PublicPart::new(&other).expect("fits");
    let epoch = world.own_epoch(1, Class::Posts);
    let forged = [
        SharedFrom { public, ..genuine.clone() },
        SharedFrom { root: carols, ..genuine.clone() },
        SharedFrom { created: ClaimedTime::from_millis(1), ..genuine.clone() },
        SharedFrom { share: mallorys.share.clone(), ..genuine.clone() },
        SharedFrom { root: genuine.root, ..mallorys },
    ];
    let before = world.moments(2).len();
    for (seq, from) in (1_000..).zip(forged) {
        let entry = world.forge(&epoch, seq, |_| re_share(from, Vec::new()));
        world.send_entry(1, 2, entry);
        assert_eq!(world.moments(2).len(), before, "forgery {seq} is shown");
    }
    // A moment of his own that says it may be shared on, with a signature that is none.
    let entry = world.forge(&epoch, 1_100, |_| {
        let public = PublicPart::new(&other).expect("fits");
        let share = Some(genuine.share.clone());
        Body::Post(Box::new(Post { public, private: PrivatePart { share, ..PrivatePart::default() } }))
    });
    world.send_entry(1, 2, entry);
    assert_eq!(world.moments(2).len(), before);
    let entry = world.forge(&epoch, 1_200, |_| re_share(genuine, Vec::new()));
    world.send_entry(1, 2, entry);
    let seen = world.moment(2, "look").shared_from.expect("the genuine one");
    assert_eq!(seen.text, "I like tea");
    assert!(world.happenings(2).all(|what| !matches!(what, view::Happening::Moment { moment }
        if moment.shared_from.as_ref().is_some_and(|from| from.text == "I like war"))));
}

#[test]
fn a_small_version_that_the_first_author_did_not_sign_is_not_shown() {
    let mut world = circle(805, &["Alice", "Mallory", "Carol"]);
    world.post(1, "honest", everyone());
    world.run(2_000);
    let medium = Media {
        plain_hash: [1; 32],
        plain_len: 1_000,
        mime: Mime::JPEG,
        width: 4,
        height: 3,
        duration_ms: 0,
        alt: String::new(),
    };
    let keys = |number: u8| MediaKeys {
        blob: blob(number, 0).id,
        blob_key: blob(number, 0).key,
        preview: blob(number + 1, 0).id,
        preview_key: blob(number + 1, 0).key,
        preview_len: 500,
        thumbhash: vec![7; 9],
    };
    let mark = |thumbhash: &[u8]| PreviewMark { preview: [2; 32], thumbhash: hash(thumbhash) };
    let epoch = world.own_epoch(1, Class::Posts);
    for (seq, marks, preview, thumbhash) in [
        (1_000, vec![], false, false),
        (1_001, vec![mark(&[8; 9])], true, false),
        (1_002, vec![mark(&[7; 9])], true, true),
    ] {
        let text = format!("picture {seq}");
        let values = PublicValues {
            text: text.clone(),
            media: vec![medium.clone()],
            preview_marks: marks,
            ..PublicValues::default()
        };
        let (from, number) = (world.signed(0, &values), u8::try_from(seq - 900).expect("small") * 2);
        let entry = world.forge(&epoch, seq, |_| re_share(from, vec![keys(number)]));
        world.send_entry(1, 2, entry);
        let seen = world
            .moments(2)
            .into_iter()
            .find(|moment| moment.shared_from.as_ref().is_some_and(|from| from.text == text));
        let photo = seen.expect("shown").photos[0].clone();
        assert_eq!((photo.preview.is_some(), !photo.thumbhash.is_empty()), (preview, thumbhash), "{text}");
        let named = world.ask(2, |service| service.blob(&blob(number + 1, 0).id)).is_ok();
        assert_eq!(named, preview, "{text}: neither is it fetched or served");
    }
}

#[test]
fn a_moment_withdrawn_by_who_shared_it_on_takes_its_own_pictures_and_no_others() {
    let mut world = circle(806, &["Alice", "Bob", "Carol"]);
    let id = world.post_shareable(0, "hers", 10).id.to_string();
    world.run(2_000);
    world.share_on(1, &id, "his", everyone(), 20).expect("shared");
    world.run(2_000);
    let has = |world: &World, who: Who, number: u8| world.nodes[who].blobs.contains(&blob(number, 0).id);
    assert!([10, 11, 20, 21].iter().all(|number| has(&world, 2, *number)));
    world.delete(1, "his");
    world.run(2_000);
    for who in 0..3 {
        assert!(has(&world, who, 10) && has(&world, who, 11), "{who}");
        assert!(!has(&world, who, 20) && !has(&world, who, 21), "{who}");
    }
    assert!(world.sees(2, "hers") && !world.sees(2, "his"));
}

#[test]
fn nobody_is_told_apart_by_a_stranger_who_bears_a_friends_name() {
    let mut world = strangers(807, &["Carol", "Bob", "Carol"]);
    world.befriend(0, 1);
    world.befriend(1, 2);
    let id = world.post_shareable(2, "another Carol", 10).id.to_string();
    world.run(2_000);
    world.share_on(1, &id, "look", everyone(), 20).expect("shared");
    world.run(2_000);
    let from = world.moment(0, "look").shared_from.expect("whose");
    let me: UserId = world.nodes[0].user();
    assert!(from.id != me && !from.known && from.name == "Carol", "the name is hers, and she is not known");
}
