//! Eight small landscapes, painted from a seed: the pictures of the demo network and the README.
//!
//! Why: `testnet up --demo` has to post photos that look like photos, on a machine without any,
//! with no file fetched and no picture whose rights somebody holds. Each is written as a camera
//! would: a JPEG with EXIF, maker and GPS position in it, so that the demo shows the removal for real.
//!
//! The idea: a canvas of linear steps from back to front, as one paints: sky, sun or moon, clouds,
//! ridges that fade into the air with distance, then water that mirrors what is above it.
//! All variety comes from a hash of (seed, position), so one seed gives one picture.
//!
//! What it does not do: pretend to be art, or to be quick: about half a second for 1600 × 1200 in a
//! release build.
//!
//! Invariants: same scene, seed and size give the same bytes on one machine; nothing here reads a
//! clock or the system's randomness; the places are public viewpoints, nobody's home.

mod canvas;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::error::Error;
use super::exif;
use canvas::{Canvas, Ridge, rgb};

/// Width of a demo picture as posted, in pixels.
pub const WIDTH: u32 = 1600;
/// Height of a demo picture as posted, in pixels.
pub const HEIGHT: u32 = 1200;

/// A landscape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Ridges behind ridges in morning mist.
    Dawn,
    /// The sun over the sea.
    Sunset,
    /// Stars and a moon over dark mountains.
    Night,
    /// Dunes under a hot sky.
    Dunes,
    /// Snow mountains mirrored in a lake.
    Lake,
    /// A meadow in flower.
    Meadow,
    /// A town with lit windows at dusk.
    Town,
    /// Firs in fog.
    Forest,
}

impl Scene {
    /// All scenes.
    #[cfg(test)]
    pub const ALL: [Self; 8] = [
        Self::Sunset,
        Self::Lake,
        Self::Meadow,
        Self::Town,
        Self::Dawn,
        Self::Forest,
        Self::Dunes,
        Self::Night,
    ];

    /// A description for those who do not see the picture.
    pub fn alt(self) -> &'static str {
        match self {
            Self::Dawn => "Blue ridges behind one another in morning mist, the sun just above them",
            Self::Sunset => "A low sun over the sea, its light on the waves",
            Self::Night => "A starry sky with a thin moon over dark mountains",
            Self::Dunes => "Sand dunes, half in light and half in shade, under a pale hot sky",
            Self::Lake => "Snow-covered mountains mirrored in a still lake",
            Self::Meadow => "A green meadow full of flowers under white clouds",
            Self::Town => "The roofs of a town at dusk, windows lit",
            Self::Forest => "Firs in fog, the nearest nearly black",
        }
    }

    /// A word for a file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dawn => "dawn",
            Self::Sunset => "sunset",
            Self::Night => "night",
            Self::Dunes => "dunes",
            Self::Lake => "lake",
            Self::Meadow => "meadow",
            Self::Town => "town",
            Self::Forest => "forest",
        }
    }

    /// Where it pretends to have been taken: latitude and longitude of a well-known viewpoint, degrees.
    fn position(self) -> (f64, f64) {
        match self {
            Self::Dawn => (50.9133, 14.2003),
            Self::Sunset => (-33.9570, 18.3766),
            Self::Night => (28.7606, -17.8850),
            Self::Dunes => (-24.7290, 15.4720),
            Self::Lake => (47.5820, 12.9800),
            Self::Meadow => (46.5460, 11.6280),
            Self::Town => (50.0870, 14.4075),
            Self::Forest => (48.5560, 8.2130),
        }
    }
}

/// A scene as a JPEG file with the EXIF block of an invented camera, GPS position included.
///
/// # Errors
/// [`Error::Encode`], if a side is 0 or above 65,535.
///
/// # Cost
/// Linear in the pixels; CPU-bound.
pub fn jpeg(scene: Scene, seed: u64, width: u32, height: u32) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut out, 92);
    let (latitude, longitude) = scene.position();
    encoder
        .set_exif_metadata(exif::block(1, latitude, longitude))
        .map_err(|unsupported| Error::Encode(image::ImageError::Unsupported(unsupported)))?;
    let pixels = paint(scene, seed, width, height).into_rgb8();
    encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8).map_err(Error::Encode)?;
    Ok(out)
}

fn paint(scene: Scene, seed: u64, width: u32, height: u32) -> Canvas {
    let mut canvas = Canvas::new(width, height, seed);
    match scene {
        Scene::Dawn => dawn(&mut canvas),
        Scene::Sunset => sunset(&mut canvas),
        Scene::Night => night(&mut canvas),
        Scene::Dunes => dunes(&mut canvas),
        Scene::Lake => lake(&mut canvas),
        Scene::Meadow => meadow(&mut canvas),
        Scene::Town => town(&mut canvas),
        Scene::Forest => forest(&mut canvas),
    }
    canvas
}

