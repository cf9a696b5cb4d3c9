//! A real browser, driven through WebDriver: Chromium and its chromedriver, as Debian packages them.
//!
//! WebDriver is JSON over HTTP on loopback, so the client is these few lines and not another tree of crates. A
//! [`Browser`] owns its chromedriver and an empty profile; both are gone when it is dropped, whatever happened before. It
//! does what a person does: it looks for things by what they are called, clicks where they are, types, and waits for what
//! has to appear. It does not pretend: a click on something that is covered or not there fails.
//!
//! The browser writes down every request it makes and every complaint of its console (script errors, violations of the
//! content security policy, answers that are errors): [`Browser::requests`] and [`Browser::complaints`].
//!
//! Invariants: nothing waits without an end; a missing browser is a failure with the line that installs it, never a
//! silent pass; the browser itself is kept from calling anybody.
//! Source: W3C WebDriver; `goog/cdp/execute` and `se/log` are chromedriver's own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What a failure for want of a browser says.
const INSTALL: &str = "the page is tested in a real browser: install it with `apt-get install -y chromium chromium-driver`, \
     or let `./check --install` do it";
/// The key under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long one command of WebDriver may take.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// How long something may take to appear on the page.
const PATIENCE: Duration = Duration::from_secs(40);
/// Pause between two looks at the page.
const PAUSE: Duration = Duration::from_millis(25);
/// So that the browser shows the page and does nothing else.
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
];

/// A browser window with a profile of its own.
pub struct Browser {
    driver: Child,
    session: String,
    profile: tempfile::TempDir,
    seen: Mutex<Seen>,
}

/// What the logs said so far: WebDriver gives each line once.
#[derive(Default)]
struct Seen {
    requests: Vec<String>,
    complaints: Vec<String>,
}

/// Something on the page.
#[derive(Debug, Clone)]
pub struct Element {
    id: String,
    /// How it was found: a script and its arguments.
    by: (String, Vec<Value>),
}

impl Element {
    fn json(&self) -> Value {
        json!({ ELEMENT: self.id })
    }
}

