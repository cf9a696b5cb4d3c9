//! Finding common epochs: what matches, what never does (I8), and what a peer can see of the rest (I7).

use crate::crypto::Entropy;
use crate::crypto::keys::{Role, SessionBinding, scope_tag};
use crate::limits::{TAGS_CLASS_LIMIT, TAGS_FRAME_LIMIT, TAGS_ROUND_INTERVAL_MS, TAGS_ROUND_JITTER_MS};
use crate::sync::testing::*;
use crate::sync::*;
use crate::time::Timestamp;

const TAGS: u8 = 3;
const MATCHED: u8 = 4;

/// Two nodes that carry `contact` and `posts` epochs of others each, of which the first few are common.
fn carriers(common: usize, only_a: usize, only_b: usize, class: Class) -> Net {
    let mut net = Net::new(2, 1);
    for number in 0..common {
        for node in &mut net.nodes {
            node.keys.push(Keys::new(number, 9, class, &[]));
        }
    }
    for number in 0..only_a {
        net.nodes[0].keys.push(Keys::new(1_000_000 + number, 8, class, &[]));
    }
    for number in 0..only_b {
        net.nodes[1].keys.push(Keys::new(2_000_000 + number, 8, class, &[]));
    }
    net
}

fn matched(link: &Link, side: usize) -> Vec<crate::id::EpochId> {
    let found = link.outputs[side].iter().filter_map(|output| match output {
        Output::Matched { epoch } => Some(*epoch),
        _ => None,
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found
}

fn epochs(numbers: std::ops::Range<usize>) -> Vec<crate::id::EpochId> {
    let mut ids: Vec<_> = numbers.map(epoch_id).collect();
    ids.sort();
    ids
}

fn tag_frames(link: &Link, side: usize) -> Vec<usize> {
    link.traces[side].iter().filter(|(variant, _)| *variant == TAGS).map(|(_, len)| (len - 5) / 16).collect()
}

#[test]
fn both_sides_find_exactly_what_both_hold() {
    for class in [Class::Contact, Class::Posts] {
        let mut net = carriers(5, 3, 7, class);
        net.connect(0, 1);
        net.settle();
        for side in 0..2 {
            assert_eq!(matched(&net.links[0], side), epochs(0..5));
            let outputs = &net.links[0].outputs[side];
            assert!(outputs.contains(&Output::ClassDone(Class::Contact)));
            assert!(outputs.contains(&Output::ClassDone(Class::Posts)));
        }
        assert!(net.faults().is_empty());
    }
}

#[test]
fn the_number_of_tags_is_a_power_of_two_of_at_least_64() {
    for (held, shown) in [(0, 64), (1, 64), (64, 64), (65, 128), (128, 128), (300, 512)] {
        let mut net = carriers(0, held, 0, Class::Contact);
        net.connect(0, 1);
        net.settle();
        assert_eq!(tag_frames(&net.links[0], 0), [shown, 64], "{held} epochs");
        assert_eq!(tag_frames(&net.links[0], 1), [64, 64]);
    }
}

#[test]
fn a_round_that_fills_its_last_frame_is_ended_by_an_empty_one() {
    let mut net = carriers(3, TAGS_FRAME_LIMIT, 0, Class::Contact);
    net.connect(0, 1);
    net.settle();
    assert_eq!(tag_frames(&net.links[0], 0), [TAGS_FRAME_LIMIT, TAGS_FRAME_LIMIT, 0, 64]);
    assert_eq!(matched(&net.links[0], 1), epochs(0..3));
    assert!(net.faults().is_empty());
}

#[test]
fn what_does_not_fit_the_first_exchange_waits_for_a_round() {
    let mut net = carriers(0, TAGS_CLASS_LIMIT, 0, Class::Contact);
    // Both hold two more, which the first names last and the second only answers.
    net.nodes[0].keys.push(Keys::new(0, 9, Class::Contact, &[]));
    net.connect(0, 1);
    net.settle();
    assert_eq!(matched(&net.links[0], 0), []);
    net.learn(1, Keys::new(0, 9, Class::Contact, &[]));
    net.elapse(2 * TAGS_ROUND_INTERVAL_MS);
    assert_eq!(matched(&net.links[0], 0), epochs(0..1));
    assert_eq!(matched(&net.links[0], 1), epochs(0..1));
}

#[test]
fn an_epoch_learnt_meanwhile_waits_for_the_next_round_of_64() {
    for learner_first in [0, 1] {
        let mut net = carriers(0, 0, 0, Class::Posts);
        net.connect(0, 1);
        net.settle();
        // The early rounds, which come whatever there is.
        net.elapse(100_000);
        let before: Vec<usize> = (0..2).map(|side| net.links[0].traces[side].len()).collect();
        net.learn(learner_first, Keys::new(0, 9, Class::Posts, &[]));
        net.learn(1 - learner_first, Keys::new(0, 9, Class::Posts, &[]));
        net.elapse(TAGS_ROUND_INTERVAL_MS - TAGS_ROUND_JITTER_MS - 30_000);
        let after: Vec<usize> = (0..2).map(|side| net.links[0].traces[side].len()).collect();
        assert_eq!(before, after, "a frame left because an epoch opened");
        net.elapse(2 * TAGS_ROUND_JITTER_MS + 1);
        assert_eq!(matched(&net.links[0], 0), epochs(0..1));
        assert_eq!(matched(&net.links[0], 1), epochs(0..1));
        assert!(net.faults().is_empty());
    }
}

#[test]
fn rounds_of_exactly_64_go_on_whether_or_not_there_is_anything_new() {
    let mut net = carriers(2, 100, 0, Class::Contact);
    net.connect(0, 1);
    net.elapse(0);
    let first: Vec<usize> = (0..2).map(|side| net.links[0].traces[side].len()).collect();
    let hours = 5;
    net.elapse(hours * 3_600_000);
    for (side, seen) in first.iter().enumerate() {
        let later = &net.links[0].traces[side][*seen..];
        let rounds = later.iter().filter(|(variant, _)| *variant == TAGS).count();
        assert!((25..=38).contains(&rounds), "{rounds} rounds in {hours} hours");
        assert!(later.iter().filter(|(variant, _)| *variant == TAGS).all(|(_, len)| *len == 5 + 64 * 16));
        // Nothing else but the answers: less than 1 KB a minute.
        assert!(later.iter().all(|(variant, _)| [TAGS, MATCHED].contains(variant)));
    }
    assert!(net.faults().is_empty());
}

#[test]
fn a_courier_sees_one_round_at_once() {
    let mut net = carriers(0, 0, 0, Class::Posts);
    net.connect(0, 1);
    net.settle();
    net.nodes[1].keys.push(Keys::new(0, 9, Class::Posts, &[]));
    net.learn(0, Keys::new(0, 9, Class::Posts, &[]));
    let keys = net.nodes[1].keys.pop().unwrap();
    net.learn(1, keys);
    let rounds = tag_frames(&net.links[0], 1).len();
    net.links[0].sessions[1].courier_round();
    net.settle();
    assert_eq!(tag_frames(&net.links[0], 1).len(), rounds + 1);
    assert_eq!(matched(&net.links[0], 0), epochs(0..1));
}

/// Everything the peer sees, but for what is random in it anyway.
fn view(net: &Net) -> Vec<(u8, usize)> {
    net.links[0].traces[0].clone()
}

#[test]
fn a_peer_cannot_tell_that_one_holds_an_epoch_more() {
    for class in [Class::Contact, Class::Posts] {
        for held in [0, 1, 10, 63, 64, 65, 127] {
            let run = |more: usize, when_open: bool| {
                let mut net = carriers(2, held, 5, class);
                if !when_open {
                    for number in 0..more {
                        net.nodes[0].keys.push(Keys::new(3_000_000 + number, 7, class, &[]));
                    }
                }
                net.connect(0, 1);
                net.settle();
                if when_open {
                    for number in 0..more {
                        net.learn(0, Keys::new(3_000_000 + number, 7, class, &[]));
                    }
                }
                net.elapse(3 * TAGS_ROUND_INTERVAL_MS);
                (view(&net), net.now)
            };
            // Up to the padding bucket: the two common ones are shown as well.
            let stays_in_bucket = (held + 2).next_power_of_two().max(64) >= held + 3;
            assert_eq!(run(0, false) == run(1, false), stays_in_bucket, "{class:?}, {held} held");
            assert_eq!(run(0, true), run(1, true), "{class:?}, learnt while open");
            assert_eq!(run(0, true), run(40, true), "{class:?}, many learnt while open");
        }
    }
}

#[test]
fn an_epoch_that_the_peer_may_not_have_leaves_its_view_as_it_was() {
    let run = |excluded: bool| {
        let mut net = Net::pair(1);
        if excluded {
            net.nodes[0].keys.push(Keys::new(1, 0, Class::Posts, &[]));
        }
        net.connect(0, 1);
        net.settle();
        for seq in 0..3 {
            net.write(0, &Bytes::new(epoch_id(0), seq, 0, 300));
            if excluded {
                net.write(0, &Bytes::new(epoch_id(1), seq, 0, 300));
            }
            net.elapse(2_000);
        }
        net.elapse(TAGS_ROUND_INTERVAL_MS * 2);
        view(&net)
    };
    assert_eq!(run(false), run(true));
}

/// A session of Alice with whoever speaks to her from the node `theirs`, up to the point where tags are due.
pub(super) fn alice(role: Role, theirs: usize, seed: u64) -> (Session, [u8; 32]) {
    alice_sharing(1, role, theirs, seed)
}

fn alice_sharing(scopes: usize, role: Role, theirs: usize, seed: u64) -> (Session, [u8; 32]) {
    let mut session = Session::new(Config {
        role,
        our_node: node_id(0),
        their_node: node_id(theirs),
        identity: Vec::new(),
        device: Vec::new(),
        entropy: Entropy::from_number(seed),
    });
    let scope = |number| Scope {
        epoch: epoch(number, 9, Class::Contact),
        how: How::Tag { offer: true },
        open: true,
        peer_is_author: false,
    };
    session.add_scopes((0..scopes).map(scope), NOW);
    let Some(Output::Send(hello)) = session.poll_output(NOW, &Ledger::default()) else { panic!("no Hello") };
    let Ok(Some(Frame::Hello(hello))) = Frame::decode(&hello) else { panic!("not Hello") };
    (session, hello.nonce)
}

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_000);

fn greet(session: &mut Session, nonce: [u8; 32]) -> Vec<Output> {
    greet_with(session, nonce, 0)
}

pub(super) fn greet_with(session: &mut Session, nonce: [u8; 32], features: u32) -> Vec<Output> {
    let hello = Hello { nonce, features, identity: Vec::new(), device: Vec::new() };
    let mut out = feed(session, &Frame::Hello(hello));
    session.accept_peer(NOW);
    out.extend(drain(session));
    out
}

pub(super) fn feed(session: &mut Session, frame: &Frame) -> Vec<Output> {
    session.handle_frame(&frame.encode(), NOW, &Ledger::default());
    drain(session)
}

pub(super) fn drain(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output(NOW, &Ledger::default())).collect()
}

