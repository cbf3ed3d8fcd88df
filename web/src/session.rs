//! Who may use this node: one-time login tokens, browser sessions, and the rate of wrong guesses.
//!
//! Pure: time and random secrets come in as arguments. [`crate::state`] holds the one instance and keeps its file.
//!
//! ```text
//! login token ──(first use, within 10 minutes)──▶ session ──(30 days unused, logout, or pushed out)──▶ gone
//! ```
//!
//! Sessions outlive a restart of the node: their hashes are kept in a file, so that nobody is logged out because a
//! machine was rebooted. The secrets themselves exist only in the browser's cookie jar.

use std::collections::{BTreeMap, VecDeque};

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// How long a login link works, in ms: long enough to walk to another window, short enough to be forgotten in a log.
pub const LOGIN_TOKEN_MS: u64 = 10 * 60 * 1000;
/// Login links open at once: the oldest is forgotten for a new one.
pub const LOGIN_TOKENS_MAX: usize = 8;
/// How long an unused session lasts, in ms (30 days).
pub const SESSION_IDLE_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Browsers logged in at once: a household's. The one unused for longest is pushed out.
pub const SESSIONS_MAX: usize = 32;
/// Wrong tokens tolerated within [`LOGIN_WINDOW_MS`]. With 128-bit tokens this only keeps a guesser's noise down.
pub const LOGIN_FAILURES_MAX: usize = 10;
/// The window of [`LOGIN_FAILURES_MAX`], in ms.
pub const LOGIN_WINDOW_MS: u64 = 60 * 1000;
/// A session's last use is noted this coarsely, in ms (one hour), so that its file is rarely written.
const TOUCH_EVERY_MS: u64 = 60 * 60 * 1000;

/// 128 bits that only their holder knows. Compared in constant time; never printed by `Debug`.
#[derive(Clone)]
pub struct Secret([u8; 16]);

impl Secret {
    /// From 16 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// From its text form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text form: 22 characters of URL-safe base64.
    #[must_use]
    pub fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// Whether both are the same, in time that does not depend on where they differ.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    fn hash(&self) -> SessionHash {
        SessionHash(blake3::derive_key("hutong v1 web session", &self.0))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is kept of a session's secret. Looking a hash up in a map needs no constant time: who does not know the secret
/// cannot choose the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionHash([u8; 32]);

/// Why nobody was logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Unknown, used, or too old.
    #[error("this login link was used already or is too old: get a new one from your node")]
    Refused,
    /// Too many wrong tokens.
    #[error("too many wrong login tokens: wait {0} seconds")]
    TooMany(u64),
}

#[derive(Clone, Debug)]
struct Token {
    secret: Secret,
    until_ms: u64,
}

/// A session as it is kept in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    hash: SessionHash,
    used_ms: u64,
}

/// Login tokens and sessions.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    tokens: VecDeque<Token>,
    /// By hash: when last used, in ms since 1970.
    sessions: BTreeMap<SessionHash, u64>,
    /// When the last wrong tokens came.
    failures_ms: VecDeque<u64>,
}

impl Sessions {
    /// The sessions of an earlier run. What cannot be read is as if nobody were logged in.
    #[must_use]
    pub fn from_json(json: &[u8]) -> Self {
        let kept: Vec<Kept> = serde_json::from_slice(json).unwrap_or_default();
        let sessions = kept.into_iter().take(SESSIONS_MAX).map(|kept| (kept.hash, kept.used_ms)).collect();
        Self { sessions, ..Self::default() }
    }

