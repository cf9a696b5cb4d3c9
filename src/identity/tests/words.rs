//! The 24 words and the six.

use super::*;

const NINES: &str = "animal embark drastic bamboo mountain loyal category cancel \
                     animal embark drastic bamboo mountain loyal category cancel \
                     animal embark drastic bamboo mountain loyal category cover";

#[test]
fn the_words_of_the_protocols_vector_are_its_seed() {
    let words = Words::new(RootSeed::from_bytes([9; 32]));
    assert_eq!(words.expose_words().phrase().as_str(), NINES);
    assert_eq!(words.expose_words().iter().collect::<Vec<_>>(), NINES.split(' ').collect::<Vec<_>>());
    assert_eq!(Words::parse(NINES).expect("the vector").seed(), &RootSeed::from_bytes([9; 32]));
    let typed = format!("  {}\n", NINES.to_uppercase().replace(' ', "\t \n"));
    assert_eq!(Words::parse(&typed), Ok(words));
}

#[test]
fn wrong_words_are_refused_with_what_is_wrong() {
    let parse = |text: &str| Words::parse(text).expect_err("wrong words");
    assert_eq!(parse(""), WordsError::Count { actual: 0 });
    assert_eq!(parse(NINES.rsplit_once(' ').expect("words").0), WordsError::Count { actual: 23 });
    assert_eq!(parse(&format!("{NINES} cover")), WordsError::Count { actual: 25 });
    assert_eq!(parse(&format!("{NINES} {}", "cover ".repeat(100_000))), WordsError::Count { actual: 25 });
    assert_eq!(parse(&NINES.replacen("bamboo", "bambu", 1)), WordsError::Unknown { position: 4 });
    assert_eq!(parse(&NINES.replacen("cover", "cancel", 1)), WordsError::Checksum);
    assert_eq!(parse(&NINES.replacen("animal embark", "embark animal", 1)), WordsError::Checksum);
}

#[test]
fn no_word_prints_itself() {
    let words = Words::new(RootSeed::from_bytes([9; 32]));
    assert_eq!(format!("{words:?} {:?}", words.expose_words()), "Words(…) ExposedWords(…)");
    let errors = [
        Words::parse(&NINES.replacen("bamboo", "bambu", 1)).expect_err("unknown"),
        Words::parse(&NINES.replacen("cover", "cancel", 1)).expect_err("checksum"),
    ];
    for error in errors {
        let shown = format!("{error} {error:?}");
        assert!(NINES.split(' ').chain(["bambu"]).all(|word| !shown.contains(word)), "{shown}");
    }
}

#[test]
fn safety_words_are_the_first_66_bits() {
    assert_eq!(safety_words(&[0; 32]), ["abandon"; 6]);
    assert_eq!(safety_words(&[0xff; 32]), ["zoo"; 6]);
    // One word at a time, counted from the front: 11 bits each, the 67th bit belongs to none.
    for at in 0..6 {
        let mut bits = [0u8; 32];
        let last = at * 11 + 10;
        bits[last / 8] |= 0x80 >> (last % 8);
        let mut expected = ["abandon"; 6];
        expected[at] = "ability";
        assert_eq!(safety_words(&bits), expected);
    }
    let mut bits = [0; 32];
    bits[8] = 0x20;
    assert_eq!(safety_words(&bits), ["abandon"; 6]);
    // The protocol's vector; its words were worked out by another program from the first nine bytes.
    let safety = keys::safety(&[3; 32], &[4; 32], &UserId::from_bytes([5; 32]), &UserId::from_bytes([6; 32]));
    assert!(hex(&safety).starts_with("1fc30a92c8dd9e79d2"));
    assert_eq!(safety_words(&safety), VECTOR_SAFETY_WORDS);
}

const VECTOR_SAFETY_WORDS: [&str; 6] = ["cabin", "blue", "pigeon", "museum", "supreme", "diagram"];

#[test]
fn the_user_id_of_the_words_is_that_of_the_vector() {
    let root: [u8; 32] = unhex(&vector("root_pub")).expect("32 bytes");
    let seed = Words::parse(NINES).expect("the vector");
    assert_eq!(keys::root_key(seed.seed()).public().as_bytes(), &root);
}

fn vector(name: &str) -> String {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors/v1.json")).expect("the vectors");
    all[name].as_str().expect("a vector of this name").to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn words_and_seed_are_the_same_thing(seed: [u8; 32]) {
        let words = Words::new(RootSeed::from_bytes(seed));
        prop_assert_eq!(Words::parse(&words.expose_words().phrase()), Ok(words));
    }
}
