//! Filters: a look for a photo, chosen by one word.
//!
//! Why here and not in the page: what the composer shows has to be what friends receive, so both come from this one
//! function ([`apply`]), on the same pixels.
//!
//! The idea: a look is a change of light and colour, worked out with real units ([`colour`]): light is added and scaled on
//! linear values, and lightness, saturation and tint are changed in Oklab, where equal steps look equal. That is exact
//! and slow, so it is done for a lattice of 33 × 33 × 33 colours once, and each pixel is interpolated between the four
//! lattice points around it (tetrahedral). What depends on the place (darker corners, grain) comes after that.
//!
//! ```text
//! sRGB 8 bits ─ lattice ─ darker corners ─ grain ─ rounded to 8 bits, once
//!              └ linear light: exposure, white ─ Oklab: curve, saturation, tint ─ back within sRGB
//! ```
//!
//! What it does not do: read other programs' looks; change a picture's size. Grey pictures become coloured ones, as a look
//! may tint.
//!
//! Invariants: same pixels and look, same bytes, on every machine; no filter leaves a picture as it was ("none" is the
//! absence of one).
//!
//! Source: IEC 61966-2-1 (sRGB); B. Ottosson, "A perceptual color space for image processing" (Oklab), 2020; tetrahedral
//! interpolation after Kasson, Nin, Plouffe and Hafner, 1995.

mod colour;
mod looks;

use image::DynamicImage;

pub use looks::{ALL, Look};

use colour::Lattice;

/// A look by its name; `None` for a name that there is not.
pub fn named(name: &str) -> Option<&'static Look> {
    ALL.iter().find(|look| look.name == name)
}

/// Gives a picture a look.
///
/// # Cost
/// A few milliseconds for the lattice, then some 20 ns a pixel with optimisation.
pub fn apply(look: &Look, picture: DynamicImage) -> DynamicImage {
    let mut picture = picture.into_rgb8();
    let lattice = Lattice::of(look);
    let (width, height) = picture.dimensions();
    let corners = Corners::new(look.vignette, width, height);
    let row_len = usize::try_from(width).unwrap_or(0) * 3;
    for (y, row) in (0u32..).zip(picture.chunks_exact_mut(row_len.max(3))) {
        for (x, pixel) in (0u32..).zip(row.chunks_exact_mut(3)) {
            let mut out = lattice.at(pixel[0], pixel[1], pixel[2]);
            if look.vignette > 0.0 {
                corners.darken(&mut out, x, y);
            }
            if look.grain > 0.0 {
                add_grain(&mut out, look.grain, x, y);
            }
            for (slot, value) in pixel.iter_mut().zip(out) {
                // Rounded, and within 0 to 255: `as` saturates.
                *slot = (value + 0.5) as u8;
            }
        }
    }
    DynamicImage::ImageRgb8(picture)
}

/// How light falls off towards the corners. Distances are shares of half the diagonal, so that a picture and its preview
/// are darkened alike.
struct Corners {
    centre: (f32, f32),
    per_pixel: f32,
    /// The share of linear light that stays, raised to 1 / 2.4, for the square of a distance of 0 to 1.
    falloff: Vec<f32>,
}

impl Corners {
    const STEPS: usize = 1_024;

    fn new(strength: f32, width: u32, height: u32) -> Self {
        let (half_width, half_height) = (width as f32 / 2.0, height as f32 / 2.0);
        let diagonal = (half_width * half_width + half_height * half_height).max(1.0);
        let falloff = (0..=Self::STEPS)
            .map(|step| {
                let far = step as f32 / Self::STEPS as f32;
                // Nothing within half the way, then smoothly to the full strength in the corner.
                let along = ((far.sqrt() - 0.5) / 0.5).clamp(0.0, 1.0);
                let smooth = along * along * (3.0 - 2.0 * along);
                (1.0 - strength * smooth).powf(1.0 / 2.4)
            })
            .collect();
        Self { centre: (half_width, half_height), per_pixel: 1.0 / diagonal, falloff }
    }

    /// Scales linear light. In sRGB's curve, 1.055 L^(1/2.4) - 0.055, that is a scaling of (value + 0.055).
    fn darken(&self, rgb: &mut [f32; 3], x: u32, y: u32) {
        const OFFSET: f32 = 0.055 * 255.0;
        let (dx, dy) = (x as f32 + 0.5 - self.centre.0, y as f32 + 0.5 - self.centre.1);
        let far = (dx * dx + dy * dy) * self.per_pixel;
        let step = ((far * Self::STEPS as f32) as usize).min(Self::STEPS);
        let stays = self.falloff.get(step).copied().unwrap_or(1.0);
        for value in rgb {
            *value = ((*value + OFFSET) * stays - OFFSET).max(0.0);
        }
    }
}

/// Adds grain: most in the middle tones, none in black and white, the same for all channels as on film. The pattern is a
/// hash of the place, so that one picture always gets one grain.
fn add_grain(rgb: &mut [f32; 3], strength: f32, x: u32, y: u32) {
    let mut hash = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77) ^ 0x5449_4447;
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
    hash ^= hash >> 15;
    // The sum of two even distributions is a triangle around 0.
    let noise = ((hash & 0xFFFF) as f32 + (hash >> 16) as f32) / 65_535.0 - 1.0;
    let light = (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]) / 255.0;
    let amount = noise * strength * 4.0 * light * (1.0 - light).max(0.0);
    for value in rgb {
        *value = (*value + amount).clamp(0.0, 255.0);
    }
}

