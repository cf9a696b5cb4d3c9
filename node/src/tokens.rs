//! Tokens of other programs: a name, scopes, and a hash. The token itself is shown once and never stored.
//!
//! A token is 32 random bytes; its BLAKE3 hash needs no salt or stretching, because nobody guesses 256 bits. They are
//! kept in the home, so that a token granted while no node runs holds when one does.
//!
//! | scope | allows |
//! | --- | --- |
//! | `read` | every GET: timeline, friends, photos, events |
//! | `post` | moments, likes, comments, and withdrawing them; with `read`, sharing on and changing who may see one |
//! | `share-in` | posting a moment, and nothing else; reads nothing |
//!
//! None of them may care for friends, invites, tags, the profile, tokens or the node: that is the person's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tidings::time::Timestamp;

use crate::error::{Error, Result};
use crate::home::{Home, write_private};
use crate::limits::{TOKEN_LIMIT, TOKEN_NAME_LIMIT};
use crate::os;

/// What a token allows.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Look, do not touch.
    Read,
    /// Post, like, comment, withdraw.
    Post,
    /// Post a moment, read nothing.
    ShareIn,
}

/// A token as it is kept: without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What the person calls the program.
    pub name: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// Since when, Unix milliseconds.
    pub created_ms: u64,
    /// BLAKE3 of the token, hex.
    hash: String,
}

impl Token {
    /// Since when.
    pub fn created_at(&self) -> Timestamp {
        Timestamp::from_millis(self.created_ms)
    }
}

/// The tokens of one home.
#[derive(Debug)]
pub struct Tokens {
    file: PathBuf,
    kept: Mutex<Vec<Token>>,
}

