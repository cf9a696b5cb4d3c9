//! A person's page, search and favourites: what somebody changes about themselves, what is found again, what is kept.

use super::*;

/// Goes to a page by its address.
fn visit(page: &Browser, path: &str) {
    page.run("location.href = arguments[0]", &[json!(path)]);
    let there =
        "return location.pathname + location.search === arguments[0] && document.readyState === 'complete'";
    page.wait(path, there, &[json!(path)]);
    page.find("main h1");
}

/// The page of a friend, as somebody opens it.
fn visit_friend(page: &Browser, friend: &Node) {
    visit(page, &format!("/people/{}", friend.user()));
    page.find(".person-page");
}

/// Opens an address that says what is searched for; the page takes it out.
fn search_at(page: &Browser, path: &str) {
    page.run("window.isOld = true; location.href = arguments[0]", &[json!(path)]);
    let there = "return !window.isOld && location.pathname + location.search === '/search'";
    page.wait(path, there, &[]);
    page.find(".search-results");
}

fn gone(page: &Browser, css: &str) {
    page.wait(&format!("no {css}"), "return document.querySelector(arguments[0]) === null", &[json!(css)]);
}

/// Waits until something is no longer said.
fn unsaid(page: &Browser, words: &str) {
    page.wait(
        &format!("no {words:?}"),
        "return !document.body.innerText.includes(arguments[0])",
        &[json!(words)],
    );
}

fn replace(page: &Browser, css: &str, text: &str) {
    page.find(css);
    page.run("document.querySelector(arguments[0]).value = ''", &[json!(css)]);
    page.write(css, text);
}

#[test]
fn a_profile_changed_on_one_page_is_seen_on_a_friends_page_that_stays_open() {
    let ((ada, ada_page), (ben, ben_page)) = (person("Ada"), person("Ben"));
    befriend(&ada, &ben);
    visit_friend(&ben_page, &ada);
    mark(&ben_page);
    let folder = tempfile::tempdir().expect("a folder");
    let picture = photo(folder.path()).display().to_string();

    visit(&ada_page, "/people/me");
    ada_page.press(".person-head", "Edit profile");
    replace(&ada_page, "#profile-name", "Ada of the lake");
    replace(&ada_page, "#profile-about", "Gone fishing");
    ada_page.write("dialog input[data-kind=avatar]", &picture);
    ada_page.find("dialog .edit-avatar canvas");
    ada_page.write("dialog input[data-kind=cover]", &picture);
    ada_page.find("dialog .edit-cover canvas");
    ada_page.press("dialog", "Save");
    gone(&ada_page, "dialog");
    ada_page.says(".top .me", "Ada of the lake");

    // Ben calls her by a name of his own.
    ben_page.says(".person-head h1", "Ada");
    ben_page.says(".person-head", "Calls themselves Ada of the lake");
    ben_page.says(".person-head .about", "Gone fishing");
    // The picture is 320 by 240: the face is cut square, the cover twice as wide as high.
    let size = |css: &str| {
        let script = "const image = document.querySelector(arguments[0]);
            return image?.naturalWidth > 0 && [image.naturalWidth, image.naturalHeight]";
        ben_page.wait(css, script, &[json!(css)])
    };
    assert_eq!(size(".person-head .face img"), json!([240, 240]));
    assert_eq!(size(".person-cover img"), json!([320, 160]));

    ada_page.press(".person-head", "Edit profile");
    ada_page.find("dialog .edit-avatar img");
    ada_page.press("dialog .edit-avatar ~ .row", "Remove");
    ada_page.press("dialog", "Save");
    gone(&ada_page, ".person-head .face img");
    gone(&ben_page, ".person-head .face img");
    assert!(ben_page.text().contains("Ada of the lake") && kept(&ben_page), "without a reload");
    assert_eq!(ada.get("/whoami")["avatar"], Value::Null);
    quiet(&ada_page);
    quiet(&ben_page);
}

