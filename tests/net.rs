//! Real swarms on the loopback interface: who gets in, what streams do, and blobs that are cut, continued and forged.
//!
//! Every test draws its ports from the system. Waiting ends with the event waited for, or fails after [`PATIENCE`].

#[path = "net/busy.rs"]
mod busy;
#[path = "net/hostile.rs"]
mod hostile;
#[path = "net/nodes.rs"]
mod nodes;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use hostile::Hostile;
use nodes::{BOTH, Node, PATIENCE, QUIC, TCP, bytes_of, connect, port_free_for_both, spawn};
use tidings::blob::{Get, Groups};
use tidings::crypto::SigningKey;
use tidings::id::{BlobId, NodeId};
use tidings::limits::{
    BLOB_GROUP_LEN, BLOB_STREAM_LIMIT, FRAME_LIMIT, SEND_QUEUE_BYTES_LIMIT, UNKNOWN_CONNECTION_LIMIT,
    UNKNOWN_PER_MINUTE_LIMIT,
};
use tidings::link::{ConnId, DialId, Event, Order, Path, Protocol, StreamId};
use tidings::net::{Config, translate};
use tidings::store::blobs::{BlobFiles, There};
use tidings::wire::{self, Encode};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn friends_exchange_frames_both_ways() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, _) = connect(&mut alice, &mut bob).await;
        let (ours, theirs) = alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
        alice.send(ours, b"hello").await;
        assert_eq!(bob.frame(theirs).await, b"hello");
        bob.send(theirs, &vec![9; FRAME_LIMIT]).await;
        assert_eq!(alice.frame(ours).await.len(), FRAME_LIMIT);
        let sent = bob.wait(|event| match event {
            Event::Sent { stream, bytes } if stream == theirs => Some(bytes),
            _ => None,
        });
        assert_eq!(sent.await, FRAME_LIMIT);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_arrive_in_order_and_all_that_was_sent_before_a_close_arrives() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, _) = connect(&mut alice, &mut bob).await;
        let (ours, theirs) = alice.open(&mut bob, to_bob, 2, Protocol::Mail).await;
        for n in 0..500u32 {
            alice.send(ours, &n.to_be_bytes().repeat(100)).await;
        }
        alice.order(Order::CloseStream { stream: ours }).await;
        for n in 0..500u32 {
            assert_eq!(bob.frame(theirs).await, n.to_be_bytes().repeat(100));
        }
        bob.closed(theirs).await;
        alice.closed(ours).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_may_follow_an_order_to_open_without_waiting() {
    let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
    let (to_bob, _) = connect(&mut alice, &mut bob).await;
    let stream = StreamId(2);
    alice.order(Order::OpenStream { conn: to_bob, stream, protocol: Protocol::Sync }).await;
    alice.send(stream, b"at once").await;
    let theirs = bob.opened(Protocol::Sync).await;
    assert_eq!(bob.frame(theirs).await, b"at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_gets_no_connection_while_pairing_is_closed() {
    for listen in BOTH {
        let (mut alice, mut eve) = (spawn(1, listen).await, spawn(6, listen).await);
        eve.dial(1, &alice, Some(alice.id)).await;
        eve.gone().await;
        // Whatever Alice was told would have been told before the end of a dial that she is told of afterwards.
        alice.dial(1, &alice.copy_of_address(), Some(alice.id)).await;
        alice.wait(|event| matches!(event, Event::DialFailed { .. }).then_some(())).await;
        assert!(!alice.seen.iter().any(|event| matches!(event, Event::Connected { .. })), "{:?}", alice.seen);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_speaks_only_pair_while_pairing_is_open() {
    for listen in BOTH {
        let (mut alice, mut eve) = (spawn(1, listen).await, spawn(6, listen).await);
        alice.order(Order::OpenPairing(true)).await;
        eve.dial(1, &alice, Some(alice.id)).await;
        let to_alice = eve.connected(alice.id).await;
        alice.connected(eve.id).await;
        for (number, protocol) in [(2, Protocol::Sync), (4, Protocol::Mail)] {
            let stream = StreamId(number);
            eve.order(Order::OpenStream { conn: to_alice, stream, protocol }).await;
            eve.closed(stream).await;
        }
        let blob = BlobId::from_bytes([7; 32]);
        eve.order(Order::FetchBlob { conn: to_alice, blob, bytes: 100 }).await;
        assert!(!eve.failed(blob).await);
        let (ours, theirs) = eve.open(&mut alice, to_alice, 6, Protocol::Pair).await;
        eve.send(ours, b"hello?").await;
        assert_eq!(alice.frame(theirs).await, b"hello?");
        alice.order(Order::OpenPairing(false)).await;
        eve.gone().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dialled_stranger_may_speak_pair_though_nobody_opened_pairing_here() {
    let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
    alice.order(Order::OpenPairing(true)).await;
    bob.dial(1, &alice, None).await;
    bob.connected(alice.id).await;
    let to_bob = alice.connected(bob.id).await;
    alice.open(&mut bob, to_bob, 2, Protocol::Pair).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_becomes_a_friend_may_speak_at_once_on_the_same_connection() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        alice.order(Order::OpenPairing(true)).await;
        bob.dial(1, &alice, Some(alice.id)).await;
        let to_alice = bob.connected(alice.id).await;
        alice.connected(bob.id).await;
        bob.order(Order::OpenStream { conn: to_alice, stream: StreamId(2), protocol: Protocol::Sync }).await;
        bob.closed(StreamId(2)).await;
        alice.admit(&[bob.id]).await;
        bob.admit(&[alice.id]).await;
        alice.order(Order::OpenPairing(false)).await;
        // Alice's order may be on its way still: what is refused is tried again.
        let mut number = 4;
        loop {
            let stream = StreamId(number);
            bob.order(Order::OpenStream { conn: to_alice, stream, protocol: Protocol::Sync }).await;
            let opened = bob.wait(|event| match event {
                Event::StreamOpened { stream: s, .. } if s == stream => Some(true),
                Event::StreamClosed { stream: s } if s == stream => Some(false),
                _ => None,
            });
            if opened.await {
                break;
            }
            number += 2;
            assert!(number < 100, "never admitted");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_longer_admitted_is_cut_off() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, to_alice) = connect(&mut alice, &mut bob).await;
        alice.order(Order::OpenPairing(true)).await;
        alice.admit(&[]).await;
        alice.disconnected(to_bob).await;
        bob.disconnected(to_alice).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hanging_up_ends_the_connection_at_both_ends() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, to_alice) = connect(&mut alice, &mut bob).await;
        alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
        alice.order(Order::Hangup { conn: to_bob }).await;
        alice.disconnected(to_bob).await;
        bob.disconnected(to_alice).await;
        assert!(
            matches!(alice.seen.last(), Some(Event::Disconnected { .. })),
            "nothing of it comes after its end"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_over_the_limit_ends_its_stream_and_not_the_connection() {
    let mut alice = spawn(1, TCP).await;
    let eve = Hostile::connect(6, &mut alice, true).await;
    let mut sync = eve.open("/tidings/sync/1").await.expect("admitted");
    let theirs = alice.opened(Protocol::Sync).await;
    sync.write(&[0, 4, 0, 0]).await;
    sync.write(&vec![1; FRAME_LIMIT]).await;
    assert_eq!(alice.frame(theirs).await.len(), FRAME_LIMIT);
    sync.write(&[0, 4, 0, 1]).await;
    alice.closed(theirs).await;
    assert!(sync.is_closed().await);
    let mut mail = eve.open("/tidings/mail/1").await.expect("the connection is there");
    let theirs = alice.opened(Protocol::Mail).await;
    mail.write(&[0, 0, 0, 1, 42]).await;
    assert_eq!(alice.frame(theirs).await, [42]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_too_many_of_a_protocol_is_dropped() {
    let mut alice = spawn(1, TCP).await;
    let eve = Hostile::connect(6, &mut alice, true).await;
    let _first = eve.open("/tidings/sync/1").await.expect("the first");
    alice.opened(Protocol::Sync).await;
    let mut second = eve.open("/tidings/sync/1").await.expect("negotiated, then dropped");
    assert!(second.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_blob_stream_more_than_the_limit_is_dropped() {
    let mut alice = spawn(1, TCP).await;
    let eve = Hostile::connect(6, &mut alice, true).await;
    let mut open = Vec::new();
    for n in 0..BLOB_STREAM_LIMIT {
        let mut stream = eve.open("/tidings/blob/1").await.expect("admitted");
        let blob = BlobId::from_bytes([n as u8; 32]);
        let groups = Groups::new(vec![(0, 1)]).expect("ranges");
        let get = Get { blob, groups }.encode();
        stream.write(&[&(get.len() as u32).to_be_bytes()[..], &get].concat()).await;
        alice.asked(blob).await;
        open.push(stream);
    }
    let mut last = eve.open("/tidings/blob/1").await.expect("negotiated, then dropped");
    assert!(last.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_node_is_offered_neither_ping_nor_identify() {
    let mut alice = spawn(1, TCP).await;
    alice.order(Order::OpenPairing(true)).await;
    let eve = Hostile::connect(6, &mut alice, false).await;
    for name in
        ["/ipfs/ping/1.0.0", "/ipfs/id/1.0.0", "/tidings/sync/1", "/tidings/mail/1", "/tidings/blob/1"]
    {
        assert!(eve.open(name).await.is_none(), "{name}");
    }
    assert!(eve.open("/tidings/pair/1").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_every_protocol_costs_a_stream_and_nothing_more() {
    let mut alice = spawn(1, TCP).await;
    let eve = Hostile::connect(6, &mut alice, true).await;
    let mut blob = eve.open("/tidings/blob/1").await.expect("admitted");
    blob.write(&[0, 0, 0, 3, 1, 1, 7]).await;
    assert!(blob.is_closed().await);
    let mut blob = eve.open("/tidings/blob/1").await.expect("admitted");
    blob.write(&u32::try_from(Get::LEN_LIMIT + 1).expect("short").to_be_bytes()).await;
    assert!(blob.is_closed().await);
    let mut sync = eve.open("/tidings/sync/1").await.expect("admitted");
    let theirs = alice.opened(Protocol::Sync).await;
    sync.write(&[0xff; 64]).await;
    alice.closed(theirs).await;
    assert!(eve.open("/tidings/sync/1").await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_who_does_not_read_overruns_its_queue_and_loses_the_stream() {
    let mut alice = spawn(1, TCP).await;
    let eve = Hostile::connect(6, &mut alice, true).await;
    let _deaf = eve.open("/tidings/sync/1").await.expect("admitted");
    let theirs = alice.opened(Protocol::Sync).await;
    let frame = vec![0; FRAME_LIMIT];
    // The queue, and what the transport's own buffers may take on top.
    for _ in 0..(SEND_QUEUE_BYTES_LIMIT / FRAME_LIMIT + 16) {
        alice.send(theirs, &frame).await;
    }
    alice.closed(theirs).await;
    assert!(eve.open("/tidings/mail/1").await.is_some(), "the connection is there");
}

/// The median time of a frame there and back.
#[expect(clippy::disallowed_methods, reason = "what is measured is time")]
async fn round_trip(alice: &mut Node, bob: &mut Node, (ours, theirs): (StreamId, StreamId)) -> Duration {
    let mut times = Vec::new();
    for n in 0..101u32 {
        let began = Instant::now();
        alice.send(ours, &n.to_be_bytes()).await;
        assert_eq!(bob.frame(theirs).await, n.to_be_bytes());
        bob.send(theirs, &n.to_be_bytes()).await;
        assert_eq!(alice.frame(ours).await, n.to_be_bytes());
        times.push(began.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_who_does_not_read_slows_nobody_else() {
    let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
    let eve_id = NodeId::from_bytes(*SigningKey::from_seed(&[6; 32]).public().as_bytes());
    let eve = Hostile::connect(6, &mut alice, true).await;
    alice.admit(&[eve_id, bob.id]).await;
    bob.admit(&[alice.id]).await;
    let there = bob.copy_of_address();
    alice.dial(1000, &there, Some(bob.id)).await;
    let to_bob = alice.connected(bob.id).await;
    let streams = alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
    let quiet = round_trip(&mut alice, &mut bob, streams).await;

    let _deaf = eve.open("/tidings/sync/1").await.expect("admitted");
    let to_eve = alice.opened(Protocol::Sync).await;
    let heard = alice.seen.len();
    let frame = vec![0; FRAME_LIMIT];
    let frames = SEND_QUEUE_BYTES_LIMIT / FRAME_LIMIT - 4;
    for _ in 0..frames {
        alice.send(to_eve, &frame).await;
    }
    let beside = round_trip(&mut alice, &mut bob, streams).await;

    let taken = |event: &Event| match event {
        Event::Sent { stream, bytes } if *stream == to_eve => *bytes,
        Event::StreamClosed { stream } => panic!("{stream:?} was closed"),
        _ => 0,
    };
    let taken: usize = alice.seen[heard..].iter().map(taken).sum();
    assert!(taken < frames * FRAME_LIMIT / 2, "Eve's transport took {taken} bytes: she does read");
    // The same but for chance: a stall would be for ever, and fails by itself.
    let most = quiet * 20 + Duration::from_millis(50);
    assert!(beside <= most, "{quiet:?} before, {beside:?} beside a peer who does not read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_behind_stops_its_peer_and_loses_nothing() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, _) = connect(&mut alice, &mut bob).await;
        let (ours, theirs) = alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
        // Far more frames than Bob's channel of events holds, and he takes none until all are sent.
        for n in 0..2_000u32 {
            alice.send(ours, &n.to_be_bytes()).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        for n in 0..2_000u32 {
            assert_eq!(bob.frame(theirs).await, n.to_be_bytes());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_dial_each_other_end_with_one_connection_that_works() {
    for listen in BOTH {
        for round in 0..25 {
            let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
            alice.admit(&[bob.id]).await;
            bob.admit(&[alice.id]).await;
            let (to_bob, to_alice) = (bob.copy_of_address(), alice.copy_of_address());
            let (bobs, alices) = (bob.id, alice.id);
            tokio::join!(alice.dial(1, &to_bob, Some(bobs)), bob.dial(1, &to_alice, Some(alices)));
            let (left, right) = tokio::join!(alice.one_connection(), bob.one_connection());
            assert_eq!((left.1, right.1), (!right.1, !left.1), "round {round}: two halves of one connection");
            let had_two = |node: &Node| {
                node.seen.iter().filter(|event| matches!(event, Event::Connected { .. })).count() == 2
            };
            if had_two(&alice) || had_two(&bob) {
                assert_eq!(left.1, alice.id < bob.id, "round {round}: the one the smaller key opened stays");
            }
            let (ours, theirs) = alice.open(&mut bob, left.0, 2, Protocol::Sync).await;
            alice.send(ours, b"one").await;
            assert_eq!(bob.frame(theirs).await, b"one", "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_are_dialled_over_quic_are_dialled_from_the_port_that_listens() {
    let (mut alice, mut bob, mut carol) = (spawn(1, QUIC).await, spawn(2, QUIC).await, spawn(3, QUIC).await);
    alice.admit(&[bob.id, carol.id]).await;
    for (attempt, friend) in [(1, &mut bob), (2, &mut carol)] {
        friend.admit(&[alice.id]).await;
        alice.dial(attempt, &*friend, Some(friend.id)).await;
        alice.connected(friend.id).await;
        let seen = friend
            .wait(|event| match event {
                Event::Connected { address, .. } => Some(address),
                _ => None,
            })
            .await;
        assert_eq!(seen, alice.addresses[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_friend_who_was_killed_and_came_back_is_connected_at_once() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        connect(&mut alice, &mut bob).await;
        let files = bob.kill();
        let mut bob = nodes::spawn_in(2, listen, Config::default(), files).await;
        bob.admit(&[alice.id]).await;
        bob.dial(1, &alice, Some(alice.id)).await;
        let to_alice = bob.connected(alice.id).await;
        let to_bob = alice.connected(bob.id).await;
        let (ours, theirs) = bob.open(&mut alice, to_alice, 2, Protocol::Sync).await;
        bob.send(ours, b"back").await;
        assert_eq!(alice.frame(theirs).await, b"back");
        let _ = to_bob;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_than_expected_is_not_accepted() {
    for listen in BOTH {
        let (mut alice, bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let carol = spawn(3, listen).await;
        alice.admit(&[bob.id, carol.id]).await;
        bob.admit(&[alice.id]).await;
        alice.dial(7, &bob, Some(carol.id)).await;
        alice.dial_failed(DialId(7)).await;
        assert!(!alice.seen.iter().any(|event| matches!(event, Event::Connected { .. })));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_that_leads_nowhere_says_so() {
    let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
    let closed = translate::parse("/ip4/127.0.0.1/tcp/1").expect("address");
    let order = |attempt, node, addresses| Order::Dial { attempt: DialId(attempt), node, addresses };
    alice.order(order(1, Some(bob.id), vec![closed.clone()])).await;
    assert_ne!(alice.dial_failed(DialId(1)).await, "");
    alice.order(order(2, None, vec![closed.clone(), closed])).await;
    alice.dial_failed(DialId(2)).await;
    alice.order(order(3, Some(bob.id), vec![])).await;
    alice.dial_failed(DialId(3)).await;
    alice.order(order(4, Some(alice.id), alice.addresses.clone())).await;
    assert_eq!(alice.dial_failed(DialId(4)).await, "that is this node");
    connect(&mut alice, &mut bob).await;
    alice.dial(5, &bob, Some(bob.id)).await;
    assert_eq!(alice.dial_failed(DialId(5)).await, "connected already");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_addresses_the_one_that_works_is_found_with_and_without_a_key() {
    for expected in [true, false] {
        let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
        alice.admit(&[bob.id]).await;
        bob.admit(&[alice.id]).await;
        let mut addresses = vec![translate::parse("/ip4/127.0.0.1/tcp/1").expect("address")];
        addresses.extend(bob.addresses.clone());
        let node = expected.then_some(bob.id);
        alice.order(Order::Dial { attempt: DialId(1), node, addresses }).await;
        alice.connected(bob.id).await;
        bob.connected(alice.id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stranger_more_than_the_limit_is_sent_away() {
    let mut alice = spawn(1, TCP).await;
    alice.order(Order::OpenPairing(true)).await;
    let mut strangers = Vec::new();
    for n in 0..UNKNOWN_CONNECTION_LIMIT {
        let mut stranger = spawn(100 + n as u8, TCP).await;
        stranger.dial(1, &alice, None).await;
        stranger.connected(alice.id).await;
        alice.connected(stranger.id).await;
        strangers.push(stranger);
    }
    let mut last = spawn(200, TCP).await;
    last.dial(1, &alice, None).await;
    last.gone().await;
    let mut friend = spawn(2, TCP).await;
    connect(&mut alice, &mut friend).await;
    assert!(!alice.seen.iter().any(|e| matches!(e, Event::Connected { node, .. } if *node == last.id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stranger_more_than_a_minute_allows_is_sent_away() {
    let mut alice = spawn(1, TCP).await;
    alice.order(Order::OpenPairing(true)).await;
    for n in 0..UNKNOWN_PER_MINUTE_LIMIT {
        let stranger = spawn(100 + n as u8, TCP).await;
        stranger.dial(1, &alice, None).await;
        let conn = alice.connected(stranger.id).await;
        alice.order(Order::Hangup { conn }).await;
        alice.disconnected(conn).await;
    }
    let mut last = spawn(200, TCP).await;
    last.dial(1, &alice, None).await;
    last.gone().await;
    let mut friend = spawn(2, TCP).await;
    connect(&mut alice, &mut friend).await;
    assert!(!alice.seen.iter().any(|e| matches!(e, Event::Connected { node, .. } if *node == last.id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_says_nothing_is_sent_away() {
    let config = Config { unknown_idle: Duration::from_millis(100), ..Config::default() };
    let alice = nodes::spawn_with(1, TCP, config).await;
    alice.order(Order::OpenPairing(true)).await;
    let mut eve = spawn(6, TCP).await;
    eve.dial(1, &alice, None).await;
    eve.gone().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_stays_too_long_is_sent_away_and_a_friend_is_not() {
    let config = Config { unknown_life: Duration::from_millis(200), ..Config::default() };
    let mut alice = nodes::spawn_with(1, TCP, config).await;
    alice.order(Order::OpenPairing(true)).await;
    let (mut eve, mut bob) = (spawn(6, TCP).await, spawn(2, TCP).await);
    let (to_bob, _) = connect(&mut alice, &mut bob).await;
    eve.dial(1, &alice, None).await;
    let to_alice = eve.connected(alice.id).await;
    eve.open(&mut alice, to_alice, 2, Protocol::Pair).await;
    eve.gone().await;
    alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_friend_who_does_not_answer_pings_is_given_up() {
    let config = || Config {
        ping_interval: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(200),
        ..Config::default()
    };
    let (mut alice, mut bob) =
        (nodes::spawn_with(1, TCP, config()).await, nodes::spawn_with(2, TCP, config()).await);
    let (to_bob, _) = connect(&mut alice, &mut bob).await;
    // Friends who answer stay.
    tokio::time::sleep(Duration::from_millis(500)).await;
    alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
    // Somebody who never opens a ping stream is a connection that nobody keeps alive.
    let eve = Hostile::connect(6, &mut alice, true).await;
    alice.wait(|event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    drop(eve);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_arrives_whole() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (_, to_alice) = connect(&mut alice, &mut bob).await;
        for len in [1, BLOB_GROUP_LEN, BLOB_GROUP_LEN + 1, 5 * 1024 * 1024] {
            let bytes = bytes_of(len);
            let blob = alice.files.insert(&bytes).expect("insert");
            bob.order(Order::FetchBlob { conn: to_alice, blob, bytes: len as u64 }).await;
            alice.serve(blob).await;
            assert_eq!(bob.fetched(blob).await, len as u64);
            assert_eq!(std::fs::read(bob.files.path(blob)).expect("read"), bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_blobs_at_once_arrive() {
    let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
    let (_, to_alice) = connect(&mut alice, &mut bob).await;
    let mut blobs = BTreeSet::new();
    for n in 0..8usize {
        let bytes = bytes_of(100_000 + n);
        let blob = alice.files.insert(&bytes).expect("insert");
        blobs.insert(blob);
        bob.order(Order::FetchBlob { conn: to_alice, blob, bytes: bytes.len() as u64 }).await;
    }
    for _ in 0..8 {
        alice.serve_any().await;
    }
    while let Some(blob) = blobs.first().copied() {
        let fetched = bob.wait(|event| match event {
            Event::BlobFetched { blob, .. } => Some(blob),
            _ => None,
        });
        assert!(blobs.remove(&fetched.await) || !blobs.contains(&blob));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_transfer_is_continued_without_the_groups_that_had_come() {
    let len = 5 * 1024 * 1024usize;
    let heard = nodes::Heard::default();
    let config = Config { record: Some(heard.recorder()), ..Config::default() };
    let (mut alice, mut bob) = (nodes::spawn_with(1, TCP, config).await, spawn(2, TCP).await);
    let bytes = bytes_of(len);
    let blob = alice.files.insert(&bytes).expect("insert");

    let half = nodes::cut_after(&alice, len as u64 / 2).await;
    alice.admit(&[bob.id]).await;
    bob.admit(&[alice.id]).await;
    bob.order(Order::Dial { attempt: DialId(1), node: Some(alice.id), addresses: vec![half] }).await;
    let conn = bob.connected(alice.id).await;
    bob.order(Order::FetchBlob { conn, blob, bytes: len as u64 }).await;
    alice.serve(blob).await;
    assert!(!bob.failed(blob).await, "a cut is not a lie");
    assert!(!bob.files.contains(blob));
    bob.disconnected(conn).await;
    alice.wait(|event| matches!(event, Event::Disconnected { .. }).then_some(())).await;

    bob.dial(2, &alice, Some(alice.id)).await;
    let conn = bob.connected(alice.id).await;
    bob.order(Order::FetchBlob { conn, blob, bytes: len as u64 }).await;
    alice.serve(blob).await;
    bob.fetched(blob).await;
    assert_eq!(std::fs::read(bob.files.path(blob)).expect("read"), bytes);

    let gets: Vec<Get> = heard.frames(Protocol::Blob).iter().map(|f| wire::decode(f).expect("Get")).collect();
    let asked: Vec<_> = gets.iter().map(|get| get.groups.ranges().to_vec()).collect();
    let groups = (len / BLOB_GROUP_LEN) as u32;
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0], [(0, groups)]);
    let [(start, end)] = asked[1][..] else { panic!("{:?}", asked[1]) };
    assert_eq!(end, groups);
    assert!(start > groups / 4 && start <= groups / 2, "continued at {start} of {groups}");
}

/// Waits until a group of a blob on its way may be read, as somebody does who watches a film.
async fn group_comes(files: &BlobFiles, blob: BlobId, group: u32) {
    let (arriving, _file) = files.arriving(blob).expect("it is on its way");
    let reader = arriving.reader();
    let comes = std::future::poll_fn(|context| reader.poll_groups(group, context));
    let there = timeout(PATIENCE, comes).await.expect("in time");
    assert!(matches!(there, There::Groups(_)), "{there:?}");
}

fn is_there(files: &BlobFiles, blob: BlobId, group: u32) -> bool {
    let (arriving, _file) = files.arriving(blob).expect("it is on its way");
    arriving.groups_from(group) > 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_is_read_while_it_comes_and_what_somebody_waits_for_comes_first() {
    let groups = 700u32;
    let len = groups as usize * BLOB_GROUP_LEN;
    let heard = nodes::Heard::default();
    let config = Config { record: Some(heard.recorder()), ..Config::default() };
    let (mut alice, mut bob) = (nodes::spawn_with(1, TCP, config).await, spawn(2, TCP).await);
    let bytes = bytes_of(len);
    let blob = alice.files.insert(&bytes).expect("insert");
    let slowly = nodes::slowly(&alice).await;
    alice.admit(&[bob.id]).await;
    bob.admit(&[alice.id]).await;
    bob.order(Order::Dial { attempt: DialId(1), node: Some(alice.id), addresses: vec![slowly] }).await;
    let conn = bob.connected(alice.id).await;
    bob.order(Order::FetchBlob { conn, blob, bytes: len as u64 }).await;
    alice.serve(blob).await;
    timeout(PATIENCE, async {
        while bob.files.arriving(blob).is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it begins");
    group_comes(&bob.files, blob, 0).await;
    assert!(!is_there(&bob.files, blob, 600), "the end is far");
    let (files, wanted) = (std::sync::Arc::clone(&bob.files), 600);
    let jump = tokio::spawn(async move { group_comes(&files, blob, wanted).await });
    alice.serve(blob).await;
    jump.await.expect("it came");
    assert!(!is_there(&bob.files, blob, 599), "what lies before it has not come yet");
    // What came before the jump can be read from the file as it is.
    let (_, mut file) = bob.files.arriving(blob).expect("it is on its way");
    let mut start = vec![0; BLOB_GROUP_LEN];
    std::io::Read::read_exact(&mut file, &mut start).expect("the first group");
    assert_eq!(start, bytes[..BLOB_GROUP_LEN]);
    alice.serve(blob).await;
    bob.fetched(blob).await;
    assert_eq!(std::fs::read(bob.files.path(blob)).expect("read"), bytes);

    let gets: Vec<Get> = heard.frames(Protocol::Blob).iter().map(|f| wire::decode(f).expect("Get")).collect();
    let asked: Vec<_> = gets.iter().map(|get| get.groups.ranges().to_vec()).collect();
    assert_eq!(asked[..2], [vec![(0, groups)], vec![(600, groups)]]);
    let [(start, 600)] = asked[2][..] else { panic!("{asked:?}") };
    assert!(asked.len() == 3 && start > 0, "nothing that had come is asked for again: {asked:?}");
    assert!(bob.files.arriving(blob).is_err(), "it is on its way no more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_blob_is_a_lie_and_nothing_of_it_is_kept() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (_, to_alice) = connect(&mut alice, &mut bob).await;
        let mut bytes = bytes_of(300_000);
        let blob = alice.files.insert(&bytes).expect("insert");
        bytes[5] ^= 1;
        std::fs::write(alice.files.path(blob), &bytes).expect("forge");
        bob.order(Order::FetchBlob { conn: to_alice, blob, bytes: 300_000 }).await;
        alice.serve(blob).await;
        assert!(bob.failed(blob).await, "lied");
        assert!(!bob.files.contains(blob));
        let part = bob.files.path(blob).with_extension("part");
        assert_eq!(std::fs::metadata(part).map_or(0, |meta| meta.len()), 0, "nothing false was written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_that_is_refused_absent_or_of_another_size_fails_without_blame() {
    let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
    let (_, to_alice) = connect(&mut alice, &mut bob).await;
    let fetch = |blob, bytes| Order::FetchBlob { conn: to_alice, blob, bytes };
    let blob = alice.files.insert(&bytes_of(40_000)).expect("insert");
    bob.order(fetch(blob, 40_000)).await;
    let stream = alice.asked(blob).await;
    alice.order(Order::RefuseBlob { stream }).await;
    assert!(!bob.failed(blob).await, "refused");
    bob.order(fetch(blob, 40_001)).await;
    alice.serve(blob).await;
    assert!(!bob.failed(blob).await, "another size");
    let absent = BlobId::from_bytes([1; 32]);
    bob.order(fetch(absent, 40_000)).await;
    alice.serve(absent).await;
    assert!(!bob.failed(absent).await, "absent");
    bob.order(fetch(absent, 0)).await;
    assert!(!bob.failed(absent).await, "no blob is empty");
    bob.order(Order::FetchBlob { conn: ConnId(99), blob, bytes: 40_000 }).await;
    assert!(!bob.failed(blob).await, "no such connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_loses_its_connection_fails_before_the_connection_ends() {
    let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
    let (to_bob, to_alice) = connect(&mut alice, &mut bob).await;
    let blob = alice.files.insert(&bytes_of(40_000)).expect("insert");
    bob.order(Order::FetchBlob { conn: to_alice, blob, bytes: 40_000 }).await;
    alice.asked(blob).await;
    alice.order(Order::Hangup { conn: to_bob }).await;
    assert!(!bob.failed(blob).await);
    bob.disconnected(to_alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorder_hears_everything_that_comes_and_only_that() {
    let heard = nodes::Heard::default();
    let config = Config { record: Some(heard.recorder()), ..Config::default() };
    let (mut alice, mut bob) = (spawn(1, TCP).await, nodes::spawn_with(2, TCP, config).await);
    let (to_bob, to_alice) = connect(&mut alice, &mut bob).await;
    let (ours, theirs) = alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
    alice.send(ours, &[1, 2, 3]).await;
    bob.frame(theirs).await;
    bob.send(theirs, &[9, 9]).await;
    alice.frame(ours).await;
    let blob = alice.files.insert(&bytes_of(20_000)).expect("insert");
    bob.order(Order::FetchBlob { conn: to_alice, blob, bytes: 20_000 }).await;
    alice.serve(blob).await;
    bob.fetched(blob).await;
    assert_eq!(heard.frames(Protocol::Sync), vec![vec![1, 2, 3]]);
    assert_eq!(heard.blob_bytes(), 8 + 64 + 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_an_error_that_names_it() {
    let alice = spawn(1, TCP).await;
    let taken = translate::show(&alice.addresses[0]);
    let error = nodes::try_spawn(2, &taken).expect_err("taken");
    let text = error.to_string();
    assert!(text.contains(&taken) && text.contains("--listen"), "{text}");
    let error = nodes::try_spawn(2, "/ip4/nonsense").expect_err("no address");
    assert!(error.to_string().contains("/ip4/nonsense"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_on_all_interfaces_names_each_of_them_and_loopback_last() {
    for listen in ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"] {
        let mut alice = spawn(1, listen).await;
        let mut addresses = alice.addresses.clone();
        while !addresses.iter().any(translate::is_loopback) {
            addresses = alice
                .wait(|event| match event {
                    Event::Listening { addresses } => Some(addresses),
                    _ => None,
                })
                .await;
        }
        assert!(addresses.iter().all(|address| !translate::show(address).contains("/0.0.0.0/")));
        assert!(addresses.last().is_some_and(translate::is_loopback), "{addresses:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_kinds_of_addresses_share_one_port() {
    let all = ["/ip6/::/udp/P/quic-v1", "/ip6/::/tcp/P", "/ip4/0.0.0.0/udp/P/quic-v1", "/ip4/0.0.0.0/tcp/P"];
    for order in [all.join(" "), all.iter().rev().copied().collect::<Vec<_>>().join(" ")] {
        let alice = spawn(1, &order.replace('P', &port_free_for_both().to_string())).await;
        timeout(PATIENCE, alice.shut_down()).await.expect("in time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_connection_is_told_of_at_once() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, to_alice) = connect(&mut alice, &mut bob).await;
        let blob = alice.files.insert(&bytes_of(40_000)).expect("insert");
        bob.order(Order::FetchBlob { conn: to_alice, blob, bytes: 40_000 }).await;
        alice.asked(blob).await;
        alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
        alice.order(Order::Hangup { conn: to_bob }).await;
        let ends = async { tokio::join!(alice.disconnected(to_bob), bob.disconnected(to_alice)) };
        timeout(Duration::from_millis(1_500), ends).await.expect("sooner than any grace");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_end_delivers_what_was_sent_before() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, to_alice) = connect(&mut alice, &mut bob).await;
        let (ours, theirs) = alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
        alice.send(ours, b"bye").await;
        timeout(PATIENCE, alice.shut_down()).await.expect("in time");
        assert_eq!(bob.frame(theirs).await, b"bye");
        bob.disconnected(to_alice).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_end_delivers_what_was_sent_on_a_stream_that_nobody_has_taken_yet() {
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, _) = connect(&mut alice, &mut bob).await;
        let ours = StreamId(2);
        alice.order(Order::OpenStream { conn: to_bob, stream: ours, protocol: Protocol::Sync }).await;
        alice.send(ours, b"bye").await;
        timeout(PATIENCE, alice.shut_down()).await.expect("in time");
        let theirs = bob.opened(Protocol::Sync).await;
        assert_eq!(bob.frame(theirs).await, b"bye");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_end_waits_for_who_is_slow_to_read() {
    /// More than is taken without being read.
    const FRAMES: usize = 2 * tidings::limits::EVENT_BACKLOG_LIMIT;
    for listen in BOTH {
        let (mut alice, mut bob) = (spawn(1, listen).await, spawn(2, listen).await);
        let (to_bob, _) = connect(&mut alice, &mut bob).await;
        let (ours, theirs) = alice.open(&mut bob, to_bob, 2, Protocol::Sync).await;
        for _ in 0..FRAMES {
            alice.send(ours, b"bye").await;
        }
        let ending = tokio::spawn(alice.shut_down());
        tokio::time::sleep(Duration::from_millis(200)).await;
        for _ in 0..FRAMES {
            assert_eq!(bob.frame(theirs).await, b"bye");
        }
        timeout(PATIENCE, ending).await.expect("in time").expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_this_machine_is_told_to_be_near() {
    let (mut alice, mut bob) = (spawn(1, TCP).await, spawn(2, TCP).await);
    connect(&mut alice, &mut bob).await;
    let path = alice.seen.iter().find_map(|event| match event {
        Event::Connected { path, attempt: Some(_), .. } => Some(*path),
        _ => None,
    });
    assert_eq!(path, Some(Path::Lan));
}
