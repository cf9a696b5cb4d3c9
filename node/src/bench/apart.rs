//! A network of one's own: the whole run moves into a fresh network namespace where nobody else uses loopback.
//!
//! Linux lets an ordinary user make one together with a user namespace (`unshare`, of util-linux; `ip`, of iproute2). Where
//! it does not, the run goes on where it is, and bytes on the wire are not told.

use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Says that this process is there already.
const MARK: &str = "TIDINGS_BENCH_APART";
const FLAGS: [&str; 4] = ["--user", "--map-root-user", "--net", "--"];

/// Whether this process has loopback for itself.
pub fn is_apart() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Runs this program again in a network of its own, in the same process; returns where that is not possible.
///
/// # Errors
/// Failed, if it was possible a moment ago and now is not.
pub fn move_apart() -> Result<()> {
    if is_apart() || !is_possible() {
        return Ok(());
    }
    let program = super::member::program()?;
    let mut command = Command::new("unshare");
    command.args(FLAGS).args(["sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]);
    command.arg(program).args(std::env::args_os().skip(1)).env(MARK, "1");
    become_it(command)
}

/// Only a failure comes back.
#[cfg(unix)]
fn become_it(mut command: Command) -> Result<()> {
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(Error::failed("bench", format!("cannot move apart: {error}"), "try again"))
}

#[cfg(not(unix))]
fn become_it(_: Command) -> Result<()> {
    Ok(())
}

fn is_possible() -> bool {
    let probe = Command::new("unshare")
        .args(FLAGS)
        .args(["ip", "link", "set", "lo", "up"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

/// What loopback has carried so far, both ways, bytes; none where others use it too.
pub fn wire_bytes() -> Option<u64> {
    if !is_apart() {
        return None;
    }
    sent_on_loopback(&std::fs::read_to_string("/proc/net/dev").ok()?)
}

/// Loopback hears what it sends, so what was sent is what both sides said.
fn sent_on_loopback(table: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.trim_start().strip_prefix("lo:"))?;
    line.split_whitespace().nth(8)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_of_loopback_is_found() {
        let table = "Inter-|   Receive |  Transmit\n face |bytes packets |bytes\n  eth0: 9 9 9 9 9 9 9 9 8 8 8 8 8 8 8 8\n    lo: 71 1 0 0 0 0 0 0 72 1 0 0 0 0 0 0\n";
        assert_eq!(sent_on_loopback(table), Some(72));
        assert_eq!(sent_on_loopback("nothing"), None);
    }
}
