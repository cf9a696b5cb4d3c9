//! What a search looks for: words, compared without case and, in the Latin script, without accents.
//!
//! A word is found wherever it stands, inside longer words too: scripts without spaces need that, and in the others it
//! finds "lake" in "lakeside". All words must occur in a moment, each anywhere in it.
//!
//! No word stands on the disk for this (docs/adr/0009-all-of-moments.md): the sealed posts are opened and compared, a
//! bounded run at a time (`pages`). What it does not do: comments (each thread would be one more read), stems, synonyms.
//!
//! Source: docs/protocol.md 3.10.

use std::sync::LazyLock;

use crate::error::{Error, Result as Said};
use crate::limits::{SEARCH_TEXT_LIMIT, SEARCH_WORD_LIMIT};
use crate::moment::Post;

/// Which words were found so far: one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found(u32);

/// The words of a search, folded.
#[derive(Debug, Clone)]
pub(super) struct Words(Vec<String>);

impl Words {
    /// Reads what a person typed.
    pub(super) fn parse(text: &str) -> Said<Self> {
        if text.len() > SEARCH_TEXT_LIMIT {
            return Err(Error::refused(
                "search_limit",
                format!("a search of {} bytes; at most {SEARCH_TEXT_LIMIT} are looked for", text.len()),
                "search for fewer words",
            )
            .with("limit", SEARCH_WORD_LIMIT));
        }
        let mut words: Vec<String> =
            text.split_whitespace().map(folded).filter(|word| !word.is_empty()).collect();
        if words.len() > SEARCH_WORD_LIMIT {
            return Err(Error::refused(
                "search_limit",
                format!("a search for {} words; at most {SEARCH_WORD_LIMIT} are looked for", words.len()),
                "search for fewer words",
            )
            .with("limit", SEARCH_WORD_LIMIT));
        }
        if words.is_empty() {
            return Err(Error::usage("no_words", "there is no word to search for", "say at least one word"));
        }
        words.sort_unstable();
        words.dedup();
        Ok(Self(words))
    }

    /// Whether every word was found.
    fn all(&self, found: Found) -> bool {
        usize::try_from(found.0.count_ones()) == Ok(self.0.len())
    }

    /// Adds what occurs in a text.
    fn look(&self, found: &mut Found, text: &str) {
        if text.is_empty() || self.all(*found) {
            return;
        }
        let folded = folded(text);
        for (at, word) in (0u32..).zip(&self.0) {
            let bit = 1u32.checked_shl(at).unwrap_or(0);
            if found.0 & bit == 0 && folded.contains(word.as_str()) {
                found.0 |= bit;
            }
        }
    }

    /// What occurs in an author's name.
    pub(super) fn in_name(&self, name: &str) -> Found {
        let mut found = Found::default();
        self.look(&mut found, name);
        found
    }

    /// Whether all words occur in a post, with those that its author's name holds.
    pub(super) fn are_in(&self, post: &Post, in_name: Found) -> bool {
        let mut found = in_name;
        let values = post.public.values();
        self.look(&mut found, &values.text);
        if let Some(place) = &values.place {
            self.look(&mut found, &place.name);
        }
        if let Some(link) = &values.link {
            for text in [&link.title, &link.site, &link.description] {
                self.look(&mut found, text);
            }
        }
        if let Some(mood) = &values.mood {
            self.look(&mut found, &mood.emoji);
            self.look(&mut found, &mood.text);
        }
        for medium in &values.media {
            self.look(&mut found, &medium.alt);
        }
        self.all(found)
    }
}

/// A text as it is compared: small letters, Latin ones without accents, full-width forms as plain ones.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter.to_ascii_lowercase());
        } else {
            fold(letter, &mut out);
        }
    }
    out
}

fn fold(letter: char, out: &mut String) {
    let code = u32::from(letter);
    let latin = match code {
        // Accents that stand behind their letter.
        0x300..=0x36f => return,
        0xc0..=0x24f => nth(&LATIN_LETTERS, code.saturating_sub(0xc0)),
        0x1e00..=0x1eff => nth(&MORE_LETTERS, code.saturating_sub(0x1e00)),
        0xff01..=0xff5e => {
            char::from_u32(code.saturating_sub(0xfee0)).map(|plain| plain.to_ascii_lowercase())
        }
        _ => None,
    };
    match latin {
        Some('ß') => out.push_str("ss"),
        Some('æ') => out.push_str("ae"),
        Some('œ') => out.push_str("oe"),
        Some(latin) => out.push(latin),
        None => out.extend(letter.to_lowercase()),
    }
}

fn nth(table: &[char], at: u32) -> Option<char> {
    table.get(usize::try_from(at).ok()?).copied()
}

