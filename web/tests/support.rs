//! A node with its server on free loopback ports, and clients for it.

use std::net::SocketAddr;

use hutong_node::handle::{Node, NodeConfig};
use hutong_web::{Server, WebConfig, serve};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A running node and its web server. The directory goes with it.
pub(crate) struct Harness {
    pub(crate) node: Node,
    pub(crate) server: Server,
    pub(crate) bearer: String,
    http: reqwest::Client,
    dir: TempDir,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::with_room(hutong_node::handle::BLOB_QUOTA_BYTES).await
    }

    /// With room for so many bytes of files.
    pub(crate) async fn with_room(blob_quota_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let node = NodeConfig { blob_quota_bytes, ..NodeConfig::loopback(dir.path()) };
        let node = Node::start(node).await.unwrap();
        let server = serve(node.clone(), config()).await.unwrap();
        let bearer = std::fs::read_to_string(server.api_token_path()).unwrap().trim().to_owned();
        // A redirect or a proxy would hide what the server says.
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { node, server, bearer, http, dir }
    }

    /// With an account called Mei.
    pub(crate) async fn with_account() -> Self {
        let harness = Self::start().await;
        let created = harness.post("/api/account", &serde_json::json!({ "name": "Mei" })).await;
        assert_eq!(created.0, StatusCode::CREATED, "{:?}", created.1);
        harness
    }

    /// Where everything is kept.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    pub(crate) fn host(&self) -> String {
        self.addr().to_string()
    }

    /// A request without any login.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.addr()))
    }

    /// A request of a script.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(&self.bearer)
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, body).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(method, path).json(body).send().await.unwrap()).await
    }

    /// Logs in as a browser does and returns the `Cookie` header to send.
    pub(crate) async fn login(&self) -> String {
        let response = self.try_login(&self.token()).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// A fresh one-time token, from the login link.
    pub(crate) fn token(&self) -> String {
        let url = self.server.login_url().unwrap();
        url.split_once("/#token=").unwrap().1.to_owned()
    }

    pub(crate) async fn try_login(&self, token: &str) -> Response {
        let body = serde_json::json!({ "token": token });
        self.anonymous(Method::POST, "/api/session").json(&body).send().await.unwrap()
    }

    /// Sends these bytes and returns everything that comes back until the server closes.
    pub(crate) async fn raw(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(self.addr()).await.unwrap();
        // The server may have answered and closed before it took everything.
        stream.write_all(request.as_ref()).await.ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A raw GET with these header lines besides `Host` and `Connection`; returns the status.
    pub(crate) async fn raw_get(&self, path: &str, lines: &str) -> u16 {
        let host = self.host();
        let answer =
            self.raw(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n")).await;
        status_of(&answer)
    }
}

/// A free loopback port.
pub(crate) fn config() -> WebConfig {
    WebConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), play: false }
}

/// The status of a raw answer.
pub(crate) fn status_of(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no HTTP: {answer:?}"))
}

/// The status and JSON of an answer; null if it has no body.
pub(crate) async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.bytes().await.unwrap();
    let json = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    if status.is_client_error() || status.is_server_error() {
        let message = json["message"].as_str().unwrap_or_default();
        assert!(json["code"].is_string() && message.ends_with('.'), "every error is a problem: {status} {json}");
    }
    (status, json)
}
