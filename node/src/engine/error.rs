//! Whose fault it was.

use hutong_protocol::record::RecordError;

use crate::store::StoreError;

/// Our own failure: the store's, or damage found in it. Never a peer's fault, never shown with internals.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EngineError {
    /// The store could not read or write.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something in the store does not read as what was written.
    #[error("the store is damaged ({0}); keep a copy of the data directory, then restore the newest backup")]
    Damaged(String),
}

impl From<RecordError> for EngineError {
    fn from(error: RecordError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<hutong_protocol::codec::CodecError> for EngineError {
    fn from(error: hutong_protocol::codec::CodecError) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// Why a record was not accepted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Reject {
    /// A provable fault of whoever made it: wrong signature, over a limit, a rule broken. It is not spread, and whoever
    /// sent it is marked down.
    #[error("{0}")]
    Fault(RecordError),
    /// A provable fault against a rule that needed the store to judge.
    #[error("{0}")]
    Rule(&'static str),
    /// Nobody's fault, but of no use here: an older version, a blocked author.
    #[error("{0}")]
    Unwanted(&'static str),
    /// Not taken from this author, whatever it is: blocked, or a revoked device.
    #[error("{0}")]
    Barred(&'static str),
    /// It may become acceptable: a request not answered yet, a record whose causes are missing. The sender keeps it.
    #[error("{0}")]
    Later(&'static str),
    /// Our own failure.
    #[error(transparent)]
    Own(#[from] EngineError),
}

impl From<RecordError> for Reject {
    fn from(error: RecordError) -> Self {
        Self::Fault(error)
    }
}

impl From<StoreError> for Reject {
    fn from(error: StoreError) -> Self {
        Self::Own(error.into())
    }
}

/// What gossip does with a message, and what it means for the peer's score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Spread it.
    Accept,
    /// Do not spread it; nobody's fault.
    Ignore,
    /// Do not spread it; the sender should have known.
    Reject,
}

impl Reject {
    /// `Reject` only for a provable fault; our own failures are never the peer's.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::Fault(_) | Self::Rule(_) => Verdict::Reject,
            Self::Unwanted(_) | Self::Barred(_) | Self::Later(_) | Self::Own(_) => Verdict::Ignore,
        }
    }
}

/// Why something that the user (or a script) asked for was not done. `code` is stable, for programs; `message` is a
/// sentence for people that says what to do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandError {
    /// Refused, with nothing changed.
    #[error("{message}")]
    Refused {
        /// Stable, in `snake_case`.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// Refused for now, with nothing changed.
    #[error("{message}")]
    Wait {
        /// Stable, in `snake_case`.
        code: &'static str,
        /// For people.
        message: String,
        /// After so many seconds it may be asked again.
        seconds: u64,
    },
    /// The thing asked for is not here.
    #[error("{0} is not known here")]
    NotFound(&'static str),
    /// Our own failure.
    #[error(transparent)]
    Own(#[from] EngineError),
}

impl CommandError {
    /// A refusal.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Own(error.into())
    }
}

/// Publishing one's own record failed its own rules: what was asked for is not possible.
impl From<Reject> for CommandError {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::Own(error) => Self::Own(error),
            other => Self::refused("invalid", other.to_string()),
        }
    }
}

impl From<RecordError> for CommandError {
    fn from(error: RecordError) -> Self {
        Self::refused("invalid", error.to_string())
    }
}

impl From<hutong_protocol::codec::CodecError> for CommandError {
    fn from(error: hutong_protocol::codec::CodecError) -> Self {
        Self::refused("invalid", error.to_string())
    }
}
