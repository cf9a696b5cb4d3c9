//! Tidings: private moments for friends, without a server.
//!
//! Each person runs a node that signs moments, encrypts them per audience with friend-group keys, and gossips them to
//! friends. This library is the whole of it but the program around it. The pure core (everything below [`link`])
//! owns no socket, clock, thread or randomness: it builds with `--no-default-features`.
//!
//! The map stands in `ARCHITECTURE.md`, the bytes in `docs/protocol.md`.

pub mod ask;
#[cfg(feature = "net")]
pub mod client;
pub mod crypto;
pub mod error;
pub mod id;
pub mod limits;
pub mod link;
pub mod time;
pub mod view;
pub mod wire;
