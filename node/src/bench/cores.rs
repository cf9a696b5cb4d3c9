//! How much of the machine's processors two nodes of a bench take together: what they share is what a job is up against.

use std::time::{Duration, Instant};

use super::member::{Process, TICKS};

/// Fewer say nothing: one is 10 ms.
const TICKS_MIN: f64 = 20.0;

/// What two processes computed, and how long that took.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    ticks: Option<f64>,
    took: Duration,
}

impl Cores {
    /// Nothing yet.
    pub const fn none_yet() -> Self {
        Self { ticks: Some(0.0), took: Duration::ZERO }
    }

    /// A round that begins now, to be given to [`Cores::end`].
    pub fn begin(processes: [&Process; 2]) -> (Option<f64>, Instant) {
        (ticks(processes), Instant::now())
    }

    /// The round that ends now.
    pub fn end((before, begun): (Option<f64>, Instant), processes: [&Process; 2]) -> Self {
        let took = begun.elapsed();
        Self { ticks: ticks(processes).zip(before).map(|(after, before)| after - before), took }
    }

    /// A round more.
    pub fn add(&mut self, round: Self) {
        self.took += round.took;
        self.ticks = self.ticks.zip(round.ticks).map(|(before, ticks)| before + ticks);
    }

    /// Of one core: 200 where both of two were busy all the time.
    pub fn percent(&self) -> Option<f64> {
        self.ticks.map(|ticks| ticks / TICKS / self.took.as_secs_f64() * 100.0)
    }

    /// How much of this work a second, if all cores of the machine had done nothing else from its beginning to its end; none
    /// of too few ticks to say it.
    pub fn at_best(&self, work: f64) -> Option<f64> {
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        self.ticks.and_then(|ticks| at_best(work, ticks, cores))
    }
}

fn at_best(work: f64, ticks: f64, cores: f64) -> Option<f64> {
    (ticks >= TICKS_MIN).then(|| work / (ticks / TICKS / cores))
}

fn ticks([a, b]: [&Process; 2]) -> Option<f64> {
    Some(a.ticks()? + b.ticks()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_share_the_work_and_a_few_ticks_say_nothing() {
        // A second of one core for a hundred of something: half of it if two share it.
        assert_eq!(at_best(100.0, TICKS, 2.0), Some(200.0));
        assert_eq!(at_best(100.0, TICKS_MIN, 1.0), Some(500.0));
        assert_eq!(at_best(100.0, TICKS_MIN - 1.0, 1.0), None);
    }
}
