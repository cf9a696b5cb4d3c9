//! What a moment may hold: for whoever writes one, so that it can be said before anything is sent.

use axum::Json as Answer;
use serde_json::{Value, json};
use tidings::limits::{
    ALT_TEXT_LIMIT, MENTION_LIMIT, MOOD_TEXT_LIMIT, PLACE_NAME_LIMIT, POST_PHOTO_LIMIT, POST_TEXT_LIMIT,
    VIDEO_BLOB_LIMIT,
};

use super::guard::{Permit, ShareIn};
use crate::config::Config;
use crate::error::Result;
use crate::media::limits::INPUT_LEN_LIMIT;
use crate::media::video::ffmpeg;

/// What a moment may hold, on this node.
#[utoipa::path(get, path = "/api/v1/limits", tag = "moments", responses((status = 200, body = super::schema::Limits)))]
pub async fn limits(permit: Permit<ShareIn>) -> Result<Answer<Value>> {
    let video_ms = Config::read(&permit.app.home)?.video_max_ms();
    // Looks into the folders of PATH.
    let can_trim = tokio::task::spawn_blocking(ffmpeg::is_here).await.unwrap_or(false);
    Ok(Answer(said(video_ms, can_trim)))
}

/// The limits as they are said.
pub fn said(video_ms: u64, can_trim: bool) -> Value {
    json!({
        "text_bytes": POST_TEXT_LIMIT,
        "photos": POST_PHOTO_LIMIT,
        "photo_bytes": INPUT_LEN_LIMIT,
        "alt_bytes": ALT_TEXT_LIMIT,
        "video_bytes": VIDEO_BLOB_LIMIT,
        "video_ms": video_ms,
        "can_trim": can_trim,
        "place_bytes": PLACE_NAME_LIMIT,
        "mood_bytes": MOOD_TEXT_LIMIT,
        "mentions": MENTION_LIMIT,
    })
}
