//! People: the first run up to the first friend, invites off a picture, requests, tags, what each sees of the other, parting.

use super::*;

const ENTER: &str = "\u{E007}";
const TAB: &str = "\u{E004}";

/// What these elements say.
fn said(page: &Browser, css: &str) -> Vec<String> {
    let script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent.trim())";
    let all = page.run(script, &[json!(css)]);
    all.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Presses a key where the focus is.
fn key(page: &Browser, key: &str) {
    page.write(":focus", key);
}

/// Goes on with the Tab key until the button of this name has the focus, and presses Enter.
fn tab_to(page: &Browser, name: &str) {
    for _ in 0..40 {
        let at = page.run("return document.activeElement?.textContent.trim() ?? ''", &[]);
        if at == name {
            return key(page, ENTER);
        }
        let is_somewhere = page.run("return document.activeElement !== document.body", &[]) == true;
        page.write(if is_somewhere { ":focus" } else { "body" }, TAB);
    }
    panic!("no way to {name:?} by the Tab key:\n{}", page.text());
}

/// Waits for a heading.
fn heading(page: &Browser, text: &str) {
    let script = "return [...document.querySelectorAll('h1, h2, h3')].some((h) => h.checkVisibility() && h.textContent === arguments[0])";
    page.wait(&format!("the heading {text:?}"), script, &[json!(text)]);
}

fn reload(page: &Browser) {
    mark(page);
    page.run("location.reload()", &[]);
    page.wait("the page anew", "return window.kept === undefined && document.readyState === 'complete'", &[]);
}

/// Types the words that are asked for, the first of them as `first` if that is given.
fn answer(page: &Browser, words: &[String], first: Option<&str>) {
    page.find(".asked:nth-of-type(3) input");
    for at in 1..=3 {
        let field = format!(".asked:nth-of-type({at}) input");
        let number =
            page.run("return Number(document.querySelector(arguments[0]).dataset.number)", &[json!(field)]);
        let number = usize::try_from(number.as_u64().expect("a number")).expect("small");
        let right = words[number - 1].as_str();
        page.run("document.querySelector(arguments[0]).value = ''", &[json!(field)]);
        page.write(&field, if at == 1 { first.unwrap_or(right) } else { right });
    }
    key(page, ENTER);
}

/// The page of all friends.
fn people(page: &Browser) {
    page.press(".places", "People");
    heading(page, "People");
}

/// Opens the sheet of a friend.
fn sheet(page: &Browser, name: &str) {
    let row = page.says(".friend-row .person", name);
    page.click(&row);
    page.find("dialog.friend .safety li:nth-child(6)");
}

#[test]
fn a_first_run_goes_by_keyboard_to_the_first_friend() {
    let mut node = Node::nameless();
    node.start();
    let page = open(&node);
    page.says(".door", "What do your friends call you?");
    key(&page, &format!("Ada{ENTER}"));
    heading(&page, "A picture of you");
    reload(&page);
    let folder = tempfile::tempdir().expect("a folder");
    page.write("#picture", &photo(folder.path()).display().to_string());
    page.wait("the square", "return document.activeElement?.textContent === 'Use this picture'", &[]);
    key(&page, ENTER);
    page.find(".words li:nth-child(24)");
    assert!(node.get("/whoami")["avatar"].is_string(), "the picture is set");
    let words = said(&page, ".words li");
    assert!(words.iter().all(|word| !word.is_empty()), "{words:?}");
    reload(&page);
    page.find(".words li:nth-child(24)");
    assert_eq!(said(&page, ".words li"), words, "a reload shows them again until they are written down");
    tab_to(&page, "I have written them down");

    answer(&page, &words, Some("wrong"));
    page.says(".wrong", "is not right. Look at your paper, or at the words again.");
    let asked = page.run("return document.activeElement.dataset.number", &[]);
    page.says(".wrong", &format!("Word {}", asked.as_str().unwrap_or_default()));
    tab_to(&page, "Look at the words again");
    page.find(".words li:nth-child(24)");
    tab_to(&page, "I have written them down");
    page.find(".asked");
    let kept = page
        .run("return document.documentElement.textContent.includes(arguments[0])", &[json!(words.join(""))]);
    assert_eq!((kept, said(&page, ".words li").len()), (json!(false), 0), "they have left the document");
    reload(&page);
    answer(&page, &words, None);

    heading(&page, "Your first friend");
    assert!(page.address().ends_with("/welcome"), "{}", page.address());
    let left = page.run("return fetch('/api/v1/onboarding').then((answer) => answer.json())", &[]);
    assert_eq!(left, json!({"state": "done", "words": []}), "nobody can show them again");
    reload(&page);
    heading(&page, "Your first friend");
    tab_to(&page, "Not now");
    page.find(".composer");
    page.says(".top", "Ada");
    assert_eq!(said(&page, ".reminder").len(), 0);
    quiet(&page);
}

