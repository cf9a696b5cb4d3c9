//! The filters there are, by name and numbers.
//!
//! A name is one word and a promise: scripts use it. The numbers were chosen by looking at faces, skies, leaves and food
//! on a screen; a change of them changes what people get, so it has a line in the changelog.

/// A look: what is done to light and colour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// One word.
    pub name: &'static str,
    /// What it does, a sentence without a full stop.
    pub description: &'static str,
    /// Light added, in stops: 1 doubles it.
    pub exposure: f32,
    /// How much of red, green and blue light stays.
    pub white: [f32; 3],
    /// Steepness of the middle tones: 0 as they are, 1 most.
    pub contrast: f32,
    /// Lightness of black, 0 to 1.
    pub black: f32,
    /// Lightness of white, 0 to 1.
    pub light: f32,
    /// How much colour: 0 none, 1 as it is.
    pub saturation: f32,
    /// How much more of that for faint colours.
    pub vibrance: f32,
    /// Tint of the shadows: green to red, blue to yellow, in Oklab.
    pub shadows: (f32, f32),
    /// Tint of the lights, likewise.
    pub lights: (f32, f32),
    /// How much light the corners lose, 0 to 1.
    pub vignette: f32,
    /// How strong grain is in the middle tones, in steps of 255.
    pub grain: f32,
}

impl Look {
    /// Nothing at all; what every look begins from.
    pub const PLAIN: Self = Self {
        name: "plain",
        description: "nothing",
        exposure: 0.0,
        white: [1.0; 3],
        contrast: 0.0,
        black: 0.0,
        light: 1.0,
        saturation: 1.0,
        vibrance: 0.0,
        shadows: (0.0, 0.0),
        lights: (0.0, 0.0),
        vignette: 0.0,
        grain: 0.0,
    };
}

/// All filters, in the order they are offered.
pub const ALL: [Look; 12] = [
    Look {
        name: "clear",
        description: "a little more light, contrast and colour",
        exposure: 0.12,
        contrast: 0.18,
        vibrance: 0.15,
        ..Look::PLAIN
    },
    Look {
        name: "warm",
        description: "warmer light, as late in the day",
        white: [1.10, 1.0, 0.82],
        vibrance: 0.10,
        ..Look::PLAIN
    },
    Look {
        name: "cool",
        description: "cooler light, as in shade or snow",
        white: [0.88, 1.0, 1.14],
        contrast: 0.05,
        ..Look::PLAIN
    },
    Look {
        name: "vivid",
        description: "strong colours and contrast",
        contrast: 0.30,
        saturation: 1.22,
        vibrance: 0.25,
        ..Look::PLAIN
    },
    Look {
        name: "fade",
        description: "soft and pale, black turned to grey, as an old print",
        contrast: -0.12,
        black: 0.14,
        light: 0.97,
        saturation: 0.80,
        lights: (0.0, 0.012),
        ..Look::PLAIN
    },
    Look { name: "mono", description: "black and white", contrast: 0.12, saturation: 0.0, ..Look::PLAIN },
    Look {
        name: "noir",
        description: "hard black and white with dark corners and grain",
        exposure: -0.10,
        contrast: 0.55,
        saturation: 0.0,
        vignette: 0.45,
        grain: 7.0,
        ..Look::PLAIN
    },
    Look {
        name: "sepia",
        description: "brown as photographs of a hundred years ago",
        contrast: 0.05,
        black: 0.05,
        saturation: 0.0,
        shadows: (0.035, 0.060),
        lights: (0.022, 0.065),
        vignette: 0.20,
        ..Look::PLAIN
    },
    Look {
        name: "dusk",
        description: "blue shadows and rosy lights, as after sunset",
        exposure: -0.12,
        saturation: 0.95,
        shadows: (0.010, -0.070),
        lights: (0.030, 0.020),
        vignette: 0.20,
        ..Look::PLAIN
    },
    Look {
        name: "film",
        description: "green shadows, warm lights and fine grain, as colour film",
        contrast: 0.16,
        black: 0.045,
        saturation: 0.92,
        shadows: (-0.022, 0.008),
        lights: (0.012, 0.028),
        grain: 5.0,
        ..Look::PLAIN
    },
    Look {
        name: "chrome",
        description: "deep contrast and cool, muted colours, as slide film",
        contrast: 0.38,
        white: [0.97, 1.0, 1.05],
        saturation: 0.78,
        shadows: (-0.008, -0.018),
        ..Look::PLAIN
    },
    Look {
        name: "bloom",
        description: "bright, light and rosy, as in spring",
        exposure: 0.28,
        contrast: -0.10,
        black: 0.05,
        vibrance: 0.20,
        lights: (0.022, -0.004),
        ..Look::PLAIN
    },
];
