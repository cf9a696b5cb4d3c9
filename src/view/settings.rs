//! How the pages are for their person.

use serde::Serialize;

/// How the pages are for their person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Code of a language as BCP 47 writes it, such as `zh-Hans`; none: whatever a browser asks for.
    pub language: Option<String>,
    /// What notices on a desktop say, where a browser lets them through: `off`, `plain` (that there is something) or `names`.
    pub desktop: &'static str,
}
