//! The pages and sheets there are, and the looks they have: what every test of the whole walks through.
//!
//! A new page or sheet gets its line in [`PLACES`], and is then read by the accessibility rules, measured for its width and
//! drawn on the contact sheet, in every look.

use super::*;
use support::network::Network;

/// How somebody looks at the page.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    pub dark: bool,
    /// As the browser asks for it.
    pub language: &'static str,
}

/// Light and dark, phone and desk, both languages: every two of them meet.
pub const LOOKS: [Look; 4] = [
    Look { name: "phone-light", width: 390, height: 844, dark: false, language: "en" },
    Look { name: "desk-light", width: 1280, height: 900, dark: false, language: "en" },
    Look { name: "phone-dark", width: 390, height: 844, dark: true, language: "zh-CN" },
    Look { name: "desk-dark", width: 1280, height: 900, dark: true, language: "zh-CN" },
];

/// What is done to come to a sheet. Things are found by how they are built: words differ by language.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Clicks the first that can be seen.
    Press(&'static str),
    /// Goes to it, as the tabulator does.
    Focus(&'static str),
    /// Waits for it.
    See(&'static str),
}

/// A page, or a sheet over it.
#[derive(Debug)]
pub struct Place {
    pub name: &'static str,
    /// `{friend}` and `{moment}` are filled in.
    pub path: &'static str,
    pub steps: &'static [Step],
}

use Step::{Focus, Press, See};

/// Every page and the main sheets.
pub const PLACES: &[Place] = &[
    Place { name: "moments", path: "/", steps: &[See("article.moment")] },
    Place { name: "moment", path: "/moments/{moment}", steps: &[] },
    Place { name: "people", path: "/people", steps: &[] },
    Place { name: "as-they-see", path: "/people/{friend}/as-they-see", steps: &[] },
    Place { name: "welcome", path: "/welcome", steps: &[] },
    Place { name: "friend", path: "/people/{friend}", steps: &[] },
    Place { name: "me", path: "/people/{me}", steps: &[] },
    Place { name: "notices", path: "/notices", steps: &[] },
    Place { name: "search", path: "/search", steps: &[] },
    Place { name: "found", path: "/search?q=the", steps: &[] },
    Place { name: "favourites", path: "/favourites", steps: &[] },
    Place { name: "settings", path: "/settings", steps: &[] },
    Place { name: "nothing", path: "/people/nobody/at/all", steps: &[] },
    Place { name: "viewer", path: "/", steps: &[Press("article.moment .photo"), See("dialog[open]")] },
    Place {
        name: "composer",
        path: "/",
        steps: &[Focus(".composer textarea"), See(".composer .tools .main")],
    },
    Place {
        name: "audience",
        path: "/",
        steps: &[Focus(".composer textarea"), Press(".composer .opener:not(.icon)"), See(".audience")],
    },
];

/// Nothing is loading, nothing moves, and what can be seen is there.
const SETTLED: &str = "
    const seen = (e) => e.checkVisibility() && e.getBoundingClientRect().top < innerHeight && e.getBoundingClientRect().bottom > 0;
    return document.readyState === 'complete' && Boolean(document.querySelector('main h1, main h2, dialog[open]'))
        && !document.querySelector('[aria-busy=true]')
        && document.getAnimations().every((animation) => animation.playState !== 'running')
        && [...document.images].filter((image) => image.src && seen(image)).every((image) => image.complete)";

/// The demo network and the first person's page.
pub struct Site {
    network: Network,
    pub page: Browser,
    base: String,
    moment: String,
}

impl Site {
    pub fn new() -> Self {
        let network = Network::up(&support::node::program());
        let page = Browser::new(WINDOW.0, WINDOW.1);
        page.open(network.url());
        page.find("article.moment");
        let base = page.address().split('/').take(3).collect::<Vec<_>>().join("/");
        let timeline = network.command(0, &["timeline", "--limit", "1"]);
        let moment = timeline["moments"][0]["id"].as_str().expect("the demo has moments").to_owned();
        Self { network, page, base, moment }
    }

    pub fn look(&self, look: &Look) {
        put_on(&self.page, look);
    }

    /// Goes to a place, through its steps, and waits until it stands still.
    pub fn go(&self, place: &Place) {
        let path = place.path.replace("{friend}", self.network.user(1));
        let path = path.replace("{me}", self.network.user(0)).replace("{moment}", &self.moment);
        self.page.open(&format!("{}{path}", self.base));
        settle(&self.page);
        for step in place.steps {
            let visible =
                "return [...document.querySelectorAll(arguments[0])].find((e) => e.checkVisibility())";
            let (what, does) = match step {
                Press(css) => (css, "arguments[0].click()"),
                Focus(css) => (css, "arguments[0].focus()"),
                See(css) => (css, ""),
            };
            let found = self.page.wait(&format!("{what} at {}", place.name), visible, &[json!(what)]);
            if !does.is_empty() {
                self.page.run(does, &[found]);
            }
        }
        settle(&self.page);
    }
}

/// Puts a look on a page; it holds for what is opened from now on.
pub fn put_on(page: &Browser, look: &Look) {
    let scheme = if look.dark { "dark" } else { "light" };
    let phone = look.width < 700;
    let metrics =
        json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": phone});
    page.chromium("Emulation.setDeviceMetricsOverride", metrics);
    let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]});
    page.chromium("Emulation.setEmulatedMedia", features);
    page.chromium("Network.enable", json!({}));
    page.chromium("Network.setExtraHTTPHeaders", json!({"headers": {"Accept-Language": look.language}}));
}

pub fn settle(page: &Browser) {
    page.wait("a page that stands still", SETTLED, &[]);
}
