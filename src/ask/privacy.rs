//! What a person sets about who sees what.

/// Changes to Moments privacy; what is left out stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrivacyDraft {
    /// How far back friends may read: `all`, `6m`, `1m` or `3d`.
    pub window: Option<String>,
    /// How many of my newest moments for everyone a stranger sees while pairing is pending: 0 or 10.
    pub strangers: Option<u8>,
    /// Friends who see mine no more, by words.
    pub hide_mine_from: Vec<String>,
    /// Friends who see mine again.
    pub show_mine_to: Vec<String>,
    /// Friends whose moments I see no more.
    pub hide_theirs: Vec<String>,
    /// Friends whose moments I see again.
    pub show_theirs: Vec<String>,
}
