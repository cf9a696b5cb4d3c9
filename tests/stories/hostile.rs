//! Hostile friends.
