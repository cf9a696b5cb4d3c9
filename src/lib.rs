//! Tidings: private moments for friends, without a server.
//!
//! Each person runs a node that signs moments, encrypts them per audience with friend-group keys, and gossips them to
//! friends. This library is the whole of it but the program around it. The pure core (everything below [`link`])
//! owns no socket, clock, thread or randomness: it builds with `--no-default-features`.
//!
//! The map stands in `ARCHITECTURE.md`, the bytes in `docs/protocol.md`.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]
// Whatever may read a stranger's bytes. Tests are exempt; a module of layer 5 and above that needs less says so beside
// its `mod` line (CONTRIBUTING.md, "Lints").
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::as_conversions,
        clippy::arithmetic_side_effects
    )
)]

pub mod ask;
pub mod audience;
pub mod blob;
#[cfg(all(feature = "net", feature = "sled"))]
#[cfg(feature = "net")]
pub mod client;
pub mod crypto;
pub mod entry;
pub mod error;
#[cfg(feature = "furnish")]
pub mod furnish;
pub mod id;
pub mod identity;
pub mod limits;
pub mod link;
pub mod mail;
pub mod moment;
#[cfg(feature = "net")]
pub mod net;
pub mod pair;
pub mod service;
#[cfg(feature = "sim")]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a simulation counts and measures its own values; a mistake in it must stop it at once, and no stranger feeds it"
)]
pub mod sim;
pub mod store;
pub mod sync;
pub mod time;
pub mod view;
pub mod wire;
