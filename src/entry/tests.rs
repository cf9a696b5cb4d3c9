use proptest::prelude::*;

use super::header::SEALED_HEAD_LEN;
use super::write::{sealed_head, sign};
use super::*;
use crate::crypto::{Domain, Entropy, EpochSecret, Nonce, SigningKey, seal};
use crate::id::{EpochId, unhex};
use crate::limits::{ENTRY_BODY_LIMIT, ENTRY_PADDED_LIMIT, SEQ_LIMIT};
use crate::time::{DAY_MS, Day, Timestamp};

/// Alice's epoch, as her device holds it.
struct Epoch {
    key: SigningKey,
    id: EpochId,
    read: ReadKey,
}

impl Epoch {
    fn new(number: u8) -> Self {
        let key = SigningKey::from_seed(&[number; 32]);
        let id = keys::epoch_id(key.public().as_bytes());
        Self { key, id, read: keys::read_key(&EpochSecret::from_bytes([number; 32])) }
    }

    fn draft<'a>(&'a self, seq: u64, content: &'a [u8]) -> Draft<'a> {
        let (epoch_key, read_key) = (&self.key, &self.read);
        let min_padded = ENTRY_PADDED_MIN;
        Draft { epoch_key, epoch: self.id, read_key, seq, expire_day: Some(Day(20_500)), content, min_padded }
    }

    fn write(&self, seq: u64, content: &[u8]) -> Entry<Verified> {
        write(self.draft(seq, content), &mut Entropy::from_number(seq)).expect("fits")
    }

    /// Signs whatever plaintext and commitment a hostile author likes.
    fn forge(&self, plain: &[u8], commit: Option<[u8; 32]>) -> Entry<Verified> {
        let nonce = Nonce::from_bytes([4; 24]);
        let key = keys::content_key(&self.read, 1, &nonce);
        let commit = commit.unwrap_or_else(|| keys::commit(&key));
        let len = u32::try_from(plain.len() + SEAL_TAG_LEN).expect("small");
        let head = sealed_head(&self.draft(1, b""), len, &nonce, &commit);
        let body = seal(key.expose_bytes(), &nonce, &head, plain);
        let header = sign(&self.key, &head, &body).expect("a header");
        accept(header.bytes(), body, &self.key.public()).expect("known")
    }

    /// Signs a header whose first 90 bytes were changed.
    fn header_with(&self, change: impl Fn(&mut [u8; SEALED_HEAD_LEN])) -> Result<Header, DecodeError> {
        let nonce = Nonce::from_bytes([4; 24]);
        let mut head = sealed_head(&self.draft(1, b""), 272, &nonce, &[5; 32]);
        change(&mut head);
        sign(&self.key, &head, &[0; 272])
    }
}

/// Why an entry that came from elsewhere is refused, whatever the step.
#[derive(Debug, PartialEq)]
enum Refused {
    Decode(DecodeError),
    Reject(RejectError),
}

fn accept(header: &[u8], body: Vec<u8>, key: &VerifyingKey) -> Result<Entry<Verified>, Refused> {
    Entry::from_parts(header, body).map_err(Refused::Decode)?.verify(key).map_err(Refused::Reject)
}

#[test]
fn what_alice_writes_her_readers_verify_and_open() {
    let epoch = Epoch::new(1);
    let written = epoch.write(7, b"hello tidings");
    let (header, body) = written.clone().into_parts();
    let known = accept(header.bytes(), body, &epoch.key.public()).expect("known");
    assert_eq!(known, written);
    assert_eq!(known.open_with(&epoch.read).as_deref(), Ok(b"hello tidings".as_slice()));
    assert_eq!((header.seq(), header.epoch(), header.expire_day()), (7, epoch.id, Some(Day(20_500))));
    assert_eq!(known.id(), header.id());
    assert_eq!(header.body_len(), 272);
}

#[test]
fn every_flipped_bit_of_the_header_is_refused() {
    let epoch = Epoch::new(1);
    let entry = epoch.write(7, b"hello tidings");
    for bit in 0..HEADER_LEN * 8 {
        let mut header = *entry.header().bytes();
        header[bit / 8] ^= 1 << (bit % 8);
        assert!(accept(&header, entry.body().to_vec(), &epoch.key.public()).is_err(), "bit {bit}");
    }
}

