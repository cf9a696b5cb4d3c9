//! Filters, and true previews for who is still choosing: what a photo would look like if it were posted now.
//!
//! The composer shows what this answers, not an imitation of it: the same steps, on the same bytes, in the same turn as for
//! posts. Nothing is kept; the upload is removed when the answer is made.

use axum::Json as Answer;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderName, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::guard::{Permit, Read, ShareIn};
use super::{input, upload};
use crate::error::{Error, Result};
use crate::limits::PREVIEW_SIDE_LIMIT;
use crate::media::edit::{Crop, Edit, Flip, Rotate};
use crate::media::{filter, prepare_sketch};

/// What is done to a photo. The part is cut out of the upright picture, then turned, then mirrored; the filter comes last.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PhotoEdit {
    /// One of `/filters`, or none.
    pub filter: Option<String>,
    /// The part that stays: shares of width and height where all four numbers are at most 1, else pixels.
    pub crop: Option<Crop>,
    /// Degrees clockwise: 0, 90, 180 or 270.
    pub rotate: Option<u16>,
    /// How it is mirrored.
    pub flip: Option<Flip>,
}

impl PhotoEdit {
    /// What the pipeline does.
    ///
    /// # Errors
    /// Usage for a filter or a turn that there is not.
    pub fn edit(&self) -> Result<Edit> {
        let filter = self.filter.as_deref().filter(|name| *name != "none").map(look).transpose()?;
        let degrees = self.rotate.unwrap_or(0);
        let rotate = Rotate::from_degrees(degrees).ok_or_else(|| {
            Error::usage(
                "bad_rotate",
                format!("a photo is not turned by {degrees} degrees"),
                "use 90, 180 or 270",
            )
        })?;
        Ok(Edit { crop: self.crop, rotate, flip: self.flip, filter })
    }
}

/// A filter by its name.
///
/// # Errors
/// Usage, with all names.
pub fn look(name: &str) -> Result<&'static filter::Look> {
    filter::named(name).ok_or_else(|| {
        let all: Vec<&str> = filter::ALL.iter().map(|look| look.name).collect();
        Error::usage(
            "no_such_filter",
            format!("there is no filter {name:?}"),
            format!("choose one of {}", all.join(", ")),
        )
    })
}

/// What is done to each of so many photos.
///
/// # Errors
/// Usage for more edits than photos, or for one that is not understood.
pub fn for_photos(edits: &[Option<PhotoEdit>], photos: usize) -> Result<Vec<Edit>> {
    if edits.len() > photos {
        return Err(Error::usage(
            "edit_without_photo",
            format!("{} edits are given for {photos} photos", edits.len()),
            "give at most one for each photo, in the same order; a video takes none",
        ));
    }
    let mut all = Vec::with_capacity(photos);
    for at in 0..photos {
        let edit = edits.get(at).and_then(Option::as_ref);
        all.push(edit.map(PhotoEdit::edit).transpose()?.unwrap_or_default());
    }
    Ok(all)
}

/// The filters for photos.
#[utoipa::path(get, path = "/api/v1/filters", tag = "moments",
    responses((status = 200, body = super::schema::Filters)))]
pub async fn filters(_permit: Permit<Read>) -> Answer<Value> {
    let all: Vec<Value> =
        filter::ALL.iter().map(|look| json!({"name": look.name, "description": look.description})).collect();
    Answer(json!({"filters": all}))
}

/// What is to be seen.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PreviewDraft {
    /// What is done to the photo.
    pub edit: Option<PhotoEdit>,
    /// Longest side of the answer, in pixels.
    #[schema(minimum = 16, maximum = 1024)]
    pub size: u32,
}

impl Default for PreviewDraft {
    fn default() -> Self {
        Self { edit: None, size: PREVIEW_SIDE_LIMIT }
    }
}

/// A draft and its photo.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described, never built")]
pub struct PreviewWithPhoto {
    draft: PreviewDraft,
    #[schema(value_type = String, format = Binary)]
    photo: Vec<u8>,
}

/// A photo as it would be sent, made smaller. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/previews", tag = "moments",
    request_body(content = PreviewWithPhoto, content_type = "multipart/form-data"),
    responses((status = 200, description = "The picture", content_type = "image/jpeg", body = Vec<u8>)))]
pub async fn preview(
    permit: Permit<ShareIn>,
    request: Request,
) -> Result<([(HeaderName, &'static str); 1], Vec<u8>)> {
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| upload::broken(&e.body_text()))?;
    let (draft, files) = upload::take_form(&permit.app, &mut form, &["photo"]).await?;
    let draft: PreviewDraft = draft.map(|text| input::parse(&text)).transpose()?.unwrap_or_default();
    let [photo] = &files.photos[..] else {
        return Err(upload::broken(&format!(
            "a preview is of one `photo`, there are {}",
            files.photos.len()
        )));
    };
    if !(16..=PREVIEW_SIDE_LIMIT).contains(&draft.size) {
        return Err(Error::refused(
            "preview_size",
            format!("a preview of {} pixels; 16 to {PREVIEW_SIDE_LIMIT} are possible", draft.size),
            "ask for another size",
        ));
    }
    let edit = draft.edit.as_ref().map(PhotoEdit::edit).transpose()?.unwrap_or_default();
    let bytes = upload::read(photo).await?;
    let picture =
        prepare_sketch(bytes, edit, draft.size).await.map_err(|e| upload::not_taken(&e, "the photo"))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], picture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings::error::Kind;

    #[test]
    fn an_unknown_filter_is_wrong_usage_and_names_those_there_are() {
        let edit =
            |filter: &str| PhotoEdit { filter: Some(filter.to_owned()), ..PhotoEdit::default() }.edit();
        assert_eq!(edit("noir").unwrap().filter.unwrap().name, "noir");
        assert!(edit("none").unwrap().filter.is_none());
        let error = edit("glow").unwrap_err();
        assert_eq!((error.kind, error.code.as_ref()), (Kind::Usage, "no_such_filter"));
        assert!(filter::ALL.iter().all(|look| error.help.contains(look.name)), "{}", error.help);
    }

    #[test]
    fn as_many_edits_as_photos_are_taken_and_one_more_is_not() {
        let edits = vec![None, Some(PhotoEdit { rotate: Some(90), ..PhotoEdit::default() })];
        let all = for_photos(&edits, 2).unwrap();
        assert_eq!((all[0].rotate, all[1].rotate), (Rotate::None, Rotate::Quarter));
        assert_eq!(for_photos(&edits, 3).unwrap().len(), 3);
        assert_eq!(for_photos(&edits, 1).unwrap_err().code, "edit_without_photo");
        assert_eq!(
            for_photos(&[Some(PhotoEdit { rotate: Some(45), ..PhotoEdit::default() })], 1).unwrap_err().code,
            "bad_rotate"
        );
    }
}
