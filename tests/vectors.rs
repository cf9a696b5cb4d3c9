//! The project's vectors: every value of `vectors/v1.json` against the crate's own functions, and against the
//! independent program that made them.
//!
//! The inputs stand at the head of `vectors/oracle.py`. A value on which both agree is frozen with the first release.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use tidings::crypto::keys::{self, PairTranscript, Role, SessionBinding};
use tidings::crypto::{
    ContentKey, Domain, EpochSecret, Ikey, InviteSecret, Nonce, PairKey, RootSeed, SealPublic, Signature,
    SigningKey, ThreadKey, seal,
};
use tidings::entry::{Draft, Entry, Verified, write_with_nonce};
use tidings::id::{DeviceId, EntryId, EpochId, NodeId, ParcelId, UserId, hex, unhex};
use tidings::moment::interaction::open_interaction;
use tidings::moment::{Inner, SealedInteraction, Share, Slot, certify_device, sign_share, verify_share};
use tidings::time::{ClaimedTime, Day};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// The file's values by name.
fn published() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(folder().join("v1.json")).expect("tests/vectors/v1.json");
    serde_json::from_str(&text).expect("names and hex")
}

/// The values the crate makes, by name.
#[derive(Default)]
struct Made(BTreeMap<&'static str, String>);

impl Made {
    fn add(&mut self, name: &'static str, bytes: impl AsRef<[u8]>) {
        assert!(self.0.insert(name, hex(bytes.as_ref())).is_none(), "{name} is made twice");
    }
}

const SEQ: u64 = 7;
const NONCE: Nonce = Nonce::from_bytes([0x44; 24]);
const INONCE: Nonce = Nonce::from_bytes([0xaa; 24]);
const WRITER: UserId = UserId::from_bytes([0x99; 32]);

fn epoch_secret() -> EpochSecret {
    EpochSecret::from_bytes([0x11; 32])
}

fn epoch_key() -> SigningKey {
    SigningKey::from_seed(&[0x22; 32])
}

fn epoch_id() -> EpochId {
    keys::epoch_id(epoch_key().public().as_bytes())
}

fn node(byte: u8) -> NodeId {
    NodeId::from_bytes([byte; 32])
}

fn session(nonce_i: u8, nonce_r: u8) -> SessionBinding {
    SessionBinding { nonce_i: [nonce_i; 32], nonce_r: [nonce_r; 32], node_i: node(0x77), node_r: node(0x88) }
}

fn transcript() -> PairTranscript {
    PairTranscript {
        session: session(3, 4),
        root_i: UserId::from_bytes([5; 32]),
        root_r: UserId::from_bytes([6; 32]),
        seal_i: SealPublic::from_bytes([0x0a; 32]),
        seal_r: SealPublic::from_bytes([0x0b; 32]),
    }
}

fn pair_key() -> PairKey {
    keys::pair_key(&InviteSecret::from_bytes([1; 32]), &[2; 32], &transcript())
}

fn entry() -> Entry<Verified> {
    let draft = Draft {
        epoch_key: &epoch_key(),
        epoch: epoch_id(),
        read_key: &keys::read_key(&epoch_secret()),
        seq: SEQ,
        expire_day: Some(Day(20_500)),
        content: b"hello tidings",
        min_padded: 256,
    };
    write_with_nonce(draft, NONCE).expect("fits")
}

fn content_key() -> ContentKey {
    keys::content_key(&keys::read_key(&epoch_secret()), SEQ, &NONCE)
}

fn thread_key() -> ThreadKey {
    keys::thread_key(&content_key())
}

fn ikey() -> Ikey {
    keys::ikey(&thread_key(), &WRITER, &INONCE)
}

fn slot() -> Slot {
    Slot { writer: WRITER, epoch: epoch_id(), seq: SEQ }
}

fn epoch_values(made: &mut Made) {
    let (secret, key) = (epoch_secret(), epoch_key());
    let es_commit = keys::es_commit(&secret);
    made.add("epoch_pub", key.public().as_bytes());
    made.add("epoch_id", epoch_id().as_bytes());
    made.add("es_commit", es_commit);
    made.add("tag_key", keys::tag_key(&secret).expose_bytes());
    made.add("read_key", keys::read_key(&secret).expose_bytes());
    made.add("rdv_key", keys::rdv_key(&secret).expose_bytes());
    let claim = [[5; 32], es_commit].concat();
    made.add("epoch_claim", key.sign(Domain::Epoch, &claim).as_bytes());
    for (name, role) in [("tag_I", Role::Initiator), ("tag_R", Role::Responder)] {
        made.add(name, keys::scope_tag(&keys::tag_key(&secret), role, &session(0x55, 0x66)));
    }
}

fn entry_values(made: &mut Made) {
    let entry = entry();
    made.add("header_core", &entry.header().bytes()[..122]);
    made.add("body_hash", entry.header().body_hash());
    made.add("commit", entry.header().commit());
    made.add("signature", entry.header().signature().as_bytes());
    made.add("entry_id", entry.id().as_bytes());
    made.add("content_key", content_key().expose_bytes());
}

fn thread_values(made: &mut Made) {
    let gate = keys::gate(&content_key());
    made.add("thread_key", thread_key().expose_bytes());
    made.add("itag", keys::itag(&thread_key(), &WRITER, &INONCE));
    made.add("ikey", ikey().expose_bytes());
    made.add("gate", gate.expose_bytes());
    made.add("reply_key", keys::reply_key(&ikey(), &gate).expose_bytes());
    made.add("mention", keys::mention(&pair_key(), &epoch_id(), &NONCE));
    made.add("hide_tag", keys::hide_tag(&thread_key(), &EntryId::from_bytes([0x10; 32])));
    let inner = Inner::Comment { text: "inner".to_owned() }.encode().expect("fits");
    let aad = [WRITER.as_bytes().as_slice(), epoch_id().as_bytes(), &SEQ.to_be_bytes()].concat();
    made.add("inner_ct", seal(ikey().expose_bytes(), &INONCE, &aad, &inner));
}

fn pairing_values(made: &mut Made) {
    let secret = InviteSecret::from_bytes([1; 32]);
    made.add("invite_id", keys::invite_id(&secret).as_bytes());
    for (name, role) in [("pair_mac_I", Role::Initiator), ("pair_mac_R", Role::Responder)] {
        made.add(name, keys::pair_mac(&keys::invite_key(&secret), role, &transcript()));
    }
    made.add("pair_key", pair_key().expose_bytes());
    let [a, b] = [5, 6].map(|byte| UserId::from_bytes([byte; 32]));
    made.add("safety", keys::safety(&[3; 32], &[4; 32], &a, &b));
    let resume = keys::resume_key(&pair_key());
    let first = SessionBinding { nonce_r: [0; 32], ..session(3, 4) };
    made.add("resume_I", keys::resume_mac(&resume, Role::Initiator, &first));
    made.add("resume_R", keys::resume_mac(&resume, Role::Responder, &session(3, 4)));
}

fn parcel_values(made: &mut Made) {
    let key = keys::dev_key(&[2; 32], &DeviceId::from_bytes([0x0d; 32]), &DeviceId::from_bytes([0x0e; 32]));
    made.add("from_tag", keys::from_tag(&pair_key(), &ParcelId::from_bytes([0x0c; 16])));
    made.add("seal_id", keys::seal_id(&SealPublic::from_bytes([0x0a; 32])).as_bytes());
    made.add("dev_key", key.expose_bytes());
    made.add("dev_mac", keys::dev_mac(&key, &[0x13; 72], b"items"));
}

fn identity_values(made: &mut Made) {
    let seed = RootSeed::from_bytes([9; 32]);
    let (root, device) = (keys::root_key(&seed), SigningKey::from_seed(&[0x12; 32]));
    let user = UserId::from_bytes(*root.public().as_bytes());
    let device_id = DeviceId::from_bytes(*device.public().as_bytes());
    let created = ClaimedTime::from_millis(1_771_200_000_000);
    made.add("root_pub", user.as_bytes());
    made.add("vault_key_1", keys::vault_key(&seed, 1));
    let (cert, share_id) = (certify_device(&root, &device_id), [0x14; 16]);
    let sig = sign_share(&device, &user, &share_id, created, b"public part");
    made.add("device_cert", cert.as_bytes());
    made.add("share_sig", sig.as_bytes());
    let share = Share { share_id, device: device_id, cert, sig };
    assert_eq!(verify_share(&user, created, &share, b"public part"), Ok(()));
}

fn finding_values(made: &mut Made) {
    let rdv = keys::rdv_key(&epoch_secret());
    let mut ip = [0; 16];
    ip[10..].copy_from_slice(&[0xff, 0xff, 192, 168, 1, 23]);
    made.add("rdv_seed", keys::rdv_seed(&rdv, Day(20_500)));
    made.add("lan_tag", keys::lan_tag(&rdv, &[0x0f; 16], 5_904_000, &ip, 4001));
    let channel = keys::channel_tag_key(epoch_key().public().as_bytes(), &[0; 32]);
    made.add("channel_tag_key", channel.expose_bytes());
}

fn all_made() -> Made {
    let mut made = Made::default();
    epoch_values(&mut made);
    entry_values(&mut made);
    thread_values(&mut made);
    pairing_values(&mut made);
    parcel_values(&mut made);
    identity_values(&mut made);
    finding_values(&mut made);
    made
}

#[test]
fn every_published_value_is_made_by_the_crate_and_none_is_left_unchecked() {
    let (made, published) = (all_made(), published());
    for (name, value) in &made.0 {
        assert_eq!(published.get(*name), Some(value), "{name}");
    }
    let ours: BTreeSet<&str> = made.0.keys().copied().collect();
    let theirs: BTreeSet<&str> = published.keys().map(String::as_str).collect();
    assert_eq!(ours, theirs, "the names on either side");
    assert_eq!(published.len(), 41);
}

#[test]
fn the_published_entry_is_known_and_opens() {
    let published = published();
    let core: [u8; 122] = unhex(&published["header_core"]).expect("hex");
    let signature: [u8; 64] = unhex(&published["signature"]).expect("hex");
    let header = [core.as_slice(), &signature].concat();
    // The published values hold the hash of the body, and the body follows from the rest.
    let mut plain = [13u32.to_be_bytes().as_slice(), b"hello tidings"].concat();
    plain.resize(256, 0);
    let body = seal(content_key().expose_bytes(), &NONCE, &core[..90], &plain);
    let entry =
        Entry::from_parts(&header, body).expect("an entry").verify(&epoch_key().public()).expect("known");
    assert_eq!(entry.open(&content_key()).as_deref(), Ok(b"hello tidings".as_slice()));
    assert_eq!(hex(entry.id().as_bytes()), published["entry_id"]);
}

#[test]
fn the_published_interaction_opens_as_a_comment() {
    let published = published();
    let itag = unhex(&published["itag"]).expect("hex");
    let ct: [u8; 22] = unhex(&published["inner_ct"]).expect("hex");
    let sealed = SealedInteraction { itag, inonce: INONCE, ct: ct.to_vec() };
    assert!(sealed.matches(&thread_key(), &WRITER));
    let comment = Inner::Comment { text: "inner".to_owned() };
    assert_eq!(open_interaction(&thread_key(), &slot(), &sealed), Ok(comment));
}

#[test]
fn the_published_share_verifies() {
    let published = published();
    let root = UserId::from_bytes(unhex(&published["root_pub"]).expect("hex"));
    let device = DeviceId::from_bytes(*SigningKey::from_seed(&[0x12; 32]).public().as_bytes());
    let [cert, sig] =
        ["device_cert", "share_sig"].map(|name| Signature::from_bytes(unhex(&published[name]).expect("hex")));
    let share = Share { share_id: [0x14; 16], device, cert, sig };
    let created = ClaimedTime::from_millis(1_771_200_000_000);
    assert_eq!(verify_share(&root, created, &share, b"public part"), Ok(()));
    assert!(verify_share(&root, created, &share, b"public parT").is_err());
}

/// Runs the oracle where Python has what it needs; says so loudly where not, for then only the file was compared.
#[test]
fn the_oracle_still_makes_the_published_values() {
    let python = |arguments: &[&str]| Command::new("python3").args(arguments).output();
    let is_ready = python(&["-c", "import blake3, nacl.signing"]).is_ok_and(|output| output.status.success());
    if !is_ready {
        eprintln!("\n*** THE ORACLE WAS NOT RUN: python3 with blake3 and pynacl is missing");
        eprintln!("*** pip install blake3 pynacl\n");
        return;
    }
    let script = folder().join("oracle.py");
    let output = python(&[script.to_str().expect("a path in UTF-8")]).expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("names and hex");
    let printed: BTreeMap<String, String> = text
        .lines()
        .map(|line| line.split_once(' ').expect("a name and its value"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(printed, published());
}
