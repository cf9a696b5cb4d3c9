//! Sealing a picture anew for another audience, a piece at a time, and proving that it is the one that was signed.
//!
//! The old ciphertext is read once: each piece is opened, hashed, sealed under the new key and written. Nothing of it is
//! kept unless the whole has the hash that the first author signed.
//!
//! Source: docs/protocol.md 3.9.

use std::fs::File;
use std::io::{self, Read};

use super::{Error, Result};
use crate::ask::SealedBlob;
use crate::crypto::{BlobKey, apply_blob_stream, padded_len};
use crate::store::blobs::BlobFiles;

/// Seals a blob anew under a key of its own, if its plaintext is the one that `old` says.
///
/// # Errors
/// Refused if it is another, or the disk is full; failed if it cannot be read.
pub(super) fn reseal(files: &BlobFiles, old: &SealedBlob) -> Result<SealedBlob> {
    let file = files.read(old.id).map_err(|error| super::blobs::blob_error(&error))?;
    let key = BlobKey::random(&mut super::home::system_entropy()?);
    let mut source = Reseal {
        file,
        old: old.key.clone(),
        new: key.clone(),
        at: 0,
        plain: old.plain_bytes,
        hasher: blake3::Hasher::new(),
        is_padded_with_zeros: true,
    };
    let (id, bytes) = files.insert_from(&mut source).map_err(|error| super::blobs::blob_error(&error))?;
    let is_same = *source.hasher.finalize().as_bytes() == old.plain_hash;
    if !is_same || !source.is_padded_with_zeros || bytes != padded_len(old.plain_bytes) {
        discard(files, &id);
        return Err(not_the_signed_one());
    }
    Ok(SealedBlob { id, key, ..old.clone() })
}

/// Removes what was sealed and is of no use.
pub(super) fn discard(files: &BlobFiles, id: &crate::id::BlobId) {
    if let Err(error) = files.remove(*id) {
        tracing::warn!(%error, "a picture that is not needed could not be removed");
    }
}

pub(super) fn not_the_signed_one() -> Error {
    Error::refused(
        "other_picture",
        "the picture that came is not the one that the moment's author signed",
        "do not take it for theirs; ask them for the moment itself",
    )
}

/// Reads old ciphertext, gives new.
struct Reseal {
    file: File,
    old: BlobKey,
    new: BlobKey,
    at: u64,
    plain: u64,
    hasher: blake3::Hasher,
    is_padded_with_zeros: bool,
}

impl Read for Reseal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.file.read(buffer)?;
        let Some(piece) = buffer.get_mut(..len) else { return Ok(0) };
        apply_blob_stream(&self.old, self.at, piece);
        let left = usize::try_from(self.plain.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let (plain, padding) = piece.split_at(left.min(len));
        self.hasher.update(plain);
        self.is_padded_with_zeros &= padding.iter().all(|byte| *byte == 0);
        apply_blob_stream(&self.new, self.at, piece);
        self.at = self.at.saturating_add(u64::try_from(len).unwrap_or(0));
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::blobs::{OpenBlob, seal};
    use crate::client::proof::Proofs;
    use crate::service::BlobReading;

    #[test]
    fn a_picture_sealed_anew_is_the_same_under_another_key_and_another_picture_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let files = BlobFiles::open(home.path()).expect("blobs");
        let mut picture = vec![0xff, 0xd8, 0xff];
        picture.resize(40_000, 7);
        let old = seal(&files, &picture).expect("sealed");
        let new = reseal(&files, &old).expect("the same picture");
        assert_ne!((new.id, &new.key), (old.id, &old.key));
        let reading = BlobReading {
            key: new.key.clone(),
            mime: "image/jpeg",
            bytes: 40_000,
            proof: Some(old.plain_hash),
        };
        let open = OpenBlob::open(&files, &Proofs::default(), &new.id, vec![reading]).expect("here");
        assert_eq!(open.read(0, 50_000).expect("read"), picture);
        let forged =
            BlobReading { key: old.key.clone(), mime: "image/jpeg", bytes: 40_000, proof: Some([1; 32]) };
        let refused = OpenBlob::open(&files, &Proofs::default(), &old.id, vec![forged]);
        assert_eq!(refused.expect_err("another picture than was signed").code, "other_picture");
        for (name, other) in [
            ("another hash", SealedBlob { plain_hash: [1; 32], ..old.clone() }),
            ("another key", SealedBlob { key: BlobKey::from_bytes([1; 32]), ..old.clone() }),
            ("shorter", SealedBlob { plain_bytes: 39_999, ..old.clone() }),
        ] {
            let before = files.list().expect("listed").len();
            assert_eq!(reseal(&files, &other).expect_err(name).code, "other_picture", "{name}");
            assert_eq!(files.list().expect("listed").len(), before, "{name}: nothing of it stays");
        }
    }
}