#[test]
fn a_status_is_set_and_cleared_on_the_page_and_ends_by_itself() {
    let ((ada, ada_page), (ben, ben_page)) = (person("Ada"), person("Ben"));
    befriend(&ada, &ben);
    visit_friend(&ben_page, &ada);
    mark(&ben_page);
    visit(&ada_page, "/people/me");
    ada_page.press(".person-head", "Set a status");
    ada_page.press("dialog", "Set status");
    ada_page.says("dialog .wrong", "There is nothing written here yet.");
    ada_page.write("#status-text", "On a walk");
    ada_page.press("dialog .emojis", "🚶");
    ada_page.press("dialog", "Set status");
    ada_page.says(".person-head .status", "On a walk");
    ben_page.says(".person-head .status", "On a walk");
    ben_page.says(".person-head .status .emoji", "🚶");
    assert_eq!(ben.get("/friends")["friends"][0]["status"]["text"], "On a walk");

    ada_page.press(".person-head", "Change status");
    ada_page.press("dialog", "Clear it");
    gone(&ada_page, ".person-head .status");
    gone(&ben_page, ".person-head .status");

    ada.ok(&["status-set", "Back in a moment", "--for", "4s"]);
    ben_page.says(".person-head .status", "Back in a moment");
    gone(&ben_page, ".person-head .status");
    assert!(kept(&ben_page));
    assert_eq!(ada_page.complaints().len(), 1, "only the status without a word: {:?}", ada_page.complaints());
    quiet(&ben_page);
}

#[test]
fn an_album_shows_what_one_may_see_by_month_and_says_where_it_ends() {
    let ((ada, ada_page), (ben, ben_page)) = (person("Ada"), person("Ben"));
    befriend(&ada, &ben);
    let folder = tempfile::tempdir().expect("a folder");
    let file = photo(folder.path()).display().to_string();
    ada.ok(&["post", "By the lake", "--photo", &file]);
    ada.ok(&["post", "A note to myself", "--private"]);
    has(&ben, "By the lake");

    visit_friend(&ben_page, &ada);
    mark(&ben_page);
    ben_page.says(".month h3", "1 moment");
    let loaded = "return document.querySelector('.tile img')?.naturalWidth > 0";
    ben_page.wait("the small picture", loaded, &[]);
    assert_eq!(ben_page.run("return document.querySelectorAll('.tile').length", &[]), 1);
    ada.ok(&["privacy", "--window", "3d"]);
    ben_page.says(".album-end", "Ada shows the last three days.");
    ada.ok(&["post", "Another word"]);
    ben_page.says(".tile", "Another word");
    ben_page.says(".month h3", "2 moments");
    ben_page.press(".views", "List");
    card(&ben_page, "By the lake");
    assert!(kept(&ben_page));

    visit(&ada_page, "/people/me");
    ada_page.says(".month h3", "3 moments");
    ada_page.says(".album-end", "Friends see the last three days; you see all of it.");
    let labels = ada_page
        .run("return [...document.querySelectorAll('.tile')].map((tile) => tile.ariaLabel ?? '')", &[])
        .to_string();
    assert!(labels.contains("A note to myself, only for you"), "{labels}");
    assert!(labels.contains("By the lake, 1 photo\""), "{labels}");
    quiet(&ada_page);
    quiet(&ben_page);
}

#[test]
fn an_album_of_years_holds_only_what_is_near_the_screen() {
    let (ada, page) = person("Ada");
    ada.ok(&["post", "The only one"]);
    // Sixty months of thirty moments each: the node's answer, many times over.
    page.run(
        "const ask = window.fetch;
         const months = Array.from({ length: 60 }, (_, n) => ({ month: `${2026 - Math.floor(n / 12)}-${String(12 - (n % 12)).padStart(2, '0')}`, moments: 30 }));
         window.fetch = async (path, options) => {
             if (!String(path).includes('/album?')) return ask(path, options);
             const album = await (await ask('/api/v1/album?limit=1')).json();
             const month = /month=([0-9-]+)/.exec(path)?.[1];
             const moments = month ? Array.from({ length: 30 }, (_, n) => ({ ...album.moments[0], text: `${month} number ${n}` })) : album.moments;
             return Response.json({ ...album, months, moments, next: null });
         };",
        &[],
    );
    let me = page.find(".top .me");
    page.click(&me);
    page.says(".tile", "2026-12 number 29");
    let jump = page.find(".jump summary");
    page.click(&jump);
    let height = "return document.querySelector('.months').offsetHeight";
    let before = page.run(height, &[]);
    let chip = page.find(".jump [data-month='2022-06']");
    let there =
        "document.querySelector(arguments[0]).scrollIntoView({ block: 'center', behavior: 'instant' })";
    page.run(there, &[json!(".jump [data-month='2022-06']")]);
    page.click(&chip);
    page.says(".tile", "2022-06 number 0");
    let focused = page.run("return document.activeElement.textContent", &[]).to_string();
    assert!(focused.contains("June 2022"), "{focused}");
    page.wait(
        "far months to be let go of",
        "return document.querySelector('[data-month=\"2026-12\"] .tile') === null",
        &[],
    );
    let tiles =
        page.run("return document.querySelectorAll('.tile').length", &[]).as_u64().unwrap_or(u64::MAX);
    assert!((30..400).contains(&tiles), "{tiles} of 1,800 are in the document");
    assert_eq!(page.run(height, &[]), before, "and nothing has moved");
    quiet(&page);
}

