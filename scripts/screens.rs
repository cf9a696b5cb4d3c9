//! Makes the README's pictures: a demo network as `tidings testnet up --demo` makes it, seen by its first person.
//!
//! Usage: `screens PROGRAM FOLDER`, by way of `scripts/screens`. The page is driven as in the browser tests; it is on
//! screen at the size that is written here, so that the pictures stay alike from one time to the next.

#[path = "../tests/support/browser.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod browser;
#[path = "../tests/support/network.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod network;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use browser::Browser;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use network::Network;
use serde_json::json;

/// So that a README stays quick to load.
const PICTURE_LEN_LIMIT: usize = 300_000;

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [program, folder] = arguments.as_slice() else {
        eprintln!("usage: screens PROGRAM FOLDER");
        return ExitCode::from(2);
    };
    std::fs::create_dir_all(folder).expect("the folder for the pictures");
    let network = Network::up(program);
    let page = Browser::new(1200, 1000);
    page.open(network.url());
    page.says("article.moment", "Three weeks in nine pictures");
    page.says(".side", "here now");

    show(&page, 1024, 930, "light", false);
    everything_is_there(&page);
    write(folder, "timeline.png", &page.screenshot(None));

    page.write(".composer textarea", "Saturday, eight o'clock, our place. Bring nothing but yourselves.");
    press(&page, ".composer .tools [aria-expanded]", true);
    press(&page, ".audience [data-rule=except]", false);
    page.press(".audience", "Ben");
    page.says(".audience .readers", "Cleo");
    everything_is_there(&page);
    let within = "const box = document.querySelector('.composer').getBoundingClientRect();
        return [box.x - 16, box.y - 16, box.width + 32, box.height + 32]";
    let within: [f64; 4] = serde_json::from_value(page.run(within, &[])).expect("four numbers");
    write(folder, "composer.png", &page.screenshot(Some(within)));

    let base = page.address().split('/').take(3).collect::<Vec<_>>().join("/");
    page.open(&format!("{base}/people/{}", network.user(1)));
    page.says("h1", "Ben");
    everything_is_there(&page);
    write(folder, "person.png", &page.screenshot(None));

    show(&page, 390, 844, "light", true);
    page.open(&format!("{base}/welcome"));
    page.press("main", "Make an invite");
    page.find("main .qr");
    page.run("scrollTo(0, 0)", &[]);
    everything_is_there(&page);
    write(folder, "first-friend.png", &page.screenshot(None));

    show(&page, 390, 844, "dark", true);
    page.open(&base);
    page.says("article.moment", "Three weeks in nine pictures");
    everything_is_there(&page);
    write(folder, "phone.png", &page.screenshot(None));
    ExitCode::SUCCESS
}

/// Clicks what can be seen: the last such thing, or the first.
fn press(page: &Browser, css: &str, last: bool) {
    let seen = "const seen = [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility());
        const one = seen.at(arguments[1] ? -1 : 0); one?.click(); return Boolean(one)";
    page.wait(css, seen, &[json!(css), json!(last)]);
}

/// Shows the page at a size and in a scheme.
fn show(page: &Browser, width: u32, height: u32, scheme: &str, mobile: bool) {
    let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
    page.chromium("Emulation.setDeviceMetricsOverride", metrics);
    let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]});
    page.chromium("Emulation.setEmulatedMedia", features);
}

/// Waits until every picture that can be seen is there in full.
fn everything_is_there(page: &Browser) {
    let full = "return [...document.images].filter((image) => image.src && image.checkVisibility() && image.getBoundingClientRect().top < innerHeight)
        .every((image) => image.complete && image.naturalWidth > 0)";
    page.wait("the pictures", full, &[]);
    // Pictures fade in.
    let still = "return document.getAnimations().every((animation) => animation.playState !== 'running')";
    page.wait("an end of all motion", still, &[]);
}

fn write(folder: &Path, name: &str, png: &[u8]) {
    let path = folder.join(name);
    let picture = image::load_from_memory(png).expect("a picture");
    // Browsers compress for speed. Off by one at most in each colour: invisible, and a third less to download.
    let mut picture = picture.into_rgb8();
    picture.iter_mut().for_each(|value| *value = value.saturating_add(1) / 3 * 3);
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive)
        .write_image(&picture, picture.width(), picture.height(), ExtendedColorType::Rgb8)
        .expect("it encodes");
    std::fs::write(&path, &png).expect("the picture is written");
    println!("{}: {} bytes", path.display(), png.len());
    assert!(png.len() <= PICTURE_LEN_LIMIT, "{} is larger than {PICTURE_LEN_LIMIT} bytes", path.display());
}
