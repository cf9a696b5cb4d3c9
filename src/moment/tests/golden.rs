//! The layouts, put together by hand from the tables: a change of a single byte of them fails here.

use super::*;

/// Bytes side by side.
fn bytes(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A field: tag, length of four bytes, bytes.
fn field(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let inside = parts.concat();
    let len = u32::try_from(inside.len()).expect("small").to_be_bytes();
    bytes(&[&[tag], &len, &inside])
}

/// Kind and time, 1,771,200,000,000 ms, in front of a body.
fn with_head(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    bytes(&[&[kind, 0, 0, 0x01, 0x9c, 0x63, 0xbf, 0x30, 0x00], &parts.concat()])
}

fn agrees(body: Body, expected: &[u8]) {
    let content = content(body);
    assert_eq!(crate::id::hex(&content.encode().expect("fits")), crate::id::hex(expected));
    assert_eq!(Content::decode(expected), Ok(content));
}

#[test]
fn a_post_has_the_bytes_of_its_tables() {
    let values = PublicValues {
        text: "hi".into(),
        media: vec![Media { alt: "sea".into(), ..media(1) }],
        link: Some(LinkCard {
            url: "u".into(),
            title: "ti".into(),
            description: "des".into(),
            site: "site".into(),
            image: Some(0),
        }),
        place: Some(Place {
            precision: Precision::City,
            name: "Kiel".into(),
            position: Some(Position { lat: -1, lon: 10_130_000 }),
        }),
        mood: Some(Mood { emoji: "e".into(), text: "calm".into() }),
        app_card: vec![6, 6],
        label: "L".into(),
        author_name: "Alice".into(),
        preview_marks: vec![PreviewMark { preview: [8; 32], thumbhash: [9; 32] }],
    };
    let private = PrivatePart {
        media_keys: vec![MediaKeys { thumbhash: vec![5, 6], ..media_keys(2) }],
        mentions: vec![[1; 8], [2; 8], [3; 8], [4; 8]],
        share: Some(share(7)),
        ..PrivatePart::default()
    };
    let public = PublicPart::new(&values).expect("fits");
    let photo: [&[u8]; 7] =
        [&[1; 32], &[0, 0, 0, 0, 0, 6, 0x4a, 0xb9], &[1], &[8, 0], &[5, 0x55], &[0; 4], b"\x00\x03sea"];
    let keys: [&[u8]; 6] = [&[2; 32], &[0xab; 32], &[2; 32], &[0xab; 32], &[0, 0, 0x4e, 0x20], &[2, 5, 6]];
    let expected = with_head(
        1,
        &[
            &field(1, &[b"hi"]),
            &field(2, &photo),
            &field(3, &[b"\x00\x01u\x00\x02ti\x00\x03des\x04site\x01"]),
            &field(4, &[b"\x02\x04Kiel\x01", &[0xff; 4], &[0, 0x9a, 0x92, 0x50]]),
            &field(5, &[b"\x01e\x04calm"]),
            &field(6, &[&[6, 6]]),
            &field(7, &[b"L"]),
            &field(8, &[b"Alice"]),
            &field(9, &[&[8; 32], &[9; 32]]),
            &field(32, &keys),
            &field(33, &[&[1; 8], &[2; 8], &[3; 8], &[4; 8]]),
            &field(34, &[&[7; 16], &[7; 32], &[7; 64], &[7; 64]]),
        ],
    );
    agrees(Body::Post(Box::new(Post { public, private })), &expected);
}

#[test]
fn a_re_share_has_the_bytes_of_its_tables() {
    let mut sharing = text_post("look");
    let (root, public) = (UserId::from_bytes([3; 32]), text_post("first").public);
    sharing.private.shared_from =
        Some(Box::new(SharedFrom { root, created: CREATED, share: share(7), public }));
    let created = CREATED.as_millis().to_be_bytes();
    let original = field(1, &[b"first"]);
    let from: [&[u8]; 7] = [&[3; 32], &created, &[7; 16], &[7; 32], &[7; 64], &[7; 64], &original];
    let expected = with_head(1, &[&field(1, &[b"look"]), &field(35, &from)]);
    agrees(Body::Post(Box::new(sharing)), &expected);
}

#[test]
fn small_contents_have_the_bytes_of_their_tables() {
    agrees(Body::Hide([5; 16]), &with_head(2, &[&[5; 16]]));
    let (epoch, entry) = (EpochId::from_bytes([1; 16]), EntryId::from_bytes([2; 32]));
    let tombstone = Tombstone { epoch, seq: 258, entry };
    agrees(Body::Tombstone(tombstone), &with_head(3, &[&[1; 16], &[0, 0, 0, 0, 0, 0, 1, 2], &[2; 32]]));
    agrees(Body::Identity(vec![1, 2]), &with_head(4, &[&[1, 2]]));
    agrees(Body::Device(vec![1, 2]), &with_head(5, &[&[1, 2]]));
    let inonce = Nonce::from_bytes([2; 24]);
    let sealed = SealedInteraction { itag: [1; 16], inonce, ct: vec![3; 17] };
    agrees(Body::Interaction(sealed.clone()), &with_head(7, &[&[1; 16], &[2; 24], &[3; 17]]));
    agrees(Body::SelfOp(vec![9]), &with_head(9, &[&[9]]));
    agrees(Body::AppUpdate(sealed), &with_head(11, &[&[1; 16], &[2; 24], &[3; 17]]));
}

#[test]
fn profile_and_status_have_the_bytes_of_their_tables() {
    let picture = |number: u8| Picture {
        blob: BlobId::from_bytes([number; 32]),
        blob_key: BlobKey::from_bytes([0xab; 32]),
        plain_len: 0x0304,
        mime: Mime::WEBP,
        width: 256,
        height: 2,
        thumbhash: vec![9],
    };
    let profile = Profile {
        name: "Bob".into(),
        about: "sails".into(),
        avatar: Some(picture(1)),
        cover: Some(picture(2)),
        window_days: 180,
        unknown: [(6, vec![1])].into(),
    };
    let tail: &[u8] = &[0, 0, 3, 4, 3, 1, 0, 0, 2, 1, 9];
    let expected = with_head(
        6,
        &[
            &field(1, &[b"Bob"]),
            &field(2, &[b"sails"]),
            &field(3, &[&[1; 32], &[0xab; 32], tail]),
            &field(4, &[&[2; 32], &[0xab; 32], tail]),
            &field(5, &[&[0, 0, 0, 180]]),
            &field(6, &[&[1]]),
        ],
    );
    agrees(Body::Profile(Box::new(profile)), &expected);
    let status = Status { until: CREATED, text: "away".into(), emoji: "e".into(), unknown: [].into() };
    let until = CREATED.as_millis().to_be_bytes();
    agrees(Body::Status(status), &with_head(10, &[&until, &field(1, &[b"away"]), &field(2, &[b"e"])]));
}
