//! Opening a home that no node runs in, to furnish or to read it by the service alone: for measurements.
//!
//! Behind the feature `furnish`. What it does not do: start a network, or let others use the home meanwhile.

use std::path::Path;
use std::time::Duration;

use super::{Client, Result, home};
use crate::service::{Service, store_error};

impl Client {
    /// Opens a home, lets `work` have its service, and closes it: everything is on the disk when this returns.
    ///
    /// # Errors
    /// As [`Client::open`]; what `work` says; failed if the store refuses.
    ///
    /// # Cost
    /// Blocks the thread.
    pub fn furnish<T>(folder: &Path, work: impl FnOnce(&mut Service) -> Result<T>) -> Result<T> {
        let mut service = home::open(folder, LOCK_WAIT)?.service;
        let done = work(&mut service)?;
        service.furnish_commit().map_err(|error| store_error(&error))?;
        service.store().barrier().map_err(|error| store_error(&error))?;
        Ok(done)
    }
}

/// How long to wait for another process to let go of the home.
const LOCK_WAIT: Duration = Duration::from_secs(5);
