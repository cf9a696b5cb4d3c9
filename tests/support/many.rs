//! A home with very many moments, filled in seconds: written as a node writes what it received.
//!
//! A real moment with photos comes first, so that the store knows their blobs; then friends who are only keys say as many
//! as are wanted, sealed and signed as their devices would, each with the same photos. The node that opens the home
//! afterwards knows no difference.

use std::path::Path;
use std::sync::Arc;

use tidings::ask::{PhotoDraft, PostDraft};
use tidings::client::{Client, Config};
use tidings::crypto::{AtRestKey, Entropy, EpochSecret, SigningKey, keys};
use tidings::entry::{Draft, Entry, Unverified, write};
use tidings::identity::{Keyring, KnownIdentity};
use tidings::limits::ENTRY_PADDED_MIN;
use tidings::moment::media::{Media, MediaKeys, Mime};
use tidings::moment::{Body, Content, Post, PrivatePart, PublicPart, PublicValues};
use tidings::store::layout::{log_key, timeline_key};
use tidings::store::{Batch, Disk, DiskConfig, KeyFolder, Sealed, StorageKeys, Store, Tree};
use tidings::time::{ClaimedTime, Timestamp};
use tidings::wire::Writer;

/// Who writes.
const AUTHORS: usize = 12;
/// Between two moments, ms.
const PACE_MS: u64 = 20 * 60_000;
/// Moments written in one batch.
const BATCH: usize = 1_000;
/// Photos of a moment, by turns: most have none, as in life.
const PHOTOS: [usize; 20] = [1, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

struct Author {
    key: SigningKey,
    secret: EpochSecret,
    next: u64,
}

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
    let folder = KeyFolder::open(home.join("keys"))?;
    let at_rest = folder.read("at-rest")?.ok_or("a key at rest")?;
    let at_rest = AtRestKey::from_bytes(<[u8; 32]>::try_from(at_rest.as_slice())?);
    let storage = folder.read_sealed("storage", &at_rest)?.ok_or("storage keys")?;
    let storage: StorageKeys = tidings::wire::decode(&storage).map_err(|error| format!("{error:?}"))?;
    let disk = Disk::open(home, &DiskConfig::default())?;
    let mut entropy = Entropy::from_number(7);
    let store: Arc<dyn Store> = Arc::new(Sealed::new(disk, storage, entropy.split()));
    let mut batch = Batch::new();
    let mut authors: Vec<Author> = (0..AUTHORS).map(|n| author(n, &mut batch, &mut entropy)).collect();
    store.apply(std::mem::take(&mut batch))?;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let newest = u64::try_from(since.as_millis())?;
    for n in 0..moments {
        let shown = Timestamp::from_millis(newest - (u64::try_from(n)? + 1) * PACE_MS);
        let shows = &photos[..PHOTOS[n % PHOTOS.len()]];
        put(&mut authors[n * 7 % AUTHORS], shown, n, shows, &mut batch, &mut entropy)?;
        if batch.len() >= 3 * BATCH {
            store.apply(std::mem::take(&mut batch))?;
        }
    }
    store.apply(batch)?;
    store.barrier()?;
    Ok(())
}

/// The records of a friend and of their epoch, in the layout of the store.
fn author(n: usize, batch: &mut Batch, entropy: &mut Entropy) -> Author {
    let created = Keyring::create(entropy, Timestamp::from_millis(1_700_000_000_000));
    let user = created.keyring.user();
    let mut friend = Writer::new();
    friend.value(&user);
    for text in ["", &format!("Friend {n}"), "", ""] {
        friend.bytes_u16(text.as_bytes());
    }
    friend.u64(0).u32(0).u64(0).bool(false).raw(&[0; 64]).u32(0).value(&KnownIdentity::new(created.identity));
    friend.u16(0).bytes_u16(&[]).u64(0).raw(&[0; 32]).bool(false);
    batch.insert(Tree::State, [b"f", &user.as_bytes()[..]].concat(), friend.into_vec());
    let author = Author { key: SigningKey::random(entropy), secret: EpochSecret::random(entropy), next: 0 };
    let id = keys::epoch_id(author.key.public().as_bytes());
    let mut epoch = Writer::new();
    epoch.value(&id).raw(author.key.public().as_bytes()).bool(true).raw(author.secret.expose_bytes());
    // Class 2: moments. Open since a day of no matter.
    epoch.raw(&[0; 96]).value(&user).raw(&[0; 32]).u8(2).bool(false).u32(0).bool(false).u32(0).bool(false);
    batch.insert(Tree::State, [b"e", &id.as_bytes()[..]].concat(), epoch.into_vec());
    author
}

fn put(
    author: &mut Author,
    shown: Timestamp,
    n: usize,
    photos: &[PhotoDraft],
    batch: &mut Batch,
    entropy: &mut Entropy,
) -> Result<()> {
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
    let post = Post { public: PublicPart::new(&values)?, private };
    let created = ClaimedTime::from_millis(shown.as_millis());
    let content = Content { created, body: Body::Post(Box::new(post)) }.encode()?;
    let public = author.key.public();
    let epoch = keys::epoch_id(public.as_bytes());
    let draft = Draft {
        epoch_key: &author.key,
        epoch,
        read_key: &keys::read_key(&author.secret),
        seq: author.next,
        expire_day: None,
        content: &content,
        min_padded: ENTRY_PADDED_MIN,
    };
    let (header, body) = write(draft, entropy)?.into_parts();
    let entry = Entry::<Unverified>::from_parts(header.bytes(), body)?.verify(&public)?;
    let (seq, id) = (author.next, entry.id());
    author.next += 1;
    let time = shown.as_millis().to_be_bytes();
    batch.insert(
        Tree::Timeline,
        timeline_key(shown, &id),
        [&time[..], header.bytes(), entry.body()].concat(),
    );
    batch.insert(Tree::Log, log_key(&epoch, seq, &id), [&[0][..], &time].concat());
    batch.insert(Tree::ById, *id.as_bytes(), [&epoch.as_bytes()[..], &seq.to_be_bytes()].concat());
    Ok(())
}
