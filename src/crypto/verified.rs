//! Verdicts on signatures, shared by all nodes of one simulation; not compiled into anything else.
//!
//! Whether a signature fits is a function of key, message and signature. A simulation hands the same entry to dozens of
//! nodes in one process, and each would do the same 50 µs of curve arithmetic on the same bytes; here the first one's
//! verdict is kept under the BLAKE3 hash of the three and the others are told it. Nothing else is shared: every node
//! still decodes, hashes the body, opens, decides.
//!
//! It is off until [`share_verdicts`] is called, for the thread that called it, and ends with what that returns.
//!
//! Source: docs/protocol.md 3.4 (validity depends on bytes alone).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::VerifyError;

/// Verdicts kept at most; then they are forgotten and made anew. *chosen: 64 bytes each, 256 MiB*
const VERDICT_LIMIT: usize = 4 * 1024 * 1024;

type Verdicts = BTreeMap<[u8; 32], Result<(), VerifyError>>;

thread_local! {
    static SHARED: RefCell<Option<Verdicts>> = const { RefCell::new(None) };
}

/// As long as this lives, its thread makes no verdict twice.
#[derive(Debug)]
#[must_use = "sharing ends when this is dropped"]
pub struct Sharing(PhantomData<*const ()>);

/// Shares verdicts on signatures among everything that runs on this thread.
pub fn share_verdicts() -> Sharing {
    SHARED.with_borrow_mut(|shared| *shared = Some(Verdicts::new()));
    Sharing(PhantomData)
}

impl Drop for Sharing {
    fn drop(&mut self) {
        SHARED.with_borrow_mut(|shared| *shared = None);
    }
}

/// All three have fixed places: key and signature are of fixed length, the message is what is between.
fn place(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key).update(message).update(signature);
    *hasher.finalize().as_bytes()
}

pub(super) fn known(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Option<Result<(), VerifyError>> {
    SHARED.with_borrow(|shared| shared.as_ref()?.get(&place(key, message, signature)).copied())
}

pub(super) fn note(key: &[u8; 32], message: &[u8], signature: &[u8; 64], verdict: Result<(), VerifyError>) {
    SHARED.with_borrow_mut(|shared| {
        let Some(verdicts) = shared else { return };
        if verdicts.len() >= VERDICT_LIMIT {
            verdicts.clear();
        }
        verdicts.insert(place(key, message, signature), verdict);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Domain, Entropy, Signature, SigningKey};

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
        assert_eq!(SHARED.with_borrow(|s| s.as_ref().map(BTreeMap::len)), Some(5));
        drop(sharing);
        assert!(SHARED.with_borrow(Option::is_none));
    }
}
