//! The HTTP server: binds, assembles the layers, stops gracefully.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use hutong_node::handle::Node;
use tokio::{net::TcpListener, task::JoinHandle};
use tower_http::compression::CompressionLayer;

use crate::{
    api, auth,
    error::ApiError,
    pump,
    security::{self, Hosts, JSON_BYTES_MAX},
    state::{AppState, api_token_path},
    ui,
};

/// How long open requests may go on after the server was told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// What the server needs to know.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// Where to listen: a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether this is a demonstration with play money.
    pub play: bool,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Somebody else could reach it.
    #[error(
        "the web address {0} is not on this machine: use 127.0.0.1 or [::1], and a tunnel to reach it from elsewhere"
    )]
    NotLoopback(SocketAddr),
    /// The port is taken or not allowed.
    #[error("cannot listen on {addr}: choose another port with --web ({source})")]
    Bind {
        /// Where.
        addr: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the data directory cannot be used.
    #[error("cannot use {path}: check that you own it and that the disk is not full ({source})")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The token file holds something else.
    #[error("{path} does not hold a token: delete it and a new one is made")]
    Token {
        /// Which.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers ({0})")]
    Random(getrandom::Error),
}

/// A running server. Dropping it stops it at once; [`Server::stop`] lets open requests finish.
pub struct Server {
    addr: SocketAddr,
    state: AppState,
    task: JoinHandle<()>,
    events: JoinHandle<()>,
}

/// Starts the server for a running node.
///
/// # Errors
/// [`WebError`] says what to do.
pub async fn serve(node: Node, config: WebConfig) -> Result<Server, WebError> {
    if !config.listen.ip().is_loopback() {
        return Err(WebError::NotLoopback(config.listen));
    }
    let failed = |source| WebError::Bind { addr: config.listen, source };
    let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let state = AppState::new(node, &config, addr.port())?;
    let app = router(state.clone());
    let events = tokio::spawn(pump::run(state.clone()));
    let mut stop = state.stopping();
    let task = tokio::spawn(async move {
        let stopped = async move { api::events::stopped(&mut stop).await };
        if let Err(error) = axum::serve(listener, app).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the web server ended");
        }
    });
    tracing::info!(%addr, "web server started");
    Ok(Server { addr, state, task, events })
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A fresh link that logs a browser in once, within ten minutes.
    ///
    /// # Errors
    /// [`WebError::Random`] if the system gives no random numbers.
    pub fn login_url(&self) -> Result<String, WebError> {
        self.state.login_url().map_err(WebError::Random)
    }

    /// The file with the bearer token for scripts.
    #[must_use]
    pub fn api_token_path(&self) -> PathBuf {
        api_token_path(self.state.node().data_dir())
    }

    /// Stops: no new requests, event sockets are closed, open requests get a few seconds.
    pub async fn stop(mut self) {
        self.state.stop();
        if tokio::time::timeout(STOP_WITHIN, &mut self.task).await.is_err() {
            tracing::warn!("open web requests were cut off");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stop();
        self.task.abort();
        self.events.abort();
    }
}

/// Everything, from the outside in: headers and the rules of `security`, login, compression, routes.
fn router(state: AppState) -> Router {
    let hosts = Hosts::new(state.port());
    let (api, _) = api::router().split_for_parts();
    let api = api.merge(api::openapi_route()).method_not_allowed_fallback(wrong_method);
    api.fallback(ui::serve)
        .layer(CompressionLayer::new())
        .layer(DefaultBodyLimit::max(usize::try_from(JSON_BYTES_MAX).unwrap_or(usize::MAX)))
        .layer(middleware::from_fn_with_state(state.clone(), auth::require))
        .layer(middleware::from_fn_with_state(hosts, security::guard))
        .with_state(state)
}

async fn wrong_method() -> ApiError {
    let message = "This address does not take this method.";
    ApiError::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// Where the bearer token of the node with this data directory is, for commands that talk to a running node.
#[must_use]
pub fn token_path(data_dir: &Path) -> PathBuf {
    api_token_path(data_dir)
}
