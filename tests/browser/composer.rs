//! Making a moment: text, photos, a video, a link, for whom; kept while it is half-written, undone before it is sealed.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

use super::*;

/// Keys as WebDriver writes them.
const ENTER: &str = "\u{E007}";
const ESCAPE: &str = "\u{E00C}";
const CONTROL: &str = "\u{E009}";

fn text_field(page: &Browser) -> Value {
    page.run("return document.querySelector('.composer textarea').value", &[])
}

/// Puts files into the composer.
fn add(page: &Browser, files: &[PathBuf]) {
    let all: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    page.write(".composer input[type=file]", &all.join("\n"));
}

fn photos_on_shelf(page: &Browser, count: usize) {
    let script =
        "return [...document.querySelectorAll('.shelf img')].filter((image) => image.naturalWidth > 0).length
        === arguments[0]";
    page.wait(&format!("{count} photos"), script, &[json!(count)]);
}

/// Shares what is in the composer, without waiting for the seconds to pass.
fn share_now(page: &Browser) {
    page.press(".composer", "Share");
    page.press(".sending-bar", "Share now");
    page.wait("an empty composer", "return document.querySelector('.composer textarea').value === ''", &[]);
}

/// The newest moment of a node.
fn newest(node: &Node, text: &str) -> Value {
    has(node, text);
    node.get("/timeline?limit=1")["moments"][0].clone()
}

#[test]
fn what_is_half_written_survives_a_reload_and_goes_once_it_is_shared() {
    let (ada, page) = person("Ada");
    let folder = tempfile::tempdir().expect("a folder");
    page.write(".composer textarea", "Half a thought");
    add(&page, &[1, 2].map(|variety| support::photo::write(folder.path(), variety, 320, 240)));
    photos_on_shelf(&page, 2);
    page.write(".shelf li:nth-child(2) input", "The second");
    page.press(".composer", "All friends");
    page.press(".audience", "Only me");
    ada.wait("/drafts", "the draft", |answer| {
        let kept = answer["drafts"].get(0)?;
        let is_whole = kept["files"].as_array()?.len() == 2
            && kept["draft"]["alts"] == json!([null, "The second"])
            && kept["draft"]["private"] == true;
        is_whole.then_some(())
    });
    page.says(".composer", "Draft kept by your node");
    let stored = "return Object.keys(localStorage).length + Object.keys(sessionStorage).length";
    assert_eq!(page.run(stored, &[]), 0, "the browser keeps nothing");

    mark(&page);
    page.run("location.reload()", &[]);
    page.wait("the page anew", "return window.kept === undefined", &[]);
    page.find(".composer");
    assert_eq!(text_field(&page), "");
    page.click(&page.find(".composer textarea"));
    page.says(".drafts", "Half a thought");
    page.press(".drafts", "Continue");
    photos_on_shelf(&page, 2);
    assert_eq!(text_field(&page), "Half a thought");
    let alts = page.run("return [...document.querySelectorAll('.shelf input')].map((alt) => alt.value)", &[]);
    assert_eq!(alts, json!(["", "The second"]));
    page.says(".composer", "It stays on your own devices.");
    share_now(&page);
    let moment = newest(&ada, "Half a thought");
    assert_eq!(moment["photos"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&moment["photos"][1]["alt"], &moment["audience"]["rule"]),
        (&json!("The second"), &json!("private"))
    );
    assert_eq!(ada.get("/drafts"), json!({"drafts": []}));

    page.write(".composer textarea", "Another");
    ada.wait("/drafts", "a new draft", |answer| answer["drafts"].get(0).map(|_| ()));
    page.write(".composer textarea", ESCAPE);
    page.run("location.reload()", &[]);
    page.wait("an empty page", "return document.querySelector('.composer textarea')?.value === ''", &[]);
    page.click(&page.find(".composer textarea"));
    page.press(".drafts", "Give up");
    page.press("dialog", "Give up");
    ada.wait("/drafts", "no draft", |answer| (answer["drafts"] == json!([])).then_some(()));
    quiet(&page);
}