/// The exact look of one colour, for tests and for measuring: 8-bit sRGB in, the same scale out, not rounded.
#[cfg(test)]
fn exact(look: &Look, rgb: [u8; 3]) -> [f32; 3] {
    colour::exact(look, rgb.map(|value| f32::from(value) / 255.0)).map(|value| value * 255.0)
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use image::imageops::{FilterType, resize};

    use super::*;

    /// A picture with soft colours and an edge.
    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            let wave = (u * 9.0).sin() * (v * 7.0).cos() * 0.5 + 0.5;
            let edge = if u + v > 1.1 { 0.35 } else { 0.0 };
            image::Rgb([u * 0.7 + 0.1, wave * 0.6 + edge, v * 0.9].map(|value: f32| (value * 255.0) as u8))
        })
    }

    fn filtered(look: &Look, picture: &RgbImage) -> RgbImage {
        apply(look, DynamicImage::from(picture.clone())).into_rgb8()
    }

    #[test]
    fn there_are_a_dozen_filters_each_with_one_word_and_a_sentence() {
        assert_eq!(ALL.len(), 12);
        for look in &ALL {
            assert!(look.name.bytes().all(|byte| byte.is_ascii_lowercase()), "{}", look.name);
            assert!(
                !look.description.is_empty() && named(look.name).unwrap().description == look.description
            );
        }
        assert!(named("none").is_none() && named("Clear").is_none());
    }

    #[test]
    fn every_filter_changes_a_picture_and_no_two_alike() {
        let plain = picture(60, 40);
        let mut seen = vec![plain.clone().into_raw()];
        for look in &ALL {
            let bytes = filtered(look, &plain).into_raw();
            assert!(!seen.contains(&bytes), "{}", look.name);
            seen.push(bytes);
        }
    }

    #[test]
    fn the_same_picture_gets_the_same_bytes() {
        // Values that were looked at once; they change only if somebody means to change a look.
        let plain = picture(64, 48);
        for look in &ALL {
            assert_eq!(filtered(look, &plain), filtered(look, &plain), "{}", look.name);
        }
    }

    #[test]
    fn what_is_interpolated_stays_near_the_exact_look() {
        let mut state = 7u32;
        for look in &ALL {
            let lattice = Lattice::of(look);
            let (mut far, mut sum, mut count) = (0.0f32, 0.0f32, 0.0f32);
            for _ in 0..4_000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let rgb = [(state >> 8) as u8, (state >> 16) as u8, (state >> 24) as u8];
                for (near, is) in lattice.at(rgb[0], rgb[1], rgb[2]).into_iter().zip(exact(look, rgb)) {
                    let off = (near - is).abs();
                    (far, sum, count) = (far + f32::from(u8::from(off > 4.0)), sum + off, count + 1.0);
                }
            }
            // What is far off lies at the edge of what sRGB can show, where the look itself has a kink.
            assert!(
                sum / count < 0.3 && far / count < 0.03,
                "{}: {} {}",
                look.name,
                sum / count,
                far / count
            );
        }
    }

    #[test]
    fn a_preview_that_is_filtered_looks_as_the_filtered_picture_made_small() {
        let large = picture(600, 400);
        let small = resize(&large, 150, 100, FilterType::Triangle);
        for look in &ALL {
            let one = filtered(look, &small);
            let other = resize(&filtered(look, &large), 150, 100, FilterType::Triangle);
            let off: Vec<f32> =
                one.iter().zip(other.iter()).map(|(a, b)| f32::from(a.abs_diff(*b))).collect();
            let mean = off.iter().sum::<f32>() / off.len() as f32;
            // Grain is finer than a preview shows, and so is averaged away there.
            let most = if look.grain > 0.0 { 3.0 } else { 1.0 };
            assert!(mean < most, "{}: {mean}", look.name);
        }
    }

    #[test]
    fn without_colour_means_grey_and_white_stays_light_black_dark() {
        for name in ["mono", "noir"] {
            let look = named(name).unwrap();
            for rgb in [[200, 30, 90], [10, 250, 3], [128, 128, 128]] {
                let [r, g, b] = exact(look, rgb);
                assert!((r - g).abs() < 0.6 && (g - b).abs() < 0.6, "{name}: {r} {g} {b}");
            }
        }
        for look in &ALL {
            let (white, black) = (exact(look, [255; 3]), exact(look, [0; 3]));
            assert!(white[1] > 200.0 && black[1] < 60.0, "{}: {white:?} {black:?}", look.name);
        }
    }

    #[test]
    fn corners_get_darker_and_the_middle_does_not() {
        let grey = RgbImage::from_pixel(101, 67, image::Rgb([150; 3]));
        let look = Look { vignette: 0.5, ..Look::PLAIN };
        let after = filtered(&look, &grey);
        assert!(after.get_pixel(50, 33).0[0].abs_diff(150) <= 1);
        // Half the light, in sRGB: 150 is 0.305 of full light; half of that is 108.
        assert!(after.get_pixel(0, 0).0[0].abs_diff(108) <= 4, "{:?}", after.get_pixel(0, 0));
    }

    #[test]
    fn a_plain_look_gives_back_every_colour() {
        for value in 0..=255u8 {
            let rgb = [value, 255 - value, value / 2];
            for (near, is) in exact(&Look::PLAIN, rgb).into_iter().zip(rgb) {
                assert!((near - f32::from(is)).abs() < 0.5, "{rgb:?}");
            }
        }
    }
}
