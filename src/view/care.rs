//! Albums: somebody's moments by month.

use serde::Serialize;

use super::{Moment, Person};
use crate::time::Month;

/// How many moments of somebody lie in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MonthCount {
    /// Which month, UTC.
    pub month: Month,
    /// How many moments.
    pub moments: u64,
}

/// One page of somebody's moments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Album {
    /// Whose.
    pub person: Person,
    /// All months that hold a moment, newest first.
    pub months: Vec<MonthCount>,
    /// What I pinned: on the first page of my own album.
    pub pinned: Vec<Moment>,
    /// The moments of this page, newest first.
    pub moments: Vec<Moment>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}
