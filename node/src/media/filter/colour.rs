//! The colour science of filters: sRGB, linear light, Oklab, and a lattice that remembers a look.
//!
//! All values are 0 to 1 but those of [`Lattice`], which are 0 to 255. Nothing is rounded here.
//!
//! Source: IEC 61966-2-1; B. Ottosson, 2020 (matrices as published there).

use super::looks::Look;

/// Lattice points along one axis.
const SIDE: usize = 33;

/// From sRGB's curve to linear light.
fn to_linear(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// From linear light to sRGB's curve.
fn from_linear(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// Lightness, green to red, blue to yellow.
fn to_oklab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

fn from_oklab([lightness, a, b]: [f32; 3]) -> [f32; 3] {
    let cube = |value: f32| value * value * value;
    let l = cube(lightness + 0.396_337_78 * a + 0.215_803_76 * b);
    let m = cube(lightness - 0.105_561_346 * a - 0.063_854_17 * b);
    let s = cube(lightness - 0.089_484_18 * a - 1.291_485_5 * b);
    [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ]
}

/// Draws what sRGB cannot show towards a grey until it can: the hue stays. That grey lies a part of the way to the middle, so
/// that a bright yellow gets a little darker and a little paler; either alone would show.
fn within_srgb([lightness, a, b]: [f32; 3]) -> [f32; 3] {
    let fits = |rgb: [f32; 3]| rgb.iter().all(|value| (-1e-4..=1.000_1).contains(value));
    let grey = 0.5 + 0.7 * (lightness - 0.5);
    let at = |share: f32| from_oklab([grey + (lightness - grey) * share, a * share, b * share]);
    let mut rgb = at(1.0);
    if !fits(rgb) {
        let (mut inside, mut outside) = (0.0, 1.0);
        for _ in 0..14 {
            let middle = (inside + outside) / 2.0;
            if fits(at(middle)) { inside = middle } else { outside = middle }
        }
        rgb = at(inside);
    }
    rgb.map(|value| value.clamp(0.0, 1.0))
}

/// Scales light. More light bends towards white, so that nothing is cut off there; less is plain scaling.
fn scaled(light: f32, by: f32) -> f32 {
    if by > 1.0 { light * by / (1.0 + light * (by - 1.0)) } else { light * by }
}

/// The look of one colour, exactly.
pub fn exact(look: &Look, rgb: [f32; 3]) -> [f32; 3] {
    let mut light = rgb.map(to_linear);
    for (value, white) in light.iter_mut().zip(look.white) {
        *value = scaled(*value, white * look.exposure.exp2());
    }
    let [lightness, a, b] = to_oklab(light);
    // A curve through black, middle and white: steeper in the middle for more contrast.
    let l = lightness.clamp(0.0, 1.0);
    let curved = (l + look.contrast * 4.0 * l * (1.0 - l) * (l - 0.5)).clamp(0.0, 1.0);
    let l = look.black + curved * (look.light - look.black);
    // Faint colours gain more than strong ones.
    let chroma = a.hypot(b);
    let more = look.saturation * (1.0 + look.vibrance * (1.0 - (chroma / 0.25).min(1.0)));
    let depth = l.clamp(0.0, 1.0);
    let tint = |shadow: f32, light: f32| {
        shadow * (1.0 - depth) * depth.sqrt() + light * depth * (1.0 - depth * depth).max(0.0).sqrt()
    };
    let a = a * more + tint(look.shadows.0, look.lights.0);
    let b = b * more + tint(look.shadows.1, look.lights.1);
    within_srgb([l, a, b]).map(from_linear)
}

/// A look for 33 × 33 × 33 colours, and between them.
pub struct Lattice {
    /// Red slowest, blue fastest; 0 to 255.
    points: Vec<[f32; 3]>,
    /// For each 8-bit value: the lattice point below it, and how far it is to the next.
    places: [(usize, f32); 256],
}

impl Lattice {
    /// Works a look out.
    pub fn of(look: &Look) -> Self {
        let along = |n: usize| n as f32 / (SIDE - 1) as f32;
        let mut points = Vec::with_capacity(SIDE * SIDE * SIDE);
        for r in 0..SIDE {
            for g in 0..SIDE {
                for b in 0..SIDE {
                    points.push(exact(look, [along(r), along(g), along(b)]).map(|value| value * 255.0));
                }
            }
        }
        let places = std::array::from_fn(|value| {
            let place = value as f32 * (SIDE - 1) as f32 / 255.0;
            let below = (place as usize).min(SIDE - 2);
            (below, place - below as f32)
        });
        Self { points, places }
    }

    /// The look of one 8-bit colour, 0 to 255, not rounded.
    pub fn at(&self, r: u8, g: u8, b: u8) -> [f32; 3] {
        let (ri, rf) = self.places[usize::from(r)];
        let (gi, gf) = self.places[usize::from(g)];
        let (bi, bf) = self.places[usize::from(b)];
        const R: usize = SIDE * SIDE;
        const G: usize = SIDE;
        const B: usize = 1;
        let from = ri * R + gi * G + bi * B;
        // Of the six tetrahedra of a cube, the one that the colour lies in: along the axes by falling distance.
        let (first, f1, second, f2, f3) = match (rf >= gf, gf >= bf, rf >= bf) {
            (true, true, _) => (R, rf, R + G, gf, bf),
            (true, false, true) => (R, rf, R + B, bf, gf),
            (true, false, false) => (B, bf, R + B, rf, gf),
            (false, _, true) => (G, gf, R + G, rf, bf),
            (false, true, false) => (G, gf, G + B, bf, rf),
            (false, false, false) => (B, bf, G + B, gf, rf),
        };
        let zero = self.points[from];
        let one = self.points[from + first];
        let two = self.points[from + second];
        let three = self.points[from + R + G + B];
        std::array::from_fn(|n| {
            zero[n] * (1.0 - f1) + one[n] * (f1 - f2) + two[n] * (f2 - f3) + three[n] * f3
        })
    }
}
