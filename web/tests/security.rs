//! The defences, from outside.

use std::net::SocketAddr;

use hutong_web::{WebConfig, WebError, serve};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Harness, status_of};

#[tokio::test]
async fn only_loopback_addresses_are_served() {
    let harness = Harness::start().await;
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = serve(harness.node.clone(), WebConfig { listen, play: false }).await;
    assert!(matches!(refused, Err(WebError::NotLoopback(_))));
}

#[tokio::test]
async fn a_rebound_name_is_misdirected_on_every_path() {
    let harness = Harness::start().await;
    let port = harness.addr().port();
    let status = async |path: &str, host: &str| {
        let request = format!("GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        status_of(&harness.raw(&request).await)
    };
    for name in ["127.0.0.1", "localhost", "node.localhost", "[::1]"] {
        assert_eq!(status("/api/health", &format!("Host: {name}:{port}\r\n")).await, 200, "{name}");
    }
    for path in ["/", "/api/health", "/api/events", "/assets/x.js"] {
        for host in ["evil.example", &format!("evil.example:{port}"), "127.0.0.1", "127.0.0.1:1", "x.node.localhost"] {
            assert_eq!(status(path, &format!("Host: {host}\r\n")).await, 421, "{path} {host}");
        }
        let twice = format!("Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n");
        assert!([400, 421].contains(&status(path, &twice).await), "two hosts");
        let line = format!("http://evil.example{path}");
        assert_eq!(status(&line, &format!("Host: 127.0.0.1:{port}\r\n")).await, 421, "{line}");
    }
    assert!([400, 421].contains(&status("/", "").await), "no host");
}

#[tokio::test]
async fn a_foreign_page_is_refused_even_with_a_login() {
    let harness = Harness::start().await;
    let cookie = harness.login().await;
    let (host, port) = (harness.host(), harness.addr().port());
    let upgrade = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for origin in [
        "null".to_owned(),
        "http://evil.example".to_owned(),
        format!("http://evil.example:{port}"),
        format!("https://{host}"),
        format!("http://localhost:{port}"), // another name of this server is another origin
        format!("http://app.node.localhost:{port}"),
    ] {
        let lines = format!("Origin: {origin}\r\nCookie: {cookie}\r\n");
        assert_eq!(harness.raw_get("/api/session", &lines).await, 403, "{origin}");
        assert_eq!(harness.raw_get("/", &lines).await, 403, "{origin}");
        assert_eq!(harness.raw_get("/api/events", &format!("{lines}{upgrade}")).await, 403, "{origin}");
        let bearer = format!("Origin: {origin}\r\nAuthorization: Bearer {}\r\n", harness.bearer);
        assert_eq!(harness.raw_get("/api/session", &bearer).await, 403, "{origin}");
    }
    for site in ["cross-site", "same-site"] {
        let lines = format!("Sec-Fetch-Site: {site}\r\nCookie: {cookie}\r\n");
        assert_eq!(harness.raw_get("/api/session", &lines).await, 403, "{site}");
        assert_eq!(harness.raw_get("/api/blobs/x", &lines).await, 403, "{site}: pictures carry no origin");
        assert_eq!(harness.raw_get("/api/events", &format!("{lines}{upgrade}")).await, 403, "{site}");
    }
    for site in ["same-origin", "none"] {
        let lines = format!("Sec-Fetch-Site: {site}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\n");
        assert_eq!(harness.raw_get("/api/session", &lines).await, 200, "{site}");
    }
}

#[tokio::test]
async fn forms_and_other_simple_requests_are_refused() {
    let harness = Harness::start().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = harness.request(Method::POST, "/api/account").header("content-type", kind);
        let response = request.body(r#"{"name":"Eve"}"#).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let response = harness.request(method.clone(), "/api/session").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{method} without a type");
    }
    assert_eq!(harness.get("/api/session").await.1["account"], json!(null), "nothing was done");
}

#[tokio::test]
async fn there_is_no_cors() {
    let harness = Harness::start().await;
    let answer = harness
        .raw(&format!(
            "OPTIONS /api/session HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n",
            harness.host()
        ))
        .await;
    assert_ne!(status_of(&answer), 200);
    assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
}

#[tokio::test]
async fn every_response_carries_the_headers() {
    let harness = Harness::start().await;
    let host = harness.host();
    let requests = [
        format!("GET / HTTP/1.1\r\nHost: {host}\r\n"),
        format!("GET /chats HTTP/1.1\r\nHost: {host}\r\n"),
        format!("GET /missing.js HTTP/1.1\r\nHost: {host}\r\n"),
        format!("GET /api/health HTTP/1.1\r\nHost: {host}\r\n"),
        format!("GET /api/openapi.json HTTP/1.1\r\nHost: {host}\r\n"),
        format!("GET /api/session HTTP/1.1\r\nHost: {host}\r\n"),
        format!("GET /api/nothing HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n", harness.bearer),
        format!("POST /api/health HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 0\r\n"),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 0\r\n"),
        format!("POST /api/session HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: null\r\n"),
        "GET / HTTP/1.1\r\nHost: evil.example\r\n".to_owned(),
    ];
    for request in requests {
        let answer = harness.raw(&format!("{request}Connection: close\r\n\r\n")).await;
        let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        for wanted in [
            "\r\ncontent-security-policy: default-src 'none'; script-src 'self';",
            "frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
            "require-trusted-types-for 'script'; trusted-types svelte-trusted-html",
            "\r\ncross-origin-opener-policy: same-origin",
            "\r\ncross-origin-resource-policy: same-origin",
            "\r\nx-content-type-options: nosniff",
            "\r\nreferrer-policy: no-referrer",
            "\r\nx-frame-options: deny",
            "\r\npermissions-policy: camera=(self), clipboard-write=(self), geolocation=(self), microphone=(self), payment=(), usb=()",
        ] {
            assert!(head.contains(wanted), "{wanted} is missing from the answer to {request}: {head}");
        }
        assert!(!head.contains("unsafe-inline") && !head.contains("\r\nserver:"), "{head}");
        if request.contains(" /api/") {
            assert!(head.contains("\r\ncache-control: no-store"), "{request}: {head}");
        }
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_to_the_byte_declared_or_not() {
    let harness = Harness::start().await;
    let limit = 1024 * 1024;
    let body = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    for (bytes, status) in [(limit, StatusCode::UNPROCESSABLE_ENTITY), (limit + 1, StatusCode::PAYLOAD_TOO_LARGE)] {
        let request = harness.request(Method::POST, "/api/links").header("content-type", "application/json");
        // The server may answer and close before the body is sent; what it said must still arrive.
        let response = request.body(body(bytes)).send().await.unwrap();
        assert_eq!(response.status(), status, "{bytes} declared");

        let chunk = body(bytes);
        let answer = harness
            .raw(&format!(
                "POST /api/links HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{bytes:x}\r\n{chunk}\r\n0\r\n\r\n",
                harness.host(),
                harness.bearer
            ))
            .await;
        assert_eq!(status_of(&answer), status.as_u16(), "{bytes} in chunks");
    }
    // Refused by its announcement alone: not a byte of the body was sent.
    let announced = |path: &str, kind: &str, bytes: u64| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {bytes}\r\n\r\n",
            harness.host()
        )
    };
    for (path, kind, limit) in [
        ("/api/links", "application/json", 1024 * 1024),
        ("/api/blobs", "image/png", 16 * 1024 * 1024),
        ("/api/store/import", "multipart/form-data; boundary=x", 512 * 1024 * 1024),
    ] {
        assert_eq!(status_of(&harness.raw(&announced(path, kind, limit + 1)).await), 413, "{path}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_ui_or_the_blobs() {
    let harness = Harness::start().await;
    let secret = harness.bearer.clone();
    for path in [
        "/../../../../etc/passwd",
        "/assets/../../Cargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fapi-token",
        "/assets/..%5c..%5capi-token",
        "//etc/passwd",
        "/./../api-token",
        "/api/blobs/../../api-token",
        "/api/blobs/..%2f..%2fapi-token",
        "/api/blobs/%2e%2e%2fapi-token",
        "/api/../api-token",
    ] {
        let lines = format!("Authorization: Bearer {secret}\r\n");
        let host = harness.host();
        let answer =
            harness.raw(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n")).await;
        assert!(!answer.contains("root:") && !answer.contains("[package]"), "{path}: {answer}");
        assert!(!answer.contains(&secret), "{path}: {answer}");
        let is_start_page = status_of(&answer) == 200 && answer.contains("<!doctype html>");
        assert!(status_of(&answer) == 404 || is_start_page, "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_ui_is_served_with_types_caching_and_compression() {
    let harness = Harness::start().await;
    let page = harness.anonymous(Method::GET, "/contacts/add").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["cache-control"], "no-cache");
    let tag = page.headers()["etag"].clone();
    let again = harness.anonymous(Method::GET, "/").header("if-none-match", tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);

    let zipped = harness.anonymous(Method::GET, "/api/openapi.json").header("accept-encoding", "gzip");
    let zipped = zipped.send().await.unwrap();
    assert_eq!(zipped.headers()["content-encoding"], "gzip");

    let missing = harness.anonymous(Method::GET, "/assets/gone-12345678.js").send().await.unwrap();
    assert_eq!(missing.status(), StatusCode::NOT_FOUND, "an old page must not get a page for its script");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_problem_too() {
    let harness = Harness::with_account().await;
    for (body, status) in [("{", 400), ("", 400), ("[]", 422), (r#"{"uri":1}"#, 422), ("\u{0}", 400)] {
        let request = harness.request(Method::POST, "/api/links").header("content-type", "application/json");
        let (answered, _) = crate::support::answer(request.body(body).send().await.unwrap()).await;
        assert_eq!(answered.as_u16(), status, "{body:?}");
    }
    assert_eq!(harness.get("/api/contacts/not-an-id").await.0, StatusCode::NOT_FOUND);
    assert_eq!(harness.get("/api/nothing").await.0, StatusCode::NOT_FOUND);
    assert_eq!(harness.get("/api/search?limit=many").await.0, StatusCode::BAD_REQUEST);
    let (wrong, _) = harness.send(Method::PUT, "/api/contacts", &json!({})).await;
    assert_eq!(wrong, StatusCode::METHOD_NOT_ALLOWED);
}
