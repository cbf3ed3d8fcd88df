//! `Json`, `Query`, `Path` and `IdempotencyKey`, whose rejections are [`Problem`](crate::error::Problem)s like every other error.

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::IntoParams;

use crate::{
    error::{ApiError, sentence},
    security::JSON_BYTES_MAX,
};

/// A JSON body, in or out.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        axum::Json::from_request(request, state).await.map(|axum::Json(value)| Self(value)).map_err(|rejection| {
            match rejection {
                JsonRejection::JsonDataError(error) => {
                    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", sentence(&error.body_text()))
                }
                other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(JSON_BYTES_MAX),
                other => ApiError::new(other.status(), "invalid_json", sentence(&other.body_text())),
            }
        })
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Parameters after the `?`.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| ApiError::new(rejection.status(), "invalid_query", sentence(&rejection.body_text())))
    }
}

/// Parts of the path. A path that cannot be read names nothing, so it is not found.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| ApiError::not_found("There is nothing at this address."))
    }
}

/// The header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a request that is sent again because its
/// answer was lost, or by a second tab, does its work once.
#[derive(Clone, Debug, Default, IntoParams)]
#[into_params(names("Idempotency-Key"), parameter_in = Header)]
pub struct IdempotencyKey(
    /// Chosen at random by the caller, and the same for each repetition: at most 64 characters.
    Option<String>,
);

impl IdempotencyKey {
    /// What the caller chose, if anything.
    #[must_use]
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let text = value.to_str().map_err(|_| ApiError::invalid("Idempotency-Key", "This key is not plain text."))?;
        Ok(Self(Some(text.to_owned())))
    }
}
