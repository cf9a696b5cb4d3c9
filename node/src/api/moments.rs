//! Moments and what is said beneath them.

#![expect(unused_qualifications, reason = "utoipa's macro writes them for query parameters")]

use axum::Json as Answer;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings::ask::{Attempt, AudienceWords, PostDraft, TimelineQuery};
use tidings::limits::POST_PHOTO_LIMIT;
use tidings::view::{Comment, Moment, Page, Who};
use utoipa::{IntoParams, ToSchema};

use super::guard::{Need, Permit, Person, Post, Read, ShareIn, allow};
use super::input::{Json, Params, Parted};
use super::links::{self, NewMood, Posted};
use super::node::done;
use super::place::NewPlace;
use super::previews::{self, PhotoEdit};
use super::upload;
use crate::app::App;
use crate::error::{Error, Result};
use crate::limits::ATTEMPT_KEY_LIMIT;
use crate::when;

/// Which part of the timeline.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineParams {
    /// How many moments; 20 if left out.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<usize>,
    /// The `next` of an earlier page.
    before: Option<String>,
    /// Only this person's; `me` for one's own.
    from: Option<String>,
    /// Not older: a date or an RFC 3339 time.
    since: Option<String>,
    /// Not younger: a date or an RFC 3339 time.
    until: Option<String>,
    /// Only those in which each of these words occurs.
    search: Option<String>,
    /// Look at no more moments than so many, found or not: for a search that tells how far it has come. `next` then stands
    /// where it stopped, and `reached` says when that was.
    #[param(minimum = 1)]
    look: Option<usize>,
    /// My moments as this friend sees them.
    #[serde(rename = "as")]
    #[param(rename = "as")]
    as_friend: Option<String>,
}

/// My own and friends' moments, newest first.
#[utoipa::path(get, path = "/api/v1/timeline", tag = "moments", params(TimelineParams),
    responses((status = 200, body = super::schema::Page)))]
pub async fn timeline(permit: Permit<Read>, Params(params): Params<TimelineParams>) -> Result<Answer<Page>> {
    let query = TimelineQuery {
        limit: super::care::limit(params.limit)?,
        before: params.before,
        from: params.from,
        since: params.since.as_deref().map(when::timestamp).transpose()?,
        until: params.until.as_deref().map(when::timestamp_until).transpose()?,
        search: params.search,
        look: look(params.look)?,
    };
    let client = permit.client().await?;
    match params.as_friend {
        Some(_) if query.from.is_some() => Err(Error::usage(
            "as_with_from",
            "what a friend sees is one's own moments",
            "leave out either `as` or `from`",
        )),
        Some(friend) => Ok(Answer(client.timeline_as(&friend, query).await?)),
        None => Ok(Answer(client.timeline(query).await?)),
    }
}

/// How many moments may be looked at; 0 if nothing was said.
fn look(asked: Option<usize>) -> Result<usize> {
    match asked {
        Some(0) => {
            Err(Error::usage("bad_limit", "`look` is at least one moment", "leave it out for no bound"))
        }
        asked => Ok(asked.unwrap_or(0)),
    }
}

/// A moment to be posted. Photos or a video follow as parts of their own.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Draft {
    /// At most 8 KiB; may be empty if there is a photo or a video.
    pub text: String,
    /// What each photo shows, in the order of the photos; for a video, one.
    pub alts: Vec<Option<String>>,
    /// What is done to each photo, in the order of the photos.
    pub edits: Vec<Option<PhotoEdit>>,
    /// A video that plays longer than is allowed is cut there (with ffmpeg), not refused.
    pub trim: bool,
    /// The address of a web page; this node fetches it once and makes its card.
    #[schema(max_length = 2048)]
    pub link: Option<String>,
    /// Where.
    pub place: Option<NewPlace>,
    /// How it felt.
    pub mood: Option<NewMood>,
    /// Whom it mentions.
    pub mentions: Vec<String>,
    /// Whether it may be shared on.
    pub shareable: bool,
    /// Tags or friends who may see it; empty = everyone.
    pub to: Vec<String>,
    /// Tags or friends who may not.
    pub except: Vec<String>,
    /// Only me.
    pub private: bool,
}

impl Draft {
    /// Whom it is for.
    pub fn audience(&self) -> AudienceWords {
        AudienceWords { to: self.to.clone(), except: self.except.clone(), private: self.private }
    }