#[test]
fn a_draft_whose_first_save_was_lost_is_kept_by_the_next() {
    let (ada, page) = person("Ada");
    page.run(
        "window.real = window.fetch; window.fetch = (path, how) => how?.method === 'PUT' && path.includes('/drafts/') ? Promise.reject(new TypeError('away')) : window.real(path, how)",
        &[],
    );
    let folder = tempfile::tempdir().expect("a folder");
    add(&page, &[support::photo::write(folder.path(), 1, 320, 240)]);
    photos_on_shelf(&page, 1);
    page.says(".composer", "The node does not answer");
    page.run("window.fetch = window.real", &[]);
    page.write(".composer textarea", "Back again");
    ada.wait("/drafts", "the draft with its photo", |answer| {
        (answer["drafts"].get(0)?["files"].as_array()?.len() == 1).then_some(())
    });
    page.says(".composer", "Draft kept by your node");
}

#[test]
fn a_moment_can_be_undone_before_it_is_sealed_and_nothing_was_sent() {
    let (ada, page) = person("Ada");
    page.write(".composer textarea", "Too soon");
    page.write(".composer textarea", &format!("{CONTROL}{ENTER}"));
    page.says(".sending-bar", "Shared in 5 seconds.");
    let guarded = "const leaving = new Event('beforeunload', { cancelable: true });
        window.dispatchEvent(leaving); return leaving.defaultPrevented";
    assert_eq!(page.run(guarded, &[]), true, "leaving now is asked about");
    page.press(".sending-bar", "Undo");
    page.wait("the text", "return document.querySelector('.composer textarea').checkVisibility()", &[]);
    assert_eq!(text_field(&page), "Too soon");
    assert_eq!(page.run(guarded, &[]), false);
    page.write(".composer textarea", " or not");
    page.press(".composer", "Share");
    page.find(".sending-bar:not([hidden])");
    // Whoever waits does nothing: it is shared, once, by itself.
    has(&ada, "Too soon or not");
    page.wait("an empty composer", "return document.querySelector('.composer textarea').value === ''", &[]);
    assert_eq!(texts(&ada), ["Too soon or not"], "what was undone was never made");
    let posts =
        page.requests().iter().filter(|url| url.contains("/moments") && !url.contains("dry_run")).count();
    assert_eq!(posts, 1, "nor sent");
    quiet(&page);
}

#[test]
fn nine_photos_are_put_in_order_by_keys_and_by_drag_and_a_tenth_is_refused() {
    let (ada, page) = person("Ada");
    let folder = tempfile::tempdir().expect("a folder");
    // Each as wide as it is numbered, so that the node tells their order.
    let photo = |n: u32| support::photo::write(folder.path(), n.into(), 100 + n, 80);
    let wrong = folder.path().join("words.png");
    std::fs::write(&wrong, "no picture").expect("a file");
    let heic = folder.path().join("IMG_0001.HEIC");
    std::fs::write(&heic, b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").expect("a file");
    page.click(&page.find(".composer textarea"));
    add(&page, &[wrong]);
    page.says(".composer .wrong", "words.png is no picture that can be read.");
    add(&page, &[heic]);
    page.says(".composer .wrong", "IMG_0001.HEIC is a HEIC picture, which this browser cannot read.");
    add(&page, &(1..=10).map(photo).collect::<Vec<_>>());
    photos_on_shelf(&page, 9);
    page.says(".composer .wrong", "A moment has at most 9 photos.");

    page.press(".shelf", "Move photo 1 back");
    page.says(".composer", "Now photo 2 of 9");
    let focused = "return document.activeElement.getAttribute('aria-label')";
    assert_eq!(page.run(focused, &[]), "Move photo 2 back", "the focus goes with the photo");
    page.press(".shelf", "Leave out photo 9");
    photos_on_shelf(&page, 8);
    let middle = |n: usize| {
        let script = "const image = document.querySelector(`.shelf li:nth-child(${arguments[0]}) img`);
            image.scrollIntoView({ block: 'center', behavior: 'instant' });
            const box = image.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]";
        serde_json::from_value::<[f64; 2]>(page.run(script, &[json!(n)])).expect("two numbers")
    };
    let mouse = |kind: &str, [x, y]: [f64; 2]| {
        let told = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1});
        page.chromium("Input.dispatchMouseEvent", told);
    };
    // The third goes over the place of the second to that of the first.
    let [from, over, to] = [3, 2, 1].map(middle);
    mouse("mousePressed", from);
    for place in [[from[0] - 20.0, from[1]], over, to] {
        mouse("mouseMoved", place);
    }
    mouse("mouseReleased", to);
    page.says(".composer", "Now photo 1 of 8");
    page.write(".composer textarea", &format!("In order{CONTROL}{ENTER}"));
    page.press(".sending-bar", "Share now");
    let moment = newest(&ada, "In order");
    let widths: Vec<u64> =
        moment["photos"].as_array().into_iter().flatten().filter_map(|p| p["width"].as_u64()).collect();
    assert_eq!(widths, [103, 102, 101, 104, 105, 106, 107, 108]);
    quiet(&page);
}