#[test]
fn words_that_are_put_off_wait_and_are_asked_for_until_they_are_written_down() {
    let mut node = Node::nameless();
    node.start();
    let page = open(&node);
    page.write("#name", "Ada");
    page.press("form", "Begin");
    page.press(".door", "Without a picture");
    page.find(".words li:nth-child(24)");
    let words = said(&page, ".words li");
    page.press(".door", "Later");
    heading(&page, "Your first friend");
    page.says(".reminder", "Your 24 words are not written down yet.");
    reload(&page);
    page.press(".reminder", "Write them down now");
    page.find("dialog .words li:nth-child(24)");
    assert_eq!(said(&page, "dialog .words li"), words);
    page.press("dialog", "I have written them down");
    answer(&page, &words, None);
    page.wait("no reminder", "return !document.querySelector('.reminder, dialog')", &[]);
    reload(&page);
    heading(&page, "Your first friend");
    assert_eq!(said(&page, ".reminder, .words").len(), 0);
    quiet(&page);
}

#[test]
fn an_invite_is_read_off_a_picture_and_both_compare_the_words_where_they_stand() {
    let ((ada, ada_page), (ben, ben_page)) = (person("Ada"), person("Ben"));
    let folder = tempfile::tempdir().expect("a folder");
    ada_page.press(".side", "Invite");
    ada_page.write("dialog #expected", "Benny");
    ada_page.press("dialog", "Make an invite");
    ada_page.wait("the QR code", "return document.querySelector('dialog img.qr')?.naturalWidth > 0", &[]);
    let place = "const at = document.querySelector('dialog img.qr').getBoundingClientRect();
        return [at.x - 4, at.y - 4, at.width + 8, at.height + 8]";
    let place = ada_page.run(place, &[]);
    let side = |at: usize| place[at].as_f64().expect("a number");
    let picture = folder.path().join("code.png");
    std::fs::write(&picture, ada_page.screenshot(Some([side(0), side(1), side(2), side(3)])))
        .expect("written");

    ben_page.press(".side", "I have a link");
    ben_page.write("dialog input[type=file]", &photo(folder.path()).display().to_string());
    ben_page.says("dialog .wrong", "No QR code was found in that picture.");
    ben_page.write("dialog input[type=file]", &picture.display().to_string());
    ada_page.says("dialog .request", "Ben would like to be your friend. You expected Benny.");
    ada_page.press("dialog .request", "Confirm");
    heading(&ada_page, "You and Benny are friends");
    heading(&ben_page, "You and Ada are friends");
    for page in [&ada_page, &ben_page] {
        page.find("dialog .safety li:nth-child(6)");
    }
    assert_eq!(said(&ada_page, ".safety li"), said(&ben_page, ".safety li"), "the safety words match");
    ada_page.press("dialog", "They match");
    ada_page.says("dialog", "You said that Benny has the same words.");
    ben_page.press("dialog", "They differ");
    ben_page.says("dialog .wrong", "Somebody may stand between you and Ada.");
    assert_eq!(ada.get("/friends")["friends"][0]["verified"], true);
    assert_eq!(ben.get("/friends")["friends"][0]["verified"], false);
    ada_page.press("dialog", "Done");
    ada_page.says(".person", "Benny");
    quiet(&ada_page);
    quiet(&ben_page);
}

