//! Moments that are half-written, kept until they are shared or given up.
//!
//! A draft goes to nobody: no friend and no other device. What it says is the application's own form and stands in the
//! record, sealed like every other; its files lie sealed beside the store, each under a key of its own that stands in
//! the record alone. So a file whose record is gone can be read by nobody, and is swept at the next start.
//!
//! ```text
//! Tree::Drafts, key = draft id 16
//!   saved ms 8 ‖ words u32+ ‖ n u16 ‖ n × {blob 32 ‖ key 32 ‖ bytes 8 ‖ part 1 ‖ media type u16+}
//! ```
//!
//! What it does not do: it opens no file and removes none (`client/drafts.rs`), and understands nothing of the words.
//!
//! Invariants: never more than [`DRAFT_LIMIT`] drafts, [`DRAFT_FILE_LIMIT`] files of one and [`DRAFT_BYTES_LIMIT`] bytes
//! of files; a file belongs to one draft.
//!
//! Source: docs/adr/0010-the-web-app.md.

use std::collections::BTreeSet;

use super::{Service, tx};
use crate::ask::SealedBlob;
use crate::crypto::BlobKey;
use crate::error::{Error, Result};
use crate::id::{BlobId, DraftId};
use crate::limits::{DRAFT_BYTES_LIMIT, DRAFT_FILE_LIMIT, DRAFT_LIMIT, DRAFT_MIME_LIMIT, DRAFT_WORDS_LIMIT};
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::view::{DraftFile, KeptDraft, Part};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer};

/// A draft as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DraftRecord {
    saved: Timestamp,
    words: String,
    files: Vec<FileRecord>,
}

/// A file of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileRecord {
    blob: BlobId,
    key: BlobKey,
    bytes: u64,
    part: u8,
    mime: String,
}

impl Encode for DraftRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.u64(self.saved.as_millis()).bytes_u32(self.words.as_bytes());
        out.u16(u16::try_from(self.files.len()).unwrap_or(u16::MAX));
        for file in &self.files {
            out.value(&file.blob).raw(file.key.expose_bytes()).u64(file.bytes).u8(file.part);
            out.bytes_u16(file.mime.as_bytes());
        }
    }
}

impl Decode for DraftRecord {
    fn decode_from(input: &mut Reader<'_>) -> std::result::Result<Self, DecodeError> {
        let saved = Timestamp::from_millis(input.u64()?);
        let words = crate::wire::utf8(input.bytes_u32("words of a draft", DRAFT_WORDS_LIMIT)?)?.to_owned();
        let count = u64::from(input.u16()?);
        let count = input.count("files of a draft", count, DRAFT_FILE_LIMIT, 75)?;
        let mut files = Vec::with_capacity(count);
        for _ in 0..count {
            files.push(FileRecord {
                blob: input.value()?,
                key: BlobKey::from_bytes(input.array()?),
                bytes: input.u64()?,
                part: input.u8()?,
                mime: input.text_u16("media type", DRAFT_MIME_LIMIT)?.to_owned(),
            });
        }
        Ok(Self { saved, words, files })
    }
}

const fn code(part: Part) -> u8 {
    match part {
        Part::Photo => 1,
        Part::Video => 2,
        Part::Poster => 3,
    }
}

fn file_view(file: &FileRecord) -> DraftFile {
    let part = match file.part {
        2 => Part::Video,
        3 => Part::Poster,
        _ => Part::Photo,
    };
    DraftFile { id: file.blob, part, mime: file.mime.clone(), bytes: file.bytes }
}

fn view(id: DraftId, record: DraftRecord) -> KeptDraft {
    let files = record.files.iter().map(file_view).collect();
    KeptDraft { id, saved_at: record.saved, words: record.words, files }
}

fn no_such_draft() -> Error {
    Error::not_found("no_such_draft", "there is no such draft", "it was shared or given up; write it anew")
}