    fn into_post(self) -> Result<PostDraft> {
        Ok(PostDraft {
            audience: self.audience(),
            text: self.text,
            photos: Vec::new(),
            video: None,
            link: None,
            place: self.place.map(NewPlace::draft).transpose()?,
            mood: self.mood.map(NewMood::draft),
            mentions: self.mentions,
            shareable: self.shareable,
            attempt: None,
        })
    }
}

/// Whether only to say who would be able to read it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PostParams {
    /// Post nothing; answer who would be able to read it.
    pub(super) dry_run: bool,
}

/// What is posted otherwise than just so.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NewParams {
    /// Post nothing; answer who would be able to read it.
    dry_run: bool,
    /// The kept draft that this was: it goes with the same answer. 32 hex digits; only for the person.
    draft: Option<String>,
}

/// A draft and its photos.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never built")]
pub struct DraftWithPhotos {
    draft: Draft,
    #[schema(value_type = Vec<String>, format = Binary, required = false)]
    photo: Vec<Vec<u8>>,
    /// Instead of photos: at most 100 MiB.
    #[schema(value_type = String, format = Binary, required = false)]
    video: Vec<u8>,
    /// A still picture for the video; without it one is made where ffmpeg is installed.
    #[schema(value_type = String, format = Binary, required = false)]
    poster: Vec<u8>,
}

/// Posts a moment: JSON without photos, or a form with a part `draft` and up to nine parts `photo`, or one `video` and
/// perhaps its `poster`.
///
/// With `Idempotency-Key`, a word that the caller makes for each moment, a request whose answer was lost can be sent again:
/// for a day the same key is answered with the same moment, and nothing is shared twice.
#[utoipa::path(post, path = "/api/v1/moments", tag = "moments",
    params(NewParams, ("Idempotency-Key" = Option<String>, Header, description = "1 to 128 visible ASCII characters")),
    request_body(content((Draft = "application/json"), (DraftWithPhotos = "multipart/form-data"))),
    responses((status = 201, body = super::schema::Moment), (status = 200, description = "With `dry_run`", body = super::schema::DryRun)))]
pub async fn post(
    permit: Permit<ShareIn>,
    Params(params): Params<NewParams>,
    request: Request,
) -> Result<Response> {
    if params.dry_run {
        // It tells who my friends are.
        allow(&permit.caller, Read::SCOPES)?;
    }
    let kept = params.draft.as_deref().map(super::drafts::id_of).transpose()?;
    if kept.is_some() {
        allow(&permit.caller, Person::SCOPES)?;
    }
    let key = attempt_key(request.headers())?;
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data"));
    let client = permit.client().await?;
    let (draft, files) = if is_form {
        let form = Multipart::from_request(request, &()).await.map_err(|e| upload::broken(&e.body_text()))?;
        upload::take_in(&permit.app, form).await?
    } else {
        (Json::<Draft>::from_request(request, &()).await?.0, upload::Files::default())
    };
    if params.dry_run {
        return Ok(Answer(client.dry_run(draft.audience()).await?).into_response());
    }
    let attempt = key.map(|key| attempt(&key, &draft, &files)).transpose()?;
    let before = match attempt {
        Some(attempt) => client.attempted(attempt).await?,
        None => None,
    };
    let mut posted = match before {
        Some(moment) => Posted { moment, warnings: Vec::new() },
        None => publish(&permit.app, &client, draft, files, attempt).await?,
    };
    if let Some(kept) = kept
        && let Err(error) = client.drop_draft(kept).await
    {
        // It is shared, whatever becomes of its draft.
        posted.warnings.push(format!("the draft is still kept: {}", error.message));
    }
    Ok((StatusCode::CREATED, Answer(posted)).into_response())
}

/// The word that names an attempt, if there is one.
fn attempt_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    match key.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= ATTEMPT_KEY_LIMIT => Ok(Some(key.to_owned())),
        _ => Err(Error::usage(
            "bad_attempt_key",
            format!("`Idempotency-Key` is 1 to {ATTEMPT_KEY_LIMIT} visible ASCII characters"),
            "make one at random for each moment, such as a UUID",
        )),
    }
}

