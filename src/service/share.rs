//! Sharing on: another's moment, or one's own, passed to an audience of one's own choosing, still provably its author's.
//!
//! Only a moment whose author signed that it may be shared on can be (docs/protocol.md 3.9). What is passed on is its
//! public part, byte for byte, with that signature; a chain repeats the first author's, so that the last reader checks
//! the first writer and nobody in between. The pictures are sealed anew under keys of their own, so that whoever reads
//! the one moment learns nothing of the other's blobs, and being shared tells the first author nothing.
//!
//! What is claimed to be somebody's is checked where it enters ([`is_genuine`]): a moment whose signatures do not hold
//! is kept as a header and never shown. The signature holds the hashes of the pictures and of their small versions, and
//! no small version is shown of which it says nothing: else a friend who shares on could lay another picture under its
//! author's name. Pictures are compared with the signed hash when they are opened ([`BlobReading::proof`]).
//!
//! What it does not do: it does not read or seal files; the caller brings the pictures sealed anew.
//!
//! Source: docs/protocol.md 3.4 (fields 9, 34, 35), 3.9, 3.21.

use std::borrow::Cow;

use super::publish::{no_such_moment, too_much};
use super::timeline::Opened;
use super::wants::{BlobReading, Wants};
use super::words::{link_view, place_view};
use super::{Service, people};
use crate::ask::{PostDraft, SealedBlob, ShareDraft, SharedMedium};
use crate::audience::Audience;
use crate::crypto::{BlobKey, Nonce, hash};
use crate::error::{Error, Result as Said};
use crate::id::{BlobId, DeviceId, UserId};
use crate::identity::IdentityRecord;
use crate::limits::POST_TEXT_LIMIT;
use crate::moment::media::{Media, MediaKeys};
use crate::moment::{
    Body, Content, Post, PreviewMark, PrivatePart, PublicPart, PublicValues, SharedFrom, pad_mentions,
};
use crate::time::Timestamp;
use crate::view;

/// Whether a post that says it may be shared on, or that it shares one, is signed as it says. Anything else is genuine
/// by its entry.
///
/// # Cost
/// Two strict signature checks for such a post, none for others.
pub(super) fn is_genuine(author: &UserId, content: &Content) -> bool {
    let Body::Post(post) = &content.body else { return true };
    match &post.private.shared_from {
        Some(from) => from.verify().is_ok(),
        None => post.verify_share(author, content.created).is_ok(),
    }
}

/// The keys of a post's media as they are used: of a moment that is shared on, without any small version that its first
/// author did not sign.
pub(super) fn trusted_keys(post: &Post) -> Cow<'_, [MediaKeys]> {
    let Some(from) = &post.private.shared_from else {
        return Cow::Borrowed(&post.private.media_keys);
    };
    let marks = &from.public.values().preview_marks;
    let keys = post.private.media_keys.iter().enumerate();
    keys.map(|(at, keys)| {
        let mut keys = keys.clone();
        let mark = marks.get(at);
        if mark.is_none() {
            keys.preview_len = 0;
        }
        if mark.is_none_or(|mark| mark.thumbhash != hash(&keys.thumbhash)) {
            keys.thumbhash.clear();
        }
        keys
    })
    .collect()
}

/// The hashes that a picture of a post and its small version have to have, by the signature of a first author.
pub(super) fn proofs(post: &Post, at: usize) -> (Option<[u8; 32]>, Option<[u8; 32]>) {
    let values = post.private.shared_from.as_ref().map(|from| from.public.values());
    let picture = values.and_then(|values| values.media.get(at)).map(|medium| medium.plain_hash);
    let preview = values.and_then(|values| values.preview_marks.get(at)).map(|mark| mark.preview);
    (picture, preview)
}

/// What a moment that may be shared on says of a small version.
pub(super) fn mark(preview: &SealedBlob, thumbhash: &[u8]) -> PreviewMark {
    PreviewMark { preview: preview.plain_hash, thumbhash: hash(thumbhash) }
}

