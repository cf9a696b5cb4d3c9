//! A result: one line of JSON with fields that stay, or one line for people.

use serde::Serialize;
use serde_json::Value;

use crate::cli::{Out, Style};

/// One result of a job, or one floor under a job. A field that does not apply is null.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Row {
    /// `J1` … `J7`, `idle`; or `floor`.
    pub job: &'static str,
    /// How many moments, posts, bytes or friends it was about.
    pub n: u64,
    /// Which way it was done; of a floor, the job under which it lies.
    pub variant: &'static str,
    /// What a floor is.
    pub what: Option<&'static str>,
    /// Posts a second.
    pub posts_per_s: Option<f64>,
    /// One time, ms; of several, the median.
    pub ms: Option<f64>,
    /// Median, ms.
    pub p50_ms: Option<f64>,
    /// The 99th of a hundred, ms.
    pub p99_ms: Option<f64>,
    /// Until fifty were there, ms.
    pub first_ms: Option<f64>,
    /// 10^6 bytes a second.
    pub mb_per_s: Option<f64>,
    /// Bytes on loopback, both ways.
    pub wire_bytes: Option<u64>,
    /// Memory of the measured process, 10^6 bytes.
    pub rss_mb: Option<f64>,
    /// Bytes of the store on the disk for each moment.
    pub disk_per_post: Option<f64>,
    /// Bytes on loopback a minute for each friend.
    pub bytes_per_min: Option<f64>,
    /// Of one core, percent.
    pub cpu_percent: Option<f64>,
    /// Whether each answer waits for the disk.
    pub fsync: Option<bool>,
    /// Whether each signature is verified, strictly.
    pub verify: Option<bool>,
    /// Whether contents are sealed.
    pub sealed: Option<bool>,
    /// The figure of the job divided by this floor's; on the line of a job, by its first floor's.
    pub ratio: Option<f64>,
}

impl Row {
    /// A result of a job that does all that a node does.
    pub fn of(job: &'static str, n: u64, variant: &'static str) -> Self {
        let all = Some(true);
        Self { job, n, variant, fsync: Some(false), verify: all, sealed: all, ..Self::default() }
    }

    /// A floor under a job.
    pub fn floor(under: &'static str, n: u64, what: &'static str) -> Self {
        Self { job: "floor", n, variant: under, what: Some(what), ..Self::default() }
    }

    /// The one figure that counts: a rate, or a time; of what only lies there, its memory.
    fn figure(&self) -> Option<f64> {
        self.posts_per_s.or(self.mb_per_s).or(self.p50_ms).or(self.ms).or(self.rss_mb)
    }

    /// Notes the ratio to a floor on both lines; the first floor that is named is the one on the job's.
    pub fn beside(&mut self, floor: &mut Self) {
        let ratio = match (self.figure(), floor.figure()) {
            (Some(ours), Some(least)) if least > 0.0 => Some(ours / least),
            _ => None,
        };
        floor.ratio = ratio;
        self.ratio = self.ratio.or(ratio);
    }

    /// The line of JSON.
    pub fn to_json(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        for field in value.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
            if let Some(number) = field.as_f64().filter(|_| field.is_f64()) {
                *field = Value::from(rounded(number));
            }
        }
        value
    }

    /// The line for people.
    pub fn to_text(&self, out: &Out) -> String {
        let name = if self.job == "floor" {
            format!("   floor of {}: {}", self.variant, self.what.unwrap_or_default())
        } else {
            format!("{} {} ({})", self.job, self.variant, self.n)
        };
        let mut parts: Vec<String> = [
            (self.posts_per_s, "posts/s"),
            (self.mb_per_s, "MB/s"),
            (self.ms, "ms"),
            (self.p50_ms, "ms p50"),
            (self.p99_ms, "ms p99"),
            (self.first_ms, "ms to the first 50"),
            (self.wire_bytes.map(|bytes| bytes as f64 / 1e3), "KB on the wire"),
            (self.rss_mb, "MB RSS"),
            (self.disk_per_post, "B/post on the disk"),
            (self.bytes_per_min, "B/min a friend"),
            (self.cpu_percent, "% of a core"),
        ]
        .into_iter()
        .filter_map(|(figure, unit)| figure.map(|figure| format!("{} {unit}", rounded(figure))))
        .collect();
        parts.extend(self.ratio.map(|ratio| format!("ratio {}", rounded(ratio))));
        let name = format!("{name:<52}");
        let name = if self.job == "floor" {
            out.style(Style::Faint, &name)
        } else {
            out.style(Style::Strong, &name)
        };
        format!("{name} {}", parts.join(", "))
    }
}

/// Four digits that mean something; whole numbers above that.
fn rounded(number: f64) -> f64 {
    let size = number.abs();
    let scale = match size {
        _ if size >= 1_000.0 => 1.0,
        _ if size >= 100.0 => 10.0,
        _ if size >= 10.0 => 100.0,
        _ if size >= 1.0 => 1_000.0,
        _ => 100_000.0,
    };
    (number * scale).round() / scale
}

/// The value below which so many of a hundred lie; sorts them.
pub fn percentile(values: &mut [f64], part: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * part / 100).min(values.len().saturating_sub(1));
    values.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_jobs_figure_by_the_floors_and_the_first_floor_stands_with_the_job() {
        let mut row = Row { posts_per_s: Some(500.0), ..Row::of("J1", 10, "in flight") };
        let mut first = Row { posts_per_s: Some(1_000.0), ..Row::floor("J1", 10, "a") };
        let mut second = Row { posts_per_s: Some(250.0), ..Row::floor("J1", 10, "b") };
        row.beside(&mut first);
        row.beside(&mut second);
        assert_eq!((row.ratio, first.ratio, second.ratio), (Some(0.5), Some(0.5), Some(2.0)));
        let mut nothing = Row::floor("J1", 10, "c");
        row.beside(&mut nothing);
        assert_eq!((row.ratio, nothing.ratio), (Some(0.5), None));
    }

    #[test]
    fn a_line_has_every_field_and_null_where_it_does_not_apply() {
        let json = Row { ms: Some(1.234_567_89), ..Row::of("J3", 10, "reconnect") }.to_json();
        let fields = json.as_object().unwrap();
        for name in [
            "job",
            "n",
            "variant",
            "posts_per_s",
            "ms",
            "p50_ms",
            "p99_ms",
            "mb_per_s",
            "wire_bytes",
            "rss_mb",
            "disk_per_post",
            "bytes_per_min",
            "cpu_percent",
            "fsync",
            "verify",
            "sealed",
            "ratio",
        ] {
            assert!(fields.contains_key(name), "{name}");
        }
        assert_eq!((json["ms"].as_f64(), json["wire_bytes"].is_null()), (Some(1.235), true));
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 50), Some(51.0));
        assert_eq!(percentile(&mut values, 99), Some(100.0));
        assert_eq!(percentile(&mut [], 50), None);
    }
}
