//! The words of the page, one file a language: `assets/words/en.json` and whatever lies beside it.
//!
//! A file is one object of key and text. The node fills the frame of a page with them and hands all of them to the page's
//! scripts, so that a translation is one file and nothing else: the node finds it by itself. What a language lacks is
//! taken from English. It decides nothing about numbers and dates, which the browser knows how to say (`lib/words.js`).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Assets;

/// The language that has every word.
pub const FALLBACK: &str = "en";

/// A language: its code as BCP 47 says it, and its words.
#[derive(Debug)]
pub struct Language {
    code: String,
    words: BTreeMap<String, String>,
}

impl Language {
    /// Such as `zh-Hans`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What it calls itself.
    pub fn name(&self) -> &str {
        self.word("language.name")
    }

    /// `ltr` or `rtl`.
    pub fn direction(&self) -> &str {
        self.word("language.direction")
    }

    /// The text of a key; the key itself where there is none, which a test forbids.
    pub fn word<'a>(&'a self, key: &'a str) -> &'a str {
        self.words.get(key).map_or(key, String::as_str)
    }

    /// All words as JSON that may stand inside of a `<script>` block of data: no `<` in it.
    pub fn json(&self) -> String {
        serde_json::to_string(&self.words).unwrap_or_else(|_| "{}".to_owned()).replace('<', "\\u003c")
    }
}

/// Every language there is, English first.
pub fn all() -> &'static [Language] {
    static ALL: OnceLock<Vec<Language>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = |code: &str| -> BTreeMap<String, String> {
            Assets::get(&format!("words/{code}.json"))
                .and_then(|file| serde_json::from_slice(&file.data).ok())
                .unwrap_or_default()
        };
        let english = read(FALLBACK);
        let mut codes: Vec<String> = Assets::iter()
            .filter_map(|path| Some(path.strip_prefix("words/")?.strip_suffix(".json")?.to_owned()))
            .collect();
        codes.sort_by_key(|code| (code != FALLBACK, code.clone()));
        codes
            .into_iter()
            .map(|code| {
                let mut words = english.clone();
                words.extend(read(&code));
                Language { code, words }
            })
            .collect()
    })
}

/// What every language calls itself, by code: a JSON object that may stand inside of a `<script>` block of data.
pub fn names() -> String {
    let names: BTreeMap<&str, &str> =
        all().iter().map(|language| (language.code(), language.name())).collect();
    serde_json::to_string(&names).unwrap_or_else(|_| "{}".to_owned()).replace('<', "\\u003c")
}

/// The language that fits best: the one that was chosen, else what the browser asks for (`Accept-Language`, in its order;
/// weights are already in that order in every browser), else English.
pub fn pick(chosen: Option<&str>, accepted: &str) -> &'static Language {
    let all = all();
    let wanted = accepted.split(',').filter_map(|part| part.split(';').next()).map(str::trim);
    chosen
        .into_iter()
        .chain(wanted)
        .find_map(|wish| all.iter().find(|language| fits(&language.code, wish)))
        .or(all.first())
        .unwrap_or_else(|| unreachable!("English is part of the program"))
}

/// `zh-CN` and `zh` are served by `zh-Hans`: the same first part is near enough.
fn fits(code: &str, wish: &str) -> bool {
    let first = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    code.eq_ignore_ascii_case(wish) || (!wish.is_empty() && first(code) == first(wish))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_everything_that_english_says() {
        let keys = |language: &str| -> BTreeMap<String, String> {
            let file = Assets::get(&format!("words/{language}.json")).unwrap();
            serde_json::from_slice(&file.data).unwrap()
        };
        let english = keys(FALLBACK);
        assert!(all().len() >= 2, "English and Chinese");
        for language in all() {
            let own = keys(language.code());
            for (key, text) in &english {
                // Languages differ in how many forms a number asks for: "other" is the one that all have.
                let counted = ["zero", "one", "two", "few", "many"]
                    .iter()
                    .any(|form| key.ends_with(&format!(".{form}")));
                let said = own.get(key);
                assert!(counted || said.is_some(), "{} lacks {key}", language.code());
                let Some(said) = said else { continue };
                assert_eq!(places(said), places(text), "{}: {key}", language.code());
            }
            let strange: Vec<_> = own.keys().filter(|key| !english.contains_key(*key)).collect();
            assert!(strange.is_empty(), "{} says what English does not: {strange:?}", language.code());
        }
    }

    /// The places of a text, such as `{name}`, in order of name.
    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<&str> =
            text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    #[test]
    fn a_browser_gets_the_first_of_its_languages_that_there_is() {
        let code = |chosen, accepted| pick(chosen, accepted).code();
        assert_eq!(code(None, ""), "en");
        assert_eq!(code(None, "xx"), "en");
        assert_eq!(code(None, "zh-CN,zh;q=0.9,en;q=0.8"), "zh-Hans");
        assert_eq!(code(None, "xx-YY, en-GB;q=0.9, zh"), "en");
        assert_eq!(code(Some("zh-Hans"), "en"), "zh-Hans");
        assert_eq!(code(Some("nowhere"), "zh"), "zh-Hans");
    }

    #[test]
    fn no_word_ends_the_block_it_stands_in() {
        for language in all() {
            assert!(!language.json().contains('<'));
        }
    }
}
