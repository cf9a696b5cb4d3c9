//! Which notices to show.

/// Which part of the notices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NoticesQuery {
    /// How many, 1 to 5,000; 20 if 0.
    pub limit: usize,
    /// The `next` of an earlier page.
    pub before: Option<String>,
}
