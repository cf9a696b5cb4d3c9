//! How the pages are for their person: the language they chose, and what a desktop may be told.
//!
//! One record, sealed like all others, so that it goes wherever the store goes. Which languages there are is the
//! program's to know; here a code only has the form of one.
//!
//! ```text
//!  Tree::State   'u'   language (empty: none of one's own) ‖ desktop 1
//! ```

use super::Service;
use crate::ask::SettingsDraft;
use crate::error::{Error, Result};
use crate::limits::LANGUAGE_LEN_LIMIT;
use crate::store::Tree;
use crate::view;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

const KEY: &[u8] = b"u";
/// What notices on a desktop say, by code and word.
const DESKTOP: [&str; 3] = ["off", "plain", "names"];

/// As it is kept.
#[derive(Debug, Default, PartialEq, Eq)]
struct Record {
    language: String,
    /// A place in [`DESKTOP`].
    desktop: u8,
}

impl Encode for Record {
    fn encode_to(&self, out: &mut Writer) {
        out.bytes_u16(self.language.as_bytes()).u8(self.desktop);
    }
}

impl Decode for Record {
    fn decode_from(input: &mut Reader<'_>) -> std::result::Result<Self, DecodeError> {
        Ok(Self {
            language: input.text_u16("language", LANGUAGE_LEN_LIMIT)?.to_owned(),
            desktop: input.u8()?,
        })
    }
}

impl Service {
    /// How the pages are.
    ///
    /// # Errors
    /// Of the store.
    pub fn settings(&self) -> Result<view::Settings> {
        let record: Record = self.tx.record(Tree::State, KEY)?.unwrap_or_default();
        Ok(view::Settings {
            language: Some(record.language).filter(|code| !code.is_empty()),
            // What a later version may have written reads as the one that tells least.
            desktop: DESKTOP.get(usize::from(record.desktop)).copied().unwrap_or("off"),
        })
    }

    /// Changes that.
    ///
    /// # Errors
    /// Usage for what cannot be the code of a language, or for another word about the desktop.
    pub fn set_settings(&mut self, draft: SettingsDraft) -> Result<view::Settings> {
        let mut record: Record = self.tx.record(Tree::State, KEY)?.unwrap_or_default();
        if let Some(language) = draft.language {
            record.language = language.map(checked).transpose()?.unwrap_or_default();
        }
        if let Some(word) = draft.desktop {
            record.desktop = desktop(&word)?;
        }
        self.tx.put_record(Tree::State, KEY, &record);
        self.answer_after_barrier = true;
        self.settings()
    }
}

fn desktop(word: &str) -> Result<u8> {
    let place = DESKTOP.iter().position(|known| *known == word).and_then(|place| u8::try_from(place).ok());
    place.ok_or_else(|| {
        Error::usage(
            "bad_desktop",
            format!("{word:?} is nothing that a desktop can be told"),
            format!("give one of {}", DESKTOP.join(", ")),
        )
    })
}

fn checked(code: String) -> Result<String> {
    let is_one = (1..=LANGUAGE_LEN_LIMIT).contains(&code.len())
        && code.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if is_one {
        return Ok(code);
    }
    Err(Error::usage(
        "bad_language",
        format!("the code of a language has 1 to {LANGUAGE_LEN_LIMIT} letters, digits and hyphens"),
        "write it as en or zh-Hans",
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Rig;
    use super::*;

    fn choose(service: &mut Service, code: Option<&str>) -> Result<view::Settings> {
        service.set_settings(SettingsDraft {
            language: Some(code.map(str::to_owned)),
            ..SettingsDraft::default()
        })
    }

    #[test]
    fn a_language_is_kept_until_another_or_none_is_chosen() {
        let mut service = Rig::new().service;
        assert_eq!(service.settings().unwrap().language, None);
        assert_eq!(choose(&mut service, Some("zh-Hans")).unwrap().language.as_deref(), Some("zh-Hans"));
        service.set_settings(SettingsDraft::default()).unwrap();
        assert_eq!(
            service.settings().unwrap().language.as_deref(),
            Some("zh-Hans"),
            "what is left out stays"
        );
        assert_eq!(choose(&mut service, None).unwrap().language, None);
    }

    #[test]
    fn a_desktop_is_told_what_was_chosen_and_nothing_by_itself() {
        let mut service = Rig::new().service;
        let mut tell = |word: &str| {
            let draft = SettingsDraft { desktop: Some(word.to_owned()), ..SettingsDraft::default() };
            service.set_settings(draft).map(|settings| settings.desktop)
        };
        for word in DESKTOP {
            assert_eq!(tell(word), Ok(word));
        }
        assert_eq!(tell("all").unwrap_err().code, "bad_desktop");
        assert_eq!(Rig::new().service.settings().unwrap().desktop, "off");
    }

    #[test]
    fn a_code_of_the_limit_is_taken_and_one_letter_more_is_not() {
        let mut service = Rig::new().service;
        assert!(choose(&mut service, Some(&"x".repeat(LANGUAGE_LEN_LIMIT))).is_ok());
        let longer = "x".repeat(LANGUAGE_LEN_LIMIT + 1);
        for bad in [longer.as_str(), "", "-", "zh-", "zh_Hans", "../en", "中文"] {
            assert_eq!(choose(&mut service, Some(bad)).unwrap_err().code, "bad_language", "{bad}");
        }
    }
}