/// An attempt: what it is called, and all that it asks for but the bytes of its files, of which the lengths are enough to
/// tell a mistake.
fn attempt(key: &str, draft: &Draft, files: &upload::Files) -> Result<Attempt> {
    let says = serde_json::to_vec(&(draft, files.lengths()))
        .map_err(|error| Error::failed("internal", error.to_string(), "report it"))?;
    Ok(Attempt::new(key.as_bytes(), &says))
}

async fn publish(
    app: &App,
    client: &tidings::client::Client,
    draft: Draft,
    files: upload::Files,
    attempt: Option<Attempt>,
) -> Result<Posted> {
    let media = files.photos.len() + usize::from(files.video.is_some());
    if draft.alts.len() > media {
        return Err(Error::usage(
            "alt_without_photo",
            format!("{} alt texts are given for {media} photos and videos", draft.alts.len()),
            "give at most one for each, in the same order",
        ));
    }
    let edits = previews::for_photos(&draft.edits, files.photos.len())?;
    if !files.is_empty() || draft.link.is_some() {
        // An audience that cannot be is refused before any photo is made ready or page fetched.
        client.dry_run(draft.audience()).await?;
    }
    let (alts, trim, link) = (draft.alts.clone(), draft.trim, draft.link.clone());
    let alt = |at: usize| alts.get(at).cloned().flatten().filter(|alt: &String| !alt.is_empty());
    let mut post = PostDraft { attempt, ..draft.into_post()? };
    post.video = upload::prepare_video(app, client, &files, trim, alt(0)).await?;
    for (at, (file, edit)) in files.photos.iter().zip(edits).enumerate() {
        post.photos.push(upload::prepare(client, file, at, alt(at), edit).await?);
    }
    let mut warnings = Vec::new();
    if let Some(address) = link {
        let has_room = post.photos.len() < POST_PHOTO_LIMIT && post.video.is_none();
        let (link, warning) = links::make(app, client, &address, has_room).await?;
        post.link = Some(link);
        warnings.extend(warning);
    }
    Ok(Posted { moment: client.post(post).await?, warnings })
}

/// One moment, by a prefix of its id.
#[utoipa::path(get, path = "/api/v1/moments/{id}", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Moment)))]
pub async fn moment(permit: Permit<Read>, Parted(id): Parted<String>) -> Result<Answer<Moment>> {
    Ok(Answer(permit.client().await?.moment(&id).await?))
}

/// Withdraws one's own moment.
#[utoipa::path(delete, path = "/api/v1/moments/{id}", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn withdraw(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.delete(&id).await?)))
}

/// Withdraws one's own comment.
#[utoipa::path(delete, path = "/api/v1/comments/{id}", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn withdraw_comment(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.delete(&id).await?)))
}

/// Likes a moment.
#[utoipa::path(put, path = "/api/v1/moments/{id}/like", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn like(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.like(&id).await?)))
}

/// Takes a like back.
#[utoipa::path(delete, path = "/api/v1/moments/{id}/like", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Done)))]
pub async fn unlike(permit: Permit<Post>, Parted(id): Parted<String>) -> Result<Answer<Value>> {
    Ok(Answer(done(permit.client().await?.unlike(&id).await?)))
}

/// A comment to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewComment {
    /// At most 2 KiB.
    pub text: String,
    /// The comment it answers.
    pub reply_to: Option<String>,
}

/// Comments on a moment.
#[utoipa::path(post, path = "/api/v1/moments/{id}/comments", tag = "moments", params(("id" = String, Path)),
    request_body = NewComment, responses((status = 201, body = super::schema::Comment)))]
pub async fn comment(
    permit: Permit<Post>,
    Parted(id): Parted<String>,
    Json(new): Json<NewComment>,
) -> Result<(StatusCode, Answer<Comment>)> {
    let comment = permit.client().await?.comment(&id, &new.text, new.reply_to).await?;
    Ok((StatusCode::CREATED, Answer(comment)))
}

/// Who may read my moment, who has it, and once it is withdrawn, from whom it is gone.
#[utoipa::path(get, path = "/api/v1/moments/{id}/who", tag = "moments", params(("id" = String, Path)),
    responses((status = 200, body = super::schema::Who)))]
pub async fn who(permit: Permit<Read>, Parted(id): Parted<String>) -> Result<Answer<Who>> {
    Ok(Answer(permit.client().await?.who(&id).await?))
}
