//! What a node keeps.
//!
//! [`blobs`] holds the sealed bytes of photos and videos as files.

pub mod blobs;
