//! What proves to anybody, without a node and without a network, who wrote a moment: the signed part of one whose author
//! let it be shared on.
//!
//! A friend who was sent something bad can show it to others, and they can check it. Only moments that may be shared on
//! can be shown so; every other one is deniable, by design (docs/protocol.md, first page, 5).
//!
//! What it proves: the holder of a device that the first author's root key had certified signed exactly this text, these
//! pictures (by their hashes), this link and place, with this time. What it does not prove: that the author held the
//! device then (a thief signs as well, until the device is revoked, and strangers do not learn of that); that the time
//! is true; who could read it; who likes it; anything about any other moment.
//!
//! Source: docs/protocol.md 3.9, 3.21.

use serde::{Deserialize, Serialize};

use super::{Error, Result};
use crate::crypto::Signature;
use crate::id::{BlobId, DeviceId, UserId, hex, unhex};
use crate::moment::media::Media;
use crate::moment::{PublicPart, Share, SharedFrom};
use crate::time::{ClaimedTime, Timestamp};

/// The name of this form, and its version.
pub const EVIDENCE_FORMAT: &str = "tidings-report/1";

/// The signed part of a moment, as a file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`EVIDENCE_FORMAT`].
    pub format: String,
    /// The first author: user id, the root public key.
    pub root: UserId,
    /// The device that signed.
    pub device: DeviceId,
    /// The root's certificate of the device, 128 hex digits.
    pub cert: String,
    /// The device's signature, 128 hex digits.
    pub sig: String,
    /// 32 hex digits.
    pub share_id: String,
    /// When it was written, by the author's clock, ms since 1970.
    pub created_ms: u64,
    /// The bytes that are signed, hex.
    pub public: String,
    /// What opens here: blobs in the order of the signed media. Empty in a file, where pictures bear their hashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<BlobId>,
}

/// What a piece of evidence says, once its signatures hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proven {
    /// Who wrote it.
    pub author: UserId,
    /// The name they signed.
    pub name: String,
    /// The device that signed.
    pub device: DeviceId,
    /// When, by their clock.
    pub created_at: Timestamp,
    /// What it says.
    pub text: String,
    /// The address of its link card.
    pub link: Option<String>,
    /// The name of its place.
    pub place: Option<String>,
    /// Its pictures, in order.
    pub pictures: Vec<ProvenPicture>,
}

/// A picture or video that is signed by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProvenPicture {
    /// BLAKE3 of its bytes, hex.
    pub hash: String,
    /// How many bytes.
    pub bytes: u64,
    /// Its type.
    pub mime: &'static str,
    /// What it shows, as its author says.
    pub alt: String,
}

impl Evidence {
    pub(super) fn new(from: &SharedFrom, blobs: &[BlobId]) -> Self {
        Self {
            format: EVIDENCE_FORMAT.to_owned(),
            root: from.root,
            device: from.share.device,
            cert: hex(from.share.cert.as_bytes()),
            sig: hex(from.share.sig.as_bytes()),
            share_id: hex(&from.share.share_id),
            created_ms: from.created.as_millis(),
            public: hex(from.public.bytes()),
            blobs: blobs.to_vec(),
        }
    }

    /// Checks the certificate and the signature, and reads what they cover.
    ///
    /// # Errors
    /// Failed if it is of another form or does not hold: then it proves nothing.
    pub fn check(&self) -> Result<Proven> {
        let bad = |what: &str| {
            Error::failed(
                "evidence_does_not_hold",
                format!("this proves nothing: {what}"),
                "ask for the report again; if it is whole, somebody has altered it",
            )
        };
        if self.format != EVIDENCE_FORMAT {
            return Err(bad("it is not of a form that this program knows"));
        }
        let signature = |text: &str| unhex::<64>(text).map(Signature::from_bytes);
        let (Ok(cert), Ok(sig), Ok(share_id)) =
            (signature(&self.cert), signature(&self.sig), unhex::<16>(&self.share_id))
        else {
            return Err(bad("a signature is not written as it has to be"));
        };
        let public = bytes_of(&self.public).and_then(|bytes| PublicPart::decode(&bytes).ok());
        let Some(public) = public else { return Err(bad("its signed part is none")) };
        let share = Share { share_id, device: self.device, cert, sig };
        let created = ClaimedTime::from_millis(self.created_ms);
        let from = SharedFrom { root: self.root, created, share, public };
        from.verify().map_err(|_| bad("its signatures do not fit what it says"))?;
        let values = from.public.values();
        Ok(Proven {
            author: from.root,
            name: values.author_name.clone(),
            device: from.share.device,
            created_at: Timestamp::from_millis(self.created_ms),
            text: values.text.clone(),
            link: values.link.as_ref().map(|link| link.url.clone()),
            place: values.place.as_ref().map(|place| place.name.clone()),
            pictures: values.media.iter().map(picture).collect(),
        })
    }
}

