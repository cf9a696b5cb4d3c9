//! Profile pictures: an avatar and a cover for each person, named by the profile that counts.
//!
//! They travel like the pictures of a moment: the profile's entry stands in `~contact`, so only friends of a person can
//! name them, ask for them and get them. Only the newest profile of a person names anything; with the next one, what
//! it does not name goes. So a person who writes a thousand profiles is kept two pictures of.
//!
//! Source: docs/protocol.md 3.4 (Profile), 3.9.

use std::cmp::Reverse;

use super::super::state::FaceRecord;
use super::{Kept, Naming, PREVIEW_SIZE, Service};
use crate::ask::{PictureChange, PictureDraft};
use crate::crypto::padded_len;
use crate::error::{Error, Result as Said};
use crate::id::{BlobId, EntryId, UserId};
use crate::limits::{PHOTO_BLOB_LIMIT, PROFILE_PICTURE_PREFETCH_LIMIT, THUMBHASH_LIMIT};
use crate::moment::media::Mime;
use crate::moment::{Body, Content, Picture, Profile};
use crate::store::{StoreError, Tree};
use crate::time::Timestamp;
use crate::view;

/// Profile pictures, among the records of kind `c`.
pub(in crate::service) const FACE: u8 = 2;

impl Service {
    /// Ids of somebody's avatar and cover.
    pub(in crate::service) fn face_of(&self, user: &UserId) -> (Option<BlobId>, Option<BlobId>) {
        let Some(face) = self.state.faces.get(user) else { return (None, None) };
        let id = |picture: &Option<Picture>| picture.as_ref().map(|picture| picture.blob);
        (id(&face.avatar), id(&face.cover))
    }

    /// Puts my pictures into a profile that is about to be written.
    pub(in crate::service) fn with_face(&self, profile: Profile) -> Profile {
        let face = self.state.faces.get(&self.me());
        let (avatar, cover) = face.map(|face| (face.avatar.clone(), face.cover.clone())).unwrap_or_default();
        Profile { avatar, cover, ..profile }
    }

    /// Changes my pictures; friends are told with the profile that follows. False if all stays as it is.
    pub(in crate::service) fn change_face(
        &mut self,
        avatar: PictureChange,
        cover: PictureChange,
    ) -> Said<bool> {
        let before = self.with_face(Profile::default());
        let after = Profile {
            avatar: changed(before.avatar.clone(), avatar)?,
            cover: changed(before.cover.clone(), cover)?,
            ..Profile::default()
        };
        if after == before {
            return Ok(false);
        }
        self.take_face(self.me(), FaceRecord::UNSAID, &after)?;
        Ok(true)
    }

    /// A profile counts from now on: its pictures are wanted (mine: kept), those of the one before are not.
    pub(in crate::service) fn take_face(
        &mut self,
        author: UserId,
        entry: EntryId,
        profile: &Profile,
    ) -> Result<(), StoreError> {
        let before = self.state.faces.get(&author).cloned();
        let (avatar, cover) = (profile.avatar.clone(), profile.cover.clone());
        let face = FaceRecord { entry, avatar, cover };
        if before.as_ref() == Some(&face) || (before.is_none() && face.pictures().next().is_none()) {
            return Ok(());
        }
        for picture in face.pictures() {
            self.name_picture(author, entry, picture)?;
        }
        // Only now, so that a picture that both name stays.
        for picture in before.iter().flat_map(FaceRecord::pictures) {
            let naming = naming(author, before.as_ref().map_or(entry, |face| face.entry), picture);
            let still_named = naming.moment == entry && face.pictures().any(|new| new.blob == picture.blob);
            if !still_named {
                self.forget_naming(&naming)?;
            }
        }
        self.save_state(b'c', &[&[FACE], author.as_bytes().as_slice()].concat(), &face);
        self.state.faces.insert(author, face);
        Ok(())
    }