/// One row per rule of docs/protocol.md 4.3, "Entry", that a header breaks.
#[test]
fn a_header_that_breaks_a_rule_is_refused_for_that_rule() {
    let epoch = Epoch::new(1);
    let version = DecodeError::Unknown { what: "entry version", code: 2 };
    let suite = DecodeError::Unknown { what: "entry suite", code: 3 };
    let seq = DecodeError::Invalid { what: "the sequence number is not below 2^48" };
    let len = DecodeError::Invalid { what: "the body's length is not that of a padded plaintext" };
    assert_eq!(epoch.header_with(|head| head[0] = 2), Err(version));
    assert_eq!(epoch.header_with(|head| head[1] = 3), Err(suite));
    assert_eq!(epoch.header_with(|head| head[18..26].copy_from_slice(&SEQ_LIMIT.to_be_bytes())), Err(seq));
    let last = (SEQ_LIMIT - 1).to_be_bytes();
    assert!(epoch.header_with(|head| head[18..26].copy_from_slice(&last)).is_ok());
    for (body_len, is_legal) in [
        (0u32, false),
        (16, false),
        (271, false),
        (272, true),
        (273, false),
        (528, true),
        (256 + 512, false),
        (4096 + 16, true),
        (4352 + 16, true),
        (4353 + 16, false),
        (65_551, false),
        (65_552, true),
        (65_553, false),
        (67_584 + 16, false),
        (u32::MAX, false),
    ] {
        let header = epoch.header_with(|head| head[30..34].copy_from_slice(&body_len.to_be_bytes()));
        assert_eq!(header.map(|_| ()), if is_legal { Ok(()) } else { Err(len.clone()) }, "{body_len}");
    }
}

/// One row per rule of docs/protocol.md 4.3, "Entry", that the whole breaks.
#[test]
fn an_entry_that_breaks_a_rule_is_not_known() {
    let epoch = Epoch::new(1);
    let (header, body) = epoch.write(7, b"hello tidings").into_parts();
    let key = epoch.key.public();
    let bytes = *header.bytes();
    let resigned = |signature: [u8; 64]| {
        let mut other = bytes;
        other[SIGNED_LEN..].copy_from_slice(&signature);
        other
    };

    let longer = [body.as_slice(), &[0]].concat();
    let trailing = Refused::Decode(DecodeError::Trailing { extra_bytes: 1 });
    assert_eq!(accept(&bytes, longer, &key), Err(trailing), "a byte after the body");
    let missing = Refused::Decode(DecodeError::Truncated { missing_bytes: 1 });
    assert_eq!(accept(&bytes, body[1..].to_vec(), &key), Err(missing), "a byte less");
    let long_header = [bytes.as_slice(), &[0]].concat();
    let trailing = Refused::Decode(DecodeError::Trailing { extra_bytes: 1 });
    assert_eq!(accept(&long_header, body.clone(), &key), Err(trailing), "a byte after the header");
    assert!(accept(&bytes[..HEADER_LEN - 1], body.clone(), &key).is_err(), "a header cut short");

    let wrong_domain = *epoch.key.sign(Domain::Epoch, &bytes[..SIGNED_LEN]).as_bytes();
    let signature = Err(Refused::Reject(RejectError::Signature));
    assert_eq!(accept(&resigned(wrong_domain), body.clone(), &key), signature, "signed for another domain");

    // S + L is the same number modulo L: what a lenient verifier takes for a second signature.
    let order: [u8; 32] =
        unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").expect("hex");
    let mut high = *header.signature().as_bytes();
    let mut carry = 0u16;
    for (s, l) in high[32..].iter_mut().zip(order) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = u8::try_from(sum & 0xff).expect("masked");
        carry = sum >> 8;
    }
    assert_eq!(accept(&resigned(high), body.clone(), &key), signature, "S above the order");

    let other = Epoch::new(2);
    let other_epoch = Err(Refused::Reject(RejectError::OtherEpoch));
    assert_eq!(accept(&bytes, body.clone(), &other.key.public()), other_epoch, "another epoch's key");
    let mut other_body = body;
    other_body[100] ^= 1;
    let body_hash = Err(Refused::Reject(RejectError::BodyHash));
    assert_eq!(accept(&bytes, other_body, &key), body_hash, "another body");
}