fn picture(medium: &Media) -> ProvenPicture {
    ProvenPicture {
        hash: hex(&medium.plain_hash),
        bytes: medium.plain_len,
        mime: medium.mime.as_str(),
        alt: medium.alt.clone(),
    }
}

/// Bytes from hex, at most as many as a public part has.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() > crate::limits::POST_PUBLIC_LIMIT.saturating_mul(2) || !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| unhex::<1>(pair).ok()).map(|[byte]| byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Entropy, SigningKey};
    use crate::moment::{PublicValues, certify_device, sign_share};

    fn evidence() -> Evidence {
        let mut entropy = Entropy::from_number(1);
        let (root_key, device_key) = (SigningKey::random(&mut entropy), SigningKey::random(&mut entropy));
        let root = UserId::from_bytes(*root_key.public().as_bytes());
        let device = DeviceId::from_bytes(*device_key.public().as_bytes());
        let values =
            PublicValues { text: "pay me".into(), author_name: "Mallory".into(), ..PublicValues::default() };
        let public = PublicPart::new(&values).expect("fits");
        let created = ClaimedTime::from_millis(1_771_200_000_000);
        let sig = sign_share(&device_key, &root, &[3; 16], created, public.bytes());
        let share = Share { share_id: [3; 16], device, cert: certify_device(&root_key, &device), sig };
        Evidence::new(&SharedFrom { root, created, share, public }, &[])
    }

    #[test]
    fn evidence_says_who_wrote_what_and_survives_a_file() {
        let text = serde_json::to_string(&evidence()).expect("json");
        let read: Evidence = serde_json::from_str(&text).expect("the same");
        let proven = read.check().expect("it holds");
        assert_eq!((proven.text.as_str(), proven.name.as_str()), ("pay me", "Mallory"));
        assert_eq!(proven.author, evidence().root);
    }

    #[test]
    fn evidence_with_anything_altered_proves_nothing() {
        let whole = evidence();
        let flip = |text: &str| {
            let other = if text.ends_with('0') { "1" } else { "0" };
            format!("{}{other}", &text[..text.len() - 1])
        };
        let other = UserId::from_bytes([7; 32]);
        for (name, altered) in [
            ("format", Evidence { format: "tidings-report/2".into(), ..whole.clone() }),
            ("root", Evidence { root: other, ..whole.clone() }),
            ("device", Evidence { device: DeviceId::from_bytes([7; 32]), ..whole.clone() }),
            ("cert", Evidence { cert: flip(&whole.cert), ..whole.clone() }),
            ("sig", Evidence { sig: flip(&whole.sig), ..whole.clone() }),
            ("share id", Evidence { share_id: flip(&whole.share_id), ..whole.clone() }),
            ("time", Evidence { created_ms: whole.created_ms + 1, ..whole.clone() }),
            ("text", Evidence { public: flip(&whole.public), ..whole.clone() }),
            ("odd", Evidence { public: whole.public[1..].into(), ..whole.clone() }),
            ("no hex", Evidence { public: "é".repeat(8), ..whole.clone() }),
        ] {
            assert_eq!(altered.check().expect_err(name).code, "evidence_does_not_hold", "{name}");
        }
        assert!(whole.check().is_ok());
    }
}