pub(super) fn frames(outputs: &[Output]) -> Vec<Frame> {
    let sent = outputs.iter().filter_map(|output| match output {
        Output::Send(bytes) => Some(Frame::decode(bytes).unwrap().unwrap()),
        _ => None,
    });
    sent.collect()
}

fn is_fault(outputs: &[Output], kind: &FaultKind) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Fault(fault) if fault.kind == *kind))
}

pub(super) const THEIR_NONCE: [u8; 32] = [0xbb; 32];

/// What Alice as the responder answers to one tag, padded by 63 zeros.
fn answer_to(tag: Tag) -> Vec<MatchedItem> {
    let (mut session, _) = alice(Role::Responder, 1, 5);
    greet(&mut session, THEIR_NONCE);
    let mut tags = vec![[0; 16]; 64];
    tags[17] = tag;
    let outputs = feed(&mut session, &Frame::Tags { class: 1, tags });
    let answers = frames(&outputs).into_iter().find_map(|frame| match frame {
        Frame::Matched(items) => Some(items),
        _ => None,
    });
    answers.expect("an answer to every Tags")
}

#[test]
fn only_the_tag_of_this_session_this_peer_and_the_other_role_matches() {
    let (_, alices) = alice(Role::Responder, 1, 5);
    let (_, of_another_session) = alice(Role::Responder, 1, 6);
    let right =
        SessionBinding { nonce_i: THEIR_NONCE, nonce_r: alices, node_i: node_id(1), node_r: node_id(0) };
    let items = answer_to(scope_tag(&tag_key(0), Role::Initiator, &right));
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].index, 17);
    assert_eq!(items[0].tag, scope_tag(&tag_key(0), Role::Responder, &right), "the answerer's own tag");
    for (name, key, role, binding) in [
        ("role swapped", 0, Role::Responder, right),
        (
            "nonces swapped",
            0,
            Role::Initiator,
            SessionBinding { nonce_i: right.nonce_r, nonce_r: right.nonce_i, ..right },
        ),
        ("another node key", 0, Role::Initiator, SessionBinding { node_i: node_id(2), ..right }),
        (
            "nodes swapped",
            0,
            Role::Initiator,
            SessionBinding { node_i: right.node_r, node_r: right.node_i, ..right },
        ),
        (
            "replayed in a second session",
            0,
            Role::Initiator,
            SessionBinding { nonce_r: of_another_session, ..right },
        ),
        ("relayed to a third party", 0, Role::Initiator, SessionBinding { node_r: node_id(2), ..right }),
        ("another epoch", 1, Role::Initiator, right),
    ] {
        assert_eq!(answer_to(scope_tag(&tag_key(key), role, &binding)), [], "{name}");
    }
}

