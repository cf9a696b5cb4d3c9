//! When a person is online: some spans a day, more in the evening than at night, as long as is in their nature.

use super::scenario::Online;
use crate::crypto::Entropy;
use crate::time::DAY_MS;

const HOUR_MS: u64 = 3_600_000;
const MINUTE_MS: u64 = 60_000;

/// How often people pick up their phones, by the hour of the day.
const BY_HOUR: [u64; 24] = [4, 2, 1, 1, 1, 2, 5, 10, 12, 9, 8, 9, 13, 11, 8, 8, 9, 11, 13, 15, 16, 15, 12, 8];

/// Up to which hundredth of people, and how long they are online, in percent of the middle.
const NATURES: [(u64, u64); 5] = [(15, 35), (40, 70), (65, 100), (90, 160), (100, 260)];

/// A person's nature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm {
    always: bool,
    minutes_per_day: u64,
    spans_per_day: u64,
    /// How much later than others they live, ms.
    late_ms: u64,
}

impl Rhythm {
    pub(super) fn draw(online: &Online, entropy: &mut Entropy) -> Self {
        let at = entropy.below(100);
        let percent = NATURES.iter().find(|(until, _)| at < *until).map_or(100, |(_, percent)| *percent);
        Self {
            always: entropy.below(100) < online.always_percent,
            minutes_per_day: (online.minutes_per_day * percent / 100).clamp(10, 1_380),
            spans_per_day: online.spans_per_day.max(1),
            late_ms: entropy.below(2 * HOUR_MS),
        }
    }

    /// From when to when they are online on the day that begins at `start`; ascending, apart from each other.
    pub(super) fn spans(&self, start: u64, entropy: &mut Entropy) -> Vec<(u64, u64)> {
        if self.always {
            return vec![(start, start + DAY_MS)];
        }
        let mean = self.minutes_per_day * MINUTE_MS / self.spans_per_day;
        let mut spans: Vec<(u64, u64)> = (0..self.spans_per_day)
            .map(|_| {
                let from = start + hour(entropy) * HOUR_MS + entropy.below(HOUR_MS) + self.late_ms;
                let from = from.min(start + DAY_MS - MINUTE_MS);
                (from, (from + mean / 2 + entropy.below(mean)).min(start + DAY_MS))
            })
            .collect();
        spans.sort_unstable();
        let mut apart: Vec<(u64, u64)> = Vec::new();
        for (from, to) in spans {
            match apart.last_mut() {
                // Nobody puts the phone away for less than a minute.
                Some(last) if from <= last.1 + MINUTE_MS => last.1 = last.1.max(to),
                _ => apart.push((from, to)),
            }
        }
        apart
    }
}

fn hour(entropy: &mut Entropy) -> u64 {
    let mut at = entropy.below(BY_HOUR.iter().sum());
    for (hour, weight) in (0u64..).zip(BY_HOUR) {
        match at.checked_sub(weight) {
            Some(rest) => at = rest,
            None => return hour,
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_online_for_about_as_long_as_asked_and_more_in_the_evening() {
        let mut entropy = Entropy::from_number(1);
        let online = Online { minutes_per_day: 240, spans_per_day: 6, always_percent: 0 };
        let (mut total, mut evening, mut night) = (0, 0, 0);
        for _ in 0..500 {
            let spans = Rhythm::draw(&online, &mut entropy).spans(0, &mut entropy);
            assert!(spans.windows(2).all(|pair| pair[0].1 + MINUTE_MS < pair[1].0));
            assert!(spans.iter().all(|(from, to)| from < to && *to <= DAY_MS));
            total += spans.iter().map(|(from, to)| to - from).sum::<u64>() / MINUTE_MS;
            let among = |hours: std::ops::Range<u64>| {
                spans.iter().filter(|(from, _)| hours.contains(&(from / HOUR_MS))).count()
            };
            evening += among(19..23);
            night += among(2..6);
        }
        assert!((180..320).contains(&(total / 500)), "{} minutes", total / 500);
        assert!(evening > night * 5, "{evening} {night}");
    }
}
