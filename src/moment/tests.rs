mod golden;
mod limits;
mod shares;
mod threads;

use proptest::option;
use proptest::prelude::*;

use super::card::{LinkCard, Mood, Place, Position, Precision};
use super::media::{Media, MediaKeys, Mime};
use super::*;
use crate::crypto::{BlobKey, Nonce, Signature};
use crate::id::{BlobId, DeviceId, UserId};
use crate::limits::{MENTION_LIMIT, STATUS_LIFE_LIMIT_MS};

const CREATED: ClaimedTime = ClaimedTime::from_millis(1_771_200_000_000);

fn media(number: u8) -> Media {
    Media {
        plain_hash: [number; 32],
        plain_len: 412_345,
        mime: Mime::JPEG,
        width: 2048,
        height: 1365,
        duration_ms: 0,
        alt: String::new(),
    }
}

fn media_keys(number: u8) -> MediaKeys {
    MediaKeys {
        blob: BlobId::from_bytes([number; 32]),
        blob_key: BlobKey::from_bytes([0xab; 32]),
        preview: BlobId::from_bytes([number; 32]),
        preview_key: BlobKey::from_bytes([0xab; 32]),
        preview_len: 20_000,
        thumbhash: vec![number; 25],
    }
}

fn share(number: u8) -> Share {
    let [cert, sig] = [Signature::from_bytes([number; 64]), Signature::from_bytes([number; 64])];
    Share { share_id: [number; 16], device: DeviceId::from_bytes([number; 32]), cert, sig }
}

fn text_post(text: &str) -> Post {
    let values = PublicValues { text: text.to_owned(), ..PublicValues::default() };
    Post { public: PublicPart::new(&values).expect("fits"), private: PrivatePart::default() }
}

fn content(body: Body) -> Content {
    Content { created: CREATED, body }
}

fn post(post: Post) -> Content {
    content(Body::Post(Box::new(post)))
}

// ---- whatever people may write ----

fn any_media(is_video: bool) -> impl Strategy<Value = Media> {
    let mime = if is_video { 5..7u8 } else { 1..5u8 };
    (any::<[u8; 32]>(), 0..1_000_000u64, mime, any::<(u16, u16, u32)>(), ".{0,20}").prop_map(
        |(plain_hash, plain_len, mime, (width, height, duration_ms), alt)| {
            let mime = Mime::from_code(mime);
            Media { plain_hash, plain_len, mime, width, height, duration_ms, alt }
        },
    )
}

fn any_keys() -> impl Strategy<Value = MediaKeys> {
    let thumbhash = prop::collection::vec(any::<u8>(), 0..=32);
    (any::<[[u8; 32]; 4]>(), 0..=24_576u32, thumbhash).prop_map(|([a, b, c, d], preview_len, thumbhash)| {
        MediaKeys {
            blob: BlobId::from_bytes(a),
            blob_key: BlobKey::from_bytes(b),
            preview: BlobId::from_bytes(c),
            preview_key: BlobKey::from_bytes(d),
            preview_len,
            thumbhash,
        }
    })
}

fn any_link(media: usize) -> impl Strategy<Value = LinkCard> {
    let image = option::of(0..u8::try_from(media.max(1)).expect("small"));
    (".{1,30}", ".{0,20}", ".{0,20}", ".{0,20}", image).prop_map(
        move |(url, title, description, site, image)| {
            let image = image.filter(|_| media > 0);
            LinkCard { url, title, description, site, image }
        },
    )
}

fn any_place() -> impl Strategy<Value = Place> {
    let precision = prop::sample::select(vec![Precision::Exact, Precision::Area, Precision::City]);
    let position = (-90_000_000..=90_000_000i32, -180_000_000..=180_000_000i32);
    (precision, ".{1,20}", option::of(position)).prop_map(|(precision, name, position)| Place {
        precision,
        name,
        position: position.map(|(lat, lon)| Position { lat, lon }),
    })
}

