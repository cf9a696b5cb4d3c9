//! Photos and a video of a moment: from what was asked to what is written, and back to what is seen.
//!
//! A moment has up to nine photos or one video. Both are named twice (`moment/media.rs`): for everybody, by the hash of
//! the plaintext; for this audience, by the blob and its key.
//!
//! A video's preview is its poster. Where there is none (nobody could make a still picture), the preview's length is 0
//! and its id and key are zeros; readers ask for no such blob.
//!
//! What it does not do: it opens no file. The program has looked at the bytes, freed them of what they say besides, and
//! sealed them before a draft comes here.
//!
//! Source: docs/protocol.md 3.4, 3.9.

use super::people::within;
use super::share;
use crate::ask::{PhotoDraft, PostDraft, SealedBlob, VideoDraft};
use crate::crypto::{BlobKey, hash};
use crate::error::{Error, Result};
use crate::id::BlobId;
use crate::limits::{ALT_TEXT_LIMIT, POST_PHOTO_LIMIT};
use crate::moment::media::{Media, MediaKeys, Mime};
use crate::moment::{Post, PreviewMark};
use crate::view;

/// Refuses what no moment may have.
///
/// # Errors
/// Usage for photos and a video together; refused for a tenth photo or a long alt text.
pub(super) fn check(draft: &PostDraft) -> Result<()> {
    if draft.photos.len() > POST_PHOTO_LIMIT {
        return Err(Error::refused(
            "photo_limit",
            format!("{} photos were given; a moment takes at most {POST_PHOTO_LIMIT}", draft.photos.len()),
            "leave some out, or share them in a second moment",
        )
        .with("limit", POST_PHOTO_LIMIT));
    }
    if draft.video.is_some() && !draft.photos.is_empty() {
        return Err(Error::usage(
            "photos_and_video",
            "a moment has photos or one video, not both",
            "share them in two moments",
        ));
    }
    for photo in &draft.photos {
        within("alt text", photo.alt.as_deref().unwrap_or_default(), ALT_TEXT_LIMIT)?;
    }
    let video_alt = draft.video.as_ref().and_then(|video| video.alt.as_deref());
    within("alt text", video_alt.unwrap_or_default(), ALT_TEXT_LIMIT)
}

/// The two entries of each photo or of the video, in the order shown.
pub(super) fn public_and_private(draft: &PostDraft) -> (Vec<Media>, Vec<MediaKeys>) {
    draft.photos.iter().map(of_photo).chain(draft.video.iter().map(of_video)).unzip()
}

/// The blobs that a draft brings.
pub(super) fn blobs(draft: &PostDraft) -> Vec<BlobId> {
    let photos = draft.photos.iter().flat_map(|photo| [photo.picture.id, photo.preview.id]);
    let film = draft.video.iter().map(|video| video.film.id);
    let poster = draft.video.iter().filter_map(|video| video.poster.as_ref()).map(|poster| poster.id);
    photos.chain(film).chain(poster).collect()
}

/// What a draft that may be shared on says of its small versions, one for each medium; nothing of one that may not.
pub(super) fn marks(draft: &PostDraft) -> Vec<PreviewMark> {
    if !draft.shareable {
        return Vec::new();
    }
    let photos = draft.photos.iter().map(|photo| share::mark(&photo.preview, &photo.thumbhash));
    let video = draft.video.iter().map(|video| match &video.poster {
        Some(poster) => share::mark(poster, &video.thumbhash),
        // There is none, and no bytes have this hash.
        None => PreviewMark { preview: [0; 32], thumbhash: hash(&video.thumbhash) },
    });
    photos.chain(video).collect()
}

/// The video of a post, as it is seen.
pub(super) fn video(post: &Post) -> Option<view::Video> {
    let keys = share::trusted_keys(post);
    let mut media = post.media().iter().zip(keys.iter());
    let (medium, keys) = media.find(|(medium, _)| medium.mime.is_video())?;
    Some(view::Video {
        id: keys.blob,
        mime: medium.mime.as_str(),
        width: medium.width,
        height: medium.height,
        bytes: medium.plain_len,
        duration_ms: medium.duration_ms,
        poster: Some(keys.preview).filter(|_| keys.preview_len > 0),
        alt: Some(medium.alt.clone()).filter(|alt| !alt.is_empty()),
        thumbhash: keys.thumbhash.clone(),
    })
}