#[test]
fn a_search_finds_words_where_they_stand_and_goes_back_to_what_it_showed() {
    let ((ada, page), ben) = (person("Ada"), Node::started("Ben"));
    befriend(&ada, &ben);
    ada.ok(&["post", "Crème brûlée at the lake"]);
    ada.ok(&["post", "今天天气很好", "--place", "西湖"]);
    ben.ok(&["post", "Weather over the <lake>"]);
    ada.ok(&["post", "The lake is a word here", "--place", "Home"]);
    has(&ada, "Weather over the <lake>");

    page.press(".places", "Search");
    page.write("#search-words", "LAKE");
    page.press(".search-form", "Search");
    page.says(".search-results", "3 moments found.");
    let marks = "return [...document.querySelectorAll('mark')].map((mark) => mark.textContent).join()";
    assert_eq!(page.run(marks, &[]), "lake,lake,lake");
    let unsaid = "return [location.pathname + location.search, document.title, JSON.stringify(history.state).includes('LAKE')]";
    assert_eq!(
        page.run(unsaid, &[]),
        json!(["/search", "Search · Tidings", false]),
        "a browser keeps what these say"
    );
    page.write("#search-words", " Weather");
    page.press(".search-form", "Search");
    page.says(".search-results", "1 moment found.");
    page.run("history.back()", &[]);
    page.says(".search-results", "3 moments found.");
    assert_eq!(page.run(marks, &[]), "lake,lake,lake");

    // Such an address may come from elsewhere. It is taken, and does not stay.
    for (path, found, marked) in [
        ("/search?q=creme+brulee", "1 moment found.", "Crème,brûlée"),
        ("/search?q=%E5%A4%A9%E6%B0%94", "1 moment found.", "天气"),
        ("/search?place=%E8%A5%BF%E6%B9%96", "1 moment found.", "西湖"),
        ("/search?q=lake&place=lake", "0 moments found.", ""),
        ("/search?q=lake&from=me", "2 moments found.", "lake,lake"),
    ] {
        search_at(&page, path);
        page.says(".search-results", found);
        assert_eq!(page.run(marks, &[]), marked, "{path}");
    }
    search_at(&page, "/search?q=lake&month=2019-03");
    page.says(".search-results", "Nothing found");
    page.press(".search-results", "Search for “lake” everywhere");
    page.says(".search-results", "3 moments found.");
    page.run("history.back()", &[]);
    page.says(".search-results", "Nothing found");
    assert_eq!(page.run("return document.querySelector('#search-month').value", &[]), "2019-03");
    quiet(&page);
}

#[test]
fn a_long_search_shows_what_it_finds_on_the_way_and_can_be_stopped() {
    let (ada, page) = person("Ada");
    for text in ["found first", "other", "found second", "another", "found third"] {
        ada.ok(&["post", text]);
    }
    // One moment a step, and each step waits for the one who watches.
    page.run(
        "const ask = window.fetch;
         window.steps = [];
         window.fetch = async (path, options) => {
             if (!String(path).includes('look=')) return ask(path, options);
             await new Promise((go) => window.steps.push(go));
             return ask(String(path).replace('look=2000', 'look=1'), options);
         };",
        &[],
    );
    let step = || {
        page.wait("a step", "const go = window.steps.shift(); go?.(); return go !== undefined", &[]);
    };
    page.press(".places", "Search");
    page.write("#search-words", "found");
    page.press(".search-form", "Search");
    step();
    card_marked(&page, "found third");
    page.says(".search-results", "Looked back to");
    step();
    page.wait("the next step", "return window.steps.length === 1", &[]);
    page.press(".search-results", "Stop");
    step();
    page.says(".search-results", "Stopped; 2 found so far.");
    assert_eq!(page.run("return window.steps.length", &[]), 0, "nothing more is asked");
    page.press(".search-results", "Search on");
    (0..3).for_each(|_| step());
    page.says(".search-results", "3 moments found.");
    assert_eq!(page.run("return document.querySelectorAll('article.moment').length", &[]), 3, "none twice");
    quiet(&page);
}

