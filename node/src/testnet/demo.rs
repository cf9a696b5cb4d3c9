//! The demo moments of a test network: a few days of a small circle, with painted pictures, audiences, likes and replies.
//!
//! Everything goes through the nodes' own APIs. It is over when every moment has reached everybody who may read it.

use serde_json::{Value, json};

use super::{Member, WAIT};
use crate::cli::door::{Ask, segment};
use crate::error::{Error, Result};
use crate::media::sample::{self, Scene};
use crate::os;

/// One moment of the demo. People are numbers; those whom a network does not have, or who are not friends, are left out.
struct Scripted {
    author: usize,
    text: &'static str,
    scenes: &'static [Scene],
    to: &'static [&'static str],
    except: &'static [&'static str],
    private: bool,
    likes: &'static [usize],
    comments: &'static [(usize, &'static str)],
}

const PLAIN: Scripted = Scripted {
    author: 0,
    text: "",
    scenes: &[],
    to: &[],
    except: &[],
    private: false,
    likes: &[],
    comments: &[],
};

const SCRIPT: [Scripted; 9] = [
    Scripted {
        author: 1,
        text: "Four o'clock and the mist would not lift. Worth every minute of the climb.",
        scenes: &[Scene::Dawn, Scene::Forest],
        likes: &[0, 2],
        comments: &[(2, "You said five!"), (1, "I said *before* five.")],
        ..PLAIN
    },
    Scripted {
        author: 0,
        text: "Does anybody still have my blue umbrella?",
        comments: &[(1, "It has moved in with us.")],
        ..PLAIN
    },
    Scripted {
        author: 2,
        text: "",
        scenes: &[Scene::Meadow, Scene::Lake, Scene::Sunset, Scene::Town],
        likes: &[0, 1, 3],
        ..PLAIN
    },
    Scripted {
        author: 0,
        text: "Planning Ben's surprise. Bring candles, and not a word to him.",
        except: &["Ben"],
        likes: &[2],
        comments: &[(2, "My lips are sealed.")],
        ..PLAIN
    },
    Scripted { author: 0, text: "Note to self: the key is under the third pot.", private: true, ..PLAIN },
    Scripted {
        author: 3,
        text: "The last light over the roofs.",
        scenes: &[Scene::Town],
        likes: &[0, 4],
        comments: &[(4, "Is that your new window?"), (3, "Yes! Come and see.")],
        ..PLAIN
    },
    Scripted {
        author: 0,
        text: "Grandmother's recipe, found at last. For the family only.",
        to: &["family"],
        likes: &[1],
        comments: &[(1, "Finally!")],
        ..PLAIN
    },
    Scripted {
        author: 4,
        text: "First night under the stars this year.",
        scenes: &[Scene::Night],
        likes: &[0, 1, 2, 3],
        ..PLAIN
    },
    Scripted {
        author: 0,
        text: "Three weeks in nine pictures. I am not ready to be back.",
        scenes: &[
            Scene::Sunset,
            Scene::Lake,
            Scene::Meadow,
            Scene::Town,
            Scene::Dawn,
            Scene::Forest,
            Scene::Dunes,
            Scene::Night,
            Scene::Lake,
        ],
        likes: &[1, 2, 4],
        comments: &[(3, "The dunes! Where is that?"), (0, "Ask me over dinner.")],
        ..PLAIN
    },
];

/// Pictures are painted on this machine; unoptimised builds paint smaller ones.
const SIZE: (u32, u32) = if cfg!(debug_assertions) { (480, 360) } else { (sample::WIDTH, sample::HEIGHT) };

