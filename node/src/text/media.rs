//! Videos of a moment as a line of text, and the filters there are.

use serde_json::Value;

use super::{count, field, items, line};

/// `[video 1280×720, 14.9 s: a dog runs]`; `None` without a video.
pub fn video(moment: &Value) -> Option<String> {
    let video = moment.get("video").filter(|video| !video.is_null())?;
    let size = format!("{}×{}", count(video, "width"), count(video, "height"));
    let tenths = count(video, "duration_ms") / 100;
    let alt = match field(video, "alt") {
        "" => String::new(),
        alt => format!(": {}", line(alt)),
    };
    Some(format!("[video {size}, {}.{} s{alt}]", tenths / 10, tenths % 10))
}

/// A line for each filter.
pub fn filters(value: &Value) -> String {
    let lines: Vec<String> = items(value, "filters")
        .iter()
        .map(|one| format!("{:<8} {}", field(one, "name"), field(one, "description")))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_video_is_a_line_with_its_size_and_length() {
        let video_of = |alt: Value| {
            video(&json!({"video": {"width": 96, "height": 64, "duration_ms": 14_960, "alt": alt}}))
        };
        assert_eq!(video_of(Value::Null).unwrap(), "[video 96×64, 14.9 s]");
        assert_eq!(video_of(json!("a dog")).unwrap(), "[video 96×64, 14.9 s: a dog]");
        assert_eq!(video(&json!({"video": null})), None);
    }
}
