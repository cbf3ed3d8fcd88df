//! What handlers share.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hutong_node::handle::Node;
use tokio::sync::{Semaphore, watch};

use crate::{
    api::events::{EVENT_SOCKETS_MAX, EventHub},
    auth::Auth,
    secret_file,
    server::{WebConfig, WebError},
    session::{LoginError, Secret, SessionHash, Sessions},
};

/// File of the bearer token, in the data directory.
const API_TOKEN_FILE: &str = "api-token";
/// File of the session hashes, in the data directory.
const SESSIONS_FILE: &str = "web-sessions.json";

/// Uploads at once: each may hold 16 MiB in memory.
const UPLOADS_MAX: usize = 8;
/// Files that are added at once: each has a thread while it comes.
const ATTACHMENTS_MAX: usize = 8;

/// Cloneable handle to what handlers share.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Inner>);

struct Inner {
    node: Node,
    port: u16,
    play: bool,
    version: &'static str,
    bearer: Secret,
    sessions: Mutex<Sessions>,
    sessions_file: PathBuf,
    logins: watch::Sender<u64>,
    events: EventHub,
    event_sockets: Arc<Semaphore>,
    uploads: Arc<Semaphore>,
    attachments: Arc<Semaphore>,
    stop: watch::Sender<bool>,
}

impl AppState {
    pub(crate) fn new(node: Node, config: &WebConfig, port: u16) -> Result<Self, WebError> {
        let bearer = secret_file::read_or_create(&node.data_dir().join(API_TOKEN_FILE))?;
        let sessions_file = node.data_dir().join(SESSIONS_FILE);
        let sessions = match std::fs::read(&sessions_file) {
            Ok(json) => Sessions::from_json(&json),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Sessions::default(),
            Err(source) => return Err(WebError::File { path: sessions_file, source }),
        };
        Ok(Self(Arc::new(Inner {
            node,
            port,
            play: config.play,
            version: env!("CARGO_PKG_VERSION"),
            bearer,
            sessions: Mutex::new(sessions),
            sessions_file,
            logins: watch::Sender::new(0),
            events: EventHub::new(),
            event_sockets: Arc::new(Semaphore::new(EVENT_SOCKETS_MAX)),
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            attachments: Arc::new(Semaphore::new(ATTACHMENTS_MAX)),
            stop: watch::Sender::new(false),
        })))
    }

    pub(crate) fn node(&self) -> &Node {
        &self.0.node
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    pub(crate) fn play(&self) -> bool {
        self.0.play
    }

    pub(crate) fn version(&self) -> &'static str {
        self.0.version
    }

    pub(crate) fn events(&self) -> &EventHub {
        &self.0.events
    }

    pub(crate) fn event_sockets(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.event_sockets)
    }

    /// Places for uploads that are held in memory.
    pub(crate) fn uploads(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.uploads)
    }

    /// Places for files on their way to the disk.
    pub(crate) fn attachments(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.attachments)
    }

    /// Turns true when the server stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stop.subscribe()
    }

    pub(crate) fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    /// Changes whenever a session ended.
    pub(crate) fn logins_changed(&self) -> watch::Receiver<u64> {
        self.0.logins.subscribe()
    }

    pub(crate) fn is_bearer(&self, token: &str) -> bool {
        Secret::parse(token).is_some_and(|secret| secret.matches(&self.0.bearer))
    }

    /// Whether the holder of `auth` may still use the node.
    pub(crate) fn is_valid(&self, auth: &Auth) -> bool {
        match auth {
            Auth::Bearer => true,
            Auth::Session { hash, .. } => self.sessions().contains(hash),
        }
    }

    /// The session of this secret, if there is one.
    pub(crate) fn find_session(&self, secret: &Secret) -> Option<SessionHash> {
        let (hash, moved) = self.sessions().find(secret, now_ms())?;
        if moved {
            self.keep_sessions();
        }
        Some(hash)
    }

    /// A new login link, good for one use.
    pub(crate) fn login_url(&self) -> Result<String, getrandom::Error> {
        let secret = random_secret()?;
        self.sessions().add_token(secret.clone(), now_ms());
        Ok(login_url(self.0.port, &secret))
    }

    /// Exchanges a login token for a session.
    pub(crate) fn login(&self, token: &str) -> Result<Result<Secret, LoginError>, getrandom::Error> {
        let fresh = random_secret()?;
        let done = self.sessions().login(token, &fresh, now_ms());
        if done.is_ok() {
            self.keep_sessions();
        }
        // A full house may have pushed an old session out.
        self.0.logins.send_modify(|count| *count = count.wrapping_add(1));
        Ok(done.map(|()| fresh))
    }

    pub(crate) fn logout(&self, hash: &SessionHash) {
        self.sessions().logout(hash);
        self.keep_sessions();
        self.0.logins.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        // A panic elsewhere cannot leave the sessions half changed, so a poisoned lock is still good.
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the session hashes away. Failing that, people log in again after a restart; nothing else is lost.
    fn keep_sessions(&self) {
        let sessions = self.sessions();
        // Written under the lock, so that an older list cannot land on top of a newer one. It is a few kilobytes.
        let written = sessions
            .to_json()
            .map_err(std::io::Error::from)
            .and_then(|json| secret_file::replace(&self.0.sessions_file, &json));
        if let Err(error) = written {
            tracing::warn!(%error, "could not keep the browser sessions for the next start");
        }
    }
}

/// The address that logs a browser in. The token is in the fragment, which browsers do not send to anybody.
fn login_url(port: u16, secret: &Secret) -> String {
    format!("http://node.localhost:{port}/#token={}", secret.to_text())
}

fn random_secret() -> Result<Secret, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(bytes))
}

/// Wall-clock time in ms since 1970.
pub(crate) fn now_ms() -> u64 {
    hutong_node::clock::now().0
}

/// Where the bearer token of a data directory is.
pub(crate) fn api_token_path(data_dir: &Path) -> PathBuf {
    data_dir.join(API_TOKEN_FILE)
}
