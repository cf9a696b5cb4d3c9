//! The brushes of [`super`]: a canvas of colours, and what can be laid upon it.
//!
//! The idea: positions are fractions of the canvas (0 left and top, 1 right and bottom), so a scene
//! looks the same at every size; every irregular thing (outline, cloud, star, window) is noise made by
//! hashing the seed with its place. Colours are plain sRGB numbers from 0 to 1: good enough to please.
//!
//! What it does not do: anti-alias by sampling. Outlines are softened over one pixel instead.
//!
//! Invariants: no brush writes outside the canvas; equal seed, equal picture.

/// A colour: red, green, blue from 0 to 1.
pub(super) type Color = [f32; 3];

/// A colour from `0xRRGGBB`.
pub(super) fn rgb(hex: u32) -> Color {
    [16, 8, 0].map(|shift| ((hex >> shift) & 0xFF) as f32 / 255.0)
}

/// `a` at 0, `b` at 1.
pub(super) fn mix(a: Color, b: Color, t: f32) -> Color {
    let t = t.clamp(0.0, 1.0);
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
}

/// An outline of hills from one edge of the canvas to the other, filled to the bottom.
pub(super) struct Ridge {
    layer: u8,
    base: f32,
    height: f32,
    frequency: f32,
    top: Color,
    bottom: Color,
    sharp: bool,
    firs: f32,
    snow: f32,
    /// The ridge sinks away left of the first and right of the second.
    from: f32,
    to: f32,
}

impl Ridge {
    /// A soft ridge: its foot at `base`, hills up to `height` above it, about `frequency` of them.
    pub(super) fn new(layer: u8, base: f32, height: f32, frequency: f32, top: Color, bottom: Color) -> Self {
        let (sharp, firs, snow, from, to) = (false, 0.0, 0.0, -9.0, 9.0);
        Self { layer, base, height, frequency, top, bottom, sharp, firs, snow, from, to }
    }

    /// Peaks instead of hills.
    pub(super) fn sharp(self) -> Self {
        Self { sharp: true, ..self }
    }

    /// Firs of about this height along the outline.
    pub(super) fn firs(self, height: f32) -> Self {
        Self { firs: height, ..self }
    }

    /// Snow on the upper part, more of it the nearer to 1.
    pub(super) fn snow(self, amount: f32) -> Self {
        Self { snow: amount, ..self }
    }

    /// Only from here to the right edge.
    pub(super) fn only_right_of(self, from: f32) -> Self {
        Self { from, ..self }
    }

    /// Only from the left edge to here.
    pub(super) fn only_left_of(self, to: f32) -> Self {
        Self { to, ..self }
    }
}

/// The picture while it is painted.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    seed: u64,
    pixels: Vec<Color>,
}

impl Canvas {
    /// A black canvas.
    pub(super) fn new(width: u32, height: u32, seed: u64) -> Self {
        let count = width as usize * height as usize;
        Self { width, height, seed, pixels: vec![[0.0; 3]; count] }
    }

