//! Claims: that an epoch is its author's own, before its keys or grants count.
//!
//! An epoch key signs `author_root ‖ es_commit`. Without that, a member could hand on "this epoch is mine" first and
//! have Alice's posts shown as his: an unknown key share. The claim is signed by the epoch key and not by Alice, so it
//! proves nothing to outsiders; that it came in a parcel of Alice's is what proves it to the recipient.
//!
//! [`VerifiedEpochKeys`] and [`VerifiedGrants`] can be made in no other way than by checking the claim against the
//! person who sent the parcel.
//!
//! Source: docs/protocol.md 3.1, 3.6; invariant I29.

use std::collections::BTreeMap;

use super::item::{Class, EpochKeys, Grants, Item, Relay};
use crate::crypto::{ContentKey, Domain, EpochSecret, Signature, SigningKey, VerifyingKey, keys};
use crate::id::{EntryId, EpochId, UserId};
use crate::time::Day;

/// The claim does not fit: another author, another secret, or another key signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the epoch's claim does not name this author and this secret")]
pub struct ClaimError;

/// The claim of an epoch key.
pub fn sign_claim(epoch_key: &SigningKey, author: &UserId, es_commit: &[u8; 32]) -> Signature {
    epoch_key.sign(Domain::Epoch, &claimed(author, es_commit))
}

/// Checks a claim.
///
/// # Errors
/// [`ClaimError`].
///
/// # Cost
/// One strict verification.
pub fn verify_claim(
    epoch_pub: &VerifyingKey,
    author: &UserId,
    es_commit: &[u8; 32],
    claim: &Signature,
) -> Result<(), ClaimError> {
    epoch_pub.verify(Domain::Epoch, &claimed(author, es_commit), claim).map_err(|_| ClaimError)
}

fn claimed(author: &UserId, es_commit: &[u8; 32]) -> Vec<u8> {
    [author.as_bytes().as_slice(), es_commit].concat()
}

/// The item that hands out the keys of an epoch of `author`'s.
pub fn epoch_keys_item(
    epoch_key: &SigningKey,
    secret: &EpochSecret,
    author: &UserId,
    opened_day: Day,
    class: Class,
    relay: Relay,
) -> Item {
    let claim = sign_claim(epoch_key, author, &keys::es_commit(secret));
    let (epoch_pub, secret) = (epoch_key.public(), secret.clone());
    Item::EpochKeys(EpochKeys { epoch_pub, secret, claim, opened_day, class, relay })
}

/// Keys of an epoch that is its author's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEpochKeys {
    author: UserId,
    epoch: EpochId,
    keys: EpochKeys,
}

impl VerifiedEpochKeys {
    /// Checks the claim of keys that came in a parcel of `sender`'s.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn check(keys: EpochKeys, sender: &UserId) -> Result<Self, ClaimError> {
        verify_claim(&keys.epoch_pub, sender, &keys::es_commit(&keys.secret), &keys.claim)?;
        let epoch = keys::epoch_id(keys.epoch_pub.as_bytes());
        Ok(Self { author: *sender, epoch, keys })
    }

    /// Whose epoch it is.
    pub const fn author(&self) -> &UserId {
        &self.author
    }

    /// Its id.
    pub const fn epoch(&self) -> &EpochId {
        &self.epoch
    }

    /// Its keys.
    pub const fn keys(&self) -> &EpochKeys {
        &self.keys
    }
}

/// Grants for entries of an epoch that is its author's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedGrants {
    author: UserId,
    epoch: EpochId,
    grants: Grants,
}

