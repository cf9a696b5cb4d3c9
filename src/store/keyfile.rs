//! Files that hold keys: a folder only its owner may enter, files only its owner may read, written whole.
//!
//! The at-rest key stands in a file of its own; the keyring (device key, node key, seal secrets, storage keys) in
//! another, sealed under it. With a passphrase the at-rest key itself is wrapped by whoever writes it here.
//!
//! # Layout of a sealed file
//!
//! | offset | size | field |
//! | --- | --- | --- |
//! | 0 | 1 | version = 1 |
//! | 1 | 24 | nonce, random |
//! | 25 | … | AEAD(at-rest key, nonce, aad = "tidings key file" ‖ 0x00 ‖ name, content) |
//!
//! What it does not do: where the system has no file modes (Windows), the folder's inherited rights have to do.
//!
//! Source: docs/protocol.md 3.1 (storage key), 3.19.

use std::io;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::files::{create_private_folder, read_whole, write_whole};
use super::{Damage, StoreError};
use crate::crypto::{AtRestKey, Entropy, Nonce, open, seal};
use crate::limits::KEY_FILE_LIMIT;
use crate::wire::{Reader, Writer};

const VERSION: u8 = 1;

/// The folder of key files.
#[derive(Debug)]
pub struct KeyFolder {
    folder: PathBuf,
}

impl KeyFolder {
    /// The folder, made if it is not there, closed to others in any case.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(folder: PathBuf) -> Result<Self, StoreError> {
        create_private_folder(&folder).map_err(|e| StoreError::io("the key folder cannot be made", e))?;
        Ok(Self { folder })
    }

    /// The content of a file; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Damaged`] if it is longer than any key file.
    pub fn read(&self, name: &'static str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        match read_whole(&self.folder.join(name), KEY_FILE_LIMIT) {
            Ok(bytes) => Ok(bytes.map(Zeroizing::new)),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                Err(damage(name, "it is longer than any key file").into())
            }
            Err(error) => Err(StoreError::io("a key file cannot be read", error)),
        }
    }

    /// Replaces a file. Durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Full`]; [`StoreError::TooLong`] above `KEY_FILE_LIMIT`. The old content is
    /// untouched then.
    pub fn write(&self, name: &'static str, content: &[u8]) -> Result<(), StoreError> {
        if content.len() > KEY_FILE_LIMIT {
            let (max_bytes, actual_bytes) = (KEY_FILE_LIMIT, content.len());
            return Err(StoreError::TooLong { what: "key file", max_bytes, actual_bytes });
        }
        write_whole(&self.folder.join(name), content, true)
            .map_err(|e| StoreError::io("a key file cannot be written", e))
    }

    /// The content of a sealed file; `None` if there is none.
    ///
    /// # Errors
    /// As [`KeyFolder::read`]; [`StoreError::Damaged`] if it does not open under this key.
    pub fn read_sealed(
        &self,
        name: &'static str,
        key: &AtRestKey,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        let mut input = Reader::new(&bytes);
        let (Ok(VERSION), Ok(nonce)) = (input.u8(), input.array()) else {
            return Err(damage(name, "it is not a sealed key file").into());
        };
        let content = open(key.expose_bytes(), &Nonce::from_bytes(nonce), &aad(name), input.take_rest())
            .map_err(|_| damage(name, "its seal does not open"))?;
        Ok(Some(Zeroizing::new(content)))
    }

    /// Seals content into a file. Durable when this returns.
    ///
    /// # Errors
    /// As [`KeyFolder::write`].
    pub fn write_sealed(
        &self,
        name: &'static str,
        key: &AtRestKey,
        content: &[u8],
        entropy: &mut Entropy,
    ) -> Result<(), StoreError> {
        let nonce = Nonce::random(entropy);
        let sealed = seal(key.expose_bytes(), &nonce, &aad(name), content);
        let mut out = Writer::new();
        out.u8(VERSION).raw(nonce.as_bytes()).raw(&sealed);
        self.write(name, out.as_slice())
    }
}

fn aad(name: &str) -> Vec<u8> {
    [b"tidings key file\0", name.as_bytes()].concat()
}

fn damage(name: &'static str, what: &'static str) -> Damage {
    Damage { place: name, key: Vec::new(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, KeyFolder) {
        let home = tempfile::tempdir().expect("folder");
        let keys = KeyFolder::open(home.path().join("keys")).expect("open");
        (home, keys)
    }

    #[test]
    fn a_sealed_file_opens_under_its_key_and_name_alone() {
        let (home, keys) = folder();
        let (key, mut entropy) = (AtRestKey::from_bytes([1; 32]), Entropy::from_number(1));
        keys.write_sealed("keyring", &key, b"node key inside", &mut entropy).expect("written");
        let read = keys.read_sealed("keyring", &key).expect("opens").expect("there");
        assert_eq!(read.as_slice(), b"node key inside");
        let raw = std::fs::read(home.path().join("keys/keyring")).expect("raw");
        assert!(!raw.windows(8).any(|window| window == b"node key"));

        let other = keys.read_sealed("keyring", &AtRestKey::from_bytes([2; 32])).expect_err("other key");
        assert_eq!(other.to_string(), "keyring is damaged at key (none): its seal does not open");
        std::fs::rename(home.path().join("keys/keyring"), home.path().join("keys/vault")).expect("moved");
        assert!(keys.read_sealed("vault", &key).is_err());
        assert!(keys.read_sealed("keyring", &key).expect("absent").is_none());
    }

    #[test]
    fn every_altered_or_missing_byte_is_noticed() {
        let (home, keys) = folder();
        let key = AtRestKey::from_bytes([1; 32]);
        keys.write_sealed("keyring", &key, b"secret", &mut Entropy::from_number(1)).expect("written");
        let path = home.path().join("keys/keyring");
        let good = std::fs::read(&path).expect("raw");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).expect("written");
            assert!(keys.read_sealed("keyring", &key).is_err(), "byte {at}");
            std::fs::write(&path, &good[..at]).expect("written");
            assert!(keys.read_sealed("keyring", &key).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_key_file_has_a_limit() {
        let (_home, keys) = folder();
        keys.write("keyring", &vec![0; KEY_FILE_LIMIT]).expect("at the limit");
        assert_eq!(keys.read("keyring").expect("read").map(|bytes| bytes.len()), Some(KEY_FILE_LIMIT));
        let error = keys.write("keyring", &vec![0; KEY_FILE_LIMIT + 1]).expect_err("above");
        assert!(matches!(error, StoreError::TooLong { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_was_open_to_others_is_closed() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().expect("folder");
        let path = home.path().join("keys");
        std::fs::create_dir(&path).expect("made");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("opened");
        let keys = KeyFolder::open(path.clone()).expect("open");
        keys.write("at-rest", b"k").expect("written");
        let mode = |path: PathBuf| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(path.clone()), mode(path.join("at-rest"))), (0o700, 0o600));
    }
}
