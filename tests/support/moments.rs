//! Moments by the command line, and waiting for what becomes of them.

use serde_json::{Value, json};

use super::{Node, befriend, wait_connected};

/// Nodes of these names, each friends with all others, and with a session to each.
pub fn friends(names: &[&str]) -> Vec<Node> {
    let nodes: Vec<Node> = names.iter().map(|name| Node::started(name)).collect();
    for (at, one) in nodes.iter().enumerate() {
        for other in &nodes[at + 1..] {
            befriend(one, other);
        }
    }
    for (at, one) in nodes.iter().enumerate() {
        for other in &nodes[at + 1..] {
            wait_connected(one, other);
        }
    }
    nodes
}

/// The `id` of what a command printed.
pub fn id(printed: &Value) -> String {
    printed["id"].as_str().expect("it has an id").to_owned()
}

/// Posts by the command line; the moment's id.
pub fn post(node: &Node, arguments: &[&str]) -> String {
    id(&node.ok(&[&["post"], arguments].concat()))
}

/// Waits until a moment is in somebody's timeline, and gives it.
pub fn wait_moment(node: &Node, id: &str) -> Value {
    node.wait("/timeline?limit=100", &format!("the moment {id}"), |page| {
        page["moments"].as_array()?.iter().find(|moment| moment["id"] == id).cloned()
    })
    .0
}

/// Waits until a moment looks as it should to somebody, and gives it.
pub fn wait_for(node: &Node, id: &str, what: &str, look: impl Fn(&Value) -> bool) -> Value {
    node.wait(&format!("/moments/{id}"), what, |moment| look(moment).then(|| moment.clone())).0
}

/// Waits until somebody's timeline is without a moment.
pub fn wait_gone(node: &Node, id: &str) {
    node.wait("/timeline?limit=100", &format!("{id} to be gone"), |page| {
        page["moments"].as_array()?.iter().all(|moment| moment["id"] != id).then_some(())
    });
}

/// Many moments, `NAME 0` to `NAME n-1`, by the API: a command for each would take a process for each.
pub fn fill(node: &Node, count: usize, name: &str) {
    for n in 0..count {
        node.send("/moments", &json!({"text": format!("{name} {n}")}));
    }
}
