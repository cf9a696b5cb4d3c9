//! Each limit at n and at n + 1, and the largest legal moment.

use super::*;
use crate::limits::{
    ABOUT_LIMIT, ALT_TEXT_LIMIT, APP_CARD_LIMIT, APP_UPDATE_CT_LIMIT, EMOJI_LIMIT, ENTRY_PADDED_LIMIT,
    INTERACTION_CT_LIMIT, LABEL_LIMIT, LINK_DESCRIPTION_LIMIT, LINK_SITE_LIMIT, LINK_TITLE_LIMIT,
    LINK_URL_LIMIT, MOOD_TEXT_LIMIT, NAME_LIMIT, PHOTO_BLOB_LIMIT, PLACE_NAME_LIMIT, POST_PHOTO_LIMIT,
    POST_PUBLIC_LIMIT, POST_TEXT_LIMIT, PREVIEW_LIMIT, THUMBHASH_LIMIT, VIDEO_BLOB_LIMIT,
};

fn letters(len: usize) -> String {
    "x".repeat(len)
}

/// Writes with `n` and `n + 1`: the first reads back, the second is refused, by the writer and by a reader who gets
/// the bytes that `patch` makes of the first.
fn holds(name: &str, limit: usize, write: impl Fn(usize) -> Result<Vec<u8>, WriteError>) {
    let bytes = write(limit).unwrap_or_else(|error| panic!("{name} at its limit: {error}"));
    assert!(Content::decode(&bytes).is_ok(), "{name} at its limit");
    match write(limit + 1) {
        Err(WriteError::TooMuch { limit: said, actual, .. }) => {
            assert_eq!((said, actual), (limit, limit + 1), "{name}");
        }
        other => panic!("{name} above its limit: {other:?}"),
    }
}

fn public(values: PublicValues) -> Result<Vec<u8>, WriteError> {
    let media = values.media.len();
    let mut made = Post { public: PublicPart::new(&values)?, private: PrivatePart::default() };
    made.private.media_keys = (0..media).map(|_| media_keys(1)).collect();
    post(made).encode()
}

fn link(change: impl Fn(&mut LinkCard)) -> Result<Vec<u8>, WriteError> {
    let mut card = LinkCard {
        url: "u".into(),
        title: String::new(),
        description: String::new(),
        site: String::new(),
        image: None,
    };
    change(&mut card);
    public(PublicValues { link: Some(card), ..PublicValues::default() })
}

fn photo(change: impl Fn(&mut Media)) -> Result<Vec<u8>, WriteError> {
    let mut photo = media(1);
    change(&mut photo);
    public(PublicValues { media: vec![photo], ..PublicValues::default() })
}

fn keys(change: impl Fn(&mut MediaKeys)) -> Result<Vec<u8>, WriteError> {
    let values = PublicValues { media: vec![media(1)], ..PublicValues::default() };
    let mut made = Post { public: PublicPart::new(&values)?, private: PrivatePart::default() };
    let mut keys = media_keys(1);
    change(&mut keys);
    made.private.media_keys = vec![keys];
    post(made).encode()
}

fn profile(change: impl Fn(&mut Profile)) -> Result<Vec<u8>, WriteError> {
    let mut profile = Profile::default();
    change(&mut profile);
    content(Body::Profile(Box::new(profile))).encode()
}

fn status(change: impl Fn(&mut Status)) -> Result<Vec<u8>, WriteError> {
    let mut status = Status { until: CREATED, text: String::new(), emoji: String::new(), unknown: [].into() };
    change(&mut status);
    content(Body::Status(status)).encode()
}

fn mood(emoji: usize, text: usize) -> Result<Vec<u8>, WriteError> {
    let mood = Some(Mood { emoji: letters(emoji), text: letters(text) });
    public(PublicValues { mood, ..PublicValues::default() })
}

#[test]
fn texts_of_a_post_hold_their_limits() {
    let values = PublicValues::default;
    holds("text", POST_TEXT_LIMIT, |n| public(PublicValues { text: letters(n), ..values() }));
    holds("label", LABEL_LIMIT, |n| public(PublicValues { label: letters(n), ..values() }));
    holds("author's name", NAME_LIMIT, |n| public(PublicValues { author_name: letters(n), ..values() }));
    holds("app card", APP_CARD_LIMIT, |n| public(PublicValues { app_card: vec![1; n], ..values() }));
    holds("place", PLACE_NAME_LIMIT, |n| {
        let place = Some(Place { precision: Precision::City, name: letters(n), position: None });
        public(PublicValues { place, ..values() })
    });
    holds("emoji", EMOJI_LIMIT, |n| mood(n, 0));
    holds("words of a mood", MOOD_TEXT_LIMIT, |n| mood(0, n));
    holds("url", LINK_URL_LIMIT, |n| link(|card| card.url = letters(n)));
    holds("title", LINK_TITLE_LIMIT, |n| link(|card| card.title = letters(n)));
    holds("description", LINK_DESCRIPTION_LIMIT, |n| link(|card| card.description = letters(n)));
    holds("site", LINK_SITE_LIMIT, |n| link(|card| card.site = letters(n)));
}

