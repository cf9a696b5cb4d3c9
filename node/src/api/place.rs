//! A place as a request names it. The library rounds it ([`tidings::ask::PlaceDraft`]), before anything is sealed.

use serde::{Deserialize, Serialize};
use tidings::ask::{self, PlaceDraft};
use utoipa::ToSchema;

use crate::error::{Error, Result};

/// How exact the coordinates of a place are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As given.
    Exact,
    /// To about a kilometre.
    #[default]
    Area,
    /// To about ten kilometres.
    City,
}

impl From<Precision> for ask::Precision {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Exact => Self::Exact,
            Precision::Area => Self::Area,
            Precision::City => Self::City,
        }
    }
}

/// A place to be named: a name, a position or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPlace {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: Option<f64>,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: Option<f64>,
    /// How exact.
    #[serde(default)]
    pub precision: Precision,
}

impl NewPlace {
    /// The place as the library takes it.
    ///
    /// # Errors
    /// Usage, if only one coordinate is given.
    pub fn draft(self) -> Result<PlaceDraft> {
        let at = match (self.lat, self.lon) {
            (None, None) => None,
            (Some(lat), Some(lon)) => Some((lat, lon)),
            _ => {
                return Err(Error::usage(
                    "bad_place",
                    "a position has a latitude and a longitude",
                    "write it as NAME@LAT,LON, such as Lisbon@38.72,-9.14",
                ));
            }
        };
        Ok(PlaceDraft { name: self.name, at, precision: self.precision.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_position_is_refused_and_a_whole_one_is_not_changed() {
        let place = |lat, lon| NewPlace { name: "x".into(), lat, lon, precision: Precision::City }.draft();
        for (lat, lon) in [(Some(1.0), None), (None, Some(1.0))] {
            assert_eq!(place(lat, lon).unwrap_err().code, "bad_place");
        }
        let there = place(Some(38.716_945_3), Some(-9.142_687_1)).unwrap();
        assert_eq!((there.at, there.precision), (Some((38.716_945_3, -9.142_687_1)), ask::Precision::City));
        assert_eq!(place(None, None).unwrap().at, None);
    }
}