fn any_public() -> impl Strategy<Value = PublicPart> {
    let media = prop_oneof![
        prop::collection::vec(any_media(false), 0..=9),
        prop::collection::vec(any_media(true), 1..=1)
    ];
    media
        .prop_flat_map(|media| {
            let link = option::of(any_link(media.len()));
            let mood = option::of(("[a-z]{0,9}", ".{1,20}").prop_map(|(emoji, text)| Mood { emoji, text }));
            let card = prop::collection::vec(any::<u8>(), 0..50);
            (".{0,200}", Just(media), link, option::of(any_place()), mood, card, ".{0,9}", ".{0,9}")
        })
        .prop_map(|(text, media, link, place, mood, app_card, label, author_name)| {
            let values = PublicValues {
                text,
                media,
                link,
                place,
                mood,
                app_card,
                label,
                author_name,
                preview_marks: Vec::new(),
            };
            PublicPart::new(&values).expect("within the limits")
        })
}

fn any_post() -> impl Strategy<Value = Post> {
    let keys = prop::collection::vec(any_keys(), 9);
    let mentions = prop::collection::vec(any::<[u8; 8]>(), 0..=MENTION_LIMIT / 4);
    let unknown = prop::collection::btree_map(36..=255u8, prop::collection::vec(any::<u8>(), 0..9), 0..4);
    let share_number = option::of(any::<u8>());
    (any_public(), any_public(), keys, mentions, share_number, any::<bool>(), unknown).prop_map(
        |(mut public, original, mut media_keys, mentions, number, is_share, unknown)| {
            let mut private = PrivatePart { unknown, ..PrivatePart::default() };
            private.mentions = mentions.iter().flat_map(|mention| [*mention; 4]).collect();
            if is_share {
                let values = PublicValues { media: Vec::new(), link: None, ..public.values().clone() };
                public = PublicPart::new(&values).expect("less than before");
                let (root, share) = (UserId::from_bytes([7; 32]), share(number.unwrap_or(1)));
                let from = SharedFrom { root, created: CREATED, share, public: original };
                private.shared_from = Some(Box::new(from));
            } else {
                private.share = number.map(share);
            }
            let mut post = Post { public, private };
            media_keys.truncate(post.media().len());
            post.private.media_keys = media_keys;
            post
        },
    )
}

fn any_profile() -> impl Strategy<Value = Profile> {
    let picture = || {
        let thumbhash = prop::collection::vec(any::<u8>(), 0..=32);
        option::of((any::<[[u8; 32]; 2]>(), 0..1_000_000u32, any::<(u8, u16, u16)>(), thumbhash).prop_map(
            |([a, b], plain_len, (mime, width, height), thumbhash)| {
                let (blob, blob_key) = (BlobId::from_bytes(a), BlobKey::from_bytes(b));
                Picture { blob, blob_key, plain_len, mime: Mime::from_code(mime), width, height, thumbhash }
            },
        ))
    };
    let unknown = prop::collection::btree_map(6..=255u8, prop::collection::vec(any::<u8>(), 0..9), 0..4);
    (".{0,15}", ".{0,50}", picture(), picture(), any::<u32>(), unknown).prop_map(
        |(name, about, avatar, cover, window_days, unknown)| Profile {
            name,
            about,
            avatar,
            cover,
            window_days,
            unknown,
        },
    )
}

fn any_sealed() -> impl Strategy<Value = SealedInteraction> {
    (any::<[u8; 16]>(), any::<[u8; 24]>(), prop::collection::vec(any::<u8>(), 17..200))
        .prop_map(|(itag, inonce, ct)| SealedInteraction { itag, inonce: Nonce::from_bytes(inonce), ct })
}

fn any_body() -> impl Strategy<Value = Body> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..100);
    let tombstone = (any::<([u8; 16], [u8; 32])>(), 0..SEQ_LIMIT).prop_map(|((epoch, entry), seq)| {
        Tombstone { epoch: EpochId::from_bytes(epoch), seq, entry: EntryId::from_bytes(entry) }
    });
    let status = (0..=STATUS_LIFE_LIMIT_MS, ".{0,20}", ".{0,9}").prop_map(|(life, text, emoji)| Status {
        until: ClaimedTime::from_millis(CREATED.as_millis() + life),
        text,
        emoji,
        unknown: [(9, vec![1])].into(),
    });
    let unknown_kind = prop_oneof![Just(0u8), Just(8u8), 12..=255u8];
    prop_oneof![
        4 => any_post().prop_map(|post| Body::Post(Box::new(post))),
        1 => any::<[u8; 16]>().prop_map(Body::Hide),
        1 => tombstone.prop_map(Body::Tombstone),
        1 => bytes().prop_map(Body::Identity),
        1 => bytes().prop_map(Body::Device),
        2 => any_profile().prop_map(|profile| Body::Profile(Box::new(profile))),
        1 => any_sealed().prop_map(Body::Interaction),
        1 => bytes().prop_map(Body::SelfOp),
        2 => status.prop_map(Body::Status),
        1 => any_sealed().prop_map(Body::AppUpdate),
        1 => (unknown_kind, bytes()).prop_map(|(kind, bytes)| Body::Unknown { kind, bytes }),
    ]
}

