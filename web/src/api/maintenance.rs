//! Looking after the node, for the command line: only with the bearer token.

use std::io::Read as _;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use hutong_node::doctor;
use hutong_protocol::TimestampMs;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::Json,
    state::{AppState, now_ms},
};

/// How good a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckHealth {
    /// As it should be.
    Good,
    /// Worth knowing.
    Warning,
    /// Broken.
    Bad,
}

/// One check of the doctor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What was looked at: `records`, `files`, …
    pub check: String,
    /// How it is.
    pub health: CheckHealth,
    /// A sentence, which says what to do if it is not good.
    pub detail: String,
}

impl From<doctor::Finding> for Check {
    fn from(finding: doctor::Finding) -> Self {
        let health = match finding.health {
            doctor::Health::Good => CheckHealth::Good,
            doctor::Health::Warning => CheckHealth::Warning,
            doctor::Health::Bad => CheckHealth::Bad,
        };
        Self { check: finding.check.to_owned(), health, detail: finding.detail }
    }
}

/// Bytes of a backup sent at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(examine)).routes(routes!(reindex)).routes(routes!(backup))
}

fn command_line_only(auth: &Auth) -> ApiResult<()> {
    if matches!(auth, Auth::Bearer) {
        return Ok(());
    }
    let message = "Only the command line can do this: use `hutong doctor` or `hutong reindex`.";
    Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message))
}

/// Looks at everything on disk and changes nothing.
#[utoipa::path(post, path = "/api/maintenance/doctor", tag = "maintenance", responses(
    (status = 200, body = Vec<Check>),
    (status = 403, body = Problem),
))]
async fn examine(State(state): State<AppState>, auth: Auth) -> ApiResult<Json<Vec<Check>>> {
    command_line_only(&auth)?;
    let node = state.node().clone();
    let look =
        move || doctor::examine(&**node.store(), node.blobs(), node.data_dir(), TimestampMs(now_ms()), &mut |_| {});
    let looked = tokio::task::spawn_blocking(look).await.map_err(ApiError::internal)?;
    let (findings, _) = looked.map_err(ApiError::internal)?;
    Ok(Json(findings.into_iter().map(Check::from).collect()))
}

/// Builds the search index anew; answers when it is done. Searches meanwhile use the old one.
#[utoipa::path(post, path = "/api/maintenance/reindex", tag = "maintenance", responses(
    (status = 204, description = "Done"),
    (status = 403, body = Problem),
))]
async fn reindex(State(state): State<AppState>, auth: Auth) -> ApiResult<StatusCode> {
    command_line_only(&auth)?;
    state.node().reindex(|_, _| {}).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything that matters, in the clear: the command encrypts it before it reaches a disk. A stream that broke off has
/// no end mark, and is refused when it is to be restored.
#[utoipa::path(get, path = "/api/maintenance/backup", tag = "maintenance", responses(
    (status = 200, content_type = "application/octet-stream", description = "The backup, not encrypted"),
    (status = 403, body = Problem),
))]
async fn backup(State(state): State<AppState>, auth: Auth) -> ApiResult<Response> {
    command_line_only(&auth)?;
    let snapshot = state.node().backup().await?;
    let pieces = futures::stream::try_unfold(snapshot, |mut snapshot| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let most = u64::try_from(PIECE_BYTES).unwrap_or(u64::MAX);
            snapshot.by_ref().take(most).read_to_end(&mut piece).map(|_| (Bytes::from(piece), snapshot))
        });
        let (piece, snapshot) = read.await.map_err(std::io::Error::other)??;
        Ok::<_, std::io::Error>((!piece.is_empty()).then_some((piece, snapshot)))
    });
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], Body::from_stream(pieces)).into_response())
}