/// The shape of a picture, and its colours in eight by eight places.
fn measured(page: &Browser, url: &Value) -> Vec<f64> {
    let script = "const picture = new Image(); picture.src = arguments[0];
        return picture.decode().then(() => {
            const canvas = document.createElement('canvas'); [canvas.width, canvas.height] = [8, 8];
            const context = canvas.getContext('2d'); context.drawImage(picture, 0, 0, 8, 8);
            return [picture.naturalWidth / picture.naturalHeight, ...context.getImageData(0, 0, 8, 8).data];
        })";
    serde_json::from_value(page.run(script, std::slice::from_ref(url))).expect("numbers")
}

#[test]
fn what_a_filter_a_part_and_a_turn_show_is_what_is_sent() {
    let (ada, page) = person("Ada");
    let folder = tempfile::tempdir().expect("a folder");
    page.write(".composer textarea", "Noir");
    add(&page, &[photo(folder.path())]);
    photos_on_shelf(&page, 1);
    page.press(".shelf", "Edit photo 1");
    page.says(".editor .filters", "Noir");
    page.press(".editor", "Turn");
    page.press(".editor", "1:1");
    page.write(".editor .corner.se", "\u{E012}\u{E012}\u{E012}\u{E012}");
    page.press(".editor", "Noir");
    page.write(".editor input[type=text]", "A wave in grey");
    let shown = "const image = document.querySelector('.editor .result');
        const of = JSON.parse(image.dataset.of ?? 'null');
        return of?.filter === 'noir' && of.rotate === 90 && of.crop ? image.src : null";
    let preview = measured(&page, &page.wait("the preview", shown, &[]));
    page.press(".editor", "Done");
    page.wait("the shelf", "return document.querySelector('.shelf input').value === 'A wave in grey'", &[]);
    share_now(&page);
    let moment = newest(&ada, "Noir");
    let sent = &moment["photos"][0];
    assert_eq!(sent["alt"], "A wave in grey");
    // 240 high, less four hundredths of the width (now 240) and square.
    assert_eq!((&sent["width"], &sent["height"]), (&json!(230), &json!(230)));
    let sent = measured(&page, &json!(format!("/api/v1/blobs/{}", sent["id"].as_str().expect("an id"))));
    assert_eq!(preview.len(), sent.len());
    let apart = preview.iter().zip(&sent).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(apart < 12.0, "{apart}: the preview is what was sent");
    let is_grey =
        sent[1..].chunks(4).all(|rgb| (rgb[0] - rgb[1]).abs() < 8.0 && (rgb[1] - rgb[2]).abs() < 8.0);
    assert!(is_grey, "and the filter is in it: {sent:?}");
    quiet(&page);
}

/// A video of `tests/fixtures/video`.
fn film(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
    root.join("tests/fixtures/video").join(name)
}

