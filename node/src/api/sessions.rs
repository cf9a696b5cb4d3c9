//! Browser sessions: how a page on this machine shows that the person opened it.
//!
//! `run` and `open` print an address with a key that works once, within the hour. Opening it makes a session: a cookie that scripts cannot
//! read and other sites cannot send, and a page token that other sites cannot read and that every changing call carries.
//! Both live in memory and end with the process.
//!
//! Keys and cookies are kept as hashes, so that neither can be compared byte by byte by somebody who measures time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::error::Result;
use crate::limits::{ONE_TIME_KEY_LIFE, ONE_TIME_KEY_LIMIT, SESSION_LIMIT};
use crate::os;
use crate::tokens::hash_of;

/// What a browser gets when it opens a one-time address.
pub struct Opened {
    /// Value of the cookie.
    pub cookie: String,
}

struct Session {
    cookie_hash: String,
    page_token: String,
}

#[derive(Default)]
struct Kept {
    /// When each was made, oldest first.
    keys: VecDeque<(Instant, String)>,
    sessions: VecDeque<Session>,
}

/// Sessions and one-time keys of one process.
#[derive(Default)]
pub struct Sessions(Mutex<Kept>);

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Queues of strings are whole after every step, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that opens one session. The oldest unused one is forgotten when there are too many.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn one_time_key(&self) -> Result<String> {
        let key = os::random_secret()?;
        let mut kept = self.kept();
        if kept.keys.len() >= ONE_TIME_KEY_LIMIT {
            kept.keys.pop_front();
        }
        kept.keys.push_back((Instant::now(), hash_of(&key)));
        Ok(key)
    }

    /// Uses a key up. `None` if it is none or was used.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn open(&self, key: &str) -> Result<Option<Opened>> {
        let hash = hash_of(key);
        let (cookie, page_token) = (os::random_secret()?, os::random_secret()?);
        let mut kept = self.kept();
        kept.keys.retain(|(made, _)| made.elapsed() < ONE_TIME_KEY_LIFE);
        let Some(at) = kept.keys.iter().position(|(_, known)| *known == hash) else { return Ok(None) };
        kept.keys.remove(at);
        if kept.sessions.len() >= SESSION_LIMIT {
            kept.sessions.pop_front();
        }
        kept.sessions.push_back(Session { cookie_hash: hash_of(&cookie), page_token });
        Ok(Some(Opened { cookie }))
    }

    /// The page token of a session; `None` if the cookie is of none.
    pub fn page_token(&self, cookie: &str) -> Option<String> {
        let hash = hash_of(cookie);
        self.kept().sessions.iter().find(|s| s.cookie_hash == hash).map(|s| s.page_token.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_time_address_opens_one_session() {
        let sessions = Sessions::default();
        let key = sessions.one_time_key().unwrap();
        let opened = sessions.open(&key).unwrap().unwrap();
        assert!(sessions.page_token(&opened.cookie).is_some());
        assert!(sessions.open(&key).unwrap().is_none());
        assert!(sessions.page_token(&key).is_none());
    }

    #[test]
    fn a_key_that_nobody_used_for_an_hour_opens_nothing() {
        let sessions = Sessions::default();
        let (old, fresh) = (sessions.one_time_key().unwrap(), sessions.one_time_key().unwrap());
        if let Some(made) = Instant::now().checked_sub(ONE_TIME_KEY_LIFE) {
            sessions.kept().keys[0].0 = made;
            assert!(sessions.open(&old).unwrap().is_none());
        }
        assert!(sessions.open(&fresh).unwrap().is_some());
    }

    #[test]
    fn the_oldest_unused_key_gives_way_to_one_too_many() {
        let sessions = Sessions::default();
        let keys: Vec<_> = (0..=ONE_TIME_KEY_LIMIT).map(|_| sessions.one_time_key().unwrap()).collect();
        assert!(sessions.open(&keys[0]).unwrap().is_none());
        assert!(sessions.open(&keys[1]).unwrap().is_some());
    }

    #[test]
    fn the_oldest_session_gives_way_to_one_too_many() {
        let sessions = Sessions::default();
        let cookies: Vec<_> = (0..=SESSION_LIMIT)
            .map(|_| sessions.open(&sessions.one_time_key().unwrap()).unwrap().unwrap().cookie)
            .collect();
        assert!(sessions.page_token(&cookies[0]).is_none());
        assert!(sessions.page_token(&cookies[1]).is_some());
    }
}