    /// What to keep for the next run. Contains no secret.
    ///
    /// # Errors
    /// Those of the JSON writer, which this never meets.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let kept: Vec<Kept> =
            self.sessions.iter().map(|(hash, used_ms)| Kept { hash: *hash, used_ms: *used_ms }).collect();
        serde_json::to_vec(&kept)
    }

    /// Lets `secret` log in once, within [`LOGIN_TOKEN_MS`].
    pub fn add_token(&mut self, secret: Secret, now_ms: u64) {
        if self.tokens.len() >= LOGIN_TOKENS_MAX {
            self.tokens.pop_front();
        }
        self.tokens.push_back(Token { secret, until_ms: now_ms.saturating_add(LOGIN_TOKEN_MS) });
    }

    /// Exchanges a login token for a session with the secret `fresh`.
    ///
    /// # Errors
    /// [`LoginError`] if the token does not work, or too many did not before.
    pub fn login(&mut self, token: &str, fresh: &Secret, now_ms: u64) -> Result<(), LoginError> {
        self.check_rate(now_ms)?;
        self.tokens.retain(|token| now_ms < token.until_ms);
        let Some(index) = Secret::parse(token).and_then(|secret| self.find_token(&secret)) else {
            self.failures_ms.push_back(now_ms);
            return Err(LoginError::Refused);
        };
        self.tokens.remove(index);
        self.make_room(now_ms);
        self.sessions.insert(fresh.hash(), now_ms);
        Ok(())
    }

    fn check_rate(&mut self, now_ms: u64) -> Result<(), LoginError> {
        self.failures_ms.retain(|at| now_ms < at.saturating_add(LOGIN_WINDOW_MS));
        match self.failures_ms.front() {
            Some(first) if self.failures_ms.len() >= LOGIN_FAILURES_MAX => {
                let wait_ms = first.saturating_add(LOGIN_WINDOW_MS).saturating_sub(now_ms);
                Err(LoginError::TooMany(wait_ms.div_ceil(1000)))
            }
            _ => Ok(()),
        }
    }

    /// Looks at every token, so that time tells nothing about which one came close.
    fn find_token(&self, secret: &Secret) -> Option<usize> {
        let mut found = None;
        for (index, token) in self.tokens.iter().enumerate() {
            if token.secret.matches(secret) {
                found = Some(index);
            }
        }
        found
    }

    fn make_room(&mut self, now_ms: u64) {
        self.sessions.retain(|_, used_ms| now_ms < used_ms.saturating_add(SESSION_IDLE_MS));
        while self.sessions.len() >= SESSIONS_MAX {
            let Some(oldest) = self.sessions.iter().min_by_key(|(_, used_ms)| **used_ms).map(|(hash, _)| *hash) else {
                return;
            };
            self.sessions.remove(&oldest);
        }
    }

    /// The session of this secret, if there is one, and whether the file should be written because its last use moved.
    #[must_use]
    pub fn find(&mut self, secret: &Secret, now_ms: u64) -> Option<(SessionHash, bool)> {
        let hash = secret.hash();
        let used_ms = self.sessions.get_mut(&hash)?;
        if now_ms >= used_ms.saturating_add(SESSION_IDLE_MS) {
            self.sessions.remove(&hash);
            return None;
        }
        let moved = now_ms >= used_ms.saturating_add(TOUCH_EVERY_MS);
        if moved {
            *used_ms = now_ms;
        }
        Some((hash, moved))
    }

    /// Whether this session still exists.
    #[must_use]
    pub fn contains(&self, hash: &SessionHash) -> bool {
        self.sessions.contains_key(hash)
    }

    /// Ends a session.
    pub fn logout(&mut self, hash: &SessionHash) {
        self.sessions.remove(hash);
    }
}

/// The name of the session cookie. Browsers send cookies to every port of a host, so the port is part of the name and
/// two nodes on one machine do not log each other out.
#[must_use]
pub fn cookie_name(port: u16) -> String {
    format!("__Host-hutong-{port}")
}

/// The `Set-Cookie` that carries a session, or ends it if `secret` is `None`.
#[must_use]
pub fn set_cookie(port: u16, secret: Option<&Secret>) -> String {
    let value = secret.map(Secret::to_text).unwrap_or_default();
    let age_s = if secret.is_some() { SESSION_IDLE_MS / 1000 } else { 0 };
    format!("{}={value}; Path=/; Max-Age={age_s}; HttpOnly; Secure; SameSite=Strict", cookie_name(port))
}