    fn name_picture(&mut self, author: UserId, entry: EntryId, picture: &Picture) -> Result<(), StoreError> {
        let naming = naming(author, entry, picture);
        if author == self.me() {
            self.wants.cache.drop(&picture.blob);
            let kept = Kept { mine: true, bytes: naming.bytes, since: Timestamp::ZERO };
            self.tx.put(Tree::Blobs, picture.blob.as_bytes(), kept.encode());
            self.name(&naming)?;
        } else if self.name(&naming)? && !naming.later && self.kept_blob(&picture.blob)?.is_none() {
            self.wants.push((naming.bytes > PREVIEW_SIZE, Reverse(self.now), naming));
            self.wants.dirty = true;
        }
        Ok(())
    }

    /// What opens a blob that somebody's profile names: mine or a friend's.
    pub(super) fn picture_in(&self, naming: &Naming) -> Option<super::BlobReading> {
        let is_seen = naming.author == self.me() || self.state.friends.contains_key(&naming.author);
        let picture = self.face_naming(naming).filter(|_| is_seen)?;
        let (key, mime) = (picture.blob_key.clone(), picture.mime.as_str());
        Some(super::BlobReading { key, mime, bytes: u64::from(picture.plain_len), proof: None })
    }

    fn face_naming(&self, naming: &Naming) -> Option<&Picture> {
        let face = self.state.faces.get(&naming.author).filter(|face| face.entry == naming.moment)?;
        face.pictures().find(|picture| picture.blob == naming.blob)
    }

    /// A blob is here: tells whoever listens of the moment, or of the friend whose picture it is.
    pub(super) fn tell_blob(&mut self, naming: &Naming) {
        if self.face_naming(naming).is_some() {
            self.tell_friend(&naming.author);
        } else {
            self.emit(view::Happening::Blob { id: naming.blob, moment: naming.moment });
        }
    }

    /// Somebody became a friend again whose profile I knew before: it counts as it did.
    pub(in crate::service) fn profile_again(&mut self, user: &UserId) -> Result<(), StoreError> {
        let Some(entry) = self.state.faces.get(user).map(|face| face.entry) else { return Ok(()) };
        let Some(kept) = self.kept(&entry)? else { return Ok(()) };
        let Some(key) = self.content_key(kept.header())? else { return Ok(()) };
        let content = kept.open(&key).ok().and_then(|bytes| Content::decode(&bytes).ok());
        if let Some(content @ Content { body: Body::Profile(_), .. }) = content {
            self.apply(*user, &kept, content)?;
        }
        Ok(())
    }
}

fn naming(author: UserId, entry: EntryId, picture: &Picture) -> Naming {
    Naming {
        blob: picture.blob,
        author,
        moment: entry,
        bytes: padded_len(u64::from(picture.plain_len)),
        later: picture.plain_len > PROFILE_PICTURE_PREFETCH_LIMIT,
    }
}

fn changed(before: Option<Picture>, change: PictureChange) -> Said<Option<Picture>> {
    match change {
        PictureChange::Keep => Ok(before),
        PictureChange::Remove => Ok(None),
        PictureChange::Set(draft) => picture_of(*draft).map(Some),
    }
}

fn picture_of(draft: PictureDraft) -> Said<Picture> {
    let mime = match draft.mime.as_str() {
        "image/jpeg" => Mime::JPEG,
        "image/png" => Mime::PNG,
        "image/webp" => Mime::WEBP,
        other => {
            return Err(Error::usage(
                "not_a_photo",
                format!("a profile picture cannot be {other}"),
                "choose a JPEG, PNG or WebP picture",
            ));
        }
    };
    let plain_len = u32::try_from(draft.picture.plain_bytes).unwrap_or(u32::MAX);
    if u64::from(plain_len) > PHOTO_BLOB_LIMIT || draft.thumbhash.len() > THUMBHASH_LIMIT {
        return Err(Error::refused(
            "photo_too_large",
            format!("the picture has {plain_len} bytes; at most {PHOTO_BLOB_LIMIT} are allowed"),
            "make it smaller",
        )
        .with("bytes", PHOTO_BLOB_LIMIT));
    }
    Ok(Picture {
        blob: draft.picture.id,
        blob_key: draft.picture.key,
        plain_len,
        mime,
        width: draft.width,
        height: draft.height,
        thumbhash: draft.thumbhash,
    })
}
