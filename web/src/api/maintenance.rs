//! Looking after the node, for the command line: only with the bearer token.

use axum::{extract::State, http::StatusCode};
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

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(examine)).routes(routes!(reindex))
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
