//! Rules, people and choices one by one; whole histories are in `tests/audience_model.rs`.
