//! The first moments on a page: a name, a session, a photo shared and discussed, and what a page must never do.

use super::*;

#[test]
fn an_address_opens_one_session_and_is_refused_afterwards() {
    let mut node = Node::new("Ada");
    node.ok(&["init", "--name", "Ada"]);
    node.start();
    let once = address(&node);
    let first = Browser::new(WINDOW.0, WINDOW.1);
    first.open(&once);
    first.find(".composer");
    assert!(!first.address().contains("key"), "the key stays in no history: {}", first.address());
    quiet(&first);
    let second = Browser::new(WINDOW.0, WINDOW.1);
    second.open(&once);
    second.says(".door", "tidings open");
    assert_eq!(second.run("return document.querySelectorAll('.composer').length", &[]), 0);
    let told = second.run("return fetch('/api/v1/timeline').then((answer) => answer.status)", &[]);
    assert_eq!(told, 401, "nor does it get anything past the page");
    second.open(&address(&node));
    second.find(".composer");
    first.run("location.reload()", &[]);
    first.find(".composer");
}

#[test]
fn a_photo_shared_on_one_page_is_liked_and_discussed_on_another_while_both_stay_open() {
    let ((ada, ada_page), (ben, ben_page)) = (person("Ada"), person("Ben"));
    befriend(&ada, &ben);
    for page in [&ada_page, &ben_page] {
        page.find(".side .dot.on");
        mark(page);
    }
    let folder = tempfile::tempdir().expect("a folder");
    share(&ada_page, "The view from up here", Some(&photo(folder.path())));
    card(&ben_page, "The view from up here");
    let full = "const image = [...document.querySelectorAll('.moment .photo img')].at(-1);
        return image?.naturalWidth === 320 && image.classList.contains('here')";
    ben_page.wait("the photo in full", full, &[]);
    ada_page.says(".meta", "1 of 1 have it");

    press_on(&ben_page, "The view from up here", "Like");
    ada_page.says(".likes", "Ben");
    press_on(&ben_page, "The view from up here", "Take the like back");
    ada_page.wait("no like", "return document.querySelectorAll('.likes').length === 0", &[]);
    press_on(&ada_page, "The view from up here", "Like");
    ben_page.says(".likes", "Ada");

    press_on(&ben_page, "The view from up here", "Comment");
    send_comment(&ben_page, "Did you carry me up there?");
    let asked = ada_page.says(".comment", "Ben: Did you carry me up there?");
    ada_page.click(&asked);
    send_comment(&ada_page, "All the way.");
    ben_page.says(".comment", "Ada to Ben: All the way.");

    share(&ben_page, "And down again", None);
    card(&ada_page, "And down again");
    press_on(&ada_page, "The view from up here", "More about this moment");
    press_on(&ada_page, "The view from up here", "Withdraw this moment");
    ada_page.press("dialog", "Withdraw it");
    let one = "return document.querySelectorAll('article.moment').length === 1";
    ben_page.wait("one moment", one, &[]);
    ada_page.wait("one moment", one, &[]);
    for page in [&ada_page, &ben_page] {
        assert!(kept(page), "everything appeared without a reload");
        quiet(page);
    }
}

#[test]
fn all_but_ben_says_who_would_read_it_and_ben_gets_nothing() {
    let (ada, page) = person("Ada");
    let (ben, cleo) = (Node::started("Ben"), Node::started("Cleo"));
    befriend(&ada, &ben);
    befriend(&ada, &cleo);
    choose_audience(&page);
    page.says(".audience", "Ben and Cleo will be able to read this.");
    page.press(".audience", "All but…");
    page.says(".audience", "Choose at least one tag or friend.");
    page.press(".audience", "Ben");
    page.says(".audience", "Cleo will be able to read this.");
    page.says(".audience", "Left out: Ben.");
    share(&page, "Ben must not know", None);
    page.says(".meta", "all but Ben · 1 of 1 have it");
    has(&cleo, "Ben must not know");
    share(&page, "For both", None);
    has(&ben, "For both");
    assert_eq!(texts(&ben), ["For both"]);
    choose_audience(&page);
    page.press(".audience", "Only me");
    page.says(".audience", "It stays on your own devices.");
    quiet(&page);
}