impl Service {
    /// The photos and videos of a moment that is to be shared on. Whatever can be refused is refused here, before
    /// anything is sealed.
    ///
    /// # Errors
    /// Not found for the moment or a word of the audience; refused if it may not be shared on, or above a limit.
    pub fn shared_media(&self, draft: &ShareDraft) -> Said<Vec<SharedMedium>> {
        let (opened, from) = self.shareable(&draft.moment)?;
        let rule = self.rule(&draft.audience)?;
        people::within("text", &draft.text, POST_TEXT_LIMIT)?;
        self.mentioned(&words_of(draft), &rule)?;
        let values = from.public.values();
        let keys = opened.post.private.media_keys.iter().enumerate();
        Ok(values
            .media
            .iter()
            .zip(keys)
            .map(|(medium, (at, keys))| shared_medium(medium, keys, values.preview_marks.get(at)))
            .collect())
    }

    /// Shares a moment on, with its media sealed anew. The answer may be given once a barrier has passed.
    ///
    /// # Errors
    /// As [`Service::shared_media`]; refused if a medium is not the one that was signed.
    pub fn share_on(&mut self, draft: &ShareDraft, media: &[SharedMedium]) -> Said<view::Moment> {
        let (opened, from) = self.shareable(&draft.moment)?;
        people::within("text", &draft.text, POST_TEXT_LIMIT)?;
        let rule = self.rule(&draft.audience)?;
        let mentioned = self.mentioned(&words_of(draft), &rule)?;
        let media_keys = resealed(&from, &opened.post.private.media_keys, media)?;
        let epoch = self.epoch_for(&Audience::Posts(rule))?;
        let (seq, created) = self.next_number(&epoch)?;
        let nonce = Nonce::random(&mut self.entropy);
        let public = PublicPart::new(&PublicValues {
            text: draft.text.clone(),
            author_name: self.state.me.name.clone(),
            ..PublicValues::default()
        })
        .map_err(too_much)?;
        let mentions = self.mention_tags(&mentioned, &epoch, &nonce);
        let mentions = pad_mentions(mentions, &mut self.entropy).map_err(too_much)?;
        let shared_from = Some(Box::new(from));
        let private = PrivatePart { media_keys, mentions, shared_from, ..PrivatePart::default() };
        for blob in media.iter().flat_map(SharedMedium::blobs) {
            Wants::own(&mut self.tx, &blob);
        }
        let unsigned = self.unsigned(epoch, (seq, created, nonce), Post { public, private }, mentioned)?;
        self.end_post(unsigned.sign()?)
    }

    /// What is signed of a moment, to be shown to others, and what opens its media.
    ///
    /// # Errors
    /// Not found; refused if its author did not sign it.
    pub fn evidence(&self, word: &str) -> Said<(SharedFrom, Vec<BlobId>)> {
        let (opened, from) = self.shareable(word)?;
        let blobs = opened.post.private.media_keys.iter().map(|keys| keys.blob).collect();
        Ok((from, blobs))
    }

    /// A moment that may be shared on, and what a re-share of it carries.
    fn shareable(&self, word: &str) -> Said<(Opened, SharedFrom)> {
        let id = self.resolve_moment(word)?;
        let opened = self.opened_by_id(&id)?.ok_or_else(|| no_such_moment(word))?;
        let post = &opened.post;
        let from = match (&post.private.shared_from, &post.private.share) {
            (Some(from), _) => Some((**from).clone()),
            (None, Some(share)) => Some(SharedFrom {
                root: opened.author,
                created: opened.created,
                share: share.clone(),
                public: post.public.clone(),
            }),
            (None, None) => None,
        };
        match from.filter(|from| from.verify().is_ok()) {
            Some(from) => Ok((opened, from)),
            None => Err(Error::refused(
                "not_shareable",
                "its author did not sign that this moment may be shared on, so nothing proves to others who wrote it",
                "ask its author to post it with --shareable; every other moment can be denied, by design",
            )),
        }
    }

    /// The moment that a post shares on, for whoever reads it.
    pub(super) fn shared_from_view(&self, post: &Post) -> Option<view::SharedFrom> {
        let from = post.private.shared_from.as_ref()?;
        let values = from.public.values();
        let me = self.me();
        let known = from.root == me || self.state.friends.contains_key(&from.root);
        let name = if known || values.author_name.is_empty() {
            self.person(&from.root).name
        } else {
            values.author_name.clone()
        };
        Some(view::SharedFrom {
            id: from.root,
            name,
            known,
            created_at: Timestamp::from_millis(from.created.as_millis()),
            text: values.text.clone(),
            link: link_view(values, &trusted_keys(post)),
            place: values.place.as_ref().map(place_view),
            mood: values
                .mood
                .as_ref()
                .map(|mood| view::Mood { emoji: mood.emoji.clone(), text: mood.text.clone() }),
            device_revoked: self.is_known_revoked(&from.root, &from.share.device),
        })
    }

