//! Secrets as types: zeroed on drop, compared in constant time, never printed.
//!
//! Each kind of key is its own type, so that a read key cannot be handed where a tag key belongs. The bytes come out
//! only through `expose_bytes`, a name to search for.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Entropy;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The secret of these bytes.
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// A fresh random one.
            pub fn random(entropy: &mut Entropy) -> Self {
                Self(entropy.bytes())
            }

            /// The bytes, for derivations and for storage under the at-rest key.
            pub const fn expose_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

secret!(
    /// 32 random bytes behind the 24 words. Never in the running node.
    RootSeed
);
secret!(
    /// The secret of an invite.
    InviteSecret
);
secret!(
    /// Derived from an invite's secret: keys the pairing MACs.
    InviteKey
);
secret!(
    /// What two friends share since they paired.
    PairKey
);
secret!(
    /// Keys the MACs of Resume.
    ResumeKey
);
secret!(
    /// The secret of an epoch: who holds it may match, carry and read the epoch.
    EpochSecret
);
secret!(
    /// Finds and carries an epoch; opens nothing.
    TagKey
);
secret!(
    /// Opens every entry of an epoch.
    ReadKey
);
secret!(
    /// Rendezvous of a `~contact` epoch.
    RendezvousKey
);
secret!(
    /// Opens exactly one entry and its thread.
    ContentKey
);
secret!(
    /// The thread beneath one post.
    ThreadKey
);
secret!(
    /// Seals one interaction.
    Ikey
);
secret!(
    /// Held by whoever was given an interaction's entry: opens replies to it.
    Gate
);
secret!(
    /// Seals the text of one reply.
    ReplyKey
);
secret!(
    /// Keys the device MAC of a parcel.
    DevKey
);
secret!(
    /// Encrypts one blob.
    BlobKey
);
secret!(
    /// Seals what the device keeps: indexes, cached keys, the keyring.
    AtRestKey
);

/// The tag by which an interaction finds its post; known to the thread's readers and not secret once sent.
pub type Itag = [u8; 16];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_prints_its_bytes() {
        macro_rules! check {
            ($($name:ident),*) => {$(
                let shown = format!("{:?} {:#?}", $name::from_bytes([0xab; 32]), $name::from_bytes([0xab; 32]));
                assert_eq!(shown, concat!(stringify!($name), "(…) ", stringify!($name), "(…)"));
            )*};
        }
        check!(
            RootSeed,
            InviteSecret,
            InviteKey,
            PairKey,
            ResumeKey,
            EpochSecret,
            TagKey,
            ReadKey,
            RendezvousKey,
            ContentKey,
            ThreadKey,
            Ikey,
            Gate,
            ReplyKey,
            DevKey,
            BlobKey,
            AtRestKey
        );
    }

    #[test]
    fn secrets_compare_by_value() {
        assert_eq!(PairKey::from_bytes([1; 32]), PairKey::from_bytes([1; 32]));
        assert_ne!(PairKey::from_bytes([1; 32]), PairKey::from_bytes([2; 32]));
    }
}