#[test]
fn an_invite_made_on_one_page_is_accepted_on_another_and_confirmed() {
    let ((ada, ada_page), (ben, ben_page)) = (person("Ada"), person("Ben"));
    ada_page.press(".side", "Invite");
    ada_page.write("dialog #expected", "Benny");
    ada_page.press("dialog", "Make an invite");
    let link = ada_page.text_of(&ada_page.find("dialog .link"));
    assert!(link.starts_with("tidings:invite/1/"), "{link}");
    ada_page.wait("the QR code", "return document.querySelector('dialog img.qr').naturalWidth > 0", &[]);
    ada_page.press("dialog", "Close");

    ben_page.press(".side", "I have a link");
    ben_page.write("dialog textarea", "https://example.org/");
    ben_page.press("dialog", "Accept");
    ben_page.says("dialog .wrong", "This is not a tidings invite link.");
    ben_page.run("document.querySelector('dialog textarea').value = ''", &[]);
    ben_page.write("dialog textarea", &link);
    ben_page.press("dialog", "Accept");
    ada_page.says(".request", "Ben would like to be your friend. You expected Benny.");
    ada_page.press(".request", "Confirm");
    ada_page.says(".person", "Benny");
    ben_page.says("dialog", "You and Ada are friends");
    ben_page.press("dialog", "Done");

    let words = |page: &Browser, name: &str| {
        let person = page.says(".person", name);
        page.click(&person);
        page.find("dialog .safety li:nth-child(6)");
        page.run("return [...document.querySelectorAll('.safety li')].map((word) => word.textContent)", &[])
    };
    assert_eq!(words(&ada_page, "Benny"), words(&ben_page, "Ada"), "the safety words match");
    ada_page.press("dialog", "They match");
    ada_page.says("dialog", "You said that Benny has the same words.");
    ada_page.press("dialog", "Close");
    ada_page.says(".person", "verified");
    assert_eq!(ada.get("/friends")["friends"][0]["verified"], true);
    assert_eq!(ben.get("/friends")["friends"][0]["verified"], false);
    quiet(&ada_page);
    asks_only_its_node(&ben_page);
    let complaints = ben_page.complaints();
    assert!(
        complaints.len() == 1 && complaints[0].contains("/api/v1/accept"),
        "only the wrong link: {complaints:?}"
    );
}

#[test]
fn markup_in_names_texts_and_comments_stays_text() {
    const NAME: &str = "<u>Ben</u>";
    const TEXT: &str = "<img src=x onerror=\"window.ran = 1\"><script>window.ran = 2</script> &amp; *this*";
    let (ada, page) = person("Ada");
    let ben = Node::started(NAME);
    befriend(&ada, &ben);
    let posted = ben.ok(&["post", TEXT]);
    let id = posted["id"].as_str().expect("an id");
    ben.ok(&["comment", id, "</li></ul><svg onload=\"window.ran = 3\">"]);
    ben.ok(&["like", id]);
    assert_eq!(card(&page, TEXT), id, "it stands there letter for letter");
    page.says(".comment", "</li></ul><svg onload=\"window.ran = 3\">");
    page.says(".likes", NAME);
    page.says(".moment .name", NAME);
    page.says(".person", NAME);
    let made = "return [window.ran, document.querySelectorAll('img[src=x], #app script, #app u, #app svg[onload]').length]";
    assert_eq!(page.run(made, &[]), json!([null, 0]), "nothing of it became an element or ran");
    quiet(&page);
}

#[test]
fn a_page_whose_node_is_gone_says_so_and_keeps_what_was_written() {
    let (ada, page) = person("Ada");
    mark(&page);
    page.write(".composer textarea", "Nobody");
    page.find(".composer:not(.closed)");
    drop(ada);
    page.write(".composer textarea", " hears this");
    page.press(".composer", "Share");
    page.press(".sending-bar", "Share now");
    page.says(".composer .wrong", "The node does not answer. Is it still running?");
    let draft = page.run("return document.querySelector('.composer textarea').value", &[]);
    assert_eq!(draft, "Nobody hears this", "what was written is not lost");
    assert!(kept(&page));
}

#[test]
fn the_record_notices_foreign_requests_and_broken_policy() {
    let (ada, page) = person("Ada");
    quiet(&page);
    page.run(
        "const script = document.createElement('script'); script.textContent = 'window.ran = 1'; document.body.append(script);
         fetch('http://127.0.0.1:9/elsewhere').catch(() => {});
         console.error('a complaint of a script');",
        &[],
    );
    let complaints = page.wait_for_complaints(3).join("\n");
    for part in ["a complaint of a script", "script-src", "connect-src"] {
        assert!(complaints.contains(part), "{part} is noticed: {complaints}");
    }
    assert_eq!(page.run("return window.ran ?? null", &[]), Value::Null, "an inline script does not run");
    page.run("location.href = arguments[0]", &[json!(format!("{}elsewhere", ada_elsewhere(&ada)))]);
    page.wait("another place", "return location.href.endsWith('/elsewhere')", &[]);
    assert!(
        page.requests().iter().any(|url| url.ends_with("/elsewhere")),
        "a request to elsewhere is noticed"
    );
}