    /// The finished picture as rows of RGB: darker towards the corners, with a grain that hides bands.
    pub(super) fn into_rgb8(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.pixels.len() * 3);
        for y in 0..self.height {
            for x in 0..self.width {
                let (u, v) = self.fraction(x, y);
                let corner = (u - 0.5).powi(2) + (v - 0.5).powi(2);
                let light = 1.0 - 0.34 * corner;
                let grain = (hash(self.seed ^ 0x6A41, x.into(), y.into()) - 0.5) * 0.016;
                let color = self.pixels[self.index(x, y)];
                out.extend(
                    color.map(|value| ((value * light + grain).clamp(0.0, 1.0) * 255.0).round() as u8),
                );
            }
        }
        out
    }

    /// Fills everything with colours that change from top to bottom at the given heights.
    pub(super) fn sky(&mut self, stops: &[(f32, Color)]) {
        self.each(|_, v, _| {
            let after = stops.iter().position(|stop| stop.0 > v).unwrap_or(stops.len());
            match (after.checked_sub(1).map(|before| stops[before]), stops.get(after)) {
                (Some(a), Some(b)) => mix(a.1, b.1, smooth((v - a.0) / (b.0 - a.0))),
                (Some(only), None) | (None, Some(&only)) => only.1,
                (None, None) => [0.0; 3],
            }
        });
    }

    /// A disc of light with a wide glow around it.
    pub(super) fn sun(&mut self, x: f32, y: f32, radius: f32, color: Color, glow: f32) {
        let aspect = self.aspect();
        let edge = 1.5 / self.height as f32;
        self.each(|u, v, under| {
            let distance = (((u - x) * aspect).powi(2) + (v - y).powi(2)).sqrt();
            let around = (-(distance - radius).max(0.0) / (radius * 3.2)).exp() * 0.55 * glow;
            let lit = mix(under, color, around);
            mix(lit, color, ((radius - distance) / edge + 0.5).clamp(0.0, 1.0))
        });
    }

    /// A crescent with a faint glow.
    pub(super) fn moon(&mut self, x: f32, y: f32, radius: f32, color: Color) {
        let aspect = self.aspect();
        let edge = 1.5 / self.height as f32;
        self.each(|u, v, under| {
            let away = |x: f32, y: f32| (((u - x) * aspect).powi(2) + (v - y).powi(2)).sqrt();
            let (disc, bite) = (away(x, y), away(x - radius * 0.42, y - radius * 0.22));
            let glow = mix(under, color, (-disc / (radius * 2.6)).exp() * 0.45);
            let lit =
                ((radius - disc) / edge).clamp(0.0, 1.0) * ((bite - radius * 0.92) / edge).clamp(0.0, 1.0);
            mix(glow, color, lit)
        });
    }

    /// Clouds between two heights, thinning out towards both.
    pub(super) fn clouds(&mut self, top: f32, bottom: f32, color: Color, amount: f32) {
        let seed = self.seed ^ 0xC10D;
        self.each(|u, v, under| {
            let band = (v - top) / (bottom - top);
            if !(0.0..=1.0).contains(&band) {
                return under;
            }
            let bend = fractal(seed ^ 1, u * 2.0, v * 4.0, 3) * 0.6;
            let density = fractal(seed, u * 3.2 + bend, v * 8.5 + bend, 5);
            let shade = fractal(seed, u * 3.2 + bend + 0.05, v * 8.5 + bend - 0.16, 3);
            let cover = smooth((density - 0.47) / 0.26) * smooth((band * (1.0 - band) * 4.0).sqrt());
            let lit = mix(mix(under, color, 0.62), color, 0.5 + (density - shade) * 3.0);
            mix(under, lit, cover * amount)
        });
    }

    /// Points of light, most of them faint.
    pub(super) fn stars(&mut self, count: u32) {
        let seed = self.seed ^ 0x57A2;
        let aspect = self.aspect();
        let size = self.height as f32 / 1200.0;
        for star in 0..count {
            let pick = |what: i64| hash(seed, star.into(), what);
            let (u, v, brightness) = (pick(0), pick(1) * 0.72, pick(2).powi(4) * 0.85 + 0.15);
            let color = mix([1.0, 0.93, 0.82], [0.8, 0.88, 1.0], pick(3));
            let radius = (0.7 + brightness * 1.5) * size;
            self.dab(u * self.width as f32, v * self.width as f32 / aspect, radius, color, brightness);
        }
    }

    /// A faint slanting band of light.
    pub(super) fn milky_way(&mut self, color: Color) {
        let seed = self.seed ^ 0x3117;
        self.each(|u, v, under| {
            let across = (v - 0.62 + u * 0.72) * 3.4;
            let dust = fractal(seed, u * 5.0, v * 5.0, 5);
            mix(under, color, (-across * across * 2.2).exp() * (0.1 + 0.75 * (dust - 0.3).max(0.0)))
        });
    }

    /// A ridge from edge to edge, filled to the bottom of the canvas.
    pub(super) fn ridge(&mut self, ridge: &Ridge) {
        let seed = self.seed.wrapping_mul(31).wrapping_add(u64::from(ridge.layer) * 0x9E37 + 1);
        let aspect = self.aspect();
        for x in 0..self.width {
            let u = (x as f32 + 0.5) / self.width as f32;
            let bare = outline(seed, u, ridge);
            let crown = bare - firs(seed, u * aspect, ridge.firs);
            for y in first_row(crown, self.height)..self.height {
                let v = (y as f32 + 0.5) / self.height as f32;
                let below = (v - bare).max(0.0);
                let mut color = mix(ridge.top, ridge.bottom, below / (ridge.height * 1.6));
                if ridge.snow > 0.0 {
                    // Lines of snow follow the slope; the lower, the less of it lies.
                    let rock = fractal(seed ^ 5, u * 26.0 + v * 9.0, v * 34.0 - u * 6.0, 4);
                    let lies = 1.0 - below / (ridge.height * ridge.snow) - (rock - 0.45) * 2.2;
                    let lit = fractal(seed ^ 6, u * 15.0 - v * 12.0, v * 7.0, 3);
                    let snow = mix([0.70, 0.79, 0.90], [1.0, 1.0, 1.0], smooth((lit - 0.4) * 5.0));
                    color = mix(color, snow, smooth(lies * 2.4));
                }
                self.blend(x, y, color, (v - crown) * self.height as f32 + 0.5);
            }
        }
    }

    /// A dune: its crest divides light from shade along a second, slanting line.
    pub(super) fn dune(&mut self, layer: u8, base: f32, height: f32, light: Color, shade: Color) {
        let seed = self.seed.wrapping_mul(17).wrapping_add(u64::from(layer) * 0x51ED + 3);
        let ridge = Ridge::new(layer, base, height, 1.1, light, shade);
        for x in 0..self.width {
            let u = (x as f32 + 0.5) / self.width as f32;
            let crest = outline(seed, u, &ridge);
            let slope = (outline(seed, u + 0.01, &ridge) - outline(seed, u - 0.01, &ridge)) * 50.0;
            for y in first_row(crest, self.height)..self.height {
                let v = (y as f32 + 0.5) / self.height as f32;
                let below = (v - crest) / height;
                let wander = fractal(seed ^ 9, u * 3.0, v * 3.0, 3) - 0.5;
                let dark = smooth((slope * 3.0 - below * 1.1 + wander * 1.2) * 2.4 + 0.35);
                let ripple = ((v * 210.0 + (u * 9.0 + wander * 6.0).sin() * 5.0).sin() * 0.5 + 0.5) * 0.06;
                let sand = mix(light, shade, dark * 0.85 + ripple + below.clamp(0.0, 1.6) * 0.12);
                self.blend(x, y, sand, (v - crest) * self.height as f32 + 0.5);
            }
        }
    }

    /// Water from `level` down: what is above it, upside down, pulled about by waves.
    pub(super) fn water(&mut self, level: f32, tint: Color, depth: f32, waves: f32) {
        let above = self.pixels.clone();
        let seed = self.seed ^ 0x3A7E;
        let (width, height) = (self.width as f32, self.height as f32);
        for y in first_row(level, self.height)..self.height {
            let v = (y as f32 + 0.5) / height;
            let near = ((v - level) / (1.0 - level)).clamp(0.0, 1.0);
            // Waves shrink towards the horizon: rows there stand for more water.
            let scale = 1.0 / (0.03 + near);
            for x in 0..self.width {
                let u = (x as f32 + 0.5) / width;
                let swell = fractal(seed, u * 9.0 * (1.0 + scale * 0.3), near.sqrt() * 60.0, 3) - 0.5;
                let across = u + swell * 0.05 * waves * (0.15 + near);
                let up = level - (v - level) * 0.9 + swell * 0.14 * waves * (0.1 + near);
                let source_x = (across.clamp(0.0, 0.9999) * width) as u32;
                let source_y = (up.clamp(0.0, level) * height) as u32;
                let mirrored = above[self.index(source_x.min(self.width - 1), source_y.min(self.height - 1))];
                let shine = swell * 0.16 * waves;
                let color = mix(mirrored, tint, depth + 0.4 * near).map(|value| value + shine * (0.3 + near));
                self.blend(x, y, color, (v - level) * height + 0.5);
            }
        }
    }

    /// Sparks of light on the water below the sun at `x`.
    pub(super) fn glitter(&mut self, level: f32, x: f32, color: Color) {
        let seed = self.seed ^ 0x61A7;
        let size = self.height as f32 / 1200.0;
        for spark in 0..2600u32 {
            let pick = |what: i64| hash(seed, spark.into(), what);
            let near = pick(0).powf(1.4);
            let v = level + near * (1.0 - level);
            let u = x + (pick(1) + pick(2) + pick(3) - 1.5) * (0.035 + near * 0.2);
            let length = (1.5 + 16.0 * near * pick(4)) * size;
            let (px, py) = (u * self.width as f32, v * self.height as f32);
            self.streak(
                px,
                py,
                length,
                (0.6 + 1.6 * near) * size,
                color,
                0.25 + 0.6 * pick(5) * (1.0 - near * 0.6),
            );
        }
    }

    /// Blades of grass, larger towards the bottom.
    pub(super) fn grass(&mut self, from: f32, dark: Color, light: Color) {
        let seed = self.seed ^ 0x62A5;
        let size = self.height as f32 / 1200.0;
        for blade in 0..5200u32 {
            let pick = |what: i64| hash(seed, blade.into(), what);
            let near = f32::from((blade / 52) as u16) / 100.0;
            let v = from + 0.03 + near * (1.03 - from);
            let (length, lean) = ((7.0 + 58.0 * near) * (0.5 + pick(1)), (pick(2) - 0.5) * 0.7);
            let color = mix(dark, light, pick(3) * (0.35 + 0.5 * near));
            let steps = (length * size).ceil().max(1.0);
            for step in 0..(steps as u32) {
                let t = step as f32 / steps;
                let px = pick(0) * self.width as f32 + lean * length * size * t * t;
                let radius = (0.7 + 1.9 * near) * size * (1.05 - t);
                self.dab(px, v * self.height as f32 - length * size * t, radius, color, 0.75);
            }
        }
    }

    /// Flowers of a few petals, larger towards the bottom.
    pub(super) fn flowers(&mut self, from: f32, colors: &[Color]) {
        let seed = self.seed ^ 0xF10E;
        let size = self.height as f32 / 1200.0;
        for flower in 0..520u32 {
            let pick = |what: i64| hash(seed, flower.into(), what);
            let near = (flower as f32 / 520.0).powf(1.6);
            let (px, py) = (pick(0) * self.width as f32, (from + near * (0.99 - from)) * self.height as f32);
            let radius = (1.6 + 12.0 * near) * (0.7 + 0.5 * pick(1)) * size;
            let color = colors[(pick(2) * colors.len() as f32) as usize % colors.len()];
            let turn = pick(3) * std::f32::consts::TAU;
            for petal in 0..5u8 {
                let angle = turn + f32::from(petal) * std::f32::consts::TAU / 5.0;
                let shade = mix(color, [0.25, 0.2, 0.3], 0.12 * f32::from(petal % 3));
                self.dab(
                    px + angle.cos() * radius,
                    py + angle.sin() * radius * 0.6,
                    radius * 0.72,
                    shade,
                    0.95,
                );
            }
            self.dab(px, py, radius * 0.5, [0.98, 0.8, 0.25], 1.0);
        }
    }

    /// A row of houses with gables, some windows lit.
    pub(super) fn houses(&mut self, row: u8, base: f32, wall: Color, lit: f32) {
        let seed = self.seed ^ (0x7057 + u64::from(row));
        let unit = 0.03 + 0.022 * f32::from(row);
        let mut left = -unit * hash(seed, 0, 0);
        for house in 1..200i64 {
            if left > 1.0 {
                break;
            }
            let pick = |what: i64| hash(seed, house, what);
            let width = unit * (0.8 + 0.9 * pick(1));
            let tower = pick(2) > 0.9;
            let tall = unit * (1.0 + 1.3 * pick(3)) * if tower { 2.1 } else { 1.0 };
            let roof = width * if tower { 1.5 } else { 0.35 + 0.4 * pick(4) };
            let color = mix(wall, [0.55, 0.35, 0.38], 0.16 * pick(5));
            self.house((left, left + width), base - tall, roof, color);
            self.windows(seed, house, (left, left + width), base - tall, lit, unit);
            left += width * (0.96 + 0.1 * pick(6));
        }
    }

    fn house(&mut self, (left, right): (f32, f32), eaves: f32, roof: f32, color: Color) {
        let aspect = self.aspect();
        let (width, height) = (self.width as f32, self.height as f32);
        let tiles = mix(color, [0.32, 0.12, 0.16], 0.35);
        for x in first_row(left, self.width)..first_row(right, self.width) {
            let u = (x as f32 + 0.5) / width;
            let along = ((u - left) / (right - left)).clamp(0.0, 1.0);
            let gable = eaves - roof * aspect * 0.5 * (1.0 - (2.0 * along - 1.0).abs());
            for y in first_row(gable, self.height)..self.height {
                let v = (y as f32 + 0.5) / height;
                let side = mix(color, [0.0; 3], 0.22 * along);
                self.blend(x, y, if v < eaves { tiles } else { side }, (v - gable) * height + 0.5);
            }
        }
    }

    fn windows(&mut self, seed: u64, house: i64, (left, right): (f32, f32), eaves: f32, lit: f32, unit: f32) {
        let aspect = self.aspect();
        let (width, height) = (self.width as f32, self.height as f32);
        let columns = ((right - left) / (unit * 0.3)).floor().max(1.0);
        let cell = (right - left) / columns;
        for column in 0..(columns as i64) {
            for floor in 0..12i64 {
                let pick = |what: i64| hash(seed ^ (house as u64) << 8, column * 16 + floor, what);
                if pick(0) > lit {
                    continue;
                }
                let glow = mix([1.0, 0.72, 0.35], [1.0, 0.9, 0.62], pick(1));
                let u = left + (column as f32 + 0.3) * cell;
                let v = eaves + (floor as f32 + 0.3) * cell * aspect * 1.15;
                for y in first_row(v, self.height)..first_row(v + cell * aspect * 0.5, self.height) {
                    for x in first_row(u, self.width)..first_row(u + cell * 0.36, self.width) {
                        self.blend(x, y, glow, 0.55 + 0.4 * pick(2));
                    }
                }
                self.dab((u + cell * 0.18) * width, (v + cell * 0.25) * height, cell * width, glow, 0.05);
            }
        }
    }

    /// A soft round spot; positions and radius in pixels.
    fn dab(&mut self, x: f32, y: f32, radius: f32, color: Color, strength: f32) {
        self.streak(x, y, radius, radius, color, strength);
    }

    /// A soft ellipse; positions and half-axes in pixels.
    fn streak(&mut self, x: f32, y: f32, across: f32, down: f32, color: Color, strength: f32) {
        let (across, down) = (across.max(0.5), down.max(0.5));
        let span = |center: f32, reach: f32, end: u32| {
            let low = (center - reach - 1.0).clamp(0.0, end as f32);
            let high = (center + reach + 2.0).clamp(0.0, end as f32);
            (low as u32)..(high as u32)
        };
        for py in span(y, down, self.height) {
            for px in span(x, across, self.width) {
                let (dx, dy) = ((px as f32 + 0.5 - x) / across, (py as f32 + 0.5 - y) / down);
                let inside = (1.0 - (dx * dx + dy * dy).sqrt()) * across.min(down) + 0.5;
                self.blend(px, py, color, inside.clamp(0.0, 1.0) * strength);
            }
        }
    }

    fn each(&mut self, brush: impl Fn(f32, f32, Color) -> Color) {
        for y in 0..self.height {
            for x in 0..self.width {
                let (u, v) = self.fraction(x, y);
                let index = self.index(x, y);
                self.pixels[index] = brush(u, v, self.pixels[index]);
            }
        }
    }

    fn blend(&mut self, x: u32, y: u32, color: Color, cover: f32) {
        let index = self.index(x, y);
        self.pixels[index] = mix(self.pixels[index], color, cover);
    }

    fn index(&self, x: u32, y: u32) -> usize {
        y as usize * self.width as usize + x as usize
    }

    fn fraction(&self, x: u32, y: u32) -> (f32, f32) {
        ((x as f32 + 0.5) / self.width as f32, (y as f32 + 0.5) / self.height as f32)
    }

    fn aspect(&self) -> f32 {
        self.width as f32 / self.height as f32
    }
}