pub(super) fn of_photo(photo: &PhotoDraft) -> (Media, MediaKeys) {
    let mime = match photo.mime.as_str() {
        "image/png" => Mime::PNG,
        "image/webp" => Mime::WEBP,
        _ => Mime::JPEG,
    };
    let medium = Media {
        plain_hash: photo.picture.plain_hash,
        plain_len: photo.picture.plain_bytes,
        mime,
        width: photo.width,
        height: photo.height,
        duration_ms: 0,
        alt: photo.alt.clone().unwrap_or_default(),
    };
    (medium, keys_of(&photo.picture, Some(&photo.preview), &photo.thumbhash))
}

fn of_video(video: &VideoDraft) -> (Media, MediaKeys) {
    let medium = Media {
        plain_hash: video.film.plain_hash,
        plain_len: video.film.plain_bytes,
        mime: if video.mime == Mime::WEBM.as_str() { Mime::WEBM } else { Mime::MP4 },
        width: video.width,
        height: video.height,
        duration_ms: video.duration_ms,
        alt: video.alt.clone().unwrap_or_default(),
    };
    (medium, keys_of(&video.film, video.poster.as_ref(), &video.thumbhash))
}

fn keys_of(blob: &SealedBlob, preview: Option<&SealedBlob>, thumbhash: &[u8]) -> MediaKeys {
    let none = || (BlobId::from_bytes([0; 32]), BlobKey::from_bytes([0; 32]), 0);
    let (preview, preview_key, preview_len) = preview.map_or_else(none, |preview| {
        (preview.id, preview.key.clone(), u32::try_from(preview.plain_bytes).unwrap_or(u32::MAX))
    });
    MediaKeys {
        blob: blob.id,
        blob_key: blob.key.clone(),
        preview,
        preview_key,
        preview_len,
        thumbhash: thumbhash.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(number: u8, plain_bytes: u64) -> SealedBlob {
        SealedBlob {
            id: BlobId::from_bytes([number; 32]),
            key: BlobKey::from_bytes([number; 32]),
            plain_hash: [number; 32],
            plain_bytes,
        }
    }

    fn film(poster: Option<SealedBlob>, alt: usize) -> VideoDraft {
        VideoDraft {
            film: blob(1, 5_000_000),
            poster,
            mime: "video/webm".to_owned(),
            width: 640,
            height: 360,
            duration_ms: 14_960,
            thumbhash: Vec::new(),
            alt: Some("x".repeat(alt)),
        }
    }

    fn photo() -> PhotoDraft {
        PhotoDraft {
            picture: blob(3, 9_000),
            preview: blob(4, 900),
            mime: "image/jpeg".to_owned(),
            width: 1,
            height: 1,
            thumbhash: Vec::new(),
            alt: None,
        }
    }

    #[test]
    fn photos_and_a_video_are_not_mixed_and_an_alt_text_of_a_video_has_the_limit_of_a_photo() {
        let draft = |photos, video| PostDraft { photos, video, ..PostDraft::default() };
        assert!(check(&draft(vec![], Some(film(None, ALT_TEXT_LIMIT)))).is_ok());
        let long = check(&draft(vec![], Some(film(None, ALT_TEXT_LIMIT + 1)))).unwrap_err();
        assert_eq!(long.kind, crate::error::Kind::Refused);
        let both = check(&draft(vec![photo()], Some(film(None, 0)))).unwrap_err();
        assert_eq!((both.kind, both.code), (crate::error::Kind::Usage, "photos_and_video"));
        assert!(check(&draft(vec![photo(); POST_PHOTO_LIMIT], None)).is_ok());
        assert_eq!(check(&draft(vec![photo(); POST_PHOTO_LIMIT + 1], None)).unwrap_err().code, "photo_limit");
    }

    #[test]
    fn a_video_without_a_poster_names_no_second_blob() {
        let draft = PostDraft { video: Some(film(None, 0)), ..PostDraft::default() };
        assert_eq!(blobs(&draft).len(), 1);
        let (media, keys) = public_and_private(&draft);
        assert_eq!((media[0].mime, media[0].duration_ms), (Mime::WEBM, 14_960));
        assert_eq!((keys[0].preview_len, keys[0].preview), (0, BlobId::from_bytes([0; 32])));
        let draft = PostDraft { video: Some(film(Some(blob(2, 20_000)), 0)), ..PostDraft::default() };
        assert_eq!(blobs(&draft).len(), 2);
        assert_eq!(public_and_private(&draft).1[0].preview_len, 20_000);
        assert!(marks(&draft).is_empty());
        let draft = PostDraft { shareable: true, ..draft };
        assert_eq!(marks(&draft)[0].preview, [2; 32], "what is signed is the hash of the poster");
    }
}
