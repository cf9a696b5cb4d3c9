//! What a post may carry beside text and pictures: a link, a place, a mood.
//!
//! Source: docs/protocol.md 3.4.

use super::text::{put_u8, put_u16};
use super::{WriteError, within};
use crate::limits::{
    EMOJI_LIMIT, LATITUDE_LIMIT, LINK_DESCRIPTION_LIMIT, LINK_SITE_LIMIT, LINK_TITLE_LIMIT, LINK_URL_LIMIT,
    LONGITUDE_LIMIT, MOOD_TEXT_LIMIT, PLACE_NAME_LIMIT,
};
use crate::wire::{DecodeError, Reader, Writer};

/// A link as a card. It is made by the writer's node: readers fetch nothing from the address.
///
/// # Layout
/// ```text
/// url u16+          ≤ 2048, not empty
/// title u16+        ≤ 300
/// description u16+  ≤ 1000
/// site u8+          ≤ 100
/// image 1           0 = none, else 1 + the index of the picture in the post's media
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkCard {
    /// The address.
    pub url: String,
    /// The page's title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// The name of the site.
    pub site: String,
    /// Which of the post's media is the card's picture.
    pub image: Option<u8>,
}

impl LinkCard {
    pub(super) fn encode(&self) -> Result<Vec<u8>, WriteError> {
        let mut out = Writer::new();
        put_u16(&mut out, "address of a link", LINK_URL_LIMIT, &self.url)?;
        put_u16(&mut out, "title of a link", LINK_TITLE_LIMIT, &self.title)?;
        put_u16(&mut out, "description of a link", LINK_DESCRIPTION_LIMIT, &self.description)?;
        put_u8(&mut out, "site of a link", LINK_SITE_LIMIT, &self.site)?;
        out.u8(self.image.map_or(0, |index| index.saturating_add(1)));
        Ok(out.into_vec())
    }

    /// Reads a card in a post with `media` pictures.
    pub(super) fn decode(bytes: &[u8], media: usize) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let url = input.text_u16("address of a link", LINK_URL_LIMIT)?.to_owned();
        if url.is_empty() {
            return Err(DecodeError::Invalid { what: "a link without an address" });
        }
        let title = input.text_u16("title of a link", LINK_TITLE_LIMIT)?.to_owned();
        let description = input.text_u16("description of a link", LINK_DESCRIPTION_LIMIT)?.to_owned();
        let site = input.text_u8("site of a link", LINK_SITE_LIMIT)?.to_owned();
        let image = input.u8()?.checked_sub(1);
        if image.is_some_and(|index| usize::from(index) >= media) {
            return Err(DecodeError::Invalid { what: "a link's picture that the moment does not have" });
        }
        input.finish()?;
        Ok(Self { url, title, description, site, image })
    }
}

/// How exactly a place is told. The writer's node rounds; this says what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// As given.
    Exact,
    /// A neighbourhood.
    Area,
    /// A city.
    City,
}

impl Precision {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Area => "area",
            Self::City => "city",
        }
    }

    /// Steps to a degree that are told, and millionths of a degree in a step.
    const fn grid(self) -> (f64, i32) {
        match self {
            Self::Exact => (1e6, 1),
            Self::Area => (100.0, 10_000),
            Self::City => (10.0, 100_000),
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Exact => 0,
            Self::Area => 1,
            Self::City => 2,
        }
    }

    fn from_code(code: u8) -> Result<Self, DecodeError> {
        match code {
            0 => Ok(Self::Exact),
            1 => Ok(Self::Area),
            2 => Ok(Self::City),
            code => Err(DecodeError::Unknown { what: "precision of a place", code: u64::from(code) }),
        }
    }
}

/// A point on the globe, in millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// North is positive; within ± 90,000,000.
    pub lat: i32,
    /// East is positive; within ± 180,000,000.
    pub lon: i32,
}

impl Position {
    /// A point as exactly as `precision` lets it be told; the rest is cut off here and stands nowhere. `None` if it is
    /// not on the globe.
    pub fn rounded(lat: f64, lon: f64, precision: Precision) -> Option<Self> {
        Some(Self { lat: micro(lat, 90.0, precision)?, lon: micro(lon, 180.0, precision)? })
    }
}

/// Degrees as millionths, to the nearest step of `precision`.
fn micro(degrees: f64, most: f64, precision: Precision) -> Option<i32> {
    if degrees.is_nan() || degrees.abs() > most {
        return None;
    }
    let (steps, unit) = precision.grid();
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "at most 180 degrees of a million steps each: it fits an i32"
    )]
    let step = (degrees * steps).round() as i32;
    step.checked_mul(unit)
}

/// Where a moment was.
///
/// # Layout
/// `precision 1 ‖ name u8+ (≤ 200) ‖ has_position 1 ‖ [lat i32 ‖ lon i32, millionths of a degree]`; a place has a name,
/// a position or both
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// How exact it is.
    pub precision: Precision,
    /// What the writer calls it.
    pub name: String,
    /// Where it is, if the writer says.
    pub position: Option<Position>,
}

