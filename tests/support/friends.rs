//! Friendships between real nodes.

use std::time::Duration;

use super::{Node, PATIENCE, until};

/// Makes two nodes friends by an invite, as people do it on the command line, and waits until both say so.
pub fn befriend(inviter: &Node, accepter: &Node) {
    let invite = inviter.ok(&["invite", "--auto-confirm", "--name", &accepter.name]);
    let link = invite["link"].as_str().expect("an invite has a link");
    let accepted = accepter.ok(&["accept", link, "--name", &inviter.name]);
    assert_eq!(accepted["state"], "friends", "{} and {}: {accepted:#}", inviter.name, accepter.name);
    let user = accepter.user();
    inviter.wait("/friends", &format!("{} as a friend", accepter.name), |answer| {
        answer["friends"].as_array()?.iter().find(|friend| friend["id"] == user.as_str()).map(|_| ())
    });
}

/// Whether `node` has a session with `friend` at this moment.
pub fn connected(node: &Node, friend: &str) -> bool {
    let is_up = |friends: serde_json::Value| {
        let found = friends["friends"].as_array()?.iter().find(|entry| entry["name"] == friend)?.clone();
        found["online"].as_bool()
    };
    node.try_get("/friends").and_then(is_up).unwrap_or(false)
}

/// Waits until two nodes have a session, on both sides.
pub fn wait_connected(a: &Node, b: &Node) {
    let up = until(PATIENCE, Duration::from_millis(20), || {
        (connected(a, &b.name) && connected(b, &a.name)).then_some(())
    });
    assert!(up.is_some(), "{} and {} do not meet\n{}\n{}", a.name, b.name, a.log_tail(), b.log_tail());
}
