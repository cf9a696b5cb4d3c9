//! The page's styles: one file names the colours, and nothing says left or right.

use crate::page::{ASSETS, named};

/// The values of a style sheet, with where they begin: what stands between a colon and its end, inside of braces.
fn values(css: &str) -> Vec<(usize, String, String)> {
    let mut found = Vec::new();
    let mut plain = css.to_owned();
    while let Some(begin) = plain.find("/*") {
        let end = plain[begin..].find("*/").map_or(plain.len(), |end| begin + end + 2);
        let blanks: String = plain[begin..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        let padding = " ".repeat(end - begin - blanks.len());
        plain.replace_range(begin..end, &(blanks + &padding));
    }
    let mut begin = 0;
    for (at, end) in plain.char_indices().filter(|(_, c)| "{};".contains(*c)) {
        if end != '{'
            && let Some((name, value)) = plain[begin..at].split_once(':')
        {
            found.push((
                begin + name.len() - name.trim_start().len(),
                name.trim().to_owned(),
                value.trim().to_owned(),
            ));
        }
        begin = at + 1;
    }
    found
}

/// Whether a value names a colour of its own.
fn names_colour(value: &str) -> bool {
    let hex =
        value.split('#').skip(1).any(|rest| rest.chars().take_while(char::is_ascii_hexdigit).count() >= 3);
    let function = ["rgb(", "rgba(", "hsl(", "hsla(", "oklch(", "lab("];
    let made = function.iter().any(|name| {
        value.match_indices(name).any(|(at, _)| {
            !value[at..].starts_with("hsl(var(--hue)") && !value[at..].starts_with("hsl(calc(var(--hue)")
        })
    });
    let mut words = value.split(|c: char| !c.is_alphanumeric() && c != '-');
    hex || made
        || words.any(|word| {
            ["white", "black", "red", "green", "blue", "gray", "grey", "orange", "yellow"].contains(&word)
        })
}

#[test]
fn only_the_tokens_name_colours_and_nothing_names_left_or_right() {
    let mut found = Vec::new();
    for (path, css) in named("css") {
        let line = |at: usize| css[..at].matches('\n').count() + 1;
        for (at, name, value) in values(&css) {
            if names_colour(&value) && !path.ends_with("00-tokens.css") {
                found.push(format!(
                    "{path}:{}: {value:?} is a colour: name it in styles/00-tokens.css",
                    line(at)
                ));
            }
            let sided =
                name == "left" || name == "right" || name.ends_with("-left") || name.ends_with("-right");
            let aligned = matches!(name.as_str(), "text-align" | "float" | "clear")
                && matches!(value.as_str(), "left" | "right");
            // The corners of a picture stay where they are in every language.
            let of_picture = path.ends_with("43-photo-editor.css");
            if (sided || aligned) && !of_picture {
                found.push(format!(
                    "{path}:{}: {name}: {value}: say it by start and end, for languages from right to left",
                    line(at)
                ));
            }
        }
    }
    crate::none("see CONTRIBUTING.md, \"Working on the page\"", &found);
}

#[test]
fn the_colour_around_the_page_is_its_own() {
    let tokens = crate::text_of(&format!("{ASSETS}/styles/00-tokens.css"));
    let papers: Vec<String> = values(&tokens)
        .into_iter()
        .filter(|(_, name, _)| name == "--paper")
        .map(|(.., value)| value)
        .collect();
    let [light, dark] = papers.as_slice() else { panic!("a light and a dark paper: {papers:?}") };
    for page in ["page.html", "locked.html"] {
        let text = crate::text_of(&format!("node/templates/{page}"));
        assert!(
            text.contains(&format!("content=\"{light}\" media=\"(prefers-color-scheme: light)\"")),
            "{page}: {light}"
        );
        assert!(
            text.contains(&format!("content=\"{dark}\" media=\"(prefers-color-scheme: dark)\"")),
            "{page}: {dark}"
        );
    }
    assert!(
        crate::text_of(&format!("{ASSETS}/manifest.webmanifest"))
            .contains(&format!("\"theme_color\": \"{light}\""))
    );
}
