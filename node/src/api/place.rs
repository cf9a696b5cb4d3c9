//! How exactly a place is told. Rounding happens here, before anything is signed: what is cut off was never sent.

use serde::{Deserialize, Serialize};
use tidings::ask::PlaceDraft;
use utoipa::ToSchema;

use crate::error::{Error, Result};

/// How exact the coordinates of a place are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// As given, to about a metre.
    Exact,
    /// To about a kilometre.
    #[default]
    Area,
    /// To about ten kilometres.
    City,
}

/// A place to be named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPlace {
    /// Its name.
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
    /// The place as it is posted.
    ///
    /// # Errors
    /// Usage, if the coordinates are none or only one is given.
    pub fn rounded(self) -> Result<PlaceDraft> {
        let at = match (self.lat, self.lon) {
            (None, None) => None,
            (Some(lat), Some(lon)) if lat.abs() <= 90.0 && lon.abs() <= 180.0 => {
                let steps = match self.precision {
                    Precision::Exact => 100_000.0,
                    Precision::Area => 100.0,
                    Precision::City => 10.0,
                };
                Some(((lat * steps).round() / steps, (lon * steps).round() / steps))
            }
            _ => {
                return Err(Error::usage(
                    "bad_place",
                    "a place has a latitude from -90 to 90 and a longitude from -180 to 180, or neither",
                    "write it as NAME@LAT,LON, such as Lisbon@38.72,-9.14",
                ));
            }
        };
        Ok(PlaceDraft { name: self.name, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lat: Option<f64>, lon: Option<f64>, precision: Precision) -> Result<PlaceDraft> {
        NewPlace { name: "x".into(), lat, lon, precision }.rounded()
    }

    #[test]
    fn coordinates_are_rounded_as_asked() {
        let at = |precision| place(Some(38.716_945_3), Some(-9.142_687_1), precision).unwrap().at;
        assert_eq!(at(Precision::Exact), Some((38.71695, -9.14269)));
        assert_eq!(at(Precision::Area), Some((38.72, -9.14)));
        assert_eq!(at(Precision::City), Some((38.7, -9.1)));
    }

    #[test]
    fn half_a_position_and_one_off_the_globe_are_refused() {
        for (lat, lon) in
            [(Some(1.0), None), (None, Some(1.0)), (Some(90.1), Some(0.0)), (Some(f64::NAN), Some(0.0))]
        {
            assert_eq!(place(lat, lon, Precision::Area).unwrap_err().code, "bad_place");
        }
        assert_eq!(place(None, None, Precision::Area).unwrap().at, None);
    }
}
