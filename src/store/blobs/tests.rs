use std::fs;
use std::sync::Arc;

use super::*;
use crate::blob::{Decoder, Get, Groups, Verified};
use crate::limits::{BLOB_CHECKPOINT_GROUPS, BLOB_GROUP_LEN, VIDEO_BLOB_LIMIT};

struct Folder {
    _dir: tempfile::TempDir,
    files: Arc<BlobFiles>,
}

fn folder() -> Folder {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let files = Arc::new(BlobFiles::open(dir.path()).expect("open"));
    Folder { files, _dir: dir }
}

fn bytes_of(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(b"file").finalize_xof().fill(&mut out);
    out
}

fn served(files: &BlobFiles, get: &Get) -> Vec<u8> {
    let mut serving = files.serve(get).expect("served");
    let mut buffer = vec![0; 40_000];
    let mut out = Vec::new();
    loop {
        match serving.fill(&mut buffer).expect("read") {
            0 => return out,
            len => out.extend_from_slice(&buffer[..len]),
        }
    }
}

fn take(decoder: &mut Decoder, incoming: &mut Incoming, answer: &[u8]) {
    let mut verified = Vec::new();
    let fed = decoder.feed(answer, &mut |item| {
        verified.push(item);
        Ok::<_, std::convert::Infallible>(())
    });
    fed.expect("true bytes");
    incoming.accept(&verified).expect("written");
}

/// Fetches from one folder into another, at most `most` bytes of the answer. Returns the ranges asked for.
fn fetch(from: &BlobFiles, to: &Arc<BlobFiles>, blob: BlobId, bytes: u64, most: usize) -> Groups {
    let mut incoming = to.begin(blob, bytes).expect("begin");
    let asked = incoming.missing().expect("something is missing");
    let answer = served(from, &Get { blob, groups: asked.clone() });
    let mut decoder = Decoder::new(blob, Shape::new(bytes).expect("size"), &asked).expect("fits");
    let cut = &answer[..most.min(answer.len())];
    take(&mut decoder, &mut incoming, cut);
    if decoder.is_done() {
        assert_eq!(incoming.finish().expect("finish"), bytes);
    }
    asked
}

#[test]
fn a_blob_is_found_under_its_hash_and_is_gone_when_removed() {
    let Folder { files, _dir } = folder();
    let bytes = bytes_of(50_000);
    let blob = files.insert(&bytes).expect("insert");
    assert_eq!(blob.as_bytes(), blake3::hash(&bytes).as_bytes());
    assert_eq!(fs::read(files.path(blob)).expect("read"), bytes);
    assert_eq!((files.contains(blob), files.size(blob)), (true, Some(50_000)));
    assert_eq!(files.list().expect("list"), vec![(blob, 50_000)]);
    assert_eq!(files.insert(&bytes).expect("again"), blob);
    assert_eq!(files.total_bytes().expect("total"), 50_000);
    assert!(files.remove(blob).expect("remove"));
    assert!(!files.remove(blob).expect("remove again"));
    assert_eq!(files.total_bytes().expect("total"), 0);
    assert!(matches!(files.read(blob), Err(Error::NotFound { .. })));
}

#[test]
fn an_empty_blob_and_one_byte_too_much_are_refused_and_leave_nothing() {
    let Folder { files, _dir } = folder();
    assert!(matches!(files.insert(b""), Err(Error::Size(_))));
    let mut huge = io::repeat(7).take(VIDEO_BLOB_LIMIT + 1);
    assert!(matches!(files.insert_from(&mut huge), Err(Error::Size(_))));
    assert_eq!(fs::read_dir(files.root.join("tmp")).expect("tmp").count(), 0);
    assert_eq!(files.list().expect("list"), vec![]);
}

#[test]
fn what_was_being_written_at_a_crash_is_dropped_at_the_next_start() {
    let Folder { files, _dir } = folder();
    fs::write(files.root.join("tmp").join("0"), b"half").expect("write");
    let again = BlobFiles::open(_dir.path()).expect("open");
    assert_eq!(fs::read_dir(again.root.join("tmp")).expect("tmp").count(), 0);
}

#[test]
fn a_fetched_blob_can_be_served_on() {
    let (a, b, c) = (folder(), folder(), folder());
    let bytes = bytes_of(300_000);
    let blob = a.files.insert(&bytes).expect("insert");
    fetch(&a.files, &b.files, blob, 300_000, usize::MAX);
    fetch(&b.files, &c.files, blob, 300_000, usize::MAX);
    assert_eq!(fs::read(c.files.path(blob)).expect("read"), bytes);
    assert!(!c.files.part_path(blob).exists() && !c.files.map_path(blob).exists());
    assert_eq!(fs::read(a.files.tree_path(blob)).expect("a"), fs::read(c.files.tree_path(blob)).expect("c"));
}

