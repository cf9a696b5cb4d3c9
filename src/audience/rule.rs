//! Rules: how a person says an audience, in exactly one form.
//!
//! include {all | tags and people} minus {tags and people}. What a rule says twice or in vain is dropped when it is
//! made, so that rules which mean the same by their own words are the same bytes, and an ad-hoc choice made twice uses
//! one epoch:
//!
//! * leaving out wins: a tag or person that is named on both sides is kept only where it is left out;
//! * whoever includes nobody has nobody to leave out: that is *only me*.
//!
//! Tags are numbers. Their names are the service's business, so that renaming one changes no audience.
//!
//! Source: docs/protocol.md 3.3.

use std::collections::BTreeSet;

use crate::id::UserId;
use crate::limits::{FRIEND_LIMIT, TAG_LIMIT};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// A person's own label on friends, by number. A number is never given to a second tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId(pub u32);

/// Whom a rule names before it leaves anybody out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Include {
    /// All friends.
    All,
    /// These tags and these people.
    Named {
        /// Whoever is in one of these.
        tags: BTreeSet<TagId>,
        /// And these.
        people: BTreeSet<UserId>,
    },
}

/// How a rule would be said in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All friends.
    Everyone,
    /// Some tags and people.
    Only,
    /// All friends but some.
    Except,
    /// Only me.
    Private,
    /// Some tags and people, but not some others.
    OnlyExcept,
}

/// A rule names more than there may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a rule names {actual} {what}, at most {limit}")]
pub struct RuleError {
    /// Tags or people.
    pub what: &'static str,
    /// How many are allowed.
    pub limit: usize,
    /// How many were given.
    pub actual: usize,
}

/// Who may see a moment, as the author says it.
///
/// # Layout
/// | size | field | meaning, limit |
/// | --- | --- | --- |
/// | 1 | include | 0 all, 1 named |
/// | 2 | a | tags included, ≤ 256; only if include = 1 |
/// | a × 4 | tag | ascending |
/// | 2 | b | people included, ≤ 5,000; only if include = 1 |
/// | b × 32 | user id | ascending |
/// | 2 | c | tags left out, ≤ 256 |
/// | c × 4 | tag | ascending |
/// | 2 | d | people left out, ≤ 5,000 |
/// | d × 32 | user id | ascending |
///
/// Nothing stands on both sides, and a rule that includes nobody leaves nobody out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    include: Include,
    exclude_tags: BTreeSet<TagId>,
    exclude_people: BTreeSet<UserId>,
}

impl Rule {
    /// A rule in its one form.
    ///
    /// # Errors
    /// [`RuleError`] if it names more than 256 tags or 5,000 people on one side.
    pub fn new(
        include: Include,
        exclude_tags: BTreeSet<TagId>,
        exclude_people: BTreeSet<UserId>,
    ) -> Result<Self, RuleError> {
        let mut rule = Self { include, exclude_tags, exclude_people };
        if let Include::Named { tags, people } = &mut rule.include {
            tags.retain(|tag| !rule.exclude_tags.contains(tag));
            people.retain(|user| !rule.exclude_people.contains(user));
            if tags.is_empty() && people.is_empty() {
                rule.exclude_tags.clear();
                rule.exclude_people.clear();
            }
            within("tags", TAG_LIMIT, tags.len())?;
            within("people", FRIEND_LIMIT, people.len())?;
        }
        within("tags", TAG_LIMIT, rule.exclude_tags.len())?;
        within("people", FRIEND_LIMIT, rule.exclude_people.len())?;
        Ok(rule)
    }

    /// All friends.
    pub const fn everyone() -> Self {
        Self { include: Include::All, exclude_tags: BTreeSet::new(), exclude_people: BTreeSet::new() }
    }

    /// Only me.
    pub const fn private() -> Self {
        Self {
            include: Include::Named { tags: BTreeSet::new(), people: BTreeSet::new() },
            exclude_tags: BTreeSet::new(),
            exclude_people: BTreeSet::new(),
        }
    }

