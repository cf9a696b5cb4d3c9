//! Plots as SVG, written by hand: lines or bars over named places. Two kinds of plot do not call for a crate.

use std::fmt::Write;

/// A plot's width, pixels.
const WIDTH: f64 = 760.0;
/// Its height.
const HEIGHT: f64 = 400.0;
/// Room on the left, for the numbers of the axis.
const LEFT: f64 = 70.0;
/// Room on the right, for the names of the lines.
const RIGHT: f64 = 190.0;
/// Room above.
const EDGE: f64 = 50.0;
/// Room below, for names of places that stand aslant.
const BELOW: f64 = 70.0;
/// Pixels that a letter of a place's name takes, about.
const LETTER: f64 = 6.0;
/// How wide a bar is, of the room of its place.
const BAR: f64 = 0.6;
/// Colours that are told apart by people who see few, too (Okabe and Ito).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// A line: its name, and a value at each place; none where it does not go.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Which colour it has: lines that belong together have one.
    pub colour: usize,
    /// Told apart from one of the same colour.
    pub is_dashed: bool,
    /// As many as the plot has places.
    pub values: Vec<f64>,
}

/// Lines over places that stand evenly apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What it says.
    pub title: String,
    /// What the places are.
    pub across: String,
    /// What the values are.
    pub up: String,
    /// Names of the places.
    pub places: Vec<String>,
    /// The lines.
    pub lines: Vec<Line>,
    /// The value at the top; the highest of all if none.
    pub top: Option<f64>,
    /// Bars: the places have no order, so that nothing lies between them.
    pub are_bars: bool,
}

