//! Going on after a cut: what came is not asked for again, whenever the cut was.

use proptest::prelude::*;

use crate::limits::UNSENT_LIMIT;
use crate::sync::testing::*;
use crate::sync::*;

const EPOCHS: usize = 3;
const ENTRIES: u64 = 200;
const LEN: usize = 600;

/// One author's records and two of their epochs, the second node being a recipient of all.
fn net(seed: u64) -> Net {
    let mut net = Net::new(2, seed);
    for number in 0..EPOCHS {
        let class = if number == 0 { Class::Contact } else { Class::Posts };
        for node in &mut net.nodes {
            node.keys.push(Keys::new(number, 0, class, &[1]));
        }
        for seq in 0..ENTRIES {
            net.hold(0, &Bytes::new(epoch_id(number), seq, 0, LEN));
        }
    }
    net
}

fn received(net: &Net) -> usize {
    (0..EPOCHS).map(|number| net.nodes[1].ledger.seqs(epoch_id(number)).len()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn after_a_cut_only_what_was_in_flight_comes_again(cut in 0usize..900, seed: u64) {
        let mut net = net(seed);
        net.connect(0, 1);
        for _ in 0..cut {
            net.drain(0, 0);
            net.drain(0, 1);
            net.deliver(0, 0);
            net.deliver(0, 1);
        }
        let before = received(&net);
        let lost = net.cut(0);
        // Frames that had left and did not arrive: at most what may be unsent.
        let in_flight: usize = lost.wires[1].iter().map(Vec::len).sum();
        prop_assert!(in_flight <= UNSENT_LIMIT);
        let is_entry = |frame: &&Vec<u8>| matches!(Frame::decode(frame), Ok(Some(Frame::Entry(_))));
        let entries_in_flight = lost.wires[1].iter().filter(is_entry).count();
        net.connect(0, 1);
        net.settle();
        prop_assert_eq!(received(&net), EPOCHS * usize::try_from(ENTRIES).unwrap());
        let again = net.links[0].entries[0].len();
        prop_assert_eq!(before + again, EPOCHS * usize::try_from(ENTRIES).unwrap(), "none was received twice");
        let sent_twice = lost.entries[0].keys().filter(|key| net.links[0].entries[0].contains_key(*key)).count();
        prop_assert_eq!(sent_twice, entries_in_flight, "sent twice is what was lost on the way");
    }
}