fn dawn(canvas: &mut Canvas) {
    canvas.sky(&[(0.0, rgb(0x5B7FB4)), (0.3, rgb(0xB9B8CF)), (0.48, rgb(0xF7D3B4)), (0.6, rgb(0xFFE9C9))]);
    canvas.clouds(0.02, 0.34, rgb(0xFFE3D2), 0.45);
    canvas.sun(0.66, 0.43, 0.035, rgb(0xFFF6DC), 0.9);
    let (far, near) = (rgb(0xD7BFC0), rgb(0x1F2F4A));
    for step in 0..7u8 {
        let t = f32::from(step) / 6.0;
        let color = canvas::mix(far, near, t.powf(0.8));
        let mist = canvas::mix(color, rgb(0xFFE6D0), 0.55 * (1.0 - t));
        canvas.ridge(&Ridge::new(step, 0.47 + 0.07 * f32::from(step), 0.07 + 0.02 * t, 2.2 + t, color, mist));
    }
}

fn sunset(canvas: &mut Canvas) {
    canvas.sky(&[(0.0, rgb(0x2B2F63)), (0.25, rgb(0x8A4A7C)), (0.43, rgb(0xF0805A)), (0.56, rgb(0xFFC46B))]);
    canvas.clouds(0.04, 0.48, rgb(0xFFA27A), 0.75);
    canvas.sun(0.4, 0.5, 0.052, rgb(0xFFF1B8), 1.0);
    canvas.ridge(&Ridge::new(1, 0.585, 0.09, 1.3, rgb(0x6A3F66), rgb(0x8A4E68)).only_right_of(0.55));
    canvas.water(0.58, rgb(0x233260), 0.35, 1.0);
    canvas.glitter(0.58, 0.4, rgb(0xFFDF9A));
    canvas.ridge(&Ridge::new(2, 1.02, 0.16, 1.1, rgb(0x1A1730), rgb(0x0C0B1A)).only_left_of(0.6));
}

fn night(canvas: &mut Canvas) {
    canvas.sky(&[(0.0, rgb(0x060A1F)), (0.45, rgb(0x13234A)), (0.75, rgb(0x35557F))]);
    canvas.milky_way(rgb(0xA9B8E8));
    canvas.stars(1400);
    canvas.moon(0.74, 0.2, 0.045, rgb(0xFFF6DA));
    canvas.ridge(&Ridge::new(1, 0.72, 0.2, 1.6, rgb(0x22395C), rgb(0x2C4A70)).sharp());
    canvas.ridge(&Ridge::new(2, 0.84, 0.16, 2.3, rgb(0x13233F), rgb(0x1A2D4C)).sharp());
    canvas.ridge(&Ridge::new(3, 0.93, 0.05, 2.0, rgb(0x070D1B), rgb(0x04070F)).firs(0.05));
}

fn dunes(canvas: &mut Canvas) {
    canvas.sky(&[(0.0, rgb(0x4F95CF)), (0.35, rgb(0xA9D0E4)), (0.5, rgb(0xF6E3C2))]);
    canvas.sun(0.2, 0.16, 0.03, rgb(0xFFFBEA), 0.7);
    for (step, base, height) in [(0u8, 0.5, 0.07), (1, 0.6, 0.13), (2, 0.74, 0.17), (3, 0.96, 0.24)] {
        let t = f32::from(step) / 3.0;
        let light = canvas::mix(rgb(0xEFC08E), rgb(0xE59A4E), t);
        let shade = canvas::mix(rgb(0xC98F6B), rgb(0x7E4427), t);
        canvas.dune(step, base, height, light, shade);
    }
}

fn lake(canvas: &mut Canvas) {
    canvas.sky(&[(0.0, rgb(0x2F6FB8)), (0.3, rgb(0x7FB3DE)), (0.55, rgb(0xDCEBF2))]);
    canvas.clouds(0.0, 0.3, rgb(0xFFFFFF), 0.7);
    canvas.ridge(&Ridge::new(1, 0.5, 0.34, 1.25, rgb(0x6E86A6), rgb(0xA9BFD2)).sharp().snow(0.75));
    canvas.ridge(&Ridge::new(4, 0.56, 0.2, 1.9, rgb(0x4A6485), rgb(0x7C97AE)).sharp().snow(0.35));
    canvas.ridge(&Ridge::new(2, 0.6, 0.06, 2.4, rgb(0x24503F), rgb(0x173A30)).firs(0.022));
    canvas.water(0.615, rgb(0x1E4E66), 0.3, 0.35);
    canvas.ridge(&Ridge::new(5, 1.03, 0.11, 1.6, rgb(0x2E4A2A), rgb(0x18301C)).firs(0.05).only_left_of(0.45));
}