#[test]
fn a_match_is_believed_only_with_the_answerers_own_tag() {
    let binding_of = |alices| SessionBinding {
        nonce_i: alices,
        nonce_r: THEIR_NONCE,
        node_i: node_id(0),
        node_r: node_id(1),
    };
    // What Alice shows, where her one real tag stands, and what comes of an answer about it.
    let try_answer = |make: &dyn Fn(SessionBinding, usize) -> MatchedItem| {
        let (mut session, alices) = alice(Role::Initiator, 1, 5);
        let outputs = greet(&mut session, THEIR_NONCE);
        let binding = binding_of(alices);
        let ours = scope_tag(&tag_key(0), Role::Initiator, &binding);
        let Some(Frame::Tags { tags, .. }) = frames(&outputs).pop() else { panic!("no tags") };
        let at = tags.iter().position(|tag| *tag == ours).expect("the real tag is among them");
        let outputs = feed(&mut session, &Frame::Matched(vec![make(binding, at)]));
        (
            outputs.contains(&Output::Matched { epoch: epoch_id(0) }),
            is_fault(&outputs, &FaultKind::MatchedFalse),
        )
    };
    let item = |at: usize, tag| MatchedItem { index: u16::try_from(at).unwrap(), handle: 1, tag };
    let proof = |binding: &SessionBinding| scope_tag(&tag_key(0), Role::Responder, binding);
    assert_eq!(try_answer(&|binding, at| item(at, proof(&binding))), (true, false));
    let reflected = try_answer(&|binding, at| item(at, scope_tag(&tag_key(0), Role::Initiator, &binding)));
    assert_eq!(reflected, (false, true), "our own tag sent back");
    let relayed =
        try_answer(&|binding, at| item(at, proof(&SessionBinding { node_r: node_id(2), ..binding })));
    assert_eq!(relayed, (false, true), "the proof of another node");
    let replayed =
        try_answer(&|binding, at| item(at, proof(&SessionBinding { nonce_i: [1; 32], ..binding })));
    assert_eq!(replayed, (false, true), "the proof of another session");
    let padding = try_answer(&|binding, at| item((at + 1) % 64, proof(&binding)));
    assert_eq!(padding, (false, true), "a match of padding");
    let outside = try_answer(&|binding, _| item(64, proof(&binding)));
    assert_eq!(outside, (false, true), "a match beyond the last tag");
}

