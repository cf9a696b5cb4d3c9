//! What a moment holds: points 1 to 7.

use crate::support::moments::{friends, post, wait_moment};

// Point 1.
#[test]
fn a_text_of_the_limit_arrives_and_one_byte_more_is_refused_by_name() {
    let nodes = friends(&["Alice", "Bob"]);
    let (alice, bob) = (&nodes[0], &nodes[1]);
    let text = "x".repeat(8_192);
    let id = post(alice, &[&text]);
    assert_eq!(wait_moment(bob, &id)["text"], text.as_str());
    let refused = alice.cli(&["post", &format!("{text}x")]);
    assert_eq!(refused.code, Some(5));
    assert!(refused.stderr.contains("8192"), "it names the limit: {}", refused.stderr);
}