/// Waits for a moment whose text has marks in it.
fn card_marked(page: &Browser, text: &str) {
    page.says("article.moment", text);
    page.find("article.moment mark");
}

#[test]
fn favourites_are_taken_out_and_put_back() {
    let ((ada, page), ben) = (person("Ada"), Node::started("Ben"));
    befriend(&ada, &ben);
    let id = |node: &Node, text: &str| node.ok(&["post", text])["id"].as_str().expect("an id").to_owned();
    page.press(".places", "Favourites");
    page.says(".page", "No favourites yet");
    let (one, two) = (id(&ben, "Keep me"), id(&ben, "Me too"));
    has(&ada, "Me too");
    has(&ada, "Keep me");
    ada.ok(&["fave", &one]);
    ada.ok(&["fave", &two]);
    visit(&page, "/favourites");
    card(&page, "Me too");
    press_on(&page, "Me too", "Remove from favourites");
    page.says("article.out", "Removed from your favourites.");
    ada.wait("/faves", "one favourite", |faves| (faves["moments"].as_array()?.len() == 1).then_some(()));
    press_on(&page, "Me too", "Undo");
    gone(&page, "article.out");
    ada.wait("/faves", "both", |faves| (faves["moments"].as_array()?.len() == 2).then_some(()));
    ben.ok(&["delete", &one]);
    unsaid(&page, "Keep me");
    quiet(&page);
}

#[test]
fn the_page_of_a_friend_whose_moments_are_hidden_says_so_and_shows_them_again() {
    let ((ada, page), ben) = (person("Ada"), Node::started("Ben"));
    befriend(&ada, &ben);
    ben.ok(&["post", "Here I am"]);
    has(&ada, "Here I am");
    ben.ok(&["status-set", "Awake"]);
    visit_friend(&page, &ben);
    mark(&page);
    page.says(".tile", "Here I am");
    page.says(".status", "Awake");
    page.press(".person-head", "Name, tags, privacy");
    page.says("dialog h2", "Ben");
    page.run("document.querySelector('dialog').close()", &[]);
    ada.ok(&["privacy", "--hide-theirs", "Ben"]);
    page.says(".person-page", "You have chosen not to see the moments of Ben.");
    gone(&page, ".tile");
    gone(&page, ".status");
    page.press(".person-page", "Show them again");
    page.says(".tile", "Here I am");
    unsaid(&page, "You have chosen not to see");
    ada.ok(&["friend", "remove", "Ben"]);
    page.says("main", "You and Ben are no longer friends here.");
    gone(&page, ".tile");
    assert!(kept(&page));
    visit(&page, &format!("/people/{}", "0".repeat(64)));
    page.says("main", "Nobody to show");
    assert_eq!(page.complaints().len(), 1, "only the answer that there is nobody: {:?}", page.complaints());
}

/// Many hits in one long text: each is found where it stands, in one pass.
#[test]
fn the_words_of_a_search_are_marked_whole_and_in_one_pass() {
    let (_ada, page) = person("Ada");
    let found = page.run(
        "return import('/assets/lib/hits.js').then(({ hits, wordsOf }) => {
            const many = hits('a '.repeat(200000), ['a']);
            return [hits('Cre\\u0301me, cr\\u00e8me', wordsOf('creme')), hits('\\ufb01sh', wordsOf('i')), hits('x\\u00e9', wordsOf('e')), many.length, many.at(-1)];
        })",
        &[],
    );
    assert_eq!(found, json!([[[0, 6], [8, 13]], [[0, 1]], [[1, 2]], 200_000, [399_998, 399_999]]));
}

#[test]
fn what_one_can_see_through_in_a_picture_is_cut_out_white() {
    let (_ada, page) = person("Ada");
    let pixel = page.run(
        "return import('/assets/parts/crop.js').then(async ({ Crop }) => {
            const clear = new OffscreenCanvas(40, 30);
            clear.getContext('2d');
            const cut = await new Crop(clear.transferToImageBitmap(), 1, 20).cut();
            const out = new OffscreenCanvas(20, 20);
            const context = out.getContext('2d');
            context.drawImage(await createImageBitmap(cut), 0, 0);
            return [...context.getImageData(10, 10, 1, 1).data];
        })",
        &[],
    );
    assert_eq!(pixel, json!([255, 255, 255, 255]));
}