impl Browser {
    /// A new window of this many pixels.
    ///
    /// # Panics
    /// If there is no browser: it names the line that installs it.
    pub fn new(width: u32, height: u32) -> Self {
        let chromium = ["chromium", "chromium-browser", "google-chrome"]
            .into_iter()
            .find_map(in_path)
            .unwrap_or_else(|| panic!("there is no chromium; {INSTALL}"));
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("HOME", profile.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut driver = command
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver does not start ({error}); {INSTALL}"));
        let port = port_of(&mut driver);
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            profile,
            seen: Mutex::default(),
        };
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(ToString::to_string).collect();
        arguments.push(format!("--window-size={width},{height}"));
        arguments.push(format!("--user-data-dir={}", browser.profile.path().join("profile").display()));
        let asked = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
        }}});
        let made = browser.send("", &asked).unwrap_or_else(|error| panic!("no session: {error}; {INSTALL}"));
        let id = made["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    /// Goes to an address.
    pub fn open(&self, url: &str) {
        self.send("/url", &json!({ "url": url })).unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// The window that is looked at.
    pub fn window(&self) -> String {
        self.ask("GET", "/window").as_str().unwrap_or_default().to_owned()
    }

    /// Opens one more window of the same browser, and looks at it.
    pub fn new_window(&self) -> String {
        let made = self
            .send("/window/new", &json!({"type": "tab"}))
            .unwrap_or_else(|error| panic!("a window: {error}"));
        let window = made["handle"].as_str().unwrap_or_default().to_owned();
        self.look_at(&window);
        window
    }

    /// Looks at another window.
    pub fn look_at(&self, window: &str) {
        self.send("/window", &json!({ "handle": window }))
            .unwrap_or_else(|error| panic!("{window}: {error}"));
    }

    /// Closes the window that is looked at, and looks at another one.
    pub fn close_window(&self, then: &str) {
        self.ask("DELETE", "/window");
        self.look_at(then);
    }

    /// Where it is.
    pub fn address(&self) -> String {
        self.run("return location.href", &[]).as_str().unwrap_or_default().to_owned()
    }

    /// Runs a script in the page and gives what it returns.
    pub fn run(&self, script: &str, arguments: &[Value]) -> Value {
        self.try_run(script, arguments).unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    fn try_run(&self, script: &str, arguments: &[Value]) -> Result<Value, String> {
        self.send("/execute/sync", &json!({"script": script, "args": arguments}))
    }

    /// A command of Chromium's own protocol, such as a colour scheme.
    pub fn chromium(&self, command: &str, parameters: Value) -> Value {
        self.send("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
            .unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// What the window shows, as PNG; only what lies within (x, y, width, height), if that is said.
    pub fn screenshot(&self, within: Option<[f64; 4]>) -> Vec<u8> {
        use base64::Engine;
        let clip = within.map(
            |[x, y, width, height]| json!({"x": x, "y": y, "width": width, "height": height, "scale": 1}),
        );
        let answer = match clip {
            Some(clip) => self.chromium("Page.captureScreenshot", json!({"format": "png", "clip": clip})),
            None => self.chromium("Page.captureScreenshot", json!({"format": "png"})),
        };
        let text = answer["data"].as_str().unwrap_or_default();
        base64::engine::general_purpose::STANDARD.decode(text).expect("a screenshot is base64")
    }

    /// Waits until a script returns something that is neither null nor false.
    pub fn wait(&self, what: &str, script: &str, arguments: &[Value]) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            // A page that is just being left answers with an error; the next look is at the new one.
            let last = self.try_run(script, arguments);
            match last {
                Ok(found) if !matches!(found, Value::Null | Value::Bool(false)) => return found,
                _ if Instant::now() < end => std::thread::sleep(PAUSE),
                other => {
                    panic!("{what} did not come in {PATIENCE:?} ({other:?}); the page says:\n{}", self.text())
                }
            }
        }
    }

    /// Waits for an element by a CSS selector.
    pub fn find(&self, css: &str) -> Element {
        self.element(css, "return document.querySelector(arguments[0])", &[json!(css)])
    }

    /// Waits for a button, link or choice that can be seen, by its words or its label, inside of what `css` selects.
    pub fn button(&self, css: &str, name: &str) -> Element {
        let script = "return [...document.querySelectorAll(arguments[0])]
            .flatMap((place) => [...place.querySelectorAll('button, a, [role=radio]')])
            .find((b) => b.checkVisibility() && [b.textContent.trim(), b.getAttribute('aria-label')].includes(arguments[1]))";
        self.element(&format!("{name:?} in {css}"), script, &[json!(css), json!(name)])
    }

    /// Waits for what a script finds.
    fn element(&self, what: &str, script: &str, arguments: &[Value]) -> Element {
        let found = self.wait(what, script, arguments);
        let id = found[ELEMENT].as_str().unwrap_or_else(|| panic!("no element: {found}")).to_owned();
        Element { id, by: (script.to_owned(), arguments.to_vec()) }
    }

    /// What was drawn anew between the look and the act is looked for again, as a person would.
    fn again_if_stale(&self, element: &Element, what: &str, act: impl Fn(&Element) -> Result<Value, String>) {
        let end = Instant::now() + PATIENCE;
        let mut done = act(element);
        while done.as_ref().is_err_and(|error| error.contains("stale element")) && Instant::now() < end {
            std::thread::sleep(PAUSE);
            done = act(&self.element(what, &element.by.0, &element.by.1));
        }
        done.unwrap_or_else(|error| {
            panic!("{what}, found by {:?}: {error}; the page says:\n{}", element.by.1, self.text())
        });
    }

    /// Clicks where it is; what is out of sight, or beneath the bar, is first scrolled to, at once: the page itself does it
    /// smoothly.
    pub fn click(&self, element: &Element) {
        self.again_if_stale(element, "what is clicked", |element| self.try_click(element));
    }

    fn try_click(&self, element: &Element) -> Result<Value, String> {
        let reach = "const at = arguments[0].getBoundingClientRect();
            const hit = document.elementFromPoint(at.left + at.width / 2, at.top + at.height / 2);
            if (!arguments[0].contains(hit)) arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
        self.try_run(reach, &[element.json()])?;
        self.send(&format!("/element/{}/click", element.id), &json!({}))
    }

    /// Takes one thing, moves it onto another and lets go.
    pub fn drag(&self, from: &Element, onto: &Element) {
        let to = |element: &Element| json!({"type": "pointerMove", "duration": 100, "x": 0, "y": 0, "origin": element.json()});
        let moves = json!([
            to(from), {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "duration": 100, "x": 8, "y": 8, "origin": "pointer"},
            to(onto), {"type": "pointerMove", "duration": 100, "x": 2, "y": 2, "origin": "pointer"},
            {"type": "pointerUp", "button": 0},
        ]);
        let mouse = json!({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves});
        self.send("/actions", &json!({"actions": [mouse]})).unwrap_or_else(|error| panic!("a drag: {error}"));
    }

    /// Clicks a button by its name.
    pub fn press(&self, css: &str, name: &str) {
        self.click(&self.button(css, name));
    }

    /// Clicks what contains these words.
    pub fn press_words(&self, css: &str, words: &str) {
        self.click(&self.says(css, words));
    }

    /// Types; into a field for files, their paths.
    pub fn write(&self, css: &str, text: &str) {
        self.again_if_stale(&self.find(css), css, |field| {
            self.send(&format!("/element/{}/value", field.id), &json!({ "text": text }))
        });
    }

    /// Presses keys one after the other, wherever the focus is. Keys that are no letters have codes of WebDriver's own.
    pub fn keys(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| [("keyDown", key), ("keyUp", key)]);
        let strokes: Vec<Value> =
            strokes.map(|(kind, key)| json!({"type": kind, "value": key.to_string()})).collect();
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]});
        self.send("/actions", &actions).unwrap_or_else(|error| panic!("keys {keys:?}: {error}"));
    }

    /// Waits until what `css` selects contains these words.
    pub fn says(&self, css: &str, words: &str) -> Element {
        let script = "return [...document.querySelectorAll(arguments[0])].find((e) => e.innerText.includes(arguments[1]))";
        self.element(&format!("{words:?} in {css}"), script, &[json!(css), json!(words)])
    }

    /// What can be read on the page now.
    pub fn text(&self) -> String {
        self.try_run("return document.body.innerText", &[])
            .map(|text| text.as_str().unwrap_or_default().to_owned())
            .unwrap_or_else(|error| error)
    }

    /// What can be read in one element.
    pub fn text_of(&self, element: &Element) -> String {
        self.run("return arguments[0].innerText", &[element.json()]).as_str().unwrap_or_default().to_owned()
    }

    /// The address of every request that the browser made for the page so far, whatever became of it.
    pub fn requests(&self) -> Vec<String> {
        self.read_logs().requests.clone()
    }

    /// Everything the console complained of so far: errors, warnings, violations of the policy.
    pub fn complaints(&self) -> Vec<String> {
        self.read_logs().complaints.clone()
    }

    /// Waits until the console has complained this many times.
    pub fn wait_for_complaints(&self, count: usize) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let all = self.complaints();
            if all.len() >= count {
                return all;
            }
            assert!(Instant::now() < end, "{count} complaints did not come: {all:?}");
            std::thread::sleep(PAUSE);
        }
    }

    fn read_logs(&self) -> std::sync::MutexGuard<'_, Seen> {
        let lines = |kind: &str| -> Vec<Value> {
            let read = self.send("/se/log", &json!({ "type": kind }));
            read.unwrap_or_else(|error| panic!("the {kind} log: {error}"))
                .as_array()
                .cloned()
                .unwrap_or_default()
        };
        let mut seen = self.seen.lock().expect("no test reads it after a failure");
        for line in lines("performance") {
            let event: Value =
                serde_json::from_str(line["message"].as_str().unwrap_or_default()).unwrap_or_default();
            let event = &event["message"];
            // The empty tab that a browser begins with is a page of its own, made of files in the browser.
            let own = event["params"]["documentURL"].as_str().is_some_and(|url| url.starts_with("chrome://"));
            if event["method"] == "Network.requestWillBeSent" && !own {
                seen.requests.extend(event["params"]["request"]["url"].as_str().map(str::to_owned));
            }
        }
        for line in lines("browser") {
            if line["level"] == "SEVERE" || line["level"] == "WARNING" {
                seen.complaints.extend(line["message"].as_str().map(str::to_owned));
            }
        }
        seen
    }

    fn send(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.command("POST", path, &body.to_string())
    }

    /// A command that says nothing and cannot fail.
    fn ask(&self, method: &str, path: &str) -> Value {
        self.command(method, path, "").unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn command(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.session))
            .header("content-type", "application/json")
            .body(body.to_owned())
            .map_err(|error| error.to_string())?;
        let config = ureq::Agent::config_builder().timeout_global(Some(COMMAND_TIMEOUT));
        let config = config.http_status_as_error(false).allow_non_standard_methods(true).proxy(None).build();
        let mut answer = ureq::Agent::from(config).run(request).map_err(|error| error.to_string())?;
        let good = answer.status().is_success();
        let value: Value =
            answer.body_mut().with_config().limit(u64::MAX).read_json().map_err(|error| error.to_string())?;
        if good { Ok(value["value"].clone()) } else { Err(value["value"]["message"].to_string()) }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // chromedriver puts the browser into a group of its own: it has to end it itself.
        let request =
            ureq::delete(&self.session).config().timeout_global(Some(Duration::from_secs(10))).proxy(None);
        let _ = request.build().call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port that chromedriver drew.
fn port_of(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, rest) = line.split_once("started successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    // It may go on writing; nobody else reads.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    port.unwrap_or_else(|| panic!("chromedriver told no port; {INSTALL}"))
}

fn in_path(program: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| Path::is_file(file))
        .map(|file| file.display().to_string())
}
