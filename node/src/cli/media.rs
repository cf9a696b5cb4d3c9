//! What `post` says about photos and a video: which files, and what is done to each photo.
//!
//! `--crop`, `--rotate` and `--flip` are given once for each photo, in their order, `-` for a photo that stays as it is.
//! `--filter` is the same, or one for all.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::api::upload;
use crate::error::{Error, Result};

/// The flags of `post` about photos and a video.
#[derive(Debug, Default, Args)]
pub struct MediaArgs {
    /// A photo, at most nine; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) photo: Vec<PathBuf>,
    /// What a photo or the video shows, in the order of the photos; may be repeated
    #[arg(long, value_name = "TEXT")]
    pub(super) alt: Vec<String>,
    /// A look for all photos, or for each in order; `tidings filters` lists them
    #[arg(long, value_name = "NAME")]
    pub(super) filter: Vec<String>,
    /// The part of a photo that stays, in shares (0.1,0.1,0.5x0.5) or pixels (100,80,640x480); `-` for all of it
    #[arg(long, value_name = "X,Y,WxH", allow_hyphen_values = true)]
    pub(super) crop: Vec<String>,
    /// Turns a photo clockwise: 90, 180 or 270; `-` for not at all
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true)]
    pub(super) rotate: Vec<String>,
    /// Mirrors a photo: `horizontal` or `vertical`; `-` for not at all
    #[arg(long, value_name = "WAY", allow_hyphen_values = true)]
    pub(super) flip: Vec<String>,
    /// A video instead of photos
    #[arg(long, value_name = "FILE")]
    pub(super) video: Option<PathBuf>,
    /// A still picture for the video; without it one is made where ffmpeg is installed
    #[arg(long, value_name = "FILE")]
    pub(super) poster: Option<PathBuf>,
    /// Cuts a video that is too long at the limit, with ffmpeg
    #[arg(long)]
    pub(super) trim: bool,
}

impl MediaArgs {
    /// The files with the names of their parts.
    ///
    /// # Errors
    /// Usage for photos and a video together, or a poster alone.
    pub(super) fn files(&self) -> Result<Vec<(&'static str, PathBuf)>> {
        if self.video.is_some() && !self.photo.is_empty() {
            return Err(upload::mixed());
        }
        if self.poster.is_some() && self.video.is_none() {
            return Err(upload::poster_alone());
        }
        let photos = self.photo.iter().map(|file| ("photo", file.clone()));
        let video = self.video.iter().map(|file| ("video", file.clone()));
        let poster = self.poster.iter().map(|file| ("poster", file.clone()));
        Ok(photos.chain(video).chain(poster).collect())
    }

    /// `alts`, checked against the number of files.
    ///
    /// # Errors
    /// Usage for more of them than there are photos and videos.
    pub(super) fn alts(&self) -> Result<&[String]> {
        let media = self.photo.len() + usize::from(self.video.is_some());
        if self.alt.len() > media {
            return Err(Error::usage(
                "alt_without_photo",
                format!("{} alt texts are given for {media} photos and videos", self.alt.len()),
                "give at most one for each, in the same order",
            ));
        }
        Ok(&self.alt)
    }

    /// `edits` of a draft.
    ///
    /// # Errors
    /// Usage for what is not understood, or for more of it than there are photos.
    pub(super) fn edits(&self) -> Result<Vec<Value>> {
        let photos = self.photo.len();
        for (flag, count) in [
            ("--filter", self.filter.len()),
            ("--crop", self.crop.len()),
            ("--rotate", self.rotate.len()),
            ("--flip", self.flip.len()),
        ] {
            if count > photos {
                return Err(Error::usage(
                    "edit_without_photo",
                    format!("{flag} is given {count} times for {photos} photos"),
                    "give it at most once for each photo, in the same order; a video takes none",
                ));
            }
        }
        let all = |values: &[String], at: usize| match values {
            [one] => Some(one.clone()),
            more => more.get(at).cloned(),
        };
        let given = |value: Option<String>| value.filter(|value| value != "-");
        (0..photos)
            .map(|at| {
                let filter = given(all(&self.filter, at));
                let crop = given(self.crop.get(at).cloned()).as_deref().map(crop).transpose()?;
                let rotate = given(self.rotate.get(at).cloned()).as_deref().map(degrees).transpose()?;
                let flip = given(self.flip.get(at).cloned()).map(way).transpose()?;
                Ok(json!({"filter": filter, "crop": crop, "rotate": rotate, "flip": flip}))
            })
            .collect()
    }
}

