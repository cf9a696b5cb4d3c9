//! What the service knows of people, audiences and epochs: small records, all in memory, each kept under its own key.
//!
//! A record changes in memory and in the batch of the same step; the batch is applied before anything that follows
//! from it is said. At start the records are read back and nothing is derived that is not in them.
//!
//! ```text
//! State tree, key = kind 1 ‖ id           value (sealed at rest)
//!  'm'                                    Me: name, profile, newest records' bytes, counters
//!  'f' user 32                            Friend
//!  't' tag 4                              TagRecord
//!  'a' audience 4                         AudienceRecord
//!  'e' epoch 16                           EpochRecord (own and others')
//!  'l' epoch 16                           LogState of that epoch
//!  'i' invite 16                          OpenInvite
//!  'p' user 32                            PendingPair
//!  'o' number 8                           OpRecord
//!  'b' user 32                            Bond
//!  's' user 32 ‖ n 1                      a moment that somebody shows me as a stranger
//!  'd' 'm' or 'h' ‖ invite 16             Made, Heard: introductions
//!  'r'                                    own rules of moments, and what friends were told (`readers`)
//!  'v' author 32 ‖ epoch 16 ‖ entry 32    what an author said about a moment of theirs (`recalls`)
//!  'x' post 32 ‖ hide tag 16              what I hid beneath it (`hides`)
//!  'c' which 1 ‖ user 32                  StatusRecord, FaceRecord
//!  'u'                                    how the pages are (`settings`)
//! ```
//!
//! Source: docs/protocol.md 3.1–3.3, 3.11, 3.13.

mod bonds;
mod epochs;
mod introductions;
mod people;
mod words;

pub use bonds::{Blocked, Bond};
pub use epochs::{AudienceRecord, EpochRecord, Numbers, OwnPart, class_code, class_from};
pub use introductions::{Heard, Introductions, Made, ends};
pub use people::{Friend, InviteRecord, Me, NOTE_LIMIT, OpRecord, PendingPair, TagRecord};
pub use words::{FaceRecord, StatusRecord};
