//! Who asks: a browser with a session, or a script with the bearer token.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    error::ApiError,
    session::{Secret, SessionHash, secret_from_cookies},
    state::AppState,
};

/// Proof that a request may use the node. Handlers take it as an argument; [`require`] has put it there.
#[derive(Clone, Debug)]
pub enum Auth {
    /// A browser that logged in.
    Session {
        /// Which session.
        hash: SessionHash,
        /// Its secret, to set the cookie anew.
        secret: Secret,
    },
    /// A script with the token of the data directory.
    Bearer,
}

impl<S: Send + Sync> FromRequestParts<S> for Auth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(ApiError::unauthorized)
    }
}

/// Everything below `/api` needs a login, but for these: to log in, and to ask whether the node lives.
///
/// Architecture invariant: a new route is closed until it is listed here, so none can be left open by mistake.
fn is_open(method: &Method, path: &str) -> bool {
    !path.starts_with("/api/")
        || matches!(
            (method, path),
            (&Method::POST, "/api/session") | (&Method::GET, "/api/health" | "/api/openapi.json")
        )
}

/// Puts [`Auth`] on a request, or refuses it.
pub(crate) async fn require(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    match identify(&state, request.headers()) {
        Some(auth) => {
            request.extensions_mut().insert(auth);
        }
        None if is_open(request.method(), request.uri().path()) => {}
        None => return ApiError::unauthorized().into_response(),
    }
    next.run(request).await
}

fn identify(state: &AppState, headers: &HeaderMap) -> Option<Auth> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // A wrong bearer token is refused even beside a good cookie: the script should hear of its mistake.
        let token = value.to_str().ok()?.strip_prefix("Bearer ")?;
        return state.is_bearer(token).then_some(Auth::Bearer);
    }
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let secret = secret_from_cookies(state.port(), cookies)?;
    state.find_session(&secret).map(|hash| Auth::Session { hash, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_closed_unless_listed() {
        assert!(is_open(&Method::GET, "/"));
        assert!(is_open(&Method::GET, "/assets/index.js"));
        assert!(is_open(&Method::POST, "/api/session"));
        assert!(is_open(&Method::GET, "/api/health"));
        for (method, path) in [
            (Method::GET, "/api/session"),
            (Method::POST, "/api/session/token"),
            (Method::POST, "/api/session/"),
            (Method::GET, "/api/events"),
            (Method::GET, "/api/anything"),
        ] {
            assert!(!is_open(&method, path), "{path}");
        }
    }
}
