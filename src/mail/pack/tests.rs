//! Packing: nothing is lost, nothing is too long, order among parcels is kept and inside them is not.

use proptest::prelude::*;

use super::*;
use crate::id::ParcelId;
use crate::mail::item::tests::{entry, golden, grants};
use crate::mail::{Cause, EntryRef, Recall, VaultKeep};

fn bytes_of(parcel: &[Item]) -> usize {
    parcel.iter().map(Item::encoded_len).sum()
}

fn fits(parcels: &[Vec<Item>]) -> bool {
    parcels.iter().all(|parcel| {
        !parcel.is_empty() && bytes_of(parcel) <= PARCEL_ITEMS_LIMIT && parcel.len() <= PARCEL_ITEM_LIMIT
    })
}

fn tombstones(count: u64) -> Item {
    Item::Tombstones((0..count).map(|seq| entry(seq, 1)).collect())
}

#[test]
fn nothing_makes_no_parcel() {
    assert_eq!(pack([], &mut Entropy::from_number(1)), Vec::<Vec<Item>>::new());
}

#[test]
fn a_long_list_is_cut_and_says_the_same_together() {
    let parcels = pack([tombstones(2_000)], &mut Entropy::from_number(1));
    assert!(fits(&parcels));
    assert_eq!(parcels.len(), (2_000 * ENTRY_REF_LEN).div_ceil(PARCEL_ITEMS_LIMIT));
    let mut all = BTreeSet::new();
    for item in parcels.into_iter().flatten() {
        match item {
            Item::Tombstones(part) => all.extend(part),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(all, (0..2_000).map(|seq| entry(seq, 1)).collect());
}

#[test]
fn a_parcel_is_filled_to_the_last_byte_that_fits() {
    let most = u64::try_from((PARCEL_ITEMS_LIMIT - 5) / ENTRY_REF_LEN).expect("small");
    assert_eq!(pack([tombstones(most)], &mut Entropy::from_number(1)).len(), 1);
    assert_eq!(pack([tombstones(most + 1)], &mut Entropy::from_number(1)).len(), 2);
}

#[test]
fn grants_keep_their_claim_in_every_part() {
    let whole = grants(1_000);
    let parcels = pack([Item::Grants(whole.clone())], &mut Entropy::from_number(1));
    assert!(fits(&parcels) && parcels.len() == 3);
    let mut keys = BTreeMap::new();
    for item in parcels.into_iter().flatten() {
        match item {
            Item::Grants(part) => {
                assert_eq!(
                    (part.epoch_pub, part.es_commit, part.claim),
                    (whole.epoch_pub, whole.es_commit, whole.claim)
                );
                keys.extend(part.keys);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(keys, whole.keys);
}

#[test]
fn what_comes_first_goes_into_the_first_parcel_and_inside_the_order_is_random() {
    let recall = |version| Item::Recall(Recall { post: entry(1, 1), version, is_shown: true });
    let all: Vec<Item> = (0..1_000).map(recall).collect();
    let parcels = pack(all.clone(), &mut Entropy::from_number(7));
    assert!(fits(&parcels));
    let mut at = 0;
    for parcel in &parcels {
        let wanted = &all[at..at + parcel.len()];
        assert_ne!(parcel.as_slice(), wanted, "the order inside shows nothing");
        assert!(wanted.iter().all(|item| parcel.contains(item)));
        at += parcel.len();
    }
    assert_eq!(at, 1_000);
    assert_ne!(parcels, pack(all, &mut Entropy::from_number(8)));
}

#[test]
fn small_items_are_counted_too() {
    let ack = |n: u32| {
        Item::Ack(BTreeSet::from([ParcelId::from_bytes([u8::try_from(n % 251).expect("small"); 16])]))
    };
    let count = u32::try_from(PARCEL_ITEM_LIMIT).expect("small");
    assert_eq!(pack((0..count).map(ack), &mut Entropy::from_number(1)).len(), 1);
    let parcels = pack((0..=count).map(ack), &mut Entropy::from_number(1));
    assert_eq!(parcels.iter().map(Vec::len).collect::<Vec<_>>(), [PARCEL_ITEM_LIMIT, 1]);
}

#[test]
fn a_close_that_names_no_epoch_survives() {
    let device = crate::id::DeviceId::from_bytes([1; 32]);
    let empty = Item::EpochCloses(EpochCloses { cause: Cause::Revoked, device, epochs: BTreeMap::new() });
    let vault = |len| Item::VaultKeep(VaultKeep { version: 1, part: 0, parts: 1, bytes: vec![0; len] });
    let fill = [vault(15_000), vault(PARCEL_ITEMS_LIMIT - 15_000 - 2 * 17 - 20)];
    let parcels = pack(fill.into_iter().chain([empty.clone()]), &mut Entropy::from_number(1));
    assert!(fits(&parcels));
    assert_eq!(parcels[1], [empty]);
}

#[test]
fn an_item_that_no_parcel_holds_goes_out_alone_to_be_refused() {
    let vault =
        Item::VaultKeep(VaultKeep { version: 1, part: 0, parts: 1, bytes: vec![0; PARCEL_ITEMS_LIMIT] });
    let parcels = pack([tombstones(1), vault.clone(), tombstones(2)], &mut Entropy::from_number(1));
    assert_eq!(parcels, [vec![tombstones(1)], vec![vault], vec![tombstones(2)]]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_mixture_fits_and_nothing_is_lost(
        sizes in prop::collection::vec((0usize..4, 1u64..1_500), 0..12),
        seed: u64,
    ) {
        let others: Vec<Item> = golden().into_iter().map(|(_, item)| item).collect();
        let (mut items, mut entries) = (others.clone(), 0u64);
        for (n, (kind, size)) in sizes.into_iter().enumerate() {
            let epoch = crate::id::EpochId::from_bytes([u8::try_from(n).expect("small"); 16]);
            let at = |seq| EntryRef { epoch, seq, ..entry(0, 9) };
            entries += size;
            items.push(match kind {
                0 => Item::Tombstones((0..size).map(at).collect()),
                1 => Item::DeletionReceipt((0..size).map(at).collect()),
                2 => {
                    let tags = (0..size).map(|n| u128::from(n).to_be_bytes()).collect();
                    Item::Hides(Hides { post: at(1), tags })
                }
                _ => Item::Ack((0..size).map(|n| ParcelId::from_bytes(u128::from(n).to_be_bytes())).collect()),
            });
        }
        let count = |items: &[Item]| -> u64 {
            items.iter().map(|item| match item {
                Item::Tombstones(list) | Item::DeletionReceipt(list) => list.len(),
                Item::Hides(hides) => hides.tags.len(),
                Item::Ack(list) => list.len(),
                _ => 0,
            }).sum::<usize>().try_into().expect("small")
        };
        let lists_before = count(&others);
        let parcels = pack(items, &mut Entropy::from_number(seed));
        prop_assert!(fits(&parcels));
        let all: Vec<Item> = parcels.into_iter().flatten().collect();
        prop_assert_eq!(count(&all), entries + lists_before);
    }
}