/// Alice, who has shown the tags of four epochs, and what a responder that holds them all knows of them: where each tag stands,
/// in order, and the proof of it.
pub(super) fn shown(features: u32) -> (Session, Vec<(u16, usize, Tag)>) {
    let (mut session, alices) = alice_sharing(4, Role::Initiator, 1, 5);
    let outputs = greet_with(&mut session, THEIR_NONCE, features);
    let binding =
        SessionBinding { nonce_i: alices, nonce_r: THEIR_NONCE, node_i: node_id(0), node_r: node_id(1) };
    let Some(Frame::Tags { tags, .. }) = frames(&outputs).pop() else { panic!("no tags") };
    let mut places: Vec<(u16, usize, Tag)> = (0..4)
        .map(|number| {
            let ours = scope_tag(&tag_key(number), Role::Initiator, &binding);
            let at = tags.iter().position(|tag| *tag == ours).expect("the real tag is among them");
            (u16::try_from(at).unwrap(), number, scope_tag(&tag_key(number), Role::Responder, &binding))
        })
        .collect();
    places.sort_unstable();
    (session, places)
}

pub(super) fn run_of(places: &[(u16, usize, Tag)]) -> Frame {
    let tags: Vec<Tag> = places.iter().map(|(.., tag)| *tag).collect();
    let indices = places.iter().map(|(at, ..)| *at).collect();
    Frame::MatchedRun(MatchedRun { handle: 1, indices, proof: run_proof(&tags) })
}

