//! Time as a value. Nothing below the shell reads a clock; every machine is told what time it is.
//!
//! [`Timestamp`] is our own time: Unix milliseconds. What a remote *claims* about time is a [`ClaimedTime`], a type
//! of its own that neither subtracts from nor compares with ours unless a rule does it (docs/protocol.md 3.10).
//!
//! Source: docs/protocol.md 3.0 (`day` = Unix days), 3.10.

mod month;

use std::fmt;

pub use month::{Month, NoMonth};

/// Milliseconds in a day.
pub const DAY_MS: u64 = 86_400_000;

/// A point in time by our own clock, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The beginning of 1970.
    pub const ZERO: Self = Self(0);

    /// A time from Unix milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Unix milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The Unix day this time lies in.
    pub fn day(self) -> Day {
        Day(u32::try_from(self.0.wrapping_div(DAY_MS)).unwrap_or(u32::MAX))
    }

    /// This time plus `ms`, or the end of time.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// This time less `ms`, or the beginning of time.
    #[must_use]
    pub const fn minus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// Milliseconds from `earlier` to this time; zero if it lies later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rfc3339(self.0))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

/// A point in time that somebody else claims, in Unix milliseconds. Believed only through a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimedTime(u64);

impl ClaimedTime {
    /// A claim from Unix milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// The claimed Unix milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// When a thing claimed for this time is shown: not later than it was first seen (docs/protocol.md 3.10).
    pub fn shown_at(self, first_seen: Timestamp) -> Timestamp {
        Timestamp(self.0.min(first_seen.0))
    }

    /// Whether the claim lies more than `ms` ahead of our clock.
    pub fn is_ahead_by(self, now: Timestamp, ms: u64) -> bool {
        self.0 > now.plus_ms(ms).0
    }
}

/// A Unix day: days since 1970-01-01 UTC, `u32` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    /// This day plus `days`, or the last day.
    #[must_use]
    pub const fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Days from `earlier` to this day; zero if it lies later.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// The first moment of the day.
    pub fn start(self) -> Timestamp {
        Timestamp(u64::from(self.0).saturating_mul(DAY_MS))
    }
}

/// RFC 3339 in UTC with milliseconds, as every face of the program prints time.
fn rfc3339(ms: u64) -> String {
    let (days, rest) = (ms / DAY_MS, ms % DAY_MS);
    let (year, month, day) = civil(days);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a Unix day (Gregorian calendar, by 400-year eras that begin on 1 March).
#[expect(
    clippy::arithmetic_side_effects,
    reason = "at most 2^64 / DAY_MS days: nothing here overflows or goes below zero"
)]
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_prints_as_rfc_3339_with_milliseconds() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_771_200_000_123, "2026-02-16T00:00:00.123Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::from_millis(ms).to_string(), text);
        }
    }

    #[test]
    fn a_claim_from_the_future_is_shown_at_its_arrival() {
        let seen = Timestamp::from_millis(1_000);
        assert_eq!(ClaimedTime::from_millis(5_000).shown_at(seen), seen);
        assert_eq!(ClaimedTime::from_millis(500).shown_at(seen).as_millis(), 500);
        assert!(ClaimedTime::from_millis(5_001).is_ahead_by(seen, 4_000));
        assert!(!ClaimedTime::from_millis(5_000).is_ahead_by(seen, 4_000));
    }

    #[test]
    fn arithmetic_stops_at_the_ends_of_time() {
        assert_eq!(Timestamp::from_millis(u64::MAX).plus_ms(1).as_millis(), u64::MAX);
        assert_eq!(Timestamp::ZERO.minus_ms(1), Timestamp::ZERO);
        assert_eq!(Timestamp::from_millis(u64::MAX).day(), Day(u32::MAX));
        assert_eq!(Day(20_500).start().day(), Day(20_500));
    }
}
