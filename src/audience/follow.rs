//! What a changed rule means for one friend and one moment that was shared before.
//!
//! Rules are evaluated when they are looked at, not when a moment is made: who is taken out of a tag, put under an
//! excepted one, hidden from or left out by a changed rule loses what they could read; who comes back gets back what
//! they had. What was written while somebody was out stays closed to them (I2), unless the author opens that very
//! moment by a rule of its own.
//!
//! What it does not do: it cannot make anybody forget. *Take* asks the other's node; see docs/threat-model.md.
//!
//! Source: docs/protocol.md 3.11, 3.15 (Changing who may see an old moment).

/// How one friend stands to one own moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The rule that counts for the moment names them now.
    pub member: bool,
    /// They were given a key that opens it: its epoch's, or its own.
    pub holds: bool,
    /// It was taken back from them.
    pub taken: bool,
    /// It lies inside the author's window.
    pub in_window: bool,
    /// If they never held it, they may be given it: nothing says that it was written without them.
    pub may_join: bool,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Follow {
    /// All is as it should be.
    Nothing,
    /// A Recall, hidden.
    Take,
    /// A Recall, shown, and a grant.
    GiveBack,
    /// A grant.
    Grant,
}

/// What to do so that who can read a moment is who its rule names.
pub const fn follow(standing: Standing) -> Follow {
    let Standing { member, holds, taken, in_window, may_join } = standing;
    match (member, taken) {
        (false, false) if holds => Follow::Take,
        (true, true) if in_window => Follow::GiveBack,
        (true, false) if !holds && may_join && in_window => Follow::Grant,
        _ => Follow::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGE: Standing =
        Standing { member: false, holds: false, taken: false, in_window: true, may_join: true };

    #[test]
    fn who_holds_it_and_is_named_no_more_loses_it_once() {
        let held = Standing { holds: true, ..STRANGE };
        assert_eq!(follow(held), Follow::Take);
        assert_eq!(follow(Standing { in_window: false, ..held }), Follow::Take, "outside the window as well");
        assert_eq!(follow(Standing { taken: true, ..held }), Follow::Nothing, "taken already");
        assert_eq!(follow(STRANGE), Follow::Nothing, "never had it");
    }

    #[test]
    fn who_comes_back_gets_back_what_they_had_inside_the_window() {
        let back = Standing { member: true, holds: true, taken: true, may_join: false, ..STRANGE };
        assert_eq!(follow(back), Follow::GiveBack);
        assert_eq!(follow(Standing { in_window: false, ..back }), Follow::Nothing);
        assert_eq!(follow(Standing { taken: false, ..back }), Follow::Nothing, "never lost it");
    }

    #[test]
    fn who_never_had_it_is_granted_it_only_if_nothing_was_written_without_them() {
        let new = Standing { member: true, ..STRANGE };
        assert_eq!(follow(new), Follow::Grant);
        assert_eq!(follow(Standing { may_join: false, ..new }), Follow::Nothing);
        assert_eq!(follow(Standing { in_window: false, ..new }), Follow::Nothing);
    }
}