fn matches(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Matched { .. })).count()
}

#[test]
fn a_run_of_matches_is_believed_only_if_all_of_it_is_proven() {
    let (mut session, places) = shown(FEATURE_RUNS);
    let outputs = feed(&mut session, &run_of(&places));
    for (_, number, _) in &places {
        assert!(outputs.contains(&Output::Matched { epoch: epoch_id(*number) }));
    }
    // The handles are the run's, in the order of the tags: each is used as its epoch's from now on.
    for (handle, _) in [1, 3, 5, 7].into_iter().zip(&places) {
        let outputs = feed(&mut session, &Frame::Digest { handle, digest: [0; 16] });
        assert!(!outputs.iter().any(|output| matches!(output, Output::Fault(_))), "{handle}");
    }
    let outputs = feed(&mut session, &Frame::Digest { handle: 9, digest: [0; 16] });
    assert!(is_fault(&outputs, &FaultKind::UnknownHandle { handle: 9 }));

    type Spoil = dyn Fn(&mut Vec<(u16, usize, Tag)>);
    let wrong: [(&str, &Spoil); 5] = [
        ("one is not held", &|places| places[2].2 = [0; 16]),
        ("one is of another place", &|places| (places[0].2, places[1].2) = (places[1].2, places[0].2)),
        ("padding", &|places| {
            let free = (0..64).find(|at| places.iter().all(|(place, ..)| place != at)).unwrap();
            places[0].0 = free;
            places.sort_unstable();
        }),
        ("beyond the last tag", &|places| places[3].0 = 64),
        ("one proof for none", &|places| places.iter_mut().for_each(|place| place.2 = [0; 16])),
    ];
    for (name, spoil) in wrong {
        let (mut session, mut places) = shown(FEATURE_RUNS);
        spoil(&mut places);
        let outputs = feed(&mut session, &run_of(&places));
        assert!(is_fault(&outputs, &FaultKind::MatchedFalse), "{name}");
        assert_eq!(matches(&outputs), 0, "{name}: not even those that are right");
    }
}

#[test]
fn the_handles_of_a_run_are_the_peers_to_give_and_new() {
    for (handle, bad) in [(2, Some(2)), (1, None)] {
        let (mut session, places) = shown(FEATURE_RUNS);
        let Frame::MatchedRun(run) = run_of(&places) else { panic!("a run") };
        let outputs = feed(&mut session, &Frame::MatchedRun(MatchedRun { handle, ..run }));
        let fault = bad.map(|handle| FaultKind::BadHandle { handle });
        assert_eq!(fault.as_ref().is_some_and(|fault| is_fault(&outputs, fault)), bad.is_some());
        assert_eq!(matches(&outputs), if bad.is_some() { 0 } else { 4 });
    }
    let (mut session, places) = shown(FEATURE_RUNS);
    feed(&mut session, &Frame::Mine { handle: 5, epoch: epoch_id(9) });
    let outputs = feed(&mut session, &run_of(&places));
    assert!(is_fault(&outputs, &FaultKind::BadHandle { handle: 5 }), "given out before");
}

#[test]
fn an_epoch_that_is_closed_and_shared_again_is_so_under_the_handle_the_peer_knows() {
    let (mut session, places) = shown(FEATURE_RUNS);
    feed(&mut session, &run_of(&places));
    let number = places[0].1;
    session.close_scope(&epoch_id(number));
    let (epoch, how) = (epoch(number, 9, Class::Contact), How::Tag { offer: true });
    session.add_scopes([Scope { epoch, how, open: true, peer_is_author: false }], NOW);
    drain(&mut session);
    feed(&mut session, &Frame::Digest { handle: 1, digest: [9; 16] });
    let said = frames(&feed(&mut session, &Frame::Digest { handle: 1, digest: [8; 16] }));
    let is_page = |frame: &Frame| matches!(frame, Frame::Have(have) if have.handle == 1);
    assert!(said.iter().any(is_page), "it differs, and is compared: {said:?}");
}