fn no_such_file() -> Error {
    Error::not_found("no_such_draft_file", "the draft has no such file", "add it again")
}

impl Service {
    /// All drafts, the one kept last first.
    ///
    /// # Errors
    /// Failed if the disk refuses.
    pub fn drafts(&self) -> Result<Vec<KeptDraft>> {
        let mut all: Vec<KeptDraft> =
            self.draft_records()?.into_iter().map(|(id, record)| view(id, record)).collect();
        all.sort_by(|a, b| b.saved_at.cmp(&a.saved_at).then(a.id.cmp(&b.id)));
        Ok(all)
    }

    /// Keeps what a draft says now, and which of its files it still has, in their order. Returns it, and the files that
    /// nobody needs any more.
    ///
    /// # Errors
    /// Refused above a limit; not found for a file that it never had.
    pub fn keep_draft(
        &mut self,
        id: DraftId,
        words: String,
        files: &[BlobId],
    ) -> Result<(KeptDraft, Vec<BlobId>)> {
        if words.len() > DRAFT_WORDS_LIMIT {
            return Err(Error::refused(
                "draft_too_long",
                format!("a draft of {} bytes; at most {DRAFT_WORDS_LIMIT} are kept", words.len()),
                "make it shorter, or share it",
            ));
        }
        let before = self.draft_record(&id)?;
        if before.is_none() && self.draft_records()?.len() >= DRAFT_LIMIT {
            return Err(Error::refused(
                "draft_limit",
                format!("{DRAFT_LIMIT} drafts are kept, the limit"),
                "share or give up one of them",
            ));
        }
        let mut had = before.map(|record| record.files).unwrap_or_default();
        let mut kept = Vec::new();
        for file in files {
            let at = had.iter().position(|known| known.blob == *file).ok_or_else(no_such_file)?;
            kept.push(had.remove(at));
        }
        let record = DraftRecord { saved: self.now, words, files: kept };
        self.put_draft(&id, &record);
        Ok((view(id, record), had.iter().map(|file| file.blob).collect()))
    }

    /// Whether a draft has room for a file of so many bytes.
    ///
    /// # Errors
    /// Not found; refused above a limit.
    pub fn check_draft_file(&self, id: &DraftId, mime: &str, bytes: u64) -> Result<()> {
        let record = self.draft_record(id)?.ok_or_else(no_such_draft)?;
        if record.files.len() >= DRAFT_FILE_LIMIT {
            return Err(Error::refused(
                "draft_file_limit",
                format!("a draft has at most {DRAFT_FILE_LIMIT} files"),
                "leave one out",
            ));
        }
        if mime.len() > DRAFT_MIME_LIMIT {
            return Err(Error::refused(
                "draft_mime",
                format!("a media type of {} bytes; at most {DRAFT_MIME_LIMIT} are kept", mime.len()),
                "name it as `image/jpeg` is named",
            ));
        }
        let all = self.draft_records()?;
        let files = all.iter().flat_map(|(_, record)| &record.files);
        let sum = files.fold(bytes, |sum, file| sum.saturating_add(file.bytes));
        if sum > DRAFT_BYTES_LIMIT {
            return Err(Error::refused(
                "draft_bytes",
                format!("the files of all drafts would have {sum} bytes; {DRAFT_BYTES_LIMIT} is the limit"),
                "share or give up an older draft",
            ));
        }
        Ok(())
    }

    /// Adds a file that lies sealed on the disk.
    ///
    /// # Errors
    /// As [`Service::check_draft_file`]: the draft may have gone while the file came.
    pub fn add_draft_file(
        &mut self,
        id: &DraftId,
        part: Part,
        mime: &str,
        sealed: &SealedBlob,
    ) -> Result<DraftFile> {
        self.check_draft_file(id, mime, sealed.plain_bytes)?;
        let mut record = self.draft_record(id)?.ok_or_else(no_such_draft)?;
        let file = FileRecord {
            blob: sealed.id,
            key: sealed.key.clone(),
            bytes: sealed.plain_bytes,
            part: code(part),
            mime: mime.to_owned(),
        };
        let added = file_view(&file);
        record.files.push(file);
        self.put_draft(id, &record);
        Ok(added)
    }

