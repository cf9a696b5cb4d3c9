//! Times and spans as people write them: `2026-11-22`, `2026-11-22T10:00:00Z`, `24h`, `7d`.

use tidings::time::{DAY_MS, Timestamp};

use crate::error::{Error, Result};

/// Reads a date (its first moment, UTC) or an RFC 3339 time.
///
/// # Errors
/// Usage, if it is neither.
pub fn timestamp(text: &str) -> Result<Timestamp> {
    parse(text).ok_or_else(|| {
        Error::usage(
            "bad_time",
            format!("`{text}` is no date or time"),
            "write 2026-11-22 or 2026-11-22T10:00:00Z (UTC)",
        )
    })
}

/// As [`timestamp`], but a bare date means its last moment.
///
/// # Errors
/// Usage, if it is neither.
pub fn timestamp_until(text: &str) -> Result<Timestamp> {
    let at = timestamp(text)?;
    Ok(if text.contains(['T', 't', ' ']) { at } else { at.plus_ms(DAY_MS - 1) })
}

fn parse(text: &str) -> Option<Timestamp> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let year: u64 = digits(parts.next()?, 4)?;
    let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    let years: u64 = year - 1970;
    let leaps = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - 477;
    let months: u64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    let days = years * 365 + leaps + months + day - 1;
    let (in_day, offset) = time.map_or(Some((0, 0)), time_of_day)?;
    let ms = i64::try_from(days * DAY_MS + in_day).ok()?.checked_sub(offset)?;
    u64::try_from(ms).ok().map(Timestamp::from_millis)
}

/// Milliseconds of the day, and how far ahead of UTC.
fn time_of_day(text: &str) -> Option<(u64, i64)> {
    let (clock, zone) = match text.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => {
            let at = text.rfind(['+', '-'])?;
            let (clock, zone) = text.split_at(at);
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ms = i64::try_from((hours * 60 + minutes) * 60_000).ok()?;
            (clock, if zone.starts_with('-') { -ms } else { ms })
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |s| digits(s, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let milli: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some((((hour * 60 + minute) * 60 + second.min(59)) * 1000 + milli, zone))
}

fn digits(text: &str, count: usize) -> Option<u64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Reads a span: a number with `s`, `m`, `h` or `d`. In seconds.
///
/// # Errors
/// Usage, if it is none.
pub fn seconds(text: &str) -> Result<u64> {
    let span = || {
        let unit = text.chars().last()?;
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        number.checked_mul(seconds).filter(|s| *s > 0)
    };
    span().ok_or_else(|| {
        Error::usage("bad_span", format!("`{text}` is no span of time"), "write 30m, 24h or 7d")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        for ms in [0, 951_782_400_000, 951_868_799_999, 1_771_200_000_123, 4_107_542_400_000] {
            let time = Timestamp::from_millis(ms);
            assert_eq!(timestamp(&time.to_string()).unwrap(), time);
        }
    }

    #[test]
    fn dates_and_zones_are_understood() {
        let ms = |text| timestamp(text).map(Timestamp::as_millis).ok();
        assert_eq!(ms("1970-01-02"), Some(DAY_MS));
        assert_eq!(ms("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(ms("1970-01-01T00:00:00.5Z"), Some(500));
        assert_eq!(ms("1970-01-01 00:01Z"), Some(60_000));
        assert_eq!(timestamp_until("1970-01-01").unwrap().as_millis(), DAY_MS - 1);
        assert_eq!(timestamp_until("1970-01-01T00:00Z").unwrap().as_millis(), 0);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "now",
            "2026-13-01",
            "2026-02-29",
            "2026-00-10",
            "2026-01-00",
            "1969-12-31",
            "26-1-1",
            "2026-01-01T",
            "2026-01-01T25:00Z",
            "2026-01-01T10:00",
            "2026-01-01T10:00:00.Z",
            "1970-01-01T00:00+01:00",
            "é-01-01",
            "2026-01-01T10:00+é1:00",
        ] {
            assert_eq!(timestamp(bad).unwrap_err().code, "bad_time", "{bad}");
        }
    }

    #[test]
    fn spans_have_a_unit() {
        assert_eq!(seconds("24h").unwrap(), 86_400);
        assert_eq!(seconds("7d").unwrap(), 604_800);
        for bad in ["", "h", "24", "0h", "-1h", "1w", "é", "99999999999999999999d", "9999999999999999999d"] {
            assert_eq!(seconds(bad).unwrap_err().code, "bad_span", "{bad}");
        }
    }
}