fn meadow(canvas: &mut Canvas) {
    canvas.sky(&[(0.0, rgb(0x3E8BD8)), (0.35, rgb(0x94C6EE)), (0.55, rgb(0xE6F3F7))]);
    canvas.clouds(0.02, 0.42, rgb(0xFFFFFF), 0.95);
    canvas.ridge(&Ridge::new(1, 0.54, 0.1, 1.8, rgb(0x7FA3B8), rgb(0xA5C3C9)));
    canvas.ridge(&Ridge::new(2, 0.58, 0.05, 2.6, rgb(0x4F8461), rgb(0x6A9C66)).firs(0.016));
    canvas.ridge(&Ridge::new(3, 0.66, 0.06, 1.2, rgb(0x7DB24A), rgb(0x9CC95A)));
    canvas.ridge(&Ridge::new(4, 0.76, 0.07, 1.0, rgb(0x6FAE3C), rgb(0x3F7F2A)));
    canvas.grass(0.74, rgb(0x4C8C2E), rgb(0xA6D55C));
    canvas.flowers(0.76, &[rgb(0xFFFFFF), rgb(0xF6D743), rgb(0xE8557A), rgb(0xB08BE0), rgb(0xFF7A4D)]);
}

fn town(canvas: &mut Canvas) {
    canvas.sky(&[(0.0, rgb(0x1B2452)), (0.35, rgb(0x5B4B86)), (0.6, rgb(0xE58A79)), (0.75, rgb(0xFFCB94))]);
    canvas.clouds(0.1, 0.5, rgb(0xF2A08E), 0.45);
    canvas.stars(90);
    canvas.ridge(&Ridge::new(1, 0.66, 0.06, 1.7, rgb(0x8A668A), rgb(0xB07F8C)));
    canvas.houses(0, 0.62, rgb(0x5C4A75), 0.25);
    canvas.houses(1, 0.72, rgb(0x3A335C), 0.5);
    canvas.houses(2, 0.83, rgb(0x1C1D3A), 0.62);
}

fn forest(canvas: &mut Canvas) {
    canvas.sky(&[(0.0, rgb(0x9FB4B8)), (0.4, rgb(0xD3DCD6)), (0.7, rgb(0xEDEBDD))]);
    canvas.sun(0.62, 0.24, 0.05, rgb(0xFFFDF0), 0.5);
    let (far, near) = (rgb(0xB9C8C4), rgb(0x10201D));
    for step in 0..6u8 {
        let t = f32::from(step) / 5.0;
        let color = canvas::mix(far, near, t);
        let fog = canvas::mix(color, rgb(0xE3E8E0), 0.75 * (1.0 - t * t));
        let ridge = Ridge::new(step, 0.5 + 0.115 * f32::from(step), 0.09, 1.5, color, fog);
        canvas.ridge(&ridge.firs(0.035 + 0.13 * t * t));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{photo, probe};
    use super::*;

    #[test]
    fn a_seed_gives_one_picture_and_another_seed_another() {
        for scene in Scene::ALL {
            let first = jpeg(scene, 7, 96, 72).unwrap();
            assert_eq!(first, jpeg(scene, 7, 96, 72).unwrap(), "{}", scene.name());
            assert_ne!(first, jpeg(scene, 8, 96, 72).unwrap(), "{}", scene.name());
        }
    }

    #[test]
    fn a_demo_picture_carries_its_place_and_the_photo_made_of_it_does_not() {
        for scene in Scene::ALL {
            let taken = jpeg(scene, 1, 120, 90).unwrap();
            assert_eq!(probe::metadata(&taken), ["APP1 EXIF"], "{}", scene.name());
            assert!(!probe::has_metadata(&photo(&taken).unwrap().bytes), "{}", scene.name());
        }
    }

    #[test]
    fn every_scene_has_light_dark_and_many_colours() {
        for scene in Scene::ALL {
            let pixels = paint(scene, 3, 120, 90).into_rgb8();
            let sums = pixels.chunks_exact(3).map(|p| p.iter().map(|&v| u32::from(v)).sum::<u32>());
            let (low, high) = (sums.clone().min().unwrap(), sums.max().unwrap());
            assert!(high - low > 200, "{}: {low} to {high}", scene.name());
            let colors: std::collections::BTreeSet<&[u8]> = pixels.chunks_exact(3).collect();
            assert!(colors.len() > 500, "{}: {}", scene.name(), colors.len());
        }
    }

    #[test]
    fn scenes_have_names_and_descriptions_of_their_own() {
        let names: std::collections::BTreeSet<_> = Scene::ALL.map(Scene::name).into_iter().collect();
        let alts: std::collections::BTreeSet<_> = Scene::ALL.map(Scene::alt).into_iter().collect();
        assert_eq!((names.len(), alts.len()), (8, 8));
    }
}
