//! How the pages are for their person.

use serde::Serialize;

/// How the pages are for their person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Code of a language as BCP 47 writes it, such as `zh-Hans`; none: whatever a browser asks for.
    pub language: Option<String>,
}
