//! The key schedule: every derivation of the protocol as one function, its context string hard-coded once.
//!
//! Read it beside docs/protocol.md 3.1: each function is a line of that table. Inputs are of fixed length, so that
//! `‖` is unambiguous; labels under one key are prefix-distinct. The vectors in `tests/vectors/v1.json` bind each.

use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt as _, hash_derive_key_context};

use super::{
    ContentKey, DevKey, EpochSecret, Gate, Ikey, InviteKey, InviteSecret, Itag, Nonce, PairKey, ReadKey,
    RendezvousKey, ReplyKey, ResumeKey, RootSeed, SealPublic, SigningKey, TagKey, ThreadKey,
};
use crate::id::{DeviceId, EntryId, EpochId, InviteId, NodeId, ParcelId, SealId, UserId};
use crate::time::Day;

/// Which side of a protocol: I opened the stream, R is the other (docs/protocol.md 3.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Opened the stream.
    Initiator,
    /// Answered it.
    Responder,
}

impl Role {
    /// The byte that stands for the role inside a MAC.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Initiator => b'I',
            Self::Responder => b'R',
        }
    }

    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// `KDF(ctx, m)`: BLAKE3 `derive_key`. What follows from the context alone is worked out once, and not with each of the
/// six derivations that a page makes for every moment.
macro_rules! kdf {
    ($context:literal, $parts:expr $(,)?) => {{
        static CONTEXT: LazyLock<ContextKey> = LazyLock::new(|| hash_derive_key_context($context));
        derive(&CONTEXT, $parts)
    }};
}

fn derive(context: &ContextKey, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_from_context_key(context);
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// `MAC(k, m)`: BLAKE3 keyed hash.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in parts {
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// The first `N` bytes of a digest.
fn cut<const N: usize>(digest: [u8; 32]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(digest) {
        *to = from;
    }
    out
}

/// Both nonces and both node keys of one session: what tags and MACs are bound to, so that none can be relayed,
/// reflected or replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionBinding {
    /// The initiator's nonce.
    pub nonce_i: [u8; 32],
    /// The responder's nonce.
    pub nonce_r: [u8; 32],
    /// The initiator's node key.
    pub node_i: NodeId,
    /// The responder's node key.
    pub node_r: NodeId,
}

// ---- identity ----

/// The root signing key of a seed.
pub fn root_key(seed: &RootSeed) -> SigningKey {
    SigningKey::from_seed(&kdf!("tidings v1 root", &[seed.expose_bytes()]))
}

/// The key of vault generation `n` (3.14).
pub fn vault_key(seed: &RootSeed, n: u64) -> [u8; 32] {
    kdf!("tidings v1 vault", &[seed.expose_bytes(), &n.to_be_bytes()])
}

/// The id of a seal key.
pub fn seal_id(public: &SealPublic) -> SealId {
    SealId::from_bytes(cut(kdf!("tidings v1 seal id", &[public.as_bytes()])))
}

// ---- epochs ----

/// The id of an epoch, from its public key.
pub fn epoch_id(epoch_pub: &[u8; 32]) -> EpochId {
    EpochId::from_bytes(cut(kdf!("tidings v1 epoch id", &[epoch_pub])))
}

/// What an epoch's claim commits to.
pub fn es_commit(secret: &EpochSecret) -> [u8; 32] {
    kdf!("tidings v1 es commit", &[secret.expose_bytes()])
}

/// Finds and carries an epoch.
pub fn tag_key(secret: &EpochSecret) -> TagKey {
    TagKey::from_bytes(kdf!("tidings v1 scope tag", &[secret.expose_bytes()]))
}

/// Opens an epoch's entries.
pub fn read_key(secret: &EpochSecret) -> ReadKey {
    ReadKey::from_bytes(kdf!("tidings v1 read", &[secret.expose_bytes()]))
}

/// Rendezvous of a `~contact` epoch.
pub fn rdv_key(secret: &EpochSecret) -> RendezvousKey {
    RendezvousKey::from_bytes(kdf!("tidings v1 rendezvous", &[secret.expose_bytes()]))
}

