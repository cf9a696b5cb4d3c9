//! Records about what people say of themselves for a while, and how they look: statuses and profile pictures.
//!
//! ```text
//! State tree, key 'c' ‖ which 1 ‖ user 32
//!  which 1   StatusRecord: the newest status of that person that I know of
//!  which 2   FaceRecord: the profile entry that counts, and the pictures it names
//! ```
//!
//! Two small records a person, whatever that person sends.

use crate::id::EntryId;
use crate::limits::{EMOJI_LIMIT, MOOD_TEXT_LIMIT};
use crate::moment::Picture;
use crate::time::{ClaimedTime, Timestamp};
use crate::wire::{self, Decode, DecodeError, Encode, Reader, Writer};

/// The newest status of somebody. It stays when it has ended or was withdrawn, so that no older one comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRecord {
    /// Its entry.
    pub entry: EntryId,
    /// When it was written, by its writer's clock.
    pub created: ClaimedTime,
    /// Until when it is shown.
    pub until: Timestamp,
    /// Its writer took it back.
    pub withdrawn: bool,
    /// In words.
    pub text: String,
    /// One emoji.
    pub emoji: String,
}

impl Encode for StatusRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.entry).u64(self.created.as_millis()).u64(self.until.as_millis());
        out.bool(self.withdrawn).bytes_u16(self.text.as_bytes()).bytes_u16(self.emoji.as_bytes());
    }
}

impl Decode for StatusRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            entry: input.value()?,
            created: ClaimedTime::from_millis(input.u64()?),
            until: Timestamp::from_millis(input.u64()?),
            withdrawn: input.bool()?,
            text: input.text_u16("words of a status", MOOD_TEXT_LIMIT)?.to_owned(),
            emoji: input.text_u16("emoji", EMOJI_LIMIT)?.to_owned(),
        })
    }
}

/// The pictures of somebody's newest profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaceRecord {
    /// The profile's entry: it names the blobs. [`FaceRecord::UNSAID`] while nobody was told.
    pub entry: EntryId,
    /// The small one.
    pub avatar: Option<Picture>,
    /// The large one.
    pub cover: Option<Picture>,
}

impl FaceRecord {
    /// Stands for the entry of a profile that was not written yet: my own, before the first friend.
    pub const UNSAID: EntryId = EntryId::from_bytes([0; 32]);

    /// Both.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        [&self.avatar, &self.cover].into_iter().flatten()
    }
}

/// Longest picture as it is kept, bytes: its fixed part and a ThumbHash with its length.
const PICTURE_LEN_LIMIT: usize = 32 + 32 + 4 + 1 + 2 + 2 + 1 + crate::limits::THUMBHASH_LIMIT;

impl Encode for FaceRecord {
    fn encode_to(&self, out: &mut Writer) {
        out.value(&self.entry);
        for picture in [&self.avatar, &self.cover] {
            // What is too large to be written never became a record.
            let bytes = picture.as_ref().and_then(|picture| picture.encode().ok()).unwrap_or_default();
            out.bytes_u16(&bytes);
        }
    }
}

impl Decode for FaceRecord {
    fn decode_from(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let entry = input.value()?;
        let mut picture = || match input.bytes_u16("picture", PICTURE_LEN_LIMIT)? {
            [] => Ok(None),
            bytes => wire::decode(bytes).map(Some),
        };
        Ok(Self { entry, avatar: picture()?, cover: picture()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::BlobKey;
    use crate::id::BlobId;
    use crate::moment::media::Mime;

    #[test]
    fn records_are_read_as_they_were_written() {
        let status = StatusRecord {
            entry: EntryId::from_bytes([1; 32]),
            created: ClaimedTime::from_millis(u64::MAX),
            until: Timestamp::from_millis(7),
            withdrawn: true,
            text: "a walk".to_owned(),
            emoji: "\u{1f6b6}".to_owned(),
        };
        assert_eq!(wire::decode(&status.encode()), Ok(status));
        let picture = Picture {
            blob: BlobId::from_bytes([2; 32]),
            blob_key: BlobKey::from_bytes([3; 32]),
            plain_len: 9,
            mime: Mime::JPEG,
            width: 512,
            height: 512,
            thumbhash: vec![4; crate::limits::THUMBHASH_LIMIT],
        };
        for (avatar, cover) in [(Some(&picture), None), (None, Some(&picture)), (None, None)] {
            let entry = EntryId::from_bytes([5; 32]);
            let face = FaceRecord { entry, avatar: avatar.cloned(), cover: cover.cloned() };
            assert_eq!(wire::decode(&face.encode()), Ok(face));
        }
    }
}