/// The tables, letter by letter.
static LATIN_LETTERS: LazyLock<Vec<char>> = LazyLock::new(|| LATIN.chars().collect());
static MORE_LETTERS: LazyLock<Vec<char>> = LazyLock::new(|| LATIN_MORE.chars().collect());

/// The letters U+00C0 to U+024F, each as it is compared. (Unicode's decompositions; letters with strokes by their shape.)
const LATIN: &str = "\
    aaaaaaæceeeeiiiiðnooooo×ouuuuyþßaaaaaaæceeeeiiiiðnooooo÷ouuuuyþy\
    aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiĳĳjjkkĸllllllŀŀllnnnnnnnŋŋooooooœœrrrrrrsssssssstttttt\
    uuuuuuuuuuuuwwyyyzzzzzzs\
    ƀɓƃƃƅƅɔƈƈɖɗƌƌƍǝəɛƒƒɠɣƕɩɨƙƙƚƛɯɲƞɵooƣƣƥƥʀƨƨʃƪƫƭƭʈuuʊʋƴƴƶƶʒƹƹƺƻƽƽƾƿǀǁǂǃǆǆǆǉǉǉǌǌǌ\
    aaiioouuuuuuuuuuǝaaaaææǥǥggkkooooʒʒjǳǳǳggƕƿnnaaææooaaaaeeeeiiiioooorrrruuuussttȝȝhhƞȡȣȣȥȥaaeeooooooooyy\
    ȴȵȶȷȸȹⱥȼȼƚⱦȿɀɂɂƀʉʌɇɇɉɉɋɋɍɍɏɏ";

/// The letters U+1E00 to U+1EFF, likewise.
const LATIN_MORE: &str = "\
    aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoooooooopppprrrrrrrr\
    ssssssssssttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwyẚsẜẝßẟ\
    aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyyỻỻỽỽỿỿ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_compared_without_case_and_accents() {
        for (text, expected) in [
            ("Crème BRÛLÉE", "creme brulee"),
            ("Straße, ØRSTED, Łódź, Ærø", "strasse, orsted, lodz, aero"),
            ("Việt Nam", "viet nam"),
            ("e\u{301}cole", "ecole"),
            ("İstanbul ığdır", "istanbul igdir"),
            ("ＴＯＫＹＯ２０２６", "tokyo2026"),
            ("ΑΘΗΝΑ Привет 今天天气", "αθηνα привет 今天天气"),
            ("×÷ ȳ ɏ Ỿ", "×÷ y ɏ ỿ"),
        ] {
            assert_eq!(folded(text), expected);
        }
    }

    #[test]
    fn the_tables_are_as_long_as_what_they_stand_for() {
        assert_eq!(LATIN.chars().count(), 0x24f - 0xc0 + 1);
        assert_eq!(LATIN_MORE.chars().count(), 0x1eff - 0x1e00 + 1);
        // A letter that has no other form is itself.
        for (table, first) in [(LATIN, 0xc0), (LATIN_MORE, 0x1e00)] {
            for (at, letter) in (first..).zip(table.chars()) {
                let own = char::from_u32(at).expect("a letter");
                assert!(letter.is_ascii() || letter.is_lowercase() || letter == own, "{own} is {letter}");
            }
        }
    }

    #[test]
    fn every_word_must_occur_and_may_stand_inside_another() {
        let finds = |words: &str, text: &str| {
            let words = Words::parse(words).expect("words");
            words.all(words.in_name(text))
        };
        assert!(finds("天气", "今天天气很好"));
        assert!(finds("lake  SUN", "Sunset at the lakeside"));
        assert!(!finds("lake moon", "Sunset at the lakeside"));
        assert!(finds("lake lake", "the lake"));
        assert!(finds("a b a", "a b"), "a word said twice is looked for once, wherever it stands");
    }

    #[test]
    fn a_search_of_the_limit_is_made_and_one_more_is_refused_by_name() {
        let longest = "x".repeat(SEARCH_TEXT_LIMIT);
        assert!(Words::parse(&longest).is_ok());
        let error = Words::parse(&format!("{longest}x")).expect_err("too long");
        assert_eq!((error.kind.exit_code(), error.code), (5, "search_limit"));
        assert!(error.message.contains(&SEARCH_TEXT_LIMIT.to_string()));
        let most: Vec<String> = (0..SEARCH_WORD_LIMIT).map(|n| format!("w{n}")).collect();
        let words = Words::parse(&most.join(" ")).expect("as many as may be");
        assert!(words.all(words.in_name(&most.join(" "))), "each has a bit of its own");
        let error = Words::parse(&format!("{} more", most.join(" "))).expect_err("too many");
        assert_eq!((error.kind.exit_code(), error.code), (5, "search_limit"));
        assert!(error.message.contains(&SEARCH_WORD_LIMIT.to_string()));
        assert_eq!(Words::parse(" \t").expect_err("nothing").kind.exit_code(), 2);
    }
}