#[test]
fn a_cut_transfer_goes_on_with_what_is_missing_even_after_a_restart() {
    let (a, b) = (folder(), folder());
    let bytes = bytes_of(20 * BLOB_GROUP_LEN);
    let len = bytes.len() as u64;
    let blob = a.files.insert(&bytes).expect("insert");
    let first = fetch(&a.files, &b.files, blob, len, 170_000);
    assert_eq!(first.ranges(), [(0, 20)]);
    let reopened = Arc::new(BlobFiles::open(b._dir.path()).expect("open"));
    let second = fetch(&a.files, &reopened, blob, len, usize::MAX);
    assert_eq!(second.ranges(), [(10, 20)], "ten whole groups fit into what came first");
    assert_eq!(fs::read(reopened.path(blob)).expect("read"), bytes);
}

#[test]
fn a_map_that_claims_too_much_is_found_out_before_the_blob_counts() {
    let (a, b) = (folder(), folder());
    let bytes = bytes_of(8 * BLOB_GROUP_LEN);
    let blob = a.files.insert(&bytes).expect("insert");
    fetch(&a.files, &b.files, blob, bytes.len() as u64, 70_000);
    let mut part = fs::read(b.files.part_path(blob)).expect("part");
    part[5] ^= 1;
    fs::write(b.files.part_path(blob), part).expect("damage");
    let mut incoming = b.files.begin(blob, bytes.len() as u64).expect("begin");
    let asked = incoming.missing().expect("missing");
    let answer = served(&a.files, &Get { blob, groups: asked.clone() });
    let shape = Shape::new(bytes.len() as u64).expect("size");
    let mut decoder = Decoder::new(blob, shape, &asked).expect("fits");
    take(&mut decoder, &mut incoming, &answer);
    assert!(matches!(incoming.finish(), Err(Error::Damaged { .. })));
    assert!(!b.files.contains(blob));
    let again = b.files.begin(blob, bytes.len() as u64).expect("begin");
    assert_eq!(again.partial().verified_groups(), 0);
}

#[test]
fn a_blob_is_fetched_by_one_transfer_at_a_time() {
    let Folder { files, _dir } = folder();
    let blob = BlobId::from_bytes([3; 32]);
    let first = files.begin(blob, 100).expect("begin");
    assert!(matches!(files.begin(blob, 100), Err(Error::Busy { .. })));
    drop(first);
    assert!(files.begin(blob, 100).is_ok());
}

#[test]
fn progress_is_written_down_while_a_transfer_runs() {
    let (a, b) = (folder(), folder());
    let groups = BLOB_CHECKPOINT_GROUPS as usize + 1;
    let bytes = bytes_of(groups * BLOB_GROUP_LEN);
    let blob = a.files.insert(&bytes).expect("insert");
    let mut incoming = b.files.begin(blob, bytes.len() as u64).expect("begin");
    for (index, group) in bytes.chunks(BLOB_GROUP_LEN).enumerate() {
        assert!(!b.files.map_path(blob).exists() || index >= BLOB_CHECKPOINT_GROUPS as usize);
        let offset = (index * BLOB_GROUP_LEN) as u64;
        incoming
            .accept(&[Verified::Group { index: index as u32, offset, bytes: group.into() }])
            .expect("accept");
    }
    assert!(b.files.map_path(blob).exists(), "a crash now costs one group");
}

#[test]
fn a_lost_tree_is_made_again_and_a_damaged_blob_is_not_served_from_a_new_one() {
    let Folder { files, _dir } = folder();
    let bytes = bytes_of(100_000);
    let blob = files.insert(&bytes).expect("insert");
    let get = Get { blob, groups: Groups::all(Shape::new(100_000).expect("size")) };
    let before = served(&files, &get);
    fs::remove_file(files.tree_path(blob)).expect("remove");
    assert_eq!(served(&files, &get), before);
    fs::remove_file(files.tree_path(blob)).expect("it was kept again");
    let mut damaged = bytes;
    damaged[0] ^= 1;
    fs::write(files.path(blob), damaged).expect("damage");
    assert!(matches!(files.serve(&get), Err(Error::Damaged { .. })));
}

/// Linux has a file that is always full.
#[cfg(target_os = "linux")]
#[test]
fn what_a_full_disk_did_not_take_leaves_nothing_behind() {
    let Folder { files, _dir } = folder();
    let temporary = _dir.path().join("tmp");
    let full = |number: u32| {
        std::os::unix::fs::symlink("/dev/full", temporary.join(number.to_string())).expect("a full disk");
    };
    let nothing_is_left = || assert_eq!(fs::read_dir(&temporary).expect("list").count(), 0);
    let bytes = bytes_of(2 * BLOB_GROUP_LEN);
    // The second file is the tree.
    full(1);
    assert!(files.insert(&bytes).expect_err("full").is_disk_full());
    nothing_is_left();
    let mut incoming = files.begin(BlobId::from_bytes([3; 32]), bytes.len() as u64).expect("begin");
    let group = Verified::Group { index: 0, offset: 0, bytes: bytes[..BLOB_GROUP_LEN].into() };
    incoming.accept(&[group]).expect("accept");
    for number in [2, 3] {
        full(number);
        assert!(incoming.save().expect_err("full").is_disk_full());
        nothing_is_left();
    }
    incoming.save().expect("there is room again");
    nothing_is_left();
}
