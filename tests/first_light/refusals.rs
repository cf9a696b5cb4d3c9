//! What a node refuses and lives on: a second one on its home, and a post for which the disk has no room.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tidings::limits::STORE_FREE_RESERVE;

use crate::support::{Node, PATIENCE, alone, befriend, photo, until, wait_connected};

#[test]
fn a_second_node_on_a_home_is_refused_with_a_sentence_and_the_first_lives() {
    let _alone = alone();
    let node = Node::started("Alice");
    let run = ["run", "--no-open", "--http", "127.0.0.1:0"];
    let second = node.cli(&run);
    assert_eq!((second.code, second.error_code().as_str()), (Some(5), "already_running"), "{second:?}");
    // Without the file that says so, the lock on the home still does.
    let run_file = node.home().join("run.json");
    let kept = std::fs::read(&run_file).expect("it says that it runs");
    std::fs::remove_file(&run_file).expect("the file goes");
    let second = node.cli(&run);
    assert_eq!((second.code, second.error_code().as_str()), (Some(5), "home_in_use"), "{second:?}");
    std::fs::write(&run_file, kept).expect("the file comes back");
    assert_eq!(node.ok(&["post", "Still here"])["text"], "Still here");
}

/// A file system of its own in memory, mounted where this user may: in a namespace of its own.
///
/// Nothing is ever written to a folder that is not proven to lie on it, and never more than its size: a mistake here
/// would fill the disk of the machine.
struct SmallDisk {
    holder: Child,
    folder: PathBuf,
    bytes: u64,
    /// Where it is mounted, seen from outside the namespace. If that folder went, so would the mount.
    _place: TempDir,
}

impl SmallDisk {
    /// `None` where the system lets nobody but its owner mount.
    fn new(bytes: u64) -> Option<Self> {
        let place = tempfile::tempdir().expect("a folder");
        let script = format!(
            "mount -t tmpfs -o size={bytes} none {} && echo ready && exec cat",
            place.path().display()
        );
        let mut holder = Command::new("unshare")
            .args(["-Urm", "sh", "-c", &script])
            // It ends with its input, so with this process, whatever happens to that.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = String::new();
        let told = holder.stdout.take().map(|out| BufReader::new(out).read_line(&mut said));
        let folder = PathBuf::from(format!("/proc/{}/root{}", holder.id(), place.path().display()));
        let disk = Self { holder, folder, bytes, _place: place };
        // Seen through the holder's eyes, the folder is the small disk.
        (matches!(told, Some(Ok(_))) && said == "ready\n" && disk.is_small()).then_some(disk)
    }

    /// Whether the folder lies on the small disk and on nothing else.
    fn is_small(&self) -> bool {
        let Ok(told) = Command::new("stat").args(["-f", "-c", "%T %b %S"]).arg(&self.folder).output() else {
            return false;
        };
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        let words: Vec<&str> = text.split_whitespace().collect();
        let [kind, blocks, size] = words[..] else { return false };
        let total =
            blocks.parse::<u64>().ok().zip(size.parse::<u64>().ok()).map(|(blocks, size)| blocks * size);
        kind == "tmpfs" && total == Some(self.bytes)
    }

    fn free(&self) -> u64 {
        let told =
            Command::new("stat").args(["-f", "-c", "%a %S"]).arg(&self.folder).output().expect("stat runs");
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        assert_eq!(numbers.len(), 2, "free blocks and their size: {told:?}");
        numbers[0] * numbers[1]
    }

    /// Fills it until only so many bytes are free; as full as it gets, for none.
    fn fill(&self, name: &str, leave: u64) -> PathBuf {
        assert!(self.is_small(), "only the small disk may be filled");
        let path = self.folder.join(name);
        let mut file = std::fs::File::create(&path).expect("a file to fill with");
        let mut left = if leave == 0 { self.bytes } else { self.free().saturating_sub(leave) };
        let block = vec![7; 64 * 1024];
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            match file.write(&block[..len]) {
                Ok(0) | Err(_) => break,
                Ok(written) => left -= written as u64,
            }
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn on_a_full_disk_a_post_is_refused_and_the_node_lives_on() {
    let _alone = alone();
    let Some(disk) = SmallDisk::new(STORE_FREE_RESERVE + 96 * 1024 * 1024) else {
        println!(
            "no file system can be mounted here; the store's own tests cover a full disk with a failing store"
        );
        return;
    };
    let (mut alice, bob) = (Node::inside("Alice", &disk.folder), Node::started("Bob"));
    alice.start();
    befriend(&alice, &bob);
    wait_connected(&alice, &bob);
    let folder = tempfile::tempdir().expect("a folder");
    let picture = photo::write(folder.path(), 1, 640, 480).display().to_string();
    let first = alice.ok(&["post", "There is room", "--photo", &picture]);
    // Below the reserve first, then with not a byte left.
    for leave in [STORE_FREE_RESERVE / 2, 0] {
        let filler = disk.fill("filler", leave);
        refuses(&alice, &picture);
        let late = bob.ok(&["post", "Alice has no room for this yet"]);
        refuses(&alice, &picture);
        assert_eq!(
            alice.timeline().last().map(String::as_str),
            first["id"].as_str(),
            "what was there can be read"
        );
        assert!(alice.runs(), "the node lives\n{}", alice.log_tail());
        std::fs::remove_file(&filler).expect("there is room again");
        let posted = alice.ok(&["post", "Room again", "--photo", &picture]);
        arrives(&bob, posted["id"].as_str().expect("an id"));
        arrives(&alice, late["id"].as_str().expect("an id"));
    }
    // Nothing of what was refused is there, neither now nor after a start.
    alice.stop();
    alice.start();
    let page = alice.ok(&["timeline"]);
    let texts: Vec<&str> = page["moments"]
        .as_array()
        .expect("moments")
        .iter()
        .filter_map(|moment| moment["text"].as_str())
        .collect();
    assert_eq!(texts.iter().filter(|text| **text == "Room again").count(), 2, "{texts:?}");
    assert!(!texts.contains(&"There is no room"), "{texts:?}");
}

fn refuses(node: &Node, picture: &str) {
    let arguments: [&[&str]; 2] =
        [&["post", "There is no room"], &["post", "There is no room", "--photo", picture]];
    for arguments in arguments {
        let answer = node.cli(arguments);
        assert_eq!(
            (answer.code, answer.error_code().as_str()),
            (Some(5), "disk_full"),
            "{answer:?}\n{}",
            node.log_tail()
        );
    }
}

fn arrives(node: &Node, id: &str) {
    let came = until(PATIENCE, Duration::from_millis(50), || {
        node.timeline().iter().any(|known| known == id).then_some(())
    });
    assert!(came.is_some(), "{} waits in vain for {id}\n{}", node.name, node.log_tail());
}

#[test]
fn a_small_disk_is_a_disk_of_its_own() {
    let Some(disk) = SmallDisk::new(1024 * 1024) else { return };
    assert_eq!(disk.free(), 1024 * 1024);
    let filler = disk.fill("filler", 0);
    assert_eq!(disk.free(), 0);
    assert!(std::fs::write(disk.folder.join("more"), [1]).is_err());
    std::fs::remove_file(filler).expect("it goes");
    assert_eq!(disk.free(), 1024 * 1024);
}
