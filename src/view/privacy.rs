//! Who sees what, as a person set it; and what a changed audience does.

use serde::Serialize;

use super::{DryRun, Moment, Person};

/// Moments privacy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Privacy {
    /// How far back friends may read: `all`, `6m`, `1m` or `3d`.
    pub window: &'static str,
    /// The same in days; 0 = all.
    pub window_days: u32,
    /// How many of my newest moments for everyone a stranger sees while pairing is pending.
    pub strangers: u8,
    /// Friends who do not see mine.
    pub hide_mine_from: Vec<Person>,
    /// Friends whose moments I do not see.
    pub hide_theirs: Vec<Person>,
    /// Friends who see no moments at all.
    pub chats_only: Vec<Person>,
}

/// A moment of mine after its audience was changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AudienceChange {
    /// The moment, with the audience it has now.
    #[serde(flatten)]
    pub moment: Moment,
    /// Friends whose nodes are asked to forget it.
    pub taken_from: Vec<Person>,
    /// Friends who can read it from now on.
    pub given_to: Vec<Person>,
}

/// What changing the audience of a moment would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AudienceDryRun {
    /// Who would be able to read it.
    #[serde(flatten)]
    pub readers: DryRun,
    /// Friends whose nodes would be asked to forget it.
    pub taken_from: Vec<Person>,
    /// Friends who could read it from then on.
    pub given_to: Vec<Person>,
}
