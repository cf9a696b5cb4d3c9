//! Opening a home: lock, keys, store, service; and making a new one.
//!
//! ```text
//!  keys/at-rest    the key that everything else is sealed under (mode 0600)
//!  keys/keyring    device, node and seal keys, sealed
//!  keys/storage    the storage keys of the months, sealed
//!  store/  blobs/  drafts/  tmp/  log/  seq  lock  format
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Error, Result};
use crate::crypto::{AtRestKey, Entropy, SigningKey};
use crate::error::Kind;
use crate::id::UserId;
use crate::identity::{DeviceFlags, Keyring, next_seq};
use crate::limits::NAME_LIMIT;
use crate::service::state::Me;
use crate::service::{Parts, Service, store_error};
use crate::store::blobs::BlobFiles;
use crate::store::{Disk, DiskConfig, KeyFolder, Sealed, SeqFile, StorageKeys, Store, StoreError};
use crate::time::{DAY_MS, Day, Timestamp};

const AT_REST: &str = "at-rest";
const KEYRING: &str = "keyring";
const STORAGE: &str = "storage";

/// What opening a home gives.
pub(super) struct Opened {
    pub(super) service: Service,
    pub(super) blobs: Arc<BlobFiles>,
    pub(super) drafts: Arc<BlobFiles>,
    pub(super) node_key: SigningKey,
}

/// Whether a home has an identity: the keyring is written last.
pub(super) fn has_identity(home: &Path) -> bool {
    home.join("keys").join(KEYRING).is_file()
}

/// Creates an identity in a home.
pub(super) fn create(home: &Path, name: &str) -> Result<(UserId, Zeroizing<String>)> {
    let name = name.trim();
    if name.is_empty() || name.len() > NAME_LIMIT {
        return Err(Error::new(
            if name.is_empty() { Kind::Usage } else { Kind::Refused },
            "bad_name",
            format!("a name has 1 to {NAME_LIMIT} bytes, not {}", name.len()),
            "choose another name",
        ));
    }
    let exists = || {
        Error::refused("identity_exists", "this home has an identity already", "use another home with --home")
    };
    if has_identity(home) {
        return Err(exists());
    }
    let now = now();
    let mut entropy = system_entropy()?;
    let config = DiskConfig { lock_wait: Duration::ZERO, ..DiskConfig::default() };
    let disk = Disk::open(home, &config).map_err(|error| open_error(&error))?;
    if has_identity(home) {
        return Err(exists());
    }
    let folder = KeyFolder::open(home.join("keys")).map_err(|error| store_error(&error))?;
    let created = Keyring::create(&mut entropy, now);
    let at_rest = AtRestKey::random(&mut entropy);
    let storage = StorageKeys::new(month(now.day()), AtRestKey::random(&mut entropy));
    let flags = DeviceFlags::new(false, true);
    let device = created.keyring.device_record(next_seq(None, now), now.day(), flags, Vec::new(), Vec::new());
    let me = Me {
        name: name.to_owned(),
        about: String::new(),
        window_days: 0,
        identity: created.identity.as_bytes().to_vec(),
        device: device.as_bytes().to_vec(),
        addresses: Vec::new(),
        device_day: now.day(),
        last_day: now.day(),
        next_number: 0,
        strangers: 0,
    };
    let keep = || -> std::result::Result<(), StoreError> {
        folder.write(AT_REST, at_rest.expose_bytes())?;
        let mut entropy = entropy.split();
        folder.write_sealed(STORAGE, &at_rest, &storage.expose_bytes(), &mut entropy)?;
        let sealed = Sealed::new(disk, storage.clone(), entropy.split());
        Service::create(&sealed, &me)?;
        // Last: a home without it is one in which nothing was begun.
        folder.write_sealed(KEYRING, &at_rest, &created.keyring.encode_secret(), &mut entropy)
    };
    keep_with(keep)?;
    let words = created.words.expose_words().phrase();
    Ok((created.keyring.user(), words))
}

fn keep_with(keep: impl FnOnce() -> std::result::Result<(), StoreError>) -> Result<()> {
    keep().map_err(|error| store_error(&error))
}

/// Opens a home that has an identity.
pub(super) fn open(home: &Path, wait: Duration) -> Result<Opened> {
    if !has_identity(home) {
        return Err(Error::new(
            Kind::NotHere,
            "no_identity",
            format!("there is no identity in {}", home.display()),
            "create one with `tidings init --name NAME` or `tidings run`",
        ));
    }
    let config = DiskConfig { lock_wait: wait, ..DiskConfig::default() };
    let disk = Disk::open(home, &config).map_err(|error| open_error(&error))?;
    let (keyring, storage) = keys(home)?;
    let mut entropy = system_entropy()?;
    let store: Arc<dyn Store> = Arc::new(Sealed::new(disk, storage, entropy.split()));
    let blobs = BlobFiles::open(&home.join("blobs"))
        .map_err(|error| Error::failed("blobs_failed", error.to_string(), "look at the home's rights"))?;
    let book = SeqFile::new(home.join("seq"));
    let beside = book.read().map_err(|error| store_error(&error))?;
    let node_key = keyring.node_key().clone();
    let parts = Parts { keyring, store, book: Box::new(book), beside, entropy };
    let service = Service::new(parts, now()).map_err(|error| store_error(&error))?;
    let drafts = super::drafts::open(home, &service)?;
    Ok(Opened { service, blobs: Arc::new(blobs), drafts: Arc::new(drafts), node_key })
}

fn keys(home: &Path) -> Result<(Keyring, StorageKeys)> {
    let damaged = |what: &str| {
        Error::failed(
            "keys_damaged",
            format!("the key file {what} is damaged"),
            "restore the folder keys/ from a copy; without it the home cannot be opened",
        )
    };
    let folder = KeyFolder::open(home.join("keys")).map_err(|error| store_error(&error))?;
    let at_rest =
        folder.read(AT_REST).map_err(|error| store_error(&error))?.ok_or_else(|| damaged(AT_REST))?;
    let at_rest = <[u8; 32]>::try_from(at_rest.as_slice()).map_err(|_| damaged(AT_REST))?;
    let at_rest = AtRestKey::from_bytes(at_rest);
    let read = |name: &'static str| {
        folder.read_sealed(name, &at_rest).map_err(|error| store_error(&error))?.ok_or_else(|| damaged(name))
    };
    let keyring = Keyring::decode_secret(&read(KEYRING)?).map_err(|_| damaged(KEYRING))?;
    let storage = crate::wire::decode(&read(STORAGE)?).map_err(|_| damaged(STORAGE))?;
    Ok((keyring, storage))
}

fn open_error(error: &StoreError) -> Error {
    match error {
        StoreError::Lock(lock) => Error::refused(
            "home_in_use",
            lock.to_string(),
            "stop it with `tidings stop`, or use another home with --home",
        ),
        StoreError::Format(format) => {
            Error::refused("home_format", format.to_string(), "nothing in the home was touched")
        }
        other => store_error(other),
    }
}

/// Months since 1970, near enough to tell keys apart.
const fn month(day: Day) -> u32 {
    day.0 / 30
}

/// Randomness from the operating system.
#[expect(clippy::disallowed_methods, reason = "the shell is where the system's randomness is drawn")]
pub(super) fn system_entropy() -> Result<Entropy> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        Error::failed("no_randomness", error.to_string(), "the operating system gives no randomness")
    })?;
    Ok(Entropy::from_seed(seed))
}

/// The clock.
#[expect(clippy::disallowed_methods, reason = "the shell is where the clock is read")]
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(DAY_MS))
}
