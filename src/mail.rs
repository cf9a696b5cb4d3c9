//! Parcels: what one device hands to one device of another person, met or not, by way of friends who cannot look.
//!
//! Alice mints an epoch while Bob is away. She seals its keys to each of Bob's devices and leaves the parcels with
//! Carol, whom Bob will meet. Carol sees that a parcel for Bob lies with her, its size and its last day; not from whom
//! it is, nor what it holds.
//!
//! ```text
//!  Alice: Owed ──▶ pack ──▶ seal ──▶ Put ──▶ Carol: Courier ──▶ Deliver ──▶ Bob: open ──▶ check_device ──▶ items
//!           ▲                                    ▲                                                          │
//!           └──── Ack (an item of Bob's) ─────── └────────────── Taken (after Bob's flush) ◀────────────────┘
//! ```
//!
//! - [`Envelope`] is what travels: 72 bytes in the open, then an HPKE ciphertext (`envelope`).
//! - [`seal`], [`open`] make and read it. What comes out of `open` are the sender's records and [`Unproven`] items:
//!   they become readable only by proving that the device of the carried record made the parcel (`letter`).
//! - [`Item`] is what a parcel carries (`item`); keys of epochs and grants count only after their claim (`claim`).
//! - [`Frame`] is `/tidings/mail/1` (`frame`).
//! - [`Courier`] decides what we hold for others, [`Owed`] what we still have to hand to a device.
//!
//! What it does not do: it knows no friends, records, sessions or stores; it is told. It decides about bytes, budgets
//! and days, and returns what to keep and what to remove.
//!
//! Invariants: replay is a no-op and a parcel to another recipient, in the other direction or under another generation
//! is refused (I22); any changed byte is (I12); nothing a stranger or friend sends grows beyond `limits` (I23).
//!
//! Source: docs/protocol.md 3.6, 3.7 (mail), 3.18.

mod claim;
mod courier;
mod envelope;
mod frame;
mod item;
mod letter;
mod owed;
mod pack;

pub use claim::{ClaimError, VerifiedEpochKeys, VerifiedGrants, epoch_keys_item, sign_claim, verify_claim};
pub use courier::{Courier, Held, HeldId, PutAnswer, Refused};
pub use envelope::{Envelope, HEAD_LEN};
pub use frame::Frame;
pub use item::{
    Cause, Class, ClosedEpoch, EntryRef, EpochCloses, EpochKeys, Grants, Hides, Introduction,
    IntroductionAnswer, IntroductionRecords, Item, Recall, Relay, VaultKeep,
};
pub use letter::{
    DeviceError, Letter, OpenError, OpenKeys, Opened, Received, SealError, Unproven, is_record_recent, open,
    seal,
};
pub use owed::{
    Carried, Carriers, Forgotten, IntroductionStep, Owed, OwedId, OwedKind, Puts, Wanted, choose_couriers,
};
pub use pack::pack;