    /// Whom it names.
    pub const fn include(&self) -> &Include {
        &self.include
    }

    /// The tags it leaves out.
    pub const fn exclude_tags(&self) -> &BTreeSet<TagId> {
        &self.exclude_tags
    }

    /// The people it leaves out by name.
    pub const fn exclude_people(&self) -> &BTreeSet<UserId> {
        &self.exclude_people
    }

    /// How it would be said in words.
    pub fn kind(&self) -> Kind {
        let leaves_out = !self.exclude_tags.is_empty() || !self.exclude_people.is_empty();
        match &self.include {
            Include::All if leaves_out => Kind::Except,
            Include::All => Kind::Everyone,
            Include::Named { tags, people } if tags.is_empty() && people.is_empty() => Kind::Private,
            Include::Named { .. } if leaves_out => Kind::OnlyExcept,
            Include::Named { .. } => Kind::Only,
        }
    }

    /// Whether it names this tag on either side, so that whoever deletes the tag can say which audiences change.
    pub fn names_tag(&self, tag: TagId) -> bool {
        let included = match &self.include {
            Include::All => false,
            Include::Named { tags, .. } => tags.contains(&tag),
        };
        included || self.exclude_tags.contains(&tag)
    }
}

const fn within(what: &'static str, limit: usize, actual: usize) -> Result<(), RuleError> {
    if actual > limit { Err(RuleError { what, limit, actual }) } else { Ok(()) }
}

/// A count that a constructor has already held below its limit.
fn write_count(out: &mut Writer, count: usize) {
    out.u16(u16::try_from(count).unwrap_or(u16::MAX));
}

fn read_set<T: Decode + Ord>(
    input: &mut Reader<'_>,
    what: &'static str,
    limit: usize,
    each_len: usize,
) -> Result<BTreeSet<T>, DecodeError> {
    let count = u64::from(input.u16()?);
    let count = input.count(what, count, limit, each_len)?;
    let mut set = BTreeSet::new();
    for _ in 0..count {
        let item: T = input.value()?;
        if set.last().is_some_and(|last| *last >= item) {
            return Err(DecodeError::Invalid { what: "a rule's tags or people do not ascend" });
        }
        set.insert(item);
    }
    Ok(set)
}

impl Encode for TagId {
    fn encode_to(&self, out: &mut Writer) {
        out.u32(self.0);
    }
}

impl Decode for TagId {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        input.u32().map(Self)
    }
}

impl Encode for Rule {
    fn encode_to(&self, out: &mut Writer) {
        match &self.include {
            Include::All => {
                out.u8(0);
            }
            Include::Named { tags, people } => {
                out.u8(1);
                write_count(out, tags.len());
                tags.iter().for_each(|tag| tag.encode_to(out));
                write_count(out, people.len());
                people.iter().for_each(|user| user.encode_to(out));
            }
        }
        write_count(out, self.exclude_tags.len());
        self.exclude_tags.iter().for_each(|tag| tag.encode_to(out));
        write_count(out, self.exclude_people.len());
        self.exclude_people.iter().for_each(|user| user.encode_to(out));
    }
}

impl Decode for Rule {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let include = match input.u8()? {
            0 => Include::All,
            1 => Include::Named {
                tags: read_set(input, "tags of a rule", TAG_LIMIT, 4)?,
                people: read_set(input, "people of a rule", FRIEND_LIMIT, UserId::LEN)?,
            },
            code => return Err(DecodeError::Unknown { what: "audience rule", code: u64::from(code) }),
        };
        let given = Self {
            include,
            exclude_tags: read_set(input, "tags of a rule", TAG_LIMIT, 4)?,
            exclude_people: read_set(input, "people of a rule", FRIEND_LIMIT, UserId::LEN)?,
        };
        let normal =
            Self::new(given.include.clone(), given.exclude_tags.clone(), given.exclude_people.clone());
        if normal.as_ref() != Ok(&given) {
            return Err(DecodeError::Invalid { what: "a rule says something twice or in vain" });
        }
        Ok(given)
    }
}