/// The session's secret from the `Cookie` headers of a request.
pub fn secret_from_cookies<'a>(port: u16, cookies: impl Iterator<Item = &'a str>) -> Option<Secret> {
    let name = cookie_name(port);
    cookies
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| Secret::parse(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn secret(byte: u8) -> Secret {
        Secret::new([byte; 16])
    }

    #[test]
    fn a_token_works_once() {
        let mut sessions = Sessions::default();
        sessions.add_token(secret(1), NOW);
        assert_eq!(sessions.login(&secret(1).to_text(), &secret(9), NOW), Ok(()));
        assert_eq!(sessions.login(&secret(1).to_text(), &secret(8), NOW), Err(LoginError::Refused));
        assert!(sessions.find(&secret(9), NOW).is_some());
        assert!(sessions.find(&secret(8), NOW).is_none());
        // The token is no session.
        assert!(sessions.find(&secret(1), NOW).is_none());
    }

    #[test]
    fn a_token_works_for_ten_minutes() {
        for (later, works) in [(LOGIN_TOKEN_MS - 1, true), (LOGIN_TOKEN_MS, false)] {
            let mut sessions = Sessions::default();
            sessions.add_token(secret(1), NOW);
            assert_eq!(sessions.login(&secret(1).to_text(), &secret(9), NOW + later).is_ok(), works);
        }
    }

    #[test]
    fn anything_else_is_no_token() {
        let mut sessions = Sessions::default();
        sessions.add_token(secret(1), NOW);
        let text = secret(1).to_text();
        for wrong in ["", "x", &text[1..], &format!("{text}A"), &text.to_lowercase(), &secret(2).to_text()] {
            assert_eq!(sessions.login(wrong, &secret(9), NOW), Err(LoginError::Refused), "{wrong}");
        }
        assert_eq!(sessions.login(&text, &secret(9), NOW), Ok(()));
    }

    #[test]
    fn guessing_is_slowed_down_even_for_the_right_token() {
        let mut sessions = Sessions::default();
        sessions.add_token(secret(1), NOW);
        for _ in 0..LOGIN_FAILURES_MAX {
            assert_eq!(sessions.login("wrong", &secret(9), NOW), Err(LoginError::Refused));
        }
        let text = secret(1).to_text();
        assert_eq!(sessions.login(&text, &secret(9), NOW), Err(LoginError::TooMany(60)));
        assert_eq!(sessions.login(&text, &secret(9), NOW + LOGIN_WINDOW_MS - 1), Err(LoginError::TooMany(1)));
        assert_eq!(sessions.login(&text, &secret(9), NOW + LOGIN_WINDOW_MS), Ok(()));
    }

    #[test]
    fn tokens_and_sessions_are_bounded() {
        let mut sessions = Sessions::default();
        for byte in 0..=u8::try_from(SESSIONS_MAX).unwrap() {
            sessions.add_token(secret(byte), NOW);
            let at = NOW + u64::from(byte);
            sessions.login(&secret(byte).to_text(), &secret(100 + byte), at).unwrap();
        }
        assert_eq!(sessions.sessions.len(), SESSIONS_MAX);
        assert!(sessions.find(&secret(100), NOW).is_none(), "the one unused for longest is pushed out");
        assert!(sessions.find(&secret(101), NOW).is_some());

        for byte in 0..=u8::try_from(LOGIN_TOKENS_MAX).unwrap() {
            sessions.add_token(secret(byte), NOW);
        }
        assert_eq!(sessions.tokens.len(), LOGIN_TOKENS_MAX);
        assert_eq!(sessions.login(&secret(0).to_text(), &secret(200), NOW), Err(LoginError::Refused));
    }

    #[test]
    fn an_unused_session_ends_and_a_used_one_does_not() {
        let mut sessions = Sessions::default();
        sessions.add_token(secret(1), NOW);
        sessions.login(&secret(1).to_text(), &secret(9), NOW).unwrap();
        let (_, moved) = sessions.find(&secret(9), NOW + SESSION_IDLE_MS - 1).unwrap();
        assert!(moved);
        assert!(sessions.find(&secret(9), NOW + 2 * SESSION_IDLE_MS - 2).is_some());
        assert!(sessions.find(&secret(9), NOW + 4 * SESSION_IDLE_MS).is_none());
    }

    #[test]
    fn sessions_survive_a_restart_without_their_secrets_on_disk() {
        let mut sessions = Sessions::default();
        sessions.add_token(secret(1), NOW);
        sessions.login(&secret(1).to_text(), &secret(9), NOW).unwrap();
        let json = sessions.to_json().unwrap();
        let mut again = Sessions::from_json(&json);
        let (hash, _) = again.find(&secret(9), NOW + 1).unwrap();
        assert_ne!(hash.0[..16], [9; 16]);
        again.logout(&hash);
        assert!(again.find(&secret(9), NOW + 1).is_none());
        assert!(Sessions::from_json(b"damaged").sessions.is_empty());
    }

    #[test]
    fn the_cookie_is_found_among_others_and_only_by_its_port() {
        let cookie = set_cookie(8480, Some(&secret(9)));
        assert!(cookie.starts_with("__Host-hutong-8480="));
        for attribute in ["; Path=/", "; HttpOnly", "; Secure", "; SameSite=Strict"] {
            assert!(cookie.contains(attribute), "{attribute}");
        }
        assert!(!cookie.contains("Domain"));
        assert!(set_cookie(8480, None).contains("Max-Age=0"));

        let pair = cookie.split(';').next().unwrap();
        let header = format!("a=b; __Host-hutong-8481=zzz; {pair}; c=d");
        assert!(secret_from_cookies(8480, [header.as_str()].into_iter()).unwrap().matches(&secret(9)));
        assert!(secret_from_cookies(848, [header.as_str()].into_iter()).is_none());
        assert_eq!(format!("{:?}", secret(9)), "Secret(..)");
    }
}