impl Place {
    pub(super) fn encode(&self) -> Result<Vec<u8>, WriteError> {
        let mut out = Writer::new();
        out.u8(self.precision.code());
        put_u8(&mut out, "name of a place", PLACE_NAME_LIMIT, &self.name)?;
        out.bool(self.position.is_some());
        if let Some(position) = self.position {
            out.raw(&position.lat.to_be_bytes()).raw(&position.lon.to_be_bytes());
        }
        Ok(out.into_vec())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let precision = Precision::from_code(input.u8()?)?;
        let name = input.text_u8("name of a place", PLACE_NAME_LIMIT)?.to_owned();
        let position = if input.bool()? {
            let (lat, lon) = (i32::from_be_bytes(input.array()?), i32::from_be_bytes(input.array()?));
            if lat.unsigned_abs() > LATITUDE_LIMIT || lon.unsigned_abs() > LONGITUDE_LIMIT {
                return Err(DecodeError::Invalid { what: "a position that is not on the globe" });
            }
            Some(Position { lat, lon })
        } else {
            None
        };
        input.finish()?;
        if name.is_empty() && position.is_none() {
            return Err(DecodeError::Invalid { what: "a place without name and position" });
        }
        Ok(Self { precision, name, position })
    }
}

/// A mood or activity beside a moment.
///
/// # Layout
/// `emoji u8+ (≤ 40) ‖ text u8+ (≤ 200)`, not both empty
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mood {
    /// One emoji.
    pub emoji: String,
    /// In words.
    pub text: String,
}

impl Mood {
    pub(super) fn encode(&self) -> Result<Vec<u8>, WriteError> {
        let mut out = Writer::new();
        put_u8(&mut out, "emoji", EMOJI_LIMIT, &self.emoji)?;
        put_u8(&mut out, "words of a mood", MOOD_TEXT_LIMIT, &self.text)?;
        Ok(out.into_vec())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let emoji = input.text_u8("emoji", EMOJI_LIMIT)?.to_owned();
        let text = input.text_u8("words of a mood", MOOD_TEXT_LIMIT)?.to_owned();
        input.finish()?;
        if emoji.is_empty() && text.is_empty() {
            return Err(DecodeError::Invalid { what: "a mood without emoji and words" });
        }
        Ok(Self { emoji, text })
    }
}

/// The card of a mini program: kept as it came until mini programs read it.
pub(super) fn check_app_card(bytes: &[u8]) -> Result<(), WriteError> {
    within("card of a mini program", crate::limits::APP_CARD_LIMIT, bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lat: f64, lon: f64, precision: Precision) -> Option<(i32, i32)> {
        Position::rounded(lat, lon, precision).map(|at| (at.lat, at.lon))
    }

    #[test]
    fn a_position_is_told_as_exactly_as_asked_and_no_more() {
        let rounded = |precision| at(38.716_945_3, -9.142_687_1, precision);
        assert_eq!(rounded(Precision::Exact), Some((38_716_945, -9_142_687)));
        assert_eq!(rounded(Precision::Area), Some((38_720_000, -9_140_000)));
        assert_eq!(rounded(Precision::City), Some((38_700_000, -9_100_000)));
    }

    #[test]
    fn poles_and_the_antimeridian_are_on_the_globe_and_what_lies_beyond_is_not() {
        for precision in [Precision::Exact, Precision::Area, Precision::City] {
            assert_eq!(at(90.0, 180.0, precision), Some((90_000_000, 180_000_000)));
            assert_eq!(at(-90.0, -180.0, precision), Some((-90_000_000, -180_000_000)));
            assert_eq!(at(-0.0, -0.000_000_1, precision), Some((0, 0)));
        }
        // Rounding reaches the edge and never passes it.
        assert_eq!(at(89.999, 179.999, Precision::Area), Some((90_000_000, 180_000_000)));
        for (lat, lon) in [(90.000_001, 0.0), (0.0, -180.000_001), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(at(lat, lon, Precision::City), None, "{lat} {lon}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_told_lies_on_the_grid_and_is_read_back(
            lat in -90.0_f64..=90.0, lon in -180.0_f64..=180.0, which in 0..3_u8
        ) {
            let precision = Precision::from_code(which).expect("three of them");
            let position = Position::rounded(lat, lon, precision).expect("on the globe");
            let unit = precision.grid().1;
            proptest::prop_assert_eq!((position.lat % unit, position.lon % unit), (0, 0));
            proptest::prop_assert!((f64::from(position.lat) - lat * 1e6).abs() <= f64::from(unit) / 2.0 + 0.5);
            let place = Place { precision, name: String::new(), position: Some(position) };
            proptest::prop_assert_eq!(Place::decode(&place.encode().expect("small")), Ok(place));
        }
    }
}
