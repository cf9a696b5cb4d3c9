//! Identifiers: one newtype for each thing that has a name in bytes.
//!
//! An id is its exact length and nothing else, so that a user can never be taken for a device or an entry for
//! an epoch: there is no conversion between two kinds. All of them offer the same small set: `from_bytes`,
//! `as_bytes`, `Display` and `FromStr` in lower-case hex, `short` for logs.
//!
//! Ids are not secret, except that a [`BlobId`] and an [`EntryId`] act as unguessable capabilities: who knows one
//! may ask for the thing. Logs therefore use `short()`.
//!
//! Source: docs/protocol.md 3.0, 3.1.

use std::fmt;
use std::str::FromStr;

/// Text that is not the lower-case hex of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected {expected_chars} hex digits, found {actual_chars} characters")]
pub struct ParseIdError {
    /// How many hex digits the id has.
    pub expected_chars: usize,
    /// How many characters were given.
    pub actual_chars: usize,
}

/// Writes bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads exactly `N` bytes of lower- or upper-case hex.
pub fn unhex<const N: usize>(text: &str) -> Result<[u8; N], ParseIdError> {
    let error = || ParseIdError { expected_chars: N.saturating_mul(2), actual_chars: text.chars().count() };
    let digits = text.as_bytes();
    if digits.len() != N.saturating_mul(2) {
        return Err(error());
    }
    let mut out = [0u8; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value =
                char::from(*digit).to_digit(16).and_then(|v| u8::try_from(v).ok()).ok_or_else(error)?;
            *byte = byte.wrapping_shl(4) | value;
        }
    }
    Ok(out)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The id of these bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The first eight hex digits, for logs and lists.
            pub fn short(&self) -> String {
                hex(self.0.get(..4).unwrap_or(&[]))
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = ParseIdError;

            fn try_from(bytes: &[u8]) -> Result<Self, ParseIdError> {
                <[u8; $len]>::try_from(bytes).map(Self).map_err(|_| ParseIdError {
                    expected_chars: $len * 2,
                    actual_chars: bytes.len().saturating_mul(2),
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}…)", stringify!($name), self.short())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(input)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                unhex(text).map(Self)
            }
        }
    };
}

id!(
    /// A person: the public half of the root signing key.
    UserId, 32
);
id!(
    /// One installation of a person: the public half of its device key.
    DeviceId, 32
);
id!(
    /// A node on the network: the Ed25519 public key behind the libp2p PeerId. Replaced at every unfriending.
    NodeId, 32
);
id!(
    /// An epoch, self-certifying: derived from the epoch's public key.
    EpochId, 16
);
id!(
    /// An entry: derived from its signed header, the signature left out.
    EntryId, 32
);
id!(
    /// A blob: the BLAKE3 hash of its ciphertext.
    BlobId, 32
);
id!(
    /// An invite: derived from its secret.
    InviteId, 16
);
id!(
    /// A parcel: random.
    ParcelId, 16
);
id!(
    /// Something half-written that is kept: chosen by whoever writes it.
    DraftId, 16
);
id!(
    /// A sealing key of a device: derived from its public half.
    SealId, 8
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_being_printed_and_read() {
        let id = EpochId::from_bytes([0xa5; 16]);
        assert_eq!(id.to_string().parse::<EpochId>(), Ok(id));
        assert_eq!(id.short(), "a5a5a5a5");
        assert_eq!(format!("{id:?}"), "EpochId(a5a5a5a5…)");
    }

    #[test]
    fn text_of_another_length_or_alphabet_is_refused() {
        assert!("a5".parse::<EpochId>().is_err());
        assert!("zz".repeat(16).parse::<EpochId>().is_err());
        assert!("a5".repeat(17).parse::<EpochId>().is_err());
        assert!("é".repeat(16).parse::<EpochId>().is_err());
        assert!(EpochId::try_from([1u8; 15].as_slice()).is_err());
    }
}