    /// How a file of a draft is opened.
    ///
    /// # Errors
    /// Not found.
    pub fn draft_file(&self, id: &DraftId, blob: &BlobId) -> Result<(BlobKey, u64)> {
        let record = self.draft_record(id)?.ok_or_else(no_such_draft)?;
        let file = record.files.into_iter().find(|file| file.blob == *blob).ok_or_else(no_such_file)?;
        Ok((file.key, file.bytes))
    }

    /// Forgets a draft. Returns the files that nobody needs any more; none if there was no such draft.
    ///
    /// # Errors
    /// Failed if the disk refuses.
    pub fn drop_draft(&mut self, id: &DraftId) -> Result<Vec<BlobId>> {
        let Some(record) = self.draft_record(id)? else { return Ok(Vec::new()) };
        self.tx.remove(Tree::Drafts, id.as_bytes());
        self.answer_after_barrier = true;
        Ok(record.files.iter().map(|file| file.blob).collect())
    }

    /// Every file that a draft has.
    ///
    /// # Errors
    /// [`StoreError`] if the disk refuses.
    pub fn draft_blobs(&self) -> std::result::Result<BTreeSet<BlobId>, StoreError> {
        let all = self.draft_records()?;
        Ok(all.iter().flat_map(|(_, record)| &record.files).map(|file| file.blob).collect())
    }

    fn put_draft(&mut self, id: &DraftId, record: &DraftRecord) {
        self.tx.put_record(Tree::Drafts, id.as_bytes(), record);
        self.answer_after_barrier = true;
    }

    fn draft_record(&self, id: &DraftId) -> std::result::Result<Option<DraftRecord>, StoreError> {
        self.tx.record(Tree::Drafts, id.as_bytes())
    }

    fn draft_records(&self) -> std::result::Result<Vec<(DraftId, DraftRecord)>, StoreError> {
        let pairs = self.tx.prefix(Tree::Drafts, &[], DRAFT_LIMIT)?;
        let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
            let id = DraftId::try_from(key.as_slice())
                .map_err(|_| tx::damaged(Tree::Drafts, key, "the key is not one of ours"))?;
            Ok((id, tx::decode(Tree::Drafts, key, value)?))
        };
        pairs.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Rig;
    use super::*;

    fn id(number: u8) -> DraftId {
        DraftId::from_bytes([number; 16])
    }

    fn sealed(number: u8, bytes: u64) -> SealedBlob {
        let key = BlobKey::from_bytes([number; 32]);
        SealedBlob { id: BlobId::from_bytes([number; 32]), key, plain_hash: [0; 32], plain_bytes: bytes }
    }

    fn keep(rig: &mut Rig, draft: u8, words: &str, files: &[u8]) -> Result<Vec<BlobId>> {
        let files: Vec<BlobId> = files.iter().map(|number| BlobId::from_bytes([*number; 32])).collect();
        let kept = rig.service.keep_draft(id(draft), words.to_owned(), &files).map(|(_, gone)| gone);
        rig.commit();
        kept
    }

    fn add(rig: &mut Rig, draft: u8, file: u8, bytes: u64) -> Result<DraftFile> {
        let added = rig.service.add_draft_file(&id(draft), Part::Photo, "image/jpeg", &sealed(file, bytes));
        rig.commit();
        added
    }