#[test]
fn an_epoch_key_of_small_order_signs_nothing() {
    // The identity point: under lenient rules R = identity, S = 0 fits every message.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut forged = [0; 64];
    forged[0] = 1;
    let epoch = Epoch::new(1);
    let header = epoch
        .header_with(|head| head[2..18].copy_from_slice(keys::epoch_id(&identity).as_bytes()))
        .expect("form");
    let mut bytes = *header.bytes();
    bytes[SIGNED_LEN..].copy_from_slice(&forged);
    let verdict = accept(&bytes, vec![0; 272], &VerifyingKey::from_bytes(identity));
    assert_eq!(verdict, Err(Refused::Reject(RejectError::Signature)));
}

/// Known entries that their author spoilt: they stay known and never open.
#[test]
fn a_spoilt_body_is_known_and_never_opens() {
    let epoch = Epoch::new(1);
    let plain = |len: u32, fill: &[u8], padded: usize| {
        let mut plain = [len.to_be_bytes().as_slice(), fill].concat();
        plain.resize(padded, 0);
        plain
    };
    for (name, plain, verdict) in [
        ("the length prefix fits exactly", plain(252, &[7; 252], 256), Ok(252)),
        ("the length prefix is one too large", plain(253, &[7; 252], 256), Err(OpenFault::Length)),
        ("the length prefix is far too large", plain(u32::MAX, &[7; 252], 256), Err(OpenFault::Length)),
        ("the padding ends in a one", [plain(3, b"abc", 255), vec![1]].concat(), Err(OpenFault::Padding)),
        ("the padding begins with a one", plain(3, b"abc\x01", 256), Err(OpenFault::Padding)),
        ("a small content in the smallest bucket", plain(3, b"abc", 256), Ok(3)),
        ("a small content in the bucket of interactions", plain(3, b"abc", 512), Ok(3)),
        ("a small content in a larger bucket", plain(3, b"abc", 1024), Err(OpenFault::Length)),
        ("a content of 253 in the bucket of 1024", plain(253, &[7; 253], 1024), Err(OpenFault::Length)),
    ] {
        let opened = epoch.forge(&plain, None).open_with(&epoch.read);
        assert_eq!(opened.map(|content| content.len()), verdict, "{name}");
    }
}

#[test]
fn a_body_that_opens_under_a_key_the_header_does_not_commit_to_stays_shut() {
    let epoch = Epoch::new(1);
    let mut plain = vec![0, 0, 0, 3, b'a', b'b', b'c'];
    plain.resize(256, 0);
    let committed = keys::content_key(&epoch.read, 99, &Nonce::from_bytes([4; 24]));
    let entry = epoch.forge(&plain, Some(keys::commit(&committed)));
    // The body does open under the second key, if one asks the cipher alone.
    let second = entry.header().content_key(&epoch.read);
    let header = entry.header();
    assert!(open_seal(second.expose_bytes(), header.nonce(), header.sealed_head(), entry.body()).is_ok());
    assert_eq!(entry.open(&second), Err(OpenFault::Commit));
    assert_eq!(entry.open(&committed), Err(OpenFault::Seal));
}

#[test]
fn the_longest_content_fits_and_one_byte_more_does_not() {
    let epoch = Epoch::new(1);
    let content = vec![9; ENTRY_PADDED_LIMIT - 4 + 1];
    let entry = epoch.write(0, &content[1..]);
    assert_eq!(entry.body().len(), ENTRY_BODY_LIMIT);
    assert_eq!(entry.open_with(&epoch.read).as_deref(), Ok(&content[1..]));
    let refused = write(epoch.draft(0, &content), &mut Entropy::from_number(0));
    assert_eq!(refused, Err(WriteError::TooLong { limit_bytes: 65_532, actual_bytes: 65_533 }));
}

