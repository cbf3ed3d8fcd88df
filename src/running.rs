//! How a command finds the node that runs on a data directory: `run` leaves a note there while it runs.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{api::Api, failure::Failure};

/// The note, in the data directory.
const NOTE_FILE: &str = "running.json";

/// What the note says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Note {
    /// Where the API listens.
    web: SocketAddr,
    /// The process, for people who look.
    pid: u32,
}

/// The note of a running node. Removed when it is dropped; after a crash it stays, and is found to be stale.
pub(crate) struct Running {
    path: PathBuf,
}

impl Running {
    /// Leaves the note.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn announce(data_dir: &Path, web: SocketAddr) -> Result<Self, Failure> {
        let path = data_dir.join(NOTE_FILE);
        let note = Note { web, pid: std::process::id() };
        let text = serde_json::to_string(&note).map_err(|error| Failure::failed(error.to_string()))?;
        // All or nothing: somebody may be reading.
        let beside = path.with_extension("json.new");
        std::fs::write(&beside, text + "\n").map_err(Failure::io("write", &beside))?;
        std::fs::rename(&beside, &path).map_err(Failure::io("write", &path))?;
        Ok(Self { path })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "the note of the running node was gone already");
        }
    }
}

/// The API of the node that runs on this data directory, if one does.
///
/// # Errors
/// If its token cannot be read.
pub(crate) async fn find(data_dir: &Path) -> Result<Option<Api>, Failure> {
    let path = data_dir.join(NOTE_FILE);
    let note: Note = match std::fs::read(&path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(note) => note,
            Err(_) => return Ok(None),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("read", &path)(error)),
    };
    if !note.web.ip().is_loopback() {
        return Ok(None);
    }
    let token_path = hutong_web::token_path(data_dir);
    let token = std::fs::read_to_string(&token_path).map_err(Failure::io("read", &token_path))?;
    let api = Api::new(note.web, token.trim())?;
    // After a crash the note is stale, and the port may be somebody else's.
    Ok(api.get::<hutong_web::api::session::Session>("session").await.is_ok().then_some(api))
}

/// As [`find`], for commands that cannot do without.
///
/// # Errors
/// [`Exit::NotRunning`](crate::failure::Exit::NotRunning) if none runs.
pub(crate) async fn require(data_dir: &Path) -> Result<Api, Failure> {
    find(data_dir).await?.ok_or_else(|| Failure::not_running(data_dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[tokio::test]
    async fn without_a_note_or_with_a_stale_one_no_node_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert!(find(dir.path()).await.unwrap().is_none());
        std::fs::write(dir.path().join("api-token"), "a".repeat(26)).unwrap();
        // Nobody listens on port 9 (discard) of the loopback.
        let running = Running::announce(dir.path(), "127.0.0.1:9".parse().unwrap()).unwrap();
        assert_eq!(require(dir.path()).await.err().map(|failure| failure.exit), Some(Exit::NotRunning));
        drop(running);
        assert!(!dir.path().join(NOTE_FILE).exists());
        std::fs::write(dir.path().join(NOTE_FILE), "garbage").unwrap();
        assert!(find(dir.path()).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_note_that_leads_off_this_machine_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(NOTE_FILE), "{\"web\":\"192.0.2.1:80\",\"pid\":1}").unwrap();
        assert!(find(dir.path()).await.unwrap().is_none());
    }
}