/// `X,Y,WxH`.
fn crop(words: &str) -> Result<Value> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let parsed = || {
        let mut parts = words.splitn(3, ',');
        let (x, y, size) = (parts.next()?, parts.next()?, parts.next()?);
        let (width, height) = size.split_once(['x', 'X', '×'])?;
        Some((number(x)?, number(y)?, number(width)?, number(height)?))
    };
    let (x, y, width, height) = parsed().ok_or_else(|| {
        Error::usage(
            "bad_crop",
            format!("`{words}` is no part of a picture"),
            "write it as X,Y,WxH, such as 0.1,0,0.8x1 (shares) or 100,80,640x480 (pixels)",
        )
    })?;
    Ok(json!({"x": x, "y": y, "width": width, "height": height}))
}

fn degrees(word: &str) -> Result<u16> {
    word.parse().ok().filter(|degrees| [0, 90, 180, 270].contains(degrees)).ok_or_else(|| {
        Error::usage("bad_rotate", format!("a photo is not turned by `{word}`"), "use 90, 180 or 270")
    })
}

fn way(word: String) -> Result<String> {
    if ["horizontal", "vertical"].contains(&word.as_str()) {
        return Ok(word);
    }
    Err(Error::usage("bad_flip", format!("`{word}` is no way to mirror"), "use horizontal or vertical"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(photos: usize) -> MediaArgs {
        MediaArgs { photo: vec![PathBuf::from("x.jpg"); photos], ..MediaArgs::default() }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn one_filter_is_for_all_photos_and_other_edits_go_by_order() {
        let edits = MediaArgs {
            filter: words(&["noir"]),
            crop: words(&["-", "0.1,0.2,0.5x0.25"]),
            rotate: words(&["90"]),
            flip: words(&["-", "-", "vertical"]),
            ..args(3)
        }
        .edits()
        .unwrap();
        assert!(edits.iter().all(|edit| edit["filter"] == "noir"));
        assert_eq!((&edits[0]["rotate"], &edits[1]["rotate"]), (&json!(90), &Value::Null));
        assert_eq!(edits[0]["crop"], Value::Null);
        assert_eq!(edits[1]["crop"], json!({"x": 0.1, "y": 0.2, "width": 0.5, "height": 0.25}));
        assert_eq!((&edits[1]["flip"], &edits[2]["flip"]), (&Value::Null, &json!("vertical")));
        let two = MediaArgs { filter: words(&["-", "fade"]), ..args(2) }.edits().unwrap();
        assert_eq!((&two[0]["filter"], &two[1]["filter"]), (&Value::Null, &json!("fade")));
    }

    #[test]
    fn what_is_no_edit_is_wrong_usage() {
        for bad in ["", "1,2", "1,2,3", "a,b,cxd", "1,2,3x", "1,2,NaNx4"] {
            assert_eq!(crop(bad).unwrap_err().code, "bad_crop", "{bad:?}");
        }
        assert_eq!(degrees("45").unwrap_err().code, "bad_rotate");
        assert_eq!(way("sideways".to_owned()).unwrap_err().code, "bad_flip");
        let more = MediaArgs { rotate: words(&["90", "90"]), ..args(1) };
        assert_eq!(more.edits().unwrap_err().code, "edit_without_photo");
        let for_a_video = MediaArgs { filter: words(&["noir"]), video: Some("v.mp4".into()), ..args(0) };
        assert_eq!(for_a_video.edits().unwrap_err().code, "edit_without_photo");
        let both = MediaArgs { video: Some("v.mp4".into()), ..args(1) };
        assert_eq!(both.files().unwrap_err().code, "photos_and_video");
        let alone = MediaArgs { poster: Some("p.jpg".into()), ..args(0) };
        assert_eq!(alone.files().unwrap_err().code, "poster_without_video");
    }
}
