//! Live events over one WebSocket.

use std::time::Duration;

use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};

use crate::support::Harness;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Long enough that only a hang is caught.
const SOON: Duration = Duration::from_secs(30);

pub(crate) async fn open(harness: &Harness, headers: &[(&'static str, String)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/api/events", harness.addr()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn open_as_browser(harness: &Harness, cookie: &str) -> Result<Socket, u16> {
    let origin = format!("http://{}", harness.host());
    open(harness, &[("origin", origin), ("cookie", cookie.to_owned())]).await
}

async fn next(socket: &mut Socket) -> Message {
    tokio::time::timeout(SOON, socket.next()).await.expect("an event in time").expect("an open socket").unwrap()
}

/// The next event of this type.
pub(crate) async fn event(socket: &mut Socket, kind: &str) -> Value {
    loop {
        if let Message::Text(text) = next(socket).await {
            let event: Value = serde_json::from_str(&text).unwrap();
            if event["type"] == kind {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn the_socket_needs_a_login_and_the_own_origin() {
    let harness = Harness::start().await;
    let cookie = harness.login().await;
    assert_eq!(open(&harness, &[]).await.unwrap_err(), 401);
    assert_eq!(open_as_browser(&harness, "__Host-hutong-1=x").await.unwrap_err(), 401);
    for origin in ["null", "http://evil.example", "http://localhost"] {
        let foreign = [("origin", origin.to_owned()), ("cookie", cookie.clone())];
        assert_eq!(open(&harness, &foreign).await.unwrap_err(), 403, "{origin}");
    }
    let cross = [("sec-fetch-site", "cross-site".to_owned()), ("cookie", cookie.clone())];
    assert_eq!(open(&harness, &cross).await.unwrap_err(), 403);
    assert!(open_as_browser(&harness, &cookie).await.is_ok());
    assert!(open(&harness, &[("authorization", format!("Bearer {}", harness.bearer))]).await.is_ok());
    assert_eq!(harness.get("/api/events").await.0, StatusCode::BAD_REQUEST, "not a WebSocket");
}

#[tokio::test]
async fn every_tab_hears_what_happens() {
    let harness = Harness::with_account().await;
    let cookie = harness.login().await;
    let mut tabs = Vec::new();
    for _ in 0..3 {
        tabs.push(open_as_browser(&harness, &cookie).await.unwrap());
    }
    let (status, group) = harness.post("/api/groups", &json!({ "name": "Strawberry lane" })).await;
    assert_eq!(status, StatusCode::CREATED);
    let chat = group["chat"].as_str().unwrap();
    harness.post(&format!("/api/chats/{chat}/messages"), &json!({ "text": "早上好" })).await;
    for tab in &mut tabs {
        let heard = event(tab, "message").await;
        assert_eq!((&heard["message"]["text"], &heard["message"]["mine"]), (&json!("早上好"), &json!(true)));
        let summary = event(tab, "chat").await;
        assert_eq!(summary["chat"]["last"]["text"], "早上好");
    }
}

#[tokio::test]
async fn logout_closes_the_sockets_of_that_session_only() {
    let harness = Harness::start().await;
    let (mine, other) = (harness.login().await, harness.login().await);
    let mut closed = open_as_browser(&harness, &mine).await.unwrap();
    let mut kept = open_as_browser(&harness, &other).await.unwrap();
    let logout = harness.anonymous(Method::DELETE, "/api/session").header("cookie", &mine).json(&json!({}));
    assert_eq!(logout.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert!(matches!(next(&mut closed).await, Message::Close(Some(frame)) if frame.reason == "logged out"));
    harness.post("/api/account", &json!({ "name": "Mei" })).await;
    event(&mut kept, "profile").await;
}

#[tokio::test]
async fn stopping_the_server_says_goodbye() {
    let harness = Harness::start().await;
    let cookie = harness.login().await;
    let mut socket = open_as_browser(&harness, &cookie).await.unwrap();
    let Harness { server, .. } = harness;
    server.stop().await;
    assert!(matches!(next(&mut socket).await, Message::Close(Some(frame)) if frame.reason == "stopping"));
}

#[tokio::test]
async fn windows_are_bounded() {
    let harness = Harness::start().await;
    let cookie = harness.login().await;
    let mut open_ones = Vec::new();
    for _ in 0..64 {
        open_ones.push(open_as_browser(&harness, &cookie).await.unwrap());
    }
    assert_eq!(open_as_browser(&harness, &cookie).await.unwrap_err(), 429);
}