#[test]
fn media_hold_their_limits() {
    holds("photos", POST_PHOTO_LIMIT, |n| {
        public(PublicValues { media: vec![media(1); n], ..PublicValues::default() })
    });
    holds("alt text", ALT_TEXT_LIMIT, |n| photo(|photo| photo.alt = letters(n)));
    holds("bytes of a photo", usize::try_from(PHOTO_BLOB_LIMIT).expect("small"), |n| {
        photo(|photo| photo.plain_len = u64::try_from(n).expect("small"))
    });
    holds("bytes of a video", usize::try_from(VIDEO_BLOB_LIMIT).expect("small"), |n| {
        photo(|photo| {
            photo.mime = Mime::MP4;
            photo.plain_len = u64::try_from(n).expect("small");
        })
    });
    holds("thumbhash", THUMBHASH_LIMIT, |n| keys(|keys| keys.thumbhash = vec![1; n]));
    holds("preview", PREVIEW_LIMIT, |n| keys(|keys| keys.preview_len = u32::try_from(n).expect("small")));
}

#[test]
fn a_video_stands_alone() {
    let of = |mimes: &[Mime]| {
        let media = mimes.iter().map(|mime| Media { mime: *mime, ..media(1) }).collect();
        public(PublicValues { media, ..PublicValues::default() })
    };
    assert!(of(&[Mime::WEBM]).is_ok());
    assert!(of(&[Mime::MP4, Mime::MP4]).is_err());
    assert!(of(&[Mime::JPEG, Mime::MP4]).is_err());
    assert!(of(&[Mime::JPEG, Mime::from_code(200)]).is_ok());
    assert_eq!(Mime::from_code(200).as_str(), "application/octet-stream");
}

#[test]
fn mentions_are_filled_up_to_a_multiple_of_four() {
    let mut entropy = crate::crypto::Entropy::from_number(1);
    for (given, padded) in [(0usize, 0usize), (1, 4), (4, 4), (5, 8), (32, 32)] {
        let mentions: Vec<[u8; 8]> = (0..given).map(|n| [u8::try_from(n).expect("small"); 8]).collect();
        let filled = pad_mentions(mentions.clone(), &mut entropy).expect("within the limit");
        assert_eq!(filled.len(), padded, "{given}");
        assert!(mentions.iter().all(|mention| filled.contains(mention)), "{given}");
        let mut mentioning = text_post("hello");
        mentioning.private.mentions = filled;
        let read = Content::decode(&post(mentioning.clone()).encode().expect("fits"));
        assert_eq!(read, Ok(post(mentioning.clone())));
        assert!(mentions.iter().all(|mention| mentioning.mentions(mention)));
        assert!(!mentioning.mentions(&[0xee; 8]));
    }
    let too_many = WriteError::TooMuch { what: "mentions", limit: MENTION_LIMIT, actual: MENTION_LIMIT + 1 };
    assert_eq!(pad_mentions(vec![[0; 8]; MENTION_LIMIT + 1], &mut entropy), Err(too_many));
    let mut crowded = text_post("hello");
    crowded.private.mentions = vec![[0; 8]; MENTION_LIMIT + 4];
    assert!(post(crowded).encode().is_err());
    let mut fields = crate::wire::FieldsWriter::new();
    fields.field(33, &[0; 8 * (MENTION_LIMIT + 4)]);
    assert!(Post::decode(&fields.into_vec()).is_err());
}

#[test]
fn profile_and_status_hold_their_limits() {
    holds("name", NAME_LIMIT, |n| profile(|profile| profile.name = letters(n)));
    holds("about", ABOUT_LIMIT, |n| profile(|profile| profile.about = letters(n)));
    let picture = |len: usize, thumbhash: usize| {
        profile(|profile| {
            profile.avatar = Some(Picture {
                blob: BlobId::from_bytes([1; 32]),
                blob_key: BlobKey::from_bytes([2; 32]),
                plain_len: u32::try_from(len).expect("small"),
                mime: Mime::WEBP,
                width: 1,
                height: 1,
                thumbhash: vec![1; thumbhash],
            });
        })
    };
    holds("picture", usize::try_from(PHOTO_BLOB_LIMIT).expect("small"), |n| picture(n, 0));
    holds("its thumbhash", THUMBHASH_LIMIT, |n| picture(1, n));
    holds("words", MOOD_TEXT_LIMIT, |n| status(|status| status.text = letters(n)));
    holds("emoji", EMOJI_LIMIT, |n| status(|status| status.emoji = letters(n)));
    let lasting = |ms| status(|status| status.until = ClaimedTime::from_millis(CREATED.as_millis() + ms));
    assert!(lasting(STATUS_LIFE_LIMIT_MS).is_ok());
    let too_long = WriteError::Invalid { what: "a status that lasts longer than seven days" };
    assert_eq!(lasting(STATUS_LIFE_LIMIT_MS + 1), Err(too_long));
}

