//! What curve arithmetic gives, shared by all nodes of one simulation; not compiled into anything else.
//!
//! Whether a signature fits is a function of key, message and signature; what two keys agree on is one of the two keys;
//! what a parcel opens to is one of key, context and ciphertext. A simulation hands the same entry to dozens of nodes in one
//! process, and the same two devices agree on the same secret for every parcel between them; here the first result is kept
//! under the BLAKE3 hash of all that it follows from, and the others are told it. Nothing else is shared: every node
//! still decodes, hashes the body, opens entries, decides.
//!
//! It is off until [`share_verdicts`] is called, for the thread that called it and those that it hands them to
//! ([`Sharing::shared`]), and ends with what that returns.
//!
//! Source: docs/protocol.md 3.4 (validity depends on bytes alone).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::VerifyError;

/// Results kept of a kind at most; then they are forgotten and made anew. *chosen: about 100 bytes each, 400 MiB*
const RESULT_LIMIT: usize = 4 * 1024 * 1024;
/// Parcels on their way of which it is known what they open to; likewise. *chosen: 1 to 2 KiB each, 256 MiB*
const PARCEL_LIMIT: usize = 128 * 1024;

type Place = [u8; 32];

#[derive(Debug, Default)]
struct Results {
    verdicts: BTreeMap<Place, Result<(), VerifyError>>,
    publics: BTreeMap<Place, [u8; 32]>,
    agreements: BTreeMap<Place, [u8; 32]>,
    parcels: BTreeMap<Place, Vec<u8>>,
}

