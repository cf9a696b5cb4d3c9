//! What the first release has to show, with the built program: processes on loopback, real photos, real kills.
//!
//! | story | shows |
//! | --- | --- |
//! | `except_bob` | Carol has a photo within a second of `post`, clean of metadata; Bob receives what he would have received without it |
//! | `author_away` | a friend who was away gets the moment from a mutual friend while its author is off |
//! | `kills` | kill −9 at random moments: nothing that was said is lost, no number is used twice, timelines converge |
//! | `refusals` | a second node on one home, and a full disk |
//!
//! `TIDINGS_KILLS=200 SEED=7 cargo test -p tidings-node --test first_light` runs the long form; figures are printed
//! (`-- --nocapture`).

#[path = "first_light/author_away.rs"]
mod author_away;
#[path = "first_light/except_bob.rs"]
mod except_bob;
#[path = "first_light/kills.rs"]
mod kills;
#[path = "first_light/refusals.rs"]
mod refusals;
#[path = "support.rs"]
mod support;
