//! What only the operating system can give: the time, randomness, a pause, whether a process still runs.
//!
//! Collected here so that the rest of the program takes them as values and every use can be found.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidings::time::Timestamp;

use crate::error::{Error, Result};

/// Our clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// `N` random bytes.
///
/// # Errors
/// If the system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::failed(
            "no_randomness",
            format!("the system gives no randomness: {error}"),
            "restart the machine",
        )
    })?;
    Ok(bytes)
}

/// A random secret of 32 bytes as hex.
///
/// # Errors
/// If the system gives no randomness.
pub fn random_secret() -> Result<String> {
    Ok(tidings::id::hex(&random::<32>()?))
}

/// Waits until `done` says so; false if `limit` passed first.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a process runs. Where the system has no `/proc`, `None`.
pub fn process_runs(pid: u32) -> Option<bool> {
    if !std::path::Path::new("/proc/self/stat").exists() {
        return None;
    }
    // After the name in brackets stands the state; Z is a process that ended and was not yet collected.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    Some(stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_secrets_differ() {
        assert_ne!(random_secret().unwrap(), random_secret().unwrap());
    }

    #[test]
    fn this_process_runs_and_an_impossible_one_does_not() {
        if let Some(runs) = process_runs(std::process::id()) {
            assert!(runs);
            assert_eq!(process_runs(u32::MAX), Some(false));
        }
    }

    #[test]
    fn waiting_ends_with_the_thing_or_with_the_limit() {
        let mut calls = 0;
        assert!(wait_until(Duration::from_secs(5), || {
            calls += 1;
            calls == 2
        }));
        assert!(!wait_until(Duration::ZERO, || false));
    }
}
