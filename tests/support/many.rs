//! A home with very many moments, filled in seconds: furnished as a node that received them (`tidings::furnish`).
//!
//! A real moment with photos comes first, so that the store knows their blobs; then friends who are only keys say as many
//! as are wanted, sealed and signed as their devices would, each with the same photos. The node that opens the home
//! afterwards knows no difference.

use std::path::Path;

use tidings::ask::{PhotoDraft, PostDraft};
use tidings::client::{Client, Config};
use tidings::furnish::{Cast, Plan};
use tidings::moment::media::{Media, MediaKeys, Mime};
use tidings::moment::{Body, Post, PrivatePart, PublicPart, PublicValues};
use tidings::time::Timestamp;

/// Who writes.
const AUTHORS: u64 = 12;
/// Between two moments, ms.
const PACE_MS: u64 = 20 * 60_000;
/// Moments of one commit.
const BATCH: usize = 500;
/// Photos of a moment, by turns: most have none, as in life.
const PHOTOS: [usize; 20] = [1, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Fills a home whose node does not run.
///
/// # Panics
/// If the home is not as this program makes it.
pub fn fill(home: &Path, photo: &Path, moments: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let photos = runtime.block_on(first(home, photo)).expect("a first moment");
    rest(home, &photos, moments).expect("the home is filled");
}

/// A moment with nine photos, through the front door.
async fn first(home: &Path, photo: &Path) -> Result<Vec<PhotoDraft>> {
    let client = Client::open(Config::new(home)).await?;
    let picture = image::open(photo)?;
    let mut photos = Vec::new();
    for turn in 0..9u8 {
        let hued = picture.huerotate(i32::from(turn) * 40);
        let mut sealed = Vec::new();
        for side in [480, 160] {
            let mut jpeg = std::io::Cursor::new(Vec::new());
            hued.thumbnail(side, side).into_rgb8().write_to(&mut jpeg, image::ImageFormat::Jpeg)?;
            sealed.push(client.seal_blob(jpeg.into_inner()).await?);
        }
        let tiny = hued.thumbnail(24, 24).into_rgba8();
        let (width, height) = (tiny.width() as usize, tiny.height() as usize);
        let [picture, preview] = <[_; 2]>::try_from(sealed).map_err(|_| "two of each")?;
        photos.push(PhotoDraft {
            picture,
            preview,
            mime: "image/jpeg".into(),
            width: 480,
            height: 360,
            thumbhash: thumbhash::rgba_to_thumb_hash(width, height, tiny.as_raw()),
            alt: None,
        });
    }
    client
        .post(PostDraft { text: "The first".into(), photos: photos.clone(), ..PostDraft::default() })
        .await?;
    client.close().await?;
    Ok(photos)
}

fn rest(home: &Path, photos: &[PhotoDraft], moments: usize) -> Result<()> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let newest = Timestamp::from_millis(u64::try_from(since.as_millis())?).minus_ms(PACE_MS);
    let count = u64::try_from(moments)?;
    let cast = Cast::new(Plan { seed: 7, authors: AUTHORS, moments: count, newest, pace_ms: PACE_MS });
    let posts: Vec<Post> =
        (0..moments).map(|n| post(n, &photos[..PHOTOS[n % PHOTOS.len()]])).collect::<Result<_>>()?;
    Client::furnish(home, |service| {
        cast.join(service)?;
        // The oldest first; the newest is number 0.
        for (n, post) in (0..count).zip(posts.into_iter().rev()) {
            let written = cast.write(n, Body::Post(Box::new(post))).expect("it fits an entry");
            assert!(service.furnish_entry(&written.header, written.body)?, "it is new");
            if usize::try_from(n).is_ok_and(|n| n.is_multiple_of(BATCH)) {
                service.furnish_commit()?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

fn post(n: usize, photos: &[PhotoDraft]) -> Result<Post> {
    let text = format!("Moment {n}. {}", "A walk, the old dog, and somebody who practises. ".repeat(n % 5));
    let media = photos.iter().map(|photo| Media {
        plain_hash: photo.picture.plain_hash,
        plain_len: photo.picture.plain_bytes,
        mime: Mime::JPEG,
        width: photo.width,
        height: photo.height,
        duration_ms: 0,
        alt: String::new(),
    });
    let media_keys = photos.iter().map(|photo| MediaKeys {
        blob: photo.picture.id,
        blob_key: photo.picture.key.clone(),
        preview: photo.preview.id,
        preview_key: photo.preview.key.clone(),
        preview_len: u32::try_from(photo.preview.plain_bytes).unwrap_or(u32::MAX),
        thumbhash: photo.thumbhash.clone(),
    });
    let values = PublicValues { text, media: media.collect(), ..PublicValues::default() };
    let private = PrivatePart { media_keys: media_keys.collect(), ..PrivatePart::default() };
    Ok(Post { public: PublicPart::new(&values)?, private })
}