thread_local! {
    static SHARED: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// Results, to be used on another thread as well.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Results>>);

impl Shared {
    /// Shares them on this thread, too.
    pub fn here(self) -> Sharing {
        SHARED.with_borrow_mut(|shared| *shared = Some(self.clone()));
        Sharing(self, PhantomData)
    }

    fn results(&self) -> MutexGuard<'_, Results> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As long as this lives, its thread works nothing out twice.
#[derive(Debug)]
#[must_use = "sharing ends when this is dropped"]
pub struct Sharing(Shared, PhantomData<*const ()>);

impl Sharing {
    /// What is shared, for another thread.
    pub fn shared(&self) -> Shared {
        self.0.clone()
    }
}

/// Shares what follows from keys and bytes among everything that runs on this thread.
pub fn share_verdicts() -> Sharing {
    Shared::default().here()
}

impl Drop for Sharing {
    fn drop(&mut self) {
        SHARED.with_borrow_mut(|shared| *shared = None);
    }
}

/// What this thread shares with others.
fn shared() -> Option<Shared> {
    SHARED.with_borrow(Clone::clone)
}

/// Where a result stands. Parts of a length that is not fixed are told apart by it.
fn place(parts: &[&[u8]]) -> Place {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        let len = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hasher.update(&len.to_be_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}

fn note<T>(list: &mut BTreeMap<Place, T>, limit: usize, place: Place, result: T) {
    if list.len() >= limit {
        list.clear();
    }
    list.insert(place, result);
}

/// What is at a place of one of the lists, or what `work` gives, which then stands there.
fn once<T: Copy>(
    list: fn(&mut Results) -> &mut BTreeMap<Place, T>,
    parts: &[&[u8]],
    work: impl FnOnce() -> T,
) -> T {
    let Some(shared) = shared() else { return work() };
    let place = place(parts);
    if let Some(known) = list(&mut shared.results()).get(&place).copied() {
        return known;
    }
    // Whoever works on the same meanwhile comes to the same.
    let result = work();
    note(list(&mut shared.results()), RESULT_LIMIT, place, result);
    result
}

/// The verdict on a signature.
pub(super) fn verdict(
    key: &[u8; 32],
    message: &[u8],
    signature: &[u8; 64],
    work: impl FnOnce() -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    once(|results| &mut results.verdicts, &[key, message, signature], work)
}

/// The public half of a secret.
pub(super) fn public(secret: &[u8; 32], work: impl FnOnce() -> [u8; 32]) -> [u8; 32] {
    once(|results| &mut results.publics, &[secret], work)
}

/// What two keys agree on: the same from either side.
pub(super) fn agreement(ours: &[u8; 32], theirs: &[u8; 32], work: impl FnOnce() -> [u8; 32]) -> [u8; 32] {
    let (low, high) = if ours < theirs { (ours, theirs) } else { (theirs, ours) };
    once(|results| &mut results.agreements, &[low, high], work)
}

/// A parcel was sealed: this is what it will open to.
pub(super) fn sealed(parts: &[&[u8]], plaintext: &[u8]) {
    if let Some(shared) = shared() {
        note(&mut shared.results().parcels, PARCEL_LIMIT, place(parts), plaintext.to_vec());
    }
}

/// What a parcel opens to, if it was sealed here and not opened since.
pub(super) fn opened(parts: &[&[u8]]) -> Option<Vec<u8>> {
    shared()?.results().parcels.remove(&place(parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{
        Domain, Entropy, PairKey, PskContext, SealPublic, SealSecret, Signature, SigningKey, hpke_open,
        hpke_seal,
    };

    #[test]
    fn a_shared_verdict_is_that_of_the_same_key_bytes_and_signature_alone() {
        let mut entropy = Entropy::from_number(1);
        let (key, other) = (SigningKey::random(&mut entropy), SigningKey::random(&mut entropy));
        let signature = key.sign(Domain::Entry, b"bytes");
        let mut bent = *signature.as_bytes();
        bent[5] ^= 1;
        let bent = Signature::from_bytes(bent);
        let look = |_: &str| {
            [
                key.public().verify(Domain::Entry, b"bytes", &signature).is_ok(),
                key.public().verify(Domain::Entry, b"bytes", &bent).is_ok(),
                key.public().verify(Domain::Entry, b"Bytes", &signature).is_ok(),
                key.public().verify(Domain::Device, b"bytes", &signature).is_ok(),
                other.public().verify(Domain::Entry, b"bytes", &signature).is_ok(),
            ]
        };
        let alone = look("alone");
        let sharing = share_verdicts();
        assert_eq!(look("first"), alone);
        assert_eq!(look("again"), alone);
        assert_eq!(alone, [true, false, false, false, false]);
        assert_eq!(sharing.shared().results().verdicts.len(), 5);
        drop(sharing);
        assert!(shared().is_none());
    }

    #[test]
    fn shared_agreements_are_those_of_the_same_two_keys_and_bad_keys_stay_bad() {
        let mut entropy = Entropy::from_number(2);
        let secrets: Vec<SealSecret> = (0..3).map(|_| SealSecret::random(&mut entropy)).collect();
        let look = || -> Vec<_> {
            let publics: Vec<SealPublic> = secrets.iter().map(SealSecret::public).collect();
            let small = SealPublic::from_bytes([0; 32]);
            let pairs = secrets.iter().flat_map(|secret| {
                publics.iter().chain([&small]).map(|public| secret.agree(public).ok()).collect::<Vec<_>>()
            });
            pairs.collect()
        };
        let alone = look();
        let _sharing = share_verdicts();
        assert_eq!(look(), alone);
        assert_eq!(look(), alone);
        assert_eq!(alone.iter().filter(|agreed| agreed.is_none()).count(), 3);
    }

    #[test]
    fn a_sealed_parcel_opens_once_from_memory_and_then_by_arithmetic_and_only_under_its_context() {
        let mut entropy = Entropy::from_number(3);
        let (bob, eve) = (SealSecret::random(&mut entropy), SealSecret::random(&mut entropy));
        let psk = PairKey::from_bytes([1; 32]);
        let context = |aad| PskContext { psk: &psk, psk_id: b"id", info: b"info", aad };
        let sharing = share_verdicts();
        let sealed = hpke_seal(&bob.public(), context(b"aad"), b"hello", &mut entropy).expect("seals");
        let open = |secret, aad| hpke_open(secret, context(aad), &sealed.enc, &sealed.ciphertext).ok();
        let held = || sharing.shared().results().parcels.len();
        assert_eq!((open(&eve, b"aad"), open(&bob, b"aae"), held()), (None, None, 1));
        assert_eq!((open(&bob, b"aad"), held()), (Some(b"hello".to_vec()), 0));
        assert_eq!(open(&bob, b"aad"), Some(b"hello".to_vec()));
    }
}
