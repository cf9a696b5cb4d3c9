//! Notices and settings: what is unread, what is muted, the language, programs, privacy, storage, and the end of a node.

use super::*;

/// Somebody with a page and a friend.
fn with_friend() -> (Node, Browser, Node) {
    let (ada, page) = person("Ada");
    let ben = Node::started("Ben");
    befriend(&ada, &ben);
    (ada, page, ben)
}

/// Shares a moment on the command line and waits until a friend has it; its id.
fn post(from: &Node, text: &str, to: &Node) -> String {
    let id = from.ok(&["post", text])["id"].as_str().expect("an id").to_owned();
    has(to, text);
    id
}

/// Goes to one of the node's own addresses without loading the frame anew.
fn go(page: &Browser, path: &str) {
    let link = "const link = document.createElement('a'); link.href = arguments[0];
        document.body.append(link); link.click(); link.remove()";
    page.run(link, &[json!(path)]);
    page.wait(path, "return location.pathname === arguments[0]", &[json!(path)]);
}

/// Waits for the title of the window.
fn title(page: &Browser, wanted: &str) {
    page.wait(wanted, "return document.title === arguments[0]", &[json!(wanted)]);
}

/// The icon of the window.
fn icon(page: &Browser) -> String {
    page.run("return document.querySelector('link[rel=icon]').href", &[])
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Chooses one of several, by its words.
fn choose(page: &Browser, words: &str) {
    let label = page.says("label.choice", words);
    page.click(&label);
}

#[test]
fn what_is_unread_is_counted_live_and_read_once_it_was_seen() {
    let (ada, page, ben) = with_friend();
    let second = open(&ada);
    title(&second, "Moments · Tidings");
    mark(&page);
    let moment = post(&ada, "A hill", &ben);
    ben.ok(&["like", &moment]);
    ben.ok(&["comment", &moment, "Steep!"]);
    for window in [&page, &second] {
        title(window, "(2) Moments · Tidings");
        assert!(icon(window).ends_with("/assets/icon-unread.svg"), "{}", icon(window));
    }
    page.press(".places", "Notices, 2 unread");
    page.says(".notice-row.unread", "Ben likes your moment");
    let row = page.says(".notice-row.unread", "Ben commented on your moment");
    assert!(page.text_of(&row).contains("Steep!"));
    page.says(".notice-row", "A hill");
    for window in [(&page, "Notices · Tidings"), (&second, "Moments · Tidings")] {
        title(window.0, window.1);
        assert!(icon(window.0).ends_with("/assets/icon.svg"), "{}", icon(window.0));
    }
    assert_eq!(ada.get("/notices")["unread"], 0);

    ben.ok(&["comment", &moment, "And green."]);
    page.says(".notice-row.unread", "And green.");
    ada.wait("/notices", "what came while one looks to be read", |all| (all["unread"] == 0).then_some(()));
    assert_eq!(page.run("return document.querySelectorAll('.notice-row').length", &[]), 3);
    assert_eq!(
        page.run("return document.querySelector('.notice-link').getAttribute('href')", &[]),
        json!(format!("/moments/{moment}"))
    );
    assert!(kept(&page), "without a reload");
    quiet(&page);
    quiet(&second);
}

#[test]
fn a_moment_or_a_person_is_muted_from_a_notice_and_heard_again() {
    let (ada, page, ben) = with_friend();
    let moment = post(&ada, "A hill", &ben);
    ben.ok(&["comment", &moment, "Steep!"]);
    go(&page, "/notices");
    page.says(".notice-row", "Steep!");
    for (what, said) in [
        ("No more about this moment", "You get no more notices about this moment."),
        ("No more from Ben", "You get no more notices from Ben."),
    ] {
        page.press(".notice-row", "What to do with this notice of Ben");
        page.press("[role=menu]", what);
        page.says(".notice-status", said);
        page.says(".empty", "Nothing new");
        // What is muted gives none; what comes after the mute is over does.
        let text = format!("unheard: {what}");
        ben.ok(&["comment", &moment, &text]);
        ada.wait(&format!("/moments/{moment}"), &text, |moment| {
            moment["comments"].as_array()?.iter().find(|comment| comment["text"] == text.as_str()).map(|_| ())
        });
        assert_eq!(ada.get("/notices")["unread"], 0, "{what}");
        page.press(".notice-status", "Undo");
        page.says(".notice-row", "Steep!");
    }
    ben.ok(&["comment", &moment, "Heard again"]);
    page.says(".notice-row", "Heard again");
    let heard = page
        .run("return [...document.querySelectorAll('.notice-text')].map((text) => text.textContent)", &[]);
    assert_eq!(heard, json!(["Heard again", "Steep!"]), "what was muted gives none afterwards either");

    go(&page, "/settings/notices");
    page.says(".panel", "No notices from");
    page.run("const choice = document.querySelector('select'); choice.value = choice.options[1].value", &[]);
    page.press("form", "Add");
    page.button(".people", "Notices again: Ben");
    assert_eq!(ada.get("/friends")["friends"][0]["muted"], true);
    page.press(".people", "Notices again: Ben");
    ada.wait("/friends", "Ben to be heard", |all| (all["friends"][0]["muted"] == false).then_some(()));
    quiet(&page);
}

#[test]
fn a_language_is_kept_by_the_node_for_every_page_and_browser() {
    let (mut ada, page) = person("Ada");
    go(&page, "/settings/language");
    title(&page, "Language · Tidings");
    mark(&page);
    choose(&page, "简体中文");
    title(&page, "语言 · Tidings");
    for (path, name) in [
        ("/", "动态"),
        ("/people", "好友"),
        ("/notices", "消息"),
        ("/settings", "设置"),
        ("/settings/privacy", "隐私"),
        ("/settings/notices", "消息通知"),
        ("/settings/storage", "存储空间"),
        ("/settings/programs", "程序"),
        ("/settings/network", "网络"),
        ("/settings/about", "关于"),
    ] {
        go(&page, path);
        title(&page, &format!("{name} · Tidings"));
    }
    assert_eq!(page.run("return document.documentElement.lang", &[]), "zh-Hans");
    // An error is told in the same language, with its figures.
    go(&page, "/settings/programs");
    let long = "长".repeat(22);
    page.write("#program-name", &long);
    choose(&page, "读取");
    page.press("form.panel", "授予");
    page.says("form.panel .wrong", "程序名称为 1 到 64 字节");
    let refused = page.complaints();
    assert!(refused.len() == 1 && refused[0].contains("/api/v1/tokens"), "only that name: {refused:?}");

    ada.stop();
    ada.start();
    let second = Browser::new(WINDOW.0, WINDOW.1);
    let nameless = address(&ada).split('?').next().expect("an address").to_owned();
    second.open(&nameless);
    second.says(".door", "请在终端获取新地址");
    second.open(&address(&ada));
    title(&second, "动态 · Tidings");
    go(&second, "/settings/language");
    choose(&second, "跟随浏览器");
    title(&second, "Language · Tidings");
    assert_eq!(ada.get("/settings"), json!({"language": null, "desktop": "off"}));
    quiet_but_locked(&second);
}

/// Quiet, but for the answer of a page without a session.
fn quiet_but_locked(page: &Browser) {
    let complaints = page.complaints();
    assert!(complaints.len() == 1 && complaints[0].contains("401"), "{complaints:?}");
    asks_only_its_node(page);
}

#[test]
fn a_program_gets_a_token_that_works_until_it_is_revoked() {
    let (ada, page) = person("Ada");
    go(&page, "/settings/programs");
    page.says(".programs", "No program has a token.");
    page.write("#program-name", "blog");
    page.press("form.panel", "Grant");
    page.says("form.panel .wrong", "Choose at least one thing");
    choose(&page, "Your timeline, friends, pictures");
    page.press("form.panel", "Grant");
    let token = page.text_of(&page.find(".link.token"));
    page.says(".programs", "blog");
    let http = ada.get("/status")["http"].as_str().unwrap_or_default().to_owned();
    let asked = |method: &str, path: &str| {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{http}/api/v1{path}"))
            .header("authorization", format!("Bearer {token}"))
            .body(())
            .expect("a request");
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        agent.run(request).expect("an answer").status().as_u16()
    };
    assert_eq!(asked("GET", "/timeline"), 200);
    assert_eq!(asked("GET", "/tokens"), 403, "a program does not see the others");
    page.press(".settings-places", "Network");
    page.says("main h1", "Network");
    page.run("history.back()", &[]);
    page.says(".programs", "blog");
    assert_eq!(
        page.run("return document.querySelectorAll('.link.token').length", &[]),
        0,
        "not by going back"
    );
    page.run("location.reload()", &[]);
    page.says(".programs", "blog");
    assert_eq!(page.run("return document.querySelectorAll('.link.token').length", &[]), 0, "shown once");
    page.press(".programs", "Revoke: blog");
    page.press("dialog", "Revoke");
    page.says(".programs", "No program has a token.");
    assert_eq!(asked("GET", "/timeline"), 401);
    let refused = page.complaints();
    assert!(
        refused.len() == 1 && refused[0].contains("/api/v1/tokens"),
        "only what had no scope: {refused:?}"
    );
    asks_only_its_node(&page);
}

#[test]
#[cfg(target_os = "linux")]
fn a_window_chosen_here_closes_older_moments_at_a_friend() {
    let folder = tempfile::tempdir().expect("a folder");
    let shim = support::clock::shim(folder.path());
    let (mut ada, mut ben) = (Node::new("Ada"), Node::new("Ben"));
    for node in [&mut ada, &mut ben] {
        node.set("LD_PRELOAD", &shim);
        node.set("DAYS_AGO", Path::new("6"));
        node.start();
    }
    befriend(&ada, &ben);
    post(&ada, "six days ago", &ben);
    for node in [&mut ada, &mut ben] {
        node.stop();
        node.set("DAYS_AGO", Path::new("0"));
        node.start();
    }
    support::wait_connected(&ada, &ben);
    post(&ada, "today", &ben);
    let sees = |wanted: &[&str]| {
        ben.wait("/timeline?limit=100", &format!("{wanted:?}"), |page| {
            let texts: Vec<&str> =
                page["moments"].as_array()?.iter().filter_map(|moment| moment["text"].as_str()).collect();
            (texts == wanted).then_some(())
        });
    };
    sees(&["today", "six days ago"]);
    let page = open(&ada);
    page.find(".composer");
    go(&page, "/settings/privacy");
    page.says(".settings", "they never get a key to anything older");
    choose(&page, "The last three days");
    page.says(".choices", "Kept.");
    sees(&["today"]);

    page.run("const choice = document.querySelector('select'); choice.value = choice.options[1].value", &[]);
    page.press("section[aria-labelledby]", "Add");
    page.button(".people", "Show again: Ben");
    sees(&[]);
    page.press(".people", "Show again: Ben");
    choose(&page, "All moments");
    sees(&["today", "six days ago"]);
    quiet(&page);
}

#[test]
fn storage_and_network_say_what_there_is_and_a_stopped_node_is_seen() {
    let (ada, page, ben) = with_friend();
    post(&ben, "Something to keep", &ada);
    let kept = ada.wait("/status", "bytes of Ben", |status| {
        status["disk"]["friends"].as_array()?.iter().find(|part| part["friend"]["name"] == "Ben")?["bytes"].as_u64()
    });
    assert!(kept.0 > 0);
    go(&page, "/settings/storage");
    let said = page.text_of(&page.says(".bars li", "Ben"));
    assert!(said.contains("kB") || said.contains("byte"), "{said}");
    page.says(".facts", "Free on the disk");

    go(&page, "/settings/network");
    page.says(".panel", "Ben\nin the same network");
    page.says(".addresses", "/quic-v1");
    page.press(".settings-section", "Stop the node");
    page.press("dialog", "Leave it");
    assert_eq!(ada.get("/status")["running"], true);
    page.press(".settings-section", "Stop the node");
    page.press("dialog", "Stop the node");
    page.says(".settings-section", "The node has ended");
    page.says(".node-state", "Your node does not answer");
    let ended = support::until(support::PATIENCE, std::time::Duration::from_millis(50), || {
        ada.try_get("/onboarding").is_none().then_some(())
    });
    assert!(ended.is_some(), "it ends");
}

#[test]
fn a_desktop_is_told_as_much_as_was_chosen_while_nobody_looks() {
    let (ada, page, ben) = with_friend();
    let moment = post(&ada, "A hill", &ben);
    go(&page, "/settings/notices");
    let origin = page.run("return location.origin", &[]);
    page.chromium("Browser.grantPermissions", json!({"permissions": ["notifications"], "origin": origin}));
    choose(&page, "That there is something new");
    page.says(".choices", "Kept.");
    assert_eq!(ada.get("/settings")["desktop"], "plain");
    // The desktop itself cannot be looked at: what it would be told is written down, as if the page were out of sight.
    page.run(
        "window.told = [];
         window.Notification = class extends EventTarget {
           static permission = 'granted';
           static async requestPermission() { return 'granted'; }
           constructor(title, { body }) { super(); window.told.push(body); }
         };
         Object.defineProperty(document, 'hidden', { get: () => true });",
        &[],
    );
    let told = |words: &str| {
        page.wait(words, "return window.told.at(-1) === arguments[0]", &[json!(words)]);
    };
    ben.ok(&["comment", &moment, "Steep!"]);
    told("There is something new for you.");
    choose(&page, "Who it is and what they say");
    ada.wait("/settings", "the choice", |settings| (settings["desktop"] == "names").then_some(()));
    ben.ok(&["comment", &moment, "And green."]);
    told("Ben commented on your moment: And green.");
    choose(&page, "None");
    ada.wait("/settings", "the choice", |settings| (settings["desktop"] == "off").then_some(()));
    ben.ok(&["like", &moment]);
    title(&page, "(3) Notices · Tidings");
    assert_eq!(page.run("return window.told.length", &[]), 2, "nothing more");
    quiet(&page);
}