#[test]
fn the_last_number_is_written_and_the_one_after_is_not() {
    let epoch = Epoch::new(1);
    assert!(write(epoch.draft(SEQ_LIMIT - 1, b"x"), &mut Entropy::from_number(0)).is_ok());
    let refused = write(epoch.draft(SEQ_LIMIT, b"x"), &mut Entropy::from_number(0));
    assert_eq!(refused, Err(WriteError::SeqUsedUp));
}

#[test]
fn an_entry_expires_a_day_after_the_end_of_its_last_day() {
    let epoch = Epoch::new(1);
    let entry = epoch.write(0, b"x");
    let end = Day(20_501).start().plus_ms(DAY_MS);
    assert!(!entry.header().is_expired(end.minus_ms(1)));
    assert!(entry.header().is_expired(end));
    let lasting = Draft { expire_day: None, ..epoch.draft(0, b"x") };
    let lasting = write(lasting, &mut Entropy::from_number(0)).expect("fits");
    assert_eq!(lasting.header().expire_day(), None);
    assert!(!lasting.header().is_expired(Timestamp::from_millis(u64::MAX)));
}

#[test]
fn what_lies_on_our_disk_is_taken_back_unless_it_is_damaged() {
    let epoch = Epoch::new(1);
    let entry = epoch.write(3, b"kept");
    let (header, mut body) = entry.clone().into_parts();
    assert_eq!(Entry::trust_stored(header.bytes(), body.clone()), Ok(entry));
    body[0] ^= 1;
    assert!(Entry::trust_stored(header.bytes(), body).is_err());
}

#[test]
fn what_is_opened_from_our_disk_is_told_damaged_by_its_hash_where_it_does_not_open() {
    let epoch = Epoch::new(1);
    let entry = epoch.write(3, b"kept");
    let (header, body) = entry.clone().into_parts();
    let taken = Entry::trust_sealed(entry.id(), header.bytes(), body.clone()).expect("whole");
    assert_eq!(
        (&taken, taken.is_whole(), taken.open_with(&epoch.read)),
        (&entry, true, Ok(b"kept".to_vec()))
    );
    // Whatever bit of the body is altered: it does not open, and the damage is ours and not the author's.
    for at in 0..body.len() {
        let mut altered = body.clone();
        altered[at] ^= 1;
        let taken = Entry::trust_sealed(entry.id(), header.bytes(), altered).expect("the form of an entry");
        assert_eq!(
            (taken.open_with(&epoch.read), taken.is_whole()),
            (Err(OpenFault::Seal), false),
            "byte {at}"
        );
    }
    // What its author sealed badly is whole.
    let forged = epoch.forge(&[1; 256], None);
    assert!(forged.open_with(&epoch.read).is_err() && forged.is_whole());
    assert!(Entry::trust_sealed(entry.id(), header.bytes(), body[1..].to_vec()).is_err());
    assert!(Entry::trust_sealed(entry.id(), &header.bytes()[1..], body).is_err());
}

#[test]
fn an_entry_written_under_the_same_number_twice_has_another_key_and_id() {
    let epoch = Epoch::new(1);
    let [a, b] = [1, 2].map(|n| write(epoch.draft(5, b"same"), &mut Entropy::from_number(n)).expect("fits"));
    assert_ne!(a.id(), b.id());
    assert_ne!(a.header().content_key(&epoch.read), b.header().content_key(&epoch.read));
    assert_ne!(a.body(), b.body());
}