#[test]
fn a_run_of_matches_is_that_also_where_an_epoch_was_closed_meanwhile() {
    let (mut session, places) = shown(FEATURE_RUNS);
    session.close_scope(&epoch_id(places[1].1));
    let outputs = feed(&mut session, &run_of(&places));
    assert!(!outputs.iter().any(|output| matches!(output, Output::Fault(_))));
    assert_eq!(matches(&outputs), 3);
    // Its handle is given out all the same, and means nothing.
    assert_eq!(feed(&mut session, &Frame::Digest { handle: 3, digest: [0; 16] }), []);
    assert!(is_fault(&feed(&mut session, &run_of(&places)), &FaultKind::MatchedUnasked), "said again");
}

#[test]
fn a_run_of_matches_is_said_to_those_alone_who_read_it_and_unknown_from_any_other() {
    for (features, is_run) in [(0, false), (FEATURE_DIGESTS, false), (FEATURE_RUNS, true), (u32::MAX, true)] {
        let (mut session, alices) = alice_sharing(4, Role::Responder, 1, 5);
        greet_with(&mut session, THEIR_NONCE, features);
        let binding =
            SessionBinding { nonce_i: THEIR_NONCE, nonce_r: alices, node_i: node_id(1), node_r: node_id(0) };
        let mut tags = vec![[0; 16]; 64];
        for number in 0..4 {
            tags[60 - 9 * number] = scope_tag(&tag_key(number), Role::Initiator, &binding);
        }
        let outputs = frames(&feed(&mut session, &Frame::Tags { class: 1, tags }));
        let tag = |number| scope_tag(&tag_key(number), Role::Responder, &binding);
        let items: Vec<MatchedItem> = [(33, 3), (42, 2), (51, 1), (60, 0)]
            .into_iter()
            .zip([1, 3, 5, 7])
            .map(|((index, number), handle)| MatchedItem { index, handle, tag: tag(number) })
            .collect();
        let expected = match is_run {
            true => Frame::MatchedRun(MatchedRun::of(&items).expect("a run")),
            false => Frame::Matched(items),
        };
        assert!(outputs.contains(&expected), "{features}: {outputs:?}");

        let (mut session, places) = shown(features);
        assert_eq!(matches(&feed(&mut session, &run_of(&places))), if is_run { 4 } else { 0 });
        // Passed over as any unknown frame, it has answered nothing.
        let plain = places.iter().zip([1, 3, 5, 7]);
        let plain = plain.map(|((index, _, tag), handle)| MatchedItem { index: *index, handle, tag: *tag });
        let outputs = feed(&mut session, &Frame::Matched(plain.collect()));
        assert_eq!(is_fault(&outputs, &FaultKind::MatchedUnasked), is_run);
        assert_eq!(matches(&outputs), if is_run { 0 } else { 4 });
    }
}

#[test]
fn handles_have_the_parity_of_who_gives_them() {
    let (mut session, _) = alice(Role::Initiator, 1, 5);
    greet(&mut session, THEIR_NONCE);
    let outputs = feed(&mut session, &Frame::Mine { handle: 2, epoch: epoch_id(5) });
    assert!(is_fault(&outputs, &FaultKind::BadHandle { handle: 2 }));
    let (mut session, _) = alice(Role::Initiator, 1, 5);
    greet(&mut session, THEIR_NONCE);
    assert!(!is_fault(
        &feed(&mut session, &Frame::Mine { handle: 1, epoch: epoch_id(5) }),
        &FaultKind::BadHandle { handle: 1 }
    ));
    let outputs = feed(&mut session, &Frame::Mine { handle: 1, epoch: epoch_id(6) });
    assert!(is_fault(&outputs, &FaultKind::BadHandle { handle: 1 }), "a handle given twice");
}

#[test]
fn a_false_mine_looks_the_same_whether_or_not_we_hold_the_epoch() {
    // Alice holds epoch 0, which is neither hers nor the peer's.
    let answers = |number: usize| {
        let (mut session, _) = alice(Role::Responder, 1, 5);
        greet(&mut session, THEIR_NONCE);
        let mut outputs = feed(&mut session, &Frame::Mine { handle: 0, epoch: epoch_id(number) });
        outputs.extend(feed(&mut session, &Frame::Digest { handle: 0, digest: [0; 16] }));
        let header = Bytes::new(epoch_id(number), 1, 0, 10);
        outputs.extend(feed(
            &mut session,
            &Frame::Entry(EntryFrame { handle: Some(0), header: header.header, body: header.body }),
        ));
        outputs
    };
    assert_eq!(answers(0), []);
    assert_eq!(answers(1), []);
}