impl VerifiedGrants {
    /// Checks the claim of grants that came in a parcel of `sender`'s. Whether a key opens its entry shows when the
    /// entry is there: its header commits to the key.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn check(grants: Grants, sender: &UserId) -> Result<Self, ClaimError> {
        verify_claim(&grants.epoch_pub, sender, &grants.es_commit, &grants.claim)?;
        let epoch = keys::epoch_id(grants.epoch_pub.as_bytes());
        Ok(Self { author: *sender, epoch, grants })
    }

    /// Whose epoch it is.
    pub const fn author(&self) -> &UserId {
        &self.author
    }

    /// Its id.
    pub const fn epoch(&self) -> &EpochId {
        &self.epoch
    }

    /// Its public key, by which its entries are verified.
    pub const fn epoch_pub(&self) -> &VerifyingKey {
        &self.grants.epoch_pub
    }

    /// What the claim commits to.
    pub const fn es_commit(&self) -> &[u8; 32] {
        &self.grants.es_commit
    }

    /// The claim.
    pub const fn claim(&self) -> &Signature {
        &self.grants.claim
    }

    /// The keys by number and entry.
    pub const fn keys(&self) -> &BTreeMap<(u64, EntryId), ContentKey> {
        &self.grants.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::unhex;

    fn author(byte: u8) -> UserId {
        UserId::from_bytes([byte; 32])
    }

    fn epoch_keys(byte: u8) -> EpochKeys {
        let (key, secret) = (SigningKey::from_seed(&[0x22; 32]), EpochSecret::from_bytes([0x11; 32]));
        match epoch_keys_item(&key, &secret, &author(byte), Day(20_500), Class::Posts, Relay::Members) {
            Item::EpochKeys(keys) => keys,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_claim_is_that_of_the_project_vector() {
        let expected = unhex::<64>(
            "9e72c341f7f9467c2caaeb2428fc5b8bfcbb5bfe9d7741e6bfeca98c85c5f3b692efcc77c5273079f14b47c32e4f8ae2144fa472e9a5\
             0c3469c1f07158b64a0e",
        );
        assert_eq!(Ok(*epoch_keys(5).claim.as_bytes()), expected);
    }

    #[test]
    fn keys_count_for_the_author_who_claims_them_and_for_nobody_else() {
        let keys = epoch_keys(5);
        let verified = VerifiedEpochKeys::check(keys.clone(), &author(5)).expect("own");
        assert_eq!(verified.epoch().to_string(), "105d2f76a5c9ce9b187419d27a68be32");
        // A member hands on the author's keys as his own.
        assert_eq!(VerifiedEpochKeys::check(keys, &author(6)), Err(ClaimError));
    }

    #[test]
    fn a_claim_over_another_secret_or_by_another_key_is_refused() {
        let other_secret = EpochKeys { secret: EpochSecret::from_bytes([0x12; 32]), ..epoch_keys(5) };
        assert_eq!(VerifiedEpochKeys::check(other_secret, &author(5)), Err(ClaimError));
        let other_key = EpochKeys { epoch_pub: SigningKey::from_seed(&[0x23; 32]).public(), ..epoch_keys(5) };
        assert_eq!(VerifiedEpochKeys::check(other_key, &author(5)), Err(ClaimError));
        // The mallory who makes a claim of his own, for a key that is not his.
        let mallory = sign_claim(&SigningKey::from_seed(&[9; 32]), &author(6), &[0; 32]);
        let stolen = EpochKeys { claim: mallory, ..epoch_keys(5) };
        assert_eq!(VerifiedEpochKeys::check(stolen, &author(6)), Err(ClaimError));
        // A key of small order would verify anything.
        let small = EpochKeys { epoch_pub: VerifyingKey::from_bytes([0; 32]), ..epoch_keys(5) };
        assert_eq!(VerifiedEpochKeys::check(small, &author(5)), Err(ClaimError));
    }

    #[test]
    fn every_changed_bit_of_a_claim_is_refused() {
        for at in 0..64 {
            let mut bytes = *epoch_keys(5).claim.as_bytes();
            bytes[at] ^= 1;
            let keys = EpochKeys { claim: Signature::from_bytes(bytes), ..epoch_keys(5) };
            assert_eq!(VerifiedEpochKeys::check(keys, &author(5)), Err(ClaimError), "byte {at}");
        }
    }

    fn grants() -> Grants {
        let EpochKeys { epoch_pub, secret, claim, .. } = epoch_keys(5);
        let key = ContentKey::from_bytes([3; 32]);
        let keys = BTreeMap::from([((7, EntryId::from_bytes([1; 32])), key)]);
        Grants { epoch_pub, es_commit: keys::es_commit(&secret), claim, keys }
    }

    #[test]
    fn only_the_author_may_grant() {
        let verified = VerifiedGrants::check(grants(), &author(5)).expect("own");
        assert_eq!(verified.epoch().to_string(), "105d2f76a5c9ce9b187419d27a68be32");
        assert_eq!(verified.keys().len(), 1);
        assert_eq!(VerifiedGrants::check(grants(), &author(6)), Err(ClaimError));
        let other_epoch = Grants { epoch_pub: SigningKey::from_seed(&[0x23; 32]).public(), ..grants() };
        assert_eq!(VerifiedGrants::check(other_epoch, &author(5)), Err(ClaimError));
        assert_eq!(
            VerifiedGrants::check(Grants { es_commit: [0; 32], ..grants() }, &author(5)),
            Err(ClaimError)
        );
    }

    #[test]
    fn no_epoch_secret_or_content_key_is_printed() {
        let shown = format!("{:?} {:?}", epoch_keys(5), grants());
        assert!(shown.contains("EpochSecret(…)") && shown.contains("ContentKey(…)"));
        assert!(!shown.contains("17, 17") && !shown.contains("1111"), "{shown}");
    }
}
