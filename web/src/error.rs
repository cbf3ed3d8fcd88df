//! One error type that answers: every failure of the API becomes the same JSON.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hutong_node::{
    blob::BlobError,
    engine::{CommandError, EngineError},
    handle::NodeError,
    store::StoreError,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, in the same shape for every error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// For programs: `not_found`, `invalid`, …
    pub code: String,
    /// For people: a plain sentence that says what to do.
    pub message: String,
    /// The field at fault, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// After how many seconds to try again, if that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

/// An error on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<&'static str>,
    retry_after_s: Option<u64>,
}

impl ApiError {
    /// An error with this status, code and sentence.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after_s: None }
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 422: a field cannot be as it is.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self { field: Some(field), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message) }
    }

    /// 409: it cannot be done in the present state.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 401: log in first.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Please log in with the link that your node printed.")
    }

    /// 429: a bound was reached.
    pub fn too_many(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", message)
    }

    /// 413: more than `limit` bytes.
    pub fn too_large(limit: u64) -> Self {
        let message = format!("This is too large: at most {} KiB are accepted.", limit / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    /// 507: the owner's to mend.
    pub fn disk_full() -> Self {
        let message = "The disk or the room for files is full. Free some space; nothing that was confirmed is lost.";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", message)
    }

    /// 500. The cause goes to the log, never to the client.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        let message = "Something went wrong in the node; its log says what. Please try again.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// The same, with the field at fault.
    #[must_use]
    pub fn with_field(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// The same, telling the client when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, field) = (self.code.to_owned(), self.field.map(str::to_owned));
        let problem = Problem { code, message: self.message, field, retry_after_s: self.retry_after_s };
        let mut response = (self.status, Json(problem)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The one place where the node's errors become HTTP. Our own failures go to the log, never to the client, but for a
/// full disk, which its owner can mend.
impl From<NodeError> for ApiError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Command(error) => error.into(),
            NodeError::Blob(error) => error.into(),
            NodeError::Net(_) | NodeError::Stopped(_) => {
                tracing::warn!(%error, "the node could not answer");
                let message = "The node is stopping or has stopped. Start it again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", message)
            }
            other => Self::internal(other),
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Refused { code, message } => {
                let (status, field) = refusal(code);
                Self { field, ..Self::new(status, code, sentence(&message)) }
            }
            CommandError::Wait { code, message, seconds } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code, sentence(&message)).retry_after(seconds)
            }
            CommandError::NotFound(_) => Self::not_found(sentence(&error.to_string())),
            CommandError::Own(error) => error.into(),
        }
    }
}

/// Status and field of a refusal.
fn refusal(code: &str) -> (StatusCode, Option<&'static str>) {
    match code {
        "name_empty" => (StatusCode::UNPROCESSABLE_ENTITY, Some("name")),
        "word_wrong" | "word_missing" => (StatusCode::UNPROCESSABLE_ENTITY, Some("words")),
        "message_empty" | "message_too_long" => (StatusCode::UNPROCESSABLE_ENTITY, Some("text")),
        "invalid_attachments" => (StatusCode::UNPROCESSABLE_ENTITY, Some("attachments")),
        "invalid_location" => (StatusCode::UNPROCESSABLE_ENTITY, Some("location")),
        "too_many_uploads" => (StatusCode::TOO_MANY_REQUESTS, None),
        "not_contact" => (StatusCode::UNPROCESSABLE_ENTITY, Some("accounts")),
        "not_emoji" => (StatusCode::UNPROCESSABLE_ENTITY, Some("emoji")),
        "idempotency_key" => (StatusCode::UNPROCESSABLE_ENTITY, Some("Idempotency-Key")),
        code if code == "invalid" || code.starts_with("invalid_") => (StatusCode::UNPROCESSABLE_ENTITY, None),
        "not_allowed" | "not_above" | "not_member" | "banned" | "not_author" | "cannot_write" => {
            (StatusCode::FORBIDDEN, None)
        }
        _ => (StatusCode::CONFLICT, None),
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(StoreError::Full) => Self::disk_full(),
            other => Self::internal(other),
        }
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", sentence(&error.to_string()))
            }
            BlobError::Full => Self::disk_full(),
            BlobError::Absent => Self::not_found("This file is not here."),
            other => Self::internal(other),
        }
    }
}

/// Makes a sentence of an error's message: a capital at its beginning, a full stop at its end.
pub(crate) fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    let mut text: String = first.chain(chars).collect();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

/// What handlers return.
pub type ApiResult<T> = Result<T, ApiError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_sentence_with_a_fitting_status() {
        for (code, status, field) in [
            ("name_empty", 422, Some("name")),
            ("message_too_long", 422, Some("text")),
            ("invalid", 422, None),
            ("not_allowed", 403, None),
            ("cannot_write", 403, None),
            ("not_contact", 422, Some("accounts")),
            ("no_account", 409, None),
            ("some_new_code", 409, None),
        ] {
            let error = ApiError::from(CommandError::refused(code, "choose a name"));
            assert_eq!((error.status().as_u16(), error.code(), error.field), (status, code, field));
            assert_eq!(error.message, "Choose a name.");
        }
        let wait = CommandError::Wait { code: "slow_mode", message: "wait".into(), seconds: 7 };
        let response = ApiError::from(wait).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[header::RETRY_AFTER]),
            (429, &"7".parse().unwrap())
        );
        let error = ApiError::from(CommandError::NotFound("this group"));
        assert_eq!((error.status().as_u16(), error.message.as_str()), (404, "This group is not known here."));
    }

    #[test]
    fn our_own_failures_say_nothing_of_the_inside() {
        let error = ApiError::from(NodeError::Command(CommandError::Own(EngineError::Damaged("row a7".into()))));
        assert_eq!(error.status(), 500);
        assert!(!error.message.contains("a7") && !error.message.contains("damaged"), "{}", error.message);
        assert_eq!(ApiError::from(EngineError::Store(StoreError::Full)).status(), 507);
    }
}
