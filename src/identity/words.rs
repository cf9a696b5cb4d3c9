//! Words that people write down and read to each other, both from the BIP-39 English list.
//!
//! The 24 words *are* the 32 bytes of the root seed, plus a checksum of 8 bits: entropy, not BIP-39's own stretched
//! seed, and no passphrase. Whoever has them is the person.
//!
//! The six safety words are 66 bits of what two people saw while pairing; equal on both sides unless somebody stood in
//! between. They are not secret.
//!
//! Source: docs/protocol.md 3.1.

use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

use crate::crypto::RootSeed;

/// How many words stand for a seed.
const WORD_COUNT: usize = 24;
/// How many words two people compare.
const SAFETY_COUNT: usize = 6;
/// Bits of one word.
const WORD_BITS: usize = 11;

/// Why text is not somebody's 24 words. Never repeats a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WordsError {
    /// Another number of words.
    #[error("there are {actual} words; it takes exactly {WORD_COUNT}")]
    Count {
        /// How many there are; counting stops at 25.
        actual: usize,
    },
    /// A word that is not on the list.
    #[error("word {position} is not one of the list: look for a slip of the pen")]
    Unknown {
        /// Which, beginning at 1.
        position: usize,
    },
    /// All words are on the list and do not belong together.
    #[error("the words do not fit together: one is wrong, or two have changed places")]
    Checksum,
}

/// The 24 words of a person. Comes out only by [`Words::expose_words`].
#[derive(Clone, PartialEq, Eq)]
pub struct Words(RootSeed);

impl Words {
    /// The words of a seed.
    pub const fn new(seed: RootSeed) -> Self {
        Self(seed)
    }

    /// Reads words as a person types them: any white space between them, upper or lower case.
    ///
    /// # Errors
    /// [`WordsError`], with the position of the first wrong word where there is one.
    pub fn parse(text: &str) -> Result<Self, WordsError> {
        let words = || text.split_whitespace().take(WORD_COUNT.saturating_add(1));
        let actual = words().count();
        if actual != WORD_COUNT {
            return Err(WordsError::Count { actual });
        }
        let mut phrase = Zeroizing::new(String::with_capacity(text.len().saturating_add(WORD_COUNT)));
        for (index, word) in words().enumerate() {
            let word = Zeroizing::new(word.to_ascii_lowercase());
            if Language::English.find_word(&word).is_none() {
                return Err(WordsError::Unknown { position: index.saturating_add(1) });
            }
            phrase.push_str(&word);
            phrase.push(' ');
        }
        let mnemonic =
            Mnemonic::parse_in_normalized(Language::English, &phrase).map_err(|_| WordsError::Checksum)?;
        let entropy = Zeroizing::new(mnemonic.to_entropy_array().0);
        let seed = entropy.first_chunk::<32>().ok_or(WordsError::Checksum)?;
        Ok(Self(RootSeed::from_bytes(*seed)))
    }

    /// The seed behind the words.
    pub const fn seed(&self) -> &RootSeed {
        &self.0
    }

    /// The words, to be shown to their owner once and to nobody else.
    pub fn expose_words(&self) -> ExposedWords {
        let mut indices = Zeroizing::new([0; WORD_COUNT]);
        // Invariant: 32 bytes are a legal length of entropy, and they make exactly 24 words.
        if let Ok(mnemonic) = Mnemonic::from_entropy(self.0.expose_bytes()) {
            for (slot, index) in indices.iter_mut().zip(mnemonic.word_indices()) {
                *slot = index;
            }
        }
        ExposedWords(indices)
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words(…)")
    }
}

/// The 24 words laid open: their numbers in the list, zeroed on drop.
pub struct ExposedWords(Zeroizing<[usize; WORD_COUNT]>);

impl ExposedWords {
    /// The words in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|index| word(*index))
    }

    /// The words with a space between them.
    pub fn phrase(&self) -> Zeroizing<String> {
        // Room for the longest words, so that no copy is left behind by growing.
        let mut phrase = Zeroizing::new(String::with_capacity(WORD_COUNT.saturating_mul(9)));
        for word in self.iter() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }
}

impl std::fmt::Debug for ExposedWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExposedWords(…)")
    }
}

/// The six words that two people compare: the first 66 bits of what pairing derived
/// ([`keys::safety`](crate::crypto::keys::safety)).
pub fn safety_words(safety: &[u8; 32]) -> [&'static str; SAFETY_COUNT] {
    let bits = safety.first_chunk::<16>().map_or(0, |head| u128::from_be_bytes(*head));
    std::array::from_fn(|at| {
        let unread = 128_usize.saturating_sub(at.saturating_add(1).saturating_mul(WORD_BITS));
        let index = bits.unbounded_shr(u32::try_from(unread).unwrap_or(u32::MAX)) & 0x7ff;
        word(usize::try_from(index).unwrap_or(0))
    })
}

/// A word of the list by its number, which eleven bits always are.
fn word(index: usize) -> &'static str {
    Language::English.word_list().get(index).copied().unwrap_or_default()
}