    #[test]
    fn words_files_and_their_order_are_there_after_a_restart() {
        let mut rig = Rig::new();
        keep(&mut rig, 1, "half", &[]).expect("kept");
        for file in [7, 8, 9] {
            add(&mut rig, 1, file, 100).expect("added");
        }
        assert_eq!(keep(&mut rig, 1, "half a line", &[9, 7]).expect("kept"), [BlobId::from_bytes([8; 32])]);
        rig.again(|_| {});
        let all = rig.service.drafts().expect("read");
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].id, all[0].words.as_str()), (id(1), "half a line"));
        let order: Vec<u8> = all[0].files.iter().map(|file| file.id.as_bytes()[0]).collect();
        assert_eq!(order, [9, 7]);
        let (key, bytes) = rig.service.draft_file(&id(1), &BlobId::from_bytes([7; 32])).expect("there");
        assert_eq!((key, bytes), (BlobKey::from_bytes([7; 32]), 100));
        let gone = rig.service.draft_file(&id(1), &BlobId::from_bytes([8; 32]));
        assert_eq!(gone.map(|_| ()).map_err(|e| e.code), Err("no_such_draft_file"));
        assert_eq!(rig.service.drop_draft(&id(1)).expect("dropped").len(), 2);
        rig.commit();
        assert!(rig.service.drafts().expect("read").is_empty());
        assert!(rig.service.draft_blobs().expect("read").is_empty());
    }

    #[test]
    fn as_many_drafts_as_the_limit_are_kept_and_one_more_is_refused() {
        let mut rig = Rig::new();
        for number in 0..DRAFT_LIMIT {
            keep(&mut rig, u8::try_from(number).expect("few"), "x", &[]).expect("kept");
        }
        let error = keep(&mut rig, 200, "x", &[]).expect_err("one too many");
        assert_eq!(error.code, "draft_limit");
        assert!(error.message.contains(&DRAFT_LIMIT.to_string()));
        keep(&mut rig, 0, "one of them again", &[]).expect("kept");
        assert_eq!(rig.service.drafts().expect("read").len(), DRAFT_LIMIT);
    }

    #[test]
    fn words_files_and_bytes_stop_at_their_limits() {
        let mut rig = Rig::new();
        keep(&mut rig, 1, &"x".repeat(DRAFT_WORDS_LIMIT), &[]).expect("of the limit");
        let long = keep(&mut rig, 1, &"x".repeat(DRAFT_WORDS_LIMIT + 1), &[]);
        assert_eq!(long.expect_err("too long").code, "draft_too_long");
        keep(&mut rig, 1, "x", &[]).expect("kept");
        add(&mut rig, 1, 1, DRAFT_BYTES_LIMIT).expect("of the limit");
        assert_eq!(add(&mut rig, 1, 2, 1).expect_err("a byte too many").code, "draft_bytes");
        keep(&mut rig, 1, "x", &[]).expect("kept");
        for file in 0..DRAFT_FILE_LIMIT {
            add(&mut rig, 1, u8::try_from(file).expect("few"), 1).expect("of the limit");
        }
        assert_eq!(add(&mut rig, 1, 99, 1).expect_err("one too many").code, "draft_file_limit");
        let mime = "x".repeat(DRAFT_MIME_LIMIT + 1);
        keep(&mut rig, 1, "x", &[]).expect("kept");
        let check = |mime: &str| rig.service.check_draft_file(&id(1), mime, 1).map_err(|error| error.code);
        assert_eq!(check(&mime[1..]), Ok(()));
        assert_eq!(check(&mime), Err("draft_mime"));
    }

    #[test]
    fn a_file_that_comes_when_its_draft_is_gone_makes_no_draft() {
        let mut rig = Rig::new();
        keep(&mut rig, 1, "x", &[]).expect("kept");
        rig.service.drop_draft(&id(1)).expect("dropped");
        rig.commit();
        assert_eq!(add(&mut rig, 1, 1, 1).expect_err("gone").code, "no_such_draft");
        assert!(rig.service.drafts().expect("read").is_empty());
        assert_eq!(keep(&mut rig, 2, "x", &[5]).expect_err("unknown").code, "no_such_draft_file");
    }
}
