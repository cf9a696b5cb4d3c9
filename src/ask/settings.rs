//! Changes to how the pages are.

/// Changes to how the pages are; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsDraft {
    /// A language, or none of one's own.
    pub language: Option<Option<String>>,
    /// `off`, `plain` or `names`.
    pub desktop: Option<String>,
}