/// Kinds whose last field runs to the end, so that one byte more is another value and not a trailing one.
fn is_open_ended(body: &Body) -> bool {
    matches!(
        body,
        Body::Identity(_)
            | Body::Device(_)
            | Body::SelfOp(_)
            | Body::Interaction(_)
            | Body::AppUpdate(_)
            | Body::Unknown { .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// I13
    #[test]
    fn content_of_every_kind_is_read_back_as_it_was_written(body in any_body()) {
        let content = content(body);
        let bytes = content.encode().expect("within the limits");
        prop_assert_eq!(Content::peek_kind(&bytes), Some(content.body.kind()));
        prop_assert_eq!(Content::decode(&bytes), Ok(content));
    }

    /// I13
    #[test]
    fn trailing_bytes_and_missing_ones_are_refused(body in any_body(), extra: u8, cut: prop::sample::Index) {
        let content = content(body);
        let mut bytes = content.encode().expect("within the limits");
        let shorter = Content::decode(&bytes[..cut.index(bytes.len())]);
        prop_assert_ne!(shorter.as_ref().ok(), Some(&content));
        if !is_open_ended(&content.body) {
            bytes.push(extra);
            prop_assert!(Content::decode(&bytes).is_err());
        }
    }

    /// I13: what can be read could have been written, byte for byte.
    #[test]
    fn a_changed_content_is_refused_or_means_exactly_its_bytes(
        body in any_body(),
        at: prop::sample::Index,
        byte: u8,
    ) {
        let mut bytes = content(body).encode().expect("within the limits");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Content::decode(&bytes) {
            prop_assert_eq!(read.encode(), Ok(bytes));
        }
    }

    #[test]
    fn random_bytes_never_panic_and_mean_exactly_themselves(kind in 0..14u8, rest: Vec<u8>) {
        let bytes = [&[kind], [0; 8].as_slice(), &rest].concat();
        if let Ok(read) = Content::decode(&bytes) {
            prop_assert_eq!(read.encode(), Ok(bytes));
        }
    }
}

#[test]
fn each_class_carries_its_kinds_and_no_others() {
    for code in 0..=255u8 {
        assert_eq!(Class::Contact.carries(code), [3, 4, 5, 6, 7, 11].contains(&code), "{code}");
        assert_eq!(Class::Posts.carries(code), [1, 2, 3, 10].contains(&code), "{code}");
        assert!(Class::SelfDevices.carries(code));
        assert_eq!(kind::is_known(code), (1..=11).contains(&code) && code != 8, "{code}");
    }
}

#[test]
fn bytes_of_the_public_part_are_kept_whatever_a_newer_program_put_there() {
    let mut fields = crate::wire::FieldsWriter::new();
    fields.field(1, b"hello").field(20, b"later").field(31, b"").field(40, b"private, later");
    let bytes = fields.into_vec();
    let post = Post::decode(&bytes).expect("a post");
    assert_eq!(post.public.values().text, "hello");
    let mut public = crate::wire::FieldsWriter::new();
    public.field(1, b"hello").field(20, b"later").field(31, b"");
    assert_eq!(post.public.bytes(), public.into_vec());
    assert_eq!(post.private.unknown, [(40, b"private, later".to_vec())].into());
    assert_eq!(post.encode(), Ok(bytes));
}

/// One row per rule that the fields of a post can break.
#[test]
fn a_post_that_breaks_a_rule_is_refused() {
    let hide = content(Body::Hide([1; 16])).encode().expect("fits");
    assert!(Content::decode(&hide[..hide.len() - 1]).is_err());
    for (name, tag, bytes) in [
        ("a field of neither part", 0u8, vec![1]),
        ("an empty text", 1, vec![]),
        ("a text that is not UTF-8", 1, vec![0xff]),
        ("media without keys", 2, {
            let values = PublicValues { media: vec![media(1)], ..PublicValues::default() };
            PublicPart::new(&values).expect("fits").bytes()[5..].to_vec()
        }),
        ("media cut short", 2, vec![0; 50]),
        ("a link without an address", 3, vec![0, 0, 0, 0, 0, 0, 0, 0]),
        ("a link to a picture that is not there", 3, vec![0, 1, b'u', 0, 0, 0, 0, 0, 1]),
        ("a place with a yes that is no yes", 4, vec![0, 1, b'x', 2]),
        ("a place of an unknown precision", 4, vec![3, 1, b'x', 0]),
        ("a place without anything", 4, vec![0, 0, 0]),
        ("a place north of the pole", 4, [[0, 1, b'x', 1], 90_000_001i32.to_be_bytes(), [0; 4]].concat()),
        (
            "a place west of the date line",
            4,
            [[0, 1, b'x', 1], [0; 4], (-180_000_001i32).to_be_bytes()].concat(),
        ),
        ("a mood without anything", 5, vec![0, 0]),
        ("an empty card", 6, vec![]),
        ("keys without media", 32, {
            let mut out = Writer::new();
            let keys = media_keys(1);
            out.value(&keys.blob).raw(&[0; 32]).value(&keys.preview).raw(&[0; 32]).u32(1).u8(0);
            out.into_vec()
        }),
        ("mentions that are not filled up", 33, vec![0; 8 * 3]),
        ("half a mention", 33, vec![0; 8 * 4 + 4]),
        ("a share cut short", 34, vec![0; 175]),
        ("a share with a byte too many", 34, vec![0; 177]),
        ("a shared moment cut short", 35, vec![0; 215]),
    ] {
        let mut fields = crate::wire::FieldsWriter::new();
        fields.field(tag, &bytes);
        assert!(Post::decode(&fields.into_vec()).is_err(), "{name}");
    }
}

#[test]
fn a_status_is_shown_until_it_ends() {
    use crate::time::Timestamp;
    let until = ClaimedTime::from_millis(10_000);
    let status = Status { until, text: String::new(), emoji: "x".into(), unknown: [].into() };
    assert!(status.is_current(Timestamp::from_millis(9_999)));
    assert!(!status.is_current(Timestamp::from_millis(10_000)));
}

#[test]
fn a_window_without_end_is_written_in_one_way() {
    let bytes = Profile { window_days: 3, ..Profile::default() }.encode().expect("fits");
    assert_eq!(Profile::decode(&bytes).map(|profile| profile.window_days), Ok(3));
    let mut zero = crate::wire::FieldsWriter::new();
    zero.field(5, &[0; 4]);
    assert!(Profile::decode(&zero.into_vec()).is_err());
    assert_eq!(Profile::default().encode(), Ok(Vec::new()));
}

#[test]
fn bytes_of_a_known_kind_cannot_be_written_as_an_unknown_one() {
    for kind in 0..=255u8 {
        let body = Body::Unknown { kind, bytes: vec![1] };
        assert_eq!(content(body).encode().is_ok(), !kind::is_known(kind), "{kind}");
    }
}

#[test]
fn no_content_prints_a_key_or_what_only_devices_may_see() {
    let mut with_keys = text_post("words");
    let values = PublicValues { media: vec![media(1)], ..PublicValues::default() };
    with_keys.public = PublicPart::new(&values).expect("fits");
    with_keys.private.media_keys = vec![media_keys(1)];
    for body in [
        Body::Post(Box::new(with_keys)),
        Body::SelfOp(vec![0xab; 32]),
        Body::Identity(vec![0xab; 32]),
        Body::Device(vec![0xab; 32]),
        Body::Unknown { kind: 99, bytes: vec![0xab; 32] },
        Body::Interaction(SealedInteraction {
            itag: [0xab; 16],
            inonce: Nonce::from_bytes([0xab; 24]),
            ct: vec![0xab; 32],
        }),
    ] {
        let shown = format!("{body:?}");
        assert!(!shown.contains("171") && !shown.contains("abab"), "{shown}");
    }
}
