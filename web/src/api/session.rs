//! Login and logout of a browser; who is logged in.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use hutong_node::account;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::common::Id;
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::Json,
    session::{LoginError, set_cookie},
    state::AppState,
    views::Views,
};

/// The one-time token from the login link's fragment.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct Login {
    /// The token.
    pub token: String,
}

/// A fresh one-time login link, for the command line and scripts.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginLink {
    /// Open this in a browser within ten minutes; it works once.
    pub url: String,
}

/// What a browser needs to know first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The node's account; `null` until one is founded.
    #[schema(required)]
    pub account: Option<Id>,
    /// Whether the recovery phrase was confirmed.
    pub phrase_confirmed: bool,
    /// The node's version.
    pub version: String,
    /// Whether this is a demonstration with play money.
    pub play: bool,
}

/// The node answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    pub status: String,
    /// The node's version.
    pub version: String,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(login, session, logout)).routes(routes!(login_link)).routes(routes!(health))
}

/// Logs a browser in with the one-time token of the link.
#[utoipa::path(post, path = "/api/session", tag = "session", request_body = Login, responses(
    (status = 204, description = "Logged in; the cookie is set"),
    (status = 401, body = Problem),
    (status = 429, body = Problem),
), security(()))]
async fn login(State(state): State<AppState>, Json(login): Json<Login>) -> ApiResult<Response> {
    match state.login(login.token.trim()).map_err(ApiError::internal)? {
        Ok(secret) => Ok((StatusCode::NO_CONTENT, cookie(set_cookie(state.port(), Some(&secret)))).into_response()),
        Err(LoginError::Refused) => {
            let message = "This login link was used already or is too old. Get a new one from your node.";
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "login_refused", message))
        }
        Err(LoginError::TooMany(seconds)) => {
            let message = format!("Too many wrong login links. Wait {seconds} seconds and try again.");
            Err(ApiError::too_many(message).retry_after(seconds))
        }
    }
}

/// Who is logged in, and how far the node is set up.
#[utoipa::path(get, path = "/api/session", tag = "session", responses(
    (status = 200, body = Session),
    (status = 401, body = Problem),
))]
async fn session(State(state): State<AppState>, auth: Auth) -> ApiResult<Response> {
    let (version, play) = (state.version().to_owned(), state.play());
    let look = move |views: &Views<'_>| {
        let phrase_confirmed = account::view::phrase_confirmed(views.read)?;
        Ok(Session { account: views.me.map(Into::into), phrase_confirmed, version, play })
    };
    let session = state.view(look).await?;
    Ok(match auth {
        // A browser that comes back stays logged in for another month.
        Auth::Session { secret, .. } => {
            (cookie(set_cookie(state.port(), Some(&secret))), Json(session)).into_response()
        }
        Auth::Bearer => Json(session).into_response(),
    })
}

/// Logs this browser out, in all its tabs.
#[utoipa::path(delete, path = "/api/session", tag = "session", responses(
    (status = 204, description = "Logged out"),
    (status = 401, body = Problem),
))]
async fn logout(State(state): State<AppState>, auth: Auth) -> Response {
    if let Auth::Session { hash, .. } = auth {
        state.logout(&hash);
    }
    (StatusCode::NO_CONTENT, cookie(set_cookie(state.port(), None))).into_response()
}

/// Makes a new one-time login link. Only with the bearer token: a page that is logged in cannot invite others.
#[utoipa::path(post, path = "/api/session/token", tag = "session", responses(
    (status = 201, body = LoginLink),
    (status = 401, body = Problem),
    (status = 403, body = Problem),
))]
async fn login_link(State(state): State<AppState>, auth: Auth) -> ApiResult<(StatusCode, Json<LoginLink>)> {
    if !matches!(auth, Auth::Bearer) {
        let message = "Only the command line can make a login link.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    let url = state.login_url().map_err(ApiError::internal)?;
    Ok((StatusCode::CREATED, Json(LoginLink { url })))
}

/// Whether the node lives. Says nothing about its owner.
#[utoipa::path(get, path = "/api/health", tag = "session", responses((status = 200, body = Health)), security(()))]
async fn health(State(state): State<AppState>) -> Json<Health> {
    Json(Health { status: "ok".to_owned(), version: state.version().to_owned() })
}

fn cookie(value: String) -> AppendHeaders<[(header::HeaderName, String); 1]> {
    AppendHeaders([(header::SET_COOKIE, value)])
}