#[test]
fn nothing_but_hello_is_taken_before_hello() {
    for frame in [
        Frame::Tags { class: 1, tags: vec![[0; 16]; 64] },
        Frame::MatchedRun(MatchedRun { handle: 1, indices: vec![0], proof: [0; 16] }),
        Frame::Mine { handle: 1, epoch: epoch_id(0) },
        Frame::Head { handle: 1, seq: 0 },
        Frame::WantIds(Vec::new()),
    ] {
        let (mut session, _) = alice(Role::Initiator, 1, 5);
        assert!(is_fault(&feed(&mut session, &frame), &FaultKind::NotGreeted));
        assert!(session.is_closed());
    }
    let (mut session, _) = alice(Role::Initiator, 1, 5);
    greet(&mut session, THEIR_NONCE);
    let again = Hello { nonce: [1; 32], features: 0, identity: Vec::new(), device: Vec::new() };
    assert!(is_fault(&feed(&mut session, &Frame::Hello(again)), &FaultKind::GreetedTwice));
}

#[test]
fn nothing_leaves_after_hello_until_the_owner_accepts_the_peer() {
    let (mut session, _) = alice(Role::Initiator, 1, 5);
    let hello = Hello { nonce: THEIR_NONCE, features: 7, identity: vec![1], device: vec![2] };
    let outputs = feed(&mut session, &Frame::Hello(hello));
    assert_eq!(outputs, [Output::PeerHello { features: 7, identity: vec![1], device: vec![2] }]);
    session.close(ByeReason::Done);
    assert_eq!(frames(&drain(&mut session)), [Frame::Bye(ByeReason::Done)]);
}

#[test]
fn tags_without_measure_end_the_session() {
    let (mut session, _) = alice(Role::Responder, 1, 5);
    greet(&mut session, THEIR_NONCE);
    let full = Frame::Tags { class: 1, tags: vec![[0; 16]; TAGS_FRAME_LIMIT] };
    for _ in 0..2 {
        assert!(!is_fault(&feed(&mut session, &full), &FaultKind::TooManyTags));
    }
    assert!(is_fault(&feed(&mut session, &full), &FaultKind::TooManyTags));

    let (mut session, _) = alice(Role::Responder, 1, 5);
    greet(&mut session, THEIR_NONCE);
    session.start_posts(NOW);
    for class in [1, 2] {
        feed(&mut session, &Frame::Tags { class, tags: vec![[0; 16]; 64] });
    }
    let outputs = feed(&mut session, &Frame::Tags { class: 2, tags: vec![[0; 16]; 65] });
    assert!(is_fault(&outputs, &FaultKind::OddRound { tags: 65 }));

    let (mut session, _) = alice(Role::Responder, 1, 5);
    greet(&mut session, THEIR_NONCE);
    session.start_posts(NOW);
    let round = |class| Frame::Tags { class, tags: vec![[0; 16]; 64] };
    feed(&mut session, &round(1));
    feed(&mut session, &round(2));
    for _ in 0..crate::limits::TAGS_ROUND_BURST_LIMIT {
        assert!(!is_fault(&feed(&mut session, &round(2)), &FaultKind::TooManyTags));
    }
    assert!(is_fault(&feed(&mut session, &round(2)), &FaultKind::TooManyTags));
}

#[test]
fn a_closed_epoch_is_served_only_beside_an_open_one_of_its_author() {
    for has_open in [false, true] {
        let mut net = Net::new(2, 3);
        for node in &mut net.nodes {
            let mut closed = Keys::new(0, 9, Class::Posts, &[]);
            closed.open = false;
            node.keys.push(closed);
            if has_open {
                node.keys.push(Keys::new(1, 9, Class::Posts, &[]));
            }
        }
        net.hold(0, &Bytes::new(epoch_id(0), 4, 0, 300));
        net.connect(0, 1);
        net.elapse(10_000);
        assert_eq!(net.nodes[1].ledger.seqs(epoch_id(0)).contains(&4), has_open);
        assert!(net.faults().is_empty());
    }
}