#[test]
fn a_video_is_measured_cut_and_given_the_picture_that_was_chosen() {
    let (ada, page) = person("Ada");
    let folder = tempfile::tempdir().expect("a folder");
    page.write(".composer textarea", "Moving");
    add(&page, &[film("sixteen-seconds.mp4")]);
    page.says(".video-picker", "It plays 16");
    page.press(".composer", "Share");
    page.says(".composer .wrong", "The video is too long.");
    add(&page, &[photo(folder.path())]);
    page.says(".composer .wrong", "A moment has photos or one video, not both.");
    page.press(".video-picker", "Leave out the video");
    add(&page, &[film("vp9.webm")]);
    page.find(".video-picker input[type=range]");
    page.run(
        "const slider = document.querySelector('.video-picker input[type=range]');
         slider.value = slider.max / 2; slider.dispatchEvent(new Event('input'))",
        &[],
    );
    page.press(".video-picker", "Take this picture");
    page.wait("the poster", "return document.querySelector('.video-picker .poster')?.naturalWidth > 0", &[]);
    page.write(".video-picker input[type=text]", "Something moves");
    share_now(&page);
    let moment = newest(&ada, "Moving");
    assert_eq!(
        (&moment["video"]["mime"], &moment["video"]["alt"]),
        (&json!("video/webm"), &json!("Something moves"))
    );
    assert!(moment["video"]["poster"].is_string(), "{moment}");
    quiet(&page);
}

/// A page on loopback; it ends with the test's process.
fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let lines = BufReader::new(&stream).lines().map_while(Result::ok);
            // The question, up to its empty line.
            let _ = lines.take_while(|line| !line.is_empty()).count();
            let body = "<!doctype html><title>Ten <b>lakes</b></title><meta name=description content='Cold and clear'>";
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n", body.len());
            // Whoever asked may have heard enough.
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
        }
    });
    format!("http://{address}/lakes")
}

#[test]
fn a_link_shows_its_card_and_a_place_and_a_mood_go_with_it() {
    let (ada, page) = person("Ada");
    let config = ada.home().join("config.toml");
    let text = std::fs::read_to_string(&config).expect("the config");
    std::fs::write(&config, text.replace("# allow_private = false", "allow_private = true"))
        .expect("written");
    let url = site();
    page.write(".composer textarea", &format!("Read ({url}). "));
    page.press(".composer", &format!("Make a card of {}", url.split('/').nth(2).expect("a host")));
    page.says(".link-card", "lakes");
    page.says(".link-card", "Cold and clear");
    page.press(".link-card", "Leave out the link");
    page.wait("no card", "return document.querySelector('.link-card').hidden", &[]);
    page.write(".composer-panel input[type=url]", &format!("{url}{ENTER}"));
    page.says(".link-card", "Cold and clear");

    page.press(".composer", "Place");
    page.write("[aria-label='Where is it?']", "At the lake");
    page.write("[aria-label^='Position']", "48,2");
    page.says(".composer", "How exactly is it told?");
    page.run("document.querySelector('[aria-label^=Position]').value = ''", &[]);
    page.write("[aria-label^='Position']", "91, 2");
    page.says(".composer", "Two numbers are needed");
    page.run("document.querySelector('[aria-label^=Position]').value = ''", &[]);
    page.write("[aria-label^='Position']", "48.23456, 16.41309");
    page.click(&page.says(".option", "To about ten kilometres"));
    page.press(".composer", "Mood");
    page.press(".composer", "☕");
    page.write("[aria-label='How is it?']", "Rested");
    share_now(&page);
    let moment = newest(&ada, &format!("Read ({url})."));
    assert_eq!(moment["link"]["description"], "Cold and clear");
    assert_eq!(
        (&moment["place"]["name"], &moment["place"]["precision"]),
        (&json!("At the lake"), &json!("city"))
    );
    assert_eq!(moment["place"]["lat"], 48.2, "rounded before it was sealed");
    assert_eq!((&moment["mood"]["emoji"], &moment["mood"]["text"]), (&json!("☕"), &json!("Rested")));
    quiet(&page);
}