#[test]
fn tags_are_given_by_menu_and_by_drag_and_an_end_of_one_is_asked_twice() {
    let (ada, page) = person("Ada");
    let (ben, cleo) = (Node::started("Ben"), Node::started("Cleo"));
    befriend(&ada, &ben);
    befriend(&ada, &cleo);
    people(&page);
    page.says(".friend-row", "Cleo");
    page.press(".friend-row", "Tags of Ben");
    key(&page, &format!("family{ENTER}"));
    page.says(".tag-menu .chip[aria-pressed=true]", "family");
    page.says(".tags", "family");
    key(&page, "\u{E00C}");
    page.wait("no menu", "return !document.querySelector('.tag-menu')", &[]);
    let members = |count: usize| {
        ada.wait("/tags", "the tag's friends", move |tags| {
            (tags["tags"][0]["friends"].as_array()?.len() == count).then_some(())
        });
    };
    members(1);

    let from = page.says(".friend-row", "Cleo");
    let onto = page.says(".tag-row", "family");
    page.drag(&from, &onto);
    page.says(".tag-row", "2 friends");
    members(2);
    page.press(".tags", "family2 friends");
    page.says("[role=status]", "2 friends");
    page.press(".friend-row", "Tags of Cleo");
    page.press(".tag-menu", "family");
    page.wait("one is left", "return document.querySelectorAll('.friend-row').length === 1", &[]);
    key(&page, "\u{E00C}");
    members(1);

    page.press(".tags", "Edit family");
    page.run("document.querySelector('#tag-name').value = ''", &[]);
    page.write("#tag-name", "kin");
    page.press("dialog", "Save");
    page.says(".tags", "kin");
    page.press(".tags", "Edit kin");
    page.press("dialog", "Delete");
    page.says("dialog", "The friends stay friends. Whoever saw moments only through kin loses them");
    assert_eq!(ada.get("/tags")["tags"][0]["name"], "kin");
    page.press("dialog", "Delete the tag");
    page.wait("no tags", "return document.querySelector('.tags').hidden", &[]);
    assert_eq!(ada.get("/tags")["tags"], json!([]));
    quiet(&page);
}

#[test]
fn as_ben_sees_me_shows_what_ben_may_see_and_nothing_can_be_done_there() {
    let (ada, page) = person("Ada");
    let (ben, cleo) = (Node::started("Ben"), Node::started("Cleo"));
    befriend(&ada, &ben);
    befriend(&ada, &cleo);
    ada.ok(&["post", "For all"]);
    ada.ok(&["post", "Not for Ben", "--except", "Ben"]);
    ada.ok(&["post", "For Ben alone", "--to", "Ben"]);
    people(&page);
    sheet(&page, "Ben");
    page.press("dialog", "Their page");
    heading(&page, "Ben");
    page.press(".person-page", "Name, tags, privacy");
    page.find("dialog.friend .safety li:nth-child(6)");
    page.press("dialog", "Close");
    page.press(".person-page", "As Ben sees me");
    heading(&page, "What Ben sees");
    let shown = || said(&page, ".as-they-see .said");
    page.wait("two moments", "return document.querySelectorAll('.as-they-see article').length === 2", &[]);
    assert_eq!(shown(), ["For Ben alone", "For all"]);
    let usable = "return [...document.querySelectorAll('.as-they-see button')].filter((b) => b.checkVisibility() && !b.matches('.photo')).length";
    assert_eq!(page.run(usable, &[]), 0);

    people(&page);
    sheet(&page, "Ben");
    page.press_words("dialog .choice", "Ben does not see my moments");
    ada.wait("/privacy", "hidden from Ben", |now| (now["hide_mine_from"][0]["name"] == "Ben").then_some(()));
    page.press("dialog", "As Ben sees me");
    page.says(".as-they-see", "Ben sees none of your moments.");
    assert_eq!(shown(), Vec::<String>::new());
    quiet(&page);
}

