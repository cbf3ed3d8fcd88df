//! Pictures through the API.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Harness, answer, status_of};

/// A PNG of this size as far as anybody looks, with some bytes behind.
fn png(width: u32, height: u32, more: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend((0..more).map(|index| index as u8));
    bytes
}

async fn upload(harness: &Harness, kind: &str, bytes: Vec<u8>) -> (StatusCode, serde_json::Value) {
    let request = harness.request(Method::POST, "/api/blobs").header("content-type", kind).body(bytes);
    answer(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_picture_comes_back_whole_in_parts_and_not_at_all_when_known() {
    let harness = Harness::with_account().await;
    let bytes = png(800, 600, 200_000);
    // The declared type is not believed.
    let (status, blob) = upload(&harness, "image/jpeg", bytes.clone()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!((&blob["media_type"], &blob["size"]), (&json!("image/png"), &json!(bytes.len())));
    let path = format!("/api/blobs/{}", blob["hash"].as_str().unwrap());

    let whole = harness.request(Method::GET, &path).send().await.unwrap();
    let headers = whole.headers().clone();
    assert_eq!(headers["content-type"], "image/png");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["content-security-policy"], "default-src 'none'; sandbox");
    assert_eq!(headers["cache-control"], "private, max-age=31536000, immutable");
    assert!(headers.get("content-encoding").is_none());
    assert_eq!(whole.bytes().await.unwrap(), bytes);

    let part = harness.request(Method::GET, &path).header("range", "bytes=100000-100009").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], format!("bytes 100000-100009/{}", bytes.len()).as_str());
    assert_eq!(part.bytes().await.unwrap(), bytes[100_000..100_010]);
    let behind = harness.request(Method::GET, &path).header("range", "bytes=999999-").send().await.unwrap();
    assert_eq!(answer(behind).await.0, StatusCode::RANGE_NOT_SATISFIABLE);

    let head = harness.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], bytes.len().to_string().as_str());
    let known = harness.request(Method::GET, &path).header("if-none-match", &headers["etag"]).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);

    let profile = json!({ "picture": blob["hash"] });
    let (status, account) = harness.send(Method::PATCH, "/api/account/profile", &profile).await;
    assert_eq!((status, &account["picture"]), (StatusCode::OK, &blob["hash"]));
    let (_, cleared) = harness.send(Method::PATCH, "/api/account/profile", &json!({ "picture": null })).await;
    assert_eq!(cleared["picture"], json!(null));
}

#[tokio::test]
async fn what_is_no_picture_is_not_kept() {
    let harness = Harness::start().await;
    for (kind, bytes) in [
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec()),
        ("image/png", b"<!doctype html><script>alert(1)</script>".to_vec()),
        ("image/png", Vec::new()),
        ("image/png", png(800, 600, 0)[..20].to_vec()),
        ("image/png", png(60_000, 60_000, 10)),
        ("image/png", png(0, 0, 10)),
    ] {
        assert_eq!(upload(&harness, kind, bytes).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    assert_eq!(harness.get("/api/network").await.1["store"]["blobs"], json!(0));
}

#[tokio::test]
async fn the_largest_picture_fits_and_one_byte_more_does_not() {
    let harness = Harness::start().await;
    let limit = 16 * 1024 * 1024;
    let head = png(1, 1, 0).len();
    assert_eq!(upload(&harness, "image/png", png(1, 1, limit - head)).await.0, StatusCode::CREATED);
    // Without a length that could be refused beforehand.
    let body = png(1, 1, limit - head + 1);
    let mut request = format!(
        "POST /api/blobs HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        harness.host(),
        harness.bearer,
        body.len()
    )
    .into_bytes();
    request.extend(body);
    request.extend(b"\r\n0\r\n\r\n");
    assert_eq!(status_of(&harness.raw(request).await), 413);
}

#[tokio::test]
async fn a_file_that_is_not_here_says_so() {
    let harness = Harness::start().await;
    assert_eq!(harness.get(&format!("/api/blobs/{}", "a".repeat(52))).await.0, StatusCode::NOT_FOUND);
    assert_eq!(harness.get("/api/blobs/short").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_stored_file_that_is_no_picture_is_only_downloaded() {
    let harness = Harness::start().await;
    // As an attachment of a peer may be.
    let hash = harness.node.blobs().import(b"<!doctype html><script>alert(1)</script>").unwrap();
    let response = harness.request(Method::GET, &format!("/api/blobs/{hash}")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    assert_eq!(response.headers()["content-disposition"], "attachment");
    assert_eq!(response.headers()["content-security-policy"], "default-src 'none'; sandbox");
}