#[test]
fn who_will_read_it_is_said_by_the_node_for_tags_people_and_mentions() {
    let (ada, page) = person("Ada");
    let (ben, cleo) = (Node::started("Ben"), Node::started("Cleo"));
    befriend(&ada, &ben);
    befriend(&ada, &cleo);
    ada.ok(&["tag", "add", "climbers", "Cleo"]);
    page.write(".composer textarea", "For @be");
    page.says(".mention-list", "Ben");
    page.write(".composer textarea", ENTER);
    assert_eq!(text_field(&page), "For @Ben ");
    page.says(".composer", "Will be told: Ben.");
    page.press(".composer", "All friends");
    page.says(".audience", "Ben and Cleo will be able to read this.");
    page.press(".audience", "Only…");
    page.says(".audience", "Choose at least one tag or friend.");
    page.press(".composer", "Share");
    page.says(".composer .wrong", "Choose at least one tag or friend.");
    page.click(&page.says(".audience .chip.tag", "climbers"));
    page.says(".audience", "Cleo will be able to read this.");
    page.says(".audience", "Not included: Ben.");
    page.says(".composer", "Ben is not among those who can read it, and will not be told.");
    page.click(&page.says(".option", "Friends may share it on"));
    share_now(&page);
    let moment = newest(&ada, "For @Ben");
    assert_eq!(
        (&moment["audience"]["rule"], &moment["audience"]["tags"]),
        (&json!("only"), &json!(["climbers"]))
    );
    assert_eq!(moment["shareable"], true);
    has(&cleo, "For @Ben");
    page.click(&page.find(".composer textarea"));
    page.press(".composer", "All friends");
    page.press(".audience", "All but…");
    page.press(".audience", "Cleo");
    page.says(".audience", "Ben will be able to read this.");
    page.write(".composer textarea", "Not for Cleo");
    share_now(&page);
    has(&ben, "Not for Cleo");
    assert_eq!(texts(&ben), ["Not for Cleo"]);
    quiet(&page);
}

#[test]
fn on_a_phone_it_opens_over_everything_and_speaks_chinese() {
    let mut node = Node::new("Ada");
    node.ok(&["init", "--name", "Ada"]);
    node.start();
    let page = Browser::new(WINDOW.0, WINDOW.1);
    let size = json!({"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": false});
    page.chromium("Emulation.setDeviceMetricsOverride", size);
    let agent = page.run("return navigator.userAgent", &[]);
    page.chromium("Network.setUserAgentOverride", json!({"userAgent": agent, "acceptLanguage": "zh-CN"}));
    page.open(&address(&node));
    page.write(".composer textarea", "早上好");
    page.find("dialog.composer-sheet[open] .composer");
    page.says(".composer-sheet", "分享动态");
    page.press(".composer-sheet", "所有好友");
    page.press(".audience", "仅自己可见");
    page.says(".composer-sheet", "只保存在你自己的设备上。");
    let fits = "return document.querySelector('.composer-sheet').scrollWidth <= innerWidth";
    assert_eq!(page.run(fits, &[]), true, "nothing is wider than the phone");
    page.write(".composer textarea", ESCAPE);
    page.wait("no sheet", "return document.querySelector('.composer-sheet') === null", &[]);
    assert_eq!(text_field(&page), "早上好", "what was written stays");
    page.click(&page.find(".composer textarea"));
    page.press(".composer-sheet", "发表");
    page.press(".sending-bar", "立即发表");
    has(&node, "早上好");
    page.find("article.moment");
    quiet(&page);
}

/// The node has it, and the page does not know.
#[test]
fn a_moment_whose_answer_is_lost_and_that_is_shared_again_is_there_once() {
    let (ada, page) = person("Ada");
    page.run(
        "window.isLost = true;
         const real = XMLHttpRequest.prototype.addEventListener;
         XMLHttpRequest.prototype.addEventListener = function (kind, ...rest) {
             if (window.isLost && kind === 'load') return;
             real.call(this, window.isLost && kind === 'error' ? 'load' : kind, ...rest);
         }",
        &[],
    );
    page.write(".composer textarea", "Only once");
    page.press(".composer", "Share");
    page.press(".sending-bar", "Share now");
    page.says(".composer .wrong", "The node does not answer");
    has(&ada, "Only once");
    page.run("window.isLost = false", &[]);
    page.press(".composer", "Share");
    page.press(".sending-bar", "Share now");
    page.wait("an empty composer", "return document.querySelector('.composer textarea').value === ''", &[]);
    card(&page, "Only once");
    assert_eq!(texts(&ada), ["Only once"]);
    // The same words again are another moment.
    share(&page, "Only once", None);
    page.wait("two", "return document.querySelectorAll('article.moment').length === 2", &[]);
    assert_eq!(texts(&ada), ["Only once", "Only once"]);
    quiet(&page);
}