#[test]
fn debug_shows_sizes_and_no_content() {
    let epoch = Epoch::new(1);
    let entry = epoch.write(7, b"secret words");
    let shown = format!("{entry:?} {:?}", epoch.draft(7, b""));
    assert!(shown.starts_with("Entry(Header("), "{shown}");
    assert!(shown.contains("body <272b>"), "{shown}");
    assert!(shown.contains("SigningKey(…)") && shown.contains("ReadKey(…)"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// I12
    #[test]
    fn any_flipped_bit_of_header_or_body_is_refused(
        content in prop::collection::vec(any::<u8>(), 0..2000),
        seq in 0..SEQ_LIMIT,
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let epoch = Epoch::new(1);
        let (header, body) = epoch.write(seq, &content).into_parts();
        let mut whole = [header.bytes().as_slice(), &body].concat();
        let at = at.index(whole.len());
        whole[at] ^= 1 << bit;
        let (header, body) = whole.split_at(HEADER_LEN);
        prop_assert!(accept(header, body.to_vec(), &epoch.key.public()).is_err());
    }

    /// I14
    #[test]
    fn the_length_of_a_body_depends_on_the_bucket_alone(
        a in 0usize..9000,
        b in 0usize..9000,
        min in prop::sample::select(vec![ENTRY_PADDED_MIN, INTERACTION_PADDED_MIN]),
    ) {
        let epoch = Epoch::new(1);
        let bucket = |len: usize| padded_len(u64::try_from((len + 4).max(min)).expect("small"));
        let [x, y] = [(a, 1), (b, 2)].map(|(len, seq)| {
            let content = vec![u8::try_from(seq).expect("small"); len];
            let draft = Draft { min_padded: min, ..epoch.draft(seq, &content) };
            write(draft, &mut Entropy::from_number(seq)).expect("fits")
        });
        prop_assert_eq!(x.body().len() == y.body().len(), bucket(a) == bucket(b));
        prop_assert_eq!(u64::try_from(x.body().len()).expect("small"), bucket(a) + 16);
    }

    /// I10
    #[test]
    fn the_key_of_one_entry_opens_exactly_that_entry(
        content in prop::collection::vec(any::<u8>(), 0..300),
        seqs in prop::collection::btree_set(0..SEQ_LIMIT, 2..6),
    ) {
        let epoch = Epoch::new(1);
        let entries: Vec<_> = seqs.iter().map(|seq| epoch.write(*seq, &content)).collect();
        for entry in &entries {
            let granted = entry.header().content_key(&epoch.read);
            for other in &entries {
                let opened = other.open(&granted);
                if other.id() == entry.id() {
                    prop_assert_eq!(opened, Ok(content.clone()));
                } else {
                    prop_assert_eq!(opened, Err(OpenFault::Commit));
                }
            }
        }
        prop_assert_eq!(entries[0].open_with(&Epoch::new(2).read), Err(OpenFault::Commit));
    }

    /// I13
    #[test]
    fn a_header_decodes_to_what_was_written_and_back_to_the_same_bytes(
        bytes in prop::collection::vec(any::<u8>(), HEADER_LEN),
        seq in 0..SEQ_LIMIT,
        padded in 256u32..65_536,
    ) {
        let mut bytes = <[u8; HEADER_LEN]>::try_from(bytes).expect("the length drawn");
        bytes[0] = 1;
        bytes[1] = 1;
        bytes[18..26].copy_from_slice(&seq.to_be_bytes());
        let len = u32::try_from(padded_len(u64::from(padded))).expect("small") + 16;
        bytes[30..34].copy_from_slice(&len.to_be_bytes());
        let header = Header::decode(&bytes).expect("legal");
        prop_assert_eq!(header.bytes(), &bytes);
        prop_assert_eq!(header.seq(), seq);
        prop_assert_eq!(header.body_len(), len);
        prop_assert_eq!(header.epoch().as_bytes().to_vec(), bytes[2..18].to_vec());
        prop_assert_eq!(header.expire_day().map_or(0, |day| day.0).to_be_bytes().to_vec(), bytes[26..30].to_vec());
        prop_assert_eq!(header.nonce().as_bytes().as_slice(), &bytes[34..58]);
        prop_assert_eq!(header.commit().as_slice(), &bytes[58..90]);
        prop_assert_eq!(header.body_hash().as_slice(), &bytes[90..122]);
        prop_assert_eq!(header.signature().as_bytes().as_slice(), &bytes[122..]);
    }

    /// I12: whatever comes, nothing panics, and random bytes are never known.
    #[test]
    fn random_bytes_are_never_an_entry(header in prop::collection::vec(any::<u8>(), 0..200), body: Vec<u8>) {
        let key = Epoch::new(1).key.public();
        prop_assert!(accept(&header, body, &key).is_err());
    }
}
