//! Calendar months in UTC: how an album is divided.
//!
//! A month is counted from January 1970, so that months order as numbers and fit a key of the store. What it does not
//! do: local time, which would move a moment to another month when its owner travels.
//!
//! Source: docs/protocol.md 3.0 (UTC); the faces of the program (`album --month YYYY-MM`).

use std::fmt;
use std::str::FromStr;

use super::{DAY_MS, Timestamp, civil};

/// A month of the Gregorian calendar, UTC: months since January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(pub u32);

/// Text that is no month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month is written YYYY-MM, from 1970-01 on")]
pub struct NoMonth;

impl Month {
    /// When it begins.
    pub fn start(self) -> Timestamp {
        let (year, month) = self.parts();
        Timestamp::from_millis(days_before(year, month).saturating_mul(DAY_MS))
    }

    /// The month after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Year, and month from 1 to 12.
    fn parts(self) -> (u64, u64) {
        let months = u64::from(self.0);
        ((months / 12).saturating_add(1970), (months % 12).saturating_add(1))
    }
}

impl Timestamp {
    /// The month this time lies in.
    pub fn month(self) -> Month {
        let (year, month, _) = civil(self.0 / DAY_MS);
        let months = year.saturating_sub(1970).saturating_mul(12).saturating_add(month.saturating_sub(1));
        Month(u32::try_from(months).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month) = self.parts();
        write!(f, "{year:04}-{month:02}")
    }
}

impl serde::Serialize for Month {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let (year, month) = text.split_once('-').ok_or(NoMonth)?;
        let digits = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(NoMonth);
        }
        let year: u32 = year.parse().map_err(|_| NoMonth)?;
        let month: u32 = month.parse().map_err(|_| NoMonth)?;
        if !(1..=12).contains(&month) {
            return Err(NoMonth);
        }
        let years = year.checked_sub(1970).ok_or(NoMonth)?;
        Ok(Self(years.saturating_mul(12).saturating_add(month.saturating_sub(1))))
    }
}

/// Unix days before the first of a month: the way back of [`civil`].
#[expect(
    clippy::arithmetic_side_effects,
    reason = "a month counts below 2^32 / 12 years, from 1970 on: nothing here overflows or goes below zero"
)]
const fn days_before(year: u64, month: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_where_the_one_before_ends() {
        for month in (0..2_000).map(Month) {
            let start = month.start();
            assert_eq!(start.month(), month, "{month}");
            if month.0 > 0 {
                assert_eq!(start.minus_ms(1).month().next(), month, "{month}");
            }
            assert_eq!(month.to_string().parse(), Ok(month));
            assert!(start.to_string().starts_with(&format!("{month}-01T00:00:00.000Z")));
        }
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in
            ["", "2026", "2026-1", "2026-13", "2026-00", "1969-12", "2026-11-01", "２０２６-11", "+026-11"]
        {
            assert_eq!(text.parse::<Month>(), Err(NoMonth), "{text:?}");
        }
    }

    #[test]
    fn months_stop_at_the_ends_of_time() {
        assert_eq!(Timestamp::ZERO.month(), Month(0));
        assert!(Timestamp::from_millis(u64::MAX).month() > Month(0));
        assert!(Month(u32::MAX).start() > Month(0).start());
        assert_eq!(Month(u32::MAX).next(), Month(u32::MAX));
    }
}
