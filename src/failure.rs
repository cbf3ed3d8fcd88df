//! How a command ends when it does not succeed: one sentence for a person, one number for a script.

use std::{path::Path, process::ExitCode};

use hutong_node::{engine::CommandError, engine::EngineError, handle::NodeError, store::StoreError};
use hutong_web::WebError;

/// What the exit codes mean, for `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed; the message says why
  2  wrong usage, or a mistake in config.toml
  3  the data directory is in use by another process
  4  the data directory was written by a newer hutong
  5  the given file cannot be used
  6  wrong passphrase
  7  no node is running on this data directory

Environment: HUTONG_DATA_DIR, HUTONG_LISTEN, HUTONG_WEB, RUST_LOG.
Flags come before the environment, that before DATA_DIR/config.toml, that before the defaults.";

/// The exit code of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed = 1,
    Usage = 2,
    InUse = 3,
    NewerSchema = 4,
    BadInput = 5,
    WrongPassphrase = 6,
    NotRunning = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not succeed. The message says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        // One line, whatever a library put into its message.
        let message: String = message.into();
        let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Self { exit, message: lines.join("; ") }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Exit::BadInput, message)
    }

    /// Another process has the data directory.
    pub(crate) fn in_use(data_dir: &Path) -> Self {
        let message = format!(
            "{} is in use by another process: stop that one, or choose another directory with --data-dir",
            data_dir.display()
        );
        Self::new(Exit::InUse, message)
    }

    /// The command needs a running node.
    pub(crate) fn not_running(data_dir: &Path) -> Self {
        let message = format!("no node is running on {}: start one with `hutong run`", data_dir.display());
        Self::new(Exit::NotRunning, message)
    }

    /// For `map_err`: the operating system refused what was being done with a file that the user did not name.
    pub(crate) fn io<'a>(doing: &'a str, path: &'a Path) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |error| Self::failed(format!("cannot {doing} {}: {error}", path.display()))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Locked { .. } => Exit::InUse,
            StoreError::NewerSchema { .. } => Exit::NewerSchema,
            _ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Own(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Command(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<WebError> for Failure {
    fn from(error: WebError) -> Self {
        let exit = if matches!(error, WebError::NotLoopback(_)) { Exit::Usage } else { Exit::Failed };
        Self::new(exit, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line() {
        let failure = Failure::failed("first\n  second\n\n");
        assert_eq!(failure.to_string(), "first; second");
    }

    #[test]
    fn store_errors_have_exit_codes_of_their_own() {
        let locked = StoreError::Locked { directory: "x".into() };
        assert_eq!(Failure::from(NodeError::from(locked)).exit, Exit::InUse);
        let newer = StoreError::NewerSchema { found: 9, supported: 1 };
        assert_eq!(Failure::from(NodeError::from(newer)).exit, Exit::NewerSchema);
        assert_eq!(Failure::from(StoreError::Full).exit, Exit::Failed);
    }

    #[test]
    fn the_help_names_every_code() {
        for code in 0..=7 {
            assert!(EXIT_CODES.contains(&format!("\n  {code}  ")), "{code}");
        }
    }
}