/// Posts everything and waits until it has arrived. Does nothing in a network that has moments already.
pub(super) fn play(members: &[Member], pairs: &[(usize, usize)], say: &dyn Fn(String)) -> Result<()> {
    let Some(first) = members.first() else { return Ok(()) };
    if first.ask(&Ask::get("/timeline?limit=1"))?.pointer("/moments/0").is_some() {
        return Ok(());
    }
    let friends = |a: usize, b: usize| a != b && pairs.iter().any(|pair| *pair == (a.min(b), a.max(b)));
    let family: Vec<&str> = [1, 2]
        .iter()
        .filter(|b| friends(0, **b))
        .filter_map(|b| members.get(*b))
        .map(|m| m.name.as_str())
        .collect();
    first.ask(&Ask::json("POST", "/tags/family/add", json!({"friends": family})))?;
    for (at, scripted) in SCRIPT.iter().enumerate() {
        let Some(author) = members.get(scripted.author) else { continue };
        say(format!("Demo: {} of {}, by {}", at + 1, SCRIPT.len(), author.name));
        let named = |words: &[&'static str]| {
            let known = |word: &str| {
                word == "family"
                    || members.iter().enumerate().any(|(b, m)| m.name == word && friends(scripted.author, b))
            };
            words.iter().copied().filter(|word| known(word)).collect::<Vec<_>>()
        };
        let draft = json!({
            "text": scripted.text,
            "alts": scripted.scenes.iter().map(|scene| scene.alt()).collect::<Vec<_>>(),
            "to": named(scripted.to),
            "except": named(scripted.except),
            "private": scripted.private,
        });
        let id = post(author, at, scripted, draft)?;
        let readers = arrive(members, author, &id)?;
        answer(members, scripted, &id, &readers)?;
    }
    Ok(())
}

/// Posts one moment; its id.
fn post(author: &Member, at: usize, scripted: &Scripted, draft: Value) -> Result<String> {
    let folder = author.home().tmp();
    let mut files = Vec::new();
    for (n, scene) in scripted.scenes.iter().enumerate() {
        let seed = u64::try_from(at * 16 + n).unwrap_or(0);
        let picture = sample::jpeg(*scene, seed, SIZE.0, SIZE.1)
            .map_err(|e| Error::failed("no_picture", e.to_string(), "leave out --demo"))?;
        let file = folder.join(format!("demo-{n}-{}.jpg", scene.name()));
        std::fs::write(&file, picture).map_err(|e| Error::io("cannot write", &file, &e))?;
        files.push(file);
    }
    let posted = if files.is_empty() {
        author.ask(&Ask::json("POST", "/moments", draft))
    } else {
        author.ask(&Ask::form("/moments", draft, files.clone())?)
    };
    for file in files {
        // Emptied at the next start if it stays.
        let _ = std::fs::remove_file(file);
    }
    Ok(posted?.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Waits until everybody who may read a moment has it; who that is.
fn arrive<'a>(members: &'a [Member], author: &Member, id: &str) -> Result<Vec<&'a Member>> {
    let who = author.ask(&Ask::get(format!("/moments/{}/who", segment(id))))?;
    let people = who.get("people").and_then(Value::as_array).cloned().unwrap_or_default();
    let names: Vec<&str> = people.iter().filter_map(|p| p.get("name").and_then(Value::as_str)).collect();
    let readers: Vec<&Member> = members.iter().filter(|m| names.contains(&m.name.as_str())).collect();
    let has = |member: &&Member| member.ask(&Ask::get(format!("/moments/{}", segment(id)))).is_ok();
    if os::wait_until(WAIT, || readers.iter().all(&has)) {
        return Ok(readers);
    }
    let missing = readers.iter().find(|member| !has(member)).map(|m| m.name.clone()).unwrap_or_default();
    Err(Error::failed(
        "not_arrived",
        format!("a moment of {} did not reach {missing}", author.name),
        "see the logs in their homes, in log/node.log",
    ))
}

/// Likes and comments, by those who can read it.
fn answer(members: &[Member], scripted: &Scripted, id: &str, readers: &[&Member]) -> Result<()> {
    let reader = |at: usize| {
        let member = members.get(at)?;
        (at == scripted.author || readers.iter().any(|r| r.name == member.name)).then_some(member)
    };
    for member in scripted.likes.iter().filter_map(|at| reader(*at)) {
        member.ask(&Ask::bare("PUT", format!("/moments/{}/like", segment(id))))?;
    }
    for (at, text) in scripted.comments {
        if let Some(member) = reader(*at) {
            member.ask(&Ask::json(
                "POST",
                format!("/moments/{}/comments", segment(id)),
                json!({"text": text}),
            ))?;
        }
    }
    Ok(())
}