impl Plot {
    /// The plot as an SVG file.
    pub fn svg(&self) -> String {
        let highest = self.lines.iter().flat_map(|line| &line.values).fold(0.0_f64, |a, b| a.max(*b));
        let top = self.top.unwrap_or_else(|| round_up(highest));
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BELOW);
        let gaps = if self.are_bars { self.places.len() } else { self.places.len().saturating_sub(1) };
        let steps = gaps.max(1) as f64;
        let first = if self.are_bars { 0.5 } else { 0.0 };
        let x = |at: usize| LEFT + (right - LEFT) * (at as f64 + first) / steps;
        let y = |value: f64| bottom - (bottom - EDGE) * (value / top).clamp(0.0, 1.0);
        let mut out = String::new();
        let _ = write!(
            out,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11" role="img">
<title>{title}</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
<text x="{LEFT}" y="22" font-size="14">{title}</text>
<text x="{LEFT}" y="40" fill="#555555">{up}</text>
<text x="{right}" y="{below}" fill="#555555" text-anchor="end">{across}</text>
"##,
            title = escaped(&self.title),
            up = escaped(&self.up),
            across = escaped(&self.across),
            below = HEIGHT - 6.0,
        );
        for fifth in 0..=5u8 {
            let value = top * f64::from(fifth) / 5.0;
            let _ = writeln!(
                out,
                r##"<path d="M{LEFT} {at:.1}H{right}" stroke="#dddddd"/><text x="{end}" y="{text:.1}" text-anchor="end">{value}</text>"##,
                at = y(value),
                end = LEFT - 6.0,
                text = y(value) + 4.0,
                value = label(value),
            );
        }
        // Names that would run into each other stand aslant.
        let longest = self.places.iter().map(|place| place.chars().count()).max().unwrap_or(0);
        let is_aslant = longest as f64 * LETTER > (right - LEFT) / steps;
        for (at, place) in self.places.iter().enumerate() {
            let (x, y) = (x(at), bottom + 16.0);
            let turned = match is_aslant {
                true => format!(r#"text-anchor="end" transform="rotate(-40 {x:.1} {y})""#),
                false => r#"text-anchor="middle""#.to_owned(),
            };
            let _ = writeln!(
                out,
                r#"<text x="{x:.1}" y="{y}" {turned} font-size="10">{place}</text>"#,
                place = escaped(place),
            );
        }
        for (number, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[line.colour % COLOURS.len()];
            let dashes = if line.is_dashed { r#" stroke-dasharray="5 3""# } else { "" };
            if self.are_bars {
                let width = (right - LEFT) / steps * BAR;
                for (at, value) in line.values.iter().enumerate() {
                    let _ = writeln!(
                        out,
                        r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/><text x="{middle:.1}" y="{above:.1}" text-anchor="middle">{value}</text>"#,
                        left = x(at) - width / 2.0,
                        top = y(*value),
                        height = bottom - y(*value),
                        middle = x(at),
                        above = y(*value) - 4.0,
                        value = label(*value),
                    );
                }
                continue;
            }
            let points: Vec<String> = line
                .values
                .iter()
                .enumerate()
                .map(|(at, value)| format!("{:.1},{:.1}", x(at), y(*value)))
                .collect();
            let _ = writeln!(
                out,
                r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>{dots}<path d="M{sample} {middle}h22" stroke="{colour}" stroke-width="2"{dashes}/><text x="{x}" y="{y}" fill="{colour}">{name}</text>"#,
                points = points.join(" "),
                dots = points.iter().map(|at| dot(at, colour)).collect::<String>(),
                sample = right + 10.0,
                middle = EDGE + 14.0 * number as f64 + 4.0,
                x = right + 38.0,
                y = EDGE + 14.0 * number as f64 + 8.0,
                name = escaped(&line.name),
            );
        }
        out.push_str("</svg>\n");
        out
    }
}

/// A value where it was measured: what lies between is a line and no measurement.
fn dot(at: &str, colour: &str) -> String {
    let (x, y) = at.split_once(',').unwrap_or((at, "0"));
    format!(r#"<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>"#)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn label(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.1} M", v / 1e6),
        v if v >= 1e4 => format!("{:.0} k", v / 1e3),
        v if v >= 10.0 || v == 0.0 => format!("{v:.0}"),
        v => format!("{v:.2}"),
    }
}

/// The next number that is 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|round| *round >= value)
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_every_place_line_and_value_and_no_mark_up_of_its_names() {
        let line = |name: &str, is_dashed, values: &[f64]| Line {
            name: name.to_owned(),
            values: values.to_vec(),
            is_dashed,
            ..Line::default()
        };
        let plot = Plot {
            title: "a < b".to_owned(),
            across: "people".to_owned(),
            up: "%".to_owned(),
            places: vec!["300".to_owned(), "1,000".to_owned()],
            lines: vec![line("one", false, &[0.0, 50.0]), line("two", true, &[100.0, 25.0])],
            top: Some(100.0),
            are_bars: false,
        };
        let svg = plot.svg();
        assert!(svg.contains("a &lt; b") && !svg.contains("a < b"));
        assert!(svg.contains(r#"points="70.0,330.0 570.0,190.0""#), "{svg}");
        assert!(svg.contains(r#"points="70.0,50.0 570.0,260.0""#), "{svg}");
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 4);
        assert_eq!(svg.matches("dasharray").count(), 2, "the line and its sample");
        assert!(!svg.contains("rotate"), "two short names have room");
        let bars = Plot { are_bars: true, lines: plot.lines[..1].to_vec(), ..plot }.svg();
        assert!(bars.contains(r#"<rect x="370.0" y="190.0" width="150.0" height="140.0""#), "{bars}");
        assert_eq!((bars.matches("<polyline").count(), bars.matches("<rect").count()), (0, 3));
    }

    #[test]
    fn names_that_would_run_into_each_other_stand_aslant() {
        let places: Vec<String> = (0..18).map(|at| format!("{at} min")).collect();
        let line = Line { name: "one".to_owned(), values: vec![1.0; 18], ..Line::default() };
        let plot = Plot {
            title: String::new(),
            across: String::new(),
            up: String::new(),
            places,
            lines: vec![line],
            top: None,
            are_bars: false,
        };
        assert_eq!(plot.svg().matches("rotate(-40").count(), 18);
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (value, round) in
            [(0.7, 1.0), (1.2, 2.0), (230.0, 500.0), (1_000.0, 1_000.0), (5_001.0, 10_000.0)]
        {
            assert!((round_up(value) - round).abs() < 1e-6, "{value}");
        }
    }
}