/// The row (or column) that holds a height, kept on the canvas.
fn first_row(v: f32, rows: u32) -> u32 {
    (v * rows as f32).clamp(0.0, rows as f32) as u32
}

/// Where the top of a ridge is at `u`, without trees.
fn outline(seed: u64, u: f32, ridge: &Ridge) -> f32 {
    let at = u * ridge.frequency;
    let hills = if ridge.sharp {
        // Folding noise at its middle turns every crossing into a peak.
        let mut sum = 0.0;
        for octave in 0..6u8 {
            let scale = f32::from(1u16 << octave);
            let fold = 1.0 - (2.0 * noise(seed ^ u64::from(octave), at * scale, 0.5) - 1.0).abs();
            sum += fold * if octave == 0 { 0.62 } else { 0.5 / scale };
        }
        sum - 0.45
    } else {
        fractal(seed, at, 0.5, 5) * 1.5 - 0.45
    };
    let away = (ridge.from - u).max(u - ridge.to).max(0.0);
    ridge.base - ridge.height * hills.clamp(-0.4, 1.2)
        + away * away * 3.0
        + if away > 0.0 { away * 0.35 } else { 0.0 }
}

/// How far the trees at `at` (in heights of the canvas) rise above the outline.
fn firs(seed: u64, at: f32, height: f32) -> f32 {
    if height <= 0.0 {
        return 0.0;
    }
    let spacing = height * 0.3;
    let place = (at / spacing).floor();
    let mut tallest: f32 = 0.0;
    for tree in -2..=2i64 {
        let pick = |what: i64| hash(seed ^ 0xF125, place as i64 + tree, what);
        let middle = (place + tree as f32 + 0.2 + 0.6 * pick(0)) * spacing;
        let tall = height * (0.35 + 0.65 * pick(1));
        let slope = ((at - middle).abs() / (tall * 0.24)).min(1.0);
        // Branches make the sides of the triangle ragged.
        let ragged = ((1.0 - slope) * 9.0 + pick(2)).fract() * 0.09;
        tallest = tallest.max(tall * (1.0 - slope - ragged * f32::from(u8::from(slope < 0.98))));
    }
    tallest.max(0.0)
}

fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A number from 0 to 1 that depends on seed and place in no visible way (splitmix64's finish).
fn hash(seed: u64, x: i64, y: i64) -> f32 {
    let mut z = seed
        .wrapping_add((x as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
        .wrapping_add((y as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32
}

/// Smooth noise from 0 to 1 with one bump per unit.
fn noise(seed: u64, x: f32, y: f32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let (fx, fy) = (smooth(x - column), smooth(y - row));
    let corner = |dx: i64, dy: i64| hash(seed, column as i64 + dx, row as i64 + dy);
    let top = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * fx;
    let bottom = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * fx;
    top + (bottom - top) * fy
}

/// Noise upon noise, each layer half as large and half as strong; about 0 to 1.
fn fractal(seed: u64, x: f32, y: f32, layers: u8) -> f32 {
    let (mut sum, mut weight, mut scale) = (0.0, 0.5, 1.0);
    for layer in 0..layers {
        sum += noise(seed ^ (u64::from(layer) << 32), x * scale, y * scale) * weight;
        (weight, scale) = (weight * 0.5, scale * 2.03);
    }
    sum / (1.0 - weight * 2.0)
}
