//! What is simulated: how many people, how they live, what goes wrong, what must hold. Plain values; whoever runs a
//! simulation reads them from a file (`simulations/*.toml`), because the core reads none.

use crate::limits::CONNECTION_LIMIT;

/// A simulation, but for its seed.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Its name, as in the name of its file.
    pub name: String,
    /// How many people.
    pub people: usize,
    /// How many days they live, after the warm-up.
    pub days: u64,
    /// How many friends the person in the middle has.
    pub friends_median: usize,
    /// How many friends anybody has at most.
    pub friends_limit: usize,
    /// How many friendships of a hundred are with somebody near, whose friends one shares.
    pub clustered_percent: u64,
    /// Minutes at the beginning in which all are online, so that friends have each other's `~contact`.
    pub warm_up_minutes: u64,
    /// Minutes at the end in which all are online and nothing goes wrong.
    pub quiet_minutes: u64,
    /// Minutes after those in which what an idle connection costs is measured.
    pub idle_minutes: u64,
    /// Moments a person shares in a day.
    pub moments_per_day: u64,
    /// Likes and comments a person writes in a day.
    pub interactions_per_day: u64,
    /// How many of a hundred people put a friend into one of their tags on a day, and so change an audience.
    pub tag_changes_percent_per_day: u64,
    /// Whom moments are for.
    pub audience: AudienceMix,
    /// When people are online.
    pub online: Online,
    /// What lies between them.
    pub network: Network,
    /// What goes wrong.
    pub faults: Faults,
    /// What must hold.
    pub must: Must,
}

/// Whom moments are for, in percent; the rest is for everyone.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AudienceMix {
    /// For the friends with one tag (a third of them).
    pub only_percent: u64,
    /// For all but the friends with another tag (a fifth).
    pub except_percent: u64,
}

/// When people are online.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Online {
    /// Minutes a day that the person in the middle is online.
    pub minutes_per_day: u64,
    /// In how many spans.
    pub spans_per_day: u64,
    /// How many of a hundred are online day and night.
    pub always_percent: u64,
}

/// What lies between people.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Least time one way, ms.
    pub latency_min_ms: u64,
    /// Most time one way, ms.
    pub latency_max_ms: u64,
    /// What one side of a connection carries, bytes a second.
    pub bytes_per_second: u64,
    /// Connections that a node has at most.
    pub connections: usize,
}

/// What goes wrong.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Minutes after which a connection is lost, on average; 0 = never.
    pub connection_lost_every_minutes: u64,
    /// How many dials of a hundred come to nothing although the other is there.
    pub dial_lost_percent: u64,
    /// Hours between two partitions of all people into two halves; 0 = never.
    pub partition_every_hours: u64,
    /// How long a partition lasts.
    pub partition_minutes: u64,
    /// How many of a hundred people crash in a day.
    pub crashes_percent_per_day: u64,
    /// How far clocks are apart at most, seconds.
    pub clock_skew_seconds: u64,
    /// How many people run a program that lies.
    pub liars: usize,
    /// How many of a hundred frames a liar bends, repeats or makes up.
    pub lies_percent: u64,
}

/// What must hold; 0 switches a condition off.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Must {
    /// Pairs of moment and entitled friend that are delivered within an hour of both the friend and any holder having
    /// been online together, of ten thousand.
    pub within_an_hour_of_ten_thousand: u64,
    /// The same of an hour since they also had the keys of the moment's epoch.
    pub readable_within_an_hour_of_ten_thousand: u64,
    /// Entries received for each hundred kept, at most.
    pub received_percent: u64,
    /// Bytes a minute that an idle connection takes both ways, at most.
    pub idle_bytes_per_minute: u64,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            people: 100,
            days: 1,
            friends_median: 12,
            friends_limit: 5_000,
            clustered_percent: 70,
            warm_up_minutes: 10,
            quiet_minutes: 60,
            idle_minutes: 30,
            moments_per_day: 2,
            interactions_per_day: 2,
            tag_changes_percent_per_day: 10,
            audience: AudienceMix::default(),
            online: Online::default(),
            network: Network::default(),
            faults: Faults::default(),
            must: Must::default(),
        }
    }
}

impl Default for AudienceMix {
    fn default() -> Self {
        Self { only_percent: 15, except_percent: 10 }
    }
}

impl Default for Online {
    fn default() -> Self {
        Self { minutes_per_day: 240, spans_per_day: 6, always_percent: 5 }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency_min_ms: 10,
            latency_max_ms: 150,
            bytes_per_second: 500_000,
            connections: CONNECTION_LIMIT,
        }
    }
}

impl Default for Must {
    fn default() -> Self {
        Self {
            within_an_hour_of_ten_thousand: 9_990,
            readable_within_an_hour_of_ten_thousand: 9_990,
            received_percent: 120,
            idle_bytes_per_minute: 1_000,
        }
    }
}