/// The tag that a side shows for an epoch in a session.
pub fn scope_tag(key: &TagKey, role: Role, session: &SessionBinding) -> [u8; 16] {
    cut(mac(
        key.expose_bytes(),
        &[
            &[role.byte()],
            &session.nonce_i,
            &session.nonce_r,
            session.node_i.as_bytes(),
            session.node_r.as_bytes(),
        ],
    ))
}

// ---- entries ----

/// The key of one entry.
pub fn content_key(key: &ReadKey, seq: u64, nonce: &Nonce) -> ContentKey {
    ContentKey::from_bytes(mac(key.expose_bytes(), &[b"entry", &seq.to_be_bytes(), nonce.as_bytes()]))
}

/// What the signed header says about the content key.
pub fn commit(key: &ContentKey) -> [u8; 32] {
    kdf!("tidings v1 commit", &[key.expose_bytes()])
}

/// The id of an entry, from its header without the signature.
pub fn entry_id(header: &[u8; 122]) -> EntryId {
    EntryId::from_bytes(kdf!("tidings v1 entry id", &[header]))
}

// ---- interactions ----

/// The key of the thread beneath a post.
pub fn thread_key(key: &ContentKey) -> ThreadKey {
    ThreadKey::from_bytes(kdf!("tidings v1 thread", &[key.expose_bytes()]))
}

/// The tag by which an interaction finds its post.
pub fn itag(key: &ThreadKey, writer: &UserId, inonce: &Nonce) -> Itag {
    cut(mac(key.expose_bytes(), &[b"itag", writer.as_bytes(), inonce.as_bytes()]))
}

/// The key of an interaction's inner seal.
pub fn ikey(key: &ThreadKey, writer: &UserId, inonce: &Nonce) -> Ikey {
    Ikey::from_bytes(mac(key.expose_bytes(), &[b"ikey", writer.as_bytes(), inonce.as_bytes()]))
}

/// Held by whoever was given the interaction's entry.
pub fn gate(key: &ContentKey) -> Gate {
    Gate::from_bytes(kdf!("tidings v1 gate", &[key.expose_bytes()]))
}

/// The key of a reply's text: the reply's own ikey and the gate of its target's entry.
pub fn reply_key(ikey: &Ikey, target_gate: &Gate) -> ReplyKey {
    ReplyKey::from_bytes(kdf!("tidings v1 reply", &[ikey.expose_bytes(), target_gate.expose_bytes()]))
}

/// Names a hidden interaction to those who can see it, and to nobody else.
pub fn hide_tag(key: &ThreadKey, interaction: &EntryId) -> [u8; 16] {
    cut(mac(key.expose_bytes(), &[b"hide", interaction.as_bytes()]))
}

/// Names a mentioned friend to that friend alone.
pub fn mention(pair: &PairKey, epoch: &EpochId, nonce: &Nonce) -> [u8; 8] {
    cut(mac(pair.expose_bytes(), &[b"mention", epoch.as_bytes(), nonce.as_bytes()]))
}

// ---- pairing ----

/// The id of an invite.
pub fn invite_id(secret: &InviteSecret) -> InviteId {
    InviteId::from_bytes(cut(kdf!("tidings v1 invite id", &[secret.expose_bytes()])))
}

/// The key of an invite's MACs.
pub fn invite_key(secret: &InviteSecret) -> InviteKey {
    InviteKey::from_bytes(kdf!("tidings v1 invite", &[secret.expose_bytes()]))
}

/// Everything two people who pair have shown each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairTranscript {
    /// Nonces and node keys.
    pub session: SessionBinding,
    /// The initiator's user id.
    pub root_i: UserId,
    /// The responder's user id.
    pub root_r: UserId,
    /// The initiator's seal key.
    pub seal_i: SealPublic,
    /// The responder's seal key.
    pub seal_r: SealPublic,
}