impl Tokens {
    /// Reads those of a home.
    ///
    /// # Errors
    /// If the file is there and cannot be read or understood: then no program is let in by mistake.
    pub fn open(home: &Home) -> Result<Self> {
        let file = home.tokens_file();
        let kept = match std::fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| {
                Error::failed(
                    "bad_tokens",
                    format!("{} is damaged: {e}", file.display()),
                    "remove the file; tokens then have to be granted again",
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("cannot read", &file, &error)),
        };
        Ok(Self { file, kept: Mutex::new(kept) })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Token>> {
        // The list is replaced as a whole, so a panic elsewhere cannot leave it half changed.
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Grants a token and returns it: the only time it is seen.
    ///
    /// # Errors
    /// Usage without a name or scope; refused if the name is taken or there are too many.
    pub fn add(&self, name: &str, scopes: BTreeSet<Scope>, now: Timestamp) -> Result<(Token, String)> {
        if name.is_empty() || name.len() > TOKEN_NAME_LIMIT || name.chars().any(char::is_control) {
            return Err(Error::usage(
                "bad_token_name",
                format!("a token's name has 1 to {TOKEN_NAME_LIMIT} bytes and no control characters"),
                "name it after the program that will use it",
            )
            .with("limit", TOKEN_NAME_LIMIT));
        }
        if scopes.is_empty() {
            return Err(Error::usage(
                "no_scope",
                "a token needs a scope",
                "add --scope read, post or share-in",
            ));
        }
        let secret = os::random_secret()?;
        let mut kept = self.kept();
        if kept.iter().any(|token| token.name == name) {
            return Err(Error::refused(
                "token_exists",
                format!("there is a token called {name}"),
                "revoke it first, or choose another name",
            )
            .with("name", name));
        }
        if kept.len() >= TOKEN_LIMIT {
            return Err(Error::refused(
                "too_many_tokens",
                format!("there are {TOKEN_LIMIT} tokens, the limit"),
                "revoke one that is not used",
            )
            .with("limit", TOKEN_LIMIT));
        }
        let token =
            Token { name: name.to_owned(), scopes, created_ms: now.as_millis(), hash: hash_of(&secret) };
        let mut next = kept.clone();
        next.push(token.clone());
        self.keep(&next)?;
        *kept = next;
        Ok((token, secret))
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// Not found, if there is none of that name.
    pub fn revoke(&self, name: &str) -> Result<()> {
        let mut kept = self.kept();
        let next: Vec<Token> = kept.iter().filter(|token| token.name != name).cloned().collect();
        if next.len() == kept.len() {
            return Err(Error::not_found(
                "no_such_token",
                format!("there is no token called {name}"),
                "see `tidings token list`",
            )
            .with("name", name));
        }
        self.keep(&next)?;
        *kept = next;
        Ok(())
    }

    /// All of them, in the order of their making.
    pub fn list(&self) -> Vec<Token> {
        self.kept().clone()
    }

    /// What the bearer of `secret` may do; `None` if it is no token.
    pub fn scopes_of(&self, secret: &str) -> Option<BTreeSet<Scope>> {
        // A comparison of hashes tells a guesser nothing that helps: they do not choose the hash.
        let hash = hash_of(secret);
        self.kept().iter().find(|token| token.hash == hash).map(|token| token.scopes.clone())
    }

    fn keep(&self, tokens: &[Token]) -> Result<()> {
        let text = serde_json::to_vec_pretty(tokens)
            .map_err(|e| Error::failed("internal", e.to_string(), "report this"))?;
        write_private(&self.file, &text)
    }
}

/// Hash of a secret, for keeping and comparing.
pub fn hash_of(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> (tempfile::TempDir, Home, Tokens) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        home.create().unwrap();
        let tokens = Tokens::open(&home).unwrap();
        (dir, home, tokens)
    }

    #[test]
    fn a_granted_token_holds_after_a_restart_and_a_revoked_one_does_not() {
        let (_dir, home, tokens) = fresh();
        let (_, secret) = tokens.add("blog", [Scope::Read].into(), Timestamp::ZERO).unwrap();
        let again = Tokens::open(&home).unwrap();
        assert_eq!(again.scopes_of(&secret), Some([Scope::Read].into()));
        assert_eq!(again.scopes_of("other"), None);
        again.revoke("blog").unwrap();
        assert_eq!(again.scopes_of(&secret), None);
        assert_eq!(again.revoke("blog").unwrap_err().code, "no_such_token");
    }

    #[test]
    fn the_token_itself_is_not_in_the_file() {
        let (_dir, home, tokens) = fresh();
        let (_, secret) = tokens.add("blog", [Scope::Post].into(), Timestamp::ZERO).unwrap();
        assert!(!std::fs::read_to_string(home.tokens_file()).unwrap().contains(&secret));
    }

    #[test]
    fn the_limit_of_tokens_is_the_last_one_granted() {
        let (_dir, _home, tokens) = fresh();
        for n in 0..TOKEN_LIMIT {
            tokens.add(&format!("t{n}"), [Scope::Read].into(), Timestamp::ZERO).unwrap();
        }
        assert_eq!(
            tokens.add("more", [Scope::Read].into(), Timestamp::ZERO).unwrap_err().code,
            "too_many_tokens"
        );
    }

    #[test]
    fn a_name_has_a_limit_and_is_unique() {
        let (_dir, _home, tokens) = fresh();
        let name = "n".repeat(TOKEN_NAME_LIMIT);
        tokens.add(&name, [Scope::Read].into(), Timestamp::ZERO).unwrap();
        assert_eq!(
            tokens.add(&name, [Scope::Read].into(), Timestamp::ZERO).unwrap_err().code,
            "token_exists"
        );
        for bad in [format!("{name}n"), String::new(), "a\nb".into()] {
            assert_eq!(
                tokens.add(&bad, [Scope::Read].into(), Timestamp::ZERO).unwrap_err().code,
                "bad_token_name"
            );
        }
        assert_eq!(tokens.add("x", BTreeSet::new(), Timestamp::ZERO).unwrap_err().code, "no_scope");
    }

    #[test]
    fn a_damaged_file_lets_nobody_in() {
        let (_dir, home, _tokens) = fresh();
        std::fs::write(home.tokens_file(), b"[{").unwrap();
        assert_eq!(Tokens::open(&home).unwrap_err().code, "bad_tokens");
    }
}