    /// Whether I know that somebody dropped a device. Of strangers nothing is known.
    fn is_known_revoked(&self, user: &UserId, device: &DeviceId) -> bool {
        if *user == self.me() {
            // My own record lists all of mine.
            let listed = IdentityRecord::open(&self.state.me.identity);
            return listed.is_ok_and(|record| record.device(device).is_none());
        }
        self.state.friends.get(user).is_some_and(|friend| friend.identity.is_revoked(device))
    }
}

/// The part of a draft that the words of a post have, too.
fn words_of(draft: &ShareDraft) -> PostDraft {
    PostDraft { mentions: draft.mentions.clone(), ..PostDraft::default() }
}

fn shared_medium(medium: &Media, keys: &MediaKeys, mark: Option<&PreviewMark>) -> SharedMedium {
    let picture = SealedBlob {
        id: keys.blob,
        key: keys.blob_key.clone(),
        plain_hash: medium.plain_hash,
        plain_bytes: medium.plain_len,
    };
    let preview = mark.filter(|_| keys.preview_len > 0).map(|mark| SealedBlob {
        id: keys.preview,
        key: keys.preview_key.clone(),
        plain_hash: mark.preview,
        plain_bytes: u64::from(keys.preview_len),
    });
    SharedMedium { picture, preview }
}

/// The keys of media that were sealed anew, each compared with what was signed.
fn resealed(from: &SharedFrom, old: &[MediaKeys], media: &[SharedMedium]) -> Said<Vec<MediaKeys>> {
    let values = from.public.values();
    let other = || {
        Error::refused(
            "other_picture",
            "a picture is not the one that the moment's author signed",
            "nothing was shared; see whether the moment has changed",
        )
    };
    if media.len() != values.media.len() {
        return Err(other());
    }
    let signed = values.media.iter().zip(old).zip(media).enumerate();
    signed
        .map(|(at, ((medium, old), new))| {
            let mark = values.preview_marks.get(at);
            let is_preview = |preview: &SealedBlob| {
                mark.is_some_and(|mark| mark.preview == preview.plain_hash)
                    && preview.plain_bytes == u64::from(old.preview_len)
            };
            let picture = &new.picture;
            if picture.plain_hash != medium.plain_hash
                || picture.plain_bytes != medium.plain_len
                || !new.preview.as_ref().is_none_or(is_preview)
            {
                return Err(other());
            }
            let is_signed = mark.is_some_and(|mark| mark.thumbhash == hash(&old.thumbhash));
            let preview = new.preview.as_ref();
            Ok(MediaKeys {
                blob: picture.id,
                blob_key: picture.key.clone(),
                preview: preview.map_or(BlobId::from_bytes([0; 32]), |preview| preview.id),
                preview_key: preview.map_or(BlobKey::from_bytes([0; 32]), |preview| preview.key.clone()),
                preview_len: preview.map_or(0, |_| old.preview_len),
                thumbhash: if is_signed { old.thumbhash.clone() } else { Vec::new() },
            })
        })
        .collect()
}

/// The readings of a post for a blob: none if it does not name it.
pub(super) fn reading(post: &Post, blob: &BlobId) -> Option<BlobReading> {
    let keys = trusted_keys(post);
    for (at, (medium, keys)) in post.media().iter().zip(keys.iter()).enumerate() {
        let (picture, preview) = proofs(post, at);
        if keys.blob == *blob {
            let (key, mime, bytes) = (keys.blob_key.clone(), medium.mime.as_str(), medium.plain_len);
            return Some(BlobReading { key, mime, bytes, proof: picture });
        }
        if keys.preview == *blob && keys.preview_len > 0 {
            let (key, bytes) = (keys.preview_key.clone(), u64::from(keys.preview_len));
            return Some(BlobReading { key, mime: "image/jpeg", bytes, proof: preview });
        }
    }
    None
}