/// The proof of a side that it knows the invite's secret and saw this transcript.
pub fn pair_mac(key: &InviteKey, role: Role, transcript: &PairTranscript) -> [u8; 32] {
    let session = &transcript.session;
    mac(
        key.expose_bytes(),
        &[
            &[role.byte()],
            &session.nonce_i,
            &session.nonce_r,
            session.node_i.as_bytes(),
            session.node_r.as_bytes(),
            transcript.root_i.as_bytes(),
            transcript.root_r.as_bytes(),
            transcript.seal_i.as_bytes(),
            transcript.seal_r.as_bytes(),
        ],
    )
}

/// The pair key, from the invite's secret and the two seal keys' shared secret `dh`.
pub fn pair_key(secret: &InviteSecret, dh: &[u8; 32], transcript: &PairTranscript) -> PairKey {
    PairKey::from_bytes(kdf!(
        "tidings v1 pair",
        &[
            secret.expose_bytes(),
            dh,
            &transcript.session.nonce_i,
            &transcript.session.nonce_r,
            transcript.root_i.as_bytes(),
            transcript.root_r.as_bytes(),
        ],
    ))
}

/// What the safety words are made of: the first 66 bits become 6 words.
pub fn safety(nonce_i: &[u8; 32], nonce_r: &[u8; 32], a: &UserId, b: &UserId) -> [u8; 32] {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    kdf!("tidings v1 safety", &[nonce_i, nonce_r, low.as_bytes(), high.as_bytes()])
}

/// The key of Resume's MACs.
pub fn resume_key(pair: &PairKey) -> ResumeKey {
    ResumeKey::from_bytes(kdf!("tidings v1 resume", &[pair.expose_bytes()]))
}

/// A side's proof in Resume. In the initiator's, the responder's nonce is zeros.
pub fn resume_mac(key: &ResumeKey, role: Role, session: &SessionBinding) -> [u8; 16] {
    cut(mac(
        key.expose_bytes(),
        &[
            &[role.byte()],
            &session.nonce_i,
            &session.nonce_r,
            session.node_i.as_bytes(),
            session.node_r.as_bytes(),
        ],
    ))
}

// ---- parcels ----

/// The mark by which a recipient finds the sender of a parcel.
pub fn from_tag(pair: &PairKey, parcel: &ParcelId) -> [u8; 8] {
    cut(mac(pair.expose_bytes(), &[b"from", parcel.as_bytes()]))
}

/// The key by which two devices' parcels prove the device.
pub fn dev_key(dh: &[u8; 32], from: &DeviceId, to: &DeviceId) -> DevKey {
    DevKey::from_bytes(kdf!("tidings v1 parcel device", &[dh, from.as_bytes(), to.as_bytes()]))
}

/// The proof of a parcel's device over the envelope's head and the inner bytes before the proof.
pub fn dev_mac(key: &DevKey, envelope_head: &[u8; 72], inner: &[u8]) -> [u8; 32] {
    mac(key.expose_bytes(), &[&super::hash(envelope_head), &super::hash(inner)])
}

// ---- finding each other; later releases, bound here so that the vectors hold ----

/// The seed of the day's DHT record (3.16).
pub fn rdv_seed(key: &RendezvousKey, day: Day) -> [u8; 32] {
    mac(key.expose_bytes(), &[b"rdv", &day.0.to_be_bytes()])
}

/// The mark in a beacon on the local network (3.16).
pub fn lan_tag(key: &RendezvousKey, salt: &[u8; 16], slot: u32, ip: &[u8; 16], port: u16) -> [u8; 16] {
    cut(mac(key.expose_bytes(), &[b"lan", salt, &slot.to_be_bytes(), ip, &port.to_be_bytes()]))
}

/// Finds a public channel (3.17).
pub fn channel_tag_key(channel_pub: &[u8; 32], link_key: &[u8; 32]) -> TagKey {
    TagKey::from_bytes(kdf!("tidings v1 channel tag", &[channel_pub, link_key]))
}

/// Whether two MACs are equal, in constant time.
pub fn mac_eq(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

/// A seed from a number, for tests and simulations.
pub(super) fn test_seed(number: u64) -> [u8; 32] {
    kdf!("tidings v1 test seed", &[&number.to_be_bytes()])
}
