//! Sharing on: what the two signatures hold, and what breaks them.

use super::*;
use crate::crypto::{Entropy, SigningKey, VerifyError};

struct Author {
    root: UserId,
    device_key: SigningKey,
    device: DeviceId,
    cert: Signature,
}

impl Author {
    fn new(number: u64) -> Self {
        let mut entropy = Entropy::from_number(number);
        let (root_key, device_key) = (SigningKey::random(&mut entropy), SigningKey::random(&mut entropy));
        let root = UserId::from_bytes(*root_key.public().as_bytes());
        let device = DeviceId::from_bytes(*device_key.public().as_bytes());
        Self { root, device, cert: certify_device(&root_key, &device), device_key }
    }

    fn share(&self, public: &PublicPart) -> Share {
        let share_id = [9; 16];
        let sig = sign_share(&self.device_key, &self.root, &share_id, CREATED, public.bytes());
        Share { share_id, device: self.device, cert: self.cert, sig }
    }
}

#[test]
fn a_shared_moment_proves_its_first_author_down_the_chain() {
    let alice = Author::new(1);
    let mut shareable = text_post("pass it on");
    shareable.private.share = Some(alice.share(&shareable.public));
    assert_eq!(shareable.verify_share(&alice.root, CREATED), Ok(true));

    // Bob shares it on, Carol shares Bob's: both repeat Alice's part, byte for byte.
    let from = SharedFrom {
        root: alice.root,
        created: CREATED,
        share: shareable.private.share.clone().expect("just signed"),
        public: shareable.public.clone(),
    };
    let mut bobs = text_post("look at this");
    bobs.private.shared_from = Some(Box::new(from.clone()));
    let read = Content::decode(&post(bobs).encode().expect("fits")).expect("a post");
    let Body::Post(read) = read.body else { panic!("a post") };
    let carried = read.private.shared_from.expect("carried");
    assert_eq!(*carried, from);
    assert_eq!(carried.verify(), Ok(()));
}

#[test]
fn a_moment_without_consent_proves_nothing() {
    assert_eq!(text_post("private").verify_share(&Author::new(1).root, CREATED), Ok(false));
}

/// One row per thing that the signatures hold.
#[test]
fn a_share_with_anything_changed_does_not_verify() {
    let (alice, mallory) = (Author::new(1), Author::new(2));
    let public = text_post("mine").public;
    let share = alice.share(&public);
    assert_eq!(verify_share(&alice.root, CREATED, &share, public.bytes()), Ok(()));
    let later = ClaimedTime::from_millis(CREATED.as_millis() + 1);
    let other_text = text_post("Mine").public;
    for (name, root, created, share, public) in [
        ("another root", mallory.root, CREATED, share.clone(), &public),
        ("another time", alice.root, later, share.clone(), &public),
        ("another text", alice.root, CREATED, share.clone(), &other_text),
        ("another share id", alice.root, CREATED, Share { share_id: [8; 16], ..share.clone() }, &public),
        ("another device", alice.root, CREATED, Share { device: mallory.device, ..share.clone() }, &public),
        ("another certificate", alice.root, CREATED, Share { cert: mallory.cert, ..share.clone() }, &public),
        ("another signature", alice.root, CREATED, Share { sig: share.cert, ..share.clone() }, &public),
        ("another's share", alice.root, CREATED, mallory.share(&public), &public),
    ] {
        assert_eq!(verify_share(&root, created, &share, public.bytes()), Err(VerifyError), "{name}");
    }
}

#[test]
fn a_device_certified_by_a_stranger_does_not_make_its_moments_the_strangers() {
    let (alice, mut mallory) = (Author::new(1), Author::new(2));
    let public = text_post("mine").public;
    // Mallory certifies Alice's device under his own root, and shows her genuine signature.
    let root_key = SigningKey::random(&mut Entropy::from_number(2));
    mallory.cert = certify_device(&root_key, &alice.device);
    let stolen = Share { cert: mallory.cert, ..alice.share(&public) };
    assert_eq!(verify_share(&mallory.root, CREATED, &stolen, public.bytes()), Err(VerifyError));
}

#[test]
fn a_shared_moment_has_no_pictures_and_no_consent_of_its_own() {
    let alice = Author::new(1);
    let public = text_post("mine").public;
    let from = SharedFrom { root: alice.root, created: CREATED, share: alice.share(&public), public };
    let mut sharing = text_post("look");
    sharing.private.shared_from = Some(Box::new(from));
    assert!(sharing.encode().is_ok());
    let mut signing = sharing.clone();
    signing.private.share = Some(share(1));
    assert!(signing.encode().is_err());
    let mut showing = sharing;
    let values = PublicValues { media: vec![media(1)], ..PublicValues::default() };
    showing.public = PublicPart::new(&values).expect("fits");
    showing.private.media_keys = vec![media_keys(1)];
    assert!(showing.encode().is_err());
}

#[test]
fn a_shared_moment_brings_keys_for_its_pictures() {
    let alice = Author::new(1);
    let values = PublicValues { media: vec![media(1), media(2)], ..PublicValues::default() };
    let public = PublicPart::new(&values).expect("fits");
    let from = SharedFrom { root: alice.root, created: CREATED, share: alice.share(&public), public };
    let mut sharing = text_post("look");
    sharing.private.shared_from = Some(Box::new(from));
    assert!(sharing.encode().is_err());
    sharing.private.media_keys = vec![media_keys(3), media_keys(4)];
    assert_eq!(sharing.media().len(), 2);
    assert!(sharing.encode().is_ok());
}
