mod invites;
mod keyring;
mod known;
mod records;
mod words;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::crypto::{Domain, Entropy, InviteSecret, RootSeed, SealPublic, Signature, SigningKey, keys};
use crate::id::{DeviceId, NodeId, UserId, hex, unhex};
use crate::limits::{
    ADDRESS_LEN_LIMIT, ADDRESS_LIMIT, DEVICE_LIMIT, FORMER_SEAL_LIMIT, INVITE_ADDRESS_LIMIT,
    INVITE_LINK_LIMIT, RELAY_LIMIT, REVOKED_DEVICE_LIMIT, SEAL_KEY_KEEP_DAYS, STORE_VALUE_LIMIT,
};
use crate::link::Address;
use crate::time::Day;
use crate::wire::{self, Encode};

const TODAY: Day = Day(20_500);

fn root(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32])
}

fn listed(byte: u8) -> ListedDevice {
    ListedDevice { device: DeviceId::from_bytes([byte; 32]), kind: DeviceKind::Person, added: TODAY }
}

fn identity(seq: u64, devices: &[u8]) -> Verified<IdentityRecord> {
    IdentityRecord::sign(&root(1), seq, devices.iter().map(|byte| listed(*byte))).expect("few devices")
}

fn device_key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn device_id() -> DeviceId {
    DeviceId::from_bytes(*device_key().public().as_bytes())
}

fn draft() -> DeviceDraft {
    DeviceDraft {
        user: UserId::from_bytes(*root(1).public().as_bytes()),
        seq: 5,
        node: NodeId::from_bytes([0x77; 32]),
        seal: SealPublic::from_bytes([0x0a; 32]),
        flags: DeviceFlags::new(true, false),
        not_after: TODAY,
        addresses: vec![
            Address::from_bytes(b"one").expect("short"),
            Address::from_bytes(b"two").expect("short"),
        ],
        relays: vec![NodeId::from_bytes([0x99; 32])],
    }
}

/// Signs altered bytes anew, so that only the rule under test can refuse them.
fn resigned(key: &SigningKey, domain: Domain, signed: &[u8]) -> Vec<u8> {
    [signed, key.sign(domain, signed).as_bytes()].concat()
}

fn unsigned(record: &[u8]) -> &[u8] {
    &record[..record.len() - Signature::LEN]
}