#[test]
fn a_friend_is_renamed_blocked_let_back_and_removed_with_what_each_means() {
    let (ada, page) = person("Ada");
    let ben = Node::started("Ben");
    befriend(&ada, &ben);
    people(&page);
    sheet(&page, "Ben");
    page.run("document.querySelector('#friend-name').value = ''", &[]);
    page.write("#friend-name", "Uncle Ben");
    page.write("#friend-note", "Met at the lake");
    page.press("dialog form", "Save");
    page.says("dialog h2", "Uncle Ben");
    page.says(".friend-row", "Uncle Ben");
    assert_eq!(ada.get("/friends")["friends"][0]["note"], "Met at the lake");

    page.press_words("dialog summary", "Block or remove");
    page.press("dialog", "Block");
    page.says("dialog", "does not reach you any more and you do not see theirs. Nobody is told.");
    page.press("dialog", "Block them");
    page.wait("no friends", "return document.querySelectorAll('.friend-row, dialog').length === 0", &[]);
    page.press_words("summary", "1 blocked");
    page.press("details", "Unblock");
    page.says(".friend-row", "Uncle Ben");

    sheet(&page, "Uncle Ben");
    page.press_words("dialog summary", "Block or remove");
    page.press("dialog", "Remove");
    page.says("dialog", "This ends the friendship with Uncle Ben. Nobody is told.");
    assert_eq!(
        ada.get("/friends")["friends"].as_array().map(Vec::len),
        Some(1),
        "not before it is said twice"
    );
    page.press("dialog", "Remove the friend");
    page.says(".people-page", "Nobody yet.");
    assert_eq!(ada.get("/friends")["friends"], json!([]));
    quiet(&page);
}

#[test]
fn two_friends_are_introduced_and_both_say_yes_on_their_pages() {
    let ((ada, ada_page), (ben, ben_page)) = (person("Ada"), person("Ben"));
    let cleo = Node::started("Cleo");
    befriend(&ada, &ben);
    befriend(&ada, &cleo);
    people(&ada_page);
    ada_page.says(".friend-row", "Cleo");
    sheet(&ada_page, "Ben");
    ada_page.press("dialog", "Introduce…");
    heading(&ada_page, "Introduce Ben to…");
    ada_page.click(&ada_page.says("dialog .choice", "Cleo"));
    ada_page.says("dialog", "Ben and Cleo are asked and learn each other’s names");
    ada_page.press("dialog", "Introduce them");
    ada_page.says("#notice:popover-open", "Ben and Cleo are asked.");

    people(&ben_page);
    ben_page.says(".request", "Ada would like you and Cleo to meet.");
    ben_page.press(".request", "Confirm");
    ben_page.says(".request", "You said yes; Cleo has not answered yet.");
    cleo.wait("/requests", "the introduction", |all| (all["requests"][0]["name"] == "Ben").then_some(()));
    cleo.ok(&["confirm", "Ben"]);
    ben_page.says(".friend-row", "Cleo");
    ben_page.wait("no request", "return document.querySelectorAll('.request').length === 0", &[]);
    sheet(&ben_page, "Cleo");
    ben_page.says("dialog", "introduced by Ada");
    quiet(&ada_page);
    quiet(&ben_page);
}

#[test]
fn five_thousand_friends_are_a_short_document_in_which_one_is_found() {
    let (_ada, page) = person("Ada");
    let fill = "const { FriendList } = await import('/assets/parts/friends.js');
        const friends = Array.from({ length: 5000 }, (_, at) => ({ id: at.toString(16).padStart(64, '0'), name: `Friend ${String(at).padStart(4, '0')}`,
            own_name: '', note: '', tags: [], online: false, verified: false, last_seen: null, avatar: null, status: null }));
        const list = window.list = new FriendList();
        document.getElementById('main').replaceChildren(list.node);
        list.shown(); list.set(friends);
        return list.list.childElementCount";
    let run = |script: &str| page.run(&format!("return (async () => {{ {script} }})()"), &[]);
    let rows = run(fill).as_u64().expect("a count");
    assert!((10..200).contains(&rows), "{rows} rows stand in the document");
    run("window.scrollTo(0, document.documentElement.scrollHeight)");
    page.says(".friend-row", "Friend 4999");
    let rows = run("return list.list.childElementCount").as_u64().expect("a count");
    assert!((10..200).contains(&rows), "{rows} rows at the end");
    run("window.scrollTo(0, 0); list.text = 'friend 4242'; list.narrow()");
    page.wait("one friend", "return document.querySelectorAll('.friend-row').length === 1", &[]);
    page.says(".friend-row", "Friend 4242");
    quiet(&page);
}