#[test]
fn sealed_interactions_and_whole_contents_hold_their_limits() {
    let sealed = |len| {
        let (itag, inonce) = ([1; 16], Nonce::from_bytes([2; 24]));
        SealedInteraction { itag, inonce, ct: vec![3; len] }
    };
    for (make, limit) in [
        (Body::Interaction as fn(SealedInteraction) -> Body, INTERACTION_CT_LIMIT),
        (Body::AppUpdate, APP_UPDATE_CT_LIMIT),
    ] {
        for (len, is_legal) in [(0, false), (16, false), (17, true), (limit, true), (limit + 1, false)] {
            let bytes = content(make(sealed(len))).encode().expect("within the content's limit");
            assert_eq!(Content::decode(&bytes).is_ok(), is_legal, "{len}");
        }
    }
    holds("content", CONTENT_LIMIT, |n| content(Body::SelfOp(vec![1; n - 9])).encode());
}

#[test]
fn the_public_part_holds_its_limit() {
    let padded = |len: usize| {
        let mut fields = crate::wire::FieldsWriter::new();
        fields.field(20, &vec![1; len - 5]);
        fields.into_vec()
    };
    assert!(PublicPart::decode(&padded(POST_PUBLIC_LIMIT)).is_ok());
    assert!(PublicPart::decode(&padded(POST_PUBLIC_LIMIT + 1)).is_err());
}

#[test]
fn the_largest_moment_fits_an_entry() {
    let largest = PublicValues {
        text: letters(POST_TEXT_LIMIT),
        media: vec![Media { alt: letters(ALT_TEXT_LIMIT), ..media(1) }; POST_PHOTO_LIMIT],
        link: Some(LinkCard {
            url: letters(LINK_URL_LIMIT),
            title: letters(LINK_TITLE_LIMIT),
            description: letters(LINK_DESCRIPTION_LIMIT),
            site: letters(LINK_SITE_LIMIT),
            image: Some(8),
        }),
        place: Some(Place {
            precision: Precision::Exact,
            name: letters(PLACE_NAME_LIMIT),
            position: Some(Position { lat: 1, lon: -1 }),
        }),
        mood: Some(Mood { emoji: letters(EMOJI_LIMIT), text: letters(MOOD_TEXT_LIMIT) }),
        app_card: vec![1; APP_CARD_LIMIT],
        label: letters(LABEL_LIMIT),
        author_name: letters(NAME_LIMIT),
        preview_marks: vec![PreviewMark { preview: [1; 32], thumbhash: [1; 32] }; POST_PHOTO_LIMIT],
    };
    let original = PublicPart::new(&largest).expect("every value at its limit fits the public part");
    // A re-share of the largest moment, with the largest words of its own.
    let own = PublicValues {
        media: Vec::new(),
        link: largest.link.clone().map(|card| LinkCard { image: None, ..card }),
        preview_marks: Vec::new(),
        ..largest
    };
    let from =
        SharedFrom { root: UserId::from_bytes([1; 32]), created: CREATED, share: share(1), public: original };
    let private = PrivatePart {
        media_keys: vec![
            MediaKeys { thumbhash: vec![1; THUMBHASH_LIMIT], ..media_keys(1) };
            POST_PHOTO_LIMIT
        ],
        mentions: vec![[1; 8]; MENTION_LIMIT],
        share: None,
        shared_from: Some(Box::new(from)),
        unknown: [].into(),
    };
    let public = PublicPart::new(&own).expect("fits");
    let bytes = post(Post { public, private }).encode().expect("the largest moment");
    assert!(bytes.len() + 4 <= ENTRY_PADDED_LIMIT, "{}", bytes.len());
    assert!(Content::decode(&bytes).is_ok());
}

#[test]
fn a_tombstone_names_a_number_that_an_entry_can_have() {
    let of =
        |seq| Tombstone { epoch: EpochId::from_bytes([1; 16]), seq, entry: EntryId::from_bytes([2; 32]) };
    for (seq, is_legal) in [(SEQ_LIMIT - 1, true), (SEQ_LIMIT, false), (u64::MAX, false)] {
        let read = crate::wire::decode::<Tombstone>(&of(seq).encode());
        assert_eq!(read.ok(), Some(of(seq)).filter(|_| is_legal), "{seq}");
    }
}
